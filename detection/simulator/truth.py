"""What really happened, for scoring: events with their cells, the day of every loss, what stood there at the start."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detection.simulator import sky
from detection.simulator.constants import WOODY
from detection.simulator.events import Kind, Part
from detection.simulator.landscape import Landscape, Owners, landscape
from detection.simulator.scenes import surface_on
from detection.types import SECONDS_A_DAY, Codes, Days, Grid, Mask, to_date, to_day

NOON = SECONDS_A_DAY // 2
HALF_WET = 0.125
"""Stage above a cell's height at which it is half covered."""


@dataclass(frozen=True)
class TruthEvent:
    """One thing that happened to the forest."""

    id: str
    """Kind, year and key; the same whatever the area asked for."""
    kind: Kind | Literal["flood"]
    """What it was."""
    loss: bool
    """True: forest was lost. False: a detector should keep still."""
    start: date
    """First day of change."""
    end: date
    """A loss: day of its last loss. Else the day it was over."""
    cells: NDArray[np.int32]
    """(n, 2) row and column on the absolute lattice, sorted; only those inside the grid asked for."""
    area_ha: float
    """Of these cells, on the grid."""


@dataclass(frozen=True)
class Truth:
    """The hidden side of a simulated source."""

    grid: Grid
    """Where it lies."""
    events: tuple[TruthEvent, ...]
    """By start and id; at least one cell of each lies inside the grid."""
    loss_day: Days
    """(y, x) first day of loss within the period, days since 1970; -1 where no forest was lost in it."""
    surface: Codes
    """(y, x) codes of `simulator.constants.Surface` on the first day of the period."""


def truth_of(seed: int, grid: Grid, start: date, end: date) -> Truth:
    """What happens on a grid from `start` to the day before `end`."""
    land, first, last = landscape(seed, grid), to_day(start), to_day(end)
    lost = _day_of(land.losses)
    within = (lost >= first) & (lost < last)
    events = [
        *_losses(land, within),
        *_brownings(land, lost, first, last),
        *_floods(seed, land, lost, first, last),
    ]
    return Truth(
        grid,
        tuple(sorted(events, key=lambda event: (event.start, event.id))),
        np.where(within, lost, -1).astype(np.int32),
        surface_on(land, first * SECONDS_A_DAY),
    )


def _day_of(owners: Owners) -> Days:
    """(y, x) day on which the owner of a cell begins, far in the future where it has none."""
    never = np.iinfo(np.int32).max
    starts = np.append(owners.days[:, 0], never)
    return np.where(owners.cover >= 0.5, starts[owners.owner], never).astype(np.int32)


def _losses(land: Landscape, within: Mask) -> Iterator[TruthEvent]:
    for parts, mask in _by_event(land.losses, within):
        days = [part.days[0] for part in parts]
        yield _event(parts[0].event, parts[0].kind, land.grid, mask, (min(days), max(days)))


def _brownings(land: Landscape, lost: Days, first: int, last: int) -> Iterator[TruthEvent]:
    """Cells that are cleared before the browning begins do not brown."""
    whole = land.brownings.cover >= 0.5
    for parts, mask in _by_event(land.brownings, whole & (_day_of(land.brownings) < lost)):
        begins, _, _, over, _ = parts[0].days
        if begins < last and over >= first:
            yield _event(parts[0].event, "browning", land.grid, mask, (begins, over))


def _floods(seed: int, land: Landscape, lost: Days, first: int, last: int) -> Iterator[TruthEvent]:
    """Bank forest that is at least half covered by the flood of one hydrological year (September to August)."""
    bank = np.isin(land.surface, WOODY)
    stages = [(day, sky.stage(seed, day * SECONDS_A_DAY + NOON)) for day in range(first, last)]
    for year, season in groupby(stages, key=lambda pair: to_date(pair[0] + 122).year):
        levels = list(season)
        crest = max(level for _, level in levels) - HALF_WET
        mask = bank & (land.height <= crest) & (lost >= last)
        if not mask.any():
            continue
        wet = [day for day, level in levels if level - HALF_WET >= land.height[mask].min()]
        yield _event(f"flood-{year}", "flood", land.grid, mask, (wet[0], wet[-1]))


def _by_event(owners: Owners, where: Mask) -> Iterator[tuple[list[Part], Mask]]:
    """The parts of one event that own a cell there, and these cells."""
    numbers = {int(n) for n in np.unique(owners.owner[where])}
    members: dict[str, list[int]] = {}
    for number in sorted(numbers):
        members.setdefault(owners.parts[number].event, []).append(number)
    for mine in members.values():
        yield [owners.parts[number] for number in mine], where & np.isin(owners.owner, mine)


def _event(name: str, kind: Kind | Literal["flood"], grid: Grid, mask: Mask, days: tuple[int, int]) -> TruthEvent:
    rows, columns = np.nonzero(mask)
    cells = np.stack([rows + grid.first_row, columns + grid.first_column], 1).astype(np.int32)
    loss = kind not in ("browning", "flood")
    area = len(cells) * grid.resolution**2 / 10_000
    return TruthEvent(name, kind, loss, to_date(days[0]), to_date(days[1]), cells, area)
