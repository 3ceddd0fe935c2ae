"""The common mode: counts that add up over any tiling, a median that is the median, smoke taken off and loss left."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from strategies import FIRST_DAY, NOISE, begun, grids, stable

from detection.codes import Step
from detection.monitors import Detector, residuals, update
from detection.prepare.commonmode import BINS, SPAN, CommonMode, anomaly, cells_of, count, lattice_shape
from detection.types import Grid

QUICK = settings(max_examples=40, deadline=None)
BIN = 2 * SPAN / BINS
ONE_CELL = CommonMode(reach=0, min_pixels=1)
floats = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 3), st.integers(1, 200)), elements=st.floats(-7.5, 7.5, width=32)
)


def medians(values: NDArray[np.float32], parameters: CommonMode = ONE_CELL) -> NDArray[np.float32]:
    cells = np.zeros(values.shape[1], np.int64)
    return anomaly(count(values[:, None], cells, 1), (1, 1), parameters)[:, 0, 0]


@QUICK
@given(st.data())
def test_the_counts_of_the_tiles_add_up_to_those_of_the_whole(data: st.DataObject) -> None:
    grid = data.draw(grids(20))
    rules = CommonMode(cell_m=data.draw(st.sampled_from([30, 60, 90, 150, 1920])))
    shape = lattice_shape(grid, rules)
    size = shape[0] * shape[1]
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    values = rng.normal(0, 4, (2, *grid.shape)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    whole = count(values.reshape(2, 1, -1), cells_of(grid, grid, rules), size)
    assert whole.dtype == np.int64
    assert whole.sum() == np.isfinite(values).sum()
    total = np.zeros_like(whole)
    for tile in grid.tiles(data.draw(st.integers(1, 21))):
        row, column = grid.offset(tile)
        part = values[:, row : row + tile.shape[0], column : column + tile.shape[1]].reshape(2, 1, -1)
        total += count(part, cells_of(tile, grid, rules), size)
    np.testing.assert_array_equal(total, whole)


@QUICK
@given(grids(20), st.sampled_from([30, 60, 150, 1920]), st.integers(-40, 40), st.integers(-40, 40))
def test_the_lattice_is_anchored_absolutely(grid: Grid, cell_m: int, down: int, right: int) -> None:
    """Two grids that overlap part their common pixels in the same way, whatever their corners."""
    rules = CommonMode(cell_m=cell_m)
    other = grid.window(down, right, 30, 30)
    step = max(cell_m // grid.resolution, 1)
    for each in (grid, other):
        rows, columns = np.divmod(cells_of(each, each, rules), lattice_shape(each, rules)[1])
        row = (each.first_row + np.arange(each.shape[0])) // step
        column = (each.first_column + np.arange(each.shape[1])) // step
        assert (rows.reshape(each.shape) + each.first_row // step == row[:, None]).all()
        assert (columns.reshape(each.shape) + each.first_column // step == column[None, :]).all()
        assert cells_of(each, each, rules).max() == np.prod(lattice_shape(each, rules)) - 1


@QUICK
@given(floats)
def test_the_median_is_the_median_within_a_bin(values: NDArray[np.float32]) -> None:
    """Between the lower and the upper median, and a bin."""
    ordered = np.sort(values, axis=1)
    n = values.shape[1]
    found = medians(values)
    assert (found >= ordered[:, (n - 1) // 2] - BIN * 1.001).all()
    assert (found <= ordered[:, n // 2] + BIN * 1.001).all()


def test_the_median_of_many_is_numpys() -> None:
    values = np.random.default_rng(0).normal(-1.3, 1, (3, 5_001)).astype(np.float32)
    np.testing.assert_allclose(medians(values), np.median(values, axis=1), atol=0.01)


@QUICK
@given(floats, st.integers(1, 220))
def test_too_few_pixels_take_nothing_off(values: NDArray[np.float32], least: int) -> None:
    found = medians(values, replace(ONE_CELL, min_pixels=least))
    enough = values.shape[1] >= least
    np.testing.assert_array_equal(found, medians(values) if enough else np.zeros(len(values), np.float32))


def test_what_is_not_observed_is_not_counted_and_the_extreme_is() -> None:
    values = np.array([[[np.nan, np.inf, -np.inf, -1e30, 1e30, 0.05]]], np.float32)
    counts = count(values, np.zeros(6, np.int64), 1)[0, 0, 0]
    assert np.flatnonzero(counts).tolist() == [0, BINS // 2, BINS - 1]
    assert counts.sum() == 3
    assert (count(np.full((2, 1, 3), np.nan, np.float32), np.zeros(3, np.int64), 2) == 0).all()
    assert (anomaly(np.zeros((1, 1, 4, BINS), np.int64), (2, 2), ONE_CELL) == 0).all()


@QUICK
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3))
def test_the_reach_is_a_square_of_cells_cut_at_the_edge(seed: int, rows: int, columns: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 2, (1, 1, rows * columns * 4)).astype(np.float32)
    cells: NDArray[np.int64] = rng.integers(0, rows * columns, (values.shape[2],))
    counts = count(values, cells, rows * columns)
    found = anomaly(counts, (rows, columns), CommonMode(reach=reach, min_pixels=1)).reshape(rows, columns)
    grid = counts.reshape(rows, columns, BINS)
    for r in range(rows):
        for c in range(columns):
            near = grid[max(r - reach, 0) : r + reach + 1, max(c - reach, 0) : c + reach + 1].sum((0, 1))
            expected = anomaly(near[None, None, None], (1, 1), ONE_CELL)[0, 0, 0]
            assert found[r, c] == expected


def test_slots_are_counted_and_put_right_apart() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal([[[0.5], [-2.0]]], 1, (3, 2, 800)).astype(np.float32)
    values[1, 1] = np.nan  # a look without a second plane
    cells: NDArray[np.int64] = rng.integers(0, 2, 800)
    both = count(values, cells, 2)
    for slot in (0, 1):
        np.testing.assert_array_equal(both[:, [slot]], count(values[:, [slot]], cells, 2))
    found = anomaly(both, (1, 2), CommonMode(min_pixels=1))
    np.testing.assert_allclose(found[:, 0], 0.5, atol=0.15)
    np.testing.assert_allclose(found[[0, 2], 1], -2, atol=0.15)
    assert (found[1, 1] == 0).all()


@pytest.mark.parametrize(("share", "alarms"), [(0.0, False), (0.1, True)])
def test_smoke_over_all_is_taken_off_and_a_tenth_cleared_is_not(share: float, alarms: bool) -> None:
    """Simulated: three looks of smoke that lower everything by 3 residual scales, the cleared tenth by 15 more."""
    pixels, detector = 1_000, Detector()
    state = begun(detector, pixels, seed=1)
    looks = stable(range(FIRST_DAY, FIRST_DAY + 48, 8), pixels, seed=2)
    cleared = np.arange(pixels) < share * pixels
    looks.values[2:] -= np.float32(3 * NOISE)
    looks.values[2:, 0, cleared] -= np.float32(15 * NOISE)
    rules = CommonMode(min_pixels=500)
    common = anomaly(count(residuals(detector, state, looks), state.cell, 1), (1, 1), rules)
    assert common[:2, 0, 0] == pytest.approx(0, abs=0.4)
    assert common[2:, 0, 0] == pytest.approx(-3, abs=0.7)
    _, raw = update(detector, state, looks)
    assert (raw["step"] == Step.PROVISIONAL).sum() > 0.02 * pixels  # without it the smoke alarms
    _, log = update(detector, state, replace(looks, common=common))
    confirmed = log["pixel"][log["step"] == Step.CONFIRMED]
    assert set(confirmed.tolist()) == set(np.flatnonzero(cleared).tolist())
    assert bool(len(confirmed)) == alarms


def test_a_grid_coarser_than_the_cell_has_a_cell_for_every_pixel() -> None:
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (2, 3))
    assert cells_of(grid, grid, CommonMode(cell_m=10)).tolist() == list(range(6))
