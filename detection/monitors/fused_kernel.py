"""The compiled loop of the fusion monitor: blocks of pixels outside, looks in canonical order inside, one pixel at a time.

A look is standardised, looked up in the table of likelihoods and added to the evidence; where nothing is open and it tells
for forest, that is all. Otherwise `machine.take` decides, as for every monitor. A look that is not observed changes nothing
and no pixel knows its neighbours: looks one by one equal looks all at once, and any cut of the pixels equals the whole.
Constants of other files arrive as arguments: the cache of compiled code would not notice a change there.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.monitors.machine import FIRST, NO_DAY, NONE, RECOVERING, room, take

BLOCK = 1024
"""Pixels taken through all looks before the next."""
OPTICAL, RADAR = 0, 1
ABSENT = -32_768
"""A number of the model that is not there."""
OPTICAL_STEP, RADAR_STEP, SWING_STEP = np.float32(5e-5), np.float32(2e-3), np.float32(1 / 8192)
"""Steps of the model's 16-bit numbers: reflectance and indices to 1.6, dB to 65, seasonal swing to 4."""
CELLS_A_SCALE, MIDDLE, LAST = np.float32(2), np.float32(32), np.float32(63)
"""Layout of `likelihood.tables`."""
ANOMALOUS, NORMAL = 0.5, -1.0
"""Evidence from which a look counts as anomalous, and below which as normal; between them it is neither (chosen)."""
JUST_SHORT = 0.999
"""Share of what confirms, of a change that still lacks something."""
F0, F1 = np.float32(0), np.float32(1)
LOW, HIGH = np.float32(0.5), np.float32(2.0)
"""Bounds of the seasonal factor of the scale: `harmonics.SEASON_LOW` and `SEASON_HIGH`."""
SURE = np.float32(0.999)
"""Doubts of this and beyond are this: a look that is certainly of no use has no odds."""
HUGE = np.float32(1e6)
"""Values and residuals beyond this are no looks."""


class Seen(NamedTuple):
    """What is known of the looks themselves, (time,) arrays."""

    radar: NDArray[np.uint8]
    """1 for a radar look."""
    orbit: NDArray[np.int16]
    """Row of its orbit in the model; -1 where the history never saw it."""
    days: NDArray[np.int32]
    """Since 1970-01-01."""
    table: NDArray[np.float32]
    """(time, term) harmonics."""
    common: NDArray[np.float32]
    """(time, slot, cell) common mode in residual scales."""


class Model(NamedTuple):
    """The baselines of a row of pixels."""

    optical: NDArray[np.int16]
    """(plane x (term + sigma + 2 of swing), pixel) in OPTICAL_STEP, swing in SWING_STEP."""
    radar: NDArray[np.int16]
    """(plane x (harmonic + sigma + orbit), pixel) in RADAR_STEP."""
    monitored: NDArray[np.uint8]
    """(pixel,) codes.Monitored: others than nought are passed over."""


class Slots(NamedTuple):
    """Roles of the slots, by kind of sensor (optical, radar); -1: none."""

    first: tuple[int, int]
    second: tuple[int, int]
    doubt: int


class Evidence(NamedTuple):
    """What the fusion remembers of a row of pixels, besides `machine.Watch`."""

    evidence: NDArray[np.float32]
    """(pixel,) log odds changed against forest, decayed to the day of the last look, nought or more."""
    grade: NDArray[np.float32]
    """(pixel,) log odds changed as a whole against in part, since the first anomalous look, nought or more."""


@njit(cache=True, nogil=True)
def run(values, seen, model, slots, sign, cell, tables, limits, widths, decays, w, rules, e, s, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `e` and `s` are written. Returns the transitions, `log` or a longer one.

    values: (time, slot, pixel); tables: `likelihood.tables`; limits: (doubt - 1,) odds between its doubts; widths:
    (kind, width - 1) steps of the scale between its widths; decays: (2, day)
    factors of evidence and grade after so many days, the last for all longer times; w: `fusion.Weights`.
    """
    written, pixels = 0, values.shape[2]
    for first in range(0, pixels, BLOCK):
        last = min(first + BLOCK, pixels)
        for t in range(values.shape[0]):
            log = room(log, written, 2 * (last - first))
            written = _look(
                values[t], seen, t, model, slots, sign, cell, tables, limits, widths, decays, w, rules, e, s, first, last, log,
                written,
            )  # fmt: skip
    return log[:written]


@njit(cache=True, nogil=True)
def _look(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    values, seen, t, model, slots, sign, cell, tables, limits, widths, decays, w, rules, e, s, first, last, log, written
):
    """One look at a block of pixels."""
    k, day, orbit = np.int64(seen.radar[t]), seen.days[t], seen.orbit[t]
    a, b, d = slots.first[k], slots.second[k], slots.doubt if k == OPTICAL else -1
    if (k == RADAR and orbit < 0) or (a < 0 and b < 0):
        return written
    x, which, common, shared = seen.table[t], _which(a, b), seen.common[t], seen.common.shape[2] > 0
    scale = model.radar[x.shape[0] - 1] if k == RADAR else model.optical[x.shape[0]]
    base = w.base_radar if k == RADAR else w.base_optical
    leading, leader = k == OPTICAL or slots.first[OPTICAL] < 0, max(a, b) if a < 0 else a
    phase, last_look, last_clear, monitored = s.phase, s.last_look, s.last_clear, model.monitored
    for p in range(first, last):
        if not abs(values[leader, p]) < HUGE or monitored[p]:
            continue
        change, za, zb = _residual(values, x, model, slots, k, orbit, sign, p)
        odds, weight = base / (1 - base), 1.0
        if d >= 0 and values[d, p] >= 0:
            doubt = min(values[d, p], SURE)
            odds = doubt / (F1 - doubt)
        if shared:
            za, zb, strange = _less(za, zb, common, a, b, cell[p])
            odds *= np.exp(w.scene_doubt * strange)
            weight = w.wet_weight if k == RADAR and a >= 0 and common[a, cell[p]] > w.wet else 1.0
        if not (abs(za) < HUGE and abs(zb) < HUGE):
            continue
        ratios = tables[k, _bin(scale[p], widths[k]), which, _bin(odds, limits), _place(za), _place(zb)]
        told = min(max(ratios[0], w.least), w.most) * weight
        if phase[p] == NONE and told <= ANOMALOUS:
            last_look[p] = day
            last_clear[p] = day if told < 0 else last_clear[p]
            continue
        graded = min(max(ratios[1], -w.grade_most), w.grade_most) * weight
        size = max(-za if a >= 0 else -zb, np.float32(w.anomaly))
        written = _weigh(p, t, day, told, graded, size, change, leading, decays, w, rules, e, s, log, written)
    return written


@njit(cache=True, nogil=True)
def _weigh(p, t, day, told, graded, size, change, leading, decays, w, rules, e, s, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A look at a pixel about which something is open, or now will be. Returns the rows written.

    A look that tells little either way adds to the evidence and is no step; so is a normal one at a pixel that is no alarm
    yet, as long as evidence is left: of two sensors one may see what the other cannot.
    """
    o, evidence, grade, phase = s.open[p], e.evidence, e.grade, s.phase
    low, normal = told > ANOMALOUS, told < NORMAL
    if low and o.last_anomaly != NO_DAY and day - o.last_anomaly < w.apart_days:
        near = max((day - o.last_anomaly) / w.apart_days, w.apart_least)
        told, graded = told * near, graded * near
    since = min(day - s.last_look[p], decays.shape[1] - 1) if s.last_look[p] != NO_DAY else 0
    before = (F0, F0) if phase[p] == NONE else (evidence[p], grade[p])
    evidence[p] = F0 if phase[p] == RECOVERING else max(before[0] * decays[0, since] + told, F0)
    grade[p] = max(before[1] * decays[1, since] + graded, F0)
    s.last_look[p] = day
    if normal:
        s.last_clear[p] = day
    waits = phase[p] == FIRST or not normal
    if not low and waits and (evidence[p] > 0 or phase[p] == RECOVERING):
        return written
    share = min(evidence[p] / w.alarm * rules.provisional_share, JUST_SHORT)
    begun = day if o.onset == NO_DAY else o.onset
    if evidence[p] >= w.confirm and grade[p] >= w.grade and day - begun <= w.within_days:
        share = 1.0
    away = change if leading else (o.total_change / o.count if o.count > 0 else F0)
    z, away = (-size, away) if low else (F0, F0)
    phase[p], written = take(o, phase[p], s.last_clear[p], p, t, day, z, away, share, rules, log, written)
    if phase[p] == NONE:
        evidence[p], grade[p] = 0, 0
    return written


@njit(cache=True, nogil=True, forceinline=True)
def _residual(values, x, model, slots, k, orbit, sign, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(change of the leading plane, residual of the first, of the second); nought for a plane that is none."""
    a, b, change, za, zb = slots.first[k], slots.second[k], F0, F0, F0
    if k == RADAR:
        if a >= 0:
            change, za = _radar(values[a, p], x, model.radar, 0, orbit, p)
        if b >= 0:
            row = model.radar.shape[0] // 2 if a >= 0 else 0
            away, zb = _radar(values[b, p], x, model.radar, row, orbit, p)
            change = change if a >= 0 else away
        return change, za, zb
    change, za = _optical(values[a, p], x, model.optical, 0, sign, p)
    if b >= 0:
        zb = _optical(values[b, p], x, model.optical, x.shape[0] + 3, 1.0, p)[1]
    return change, za, zb


@njit(cache=True, nogil=True, forceinline=True)
def _less(za, zb, common, a, b, cell):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The common mode off, and how strange it is: residual scales beyond one."""
    strange = F0
    if a >= 0:
        za -= common[a, cell]
        strange = max(abs(common[a, cell]) - F1, strange)
    if b >= 0:
        zb -= common[b, cell]
        strange = max(abs(common[b, cell]) - F1, strange)
    return za, zb, strange


@njit(cache=True, nogil=True, forceinline=True)
def _which(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Table for the planes there are: both, the first, the second alone."""
    return 0 if a >= 0 and b >= 0 else (1 if a >= 0 else 2)


@njit(cache=True, nogil=True, forceinline=True)
def _bin(value, limits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The doubt of the tables nearest to these odds, or the width nearest to this scale."""
    found = 0
    while found < limits.shape[0] and value > limits[found]:
        found += 1
    return found


@njit(cache=True, nogil=True, forceinline=True)
def _place(z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Cell of the table."""
    return int(min(max(z * CELLS_A_SCALE + MIDDLE, F0), LAST))


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _optical(value, x, model, row, sign, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(change in units of the plane, residual in scales); NaN where there is no baseline."""
    terms = x.shape[0]
    sigma, expected = model[row + terms, p], np.float32(model[row, p])
    if sigma <= 0:
        return F0, np.float32(np.nan)
    for h in range(1, terms):
        expected += x[h] * model[row + h, p]
    swing = F1 + SWING_STEP * (x[1] * model[row + terms + 1, p] + x[2] * model[row + terms + 2, p])
    change = value - OPTICAL_STEP * expected
    return change, np.float32(sign) * change / (OPTICAL_STEP * sigma * min(max(swing, LOW), HIGH))


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _radar(value, x, model, row, orbit, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """As `_optical`, in dB; the level is the orbit's own."""
    terms = x.shape[0]
    sigma, level = model[row + terms - 1, p], model[row + terms + orbit, p]
    if sigma <= 0 or level == ABSENT:
        return F0, np.float32(np.nan)
    expected = np.float32(level)
    for h in range(1, terms):
        expected += x[h] * model[row + h - 1, p]
    change = value - RADAR_STEP * expected
    return change, change / (RADAR_STEP * sigma)


@njit(cache=True, nogil=True)
def standardise(values, seen, model, slots, sign, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Residuals of all looks in scales, into `out` (time, slot, pixel), NaN where there are none; no common mode."""
    for t in range(values.shape[0]):
        k, orbit = np.int64(seen.radar[t]), seen.orbit[t]
        a, b = slots.first[k], slots.second[k]
        if (k == RADAR and orbit < 0) or (a < 0 and b < 0):
            continue
        for p in range(values.shape[2]):
            if model.monitored[p]:
                continue
            _, za, zb = _residual(values[t], seen.table[t], model, slots, k, orbit, sign, p)
            if a >= 0:
                out[t, a, p] = za
            if b >= 0:
                out[t, b, p] = zb
