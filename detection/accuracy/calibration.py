"""Does a probability mean what it says? Brier score and its parts, calibration error, reliability curve."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.rates import wilson
from detection.errors import BadInput

Numbers = NDArray[np.float64]
Bins = Literal["mass", "width"]
"""Bins that hold as many probabilities each, equal ones together; or that are as wide each."""


@dataclass(frozen=True)
class Reliability:
    """Mean probability and share of true by bin; bins without a probability are left out."""

    probability: Numbers
    """(bin,) mean probability."""
    share: Numbers
    """(bin,) share of true."""
    low: Numbers
    """(bin,) lower end of the share's 95 % Wilson interval."""
    high: Numbers
    """(bin,) upper end."""
    many: NDArray[np.int64]
    """(bin,) number of probabilities."""


@dataclass(frozen=True)
class Decomposition:
    """Parts of the Brier score (Murphy 1973, J. Appl. Meteor. 12): reliability - resolution + uncertainty + within."""

    reliability: float
    """Squared distance of probability and share of true, 0 is perfect."""
    resolution: float
    """Squared distance of the shares from the share of all, large is good."""
    uncertainty: float
    """Of always saying the share of all: share x (1 - share)."""
    within: float
    """What bins hide: 0 when every probability of a bin is the same (Stephenson et al. 2008)."""


@dataclass(frozen=True)
class Calibration:
    """All figures of a set of probabilities; None where there are none."""

    many: int
    """Number of probabilities."""
    brier: float | None
    """Mean squared error, 0 is perfect."""
    skill: float | None
    """1 - brier over that of always saying the share of true; None when all are true or none is."""
    ece: float | None
    """Expected calibration error."""
    parts: Decomposition | None
    """Parts of the Brier score."""
    curve: Reliability | None
    """By bin."""


def calibration(sure: Numbers, true: NDArray[np.bool_], *, bins: int = 15, kind: Bins = "mass") -> Calibration:
    """All figures. (n,) probabilities 0..1, (n,) what was true; of nothing, there are none.

    Raises BadInput for a probability outside 0..1 or NaN.
    """
    if not len(sure):
        return Calibration(0, None, None, None, None, None)
    parts, curve = murphy(sure, true, bins=bins, kind=kind), reliability(sure, true, bins=bins, kind=kind)
    return Calibration(
        len(sure), brier(sure, true), brier_skill(sure, true), ece(sure, true, bins=bins, kind=kind), parts, curve
    )


def brier(sure: Numbers, true: NDArray[np.bool_]) -> float:
    """Mean squared error of a probability (Brier 1950, Mon. Wea. Rev. 78, halved as usual for two outcomes).

    Raises BadInput for no probability, or one outside 0..1 or NaN.
    """
    _check(sure, true)
    return float(np.mean((sure - true) ** 2))


def brier_skill(sure: Numbers, true: NDArray[np.bool_]) -> float | None:
    """1 - Brier score over that of always saying the share of true of these same ones; None when that one is 0."""
    _check(sure, true)
    base = float(np.mean(true))
    return 1 - brier(sure, true) / (base * (1 - base)) if 0 < base < 1 else None


def ece(sure: Numbers, true: NDArray[np.bool_], *, bins: int = 15, kind: Bins = "mass") -> float:
    """Expected calibration error: |mean probability - share of true| by bin, weighted by its size.

    Guo et al. 2017, section 2: 15 bins of equal width; of equal mass: Nguyen & O'Connor 2015. Raises BadInput as `brier`.
    """
    _check(sure, true)
    gap = np.bincount(_bins(sure, bins, kind), sure - true, bins)
    return float(np.abs(gap).sum() / len(sure))


def murphy(sure: Numbers, true: NDArray[np.bool_], *, bins: int = 15, kind: Bins = "mass") -> Decomposition:
    """Parts of the Brier score by bin; they add up to it. Raises BadInput as `brier`."""
    curve, base = reliability(sure, true, bins=bins, kind=kind), float(np.mean(true))
    weight = curve.many / len(sure)
    off = float(np.sum(weight * (curve.probability - curve.share) ** 2))
    apart, unsure = float(np.sum(weight * (curve.share - base) ** 2)), base * (1 - base)
    return Decomposition(off, apart, unsure, brier(sure, true) - (off - apart + unsure))


def reliability(sure: Numbers, true: NDArray[np.bool_], *, bins: int = 15, kind: Bins = "mass") -> Reliability:
    """Mean probability and share of true by bin, with intervals. Raises BadInput as `brier`."""
    _check(sure, true)
    number = _bins(sure, bins, kind)
    many = np.bincount(number, minlength=bins)
    kept = many > 0
    said, hits = np.bincount(number, sure, bins)[kept], np.bincount(number, true, bins)[kept]
    many = many[kept]
    ends = [wilson(int(h), int(m)) for h, m in zip(hits, many, strict=True)]
    low, high = (np.array(column, np.float64) for column in zip(*((e.low, e.high) for e in ends), strict=True))
    return Reliability(said / many, hits / many, low, high, many.astype(np.int64))


def _bins(sure: Numbers, bins: int, kind: Bins) -> NDArray[np.int64]:
    """(n,) number of the bin of each. Equal probabilities share a bin: otherwise the figure hung on their order."""
    if kind == "width":
        return np.minimum((sure * bins).astype(np.int64), bins - 1)
    ranked = np.sort(sure)
    edges = ranked[np.arange(1, bins) * len(ranked) // bins]
    return np.searchsorted(edges, sure, side="right")


def _check(sure: Numbers, true: NDArray[np.bool_]) -> None:
    if not len(sure):
        raise BadInput("calibration: no probability to judge; give at least one")
    if np.shape(sure) != np.shape(true):
        raise BadInput(f"calibration: {np.shape(sure)} probabilities for {np.shape(true)} answers; give one for one")
    if not np.all((sure >= 0) & (sure <= 1)):  # NaN compares false
        raise BadInput("calibration: a probability is NaN or outside 0..1; leave out those that were not said")
