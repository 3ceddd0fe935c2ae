"""Numbers of one text held against each other: no evidence from outside, only sums that must come out."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Final

from detection.errors import BadInput
from jobs.reports.claims.asked import UNITS, Claim, Dates, Said, bounds_of, unit_of
from jobs.reports.claims.finding import Finding, Verdict
from jobs.reports.claims.numbers import WHOLE, Bounds, exactly, figure
from jobs.reports.claims.slips import Matter, slips
from jobs.words import _

SOURCE: Final = _("the source of the number: is it written as it was meant?")
PERIOD: Final = _("the period over which the tonnes are counted, with its first and its last day")
BOUNDARY: Final = _("the boundary of the project as a file, from which its area can be measured")
PRODUCED: Final = _("the tonnes of each year and the boundary they are counted in")
SAMPLE: Final = _(
    "loss of forest without and with the project, both estimated from a sample of points looked at in images, each with its"
    " standard error"
)
Statement = Said | Dates
EQUATIONS: Final[Mapping[str, tuple[tuple[Matter, ...], str]]] = {
    "areas": (("area",), BOUNDARY),
    "years": (("tonnes", "years"), PERIOD),
    "period": (("years",), PERIOD),
    "area per tonne": (("area", "tonnes"), PRODUCED),
    "reduction": (("per cent",), SAMPLE),
}
"""Check -> what slips may happen in it, and what would decide."""


def sense(claim: Claim) -> Iterator[Finding]:
    """Numbers that cannot be, whatever else is true."""
    for kind, said in claim.statements():
        if not sound(kind, said):
            unit = unit_of(kind, said)
            formula = f"{said.value:,.10g} {unit} {f'> {WHOLE:g} %' if said.value > 0 else '<= 0'}"
            yield Finding(
                claim.name, "sense", kind, said.value, unit, None, None, None, "contradicted", formula, SOURCE,
                _cannot(kind, said), said.quote, said.source, (said,),
            )  # fmt: skip


def sound(kind: str, said: Said) -> bool:
    """Can there be such a number? All are above nought but a loss that was observed, and no reduction is more than all."""
    if kind == "reduction":
        return 0 < said.value <= WHOLE
    return said.value > 0 or (kind == "observed_loss" and said.value == 0)


def _cannot(kind: str, said: Said) -> tuple[str, ...]:
    return (_("a sign that was lost or added"),) if said.value < 0 else ()


def sound_ones(claim: Claim, kind: str) -> list[Said]:
    """Statements of a kind that can be, in an order of their own."""
    mine = [said for one, said in claim.statements() if one == kind and sound(one, said)]
    return sorted(mine, key=lambda said: (bounds_of(kind, said).value, said.quote, said.source))


def areas(claim: Claim) -> Iterator[Finding]:
    """Areas of the same thing agree."""
    for small, large in combinations(sound_ones(claim, "areas"), 2):
        if small.of == large.of:
            low, high = bounds_of("areas", small), bounds_of("areas", large)
            formula = f"{figure(high.value)} ha / {figure(low.value)} ha = {figure(high.value / low.value)}"
            yield equal(claim, "areas", "areas", large, low, formula, small)


def years(claim: Claim) -> Iterator[Finding]:
    """All tonnes over those of a year are the years of the period."""
    for total, yearly in product(sound_ones(claim, "total"), sound_ones(claim, "per_year")):
        everything, each = bounds_of("total", total), bounds_of("per_year", yearly)
        length = everything / each
        formula = f"{figure(everything.value)} t / {figure(each.value)} t/yr = {figure(length.value)} yr"
        lengths: list[Statement] = [*sound_ones(claim, "years"), *_periods(claim)]
        for stated in lengths:
            told = period_of(stated).value
            whole = each.value * told
            rest = f"{figure(told)} yr x {figure(each.value)} t/yr = {figure(whole)} t"
            apart = f"{figure(everything.value - whole)} t from the total"
            kind = "periods" if isinstance(stated, Dates) else "years"
            yield equal(claim, "years", kind, stated, length, f"{formula}; {rest}, {apart}", total, yearly)
        if not (claim.periods or sound_ones(claim, "years")):
            yield Finding(
                claim.name, "years", "total", None, "yr", length.value, length.low, length.high, "cannot be checked", formula,
                PERIOD, (), total.quote, total.source, (total, yearly),
            )  # fmt: skip


def periods(claim: Claim) -> Iterator[Finding]:
    """A period as dates is as long as it is said to be."""
    for stated, dates in product(sound_ones(claim, "years"), _periods(claim)):
        formula = f"{dates.start} to {dates.end} = {figure(dates.years)} yr"
        yield equal(claim, "period", "years", stated, exactly(dates.years), formula, dates)


def footprint(claim: Claim) -> Iterator[Finding]:
    """Area over the tonnes of a year is the area a tonne."""
    stated = product(sound_ones(claim, "area_per_tonne"), sound_ones(claim, "areas"), sound_ones(claim, "per_year"))
    for told, area, yearly in stated:
        land, each = bounds_of("areas", area), bounds_of("per_year", yearly)
        a_tonne = land / each * 1e4
        formula = f"{figure(land.value)} ha x 10,000 m2/ha / {figure(each.value)} t/yr = {figure(a_tonne.value)} m2/t"
        yield equal(claim, "area per tonne", "area_per_tonne", told, a_tonne, formula, area, yearly)


def period_of(stated: Statement) -> Bounds:
    """Its length, years."""
    return exactly(stated.years) if isinstance(stated, Dates) else bounds_of("years", stated)


def _number(stated: Statement) -> Said:
    if isinstance(stated, Dates):
        raise BadInput(f"{stated.start} to {stated.end} is a period, no number")
    return stated


def equal(
    claim: Claim, check: str, kind: str, stated: Statement, computed: Bounds, formula: str, *others: Statement
) -> Finding:
    """A number held against what others give; kind: the key it stands under."""
    told = period_of(stated) if kind == "periods" else bounds_of(kind, _number(stated))
    matters, decides = EQUATIONS[check]
    agrees = told.agrees(computed)
    verdict: Verdict = "supported" if agrees else "contradicted"
    causes = () if agrees else slips(told.value, computed.value, matters)
    unit = "yr" if kind == "periods" else next(iter(UNITS[kind]))
    return Finding(
        claim.name, check, kind, told.value, unit, computed.value, computed.low, computed.high, verdict, formula, decides,
        causes, stated.quote, stated.source, (stated, *others),
    )  # fmt: skip


def _periods(claim: Claim) -> list[Dates]:
    return sorted(claim.periods, key=lambda one: (one.start, one.end, one.quote))
