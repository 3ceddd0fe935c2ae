"""The map whose classes are sampled, read by windows: a raster of a whole nation is never held in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from detection.codes import NO_YEAR, YEAR_NODATA, Segmented
from detection.context.rasters import Raster, open_raster
from detection.errors import BadInput, GridMismatch
from detection.sources.extents import Overlap
from detection.sources.pieces import Unreadable
from detection.sources.rasters import opened, read_bands
from detection.types import Grid
from jobs.reports.areas.asked import AreaReport, HistoryMap
from jobs.words import _

Codes = NDArray[np.int64]
NOTHING: Final = np.iinfo(np.int64).min
"""Code of cells outside of everything: the map's nodata."""
WINDOW: Final = 1024
"""Cells along a side of what is read at once: bounds the memory, not the answer."""


class Happened(IntEnum):
    """What the maps of a history say of a cell within a period."""

    LOSS = 1
    REGROWTH = 2
    NO_LOSS = 3
    OTHER_TIME = 4
    NEVER_FOREST = 5
    NOT_SEEN = 6


NAMES: Final = {
    Happened.LOSS: _("loss"),
    Happened.REGROWTH: _("regrowth"),
    Happened.NO_LOSS: _("no loss"),
    Happened.OTHER_TIME: _("loss at another time"),
    Happened.NEVER_FOREST: _("never forest"),
    Happened.NOT_SEEN: _("not seen"),
}
"""Strata of a history for which none are named."""


@dataclass(frozen=True)
class ChangeMap:
    """A map of codes on one of our grids."""

    name: str
    """For messages."""
    grid: Grid
    """Its cells."""
    rasters: tuple[Raster, ...]
    """One of codes; or year of loss, year of regrowth and why a cell is segmented, of a history."""
    years: range | None
    """Of a history: the years of the period."""
    simulated: bool
    """Does a file say that it is simulated?"""

    def read(self, part: Grid) -> Codes:
        """(y, x) codes of a part of the grid; NOTHING where the map holds nothing, and outside of it."""
        made = np.full(part.shape, NOTHING, np.int64)
        where, source = shared_cells(self.grid, part)
        if all(s.stop > s.start for s in source):
            blocks = [_numbers(raster, source) for raster in self.rasters]
            made[where] = blocks[0] if self.years is None else _happened(blocks[0], blocks[1], blocks[2], self.years)
        return made

    def windows(self, size: int = WINDOW) -> Iterator[Grid]:
        """Parts that cover the grid once."""
        return self.grid.tiles(size)

    @property
    def checksums(self) -> dict[str, str]:
        """File name -> sha256."""
        return {raster.path.name: _sha256(raster.path) for raster in self.rasters}


def open_map(asked: AreaReport) -> ChangeMap:
    """The map of a report.

    Raises BadInput: a file that is missing, broken, not of whole numbers, or not on our grids; GridMismatch for files of a
    history that differ.
    """
    where = asked.map
    if isinstance(where, HistoryMap):
        layers = ("loss_year", "regrowth_year", "segmented")
        files, bands = [where.folder / f"{layer}.tif" for layer in layers], (1, 1, 1)
        years: range | None = range(asked.first.year, asked.last.year + 1)
    else:
        files, bands, years = [where.path], (where.band,), None  # type: ignore[assignment]
    rasters = tuple(_open(path, band) for path, band in zip(files, bands, strict=True))
    grids = [grid_of(raster) for raster in rasters]
    if len(set(grids)) > 1:
        raise GridMismatch(f"{files[0].parent.name}: its rasters lie on different grids; take those of one run")
    return ChangeMap(files[0].name, grids[0], rasters, years, any(says_simulated(path) for path in files))


def _open(path: Path, band: int) -> Raster:
    if not path.is_file():
        raise BadInput(f"{path}: no such file; check where the map lies, or run the job that makes it")
    raster = open_raster(path.absolute(), band)
    if np.dtype(raster.dtype).kind not in "iu" or (raster.scale, raster.offset) != (1.0, 0.0):
        raise BadInput(f"{path.name}: holds {raster.dtype} or scaled numbers; classes are whole numbers, write it so")
    return raster


def grid_of(raster: Raster) -> Grid:
    """The grid that its cells lie on. Raises BadInput, naming the file, for what is on none of ours."""
    t, name = raster.transform, raster.path.name
    epsg = CRS.from_wkt(raster.crs).to_epsg()
    if t.b or t.d or t.a != -t.e or any(edge != round(edge) for edge in (t.a, t.c, t.f)):
        raise BadInput(f"{name}: is not north-up with square cells on whole metres; warp it to a UTM grid first")
    try:
        return Grid(f"EPSG:{epsg}", int(t.c), int(t.f), int(t.a), raster.shape)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None


def says_simulated(path: Path) -> bool:
    """Does the file say that it is simulated?"""
    with opened(path) as source:
        return str(source.tags().get("SIMULATED", "")).lower() == "true"


def shared_cells(grid: Grid, part: Grid) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """(where in the part, where in the grid) of the cells of both."""
    row, column = grid.offset(part)
    starts = max(row, 0), max(column, 0)
    stops = min(row + part.shape[0], grid.shape[0]), min(column + part.shape[1], grid.shape[1])
    source = slice(starts[0], stops[0]), slice(starts[1], stops[1])
    return (slice(starts[0] - row, stops[0] - row), slice(starts[1] - column, stops[1] - column)), source


def _numbers(raster: Raster, window: tuple[slice, slice]) -> Codes:
    block = read_bands(raster.path, [raster.band], Overlap(window, window), [raster.nodata])[0]
    if isinstance(block, Unreadable):
        raise BadInput(f"{raster.path.name}: cannot be read here ({block.reason}); fetch or write it again")
    return np.where(block.valid, block.values.astype(np.int64), NOTHING)


def _happened(loss: Codes, regrowth: Codes, segmented: Codes, years: range) -> Codes:
    """(y, x) codes of Happened. Of several losses the map has the last; NOTHING outside the area of the job."""
    loss, regrowth = (np.where((one == NOTHING) | (one == YEAR_NODATA), NO_YEAR, one) for one in (loss, regrowth))
    within = [(one >= years.start) & (one < years.stop) for one in (loss, regrowth)]
    known = np.select(
        [within[0], within[1], loss == NO_YEAR],
        [Happened.LOSS, Happened.REGROWTH, Happened.NO_LOSS],
        Happened.OTHER_TIME,
    )
    made = np.select(
        [segmented == Segmented.SEGMENTED, segmented == Segmented.NOT_FOREST, segmented == Segmented.OUTSIDE],
        [known, np.int64(Happened.NEVER_FOREST), np.int64(NOTHING)],
        np.int64(Happened.NOT_SEEN),
    )
    return np.where(segmented == NOTHING, NOTHING, made)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
