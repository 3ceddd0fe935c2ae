"""The truth about a row of series, in arrays: what happened where and when, in which stratum, with which weight."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.types import Days


@dataclass(frozen=True)
class SeriesTruth:
    """What really happened to a row of series. Codes count into `strata` and `drivers`."""

    strata: tuple[str, ...]
    """Names of the strata: where the series lies (intact, mosaic, bamboo, river, ...)."""
    drivers: tuple[str, ...]
    """Names of what may happen (clearing, mining, browning, ...)."""
    stratum: NDArray[np.uint8]
    """(series,) code of its stratum."""
    block: NDArray[np.int32]
    """(series,) the block it is resampled with: series of one block are not independent."""
    weight: NDArray[np.float64]
    """(series,) how many series of the world it stands for."""
    area_ha: NDArray[np.float64]
    """(series,) hectares of one series; NaN for points without an area."""
    observed_from: Days
    """(series,) first judged day."""
    observed_until: Days
    """(series,) last judged day."""
    window_series: NDArray[np.int64]
    """(window,) series of something that happened; sorted by (series, start)."""
    window_driver: NDArray[np.uint8]
    """(window,) code of what happened."""
    window_loss: NDArray[np.bool_]
    """(window,) is it a change that a detector must find? False: a hard negative, an alarm in it is false."""
    window_start: Days
    """(window,) first day of change."""
    window_end: Days
    """(window,) last day of change; `observed_until` where it is still open."""
    window_dated: NDArray[np.bool_]
    """(window,) is the start known? Undated changes count for accuracy, not for latency."""
    window_ignored: NDArray[np.bool_]
    """(window,) alarms in it count neither way."""
    window_event: NDArray[np.int64]
    """(window,) number of the event it is part of, equal over all its series; the series itself where there is none."""
    window_event_ha: NDArray[np.float64]
    """(window,) hectares of the whole event; NaN where not known."""

    @property
    def many(self) -> int:
        """Number of series."""
        return len(self.stratum)

    def take(self, keep: NDArray[Any]) -> "SeriesTruth":
        """The series at these rising positions (or of this mask), with their windows, renumbered."""
        kept = np.arange(self.many)[keep]
        place = np.full(self.many, -1, np.int64)
        place[kept] = np.arange(len(kept))
        windows = place[self.window_series] >= 0
        moved = {name: getattr(self, name)[kept] for name in _BY_SERIES}
        cut = {name: getattr(self, name)[windows] for name in _BY_WINDOW}
        return SeriesTruth(
            strata=self.strata, drivers=self.drivers, window_series=place[self.window_series[windows]], **moved, **cut
        )


_BY_SERIES = ("stratum", "block", "weight", "area_ha", "observed_from", "observed_until")
_BY_WINDOW = (
    "window_driver", "window_loss", "window_start", "window_end", "window_dated", "window_ignored", "window_event",
    "window_event_ha",
)  # fmt: skip
