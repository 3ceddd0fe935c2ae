"""What every peer has in common, and the few steps they share: planes of a stream, a log that grows, rows of a kernel."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.accuracy.stream import NEVER, Changes, Stream, changes
from detection.types import Float


class Peer(Protocol):
    """A published detector at its published defaults: a callable on a stream, with settings to search."""

    name: ClassVar[str]
    """As it stands in tables."""
    planes: ClassVar[tuple[str, ...]]
    """Values of the stream it reads."""
    slow: ClassVar[bool]
    """Run it on a sample only."""
    retrospective: ClassVar[bool]
    """It looks at the whole stream at once; `first` is then the day on which it could first have said so."""
    published: ClassVar[str]
    """What its authors or users found, and where."""

    def __call__(self, stream: Stream) -> Changes:
        """What it says about this stream."""
        ...

    def choices(self) -> tuple[Self, ...]:
        """Settings worth trying in a search on training folds."""
        ...


def by_series(plane: Float) -> Float:
    """(series, time) float32, contiguous: what the loops over time read in order."""
    return np.ascontiguousarray(plane.T, np.float32)


def first_monitored(days: NDArray[np.int32], monitor_day: int) -> int:
    """Position of the first look that is monitored."""
    return int(np.searchsorted(days, monitor_day))


def anniversaries(days: NDArray[np.int32], years: int, half_width: int) -> NDArray[np.int64]:
    """(time, years, 2) positions [from, to) of the looks within so many days of the same date 1 ... years before."""
    back = np.round(365.25 * np.arange(1, years + 1)).astype(np.int64)
    centre = days[:, None] - back
    low = np.searchsorted(days, centre - half_width, "left")
    high = np.searchsorted(days, centre + half_width, "right")
    return np.ascontiguousarray(np.stack([low, high], 2), np.int64)


def collect(run: Callable[[NDArray[np.int64], NDArray[np.float64]], int], many: int) -> Changes:
    """The changes a kernel writes into (rows, 4) series, first, confirmed, change and (rows, 2) probability, magnitude.

    The kernel returns how many rows it has; where that is more than there was room for, it is run again.
    """
    room = 1024 + many
    while True:
        whole, real = np.full((room, 4), NEVER, np.int64), np.full((room, 2), np.nan)
        written = int(run(whole, real))
        if written <= room:
            w, r = whole[:written], real[:written]
            return changes(w[:, 0], w[:, 1], w[:, 2], w[:, 3], r[:, 0], r[:, 1])
        room = written


def in_blocks(say: Callable[[Stream], Changes], stream: Stream, size: int) -> Changes:
    """What is said of a stream taken so many series at a time, so that copies in double precision stay small."""
    if stream.many <= size:
        return say(stream)
    starts = range(0, stream.many, size)
    parts = [say(stream.take(np.arange(i, min(i + size, stream.many)))) for i in starts]
    series = [part.series + i for i, part in zip(starts, parts, strict=True)]
    names = ("first", "confirmed", "change", "probability", "magnitude")
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return changes(np.concatenate(series), *columns)


@njit("int64(int64[:,::1], float64[:,::1], int64, int64, int64, int64, float64, float64)", cache=True, nogil=True)
def begin(whole: Any, real: Any, row: Any, series: Any, first: Any, change: Any, sure: Any, size: Any) -> Any:
    """Write a change that began, while there is room; the number of rows after it."""  # pragma: no cover - compiled
    if row < len(whole):
        whole[row, 0], whole[row, 1], whole[row, 2], whole[row, 3] = series, first, NEVER, change
        real[row, 0], real[row, 1] = sure, size
    return row + 1


@njit("void(int64[:,::1], float64[:,::1], int64, int64, float64, float64)", cache=True, nogil=True)
def confirm(whole: Any, real: Any, row: Any, day: Any, sure: Any, size: Any) -> None:
    """Confirm the change of this row; its numbers become those of this day."""  # pragma: no cover - compiled
    if row < len(whole):
        whole[row, 2] = day
        real[row, 0], real[row, 1] = sure, size
