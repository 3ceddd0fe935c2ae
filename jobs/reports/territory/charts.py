"""The drawing of years: what the map counts, and the range of the estimate where there is one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from jobs.reports.drawing import FAINT, GRID, INK, box, dot, steps, stroke, svg, words
from jobs.reports.territory.checked import Range
from jobs.reports.territory.found import Found
from jobs.reports.territory.picture import periods
from jobs.words import Words, _

YEARS_TITLE: Final = _("Loss of forest, year by year")
LOSSES: Final = ("#f6c667", "#e69f00", "#d55e00")
"""Colours of the periods of loss, the last the strongest: here and on the map (Okabe and Ito 2008, the first lightened)."""
WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 360.0, 210.0, 44.0, 8.0, 26.0, 26.0
"""Units: as narrow as a phone, so that text stays legible there."""
SIZE, LINE = 12.0, 18.0
LABELLED: Final = 8
"""At most so many years are written below."""


def yearly(found: Found, to: Words) -> str:
    """A bar a year, in the colour of its period; a dot and a line for the estimate and its range."""
    mapped = {year: found.sums.lost([year]) for year in found.years}
    ranges = {
        year: found.checked.of(mapped[year])
        for year in found.checked_years
        if found.checked is not None and mapped[year]
    }
    top = max([*mapped.values(), *(one.high for one in ranges.values())], default=0.0) or 1.0
    shapes = _shapes(found, mapped, ranges, steps(0.0, top), to)
    return svg(WIDE, TALL + LINE * (2 if ranges else 1), shapes, to.say(YEARS_TITLE))


def _shapes(
    found: Found, mapped: dict[int, float], ranges: dict[int, Range], ticks: Sequence[float], to: Words
) -> Iterator[str]:
    scale, slot = (TALL - TOP - BOTTOM) / ticks[-1], (WIDE - LEFT - RIGHT) / len(mapped)

    def height(value: float) -> float:
        return TALL - BOTTOM - value * scale

    yield words(0, TOP - 14, to.say(_("hectares a year")), "start", FAINT, SIZE)
    for tick in ticks:
        yield stroke(LEFT, height(tick), WIDE - RIGHT, height(tick), GRID if tick else INK)
        yield words(LEFT - 6, height(tick) + 4, to.number(tick, 0 if ticks[1] >= 1 else 2), "end", FAINT, SIZE)
    for colour, span in colours(found.years):
        for year in span:
            middle, wide = LEFT + (year - found.years.start + 0.5) * slot, min(0.7 * slot, 44.0)
            yield box(middle - wide / 2, height(mapped[year]), wide, height(0.0) - height(mapped[year]), colour)
            if year in ranges:
                yield from _range(ranges[year], middle, height)
            if (year - found.years.start) % -(-len(mapped) // LABELLED) == 0:
                yield words(middle, TALL - BOTTOM + 18, str(year), "middle", FAINT, SIZE)
    yield from _key(bool(ranges), to)


def colours(years: range) -> list[tuple[str, range]]:
    """(colour, period), the first period first."""
    spans = periods(years)
    return list(zip(LOSSES[-len(spans) :], spans, strict=True)) if spans else []


def _range(one: Range, middle: float, height: Callable[[float], float]) -> Iterator[str]:
    low, high = height(one.low), height(one.high)
    yield stroke(middle, low, middle, high, INK, 1.5)
    for end in (low, high):
        yield stroke(middle - 4, end, middle + 4, end, INK, 1.5)
    yield dot(middle, height(one.value), 3, INK)


def _key(ranged: bool, to: Words) -> Iterator[str]:
    for place, colour in enumerate(LOSSES):
        yield box(2 + 6 * place, TALL - 2, 6, 12, colour)
    yield words(28, TALL + 8, to.say(_("on the map")), size=SIZE)
    if ranged:
        y = TALL + LINE + 4
        yield from (stroke(11, y - 6, 11, y + 6, INK, 1.5), stroke(7, y - 6, 15, y - 6), stroke(7, y + 6, 15, y + 6))
        yield dot(11, y, 3, INK)
        yield words(28, y + 4, to.say(_("estimate and its range")), size=SIZE)
