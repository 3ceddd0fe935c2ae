"""Areas under restoration that lie in a territory: what is registered, and how much land that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from detection.context.attributes import of_dimension
from jobs.reports.restoration.equalarea import Place, hectares, shared
from jobs.reports.restoration.mapping import read_mapping, shipped
from jobs.reports.restoration.register import RestorationArea, read_register
from jobs.reports.territory.asked import Register
from jobs.reports.territory.outline import Territory

LEAST_HA: Final = 1e-4
"""A square metre: what overlaps by less does not (as `areas.overlaps`)."""


@dataclass(frozen=True)
class Restored:
    """A registered area, as far as it lies in the territory."""

    register: str
    """Name of its register."""
    id: str
    """Within it."""
    name: str
    """For people."""
    years: tuple[int | None, int | None]
    """In which the work began and ended; None: not said."""
    hectares: float
    """In the territory; 0 for an area that is drawn as a point or a line."""
    whole_ha: float
    """All of it."""
    shape: BaseGeometry
    """What lies in the territory, longitude and latitude in degrees."""


@dataclass(frozen=True)
class Restoration:
    """All of them."""

    files: tuple[Path, ...]
    """Registers and mappings that were read."""
    areas: tuple[Restored, ...]
    """By register and id."""
    union_ha: float
    """Land under restoration: what several areas claim counts once."""
    shared_ha: float
    """Land that more than one area claims."""

    @property
    def claimed_ha(self) -> float:
        """What the areas add up to."""
        return fsum(one.hectares for one in self.areas)

    @property
    def unmeasured(self) -> int:
        """Areas drawn as points or lines, which have no hectares."""
        return sum(one.hectares == 0 for one in self.areas)


def read_restoration(asked: Sequence[Register], territory: Territory) -> Restoration:
    """The areas of all registers that lie in the territory; raises BadInput and Refused as `read_register`."""
    files, made = [], []
    for one in asked:
        columns = shipped(one.country) if one.mapping is None else read_mapping(one.mapping)
        files += [one.path, *([] if one.mapping is None else [one.mapping])]
        register = read_register(one.path, columns, one.name)
        made += [_within(one.name, area, territory) for area in register.areas if _meets(area, territory)]
    areas = tuple(sorted((one for one in made if one is not None), key=lambda one: (one.register, one.id)))
    shapes = [one.shape for one in areas]
    places = [Place(one.register, one.id, one.shape) for one in areas]
    doubled = [pair.polygon for within in (True, False) for pair in shared(places, within=within)]
    return Restoration(tuple(files), areas, hectares(shapes), hectares(doubled))


def _meets(area: RestorationArea, territory: Territory) -> bool:
    return bool(area.geometry.intersects(territory.shape))


def _within(register: str, area: RestorationArea, territory: Territory) -> Restored | None:
    """Nothing for an area that only touches the territory."""
    dimension = int(shapely.get_dimensions(area.geometry))
    part = of_dimension(shapely.intersection(area.geometry, territory.shape), dimension)
    size = hectares([part])
    if dimension == 2 and size <= LEAST_HA:
        return None
    years = area.year_start, area.year_end
    return Restored(register, area.id, area.name, years, size, hectares([area.geometry]), part)
