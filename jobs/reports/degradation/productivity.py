"""Productivity of land over the years: its trend, its state, its performance, and the dynamics that they make together.

Sources as in `degradation`. Arrays are of any shape, all of one shape, a value a cell; series have the year in front.
"""

from collections.abc import Mapping
from enum import IntEnum
from itertools import product
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import ArrayLike

from detection.errors import BadInput
from detection.types import parameters
from jobs.reports.degradation.degradation import KNOWN, Coded, Condition, Numbers, alike, expect, ratio


class Tendency(IntEnum):
    """Where a z lies: the five classes of trend and of state."""

    DEGRADING = -2
    AT_RISK = -1
    STABLE = 0
    POTENTIAL = 1
    IMPROVING = 2
    UNKNOWN = -128


class Dynamics(IntEnum):
    """The five classes of land productivity dynamics."""

    DECLINING = 1
    MODERATE_DECLINE = 2
    STRESSED = 3
    STABLE = 4
    INCREASING = 5
    UNKNOWN = 0


Combination = Mapping[tuple[Condition, Condition, Condition], Dynamics]
"""(trend, state, performance) -> dynamics, all of `COMBINED`."""
COMBINED: Final = tuple(product(KNOWN, KNOWN, KNOWN[:2]))
"""The 18 rows that the manual's table 13 has: three of trend, three of state, two of performance."""


@parameters
class Productivity:
    """What counts as a change of productivity."""

    significant: Annotated[float, Gt(0)] = 1.96
    """|z| beyond which trend and state have changed (two-sided 5 %; manual, SO 1-2 step 5)."""
    possible: Annotated[float, Gt(0)] = 1.28
    """|z| beyond which they are at risk, or potentially improving (two-sided 20 %; ibid.)."""
    potential: bool = False
    """Count cells at risk as degraded, potentially improving ones as improved, when five classes become three."""
    recent: Annotated[int, Ge(1)] = 3
    """Last years of the series, whose mean is the state."""
    history: Annotated[int, Ge(2)] = 13
    """Years before them to which it is compared."""
    least: Annotated[int, Ge(4)] = 10
    """Years with a value that a trend needs, and the history of a state (chosen: from ten on z is nearly normal)."""
    performance: Annotated[float, Interval(gt=0, lt=1)] = 0.5
    """Share of the best of its ecological unit below which a cell is degraded."""
    best: Annotated[float, Interval(gt=0, lt=100)] = 90
    """Percentile of a unit that stands for its best."""
    stressed: Literal["stable", "degraded"] = "stable"
    """What stable but stressed land counts as: stable in the manual (2026, table 13, row 10), degraded in notes of others."""

    def __post_init__(self) -> None:
        if self.possible >= self.significant:
            raise BadInput(
                f"possible {self.possible:g} is not below significant {self.significant:g}; exchange the two"
            )
        if self.least > self.history:
            raise BadInput(f"least {self.least} is more than the {self.history} years of history; lower it")


def mann_kendall(values: ArrayLike, least: int = 10) -> Numbers:
    """z of the Mann-Kendall test of a trend: Mann 1945, Econometrica 13; Kendall 1975, Rank Correlation Methods.

    values: (year, ...), NaN = not seen; pairs of seen years are counted. z = (S - sign S) / sqrt(var S), with the variance
    lowered for ties; 0 where all are equal, NaN where fewer than `least` years were seen. The module of SEPAL has neither the
    step of 1 nor the ties: its z is larger by 1 / sqrt(var S), 0.045 of 16 years.
    """
    series = _series(values)
    seen = np.isfinite(series)
    n = seen.sum(0).astype(np.float64)
    s, ties = np.zeros(series.shape[1:]), np.zeros(series.shape[1:])
    for year, row in enumerate(series):
        s += np.nansum(np.sign(series[year + 1 :] - row), axis=0)
        many = (series == row).sum(0).astype(np.float64)
        ties += np.where(seen[year], (many - 1) * (2 * many + 5), 0)  # a group of t is met t times: t (t - 1) (2 t + 5)
    spread = np.sqrt(np.maximum(n * (n - 1) * (2 * n + 5) - ties, 0) / 18)
    z = np.divide(s - np.sign(s), spread, out=np.zeros_like(s), where=spread > 0)
    return np.where(n >= least, z, np.nan)


def state(productivity: Productivity, values: ArrayLike) -> Numbers:
    """z of the last years against those before: (mean of `recent` - mean of `history`) / (sd of `history` / sqrt(recent)).

    As the module of SEPAL has it, with the population's sd; the manual's step 5 leaves sqrt(recent) out. values: (year, ...),
    yearly and in order, at least recent + history of them, of which the last are used. NaN where one of the recent years or
    too many of the others were not seen, or those before were all equal.
    """
    series = _series(values)
    needed = productivity.recent + productivity.history
    if len(series) < needed:
        raise BadInput(
            f"state: {len(series)} years; {needed} are needed: {productivity.recent} after {productivity.history}"
        )
    past, recent = series[-needed : -productivity.recent], series[-productivity.recent :]
    there = np.isfinite(past)
    n = there.sum(0)
    mean = ratio(np.where(there, past, 0).sum(0), n)
    sd = np.sqrt(ratio(np.where(there, (past - mean) ** 2, 0).sum(0), n))
    flat = np.where(there, past, np.inf).min(0) == np.where(there, past, -np.inf).max(0)
    z = ratio((recent.mean(0) - mean) * np.sqrt(productivity.recent), sd)
    return np.where((n >= productivity.least) & ~flat, z, np.nan)


def tendency(productivity: Productivity, z: ArrayLike) -> Coded:
    """The five classes of `Tendency`; a z at a bound belongs to the milder class."""
    one = np.asarray(z, np.float64)
    steps = (np.abs(one) > productivity.possible).astype(int) + (np.abs(one) > productivity.significant)
    return np.where(np.isnan(one), Tendency.UNKNOWN, np.sign(np.nan_to_num(one)) * steps).astype(np.int8)


def changed(productivity: Productivity, tendencies: ArrayLike) -> Coded:
    """Five classes of `Tendency` as three of `Condition`, see `Productivity.potential`."""
    (codes,) = alike(tendencies=tendencies)
    expect(codes, tuple(Tendency), "tendencies")
    counts = np.abs(codes.astype(int)) >= (1 if productivity.potential else 2)
    made = np.where(counts, np.sign(codes), Condition.STABLE)
    return np.where(codes == Tendency.UNKNOWN, Condition.UNKNOWN, made).astype(np.int8)


def performance(productivity: Productivity, mean: ArrayLike, units: ArrayLike) -> Coded:
    """Degraded where mean productivity is below a share of the best of its ecological unit, else stable.

    mean: of the years of the period, NaN = not seen; units: number of the unit, below 0 = in none. Unknown where the best of
    a unit is not above 0: a share of it would say nothing.
    """
    values, which = alike(mean=mean, units=units)
    values = values.astype(np.float64)
    best = np.full(values.shape, np.nan)
    seen = np.isfinite(values) & (which >= 0)
    for unit in np.unique(which[seen]):
        cells = seen & (which == unit)
        best[cells] = np.percentile(values[cells], productivity.best)
    return below(productivity, values, best)


def below(productivity: Productivity, mean: ArrayLike, best: ArrayLike) -> Coded:
    """`performance` where the best of each cell's unit is known already; NaN: it is in none, or was not seen."""
    values, top = (one.astype(np.float64) for one in alike(mean=mean, best=best))
    share = ratio(values, top)
    low = np.where(share < productivity.performance, Condition.DEGRADED, Condition.STABLE)
    return np.where(np.isfinite(share), low, Condition.UNKNOWN).astype(np.int8)


def dynamics(table: Combination, trend: ArrayLike, states: ArrayLike, performances: ArrayLike) -> Coded:
    """The five classes of `Dynamics` from three conditions, by a table; unknown where one of them is.

    Raises BadInput for a table that does not say each of `COMBINED`, or says more.
    """
    if missing := [row for row in COMBINED if row not in table]:
        names = ", ".join(Condition(one).name.lower() for one in missing[0])
        raise BadInput(
            f"combination: {len(missing)} of 18 rows are missing, the first is trend, state, performance {names}"
        )
    if len(table) > len(COMBINED) or Dynamics.UNKNOWN in table.values():
        raise BadInput("combination: 18 rows, each with one of five classes, are expected; take the others out")
    parts = alike(trend=trend, state=states, performance=performances)
    for name, codes, allowed in zip(("trend", "state", "performance"), parts, (KNOWN, KNOWN, KNOWN[:2]), strict=True):
        expect(codes, (*allowed, Condition.UNKNOWN), name)
    made = np.full(parts[0].shape, Dynamics.UNKNOWN, np.int8)
    for row in COMBINED:
        made[np.logical_and.reduce([codes == one for codes, one in zip(parts, row, strict=True)])] = table[row]
    return made


def productive(productivity: Productivity, classes: ArrayLike) -> Coded:
    """Five classes of `Dynamics` as three: declining and moderate decline are degraded, increasing is improved.

    What is stable but stressed counts as `Productivity.stressed` says.
    """
    (codes,) = alike(dynamics=classes)
    expect(codes, tuple(Dynamics), "dynamics")
    made = np.full(codes.shape, Condition.STABLE, np.int8)
    made[codes <= Dynamics.MODERATE_DECLINE] = Condition.DEGRADED
    made[codes == Dynamics.INCREASING] = Condition.IMPROVED
    if productivity.stressed == "degraded":
        made[codes == Dynamics.STRESSED] = Condition.DEGRADED
    made[codes == Dynamics.UNKNOWN] = Condition.UNKNOWN
    return made


def _series(values: ArrayLike) -> Numbers:
    series = np.asarray(values, np.float64)
    if series.ndim < 1 or not len(series):
        raise BadInput("productivity: there is no year in the series; give (year, ...), NaN where none was seen")
    return np.where(np.isfinite(series), series, np.nan)
