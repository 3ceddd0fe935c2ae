"""Registers of areas under restoration, checked as the systems check them that will receive them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, POLYGONS, project
from detection.context.attributes import of_dimension
from detection.context.geopackage import check_columns
from detection.errors import BadInput
from detection.sources.pieces import one_line
from jobs.reports.restoration.equalarea import Place, Shared, shared
from jobs.reports.restoration.layers import Layer, Row, read_layer
from jobs.reports.restoration.mapping import Columns, value_of
from jobs.reports.restoration.vocabulary import vocabularies

KINDS: Final = ("Point", "MultiPoint", "LineString", *POLYGONS)
"""Geometries that FERM takes, with heights or without (registry, bd2e7a3)."""
GEOMETRY: Final = "geometry"
"""Name of the column with the geometry in refusals."""
YEARS: Final = (1900, 2100)
"""Within which a restoration begins and ends (chosen): what lies outside is a slip of the pen."""


@dataclass(frozen=True)
class RestorationArea:
    """An area under restoration."""

    id: str
    """Within its register."""
    name: str
    """For people."""
    geometry: BaseGeometry
    """Longitude and latitude in degrees, valid, without heights: points, a line, or polygons."""
    year_start: int | None = None
    """Year in which the work began or begins."""
    year_end: int | None = None
    """Year in which it ended or ends."""
    restoration_type: int | None = None
    """Id of FERM's vocabulary."""
    status: int | None = None
    """Id of FERM's vocabulary."""
    tenure: int | None = None
    """Id of FERM's vocabulary."""
    ecosystems: tuple[str, ...] = ()
    """Codes of the IUCN Global Ecosystem Typology, biomes or functional groups, sorted."""
    activities: tuple[int, ...] = ()
    """Ids of FERM's vocabulary, sorted."""
    category: str = ""
    """As the register has it."""
    country: str = ""
    """ISO 3166-1 alpha-2."""
    department: str = ""
    """Administrative unit of the first level."""
    municipality: str = ""
    """Administrative unit of the last level."""
    site: str = ""
    """Nearest village."""
    area_committed: float | None = None
    """Hectares that were promised; None: not said."""


@dataclass(frozen=True)
class Repair:
    """An outline that was not valid and is mended."""

    row: int
    """Of the register."""
    id: str
    """Of the area."""
    reason: str
    """What was wrong, and where."""


@dataclass(frozen=True)
class Register:
    """Areas that came together."""

    name: str
    """Of the register."""
    areas: tuple[RestorationArea, ...]
    """Sorted by id."""
    repairs: tuple[Repair, ...] = ()
    """What was mended, by row."""
    absent: tuple[str, ...] = ()
    """Columns that the mapping names, that nothing needs, and that are not there."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where its areas lie."""
        return tuple(Place(self.name, one.id, one.geometry) for one in self.areas)

    @cached_property
    def overlaps(self) -> tuple[Shared, ...]:
        """Its areas that claim the same land, with hectares."""
        return shared(self.places, within=True)


class Refused(BadInput):
    """Rows of a register that a receiver would refuse: all of them, one line each."""

    def __init__(self, file: str, problems: Sequence[tuple[int, str, str]]) -> None:
        super().__init__(file, tuple(sorted(problems)))
        self.file = file
        self.problems: tuple[tuple[int, str, str], ...] = self.args[1]
        """(row, column, what was found and what is expected)."""

    def __str__(self) -> str:
        return "\n".join(f"{self.file}: row {row}, {column}: {text}" for row, column, text in self.problems)


def read_register(path: Path, columns: Columns, name: str) -> Register:
    """The areas of a file, sorted by id, whatever their order there.

    Raises BadInput as `read_layer`, for a column that is not there and a CRS that nobody knows; Refused for rows: a required
    value missing or not what its transform expects, an id twice, an id that the vocabulary does not have, years that run
    backwards, a geometry that is missing, of a kind that is not taken, not closed, not on the globe or without area.
    """
    wanted = tuple(dict.fromkeys(columns.direct.values()))
    layer = read_layer(path, wanted)
    if not layer.rows:
        raise BadInput(f"{path.name}: holds no area; export the register again")
    needed = [columns.direct[key] for key in columns.required_min if key not in columns.fallbacks]
    check_columns(needed, layer.columns, path.name)
    problems: list[tuple[int, str, str]] = []
    areas: dict[str, RestorationArea] = {}
    repairs: list[Repair] = []
    seen: set[str] = set()
    for row, moved in zip(layer.rows, _moved(layer, path.name), strict=True):
        said = _said(row, columns, problems)
        drawn, reason = _drawn(row, moved, problems)
        ident = said.get("id", "")
        if ident and ident in seen:
            problems.append(
                (row.number, columns.direct["id"], f"{ident!r} stands there twice; give each an id of its own")
            )
        elif ident and drawn is not None:
            areas[ident] = RestorationArea(**{"name": ident, **said, "geometry": drawn})
            repairs += [Repair(row.number, ident, reason)] if reason else []
        seen.add(ident)
    absent = tuple(one for one in wanted if one not in layer.columns)
    if problems:
        raise Refused(path.name, problems)
    return Register(name, tuple(areas[ident] for ident in sorted(areas)), tuple(repairs), absent)


def _moved(layer: Layer, name: str) -> list[BaseGeometry | None]:
    """(row,) in longitude and latitude, without heights."""
    there = [one.geometry for one in layer.rows if one.geometry is not None]
    try:
        flat = project(shapely.force_2d(np.array(there, object)), layer.crs, LONLAT)
    except (CRSError, ProjError) as error:
        raise BadInput(f"{name}: its CRS is not known ({one_line(error)}); export it in EPSG:4326") from None
    found = iter(flat.tolist())
    return [None if one.geometry is None else next(found) for one in layer.rows]


def _said(row: Row, columns: Columns, problems: list[tuple[int, str, str]]) -> dict[str, Any]:
    """Field -> value of a row; what is wrong with them is added to the problems."""
    made: dict[str, Any] = {}
    for key in dict.fromkeys((*columns.direct, *columns.fallbacks)):
        column = columns.direct.get(key, key)
        value = row.values.get(column)
        if (isinstance(value, str) and not value.strip()) or value != value:  # no text, not a number
            value = None
        value = columns.fallbacks.get(key) if value is None else value
        if value is None:
            if key in columns.required_min:
                problems.append((row.number, column, "is empty; every area needs it"))
            continue
        try:
            made[key] = value_of(columns, key, value)
        except BadInput as error:
            problems.append((row.number, column, str(error)))
    for key, text in _wrong(made):
        problems.append((row.number, columns.direct.get(key, key), text))
    return made


def _wrong(made: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)."""
    lists = vocabularies()
    for key, ids in (("restoration_type", lists.types), ("status", lists.statuses), ("tenure", lists.tenures)):
        if key in made and made[key] not in ids:
            said = ", ".join(f"{ident} {label}" for ident, label in ids.items())
            yield key, f"{made[key]!r} is not in the vocabulary: {said}"
    for one in made.get("activities", ()):
        if one not in lists.activities:
            yield "activities", f"{one!r} is not in the vocabulary: 1 to {max(lists.activities)}"
    for one in made.get("ecosystems", ()):
        if lists.biome(one) is None:
            yield "ecosystems", f"{one!r} is no code of the IUCN typology, e.g. T1 or TF1.1"
    for key in ("year_start", "year_end"):
        if key in made and not (isinstance(made[key], int) and YEARS[0] <= made[key] <= YEARS[1]):
            yield key, f"{made[key]!r}; expected a year from {YEARS[0]} to {YEARS[1]}"
            return
    if made.get("year_end", YEARS[1]) < made.get("year_start", YEARS[0]):
        yield "year_end", f"ends in {made['year_end']}, before it begins in {made['year_start']}"
    if made.get("area_committed", 0.0) < 0:
        yield "area_committed", f"{made['area_committed']} hectares; expected none or more"


def _drawn(
    row: Row, moved: BaseGeometry | None, problems: list[tuple[int, str, str]]
) -> tuple[BaseGeometry | None, str]:
    """(geometry, why it had to be mended); none where it is refused."""
    fault = row.fault or _fault(moved)
    if fault or moved is None:
        problems.append((row.number, GEOMETRY, fault))
        return None, ""
    if moved.is_valid:
        return moved, ""
    dimension = int(shapely.get_dimensions(moved))
    mended = of_dimension(shapely.make_valid(moved), dimension)  # by linework, as the registry's database does
    if mended.is_empty:
        problems.append((row.number, GEOMETRY, "has no area; draw it again"))
        return None, ""
    return mended, str(shapely.is_valid_reason(moved))


def _fault(moved: BaseGeometry | None) -> str:
    if moved is None or moved.is_empty:
        return "is empty; draw it, or take the row out"
    if moved.geom_type not in KINDS:
        return f"is a {moved.geom_type}; only {', '.join(KINDS)} are taken"
    reach = np.abs(shapely.get_coordinates(moved)).max(axis=0)
    if not (reach <= (180.0, 90.0)).all():  # not finite counts as outside
        return "lies outside longitude and latitude; is the CRS that of the file?"
    return ""
