"""Emissions out of areas and carbon stocks: one formula for the best values, for every draw and for every derivative.

Stock difference (2019 Refinement of the IPCC Guidelines, Volume 4, eq. 2.5), the whole difference in the year of the change:
emission = area x (carbon before - carbon after) x 44/12. Regrowth and other gases of fires: `flows`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detection.errors import BadInput
from jobs.reports.redd.activity import REFERENCE, Period, Transition, check_periods, check_transitions
from jobs.reports.redd.flows import Amount, Fire, Regrowth
from jobs.reports.redd.quantity import Quantity, require_unit
from jobs.reports.redd.stocks import CO2_OF_CARBON, Stocks, Values


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
    fires: tuple[Fire, ...] = ()
    """Other gases than CO2 where it burnt."""
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
        if strange := next((one for one in self.flows if one.period not in names), None):
            raise BadInput(
                f"{strange.name}: period {strange.period!r} is unknown; there are {', '.join(sorted(names))}"
            )
        if self.baseline is not None:
            require_unit(self.baseline, "tCO2e/yr")
        _one_meaning(self)

    @property
    def flows(self) -> tuple[Regrowth | Fire, ...]:
        """Regrowth and fires."""
        return (*self.regrowth, *self.fires)

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> everything uncertain or not that goes in, each once however often it is used."""
        return {one.name: one for one in self.parts}

    @property
    def parts(self) -> tuple[Quantity, ...]:
        """The same, as often as it is used."""
        fraction = self.stocks.fraction if self.regrowth else None
        return (
            *(one.area for one in self.transitions), *self.stocks.quantities,
            *(one for row in self.flows for one in row.quantities),
            *(one for one in (fraction, self.baseline) if one is not None),
        )  # fmt: skip

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
    names = [one.name for one in (*account.transitions, *account.flows)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"{twice}: a transition, regrowth or fire stands there twice; name them apart")
    seen: dict[str, Quantity] = {}
    for one in account.parts:
        if seen.setdefault(one.name, one) != one:
            raise BadInput(f"{one.name}: two different figures have this name; name them apart")


def factor(account: Account, transition: Transition, values: Values) -> Amount:
    """Emission factor of a transition, tCO2e/ha; negative where carbon is gained."""
    stocks = account.stocks
    return (stocks.carbon(transition.before, values) - stocks.carbon(transition.after, values)) * CO2_OF_CARBON


def yearly(account: Account, values: Values) -> dict[str, Amount]:
    """Transition, regrowth or fire -> tCO2e in a year of its period; negative: removed."""
    made: dict[str, Amount] = {}
    for one in account.transitions:
        years = 1 if account.yearly_areas else account.period(one.period).years
        made[one.name] = values[one.area.name] * factor(account, one, values) / years
    fraction = 0.0 if account.stocks.fraction is None else values.get(account.stocks.fraction.name, 0.0)
    for row in account.flows:
        years = 1 if account.yearly_areas else account.period(row.period).years
        made[row.name] = row.yearly(values, years, fraction)
    return made


@dataclass(frozen=True)
class Row:
    """What a transition, a regrowth or a fire is reported under."""

    name: str
    """Of which of them."""
    period: Period
    """When."""
    stratum: str
    """Where."""
    activity: str
    """Under which heading."""


def rows(account: Account) -> tuple[Row, ...]:
    """Every line of the account, in order."""
    changed = (Row(one.name, account.period(one.period), one.stratum, one.activity) for one in account.transitions)
    flows = (Row(one.name, account.period(one.period), one.stratum, one.activity) for one in account.flows)
    return (*changed, *flows)


def level(
    account: Account,
    made: Mapping[str, Amount],
    kind: str,
    *,
    activity: str | None = None,
    only: frozenset[str] | None = None,
) -> Amount:
    """tCO2e/yr of the periods of a kind (`REF`: all reference periods), of one activity or all, weighted by their years.

    made: what `yearly` gives; only: names of the lines that count, e.g. those that `emitting` has.
    """
    years = sum(one.years for one in account.periods if _of_kind(one, kind))
    total: Amount = 0.0
    for row in rows(account):
        wanted = activity in (None, row.activity) and (only is None or row.name in only)
        if wanted and _of_kind(row.period, kind):
            total = total + made[row.name] * (row.period.years / years)
    return total


def emitting(account: Account) -> frozenset[str]:
    """Lines that emit by their best values; the others are removals."""
    return frozenset(name for name, value in yearly(account, account.values).items() if value >= 0)


def _of_kind(period: Period, kind: str) -> bool:
    return period.reference if kind == REFERENCE else period.kind == kind


def reference_level(account: Account, made: Mapping[str, Amount], values: Values) -> Amount:
    """tCO2e/yr: the given baseline, or the mean of the reference period."""
    return level(account, made, REFERENCE) if account.baseline is None else values[account.baseline.name]


def outcomes(account: Account, values: Values) -> dict[str, Amount]:
    """What is reported, by name: the reference level, and of each kind of monitoring emissions, reduction and share below.

    The reduction is tCO2e/yr below the reference level, its share that over the level: both err together where they rest on
    the same factors.
    """
    made = yearly(account, values)
    reference = reference_level(account, made, values)
    results: dict[str, Amount] = {"reference": reference}
    for kind in account.kinds:
        emitted = level(account, made, kind)
        results[f"emissions {kind}"] = emitted
        results[f"reduction {kind}"] = reference - emitted
        results[f"below {kind}"] = _share(reference - emitted, reference)
    return results


def _share(part: Amount, whole: Amount) -> Amount:
    """A share, not a number where the whole is nought."""
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.true_divide(part, whole)
    return made if np.ndim(made) else float(made)
