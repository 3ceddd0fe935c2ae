"""What happens to the forest, and when: drawn block by block of the absolute lattice, so that any two areas agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.simulator.draws import Dice, Frame, Stream
from detection.simulator.kernels import keyed
from detection.simulator.lines import Metres
from detection.simulator.makers import MAKERS
from detection.simulator.parameters import Occurrence, Surface
from detection.simulator.parts import Beginning, Kind, Part
from detection.simulator.site import Site
from detection.simulator.terrain import Terrain, terrain, tilt
from detection.types import Float, Grid

ChangeClass = Literal["loss", "degradation", "natural loss", "not loss"]
SURVEY_M: Final = 60
"""Cell of the lattice events are drawn on: the same whatever the grid, so that finer grids show the same land."""
STEPS: Final = 100
"""Of the table of e^-d, per unit of d."""


@dataclass(frozen=True)
class Rule:
    """What a kind of event is."""

    number: int
    """Of its stream of random numbers; never reused."""
    conversion: bool
    """Does it turn forest into something else, or hurt it?"""
    change: ChangeClass
    """How a detector is judged on it."""


RULES: Final[dict[Kind, Rule]] = {
    "clearing": Rule(0, True, "loss"),
    "large-clearing": Rule(1, True, "loss"),
    "peat-clearing": Rule(2, True, "loss"),
    "mining": Rule(3, True, "loss"),
    "road": Rule(4, True, "loss"),
    "logging": Rule(5, False, "degradation"),
    "fire": Rule(6, False, "degradation"),
    "blowdown": Rule(7, False, "natural loss"),
    "landslide": Rule(8, True, "natural loss"),
    "bamboo": Rule(9, False, "not loss"),
    "palm-felling": Rule(10, False, "degradation"),
    "drainage": Rule(11, False, "degradation"),
}


def events_in(site: Site, grid: Grid) -> list[Part]:
    """Every part that may touch the grid, in the order in which parts own cells; two grids agree on the order.

    The earliest first; die-offs of bamboo last and by lot, because theirs is a cycle without a beginning.
    """
    block = site.world.land.block_m
    top, left = grid.first_row * grid.resolution // block - 1, grid.first_column * grid.resolution // block - 1
    rows = (grid.first_row + grid.shape[0]) * grid.resolution // block - top + 2
    columns = (grid.first_column + grid.shape[1]) * grid.resolution // block - left + 2
    parts = [p for b in beginnings(site, (top, left), (rows, columns)) for p in MAKERS[b.kind](b)]
    return sorted(parts, key=_order)


def _order(part: Part) -> tuple[bool, int, str, str]:
    lot = part.kind == "bamboo"
    return lot, 0 if lot else part.days[0], part.event[-16:] if lot else "", part.event


def beginnings(site: Site, first: tuple[int, int], shape: tuple[int, int]) -> Iterator[Beginning]:
    """The events that begin in a rectangle of blocks: first (row, column) and number of rows and columns of blocks."""
    cells = site.world.land.block_m // SURVEY_M
    frame = Frame(first[0] * cells - 1, first[1] * cells - 1, (shape[0] * cells + 2, shape[1] * cells + 2), SURVEY_M)
    land = terrain(site, frame)
    kinds = kinds_of(site)
    inviting = np.stack([invites(site, site.world.kinds[kind], kind, land)[1:-1, 1:-1] for kind in kinds])
    mean = _per_block(site)
    numbers = np.array([RULES[kind].number for kind in kinds], np.int64)
    expected = float(mean.sum()) * shape[0] * shape[1]
    found = np.empty((int(expected + 10 * expected**0.5 + 100), 3), np.int64)
    keys, places = np.empty(len(found), np.uint64), np.empty((len(found), 2))
    many = _begin(
        found, keys, places, site.key(Stream.EVENT), *first, *shape, site.world.land.epoch + 1, numbers, mean,
        np.exp(-mean), np.ascontiguousarray(inviting, np.float32),
    )  # fmt: skip
    for (n, year, cell), key, place in zip(found[:many].tolist(), keys[:many].tolist(), places[:many], strict=True):
        south, east = (place * SURVEY_M).tolist()
        row, column = divmod(cell, shape[1] * cells)
        yield Beginning(
            site, f"{kinds[n]}-{year}-{key:016x}", kinds[n], south, east, year, _along(land.river, row, column),
            Dice(key),
        )  # fmt: skip


def kinds_of(site: Site) -> list[Kind]:
    """The kinds that occur in the region."""
    named = dict(site.place.rates)
    return [kind for kind in RULES if named.get(kind, 0) > 0]


def yearly(site: Site, kind: Kind) -> NDArray[np.float64]:
    """(year,) events per km2 where everything invites them, as simulated, from the year after the epoch on."""
    land, events, rule = site.world.land, site.world.events, site.world.kinds[kind]
    years = np.arange(land.epoch + 1, land.last_year + 1)
    growth = (
        np.array(events.growth)[np.searchsorted(events.growth_from, years, "right")]
        if rule.grows
        else np.ones(len(years))
    )
    if kind == "bamboo":  # one round of the cycle; the rounds after it are in the parts' courses
        growth = np.where(years <= land.epoch + events.bamboo_cycle_years, growth, 0)
    return np.asarray(rule.per_km2_year * rule.oversampled * dict(site.place.rates)[kind] * growth, np.float64)


def invites(site: Site, rule: Occurrence, kind: Kind, land: Terrain) -> Float:
    """(y, x) share of the full rate at each place: its surface, its distance from river and highway, its slope."""
    on = np.zeros(len(Surface), np.float32)
    for name, weight in rule.on:
        on[Surface[name.upper()]] = weight
    out = on[land.surface]
    if rule.reach_m:
        distance = np.abs(land.river) if rule.river_only else np.minimum(np.abs(land.river), np.abs(land.highway))
        out = out * _decay()[np.minimum(distance / rule.reach_m * STEPS, 10 * STEPS).astype(np.int64)]
    if kind == "landslide":
        out = out * (tilt(land.slope) >= site.world.events.landslide_slope)
    return np.asarray(out, np.float32)


@cache
def _decay() -> Float:
    """e^-d by table: the same bits whatever the window."""
    return np.exp(-(np.arange(10 * STEPS + 1) + 0.5) / STEPS).astype(np.float32)


def _per_block(site: Site) -> NDArray[np.float64]:
    """(kind, year) events of a block where everything invites them."""
    km2 = (site.world.land.block_m / 1000) ** 2
    return np.stack([yearly(site, kind) * km2 for kind in kinds_of(site)])


def _along(river: Metres, row: int, column: int) -> float:
    """Bearing of the river: across the gradient of the distance; (row, column) without the rim."""
    down = river[row + 2, column + 1] - river[row, column + 1]
    right = river[row + 1, column + 2] - river[row + 1, column]
    return float(np.arctan2(right, -down))


@njit(
    "int64(int64[:, ::1], uint64[::1], float64[:, ::1], uint64, int64, int64, int64, int64, int64, int64[::1],"
    "float64[:, ::1], float64[:, ::1], float32[:, :, ::1])",
    cache=True,
    nogil=True,
)
def _begin(found, keys, places, stream, top, left, rows, columns, first_year, numbers, mean, none, inviting):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Draw the events of each block, year and kind, and keep those whose place invites them.

    mean, none (kind, year): events of a block, odds of none; inviting (kind, y, x) on the survey's cells. Fills found
    (event, 3): kind, year, cell; keys (event,); places (event, 2): row and column on the survey's lattice, with
    fractions.
    """
    many, size, width = 0, inviting.shape[2] // columns, inviting.shape[2]
    for i in range(rows):
        for j in range(columns):
            block = keyed(keyed(stream, top + i), left + j)
            for y in range(mean.shape[1]):
                for n in range(len(numbers)):
                    mine = keyed(keyed(block, first_year + y), numbers[n])
                    rest, term, count = (keyed(mine, -1) >> np.uint64(11)) * 2.0**-53, none[n, y], 0
                    while rest > term and count < 1000:
                        rest -= term
                        count += 1
                        term *= mean[n, y] / count
                    for k in range(count):
                        key = keyed(mine, k)
                        # Twenty bits, so that the sums are exact and no window rounds another way.
                        down = (top + i + (keyed(key, -1) >> np.uint64(44)) * 2.0**-20) * size
                        right = (left + j + (keyed(key, -2) >> np.uint64(44)) * 2.0**-20) * size
                        row, column = int(np.floor(down)) - top * size, int(np.floor(right)) - left * size
                        odds = inviting[n, row, column]
                        if (keyed(key, -3) >> np.uint64(11)) * 2.0**-53 >= odds or many >= len(keys):
                            continue
                        found[many, 0], found[many, 1] = n, first_year + y
                        found[many, 2] = row * width + column
                        keys[many], places[many, 0], places[many, 1] = key, down, right
                        many += 1
    return many
