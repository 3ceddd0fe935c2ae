"""The series of one index at an alert as a drawing: numbers and paths alone, the page puts them into SVG.

Lengths are units of the drawing, WIDE x TALL; a phone shows one as nine tenths of a pixel, so that letters of 12 stay legible.
Points are subpaths of one path a sensor, 11 bytes each: a thousand looks need no thinning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from matplotlib.ticker import MaxNLocator

from detection.types import to_day
from jobs.notify.evidence import Look
from jobs.words import Words

WIDE, TALL = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 42, 352, 42, 190
"""Edges of the frame that holds the points."""
LANE: Final = 204
"""Where the looks that saw nothing are marked."""
BEFORE_DAYS: Final = 400
"""So much of the time before the change is drawn: the seasons show once, and what came since is wide enough (chosen)."""
LABELS: Final = 16
"""Least distance of two letters above the frame."""
STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
"""Months between two labels of the axis."""
MOST_LABELS: Final = 4


@dataclass(frozen=True)
class Shape:
    """How the looks of a sensor are drawn."""

    colour: str
    """Okabe and Ito (2008), darkened to 3:1 on white and more."""
    draw: Callable[[float, float], str]
    """(x, y) -> a subpath."""
    cap: str
    """`stroke-linecap` of points that are drawn as lines of no length; empty: filled."""


def _point(x: float, y: float) -> str:
    return f"M{x:.1f} {y:.1f}h0"


def _triangle(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 3.4:.1f}l3.4 6h-6.8z"


def _diamond(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 3.4:.1f}l3.4 3.4-3.4 3.4-3.4-3.4z"


SHAPES: Final = {
    "Landsat": Shape("#0072b2", _point, "round"),
    "Sentinel-2": Shape("#b04a00", _point, "square"),
    "Sentinel-1": Shape("#7a3f6b", _triangle, ""),
}
"""Sensor as people write it -> its shape."""
OTHER: Final = Shape("#3d4a42", _diamond, "")


@dataclass(frozen=True)
class Dots:
    """The looks of one sensor."""

    sensor: str
    """As people write it."""
    shape: Shape
    """How they are drawn."""
    path: str
    """All of them."""
    sample: str
    """One, for the key, in the middle of a square of 12 units."""


@dataclass(frozen=True)
class Mark:
    """A day that the alert rests on."""

    letter: str
    """Beside its line, and in the key."""
    x: float
    """Of its line."""
    label: float
    """Of its letter, apart from the others."""
    dash: str
    """`stroke-dasharray`; each has its own."""
    day: str
    """For people."""
    said: str
    """What happened, for people."""


@dataclass(frozen=True)
class Tick:
    """A label of an axis."""

    at: float
    """x or y."""
    text: str
    """For people."""


@dataclass(frozen=True)
class Curve:
    """A drawing of one index."""

    plane: str
    """The index or channel."""
    dots: tuple[Dots, ...]
    """Sensor by sensor."""
    hidden: str
    """A path with a tick for each look that saw nothing; empty: there is none."""
    marks: tuple[Mark, ...]
    """In order of time."""
    band: tuple[float, float] | None
    """x and width of the time in which the change happened; None where it is not known."""
    months: tuple[Tick, ...]
    """Below."""
    numbers: tuple[Tick, ...]
    """At the left."""


@dataclass(frozen=True)
class Span:
    """What all drawings of an alert have in common: their time, and the days that the alert rests on."""

    first: date
    """First day drawn: looks before it stand in the table alone."""
    last: date
    """Last day drawn."""
    days: tuple[tuple[date, str], ...]
    """Days that the alert rests on, and what happened, for people."""
    clear: date | None
    """Last clear look before the change; None where it is not known."""
    change: date
    """First look on it."""


def span_of(looks: Sequence[Look], days: Sequence[tuple[date, str]], clear: date | None, change: date) -> Span:
    """From BEFORE_DAYS before the change, or the first of the days where that is earlier, to the last look or day."""
    start = min([change - timedelta(BEFORE_DAYS), *(day for day, _ in days)])
    drawn = [look.day for look in looks if look.day >= start] + [day for day, _ in days]
    return Span(min(drawn, default=start), max(drawn, default=change), tuple(days), clear, change)


def curve_of(plane: str, looks: Sequence[tuple[str, Look]], span: Span, words: Words) -> Curve | None:
    """The drawing of (sensor, look) pairs of one index, the oldest first; None where none in the span shows the place."""
    drawn = [(sensor, look) for sensor, look in looks if look.day >= span.first]
    seen = [(sensor, look.day, look.value) for sensor, look in drawn if look.value is not None]
    if not seen:
        return None
    x = _across(span.first, span.last)
    numbers, y = _upright(min(value for _, _, value in seen), max(value for _, _, value in seen), words)
    dots = []
    for sensor in sorted({sensor for sensor, _, _ in seen}):
        shape = SHAPES.get(sensor, OTHER)
        path = "".join(shape.draw(x(day), y(value)) for name, day, value in seen if name == sensor)
        dots.append(Dots(sensor, shape, path, shape.draw(6, 6)))
    hidden = "".join(f"M{x(look.day):.1f} {LANE}v8" for _, look in drawn if look.value is None)
    band = (x(span.clear), x(span.change) - x(span.clear)) if span.clear is not None else None
    return Curve(plane, tuple(dots), hidden, _marks(span.days, x, words), band, _months(span, x, words), numbers)


def _across(first: date, last: date) -> Callable[[date], float]:
    begin, span = to_day(first), max(to_day(last) - to_day(first), 1)
    return lambda day: LEFT + 6 + max(0.0, (to_day(day) - begin) / span) * (RIGHT - LEFT - 12)


def _upright(low: float, high: float, words: Words) -> tuple[tuple[Tick, ...], Callable[[float], float]]:
    """Labels of the index, and where a value lies; the labels stand at the ends and between."""
    least = 0.05 if high - low < 0.05 else 0.0
    values = [float(v) for v in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low - least, high + least)]
    bottom, top = values[0], values[-1]
    step = (values[1] - values[0]) if len(values) > 1 else 1.0
    digits = 0 if step >= 1 else 1 if step >= 0.1 and abs(step * 10 - round(step * 10)) < 1e-6 else 2

    def y(value: float) -> float:
        return BOTTOM - (value - bottom) / max(top - bottom, 1e-9) * (BOTTOM - TOP)

    return tuple(Tick(round(y(v), 1), words.number(v, digits)) for v in values), y


def _months(span: Span, x: Callable[[date], float], words: Words) -> tuple[Tick, ...]:
    """First days of months, as many as there is room for; the first and the last day where there is no room for two."""
    first, last = span.first, span.last
    begin, end = first.year * 12 + first.month, last.year * 12 + last.month - 1
    months = range(begin, end + 1)
    step = next((step for step in STEPS if sum(m % step == 0 for m in months) <= MOST_LABELS), STEPS[-1])
    starts = [date(m // 12, m % 12 + 1, 1) for m in months if m % step == 0]
    if len(starts) < 2:
        return tuple(Tick(round(x(day), 1), words.day(day)) for day in dict.fromkeys((first, last)))
    return tuple(Tick(round(x(day), 1), words.month(day)) for day in starts)


DASHES: Final = ("2 3", "", "7 3", "1 2 6 2", "10 2 2 2")


def _marks(days: Sequence[tuple[date, str]], x: Callable[[date], float], words: Words) -> tuple[Mark, ...]:
    """Letters keep apart: each stands as near above its line as the one before lets it, and all within the frame."""
    ordered = sorted(enumerate(days), key=lambda one: (one[1][0], one[0]))
    labels: list[float] = []
    for _, (day, _) in ordered:
        labels.append(max([x(day), *(at + LABELS for at in labels[-1:])]))
    for place in reversed(range(len(labels))):
        rest = len(labels) - 1 - place
        labels[place] = min(labels[place], RIGHT - 4 - rest * LABELS)
    return tuple(
        Mark("ABCDE"[place], round(x(day), 1), round(label, 1), DASHES[number], words.day(day), said)
        for place, ((number, (day, said)), label) in enumerate(zip(ordered, labels, strict=True))
    )
