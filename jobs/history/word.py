"""What a model says of the losses of an archive: of every loss at every cell, and of polygons together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import CHANGE_TYPES, DRIVERS, Turn
from detection.monitors import Looks
from detection.patches.yearly import YearPatch, years
from detection.segments import Segments
from detection.types import Cube, Float, Grid, Planes
from jobs.outputs.tables import Row
from jobs.plan import HistoryPlan
from jobs.word import on_peat
from models.cells import CELL, Told, changed, gathered, tell
from models.decide import Judged, judged
from models.kinds import NO_CHANGE, coded
from models.predict import MOSTLY, peat_of, summed
from models.registry import Model
from models.stream import ground_below
from models.surroundings import Ground, laid

PEAT: Final = "peat_disturbance"
HYDROLOGY: Final = (("mndwi", "level", "water index before"), ("mndwi", "swing", "its yearly swing before"),
                    ("mndwi", "change", "its change"), ("ndmi", "change", "change of canopy water"))  # fmt: skip
"""(plane, statistic, words) of what is told of the water of a swamp, where a model knows these planes."""


@dataclass(frozen=True)
class Heard:
    """What a part of an archive tells of its losses."""

    told: Told
    """A row a loss and cell."""
    ground: Ground
    """What the cells were."""


def heard(cube: Cube, looks: Looks, found: Segments, wanted: Planes) -> Heard:
    """What a band of rows tells of its losses."""
    losses = found.changes[found.changes["turn"] == Turn.LOSS]
    last = int(cube.days[-1]) if len(cube.days) else 0
    told = tell(looks, cube.planes, cube.grid, changed(losses, last), wanted)
    return Heard(told, ground_below(found.status, looks, cube.planes, cube.grid))


def nothing(grid: Grid) -> Heard:
    """Of a part that no model asks of."""
    blank = np.full(grid.shape, np.nan, np.float32)
    none = Told(np.zeros(0, CELL), np.zeros((0, 0), np.float32))
    return Heard(none, Ground((grid.first_row, grid.first_column), blank, blank))


def together(parts: Sequence[Heard]) -> Heard:
    """Several parts as one."""
    return Heard(gathered([part.told for part in parts]), laid([part.ground for part in parts]))


def say(model: Model, parts: Sequence[Heard], work: HistoryPlan) -> Judged | None:
    """What the model says of the losses of all tiles; None where there is none. Raises as `detection.context.read_mask`."""
    parts = [part for part in parts if len(part.told.cells)]
    if not parts:
        return None
    whole = together(parts)
    return on_peat(judged(model, whole.told, whole.ground), work)


def layers(found: Judged | None, grid: Grid) -> dict[str, NDArray[np.uint8]]:
    """`change_type` and `driver` of the last loss of every cell."""
    kinds, drivers = (np.full(grid.shape, NO_CHANGE, np.uint8) for _ in range(2))
    if found is not None:
        order = np.argsort(found.cells["broke"], kind="stable")
        for at in order.tolist():
            kind, driver, _ = said(found, np.array([at]))
            place = found.cells["row"][at] - grid.first_row, found.cells["column"][at] - grid.first_column
            kinds[place], drivers[place] = coded(CHANGE_TYPES, kind), coded(DRIVERS, driver)
    return {"change_type": kinds, "driver": drivers}


def said(found: Judged, at: NDArray[np.int64]) -> tuple[str, str | None, float | None]:
    """(type, driver, probability of harm) of rows together; unclassified where the model abstains of most of them."""
    known = at[found.known[at]]
    if not len(at) or len(known) < MOSTLY * len(at):
        return "unclassified", None, None
    return summed(found.model.classifier.classes, found.shares[known].mean(0), peat_of(found, at))


class ByCell:
    """Finds what was said of the cells of a polygon."""

    def __init__(self, found: Judged | None) -> None:
        self.found = found
        cells = np.zeros(0, CELL) if found is None else found.cells
        keys = zip(cells["row"].tolist(), cells["column"].tolist(), years(cells["broke"]).tolist(), strict=True)
        self.at = {key: i for i, key in enumerate(keys)}

    def row(self, patch: YearPatch) -> Row:
        """The columns of a polygon: null of other changes than losses, and without a model."""
        if self.found is None or patch.turn != Turn.LOSS:
            return {"change_type": None, "driver": None, "harm": None, "hydrology": None, "model": None}
        keys = ((row, column, patch.year) for row, column in patch.cells.tolist())
        at = np.array([self.at[key] for key in keys if key in self.at], np.int64)
        kind, driver, harm = said(self.found, at)
        water = self._water(at) if kind == PEAT else None
        sure = None if harm is None else round(harm, 4)
        return {
            "change_type": kind, "driver": driver, "harm": sure, "hydrology": water, "model": self.found.model.identity,
        }  # fmt: skip

    def _water(self, at: NDArray[np.int64]) -> str | None:
        assert self.found is not None
        features, rows = self.found.model.classifier.features, self.found.rows[at]
        parts = [
            f"{words} {median:+.2f}"
            for plane, statistic, words in HYDROLOGY
            if (name := f"{plane}_{statistic}") in features
            and np.isfinite(median := _median(rows[:, features.index(name)]))
        ]
        return "; ".join(parts) or None


def _median(values: Float) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else float("nan")


def packed(part: Heard) -> dict[str, NDArray[Any]]:
    """As arrays of a tile's file."""
    cells = np.ascontiguousarray(part.told.cells).view(np.uint8).reshape(len(part.told.cells), CELL.itemsize)
    return {"told_cells": cells, "told_rows": part.told.rows, "open": part.ground.open, "water": part.ground.water}


def unpacked(arrays: Any, grid: Grid) -> Heard:
    """The inverse of `packed`."""
    raw = arrays["told_cells"]
    cells = np.ascontiguousarray(raw).reshape(-1).view(CELL) if raw.size else np.zeros(0, CELL)
    return Heard(
        Told(cells, arrays["told_rows"]), Ground((grid.first_row, grid.first_column), arrays["open"], arrays["water"])
    )
