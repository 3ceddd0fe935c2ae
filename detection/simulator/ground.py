"""The ground on one day: what stood there at first, what the river took, what was cleared or hurt, cell by cell."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.simulator.parameters import Surface
from detection.types import Codes, Days, Float, Grid

if TYPE_CHECKING:
    from detection.simulator.parts import Part

KNOTS: Final = 12
"""Moments of a part's course; between two of them it goes in a straight line."""
NEVER: Final = 2_000_000_000
"""A day after every day."""
GROWTH: Final = (
    (1.0, Surface.SECONDARY_1), (3.0, Surface.SECONDARY_3), (6.0, Surface.SECONDARY_6),
    (10.0, Surface.SECONDARY_10), (20.0, Surface.SECONDARY_20), (40.0, Surface.SECONDARY_40),
)  # fmt: skip
"""(age in years, surface): what the names of secondary forest say."""
DAYS_A_YEAR: Final = 365.25
RIVER: Final = int(Surface.RIVER)


class Stratum(IntEnum):
    """Where a cell lies, at the epoch."""

    OTHER = 0
    """Not forest."""
    INTACT = 1
    """Old forest far from river and highway."""
    SWAMP = 2
    """The same: palm swamp and pole forest."""
    BAMBOO = 3
    """The same: bamboo."""
    STEEP = 4
    """The same: on a hillside that may slide."""
    MOSAIC = 5
    """Old forest nearer to them."""
    RIVER = 6
    """Forest of the floodplain."""
    SECONDARY = 7
    """Secondary forest."""
    COFFEE = 8
    """Coffee, in the sun or under shade."""


@dataclass(frozen=True)
class Layer:
    """Which part owns a cell, where parts overlap: the first that covers half of it, else the one that covers most."""

    parts: tuple["Part", ...]
    """The earliest first; of two die-offs of bamboo any."""
    owner: NDArray[np.int32]
    """(y, x) position in `parts`, -1 for none."""
    cover: Float
    """(y, x) share of the cell it covers, 0..1; a cell counts as changed from one half on."""
    share: Float
    """(y, x) a partial: how much of the covered ground it hurts at its worst, 0..1. A conversion: 1."""
    days: NDArray[np.int32]
    """(part, KNOTS) days since 1970, rising."""
    becomes: Float
    """(part, KNOTS) a conversion: the surface on these days; a partial: how far the cell has gone to `into`, 0..1."""
    into: Codes
    """(part,) a partial: the surface mixed in. A conversion: not used."""


@dataclass(frozen=True)
class Landscape:
    """One window of the land. Arrays are shared between callers and must not be written to."""

    grid: Grid
    """Where it lies."""
    surface: Codes
    """(y, x) codes of `parameters.Surface` before any event."""
    offset: Float
    """(6, y, x) what a cell keeps for good, in spatial standard deviations of its surface, band by band."""
    echo: Float
    """(2, y, x) the same of VV and VH."""
    height: Float
    """(y, x) stage of the river at which a cell begins to get wet; 9 where never."""
    slope: Float
    """(2, y, x) tan of the slope towards east and towards north; zero on plains."""
    river_from: Days
    """(y, x) day since 1970 on which the river takes a cell; NEVER where it does not."""
    river_until: Days
    """(y, x) day on which it leaves the cell; where that is before `river_from`, it left it before the epoch."""
    scroll_days: Days
    """(knot,) days since the river left, rising from zero."""
    scroll_becomes: Codes
    """(knot,) surface so long after, fading from one to the next."""
    conversions: Layer
    """What turns forest into something else. None begins where the river already is or was."""
    partials: Layer
    """What hurts forest and leaves it forest."""
    stratum: Codes
    """(y, x) codes of `Stratum`."""


def ground(
    land: Landscape, day: float, level: Float, spread: Float, soak: Float, offset: Float, wet: Float
) -> tuple[Float, Codes]:
    """(channel, y, x) values of the ground before any weather, and (y, x) what covers most of each cell.

    level, spread, soak: (surface, channel) mean today, spatial standard deviation, change when wholly flooded;
    offset: (channel, y, x) in these standard deviations; wet: (y, x) 0..1. No channels (shape 0): the surface alone.
    Values are not clamped: what cannot be negative is for the caller to say. Mixtures are straight in the values given.
    """
    values = np.empty((level.shape[1], *land.grid.shape), np.float32)
    today = np.empty(land.grid.shape, np.uint8)
    conversions, partials = land.conversions, land.partials
    _ground(
        values, today, day, land.surface, land.river_from, land.river_until,
        land.scroll_days, land.scroll_becomes,
        conversions.owner, conversions.cover, turning(conversions, day),
        partials.owner, partials.cover, partials.share, strength(partials, day), partials.into,
        np.ascontiguousarray(level, np.float32), np.ascontiguousarray(spread, np.float32),
        np.ascontiguousarray(soak, np.float32), offset, wet,
    )  # fmt: skip
    return values, today


def surface_on(land: Landscape, day: float) -> Codes:
    """(y, x) what covers most of each cell, codes of `parameters.Surface`."""
    none = np.empty((len(Surface), 0), np.float32)
    nowhere = np.empty((0, *land.grid.shape), np.float32)
    return ground(land, day, none, none, none, nowhere, np.zeros(land.grid.shape, np.float32))[1]


def scroll_course(sand_years: float) -> tuple[Days, Codes]:
    """Bare sand at first, then growth as old as its names say; (knot,) days since the river left, (knot,) surface."""
    bare = sand_years * DAYS_A_YEAR
    days = [0.0, bare, *(bare + age * DAYS_A_YEAR for age, _ in GROWTH)]
    return np.array(days).astype(np.int32), np.array([Surface.SAND, Surface.SAND, *(s for _, s in GROWTH)], np.uint8)


def turning(layer: Layer, day: float) -> Float:
    """(part, 3): surface from, surface to, share of the second; the share is -1 before the part begins."""
    knot = (layer.days <= day).sum(1) - 1
    each, here, there = np.arange(len(knot)), np.maximum(knot, 0), np.minimum(knot + 1, KNOTS - 1)
    before, after = layer.days[each, here], layer.days[each, there]
    share = np.where(knot < 0, -1, (day - before) / np.maximum(after - before, 1))
    share = np.where(knot == KNOTS - 1, 0, share)
    return np.stack([layer.becomes[each, here], layer.becomes[each, there], share], 1).astype(np.float32)


def strength(layer: Layer, day: float) -> Float:
    """(part,) how far a partial has gone on this day."""
    one, two, share = turning(layer, day).T
    return np.where(share < 0, 0, one + (two - one) * share).astype(np.float32)


@njit(
    "void(float32[:, :, ::1], uint8[:, ::1], float64, uint8[:, ::1], int32[:, ::1], int32[:, ::1], int32[::1],"
    "uint8[::1], int32[:, ::1], float32[:, ::1], float32[:, ::1], int32[:, ::1], float32[:, ::1], float32[:, ::1],"
    "float32[::1], uint8[::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, :, ::1], float32[:, ::1])",
    cache=True,
    nogil=True,
)
def _ground(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    out, today, day, surface, river_from, river_until, scroll_days, scroll_becomes, owner, cover, now, harmed, reach,
    worst, gone, into, level, spread, soak, offset, wet,
):  # fmt: skip
    """Base, river, partial on what no conversion covers, conversion; the flood soaks each surface as it likes.

    Tables (surface, channel) and maps (y, x) as in `ground`; owner, cover, now (part, 3) of the conversions;
    harmed, reach, worst, gone (part,), into (part,) owner, cover, share and strength of the partials.
    """
    rows, columns = surface.shape
    channels, last = out.shape[0], len(scroll_days) - 1
    zero, half = np.float32(0), np.float32(0.5)
    river = np.uint8(RIVER)
    for y in range(rows):
        for x in range(columns):
            a = b = surface[y, x]
            t, free = zero, True
            come, leave = river_from[y, x], river_until[y, x]
            if come <= day < leave:
                a = b = river
                free = False
            elif day >= leave:
                age, k = day - leave, 0
                while k < last and scroll_days[k + 1] <= age:
                    k += 1
                a, b = scroll_becomes[k], scroll_becomes[min(k + 1, last)]
                if k < last:
                    t = np.float32((age - scroll_days[k]) / (scroll_days[k + 1] - scroll_days[k]))
                free = leave < come
            harm, share, i, p, q, u = zero, zero, a, a, a, zero
            if free and harmed[y, x] >= 0:
                harm = gone[harmed[y, x]] * reach[y, x] * worst[y, x]
                i = into[harmed[y, x]]
            if free and owner[y, x] >= 0 and now[owner[y, x], 2] >= 0:
                share = cover[y, x]
                p, q, u = np.uint8(now[owner[y, x], 0]), np.uint8(now[owner[y, x], 1]), now[owner[y, x], 2]
            code = i if harm >= half else (a if t < half else b)
            today[y, x] = code if share < half else (p if u < half else q)
            w = wet[y, x]
            for c in range(channels):
                z = offset[c, y, x]
                value = level[a, c] + spread[a, c] * z + w * soak[a, c]
                if t > 0:
                    value += t * (level[b, c] + spread[b, c] * z + w * soak[b, c] - value)
                if harm > 0:
                    value += harm * (level[i, c] + spread[i, c] * z + w * soak[i, c] - value)
                if share > 0:
                    new = level[p, c] + spread[p, c] * z + w * soak[p, c]
                    new += u * (level[q, c] + spread[q, c] * z + w * soak[q, c] - new)
                    value += share * (new - value)
                out[c, y, x] = value
