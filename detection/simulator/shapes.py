"""Outlines of patches on a grid: rounded rectangles and stars of smooth lobes, ragged at the edge."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.simulator.draws import Frame, Stream, noise
from detection.simulator.site import Site
from detection.types import Days, Float, Grid, Mask

if TYPE_CHECKING:
    from detection.simulator.parts import Part

SQUARENESS_AREA: Final = 3.7081
"""Area of |x|^4 + |y|^4 <= 1: 4 gamma(5/4)^2 / gamma(3/2)."""
LOBES: Final = (2, 3, 4, 5)
"""Orders of a star's lobes."""
NORMAL: Final = NormalDist()
OUTLINE: Final = 17
"""Numbers that make an outline: nine, and two for each order of lobes."""
EVEN, PATCHY, GAPS = 0, 1, 2
"""How a partial hurts its patch: all over alike, more here and less there, or in single gaps with trails between."""


@dataclass(frozen=True)
class Patch:
    """A rounded rectangle, or with lobes a star."""

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
    fan: float = 0.0
    """How much wider it is at its far end than in the middle, and narrower at the near one."""
    lobes: tuple[float, ...] = ()
    """Cosine and sine amplitude of the lobes of each order in `LOBES`; empty: a rounded rectangle."""

    @property
    def area_ha(self) -> float:
        """Without the raggedness, which leaves it as it is on average."""
        unit = math.pi * (1 + sum(a * a for a in self.lobes) / 2) if self.lobes else SQUARENESS_AREA
        return unit * self.half_length * self.half_width / 10_000

    @property
    def reach(self) -> float:
        """No point of it is farther from the centre, metres."""
        star = 1 + sum(math.hypot(*pair) for pair in zip(self.lobes[::2], self.lobes[1::2], strict=True))
        corner = math.hypot(self.half_length, self.half_width * (1 + self.fan))
        return star * corner / (1 - self.ragged)


def patch_of(
    centre: tuple[float, float], area_ha: float, aspect: float, bearing: float, ragged: float, fan: float = 0.0
) -> Patch:
    """A rounded rectangle of this area around (south, east)."""
    half_width = math.sqrt(area_ha * 10_000 / (SQUARENESS_AREA * aspect))
    return Patch(*centre, half_width * aspect, half_width, bearing, ragged, fan)


def star_of(
    centre: tuple[float, float], area_ha: float, aspect: float, bearing: float, draws: Sequence[float]
) -> Patch:
    """A star of this area; draws: eight standard normals. The lobes of order k have amplitudes about .3 / k."""
    lobes = tuple(
        max(-0.3, min(0.3, 0.3 * draw / order))
        for order, draw in zip((k for k in LOBES for _ in range(2)), draws, strict=True)
    )
    unit = math.pi * (1 + sum(a * a for a in lobes) / 2)
    half_width = math.sqrt(area_ha * 10_000 / (unit * aspect))
    return Patch(*centre, half_width * aspect, half_width, bearing, 0.05, 0.0, lobes)


@dataclass(frozen=True)
class Texture:
    """Smooth fields that every patch of a grid shares, each (y, x) N(0, 1)."""

    ragged: Float
    """Bends the outlines."""
    patchy: Float
    """Of partials that hurt more here and less there."""
    gaps: Float
    """Single gaps lie where it is high."""
    trails: Float
    """Skid trails lie where it is zero."""


def texture(site: Site, frame: Frame) -> Texture:
    """The texture of a frame."""
    land = site.world.land
    return Texture(
        noise(frame, *((site.key(Stream.ROUGHNESS, m), m, 0.5**0.5) for m in land.ragged_m)),
        noise(frame, (site.key(Stream.HURT, 1), land.patchy[0], 1.0)),
        noise(frame, (site.key(Stream.HURT, 2), land.gap_m, 1.0)),
        noise(frame, (site.key(Stream.HURT, 3), land.skid_m[0], 1.0)),
    )


def rasterise(
    parts: Sequence["Part"], grid: Grid, allowed: Mask, taken: Days, marks: Texture, uneven: tuple[float, float, float]
) -> tuple[NDArray[np.int32], Float, Float]:
    """(y, x) owner, cover and share of a `ground.Layer` with these parts in this order.

    allowed: (y, x) where anything can happen at all; taken: (y, x) day from which nothing can; uneven: distance between
    skid trails and their width, m, relative sd of what is hurt more here and less there.
    """
    owner = np.full(grid.shape, -1, np.int32)
    cover, share = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    rows = [
        (*_outline(p.patch), p.patch.reach, p.share, p.pattern, _threshold(p.pattern, p.share), p.days[0])
        for p in parts
    ]
    _rasterise(
        owner, cover, share, np.array(rows, np.float64).reshape(-1, OUTLINE + 5), allowed, taken, marks.ragged,
        marks.patchy, marks.gaps, marks.trails, np.array([-grid.north, grid.west, grid.resolution, *uneven], np.float64),
    )  # fmt: skip
    return owner, cover, share


def _outline(patch: Patch) -> tuple[float, ...]:
    """(OUTLINE,) what `_inside` needs."""
    sizes = (patch.south, patch.east, patch.half_length, patch.half_width)
    turned = (math.cos(patch.bearing), math.sin(patch.bearing), patch.ragged, patch.fan)
    return (*sizes, *turned, float(bool(patch.lobes)), *(patch.lobes or (0.0,) * (2 * len(LOBES))))


@cache
def _threshold(pattern: int, share: float) -> float:
    """Level t of a N(0, 1) field z such that min(max(z - t, 0), 1) is `share` on average; 0 for other patterns."""
    if pattern != GAPS:
        return 0.0
    low, high = -4.0, 4.0
    while high - low > 1e-3:
        t = (low + high) / 2
        low, high = (t, high) if _above(t) - _above(t + 1) > share else (low, t)
    return low


def _above(t: float) -> float:
    """Mean of max(z - t, 0) of a N(0, 1)."""
    return NORMAL.pdf(t) - t * (1 - NORMAL.cdf(t))


@njit("float64(float64[::1], float64, float64, float64, float64)", cache=True, nogil=True)
def _inside(row, south, east, ragged, resolution):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Share of one cell, its centre at (south, east) of the patch's centre, that lies inside the outline."""
    length, width, cos, sin = row[2], row[3], row[4], row[5]
    x = (east * cos + south * sin) / length
    y = (south * cos - east * sin) / (width * (1 + row[7] * min(max((east * cos + south * sin) / length, -1.0), 1.0)))
    if row[8] > 0:
        radius = np.sqrt(x * x + y * y)
        edge = 1.0
        if radius > 0:
            # cos and sin of the multiples of the angle are the powers of one complex number.
            one = complex(x / radius, y / radius)
            power = one
            for k in range(4):
                power *= one
                edge += row[9 + 2 * k] * power.real + row[10 + 2 * k] * power.imag
        radius /= edge
    else:
        radius = np.sqrt(np.sqrt(x * x * x * x + y * y * y * y))
    radius *= 1 + row[6] * min(max(ragged, -1.0), 1.0)
    share = min(max(0.5 + (1 - radius) * width / resolution, 0.0), 1.0)
    # What is narrower than a cell cannot fill it.
    return min(share, 2 * width / resolution, 2 * length / resolution)


@njit(
    "void(int32[:, ::1], float32[:, ::1], float32[:, ::1], float64[:, ::1], boolean[:, ::1], int32[:, ::1],"
    "float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float64[::1])",
    cache=True,
    nogil=True,
)
def _rasterise(owner, cover, share, parts, allowed, taken, ragged, patchy, gaps, trails, place):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Give cells to parts in their order.

    place: south and east of the grid's corner, cell size, spacing and width of trails, relative sd of PATCHY.
    """
    rows, columns = owner.shape
    top, left, size, spacing, trail, sd = place
    for n in range(parts.shape[0]):
        row = parts[n]
        reach, worst, pattern, threshold, day = row[17], row[18], row[19], row[20], row[21]
        cells = reach / size + 2
        middle, centre = (row[0] - top) / size, (row[1] - left) / size
        if not (-cells < middle < rows + cells and -cells < centre < columns + cells):
            continue
        for y in range(max(int(middle - cells), 0), min(int(middle + cells) + 1, rows)):
            south = top + (y + 0.5) * size - row[0]
            for x in range(max(int(centre - cells), 0), min(int(centre + cells) + 1, columns)):
                if not allowed[y, x] or cover[y, x] >= 0.5 or taken[y, x] <= day:
                    continue
                inside = np.float32(_inside(row, south, left + (x + 0.5) * size - row[1], ragged[y, x], size))
                if inside <= cover[y, x]:
                    continue
                owner[y, x], cover[y, x] = n, inside
                if pattern == 0:
                    share[y, x] = worst
                elif pattern == 1:
                    share[y, x] = min(max(worst * (1 + sd * patchy[y, x]), 0.0), 1.0)
                else:
                    # Half the distance between two zeros of a smooth field is about its length over two per sd.
                    line = 0.5 + (trail / 2 - abs(trails[y, x]) * spacing / 2) / size
                    line = min(max(line, 0.0), trail / size)
                    share[y, x] = max(min(max(gaps[y, x] - threshold, 0.0), 1.0), line)
