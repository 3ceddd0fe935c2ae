"""What lies around a cell: shares in a moving square, nearness, slope. Each reads as far beyond a window as it looks."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from detection.types import Grid

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]
SLACK: Final = 1e-6
"""Metres, and degrees: what is this near to a limit is at it."""


def reach(window_m: float, resolution: int) -> int:
    """Cells on either side of the middle one of a square of this side, at least one."""
    return max(1, round(window_m / resolution / 2 - 0.5))


def share(of: Mask, known: Mask, cells: int) -> Numbers:
    """Share of known cells in the square around each that are of something; NaN where none is known.

    of, known: (y, x) with a rim of so many cells, which the answer lacks. Whole numbers are added, so that it is exact.
    """
    some, every = (_around(one, cells) for one in (of & known, known))
    return np.where(every > 0, some / np.maximum(every, 1), np.nan)


def _around(mask: Mask, cells: int) -> NDArray[np.int64]:
    side = 2 * cells + 1
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    total[1:, 1:] = mask.cumsum(0, dtype=np.int64).cumsum(1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


def near(where: Callable[[Grid], Mask], part: Grid, within_m: float) -> Mask:
    """(y, x) is a cell of some no farther away, between centres? where: they lie, in any part of the grid."""
    rim = math.ceil(within_m / part.resolution) + 1
    some = where(part.pad(rim))
    if not some.any():
        return np.zeros(part.shape, np.bool_)
    metres = distance_transform_edt(~some, sampling=part.resolution)[rim:-rim, rim:-rim]
    return np.asarray(metres <= within_m + SLACK)


def slope(height: Numbers, resolution: int) -> Numbers:
    """Degrees, of heights in metres with a rim of one cell; NaN where a neighbour is not known.

    Horn 1981, Proceedings of the IEEE 69(1): differences over the eight neighbours, those beside counted twice.
    """
    north, south = height[:-2], height[2:]
    down = (south[:, :-2] + 2 * south[:, 1:-1] + south[:, 2:]) - (north[:, :-2] + 2 * north[:, 1:-1] + north[:, 2:])
    west, east = height[:, :-2], height[:, 2:]
    along = (east[:-2] + 2 * east[1:-1] + east[2:]) - (west[:-2] + 2 * west[1:-1] + west[2:])
    return np.degrees(np.arctan(np.hypot(down, along) / (8 * resolution)))
