"""What lies between the ground and the satellite at one instant: cloud, smoke, the season, the river's stage, the sun."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np

from detection.simulator.draws import Dice, Frame, Stream, in_time, noise, smooth_normal
from detection.simulator.ground import Landscape
from detection.simulator.orbits import Look
from detection.simulator.parameters import BANDS, Variant, world
from detection.simulator.site import Site
from detection.types import SECONDS_A_DAY, Float

YEAR_DAYS: Final = 365.25
NEVER: Final = 9.0
"""A standard normal does not come so far."""
NORMAL: Final = NormalDist()
STEPS: Final = 400
BRANCH: Final = {"landsat": 0, "sentinel-2": 1, "sentinel-1": 2}
"""Keys of the families: two of them may number a path alike."""


@dataclass(frozen=True)
class Clouds:
    """The cloud field of one instant over a frame."""

    latent: Float
    """(y, x) with `margin` more cells on every side; cloud where it is at least `start`."""
    margin: int
    """Cells."""
    shadow: tuple[int, int]
    """(down, right) from a cloud to its shadow, cells."""
    start: float
    """Latent value at which cloud begins."""


def season(site: Site, instant: int) -> float:
    """-1 in the middle of the wet season, +1 in the middle of the dry one."""
    return math.cos(2 * math.pi * (_day_of_year(instant) - site.place.dry_peak_day) / YEAR_DAYS)


def stage(site: Site, instant: int) -> float:
    """Stage of the rivers, about 0 (low) to 1 (high)."""
    place = site.place
    wave = 0.5 + 0.5 * math.cos(2 * math.pi * (_day_of_year(instant) - place.stage_peak_day) / YEAR_DAYS)
    return wave + place.stage_sd * smooth_normal(site.key(Stream.STAGE), instant / SECONDS_A_DAY, place.stage_days)


def flood(site: Site, land: Landscape, instant: int) -> Float:
    """(y, x) float32 how far each cell of the land stands in water, 0..1."""
    wet: Float = (np.float32(stage(site, instant)) - land.height) / np.float32(site.world.land.flood_ramp)
    return np.clip(wet, 0, 1, out=wet)


def gain(site: Site, look: Look) -> Float:
    """(6,) float32 factor on every band of one scene.

    Atmosphere (each scene and band), view angle (each path, NIR and SWIR) and in NIR the region's slow greenness.
    """
    model, instant = site.world.noise, look.scene.instant
    dice = Dice(int(site.key(Stream.GAIN, instant)))
    out = np.array([1 + model.gain_sd * dice.normal() for _ in BANDS], np.float32)
    view = Dice(int(site.key(Stream.ORBIT, BRANCH[look.path.family], look.orbit))).normal()
    out[BANDS.index("nir") :] *= np.float32(1 + model.orbit_sd * view)
    slow = smooth_normal(site.key(Stream.GREENNESS), instant / SECONDS_A_DAY, model.greenness_days)
    out[BANDS.index("nir")] *= np.float32(1 + model.greenness_sd * slow)
    return out


def clouds(site: Site, frame: Frame, instant: int) -> Clouds:
    """The cloud field: a latent Gaussian one, or clumps of discs, as `Clouds.kind` of the world says."""
    if site.world.clouds.kind == "clumps":
        from detection.simulator import clumps  # which knows this module

        return clumps.clouds(site, frame, instant)
    return _gaussian(site, frame, instant)


def _gaussian(site: Site, frame: Frame, instant: int) -> Clouds:
    """One draw for the whole scene and a smooth field on top (measured: science notes, section 4.3)."""
    model = site.world.clouds
    down, right = shadow(site, instant, frame.resolution)
    margin = max(abs(down), abs(right))
    shape = (frame.shape[0] + 2 * margin, frame.shape[1] + 2 * margin)
    wide = Frame(frame.row - margin, frame.column - margin, shape, frame.resolution)
    field = [
        (site.key(Stream.CLOUD, instant, length), length, math.sqrt(share * (1 - model.scene_share)))
        for length, share in model.octaves
    ]
    scene = Dice(int(site.key(Stream.SKY, instant))).normal()
    latent = noise(wide, *field) + np.float32(math.sqrt(model.scene_share) * scene)
    start = cloud_start(site.variant, site.region, datetime.fromtimestamp(instant, UTC).month)
    return Clouds(latent, margin, (down, right), start)


def shadow(site: Site, instant: int, resolution: int) -> tuple[int, int]:
    """(down, right) cells from a cloud to its shadow; between June and December on a cosine."""
    june, december = site.world.clouds.shadow_m
    share = 0.5 - 0.5 * math.cos(2 * math.pi * (_day_of_year(instant) + 10) / YEAR_DAYS)
    down, right = (round((d + (j - d) * share) / resolution) for j, d in zip(june, december, strict=True))
    return down, right


@cache
def cloud_start(variant: Variant, region: str, month: int) -> float:
    """The latent value at which cloud begins, such that the table's share is free of cloud and of its shadow.

    P(Z1 < q, Z2 < q + s) for two normals as far apart as a cloud and its shadow, by summing over what they share.
    """
    model, wanted = world(variant).clouds, world(variant).region[region].clear[month - 1]
    if wanted <= 0:
        return -NEVER
    metres = sum(math.hypot(*shift) for shift in model.shadow_m) / len(model.shadow_m)
    shared = model.scene_share + (1 - model.scene_share) * math.exp(-metres / model.range_m)
    common = [math.sqrt(shared) * NORMAL.inv_cdf((i + 0.5) / STEPS) for i in range(STEPS)]
    own = math.sqrt(1 - shared)
    low, high = -NEVER, NEVER
    while high - low > 1e-4:
        q = (low + high) / 2
        found = sum(NORMAL.cdf((q - z) / own) * NORMAL.cdf((q + model.shadow_from - z) / own) for z in common) / STEPS
        low, high = (q, high) if found < wanted else (low, q)
    return low


def smoke(site: Site, frame: Frame, instant: int) -> Float | None:
    """(y, x) thickness of smoke, 0 for none to 1; None where there is none at all."""
    model, when = site.world.smoke, datetime.fromtimestamp(instant, UTC)
    odds = model.odds[when.month - 1] * site.place.smoke
    odds *= 1 if when.year in model.severe_years else model.normal_share
    if odds <= 0:
        return None
    plume = in_time(site.key(Stream.SMOKE), instant / SECONDS_A_DAY, model.days)
    octaves = [(key, model.plume_m, math.sqrt(1 - model.puff_share) * weight) for key, weight in plume]
    puff = (site.key(Stream.PUFF, instant), model.puff_m, math.sqrt(model.puff_share))
    above = noise(frame, *octaves, puff) + np.float32(NORMAL.inv_cdf(min(odds, 1 - 1e-6)))
    if not (above > 0).any():
        return None
    return np.where(above > 0, np.clip(model.thinnest + above, 0, 1), 0).astype(np.float32)


def sun(site: Site, instant: int) -> tuple[float, float]:
    """tan of the sun's zenith angle, its components towards east and north; one for the whole place.

    Declination and equation of time after Spencer 1971 (Search 2(5), 172); the place from the corner of its grid, to
    about a kilometre (which is .01 degrees).
    """
    latitude, longitude = _position(site)
    turn = 2 * math.pi * (_day_of_year(instant) - 1) / 365
    tilt = 0.006918 - 0.399912 * math.cos(turn) + 0.070257 * math.sin(turn)
    tilt += -0.006758 * math.cos(2 * turn) + 0.000907 * math.sin(2 * turn)
    early = 0.000075 + 0.001868 * math.cos(turn) - 0.032077 * math.sin(turn)
    early += -0.014615 * math.cos(2 * turn) - 0.040849 * math.sin(2 * turn)
    hour = 2 * math.pi * (instant % SECONDS_A_DAY / SECONDS_A_DAY - 0.5) + longitude + early
    up = math.sin(latitude) * math.sin(tilt) + math.cos(latitude) * math.cos(tilt) * math.cos(hour)
    east = -math.cos(tilt) * math.sin(hour)
    north = math.cos(latitude) * math.sin(tilt) - math.sin(latitude) * math.cos(tilt) * math.cos(hour)
    up = max(up, 0.1)
    return east / up, north / up


def _position(site: Site) -> tuple[float, float]:
    """(latitude, longitude) of the place, radians; its grid is in a southern zone."""
    west, north = site.place.corner
    latitude = (north - 10_000_000) / 6_367_449 / 0.9996
    middle = math.radians(int(site.place.crs[-2:]) * 6 - 183)
    return latitude, middle + (west - 500_000) / (6_378_137 * 0.9996 * math.cos(latitude))


def _day_of_year(instant: int) -> int:
    return datetime.fromtimestamp(instant, UTC).timetuple().tm_yday
