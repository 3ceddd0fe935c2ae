"""Reductions under each scheme, as tables: what is taken off because they are not known exactly."""

from collections.abc import Iterator, Sequence
from typing import Final

from jobs.reports.parts import Cell, Column, Table, coded
from jobs.reports.redd.account import Case
from jobs.reports.redd.activity import Period
from jobs.reports.redd.asked import ReddReport, Schemes
from jobs.reports.redd.montecarlo import summary
from jobs.reports.redd.results import Results
from jobs.reports.redd.schemes import (
    GCF_SHEET,
    TREES_LEVEL,
    TreesRow,
    fcpf,
    fcpf_discount,
    gcf_sheet,
    hfld_level,
    trees,
)
from jobs.reports.redd.tables import KIND, PER_YEAR, said
from jobs.words import _

TOTAL: Final = "all years"
TAKEN: Final = {"mean": _("mean"), "median": _("median")}
RULES: Final = {
    "ART TREES 2.0, eq. 10 and 11": _("ART TREES 2.0, equations 10 and 11"),
    "steps as in the mocaredd sheet": _("steps as in the mocaredd sheet"),
    "formula of the mocaredd sheet only, not the scorecard": _("formula of the mocaredd sheet only, not the scorecard"),
}
"""Rule as files have it -> in words."""


def schemes(asked: Schemes, case: Case, found: Results) -> Table:
    """What is left of a reduction under each scheme."""
    columns = (
        Column("scheme", "", _("scheme")),
        KIND,
        Column("estimate", "", _("which figure of the draws the scheme takes"), says=coded(TAKEN)),
        Column("reduction", PER_YEAR, _("reduction")),
        Column("half_width", "", _("half the 90 % interval over the estimate"), 4),
        Column("share_off", "", _("taken off for doubt"), 4),
        Column("left", PER_YEAR, _("left")),
        Column("rule", "", _("rule"), says=coded(RULES)),
    )
    rows = tuple(row for kind in case.account.kinds for row in _schemes(asked, kind, found))
    return Table(
        "redd_schemes",
        _("What schemes take off for doubt"),
        columns,
        rows,
        said(
            _(
                "Arithmetic by the published rules, on the 90 % interval. It is no verification, and "
                "whether a scheme admits the area is not asked here."
            )
        ),
    )


def _schemes(asked: Schemes, kind: str, found: Results) -> Iterator[tuple[Cell, ...]]:
    at_90 = summary(found.draws[f"reduction {kind}"], TREES_LEVEL)
    if asked.trees is not None and at_90.of_mean is not None:
        one = trees(kind, at_90.mean, at_90.of_mean, buffer=0)
        rule = "ART TREES 2.0, eq. 10 and 11"
        yield ("ART TREES 2.0", kind, "mean", at_90.mean, at_90.of_mean, one.adjustment, one.credited, rule)
    half = at_90.of_median
    if half is None:
        return
    if asked.fcpf:
        left = fcpf(at_90.median, half)
        yield ("FCPF", kind, "median", at_90.median, half, fcpf_discount(half), left, "steps as in the mocaredd sheet")
    if asked.gcf_sheet:
        left = gcf_sheet(at_90.median)
        rule = "formula of the mocaredd sheet only, not the scorecard"
        yield ("GCF (sheet)", kind, "median", at_90.median, half, GCF_SHEET, left, rule)


def trees_rows(asked: ReddReport, case: Case, found: Results) -> tuple[TreesRow, ...]:
    """Years under ART TREES, then all of them together, by the mean of the draws."""
    rule = asked.schemes.trees
    if rule is None:
        return ()
    monitored = sorted((p for p in case.account.periods if not p.reference), key=lambda p: p.first)
    shares = {"buffer": rule.buffer_percent / 100, "leakage": rule.leakage_percent / 100}
    above = 0.0 if rule.hfld is None else hfld_level(0.0, rule.hfld.score, rule.hfld.carbon_stock_tco2)
    made = []
    for period in monitored:
        one = summary(found.draws[f"reduction {period.kind}"] + above, TREES_LEVEL)
        made += [
            trees(str(year), one.mean, one.of_mean or 0.0, **shares) for year in range(period.first, period.last + 1)
        ]
    kinds = {kind: _years(monitored, kind) for kind in case.account.kinds}
    whole = sum((found.draws[f"reduction {kind}"] + above) * years for kind, years in kinds.items())
    together = summary(whole, TREES_LEVEL)
    made.append(trees(TOTAL, together.mean, together.of_mean or 0.0, **shares))
    return tuple(made)


def _years(periods: Sequence[Period], kind: str) -> int:
    return sum(one.years for one in periods if one.kind == kind)


def trees_table(rows: Sequence[TreesRow]) -> Table:
    """Years under ART TREES."""
    tonnes = "tCO2e"
    columns = (
        Column("year", "", _("year"), says=coded({TOTAL: _("all years")})),
        Column("ghg_er", tonnes, _("reduction, mean of the draws")),
        Column("buf", tonnes, _("set aside against reversals")),
        Column("leak", tonnes, _("taken off for leakage")),
        Column("ci90", "", _("half the 90 % interval over the mean"), 4),
        Column("ua", "", _("taken off for doubt, share"), 4),
        Column("unc", tonnes, _("taken off for doubt")),
        Column("trees_er", tonnes, _("left")),
    )
    cells = (
        (r.label, r.reduction, r.buffer, r.leakage, r.half_width, r.adjustment, r.uncertainty, r.credited) for r in rows
    )
    return Table("trees_er", _("Reductions by year under ART TREES 2.0"), columns, tuple(cells))
