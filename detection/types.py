"""The nouns everything else speaks of: Grid, Scene, Raw, Planes, Cube. The array contract is said here, once.

Raw numbers are `(time, band, y, x)`; prepared looks are `(time, slot, y, x)`, what a slot holds say the `Planes`. Inside
the kernels reflectance is float32 in 0..1, radar is dB float32, NaN = not observed. Time is int32 days since 1970-01-01
UTC. Rows run south, columns east.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, GridMismatch

if TYPE_CHECKING:
    import xarray as xr

Float = NDArray[np.float32]
Days = NDArray[np.int32]
Mask = NDArray[np.bool_]
Codes = NDArray[np.uint8]
C = TypeVar("C")

SECONDS_A_DAY = 86_400
RADAR_PLATFORM = "sentinel-1"
"""How the names of platforms that carry a radar begin; all others are optical."""
RESOLUTIONS = (10, 20, 30)
UTM_ZONE = re.compile(r"EPSG:32[67](0[1-9]|[1-5][0-9]|60)")
ORIGIN_STEP_M = 60
"""Origins lie on multiples of 60 m, the least common multiple of the resolutions, so that all grids nest."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def parameters(cls: type[C]) -> type[C]:
    """A parameter class: a frozen dataclass whose fields are the YAML keys, their docstrings the help texts.

    Unknown keys are refused by whoever reads it from a file (`jobs/config.py`).
    """
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # type: ignore[attr-defined]
    return made


def digest(thing: Any) -> str:
    """sha256 (hex) of a parameter class or of anything JSON can say, independent of the order of keys."""
    plain = asdict(thing) if hasattr(thing, "__dataclass_fields__") else thing
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def to_day(when: date) -> int:
    """Days since 1970-01-01."""
    return (when - date(1970, 1, 1)).days


def to_date(day: int) -> date:
    """The inverse of `to_day`."""
    return date(1970, 1, 1) + timedelta(days=int(day))


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in a UTM zone. There is no default CRS and no identity transform.

    Raises BadInput when the CRS is not EPSG:326xx/327xx, the resolution is not 10, 20 or 30 m, or the shape is empty.
    """

    crs: str
    """EPSG:326xx (north) or EPSG:327xx (south)."""
    west: int
    """Easting of the upper-left corner of the upper-left cell, metres."""
    north: int
    """Northing of the upper-left corner of the upper-left cell, metres."""
    resolution: int
    """Cell size, metres."""
    shape: tuple[int, int]
    """(rows, columns)."""

    def __post_init__(self) -> None:
        if not UTM_ZONE.fullmatch(self.crs):
            raise BadInput(f"grid: CRS {self.crs!r} is not a UTM zone; give EPSG:326xx (north) or EPSG:327xx (south)")
        if self.resolution not in RESOLUTIONS:
            raise BadInput(f"grid: resolution {self.resolution} m is not one of {RESOLUTIONS}")
        if self.west % self.resolution or self.north % self.resolution:
            raise BadInput(f"grid: corner ({self.west}, {self.north}) is not on the {self.resolution} m lattice")
        if min(self.shape) < 1:
            raise BadInput(f"grid: shape {self.shape} is empty; does the area overlap the data?")

    @property
    def first_row(self) -> int:
        """Row of the upper-left cell on the absolute lattice of this CRS and resolution (rows run south)."""
        return -self.north // self.resolution

    @property
    def first_column(self) -> int:
        """Column of the upper-left cell on the absolute lattice."""
        return self.west // self.resolution

    @property
    def transform(self) -> Affine:
        """(column, row) -> (easting, northing), as rasterio wants it."""
        return Affine(self.resolution, 0, self.west, 0, -self.resolution, self.north)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """(west, south, east, north), metres."""
        rows, columns = self.shape
        return self.west, self.north - rows * self.resolution, self.west + columns * self.resolution, self.north

    @property
    def lattice(self) -> str:
        """Name of the absolute lattice the cells lie on: equal for every grid of this CRS and resolution."""
        return f"{self.crs}@{self.resolution}m"

    @property
    def epsg(self) -> int:
        """The number behind `EPSG:`."""
        return int(self.crs.removeprefix("EPSG:"))

    def window(self, row: int, column: int, rows: int, columns: int) -> "Grid":
        """The part that starts at (row, column), which may lie outside this grid."""
        west, north = self.west + column * self.resolution, self.north - row * self.resolution
        return Grid(self.crs, west, north, self.resolution, (rows, columns))

    def pad(self, cells: int) -> "Grid":
        """This grid with a rim of so many cells."""
        return self.window(-cells, -cells, self.shape[0] + 2 * cells, self.shape[1] + 2 * cells)

    def tiles(self, size: int) -> Iterator["Grid"]:
        """Tiles of at most size x size cells, row by row from the upper left; together they cover the grid once."""
        for row in range(0, self.shape[0], size):
            for column in range(0, self.shape[1], size):
                yield self.window(row, column, min(size, self.shape[0] - row), min(size, self.shape[1] - column))

    def offset(self, part: "Grid") -> tuple[int, int]:
        """(row, column) of the part's upper-left cell in this grid; raises GridMismatch on another lattice."""
        if part.lattice != self.lattice:
            raise GridMismatch(f"grid: {part.lattice} is not {self.lattice}; put both on one lattice first")
        return part.first_row - self.first_row, part.first_column - self.first_column

    @classmethod
    def covering(cls, crs: str, bounds: tuple[float, float, float, float], resolution: int) -> "Grid":
        """The smallest grid with its origin on multiples of 60 m that covers (west, south, east, north)."""
        west = int(np.floor(bounds[0] / ORIGIN_STEP_M)) * ORIGIN_STEP_M
        north = int(np.ceil(bounds[3] / ORIGIN_STEP_M)) * ORIGIN_STEP_M
        columns = int(np.ceil((bounds[2] - west) / resolution))
        rows = int(np.ceil((north - bounds[1]) / resolution))
        return cls(crs, west, north, resolution, (rows, columns))


@dataclass(frozen=True, order=True)
class Scene:
    """One acquisition. Its order is the canonical one: (instant, platform, id)."""

    instant: int
    """Acquisition, seconds since 1970-01-01T00:00:00Z."""
    platform: str
    """e.g. `landsat-8`, `sentinel-1a`, or `unknown`."""
    id: str
    """Unique within the source; taken in at most once."""
    orbit: str = field(default="", compare=False)
    """Path or relative orbit, empty where the source does not say; no part of what makes two scenes the same."""

    @property
    def day(self) -> int:
        """Days since 1970-01-01 UTC."""
        return self.instant // SECONDS_A_DAY

    @property
    def radar(self) -> bool:
        """Was it taken by radar?"""
        return self.platform.startswith(RADAR_PLATFORM)

    @property
    def when(self) -> datetime:
        """The instant as a datetime in UTC."""
        return datetime.fromtimestamp(self.instant, UTC)


@dataclass(frozen=True)
class Row:
    """A line of a source's manifest: a scene, what its numbers mean and where they lie."""

    scene: Scene
    """The acquisition."""
    sensor: str
    """Family of its numbers: a key of `SENSORS`."""
    collection: str = ""
    """Collection of the catalogue, e.g. `landsat-c2-l2`."""
    baseline: str = ""
    """Processing baseline or version, as the provider says it."""
    added: float = 0.0
    """Added to the stored numbers before they are scaled (Sentinel-2: BOA_ADD_OFFSET, provider and baseline decide)."""
    assets: tuple[tuple[str, str], ...] = ()
    """(band, href or asset id); a band that is not named here is missing. Signatures are put on when reading."""
    bounds: tuple[float, float, float, float] | None = None
    """(west, south, east, north) of the footprint, degrees; None: not said."""
    note: str = ""
    """What was wrong with the catalogue's entry, e.g. a duplicate left out; empty: nothing."""

    def asset(self, band: str) -> str | None:
        """Where a band lies; None where the provider does not have it."""
        return dict(self.assets).get(band)


@dataclass(frozen=True)
class Raw:
    """What a source hands over: numbers as stored, and what became of every look. `prepare` makes sense of them."""

    grid: Grid
    """Where the cells lie."""
    scenes: tuple[Scene, ...]
    """In canonical order."""
    bands: tuple[str, ...]
    """Names as in `sensors.py`, or the source's own."""
    values: NDArray[Any]
    """(time, band, y, x), dtype as stored; meaningless where `observation` is not OBSERVED."""
    observation: Codes
    """(time, y, x) codes of `codes.Observation`."""
    added: tuple[float, ...] = ()
    """(time,) added to the stored numbers before they are scaled; empty: nothing is."""

    def __post_init__(self) -> None:
        wanted = (len(self.scenes), len(self.bands), *self.grid.shape)
        if self.added and len(self.added) != len(self.scenes):
            raise GridMismatch(f"raw cube: {len(self.added)} offsets for {len(self.scenes)} scenes; give one a scene")
        if self.values.shape != wanted or self.observation.shape != (wanted[0], *wanted[2:]):
            raise GridMismatch(
                f"raw cube: values {self.values.shape}, status {self.observation.shape}; {wanted} expected"
            )

    def band(self, name: str) -> NDArray[Any]:
        """(time, y, x) of one band; raises ValueError for a band that was not read."""
        return self.values[:, self.bands.index(name)]


@dataclass(frozen=True)
class Planes:
    """What the slots of a look hold: slot k of an optical look holds optical[k], of a radar look radar[k].

    Raises BadInput when there is no plane at all, or one is named twice among those of a kind.
    """

    optical: tuple[str, ...]
    """Planes of optical looks: indices, bands, or `doubt`."""
    radar: tuple[str, ...] = ()
    """Planes of radar looks."""

    def __post_init__(self) -> None:
        if not self.names or any(len(set(some)) < len(some) for some in (self.optical, self.radar)):
            raise BadInput(
                f"planes: optical {list(self.optical)}, radar {list(self.radar)}; name each once, one at least"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """All planes, each once, the optical ones first."""
        return tuple(dict.fromkeys((*self.optical, *self.radar)))

    @property
    def width(self) -> int:
        """Slots of a look."""
        return max(len(self.optical), len(self.radar))

    @property
    def leading(self) -> str:
        """The plane that magnitudes are reported in."""
        return self.names[0]

    def of(self, scene: Scene) -> tuple[str, ...]:
        """The planes of a look, in the order of its slots; the slots beyond them are NaN."""
        return self.radar if scene.radar else self.optical

    @classmethod
    def single(cls, name: str, scenes: Iterable[Scene]) -> "Planes":
        """One plane, of whatever kinds of sensors these scenes are; of optical ones where there is no scene."""
        kinds = {scene.radar for scene in scenes} or {False}
        return cls((name,) if False in kinds else (), (name,) if True in kinds else ())


@dataclass(frozen=True)
class Cube:
    """A checked view of prepared looks over time, the same at every public door."""

    grid: Grid
    """Where the cells lie."""
    scenes: tuple[Scene, ...]
    """In canonical order, each once."""
    planes: Planes
    """What the slots hold."""
    values: Float
    """(time, slot, y, x) float32, NaN = not observed, and in the slots a look has no plane for."""
    observation: Codes
    """(time, y, x) codes of `codes.Observation`; OBSERVED exactly where all planes of the look are finite."""

    def __post_init__(self) -> None:
        wanted = (len(self.scenes), *self.grid.shape)
        slots = (wanted[0], self.planes.width, *self.grid.shape)
        if self.values.shape != slots or self.observation.shape != wanted:
            raise GridMismatch(
                f"cube: values {self.values.shape}, status {self.observation.shape}; {slots}, {wanted} expected"
            )
        if self.values.dtype != np.float32:
            raise BadInput(f"cube: values are {self.values.dtype}; float32 expected")
        if any(b <= a for a, b in zip(self.scenes, self.scenes[1:], strict=False)):
            raise BadInput(
                "cube: scenes are not in canonical order (instant, platform, id), each once; sort them first"
            )

    @property
    def days(self) -> Days:
        """(time,) days since 1970-01-01."""
        return np.array([s.day for s in self.scenes], np.int32)

    def plane(self, name: str) -> Float:
        """(time, y, x) float32 of one plane, NaN at looks of the other kind of sensor; raises BadInput for a stranger."""
        if name not in self.planes.names:
            raise BadInput(f"cube: no plane {name!r}; it holds {', '.join(self.planes.names)}")
        whose = [self.planes.of(scene) for scene in self.scenes]
        if self.planes.width == 1 and all(name in planes for planes in whose):
            return self.values[:, 0]
        layer = np.full((len(whose), *self.grid.shape), np.nan, np.float32)
        for look, planes in enumerate(whose):
            if name in planes:
                layer[look] = self.values[look, planes.index(name)]
        return layer

    def between(self, first_day: int, last_day: int) -> "Cube":
        """The looks of first_day <= day < last_day."""
        return self.take([i for i, s in enumerate(self.scenes) if first_day <= s.day < last_day])

    def take(self, looks: Sequence[int]) -> "Cube":
        """The looks of these positions, which must rise."""
        keep = list(looks)
        scenes = tuple(self.scenes[i] for i in keep)
        return Cube(self.grid, scenes, self.planes, self.values[keep], self.observation[keep])

    def narrow(self, planes: Planes) -> "Cube":
        """Only these planes, which must be the first ones of both kinds; raises BadInput where they are not."""
        if planes == self.planes:
            return self
        heads = self.planes.optical[: len(planes.optical)], self.planes.radar[: len(planes.radar)]
        if heads != (planes.optical, planes.radar):
            raise BadInput(f"cube: its planes do not begin with {', '.join(planes.names)}; read it with these in front")
        values = self.values[:, : planes.width].copy()
        for look, scene in enumerate(self.scenes):
            values[look, len(planes.of(scene)) :] = np.nan
        return Cube(self.grid, self.scenes, planes, values, self.observation)

    def crop(self, part: Grid) -> "Cube":
        """The cells of a part that lies inside; raises GridMismatch where it does not."""
        row, column = self.grid.offset(part)
        (rows, columns), (height, width) = part.shape, self.grid.shape
        if min(row, column) < 0 or row + rows > height or column + columns > width:
            raise GridMismatch(f"cube: the part {part.bounds} lies outside {self.grid.bounds}; crop what both hold")
        inner = np.s_[..., row : row + rows, column : column + columns]
        return Cube(part, self.scenes, self.planes, self.values[inner], self.observation[inner])

    def to_dataset(self) -> "xr.Dataset":
        """An xarray view for notebooks: a variable a plane, and `observation`; coordinates time, y, x of cell centres."""
        import xarray as xr  # only notebooks need it, and it takes a second to load

        half, (rows, columns) = self.grid.resolution / 2, self.grid.shape
        coords = {
            "time": np.array([s.instant for s in self.scenes], "datetime64[s]").astype("datetime64[ns]"),
            "scene": ("time", [s.id for s in self.scenes]),
            "platform": ("time", [s.platform for s in self.scenes]),
            "y": self.grid.north - half - self.grid.resolution * np.arange(rows),
            "x": self.grid.west + half + self.grid.resolution * np.arange(columns),
        }
        dims = ("time", "y", "x")
        data: dict[str, Any] = {name: (dims, self.plane(name)) for name in self.planes.names}
        data["observation"] = (dims, self.observation)
        return xr.Dataset(data, coords, {"crs": self.grid.crs, "resolution": self.grid.resolution})

    @classmethod
    def of(cls, grid: Grid, scenes: Sequence[Scene], planes: Planes, values: Float) -> "Cube":
        """A cube from (time, slot, y, x) values alone: where a plane of a look is not finite, the look counts as masked."""
        slots = (len(scenes), planes.width, *grid.shape)
        if values.shape != slots:
            raise GridMismatch(f"cube: values {values.shape}; (time, slot, y, x) {slots} expected")
        observed, clean = np.zeros((len(scenes), *grid.shape), np.bool_), np.full(slots, np.nan, np.float32)
        for look, scene in enumerate(scenes):
            mine = values[look, : len(planes.of(scene))]
            observed[look] = np.isfinite(mine).all(0) & (len(mine) > 0)
            clean[look, : len(mine)] = np.where(observed[look], mine, np.float32(np.nan))
        observation = np.where(observed, Observation.OBSERVED, Observation.MASKED).astype(np.uint8)
        return cls(grid, tuple(scenes), planes, clean, observation)
