"""Changes of a whole archive -> patches: cells of one kind of change and one calendar year that touch, corners included.

What is joined is a matter of the set of changes alone: not of the tiling, nor of the order in which they come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from detection.codes import Turn
from detection.patches.graph import groups, touching
from detection.segments.record import CHANGE
from detection.types import Days, parameters

CELL_CHANGE: Final = np.dtype(
    [("row", "i4"), ("column", "i4"), ("hectares", "f8"), *((n, CHANGE[n]) for n in CHANGE.names or () if n != "pixel")]
)
"""A change at a cell of the absolute lattice."""
DRAWN: Final = (Turn.LOSS, Turn.REGROWTH, Turn.RECLEARED)
"""The changes that become patches."""


@parameters
class Polygons:
    """When the cells of a year make one polygon. Those of one kind and year that touch, corners included, belong together."""

    minimum_mapping_unit_ha: Annotated[float, Ge(0)] = 0.5
    """Groups of cells smaller than this many (equal-area) hectares make no polygon; the rasters keep them."""


@dataclass(frozen=True)
class YearPatch:
    """Cells that changed in the same way in the same year."""

    turn: Turn
    """What the change was."""
    year: int
    """Calendar year of the first look after the change."""
    cells: NDArray[np.int32]
    """(cell, 2) rows and columns on the absolute lattice, in order."""
    hectares: float
    """Equal-area."""
    magnitude: float
    """Mean change of the leading plane over the cells."""
    probability: float
    """Mean over the cells that have one; NaN where none has."""
    first_day: int
    """Earliest day of a first look after the change, days since 1970-01-01."""
    last_day: int
    """Latest such day."""


def years(days: Days) -> NDArray[np.int64]:
    """Calendar years of days since 1970-01-01."""
    made: NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return made


def yearly(changes: NDArray[Any], rules: Polygons) -> list[YearPatch]:
    """The patches of CELL_CHANGE rows of all tiles, any order: by kind, year and first cell.

    A cell that changes twice in the same way in a year counts once, by the greater change.
    """
    when, worst = years(changes["day"]), -np.abs(changes["magnitude"])
    order = np.lexsort((changes["day"], worst, changes["column"], changes["row"], when, changes["turn"]))
    ordered, when = changes[order], when[order]
    keys = np.stack([ordered["turn"], when, ordered["row"], ordered["column"]])
    fresh = np.ones(len(ordered), np.bool_)
    fresh[1:] = (np.diff(keys) != 0).any(0)
    ordered, when = ordered[fresh], when[fresh]
    return [patch for turn in DRAWN for patch in _of_kind(turn, ordered, when, rules)]


def _of_kind(turn: Turn, changes: NDArray[Any], when: NDArray[np.int64], rules: Polygons) -> Iterator[YearPatch]:
    """The patches of one kind; when: the calendar year of every change."""
    of_kind = changes["turn"] == turn
    for year in np.unique(when[of_kind]).tolist():
        mine = changes[of_kind & (when == year)]
        cells = np.stack([mine["row"], mine["column"]], 1)
        for places in groups(touching(cells.astype(np.int64), 1), len(mine), len(mine)):
            patch = _patch(turn, year, mine[places], cells[places])
            if patch.hectares >= rules.minimum_mapping_unit_ha:
                yield patch


def _patch(turn: Turn, year: int, mine: NDArray[Any], cells: NDArray[np.int32]) -> YearPatch:
    sure = mine["probability"][np.isfinite(mine["probability"])]
    return YearPatch(
        turn=turn,
        year=year,
        cells=cells,
        hectares=fsum(mine["hectares"].tolist()),
        magnitude=float(mine["magnitude"].mean(dtype=np.float64)),
        probability=float(sure.mean(dtype=np.float64)) if len(sure) else float("nan"),
        first_day=int(mine["day"].min()),
        last_day=int(mine["day"].max()),
    )
