"""Every statement of every claim, checked."""

from collections.abc import Sequence

from jobs.reports.claims import arithmetic, evidence, twice
from jobs.reports.claims.asked import Claim
from jobs.reports.claims.finding import VERDICTS, Finding
from jobs.reports.claims.plausible import Plausible


def checked(claims: Sequence[Claim], ranges: Plausible, level: float = 0.95) -> tuple[Finding, ...]:
    """What was found, by claim, those that want looking at first; no statement is left out, and the order of a file is none."""
    found = [one for claim in claims for one in _of_one(claim, ranges, level)]
    return tuple(sorted([*found, *twice.between(claims)], key=_place))


def _of_one(claim: Claim, ranges: Plausible, level: float) -> list[Finding]:
    found = [
        *arithmetic.sense(claim), *arithmetic.areas(claim), *arithmetic.years(claim), *arithmetic.periods(claim),
        *arithmetic.footprint(claim), *evidence.reduction(claim, level), *evidence.avoided(claim, ranges, level),
        *evidence.size(claim, ranges), *evidence.stock(claim, ranges), *twice.verified(claim),
    ]  # fmt: skip
    return [*found, *evidence.alone(claim, found, level)]


def _place(one: Finding) -> tuple[str, int, str, str, str, str]:
    return one.claim, list(VERDICTS).index(one.verdict), one.check, one.kind, one.quote, one.formula
