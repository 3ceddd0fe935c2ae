"""The compiled loop of the fusion monitor: blocks of pixels outside, looks in canonical order inside.

A hot pass standardises a look at a whole block, which stays in the cache, and looks it up in the table of likelihoods; where
nothing is open and it tells for forest, a day is noted and that is all. The other pixels add it to their evidence one by one
and `machine.take` decides, as for every monitor. A look that is not observed changes nothing and no pixel knows its
neighbours: looks one by one equal looks all at once, and any cut of the pixels equals the whole.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.harmonics import SEASON_HIGH, SEASON_LOW
from detection.monitors.likelihood import CELLS, STEP
from detection.monitors.machine import FIRST, NO_DAY, NONE, RECOVERING, room, take

BLOCK = 1024
"""Pixels taken through all looks before the next: model, state and scratch of a block fit the second-level cache."""
OPTICAL, RADAR = 0, 1
ABSENT = -32_768
"""A number of the model that is not there."""
OPTICAL_STEP, RADAR_STEP, SWING_STEP = np.float32(5e-5), np.float32(2e-3), np.float32(1 / 8192)
"""Steps of the model's 16-bit numbers: reflectance and indices to 1.6, dB to 65, seasonal swing to 4."""
CELLS_A_SCALE, MIDDLE, LAST = np.float32(1 / STEP), np.float32(CELLS / 2), np.float32(CELLS - 1)
SIDE = np.uint32(CELLS)
"""Layout of `likelihood.tables`."""
SEEN, CLEAR, BUSY = np.uint8(1), np.uint8(2), np.uint8(4)
"""What a look means for a pixel: something was seen; it was forest; it is for `_settle` to say."""
ANY_BUSY = np.uint64(0x0404040404040404)
"""BUSY in eight pixels at once."""
ANOMALOUS, NORMAL = 0.5, -1.0
"""Evidence from which a look counts as anomalous, and below which as normal; between them it is neither (chosen)."""
JUST_SHORT = 0.999
"""Share of what confirms, of a change that still lacks something."""
F0, F1 = np.float32(0), np.float32(1)
SURE = np.float32(0.999)
"""The greatest doubt there is, so that odds stay finite."""
LOW, HIGH = np.float32(SEASON_LOW), np.float32(SEASON_HIGH)
"""Bounds of the seasonal factor of the scale."""
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


class Evidence(NamedTuple):
    """What the fusion remembers of a row of pixels, besides `machine.Watch`."""

    evidence: NDArray[np.float32]
    """(pixel,) log odds changed against forest, decayed to the day of the last look, nought or more."""
    grade: NDArray[np.float32]
    """(pixel,) log odds changed as a whole against in part, since the first anomalous look, nought or more."""


class Scratch(NamedTuple):
    """What a look says of the pixels of a block, each (pixel,)."""

    change: NDArray[np.float32]
    """Observed less expected of the leading plane, in its units; `spare` takes that of the other."""
    spare: NDArray[np.float32]
    za: NDArray[np.float32]
    """Residual of the first plane in scales, nought where there is none; `zb` of the second."""
    zb: NDArray[np.float32]
    factor: NDArray[np.float64]
    """On the odds that the look is of no use, of the common mode."""
    weight: NDArray[np.float64]
    """Of the look."""
    odds: NDArray[np.float64]
    """That the look is of no use."""
    place: NDArray[np.uint32]
    """In the table of likelihoods."""
    told: NDArray[np.float64]
    """Evidence of the look."""
    fate: NDArray[np.uint8]
    """SEEN, CLEAR, BUSY, or nought."""


@njit(cache=True, nogil=True)
def run(values, seen, model, slots, sign, cell, tables, limits, widths, decays, w, rules, e, s, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `e` and `s` are written. Returns the transitions, `log` or a longer one.

    values: (time, slot, pixel); tables: `likelihood.tables`; limits: (doubt - 1,) odds between its doubts; widths:
    (kind, width - 1) steps of the scale of the first plane between its widths; decays: (2, day)
    factors of evidence and grade after so many days, the last for all longer times; w: `fusion.Weights`.
    """
    written, pixels, o = np.int64(0), values.shape[2], _scratch()  # a literal nought would be compiled for itself
    for first in range(0, pixels, BLOCK):
        n = min(BLOCK, pixels - first)
        for j in range(n, BLOCK):
            o.fate[j] = 0
        for t in range(values.shape[0]):
            k, orbit = np.int64(seen.radar[t]), seen.orbit[t]
            if not _seen(values[t], model.monitored, slots, k, orbit, first, n, o.fate):
                continue
            _residuals(values[t], seen.table[t], model, slots, k, orbit, sign, first, n, o)
            _less(seen.common[t], cell, slots, k, w, first, n, o)
            _odds(values[t], slots, k, w, first, n, o)
            scale = model.radar[seen.table.shape[1] - 1] if k == RADAR else model.optical[seen.table.shape[1]]
            _table(
                scale[first : first + n], widths[k], _which(slots.first[k], slots.second[k]), tables.shape, n, o.place
            )
            _place(limits, n, o)
            ratios = tables[k].reshape(-1)
            _tell(ratios, w.least, w.most, n, o)
            _judge(s.phase, first, n, o)
            _date(seen.days[t], s.last_look, s.last_clear, first, n, o.fate)
            log = room(log, written, 2 * n)
            written = _settle(t, seen.days[t], k, ratios, slots, decays, w, rules, e, s, first, n, o, log, written)
    return log[:written]


@njit(cache=True, nogil=True)
def standardise(values, seen, model, slots, sign, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Residuals of all looks in scales, into `out` (time, slot, pixel), NaN where there are none; no common mode."""
    o, pixels = _scratch(), values.shape[2]
    for first in range(0, pixels, BLOCK):
        n = min(BLOCK, pixels - first)
        for t in range(values.shape[0]):
            k, orbit = np.int64(seen.radar[t]), seen.orbit[t]
            a, b = slots.first[k], slots.second[k]
            if (k == RADAR and orbit < 0) or (a < 0 and b < 0):
                continue
            _residuals(values[t], seen.table[t], model, slots, k, orbit, sign, first, n, o)
            if a >= 0:
                _keep(o.za, model.monitored[first : first + n], n, out[t, a, first : first + n])
            if b >= 0:
                _keep(o.zb, model.monitored[first : first + n], n, out[t, b, first : first + n])


@njit(cache=True, nogil=True)
def _scratch():  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    single, double = np.zeros((4, BLOCK), np.float32), np.zeros((4, BLOCK), np.float64)
    return Scratch(
        single[0], single[1], single[2], single[3], double[0], double[1], double[2], np.zeros(BLOCK, np.uint32), double[3],
        np.zeros(BLOCK, np.uint8),
    )  # fmt: skip


# Every loop below writes one array and reads few: only such are compiled to instructions that take many pixels at once.


@njit(cache=True, nogil=True)
def _keep(z, monitored, n, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for j in range(n):
        out[j] = z[j] if monitored[j] == 0 else out[j]


@njit(cache=True, nogil=True)
def _seen(values, monitored, slots, k, orbit, first, n, fate):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Mark what the look saw of the block; was it anything?"""
    a, b = slots.first[k], slots.second[k]
    if (k == RADAR and orbit < 0) or (a < 0 and b < 0):
        return False
    leading, codes, found = values[a if a >= 0 else b, first : first + n], monitored[first : first + n], np.uint8(0)
    for j in range(n):
        fate[j] = (abs(leading[j]) < HUGE) & (codes[j] == 0)
    for j in range(n):
        found |= fate[j]
    return found != 0


@njit(cache=True, nogil=True)
def _residuals(values, x, model, slots, k, orbit, sign, first, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Change of the leading plane, residuals of the first and of the second; nought for a plane that is none."""
    a, b = slots.first[k], slots.second[k]
    for plane, slot in ((0, a), (1, b)):
        z = o.za if plane == 0 else o.zb
        if slot < 0:
            for j in range(n):
                z[j] = F0
            continue
        change = o.spare if plane == 1 and a >= 0 else o.change
        value = values[slot, first : first + n]
        if k == RADAR:
            row = model.radar.shape[0] // 2 if plane == 1 and a >= 0 else 0
            _radar(value, x, model.radar, row, orbit, first, n, change, z)
        else:
            side = np.float32(sign) if plane == 0 else F1
            _optical(value, x, model.optical, plane * (x.shape[0] + 3), side, first, n, change, z)


@njit(cache=True, nogil=True)
def _away(value, x, model, level, row, step, first, n, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Observed less expected: `level` and the first of the harmonics are rows of the model; always in the same order."""
    base = model[level, first : first + n]
    for j in range(n):
        change[j] = np.float32(base[j])
    for h in range(1, x.shape[0], 2):
        b1, b2, x1, x2 = model[row + h - 1, first : first + n], model[row + h, first : first + n], x[h], x[h + 1]
        for j in range(n):
            change[j] = (change[j] + x1 * b1[j]) + x2 * b2[j]
    for j in range(n):
        change[j] = value[j] - step * change[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _optical(value, x, model, row, side, first, n, change, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Change in units of the plane and residual in scales; NaN where there is no baseline."""
    terms = x.shape[0]
    _away(value, x, model, row, row + 1, OPTICAL_STEP, first, n, change)
    sigma, x1, x2 = model[row + terms, first : first + n], x[1], x[2]
    s1, s2 = model[row + terms + 1, first : first + n], model[row + terms + 2, first : first + n]
    for j in range(n):
        swing = F1 + SWING_STEP * (x1 * s1[j] + x2 * s2[j])
        swing = LOW if swing < LOW else swing
        swing = HIGH if swing > HIGH else swing
        scaled = side * change[j] / (OPTICAL_STEP * sigma[j] * swing)
        z[j] = scaled if sigma[j] > 0 else np.float32(np.nan)


@njit(cache=True, nogil=True, error_model="numpy")
def _radar(value, x, model, row, orbit, first, n, change, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """As `_optical`, in dB; the level is the orbit's own."""
    terms = x.shape[0]
    _away(value, x, model, row + terms + orbit, row, RADAR_STEP, first, n, change)
    sigma, level = model[row + terms - 1, first : first + n], model[row + terms + orbit, first : first + n]
    for j in range(n):
        scaled = change[j] / (RADAR_STEP * sigma[j])
        z[j] = scaled if (sigma[j] > 0) & (level[j] != ABSENT) else np.float32(np.nan)


@njit(cache=True, nogil=True)
def _less(common, cells, slots, k, w, first, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The common mode off, run by run of pixels of one cell of the lattice; how strange it is tells on odds and weight."""
    za, zb, factor, weight = o.za, o.zb, o.factor, o.weight
    for j in range(n):
        factor[j] = 1
    for j in range(n):
        weight[j] = 1
    if common.shape[1] == 0:
        return
    a, b, cell, start = slots.first[k], slots.second[k], cells[first : first + n], 0
    while start < n:
        end, here = start + 1, cell[start]
        while end < n and cell[end] == here:
            end += 1
        shift_a, shift_b = common[a, here] if a >= 0 else F0, common[b, here] if b >= 0 else F0
        strange = np.exp(w.scene_doubt * max(max(abs(shift_a), abs(shift_b)) - F1, F0))
        less = w.wet_weight if k == RADAR and a >= 0 and shift_a > w.wet else 1.0
        for j in range(start, end):
            za[j] -= shift_a
        for j in range(start, end):
            zb[j] -= shift_b
        for j in range(start, end):
            factor[j] = strange
        for j in range(start, end):
            weight[j] = less
        start = end


@njit(cache=True, nogil=True, error_model="numpy")
def _odds(values, slots, k, w, first, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """How likely the look is of no use: its own doubt, else the base rate; and what the common mode makes of it."""
    rate = w.base_radar if k == RADAR else w.base_optical
    base, odds, factor = rate / (1 - rate), o.odds, o.factor
    if k == RADAR or slots.doubt < 0:
        for j in range(n):
            odds[j] = base * factor[j]
        return
    doubt = values[slots.doubt, first : first + n]
    for j in range(n):
        own = np.float64(min(doubt[j], SURE))
        odds[j] = (own / (1 - own) if own >= 0 else base) * factor[j]


@njit(cache=True, nogil=True)
def _table(scale, widths, which, shape, n, place):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Which of the tables of a kind of sensor: by the width of the pixel's scatter, and by the planes there are."""
    one, planes, doubts = np.uint32(1), np.uint32(shape[2]), np.uint32(shape[3])
    for j in range(n):
        place[j] = 0
    for i in range(widths.shape[0]):
        for j in range(n):
            place[j] += one if scale[j] > widths[i] else np.uint32(0)
    for j in range(n):
        place[j] = (place[j] * planes + np.uint32(which)) * doubts


@njit(cache=True, nogil=True)
def _place(limits, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Where in these tables: the nearest doubt, and the cells of the residuals; what cannot be judged was not seen."""
    place, odds, za, zb, fate, one = o.place, o.odds, o.za, o.zb, o.fate, np.uint32(1)
    for i in range(limits.shape[0]):
        for j in range(n):
            place[j] += one if odds[j] > limits[i] else np.uint32(0)
    for j in range(n):
        fate[j] = (fate[j] != 0) & (abs(za[j]) < HUGE) & (abs(zb[j]) < HUGE)
    for z in (za, zb):
        for j in range(n):
            at = z[j] * CELLS_A_SCALE + MIDDLE if fate[j] != 0 else MIDDLE
            at = F0 if at < F0 else at
            at = LAST if at > LAST else at
            place[j] = place[j] * SIDE + np.uint32(np.int32(at))


@njit(cache=True, nogil=True)
def _tell(ratios, least, most, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The evidence of the look. ratios: evidence and grade of every place, one after the other."""
    place, told, weight = o.place, o.told, o.weight
    for j in range(n):
        told[j] = min(max(ratios[place[j] * np.uint32(2)], least), most) * weight[j]


@njit(cache=True, nogil=True)
def _judge(phases, first, n, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Where nothing is open and nothing anomalous, a look is merely seen."""
    phase, told, fate, nothing = phases[first : first + n], o.told, o.fate, np.uint8(0)
    for j in range(n):
        quiet = (SEEN | CLEAR) if told[j] < 0 else SEEN
        quiet = quiet if (phase[j] == NONE) & (told[j] <= ANOMALOUS) else BUSY
        fate[j] = quiet if fate[j] != 0 else nothing


@njit(cache=True, nogil=True)
def _date(day, last_looks, last_clears, first, n, fate):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Note the day of what was merely seen."""
    today, last_look, last_clear = np.uint16(day), last_looks[first : first + n], last_clears[first : first + n]
    for j in range(n):
        old = last_look[j]  # read in a branch of the choice, it would go pixel by pixel
        last_look[j] = today if fate[j] & SEEN else old
    for j in range(n):
        old = last_clear[j]
        last_clear[j] = today if fate[j] & CLEAR else old


@njit(cache=True, nogil=True)
def _settle(t, day, k, ratios, slots, decays, w, rules, e, s, first, n, o, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The look at the pixels about which something is open, or now will be. Returns the rows written.

    Eight are passed over at a time where there is none.
    """
    eight, fate, told, weight, place = o.fate.view(np.uint64), o.fate, o.told, o.weight, o.place
    leading, z = k == OPTICAL or slots.first[OPTICAL] < 0, o.za if slots.first[k] >= 0 else o.zb
    for word in range((n + 7) // 8):
        if eight[word] & ANY_BUSY == 0:
            continue
        for j in range(8 * word, 8 * word + 8):
            if not fate[j] & BUSY:
                continue
            graded = min(max(ratios[place[j] * np.uint32(2) + np.uint32(1)], -w.grade_most), w.grade_most) * weight[j]
            size = max(-z[j], np.float32(w.anomaly))
            written = _weigh(
                first + j, t, day, told[j], graded, size, o.change[j], leading, decays, w, rules, e, s, log, written
            )
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
def _which(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Table for the planes there are: both, the first, the second alone."""
    return 0 if a >= 0 and b >= 0 else (1 if a >= 0 else 2)
