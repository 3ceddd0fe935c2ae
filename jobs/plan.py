"""What a job is going to do: its grid, tiles, scenes and what they will cost, before anything is spent."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import CRSError
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from detection.areas import inside, project, read_area
from detection.context import check, describe
from detection.errors import BadInput, GridMismatch, NoImagery, UnknownBand
from detection.monitors import Detector
from detection.monitors.fusion import Fusion
from detection.prepare import RADAR, bands_needed, planes_of, reach_m
from detection.prepare.harmonise import BANDPASS
from detection.sources import Source, Traffic
from detection.sources.earthengine import EarthEngine
from detection.sources.files import Files, FilesParameters
from detection.sources.sensors import SENSORS
from detection.sources.simulated import OFFERED, Simulated, SimulatedParameters
from detection.sources.stac import Stac, StacParameters
from detection.types import RADAR_PLATFORM, Grid, Mask, Planes, Row, Scene, digest, to_day
from jobs.config import HistoryConfig, JobConfig, SourceParameters
from jobs.where import BboxArea, FileArea, SourceArea
from models.around import widened

DEGREES: Final = "EPSG:4326"
FOREVER: Final = to_day(date(9999, 1, 1))
MAX_CELLS: Final = 10**9
"""Larger grids are refused before anything is allocated: at the end a run holds its rasters, 18 bytes a cell, in memory
(`jobs/publish.py`). Chosen: 900,000 km2 at 30 m, 100,000 km2 at 10 m."""


@dataclass(frozen=True)
class TilePlan:
    """One piece of the grid."""

    id: str
    """Derived from its place in the tiling."""
    grid: Grid
    """Its own cells, without the halo."""


@dataclass(frozen=True)
class Work(ABC):
    """A job that reads scenes, of whatever kind, worked out."""

    config: JobConfig | HistoryConfig
    """What the analyst asked for."""
    grid: Grid
    """The job's one grid."""
    area: BaseGeometry | None
    """Where to look, in the grid's CRS; None is everywhere."""
    tiles: tuple[TilePlan, ...]
    """Cover the grid once."""
    rows: tuple[Row, ...]
    """The manifest, in canonical order."""
    not_understood: tuple[str, ...] = ()
    """What the catalogue lists and nobody could make sense of, a line each: it may have been a scene."""

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """The scenes of the manifest."""
        return tuple(row.scene for row in self.rows)

    @property
    def sensors(self) -> tuple[str, ...]:
        """Families of sensors in the manifest, sorted."""
        return tuple(sorted({row.sensor for row in self.rows}))

    @cached_property
    @abstractmethod
    def planes(self) -> Planes:
        """What a look holds."""

    def planes_from(self, sensor: str) -> tuple[str, ...]:
        """The planes that looks of a family of sensors have, each once."""
        scenes = (row.scene for row in self.rows if row.sensor == sensor)
        return tuple(dict.fromkeys(name for scene in scenes for name in self.planes.of(scene)))

    def bands(self, sensor: str) -> tuple[str, ...]:
        """The bands to read of a family of sensors."""
        there = offered(self.config.sources, sensor)
        return bands_needed(self.config.prepare, SENSORS[sensor], there, self.planes_from(sensor))

    @property
    def processing(self) -> str:
        """Digest of all that makes a look out of raw numbers: looks of different processing are never compared."""
        mine = self.config
        said = {"prepare": asdict(mine.prepare), "context": asdict(mine.context), "halo_m": mine.tiles.halo_m}
        return digest(said | {"planes": asdict(self.planes)})

    @property
    def simulated(self) -> bool:
        """Is the input simulated?"""
        return isinstance(self.config.sources, SimulatedParameters)


@dataclass(frozen=True)
class Plan(Work):
    """A monitoring job, worked out."""

    config: JobConfig
    """What the analyst asked for."""
    told: Planes | None = None
    """The planes that tiles tell the model of; None: no model judges."""

    @cached_property
    def watched(self) -> Planes:
        """The planes of the monitor."""
        return planes_of(self.config.monitor, self.config.prepare, self.scenes)

    @cached_property
    def planes(self) -> Planes:
        """What a look holds: the planes of the monitor, and after them those that a model wants besides."""
        return self.watched if self.told is None else widened(self.watched, self.told, self._given)

    def _given(self, name: str) -> bool:
        """Can every optical sensor of the manifest give a plane, within the halo? The model does without what one of them
        lacks."""
        within = reach_m(self.config.prepare, (name,)) <= self.config.tiles.halo_m
        return within and all(
            _gives(self, sensor, name) for sensor in self.sensors if SENSORS[sensor].unit not in RADAR
        )

    @property
    def monitor_day(self) -> int:
        """First monitored day."""
        return to_day(self.config.period.monitor_from)

    @property
    def detector(self) -> Detector:
        """All that decides about a pixel."""
        mine = self.config
        return Detector(mine.history, mine.monitor, mine.decision, mine.prepare.loss)

    @property
    def baseline(self) -> str:
        """What "forest" means in this job."""
        if self.config.context.forest is not None or self.config.context.gfc is not None:
            return describe(self.config.context)
        floor = self.config.history.forest_min
        return "own history" if floor is None else f"own history, {self.watched.leading} at least {floor:g}"


@dataclass(frozen=True)
class HistoryPlan(Work):
    """A job over a whole archive, worked out."""

    config: HistoryConfig
    """What the analyst asked for."""
    told: Planes | None = None
    """The planes that tiles tell the model of; None: no model judges."""

    @cached_property
    def planes(self) -> Planes:
        """What a look holds: the index, and what is modelled beside it, all of one kind of sensor."""
        names = self.config.names
        return Planes((), names) if any(scene.radar for scene in self.scenes) else Planes(names)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the analyst should know before believing the maps."""
        unlike = {BANDPASS[p].source if p in BANDPASS else "" for p in {scene.platform for scene in self.scenes}}
        if self.config.prepare.harmonise or len(unlike) < 2:
            return ()
        platforms = ", ".join(sorted({scene.platform for scene in self.scenes}))
        seen = f"instruments that see differently ({platforms}) are not harmonised"
        return (f"{seen}, and a step between them can look like loss; set prepare.harmonise: true",)


W = TypeVar("W", bound=Work)


def open_source(parameters: SourceParameters, traffic: Traffic | None = None) -> Source:
    """The source of these parameters; to add one, add its class here and its parameters to `jobs/config.py`."""
    if isinstance(parameters, FilesParameters):
        return Files(parameters)
    if isinstance(parameters, SimulatedParameters):
        return Simulated(parameters)
    kind: type[Stac] | type[EarthEngine] = Stac if isinstance(parameters, StacParameters) else EarthEngine
    return kind(parameters, traffic or Traffic())  # type: ignore[arg-type]


def offered(parameters: SourceParameters, sensor: str) -> tuple[str, ...]:
    """Names of the bands this source has of a family of sensors."""
    if isinstance(parameters, FilesParameters):
        return parameters.bands
    if isinstance(parameters, SimulatedParameters):
        return OFFERED[sensor]
    return (Stac if isinstance(parameters, StacParameters) else EarthEngine).offers(parameters, sensor)  # type: ignore[arg-type]


def plan(config: JobConfig, told: Planes | None = None) -> Plan:
    """Look at the source and cut the work; told: the planes that a model wants to be told of.

    Raises BadInput or one of its leaves, with one line that names the remedy."""
    first = to_day(config.period.monitor_from) - int(config.history.years * 365.25)
    made = _cut(Plan, config, first, config.period.until)
    if not any(row.scene.day < made.monitor_day for row in made.rows):
        raise NoImagery(
            f"{config.name}: no scene before {config.period.monitor_from} (history: {config.history.years:g} years); "
            "let period.monitor_from begin later, or give the source older scenes"
        )
    made = made if told is None else replace(made, told=told)
    _check_rows(made)
    return made


def plan_history(config: HistoryConfig) -> HistoryPlan:
    """As `plan`, of a whole archive."""
    since = config.period.since
    made = _cut(HistoryPlan, config, to_day(since) if since else 0, config.period.until)
    if not made.rows:
        raise NoImagery(
            f"{config.name}: the source has no scene of this area and period; widen `period` or move `area`"
        )
    if len({scene.radar for scene in made.scenes}) > 1:
        raise BadInput(
            f"{config.name}: the source has optical and radar scenes, an archive is cut up by one kind of planes; "
            "name one kind in sources, and make a job of each"
        )
    _check_rows(made)
    return made


def plan_looks(config: JobConfig, source: Source, told: Planes) -> Plan:
    """As `plan`, of all looks from `period.monitor_from` on, whatever came before; source: that of the config."""
    made = _cut(Plan, config, to_day(config.period.monitor_from), config.period.until, source)
    if not made.rows:
        raise NoImagery(
            f"{config.name}: the source has no scene of this area and period; widen `period` or move `area`"
        )
    made = replace(made, told=told)
    _check_rows(made)
    return made


def _cut(
    kind: type[W], config: JobConfig | HistoryConfig, first: int, until: date | None, source: Source | None = None
) -> W:
    """The scenes from a day on, and the tiles."""
    source = source or open_source(config.sources)
    grid, area = _grid_and_area(config, source.grid())
    check(config.context, grid)
    rows = source.manifest(first, to_day(until) if until else FOREVER, grid)
    tiles = tuple(_named(tile, grid, config.tiles.size) for tile in grid.tiles(config.tiles.size))
    lines = tuple(f"{name}: {reason.removeprefix(f'{name}: ')}" for name, reason in source.failures)
    return kind(config, grid, area, tiles, rows, lines)


def degrees(grids: Sequence[Grid]) -> NDArray[np.float64]:
    """(grid, 4): west, south, east, north of every grid in degrees; the grids share a CRS."""
    to_lonlat = Transformer.from_crs(grids[0].crs, "EPSG:4326", always_xy=True)
    return np.array([to_lonlat.transform_bounds(*grid.bounds) for grid in grids])


def touching(rows: Sequence[Row], boxes: NDArray[np.float64]) -> Mask:
    """(row, tile) True where a scene's footprint may reach a tile; a scene that names none may reach all."""
    everywhere = (-np.inf, -np.inf, np.inf, np.inf)
    reach = np.array([row.bounds or everywhere for row in rows], np.float64).reshape(-1, 1, 4)
    meets: Mask = (
        (reach[..., 0] <= boxes[:, 2])
        & (reach[..., 2] >= boxes[:, 0])
        & (reach[..., 1] <= boxes[:, 3])
        & (reach[..., 3] >= boxes[:, 1])
    )
    return meets


def _grid_and_area(config: JobConfig | HistoryConfig, native: Grid | None) -> tuple[Grid, BaseGeometry | None]:
    if isinstance(config.area, SourceArea):
        if native is None:
            raise BadInput(f"{config.name}: this source covers the world; give `area` as a bbox or a file")
        _check_lattice(config, native, exact=True)
        return native, None
    crs = config.grid.crs or (native.crs if native else utm_zone(_area(config.area, DEGREES)))
    resolution = config.grid.resolution or (native.resolution if native else _resolution(config.sources))
    if native is not None:
        _check_lattice(config, native, exact=False)
    area = _area(config.area, crs)
    grid = Grid.covering(crs, area.bounds, resolution)
    if grid.shape[0] * grid.shape[1] > MAX_CELLS:
        raise BadInput(
            f"{config.name}: the area takes {grid.shape[0]} x {grid.shape[1]} cells of {resolution} m, over {MAX_CELLS:,}; "
            "cut it into several jobs"
        )
    if native is not None and not box(*grid.bounds).intersects(box(*native.bounds)) and crs == native.crs:
        raise NoImagery(f"{config.name}: the area {grid.bounds} does not touch the source's {native.bounds} ({crs})")
    if not inside(area, grid).any():
        raise BadInput(f"{config.name}: the area holds no cell centre of {resolution} m; give a larger area")
    return grid, area


def _check_lattice(config: JobConfig | HistoryConfig, native: Grid, *, exact: bool) -> None:
    """The grid asked for is that of the local data: 326xx and 327xx differ by whole cells only, unless `exact`."""
    crs, resolution = config.grid.crs or native.crs, config.grid.resolution or native.resolution
    same = crs == native.crs if exact else crs[-2:] == native.crs[-2:]
    if not same or resolution != native.resolution:
        kind = BadInput if exact else GridMismatch
        raise kind(
            f"{config.name}: the grid asks for {crs} at {resolution} m, the source has {native.lattice}; "
            "local files are not resampled: leave grid.crs and grid.resolution out"
        )


def utm_zone(area: BaseGeometry) -> str:
    """The UTM zone, EPSG:326xx or EPSG:327xx, of the middle of an area in degrees."""
    longitude, latitude = area.centroid.x, area.centroid.y
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + min(60, int((longitude + 180) // 6) + 1)}"


def _resolution(sources: SourceParameters) -> int:
    """30 m where Landsat takes part, 10 m for Sentinel alone."""
    return 30 if "landsat" in getattr(sources, "sensors", ("landsat",)) else 10


def _area(area: BboxArea | FileArea, crs: str) -> BaseGeometry:
    if isinstance(area, FileArea):
        return read_area(area.path, crs)
    corners = box(area.west, area.south, area.east, area.north)
    try:
        return project(corners.segmentize(corners.length / 100), area.crs, crs)
    except CRSError:
        raise BadInput(f"area.crs: {area.crs} is not a CRS that PROJ knows; give EPSG:4326 or the UTM zone") from None


def _check_rows(work: Work) -> None:
    """What the planes take is known before any tile is begun, sensor by sensor."""
    for sensor in work.sensors:
        _check_bands(work, sensor)
        _check_orbits(work, sensor)


def _check_bands(work: Work, sensor: str) -> None:
    """The source has the bands that the planes are made of."""
    config, there = work.config, offered(work.config.sources, sensor)
    fused = _fuses(config)
    scenes = [row.scene for row in work.rows if row.sensor == sensor]
    unheard = [scene for scene in scenes if not scene.radar]
    if fused and SENSORS[sensor].unit in RADAR and unheard:
        raise BadInput(
            f"{config.name}: scenes of {sensor} name the platform {unheard[0].platform!r}, which tells no radar; "
            f"set sources.platform to {RADAR_PLATFORM}a or the like"
        )
    fuse_key = "monitor.radar" if scenes[0].radar else "monitor.optical"
    if not work.planes_from(sensor):
        raise BadInput(
            f"{config.name}: {fuse_key} names no plane, the source has {sensor}; name one, or leave that sensor out"
        )
    for name in work.planes_from(sensor):
        key = fuse_key if fused else "prepare.index" if name == config.prepare.index else "planes"
        try:
            needed = bands_needed(config.prepare, SENSORS[sensor], there, (name,))
        except UnknownBand as error:
            raise UnknownBand(f"{config.name}: {key}: {error}") from None
        missing = [band for band in needed if band not in there]
        if missing:
            raise UnknownBand(
                f"{config.name}: {key} {name!r} needs band {missing[0]!r}, sources.bands names {', '.join(there)}; "
                "add it there, or choose another index"
            )


def _gives(work: Work, sensor: str, name: str) -> bool:
    """Can the source give this plane of a family of sensors?"""
    there = offered(work.config.sources, sensor)
    try:
        return set(bands_needed(work.config.prepare, SENSORS[sensor], there, (name,))) <= set(there)
    except UnknownBand:
        return False


def _check_orbits(work: Work, sensor: str) -> None:
    """Radar keeps to one orbit, but for a monitor that knows what to make of several."""
    orbits = Counter(row.scene.orbit for row in work.rows if row.sensor == sensor)
    if SENSORS[sensor].unit in RADAR and len(orbits) > 1 and not _fuses(work.config):
        found = ", ".join(f"{orbit or 'unknown'} ({n} scenes)" for orbit, n in orbits.most_common())
        raise BadInput(
            f"{work.config.name}: {sensor} is seen from {len(orbits)} relative orbits: {found}; their backscatter differs "
            "by the angle: name one in sources.orbits, and make a job of each"
        )


def _fuses(config: JobConfig | HistoryConfig) -> bool:
    return isinstance(getattr(config, "monitor", None), Fusion)


def _named(tile: Grid, grid: Grid, size: int) -> TilePlan:
    row, column = grid.offset(tile)
    return TilePlan(f"t{row // size:03d}x{column // size:03d}", tile)
