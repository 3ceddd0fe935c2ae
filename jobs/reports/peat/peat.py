"""Areas of disturbed peat and factors -> emissions by stratum, disturbance, year and pool, with the doubt of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, sqrt
from typing import Annotated, Final

import numpy as np
from annotated_types import Interval as Between
from annotated_types import Lt

from detection.errors import BadInput
from detection.types import parameters
from jobs.reports.peat.areas import Cohort, checked
from jobs.reports.peat.classes import DISTURBANCES, FORMULAS, POOLS, UNITS, Term
from jobs.reports.peat.draws import Numbers, drawn, drawn_area, fitted
from jobs.reports.peat.factors import Factor, FactorSet, Status, Warming, chosen, parts_of
from jobs.reports.peat.gaps import Gap, gaps

CARBON: Final = "tC/ha/yr"
"""Unit of the factors that fit the column `ef_tco2c_ha_yr`."""


@parameters
class Sampling:
    """How doubt is carried through."""

    draws: Annotated[int, Between(ge=1000, le=1_000_000)] = 10_000
    """Draws of areas and factors together."""
    seed: Annotated[int, Between(ge=0, le=2**31)] = 1
    """Of the random streams: the same seed gives the same intervals."""
    level: Annotated[float, Between(ge=0.5), Lt(1)] = 0.95
    """Share of the draws between the ends of an interval."""


@dataclass(frozen=True)
class Range:
    """A figure with its interval."""

    value: float
    """Areas times factors as they stand, no draw."""
    low: float
    """Lower quantile of the draws."""
    high: float
    """Upper quantile of the draws."""


@dataclass(frozen=True)
class Emission:
    """What one pool of one kind of peat gave off in a year for one disturbance."""

    stratum: str
    """Of peat."""
    disturbance: str
    """What happened."""
    year: int
    """In which it was emitted."""
    pool: str
    """As in `classes.POOLS`."""
    gas: str
    """What went up."""
    area_ha: float
    """That emitted in this year: for what lasts, also what was disturbed before."""
    se_ha: float
    """Its standard error."""
    factors: tuple[Factor, ...]
    """All parts of the formula."""
    tco2e: Range
    """Tonnes of CO2-equivalent."""

    @property
    def factor_sets(self) -> str:
        """Where the factors are from."""
        return " + ".join(sorted({one.factor_set for one in self.factors}))


@dataclass(frozen=True)
class Total:
    """A sum of emissions."""

    year: int | None
    """None: all years."""
    pool: str | None
    """None: all pools."""
    factor_sets: tuple[str, ...]
    """Whose factors are in it; several: sets of different making were added up."""
    tco2e: Range
    """Tonnes of CO2-equivalent."""


@dataclass(frozen=True)
class Aged:
    """Area that emits in a year, by how long ago it was disturbed."""

    stratum: str
    """Of peat."""
    disturbance: str
    """What happened."""
    year: int
    """In which it emits."""
    age: int
    """Whole years since it happened."""
    area_ha: float
    """Hectares."""


@dataclass(frozen=True)
class Account:
    """All of it."""

    emissions: tuple[Emission, ...]
    """By year, stratum, disturbance, pool."""
    totals: tuple[Total, ...]
    """By year, by pool and overall, of each set and of all together."""
    gaps: tuple[Gap, ...]
    """What is not estimated."""
    ages: tuple[Aged, ...]
    """Areas behind the emissions."""
    factors: tuple[Factor, ...]
    """Those that were used."""
    cohorts: tuple[Cohort, ...]
    """What went in."""
    warming: Warming
    """How gases were made comparable."""
    years: tuple[int, int]
    """First and last."""
    sampling: Sampling
    """How the intervals were made."""

    @property
    def factor_sets(self) -> tuple[str, ...]:
        """Sets that were used."""
        return tuple(sorted({one.factor_set for one in self.factors}))

    def total(self, year: int | None = None, pool: str | None = None) -> Total | None:
        """Of all sets together; None: there is none."""
        mine = [one for one in self.totals if (one.year, one.pool) == (year, pool)]
        return max(mine, key=lambda one: len(one.factor_sets), default=None)


@dataclass
class _Draws:
    """Draws by name, each made once."""

    sampling: Sampling
    made: dict[str, Numbers] = field(default_factory=dict)

    def factor(self, one: Factor) -> Numbers:
        if one.key not in self.made:
            self.made[one.key] = drawn(one.figure, one.key, self.sampling.seed, self.sampling.draws)
        return self.made[one.key]

    def area(self, one: Cohort) -> Numbers:
        if one.key not in self.made:
            se = one.se_ha or 0.0
            self.made[one.key] = drawn_area(one.area_ha, se, one.key, self.sampling.seed, self.sampling.draws)
        return self.made[one.key]

    def within(self, value: float, draws: Numbers) -> Range:
        low, high = np.quantile(draws, [(1 - self.sampling.level) / 2, (1 + self.sampling.level) / 2])
        if low == high:  # nothing is in doubt: no interval of rounding
            return Range(value, value, value)
        return Range(value, float(low), float(high))


@dataclass
class _Sums:
    """Draws of the sums, and their values, by (year, pool, set)."""

    values: dict[tuple[int, str, str], list[float]] = field(default_factory=dict)
    draws: dict[tuple[int, str, str], Numbers] = field(default_factory=dict)

    def add(self, one: Emission, draws: Numbers) -> None:
        key = one.year, one.pool, one.factor_sets
        self.values.setdefault(key, []).append(one.tco2e.value)
        self.draws[key] = self.draws.get(key, 0.0) + draws

    def totals(self, draws: _Draws) -> Iterator[Total]:
        years, pools = (
            sorted({key[0] for key in self.values}),
            [p for p in POOLS if any(k[1] == p for k in self.values)],
        )
        for year, pool in [*((y, None) for y in years), *((None, p) for p in pools), (None, None)]:
            keys = [k for k in sorted(self.values) if year in (None, k[0]) and pool in (None, k[1])]
            sets = sorted({key[2] for key in keys})
            for some in [*((each,) for each in sets), *([tuple(sets)] if len(sets) > 1 else [])]:
                mine = [key for key in keys if key[2] in some]
                value = fsum(v for key in mine for v in self.values[key])
                drawn = np.asarray(sum(self.draws[key] for key in mine), np.float64)
                yield Total(year, pool, some, draws.within(value, drawn))


def account(
    cohorts: Sequence[Cohort],
    sets: Sequence[FactorSet],
    warming: Warming,
    years: tuple[int, int],
    sampling: Sampling | None = None,
    *,
    least: Status = "unverified",
) -> Account:
    """The emissions of the years from first to last; only factors that were checked at least so far are used.

    What was disturbed before the first year and lasts still emits. Raises BadInput as `areas.checked` and `factors.chosen`.
    """
    if years[0] > years[1]:
        raise BadInput(f"first year {years[0]} lies after last year {years[1]}")
    ordered, factors = checked(cohorts, years[1]), chosen(sets, least)
    draws, sums = _Draws(sampling or Sampling()), _Sums()
    emissions: list[Emission] = []
    for year in range(years[0], years[1] + 1):
        for live in _live(ordered, year):
            for one, drawn_emission in _emitted(live, year, factors, warming, draws):
                emissions.append(one)
                sums.add(one, drawn_emission)
    used = {factor.key: factor for one in emissions for factor in one.factors}
    return Account(
        tuple(emissions), tuple(sums.totals(draws)), tuple(gaps(ordered, factors, years)), tuple(_ages(ordered, years)),
        tuple(used[key] for key in sorted(used)), ordered, warming, years, draws.sampling,
    )  # fmt: skip


def per_hectare(factors: Mapping[str, Factor], term: Term, warming: Warming) -> float:
    """Tonnes of CO2-equivalent a hectare (and year), of the published values."""
    parts = {part: factor.figure.value for part, factor in factors.items()}
    return float(FORMULAS[term][1](parts) * warming.gases[term[1]])


def _live(cohorts: Sequence[Cohort], year: int) -> Iterator[list[Cohort]]:
    """Those that emit in a year, by stratum and disturbance."""
    kinds = sorted({(one.stratum, one.disturbance) for one in cohorts})
    for kind in kinds:
        if live := [one for one in cohorts if (one.stratum, one.disturbance) == kind and one.emits(year)]:
            yield live


def _emitted(
    live: Sequence[Cohort], year: int, factors: Sequence[Factor], warming: Warming, draws: _Draws
) -> Iterator[tuple[Emission, Numbers]]:
    stratum, disturbance = live[0].stratum, live[0].disturbance
    area, se = fsum(one.area_ha for one in live), sqrt(fsum((one.se_ha or 0.0) ** 2 for one in live))
    areas = np.asarray(sum(draws.area(one) for one in live), np.float64)
    for term in DISTURBANCES[disturbance].terms:
        parts = parts_of(factors, disturbance, stratum, term)
        if parts is None:
            continue
        a_hectare = FORMULAS[term][1]({part: draws.factor(one) for part, one in parts.items()}) * warming.gases[term[1]]
        drawn_emission = np.asarray(areas * a_hectare, np.float64)
        value = area * per_hectare(parts, term, warming)
        one = Emission(
            stratum, disturbance, year, *term, area, se, tuple(parts[part] for part in FORMULAS[term][0]),
            draws.within(value, drawn_emission),
        )  # fmt: skip
        yield one, drawn_emission


def _ages(cohorts: Sequence[Cohort], years: tuple[int, int]) -> Iterator[Aged]:
    for year in range(years[0], years[1] + 1):
        for live in _live(cohorts, year):
            for age in sorted({year - one.year for one in live}):
                area = fsum(one.area_ha for one in live if year - one.year == age)
                yield Aged(live[0].stratum, live[0].disturbance, year, age, area)


def carbon_factor(one: Emission, level: float) -> Range | None:
    """The factor in tonnes of carbon a hectare and year, with its interval; None: it is of another kind."""
    factor = one.factors[0]
    if UNITS[factor.pool, factor.gas, factor.part] != CARBON:
        return None
    low, high = fitted(factor.figure).at(np.array([(1 - level) / 2, (1 + level) / 2]))
    return Range(factor.figure.value, float(low), float(high))
