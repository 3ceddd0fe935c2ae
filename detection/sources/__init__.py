"""The only part of `detection` that reads the world. A source says what there is, then reads it onto the job's grid."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from detection.types import Grid, Raw, Row


@dataclass(frozen=True)
class Traffic:
    """How a source may use the network: handed in by whoever runs it, since `detection` knows neither cluster nor clock."""

    turn: Callable[[], AbstractContextManager[object]] = nullcontext
    """Entered around every request that counts towards the provider's limit: blocks while all turns are taken."""
    wait: Callable[[float], object] = Event().wait
    """Waits so many seconds between two tries."""


class Source(Protocol):
    """One provider of scenes. It resamples (nobody else does), and it never hides what it could not read."""

    failures: list[tuple[str, str]]
    """(scene id, reason) of everything a read could not get, each pair once."""

    def grid(self) -> Grid | None:
        """The grid the source's own data suggest, origin snapped out to multiples of 60 m; None: it covers the world."""
        ...

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """What there is of first_day <= day < last_day over the area, in canonical order of the scenes, each once.

        A source that covers the world needs an area, the others leave it unread. Raises SourceUnavailable.
        """
        ...

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """Raw numbers of these rows, all of one sensor, on this grid, with a status for every look.

        Cells the scene does not reach are OUTSIDE, a band the provider does not have makes the look MISSING, one that
        could not be read FAILED (and listed in `failures`), nodata MASKED; the worst of the bands counts.
        """
        ...
