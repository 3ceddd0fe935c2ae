"""What a local store hands to `files`: pieces of scenes, each readable or not, with the cells that hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.sources.extents import Extent
from detection.types import Grid, Mask, Scene


@dataclass(frozen=True)
class Block:
    """Numbers as stored, and which of them hold."""

    values: NDArray[Any]
    """(y, x), stored dtype."""
    valid: Mask
    """(y, x); False at nodata, NaN, inf and where the file's own mask says so."""


@dataclass(frozen=True)
class Unreadable:
    """A block that could not be decoded."""

    reason: str
    """One line."""


@dataclass(frozen=True)
class Piece:
    """One band of one scene, as far as its file covers the grid; outside `where` the file has no cells."""

    scene: Scene
    """The acquisition."""
    band: str
    """Name of the band."""
    where: tuple[slice, slice]
    """Rows and columns of the grid; empty slices where the file does not reach it."""
    content: Block | Unreadable
    """The cells there, or why there are none."""


class Store(Protocol):
    """One layout of local rasters."""

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Every scene, in canonical order."""
        ...

    @property
    def layers_of(self) -> frozenset[tuple[str, str]]:
        """(scene id, band) of everything there is."""
        ...

    def extents(self) -> Iterator[Extent]:
        """Where each file lies, in a fixed order; headers are read as they are asked for."""
        ...

    def dtype(self, scenes: Sequence[Scene], bands: Sequence[str]) -> np.dtype[Any]:
        """The type that holds what these scenes store in these bands."""
        ...

    def pieces(self, grid: Grid, scenes: Sequence[Scene], bands: Sequence[str]) -> Iterator[Piece]:
        """One piece for every one of these scenes and bands that there is."""
        ...


def valid_of(values: NDArray[Any], nodata: float | None) -> Mask:
    """False at nodata (compared in the stored dtype), NaN and inf."""
    valid: Mask = np.isfinite(values)
    if nodata is None or not np.isfinite(nodata):
        return valid
    with np.errstate(over="ignore"):
        wanted = values.dtype.type(nodata) if values.dtype.kind == "f" else nodata
    valid &= values != wanted
    return valid


def check_unscaled(name: str, scales: Sequence[float], offsets: Sequence[float]) -> None:
    """Raises BadInput where a file states a scale or offset that nobody would apply."""
    stated = {(float(a), float(b)) for a, b in zip(scales, offsets, strict=True)} - {(1.0, 0.0)}
    if stated:
        scale, offset = min(stated)
        raise BadInput(
            f"{name}: states scale {scale:g} and offset {offset:g}, but sensor `generic` takes numbers as stored; "
            "name the sensor, or write the file unpacked"
        )


def one_line(error: BaseException) -> str:
    """The message of an error in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
