"""Accuracy with intervals that know that series of one block are alike, and the paired difference of two detectors.

Blocks are drawn with replacement, as many as there are (Efron & Tibshirani 1993, chapter 8). The draws depend on the seed
and the number of blocks alone: two detectors judged against one truth see the same resamples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.judged import Judged
from detection.errors import BadInput

Numbers = NDArray[np.float64]
Measure = Literal["producers", "users", "f1", "false_alarms", "within"]
MEASURES: Final[tuple[Measure, ...]] = ("producers", "users", "f1", "false_alarms", "within")
"""Producer's accuracy (recall), user's accuracy (precision), their harmonic mean, false alarms per series-year, share of the
dated losses found within so many days."""
WITHIN_DAYS: Final = 30
"""The share found in so many days is what an alert service is asked for."""
Unit = Literal["series_year", "mha_year"]
"""What false alarms are counted per."""
_DRAWS_AT_A_TIME: Final = 64


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval. Where there is nothing to divide by it is None, and `of` says so."""

    value: float | None
    """The figure; None where nothing was judged."""
    low: float | None
    """Lower end of the 95 % interval; None where there is none."""
    high: float | None
    """Upper end."""
    of: float
    """What it is a share of: a number of things, or an exposure in the unit of the rate."""


@dataclass(frozen=True)
class Difference:
    """One detector minus another, on the same resamples."""

    value: float | None
    """The difference; None where one of them has no figure."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    """Upper end."""
    above: float | None
    """Share of the resamples in which it is above 0; those without a figure count in none."""


@dataclass(frozen=True)
class Setting:
    """One setting of a detector, chosen by its false alarms."""

    threshold: float
    """The setting."""
    rate: float
    """Its false alarms, in the unit asked for."""
    judged: Judged
    """How it did."""


def resamples(blocks: int, draws: int, seed: int) -> Iterator[Numbers]:
    """Draws in lots: (draw, block) how often each block was drawn. Equal seeds give equal draws, however they are cut."""
    rng = np.random.default_rng(seed)
    for begun in range(0, draws, _DRAWS_AT_A_TIME):
        many = min(_DRAWS_AT_A_TIME, draws - begun)
        yield rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=many).astype(np.float64)


def accuracy(
    judged: Judged, *, draws: int = 1000, seed: int = 1, within_days: int = WITHIN_DAYS
) -> dict[Measure, Estimate]:
    """Every measure, weighted by the series each stands for, with its 95 % block-bootstrap interval (percentiles)."""
    sums = _sums(judged, within_days)
    point, drawn = _measures(sums.sum(axis=0)), _drawn(sums, draws, seed)
    losses, alarms = len(judged.losses.hit), judged.hits + len(judged.alarms.day)
    of = (losses, alarms, losses + alarms, judged.exposure.years.sum(), _seen(judged, within_days).sum())
    ends = [interval(drawn[:, i]) for i in range(len(MEASURES))]
    return {m: Estimate(_said(point[i]), *ends[i], float(of[i])) for i, m in enumerate(MEASURES)}


def paired(
    one: Judged, other: Judged, *, draws: int = 2000, seed: int = 1, within_days: int = WITHIN_DAYS
) -> dict[Measure, Difference]:
    """`one` minus `other`, by block bootstrap of the pair. Raises BadInput when they were not judged against one truth."""
    _same_truth(one, other)
    both = [_sums(judged, within_days) for judged in (one, other)]
    point = _measures(both[0].sum(axis=0)) - _measures(both[1].sum(axis=0))
    drawn = _drawn(both[0], draws, seed) - _drawn(both[1], draws, seed)
    made = {}
    for i, measure in enumerate(MEASURES):
        column = drawn[np.isfinite(drawn[:, i]), i]
        above = float(np.mean(column > 0)) if len(column) else None
        made[measure] = Difference(_said(point[i]), *interval(column), above)
    return made


def false_alarm_rate(judged: Judged, unit: Unit) -> float | None:
    """Weighted false alarms per series-year, or per million hectares and year; None without exposure."""
    exposed = exposures(judged, unit)[1].sum()
    return _said(judged.alarms.weight.sum() / exposed) if exposed > 0 else None


def exposures(judged: Judged, unit: Unit) -> tuple[Numbers, Numbers]:
    """(cell,) exposure of the sample and of the world, one a (stratum, block), in the unit; NaN where no area is known."""
    e = judged.exposure
    return (e.years, e.weighted_years) if unit == "series_year" else (e.ha_years / 1e6, e.weighted_ha_years / 1e6)


def at_rate(
    thresholds: Sequence[float], judged: Sequence[Judged], rate: float, unit: Unit = "mha_year"
) -> Setting | None:
    """The setting whose false-alarm rate is nearest below or at `rate`; None when every one is above.

    Of several with that rate, the one that finds most. So detectors are compared at equal false alarms.
    """
    best: tuple[float, float] | None = None
    chosen = None
    for threshold, one in zip(thresholds, judged, strict=True):
        its = false_alarm_rate(one, unit)
        if its is None:
            raise BadInput(
                f"accuracy: no exposure per {unit} at setting {threshold:g}; give series with days and hectares"
            )
        rank = (its, float(one.losses.weight[one.losses.hit].sum()))
        if its <= rate and (best is None or rank > best):
            best, chosen = rank, Setting(threshold, its, one)
    return chosen


def by_block(judged: Judged, block: NDArray[np.int32], values: NDArray[Any]) -> Numbers:
    """(block,) sums of values over the blocks of the exposure, in rising order of their numbers."""
    blocks = np.unique(judged.exposure.block)
    sums = np.bincount(np.searchsorted(blocks, block), values.astype(np.float64), len(blocks))
    return sums.astype(np.float64)  # of no values at all, numpy counts in integers


def interval(drawn: Numbers, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Percentiles of the draws that have a figure; (None, None) when none has."""
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return None, None
    low, high = np.quantile(drawn, (0.5 - confidence / 2, 0.5 + confidence / 2))
    return float(low), float(high)


def _seen(judged: Judged, within_days: int) -> NDArray[np.bool_]:
    """Dated losses that could have been found within so many days: followed as long, or found by then."""
    one = judged.losses
    return one.dated & ((one.follow >= within_days) | (one.hit & (one.days <= within_days)))


def _sums(judged: Judged, within_days: int) -> Numbers:
    """(block, 6): hits, losses, false alarms, years, hits within the days, losses that could have been; weighted."""
    one, false, exposure = judged.losses, judged.alarms, judged.exposure
    early = one.dated & one.hit & (one.days <= within_days)
    of_losses = [
        by_block(judged, one.block, one.weight * part) for part in (one.hit, True, early, _seen(judged, within_days))
    ]
    alarms = by_block(judged, false.block, false.weight)
    years = by_block(judged, exposure.block, exposure.weighted_years)
    return np.stack([of_losses[0], of_losses[1], alarms, years, of_losses[2], of_losses[3]], axis=-1)


def _measures(sums: Numbers) -> Numbers:
    """(..., 6) sums -> (..., 5) MEASURES; NaN where there is nothing to divide by."""
    hits, losses, false, years, early, seen = np.moveaxis(sums, -1, 0)
    f1 = np.where(losses > 0, _ratio(2 * hits, losses + hits + false), np.nan)
    parts = (_ratio(hits, losses), _ratio(hits, hits + false), f1, _ratio(false, years), _ratio(early, seen))
    return np.stack(parts, axis=-1)


def _ratio(top: Numbers, bottom: Numbers) -> Numbers:
    made: Numbers = np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=np.asarray(bottom) > 0)
    return made


def _drawn(sums: Numbers, draws: int, seed: int) -> Numbers:
    if not len(sums):
        return np.full((0, len(MEASURES)), np.nan)
    return np.concatenate([_measures(counts @ sums) for counts in resamples(len(sums), draws, seed)])


def _said(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _same_truth(one: Judged, other: Judged) -> None:
    a, b = one.exposure, other.exposure
    columns = ("stratum", "block", "series", "years", "weight")
    same = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in columns)
    same = same and all(np.array_equal(getattr(one.losses, n), getattr(other.losses, n)) for n in ("series", "event"))
    if one.stage != other.stage or not same:
        raise BadInput("accuracy: two detectors were judged against different truths or stages; judge both against one")
