"""Stands here until the composites do: their parameter class alone, so that a config can name them."""

from typing import Annotated, Protocol

from annotated_types import Ge, Interval

from detection.errors import BadInput
from detection.monitors.state import Looks
from detection.segments.record import Segments
from detection.types import parameters


@parameters
class Annual:
    """Which looks stand for a year."""

    first_day: Annotated[int, Interval(ge=1, le=366)] = 1
    """Day of the year the season begins."""
    last_day: Annotated[int, Interval(ge=1, le=366)] = 366
    """Day of the year it ends, itself included; before `first_day`: it crosses the new year."""
    least_looks: Annotated[int, Ge(1)] = 1
    """Fewer looks of a season leave its year empty; a medoid outvotes a cloud from three on."""


class Yearly(Protocol):
    """One look a year at a row of pixels."""

    @property
    def row(self) -> Looks:
        """The years as looks."""
        ...

    def dated(self, segments: Segments) -> Segments:
        """Segments of these years, on the days of the looks that were taken."""
        ...


def yearly(annual: Annual, looks: Looks) -> Yearly:
    """Raises BadInput: not there yet."""
    raise BadInput("annual: composites are not built yet; leave it out")
