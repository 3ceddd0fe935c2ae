"""What became of a detector's alarms, in tables: losses found and missed, false alarms, and what they are a share of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Days

Stage = Literal["first", "confirmed"]
"""Which alarm of a change is judged."""
Table = TypeVar("Table")


@dataclass(frozen=True)
class Losses:
    """One entry a judged loss window."""

    series: NDArray[np.int64]
    """(loss,) its series."""
    stratum: NDArray[np.uint8]
    """(loss,) code of the stratum."""
    block: NDArray[np.int32]
    """(loss,) block it is resampled with."""
    driver: NDArray[np.uint8]
    """(loss,) code of what happened."""
    event: NDArray[np.int64]
    """(loss,) number of its event."""
    event_ha: NDArray[np.float64]
    """(loss,) hectares of its event; NaN unknown."""
    weight: NDArray[np.float64]
    """(loss,) series it stands for."""
    start: Days
    """(loss,) first day of change."""
    dated: NDArray[np.bool_]
    """(loss,) is the start known? Others count for accuracy, not for latency."""
    hit: NDArray[np.bool_]
    """(loss,) was it found?"""
    days: NDArray[np.int32]
    """(loss,) from the start to the alarm, below 0 for an alarm before it; 0 where it was missed."""
    follow: NDArray[np.int32]
    """(loss,) days after the start that a hit could have come in: a miss is censored there."""
    date_error: NDArray[np.float64]
    """(loss,) the detector's date minus the start, days; NaN where it was missed or not dated."""


@dataclass(frozen=True)
class FalseAlarms:
    """One entry a false alarm."""

    series: NDArray[np.int64]
    """(alarm,) its series."""
    day: Days
    """(alarm,) day of the alarm."""
    stratum: NDArray[np.uint8]
    """(alarm,) code of the stratum."""
    block: NDArray[np.int32]
    """(alarm,) block it is resampled with."""
    weight: NDArray[np.float64]
    """(alarm,) series it stands for."""
    driver: NDArray[np.int16]
    """(alarm,) code of the hard negative whose window it fell in; -1 none."""
    event: NDArray[np.int64]
    """(alarm,) number of that event; -1 none."""


@dataclass(frozen=True)
class Exposure:
    """What could be falsely alarmed: one entry a (stratum, block). Time in the window of a loss does not count."""

    stratum: NDArray[np.uint8]
    """(cell,) code of the stratum."""
    block: NDArray[np.int32]
    """(cell,) block."""
    series: NDArray[np.int64]
    """(cell,) number of series."""
    years: NDArray[np.float64]
    """(cell,) series-years outside the windows of losses."""
    ha_years: NDArray[np.float64]
    """(cell,) hectare-years outside them; NaN where a series has no area."""
    weight: NDArray[np.float64]
    """(cell,) series of the world that these stand for."""
    weighted_years: NDArray[np.float64]
    """(cell,) series-years of the world."""
    weighted_ha_years: NDArray[np.float64]
    """(cell,) hectare-years of the world; NaN where a series has no area."""
    changing: NDArray[np.int64]
    """(cell,) series with a loss, or with an ignored window."""
    stable: NDArray[np.int64]
    """(cell,) series without."""
    flagged: NDArray[np.int64]
    """(cell,) stable series with a false alarm."""


@dataclass(frozen=True)
class HardNegatives:
    """What happened and was no loss: one entry a (driver, event) of which the judged span saw something."""

    driver: NDArray[np.uint8]
    """(event,) code of what happened."""
    event: NDArray[np.int64]
    """(event,) its number."""
    series: NDArray[np.int64]
    """(event,) its windows, one a series."""
    alarms: NDArray[np.int64]
    """(event,) false alarms in them."""


@dataclass(frozen=True)
class Judged:
    """What became of the alarms of one stage."""

    stage: Stage
    """Which alarm was judged: the first or the confirmed one."""
    strata: tuple[str, ...]
    """Names of the strata."""
    drivers: tuple[str, ...]
    """Names of what may happen."""
    many: int
    """Number of series."""
    hits: int
    """Alarms that found a loss."""
    repeats: int
    """Alarms in the window of a loss that is found already, too late for one, or in an ignored window: count neither way."""
    unjudged: int
    """Alarms outside the judged days of their series: count neither way."""
    losses: Losses
    """Every judged loss."""
    alarms: FalseAlarms
    """Every false alarm."""
    exposure: Exposure
    """What they are a share of."""
    hard: HardNegatives
    """Events that no detector should alarm at."""


def join(parts: Sequence[Judged]) -> Judged:
    """Parts of one world as one. Equal numbers of blocks and of events are the same block and event in every part.

    Series are renumbered part after part. Raises BadInput for no part, or parts of different strata, drivers or stages.
    """
    if not parts:
        raise BadInput("accuracy: nothing to join; judge at least one part")
    if len({(p.stage, p.strata, p.drivers) for p in parts}) > 1:
        raise BadInput("accuracy: parts differ in stage, strata or drivers; judge them with one truth's names")
    one, starts = parts[0], np.cumsum([0] + [p.many for p in parts])
    shifts = zip(parts, starts.tolist(), strict=False)
    moved = [(_moved(p.losses, by), _moved(p.alarms, by)) for p, by in shifts]
    exposure, hard = _stacked([p.exposure for p in parts]), _stacked([p.hard for p in parts])
    return Judged(
        one.stage, one.strata, one.drivers, int(starts[-1]), sum(p.hits for p in parts), sum(p.repeats for p in parts),
        sum(p.unjudged for p in parts), _stacked([m[0] for m in moved]), _stacked([m[1] for m in moved]),
        summed(exposure, ("stratum", "block")), summed(hard, ("driver", "event")),
    )  # fmt: skip


def only(judged: Judged, drivers: Collection[str]) -> Judged:
    """Only the losses of these drivers. Alarms at the others are neither true nor false; false alarms stay as they are.

    Raises BadInput where the truth knows none of the names.
    """
    codes = [code for code, name in enumerate(judged.drivers) if name in drivers]
    if not codes:
        raise BadInput(f"accuracy: no driver {', '.join(drivers)}; the truth has {', '.join(judged.drivers)}")
    losses = take(judged.losses, np.isin(judged.losses.driver, codes))
    return replace(judged, losses=losses, hits=int(losses.hit.sum()))


def take(table: Table, keep: NDArray[Any]) -> Table:
    """The rows of this mask or of these positions, of any of the tables here."""
    return type(table)(**{name: getattr(table, name)[keep] for name in _names(table)})


def _names(table: object) -> list[str]:
    return [f.name for f in fields(table)]  # type: ignore[arg-type]


def summed(table: Table, keys: tuple[str, str]) -> Table:
    """One row for each pair of keys, the other columns summed."""
    a, b = (getattr(table, key).astype(np.int64) for key in keys)
    if not len(a):
        return table
    order = np.lexsort((b, a))
    fresh = np.flatnonzero(np.append(True, (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)))
    values = {name: getattr(table, name)[order] for name in _names(table)}
    made = {n: v[fresh] if n in keys else np.add.reduceat(v, fresh) for n, v in values.items()}
    return type(table)(**made)


def _stacked(tables: Sequence[Table]) -> Table:
    return type(tables[0])(**{n: np.concatenate([getattr(t, n) for t in tables]) for n in _names(tables[0])})


def _moved(table: Table, by: int) -> Table:
    columns = {name: getattr(table, name) for name in _names(table)}
    return type(table)(**columns | {"series": columns["series"] + by})
