"""The report of emissions: tables, first page, drawings and exchange files out of one set of results."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from jobs.reports.parts import Cell, Chart, Report, Table
from jobs.reports.redd import charts, discounts, tables
from jobs.reports.redd.account import Case, case, used
from jobs.reports.redd.activity import REFERENCE
from jobs.reports.redd.asked import Land, ReddReport
from jobs.reports.redd.landmatrix import LandMatrix, changes_of, matrices
from jobs.reports.redd.landmatrix import write as write_land
from jobs.reports.redd.montecarlo import Summary
from jobs.reports.redd.plain import between, plain, tonnes, unknown
from jobs.reports.redd.results import Both, Results, results
from jobs.reports.redd.workbook import Sheet, write, write_trees
from jobs.words import Words, _

NAME: Final = "redd"
STAGE: Final = "redd"
"""Of the progress that is told."""
Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
RESULTS: Final = (
    "result", "unit", "E", "E_U_percent", "E_ME", "E_cilower", "E_ciupper", "E_mean", "E_arithmetic", "se_approach1",
)  # fmt: skip
"""As mocaredd names them: the median, half the interval in per cent of it and in figures, and the ends; then the rest."""
ACTIVITIES: Final = {
    "DF": _("clearing"),
    "DG": _("thinning"),
    "EN": _("growing"),
    "EN_AF": _("planting"),
    "EN_RE": _("growing back"),
}
"""Activity -> under its column."""


def redd_report(asked: ReddReport, place: str, *, simulated: bool, progress: Progress) -> Report:
    """Emissions, reductions and discounts; place: name of the area for people; simulated: areas or factors are invented.

    Raises BadInput, in one line, for what is wrong with files or figures.
    """
    progress(STAGE, 0, 2)
    found_case = case(asked)
    progress(STAGE, 1, 2)
    found = results(found_case)
    years = _land(asked.land, found_case)
    made = _report(asked, found_case, found, years)
    progress(STAGE, 2, 2)
    return replace(made, place=place, simulated=simulated)


def _land(asked: Land | None, found: Case) -> tuple[LandMatrix, ...]:
    if asked is None:
        return ()
    initial: dict[str, float] = {}
    for one in asked.initial:
        initial[one.category] = initial.get(one.category, 0.0) + one.area_ha
    uses = {one.land_use: one.category for one in asked.uses}
    return matrices(initial, changes_of(found.account, uses, found.account.values))


def _report(asked: ReddReport, known: Case, found: Results, years: Sequence[LandMatrix]) -> Report:
    rows = discounts.trees_rows(asked, known, found)
    schemes = discounts.schemes(asked.schemes, known, found)
    together = rows[-1] if rows else None
    shown = [
        tables.outcome(known, found), tables.emissions(found), tables.drivers(known, found), schemes,
        *([discounts.trees_table(rows)] if rows else []), *([tables.land(years)] if years else []),
        *([tables.beside(asked, known, found)] if asked.beside else []), tables.factors(known, found), tables.inputs(known),
    ]  # fmt: skip
    sheets = [("results", RESULTS, _results(found, shown[0])), _sheet(schemes, "discounts")]
    files = {"redd_emissions.xlsx": write(known.account, known.drawing, sheets)}
    if rows:
        files["trees_er.xlsx"] = write_trees(rows)
    if years:
        files["ghgi_land_matrix.xlsx"] = write_land(years)
    return Report(
        NAME, _("Emissions from forest and their reduction"), "", False,
        plain=lambda words: list(plain(known, found, together, words)),
        unknown=lambda words: list(unknown(asked, known, words)),
        tables=tuple(shown), charts=_charts(known, found), files=files, basis=_basis(known),
    )  # fmt: skip


def _sheet(table: Table, name: str) -> Sheet:
    return name, [one.name for one in table.columns], table.rows


def _results(found: Results, table: Table) -> list[tuple[Cell, ...]]:
    named = [(str(row[0]), row[1], found.by_name[str(row[0])]) for row in table.rows]
    return [(name, unit, *_as_mocaredd(one)) for name, unit, one in named]


def _as_mocaredd(one: Both) -> tuple[Cell, ...]:
    drawn = one.simulated
    percent = None if drawn.of_median is None else 100 * drawn.of_median
    ends = (drawn.low, drawn.high)
    return (drawn.median, percent, drawn.half_width, *ends, drawn.mean, one.value, one.propagated.se)


def _basis(known: Case) -> dict[str, Any]:
    drawing = known.drawing
    return {
        "inputs": dict(known.inputs),
        "factor_sets": [{"set": label, "sha256": sha} for label, sha in known.factors.sets],
        "factors": [
            {"name": one.name, "value": one.value, "unit": one.unit, "status": one.said, "source": one.source, "set": one.set}
            for one in used(known)
        ],
        "monte_carlo": {"draws": drawing.draws, "seed": drawing.seed, "level_percent": drawing.level},
    }  # fmt: skip


def _charts(known: Case, found: Results) -> tuple[Chart, ...]:
    made = [
        Chart(
            "emissions_by_year", _("Emissions by year"),
            lambda words: charts.by_year(_bars(known, found), found.by_name["reference"].value, words),
            lambda words: _alt_years(known, found, words),
        )
    ]  # fmt: skip
    for kind in known.account.kinds:
        made += [_distribution(found, kind), _waterfall(known, found, kind)]
    return tuple(made)


def _distribution(found: Results, kind: str) -> Chart:
    drawn = found.by_name[f"reduction {kind}"].simulated

    def draw(words: Words) -> str:
        return charts.distribution(found.draws[f"reduction {kind}"], drawn.low, drawn.median, drawn.high, words)

    return Chart(f"reduction_{kind}", _("What the reduction may be"), draw, lambda words: _alt_draws(drawn, words))


def _waterfall(known: Case, found: Results, kind: str) -> Chart:
    def draw(words: Words) -> str:
        return charts.waterfall(_steps(known, found, kind, words), words)

    return Chart(
        f"contributions_{kind}",
        _("From the level to compare with to what was emitted"),
        draw,
        lambda words: _alt_steps(_steps(known, found, kind, words), words),
    )


def _alt_years(known: Case, found: Results, words: Words) -> list[str]:
    text = _(
        "Columns: tonnes of CO2e in each year, with their interval; dashed: the level that they are compared with."
    )
    return [words.say(text), *_by_year(known, found, words)]


def _by_year(known: Case, found: Results, words: Words) -> Iterator[str]:
    for one in sorted(known.account.periods, key=lambda one: one.first):
        drawn = found.by_name[f"period {one.name}"].simulated
        years = str(one.first) if one.first == one.last else f"{one.first}-{one.last}"
        yield f"{years}: {between(drawn, words)}"


def _alt_draws(drawn: Summary, words: Words) -> list[str]:
    text = _("How often each reduction comes out of the draws; lines: the lower end, the middle and the upper end.")
    return [words.say(text), between(drawn, words)]


def _alt_steps(steps: Sequence[charts.Step], words: Words) -> list[str]:
    text = _(
        "From above: the level to compare with; then what clearing, thinning and growing add or take; below: what is left."
    )
    said = [
        f"{one.label} {'+' if one.change > 0 and not one.total else ''}{tonnes(one.change, words)} t" for one in steps
    ]
    return [words.say(text), "; ".join(said)]


def _bars(known: Case, found: Results) -> list[charts.Bar]:
    """A column a year; periods of one kind share their figure, which is their mean."""
    made = []
    for period in sorted(known.account.periods, key=lambda one: one.first):
        one = found.by_name[f"period {period.name}"]
        drawn = one.simulated
        made += [
            charts.Bar(str(year), one.value, drawn.low, drawn.high, period.reference)
            for year in range(period.first, period.last + 1)
        ]
    return made


def _steps(known: Case, found: Results, kind: str, words: Words) -> list[charts.Step]:
    reference, emitted = found.by_name["reference"].value, found.by_name[f"emissions {kind}"].value
    steps = [charts.Step(words.say(_("before")), reference, total=True)]
    parts = {name: _part(found, name, kind) for name in ACTIVITIES if f"{name} {kind}" in found.by_name}
    rest = emitted - reference - sum(parts.values())
    if known.account.baseline is not None:
        steps.append(charts.Step(words.say(_("other level")), rest))
    steps += [charts.Step(words.say(ACTIVITIES[name]), part) for name, part in parts.items()]
    return [*steps, charts.Step(words.say(_("now")), emitted, total=True)]


def _part(found: Results, activity: str, kind: str) -> float:
    return found.by_name[f"{activity} {kind}"].value - found.by_name[f"{activity} {REFERENCE}"].value
