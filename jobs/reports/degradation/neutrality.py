"""Areas of degraded land, counted window by window: every figure that the tables of SDG indicator 15.3.1 need."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas.strata import GRAIN, hectares
from jobs.reports.degradation.bests import Bests, bests
from jobs.reports.degradation.degradation import (
    HECTARES_A_KM2,
    NO_COVER,
    Coded,
    Condition,
    land_cover,
    one_out_all_out,
    soil_carbon,
    status,
)  # fmt: skip
from jobs.reports.degradation.ldn_asked import COVERS, Period, of_year
from jobs.reports.degradation.ldn_maps import Maps, classes, land, there, wet
from jobs.reports.degradation.productivity import (
    below,
    changed,
    dynamics,
    mann_kendall,
    productive,
    state,
    tendency,
)  # fmt: skip
from jobs.reports.degradation.rules import Rules
from jobs.reports.rasters import WINDOW

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
CONDITIONS: Final = (Condition.DEGRADED, Condition.STABLE, Condition.IMPROVED, Condition.UNKNOWN)
"""In the order of the axes of a count."""
COVERED: Final = (*COVERS, "unknown")
PARTS: Final = ("land_cover", "productivity", "soil", "all")
"""Sub-indicators, and what they make together."""
TONNE_GRAIN: Final = 1e-6
"""Tonnes to which the carbon of a cell is rounded, for the same reason as hectares."""
OUTSIDE, DEGRADED, STABLE, IMPROVED, UNKNOWN, WATER, HOT, BRIGHT = range(8)
"""Codes of the map of the last period; hot is degraded too, bright is improved too."""


@dataclass(frozen=True)
class Counted:
    """Square kilometres, by place in CONDITIONS, COVERED and Dynamics; land is without inland water at the end of a period."""

    periods: tuple[Period, ...]
    """The baseline, then the others."""
    cover_years: tuple[tuple[int, int], ...]
    """(period,) years of the maps of land cover that were compared."""
    soil_years: tuple[tuple[int, int], ...]
    """(period,) the same of soil; empty where it was not assessed."""
    covers: Mapping[int, NDArray[np.float64]]
    """Year -> (8,) of land cover, inland water among it."""
    water: Mapping[int, float]
    """Year -> inland water."""
    changes: tuple[NDArray[np.float64], ...]
    """(period,) (8, 8) land cover from, to."""
    parts: tuple[Mapping[str, NDArray[np.float64]], ...]
    """(period,) part -> (4,) of its condition, land."""
    dynamics: tuple[NDArray[np.float64], ...]
    """(period,) (8, 6) land cover at the end, dynamics, land."""
    pairs: tuple[NDArray[np.float64], ...]
    """(period,) (4, 4) condition in the baseline, in the period, land at its end."""
    status: tuple[NDArray[np.float64], ...]
    """(period,) (4,) condition at its end, land."""
    soil: Mapping[int, tuple[NDArray[np.float64], NDArray[np.float64]]]
    """Year -> (8,) km2 with a figure, and (8,) tonnes on them, by land cover of that year's nearest map."""
    map: NDArray[np.uint8]
    """(y, x) codes of the last period."""
    grid: Grid
    """Of the map."""

    def land(self, place: int) -> float:
        """Land of a period, km2."""
        return float(self.parts[place]["all"].sum())


def count(maps: Maps, rules: Rules, *, progress: Progress = lambda *_: None, size: int = WINDOW) -> Counted:
    """Count all of it; the answer does not depend on the size of the windows.

    Raises BadInput for a year without a map, a code without a class, and land of which there is no cell.
    """
    asked = maps.asked
    periods = (asked.baseline, *asked.periods)
    ends = tuple(maps.ends(maps.cover, one, "land cover") for one in periods)
    soils = tuple(maps.ends(maps.soil, one, "soil") for one in periods) if maps.soil else ()
    best = bests(maps.means, periods, land(maps, ends), maps.grid, progress=progress, size=size)
    made = _Sums(periods, ends, soils, maps, rules, best)
    parts = list(maps.grid.tiles(size))
    for done, part in enumerate(parts, 1):
        made.add(part)
        progress("degradation", done, len(parts))
    return made.counted()


class _Sums:
    """Whole grains, added up: sums of whole numbers do not depend on their order."""

    def __init__(
        self, periods: Sequence[Period], ends: Sequence[tuple[int, int]], soils: Sequence[tuple[int, int]], maps: Maps,
        rules: Rules, best: Bests,
    ) -> None:  # fmt: skip
        self.periods, self.ends, self.soils, self.maps, self.rules, self.best = periods, ends, soils, maps, rules, best
        self.sums: dict[tuple[Any, ...], NDArray[np.int64]] = {}
        self.map = np.zeros(maps.grid.shape, np.uint8)

    def add(self, part: Grid) -> None:
        covers = {year: classes(self.maps, year, part) for year in self.maps.cover}
        inner = there(self.maps, covers, part)
        grains = np.where(inner, np.rint(hectares(part) / GRAIN), 0)
        for year, cover in covers.items():
            self._put(("cover", year), grains, (_covered(cover), 8))
            self._put(("water", year), grains, (wet(self.maps, cover, part).astype(int), 2))
        for year in {year for pair in self.soils for year in pair}:
            self._soil(year, covers, grains, part)
        found = [self._period(place, covers, grains, part) for place in range(len(self.periods))]
        for place, one in enumerate(found[1:], 1):
            land = np.where(wet(self.maps, covers[self.ends[place][1]], part), 0, grains)
            self._put(("pairs", place), land, (_placed(found[0]), 4), (_placed(one), 4))
            self._put(("status", place), land, (_placed(status(self.rules.status_matrix, found[0], one)), 4))
        self._draw(part, inner, wet(self.maps, covers[self.ends[-1][1]], part), found[0], found[-1])

    def _period(self, place: int, covers: Mapping[int, NDArray[np.uint8]], grains: NDArray[Any], part: Grid) -> Coded:
        """Condition of a period, all parts together, with all of its counts put down."""
        first, last = (covers[year] for year in self.ends[place])
        land = np.where(wet(self.maps, last, part), 0, grains)
        moves = self._dynamics(place, part)
        asked = self.maps.asked
        parts = {
            "land_cover": land_cover(first, last, self.rules.transitions),
            "productivity": productive(asked.change, moves),
        }
        if self.soils:
            before, after = (self.maps.soil[year].numbers(part)[0] for year in self.soils[place])
            parts["soil"] = soil_carbon(before, after, asked.soil_limit)
        parts["all"] = one_out_all_out(*parts.values(), improved=asked.improved)
        self._put(("changes", place), grains, (_covered(first), 8), (_covered(last), 8))
        self._put(("dynamics", place), land, (_covered(last), 8), (moves.astype(int), 6))
        for name, found in parts.items():
            self._put((name, place), land, (_placed(found), 4))
        return parts["all"]

    def _dynamics(self, place: int, part: Grid) -> Coded:
        """Dynamics of productivity over the years up to the end of a period."""
        change = self.maps.asked.change
        series = self.maps.means.series(self.periods[place], part)
        trend = changed(change, tendency(change, mann_kendall(series, change.least)))
        states = changed(change, tendency(change, state(change, series)))
        units = self.maps.means.units.codes(part)
        performance = below(change, self.maps.means.rounded(series), self.best.at(place, units))
        return dynamics(self.rules.combination, trend, states, performance)

    def _soil(self, year: int, covers: Mapping[int, NDArray[np.uint8]], grains: NDArray[Any], part: Grid) -> None:
        stock = self.maps.soil[year].numbers(part)[0]
        cover = covers[of_year(covers, year, self.maps.asked.nearest, "land cover beside soil")]
        known = np.isfinite(stock)
        carbon = np.rint(np.where(known, stock, 0) * grains * (GRAIN / TONNE_GRAIN))
        self._put(("soil_area", year), np.where(known, grains, 0), (_covered(cover), 8))
        self._put(("soil_tonnes", year), carbon, (_covered(cover), 8))

    def _put(self, key: tuple[Any, ...], weight: NDArray[Any], *axes: tuple[NDArray[Any], int]) -> None:
        shape = tuple(size for _, size in axes)
        where = np.ravel_multi_index(tuple(one.ravel() for one, _ in axes), shape)
        found = np.bincount(where, weight.ravel(), int(np.prod(shape))).astype(np.int64).reshape(shape)
        self.sums[key] = self.sums.get(key, np.zeros(shape, np.int64)) + found

    def _draw(self, part: Grid, inner: NDArray[Any], water: NDArray[Any], baseline: Coded, last: Coded) -> None:
        row, column = self.maps.grid.offset(part)
        end = status(self.rules.status_matrix, baseline, last)
        was = baseline == Condition.DEGRADED
        made = np.select(
            [~inner, water, was & (last == Condition.DEGRADED), was & (end == Condition.IMPROVED)],
            [OUTSIDE, WATER, HOT, BRIGHT], np.array([DEGRADED, STABLE, IMPROVED, UNKNOWN])[_placed(end)],
        )  # fmt: skip
        self.map[row : row + part.shape[0], column : column + part.shape[1]] = made

    def counted(self) -> Counted:
        many = range(len(self.periods))
        if not self._km2("all", 0).sum():
            raise BadInput("land cover: no cell of it is land to report on; check `area` and `classes`")
        years, names = self.maps.cover, [name for name in PARTS if (name, 0) in self.sums]
        return Counted(
            tuple(self.periods), tuple(self.ends), tuple(self.soils), {year: self._km2("cover", year) for year in years},
            {year: float(self._km2("water", year)[1]) for year in years}, tuple(self._km2("changes", place) for place in many),
            tuple({name: self._km2(name, place) for name in names} for place in many),
            tuple(self._km2("dynamics", place) for place in many), tuple(self._km2("pairs", place) for place in many[1:]),
            tuple(self._km2("status", place) for place in many[1:]), dict(self._soils()), self.map, self.maps.grid,
        )  # fmt: skip

    def _km2(self, *key: Any) -> NDArray[np.float64]:
        return np.asarray(self.sums[key] * (GRAIN / HECTARES_A_KM2), np.float64)

    def _soils(self) -> Iterator[tuple[int, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
        for year in sorted({year for pair in self.soils for year in pair}):
            yield (
                year,
                (self._km2("soil_area", year), np.asarray(self.sums["soil_tonnes", year] * TONNE_GRAIN, np.float64)),
            )


def _placed(condition: Coded) -> NDArray[np.int64]:
    """Place in CONDITIONS."""
    return np.where(condition == Condition.UNKNOWN, 3, condition.astype(np.int64) + 1)


def _covered(cover: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Place in COVERED."""
    return np.where(cover == NO_COVER, len(COVERS), cover).astype(np.int64)
