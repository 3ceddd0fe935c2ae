"""Areas as a register would have them, drawn from simulated worlds, and what became of them: `benchmarks/restoration.py` asks.

Outlines are drawn around what one event cleared, one in two as it is, the others a cell too wide or a cell beside it, and
around forest that nothing happened to. What is true of a cell follows from what covered most of it in every month.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from detection.codes import NO_YEAR
from detection.simulator.ground import Landscape, surface_on
from detection.simulator.landscape import landscape
from detection.simulator.parameters import Surface
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import Mask, to_day
from jobs.reports.restoration.courses import WHOLE, AreaCourse, area_course
from jobs.reports.restoration.recovery import Course

SMALLEST: Final = 0.5
"""Hectares of a cleared patch that somebody registers."""
INTACT: Final = 12
"""Areas a world around forest that nothing happened to."""
LAG: Final = 3
"""A register says that restoration began in the year of the clearing or up to so many years later."""
UNSAID: Final = 0.25
"""Share of areas of which it does not say."""
LATEST: Final = 2020
"""Last year in which restoration begins."""
STYLES: Final = ("exact", "exact", "wide", "shifted")
LASTING: Final = 3
"""Whole calendar years for which growth must stand to count, or bare land to count as stalled."""
SECONDARY: Final = tuple(range(int(Surface.SECONDARY_1), int(Surface.SECONDARY_40) + 1))
COFFEE: Final = (int(Surface.SUN_COFFEE), int(Surface.SHADE_COFFEE))
HURT: Final = (Course.STALLED, Course.RECOVERING, Course.RECLEARED)
UNJUDGED: Final = -1
"""Of a cell that was cleared or began to grow too short a time before the end to say, or that a river took."""


@dataclass(frozen=True)
class Ground:
    """A world, month by month."""

    land: Landscape
    """Its land."""
    months: tuple[date, ...]
    """The first day of every month, and the day on which it ends."""
    surface: NDArray[np.uint8]
    """(month, cell) what covers most of it."""
    grown: Mask
    """(month, cell) forest, old or secondary."""
    fell: Mask
    """(month - 1, cell) it was grown and is so no longer, nor coffee."""

    @property
    def coffee(self) -> Mask:
        """(cell,) is it coffee at the end?"""
        return np.isin(self.surface[-1], COFFEE)

    @property
    def old(self) -> Mask:
        """(cell,) is it forest that is not secondary, from first to last?"""
        return np.asarray(self.grown.all(0) & ~np.isin(self.surface, SECONDARY).any(0))


@dataclass(frozen=True)
class Drawn:
    """An area of a register."""

    name: str
    """Of what it was drawn around."""
    style: str
    """One of STYLES."""
    since: int | None
    """Year in which restoration began, if the register says."""
    cells: NDArray[np.int64]
    """(pixel,) flat positions of the cells it touches."""
    weights: NDArray[np.float64]
    """(pixel,) hectares of each within."""
    course: NDArray[np.int8]
    """(pixel,) true `Course`, or UNJUDGED."""
    onset: NDArray[np.int32]
    """(pixel,) true year in which growth began that lasted, NO_YEAR."""
    again: NDArray[np.int32]
    """(pixel,) true year of the clearing after it, NO_YEAR."""
    planted: Mask
    """(pixel,) is it coffee at the end?"""

    @property
    def truth(self) -> int:
        """What is true of it, of the hectares that can be judged: `AreaCourse`, or UNJUDGED where too many cannot."""
        held = {one: float(self.weights[self.course == one].sum()) for one in (UNJUDGED, *Course)}
        if held[UNJUDGED] > max(held[one] for one in HURT) and held[Course.UNTOUCHED] < WHOLE * self.weights.sum():
            return UNJUDGED
        judged = sum(held[one] for one in Course)
        return area_course({one: held[one] / judged for one in Course})

    @property
    def rose(self) -> bool:
        """Is it true of it that it rose?"""
        return self.truth in (AreaCourse.RECOVERING, AreaCourse.RECLEARED)

    @property
    def coffee(self) -> bool:
        """Is most of what it lost coffee at the end?"""
        hurt = self.course != Course.UNTOUCHED
        return bool(self.weights[hurt & self.planted].sum() > 0.5 * self.weights[hurt].sum())


def middle(years: NDArray[np.int32], weights: NDArray[np.float64]) -> int | None:
    """The weighted median of the years that are there; None without one."""
    there = years != NO_YEAR
    if not there.any():
        return None
    order = np.argsort(years[there], kind="stable")
    reached = np.cumsum(weights[there][order])
    return int(years[there][order][np.searchsorted(reached, 0.5 * reached[-1])])


def ground(scene: SimulatedParameters) -> Ground:
    """The truth of a world."""
    land = landscape(scene.site, Simulated(scene).grid())
    firsts = [date(year, month, 1) for year in range(scene.start.year, scene.end.year) for month in range(1, 13)]
    months = (*firsts, scene.end)
    surface = np.stack([surface_on(land, to_day(day)).ravel() for day in months])
    grown = scene.site.world.table("woody").astype(np.bool_)[surface] | np.isin(surface, (*SECONDARY, Surface.BLOWDOWN))
    fell = grown[:-1] & ~grown[1:] & ~np.isin(surface[1:], COFFEE)
    return Ground(land, months, surface, grown, fell)


def areas(scene: SimulatedParameters, known: Ground) -> list[Drawn]:
    """The register of a world; the same at every call."""
    rng = np.random.default_rng(scene.seed)
    outlines = (_outlined(known, name, core, rng) for name, core in [*_cleared(known), *_intact(known, rng)])
    inside = (one for one in outlines if len(one[2]))  # not shifted out of the world
    return [_judged(known, *one, _since(known, one[2], rng)) for one in inside]


def _cleared(known: Ground) -> Iterator[tuple[str, Mask]]:
    """(event, mask) of every connected patch that one event cleared before LATEST; roads are not restored."""
    layer, shape = known.land.conversions, known.land.grid.shape
    events = sorted(
        {part.event for part in layer.parts if part.kind != "road" and part.days[0] < to_day(date(LATEST, 1, 1))}
    )
    number = {event: n for n, event in enumerate(events)}
    of_part = np.array([number.get(part.event, -1) for part in layer.parts] + [-1])
    owner = np.where(layer.cover >= 0.5, of_part[layer.owner], -1).reshape(shape)
    for event, n in number.items():
        patches, many = ndimage.label(owner == n, np.ones((3, 3)))
        for patch in range(1, many + 1):
            mask = patches == patch
            if mask.sum() * _hectares(known) >= SMALLEST:
                yield event, mask


def _intact(known: Ground, rng: np.random.Generator) -> Iterator[tuple[str, Mask]]:
    """Squares of forest of a few hectares."""
    shape = known.land.grid.shape
    whole = known.grown.all(0).reshape(shape)
    for _ in range(INTACT):
        side = int(rng.integers(3, 10))
        row, column = (int(rng.integers(1, length - side - 1)) for length in shape)
        mask = np.zeros(shape, np.bool_)
        mask[row : row + side, column : column + side] = True
        if whole[mask].all():
            yield "intact", mask


def _hectares(known: Ground) -> float:
    return float(known.land.grid.resolution**2 / 10_000)


def _outlined(
    known: Ground, name: str, core: Mask, rng: np.random.Generator
) -> tuple[str, str, NDArray[np.int64], Any]:
    """(name, style, cells, hectares of each) of an outline around a mask, in cells from the corner of the world."""
    rows, columns = np.nonzero(core)
    outline = shapely.union_all(shapely.box(columns, rows, columns + 1, rows + 1))
    style = STYLES[int(rng.integers(len(STYLES)))]
    if style == "wide":
        outline = outline.buffer(1)
    elif style == "shifted":
        outline = shapely.transform(outline, lambda at: at + rng.choice([-1.0, 1.0], 2) * [1, 0])
    outline = outline.simplify(0.5)
    west, south, east, north = outline.bounds
    high, wide = core.shape
    row, column = np.mgrid[max(int(south), 0) : min(int(north) + 1, high), max(int(west), 0) : min(int(east) + 1, wide)]
    within = shapely.area(shapely.intersection(shapely.box(column, row, column + 1, row + 1), outline))
    touched = within > 0
    return name, style, (row * wide + column)[touched], within[touched] * _hectares(known)


def _since(known: Ground, cells: NDArray[np.int64], rng: np.random.Generator) -> int | None:
    """What the register says: soon after the first clearing of most of its cells, any year where nothing was cleared."""
    first, lag, said = int(rng.integers(1990, 2016)), int(rng.integers(LAG + 1)), rng.random() >= UNSAID
    fell = known.fell[:, cells]
    if fell.any():
        years = np.array([known.months[m].year for m in fell.argmax(0)[fell.any(0)]])
        first = min(int(np.median(years)) + lag, LATEST)
    return first if said else None


def _judged(
    known: Ground, name: str, style: str, cells: NDArray[np.int64], weights: NDArray[np.float64], since: int | None
) -> Drawn:
    """The truth of the cells of an area."""
    told = [_course(known, int(cell), since) for cell in cells]
    course, onset, again = (np.array([one[k] for one in told]) for k in range(3))
    coffee = known.coffee[cells]
    return Drawn(
        name,
        style,
        since,
        cells,
        weights,
        course.astype(np.int8),
        onset.astype(np.int32),
        again.astype(np.int32),
        coffee,
    )


def _course(known: Ground, cell: int, since: int | None) -> tuple[int, int, int]:
    """(Course or UNJUDGED, year of the onset, year of the second clearing): from the last clearing before the end of `since`, or,
    where that is not said, from the first."""
    if (known.surface[:, cell] == Surface.RIVER).any():
        return UNJUDGED, NO_YEAR, NO_YEAR
    falls = np.flatnonzero(known.fell[:, cell]) + 1
    year = [known.months[m - 1].year for m in falls]
    first = falls[:1] if known.grown[0, cell] else [0]
    begun = first if since is None else falls[: sum(y <= since for y in year)]
    if len(begun):
        return _grown(known, cell, int(begun[-1]))
    month = 0 if since is None else 12 * (since - known.months[0].year)
    if not known.grown[month, cell]:
        return _grown(known, cell, month)
    later = [y for y in year if since is None or y > since]
    return (Course.RECLEARED, NO_YEAR, later[0]) if later else (Course.UNTOUCHED, NO_YEAR, NO_YEAR)


def _grown(known: Ground, cell: int, begun: int) -> tuple[int, int, int]:
    """The same from a month on in which it was cleared, or was bare."""
    grown, last = known.grown[:, cell], len(known.months) - 1
    if known.coffee[cell]:
        return Course.STALLED, NO_YEAR, NO_YEAR
    starts = [m for m in range(begun + 1, last + 1) if grown[m] and not grown[m - 1]]
    for start in starts:
        end = start + int(np.argmin(np.append(grown[start:], False)))
        if _years(start, min(end, last)) >= LASTING:
            onset = known.months[start - 1].year
            if end > last:
                return Course.RECOVERING, onset, NO_YEAR
            return Course.RECLEARED, onset, known.months[end - 1].year
    if grown[last] or _years(begun, last) < LASTING:
        return UNJUDGED, NO_YEAR, NO_YEAR
    return Course.STALLED, NO_YEAR, NO_YEAR


def _years(first: int, last: int) -> int:
    """Whole calendar years from one month to another."""
    return last // 12 - -(-first // 12)
