"""The decision machine: what one clear look does to a pixel about which something is open. Compiled, one pixel a call.

A kernel works out residual and evidence of many pixels at once and calls `take` only where something happens; every
monitor shares it. Of a row of pixels the few fields read at every look are arrays (`Watch`), so that a kernel touches only the
bytes it needs; what is known of a change is a record a pixel. Kernels carry this code in their own caches: after a change
here the compiled files (`__pycache__/*.nb?`) of the kernels that call it must go.
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


OPEN: Final = np.dtype(
    [
        ("total_sigma", "f4"),  # sum over the anomalous looks, residual scales
        ("total_change", "f4"),  # the same in units of the index, negative where the index fell
        ("worst", "f4"),  # largest single look, residual scales
        ("onset", "u2"),  # day of the first anomalous look
        ("clear_before", "u2"),  # day of the last normal look before it
        ("last_anomaly", "u2"),  # day of the newest anomalous look
        ("confirmed_on", "u2"),  # day of the look that confirmed
        ("count", "u2"),  # anomalous looks since the onset
        ("clears", "u2"),  # normal looks in a row
        ("closed", "u4"),  # confirmed changes finished so far
    ]
)
"""What is known of a pixel's change: 28 bytes without a gap. All but `closed` as in `fresh` while nothing is open."""
OPEN_DAYS: Final = ("onset", "clear_before", "last_anomaly", "confirmed_on")


class Watch(NamedTuple):
    """What looks change at a row of pixels, as every monitor has it: (pixel,) arrays; days since 1970-01-01 or NO_DAY."""

    phase: NDArray[np.uint8]
    """NONE to RECOVERING."""
    last_look: NDArray[np.uint16]
    """Day of the newest clear look since monitoring began."""
    last_clear: NDArray[np.uint16]
    """Day of the newest normal look; at first of the history's."""
    open: NDArray[Any]
    """Records of OPEN."""


class Rules(NamedTuple):
    """The numbers of `Decision`, as the machine takes them."""

    anomaly: float
    provisional_share: float
    provisional_looks: float
    confirm_looks: float
    confirm_days: float
    slow_days: float
    deep: float
    clear_looks: float
    recovery_looks: float
    expire_days: float
    finish_days: float


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
    phase, last_look, last_clear = (
        np.zeros(pixels, np.uint8),
        np.full(pixels, NO_DAY, "u2"),
        np.full(pixels, NO_DAY, "u2"),
    )
    opened = np.zeros(pixels, OPEN)
    for name in OPEN_DAYS:
        opened[name] = NO_DAY
    return Watch(phase, last_look, last_clear, opened)


def days_of(stored: NDArray[Any]) -> NDArray[np.int32]:
    """Stored days as int32, -1 for none."""
    return np.where(stored == NO_DAY, -1, stored.astype(np.int32)).astype(np.int32)


@njit(cache=True, nogil=True, forceinline=True)
def take(o, phase, last_clear, p, t, day, z, change, evidence, rules, log, written):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take in the look `t`, seen clear on `day`, at pixel `p`; returns its phase and the rows now written to `log`.

    o: the pixel's record of OPEN, written; phase, last_clear: its own before the look; z: residual in scales, negative
    towards loss; change: the same in units of the index; evidence: 1 confirms, nought or less is none. To note the days of
    looks is the caller's. A pixel that ends in phase NONE owes nothing to the past: the caller clears its statistic.
    `log` must have room for two rows. Arrays are not passed about here: counting who holds them takes longer than the rest.
    """
    low = -z >= rules.anomaly
    if phase == RECOVERING:
        o.clears = 0 if low else o.clears + 1
        if o.clears >= rules.recovery_looks:
            forget(o)
            phase = NONE
        return phase, written
    _count(o, last_clear, day, z, change, low)
    if phase <= FIRST:
        phase = _begins(o, evidence, low, rules)
        if phase == PROVISIONAL:
            written = _record(log, written, p, t, 1, o)
    step = _decide(o, phase, day, evidence, low, rules)
    if step:
        written = _record(log, written, p, t, step, o)
        phase = _after(o, phase, step, day, rules)
    if phase == NONE:
        forget(o)
    return phase, written


@njit(cache=True, nogil=True, forceinline=True)
def _count(o, last_clear, day, z, change, low):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if not low:
        o.clears = min(o.clears + 1, MOST)
        return
    if o.onset == NO_DAY:
        o.onset = day
        o.clear_before = last_clear
    size = min(-z, EXTREME)
    o.count = min(o.count + 1, MOST)
    o.clears = 0
    o.last_anomaly = day
    o.total_sigma += size
    o.total_change += change if -z <= EXTREME else change * (EXTREME / -z)
    o.worst = max(o.worst, size)


@njit(cache=True, nogil=True, forceinline=True)
def _begins(o, evidence, low, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Provisional? Otherwise a candidate, unless its evidence is gone or it stood alone: then nothing is open."""
    alone = o.clears >= rules.clear_looks and o.count < rules.provisional_looks
    if evidence <= 0 or alone or o.count == 0:
        return NONE
    enough = low and evidence >= rules.provisional_share and o.count >= rules.provisional_looks
    return PROVISIONAL if enough else FIRST


@njit(cache=True, nogil=True, forceinline=True)
def _decide(o, phase, day, evidence, low, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The step this look takes a provisional or confirmed pixel to, 0 for none (codes.Step)."""
    if phase == PROVISIONAL:
        if low and evidence >= 1 and o.count >= rules.confirm_looks and _lasted(o, day, rules):
            return 2
        if evidence <= 0 or o.clears >= rules.recovery_looks or day - o.last_anomaly > rules.expire_days:
            return 3
    elif phase == CONFIRMED and (o.clears >= rules.recovery_looks or day - o.confirmed_on > rules.finish_days):
        return 4
    return 0


@njit(cache=True, nogil=True, forceinline=True)
def _after(o, phase, step, day, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The phase after a step."""
    if step == 2:
        o.confirmed_on = day
        return CONFIRMED
    if step == 4:
        o.closed += 1
        return NONE if o.clears >= rules.recovery_looks else RECOVERING
    return NONE


@njit(cache=True, nogil=True, forceinline=True)
def _lasted(o, day, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Do the anomalous looks span long enough: what is shallow may be a dry season."""
    deep = o.total_sigma >= rules.deep * o.count
    return day - o.onset >= (rules.confirm_days if deep else max(rules.confirm_days, rules.slow_days))


@njit(cache=True, nogil=True, forceinline=True)
def _record(log, written, p, t, step, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    row = log[written]
    row.pixel = p
    row.look = t
    row.step = step
    row.change_day = o.onset
    row.clear_before = -1 if o.clear_before == NO_DAY else np.int32(o.clear_before)
    row.count = o.count
    row.magnitude = o.total_change / o.count
    row.sigma = o.total_sigma / o.count
    row.worst = o.worst
    return written + 1


@njit(cache=True, nogil=True, forceinline=True)
def forget(o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Back to no change; `closed` stays."""
    o.onset = NO_DAY
    o.clear_before = NO_DAY
    o.last_anomaly = NO_DAY
    o.confirmed_on = NO_DAY
    o.count = 0
    o.clears = 0
    o.total_sigma = 0.0
    o.total_change = 0.0
    o.worst = 0.0


@njit(cache=True, nogil=True)
def room(log, written, more):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The log, or a copy of it twice as long, with room for so many more rows."""
    if written + more <= log.shape[0]:
        return log
    longer = np.empty(2 * (log.shape[0] + more), log.dtype)
    for i in range(written):  # copied at once it would take seconds to compile
        longer[i] = log[i]
    return longer
