"""Immutable generations of arrays: one Zarr v3 group a tile and generation, named by its content, whole or not there.

A generation is written under a hidden name, flushed to the disk, hashed and renamed. Nothing changes it afterwards;
which generation counts is said by the database alone (`jobs/ledger.py`).
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from detection.errors import BadInput, DetectionError

Arrays = Mapping[str, NDArray[Any]]

CODEC: Final = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
"""Measured on simulated 512 x 512 tiles (12.8 MB of state, 39 MB of looks, zarr 3.1.6, 2 cores): written twice (state)
and 1.3 times (looks) as fast as zstd level 1, at 1.2 times its size; as fast as no compression at all for the state."""
CHUNK_BYTES: Final = 16 * 2**20
"""Longer arrays are cut along their first axis into chunks of at most this size, to bound the memory; chosen."""
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
SUFFIX: Final = ".zarr"
TEMPORARY: Final = ".tmp"


class DamagedGeneration(DetectionError):
    """A stored generation is missing, or not what was written: its bytes do not give the sha256 that names it."""


@dataclass(frozen=True)
class Generation:
    """What a pointer holds: where the arrays lie and how to know that they are the ones."""

    path: str
    """Name of the group in its folder: `<tile>-<first 16 digits of sha256>.zarr`."""
    sha256: str
    """Of the listing `<sha256 of file>  <name>` of all files in order of name, as `sha256sum` prints it (hex)."""


def write_generation(folder: Path, tile_id: str, arrays: Arrays, attributes: Mapping[str, Any]) -> Generation:
    """Writes arrays (0 to 4 dimensions, numeric or bool, also empty) and JSON attributes; returns when on the disk.

    Equal input gives equal bytes, hence the same generation, which is then written once. Raises BadInput for names or
    contents that cannot be stored, OSError when the disk is full or read-only; neither leaves anything visible.
    """
    plain = _plain_attributes(tile_id, attributes)
    for name in (tile_id, *arrays):
        if not NAME.fullmatch(name):
            raise BadInput(f"state of tile {tile_id!r}: the name {name!r} is not made of letters, digits, . _ -")
    folder.mkdir(parents=True, exist_ok=True)
    with _hidden(folder, tile_id) as temporary:
        group = zarr.create_group(temporary, zarr_format=3, attributes=plain)
        for name in sorted(arrays):
            _write_array(group, tile_id, name, arrays[name])
        _flush(temporary)
        sha256 = _sha256(temporary)
        generation = Generation(f"{tile_id}-{sha256[:16]}{SUFFIX}", sha256)
        _publish(temporary, folder / generation.path, sha256)
    return generation


def read_generation(
    folder: Path, generation: Generation, verify: bool = True, only: Collection[str] | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(arrays, attributes) as they were written; `only` names the arrays wanted, null means all.

    Raises DamagedGeneration when it is missing or, with `verify`, when a single bit has changed. Leave `verify` out
    only right after a verified read: Zarr itself takes a missing chunk for zeros.
    """
    path = folder / generation.path
    if not NAME.fullmatch(generation.path) or not path.is_dir():
        raise DamagedGeneration(f"state {path}: missing; restore it from a copy, or run `sachawatch doctor`")
    if verify and (found := _sha256(path)) != generation.sha256:
        differs = f"damaged (sha256 {found[:16]}, {generation.sha256[:16]} was written)"
        raise DamagedGeneration(f"state {path}: {differs}; restore it from a copy, or run `sachawatch doctor`")
    group = zarr.open_group(path, mode="r", zarr_format=3)
    wanted = sorted(group.array_keys()) if only is None else sorted(only)
    if missing := set(wanted) - set(group.array_keys()):
        raise BadInput(f"state {path}: holds no array {sorted(missing)[0]!r}; there are {sorted(group.array_keys())}")
    return {name: np.asarray(_array(group, name)[...]) for name in wanted}, dict(group.attrs)


def sweep(folder: Path, keep: Collection[str]) -> tuple[str, ...]:
    """Removes temporaries and every generation that `keep` (names) does not hold; returns the names removed.

    Only for the holder of the folder's lease, before it writes: what is written but not yet pointed to would go too.
    """
    if not folder.is_dir():
        return ()
    removed = []
    for path in sorted(folder.iterdir()):
        temporary = path.name.startswith(".") and path.name.endswith(TEMPORARY)
        if temporary or (path.name.endswith(SUFFIX) and path.name not in keep):
            _discard(path)
            removed.append(path.name)
    return tuple(removed)


def _plain_attributes(tile_id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as JSON gives them back, keys in order: what is written is what will be read."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(attributes), sort_keys=True, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BadInput(f"state of tile {tile_id!r}: attributes are not JSON ({error}); leave that out") from error
    return plain


def _write_array(group: zarr.Group, tile_id: str, name: str, values: NDArray[Any]) -> None:
    """One array in fixed chunks, little-endian, every chunk written, also one of zeros: none is ever legally absent."""
    array = np.asarray(values)
    if array.dtype.kind not in "biufc" or array.ndim > 4:
        found = f"array {name!r} is {array.dtype} in {array.ndim} dimensions"
        raise BadInput(f"state of tile {tile_id!r}: {found}; numbers in at most 4 can be kept")
    array = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    made = group.create_array(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=_chunks(array.shape, array.itemsize),
        filters=None,
        compressors=[CODEC],
        chunk_key_encoding={"name": "default", "separator": "."},
        config={"write_empty_chunks": True},
    )
    made[...] = array


def _array(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise DamagedGeneration(f"state: {name!r} is a group where an array should be; run `sachawatch doctor`")
    return found


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Whole arrays, unless longer than CHUNK_BYTES: then slabs of the first axis. Shape and type alone decide."""
    if not shape:
        return ()
    slab = itemsize * int(np.prod(shape[1:], dtype=np.int64))
    first = min(shape[0], max(1, CHUNK_BYTES // max(1, slab)))
    return tuple(max(1, length) for length in (first, *shape[1:]))


@contextmanager
def _hidden(folder: Path, tile_id: str) -> Iterator[Path]:
    """A name for what is not yet whole; whatever is still under it at the end is removed."""
    temporary = folder / f".{tile_id}-{uuid4().hex}{TEMPORARY}"
    try:
        yield temporary
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def _publish(temporary: Path, target: Path, sha256: str) -> None:
    """Renames into place. A whole one already there stays, a damaged one makes room; of two writers one wins."""
    if target.exists() and _sha256(target) != sha256:
        _discard(target)
    if not target.exists():
        try:
            temporary.rename(target)
        except OSError:
            if not target.exists() or _sha256(target) != sha256:
                raise
    _sync(target.parent)


def _discard(path: Path) -> None:
    """Hides, then deletes: a kill half-way leaves a temporary, never half a generation."""
    hidden = path if path.name.startswith(".") else path.with_name(f".{path.name}-{uuid4().hex}{TEMPORARY}")
    if hidden != path:
        path.rename(hidden)
    shutil.rmtree(hidden)


def _files(path: Path) -> list[Path]:
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted(files, key=lambda file: file.relative_to(path).as_posix())


def _sha256(path: Path) -> str:
    listing = hashlib.sha256()
    for file in _files(path):
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        listing.update(f"{digest}  {file.relative_to(path).as_posix()}\n".encode())
    return listing.hexdigest()


def _flush(path: Path) -> None:
    """Every file, then every directory from the inside out."""
    for file in _files(path):
        _sync(file)
    for folder in sorted((inner for inner in path.rglob("*") if inner.is_dir()), reverse=True):
        _sync(folder)
    _sync(path)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
