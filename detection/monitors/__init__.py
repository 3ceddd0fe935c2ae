"""Near-real-time monitors: constant-size state in, new state and transitions out. Pure; a tile and a table call the same.

    state = start(detector, looks_of_the_history, inside=area_mask)
    state, transitions = update(detector, state, new_looks)

To add a monitor of a single index: a parameter class with `kind` and `rule()`, and its branch in `kernel`. Every monitor
decides by `machine.take`.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored, Status
from detection.errors import BadInput, StaleState
from detection.harmonics import SEASON_HIGH, SEASON_LOW, Table, date_table, fitted, season_factor
from detection.history import Baseline, baseline
from detection.monitors import kernel, machine
from detection.monitors.machine import CONFIRMED, FIRST, NO_DAY, NONE, PROVISIONAL, RECOVERING, days_of
from detection.monitors.packed import rounded
from detection.monitors.state import Arrays, Detector, Looks, Monitor, State, columns, records
from detection.types import Codes, Float, Scene

__all__ = [
    "FIT_AT_A_TIME", "LOG", "Detector", "Looks", "Monitor", "State", "Transitions", "advance", "columns", "days_of",
    "exclude", "kernel", "machine", "reach", "records", "residuals", "start", "status", "unseen", "update",
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
    table = date_table(history.days, detector.history.harmonics)
    # Pixel by pixel the same whatever the block; the fit makes several copies of the looks, so blocks keep it small.
    blocks = [slice(i, i + FIT_AT_A_TIME) for i in range(0, max(pixels, 1), FIT_AT_A_TIME)]
    parts = [
        _fitted(detector, replace(history, values=history.values[..., b]), inside[b], cells[b], table) for b in blocks
    ]
    model = {name: np.concatenate([p.model[name] for p in parts], -1) for name in parts[0].model}
    states = {name: np.concatenate([p.pixels[name] for p in parts]) for name in parts[0].pixels}
    return State(model, states, np.concatenate([p.monitored for p in parts]), cells, None, detector.digest)


def _fitted(
    detector: Detector, history: Looks, inside: NDArray[np.bool_], cells: NDArray[np.int32], table: Table
) -> State:
    values = np.ascontiguousarray(history.values[:, 0])
    base = _usable(baseline(table, values, detector.history, inside=inside, sign=detector.sign))
    names = {"coefficients": base.coefficients, "season": base.season, "sigma": base.sigma, "history_looks": base.looks}
    state = State(rounded(names), unseen(detector, len(inside)), base.monitored, cells, None, detector.digest)
    rehearsed, _ = advance(detector, state, replace(history, common=None), table)
    disturbed = np.isin(rehearsed.pixels["phase"], (CONFIRMED, RECOVERING))
    state = _without(state, disturbed, Monitored.DISTURBED_HISTORY)
    return replace(state, pixels={**state.pixels, "last_clear": rehearsed.pixels["last_clear"]})


def _usable(base: Baseline) -> Baseline:
    """The baseline with every pixel taken out of which the fit made no finite numbers."""
    finite = np.isfinite(base.coefficients).all(0) & np.isfinite(base.season).all(0) & np.isfinite(base.sigma)
    failed = (base.monitored == Monitored.MONITORED) & ~finite
    monitored = np.where(failed, np.uint8(Monitored.FAILED), base.monitored)
    return replace(base, monitored=monitored, sigma=np.where(failed, np.float32(np.nan), base.sigma))


def unseen(detector: Detector, pixels: int) -> Arrays:
    """What looks will change, before the first one."""
    kind, width = detector.monitor.kind, getattr(detector.monitor, "looks", 0)
    tally = np.zeros(pixels if kind in ("ols-cusum", "mosum") else 0, np.uint16)
    chart = kernel.Chart(np.zeros(pixels, np.float32), tally, np.zeros((pixels, width), np.int8))
    return {**machine.fresh(pixels)._asdict(), **chart._asdict()}


def exclude(state: State, not_forest: NDArray[np.bool_]) -> State:
    """The state without the pixels that a forest baseline excludes: monitored ones among them become NOT_FOREST."""
    return _without(state, not_forest, Monitored.NOT_FOREST)


def _without(state: State, out: NDArray[np.bool_], why: Monitored) -> State:
    gone = out & (state.monitored == Monitored.MONITORED)
    sigma = np.where(gone, np.float32(np.nan), state.model["sigma"])
    monitored = np.where(gone, np.uint8(why), state.monitored)
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
    return advance(detector, state, looks, date_table(looks.days, detector.history.harmonics), reuse=reuse)


def advance(
    detector: Detector, state: State, looks: Looks, table: Table, *, reuse: bool = False, alone: bool = False
) -> tuple[State, Transitions]:
    """As `update`, of any looks; table: (time, term) regressors; alone: the chart without the decision rules."""
    check_days(looks.scenes)
    pixels = state.pixels if reuse else {name: array.copy() for name, array in state.pixels.items()}
    model, rule = state.model, detector.monitor.rule()._replace(alone=alone)
    rule = rule._replace(either=rule.floor < 0)
    log = kernel.run(
        np.ascontiguousarray(looks.values, np.float32),
        looks.days,
        table.astype(np.float32),
        kernel.Model(model["coefficients"], model["season"], model["sigma"], model["history_looks"]),
        (SEASON_LOW, SEASON_HIGH),
        float(detector.sign),
        _common(looks, state.cell),
        state.cell,
        rule,
        detector.decision.rules(),
        kernel.Chart(*(pixels[name] for name in kernel.Chart._fields)),
        machine.Watch(*(pixels[name] for name in machine.Watch._fields)),
        np.empty(2 * min(kernel.BLOCK, len(state.monitored)), machine.TRANSITION),
    )
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
    log = log[np.lexsort((log["step"], log["pixel"], log["look"]))]
    rows = np.zeros(len(log), LOG)
    for name in machine.TRANSITION.names or ():
        if name != "look":
            rows[name] = log[name]
    rows["instant"] = np.array([s.instant for s in scenes], np.int64)[log["look"]] if len(log) else 0
    return rows


def residuals(detector: Detector, state: State, looks: Looks) -> Float:
    """(time, slot, pixel) float32 residuals in residual scales, negative towards loss; NaN: not observed, not monitored."""
    table, model = date_table(looks.days, detector.history.harmonics), state.model
    out: Float = np.empty_like(looks.values)
    for first in range(0, len(state.monitored), FIT_AT_A_TIME):
        block = slice(first, first + FIT_AT_A_TIME)
        scale = model["sigma"][block] * season_factor(table, model["season"][:, block])
        away = looks.values[:, 0, block] - fitted(table, model["coefficients"][:, block])
        out[:, 0, block] = detector.sign * away / scale
    return out


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
