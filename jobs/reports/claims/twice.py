"""What may be counted twice: within a claim by periods that were verified, between claims by land and years in common."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations, product
from typing import Final

from jobs.reports.claims.arithmetic import BOUNDARY, sound_ones
from jobs.reports.claims.asked import DAYS_A_YEAR, Claim, Shared, Verified, bounds_of
from jobs.reports.claims.finding import Finding, Verdict
from jobs.reports.claims.numbers import figure
from jobs.words import _

REGISTRY: Final = _("the registry: which tonnes of which years were issued to whom")
Span = tuple[date, date]


def verified(claim: Claim) -> Iterator[Finding]:
    """Verifications come after what they verify, within the period, and no day is in two of them."""
    ordered = sorted(claim.verified, key=lambda one: (one.on, one.quote))
    for one in ordered:
        if one.end is not None and one.on < one.end:
            yield _dated(claim, one, "contradicted", f"{one.on} < {one.end}", _("it was verified before its last day"))
        for dates in claim.periods:
            first, last = one.start or one.on, one.end or one.on
            if first < dates.start or (one.end is not None and last > dates.end):
                formula = f"{first}/{last} vs. {dates.start}/{dates.end}"
                yield _dated(claim, one, "contradicted", formula, _("what was verified does not lie within the period"))
    for one, other in combinations(ordered, 2):
        if (common := _common(_span(one), _span(other))) is not None:
            why = _("the same days were verified twice")
            yield _dated(claim, other, "not supported", f"{one.on}, {other.on}: {common[0]}/{common[1]}", why)
    yield from _more_than_all(claim, ordered)


def _more_than_all(claim: Claim, ordered: Sequence[Verified]) -> Iterator[Finding]:
    tonnes = [one.tonnes for one in ordered if one.tonnes is not None]
    for total in sound_ones(claim, "total"):
        most = bounds_of("total", total)
        if tonnes and sum(tonnes) > most.high:
            formula = f"{' + '.join(map(figure, tonnes))} = {figure(sum(tonnes))} t > {figure(most.value)} t"
            yield Finding(
                claim.name, "verified", "total", most.value, "t", sum(tonnes), None, None, "contradicted", formula, REGISTRY, (),
                total.quote, total.source, (total,), _("more tonnes were verified than there are in all"),
            )  # fmt: skip


def _dated(claim: Claim, one: Verified, verdict: Verdict, formula: str, why: str) -> Finding:
    return Finding(
        claim.name, "verified", "verified", one.tonnes, "t", None, None, None, verdict, formula, REGISTRY, (), one.quote,
        one.source, why=why,
    )  # fmt: skip


def between(claims: Sequence[Claim]) -> Iterator[Finding]:
    """Land in common of two claims that count the same years: its tonnes may be in both."""
    by_name = {one.name: one for one in claims}
    told: dict[tuple[str, str], Shared] = {}
    for claim, share in ((one, share) for one in claims for share in one.shares):
        first, second = sorted((claim.name, share.claim))
        known = told.get((first, second))
        told[first, second] = share if known is None else max(known, share, key=lambda one: (one.area_ha, one.source))
    for (first, second), share in sorted(told.items(), key=lambda pair: pair[0]):
        yield _pair(by_name[first], by_name[second], share)


def _pair(one: Claim, other: Claim, share: Shared) -> Finding:
    verdict, why, formula = _counted(one, other, share)
    for claim in (one, other):
        for whole in (bounds_of("areas", area) for area in sound_ones(claim, "areas")):
            if share.area_ha > whole.high:
                verdict, why = "contradicted", _("there is more land in common than one of them has")
                formula = f"{figure(share.area_ha)} ha > {figure(whole.value)} ha ({claim.name})"
    return Finding(
        one.name, f"counted once, with {other.name}", "shares", share.area_ha, "ha", None, None, None, verdict, formula,
        BOUNDARY if verdict == "contradicted" else REGISTRY, (), "", share.source, why=why,
    )  # fmt: skip


def _counted(one: Claim, other: Claim, share: Shared) -> tuple[Verdict, str, str]:
    """Verdict, what it means, formula."""
    land = f"{figure(share.area_ha)} ha"
    if share.area_ha == 0:
        return "supported", _("they have no land in common"), land
    if not (one.periods and other.periods):
        return "cannot be checked", _("the period of one of them is not told"), land
    spans = (_common((a.start, a.end), (b.start, b.end)) for a, b in product(one.periods, other.periods))
    common = max((span for span in spans if span is not None), key=lambda span: span[1] - span[0], default=None)
    if common is None:
        return "supported", _("no day is in both periods"), land
    length = ((common[1] - common[0]).days + 1) / DAYS_A_YEAR
    most = min((tonnes for claim in (one, other) for tonnes in _stake(claim, share)), default=None)
    stake = "" if most is None else f"; <= {figure(most)} t/yr"
    why = _("the same land is counted in both, in the same years")
    return "not supported", why, f"{land}, {common[0]}/{common[1]} ({figure(length)} yr){stake}"


def _stake(claim: Claim, share: Shared) -> Iterator[float]:
    for area, yearly in product(sound_ones(claim, "areas"), sound_ones(claim, "per_year")):
        yield min(share.area_ha / bounds_of("areas", area).value, 1.0) * bounds_of("per_year", yearly).value


def _span(one: Verified) -> Span | None:
    return None if one.start is None or one.end is None else (one.start, one.end)


def _common(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return None
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start <= end else None
