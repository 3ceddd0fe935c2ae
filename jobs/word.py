"""The model's word in a job: what a tile tells of its flagged cells, and the log of all tiles as it reads with that word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.context import known
from detection.errors import StaleState
from detection.monitors import Looks
from detection.patches import on_lattice
from detection.patches.record import CELL_LOG
from detection.types import Cube, Grid, Planes
from jobs.memory import lattice_log
from jobs.plan import Plan, Work
from jobs.state import Generation, read_generation
from models.cells import CELL, FOUND, Told, gathered, moments, tell
from models.decide import Judged, decided, judged, mapped
from models.predict import wanted
from models.registry import Model
from models.stream import ground_of
from models.surroundings import Ground, laid

ROWS, FOUND_AT, OPEN, WATER = "told.rows", "told.found", "told.open", "told.water"
UNKNOWN: Final = -1
"""In the stored ground: not known."""
TOLD: Final = "told"
"""Attribute: the planes that were told of, null where no model asked."""


@dataclass(frozen=True)
class Word:
    """The transitions of all tiles as they read with the model's word."""

    log: NDArray[Any]
    """CELL_LOG rows."""
    found: Judged | None
    """What the model says; None without one."""


def told_of(
    plan: Plan, grid: Grid, cube: Cube, log: NDArray[Any], monitored: NDArray[np.uint8]
) -> dict[str, NDArray[Any]]:
    """What a tile tells of its flagged cells, as arrays of its state: log: its transitions (LOG rows)."""
    if plan.told is None:
        return {}
    found = moments(log, cube.scenes)
    told = tell(Looks.of(cube), cube.planes, grid, found, plan.told)
    history = Looks.of(cube.take([i for i, scene in enumerate(cube.scenes) if scene.day < plan.monitor_day]))
    ground = ground_of(monitored, history, cube.planes, grid)
    packed = {
        name: np.where(np.isfinite(a), a, UNKNOWN).astype(np.int8)
        for name, a in ((OPEN, ground.open), (WATER, ground.water))
    }
    return {ROWS: told.rows, FOUND_AT: found.view(np.uint8).reshape(len(found), FOUND.itemsize), **packed}


def read_told(arrays: Mapping[str, NDArray[Any]], grid: Grid) -> tuple[Told, Ground]:
    """The inverse of `told_of`, at cells of the absolute lattice."""
    raw = np.ascontiguousarray(arrays[FOUND_AT])
    found = raw.reshape(-1).view(FOUND) if raw.size else np.zeros(0, FOUND)
    layers = (np.where(arrays[n] == UNKNOWN, np.float32(np.nan), arrays[n]).astype(np.float32) for n in (OPEN, WATER))
    return Told(on_lattice(found, grid, CELL), arrays[ROWS]), Ground((grid.first_row, grid.first_column), *layers)


def check_told(plan: Plan, model: Model | None, attributes: Mapping[str, Any]) -> None:
    """Raise StaleState where a tile's state does not tell of what the model asks for."""
    if model is not None and attributes.get(TOLD) not in (None, as_told(wanted(model))):
        raise StaleState(
            f"{plan.config.name}: its state tells of other planes than model {model.identity} asks for; give the job with "
            "the other model another name, or restore the one it had"
        )


def as_told(planes: Planes | None) -> list[list[str]] | None:
    """Planes as an attribute."""
    return None if planes is None else [list(planes.optical), list(planes.radar)]


def words(plan: Plan, model: Model | None, folder: Path, states: Sequence[tuple[Grid, Generation | None]]) -> Word:
    """The transitions of all tiles, with the model's word on those of tiles that tell of theirs. folder: of the generations;
    states: of the tiles, None where there is none yet."""
    silent, heard, told = [np.zeros(0, CELL_LOG)], [np.zeros(0, CELL_LOG)], []
    for grid, generation in states:
        if generation is None:
            continue
        log = lattice_log(folder, generation, grid)  # verifies the whole generation, so that what follows need not
        _, attributes = read_generation(folder, generation, verify=False, only=())
        if model is None or not attributes.get(TOLD):
            silent.append(log)
            continue
        arrays, _ = read_generation(folder, generation, verify=False, only=(ROWS, FOUND_AT, OPEN, WATER))
        told.append(read_told(arrays, grid))
        heard.append(log)
    if model is None or not told:
        return Word(np.concatenate(silent), None)
    word = spoken(plan, model, np.concatenate(heard), told)
    return Word(np.concatenate([word.log, *silent]), word.found)


def spoken(plan: Plan, model: Model, log: NDArray[Any], tiles: Sequence[tuple[Told, Ground]]) -> Word:
    """The log of all tiles with the model's word on every flagged cell; tiles: what each tells."""
    told, ground = gathered([told for told, _ in tiles]), laid([ground for _, ground in tiles])
    found = on_peat(judged(model, told, ground), plan)
    return Word(decided(plan.config.model.doubt, log, found), found)


def on_peat(found: Judged, work: Work) -> Judged:
    """The same with what the config's map of peat says of the cells, tile by tile. Raises as `detection.context.read_mask`."""
    layer = work.config.context.peat
    if layer is None:
        return found
    for grid in (tile.grid for tile in work.tiles):
        corner = grid.first_row, grid.first_column
        row, column = found.cells["row"] - corner[0], found.cells["column"] - corner[1]
        if ((row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])).any():
            found = mapped(found, known(layer, grid), corner)
    return found
