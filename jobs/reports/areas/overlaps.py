"""Where areas overlap that must not: hectares that would be counted twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from detection.areas import SQUARE_METRES_A_HECTARE
from jobs.reports.areas.boundaries import Opened

EQUAL_AREA: Final = "+proj=cea +lat_ts=30 +lon_0={meridian} +ellps=WGS84 +units=m"
"""EPSG:6933, in which registers of restoration measure the areas of polygons (FERM), turned about the axis to the zone's
meridian: as large everywhere, and never cut at 180 degrees."""
LEAST_HA: Final = 0.0001
"""Hectares below which two areas count as touching: a square metre (chosen), what drawing the same line twice leaves."""
LOT: Final = 20_000
"""Polygons that are looked up at once: bounds the memory."""


@dataclass(frozen=True)
class Overlap:
    """Two areas, or an area and the outside of those in which it must lie."""

    layer: str
    """Of the one area."""
    id: str
    """Its id."""
    other_layer: str
    """Of the other area."""
    other_id: str
    """Its id; empty: the area lies outside of all areas of the other layer there."""
    hectares: float
    """That both of them claim, or that lie outside."""


def overlaps(layers: Sequence[Opened], crs: str) -> tuple[Overlap, ...]:
    """Areas of one layer that overlap, areas of layers that must lie apart and do not, areas that stick out of those in which
    they must lie. crs: of the shapes."""
    by_name = {one.asked.name: one for one in layers}
    found: list[Overlap] = []
    for layer in layers:
        found += _pairs(layer, layer, crs)
        for name in layer.asked.apart_from:
            if layer.asked.name < name or layer.asked.name not in by_name[name].asked.apart_from:
                found += _pairs(layer, by_name[name], crs)
        if layer.asked.inside is not None:
            found += _outside(layer, by_name[layer.asked.inside], crs)
    return tuple(found)


def _pairs(one: Opened, other: Opened, crs: str) -> Iterator[Overlap]:
    sums: dict[tuple[int, int], float] = {}
    for mine, theirs, common in _common(one, other, crs):
        a, b = one.owners[mine], other.owners[theirs]
        for first, second, area in zip(a.tolist(), b.tolist(), common.tolist(), strict=True):
            sums[first, second] = sums.get((first, second), 0.0) + area
    for (first, second), area in sorted(sums.items()):
        if area > LEAST_HA:
            yield Overlap(one.asked.name, one.ids[first], other.asked.name, other.ids[second], area)


def _common(
    one: Opened, other: Opened, crs: str
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """(polygon of one, polygon of the other, hectares of both), of one layer every pair of different areas once."""
    for begun in range(0, len(one.shapes), LOT):
        mine, theirs = other.tree.query(one.shapes[begun : begun + LOT], predicate="intersects")
        mine = mine + begun
        if one is other:
            keep = one.owners[mine] < one.owners[theirs]
            mine, theirs = mine[keep], theirs[keep]
        if len(mine):
            yield mine, theirs, measured(shapely.intersection(one.shapes[mine], other.shapes[theirs]), crs)


def _outside(inner: Opened, outer: Opened, crs: str) -> Iterator[Overlap]:
    """Hectares of every area that lie in no area of the outer layer."""
    left = measured(inner.shapes, crs)
    shapely.prepare(outer.shapes)
    for place, shape in enumerate(outer.shapes):
        near = inner.tree.query(shape)
        within = shapely.covers(shape, inner.shapes[near])
        left[near[within]] = 0.0
        edge = near[~within & (left[near] > 0)]
        cut = measured(shapely.intersection(inner.shapes[edge], outer.shapes[place]), crs)
        left[edge] -= cut
    sums = np.bincount(inner.owners, np.where(left > LEAST_HA, left, 0.0), len(inner.ids))
    for place in np.flatnonzero(sums > LEAST_HA).tolist():
        yield Overlap(inner.asked.name, inner.ids[place], outer.asked.name, "", float(sums[place]))


def measured(shapes: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """(shape,) equal-area hectares. crs: a UTM zone, EPSG:326xx or 327xx."""
    meridian = 6 * int(crs[-2:]) - 183
    move = Transformer.from_crs(crs, EQUAL_AREA.format(meridian=meridian), always_xy=True)
    flat = shapely.transform(shapes, lambda xy: np.column_stack(move.transform(xy[:, 0], xy[:, 1])))
    return np.asarray(shapely.area(flat) / SQUARE_METRES_A_HECTARE)
