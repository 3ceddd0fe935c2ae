"""A block of pixels of a packed state, as a kernel works on it: the model grown to float32, a record a pixel. Compiled.

`packed` says what is kept of a state; here it is taken in where it is used, in scratch arrays that stay in the cache, so that
a packed state costs hardly more than its bytes. A pixel is found at `at + j` of what is grown or laid out, `first + j` of the
rest. As with `machine`: after a change here the compiled files of the kernels that call it must go.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.monitors.machine import NONE, forget

BLOCK = 4096
"""Pixels taken through all looks before the next: model, state and scratch of a block fit the second-level cache."""
ABSENT = -32_768
"""A coefficient that is not a number."""
SWING_STEPS: Final = 32
"""Steps of the seasonal swing of the scale per unit, which is held to +-2: the factor is held to 0.5 to 2 anyway."""
FIRST_POWER = -200
POWERS = np.ldexp(np.float32(1), np.arange(FIRST_POWER, 128)).astype(np.float32)
"""Powers of two, by exponent from FIRST_POWER on."""
NOT_A_NUMBER, SWING = np.float32(np.nan), np.float32(1 / SWING_STEPS)


class Model(NamedTuple):
    """The baseline of a row of pixels."""

    coefficients: NDArray[np.float32]
    """(term, pixel)."""
    season: NDArray[np.float32]
    """(2, pixel) swing of the scale, or (0, pixel) for none."""
    sigma: NDArray[np.float32]
    """(pixel,) NaN where not monitored."""
    history_looks: NDArray[np.int32]
    """(pixel,) looks of the history; read by OLS_CUSUM alone."""


class Steps(NamedTuple):
    """The same as it is kept."""

    steps: NDArray[np.int16]
    """(term, pixel) coefficients as multiples of the pixel's unit, or ABSENT."""
    exponent: NDArray[np.int16]
    """(pixel,) power of two that the unit is."""
    season: NDArray[np.int8]
    """(2, pixel) or (0, pixel), in steps."""
    sigma: NDArray[np.uint16]
    """(pixel,) upper half of a float32."""
    history_looks: NDArray[np.uint16]
    """(pixel,)."""


def room(terms: int, swings: int, pixels: int) -> Model:
    """A model to be grown into."""
    coefficients, season = np.empty((terms, pixels), np.float32), np.empty((swings, pixels), np.float32)
    return Model(coefficients, season, np.empty(pixels, np.float32), np.empty(pixels, np.int32))


class Known(NamedTuple):
    """The records of those pixels alone at which one says something."""

    which: NDArray[np.int32]
    """(record,) pixels, ascending."""
    open: NDArray[Any]
    """(record,) records of `machine.OPEN`."""


@njit(cache=True, nogil=True)
def grow(kept, first, n, counted, unit, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The model of n pixels from the first on, looks of the history only if `counted`; unit: scratch of as many."""
    steps, exponent, sigma = kept.steps, kept.exponent[first : first + n], kept.sigma[first : first + n]
    looks, history, half = kept.history_looks[first : first + n], model.history_looks, model.sigma.view(np.uint32)
    for j in range(n):
        unit[j] = POWERS[exponent[j] - FIRST_POWER]
    for k in range(steps.shape[0]):
        row, grown = steps[k, first : first + n], model.coefficients[k]
        for j in range(n):
            value = np.float32(row[j]) * unit[j]  # before the choice, or it would go pixel by pixel
            grown[j] = value if row[j] != ABSENT else NOT_A_NUMBER
    for k in range(kept.season.shape[0]):
        swing, grown = kept.season[k, first : first + n], model.season[k]
        for j in range(n):
            grown[j] = np.float32(swing[j]) * SWING
    for j in range(n):
        half[j] = np.uint32(sigma[j]) << np.uint32(16)
    for j in range(n if counted else 0):
        history[j] = looks[j]


@njit(cache=True, nogil=True)
def lay(known, at, first, n, opened, told):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Put the records from the one `at` on that are of these pixels where they belong; returns the next."""
    which, records = known.which, known.open
    while at < which.shape[0] and which[at] < first + n:
        opened[which[at] - first] = records[at]
        told[which[at] - first] = 1
        at += 1
    return at


@njit(cache=True, nogil=True)
def gather(opened, told, phase, first, n, known, many):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add the records that say something to those known, and blank all; eight pixels are passed over where none may.

    told: where there may be one, emptied. Returns how many are known.
    """
    which, records, eight = known.which, known.open, told.view(np.uint64)
    for word in range((n + 7) // 8):
        if eight[word] == 0:
            continue
        eight[word] = 0
        for j in range(8 * word, min(8 * word + 8, n)):
            if phase[j] != NONE or opened[j].closed != 0:
                which[many] = first + j
                records[many] = opened[j]
                many += 1
                forget(opened[j])
                opened[j].closed = 0
    return many
