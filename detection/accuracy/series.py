"""Answers of a detector against the truth, series by series: hits, misses, false alarms, and what they are a share of.

The rules: a loss has a window, from some days before its start to some days after its end. The earliest alarm in it is
its hit, further ones are repeats, an alarm outside every window is false, also on a series that changes later. A hit
may not be later than `longest_days` after the start, except where the start is not known.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.accuracy.judged import Exposure, FalseAlarms, HardNegatives, Judged, Losses, Stage, summed
from detection.accuracy.judged import join as join  # judge, then join: both are asked for here
from detection.accuracy.stream import NEVER, Changes
from detection.accuracy.truth import SeriesTruth
from detection.errors import BadInput
from detection.types import Days, parameters

DAYS_A_YEAR: Final = 365.25
PLAIN: Final = -1
"""Driver and event of a false alarm that fell in no hard negative."""
_HIT, _REPEAT, _UNJUDGED = -2, -3, -4
_SERIES, _OPENS, _CLOSES, _LATEST, _START, _LOSS, _IGNORED = range(7)


@parameters
class Rules:
    """What counts as found."""

    tolerance_before_days: int = 30
    """Days before the start of a change from which an alarm counts for it: dates of a truth are not exact."""
    tolerance_after_days: int = 60
    """Days after its end up to which an alarm counts for it."""
    longest_days: int = 365
    """Days after the start after which an alarm is no hit; a change whose start is not known has no such limit."""


def judge(truth: SeriesTruth, changes: Changes, rules: Rules, stage: Stage) -> Judged:
    """Judge the alarms of one stage; a change that never reached it raised none.

    Windows of hard negatives are as wide as those of losses; an alarm in several is named after the last to have begun.
    Raises BadInput for a truth with unknown codes or a change of a series that the truth does not have.
    """
    _check(truth, changes)
    day = changes.first if stage == "first" else changes.confirmed
    raised = np.flatnonzero(day != NEVER)
    raised = raised[np.lexsort((day[raised], changes.series[raised]))]
    alarms = np.ascontiguousarray(np.stack([changes.series[raised], day[raised]], axis=1).astype(np.int64))
    windows, span = _windows(truth, rules), np.stack([truth.observed_from, truth.observed_until], axis=1)
    hit, fate = np.full(len(windows), -1, np.int64), np.full(len(alarms), PLAIN, np.int64)
    exposed = np.zeros(truth.many)
    _match(alarms, windows, span.astype(np.int64), hit, fate, exposed)
    false = fate >= PLAIN
    alarmed = _false(truth, alarms[false], fate[false])
    hits, repeats, unjudged = (int((fate == code).sum()) for code in (_HIT, _REPEAT, _UNJUDGED))
    return Judged(
        stage, truth.strata, truth.drivers, truth.many, hits, repeats, unjudged,
        losses=_losses(truth, windows, hit, alarms[:, 1], changes.change[raised]), alarms=alarmed,
        exposure=_exposure(truth, windows, exposed / DAYS_A_YEAR, alarmed), hard=_hard(truth, fate[fate >= 0]),
    )  # fmt: skip


def _check(truth: SeriesTruth, changes: Changes) -> None:
    named = (("stratum", truth.stratum, truth.strata), ("driver", truth.window_driver, truth.drivers))
    for name, codes, names in named:
        if codes.size and codes.max() >= len(names):
            raise BadInput(
                f"truth: {name} code {codes.max()} is unknown, {len(names)} are named; name it or mend the code"
            )
    for thing, series in (("truth: a window", truth.window_series), ("changes: one", changes.series)):
        if series.size and not 0 <= series.min() <= series.max() < truth.many:
            worst = series.min() if series.min() < 0 else series.max()
            raise BadInput(f"{thing} is of series {worst}, the truth has {truth.many}; give both the same series")
    series, start = np.diff(truth.window_series), np.diff(truth.window_start)
    if np.any((series < 0) | ((series == 0) & (start < 0))):
        raise BadInput("truth: windows are not sorted by series and start; sort them first")


def _windows(truth: SeriesTruth, rules: Rules) -> NDArray[np.int64]:
    """(window, 7): series, first and last day, last day of a hit, start, is it a loss, is it ignored."""
    start, closes = truth.window_start.astype(np.int64), truth.window_end.astype(np.int64) + rules.tolerance_after_days
    latest = np.where(truth.window_dated, np.minimum(closes, start + rules.longest_days), closes)
    columns = (truth.window_series, start - rules.tolerance_before_days, closes, latest, start)
    return np.stack([*columns, truth.window_loss, truth.window_ignored], axis=1).astype(np.int64)


@njit("int64(int64, int64[:,::1], int64, int64)", cache=True, nogil=True)
def _fate(day: int, windows: NDArray[np.int64], since: int, until: int) -> int:
    """What an alarm that hit nothing is, with the windows of its series: a code, or the hard negative it fell in."""
    named = PLAIN
    for v in range(len(windows)):
        if not windows[v, _OPENS] <= day <= windows[v, _CLOSES]:
            continue
        if windows[v, _LOSS] or windows[v, _IGNORED]:
            return _REPEAT
        if named == PLAIN or windows[v, _START] <= day:
            named = v
    return named if since <= day <= until else _UNJUDGED


@njit("void(int64[:,::1], int64[:,::1], int64[:,::1], int64[::1], int64[::1], float64[::1])", cache=True, nogil=True)
def _match(
    alarms: NDArray[np.int64],
    windows: NDArray[np.int64],
    span: NDArray[np.int64],
    hit: NDArray[np.int64],
    fate: NDArray[np.int64],
    exposed: NDArray[np.float64],
) -> None:
    """Fill in the alarm that hit each window, the fate of each alarm, and the days of each series outside loss windows."""
    a = w = 0
    for s in range(len(span)):
        first_alarm, first_window = a, w
        while a < len(alarms) and alarms[a, 0] == s:
            a += 1
        while w < len(windows) and windows[w, _SERIES] == s:
            w += 1
        since, until = span[s]
        at = since
        for v in range(first_window, w):
            if not (windows[v, _LOSS] or windows[v, _IGNORED]):
                continue
            exposed[s] += max(min(windows[v, _OPENS], until) - at, 0)
            at = max(at, min(windows[v, _CLOSES], until))
            if windows[v, _IGNORED]:
                continue
            for b in range(first_alarm, a):
                if fate[b] != _HIT and windows[v, _OPENS] <= alarms[b, 1] <= windows[v, _LATEST]:
                    hit[v], fate[b] = b, _HIT
                    break
        exposed[s] += max(until - at, 0)
        for b in range(first_alarm, a):
            if fate[b] != _HIT:
                fate[b] = _fate(alarms[b, 1], windows[first_window:w], since, until)
                fate[b] += first_window if fate[b] >= 0 else 0


def _losses(
    truth: SeriesTruth, windows: NDArray[np.int64], hit: NDArray[np.int64], day: NDArray[np.int64], dated: Days
) -> Losses:
    rows = np.flatnonzero(truth.window_loss & ~truth.window_ignored)
    series, start, by = truth.window_series[rows], windows[rows, _START], hit[rows]
    found, until = by >= 0, truth.observed_until[series]
    days, error = np.zeros(len(rows), np.int32), np.full(len(rows), np.nan)
    days[found] = day[by[found]] - start[found]
    says = found.copy()
    says[found] = dated[by[found]] != NEVER
    error[says] = dated[by[says]] - start[says]
    follow = np.maximum(np.minimum(windows[rows, _LATEST], until) - start, 0).astype(np.int32)
    return Losses(
        series, truth.stratum[series], truth.block[series], truth.window_driver[rows], truth.window_event[rows],
        truth.window_event_ha[rows], truth.weight[series], start.astype(np.int32), truth.window_dated[rows], found, days,
        follow, error,
    )  # fmt: skip


def _false(truth: SeriesTruth, alarms: NDArray[np.int64], fate: NDArray[np.int64]) -> FalseAlarms:
    series, hard = alarms[:, 0], fate >= 0
    driver, event = np.full(len(fate), PLAIN, np.int16), np.full(len(fate), PLAIN, np.int64)
    driver[hard], event[hard] = truth.window_driver[fate[hard]], truth.window_event[fate[hard]]
    return FalseAlarms(
        series, alarms[:, 1].astype(np.int32), truth.stratum[series], truth.block[series], truth.weight[series], driver,
        event,
    )  # fmt: skip


def _exposure(
    truth: SeriesTruth, windows: NDArray[np.int64], years: NDArray[np.float64], false: FalseAlarms
) -> Exposure:
    changing, flagged = np.zeros(truth.many, np.int64), np.zeros(truth.many, np.int64)
    changing[windows[(windows[:, _LOSS] | windows[:, _IGNORED]) > 0, _SERIES]] = 1
    flagged[false.series] = 1
    hectares, weight = truth.area_ha * years, truth.weight
    every = Exposure(
        truth.stratum, truth.block, np.ones(truth.many, np.int64), years, hectares, weight, weight * years,
        weight * hectares, changing, 1 - changing, flagged * (1 - changing),
    )  # fmt: skip
    return summed(every, ("stratum", "block"))


def _hard(truth: SeriesTruth, alarmed: NDArray[np.int64]) -> HardNegatives:
    series = truth.window_series
    seen = (truth.window_start <= truth.observed_until[series]) & (truth.window_end >= truth.observed_from[series])
    alarms = np.bincount(alarmed, minlength=len(series)).astype(np.int64)
    rows = np.flatnonzero(~truth.window_loss & ~truth.window_ignored & (seen | (alarms > 0)))
    one = HardNegatives(truth.window_driver[rows], truth.window_event[rows], np.ones(len(rows), np.int64), alarms[rows])
    return summed(one, ("driver", "event"))


_COLUMNS: Final = ("series_id", "stratum", "change", "change_start", "change_end", "obs_start", "obs_end")
_OPTIONAL: Final = {
    "label": "", "weight": 1.0, "block": None, "dated": True, "ignore": False, "loss": True, "area_ha": np.nan,
    "event": None, "event_ha": np.nan,
}  # fmt: skip


def from_columns(table: Mapping[str, NDArray[Any]]) -> SeriesTruth:
    """Truth out of columns, one row an episode of a series; series are numbered as they first appear.

    Needs `series_id`, `stratum`, `change` (bool), and datetime64[D] `change_start`, `change_end` (NaT: still open),
    `obs_start`, `obs_end`; takes `label`, `weight`, `block`, `dated`, `ignore`, `loss`, `area_ha`, `event` and `event_ha`.
    Rows without a change make no window. Stratum, weight, block and area are those of the first row of a series.
    Raises BadInput for a column that is missing or a day that is not given.
    """
    if missing := [name for name in _COLUMNS if name not in table]:
        raise BadInput(f"truth: column {missing[0]!r} is missing; it needs {', '.join(_COLUMNS)}")
    many = len(table["series_id"])
    c = {n: np.full(many, v) for n, v in _OPTIONAL.items()} | {n: np.asarray(v) for n, v in table.items()}
    _, first, series = np.unique(c["series_id"], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    series, first = rank[series], np.sort(first)
    span = [np.full(len(first), edge) for edge in (np.iinfo(np.int32).max, np.iinfo(np.int32).min)]
    np.minimum.at(span[0], series, _days(c["obs_start"], "obs_start"))
    np.maximum.at(span[1], series, _days(c["obs_end"], "obs_end"))
    block = c["series_id"] if "block" not in table else c["block"]
    strata, stratum = np.unique(c["stratum"].astype(str), return_inverse=True)
    drivers, driver = np.unique(c["label"].astype(str), return_inverse=True)
    rows = np.flatnonzero(c["change"])
    start = _days(c["change_start"][rows], "change_start")
    order = np.lexsort((start, series[rows]))
    rows, start = rows[order], start[order]
    end = np.where(
        np.isnat(c["change_end"][rows]), span[1][series[rows]].astype("datetime64[D]"), c["change_end"][rows]
    )
    event = series if "event" not in table else np.unique(c["event"], return_inverse=True)[1]
    return SeriesTruth(
        tuple(strata.tolist()), tuple(drivers.tolist()), stratum[first].astype(np.uint8),
        np.unique(block, return_inverse=True)[1][first].astype(np.int32), c["weight"][first].astype(float),
        c["area_ha"][first].astype(float), span[0].astype(np.int32), span[1].astype(np.int32), series[rows],
        driver[rows].astype(np.uint8), c["loss"][rows].astype(bool), start, _days(end, "change_end"),
        c["dated"][rows].astype(bool), c["ignore"][rows].astype(bool), event[rows], c["event_ha"][rows].astype(float),
    )  # fmt: skip


def _days(when: NDArray[Any], name: str) -> Days:
    if np.isnat(when).any():
        raise BadInput(f"truth: {name} of row {int(np.flatnonzero(np.isnat(when))[0]) + 1} is empty; give a date")
    return when.astype("datetime64[D]").astype(np.int64).astype(np.int32)
