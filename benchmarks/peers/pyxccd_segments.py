"""COLD (Zhu et al. 2020, RSE 244, 111116) and S-CCD (Ye et al. 2021, RSE 252, 112167) by the package pyxccd.

The package (Apache-2.0; its wheel carries the GPL-3 library GSL) is called, never copied; a benchmark only. It wants six
bands of reflectance times 10 000 and a quality code a look: only looks observed in all six are handed over, as clear,
since a stream does not say why a look is missing. The thermal band is zero; the package ignores it (`b_c2`).

A break is a loss unless the package's own category calls it regrowth (`getcategory_cold`, `getcategory_sccd`): NIR
change > -.02, red < .02 and SWIR1 < .02 reflectance. Both confirm by looks in a row from the break on, so `first` and
`confirmed` are the day of the last of them, counted over the days with a look handed over.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import product
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import Changes, Stream, changes

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
"""In the package's order."""
SCALE: Final = 10_000
"""Units of the package in reflectance 1."""
EPOCH: Final = 719_163
"""Proleptic Gregorian ordinal of 1970-01-01: the package counts days from year 1."""
CLEAR_LOOKS: Final = 12
"""Fewer looks than this cannot start a model (Zhu et al. 2020), and the package raises."""
GAIN: Final = 200.0
"""Bound of the package's category of regrowth, its units."""


@dataclass(frozen=True)
class _Segments(ABC):
    """What both share. Magnitude: change of NIR minus change of SWIR2, reflectance."""

    planes: ClassVar[tuple[str, ...]] = BANDS
    slow: ClassVar[bool] = True
    retrospective: ClassVar[bool] = True

    probability: float = 0.99
    """Quantile of chi-square, five bands, beyond which a look is anomalous."""
    looks: int = 6
    """Anomalous looks in a row that make a break, where they come every 16 days."""
    dense: bool = True
    """Where looks come closer, ask for as many as fill the same time (as many as the package takes), at a quantile lowered
    to match: the authors' own rule for dense series (science notes 2.2), without which a week of smoke is a break."""
    most: ClassVar[int]
    """Looks in a row that the package takes at most."""

    @abstractmethod
    def breaks(
        self, days: NDArray[np.int64], bands: NDArray[np.int64], probability: float, looks: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Ordinal days and (break, 6 or 7) magnitudes of the confirmed breaks of one series; bands are (6, time)."""

    def asked(self, days: NDArray[np.int64]) -> tuple[float, int]:
        """(quantile, looks in a row) for a series whose history has looks on these days."""
        gap = float(np.median(np.diff(days))) if len(days) > 1 else 16.0
        looks = min(max(round(self.looks * 16 / max(gap, 1.0)), self.looks), self.most) if self.dense else self.looks
        return float(1 - (1 - self.probability) ** (self.looks / looks)), looks

    def choices(self) -> tuple[Self, ...]:
        """Quantile and looks in a row."""
        tried: Sequence[tuple[float, int]] = list(product((0.95, 0.99, 0.999, 0.99999), (4, 6, 8)))
        return tuple(replace(self, probability=p, looks=n) for p, n in tried)

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        found = list(self._found(stream))
        series, said, broke, size = np.array(found).T if found else np.empty((4, 0))
        return changes(series, said, said, broke, magnitude=size)

    def _found(self, stream: Stream) -> Iterator[tuple[float, float, float, float]]:
        """(series, day it could be said, day of the break, magnitude) of every loss said since monitoring began."""
        for s, days, bands in observed(stream):
            probability, looks = self.asked(days[days < stream.monitor_day])
            when, sizes = self.breaks(days + EPOCH, bands, probability, looks)
            for day, size in zip(np.asarray(when, np.int64) - EPOCH, sizes, strict=True):
                said = said_on(days, int(day), looks)
                if loss(size) and said >= stream.monitor_day:
                    yield s, said, int(day), float(size[3] - size[5]) / SCALE


def observed(stream: Stream) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """(series, days, (6, time) bands in the package's units) of every series with enough looks."""
    looks = stream.panel(*BANDS)
    stack = np.stack([looks.values[b] for b in BANDS])
    for s in range(stream.many):
        seen = np.isfinite(stack[:, :, s]).all(0)
        if seen.sum() >= CLEAR_LOOKS:
            scaled = np.round(stack[:, seen, s] * SCALE).astype(np.int64)
            yield s, looks.days[seen].astype(np.int64), np.ascontiguousarray(scaled)


def loss(size: NDArray[Any]) -> bool:
    """Is a break of these magnitudes (package's band order and units) a loss, by the package's own category?"""
    return not (size[3] > -GAIN and size[2] < GAIN and size[4] < GAIN)


def said_on(days: NDArray[np.int64], broke: int, looks: int) -> int:
    """Day of the last of so many looks, one a day, from the break on; the last day there is where fewer remain."""
    later = np.unique(days[days >= broke])
    return int(later[min(looks, len(later)) - 1])


@dataclass(frozen=True)
class Cold(_Segments):
    """COLD: harmonics fitted anew as looks come in, a break where all of so many looks in a row are anomalous."""

    name: ClassVar[str] = "COLD"
    most: ClassVar[int] = 11
    published: ClassVar[str] = "commission 28 %, omission 27 % (Zhu et al. 2020, conterminous US; recalled)"

    def breaks(
        self, days: NDArray[np.int64], bands: NDArray[np.int64], probability: float, looks: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Breaks of change probability 100."""
        clear = np.zeros(len(days), np.int64)
        try:
            found = import_module("pyxccd").cold_detect(days, *bands, clear, clear, p_cg=probability, conse=looks)
        except RuntimeError:  # the package's word for a series in which no model could be started
            return np.empty(0), np.empty((0, 7))
        sure = found[found["change_prob"] == 100]
        return sure["t_break"], sure["magnitude"]


@dataclass(frozen=True)
class Sccd(_Segments):
    """S-CCD: the same test on a state space model that a Kalman filter carries."""

    name: ClassVar[str] = "S-CCD"
    most: ClassVar[int] = 8
    published: ClassVar[str] = "about as COLD: commission 28 %, omission 27 % (Ye et al. 2021; recalled)"

    def breaks(
        self, days: NDArray[np.int64], bands: NDArray[np.int64], probability: float, looks: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """All breaks it recorded."""
        clear = np.zeros(len(days), np.int64)
        try:
            found = import_module("pyxccd").sccd_detect(days, *bands, clear, p_cg=probability, conse=looks).rec_cg
        except RuntimeError:  # as above
            return np.empty(0), np.empty((0, 6))
        if len(found) == 0:
            return np.empty(0), np.empty((0, 6))
        return found["t_break"], found["magnitude"]
