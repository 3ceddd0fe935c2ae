"""Found events against a known truth, on the cells of one lattice. A later issue widens this to design-based estimates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert

Cell = tuple[int, ...]
COVERED: Final = 0.5
"""Share of an event's cells that alerts must cover for it to count as found (chosen; stated in the report)."""
OVERLAP: Final = 0.1
"""Intersection over union from which an alert counts as correct (event matching of the references, IoU >= .1)."""


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
