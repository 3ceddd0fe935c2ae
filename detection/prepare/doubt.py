"""The plane `doubt`: how likely a look that the masks call clear is not, from its haze and from the cloud around it.

    doubt = logistic(A + B max(haze, 0) + C near)

haze = blue - 0.5 red in reflectance, as the haze-optimised transform of Zhang et al. 2002 (Remote Sensing of Environment
82) has it for vegetation: thin cloud and smoke brighten blue more than red, soil red more than blue. Clean dense forest
has some 0.008, bare soil 0 or less, thin cirrus and smoke add 0.02 to 0.07. near = share of the cells within `doubt_m`
that the quality band calls cloud or shadow, before they are widened: masks miss most beside what they find.

A, B and C are chosen, not fitted to any look: of the forms above they give, to one figure, the odds a careful eye would:
clean forest far from cloud 0.01, haze of 0.03 above it 0.3, of 0.06 above it 0.9, clean amid half cloud 0.1.
"""

from math import exp
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.types import Float, Mask

CLEAN: Final = 0.008
"""Haze of clean dense forest, reflectance: what stands for the haze where blue or red is not known (base rate)."""
A: Final = -5.4
B: Final = 115.0
"""Per unit of reflectance."""
C: Final = 4.6
"""Per share of cloud around."""
MOST: Final = 0.999
"""No look is given up altogether, so that its odds stay finite (chosen)."""


def doubt(blue: Float, red: Float, cloud: Mask, acquired: Mask, seen: Mask, cells: float) -> Float:
    """(time, y, x) float32, above 0 and at most MOST; NaN where not `seen`.

    blue, red: (time, y, x) float32 reflectance 0..1, NaN = not known; cloud, acquired: what the quality band masks before
    widening, and what was acquired at all; cells: radius of "near". What lies outside the array counts as not acquired,
    so the caller reads a halo of at least that radius.
    """
    reach, wide = _disk(cells)
    out = np.full(seen.shape, np.nan, np.float32)
    for look in range(len(seen)):
        near = _near(cloud[look] & acquired[look], acquired[look], reach, wide)
        _judge(blue[look], red[look], near, seen[look], out[look])
    return out


def _disk(cells: float) -> tuple[int, NDArray[np.int64]]:
    """(rows to each side, half width of every row) of the cells whose centres lie within a radius."""
    reach = int(cells)
    wide = np.sqrt(np.maximum(cells**2 - np.arange(-reach, reach + 1) ** 2, 0)).astype(np.int64)
    return reach, wide


def _near(cloud: Mask, acquired: Mask, reach: int, wide: NDArray[np.int64]) -> Float:
    """(y, x) float32 share of the acquired cells of the disk around every cell that are cloud; counts are exact."""
    if not cloud.any():
        return np.zeros(cloud.shape, np.float32)
    if np.array_equal(cloud, acquired):
        return np.ones(cloud.shape, np.float32)
    return _shares(_running(cloud, acquired, reach), reach, wide, cloud.shape[1])  # type: ignore[no-any-return]


@njit("int64[:, ::1](boolean[:, :], boolean[:, :], int64)", cache=True, nogil=True)
def _running(cloud, acquired, reach):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Both counts from the left, in one number so that a single sum serves them; `reach` cells more on each side."""
    rows, columns = cloud.shape
    out = np.zeros((rows, columns + 2 * reach + 1), np.int64)
    for y in range(rows):
        total = np.int64(0)
        for x in range(columns):
            total += np.int64(cloud[y, x]) + (np.int64(acquired[y, x]) << 32)
            out[y, reach + 1 + x] = total
        for x in range(columns, columns + reach):
            out[y, reach + 1 + x] = total
    return out


@njit("float32[:, ::1](int64[:, ::1], int64, int64[::1], int64)", cache=True, nogil=True, error_model="numpy")
def _shares(running, reach, wide, columns):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A row's part of the disk is the difference of its running sum at both ends of the chord."""
    rows = running.shape[0]
    out = np.empty((rows, columns), np.float32)
    total = np.empty(columns, np.int64)
    for y in range(rows):
        total[:] = 0
        for step in range(-reach, reach + 1):
            if 0 <= y + step < rows:
                left, right = reach - wide[step + reach], reach + wide[step + reach] + 1
                low, high = running[y + step, left : left + columns], running[y + step, right : right + columns]
                for x in range(columns):
                    total[x] += high[x] - low[x]
        for x in range(columns):
            out[y, x] = (total[x] & 0xFFFFFFFF) / max(total[x] >> 32, 1)
    return out


@njit("void(float32[:, :], float32[:, :], float32[:, ::1], boolean[:, :], float32[:, ::1])", cache=True, nogil=True)
def _judge(blue, red, near, seen, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if seen[y, x]:
                haze = np.float64(blue[y, x]) - 0.5 * red[y, x]
                if not np.isfinite(haze):
                    haze = CLEAN
                out[y, x] = min(1.0 / (1.0 + exp(-(A + B * max(haze, 0.0) + C * near[y, x]))), MOST)
