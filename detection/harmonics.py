"""Robust harmonic regression, batched: one date table for all pixels, one small solve per pixel.

Model (Zhu and Woodcock 2014, CCDC, without the trend, which a short history cannot carry into the monitoring period):
    y(t) = a0 + sum over k of [a_k cos(2 pi k t / 365.25) + b_k sin(2 pi k t / 365.25)]
Fitted by iteratively re-weighted least squares with Tukey's bisquare (c = 4.685, 95 % efficiency at the normal: Holland
and Welsch 1977), scale 1.4826 MAD, and a ridge that grows with k squared so that sparse seasons do not overfit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.types import Days, Float

YEAR_DAYS: Final = 365.25
BISQUARE: Final = 4.685
MAD_TO_SIGMA: Final = 1.4826
ITERATIONS: Final = 6
WINSOR: Final = 8.0
"""Residuals count in the scale up to this many MAD scales: clouds left in a history must not hide how often they come."""
RIDGE: Final = 0.5
"""Weight of the ridge on the first harmonic, in looks: a season seen by fewer looks than this is not believed."""
SEASON_RIDGE: Final = 4.0
"""Weight, in looks, of the belief that the scale has no season."""
SEASON_LOW, SEASON_HIGH = 0.5, 2.0
"""Bounds of the seasonal factor of the scale."""

Table = NDArray[np.float64]


def date_table(days: Days, harmonics: int) -> Table:
    """(time, 1 + 2 harmonics) float64: the sines and cosines every pixel shares."""
    phase = 2 * np.pi * days[:, None] / YEAR_DAYS * np.arange(1, harmonics + 1)
    return np.concatenate(
        [np.ones((len(days), 1)), np.stack([np.cos(phase), np.sin(phase)], 2).reshape(len(days), 2 * harmonics)], 1
    )


def fitted(table: Table, coefficients: Float) -> Float:
    """(time, pixel) float32 values of the model; coefficients (term, pixel)."""
    return (table @ coefficients.astype(np.float64)).astype(np.float32)


@dataclass(frozen=True)
class Fit:
    """Harmonic models of a row of pixels."""

    coefficients: Float
    """(term, pixel), terms as in `date_table`; NaN with fewer than three looks."""
    sigma: Float
    """(pixel,) residual scale at the mean of the season: the winsorised RMS or the MAD scale, whichever is larger."""
    season: Float
    """(2, pixel) cosine and sine of the yearly swing of the scale, relative: see `season_factor`."""
    looks: NDArray[np.int32]
    """(pixel,) observed looks."""


def fit(table: Table, values: Float) -> Fit:
    """Fit every pixel; values: (time, pixel) float32, NaN = not observed.

    One harmonic up to 17 looks, two from 18, three from 24 (CCDC), as far as the table has them. The scale swings with
    the season, as COLD's does (Zhu et al. 2020, there by the looks nearest in day of year).
    """
    terms, pixels = table.shape[1], values.shape[1]
    coefficients = np.full((pixels, terms), np.nan, np.float32)
    sigma, season = np.full(pixels, np.nan, np.float32), np.zeros((2, pixels), np.float32)
    looks = np.zeros(pixels, np.int32)
    _fit(np.ascontiguousarray(table), np.ascontiguousarray(values.T), coefficients, sigma, season, looks)
    return Fit(np.ascontiguousarray(coefficients.T), sigma, season, looks)


def season_factor(table: Table, season: Float) -> Float:
    """(time, pixel) float32 factor on sigma: 1 + cosine and sine of the year, within bounds."""
    swing = 1 + table[:, 1:3] @ season.astype(np.float64)
    return np.clip(swing, SEASON_LOW, SEASON_HIGH).astype(np.float32)


@njit(cache=True, nogil=True)
def _fit(table, values, coefficients, sigma, season, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    longest, terms = table.shape
    x = np.empty((longest, terms))
    y = np.empty(longest)
    weight = np.empty(longest)
    spare = np.empty(longest)
    for p in range(values.shape[0]):
        n = 0
        for t in range(longest):
            if np.isfinite(values[p, t]):
                y[n] = values[p, t]
                for j in range(terms):
                    x[n, j] = table[t, j]
                n += 1
        looks[p] = n
        if n < 3:
            continue
        used = min(terms, 1 + 2 * max(1, n // 6 - 1))
        coefficients[p, :] = 0.0
        beta = np.zeros(terms)
        beta[0] = np.median(y[:n])
        for _ in range(ITERATIONS):
            s = _residual_scale(x, y, beta, spare, n, used)
            for i in range(n):
                r = y[i]
                for j in range(used):
                    r -= x[i, j] * beta[j]
                u = r / (BISQUARE * s)
                weight[i] = (1 - u * u) ** 2 if abs(u) < 1 else 0.0
            _solve(x, y, weight, beta, n, used)
        for j in range(used):
            coefficients[p, j] = beta[j]
        s = _residual_scale(x, y, beta, spare, n, used)
        for i in range(n):
            spare[i] = min(spare[i], WINSOR * s)
        _swing(x, spare, season, p, n)
        square = 0.0
        for i in range(n):
            factor = 1 + season[0, p] * x[i, 1] + season[1, p] * x[i, 2]
            spare[i] /= min(max(factor, SEASON_LOW), SEASON_HIGH)
            square += spare[i] ** 2
        s = max(np.sqrt(square / n), MAD_TO_SIGMA * np.median(spare[:n]))
        sigma[p] = s * np.sqrt(n / max(n - used, 1))


@njit(cache=True, nogil=True)
def _swing(x, spread, season, p, n):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Regress the absolute residuals on the first harmonic; write its share of their mean."""
    terms = np.ascontiguousarray(x[:, :3])
    gram, right = np.zeros((3, 3)), np.zeros(3)
    for i in range(n):
        for j in range(3):
            right[j] += terms[i, j] * spread[i]
            for k in range(3):
                gram[j, k] += terms[i, j] * terms[i, k]
    gram[1, 1] += SEASON_RIDGE
    gram[2, 2] += SEASON_RIDGE
    level = np.linalg.solve(gram, right)
    if level[0] > 0:
        season[0, p] = level[1] / level[0]
        season[1, p] = level[2] / level[0]


@njit(cache=True, nogil=True)
def _residual_scale(x, y, beta, spare, n, used):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for i in range(n):
        r = y[i]
        for j in range(used):
            r -= x[i, j] * beta[j]
        spare[i] = abs(r)
    return max(MAD_TO_SIGMA * np.median(spare[:n]), 1e-6)


@njit(cache=True, nogil=True)
def _solve(x, y, weight, beta, n, used):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Weighted ridge by Cholesky on the normal equations; beta is overwritten. Too little weight leaves it as it was."""
    gram = np.zeros((used, used))
    right = np.zeros(used)
    total = 0.0
    for i in range(n):
        w = weight[i]
        total += w
        for j in range(used):
            wx = w * x[i, j]
            right[j] += wx * y[i]
            for k in range(j + 1):
                gram[j, k] += wx * x[i, k]
    if total < used:
        return
    for j in range(1, used):
        order = (j + 1) // 2
        gram[j, j] += RIDGE * order * order
    for j in range(used):
        for k in range(j + 1):
            s = gram[j, k]
            for m in range(k):
                s -= gram[j, m] * gram[k, m]
            if j == k:
                gram[j, j] = np.sqrt(max(s, 1e-12))
            else:
                gram[j, k] = s / gram[k, k]
    for j in range(used):
        s = right[j]
        for m in range(j):
            s -= gram[j, m] * right[m]
        right[j] = s / gram[j, j]
    for j in range(used - 1, -1, -1):
        s = right[j]
        for m in range(j + 1, used):
            s -= gram[m, j] * right[m]
        right[j] = s / gram[j, j]
    for j in range(used):
        beta[j] = right[j]
