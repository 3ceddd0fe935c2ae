"""Found events against a known truth, on the cells of one lattice: event by event, by size and by driver.

`agreement` is the short count that a job's report shows. `matches` is the full one, for comparing detectors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.bootstrap import Estimate
from detection.accuracy.rates import wilson
from detection.alerts import Alert
from detection.errors import BadInput
from detection.types import Grid

Cell = tuple[int, ...]
COVERED: Final = 0.5
"""Share of an event's cells that alerts must cover for it to count as found (chosen; stated in the report)."""
OVERLAP: Final = 0.1
"""Intersection over union from which an alert counts as correct (event matching of the references, IoU >= .1)."""
SIZES_HA: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Lower ends of the classes of event size that recall is told for; smaller events are a class of their own."""
LONGEST_DAYS: Final = 365
"""Days after the start of an event after which an alarm has not found it (chosen, as `series.Rules.longest_days`)."""


@dataclass(frozen=True)
class KnownEvent:
    """One loss that happened."""

    id: str
    """Its name in the truth."""
    start: date
    """First day of loss."""
    end: date
    """Last day of loss."""
    cells: NDArray[np.int32]
    """(n, 2) absolute lattice rows and columns."""
    area_ha: float
    """Its hectares."""
    driver: str = ""
    """What happened; empty: not said."""


@dataclass(frozen=True)
class Claim:
    """One loss that a detector claims."""

    id: str
    """Its name."""
    day: date
    """Of its alarm."""
    cells: NDArray[np.int32]
    """(n, 2) absolute lattice rows and columns."""


@dataclass(frozen=True)
class Pair:
    """A claim that found an event."""

    event: str
    """The event."""
    claim: str
    """The earliest claim that found it."""
    iou: float
    """Cells they share over cells of either."""
    delay_days: int
    """From the start of the event to the alarm."""


@dataclass(frozen=True)
class Matches:
    """Events found and missed. Events that could not be found fairly are counted, not averaged over."""

    pairs: tuple[Pair, ...]
    """Judged events that were found, in the order of the truth."""
    missed: tuple[str, ...]
    """Judged events that were not."""
    false: tuple[str, ...]
    """Claims that overlap no event in space and time."""
    still_open: int
    """Events not judged: they go on at the end of the monitored span."""
    outside_span: int
    """Events not judged: they start outside the monitored span."""
    cut_off: int
    """Events not judged: they reach beyond the judged grid."""
    neutral_claims: int
    """Claims that overlap such an event and no judged one: neither correct nor false."""
    recall: Estimate
    """Found among the judged events, with Wilson's interval."""
    precision: Estimate
    """Claims that found an event among those that are correct or false."""
    by_size: dict[str, Estimate]
    """Class of event size, hectares -> recall; a class without events is there, without a figure."""
    by_driver: dict[str, Estimate]
    """Driver -> recall."""


@dataclass(frozen=True)
class Agreement:
    """Counts of events, not of hectares."""

    true_events: int
    """Events of at least the minimum mapping unit that could have been found."""
    found_events: int
    """Those of which alerts cover at least half the cells, none alarmed before the loss began."""
    judged_alerts: int
    """Confirmed alerts that claim a loss: those a model calls something else claim none."""
    correct_alerts: int
    """Those that overlap loss (IoU >= .1) which happened when they say: after the last clear look before the change."""
    median_delay_days: float | None
    """From the start of a found event to its first alarm."""


def agreement(
    alerts: Sequence[Alert], truth: Sequence[KnownEvent], *, smallest_ha: float, first: date, last: date
) -> Agreement:
    """Compare the confirmed alerts with the losses that happened.

    An event counts when it is at least `smallest_ha` large and starts in [first, last].
    """
    judged = [a for a in alerts if a.status in ("confirmed", "finished") and a.change_type != "other"]
    at = _by_cell(truth)
    correct = [a for a in judged if _iou(a, at) >= OVERLAP]
    alarm: dict[Cell, date] = {}
    for alert in sorted(judged, key=lambda a: a.first_detected, reverse=True):
        alarm |= dict.fromkeys(_cells(alert.cells), alert.first_detected)
    events = [e for e in truth if e.area_ha >= smallest_ha and first <= e.start <= last]
    delays = []
    for event in events:
        hits = [day for c in _cells(event.cells) if (day := alarm.get(c)) is not None and day >= event.start]
        if len(hits) >= COVERED * len(event.cells):
            delays.append((min(hits) - event.start).days)
    return Agreement(len(events), len(delays), len(judged), len(correct), float(np.median(delays)) if delays else None)


def claims(alerts: Sequence[Alert], stage: Literal["first", "confirmed"] = "confirmed") -> list[Claim]:
    """What alerts claim: the confirmed ones, or every one by its first alarm; not those a model calls something else."""
    made = []
    for alert in alerts:
        day = alert.first_detected if stage == "first" else alert.confirmed_on
        if day is not None and alert.change_type != "other":
            made.append(Claim(alert.id, day, alert.cells))
    return made


def matches(
    predicted: Sequence[Claim],
    known: Sequence[KnownEvent],
    *,
    first: date,
    last: date,
    grid: Grid | None = None,
    iou: float = OVERLAP,
    longest_days: int = LONGEST_DAYS,
) -> Matches:
    """Match claims and events that overlap (intersection over union >= iou) in space and in time.

    In time: the alarm is on the first day of the event or up to `longest_days` after it. An event may be found by several
    claims, the earliest counts; a claim may find several events. Events are judged when they begin in [first, last], have
    ended before `last`, and lie in the grid. Raises BadInput for no events, or none that touches the grid.
    """
    _check(known, grid)
    reasons = [_not_judged(e, first, last, grid) for e in known]
    found: dict[int, Pair] = {}
    correct: set[int] = set()
    touched: set[int] = set()
    for c, e, shared in _overlaps(predicted, known):
        claim, event = predicted[c], known[e]
        delay = (claim.day - event.start).days
        if shared < iou or not 0 <= delay <= longest_days:
            continue
        (touched if reasons[e] else correct).add(c)
        if not reasons[e] and (e not in found or (delay, -shared) < (found[e].delay_days, -found[e].iou)):
            found[e] = Pair(event.id, claim.id, shared, delay)
    judged = [e for e, reason in enumerate(reasons) if not reason]
    false = [c.id for i, c in enumerate(predicted) if i not in correct | touched]
    return Matches(
        tuple(found[e] for e in judged if e in found), tuple(known[e].id for e in judged if e not in found), tuple(false),
        reasons.count("open"), reasons.count("outside"), reasons.count("cut"), len(touched - correct),
        recall=wilson(len(found), len(judged)), precision=wilson(len(correct), len(correct) + len(false)),
        by_size=dict.fromkeys(_SIZE_NAMES, wilson(0, 0)) | _recalls(known, judged, found, lambda e: _size(e.area_ha)),
        by_driver=_recalls(known, judged, found, lambda e: e.driver),
    )  # fmt: skip


_SIZE_NAMES: Final = (
    f"under {SIZES_HA[0]:g}",
    *(f"{low:g}-{high:g}" for low, high in pairwise(SIZES_HA)),
    f"{SIZES_HA[-1]:g} and more",
)


def _size(hectares: float) -> str:
    return _SIZE_NAMES[int(np.searchsorted(SIZES_HA, hectares, side="right"))]


def _recalls(
    known: Sequence[KnownEvent], judged: list[int], found: dict[int, Pair], group: Callable[[KnownEvent], str]
) -> dict[str, Estimate]:
    members: dict[str, list[bool]] = {}
    for e in judged:
        members.setdefault(group(known[e]), []).append(e in found)
    return {name: wilson(sum(hits), len(hits)) for name, hits in members.items()}


def _check(known: Sequence[KnownEvent], grid: Grid | None) -> None:
    if not known:
        raise BadInput("truth: no events, nothing can be found or missed; give a truth with at least one")
    if bare := [e.id for e in known if not len(e.cells)]:
        raise BadInput(f"truth: event {bare[0]!r} has no cells; leave it out")
    if grid is not None and not any(_inside(e.cells, grid).any() for e in known):
        raise BadInput(
            f"truth: none of {len(known)} events touches the judged grid {grid.bounds}; give the truth of it"
        )


def _not_judged(event: KnownEvent, first: date, last: date, grid: Grid | None) -> str:
    """Why an event is not judged; empty: it is."""
    if not first <= event.start <= last:
        return "outside"
    if event.end >= last:
        return "open"
    return "cut" if grid is not None and not _inside(event.cells, grid).all() else ""


def _inside(cells: NDArray[np.int32], grid: Grid) -> NDArray[np.bool_]:
    offset = cells - np.array([grid.first_row, grid.first_column])
    inside: NDArray[np.bool_] = ((offset >= 0) & (offset < np.array(grid.shape))).all(axis=1)
    return inside


def _overlaps(predicted: Sequence[Claim], known: Sequence[KnownEvent]) -> list[tuple[int, int, float]]:
    """(claim, event, intersection over union) of every two that share a cell, without a loop over cells."""
    claim, claimed = _keys([c.cells for c in predicted])
    event, lost = _keys([e.cells for e in known])
    order = np.argsort(lost, kind="stable")
    low, high = (np.searchsorted(lost[order], claimed, side=side) for side in ("left", "right"))
    times = high - low
    at = np.repeat(low - np.append(0, np.cumsum(times)[:-1]), times) + np.arange(times.sum()) if len(times) else times
    pair = np.repeat(claim, times) * len(known) + event[order][at]
    number, shared = np.unique(pair, return_counts=True)
    of, by = number // len(known), number % len(known)
    sizes = np.bincount(claim, minlength=len(predicted)), np.bincount(event, minlength=len(known))
    share = shared / (sizes[0][of] + sizes[1][by] - shared)
    return list(zip(of.tolist(), by.tolist(), share.tolist(), strict=True))


def _keys(cells: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(cell,) its owner and one number a place, every cell of an owner once."""
    if not cells:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    owner = np.repeat(np.arange(len(cells)), [len(c) for c in cells])
    every = np.concatenate(cells).astype(np.int64)
    both = np.unique(np.stack([owner, (every[:, 0] << 32) + every[:, 1]], axis=1), axis=0)
    return both[:, 0], both[:, 1]


def _cells(cells: NDArray[np.int32]) -> list[Cell]:
    return [tuple(c) for c in cells.tolist()]


def _by_cell(truth: Sequence[KnownEvent]) -> dict[Cell, list[KnownEvent]]:
    at: dict[Cell, list[KnownEvent]] = {}
    for event in truth:
        for cell in _cells(event.cells):
            at.setdefault(cell, []).append(event)
    return at


def _iou(alert: Alert, at: dict[Cell, list[KnownEvent]]) -> float:
    """Of the alert's cells with the union of the losses it touches that fall between its last clear look and its growth."""
    since = alert.last_clear_before or date.min
    mine = set(_cells(alert.cells))
    touched = {e.id: e for c in mine for e in at.get(c, ()) if e.end >= since and e.start <= alert.last_detected}
    lost = {c for e in touched.values() for c in _cells(e.cells)}
    return len(mine & lost) / len(mine | lost) if lost else 0.0
