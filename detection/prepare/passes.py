"""One overpass, one look: scenes of a path overlap (Landsat rows by a tenth, Sentinel-2 tiles by 10 km), and what both show
is one acquisition. Scenes stay apart; a cell is observed by the first of a pass that shows it clearly, after masking."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from detection.codes import Observation
from detection.types import Cube, Scene

PASS_S: Final = 120
"""Scenes of one platform and orbit that follow each other within so many seconds are of one pass (chosen: rows of a Landsat
path are 24 s apart, the same orbit comes back after days)."""


def once(cube: Cube) -> Cube:
    """The cube in which a cell that several scenes of a pass show keeps the first clear one; the others become MASKED,
    in all their planes.

    A matter of the set of scenes alone, not of the order in which they came. Scenes that name no orbit are left as they are.
    """
    passes = [group for group in _passes(cube.scenes) if len(group) > 1]
    if not passes:
        return cube
    values, observation = cube.values.copy(), cube.observation.copy()
    for group in passes:
        taken = np.zeros(cube.grid.shape, np.bool_)
        for look in group:
            again = taken & (observation[look] == Observation.OBSERVED)
            values[look][:, again], observation[look][again] = np.nan, Observation.MASKED
            taken |= observation[look] == Observation.OBSERVED
    return Cube(cube.grid, cube.scenes, cube.planes, values, observation)


def joined(cubes: Sequence[Cube]) -> Cube:
    """Looks of one grid and the same planes, read in several parts, as one cube in canonical order.

    The first cube may be empty: it says what the planes are. Raises BadInput for a scene that is in two of them.
    """
    full = [cube for cube in cubes if cube.scenes] or list(cubes[:1])
    if len(full) == 1:
        return full[0]
    scenes = [scene for cube in full for scene in cube.scenes]
    place = np.empty(len(scenes), np.intp)
    place[sorted(range(len(scenes)), key=lambda i: scenes[i])] = np.arange(len(scenes))
    values = np.empty((len(scenes), *full[0].values.shape[1:]), np.float32)
    observation = np.empty((len(scenes), *full[0].grid.shape), np.uint8)
    begun = 0
    for cube in full:
        at = place[begun : begun + len(cube.scenes)]
        values[at], observation[at] = cube.values, cube.observation
        begun += len(cube.scenes)
    return Cube(full[0].grid, tuple(sorted(scenes)), full[0].planes, values, observation)


def _passes(scenes: Sequence[Scene]) -> Iterator[list[int]]:
    """Positions of the scenes of every pass, in canonical order."""
    tracks: dict[tuple[str, str], list[int]] = {}
    for i, scene in enumerate(scenes):
        if scene.orbit:
            tracks.setdefault((scene.platform, scene.orbit), []).append(i)
    for looks in tracks.values():
        group = looks[:1]
        for before, after in pairwise(looks):
            if scenes[after].instant - scenes[before].instant > PASS_S:
                yield group
                group = []
            group.append(after)
        yield group
