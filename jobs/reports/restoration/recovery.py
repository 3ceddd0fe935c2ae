"""How the pixels of a restored area have come back since the loss, against a baseline frozen beforehand.

The metrics are those of `detection.segments.recovery`, of each pixel; here they become figures of an area. An area may have
several indices, of which NDVI comes back fast and saturates while NBR follows structure: each is measured by itself.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray

from detection.accuracy.bootstrap import Estimate, interval, resamples
from detection.codes import NO_YEAR
from detection.errors import BadInput
from detection.segments.falls import Falls
from detection.segments.recovery import METRICS, NOT_REACHED, Metrics, Numbers, Recovery, Regrowth, Years, summary
from detection.types import Mask, parameters

QUANTILES: Final = (0.25, 0.5, 0.75)
FIGURES: Final = (*METRICS, "onset", "age", "gain")
"""What is said of an area: the metrics, the first year of regrowth, its years so far, and how far the last value seen lies
above the mean of the baseline."""
ENDS: Final = (0.025, 0.975)
"""Of a 95 % interval."""
COLUMNS: Final = (
    "area_id", "metric", "index", "target_source", "value", "ci_low", "ci_high", "q25", "q50", "q75", "n_pix", "recovered",
)  # fmt: skip
"""Of `recovery_by_polygon`."""


class Course(IntEnum):
    """What a pixel does since its loss."""

    NOT_SEEN = 0
    """Its level, its target or the years after the loss were not seen often enough to say."""
    UNTOUCHED = 1
    """It had no loss: its target does not lie above what it was at y0."""
    STALLED = 2
    """It was seen for as many years as an onset needs, and has not risen to stay."""
    RECOVERING = 3
    """It has risen and stayed, whether or not it has reached its target."""
    RECLEARED = 4
    """It had risen and stayed, or was whole when restoration began (`courses`), and was cleared again."""


@parameters
class Measuring:
    """How the recovery of an area is measured."""

    recovery: Recovery = Recovery()
    """What counts as recovered; its `rise` and `relapse` are those of histories: here `falls` says what a rise and a loss are."""
    falls: Falls = Falls()
    """What is a loss and what a rise, where they are read from the series: `courses`."""
    draws: Annotated[int, Ge(100)] = 1000
    """Resamples of the bootstrap."""
    seed: Annotated[int, Ge(0)] = 1
    """Of its random numbers."""


@dataclass(frozen=True)
class Series:
    """An index over the pixels of an area, one value a year."""

    area: str
    """Id of the area."""
    index: str
    """Name of the index, which loss lowers: `NBR`, `NDVI`."""
    years: Years
    """(year,) one after the other."""
    values: Numbers
    """(year, pixel), NaN = not seen; the pixels always in one order."""

    def __post_init__(self) -> None:
        if not self.area or not self.index:
            raise BadInput("recovery: a series needs the id of its area and the name of its index")
        if self.values.ndim != 2 or len(self.values) != len(self.years) or not self.values.size:
            shape = (len(self.years), "pixels")
            raise BadInput(f"recovery of {self.area}: values {self.values.shape}; (year, pixel) {shape} expected")
        if (np.diff(self.years) != 1).any():
            raise BadInput(f"recovery of {self.area}: the years are not one after the other; NaN where none was seen")


@dataclass(frozen=True)
class Baseline:
    """What an area was in a period, frozen: whoever has the values can check that they are those."""

    area: str
    """Id of the area."""
    index: str
    """Name of the index."""
    first: int
    """First year of the period."""
    last: int
    """Last year."""
    pixels: int
    """How many."""
    parameters: str
    """What counts as recovered, as JSON."""
    sha256: str
    """Of all of the above and the values of the period, hex."""


@dataclass(frozen=True)
class Figure:
    """One of FIGURES over an area."""

    mean: Estimate
    """Weighted mean over the pixels that have it, of y2r over those that have come back, with its 95 % interval."""
    quantiles: tuple[float | None, ...]
    """Weighted QUANTILES; None where there is none, or, of y2r, where so many have not come back."""
    pixels: int
    """Pixels that have it, of y2r also those not yet back."""
    recovered: float | None
    """Of r80p, rri and y2r, weighted share that has come back; else None."""


@dataclass(frozen=True)
class Recovered:
    """The recovery of an area by one index."""

    baseline: Baseline
    """It was measured against."""
    target: str
    """Where T comes from: `two years before the loss` or `given`; else as `courses` says it."""
    metrics: Metrics
    """Of each pixel."""
    regrowth: Regrowth
    """Of each pixel."""
    weights: Numbers
    """(pixel,) what each counts."""
    course: NDArray[np.uint8]
    """(pixel,) `Course`."""
    shares: Mapping[Course, Estimate]
    """Weighted share of the area on each course, with its 95 % interval; together they are 1."""
    figures: Mapping[str, Figure]
    """By FIGURES."""


def frozen(recovery: Recovery, series: Series, first: int, last: int) -> Baseline:
    """The baseline of a period of a series, both years included. Raises BadInput where the series does not cover it."""
    values = _period(series, first, last)
    told = json.dumps(asdict(recovery), sort_keys=True)
    head = [series.area, series.index, first, last, values.shape[1], told]
    numbers = np.where(np.isfinite(values), values, np.nan) + 0.0  # one NaN, and one nought
    content = json.dumps(head).encode() + b"\n" + numbers.astype("<f8").tobytes()
    return Baseline(series.area, series.index, first, last, values.shape[1], told, hashlib.sha256(content).hexdigest())


def check(baseline: Baseline, recovery: Recovery, series: Series) -> None:
    """Raises BadInput, naming what differs, where a series and parameters are not those that were frozen."""
    name = f"baseline of {baseline.area}"
    if (series.area, series.index) != (baseline.area, baseline.index):
        raise BadInput(
            f"{name}, {baseline.index}: the series is of {series.area}, {series.index}; take its own baseline"
        )
    if series.values.shape[1] != baseline.pixels:
        raise BadInput(f"{name}: {series.values.shape[1]} pixels, {baseline.pixels} were frozen; keep outline and grid")
    now = frozen(recovery, series, baseline.first, baseline.last)
    if now.parameters != baseline.parameters:
        raise BadInput(f"{name}: it was frozen with other parameters; keep {baseline.parameters}")
    if now.sha256 != baseline.sha256:
        raise BadInput(
            f"{name}: values of {baseline.first}-{baseline.last} are not those frozen; freeze anew, and say so"
        )


def summed(
    measuring: Measuring,
    series: Series,
    baseline: Baseline,
    target: str,
    found: Metrics,
    grown: Regrowth,
    course: NDArray[np.uint8],
    inside: Numbers,
) -> Recovered:
    """The recovery of an area whose pixels are measured: shares and figures; parameters as the fields of `Recovered`.

    The intervals are percentiles of a bootstrap over pixels (Efron & Tibshirani 1993): neighbours are alike, so they say how much
    the pixels differ, not how sure the mapping is.
    """
    columns = {name: np.asarray(getattr(found, name)) for name in METRICS}
    columns["onset"] = np.where(grown.onset != NO_YEAR, grown.onset, np.nan)
    columns["age"] = np.where(grown.age >= 0, grown.age, np.nan)
    columns["gain"] = _gain(series, baseline)
    return Recovered(
        baseline,
        target,
        found,
        grown,
        inside,
        course,
        _shares(measuring, course, inside),
        _figures(measuring, columns, inside),
    )


def weighed(given: ArrayLike | None, pixels: int) -> Numbers:
    """(pixel,) what each counts, by default 1. Raises BadInput for weights that are none."""
    weights = np.ones(pixels) if given is None else np.asarray(given, np.float64)
    if weights.shape != (pixels,):
        raise BadInput(f"recovery: weights {weights.shape}; one of each of the {pixels} pixels expected")
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise BadInput("recovery: weights are nought or more, and not all nought; does the area overlap the pixels?")
    return weights


def rows(made: Recovered) -> tuple[tuple[Any, ...], ...]:
    """Lines of `recovery_by_polygon`, as COLUMNS: the figures, then the shares of the courses."""
    base = made.baseline
    lines: list[tuple[Any, ...]] = []
    for name, one in made.figures.items():
        mean = one.mean
        head = (base.area, name, base.index, made.target)
        lines.append((*head, mean.value, mean.low, mean.high, *one.quantiles, one.pixels, one.recovered))
    for course, share in made.shares.items():
        head = (base.area, f"share_{course.name.lower()}", base.index, made.target)
        count = int(((made.course == course) & (made.weights > 0)).sum())
        lines.append((*head, share.value, share.low, share.high, *[None] * len(QUANTILES), count, None))
    return tuple(lines)


def _period(series: Series, first: int, last: int) -> Numbers:
    begun, ended = int(series.years[0]), int(series.years[-1])
    if first > last:
        raise BadInput(f"baseline of {series.area}: {first} to {last} ends before it begins; exchange the two")
    if first < begun or last > ended:
        raise BadInput(f"baseline of {series.area}: {first} to {last} lies beyond the series, {begun} to {ended}")
    values: Numbers = series.values[first - begun : last - begun + 1].astype(np.float64)
    return values


def _gain(series: Series, baseline: Baseline) -> Numbers:
    """(pixel,) last value seen after the baseline less the mean of the baseline; NaN where one of them is not there."""
    past = _period(series, baseline.first, baseline.last)
    there = np.isfinite(past)
    mean = np.where(there, past, 0).sum(0) / np.where(there.any(0), there.sum(0), np.nan)
    later = series.values[baseline.last - int(series.years[0]) + 1 :]
    last = np.full(later.shape[1], np.nan)
    for row in later:
        last = np.where(np.isfinite(row), row, last)
    return np.asarray(last - mean)


def _shares(measuring: Measuring, course: NDArray[np.uint8], weights: Numbers) -> dict[Course, Estimate]:
    flags = np.stack([(course == one).astype(np.float64) for one in Course], axis=-1)
    ends = _intervals(_bootstrap(measuring, flags, np.broadcast_to(weights[:, None], flags.shape)))
    total = float(weights.sum())
    return {one: Estimate(float(weights @ flags[:, n]) / total, *ends[n], total) for n, one in enumerate(Course)}


def _figures(measuring: Measuring, columns: Mapping[str, Numbers], weights: Numbers) -> dict[str, Figure]:
    values = np.stack([np.where(columns[name] == NOT_REACHED, np.nan, columns[name]) for name in FIGURES], axis=-1)
    shown = np.where(np.isfinite(values), weights[:, None], 0.0)
    ends = _intervals(_bootstrap(measuring, np.nan_to_num(values), shown))
    made = {}
    for n, name in enumerate(FIGURES):
        whole = summary(name, columns[name], weights)
        mean = Estimate(_said(whole.mean), *ends[n], float(shown[:, n].sum()))
        share = _said(whole.recovered) if name in ("r80p", "rri", "y2r") else None
        made[name] = Figure(mean, _quantiles(columns[name], weights), whole.pixels, share)
    return made


def _bootstrap(measuring: Measuring, values: Numbers, weights: Numbers) -> Numbers:
    """(draw, figure) weighted means over pixels drawn with replacement; NaN where none with a weight was drawn."""
    counts = _counts(len(values), measuring.draws, measuring.seed)
    bottom = counts @ weights
    return np.asarray((counts @ (values * weights)) / np.where(bottom > 0, bottom, np.nan))


@lru_cache(maxsize=2)
def _counts(pixels: int, draws: int, seed: int) -> Numbers:
    """(draw, pixel) how often each was drawn: the same for all areas of as many pixels, so whoever measures them one after
    the other waits once."""
    return np.concatenate(list(resamples(pixels, draws, seed)))


def _intervals(drawn: Numbers) -> list[tuple[float | None, float | None]]:
    """`interval` of each column of (draw, figure)."""
    whole: Mask = np.asarray(np.isfinite(drawn).all(axis=0))
    ends = np.quantile(drawn[:, whole], ENDS, axis=0)
    places = np.cumsum(whole) - 1
    return [
        (float(ends[0, places[n]]), float(ends[1, places[n]])) if whole[n] else interval(drawn[:, n])
        for n in range(drawn.shape[1])
    ]


def _quantiles(values: Numbers, weights: Numbers) -> tuple[float | None, ...]:
    """Weighted, the inverse of the distribution: the least value up to which as much lies; what is not reached lies beyond."""
    known = np.isfinite(values) & (weights > 0)
    if not known.any():
        return (None,) * len(QUANTILES)
    far = np.where(values == NOT_REACHED, np.inf, values)[known]
    order = np.argsort(far, kind="stable")
    below = np.cumsum(weights[known][order])
    return tuple(_said(one) for one in far[order][np.searchsorted(below / below[-1], QUANTILES)])


def _said(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
