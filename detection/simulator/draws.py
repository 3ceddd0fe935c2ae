"""Random numbers by name: every draw is a function of the keys that lead to it, never of what was drawn before."""

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from statistics import NormalDist

import numpy as np

from detection.simulator.kernels import add_noise, keyed, mix
from detection.types import Float


class Stream(IntEnum):
    """What a key is for; one number each, never reused, so that some are missing."""

    RIVER = 1
    HIGHWAY = 2
    PLOT = 4
    BANK = 5
    STAND = 6
    PIXEL = 7
    ROUGHNESS = 8
    EVENT = 9
    SKY = 10
    CLOUD = 11
    MISSED = 12
    LOOK = 13
    SMOKE = 14
    GREENNESS = 15
    STAGE = 16
    GAIN = 17
    PUFF = 18
    FOREST = 19
    RELIEF = 20
    EROSION = 21
    ECHO = 22
    MEANS = 23
    ORBIT = 24
    JITTER = 25
    OUTAGE = 26
    RAIN = 27
    SPECKLE = 28
    CLUMP = 29
    HURT = 31


@dataclass(frozen=True)
class Frame:
    """A window of the absolute lattice, looked at in steps of whole cells."""

    row: int
    """Lattice row of the first sample."""
    column: int
    """Lattice column of the first sample."""
    shape: tuple[int, int]
    """(rows, columns) of samples."""
    resolution: int
    """Cell size, metres."""
    step: int = 1
    """Cells from sample to sample."""


def key_of(seed: int, stream: Stream, *numbers: int) -> np.uint64:
    """The key of a stream at these coordinates."""
    key = np.uint64(mix(np.uint64(seed)))
    for number in (int(stream), *numbers):
        key = np.uint64(keyed(key, number))
    return key


@cache
def normals() -> Float:
    """(65536,) quantiles of N(0, 1), so that sixteen random bits make one normal (largest: 4.3)."""
    return np.array([NormalDist().inv_cdf((i + 0.5) / 65_536) for i in range(65_536)], np.float32)


def noise(frame: Frame, *octaves: tuple[np.uint64, int, float]) -> Float:
    """Sum of smooth N(0, 1) fields, each (key, length in metres, weight); length 0 is white. float32 of the frame."""
    out = np.zeros(frame.shape, np.float32)
    for key, length, weight in octaves:
        spacing = max(length // frame.resolution, 1)
        add_noise(out, weight, key, frame.row, frame.column, frame.step, spacing, normals())
    return out


def in_time(key: np.uint64, day: float, spacing: int) -> list[tuple[np.uint64, float]]:
    """The two (key, weight) between which a day lies, weights of unit length: a normal that is smooth in time."""
    node = math.floor(day / spacing)
    after = day / spacing - node
    length = math.hypot(after, 1 - after)
    return [(np.uint64(keyed(key, node)), (1 - after) / length), (np.uint64(keyed(key, node + 1)), after / length)]


def smooth_normal(key: np.uint64, day: float, spacing: int) -> float:
    """One N(0, 1) that is smooth in time."""
    return sum(weight * Dice(int(one)).normal() for one, weight in in_time(key, day, spacing))


@dataclass
class Dice:
    """Draws of one event, in order; two events never share theirs."""

    key: int
    """Of the event."""
    thrown: int = 0
    """Draws made so far."""

    def uniform(self) -> float:
        """In 0..1, without 0 and 1."""
        self.thrown += 1
        return (int(keyed(np.uint64(self.key), self.thrown)) // 2**11 + 0.5) / 2**53

    def normal(self) -> float:
        """N(0, 1)."""
        return NormalDist().inv_cdf(self.uniform())

    def between(self, low: float, high: float) -> float:
        """Uniform."""
        return low + (high - low) * self.uniform()

    def whole(self, low: int, high: int) -> int:
        """Uniform, both ends included."""
        return low + int((high - low + 1) * self.uniform())
