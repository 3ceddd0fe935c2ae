"""Which segments mean a change: compiled, on the segments and the yearly values of one pixel.

A change has two years on either side of the middle between its levels. So neither a bad year, nor the last year alone,
nor the first alone is a change: what the next year will show of it is not known.
"""

from typing import Final, NamedTuple

from detection.codes import Turn
from detection.lanes import fused

NEAR: Final = 3
"""Years looked at on either side of a change (chosen: one bad year among them is allowed)."""
ENOUGH: Final = 2
"""So many of them must lie on their side."""
LOSS, REGROWTH, OTHER = int(Turn.LOSS), int(Turn.REGROWTH), int(Turn.OTHER)
_FLAT, _FAST, _SLOW, _RISE, _END = 0, 1, 2, 3, 4


class Meaning(NamedTuple):
    """The parameters of `landtrendr.Landtrendr` that say what a segment means; levels are turned so that a loss falls."""

    sign: float
    magnitude: float
    longest: float
    forest: float


@fused
def turns(x, raw, place, count, v, level, segments, pixel, probability, means, changes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the changes of a pixel, CHANGE rows; returns how many.

    Neighbouring segments of one kind, such as a clearing that took two years, are one change.
    """
    begin, kind, written = 0, _kind(x, v, level, 0, means.longest), 0
    for k in range(segments):
        now, kind = kind, _kind(x, v, level, k + 1, means.longest) if k + 1 < segments else _END
        if kind == now:
            continue
        change = level[k + 1] - level[begin]
        if now != _FLAT and abs(change) >= means.magnitude:
            at = _crossing(raw, count, v[begin], v[k + 1], 0.5 * (level[k + 1] + level[begin]), change < 0.0)
            if at > 0:
                row, lost = changes[written], now == _FAST and level[begin] >= means.forest
                row.pixel, row.turn = pixel, REGROWTH if now == _RISE else LOSS if lost else OTHER
                row.day, row.before, row.said = place[at], place[at - 1], place[count - 1]
                row.level, row.magnitude = means.sign * level[begin], means.sign * change
                row.probability = probability
                written += 1
        begin = k + 1
    return written


@fused
def _kind(x, v, level, k, longest):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A rise, or a fall that is fast: of a few years, or between two looks that follow on one another, however far apart."""
    if level[k + 1] == level[k]:
        return _FLAT
    if level[k + 1] > level[k]:
        return _RISE
    return _FAST if v[k + 1] == v[k] + 1 or x[v[k + 1]] - x[v[k]] <= longest else _SLOW


@fused
def _crossing(raw, count, start, end, middle, falls):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The first year of start + 1 ... end beyond the middle that has ENOUGH years on either side; 0 where none has."""
    for i in range(start + 1, end + 1):
        if (raw[i] < middle) != falls or (raw[i - 1] < middle) == falls:
            continue
        before, after = 0, 0
        for m in range(max(0, i - NEAR), i):
            before += 1 if (raw[m] < middle) != falls else 0
        for m in range(i, min(count, i + NEAR)):
            after += 1 if (raw[m] < middle) == falls else 0
        if before >= ENOUGH and after >= ENOUGH:
            return i
    return 0
