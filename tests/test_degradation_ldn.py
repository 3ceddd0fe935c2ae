"""SDG 15.3.1 out of files: six rows of known fate, the manual's tables, any tiling, the PRAIS workbook, what is refused."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldnsetup import (
    CLEARED,
    CLEARED_LATE,
    FOREST,
    GRID,
    KEPT,
    NONE,
    POORER,
    REGROWN,
    RIVER,
    YEARS,
    asked,
    covers,
    productivity,
    rows_of,
    write,
)  # fmt: skip
from openpyxl import load_workbook

from detection.errors import BadInput, DetectionError
from detection.types import Grid
from jobs.reports.areas.strata import hectares
from jobs.reports.degradation.bests import NONE as NO_COUNTS
from jobs.reports.degradation.bests import best_of, merged
from jobs.reports.degradation.classmap import thinned
from jobs.reports.degradation.degradation import Condition
from jobs.reports.degradation.ldn import WORKBOOK, ldn_piece
from jobs.reports.degradation.ldn_asked import LandDegradation, Period, YearMap
from jobs.reports.degradation.ldn_maps import open_maps
from jobs.reports.degradation.ldn_wording import BY_CHANCE, NO_SOIL
from jobs.reports.degradation.neutrality import BRIGHT, DEGRADED, HOT, OUTSIDE, STABLE, UNKNOWN, WATER, count
from jobs.reports.degradation.patches import patches
from jobs.reports.degradation.productivity import (
    Dynamics,
    Productivity,
    changed,
    dynamics,
    mann_kendall,
    productive,
    state,
    tendency,
)
from jobs.reports.degradation.rules import SHIPPED, read_rules
from jobs.reports.rasters import open_yearly
from jobs.words import Words

HA = hectares(GRID)
EN, ES = Words("en"), Words("es")
TABLE_13 = """
    Improving Improving Stable   Increasing
    Improving Improving Degraded Increasing
    Improving Stable    Stable   Increasing
    Improving Stable    Degraded Increasing
    Improving Degrading Stable   Increasing
    Improving Degrading Degraded Moderate_decline
    Stable    Improving Stable   Stable
    Stable    Improving Degraded Stable
    Stable    Stable    Stable   Stable
    Stable    Stable    Degraded Stressed
    Stable    Degrading Stable   Moderate_decline
    Stable    Degrading Degraded Declining
    Degrading Improving Stable   Declining
    Degrading Improving Degraded Declining
    Degrading Stable    Stable   Declining
    Degrading Stable    Degraded Declining
    Degrading Degrading Stable   Declining
    Degrading Degrading Degraded Declining
"""
"""The manual's table 13 (reporting manual of PRAIS 4, 2026 round, SO 1-2), typed from it row by row."""
MEANS = {
    "Improving": Condition.IMPROVED,
    "Stable": Condition.STABLE,
    "Degrading": Condition.DEGRADED,
    "Degraded": Condition.DEGRADED,
}


def counted(question: LandDegradation, size: int = 512):
    return count(open_maps(question), read_rules(), size=size)


def test_the_combination_is_table_13() -> None:
    rows = [line.split() for line in TABLE_13.strip().splitlines()]
    golden = {tuple(MEANS[one] for one in row[:3]): Dynamics[row[3].upper()] for row in rows}
    assert dict(read_rules().combination) == golden and len(golden) == 18


def test_the_status_matrix_degrades_what_the_manual_says() -> None:
    """New degradation in the period, and what stayed as it was degraded; nothing else (SO 1-4, summary 1)."""
    matrix = np.array(read_rules().status_matrix)
    assert (matrix == -1).tolist() == [[True, True, False], [True, False, False], [True, False, False]]
    assert matrix[1, 1] == 0, "what never changed is stable"
    said = {block: status for block, (_, status) in read_rules().sources.items()}
    assert said == {"combination": "verified", "status_matrix": "secondary", "transitions": "secondary"}


def test_six_rows_of_known_fate(tmp_path: Path) -> None:
    found = counted(asked(tmp_path))
    cloud, hole = (KEPT, 1), (KEPT, 0)
    land = rows_of(HA, [KEPT, CLEARED, CLEARED_LATE, REGROWN, POORER], [hole])
    assert [found.land(place) for place in range(3)] == pytest.approx([land] * 3)
    baseline = [
        rows_of(HA, [CLEARED]),
        rows_of(HA, [KEPT, CLEARED_LATE, POORER], [hole, cloud]),
        rows_of(HA, [REGROWN]),
        HA[cloud] / 100,
    ]
    assert found.parts[0]["all"] == pytest.approx(baseline)
    degraded = rows_of(HA, [CLEARED, CLEARED_LATE, POORER])
    for status in found.status:
        assert status == pytest.approx(
            [degraded, rows_of(HA, [KEPT], [hole, cloud]), rows_of(HA, [REGROWN]), HA[cloud] / 100]
        )
    assert found.water[2015] == pytest.approx(rows_of(HA, [RIVER]))
    assert found.parts[2]["productivity"][0] == pytest.approx(rows_of(HA, [POORER]))
    assert found.changes[0][0, 2] == pytest.approx(rows_of(HA, [CLEARED])), "forest to crops"
    assert found.map[:, 3].tolist() == [STABLE, DEGRADED, DEGRADED, 3, WATER, DEGRADED]
    assert found.map[KEPT, :2].tolist() == [OUTSIDE, UNKNOWN]


def test_improved_in_every_part_is_less_than_in_any(tmp_path: Path) -> None:
    made = counted(asked(tmp_path, improved="every"))
    assert made.parts[0]["all"][2] == 0, "grown over with forest, but no richer"
    assert made.parts[0]["land_cover"][2] == pytest.approx(rows_of(HA, [REGROWN]))


def noisy(folder: Path, seed: int) -> LandDegradation:
    """A map of noise, wider than it is high, of several units, with soil."""
    rng = np.random.default_rng(seed)
    grid = Grid("EPSG:32719", 300_000, 8_600_100, 30, (11, 14))
    cover = {year: rng.choice([0, 1, 3, 7, 9], grid.shape).astype(np.uint8) for year in (2000, 2015, 2019, 2023)}
    maps = tuple(
        YearMap(year=year, path=write(folder / f"c{year}.tif", codes, grid, nodata=NONE))
        for year, codes in cover.items()
    )
    soil = [
        YearMap(
            year=year, path=write(folder / f"s{year}.tif", rng.uniform(20, 80, grid.shape).astype(np.float32), grid)
        )
        for year in cover
    ]
    series = (rng.normal(0.5, 0.2, (len(YEARS), *grid.shape)) + np.linspace(0, 0.3, 24)[:, None, None]).astype(
        np.float32
    )
    series[rng.random(series.shape) < 0.1] = np.nan
    yearly = write(folder / "y.tif", series, grid, names=[str(year) for year in YEARS])
    units = write(folder / "u.tif", rng.integers(0, 4, grid.shape).astype(np.int16), grid)
    return replace(asked(folder), cover=maps, soil=tuple(soil), productivity=yearly, units=units)


@pytest.mark.parametrize("size", [5, 8])
def test_the_tiling_does_not_matter_and_rows_add_up(tmp_path: Path, size: int) -> None:
    question = noisy(tmp_path, 7)
    whole, tiled = counted(question), counted(question, size)
    assert (whole.map == tiled.map).all()
    for one, other in ((whole.pairs, tiled.pairs), (whole.status, tiled.status), (whole.dynamics, tiled.dynamics)):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    for year, (km2, tonnes) in whole.soil.items():
        assert (km2 == tiled.soil[year][0]).all() and (tonnes == tiled.soil[year][1]).all()
    for place in range(3):
        land = whole.covers[2015].sum() - whole.water[(2015, 2019, 2023)[place]]
        assert (
            all(part.sum() == pytest.approx(land) for part in whole.parts[place].values())
            and len(whole.parts[place]) == 4
        )
        assert whole.dynamics[place].sum() == pytest.approx(land) and len(set(whole.map.ravel().tolist())) > 5
        assert whole.changes[place].sum() == pytest.approx(whole.covers[2015].sum())
    for pairs, status in zip(whole.pairs, whole.status, strict=True):
        assert pairs[:3, 0].sum() + pairs[0, 1] == pytest.approx(status[0]) and pairs.sum() == pytest.approx(
            status.sum()
        )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 50)), max_size=9), max_size=5),
    st.sampled_from([50.0, 90.0, 37.5]),
)
def test_the_best_of_a_unit_is_its_percentile(windows: list, percent: float) -> None:
    made = NO_COUNTS
    for window in windows:
        units, values = (np.array([one[n] for one in window], np.int64) for n in (0, 1))
        made = merged(made, (units, values, np.ones(len(window), np.int64)))
    units, best = best_of(made, percent)
    cells = [cell for window in windows for cell in window]
    assert units.tolist() == sorted({unit for unit, _ in cells})
    for unit, one in zip(units.tolist(), best.tolist(), strict=True):
        assert one == pytest.approx(np.percentile([value for mine, value in cells if mine == unit], percent))


def test_the_poor_of_a_unit_are_stressed(tmp_path: Path) -> None:
    """Half of a row bears two fifths of the rest without ever changing: stable but stressed, degraded only where asked so."""
    series = productivity()
    series[:, KEPT, 3:] = series[:, KEPT, 3:] // 5 * 2
    yearly = write(tmp_path / "p.tif", series, nodata=-32768, scale=0.0001, names=[str(year) for year in YEARS])
    question = asked(tmp_path, productivity=yearly)
    assert counted(question).dynamics[0][:, Dynamics.STRESSED].sum() == pytest.approx(HA[KEPT, 3:].sum() / 100)
    apart = write(
        tmp_path / "two.tif", (np.indices(GRID.shape)[0] == KEPT).astype(np.uint8) * (np.indices(GRID.shape)[1] > 2)
    )
    assert counted(replace(question, units=apart)).dynamics[0][:, Dynamics.STRESSED].sum() == 0, (
        "the best of their own unit"
    )
    strict = replace(question, change=replace(question.change, stressed="degraded"))
    more = counted(strict).parts[0]["all"][0] - counted(question).parts[0]["all"][0]
    assert more == pytest.approx(HA[KEPT, 3:].sum() / 100)


def test_numbers_are_scaled_and_nothing_is_read_beside_the_map(tmp_path: Path) -> None:
    series = productivity()
    series[3, 0, 0] = -32768
    path = write(tmp_path / "y.tif", series, nodata=-32768, scale=0.0001, names=[str(year) for year in YEARS])
    plane, years = open_yearly(path)
    part = GRID.window(-1, -2, 4, 5)
    made = plane.numbers(part, [years[2003], years[2020]])
    assert np.isnan(made[:, 0]).all() and np.isnan(made[:, :, :2]).all() and np.isnan(made[0, 1, 2])
    assert made[0, 2:, 3:] == pytest.approx(series[3, 1:3, 1:3] * 0.0001) and made[1, 1, 2] == pytest.approx(
        series[20, 0, 0] / 1e4
    )


def test_the_best_is_of_land_that_was_seen_often_enough(tmp_path: Path) -> None:
    """A river that grows four times as much, and a cell that was seen in two years, are nobody's measure."""
    series = productivity()
    series[:, RIVER] = 30_000
    series[2:, REGROWN] = -32768
    series[:2, REGROWN] = 30_000
    yearly = write(tmp_path / "p.tif", series, nodata=-32768, scale=0.0001, names=[str(year) for year in YEARS])
    found = counted(asked(tmp_path, productivity=yearly))
    assert found.dynamics[0][:, Dynamics.STRESSED].sum() == 0
    assert found.dynamics[0][:, Dynamics.UNKNOWN].sum() == pytest.approx(rows_of(HA, [REGROWN]))


def test_chance_alone_degrades_as_much_as_is_said() -> None:
    """White noise of sixteen years, no cell poorer than half of the best."""
    plain, table = Productivity(), read_rules().combination
    series = np.random.default_rng(1).normal(5000, 60, (16, 40_000))
    trend, now = (changed(plain, tendency(plain, z)) for z in (mann_kendall(series), state(plain, series)))
    found = productive(plain, dynamics(table, trend, now, np.zeros_like(trend)))
    assert (found == Condition.DEGRADED).mean() == pytest.approx(BY_CHANCE, abs=0.005)


def with_soil(folder: Path) -> LandDegradation:
    """Soil that loses a fifth under the river's neighbour from 2015 on."""
    stocks = {}
    for year in (2000, 2015, 2019, 2023):
        stock = np.full(GRID.shape, 50.0, np.float32)
        stock[REGROWN] = 50 if year < 2019 else 40
        stocks[year] = stock
    soil = tuple(YearMap(year=year, path=write(folder / f"soil{year}.tif", one)) for year, one in stocks.items())
    return asked(folder, soil=soil)


def test_soil_is_the_third_sign(tmp_path: Path) -> None:
    found = counted(with_soil(tmp_path))
    assert found.parts[1]["soil"][0] == pytest.approx(rows_of(HA, [REGROWN]))
    assert found.status[0][0] == pytest.approx(rows_of(HA, [CLEARED, CLEARED_LATE, REGROWN, POORER]))
    km2, tonnes = found.soil[2019]
    assert tonnes[2] / km2[2] / 100 == pytest.approx(50), "tonnes a hectare under crops"


def test_without_soil_it_is_said_loudly(tmp_path: Path) -> None:
    bare, full = ldn_piece(asked(tmp_path), "here"), ldn_piece(with_soil(tmp_path), "here")
    for said in (bare.plain, bare.unknown):
        assert NO_SOIL in said(EN)
    for said in (full.plain, full.unknown):
        assert NO_SOIL not in said(EN)


def test_the_piece_says_what_was_found(tmp_path: Path) -> None:
    piece = ldn_piece(asked(tmp_path), "Six rows")
    degraded, land = (
        rows_of(HA, [CLEARED, CLEARED_LATE, POORER]),
        rows_of(HA, [KEPT, CLEARED, CLEARED_LATE, REGROWN, POORER], [(KEPT, 0)]),
    )
    table = next(one for one in piece.tables if one.name == "ldn_indicator")
    last = dict(zip([column.name for column in table.columns], table.rows[-1], strict=True))
    assert last["period"] == "2016-2023" and last["degraded_km2"] == pytest.approx(degraded)
    assert last["degraded_percent"] == pytest.approx(100 * degraded / land)
    assert f"{EN.share(degraded / land)}" in " ".join(piece.plain(EN)) and not piece.simulated
    for one in piece.tables:
        assert all(len(row) == len(one.columns) for row in one.rows), one.name
    for words in (EN, ES):
        for line in (*piece.plain(words), *piece.unknown(words), *piece.charts[0].alt(words)):
            assert "{" not in line
        Xml.fromstring(piece.charts[0].draw(words))
    assert "Trends.Earth" in " ".join(piece.unknown(EN)), "the matrix that is second hand is named"
    assert {file.name for file in piece.inputs} >= {"cover2000.tif", "index_yearly.tif", "units.tif"}


def test_one_simulated_file_makes_it_simulated(tmp_path: Path) -> None:
    units = write(tmp_path / "simulated.tif", np.ones(GRID.shape, np.uint8), SIMULATED="true")
    piece = ldn_piece(asked(tmp_path, units=units), "here")
    assert piece.simulated and load_workbook(BytesIO(piece.files[WORKBOOK])).sheetnames[:2] == ["SIMULATED", "CP-1.T1"]


def test_the_workbook_has_the_tables_of_prais(tmp_path: Path) -> None:
    piece = ldn_piece(asked(tmp_path), "here")
    book = load_workbook(BytesIO(piece.files[WORKBOOK]))
    expected = [
        "CP-1.T1",
        *(f"SO1-1.T{n}" for n in range(1, 8)),
        *(f"SO1-2.T{n}" for n in range(1, 4)),
        "SO1-3.T1",
        "SO1-3.T2",
    ]
    assert book.sheetnames == [*expected, *(f"SO1-4.T{n}" for n in range(1, 6))]
    rows = {name: list(book[name].iter_rows(min_row=2, values_only=True)) for name in book.sheetnames}
    land = {year: whole for year, whole, *_ in rows["CP-1.T1"]}
    assert sorted(land) == [2000, 2015, 2019, 2023]
    assert sum(one[2] for one in rows["SO1-1.T7"] if one[0] == "2000-2015") == pytest.approx(land[2015])
    assert sum(sum(one[2:]) for one in rows["SO1-2.T1"]) == pytest.approx(land[2015])
    assert sum(one[4] for one in rows["SO1-4.T1"] if one[0] == "2016-2023") == pytest.approx(land[2023])
    status = counted(asked(tmp_path)).status[1]
    for place, end in enumerate(("Degraded", "Stable", "Improved", "No data")):
        found = sum(one[4] for one in rows["SO1-4.T1"] if one[0] == "2016-2023" and one[3] == end)
        assert found == pytest.approx(status[place]), end
    names = [one[:3] for one in rows["SO1-1.T1"]]
    assert names == [("Deforestation", "Tree-covered areas", "Cropland")]
    degraded = rows["SO1-4.T2"]
    assert degraded[2][2] == pytest.approx(rows_of(HA, [CLEARED, CLEARED_LATE, POORER]))
    assert degraded[2][4] == pytest.approx(rows_of(HA, [CLEARED_LATE, POORER])) and degraded[0][4] is None
    assert degraded[2][5] == pytest.approx(degraded[2][3] - degraded[0][3])
    assert all(row[1:6] == (None,) * 5 and "people" in row[6] for row in rows["SO1-4.T3"])
    assert "not assessed" in rows["SO1-3.T1"][0][0]
    assert piece.files == ldn_piece(asked(tmp_path), "here").files, "the same bytes"


def test_spots_are_patches_of_land_twice_degraded_or_healed(tmp_path: Path) -> None:
    maps = covers()
    maps[2019][CLEARED, 3:], maps[2023][CLEARED, 3:] = FOREST, FOREST
    maps[2019][CLEARED, :3], maps[2023][CLEARED, :3] = 5, 5
    classes = {"forest": (FOREST,), "cropland": (3,), "water": (7,), "artificial": (5,)}
    piece = ldn_piece(asked(tmp_path, maps, classes=classes, spots_ha=0.25), "here")
    layer = piece.layers[0]
    assert [(row["kind"], row["area_ha"]) for row in layer.rows] == [
        ("hotspot", pytest.approx(HA[CLEARED, :3].sum())),
        ("brightspot", pytest.approx(HA[CLEARED, 3:].sum())),
    ]
    assert layer.shapes[0].area == 3 * 900 and layer.crs == GRID.crs
    assert not ldn_piece(asked(tmp_path, maps, classes=classes, spots_ha=0.28), "here").layers, "too small"
    book = load_workbook(BytesIO(piece.files[WORKBOOK]))
    lon, lat, km2 = [cell.value for cell in book["SO1-4.T4"][2]][:3]
    assert -72 < lon < -70 and -14 < lat < -12 and km2 == pytest.approx(HA[CLEARED, :3].sum() / 100)


def test_patches_join_at_corners_and_come_largest_first() -> None:
    codes = np.zeros(GRID.shape, np.uint8)
    codes[0, 0], codes[1, 1], codes[4:6, 4] = HOT, HOT, HOT
    codes[5, 0] = BRIGHT
    found = patches(codes, HOT, GRID, 0.1)
    assert [sorted(map(tuple, (one.cells - (GRID.first_row, GRID.first_column)).tolist())) for one in found] in (
        [[(0, 0), (1, 1)], [(4, 4), (5, 4)]],
        [[(4, 4), (5, 4)], [(0, 0), (1, 1)]],
    )
    assert found[0].hectares >= found[1].hectares == pytest.approx(found[1].hectares)
    assert patches(codes, BRIGHT, GRID, 0.1) == []


def test_a_point_of_the_map_is_what_most_of_it_is() -> None:
    codes = np.zeros((1280, 2), np.uint8)
    codes[:3], codes[3] = 2, 1
    points, step = thinned(codes, ((1, "", "#000000"), (2, "", "#ffffff")))
    assert step == 2 and points[:3, 0].tolist() == [2, 1, 0], "two of four and two of four: the first of the legend"


def test_an_area_and_a_mask_of_water(tmp_path: Path) -> None:
    mask = np.zeros(GRID.shape, np.uint8)
    mask[POORER] = 1
    found = counted(asked(tmp_path, water=write(tmp_path / "water.tif", mask)))
    assert found.water[2023] == pytest.approx(rows_of(HA, [POORER]))
    assert found.land(0) == pytest.approx(rows_of(HA, [KEPT, CLEARED, CLEARED_LATE, REGROWN, RIVER], [(KEPT, 0)]))


def moved(folder: Path, name: str, **how: int) -> Path:
    grid = Grid("EPSG:32719", 300_000 + how.get("east", 0), 8_600_100, how.get("resolution", 30), (6, 6))
    return write(folder / name, np.ones(grid.shape, np.uint8), grid)


BAD = {
    "other cells": (
        lambda f: {"units": moved(f, "u20.tif", resolution=20)},
        r"u20.tif: lies on .*@20m, cover2000.tif on .*@30m",
    ),
    "elsewhere": (lambda f: {"units": moved(f, "far.tif", east=6000)}, "far.tif: shares no cell with cover2000.tif"),
    "no file": (lambda f: {"units": f / "none.tif"}, "none.tif: no such file"),
    "a code": (lambda f: {"no_class": ()}, "cover2015.tif: holds the code 9; name it"),
    "no year": (lambda f: {"baseline": Period(first=1990, last=2015)}, "land cover: none of 1990 or within 1 years"),
    "one map": (
        lambda f: {"periods": (Period(first=2022, last=2023),)},
        "land cover: 2022 to 2023 has the map of 2023 at both ends",
    ),
    "no band": (
        lambda f: {"productivity": write(f / "short.tif", productivity()[1:], names=[str(y) for y in YEARS[1:]])},
        "short.tif: has no band of 2000",
    ),
    "no names": (
        lambda f: {"productivity": write(f / "bare.tif", productivity())},
        "bare.tif: band 1 is described as ''",
    ),
    "twice": (
        lambda f: {"productivity": write(f / "twice.tif", productivity(), names=["2000"] * len(YEARS))},
        "twice.tif: two bands are of one year",
    ),
    "no numbers": (
        lambda f: {"units": write(f / "real.tif", np.ones(GRID.shape, np.float32))},
        "real.tif: holds float32",
    ),
    "too coarse": (lambda f: {"grain": 1e-12}, "productivity is over"),
    "all water": (lambda f: {"classes": {"water": (1, 3, 7, 9)}, "no_class": ()}, "no cell of it is land"),
    "soil": (
        lambda f: {"soil": (YearMap(year=2000, path=write(f / "s.tif", np.ones(GRID.shape, np.float32))),)},
        "soil: none of 2015",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_one_line(tmp_path: Path, name: str) -> None:
    changes, said = BAD[name]
    with pytest.raises(DetectionError, match=said) as caught:
        ldn_piece(asked(tmp_path, **changes(tmp_path)), "here")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": {"forrest": (1,)}}, "no class 'forrest'"),
        ({"classes": {}, "no_class": ()}, "names no code"),
        ({"no_class": (3,)}, r"code \[3\] stands twice"),
        ({"periods": (Period(first=2010, last=2019),)}, "before the baseline ends"),
        ({"periods": (Period(first=2016, last=2019),) * 2}, "stands twice"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        asked(tmp_path, **changes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    stable stable stable: stable\n", "", "combination: 1 of 18 rows are missing"),
        ("stable stable degraded: stressed", "stable stable degraded: strained", "`strained` is none of declining"),
        ("stable stable degraded: stressed", "stable degraded: stressed", "row `stable degraded` is no trend"),
        ("    - [-1, 1, 1]\n", "", "as many rows as columns"),
        ("status: verified", "status: sure", "status `sure` is none of"),
        ("name: prais4\n", "", "`name` is missing"),
        ("name: prais4\n", "name: prais4\nnotes: x\n", "there is no key `notes`"),
        ("    - [Stable, Stable, Stable, Stable, Stable, Stable, Stable]\n", "", "7 rows of 7 names"),
    ],
)
def test_rules_that_are_not_whole_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = SHIPPED.read_text()
    assert old in text
    file = tmp_path / "own.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(DetectionError, match=said) as caught:
        read_rules(file)
    assert "\n" not in str(caught.value)
