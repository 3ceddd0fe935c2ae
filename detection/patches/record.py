"""What a patch is made of, and the rules by which it is made."""

from dataclasses import dataclass, field
from math import fsum
from typing import Annotated, Final, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Interval

from detection.codes import Step
from detection.monitors import LOG
from detection.types import parameters

CELL_LOG: Final = np.dtype(
    [("row", "i4"), ("column", "i4"), ("hectares", "f8"), *((n, LOG[n]) for n in LOG.names or () if n != "pixel")]
)
"""A transition at a cell of the absolute lattice."""
PROVISIONAL, CONFIRMED, EXPIRED, FINISHED = map(int, Step)
ACTIVE: Final = (PROVISIONAL, CONFIRMED)
"""The steps of a cell that is still under alarm."""
SURE: Final = (CONFIRMED, FINISHED)
"""The steps of a cell whose change was confirmed."""

Cell = tuple[int, int]


class Member(NamedTuple):
    """A row of CELL_LOG, field by field, as Python reads it fastest; `looks` is its `count`, which every tuple has."""

    row: int
    column: int
    hectares: float
    instant: int
    step: int
    change_day: int
    clear_before: int
    looks: int
    magnitude: float
    sigma: float
    worst: float


@parameters
class Patches:
    """When pixels belong together and when together they are large enough to speak of."""

    minimum_mapping_unit_ha: Annotated[float, Ge(0)] = 0.5
    """Patches smaller than this many (equal-area) hectares raise no alert."""
    join_distance_m: Annotated[float, Ge(0)] = 30.0
    """Gap between pixels that still joins them, metres (0: they must touch, corners included)."""
    # Measured on simulated frontiers. Pixels seen every 80 to 100 days: with 30 days 44 alerts for the 43 with 90; every 180:
    # 23 for 21. Seen every month or oftener, 15 to 180 days confirm the same area within 0.4 %: nothing speaks for fewer.
    component_window_days: Annotated[int, Gt(0)] = 90
    """New pixels of one look belong together when their changes start at most this many days apart."""
    join_window_days: Annotated[int, Gt(0)] = 90
    """A pixel joins an open patch when its change starts at most this long after the patch last grew."""
    # Chosen: what the ends of a road one cell wide have. Measured on three simulated frontiers, each seen often and seldom:
    # with the default mapping unit 2 takes no confirmation, 4 takes 6 of 144, 2 of them from true alerts; without a mapping
    # unit 2 takes 77 of 341, 42 of them from false alerts.
    support: Annotated[int, Interval(ge=0, le=24)] = 2
    """A confirmed pixel counts towards an alert's confirmation when at least this many of the 24 around it belong too."""


@dataclass
class Patch:
    """A patch while it is followed: the one thing here that changes, and only inside `follow`."""

    number: int
    """Order of appearance."""
    members: dict[Cell, Member] = field(default_factory=dict)
    """Cell -> its latest transition; expired cells are taken out."""
    last_grown: int = 0
    """Day of the last look that added or confirmed a cell."""
    minted: int | None = None
    """Instant of the look on which it reached the minimum mapping unit, or was split from an alert."""
    began: int | None = None
    """Instant of the look by which the cells it was minted with had reached the unit: earlier only for one split off."""
    anchor: Member | None = None
    """Its earliest member when it was minted: the earliest change, then the lowest row and column."""
    confirmed: int | None = None
    """Day of the look by which confirmed cells with support reached the minimum mapping unit."""
    merged_into: int | None = None
    """The patch that took it in."""
    previous: int | None = None
    """The closed patch it lies on, or the alert it was split from."""

    @property
    def open(self) -> bool:
        """Any cell still provisional or confirmed?"""
        return any(m.step in ACTIVE for m in self.members.values())

    def hectares(self, *steps: int) -> float:
        """Sum over the members at one of these steps, rounded once, so that their order does not matter."""
        return fsum(m.hectares for m in self.members.values() if m.step in steps)
