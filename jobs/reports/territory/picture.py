"""The map of a territory, thinned: what happened where, no change lost."""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Segmented
from detection.types import Grid
from jobs.reports.cartography import blocks

PERIODS: Final = 3
"""Into so many periods the years of loss are put (chosen: as many colours as are told apart on a small map)."""


class Shown(IntEnum):
    """What a block of the map shows; of several things in it the last."""

    OUTSIDE = 0
    PLAIN = 1
    """Of the territory, and nothing is known of it."""
    STABLE = 2
    """Forest without loss in the years that are told."""
    NEVER = 3
    BLIND = 4
    REGROWTH = 5
    LOSS = 6
    """Loss of the first period; later ones follow."""


@dataclass(frozen=True)
class Picture:
    """A map, thinned."""

    grid: Grid
    """Of its cells."""
    step: int
    """Cells along a side of a block."""
    codes: NDArray[np.uint8]
    """(y, x) `Shown`, and LOSS + period; filled by `thinned`."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def metres(self) -> int:
        """Side of a block."""
        return self.step * self.grid.resolution


def mosaic(grid: Grid, step: int) -> Picture:
    """A map that shows nothing yet."""
    rows, columns = (-(-side // step) for side in grid.shape)
    return Picture(grid, step, np.zeros((rows, columns), np.uint8))


def periods(years: range) -> tuple[range, ...]:
    """The years in at most PERIODS spans of about one length, the longest last."""
    ends = [len(years) * k // PERIODS for k in range(PERIODS + 1)]
    return tuple(years[a:b] for a, b in pairwise(ends) if b > a)


def thinned(
    picture: Picture,
    part: Grid,
    size: NDArray[np.float64],
    maps: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None,
    years: range,
) -> None:
    """Put a part of the map in its place; size: (y, x) hectares of the territory; maps: state, year of loss, age of regrowth."""
    codes = np.full(part.shape, Shown.PLAIN, np.int16)
    if maps is not None:
        state, lost, age = maps
        known = [state == Segmented.SEGMENTED, state == Segmented.NOT_FOREST, state != Segmented.OUTSIDE]
        codes = np.select(known, [Shown.STABLE, Shown.NEVER, Shown.BLIND], Shown.PLAIN).astype(np.int16)
        for place, span in enumerate(periods(years)):
            codes[(lost >= span.start) & (lost < span.stop)] = Shown.LOSS + place
        codes[age > 0] = Shown.REGROWTH  # stands where forest was lost
    codes[size == 0] = Shown.OUTSIDE
    parted = blocks(codes, picture.step, Shown.OUTSIDE)
    there = parted[np.arange(parted.shape[0])[:, None], np.arange(parted.shape[1]), (parted > 0).argmax(-1)]
    most = parted.max(-1)
    row, column = (at // picture.step for at in picture.grid.offset(part))
    made = np.where(most >= Shown.REGROWTH, most, there)
    picture.codes[row : row + made.shape[0], column : column + made.shape[1]] = made
