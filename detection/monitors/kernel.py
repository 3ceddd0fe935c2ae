"""The one compiled loop behind every single-index monitor: blocks of pixels outside, looks in canonical order inside.

A hot pass works look by look on a block that stays in the cache: residual, scale, chart. It writes only the statistic and
two days, and marks the pixels at which more happens; those alone go to the decision machine. A look that is not observed
(NaN, infinite) changes nothing, and no pixel knows its neighbours: so looks one by one equal looks all at once, and any
cut into rows of pixels equals the whole, bit by bit. Constants of other files arrive as arguments: the cache of compiled
code would not notice a change there.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.monitors.machine import CONFIRMED, NONE, RECOVERING, room, take

BLOCK = 2048
"""Pixels taken through all looks before the next: state and scratch of a block fit the second-level cache."""
CUSUM, EWMA, OLS_CUSUM, MOSUM = 0, 1, 2, 3
F0, F1 = np.float32(0), np.float32(1)
HUGE = np.float32(3.4e38)
RING_STEP = 16.0
"""Steps a residual scale that the window of the MOSUM keeps: clipped residuals as signed bytes."""


class Chart(NamedTuple):
    """What a chart remembers of a row of pixels."""

    statistic: NDArray[np.float32]
    """(pixel,) residual scales, positive towards loss."""
    tally: NDArray[np.uint16]
    """(pixel,) OLS_CUSUM: looks counted since monitoring began; MOSUM: place in the window; else empty."""
    ring: NDArray[np.int8]
    """(pixel, look) MOSUM: the window, in steps of 1 / RING_STEP; else empty."""


class Rule(NamedTuple):
    """A chart's numbers; `Monitor.rule` makes it."""

    kind: int
    gain: float
    """CUSUM: slack; EWMA: weight."""
    limit: float
    """Statistic that is full evidence; OLS_CUSUM: the critical value of its growing boundary."""
    clip: float
    """Looks count for no more than this, residual scales ..."""
    drop: float
    """... and not at all beyond this."""
    floor: float
    """The statistic never falls below this."""
    alone: bool = False
    """The chart as published: the first crossing of the limit ends the watch, no decision rules."""
    either: bool = False
    """With `alone`: a crossing to the other side counts too."""


class Model(NamedTuple):
    """The baseline of a row of pixels."""

    coefficients: NDArray[np.float32]
    """(term, pixel)."""
    season: NDArray[np.float32]
    """(2, pixel) swing of the scale, or (0, pixel) for none."""
    sigma: NDArray[np.float32]
    """(pixel,) NaN where not monitored."""
    history: NDArray[np.float32]
    """(pixel,) looks of the history; read by OLS_CUSUM alone."""


@njit(cache=True, nogil=True)
def run(values, days, table, model, swing, sign, common, cell, rule, rules, c, s, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `c` and `s` are written. Returns the transitions, `log` or a longer one.

    values: (time, slot, pixel), slot 0 is read; table: (time, term) float32; swing: (low, high) of the seasonal factor;
    common: (time, slot, cell), read where it has cells.
    """
    written, pixels = 0, values.shape[2]
    change, z, busy = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.zeros(BLOCK, np.uint8)
    for first in range(0, pixels, BLOCK):
        n = min(BLOCK, pixels - first)
        for t in range(values.shape[0]):
            _residual(values[t, 0], table[t], model, first, n, change)
            _scaled(change, table[t], model, swing, sign, first, n, z)
            if common.shape[2]:
                _less(common[t, 0], cell, first, n, z)
            if rule.kind == MOSUM:
                _slide(z, change, rule, rules.anomaly, days[t], c, s, first, n, busy)
            else:
                _weigh(z, change, model, rule, rules.anomaly, days[t], c, s, first, n, busy)
            log = room(log, written, 2 * n)
            written = _settle(z, change, model, rule, rules, t, days[t], c, s, first, n, busy, log, written)
    return log[:written]


@njit(cache=True, nogil=True)
def _residual(y, x, model, first, n, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Observed less expected, units of the index; two terms a pass, always in the same order."""
    b, x1, x2 = model.coefficients, x[1], x[2]
    for j in range(n):
        p = first + j
        change[j] = y[p] - (b[0, p] + x1 * b[1, p] + x2 * b[2, p])
    for k in range(3, b.shape[0], 2):
        x1, x2 = x[k], x[k + 1]
        for j in range(n):
            p = first + j
            change[j] -= x1 * b[k, p] + x2 * b[k + 1, p]


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(change, x, model, swing, sign, first, n, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """In residual scales of the season, negative towards loss."""
    sigma, season = model.sigma, model.season
    low, high, side, x1, x2 = np.float32(swing[0]), np.float32(swing[1]), np.float32(sign), x[1], x[2]
    if season.shape[0] == 0:
        for j in range(n):
            z[j] = side * change[j] / sigma[first + j]
        return
    for j in range(n):
        p = first + j
        factor = F1 + (season[0, p] * x1 + season[1, p] * x2)
        factor = low if factor < low else factor
        factor = high if factor > high else factor
        z[j] = side * change[j] / (sigma[p] * factor)


@njit(cache=True, nogil=True)
def _less(common, cell, first, n, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The common mode off."""
    for j in range(n):
        z[j] -= common[cell[first + j]]


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(z, change, model, rule, anomaly, day, c, s, first, n, busy):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """One look into the statistic, the days of looks noted, and the pixels marked at which more happens."""
    today, clip, drop = np.uint16(day), np.float32(rule.clip), np.float32(rule.drop)
    gain, floor, low_from = np.float32(rule.gain), np.float32(rule.floor), np.float32(anomaly)
    until = CONFIRMED if rule.alone else RECOVERING
    opened = CONFIRMED if rule.alone else RECOVERING + 1
    least = NONE if rule.alone else NONE + 1
    critical = np.float32(rule.limit) * np.float32(rule.limit) if rule.kind == OLS_CUSUM else F0
    limit = np.float32(rule.limit) if rule.alone and rule.kind != OLS_CUSUM else F0
    either = rule.alone and rule.either
    statistic, last_look, last_clear, phase = c.statistic, s.last_look, s.last_clear, s.phase
    for j in range(n):
        p = first + j
        towards, was, where = -z[j], statistic[p], phase[p]
        seen = (abs(change[j]) <= HUGE) & (abs(z[j]) <= drop)
        d = clip if towards > clip else towards
        d = -clip if d < -clip else d
        if rule.kind == CUSUM:
            new = was + (d - gain)
        elif rule.kind == EWMA:
            new = was + gain * (d - was)
        else:
            new = was + d / np.sqrt(model.history[p])
        new = floor if new < floor else new
        new = new if seen & (where < until) else was
        statistic[p] = new
        low = towards >= low_from
        last_look[p] = today if seen else last_look[p]
        last_clear[p] = today if seen & (not low) else last_clear[p]
        size = abs(new) if either else new
        least_size = limit
        if rule.kind == OLS_CUSUM:
            counted = c.tally[p]
            counted += np.uint16(1) if seen & (where < until) & (counted < 65_535) else np.uint16(0)
            c.tally[p] = counted
            share = np.float32(counted) / model.history[p]
            least_size = np.sqrt(share * (F1 + share) * critical) if rule.alone else F0
        crossed = (size >= least_size) & (size > F0)
        if rule.alone:
            busy[j] = seen & (where < opened) & crossed
        else:
            busy[j] = seen & ((where >= least) | (low & crossed))


@njit(cache=True, nogil=True)
def _slide(z, change, rule, anomaly, day, c, s, first, n, busy):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """As `_weigh`, for a window: the oldest residual leaves the sum, the newest enters."""
    width = c.ring.shape[1]
    for j in range(n):
        p = first + j
        seen = abs(change[j]) <= HUGE and abs(z[j]) <= rule.drop
        busy[j] = 0
        if not seen:
            continue
        low = -z[j] >= anomaly
        s.last_look[p] = day
        if not low:
            s.last_clear[p] = day
        if s.phase[p] < (CONFIRMED if rule.alone else RECOVERING):
            at = c.tally[p]
            byte = np.int8(np.rint(min(max(-z[j], -rule.clip), rule.clip) * RING_STEP))
            steps = np.rint(c.statistic[p] * RING_STEP) + byte - c.ring[p, at]
            c.statistic[p] = steps / RING_STEP
            c.ring[p, at] = byte
            c.tally[p] = (at + 1) % width
        size = abs(c.statistic[p]) if rule.either else c.statistic[p]
        if rule.alone:
            busy[j] = s.phase[p] == NONE and size >= rule.limit
        else:
            busy[j] = s.phase[p] != NONE or (low and size > 0)


@njit(cache=True, nogil=True)
def _settle(z, change, model, rule, rules, t, day, c, s, first, n, busy, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take the marked pixels of a block to the decision machine; eight are passed over at a time where none is marked."""
    eight = busy.view(np.uint64)
    for word in range((n + 7) // 8):
        if eight[word] == 0:
            continue
        for j in range(8 * word, min(8 * word + 8, n)):
            if not busy[j]:
                continue
            p = first + j
            evidence = c.statistic[p] / _limit(rule, c, model, p)
            if rule.alone:
                if evidence >= 1 or (rule.either and evidence <= -1):
                    s.phase[p], s.confirmed_on[p] = CONFIRMED, day
                continue
            written = take(s, p, t, day, z[j], change[j], evidence, rules, log, written)
            if s.phase[p] == NONE:
                _clear(c, p)
    return written


@njit(cache=True, nogil=True)
def _limit(rule, c, model, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Statistic of a pixel that is full evidence."""
    if rule.kind != OLS_CUSUM:
        return rule.limit
    x = 1.0 + c.tally[p] / np.float64(model.history[p])
    return np.sqrt(x * (x - 1) * (rule.limit * rule.limit + np.log(x / (x - 1))))


@njit(cache=True, nogil=True)
def _clear(c, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    c.statistic[p] = 0.0
    for i in range(c.ring.shape[1]):
        c.ring[p, i] = 0
