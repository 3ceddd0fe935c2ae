"""LandTrendr: yearly segmentation (Kennedy, Yang and Cohen 2010, RSE 114, 2897), its steps written anew.

(a) One value a year: the look of the season nearest to the season's median. (b) Spikes are dampened. (c) Vertices: the
ends, then again and again the point furthest from the regression line of the worst-fitting segment, up to `max_segments`
+ 1 + `overshoot`. (d) The vertex with the shallowest angle goes until `max_segments` + 1 are left. (e) Values at the
vertices: point to point, or regressions each anchored on the end of the one before, whichever fits better. (f) Vertices
go one by one, first those of segments that recover too fast, then those whose loss costs least. (g) Of these models the
one with most segments whose p of F is within (2 - `best_model`) times the least; none where that exceeds `p`.
Defaults: Kennedy et al. 2018, Remote Sensing 10, 691, Table 1. A loss is a segment that falls by `magnitude` or more.

Ours, where the paper leaves room: one index, so the medoid is the look nearest to the median; spikes are judged by
1 - |difference of the neighbours| / largest step to them, and moved by that share; no second fit by Levenberg-Marquardt
where none passes. As in the authors' code, a model of k segments has 2 k predictors (so a step needs some nine years to
pass), and p ends at the single-precision 6e-8, so that of models beyond it the one with most segments is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from detection.accuracy.stream import Changes, Panel, Stream, changes
from detection.types import to_date, to_day
from peers.landtrendr_kernel import candidates, composite, falls
from peers.peer import by_series

LEAST_P: Final = 6e-8
"""Half the step of single precision at 1."""
MOST_YEARS: Final = 62
"""A model is a set of years in one 64-bit integer; longer records lose their earliest years."""


@dataclass(frozen=True)
class LandTrendr:
    """LandTrendr on NBR. Dates a change between two seasons; magnitude: change of NBR over the segment, negative.

    `first` and `confirmed`: the last day of the year after the first lower season, since the season after it decides.
    """

    name: ClassVar[str] = "LandTrendr"
    planes: ClassVar[tuple[str, ...]] = ("nbr",)
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = True
    published: ClassVar[str] = "OA 94-95 +- 0.6 %, annual (Reygadas et al. 2021, Environ. Res. Commun.; Amazon)"

    season: tuple[int, int] = (610, 920)
    """First and last day of the season, month times 100 plus day."""
    max_segments: int = 6
    """Most segments."""
    spike: float = 0.9
    """Spikes more pronounced than this are dampened; 1: none."""
    overshoot: int = 3
    """Vertices found beyond those that are kept."""
    one_year_recovery: bool = False
    """Allow a recovery of one year."""
    recovery: float = 0.25
    """Fastest recovery, share of the series' range a year: .25 takes four years."""
    p: float = 0.05
    """Largest p of F of a model."""
    best_model: float = 0.75
    """A model with more segments is preferred while its p is within (2 - this) times the least."""
    fewest: int = 6
    """Years with a value that a series must have."""
    magnitude: float = 0.2
    """Least fall of NBR over a segment."""
    longest: int = 4
    """A loss takes fewer years than this."""
    before: float = 0.3
    """Least NBR before the loss."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        looks = stream.panel("nbr")
        years, bounds = self._seasons(looks)
        if len(years) < self.fewest:
            return changes(np.empty(0), np.empty(0))
        yearly = composite(by_series(looks.values["nbr"]), bounds)
        rules = np.array(
            [self.spike, self.recovery, self.one_year_recovery, self.magnitude, self.longest, self.before], np.float64
        )
        limits = np.array([self.max_segments, self.overshoot, self.fewest], np.int64)
        models, errors, counts = candidates(yearly, years, rules, limits)
        best = self._best(models, errors, counts)
        rows = falls(yearly, years, rules, best)
        return self._said(rows, years, stream.monitor_day)

    def choices(self) -> tuple[Self, ...]:
        """Size of the loss, significance (.3 for short records) and season (the dry months, or the whole year)."""
        tried: Sequence[tuple[float, float, tuple[int, int]]] = list(
            product((0.1, 0.2, 0.3), (0.05, 0.1, 0.3), ((610, 920), (101, 1231)))
        )
        return tuple(replace(self, magnitude=m, p=p, season=s) for m, p, s in tried)

    def _seasons(self, looks: Panel) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Years and (year, 2) positions [from, to) of the looks of their season; years without a look have none."""
        if not looks.scenes:
            return np.empty(0), np.empty((0, 2), np.int64)
        days = looks.days
        last = to_date(int(days[-1])).year
        years = range(max(to_date(int(days[0])).year, last - MOST_YEARS + 1), last + 1)
        spans = [[_day(y, self.season[0]), _day(y, self.season[1]) + 1] for y in years]
        return np.array(years, np.float64), np.searchsorted(days, np.array(spans)).astype(np.int64)

    def _best(self, models: NDArray[Any], errors: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.int64]:
        """(series,) the chosen model, a set of years as bits; 0 where none passes.

        models, errors: (series, max_segments + 1); column k has k segments, error of column 0 is that of the mean.
        """
        k = np.arange(1, models.shape[1])
        above, below = 2 * k, counts[:, None] - 2 * k - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            f = (errors[:, :1] - errors[:, 1:]) / above / (errors[:, 1:] / below)
            p = np.where((models[:, 1:] > 0) & (below > 0) & np.isfinite(errors[:, 1:]), fdtrc(above, below, f), 2.0)
        p = np.maximum(np.where(np.isnan(p), 2.0, p), LEAST_P)
        least = p.min(1, initial=2.0)
        good = p <= ((2 - self.best_model) * least)[:, None]
        most = len(k) - np.argmax(good[:, ::-1], 1)
        return np.where(least <= self.p, models[np.arange(len(models)), most], 0).astype(np.int64)

    def _said(self, rows: NDArray[np.float64], years: NDArray[np.float64], monitor_day: int) -> Changes:
        """Changes out of (series, position before, position after, fall) rows, those that could have been said by now."""
        series, before, after, fall = rows.T
        low = years[after.astype(np.int64)]
        ends = np.array([_day(int(y), self.season[1]) for y in low], np.int64)
        middle = np.array([_day(int(y), self.season[0]) for y in low], np.int64)
        earlier = np.array([_day(int(y), self.season[1]) for y in years[before.astype(np.int64)]], np.int64)
        said = np.array([to_day(date(int(y) + 1, 12, 31)) for y in low], np.int64)
        kept = (low + 1 <= years[-1:].max(initial=-np.inf)) & (ends >= monitor_day)
        dated = (earlier + middle) // 2
        return changes(series[kept], said[kept], said[kept], dated[kept], magnitude=-fall[kept])


def _day(year: int, month_day: int) -> int:
    """Day of month times 100 plus day in this year."""
    return to_day(date(year, month_day // 100, month_day % 100))
