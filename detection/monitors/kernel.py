"""The one compiled loop behind every monitor: pixel by pixel, look by look, in canonical order.

EWMA and CUSUM share it; only the evidence differs. A pixel's state is one fixed-size record, whatever the number of
looks, and a look that is not observed (NaN) changes nothing: so looks one by one equal looks all at once, bit by bit.
"""

from typing import Final

import numpy as np
from numba import njit

from detection.harmonics import SEASON_HIGH, SEASON_LOW

NONE, PROVISIONAL, CONFIRMED, RECOVERING = 0, 1, 2, 3
"""Phases. RECOVERING: a confirmed change closed by time; the pixel may alarm again only after it has recovered."""

EXTREME: Final = 20.0
"""Residual scales beyond which a look adds nothing to the reported magnitude: an unmasked cloud is no measure of loss."""

PIXEL: Final = np.dtype(
    [
        ("statistic", "f4"),  # CUSUM or EWMA, in residual scales, positive towards loss
        ("total_sigma", "f4"),  # sum over the anomalous looks, residual scales
        ("total_change", "f4"),  # the same in units of the index, negative where the index fell
        ("worst", "f4"),  # largest single look, residual scales
        ("onset", "i4"),  # day of the first anomalous look, -1 none
        ("clear_before", "i4"),  # day of the last normal look before it
        ("last_clear", "i4"),
        ("last_anomaly", "i4"),
        ("last_look", "i4"),
        ("first_on", "i4"),  # day it became provisional
        ("confirmed_on", "i4"),
        ("count", "i4"),  # anomalous looks since the onset
        ("looks", "i4"),  # clear looks since monitoring began
        ("clears", "i2"),  # normal looks in a row
        ("phase", "u1"),
        ("closed", "u1"),  # confirmed changes finished so far
    ],
    align=True,
)
"""State of a pixel: 56 bytes."""

TRANSITION: Final = np.dtype(
    [
        ("pixel", "i4"),
        ("look", "i4"),
        ("step", "i4"),  # codes.Step
        ("change_day", "i4"),
        ("clear_before", "i4"),
        ("count", "i4"),
        ("magnitude", "f4"),  # mean over the anomalous looks, units of the index
        ("sigma", "f4"),  # the same in residual scales
        ("worst", "f4"),
    ],
    align=True,
)
"""What one look changed at one pixel."""

DAY_FIELDS: Final = ("onset", "clear_before", "last_clear", "last_anomaly", "last_look", "first_on", "confirmed_on")


@njit(cache=True, nogil=True)
def run(values, days, table, coefficients, season, sigma, sign, common, cell, gains, rules, state, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `state` and `log` are written. Returns the rows the log needs (maybe more than it has)."""
    written = 0
    recovery_looks = rules[6]
    for p in range(values.shape[1]):
        if not sigma[p] > 0:
            continue
        s = state[p]
        for t in range(values.shape[0]):
            value = values[t, p]
            if not np.isfinite(value):
                continue
            change = value
            for j in range(coefficients.shape[0]):
                change -= table[t, j] * coefficients[j, p]
            factor = 1 + season[0, p] * table[t, 1] + season[1, p] * table[t, 2]
            z = sign * change / (sigma[p] * min(max(factor, SEASON_LOW), SEASON_HIGH)) - common[t, cell[p]]
            low = -z >= rules[0]
            s.looks += 1
            s.last_look = days[t]
            if s.phase == RECOVERING:
                s.clears = 0 if low else s.clears + 1
                if not low:
                    s.last_clear = days[t]
                if s.clears >= recovery_looks:
                    _forget(s)
                continue
            evidence = _weigh(s, z, gains)
            _count(s, z, change, days[t], low)
            if s.phase == NONE and _begins(s, evidence, low, rules):
                s.phase = PROVISIONAL
                s.first_on = days[t]
                written = _record(log, written, p, t, 1, s)
            step = _decide(s, evidence, low, days[t], rules)
            if step:
                written = _record(log, written, p, t, step, s)
                if s.phase == NONE:
                    _forget(s)
    return written


@njit(cache=True, nogil=True)
def _weigh(s, z, gains):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Clip one look and add it to the evidence; 1 = enough to confirm."""
    clipped = min(max(-z, -gains[3]), gains[3])
    if gains[0] == 0:
        s.statistic = max(0.0, s.statistic + clipped - gains[1])
    else:
        s.statistic += gains[1] * (clipped - s.statistic)
    return s.statistic / gains[2]


@njit(cache=True, nogil=True)
def _count(s, z, change, day, low):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if low:
        if s.onset < 0:
            s.onset = day
            s.clear_before = s.last_clear
        s.count += 1
        s.clears = 0
        s.last_anomaly = day
        s.total_sigma += min(-z, EXTREME)
        s.total_change += change
        s.worst = max(s.worst, min(-z, EXTREME))
    else:
        s.clears += 1
        s.last_clear = day


@njit(cache=True, nogil=True)
def _begins(s, evidence, low, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Provisional? Otherwise a candidate whose evidence is gone, or that stood alone, is forgotten."""
    if evidence <= 0 or (s.clears >= rules[5] and s.count < rules[2]):
        _forget(s)
        return False
    return low and evidence >= rules[1] and s.count >= rules[2]


@njit(cache=True, nogil=True)
def _decide(s, evidence, low, day, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The step this look takes a provisional or confirmed pixel to, 0 for none (codes.Step)."""
    if s.phase == PROVISIONAL:
        if low and evidence >= 1 and s.count >= rules[3] and day - s.onset >= rules[4]:
            s.phase = CONFIRMED
            s.confirmed_on = day
            return 2
        if evidence <= 0 or s.clears >= rules[6] or day - s.last_anomaly > rules[7]:
            s.phase = NONE
            return 3
    elif s.phase == CONFIRMED:
        if s.clears >= rules[6]:
            s.phase = NONE
            s.closed = min(s.closed + 1, 255)
            return 4
        if day - s.confirmed_on > rules[8]:
            s.phase = RECOVERING
            s.closed = min(s.closed + 1, 255)
            return 4
    return 0


@njit(cache=True, nogil=True)
def _record(log, written, p, t, step, s):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if written < log.shape[0]:
        row = log[written]
        row.pixel = p
        row.look = t
        row.step = step
        row.change_day = s.onset
        row.clear_before = s.clear_before
        row.count = s.count
        row.magnitude = s.total_change / s.count
        row.sigma = s.total_sigma / s.count
        row.worst = s.worst
    return written + 1


@njit(cache=True, nogil=True)
def _forget(s):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Back to no change; what is known of looks and of the past stays."""
    s.phase = NONE
    s.statistic = 0.0
    s.onset = -1
    s.count = 0
    s.total_sigma = 0.0
    s.total_change = 0.0
    s.worst = 0.0
    s.clears = 0
