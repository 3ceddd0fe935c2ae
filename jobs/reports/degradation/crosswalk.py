"""Two definitions of degraded land held against each other, counted window by window."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.areas import inside, read_area
from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas.strata import GRAIN, hectares
from jobs.reports.degradation.criteria import (
    MET,
    NOT_MET,
    UNKNOWN,
    Definition,
    Judge,
    Judged,
    Shelf,
    classed,
    minam,
    serfor,
)
from jobs.reports.degradation.definitions_asked import Definitions, Kinds
from jobs.reports.rasters import WINDOW, Codes, Plane

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
Hectares = NDArray[np.float64]
NAMES: Final = ("minam", "serfor")
OUTSIDE, BOTH, ONLY_MINAM, ONLY_SERFOR, NEITHER, NOT_KNOWN = range(6)
"""Codes of the map of the comparison."""
SAID: Final = {(MET, MET): BOTH, (MET, NOT_MET): ONLY_MINAM, (NOT_MET, MET): ONLY_SERFOR, (NOT_MET, NOT_MET): NEITHER}
"""(minam, serfor) -> code; what one of them does not know is not known."""
OTHER: Final = "other"
"""Kind of what is in none."""


@dataclass(frozen=True)
class Compared:
    """Hectares. The last axis of all is what a criterion or definition says: NOT_MET, MET, UNKNOWN."""

    pairs: Hectares
    """(ecosystem, 3, 3) minam, serfor."""
    ecosystems: tuple[str, ...]
    """Names of the first axis; of one where none were given."""
    criteria: Mapping[tuple[str, str], Hectares]
    """(definition, criterion) -> (3,)."""
    priorities: Mapping[str, Hectares]
    """Definition -> (priority, 3); empty where none were given."""
    priority_names: tuple[str, ...]
    """Names of that axis."""
    changes: Mapping[tuple[int, int], Hectares]
    """(year, next) -> (3, 3) in the one, in the other."""
    map: NDArray[np.uint8]
    """(y, x) codes of the comparison."""
    grid: Grid
    """Of the map."""

    def hectares(self, code: int) -> float:
        """Of a code of the map but OUTSIDE."""
        known = {SAID[pair]: self.pairs[:, pair[0], pair[1]].sum() for pair in SAID}
        return float(self.pairs.sum() - sum(known.values()) if code == NOT_KNOWN else known[code])


@dataclass(frozen=True)
class Setting:
    """All that is read."""

    definitions: Mapping[str, Definition]
    """`minam` and `serfor`."""
    ecosystems: tuple[Plane, Kinds] | None
    """Map and kinds."""
    priority: tuple[Plane, Kinds] | None
    """Map and kinds."""
    years: Mapping[int, Judge]
    """Year -> degraded in it."""
    area: BaseGeometry | None
    """In the CRS of the grid."""
    planes: tuple[Plane, ...]
    """Every map."""

    @property
    def grid(self) -> Grid:
        """The cells of the first map of the first definition: they are counted."""
        return self.planes[0].grid


def set_up(asked: Definitions) -> Setting:
    """Open all maps. Raises BadInput and GridMismatch, naming the file that does not fit."""
    shelf = Shelf()
    definitions = {"minam": minam(asked.minam, shelf), "serfor": serfor(asked.serfor, shelf)}
    kinds = [
        None if one is None else (shelf.codes(one.path, one.band), one) for one in (asked.ecosystems, asked.priority)
    ]
    years = {one.year: classed(one.map, shelf) for one in sorted(asked.yearly, key=lambda one: one.year)}
    area = None if asked.area is None else read_area(asked.area, shelf.first.grid.crs)
    return Setting(definitions, kinds[0], kinds[1], years, area, tuple(shelf.planes.values()))


def compare(setting: Setting, *, progress: Progress = lambda *_: None, size: int = WINDOW) -> Compared:
    """Count all of it; the answer does not depend on the size of the windows. Raises BadInput where no cell is counted."""
    made = _Sums(setting)
    parts = list(setting.grid.tiles(size))
    for done, part in enumerate(parts, 1):
        made.add(part)
        progress("definitions", done, len(parts))
    return made.compared()


class _Sums:
    """Whole grains, added up: sums of whole numbers do not depend on their order."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.sums: dict[tuple[Any, ...], NDArray[np.int64]] = {}
        self.map = np.zeros(setting.grid.shape, np.uint8)

    def add(self, part: Grid) -> None:
        setting = self.setting
        criteria = {
            name: {key: judge(part) for key, judge in one.criteria.items()} for name, one in setting.definitions.items()
        }
        found = {name: one.judged(criteria[name]) for name, one in setting.definitions.items()}
        counted = self._counted(part, list(found.values()))
        grains = np.where(counted, np.rint(hectares(part) / GRAIN), 0)
        for name, parts in criteria.items():
            for key, said in parts.items():
                self._put(("criteria", name, key), grains, (said, 3))
        kind, many = _kinds(setting.ecosystems, part)
        self._put(("pairs",), grains, (kind, many), *((found[name], 3) for name in NAMES))
        if setting.priority:
            kind, many = _kinds(setting.priority, part)
            for name in NAMES:
                self._put(("priority", name), grains, (kind, many), (found[name], 3))
        self._years(part)
        self._draw(part, counted, found)

    def _counted(self, part: Grid, said: Sequence[Judged]) -> NDArray[np.bool_]:
        """The area, or wherever one of them is known."""
        if self.setting.area is not None:
            return inside(self.setting.area, part)
        return np.asarray((np.stack(said) != UNKNOWN).any(0))

    def _years(self, part: Grid) -> None:
        said = {year: judge(part) for year, judge in self.setting.years.items()}
        for one, other in pairwise(said):
            counted = self._counted(part, [said[one], said[other]])
            grains = np.where(counted, np.rint(hectares(part) / GRAIN), 0)
            self._put(("years", one, other), grains, (said[one], 3), (said[other], 3))

    def _put(self, key: tuple[Any, ...], grains: NDArray[Any], *axes: tuple[NDArray[Any], int]) -> None:
        shape = tuple(size for _, size in axes)
        where = np.ravel_multi_index(tuple(one.ravel().astype(np.int64) for one, _ in axes), shape)
        found = np.bincount(where, grains.ravel(), int(np.prod(shape))).astype(np.int64).reshape(shape)
        self.sums[key] = self.sums.get(key, np.zeros(shape, np.int64)) + found

    def _draw(self, part: Grid, counted: NDArray[np.bool_], found: Mapping[str, Judged]) -> None:
        row, column = self.setting.grid.offset(part)
        made = np.full(part.shape, NOT_KNOWN, np.uint8)
        for (one, other), code in SAID.items():
            made[(found["minam"] == one) & (found["serfor"] == other)] = code
        self.map[row : row + part.shape[0], column : column + part.shape[1]] = np.where(counted, made, OUTSIDE)

    def compared(self) -> Compared:
        setting, made = self.setting, {key: np.asarray(one * GRAIN, np.float64) for key, one in self.sums.items()}
        if not made[("pairs",)].any():
            raise BadInput(
                f"{setting.planes[0].name}: no cell of it is counted; check `area`, and whether the maps overlap"
            )
        return Compared(
            made[("pairs",)],
            _names(setting.ecosystems) if setting.ecosystems else ("all",),
            {key[1:]: one for key, one in made.items() if key[0] == "criteria"},
            {key[1]: one for key, one in made.items() if key[0] == "priority"},
            _names(setting.priority) if setting.priority else (),
            {key[1:]: one for key, one in made.items() if key[0] == "years"},
            self.map,
            setting.grid,
        )


def _names(kinds: tuple[Plane, Kinds]) -> tuple[str, ...]:
    return (*(one.name for one in kinds[1].kinds), OTHER)


def _kinds(kinds: tuple[Plane, Kinds] | None, part: Grid) -> tuple[Codes, int]:
    """(y, x) place of the kind, the last for what is in none; and how many there are."""
    if kinds is None:
        return np.zeros(part.shape, np.int64), 1
    plane, asked = kinds
    codes = plane.codes(part)
    made = np.full(part.shape, len(asked.kinds), np.int64)
    for place, one in enumerate(asked.kinds):
        made[np.isin(codes, one.codes)] = place
    return made, len(asked.kinds) + 1
