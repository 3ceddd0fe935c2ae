"""Patches from one look to the next: they appear, grow, merge, fall apart and close."""

from collections.abc import Iterable
from math import fsum
from operator import attrgetter
from typing import Final

import numpy as np

from detection.patches.graph import Pairs, groups, pairs
from detection.patches.record import ACTIVE, CONFIRMED, EXPIRED, PROVISIONAL, SURE, Cell, Member, Patch, Patches
from detection.types import SECONDS_A_DAY

SUPPORT_REACH: Final = 2
"""Cells either way in which support is looked for: the 24 around. Chosen, because of the 8 that touch a cell at the end of a
road one cell wide has but one, of these two: no road long enough for the mapping unit may lose its confirmation."""


class Walk:
    """The patches between two looks."""

    def __init__(self, reach: int, rules: Patches) -> None:
        self.rules = rules
        self.reach = reach
        self.owner: dict[Cell, Patch] = {}
        self.closed: dict[Cell, int] = {}
        self.alarmed: dict[Cell, int] = {}
        """Instant of the look that made the cell provisional."""
        self.confirmed: dict[Cell, int] = {}
        """Instant of the look that confirmed it."""
        self.count = 0
        self.near = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]

    def step(self, look: list[Member]) -> list[Patch]:
        """The patches this look touched, those it merged or made included; look: its transitions by row and column."""
        touched = {p.number: p for p in self._join([m for m in look if m.step == PROVISIONAL])}
        thinned: dict[int, Patch] = {}
        for member in look:
            home = self.owner.get(member[:2])
            if member.step != PROVISIONAL and home is not None:
                touched[home.number] = home
                self._change(home, member)
                if member.step == EXPIRED:
                    thinned[home.number] = home
        for number in sorted(thinned):
            touched |= {p.number: p for p in self._split(thinned[number])}
        for patch in touched.values():
            self._judge(patch, look[0].instant)
        return [touched[n] for n in sorted(touched)]

    def _change(self, patch: Patch, member: Member) -> None:
        cell = member[:2]
        if member.step == EXPIRED:
            patch.members.pop(cell, None)
            self.owner.pop(cell, None)
            return
        patch.members[cell] = member
        if member.step == CONFIRMED:
            patch.last_grown = member.instant // SECONDS_A_DAY
            self.confirmed[cell] = member.instant

    def _join(self, fresh: list[Member]) -> list[Patch]:
        """Group the new cells with each other and with the open patches near them; touched patches, merged ones too."""
        near = [self._neighbours(member) for member in fresh]
        touched: list[Patch] = []
        for places in _components(self._mates(fresh), near):
            members = [fresh[i] for i in places]
            patches = {p.number: p for i in places for p in near[i]}
            home = self._home(list(patches.values()), members)
            for other in patches.values():
                if other is not home:
                    self._merge(other, home)
                    touched.append(other)
            for member in members:
                home.members[member[:2]], self.owner[member[:2]] = member, home
                self.alarmed[member[:2]] = member.instant
            home.last_grown = members[0].instant // SECONDS_A_DAY
            touched.append(home)
        return touched

    def _mates(self, fresh: list[Member]) -> Pairs:
        """Positions of the new cells that belong with each other."""
        near = pairs(fresh, self.reach)
        days = np.array([m.change_day for m in fresh], np.int64)
        first, second = days[near].T
        return np.compress(np.abs(first - second) <= self.rules.component_window_days, near, axis=0)

    def _neighbours(self, member: Member) -> list[Patch]:
        owner, (r, c) = self.owner, member[:2]
        found = {p.number: p for i, j in self.near if (p := owner.get((r + i, c + j))) is not None}
        return [p for p in found.values() if member.change_day <= p.last_grown + self.rules.join_window_days]

    def _home(self, near: list[Patch], members: list[Member]) -> Patch:
        """The oldest: by when it was minted, then by when it appeared; a new one where none is near."""
        if near:
            return min(near, key=lambda p: (p.minted is None, p.minted or 0, p.number))
        return self._new(members)

    def _new(self, members: Iterable[Member]) -> Patch:
        before = [self.closed[c] for m in members if (c := m[:2]) in self.closed]
        self.count += 1
        return Patch(self.count, previous=max(before, default=None))

    def _merge(self, gone: Patch, home: Patch) -> None:
        for cell, member in gone.members.items():
            if self.owner.get(cell) is gone:
                home.members[cell], self.owner[cell] = member, home
            else:  # finished here, and changed anew in another patch since
                home.members.setdefault(cell, member)
        gone.merged_into, gone.members = home.number, {}

    def _split(self, patch: Patch) -> list[Patch]:
        """The patches made of parts that nothing joins to the largest any more; it goes on as `patch`.

        Largest by area, then by its lowest row and column. A part where nothing is under alarm any more is over: it stays
        on the record of `patch`, so that no change once confirmed is lost, and takes in no new cells.
        """
        members = sorted(patch.members.values())
        places = groups(pairs(members, self.reach), len(members), len(members)) if len(members) > 1 else []
        alive: list[list[Member]] = []
        for part in ([members[i] for i in some] for some in places):
            if any(m.step in ACTIVE for m in part):
                alive.append(part)
            else:
                self._release(patch, (m[:2] for m in part))
        alive.sort(key=lambda part: (-fsum(m.hectares for m in part), part[0][:2]))
        return [self._part(patch, part) for part in alive[1:]]

    def _part(self, patch: Patch, members: list[Member]) -> Patch:
        part = self._new(members)
        for member in members:
            cell = member[:2]
            part.members[cell] = patch.members.pop(cell)
            if self.owner.get(cell) is patch:
                self.owner[cell] = part
        part.last_grown = max(m.instant for m in members if m.step in ACTIVE) // SECONDS_A_DAY
        if patch.minted is not None:
            part.previous = patch.number
            self._date(part, patch)
        return part

    def _date(self, part: Patch, whole: Patch) -> None:
        """Alarm and confirmation of its own cells began while they were told under the id of the whole."""
        members = list(part.members.values())
        began = self._reached([(self.alarmed[m[:2]], m.hectares) for m in members if m.step in ACTIVE])
        if began is None or whole.began is None:
            return
        part.began = max(began, whole.began)
        sure = self._reached([(self.confirmed.get(m[:2], m.instant), m.hectares) for m in members if m.step in SURE])
        if sure is not None and whole.confirmed is not None and self._is_sure(part):
            part.confirmed = max(sure // SECONDS_A_DAY, whole.confirmed)

    def _reached(self, gained: list[tuple[int, float]]) -> int | None:
        """The instant by which (instant, hectares) add up to the mapping unit; None: they do not."""
        gained.sort()
        area = np.cumsum([hectares for _, hectares in gained])
        enough = np.flatnonzero(area >= self.rules.minimum_mapping_unit_ha)
        return gained[enough[0]][0] if len(enough) else None

    def _judge(self, patch: Patch, instant: int) -> None:
        mmu = self.rules.minimum_mapping_unit_ha
        if patch.minted is None and patch.open and patch.hectares(*ACTIVE) >= mmu:
            patch.minted, patch.began = instant, patch.began or instant
            patch.anchor = min(patch.members.values(), key=attrgetter("change_day", "row", "column"))
        if patch.confirmed is None and patch.minted is not None and self._is_sure(patch):
            patch.confirmed = instant // SECONDS_A_DAY
        if not patch.open and patch.merged_into is None:
            self._release(patch, patch.members)

    def _is_sure(self, patch: Patch) -> bool:
        """Do its confirmed cells reach the mapping unit, those alone that have support among its cells?

        Of its own cells, and not of any flagged ones around: an unrelated change next to it supports nothing.
        """
        mmu, sure = self.rules.minimum_mapping_unit_ha, patch.hectares(*SURE)
        if not 0 < sure >= mmu or not self.rules.support:
            return 0 < sure >= mmu
        members = sorted(patch.members.values())
        around = np.bincount(pairs(members, SUPPORT_REACH).ravel(), minlength=len(members))
        held = [m for m, n in zip(members, around.tolist(), strict=True) if n >= self.rules.support and m.step in SURE]
        return 0 < fsum(m.hectares for m in held) >= mmu

    def _release(self, patch: Patch, cells: Iterable[Cell]) -> None:
        """Its story is over in these cells: what comes there next follows on it."""
        for cell in cells:
            if self.owner.get(cell) is patch:
                self.owner.pop(cell)
            if patch.minted is not None:
                self.closed[cell] = max(patch.number, self.closed.get(cell, 0))


def _components(mates: Pairs, near: list[list[Patch]]) -> list[list[int]]:
    """Groups of new cells joined directly or through a patch, each in order, ordered by their first cell."""
    patches = {n: len(near) + i for i, n in enumerate(sorted({p.number for found in near for p in found}))}
    through = [(i, patches[p.number]) for i, found in enumerate(near) for p in found]
    ends = np.concatenate([mates, np.array(through, np.int64).reshape(-1, 2)])
    return groups(ends, len(near) + len(patches), len(near))
