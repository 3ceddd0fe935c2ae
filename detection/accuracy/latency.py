"""How long losses take to be found, the missed ones censored: a mean over the found ones alone flatters."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.bootstrap import Estimate, Numbers, resamples
from detection.accuracy.judged import Judged, Losses
from detection.errors import BadInput

Z: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
WITHIN: Final = (15, 30, 60)
"""Days that shares found are told for."""
_ROUNDING: Final = 1e-9
"""Sums of weights are not exact."""


@dataclass(frozen=True)
class Survival:
    """Share of the losses that are not found yet, after Kaplan & Meier (1958, J. Am. Stat. Assoc. 53, eq. 2b)."""

    days: Numbers
    """(step,) days after the start on which one was found, rising."""
    share: Numbers
    """(step,) share not found up to and including that day."""
    low: Numbers
    """(step,) lower end of the 95 % log-log interval; NaN where Greenwood's variance is not defined (share 0)."""
    high: Numbers
    """(step,) upper end."""
    last: float
    """Days up to which somebody was followed; beyond, nothing is known unless all are found. -1: nobody."""
    many: int
    """Losses, found or not."""
    found: int
    """Those found."""


@dataclass(frozen=True)
class Latency:
    """Days from the start of a dated loss to its alarm. Intervals take the losses for independent; see `by_blocks`."""

    dated: int
    """Losses whose start is known; the others are not in here."""
    undated: int
    """Losses left out."""
    found: int
    """Dated losses that were found; the others are censored at the end of their follow-up, not dropped."""
    early: Estimate
    """Share of the found that were alarmed before the start (within the tolerance): they count as found on day 0."""
    median: Estimate
    """Days by which half are found; None when that is not reached."""
    p80: Estimate
    """Days by which four fifths are found."""
    within: dict[int, Estimate]
    """Days -> share found by then."""


def times(losses: Losses) -> tuple[Numbers, NDArray[np.bool_]]:
    """(loss,) days to the alarm or to the end of follow-up, and whether it was found: of the dated ones.

    An alarm before the start counts as day 0.
    """
    one = losses.dated
    days = np.where(losses.hit, np.maximum(losses.days, 0), losses.follow)
    return days[one].astype(np.float64), losses.hit[one]


def survival(days: Numbers, found: NDArray[np.bool_], weight: Numbers | None = None) -> Survival:
    """The share not found over time. (loss,) days, found, and how often each counts (once).

    Greenwood's variance (1926), on the log-log scale so that the interval stays within 0..1 (Kalbfleisch & Prentice 1980,
    section 1.3); it takes weights for numbers of like losses. Raises BadInput for a time that is negative or not finite.
    """
    if not np.all(np.isfinite(days) & (days >= 0)):
        raise BadInput("latency: a time is negative or not finite; give days from the start, 0 for earlier alarms")
    counts = np.ones(len(days)) if weight is None else weight
    steps, at_risk, gone = _table(days, found, counts)
    share: Numbers = np.cumprod(1 - gone / at_risk).astype(np.float64)
    share[share < _ROUNDING] = 0.0
    low, high = np.full((2, len(steps)), np.nan)
    inside = (share > 0) & (share < 1)
    with np.errstate(divide="ignore"):
        greenwood = np.cumsum(gone / (at_risk * (at_risk - gone)))
    spread = np.exp(Z * np.sqrt(greenwood[inside]) / np.abs(np.log(share[inside])))
    low[inside], high[inside] = share[inside] ** spread, share[inside] ** (1 / spread)
    followed = days[counts > 0]
    return Survival(
        steps, share, low, high, float(followed.max()) if len(followed) else -1.0, len(days), int(found.sum())
    )


def quantile(curve: Survival, q: float) -> Estimate:
    """Days by which the share q is found; None when that is not reached.

    The interval is where the band crosses (Brookmeyer & Crowley 1982); an end that is not reached is None.
    """
    wanted = 1 - q + _ROUNDING
    value, low, high = (_first(curve.days, column <= wanted) for column in (curve.share, curve.low, curve.high))
    return Estimate(value, low, high, curve.many)


def within(curve: Survival, days: float) -> Estimate:
    """Share found in so many days; None when nobody was followed as long and not all had been found."""
    step = int(np.searchsorted(curve.days, days, side="right")) - 1
    left = curve.share[step] if step >= 0 else 1.0
    if not curve.many or (days > curve.last and left > 0):
        return Estimate(None, None, None, curve.many)
    if not 0 < left < 1:
        return Estimate(float(1 - left), None, None, curve.many)
    return Estimate(float(1 - left), float(1 - curve.high[step]), float(1 - curve.low[step]), curve.many)


def latency(losses: Losses) -> Latency:
    """Everything about the days to the alarm."""
    curve = survival(*times(losses))
    found = losses.hit & losses.dated
    early = float((losses.days[found] < 0).mean()) if found.any() else None
    return Latency(
        curve.many, int((~losses.dated).sum()), curve.found, Estimate(early, None, None, curve.found),
        quantile(curve, 0.5), quantile(curve, 0.8), {days: within(curve, days) for days in WITHIN},
    )  # fmt: skip


def by_blocks(judged: Judged, q: float = 0.5, *, draws: int = 200, seed: int = 1) -> Estimate:
    """Days by which the share q is found, weighted, with a 95 % block-bootstrap interval: losses of one block are alike.

    An end is None where the draw that it falls on does not reach q: draws that do not are later than those that do.
    """
    losses = judged.losses
    days, found = times(losses)
    block, weight = losses.block[losses.dated], losses.weight[losses.dated]
    blocks = np.unique(judged.exposure.block)
    place = np.searchsorted(blocks, block)
    value = quantile(survival(days, found, weight), q).value
    drawn = [
        quantile(survival(days, found, weight * counts[place]), q).value
        for lot in resamples(len(blocks), draws, seed)
        for counts in lot
        if len(days) and counts[place].any()
    ]
    late = np.sort([np.inf if d is None else d for d in drawn])
    ends = [None, None] if not len(late) else [late[int(p * (len(late) - 1))] for p in (0.025, 0.975)]
    low, high = (None if e is None or np.isinf(e) else float(e) for e in ends)
    return Estimate(value, low, high, len(days))


def _table(days: Numbers, found: NDArray[np.bool_], weight: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(step,) days of finds, weight still at risk just before, weight found on the day; a censored one is at risk that day."""
    found = found & (weight > 0)
    steps, place = np.unique(days[found], return_inverse=True)
    gone = np.bincount(place, weight[found], len(steps)).astype(np.float64)
    order = np.argsort(days, kind="stable")
    left = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    return steps, left[np.searchsorted(days[order], steps, side="left")], gone


def _first(days: Numbers, reached: NDArray[np.bool_]) -> float | None:
    return float(days[np.argmax(reached)]) if reached.any() else None
