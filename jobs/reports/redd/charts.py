"""Drawings of a report of emissions, as SVG that stands in the page: no script, no font, nothing from outside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from jobs.reports.redd.quantity import Numbers
from jobs.words import Words, _

WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 360, 270, 40, 10, 28, 50
"""Of a drawing and its margins, in its own units: as narrow as a phone, so that text stays legible there."""
LINE: Final = 18
ROW: Final = 40
INK, FAINT, BEFORE, AFTER, LESS, MORE = "#1d2b24", "#5d6b63", "#0072b2", "#d55e00", "#009e73", "#d55e00"
"""Text, lines, and colours that everybody can tell apart (Okabe and Ito 2008)."""
BINS: Final = 48
TICKS: Final = 5
LABELS: Final = 8
"""Years that stand beside one another without touching."""
SCALES: Final = (
    (1e6, _("million tonnes of CO2e a year")),
    (1e3, _("thousand tonnes of CO2e a year")),
    (1.0, _("tonnes of CO2e a year")),
)
"""Axes are told in the largest of these that the figures reach."""


@dataclass(frozen=True)
class Bar:
    """A column."""

    label: str
    """Under it."""
    value: float
    """Its end."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end."""
    reference: bool
    """Part of what is compared with?"""


@dataclass(frozen=True)
class Step:
    """A part of a waterfall."""

    label: str
    """Under it."""
    change: float
    """Up or down; the whole height where it is a total."""
    total: bool = False
    """It stands on the ground."""


class _Axis:
    """Figures -> heights."""

    def __init__(self, values: Sequence[float], words: Words) -> None:
        self.low, self.high = min(0.0, *values), max(0.0, *values)
        if self.low == self.high:
            self.high = 1.0
        most = max(abs(self.low), abs(self.high))
        self.scale, self.name = next((s for s in SCALES if most >= s[0]), SCALES[-1])
        self.words = words

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(TALL - BOTTOM - share * (TALL - TOP - BOTTOM), 2)

    def drawn(self) -> Iterator[str]:
        step = _round_step((self.high - self.low) / TICKS)
        for number in range(int(np.ceil(self.low / step)), int(np.floor(self.high / step)) + 1):
            y, said = self.y(number * step), number * step / self.scale
            digits = 0 if step / self.scale >= 1 else 2
            yield _line(LEFT, y, WIDE - RIGHT, y, FAINT, 0.3)
            yield _text(LEFT - 6, y + 4, self.words.number(said, digits), "end")
        yield _text(0, TOP - 14, self.words.say(self.name), "start")


def by_year(bars: Sequence[Bar], reference: float, words: Words) -> str:
    """Emissions a year with their intervals, and the level that they are compared with."""
    axis = _Axis([v for one in bars for v in (one.value, one.low, one.high)] + [reference], words)
    width = (WIDE - LEFT - RIGHT) / max(len(bars), 1)
    parts = list(axis.drawn())
    for place, one in enumerate(bars):
        x = LEFT + place * width
        parts.append(
            _box(x + width * 0.15, axis.y(one.value), axis.y(0), width * 0.7, BEFORE if one.reference else AFTER)
        )
        middle = x + width / 2
        parts.append(_line(middle, axis.y(one.low), middle, axis.y(one.high), INK, 1.4))
        if place % (1 + len(bars) // LABELS) == 0:
            parts.append(_text(middle, TALL - BOTTOM + 16, one.label, "middle"))
    y = axis.y(reference)
    parts.append(f'<path d="M{LEFT} {y}H{WIDE - RIGHT}" stroke="{INK}" stroke-dasharray="6 4" fill="none"/>')
    return _svg([*parts, *_key(words)], TALL + 3 * LINE)


def _key(words: Words) -> Iterator[str]:
    for place, (colour, text) in enumerate(((BEFORE, _("years to compare with")), (AFTER, _("years after")))):
        y = TALL - 20 + LINE * place
        yield _box(4, y, y + 12, 12, colour)
        yield _text(22, y + 10, words.say(text), "start")
    y = TALL - 20 + 2 * LINE
    yield f'<path d="M2 {y + 6}H18" stroke="{INK}" stroke-dasharray="4 3" fill="none"/>'
    yield _text(22, y + 10, words.say(_("level to compare with")), "start")
    y += LINE
    yield _line(10, y - 1, 10, y + 12, INK, 1.4)
    yield _text(22, y + 10, words.say(_("range of the draws")), "start")


def distribution(draws: Numbers, low: float, median: float, high: float, words: Words) -> str:
    """How often each result comes out of the draws; the interval and the median are marked."""
    most = max((s for s in SCALES if np.abs(draws).max() >= s[0]), default=SCALES[-1])
    counts, edges = np.histogram(draws, BINS, range=tuple(np.quantile(draws, [0.001, 0.999])))
    width, top = (WIDE - LEFT - RIGHT) / BINS, counts.max() or 1
    parts = []
    for place, count in enumerate(counts):
        inside = low <= (edges[place] + edges[place + 1]) / 2 <= high
        height = (TALL - TOP - BOTTOM) * count / top
        x = LEFT + place * width
        parts.append(_box(x, TALL - BOTTOM - height, TALL - BOTTOM, width * 0.92, BEFORE if inside else "#b9c4bd"))
    span = (edges[-1] - edges[0]) or 1.0
    parts.append(_text(0, TOP - 14, words.say(_("how often it comes out of the draws")), "start"))
    for row, value in enumerate((low, median, high)):
        x = LEFT + (WIDE - LEFT - RIGHT) * (value - edges[0]) / span
        parts.append(_line(x, TOP, x, TALL - BOTTOM, INK, 1.2))
        said = words.number(value / most[0], 2 if most[0] > 1 else 0)
        parts.append(_text(x, TALL - BOTTOM + 14 if row != 1 else TOP - 1, said, "middle"))
    parts.append(_text(WIDE / 2, TALL - 8, words.say(most[1]), "middle"))
    return _svg(parts)


def waterfall(steps: Sequence[Step], words: Words) -> str:
    """From one total to the next, part by part."""
    heights, level = [], 0.0
    for one in steps:
        level = one.change if one.total else level + one.change
        heights.append(level)
    axis = _Axis(heights, words)
    parts, before = [_text(0, 14, words.say(axis.name), "start")], 0.0

    def across(value: float) -> float:
        return 4 + (value - axis.low) / (axis.high - axis.low) * (WIDE - 8)

    foot = TOP + ROW * len(steps)
    parts.append(_line(across(0), TOP, across(0), foot, FAINT, 0.6))
    for place, (one, after) in enumerate(zip(steps, heights, strict=True)):
        start = 0.0 if one.total else before
        colour = BEFORE if one.total else LESS if one.change < 0 else MORE
        y, left = TOP + ROW * place, min(across(start), across(after))
        parts.append(_text(4, y + 14, one.label, "start"))
        said = words.number(one.change / axis.scale, 0 if axis.scale == 1 else 1 if axis.scale == SCALES[1][0] else 2)
        parts.append(_text(WIDE - 4, y + 14, said if one.total or one.change < 0 else f"+{said}", "end"))
        parts.append(_box(left, y + 19, y + 33, max(abs(across(start) - across(after)), 1), colour))
        before = after
    return _svg(parts, foot + 6)


def _round_step(rough: float) -> float:
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * n for n in (1, 2, 5, 10) if power * n >= rough))


def _box(x: float, top: float, bottom: float, width: float, colour: str) -> str:
    upper, lower = min(top, bottom), max(top, bottom)
    return f'<rect x="{x:.1f}" y="{upper:.1f}" width="{width:.1f}" height="{lower - upper:.1f}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{width}" fill="none"/>'


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="{INK}">{escape(said)}</text>'


def _svg(parts: Sequence[str], tall: float = TALL) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall:g}" font-family="system-ui, sans-serif">'
    return head + "".join(parts) + "</svg>"
