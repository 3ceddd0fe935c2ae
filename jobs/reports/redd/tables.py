"""Tables of a report of emissions."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from jobs.reports.parts import Cell, Column, Lines, Table, coded
from jobs.reports.redd.account import Case
from jobs.reports.redd.activity import REFERENCE
from jobs.reports.redd.asked import ReddReport
from jobs.reports.redd.landmatrix import CATEGORIES, LandMatrix, lines
from jobs.reports.redd.meaning import ACTIVITIES, DISTRIBUTIONS, KINDS, STATUSES, meant, result
from jobs.reports.redd.results import GROSS, REMOVED, Both, Results
from jobs.words import _

PER_YEAR: Final = "tCO2e/yr"
OURS: Final = "reference level of this report"


def said(*texts: str) -> Lines:
    """These texts, in whatever language."""
    return lambda words: [words.say(text) for text in texts]


YEAR = Column("year", "", _("year"))
PERIOD = Column("period", "", _("period"))
STRATUM = Column("stratum", "", _("stratum"))
KIND = Column("kind", "", _("kind of years"), says=coded(KINDS))
ACTIVITY = Column("activity", "", _("what happened"), says=coded(ACTIVITIES))
SOURCE = Column("source", "", _("Source"))
STATUS = Column("status", "", _("How far it was checked"), says=coded(STATUSES))


def both_columns(unit: str) -> tuple[Column, ...]:
    """Columns of a result by both approaches."""
    return (
        Column("value", unit, _("by the best values")),
        Column("se_approach1", unit, _("standard error by error propagation (Approach 1 of the IPCC)")),
        Column("low_approach1", unit, _("lower end of its interval")),
        Column("high_approach1", unit, _("upper end of its interval")),
        Column("mean_approach2", unit, _("mean of the draws (Monte Carlo, Approach 2 of the IPCC)")),
        Column("median_approach2", unit, _("median of the draws")),
        Column("low_approach2", unit, _("lower end of the interval of the draws")),
        Column("high_approach2", unit, _("upper end of the interval of the draws")),
        Column("level_percent", "%", _("level of both intervals"), 0),
    )


def both_cells(one: Both) -> tuple[Cell, ...]:
    """The same of a result."""
    low, high = one.propagated.interval(one.simulated.level)
    drawn = one.simulated
    ends = (drawn.mean, drawn.median, drawn.low, drawn.high, drawn.level)
    return (one.value, one.propagated.se, low, high, *ends)


def inputs(case: Case) -> Table:
    """Every figure that goes in, with where it comes from."""
    columns = (
        Column(
            "name",
            "",
            _("figure; the same name is the same figure, drawn once"),
            says=partial(meant, case),
        ),
        Column("value", "", _("value"), 3),
        Column("unit", "", _("unit")),
        Column("se", about=_("standard error"), digits=3),
        Column("distribution", "", _("shape of what it may be"), says=coded(DISTRIBUTIONS)),
        Column("parameters", "", _("what describes the shape")),
        STATUS,
        SOURCE,
    )
    rows = []
    for name, one in case.account.quantities.items():
        origin, shape = case.origins.get(name), ", ".join(f"{p:g}" for p in one.parameters)
        told = (origin.status, origin.source) if origin else ("given", "")
        rows.append((name, float(one.value), one.unit, float(one.deviation), one.distribution, shape, *told))
    return Table("redd_inputs", _("Figures that go in"), columns, tuple(rows))


def factors(case: Case, found: Results) -> Table:
    """Emission factors."""
    head = (
        Column("transition", "", _("change of land")),
        PERIOD,
        STRATUM,
        ACTIVITY,
        Column("before", "", _("land use before")),
        Column("after", "", _("land use after")),
    )
    rows = (
        (
            one.name,
            one.period,
            one.stratum,
            one.activity,
            one.before,
            one.after,
            *both_cells(found.by_name[f"factor {one.name}"]),
        )
        for one in case.account.transitions
    )
    return Table("redd_factors", _("Emission factors"), (*head, *both_columns("tCO2e/ha")), tuple(rows))


def emissions(found: Results) -> Table:
    """Emissions by year, stratum and activity: a year of a period has its mean."""
    head = (
        YEAR,
        PERIOD,
        KIND,
        STRATUM,
        ACTIVITY,
    )
    rows: list[tuple[Cell, ...]] = []
    for one in found.cells:
        cells = both_cells(found.by_name[one.key])
        years = range(one.period.first, one.period.last + 1)
        rows += [(year, one.period.name, one.period.kind, one.stratum, one.activity, *cells) for year in years]
    rows.sort(key=lambda row: (row[0], row[3], row[4]))
    return Table(
        "redd_emissions",
        _("Emissions by year, stratum and activity"),
        (*head, *both_columns(PER_YEAR)),
        tuple(rows),
        said(_("A figure of a period of several years is its mean in each of them. Negative: removed from the air.")),
    )


def outcome(case: Case, found: Results) -> Table:
    """Levels, reductions and shares."""
    activities = list(dict.fromkeys(one.activity for one in found.cells))
    names = ["reference", *(f"{what} {REFERENCE}" for what in (GROSS, REMOVED, *activities))]
    for kind in case.account.kinds:
        names += [f"{what} {kind}" for what in ("emissions", GROSS, REMOVED, *activities, "reduction", "below")]
    head = (
        Column("result", "", _("result"), says=result),
        Column("unit", "", _("unit"), says=coded({"share": _("share")})),
    )
    more = (
        Column("half_of_median", "", _("half the interval of the draws over their median, as mocaredd reckons U"), 4),
        Column("half_of_mean", "", _("the same over their mean, as ART TREES reckons it"), 4),
    )
    rows = []
    for name in names:
        one = found.by_name[name]
        unit = "share" if name.startswith("below") else PER_YEAR
        rows.append((name, unit, *both_cells(one), one.simulated.of_median, one.simulated.of_mean))
    return Table(
        "redd_results",
        _("Reference level, emissions and reductions"),
        (*head, *both_columns(""), *more),
        tuple(rows),
        said(
            _(
                "Approach 1 is error propagation, Approach 2 is Monte Carlo. They differ where errors are "
                "large or lopsided; then the draws tell more."
            ),
            _(
                "Gross counts emissions alone, removals are apart. The share below the reference level "
                "knows that both rest on the same factors."
            ),
        ),
    )


def drivers(case: Case, found: Results) -> Table:
    """Which figure brings in how much of the doubt."""
    columns = (
        KIND,
        Column("input", "", _("figure that goes in"), says=partial(meant, case)),
        Column("share", "", _("of the variance of the reduction, varied alone"), 4),
    )
    rows = tuple((kind, name, part) for kind, parts in found.drivers.items() for name, part in parts.items())
    return Table(
        "redd_uncertainty",
        _("Where the doubt comes from"),
        columns,
        rows,
        said(
            _(
                "Each figure was varied alone, all others at their best value; what only several do "
                "together is in none of the shares."
            )
        ),
    )


LAND: Final = {
    "forest managed": _("managed forest"),
    "forest unmanaged": _("unmanaged forest"),
    "cropland": _("cropland"),
    "grassland": _("grassland"),
    "wetlands": _("wetlands"),
    "settlements": _("settlements"),
    "other": _("other land"),
    "initial area": _("area at the beginning"),
    "final area": _("area at the end"),
    "net change": _("net change"),
}
"""Use of land in the inventory -> in words."""


def land(years: Sequence[LandMatrix]) -> Table:
    """The land matrix."""
    to = tuple(Column(name.replace(" ", "_"), "kha", LAND[name], 3) for name in (*CATEGORIES, "initial area"))
    rows = tuple(row for one in years for row in lines(one))
    head = (YEAR, Column("from_to", "", _("use at the beginning of the year; columns: at its end"), says=coded(LAND)))
    return Table(
        "ghgi_land_matrix",
        _("Land by use at the beginning and the end of a year"),
        (*head, *to),
        rows,
        said(
            _("Rows and columns close: land is moved, never made. Areas of a period are spread evenly over its years.")
        ),
    )


def beside(asked: ReddReport, case: Case, found: Results) -> Table:
    """The result and what others have submitted, which is something else."""
    columns = (
        Column("what", "", _("which level"), says=coded({OURS: _("reference level of this report")})),
        Column("value", PER_YEAR, _("value")),
        Column("low", PER_YEAR, _("Lower end")),
        Column("high", PER_YEAR, _("Upper end")),
        STATUS,
        SOURCE,
        Column("notes", "", _("What else to know")),
    )
    one = found.by_name["reference"]
    drawn = one.simulated
    rows: list[tuple[Cell, ...]] = [(OURS, one.value, drawn.low, drawn.high, "", "", "")]
    for name in asked.beside:
        factor = case.factors.find(name)
        rows.append((name, factor.value, None, None, factor.said, factor.source, factor.notes))
    return Table(
        "redd_beside",
        _("Beside it: reference levels that others have submitted"),
        columns,
        tuple(rows),
        said(
            _(
                "Scopes differ: another area, other years, other pools and activities. The figures stand side by side "
                "to be read, not to be added, subtracted or compared in per cent."
            )
        ),
    )
