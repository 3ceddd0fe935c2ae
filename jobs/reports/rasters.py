"""Maps of one piece of the report, read by windows: all of them on the lattice of the first, or refused by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.context.rasters import Raster, open_raster
from detection.errors import BadInput, GridMismatch
from detection.sources.extents import Overlap
from detection.sources.pieces import Unreadable
from detection.sources.rasters import opened, read_bands
from detection.types import Grid
from jobs.reports.areas.maps import NOTHING, grid_of, says_simulated, shared_cells

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]
WINDOW: Final = 512
"""Cells along a side of what is read at once: bounds the memory (sixteen years of it are 34 MB), not the answer."""


@dataclass(frozen=True)
class Plane:
    """Bands of a GeoTIFF on one of our grids."""

    name: str
    """Of the file, for messages."""
    grid: Grid
    """Its cells."""
    bands: tuple[Raster, ...]
    """One, or one a year."""
    simulated: bool
    """Does the file say that it is simulated?"""

    @property
    def path(self) -> Path:
        """The file."""
        return self.bands[0].path

    def numbers(self, part: Grid, places: Sequence[int] = (0,)) -> Numbers:
        """(band, y, x) of some bands, by place, scaled; NaN where the map holds nothing, and outside of it."""
        made = np.full((len(places), *part.shape), np.nan)
        where, source = shared_cells(self.grid, part)
        if any(s.stop <= s.start for s in source):
            return made
        some = [self.bands[place] for place in places]
        blocks = read_bands(
            self.path, [one.band for one in some], Overlap(source, source), [one.nodata for one in some]
        )
        for layer, block, one in zip(made, blocks, some, strict=True):
            if isinstance(block, Unreadable):
                raise BadInput(f"{self.name}: cannot be read here ({block.reason}); fetch or write it again")
            layer[where] = np.where(block.valid, block.values * np.float64(one.scale) + one.offset, np.nan)
        return made

    def codes(self, part: Grid) -> Codes:
        """(y, x) of a map of whole numbers; NOTHING where the map holds nothing, and outside of it."""
        found = self.numbers(part)[0]
        return np.where(np.isnan(found), NOTHING, np.nan_to_num(found).astype(np.int64))


def open_codes(path: Path, band: int = 1, like: Plane | None = None) -> Plane:
    """A map of classes. Raises as `open_numbers`, and BadInput where it holds anything but whole numbers."""
    made = open_numbers(path, band, like)
    one = made.bands[0]
    if (
        np.dtype(one.dtype).kind not in "iu"
        or np.dtype(one.dtype).itemsize > 4
        or (one.scale, one.offset) != (1.0, 0.0)
    ):
        raise BadInput(f"{path.name}: holds {one.dtype} or scaled numbers; classes are whole numbers, write it so")
    return made


def open_numbers(path: Path, band: int = 1, like: Plane | None = None) -> Plane:
    """A map of numbers.

    Raises BadInput: missing, broken, not on our grids; GridMismatch: on another lattice than `like`, or beside it.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; check where the map lies, or run the job that makes it")
    raster = open_raster(path.absolute(), band)
    made = Plane(path.name, grid_of(raster), (raster,), says_simulated(path))
    if like is not None:
        _fits(made, like)
    return made


def open_yearly(path: Path, like: Plane | None = None) -> tuple[Plane, dict[int, int]]:
    """A map with a band a year, and year -> place of its band.

    Raises as `open_numbers`, and BadInput where a description is no year, or one comes twice.
    """
    first = open_numbers(path, 1, like)
    with opened(path) as source:
        said = [str(one or "").strip() for one in source.descriptions]
    for number, one in enumerate(said, 1):
        if not (one.isdecimal() and len(one) == 4):
            raise BadInput(
                f"{path.name}: band {number} is described as {one!r}; a band a year is described by its year"
            )
    years = {int(one): place for place, one in enumerate(said)}
    if len(years) < len(said):
        raise BadInput(f"{path.name}: two bands are of one year; write each year once")
    bands = tuple(open_raster(path.absolute(), number) for number in range(1, len(said) + 1))
    return Plane(first.name, first.grid, bands, first.simulated), years


def _fits(made: Plane, like: Plane) -> None:
    if made.grid.lattice != like.grid.lattice:
        raise GridMismatch(
            f"{made.name}: lies on {made.grid.lattice}, {like.name} on {like.grid.lattice}; warp it to the cells of the latter"
        )
    if any(s.stop <= s.start for s in shared_cells(like.grid, made.grid)[1]):
        raise GridMismatch(f"{made.name}: shares no cell with {like.name}; take a map of the same place")
