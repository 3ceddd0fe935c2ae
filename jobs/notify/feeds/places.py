"""The polygons of an alert as plain numbers, and the coarse place that the public is told instead."""

from typing import Final

import shapely
from shapely import MultiPolygon, Polygon

from detection.errors import BadInput
from jobs.notify.notice import Place

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude of each corner, degrees; the first comes again at the end."""
DECIMALS: Final = 6
"""0.1 m at the equator; RFC 7946 section 11.2 advises no more."""
MICRO: Final = 10**DECIMALS
BOX_DEGREES: Final = 0.05
"""Side of the coarse box, some 5.5 km (chosen): no more than which part of a river or a road it may be."""
BOX: Final = round(BOX_DEGREES * MICRO)


def coarse(place: Place) -> Place:
    """The one box of a fixed grid that holds the alert's point, and nothing else: no names, no UTM, the box's own centre.

    The grid starts at 0 degrees, 0 degrees, so that all alerts of a place, and all revisions of an alert, tell the same
    box. It is the box of the point and not of the outline: an outline across an edge of the grid would be known to lie on
    that edge. Should the point of a growing alert cross an edge, the later box is another one.
    """
    west, south = _edge(place.lon, 180), _edge(place.lat, 90)
    box = shapely.box(west / MICRO, south / MICRO, (west + BOX) / MICRO, (south + BOX) / MICRO)
    return Place(box, lon=(west + BOX / 2) / MICRO, lat=(south + BOX / 2) / MICRO, utm="")


def _edge(degrees: float, limit: int) -> int:
    """The lower edge of the box, in millionths of a degree: whole numbers, so that an edge is in one box only."""
    return min(round(degrees * MICRO) // BOX * BOX, limit * MICRO - BOX)


def polygons(place: Place) -> list[tuple[Ring, ...]]:
    """Each part as its exterior and then its holes; closed rings of at least four positions, six decimals.

    Raises BadInput for a geometry that is empty or holds no polygons.
    """
    geometry = place.geometry
    if not isinstance(geometry, Polygon | MultiPolygon) or geometry.is_empty:
        found = "nothing" if geometry.is_empty else f"a {geometry.geom_type}"
        raise BadInput(f"place {place.lat:.5f}, {place.lon:.5f}: its geometry is {found}; give polygons")
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]
    return [tuple(_ring(ring.coords) for ring in (part.exterior, *part.interiors)) for part in parts]


def _ring(positions: "shapely.coords.CoordinateSequence") -> Ring:
    return tuple((round(float(at[0]), DECIMALS), round(float(at[1]), DECIMALS)) for at in positions)
