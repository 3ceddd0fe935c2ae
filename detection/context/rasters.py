"""Numbers of a GeoTIFF of any CRS at the centres of a grid's cells; only the window around them is read.

Every cell is computed from its own centre alone, on the absolute lattice, with the exact transformation (GDAL's warper
interpolates it along the rows it is given): the answer cannot depend on how the grid was cut.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from rasterio.transform import array_bounds

from detection.errors import BadInput, GridMismatch
from detection.sources.extents import MAX_PIXELS, Overlap
from detection.sources.pieces import Unreadable, one_line
from detection.sources.rasters import MAGIC, READ_ERRORS, opened, read_bands
from detection.types import Float, Grid, Mask

MAX_CLAIM: Final = 10_000_000_000
"""A raster that claims more cells is refused. Chosen: a granule of Global Forest Change has 1.6e9, and only windows are read."""
PART: Final = 512
"""Cells along a side of what is sampled at once: bounds the memory, not the answer."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Raster:
    """One band of a GeoTIFF whose header was checked."""

    path: Path
    """The file, absolute."""
    band: int
    """From 1."""
    crs: str
    """As WKT."""
    transform: Affine
    """(column, row) -> (x, y)."""
    shape: tuple[int, int]
    """(rows, columns)."""
    dtype: str
    """Stored type."""
    nodata: float | None
    """Number that means "nothing known"."""
    scale: float
    """Units per stored number."""
    offset: float
    """Value of the stored number zero."""

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) in its own CRS, also where it lies turned or south-up."""
        west, south, east, north = array_bounds(*self.shape, self.transform)
        return min(west, east), min(south, north), max(west, east), max(south, north)


def open_raster(path: Path, band: int = 1, nodata: float | None = None) -> Raster:
    """Check a header; `nodata` goes before the file's own.

    Raises BadInput: not a GeoTIFF, unreadable, no such band, too many cells, numbers that are not real, no CRS, no place.
    """
    name = path.name
    try:
        _check_start(path)
        with warnings.catch_warnings(action="error", category=NotGeoreferencedWarning), opened(path) as source:
            _check_claims(source, name, band)
            own = source.nodatavals[band - 1] if nodata is None else nodata
            scale, offset = source.scales[band - 1], source.offsets[band - 1]
            shape, dtype = (source.height, source.width), source.dtypes[band - 1]
            return Raster(path, band, source.crs.to_wkt(), source.transform, shape, dtype, own, scale, offset)
    except NotGeoreferencedWarning:
        raise BadInput(f"{name}: does not say where it lies (no geotransform); write it again with one") from None
    except BadInput:  # ours already, and a ValueError like some of GDAL's
        raise
    except READ_ERRORS as error:
        raise BadInput(f"{name}: not readable as GeoTIFF ({one_line(error)}); fetch or write it again") from None


def nearest(raster: Raster, grid: Grid) -> tuple[NDArray[Any], Mask]:
    """(y, x) values of the raster's cell in which each centre lies, and whether there is one that holds something.

    Where the raster is finer than the grid, one of its cells in many is taken; nothing is averaged.
    """
    values, valid = np.zeros(grid.shape, _number(raster)), np.zeros(grid.shape, np.bool_)
    for where, rows, columns in _positions(raster, grid):
        rows, columns = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
        values[where], valid[where] = _Window.around(raster, rows, columns).at(rows, columns)
    return values, valid


def bilinear(raster: Raster, grid: Grid) -> Float:
    """(y, x) float32 between the four nearest cell centres, those that hold nothing left out.

    NaN where the raster's cell in which the centre lies holds nothing.
    """
    values = np.full(grid.shape, np.nan, np.float32)
    for where, rows, columns in _positions(raster, grid):
        up, left = np.floor(rows - 0.5).astype(np.int64), np.floor(columns - 0.5).astype(np.int64)
        down, right = rows - 0.5 - up, columns - 0.5 - left
        window = _Window.around(raster, np.stack([up, up + 1]), np.stack([left, left + 1]))
        total, weight = np.zeros(rows.shape), np.zeros(rows.shape)
        for row, column, share in (
            (up, left, (1 - down) * (1 - right)),
            (up, left + 1, (1 - down) * right),
            (up + 1, left, down * (1 - right)),
            (up + 1, left + 1, down * right),
        ):
            number, there = window.at(row, column)
            total += np.where(there, number * share, 0.0)
            weight += np.where(there, share, 0.0)
        _, known = window.at(np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64))
        values[where] = np.divide(total, weight, where=known & (weight > 0), out=np.full(rows.shape, np.nan))
    return values


def around(grid: Grid, crs: str, name: str, margin_m: float = 0.0) -> list[Bounds]:
    """Boxes in another CRS that hold the grid and a margin: two where it lies over the antimeridian, none off the map."""
    west, south, east, north = grid.bounds
    wide = (west - margin_m, south - margin_m, east + margin_m, north + margin_m)
    transformer = _transformer(grid.crs, crs, name)
    left, low, right, high = transformer.transform_bounds(*wide, densify_pts=21)
    if not np.isfinite((left, low, right, high)).all():
        return []
    # PROJ tells an area over the antimeridian by a west that is larger than its east.
    return [(left, low, right, high)] if left <= right else [(left, low, 180.0, high), (-180.0, low, right, high)]


def _check_start(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(16)
    if not start.startswith(MAGIC):
        raise BadInput(f"{path.name}: is not a GeoTIFF (starts with {start!r}); write it as one")
    if path.with_name(f"{path.name}.msk").exists():
        raise BadInput(
            f"{path.name}: has a mask in a file of its own (.msk), which is not read; write it into the file"
        )


def _check_claims(source: DatasetReader, name: str, band: int) -> None:
    block = max(rows * columns for rows, columns in source.block_shapes)
    if source.width * source.height > MAX_CLAIM or block > MAX_PIXELS:
        claim = f"{source.width} x {source.height} cells in blocks of {block:,}"
        raise BadInput(f"{name}: claims {claim}, over {MAX_CLAIM:,} or {MAX_PIXELS:,}; cut it, or write it in tiles")
    if band > source.count:
        raise BadInput(f"{name}: has {source.count} bands, band {band} was asked for; correct `band`")
    if np.dtype(source.dtypes[band - 1]).kind not in "iuf":
        raise BadInput(f"{name}: holds {source.dtypes[band - 1]} numbers; write it as integers or floats")
    if not source.crs:
        raise BadInput(f"{name}: has no CRS; write it again with one (gdal_edit -a_srs)")
    if source.transform.is_degenerate or source.transform == Affine.identity():
        raise BadInput(f"{name}: does not say where it lies (no geotransform); write it again with one")


def _positions(raster: Raster, grid: Grid) -> Iterator[tuple[tuple[slice, slice], Any, Any]]:
    """(where, rows, columns): parts of the grid and their centres in the raster, fractions of cells; -1 is nowhere."""
    transformer, to_cell = _transformer(grid.crs, raster.crs, raster.path.name), ~raster.transform
    for part in grid.tiles(PART):
        row, column = grid.offset(part)
        # Metres from absolute cell numbers, so that a cell has the same centre in every grid that holds it.
        east = (part.first_column + np.arange(part.shape[1]) + 0.5) * grid.resolution
        north = -(part.first_row + np.arange(part.shape[0]) + 0.5) * grid.resolution
        x, y = transformer.transform(*np.meshgrid(east, north))
        columns, rows = to_cell.a * x + to_cell.b * y + to_cell.c, to_cell.d * x + to_cell.e * y + to_cell.f
        there = (rows > -1) & (rows < raster.shape[0] + 1) & (columns > -1) & (columns < raster.shape[1] + 1)
        where = np.s_[row : row + part.shape[0], column : column + part.shape[1]]
        yield where, np.where(there, rows, -1.0), np.where(there, columns, -1.0)


@dataclass(frozen=True)
class _Window:
    """The cells of a raster that were read."""

    values: NDArray[Any]
    valid: Mask
    corner: tuple[int, int]

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[NDArray[Any], Mask]:
        """Values at rows and columns of the whole raster, and whether something is there."""
        r, c = rows - self.corner[0], columns - self.corner[1]
        there = (r >= 0) & (c >= 0) & (r < self.values.shape[0]) & (c < self.values.shape[1])
        if not there.any():
            return np.zeros(rows.shape, self.values.dtype), there
        r, c = np.where(there, r, 0), np.where(there, c, 0)
        return self.values[r, c], there & self.valid[r, c]

    @classmethod
    def around(cls, raster: Raster, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> "_Window":
        """What the raster holds of these cells; nothing where it has none of them."""
        inside = (rows >= 0) & (columns >= 0) & (rows < raster.shape[0]) & (columns < raster.shape[1])
        if not inside.any():
            return cls(np.zeros((0, 0), _number(raster)), np.zeros((0, 0), np.bool_), (0, 0))
        r, c = rows[inside], columns[inside]
        window = slice(int(r.min()), int(r.max()) + 1), slice(int(c.min()), int(c.max()) + 1)
        cells = (window[0].stop - window[0].start) * (window[1].stop - window[1].start)
        if cells > MAX_PIXELS:
            raise BadInput(
                f"{raster.path.name}: {cells:,} cells under {PART} x {PART} of the grid; warp it to the grid's cell size"
            )
        block = read_bands(raster.path, [raster.band], Overlap(window, window), [raster.nodata])[0]
        if isinstance(block, Unreadable):
            raise BadInput(f"{raster.path.name}: cannot be read here ({block.reason}); fetch or write it again")
        values = block.values
        if (raster.scale, raster.offset) != (1.0, 0.0):
            values = values * raster.scale + raster.offset
        return cls(values, block.valid, (window[0].start, window[1].start))


def _number(raster: Raster) -> np.dtype[Any]:
    """The type of its values once scaled."""
    return np.dtype(raster.dtype if (raster.scale, raster.offset) == (1.0, 0.0) else np.float64)


@lru_cache(maxsize=32)
def _transformer(crs: str, target: str, name: str) -> Transformer:
    try:
        return Transformer.from_crs(crs, target, always_xy=True)
    except (CRSError, ProjError) as error:
        raise GridMismatch(
            f"{name}: its CRS cannot be brought to {crs} ({one_line(error)}); warp it first (gdalwarp -t_srs {crs})"
        ) from None
