"""The report of claims, ready to be written in any form."""

from functools import partial
from hashlib import sha256
from typing import Final

from jobs.reports.claims.asked import ClaimsReport
from jobs.reports.claims.charts import ratios, told
from jobs.reports.claims.check import checked
from jobs.reports.claims.finding import VERDICTS, Finding
from jobs.reports.claims.plausible import plausible
from jobs.reports.claims.wording import RANGES, RATIO, TITLE, plain, unknown
from jobs.reports.parts import CHECKED, Cell, Chart, Column, Report, Table, coded
from jobs.words import Words, _

CHECKS: Final = {
    "alone": _("the number alone"),
    "area per tonne": _("area for each tonne"),
    "areas": _("areas of the same thing"),
    "avoided loss": _("loss that was avoided"),
    "period": _("period"),
    "reduction": _("reduction below the baseline"),
    "sense": _("whether the number can be"),
    "stock": _("carbon of a hectare"),
    "tonnes per hectare": _("tonnes a hectare"),
    "verified": _("verified tonnes and periods"),
    "years": _("years of the tonnes"),
}
"""Check -> in words."""


def _ours(text: str, words: Words) -> str:
    return "; ".join(map(words.own, text.split("; ")))


COLUMNS: Final = (
    Column("claim", "", _("Name of the claim")),
    Column("check", "", _("What was held against what"), says=coded(CHECKS)),
    Column("statement", "", _("Key of the config that it stands under"), page=False),
    Column("stated", "", _("Number of the text"), 2),
    Column("unit", "", _("Unit of stated and computed")),
    Column("computed", "", _("What the other numbers give"), 2),
    Column("computed_lo", "", _("Lower end, of rounding or of standard errors"), 2),
    Column("computed_hi", "", _("Upper end, of rounding or of standard errors"), 2),
    Column("verdict", "", _("Outcome"), says=coded({str(k): text for k, text in VERDICTS.items()})),
    Column("formula", "", _("The arithmetic with the numbers put in")),
    Column("meaning", "", _("What the arithmetic means, where it does not say so itself"), says=_ours),
    Column("likely_causes", "", _("Slips that would make this ratio"), says=_ours),
    Column("would_decide", "", _("Evidence that would decide"), says=_ours),
    Column("quote", "", _("Words of the text")),
    Column("source", "", _("Where these words are")),
)


def claims_report(asked: ClaimsReport, place: str) -> Report:
    """The report that a config asks for. Raises BadInput and ConfigError with what to mend in one line."""
    ranges = plausible(asked.own_plausible)
    found = checked(asked.claims, ranges, asked.level)
    table = Table("claim_statements", _("Statements, one by one"), COLUMNS, tuple(map(_row, found)), cards=True)
    chart = Chart("claim_ratios", RATIO, partial(ratios, found), lambda words: tuple(told(found, words)))
    own = asked.own_plausible
    return Report(
        "claims", TITLE, place, asked.simulated, lambda words: tuple(plain(found, words)),
        lambda words: tuple(unknown(found, ranges, words)), (table, _ranges(ranges.sources)), (chart,),
        basis={
            "plausible": {"set": ranges.name, "status": {what: status for what, status, _source in ranges.sources}},
            "inputs": {} if own is None else {str(own): sha256(own.read_bytes()).hexdigest()},
            "level": asked.level,
            "texts": {claim.name: sorted({said.source for _kind, said in claim.statements()}) for claim in asked.claims},
        },
    )  # fmt: skip


def _row(one: Finding) -> tuple[Cell, ...]:
    return (
        one.claim, one.check, one.kind, one.stated, one.unit, one.computed, one.low, one.high, one.verdict, one.formula, one.why,
        "; ".join(one.causes), one.decides, one.quote, one.source,
    )  # fmt: skip


def _ranges(sources: tuple[tuple[str, str, str], ...]) -> Table:
    columns = (
        Column("what", "", _("Which range"), says=coded(RANGES)),
        Column("status", "", _("How far it was checked"), says=coded(CHECKED)),
        Column("source", "", _("Source")),
    )
    return Table("claim_ranges", _("What a hectare holds and how fast forest goes"), columns, tuple(sources))
