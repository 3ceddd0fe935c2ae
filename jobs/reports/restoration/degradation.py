"""Degraded land as SDG indicator 15.3.1 counts it: land cover, productivity, soil organic carbon, one out all out.

Sources: UNCCD, reporting manual of PRAIS 4 (2026 round), chapter SO1, called the manual below; the open module of SEPAL for
15.3.1; UNCCD, Good Practice Guidance for SDG Indicator 15.3.1, version 2 (2021), which both follow. Arrays are of any shape,
all of one shape, a value a cell; series have the year in front. Two tables are asked for and have no default here: how trend,
state and performance combine (the manual's table 13), and which status follows from baseline and period (its figure 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import ArrayLike, NDArray

from detection.errors import BadInput
from detection.types import parameters

Numbers = NDArray[np.float64]
Coded = NDArray[np.int8]
E = TypeVar("E", bound=IntEnum)

HECTARES_A_KM2: Final = 100
SLACK: Final = 1e-9
"""A change this near to its limit is at the limit, which is no change: 33 to 29.7 is ten per cent whatever its last bit says."""


class Condition(IntEnum):
    """What became of a cell, by one sub-indicator or by all."""

    DEGRADED = -1
    STABLE = 0
    IMPROVED = 1
    UNKNOWN = -128


KNOWN: Final = (Condition.DEGRADED, Condition.STABLE, Condition.IMPROVED)
"""In the order of the rows and columns of a status matrix."""


class Cover(IntEnum):
    """The seven classes of the default matrix, in its order."""

    FOREST = 0
    GRASSLAND = 1
    CROPLAND = 2
    WETLAND = 3
    ARTIFICIAL = 4
    OTHER = 5
    WATER = 6


NO_COVER: Final = 255
"""Code of a cell whose land cover is not known."""
TRANSITIONS: Final = (
    (0, -1, -1, -1, -1, -1, 0),
    (1, 0, 1, -1, -1, -1, 0),
    (1, -1, 0, -1, -1, -1, 0),
    (-1, -1, -1, 0, -1, -1, 0),
    (1, 1, 1, 1, 0, 1, 0),
    (1, 1, 1, 1, -1, 0, 0),
    (0, 0, 0, 0, 0, 0, 0),
)
"""From a class of `Cover` (row) to another (column): -1 degraded, 0 stable, 1 improved. The default matrix of the module of
SEPAL for 15.3.1; countries may put their own in its place."""


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


@dataclass(frozen=True)
class Indicator:
    """Areas of SDG 15.3.1."""

    km2: Mapping[Condition, float]
    """By condition, without inland water, km2."""
    water_km2: float
    """Inland water, km2."""
    percent: float | None
    """Degraded land, % of all land without inland water; land whose condition is unknown is part of it. None: no land."""


def land_cover(before: ArrayLike, after: ArrayLike, matrix: ArrayLike = TRANSITIONS) -> Coded:
    """Condition by the change of land cover from one year to another.

    before, after: rows and columns of the matrix, or NO_COVER. Raises BadInput for other codes, and for a matrix that is not
    square, holds anything but -1, 0 and 1, or calls a class that stayed what it was a change.
    """
    rules = _matrix(matrix, "transition matrix")
    if np.diagonal(rules).any():
        raise BadInput("transition matrix: a class that stays what it is counts as a change; put 0 on the diagonal")
    first, last = _alike(before=before, after=after)
    for name, codes in (("before", first), ("after", last)):
        _codes(codes, (*range(len(rules)), NO_COVER), name)
    seen = (first != NO_COVER) & (last != NO_COVER)
    made = rules[np.where(seen, first, 0).astype(int), np.where(seen, last, 0).astype(int)]
    return np.where(seen, made, Condition.UNKNOWN).astype(np.int8)


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
    mean = _ratio(np.where(there, past, 0).sum(0), n)
    sd = np.sqrt(_ratio(np.where(there, (past - mean) ** 2, 0).sum(0), n))
    flat = np.where(there, past, np.inf).min(0) == np.where(there, past, -np.inf).max(0)
    z = _ratio((recent.mean(0) - mean) * np.sqrt(productivity.recent), sd)
    return np.where((n >= productivity.least) & ~flat, z, np.nan)


def tendency(productivity: Productivity, z: ArrayLike) -> Coded:
    """The five classes of `Tendency`; a z at a bound belongs to the milder class."""
    one = np.asarray(z, np.float64)
    steps = (np.abs(one) > productivity.possible).astype(int) + (np.abs(one) > productivity.significant)
    return np.where(np.isnan(one), Tendency.UNKNOWN, np.sign(np.nan_to_num(one)) * steps).astype(np.int8)


def changed(productivity: Productivity, tendencies: ArrayLike) -> Coded:
    """Five classes of `Tendency` as three of `Condition`, see `Productivity.potential`."""
    (codes,) = _alike(tendencies=tendencies)
    _codes(codes, tuple(Tendency), "tendencies")
    counts = np.abs(codes.astype(int)) >= (1 if productivity.potential else 2)
    made = np.where(counts, np.sign(codes), Condition.STABLE)
    return np.where(codes == Tendency.UNKNOWN, Condition.UNKNOWN, made).astype(np.int8)


def performance(productivity: Productivity, mean: ArrayLike, units: ArrayLike) -> Coded:
    """Degraded where mean productivity is below a share of the best of its ecological unit, else stable.

    mean: of the years of the period, NaN = not seen; units: number of the unit, below 0 = in none. Unknown where the best of
    a unit is not above 0: a share of it would say nothing.
    """
    values, which = _alike(mean=mean, units=units)
    values = values.astype(np.float64)
    made = np.full(values.shape, Condition.UNKNOWN, np.int8)
    seen = np.isfinite(values) & (which >= 0)
    for unit in np.unique(which[seen]):
        cells = seen & (which == unit)
        best = np.percentile(values[cells], productivity.best)
        if best > 0:
            low = values[cells] / best < productivity.performance
            made[cells] = np.where(low, Condition.DEGRADED, Condition.STABLE)
    return made


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
    parts = _alike(trend=trend, state=states, performance=performances)
    for name, codes, allowed in zip(("trend", "state", "performance"), parts, (KNOWN, KNOWN, KNOWN[:2]), strict=True):
        _codes(codes, (*allowed, Condition.UNKNOWN), name)
    made = np.full(parts[0].shape, Dynamics.UNKNOWN, np.int8)
    for row in COMBINED:
        made[np.logical_and.reduce([codes == one for codes, one in zip(parts, row, strict=True)])] = table[row]
    return made


def productive(productivity: Productivity, classes: ArrayLike) -> Coded:
    """Five classes of `Dynamics` as three: declining and moderate decline are degraded, increasing is improved.

    What is stable but stressed counts as `Productivity.stressed` says.
    """
    (codes,) = _alike(dynamics=classes)
    _codes(codes, tuple(Dynamics), "dynamics")
    made = np.full(codes.shape, Condition.STABLE, np.int8)
    made[codes <= Dynamics.MODERATE_DECLINE] = Condition.DEGRADED
    made[codes == Dynamics.INCREASING] = Condition.IMPROVED
    if productivity.stressed == "degraded":
        made[codes == Dynamics.STRESSED] = Condition.DEGRADED
    made[codes == Dynamics.UNKNOWN] = Condition.UNKNOWN
    return made


def soil_carbon(before: ArrayLike, after: ArrayLike, limit: float = 0.10) -> Coded:
    """Condition by the change of soil organic carbon, t/ha: beyond 10 % of what there was (manual, SO 1-3 summary).

    NaN = not known, as is a share of 0. Raises BadInput for stocks below 0 and for a limit that is no share.
    """
    if not 0 < limit < 1:
        raise BadInput(f"soil organic carbon: limit {limit:g} is no share between 0 and 1; ten per cent is 0.1")
    first, last = (one.astype(np.float64) for one in _alike(before=before, after=after))
    for name, stock in (("before", first), ("after", last)):
        if (stock < 0).any():
            raise BadInput(f"soil organic carbon: {name} holds stocks below 0; write NaN where there is no figure")
    change = _ratio(last - first, first)
    made = np.where(np.abs(change) > limit + SLACK, np.sign(np.nan_to_num(change)), Condition.STABLE)
    return np.where(np.isfinite(change), made, Condition.UNKNOWN).astype(np.int8)


def one_out_all_out(*parts: ArrayLike) -> Coded:
    """The worst of the parts: degraded where one is, else unknown where one is, else the lowest.

    Improved is only what improved in every part: a cell that improved in one and stayed in others stays. That changes no
    area of degraded land, which is what the indicator counts.
    """
    if not parts:
        raise BadInput(
            "one out, all out: there is no sub-indicator; give land cover, productivity and soil organic carbon"
        )
    codes = np.stack(_alike(**{f"part {n}": part for n, part in enumerate(parts, 1)}))
    _codes(codes, tuple(Condition), "one out, all out")
    made = np.where((codes == Condition.UNKNOWN).any(0), Condition.UNKNOWN, codes.min(0))
    return np.where((codes == Condition.DEGRADED).any(0), Condition.DEGRADED, made).astype(np.int8)


def status(matrix: ArrayLike, baseline: ArrayLike, period: ArrayLike) -> Coded:
    """Status at the end of a period, by a 3x3 matrix: rows the baseline, columns the period, in the order of KNOWN.

    The manual says of it in words only that what was degraded and then stayed as it was is still degraded (SO 1-4 step 1):
    a matrix that says otherwise is refused.
    """
    rules = _matrix(matrix, "status matrix")
    if len(rules) != len(KNOWN):
        raise BadInput(f"status matrix: {len(rules)} x {len(rules)}; 3 x 3 expected: degraded, stable, improved")
    if rules[0, 1] != Condition.DEGRADED:
        raise BadInput("status matrix: degraded land that stayed stable is still degraded; put -1 into row 1, column 2")
    first, last = _alike(baseline=baseline, period=period)
    for name, codes in (("baseline", first), ("period", last)):
        _codes(codes, tuple(Condition), name)
    seen = (first != Condition.UNKNOWN) & (last != Condition.UNKNOWN)
    made = rules[np.where(seen, first, 0).astype(int) + 1, np.where(seen, last, 0).astype(int) + 1]
    return np.where(seen, made, Condition.UNKNOWN).astype(np.int8)


def areas(classes: type[E], codes: ArrayLike, hectares: ArrayLike) -> dict[E, float]:
    """Class -> km2, every class of the enumeration; hectares: equal-area, of each cell, 0 outside."""
    found, size = _alike(codes=codes, hectares=hectares)
    _codes(found, tuple(classes), "codes")
    _hectares(size)
    return {one: float(size[found == one].sum()) / HECTARES_A_KM2 for one in classes}


def pairs(baseline: ArrayLike, period: ArrayLike, hectares: ArrayLike) -> dict[tuple[Condition, Condition], float]:
    """(condition in the baseline, in the period) -> km2: the 3x3 of a status table, and what is unknown in either."""
    first, last, size = _alike(baseline=baseline, period=period, hectares=hectares)
    for name, codes in (("baseline", first), ("period", last)):
        _codes(codes, tuple(Condition), name)
    _hectares(size)
    both = product(Condition, Condition)
    return {(a, b): float(size[(first == a) & (last == b)].sum()) / HECTARES_A_KM2 for a, b in both}


def indicator(conditions: ArrayLike, hectares: ArrayLike, water: ArrayLike) -> Indicator:
    """SDG 15.3.1: degraded land as a share of all land, which is without inland water; water: mask of it."""
    codes, size, wet = _alike(conditions=conditions, hectares=hectares, water=water)
    wet = wet.astype(bool)
    km2 = areas(Condition, codes, np.where(wet, 0.0, size))
    land = sum(km2.values())
    percent = 100 * km2[Condition.DEGRADED] / land if land > 0 else None
    return Indicator(km2, float(size[wet].sum()) / HECTARES_A_KM2, percent)


def _alike(**arrays: ArrayLike) -> list[NDArray[Any]]:
    """All as arrays of one shape."""
    made = {name: np.asarray(one) for name, one in arrays.items()}
    if len({one.shape for one in made.values()}) > 1:
        raise BadInput(
            f"shapes differ: {', '.join(f'{n} {one.shape}' for n, one in made.items())}; one shape is expected"
        )
    return list(made.values())


def _codes(codes: NDArray[Any], allowed: tuple[int, ...], name: str) -> None:
    strange = codes[~np.isin(codes, [int(one) for one in allowed])]
    if strange.size:
        raise BadInput(f"{name}: code {strange.flat[0]:g} is none of {', '.join(str(int(one)) for one in allowed)}")


def _hectares(size: NDArray[Any]) -> None:
    if not (np.isfinite(size) & (size >= 0)).all():
        raise BadInput("hectares: an area is nought or more; put 0 where a cell lies outside")


def _matrix(given: ArrayLike, name: str) -> NDArray[np.int64]:
    try:
        matrix = np.asarray(given, np.float64)
    except (ValueError, TypeError):
        raise BadInput(f"{name}: its rows are not numbers, or not of one length") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise BadInput(f"{name}: shape {matrix.shape}; as many rows as columns are expected, one a class")
    if not np.isin(matrix, (-1, 0, 1)).all():
        raise BadInput(f"{name}: -1 (degraded), 0 (stable) and 1 (improved) are expected, nothing else")
    return matrix.astype(np.int64)


def _series(values: ArrayLike) -> Numbers:
    series = np.asarray(values, np.float64)
    if series.ndim < 1 or not len(series):
        raise BadInput("productivity: there is no year in the series; give (year, ...), NaN where none was seen")
    return np.where(np.isfinite(series), series, np.nan)


def _ratio(top: Any, bottom: Any) -> Numbers:
    """NaN where there is nothing to divide by."""
    some = np.asarray(bottom, np.float64)
    made: Numbers = np.asarray(top, np.float64) / np.where(some > 0, some, np.nan)
    return made
