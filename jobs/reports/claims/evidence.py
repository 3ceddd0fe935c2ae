"""Statements held against evidence: estimates with standard errors, and what forests hold and how fast they go."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from statistics import NormalDist
from typing import Final

from jobs.reports.claims.arithmetic import (
    BOUNDARY,
    EQUATIONS,
    PERIOD,
    PRODUCED,
    SAMPLE,
    equal,
    sound,
    sound_ones,
)
from jobs.reports.claims.asked import UNITS, Claim, Said, bounds_of, unit_of
from jobs.reports.claims.finding import Finding, Verdict
from jobs.reports.claims.numbers import WHOLE, Bounds, figure
from jobs.reports.claims.plausible import Plausible
from jobs.reports.claims.ratio import Ratio, ratio
from jobs.reports.claims.slips import slips
from jobs.words import _

PRECISION: Final = _("standard errors of both losses: the numbers agree, but how sure they are is not told")
NO_BASELINE: Final = _("the baseline itself cannot be told from nought")
HOLDS_NOUGHT: Final = _("the interval holds nought too: the estimates cannot tell it from no reduction")
TOO_MUCH: Final = _("it is more than a hectare holds")
BASELINE: Final = _(
    "the baseline: how much forest would go each year without the project, with its standard error, and what it holds"
)


def reduction(claim: Claim, level: float) -> Iterator[Finding]:
    """Per cent below the baseline is one less what was observed over what was expected, with the doubt of both."""
    before, after = claim.baseline_loss, claim.observed_loss
    if before is None or after is None or not (sound("baseline_loss", before) and sound("observed_loss", after)):
        return
    for stated in sound_ones(claim, "reduction"):
        if before.se is None or after.se is None:
            yield _bare(claim, stated, before, after)
            continue
        base, seen = _estimate("baseline_loss", before), _estimate("observed_loss", after)
        yield _estimated(claim, stated, ratio(*seen, *base, level), (before, after), level)


def _bare(claim: Claim, stated: Said, before: Said, after: Said) -> Finding:
    base, seen = bounds_of("baseline_loss", before), bounds_of("observed_loss", after)
    left = seen / base
    below = Bounds(*(WHOLE * (1 - one) for one in (left.value, left.high, left.low)))
    made = equal(claim, "reduction", "reduction", stated, below, _formula(base.value, seen.value), before, after)
    if made.verdict == "contradicted":
        return made
    return replace(made, verdict="cannot be checked", decides=PRECISION)


def _estimated(claim: Claim, stated: Said, found: Ratio | None, losses: tuple[Said, Said], level: float) -> Finding:
    before, after = (
        bounds_of(kind, said) for kind, said in zip(("baseline_loss", "observed_loss"), losses, strict=True)
    )
    formula, told = _formula(before.value, after.value), bounds_of("reduction", stated)
    verdict: Verdict = "cannot be checked"
    low, high, why = None, None, NO_BASELINE
    if found is not None:
        low, high = WHOLE * (1 - found.high), WHOLE * (1 - found.low)
        interval = f"{WHOLE * level:g} %: [{figure(low)} %, {figure(high)} %] (Fieller)"
        formula += f"; SE = {figure(WHOLE * found.se)} % (delta); {interval}"
        verdict = _inside(told, low, high)
        why = HOLDS_NOUGHT if verdict == "not supported" else ""
    causes = (
        slips(told.value, WHOLE * (1 - after.value / before.value), EQUATIONS["reduction"][0])
        if verdict == "contradicted"
        else ()
    )
    return Finding(
        claim.name, "reduction", "reduction", told.value, "%", WHOLE * (1 - after.value / before.value), low, high, verdict,
        formula, SAMPLE, causes, stated.quote, stated.source, (stated, *losses), why,
    )  # fmt: skip


def _inside(told: Bounds, low: float, high: float) -> Verdict:
    """Outside the interval: contradicted. Inside one that holds nought too: estimates cannot tell it from no reduction."""
    if told.high < low or told.low > high:
        return "contradicted"
    return "supported" if low > 0 else "not supported"


def _estimate(kind: str, said: Said) -> tuple[float, float]:
    unit = UNITS[kind][unit_of(kind, said)]
    return said.value * unit, (said.se or 0.0) * unit


def _formula(before: float, after: float) -> str:
    below = WHOLE * (1 - after / before)
    return f"1 - {figure(after)} ha/yr / {figure(before)} ha/yr = {figure(below)} %"


def avoided(claim: Claim, ranges: Plausible, level: float) -> Iterator[Finding]:
    """Tonnes a year are of the size of the loss that was avoided times what a hectare holds."""
    before, after = claim.baseline_loss, claim.observed_loss
    if before is None or after is None or not (sound("baseline_loss", before) and sound("observed_loss", after)):
        return
    base, seen = _spread("baseline_loss", before, level), _spread("observed_loss", after, level)
    kept = Bounds(base.value - seen.value, max(base.low - seen.high, 0.0), base.high - seen.low)
    if kept.value <= 0:
        return
    tonnes = kept * ranges.stock
    what = f"({figure(base.value)} - {figure(seen.value)}) ha/yr x {figure(ranges.stock.value)} t/ha"
    formula = f"{what} = {figure(tonnes.value)} t/yr [{figure(tonnes.low)}, {figure(tonnes.high)}] ({ranges.name})"
    for stated in sound_ones(claim, "per_year"):
        told = bounds_of("per_year", stated)
        agrees = told.low <= tonnes.high and tonnes.low <= told.high
        causes = () if agrees else slips(told.value, tonnes.value, ("tonnes", "area"))
        yield Finding(
            claim.name, "avoided loss", "per_year", told.value, "t/yr", tonnes.value, tonnes.low, tonnes.high,
            "supported" if agrees else "not supported", formula, BASELINE, causes, stated.quote, stated.source,
            (stated, before, after),
        )  # fmt: skip


def _spread(kind: str, said: Said, level: float) -> Bounds:
    if said.se is None:
        return bounds_of(kind, said)
    value, se = _estimate(kind, said)
    half = NormalDist().inv_cdf((1 + level) / 2) * se
    return Bounds(value, max(value - half, 0.0), value + half)


def size(claim: Claim, ranges: Plausible) -> Iterator[Finding]:
    """Tonnes a hectare and year as a share of what a hectare holds: a rate of loss, held against that of the country."""
    for stated, area in product(sound_ones(claim, "per_year"), sound_ones(claim, "areas")):
        each, land = bounds_of("per_year", stated), bounds_of("areas", area)
        a_hectare = each / land
        rate = a_hectare / ranges.stock * WHOLE
        usual = ranges.loss * WHOLE
        what = f"{figure(each.value)} t/yr / {figure(land.value)} ha = {figure(a_hectare.value)} t/ha/yr"
        share = (
            f"/ {figure(ranges.stock.value)} t/ha = {figure(rate.value)} %/yr [{figure(rate.low)}, {figure(rate.high)}]"
        )
        formula = f"{what}; {share} vs. [{figure(usual.low)}, {figure(usual.high)}] %/yr ({ranges.name})"
        within = rate.low <= usual.high
        over = a_hectare.low > ranges.stock.high
        verdict: Verdict = "supported" if within else "not supported" if over else "cannot be checked"
        yield Finding(
            claim.name, "tonnes per hectare", "per_year", a_hectare.value, "t/ha/yr", usual.value * ranges.stock.value / WHOLE,
            usual.low * ranges.stock.low / WHOLE, usual.high * ranges.stock.high / WHOLE, verdict, formula, BASELINE, (),
            stated.quote, stated.source, (stated, area), TOO_MUCH if verdict == "not supported" else "",
        )  # fmt: skip


def stock(claim: Claim, ranges: Plausible) -> Iterator[Finding]:
    """All tonnes over the area are no more than a hectare holds."""
    for stated, area in product(sound_ones(claim, "total"), sound_ones(claim, "areas")):
        everything, land = bounds_of("total", stated), bounds_of("areas", area)
        a_hectare, most = everything / land, ranges.stock
        over = a_hectare.low > most.high
        what = f"{figure(everything.value)} t / {figure(land.value)} ha = {figure(a_hectare.value)} t/ha"
        formula = f"{what} vs. [{figure(most.low)}, {figure(most.high)}] t/ha ({ranges.name})"
        yield Finding(
            claim.name, "stock", "total", a_hectare.value, "t/ha", most.value, most.low, most.high,
            "not supported" if over else "cannot be checked", formula, PRODUCED if over else BASELINE,
            slips(a_hectare.value, most.value, ("tonnes", "area")) if over else (), stated.quote, stated.source, (stated, area),
            TOO_MUCH if over else "",
        )  # fmt: skip


def needed(stated: Said, level: float) -> str:
    """How sure the ratio of both losses must be to tell a reduction from half of it, as a formula."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    left = WHOLE - stated.value
    if left <= 0:
        return "1 - observed / baseline"
    relative = WHOLE * (stated.value / 2) / (z * left)
    ratio_se = f"SE(observed / baseline) / (observed / baseline) < {figure(relative)} %"
    return f"1 - observed / baseline; {figure(stated.value)} % vs. {figure(stated.value / 2)} %: {ratio_se}"


DECIDES: Final = {
    "areas": BOUNDARY,
    "per_year": BASELINE,
    "total": PERIOD,
    "years": PERIOD,
    "area_per_tonne": PRODUCED,
    "reduction": SAMPLE,
    "baseline_loss": SAMPLE,
    "observed_loss": SAMPLE,
}
"""Key of a claim -> what would decide, where the text says nothing that it could be held against."""


def alone(claim: Claim, found: list[Finding], level: float) -> Iterator[Finding]:
    """Numbers that no check has used."""
    used = {one for each in found for one in each.uses}
    for kind, said in claim.statements():
        if said not in used:
            formula = needed(said, level) if kind == "reduction" else ""
            yield Finding(
                claim.name, "alone", kind, bounds_of(kind, said).value, next(iter(UNITS[kind])), None, None, None,
                "cannot be checked", formula, DECIDES[kind], (), said.quote, said.source, (said,),
            )  # fmt: skip
