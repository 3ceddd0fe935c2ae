"""One remote raster, checked and read onto a lattice that nests in the job's grid."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from detection.errors import BadInput
from detection.sources.catalogues import Band
from detection.sources.extents import TOLERANCE_M, Extent, overlap, utm_of
from detection.sources.resample import Patch, Places, nesting, outside, placed, warped
from detection.sources.resample import Window as Part
from detection.types import RESOLUTIONS, Grid

Bounds = tuple[float, float, float, float]

MAX_PIXELS: Final = 1_000_000_000
"""A file that claims more cells is refused before anything is read; a radar scene at 10 m has 600 million."""
MAX_BLOCK: Final = 100_000_000
"""Cells of one block, likewise."""
SLACK_DEG: Final = 0.5
"""A raster's centre may lie so far outside the footprint the catalogue states; rasters are larger than footprints."""


@dataclass(frozen=True)
class Wanted:
    """What is expected of a file, and where."""

    grid: Grid
    """The job's grid."""
    band: Band
    """Type and nodata."""
    bounds: Bounds | None
    """(west, south, east, north) of the scene by the catalogue's account, degrees."""


def patch_of(source: DatasetReader, wanted: Wanted) -> Patch:
    """The file's cells on the lattice that nests in the grid.

    Raises BadInput (or its leaf GridMismatch) for a file that is not what the catalogue says, and rasterio's errors.
    """
    extent = _extent(source, wanted)
    lattice = nesting(wanted.grid, extent.resolution)
    if extent.crs[-2:] != wanted.grid.crs[-2:]:
        return _from_other_zone(source, extent, lattice, wanted.band)
    part = overlap(extent, lattice)
    if not part:
        return outside(lattice, wanted.band.dtype)
    return placed(lattice, part, _read(source, Window.from_slices(*part.source)), wanted.band.nodata)


def degrees(grid: Grid) -> Bounds:
    """(west, south, east, north) of the smallest box in degrees around a grid."""
    return tuple(transform_bounds(grid.crs, "EPSG:4326", *grid.bounds, densify_pts=21))


def apart(one: Bounds, other: Bounds, slack: float = 0.0) -> bool:
    """Do two boxes in degrees share nothing? One that crosses the antimeridian (west > east) is apart from none."""
    if one[0] > one[2] or other[0] > other[2]:
        return False
    return (
        one[2] + slack < other[0] or other[2] + slack < one[0] or one[3] + slack < other[1] or other[3] + slack < one[1]
    )


def _extent(source: DatasetReader, wanted: Wanted) -> Extent:
    if source.width * source.height > MAX_PIXELS or max(r * c for r, c in source.block_shapes) > MAX_BLOCK:
        raise BadInput(f"claims {source.width} x {source.height} cells, over {MAX_PIXELS:,}")
    if source.dtypes[0] != wanted.band.dtype:
        raise BadInput(f"holds {source.dtypes[0]} numbers, {wanted.band.dtype} expected")
    code = _code(source.crs.to_wkt() if source.crs else "")
    transform = source.transform
    resolution = round(transform.a)
    drift = max(abs(transform.a - resolution) * source.width, abs(-transform.e - resolution) * source.height)
    if transform.b or transform.d or resolution not in RESOLUTIONS or drift > TOLERANCE_M:
        raise BadInput(f"cells of {transform.a:g} x {-transform.e:g} m or rotated; 10, 20 or 30 m north-up expected")
    extent = Extent("the file", code, transform.c, transform.f, resolution, (source.height, source.width))
    if wanted.bounds is not None:
        middle = _middle(extent)
        if apart((*middle, *middle), wanted.bounds, SLACK_DEG):
            raise BadInput(f"lies around {middle[0]:.2f}, {middle[1]:.2f}, not where the catalogue says (wrong CRS?)")
    return extent


@lru_cache(maxsize=256)
def _code(wkt: str) -> str:
    return utm_of(CRS.from_wkt(wkt) if wkt else None, None, "the file")


@lru_cache(maxsize=4096)
def _middle(extent: Extent) -> tuple[float, float]:
    """(longitude, latitude) of a raster's centre."""
    rows, columns = extent.shape
    east = extent.west + columns * extent.resolution / 2
    north = extent.north - rows * extent.resolution / 2
    longitude, latitude = Transformer.from_crs(extent.crs, "EPSG:4326", always_xy=True).transform(east, north)
    return float(longitude), float(latitude)


def _from_other_zone(source: DatasetReader, extent: Extent, lattice: Grid, band: Band) -> Patch:
    east, north = _centres(lattice, extent.crs)
    places = Places((extent.north - north) / extent.resolution - 0.5, (east - extent.west) / extent.resolution - 0.5)
    rows, columns = _span(places.rows, extent.shape[0]), _span(places.columns, extent.shape[1])
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return outside(lattice, band.dtype)
    values = _read(source, Window.from_slices(rows, columns))
    window = Part(values, (rows.start, columns.start), extent.shape)
    return warped(lattice, window, band.nodata, places, classes=band.classes)


@lru_cache(maxsize=4)
def _centres(grid: Grid, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(easting, northing) of every cell centre of a grid, said in another CRS; kept for the other bands and dates."""
    rows, columns = grid.shape
    east = grid.west + grid.resolution * (np.arange(columns) + 0.5)
    north = grid.north - grid.resolution * (np.arange(rows) + 0.5)
    found = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(*np.meshgrid(east, north))
    return np.asarray(found[0], np.float64), np.asarray(found[1], np.float64)


def _span(positions: NDArray[np.float64], size: int) -> slice:
    """The cells of one axis that the positions need, neighbours included, as far as there are any."""
    first, last = int(np.floor(positions.min())) - 1, int(np.ceil(positions.max())) + 2
    return slice(max(first, 0), min(last, size))


def _read(source: DatasetReader, window: Window) -> NDArray[Any]:
    return source.read(1, window=window)  # type: ignore[no-any-return]
