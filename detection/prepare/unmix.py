"""Spectral mixture analysis: how much green vegetation, dead wood, bare soil and shade makes up a pixel; NDFI from it."""

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Float

ENDMEMBERS: Final = ("green vegetation", "non-photosynthetic vegetation", "soil", "cloud")
"""In the order of the last axis of fractions; shade has no reflectance and is what is left to one."""
GV, NPV, SOIL, CLOUD = range(4)
MOST_ENDMEMBERS: Final = 6
"""All their subsets are tried: 64 of six."""


@dataclass(frozen=True)
class Endmembers:
    """Reflectance of what pixels are mixtures of."""

    name: str
    """Who uses them."""
    spectra: tuple[tuple[float, ...], ...]
    """(endmember, band) reflectance 0..1; bands blue, green, red, nir, swir1, swir2."""
    source: str
    """Where they are published."""


def _of(*numbers: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(number / 10_000 for number in spectrum) for spectrum in numbers)


BULLOCK: Final = Endmembers(
    "CODED",
    _of(
        (500, 900, 400, 6100, 3000, 1000),
        (1400, 1700, 2200, 3000, 5500, 3000),
        (2000, 3000, 3400, 5800, 6000, 5800),
        (9000, 9600, 8000, 7800, 7200, 6500),
    ),
    "Bullock et al. 2020, Remote Sensing of Environment 238, as in CODED",
)
IMAZON: Final = Endmembers(
    "Imazon",
    _of(
        (119, 475, 169, 6250, 2399, 675),
        (1514, 1597, 1421, 3053, 7707, 1975),
        (1799, 2479, 3158, 5437, 7707, 6646),
        (4031, 8714, 7900, 8989, 7002, 6607),
    ),
    "MapBiomas mosaic-toolkit, SmaAndNdfi.js, after Souza et al. 2005, Remote Sensing of Environment 98",
)


def fractions(reflectance: Float, endmembers: Endmembers = BULLOCK) -> Float:
    """(..., endmember) float32 fractions, none below zero, that come nearest to (..., band) reflectance.

    Non-negative least squares, exact: the best of all subsets of endmembers whose plain least-squares fit is not negative.
    Their sum is not bound to one; shade is 1 minus the sum, below zero where a pixel is brighter than its endmembers.
    NaN where a band is not finite. Raises BadInput for another number of bands.
    """
    spectra = np.array(endmembers.spectra, np.float64)
    if reflectance.shape[-1] != spectra.shape[1]:
        raise BadInput(
            f"unmixing: {reflectance.shape[-1]} bands given, the {endmembers.name} endmembers have {spectra.shape[1]}: "
            "blue, green, red, nir, swir1, swir2"
        )
    pixels = np.ascontiguousarray(reflectance.reshape(-1, spectra.shape[1]), np.float32)
    answer = np.empty((len(pixels), len(spectra)), np.float32)
    _solve(pixels, spectra, *_subsets(spectra), answer)
    return answer.reshape(*reflectance.shape[:-1], len(spectra))


def shade(parts: Float) -> Float:
    """(...) what (..., endmember) fractions leave to one."""
    return np.asarray(np.float32(1) - parts.sum(-1), np.float32)


def ndfi(parts: Float) -> Float:
    """(...) normalised difference fraction index -1..1 of (..., endmember) fractions; NaN where there is only shade.

    (GVs - NPV - Soil) / (GVs + NPV + Soil) with GVs = GV / (1 - shade) (Souza et al. 2005, Remote Sensing of Environment
    98). Forest is near 1, bare soil near -1.
    """
    dead = parts[..., NPV] + parts[..., SOIL]
    with np.errstate(divide="ignore", invalid="ignore"):
        green = parts[..., GV] / parts.sum(-1)
        total = green + dead
        return np.where(total > 0, (green - dead) / total, np.float32(np.nan)).astype(np.float32)


def _subsets(spectra: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Every subset of endmembers but the empty one, the largest first: its size, its members, and its pseudo-inverse."""
    count, bands = spectra.shape
    if count > MOST_ENDMEMBERS or np.linalg.matrix_rank(spectra) < count:
        raise BadInput(f"unmixing: {count} endmembers; give at most {MOST_ENDMEMBERS}, none a mixture of the others")
    chosen = [c for size in range(count, 0, -1) for c in combinations(range(count), size)]
    sizes = np.array([len(c) for c in chosen], np.int64)
    members, inverses = np.zeros((len(chosen), count), np.int64), np.zeros((len(chosen), count, bands))
    for row, c in enumerate(chosen):
        members[row, : len(c)] = c
        inverses[row, : len(c)] = np.linalg.pinv(spectra[list(c)].T)
    return sizes, members, inverses


@njit(
    "void(float32[:, ::1], float64[:, ::1], int64[::1], int64[:, ::1], float64[:, :, ::1], float32[:, ::1])",
    cache=True,
    nogil=True,
)
def _solve(pixels, spectra, sizes, members, inverses, answer):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Of the subsets without a negative share the one that explains most: share . (spectra . pixel) is what it takes off
    the squared residual."""
    count, bands = spectra.shape
    share, best = np.empty(count), np.empty(count)
    right = np.empty(count)
    for p in range(pixels.shape[0]):
        finite = True
        for b in range(bands):
            finite = finite and np.isfinite(pixels[p, b])
        if not finite:
            answer[p] = np.nan
            continue
        for e in range(count):
            right[e] = 0.0
            for b in range(bands):
                right[e] += spectra[e, b] * pixels[p, b]
        most = 0.0
        best[:] = 0.0
        for s in range(sizes.size):
            legal = True
            gain = 0.0
            for i in range(sizes[s]):
                value = 0.0
                for b in range(bands):
                    value += inverses[s, i, b] * pixels[p, b]
                if value < 0.0:
                    legal = False
                    break
                share[i] = value
                gain += value * right[members[s, i]]
            if legal and gain > most:
                most = gain
                best[:] = 0.0
                for i in range(sizes[s]):
                    best[members[s, i]] = share[i]
                if sizes[s] == count:
                    break  # all of them, none negative: nothing fits better
        for e in range(count):
            answer[p, e] = best[e]
