"""One look a year out of many: the medoid of a season (Flood 2013, Remote Sensing 5, 6481).

The medoid is the look whose summed Euclidean distance to all others of the season, over all slots, is least: a look that
was really taken, so that the slots of a year belong together, and one that a few clouds cannot drag along as they drag a
mean. Of looks equally near, as of two, the earliest is taken.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Final

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.lanes import LANES, fused
from detection.monitors.state import Looks
from detection.segments.record import NO_DAY, Segments
from detection.types import SECONDS_A_DAY, Float, Scene, parameters, to_date, to_day

PLATFORM: Final = "annual"
"""Platform of the scenes that stand for a year."""


@parameters
class Annual:
    """Which looks stand for a year."""

    first_day: Annotated[int, Interval(ge=1, le=366)] = 1
    """Day of the year the season begins."""
    last_day: Annotated[int, Interval(ge=1, le=366)] = 366
    """Day of the year it ends, itself included; before `first_day`: it crosses the new year."""
    least_looks: Annotated[int, Ge(1)] = 1
    """Fewer looks of a season leave its year empty; a medoid outvotes a cloud from three on."""


@dataclass(frozen=True)
class Yearly:
    """One look a year at a row of pixels."""

    scenes: tuple[Scene, ...]
    """(year,) one for each year, dated by the last day of its season, by which it could be known. A season that crosses
    the new year is of the year it ends in."""
    values: Float
    """(year, slot, pixel) float32, NaN where the season of a year has too few looks."""
    looks: NDArray[np.int32]
    """(year, pixel) looks of the season."""
    taken: NDArray[np.int32]
    """(year, pixel) position of the look taken among all looks, -1 where none was."""
    days: NDArray[np.int32]
    """(year, pixel) its day, NO_DAY where none was."""

    @property
    def row(self) -> Looks:
        """The years as looks, for whoever segments them."""
        return Looks(self.scenes, self.values)

    def dated(self, segments: Segments) -> Segments:
        """Segments of these years with the days of the looks that were taken in place of the ends of seasons.

        `said` stays the end of the season: the look is not chosen before. Raises BadInput for days of other years.
        """
        rows, changes = segments.rows.copy(), segments.changes.copy()
        for table, names in ((rows, ("first", "last", "ended")), (changes, ("day", "before"))):
            for name in names:
                table[name] = self._taken_on(table[name], table["pixel"])
        return replace(segments, rows=rows, changes=changes)

    def _taken_on(self, ends: NDArray[np.int32], pixels: NDArray[np.int32]) -> NDArray[np.int32]:
        seasons = np.array([s.day for s in self.scenes], np.int32)
        year = np.minimum(np.searchsorted(seasons, ends), len(seasons) - 1)
        if ((seasons[year] != ends) & (ends != NO_DAY)).any():
            raise BadInput("annual: the segments are of other years; give those made of the same yearly looks")
        return np.where(ends == NO_DAY, NO_DAY, self.days[year, pixels]).astype(np.int32)


def yearly(annual: Annual, looks: Looks) -> Yearly:
    """The medoid of every season from the first year with a look to the last, NaN where there are too few.

    looks: in canonical order; a look counts where all its slots are finite. Memory: besides what is returned, the
    season of a block of pixels.
    """
    days = looks.days
    seasons = _seasons(annual, days)
    spans = np.searchsorted(days, seasons + np.array([0, 1])).astype(np.int64)
    slots, pixels = looks.values.shape[1:]
    values = np.full((len(seasons), slots, pixels), np.nan, np.float32)
    counts, taken = np.zeros((len(seasons), pixels), np.int32), np.full((len(seasons), pixels), -1, np.int32)
    _medoids(np.ascontiguousarray(looks.values, np.float32), spans, annual.least_looks, values, counts, taken)
    scenes = tuple(_scene(int(end)) for end in seasons[:, 1])
    on = np.where(taken < 0, NO_DAY, days[taken]) if len(days) else np.full(taken.shape, NO_DAY)
    return Yearly(scenes, values, counts, taken, on.astype(np.int32))


def _seasons(annual: Annual, days: NDArray[np.int32]) -> NDArray[np.int64]:
    """(year, 2) first and last day of the seasons; from that of the first look to that of the last, none left out."""
    if not len(days):
        return np.empty((0, 2), np.int64)
    years = range(to_date(int(days[0])).year, to_date(int(days[-1])).year + 2)
    earlier = 1 if annual.last_day < annual.first_day else 0
    spans = np.array([(_day(y - earlier, annual.first_day), _day(y, annual.last_day)) for y in years], np.int64)
    met = np.searchsorted(days, spans[:, 0]) < np.searchsorted(days, spans[:, 1], "right")
    filled = np.flatnonzero(met)
    return spans[filled[0] : filled[-1] + 1] if len(filled) else spans[:0]


def _day(year: int, day_of_year: int) -> int:
    """Days since 1970-01-01; the 366th of a year that has none is its last."""
    return to_day(min(date(year, 1, 1) + timedelta(days=day_of_year - 1), date(year, 12, 31)))


def _scene(day: int) -> Scene:
    return Scene(day * SECONDS_A_DAY, PLATFORM, f"{PLATFORM}/{to_date(day).year}")


@fused
def _medoids(values, spans, least, out, counts, taken):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """values: (time, slot, pixel); spans: (year, 2) looks [from, to) of each season; out, counts, taken as in `Yearly`."""
    slots, pixels = values.shape[1:]
    longest = 0
    for y in range(spans.shape[0]):
        longest = max(longest, spans[y, 1] - spans[y, 0])
    block, total = np.empty((longest, slots, LANES), np.float32), np.empty((longest, LANES), np.float32)
    least_far, count, at = np.empty(LANES, np.float32), np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for first in range(0, pixels, LANES):
        width = min(LANES, pixels - first)
        for y in range(spans.shape[0]):
            begin, many = spans[y, 0], spans[y, 1] - spans[y, 0]
            _load(values, begin, many, first, width, block, count)
            _distances(block, many, slots, total)
            _nearest(total, many, least_far, at)
            for j in range(width):
                counts[y, first + j] = count[j]
                if count[j] >= least and count[j] > 0:
                    taken[y, first + j] = begin + at[j]
                    for s in range(slots):
                        out[y, s, first + j] = block[at[j], s, j]


@fused
def _load(values, begin, many, first, width, block, count):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The looks of a season at a block of pixels, all slots NaN where one is not finite, and how many there are."""
    count[:] = 0
    for t in range(many):
        block[t, :, :] = np.float32(np.nan)
        for s in range(values.shape[1]):
            row = values[begin + t, s, first : first + width]
            for j in range(width):
                block[t, s, j] = row[j]
        for j in range(LANES):
            size = np.float32(0)
            for s in range(values.shape[1]):
                size += abs(block[t, s, j]) * np.float32(0)
            count[j] += np.int32(1 if size == size else 0)
            for s in range(values.shape[1]):
                block[t, s, j] += size


@fused
def _distances(block, many, slots, total):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """total: (look, LANES) sum of the distances of a look to the others, NaN of one that was not seen."""
    for t in range(many):
        for j in range(LANES):
            total[t, j] = block[t, 0, j] - block[t, 0, j]
    square = np.empty(LANES, np.float32)
    for t in range(many):
        for u in range(t):
            for j in range(LANES):
                off = block[t, 0, j] - block[u, 0, j]
                square[j] = off * off
            for s in range(1, slots):
                for j in range(LANES):
                    off = block[t, s, j] - block[u, s, j]
                    square[j] += off * off
            for j in range(LANES):
                far = np.sqrt(square[j])
                far = far if far == far else np.float32(0)
                total[t, j] += far
                total[u, j] += far


@fused
def _nearest(total, many, least, at):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """at: (LANES,) the look of the least total, the earliest of several; 0 where none was seen."""
    for j in range(LANES):
        least[j], at[j] = np.float32(np.inf), 0
    for t in range(many):
        for j in range(LANES):
            nearer = total[t, j] < least[j]
            least[j] = total[t, j] if nearer else least[j]
            at[j] = np.int32(t) if nearer else at[j]
