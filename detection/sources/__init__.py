"""The only part of `detection` that reads the world. A source says what there is, then reads it onto the job's grid."""

from collections.abc import Sequence
from typing import Protocol

from detection.types import Grid, Raw, Scene


class Source(Protocol):
    """One provider of scenes. It resamples (nobody else does), and it never hides what it could not read."""

    def grid(self) -> Grid:
        """The grid the source's own data suggest, origin snapped out to multiples of 60 m."""
        ...

    def manifest(self, first_day: int, last_day: int) -> tuple[Scene, ...]:
        """The scenes of first_day <= day < last_day, in canonical order, each once."""
        ...

    def read(self, grid: Grid, scenes: Sequence[Scene], bands: Sequence[str]) -> Raw:
        """Raw numbers of these scenes on this grid, with a status for every look; outside the data: OUTSIDE."""
        ...
