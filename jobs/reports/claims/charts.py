"""The drawing of claims: every number over what the others give; one that agrees stands at 1."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final

from jobs.notify.words import Words
from jobs.reports.claims.finding import Finding, Verdict
from jobs.reports.claims.wording import RATIO, statement
from jobs.reports.drawing import FAINT, GRID, INK, dot, stroke, svg, words

COLOURS: Final[dict[Verdict, str]] = {
    "contradicted": "#d55e00", "not supported": "#e69f00", "cannot be checked": "#999999", "supported": "#0072b2",
}  # fmt: skip
"""Verdict -> colour: Okabe and Ito (2008)."""
WIDE, LEFT, RIGHT, TOP, ROW = 760.0, 340.0, 30.0, 34.0, 22.0
SHOWN: Final = 30
"""At most so many, those that want looking at first."""
TICKS: Final = (0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)


def ratios(found: Sequence[Finding], to: Words) -> str:
    """Stated over computed, by a scale on which twice and half are as far from 1."""
    rows = comparable(found)[:SHOWN]
    return svg(WIDE, TOP + ROW * max(len(rows), 1) + 30, _shapes(rows, to), to.say(RATIO))


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
        yield words(across(tick), foot + 16, f"{tick:g}", "middle", FAINT)
    for place, one in enumerate(rows):
        y = TOP + ROW * (place + 0.5)
        yield words(LEFT - 10, y + 4, f"{one.claim}: {statement(one, to)}", "end")
        if one.low and one.high and one.stated and one.low > 0:
            yield stroke(across(one.stated / one.high), y, across(one.stated / one.low), y, COLOURS[one.verdict], 2)
        if one.stated and one.computed:
            yield dot(across(one.stated / one.computed), y, 4.5, COLOURS[one.verdict])
