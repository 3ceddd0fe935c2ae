"""What a job will cost, by arithmetic on its plan: nothing is read. And the two limits that stop it before it begins."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np

from detection.errors import BadInput
from detection.monitors import FIT_AT_A_TIME
from detection.sources import eerequests
from detection.sources.earthengine import EarthEngineParameters
from detection.sources.eeimages import layer_of
from detection.sources.sensors import SENSORS
from detection.sources.stac import StacParameters
from detection.types import Grid, Mask
from jobs.history.maps import NOTHING
from jobs.history.scratch import ITEM, rows_a_band
from jobs.history.yearly import period
from jobs.plan import HistoryPlan, Plan, TilePlan, Work, degrees, touching
from jobs.tile import SCENES_AT_A_TIME

SECONDS_A_CELL_LOOK_BAND: Final = 2.0e-7
"""Measured on the demo on 2026-11-21 (512 x 512 cells, 137 scenes, 2 bands and QA; 21 core seconds), reading, preparing and
detecting together."""
READS_AT_A_TIME: Final = 16
"""Windows of a remote source in memory at once, at its own resolution (`sources.connections`)."""
BYTES_A_WINDOW_CELL: Final = 8
"""Of such a window: as stored and as float32. Arithmetic, not measured."""
TILE_MULTIPLE: Final = 64
"""Tile sizes that are proposed."""
MEMORY_BASE_GB: Final = 0.35
"""Of a worker that holds no looks yet: libraries and compiled kernels (benchmarks/memory.py)."""
BYTES_A_CELL_LOOK: Final = 4.0
"""Of a tile's cells and kept looks: a status each, twice while looks are joined (benchmarks/memory.py)."""
BYTES_A_CELL_SLOT: Final = 8.0
"""Of every slot of such a look: a float32 value, twice while looks are joined (benchmarks/memory.py)."""
BYTES_A_FITTED_SLOT: Final = 32.0
"""Of every slot of the looks of the pixels that are fitted at once (benchmarks/memory.py)."""
BYTES_A_RAW_NUMBER: Final = 12.0
"""Of the raw numbers of the scenes read at once: as stored, and as float32 while they are scaled (benchmarks/memory.py)."""
COPIES_A_BAND: Final = 6
"""Of the values of a band of rows, while an archive is cut up: as read, without overlaps, as rows of pixels, and what the
method makes of them. Arithmetic, not measured."""
BYTES_OF_YEARS: Final = 2
"""Of a cell of a year of `index_yearly.tif`."""
COPIES_IN_A_TILE: Final = 4
"""Of the years of a tile: in bands of rows, joined, and compressed twice. Arithmetic, not measured."""
COPIES_IN_THE_END: Final = 4.3
"""Of the years of the whole grid while they are written: as stitched, GDAL's own, and compressed twice. Measured on
2026-11-30 on 30 years of 1500 x 1500 cells that hardly compress: `write_cog` took 3.3 times what it was given."""
DISK_A_CELL_SLOT: Final = 2.5
"""Bytes on disk of a cell of a slot of a kept look, compressed."""
DISK_A_CELL: Final = 150.0
"""Bytes on disk of a cell's state and products."""


@dataclass(frozen=True)
class Reading:
    """What is still to be read of one family of sensors."""

    sensor: str
    """Family of sensors."""
    scenes: int
    """Scenes not taken in yet."""
    bands: tuple[str, ...]
    """Bands to read."""
    gigabytes: float
    """As stored, uncompressed."""
    requests: int
    """To the provider; 0 for what lies here."""


def estimate(work: Work, taken: Collection[str] = (), left: Sequence[TilePlan] | None = None) -> dict[str, Any]:
    """What the job will cost; taken: ids of scenes that need not be read again, left: tiles still to do (None: all).

    Gigabytes are uncompressed: how well a provider's files are compressed was not measured. Times are those of one core of
    the development machine (`benchmarks/RESULTS.md`) and only tell the order of magnitude.
    """
    cells, scenes = work.grid.shape[0] * work.grid.shape[1], len(work.rows)
    to_read = readings(work, taken, left)
    to_do = cells if left is None else sum(tile.grid.shape[0] * tile.grid.shape[1] for tile in left)
    numbers = sum(to_do * part.scenes * (1 + len(part.bands)) for part in to_read)
    said: dict[str, Any] = {
        "tiles": len(work.tiles),
        "cells": cells,
        "scenes": scenes,
        "scenes still to read": sum(part.scenes for part in to_read),
    }
    if isinstance(work, Plan):
        said["scenes in the history"] = sum(row.scene.day < work.monitor_day for row in work.rows)
    if left is not None:
        said["tiles still to do"] = len(left)
    for part in to_read:
        said |= {
            f"{part.sensor}: scenes": part.scenes,
            f"{part.sensor}: bands": len(part.bands),
            f"{part.sensor}: gigabytes": round(part.gigabytes, 3),
        }
        if part.requests:
            said[f"{part.sensor}: requests"] = part.requests
    if isinstance(work, HistoryPlan):
        said["gigabytes of memory to put together"] = round(stitching_gb(work), 2)
    return said | {
        "gigabytes to read": round(sum(part.gigabytes for part in to_read), 3),
        "requests": sum(part.requests for part in to_read),
        "gigabytes of memory per worker": round(memory_gb(work), 2),
        "gigabytes of disk": round(_disk_gb(work, cells, scenes), 3),
        "core minutes": round(numbers * SECONDS_A_CELL_LOOK_BAND / 60, 1),
        "workers": work.config.cluster.workers,
    }


def _disk_gb(work: Work, cells: int, scenes: int) -> float:
    """Kept looks and products; of a history the products, and the looks of the tiles that are worked on at one time."""
    if isinstance(work, Plan):
        return cells * (scenes * work.planes.width * DISK_A_CELL_SLOT + DISK_A_CELL) / 1e9
    tile = min(cells, work.config.tiles.size**2) * (work.config.cluster.workers or os.cpu_count() or 1)
    kept = DISK_A_CELL + 2 * len(period(work.scenes)) * BYTES_OF_YEARS  # of a tile, and of the whole grid
    return (cells * kept + min(cells, tile) * scenes * work.planes.width * ITEM) / 1e9


def readings(work: Work, taken: Collection[str] = (), left: Sequence[TilePlan] | None = None) -> tuple[Reading, ...]:
    """Scenes, bytes and requests by family of sensors, in order of name; left: as in `estimate`."""
    known = set(taken)
    if left is not None and not left:
        return ()
    tiles = work.tiles if left is None else left
    padded = [tile.grid.pad(ceil(work.config.tiles.halo_m / tile.grid.resolution)) for tile in tiles]
    boxes = degrees(padded)
    sizes = np.array([grid.shape[0] * grid.shape[1] for grid in padded])
    found = []
    for sensor in work.sensors:
        rows = [row for row in work.rows if row.sensor == sensor and row.scene.id not in known]
        bands = work.bands(sensor)
        meets = touching(rows, boxes)
        numbers = float((meets @ sizes).sum())
        bytes_ = numbers * sum(_bytes(work, sensor, band) for band in bands)
        found.append(Reading(sensor, len(rows), bands, bytes_ / 1e9, _requests(work, sensor, padded, meets)))
    return tuple(found)


def memory_gb(work: Work, size: int | None = None) -> float:
    """Gigabytes a worker needs at its peak, for tiles of at most size x size cells (those of the plan)."""
    size = size or work.config.tiles.size
    rows, columns = (min(size, side) for side in work.grid.shape)
    halo = 2 * ceil(work.config.tiles.halo_m / work.grid.resolution)
    padded = (rows + halo) * (columns + halo)
    bands = max(len(work.bands(sensor)) for sensor in work.sensors)
    raw = padded * SCENES_AT_A_TIME * bands * BYTES_A_RAW_NUMBER
    finest = min(_native_m(work, sensor, band) for sensor in work.sensors for band in work.bands(sensor))
    windows = (
        padded * (work.grid.resolution / finest) ** 2 * READS_AT_A_TIME * BYTES_A_WINDOW_CELL if _remote(work) else 0
    )
    looks = int(touching(work.rows, degrees([tile.grid for tile in work.tiles])).sum(0).max())
    slots = work.planes.width
    if not isinstance(work, Plan):  # its looks lie on disk, and come back in bands of rows
        band = min(rows, rows_a_band(looks, slots, columns)) * columns * looks * slots * ITEM
        years = rows * columns * len(period(work.scenes)) * BYTES_OF_YEARS * COPIES_IN_A_TILE
        return MEMORY_BASE_GB + (raw + windows + band * COPIES_A_BAND + years) / 1e9
    kept = rows * columns * looks * (BYTES_A_CELL_LOOK + slots * BYTES_A_CELL_SLOT)
    kept += min(rows * columns, FIT_AT_A_TIME) * looks * slots * BYTES_A_FITTED_SLOT
    return MEMORY_BASE_GB + (kept + raw + windows) / 1e9


def stitching_gb(work: HistoryPlan) -> float:
    """Gigabytes the process that hands out the tiles needs at its peak: layers and years of the whole grid."""
    layers = sum(np.dtype(kind).itemsize for _, kind in NOTHING.values())
    years = len(period(work.scenes)) * BYTES_OF_YEARS * COPIES_IN_THE_END
    return MEMORY_BASE_GB + work.grid.shape[0] * work.grid.shape[1] * (layers + years) / 1e9


def check_memory(work: Work) -> None:
    """Raises BadInput when a worker's memory would not hold a tile, naming the largest that fits, or one of its size not the
    years of the whole grid."""
    _check_stitching(work)
    limit, needed = work.config.cluster.memory_gb_per_worker, memory_gb(work)
    if needed <= limit:
        return
    sizes = range(TILE_MULTIPLE, work.config.tiles.size, TILE_MULTIPLE)
    fitting = max((size for size in sizes if memory_gb(work, size) <= limit), default=None)
    shorten = "shorten history.years, or raise" if isinstance(work, Plan) else "shorten period, or raise"
    remedy = f"set tiles.size to {fitting}, or raise" if fitting else shorten
    raise BadInput(
        f"{work.config.name}: {len(work.rows)} scenes on tiles of {work.config.tiles.size} cells need about {needed:.1f} GB "
        f"per worker, cluster.memory_gb_per_worker is {limit:g}; {remedy} cluster.memory_gb_per_worker"
    )


def _check_stitching(work: Work) -> None:
    if not isinstance(work, HistoryPlan) or stitching_gb(work) <= work.config.cluster.memory_gb_per_worker:
        return
    raise BadInput(
        f"{work.config.name}: putting {len(period(work.scenes))} years of {work.grid.shape[0]} x {work.grid.shape[1]} cells "
        f"together needs about {stitching_gb(work):.1f} GB, cluster.memory_gb_per_worker is "
        f"{work.config.cluster.memory_gb_per_worker:g}; take a smaller area, coarser cells or a shorter period, or raise "
        "cluster.memory_gb_per_worker"
    )


def check_budget(
    work: Work, max_gb: float | None, taken: Collection[str] = (), left: Sequence[TilePlan] | None = None
) -> None:
    """Raises BadInput when more than max_gb gigabytes are still to be read; None sets no limit."""
    if max_gb is None:
        return
    gigabytes = sum(part.gigabytes for part in readings(work, taken, left))
    if gigabytes > max_gb:
        raise BadInput(
            f"{work.config.name}: {gigabytes:.3g} GB are still to be read (uncompressed), --max-gb allows {max_gb:g}; "
            "take a smaller area, fewer sensors or a shorter history, or raise --max-gb"
        )


def _remote(work: Work) -> bool:
    """Are scenes read as they are stored, and brought onto the grid here?"""
    return isinstance(work.config.sources, (StacParameters, EarthEngineParameters))


def _dtype(sensor: str, band: str) -> str:
    """How a band is stored; float32 where the family does not say."""
    return "float32" if SENSORS[sensor].unit == "any" else layer_of(band).dtype


def _native_m(work: Work, sensor: str, band: str) -> int:
    """Cell size a band is read at, metres."""
    family = SENSORS[sensor]
    sizes = dict(zip((*family.bands, *family.optional), family.native_m, strict=False)) if _remote(work) else {}
    return sizes.get(band, work.grid.resolution)


def _bytes(work: Work, sensor: str, band: str) -> float:
    """Bytes to read of a band for one cell of the grid, uncompressed."""
    return np.dtype(_dtype(sensor, band)).itemsize * (work.grid.resolution / _native_m(work, sensor, band)) ** 2


def _requests(work: Work, sensor: str, grids: Sequence[Grid], meets: Mask) -> int:
    """STAC: a window of every asset for every tile it reaches. Earth Engine: the fewest of whole images (`eerequests`)."""
    source, bands = work.config.sources, work.bands(sensor)
    if isinstance(source, StacParameters):
        return int(meets.sum()) * len(bands)
    if not isinstance(source, EarthEngineParameters):
        return 0
    limits = eerequests.Limits(size=int(source.max_request_mb * 1e6))
    total = 0
    for step in sorted({_native_m(work, sensor, band) for band in bands}):
        dtypes = [_dtype(sensor, band) for band in bands if _native_m(work, sensor, band) == step]
        for grid, looks in zip(grids, meets.sum(0), strict=True):
            rows, columns = (ceil(side * grid.resolution / step) for side in grid.shape)
            total += len(eerequests.plan(int(looks), (rows, columns), dtypes, limits))
    return total
