"""The drawing of peat: emissions of every year, pool upon pool, with the interval of their sum."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import fsum
from typing import Final

from jobs.reports.drawing import FAINT, GRID, INK, box, steps, stroke, svg, words
from jobs.reports.peat.classes import POOLS
from jobs.reports.peat.peat import Account, Total
from jobs.reports.peat.wording import NAMES, YEARS_TITLE
from jobs.words import Words, _

COLOURS: Final = {
    "CO2-onsite": "#d55e00", "DOC": "#56b4e9", "CH4": "#009e73", "N2O": "#cc79a7", "fire": "#e69f00", "excavated": "#0072b2",
}  # fmt: skip
"""Pool -> colour: Okabe and Ito (2008)."""
WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 360.0, 270.0, 58.0, 8.0, 26.0, 26.0
"""Units: as narrow as a phone, so that text stays legible there."""
SIZE, LINE = 12.0, 18.0
Stack = list[tuple[str, float]]
"""(pool, tonnes of CO2-equivalent), from the foot up."""
LABELLED: Final = 7
"""At most so many years are written below."""


def yearly(found: Account, to: Words) -> str:
    """Stacked by pool; what takes up carbon hangs below nought; a bar for the interval of all pools together."""
    years = range(found.years[0], found.years[1] + 1)
    stacks = {year: _stack(found, year) for year in years}
    totals = {year: one for year in years if (one := found.total(year)) is not None}
    ticks = steps(*_reach(stacks.values(), totals.values()))
    many = len({pool for stack in stacks.values() for pool, _value in stack})
    return svg(WIDE, TALL + 8 + LINE * (many + 1), _shapes(stacks, totals, ticks, to), to.say(YEARS_TITLE))


def _stack(found: Account, year: int) -> list[tuple[str, float]]:
    mine = [one for one in found.emissions if one.year == year]
    sums = ((pool, fsum(one.tco2e.value for one in mine if one.pool == pool)) for pool in POOLS)
    return [(pool, value) for pool, value in sums if value]


def _reach(stacks: Collection[Stack], totals: Collection[Total]) -> tuple[float, float]:
    tops = [fsum(v for _pool, v in stack if v > 0) for stack in stacks] + [one.tco2e.high for one in totals]
    feet = [fsum(v for _pool, v in stack if v < 0) for stack in stacks] + [one.tco2e.low for one in totals]
    return min([0.0, *feet]), max([0.0, *tops]) or 1.0


def _shapes(
    stacks: Mapping[int, Stack], totals: Mapping[int, Total], ticks: Sequence[float], to: Words
) -> Iterator[str]:
    scale = (TALL - TOP - BOTTOM) / (ticks[-1] - ticks[0])
    slot = (WIDE - LEFT - RIGHT) / len(stacks)
    digits = 0 if ticks[1] - ticks[0] >= 1 else 2

    def height(value: float) -> float:
        return TALL - BOTTOM - (value - ticks[0]) * scale

    yield words(0, TOP - 14, to.say(_("tonnes of CO2e a year")), "start", FAINT, SIZE)
    for tick in ticks:
        yield stroke(LEFT, height(tick), WIDE - RIGHT, height(tick), INK if tick == 0 else GRID)
        yield words(LEFT - 6, height(tick) + 4, to.number(tick, digits), "end", FAINT, SIZE)
    for place, (year, stack) in enumerate(stacks.items()):
        middle = LEFT + (place + 0.5) * slot
        yield from _bar(stack, middle, min(0.7 * slot, 60.0), height)
        if year in totals:
            yield from _whisker(totals[year], middle, height)
        if place % -(-len(stacks) // LABELLED) == 0:
            yield words(middle, TALL - BOTTOM + 18, str(year), "middle", FAINT, SIZE)
    yield from _key({pool for stack in stacks.values() for pool, _value in stack}, to)


def _bar(stack: Stack, middle: float, wide: float, height: Callable[[float], float]) -> Iterator[str]:
    up = down = 0.0
    for pool, value in stack:
        start = up if value > 0 else down
        top, foot = height(max(start, start + value)), height(min(start, start + value))
        yield box(middle - wide / 2, top, wide, foot - top, COLOURS[pool])
        up, down = up + max(value, 0.0), down + min(value, 0.0)


def _whisker(total: Total, middle: float, height: Callable[[float], float]) -> Iterator[str]:
    low, high = height(total.tco2e.low), height(total.tco2e.high)
    yield stroke(middle, low, middle, high, INK, 1.5)
    for end in (low, high):
        yield stroke(middle - 4, end, middle + 4, end, INK, 1.5)


def _key(pools: Collection[str], to: Words) -> Iterator[str]:
    for place, pool in enumerate(pool for pool in reversed(POOLS) if pool in pools):
        y = TALL + 2 + LINE * place
        yield box(4, y, 12, 12, COLOURS[pool])
        yield words(24, y + 10, to.say(NAMES[pool]), size=SIZE)
    y = TALL + 8 + LINE * len(pools)
    yield from (stroke(10, y - 6, 10, y + 6, INK, 1.5), stroke(6, y - 6, 14, y - 6), stroke(6, y + 6, 14, y + 6))
    yield words(24, y + 4, to.say(_("range of all together")), size=SIZE)
