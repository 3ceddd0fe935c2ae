"""Does a detector look ahead? What it said of a look must stand when every later look is taken away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import NEVER, Changes, Detector, Stream

SURE: Final = 1e-6
"""Largest difference of two probabilities that count as equal: sums of floats depend on their order."""


def looks_ahead(
    detector: Detector, stream: Stream, changes: Changes, share: float = 0.05, seed: int = 0, runs: int = 1000
) -> list[int]:
    """Series of which the detector said something else when the stream ends on the day it decided; empty: it is honest.

    `changes` is what it said of the whole stream. Of this share of the series with changes, and of those without (at least
    one each, where there are), the detector runs again on the looks up to each deciding day: of the first alarm, of the
    confirmation; of a series without changes, up to a day drawn from its monitored looks. Rows up to that day must be there,
    no others, confirmed if they were by then; once confirmed, with the same change date and probability.
    Days are gathered into at most `runs` runs: in one, the stream ends with the last of its days, and the later looks of a
    series whose own day is earlier are not observed. With fewer runs a detector that peeks at dates alone may get away.
    """
    rng = np.random.default_rng(seed)
    changed = np.unique(changes.series)
    quiet = np.setdiff1d(np.arange(stream.many), changed)
    days = _monitored(stream)
    asked = [(s, d) for s in _drawn(changed, share, rng) for d in _decided(changes, s)]
    asked += [(s, int(rng.choice(days))) for s in _drawn(quiet, share, rng) if len(days)]
    offenders: set[int] = set()
    cuts = np.unique([day for _, day in asked])
    for group in np.array_split(cuts, min(runs, len(cuts)) or 1):
        mine = [(s, day) for s, day in asked if day in set(group.tolist())]
        if not mine:
            continue
        series, cut = np.array(mine, np.int64).T
        again = detector(stream.take(series).cut(cut))
        offenders |= {s for i, (s, d) in enumerate(mine) if not _stands(_rows(changes, s, d), _rows(again, i, d), d)}
    return sorted(offenders)


def _monitored(stream: Stream) -> NDArray[np.int64]:
    panels = [p.days for p in (stream.optical, stream.radar) if p is not None]
    days = np.unique(np.concatenate([np.zeros(0, np.int64), *panels]))
    return days[days >= stream.monitor_day].astype(np.int64)


def _drawn(series: NDArray[np.int64], share: float, rng: np.random.Generator) -> list[int]:
    many = min(len(series), max(1, round(share * len(series))))
    return sorted(rng.choice(series, many, replace=False).tolist()) if many else []


def _decided(changes: Changes, series: int) -> list[int]:
    mine = _rows(changes, series)
    return sorted({*mine.first.tolist(), *mine.confirmed[mine.confirmed != NEVER].tolist()})


def _rows(changes: Changes, series: int, until: int | None = None) -> Changes:
    low, high = np.searchsorted(changes.series, (series, series + 1))
    rows = np.arange(low, high)
    return changes.take(rows if until is None else rows[changes.first[rows] <= until])


def _stands(whole: Changes, again: Changes, day: int) -> bool:
    """Are the rows up to a day the same: first; confirmed, change date and probability once they are confirmed by then?"""
    if not np.array_equal(whole.first, again.first):
        return False
    settled, now = (np.where(c.confirmed <= day, c.confirmed, NEVER) for c in (whole, again))
    done = settled != NEVER
    sure, same = whole.probability[done], again.probability[done]
    return (
        np.array_equal(settled, now)
        and np.array_equal(whole.change[done], again.change[done])
        and np.allclose(sure, same, rtol=0, atol=SURE, equal_nan=True)
    )
