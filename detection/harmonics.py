"""Harmonic regression, robust or by least squares: one date table for all pixels, a block of pixels at a time.

Model (Zhu and Woodcock 2014, CCDC, without the trend, which a short history cannot carry into the monitoring period):
    y(t) = a0 + sum over k of [a_k cos(2 pi k t / 365.25) + b_k sin(2 pi k t / 365.25)]
The robust fit is iteratively re-weighted least squares with Tukey's bisquare (c = 4.685, 95 % efficiency at the normal:
Holland and Welsch 1977), scale 1.4826 MAD (the exact median), and a ridge that grows with k squared so that sparse
seasons do not overfit. Every step solves for the change of the coefficients from the residuals, not for the
coefficients from the values: float32 then loses digits of the residuals only.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.lanes import LANES, evaluate, fused, load, median, normal_matrix, project, solve, subtract, waves
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
LEAST_SCALE: Final = 1e-6
"""Floor of the MAD scale, in units of the index: the rounding of float32 is no noise."""
LEAST_LOOKS: Final = 3
"""Fewer looks than this are no fit at all."""

Table = NDArray[np.float64]


def date_table(days: Days, harmonics: int) -> Table:
    """(time, 1 + 2 harmonics) float64: the sines and cosines every pixel shares."""
    phase = 2 * np.pi * days[:, None] / YEAR_DAYS * np.arange(1, harmonics + 1)
    return np.concatenate(
        [np.ones((len(days), 1)), np.stack([np.cos(phase), np.sin(phase)], 2).reshape(len(days), 2 * harmonics)], 1
    )


def fitted(table: Table, coefficients: Float) -> Float:
    """(time, pixel) float32 values of the model; coefficients (term, pixel). No other array of that size is made."""
    out = np.empty((table.shape[0], coefficients.shape[1]), np.float32)
    evaluate(np.ascontiguousarray(table), np.ascontiguousarray(coefficients), out)
    return out


def season_factor(table: Table, season: Float) -> Float:
    """(time, pixel) float32 factor on sigma: 1 + cosine and sine of the year, within bounds."""
    out = fitted(table[:, 1:3], season)
    out += np.float32(1)
    return np.clip(out, np.float32(SEASON_LOW), np.float32(SEASON_HIGH), out=out)


@dataclass(frozen=True)
class Fit:
    """Harmonic models of a row of pixels."""

    coefficients: Float
    """(term, pixel), terms as in `date_table`; NaN where there is no fit: too few looks, or values beyond float32."""
    sigma: Float
    """(pixel,) residual scale at the mean of the season: the winsorised RMS or the MAD scale, whichever is larger."""
    season: Float
    """(2, pixel) cosine and sine of the yearly swing of the scale, relative: see `season_factor`."""
    looks: NDArray[np.int32]
    """(pixel,) observed looks."""


def fit(table: Table, values: Float) -> Fit:
    """Fit every pixel robustly; values: (time, pixel) float32, NaN = not observed.

    One harmonic up to 17 looks, two from 18, three from 24 (CCDC), as far as the table has them. The scale swings with
    the season, as COLD's does (Zhu et al. 2020, there by the looks nearest in day of year).
    """
    made = _empty(table.shape[1], values.shape[1])
    _robust(waves(table), np.ascontiguousarray(values), made.coefficients, made.sigma, made.season, made.looks)
    return made


def least_squares(table: Table, values: Float, *, ridge: float = 0.0) -> Fit:
    """Fit every pixel by ordinary least squares with all the terms of the table; values as for `fit`.

    ridge: weight of a ridge on harmonic k, k squared times this, in looks. `sigma` is the residual standard deviation
    (over looks - terms); the scale has no season. NaN where the looks do not exceed the terms or do not tell them apart.
    """
    made = _empty(table.shape[1], values.shape[1])
    _ordinary(waves(table), np.ascontiguousarray(values), ridge, made.coefficients, made.sigma, made.looks)
    return made


@fused
def terms_of(looks, terms):  # type: ignore[no-untyped-def]
    """(pixel,) int32 terms of the model that so many looks, (pixel,) int32, carry, of a table of `terms`: as `fit` says."""
    return np.minimum(terms, 1 + 2 * np.maximum(1, looks // 6 - 1)).astype(np.int32)


def _empty(terms: int, pixels: int) -> Fit:
    nothing = np.full((terms + 1, pixels), np.nan, np.float32)
    return Fit(nothing[:-1], nothing[-1], np.zeros((2, pixels), np.float32), np.zeros(pixels, np.int32))


@fused
def _robust(wave, values, coefficients, sigma, season, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    dates, terms = wave.shape[0], coefficients.shape[0]
    block, room, seen = (
        np.empty((dates, LANES), np.float32),
        np.empty((3, dates, LANES), np.float32),
        np.empty(LANES, np.int32),
    )
    beta, swing, scale = (
        np.empty((terms, LANES), np.float32),
        np.empty((2, LANES), np.float32),
        np.empty(LANES, np.float32),
    )
    for first in range(0, values.shape[1], LANES):
        load(values, first, block, seen)
        robust_block(block, wave, seen, room, beta, scale, swing)
        for j in range(min(LANES, values.shape[1] - first)):
            looks[first + j] = seen[j]
            if seen[j] >= LEAST_LOOKS:
                sigma[first + j] = scale[j]
                season[0, first + j], season[1, first + j] = swing[0, j], swing[1, j]
                for q in range(terms):
                    coefficients[q, first + j] = beta[q, j]


@fused
def robust_block(block, wave, looks, room, beta, sigma, season):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The robust fit of one block: beta, sigma and season are written.

    wave: (time, at least 2 terms - 1); block: (time, LANES) float32; looks: (LANES,) int32; room: (3, time, LANES)
    float32 to work in; beta: (term, LANES); sigma: (LANES,); season: (2, LANES).
    """
    residual, first, second = room[0], room[1], room[2]
    used = terms_of(looks, beta.shape[0])
    beta[:] = np.float32(0)
    median(block, looks, beta[0])
    for _ in range(ITERATIONS):
        subtract(block, wave, beta, residual)
        _scale(residual, looks, first, sigma)
        _bisquare(residual, sigma, first, second)
        _step(wave, used, np.float32(RIDGE), first, second, beta)
    subtract(block, wave, beta, residual)
    _scale(residual, looks, first, sigma)
    _spread(residual, wave, used, looks, first, second, sigma, season)


@fused
def _scale(residual, looks, sizes, sigma):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sigma = the MAD scale about the model, from below bounded by LEAST_SCALE. Residuals keep their signs."""
    for t in range(residual.shape[0]):
        for j in range(LANES):
            sizes[t, j] = abs(residual[t, j])
    median(sizes, looks, sigma)
    for j in range(LANES):
        sigma[j] = max(np.float32(MAD_TO_SIGMA) * sigma[j], np.float32(LEAST_SCALE))


@fused
def _bisquare(residual, sigma, weight, weighted):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The weights of the residuals and the weighted residuals, (time, LANES); 0 where not observed."""
    within, zero = np.empty(LANES, np.float32), np.float32(0)
    for j in range(LANES):
        within[j] = np.float32(1) / (np.float32(BISQUARE) * sigma[j])
    for t in range(residual.shape[0]):
        for j in range(LANES):
            r = residual[t, j]
            u = r * within[j]
            rest = np.float32(1) - u * u
            seen = rest > zero  # False for NaN
            w = rest * rest if seen else zero
            weight[t, j] = w
            weighted[t, j] = w * (r if seen else zero)


@fused
def _even(residual, weight, weighted):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The same with all weights 1: ordinary least squares."""
    one, zero = np.float32(1), np.float32(0)
    for t in range(residual.shape[0]):
        for j in range(LANES):
            r = residual[t, j]
            weight[t, j] = one if r == r else zero
            weighted[t, j] = r if r == r else zero


@fused
def _step(wave, used, ridge, weight, weighted, beta):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Move beta to the solution of the weighted ridge. Too little weight leaves it as it was.

    weighted: the weights times the residuals about beta. Returns which lanes were regular.
    """
    terms = beta.shape[0]
    moments, right = np.empty((2 * terms - 1, LANES), np.float32), np.empty((terms, LANES), np.float32)
    project(wave, weight, weighted, moments, right)
    for q in range(1, terms):
        order = (q + 1) // 2
        for j in range(LANES):
            right[q, j] -= ridge * np.float32(order * order) * beta[q, j]
    gram, regular = np.empty((terms, terms, LANES), np.float32), np.empty(LANES, np.bool_)
    normal_matrix(moments, used, ridge, gram)
    solve(gram, right, used, regular)
    for j in range(LANES):
        regular[j] = regular[j] and moments[0, j] >= used[j]
    for q in range(terms):
        for j in range(LANES):
            beta[q, j] += right[q, j] if regular[j] else np.float32(0)
    return regular


@fused
def _spread(residual, wave, used, looks, weight, counted, sigma, season):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """From the MAD scale to the scale at the mean of the season, and its swing; residuals become their sizes.

    Sizes are counted in MAD scales, up to WINSOR: no square of them overflows.
    """
    zero, one, top = np.float32(0), np.float32(1), np.float32(WINSOR)
    moments, right = np.empty((5, LANES), np.float32), np.empty((3, LANES), np.float32)
    for t in range(residual.shape[0]):
        for j in range(LANES):
            size = abs(residual[t, j]) / sigma[j]
            size = top if size > top else size
            seen = size >= zero
            residual[t, j] = size
            weight[t, j] = one if seen else zero
            counted[t, j] = size if seen else zero
    project(wave, weight, counted, moments, right)
    three, gram, regular = np.full(LANES, 3, np.int32), np.empty((3, 3, LANES), np.float32), np.empty(LANES, np.bool_)
    normal_matrix(moments, three, np.float32(SEASON_RIDGE), gram)
    solve(gram, right, three, regular)
    for j in range(LANES):
        swings = regular[j] and right[0, j] > zero
        season[0, j] = right[1, j] / right[0, j] if swings else zero
        season[1, j] = right[2, j] / right[0, j] if swings else zero
    _level(residual, wave, used, looks, sigma, season)


@fused
def _level(sizes, wave, used, looks, sigma, season):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The scale once the swing is taken out of the sizes: RMS or MAD, whichever is larger, per degree of freedom."""
    square, middle, zero = np.zeros(LANES, np.float32), np.empty(LANES, np.float32), np.float32(0)
    for t in range(sizes.shape[0]):
        cosine, sine = wave[t, 1], wave[t, 2]
        for j in range(LANES):
            factor = np.float32(1) + season[0, j] * cosine + season[1, j] * sine
            size = sizes[t, j] / min(max(factor, np.float32(SEASON_LOW)), np.float32(SEASON_HIGH))
            sizes[t, j] = size
            square[j] += size * size if size >= zero else zero
    median(sizes, looks, middle)
    for j in range(LANES):
        level = max(np.sqrt(square[j] / np.float32(looks[j])), np.float32(MAD_TO_SIGMA) * middle[j])
        free = np.float32(max(looks[j] - used[j], 1))
        sigma[j] *= level * np.sqrt(np.float32(looks[j]) / free)


@fused
def standardise(block, wave, beta, sigma, season, residual):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """residual = (block - model) in residual scales of the season; NaN where not observed. Shapes as `robust_block`."""
    subtract(block, wave, beta, residual)
    for t in range(block.shape[0]):
        cosine, sine = wave[t, 1], wave[t, 2]
        for j in range(LANES):
            factor = np.float32(1) + season[0, j] * cosine + season[1, j] * sine
            factor = min(max(factor, np.float32(SEASON_LOW)), np.float32(SEASON_HIGH))
            residual[t, j] = residual[t, j] / (sigma[j] * factor)


@fused
def _ordinary(wave, values, ridge, coefficients, sigma, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    dates, terms = wave.shape[0], coefficients.shape[0]
    block, room = np.empty((dates, LANES), np.float32), np.empty((2, dates, LANES), np.float32)
    residual, weight = room[0], room[1]
    seen, used, beta = np.empty(LANES, np.int32), np.full(LANES, terms, np.int32), np.empty((terms, LANES), np.float32)
    square = np.empty(LANES, np.float32)
    for first in range(0, values.shape[1], LANES):
        load(values, first, block, seen)
        beta[:] = np.float32(0)
        _even(block, weight, residual)
        regular = _step(wave, used, np.float32(ridge), weight, residual, beta)
        subtract(block, wave, beta, residual)
        square[:] = np.float32(0)
        for t in range(dates):
            for j in range(LANES):
                r = residual[t, j]
                square[j] += r * r if r == r else np.float32(0)
        for j in range(min(LANES, values.shape[1] - first)):
            looks[first + j] = seen[j]
            if regular[j] and seen[j] > terms:
                sigma[first + j] = np.sqrt(square[j] / np.float32(seen[j] - terms))
                for q in range(terms):
                    coefficients[q, first + j] = beta[q, j]
