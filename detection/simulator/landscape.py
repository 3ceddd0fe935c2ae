"""All that does not depend on the day: what stood where before any event, and which event owns which cell."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detection.simulator import constants as c
from detection.simulator.constants import Surface
from detection.simulator.draws import Dice, Frame, Stream, key_of, noise
from detection.simulator.events import Part, Patch, events_in
from detection.simulator.lines import Metres, highway_distance, river_distance
from detection.types import Codes, Float, Grid, Mask

DRY = 9.0
"""Height above any flood."""


@dataclass(frozen=True)
class Owners:
    """Which part owns a cell, where parts overlap: the first that covers half of it, else the one that covers most."""

    parts: tuple[Part, ...]
    """The earliest first."""
    owner: NDArray[np.int32]
    """(y, x) position in `parts`, -1 for none."""
    cover: Float
    """(y, x) share of the cell it covers, 0..1; a cell counts as changed from one half on."""
    days: NDArray[np.int32]
    """(part, 5) days since 1970."""
    becomes: Float
    """(part, 5) surface, or strength, on these days."""


@dataclass(frozen=True)
class Landscape:
    """One window of the land. Arrays are shared between callers and must not be written to."""

    grid: Grid
    """Where it lies."""
    surface: Codes
    """(y, x) codes of `constants.Surface` before any event."""
    offset: Float
    """(6, y, x) what a cell keeps for good, in spatial standard deviations of its surface, band by band."""
    height: Float
    """(y, x) stage of the river at which a cell gets wet; 9 where never."""
    losses: Owners
    """Clearings, mines and roads; they change forest only."""
    brownings: Owners
    """Brownings of forest."""


def frame_of(grid: Grid) -> Frame:
    """The cells of a grid."""
    return Frame(grid.first_row, grid.first_column, grid.shape, grid.resolution)


@lru_cache(maxsize=8)
def landscape(seed: int, grid: Grid) -> Landscape:
    """Build the land of a grid; the eight last ones are kept, because looks arrive scene by scene."""
    frame = frame_of(grid)
    river, highway = river_distance(seed, frame), highway_distance(seed, frame)
    surface = _surface(seed, frame, river, highway)
    woody = np.isin(surface, c.WOODY)
    parts = events_in(seed, grid)
    ragged = noise(frame, *((key_of(seed, Stream.ROUGHNESS, m), m, 0.7) for m in (480, 120)))
    losses = [part for part in parts if part.kind != "browning"]
    brownings = [part for part in parts if part.kind == "browning"]
    return Landscape(
        grid,
        surface,
        _offset(seed, frame),
        _height(seed, frame, river, surface, woody),
        _owners(losses, grid, woody, ragged),
        _owners(brownings, grid, woody, ragged),
    )


def _surface(seed: int, frame: Frame, river: Metres, highway: Metres) -> Codes:
    """Forest, then plots along the highway, then sand, water and the highway itself over them."""
    out = _plots(seed, frame, highway)
    bend = noise(frame, (key_of(seed, Stream.BEND), c.SAND_BEND_M, 1.0))
    bar = c.SAND_WIDTH_M * np.clip(2 * (np.abs(bend) - c.SAND_FROM), 0, 1)
    bank = np.abs(river) - c.RIVER_HALF_WIDTH_M
    out[(bank < bar) & (river * bend > 0)] = Surface.SAND
    out[np.abs(highway) < c.HIGHWAY_HALF_WIDTH_M] = Surface.ROAD
    out[bank < 0] = Surface.RIVER
    return out


def _plots(seed: int, frame: Frame, highway: Metres) -> Codes:
    """Pasture, secondary forest or forest, plot by plot; plots are ranked from the highway outwards."""
    wide, deep = c.PLOT_M
    wobble = noise(frame, (key_of(seed, Stream.PLOT, 0), 480, 60.0))
    east = (frame.column + np.arange(frame.shape[1]) + 0.5) * frame.resolution
    south = (frame.row + np.arange(frame.shape[0]) + 0.5) * frame.resolution
    along = np.floor((east[None, :] + wobble) / wide).astype(np.int64)
    away = np.floor((highway + wobble) / deep).astype(np.int64)
    # Which highway: the one before or behind the half-way line between two.
    line = np.floor((south[:, None] - highway) / c.LINE_M + 0.5).astype(np.int64)
    # One integer for the three names: sorting integers is far faster than sorting rows.
    spans = [(int(name.min()), int(np.ptp(name)) + 1) for name in (along, away, line)]
    code = ((along - spans[0][0]) * spans[1][1] + away - spans[1][0]) * spans[2][1] + line - spans[2][0]
    codes, index = np.unique(code, return_inverse=True)
    names = np.unravel_index(codes, [span for _, span in spans])
    plots = zip(*(name + lowest for name, (lowest, _) in zip(names, spans, strict=True)), strict=True)
    return np.array([_plot(seed, *map(int, plot)) for plot in plots], np.uint8)[index].reshape(frame.shape)


def _plot(seed: int, along: int, away: int, line: int) -> Surface:
    distance = abs(away + 0.5) * c.PLOT_M[1]
    draw = Dice(int(key_of(seed, Stream.PLOT, along, away, line))).uniform()
    pasture = c.PASTURE_SHARE / (1 + (distance / c.ACCESS_M) ** 2)
    secondary = c.SECONDARY_SHARE / (1 + (distance / c.ACCESS_M / 2) ** 2)
    if draw < pasture:
        return Surface.PASTURE
    return Surface.SECONDARY if draw < pasture + secondary else Surface.TERRA_FIRME


def _height(seed: int, frame: Frame, river: Metres, surface: Codes, woody: Mask) -> Float:
    """Low near the water; sand bars flood first, then the bank forest."""
    bank = np.abs(river) - c.RIVER_HALF_WIDTH_M
    uneven = noise(frame, (key_of(seed, Stream.BANK), 480, 0.15))
    height = np.full(frame.shape, DRY, np.float32)
    forest = woody & (bank < c.FLOODPLAIN_M)
    height[forest] = (0.3 + 0.7 * bank / c.FLOODPLAIN_M + uneven)[forest]
    sand = surface == Surface.SAND
    height[sand] = (0.1 + 0.7 * bank / c.SAND_WIDTH_M)[sand]
    return height


def _offset(seed: int, frame: Frame) -> Float:
    """Half shared by the stand, half the cell's own; the stand's is correlated within visible and within infrared."""
    out = np.empty((len(c.BANDS), *frame.shape), np.float32)
    for group, correlation in enumerate((c.VISIBLE_CORRELATION, c.INFRARED_CORRELATION)):
        shared = [(key_of(seed, Stream.STAND, group, m), m, np.sqrt(correlation / 2)) for m in c.STAND_M]
        stand = noise(frame, *shared)
        for band in range(3 * group, 3 * group + 3):
            own = (key_of(seed, Stream.PIXEL, band), 0, np.sqrt(1 - correlation))
            out[band] = stand + noise(frame, own)
    return out


def _owners(parts: list[Part], grid: Grid, woody: Mask, ragged: Float) -> Owners:
    owner, cover = np.full(grid.shape, -1, np.int32), np.zeros(grid.shape, np.float32)
    for number, part in enumerate(parts):
        box = _box(part.patch, grid)
        if box is None:
            continue
        share = np.where(woody[box], _cover(part.patch, grid, box, ragged[box]), 0)
        better = (cover[box] < 0.5) & (share > cover[box])
        owner[box][better], cover[box][better] = number, share[better]
    days = np.array([part.days for part in parts], np.int32).reshape(-1, 5)
    becomes = np.array([part.becomes for part in parts], np.float32).reshape(-1, 5)
    return Owners(tuple(parts), owner, cover, days, becomes)


def _box(patch: Patch, grid: Grid) -> tuple[slice, slice] | None:
    """The cells of the grid a patch may touch; None when it touches none."""
    # No point of the rounded rectangle is farther out than its half diagonal; raggedness is clipped at one.
    reach = np.hypot(patch.half_length, patch.half_width) / (1 - patch.ragged) + 2 * grid.resolution
    top, left = (patch.south + grid.north) / grid.resolution, (patch.east - grid.west) / grid.resolution
    cells = reach / grid.resolution
    rows = slice(max(int(top - cells), 0), min(int(top + cells) + 1, grid.shape[0]))
    columns = slice(max(int(left - cells), 0), min(int(left + cells) + 1, grid.shape[1]))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _cover(patch: Patch, grid: Grid, box: tuple[slice, slice], ragged: Float) -> Float:
    """Share of each cell inside the patch: one half on its edge, with a ramp one cell wide."""
    south = (np.arange(box[0].start, box[0].stop) + 0.5) * grid.resolution - grid.north - patch.south
    east = (np.arange(box[1].start, box[1].stop) + 0.5) * grid.resolution + grid.west - patch.east
    cos, sin = np.cos(patch.bearing), np.sin(patch.bearing)
    x = (east[None, :] * cos + south[:, None] * sin) / patch.half_length
    y = (south[:, None] * cos - east[None, :] * sin) / patch.half_width
    radius = np.sqrt(np.sqrt(x**2 * x**2 + y**2 * y**2)) * (1 + patch.ragged * np.clip(ragged, -1, 1))
    share: Float = np.clip(0.5 + (1 - radius) * patch.half_width / grid.resolution, 0, 1).astype(np.float32)
    return share
