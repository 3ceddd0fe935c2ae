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

from detection.monitors.machine import NO_DAY, NONE, RECOVERING, room, take

BLOCK = 1024
"""Pixels taken through all looks before the next."""
ABSENT = -32_768
"""A number of the model that is not there."""
OPTICAL_STEP, RADAR_STEP, SWING_STEP = np.float32(5e-5), np.float32(2e-3), np.float32(1 / 8192)
"""Steps of the model's 16-bit numbers: reflectance and indices to 1.6, dB to 65, seasonal swing to 4."""
F0, F1 = np.float32(0), np.float32(1)
CELLS_A_SCALE, MIDDLE, LAST = np.float32(2), np.float32(32), np.float32(63)
"""Layout of `likelihood.tables`."""
NEUTRAL = 0.5
"""Evidence below which a look does not count as anomalous (a third more likely changed than forest)."""
HUGE = np.float32(1e6)
"""Values and residuals beyond this are no looks."""
LOW, HIGH = np.float32(0.5), np.float32(2.0)


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
def run(values, seen, model, slots, sign, cell, tables, limits, decays, w, rules, e, s, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `e` and `s` are written. Returns the transitions, `log` or a longer one.

    values: (time, slot, pixel); tables: `likelihood.tables`; limits: (doubt - 1,) odds between its doubts; decays: (2, day)
    factors of evidence and grade after so many days, the last for all longer times; w: `fusion.Weights`.
    """
    written, pixels = 0, values.shape[2]
    for first in range(0, pixels, BLOCK):
        last = min(first + BLOCK, pixels)
        for t in range(values.shape[0]):
            log = room(log, written, 2 * (last - first))
            written = _look(
                values[t], seen, t, model, slots, sign, cell, tables, limits, decays, w, rules, e, s, first, last, log,
                written,
            )  # fmt: skip
    return log[:written]


@njit(cache=True, nogil=True)
def _look(values, seen, t, model, slots, sign, cell, tables, limits, decays, w, rules, e, s, first, last, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """One look at a block of pixels."""
    radar, day, x = seen.radar[t], seen.days[t], seen.table[t]
    k = 1 if radar else 0
    a, b = slots.first[k], slots.second[k]
    orbit, harmonics = seen.orbit[t], seen.table.shape[1] - 1
    if radar and orbit < 0:
        return written
    doubtful, leading = (not radar) and slots.doubt >= 0, (not radar) or slots.first[0] < 0
    base = w.base_radar if radar else w.base_optical
    odds_base = base / (1 - base)
    common, cells = seen.common[t], seen.common.shape[2]
    planes, longest = tables[k], decays.shape[1] - 1
    evidence, grade, phase, opened = e.evidence, e.grade, s.phase, s.open
    last_look, last_clear, monitored, leader = s.last_look, s.last_clear, model.monitored, a if a >= 0 else b
    rows = model.radar.shape[0] // max(_pair(slots, 1), 1) if radar else harmonics + 4
    for p in range(first, last):
        if not abs(values[leader, p]) < HUGE or monitored[p]:
            continue
        za, zb, change, used = np.float32(np.nan), np.float32(np.nan), np.float32(0), False
        if a >= 0:
            if radar:
                change, za = _radar(values[a, p], x, model.radar, 0, orbit, harmonics, p)
            else:
                change, za = _optical(values[a, p], x, model.optical, 0, harmonics, sign, p)
            used = True
        if b >= 0:
            row = 1 if a >= 0 else 0
            if radar:
                away, zb = _radar(values[b, p], x, model.radar, row * rows, orbit, harmonics, p)
            else:
                away, zb = _optical(values[b, p], x, model.optical, row * rows, harmonics, 1.0, p)
            if not used:
                change = away
        if (a >= 0 and not abs(za) < HUGE) or (b >= 0 and not abs(zb) < HUGE):
            continue
        odds, weight = odds_base, 1.0
        if doubtful:
            odds = values[slots.doubt, p] / (F1 - values[slots.doubt, p])
            if not odds >= 0:
                odds = odds_base
        if cells:
            ca = common[a, cell[p]] if a >= 0 else F0
            cb = common[b, cell[p]] if b >= 0 else F0
            za -= ca
            zb -= cb
            strange = max(abs(ca), abs(cb)) - 1
            if strange > 0:
                odds *= np.exp(w.scene_doubt * strange)
            if radar and ca > w.wet:
                weight = w.wet_weight
        bin_ = 0
        while bin_ < limits.shape[0] and odds > limits[bin_]:
            bin_ += 1
        which = 0 if a >= 0 and b >= 0 else (1 if a >= 0 else 2)
        i, j = _place(za), _place(zb)
        told = min(max(planes[which, bin_, i, j, 0], w.least), w.most) * weight
        low = told > NEUTRAL
        if not low and phase[p] == NONE:
            last_look[p] = day
            if told < 0:
                last_clear[p] = day
            continue
        graded = min(max(planes[which, bin_, i, j, 1], -w.grade_most), w.grade_most) * weight
        o = opened[p]
        if phase[p] == NONE:
            evidence[p] = 0
            grade[p] = 0
        elif low and o.last_anomaly != NO_DAY and day - o.last_anomaly < w.apart_days:
            near = max((day - o.last_anomaly) / w.apart_days, w.apart_least)
            told *= near
            graded *= near
        since = min(day - last_look[p], longest) if last_look[p] != NO_DAY else 0
        evidence[p] = max(evidence[p] * decays[0, since] + told, F0)
        grade[p] = max(grade[p] * decays[1, since] + graded, F0)
        last_look[p] = day
        if phase[p] == RECOVERING:
            evidence[p] = 0
        elif not low and told >= 0:
            continue
        share = evidence[p] / w.confirm
        begun = day if o.onset == NO_DAY else o.onset
        if share >= 1 and (grade[p] < w.grade or day - begun > w.within_days):
            share = 0.999
        size, away = F0, F0
        if low:
            size = max(-za if a >= 0 else -zb, np.float32(w.anomaly))
            away = change if leading else (o.total_change / o.count if o.count > 0 else F0)
        phase[p], written = take(o, phase[p], last_clear[p], p, t, day, -size, away, share, rules, log, written)
        if told < 0:
            last_clear[p] = day
        if phase[p] == NONE:
            evidence[p] = 0
            grade[p] = 0
    return written


@njit(cache=True, nogil=True, forceinline=True)
def _place(z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Cell of the table; any where there is no residual."""
    return int(min(max(z * CELLS_A_SCALE + MIDDLE, F0), LAST)) if z == z else 0


@njit(cache=True, nogil=True, forceinline=True)
def _pair(slots, k):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Planes of a kind of sensor."""
    return (1 if slots.first[k] >= 0 else 0) + (1 if slots.second[k] >= 0 else 0)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _optical(value, x, model, row, harmonics, sign, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(change in units of the plane, residual in scales); NaN where there is no baseline."""
    sigma = model[row + harmonics + 1, p]
    if sigma <= 0:
        return np.float32(0), np.float32(np.nan)
    expected = np.float32(model[row, p])
    for h in range(1, harmonics + 1):
        expected += x[h] * model[row + h, p]
    swing = F1 + SWING_STEP * (x[1] * model[row + harmonics + 2, p] + x[2] * model[row + harmonics + 3, p])
    change = value - OPTICAL_STEP * expected
    return change, np.float32(sign) * change / (OPTICAL_STEP * sigma * min(max(swing, LOW), HIGH))


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _radar(value, x, model, row, orbit, harmonics, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """As `_optical`, in dB; the level is the orbit's own."""
    sigma, level = model[row + harmonics, p], model[row + harmonics + 1 + orbit, p]
    if sigma <= 0 or level == ABSENT:
        return np.float32(0), np.float32(np.nan)
    expected = np.float32(level)
    for h in range(1, harmonics + 1):
        expected += x[h] * model[row + h - 1, p]
    change = value - RADAR_STEP * expected
    return change, change / (RADAR_STEP * sigma)


@njit(cache=True, nogil=True)
def standardise(values, seen, model, slots, sign, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Residuals of all looks in scales, into `out` (time, slot, pixel), NaN where there are none; no common mode."""
    harmonics = seen.table.shape[1] - 1
    for t in range(values.shape[0]):
        k = 1 if seen.radar[t] else 0
        a, b, orbit = slots.first[k], slots.second[k], seen.orbit[t]
        rows = model.radar.shape[0] // max(_pair(slots, 1), 1) if k else harmonics + 4
        for p in range(values.shape[2]):
            if (k and orbit < 0) or model.monitored[p]:
                continue
            if a >= 0:
                out[t, a, p] = (
                    _radar(values[t, a, p], seen.table[t], model.radar, 0, orbit, harmonics, p)[1]
                    if k
                    else _optical(values[t, a, p], seen.table[t], model.optical, 0, harmonics, sign, p)[1]
                )
            if b >= 0:
                row = rows if a >= 0 else 0
                out[t, b, p] = (
                    _radar(values[t, b, p], seen.table[t], model.radar, row, orbit, harmonics, p)[1]
                    if k
                    else _optical(values[t, b, p], seen.table[t], model.optical, row, harmonics, 1.0, p)[1]
                )
