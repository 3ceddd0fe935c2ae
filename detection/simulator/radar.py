"""One Sentinel-1 look at the land: terrain-flattened backscatter as `sentinel-1-rtc` stores it, linear power.

Level, place-to-place spread and flood come from `ground()`, which mixes the parts of a cell in decibels, not in power:
half a cell of bare soil at -17.5 dB in forest at -12.8 dB then reads -15.1, not -14.5 dB, and the borders of a clearing
look somewhat darker than they would. Rain, wet soil and the noise of a look go by what covers most of the cell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.simulator import sky
from detection.simulator.draws import Dice, Frame, Stream, in_time, noise, normals
from detection.simulator.ground import Landscape, ground
from detection.simulator.kernels import U64, keyed
from detection.simulator.optical import RIM
from detection.simulator.orbits import Look
from detection.simulator.parameters import Surface
from detection.simulator.site import Site
from detection.sources.sensors import SENSORS
from detection.types import RESOLUTIONS, SECONDS_A_DAY, Codes, Float

BANDS: Final = ("vv", "vh")
LOWEST_DB, HIGHEST_DB, STEPS_A_DB = -60, 20, 8
"""Reach and grain of the table of powers."""
QUANTILES: Final = 65_536
MEANS_FROM: Final = 1000
"""Numbers below belong to the reflectances of the stream of means."""


@dataclass(frozen=True)
class Moisture:
    """What the rain has done on one day."""

    rain: Float
    """(y, x) N(0, 1), the same for neighbours."""
    wet: Float
    """(y, x) 0..1, is the soil wet?"""


def shoot(site: Site, land: Landscape, look: Look, bands: Sequence[str]) -> NDArray[np.float32]:
    """(band, y, x) float32 gamma nought, linear power; -32768 in layover and radar shadow.

    `land` has a rim of `RIM` cells (`landscape(site, grid.pad(1))`), the result has none. bands: of "vv" and "vh", in
    any order. A look is a pure function of site, cell, instant and band, however the land is cut.
    Raises BadInput for another band, or a land without an inside.
    """
    unknown = [band for band in bands if band not in BANDS]
    if unknown:
        raise BadInput(f"simulator: sentinel-1-rtc has no band {unknown[0]!r}; choose of {', '.join(BANDS)}")
    inner = land.grid.pad(-RIM)
    frame = Frame(inner.first_row, inner.first_column, inner.shape, inner.resolution)
    rows = np.array([BANDS.index(band) for band in bands], np.int64)
    values, today = _ground(site, land, look.scene.instant, rows)
    soil = moisture(site, frame, look.scene.day)
    out = np.empty((len(rows), *inner.shape), np.float32)
    radar = site.world.radar
    _receive(
        out, values, today, rows, soil.rain, soil.wet, _unrest(site, frame, look), _facing(land, look.ascending),
        _sensitivity(site), _bias(site, look), np.array(radar.noise_floor_db), _place(site, look, inner.resolution),
        np.array([radar.slope_db, radar.layover_slope, SENSORS["sentinel-1-rtc"].nodata], np.float64),
        np.array([LOWEST_DB, STEPS_A_DB, math.log(10) / 10 / STEPS_A_DB]),
        site.key(Stream.SPECKLE, look.scene.instant, look.orbit), frame.row, frame.column, normals(),
        speckle(radar.looks[RESOLUTIONS.index(inner.resolution)]), powers(),
    )  # fmt: skip
    return out


@lru_cache(maxsize=16)
def means(site: Site) -> Float:
    """(surface, 2) mean VV and VH of this seed, dB: the table's, off by `world_db`, both bands alike."""
    level, woody, water = (site.world.table(field) for field in ("backscatter", "woody", "water"))
    kin = np.where(woody, 1, np.where(water, 2, 0))
    family = [Dice(int(site.key(Stream.MEANS, MEANS_FROM, number))).normal() for number in range(3)]
    own = [Dice(int(site.key(Stream.MEANS, MEANS_FROM + 1, int(surface)))).normal() for surface in Surface]
    share = site.world.radar.kin_share
    off = math.sqrt(share) * np.array(family)[kin] + math.sqrt(1 - share) * np.array(own)
    return np.asarray(level + site.world.spectra.world_db * off[:, None], np.float32)


def moisture(site: Site, frame: Frame, day: int) -> Moisture:
    """Rain, partly slow, partly of the day, and with it the soil: wet on a share of days that the month decides."""
    radar = site.world.radar
    slow, fast = math.sqrt(radar.rain_slow_share), math.sqrt(1 - radar.rain_slow_share)
    octaves = [(key, radar.rain_m, slow * w) for key, w in in_time(site.key(Stream.RAIN, 0), day, radar.rain_days)]
    rain = noise(frame, *octaves, (site.key(Stream.RAIN, 1, day), radar.rain_m, fast))
    region = math.sqrt(radar.wet_region_share) * Dice(int(site.key(Stream.RAIN, 2, day))).normal()
    dry = NormalDist().inv_cdf(1 - _wet_odds(site, day))
    wetness = np.float32(math.sqrt(1 - radar.wet_region_share)) * rain + np.float32(region - dry)
    return Moisture(rain, np.clip(wetness / np.float32(radar.wet_ramp) + np.float32(0.5), 0, 1))


@cache
def speckle(looks: float) -> Float:
    """(65536,) quantiles of Gamma(looks, 1 / looks), mean one: fully developed speckle (Oliver and Quegan 1998, ch. 4).

    Neighbours are independent: what the point spread ties together is in the number of looks.
    """
    from scipy.special import gammaincinv  # slow to load, and only radar needs it

    chances = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.asarray(gammaincinv(looks, chances) / looks, np.float32)


@cache
def powers() -> Float:
    """(641,) 10^(dB / 10) at every `1 / STEPS_A_DB` dB."""
    steps = np.arange((HIGHEST_DB - LOWEST_DB) * STEPS_A_DB + 1)
    return np.asarray(10.0 ** ((LOWEST_DB + steps / STEPS_A_DB) / 10), np.float32)


def _wet_odds(site: Site, day: int) -> float:
    month = datetime.fromtimestamp(day * SECONDS_A_DAY, UTC).month
    return min(max(site.world.radar.wet_odds[month - 1] + site.place.wetter, 0.01), 0.99)


def _ground(site: Site, land: Landscape, instant: int, rows: NDArray[np.int64]) -> tuple[Float, Codes]:
    """(band, y, x) dB with the rim, and what covers most of each cell."""
    spread = np.asarray(site.world.table("backscatter_spread"), np.float32)
    soak = np.asarray(site.world.table("flooded"), np.float32)
    if not site.world.radar.floods_vv:
        soak[np.asarray(site.world.table("woody"), np.bool_), 0] = 0
    level, spread, soak = (np.ascontiguousarray(table[:, rows]) for table in (means(site), spread, soak))
    offset = land.echo if len(rows) == len(BANDS) and rows[0] == 0 else np.ascontiguousarray(land.echo[rows])
    wet = sky.flood(site, land, instant)
    return ground(land, instant / SECONDS_A_DAY, level, spread, soak, offset, wet)


def _unrest(site: Site, frame: Frame, look: Look) -> Float:
    """(y, x) N(0, 1) of one look: what stands do on their own. Both bands see it, and each cell adds as much again."""
    lengths = site.world.spectra.stand_m
    weight = math.sqrt(1 / len(lengths))
    key = site.key(Stream.LOOK, look.scene.instant, look.orbit)
    return noise(frame, *((np.uint64(keyed(key, metres)), metres, weight) for metres in lengths))


def _facing(land: Landscape, ascending: bool) -> Float:
    """(y, x) tan of the slope towards the sensor, without the rim; positive where the ground rises away from it.

    Sentinel-1 looks to its right: ascending ones east, so that the sensor is in the west and what rises towards the
    east faces it; descending ones the other way round. The tilt of the track against north is left out.
    """
    rise = land.slope[0, RIM:-RIM, RIM:-RIM]
    return np.ascontiguousarray(rise if ascending else -rise)


@lru_cache(maxsize=4)
def _sensitivity(site: Site) -> Float:
    """(surface, 5) dB for rain in VV, VH, for wet soil in VV, VH, and of the noise of a look."""
    fields = [site.world.table(field) for field in ("rain", "wet", "backscatter_noise")]
    return np.asarray(np.column_stack(fields), np.float32)


def _bias(site: Site, look: Look) -> NDArray[np.float64]:
    """(2,) dB of VV, VH: of the orbit, for good, and of the scene's calibration, which both share."""
    radar = site.world.radar
    orbit = Dice(int(site.key(Stream.ORBIT, look.orbit)))
    scene = radar.scene_sd * Dice(int(site.key(Stream.GAIN, look.scene.instant, look.orbit))).normal()
    return np.array([radar.orbit_sd * orbit.normal() + scene for _ in BANDS])


def _place(site: Site, look: Look, resolution: int) -> NDArray[np.float64]:
    """(rows, columns) by which this scene lies beside its place, in cells, less than one."""
    dice = Dice(int(site.key(Stream.JITTER, look.scene.instant, look.orbit)))
    cells = site.world.radar.jitter_m / resolution
    return np.clip([cells * dice.normal(), cells * dice.normal()], -1, 1 - 1e-9)


@njit(
    "void(float32[:, :, ::1], float32[:, :, ::1], uint8[:, ::1], int64[::1], float32[:, ::1], float32[:, ::1],"
    "float32[:, ::1], float32[:, ::1], float32[:, ::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    "float64[::1], uint64, int64, int64, float32[::1], float32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def _receive(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    out, db, today, bands, rain, wet, unrest, facing, sensitivity, bias, floor, place, relief, ladder, key,
    first_row, first_column, normal, gamma, power,
):  # fmt: skip
    """Weather, noise, floor and speckle over the ground; dB to power by a table and a cubic (relative error < 1e-5).

    out (band, y, x); db (band, y, x) and today (y, x) have a rim of one cell; rain, wet, unrest, facing (y, x).
    sensitivity (surface, 5) as `_sensitivity` says; bias, floor (2,) dB; place (rows, columns) as `_place` says;
    relief: dB per slope, slope of layover (of shadow: its inverse, as both hang on the incidence angle), no data;
    ladder: the lowest dB of `power`, its steps a dB, ln 10 / 10 / steps.
    """
    rows, columns = out.shape[1:]
    up, left = int(np.floor(place[0])), int(np.floor(place[1]))
    south, east = place[0] - up, place[1] - left
    nw, ne = np.float32((1 - south) * (1 - east)), np.float32((1 - south) * east)
    sw, se = np.float32(south * (1 - east)), np.float32(south * east)
    half, last = np.float32(np.sqrt(0.5)), np.float32(power.shape[0] - 1.01)
    one, two, three = np.float32(ladder[2]), np.float32(ladder[2] ** 2 / 2), np.float32(ladder[2] ** 3 / 6)
    lowest, steps, zero = np.float32(ladder[0]), np.float32(ladder[1]), np.float32(0)
    tilt, layover, shade = np.float32(relief[0]), np.float32(relief[1]), np.float32(-1 / relief[1])
    word, line = np.empty(columns, np.uint64), np.empty(columns, np.float32)
    for y in range(rows):
        row = keyed(key, first_row + y)
        for x in range(columns):
            word[x] = keyed(row, first_column + x)
        cover = today[y + 1, 1:-1]
        for n in range(bands.shape[0]):
            b = bands[n]
            above, below = db[n, y + 1 + up, 1 + left :], db[n, y + 2 + up, 1 + left :]
            above_east, below_east = db[n, y + 1 + up, 2 + left :], db[n, y + 2 + up, 2 + left :]
            level, least = np.float32(bias[b]), np.float32(floor[b])
            for x in range(columns):
                line[x] = nw * above[x] + ne * above_east[x] + sw * below[x] + se * below_east[x]
                line[x] += level + tilt * facing[y, x]
            for x in range(columns):
                answer = sensitivity[cover[x]]
                own = normal[(word[x] >> U64(16 * b)) & U64(0xFFFF)]
                value = (
                    line[x]
                    + rain[y, x] * answer[b]
                    + wet[y, x] * answer[2 + b]
                    + half * answer[4] * (unrest[y, x] + own)
                )
                step = ((value if value > least else least) - lowest) * steps
                step = zero if step < zero else (last if step > last else step)
                k = np.uint32(step)
                h = step - np.float32(k)
                grain = gamma[(word[x] >> U64(32 + 16 * b)) & U64(0xFFFF)]
                line[x] = power[k] * (np.float32(1) + h * (one + h * (two + h * three))) * grain
            for x in range(columns):
                hidden = facing[y, x] >= layover or facing[y, x] <= shade
                out[n, y, x] = np.float32(relief[2]) if hidden else line[x]
