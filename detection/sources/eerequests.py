"""How much is asked of Earth Engine at once, what is asked again or cut smaller, and which pixels. It sends nothing.

Limits of `computePixels` (REST reference v1, projects.image/computePixels): 48 MB uncompressed, 32,768 pixels a side and
1,024 bands. The service counts one mask byte per pixel and band on top of the data: its message "Total request size
(56623104 bytes)" is 48 x 512 x 256 x (8 + 1) (google/Xee, issue 50). They have moved before, so all three are fields.
"""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from detection.codes import Observation
from detection.types import Codes, Grid

T = TypeVar("T")

LONGEST_PAUSE_S: Final = 60.0
"""No single wait is longer, whatever `Retry-After` says; chosen."""
MORE_STRIPS: Final = 8
"""Strips tried beyond the fewest; chosen: each strip makes the service open the same images again."""
WORTH: Final = 1.25
"""Strips are taken where without them there would be more than so many times the requests; chosen: see above."""
TOO_MUCH: Final = ("memory limit", "timed out", "total request size", "pixel grid dimensions", "too many bands")
"""Parts of the messages of status 400 that a smaller request mends."""
TOO_OFTEN: Final = ("ratelimitexceeded", "rate limit", "too many requests", "quota exceeded")
"""Parts of the messages of status 403 that waiting mends."""


class Fault(StrEnum):
    """What to do about a request that was refused."""

    WAIT = "wait"
    """Ask the same again, later."""
    SPLIT = "split"
    """Ask for less at once."""
    IMAGE = "image"
    """One of the images is to blame: find it, so that the others are still read."""
    ACCESS = "access"
    """Not allowed: no other request will be either."""


class Refused(Exception):
    """A request that brought nothing; never seen by the user as such."""

    def __init__(self, fault: Fault, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Limits:
    """What one request may hold."""

    size: int = 48 * 2**20
    """Bytes, mask bytes included."""
    side: int = 32_768
    """Pixels along an edge."""
    bands: int = 1_024
    """Bands of all images together."""


@dataclass(frozen=True)
class Lattice:
    """A north-up pixel grid as an image stores it; unlike a `Grid` its corner may lie anywhere."""

    crs: str
    """EPSG code."""
    west: int
    """Easting of the upper-left corner, metres."""
    north: int
    """Northing of the upper-left corner, metres."""
    step: int
    """Pixel size, metres."""
    shape: tuple[int, int]
    """(rows, columns)."""

    def window(self, row: int, column: int, rows: int, columns: int) -> "Lattice":
        """The part that starts at (row, column)."""
        west, north = self.west + column * self.step, self.north - row * self.step
        return Lattice(self.crs, west, north, self.step, (rows, columns))


@dataclass(frozen=True)
class Request:
    """Some looks of one window: what one call asks for."""

    looks: tuple[int, ...]
    """Positions of the looks, rising."""
    window: tuple[int, int, int, int]
    """(row, column, rows, columns) within the lattice."""
    quartered: bool = False
    """Whether it is a quarter of what the arithmetic allowed: nothing smaller is tried."""

    @property
    def where(self) -> tuple[slice, slice]:
        """The window as slices."""
        row, column, rows, columns = self.window
        return slice(row, row + rows), slice(column, column + columns)

    def smaller(self, fault: Fault) -> tuple["Request", ...]:
        """What to ask instead after this fault; empty: give it up."""
        if fault not in (Fault.SPLIT, Fault.IMAGE):
            return ()
        if len(self.looks) > 1:
            middle = len(self.looks) // 2
            return tuple(Request(part, self.window) for part in (self.looks[:middle], self.looks[middle:]))
        if fault is Fault.IMAGE or self.quartered or min(self.window[2:]) < 2:
            return ()
        row, column, rows, columns = self.window
        return tuple(
            Request(self.looks, (row + r, column + c, height, width), quartered=True)
            for r, height in _parts(rows, 2)
            for c, width in _parts(columns, 2)
        )


def bytes_a_pixel(dtypes: Sequence[str]) -> int:
    """Bytes that one pixel of these bands counts as, mask bytes included."""
    return sum(np.dtype(dtype).itemsize + 1 for dtype in dtypes)


def plan(looks: int, shape: tuple[int, int], dtypes: Sequence[str], limits: Limits) -> tuple[Request, ...]:
    """About the fewest requests for so many looks of a window; together each pixel of each look once.

    Images stay whole where that takes at most WORTH times the fewest requests; else, and where one alone is too large,
    they are cut into strips so that more dates fit. The looks are dealt evenly. dtypes: of the bands of one look.
    Raises ValueError when one pixel is over the limits.
    """
    pixel = bytes_a_pixel(dtypes)
    if pixel > limits.size or len(dtypes) > limits.bands:
        raise ValueError(f"{len(dtypes)} bands of {pixel} bytes a pixel are over the limits of one request")
    if not looks:
        return ()
    options = []
    for windows in _cuts(shape, pixel, limits):
        groups = math.ceil(looks / _most(windows, pixel, len(dtypes), limits))
        options.append((len(windows) * groups, groups, windows))
    fewest = min(n for n, _, _ in options)
    enough = max(WORTH * fewest, fewest + 1)
    _, groups, windows = next(option for option in options if option[0] <= enough)
    dealt = [tuple(range(first, first + n)) for first, n in _parts(looks, groups)]
    return tuple(Request(group, window) for window in windows for group in dealt)


def _cuts(shape: tuple[int, int], pixel: int, limits: Limits) -> Iterator[tuple[tuple[int, int, int, int], ...]]:
    """Ways to cut a window so that one image fits, (row, column, rows, columns) each; the first has the fewest parts."""
    rows, columns = shape
    width = min(columns, limits.side, limits.size // pixel)
    across = _parts(columns, math.ceil(columns / width))
    height = min(rows, limits.side, limits.size // (pixel * max(w for _, w in across)))
    fewest = math.ceil(rows / height)
    for strips in range(fewest, min(rows, fewest + MORE_STRIPS) + 1):
        yield tuple((r, c, h, w) for r, h in _parts(rows, strips) for c, w in across)


def _most(windows: Sequence[tuple[int, int, int, int]], pixel: int, bands: int, limits: Limits) -> int:
    """How many looks of the largest window fit into one request."""
    largest = max(h * w for _, _, h, w in windows)
    return min(limits.size // (largest * pixel), limits.bands // bands)


def _parts(n: int, parts: int) -> list[tuple[int, int]]:
    """(first, length) of n things in so many runs, lengths as even as can be."""
    edges = [n * i // parts for i in range(parts + 1)]
    return [(a, b - a) for a, b in itertools.pairwise(edges)]


def fault_of(status: int | None, message: str) -> Fault:
    """What a refusal calls for; None: no answer came, or one that is no answer."""
    words = message.lower()
    if status is None or status in (408, 429) or status >= 500:
        return Fault.WAIT
    if status in (401, 403):
        return Fault.WAIT if any(part in words for part in TOO_OFTEN) else Fault.ACCESS
    return Fault.SPLIT if status == 413 or any(part in words for part in TOO_MUCH) else Fault.IMAGE


def pause_s(tried: int, key: str, retry_after_s: float = 0.0) -> float:
    """Seconds to wait after so many tries: doubling, spread by half to either side, the same for the same key."""
    spread = 0.5 + zlib.crc32(f"{key}:{tried}".encode()) / 2**32
    return min(LONGEST_PAUSE_S, max(retry_after_s, 2.0 ** min(tried - 1, 10) * spread))


def persist(ask: Callable[[], T], wait: Callable[[float], object], attempts: int, key: str) -> T:
    """The answer, asked for up to so many times while waiting helps; raises Refused."""
    for tried in range(1, attempts + 1):
        try:
            return ask()
        except Refused as refused:
            if refused.fault is not Fault.WAIT:
                raise
            if tried == attempts:
                raise Refused(Fault.WAIT, f"{refused.reason} ({attempts} tries)") from refused
            wait(pause_s(tried, key, refused.retry_after_s))
    raise ValueError(f"{attempts} attempts: ask at least once")


def carried(
    request: Request, ask: Callable[[Request], T], wait: Callable[[float], object], attempts: int, key: str
) -> Iterator[tuple[Request, T | Refused]]:
    """What became of a request, cut as small as it took: parts that cover it once, each with its answer or refusal.

    key: tells this request from those of other tiles, so that their pauses differ.
    """
    todo = [request]
    while todo:
        now = todo.pop()
        try:
            yield now, persist(lambda asked=now: ask(asked), wait, attempts, f"{key}:{now}")  # type: ignore[misc]
        except Refused as refused:
            smaller = now.smaller(refused.fault)
            todo.extend(reversed(smaller))
            if not smaller:
                yield now, refused


def lattice_of(fine: Grid, phase: int) -> Lattice:
    """The pixels that fill a grid of their own resolution: those whose edges lie `phase` metres to its south-east."""
    return Lattice(fine.crs, fine.west + phase, fine.north - phase, fine.resolution, fine.shape)


def tell_outside(observation: Codes, bounds: Sequence[tuple[float, float, float, float] | None], grid: Grid) -> None:
    """Make OUTSIDE of what is MASKED and not within the footprint's box, in place.

    observation: (time, y, x) codes; bounds: (west, south, east, north) of every look, degrees, None where unknown.
    """
    around = degrees(grid)
    centres: tuple[NDArray[Any], NDArray[Any]] | None = None
    for box, seen in zip(bounds, observation, strict=True):
        if box is None or _holds(box, around):
            continue
        centres = centres or _centres(grid)
        west, south, east, north = box
        x, y = centres
        seen[(seen == Observation.MASKED) & ((x < west) | (x > east) | (y < south) | (y > north))] = Observation.OUTSIDE


def _holds(outer: tuple[float, ...], inner: tuple[float, ...]) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def _centres(grid: Grid) -> tuple[NDArray[Any], NDArray[Any]]:
    """Longitude and latitude of every cell's centre, (rows, columns), degrees."""
    rows, columns = np.indices(grid.shape)
    x, y = grid.west + (columns + 0.5) * grid.resolution, grid.north - (rows + 0.5) * grid.resolution
    longitude, latitude = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return longitude, latitude


def degrees(grid: Grid) -> tuple[float, float, float, float]:
    """(west, south, east, north) around a grid, degrees; east is over 180 across the date line."""
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(*grid.bounds, densify_pts=21)
    return west, south, east if east >= west else east + 360, north
