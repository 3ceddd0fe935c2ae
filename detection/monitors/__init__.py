"""Near-real-time monitors: constant-size state in, new state and transitions out. Pure; a tile and a table call the same.

    state = start(detector, looks_of_the_history, inside=area_mask)
    state, transitions = update(detector, state, new_looks)

To add a monitor of a single index: a parameter class with `kind` and `rule()`, and its branch in `kernel`; what all of these
share is in `single`, what the fusion of several planes does instead in `fused`. Every monitor decides by `machine.take`.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored, Status
from detection.errors import BadInput, StaleState
from detection.harmonics import Table, date_table
from detection.monitors import fused, kernel, machine, single
from detection.monitors.fusion import Fusion
from detection.monitors.machine import CONFIRMED, FIRST, NO_DAY, NONE, PROVISIONAL, RECOVERING, days_of
from detection.monitors.said import Said, evidence_of
from detection.monitors.state import Arrays, Detector, Looks, Monitor, State, columns, records
from detection.types import Codes, Float, Scene

__all__ = [
    "FIT_AT_A_TIME", "LOG", "Detector", "Looks", "Monitor", "Said", "State", "Transitions", "advance", "columns", "days_of",
    "evidence_of", "exclude", "expected", "kernel", "machine", "reach", "records", "residuals", "start", "status", "unseen",
    "update",
]  # fmt: skip

Transitions = NDArray[Any]
"""Structured array of LOG rows."""

FIT_AT_A_TIME: Final = 4096
"""Pixels whose looks are copied at once while a baseline is fitted or residuals are made: a matter of memory only."""
LOG: Final = np.dtype(
    [("instant", "i8"), *((n, machine.TRANSITION[n]) for n in machine.TRANSITION.names or () if n != "look")]
)
"""A transition with its look named by its instant."""


def start(detector: Detector, history: Looks, *, inside: NDArray[np.bool_], cell: NDArray[Any] | None = None) -> State:
    """Fit the baseline to the history and set every pixel to "no change".

    inside: (pixel,) False where outside the area. A history still disturbed when it ends is no baseline either: the
    monitor itself is run over it, and a pixel that ends confirmed or not yet recovered is DISTURBED_HISTORY. A fit that
    gives no finite numbers is FAILED.
    """
    pixels = len(inside)
    cells = np.zeros(pixels, np.int32) if cell is None else cell.astype(np.int32)
    # Pixel by pixel the same whatever the block; the fit makes several copies of the looks, so blocks keep it small.
    blocks = [slice(i, i + FIT_AT_A_TIME) for i in range(0, max(pixels, 1), FIT_AT_A_TIME)]
    parts = [_fitted(detector, replace(history, values=history.values[..., b]), inside[b], cells[b]) for b in blocks]
    model = {name: np.concatenate([p.model[name] for p in parts], -1) for name in parts[0].model}
    states = {name: np.concatenate([p.pixels[name] for p in parts]) for name in parts[0].pixels}
    monitored = np.concatenate([p.monitored for p in parts])
    return State(model, states, monitored, cells, None, detector.digest, parts[0].aside)


def _fitted(detector: Detector, history: Looks, inside: NDArray[np.bool_], cells: NDArray[np.int32]) -> State:
    """Baselines; what is still disturbed at the end of the history is taken out."""
    model, monitored, aside = _room(detector).model_of(detector, history, inside)
    state = State(model, unseen(detector, len(inside)), monitored, cells, None, detector.digest, aside)
    rehearsed, _ = advance(detector, state, replace(history, common=None))
    disturbed = np.isin(rehearsed.pixels["phase"], (CONFIRMED, RECOVERING))
    state = _without(state, disturbed, Monitored.DISTURBED_HISTORY)
    return replace(state, pixels={**state.pixels, "last_clear": rehearsed.pixels["last_clear"]})


def _room(detector: Detector) -> Any:
    """The module that knows this kind of monitor."""
    return fused if isinstance(detector.monitor, Fusion) else single


def unseen(detector: Detector, pixels: int) -> Arrays:
    """What looks will change, before the first one."""
    made: Arrays = _room(detector).unseen(detector, pixels)
    return made


def exclude(state: State, not_forest: NDArray[np.bool_]) -> State:
    """The state without the pixels that a forest baseline excludes: monitored ones among them become NOT_FOREST."""
    return _without(state, not_forest, Monitored.NOT_FOREST)


def _without(state: State, out: NDArray[np.bool_], why: Monitored) -> State:
    gone = out & (state.monitored == Monitored.MONITORED)
    monitored = np.where(gone, np.uint8(why), state.monitored)
    if "sigma" not in state.model:  # the fusion reads `monitored` itself
        return replace(state, monitored=monitored)
    sigma = np.where(gone, np.float32(np.nan), state.model["sigma"])
    return replace(state, model={**state.model, "sigma": sigma}, monitored=monitored)


def update(detector: Detector, state: State, looks: Looks, *, reuse: bool = False) -> tuple[State, Transitions]:
    """Take in looks newer than any before. Raises StaleState for another detector's state or for an older look.

    Looks of the past, and the same look twice, are the business of `monitors.replay`. reuse: write into the arrays of
    the state given, which must not be used again. Raises BadInput for a look outside 1970-01-01 to 2149-06-05.
    """
    if state.detector != detector.digest:
        raise StaleState(
            "state: made with other detector parameters; start the job anew under another name, or restore them"
        )
    if looks.scenes and state.last is not None and looks.scenes[0] <= state.last:
        raise StaleState(
            f"state: {looks.scenes[0].id} is not newer than {state.last.id}, the last look taken in; replay it"
        )
    return advance(detector, state, looks, reuse=reuse)


def advance(
    detector: Detector,
    state: State,
    looks: Looks,
    *,
    table: Table | None = None,
    reuse: bool = False,
    alone: bool = False,
) -> tuple[State, Transitions]:
    """As `update`, of any looks. table: (time, term) regressors, `date_table` unless given; alone: the chart of a single
    index without the decision rules."""
    check_days(looks.scenes)
    pixels = {name: array if reuse else array.copy() for name, array in state.pixels.items()}
    given = date_table(looks.days, detector.history.harmonics) if table is None else table
    common = _common(looks, state.cell)
    log = _room(detector).advance(detector, state, looks, common, pixels, table=given, alone=alone)
    last = looks.scenes[-1] if looks.scenes else state.last
    return replace(state, pixels=pixels, last=last), _named(log, looks.scenes)


def check_days(scenes: tuple[Scene, ...]) -> None:
    """Raises BadInput for a look on a day that a state cannot hold."""
    for scene in scenes:
        if not 0 <= scene.day < NO_DAY:
            raise BadInput(f"{scene.id}: seen on day {scene.day} since 1970, outside 1970 to 2149; correct its date")


def _common(looks: Looks, cell: NDArray[np.int32]) -> Float:
    """(time, slot, cell); no cells where nothing is subtracted."""
    if looks.common is None:
        return np.zeros((len(looks.scenes), 1, 0), np.float32)
    cells, shape = int(cell.max(initial=0)) + 1, looks.common.shape
    if looks.common.ndim != 3 or shape[0] != len(looks.scenes) or shape[2] < cells:
        raise BadInput(f"common mode: shape {shape}; ({len(looks.scenes)}, slot, {cells} or more) expected")
    return np.ascontiguousarray(looks.common, np.float32)


def _named(log: NDArray[Any], scenes: tuple[Scene, ...]) -> Transitions:
    """Transitions ordered by (look, pixel, step), with the look's instant in place of its position.

    By look, not by instant: two looks of one instant then read the same taken in together or one after the other.
    """
    rows = np.zeros(len(log), LOG)
    if not len(log):
        return rows
    log = log[np.lexsort((log["step"], log["pixel"], log["look"]))]
    for name in machine.TRANSITION.names or ():
        if name != "look":
            rows[name] = log[name]
    rows["instant"] = np.array([s.instant for s in scenes], np.int64)[log["look"]]
    return rows


def residuals(detector: Detector, state: State, looks: Looks) -> Float:
    """(time, slot, pixel) float32 residuals in residual scales, negative towards loss; NaN where there is none."""
    out: Float = np.empty_like(looks.values)
    for first in range(0, len(state.monitored), FIT_AT_A_TIME):
        block = slice(first, first + FIT_AT_A_TIME)
        out[..., block] = _room(detector).residuals(detector, state, looks, block)
    return out


def expected(detector: Detector, state: State, scenes: tuple[Scene, ...], pixels: NDArray[Any]) -> tuple[Float, Float]:
    """((time, pixel) what the baseline expects of the leading plane at these looks, its residual scale), at positions.

    NaN at looks of another kind of sensor than the leading plane's.
    """
    days = np.array([scene.day for scene in scenes], np.int32)
    table = date_table(days, detector.history.harmonics)
    made: tuple[Float, Float] = _room(detector).expected(detector, state, scenes, table, pixels)
    return made


def status(detector: Detector, state: State) -> Codes:
    """(pixel,) codes.Status; 255 where not monitored."""
    phase, known = state.pixels["phase"], state.pixels["open"]
    high = known["total_sigma"] >= detector.decision.high * np.maximum(known["count"], 1)
    codes = np.where((phase == NONE) & (known["closed"] > 0), Status.FINISHED_LOW, Status.NONE)
    for reached, low_code, high_code in (
        (FIRST, Status.FIRST_LOW, Status.FIRST_HIGH),
        (PROVISIONAL, Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH),
        (CONFIRMED, Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH),
        (RECOVERING, Status.FINISHED_LOW, Status.FINISHED_HIGH),
    ):
        codes = np.where(phase == reached, np.where(high, high_code, low_code), codes)
    return np.where(reach(state) == Monitored.MONITORED, codes, 255).astype(np.uint8)


def reach(state: State) -> Codes:
    """(pixel,) codes.Monitored as it stands: monitored, but never seen clear since, is NO_LOOK."""
    blind = (state.monitored == Monitored.MONITORED) & (state.pixels["last_look"] == NO_DAY)
    return np.where(blind, np.uint8(Monitored.NO_LOOK), state.monitored)
