"""Emissions out of areas and carbon stocks: one formula for the best values, for every draw and for every derivative.

Stock difference (2019 Refinement of the IPCC Guidelines, Volume 4, eq. 2.5), the whole difference in the year of the change:
emission = area x (carbon before - carbon after) x 44/12. Regrowth (eq. 2.4, gains): area x growth x (1 + R) x CF x 44/12.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detection.errors import BadInput
from jobs.reports.redd.activity import Period, Transition, check_periods, check_transitions
from jobs.reports.redd.quantity import Numbers, Quantity, require_unit
from jobs.reports.redd.stocks import CO2_OF_CARBON, Stocks, Values

Amount = float | Numbers
"""One figure, or (n,) draws of it."""
REGROWTH: Final = "EN_RE"
"""Activity under which regrowth is reported."""


@dataclass(frozen=True)
class Regrowth:
    """Forest that grows back."""

    name: str
    """Unique."""
    period: str
    """Name of the period."""
    stratum: str
    """Where."""
    area: Quantity
    """ha that grow, on average over the period."""
    growth: Quantity
    """t dm/ha/yr above ground."""
    root_shoot: Quantity | None = None
    """Roots per shoots; None: roots are not counted."""

    def __post_init__(self) -> None:
        require_unit(self.area, "ha")
        require_unit(self.growth, "t dm/ha/yr")
        if self.area.value < 0:
            raise BadInput(f"{self.name}: area {self.area.value:g} ha is negative; give the area that grows back")
        if self.root_shoot is not None:
            require_unit(self.root_shoot, "1")

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it depends on."""
        return (self.area, self.growth, *(() if self.root_shoot is None else (self.root_shoot,)))


@dataclass(frozen=True)
class Account:
    """Everything that emissions are reckoned from. Raises BadInput, in one line, for what does not fit together."""

    periods: tuple[Period, ...]
    """Reference and monitoring periods."""
    transitions: tuple[Transition, ...]
    """Land that changed."""
    stocks: Stocks
    """What it held before and after."""
    regrowth: tuple[Regrowth, ...] = ()
    """Forest that grows back."""
    yearly_areas: bool = False
    """Areas are those of one year of the period, not of all of it."""
    baseline: Quantity | None = None
    """Level that reductions are counted from, tCO2e/yr, where it is not the mean of the reference period."""

    def __post_init__(self) -> None:
        if not self.transitions:
            raise BadInput("activity data: there is no transition; give areas that changed")
        check_periods(self.periods)
        self.stocks.check(use for one in self.transitions for use in (one.before, one.after))
        check_transitions(self.transitions, self.periods)
        if self.regrowth and self.stocks.fraction is None:
            raise BadInput("regrowth is in dry matter, and there is no carbon fraction; give one")
        names = {one.name for one in self.periods}
        if strange := next((one for one in self.regrowth if one.period not in names), None):
            raise BadInput(
                f"{strange.name}: period {strange.period!r} is unknown; there are {', '.join(sorted(names))}"
            )
        if self.baseline is not None:
            require_unit(self.baseline, "tCO2e/yr")
        _one_meaning(self)

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> everything uncertain or not that goes in, each once however often it is used."""
        areas = {one.area.name: one.area for one in self.transitions}
        grown = {one.name: one for row in self.regrowth for one in row.quantities}
        fraction = self.stocks.fraction if self.regrowth else None
        level = (one for one in (fraction, self.baseline) if one is not None)
        return {**areas, **{one.name: one for one in (*self.stocks.quantities, *grown.values(), *level)}}

    @property
    def values(self) -> dict[str, float]:
        """Name -> best value."""
        return {name: one.value for name, one in self.quantities.items()}

    def period(self, name: str) -> Period:
        """The period of that name."""
        return next(one for one in self.periods if one.name == name)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of monitoring periods, the earliest first."""
        ordered = sorted((one for one in self.periods if not one.reference), key=lambda one: one.first)
        return tuple(dict.fromkeys(one.kind for one in ordered))


def _one_meaning(account: Account) -> None:
    """One name, one quantity: two that share a name would be drawn alike without being so."""
    seen: dict[str, Quantity] = {}
    parts = (
        *(one.area for one in account.transitions), *account.stocks.quantities,
        *(one for row in account.regrowth for one in row.quantities),
    )  # fmt: skip
    for one in parts:
        if seen.setdefault(one.name, one) != one:
            raise BadInput(f"{one.name}: two different figures have this name; name them apart")


def factor(account: Account, transition: Transition, values: Values) -> Amount:
    """Emission factor of a transition, tCO2e/ha; negative where carbon is gained."""
    stocks = account.stocks
    return (stocks.carbon(transition.before, values) - stocks.carbon(transition.after, values)) * CO2_OF_CARBON


def yearly(account: Account, values: Values) -> dict[str, Amount]:
    """Transition or regrowth -> tCO2e in a year of its period; negative: removed."""
    made: dict[str, Amount] = {}
    for one in account.transitions:
        years = 1 if account.yearly_areas else account.period(one.period).years
        made[one.name] = values[one.area.name] * factor(account, one, values) / years
    for row in account.regrowth:
        roots = 0.0 if row.root_shoot is None else values[row.root_shoot.name]
        fraction = 0.0 if account.stocks.fraction is None else values[account.stocks.fraction.name]
        gain = values[row.area.name] * values[row.growth.name] * (1 + roots) * fraction * CO2_OF_CARBON
        made[row.name] = -1.0 * gain
    return made


@dataclass(frozen=True)
class Row:
    """What a transition or a regrowth is reported under."""

    name: str
    """Of the transition or regrowth."""
    period: Period
    """When."""
    stratum: str
    """Where."""
    activity: str
    """Under which heading."""


def rows(account: Account) -> tuple[Row, ...]:
    """Every line of the account, in order."""
    changed = (Row(one.name, account.period(one.period), one.stratum, one.activity) for one in account.transitions)
    grown = (Row(one.name, account.period(one.period), one.stratum, REGROWTH) for one in account.regrowth)
    return (*changed, *grown)


def level(account: Account, values: Values, kind: str, activity: str | None = None, *, gross: bool = False) -> Amount:
    """tCO2e/yr of the periods of a kind (`REF`: all reference periods), of one activity or all, weighted by their years.

    gross: emissions alone; without it removals are taken off. What gains carbon by its best values is a removal.
    """
    best = yearly(account, account.values) if gross else {}
    made = yearly(account, values)
    years = sum(one.years for one in account.periods if _of_kind(one, kind))
    total: Amount = 0.0
    for row in rows(account):
        counted = _of_kind(row.period, kind) and activity in (None, row.activity)
        if counted and not (gross and best[row.name] < 0):
            total = total + made[row.name] * (row.period.years / years)
    return total


def _of_kind(period: Period, kind: str) -> bool:
    return period.reference if kind == "REF" else period.kind == kind


def reference_level(account: Account, values: Values) -> Amount:
    """tCO2e/yr: the given baseline, or the mean of the reference period."""
    return level(account, values, "REF") if account.baseline is None else values[account.baseline.name]


def reduction(account: Account, values: Values, kind: str) -> Amount:
    """tCO2e/yr below the reference level; negative: above it."""
    return reference_level(account, values) - level(account, values, kind)


def share_below(account: Account, values: Values, kind: str) -> Amount:
    """Reduction as a share of the reference level; numerator and denominator err together where they share factors."""
    return reduction(account, values, kind) / reference_level(account, values)


def outcomes(account: Account, values: Values) -> Mapping[str, Amount]:
    """What is reported, by name: the reference level, and of each kind of monitoring emissions, reduction and share below."""
    made: dict[str, Amount] = {"reference": reference_level(account, values)}
    for kind in account.kinds:
        made[f"emissions {kind}"] = level(account, values, kind)
        made[f"reduction {kind}"] = reduction(account, values, kind)
        made[f"below {kind}"] = share_below(account, values, kind)
    return made
