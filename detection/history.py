"""The baseline of every pixel, fitted to its history once, and whether that history can be trusted at all."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from annotated_types import Ge, Gt, Interval
from numba import njit
from numpy.typing import NDArray

from detection.codes import Monitored
from detection.harmonics import Table, fit, fitted, season_factor
from detection.types import Codes, Float, parameters

EDGE_LOOKS: Final = 3
"""A step needs this many looks on either side; a younger one is caught by the monitor itself at the end of the history."""


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
    """(pixel,) residual scale, at least `History.min_sigma`; NaN where the pixel is not monitored."""
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
    sigma = np.maximum(model.sigma, np.float32(history.min_sigma))
    monitored = np.full(len(sigma), Monitored.MONITORED, np.uint8)
    monitored[_stepped(table, values, history)] = Monitored.DISTURBED_HISTORY
    if history.forest_min is not None:
        monitored[sign * model.coefficients[0] < sign * history.forest_min] = Monitored.NOT_FOREST
    monitored[model.looks < history.min_looks] = Monitored.SHORT_HISTORY
    monitored[~inside] = Monitored.OUTSIDE
    sigma[monitored != Monitored.MONITORED] = np.nan
    return Baseline(model.coefficients, model.season, sigma, model.looks, monitored)


def _stepped(table: Table, values: Float, history: History) -> NDArray[np.bool_]:
    """(pixel,) True where one step explains too much of the variance: of what one harmonic of the year leaves, or of all.

    One harmonic only, and none: several can take a step in a sparse history for a season, and would hide it. A season
    seen over two years or more cannot itself be taken for a step (of two cycles of a sine one step explains a quarter).
    """
    once = table[:, :3]
    model = fit(once, values)
    sigma = np.maximum(model.sigma, np.float32(history.min_sigma))
    residuals = (values - fitted(once, model.coefficients)) / season_factor(once, model.season)
    with np.errstate(invalid="ignore"):
        spread = np.maximum(np.abs(values - model.coefficients[0]).max(0, initial=0, where=np.isfinite(values)), sigma)
    raw = values - model.coefficients[0]
    shares = np.maximum(_step_shares(residuals, sigma), _step_shares(np.ascontiguousarray(raw), spread))
    return np.asarray(shares > history.max_step_share)


@njit(cache=True, nogil=True)
def _step_shares(residuals, sigma):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(pixel,) share of the variance of the winsorised residuals that the best single step explains.

    The maximum over k of S_k^2 (1/k + 1/(n-k)) / sum of squares, S_k the partial sums: the between-groups share of an
    analysis of variance over two groups (as in Chow 1960), taken at its best split.
    """
    shares = np.zeros(residuals.shape[1], np.float32)
    clean = np.empty(residuals.shape[0])
    for p in range(residuals.shape[1]):
        n, mean = 0, 0.0
        for t in range(residuals.shape[0]):
            if np.isfinite(residuals[t, p]):
                clean[n] = min(max(residuals[t, p] / sigma[p], -5.0), 5.0)
                mean += clean[n]
                n += 1
        if n < 2 * EDGE_LOOKS:
            continue
        mean /= n
        square = 0.0
        for i in range(n):
            square += (clean[i] - mean) ** 2
        part = 0.0
        for i in range(n - EDGE_LOOKS):
            part += clean[i] - mean
            k = i + 1
            if k >= EDGE_LOOKS and square > 0:
                shares[p] = max(shares[p], part * part * (1 / k + 1 / (n - k)) / square)
    return shares
