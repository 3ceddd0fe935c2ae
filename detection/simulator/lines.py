"""Rivers and highways: straight lines at regular distances, bent by smooth noise."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.simulator.draws import Dice, Frame, Stream, noise
from detection.simulator.site import Site

Metres = NDArray[np.float64]
GRADIENT_M: Final = 60
"""Gradients are taken over so much to either side: whole cells of every grid, so that all see the same lines."""


@dataclass(frozen=True)
class Lines:
    """The nearest river or highway of every cell."""

    distance: Metres
    """(y, x) signed distance to its middle; inf where there is none."""
    number: NDArray[np.int64]
    """(y, x) which one it is, from west to east or from north to south."""


def rivers(site: Site, frame: Frame) -> Lines:
    """Where the rivers run at the epoch; they run south. For frames with steps of one cell."""
    return _lines(site, Stream.RIVER, frame, 1)


def highways(site: Site, frame: Frame) -> Lines:
    """Where the highways run, if the region has any; they run east. For frames with steps of one cell."""
    if not site.place.highways:
        return Lines(np.full(frame.shape, np.inf), np.zeros(frame.shape, np.int64))
    return _lines(site, Stream.HIGHWAY, frame, 0)


def _lines(site: Site, stream: Stream, frame: Frame, axis: int) -> Lines:
    # A rim for the gradient, so that a tile's edge sees what the whole sees.
    land = site.world.land
    warps = land.warp_m if stream is Stream.RIVER else land.highway_warp_m
    rim = GRADIENT_M // frame.resolution
    shape = (frame.shape[0] + 2 * rim, frame.shape[1] + 2 * rim)
    wide = Frame(frame.row - rim, frame.column - rim, shape, frame.resolution)
    octaves = [(site.key(stream, length), length, weight) for length, weight in warps]
    along = ((wide.row, wide.column)[axis] + np.arange(shape[axis]) + 0.5) * frame.resolution
    bent = noise(wide, *octaves) + (along[:, None] if axis == 0 else along[None, :])
    inner, step = bent[rim:-rim, rim:-rim], 2 * rim
    down = (bent[step:, rim:-rim] - bent[:-step, rim:-rim]) / (2 * GRADIENT_M)
    right = (bent[rim:-rim, step:] - bent[rim:-rim, :-step]) / (2 * GRADIENT_M)
    slope = np.maximum(np.sqrt(down * down + right * right), land.flattest)
    number = np.floor(inner / land.line_m + 0.5).astype(np.int64)
    return Lines(np.asarray((inner - _middle(site, stream, number)) / slope, np.float64), number)


def _middle(site: Site, stream: Stream, number: NDArray[np.int64]) -> Metres:
    """Bent coordinate of a line's middle: one in every `line_m`, shifted by up to `line_shift` of it."""
    shift = site.world.land.line_shift
    lowest = int(number.min())
    numbers = range(lowest, int(number.max()) + 1)
    shifts = [Dice(int(site.key(stream, 0, n))).between(-shift, shift) for n in numbers]
    return np.asarray((number + np.array(shifts)[number - lowest]) * site.world.land.line_m, np.float64)
