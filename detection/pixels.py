"""Prepared looks as monitors take them: a row of pixels. The one place that knows that today's monitors see one slot."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detection import monitors
from detection.monitors import Detector, Looks, State
from detection.types import Cube, Float, Scene


def looks_of(scenes: Sequence[Scene], values: Float) -> Looks:
    """Looks of (time, slot, pixel) values."""
    return Looks(tuple(scenes), np.ascontiguousarray(values[:, 0], np.float32))


def flat(cube: Cube) -> Looks:
    """The cube as a row of pixels."""
    times, slots, rows, columns = cube.values.shape
    return looks_of(cube.scenes, cube.values.reshape(times, slots, rows * columns))


def with_common(looks: Looks, common: Float | None) -> Looks:
    """The looks with a (time, slot, lattice cell) common mode to be subtracted."""
    return looks if common is None else replace(looks, common=common[:, 0])


def residuals(detector: Detector, state: State, looks: Looks, slots: int) -> Float:
    """(time, slot, pixel) float32 residuals in residual scales; NaN in slots without."""
    made = np.full((len(looks.scenes), slots, len(state.cell)), np.nan, np.float32)
    made[:, 0] = monitors.residuals(detector, state, looks)
    return made
