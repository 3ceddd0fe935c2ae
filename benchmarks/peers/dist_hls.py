"""DIST-ALERT-HLS: the published rule of vegetation loss (Hansen et al. 2025, OPERA DIST-HLS v1), written anew.

Anomaly = the least vegetation fraction seen within 15 days of this date in the three years before, minus that of this
look. An alert begins at 10 points; its confidence is the mean anomaly times the square of the number of anomalous looks,
confirmed at 400; it ends with two normal looks in a row or one at least 15 days after the last anomaly; a confirmed one
keeps the pixel closed for 365 days after it began.

Ours, since the published nearest-neighbour model of vegetation fraction is not public: the fraction is linear in NDVI,
as Gutman and Ignatov (1998, Int. J. Remote Sensing 19, 1533) put it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np
from numba import njit

from detection.accuracy.stream import NEVER, Changes, Stream
from detection.types import Float
from peers.peer import anniversaries, begin, by_series, collect, confirm, first_monitored


@dataclass(frozen=True)
class DistHls:
    """DIST-ALERT-HLS. Dates the change to the look that began the alert; magnitude: mean anomaly, points, negative."""

    name: ClassVar[str] = "DIST-ALERT-HLS"
    planes: ClassVar[tuple[str, ...]] = ("ndvi",)
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = False
    published: ClassVar[str] = (
        "vegetation loss, confirmed, high: UA 91.5 +- 4.2 %, PA 90.6 +- 1.4 %, first alarm after 15 d, confirmed after "
        "28-31 d (OPERA 2024, validation on 10 km blocks, global)"
    )

    start: float = 10.0
    """Anomaly that counts, points of vegetation fraction."""
    confidence: float = 400.0
    """Mean anomaly times the squared number of anomalous looks that confirms."""
    worst: float = 50.0
    """Largest anomaly a confirmed alert must have, points: 50 keeps only `high` alerts, as the published figures do; 0 all."""
    calm_looks: int = 2
    """Normal looks in a row that end an alert."""
    calm_days: int = 15
    """A normal look so many days after the last anomalous one ends it too."""
    rearm_days: int = 365
    """A confirmed alert closes the pixel for so long after it began."""
    years: int = 3
    """Prior years the baseline looks at."""
    half_width: int = 15
    """Days on either side of the date in each of them."""
    soil: float = 0.2
    """NDVI of no vegetation: the mean of 2906 bare soils (Montandon and Small 2008, RSE 112, 1835)."""
    full: float = 0.9
    """NDVI of full cover (chosen: just above the closed forests of the region, 0.85 +- 0.04)."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        looks = stream.panel("ndvi")
        cover = by_series(self.fraction(looks.values["ndvi"]))
        days, rules = looks.days, np.array([self.start, self.confidence, self.worst], np.float64)
        spans = np.array([self.calm_looks, self.calm_days, self.rearm_days], np.int64)
        windows, opening = anniversaries(days, self.years, self.half_width), first_monitored(days, stream.monitor_day)
        return collect(lambda whole, real: _run(cover, days, windows, opening, rules, spans, whole, real), stream.many)

    def fraction(self, ndvi: Float) -> Float:
        """Vegetation fraction, points 0..100, any shape: linear in NDVI between `soil` and `full`."""
        return np.asarray(100 * np.clip((ndvi - self.soil) / (self.full - self.soil), 0, 1), np.float32)

    def choices(self) -> tuple[Self, ...]:
        """Start of an alert, confidence and size that confirm."""
        tried: Sequence[tuple[float, float, float]] = list(product((10, 15, 25), (400, 800, 1600), (0, 50)))
        return tuple(replace(self, start=s, confidence=c, worst=w) for s, c, w in tried)


@njit("float32(float32[::1], int64[:,::1])", cache=True, nogil=True)
def _least(cover: Any, windows: Any) -> Any:
    """Least fraction seen in these spans of looks; NaN where none was."""  # pragma: no cover - compiled
    least = np.float32(np.inf)
    for k in range(len(windows)):
        for i in range(windows[k, 0], windows[k, 1]):
            if cover[i] < least:
                least = cover[i]
    return least if np.isfinite(least) else np.float32(np.nan)


@njit(
    "int64(float32[:,::1], int32[::1], int64[:,:,::1], int64, float64[::1], int64[::1], int64[:,::1], float64[:,::1])",
    cache=True,
    nogil=True,
)
def _run(cover: Any, days: Any, windows: Any, opening: Any, rules: Any, spans: Any, whole: Any, real: Any) -> Any:
    """Rows of all alerts; cover is (series, time)."""  # pragma: no cover - compiled
    rows, row = 0, 0
    for s in range(len(cover)):
        count, calm, total, worst = 0, 0, 0.0, 0.0
        first, last, confirmed, closed = NEVER, NEVER, False, NEVER
        for t in range(opening, len(days)):
            least = _least(cover[s], windows[t])
            if not (np.isfinite(cover[s, t]) and np.isfinite(least)):
                continue
            anomaly = least - cover[s, t]
            if anomaly >= rules[0]:
                if count == 0:
                    if days[t] < closed:
                        continue
                    first, confirmed, total, worst, row = days[t], False, 0.0, 0.0, rows
                    rows = begin(whole, real, rows, s, first, first, np.nan, -anomaly)
                count, calm, last, total, worst = count + 1, 0, days[t], total + anomaly, max(worst, anomaly)
                if not confirmed and total * count >= rules[1] and worst >= rules[2]:
                    confirmed, closed = True, first + spans[2]
                    confirm(whole, real, row, days[t], np.nan, -total / count)
            elif count:
                calm += 1
                if calm >= spans[0] or days[t] - last >= spans[1]:
                    count, calm = 0, 0
    return rows
