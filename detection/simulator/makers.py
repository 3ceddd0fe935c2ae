"""How each kind of event goes: one maker a kind, from where and when it begins to its patches and their courses.

Courses follow the project's science notes, section 4.4; the numbers are in `world.toml`, [events] and [kinds].
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from detection.simulator.ground import DAYS_A_YEAR, GROWTH
from detection.simulator.parameters import Surface
from detection.simulator.parts import (
    FOREVER,
    MONTH,
    Beginning,
    Kind,
    Knot,
    Part,
    conversion,
    day_of,
    hectares,
    partial,
    patch_at,
    years_of,
)
from detection.simulator.shapes import EVEN, GAPS, PATCHY, Patch, patch_of


def _clearing(begin: Beginning) -> list[Part]:
    return [_felled(begin, patch_at(begin, hectares(begin)))]


def _felled(begin: Beginning, patch: Patch) -> Part:
    """Felled, debris, burnt or cleared up, bare, then used or left to grow again."""
    dice, place, events = begin.dice, begin.site.place, begin.site.world.events
    kept = dice.uniform() < place.dry_share
    felled = day_of(begin.year, dice.whole(*events.dry_season) if kept else dice.whole(1, 365))
    opened = felled + dice.whole(*events.debris_days)
    cleared = Surface.BURNT if dice.uniform() < place.burn_odds else Surface.BARE
    over = opened + events.burning_days
    green = over + dice.whole(*events.bare_days)
    knots: list[Knot] = [
        (felled, Surface.FELLED),
        (opened, Surface.FELLED),
        (over, cleared),
        (green, Surface.BARE),
    ]
    return conversion(begin, patch, [*knots, *_afterwards(begin, green)])


def _afterwards(begin: Beginning, green: int) -> list[Knot]:
    """Pasture, crop, coffee or regrowth, by the region's shares."""
    dice, draw = begin.dice, begin.dice.uniform() * sum(begin.site.place.after)
    pasture, crop, coffee, _ = begin.site.place.after
    events = begin.site.world.events
    settled = green + dice.whole(*events.settled_days)
    if draw < pasture + crop:
        return [(settled, Surface.PASTURE if draw < pasture else Surface.CROP)]
    if draw < pasture + crop + coffee:
        return _coffee(begin, settled)
    growth = _regrowth(green, dice.between(*events.regrowth_years))
    again = green + int(-math.log(dice.uniform()) / events.reclearing_per_year * DAYS_A_YEAR)
    return growth if again >= FOREVER else _cleared_again(begin, growth, again)


def _coffee(begin: Beginning, planted: int) -> list[Knot]:
    """Bushes; some of them come under shade later."""
    dice, events = begin.dice, begin.site.world.events
    grown = planted + dice.whole(*events.coffee_days)
    knots: list[Knot] = [(planted, Surface.SECONDARY_1), (grown, Surface.SUN_COFFEE)]
    shaded = grown + dice.whole(*events.shade_days)
    return [*knots, (shaded, Surface.SHADE_COFFEE)] if dice.uniform() < events.shade_share else knots


def _regrowth(green: float, factor: float) -> list[Knot]:
    """Secondary forest as old as its names say, times a factor."""
    return [(green + age * factor * DAYS_A_YEAR, surface) for age, surface in GROWTH]


def _cleared_again(begin: Beginning, growth: Sequence[Knot], again: int) -> list[Knot]:
    """The regrowth up to the day it is felled, then debris, bare soil, pasture."""
    dice, events = begin.dice, begin.site.world.events
    grown = [knot for knot in growth if knot[0] < again - 2]
    # The last three ages say enough: the course has room for no more.
    kept = grown[-3:]
    last = kept[-1][1] if kept else Surface.BARE
    bare, settled = again + dice.whole(*events.bare_again_days), again + dice.whole(*events.settled_again_days)
    return [
        *kept, (again - 1, last), (again, Surface.FELLED), (bare, Surface.BARE), (settled, Surface.PASTURE),
    ]  # fmt: skip


def _mining(begin: Beginning) -> list[Part]:
    """Pits, each with its pond, that walk along the river month by month; years later they green over."""
    dice, events = begin.dice, begin.site.world.events
    reach = begin.site.world.land.block_m - 400
    south, east, start, parts = begin.south, begin.east, day_of(begin.year, dice.whole(1, 365)), list[Part]()
    bearing = begin.along + (math.pi if dice.uniform() < 0.5 else 0.0)
    over = start + int(dice.between(*events.abandoned_years) * DAYS_A_YEAR)
    for month in range(dice.whole(*events.mining_months)):
        wanted = dice.between(*events.mining_ha_month)
        while wanted > 0:
            area = hectares(begin)
            wanted -= area
            day = start + MONTH * month + dice.whole(0, MONTH - 1)
            parts.extend(_pit(begin, (south, east), area, day, over))
            bearing = _turned(begin, (south, east), bearing, reach)
            stride = events.mining_stride * math.sqrt(area * 10_000)
            south, east = south + stride * math.sin(bearing), east + stride * math.cos(bearing)
    return parts


def _turned(begin: Beginning, at: tuple[float, float], bearing: float, reach: float) -> float:
    """Along the river as long as the mine keeps within reach, then back beside its own tracks."""
    south, east = at[0] - begin.south, at[1] - begin.east
    if math.hypot(south, east) > reach:
        return math.atan2(-south, -east) + begin.dice.between(0.3, 0.9)
    return bearing + begin.site.world.events.mining_turn * begin.dice.normal()


def _pit(begin: Beginning, at: tuple[float, float], area: float, day: int, over: int) -> list[Part]:
    dice, events = begin.dice, begin.site.world.events
    slow = events.poor_soil * dice.between(*events.regrowth_years)
    filled, dug = over + dice.whole(*events.pond_over_days), day + events.mining_days
    pond: list[Knot] = [(day, Surface.BARE), (dug, Surface.POND), (filled, Surface.POND), *_regrowth(filled, slow)]
    pit: list[Knot] = [
        (day, Surface.FELLED), (dug, Surface.TAILINGS), (over, Surface.TAILINGS), *_regrowth(over, slow),
    ]  # fmt: skip
    # The pond comes first: of two parts with one start and id, the first one made owns the cell.
    return [
        conversion(begin, patch_at(begin, area * events.pond_share, at), pond),
        conversion(begin, patch_at(begin, area, at), pit),
    ]


def _road(begin: Beginning) -> list[Part]:
    """A track that grows segment by segment, away from the highway as often as towards it."""
    dice, events, parts = begin.dice, begin.site.world.events, list[Part]()
    south, east, day = begin.south, begin.east, day_of(begin.year, dice.whole(*events.road_season))
    first, later = events.road_turn
    bearing = math.pi / 2 * (1 if dice.uniform() < 0.5 else -1) + first * dice.normal()
    half, reach = dice.between(*events.road_width_m) / 2, events.road_segment_m / 2
    for _ in range(dice.whole(*events.road_segments)):
        step = (reach * math.sin(bearing), reach * math.cos(bearing))
        patch = Patch(south + step[0], east + step[1], reach + half, half, bearing, 0.0)
        surfaced = day + events.road_surfaced_days
        parts.append(conversion(begin, patch, [(day, Surface.FELLED), (surfaced, Surface.ROAD)]))
        south, east = south + 2 * step[0], east + 2 * step[1]
        bearing += later * dice.normal()
        day += dice.whole(*events.road_days)
    return parts


def _landslide(begin: Beginning) -> list[Part]:
    """Down to bare soil in the wet season, then slow regrowth."""
    dice, events = begin.dice, begin.site.world.events
    season = begin.site.world.land.wet_season_days
    day = day_of(begin.year, begin.site.place.stage_peak_day) + dice.whole(-season // 2, season // 2)
    bare = day + dice.whole(*events.landslide_bare_days)
    slow = events.poor_soil * dice.between(*events.regrowth_years)
    soil = day + events.landslide_fresh_days
    knots: list[Knot] = [(day, Surface.FELLED), (soil, Surface.BARE), (bare, Surface.BARE)]
    return [conversion(begin, patch_at(begin, hectares(begin)), [*knots, *_regrowth(bare, slow)])]


def _logging(begin: Beginning) -> list[Part]:
    """Single gaps and the trails to them, in the dry season; they close within months."""
    dice, events = begin.dice, begin.site.world.events
    day = day_of(begin.year, dice.whole(*events.dry_season))
    done = day + dice.whole(*events.logging_days)
    closed = max(day + MONTH * dice.whole(*events.logging_months), done + MONTH)
    share = dice.between(*events.logging_share)
    knots: list[Knot] = [(day, events.logging_first), (done, 1.0), (closed, 0.0)]
    return [partial(begin, patch_at(begin, hectares(begin)), knots, (Surface.FELLED, share, GAPS))]


def _fire(begin: Beginning) -> list[Part]:
    """The understorey burns within days; the canopy lives and is as before in one to three years."""
    dice, events = begin.dice, begin.site.world.events
    day = day_of(begin.year, dice.whole(*events.fire_season))
    over = day + int(dice.between(*events.fire_years) * DAYS_A_YEAR)
    share = dice.between(*events.fire_share)
    full, half = day + events.fire_days, day + (over - day) // 3
    knots: list[Knot] = [(day, events.fire_first), (full, 1.0), (half, 0.5), (over, 0.0)]
    return [partial(begin, patch_at(begin, hectares(begin)), knots, (Surface.UNDERSTOREY_BURNT, share, PATCHY))]


def _blowdown(begin: Beginning) -> list[Part]:
    """A fan of thrown trees; half of the dead material is gone after four months (Ping 2023), all after fifteen."""
    dice, events, rule = begin.dice, begin.site.world.events, begin.rule
    day = day_of(begin.year, dice.whole(1, 365))
    share = dice.between(*events.blowdown_share)
    aspect, bearing = dice.between(*rule.aspect), 2 * math.pi * dice.uniform()
    patch = patch_of((begin.south, begin.east), hectares(begin), aspect, bearing, rule.ragged, rule.fan)
    knots: list[Knot] = [(day, 1.0), (day + events.blowdown_half_days, 0.5), (day + events.blowdown_over_days, 0.0)]
    return [partial(begin, patch, knots, (Surface.BLOWDOWN, share, PATCHY))]


def _bamboo(begin: Beginning) -> list[Part]:
    """Dies off within months, greens again within years, and once more a cycle later."""
    dice, events, knots = begin.dice, begin.site.world.events, list[Knot]()
    start, cycle = day_of(begin.year, dice.whole(1, 365)), int(events.bamboo_cycle_years * DAYS_A_YEAR)
    for day in (start, start + cycle):
        full = day + dice.whole(*events.bamboo_ramp_days)
        rises = full + dice.whole(*events.bamboo_hold_days)
        knots += [
            (day, 0.0),
            (full, 1.0),
            (rises, 1.0),
            (rises + int(years_of(dice, events.bamboo_recovery_years)), 0.0),
        ]
    share = dice.between(*events.bamboo_share)
    return [partial(begin, patch_at(begin, hectares(begin)), knots, (Surface.BAMBOO_DEAD, share, EVEN))]


def _palm_felling(begin: Beginning) -> list[Part]:
    """Palm by palm over years; nothing comes back within the simulated time."""
    events = begin.site.world.events
    return _lasting(begin, events.palm_share, events.palm_years, (Surface.PALMS_FELLED, PATCHY))


def _drainage(begin: Beginning) -> list[Part]:
    """The peat beside a canal dries over years."""
    events = begin.site.world.events
    return _lasting(begin, events.drainage_share, events.drainage_years, (Surface.DRAINED, EVEN))


def _lasting(
    begin: Beginning, shares: tuple[float, float], years: tuple[float, float], how: tuple[Surface, int]
) -> list[Part]:
    dice, day = begin.dice, day_of(begin.year, begin.dice.whole(1, 365))
    knots: list[Knot] = [(day, 0.0), (day + years_of(dice, years), 1.0)]
    return [partial(begin, patch_at(begin, hectares(begin)), knots, (how[0], dice.between(*shares), how[1]))]


MAKERS: Final[dict[Kind, Callable[[Beginning], list[Part]]]] = {
    "clearing": _clearing,
    "large-clearing": _clearing,
    "peat-clearing": _clearing,
    "mining": _mining,
    "road": _road,
    "landslide": _landslide,
    "logging": _logging,
    "fire": _fire,
    "blowdown": _blowdown,
    "bamboo": _bamboo,
    "palm-felling": _palm_felling,
    "drainage": _drainage,
}
"""Kind of event -> its parts."""
