"""Prepared looks of a tile on disk: written scene by scene as they are read, read back in bands of rows, all looks of a band.

Memory then holds a batch of scenes or a band of rows, however many looks there are. The file has no name where the system
can do that (Linux): it is gone with the process, also with one that is killed.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from detection.types import Cube, Float, Grid, Planes, Scene

BAND_BYTES: Final = 64 * 2**20
"""Values of a band; some copies of them are made while it is cut up (chosen)."""
ITEM: Final = np.dtype(np.float32).itemsize


def rows_a_band(looks: int, slots: int, columns: int) -> int:
    """Rows whose looks are in memory at once; one at least."""
    return max(1, BAND_BYTES // max(1, looks * slots * columns * ITEM))


class Scratch:
    """The looks of one tile. To be used with `with`, which gives the disk back."""

    def __init__(self, folder: Path, grid: Grid, planes: Planes, scenes: Sequence[Scene]) -> None:
        """scenes: all that may be written. Raises OSError when the disk is full or not ours to write."""
        self.grid, self.planes = grid, planes
        self.scenes = tuple(sorted(scenes))
        self._place = {scene: i for i, scene in enumerate(self.scenes)}
        self._there = np.zeros(len(self.scenes), np.bool_)
        self._rows = rows_a_band(len(self.scenes), planes.width, grid.shape[1])
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on leaving

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, cube: Cube) -> None:
        """Keep these looks at the whole tile."""
        for scene, values in zip(cube.scenes, cube.values, strict=True):
            look = self._place[scene]
            self._there[look] = True
            for first in range(0, self.grid.shape[0], self._rows):
                self._file.seek(self._offset(first, look))
                self._file.write(np.ascontiguousarray(values[:, first : first + self._rows]).tobytes())

    def bands(self) -> Iterator[Cube]:
        """All looks that were written, a band of rows at a time, from the north."""
        scenes = tuple(scene for scene, there in zip(self.scenes, self._there, strict=True) if there)
        for first in range(0, self.grid.shape[0], self._rows):
            rows = min(self._rows, self.grid.shape[0] - first)
            band = self.grid.window(first, 0, rows, self.grid.shape[1])
            yield Cube.of(band, scenes, self.planes, self._read(first, rows))

    def _read(self, first: int, rows: int) -> Float:
        shape = (len(self.scenes), self.planes.width, rows, self.grid.shape[1])
        self._file.seek(self._offset(first, 0))
        if not self._there.any():
            return np.zeros((0, *shape[1:]), np.float32)
        last = int(np.flatnonzero(self._there)[-1]) + 1  # beyond it nothing was written, and the file may end
        size = last * int(np.prod(shape[1:])) * ITEM
        values = np.frombuffer(self._file.read(size), np.float32).reshape(last, *shape[1:])
        return values[self._there[:last]]

    def _offset(self, first: int, look: int) -> int:
        """Where the values of a look at the band that begins with this row lie: bands follow each other, looks within."""
        rows = min(self._rows, self.grid.shape[0] - first)
        cells = self.planes.width * self.grid.shape[1]
        return ITEM * cells * (first * len(self.scenes) + look * rows)
