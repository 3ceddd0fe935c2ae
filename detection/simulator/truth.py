"""What really happened, for scoring: events with their cells, the day of every loss, what stood there at the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.truth import SeriesTruth
from detection.errors import BadInput
from detection.simulator.events import RULES, ChangeClass
from detection.simulator.ground import Landscape, Stratum, surface_on
from detection.simulator.happenings import Cells, Driver, Happening, blocks, happenings
from detection.simulator.landscape import landscape
from detection.simulator.parameters import Surface
from detection.simulator.parts import FOREVER
from detection.simulator.site import Site
from detection.simulator.terrain import woody
from detection.types import Codes, Days, Float, Grid, Mask, to_date, to_day

__all__ = ["DRIVERS", "NOTHING", "Stratum", "Truth", "TruthEvent", "series_truth", "truth_of"]

DRIVERS: Final[tuple[Driver, ...]] = (*RULES, "river-erosion", "flood")
"""Names of what may happen; codes of `Truth.driver` count into them."""
NOTHING: Final = 255
"""In `Truth.driver`: nothing was lost."""


@dataclass(frozen=True)
class TruthEvent:
    """One thing that happened to the forest."""

    id: str
    """Kind, year and key; the same whatever the area asked for."""
    kind: Driver
    """What it was."""
    change_class: ChangeClass
    """Is it to be found, and as what?"""
    start: date
    """First day of change."""
    end: date
    """Of what stays: first day of change of its last part. Else the day it was over."""
    cells: NDArray[np.int32]
    """(n, 2) row and column on the absolute lattice, sorted; only those inside the grid asked for."""
    area_ha: float
    """Of these cells, on the grid."""
    stratum: str
    """Of most of its cells, at the start of the period."""
    oversampled: float
    """So many times more of them happen than in the world."""


@dataclass(frozen=True)
class Truth:
    """The hidden side of a simulated source."""

    grid: Grid
    """Where it lies."""
    start: date
    """First day of the period."""
    end: date
    """Day after its last."""
    events: tuple[TruthEvent, ...]
    """By start and id; at least one cell of each lies inside the grid."""
    loss_day: Days
    """(y, x) first day of loss, natural or not, within the period, days since 1970; -1 where no forest was lost."""
    driver: Codes
    """(y, x) position in DRIVERS of what took it; NOTHING where no forest was lost."""
    surface: Codes
    """(y, x) codes of `parameters.Surface` on the first day of the period."""
    stratum: Codes
    """(y, x) codes of `Stratum` on the first day of the period."""
    forest: Mask
    """(y, x) forest on the first day of the period: what is judged."""
    weight: Float
    """(y, x) 1 / oversampled for the cells of an event of the period, else 1."""
    happenings: tuple[Happening, ...]
    """By start and event; all that `events` and `series_truth` are made of."""


def truth_of(site: Site, grid: Grid, start: date, end: date) -> Truth:
    """What happens on a grid from `start` to the day before `end`.

    Raises BadInput for a period that is empty or not simulated.
    """
    first, last = _period(site, start, end)
    land = landscape(site, grid)
    surface = surface_on(land, first)
    forest = woody(site)[surface]
    told = happenings(site, land, forest, first, last)
    stratum = _stratum(land, surface, forest)
    loss_day, driver = _losses(told, grid)
    weight = np.ones(grid.shape, np.float32)
    for one in told:
        weight.flat[one.cells] = np.minimum(weight.flat[one.cells], np.float32(1 / _oversampled(site, one.driver)))
    events = _events(site, grid, told, stratum)
    return Truth(grid, start, end, events, loss_day, driver, surface, stratum, forest, weight, tuple(told))


def _period(site: Site, start: date, end: date) -> tuple[int, int]:
    land = site.world.land
    if not date(land.epoch + 1, 1, 1) <= start < end <= date(land.last_year + 1, 1, 1):
        raise BadInput(
            f"truth: {start} to {end} is no period within {land.epoch + 1}-01-01 and {land.last_year + 1}-01-01; "
            "give one that the simulator knows"
        )
    return to_day(start), to_day(end)


def _stratum(land: Landscape, surface: Codes, forest: Mask) -> Codes:
    """The strata of the epoch, put right where the land has changed since."""
    out = np.where(forest, land.stratum, Stratum.OTHER).astype(np.uint8)
    grown = (surface >= Surface.SECONDARY_6) & (surface <= Surface.SECONDARY_40) & (out != Stratum.RIVER)
    out[grown | (forest & (out == Stratum.OTHER))] = Stratum.SECONDARY
    out[(surface == Surface.SUN_COFFEE) | (surface == Surface.SHADE_COFFEE)] = Stratum.COFFEE
    return out


def _losses(told: Sequence[Happening], grid: Grid) -> tuple[Days, Codes]:
    day, driver = np.full(grid.shape, -1, np.int32), np.full(grid.shape, NOTHING, np.uint8)
    for one in reversed(told):
        if one.loss:
            day.flat[one.cells], driver.flat[one.cells] = one.start, DRIVERS.index(one.driver)
    return day, driver


def _oversampled(site: Site, driver: Driver) -> float:
    kind = site.world.kinds.get(driver)
    return kind.oversampled if kind else 1.0


def _events(site: Site, grid: Grid, told: Sequence[Happening], stratum: Codes) -> tuple[TruthEvent, ...]:
    members: dict[str, list[Happening]] = {}
    for one in told:
        if not one.ignored:
            members.setdefault(one.event, []).append(one)
    made = [_event(site, grid, mine, stratum) for mine in members.values()]
    return tuple(sorted(made, key=lambda event: (event.start, event.id)))


def _event(site: Site, grid: Grid, parts: Sequence[Happening], stratum: Codes) -> TruthEvent:
    one, flat = parts[0], np.sort(np.concatenate([part.cells for part in parts]))
    flat = flat[np.diff(flat, prepend=-1) > 0]
    rows, columns = np.divmod(flat, grid.shape[1])
    cells = np.stack([rows + grid.first_row, columns + grid.first_column], 1).astype(np.int32)
    most = Stratum(int(np.bincount(stratum.flat[flat]).argmax()))
    end = max(part.start if part.end == FOREVER else part.end for part in parts)
    return TruthEvent(
        one.event, one.driver, one.change, to_date(min(part.start for part in parts)), to_date(end), cells,
        len(cells) * grid.resolution**2 / 10_000, most.name.lower(), _oversampled(site, one.driver),
    )  # fmt: skip


def series_truth(site: Site, truth: Truth, first: date | None = None, last: date | None = None) -> SeriesTruth:
    """The truth cell by cell: series i is the i-th cell of `truth.forest`, row by row.

    Judged from `first` to `last`, both included; by default the whole period. Raises BadInput outside the period.
    """
    since, until = to_day(first or truth.start), to_day(last) if last else to_day(truth.end) - 1
    if not to_day(truth.start) <= since <= until < to_day(truth.end):
        raise BadInput(f"truth: {first} to {last} is not within {truth.start} to {truth.end}; judge what is known")
    cells = np.flatnonzero(truth.forest)
    place = np.full(truth.forest.size, -1, np.int64)
    place[cells] = np.arange(len(cells))
    many, hectares = len(cells), truth.grid.resolution**2 / 10_000
    kept = [h for h in truth.happenings if h.start <= until and h.end >= since]
    counts = [len(h.cells) for h in kept]
    series = place[np.concatenate([h.cells for h in kept])] if kept else np.empty(0, np.int64)
    starts = _each([h.start for h in kept], counts, np.int32)
    order = np.lexsort((starts, series))
    sizes = {event.id: event.area_ha for event in truth.events}
    ignored = [h.ignored or (h.start < since and h.change != "not loss") for h in kept]
    lost = _each([h.loss for h in kept], counts, np.bool_)[order]
    ends = _each([min(h.end, until) for h in kept], counts, np.int32)[order]
    return SeriesTruth(
        strata=tuple(stratum.name.lower() for stratum in Stratum),
        drivers=DRIVERS,
        stratum=truth.stratum.flat[cells],
        block=blocks(site, truth.grid)[cells],
        weight=truth.weight.flat[cells].astype(np.float64),
        area_ha=np.full(many, hectares),
        observed_from=np.full(many, since, np.int32),
        observed_until=np.full(many, until, np.int32),
        window_series=series[order],
        window_driver=_each([DRIVERS.index(h.driver) for h in kept], counts, np.uint8)[order],
        window_loss=_each([h.change != "not loss" for h in kept], counts, np.bool_)[order],
        window_start=starts[order],
        window_end=_cut(series[order], starts[order], ends, lost),
        window_dated=np.ones(len(order), np.bool_),
        window_ignored=_each(ignored, counts, np.bool_)[order],
        window_event=_each([_number(h.event) for h in kept], counts, np.int64)[order],
        window_event_ha=_each([sizes.get(h.event, np.nan) for h in kept], counts, np.float64)[order],
    )


def _each(values: Sequence[float], counts: Sequence[int], dtype: type[np.generic]) -> NDArray[Any]:
    """(window,) the value of each happening for each of its cells."""
    return np.repeat(np.array(values, dtype), counts)


def _cut(series: Cells, start: Days, end: Days, lost: Mask) -> Days:
    """(window,) last days such that no window of a series reaches the next loss of the series. All sorted by both."""
    scale, never = 2 * FOREVER, np.iinfo(np.int64).max
    name = np.where(lost, series * scale + start, never)
    following = np.minimum.accumulate(np.append(name[1:], never)[::-1])[::-1] if len(name) else name
    latest = np.where(following // scale == series, following % scale - 1, end)
    return np.maximum(np.minimum(end, latest), start).astype(np.int32)


def _number(event: str) -> int:
    """A number of an event that no other has, 63 bits."""
    return int.from_bytes(blake2b(event.encode(), digest_size=8).digest(), "big") >> 1
