"""What all the forest around a pixel does at one look is not loss: smoke, haze, rain, drought. It is taken off.

Tiles cannot see far, so they count: histograms of residuals on a coarse lattice anchored to the grid's absolute origin.
Counts are integers, so their sum does not depend on the tiling; the median follows from the sum (the idea is Doblas et
al. 2020's for radar rain; a median because loss and cloud are outliers).
"""

from typing import Annotated, Final

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from detection.types import Float, Grid, parameters

BINS: Final = 160
SPAN: Final = 8.0
"""Residuals from -8 to 8 scales in steps of 0.1; what lies beyond counts in the outermost bin."""

Histogram = NDArray[np.int64]


@parameters
class CommonMode:
    """Subtract the median anomaly of the monitored forest around, look by look."""

    enabled: bool = True
    """Off: every pixel is judged by itself alone."""
    cell_m: Annotated[int, Gt(0)] = 1920
    """Cell of the scene-wide lattice, metres, anchored to the grid's absolute origin."""
    reach: Annotated[int, Ge(0)] = 2
    """Cells taken in on each side for the median: (2 reach + 1)^2 cells."""
    min_pixels: Annotated[int, Ge(1)] = 500
    """Fewer monitored pixels than this within reach: nothing is subtracted."""


def lattice_shape(grid: Grid, parameters: CommonMode) -> tuple[int, int]:
    """(rows, columns) of the lattice cells the grid touches."""
    rows, columns = _positions(grid, grid, parameters)
    return int(rows[-1]) + 1, int(columns[-1]) + 1


def cells_of(tile: Grid, grid: Grid, parameters: CommonMode) -> NDArray[np.int64]:
    """(pixel,) number of the lattice cell every pixel of the tile lies in, counted over the whole grid."""
    rows, columns = _positions(tile, grid, parameters)
    return (rows[:, None] * lattice_shape(grid, parameters)[1] + columns[None, :]).ravel()


def count(residuals: Float, cells: NDArray[np.integer], size: int) -> Histogram:
    """(time, slot, cell, bin) counts of (time, slot, pixel) residuals; NaN is not counted."""
    looks, slots, pixels = residuals.shape
    counts = np.zeros((looks * slots, size * BINS), np.int64)
    for part, values in enumerate(residuals.reshape(looks * slots, pixels)):
        seen = np.isfinite(values)
        bins = np.clip((values[seen] + SPAN) * (BINS / (2 * SPAN)), 0, BINS - 1).astype(np.int64)
        counts[part] = np.bincount(cells[seen].astype(np.int64) * BINS + bins, minlength=size * BINS)
    return counts.reshape(looks, slots, size, BINS)


def anomaly(counts: Histogram, shape: tuple[int, int], parameters: CommonMode) -> Float:
    """(time, slot, cell) float32 median residual within reach of every cell, in residual scales.

    counts: (time, slot, cell, bin); shape: (rows, columns) of the cells. 0 where too few pixels are, and in slots without
    residuals.
    """
    each = counts.reshape(-1, *shape, BINS)
    around = _gather(each, parameters.reach).reshape(counts.shape)
    total = around.sum(-1)
    running = np.cumsum(around, -1)
    middle = np.argmax(running * 2 >= total[..., None], -1)
    inside = np.take_along_axis(around, middle[..., None], -1)[..., 0]
    before = np.take_along_axis(running, middle[..., None], -1)[..., 0] - inside
    part = (total / 2 - before) / np.maximum(inside, 1)
    median = (middle + part) * (2 * SPAN / BINS) - SPAN
    return np.where(total >= parameters.min_pixels, median, 0).astype(np.float32)


def _gather(counts: Histogram, reach: int) -> Histogram:
    """Sums over the (2 reach + 1)^2 neighbourhood, cut at the edge."""
    for axis in (1, 2):
        width = [(0, 0)] * counts.ndim
        width[axis] = (reach + 1, reach)
        running = np.cumsum(np.pad(counts, width), axis)
        size = counts.shape[axis]
        ahead = np.take(running, np.arange(2 * reach + 1, 2 * reach + 1 + size), axis)
        counts = ahead - np.take(running, np.arange(size), axis)
    return counts


def _positions(tile: Grid, grid: Grid, parameters: CommonMode) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lattice row of every row and lattice column of every column of the tile, from the grid's first lattice cell on."""
    step = max(parameters.cell_m // grid.resolution, 1)
    rows = (tile.first_row + np.arange(tile.shape[0])) // step - grid.first_row // step
    columns = (tile.first_column + np.arange(tile.shape[1])) // step - grid.first_column // step
    return rows, columns
