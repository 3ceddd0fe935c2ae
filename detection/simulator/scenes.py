"""The land under its sky, stored as a satellite stores it: integers, a quality band, and what was hidden from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.simulator import constants as c
from detection.simulator import kernels, sky
from detection.simulator.constants import Surface
from detection.simulator.draws import Stream, key_of, normals
from detection.simulator.landscape import Landscape, Owners, frame_of
from detection.sources.sensors import SENSORS, Sensor
from detection.types import SECONDS_A_DAY, Codes, Float, Mask

QA_WATER: Final = 1 << 7
QA_OF: Final = {
    kernels.CLEAR: 21_824,
    kernels.CONTAMINATED: 21_824,
    kernels.CLOUD: 22_280,
    kernels.FALSE_CLOUD: 22_280,
    kernels.EDGE: 21_762,
    kernels.SHADOW: 23_888,
}
"""QA_PIXEL over land by what hides the ground: bits 6 (clear), 3, 1, 4 and confidences (USGS LSDS-1619, table 6-3)."""
SURFACES: Final = len(Surface)


@dataclass(frozen=True)
class Shot:
    """One acquisition of one landscape."""

    numbers: NDArray[np.uint16]
    """(band, y, x) as stored; the quality band among them where it was asked for."""
    hidden: Codes
    """(y, x) what hid the ground, codes of `kernels`: the truth behind the quality band."""
    surface: Codes
    """(y, x) what covered the ground that day, codes of `constants.Surface`."""


def shoot(seed: int, land: Landscape, instant: int, bands: Sequence[str]) -> Shot:
    """Look at the land once, seconds since 1970; bands as in SENSORS["landsat-c2l2"], in any order."""
    sensor, frame = SENSORS["landsat-c2l2"], frame_of(land.grid)
    optical = [band for band in bands if band != sensor.qa_band]
    rows = np.array([c.BANDS.index(band) for band in optical], np.int64)
    wet = np.clip((np.float32(sky.stage(seed, instant)) - land.height) * 4, 0, 1)
    values, surface = _ground(land, instant, rows, wet)
    smoke = sky.smoke(seed, frame, instant)
    if smoke is not None:
        for value, row in zip(values, rows, strict=True):
            value += np.where(smoke > 0, c.HAZE_LEAST[row] + (c.HAZE_MOST - c.HAZE_LEAST)[row] * smoke, 0)
    hidden = _weather(seed, land, instant, rows, values, surface)
    stored = np.empty((len(rows), *land.grid.shape), np.uint16)
    key = key_of(seed, Stream.LOOK, instant)
    gain = sky.gain(seed, instant)
    kernels.acquire(stored, values, rows, key, frame.row, frame.column, normals(), gain, _noise(), _stored(sensor))
    planes = dict(zip(optical, stored, strict=True))
    if sensor.qa_band is not None and sensor.qa_band in bands:
        planes[sensor.qa_band] = _quality(hidden, _is(surface, c.WATER) | (_is(surface, (Surface.SAND,)) & (wet > 0.5)))
    numbers = np.stack([planes[band] for band in bands]) if bands else stored
    return Shot(numbers, hidden, surface)


def surface_on(land: Landscape, instant: int) -> Codes:
    """(y, x) what covers the ground, codes of `constants.Surface`."""
    return _ground(land, instant, np.empty(0, np.int64), np.zeros(land.grid.shape, np.float32))[1]


def _ground(land: Landscape, instant: int, rows: NDArray[np.int64], wet: Float) -> tuple[Float, Codes]:
    values = np.empty((len(rows), *land.grid.shape), np.float32)
    today = np.empty(land.grid.shape, np.uint8)
    mean, spread, swing = (np.stack([c.SPECTRA[s][i] for s in Surface]) for i in range(3))
    level = mean + swing * np.float32(sky.season(instant))
    dull, soak = np.zeros_like(level), np.zeros_like(level)
    dull[list(c.WOODY)], soak[list(c.WOODY)] = c.BROWNED, c.FLOODED
    soak[Surface.SAND] = level[Surface.RIVER] - level[Surface.SAND]
    day = instant // SECONDS_A_DAY
    fade = _strength(land.brownings, day)
    kernels.ground(
        values, today, rows, land.surface, land.offset, land.losses.owner, land.losses.cover, land.brownings.owner,
        land.brownings.cover, wet, _turning(land.losses, day), level, spread, fade, dull, soak,
    )  # fmt: skip
    return values, today


def _turning(owners: Owners, day: int) -> Float:
    """(part, 3): surface from, surface to, share of the second; the share is -1 before the part begins."""
    knot, share = _knots(owners, day)
    each, last = np.arange(len(knot)), owners.days.shape[1] - 1
    one, two = owners.becomes[each, np.maximum(knot, 0)], owners.becomes[each, np.minimum(knot + 1, last)]
    return np.stack([one, two, np.where(knot < 0, -1, share)], 1).astype(np.float32)


def _strength(owners: Owners, day: int) -> Float:
    """(part,) strength on this day, straight between the knots."""
    now = _turning(owners, day)
    return np.where(now[:, 2] < 0, 0, now[:, 0] + (now[:, 1] - now[:, 0]) * now[:, 2]).astype(np.float32)


def _knots(owners: Owners, day: int) -> tuple[NDArray[np.int64], Float]:
    """Position of the last knot not after the day (-1: none), and how far to the next one, 0..1."""
    knot = (owners.days <= day).sum(1) - 1
    each, last = np.arange(len(knot)), owners.days.shape[1] - 1
    before, after = owners.days[each, np.maximum(knot, 0)], owners.days[each, np.minimum(knot + 1, last)]
    return knot, ((day - before) / np.maximum(after - before, 1)).astype(np.float32)


def _weather(seed: int, land: Landscape, instant: int, rows: NDArray[np.int64], values: Float, surface: Codes) -> Codes:
    frame = frame_of(land.grid)
    clouds = sky.clouds(seed, frame, instant)
    limits = np.array(
        [clouds.start, c.CLOUD_EDGE, c.CLOUD_RISE, c.SHADOW_FROM, c.CONTAMINATED_ODDS, c.FALSE_CLOUD_ODDS], np.float64
    )
    paint = np.stack([c.CLOUD, c.SHADE, c.MISSED_SHADE, c.CIRRUS])
    hidden = np.empty(land.grid.shape, np.uint8)
    kernels.weather(
        values, hidden, rows, _is(surface, c.BRIGHT), clouds.latent, clouds.margin, *clouds.shadow,
        key_of(seed, Stream.MISSED, instant), frame.row, frame.column, limits, paint,
    )  # fmt: skip
    return hidden


def _quality(hidden: Codes, water: Mask) -> NDArray[np.uint16]:
    table = np.array([QA_OF[state] for state in sorted(QA_OF)], np.uint16)
    return table[hidden] | np.where(water, QA_WATER, 0).astype(np.uint16)


def _is(surface: Codes, these: Sequence[Surface]) -> Mask:
    table = np.zeros(SURFACES, np.bool_)
    table[list(these)] = True
    return table[surface]


def _noise() -> NDArray[np.float64]:
    return np.array([c.NOISE_RELATIVE, c.NOISE_FLOOR, c.VISIBLE_CORRELATION, c.INFRARED_CORRELATION])


def _stored(sensor: Sensor) -> NDArray[np.float64]:
    low, high = sensor.valid_range or (0, 65_535)
    return np.array([sensor.scale, sensor.offset, low, high])
