"""A published figure with an uneven interval as a distribution that reproduces it, and draws from it by name.

The distribution is a shifted lognormal written as Tukey's g (Hoaglin 1985): `A + B (exp(g Z) - 1) / g` with a standard normal
Z; g = 0 is the normal one. Its three numbers are solved so that both ends of the interval are its quantiles exactly and its
*mean* is the published value: factors are means over sites and enter sums, so that the expected total is area times factor,
as Tier 1 computes it. With the value at the median or the mode, a skewed factor would shift every total. It has no edge: an
interval that crosses nought is drawn as it stands, where cutting at nought would move its mean.
"""

import hashlib
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtri

from detection.errors import BadInput

Numbers = NDArray[np.float64]
Summary = Literal["mean", "median"]
LEAST_LEVEL: Final = 0.9
"""An uneven interval of a lower level says next to nothing of the mean: about one sigma, no lognormal has it off the middle."""

SURE: Final = 1e-3
"""A gamma of a smaller relative error is the normal one, to all digits that count, and cannot be computed where it is tiny."""


@dataclass(frozen=True)
class Interval:
    """A figure as published."""

    value: float
    """What stands for it."""
    low: float | None = None
    """Lower end; None: no interval is known."""
    high: float | None = None
    """Upper end."""
    level: float | None = None
    """Share that lies between the ends, in the middle; 1: all of it, a range in which every value counts alike."""
    summary: Summary = "mean"
    """What the value is of the distribution."""


@dataclass(frozen=True)
class Shape:
    """A distribution that was fitted."""

    kind: Literal["exact", "uniform", "skewed"]
    """`skewed`: Tukey's g, the normal one included."""
    start: float
    """The figure; the lower end; the median."""
    scale: float = 0.0
    """Width of a uniform one; B of a skewed one."""
    g: float = 0.0
    """Skewness; below nought: the longer tail is the lower one."""

    def at(self, shares: Numbers) -> Numbers:
        """Quantiles."""
        if self.kind == "skewed":
            return self.start + self.scale * _bent(ndtri(shares), self.g)
        return np.asarray(self.start + self.scale * shares, np.float64)


def fitted(published: Interval) -> Shape:
    """The distribution of a published figure. Raises BadInput where there is none."""
    value, low, high, level = published.value, published.low, published.high, published.level
    if low is None or high is None or level is None:
        if not low is high is level is None:
            raise BadInput("low, high and level belong together; give all three, or none")
        return Shape("exact", value)
    if not 0 < level <= 1:
        raise BadInput(f"level {level:g} is no share between 0 and 1")
    if not low <= value <= high:
        raise BadInput(f"value {value:g} does not lie between low {low:g} and high {high:g}")
    if low == high:
        return Shape("exact", value)
    if level == 1:
        if abs(value - (low + high) / 2) > 0.01 * (high - low):
            raise BadInput(f"of a whole range (level 1) the value is its centre {(low + high) / 2:g}, not {value:g}")
        return Shape("uniform", low, high - low)
    z = NormalDist().inv_cdf((1 + level) / 2)
    g = _skewness(published, (value - low) / (high - low), z)
    ends = _bent(np.array([-z, z]), g)
    scale = (high - low) / float(ends[1] - ends[0])
    return Shape("skewed", low - scale * float(ends[0]), scale, g)


def _skewness(published: Interval, position: float, z: float) -> float:
    """g for a value at that position between the ends, 0..1."""
    if abs(position - 0.5) < 1e-9:
        return 0.0
    if published.summary == "median":
        if not 0 < position < 1:
            raise BadInput(f"a median {published.value:g} cannot lie at an end of its own interval")
        return float(np.log(1 / position - 1) / z)
    if published.level is None or published.level < LEAST_LEVEL:
        raise BadInput(f"an uneven interval needs a level of {LEAST_LEVEL:g} or more; is `level` right?")
    if not _mean_at(z, z) < position < _mean_at(-z, z):
        raise BadInput(
            f"value {published.value:g} lies too near an end to be the mean; is it the median? Say `summary: median`"
        )
    return float(brentq(lambda g: _mean_at(g, z) - position, -z, z, xtol=1e-12))


def _mean_at(g: float, z: float) -> float:
    """Where between the quantiles at -z and z the mean lies, 0..1; falls with g."""
    low, high = _bent(np.array([-z, z]), g)
    mean = 0.0 if abs(g) < 1e-9 else float(np.expm1(g * g / 2) / g)
    return (mean - float(low)) / float(high - low)


def _bent(z: Numbers, g: float) -> Numbers:
    return np.asarray(z if abs(g) < 1e-9 else np.expm1(g * z) / g, np.float64)


def shares(name: str, seed: int, many: int) -> Numbers:
    """Evenly spread random shares between 0 and 1, of a stream of its own: one in each of so many equal steps, shuffled.

    So even few draws have the quantiles of their distribution (Latin hypercube, McKay et al. 1979). What else is drawn, and in
    which order, does not matter.
    """
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32)
    source = np.random.default_rng([seed, *words.tolist()])
    return np.asarray((source.permutation(many) + source.uniform(1e-9, 1, many)) / many, np.float64).clip(
        1e-12, 1 - 1e-12
    )


def drawn(published: Interval, name: str, seed: int, many: int) -> Numbers:
    """So many draws of a figure. Raises BadInput as `fitted`."""
    return fitted(published).at(shares(name, seed, many))


def drawn_area(area: float, se: float, name: str, seed: int, many: int) -> Numbers:
    """Draws of an area: gamma, which has the mean and the standard error given and no areas below nought."""
    if area <= 0 or se <= 0:
        return np.full(many, area, np.float64)
    if se < SURE * area:
        return np.asarray(area + se * ndtri(shares(name, seed, many)), np.float64)
    shape = (area / se) ** 2
    return np.asarray(gammaincinv(shape, shares(name, seed, many)) * (area / shape), np.float64)
