"""Rivers and highways: straight lines at regular distances, bent by smooth noise."""

import numpy as np
from numpy.typing import NDArray

from detection.simulator import constants as c
from detection.simulator.draws import Dice, Frame, Stream, key_of, noise

Metres = NDArray[np.float64]
FLATTEST = 0.35
"""Least gradient taken for a distance: where the bent coordinate stands nearly still a river would become a lake."""


def river_distance(seed: int, frame: Frame) -> Metres:
    """Signed distance to the nearest river's middle, (rows, columns) metres; rivers run south."""
    return _distance(seed, Stream.RIVER, frame, 1, c.WARP_M)


def highway_distance(seed: int, frame: Frame) -> Metres:
    """Signed distance to the nearest highway's middle, (rows, columns) metres; highways run east."""
    return _distance(seed, Stream.HIGHWAY, frame, 0, c.HIGHWAY_WARP_M)


def _distance(seed: int, stream: Stream, frame: Frame, axis: int, warps: tuple[tuple[int, float], ...]) -> Metres:
    # One sample more on every side for the gradient, so that a tile's edge sees what the whole sees.
    step, rows, columns = frame.step, frame.shape[0] + 2, frame.shape[1] + 2
    wide = Frame(frame.row - step, frame.column - step, (rows, columns), frame.resolution, step)
    octaves = [(key_of(seed, stream, length), length, weight) for length, weight in warps]
    first = (wide.row, wide.column)[axis]
    along = (first + step * np.arange(wide.shape[axis]) + 0.5) * frame.resolution
    bent = noise(wide, *octaves) + (along[:, None] if axis == 0 else along[None, :])
    inner = bent[1:-1, 1:-1]
    reach = 2 * step * frame.resolution
    down, right = (bent[2:, 1:-1] - bent[:-2, 1:-1]) / reach, (bent[1:-1, 2:] - bent[1:-1, :-2]) / reach
    slope = np.maximum(np.sqrt(down * down + right * right), FLATTEST)
    return (inner - _nearest(seed, stream, inner)) / slope


def _nearest(seed: int, stream: Stream, bent: Metres) -> Metres:
    """Position of the nearest line: one in every LINE_M, shifted by up to a fifth of it."""
    number = np.floor(bent / c.LINE_M + 0.5).astype(np.int64)
    lowest = int(number.min())
    shifts = [Dice(int(key_of(seed, stream, 0, n))).between(-0.2, 0.2) for n in range(lowest, int(number.max()) + 1)]
    return np.asarray((number + np.array(shifts)[number - lowest]) * c.LINE_M, np.float64)
