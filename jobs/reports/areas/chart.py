"""Estimates with their intervals beside what the map counts, as SVG: few marks, and none that needs colour to be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from jobs.reports.figures import ALARM, BLUE, FAINT, INK
from jobs.words import Words, _

WIDE, LEFT, RIGHT, TALL, TOP = 360, 12, 28, 48, 16
"""Units: the drawing, as narrow as a phone so that its text stays legible there; its margins, a row, the head."""
TICKS: Final = 4


@dataclass(frozen=True)
class Bar:
    """One row."""

    label: str
    """What it is of."""
    value: float
    """The estimate, hectares."""
    low: float | None
    """Interval from; None: there is none."""
    high: float | None
    """Interval to."""
    mapped: float | None
    """What the map counts; None: it says nothing of this."""


def intervals(bars: Sequence[Bar], words: Words) -> str:
    """A dot for the estimate, a line for its interval, a hollow diamond for the count of the map."""
    most = max([*(v for one in bars for v in (one.value, one.high or 0.0, one.mapped or 0.0)), 1.0])
    step = _step(most / TICKS)
    scale = (WIDE - LEFT - RIGHT) / (step * (int(most / step) + 1))
    foot = TOP + TALL * len(bars)
    parts = [f'<rect width="{WIDE}" height="{foot + 86}" fill="#ffffff"/>', *_axis(step, scale, most, foot, words)]
    for place, one in enumerate(bars):
        parts += _bar(one, TOP + TALL * place + TALL * 0.68, scale)
    parts += _key(foot + 56, words, any(one.mapped is not None for one in bars))
    box = f'viewBox="0 0 {WIDE} {foot + 86}" role="img" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return "\n".join([head, *parts, "</svg>"])


def _step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below."""
    power = 1.0
    while power * 10 <= least:
        power *= 10
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least)


def _axis(step: float, scale: float, most: float, foot: float, words: Words) -> list[str]:
    made = []
    for i in range(int(most / step) + 2):
        x = LEFT + i * step * scale
        made.append(
            f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{foot}" stroke="{FAINT}" stroke-opacity="0.3"/>'
        )
        label = escape(words.number(i * step))
        made.append(f'<text x="{x:.1f}" y="{foot + 16}" text-anchor="middle" fill="{FAINT}">{label}</text>')
    name = escape(words.say(_("hectares")))
    made.append(f'<text x="{WIDE / 2}" y="{foot + 32}" text-anchor="middle" fill="{FAINT}">{name}</text>')
    return made


def _bar(one: Bar, y: float, scale: float) -> list[str]:
    x = LEFT + max(one.value, 0) * scale
    made = [f'<text x="{LEFT}" y="{y - 14:.1f}" font-weight="bold" fill="{INK}">{escape(one.label[:48])}</text>']
    if one.low is not None and one.high is not None:
        low, high = LEFT + max(one.low, 0) * scale, LEFT + one.high * scale
        made.append(f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{BLUE}" stroke-width="3"/>')
        made += [
            f'<line x1="{end:.1f}" y1="{y - 6}" x2="{end:.1f}" y2="{y + 6}" stroke="{BLUE}" stroke-width="2"/>'
            for end in (low, high)
        ]
    made.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{BLUE}"/>')
    return made if one.mapped is None else [*made, _diamond(LEFT + one.mapped * scale, y)]


def _diamond(x: float, y: float) -> str:
    corners = f"{x:.1f},{y - 7} {x + 7:.1f},{y} {x:.1f},{y + 7} {x - 7:.1f},{y}"
    return f'<polygon points="{corners}" fill="none" stroke="{ALARM}" stroke-width="2"/>'


def _key(y: float, words: Words, mapped: bool) -> list[str]:
    texts = (words.say(_("estimate and its range")), words.say(_("the map alone")))
    made = [
        f'<circle cx="{LEFT}" cy="{y - 4}" r="5" fill="{BLUE}"/>',
        f'<text x="{LEFT + 12}" y="{y}" fill="{INK}">{escape(texts[0])}</text>',
    ]
    if not mapped:
        return made
    return [
        *made,
        _diamond(LEFT, y + 16),
        f'<text x="{LEFT + 12}" y="{y + 20}" fill="{INK}">{escape(texts[1])}</text>',
    ]
