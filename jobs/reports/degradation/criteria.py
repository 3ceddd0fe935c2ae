"""The criteria of the two national definitions, and the definitions made of them, window by window."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.types import Grid
from jobs.reports.areas.maps import NOTHING
from jobs.reports.degradation.definitions_asked import (
    Classed,
    CoverLoss,
    Fragmentation,
    Minam,
    NearDeforestation,
    Overuse,
    Serfor,
    Steep,
)  # fmt: skip
from jobs.reports.degradation.neighbourhood import SLACK, Mask, near, reach, share, slope
from jobs.reports.rasters import Plane, open_codes, open_numbers

Judged = NDArray[np.int8]
MET, NOT_MET, UNKNOWN = 1, 0, 2
"""Codes of what a criterion or a definition says of a cell."""
Judge = Callable[[Grid], Judged]
MAP: Final = "map"


@dataclass
class Shelf:
    """Maps that were opened, each once, all on the lattice of the first."""

    planes: dict[tuple[Path, int, bool], Plane] = field(default_factory=dict)
    """(file, band, of codes) -> map."""

    def codes(self, path: Path, band: int = 1) -> Plane:
        """A map of classes; raises as `open_codes`."""
        return self._taken((path, band, True))

    def numbers(self, path: Path) -> Plane:
        """A map of numbers; raises as `open_numbers`."""
        return self._taken((path, 1, False))

    @property
    def first(self) -> Plane:
        """The first that was opened, whose cells are counted."""
        return next(iter(self.planes.values()))

    def _taken(self, key: tuple[Path, int, bool]) -> Plane:
        if key not in self.planes:
            like = self.first if self.planes else None
            self.planes[key] = (open_codes if key[2] else open_numbers)(key[0], key[1], like)
        return self.planes[key]


@dataclass(frozen=True)
class Definition:
    """One definition of degraded land."""

    criteria: Mapping[str, Judge]
    """Name -> what it says of the cells of a part; `map` alone for a ready one."""
    least: int
    """Criteria that come together at least."""

    def judged(self, parts: Mapping[str, Judged]) -> Judged:
        """Of the criteria of a part: met where enough are; not met where those that are not known could not help."""
        stack = np.stack(list(parts.values()))
        met, open_ = (stack == MET).sum(0), (stack == UNKNOWN).sum(0)
        return np.select([met >= self.least, met + open_ >= self.least], [MET, UNKNOWN], NOT_MET).astype(np.int8)


def minam(asked: Minam, shelf: Shelf) -> Definition:
    """Any of its criteria; raises BadInput and GridMismatch, naming the file."""
    return Definition(dict(_minam(asked, shelf)), 1)


def serfor(asked: Serfor, shelf: Shelf) -> Definition:
    """As many of its criteria as are asked for; raises as `minam`."""
    return Definition(dict(_serfor(asked, shelf)), 1 if asked.map else asked.least)


def _minam(asked: Minam, shelf: Shelf) -> Iterator[tuple[str, Judge]]:
    if asked.map:
        yield MAP, classed(asked.map, shelf)
    if asked.cover_loss:
        yield "cover_loss", _lost(asked.cover_loss, shelf)
    if asked.fragmentation:
        yield "fragmentation", _fragmented(asked.fragmentation, shelf)
    if asked.productivity:
        yield "productivity", classed(asked.productivity, shelf)


def _serfor(asked: Serfor, shelf: Shelf) -> Iterator[tuple[str, Judge]]:
    if asked.map:
        yield MAP, classed(asked.map, shelf)
    if asked.overuse:
        yield "overuse", _overused(asked.overuse, shelf)
    if asked.steep:
        yield "steep", _steep(asked.steep, shelf)
    if asked.near_deforestation:
        yield "near_deforestation", _near(asked.near_deforestation, shelf)


def classed(asked: Classed, shelf: Shelf) -> Judge:
    """Met where a map has one of some codes."""
    plane = shelf.codes(asked.path, asked.band)

    def judge(part: Grid) -> Judged:
        return _said(*_of(plane, asked.codes, part))

    return judge


def _lost(asked: CoverLoss, shelf: Shelf) -> Judge:
    before, after = shelf.codes(asked.before), shelf.codes(asked.after)

    def judge(part: Grid) -> Judged:
        (was, known), (is_, known_too) = (_of(plane, asked.vegetation, part) for plane in (before, after))
        return _said(was & ~is_, known & known_too)

    return judge


def _fragmented(asked: Fragmentation, shelf: Shelf) -> Judge:
    before, after = shelf.codes(asked.before), shelf.codes(asked.after)

    def judge(part: Grid) -> Judged:
        rim = reach(asked.window_m, part.resolution)
        pairs = [_of(plane, asked.forest, part.pad(rim)) for plane in (before, after)]
        shares = [share(forest, known, rim) for forest, known in pairs]
        forest, known = (np.logical_and(*both)[rim:-rim, rim:-rim] for both in zip(*pairs, strict=True))
        fell = (np.nan_to_num(shares[0]) >= asked.share - SLACK) & (np.nan_to_num(shares[1]) < asked.share - SLACK)
        return _said(forest & fell, known)

    return judge


def _overused(asked: Overuse, shelf: Shelf) -> Judge:
    capacity, use = shelf.codes(asked.capacity), shelf.codes(asked.use)

    def judge(part: Grid) -> Judged:
        land, used = capacity.codes(part), use.codes(part)
        known, borne = np.zeros(part.shape, np.bool_), np.zeros(part.shape, np.bool_)
        for one in asked.bears:
            mine = np.isin(land, one.capacity)
            known |= mine
            borne |= mine & np.isin(used, one.uses)
        return _said(~borne, known & (used != NOTHING))

    return judge


def _steep(asked: Steep, shelf: Shelf) -> Judge:
    terrain = shelf.numbers(asked.terrain)

    def judge(part: Grid) -> Judged:
        degrees = slope(terrain.numbers(part.pad(1))[0], part.resolution)
        return _said(np.nan_to_num(degrees) >= asked.degrees - SLACK, np.isfinite(degrees))

    return judge


def _near(asked: NearDeforestation, shelf: Shelf) -> Judge:
    plane = shelf.codes(asked.deforestation.path, asked.deforestation.band)

    def high(part: Grid) -> Mask:
        rim = reach(asked.window_m, part.resolution)
        cleared, known = _of(plane, asked.deforestation.codes, part.pad(rim))
        much = np.nan_to_num(share(cleared, known, rim)) >= asked.share - SLACK
        return np.asarray(much & known[rim:-rim, rim:-rim])  # beside the map a square holds too little of it to tell

    def judge(part: Grid) -> Judged:
        return _said(near(high, part, asked.within_m), plane.codes(part) != NOTHING)

    return judge


def _of(plane: Plane, codes: Sequence[int], part: Grid) -> tuple[Mask, Mask]:
    """(y, x) where a map has one of some codes, and where it says anything."""
    found = plane.codes(part)
    return np.isin(found, codes), np.asarray(found != NOTHING)


def _said(met: Mask, known: Mask) -> Judged:
    return np.where(known, np.where(met, MET, NOT_MET), UNKNOWN).astype(np.int8)
