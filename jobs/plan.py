"""What a job is going to do: its grid, tiles, scenes and what they will cost, before anything is spent."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pyproj.exceptions import CRSError
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from detection.areas import inside, project, read_area
from detection.errors import BadInput, GridMismatch, NoImagery, UnknownBand
from detection.monitors import Detector
from detection.prepare import bands_needed
from detection.sources import Source
from detection.sources.files import Files, FilesParameters
from detection.sources.sensors import SENSORS, Sensor
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import Grid, Scene, to_day
from jobs.config import BboxArea, FileArea, JobConfig, SourceArea

FOREVER: Final = to_day(date(9999, 1, 1))
SECONDS_A_CELL_LOOK_BAND: Final = 2.0e-7
"""Measured on the demo on 2026-11-21 (512 x 512 cells, 137 scenes, 2 bands and QA; 21 core seconds), reading, preparing and
detecting together."""
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
class Plan:
    """A job, worked out."""

    config: JobConfig
    """What the analyst asked for."""
    grid: Grid
    """The job's one grid."""
    area: BaseGeometry | None
    """Where to look, in the grid's CRS; None is everywhere."""
    tiles: tuple[TilePlan, ...]
    """Cover the grid once."""
    scenes: tuple[Scene, ...]
    """History and monitoring, in canonical order."""

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
    def sensor(self) -> Sensor:
        """What the source's numbers mean."""
        return SENSORS[self.config.sources.sensor]

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands to read."""
        return bands_needed(self.config.prepare, self.sensor)

    @property
    def simulated(self) -> bool:
        """Is the input simulated?"""
        return isinstance(self.config.sources, SimulatedParameters)

    @property
    def baseline(self) -> str:
        """What "forest" means in this job."""
        floor = self.config.history.forest_min
        return "own history" if floor is None else f"own history, {self.config.prepare.index} at least {floor:g}"


def open_source(parameters: FilesParameters | SimulatedParameters) -> Source:
    """The source of these parameters; to add one, add its class here and its parameters to `jobs/config.py`."""
    return Files(parameters) if isinstance(parameters, FilesParameters) else Simulated(parameters)


def plan(config: JobConfig) -> Plan:
    """Look at the source and cut the work. Raises BadInput or one of its leaves, with one line that names the remedy."""
    source = open_source(config.sources)
    _check_bands(config)
    first = to_day(config.period.monitor_from) - int(config.history.years * 365.25)
    last = to_day(config.period.until) if config.period.until else FOREVER
    scenes = source.manifest(first, last)
    if not any(s.day < to_day(config.period.monitor_from) for s in scenes):
        raise NoImagery(
            f"{config.name}: no scene before {config.period.monitor_from} (history: {config.history.years:g} years); "
            "let period.monitor_from begin later, or give the source older scenes"
        )
    grid, area = _grid_and_area(config, source.grid())
    tiles = tuple(_named(tile, grid, config.tiles.size) for tile in grid.tiles(config.tiles.size))
    return Plan(config, grid, area, tiles, scenes)


def estimate(work: Plan) -> dict[str, Any]:
    """What the job will cost, by arithmetic on its plan: nothing is read.

    Times are those of one core of the development machine (`benchmarks/RESULTS.md`) and only tell the order of magnitude.
    """
    cells, scenes = work.grid.shape[0] * work.grid.shape[1], len(work.scenes)
    tile = max(t.grid.shape[0] * t.grid.shape[1] for t in work.tiles)
    history = sum(s.day < work.monitor_day for s in work.scenes)
    raw = 2 if isinstance(work.config.sources, SimulatedParameters) else 4
    return {
        "tiles": len(work.tiles),
        "cells": cells,
        "scenes": scenes,
        "scenes in the history": history,
        "bands": len(work.bands),
        "gigabytes to read": round(cells * scenes * len(work.bands) * raw / 1e9, 3),
        "gigabytes of memory per worker": round((tile * scenes * 14 + tile * 32 * len(work.bands) * 8) / 1e9 + 0.3, 2),
        "gigabytes of disk": round(cells * scenes * 2.5 / 1e9 + cells * 150 / 1e9, 3),
        "core minutes": round(cells * scenes * (1 + len(work.bands)) * SECONDS_A_CELL_LOOK_BAND / 60, 1),
        "workers": work.config.cluster.workers,
    }


def _grid_and_area(config: JobConfig, native: Grid) -> tuple[Grid, BaseGeometry | None]:
    crs, resolution = config.grid.crs or native.crs, config.grid.resolution or native.resolution
    if isinstance(config.area, SourceArea):
        if (crs, resolution) != (native.crs, native.resolution):
            raise BadInput(
                f"{config.name}: the grid asks for {crs} at {resolution} m, the source has {native.lattice}; "
                "nothing is resampled yet: leave grid.crs and grid.resolution out"
            )
        return native, None
    if resolution != native.resolution or crs[-2:] != native.crs[-2:]:  # 326xx and 327xx differ by whole cells only
        raise GridMismatch(
            f"{config.name}: the grid asks for {crs} at {resolution} m, the source has {native.lattice}; "
            "nothing is resampled yet: leave grid.crs and grid.resolution out"
        )
    area = _area(config.area, crs)
    grid = Grid.covering(crs, area.bounds, resolution)
    if grid.shape[0] * grid.shape[1] > MAX_CELLS:
        raise BadInput(
            f"{config.name}: the area takes {grid.shape[0]} x {grid.shape[1]} cells of {resolution} m, over {MAX_CELLS:,}; "
            "cut it into several jobs"
        )
    if not box(*grid.bounds).intersects(box(*native.bounds)) and crs == native.crs:
        raise NoImagery(f"{config.name}: the area {grid.bounds} does not touch the source's {native.bounds} ({crs})")
    if not inside(area, grid).any():
        raise BadInput(f"{config.name}: the area holds no cell centre of {resolution} m; give a larger area")
    return grid, area


def _area(area: BboxArea | FileArea, crs: str) -> BaseGeometry:
    if isinstance(area, FileArea):
        return read_area(area.path, crs)
    corners = box(area.west, area.south, area.east, area.north)
    try:
        return project(corners.segmentize(corners.length / 100), area.crs, crs)
    except CRSError:
        raise BadInput(f"area.crs: {area.crs} is not a CRS that PROJ knows; give EPSG:4326 or the UTM zone") from None


def _check_bands(config: JobConfig) -> None:
    """The bands the index is made of are known before any tile is begun."""
    needed = bands_needed(config.prepare, SENSORS[config.sources.sensor])
    there = config.sources.bands if isinstance(config.sources, FilesParameters) else needed
    missing = [band for band in needed if band not in there]
    if missing:
        raise UnknownBand(
            f"{config.name}: prepare.index {config.prepare.index!r} needs band {missing[0]!r}, sources.bands names "
            f"{', '.join(there)}; add it there, or choose another index"
        )


def _named(tile: Grid, grid: Grid, size: int) -> TilePlan:
    row, column = grid.offset(tile)
    return TilePlan(f"t{row // size:03d}x{column // size:03d}", tile)
