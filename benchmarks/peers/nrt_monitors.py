"""The monitors of the package nrt (Dutrieux et al. 2024, JOSS 9, 6815; EUPL-1.2): called, never copied; a benchmark only.

One row of series is handed over as an image one row high, one look at a time. The package alarms in both directions and
stops at the first break of a series: a break whose residuals went up is no loss and is dropped; with `reopen` (ours) it
does not close the series. First alarm and confirmation are the same look; it dates no change.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from itertools import product
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import NEVER, Changes, Panel, Stream, changes
from detection.types import Float, to_date
from peers.peer import first_monitored, in_blocks

BLOCK: Final = 65_536
"""Series at a time: enough that the package's own work outweighs what it does once a look."""
BROKEN: Final = 3
"""nrt's mask of a series with a confirmed break."""
MONITORED: Final = 1
"""nrt's mask of a series it watches."""
TOO_SHORT: Final = "There are no time-series with sufficient"
"""How nrt says that no history is long enough."""


@dataclass(frozen=True)
class _Nrt(ABC):
    """What the four monitors share."""

    planes: ClassVar[tuple[str, ...]] = ("nbr",)
    slow: ClassVar[bool] = False
    retrospective: ClassVar[bool] = False

    trend: bool = True
    """Fit a trend with the season."""
    reopen: bool = False
    """Watch a series on after a break that is no loss (ours; the package closes it)."""

    @abstractmethod
    def make(self) -> Any:
        """The package's monitor with these settings."""

    @abstractmethod
    def fitting(self) -> dict[str, Any]:
        """The package's arguments of `fit`."""

    @abstractmethod
    def choices(self) -> tuple[Self, ...]:
        """Settings worth trying."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        return in_blocks(self._said, stream, BLOCK)

    def _said(self, stream: Stream) -> Changes:
        looks = stream.panel("nbr")
        opening = first_monitored(looks.days, stream.monitor_day)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of every series whose history is short or empty
            monitor = self._fitted(looks, opening)
            broken = np.full(stream.many, NEVER, np.int32)
            if monitor is not None:
                self._watch(monitor, looks, opening, broken)
        series = np.flatnonzero(broken != NEVER)
        return changes(series, broken[series], broken[series])

    def _fitted(self, looks: Panel, opening: int) -> Any:
        """The monitor after its history; None where no series has enough of one."""
        if opening == 0:
            return None
        monitor = self.make()
        try:
            monitor.fit(history(looks, opening), **self.fitting())
        except ValueError as error:
            if not str(error).startswith(TOO_SHORT):
                raise
            return None
        return monitor

    def _watch(self, monitor: Any, looks: Panel, opening: int, broken: NDArray[np.int32]) -> None:
        """Write the day of the first loss of every series."""
        nbr = looks.values["nbr"]
        for t in range(opening, len(looks.scenes)):
            when, watched = moment(int(looks.days[t])), monitor.mask[0] == MONITORED
            monitor.monitor(array=nbr[t][None], date=when)
            fresh = watched & (monitor.mask[0] == BROKEN)
            if not fresh.any():
                continue
            loss = fresh & self._fell(monitor, nbr[t], when)
            broken[loss] = looks.days[t]
            if self.reopen:
                monitor.mask[0, fresh & ~loss] = MONITORED

    def _fell(self, monitor: Any, nbr: Float, when: datetime) -> NDArray[np.bool_]:
        """(series,) is the break a loss? By the sign of the process."""
        return np.asarray(monitor.process[0] < 0)


def moment(day: int) -> datetime:
    """Midnight of a day, as nrt takes it."""
    return datetime.combine(to_date(day), datetime.min.time())


def history(looks: Panel, opening: int) -> Any:
    """(time, y, x) float32 DataArray of the looks before this position, one row high."""
    import xarray as xr

    times = looks.days[:opening].astype("datetime64[D]").astype("datetime64[ns]")
    values = looks.values["nbr"][:opening, None]
    coords = {"time": times, "y": np.zeros(1), "x": np.arange(values.shape[2]) * 30.0}
    return xr.DataArray(values, coords, ("time", "y", "x"))


@dataclass(frozen=True)
class NrtEwma(_Nrt):
    """Exponentially weighted moving average (Brooks et al. 2014, IEEE TGRS 52, 3316), as nrt has it."""

    name: ClassVar[str] = "nrt EWMA"
    published: ClassVar[str] = (
        "no UA or PA in its paper; 60 % of changes to half a pixel found (Brooks et al. 2014; recalled)"
    )

    harmonics: int = 2
    """Harmonics of the season."""
    sensitivity: float = 2.0
    """Boundary, in deviations of the average."""
    weight: float = 0.3
    """Weight of a new look (lambda)."""
    outlier: float = 10.0
    """Looks further off than so many deviations are left out."""

    def make(self) -> Any:
        """The package's monitor with these settings."""
        kept = {"sensitivity": self.sensitivity, "lambda_": self.weight, "threshold_outlier": self.outlier}
        return import_module("nrt.monitor.ewma").EWMA(trend=self.trend, harmonic_order=self.harmonics, **kept)

    def fitting(self) -> dict[str, Any]:
        """The package's defaults: least squares, Shewhart screening at 5 deviations."""
        return {"method": "OLS", "screen_outliers": "Shewhart", "L": 5}

    def choices(self) -> tuple[Self, ...]:
        """The package's own, then sensitivity, outlier screen and trend with `reopen`; as for the others."""
        tried: Sequence[tuple[float, float, bool]] = list(product((3, 4, 6, 8), (10, 1000), (True, False)))
        return (self, *(replace(self, sensitivity=s, outlier=o, trend=t, reopen=True) for s, o, t in tried))


@dataclass(frozen=True)
class NrtCusum(_Nrt):
    """Cumulative sum of residuals as in R's bfastmonitor (Verbesselt et al. 2012, RSE 123, 98), as nrt has it."""

    name: ClassVar[str] = "nrt CuSum"
    published: ClassVar[str] = "BFAST Monitor: OA about 78-90 % (DeVries et al. 2015, RSE 161, 107; recalled)"

    harmonics: int = 2
    """Harmonics of the season."""
    sensitivity: float = 0.05
    """Significance of the boundary."""
    stable: bool = True
    """Cut the history to its stable part by the reverse-ordered CuSum (ROC); else all of it, least squares."""

    def make(self) -> Any:
        """The package's monitor with these settings."""
        return import_module("nrt.monitor.cusum").CuSum(
            trend=self.trend, harmonic_order=self.harmonics, sensitivity=self.sensitivity
        )

    def fitting(self) -> dict[str, Any]:
        """The package's default: ROC at significance .05."""
        return {"method": "ROC", "alpha": 0.05} if self.stable else {"method": "OLS"}

    def choices(self) -> tuple[Self, ...]:
        """Significance, history and trend."""
        tried: Sequence[tuple[float, bool, bool]] = list(
            product((0.05, 0.01, 0.001, 1e-5), (True, False), (True, False))
        )
        return (self, *(replace(self, sensitivity=s, stable=r, trend=t, reopen=True) for s, r, t in tried))


@dataclass(frozen=True)
class NrtMosum(NrtCusum):
    """Moving sum of residuals as in R's bfastmonitor (Verbesselt et al. 2012, RSE 123, 98), as nrt has it."""

    name: ClassVar[str] = "nrt MoSum"

    window: float = 0.25
    """Width of the sum, share of the history: .25, .5 or 1."""

    def make(self) -> Any:
        """The package's monitor with these settings."""
        return import_module("nrt.monitor.mosum").MoSum(
            trend=self.trend, harmonic_order=self.harmonics, sensitivity=self.sensitivity, h=self.window
        )

    def choices(self) -> tuple[Self, ...]:
        """Significance (the package's table ends at .001), history, trend and window."""
        tried: Sequence[tuple[float, tuple[bool, bool], float]] = list(
            product((0.05, 0.01, 0.001), ((True, True), (True, False), (False, False)), (0.25, 0.5))
        )
        made = (replace(self, sensitivity=s, stable=r, trend=t, window=h, reopen=True) for s, (r, t), h in tried)
        return (self, *made)


@dataclass(frozen=True)
class NrtIqr(_Nrt):
    """Looks in a row outside the quartiles of the history by so many interquartile ranges, as nrt has it."""

    name: ClassVar[str] = "nrt IQR"
    published: ClassVar[str] = "none; the rule is the package's own"

    harmonics: int = 3
    """Harmonics of the season."""
    sensitivity: float = 1.5
    """Interquartile ranges beyond the quartiles."""
    looks: int = 3
    """Looks in a row that alarm."""

    def make(self) -> Any:
        """The package's monitor with these settings."""
        kept = {"sensitivity": self.sensitivity, "boundary": self.looks}
        return import_module("nrt.monitor.iqr").IQR(trend=self.trend, harmonic_order=self.harmonics, **kept)

    def fitting(self) -> dict[str, Any]:
        """The package's default: least squares."""
        return {"method": "OLS"}

    def choices(self) -> tuple[Self, ...]:
        """Sensitivity, looks in a row and trend."""
        tried: Sequence[tuple[float, int, bool]] = list(product((1.5, 2, 3), (2, 3, 5), (True, False)))
        return (self, *(replace(self, sensitivity=s, looks=n, trend=t, reopen=True) for s, n, t in tried))

    def _fell(self, monitor: Any, nbr: Float, when: datetime) -> NDArray[np.bool_]:
        """Its process counts looks and has no sign: by the residual of the look that alarmed."""
        return np.asarray(nbr < monitor.predict(when)[0])
