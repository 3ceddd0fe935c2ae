"""Context layers: the same answer for every tiling, known truth on real and made layers, and one line for bad files."""

import hashlib
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import transform as warp_points
from shapely.geometry import mapping

from detection.areas import cell_hectares, project
from detection.context import Context, Gfc, Layer, check, covered, describe, forest, read_mask, read_values
from detection.context import rasters as sampled
from detection.context.geopackage import open_geopackage
from detection.errors import BadInput, DetectionError, GridMismatch, NoImagery
from detection.types import Grid, Mask

CRS = "EPSG:32719"
GRID = Grid(CRS, 7_680 * 39, 7_680 * 1_121, 30, (70, 60)).window(-30, -25, 70, 60)
"""Over a corner of the 256-cell blocks of the lattice, which lie on multiples of 7,680 m."""


def layer(path: Path, **keys: Any) -> Layer:
    return Layer(path=path, source="made for a test", version="1", **keys)


def tif(path: Path, values: Any, transform: Affine, crs: str | None = CRS, **keys: Any) -> Path:
    array = np.asarray(values)
    stack = array if array.ndim == 3 else array[np.newaxis]
    shape = {"count": stack.shape[0], "height": stack.shape[1], "width": stack.shape[2]}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=stack.dtype, crs=crs, transform=transform, **shape, **keys
    ) as f:
        f.write(stack)
    return path


def geojson(path: Path, *shapes: Any) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": mapping(s)} for s in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def gpkg(path: Path, *shapes: Any, crs: str = "EPSG:4326", name: str = "layer", **keys: Any) -> Path:
    blobs = shapely.to_wkb(np.array(shapes, object))
    pyogrio.raw.write(
        path, blobs, [], [], layer=name, driver="GPKG", geometry_type="Unknown", crs=crs, append=path.exists(), **keys
    )
    return path


def lonlat(shape: Any) -> Any:
    return project(shape, CRS, "EPSG:4326")


def centres(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    half = grid.resolution / 2
    east = grid.west + half + grid.resolution * np.arange(grid.shape[1])
    north = grid.north - half - grid.resolution * np.arange(grid.shape[0])
    x, y = np.meshgrid(east, north)
    return x, y


# -- rasters ---------------------------------------------------------------------------------------------------------


def test_a_raster_on_the_grid_is_read_as_it_is(tmp_path: Path) -> None:
    values = np.arange(GRID.shape[0] * GRID.shape[1], dtype=np.int32).reshape(GRID.shape)
    path = tif(tmp_path / "a.tif", values, GRID.transform)
    np.testing.assert_array_equal(
        read_mask(layer(path, at_least=1000, at_most=2000), GRID), (values >= 1000) & (values <= 2000)
    )
    np.testing.assert_array_equal(read_mask(layer(path, equals=(0, 5, 4199)), GRID), np.isin(values, (0, 5, 4199)))
    np.testing.assert_allclose(read_values(layer(path), GRID), values)
    assert covered(layer(path, at_least=0), GRID).all()


def test_nearest_takes_the_cell_the_centre_lies_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    west, south, east, north = lonlat(shapely.box(*GRID.bounds)).bounds
    values = rng.integers(0, 250, (90, 110), dtype=np.uint8)
    transform = Affine((east - west) / 100, 0, west - (east - west) / 50, 0, -(north - south) / 80, north)
    path = tif(tmp_path / "a.tif", values, transform, "EPSG:4326")
    x, y = centres(GRID)
    lon, lat = warp_points(CRS, "EPSG:4326", x.ravel(), y.ravel())  # GDAL's own transformation, not ours
    with rasterio.open(path) as source:
        expected = np.array([v[0] for v in source.sample(zip(lon, lat, strict=True))]).reshape(GRID.shape)
    for threshold in (40, 125, 200):
        np.testing.assert_array_equal(read_mask(layer(path, at_least=threshold), GRID), expected >= threshold)


def test_coarse_and_fine_south_up_and_turned_rasters_lie_where_they_say(tmp_path: Path) -> None:
    x, y = centres(GRID)
    west, south, _, north = GRID.bounds
    turned = Affine.translation(west - 900, north + 900) @ Affine.rotation(-30) @ Affine.scale(25, -25)
    for name, transform, shape in (
        ("south up", Affine(45, 0, west, 0, 45, south), (60, 60)),
        ("finer", Affine(7, 0, west, 0, -7, north), (300, 257)),
        ("turned", turned, (200, 200)),
    ):
        values = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
        path = tif(tmp_path / f"{name}.tif", values, transform)
        columns, rows = (~transform) @ (x, y)
        there = (rows >= 0) & (columns >= 0) & (rows < shape[0]) & (columns < shape[1])
        expected = np.floor(rows).astype(int) * shape[1] + np.floor(columns).astype(int)
        assert there.mean() > 0.3, name
        np.testing.assert_array_equal(covered(layer(path, at_least=0), GRID), there, name)
        middle = int(np.median(expected[there]))
        np.testing.assert_array_equal(read_mask(layer(path, at_least=middle), GRID), there & (expected >= middle), name)


def test_bilinear_gives_back_a_plane_and_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    west, _, _, north = GRID.bounds
    transform = Affine(47, 0, west + 200, 0, -47, north - 300)
    columns, rows = np.meshgrid(np.arange(30) + 0.5, np.arange(30) + 0.5)
    x, y = transform @ (columns, rows)
    plane = (200 + (x - west) * 0.01 - (north - y) * 0.02).astype(np.float32)
    plane[10, 10] = -9999
    path = tif(tmp_path / "dem.tif", plane, transform, nodata=-9999)
    found = read_values(layer(path), GRID)
    assert found.dtype == np.float32
    x, y = centres(GRID)
    column, row = (~transform) @ (x, y)
    known = (
        (row >= 0) & (column >= 0) & (row < 30) & (column < 30) & ~((np.floor(row) == 10) & (np.floor(column) == 10))
    )
    np.testing.assert_array_equal(np.isfinite(found), known)
    inner = known & (row >= 0.5) & (column >= 0.5) & (row <= 29.5) & (column <= 29.5)
    inner &= (np.abs(row - 10.5) >= 1) | (np.abs(column - 10.5) >= 1)
    assert inner.sum() > 1000
    np.testing.assert_allclose(found[inner], (200 + (x - west) * 0.01 - (north - y) * 0.02)[inner], atol=1e-3)
    assert np.nanmin(found) > 100  # no fill value leaks into its neighbours


def test_nodata_scale_and_band_are_the_file_s_own_unless_the_config_says_otherwise(tmp_path: Path) -> None:
    stack = np.zeros((2, *GRID.shape), np.int16)
    stack[1] = 40
    stack[1, 5, 5], stack[1, 6, 6] = -1, 7
    path = tif(tmp_path / "a.tif", stack, GRID.transform, nodata=-1)
    known = covered(layer(path, at_least=0, band=2), GRID)
    assert not known[5, 5] and known.sum() == known.size - 1
    assert not covered(layer(path, at_least=0, band=2, nodata=7), GRID)[6, 6]
    assert read_mask(layer(path, at_most=40, band=2), GRID).sum() == known.size - 1
    assert not read_mask(layer(path, at_least=1), GRID).any()
    with rasterio.open(path, "r+") as f:
        f.scales, f.offsets = (1.0, 0.5), (0.0, 2.0)
    assert read_values(layer(path, band=2), GRID)[20, 20] == 22.0
    assert read_mask(layer(path, band=2, at_least=21, at_most=23), GRID).sum() == known.size - 2


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Layer]:
    """One layer of each kind over the whole grid, none of them smooth."""
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(7)
    west, south, east, north = lonlat(shapely.box(*GRID.pad(5).bounds)).bounds
    step = (east - west) / 97
    values = rng.normal(50, 30, (140, 100)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    path = tif(
        folder / "noise.tif",
        values,
        Affine(step, 0, west, 0, -step, north),
        "EPSG:4326",
        tiled=True,
        blockxsize=16,
        blockysize=16,
    )
    corners = rng.uniform((west, south), (east, north), (400, 2))
    small = [shapely.Point(p).buffer(0.0008) for p in corners[:60]]
    bow_tie = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    lines = [shapely.LineString(corners[i : i + 5]) for i in range(60, 200, 5)]
    return {
        "raster": layer(path, at_least=50),
        "polygons": layer(geojson(folder / "a.geojson", *small, bow_tie)),
        "lines": layer(geojson(folder / "b.geojson", *lines, *map(shapely.Point, corners[:20])), within_m=70),
        "package": layer(
            gpkg(folder / "c.gpkg", *[project(s, "EPSG:4326", "EPSG:32718") for s in small], crs="EPSG:32718")
        ),
    }


@pytest.mark.parametrize("kind", ["raster", "polygons", "lines", "package"])
def test_a_tile_is_a_cut_of_the_whole(noise: dict[str, Layer], kind: str) -> None:
    whole = read_mask(noise[kind], GRID)
    heights = read_values(noise["raster"], GRID)
    assert 0.05 < whole.mean() < 0.95

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 69), st.integers(0, 59), st.integers(1, 70), st.integers(1, 60))
    def tiles(row: int, column: int, rows: int, columns: int) -> None:
        part = GRID.window(row, column, min(rows, 70 - row), min(columns, 60 - column))
        cut = np.s_[row : row + part.shape[0], column : column + part.shape[1]]
        np.testing.assert_array_equal(read_mask(noise[kind], part), whole[cut])
        if kind == "raster":
            np.testing.assert_array_equal(read_values(noise[kind], part), heights[cut])

    tiles()


def test_what_is_sampled_at_once_changes_nothing(noise: dict[str, Layer], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_mask(noise["raster"], GRID)
    monkeypatch.setattr(sampled, "PART", 7)
    np.testing.assert_array_equal(read_mask(noise["raster"], GRID), whole)


def test_only_the_window_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cells = tmp_path / "large.tif", []
    form = {"width": 40_000, "height": 40_000, "count": 1, "dtype": "uint8", "crs": "EPSG:4326", "SPARSE_OK": True}
    transform = Affine(0.00025, 0, -70, 0, -0.00025, -10)  # a granule of Global Forest Change
    with rasterio.open(path, "w", driver="GTiff", transform=transform, tiled=True, **form) as f:
        f.write(np.full((256, 256), 77, np.uint8), 1, window=((8192, 8448), (4096, 4352)))
    east, north = Transformer.from_crs(4326, CRS, always_xy=True).transform(-70 + 4224 * 0.00025, -10 - 8320 * 0.00025)
    grid = Grid(CRS, int(east // 60) * 60, int(north // 60) * 60, 30, (40, 40))
    real = sampled.read_bands

    def counted(path: Path, indexes: Any, part: Any, nodata: Any) -> Any:
        cells.append((part.source[0].stop - part.source[0].start) * (part.source[1].stop - part.source[1].start))
        return real(path, indexes, part, nodata)

    monkeypatch.setattr(sampled, "read_bands", counted)
    assert read_mask(layer(path, equals=(77,)), grid).all()
    assert cells and sum(cells) < 3_000


# -- forest ----------------------------------------------------------------------------------------------------------

REAL = "Hansen_GFC-2023-v1.11_{}_20N_080W.tif"


def gfc(folder: Path, **keys: Any) -> Gfc:
    wanted = {"canopy_min": 30, "as_of": 2020, "version": "GFC-2023-v1.11", **keys}
    return Gfc(
        treecover=(folder / REAL.format("treecover2000"),), lossyear=(folder / REAL.format("lossyear"),), **wanted
    )


def real_grid(folder: Path, resolution: int = 30) -> Grid:
    with rasterio.open(folder / REAL.format("lossyear")) as source:
        bounds = project(shapely.box(*source.bounds), "EPSG:4326", "EPSG:32619").bounds
    return Grid.covering("EPSG:32619", bounds, resolution)


@pytest.mark.parametrize("resolution", [10, 30])
@pytest.mark.parametrize(("canopy", "year"), [(30, 2020), (30, 2000), (75, 2023), (10, 2010)])
def test_real_forest_has_the_hectares_of_its_own_cells(shared: Path, canopy: int, year: int, resolution: int) -> None:
    folder = shared / "data/gfc-fixture"
    with (
        rasterio.open(folder / REAL.format("treecover2000")) as a,
        rasterio.open(folder / REAL.format("lossyear")) as b,
    ):
        cover, loss, transform = a.read(1), b.read(1), a.transform
    wooded = (cover >= canopy) & ~((loss >= 1) & (loss <= year - 2000))
    geod, expected = Geod(ellps="WGS84"), 0.0
    for row in range(cover.shape[0]):  # cells of one row are of one size
        (west, north), (east, south) = transform @ (0, row), transform @ (1, row + 1)
        area, _ = geod.polygon_area_perimeter([west, east, east, west], [north, north, south, south])
        expected += wooded[row].sum() * abs(area) / 10_000
    grid = real_grid(folder, resolution)
    context = Context(gfc=gfc(folder, canopy_min=canopy, as_of=year))
    found = forest(context, grid)
    assert found is not None
    rows, columns = np.nonzero(found)
    hectares = cell_hectares(grid, rows + grid.first_row, columns + grid.first_column).sum()
    assert hectares == pytest.approx(expected, rel=0.005)
    check(context, grid)


def test_forest_golden_figures_of_the_real_crop(shared: Path) -> None:
    """Counted once in the file's own cells with numpy alone: 42,432 cells, of 30 % and more, less losses."""
    folder = shared / "data/gfc-fixture"
    with (
        rasterio.open(folder / REAL.format("treecover2000")) as a,
        rasterio.open(folder / REAL.format("lossyear")) as b,
    ):
        cover, loss = a.read(1), b.read(1)
    assert cover.size == 42_432
    counts = [int(((cover >= 30) & ~((loss >= 1) & (loss <= n))).sum()) for n in (0, 1, 20, 23)]
    assert counts == [36_454, 36_406, 33_681, 33_438]
    grid = real_grid(folder)
    shares = [forest(Context(gfc=gfc(folder, as_of=2000 + n)), grid) for n in (0, 1, 20, 23)]
    known = covered(gfc(folder), grid)
    for count, share in zip(counts, shares, strict=True):
        assert share is not None and share[known].mean() == pytest.approx(count / 42_432, abs=0.004)
    assert not any(share[~known].any() for share in shares if share is not None)


def granule(folder: Path, name: str, west: float, cover: Any, loss: Any) -> tuple[Path, Path]:
    transform = Affine(0.00025, 0, west, 0, -0.00025, -12)
    keys = {"transform": transform, "crs": "EPSG:4326"}
    return tif(folder / f"{name}-c.tif", cover, **keys), tif(folder / f"{name}-l.tif", loss, **keys)


def test_granules_side_by_side_make_one_forest_without_a_seam(tmp_path: Path) -> None:
    cover, loss = np.full((120, 200), 80, np.uint8), np.zeros((120, 200), np.uint8)
    cover[:60, 90:110], loss[60:, 90:110] = 10, 5
    whole = granule(tmp_path, "whole", -70.025, cover, loss)
    west = granule(tmp_path, "west", -70.025, cover[:, :100], loss[:, :100])
    east = granule(tmp_path, "east", -70, cover[:, 100:], loss[:, 100:])
    bounds = project(shapely.box(-70.02, -12.025, -69.98, -12.005), "EPSG:4326", CRS).bounds
    grid = Grid.covering(CRS, bounds, 30)
    keys = {"canopy_min": 30, "as_of": 2004, "version": "made"}
    one = forest(Context(gfc=Gfc(treecover=whole[:1], lossyear=whole[1:], **keys)), grid)
    two = forest(Context(gfc=Gfc(treecover=(west[0], east[0]), lossyear=(west[1], east[1]), **keys)), grid)
    assert one is not None and 0.8 < one.mean() < 1
    np.testing.assert_array_equal(one, two)
    taken = forest(Context(gfc=Gfc(treecover=whole[:1], lossyear=whole[1:], **{**keys, "as_of": 2005})), grid)
    assert taken is not None and taken.sum() < one.sum() and not (taken & ~one).any()
    bare = granule(tmp_path, "bare", -70.025, np.zeros_like(cover), loss)
    first = Gfc(treecover=(bare[0], whole[0]), lossyear=(bare[1], whole[1]), **keys)
    bald = forest(Context(gfc=first), grid)
    assert bald is not None and not bald.any()  # where granules overlap, the first counts
    alone = Gfc(treecover=west[:1], lossyear=west[1:], **keys)
    half = covered(alone, grid)
    assert 0.3 < half.mean() < 0.7
    np.testing.assert_array_equal(forest(Context(gfc=alone), grid), one & half)


def test_fill_values_that_a_file_does_not_state_are_no_forest(tmp_path: Path) -> None:
    cover, loss = np.full((100, 100), 80, np.uint8), np.zeros((100, 100), np.uint8)
    cover[:, :50], loss[:50] = 255, 255
    paths = granule(tmp_path, "fill", -70, cover, loss)
    layers = Gfc(treecover=paths[:1], lossyear=paths[1:], canopy_min=30, as_of=2020, version="made")
    grid = Grid.covering(CRS, project(shapely.box(-69.999, -12.024, -69.976, -12.001), "EPSG:4326", CRS).bounds, 30)
    found = forest(Context(gfc=layers), grid)
    assert found is not None and 0.2 < found.mean() < 0.3
    np.testing.assert_array_equal(found, covered(layers, grid))


def test_a_forest_of_its_own_and_none(tmp_path: Path) -> None:
    path = tif(tmp_path / "f.tif", np.ones(GRID.shape, np.uint8), GRID.transform)
    found = forest(Context(forest=layer(path, equals=(1,))), GRID)
    assert found is not None and found.all()
    assert forest(Context(), GRID) is None


def test_describe_names_every_layer(tmp_path: Path) -> None:
    assert describe(Context()) == "own history: no forest baseline was given"
    water = Layer(path=tmp_path / "w.tif", source="JRC GSW", version="1.4", year=2021, at_least=50)
    roads = Layer(path=tmp_path / "r.gpkg", source="MTC", version="2024", within_m=500, layer="vial")
    peat = Layer(path=tmp_path / "p.tif", source="IIAP", version="2", equals=(1, 2))
    said = describe(Context(gfc=gfc(tmp_path), water=water, roads=roads))
    assert said == (
        "GFC-2023-v1.11, tree cover 2000 at least 30 %, loss until 2020 taken off; "
        "water: JRC GSW 1.4 (2021), at least 50; roads: MTC 2024, within 500 m"
    )
    assert describe(Context(forest=peat)) == "IIAP 2, codes 1, 2"


# -- vectors ---------------------------------------------------------------------------------------------------------


def burned_alike(found: Mask, shape: Any, within_m: float) -> None:
    """Cells clearly inside are True, cells clearly outside False; the buffer's arcs are 0.12 % short."""
    x, y = centres(GRID)
    edge = shapely.distance(shapely.points(x, y), shape)
    slack = 0.2 + 0.002 * within_m
    assert found[edge < within_m - slack].all()
    assert not found[edge > within_m + slack].any()
    assert found.any() and not found.all()


@pytest.mark.parametrize("write", ["geojson", "package in degrees", "package in another zone"])
@pytest.mark.parametrize("within_m", [0.0, 75.0])
def test_inside_is_the_centre_and_near_is_a_distance(tmp_path: Path, write: str, within_m: float) -> None:
    x, y = GRID.west + 900, GRID.north - 1000
    lens = shapely.Point(x, y).buffer(500).difference(shapely.Point(x + 40, y).buffer(210))
    path = tmp_path / ("a.geojson" if write == "geojson" else "a.gpkg")
    if write == "geojson":
        geojson(path, lonlat(lens))
    elif write == "package in degrees":
        gpkg(path, lonlat(lens))
    else:
        gpkg(path, project(lens, CRS, "EPSG:32718"), crs="EPSG:32718")
    found = read_mask(layer(path, within_m=within_m), GRID)
    if within_m == 0:
        cx, cy = centres(GRID)
        np.testing.assert_array_equal(found, shapely.contains_xy(lens, cx, cy))
    burned_alike(found, lens, within_m)
    assert covered(layer(path), GRID).all()


@pytest.mark.parametrize("suffix", ["geojson", "gpkg"])
def test_lines_and_points_count_by_distance(tmp_path: Path, suffix: str) -> None:
    west, south, east, north = GRID.bounds
    line = shapely.LineString([(west - 3_000, south - 10), ((west + east) / 2, north - 500), (east + 9_000, north)])
    point = shapely.Point(west + 200, north - 200)
    write = geojson if suffix == "geojson" else gpkg
    path = write(tmp_path / f"a.{suffix}", lonlat(line.segmentize(50)), lonlat(point))
    burned_alike(read_mask(layer(path, within_m=110), GRID), shapely.union(line, point), 110)
    with pytest.raises(BadInput, match="holds a (LineString|Point); say with `within_m`"):
        read_mask(layer(path), GRID)


def test_what_is_near_is_found_far_beyond_the_block(tmp_path: Path) -> None:
    _, south, east, north = GRID.bounds
    point = shapely.Point(east + 7_400, (south + north) / 2)  # the block ends 6,630 m east of the grid
    for path in (geojson(tmp_path / "a.geojson", lonlat(point)), gpkg(tmp_path / "a.gpkg", lonlat(point))):
        burned_alike(read_mask(layer(path, within_m=8_000), GRID), point, 8_000)
        check(Context(roads=layer(path, within_m=8_000)), GRID)


def test_edges_through_centres_fall_to_the_same_side_in_every_tile(tmp_path: Path) -> None:
    """Corners on cell centres: whether a centre on an edge is inside hangs on the last bit."""
    rng, half = np.random.default_rng(11), GRID.resolution / 2
    rows, columns = rng.integers(0, 70, (12, 3)), rng.integers(0, 60, (12, 3))
    corners = np.dstack([GRID.west + half + 30 * columns, GRID.north - half - 30 * rows])
    for i, triangle in enumerate(corners):
        one = layer(gpkg(tmp_path / f"{i}.gpkg", shapely.Polygon(triangle), crs=CRS))
        whole = read_mask(one, GRID)
        for row, column in ((0, 0), (13, 7), (41, 22), (5, 31)):
            cut = whole[row : row + 29, column : column + 29]
            np.testing.assert_array_equal(read_mask(one, GRID.window(row, column, 29, 29)), cut)


def test_a_long_edge_is_straight_in_its_own_coordinates(tmp_path: Path) -> None:
    """Along the parallel of 12 S, two degrees wide: 200 m and more off the straight line of the UTM grid."""
    box = shapely.box(-70, -12.5, -68, -12)
    to_metres = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    east, north = to_metres.transform(-69.6, -12)
    grid = Grid(CRS, int(east // 60) * 60, int(north // 60) * 60 + 1200, 30, (80, 20))
    found = read_mask(layer(geojson(tmp_path / "a.geojson", box)), grid)
    x, y = centres(grid)
    _, latitude = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    np.testing.assert_array_equal(found, latitude < -12)
    straight = shapely.contains_xy(project(box, "EPSG:4326", CRS), x, y)
    assert (straight != found).sum() >= 20  # what it would be without the care


def test_a_layer_over_the_antimeridian_is_one(tmp_path: Path) -> None:
    fiji = shapely.MultiPolygon([shapely.box(179.9, -17.1, 180, -17), shapely.box(-180, -17.1, -179.9, -17)])
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:32760", always_xy=True).transform(180, -17.05)
    grid = Grid("EPSG:32760", int(east // 60) * 60 - 600, int(north // 60) * 60, 30, (10, 40))
    for path in (geojson(tmp_path / "a.geojson", fiji), gpkg(tmp_path / "a.gpkg", fiji)):
        assert read_mask(layer(path), grid).mean() > 0.94  # the seam itself may cut a column of centres
        check(Context(peat=layer(path)), grid)


def test_a_polygon_of_the_whole_world_and_one_that_is_not_valid_are_burned(tmp_path: Path) -> None:
    assert read_mask(layer(gpkg(tmp_path / "world.gpkg", shapely.box(-180, -90, 180, 90))), GRID).all()
    west, south, east, north = GRID.bounds
    ring = [(west, south), (east, north), (east, south), (west, north), (west, south)]
    path = geojson(tmp_path / "tie.geojson", lonlat(shapely.Polygon(ring)))
    assert read_mask(layer(path), GRID).mean() == pytest.approx(0.5, abs=0.02)
    twice = shapely.MultiPolygon(
        [shapely.box(west, south, east, north), shapely.box(west + 300, south + 300, east, north)]
    )
    assert read_mask(layer(geojson(tmp_path / "twice.geojson", lonlat(twice))), GRID.window(20, 20, 5, 5)).all()


def test_a_geojson_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    west, south, east, north = GRID.bounds
    assert read_mask(
        layer(geojson(path, lonlat(shapely.box(west - 90, south - 90, east + 90, north + 90)))), GRID
    ).all()
    geojson(path, lonlat(shapely.box(east + 500, south, east + 900, north)))
    assert not read_mask(layer(path), GRID).any()


@pytest.mark.parametrize("indexed", ["YES", "NO"])
def test_geopackages_are_read_as_an_independent_reader_does(tmp_path: Path, indexed: str) -> None:
    rng = np.random.default_rng(3)
    shapes = [shapely.Point(p).buffer(0.01) for p in rng.uniform((-70, -13), (-69, -12), (50, 2))]
    shapes += [shapely.force_3d(shapely.LineString(rng.uniform((-70, -13), (-69, -12), (4, 2))), 5.0) for _ in range(9)]
    path = gpkg(tmp_path / "a.gpkg", *shapes, layer_options={"SPATIAL_INDEX": indexed})
    found = open_geopackage(path, None)
    assert found.indexed == (indexed == "YES")
    assert found.crs == "EPSG:4326"
    for box in ((-180.0, -90.0, 180.0, 90.0), (-69.6, -12.5, -69.4, -12.3), (0.0, 0.0, 1.0, 1.0)):
        _, _, blobs, _ = pyogrio.raw.read(path, bbox=box)
        mine = {s.wkb for s in found.within(box)}
        bounds = {s.wkb for s in shapely.from_wkb(blobs)}
        assert bounds <= mine
        extra = [shapely.from_wkb(w) for w in mine - bounds]  # touched by their bounds alone
        assert all(shapely.box(*s.bounds).intersects(shapely.box(*box)) for s in extra)


def test_the_real_park_has_its_hectares(shared: Path) -> None:
    path = shared / "data/gfc-fixture/sierra_de_neiba_478140.gpkg"
    _, _, blobs, _ = pyogrio.raw.read(path)
    park = shapely.union_all(shapely.from_wkb(blobs))
    square_metres = abs(Geod(ellps="WGS84").geometry_area_perimeter(park)[0])
    grid = Grid.covering("EPSG:32619", project(park, "EPSG:4326", "EPSG:32619").bounds, 30)
    rows, columns = np.nonzero(read_mask(layer(path), grid))
    hectares = cell_hectares(grid, rows + grid.first_row, columns + grid.first_column).sum()
    assert hectares == pytest.approx(square_metres / 10_000, rel=0.001)


# -- what is refused -------------------------------------------------------------------------------------------------

VRT = """<VRTDataset rasterXSize="60" rasterYSize="70"><SRS>EPSG:32719</SRS>
<GeoTransform>299520, 30, 0, 8609280, 0, -30</GeoTransform><VRTRasterBand dataType="Byte" band="1"
subClass="VRTRawRasterBand"><SourceFilename relativeToVRT="1">secret.txt</SourceFilename></VRTRasterBand></VRTDataset>"""


def bad_rasters(folder: Path) -> dict[str, tuple[Path, str]]:
    ones = np.ones(GRID.shape, np.uint8)
    good = tif(folder / "good.tif", ones, GRID.transform)
    (folder / "secret.txt").write_text("x" * 5000)
    (folder / "vrt.tif").write_text(VRT)
    (folder / "empty.tif").write_bytes(b"")
    (folder / "magic.tif").write_bytes(b"II*\x00" + b"\xff" * 40)
    (folder / "short.tif").write_bytes(good.read_bytes()[:150])
    (folder / "folder.tif").mkdir()
    os.mkfifo(folder / "pipe.tif")
    tif(folder / "masked.tif", ones, GRID.transform)
    (folder / "masked.tif.msk").write_text(VRT)
    tif(folder / "nowhere.tif", ones, GRID.transform, crs=None)
    with pytest.warns(NotGeoreferencedWarning):
        tif(folder / "unplaced.tif", ones, Affine.identity())
    tif(folder / "complex.tif", ones.astype(np.complex64), GRID.transform)
    local = 'ENGCRS["a wall",EDATUM["the corner"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    tif(folder / "wall.tif", ones, GRID.transform, crs=local)
    form = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": CRS, "transform": GRID.transform, "SPARSE_OK": True}
    with rasterio.open(
        folder / "huge.tif", "w", width=200_000, height=200_000, tiled=True, blockxsize=4096, blockysize=4096, **form
    ):
        pass
    with rasterio.open(
        folder / "block.tif", "w", width=30_000, height=19_984, tiled=True, blockxsize=30_000, blockysize=19_984, **form
    ):
        pass
    expected = {
        "vrt": "is not a GeoTIFF",
        "empty": "is not a GeoTIFF",
        "magic": "not readable as GeoTIFF",
        "short": "not readable as GeoTIFF|cannot be read here",
        "folder": "is not a regular file",
        "pipe": "is not a regular file",
        "absent": "no such file",
        "masked": "mask in a file of its own",
        "nowhere": "has no CRS",
        "unplaced": "does not say where it lies|not readable",
        "complex": "holds complex64 numbers",
        "wall": "CRS cannot be brought|no CRS",
        "huge": "claims 200000 x 200000 cells",
        "block": "in blocks of 599,520,000",
    }
    return {name: (folder / f"{name}.tif", words) for name, words in expected.items()}


def bad_vectors(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "vrt.geojson").write_text('<OGRVRTDataSource><OGRVRTLayer name="a"/></OGRVRTDataSource>')
    (folder / "vrt.gpkg").write_text('<OGRVRTDataSource><OGRVRTLayer name="a"/></OGRVRTDataSource>')
    (folder / "nothing.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (folder / "metres.geojson").write_text('{"type": "Point", "coordinates": [300000, 8600000]}')
    (folder / "zone.geojson").write_text(
        '{"type": "Point", "coordinates": [1, 2], "crs": {"type": "name", "properties": {"name": "EPSG:32719"}}}'
    )
    (folder / "magic.gpkg").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4000)
    square = lonlat(shapely.box(*GRID.bounds))
    whole = gpkg(folder / "whole.gpkg", square).read_bytes()
    (folder / "short.gpkg").write_bytes(whole[: len(whole) // 3])
    (folder / "busy.gpkg").write_bytes(whole)
    (folder / "busy.gpkg-wal").write_bytes(b"x")
    with closing(sqlite3.connect(folder / "plain.gpkg")) as database:
        database.execute("create table a (b)")
        database.commit()
    gpkg(gpkg(folder / "two.gpkg", square, name="one"), square, name="two")
    sql = {
        "view": (
            "alter table layer rename to hidden",
            "create view layer as with recursive n(i) as (select 1 union all select i+1 from n) select * from hidden, n",
        ),
        "blob": ("update layer set geom = x'00112233'",),
        "wkb": ("update layer set geom = substr(geom, 1, 60)",),
        "text": ("update layer set geom = 'a geometry'",),
        "unplaced": ("update gpkg_geometry_columns set srs_id = -1", "update gpkg_contents set srs_id = -1"),
        "crs": ("update gpkg_spatial_ref_sys set organization = 'ours', definition = 'of ours'",),
    }
    for name, statements in sql.items():
        (folder / f"{name}.gpkg").write_bytes(whole)
        with closing(sqlite3.connect(folder / f"{name}.gpkg")) as database:
            for (trigger,) in database.execute("select name from sqlite_master where type='trigger'").fetchall():
                database.execute(f'drop trigger "{trigger}"')
            for statement in statements:
                database.execute(statement)
            database.commit()
    expected = {
        "vrt.geojson": "not GeoJSON",
        "nothing.geojson": "holds no geometry",
        "metres.geojson": "not in degrees",
        "zone.geojson": "its CRS is EPSG:32719",
        "vrt.gpkg": "is not a GeoPackage",
        "magic.gpkg": "not readable as GeoPackage",
        "short.gpkg": "not readable as GeoPackage|no GeoPackage",
        "busy.gpkg": "still being written",
        "plain.gpkg": "no GeoPackage",
        "two.gpkg": "no `layer` was named, it holds the layers: one, two",
        "view.gpkg": "not a plain table",
        "blob.gpkg": "not GeoPackage binary",
        "wkb.gpkg": "a geometry cannot be read",
        "text.gpkg": "not GeoPackage binary",
        "unplaced.gpkg": "has no CRS",
        "crs.gpkg": "CRS cannot be brought",
    }
    return {name: (folder / name, words) for name, words in expected.items()}


def test_bad_files_are_one_clear_line_and_open_nothing_else(tmp_path: Path) -> None:
    cases = [(*case, {"at_least": 1}) for case in bad_rasters(tmp_path).values()]
    cases += [(*case, {"within_m": 5}) for case in bad_vectors(tmp_path).values()]
    assert len(cases) >= 30
    for path, words, keys in cases:
        for act in (read_mask, lambda wanted, grid: check(Context(peat=wanted), grid)):
            said = "nothing"
            try:
                act(layer(path, **keys), GRID)
            except DetectionError as error:
                said = str(error)
                assert error.__cause__ is None, path.name
            assert re.search(words, said), (path.name, said)
            assert path.name in said, said
            assert "\n" not in said, said


def test_keys_that_do_not_fit_are_one_clear_line(tmp_path: Path) -> None:
    one, other = tmp_path / "a.tif", tmp_path / "b.tif"
    for path, keys, words in (
        (Path("/vsicurl/http://127.0.0.1/a.tif"), {}, "not a local file"),
        (Path("/vsizip/a.zip/a.tif"), {}, "not a local file"),
        (Path("http://127.0.0.1/a.tif"), {}, "not a local file"),
        (Path("a.vrt"), {}, "ends in '.vrt'"),
        (Path("a.shp"), {}, "ends in '.shp'"),
        (Path("a"), {}, "ends in ''"),
        (one, {"sha256": "abc"}, "not 64 small hex digits"),
        (one, {"within_m": 5}, "are for vectors"),
        (one, {"layer": "a"}, "are for vectors"),
        (Path("a.gpkg"), {"at_least": 5}, "are for rasters"),
        (Path("a.geojson"), {"layer": "a"}, "`layer` is for GeoPackages"),
        (one, {"at_least": 5, "equals": (1,)}, "keep one"),
    ):
        with pytest.raises(BadInput, match=words) as found:
            layer(path, **keys)
        assert "\n" not in str(found.value)
    with pytest.raises(BadInput, match="`source` or `version` is empty"):
        Layer(path=one, source=" ", version="1")
    made = {"canopy_min": 30, "as_of": 2020, "version": "GFC-2023-v1.11"}
    for keys, words in (
        ({"treecover": (one,), "lossyear": ()}, "1 files of tree cover, 0"),
        ({"treecover": (), "lossyear": ()}, "0 files"),
        ({"treecover": (one,), "lossyear": (other,), "as_of": 2024}, "not within 2000 to 2023"),
        ({"treecover": (one,), "lossyear": (other,), "as_of": 1999}, "not within"),
        ({"treecover": (one,), "lossyear": (other,), "lossyear_sha256": ("0" * 64,) * 2}, "2 checksums for 1"),
        ({"treecover": (one,), "lossyear": (other,), "treecover_sha256": ("0",)}, "64 small hex"),
        ({"treecover": (Path("a.gpkg"),), "lossyear": (other,)}, "ends in"),
    ):
        with pytest.raises(BadInput, match=words):
            Gfc(**{**made, **keys})
    with pytest.raises(BadInput, match="both given"):
        Context(forest=layer(one), gfc=Gfc(treecover=(one,), lossyear=(other,), **made))
    with pytest.raises(BadInput, match=r"context.terrain: a\.gpkg is a vector"):
        Context(terrain=layer(Path("a.gpkg")))


def test_check_says_what_is_wrong_before_the_work_begins(tmp_path: Path) -> None:
    good = tif(tmp_path / "good.tif", np.ones(GRID.shape, np.uint8), GRID.transform)
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    far = tif(tmp_path / "far.tif", np.ones((9, 9), np.uint8), Affine(0.1, 0, 10, 0, -0.1, 50), "EPSG:4326")
    roads = geojson(tmp_path / "far.geojson", shapely.box(10, 49, 11, 50))
    park = gpkg(tmp_path / "park.gpkg", shapely.box(10, 49, 11, 50))
    line = geojson(tmp_path / "line.geojson", lonlat(shapely.box(*GRID.bounds).boundary))
    check(Context(), GRID)
    check(
        Context(water=layer(good, at_least=1, sha256=digest), terrain=layer(good), rivers=layer(line, within_m=9)), GRID
    )
    made = {"canopy_min": 30, "as_of": 2020, "version": "made"}
    for context, kind, words in (
        (
            Context(water=layer(good, at_least=1, sha256="0" * 64)),
            BadInput,
            r"context\.water: good\.tif: changed under its",
        ),
        (Context(peat=layer(good)), BadInput, r"context\.peat: good\.tif: no value means yes"),
        (Context(peat=layer(good, at_least=1, band=2)), BadInput, "has 1 bands, band 2"),
        (
            Context(forest=layer(far, at_least=1)),
            NoImagery,
            r"context\.forest: far\.tif: covers \(10, 49\.1, 10\.9, 50\)",
        ),
        (Context(terrain=layer(far)), NoImagery, "give the layer of this area"),
        (Context(roads=layer(roads)), NoImagery, r"context\.roads: far\.geojson: nothing of it lies"),
        (Context(rivers=layer(park)), NoImagery, r"context\.rivers: park\.gpkg: nothing of it lies"),
        (Context(rivers=layer(line)), BadInput, "say with `within_m`"),
        (Context(gfc=Gfc(treecover=(far,), lossyear=(far,), **made)), NoImagery, r"context\.gfc: far\.tif: covers"),
        (Context(gfc=Gfc(treecover=(good,), lossyear=(tmp_path / "x.tif",), **made)), BadInput, "x.tif: no such file"),
        (
            Context(gfc=Gfc(treecover=(good,), lossyear=(good,), lossyear_sha256=("0" * 64,), **made)),
            BadInput,
            "changed",
        ),
    ):
        with pytest.raises(kind, match=words) as found:
            check(context, GRID)
        assert "\n" not in str(found.value)


def test_a_layer_may_have_nothing_here_as_long_as_it_is_of_this_region(tmp_path: Path) -> None:
    west, south, east, north = GRID.bounds
    corners = [shapely.box(x, y, x + 60, y + 60) for x, y in ((west - 900, south - 900), (east + 900, north + 900))]
    for path in (
        geojson(tmp_path / "a.geojson", *map(lonlat, corners)),
        gpkg(tmp_path / "a.gpkg", *map(lonlat, corners)),
    ):
        check(Context(roads=layer(path)), GRID)
        assert not read_mask(layer(path), GRID).any()


def test_a_mask_needs_a_rule_and_values_a_raster(tmp_path: Path) -> None:
    good = tif(tmp_path / "good.tif", np.ones(GRID.shape, np.uint8), GRID.transform)
    with pytest.raises(BadInput, match="no value means yes"):
        read_mask(layer(good), GRID)
    with pytest.raises(BadInput, match="is a vector and has no values"):
        read_values(layer(geojson(tmp_path / "a.geojson", shapely.box(-70, -13, -69, -12))), GRID)
    with pytest.raises(GridMismatch, match="cannot be brought"):
        sampled.around(GRID, "of ours", "a.tif")
