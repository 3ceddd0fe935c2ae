"""The strata of a map: which cells belong together, how many they are, and how large, window by window."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from detection.areas import cell_hectares
from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas.asked import AreaReport, Buffer, HistoryMap
from jobs.reports.areas.maps import NAMES, NOTHING, WINDOW, ChangeMap, open_map

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
Members = NDArray[np.int16]
OUTSIDE: Final = -1
"""Stratum of cells of which nothing is estimated."""
NODES: Final = 64
"""Cells between the nodes at which the scale of the map is computed; between them it is interpolated (within 1e-7)."""
GRAIN: Final = 1e-9
"""Hectares to which the area of a cell is rounded, so that sums are whole numbers and do not depend on their order."""


@dataclass(frozen=True)
class Frame:
    """What is sampled: a map, and the rule by which its cells fall into strata."""

    map: ChangeMap
    """The map."""
    names: tuple[str, ...]
    """(stratum,) their names."""
    claims: tuple[str, ...]
    """(stratum,) class that the map claims there."""
    owner: dict[int, int]
    """Code -> stratum, OUTSIDE for codes of which nothing is estimated."""
    buffer: Buffer | None
    """The last stratum, where there is one, made of cells near others."""
    named: bool
    """Did the config name the strata? Then each must have a cell."""

    def members(self, part: Grid) -> Members:
        """(y, x) stratum of every cell of a part of the grid; raises BadInput for a code without a stratum."""
        if self.buffer is None:
            return self._coded(part)
        rim = int(np.ceil(self.buffer.metres / part.resolution)) + 1
        wide = self._coded(part.pad(rim))
        mine = wide[rim:-rim, rim:-rim]
        around = np.isin(wide, [self.names.index(name) for name in self.buffer.around])
        if not around.any():
            return mine
        metres = distance_transform_edt(~around, sampling=part.resolution)[rim:-rim, rim:-rim]
        near = (metres <= self.buffer.metres + 1e-6) & (mine == self.names.index(self.buffer.within))
        return np.where(near, np.int16(len(self.names) - 1), mine)

    def _coded(self, part: Grid) -> Members:
        codes = self.map.read(part)
        known = np.array(sorted({NOTHING, *self.owner}))
        owners = np.array([self.owner.get(code, OUTSIDE) for code in known.tolist()], np.int16)
        place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        if np.any(strange := known[place] != codes):
            code = codes[strange].min()
            raise BadInput(
                f"{self.map.name}: holds the code {code}, which is in no stratum; name it in `strata` or in `outside`"
            )
        return np.asarray(owners[place])


@dataclass(frozen=True)
class Strata:
    """The strata that a map has, with their sizes."""

    names: tuple[str, ...]
    """(stratum,) their names."""
    claims: tuple[str, ...]
    """(stratum,) class that the map claims there."""
    cells: NDArray[np.int64]
    """(stratum,) how many."""
    hectares: NDArray[np.float64]
    """(stratum,) equal-area hectares."""
    left_out: float
    """Hectares with a code of which nothing is estimated; nodata is not counted."""

    @property
    def total(self) -> float:
        """Hectares of all strata."""
        return float(self.hectares.sum())


def frame(asked: AreaReport) -> Frame:
    """Open the map and lay down the rule; raises BadInput as `open_map`, and for a buffer around a stratum that is not there."""
    opened, strata = open_map(asked), asked.strata
    if not strata and isinstance(asked.map, HistoryMap):
        names = list(NAMES.values())
        claims, owner = list(names), {int(code): place for place, code in enumerate(NAMES)}
    else:
        names, claims = [one.name for one in strata], [one.maps_to or one.name for one in strata]
        owner = {code: place for place, one in enumerate(strata) for code in one.codes}
    buffer = asked.buffer
    if buffer is not None:
        if strange := [name for name in (*buffer.around, buffer.within) if name not in names]:
            raise BadInput(f"areas.buffer: there is no stratum {strange[0]!r}; name one of {', '.join(names)}")
        claims.append(claims[names.index(buffer.within)])
        names.append(buffer.name)
    return Frame(
        opened, tuple(names), tuple(claims), owner | dict.fromkeys(asked.outside, OUTSIDE), buffer, bool(strata)
    )


def measure(made: Frame, *, progress: Progress = lambda *_: None, size: int = WINDOW) -> Strata:
    """Count and measure the strata; the answer depends on neither the size of the windows nor their order.

    Raises BadInput for a stratum without a cell, a code without a stratum, and a map without any cell.
    """
    many = len(made.names)
    cells, grains = np.zeros(many + 1, np.int64), np.zeros(many + 1, np.int64)
    windows = list(made.map.windows(size))
    for done, part in enumerate(windows, 1):
        whose = made.members(part)
        counted = ~_nothing(made, part, whose)
        place = np.where(whose == OUTSIDE, many, whose)[counted]
        weight = np.rint(hectares(part)[counted] / GRAIN)
        cells += np.bincount(place, minlength=many + 1)
        grains += np.bincount(place, weight, many + 1).astype(np.int64)  # below 2**53, so exact
        progress("strata", done, len(windows))
    return _checked(made, cells, grains.astype(np.float64) * GRAIN)


def _nothing(made: Frame, part: Grid, whose: Members) -> NDArray[np.bool_]:
    """(y, x) where the map holds nothing, which is looked up only where something is left out."""
    if OUTSIDE not in made.owner.values() or not (whose == OUTSIDE).any():
        return np.asarray(whose == OUTSIDE)
    return np.asarray(made.map.read(part) == NOTHING)


def _checked(made: Frame, cells: NDArray[np.int64], area: NDArray[np.float64]) -> Strata:
    there = cells[:-1] > 0
    if not there.any():
        raise BadInput(f"{made.map.name}: no cell is in any stratum; check the codes of `strata`")
    if not there.all() and made.named:
        name = made.names[int(np.argmin(there))]
        raise BadInput(f"{made.map.name}: no cell is in stratum {name!r}; correct its codes, or leave it out")
    return Strata(made.names, made.claims, cells[:-1], area[:-1], float(area[-1]))


def hectares(part: Grid) -> NDArray[np.float64]:
    """(y, x) equal-area hectares of the cells: `detection.areas.cell_hectares` at nodes of the absolute lattice, and between."""
    ends = [(first // NODES, (first + many - 1) // NODES + 1) for first, many in _spans(part)]
    rows, columns = (np.arange(low, high + 1) * NODES for low, high in ends)
    grid = np.meshgrid(rows, columns, indexing="ij")
    nodes = cell_hectares(part, grid[0].ravel(), grid[1].ravel()).reshape(len(rows), len(columns))
    (top, height), (left, width) = _spans(part)
    down = _between(np.arange(top, top + height), rows)
    along = _between(np.arange(left, left + width), columns)
    upper, lower = nodes[down[0]], nodes[down[0] + 1]
    lines = upper + (lower - upper) * down[1][:, np.newaxis]
    return np.asarray(lines[:, along[0]] + (lines[:, along[0] + 1] - lines[:, along[0]]) * along[1])


def _spans(part: Grid) -> tuple[tuple[int, int], tuple[int, int]]:
    return (part.first_row, part.shape[0]), (part.first_column, part.shape[1])


def _between(at: NDArray[np.int64], nodes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The node before each, and how far it is on the way to the next."""
    before = (at - nodes[0]) // NODES
    return before, (at - nodes[before]) / NODES
