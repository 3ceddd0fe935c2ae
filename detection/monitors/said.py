"""What single looks say of a pixel, for a report or a plot; the fusion monitor only keeps what they add up to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.monitors import fused, likelihood
from detection.monitors.fused_kernel import HUGE, OPTICAL, RADAR, SURE
from detection.monitors.fusion import Fusion
from detection.monitors.state import Detector, Looks, State
from detection.types import Float

Numbers = NDArray[np.float64]


class Said(NamedTuple):
    """What looks say by themselves; NaN where a look says nothing."""

    z: Float
    """(time, 2, pixel) residual scales of the index and near infrared, or of VV and VH, the forest around taken off; 0 for a
    plane that there is none of."""
    doubt: Float
    """(time, pixel) how likely the look is of no use, 0..1."""
    evidence: Float
    """(time, pixel) log odds changed against forest."""
    grade: Float
    """(time, pixel) log odds changed as a whole against in part."""


def evidence_of(detector: Detector, state: State, looks: Looks) -> Said:
    """What every look says of these pixels by itself, before the monitor adds it to `evidence` and `grade`.

    The monitor takes only a share of it where the last anomalous look is near (`Fusion.apart_days`), lets what stood there
    before decay, and never goes below nought. Raises BadInput for a monitor other than the fusion.
    """
    if not isinstance(detector.monitor, Fusion):
        raise BadInput(
            f"monitor {detector.monitor.kind}: single looks have no evidence of their own; take kind: fusion"
        )
    many, pixels = len(looks.scenes), len(state.monitored)
    z = fused.residuals(detector, state, looks, slice(None))
    radar = np.array([scene.radar for scene in looks.scenes], np.bool_)
    shapes = ((many, 2, pixels), *[(many, pixels)] * 3)
    said = Said(*(np.full(shape, np.nan, np.float32) for shape in shapes))
    for kind, mine in ((OPTICAL, ~radar), (RADAR, radar)):
        part = looks.take(mine)
        common = np.zeros_like(z[mine]) if part.common is None else part.common[:, :, state.cell]
        width = (
            fused.width_of(state, kind, 1 + 2 * detector.history.harmonics)
            if mine.any()
            else np.zeros(pixels, np.int64)
        )
        told = _of_kind(detector.monitor, kind, z[mine], part.values, common, width)
        for whole, found in zip(said, told, strict=True):
            whole[mine] = found
    return said


def _of_kind(fusion: Fusion, kind: int, z: Float, values: Float, common: Float, width: NDArray[np.int64]) -> Said:
    """Of the looks of one kind of sensor; z, values, common: (time, slot, pixel); width: (pixel,) of the tables."""
    slots = (fusion.slots.first[kind], fusion.slots.second[kind])
    if max(slots) < 0:
        nothing = np.full_like(z[:, 0], np.nan)
        return Said(np.full_like(z, np.nan)[:, [0, 0]], nothing, nothing, nothing)
    nought = np.zeros_like(z[:, 0])
    away, shared = (np.stack([part[:, slot] if slot >= 0 else nought for slot in slots], 1) for part in (z, common))
    strange = np.maximum(np.abs(shared).max(1) - 1, 0)
    odds = _odds(fusion, kind, values) * np.exp(fusion.scene_doubt * strange)
    wet = (kind == RADAR) & (shared[:, 0] > fusion.wet)
    return _looked_up(fusion, kind, away - shared, odds, np.where(wet, fusion.wet_weight, 1.0), width)


def _odds(fusion: Fusion, kind: int, values: Float) -> Numbers:
    """(time, pixel) odds that a look is of no use, before the forest around is asked."""
    doubt = np.full(values[:, 0].shape, fusion.base_radar if kind == RADAR else fusion.base_optical)
    if kind == OPTICAL and fusion.slots.doubt >= 0:
        given = values[:, fusion.slots.doubt]
        doubt = np.where(given >= 0, np.minimum(given, SURE), doubt)
    return np.asarray(doubt / (1 - doubt), np.float64)


def _looked_up(fusion: Fusion, kind: int, z: Float, odds: Numbers, weight: Numbers, width: NDArray[np.int64]) -> Said:
    """The likelihoods at these residuals; nothing where a plane of the look was not seen."""
    first, second = fusion.slots.first[kind], fusion.slots.second[kind]
    planes = likelihood.FIRST_ONLY if second < 0 else likelihood.SECOND_ONLY if first < 0 else likelihood.BOTH
    seen = (np.abs(z) < HUGE).all(1, keepdims=True)
    at = np.where(seen, z, 0) / likelihood.STEP + likelihood.CELLS / 2
    cells = np.clip(at, 0, likelihood.CELLS - 1).astype(np.int64)
    doubts = np.searchsorted(fused.limits(), odds)
    found = likelihood.tables()[kind, width, planes, doubts, cells[:, 0], cells[:, 1]]
    evidence = np.clip(found[..., 0], fusion.least, fusion.most) * weight
    grade = np.clip(found[..., 1], -fusion.grade_most, fusion.grade_most) * weight
    parts = (z, *(one[:, None] for one in (1 - 1 / (1 + odds), evidence, grade)))
    told = [np.where(seen, part, np.nan).astype(np.float32) for part in parts]
    return Said(told[0], *(part[:, 0] for part in told[1:]))
