"""The land under its sky as an optical satellite stores it: integers, a quality band, and what was hidden from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput, GridMismatch
from detection.simulator import sky, weather
from detection.simulator.draws import Dice, Frame, Stream, normals
from detection.simulator.ground import Landscape, ground
from detection.simulator.means import reflectance
from detection.simulator.orbits import Look
from detection.simulator.parameters import BANDS, Noise, Surface
from detection.simulator.quality import quality
from detection.simulator.site import Site
from detection.sources.sensors import SENSORS, Sensor
from detection.types import SECONDS_A_DAY, Codes, Float, Grid, to_day

RIM: Final = 1
"""Cells of land that `shoot` needs around what it returns."""
RED, NIR = BANDS.index("red"), BANDS.index("nir")
BETWEEN: Final = {
    **{band: (i, i, 0, i) for i, band in enumerate(BANDS)},
    "rededge1": (RED, NIR, 1, 6),
    "rededge2": (RED, NIR, 2, 7),
    "rededge3": (RED, NIR, 3, 8),
    "nir_wide": (NIR, NIR, 0, 9),
}
"""Band -> two of `BANDS`, which of `Spectra.red_edge` lies between them (0: none), lane of the noise."""


@dataclass(frozen=True)
class Shot:
    """One acquisition of one landscape."""

    numbers: NDArray[np.uint16]
    """(band, y, x) as stored; the quality band among them where it was asked for."""
    hidden: Codes
    """(y, x) what hid the ground, codes of `weather.Hidden`: the truth behind the quality band."""
    surface: Codes
    """(y, x) what covered the ground that day, codes of `parameters.Surface`."""


def shoot(site: Site, land: Landscape, look: Look, bands: Sequence[str]) -> Shot:
    """Look at the land once; bands of the look's sensor in any order, the quality band among them if wanted.

    The land has a rim of RIM cells around the cells that are returned (make it of `grid.pad(RIM)`): a scene lies a
    fraction of a cell off its grid, so a cell shows some of its neighbours. No scene lies more than a cell off.
    Raises BadInput for a band the sensor does not have, GridMismatch for a land without an inside.
    """
    sensor = SENSORS[look.sensor]
    optical = _optical(sensor, bands)
    inner = _inside(land.grid)
    frame = Frame(inner.first_row, inner.first_column, inner.shape, inner.resolution)
    instant = look.scene.instant
    clouds, haze = sky.clouds(site, frame, instant), sky.smoke(site, frame, instant)
    smoke = np.empty((0, 0), np.float32) if haze is None else haze
    wet = sky.flood(site, land, instant)
    # Under a closed cover nothing of the ground is looked up: its surface alone is needed, for the quality band.
    seen = float(clouds.latent.min()) - clouds.start < site.world.clouds.rise
    channels = sorted({i for band in optical for i in BETWEEN[band][:2]}) if seen else []
    values, today = _ground(site, land, instant, channels, wet)
    hidden, strength = _cover(site, look, frame, today, clouds, smoke)
    light = _light(site, land, instant, inner)
    planes: dict[str, NDArray[np.uint16]] = {}
    if optical:
        numbers = _expose(site, look, frame, optical, channels, values, hidden, strength, light, smoke)
        planes = dict(zip(optical, numbers, strict=True))
    if sensor.qa_band is not None and sensor.qa_band in bands:
        planes[sensor.qa_band] = quality(site, look, hidden, strength, light, today[1:-1, 1:-1], wet[1:-1, 1:-1])
    stored = np.empty((len(bands), *inner.shape), np.uint16)
    for plane, band in zip(stored, bands, strict=True):
        plane[...] = planes[band]
    return Shot(stored, hidden, np.ascontiguousarray(today[1:-1, 1:-1]))


def _optical(sensor: Sensor, bands: Sequence[str]) -> list[str]:
    for band in bands:
        if band not in sensor.bands or (band not in BETWEEN and band != sensor.qa_band):
            raise BadInput(f"simulator: {sensor.name} has no band {band!r}; choose of {', '.join(sensor.bands)}")
    return [band for band in bands if band != sensor.qa_band]


def _inside(grid: Grid) -> Grid:
    rows, columns = (n - 2 * RIM for n in grid.shape)
    if min(rows, columns) < 1:
        raise GridMismatch(f"simulator: land of {grid.shape} cells has no inside; make it of grid.pad({RIM})")
    return grid.window(RIM, RIM, rows, columns)


def _ground(site: Site, land: Landscape, instant: int, channels: list[int], wet: Float) -> tuple[Float, Codes]:
    mean, spread, swing = reflectance(site)
    level = mean + swing * np.float32(sky.season(site, instant))
    soak = _soak(site, level)
    offset = land.offset if len(channels) == len(BANDS) else np.ascontiguousarray(land.offset[channels])
    now, varies, drowned = (np.ascontiguousarray(table[:, channels]) for table in (level, spread, soak))
    return ground(land, instant / SECONDS_A_DAY, now, varies, drowned, offset, wet)


def _soak(site: Site, level: Float) -> Float:
    """(surface, 6) change when wholly flooded: forest has water shining through, open ground goes under."""
    traits = [site.world.surface[s.name.lower()] for s in Surface]
    woody, water = (np.array([getattr(t, name) for t in traits]) for name in ("woody", "water"))
    soak: Float = np.float32(site.world.spectra.drowned) * (level[Surface.RIVER] - level)
    soak[Surface.SAND] = level[Surface.RIVER] - level[Surface.SAND]
    soak[woody] = np.array(site.world.spectra.flooded, np.float32) * np.float32(1e-4)
    soak[water] = 0
    return soak


def _cover(site: Site, look: Look, frame: Frame, today: Codes, clouds: sky.Clouds, smoke: Float) -> tuple[Codes, Float]:
    model = site.world.clouds
    hidden, strength = np.empty(frame.shape, np.uint8), np.empty(frame.shape, np.float32)
    false_shadow = model.false_shadow_odds if look.path.family == "sentinel-2" else 0.0
    odds = (model.contaminated_odds, model.false_cloud_odds, false_shadow)
    cloud = (clouds.start, model.edge, model.rise, model.shadow_from, model.thinnest)
    limits = np.array([*cloud, *odds, model.missed_block, model.missed_share], np.float64)
    weather.cover(
        hidden, strength, today, _traits(site), clouds.latent, clouds.margin, *clouds.shadow, smoke,
        site.key(Stream.MISSED, look.scene.instant), frame.row, frame.column, limits, stripes(site, look, frame),
    )  # fmt: skip
    return hidden, strength


@lru_cache(maxsize=8)
def _traits(site: Site) -> Codes:
    covers = [site.world.surface[s.name.lower()] for s in Surface]
    return np.array([weather.BRIGHT * c.bright + weather.DARK * (c.dark or c.water) for c in covers], np.uint8)


def stripes(site: Site, look: Look, frame: Frame) -> NDArray[np.float64]:
    """(7,) what `weather.cover` wants to know of the scan-line corrector: where this scene has no data.

    The stripes are widest at the edge of the swath and vanish in its middle; they lie elsewhere in each scene. The
    swath repeats across the lattice, so that a place may be anywhere in it.
    """
    off, gaps = site.world.platforms[look.scene.platform].stripes_from, site.world.gaps
    if not off or look.scene.day < to_day(date.fromisoformat(off)):
        return np.zeros(7)
    across = Dice(int(site.key(Stream.ORBIT, sky.BRANCH[look.path.family], look.orbit, 1))).uniform() * gaps.swath_m
    along = Dice(int(site.key(Stream.LOOK, look.scene.instant, 1))).uniform() * gaps.period_m
    return np.array(
        [gaps.period_m, gaps.widest_m, gaps.swath_m, gaps.tilt, across, along, frame.resolution], np.float64
    )


def _light(site: Site, land: Landscape, instant: int, inner: Grid) -> Float:
    """(y, x) factor of the relief; empty on plains."""
    if site.place.relief <= 0:
        return np.empty((0, 0), np.float32)
    light = np.empty(inner.shape, np.float32)
    model = site.world.light
    power = _power(model.power, model.most)
    weather.illuminate(light, land.slope, *sky.sun(site, instant), power, np.array([model.least, model.most]))
    return light


@cache
def _power(power: float, most: float) -> Float:
    return np.asarray(np.linspace(0, most, 4097) ** power, np.float32)


def _expose(
    site: Site, look: Look, frame: Frame, bands: list[str], channels: list[int], values: Float, hidden: Codes,
    strength: Float, light: Float, smoke: Float,
) -> NDArray[np.uint16]:  # fmt: skip
    at = {channel: position for position, channel in enumerate(channels)}
    lies = [_lie(site, band) for band in bands]
    channel = np.array([(at.get(a, 0), at.get(b, 0), lane) for a, b, _, lane in lies], np.int64)
    table = _paint(site, look)
    paint = np.stack([table[a] + np.float32(share) * (table[b] - table[a]) for a, b, share, _ in lies])
    paint = np.column_stack([np.array([share for *_, share, _ in lies], np.float32), paint]).astype(np.float32)
    numbers = np.empty((len(bands), *frame.shape), np.uint16)
    model = site.world.noise
    weather.expose(
        numbers, values, channel, np.ascontiguousarray(paint), hidden, strength, light, smoke,
        _shift(site, look, frame.resolution), site.key(Stream.LOOK, look.scene.instant), frame.row, frame.column,
        quantiles(model), _noise(site), np.array(site.world.clouds.glow, np.float32), _stored(look),
    )  # fmt: skip
    return numbers


def _lie(site: Site, band: str) -> tuple[int, int, float, int]:
    """Two of `BANDS` between which a band lies, share of the second, lane of the noise."""
    one, two, edge, lane = BETWEEN[band]
    return one, two, (0.0, *site.world.spectra.red_edge)[edge], lane


def _paint(site: Site, look: Look) -> Float:
    """(6, 12) columns of `weather.expose` after the first."""
    model, haze, platform = site.world.clouds, site.world.smoke, site.world.platforms[look.scene.platform]
    dice = Dice(int(site.key(Stream.LOOK, look.scene.instant, 2)))
    slope = np.array(platform.slope or (1.0,) * len(BANDS))
    offset = np.array(platform.offset or (0.0,) * len(BANDS))
    least, most = np.array(haze.least) * 1e-4, np.array(haze.most) * 1e-4
    coarse = np.array(platform.count or (0.0,) * len(BANDS))
    columns = [
        np.array(model.endmember) * 1e-4, model.shade, model.missed_shade, np.full(len(BANDS), model.cirrus[0]),
        np.full(len(BANDS), model.cirrus[1] - model.cirrus[0]), least, most - least, 1 / slope, -offset / slope,
        sky.gain(site, look), coarse, [dice.uniform() for _ in BANDS],
    ]  # fmt: skip
    return np.column_stack(columns).astype(np.float32)


def _shift(site: Site, look: Look, resolution: int) -> Float:
    """(2, 2) of rows and columns: the first of two neighbours (0 or 1) in the land with its rim, share of the second."""
    model = site.world.noise
    metres = model.sentinel2_jitter_m if look.path.family == "sentinel-2" else model.landsat_jitter_m
    dice = Dice(int(site.key(Stream.JITTER, look.scene.instant)))
    out = np.empty((2, 2), np.float32)
    for axis in range(2):
        cells = min(max(metres / resolution * dice.normal(), -0.999), 0.999)
        out[axis] = RIM + math.floor(cells), cells - math.floor(cells)
    return out


@cache
def quantiles(model: Noise) -> Float:
    """(65536,) quantiles of the noise's distribution, with variance one."""
    if model.kind == "normal":
        return normals()
    from scipy.special import stdtrit  # half a second to load, and only the blind variant needs it

    made = stdtrit(model.degrees, (np.arange(65_536) + 0.5) / 65_536)
    return np.asarray(made / made.std(), np.float32)


def _noise(site: Site) -> Float:
    model, spectra = site.world.noise, site.world.spectra
    pairs = [(math.sqrt(s), math.sqrt(1 - s)) for s in (spectra.visible_correlation, spectra.infrared_correlation)]
    return np.array([model.relative, model.floor, *pairs[0], *pairs[1]], np.float32)


def _stored(look: Look) -> Float:
    sensor = SENSORS[look.sensor]
    low, high = sensor.valid_range or (0, 65_535)
    nothing = 0 if sensor.nodata is None else sensor.nodata
    return np.array([1 / sensor.scale, sensor.offset, max(low, nothing + 1), high, -look.added, nothing], np.float32)
