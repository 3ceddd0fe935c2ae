"""The report of disturbed peat, ready to be written in any form."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jobs.reports.parts import CHECKED, Cell, Chart, Column, Report, Table, coded
from jobs.reports.peat.areas import read_areas
from jobs.reports.peat.asked import PeatReport
from jobs.reports.peat.charts import yearly
from jobs.reports.peat.classes import DISTURBANCES, STRATA
from jobs.reports.peat.factors import Factor, factor_set, read_set, read_warming, warming_set
from jobs.reports.peat.peat import Account, Emission, account, carbon_factor
from jobs.reports.peat.wording import NAMES, TITLE, YEARS_TITLE, by_year, plain, unknown
from jobs.words import _

TONNES: Final = "tCO2e"
ALL: Final = "all"
"""Stands for every year or every pool in a table of totals."""
EMISSIONS: Final = (
    Column("peat_stratum", "", _("Kind of peatland"), says=coded(STRATA)),
    Column(
        "disturbance", "", _("What happened to it"), says=coded({k: one.meaning for k, one in DISTURBANCES.items()})
    ),
    Column("year", "", _("Year of the emission"), 0),
    Column("area_ha", "ha", _("Area that emits in this year")),
    Column("area_ha_se", "ha", _("Its standard error")),
    Column("ef_tco2c_ha_yr", "tCO2-C/ha/yr", _("Factor, where it is one of carbon a hectare and year")),
    Column("ef_tco2c_ha_yr_lo", "tCO2-C/ha/yr", _("Lower end of the factor")),
    Column("ef_tco2c_ha_yr_hi", "tCO2-C/ha/yr", _("Upper end of the factor")),
    Column("pool", "", _("Where it comes from"), says=coded({**NAMES, "all": _("all of them")})),
    Column("gas", "", _("What goes up")),
    Column("gwp_set", "", _("How gases are made comparable")),
    Column("emission_tco2e", TONNES, _("Emission of the year")),
    Column("emission_tco2e_lo", TONNES, _("Lower end")),
    Column("emission_tco2e_hi", TONNES, _("Upper end")),
    Column("ef_source", "", _("Factors with source and how far they were checked"), page=False),
    Column("tier", "", _("Tier of the IPCC, the lowest of the parts"), 0),
)
"""Exactly those of the exchange file; what is not of carbon a hectare and year has its factor in `ef_source`."""
TOTALS: Final = (
    Column("year", "", _("Year of the emission"), says=coded({"all": _("all of them")})),
    Column("pool", "", _("Where it comes from"), says=coded({**NAMES, "all": _("all of them")})),
    Column("factor_sets", "", _("Sets of factors that are in it")),
    Column("mixed", "", _("Sets of different making are added up")),
    Column("gwp_set", "", _("How gases are made comparable")),
    Column("emission_tco2e", TONNES, _("Emission")),
    Column("emission_tco2e_lo", TONNES, _("Lower end")),
    Column("emission_tco2e_hi", TONNES, _("Upper end")),
)
FACTORS: Final = (
    Column("factor_set", "", _("Name of the set")),
    Column("pool", "", _("Where it comes from"), says=coded({**NAMES, "all": _("all of them")})),
    Column("gas", "", _("What goes up")),
    Column("part", "", _("Part of the formula")),
    Column("land_use", "", _("As the source calls it")),
    Column("value", "", _("Value as published")),
    Column("low", "", _("Lower end as published")),
    Column("high", "", _("Upper end as published")),
    Column("level", "", _("Share between the ends")),
    Column("unit", "", _("Unit of the value")),
    Column("tier", "", _("Tier of the IPCC"), 0),
    Column("status", "", _("How far it was checked"), says=coded(CHECKED)),
    Column("source", "", _("Publication and table")),
    Column("note", "", _("What else to know")),
)
AGES: Final = (
    Column("peat_stratum", "", _("Kind of peatland"), says=coded(STRATA)),
    Column(
        "disturbance", "", _("What happened to it"), says=coded({k: one.meaning for k, one in DISTURBANCES.items()})
    ),
    Column("year", "", _("Year of the emission"), 0),
    Column("age", "yr", _("Years since it happened"), 0),
    Column("area_ha", "ha", _("Area that emits in this year")),
)


def peat_report(asked: PeatReport, place: str, *, simulated: bool) -> Report:
    """The report that a config asks for. Raises BadInput and ConfigError with what to mend in one line."""
    sets = [*map(factor_set, asked.factors), *map(read_set, asked.own_factors)]
    warming = warming_set(asked.gwp) if asked.own_gwp is None else read_warming(asked.own_gwp)
    years = asked.first_year, asked.last_year
    found = account(read_areas(asked.areas), sets, warming, years, asked.sampling, least=asked.least)
    own = () if asked.own_gwp is None else (asked.own_gwp,)
    return report_of(found, place, simulated=simulated, files=(asked.areas, *asked.own_factors, *own))


def report_of(found: Account, place: str, *, simulated: bool, files: tuple[Path, ...] = ()) -> Report:
    """The report of an account; files: what it was made of."""
    tables = (
        Table("peat_emissions", TITLE, EMISSIONS, tuple(_emissions(found))),
        Table("peat_totals", _("Totals by year and by where they come from"), TOTALS, tuple(_totals(found))),
        Table("peat_factors", _("Factors that were used"), FACTORS, tuple(map(_factor, found.factors))),
        Table("peat_areas_by_age", _("Areas that emit, by how long ago it happened"), AGES, tuple(_ages(found))),
    )
    chart = Chart("peat_by_year", YEARS_TITLE, partial(yearly, found), lambda words: tuple(by_year(found, words)))
    return Report(
        "peat", TITLE, place, simulated, lambda words: tuple(plain(found, words)), lambda words: tuple(unknown(found, words)),
        tables, (chart,), basis=basis(found, files),
    )  # fmt: skip


def basis(found: Account, files: tuple[Path, ...]) -> dict[str, Any]:
    """What it rests on."""
    return {
        "inputs": {str(file): sha256(file.read_bytes()).hexdigest() for file in files},
        "factor_sets": {
            name: {one.key: one.status for one in found.factors if one.factor_set == name} for name in found.factor_sets
        },
        "gwp": {"set": found.warming.name, "status": found.warming.status, "source": found.warming.source},
        "sampling": asdict(found.sampling),
        "equations": "IPCC 2013 Wetlands Supplement, chapter 2, equations 2.2, 2.3, 2.6, 2.7, 2.8",
    }


def _emissions(found: Account) -> Iterator[tuple[Cell, ...]]:
    for one in found.emissions:
        carbon = carbon_factor(one, found.sampling.level)
        factor = (None, None, None) if carbon is None else (carbon.value, carbon.low, carbon.high)
        yield (
            one.stratum, one.disturbance, one.year, one.area_ha, one.se_ha, *factor, one.pool, one.gas, found.warming.short,
            one.tco2e.value, one.tco2e.low, one.tco2e.high, cited(one), min(each.tier for each in one.factors),
        )  # fmt: skip


def cited(one: Emission) -> str:
    """Its factors, each with value, unit, source and how far it was checked."""
    return "; ".join(map(_cited, one.factors))


def _cited(one: Factor) -> str:
    figure = one.figure
    between = "" if figure.low is None or figure.high is None else f" ({figure.low:g} to {figure.high:g})"
    return f"{one.source}: {one.land_use}, {figure.value:g}{between} {one.unit} [{one.factor_set}, {one.status}]"


def _totals(found: Account) -> Iterator[tuple[Cell, ...]]:
    for one in found.totals:
        where = ALL if one.year is None else str(one.year), one.pool or ALL
        sets = " + ".join(one.factor_sets), len(one.factor_sets) > 1
        yield *where, *sets, found.warming.short, one.tco2e.value, one.tco2e.low, one.tco2e.high


def _factor(one: Factor) -> tuple[Cell, ...]:
    figure = one.figure
    return (
        one.factor_set, one.pool, one.gas, one.part, one.land_use, figure.value, figure.low, figure.high, figure.level,
        one.unit, one.tier, one.status, one.source, one.note,
    )  # fmt: skip


def _ages(found: Account) -> Iterator[tuple[Cell, ...]]:
    for one in found.ages:
        yield one.stratum, one.disturbance, one.year, one.age, one.area_ha
