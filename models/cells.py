"""The cells a detector flagged, at the moments at which they are judged, and what is told of them. For alerts and archives.

A cell is judged whenever the detector says something about it and, while its change stands, on looks some days after: what was
a doubtful first look becomes a certain third one. What is said on a day follows from the looks up to that day alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Step
from detection.monitors import Looks
from detection.patches import on_lattice
from detection.types import SECONDS_A_DAY, Float, Grid, Planes, Scene
from models.around import AFTER_DAYS, MOMENT, around
from models.surroundings import FLAG, Ground, surroundings

FOLLOW_DAYS: Final = (16, 32, 64, 128, 256)
"""Days after a transition from which, on the next look, a cell is judged again (chosen: each about twice the one before)."""
STANDS: Final = (Step.PROVISIONAL, Step.CONFIRMED)
"""Steps after which a change stands."""
COPIED: Final = {"pixel": "pixel", "broke": "change_day", "clear": "clear_before", "sigma": "sigma", "count": "count"}
"""Field of a MOMENT -> that of a transition which it is."""
FOUND: Final = np.dtype([*((n, MOMENT[n]) for n in MOMENT.names or ()), ("instant", "i8"), ("fresh", "?")])
"""A MOMENT with the instant of its last look, and whether the cell was flagged then for the first time in this change."""
CELL: Final = np.dtype(
    [("row", "i4"), ("column", "i4"), ("hectares", "f8"), *((n, FOUND[n]) for n in (FOUND.names or ())[1:])]
)
"""The same at a cell of the absolute lattice."""


@dataclass(frozen=True)
class Told:
    """What is told of flagged cells."""

    cells: NDArray[Any]
    """(row,) CELL rows."""
    rows: Float
    """(row, feature) what `around` says of the planes asked for."""

    def take(self, keep: NDArray[Any]) -> "Told":
        """The rows of this mask, or at these positions."""
        return Told(self.cells[keep], self.rows[keep])


def moments(log: NDArray[Any], scenes: Sequence[Scene]) -> NDArray[Any]:
    """FOUND rows of a monitor's transitions (LOG rows), by pixel and instant; scenes: all there are, in canonical order.

    A cell is judged on the last look of its day: `around` reads days, and what it says must not be known before it was seen.
    """
    instants = np.array([scene.instant for scene in scenes] or [0], np.int64)
    log = log[np.lexsort((log["step"], log["instant"], log["pixel"]))]
    same = np.append(log["pixel"][1:] == log["pixel"][:-1], False)
    until = np.where(same, np.append(log["instant"][1:], 0), np.iinfo(np.int64).max)
    stands = np.flatnonzero(np.isin(log["step"], STANDS))
    after = np.array((0, *FOLLOW_DAYS)) * SECONDS_A_DAY
    next_look = np.searchsorted(instants, log["instant"][stands][:, None] + after)
    when = instants[np.minimum(next_look, len(instants) - 1)]
    earlier = np.concatenate([np.zeros((len(when), 1), np.bool_), when[:, 1:] == when[:, :-1]], 1)
    kept = (next_look < len(instants)) & (when < until[stands][:, None]) & ~earlier
    kept[:, 0] = True
    which, place = np.nonzero(kept)
    made, source = np.zeros(len(which), FOUND), log[stands[which]]
    for name, given in COPIED.items():
        made[name] = source[given]
    spoke = np.where(place == 0, source["instant"], when[kept])
    made["decided"] = spoke // SECONDS_A_DAY
    ends = np.searchsorted(instants, (made["decided"].astype(np.int64) + 1) * SECONDS_A_DAY) - 1
    made["instant"] = np.maximum(spoke, instants[np.maximum(ends, 0)])
    made["fresh"] = (place == 0) & (source["step"] == Step.PROVISIONAL)
    return made


def changed(changes: NDArray[Any], last_day: int) -> NDArray[Any]:
    """FOUND rows of the changes of an archive (CHANGE rows): each is judged a year after it, or at the last look."""
    made = np.zeros(len(changes), FOUND)
    made["pixel"], made["broke"], made["clear"] = changes["pixel"], changes["day"], changes["before"]
    made["decided"] = np.minimum(changes["day"] + AFTER_DAYS, last_day)
    made["instant"], made["fresh"] = made["decided"].astype(np.int64) * SECONDS_A_DAY, True
    made["sigma"], made["count"] = changes["magnitude"], -1
    return made


def tell(looks: Looks, planes: Planes, grid: Grid, found: NDArray[Any], wanted: Planes) -> Told:
    """What the looks say of these FOUND rows, of the planes wanted; looks: of all pixels of the grid."""
    return Told(on_lattice(found, grid, CELL), around(looks, planes, found, wanted.optical, wanted.radar))


def flags(cells: NDArray[Any]) -> NDArray[Any]:
    """FLAG rows of CELL rows."""
    made = np.zeros(len(cells), FLAG)
    for name in FLAG.names or ():
        made[name] = cells[name]
    return made


def whole(told: Told, ground: Ground | None) -> Float:
    """(row, feature) what is told of the cells and of what lies around them; told: of all tiles together."""
    placed = flags(told.cells)
    return np.concatenate([told.rows, surroundings(placed, placed[told.cells["fresh"]], ground)], 1)


def gathered(parts: Sequence[Told]) -> Told:
    """Of several tiles, one after the other; there must be one at least."""
    return Told(np.concatenate([part.cells for part in parts]), np.concatenate([part.rows for part in parts]))
