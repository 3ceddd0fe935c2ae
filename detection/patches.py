"""Flagged pixels -> patches on the absolute lattice, followed look by look. Nothing here knows a tile.

Patches are stepped through the log of transitions in the order of the looks, so that what is said after a look depends on
the looks up to it and on nothing else: not on the tiling, nor on how many looks a run took in at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detection.areas import cell_hectares
from detection.codes import Step
from detection.monitors import LOG, Transitions
from detection.types import SECONDS_A_DAY, Grid, parameters

CELL_LOG: Final = np.dtype(
    [("row", "i4"), ("column", "i4"), ("hectares", "f8"), *((n, LOG[n]) for n in LOG.names or () if n != "pixel")]
)
"""A transition at a cell of the absolute lattice."""

Cell = tuple[int, int]


@parameters
class Patches:
    """When pixels belong together and when together they are large enough to speak of."""

    minimum_mapping_unit_ha: Annotated[float, Ge(0)] = 0.5
    """Patches smaller than this many (equal-area) hectares raise no alert."""
    join_distance_m: Annotated[float, Ge(0)] = 30.0
    """Gap between pixels that still joins them, metres (0: they must touch, corners included)."""
    join_window_days: Annotated[int, Gt(0)] = 90
    """A pixel joins an open patch when its change starts at most this long after the patch last grew."""


@dataclass
class Patch:
    """A patch while it is followed: the one thing here that changes, and only inside `follow`."""

    number: int
    """Order of appearance."""
    members: dict[Cell, Any] = field(default_factory=dict)
    """Cell -> its latest transition (a CELL_LOG row); expired cells are taken out."""
    last_grown: int = 0
    """Day of the last look that added or confirmed a cell."""
    minted: int | None = None
    """Instant of the look on which it reached the minimum mapping unit."""
    anchor: Any = None
    """Its earliest member when it was minted: the earliest change, then the lowest row and column."""
    confirmed: int | None = None
    """Day of the look by which confirmed cells alone reached the minimum mapping unit."""
    merged_into: int | None = None
    """The patch that took it in."""
    previous: int | None = None
    """The closed patch it lies on."""

    @property
    def open(self) -> bool:
        """Any cell still provisional or confirmed?"""
        return any(m["step"] in (Step.PROVISIONAL, Step.CONFIRMED) for m in self.members.values())

    def hectares(self, *steps: Step) -> float:
        """Sum over the members at one of these steps, in the order of the cells so that it is the same in every run."""
        return float(sum(self.members[c]["hectares"] for c in sorted(self.members) if self.members[c]["step"] in steps))


def on_lattice(transitions: Transitions, tile: Grid) -> NDArray[Any]:
    """Transitions of a tile's pixels as CELL_LOG rows."""
    rows = np.zeros(len(transitions), CELL_LOG)
    for name in LOG.names or ():
        if name != "pixel":
            rows[name] = transitions[name]
    rows["row"] = tile.first_row + transitions["pixel"] // tile.shape[1]
    rows["column"] = tile.first_column + transitions["pixel"] % tile.shape[1]
    if len(rows):
        rows["hectares"] = cell_hectares(tile, rows["row"], rows["column"])
    return rows


def follow(log: NDArray[Any], resolution: int, rules: Patches) -> Iterator[tuple[int, list[Patch]]]:
    """(instant, patches it touched) for every look that changed anything.

    log: CELL_LOG rows of all tiles, any order. The patches are live: read them before asking for the next look.
    """
    ordered = log[np.lexsort((log["step"], log["column"], log["row"], log["instant"]))]
    walk = _Walk(1 + int(rules.join_distance_m // resolution), rules)
    starts = np.flatnonzero(np.diff(ordered["instant"], prepend=-1 << 62))
    for look in np.split(ordered, starts[1:]) if len(ordered) else ():
        yield int(look["instant"][0]), walk.step(look)


class _Walk:
    """The patches between two looks."""

    def __init__(self, reach: int, rules: Patches) -> None:
        self.rules = rules
        self.owner: dict[Cell, Patch] = {}
        self.closed: dict[Cell, int] = {}
        self.count = 0
        self.near = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]

    def step(self, look: NDArray[Any]) -> list[Patch]:
        touched: dict[int, Patch] = {}
        fresh = [row for row in look if row["step"] == Step.PROVISIONAL]
        for patch in self._join(fresh):
            touched[patch.number] = patch
        for row in look:
            home = self.owner.get(_cell(row))
            if row["step"] != Step.PROVISIONAL and home is not None:
                touched[home.number] = home
                self._change(home, row)
        for patch in touched.values():
            self._judge(patch, look[0])
        return [touched[n] for n in sorted(touched)]

    def _change(self, patch: Patch, row: Any) -> None:
        if row["step"] == Step.EXPIRED:
            patch.members.pop(_cell(row), None)
            self.owner.pop(_cell(row), None)
            return
        patch.members[_cell(row)] = row
        if row["step"] == Step.CONFIRMED:
            patch.last_grown = int(row["instant"]) // SECONDS_A_DAY

    def _join(self, fresh: list[Any]) -> list[Patch]:
        """Group the new cells with each other and with the open patches near them; touched patches, merged ones too."""
        near = [self._neighbours(row) for row in fresh]
        place = {_cell(row): i for i, row in enumerate(fresh)}
        touched: list[Patch] = []
        for members in _components([self._mates(row, fresh, place) for row in fresh], near):
            rows = [fresh[i] for i in members]
            patches = {p.number: p for i in members for p in near[i]}
            home = self._home(list(patches.values()), rows)
            for other in patches.values():
                if other is not home:
                    self._merge(other, home)
                    touched.append(other)
            for row in rows:
                home.members[_cell(row)] = row
                self.owner[_cell(row)] = home
            home.last_grown = int(rows[0]["instant"]) // SECONDS_A_DAY
            touched.append(home)
        return touched

    def _mates(self, row: Any, fresh: list[Any], place: dict[Cell, int]) -> list[int]:
        """Positions of the new cells this new cell belongs with."""
        return [j for c in self._around(row) if (j := place.get(c)) is not None and self._same_time(row, fresh[j])]

    def _same_time(self, a: Any, b: Any) -> bool:
        return abs(int(a["change_day"]) - int(b["change_day"])) <= self.rules.join_window_days

    def _around(self, row: Any) -> Iterator[Cell]:
        r, c = _cell(row)
        return ((r + i, c + j) for i, j in self.near)

    def _neighbours(self, row: Any) -> list[Patch]:
        found = {p.number: p for c in self._around(row) if (p := self.owner.get(c)) is not None}
        return [p for p in found.values() if row["change_day"] <= p.last_grown + self.rules.join_window_days]

    def _home(self, near: list[Patch], rows: list[Any]) -> Patch:
        """The oldest: by when it was minted, then by when it appeared; a new one where none is near."""
        if near:
            return min(near, key=lambda p: (p.minted is None, p.minted or 0, p.number))
        before = [self.closed[c] for row in rows if (c := _cell(row)) in self.closed]
        self.count += 1
        return Patch(self.count, previous=max(before, default=None))

    def _merge(self, gone: Patch, home: Patch) -> None:
        for cell, member in gone.members.items():
            if self.owner.get(cell) is gone:
                home.members[cell], self.owner[cell] = member, home
            else:  # finished here, and changed anew in another patch since
                home.members.setdefault(cell, member)
        gone.merged_into, gone.members = home.number, {}

    def _judge(self, patch: Patch, row: Any) -> None:
        active, mmu = (Step.PROVISIONAL, Step.CONFIRMED), self.rules.minimum_mapping_unit_ha
        if patch.minted is None and patch.open and patch.hectares(*active) >= mmu:
            patch.minted = int(row["instant"])
            patch.anchor = min(patch.members.values(), key=lambda m: (m["change_day"], m["row"], m["column"]))
        if patch.confirmed is None and patch.minted is not None:
            sure = patch.hectares(Step.CONFIRMED, Step.FINISHED)
            if sure > 0 and sure >= mmu:
                patch.confirmed = int(row["instant"]) // SECONDS_A_DAY
        if not patch.open and patch.merged_into is None:
            for cell in patch.members:
                if self.owner.get(cell) is patch:
                    self.owner.pop(cell)
                if patch.minted is not None:
                    self.closed[cell] = max(patch.number, self.closed.get(cell, 0))


def _components(mates: list[list[int]], near: list[list[Patch]]) -> list[list[int]]:
    """Groups of new cells joined directly or through a patch, each in order, ordered by their first cell."""
    patches = {n: len(mates) + i for i, n in enumerate(sorted({p.number for found in near for p in found}))}
    pairs = [(i, j) for i, cells in enumerate(mates) for j in (*cells, *(patches[p.number] for p in near[i]))]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    size = len(mates) + len(patches)
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (size, size))
    labels = connected_components(graph, directed=False)[1][: len(mates)]
    groups: dict[int, list[int]] = {}
    for i, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(i)
    return list(groups.values())


def _cell(row: Any) -> Cell:
    return int(row["row"]), int(row["column"])
