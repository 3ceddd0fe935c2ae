"""How large areas under restoration are, by the rule of FAO's registry: what lies in two of them counts once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, SQUARE_METRES_A_HECTARE, project
from detection.context.attributes import of_dimension
from jobs.reports.areas.overlaps import LEAST_HA

EQUAL_AREA: Final = "EPSG:6933"
"""In which the registry measures: ST_Area(ST_Union(ST_MakeValid(ST_Transform(geom, 6933)))) (FERM registry, bd2e7a3)."""


@dataclass(frozen=True)
class Place:
    """An area by its register and id, with where it lies."""

    register: str
    """Name of the register."""
    id: str
    """Of the area within it."""
    geometry: BaseGeometry
    """Longitude and latitude in degrees, without heights."""


@dataclass(frozen=True)
class Shared:
    """Two areas that claim the same land."""

    register: str
    """Of the one area."""
    id: str
    """Its id."""
    other_register: str
    """Of the other area."""
    other_id: str
    """Its id."""
    hectares: float
    """That both claim."""
    polygon: MultiPolygon
    """Where, longitude and latitude in degrees."""


def hectares(shapes: Sequence[BaseGeometry]) -> float:
    """Equal-area hectares of the union of shapes in longitude and latitude; points and lines have none.

    Only vertices are projected, and an invalid outline is mended by its linework, as the registry's database does both.
    """
    return float(shapely.union_all(_flat(shapes)).area) / SQUARE_METRES_A_HECTARE


def shared(places: Sequence[Place], *, within: bool) -> tuple[Shared, ...]:
    """Pairs that overlap by more than a square metre, sorted: of one register (`within`), or of different ones."""
    ordered = sorted(places, key=lambda one: (one.register, one.id))
    flat = _flat([one.geometry for one in ordered])
    return tuple(_pairs(ordered, flat, within))


def _pairs(places: Sequence[Place], flat: NDArray[np.object_], within: bool) -> Iterator[Shared]:
    first, second = shapely.STRtree(flat).query(flat, predicate="intersects")
    for a, b in sorted((a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True) if a < b):
        one, other = places[a], places[b]
        if (one.register == other.register) is not within:
            continue
        common = of_dimension(shapely.intersection(flat[a], flat[b]), 2)
        size = float(common.area) / SQUARE_METRES_A_HECTARE
        if size > LEAST_HA:
            drawn = MultiPolygon(shapely.get_parts(project(common, EQUAL_AREA, LONLAT)).tolist())
            yield Shared(one.register, one.id, other.register, other.id, size, drawn)


def _flat(shapes: Sequence[BaseGeometry]) -> NDArray[np.object_]:
    """(shape,) polygons in EPSG:6933, valid, without heights; empty for points and lines."""
    moved = [project(shapely.force_2d(one), LONLAT, EQUAL_AREA) for one in shapes]
    return np.array([of_dimension(shapely.make_valid(one), 2) for one in moved] or [MultiPolygon()], object)
