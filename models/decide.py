"""The model's word on every flagged cell, and what becomes of the detector's log by it: the last step before patches.

The monitor may err on the side of alarm: the model has seen what its alarms are mostly made of. Where it abstains, because the
cell is like nothing it learnt from, the monitor decides alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from detection.codes import Step
from detection.patches.record import CELL_LOG
from detection.types import Float, parameters
from models.cells import Told, whole
from models.classifier import Numbers
from models.kinds import harmful
from models.registry import Model
from models.surroundings import Ground

Row = tuple[Any, ...]


@parameters
class Doubt:
    """How sure the model must be."""

    provisional_from: Annotated[float, Interval(gt=0, lt=1)] = 0.4
    """Probability of harm from which a flagged cell is provisional."""
    agree_from: Annotated[float, Interval(gt=0, lt=1)] = 0.5
    """Probability of harm from which a cell that the detector has confirmed is confirmed: more likely than not ..."""
    confirm_from: Annotated[float, Interval(gt=0, lt=1)] = 0.95
    """... and from which it is confirmed on the model's word alone."""
    drop_below: Annotated[float, Interval(ge=0, lt=1)] = 0.2
    """Probability below which a provisional cell is dropped again."""

    def __post_init__(self) -> None:
        steps = (self.drop_below, self.provisional_from, self.agree_from, self.confirm_from)
        if list(steps) != sorted(steps):
            said = ", ".join(f"{step:g}" for step in steps)
            order = "drop_below, provisional_from, agree_from, confirm_from"
            raise ValueError(f"{order}: {said} fall somewhere; each must be at least the one before")


@dataclass(frozen=True)
class Judged:
    """What a model says of flagged cells at the moments at which they are judged."""

    model: Model
    """Who says so."""
    cells: NDArray[Any]
    """(row,) CELL rows of `models.cells`, by (row, column, instant)."""
    shares: Numbers
    """(row, class) probabilities."""
    known: NDArray[np.bool_]
    """(row,) within what the model has learnt; elsewhere it abstains."""
    rows: Float
    """(row, feature) what it was told."""
    peat: Float | None = None
    """(row,) 1 where a map says peat, 0 where it says none, NaN where it says nothing; None without a map."""

    @property
    def harm(self) -> Numbers:
        """(row,) probability that forest was lost or hurt."""
        return np.asarray(self.shares[:, [harmful(c) for c in self.model.classifier.classes]].sum(1), np.float64)


def mapped(found: Judged, peat: Float, corner: tuple[int, int]) -> Judged:
    """The same with what a map of peat says of the cells of a rectangle of the lattice; peat: (y, x) as `Judged.peat`, corner:
    absolute row and column of its first cell. What was known of others stays."""
    row, column = found.cells["row"] - corner[0], found.cells["column"] - corner[1]
    mine = np.flatnonzero((row >= 0) & (column >= 0) & (row < peat.shape[0]) & (column < peat.shape[1]))
    made = np.full(len(found.cells), np.nan, np.float32) if found.peat is None else found.peat.copy()
    made[mine] = peat[row[mine], column[mine]]
    return replace(found, peat=made)


def judged(model: Model, told: Told, ground: Ground | None) -> Judged:
    """What the model says of flagged cells of all tiles together."""
    told = told.take(np.lexsort((told.cells["instant"], told.cells["column"], told.cells["row"])))
    rows = whole(told, ground)
    classifier = model.classifier
    return Judged(model, told.cells, classifier.probabilities(rows), classifier.known(rows), rows)


def decided(doubt: Doubt, log: NDArray[Any], found: Judged) -> NDArray[Any]:
    """The log (CELL_LOG rows) as it reads with the model's word: the same cells, other steps, fewer of them."""
    said = [(r, c, i, 0, (p, k)) for r, c, i, p, k in zip(*_columns(found), strict=True)]
    heard = [(row[_ROW], row[_COLUMN], row[_INSTANT], -1, row) for row in log.tolist()]
    out: list[Row] = []
    for _, cell in groupby(sorted(said + heard, key=lambda one: one[:4]), key=lambda one: one[:2]):
        out += _walked(doubt, [(instant, what) for _, _, instant, _, what in cell])
    return np.array(out, CELL_LOG)


_NAMES: Final = CELL_LOG.names or ()
_ROW, _COLUMN, _INSTANT, _STEP = (_NAMES.index(name) for name in ("row", "column", "instant", "step"))
_STANDS: Final = (Step.PROVISIONAL, Step.CONFIRMED)


def _columns(found: Judged) -> tuple[list[Any], ...]:
    cells = found.cells
    return (*(cells[n].tolist() for n in ("row", "column", "instant")), found.harm.tolist(), found.known.tolist())


def _walked(doubt: Doubt, events: list[tuple[int, Row]]) -> Iterator[Row]:
    """The steps of a cell; events: its transitions and what the model says of it, in order of time."""
    state, last, agreed = 0, (), False
    for instant, what in events:
        if len(what) > 2:  # a transition
            last, agreed = what, what[_STEP] == Step.CONFIRMED
            if what[_STEP] not in _STANDS and state:
                yield _step(last, instant, Step.FINISHED if state == Step.CONFIRMED else Step.EXPIRED)
                state = 0
            continue
        harm, known = what
        if not state and (harm >= doubt.provisional_from or not known):
            yield _step(last, instant, Step.PROVISIONAL)
            state = int(Step.PROVISIONAL)
        if state == Step.PROVISIONAL and _sure(doubt, harm, known, agreed):
            yield _step(last, instant, Step.CONFIRMED)
            state = int(Step.CONFIRMED)
        elif state == Step.PROVISIONAL and known and harm < doubt.drop_below:
            yield _step(last, instant, Step.EXPIRED)
            state = 0


def _sure(doubt: Doubt, harm: float, known: bool, agreed: bool) -> bool:
    """Is a cell confirmed? agreed: the detector has confirmed it."""
    return agreed if not known else harm >= (doubt.agree_from if agreed else doubt.confirm_from)


def _step(row: Row, instant: int, step: Step) -> Row:
    made = list(row)
    made[_INSTANT], made[_STEP] = instant, int(step)
    return tuple(made)
