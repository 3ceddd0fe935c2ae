"""How large areas under restoration are, by the rule of FAO's registry: what lies in two of them counts once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, SQUARE_METRES_A_HECTARE, project
from detection.context.attributes import of_dimension
from jobs.reports.areas.overlaps import LEAST_HA

EQUAL_AREA: Final = "EPSG:6933"
"""In which the registry measures: ST_Area(ST_Union(ST_MakeValid(ST_Transform(geom, 6933)))) (FERM registry, bd2e7a3)."""
LOT: Final = 20_000
"""Pairs that are cut at once: bounds the memory."""
Shapes = NDArray[np.object_]


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


def sizes(shapes: Sequence[BaseGeometry]) -> NDArray[np.float64]:
    """(shape,) equal-area hectares of each in longitude and latitude; points and lines have none.

    Only vertices are projected, and an invalid outline is mended by its linework, as the registry's database does both.
    """
    return np.asarray(shapely.area(_flat(shapes)), np.float64) / SQUARE_METRES_A_HECTARE


def hectares(shapes: Sequence[BaseGeometry]) -> float:
    """Equal-area hectares of the union of shapes, measured as `sizes`."""
    return Measured(shapes).union()


class Measured:
    """Many shapes, projected once, of which unions are asked: those that touch no other are added up, not united."""

    def __init__(self, shapes: Sequence[BaseGeometry]) -> None:
        self.flat = _flat(shapes)
        """(shape,) in EPSG:6933."""
        self.hectares = np.asarray(shapely.area(self.flat), np.float64) / SQUARE_METRES_A_HECTARE
        """(shape,) of each alone."""
        one, other = shapely.STRtree(self.flat).query(self.flat, predicate="intersects")
        links = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(self.flat),) * 2)
        self.heap = connected_components(links, directed=False)[1]
        """(shape,) number of the heap of shapes that touch one another, directly or not."""

    def union(self, of: Sequence[int] | NDArray[np.int64] | None = None) -> float:
        """Hectares of the union of all, or of those at these places."""
        places = np.arange(len(self.flat)) if of is None else np.asarray(of, np.int64)
        if not len(places):
            return 0.0
        _, place, many = np.unique(self.heap[places], return_inverse=True, return_counts=True)
        alone = many[place] == 1
        parts = self.hectares[places[alone]].tolist()
        order = np.argsort(place[~alone], kind="stable")
        crowded = np.split(places[~alone][order], np.cumsum(many[many > 1])[:-1]) if not alone.all() else []
        parts += [float(shapely.union_all(self.flat[mine]).area) / SQUARE_METRES_A_HECTARE for mine in crowded]
        return fsum(parts)


def shared(places: Sequence[Place], *, within: bool) -> tuple[Shared, ...]:
    """Pairs that overlap by more than a square metre, sorted: of one register (`within`), or of different ones."""
    ordered = sorted(places, key=lambda one: (one.register, one.id))
    flat = _flat([one.geometry for one in ordered])
    return tuple(_pairs(ordered, flat, within))


def _pairs(places: Sequence[Place], flat: Shapes, within: bool) -> Iterator[Shared]:
    first, second = shapely.STRtree(flat).query(flat, predicate="intersects")
    number = {name: n for n, name in enumerate({one.register for one in places})}
    register = np.array([number[one.register] for one in places], np.int64)
    wanted = (first < second) & ((register[first] == register[second]) == within)
    first, second = first[wanted], second[wanted]
    order = np.lexsort((second, first))
    for begun in range(0, len(order), LOT):
        lot = order[begun : begun + LOT]
        a, b = first[lot], second[lot]
        common = _polygons(shapely.intersection(flat[a], flat[b]))
        size = shapely.area(common) / SQUARE_METRES_A_HECTARE
        there = size > LEAST_HA
        drawn = project(common[there], EQUAL_AREA, LONLAT) if there.any() else ()
        for i, j, ha, shape in zip(a[there], b[there], size[there].tolist(), drawn, strict=True):
            one, other = places[i], places[j]
            polygon = shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])
            yield Shared(one.register, one.id, other.register, other.id, ha, polygon)


def _flat(shapes: Sequence[BaseGeometry]) -> Shapes:
    """(shape,) polygons in EPSG:6933, valid, without heights; empty for points and lines."""
    given = np.empty(len(shapes), object)
    given[:] = list(shapes)
    moved = np.atleast_1d(project(shapely.force_2d(given), LONLAT, EQUAL_AREA))
    broken = ~shapely.is_valid(moved)
    moved[broken] = shapely.make_valid(moved[broken])
    return _polygons(moved)


def _polygons(shapes: Shapes) -> Shapes:
    """(shape,) what of each is polygons, in place."""
    odd = ~np.isin(shapely.get_type_id(shapes), (3, 6))
    shapes[odd] = [of_dimension(one, 2) for one in shapes[odd]]
    return shapes
