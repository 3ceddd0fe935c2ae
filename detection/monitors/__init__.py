"""Near-real-time monitors: constant-size state in, new state and transitions out. Pure; a tile and a table call the same.

    state = start(detector, looks_of_the_history, inside=area_mask)
    state, transitions = update(detector, state, new_looks)

To add a monitor: a parameter class with `kind` and `evidence()`, and its branch in `kernel._weigh`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored, Status
from detection.errors import BadInput, StaleState
from detection.harmonics import Table, date_table, fitted, season_factor
from detection.history import Baseline, History, baseline
from detection.monitors import kernel
from detection.monitors.cusum import Cusum
from detection.monitors.decision import Decision
from detection.monitors.ewma import Ewma
from detection.types import Codes, Days, Float, Scene, digest

Monitor = Cusum | Ewma
Transitions = NDArray[Any]
"""Structured array of LOG rows."""

FIT_AT_A_TIME: Final = 4096
"""Pixels whose looks are copied at once while a baseline is fitted or residuals are made: a matter of memory only."""
LOG: Final = np.dtype([("instant", "i8"), *((n, kernel.TRANSITION[n]) for n in kernel.TRANSITION.names if n != "look")])  # type: ignore[union-attr]
"""A transition with its look named by its instant."""


@dataclass(frozen=True)
class Detector:
    """All that decides about a pixel: what its digest covers may not change under a stored state."""

    history: History = field(default_factory=History)
    """The baseline."""
    monitor: Monitor = field(default_factory=Cusum)
    """The evidence."""
    decision: Decision = field(default_factory=Decision)
    """The decision."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the index."""

    @property
    def sign(self) -> int:
        """+1 where loss lowers the index, -1 where it raises it."""
        return 1 if self.loss == "lowers" else -1

    @property
    def digest(self) -> str:
        """sha256 of the parameters."""
        return digest(self)


@dataclass(frozen=True)
class Looks:
    """Prepared looks at a row of pixels."""

    scenes: tuple[Scene, ...]
    """In canonical order."""
    values: Float
    """(time, pixel) float32, NaN = not observed."""
    common: Float | None = None
    """(time, lattice cell) common-mode anomaly in residual scales, to be subtracted; None: nothing is."""

    @property
    def days(self) -> Days:
        """(time,) days since 1970-01-01."""
        return np.array([s.day for s in self.scenes], np.int32)

    def take(self, keep: NDArray[np.bool_]) -> "Looks":
        """The looks of this (time,) mask."""
        scenes = tuple(s for s, k in zip(self.scenes, keep, strict=True) if k)
        return Looks(scenes, self.values[keep], None if self.common is None else self.common[keep])


@dataclass(frozen=True)
class State:
    """A row of pixels after a set of looks: its size does not depend on how many."""

    baseline: Baseline
    """Fitted once, when monitoring began."""
    pixels: NDArray[Any]
    """(pixel,) records of kernel.PIXEL."""
    cell: NDArray[np.int64]
    """(pixel,) the lattice cell whose common mode is subtracted."""
    last: Scene | None
    """The newest look taken in."""
    detector: str
    """Digest of the detector that made it."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The fixed set of named arrays, as stored."""
        base = self.baseline
        fixed = {
            "coefficients": base.coefficients,
            "season": base.season,
            "sigma": base.sigma,
            "history_looks": base.looks,
        }
        return {**fixed, "monitored": base.monitored, "cell": self.cell, **columns(self.pixels, "pixel")}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], last: Scene | None, detector: str) -> "State":
        """The inverse of `arrays`."""
        base = Baseline(
            arrays["coefficients"], arrays["season"], arrays["sigma"], arrays["history_looks"], arrays["monitored"]
        )
        return cls(base, records(arrays, "pixel", kernel.PIXEL), arrays["cell"], last, detector)


def columns(table: NDArray[Any], name: str) -> dict[str, NDArray[Any]]:
    """A structured array as one matrix (field, row) per type, named `<name>_<type>`: few arrays, quickly stored."""
    fields: dict[str, list[str]] = {}
    for field_name in table.dtype.names or ():
        fields.setdefault(table.dtype[field_name].str[1:], []).append(field_name)
    return {f"{name}_{kind}": np.stack([table[n] for n in names]) for kind, names in fields.items()}


def records(arrays: Mapping[str, NDArray[Any]], name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The inverse of `columns`."""
    rows: dict[str, int] = {}
    table: NDArray[Any] | None = None
    for field_name in dtype.names or ():
        kind = dtype[field_name].str[1:]
        matrix = arrays[f"{name}_{kind}"]
        table = np.zeros(matrix.shape[1], dtype) if table is None else table
        table[field_name] = matrix[rows.get(kind, 0)]
        rows[kind] = rows.get(kind, 0) + 1
    return np.zeros(0, dtype) if table is None else table


def start(
    detector: Detector, history: Looks, *, inside: NDArray[np.bool_], cell: NDArray[np.int64] | None = None
) -> State:
    """Fit the baseline to the history and set every pixel to "no change".

    inside: (pixel,) False where outside the area. A history still disturbed when it ends is no baseline either: the
    monitor itself is run over it, and a pixel that ends confirmed or not yet recovered is DISTURBED_HISTORY.
    """
    pixels = len(inside)
    cells = np.zeros(pixels, np.int64) if cell is None else cell
    table = date_table(history.days, detector.history.harmonics)
    # Pixel by pixel the same whatever the block; the fit makes several copies of the looks, so blocks keep it small.
    blocks = [slice(i, i + FIT_AT_A_TIME) for i in range(0, max(pixels, 1), FIT_AT_A_TIME)]
    parts = [
        _fitted(detector, replace(history, values=history.values[:, b]), inside[b], cells[b], table) for b in blocks
    ]
    bases = [part.baseline for part in parts]
    joined = Baseline(*(np.concatenate([getattr(b, f.name) for b in bases], -1) for f in fields(Baseline)))
    return State(joined, np.concatenate([part.pixels for part in parts]), cells, None, detector.digest)


def _fitted(
    detector: Detector, history: Looks, inside: NDArray[np.bool_], cells: NDArray[np.int64], table: Table
) -> State:
    base = baseline(table, np.ascontiguousarray(history.values), detector.history, inside=inside, sign=detector.sign)
    pixels = np.zeros(len(base.looks), kernel.PIXEL)
    for name in kernel.DAY_FIELDS:
        pixels[name] = -1
    rehearsed, _ = _advance(
        detector, State(base, pixels, cells, None, detector.digest), replace(history, common=None), table
    )
    disturbed = np.isin(rehearsed.pixels["phase"], (kernel.CONFIRMED, kernel.RECOVERING))
    monitored, sigma = base.monitored.copy(), base.sigma.copy()
    monitored[disturbed & (monitored == Monitored.MONITORED)] = Monitored.DISTURBED_HISTORY
    sigma[disturbed] = np.nan
    pixels["last_clear"] = rehearsed.pixels["last_clear"]
    return State(replace(base, monitored=monitored, sigma=sigma), pixels, cells, None, detector.digest)


def exclude(state: State, not_forest: NDArray[np.bool_]) -> State:
    """The state without the pixels that a forest baseline excludes: monitored ones among them become NOT_FOREST."""
    base, out = state.baseline, not_forest & (state.baseline.monitored == Monitored.MONITORED)
    monitored = np.where(out, np.uint8(Monitored.NOT_FOREST), base.monitored)
    sigma = np.where(out, np.float32(np.nan), base.sigma)
    return replace(state, baseline=replace(base, monitored=monitored, sigma=sigma))


def update(detector: Detector, state: State, looks: Looks) -> tuple[State, Transitions]:
    """Take in looks newer than any before. Raises StaleState for another detector's state or for an older look.

    Looks of the past, and the same look twice, are the business of `monitors.replay`.
    """
    if state.detector != detector.digest:
        raise StaleState(
            "state: made with other detector parameters; start the job anew under another name, or restore them"
        )
    if looks.scenes and state.last is not None and looks.scenes[0] <= state.last:
        raise StaleState(
            f"state: {looks.scenes[0].id} is not newer than {state.last.id}, the last look taken in; replay it"
        )
    return _advance(detector, state, looks, date_table(looks.days, detector.history.harmonics))


def _advance(detector: Detector, state: State, looks: Looks, table: Table) -> tuple[State, Transitions]:
    pixels = state.pixels.copy()
    cells = int(state.cell.max(initial=0)) + 1
    common = np.zeros((len(looks.scenes), cells), np.float32) if looks.common is None else looks.common
    if common.shape[0] != len(looks.scenes) or common.shape[1] < cells:
        raise BadInput(f"common mode: shape {common.shape}; ({len(looks.scenes)}, {cells} or more) expected")
    kind, gain, limit, clip = detector.monitor.evidence()
    gains, rules = np.array([kind, gain, limit, clip], np.float64), np.array(detector.decision.rules(), np.float64)
    base = state.baseline
    log = np.zeros(4 * len(pixels) + 64, kernel.TRANSITION)
    fixed = (
        np.ascontiguousarray(looks.values),
        looks.days,
        table,
        base.coefficients,
        base.season,
        base.sigma,
        float(detector.sign),
    )
    needed = kernel.run(*fixed, common, state.cell, gains, rules, pixels, log)
    if needed > len(log):  # pure in its inputs, so it is simply done again with room enough
        pixels, log = state.pixels.copy(), np.zeros(needed, kernel.TRANSITION)
        kernel.run(*fixed, common, state.cell, gains, rules, pixels, log)
    last = looks.scenes[-1] if looks.scenes else state.last
    return replace(state, pixels=pixels, last=last), _named(log[:needed], looks.scenes)


def _named(log: NDArray[Any], scenes: tuple[Scene, ...]) -> Transitions:
    """Transitions ordered by (look, pixel, step), with the look's instant in place of its position.

    By look, not by instant: two looks of one instant then read the same taken in together or one after the other.
    """
    log = log[np.lexsort((log["step"], log["pixel"], log["look"]))]
    rows = np.zeros(len(log), LOG)
    for name in kernel.TRANSITION.names or ():
        if name != "look":
            rows[name] = log[name]
    rows["instant"] = np.array([s.instant for s in scenes], np.int64)[log["look"]] if len(log) else 0
    return rows


def residuals(detector: Detector, state: State, looks: Looks) -> Float:
    """(time, pixel) float32 residuals in residual scales, negative towards loss; NaN where not observed or not monitored."""
    table, base = date_table(looks.days, detector.history.harmonics), state.baseline
    out: Float = np.empty_like(looks.values)
    for first in range(0, len(base.sigma), FIT_AT_A_TIME):
        block = slice(first, first + FIT_AT_A_TIME)
        scale = base.sigma[block] * season_factor(table, base.season[:, block])
        out[:, block] = detector.sign * (looks.values[:, block] - fitted(table, base.coefficients[:, block])) / scale
    return out


def status(detector: Detector, state: State) -> Codes:
    """(pixel,) codes.Status; 255 where not monitored."""
    pixels = state.pixels
    high = pixels["total_sigma"] >= detector.decision.high * np.maximum(pixels["count"], 1)
    first = (pixels["phase"] == kernel.NONE) & (pixels["onset"] >= 0)
    codes = np.where(first, np.where(high, Status.FIRST_HIGH, Status.FIRST_LOW), Status.NONE)
    for phase, low_code, high_code in (
        (kernel.PROVISIONAL, Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH),
        (kernel.CONFIRMED, Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH),
        (kernel.RECOVERING, Status.FINISHED_LOW, Status.FINISHED_HIGH),
    ):
        codes = np.where(pixels["phase"] == phase, np.where(high, high_code, low_code), codes)
    codes = np.where(
        (pixels["phase"] == kernel.NONE) & (pixels["onset"] < 0) & (pixels["closed"] > 0), Status.FINISHED_LOW, codes
    )
    return np.where(reach(state) == Monitored.MONITORED, codes, 255).astype(np.uint8)


def reach(state: State) -> Codes:
    """(pixel,) codes.Monitored as it stands: monitored, but never seen clear since, is NO_LOOK."""
    blind = (state.baseline.monitored == Monitored.MONITORED) & (state.pixels["looks"] == 0)
    return np.where(blind, np.uint8(Monitored.NO_LOOK), state.baseline.monitored)
