"""Local rasters: read as stored, a status for every look, and a user's mistake ends in one clear line."""

import json
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning

from detection.codes import Observation
from detection.errors import BadInput, DetectionError, GridMismatch, NoImagery, UnknownBand
from detection.sources import Source
from detection.sources.files import Files, FilesParameters
from detection.types import Grid, Raw, to_day

ALL = (-1_000_000, 1_000_000)
WEST, NORTH = 600_000, 9_000_000
OBSERVED, MASKED, OUTSIDE, MISSING, FAILED = (int(code) for code in Observation)
PATTERN = r"l_(?P<date>\d{8})\.tif"


def write_tif(
    path: Path,
    values: Any,
    *,
    crs: str | None = "EPSG:32719",
    corner: tuple[float, float] = (WEST, NORTH),
    size: float = 30,
    **options: Any,
) -> Path:
    """A GeoTIFF of (band, y, x) values."""
    array = np.asarray(values)
    options = {"transform": Affine(size, 0, corner[0], 0, -size, corner[1])} | options
    shape = {"count": array.shape[0], "height": array.shape[1], "width": array.shape[2], "dtype": array.dtype}
    with (
        warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="GTiff", crs=crs, **shape, **options) as target,
    ):
        target.write(array)
    return path


def numbers(seed: int, bands: int = 1, shape: tuple[int, int] = (7, 9), dtype: str = "int16") -> Any:
    return np.random.default_rng(seed).integers(1, 10_000, (bands, *shape)).astype(dtype)


def dated(folder: Path, **keys: Any) -> Files:
    given: dict[str, Any] = {"layout": "dated", "bands": ("nbr",), "pattern": PATTERN}
    return Files(FilesParameters(folder=folder, **(given | keys)))


def stacked(folder: Path, table: str, **keys: Any) -> Files:
    (folder / "bands.csv").write_text(table)
    given: dict[str, Any] = {"layout": "stacked", "bands": ("ndmi",), "table": Path("bands.csv")}
    return Files(FilesParameters(folder=folder, **(given | keys)))


def cubed(folder: Path, name: str = "cube.zarr", **keys: Any) -> Files:
    given: dict[str, Any] = {"layout": "cube", "bands": ("nbr",), "path": Path(name)}
    return Files(FilesParameters(folder=folder, **(given | keys)))


def read_all(source: Files, grid: Grid | None = None, bands: tuple[str, ...] | None = None) -> Raw:
    return source.read(grid or source.grid(), source.manifest(*ALL), bands or source.parameters.bands)


def spoil(path: Path, row: int, column: int, band: int = 1) -> None:
    """Overwrite one compressed block."""
    with rasterio.open(path) as source:
        where = [source.get_tag_item(f"BLOCK_{k}_{column}_{row}", "TIFF", bidx=band) for k in ("OFFSET", "SIZE")]
    with path.open("r+b") as stream:
        stream.seek(int(where[0]))
        stream.write(b"\xff" * int(where[1]))


# --- what is read is what is stored -----------------------------------------------------------------------------------


def test_dated_folder_reads_bit_by_bit(tmp_path: Path) -> None:
    first, second = numbers(1, 2), numbers(2, 2)
    write_tif(tmp_path / "l_20210105.tif", second)
    write_tif(tmp_path / "l_20200105.tif", first)
    (tmp_path / "notes.txt").write_text("not matched, left alone")
    source: Source = dated(tmp_path, bands=("red", "nir"), platform="landsat-8")
    grid = source.grid()
    assert grid == Grid("EPSG:32719", WEST, NORTH, 30, (7, 9))
    rows = source.manifest(*ALL)
    scenes = tuple(row.scene for row in rows)
    assert [(s.id, s.day, s.platform) for s in scenes] == [
        ("l_20200105", 18_266, "landsat-8"),
        ("l_20210105", 18_632, "landsat-8"),
    ]
    assert scenes[0].instant % 86_400 == 0
    raw = source.read(grid, rows[::-1], ("nir", "red"))
    assert raw.scenes == scenes
    assert raw.values.dtype == np.int16
    np.testing.assert_array_equal(raw.values, np.stack([first[::-1], second[::-1]]))
    assert (raw.observation == OBSERVED).all()


def test_period_is_half_open(tmp_path: Path) -> None:
    for day in ("20200101", "20200102", "20200103"):
        write_tif(tmp_path / f"l_{day}.tif", numbers(1))
    first = 18_262
    assert [r.scene.day for r in dated(tmp_path).manifest(first, first + 2)] == [first, first + 1]
    assert dated(tmp_path).manifest(0, 1) == ()


def test_one_file_per_band_makes_one_scene(tmp_path: Path) -> None:
    red, nir = numbers(1), numbers(2)
    write_tif(tmp_path / "S2A_R032_20200101T143000_B04.tif", red)
    write_tif(tmp_path / "S2A_R032_20200101T143000_B08.tif", nir)
    write_tif(tmp_path / "S2A_R032_20200101T143000_B12.tif", nir)
    pattern = r"(?P<platform>S2.)_(?P<orbit>R\d+)_(?P<date>\d+T\d+)_(?P<band>B\d\d)\.tif"
    source = dated(tmp_path, bands=("B08", "B04"), pattern=pattern, date_format="%Y%m%dT%H%M%S")
    scene = source.manifest(*ALL)[0].scene
    assert (scene.id, scene.platform, scene.orbit) == ("S2A_R032_20200101T143000", "S2A", "R032")
    assert f"{scene.when:%Y-%m-%d %H:%M:%S}" == "2020-01-01 14:30:00"
    np.testing.assert_array_equal(read_all(source).values[0], np.concatenate([nir, red]))


def test_stacked_files_follow_the_table(tmp_path: Path) -> None:
    stack, other = numbers(1, 3), numbers(2, 1)
    write_tif(tmp_path / "a.tif", stack)
    write_tif(tmp_path / "b.tif", other)
    table = (
        "file,band,date,platform,orbit\na.tif,3,2020-01-01,landsat-5,233\nb.tif,1,2020-01-01,,\na.tif,1,2019-05-05,,\n"
    )
    source = stacked(tmp_path, table)
    scenes = [row.scene for row in source.manifest(*ALL)]
    assert [(s.id, s.platform, s.orbit) for s in scenes] == [
        ("a-1", "unknown", ""),
        ("a-3", "landsat-5", "233"),
        ("b-1", "unknown", ""),
    ]
    np.testing.assert_array_equal(read_all(source).values[:, 0], [stack[0], stack[2], other[0]])


def test_stacked_bands_of_one_date_meet_in_one_scene(tmp_path: Path) -> None:
    stack = numbers(1, 3)
    write_tif(tmp_path / "a.tif", stack)
    table = "file,band,date,name\na.tif,1,2020-01-01,vv\na.tif,2,2020-01-01,vh\na.tif,3,2020-01-13,vv\n"
    source = stacked(tmp_path, table, bands=("vv", "vh"))
    raw = read_all(source)
    assert [s.id for s in raw.scenes] == ["a-20200101", "a-20200113"]
    np.testing.assert_array_equal(raw.values[0], stack[:2])
    assert (raw.observation[1] == MISSING).all()
    assert (read_all(source, bands=("vv",)).observation == OBSERVED).all()


def test_two_scenes_of_one_date_stay_apart(tmp_path: Path) -> None:
    write_tif(tmp_path / "a.tif", numbers(1, 2))
    source = stacked(tmp_path, "file,band,date,scene\na.tif,1,2020-01-01,P233\na.tif,2,2020-01-01,P232\n")
    assert [r.scene.id for r in source.manifest(*ALL)] == ["P232", "P233"]


def test_each_file_is_opened_once_for_its_header_and_once_a_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tif(tmp_path / "a.tif", numbers(1, 5))
    rows = "".join(f"a.tif,{i},2020-01-0{i}\n" for i in range(1, 6))
    source = stacked(tmp_path, "file,band,date\n" + rows)
    opened: list[Path] = []
    real = rasterio.open

    def counted(path: Path, **keys: Any) -> Any:
        opened.append(path)
        return real(path, **keys)

    monkeypatch.setattr(rasterio, "open", counted)
    source.manifest(*ALL)
    assert len(opened) == 0
    read_all(source)
    read_all(source)
    assert len(opened) == 3


def test_a_source_travels_to_a_worker(tmp_path: Path) -> None:
    write_tif(tmp_path / "l_20200101.tif", numbers(1))
    source = dated(tmp_path)
    before = read_all(source)
    after = read_all(pickle.loads(pickle.dumps(source)))
    np.testing.assert_array_equal(before.values, after.values)


# --- types and masks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        (("uint8", "uint8"), "uint8"),
        (("uint8", "int16"), "int16"),
        (("int16", "uint16"), "int32"),
        (("float32", "int16"), "float32"),
        (("float64", "float64"), "float32"),
    ],
)
def test_common_stored_type(tmp_path: Path, kinds: tuple[str, str], wanted: str) -> None:
    for year, kind in zip((2020, 2021), kinds, strict=True):
        write_tif(tmp_path / f"l_{year}0101.tif", (numbers(1) % 200).astype(kind))
    raw = read_all(dated(tmp_path))
    assert raw.values.dtype == wanted
    np.testing.assert_array_equal(raw.values[0, 0], (numbers(1) % 200)[0])


def test_nan_inf_and_nodata_are_masked(tmp_path: Path) -> None:
    lowest = float(np.finfo(np.float64).min)
    values = np.array([[[1.0, np.nan, np.inf, -np.inf, lowest, -9999.0]]])
    write_tif(tmp_path / "l_20200101.tif", values, nodata=lowest)
    assert read_all(dated(tmp_path)).observation[0, 0].tolist() == [OBSERVED] + 4 * [MASKED] + [OBSERVED]
    override = read_all(dated(tmp_path, nodata=-9999.0))
    assert override.observation[0, 0].tolist() == [OBSERVED] + 3 * [MASKED] + [OBSERVED, MASKED]


def test_nodata_outside_an_integer_type_masks_nothing(tmp_path: Path) -> None:
    write_tif(tmp_path / "l_20200101.tif", np.array([[[0, 1, 255]]], np.uint8))
    assert (read_all(dated(tmp_path, nodata=-9999.0)).observation == OBSERVED).all()
    assert read_all(dated(tmp_path, nodata=255.0)).observation.ravel().tolist() == [OBSERVED, OBSERVED, MASKED]


def test_nodata_in_any_band_masks_the_cell(tmp_path: Path) -> None:
    values = np.array([[[5, -1, 5, -1]], [[5, 5, -1, -1]]], np.int16)
    write_tif(tmp_path / "l_20200101.tif", values, nodata=-1)
    source = dated(tmp_path, bands=("vv", "vh"))
    assert read_all(source).observation.ravel().tolist() == [OBSERVED, MASKED, MASKED, MASKED]
    assert read_all(source, bands=("vv",)).observation.ravel().tolist() == [OBSERVED, MASKED, OBSERVED, MASKED]


def test_a_mask_inside_the_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "l_20200101.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_tif(path, numbers(1, shape=(1, 3)))
        with rasterio.open(path, "r+") as target:
            target.write_mask(np.array([[255, 0, 255]], np.uint8))
    assert not path.with_name("l_20200101.tif.msk").exists()
    assert read_all(dated(tmp_path)).observation.ravel().tolist() == [OBSERVED, MASKED, OBSERVED]


# --- one status each --------------------------------------------------------------------------------------------------


def test_outside_is_not_missing(tmp_path: Path) -> None:
    write_tif(tmp_path / "west_20200101_a.tif", numbers(1, shape=(2, 2)))
    write_tif(tmp_path / "east_20200102_a.tif", numbers(2, shape=(2, 2)), corner=(WEST + 60, NORTH - 30))
    write_tif(tmp_path / "east_20200102_b.tif", numbers(3, shape=(2, 2)), corner=(WEST + 30, NORTH))
    source = dated(tmp_path, bands=("a", "b"), pattern=r"\w+_(?P<date>\d{8})_(?P<band>\w)\.tif")
    raw = read_all(source)
    assert raw.grid.shape == (3, 4)
    assert (raw.observation[0] == MISSING).all()
    o, x = OUTSIDE, OBSERVED
    assert raw.observation[1].tolist() == [[o, o, o, o], [o, o, x, o], [o, o, o, o]]
    alone = read_all(source, bands=("a",)).observation
    assert alone[0].tolist() == [[x, x, o, o], [x, x, o, o], [o, o, o, o]]
    assert alone[1].tolist() == [[o, o, o, o], [o, o, x, x], [o, o, x, x]]


def corrupt_folder(folder: Path) -> Files:
    """Two dates of 32 x 32 cells in 16 x 16 blocks; the lower right block of the first does not decode."""
    for year in (2020, 2021):
        options: dict[str, Any] = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
        write_tif(folder / f"l_{year}0101.tif", numbers(year, shape=(32, 32)), **options)
    spoil(folder / "l_20200101.tif", 1, 1)
    return dated(folder)


def test_a_corrupt_block_fails_its_scene_only(tmp_path: Path) -> None:
    source = corrupt_folder(tmp_path)
    grid = source.grid().pad(1)
    raw = read_all(source, grid)
    assert (raw.observation[0, 1:-1, 1:-1] == FAILED).all()
    assert (raw.observation[:, 0] == OUTSIDE).all()
    assert (raw.observation[1, 1:-1, 1:-1] == OBSERVED).all()
    np.testing.assert_array_equal(raw.values[1, 0, 1:-1, 1:-1], numbers(2021, shape=(32, 32))[0])
    read_all(source, grid)
    ((scene, reason),) = source.failures
    assert scene == "l_20200101"
    assert reason
    assert "\n" not in reason


def test_only_the_window_is_read(tmp_path: Path) -> None:
    source = corrupt_folder(tmp_path)
    raw = read_all(source, source.grid().window(0, 0, 16, 32))
    assert (raw.observation == OBSERVED).all()
    assert source.failures == []


def test_a_corrupt_band_spares_the_others_of_its_file(tmp_path: Path) -> None:
    stack = numbers(1, 3, (16, 16))
    write_tif(tmp_path / "a.tif", stack, interleave="band", compress="deflate")
    spoil(tmp_path / "a.tif", 0, 0, band=2)
    source = stacked(tmp_path, "file,band,date\na.tif,1,2020-01-01\na.tif,2,2020-01-02\na.tif,3,2020-01-03\n")
    raw = read_all(source)
    assert [int(o.min()) for o in raw.observation] == [OBSERVED, FAILED, OBSERVED]
    np.testing.assert_array_equal(raw.values[2, 0], stack[2])
    assert [scene for scene, _ in source.failures] == ["a-2"]


def test_a_file_gone_between_header_and_read_fails_its_scene(tmp_path: Path) -> None:
    for year in (2020, 2021):
        write_tif(tmp_path / f"l_{year}0101.tif", numbers(year))
    source = dated(tmp_path)
    grid = source.grid()
    (tmp_path / "l_20210101.tif").unlink()
    assert [int(o.min()) for o in read_all(source, grid).observation] == [OBSERVED, FAILED]


def test_no_scenes_is_an_empty_cube(tmp_path: Path) -> None:
    write_tif(tmp_path / "l_20200101.tif", numbers(1))
    source = dated(tmp_path)
    assert source.read(source.grid(), (), ("nbr",)).values.shape == (0, 1, 7, 9)


# --- lattices ---------------------------------------------------------------------------------------------------------


def test_files_shifted_by_whole_cells_need_no_warp(tmp_path: Path) -> None:
    a, b = numbers(1, shape=(3, 3)), numbers(2, shape=(3, 3))
    write_tif(tmp_path / "l_20200101.tif", a, corner=(WEST + 30, NORTH - 90))
    write_tif(tmp_path / "l_20210101.tif", b, corner=(WEST + 90, NORTH - 30))
    source = dated(tmp_path)
    grid = source.grid()
    assert (grid.west, grid.north, grid.shape) == (WEST, NORTH, (6, 6))
    raw = read_all(source)
    np.testing.assert_array_equal(raw.values[0, 0, 3:6, 1:4], a[0])
    np.testing.assert_array_equal(raw.values[1, 0, 1:4, 3:6], b[0])
    assert (raw.observation == OBSERVED).sum(axis=(1, 2)).tolist() == [9, 9]
    assert source.shift_m(grid) == (0, 0)


@pytest.mark.parametrize(
    ("east", "south", "row", "column", "off"),
    [(15, 15, 0, 0, (15, -15)), (10, -10, 0, 0, (10, 10)), (20, 40, 1, 1, (-10, -10)), (-15, 0, -1, -1, (15, 0))],
)
def test_a_part_of_a_cell_takes_the_nearest_cell_and_tells(
    tmp_path: Path, east: int, south: int, row: int, column: int, off: tuple[int, int]
) -> None:
    values = numbers(1, shape=(4, 4))
    write_tif(tmp_path / "l_20200101.tif", values, corner=(WEST + east, NORTH - south))
    source = dated(tmp_path)
    grid = Grid("EPSG:32719", WEST - 60, NORTH + 60, 30, (8, 8))
    row = 0 if row < 0 else row
    raw = read_all(source, grid)
    np.testing.assert_array_equal(raw.values[0, 0, 2 + row : 6 + row, 2 + column : 6 + column], values[0])
    assert (raw.observation == OBSERVED).sum() == 16
    assert source.shift_m(grid) == off
    assert source.shift_m(grid.window(1, 3, 2, 2)) == off


def test_landsat_north_zone_over_the_southern_hemisphere(tmp_path: Path) -> None:
    values = numbers(1, shape=(4, 4))
    write_tif(tmp_path / "l_20200101.tif", values, crs="EPSG:32619", corner=(WEST, -1_000_000))
    source = dated(tmp_path)
    # 10,000,000 m is no multiple of 30 m: the lattice of the south zone lies 10 m off, and the nearest cell is taken.
    south = Grid("EPSG:32719", WEST, 9_000_000, 30, (4, 4))
    assert source.grid() == south
    np.testing.assert_array_equal(read_all(source, south).values[0, 0], values[0])
    assert source.shift_m(south) == (0, 0)
    north = Grid("EPSG:32619", WEST, -999_990, 30, (4, 4))
    assert source.shift_m(north) == (0, -10)
    np.testing.assert_array_equal(read_all(source, north).values[0, 0], values[0])


def test_both_hemispheres_of_a_zone_meet(tmp_path: Path) -> None:
    a, b = numbers(1, shape=(2, 2)), numbers(2, shape=(2, 2))
    write_tif(tmp_path / "l_20200101.tif", a, crs="EPSG:32619", corner=(WEST, -1_000_000))
    write_tif(tmp_path / "l_20210101.tif", b, crs="EPSG:32719", corner=(WEST, 9_000_000))
    raw = read_all(dated(tmp_path))
    assert raw.grid.crs == "EPSG:32719"
    np.testing.assert_array_equal(raw.values[:, 0], [a[0], b[0]])


def test_crs_of_the_parameters_stands_in(tmp_path: Path) -> None:
    write_tif(tmp_path / "l_20200101.tif", numbers(1), crs=None)
    assert dated(tmp_path, crs="EPSG:32718").grid().crs == "EPSG:32718"


# --- invariants -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ragged(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Two-band files of unlike reach, with nodata, a missing band and a shift of a part of a cell."""
    folder = tmp_path_factory.mktemp("ragged")
    for i in range(5):
        values = numbers(i, shape=(10 + i, 14 - i))
        values[values % 7 == 0] = -1
        for band in ("a", "b")[: 1 + (i != 3)]:
            corner = (WEST + 15 + 60 * i, NORTH - 15 - 90 * (i % 2))
            write_tif(folder / f"{band}_2020010{1 + i}.tif", values, corner=corner, nodata=-1)
    return dated(folder, bands=("a", "b"), pattern=r"(?P<band>.)_(?P<date>\d{8})\.tif")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_window_is_the_crop_of_the_whole(ragged: Files, data: st.DataObject) -> None:
    whole = read_all(ragged)
    rows, columns = whole.grid.shape
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    size = data.draw(st.integers(1, rows - row)), data.draw(st.integers(1, columns - column))
    inner = np.s_[..., row : row + size[0], column : column + size[1]]
    try:
        part = read_all(ragged, whole.grid.window(row, column, *size))
    except NoImagery:
        assert np.isin(whole.observation[inner], (OUTSIDE, MISSING)).all()
        return
    np.testing.assert_array_equal(part.values, whole.values[inner])
    np.testing.assert_array_equal(part.observation, whole.observation[inner])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4)), st.permutations(["a", "b"]))
def test_any_subset_in_any_order_is_the_part_of_the_whole(ragged: Files, picks: list[int], bands: list[str]) -> None:
    whole, rows = read_all(ragged), ragged.manifest(*ALL)
    part = ragged.read(whole.grid, [rows[i] for i in picks], bands)
    keep = sorted(set(picks))
    assert part.scenes == tuple(rows[i].scene for i in keep)
    np.testing.assert_array_equal(part.values, whole.values[keep][:, ["ab".index(b) for b in bands]])
    np.testing.assert_array_equal(part.observation, whole.observation[keep])


@settings(max_examples=15, deadline=None)
@given(st.integers(-12, 12), st.integers(-12, 12))
def test_cells_beyond_the_data_are_outside(ragged: Files, row: int, column: int) -> None:
    whole = read_all(ragged)
    moved = whole.grid.window(row, column, 20, 20)
    raw = read_all(ragged, moved)
    canvas = np.full((5, 60, 60), OUTSIDE, np.uint8)
    canvas[3] = MISSING
    canvas[:, 20 : 20 + whole.grid.shape[0], 20 : 20 + whole.grid.shape[1]] = whole.observation
    np.testing.assert_array_equal(raw.observation, canvas[:, 20 + row : 40 + row, 20 + column : 40 + column])


# --- cubes ------------------------------------------------------------------------------------------------------------


def cube_of(values: Any, *, rising: bool = False, **attrs: Any) -> xr.Dataset:
    """A cube of (time, y, x) values, 30 m."""
    times = np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "datetime64[ns]")[: len(values)]
    y = NORTH - 15.0 - 30 * np.arange(values.shape[1])
    x = WEST + 15.0 + 30 * np.arange(values.shape[2])
    cube = xr.Dataset({"nbr": (("time", "y", "x"), values)}, {"time": times, "y": y, "x": x}, attrs)
    return cube.isel(y=slice(None, None, -1)) if rising else cube


def save(cube: xr.Dataset, folder: Path, name: str = "cube.zarr", **options: Any) -> Path:
    if name.endswith(".nc"):
        cube.to_netcdf(folder / name, engine=options.get("engine", "scipy"))
    else:
        cube.to_zarr(folder / name, consolidated=False, **({"zarr_format": 3} | options))
    return folder / name


CRS: dict[str, Any] = {"crs": "EPSG:32719"}
THREE = np.random.default_rng(5).normal(0.5, 0.1, (3, 6, 4)).astype(np.float32)


@pytest.mark.parametrize("rising", [False, True])
@pytest.mark.parametrize(("name", "options"), [("c.zarr", {"zarr_format": 2}), ("c.zarr", {}), ("c.nc", {})])
def test_cube_reads_bit_by_bit(tmp_path: Path, name: str, options: dict[str, Any], rising: bool) -> None:
    values = THREE.copy()
    values[1, 2, 3] = np.nan
    save(cube_of(values, rising=rising, **CRS), tmp_path, name, **options)
    source: Source = cubed(tmp_path, name)
    grid = source.grid()
    assert grid == Grid("EPSG:32719", WEST, NORTH, 30, (6, 4))
    scenes = source.manifest(*ALL)
    assert (scenes[0].scene.id, f"{scenes[0].scene.when:%F}") == ("c-20200101", "2020-01-01")
    raw = source.read(grid.pad(1), scenes[1:], ("nbr",))
    np.testing.assert_array_equal(raw.values[:, 0, 1:-1, 1:-1], values[1:])
    assert raw.observation[0, 3, 4] == MASKED
    assert (raw.observation[:, 0] == OUTSIDE).all()
    assert (raw.observation == OBSERVED).sum() == 47
    window = source.read(grid.window(1, 1, 2, 3), scenes, ("nbr",))
    np.testing.assert_array_equal(window.values[:, 0], values[:, 1:3, 1:4])


def test_netcdf4_cube(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py absent: NetCDF-4 cubes cannot be written or read here")
    save(cube_of(THREE, **CRS), tmp_path, "c.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_all(cubed(tmp_path, "c.nc")).values[:, 0], THREE)


def test_cube_variables_coordinates_and_dimension_order(tmp_path: Path) -> None:
    cube = cube_of(THREE).rename(nbr="NBR_index").transpose("y", "x", "time")
    cube["spatial_ref"] = ((), 0, {"crs_wkt": rasterio.CRS.from_epsg(32719).to_wkt()})
    cube = cube.assign_coords(scene=("time", ["c", "b", "a"]), platform=("time", ["l8", "l9", "l8"]))
    save(cube, tmp_path, zarr_format=2)
    raw = read_all(cubed(tmp_path, variables=("NBR_index",)))
    assert [(s.id, s.platform) for s in raw.scenes] == [("c", "l8"), ("b", "l9"), ("a", "l8")]
    assert raw.grid.crs == "EPSG:32719"
    np.testing.assert_array_equal(raw.values[:, 0], THREE)


def test_cube_keeps_integers_and_their_fill(tmp_path: Path) -> None:
    values = (THREE * 1000).astype(np.int16)
    cube = cube_of(values, **CRS)
    cube["nbr"].attrs["_FillValue"] = np.int16(values[0, 0, 0])
    save(cube, tmp_path)
    raw = read_all(cubed(tmp_path))
    assert raw.values.dtype == np.int16
    np.testing.assert_array_equal(raw.observation == MASKED, values == values[0, 0, 0])


def test_cube_dates_out_of_order_come_sorted(tmp_path: Path) -> None:
    save(cube_of(THREE, **CRS).isel(time=[2, 0, 1]), tmp_path)
    np.testing.assert_array_equal(read_all(cubed(tmp_path)).values[:, 0], THREE)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_corrupt_chunk_fails_its_scene_only(tmp_path: Path, zarr_format: int) -> None:
    encoding = {"nbr": {"chunks": (1, 6, 4)}}
    path = save(cube_of(THREE, **CRS), tmp_path, zarr_format=zarr_format, encoding=encoding)
    chunk = path / "nbr" / ("1.0.0" if zarr_format == 2 else "c/1/0/0")
    chunk.write_bytes(b"\xff" * chunk.stat().st_size)
    source = cubed(tmp_path)
    raw = read_all(source)
    assert [int(o.min()) for o in raw.observation] == [OBSERVED, FAILED, OBSERVED]
    np.testing.assert_array_equal(raw.values[2, 0], THREE[2])
    assert [scene for scene, _ in source.failures] == ["cube-20200201"]


def test_a_pickle_codec_is_refused_before_it_runs(tmp_path: Path) -> None:
    path = save(cube_of(THREE, **CRS), tmp_path, zarr_format=2)
    metadata = json.loads((path / "nbr/.zarray").read_text())
    filters = [{"id": "pickle", "protocol": 5}]
    (path / "nbr/.zarray").write_text(json.dumps(metadata | {"compressor": None, "filters": filters}))
    trap = tmp_path / "ran"
    for chunk in path.glob("nbr/?.?.?"):
        chunk.write_bytes(pickle.dumps(Trap(str(trap))))
    with pytest.raises(BadInput, match="codec 'pickle'"):
        read_all(cubed(tmp_path))
    assert not trap.exists()


class Trap:
    """Pickled, it leaves a file behind when it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self.path,)


# --- every mistake ends in one line -----------------------------------------------------------------------------------

Case = tuple[type[DetectionError], str, Callable[[Path], Files]]


def with_file(make: Callable[[Path], Any], **keys: Any) -> Callable[[Path], Files]:
    """A folder with one good file and one made by `make` at l_20210101.tif."""

    def build(folder: Path) -> Files:
        write_tif(folder / "l_20200101.tif", numbers(1))
        make(folder / "l_20210101.tif")
        return dated(folder, **keys)

    return build


def with_table(table: str, **keys: Any) -> Callable[[Path], Files]:
    def build(folder: Path) -> Files:
        write_tif(folder / "a.tif", numbers(1, 2))
        return stacked(folder, table, **keys)

    return build


def with_cube(change: Callable[[xr.Dataset], xr.Dataset], **keys: Any) -> Callable[[Path], Files]:
    def build(folder: Path) -> Files:
        save(change(cube_of(THREE, **CRS)), folder, zarr_format=2)
        return cubed(folder, **keys)

    return build


def truncate(path: Path, share: float = 0.6) -> None:
    write_tif(path, numbers(1, shape=(64, 64)), compress="deflate")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def huge(path: Path) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=20_000, height=20_000, count=1, dtype="uint8", sparse_ok=True, tiled=True,
        crs="EPSG:32719", transform=Affine(30, 0, WEST, 0, -30, NORTH),
    ):  # fmt: skip
        pass


def scaled(path: Path) -> None:
    write_tif(path, numbers(1))
    with rasterio.open(path, "r+") as target:
        target.scales = (0.0001,)


def vrt(path: Path) -> None:
    path.write_text('<VRTDataset rasterXSize="7" rasterYSize="7"></VRTDataset>')


def escape(path: Path) -> None:
    elsewhere = path.parent.parent / f"{path.parent.name}-elsewhere.tif"
    path.symlink_to(write_tif(elsewhere, numbers(1)))


def linked_store(folder: Path) -> Files:
    path = save(cube_of(THREE, **CRS), folder)
    (path / "nbr/zzz").symlink_to(folder.parent)
    return cubed(folder)


def text_cube(folder: Path) -> Files:
    (folder / "c.nc").write_text("not a cube")
    return cubed(folder, "c.nc")


def hdf_without_content(folder: Path) -> Files:
    (folder / "c.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    return cubed(folder, "c.nc")


def cut_netcdf(folder: Path) -> Files:
    path = save(cube_of(THREE, **CRS), folder, "c.nc")
    path.write_bytes(path.read_bytes()[:100])
    return cubed(folder, "c.nc")


def broken_json(folder: Path) -> Files:
    path = save(cube_of(THREE, **CRS), folder)
    (path / "nbr/zarr.json").write_text("{")
    return cubed(folder)


def two_endings(folder: Path) -> Files:
    for name in ("l_20200101.tif", "l_20200101.tiff"):
        write_tif(folder / name, numbers(1))
    return dated(folder, pattern=r"l_(?P<date>\d{8})\.tiff?")


def empty_folder(folder: Path) -> Files:
    (folder / "sub").mkdir()
    return dated(folder / "sub")


def with_text_beside(folder: Path) -> Files:
    (folder / "l_20200101.txt").touch()
    return good(folder, pattern=r"l_(?P<date>\d{8})\..*")


def with_mask_beside(folder: Path) -> Files:
    (folder / "l_20200101.tif.msk").touch()
    return good(folder)


def hollow_store(folder: Path) -> Files:
    (folder / "cube.zarr").mkdir()
    return cubed(folder)


def table_of_bytes(folder: Path) -> Files:
    source = stacked(folder, HEAD)
    (folder / "bands.csv").write_bytes(b"\xff\xfe\x00\x00")
    return source


def good(folder: Path, **keys: Any) -> Files:
    return with_file(lambda path: None, **keys)(folder)


def tif(**options: Any) -> Callable[[Path], Files]:
    return with_file(lambda path: write_tif(path, numbers(1), **options))


HEAD = "file,band,date\n"
CORPUS: dict[str, Case] = {
    "folder missing": (BadInput, "not a folder", lambda d: dated(d / "none")),
    "folder missing, stacked": (BadInput, "not a folder", lambda d: Files(FilesParameters(
        folder=d / "none", layout="stacked", bands=("a",), table=Path("t.csv")))),
    "folder empty": (BadInput, "holds no files", empty_folder),
    "nothing matches": (BadInput, "its 1 files .*'l_20200101.tif'", lambda d: good(d, pattern=r"x(?P<date>.*)")),
    "regex invalid": (BadInput, "no regular expression", lambda d: good(d, pattern="(")),
    "regex without date": (BadInput, "no group", lambda d: good(d, pattern=r"l_\d+\.tif")),
    "regex with a strange group": (BadInput, "'day' is not known", lambda d: good(
        d, pattern=r"l_(?P<date>\d{4})(?P<day>\d+)\.tif")),
    "regex takes the text too": (BadInput, "no .tif file", with_text_beside),
    "date impossible": (BadInput, "'l_20201301.tif': '20201301' is no date", lambda d: (
        write_tif(d / "l_20201301.tif", numbers(1)), good(d))[1]),
    "date format wrong": (BadInput, "no date of the form '%Q'", lambda d: good(d, date_format="%Q")),
    "date group empty": (BadInput, "no date", lambda d: good(d, pattern=r"l_\d{8}(?P<date>x)?\.tif")),
    "same stem twice": (BadInput, "twice", two_endings),
    "scene id not allowed": (BadInput, "scene id 'l 20200101'", lambda d: (
        write_tif(d / "l 20200101.tif", numbers(1)), dated(d, pattern=r"l (?P<date>\d+)\.tif"))[1]),
    "table missing": (BadInput, "does not exist", lambda d: Files(FilesParameters(
        folder=d, layout="stacked", bands=("a",), table=Path("t.csv")))),
    "table not text": (BadInput, "not readable as CSV", table_of_bytes),
    "table empty": (BadInput, "no column `file`; found nothing", with_table("")),
    "table without rows": (BadInput, "no rows", with_table(HEAD)),
    "column missing": (BadInput, "no column `date`", with_table("file,band,day\na.tif,1,2020-01-01\n")),
    "row too short": (BadInput, "line 2: 3 columns expected", with_table(HEAD + "a.tif,1\n")),
    "row too long": (BadInput, "line 3: 3 columns", with_table(HEAD + "a.tif,1,2020-01-01\na.tif,2,2020-01-01,x\n")),
    "file unknown": (BadInput, "'b.tif': no such file", with_table(HEAD + "b.tif,1,2020-01-01\n")),
    "file elsewhere": (BadInput, "leads out of the folder", with_table(HEAD + "../a.tif,1,2020-01-01\n")),
    "file absolute": (BadInput, "leads out of the folder", with_table(HEAD + "/etc/hostname,1,2020-01-01\n")),
    "file in /vsi": (BadInput, "leads out", with_table(HEAD + "/vsicurl/http://127.0.0.1:9/a.tif,1,2020-01-01\n")),
    "file by http": (BadInput, "no such file", with_table(HEAD + "http://127.0.0.1:9/a.tif,1,2020-01-01\n")),
    "file a folder": (BadInput, "not a regular file", with_table(HEAD + ".,1,2020-01-01\n")),
    "file name endless": (BadInput, "not a file name|no such file", with_table(f"{HEAD}{'a' * 5000},1,2020-01-01\n")),
    "file name with nul": (BadInput, "not a file name|not readable", with_table(HEAD + "a\0.tif,1,2020-01-01\n")),
    "band number too high": (BadInput, "band 3 was asked for", with_table(HEAD + "a.tif,3,2020-01-01\n")),
    "band number zero": (BadInput, "line 2: band '0'", with_table(HEAD + "a.tif,0,2020-01-01\n")),
    "band number no number": (BadInput, "band 'x'", with_table(HEAD + "a.tif,x,2020-01-01\n")),
    "bad date in the table": (BadInput, "line 2: '2020-13-01' is no date", with_table(HEAD + "a.tif,1,2020-13-01\n")),
    "row repeated": (BadInput, "scene a-1 has band ndmi twice", with_table(HEAD + "a.tif,1,2020-01-01\n" * 2)),
    "scene with two dates": (BadInput, "two dates", with_table(
        "file,band,date,scene,name\na.tif,1,2020-01-01,s,x\na.tif,2,2020-01-02,s,y\n", bands=("x", "y"))),
    "table id not allowed": (BadInput, "scene id", with_table(
        f"file,band,date,scene\na.tif,1,2020-01-01,{'s' * 129}\n")),
    "platform not allowed": (BadInput, "platform 'a b'", with_table(
        "file,band,date,platform\na.tif,1,2020-01-01,a b\n")),
    "names needed": (BadInput, "no column `name`", with_table(HEAD + "a.tif,1,2020-01-01\n", bands=("x", "y"))),
    "band nowhere": (UnknownBand, "no band 'ndmi'; there are ndml; did you mean 'ndml'", with_table(
        "file,band,date,name\na.tif,1,2020-01-01,ndml\n")),
    "band nowhere, by name": (UnknownBand, "no band 'B4'; there are B04; did you mean 'B04'", lambda d: (
        write_tif(d / "x_20200101_B04.tif", numbers(1)),
        dated(d, bands=("B4",), pattern=r"x_(?P<date>\d+)_(?P<band>B\d+)\.tif"))[1]),
    "fewer bands than named": (BadInput, "l_20200101.tif: band 2 was asked for, the file has 1", lambda d: good(
        d, bands=("a", "b"))),
    "no CRS": (BadInput, "l_20210101.tif: has no CRS", tif(crs=None)),
    "geographic CRS": (BadInput, "EPSG:4326 is geographic", tif(crs="EPSG:4326", size=0.0003, corner=(-70, -12))),
    "web Mercator": (BadInput, "EPSG:3857 is not a WGS 84 UTM zone", tif(crs="EPSG:3857")),
    "other zone": (GridMismatch, "CRS EPSG:32718, l_20200101.tif has EPSG:32719", tif(crs="EPSG:32718")),
    "CRS disputed": (GridMismatch, "the parameter `crs` says EPSG:32718", lambda d: good(d, crs="EPSG:32718")),
    "crs nonsense": (BadInput, "sources.crs: 'EPSG:4326'", lambda d: good(d, crs="EPSG:4326")),
    "zone 99": (BadInput, "sources.crs", lambda d: good(d, crs="EPSG:32799")),
    "other resolution": (GridMismatch, "l_20210101.tif: 10 m cells, l_20200101.tif has 30 m", tif(size=10)),
    "resolution not read": (GridMismatch, "cells of 90 x 90 m", tif(size=90)),
    "resolution not whole": (GridMismatch, "cells of 29.99", tif(size=29.99)),
    "oblong cells": (GridMismatch, "cells of 30 x 20 m", tif(transform=Affine(30, 0, WEST, 0, -20, NORTH))),
    "fractional shift": (GridMismatch, r"l_20210101.tif: shifted by \(10, 0\) m", tif(corner=(WEST + 10, NORTH))),
    "rotated": (BadInput, "rotated", tif(transform=Affine(30, 1, WEST, 1, -30, NORTH))),
    "south up": (BadInput, "not north-up", tif(transform=Affine(30, 0, WEST, 0, 30, NORTH))),
    "no transform": (BadInput, "does not say where it lies", tif(transform=None)),
    "complex numbers": (BadInput, "complex64", with_file(lambda p: write_tif(p, numbers(1, dtype="complex64")))),
    "scale stated": (BadInput, "states scale 0.0001", with_file(scaled)),
    "zero bytes": (BadInput, "l_20210101.tif: is empty", with_file(Path.touch)),
    "text": (BadInput, "is not a GeoTIFF", with_file(lambda p: p.write_text("date,value\n2020-01-01,0.5\n"))),
    "VRT": (BadInput, "is not a GeoTIFF .*VRTData", with_file(vrt)),
    "only the first bytes": (BadInput, "not readable as GeoTIFF", with_file(
        lambda p: p.write_bytes(b"II*\x00" + bytes(9)))),
    "truncated": (BadInput, "l_20210101.tif: (is cut short|not readable)", with_file(truncate)),
    "too large": (BadInput, "claims 20000 x 20000", with_file(huge)),
    "mask beside": (BadInput, "mask in a file of its own", with_mask_beside),
    "link out of the folder": (BadInput, "leads out", with_file(escape)),
    "cube missing": (BadInput, "no such file", lambda d: cubed(d)),
    "cube elsewhere": (BadInput, "leads out", lambda d: cubed(d, "../cube.zarr")),
    "cube of text": (BadInput, "neither a Zarr folder nor a NetCDF file", text_cube),
    "cube cut short": (BadInput, "not readable as a cube", cut_netcdf),
    "cube of empty HDF5": (BadInput, "not readable as a cube", hdf_without_content),
    "cube metadata broken": (BadInput, "metadata cannot be read", broken_json),
    "cube without arrays": (BadInput, "without Zarr arrays", hollow_store),
    "cube with a link": (BadInput, "'zzz' in it is a link", linked_store),
    "cube variable": (UnknownBand, "no band 'nb'; there are nbr; did you mean 'nbr'", with_cube(
        lambda c: c, variables=("nb",))),
    "cube dimensions": (BadInput, "dimensions 'time', 'row', 'x'", with_cube(lambda c: c.rename(y="row"))),
    "cube in degrees": (BadInput, "geographic", with_cube(lambda c: c.rename(y="lat", x="lon"))),
    "cube of text values": (BadInput, "holds", with_cube(lambda c: c.astype("S3"))),
    "cube scaled": (BadInput, "states scale 0.1", with_cube(
        lambda c: c.assign(nbr=c.nbr.assign_attrs(scale_factor=0.1)))),
    "cube without CRS": (BadInput, "has no CRS", with_cube(lambda c: c.drop_attrs())),
    "cube CRS nonsense": (BadInput, "CRS cannot be read", with_cube(lambda c: c.assign_attrs(crs="nonsense"))),
    "cube CRS geographic": (BadInput, "geographic", with_cube(lambda c: c.assign_attrs(crs="EPSG:4326"))),
    "cube without dates": (BadInput, "`time` holds no dates", with_cube(lambda c: c.assign_coords(time=[1, 2, 3]))),
    "cube dates twice": (BadInput, "stands twice along time", with_cube(
        lambda c: c.assign_coords(time=c.time.to_numpy()[[0, 0, 1]]))),
    "cube without x": (BadInput, "no numbers along `x`", with_cube(lambda c: c.drop_vars("x"))),
    "cube uneven": (BadInput, "not evenly spaced", with_cube(lambda c: c.isel(x=[0, 1, 3]))),
    "cube falling x": (BadInput, "`x` falls", with_cube(lambda c: c.isel(x=slice(None, None, -1)))),
    "cube of one cell": (BadInput, "a single cell", with_cube(lambda c: c.isel(x=[0], y=[0]))),
    "key of another layout": (BadInput, "sources.table: belongs to", lambda d: good(d, table=Path("t.csv"))),
    "key missing": (BadInput, "sources.pattern: is needed by", lambda d: good(d, pattern=None)),
    "no bands": (BadInput, "name at least one band", lambda d: good(d, bands=())),
    "variables too few": (BadInput, "sources.variables: 1 for 2", lambda d: cubed(
        d, bands=("a", "b"), variables=("a",))),
}  # fmt: skip


def assert_one_line(error: DetectionError) -> None:
    text = str(error)
    assert text
    assert text.isprintable(), text
    assert len(text) < 6000


@pytest.mark.parametrize("name", CORPUS)
def test_a_mistake_ends_in_one_clear_line(tmp_path: Path, name: str) -> None:
    kind, words, build = CORPUS[name]
    with pytest.raises(DetectionError, match=words) as caught:
        read_all(build(tmp_path))
    assert type(caught.value) is kind
    assert_one_line(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_truncation_is_never_silent(tmp_path: Path, share: float) -> None:
    truncate(tmp_path / "l_20200101.tif", share)
    with pytest.raises(BadInput) as caught:
        dated(tmp_path).grid()
    assert_one_line(caught.value)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_bytes_flipped_anywhere_raise_nothing_but_ours(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    folder = tmp_path_factory.mktemp("mutant")
    path = write_tif(folder / "l_20200101.tif", numbers(1, 2, (16, 16)), compress="deflate", nodata=-1)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # Two in three hit the header, where the claims are.
        reach = data.draw(st.sampled_from([64, 400, len(content)]))
        content[data.draw(st.integers(0, min(reach, len(content)) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        read_all(dated(folder, bands=("a", "b")))
    except DetectionError as error:
        assert_one_line(error)


def test_what_was_asked_for(tmp_path: Path) -> None:
    source = good(tmp_path)
    grid, scenes = source.grid(), source.manifest(*ALL)
    with pytest.raises(UnknownBand, match="no band 'nbrr'; there are nbr; did you mean 'nbr'"):
        source.read(grid, scenes, ("nbrr",))
    with pytest.raises(BadInput, match="each once"):
        source.read(grid, scenes, ("nbr", "nbr"))
    with pytest.raises(BadInput, match="has no scene other"):
        source.read(grid, [replace(scenes[0], scene=replace(scenes[0].scene, id="other"))], ("nbr",))
    with pytest.raises(NoImagery, match="no file reaches"):
        source.read(grid.window(100, 0, 5, 5), scenes, ("nbr",))
    with pytest.raises(GridMismatch, match="warp it first"):
        source.read(replace(grid, crs="EPSG:32718"), scenes, ("nbr",))
    with pytest.raises(GridMismatch, match="the grid has 10 m"):
        source.read(replace(grid, resolution=10), scenes, ("nbr",))


def test_neighbours_of_a_file_are_not_opened(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "l_20200101.tif", numbers(1), nodata=-1)
    value = int(numbers(1)[0, 0, 0])
    sidecar = f"<PAMDataset><PAMRasterBand band='1'><NoDataValue>{value}</NoDataValue></PAMRasterBand></PAMDataset>"
    path.with_name(path.name + ".aux.xml").write_text(sidecar)
    path.with_name(path.name + ".ovr").write_text("<VRTDataset></VRTDataset>")
    assert (read_all(dated(tmp_path)).observation == OBSERVED).all()


# --- real data --------------------------------------------------------------------------------------------------------


def test_borneo_stacks(shared: Path) -> None:
    folder = shared / "data" / "borneo-ndmi"
    given = FilesParameters(folder=folder, layout="stacked", bands=("ndmi",), table=Path("bands.csv"))
    source = Files(given)
    grid, scenes = source.grid(), source.manifest(*ALL)
    assert grid == Grid("EPSG:32649", 329_760, 163_680, 30, (39, 38))
    assert len(scenes) == 957
    raw = source.read(grid, scenes, ("ndmi",))
    assert (raw.observation[:, 0] == OUTSIDE).all()
    rows = [line.split(",") for line in (folder / "bands.csv").read_text().splitlines()[1:]]
    ids = [row.scene.id for row in scenes]
    for file, band, _, identity in rows[::37]:
        with rasterio.open(folder / file) as stored:
            wanted = stored.read(int(band))
        found = ids.index(identity)
        assert raw.values[found, 0, 1:].tobytes() == wanted.tobytes()
        np.testing.assert_array_equal(raw.observation[found, 1:] == OBSERVED, np.isfinite(wanted))


def test_myanmar_radar_folder(shared: Path) -> None:
    folder = shared / "data" / "s1-myanmar-stack" / "s1"
    pattern = r"(?P<platform>S1A)_GRDH_VVVH_(?P<date>\d{8})\.tif"
    source = Files(FilesParameters(folder=folder, layout="dated", bands=("vv", "vh"), pattern=pattern))
    scenes = source.manifest(to_day(date(2015, 1, 1)), to_day(date(2016, 1, 1)))
    assert [r.scene.platform for r in scenes] == ["S1A"] * len(scenes)
    grid = source.grid()
    assert (grid.crs, grid.shape) == ("EPSG:32646", (120, 120))
    raw = source.read(grid, scenes, ("vv", "vh"))
    assert raw.values.dtype == np.int16
    for i, row in enumerate(scenes):
        with rasterio.open(folder / f"{row.scene.id}.tif") as stored:
            wanted = stored.read()
        np.testing.assert_array_equal(raw.values[i], wanted)
        np.testing.assert_array_equal(raw.observation[i] == MASKED, (wanted == -32768).any(axis=0))
