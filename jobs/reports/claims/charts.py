"""The drawing of claims: every number over what the others give; one that agrees stands at 1."""

from collections.abc import Collection, Iterator, Sequence
from math import log10
from typing import Final

from jobs.reports.claims.finding import VERDICTS, Finding, Verdict
from jobs.reports.claims.wording import RATIO, statement
from jobs.reports.drawing import FAINT, GRID, INK, stroke, svg, words
from jobs.words import Words, _

COLOURS: Final[dict[Verdict, str]] = {
    "contradicted": "#d55e00", "not supported": "#cc79a7", "cannot be checked": "#5d6b63", "supported": "#0072b2",
}  # fmt: skip
"""Verdict -> colour: Okabe and Ito (2008), and a grey."""
HOLLOW: Final[Collection[Verdict]] = ("cannot be checked", "not supported")
"""Told apart without colour, too."""
WIDE, LEFT, RIGHT, TOP, ROW = 360.0, 14.0, 14.0, 22.0, 40.0
"""Units: as narrow as a phone, so that text stays legible there."""
SIZE, LINE, LETTERS = 12.0, 18.0, 54
SHORT: Final[dict[Verdict, str]] = {
    "contradicted": _("does not agree"),
    "not supported": _("not borne out"),
    "cannot be checked": _("cannot be checked; for orientation"),
    "supported": _("agrees"),
}
"""Verdict -> in a word or two."""
SHOWN: Final = 30
"""At most so many, those that want looking at first."""
TICKS: Final = (0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)


def ratios(found: Sequence[Finding], to: Words) -> str:
    """Stated over computed, by a scale on which twice and half are as far from 1."""
    rows = comparable(found)[:SHOWN]
    tall = TOP + ROW * max(len(rows), 1) + 44 + LINE * len(_verdicts(rows))
    return svg(WIDE, tall, _shapes(rows, to), to.say(RATIO))


def told(found: Sequence[Finding], to: Words) -> Iterator[str]:
    """What the drawing shows, as sentences."""
    yield to.say(_("1: text and other numbers agree; 2: the text says twice as much, 0.5: half as much."))
    for one in comparable(found)[:SHOWN]:
        if one.stated and one.computed:
            ratio = to.number(one.stated / one.computed, 2)
            yield f"{one.claim}: {statement(one, to)}: {ratio} ({to.say(SHORT[one.verdict])})"


def comparable(found: Sequence[Finding]) -> list[Finding]:
    """Those with two numbers to compare."""
    return [one for one in found if (one.stated or 0) > 0 and (one.computed or 0) > 0]


def _shapes(rows: Sequence[Finding], to: Words) -> Iterator[str]:
    values = [one.stated / one.computed for one in rows if one.stated and one.computed]
    low, high = min([0.5, *values]) / 1.2, max([2.0, *values]) * 1.2
    foot = TOP + ROW * max(len(rows), 1)

    def across(ratio: float) -> float:
        share = (log10(min(max(ratio, low), high)) - log10(low)) / (log10(high) - log10(low))
        return LEFT + share * (WIDE - LEFT - RIGHT)

    for tick in (one for one in TICKS if low <= one <= high):
        yield stroke(across(tick), TOP - 8, across(tick), foot, INK if tick == 1 else GRID)
        yield words(across(tick), foot + 16, f"{tick:g}", "middle", FAINT, SIZE)
    yield words(WIDE / 2, foot + 34, to.say(_("times what the other numbers give")), "middle", FAINT, SIZE)
    for place, one in enumerate(rows):
        y = TOP + ROW * (place + 0.62)
        yield words(0, y - 12, f"{one.claim}: {statement(one, to)}"[:LETTERS], size=SIZE)
        if one.low and one.high and one.stated and one.low > 0:
            yield stroke(across(one.stated / one.high), y, across(one.stated / one.low), y, COLOURS[one.verdict], 2)
        if one.stated and one.computed:
            yield _dot(across(one.stated / one.computed), y, one.verdict)
    for place, verdict in enumerate(_verdicts(rows)):
        y = foot + 40 + LINE * (place + 0.5)
        yield _dot(8, y, verdict)
        yield words(22, y + 4, to.say(SHORT[verdict]), size=SIZE)


def _verdicts(rows: Sequence[Finding]) -> list[Verdict]:
    return [verdict for verdict in VERDICTS if any(one.verdict == verdict for one in rows)]


def _dot(x: float, y: float, verdict: Verdict) -> str:
    colour = COLOURS[verdict]
    inside = "#ffffff" if verdict in HOLLOW else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{inside}" stroke="{colour}" stroke-width="2"/>'
