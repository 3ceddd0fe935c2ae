"""Cumulative sums of radar residuals per orbit, made online.

Published (Kellndorfer 2019, SAR Handbook, chapter 3; Ygorra et al. 2021, Int. J. Applied Earth Obs. 103, 102532): over a
finished series, S = sum of the residuals from the mean, a change where S turns, its significance from permutations.
Published too: cross-polarisation is the better one, and VV with it cuts false alarms.

Ours, since permutations of a finished series know the future: the mean and the deviation are those of the history of the
same orbit; the residual is that of a mean of VV and VH in dB, in deviations; the sum is Page's one-sided one (Page 1954,
Biometrika 41, 100), S = max(0, S - z - slack), an alarm at S >= threshold. One alarm a series.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.accuracy.stream import Changes, Stream
from detection.types import Float
from peers.peer import begin, by_series, collect, confirm, first_monitored


@dataclass(frozen=True)
class RadarCusum:
    """Radar CuSum. Dates the change to the first look of the rise that alarmed; magnitude: mean residual since, dB."""

    name: ClassVar[str] = "radar CuSum"
    planes: ClassVar[tuple[str, ...]] = ("vv", "vh")
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = False
    published: ClassVar[str] = (
        "precision up to 75 %, OA up to 91 % (Ygorra et al. 2021, Congo basin); near real time: precision 68 %, "
        "recall 72 %, OA 93 % at 0.03 ha (Ygorra et al. 2024)"
    )

    slack: float = 0.5
    """Deviations forgiven at every look (k)."""
    threshold: float = 5.0
    """Sum that alarms, deviations (h): with k = .5 about 940 looks between false alarms of white noise, one side."""
    vv_share: float = 0.5
    """Share of VV in the mean of the two polarisations, in dB; 0 reads VH alone."""
    fewest: int = 8
    """Looks of history an orbit must have (ours)."""
    floor: float = 0.2
    """Least deviation of the history, dB (ours)."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        looks = stream.panel("vv", "vh")
        mixed = looks.values["vh"] + np.float32(self.vv_share) * (looks.values["vv"] - looks.values["vh"])
        values = looks.values["vh"] if self.vv_share == 0 else mixed
        away, deviation = self._residuals(values, looks.orbit, looks.days < stream.monitor_day)
        off, z = by_series(away), by_series(away / deviation)
        opening, rules = (
            first_monitored(looks.days, stream.monitor_day),
            np.array([self.slack, self.threshold], np.float64),
        )
        return collect(lambda whole, real: _run(off, z, looks.days, opening, rules, whole, real), stream.many)

    def _residuals(self, values: Float, orbit: NDArray[np.int16], past: NDArray[np.bool_]) -> tuple[Float, Float]:
        """(time, series) residuals and their deviation, dB, from the history of the orbit; NaN where it is too short."""
        away, deviation = np.full(values.shape, np.nan, np.float32), np.full(values.shape, np.nan, np.float32)
        for o in np.unique(orbit):
            history = values[(orbit == o) & past].astype(np.float64)
            count = np.isfinite(history).sum(0)
            mean = np.nansum(history, 0) / np.maximum(count, 1)
            squares = np.nansum((history - mean) ** 2, 0) / np.maximum(count - 1, 1)
            enough = count >= self.fewest
            away[orbit == o] = np.where(enough, values[orbit == o] - mean, np.nan)
            deviation[orbit == o] = np.where(enough, np.maximum(np.sqrt(squares), self.floor), np.nan)
        return away, deviation

    def choices(self) -> tuple[Self, ...]:
        """Slack, threshold and polarisation."""
        tried: Sequence[tuple[float, float, float]] = list(product((0.5, 1.0, 1.5), (4, 5, 8), (0.0, 0.5)))
        return tuple(replace(self, slack=k, threshold=h, vv_share=v) for k, h, v in tried)


@njit(
    "int64(float32[:,::1], float32[:,::1], int32[::1], int64, float64[::1], int64[:,::1], float64[:,::1])",
    cache=True,
    nogil=True,
)
def _run(off: Any, z: Any, days: Any, opening: Any, rules: Any, whole: Any, real: Any) -> Any:
    """One row for every series that alarms; off and z are (series, time)."""  # pragma: no cover - compiled
    rows = 0
    for s in range(len(z)):
        total, onset, moved, looks = 0.0, 0, 0.0, 0
        for t in range(opening, len(days)):
            if not np.isfinite(z[s, t]):
                continue
            if total == 0:
                onset, moved, looks = days[t], 0.0, 0
            total = max(0.0, total - z[s, t] - rules[0])
            moved, looks = moved + off[s, t], looks + 1
            if total >= rules[1]:
                rows = begin(whole, real, rows, s, days[t], onset, np.nan, moved / looks)
                confirm(whole, real, rows - 1, days[t], np.nan, moved / looks)
                break
    return rows
