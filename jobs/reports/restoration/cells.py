"""The cells of registered areas: which they are, and what a map with a band a year says of them, read block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, cell_hectares, project
from detection.types import Grid
from jobs.reports.coverage import shares
from jobs.reports.rasters import WINDOW, Plane

Progress = Callable[[str, int, int], None]
Whole = NDArray[np.int64]
Numbers = NDArray[np.float64]
MOST_CELLS: Final = 20_000
"""Of an area that are looked at; of a larger one every second, third, ... row and column of the lattice (chosen: the share of a
hundred thousand hectares is then known within half a per cent, and one area cannot hold up all others)."""
LEAST: Final = 1e-3
"""Share of a cell below which an area only brushes it (chosen)."""


@dataclass(frozen=True)
class Cells:
    """The cells that an area touches."""

    place: int
    """Of the area in its list."""
    rows: Whole
    """(cell,) on the absolute lattice."""
    columns: Whole
    """(cell,) on the absolute lattice."""
    hectares: Numbers
    """(cell,) equal-area, of the part of each that lies in the area, by the scale of the cell in their middle."""
    size: float
    """Hectares of a whole cell; of a large area those that a cell stands for."""

    @property
    def enough(self) -> bool:
        """Are they as much as a whole cell? Of less a satellite's image shows the neighbours."""
        return bool(self.hectares.sum() >= self.size * (1 - LEAST)) and len(self.rows) > 0


def cells_of(shapes: Sequence[BaseGeometry], grid: Grid) -> tuple[Cells, ...]:
    """Of each area in longitude and latitude, in order; of points, lines, and what lies elsewhere none."""
    given = np.empty(len(shapes), object)
    given[:] = list(shapes)
    moved = np.atleast_1d(project(given, LONLAT, grid.crs))
    boxes = shapely.bounds(moved)
    found = [_inside(shape, box, grid) for shape, box in zip(moved, boxes, strict=True)]
    middles = [[(at.min() + at.max()) // 2 if len(at) else 0 for at in some[:2]] for some in found]
    sizes = cell_hectares(grid, *np.array(middles, np.int64).reshape(-1, 2).T)
    return tuple(
        _cells(place, *some, size) for place, (some, size) in enumerate(zip(found, sizes.tolist(), strict=True))
    )


def _inside(shape: BaseGeometry, box: Numbers, grid: Grid) -> tuple[Whole, Whole, Numbers]:
    """Rows, columns and shares of the cells that a shape touches."""
    part = _around(box, grid) if shape.area > 0 else None
    if part is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    share = shares(shape, part)
    rows, columns = np.nonzero(share > LEAST)
    return rows + np.int64(part.first_row), columns + np.int64(part.first_column), share[rows, columns]


def _cells(place: int, rows: Whole, columns: Whole, share: Numbers, size: float) -> Cells:
    if not len(rows):
        return Cells(place, rows, columns, share, size)
    some = _some(rows, columns)
    grown = size * share.sum() / share[some].sum()
    return Cells(place, rows[some], columns[some], share[some] * grown, grown)


def _some(rows: Whole, columns: Whole) -> NDArray[np.bool_]:
    """(cell,) is it looked at?"""
    step = max(1, ceil(sqrt(len(rows) / MOST_CELLS)))
    some = (rows % step == 0) & (columns % step == 0)
    if not some.any():  # a strip between the rows that are looked at
        some = np.arange(len(rows)) % step**2 == 0
    return np.asarray(some)


def _around(box: Numbers, grid: Grid) -> Grid | None:
    """The part of the grid that a box touches; None: nothing of it."""
    if not np.isfinite(box).all():
        return None
    west, south, east, north = box / grid.resolution
    rows = np.array([np.floor(-north), np.ceil(-south)]).astype(np.int64) - grid.first_row
    columns = np.array([np.floor(west), np.ceil(east)]).astype(np.int64) - grid.first_column
    (top, bottom), (left, right) = rows.clip(0, grid.shape[0]), columns.clip(0, grid.shape[1])
    if bottom <= top or right <= left:
        return None
    return grid.window(int(top), int(left), int(bottom - top), int(right - left))


def gathered(
    plane: Plane, places: Sequence[int], cells: Sequence[Cells], *, progress: Progress = lambda *_: None
) -> Iterator[tuple[Cells, Numbers]]:
    """(area, (band, cell) numbers of some bands), each once the last of its cells is read; areas without cells are left out.

    Blocks are those of the absolute lattice, row by row, each read once. Raises BadInput as `Plane.numbers`.
    """
    some = [one for one in cells if len(one.rows)]
    if not some:
        return
    owner = np.repeat(np.arange(len(some)), [len(one.rows) for one in some])
    rows, columns = (np.concatenate([getattr(one, name) for one in some]) for name in ("rows", "columns"))
    within = np.concatenate([np.arange(len(one.rows)) for one in some])
    block = np.stack([rows // WINDOW, columns // WINDOW])
    order = np.lexsort((within, owner, block[1], block[0]))
    cuts = np.flatnonzero((np.diff(block[:, order], axis=1) != 0).any(0)) + 1
    lots = np.split(order, cuts)
    left = [len(one.rows) for one in some]
    held: dict[int, Numbers] = {}
    for done, lot in enumerate(lots, 1):
        found = _read(plane, places, rows[lot], columns[lot])
        owners = owner[lot]
        for begun, ended in _runs(owners):
            mine = int(owners[begun])
            buffer = held.setdefault(mine, np.full((len(places), len(some[mine].rows)), np.nan))
            buffer[:, within[lot[begun:ended]]] = found[:, begun:ended]
            left[mine] -= ended - begun
            if not left[mine]:
                yield some[mine], held.pop(mine)
        progress("recovery", done, len(lots))


def _read(plane: Plane, places: Sequence[int], rows: Whole, columns: Whole) -> Numbers:
    """(band, cell) of cells of one block."""
    top, left = int(rows.min()), int(columns.min())
    grid = plane.grid
    high, wide = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    part = grid.window(top - grid.first_row, left - grid.first_column, high, wide)
    found: Numbers = plane.numbers(part, places)[:, rows - top, columns - left]
    return found


def _runs(sorted_: Whole) -> Iterator[tuple[int, int]]:
    """(begin, end) of equal numbers next to each other."""
    cuts = np.flatnonzero(np.diff(sorted_)) + 1
    yield from pairwise([0, *cuts.tolist(), len(sorted_)])
