"""The baseline of every pixel, fitted to its history once, and whether that history can be trusted at all."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray

from detection.codes import Monitored
from detection.harmonics import SEASON_RIDGE, Table, fit, robust_block, standardise, terms_of
from detection.lanes import LANES, fused, load, waves
from detection.types import Codes, Float, parameters

EDGE_LOOKS: Final = 3
"""A step needs this many looks on either side; a younger one is caught by the monitor itself at the end of the history."""
WINSOR_STEP: Final = 5.0
"""Residuals count in a step up to this many residual scales."""
ONE_HARMONIC: Final = 3
"""Terms of the model a step is sought about."""
ALARM: Final = 3.0
"""Residual scales at which a look of any history, long or short, is equally improbable: see `prediction_factor`."""


@parameters
class History:
    """How the stable past is modelled and what disqualifies it."""

    years: Annotated[float, Gt(0)] = 8.0
    """Length of the history before monitoring starts, years; older looks are left out."""
    harmonics: Annotated[int, Interval(ge=1, le=3)] = 3
    """Most harmonics of the year in the baseline: one up to 17 looks, two from 18, three from 24 (CCDC)."""
    min_looks: Annotated[int, Ge(6)] = 12
    """Fewer clear looks than this end as the status "too few looks in the history"."""
    min_sigma: Annotated[float, Gt(0)] = 0.01
    """Floor of the residual scale, in units of the index: a quieter history is not believed."""
    forest_min: float | None = None
    """Level of the history below which a pixel is "not forest"; null takes every pixel for forest, and says so."""
    widen: bool = True
    """Widen the residual scale where looks are few, so that they alarm no more often than many: prediction_factor."""
    max_step_share: Annotated[float, Interval(gt=0, le=1)] = 0.7
    """A history of whose variance one single step explains more than this share counts as already disturbed."""


@dataclass(frozen=True)
class Baseline:
    """What a pixel was before monitoring began."""

    coefficients: Float
    """(term, pixel) of `harmonics.date_table`."""
    season: Float
    """(2, pixel) yearly swing of the residual scale: `harmonics.season_factor`."""
    sigma: Float
    """(pixel,) scale of a look to come about the model: the residual scale widened by `prediction_factor` if `History.widen`,
    at least `History.min_sigma`; NaN where the pixel is not monitored."""
    looks: NDArray[np.int32]
    """(pixel,) clear looks in the history."""
    monitored: Codes
    """(pixel,) codes.Monitored."""


def baseline(table: Table, values: Float, history: History, *, inside: NDArray[np.bool_], sign: int) -> Baseline:
    """Fit the history and say which pixels can be monitored.

    table: (time, term) from `date_table`; values: (time, pixel) float32, NaN = not observed; inside: (pixel,) area mask;
    sign: +1 where loss lowers the index, -1 where it raises it.
    """
    model = fit(table, values)
    made = np.isfinite(model.coefficients).all(0) & np.isfinite(model.sigma)
    factor = prediction_factor(model.looks, table.shape[1]) if history.widen else np.float32(1)
    sigma = np.maximum(model.sigma * factor, np.float32(history.min_sigma))
    wanted = inside & made & (model.looks >= history.min_looks)
    monitored = np.full(len(sigma), Monitored.MONITORED, np.uint8)
    monitored[_step_shares(table, values, history, wanted) > history.max_step_share] = Monitored.DISTURBED_HISTORY
    if history.forest_min is not None:
        monitored[sign * model.coefficients[0] < sign * history.forest_min] = Monitored.NOT_FOREST
    monitored[~made] = Monitored.FAILED
    monitored[model.looks < history.min_looks] = Monitored.SHORT_HISTORY
    monitored[~inside] = Monitored.OUTSIDE
    sigma[monitored != Monitored.MONITORED] = np.nan
    return Baseline(model.coefficients, model.season, sigma, model.looks, monitored)


def prediction_factor(looks: NDArray[np.int32], terms: int) -> Float:
    """(pixel,) float32 by which the scale of a look to come exceeds the residual scale of a history of so many looks.

    terms: of the table; `harmonics.terms_of` says how many of them a history carries. A look beyond ALARM scales is
    then as improbable after twelve looks as after a hundred. Two causes, multiplied:
    - the coefficients are estimates: sqrt(1 + p/n), the mean over the dates of the variance of a prediction (the p
      leverages sum to p: Hoaglin and Welsch 1978);
    - the scale is one too: Student's quantile in place of the normal's. The degrees, n - p less what the swing of the
      scale costs, by matching variances (Satterthwaite 1946): a mean size of half-normal residuals has the relative
      variance pi/2 - 1, each of the two coefficients of the swing that over n/2 looks, shrunk by SEASON_RIDGE.
    Too few looks for one degree of freedom count as one. The look to come is taken to be of a season the history saw.
    """
    n = np.maximum(looks, 1).astype(np.float64)
    p = terms_of(looks, terms).astype(np.float64)
    swing = (np.pi / 2 - 1) * (n / 2) / (n / 2 + SEASON_RIDGE) ** 2
    free = np.maximum(1 / (1 / np.maximum(n - p, 1) + 2 * swing), 1)
    return np.asarray(np.sqrt(1 + p / n) * students_quantile(free, ALARM) / ALARM, np.float32)


def students_quantile(free: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    """Student's t of these degrees of freedom, as improbable as z of the normal: Abramowitz and Stegun 1964, 26.7.5."""
    series = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return np.asarray(z + sum(term / free ** (k + 1) for k, term in enumerate(series)))


def _step_shares(table: Table, values: Float, history: History, wanted: NDArray[np.bool_]) -> Float:
    """(pixel,) share of the variance that one step explains: of what one harmonic of the year leaves, or of all; 0 else.

    One harmonic only, and none: several can take a step in a sparse history for a season, and would hide it. A season
    seen over two years or more cannot itself be taken for a step (of two cycles of a sine one step explains a quarter).
    Pixels that are not wanted may be 0.
    """
    shares = np.zeros(values.shape[1], np.float32)
    wave = waves(table[:, :ONE_HARMONIC])
    _steps(wave, np.ascontiguousarray(values), np.float32(history.min_sigma), np.ascontiguousarray(wanted), shares)
    return shares


@fused
def _steps(wave, values, min_sigma, wanted, shares):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Block by block: the fit of one harmonic, its standardised residuals, and the values about their level."""
    dates = wave.shape[0]
    block, room = np.empty((dates, LANES), np.float32), np.empty((3, dates, LANES), np.float32)
    looks, beta, numbers = np.empty(LANES, np.int32), np.empty((ONE_HARMONIC, LANES), np.float32), room[0]
    sigma, season, share = np.empty(LANES, np.float32), np.empty((2, LANES), np.float32), np.empty(LANES, np.float32)
    for first in range(0, values.shape[1], LANES):
        width = min(LANES, values.shape[1] - first)
        if not wanted[first : first + width].any():
            continue
        load(values, first, block, looks)
        robust_block(block, wave, looks, room, beta, sigma, season)
        for j in range(LANES):
            sigma[j] = max(sigma[j], min_sigma)
            share[j] = np.float32(0)
        standardise(block, wave, beta, sigma, season, numbers)
        _best_split(numbers, looks, share)
        _about_level(block, beta[0], sigma, numbers)
        _best_split(numbers, looks, share)
        for j in range(width):
            shares[first + j] = share[j]


@fused
def _about_level(block, level, sigma, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """numbers = the values about their level, over the largest of them or sigma: within -1..1, whatever their size."""
    spread = sigma.copy()
    for t in range(block.shape[0]):
        for j in range(LANES):
            numbers[t, j] = block[t, j] - level[j]
            size = abs(numbers[t, j])
            spread[j] = size if size > spread[j] else spread[j]
    for t in range(block.shape[0]):
        for j in range(LANES):
            numbers[t, j] = numbers[t, j] / spread[j]


@fused
def _best_split(numbers, looks, share):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Raise share to the share of the variance of the winsorised numbers that the best single step explains.

    The maximum over k of S_k^2 (1/k + 1/(n-k)) / sum of squares, S_k the partial sums: the between-groups share of an
    analysis of variance over two groups (as in Chow 1960), taken at its best split.
    """
    zero, one, top = np.float32(0), np.float32(1), np.float32(WINSOR_STEP)
    mean, square = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    part, before = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    for t in range(numbers.shape[0]):
        for j in range(LANES):
            number = numbers[t, j]
            number = top if number > top else (-top if number < -top else number)
            numbers[t, j] = number
            mean[j] += number if number == number else zero
    for j in range(LANES):
        mean[j] = mean[j] / np.float32(max(looks[j], 1))
    for t in range(numbers.shape[0]):
        for j in range(LANES):
            about = numbers[t, j] - mean[j]
            square[j] += about * about if about == about else zero
    for t in range(numbers.shape[0]):
        for j in range(LANES):
            about = numbers[t, j] - mean[j]
            seen = about == about
            part[j] += about if seen else zero
            before[j] += one if seen else zero
            after = np.float32(looks[j]) - before[j]
            whole = min(before[j], after) >= np.float32(EDGE_LOOKS) and square[j] > zero
            explained = part[j] * part[j] * (before[j] + after) / (before[j] * after * square[j])
            share[j] = explained if whole and explained > share[j] else share[j]
