"""Where alerts lie in the world people know: their outline, a point inside, what they touch, what is near, which way to look.

Everything is worked out in the metres of the alerts' own lattice; hectares are those of `detection.areas`, as the alerts have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, get_args

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from shapely import MultiPolygon

from detection.alerts import Alert
from detection.areas import LONLAT, cell_hectares
from detection.errors import BadInput, GridMismatch
from detection.types import RESOLUTIONS, Grid, Mask
from jobs.notify.notice import Direction, Nearby, Overlap, Place, Relation
from jobs.outputs.vectors import Place as Point
from jobs.outputs.vectors import outlines, pointed, to_lonlat
from jobs.overlays import NAMED, NAMED_REACH_M, Opened, Overlay, Overlays

MOST_NEAR: Final = 3
"""Features of a layer that are told as near."""
MOST_NAMED: Final = len(NAMED)
"""Named places that are told: each kind has a seat. Not more than MOST_NEAR."""
SLIVER: Final = 1e-6
"""Less of an alert than this share is none of it, inside or outside; chosen: 0.03 m2 of an alert of 3 ha."""
FIRST_REACH_M: Final = 2_000.0
"""Where named places are looked for first; twice as far where there are too few, and so on (chosen: speed alone)."""
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
"""Clockwise from north, 45 degrees each."""
ELLIPSOID: Final = Geod(ellps="WGS84")


@dataclass(frozen=True)
class _Spots:
    """Many alerts at once, all arrays (alert, ...)."""

    grid: Grid
    """Of their lattice; where it begins means nothing."""
    metres: NDArray[Any]
    """Outlines in its CRS."""
    hectares: NDArray[np.float64]
    """As the alerts say."""
    measured: NDArray[np.float64]
    """The same as measured on the outline: what shares are taken of."""
    points: NDArray[np.float64]
    """(alert, 2) easting and northing of a point inside."""
    lonlat: NDArray[np.float64]
    """(alert, 2) the same in degrees."""


def place_of(alert: Alert, overlays: Overlays, resolution: int) -> Place:
    """Where an alert lies; raises as `places_of` does."""
    return places_of([alert], overlays, resolution)[0]


def places_of(alerts: Sequence[Alert], overlays: Overlays, resolution: int) -> list[Place]:
    """(alert,) where each lies. The others asked with it, their order and that of the layers change nothing.

    resolution: cell size in metres of the lattice that the alerts lie on. Raises GridMismatch for an alert on another
    lattice than that of the overlays and this resolution, BadInput for one without cells.
    """
    if not alerts:
        return []
    grid = Grid(overlays.crs, 0, 0, resolution, (1, 1))
    for alert in alerts:
        _check(alert, grid)
    metres = outlines([alert.cells for alert in alerts], grid.lattice)
    degrees = [to_lonlat(one, overlays.crs) for one in metres]
    drawn = zip(alerts, metres, degrees, strict=True)
    found = (pointed(alert.cells, grid.lattice, outer, shown) for alert, outer, shown in drawn)
    points = [one for one in found if one is not None]  # all: none is without cells
    spots = _spots(alerts, metres, points, grid)
    overlaps: list[list[Overlap]] = [[] for _ in alerts]
    for layer in overlays.layers:
        for i, overlap in _overlaps(layer, spots):
            overlaps[i].append(overlap)
    nearby = _nearby(overlays.layers, spots)
    places: list[Place] = []
    for i, one in enumerate(points):
        utm = f"{one.zone} {one.easting:.0f} {one.northing:.0f}"
        touched = tuple(sorted(overlaps[i], key=_order))
        places.append(Place(degrees[i], one.lon, one.lat, utm, touched, nearby[i]))
    return places


def named_near(
    points: NDArray[np.float64], lonlat: NDArray[np.float64], overlays: Overlays
) -> list[tuple[Nearby, ...]]:
    """(point,) named places, as `places_of` has them; points: (point, 2) metres of the overlays' CRS, lonlat: in degrees."""
    if not len(points):
        return []
    none, lattice = np.zeros(0), Grid(overlays.crs, 0, 0, min(RESOLUTIONS), (1, 1))
    return _nearby(overlays.layers, _Spots(lattice, none, none, none, points, lonlat))


def unrestricted(place: Place, overlays: Sequence[Overlay]) -> Place:
    """The place without what it touches in restricted layers; these give no named places anyway."""
    hidden = {overlay.name for overlay in overlays if overlay.restricted}
    return replace(place, overlaps=tuple(one for one in place.overlaps if one.layer not in hidden))


def direction(azimuth: float) -> Direction:
    """One of eight directions for degrees clockwise from north, any turn."""
    return DIRECTIONS[int((azimuth % 360 + 22.5) // 45) % 8]


def _check(alert: Alert, grid: Grid) -> None:
    if alert.lattice != grid.lattice:
        said = f"alert {alert.short_code}: lattice {alert.lattice} is not {grid.lattice} of the overlays"
        raise GridMismatch(f"{said}; open them for the grid of the job that made it")
    if not len(alert.cells):
        raise BadInput(
            f"alert {alert.short_code}: has no cells, so it lies nowhere; ask for its last revision that has"
        )


def _spots(alerts: Sequence[Alert], metres: list[MultiPolygon], points: Sequence[Point], grid: Grid) -> _Spots:
    outlines = np.array(metres, object)
    hectares = np.array([alert.area_ha for alert in alerts], np.float64)
    there = np.array([one.on_lattice for one in points], np.float64)
    lonlat = np.array([(one.lon, one.lat) for one in points], np.float64)
    return _Spots(grid, outlines, hectares, _hectares(outlines, grid), there, lonlat)


@lru_cache(maxsize=8)
def _transformer(crs: str, target: str) -> Transformer:
    return Transformer.from_crs(crs, target, always_xy=True)


def _hectares(shapes: NDArray[Any], grid: Grid) -> NDArray[np.float64]:
    """(shape,) equal-area hectares: cells, and parts of them, of the size they have at the centroid.

    Over an alert 20 km wide the areal scale is linear to within one part in a million.
    """
    area, centre = shapely.area(shapes), shapely.centroid(shapes)
    hectares, some = np.zeros(len(shapes)), area > 0
    if not some.any():
        return hectares
    rows: NDArray[Any] = -shapely.get_y(centre[some]) / grid.resolution - 0.5
    columns: NDArray[Any] = shapely.get_x(centre[some]) / grid.resolution - 0.5
    hectares[some] = area[some] / grid.resolution**2 * cell_hectares(grid, rows, columns)
    return hectares


def _overlaps(layer: Opened, spots: _Spots) -> Iterator[tuple[int, Overlap]]:
    """(alert, overlap) of all that is touched, and of the nearest of what is near."""
    which, piece = layer.tree.query(spots.metres, predicate="dwithin", distance=layer.about.near_m)
    order = np.lexsort((piece, layer.owners[piece], which))
    which, piece = which[order], piece[order]
    owner, pieces = layer.owners[piece], layer.tree.geometries[piece]
    starts = np.flatnonzero((np.diff(which, prepend=-1) != 0) | (np.diff(owner, prepend=-1) != 0))
    if not len(starts):
        return
    distance = np.minimum.reduceat(shapely.distance(spots.metres[which], pieces), starts)
    share = np.minimum(np.add.reduceat(_shares(which, pieces, spots), starts), 1.0)
    which, owner = which[starts], owner[starts]
    touched = (share > SLIVER) | ((distance == 0) & (shapely.get_dimensions(pieces)[starts] < 2))
    for k in np.flatnonzero(touched | _nearest(which, distance, owner, ~touched)).tolist():
        part = float(share[k]) if touched[k] else 0.0
        relation: Relation = "within" if part >= 1 - SLIVER else "intersects" if touched[k] else "near"
        i, about, known = int(which[k]), layer.about, layer.features[owner[k]]
        names = about.name, about.version, about.kind, known.ident, known.name, known.category
        yield i, Overlap(*names, relation, part * float(spots.hectares[i]), part, float(distance[k]))


def _nearest(which: NDArray[np.intp], distance: NDArray[np.float64], owner: NDArray[np.intp], asked: Mask) -> Mask:
    """(pair,) whether it is among the MOST_NEAR of its alert that are asked about; equally near ones by their names."""
    chosen = np.zeros(len(which), np.bool_)
    some = np.flatnonzero(asked)
    some = some[np.lexsort((owner[some], np.round(distance[some], 2), which[some]))]
    rank = np.arange(len(some)) - np.searchsorted(which[some], which[some])
    chosen[some[rank < MOST_NEAR]] = True
    return chosen


def _shares(which: NDArray[np.intp], pieces: NDArray[Any], spots: _Spots) -> NDArray[np.float64]:
    """(pair,) share of the alert's hectares that lies in the piece; 0 for points and lines."""
    outlines = spots.metres[which]
    areal = shapely.get_dimensions(pieces) == 2
    share = np.where(areal & shapely.covers(pieces, outlines), 1.0, 0.0)
    part = np.flatnonzero(areal & (share == 0) & shapely.intersects(pieces, outlines))
    inside = shapely.intersection(outlines[part], pieces[part])
    share[part] = _hectares(inside, spots.grid) / spots.measured[which[part]]
    return share


def _order(one: Overlap) -> tuple[Any, ...]:
    """What is touched before what is near; in what is the same but for rounding, the names decide."""
    return (
        one.relation == "near",
        -round(one.share, 6),
        round(one.distance_m, 2),
        one.layer,
        one.feature,
        one.category,
        one.name,
    )


def _nearby(layers: Sequence[Opened], spots: _Spots) -> list[tuple[Nearby, ...]]:
    """(alert,) named places: the nearest of each kind, then the nearest of the rest, told by distance."""
    found: list[dict[str, Nearby]] = [{} for _ in spots.points]
    for layer in layers:
        if layer.about.kind in NAMED and not layer.about.restricted:
            for i, one in _named(layer, spots):
                found[i][one.name] = min(one, found[i].get(one.name, one), key=_farther)
    return [_seated(list(some.values())) for some in found]


def _seated(found: list[Nearby]) -> tuple[Nearby, ...]:
    ordered = sorted(found, key=_farther)
    first = {place.kind: place for place in reversed(ordered)}
    rest = [place for place in ordered if first[place.kind] is not place]
    chosen = [*first.values(), *rest][:MOST_NAMED]
    return tuple(sorted(chosen, key=lambda one: (one.distance_m, one.name)))


def _farther(one: Nearby) -> tuple[Any, ...]:
    return one.distance_m, one.kind, one.name, one.direction


def _named(layer: Opened, spots: _Spots) -> Iterator[tuple[int, Nearby]]:
    """(alert, place): the nearest of a layer, each name once; what a point lies on is no way to find it."""
    which, piece, code, distance = _candidates(layer, spots)
    order = np.lexsort((piece, distance, code, which))
    once = order[(np.diff(which[order], prepend=-1) != 0) | (np.diff(code[order], prepend=-1) != 0)]
    chosen = once[_nearest(which[once], distance[once], code[once], np.ones(len(once), np.bool_))]
    points = shapely.points(spots.points[which[chosen]])
    feet = shapely.get_point(shapely.shortest_line(points, layer.tree.geometries[piece[chosen]]), 1)
    lon, lat = _transformer(spots.grid.crs, LONLAT).transform(shapely.get_x(feet), shapely.get_y(feet))
    azimuth, _, metres = ELLIPSOID.inv(lon, lat, *spots.lonlat[which[chosen]].T)
    for i, one, turn, away in zip(which[chosen], layer.owners[piece[chosen]], azimuth, metres, strict=True):
        yield int(i), Nearby(layer.features[one].name, float(away), direction(float(turn)), layer.about.kind)


def _candidates(
    layer: Opened, spots: _Spots
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[Any]]:
    """(pair,) alert, piece, number of its name and distance from the alert's point.

    All pieces are there as far as the third name, or as far as places may be.
    """
    labels = {name: i for i, name in enumerate(sorted({known.name for known in layer.features}))}
    codes = np.array([labels[known.name] for known in layer.features], np.intp)
    waiting, reach, found = np.arange(len(spots.points)), FIRST_REACH_M, []
    while len(waiting):
        points = shapely.points(spots.points[waiting])
        at, piece = layer.tree.query(points, predicate="dwithin", distance=min(reach, NAMED_REACH_M))
        named = codes[layer.owners[piece]] != labels.get("", -1)
        at, piece = at[named], piece[named]
        distance = shapely.distance(points[at], layer.tree.geometries[piece])
        at, piece, distance = at[distance > 0], piece[distance > 0], distance[distance > 0]
        code = codes[layer.owners[piece]]
        names = np.bincount(np.unique(at * len(codes) + code) // max(len(codes), 1), minlength=len(waiting))
        done = (names >= MOST_NAMED) | (reach >= NAMED_REACH_M)
        found.append((waiting[at[done[at]]], piece[done[at]], code[done[at]], distance[done[at]]))
        waiting, reach = waiting[~done], reach * 2
    whiches, pieces, numbers, distances = map(np.concatenate, zip(*found, strict=True))
    return whiches, pieces, numbers, distances
