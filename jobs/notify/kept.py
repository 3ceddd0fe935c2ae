"""The looks that a job keeps, as one alert needs them: on which tiles it lies, and what was seen there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from detection.alerts import Alert
from detection.types import Cube, Grid
from jobs import ledger
from jobs.ledger import Tile
from jobs.observations import read_looks
from jobs.state import DamagedGeneration


@dataclass(frozen=True)
class Part:
    """The cells of an alert that lie on one tile."""

    tile: Tile
    """The tile; its looks are kept."""
    place: NDArray[Any]
    """(n, 2) row and column of all cells of the alert, counted from the tile's corner."""
    inside: NDArray[np.bool_]
    """(n,) which of them lie on the tile."""


class Kept:
    """Reads the looks of a job; those of the tile read last stay at hand."""

    def __init__(self, engine: Engine, job: str, home: Path, grid: Grid) -> None:
        """home: folder of the job's generations."""
        self.home, self.grid = home, grid
        self.tiles = [tile for tile in ledger.tiles(engine, job) if tile.looks is not None]
        self.damaged: dict[str, str] = {}
        """Tile whose looks cannot be read -> why: messages leave without its pictures."""
        self._read: tuple[str, Cube] | None = None

    def parts(self, alert: Alert) -> list[Part]:
        """The tiles that an alert lies on and whose looks can be read, that with most of its cells first."""
        place = alert.cells - (self.grid.first_row, self.grid.first_column)
        found = [Part(tile, place - (tile.row, tile.column), _inside(tile, place)) for tile in self.tiles]
        touched = sorted((part for part in found if part.inside.any()), key=lambda part: -int(part.inside.sum()))
        return [part for part in touched if self._readable(part.tile)]

    def _readable(self, tile: Tile) -> bool:
        """A warning does not wait for its picture: what is damaged is noted, and done without."""
        if tile.id not in self.damaged:
            try:
                self.looks(tile)
            except DamagedGeneration as error:
                self.damaged[tile.id] = str(error)
        return tile.id not in self.damaged

    def looks(self, tile: Tile) -> Cube:
        """The looks of a tile. Raises DamagedGeneration as `read_looks`, ValueError for a tile that keeps none."""
        if self._read is None or self._read[0] != tile.id:
            if tile.looks is None:
                raise ValueError(f"tile {tile.id}: keeps no looks")
            self._read = tile.id, read_looks(self.home, tile.looks)
        return self._read[1]


def _inside(tile: Tile, place: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) which cells lie in the tile."""
    at = place - (tile.row, tile.column)
    inside: NDArray[np.bool_] = np.logical_and.reduce((at >= 0) & (at < np.array([tile.rows, tile.columns])), axis=1)
    return inside
