"""Which course the pixels of registered areas take, and the areas: from which year recovery counts, and against what.

All is read from one value a year. A pixel is up until it has lost a share of what it held, and down until it has risen and
stayed. Recovery counts from the last loss up to the year in which the register says restoration began, else from the first; where
none was seen and the pixel was low in that year already, from then, against forest nearby. Thresholds stand in `Measuring`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.codes import NO_YEAR
from detection.segments.falls import Followed, followed
from detection.segments.recovery import Metrics, Numbers, Regrowth, Years, metrics
from detection.types import Mask
from jobs.reports.restoration.recovery import Baseline, Course, Measuring, Recovered, Series, check, summed, weighed

T = TypeVar("T", Metrics, Regrowth)

PIXELS: Final = 50_000
"""Pixels followed at once, of as many areas as that takes."""
MEASURED: Final = 0.5
"""Share of its hectares that must have been seen to say anything of an area (chosen)."""
WHOLE: Final = 0.75
"""Share of the hectares seen with nothing to recover from which that is said of the area: outlines are drawn wide (chosen)."""
NEAR: Final = 2
"""Values of a pixel, the last ones up to a year, that say what it was in that year (chosen)."""
OWN, NEARBY, EITHER = "before the loss", "forest nearby", "before the loss, or forest nearby"
"""Where the targets of an area come from."""


class AreaCourse(IntEnum):
    """What an area does: of each `Course` of its pixels one."""

    NOT_MEASURED = 0
    """Less than MEASURED of its hectares were seen often enough, or nothing tells what they should be."""
    UNTOUCHED = 1
    """WHOLE of those seen have nothing to recover."""
    STALLED = 2
    """Most of the others have not risen to stay."""
    RECOVERING = 3
    """Most of the others have risen and stayed."""
    RECLEARED = 4
    """Most of the others had risen, or were whole when restoration began, and were cleared."""


@dataclass(frozen=True)
class Plot:
    """An area to be measured by one index."""

    series: Series
    """Its pixels."""
    baseline: Baseline
    """Frozen of this series."""
    since: int | None = None
    """Year in which the register says restoration began; None: it does not say."""
    reference: float | None = None
    """Level of the index in intact forest nearby; None: not known, so that what never lost anything is not measured."""
    weights: ArrayLike | None = None
    """(pixel,) hectares of each within; None: all alike."""


def measured(
    measuring: Measuring,
    series: Series,
    baseline: Baseline,
    *,
    since: int | None,
    reference: float | None = None,
    weights: ArrayLike | None = None,
) -> Recovered:
    """The recovery of one area, see `measured_many`."""
    return next(measured_many(measuring, [Plot(series, baseline, since, reference, weights)]))


def measured_many(measuring: Measuring, many: Iterable[Plot]) -> Iterator[Recovered]:
    """The recovery of areas, in their order; what is said of one does not depend on the others.

    y0 of a pixel is the lowest of the years in which a loss settles: the last loss up to `since` (`detection.segments.falls`), of
    an area that does not say, the first one. T is the mean of the two values before it, or before an earlier loss if that is
    more. A pixel without such a loss is whole where it had `recovery.share` of the reference in `since` (not said: when the
    series begins), and has nothing to recover; else it is measured from then, and T is the reference. Memory: PIXELS pixels, more
    if one area has more. Raises BadInput for a baseline that does not fit and for weights that are none.
    """
    held: list[Plot] = []
    pixels = 0
    for plot in many:
        check(plot.baseline, measuring.recovery, plot.series)
        if held and (pixels >= PIXELS or not np.array_equal(held[0].series.years, plot.series.years)):
            yield from _measured(measuring, held)
            held, pixels = [], 0
        held.append(plot)
        pixels += plot.series.values.shape[1]
    if held:
        yield from _measured(measuring, held)


def course_of(recovered: Recovered) -> AreaCourse:
    """The course of an area, see `area_course`."""
    return area_course({one: share.value or 0.0 for one, share in recovered.shares.items()})


def area_course(shares: Mapping[Course, float]) -> AreaCourse:
    """The course of an area from the shares of its hectares: what most of those that had something to recover do, unless they
    are few; of as many hectares the one that asks for more care, as `AreaCourse` has them last."""
    seen = 1 - shares[Course.NOT_SEEN]
    if round(seen - MEASURED, 9) < 0:
        return AreaCourse.NOT_MEASURED
    if round(shares[Course.UNTOUCHED] - WHOLE * seen, 9) >= 0:
        return AreaCourse.UNTOUCHED
    hurt = (Course.STALLED, Course.RECOVERING, Course.RECLEARED)
    return AreaCourse(int(max(hurt, key=lambda one: (round(shares[one], 9), one))))


def onset_of(recovered: Recovered) -> int | None:
    """Year in which most hectares that rose began to rise: the weighted median; None where none did."""
    return _middle(recovered.regrowth.onset, recovered.weights)


def recleared_of(recovered: Recovered) -> int | None:
    """Year in which most hectares that were cleared again were: the weighted median; None where none was."""
    return _middle(recovered.regrowth.cleared, recovered.weights)


def _middle(years: Years, weights: Numbers) -> int | None:
    there = (years != NO_YEAR) & (weights > 0)
    if not there.any():
        return None
    order = np.argsort(years[there], kind="stable")
    reached = np.cumsum(weights[there][order])
    return int(years[there][order][np.searchsorted(reached, 0.5 * reached[-1])])


def _measured(measuring: Measuring, plots: Sequence[Plot]) -> list[Recovered]:
    """Areas whose series have the same years."""
    years = plots[0].series.years
    counts = [plot.series.values.shape[1] for plot in plots]
    values = np.concatenate([plot.series.values for plot in plots], axis=1, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    since = np.repeat([NO_YEAR if plot.since is None else plot.since for plot in plots], counts).astype(np.int32)
    nearby = np.repeat([np.nan if plot.reference is None else plot.reference for plot in plots], counts)
    found, low = _counted(measuring, years, values, since, nearby)
    whole = metrics(measuring.recovery, years, values, found.start, found.end, found.target)
    grown = Regrowth(found.onset, found.interruptions, found.cleared, _age(years, values, found))
    first = np.where(low, _begun(years, since), found.start + 1)
    course = _course(measuring, years, values, found, nearby, first)
    ends = np.cumsum(counts)
    made: dict[int, Recovered] = {}
    for n in sorted(range(len(plots)), key=lambda n: counts[n]):  # areas of as many pixels share their resamples
        plot, mine = plots[n], slice(int(ends[n]) - counts[n], int(ends[n]))
        source, weights = _source(low[mine], found.target[mine]), weighed(plot.weights, counts[n])
        parts = _part(whole, mine), _part(grown, mine), course[mine]
        made[n] = summed(measuring, plot.series, plot.baseline, source, *parts, weights)
    return [made[n] for n in range(len(plots))]


def _counted(
    measuring: Measuring, years: Years, values: Numbers, since: Years, nearby: Numbers
) -> tuple[Followed, Mask]:
    """What became of each pixel since the loss that counts, and (pixel,) is it measured from `since` against forest nearby?"""
    found = followed(measuring.falls, measuring.recovery, years, values, since, nearby)
    unsaid, begun = since == NO_YEAR, _begun(years, since)
    level = _level(years, values, begun + unsaid)  # of a series as a whole its first two years tell what it was
    low: Mask = (~found.lost | unsaid) & (level < measuring.recovery.share * nearby)
    if not low.any():
        return found, low
    late = np.where(years[:, None] >= begun[low], values[:, low], np.nan)
    never = np.full(int(low.sum()), years[0] - 1, np.int32)
    again = followed(measuring.falls, measuring.recovery, years, late, never, nearby[low], down=True)
    made = {}
    for one in fields(Followed):
        made[one.name] = getattr(found, one.name).copy()
        made[one.name][low] = getattr(again, one.name)
    return Followed(**made), low


def _begun(years: Years, since: Years) -> Years:
    """(pixel,) the year in which restoration began, of an area that does not say the first of the series."""
    return np.where(since == NO_YEAR, years[0], since).astype(np.int32)


def _level(years: Years, values: Numbers, year: Years) -> Numbers:
    """(pixel,) the mean of the last two values up to a year, of one where there is no other; else the first one after it."""
    seen = np.isfinite(values)
    left = seen & (years[:, None] <= year)
    near = left & (left.sum(0) - left.cumsum(0) < NEAR)
    first = np.where(seen.any(0), values[seen.argmax(0), np.arange(values.shape[1])], np.nan)
    return np.asarray(np.where(near.any(0), np.where(near, values, 0).sum(0) / np.maximum(near.sum(0), 1), first))


def _age(years: Years, values: Numbers, found: Followed) -> NDArray[np.int32]:
    """(pixel,) as `Regrowth.age`."""
    counts = np.isfinite(values) & ((found.cleared == NO_YEAR) | (years[:, None] < found.cleared))
    last = np.where(counts, years[:, None], NO_YEAR).max(0)
    return np.where(found.onset != NO_YEAR, last - found.onset, -1).astype(np.int32)


def _course(
    measuring: Measuring, years: Years, values: Numbers, found: Followed, nearby: Numbers, first: Years
) -> NDArray[np.uint8]:
    """(pixel,) `Course`; first: the year from which values tell what followed."""
    after = (np.isfinite(values) & (years[:, None] >= first)).sum(0)
    seen = np.isfinite(values).any(0)
    conditions = [
        found.cleared != NO_YEAR,
        ~found.lost & np.isfinite(nearby) & seen,
        found.onset != NO_YEAR,
        found.lost & (after > measuring.recovery.lasting),
    ]
    courses = [Course.RECLEARED, Course.UNTOUCHED, Course.RECOVERING, Course.STALLED]
    return np.select(conditions, [int(one) for one in courses], int(Course.NOT_SEEN)).astype(np.uint8)


def _source(low: Mask, target: Numbers) -> str:
    """Where the targets come from."""
    own = np.isfinite(target) & ~low
    return EITHER if own.any() and low.any() else NEARBY if low.any() else OWN


def _part(whole: T, mine: slice) -> T:
    """The same of some of the pixels."""
    return type(whole)(**{one.name: getattr(whole, one.name)[mine] for one in fields(whole)})
