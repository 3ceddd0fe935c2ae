"""What was found of a statement."""

from dataclasses import dataclass
from typing import Final, Literal

from jobs.reports.claims.asked import Dates, Said
from jobs.words import _

Verdict = Literal["supported", "not supported", "contradicted", "cannot be checked"]
VERDICTS: Final[dict[Verdict, str]] = {
    "contradicted": _("contradicted by the text's own numbers, or by estimates with their interval"),
    "not supported": _("not borne out by the evidence given"),
    "cannot be checked": _("cannot be checked with what is given"),
    "supported": _("borne out by the other numbers"),
}
"""Verdict -> in words; those that want looking at first."""


@dataclass(frozen=True)
class Finding:
    """A statement held against others, or against evidence."""

    claim: str
    """Name of the claim."""
    check: str
    """Which check."""
    kind: str
    """Key of the claim that the statement stands under."""
    stated: float | None
    """The number in `unit`; None: it is no number."""
    unit: str
    """Of stated and computed."""
    computed: float | None
    """What the other numbers give; None: they give nothing."""
    low: float | None
    """Lower end of that: of rounding, or of the standard errors."""
    high: float | None
    """Upper end."""
    verdict: Verdict
    """The outcome."""
    formula: str
    """The arithmetic with the numbers put in."""
    decides: str
    """What evidence would decide: a text of the catalogue."""
    causes: tuple[str, ...] = ()
    """Slips that would explain it: texts of the catalogue."""
    quote: str = ""
    """The words of the statement."""
    source: str = ""
    """Where these are."""
    uses: tuple[Said | Dates, ...] = ()
    """Everything of the text that is in it."""
    why: str = ""
    """What the arithmetic means, where it does not say so itself: a text of the catalogue."""
