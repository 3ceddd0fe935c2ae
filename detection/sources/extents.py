"""Where the cells of a local file lie, and how they fall onto a job's grid without a warp."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from detection.errors import BadInput, GridMismatch
from detection.types import RESOLUTIONS, Grid

FALSE_NORTHING_M = 10_000_000
"""Northings of EPSG:327xx are those of EPSG:326xx plus this (UTM, southern hemisphere): the same projection."""
TOLERANCE_M = 0.01
"""Corners that differ by less are the same corner; chosen: far below a cell, far above float64 noise in metres."""
MAX_PIXELS = 200_000_000
"""A file that claims more cells per band is refused before anything is read; a Landsat scene has 60 million."""


@dataclass(frozen=True)
class Extent:
    """Lattice and reach of one file: north-up, square cells, in a UTM zone."""

    name: str
    """File name, for messages."""
    crs: str
    """EPSG:326xx or EPSG:327xx, as the file says."""
    west: float
    """Easting of the upper-left corner, metres."""
    north: float
    """Northing of the upper-left corner, metres; negative in the north zone south of the equator (Landsat)."""
    resolution: int
    """Cell size, metres."""
    shape: tuple[int, int]
    """(rows, columns)."""

    def corner(self, crs: str) -> tuple[float, float]:
        """(west, north) said in a CRS of the same zone; raises GridMismatch in another zone."""
        if crs[-2:] != self.crs[-2:]:
            raise GridMismatch(
                f"{self.name}: lies in {self.crs}, {crs} was asked for; warp it first (gdalwarp -t_srs {crs})"
            )
        return self.west, self.north + (is_south(crs) - is_south(self.crs)) * FALSE_NORTHING_M


@dataclass(frozen=True)
class Overlap:
    """The cells that a file and a grid share; all slices are empty where they share none."""

    source: tuple[slice, slice]
    """Rows and columns of the file."""
    target: tuple[slice, slice]
    """The same cells in the grid."""

    def __bool__(self) -> bool:
        return all(s.stop > s.start for s in self.target)


def is_south(crs: str) -> bool:
    """Whether a UTM code is one of the southern hemisphere."""
    return crs.startswith("EPSG:327")


def utm_of(found: CRS | None, stated: str | None, name: str) -> str:
    """The UTM code of a file: its own CRS, or the parameter `crs` where it has none.

    Raises BadInput for none, for a geographic or another projected CRS, and where file and parameter disagree.
    """
    if stated is not None and not is_utm(stated):
        raise BadInput(f"sources.crs: {stated!r} is not a UTM zone; give EPSG:326xx (north) or EPSG:327xx (south)")
    if not found:
        if stated is None:
            raise BadInput(f"{name}: has no CRS; say it with `crs: EPSG:327xx` if you know it")
        return stated
    code = _epsg(found)
    if not is_utm(code):
        kind = "geographic, in degrees" if found.is_geographic else "not a WGS 84 UTM zone"
        raise BadInput(f"{name}: CRS {code} is {kind}; warp it first (gdalwarp -t_srs EPSG:327xx -tr 30 30 -tap)")
    if stated is not None and stated != code:
        raise GridMismatch(f"{name}: CRS is {code}, the parameter `crs` says {stated}; drop the parameter or the file")
    return code


def is_utm(code: str) -> bool:
    """Whether a code names a WGS 84 UTM zone, 1 to 60."""
    found = re.fullmatch(r"EPSG:32[67](\d\d)", code)
    return found is not None and 1 <= int(found.group(1)) <= 60


def extent_of(name: str, crs: str, transform: Affine, shape: tuple[int, int]) -> Extent:
    """The extent behind a header.

    Raises BadInput when the raster is rotated, south-up, not of square cells of 10, 20 or 30 m, or is too large.
    """
    if shape[0] * shape[1] > MAX_PIXELS:
        raise BadInput(f"{name}: claims {shape[1]} x {shape[0]} cells, over {MAX_PIXELS:,}; cut it into smaller files")
    if abs(transform.b) > 1e-9 or abs(transform.d) > 1e-9 or transform.a <= 0 or transform.e >= 0:
        raise BadInput(f"{name}: rotated or not north-up (transform {tuple(transform)[:6]}); warp it first (gdalwarp)")
    resolution = round(transform.a)
    # Over the whole width the steps must not add up to a shift of more than the tolerance.
    drift = max(abs(transform.a - resolution) * shape[1], abs(-transform.e - resolution) * shape[0])
    if resolution not in RESOLUTIONS or drift > TOLERANCE_M:
        raise GridMismatch(
            f"{name}: cells of {transform.a:g} x {-transform.e:g} m; {', '.join(map(str, RESOLUTIONS))} m are read "
            "(gdalwarp -tr 30 30 -tap)"
        )
    return Extent(name, crs, transform.c, transform.f, resolution, shape)


def check_alike(first: Extent, other: Extent) -> None:
    """Raises GridMismatch unless the two share zone, resolution and lattice: whole-cell shifts are fine."""
    if other.resolution != first.resolution:
        raise GridMismatch(
            f"{other.name}: {other.resolution} m cells, {first.name} has {first.resolution} m; "
            "keep one resolution per source"
        )
    if other.crs[-2:] != first.crs[-2:]:
        raise GridMismatch(
            f"{other.name}: CRS {other.crs}, {first.name} has {first.crs}; warp it (gdalwarp -t_srs {first.crs}) "
            "or make it a source of its own"
        )
    west, north = other.corner(first.crs)
    off = (_fraction(west - first.west, first.resolution), _fraction(north - first.north, first.resolution))
    if max(map(abs, off)) > TOLERANCE_M:
        raise GridMismatch(
            f"{other.name}: shifted by ({off[0]:g}, {off[1]:g}) m, a part of a cell, against {first.name}; "
            "put both on one lattice (gdalwarp -tap)"
        )


def covering(extents: Iterable[Extent]) -> Grid:
    """The grid around all of them, in their zone; in EPSG:327xx where their middle lies south of the equator.

    Raises GridMismatch where they do not lie on one lattice.
    """
    every = list(extents)
    first = every[0]
    for other in every[1:]:
        check_alike(first, other)
    corners = [e.corner(first.crs) for e in every]
    west, north = min(c[0] for c in corners), max(c[1] for c in corners)
    east = max(c[0] + e.shape[1] * e.resolution for c, e in zip(corners, every, strict=True))
    south = min(c[1] - e.shape[0] * e.resolution for c, e in zip(corners, every, strict=True))
    if not is_south(first.crs) and north + south < 0:
        lift = FALSE_NORTHING_M
        crs = f"EPSG:327{first.crs[-2:]}"
        return Grid.covering(crs, (west, south + lift, east, north + lift), first.resolution)
    return Grid.covering(first.crs, (west, south, east, north), first.resolution)


def overlap(extent: Extent, grid: Grid) -> Overlap:
    """The cells both have, each of the grid with the nearest of the file; GridMismatch off its zone or resolution."""
    row, column = _first_cell(extent, grid)
    rows = _shared(row, grid.shape[0], extent.shape[0])
    columns = _shared(column, grid.shape[1], extent.shape[1])
    source = (slice(rows.start + row, rows.stop + row), slice(columns.start + column, columns.stop + column))
    return Overlap(source, (rows, columns))


def shift(extent: Extent, grid: Grid) -> tuple[float, float]:
    """(east, north) metres by which the file's cells lie off the grid's cells they fill; each in -half..half a cell.

    A shift of exactly half a cell (Landsat's corners at 15 m on a 30 m lattice) takes the cell to the south-east.
    """
    row, column = _first_cell(extent, grid)
    west, north = extent.corner(grid.crs)
    return west + column * grid.resolution - grid.west, north - row * grid.resolution - grid.north


def _first_cell(extent: Extent, grid: Grid) -> tuple[int, int]:
    """(row, column) of the file that fills the grid's upper-left cell; may lie outside the file."""
    if extent.resolution != grid.resolution:
        raise GridMismatch(
            f"{extent.name}: {extent.resolution} m cells, the grid has {grid.resolution} m; ask for a "
            f"{extent.resolution} m grid or resample the files first"
        )
    west, north = extent.corner(grid.crs)
    return _nearest(north - grid.north, grid.resolution), _nearest(grid.west - west, grid.resolution)


def _nearest(metres: float, resolution: int) -> int:
    # floor(x + 1/2), not round(): halves must fall to the same side for every window of one lattice.
    return math.floor(round(metres / resolution, 6) + 0.5)


def _fraction(metres: float, resolution: int) -> float:
    return metres - _nearest(metres, resolution) * resolution


def _shared(first: int, wanted: int, there: int) -> slice:
    start = min(max(0, -first), wanted)
    return slice(start, max(start, min(wanted, there - first)))


def _epsg(crs: CRS) -> str:
    try:
        code = crs.to_epsg()
    except CRSError:
        code = None
    return f"EPSG:{code}" if code else "of no EPSG code"
