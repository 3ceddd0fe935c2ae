"""Where a job looks, and how large things are: area masks and equal-area hectares."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Proj, Transformer
from rasterio.features import geometry_mask
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from detection.errors import BadInput
from detection.types import Grid, Mask

SQUARE_METRES_A_HECTARE = 10_000
UNUSABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    shapely.errors.GEOSException,
)
"""What shapely raises over coordinates of a wrong kind, depth or size."""
MAX_VERTICES = 1_000_000
FARTHEST_M = (1_000_000, 10_000_000)
"""How far from where the central meridian meets the equator an area can be meant: 9 degrees (chosen), any latitude."""


def cell_hectares(grid: Grid, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float64]:
    """Equal-area hectares of cells given by absolute lattice rows and columns.

    A UTM cell is not a true-area cell: its nominal area is divided by the areal scale of the projection at its centre
    (Snyder 1987, USGS PP 1395, section 8; computed by PROJ).
    """
    east, north = (columns + 0.5) * grid.resolution, -(rows + 0.5) * grid.resolution
    lon, lat = _to_lonlat(grid.crs).transform(east, north)
    scale = _projection(grid.crs).get_factors(np.atleast_1d(lon), np.atleast_1d(lat)).areal_scale
    return grid.resolution**2 / np.asarray(scale, np.float64) / SQUARE_METRES_A_HECTARE


@lru_cache(maxsize=16)
def _to_lonlat(crs: str) -> Transformer:
    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


@lru_cache(maxsize=16)
def _projection(crs: str) -> Proj:
    return Proj(crs)


def inside(area: BaseGeometry | None, grid: Grid) -> Mask:
    """(y, x) True where the cell's centre lies in the area (in the grid's CRS); None is everywhere."""
    if area is None:
        return np.ones(grid.shape, np.bool_)
    return geometry_mask([area], grid.shape, grid.transform, invert=True)  # type: ignore[no-any-return]


def read_area(path: Path, crs: str) -> BaseGeometry:
    """The union of the polygons of a GeoJSON file (RFC 7946: longitude, latitude) in another CRS.

    Raises BadInput: not JSON, no polygon, empty, not finite, not valid, latitude and longitude exchanged, far outside
    the zone of `crs`, too many vertices.
    Read with json and shapely alone: GDAL's drivers can be made to open other files.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path.name}: cannot be read ({error.strerror}); give a GeoJSON file") from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BadInput(f"{path.name}: not GeoJSON; export the area as GeoJSON in longitude and latitude") from None
    polygons = [_polygon(part, path.name) for part in _geometries(found, path.name)]
    if not polygons:
        raise BadInput(f"{path.name}: holds no polygon; draw the area as a Polygon or MultiPolygon")
    area = project(shapely.union_all(polygons), "EPSG:4326", crs)
    middle = (500_000, 10_000_000 if crs.startswith("EPSG:327") else 0)
    reach = np.abs(np.array(area.bounds) - np.array(middle * 2))
    if not (reach <= np.array(FARTHEST_M * 2)).all():  # not finite counts as far
        raise BadInput(f"{path.name}: far outside the zone of {crs}; name its own, or exchange longitude and latitude")
    return area


def project(area: BaseGeometry, crs: str, target: str) -> BaseGeometry:
    """The area in another CRS."""
    transformer = Transformer.from_crs(crs, target, always_xy=True)
    return shapely.transform(area, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def _geometries(found: Any, name: str) -> list[Any]:
    if not isinstance(found, dict):
        raise BadInput(f"{name}: not a GeoJSON object; export the area as GeoJSON")
    if found.get("type") == "FeatureCollection":
        features = found.get("features")
        listed = features if isinstance(features, list) else []
        return [g for f in listed if isinstance(f, dict) and (g := f.get("geometry"))]
    if found.get("type") == "Feature":
        return [found["geometry"]] if found.get("geometry") else []
    return [found] if found.get("type") in ("Polygon", "MultiPolygon") else []


def _polygon(part: Any, name: str) -> BaseGeometry:
    kind = part.get("type") if isinstance(part, dict) else part
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(part, dict):
        raise BadInput(f"{name}: holds a {kind}; only Polygon and MultiPolygon make an area")
    try:
        polygon = shape(part)
    except UNUSABLE:
        raise BadInput(f"{name}: a polygon has no usable coordinates; export it again") from None
    xy = shapely.get_coordinates(polygon)
    if len(xy) == 0 or not np.isfinite(xy).all():
        raise BadInput(f"{name}: a polygon is empty or has a coordinate that is not a number; draw it again")
    if len(xy) > MAX_VERTICES:
        raise BadInput(f"{name}: {len(xy)} vertices; simplify the polygon below {MAX_VERTICES}")
    if np.abs(xy[:, 1]).max() > 90 and np.abs(xy[:, 0]).max() <= 90:
        raise BadInput(f"{name}: latitude {xy[0, 1]:.3f} is beyond 90; latitude and longitude seem exchanged")
    if np.abs(xy).max() > 180:
        raise BadInput(f"{name}: coordinate {np.abs(xy).max():.0f} is not in degrees; export it in EPSG:4326")
    if not polygon.is_valid:
        raise BadInput(f"{name}: a polygon is not valid ({shapely.is_valid_reason(polygon)}); repair it")
    return polygon
