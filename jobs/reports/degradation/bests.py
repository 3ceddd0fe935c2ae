"""What the best of every ecological unit bears: a percentile over all of its land, gathered window by window."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.degradation.ldn_asked import Period
from jobs.reports.degradation.productivity import Productivity
from jobs.reports.rasters import Codes, Numbers, Plane

Counts = tuple[Codes, Codes, Codes]
"""Unit, productivity in grains, how many cells; in order of the first two."""
NONE: Counts = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
LIMIT = 2**31
"""Grains beyond which a productivity is refused: it is in other units than `grain`."""


@dataclass(frozen=True)
class Means:
    """Yearly productivity, and the units within which it is compared."""

    yearly: Plane
    """A band a year."""
    places: Mapping[int, int]
    """Year -> place of its band."""
    units: Plane
    """Numbers of ecological units, below 0 is none."""
    change: Productivity
    """How many years are looked at."""
    grain: float
    """To which means are rounded."""

    def series(self, period: Period, part: Grid) -> Numbers:
        """(year, y, x) of the years up to the last of a period. Raises BadInput where one of them is not in the file."""
        years = range(period.last - self.change.recent - self.change.history + 1, period.last + 1)
        if lacking := [year for year in years if year not in self.places]:
            raise BadInput(
                f"{self.yearly.name}: has no band of {lacking[0]}; {period.first} to {period.last} is judged by"
                f" {years.start} to {years.stop - 1}: add it, or lower `change.history`"
            )
        return self.yearly.numbers(part, [self.places[year] for year in years])

    def rounded(self, series: Numbers) -> Numbers:
        """(y, x) mean of the years seen, in whole grains; NaN where fewer than `least` were."""
        seen = np.isfinite(series)
        many = seen.sum(0)
        mean = np.where(seen, series, 0).sum(0) / np.maximum(many, 1)
        return np.where(many >= self.change.least, np.rint(mean / self.grain), np.nan)


@dataclass(frozen=True)
class Bests:
    """Best of every unit and period, in grains."""

    units: tuple[Codes, ...]
    """(period,) numbers of the units, rising."""
    values: tuple[Numbers, ...]
    """(period,) as long."""

    def at(self, place: int, units: Codes) -> Numbers:
        """(y, x) the best of the unit of each cell; NaN where it is in none."""
        known, values = self.units[place], self.values[place]
        if not len(known):
            return np.full(units.shape, np.nan)
        where = np.minimum(np.searchsorted(known, units), len(known) - 1)
        return np.where(known[where] == units, values[where], np.nan)


def bests(
    means: Means, periods: Sequence[Period], land: Callable[[Grid], list[NDArray[np.bool_]]], grid: Grid, *,
    progress: Callable[[str, int, int], None], size: int,
) -> Bests:  # fmt: skip
    """Of all periods; land: where it lies in a part of the grid at the end of each."""
    found = [NONE for _ in periods]
    parts = list(grid.tiles(size))
    for done, part in enumerate(parts, 1):
        units = means.units.codes(part)
        for place, (period, where) in enumerate(zip(periods, land(part), strict=True)):
            mean = means.rounded(means.series(period, part))
            counts = np.isfinite(mean) & (units >= 0) & where
            if (np.abs(mean[counts]) >= LIMIT).any():
                raise BadInput(
                    f"{means.yearly.name}: productivity is over {LIMIT * means.grain:g}; raise `grain` to its step"
                )
            one = mean[counts].astype(np.int64)
            found[place] = merged(found[place], (units[counts], one, np.ones(len(one), np.int64)))
        progress("productivity", done, len(parts))
    made = [best_of(one, means.change.best) for one in found]
    return Bests(tuple(units for units, _ in made), tuple(values for _, values in made))


def merged(one: Counts, other: Counts) -> Counts:
    """Both, in order."""
    units, values, many = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.lexsort((values, units))
    units, values, many = units[order], values[order], many[order]
    new = np.ones(len(units), np.bool_)
    new[1:] = (units[1:] != units[:-1]) | (values[1:] != values[:-1])
    starts = np.flatnonzero(new)
    return (units[starts], values[starts], np.add.reduceat(many, starts)) if len(starts) else NONE


def best_of(counts: Counts, percent: float) -> tuple[Codes, Numbers]:
    """Percentile of each unit, between the two nearest cells as `numpy.percentile` has it."""
    units, first = np.unique(counts[0], return_index=True)
    made = []
    for start, stop in pairwise([*first.tolist(), len(counts[0])]):
        values, last = counts[1][start:stop], np.cumsum(counts[2][start:stop]) - 1
        at = last[-1] * percent / 100
        low, high = (values[np.searchsorted(last, edge)] for edge in (np.floor(at), np.ceil(at)))
        made.append(low + (high - low) * (at - np.floor(at)))
    return units, np.array(made, np.float64)
