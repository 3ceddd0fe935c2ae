"""Cells with a known answer, seen in the imagery: what the looks at them were like before and after, in a worker.

A cell is read alone, with its halo: no detector runs over it and nothing is known of what lies around it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from detection.areas import LONLAT
from detection.codes import Observation
from detection.errors import BadInput, NoImagery
from detection.monitors import Looks
from detection.prepare.passes import joined, once
from detection.sources import Source
from detection.types import Cube, Float, Grid, Planes, Row
from jobs.config import BboxArea, GridChoice, JobConfig, Period
from jobs.plan import Plan, plan_looks
from jobs.tile import Turn, near, opened, read_batches
from jobs.training.asked import TrainConfig
from models.around import AFTER_DAYS, BEFORE_DAYS, MOMENT, around, names
from models.reference import Reference, blocks

BLOCK_M: Final = 10_000
"""Side of the squares whose samples are never parted in cross-validation, metres (chosen: clouds and people of a place)."""
RIM_DEGREES: Final = 0.002
"""Around the outermost cells of a block: more than a cell anywhere that forest grows."""
EPOCH: Final = date(1970, 1, 1)
BEYOND, UNSEEN = "outside the imagery", "no clear look on one side of its date"


@dataclass(frozen=True)
class Spot:
    """A cell to look at."""

    owner: int
    """Position of its point, or of its alert, in the reference."""
    lon: float
    """Degrees, WGS 84."""
    lat: float
    """Degrees, WGS 84."""
    day: int
    """First day on which the change may be seen, days since 1970; -1: none is said, the middle of the archive counts."""


@dataclass(frozen=True)
class Known:
    """What people said of places, from one file."""

    name: str
    """The file's."""
    reference: Reference
    """The places and their answers; what was left out, and why."""
    spots: tuple[Spot, ...]
    """The cells to look at, several of one place where it has so many."""
    grid: GridChoice
    """The cells of all of them."""


@dataclass(frozen=True)
class Look:
    """A block of spots to look at, in a worker."""

    name: str
    """For messages."""
    config: JobConfig
    """How the scenes of the block are read."""
    spots: tuple[Spot, ...]
    """Its cells."""
    told: Planes
    """What is told of them."""
    run: str
    """Whose source serves it."""
    turn: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, compare=False)
    """Entered around requests that a provider limits for the project as a whole (`Traffic.turn`)."""


@dataclass(frozen=True)
class Seen:
    """What came of a block, in the order of its spots."""

    rows: Float
    """(spot, feature) as `models.around.around` has it; NaN where nothing could be told."""
    day: NDArray[np.int32]
    """(spot,) first look that counts as after the change."""
    why: tuple[str, ...]
    """(spot,) why nothing could be told; empty: it could."""
    unread: frozenset[str] = frozenset()
    """Ids of scenes that could not be read somewhere."""


def blocks_of(config: TrainConfig, known: Known, run: str) -> list[Look]:
    """The spots of a file by blocks of their owners, each with the config to read it by."""
    number = blocks(known.reference, BLOCK_M)
    mine: dict[int, list[Spot]] = {}
    for spot in known.spots:
        mine.setdefault(int(number[spot.owner]), []).append(spot)
    return [
        Look(f"{known.name}, block {i}", _config(config, known.grid, spots), tuple(spots), config.told.planes, run)
        for i, spots in enumerate(mine.values(), 1)
    ]


def _config(config: TrainConfig, grid: GridChoice, spots: Sequence[Spot]) -> JobConfig:
    lon, lat = ([getattr(spot, n) for spot in spots] for n in ("lon", "lat"))
    wide = RIM_DEGREES / max(np.cos(np.radians(np.abs(lat).max())), 1e-3)
    area = BboxArea(
        west=min(lon) - wide, south=min(lat) - RIM_DEGREES, east=max(lon) + wide, north=max(lat) + RIM_DEGREES,
        crs=LONLAT,
    )  # fmt: skip
    if config.sources is None:  # refused when the config is read
        raise BadInput(f"{config.name}: has no `sources` to see points with; name where the scenes come from")
    return JobConfig(
        name=config.name, area=area, grid=grid, sources=config.sources,
        period=Period(monitor_from=config.period.since or EPOCH, until=config.period.until),
        prepare=config.prepare, history=config.history, monitor=config.monitor, tiles=config.tiles,
    )  # fmt: skip


def look(task: Look) -> Seen:
    """Look at a block. A place without imagery is told of by its reason; what cannot be read now raises."""
    source = opened(task.config.sources, task.run, Turn(task.turn))
    try:
        plan = plan_looks(task.config, source, task.told)
    except BadInput as error:
        why = BEYOND if isinstance(error, NoImagery) else str(error).removeprefix(f"{task.config.name}: ")
        found = [_Told(why, -1, None, frozenset()) for _ in task.spots]
    else:
        found = [_look_at(plan, source, spot, task.told) for spot in task.spots]
    missing = np.full((1, len(names(task.told.optical, task.told.radar))), np.nan, np.float32)
    return Seen(
        np.concatenate([missing if one.row is None else one.row for one in found]),
        np.array([one.day for one in found], np.int32),
        tuple(one.why for one in found),
        frozenset().union(*(one.unread for one in found)),
    )


@dataclass(frozen=True)
class _Told:
    why: str
    day: int
    row: Float | None
    unread: frozenset[str]


def _look_at(plan: Plan, source: Source, spot: Spot, told: Planes) -> _Told:
    cell = _cell(plan.grid, spot)
    rows, _ = near(plan, cell)
    if not rows:
        return _Told(BEYOND, -1, None, frozenset())
    day = spot.day if spot.day >= 0 else (rows[0].scene.day + rows[-1].scene.day) // 2
    cube, unread = _read(plan, cell, source, [r for r in rows if _counts(r.scene.day - day)])
    if cube.scenes and (cube.observation == Observation.OUTSIDE).all():
        return _Told(BEYOND, -1, None, unread)
    seen, broke = _sides(cube, day)
    if broke is None:
        return _Told(UNSEEN, -1, None, unread)
    moment = np.zeros(1, MOMENT)
    moment["broke"], moment["clear"] = seen[broke], seen[broke - 1]
    moment["decided"] = min(int(cube.days[-1]), int(seen[broke]) + AFTER_DAYS)
    moment["sigma"], moment["count"] = np.nan, -1
    row = around(Looks.of(cube), cube.planes, moment, told.optical, told.radar)
    return _Told("", int(seen[broke]), row, unread)


def _counts(days: int) -> bool:
    """May a look so many days after the date be told of? The first clear look after it may be a year late."""
    return -BEFORE_DAYS <= days <= 2 * AFTER_DAYS


def _sides(cube: Cube, day: int) -> tuple[NDArray[np.int32], int | None]:
    """Days of the clear looks, optical ones where there are any, and the position of the first on or after a day; None where
    one side has none."""
    clear = (cube.observation == Observation.OBSERVED).any((1, 2))
    optical = clear & ~np.array([scene.radar for scene in cube.scenes], np.bool_)
    seen = cube.days[optical if optical.any() else clear]
    at = int(np.searchsorted(seen, day))
    return seen, at if 0 < at < len(seen) and seen[at] - day <= AFTER_DAYS else None


def _cell(grid: Grid, spot: Spot) -> Grid:
    x, y = Transformer.from_crs(LONLAT, grid.crs, always_xy=True).transform(spot.lon, spot.lat)
    return grid.window(int((grid.north - y) // grid.resolution), int((x - grid.west) // grid.resolution), 1, 1)


def _read(plan: Plan, cell: Grid, source: Source, rows: Sequence[Row]) -> tuple[Cube, frozenset[str]]:
    empty = Cube.of(cell, (), plan.planes, np.zeros((0, plan.planes.width, 1, 1), np.float32))
    parts = list(read_batches(plan, cell, source, rows))
    return once(joined([empty, *(part.cube for part in parts)])), frozenset(s for part in parts for s in part.unread)


def without(known: Known, seen: Sequence[tuple[Look, Seen]]) -> Known:
    """The file with the places listed of which nothing could be told in any of their cells, by the reason of the first."""
    told = {spot.owner for task, found in seen for spot, why in zip(task.spots, found.why, strict=True) if not why}
    gone: dict[int, str] = {}
    for task, found in seen:
        for spot, why in zip(task.spots, found.why, strict=True):
            if spot.owner not in told:
                gone.setdefault(spot.owner, why)
    left = known.reference
    at = np.arange(len(left.ids))
    for why in dict.fromkeys(gone.values()):
        out = np.array([gone.get(int(owner)) == why for owner in at], np.bool_)
        left, at = left.without(out, why), at[~out]
    return replace(known, reference=left)


def told_rows(seen: Sequence[tuple[Look, Seen]]) -> Iterator[tuple[Spot, int, Any]]:
    """(spot, first day after the change, its row) of all spots of which something could be told."""
    for task, found in seen:
        for spot, day, row, why in zip(task.spots, found.day.tolist(), found.rows, found.why, strict=True):
            if not why:
                yield spot, day, row
