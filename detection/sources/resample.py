"""Onto the job's grid: one rule per quantity. Area mean of the finer pixels that count, nearest where no mean makes sense.

The cells of a source are first put on a lattice of their own resolution that nests in the job's grid (`nesting`), by
whole-cell shifts where the zone is the same (`placed`) and by a warp where it is not (`warped`); then cells of that
lattice become cells of the grid (`averaged`, `nearest`).
"""

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.codes import Observation
from detection.sources.extents import Overlap
from detection.types import Codes, Float, Grid, Mask

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Patch:
    """One band of one scene on a grid."""

    grid: Grid
    """Where."""
    values: Numbers
    """(y, x), stored dtype or float32; meaningless where `status` is not OBSERVED."""
    status: Codes
    """(y, x) codes of `codes.Observation`: OBSERVED, MASKED (nodata) or OUTSIDE (the raster does not reach it)."""


@dataclass(frozen=True)
class Places:
    """Where the centres of a grid's cells lie in another raster, in its cells: 0 is the centre of its first."""

    rows: NDArray[np.float64]
    """(y, x)."""
    columns: NDArray[np.float64]
    """(y, x)."""


@dataclass(frozen=True)
class Window:
    """A part of a raster."""

    values: Numbers
    """(rows, columns), as stored."""
    first: tuple[int, int]
    """Row and column of its first cell in the raster."""
    whole: tuple[int, int]
    """Rows and columns of the raster."""


def nesting(grid: Grid, resolution: int) -> Grid:
    """The smallest grid of this resolution around `grid` whose edges lie on edges of both, e.g. 60 m for 20 on 30 m."""
    step = grid.resolution * resolution // gcd(grid.resolution, resolution)
    west, south, east, north = grid.bounds
    west, north = west // step * step, -(-north // step) * step
    rows, columns = -(-(north - south) // step) * step, -(-(east - west) // step) * step
    return Grid(grid.crs, west, north, resolution, (rows // resolution, columns // resolution))


def placed(grid: Grid, part: Overlap, values: Numbers, nodata: tuple[float, ...]) -> Patch:
    """The cells of a source that overlap a grid of its own zone and resolution, moved by whole cells and not changed."""
    held = observed(values, nodata)
    found = np.logical_not(held, out=held).view(np.uint8) * np.uint8(Observation.MASKED)
    if values.shape == grid.shape:
        return Patch(grid, values, found)
    out = np.zeros(grid.shape, values.dtype)
    status = np.full(grid.shape, Observation.OUTSIDE, np.uint8)
    out[part.target], status[part.target] = values, found
    return Patch(grid, out, status)


def _status(held: Mask) -> Codes:
    """OBSERVED where it holds, else MASKED: 0 and 1, so that no larger array is made on the way."""
    return (~held).view(np.uint8)


def outside(grid: Grid, dtype: str) -> Patch:
    """No cell of the source reaches the grid."""
    return Patch(grid, np.zeros(grid.shape, dtype), np.full(grid.shape, Observation.OUTSIDE, np.uint8))


def warped(grid: Grid, window: Window, nodata: tuple[float, ...], places: Places, *, classes: bool) -> Patch:
    """Cells of another zone: nearest for classes, bilinear (float32) for the rest; what holds is that of the nearest.

    Bilinear weights of neighbours that do not hold go to the others. Every cell is a matter of its own centre alone, so
    that the answer does not depend on the tiling.
    """
    inside = np.pad(observed(window.values, nodata), 1)
    values = np.pad(window.values, 1)
    row, column = np.floor(places.rows + 0.5), np.floor(places.columns + 0.5)
    near = _at(row - window.first[0], values.shape[0]), _at(column - window.first[1], values.shape[1])
    reach = (row >= 0) & (row < window.whole[0]) & (column >= 0) & (column < window.whole[1])
    held = np.where(inside[near], Observation.OBSERVED, Observation.MASKED)
    status = np.where(reach, held, Observation.OUTSIDE).astype(np.uint8)
    if classes:
        return Patch(grid, values[near], status)
    return Patch(grid, _bilinear(values, inside, window.first, places), status)


def _bilinear(values: Numbers, inside: Mask, first: tuple[int, int], places: Places) -> Float:
    """values, inside: the window with a rim of one cell that does not hold."""
    top, left = np.floor(places.rows), np.floor(places.columns)
    down, along = (places.rows - top).astype(np.float32), (places.columns - left).astype(np.float32)
    total, weight = np.zeros(top.shape, np.float32), np.zeros(top.shape, np.float32)
    clean = np.where(inside, values, 0).astype(np.float32)
    for i, share in ((0, 1 - down), (1, down)):
        rows = _at(top + i - first[0], values.shape[0])
        for j, part in ((0, 1 - along), (1, along)):
            pick = rows, _at(left + j - first[1], values.shape[1])
            each = share * part * inside[pick]
            total += each * clean[pick]
            weight += each
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.float32(0)).astype(np.float32)


def _at(position: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Positions in the padded window; the rim for all that lies off it."""
    return np.clip(position + 1, 0, size - 1).astype(np.intp)


def onto(patch: Patch, grid: Grid, *, classes: bool = False, clear: Mask | None = None) -> Patch:
    """A patch on a nesting grid, brought onto `grid`: as it is, area mean where it is finer, nearest where coarser.

    clear: (y, x) of the patch, True where a finer pixel counts (its quality, at its own resolution). Where none of a
    cell's observed pixels counts, all of them are averaged: the quality band tells that cell's story.
    """
    if patch.grid.resolution == grid.resolution:
        return _cropped(patch, grid)
    if classes or patch.grid.resolution > grid.resolution:
        return nearest(patch, grid)
    return averaged(patch, grid, clear)


def nearest(patch: Patch, grid: Grid) -> Patch:
    """Every cell takes the number of the patch's cell that its centre lies in; on an edge, of the one to the south-east."""
    fine, own = grid.resolution, patch.grid.resolution
    north, west = patch.grid.north - grid.north, grid.west - patch.grid.west
    rows = (2 * (north + fine * np.arange(grid.shape[0])) + fine) // (2 * own)
    columns = (2 * (west + fine * np.arange(grid.shape[1])) + fine) // (2 * own)
    pick = np.ix_(rows, columns)
    return Patch(grid, patch.values[pick], patch.status[pick])


def averaged(patch: Patch, grid: Grid, clear: Mask | None = None) -> Patch:
    """Mean, weighted by area, of the finer pixels that hold (and are clear, where any is); float32.

    MASKED where pixels reach the cell and none holds, OUTSIDE where none reaches it.
    """
    held = patch.status == Observation.OBSERVED
    mean, weight = _mean(patch, grid, held)
    if clear is not None and not clear.all():
        clean, some = _mean(patch, grid, held & clear)
        mean = np.where(some > 0, clean, mean)
    reached = (
        _sums((patch.status != Observation.OUTSIDE).astype(np.float32), patch.grid.resolution, grid.resolution) > 0
    )
    status = np.where(weight > 0, Observation.OBSERVED, np.where(reached, Observation.MASKED, Observation.OUTSIDE))
    whole = Patch(_coarse(patch.grid, grid.resolution), mean, status.astype(np.uint8))
    return _cropped(whole, grid)


def observed(values: Numbers, nodata: tuple[float, ...]) -> Mask:
    """(y, x) False at nodata, NaN and inf."""
    held: Mask | None = np.isfinite(values) if values.dtype.kind == "f" else None
    for number in nodata:
        is_data = values != values.dtype.type(number)
        held = is_data if held is None else held & is_data
    return np.ones(values.shape, np.bool_) if held is None else held


def _mean(patch: Patch, grid: Grid, counts: Mask) -> tuple[Float, Float]:
    fine, coarse = patch.grid.resolution, grid.resolution
    weight = _sums(counts.astype(np.float32), fine, coarse)
    total = _sums(np.where(counts, patch.values, 0).astype(np.float32), fine, coarse)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.float32(0)).astype(np.float32), weight


def _sums(cells: Float, fine: int, coarse: int) -> Float:
    """Sums of cells times the share of each that lies in the coarser cell, first down the rows, then along them."""
    return _along(_along(cells, fine, coarse).T, fine, coarse).T


def _along(cells: Float, fine: int, coarse: int) -> Float:
    """One axis. The pattern repeats: for 20 on 30 m every 3 rows make 2, with weights 1, 1/2 and 1/2, 1."""
    period = fine * coarse // gcd(fine, coarse)
    inputs, outputs = period // fine, period // coarse
    out = np.zeros((cells.shape[0] // inputs * outputs, cells.shape[1]), np.float32)
    for o in range(outputs):
        for i in range(inputs):
            shared = min((o + 1) * coarse, (i + 1) * fine) - max(o * coarse, i * fine)
            if shared > 0:
                out[o::outputs] += cells[i::inputs] * np.float32(shared / fine)
    return out


def _coarse(grid: Grid, resolution: int) -> Grid:
    rows, columns = (n * grid.resolution // resolution for n in grid.shape)
    return Grid(grid.crs, grid.west, grid.north, resolution, (rows, columns))


def _cropped(patch: Patch, grid: Grid) -> Patch:
    if patch.grid == grid:
        return patch
    row, column = patch.grid.offset(grid)
    inner = np.s_[row : row + grid.shape[0], column : column + grid.shape[1]]
    return Patch(grid, patch.values[inner], patch.status[inner])
