"""All results of an account, by both approaches of the IPCC: error propagation and Monte Carlo."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from jobs.reports.redd.account import Case
from jobs.reports.redd.activity import REFERENCE, Period
from jobs.reports.redd.emissions import Account, emitting, factor, level, outcomes, rows, yearly
from jobs.reports.redd.flows import Amount
from jobs.reports.redd.montecarlo import Summary, drawn, shares, summary
from jobs.reports.redd.propagation import Propagated, propagate
from jobs.reports.redd.quantity import Numbers
from jobs.reports.redd.stocks import Values

GROSS, REMOVED = "gross", "removals"
ALONE: Final = 10_000
"""Draws for each quantity that is varied alone; shares of variance need no more."""


@dataclass(frozen=True)
class Both:
    """A result by both approaches."""

    value: float
    """By the best values."""
    propagated: Propagated
    """Approach 1."""
    simulated: Summary
    """Approach 2."""


@dataclass(frozen=True)
class Cell:
    """Emissions of a stratum, an activity and a period."""

    period: Period
    """When."""
    stratum: str
    """Where."""
    activity: str
    """Under which heading."""

    @property
    def key(self) -> str:
        """Among all results."""
        return f"cell {self.period.name} {self.stratum} {self.activity}"


@dataclass(frozen=True)
class Results:
    """Everything that was reckoned."""

    by_name: Mapping[str, Both]
    """All results: those of `outcomes`, parts of them, cells and factors."""
    cells: tuple[Cell, ...]
    """In order of time."""
    draws: Mapping[str, Numbers]
    """Draws of what `outcomes` has."""
    drivers: Mapping[str, Mapping[str, float]]
    """Kind of monitoring -> quantity -> share of the variance of its reduction."""


def results(case: Case) -> Results:
    """By both approaches, with the seed, the draws and the level of the case."""
    account, drawing = case.account, case.drawing
    formula = partial(everything, account, emitting(account))
    first = propagate(account.quantities, formula)
    some = {k: np.broadcast_to(v, drawing.draws) for k, v in formula(_drawn(case)).items()}
    both = {name: Both(one.value, one, summary(some[name], drawing.level)) for name, one in first.items()}
    plain = partial(outcomes, account)
    drivers = {
        kind: shares(account.quantities, plain, f"reduction {kind}", min(drawing.draws, ALONE), drawing.seed)
        for kind in account.kinds
    }
    return Results(both, cells(account), {k: v for k, v in some.items() if k in plain(account.values)}, drivers)


def _drawn(case: Case) -> dict[str, float | Numbers]:
    return drawn(case.account.quantities, case.drawing.draws, case.drawing.seed)


def cells(account: Account) -> tuple[Cell, ...]:
    """Every stratum, activity and period that has a line, once."""
    found = dict.fromkeys(Cell(row.period, row.stratum, row.activity) for row in rows(account))
    return tuple(sorted(found, key=lambda one: (one.period.first, one.stratum, one.activity)))


def everything(account: Account, emits: frozenset[str], values: Values) -> dict[str, Amount]:
    """All that is reported, by name."""
    made, lines = yearly(account, values), rows(account)
    found = outcomes(account, values)
    every = frozenset(made)
    for kind in (REFERENCE, *account.kinds):
        found[f"{GROSS} {kind}"] = level(account, made, kind, only=emits)
        found[f"{REMOVED} {kind}"] = level(account, made, kind, only=every - emits)
        for activity in dict.fromkeys(row.activity for row in lines):
            found[f"{activity} {kind}"] = level(account, made, kind, activity=activity)
    for period in account.periods:
        found[f"period {period.name}"] = sum(made[row.name] for row in lines if row.period == period)
    for one in cells(account):
        same = (made[row.name] for row in lines if (row.period, row.stratum, row.activity) == _of(one))
        found[one.key] = sum(same)
    for change in account.transitions:
        found[f"factor {change.name}"] = factor(account, change, values)
    return found


def _of(cell: Cell) -> tuple[Period, str, str]:
    return cell.period, cell.stratum, cell.activity
