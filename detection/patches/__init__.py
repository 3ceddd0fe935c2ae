"""Flagged pixels -> patches on the absolute lattice, followed look by look. Nothing here knows a tile.

Patches are stepped through the log of transitions in the order of the looks, so that what is said after a look depends on
the looks up to it and on nothing else: not on the tiling, nor on how many looks a run took in at once.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.areas import cell_hectares
from detection.patches.record import CELL_LOG, Cell, Member, Patch, Patches
from detection.patches.walk import Walk
from detection.types import Grid

__all__ = ["CELL_LOG", "Cell", "Member", "Patch", "Patches", "follow", "on_lattice"]


def on_lattice(found: NDArray[Any], tile: Grid, made: "np.dtype[Any]" = CELL_LOG) -> NDArray[Any]:
    """What was found at a tile's pixels (LOG rows) at cells of the absolute lattice (CELL_LOG rows, or another type of these
    fields with row, column and hectares in place of the pixel)."""
    rows = np.zeros(len(found), made)
    for name in found.dtype.names or ():
        if name != "pixel":
            rows[name] = found[name]
    rows["row"] = tile.first_row + found["pixel"] // tile.shape[1]
    rows["column"] = tile.first_column + found["pixel"] % tile.shape[1]
    if len(rows):
        rows["hectares"] = cell_hectares(tile, rows["row"], rows["column"])
    return rows


def follow(log: NDArray[Any], resolution: int, rules: Patches) -> Iterator[tuple[int, list[Patch]]]:
    """(instant, patches it touched) for every look that changed anything.

    log: CELL_LOG rows of all tiles, any order. The patches are live: read them before asking for the next look.
    """
    ordered = log[np.lexsort((log["step"], log["column"], log["row"], log["instant"]))]
    walk = Walk(1 + int(rules.join_distance_m // resolution), rules)
    starts = np.flatnonzero(np.diff(ordered["instant"], prepend=-1 << 62))
    for look in np.split(ordered, starts[1:]) if len(ordered) else ():
        yield int(look["instant"][0]), walk.step([Member._make(row) for row in look.tolist()])
