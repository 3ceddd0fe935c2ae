"""What happened to the forest in a period, part by part, on the cells that were forest when it did."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.simulator.events import RULES, ChangeClass
from detection.simulator.ground import Landscape, Layer
from detection.simulator.parts import FOREVER, Kind, Part
from detection.simulator.site import Site
from detection.simulator.sky import stage
from detection.simulator.terrain import woody
from detection.types import SECONDS_A_DAY, Float, Grid, Mask, to_date

Driver = Kind | Literal["river-erosion", "flood"]
NOON: Final = SECONDS_A_DAY // 2
AUTUMN: Final = 122
"""Days from September to the new year: a flood season is counted to the year in which it peaks."""
RUNG: Final = 0.1
"""Of the ladder of heights for which the days of a flood are told."""
Cells = NDArray[np.int64]


@dataclass(frozen=True)
class Happening:
    """One part of an event, once, on the cells it really met as forest."""

    event: str
    """Id of the event."""
    driver: Driver
    """What it was."""
    change: ChangeClass
    """How a detector is judged on it."""
    start: int
    """First day of change, since 1970."""
    end: int
    """Last day of change; FOREVER where it stays."""
    cells: Cells
    """(n,) flat positions on the grid."""
    ignored: bool = False
    """An alarm counts neither way: half hurt, or begun before the period."""

    @property
    def loss(self) -> bool:
        """Is forest lost?"""
        return not self.ignored and self.change in ("loss", "natural loss")


@dataclass(frozen=True)
class _Told:
    """A part of an event, once, before anybody asked whether its cells were forest."""

    what: Happening
    """On all cells it covers."""
    settled: int
    """Day from which it changes no more, for what stays and is no loss."""
    grown: int
    """A loss: day on which forest stands there again."""


def happenings(site: Site, land: Landscape, forest: Mask, first: int, last: int) -> list[Happening]:
    """What happened from day `first` to the day before `last` to cells that were forest on `first`, floods last.

    No cell is lost while it is not forest. What hurt forest before the period and goes on in it is ignored.
    """
    gone = np.full(forest.size, -FOREVER, np.int64)
    """Day on which the cell is forest again."""
    lost = np.full(forest.size, FOREVER, np.int64)
    """Day of its first loss in the period."""
    taken, standing = land.river_from.ravel(), forest.ravel()
    told = [
        *_conversions(site, land.conversions, last), *_partials(site, land.partials, last), *_erosion(site, land, last),
    ]  # fmt: skip
    out = []
    for one in sorted(told, key=lambda one: (one.what.start, one.what.event)):
        what = one.what
        cells = what.cells[gone[what.cells] <= what.start]
        if what.driver != "river-erosion":
            cells = cells[taken[cells] > what.start]
        if what.loss:
            gone[cells] = one.grown
            if what.start >= first:
                lost[cells] = np.minimum(lost[cells], what.start)
        cells = cells[standing[cells]]
        seen = _seen(one, first)
        if seen is not None and len(cells):
            end, early = seen
            out.append(Happening(what.event, what.driver, what.change, what.start, end, cells, what.ignored or early))
    return [*out, *_floods(site, land, standing, lost, (first, last))]


def _seen(one: _Told, first: int) -> tuple[int, bool] | None:
    """Last day, and did it begin too early to count; None for what was over before the period."""
    what = one.what
    if what.start >= first:
        return what.end, False
    end = one.settled if what.end == FOREVER else what.end
    return (end, what.change != "not loss") if end >= first else None


def _conversions(site: Site, layer: Layer, last: int) -> Iterator[_Told]:
    """Every felling; of the edges, what is cleared less than half is ignored."""
    mixed, forest = site.world.events.mixed_from, woody(site)
    for part, cells, cover, _ in _by_part(layer):
        whole, edge = cover >= 0.5, (cover >= mixed) & (cover < 0.5)
        for number, (day, grown) in enumerate(_fellings(part, forest)):
            name = part.event + ("-again" if number else "")
            for mine, ignored in ((whole, False), (edge, True)):
                if day < last and mine.any():
                    what = Happening(name, part.kind, RULES[part.kind].change, day, FOREVER, cells[mine], ignored)
                    yield _Told(what, day - 1, grown)


def _fellings(part: Part, forest: Mask) -> list[tuple[int, int]]:
    """(day, day on which forest stands again) of each time a conversion fells forest."""
    stands = forest[np.array(part.becomes, np.int64)]
    falls = [part.days[0], *(part.days[i] for i in range(1, len(stands)) if stands[i - 1] and not stands[i])]
    # What covers most of a cell changes half-way between two knots.
    rises = [-(-(part.days[i - 1] + part.days[i]) // 2) for i in range(1, len(stands)) if stands[i] > stands[i - 1]]
    return [(day, min((rise for rise in rises if rise > day), default=FOREVER)) for day in falls]


def _partials(site: Site, layer: Layer, last: int) -> Iterator[_Told]:
    """Every time a partial hurts its ground. What is hurt too little to count, but not that little, is ignored."""
    least = site.world.events.degraded_from
    for part, cells, cover, share in _by_part(layer):
        change, hurt = RULES[part.kind].change, cover * share
        whole = (cover >= 0.5) & (hurt >= (0.5 if change == "natural loss" else least))
        rest = ~whole & (hurt >= least) & (change != "not loss")
        for start, settled, end in _spells(part):
            for mine, ignored in ((whole, False), (rest, True)):
                if start < last and mine.any():
                    yield _Told(
                        Happening(part.event, part.kind, change, start, end, cells[mine], ignored), settled, end
                    )


def _spells(part: Part) -> list[tuple[int, int, int]]:
    """(first day, day of the worst, day it is over) of each time a partial is on; FOREVER where it stays."""
    days, on = part.days, [strength > 0 for strength in part.becomes]
    starts = [days[i - 1] for i in range(1, len(on)) if on[i] and not on[i - 1]]
    starts = [days[0], *starts] if on[0] else starts
    ends = [days[i] for i in range(1, len(on)) if on[i - 1] and not on[i]] + [FOREVER]
    spells = list(zip(starts, ends, strict=False))
    return [
        (start, max((d for d in days if start < d < min(end, FOREVER)), default=start), end) for start, end in spells
    ]


def _by_part(layer: Layer) -> Iterator[tuple[Part, Cells, Float, Float]]:
    """Each part that owns a cell, with its cells (flat), their cover and share."""
    owner = layer.owner.ravel()
    cells = np.argsort(owner, kind="stable")
    cells = cells[np.searchsorted(owner[cells], 0) :]
    cuts = np.flatnonzero(np.diff(owner[cells])) + 1
    for mine in np.split(cells, cuts) if len(cells) else []:
        yield layer.parts[owner[mine[0]]], mine, layer.cover.flat[mine], layer.share.flat[mine]


def _erosion(site: Site, land: Landscape, last: int) -> Iterator[_Told]:
    """Ground the river takes: one event a season and block."""
    taken = land.river_from.ravel()
    cells = np.flatnonzero((taken > 0) & (taken < last))
    for (block, day), mine in _grouped(np.stack([blocks(site, land.grid)[cells], taken[cells]], 1), cells):
        name = f"river-erosion-{to_date(day + AUTUMN).year}-{block % 2**32:08x}"
        yield _Told(Happening(name, "river-erosion", "natural loss", day, FOREVER, mine), day - 1, FOREVER)


def _grouped(keys: NDArray[np.int32], cells: Cells) -> Iterator[tuple[tuple[int, int], Cells]]:
    """Cells by their (n, 2) keys."""
    if not len(cells):
        return
    found, index = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(index.ravel(), kind="stable")
    cuts = np.flatnonzero(np.diff(index.ravel()[order])) + 1
    yield from zip(map(tuple, found.tolist()), np.split(cells[order], cuts), strict=True)


def _floods(site: Site, land: Landscape, standing: Mask, lost: Cells, period: tuple[int, int]) -> Iterator[Happening]:
    """Forest that is at least half covered by the flood of one season (September to August), by height."""
    height, taken = land.height.ravel(), land.river_from.ravel()
    step = np.floor(height / RUNG).astype(np.int64)
    half_wet = site.world.land.flood_ramp / 2
    stages = [(day, stage(site, day * SECONDS_A_DAY + NOON) - half_wet) for day in range(*period)]
    for year, season in groupby(stages, key=lambda pair: to_date(pair[0] + AUTUMN).year):
        levels = list(season)
        crest = max(level for _, level in levels)
        wet = np.flatnonzero(standing & (height <= crest))
        for rung in np.unique(step[wet]).tolist():
            days = [day for day, level in levels if level >= rung * RUNG]
            cells = wet[step[wet] == rung]
            cells = cells[(lost[cells] > days[-1]) & (taken[cells] > days[-1])]
            if len(cells):
                yield Happening(f"flood-{year}", "flood", "not loss", days[0], days[-1], cells)


def blocks(site: Site, grid: Grid) -> NDArray[np.int32]:
    """(cells,) number of the block of the lattice each cell lies in: row * 4096 + column."""
    size = site.world.land.block_m // grid.resolution
    rows = (grid.first_row + np.arange(grid.shape[0])) // size
    columns = (grid.first_column + np.arange(grid.shape[1])) // size
    return (rows[:, None] * 4096 + columns[None, :]).astype(np.int32).ravel()
