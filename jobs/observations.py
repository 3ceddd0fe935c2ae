"""Prepared looks kept for replay and charts: the cube a detector saw, bit for bit, as one generation."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.types import Cube, Grid, Planes, Scene
from jobs.state import Generation, read_generation, write_generation

VALUES: Final = "values"
OBSERVATION: Final = "observation"
INSTANTS: Final = "instants"
EXTRA: Final = "extra."
"""Before the names of the caller's own arrays, so that they can never stand in for one of the cube's."""


def write_looks(folder: Path, tile_id: str, cube: Cube, extra: Mapping[str, NDArray[Any]]) -> Generation:
    """Writes a cube, and arrays of the caller's choice that belong to it (other bands, common mode, ...).

    Values stay float32 to the bit, so that a replay gives the same state. Raises as `write_generation`.
    """
    arrays: dict[str, NDArray[Any]] = {
        VALUES: cube.values,
        OBSERVATION: cube.observation,
        INSTANTS: np.array([scene.instant for scene in cube.scenes], np.int64),
        **{EXTRA + name: array for name, array in extra.items()},
    }
    attributes = {
        "planes": asdict(cube.planes),
        "grid": asdict(cube.grid),
        "scenes": [[scene.platform, scene.id, scene.orbit] for scene in cube.scenes],
    }
    return write_generation(folder, f"{tile_id}-looks", arrays, attributes)


def read_looks(folder: Path, generation: Generation, verify: bool = True) -> Cube:
    """The cube as it was written. Raises DamagedGeneration as `read_generation`."""
    arrays, attributes = read_generation(folder, generation, verify, (VALUES, OBSERVATION, INSTANTS))
    grid = Grid(**{**attributes["grid"], "shape": tuple(attributes["grid"]["shape"])})
    named = zip(arrays[INSTANTS].tolist(), attributes["scenes"], strict=True)
    scenes = tuple(Scene(instant, platform, name, orbit) for instant, (platform, name, orbit) in named)
    planes = Planes(**{kind: tuple(names) for kind, names in attributes["planes"].items()})
    return Cube(grid, scenes, planes, arrays[VALUES], arrays[OBSERVATION])


def read_extra(folder: Path, generation: Generation, verify: bool = True) -> dict[str, NDArray[Any]]:
    """The caller's own arrays by the names they were given. Raises DamagedGeneration as `read_generation`."""
    arrays, _ = read_generation(folder, generation, verify)
    return {name.removeprefix(EXTRA): array for name, array in arrays.items() if name.startswith(EXTRA)}
