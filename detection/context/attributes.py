"""Features of a vector layer near an area, with what the columns of its table say of them.

The files are opened and checked as those that are burned (`vectors.py`): shapely, json and SQLite alone, no GDAL driver.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, project, read_geometries
from detection.context.geopackage import check_columns, open_geopackage, sound
from detection.context.layers import GEOJSONS, Layer
from detection.context.rasters import Bounds, around
from detection.context.vectors import KINDS, MARGIN_CELLS, step_of
from detection.errors import BadInput
from detection.sources.pieces import one_line
from detection.types import Grid

MOST_VERTICES: Final = 5_000_000
"""Of all features near an area together; chosen by memory: they take 80 MB."""
MULTIPLE: Final = (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)
"""What makes one geometry of many, by their dimension."""

Row = tuple[int, BaseGeometry, tuple[Any, ...]]
"""Number of a feature, its geometry as it is stored, and what its columns say."""


@dataclass(frozen=True)
class Feature:
    """A feature of a layer, as far as it lies near an area."""

    number: int
    """Its row id (GeoPackage), or its place among the features that have a geometry, from 1 (GeoJSON)."""
    shape: BaseGeometry
    """In the area's CRS, valid, without heights; empty where repairing left nothing of it."""
    values: tuple[Any, ...]
    """What the columns say, in the order they were asked for; None where they say nothing."""
    repaired: bool
    """Whether the stored geometry was not valid."""


class Table(Protocol):
    """Geometries and columns of one layer."""

    @property
    def crs(self) -> str:
        """CRS of the geometries."""
        ...

    def rows(self, box: Bounds, columns: Sequence[str]) -> Iterator[Row]:
        """Those whose bounds touch (west, south, east, north), in a fixed order."""
        ...


@dataclass(frozen=True)
class GeoJsonTable:
    """The features of a GeoJSON file that have a geometry."""

    name: str
    """Of the file."""
    shapes: tuple[BaseGeometry, ...]
    """(feature,) in the order of the file."""
    properties: tuple[dict[str, Any], ...]
    """(feature,) what is said of them."""
    crs: str = LONLAT
    """RFC 7946 knows no other."""

    def rows(self, box: Bounds, columns: Sequence[str]) -> Iterator[Row]:
        """Those whose bounds touch the box. Raises BadInput for a column that no feature has."""
        check_columns(columns, list(dict.fromkeys(key for said in self.properties for key in said)), self.name)
        west, south, east, north = shapely.bounds(np.array(self.shapes, object)).T
        touch = (east >= box[0]) & (west <= box[2]) & (north >= box[1]) & (south <= box[3])
        for i in np.flatnonzero(touch).tolist():
            yield i + 1, self.shapes[i], tuple(self.properties[i].get(column) for column in columns)


def features_near(
    layer: Layer, columns: Sequence[str], kinds: Sequence[str], grid: Grid, within_m: float
) -> list[Feature]:
    """The features within so many metres of the grid's box, cut to it, in the grid's CRS and the order of the file.

    Edges are straight in the layer's own CRS. Raises BadInput as `open_features` does, for a column that is not there,
    a geometry that is not one of `kinds`, one that cannot be cut, and too many vertices; GridMismatch for a CRS that cannot
    be brought to the grid's.
    """
    table, name, vertices = _table(layer), layer.path.name, 0
    found: list[Feature] = []
    for box in around(grid, table.crs, name, within_m + MARGIN_CELLS * grid.resolution):
        for number, stored, values in table.rows(box, columns):
            if stored.geom_type not in kinds:
                raise BadInput(
                    f"{name}: feature {number} is a {stored.geom_type}; only {', '.join(kinds)} fit its kind"
                )
            shape = _cut(stored, box, table.crs, name)
            vertices += int(shapely.get_num_coordinates(shape))
            if vertices > MOST_VERTICES:
                raise BadInput(f"{name}: over {MOST_VERTICES:,} vertices near the area; simplify it")
            if not shape.is_empty or not stored.is_valid:
                found.append(Feature(number, shape, values, not stored.is_valid))
    return _joined(_moved(found, table.crs, grid.crs))


def of_dimension(shape: BaseGeometry, dimension: int) -> BaseGeometry:
    """The parts of a geometry that are points (0), lines (1) or polygons (2), as one; empty where there are none."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[(shapely.get_dimensions(parts) == dimension) & ~shapely.is_empty(parts)]
    return parts[0] if len(parts) == 1 else MULTIPLE[dimension](parts)


def _table(layer: Layer) -> Table:
    path = layer.path.absolute()
    return _geojson(path) if path.suffix.lower() in GEOJSONS else open_geopackage(path, layer.layer)


def _geojson(path: Path) -> GeoJsonTable:
    shapes = read_geometries(path, KINDS)  # whatever can be wrong with the file is told here
    if not shapes:
        raise BadInput(f"{path.name}: holds no geometry; export the layer again")
    read = json.loads(path.read_text(encoding="utf-8-sig"))
    features = read["features"] if read["type"] == "FeatureCollection" else [read]
    placed_ones = [one for one in features if isinstance(one, dict) and one.get("geometry")]
    said = [_said(one) for one in placed_ones] or [{}]  # a bare geometry has no properties
    return GeoJsonTable(path.name, tuple(shapes), tuple(said))


def _said(feature: dict[str, Any]) -> dict[str, Any]:
    """The properties, and the id that stands beside them (RFC 7946, section 3.2) where none is among them."""
    beside = {"id": feature["id"]} if "id" in feature else {}
    properties = feature.get("properties")
    return {**beside, **properties} if isinstance(properties, dict) else beside


def _cut(stored: BaseGeometry, box: Bounds, crs: str, name: str) -> BaseGeometry:
    """What lies in the box, repaired, with vertices so dense that projecting them moves no edge."""
    try:
        whole = sound(stored)
        west, south, east, north = whole.bounds  # not a number where repairing left nothing
        inside = west >= box[0] and south >= box[1] and east <= box[2] and north <= box[3]
        cut = whole if inside else shapely.intersection(whole, shapely.box(*box))
        return shapely.segmentize(of_dimension(cut, int(shapely.get_dimensions(stored))), step_of(crs))
    except shapely.errors.GEOSException as error:
        raise BadInput(f"{name}: a geometry cannot be cut ({one_line(error)}); repair it, or export it again") from None


def _moved(found: Sequence[Feature], crs: str, target: str) -> list[Feature]:
    """The same in another CRS, all at once: a transformation is slow to set up."""
    moved = project(np.array([one.shape for one in found], object), crs, target)
    return [replace(one, shape=sound(shape)) for one, shape in zip(found, moved, strict=True)]


def _joined(found: Sequence[Feature]) -> list[Feature]:
    """(feature,) by number. Over the antimeridian there are two boxes, and of one feature a piece in each."""
    by_number: dict[int, Feature] = {}
    for one in found:
        before = by_number.get(one.number)
        joined = one.shape if before is None else shapely.union(before.shape, one.shape)
        by_number[one.number] = replace(one, shape=joined)
    return [by_number[number] for number in sorted(by_number)]
