"""The index year by year: what a plain reader finds in it is the medoid of the looks of the year, forest or not.

The scenes are SIMULATED: three years of a place whose west is seen for one year more than its east, the south always under cloud.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from historysetup import config, start
from numpy.typing import NDArray
from shapely.geometry import box
from standin import stand_in

from detection import segments as room
from detection.context import Context, Layer
from detection.errors import BadInput
from detection.prepare import Prepare
from detection.segments import Annual
from detection.types import SECONDS_A_DAY, Grid, Scene, to_day
from jobs.config import Cluster, HistoryConfig
from jobs.estimate import check_memory, estimate, memory_gb, stitching_gb
from jobs.history import run as driver
from jobs.history import scratch, tile
from jobs.history.run import HistoryOutcome, home
from jobs.history.yearly import step, without_water
from jobs.outputs.vectors import to_lonlat
from jobs.plan import HistoryPlan, plan_history

ROWS, COLUMNS = 12, 40
GRID = Grid("EPSG:32719", 370_680, 8_592_480, 30, (ROWS, COLUMNS))
EAST = 16
"""From this column on nothing is seen in 2022."""
DAYS = [date(2020, 2, 3) + timedelta(days=71 * i) for i in range(13)]
"""Five looks of 2020 and of 2021, three of 2022: the middle one of an odd number is nearest to all, with no other as near."""
CLEAR, CLOUD, FILL = 21_824, 22_280, 1
HIDDEN = 9
"""From this row on cloud is over everything; it is widened by two cells."""
NOTHING = -32768
MOST = 100_000


def _looks(day: date) -> NDArray[np.uint16]:
    """(nir, swir2, qa) as stored; every cell of every look has its own reflectance."""
    rng = np.random.default_rng(to_day(day))
    nir, swir2 = (rng.uniform(low, high, (ROWS, COLUMNS)) for low, high in ((0.2, 0.4), (0.05, 0.3)))
    quality = np.full((ROWS, COLUMNS), CLEAR)
    quality[HIDDEN:] = CLOUD
    return np.stack([*((band + 0.2) / 2.75e-5 for band in (nir, swir2)), quality]).round().astype(np.uint16)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for day in DAYS:
        width = EAST if day.year == 2022 else COLUMNS
        place = {"width": width, "height": ROWS, "count": 3, "crs": GRID.crs, "transform": GRID.transform}
        with rasterio.open(folder / f"SIM_LC08_002_{day:%Y%m%d}.tif", "w", dtype="uint16", **place) as file:
            file.write(_looks(day)[:, :, :width])
    return folder


@pytest.fixture(autouse=True)
def _method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.ccdc, "segments", stand_in)


@pytest.fixture(scope="module")
def whole(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> HistoryOutcome:
    """One run, in one tile, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.ccdc, "segments", stand_in)
        return start(scenes, tmp_path_factory.mktemp("whole"))


def index(outcome: HistoryOutcome) -> NDArray[np.int16]:
    with rasterio.open(outcome.folder / "index_yearly.tif") as file:
        stored: NDArray[np.int16] = file.read()
        return stored


def nbr(day: date) -> NDArray[np.float64]:
    nir, swir2 = _looks(day)[:2] * 2.75e-5 - 0.2
    return np.asarray((nir - swir2) / (nir + swir2))


def by_hand(made: Callable[[date], NDArray[np.float64]], days: list[date]) -> NDArray[np.float64]:
    """(year, y, x) of the days of each year the value with the least sum of distances to the others, the earliest of several."""
    layers = []
    for year in (2020, 2021, 2022):
        values = np.stack([made(day) for day in days if day.year == year])
        nearest = np.abs(values[:, None] - values[None]).sum(1).round(6).argmin(0)
        layers.append(np.take_along_axis(values, nearest[None], 0)[0])
    found = np.stack(layers)
    found[:, HIDDEN - 2 :] = np.nan
    found[2, :, EAST:] = np.nan
    return found


def test_every_band_is_the_medoid_of_its_year(whole: HistoryOutcome) -> None:
    expected = by_hand(nbr, DAYS)
    stored = index(whole)
    np.testing.assert_array_equal(stored == NOTHING, np.isnan(expected))
    seen = np.isfinite(expected)
    assert 0.2 < seen.mean() < 0.8
    np.testing.assert_allclose(stored[seen] * 0.0001, expected[seen], rtol=0, atol=0.00005 + 1e-6)


def test_the_season_of_the_job_is_that_of_the_years(scenes: Path, tmp_path: Path) -> None:
    dry = start(scenes, tmp_path, annual=Annual(first_day=100, last_day=300))
    days = [day for day in DAYS if 100 <= day.timetuple().tm_yday <= 300]
    expected = by_hand(nbr, days)
    seen = np.isfinite(expected)
    np.testing.assert_array_equal(index(dry) == NOTHING, ~seen)
    np.testing.assert_allclose(index(dry)[seen] * 0.0001, expected[seen], rtol=0, atol=0.00005 + 1e-6)


def test_a_plain_reader_knows_years_scale_and_what_it_is(whole: HistoryOutcome) -> None:
    with rasterio.open(whole.folder / "index_yearly.tif") as file:
        assert file.descriptions == ("2020", "2021", "2022")
        assert file.scales == (0.0001,) * 3 and file.offsets == (0.0,) * 3
        assert (file.nodata, set(file.dtypes)) == (NOTHING, {"int16"})
        tags = file.tags()
        assert (tags["INDEX"], tags["SIMULATED"], tags["COLLECTION"]) == ("nbr", "false", "archive")
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    asset = pystac.Item.from_file(whole.folder / "item.json").assets["index_yearly"].extra_fields
    assert (asset["data_type"], asset["nodata"]) == ("int16", NOTHING)
    assert asset["bands"] == [{"name": str(year), "raster:scale": 0.0001} for year in (2020, 2021, 2022)]
    assert not (whole.folder / "index_yearly.qml").exists()


@pytest.mark.parametrize("size", [5, 16, 24])
def test_any_tiling_gives_the_same(scenes: Path, whole: HistoryOutcome, tmp_path: Path, size: int) -> None:
    tiled = start(scenes, tmp_path, tile=size)
    np.testing.assert_array_equal(index(tiled), index(whole))
    assert tiled.tiles_done > 1


def test_a_tile_that_was_not_seen_in_every_year_finds_its_place(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a source that says where its scenes lie, so that of 2020 and 2022 nothing is asked for the easternmost tile."""
    bounds = to_lonlat(box(*GRID.window(0, 0, ROWS, EAST).bounds), GRID.crs).bounds

    def placed(asked: HistoryConfig) -> HistoryPlan:
        work = plan_history(asked)
        west = (replace(row, bounds=bounds) if row.scene.when.year != 2021 else row for row in work.rows)
        return replace(work, rows=tuple(west))

    monkeypatch.setattr(driver, "plan_history", placed)
    tiled = start(scenes, tmp_path, tile=16)
    expected = index(whole)
    expected[0, :, 32:] = NOTHING
    np.testing.assert_array_equal(index(tiled), expected)
    results = [np.load(file) for file in (tmp_path / "archive" / "tiles").iterdir()]
    assert {(int(found["index_first"]), len(found["index"])) for found in results} == {(2020, 3), (2021, 1)}


def test_bands_of_rows_give_the_same(
    scenes: Path, whole: HistoryOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "BAND_BYTES", 5 * len(DAYS) * COLUMNS * 4)
    np.testing.assert_array_equal(index(start(scenes, tmp_path)), index(whole))


def test_cells_that_are_not_forest_have_their_index_too(scenes: Path, whole: HistoryOutcome, tmp_path: Path) -> None:
    woods = np.zeros((ROWS, COLUMNS), np.uint8)
    woods[:3] = 1
    place = {"width": COLUMNS, "height": ROWS, "count": 1, "crs": GRID.crs, "transform": GRID.transform}
    with rasterio.open(tmp_path / "woods.tif", "w", dtype="uint8", **place) as file:
        file.write(woods, 1)
    layer = Layer(path=tmp_path / "woods.tif", source="simulated", version="1", equals=(1,))
    bare = start(scenes, tmp_path, context=Context(forest=layer))
    with rasterio.open(bare.folder / "segmented.tif") as file:
        assert len(np.unique(file.read(1)[:7])) > 1, "the baseline counts elsewhere"
    np.testing.assert_array_equal(index(bare), index(whole))


def test_an_index_that_loss_raises_is_written_as_it_is(scenes: Path, tmp_path: Path) -> None:
    dark = start(scenes, tmp_path, prepare=Prepare(index="swir2", loss="raises"))
    expected = by_hand(lambda day: _looks(day)[1] * 2.75e-5 - 0.2, DAYS)
    seen = np.isfinite(expected)
    np.testing.assert_allclose(index(dark)[seen] * 0.0001, expected[seen], rtol=0, atol=0.00005 + 1e-6)
    with rasterio.open(dark.folder / "index_yearly.tif") as file:
        assert file.tags()["INDEX"] == "swir2"


def test_a_tile_result_without_its_years_is_made_again(scenes: Path, tmp_path: Path) -> None:
    asked = config(scenes, tmp_path)
    start(scenes, tmp_path)
    (file,) = (home(asked) / "tiles").iterdir()
    grid = plan_history(asked).tiles[0].grid
    assert tile.read_result(file, grid) is not None
    with np.load(file) as found:
        older = {name: found[name] for name in found.files if name != "index"}
    np.savez_compressed(file, allow_pickle=False, **older)
    assert tile.read_result(file, grid) is None
    assert start(scenes, tmp_path).tiles_done == 1


@pytest.mark.parametrize(("most", "unit"), [(1.0, 0.0001), (3.2, 0.0001), (4.0, 0.001), (300.0, 0.01), (1e9, 1.0)])
def test_the_scale_holds_whatever_prepare_lets_pass(scenes: Path, tmp_path: Path, most: float, unit: float) -> None:
    asked = config(scenes, tmp_path)
    work = plan_history(replace(asked, prepare=replace(asked.prepare, valid_max=most)))
    assert step(work) == pytest.approx(unit)


def test_memory_counts_the_years_of_a_tile_and_of_the_whole(scenes: Path, tmp_path: Path) -> None:
    work = plan_history(config(scenes, tmp_path))
    wide = replace(work, grid=work.grid.window(0, 0, MOST, MOST))
    two = replace(wide, rows=tuple(row for row in wide.rows if row.scene.when.year < 2022))
    cells = MOST**2 / 1e9
    assert stitching_gb(wide) - stitching_gb(two) > 4 * 2 * cells
    assert memory_gb(work) > memory_gb(replace(work, rows=work.rows[:1]))
    assert estimate(work)["gigabytes of memory to put together"] == pytest.approx(stitching_gb(work), abs=0.01)
    check_memory(work)
    with pytest.raises(
        BadInput, match=r"archive: putting 3 years of 100000 x 100000 cells together needs about"
    ) as error:
        check_memory(wide)
    assert "\n" not in str(error.value)
    check_memory(_allowing(wide, stitching_gb(wide) + 1))


def _allowing(work: HistoryPlan, gigabytes: float) -> HistoryPlan:
    asked: Any = replace(work.config, cluster=Cluster(memory_gb_per_worker=gigabytes))
    assert isinstance(asked, HistoryConfig)
    return replace(work, config=asked)


def test_a_pond_is_no_forest_where_bands_tell() -> None:
    """NBR is as high over it. Of an index that loss raises, 0 would be forest: nothing is changed there (`levels`)."""
    scenes = tuple(Scene(to_day(day) * SECONDS_A_DAY, "landsat-8", str(day)) for day in DAYS[:2])
    nbr_, green, nir = (
        np.full((2, 3), 0.6, np.float32),
        np.full((2, 3), 0.05, np.float32),
        np.full((2, 3), 0.3, np.float32),
    )
    nir[0, 1], nbr_[1, 2] = 0.02, np.nan
    values = np.stack([nbr_, green, nir], 1)
    found = without_water(scenes, values, ("nbr", "green", "nir")).values[:, 0]
    np.testing.assert_array_equal(found, np.array([[0.6, 0, 0.6], [0.6, 0.6, np.nan]], np.float32))
    np.testing.assert_array_equal(without_water(scenes, values, ("nbr", "red", "nir")).values[:, 0], nbr_)
    assert values[0, 0, 1] == np.float32(0.6), "the looks themselves stay"
