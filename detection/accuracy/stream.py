"""What every detector is given, and what it answers: one contract for ours and for the peers.

A detector is any callable `(Stream) -> Changes`. It sees looks in canonical order and nothing else: no truth, no clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Days, Float, Scene

NEVER = -1
"""Day of something that did not happen."""
RADAR = ("vv", "vh", "cross_ratio", "rvi")
"""Planes of the radar panel; all others are optical."""


@dataclass(frozen=True)
class Panel:
    """Looks of one kind of sensor, optical or radar, at a row of series."""

    scenes: tuple[Scene, ...]
    """In canonical order; `platform` as in `landsat-8`, `sentinel-2b`, `sentinel-1a`."""
    orbit: NDArray[np.int16]
    """(time,) relative orbit or path number; -1 unknown."""
    values: Mapping[str, Float]
    """Name -> (time, series) float32, NaN = not observed: reflectance 0..1 (`blue` ... `swir2`), an index (`nbr`), or dB."""

    @property
    def days(self) -> Days:
        """(time,) days since 1970-01-01."""
        return np.array([s.day for s in self.scenes], np.int32)

    def take(self, series: NDArray[Any], looks: NDArray[np.bool_] | None = None) -> "Panel":
        """The series of this mask or of these positions, and the looks of this (time,) mask."""
        keep = np.ones(len(self.scenes), np.bool_) if looks is None else looks
        scenes = tuple(s for s, k in zip(self.scenes, keep, strict=True) if k)
        values = {name: np.ascontiguousarray(plane[keep][:, series]) for name, plane in self.values.items()}
        return Panel(scenes, self.orbit[keep], values)

    def cut(self, last: NDArray[np.int64]) -> "Panel":
        """Every series with its looks after its own last day not observed."""
        late = self.days[:, None] > last[None, :]
        return Panel(
            self.scenes, self.orbit, {n: np.where(late, np.float32(np.nan), v) for n, v in self.values.items()}
        )


@dataclass(frozen=True)
class Stream:
    """The same looks for every detector."""

    monitor_day: int
    """First monitored day; looks before it are history."""
    many: int
    """Number of series."""
    optical: Panel | None = None
    """Landsat and Sentinel-2, prepared and harmonised alike; None where there is none."""
    radar: Panel | None = None
    """Sentinel-1, planes of RADAR, `vv` and `vh` in dB; None where there is none."""

    def panel(self, *names: str) -> Panel:
        """The panel that holds these planes; raises BadInput where it lacks one, or they are of both kinds of sensor."""
        found = self.radar if set(names) <= set(RADAR) else self.optical
        missing = [name for name in names if found is None or name not in found.values]
        if found is None or missing:
            raise BadInput(f"stream: no {', '.join(missing)}; give a panel that holds {', '.join(names)}")
        return found

    def take(self, series: NDArray[Any]) -> "Stream":
        """The series of this mask or of these positions."""
        many = int(np.arange(self.many)[series].size)
        parts = [None if p is None else p.take(series) for p in (self.optical, self.radar)]
        return Stream(self.monitor_day, many, *parts)

    def until(self, day: int) -> "Stream":
        """The looks up to and including this day: what was known then."""
        every = np.arange(self.many)
        parts = [None if p is None else p.take(every, p.days <= day) for p in (self.optical, self.radar)]
        return Stream(self.monitor_day, self.many, *parts)

    def cut(self, last: NDArray[np.int64]) -> "Stream":
        """Every series without its looks after its own last day, (series,): what was known of each by then.

        Looks after the last of all are gone; others stay as looks that did not see the series.
        """
        short = self.until(int(last.max(initial=0)))
        return Stream(
            short.monitor_day, short.many, *(None if p is None else p.cut(last) for p in (short.optical, short.radar))
        )


@dataclass(frozen=True)
class Changes:
    """What a detector said, one entry a change; also those that were never confirmed. Sorted by (series, first)."""

    series: NDArray[np.int64]
    """(change,) position of the series in the stream."""
    first: Days
    """(change,) day of the look that raised the alarm."""
    confirmed: Days
    """(change,) day of the look that confirmed it; NEVER."""
    change: Days
    """(change,) day the detector dates the change to; NEVER where it does not date."""
    probability: NDArray[np.float64]
    """(change,) how sure it is on the deciding day, 0..1; NaN where it does not say."""
    magnitude: Float
    """(change,) size of the change in the detector's own unit, negative for loss; NaN where it does not say."""

    @property
    def many(self) -> int:
        """Number of changes."""
        return len(self.series)

    def take(self, keep: NDArray[Any]) -> "Changes":
        """The changes of this mask or of these positions."""
        return Changes(
            self.series[keep], self.first[keep], self.confirmed[keep], self.change[keep], self.probability[keep],
            self.magnitude[keep],
        )  # fmt: skip


def changes(
    series: NDArray[Any],
    first: NDArray[Any],
    confirmed: NDArray[Any] | None = None,
    change: NDArray[Any] | None = None,
    probability: NDArray[Any] | None = None,
    magnitude: NDArray[Any] | None = None,
) -> Changes:
    """Changes out of columns in any order; a column left out is NEVER or NaN. Raises ValueError for unequal lengths."""
    many = len(series)
    columns: list[NDArray[Any]] = [
        np.asarray(series, np.int64),
        np.asarray(first, np.int32),
        np.full(many, NEVER, np.int32) if confirmed is None else np.asarray(confirmed, np.int32),
        np.full(many, NEVER, np.int32) if change is None else np.asarray(change, np.int32),
        np.full(many, np.nan) if probability is None else np.asarray(probability, np.float64),
        np.full(many, np.nan, np.float32) if magnitude is None else np.asarray(magnitude, np.float32),
    ]
    if {len(column) for column in columns} != {many}:
        raise ValueError(f"changes: columns of {[len(column) for column in columns]} entries; they must be equal")
    order = np.lexsort((columns[1], columns[0]))
    return Changes(*(column[order] for column in columns))


Detector = Callable[[Stream], Changes]
"""Ours and the peers'."""
