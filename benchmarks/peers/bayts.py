"""bayts: iterative Bayesian updating of optical and radar looks in one order (Reiche et al. 2015, Remote Sensing 7, 4973).

A look gives the probability of non-forest p = f_NF(x) / (f_NF(x) + f_F(x)), kept within [.1, .9]; looks of one day combine
by the product rule. A look with p >= .5 flags a change; P = Bayes(p of the look before, p); every further look updates P;
the flag falls where P < .5, the change is confirmed where P >= chi and p >= .5. One confirmed change a series. Forest and
non-forest are normal; the defaults are those of the authors' published example (Landsat NDVI and Sentinel-1 VV).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Final, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.accuracy.stream import RADAR, Changes, Panel, Stream
from detection.errors import BadInput
from peers.peer import begin, collect, confirm, first_monitored, in_blocks

BLOCK: Final = 8192
"""Series at a time."""
SLIP: Final = 1e-9
"""Rounding forgiven: block weights .1, .9, .9 make P = .9 to the dot, and chi is .9."""
Normal = tuple[float, float]
"""Mean and standard deviation."""


@dataclass(frozen=True)
class Bayts:
    """bayts, with the two sensors that the stream has. Probability: P on the deciding day; it gives no magnitude.

    With `pixelwise`, forest is centred per series on its own history, per orbit for radar, and non-forest keeps its
    distance, as in RADD (Reiche et al. 2021, ERL 16, 024005).
    """

    name: ClassVar[str] = "bayts"
    planes: ClassVar[tuple[str, ...]] = ("ndvi", "vv")
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = False
    published: ClassVar[str] = (
        "OA about 88-92 % (Reiche et al. 2015, 2018; recalled); its kin RADD: UA 97.6 %, PA 95.0 % of events of 0.2 ha "
        "and more, Congo basin (Reiche et al. 2021; recalled)"
    )

    chi: float = 0.9
    """P that confirms."""
    flag: float = 0.5
    """p that flags, and P below which the flag falls."""
    block: tuple[float, float] = (0.1, 0.9)
    """No look says less or more than this (block weighting)."""
    optical: str = "ndvi"
    """Optical plane read: `ndvi`, or `nbr`, for which no example was published: it then needs `pixelwise`."""
    optical_forest: Normal = (0.85, 0.075)
    """Optical index of forest."""
    optical_loss: Normal = (0.40, 0.125)
    """Optical index of non-forest."""
    radar_forest: Normal = (-7.0, 0.75)
    """VV of forest, dB."""
    radar_loss: Normal = (-11.5, 1.0)
    """VV of non-forest, dB."""
    pixelwise: bool = False
    """Centre forest on the history of each series (at least `fewest` looks, else the general mean)."""
    fewest: int = 5
    """Looks of history that a centre of its own needs (ours)."""

    def __post_init__(self) -> None:
        if self.optical != "ndvi" and not self.pixelwise:
            raise BadInput(f"bayts: no published densities of {self.optical}; set pixelwise, or use ndvi")

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream; raises BadInput where it has neither the optical plane nor VV."""
        return in_blocks(self._said, stream, BLOCK)

    def _said(self, stream: Stream) -> Changes:
        parts = [self._probability(stream, plane) for plane in self._held(stream)]
        days, p = _a_day(np.concatenate([d for d, _ in parts]), np.concatenate([q for _, q in parts]), self.block)
        opening, rules = first_monitored(days, stream.monitor_day), np.array([self.flag, self.chi], np.float64)
        ready = np.ascontiguousarray(p.T)
        return collect(lambda whole, real: _run(ready, days, opening, rules, whole, real), stream.many)

    def choices(self) -> tuple[Self, ...]:
        """Threshold, index and centring."""
        tried: Sequence[tuple[float, tuple[str, bool]]] = list(
            product((0.85, 0.9, 0.975, 0.99, 0.999), (("ndvi", False), ("ndvi", True), ("nbr", True)))
        )
        return tuple(replace(self, chi=chi, optical=plane, pixelwise=own) for chi, (plane, own) in tried)

    def _held(self, stream: Stream) -> list[str]:
        pairs = ((stream.optical, self.optical), (stream.radar, "vv"))
        held = [name for looks, name in pairs if looks is not None and name in looks.values]
        if not held:
            raise BadInput(f"stream: neither {self.optical} nor vv; give at least one of them")
        return held

    def _probability(self, stream: Stream, plane: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Days of the looks and (time, series) p of non-forest, before block weighting."""
        looks = stream.panel(plane)
        radar = plane in RADAR
        forest, loss = (self.radar_forest, self.radar_loss) if radar else (self.optical_forest, self.optical_loss)
        values = looks.values[plane].astype(np.float64)
        if self.pixelwise:
            groups = looks.orbit if radar else np.zeros_like(looks.orbit)
            values = values - _own_shift(looks, values, groups, stream.monitor_day, forest[0], self.fewest)
        ratio = _log_density(values, loss) - _log_density(values, forest)
        return looks.days, 1 / (1 + np.exp(-np.clip(ratio, -50, 50)))


def _log_density(values: NDArray[np.float64], normal: Normal) -> NDArray[np.float64]:
    """Log of the normal density, up to the constant both classes share."""
    z = (values - normal[0]) / normal[1]
    return np.asarray(-0.5 * z * z - np.log(normal[1]))


def _own_shift(
    looks: Panel, values: NDArray[np.float64], groups: NDArray[np.int16], until: int, mean: float, fewest: int
) -> NDArray[np.float64]:
    """(time, series) history mean of the look's group minus `mean`; 0 where the history is too short."""
    shift = np.zeros_like(values)
    for group in np.unique(groups):
        here = groups == group
        past = values[here & (looks.days < until)]
        count = np.isfinite(past).sum(0)
        own = np.where(count >= fewest, np.nansum(past, 0) / np.maximum(count, 1) - mean, 0)
        shift[here] = own
    return shift


def _a_day(
    days: NDArray[np.int32], p: NDArray[np.float64], block: tuple[float, float]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Unique days and (day, series) p: block-weighted, looks of one day combined by the product rule, NaN = none."""
    order = np.argsort(days, kind="stable")
    unique, starts = np.unique(days[order], return_index=True)
    weighed = np.clip(p[order], *block)
    seen = np.isfinite(weighed)
    odds = np.add.reduceat(np.where(seen, np.log(weighed / (1 - weighed)), 0), starts, 0)
    known = np.logical_or.reduceat(seen, starts, 0)
    return unique.astype(np.int32), np.where(known, 1 / (1 + np.exp(-odds)), np.nan)


@njit("float64(float64, float64)", cache=True, nogil=True)
def _updated(prior: Any, likelihood: Any) -> Any:
    """Bayes' rule for two hypotheses."""  # pragma: no cover - compiled
    both = prior * likelihood
    return both / (both + (1 - prior) * (1 - likelihood))


@njit(
    "int64(float64[:,::1], int32[::1], int64, float64[::1], int64[:,::1], float64[:,::1])", cache=True, nogil=True
)  # fmt: skip
def _run(p: Any, days: Any, opening: Any, rules: Any, whole: Any, real: Any) -> Any:
    """Rows of all flags; p is (series, day)."""  # pragma: no cover - compiled
    rows = 0
    for s in range(len(p)):
        flagged, sure, before, row = False, 0.0, 0.5, 0
        for t in range(len(days)):
            now = p[s, t]
            if not np.isfinite(now):
                continue
            if t >= opening:
                fresh = not flagged
                if fresh and now >= rules[0] - SLIP:
                    flagged, row, sure = True, rows, _updated(before, now)
                    rows = begin(whole, real, rows, s, days[t], days[t], sure, np.nan)
                elif flagged:
                    sure = _updated(sure, now)
                    flagged = sure >= rules[0] - SLIP
                if flagged and sure >= rules[1] - SLIP and now >= rules[0] - SLIP:
                    confirm(whole, real, row, days[t], sure, np.nan)
                    break
            before = now
    return rows
