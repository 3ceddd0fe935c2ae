"""The one compiled loop behind every single-index monitor: blocks of pixels outside, looks in canonical order inside.

A hot pass works look by look on a block that stays in the cache: residual, scale, chart. It writes only the statistic and
two days, and marks the pixels at which more happens; those alone go to the decision machine. A look that is not observed
(NaN, infinite) changes nothing, and no pixel knows its neighbours: so looks one by one equal looks all at once, and any
cut into rows of pixels equals the whole, bit by bit."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.monitors.block import BLOCK, gather, grow, lay
from detection.monitors.machine import CONFIRMED, NONE, RECOVERING, room, take

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


@njit(cache=True, nogil=True)
def run(values, days, table, model, kept, swing, sign, common, cell, rule, rules, c, s, known, found, log):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in all looks of all pixels; `c` and `s` are written. Returns the transitions, `log` or a longer one, and how many
    records there are in `found`.

    values: (time, slot, pixel), slot 0 is read; table: (time, term) float32; swing: (low, high) of the seasonal factor;
    common: (time, slot, cell), read where it has cells. The model is `kept` if that has pixels, and `model` room to grow a
    block of it. The records are `known` if `found` has room, for every pixel, and `s.open` a block of blank ones.
    """
    written, many, laid = np.int64(0), np.int64(0), np.int64(0)  # literal noughts would be compiled for themselves
    change, z, unit = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    seen, busy, told = np.empty(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8)
    pixels, packed, sparse = values.shape[2], kept.sigma.shape[0] > 0, found.which.shape[0] > 0
    until = CONFIRMED if rule.alone else RECOVERING
    for first in range(0, pixels, BLOCK):
        n = min(BLOCK, pixels - first)
        busy[n:] = 0
        cut, at, own = slice(first, first + n), 0 if packed else first, 0 if sparse else first
        sigma, history, opened = model.sigma[at : at + n], model.history_looks[at : at + n], s.open[own : own + n]
        if packed:
            grow(kept, first, n, rule.kind == OLS_CUSUM, unit, model)
        if sparse:
            laid = lay(known, laid, first, n, opened, told)
        for t in range(values.shape[0]):
            _residual(values[t, 0, cut], table[t], model.coefficients, at, n, change)
            _scaled(change, table[t], model.season, sigma, swing, sign, at, n, z)
            if common.shape[2]:
                _less(common[t, 0], cell[cut], n, z)
            _see(change, z, np.float32(rule.drop), n, seen)
            if rule.kind == MOSUM:
                _slide(z, seen, rule, s.phase[cut], until, c, first, n)
            else:
                _weigh(z, seen, history, rule, until, c, s.phase[cut], first, n)
            if not rule.alone:
                _date(z, seen, rules.anomaly, days[t], s.last_look[cut], s.last_clear[cut], n)
            _mark(z, seen, rule, rules.anomaly, c.statistic[cut], s.phase[cut], n, busy)
            if rule.alone and rule.kind == OLS_CUSUM:
                _unmark(rule, c, history, first, n, busy)
            log = room(log, written, 2 * n)
            written = _settle(
                z, change, history, opened, told, rule, rules, t, days[t], c, s, first, n, busy, log, written
            )
        if sparse:
            many = gather(opened, told, s.phase[cut], first, n, found, many)
    return log[:written], many


# Every loop below writes one array and reads few, and reads before it chooses, never in a branch of the choice: only such
# are compiled to instructions that take many pixels at once.


@njit(cache=True, nogil=True)
def _residual(y, x, b, first, n, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Observed less expected, units of the index; two terms a pass, always in the same order."""
    b0, b1, b2, x1, x2 = b[0, first : first + n], b[1, first : first + n], b[2, first : first + n], x[1], x[2]
    for j in range(n):
        change[j] = y[j] - (b0[j] + x1 * b1[j] + x2 * b2[j])
    for k in range(3, b.shape[0], 2):
        b1, b2, x1, x2 = b[k, first : first + n], b[k + 1, first : first + n], x[k], x[k + 1]
        for j in range(n):
            change[j] -= x1 * b1[j] + x2 * b2[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(change, x, season, sigma, swing, sign, first, n, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """In residual scales of the season, negative towards loss."""
    low, high, side, x1, x2 = np.float32(swing[0]), np.float32(swing[1]), np.float32(sign), x[1], x[2]
    if season.shape[0] == 0:
        for j in range(n):
            z[j] = side * change[j] / sigma[j]
        return
    s1, s2 = season[0, first : first + n], season[1, first : first + n]
    for j in range(n):
        factor = F1 + (s1[j] * x1 + s2[j] * x2)
        factor = low if factor < low else factor
        factor = high if factor > high else factor
        z[j] = side * change[j] / (sigma[j] * factor)


@njit(cache=True, nogil=True)
def _less(common, cell, n, z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The common mode off."""
    for j in range(n):
        z[j] -= common[cell[j]]


@njit(cache=True, nogil=True)
def _see(change, z, drop, n, seen):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Which pixels the look saw, and can be judged."""
    for j in range(n):
        seen[j] = (abs(change[j]) <= HUGE) & (abs(z[j]) <= drop)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(z, seen, history, rule, until, c, phase, first, n):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """One look into the statistic, as far as the pixel is watched."""
    statistic, tally = c.statistic[first : first + n], c.tally[first : first + n]
    clip, gain, floor = np.float32(rule.clip), np.float32(rule.gain), np.float32(rule.floor)
    if rule.kind == CUSUM:
        for j in range(n):
            old = statistic[j]
            new = _held(old + (_clipped(-z[j], clip) - gain), floor)
            statistic[j] = new if (seen[j] != 0) & (phase[j] < until) else old
    elif rule.kind == EWMA:
        for j in range(n):
            old = statistic[j]
            new = _held(old + gain * (_clipped(-z[j], clip) - old), floor)
            statistic[j] = new if (seen[j] != 0) & (phase[j] < until) else old
    else:
        for j in range(n):
            tally[j] += (seen[j] != 0) & (phase[j] < until) & (tally[j] < 65_535)
        for j in range(n):
            old = statistic[j]
            new = _held(old + _clipped(-z[j], clip) / np.sqrt(np.float32(history[j])), floor)
            statistic[j] = new if (seen[j] != 0) & (phase[j] < until) else old


@njit(cache=True, nogil=True, forceinline=True)
def _clipped(d, clip):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    return clip if d > clip else -clip if d < -clip else d


@njit(cache=True, nogil=True, forceinline=True)
def _held(new, floor):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    return floor if new < floor else new


@njit(cache=True, nogil=True)
def _slide(z, seen, rule, phase, until, c, first, n):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """As `_weigh`, for a window: the oldest residual leaves the sum, the newest enters."""
    width = c.ring.shape[1]
    for j in range(n):
        if not seen[j] or phase[j] >= until:
            continue
        p = first + j
        at = c.tally[p]
        byte = np.int8(np.rint(min(max(-z[j], -rule.clip), rule.clip) * RING_STEP))
        c.statistic[p] = (np.rint(c.statistic[p] * RING_STEP) + byte - c.ring[p, at]) / RING_STEP
        c.ring[p, at] = byte
        c.tally[p] = (at + 1) % width


@njit(cache=True, nogil=True)
def _date(z, seen, anomaly, day, last_look, last_clear, n):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Note the day where something, and where something normal was seen."""
    today, low = np.uint16(day), np.float32(anomaly)
    for j in range(n):
        old = last_look[j]
        last_look[j] = today if seen[j] != 0 else old
    for j in range(n):
        old = last_clear[j]
        last_clear[j] = today if (seen[j] != 0) & (-z[j] < low) else old


@njit(cache=True, nogil=True)
def _mark(z, seen, rule, anomaly, statistic, phase, n, busy):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Where more happens: something is open, or a look both anomalous and of some evidence would open it."""
    if rule.alone:
        limit, other = np.float32(rule.limit), np.float32(-np.inf)
        if rule.kind == OLS_CUSUM:
            limit = F0
        if rule.either:
            other = -limit
        for j in range(n):
            crossed = (statistic[j] >= limit) | (statistic[j] <= other)
            busy[j] = (seen[j] != 0) & (phase[j] == NONE) & crossed
        return
    low = np.float32(anomaly)
    for j in range(n):
        begins = (-z[j] >= low) & (statistic[j] > F0)
        busy[j] = (seen[j] != 0) & (begins | (phase[j] != NONE))


@njit(cache=True, nogil=True, error_model="numpy")
def _unmark(rule, c, history, first, n, busy):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Where the statistic is below a floor of the growing boundary, its logarithm need not be worked out."""
    critical, one = np.float32(rule.limit * rule.limit), F1
    statistic, tally = c.statistic[first : first + n], c.tally[first : first + n]
    for j in range(n):
        share = np.float32(tally[j]) / np.float32(history[j])
        busy[j] = (busy[j] != 0) & (statistic[j] * statistic[j] >= share * (one + share) * critical)


@njit(cache=True, nogil=True)
def _settle(z, change, history, opened, told, rule, rules, t, day, c, s, first, n, busy, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take the marked pixels of a block to the decision machine; eight are passed over at a time where none is marked."""
    eight, statistic, tally, ring = busy.view(np.uint64), c.statistic, c.tally, c.ring
    phase, last_clear = s.phase, s.last_clear
    for word in range((n + 7) // 8):
        if eight[word] == 0:
            continue
        for j in range(8 * word, 8 * word + 8):
            if not busy[j]:
                continue
            p, limit, told[j] = first + j, rule.limit, 1
            if rule.kind == OLS_CUSUM:
                limit = _boundary(rule.limit, 1.0 + tally[p] / np.float64(history[j]))
            evidence = statistic[p] / limit
            if rule.alone:
                if evidence >= 1 or (rule.either and evidence <= -1):
                    phase[p], opened[j].confirmed_on = CONFIRMED, day
                continue
            phase[p], written = take(
                opened[j], phase[p], last_clear[p], p, t, day, z[j], change[j], evidence, rules, log, written
            )
            if phase[p] == NONE:
                statistic[p] = 0.0
                for i in range(ring.shape[1]):
                    ring[p, i] = 0
    return written


@njit(cache=True, nogil=True)
def _boundary(critical, x):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Zeileis et al. 2005; x: looks so far over looks of the history."""
    return np.sqrt(x * (x - 1) * (critical * critical + np.log(x / (x - 1))))
