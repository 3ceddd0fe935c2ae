"""What was asked, as an account: figures from factors or as given, areas from their table, with what each rests on."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from detection.errors import BadInput
from jobs.reports.redd.activity import Period, Transition
from jobs.reports.redd.asked import (
    EstimatedAreas,
    Figure,
    FireAsked,
    OwnAccount,
    ReddReport,
    RegrowthAsked,
    StocksAsked,
)
from jobs.reports.redd.emissions import Account
from jobs.reports.redd.factors import Factor, Factors, shipped
from jobs.reports.redd.flows import Fire, Regrowth
from jobs.reports.redd.quantity import SHAPED, Quantity, Unit, constant, require_unit
from jobs.reports.redd.reading import Meaning, estimates, transitions
from jobs.reports.redd.sheets import content_of
from jobs.reports.redd.stocks import BIOMASS, FRACTION, RATIOS, Element, Stocks
from jobs.reports.redd.workbook import Drawing, read_workbook


@dataclass(frozen=True)
class Origin:
    """Where a figure comes from."""

    source: str
    """Author, year and table; or as the config gives it; or the file."""
    status: str
    """`verified`, `secondary`, `unverified`, or `given`: by whoever asked."""
    factor: str = ""
    """Name of the factor; empty: it is none."""


@dataclass(frozen=True)
class Case:
    """An account with what it rests on."""

    account: Account
    """What is reckoned."""
    drawing: Drawing
    """How it is drawn from."""
    origins: Mapping[str, Origin]
    """Quantity -> where it comes from."""
    inputs: Mapping[str, str]
    """File -> sha256."""
    factors: Factors
    """All sets of factors."""


def case(asked: ReddReport) -> Case:
    """The account that was asked for. Raises BadInput, in one line, for what is wrong with it or its files."""
    factors, own = shipped(asked.factors), asked.account
    path = own.areas.path if isinstance(own, OwnAccount) else own.path
    content = content_of(path)
    inputs = {str(path): hashlib.sha256(content).hexdigest()}
    inputs |= {str(one): hashlib.sha256(content_of(one)).hexdigest() for one in asked.factors}
    if not isinstance(own, OwnAccount):
        account, drawing = read_workbook(content, path.name)
        origins = {name: Origin(path.name, "given") for name in account.quantities}
        return Case(account, drawing, origins, inputs, factors)
    making = _Making(factors)
    account = making.account(own, content, path)
    drawn = asked.monte_carlo
    areas = {one.name: Origin(path.name, "given") for one in account.transitions}
    return Case(account, Drawing(drawn.draws, drawn.seed, drawn.level), {**areas, **making.origins}, inputs, factors)


class _Making:
    """Turns what was asked into figures and remembers where they come from."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors
        self.origins: dict[str, Origin] = {}

    def account(self, own: OwnAccount, content: bytes, path: Path) -> Account:
        periods = tuple(Period(one.name, one.first, one.last, one.kind) for one in own.periods)
        stocks = self.stocks(own.stocks)
        regrowth = tuple(self.regrowth(one) for one in own.regrowth)
        fires = tuple(self.fire(one, stocks) for one in own.fires)
        baseline = None if own.baseline is None else self.quantity(own.baseline, "baseline", "tCO2e/yr")
        changed = _changed(own, content, path, periods)
        return Account(periods, changed, stocks, regrowth, fires, own.areas.yearly, baseline)

    def stocks(self, asked: StocksAsked) -> Stocks:
        fraction = None
        if asked.fraction is not None and asked.measured_in == "DM":
            fraction = self.quantity(asked.fraction, FRACTION, "1", shared=False)
        elements = []
        for one in asked.pools:
            dry = one.pool in BIOMASS and asked.measured_in == "DM"
            unit: Unit = "1" if one.pool in RATIOS else "t dm/ha" if dry else "tC/ha"
            name = f"{one.land_use}_{one.pool}"
            elements.append(Element(name, one.land_use, one.pool, self.quantity(one.figure, name, unit)))
        return Stocks(tuple(elements), asked.measured_in, fraction, asked.degraded, asked.degraded_pools)

    def regrowth(self, asked: RegrowthAsked) -> Regrowth:
        area = self.quantity(asked.area, f"{asked.name}_area", "ha")
        growth = self.quantity(asked.growth, f"{asked.name}_growth", "t dm/ha/yr")
        roots = None if asked.root_shoot is None else self.quantity(asked.root_shoot, f"{asked.name}_roots", "1")
        return Regrowth(asked.name, asked.period, asked.stratum, area, growth, roots)

    def fire(self, asked: FireAsked, stocks: Stocks) -> Fire:
        pools = stocks.of(asked.land_use)
        if "AGB" not in pools:
            raise BadInput(f"{asked.name}: land use {asked.land_use!r} has no AGB, which is the fuel; give it")
        area = self.quantity(asked.area, f"{asked.name}_area", "ha")
        wanted: tuple[tuple[str, Figure, Unit], ...] = (
            ("combustion", asked.combustion, "1"), ("ch4", asked.methane, "g/kg"), ("n2o", asked.nitrous, "g/kg"),
            ("gwp_ch4", asked.gwp_methane, "1"), ("gwp_n2o", asked.gwp_nitrous, "1"),
        )  # fmt: skip
        parts = [self.quantity(figure, f"{asked.name}_{what}", unit) for what, figure, unit in wanted]
        return Fire(asked.name, asked.period, asked.stratum, asked.activity, area, pools["AGB"], *parts)

    def quantity(self, figure: Figure, name: str, unit: Unit, *, shared: bool = True) -> Quantity:
        """The figure, drawn under the name of its factor, so that all who use one err alike, or under its own."""
        if figure.factor is not None:
            found = self.factors.find(figure.factor)
            stream = found.name if shared else name
            self.origins[stream] = Origin(found.source, found.said, found.name)
            return require_unit(_shaped(found, figure, stream), unit)
        self.origins[name] = Origin(figure.source, "given")
        value, se = cast("float", figure.value), figure.se or 0.0
        if figure.distribution == "constant" or (figure.distribution not in SHAPED and se == 0):
            return constant(name, value, unit)
        return Quantity(name, value, unit, se, figure.distribution or "normal", figure.parameters)


def _shaped(found: Factor, figure: Figure, stream: str) -> Quantity:
    """A factor in the shape that was asked for."""
    made = found.quantity(stream)
    if figure.distribution is None or made.exact:
        return made
    exact = figure.distribution == "constant"
    return constant(stream, made.value, made.unit) if exact else replace(made, distribution=figure.distribution)


def _changed(own: OwnAccount, content: bytes, path: Path, periods: tuple[Period, ...]) -> tuple[Transition, ...]:
    if not isinstance(own.areas, EstimatedAreas):
        return transitions(content, path.name)
    meanings = {one.name: Meaning(one.activity, one.before, one.after) for one in own.areas.classes}
    return estimates(content, path.name, periods, meanings, own.areas.unchanged)


def used(found: Case) -> Iterator[Factor]:
    """Factors that the account rests on, each once."""
    names = (found.origins[name].factor for name in found.account.quantities if name in found.origins)
    yield from (found.factors.find(name) for name in dict.fromkeys(names) if name)
