"""Onto the job's grid: area means, nearest cells, shifts; against plain restatements, and the same for every tiling."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from detection.codes import Observation
from detection.sources.extents import Overlap
from detection.sources.resample import Patch, Places, Window, averaged, nearest, nesting, onto, outside, placed, warped
from detection.types import Grid

GRIDS = st.builds(
    lambda res, west, north, shape: Grid("EPSG:32719", 360_000 + west * res, 8_594_040 + north * res, res, shape),
    st.sampled_from((10, 20, 30)), st.integers(-20, 20), st.integers(-20, 20),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
)  # fmt: skip
RESOLUTIONS = st.sampled_from((10, 20, 30))


def patch(lattice, seed, dtype=np.uint16):
    random = np.random.default_rng(seed)
    status = random.choice([0, 0, 0, 1, 2], lattice.shape).astype(np.uint8)
    return Patch(lattice, random.integers(1, 9000, lattice.shape).astype(dtype), status)


def brute(source, grid, counts):
    """Mean over the parts of pixels inside each cell, metre by metre of their edges."""
    mean, weight = np.zeros(grid.shape), np.zeros(grid.shape)
    fine, step = source.grid.resolution, grid.resolution
    for r, c in np.ndindex(*grid.shape):
        top, left = source.grid.north - (grid.north - r * step), grid.west + c * step - source.grid.west
        for i in range(top // fine, -(-(top + step) // fine)):
            for j in range(left // fine, -(-(left + step) // fine)):
                if counts[i, j]:
                    tall = min(top + step, (i + 1) * fine) - max(top, i * fine)
                    wide = min(left + step, (j + 1) * fine) - max(left, j * fine)
                    mean[r, c] += tall * wide * float(source.values[i, j])
                    weight[r, c] += tall * wide
    return np.divide(mean, weight, where=weight > 0, out=np.zeros_like(mean)), weight


@given(GRIDS, RESOLUTIONS)
def test_the_nesting_lattice_covers_the_grid_and_shares_its_edges(grid, resolution):
    lattice = nesting(grid, resolution)
    west, south, east, north = lattice.bounds
    assert west <= grid.bounds[0] and south <= grid.bounds[1] and east >= grid.bounds[2] and north >= grid.bounds[3]
    assert (grid.west - west) % grid.resolution == 0 and (north - grid.north) % grid.resolution == 0
    assert (lattice == grid) or resolution != grid.resolution
    assert max(east - grid.bounds[2], grid.bounds[0] - west, north - grid.bounds[3], grid.bounds[1] - south) < 60


@given(GRIDS, RESOLUTIONS, st.integers(0, 10_000))
def test_area_means_are_those_of_the_pixels_parts(grid, resolution, seed):
    if resolution >= grid.resolution:
        return
    source = patch(nesting(grid, resolution), seed)
    clear = np.random.default_rng(seed + 1).random(source.values.shape) < 0.7
    found = averaged(source, grid, clear)
    held = source.status == Observation.OBSERVED
    some, weight = brute(source, grid, held & clear)
    every, whole = brute(source, grid, held)
    np.testing.assert_allclose(found.values, np.where(weight > 0, some, every), rtol=1e-5)
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.status == Observation.OBSERVED, whole > 0)
    reached = brute(source, grid, source.status != Observation.OUTSIDE)[1] > 0
    np.testing.assert_array_equal(found.status == Observation.OUTSIDE, ~reached)


@given(GRIDS, RESOLUTIONS, st.booleans(), st.integers(0, 10_000))
def test_tiles_are_cuts_of_the_whole(grid, resolution, classes, seed):
    source = patch(nesting(grid, resolution), seed)
    whole = onto(source, grid, classes=classes)
    for tile in grid.tiles(4):
        row, column = grid.offset(tile)
        inner = np.s_[row : row + tile.shape[0], column : column + tile.shape[1]]
        lattice = nesting(tile, resolution)
        r, c = source.grid.offset(lattice)
        cut = np.s_[r : r + lattice.shape[0], c : c + lattice.shape[1]]
        part = onto(Patch(lattice, source.values[cut], source.status[cut]), tile, classes=classes)
        np.testing.assert_array_equal(part.values, whole.values[inner])
        np.testing.assert_array_equal(part.status, whole.status[inner])


def test_20_m_on_30_m_by_hand():
    grid = Grid("EPSG:32719", 0, 60, 30, (2, 2))
    source = Patch(
        nesting(grid, 20), np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint16), np.zeros((3, 3), np.uint8)
    )
    # The first cell: pixel 1 whole (400 m2), half of 2 and of 4 (200 each), a quarter of 5 (100); 900 m2 together.
    assert averaged(source, grid).values[0, 0] == np.float32((400 * 1 + 200 * 2 + 200 * 4 + 100 * 5) / 900)
    np.testing.assert_array_equal(nearest(source, grid).values, [[1, 3], [7, 9]])


def test_coarser_pixels_are_repeated_and_keep_their_type():
    grid = Grid("EPSG:32719", 10, 50, 10, (3, 3))
    source = Patch(
        Grid("EPSG:32719", 0, 60, 20, (3, 3)), np.arange(9, dtype=np.uint16).reshape(3, 3), np.zeros((3, 3), np.uint8)
    )
    found = onto(source, grid)
    assert found.values.dtype == np.uint16
    np.testing.assert_array_equal(found.values, [[0, 1, 1], [3, 4, 4], [3, 4, 4]])


def test_one_resolution_is_handed_on_untouched():
    grid = Grid("EPSG:32719", 0, 60, 30, (2, 2))
    source = patch(grid, 1)
    assert onto(source, grid) is source


def test_nothing_observed_is_masked_where_reached_and_outside_elsewhere():
    grid = Grid("EPSG:32719", 0, 60, 30, (2, 2))
    status = np.full((6, 6), Observation.OUTSIDE, np.uint8)
    status[:3, :3] = Observation.MASKED
    found = averaged(Patch(nesting(grid, 10), np.full((6, 6), 7, np.uint16), status), grid)
    assert found.status.tolist() == [[1, 2], [2, 2]]
    assert (outside(grid, "uint16").status == Observation.OUTSIDE).all()


@pytest.mark.parametrize("nodata", [(), (0,), (1, 0)])
def test_placed_moves_by_whole_cells_and_marks_nodata(nodata):
    grid = Grid("EPSG:32719", 0, 120, 30, (4, 4))
    values = np.array([[0, 1], [2, 3]], np.uint16)
    found = placed(grid, Overlap((slice(0, 2), slice(0, 2)), (slice(1, 3), slice(2, 4))), values, nodata)
    assert found.values.dtype == np.uint16 and found.values[1:3, 2:4].tolist() == values.tolist()
    expected = np.full((4, 4), Observation.OUTSIDE)
    expected[1:3, 2:4] = np.isin(values, nodata).astype(int)
    assert found.status.tolist() == expected.tolist()


def test_nan_in_radar_is_masked():
    grid = Grid("EPSG:32719", 0, 30, 30, (1, 3))
    values = np.array([[np.nan, -32768, 0.1]], np.float32)
    found = placed(grid, Overlap((slice(0, 1), slice(0, 3)), (slice(0, 1), slice(0, 3))), values, (-32768,))
    assert found.status.tolist() == [[1, 1, 0]]


def test_bilinear_agrees_with_gdal_inside_and_nearest_everywhere():
    random = np.random.default_rng(1)
    values = random.integers(1, 9000, (60, 60)).astype(np.uint16)
    values[20:25, 30:33] = 0
    grid = Grid("EPSG:32719", 30_000, 60_000, 30, (40, 40))
    shift = Affine(30, 0, 30_000 - 317.3, 0, -30, 60_000 + 204.9)
    rows, columns = np.mgrid[:40, :40].astype(float)
    places = Places(rows + 204.9 / 30, columns + 317.3 / 30)
    place = {"src_transform": shift, "src_crs": "EPSG:32719", "dst_transform": grid.transform, "dst_crs": grid.crs}
    theirs, near = np.zeros((40, 40), np.float32), np.zeros((40, 40), np.uint16)
    source = np.where(values > 0, values, np.nan).astype(np.float32)
    reproject(source, theirs, resampling=Resampling.bilinear, src_nodata=np.nan, dst_nodata=np.nan, **place)
    reproject(values, near, resampling=Resampling.nearest, **place)
    part = Window(values[2:], (2, 0), (60, 60))
    mine = warped(grid, part, (0,), places, classes=False)
    seen = mine.status == Observation.OBSERVED
    np.testing.assert_allclose(mine.values[seen], theirs[seen], rtol=2e-4)
    np.testing.assert_array_equal(warped(grid, part, (0,), places, classes=True).values, near)
    np.testing.assert_array_equal(mine.status == Observation.MASKED, near == 0)
