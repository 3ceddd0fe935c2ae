"""Where a job looks, and how large things are: area masks and equal-area hectares."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

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
LONLAT: Final = "EPSG:4326"
POLYGONS: Final = ("Polygon", "MultiPolygon")
GEOMETRIES: Final = ("Point", "MultiPoint", "LineString", "MultiLineString", *POLYGONS, "GeometryCollection")
"""The geometry types of GeoJSON (RFC 7946, section 1.4)."""
TELLING: Final = ("type", "features", "geometry", "geometries", "coordinates", "crs")
"""The keys of GeoJSON that decide where things lie; `properties` may hold what it likes."""
WGS84: Final = frozenset(
    ("EPSG:4326", "URN:OGC:DEF:CRS:EPSG::4326", "URN:OGC:DEF:CRS:OGC:1.3:CRS84", "URN:OGC:DEF:CRS:OGC::CRS84")
)
"""Names under which programs write longitude and latitude into a `crs` member, in capitals."""
MAX_VERTICES = 500_000
"""Of all geometries of a file together. Chosen by time (measured, one core): an outline of this size is read in 2 s, one of
50,000 polygons in 10 s, the spikiest that was tried in 18 s; at twice the size that one took 65 s."""
MAX_BYTES = 64_000_000
"""Of a GeoJSON file. Chosen by memory (measured): 500,000 vertices take 21 to 26 million bytes and, read, up to 0.5 GB."""
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

    Holes are kept; an area over the antimeridian is read when it is split there (RFC 7946, 3.1.9).
    Raises BadInput: whatever `read_geometries` refuses, no polygon, not valid, over the antimeridian in one piece, far
    outside the zone of `crs`.
    """
    name = path.name
    polygons = read_geometries(path, POLYGONS)
    if not polygons:
        raise BadInput(f"{name}: holds no polygon; draw the area as a Polygon or MultiPolygon")
    for polygon in polygons:
        _check_polygon(polygon, name)
    area = project(shapely.union_all(polygons), LONLAT, crs)
    middle = (500_000, 10_000_000 if crs.startswith("EPSG:327") else 0)
    reach = np.abs(np.array(area.bounds) - np.array(middle * 2))
    if not (reach <= np.array(FARTHEST_M * 2)).all():  # not finite counts as far
        raise BadInput(f"{name}: far outside the zone of {crs}; name its own, or exchange longitude and latitude")
    return area


def read_geometries(path: Path, kinds: Sequence[str]) -> list[BaseGeometry]:
    """The geometries of a GeoJSON file, in its order, longitude and latitude in degrees; they need not be valid.

    Read with json and shapely alone: GDAL's drivers can be made to open other files.
    Raises BadInput: not a regular file, too large, not JSON, a key twice, a CRS other than WGS 84, a geometry that is
    not one of `kinds`, empty, not finite, latitude and longitude exchanged, not in degrees, too many vertices.
    """
    shapes: list[BaseGeometry] = []
    vertices = 0
    for part in _geometries(_parsed(path), path.name):
        shapes.append(_shape(part, path.name, kinds))
        vertices += int(shapely.get_num_coordinates(shapes[-1]))
        if vertices > MAX_VERTICES:
            raise BadInput(f"{path.name}: {vertices} vertices; simplify it below {MAX_VERTICES}")
    return shapes


def project(area: BaseGeometry, crs: str, target: str) -> BaseGeometry:
    """The area in another CRS."""
    transformer = Transformer.from_crs(crs, target, always_xy=True)
    return shapely.transform(area, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def _parsed(path: Path) -> Any:
    name = path.name
    try:
        _check_file(path)
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=partial(_once, name=name))
    except BadInput:  # ours already, and a ValueError like those of json
        raise
    except OSError as error:
        raise BadInput(f"{name}: cannot be read ({error.strerror}); give a GeoJSON file") from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BadInput(f"{name}: not GeoJSON; export it as GeoJSON in longitude and latitude") from None


def _check_file(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would keep us waiting for ever
        raise BadInput(f"{path.name}: is not a regular file; give a GeoJSON file")
    if path.is_file() and (size := path.stat().st_size) > MAX_BYTES:
        raise BadInput(f"{path.name}: {size:,} bytes, over {MAX_BYTES:,}; simplify it, or cut it into several files")


def _once(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    """An object whose telling keys are said once: of two geometries json would keep the last and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = [key for key in TELLING if keys.count(key) > 1]
        if twice:
            raise BadInput(f"{name}: an object has the key {twice[0]!r} twice; keep one of them")
    return found


def _geometries(found: Any, name: str) -> Iterator[Any]:
    if not isinstance(found, dict):
        raise BadInput(f"{name}: not a GeoJSON object; export it as GeoJSON")
    _check_crs(found, name)
    if found.get("type") == "FeatureCollection":
        features = found.get("features")
        for feature in features if isinstance(features, list) else []:
            if isinstance(feature, dict) and feature.get("geometry"):
                _check_crs(feature, name)
                yield feature["geometry"]
    elif found.get("type") == "Feature":
        if found.get("geometry"):
            yield found["geometry"]
    elif found.get("type") in GEOMETRIES:
        yield found


def _check_crs(found: dict[str, Any], name: str) -> None:
    """The `crs` member of the older GeoJSON (2008) may only say what RFC 7946 fixes anyway."""
    crs = found.get("crs")
    if crs is None:
        return
    named = crs.get("properties") if isinstance(crs, dict) else None
    said = named.get("name") if isinstance(named, dict) else crs
    if not (isinstance(said, str) and said.upper() in WGS84):
        raise BadInput(f"{name}: its CRS is {_plain(said)}, not WGS 84; export it in longitude and latitude, EPSG:4326")


def _shape(part: Any, name: str, kinds: Sequence[str]) -> BaseGeometry:
    kind = part.get("type") if isinstance(part, dict) else part
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in kinds:
        raise BadInput(f"{name}: holds a {_plain(kind)}; only {', '.join(kinds)} can be used here")
    _check_crs(part, name)
    try:
        found = shape(part)
    except UNUSABLE:
        raise BadInput(f"{name}: a {kind} has no usable coordinates; export it again") from None
    xy = shapely.get_coordinates(found)
    if len(xy) == 0 or not np.isfinite(xy).all():
        raise BadInput(f"{name}: a {kind} is empty or has a coordinate that is not a number; draw it again")
    _check_degrees(xy, name)
    return found


def _check_degrees(xy: NDArray[np.float64], name: str) -> None:
    lon, lat = np.abs(xy).max(axis=0)
    if 90 < lat <= 180 and lon <= 90:
        wrong = xy[np.abs(xy[:, 1]).argmax(), 1]
        raise BadInput(f"{name}: latitude {wrong:.3f} is beyond 90; latitude and longitude seem exchanged")
    if 180 < lon <= 360 and lat <= 90:
        wrong = xy[np.abs(xy[:, 0]).argmax(), 0]
        raise BadInput(
            f"{name}: longitude {wrong:.3f} is beyond 180; write it as -180 to 180, split at the antimeridian"
        )
    if lon > 180 or lat > 90:
        raise BadInput(f"{name}: coordinate {max(lon, lat):.0f} is not in degrees; export it in EPSG:4326")


def _check_polygon(polygon: BaseGeometry, name: str) -> None:
    west, _, east, _ = shapely.bounds(shapely.get_parts(polygon)).T
    if (widest := (east - west).max()) > 180:
        raise BadInput(
            f"{name}: a polygon is {widest:.0f} degrees wide; if it crosses the antimeridian, split it there"
        )
    if not polygon.is_valid:
        raise BadInput(f"{name}: a polygon is not valid ({shapely.is_valid_reason(polygon)}); repair it")


def _plain(said: Any) -> str:
    """Whatever a file says, in a few printable characters of one line."""
    return ascii(said if isinstance(said, str) else str(said))[1:-1][:60]
