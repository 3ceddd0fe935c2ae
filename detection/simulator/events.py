"""What happens to the forest, and when: drawn block by block of the absolute lattice, so that any two areas agree."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from detection.simulator import constants as c
from detection.simulator.constants import Surface
from detection.simulator.draws import Dice, Frame, Stream, key_of
from detection.simulator.lines import highway_distance, river_distance
from detection.types import Grid, to_day

Kind = Literal["clearing", "large-clearing", "mining", "road", "browning"]
SQUARENESS_AREA = 3.7081
"""Area of |x|^4 + |y|^4 <= 1: 4 gamma(5/4)^2 / gamma(3/2)."""
FOREVER = 40_000
"""A day after every scene."""


@dataclass(frozen=True)
class Patch:
    """A rounded rectangle, ragged at the edge."""

    south: float
    """Southing (minus northing) of the centre, metres."""
    east: float
    """Easting of the centre, metres."""
    half_length: float
    """Metres."""
    half_width: float
    """Metres, not above half_length."""
    bearing: float
    """Of the long side, radians from east towards south."""
    ragged: float
    """Relative sd of the radius, 0 for drawn by a ruler."""


@dataclass(frozen=True)
class Part:
    """One patch that changes on one day. An event is one part or several."""

    event: str
    """Id of the event."""
    kind: Kind
    """Of the event."""
    patch: Patch
    """Where."""
    days: tuple[int, ...]
    """Five days since 1970, rising: the first is the day of change."""
    becomes: tuple[float, ...]
    """A loss: surface on each of these days, fading in between. A browning: its strength, 0..1."""


@dataclass(frozen=True)
class _Site:
    """Where and when one event begins."""

    event: str
    kind: Kind
    south: float
    east: float
    year: int
    dice: Dice


def events_in(seed: int, grid: Grid) -> list[Part]:
    """Every part that may touch the grid, the earliest first; the order of two parts is the same on every grid."""
    size = c.BLOCK_M // grid.resolution
    top, left = grid.first_row // size - 1, grid.first_column // size - 1
    rows = (grid.first_row + grid.shape[0] - 1) // size - top + 2
    columns = (grid.first_column + grid.shape[1] - 1) // size - left + 2
    frame = Frame(top * size + size // 2, left * size + size // 2, (rows, columns), grid.resolution, size)
    river, highway = abs(river_distance(seed, frame)), abs(highway_distance(seed, frame))
    parts: list[Part] = []
    for i in range(rows):
        for j in range(columns):
            rates = _rates(float(river[i, j]), float(highway[i, j]))
            for site in _sites(seed, top + i, left + j, rates, grid.resolution):
                parts.extend(_MAKERS[site.kind](site))
    return sorted(parts, key=lambda part: (part.days[0], part.event))


def _rates(river: float, highway: float) -> dict[Kind, float]:
    """Events per block and year at these distances (metres) of the block's centre."""
    access = 1 / (1 + (min(river, highway) / c.ACCESS_EVENT_M) ** 2)
    return {
        "clearing": c.CLEARING_RATE_REMOTE + c.CLEARING_RATE * access,
        "large-clearing": c.LARGE_RATE * access,
        "mining": c.MINING_RATE if river < c.MINING_RIVER_M else 0.0,
        "road": c.ROAD_RATE * access,
        "browning": c.BROWNING_RATE,
    }


def _sites(seed: int, row: int, column: int, rates: dict[Kind, float], resolution: int) -> Iterator[_Site]:
    """The events that begin in one block, in all years."""
    size = c.BLOCK_M // resolution
    for year in range(c.EPOCH + 1, c.LAST_YEAR + 1):
        for number, (kind, rate) in enumerate(rates.items()):
            key = key_of(seed, Stream.EVENT, row, column, year, number)
            for k in range(Dice(int(key)).poisson(rate)):
                dice = Dice(int(key_of(seed, Stream.EVENT, row, column, year, number, k)))
                south = (row * size + dice.whole(0, size - 1) + 0.5) * resolution
                east = (column * size + dice.whole(0, size - 1) + 0.5) * resolution
                yield _Site(f"{kind}-{year}-{dice.key:016x}", kind, south, east, year, dice)


def _clearing(site: _Site) -> list[Part]:
    median, sigma, least, most = c.CLEARING_HA
    area = min(max(median * math.exp(sigma * site.dice.normal()), least), most)
    return [_felled(site, area)]


def _large_clearing(site: _Site) -> list[Part]:
    return [_felled(site, site.dice.log_between(*c.LARGE_HA))]


def _felled(site: _Site, area_ha: float) -> Part:
    """Felled, debris, burnt or left, bare, then green again."""
    dice = site.dice
    patch = _patch(site, area_ha, longest=2.0, ragged=0.2)
    first, last, share = c.DRY_SEASON
    felled = _day(site.year, dice.whole(first, last) if dice.uniform() < share else dice.whole(1, 365))
    opened = felled + dice.whole(30, 90)
    burnt = Surface.BURNT if dice.uniform() < c.BURN_ODDS else Surface.BARE
    bare = opened + dice.whole(30, 180)
    after = Surface.PASTURE if dice.uniform() < c.PASTURE_ODDS else Surface.YOUNG
    days = (felled, opened, opened + 10, bare, bare + dice.whole(365, 900))
    return Part(site.event, site.kind, patch, days, (Surface.FELLED, Surface.FELLED, burnt, Surface.BARE, after))


def _mining(site: _Site) -> list[Part]:
    """A pit, its pond and its tailings that walk along the river month by month."""
    dice, parts = site.dice, list[Part]()
    south, east, start = site.south, site.east, _day(site.year, dice.whole(1, 365))
    bearing = math.pi / 2 + 0.5 * dice.normal()
    for month in range(dice.whole(*c.MINING_MONTHS)):
        area, day = dice.between(*c.MINING_HA), start + 30 * month
        here = _Site(site.event, site.kind, south, east, site.year, dice)
        pond, pit = _patch(here, area * c.POND_SHARE, 1.5, 0.25), _patch(here, area, 1.5, 0.25)
        # The pond comes first: of two parts with one start, the first one listed owns the cell.
        parts.append(_lasting(here, pond, day, (Surface.BARE, Surface.POND)))
        parts.append(_lasting(here, pit, day, (Surface.FELLED, Surface.TAILINGS)))
        stride = 0.9 * math.sqrt(area * 10_000)
        south, east = south + stride * math.sin(bearing), east + stride * math.cos(bearing)
        bearing += 0.3 * dice.normal()
    return parts


def _road(site: _Site) -> list[Part]:
    """A track that grows segment by segment, away from the highway as often as towards it."""
    dice, parts = site.dice, list[Part]()
    south, east, day = site.south, site.east, _day(site.year, dice.whole(100, 300))
    bearing = math.pi / 2 * (1 if dice.uniform() < 0.5 else -1) + 0.4 * dice.normal()
    half = dice.between(*c.ROAD_WIDTH_M) / 2
    for _ in range(dice.whole(*c.ROAD_SEGMENTS)):
        reach = c.ROAD_SEGMENT_M / 2
        middle = (south + reach * math.sin(bearing), east + reach * math.cos(bearing))
        patch = Patch(*middle, reach + half, half, bearing, 0.0)
        parts.append(_lasting(site, patch, day, (Surface.FELLED, Surface.ROAD)))
        south, east = south + 2 * reach * math.sin(bearing), east + 2 * reach * math.cos(bearing)
        bearing += 0.2 * dice.normal()
        day += dice.whole(*c.ROAD_DAYS)
    return parts


def _browning(site: _Site) -> list[Part]:
    """Slow down, slow up again: bamboo die-off or drought, no loss."""
    dice = site.dice
    patch = _patch(site, dice.log_between(*c.BROWNING_HA), longest=1.6, ragged=0.3)
    start = _day(site.year, dice.whole(1, 365))
    low = start + dice.whole(*c.BROWNING_RAMP_DAYS)
    rises = low + dice.whole(*c.BROWNING_HOLD_DAYS)
    recovered = rises + dice.whole(*c.BROWNING_RECOVERY_DAYS)
    depth = dice.between(*c.BROWNING_STRENGTH)
    return [Part(site.event, site.kind, patch, (start, low, rises, recovered, FOREVER), (0.0, depth, depth, 0.0, 0.0))]


def _lasting(site: _Site, patch: Patch, day: int, surfaces: tuple[Surface, Surface]) -> Part:
    """First one surface, within three weeks another, which stays."""
    first, second = surfaces
    days = (day, day + 20, FOREVER, FOREVER + 1, FOREVER + 2)
    return Part(site.event, site.kind, patch, days, (first, second, second, second, second))


def _patch(site: _Site, area_ha: float, longest: float, ragged: float) -> Patch:
    aspect = site.dice.between(1.0, longest)
    half_width = math.sqrt(area_ha * 10_000 / (SQUARENESS_AREA * aspect))
    bearing = math.pi * site.dice.uniform()
    return Patch(site.south, site.east, half_width * aspect, half_width, bearing, ragged)


def _day(year: int, day_of_year: int) -> int:
    return to_day(date(year, 1, 1)) + day_of_year - 1


_MAKERS = {
    "clearing": _clearing,
    "large-clearing": _large_clearing,
    "mining": _mining,
    "road": _road,
    "browning": _browning,
}
