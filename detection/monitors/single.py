"""Monitors of a single index: its baseline, its residuals, and the kernel that all of them share."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored
from detection.harmonics import SEASON_HIGH, SEASON_LOW, Table, date_table, fitted, season_factor
from detection.history import Baseline, baseline
from detection.monitors import block, kernel, machine
from detection.monitors.packed import rounded, rows, unpack_model
from detection.monitors.state import Arrays, Detector, Looks, State
from detection.types import Codes, Float, Scene

NO_STEPS = block.Steps(
    *(np.zeros(shape, kind) for shape, kind in (((0, 0), "i2"), (0, "i2"), ((0, 0), "i1"), (0, "u2"), (0, "u2")))
)
NONE_KNOWN = block.Known(np.zeros(0, np.int32), np.zeros(0, machine.OPEN))


def model_of(detector: Detector, history: Looks, inside: NDArray[np.bool_]) -> tuple[Arrays, Codes, Arrays]:
    """(model, (pixel,) codes.Monitored, nothing aside) of the looks of the history."""
    table = date_table(history.days, detector.history.harmonics)
    values = np.ascontiguousarray(history.values[:, 0])
    base = _usable(baseline(table, values, detector.history, inside=inside, sign=detector.sign))
    names = {"coefficients": base.coefficients, "season": base.season, "sigma": base.sigma, "history_looks": base.looks}
    return rounded(names), base.monitored, {}


def _usable(base: Baseline) -> Baseline:
    """The baseline with every pixel taken out of which the fit made no finite numbers."""
    finite = np.isfinite(base.coefficients).all(0) & np.isfinite(base.season).all(0) & np.isfinite(base.sigma)
    failed = (base.monitored == Monitored.MONITORED) & ~finite
    monitored = np.where(failed, np.uint8(Monitored.FAILED), base.monitored)
    sigma = np.where(failed, np.float32(np.nan), base.sigma)
    return Baseline(base.coefficients, base.season, sigma, base.looks, monitored)


def unseen(detector: Detector, pixels: int) -> Arrays:
    """What looks will change, before the first one."""
    kind, width = detector.monitor.kind, getattr(detector.monitor, "looks", 0)
    tally = np.zeros(pixels if kind in ("ols-cusum", "mosum") else 0, np.uint16)
    chart = kernel.Chart(np.zeros(pixels, np.float32), tally, np.zeros((pixels, width), np.int8))
    return {**machine.fresh(pixels)._asdict(), **chart._asdict()}


def advance(
    detector: Detector, state: State, looks: Looks, common: Float, pixels: dict[str, Any], *, table: Table, alone: bool
) -> NDArray[Any]:
    """Take the looks in; `pixels` are written. Returns the transitions of `machine`."""
    rule, rules = _numbers(detector, alone)
    model, steps = _models(state.model)
    watch, known, found = _watched(pixels)
    log, many = kernel.run(
        np.ascontiguousarray(looks.values, np.float32),
        looks.days,
        table.astype(np.float32),
        model,
        steps,
        (SEASON_LOW, SEASON_HIGH),
        float(detector.sign),
        common,
        state.cell,
        rule,
        rules,
        kernel.Chart(*(pixels[name] for name in kernel.Chart._fields)),
        watch,
        known,
        found,
        np.empty(2 * min(block.BLOCK, len(state.monitored)), machine.TRANSITION),
    )
    if "which" in pixels:
        pixels |= {"which": found.which[:many], "open": rows(found.open[:many])}
    return np.asarray(log)


@lru_cache(maxsize=8)
def _numbers(detector: Detector, alone: bool) -> tuple[kernel.Rule, machine.Rules]:
    """Chart and decision as the kernel takes them."""
    rule = detector.monitor.rule()  # type: ignore[union-attr]
    return rule._replace(alone=alone, either=rule.floor < 0), detector.decision.rules()


def _models(model: Arrays) -> tuple[block.Model, block.Steps]:
    """The model and none kept, or room for a block of it and the model as it is kept; without gaps in their rows."""
    if "steps" not in model:
        return block.Model(*(np.ascontiguousarray(model[name]) for name in block.Model._fields)), NO_STEPS
    steps = block.Steps(*(np.ascontiguousarray(model[name]) for name in block.Steps._fields))
    return block.room(len(steps.steps), len(steps.season), block.BLOCK), steps


def _watched(pixels: Arrays) -> tuple[machine.Watch, block.Known, block.Known]:
    """What looks change with a record for every pixel; or with a block of them, those known, and room for as many."""
    if "which" not in pixels:
        return machine.Watch(*(pixels[name] for name in machine.Watch._fields)), NONE_KNOWN, NONE_KNOWN
    (last_look, last_clear), many = pixels["days"], len(pixels["phase"])
    watch = machine.Watch(pixels["phase"], last_look, last_clear, machine.fresh(block.BLOCK).open)
    # The system gives memory page by page as it is written: room for all costs nothing.
    found = block.Known(np.empty(many, np.int32), np.empty(many, machine.OPEN))
    return watch, block.Known(pixels["which"], pixels["open"].view(machine.OPEN)[:, 0]), found


def residuals(detector: Detector, state: State, looks: Looks, block: slice) -> Float:
    """(time, slot, pixel) of these pixels: see `monitors.residuals`."""
    level, scale = expected(detector, state, looks.scenes, date_table(looks.days, detector.history.harmonics), block)
    return np.asarray(detector.sign * (looks.values[:, 0, block] - level) / scale)[:, None]


def expected(
    detector: Detector, state: State, scenes: tuple[Scene, ...], table: Table, pixels: NDArray[Any] | slice
) -> tuple[Float, Float]:
    """See `monitors.expected`."""
    model = unpack_model({name: array[..., pixels] for name, array in state.model.items()})
    scale = model["sigma"] * season_factor(table, model["season"])
    return fitted(table, model["coefficients"]), np.asarray(scale)
