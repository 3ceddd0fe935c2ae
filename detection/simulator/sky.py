"""What lies between the ground and the satellite at one instant: cloud, smoke, the season, the river's stage."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from detection.simulator import constants as c
from detection.simulator.draws import Dice, Frame, Stream, in_time, key_of, noise, smooth_normal
from detection.types import SECONDS_A_DAY, Float

YEAR_DAYS = 365.25
NEVER = 9.0
"""A standard normal does not come so far."""
NORMAL = NormalDist()
STEPS = 400


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


def day_of(instant: int) -> float:
    """Days since 1970-01-01, with the part of the day."""
    return instant / SECONDS_A_DAY


def season(instant: int) -> float:
    """-1 in the middle of the wet season, +1 in the middle of the dry one."""
    return math.cos(2 * math.pi * (_day_of_year(instant) - c.DRY_PEAK_DAY) / YEAR_DAYS)


def stage(seed: int, instant: int) -> float:
    """Stage of the rivers, about 0 (low) to 1 (high)."""
    wave = 0.5 + 0.5 * math.cos(2 * math.pi * (_day_of_year(instant) - c.STAGE_PEAK_DAY) / YEAR_DAYS)
    return wave + c.STAGE_SD * smooth_normal(key_of(seed, Stream.STAGE), day_of(instant), c.STAGE_DAYS)


def gain(seed: int, instant: int) -> Float:
    """(6,) factor on every band of one scene: atmosphere and view, and in NIR the slow greenness of the region."""
    dice = Dice(int(key_of(seed, Stream.GAIN, instant)))
    out = np.array([1 + c.GAIN_SD * dice.normal() for _ in c.BANDS], np.float32)
    slow = smooth_normal(key_of(seed, Stream.GREENNESS), day_of(instant), c.GREENNESS_DAYS)
    out[c.BANDS.index("nir")] *= 1 + c.GREENNESS_SD * slow
    return out


def clouds(seed: int, frame: Frame, instant: int) -> Clouds:
    """One draw for the whole scene and a smooth field on top."""
    share = 0.5 - 0.5 * math.cos(2 * math.pi * (_day_of_year(instant) + 10) / YEAR_DAYS)
    june, december = c.SHADOW_M
    down, right = (round((d + (j - d) * share) / frame.resolution) for j, d in zip(june, december, strict=True))
    margin = max(abs(down), abs(right))
    shape = (frame.shape[0] + 2 * margin, frame.shape[1] + 2 * margin)
    wide = Frame(frame.row - margin, frame.column - margin, shape, frame.resolution)
    field = [
        (key_of(seed, Stream.CLOUD, instant, m), m, math.sqrt(w * (1 - c.SCENE_SHARE))) for m, w in c.CLOUD_OCTAVES
    ]
    scene = Dice(int(key_of(seed, Stream.SKY, instant))).normal()
    latent = noise(wide, *field) + np.float32(math.sqrt(c.SCENE_SHARE) * scene)
    return Clouds(latent, margin, (down, right), cloud_start(_month(instant)))


@cache
def cloud_start(month: int) -> float:
    """The latent value at which cloud begins, such that the table's share is free of cloud and of its shadow.

    P(Z1 < q, Z2 < q + s) for two normals as far apart as a cloud and its shadow, by summing over what they share.
    """
    wanted = c.CLEAR_FRACTION[month - 1]
    if wanted <= 0:
        return -NEVER
    metres = sum(math.hypot(*shift) for shift in c.SHADOW_M) / len(c.SHADOW_M)
    shared = c.SCENE_SHARE + (1 - c.SCENE_SHARE) * math.exp(-metres / c.CLOUD_RANGE_M)
    common = [math.sqrt(shared) * NORMAL.inv_cdf((i + 0.5) / STEPS) for i in range(STEPS)]
    own = math.sqrt(1 - shared)
    low, high = -NEVER, NEVER
    while high - low > 1e-4:
        q = (low + high) / 2
        found = sum(NORMAL.cdf((q - z) / own) * NORMAL.cdf((q + c.SHADOW_FROM - z) / own) for z in common) / STEPS
        low, high = (q, high) if found < wanted else (low, q)
    return low


def smoke(seed: int, frame: Frame, instant: int) -> NDArray[np.float32] | None:
    """(y, x) thickness of smoke, 0 for none to 1; None where there is none at all."""
    when = datetime.fromtimestamp(instant, UTC)
    odds = c.SMOKE_ODDS.get(when.month, 0.0) * (1 if when.year in c.SEVERE_YEARS else c.NORMAL_SHARE)
    if odds == 0:
        return None
    wide, puff = math.sqrt(1 - c.SMOKE_PUFF_SHARE), math.sqrt(c.SMOKE_PUFF_SHARE)
    plume = in_time(key_of(seed, Stream.SMOKE), day_of(instant), c.SMOKE_DAYS)
    octaves = [(key, c.SMOKE_M, wide * weight) for key, weight in plume]
    latent = noise(frame, *octaves, (key_of(seed, Stream.PUFF, instant), c.SMOKE_PUFF_M, puff))
    above = latent + np.float32(NORMAL.inv_cdf(odds))
    if not (above > 0).any():
        return None
    return np.where(above > 0, np.clip(0.05 + above, 0, 1), 0).astype(np.float32)


def _day_of_year(instant: int) -> int:
    return datetime.fromtimestamp(instant, UTC).timetuple().tm_yday


def _month(instant: int) -> int:
    return datetime.fromtimestamp(instant, UTC).month
