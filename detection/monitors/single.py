"""Monitors of a single index: its baseline, its residuals, and the kernel that all of them share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored
from detection.harmonics import SEASON_HIGH, SEASON_LOW, Table, date_table, fitted, season_factor
from detection.history import Baseline, baseline
from detection.monitors import kernel, machine
from detection.monitors.packed import rounded
from detection.monitors.state import Arrays, Detector, Looks, State
from detection.types import Codes, Float, Scene


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
    detector: Detector, state: State, looks: Looks, common: Float, pixels: Arrays, *, table: Table, alone: bool
) -> NDArray[Any]:
    """Take the looks in; `pixels` are written. Returns the transitions of `machine`."""
    rule = detector.monitor.rule()._replace(alone=alone)  # type: ignore[union-attr]
    return np.asarray(
        kernel.run(
            np.ascontiguousarray(looks.values, np.float32),
            looks.days,
            table.astype(np.float32),
            kernel.Model(*(state.model[name] for name in ("coefficients", "season", "sigma", "history_looks"))),
            (SEASON_LOW, SEASON_HIGH),
            float(detector.sign),
            common,
            state.cell,
            rule._replace(either=rule.floor < 0),
            detector.decision.rules(),
            kernel.Chart(*(pixels[name] for name in kernel.Chart._fields)),
            machine.Watch(*(pixels[name] for name in machine.Watch._fields)),
            np.empty(2 * min(kernel.BLOCK, len(state.monitored)), machine.TRANSITION),
        )
    )


def residuals(detector: Detector, state: State, looks: Looks, block: slice) -> Float:
    """(time, slot, pixel) of these pixels: see `monitors.residuals`."""
    table, model = date_table(looks.days, detector.history.harmonics), state.model
    scale = model["sigma"][block] * season_factor(table, model["season"][:, block])
    away = looks.values[:, 0, block] - fitted(table, model["coefficients"][:, block])
    return np.asarray(detector.sign * away / scale)[:, None]


def expected(
    detector: Detector, state: State, scenes: tuple[Scene, ...], table: Table, pixels: NDArray[Any]
) -> tuple[Float, Float]:
    """See `monitors.expected`."""
    model = state.model
    scale = model["sigma"][pixels] * season_factor(table, model["season"][:, pixels])
    return fitted(table, model["coefficients"][:, pixels]), np.asarray(scale)
