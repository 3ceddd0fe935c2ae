"""Losses and rises read from one value a year: from which loss recovery counts, when a pixel rose again, what came after.

A pixel is up until it has lost a share of the most that it held, in as many years as a second clearing needs, and down until it
has risen and stayed. Unlike a segmentation this says something of the first and the last years too, and forgets nothing that
happened in between: an area that was cleared twice is told by both. Ours; one pixel after the other, compiled.
"""

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from detection.codes import NO_YEAR
from detection.lanes import fused
from detection.segments.recovery import Numbers, Recovery, Years
from detection.types import Mask, parameters

LATE: Final = 1
"""Years after `since` in which a loss still counts: what is cleared late in a year most of its looks do not show."""


@parameters
class Falls:
    """What is a loss and what a rise, as shares."""

    lost: Annotated[float, Interval(gt=0, lt=1)] = 0.3
    """Share of the index whose going is a loss (chosen, see benchmarks); half of it begins a fall."""
    deep: Annotated[float, Interval(gt=0, lt=1)] = 0.4
    """Share whose going is a loss in the last year seen, after which nothing can confirm it (chosen, see benchmarks)."""
    risen: Annotated[float, Interval(gt=0, lt=1)] = 0.6
    """Share of what was lost that must be regained for as long as an onset needs (chosen, see benchmarks)."""
    back: Annotated[float, Interval(gt=0, le=1)] = 0.75
    """Share of the target that must be reached by the end of that time; pasture and crops stay below (chosen, see benchmarks)."""
    climb: Annotated[float, Interval(gt=0, lt=1)] = 0.1
    """Share of what was lost by which a year must lie below the next to belong to the same rise, which began in the first of them
    (chosen, see benchmarks)."""


@dataclass(frozen=True)
class Followed:
    """What became of pixels from the loss on that recovery counts from."""

    lost: Mask
    """(pixel,) is there such a loss?"""
    start: Years
    """(pixel,) last year seen before it, the year before the series where there is none; without a loss the last year."""
    end: Years
    """(pixel,) y0, the lowest of the years in which it settled; the year after the series where there is none."""
    target: Numbers
    """(pixel,) T: the mean of the two values before it, or before an earlier loss if that is more; NaN without a loss."""
    onset: Years
    """(pixel,) first of the years after y0 from which it rose, to stay; NO_YEAR."""
    cleared: Years
    """(pixel,) year of the next loss, of a pixel without one that counts of its first, the middle of those that nobody saw before
    it; NO_YEAR."""
    interruptions: NDArray[np.int32]
    """(pixel,) stretches in which it was as low as after a loss, but too short, between the onset and the next loss."""


class _Rules(NamedTuple):
    """Of `Falls` and `Recovery`."""

    lost: float
    deep: float
    risen: float
    back: float
    climb: float
    lasting: int
    needed: int
    settles: int


def followed(
    falls: Falls,
    recovery: Recovery,
    years: Years,
    values: Numbers,
    since: Years,
    nearby: Numbers,
    *,
    down: bool = False,
) -> Followed:
    """What became of each pixel.

    years: (year,) one after the other; values: (year, pixel) float64, NaN = not seen, an index that loss lowers; since: (pixel,)
    the last loss counts that may have begun in this year, within LATE after it, or before; NO_YEAR: the first of all; nearby:
    (pixel,) level of intact forest: a pixel that has never had `recovery.share` of it has nothing to lose; NaN: whatever it had.
    down: all pixels have lost it before the first value, and had what is nearby.
    """
    rules = _Rules(
        falls.lost,
        falls.deep,
        falls.risen,
        falls.back,
        falls.climb,
        recovery.lasting,
        recovery.relapse_years,
        recovery.settles,
    )
    many = values.shape[1]
    target = nearby.copy() if down else np.full(many, np.nan)
    told = np.zeros((5, many), np.int32)
    told[0] = years[0] - 1 if down else years[-1]
    told[1], told[2:4] = years[-1] + 1, NO_YEAR
    least = np.where(np.isfinite(nearby), recovery.share * nearby, -np.inf)
    lost = np.full(many, down)
    columns = np.ascontiguousarray(values.T, np.float64)
    _follow(columns, years.astype(np.int32), since.astype(np.int32), least, rules, lost, target, told)
    return Followed(lost, told[0], told[1], target, *told[2:])


@fused
def _follow(values, years, since, least, rules, lost, target, told):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """values: (pixel, year). Written: lost, target (pixel,); told (5, pixel): start, end, onset, cleared, interruptions."""
    for pixel in range(values.shape[0]):
        row, last = values[pixel], values.shape[1] - 1
        while last >= 0 and np.isnan(row[last]):
            last -= 1
        t, up, mine, most = 0, not lost[pixel], lost[pixel], target[pixel]
        while t <= last:
            if up:
                floor = -np.inf if lost[pixel] else least[pixel]
                t, before, had, broken = _fall(row, t, last, floor, rules)
                if mine:
                    told[4, pixel] = broken
                if t < 0:
                    break
                most = had if not most >= had else most
                # It may have begun in any year after the one in which it was last seen whole.
                mine = years[before] < since[pixel] + LATE or (since[pixel] == NO_YEAR and not lost[pixel])
                if mine:
                    lost[pixel], target[pixel], told[0, pixel] = True, most, years[before]
                    told[2, pixel], told[3, pixel], told[4, pixel] = NO_YEAR, NO_YEAR, 0
                elif told[3, pixel] == NO_YEAR:
                    told[3, pixel] = years[(before + t + 1) // 2]  # the middle of the years that nobody saw
            bottom, onset, t = _rise(row, t, last, most, rules)
            if mine:
                told[1, pixel] = years[bottom]
            if t < 0:
                break
            if mine:
                told[2, pixel] = years[onset]
            up = True


@fused
def _fall(row, first, last, floor, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The next loss from a year on in which the pixel is up, if it held `floor`.

    Returns its first year, the last one seen before it, the mean of the two values before it, and how many falls before it were
    too short; -1 for the year without one.
    """
    held, one, two = np.nan, np.nan, np.nan
    begun, start, before, earlier, run, lows, broken = -1, -1, -1, -1, 0, 0, 0
    for t in range(first, last + 1):
        value = row[t]
        if np.isnan(value):
            continue
        if before < 0:
            held, two = value, value
        elif held <= 0.0 or value >= (1.0 - 0.5 * rules.lost) * held:
            broken += 1 if lows > 0 else 0
            held, one, two, run, lows = max(held, min(row[before], value)), two, value, 0, 0
        else:
            run += 1
            if value <= (1.0 - rules.lost) * held:
                if lows == 0:  # the year before may have seen a part of it
                    begun, start = (before, earlier) if run > 1 else (t, before)
                lows += 1
            sure = run >= rules.needed or (t == last and value <= (1.0 - rules.deep) * held)
            if lows > 0 and sure and held >= floor:
                return begun, start, two if np.isnan(one) else 0.5 * (one + two), broken
        earlier, before = before, t
    return -1, -1, np.nan, broken


@fused
def _rise(row, first, last, most, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The lowest year after a loss, that from which the pixel had risen, and that by which it had stayed; -1 where it has not."""
    low, bottom, settled, onset, run = np.inf, first, 0, -1, 0
    for t in range(first, last + 1):
        value = row[t]
        if np.isnan(value):
            continue
        if value < low and settled <= rules.settles:
            low, bottom, run = value, t, 0
        elif value < low + rules.risen * (most - low):
            run = 0
        elif run > 0:
            run += 1
        else:
            onset, run = _climb(row, t, bottom, rules.climb * (most - low))
        if run >= rules.lasting and value >= rules.back * most:
            return bottom, onset, t
        settled += 1
    return bottom, -1, -1


@fused
def _climb(row, risen, bottom, step):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The first of the years seen after `bottom` that each lie a step below the next, up to `risen`, and how many they are."""
    first, many = risen, 1
    for t in range(risen - 1, bottom, -1):
        if not np.isnan(row[t]):
            if row[first] - row[t] < step:
                break
            first, many = t, many + 1
    return first, many
