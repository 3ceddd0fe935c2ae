"""The world of benchmarks/fusion_speed.py: SIMULATED looks of both kinds. Optical bands of workload.py; radar drawn here."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from steps import SIDE

from detection.monitors import Detector, Looks, State, start
from detection.prepare.doubt import doubt
from detection.types import Scene

PIXELS: Final = 10_000
"""Series of the workload; a tile is made of copies of them, laid out at random."""
PLACES: Final = np.random.default_rng(7).integers(0, PIXELS, SIDE * SIDE)
"""Which series stands where."""
HISTORY_YEARS: Final = 5
EPOCH: Final = 719_163
"""Ordinal of 1970-01-01."""
RADAR_STEP_DAYS: Final = 6
FOREST_DB: Final = np.array([-7.5, -13.5], np.float32)
LOSS_DB: Final = np.array([-2.5, -3.5], np.float32)
"""VV and VH of forest and the fall of a whole loss; scatter of a look 0.8 dB (chosen)."""


@dataclass(frozen=True)
class World:
    """Prepared looks of both kinds, and the bands and flags they were made of."""

    looks: Looks
    """(time, slot, pixel) in order of time."""
    opening: int
    """Looks of the history."""
    made: Any
    """The workload."""


def world(workload: Any, seed: int = 2) -> World:
    """The series of the workload as the fusion sees them: NBR, near infrared and doubt; VV and VH from two orbits."""
    made = workload.make("nrt8", PIXELS, seed=seed)
    days = made["dates"] - EPOCH
    scenes, values = _optical(made, days)
    echoes, heard = _radar(made, days)
    order = sorted(range(len(scenes) + len(echoes)), key=lambda i: (scenes + echoes)[i])
    both = np.concatenate([values, heard])[order]
    told = tuple((scenes + echoes)[i] for i in order)
    opening = sum(s.day < days[0] + HISTORY_YEARS * 365.25 for s in told)
    return World(Looks(told, both), opening, made)


def _optical(made: Any, days: np.ndarray) -> tuple[list[Scene], np.ndarray]:
    bands = (made["bands"].transpose(1, 2, 0) / 10_000).astype(np.float32)
    nir, swir = bands[3], bands[5]
    clear = made["qa"].T == 0
    side = int(PIXELS**0.5)

    def flat(mask: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(mask.reshape(-1, side, side))

    cloud, seen = flat(~clear), flat(clear)
    doubts = doubt(flat(bands[0]), flat(bands[2]), cloud, np.ones_like(seen), seen, 5.0).reshape(len(days), -1)
    planes = np.stack([(nir - swir) / (nir + swir), nir, doubts], 1)
    planes[~np.repeat(clear[:, None], 3, 1)] = np.nan
    return [Scene(int(d) * 86_400, "landsat-8", f"o{d}") for d in days], planes.astype(np.float32)


def _radar(made: Any, days: np.ndarray) -> tuple[list[Scene], np.ndarray]:
    rng = np.random.default_rng(5)
    when = np.arange(days[0], days[-1], RADAR_STEP_DAYS)
    gone = (made["t_break"] > 0) & (when[:, None] + EPOCH >= made["t_break"])
    fall = (gone * made["severity"])[:, None] * LOSS_DB[:, None]
    level = FOREST_DB[:, None] + rng.normal(0, 0.7, (2, PIXELS)) + 0.6 * (np.arange(len(when)) % 2)[:, None, None]
    echo = level + fall + rng.normal(0, 0.8, (len(when), 2, PIXELS))
    planes = np.concatenate([echo, np.full((len(when), 1, PIXELS), np.nan)], 1).astype(np.float32)
    scenes = [Scene(int(d) * 86_400 + 1, "sentinel-1a", f"r{d}", f"{1 + i % 2}") for i, d in enumerate(when)]
    return scenes, planes


def begun(seen: World, detector: Detector) -> State:
    """The tile after its history, of which no look has come yet."""
    past = seen.looks.take(np.arange(len(seen.looks.scenes)) < seen.opening)
    return start(detector, past, inside=np.ones(PIXELS, np.bool_))


def placed(state: State, places: np.ndarray) -> State:
    """The state with these pixels, one after the other."""
    model = {name: np.ascontiguousarray(a[:, places]) for name, a in state.model.items()}
    pixels = {name: a[places] for name, a in state.pixels.items()}
    return replace(state, model=model, pixels=pixels, monitored=state.monitored[places], cell=state.cell[places])
