"""The decision machine: what one clear look does to a pixel about which something is open. Compiled, one pixel a call.

A kernel works out residual and evidence of many pixels at once and calls `take` only where something happens; every
monitor shares it. The state of a row of pixels is one array a field (`Watch`), so that a kernel touches only the bytes it
needs.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

NONE, FIRST, PROVISIONAL, CONFIRMED, RECOVERING = 0, 1, 2, 3, 4
"""Phases. FIRST: anomalous, not yet enough. RECOVERING: a change closed by time; no alarm before it has recovered."""

EXTREME: Final = 20.0
"""Residual scales beyond which a look adds nothing to the reported magnitude: an unmasked cloud is no measure of loss."""

NO_DAY: Final = 65_535
"""No day yet. Days are unsigned 16-bit: 1970-01-01 to 2149-06-05; `monitors.update` refuses others."""
MOST: Final = 65_535
"""Where a count stops."""


class Watch(NamedTuple):
    """What looks change at a row of pixels, as every monitor has it: (pixel,) arrays; days since 1970-01-01 or NO_DAY."""

    phase: NDArray[np.uint8]
    """NONE to RECOVERING."""
    last_look: NDArray[np.uint16]
    """Day of the newest clear look since monitoring began."""
    last_clear: NDArray[np.uint16]
    """Day of the newest normal look; at first of the history's."""
    onset: NDArray[np.uint16]
    """Day of the first anomalous look."""
    clear_before: NDArray[np.uint16]
    """Day of the last normal look before it."""
    last_anomaly: NDArray[np.uint16]
    """Day of the newest anomalous look."""
    confirmed_on: NDArray[np.uint16]
    """Day of the look that confirmed."""
    count: NDArray[np.uint16]
    """Anomalous looks since the onset."""
    clears: NDArray[np.uint16]
    """Normal looks in a row."""
    closed: NDArray[np.uint8]
    """Confirmed changes finished so far, up to 255."""
    total_sigma: NDArray[np.float32]
    """Sum over the anomalous looks, residual scales."""
    total_change: NDArray[np.float32]
    """The same in units of the index, negative where the index fell."""
    worst: NDArray[np.float32]
    """Largest single look, residual scales."""


TYPES: Final = Watch(*("u1 u2 u2 u2 u2 u2 u2 u2 u2 u1 f4 f4 f4".split()))  # type: ignore[arg-type]
DAYS: Final = ("last_look", "last_clear", "onset", "clear_before", "last_anomaly", "confirmed_on")


class Rules(NamedTuple):
    """The numbers of `Decision`, as the machine takes them."""

    anomaly: float
    provisional_share: float
    provisional_looks: float
    confirm_looks: float
    confirm_days: float
    slow_days: float
    clear_looks: float
    recovery_looks: float
    expire_days: float
    finish_days: float
    high: float


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


def fresh(pixels: int) -> Watch:
    """So many pixels of which nothing has been seen."""
    made = Watch(*(np.zeros(pixels, kind) for kind in TYPES))
    for name in DAYS:
        getattr(made, name)[:] = NO_DAY
    return made


def days_of(stored: NDArray[Any]) -> NDArray[np.int32]:
    """Stored days as int32, -1 for none."""
    return np.where(stored == NO_DAY, -1, stored.astype(np.int32)).astype(np.int32)


@njit(cache=True, nogil=True)
def take(s, p, t, day, z, change, evidence, rules, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in the look `t`, seen clear on `day`, at pixel `p` of the Watch `s`; returns the rows now written to `log`.

    z: residual in scales, negative towards loss; change: the same in units of the index; evidence: 1 confirms, nought or
    less is none. `last_look` and, after a normal look, `last_clear` are the caller's. A pixel that ends in phase NONE
    owes nothing to the past: the caller clears its statistic. `log` must have room for two rows.
    """
    low = -z >= rules.anomaly
    if s.phase[p] == RECOVERING:
        s.clears[p] = 0 if low else s.clears[p] + 1
        if s.clears[p] >= rules.recovery_looks:
            forget(s, p)
        return written
    _count(s, p, day, z, change, low)
    if s.phase[p] <= FIRST and _begins(s, p, evidence, low, rules):
        s.phase[p] = PROVISIONAL
        written = _record(log, written, p, t, 1, s)
    step = _decide(s, p, day, evidence, low, rules)
    if step:
        written = _record(log, written, p, t, step, s)
        if s.phase[p] == NONE:
            forget(s, p)
    return written


@njit(cache=True, nogil=True)
def _count(s, p, day, z, change, low):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if not low:
        s.clears[p] = min(s.clears[p] + 1, MOST)
        return
    if s.onset[p] == NO_DAY:
        s.onset[p] = day
        s.clear_before[p] = s.last_clear[p]
    size = min(-z, EXTREME)
    s.count[p] = min(s.count[p] + 1, MOST)
    s.clears[p] = 0
    s.last_anomaly[p] = day
    s.total_sigma[p] += size
    s.total_change[p] += change if -z <= EXTREME else change * (EXTREME / -z)
    s.worst[p] = max(s.worst[p], size)


@njit(cache=True, nogil=True)
def _begins(s, p, evidence, low, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Provisional? Otherwise a candidate whose evidence is gone, or that stood alone, is forgotten."""
    alone = s.clears[p] >= rules.clear_looks and s.count[p] < rules.provisional_looks
    if evidence <= 0 or alone or s.count[p] == 0:
        forget(s, p)
        return False
    s.phase[p] = FIRST
    return low and evidence >= rules.provisional_share and s.count[p] >= rules.provisional_looks


@njit(cache=True, nogil=True)
def _decide(s, p, day, evidence, low, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The step this look takes a provisional or confirmed pixel to, 0 for none (codes.Step)."""
    if s.phase[p] == PROVISIONAL:
        if low and evidence >= 1 and s.count[p] >= rules.confirm_looks and _lasted(s, p, day, rules):
            s.phase[p] = CONFIRMED
            s.confirmed_on[p] = day
            return 2
        if evidence <= 0 or s.clears[p] >= rules.recovery_looks or day - s.last_anomaly[p] > rules.expire_days:
            s.phase[p] = NONE
            return 3
    elif s.phase[p] == CONFIRMED:
        if s.clears[p] >= rules.recovery_looks:
            s.phase[p] = NONE
            s.closed[p] = min(s.closed[p] + 1, 255)
            return 4
        if day - s.confirmed_on[p] > rules.finish_days:
            s.phase[p] = RECOVERING
            s.closed[p] = min(s.closed[p] + 1, 255)
            return 4
    return 0


@njit(cache=True, nogil=True)
def _lasted(s, p, day, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Do the anomalous looks span long enough: what is of low magnitude may be a dry season."""
    high = s.total_sigma[p] >= rules.high * s.count[p]
    return day - s.onset[p] >= (rules.confirm_days if high else max(rules.confirm_days, rules.slow_days))


@njit(cache=True, nogil=True)
def _record(log, written, p, t, step, s):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    row = log[written]
    row.pixel = p
    row.look = t
    row.step = step
    row.change_day = s.onset[p]
    row.clear_before = -1 if s.clear_before[p] == NO_DAY else np.int32(s.clear_before[p])
    row.count = s.count[p]
    row.magnitude = s.total_change[p] / s.count[p]
    row.sigma = s.total_sigma[p] / s.count[p]
    row.worst = s.worst[p]
    return written + 1


@njit(cache=True, nogil=True)
def forget(s, p):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Back to no change; what is known of looks and of the past stays."""
    s.phase[p] = NONE
    s.onset[p] = NO_DAY
    s.clear_before[p] = NO_DAY
    s.last_anomaly[p] = NO_DAY
    s.confirmed_on[p] = NO_DAY
    s.count[p] = 0
    s.clears[p] = 0
    s.total_sigma[p] = 0.0
    s.total_change[p] = 0.0
    s.worst[p] = 0.0


@njit(cache=True, nogil=True)
def room(log, written, more):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The log, or a copy of it twice as long, with room for so many more rows."""
    if written + more <= log.shape[0]:
        return log
    longer = np.empty(2 * (log.shape[0] + more), log.dtype)
    longer[:written] = log[:written]
    return longer
