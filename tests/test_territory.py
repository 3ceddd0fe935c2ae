"""What a territory holds: hand-made maps with known hectares, edges through cells, nothing counted twice, nothing lost."""

from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import restorationsetup
import shapely
import shapely.affinity
from areasetup import asked as of_areas
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry
from territorysetup import (
    GRID,
    WHOLE,
    ages,
    alerts,
    area,
    asked,
    estimates,
    facts,
    flat_ha,
    geojson,
    gpkg,
    history,
    layers,
    outline,
    peat,
    register,
    report,
    some_alerts,
)
from wholereports import areas as report_of_areas

from detection.areas import LONLAT, project
from detection.context import Layer
from detection.errors import BadInput, GridMismatch
from detection.types import Grid
from jobs.overlays import Overlay
from jobs.reports.coverage import shares
from jobs.reports.form import as_csv
from jobs.reports.restoration.asked import RecoveryAsked, RegisterFile
from jobs.reports.territory.alerts import read_alerts
from jobs.reports.territory.asked import Checking, Maps, Outline, TerritoryReport
from jobs.reports.territory.change import Sums, gather, open_history
from jobs.reports.territory.checked import read_checked
from jobs.reports.territory.outline import grid_of, read_territory
from jobs.reports.territory.picture import Shown, periods
from jobs.reports.territory.restored import read_restoration
from jobs.reports.territory.trend import trend
from jobs.words import Words

KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>
<ExtendedData><Data name="code"><value>7</value></Data></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon>
</Placemark></Document></kml>"""
CORNERS = st.lists(st.tuples(st.floats(-3, 43), st.floats(-3, 53)), min_size=3, max_size=8)


def drawn(corners: list[tuple[float, float]]) -> BaseGeometry:
    """A polygon around points given in rows and columns."""
    return shapely.MultiPoint([area(r, c, r + 0.01, c + 0.01).centroid for r, c in corners]).convex_hull


def sums(shape: BaseGeometry, folder: Path, layer: Layer | None = None, grid: Grid = GRID) -> Sums:
    return gather(shape, grid, open_history(Maps(folder=folder)), layer, lambda *_: None)[0]


# ---- cells


@given(CORNERS)
@settings(max_examples=60, deadline=None)
def test_the_share_of_every_cell_is_that_of_its_square(corners: list[tuple[float, float]]) -> None:
    shape = drawn(corners)
    part = replace(GRID, shape=(12, 17)).window(3, 4, 12, 17)
    boxes = [[area(r, c, r + 1, c + 1, part) for c in range(17)] for r in range(12)]
    expected = shapely.area(shapely.intersection(np.array(boxes, object), shape)) / 900
    np.testing.assert_allclose(shares(shape, part), expected, atol=1e-9)


def test_an_edge_along_cells_and_a_hole_are_exact() -> None:
    shape = area(5, 5, 20, 20).difference(area(8, 8, 10, 10.25))
    made = shares(shape, GRID)
    assert made.sum() == pytest.approx(15 * 15 - 2 * 2.25, abs=1e-9)
    assert made[8, 10] == pytest.approx(0.75, abs=1e-9) and made[5, 5] == pytest.approx(1) and made[4, 5] == 0


@given(CORNERS, st.floats(0.05, 0.95), st.floats(0, np.pi))
@settings(max_examples=12, deadline=None)
def test_a_territory_in_two_parts_adds_up(
    tmp_path_factory: pytest.TempPathFactory, corners: list[tuple[float, float]], share: float, turn: float
) -> None:
    whole = drawn(corners)
    if whole.area < 900:
        return
    folder = tmp_path_factory.getbasetemp() / "split"
    if not folder.exists():
        history(folder)
    west, south, east, north = whole.bounds
    x, y = west + share * (east - west), south + share * (north - south)
    half = shapely.affinity.rotate(shapely.box(x - 1e4, y, x + 1e4, y + 1e4), turn, origin=(x, y), use_radians=True)
    parts = [sums(one, folder) for one in (whole.intersection(half), whole.difference(half))]
    all_of_it = sums(whole, folder)
    for name in ("watched", "never", "blind", "beyond"):
        assert sum(getattr(one, name) for one in parts) == pytest.approx(getattr(all_of_it, name), abs=1e-8)
    for loss, size in all_of_it.losses.items():
        assert sum(one.losses.get(loss, 0.0) for one in parts) == pytest.approx(size, abs=1e-8)
    for age, size in all_of_it.regrowth.items():
        assert sum(one.regrowth.get(age, 0.0) for one in parts) == pytest.approx(size, abs=1e-8)


# ---- maps


def test_every_hectare_of_a_map_made_by_hand_is_known(tmp_path: Path) -> None:
    found = facts(report(asked(tmp_path)))
    known = {
        ("territory", None): area(*WHOLE),
        ("never_forest", None): area(5, 30, 35, 31),
        ("not_seen", None): area(30, 40, 35, 45),
        ("loss_mapped", 2020): area(10, 10, 20, 20),
        ("loss_mapped", 2023): area(20, 10, 22, 20),
        ("loss_mapped_all_years", None): area(10, 10, 22, 20),
        ("loss_tree_cover_loss", None): area(12, 10, 20, 20),
        ("loss_degradation", None): area(10, 10, 12, 20),
        ("loss_peat_disturbance", None): area(20, 10, 22, 20),
        ("loss_by_mining", None): area(12, 10, 20, 20),
        ("regrowth", 2024): area(10, 10, 11, 16),
        ("regrowth_1_4", 2024): area(10, 10, 11, 14),
        ("regrowth_5_9", 2024): area(10, 10, 11, 12),
        ("peat", None): area(8, 18, 30, 24),
        ("loss_on_peat", None): area(10, 18, 22, 20),
    }
    for key, shape in known.items():
        assert found[key][0] == pytest.approx(flat_ha(shape), rel=2e-6), key
    assert found["loss_mapped", 2021][0] == 0 and found["not_on_map", None][0] == pytest.approx(0, abs=1e-9)
    seen = [found[name, None][0] for name in ("forest_watched", "never_forest", "not_seen", "not_on_map")]
    assert sum(seen) == pytest.approx(found["territory", None][0], rel=2e-6)


def test_an_outline_through_cells_counts_what_lies_within(tmp_path: Path) -> None:
    shape = shapely.Polygon(area(9.4, 12.3, 21.5, 19.7).exterior.coords[:3])
    found = facts(report(asked(tmp_path, area=outline(tmp_path, shape), checked=None, alerts=None)))
    assert found["territory", None][0] == pytest.approx(flat_ha(shape), rel=1e-5)
    assert found["loss_mapped", 2020][0] == pytest.approx(flat_ha(shape.intersection(area(10, 10, 20, 20))), rel=1e-5)


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "kml"])
def test_an_outline_is_the_same_from_any_file(tmp_path: Path, ending: str) -> None:
    shape, file = area(*WHOLE), tmp_path / f"one.{ending}"
    if ending == "gpkg":
        gpkg(file, [shape], [{"code": 7}])
    elif ending == "geojson":
        geojson(file, [shape], [{"code": 7.0}])
    else:
        ring = " ".join(f"{x},{y}" for x, y in project(shapely.segmentize(shape, 30), GRID.crs, LONLAT).exterior.coords)
        file.write_text(KML.format(ring=ring))
    made = read_territory(Outline(path=file, id_column="code", id="7"))
    assert made.hectares == pytest.approx(flat_ha(shape), rel=1e-6)
    assert project(made.shape, LONLAT, GRID.crs).symmetric_difference(shape).area < 1.0, "square metres"


def test_rows_of_one_id_are_one_territory_and_overlaps_count_once(tmp_path: Path) -> None:
    file = gpkg(
        tmp_path / "a.gpkg", [area(5, 5, 15, 15), area(10, 10, 20, 20), area(0, 0, 3, 3)], [{"code": c} for c in "aab"]
    )
    both = read_territory(Outline(path=file, id_column="code", id="a"))
    assert both.hectares == pytest.approx(flat_ha(area(5, 5, 15, 15).union(area(10, 10, 20, 20))), rel=1e-6)
    three = both.hectares + flat_ha(area(0, 0, 3, 3))
    assert read_territory(Outline(path=file)).hectares == pytest.approx(three, rel=1e-6), (
        "without an id all of the file"
    )


def test_a_long_straight_edge_stays_straight_where_it_was_drawn(tmp_path: Path) -> None:
    west = shapely.box(-69.6, -12.9, -69.5, -12.0)
    file = tmp_path / "b.geojson"
    file.write_text(f'{{"type":"Feature","properties":{{}},"geometry":{shapely.to_geojson(west)}}}')
    made = read_territory(Outline(path=file))
    edge = shapely.boundary(made.on("EPSG:32719"))
    middle = project(shapely.Point(-69.55, -12.9), LONLAT, "EPSG:32719")
    assert edge.distance(middle) < 0.05


def test_a_territory_outside_of_the_map_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"Tres Islas .*: lies outside of the maps of .*history; give a history of this place"
    ):
        report(asked(tmp_path, area=outline(tmp_path, area(200, 200, 220, 220))))


def test_what_lies_beyond_the_map_is_told(tmp_path: Path) -> None:
    shape = area(30, 40, 45, 60)
    made = facts(report(asked(tmp_path, area=outline(tmp_path, shape))))
    assert made["not_on_map", None][0] == pytest.approx(flat_ha(shape.difference(area(0, 0, 40, 50))), rel=1e-5)


def test_the_years_are_those_of_the_archive(tmp_path: Path) -> None:
    folder = history(tmp_path / "h")
    assert open_history(Maps(folder=folder)).years == range(2015, 2025)
    assert open_history(Maps(folder=folder, years=3)).years == range(2022, 2025)
    assert open_history(Maps(folder=folder, years=30, last_year=2023)).years == range(2015, 2024)
    with pytest.raises(BadInput, match="last_year 2030 lies outside of its archive, 2015 to 2024"):
        open_history(Maps(folder=folder, last_year=2030))
    bare = history(tmp_path / "bare", regrowth_age=None, change_type=None, driver=None)
    with pytest.raises(BadInput, match=r"no regrowth_age.tif says which year is the last; give `last_year`"):
        open_history(Maps(folder=bare))
    made = facts(report(asked(tmp_path, history=Maps(folder=bare, last_year=2023, years=1), checked=None)))
    assert made["loss_mapped_all_years", None][0] == pytest.approx(flat_ha(area(20, 10, 22, 20)), rel=2e-6)
    assert not any(name.startswith(("loss_tree", "regrowth", "loss_by")) for name, _ in made)


def test_losses_of_cells_that_cannot_be_spoken_of_do_not_count(tmp_path: Path) -> None:
    blind = layers()["segmented"]
    blind[10:20, 10:15] = 3  # too few looks
    made = facts(report(asked(tmp_path, history=Maps(folder=history(tmp_path / "h", segmented=blind)))))
    assert made["loss_mapped", 2020][0] == pytest.approx(flat_ha(area(10, 15, 20, 20)), rel=2e-6)


def test_rasters_of_different_grids_are_refused(tmp_path: Path) -> None:
    folder = history(tmp_path / "h")
    history(tmp_path / "other", grid=replace(GRID, resolution=20))
    (folder / "segmented.tif").write_bytes((tmp_path / "other" / "segmented.tif").read_bytes())
    with pytest.raises(GridMismatch, match="segmented.tif: lies on EPSG:32719@20m, loss_year.tif on EPSG:32719@30m"):
        open_history(Maps(folder=folder))


@pytest.mark.parametrize("kind", ["raster", "vector"])
def test_peat_is_counted_and_where_nothing_is_said_is_told(tmp_path: Path, kind: str) -> None:
    layer = peat(tmp_path / "peat.geojson")
    if kind == "raster":
        codes = np.full(GRID.shape, 255, np.uint8)
        codes[:, :30] = 0
        codes[8:30, 18:24] = 4
        path = tmp_path / "peat.tif"
        profile = {
            "driver": "GTiff",
            "count": 1,
            "dtype": "uint8",
            "nodata": 255,
            "crs": GRID.crs,
            "transform": GRID.transform,
        }
        with rasterio.open(path, "w", height=GRID.shape[0], width=GRID.shape[1], **profile) as raster:
            raster.write(codes, 1)
        layer = Layer(path=path, source="made by hand", version="1", equals=(4,))
    made = facts(report(asked(tmp_path, peat=layer)))
    assert made["peat", None][0] == pytest.approx(flat_ha(area(8, 18, 30, 24)), rel=2e-6)
    unsaid = flat_ha(area(5, 30, 35, 45)) if kind == "raster" else 0.0
    assert made["peat_not_said", None][0] == pytest.approx(unsaid, rel=2e-6)


def test_without_a_map_there_is_still_peat(tmp_path: Path) -> None:
    made = asked(tmp_path, history=None, checked=None, alerts=None, registers=())
    assert facts(report(made))["peat", None][0] == pytest.approx(flat_ha(area(8, 18, 30, 24)), rel=0.02)
    territory = read_territory(made.area)
    grid = grid_of(territory, None)
    assert (grid.crs, grid.resolution) == ("EPSG:32719", 30)
    assert shapely.box(*grid.bounds).covers(territory.on(grid.crs))


@pytest.mark.parametrize("step", [1, 3, 7])
def test_the_map_loses_no_change_in_thinning(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.reports.territory.change.step_of", lambda _: step)
    made = open_history(Maps(folder=history(tmp_path / "h")))
    _, found = gather(area(*WHOLE), GRID, made, None, lambda *_: None)
    assert periods(made.years) == (range(2015, 2018), range(2018, 2021), range(2021, 2025))
    for year, period in ((2020, 1), (2023, 2)):
        rows, columns = np.nonzero((layers()["loss_year"] == year) & (ages()[-1] == 0))
        inside = rows >= 5
        codes = found.codes[rows[inside] // step, columns[inside] // step]
        assert (codes >= Shown.LOSS + period).all()
    assert found.codes[0, 0] == Shown.OUTSIDE or step > 5
    assert step > 1 or (found.codes[10, 10:14] == Shown.REGROWTH).all(), "what stands is shown where it was lost"
    assert found.codes[34 // step, 42 // step] in (Shown.BLIND, Shown.STABLE)


# ---- the check of the map elsewhere


def test_an_estimate_is_the_map_corrected_with_both_errors(tmp_path: Path) -> None:
    made = facts(report(asked(tmp_path)))
    mapped = made["loss_mapped", 2020][0]
    spread = 1.959964 * sqrt((0.04 / 0.8) ** 2 + (0.05 / 0.5) ** 2)
    assert made["loss_estimated", 2020] == pytest.approx(
        (1.6 * mapped, 1.6 * mapped * exp(-spread), 1.6 * mapped * exp(spread))
    )
    value, low, high = made["loss_estimated_checked_years", None]
    assert value == pytest.approx(1.6 * made["loss_mapped_all_years", None][0])
    assert log(high / value) == pytest.approx(log(value / low)) == pytest.approx(spread)
    assert ("loss_estimated", 2021) not in made, "of nought nothing is estimated"


def test_years_that_nobody_checked_get_no_interval(tmp_path: Path) -> None:
    late = facts(report(asked(tmp_path, checked=Checking(path=estimates(tmp_path / "late.csv", first=2021)))))
    assert ("loss_estimated", 2020) not in late and ("loss_estimated", 2023) in late
    assert late["loss_estimated_checked_years", None][0] == pytest.approx(1.6 * late["loss_mapped", 2023][0])


def test_of_the_region_itself_the_estimate_is_that_of_the_report_of_areas(tmp_path: Path) -> None:
    """UA over PA is the estimated area over the mapped one; the interval is no narrower, for it knows no covariance."""
    (table,) = (one for one in report_of_areas(tmp_path).tables if one.name == "area_estimates")
    file = tmp_path / "area_estimates.csv"
    file.write_bytes(as_csv(table))
    names = [column.name for column in table.columns]
    row = next(dict(zip(names, row, strict=True)) for row in table.rows if row[3:5] == ("all", "loss"))
    made = read_checked(Checking(path=file))
    assert (made.first, made.last) == (of_areas(file).first.year, of_areas(file).last.year)
    one = made.of(row["map_area_ha"])
    assert one.value == pytest.approx(row["area_ha"], rel=1e-9)
    assert made.log_se >= row["se_ha"] / row["area_ha"] * (1 - 1e-9)


BROKEN = {
    "0.8,0.04,,0.05": "pa of 'loss' is '': no estimate follows from it; check more samples, or leave `checked` out",
    "0,0.04,0.5,0.05": "ua of 'loss' is '0': no estimate follows",
    "0.8,0,0.5,0": "no interval follows from its ci_level, period and standard errors; leave `checked` out",
    "0.8,x,0.5,0.1": "ua_se of 'loss' is 'x'",
}


@pytest.mark.parametrize(("row", "said"), BROKEN.items())
def test_accuracies_without_interval_are_refused_in_one_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_checked(Checking(path=estimates(tmp_path / "e.csv", row)))
    assert str(caught.value).startswith("e.csv: ") and said in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_that_is_another_is_refused(tmp_path: Path) -> None:
    file = estimates(tmp_path / "e.csv")
    with pytest.raises(
        BadInput, match="has 0 rows of class 'mining' for all strata, one is needed; classes are loss, no loss"
    ):
        read_checked(Checking(path=file, named="mining"))
    file.write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="has no column 'aoi_id'; give area_estimates.csv of a report of areas"):
        read_checked(Checking(path=file))
    with pytest.raises(BadInput, match="cannot be read as a table"):
        read_checked(Checking(path=tmp_path / "none.csv"))


def test_only_what_chance_would_seldom_bring_is_a_trend() -> None:
    assert trend([1, 2, 3, 4, 5, 6]) == "rises" and trend([9, 8, 7, 5, 4, 1]) == "falls"
    assert (
        trend([1, 2, 3, 4]) == "too few" and trend([3, 1, 4, 1, 5, 9, 2]) == "unclear" and trend([0.0] * 9) == "unclear"
    )


# ---- alerts


def test_alerts_count_as_far_as_they_lie_within_and_by_state(tmp_path: Path) -> None:
    found = facts(report(asked(tmp_path)))
    assert found["alerts_confirmed", None][0] == pytest.approx(flat_ha(area(10, 10, 14, 14)), rel=1e-3), "6 decimals"
    assert found["alerts_provisional", None][0] == pytest.approx(flat_ha(area(20, 43, 22, 45)), rel=2e-3)
    assert found["open_degradation", None][0] == found["alerts_provisional", None][0]
    for status in ("finished", "expired", "retracted", "rejected", "merged"):
        assert found[f"alerts_{status}", None][0] > 0
    assert "open_other" not in {name for name, _ in found}, "what was taken back is not open"


def test_alerts_are_the_same_from_either_file_and_in_any_order(tmp_path: Path) -> None:
    folder, territory = alerts(tmp_path / "a"), read_territory(outline(tmp_path))
    made = [read_alerts(folder / f"alerts.{ending}", territory, GRID.crs) for ending in ("parquet", "geojson")]
    turned = read_alerts(alerts(tmp_path / "b", some_alerts()[::-1]), territory, GRID.crs)
    assert [replace(one, file=folder) for one in made] == [replace(turned, file=folder)] * 2
    assert [one.code for one in made[0].alerts] == [f"CODE{n}-X" for n in (1, 0, 6, 5, 4, 3, 2)], "the newest first"
    assert made[0].alerts[0].utm.startswith("19S 4813") and not made[0].simulated and made[0].mmu_ha == 0.5


def test_alerts_of_two_halves_add_up(tmp_path: Path) -> None:
    folder, halves = alerts(tmp_path / "a"), (area(5, 5, 35, 12), area(5, 12, 35, 45))
    whole = read_alerts(folder, read_territory(outline(tmp_path)), GRID.crs)
    parts = [
        read_alerts(folder, read_territory(outline(tmp_path / f"{i}", one)), GRID.crs) for i, one in enumerate(halves)
    ]
    for one in whole.alerts:
        assert sum(a.hectares for part in parts for a in part.alerts if a.id == one.id) == pytest.approx(
            one.hectares, rel=1e-6
        )


def test_the_way_to_an_alert_is_told_from_the_nearest_place(tmp_path: Path) -> None:
    spots = [area(r, c, r + 0.01, c + 0.01).centroid for r, c in ((12, 60), (40, 12))]
    file = geojson(tmp_path / "towns.geojson", spots, [{"n": "Este"}, {"n": "Sur"}])
    towns = Overlay(name="towns", kind="settlement", path=file, source="hand", version="1", name_field="n")
    made = report(asked(tmp_path, overlays=(towns,)))
    (table,) = (one for one in made.tables if one.name == "territory_alerts")
    names = [column.name for column in table.columns]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}
    way, metres, _, kind, name = rows["CODE0-X"]["near"].split()
    assert (way, kind, name) == ("N", "settlement", "Sur")
    assert float(metres) == pytest.approx(28 * 30, rel=0.03), "rows of 30 m"
    assert rows["CODE1-X"]["near"].endswith("settlement Este")


# ---- restoration


def test_what_two_registers_claim_counts_once_in_any_order(tmp_path: Path) -> None:
    shapes = [area(20, 20, 30, 30), area(25, 25, 32, 32), area(30, 40, 38, 48)]
    some = (register(tmp_path / "one.geojson", shapes[:2]), register(tmp_path / "two.geojson", [shapes[0], shapes[2]]))
    territory = read_territory(outline(tmp_path))
    made = read_restoration(some, None, territory)
    inside = [one.intersection(area(*WHOLE)) for one in (shapes[0], shapes[1], shapes[0], shapes[2])]
    assert [one.hectares for one in made.areas] == pytest.approx([flat_ha(one) for one in inside], rel=1e-5)
    assert made.union_ha == pytest.approx(flat_ha(shapely.union_all(inside)), rel=1e-5)
    assert made.shared_ha == pytest.approx(flat_ha(shapes[0]), rel=1e-5)
    again = read_restoration(some[::-1], None, territory)
    assert again.areas == made.areas and again.union_ha == pytest.approx(made.union_ha, rel=1e-12)


def test_areas_elsewhere_or_beside_do_not_count_and_points_have_no_hectares(tmp_path: Path) -> None:
    shapes = [area(0, 0, 4, 4), area(5, 0, 10, 5), area(12, 12, 13, 13).centroid]
    made = read_restoration((register(tmp_path / "one.geojson", shapes),), None, read_territory(outline(tmp_path)))
    assert [one.id for one in made.areas] == ["R-2"] and (made.union_ha, made.unmeasured) == (0, 1)


def test_how_restored_areas_do_is_told_of_those_that_have_begun(tmp_path: Path) -> None:
    west, south, east, north = restorationsetup.GRID.bounds
    (tmp_path / "here").mkdir()
    place = Outline(path=gpkg(tmp_path / "here" / "a.gpkg", [shapely.box(west, south, east, north - 60)], [{"n": 1}]))
    told = restorationsetup.everything()
    file = restorationsetup.register(tmp_path / "all.geojson", *told)
    some = (RegisterFile(name="all", path=file),)
    asked_for = RecoveryAsked(history=restorationsetup.archive(tmp_path / "index"))
    made = read_restoration(some, asked_for, read_territory(place))
    courses = {one.id: one.course for one in made.areas}
    assert {name: courses[name] for name in ("back", "bare", "again", "forest")} == {
        "back": "recovering", "bare": "stalled", "again": "recleared", "forest": "untouched",
    }  # fmt: skip
    assert courses["later"] == "" and "far" not in courses and "tiny" not in courses, (
        "not begun, elsewhere, at the edge"
    )
    assert made.simulated and made.union_ha == pytest.approx(
        sum(one.hectares for one in made.areas if one.id != "later"), rel=1e-9
    )
    whole = report(TerritoryReport(area=place, registers=some, recovery=asked_for))
    text = " ".join((*whole.plain(Words("en")), *whole.unknown(Words("en"))))
    assert (
        "most of it was cleared again, 1 area" in text
        and "1 area is registered but has not begun; it is not counted." in text
    )
    assert whole.simulated and "A register says where" not in text


# ---- what is refused


def test_an_id_or_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no area has 'A-l' as code, did you mean `A-1`\?; there is A-1, B-2"):
        read_territory(outline(tmp_path, id="A-l"))
    with pytest.raises(BadInput, match=r"areas.gpkg: has no column 'id'; its columns are: "):
        read_territory(outline(tmp_path, id_column="id"))
    for said in ({"id": "a"}, {"id_column": "a"}):
        with pytest.raises(BadInput, match="only one of `id` and `id_column` is given; give both, or neither"):
            Outline(path=tmp_path / "a.gpkg", **said)


def test_a_point_is_no_territory(tmp_path: Path) -> None:
    file = geojson(tmp_path / "p.geojson", [area(*WHOLE).centroid], [{}])
    with pytest.raises(BadInput, match=r"p.geojson: row 1 is a Point; draw the territory as a polygon"):
        read_territory(Outline(path=file))


def test_alerts_that_are_not_there_or_no_alerts_are_refused(tmp_path: Path) -> None:
    territory = read_territory(outline(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        BadInput, match=r"empty: holds no alerts.parquet and no alerts.geojson; give the products of a job"
    ):
        read_alerts(tmp_path / "empty", territory, GRID.crs)
    with pytest.raises(
        BadInput, match="no such file or folder; check where the products of the job lie, or run it first"
    ):
        read_alerts(tmp_path / "nowhere", territory, GRID.crs)
    for name, content in (("a.geojson", "{"), ("b.geojson", '{"features": 3}'), ("c.parquet", "no")):
        (tmp_path / name).write_text(content)
        with pytest.raises(BadInput, match=rf"{name}: not readable as our Geo"):
            read_alerts(tmp_path / name, territory, GRID.crs)
    folder = alerts(tmp_path / "a")
    (tmp_path / "d.geojson").write_text((folder / "alerts.geojson").read_text().replace("short_code", "kode"))
    with pytest.raises(BadInput, match="d.geojson: has no column 'short_code'"):
        read_alerts(tmp_path / "d.geojson", territory, GRID.crs)
    (tmp_path / "e.geojson").write_text((folder / "alerts.geojson").read_text().replace('"provisional"', '"perhaps"'))
    with pytest.raises(BadInput, match="e.geojson: alert CODE1-X has status 'perhaps' since '2024-06-10'"):
        read_alerts(tmp_path / "e.geojson", territory, GRID.crs)


def test_what_does_not_go_together_is_refused_by_the_config(tmp_path: Path) -> None:
    where: dict[str, Any] = {"area": Outline(path=tmp_path / "a.gpkg")}
    with pytest.raises(BadInput, match="`checked` needs the map it is about; give `history`"):
        TerritoryReport(**where, checked=Checking(path=tmp_path / "a.csv"))
    zones = Overlay(name="zones", kind="zone", path=tmp_path / "a.gpkg", source="x", version="1")
    with pytest.raises(BadInput, match="a layer of kind zone is not used here; give settlement, river, road"):
        TerritoryReport(**where, overlays=(zones,))
    one = register(tmp_path / "r.geojson", [area(*WHOLE)])
    with pytest.raises(BadInput, match="two registers have one name; give each its own"):
        TerritoryReport(**where, registers=(one, one))
