"""Vectors burned onto a grid, in fixed blocks of the absolute lattice: the answer cannot depend on how the grid was cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import shapely
from pyproj import CRS
from rasterio.features import geometry_mask
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, MAX_VERTICES, project, read_geometries
from detection.context.geopackage import open_geopackage, sound
from detection.context.layers import GEOJSONS, Layer
from detection.context.rasters import Bounds, around
from detection.errors import BadInput
from detection.types import Grid, Mask

BLOCK: Final = 256
"""Cells along a side of the blocks that are burned one by one."""
MARGIN_CELLS: Final = 8
"""Rim around a block within which geometries are kept before they are cut; chosen: far above what a bend of the map moves."""
STEP_DEGREES: Final = 0.01
"""Longest edge before it is projected, so that it stays straight where it was drawn: bends by less than 0.01 m (chosen)."""
STEP_METRES: Final = 1_000.0
"""The same for projected layers."""
KINDS: Final = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


class Features(Protocol):
    """Geometries of one layer."""

    @property
    def crs(self) -> str:
        """Their CRS."""
        ...

    @property
    def bounds(self) -> Bounds | None:
        """(west, south, east, north) of all of them; None where the file does not say."""
        ...

    def within(self, box: Bounds) -> Iterator[BaseGeometry]:
        """Those whose bounds touch (west, south, east, north), in a fixed order."""
        ...


@dataclass(frozen=True)
class GeoJson:
    """The geometries of a GeoJSON file, in memory."""

    tree: shapely.STRtree
    """All of them, by place."""
    bounds: Bounds
    """(west, south, east, north) of all of them, degrees."""
    crs: str = LONLAT
    """RFC 7946 knows no other."""

    def within(self, box: Bounds) -> Iterator[BaseGeometry]:
        """Those whose bounds touch the box, in the order of the file."""
        yield from self.tree.geometries[np.sort(self.tree.query(shapely.box(*box)))]


def open_features(layer: Layer) -> Features:
    """The geometries of a vector layer; raises BadInput as `read_geometries` and `open_geopackage` do."""
    path = layer.path.absolute()
    if path.suffix.lower() not in GEOJSONS:
        return open_geopackage(path, layer.layer)
    found = path.stat()
    return _geojson(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _geojson(path: Path, _changed: int, _size: int) -> GeoJson:
    """Kept, because every tile of a worker asks for it; a file that was written since is read again."""
    shapes = read_geometries(path, KINDS)
    if not shapes:
        raise BadInput(f"{path.name}: holds no geometry; export the layer again")
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return GeoJson(shapely.STRtree([sound(s) for s in shapes]), (west, south, east, north))


def burn(features: Features, layer: Layer, grid: Grid) -> Mask:
    """(y, x) True where the centre of a cell lies inside a geometry, or within `within_m` of one.

    Edges are straight in the layer's own CRS; a polygon that is not valid is repaired (`sound`).
    Raises BadInput for lines and points without `within_m`, and for too many vertices at one place.
    """
    inside = np.zeros(grid.shape, np.bool_)
    for block in _blocks(grid):
        row, column = grid.offset(block)
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + BLOCK, grid.shape[0]), min(column + BLOCK, grid.shape[1])
        burned = _burned(features, layer, block)
        inside[top:bottom, left:right] = burned[top - row : bottom - row, left - column : right - column]
    return inside


def _blocks(grid: Grid) -> Iterator[Grid]:
    """The blocks of the absolute lattice that hold a cell of the grid."""
    rows, columns = grid.first_row % BLOCK, grid.first_column % BLOCK
    for row in range(-rows, grid.shape[0], BLOCK):
        for column in range(-columns, grid.shape[1], BLOCK):
            yield grid.window(row, column, BLOCK, BLOCK)


def _burned(features: Features, layer: Layer, block: Grid) -> Mask:
    shapes: list[BaseGeometry] = []
    vertices = 0
    for box in around(block, features.crs, layer.path.name, layer.within_m + MARGIN_CELLS * block.resolution):
        for found in features.within(box):
            check_kind(found, layer)
            cut = shapely.clip_by_rect(shapely.force_2d(found), *box)
            vertices += int(shapely.get_num_coordinates(cut))
            if vertices > MAX_VERTICES:
                raise BadInput(f"{layer.path.name}: over {MAX_VERTICES} vertices at one place; simplify it")
            if not cut.is_empty:
                shapes.append(_placed(cut, features.crs, block.crs, layer.within_m))
    shapes = [s for s in shapes if not s.is_empty]
    if not shapes:
        return np.zeros(block.shape, np.bool_)
    return geometry_mask(shapes, block.shape, block.transform, invert=True)  # type: ignore[no-any-return]


def check_kind(found: BaseGeometry, layer: Layer) -> None:
    """Raises BadInput for a line or a point that no cell centre can lie inside of."""
    if layer.within_m == 0 and found.geom_type not in ("Polygon", "MultiPolygon"):
        raise BadInput(f"{layer.path.name}: holds a {found.geom_type}; say with `within_m` how near counts as inside")


def _placed(found: BaseGeometry, crs: str, target: str, within_m: float) -> BaseGeometry:
    # Cutting may leave a polygon that touches itself, and buffers want none.
    moved = project(shapely.segmentize(sound(found), step_of(crs)), crs, target)
    return moved.buffer(within_m) if within_m else moved


@lru_cache(maxsize=32)
def step_of(crs: str) -> float:
    """Longest edge, in the units of a CRS, that stays straight where it was drawn when its ends are projected."""
    return STEP_DEGREES if CRS.from_user_input(crs).is_geographic else STEP_METRES
