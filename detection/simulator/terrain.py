"""The land at the epoch: rivers that wander, highways with their plots, forest types, relief, strata."""

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.simulator.draws import Frame, Stream, noise
from detection.simulator.ground import NEVER, Stratum, scroll_course
from detection.simulator.kernels import keyed
from detection.simulator.lines import Lines, Metres, highways, rivers
from detection.simulator.parameters import Surface
from detection.simulator.site import Site
from detection.types import Codes, Days, Float, Mask

DRY: Final = 9.0
"""Height above any flood."""
NORMAL: Final = NormalDist()
SWAMPS: Final = (Surface.AGUAJAL, Surface.POLE_FOREST)
"""From the swamp's edge to its middle."""
PLOTS: Final = (
    Surface.PASTURE, Surface.SECONDARY_10, Surface.SECONDARY_20, Surface.SECONDARY_40,
    Surface.SUN_COFFEE, Surface.SHADE_COFFEE,
)  # fmt: skip
FARTHEST_PLOT: Final = 24
"""Rank, from the highway outwards, of the last row of plots."""


@dataclass(frozen=True)
class Terrain:
    """What lies where before any event, on any frame of the absolute lattice."""

    river: Metres
    """(y, x) signed distance to the middle of the river at the epoch."""
    highway: Metres
    """(y, x) signed distance to the nearest highway; inf where there is none."""
    surface: Codes
    """(y, x) codes of `parameters.Surface` at the end of the epoch's year."""
    river_from: Days
    """As in `ground.Landscape`."""
    river_until: Days
    """The same."""
    height: Float
    """The same."""
    slope: Float
    """The same."""
    stratum: Codes
    """The same."""


def woody(site: Site) -> Mask:
    """(surface,) is it forest?"""
    return site.world.table("woody").astype(np.bool_)


def terrain(site: Site, frame: Frame) -> Terrain:
    """The land of a frame with steps of one cell."""
    streams, roads = rivers(site, frame), highways(site, frame)
    river, highway = streams.distance, roads.distance
    relief = _relief(site, river, highway)
    comes, leaves = _wander(site, frame, streams)
    surface = _forest(site, frame, river, relief)
    _plots(site, frame, roads, surface)
    left = leaves < comes
    days, grown = scroll_course(site.world.land.sand_years)
    age = _jan_first(np.int64(site.world.land.epoch + 1)) - leaves[left].astype(np.int64)
    surface[left] = grown[np.searchsorted((days[1:].astype(np.int64) + days[:-1]) // 2, age, "right")]
    on_road = np.abs(highway) < site.world.land.highway_half_width_m
    surface[on_road] = Surface.ROAD
    leaves[on_road & left] = NEVER
    surface[comes < -NEVER // 2] = Surface.RIVER
    height = _height(site, frame, river, surface)
    slope = _slope(site, frame, relief)
    stratum = _stratum(site, Terrain(river, highway, surface, comes, leaves, height, slope, surface))
    return Terrain(river, highway, surface, comes, leaves, height, slope, stratum)


def _wander(site: Site, frame: Frame, streams: Lines) -> tuple[Days, Days]:
    """Day on which the river takes a cell and day on which it leaves it: it moves sideways in the wet season.

    Where the field along it exceeds `bend_from` its outer bank gives way by `erosion_m_year`, and it keeps its width.
    """
    land, river = site.world.land, streams.distance
    bend = _bend(site, frame, streams.number)
    least, most = land.erosion_m_year
    above = np.abs(bend) - land.bend_from
    # The rate rises from nothing, so that no bank has a step in it.
    begins, rises = land.bend_rise
    rate = least * np.clip(above / begins, 0, 1) + (most - least) * np.clip((above - begins) / rises, 0, 1)
    moves, rate = rate > least / 10, np.maximum(rate, least / 10)
    ahead, half = river * np.sign(bend), land.river_half_width_m
    comes = np.where(moves & (ahead > half), (ahead - half) / rate, np.inf)
    leaves = np.where(moves, (ahead + half) / rate, np.inf)
    leaves[leaves < -land.scroll_years] = np.inf
    here = np.abs(river) <= half
    came, left = _wet_day(site, comes), _wet_day(site, leaves)
    came[here] = -NEVER
    left[(came == NEVER) & (leaves >= 0)] = NEVER
    return came, left


def _bend(site: Site, frame: Frame, number: NDArray[np.int64]) -> Metres:
    """(y, x) N(0, 1), smooth along each river and the same across it, so that both of its banks agree."""
    edge = Frame(frame.row, 0, (frame.shape[0], 1), frame.resolution)
    numbers, index = np.unique(number, return_inverse=True)
    fields = [noise(edge, (site.key(Stream.EROSION, n), site.world.land.bend_m, 1.0)) for n in numbers.tolist()]
    return np.concatenate(fields, 1)[np.arange(frame.shape[0])[:, None], index.reshape(frame.shape)].astype(np.float64)


def _wet_day(site: Site, years: Metres) -> Days:
    """Years since the epoch -> day since 1970, all of a year's change in its wet season; NEVER after the last year."""
    land, season = site.world.land, site.world.land.wet_season_days
    span = land.last_year - land.epoch
    known = np.where(years < span, years, 0)
    whole = np.floor(known)
    begins = _jan_first(land.epoch + 1 + whole.astype(np.int64)) + site.place.stage_peak_day - season // 2
    return np.where(years < span, begins + (known - whole) * season, NEVER).astype(np.int32)


def _jan_first(year: NDArray[np.int64] | np.int64) -> NDArray[np.int64]:
    """Days from 1970-01-01 to the first of January (of 1901-2099)."""
    return np.asarray(365 * (year - 1970) + (year - 1969) // 4, np.int64)


def _relief(site: Site, river: Metres, highway: Metres) -> Float:
    """(y, x) 0 in valleys, 1 in the hills; rivers and highways keep to the valleys."""
    low, high = site.world.land.valley_m
    out = np.clip((np.minimum(np.abs(river), np.abs(highway)) - low) / (high - low), 0, 1)
    return (out if site.place.relief > 0 else np.zeros_like(out)).astype(np.float32)


def _slope(site: Site, frame: Frame, relief: Float) -> Float:
    length, sd = site.world.land.hillside_m, site.place.relief
    if sd == 0:
        return np.zeros((2, *frame.shape), np.float32)
    return np.stack([relief * noise(frame, (site.key(Stream.RELIEF, axis), length, sd)) for axis in range(2)])


def tilt(slope: Float) -> Float:
    """(y, x) tan of the steepest slope from (2, y, x)."""
    return np.asarray(np.sqrt(slope[0] * slope[0] + slope[1] * slope[1]), np.float32)


def _forest(site: Site, frame: Frame, river: Metres, relief: Float) -> Codes:
    """Terra firme; swamp behind the levee; bamboo on dry ground; montane forest in the hills."""
    land, shares = site.world.land, {Surface[name.upper()]: share for name, share in site.place.forest}
    out = np.full(frame.shape, Surface.TERRA_FIRME, np.uint8)
    if Surface.MONTANE in shares:
        out[relief > 0.5] = Surface.MONTANE
    behind = np.abs(river) - land.river_half_width_m - land.levee_m
    wet = sum(shares.get(s, 0.0) for s in SWAMPS)
    if wet:
        score = _patches(site, frame, Surface.AGUAJAL) + _pull(site, behind)
        for surface, share in zip(SWAMPS, (wet, shares.get(Surface.POLE_FOREST, 0.0)), strict=True):
            out[(score >= _threshold(site, share)) & (behind > 0)] = surface
    if Surface.BAMBOO in shares:
        high = NORMAL.inv_cdf(1 - shares[Surface.BAMBOO] / (1 - wet))
        out[(_patches(site, frame, Surface.BAMBOO) >= high) & (out == Surface.TERRA_FIRME) & (behind > 0)] = (
            Surface.BAMBOO
        )
    return out


def _patches(site: Site, frame: Frame, surface: Surface) -> Metres:
    """N(0, 1)."""
    octaves = [(site.key(Stream.FOREST, surface, m), m, share**0.5) for m, share in site.place.patch_m]
    return noise(frame, *octaves).astype(np.float64)


def _pull(site: Site, behind: Metres) -> Metres:
    """What is added to the score of swamp: most behind the levee, least half-way to the next river."""
    half = site.world.land.line_m / 2
    return np.asarray(site.world.land.swamp_pull * (1 - 2 * np.clip(behind / half, 0, 1)), np.float64)


@cache
def _threshold(site: Site, share: float) -> float:
    """Score above which this share of the land behind the levees lies, distances being uniform; by bisection."""
    if share <= 0:
        return 9.0
    half = site.world.land.line_m / 2
    pull = _pull(site, np.linspace(0, half, 101)).tolist()
    low, high = -9.0, 9.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        found = sum(1 - NORMAL.cdf(middle - p) for p in pull) / len(pull)
        low, high = (middle, high) if found > share else (low, middle)
    return low


def _plots(site: Site, frame: Frame, roads: Lines, surface: Codes) -> None:
    """Pasture, secondary forest of three ages and coffee, plot by plot, ranked from the highway outwards."""
    if not site.place.highways:
        return
    wide, deep = site.world.land.plot_m
    wobble = noise(frame, (site.key(Stream.PLOT, 0), *site.world.land.plot_warp))
    east = (frame.column + np.arange(frame.shape[1]) + 0.5) * frame.resolution
    along = np.floor((east[None, :] + wobble) / wide).astype(np.int64)
    away = np.floor((roads.distance + wobble) / deep).astype(np.int64)
    _plot(surface, along, away, roads.number, site.key(Stream.PLOT), _odds(site), np.array(PLOTS, np.uint8))


@cache
def _odds(site: Site) -> NDArray[np.float64]:
    """(rank, plot kind) odds summed up: shares at the highway, fallen by e within `plot_access_m`."""
    place = site.place
    third, half = place.secondary_share / 3, place.coffee_share / 2
    total = place.pasture_share + place.secondary_share + place.coffee_share
    shares = np.array([place.pasture_share, third, third, third, half, half]) / max(total, 1.0)
    distance = (np.arange(FARTHEST_PLOT) + 0.5) * site.world.land.plot_m[1]
    pull = np.exp(-(distance - distance[0]) / site.world.land.plot_access_m)
    return np.ascontiguousarray(np.cumsum(pull[:, None] * shares[None, :], axis=1))


@njit(
    "void(uint8[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], uint64, float64[:, ::1], uint8[::1])",
    cache=True,
    nogil=True,
)
def _plot(surface, along, away, line, key, odds, kinds):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Draw what stands on a cell's plot; beyond the last rank, and where nothing is drawn, the forest stays."""
    rows, columns = surface.shape
    for y in range(rows):
        for x in range(columns):
            rank = away[y, x] if away[y, x] >= 0 else -away[y, x] - 1
            if rank >= odds.shape[0]:
                continue
            name = keyed(keyed(keyed(key, along[y, x]), away[y, x]), line[y, x])
            draw = (name >> np.uint64(11)) * 2.0**-53
            for k in range(odds.shape[1]):
                if draw < odds[rank, k]:
                    surface[y, x] = kinds[k]
                    break


def _height(site: Site, frame: Frame, river: Metres, surface: Codes) -> Float:
    """Bank forest by its distance from the river, the surfaces of `Land.heights` wherever they lie."""
    land = site.world.land
    bank = np.abs(river) - land.river_half_width_m
    uneven = noise(frame, (site.key(Stream.BANK), *land.uneven))
    first, more = land.bank_height
    height = np.full(frame.shape, DRY, np.float32)
    near = bank < land.floodplain_m
    height[near] = (first + more * np.maximum(bank, 0) / land.floodplain_m + uneven)[near]
    for name, level in land.heights:
        cells = surface == Surface[name.upper()]
        height[cells] = (level + uneven / 2)[cells]
    return height


def _stratum(site: Site, here: Terrain) -> Codes:
    """Codes of `Stratum`; `here.stratum` is not looked at."""
    far_highway, far_river = site.world.land.intact_m
    surface = here.surface
    out = np.where(woody(site)[surface], Stratum.INTACT, Stratum.OTHER).astype(np.uint8)
    out[np.isin(surface, SWAMPS)] = Stratum.SWAMP
    out[surface == Surface.BAMBOO] = Stratum.BAMBOO
    steep = tilt(here.slope) >= site.world.events.landslide_slope
    out[(out == Stratum.INTACT) & steep] = Stratum.STEEP
    near = (np.abs(here.highway) <= far_highway) | (np.abs(here.river) <= far_river)
    out[near & (out != Stratum.OTHER)] = Stratum.MOSAIC
    secondary = (surface >= Surface.SECONDARY_6) & (surface <= Surface.SECONDARY_40)
    out[secondary] = Stratum.SECONDARY
    bank = np.abs(here.river) - site.world.land.river_half_width_m < site.world.land.floodplain_m
    out[bank & (out != Stratum.OTHER)] = Stratum.RIVER
    out[(surface == Surface.SUN_COFFEE) | (surface == Surface.SHADE_COFFEE)] = Stratum.COFFEE
    return out
