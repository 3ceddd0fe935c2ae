"""Areas under restoration that lie in a territory: what is registered, how much land that is, and how it does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from pathlib import Path
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from detection.context.attributes import of_dimension
from jobs.reports.restoration.archive import open_archive
from jobs.reports.restoration.asked import RecoveryAsked, RegisterFile
from jobs.reports.restoration.equalarea import Place, hectares, shared
from jobs.reports.restoration.land import PREPARING, Land, columns_of
from jobs.reports.restoration.outcome import outcomes
from jobs.reports.restoration.register import Register, RestorationArea, read_register
from jobs.reports.territory.outline import Territory

NOT_MEASURED: Final = "not_measured"
"""Course of an area that has no cell, or was not seen (`restoration.courses.AreaCourse`)."""
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
    begun: bool = True
    """False: the register says that it is still in preparation."""
    course: str = ""
    """What the whole of it does, by satellites: a name of `AreaCourse` in small letters; empty: nobody asked."""


@dataclass(frozen=True)
class Restoration:
    """All of them."""

    files: tuple[Path, ...]
    """Registers and mappings that were read."""
    areas: tuple[Restored, ...]
    """By register and id."""
    union_ha: float
    """Land where restoration has begun: what several areas claim counts once."""
    shared_ha: float
    """Land that more than one of these areas claims."""
    archive: tuple[Path, ...] = ()
    """Maps by which it was measured how they do."""
    simulated: bool = False
    """Do these maps say that they are simulated?"""

    @property
    def begun(self) -> tuple[Restored, ...]:
        """Areas where restoration has begun."""
        return tuple(one for one in self.areas if one.begun)

    @property
    def claimed_ha(self) -> float:
        """What these add up to."""
        return fsum(one.hectares for one in self.begun)

    @property
    def unmeasured(self) -> int:
        """Areas drawn as points or lines, which have no hectares."""
        return sum(one.hectares == 0 for one in self.areas)


def read_restoration(
    asked: Sequence[RegisterFile], recovery: RecoveryAsked | None, territory: Territory
) -> Restoration:
    """The areas of all registers that lie in the territory; raises BadInput and Refused as `read_register`, and as `outcomes`."""
    files = [path for one in asked for path in (one.path, one.columns) if path is not None]
    there = sorted(
        (pair for one in asked for pair in _there(one, territory)), key=lambda pair: (pair[1].register, pair[1].id)
    )
    areas = tuple(part for _, part in there)
    begun = [one for one in areas if one.begun]
    places = [Place(one.register, one.id, one.shape) for one in begun]
    doubled = [pair.polygon for within in (True, False) for pair in shared(places, within=within)]
    made = Restoration(tuple(files), areas, hectares([one.shape for one in begun]), hectares(doubled))
    return made if recovery is None else _measured(made, [area for area, _ in there], recovery)


def _there(asked: RegisterFile, territory: Territory) -> Iterator[tuple[RestorationArea, Restored]]:
    """Areas of a register that lie in the territory, whole and as far as they do."""
    for area in read_register(asked.path, columns_of(asked), asked.name).areas:
        if area.geometry.intersects(territory.shape) and (part := _within(asked.name, area, territory)) is not None:
            yield area, part


def _measured(made: Restoration, whole: Sequence[RestorationArea], asked: RecoveryAsked) -> Restoration:
    """With the course of every area where restoration has begun; whole: the areas as registered, also beyond the territory."""
    archive = open_archive(asked.history)
    begun = [(one, area) for one, area in zip(made.areas, whole, strict=True) if one.begun]
    names = dict.fromkeys(one.register for one, _ in begun)
    registers = tuple(Register(name, tuple(area for one, area in begun if one.register == name)) for name in names)
    year = max((area.year_start for area in whole if area.year_start is not None), default=max(archive.years))
    land = Land(registers, year, (), ())
    found = outcomes(asked, archive, land)
    courses = {
        (land.areas[place][0], land.areas[place][1].id): one.course.name.lower() for place, one in found.each.items()
    }
    areas = tuple(replace(one, course=_course(one, courses)) for one in made.areas)
    paths = (*archive.paths, *([asked.frozen] if asked.frozen else []))
    return replace(made, areas=areas, archive=paths, simulated=archive.plane.simulated)


def _course(one: Restored, courses: Mapping[tuple[str, str], str]) -> str:
    return courses.get((one.register, one.id), NOT_MEASURED) if one.begun else ""


def _within(register: str, area: RestorationArea, territory: Territory) -> Restored | None:
    """Nothing for an area that only touches the territory."""
    dimension = int(shapely.get_dimensions(area.geometry))
    part = of_dimension(shapely.intersection(area.geometry, territory.shape), dimension)
    size = hectares([part])
    if dimension == 2 and size <= LEAST_HA:
        return None
    years = area.year_start, area.year_end
    whole = hectares([area.geometry])
    return Restored(register, area.id, area.name, years, size, whole, part, area.status != PREPARING)
