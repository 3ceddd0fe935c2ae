"""A tile's memory as it lies on disk: states, log, common mode. What is told of its flagged cells lies beside them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.monitors import LOG, Looks, State, records
from detection.monitors.replay import Memory
from detection.monitors.state import below
from detection.patches import on_lattice
from detection.types import Grid, Scene
from jobs.state import Generation, read_generation


def read_memory(folder: Path, generation: Generation, *, verify: bool = True) -> Memory:
    """A tile's memory without its looks: the packed states, the log, and the common mode of the looks since the checkpoint."""
    arrays, attributes = read_generation(folder, generation, verify)
    last = {k: Scene(**v) if v else None for k, v in attributes["last"].items()}
    current = State(
        below("model", arrays),
        below("pixels", arrays),
        arrays["monitored"],
        arrays["cell"],
        last["current"],
        attributes["detector"],
        below("aside", arrays),
    )
    checkpoint = replace(current, pixels=below("checkpoint", arrays), last=last["checkpoint"])
    scenes = tuple(Scene(**s) for s in attributes["scenes"])
    looks = Looks(scenes, np.zeros((len(scenes), 0, 0), np.float32), arrays["common"])
    return Memory(checkpoint, current, looks, records(arrays, "settled", LOG), records(arrays, "recent", LOG))


def lattice_log(folder: Path, generation: Generation, grid: Grid) -> NDArray[Any]:
    """The transitions of a tile at cells of the absolute lattice."""
    return on_lattice(read_memory(folder, generation).transitions, grid)
