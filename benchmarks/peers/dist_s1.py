"""DIST-S1: the published rule of the OPERA product, written anew, with means in place of its transformer.

A look's metric is the largest |z| of VV and VH against the looks of the same orbit within 60 days of this date in the
three years before, capped at 10. An alert begins at 2.5; its confidence is the mean metric of all looks since, times the
square of the number of disturbed ones, confirmed at 3 squared times 2.5 = 22.5. It ends when the look after the first is
calm, more than half the looks are calm, 10 are, the last disturbed one is 30 days past, or after 365 days (rule and
defaults: OPERA DIST-S1 algorithm, version 2.0).

Ours: mean and standard deviation of logit(gamma0) over all looks in those windows, where the product's transformer
predicts them from about 10 images a window (at 12 days, +-60 days hold 10); no despeckling, for a series has no space.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Final, Self

import numpy as np
from numba import njit

from detection.accuracy.stream import NEVER, Changes, Stream
from detection.types import Float
from peers.peer import anniversaries, begin, by_series, collect, confirm, first_monitored, in_blocks

BLOCK: Final = 8192
"""Series at a time."""


@dataclass(frozen=True)
class DistS1:
    """DIST-S1. Dates the change to the look that began the alert; magnitude: mean signed z of the disturbed looks."""

    name: ClassVar[str] = "DIST-S1"
    planes: ClassVar[tuple[str, ...]] = ("vv", "vh")
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = False
    published: ClassVar[str] = (
        "vegetation loss, confirmed: UA 33.8 +- 6.4 %, PA 51.0 +- 5.6 %, first alarm after 32-37 d, confirmed after "
        "52-66 d (OPERA 2024, global)"
    )

    low: float = 2.5
    """Metric that counts as disturbed."""
    high: float = 0.0
    """Largest metric a confirmed alert must have; 4.5 keeps only `high confidence` alerts."""
    cap: float = 10.0
    """No look counts for more."""
    needed: int = 3
    """Looks at the threshold that confirm: the confidence asked for is its square times `low`."""
    calm_share: float = 0.5
    """An alert ends when fewer of its looks than this share are disturbed."""
    calm_looks: int = 10
    """So many calm looks end it."""
    calm_days: int = 30
    """So many days without a disturbed look end it, at the next look."""
    longest_days: int = 365
    """It ends so long after it began."""
    lowering: bool = False
    """Count only z below zero (ours: the product flags changes of either sign)."""
    years: int = 3
    """Anniversaries the baseline looks at."""
    half_width: int = 60
    """Days on either side of the date in each of them."""
    fewest: int = 8
    """Looks a baseline must have (ours)."""
    floor: float = 0.05
    """Least standard deviation, logits (ours; 0.2 dB)."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        return in_blocks(self._said, stream, BLOCK)

    def _said(self, stream: Stream) -> Changes:
        looks = stream.panel("vv", "vh")
        days = looks.days
        windows, opening = anniversaries(days, self.years, self.half_width), first_monitored(days, stream.monitor_day)
        vv, vh = (by_series(_logit(looks.values[name])) for name in ("vv", "vh"))
        rules = np.array(
            [self.low, self.high, self.cap, self.needed**2 * self.low, self.calm_share, self.floor], np.float64
        )
        spans = np.array([self.calm_looks, self.calm_days, self.longest_days, self.fewest, self.lowering], np.int64)
        fixed = (vv, vh, days, looks.orbit, windows, opening, rules, spans)
        return collect(lambda whole, real: _run(*fixed, whole, real), stream.many)

    def choices(self) -> tuple[Self, ...]:
        """Threshold, looks that confirm, and the sign."""
        tried: Sequence[tuple[float, int, bool]] = list(product((2.0, 2.5, 3.5, 4.5), (2, 3, 4), (False, True)))
        settings = (replace(self, low=low, needed=n, lowering=sign) for low, n, sign in tried)
        return tuple(s for s in settings if s.lowering or s.low >= self.low)


def _logit(decibel: Float) -> Float:
    """logit(gamma0), any shape, float32; gamma0 within 1e-7 of 0 and 1."""
    linear = np.clip(10 ** (decibel.astype(np.float64) / 10), 1e-7, 1 - 1e-7)
    return np.log(linear / (1 - linear)).astype(np.float32)


@njit("float64(float32[::1], int64, int16[::1], int64[:,::1], int64, float64)", cache=True, nogil=True)
def _score(values: Any, t: Any, orbit: Any, windows: Any, fewest: Any, floor: Any) -> Any:
    """Standardised residual of a look from those of its orbit in these spans; NaN where too few."""  # pragma: no cover
    count, total, squares, origin = 0, 0.0, 0.0, values[t]
    if not np.isfinite(origin):
        return np.nan
    for k in range(len(windows)):
        for i in range(windows[k, 0], windows[k, 1]):
            if orbit[i] == orbit[t] and np.isfinite(values[i]):
                off = values[i] - origin  # relative to this look, so that the squares keep their digits
                count, total, squares = count + 1, total + off, squares + off * off
    if count < fewest:
        return np.nan
    mean = total / count
    return -mean / max(np.sqrt(max(squares - count * mean * mean, 0.0) / (count - 1)), floor)


@njit("float64(float64, int64)", cache=True, nogil=True)
def _size(z: Any, lowering: Any) -> Any:
    """What a z counts for."""  # pragma: no cover - compiled
    return max(-z, 0.0) if lowering else abs(z)


@njit(
    "int64(float32[:,::1], float32[:,::1], int32[::1], int16[::1], int64[:,:,::1], int64, float64[::1], int64[::1],"
    " int64[:,::1], float64[:,::1])",
    cache=True,
    nogil=True,
)
def _run(
    vv: Any, vh: Any, days: Any, orbit: Any, windows: Any, opening: Any, rules: Any, spans: Any, whole: Any, real: Any
) -> Any:
    """Rows of all alerts; vv and vh are (series, time)."""  # pragma: no cover - compiled
    rows, row = 0, 0
    for s in range(len(vv)):
        count, calm, total, signed, worst = 0, 0, 0.0, 0.0, 0.0
        first, last, confirmed = NEVER, NEVER, False
        for t in range(opening, len(days)):
            one = _score(vv[s], t, orbit, windows[t], spans[3], rules[5])
            two = _score(vh[s], t, orbit, windows[t], spans[3], rules[5])
            z = (
                two
                if not np.isfinite(one) or (np.isfinite(two) and _size(two, spans[4]) > _size(one, spans[4]))
                else one
            )
            if not np.isfinite(z):
                continue
            metric = min(_size(z, spans[4]), rules[2])
            if count and days[t] - first > spans[2]:
                count = 0
            if metric >= rules[0]:
                if count == 0:
                    first, confirmed, calm, total, signed, worst, row = days[t], False, 0, 0.0, 0.0, 0.0, rows
                    rows = begin(whole, real, rows, s, first, first, np.nan, z)
                count, last, total, signed, worst = count + 1, days[t], total + metric, signed + z, max(worst, metric)
                confidence = total / (count + calm) * count * count
                if not confirmed and confidence >= rules[3] and worst >= rules[1]:
                    confirmed = True
                    confirm(whole, real, row, days[t], np.nan, signed / count)
            elif count:
                calm, total = calm + 1, total + metric
                alone, share = last == first, count / (count + calm)
                if alone or share < rules[4] or calm >= spans[0] or days[t] - last >= spans[1]:
                    count = 0
    return rows
