"""Jobs of kind history: one answer whatever the tiling, nothing done twice, and products that other readers understand.

The method is a stand-in, the scenes are SIMULATED: two clearings in a forest, one of which grows back, under passing clouds.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pystac
import pytest
import rasterio
import standin
from click.testing import CliRunner
from fulldisk import largest_file
from historysetup import BANDS, NOON, PATTERN, config, start
from numpy.typing import NDArray
from standin import install, segment, stand_in

from detection import segments as room
from detection.areas import cell_hectares
from detection.codes import COUNT_NODATA, DATE_NODATA, NOT_YET, YEAR_NODATA, Segmented, Turn
from detection.errors import BadInput, NoImagery
from detection.monitors import Looks
from detection.patches.yearly import CELL_CHANGE, Polygons, yearly
from detection.prepare import Prepare
from detection.segments import Landtrendr, Segments
from detection.types import Cube, Grid, Planes, Scene, to_day
from jobs import cli, ledger
from jobs.config import Archive, ConfigError, HistoryConfig, JobConfig, Output, SeriesConfig, load
from jobs.estimate import estimate, memory_gb
from jobs.history import run as driver
from jobs.history import scratch, tile
from jobs.history.run import HistoryOutcome, run_history
from jobs.history.series import SegmentsOutcome
from jobs.plan import plan_history
from jobs.run import run as monitor
from jobs.series import run_series
from jobs.template import template

ROOT = Path(__file__).parents[1]
ROWS, COLUMNS = 40, 48
GRID = Grid("EPSG:32719", 370_680, 8_592_480, 30, (ROWS, COLUMNS))
DAYS = [date(2020, 1, 5) + timedelta(days=40 * i) for i in range(61)]
FOREST, BARE = (0.30, 0.08), (0.18, 0.16)
"""Reflectance in nir and swir2: NBR 0.58 and 0.06."""
LARGE = np.s_[5:25, 10:30]
"""Cleared in June 2021; across the edges of every tiling below."""
SMALL = np.s_[28:36, 5:15]
"""Cleared in March 2022, grown back in February 2023."""
ALONE = (2, 40)
"""One cell, cleared in June 2021."""
HIDDEN = np.s_[38:40, :]
"""Always under cloud, which is widened by two cells."""
CLEAR, CLOUD = 21_824, 22_280


def _scene(day: date) -> NDArray[np.uint16]:
    """(nir, swir2, qa) as Landsat's Collection 2 stores them."""
    rng = np.random.default_rng(to_day(day))
    bare = np.zeros((ROWS, COLUMNS), bool)
    bare[LARGE] = bare[ALONE] = day >= date(2021, 6, 1)
    bare[SMALL] = date(2022, 3, 1) <= day < date(2023, 2, 1)
    bands = [np.where(bare, b, f) + rng.normal(0, 0.004, bare.shape) for f, b in zip(FOREST, BARE, strict=True)]
    quality = np.full(bare.shape, CLEAR)
    row, column = rng.integers(0, ROWS), rng.integers(0, COLUMNS)
    quality[row : row + 6, column : column + 9] = CLOUD
    quality[HIDDEN] = CLOUD
    return np.stack([*((band + 0.2) / 2.75e-5 for band in bands), quality]).round().astype(np.uint16)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    place = {"width": COLUMNS, "height": ROWS, "count": 3, "crs": GRID.crs, "transform": GRID.transform}
    for day in DAYS:
        with rasterio.open(
            folder / f"SIM_LC08_002_{day:%Y%m%d}.tif", "w", dtype="uint16", compress="deflate", **place
        ) as file:
            file.write(_scene(day))
    return folder


@pytest.fixture(autouse=True)
def _method(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = {method: method.segments for method in (room.ccdc, room.landtrendr)}
    for method in real:
        monkeypatch.setattr(method, "segments", stand_in)
    yield
    monkeypatch.undo()
    for method, its in real.items():  # what does a worker's work in this process installs the stand-in for good
        method.segments = its


@pytest.fixture(scope="module")
def whole(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> HistoryOutcome:
    """One run, in one tile, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.ccdc, "segments", stand_in)
        return start(scenes, tmp_path_factory.mktemp("whole"))


def rasters(outcome: HistoryOutcome) -> dict[str, NDArray[Any]]:
    found = {}
    for path in sorted(outcome.folder.glob("*.tif")):
        with rasterio.open(path) as file:
            found[path.stem] = file.read() if path.stem in ("regrowth_age", "index_yearly") else file.read(1)
    return found


def features(outcome: HistoryOutcome) -> dict[str, dict[str, Any]]:
    found = json.loads((outcome.folder / "changes.geojson").read_text())["features"]
    return {f["id"]: f for f in found}


def same(one: HistoryOutcome, other: HistoryOutcome) -> None:
    """The same maps to the bit, the same polygons to the last figure, the same tables."""
    a, b = rasters(one), rasters(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], name)
    assert features(one) == features(other)
    for table in ("areas.csv", "regrowth.csv"):
        assert (one.folder / table).read_bytes() == (other.folder / table).read_bytes()


# ---- what is found


def test_the_maps_say_what_was_cleared_when_and_where_it_grew_back(whole: HistoryOutcome) -> None:
    found = rasters(whole)
    expected = np.zeros((ROWS, COLUMNS), np.uint16)
    expected[LARGE] = expected[ALONE] = 2021
    expected[SMALL] = 2022
    hidden = found["segmented"] == Segmented.NO_LOOK
    assert hidden[HIDDEN].all() and hidden[36:].all() and not hidden[:36].any(), "cloud is widened by 60 m"
    expected[hidden] = YEAR_NODATA
    np.testing.assert_array_equal(found["loss_year"], expected)
    np.testing.assert_array_equal(found["regrowth_year"][SMALL], 2023)
    assert set(np.unique(found["regrowth_year"])) == {0, 2023, YEAR_NODATA}
    assert (found["y2r"][SMALL] == 1).all() and (found["y2r"][LARGE] == NOT_YET).all()
    assert np.isnan(found["r80p"][SMALL]).all(), "five years after the loss are not there yet"
    assert (found["recleared_year"][SMALL] == 0).all()
    assert np.nanmax(found["loss_magnitude"]) < -0.4
    assert np.isnan(found["loss_magnitude"][0, 0])
    assert set(np.unique(found["segment_count"])) == {1, 2, 3, 255}
    assert (found["last_stable"][hidden] == DATE_NODATA).all()
    assert found["last_stable"][0, 0] >= to_day(date(2023, 9, 1))


def test_what_grew_back_has_an_age_in_every_year_it_stands(whole: HistoryOutcome) -> None:
    years = range(DAYS[0].year, DAYS[-1].year + 1)
    with rasterio.open(whole.folder / "regrowth_age.tif") as file:
        assert file.descriptions == tuple(map(str, years))
        assert (file.nodata, set(file.dtypes)) == (COUNT_NODATA, {"uint8"})
    age, segmented = rasters(whole)["regrowth_age"], rasters(whole)["segmented"]
    for year, band in zip(years, age, strict=True):
        assert (band[SMALL] == max(0, year - 2023)).all()
        assert (band[LARGE] == 0).all() and band[ALONE] == 0, "lost, and not back"
        np.testing.assert_array_equal(band == COUNT_NODATA, segmented != Segmented.SEGMENTED)
    item = pystac.Item.from_file(whole.folder / "item.json").assets["regrowth_age"].extra_fields
    assert [band["name"] for band in item["bands"]] == [str(year) for year in years]
    style = (whole.folder / "regrowth_age.qml").read_text()
    assert f'band="{len(years)}"' in style and 'value="3"' in style and 'value="0"' not in style


def test_the_hectares_of_regrowth_are_those_of_its_map(whole: HistoryOutcome) -> None:
    table = pd.read_csv(whole.folder / "regrowth.csv")
    assert table.note.unique().tolist() == ["mapped area, not an unbiased estimate of area"]
    assert table.age_years.unique().tolist() == ["0-2", "3-5", "6-10", "11-20", ">20"]
    wide = table.pivot_table(index="year", columns="age_years", values="hectares")
    rows, columns = np.nonzero(rasters(whole)["regrowth_age"][-1] == 3)
    there = cell_hectares(GRID, rows + GRID.first_row, columns + GRID.first_column).sum()
    assert there > 7
    assert wide["0-2"].tolist() == pytest.approx([0, 0, 0, there, there, there, 0], abs=1e-4)
    assert wide["3-5"].tolist() == pytest.approx([0, 0, 0, 0, 0, 0, there], abs=1e-4)
    assert (wide[["6-10", "11-20", ">20"]] == 0).all(axis=None)


def test_the_polygons_and_the_table_say_the_same(whole: HistoryOutcome) -> None:
    table = pd.read_csv(whole.folder / "areas.csv").set_index(["year", "kind"])
    assert list(table.index) == [(2021, "loss"), (2022, "loss"), (2023, "regrowth")]
    assert table.polygons.tolist() == [2, 1, 1]
    assert table.note.str.contains("not an unbiased estimate").all()
    layers = rasters(whole)
    for (year, kind), row in table.iterrows():
        rows, columns = np.nonzero(layers[f"{kind}_year"] == year)
        there = cell_hectares(GRID, rows + GRID.first_row, columns + GRID.first_column).sum()
        mine = [f["properties"] for f in features(whole).values() if (f["properties"]["year"]) == year]
        assert sum(p["area_ha"] for p in mine) == pytest.approx(there, abs=1e-6)
        assert row.hectares == pytest.approx(there, abs=1e-4)
        assert {p["kind"] for p in mine} == {kind}
    assert whole.polygons == {"loss": 3, "regrowth": 1}
    said = [f["properties"] for f in features(whole).values()]
    shares = {(p["kind"], p["year"], p["count"]): p["recovered_share"] for p in said}
    assert shares == {
        ("loss", 2021, 400): 0.0,
        ("loss", 2021, 1): 0.0,
        ("loss", 2022, 80): 1.0,
        ("regrowth", 2023, 80): None,
    }
    large = max(said, key=lambda p: p["area_ha"])
    assert (large["count"], large["probability"], large["magnitude_metric"]) == (400, 0.9, "nbr")
    assert date(2021, 6, 1) <= date.fromisoformat(large["first_day"]) <= date.fromisoformat(large["last_day"])
    assert large["magnitude"] == pytest.approx(-0.52, abs=0.03)


def test_a_mapping_unit_leaves_small_polygons_out_and_the_maps_alone(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path
) -> None:
    outcome = start(scenes, tmp_path, polygons=Polygons(minimum_mapping_unit_ha=0.5))
    assert outcome.polygons == {"loss": 2, "regrowth": 1}
    np.testing.assert_array_equal(rasters(outcome)["loss_year"], rasters(whole)["loss_year"])


def test_cells_of_a_kind_and_year_that_touch_at_a_corner_are_one_polygon() -> None:
    cells = [(0, 0, 2020, Turn.LOSS), (1, 1, 2020, Turn.LOSS), (2, 2, 2021, Turn.LOSS), (2, 1, 2020, Turn.REGROWTH)]
    cells += [(9, 9, 2020, Turn.OTHER), (0, 0, 2020, Turn.LOSS)]
    log = np.zeros(len(cells), CELL_CHANGE)
    for at, (row, column, year, turn) in enumerate(cells):
        log[at] = (row, column, 0.09, turn, to_day(date(year, 5, 1 + at)), 0, 0, 0.7, -0.1 * (at + 1), np.nan)
    found = [(p.turn, p.year, p.cells.tolist(), p.hectares) for p in yearly(log, Polygons(minimum_mapping_unit_ha=0.0))]
    assert found == [
        (Turn.LOSS, 2020, [[0, 0], [1, 1]], 0.18),
        (Turn.LOSS, 2021, [[2, 2]], 0.09),
        (Turn.REGROWTH, 2020, [[2, 1]], 0.09),
    ]
    first = yearly(log, Polygons(minimum_mapping_unit_ha=0.0))[0]
    assert first.magnitude == pytest.approx((-0.6 - 0.2) / 2), "of two changes of a cell in a year the greater counts"
    assert np.isnan(first.probability)
    assert yearly(log[:0], Polygons()) == []


# ---- one answer


@pytest.mark.parametrize("size", [16, 23])
def test_any_tiling_gives_the_same(scenes: Path, whole: HistoryOutcome, tmp_path: Path, size: int) -> None:
    same(whole, start(scenes, tmp_path, tile=size))


def test_any_number_of_workers_gives_the_same(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "segment", segment)
    same(whole, start(scenes, tmp_path, tile=32, workers=2))


def test_memory_holds_a_band_of_rows_however_many_looks_there_are(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def measured(_parameters: Any, looks: Looks, *rest: Any, **named: Any) -> Segments:
        sizes.append(looks.values.nbytes)
        return stand_in(_parameters, looks, *rest, **named)

    monkeypatch.setattr(room.ccdc, "segments", measured)
    monkeypatch.setattr(scratch, "BAND_BYTES", 7 * len(DAYS) * COLUMNS * 4)
    same(whole, start(scenes, tmp_path))
    assert max(sizes) <= scratch.BAND_BYTES
    assert len(sizes) > ROWS // 7
    assert scratch.rows_a_band(2_000, 7, 4096) == 1
    work = plan_history(config(scenes, tmp_path))
    assert memory_gb(work) < 1


def test_what_is_not_written_is_not_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "BAND_BYTES", 1)
    grid, planes = GRID.window(0, 0, 3, 4), Planes(("a", "b"))
    scenes = tuple(Scene(day * 86_400, "x", f"s{day}") for day in range(5))
    values = np.random.default_rng(1).normal(size=(5, 2, 3, 4)).astype(np.float32)
    cube = Cube.of(grid, scenes, planes, values)
    with scratch.Scratch(tmp_path, grid, planes, scenes[::-1]) as kept:
        kept.write(cube.take([3]))
        kept.write(cube.take([1]))
        bands = list(kept.bands())
    assert [band.scenes for band in bands] == [(scenes[1], scenes[3])] * 3
    np.testing.assert_array_equal(np.concatenate([band.values for band in bands], 2), values[[1, 3]])
    with scratch.Scratch(tmp_path, grid, planes, scenes) as kept:
        assert next(kept.bands()).values.shape == (0, 2, 1, 4)
    assert not list(tmp_path.iterdir())


# ---- what goes wrong


def test_a_failing_tile_is_named_the_others_go_on_and_the_next_run_mends_it(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def segment(task: tile.Task) -> tile.Done:
        if task.name == "t001x000":
            raise ZeroDivisionError("a bug in one tile")
        return tile.segment(task)

    monkeypatch.setattr(driver, "segment", segment)
    outcome = start(scenes, tmp_path, tile=20)
    assert outcome.kind == "partial"
    assert outcome.failures == ("tile t001x000: ZeroDivisionError: a bug in one tile",)
    found = rasters(outcome)
    assert (found["segmented"][20:, :20] == Segmented.FAILED).all()
    assert (found["loss_year"][20:, :20] == YEAR_NODATA).all()
    np.testing.assert_array_equal(found["loss_year"][:20], rasters(whole)["loss_year"][:20])
    assert json.loads((outcome.folder / "manifest.json").read_text())["failures"] == list(outcome.failures)
    monkeypatch.undo()
    install()
    mended = start(scenes, tmp_path, tile=20)
    assert (mended.kind, mended.tiles_done) == ("done", 1)
    same(whole, mended)


def test_a_scene_that_cannot_be_read_is_named_and_tried_again(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path
) -> None:
    some = tmp_path / "scenes"
    some.mkdir()
    for path in scenes.iterdir():
        os.link(path, some / path.name)
    victim = some / f"SIM_LC08_002_{DAYS[3]:%Y%m%d}.tif"
    good = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(good[: len(good) // 2] + bytes(len(good) - len(good) // 2))
    outcome = start(some, tmp_path)
    assert outcome.kind == "partial"
    assert len(outcome.failures) == 1 and victim.stem in outcome.failures[0]
    assert (rasters(outcome)["segmented"][HIDDEN] == Segmented.FAILED).all(), "what it hid is not `never seen`"
    victim.write_bytes(good)
    mended = start(some, tmp_path)
    assert mended.kind == "done"
    np.testing.assert_array_equal(rasters(mended)["segmented"], rasters(whole)["segmented"])
    assert len(list((tmp_path / "archive" / "tiles").iterdir())) == 1, "what no longer counts is taken away"


@pytest.mark.parametrize(("size", "said"), [(256, "File too large"), (40, r"could not be written.*changes\.gpkg")])
def test_a_full_disk_leaves_no_products_and_the_next_run_is_whole(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, size: int, said: str
) -> None:
    with largest_file(100_000), pytest.raises(OSError, match=said):
        start(scenes, tmp_path, tile=size)
    assert not (tmp_path / "archive" / "latest").exists()
    same(whole, start(scenes, tmp_path, tile=size))


KILLED = """
import os, sys
from pathlib import Path
import historysetup, standin
from jobs.history import run as driver, tile
standin.install()
done = []
def segment(task):
    if len(done) == 2:
        os.kill(os.getpid(), 9)
    done.append(task.name)
    return tile.segment(task)
driver.segment = segment
historysetup.start(Path(sys.argv[1]), Path(sys.argv[2]), tile=20)
"""


def test_a_killed_run_leaves_no_products_and_its_tiles_are_not_done_again(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path
) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, "-c", KILLED, str(scenes), str(tmp_path)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()
    home = tmp_path / "archive"
    assert not (home / "latest").exists()
    assert sorted(file.name[:8] for file in (home / "tiles").iterdir()) == ["t000x000", "t000x001"]
    outcome = start(scenes, tmp_path, tile=20)
    assert (outcome.kind, outcome.tiles_done) == ("done", 4)
    same(whole, outcome)


def test_nothing_new_does_nothing_and_a_damaged_result_is_made_again(scenes: Path, tmp_path: Path) -> None:
    first = start(scenes, tmp_path, tile=24)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "archive").rglob("*") if p.is_file() and p.name != ".lock"}
    again = start(scenes, tmp_path, tile=24)
    assert (again.kind, again.folder, again.tiles_done) == ("nothing new", first.folder, 0)
    assert before == {p: p.stat().st_mtime_ns for p in before}
    victim = sorted((tmp_path / "archive" / "tiles").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-200])
    assert start(scenes, tmp_path, tile=24).tiles_done == 1


def test_another_archive_or_method_is_another_result(scenes: Path, tmp_path: Path) -> None:
    one = start(scenes, tmp_path)
    other = start(scenes, tmp_path, period=Archive(until=date(2022, 1, 1)))
    third = start(scenes, tmp_path, segments=Landtrendr())
    assert len({one.folder, other.folder, third.folder}) == 3
    assert other.scenes < one.scenes
    assert {o.tiles_done for o in (one, other, third)} == {1}
    assert (tmp_path / "archive" / "latest").resolve() == third.folder.resolve()


def test_an_index_that_loss_raises_is_read_the_other_way_round(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path
) -> None:
    dark = start(scenes, tmp_path, prepare=Prepare(index="swir2", loss="raises"), planes=("nir",))
    assert rasters(dark)["loss_year"].shape == (ROWS, COLUMNS)  # 0.08 in swir2 is below what the stand-in notices
    assert json.loads((dark.folder / "manifest.json").read_text())["config"]["prepare"]["loss"] == "raises"
    assert not list(dark.folder.glob("regrowth*age*")) and not (dark.folder / "regrowth.csv").exists()


def test_a_second_run_at_once_and_a_monitoring_jobs_folder_are_refused(scenes: Path, tmp_path: Path) -> None:
    home = tmp_path / "archive"
    home.mkdir()
    with driver._alone(home), pytest.raises(ledger.Busy, match="another process"):
        start(scenes, tmp_path)
    (home / "sachawatch.db").touch()
    with pytest.raises(BadInput, match="monitoring job"):
        start(scenes, tmp_path)


def test_a_monitoring_job_does_not_take_the_folder_of_a_history(tmp_path: Path) -> None:
    asked = load(ROOT / "configs/demo-madre-de-dios.yaml")
    assert isinstance(asked, JobConfig)
    (tmp_path / asked.name / driver.TILES).mkdir(parents=True)
    with pytest.raises(BadInput, match="belongs to a history"):
        monitor(replace(asked, output=Output(folder=tmp_path)), now=lambda: NOON)
    assert [entry.name for entry in (tmp_path / asked.name).iterdir()] == [driver.TILES]


def test_instruments_that_see_differently_are_named_unless_they_are_harmonised() -> None:
    asked = load(ROOT / "configs/history-madre-de-dios.yaml")
    assert isinstance(asked, HistoryConfig)
    assert plan_history(asked).notes == ()
    (note,) = plan_history(replace(asked, prepare=replace(asked.prepare, harmonise=False))).notes
    assert "landsat-7, landsat-8" in note and note.endswith("set prepare.harmonise: true")


def test_no_scene_is_one_clear_line(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(NoImagery, match="no scene"):
        start(scenes, tmp_path, period=Archive(until=date(2019, 1, 1)))


# ---- other people's readers


def test_every_raster_is_a_cog_with_its_meaning(whole: HistoryOutcome) -> None:
    names = {"loss_year", "loss_magnitude", "regrowth_year", "recleared_year", "r80p", "y2r", "segment_count"}
    names |= {"last_stable", "segmented", "regrowth_age", "index_yearly"}
    assert {p.stem for p in whole.folder.glob("*.tif")} == names
    for name in names:
        with rasterio.open(whole.folder / f"{name}.tif") as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert (file.crs.to_epsg(), file.transform, file.shape) == (32719, GRID.transform, GRID.shape)
            assert file.descriptions[0]
    style = (whole.folder / "loss_year.qml").read_text()
    assert 'value="2021"' in style and 'value="0"' not in style and str(YEAR_NODATA) not in style
    assert (whole.folder / "segmented.qml").exists()


def test_stac_names_every_file_with_its_checksum(whole: HistoryOutcome) -> None:
    item = pystac.Item.from_file(whole.folder / "item.json")
    written = {p.name for p in whole.folder.iterdir()} - {"item.json", "collection.json", "manifest.json"}
    assert {Path(asset.href).name for asset in item.assets.values()} == written
    for asset in item.assets.values():
        content = (whole.folder / Path(asset.href).name).read_bytes()
        assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
        assert asset.extra_fields["file:size"] == len(content)
    assert item.datetime is None
    assert item.properties["start_datetime"].startswith("2020-01-05")
    assert pystac.Collection.from_file(whole.folder / "collection.json").id == "archive"


def test_the_polygons_open_elsewhere_with_the_same_areas(whole: HistoryOutcome) -> None:
    assert pyogrio.list_layers(whole.folder / "changes.gpkg")[:, 0].tolist() == ["changes", "layer_styles"]
    frame = geopandas.read_file(whole.folder / "changes.gpkg", layer="changes", engine="pyogrio")
    assert frame.crs.to_epsg() == 32719
    np.testing.assert_allclose(frame.to_crs(6933).area / 1e4, frame.area_ha, rtol=1e-4)
    parquet = geopandas.read_parquet(whole.folder / "changes.parquet")
    assert parquet.id.tolist() == frame.id.tolist() == list(features(whole))
    assert set(parquet.kind) == {"loss", "regrowth"}
    assert not frame.area_is_estimate.any()


# ---- configs and the command line


def written(folder: Path, scenes: Path, more: str = "", **changes: str) -> Path:
    """A YAML file of the small job."""
    text = f"""kind: history
name: archive
sources:
  kind: files
  folder: {scenes}
  layout: dated
  pattern: '{PATTERN}'
  bands: [{", ".join(BANDS)}]
  sensor: landsat-c2l2
output: {{folder: {folder / "out"}}}
cluster: {{workers: 0}}
{more}"""
    for old, new in changes.items():
        text = text.replace(old, new)
    file = folder / "job.yaml"
    file.write_text(text)
    return file


BAD = {
    "planes: [nir, nir]\n": "12:9: planes: nir, nir names a plane twice",
    "planes: [nbr]\n": "planes: nbr names a plane twice",
    "planes: [nir]\nsegments: {kind: landtrendr}\n": "planes: `landtrendr` takes the values of `prepare.index` alone",
    "period: {since: 2022-01-01, until: 2021-01-01}\n": "period.until: 2021-01-01 is not after since 2022-01-01",
    "period: {monitor_from: 2022-01-01}\n": "period.monitor_from: unknown key",
    "segments: {kind: ccdcc}\n": 'segments.kind: found the text "ccdcc", expected one of `ccdc`, `landtrendr`',
    "tiles: {halo_m: 30}\n": "tiles.halo_m: a halo of 30 m is less than prepare.mask_buffer_m 60",
    "polygons: {minimum_mapping_unit_ha: -1}\n": "polygons.minimum_mapping_unit_ha: found -1, expected a number at least 0",
    "monitor: {kind: cusum}\n": "monitor: unknown key here; it belongs to",
    "annual: {first_day: 400}\n": "annual.first_day: found 400, expected a whole number at least 1 and at most 366",
}


@pytest.mark.parametrize("more", BAD, ids=[text.split(":")[0] + str(i) for i, text in enumerate(BAD)])
def test_a_bad_config_is_one_clear_line(scenes: Path, tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, scenes, more))
    assert len(caught.value.problems) == 1, str(caught.value)
    assert BAD[more] in str(caught.value).replace("\n", " ")


def test_the_template_of_a_history_loads(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(template("history"))
    assert load(tmp_path / "job.yaml").kind == "history"


def test_a_plane_that_the_source_lacks_is_named_with_its_key(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"archive: planes 'red' needs band 'red', sources.bands names nir, swir2, qa"):
        plan_history(config(scenes, tmp_path, planes=("red",)))


def test_the_command_line_runs_estimates_and_says_what_does_not_apply(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, scenes)
    call: Callable[..., Any] = lambda *words: CliRunner().invoke(cli.sachawatch, [*map(str, words)])  # noqa: E731
    assert "a good history config named archive" in call("validate", file).output
    before = call("run", file, "--dry-run")
    assert "tiles still to do" in before.output and before.exit_code == 0
    assert not (tmp_path / "out").exists()
    refused = call("run", file, "--max-gb", "0")
    assert "still to be read" in str(refused.exception)
    ran = call("run", file)
    assert ran.exit_code == 0, ran.output
    assert "loss: 2 polygons" in ran.output
    assert re.search(r"tiles still to do +0\n", call("estimate", file).output)
    assert "nothing new" in call("resume", file).output
    assert "nothing new" in call("run", file, "--max-gb", "0").output
    for words in (["status", file], ["alerts", file], ["series", "x.csv", "--config", file, "--out", "y.csv"]):
        assert "is of kind history" in str(call(*words).exception)

    def segment(task: tile.Task) -> tile.Done:
        if task.name == "t000x000":
            raise ZeroDivisionError("a bug")
        return tile.segment(task)

    monkeypatch.setattr(driver, "segment", segment)
    partly = call("run", written(tmp_path, scenes, "tiles: {size: 32}\n"))
    assert partly.exit_code == cli.PARTIAL
    assert "not done: tile t000x000: ZeroDivisionError: a bug" in partly.output


def test_the_cost_counts_only_what_is_left(scenes: Path, tmp_path: Path) -> None:
    asked = config(scenes, tmp_path, tile=24)
    work = plan_history(asked)
    before = estimate(work, (), driver.left(work))
    assert (before["tiles still to do"], before["scenes"]) == (4, len(DAYS))
    assert before["gigabytes to read"] >= 0
    run_history(asked, now=lambda: NOON)
    assert driver.left(work) == ()
    assert estimate(work, (), ())["scenes still to read"] == 0


# ---- tables


def _table(folder: Path) -> Path:
    """Two series, SIMULATED: one loses its forest and it grows back, one keeps it; reflectance."""
    levels = {"blue": (0.03, 0.06), "green": (0.05, 0.09), "red": (0.03, 0.10)}
    levels |= {"nir": (0.30, 0.18), "swir1": (0.15, 0.25), "swir2": (0.08, 0.16)}
    rng, rows = np.random.default_rng(1), []
    for name in ("cleared", "forest"):
        for day in DAYS:
            bare = name == "cleared" and date(2021, 6, 1) <= day < date(2023, 2, 1)
            values = {band: level[bare] + rng.normal(0, 0.002) for band, level in levels.items()}
            rows.append({"series_id": name, "date": day.isoformat()} | values)
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def _optical() -> SeriesConfig:
    found = load(ROOT / "configs" / "series-optical.yaml")
    assert isinstance(found, SeriesConfig)
    return found


def test_a_table_gives_losses_and_beside_them_every_segment_and_change(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    outcome = run_series(_table(tmp_path), _optical(), out, None)
    assert isinstance(outcome, SegmentsOutcome)
    changes = pd.read_csv(out)
    assert list(changes) == [
        "series_id", "first_detected", "confirmed_on", "change_date", "status", "probability", "magnitude", "change_type",
    ]  # fmt: skip
    assert len(changes) == 1
    row = changes.iloc[0]
    first = next(day for day in DAYS if day >= date(2021, 6, 1))
    assert (row.series_id, row.change_date, row.status, row.change_type) == ("cleared", str(first), "confirmed", "loss")
    assert row.first_detected == row.confirmed_on == str(DAYS[DAYS.index(first) + 2])
    assert row.magnitude == pytest.approx(-0.52, abs=0.02), "of the index that leads"
    everything = pd.read_csv(f"{out}.segments.csv")
    assert everything.groupby("series_id").kind.apply(list).to_dict() == {
        "cleared": ["segment", "loss", "segment", "segment", "regrowth"],
        "forest": ["segment"],
    }, "the year of regrowth is dated by the look that stands for it"
    assert everything[everything.kind == "segment"]["first"].notna().all()
    assert everything[everything.kind == "loss"].said.tolist() == [row.confirmed_on]
    after = pd.read_csv(f"{out}.recovery.csv")
    assert after.series_id.tolist() == ["cleared"] and after.lost.tolist() == [row.change_date]
    assert (after.start[0], after.end[0], after.onset[0], after.y2r[0]) == (2020, 2022, 2023, 1)
    assert after.recleared.isna().all() and after.dnbr[0] == pytest.approx(0.52, abs=0.03)
    series = pd.read_csv(f"{out}.series.csv")
    assert series.status.tolist() == ["segmented", "segmented"]
    assert series.looks.tolist() == [len(DAYS)] * 2
    assert "2 series" in outcome.lines()[0]


def test_only_what_could_be_said_from_that_day_on_is_written(tmp_path: Path) -> None:
    table, out = _table(tmp_path), tmp_path / "out.parquet"
    run_series(table, _optical(), out, date(2021, 8, 1))
    assert len(pd.read_parquet(out)) == 0 or pd.read_parquet(out).first_detected.min() >= date(2021, 8, 1)
    said = pd.to_datetime(pd.read_csv(f"{out}.segments.csv").said.dropna()).dt.date.iloc[0]
    run_series(table, _optical(), out, said)
    assert pd.read_parquet(out).first_detected.tolist() == [said]
    run_series(table, _optical(), out, said + timedelta(days=1))
    assert len(pd.read_parquet(out)) == 0
    assert (pd.read_csv(f"{out}.segments.csv").kind == "loss").sum() == 1, "the whole is in the other table"


def test_bad_series_configs_are_one_clear_line(tmp_path: Path) -> None:
    head = "kind: series\nname: x\n"
    for text, expected in {
        "segments: {kind: ccdc}\nmonitor: {kind: ewma}\n": "segments: takes the place of history, monitor and decision",
        "index: nbr\n": "index: belongs to `segments`",
        "columns: [a, b]\nsegments: {kind: landtrendr}\n": "columns: `landtrendr` takes one value a year",
    }.items():
        (tmp_path / "x.yaml").write_text(head + text)
        with pytest.raises(ConfigError, match="x.yaml") as caught:
            load(tmp_path / "x.yaml")
        assert expected in str(caught.value)
    (tmp_path / "x.yaml").write_text(f"{head}columns: [red]\nindex: nbr\nsegments: {{kind: ccdc}}\n")
    asked = load(tmp_path / "x.yaml")
    assert isinstance(asked, SeriesConfig)
    with pytest.raises(BadInput, match="index 'nbr' needs nir, swir2, not among red"):
        run_series(_table(tmp_path), asked, tmp_path / "out.csv", None)


def test_the_stand_in_is_what_is_called() -> None:
    assert room.ccdc.segments is standin.stand_in
