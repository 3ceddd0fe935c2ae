"""The compact form of a state: what is kept on disk, exactly what the monitor uses.

The model is rounded once, when monitoring begins, to numbers that fit into 16 bits (`rounded`); the monitor uses those, so
that packing loses nothing, ever. Of what looks change, the fields read at every look are kept as they are; the others
differ from those of an unseen pixel only where something is open, and are kept for those pixels alone; so is what a fusion
has been told. A state may hold either form: `monitors.update` takes both and gives back the one it was given; whoever reads
columns of a state takes it `unpacked`.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.monitors.block import ABSENT, SWING_STEPS, Steps, grow, room
from detection.monitors.fused_kernel import Evidence
from detection.monitors.machine import NONE, OPEN, Watch, fresh
from detection.monitors.state import Arrays, State

BITS: Final = 14
"""A coefficient is a multiple of 2^-14 of the power of two above the pixel's largest: 3e-5 for an index below one."""
KEPT: Final = ("days", "phase", "which", "open", "told")
TOLD: Final = Evidence._fields
"""Of the fusion: nought wherever the record says nothing, as `fused_kernel` has it."""


def rounded(model: Arrays) -> dict[str, NDArray[Any]]:
    """The model in numbers that `pack` keeps to the bit: float32 still, so that kernels need not know."""
    coefficients = np.where(np.isfinite(model["coefficients"]), model["coefficients"], np.float32(np.nan))
    steps = np.ldexp(coefficients, -_exponent(coefficients))
    season = np.nan_to_num(np.clip(model["season"], -2, 2))
    return {
        "coefficients": np.ldexp(np.rint(steps), _exponent(coefficients)).astype(np.float32),
        "season": (np.rint(season * SWING_STEPS) / SWING_STEPS).astype(np.float32),
        "sigma": _short(model["sigma"]),
        "history_looks": np.minimum(model["history_looks"], 65_535).astype(np.int32),
    }


def _exponent(coefficients: NDArray[np.float32]) -> NDArray[np.int32]:
    """(pixel,) power of two that the pixel's coefficients are multiples of."""
    largest = np.nan_to_num(np.abs(coefficients), nan=0.0).max(0, initial=0)
    return np.asarray(np.frexp(largest)[1] - BITS, np.int32)


def _short(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """To eight significant bits, the upper half of a float32: a scale need not be known better than to 0.4 %."""
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    half = (((raw + 0x7FFF + ((raw >> 16) & 1)) >> 16) << 16).astype(np.uint32)
    return np.where(np.isfinite(values), half.view(np.float32), np.float32(np.nan)).astype(np.float32)


def pack_model(model: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays of a `rounded` model in two bytes a number or less, unless they are that already, as the fusion's are."""
    if "coefficients" not in model:
        return dict(model)
    exponent = _exponent(model["coefficients"])
    steps = np.ldexp(model["coefficients"], -exponent)
    return {
        "steps": np.where(np.isnan(steps), ABSENT, np.nan_to_num(steps)).astype(np.int16),
        "exponent": exponent.astype(np.int16),
        "season": np.rint(model["season"] * SWING_STEPS).astype(np.int8),
        "sigma": (model["sigma"].view(np.uint32) >> 16).astype(np.uint16),
        "history_looks": model["history_looks"].astype(np.uint16),
    }


def unpack_model(kept: Arrays) -> dict[str, NDArray[Any]]:
    """The inverse of `pack_model`."""
    if "steps" not in kept:
        return dict(kept)
    steps = Steps(*(np.ascontiguousarray(kept[name]) for name in Steps._fields))
    pixels = len(steps.sigma)
    model = room(len(steps.steps), len(steps.season), pixels)
    grow(steps, 0, pixels, True, np.empty(pixels, np.float32), model)
    return model._asdict()


def blank(opened: NDArray[Any], which: NDArray[np.int32]) -> None:
    """Nothing is open at these pixels any more."""
    rows(opened)[which] = rows(fresh(1).open)


def rows(opened: NDArray[Any]) -> NDArray[np.uint32]:
    """Records as rows of numbers, which numpy copies faster."""
    return opened.view(np.uint32).reshape(-1, OPEN.itemsize // 4)


@njit(cache=True, nogil=True)
def _which(phase, opened):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Pixels whose record says something."""
    found, many = np.empty(phase.shape[0], np.int32), 0
    for p in range(phase.shape[0]):
        if phase[p] != NONE or opened[p].closed != 0:
            found[many] = p
            many += 1
    return found[:many].copy()


def pack_pixels(pixels: Arrays) -> dict[str, NDArray[Any]]:
    """What looks change, packed unless it is: records of those pixels alone at which one says something; a chart's own as it is.

    days: (2, pixel) last_look and last_clear; which: the pixels of the records; open: (record, four bytes); told: of the
    fusion, (2, record) evidence and grade.
    """
    if "which" in pixels:
        return dict(pixels)
    which = _which(pixels["phase"], pixels["open"])
    watch = {"days": np.stack([pixels["last_look"], pixels["last_clear"]]), "phase": pixels["phase"], "which": which}
    told = {"told": np.stack([pixels[name][which] for name in TOLD])} if TOLD[0] in pixels else {}
    rest = {name: array for name, array in pixels.items() if name not in (*Watch._fields, *TOLD)}
    return {**watch, "open": rows(pixels["open"])[which], **told, **rest}


def unpack_pixels(kept: Arrays, opened: NDArray[Any] | None = None) -> dict[str, NDArray[Any]]:
    """The inverse of `pack_pixels`. opened: records at which nothing is open, to be written into; new ones unless given."""
    if "which" not in kept:
        return dict(kept)
    opened = fresh(len(kept["phase"])).open if opened is None else opened
    rows(opened)[kept["which"]] = kept["open"]
    watch = Watch(kept["phase"], kept["days"][0], kept["days"][1], opened)
    found = {**watch._asdict(), **{name: array for name, array in kept.items() if name not in KEPT}}
    for name, told in zip(TOLD, kept.get("told", ()), strict=False):
        found[name] = np.zeros(len(kept["phase"]), np.float32)
        found[name][kept["which"]] = told
    return found


def packed(state: State) -> State:
    """The state in its compact form."""
    return replace(state, model=pack_model(state.model), pixels=pack_pixels(state.pixels))


def unpacked(state: State) -> State:
    """The state with a number of its own for every pixel."""
    return replace(state, model=unpack_model(state.model), pixels=unpack_pixels(state.pixels))
