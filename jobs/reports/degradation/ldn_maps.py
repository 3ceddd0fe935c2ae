"""The maps that land degradation is counted on: land cover as classes, land without inland water, and what is read beside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.areas import inside, read_area
from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas.maps import NOTHING
from jobs.reports.degradation.bests import Means
from jobs.reports.degradation.degradation import NO_COVER, Cover
from jobs.reports.degradation.ldn_asked import COVERS, LandDegradation, Period, of_year
from jobs.reports.rasters import Plane, open_codes, open_numbers, open_yearly


@dataclass(frozen=True)
class Maps:
    """What is read."""

    cover: Mapping[int, Plane]
    """Year -> land cover; the first is the grid of all."""
    soil: Mapping[int, Plane]
    """Year -> soil organic carbon."""
    means: Means
    """Productivity and ecological units."""
    water: Plane | None
    """Mask of inland water."""
    area: BaseGeometry | None
    """In the CRS of the grid."""
    asked: LandDegradation
    """Whose codes and years they are."""

    @property
    def grid(self) -> Grid:
        """The cells that are counted."""
        return next(iter(self.cover.values())).grid

    @property
    def planes(self) -> tuple[Plane, ...]:
        """All of them."""
        water = () if self.water is None else (self.water,)
        return (*self.cover.values(), *self.soil.values(), self.means.yearly, self.means.units, *water)

    def ends(self, years: Mapping[int, Plane], period: Period, what: str) -> tuple[int, int]:
        """Years of the maps nearest to the ends of a period."""
        first, last = (of_year(years, year, self.asked.nearest, what) for year in (period.first, period.last))
        if first == last:
            raise BadInput(
                f"{what}: {period.first} to {period.last} has the map of {first} at both ends; give one for each"
            )
        return first, last


def open_maps(asked: LandDegradation) -> Maps:
    """The maps of a report. Raises BadInput and GridMismatch, naming the file that does not fit."""
    years = sorted(asked.cover, key=lambda one: one.year)
    first = open_codes(years[0].path, years[0].band)
    cover = {years[0].year: first} | {one.year: open_codes(one.path, one.band, first) for one in years[1:]}
    soil = {one.year: open_numbers(one.path, one.band, first) for one in sorted(asked.soil, key=lambda one: one.year)}
    yearly, places = open_yearly(asked.productivity, first)
    means = Means(yearly, places, open_codes(asked.units, 1, first), asked.change, asked.grain)
    water = None if asked.water is None else open_codes(asked.water, 1, first)
    area = None if asked.area is None else read_area(asked.area, first.grid.crs)
    return Maps(cover, soil, means, water, area, asked)


def land(maps: Maps, ends: Sequence[tuple[int, int]]) -> Callable[[Grid], list[NDArray[np.bool_]]]:
    """part -> where land lies at the end of each period."""

    def where(part: Grid) -> list[NDArray[np.bool_]]:
        covers = {year: classes(maps, year, part) for year in maps.cover}
        counted = there(maps, covers, part)
        return [counted & ~wet(maps, covers[last], part) for _, last in ends]

    return where


def classes(maps: Maps, year: int, part: Grid) -> NDArray[np.uint8]:
    """(y, x) `Cover` of a year, NO_COVER where it is not known; raises BadInput for a code that is in no class."""
    codes, asked = maps.cover[year].codes(part), maps.asked
    owner = {code: COVERS.index(name) for name, some in asked.classes.items() for code in some}
    owner |= dict.fromkeys((*asked.no_class, NOTHING), NO_COVER)
    known = np.array(sorted(owner))
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    if (strange := known[place] != codes).any():
        raise BadInput(
            f"{maps.cover[year].name}: holds the code {codes[strange].min()}; name it in `classes` or in `no_class`"
        )
    return np.asarray(np.array([owner[code] for code in known.tolist()], np.uint8)[place])


def wet(maps: Maps, cover: NDArray[np.uint8], part: Grid) -> NDArray[np.bool_]:
    """(y, x) inland water: by the mask, else by the land cover."""
    if maps.water is None:
        return np.asarray(cover == Cover.WATER)
    codes = maps.water.codes(part)
    return np.asarray((codes != 0) & (codes != NOTHING))


def there(maps: Maps, covers: Mapping[int, NDArray[np.uint8]], part: Grid) -> NDArray[np.bool_]:
    """(y, x) what is counted at all: the area, or wherever a map of land cover says something."""
    if maps.area is not None:
        return inside(maps.area, part)
    return np.asarray(np.logical_or.reduce([maps.cover[year].codes(part) != NOTHING for year in covers]))
