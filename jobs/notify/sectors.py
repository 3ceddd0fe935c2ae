"""How well each sector of an area has been seen lately: from the last look at every cell that is watched. No alert where nothing
was seen means nothing, so this goes with every summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask
from shapely.geometry.base import BaseGeometry

from detection import monitors
from detection.codes import Monitored
from detection.monitors import days_of
from detection.monitors.packed import unpacked
from detection.types import Grid, Mask, to_date, to_day
from jobs.ledger import Tile
from jobs.memory import read_memory
from jobs.overlays import Overlays

WHOLE: Final = ""
"""Id of the area as one sector."""
NEVER: Final = -1
WATCHED: Final = (Monitored.MONITORED, Monitored.NO_LOOK)
"""Cells that would raise an alarm, were they seen."""


@dataclass(frozen=True)
class Sector:
    """A part of the area, and when its watched cells were seen last."""

    ident: str
    """Id of the feature in its layer; WHOLE for the whole area."""
    name: str
    """Its name; empty for the whole area."""
    looks: Mapping[int, int] = field(default_factory=dict)
    """Day of the last clear look (days since 1970-01-01, NEVER) -> watched cells last seen then."""

    @property
    def cells(self) -> int:
        """How many are watched."""
        return sum(self.looks.values())

    def seen_since(self, share: float) -> date | None:
        """The latest day since which so much of it has been seen; null where less of it ever was, or nothing is watched."""
        seen, most = 0, self.cells
        for day in sorted(self.looks, reverse=True):
            seen += self.looks[day]
            if day != NEVER and seen >= share * most:
                return to_date(day)
        return None

    def unseen(self, since: date) -> float:
        """Share of the watched cells that were not seen on this day or later."""
        late = sum(many for day, many in self.looks.items() if day < to_day(since))
        return late / self.cells if late else 0.0


def sectors(tiles: Sequence[Tile], grid: Grid, home: Path, overlays: Overlays, layer: str | None) -> list[Sector]:
    """The features of a layer in the order of their ids, or the area as one, as the tiles of a job have seen them.

    grid: of the whole job; home: folder of its generations. Raises DamagedGeneration for a state that cannot be read.
    """
    features = _features(overlays, layer)
    looks: dict[str, Counter[int]] = {ident: Counter() for ident in features}
    for tile in tiles:
        if tile.state is None:
            continue
        part = grid.window(tile.row, tile.column, tile.rows, tile.columns)
        watched, days = _last_looks(home, tile, part)
        for ident, (_, shape) in features.items():
            inside = watched if shape is None else watched & _mask(shape, part)
            values, counts = np.unique(days[inside], return_counts=True)
            looks[ident].update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return [Sector(ident, name, dict(looks[ident])) for ident, (name, _) in sorted(features.items())]


def _last_looks(home: Path, tile: Tile, part: Grid) -> tuple[Mask, NDArray[np.int32]]:
    """(y, x) which cells are watched, and the day of the last clear look at each, NEVER where there was none."""
    assert tile.state is not None
    state = unpacked(read_memory(home, tile.state).current)
    watched = np.isin(monitors.reach(state), WATCHED)
    return watched.reshape(part.shape), days_of(state.pixels["last_look"]).reshape(part.shape)


def _features(overlays: Overlays, layer: str | None) -> dict[str, tuple[str, BaseGeometry | None]]:
    """Id -> name and shape; no shape: all there is."""
    if layer is None:
        return {WHOLE: ("", None)}
    opened = next(one for one in overlays.layers if one.about.name == layer)
    pieces: NDArray[Any] = np.asarray(opened.tree.geometries, object)
    return {
        known.ident: (known.name or known.ident, shapely.union_all(pieces[opened.owners == i]))
        for i, known in enumerate(opened.features)
    }


def _mask(shape: BaseGeometry, grid: Grid) -> Mask:
    """(y, x) cells whose centre lies in the shape."""
    if not shape.intersects(shapely.box(*grid.bounds)):
        return np.zeros(grid.shape, np.bool_)
    found: Mask = geometry_mask([shape], grid.shape, grid.transform, invert=True)
    return found
