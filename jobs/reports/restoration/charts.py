"""The drawings of a report of restoration: hectares by what they do, progress by target, and a map of the areas."""

from collections.abc import Iterator, Sequence
from math import ceil, cos, hypot, log10, radians
from typing import Final

import numpy as np
import shapely

from detection.accuracy.bootstrap import Estimate
from jobs.reports.drawing import FAINT, GRID, INK, box, dot, steps, stroke, svg, words
from jobs.reports.restoration.land import Held, Land
from jobs.reports.restoration.outcome import Outcomes
from jobs.reports.restoration.recovery import Course
from jobs.reports.restoration.wording import AREA_COURSES, COURSES, TARGETS, between, percent
from jobs.words import Words, _

COURSES_TITLE: Final = _("What the land under restoration does")
PROGRESS_TITLE: Final = _("How far that goes")
MAP_TITLE: Final = _("Where the areas lie, and what most of each does")
COLOURS: Final = {
    Course.RECOVERING: "#009e73", Course.STALLED: "#e69f00", Course.RECLEARED: "#d55e00", Course.UNTOUCHED: "#56b4e9",
    Course.NOT_SEEN: "#9a9a9a",
}  # fmt: skip
"""Okabe and Ito (2008), and a grey."""
OF_AREA: Final = {
    "recleared": COLOURS[Course.RECLEARED], "stalled": COLOURS[Course.STALLED], "recovering": COLOURS[Course.RECOVERING],
    "untouched": COLOURS[Course.UNTOUCHED], "not_measured": COLOURS[Course.NOT_SEEN],
}  # fmt: skip
"""Course of an area -> colour; where many areas share a dot the first of these that any of them has."""
WIDE, LEFT, RIGHT, ROW, SIZE, LINE = 360.0, 8.0, 76.0, 40.0, 12.0, 18.0
"""Units: as narrow as a phone, so that text stays legible there."""
TALLEST: Final = 330.0
DRAWN: Final = 1_500
"""Areas are drawn one by one up to so many; beyond, a dot stands for all of a small square."""
SQUARE: Final = 5.0
LEAST_TALL: Final = 120.0


def courses(found: Outcomes, to: Words) -> str:
    """A bar for each course, a line for its interval; of what comes back, what is restored is filled."""
    rows = [(course, one) for course in COURSES if (one := found.hectares[course]).value]
    most = max([one.high or one.value or 0.0 for _, one in rows] + [1e-9])
    ticks = steps(0.0, most, 4)
    scale = (WIDE - LEFT - RIGHT) / ticks[-1]
    foot = 8 + ROW * len(rows)
    return svg(WIDE, foot + 60, _courses(rows, found.restored, ticks, scale, foot, to), to.say(COURSES_TITLE))


def _courses(
    rows: Sequence[tuple[Course, Estimate]],
    restored: Estimate,
    ticks: Sequence[float],
    scale: float,
    foot: float,
    to: Words,
) -> Iterator[str]:
    for tick in ticks:
        yield stroke(LEFT + tick * scale, 4, LEFT + tick * scale, foot, GRID)
        yield words(LEFT + tick * scale, foot + 15, to.number(tick, 0 if ticks[1] >= 1 else 2), "middle", FAINT, SIZE)
    yield words(WIDE / 2, foot + 32, to.say(_("hectares")), "middle", FAINT, SIZE)
    for place, (course, one) in enumerate(rows):
        y = 8 + ROW * place
        yield words(LEFT, y + 10, to.say(COURSES[course]), size=SIZE)
        yield box(LEFT, y + 16, (one.value or 0.0) * scale, 14, COLOURS[course])
        if course is Course.RECOVERING and restored.value:
            yield box(LEFT, y + 16, restored.value * scale, 14, "#00553e")
        if one.low is not None and one.high is not None:
            yield stroke(LEFT + one.low * scale, y + 23, LEFT + one.high * scale, y + 23, INK, 1.5)
            yield from (
                stroke(LEFT + x * scale, y + 19, LEFT + x * scale, y + 27, INK, 1.5) for x in (one.low, one.high)
            )
    if restored.value:
        yield box(LEFT, foot + 42, 12, 12, "#00553e")
        yield words(LEFT + 18, foot + 52, to.say(_("of it restored")), size=SIZE)


def courses_told(found: Outcomes, to: Words) -> Iterator[str]:
    """The same as sentences."""
    for course, text in COURSES.items():
        if found.hectares[course].value:
            yield f"{to.say(text)}: {between(found.hectares[course], to)}"


def progress(held: Sequence[Held], to: Words) -> str:
    """How much of each target the registers of this report are."""
    rows = _mine(held)
    return svg(WIDE, 12 + ROW * len(rows), _progress(rows, to), to.say(PROGRESS_TITLE))


def progress_told(held: Sequence[Held], to: Words) -> Iterator[str]:
    """The same as sentences."""
    for one in _mine(held):
        yield f"{_target(one, to)}: {percent(one.progress.percent, to)}"


def _mine(held: Sequence[Held]) -> list[Held]:
    return [one for one in held if one.by == "all registers"]


def _target(one: Held, to: Words) -> str:
    return one.region or to.say(TARGETS[one.progress.target.name])


def _progress(rows: Sequence[Held], to: Words) -> Iterator[str]:
    long = WIDE - LEFT - RIGHT
    for place, one in enumerate(rows):
        y = 4 + ROW * place
        yield words(LEFT, y + 10, _target(one, to)[:56], size=SIZE)
        yield box(LEFT, y + 16, long, 14, GRID)
        yield box(LEFT, y + 16, max(long * min(one.progress.percent, 100.0) / 100, 1.0), 14, COLOURS[Course.RECOVERING])
        yield words(LEFT + long + 6, y + 27, percent(one.progress.percent, to), size=SIZE)


def where(land: Land, found: Outcomes | None, to: Words) -> str:
    """The areas as they lie, north up; longitudes are narrowed by the cosine of the latitude."""
    kinds = [_kind(place, found) for place in range(len(land.areas))]
    shapes = np.array([area.geometry for _, area in land.areas], object)
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    narrow = cos(radians((south + north) / 2))
    wide, tall = max((east - west) * narrow, 1e-4), max(north - south, 1e-4)
    zoom = min((WIDE - 2 * LEFT) / wide, (TALLEST - 2 * LEFT) / tall)
    high = max(tall * zoom + 2 * LEFT, LEAST_TALL)

    def flat(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(((xy[:, 0] - west) * narrow * zoom + LEFT, (north - xy[:, 1]) * zoom + LEFT))

    drawn = shapely.transform(shapes, flat)
    legend = [kind for kind in OF_AREA if kind in kinds]
    parts = [
        *_areas(drawn, kinds),
        *_scale(111_320.0 / zoom, high, to),
        *_legend(legend, high + 26, to),
    ]
    return svg(WIDE, high + 30 + LINE * len(legend), parts, to.say(MAP_TITLE))


def _kind(place: int, found: Outcomes | None) -> str:
    one = found.each.get(place) if found else None
    return one.course.name.lower() if one else "not_measured"


def _areas(drawn: np.ndarray, kinds: Sequence[str]) -> Iterator[str]:
    if len(drawn) > DRAWN:
        yield from _squares(drawn, kinds)
        return
    order = list(OF_AREA)[::-1]
    for shape, kind in sorted(zip(drawn, kinds, strict=True), key=lambda pair: order.index(pair[1])):
        x0, y0, x1, y1 = shape.bounds
        if hypot(x1 - x0, y1 - y0) < SQUARE or shape.area == 0:
            yield dot((x0 + x1) / 2, (y0 + y1) / 2, 2.5, OF_AREA[kind])
        else:
            yield f'<path d="{_path(shapely.simplify(shape, 0.4))}" fill="{OF_AREA[kind]}" stroke="{INK}" stroke-width="0.4"/>'


def _path(shape: shapely.Geometry) -> str:
    rings = [ring for part in shapely.get_parts(shape) for ring in shapely.get_rings(part)]
    return " ".join(
        "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring).tolist()) + "Z" for ring in rings
    )


def _squares(drawn: np.ndarray, kinds: Sequence[str]) -> Iterator[str]:
    """A dot a square: of the areas in it the one that wants most care gives the colour."""
    middles = shapely.get_coordinates(shapely.centroid(drawn)) // SQUARE
    rank = {kind: place for place, kind in enumerate(OF_AREA)}
    found: dict[tuple[float, float], int] = {}
    for (x, y), kind in zip(middles.tolist(), kinds, strict=True):
        found[x, y] = min(found.get((x, y), len(rank)), rank[kind])
    for (x, y), place in sorted(found.items()):
        yield dot((x + 0.5) * SQUARE, (y + 0.5) * SQUARE, SQUARE / 2, list(OF_AREA.values())[place])


def _scale(metres: float, high: float, to: Words) -> Iterator[str]:
    """A bar of a round length, about a fifth of the width; metres: of one unit."""
    goal = metres * WIDE / 5
    power = 10.0 ** ceil(log10(goal) - 1)
    length = max(f * power for f in (1, 2, 5) if f * power <= goal)
    said = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    yield stroke(LEFT, high + 4, LEFT + length / metres, high + 4, INK, 3)
    yield words(LEFT + length / metres + 6, high + 8, said, size=SIZE)
    yield words(WIDE - LEFT, high + 8, f"↑ {to.say(_('north'))}", "end", size=SIZE)


def _legend(kinds: Sequence[str], top: float, to: Words) -> Iterator[str]:
    for place, kind in enumerate(kinds):
        yield box(LEFT, top + LINE * place, 12, 12, OF_AREA[kind])
        yield words(LEFT + 18, top + LINE * place + 10, to.say(AREA_COURSES[kind]), size=SIZE)


def where_told(land: Land, found: Outcomes | None, to: Words) -> Iterator[str]:
    """The same as sentences."""
    kinds = [_kind(place, found) for place in range(len(land.areas))]
    for kind in OF_AREA:
        if many := kinds.count(kind):
            yield f"{to.say(AREA_COURSES[kind])}: {to.count(_('{n} area'), _('{n} areas'), many)}"
