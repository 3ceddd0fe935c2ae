"""Local GeoTIFFs, read as if a stranger had written them: driver pinned, size bounded, no way out of the folder."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from detection.errors import BadInput
from detection.sources.extents import MAX_PIXELS, Extent, Overlap, extent_of, utm_of
from detection.sources.pieces import Block, Unreadable, check_unscaled, one_line, valid_of

READ_ERRORS = (RasterioError, CPLE_BaseError, UnicodeDecodeError, OSError, ValueError)
"""What a broken GeoTIFF makes rasterio raise (40,000 mutants: references/reliability-and-ux.md, 1.2)."""
MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
"""First bytes of TIFF and BigTIFF, both byte orders (TIFF 6.0, section 2; BigTIFF design)."""
GDAL_OPTIONS = {
    # Sidecars (.msk, .ovr, .aux.xml) would be opened by any driver, VRT included: the pinned driver holds for the
    # file itself only. With an empty listing GDAL looks for none.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
}


@dataclass(frozen=True)
class Header:
    """What a GeoTIFF says of itself, checked."""

    extent: Extent
    """Where it lies."""
    dtypes: tuple[str, ...]
    """Stored type of every band."""
    nodata: tuple[float | None, ...]
    """Nodata of every band; None where the file states none."""


def inside(folder: Path, name: str) -> Path:
    """What has this name in the folder; raises BadInput when it is not there or leads out of the folder."""
    path = folder / name
    try:
        within = path.resolve().is_relative_to(folder.resolve())
        there = path.exists()
    except (OSError, ValueError) as error:
        raise BadInput(f"{name!r}: not a file name ({one_line(error)})") from error
    if not within:
        raise BadInput(f"{name!r}: leads out of the folder {folder}; put the file itself into the folder")
    if not there:
        raise BadInput(f"{name!r}: no such file in {folder}; check the name, or copy the file there")
    return path


def regular_file(folder: Path, name: str) -> Path:
    """`inside`, and a regular file: no folder, pipe or device."""
    path = inside(folder, name)
    if not path.is_file():
        raise BadInput(f"{name!r}: is not a regular file; name a GeoTIFF in {folder}")
    return path


def header_of(path: Path, *, crs: str | None, as_stored: bool) -> Header:
    """Open, check, close.

    `crs` is taken where the file has none. `as_stored` says that nobody will scale the numbers later: a file that
    states a scale or an offset is then refused rather than misread. Raises BadInput or GridMismatch, one line each.
    """
    name = path.name
    try:
        _check_start(path)
        # GDAL fills in a corner of (0, 0) where a file lost its own, and only warns.
        with warnings.catch_warnings(action="error", category=NotGeoreferencedWarning), opened(path) as source:
            _check_sizes(source, path)
            if as_stored:
                check_unscaled(name, source.scales, source.offsets)
            code = utm_of(source.crs, crs, name)
            extent = extent_of(name, code, source.transform, (source.height, source.width))
            return Header(extent, tuple(source.dtypes), tuple(source.nodatavals))
    except NotGeoreferencedWarning as error:
        raise BadInput(f"{name}: does not say where it lies (no geotransform); write it again with one") from error
    except BadInput:  # ours already, and a ValueError like some of GDAL's
        raise
    except READ_ERRORS as error:
        raise BadInput(f"{name}: not readable as GeoTIFF ({one_line(error)}); fetch or write it again") from error


def read_bands(
    path: Path, indexes: Sequence[int], part: Overlap, nodata: Sequence[float | None]
) -> list[Block | Unreadable]:
    """One answer per band index (1-based), in order, of the cells in `part`; one open for all of them.

    `nodata` has one entry per answer. A block that cannot be decoded spoils only the bands it holds.
    """
    window = Window.from_slices(*part.source)
    try:
        with opened(path) as source:
            stack, flags = _stack(source, indexes, window), source.mask_flag_enums
            return [
                _block(
                    values,
                    none,
                    _own_mask(source, index, window) if MaskFlags.per_dataset in flags[index - 1] else None,
                )
                for index, values, none in zip(indexes, stack, nodata, strict=True)
            ]
    except READ_ERRORS as error:
        # Its header held a moment ago; gone or changed now, every band of it is lost for this read.
        return [Unreadable(one_line(error)) for _ in indexes]


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """A GeoTIFF opened by the GTiff driver and no other, without a look at its neighbours."""
    with rasterio.Env(**GDAL_OPTIONS), rasterio.open(path, driver="GTiff", sharing=False) as source:
        yield source


def _check_start(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(16)
    if not start:
        raise BadInput(f"{path.name}: is empty (0 bytes); fetch or write it again")
    if path.suffix.lower() not in (".tif", ".tiff") or not start.startswith(MAGIC):
        raise BadInput(f"{path.name}: is not a GeoTIFF (starts with {start!r}); only .tif and .tiff files are read")
    if path.with_name(f"{path.name}.msk").exists():
        raise BadInput(
            f"{path.name}: has a mask in a file of its own (.msk), which is not read; write it into the file"
        )


def _check_sizes(source: DatasetReader, path: Path) -> None:
    tallest = max(rows * columns for rows, columns in source.block_shapes)
    if max(source.width * source.height, tallest) > MAX_PIXELS:
        claim = f"{source.width} x {source.height} cells in blocks of {tallest:,}"
        raise BadInput(f"{path.name}: claims {claim}, over {MAX_PIXELS:,}; cut it into smaller files")
    bad = sorted({kind for kind in source.dtypes if np.dtype(kind).kind not in "iuf"})
    if bad:
        raise BadInput(f"{path.name}: holds {bad[0]} numbers; write it as integers or floats")
    rows, columns = source.block_shapes[-1]
    last = f"{(source.width - 1) // columns}_{(source.height - 1) // rows}"
    offset = source.get_tag_item(f"BLOCK_OFFSET_{last}", "TIFF", bidx=source.count)
    length = source.get_tag_item(f"BLOCK_SIZE_{last}", "TIFF", bidx=source.count)
    size = path.stat().st_size
    if offset and length and int(offset) + int(length) > size:
        raise BadInput(
            f"{path.name}: is cut short ({size:,} bytes, {int(offset) + int(length):,} needed); fetch it again"
        )


def _stack(source: DatasetReader, indexes: Sequence[int], window: Window) -> Sequence[NDArray[Any] | Unreadable]:
    try:
        # One call: in a pixel-interleaved file every band lies in every block.
        return source.read(list(indexes), window=window)  # type: ignore[no-any-return]
    except READ_ERRORS:
        return [_single(source, index, window) for index in indexes]


def _single(source: DatasetReader, index: int, window: Window) -> NDArray[Any] | Unreadable:
    try:
        return source.read(index, window=window)  # type: ignore[no-any-return]
    except READ_ERRORS as error:
        return Unreadable(one_line(error))


def _own_mask(source: DatasetReader, index: int, window: Window) -> NDArray[Any] | Unreadable:
    """What a mask or alpha band inside the file lets through: 0 is masked."""
    try:
        return source.read_masks(index, window=window)  # type: ignore[no-any-return]
    except READ_ERRORS as error:
        return Unreadable(one_line(error))


def _block(
    values: NDArray[Any] | Unreadable, nodata: float | None, mask: NDArray[Any] | Unreadable | None
) -> Block | Unreadable:
    if isinstance(values, Unreadable):
        return values
    if isinstance(mask, Unreadable):
        return mask
    valid = valid_of(values, nodata)
    return Block(values, valid if mask is None else valid & (mask > 0))
