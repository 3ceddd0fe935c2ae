"""The report of a run: one HTML page that needs nothing but itself, for people who decide where to walk."""

import base64
from calendar import month_name
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray

from detection.alerts import Alert
from detection.codes import ALERT_COLOUR, DATE_NODATA, MONITORED_COLOUR, MONITORED_MEANING, Monitored
from detection.errors import GridMismatch
from detection.types import Codes, to_day
from jobs.completeness import Completeness, Gap
from jobs.outputs import RunFacts, publish
from jobs.outputs.vectors import outline, place
from jobs.reports.figures import (
    STATUS_CLASSES,
    Outline,
    SeriesFacts,
    looks_chart,
    monitored_map,
    series_chart,
    series_key,
    status_map,
)

ROWS = 500
"""The tables list at most so many alerts; the files list all."""
NUMBERED = 12
"""So many of the largest alerts head the page, numbered on the map where they stand (chosen: more would hide it)."""
CHARTS = 6
"""At most so many series are drawn."""
OPEN = ("provisional", "confirmed", "finished")
"""States in which an alert says that something changed; the others took it back or moved it elsewhere."""
SYMBOL = {
    "provisional": "○",
    "confirmed": "●",
    "finished": "■",
    "expired": "✕",
    "merged": "→",
    "retracted": "✕",
    "rejected": "✕",
}
MEANING = {
    "provisional": "seen, not yet sure: wait for the next look, or verify if it is on your way",
    "confirmed": "seen again over several looks: a change of the canopy is very likely",
    "finished": "confirmed earlier and closed: it no longer grows, or it recovers",
    "expired": "was provisional, and later looks did not bear it out",
    "merged": "goes on as part of another alert",
    "retracted": "taken back: data that came later contradict it",
    "rejected": "people looked at the images and found no such change; the reason is in the files",
}
SENSOR_NAME = {
    "landsat-c2l2": "Landsat",
    "sentinel-2-l2a": "Sentinel-2",
    "sentinel-1-grd": "Sentinel-1 radar (GRD)",
    "sentinel-1-rtc": "Sentinel-1 radar (RTC)",
    "generic": "local images",
}
"""Families of sensors, for people."""
LISTED = 12
"""So many gaps, and so many scenes with something wrong, are listed; the rest is counted (`sachawatch status --json`)."""
LOOK_AGES = ((0, 8), (9, 16), (17, 32), (33, 64), (65, 128), (129, None))
"""Bins of days since the last clear look; the first two are Landsat's repeat of 8 (two satellites) and 16 days."""


@dataclass(frozen=True)
class SceneFacts:
    """What became of the scenes."""

    read: int
    """Scenes taken in."""
    failed: tuple[str, ...] = ()
    """Ids of scenes that could not be read: what they show is not in this report."""
    too_late: tuple[str, ...] = ()
    """Ids of scenes older than the oldest checkpoint, left out."""


@dataclass(frozen=True)
class AccuracyFacts:
    """Alerts against a known truth."""

    truth: str
    """Where the truth comes from, in words."""
    true_events: int
    """Events in the truth that should have been found."""
    found_events: int
    """Those of them that an alert overlaps in space and time."""
    judged_alerts: int
    """Alerts that were compared."""
    correct_alerts: int
    """Those of them that an event of the truth explains."""
    median_delay_days: float | None = None
    """From a found event to its alarm; those missed have none."""


@dataclass(frozen=True)
class ReportFacts:
    """All that a report says, as data: it reads no file, no clock and no network."""

    run: RunFacts
    """The run: names, period, grid, simulated or not."""
    alerts: tuple[Alert, ...]
    """The latest revision of every alert to list."""
    status: Codes
    """(y, x) uint8 `codes.Status` on the run's grid, 255 = not monitored."""
    monitored: Codes
    """(y, x) uint8 `codes.Monitored`."""
    last_clear_day: NDArray[np.int32]
    """(y, x) days since 1970-01-01 of the last clear look, -1 = none."""
    minimum_mapping_unit_ha: float
    """Smaller patches raise no alert."""
    scenes: SceneFacts
    """What became of the scenes."""
    series: tuple[SeriesFacts, ...] = ()
    """The series of the largest alerts; the first six are drawn."""
    accuracy: AccuracyFacts | None = None
    """Comparison with a known truth, if there is one."""
    method: tuple[str, ...] = ()
    """The method in plain words, a sentence each; a general text stands in when it is empty."""
    completeness: Completeness | None = None
    """What was acquired, read and clear, and which gaps are not explained; None: it was not recorded."""
    monitor_from: date | None = None
    """First monitored day; None: the start of the period."""
    provenance: Mapping[str, str] | None = None
    """Further name -> value pairs to print beside those of the run."""

    def __post_init__(self) -> None:
        for name in ("status", "monitored", "last_clear_day"):
            if (found := getattr(self, name).shape) != self.run.grid.shape:
                raise GridMismatch(f"report: {name} has shape {found}; the run's grid has {self.run.grid.shape}")


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write the page in place whole or not at all; no external request, no script. Raises OSError (disk full)."""
    publish(path, render(facts).encode())


def render(facts: ReportFacts) -> str:
    """The page as text; every value is escaped."""
    return _template().render(_view(facts))


@cache
def _template() -> Template:
    strict: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, **strict)
    environment.filters |= {"ha": hectares, "percent": percent, "longdate": long_date}
    return environment.get_template("report.html.j2")


def hectares(value: float) -> str:
    """`1 234.5`, two decimals below ten: more would claim a precision that pixels do not have."""
    return f"{value:,.{2 if value < 10 else 1}f}".replace(",", "\u202f")


def percent(share: float) -> str:
    """`0.1234` -> `12.3 %`; what is small but there is never called zero."""
    return "< 0.1\u00a0%" if 0 < share < 0.001 else f"{100 * share:.1f}\u00a0%"


def long_date(day: date) -> str:
    """`5 March 2024`."""
    return f"{day.day} {month_name[day.month]} {day.year}"


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, JASA 22: 209-212); (0, 1) without a trial."""
    if not trials:
        return 0.0, 1.0
    z, share = 1.959964, hits / trials
    middle = share + z * z / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    below = 1 + z * z / trials
    return max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)


def _view(facts: ReportFacts) -> dict[str, Any]:
    ranked = sorted(facts.alerts, key=lambda a: (a.status not in OPEN, -a.area_ha, a.id))
    return {
        "facts": facts,
        "run": facts.run,
        "by_status": _by_status(facts.alerts),
        "open_ha": sum(a.area_ha for a in facts.alerts if a.status in OPEN),
        "open_count": sum(a.status in OPEN for a in facts.alerts),
        "rows": [_row(number, a) for number, a in enumerate(ranked[:ROWS], 1)],
        "rows_left_out": max(0, len(ranked) - ROWS),
        "shown": NUMBERED,
        "numbered": min(NUMBERED, sum(a.status in OPEN for a in ranked)),
        "legend": [(label, colour) for label, colour, _ in reversed(STATUS_CLASSES)],
        "status_map": _inline(status_map(facts.status, facts.monitored, facts.run.grid, _outlines(ranked))),
        "charts": _charts(facts.series, ranked),
        "chart_key": _inline(series_key()),
        "monitored_map": _inline(monitored_map(facts.monitored, facts.run.grid)),
        "seen": _seen(facts.monitored),
        "ages": _look_ages(facts),
        "completeness": _completeness(facts),
        "delays": _delays(facts.alerts),
        "accuracy": _accuracy(facts.accuracy),
        "provenance": _provenance(facts),
    }


def _by_status(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    found = [(status, [a.area_ha for a in alerts if a.status == status]) for status in SYMBOL]
    order = sorted(found, key=lambda pair: pair[0] != "confirmed")
    return [
        {
            "status": s,
            "count": len(ha),
            "ha": sum(ha),
            "symbol": SYMBOL[s],
            "colour": ALERT_COLOUR[s],
            "text": MEANING[s],
        }
        for s, ha in order
        if ha or s in OPEN
    ]


def _row(number: int, alert: Alert) -> dict[str, Any]:
    shown = {"symbol": SYMBOL[alert.status], "colour": ALERT_COLOUR[alert.status]}
    return shown | {
        "number": number,
        "alert": alert,
        "where": place(alert.cells, alert.lattice),
        "type": ", ".join(word.replace("_", " ") for word in (alert.change_type, alert.driver) if word),
    }


def _outlines(ranked: Sequence[Alert]) -> list[Outline]:
    largest = [a for a in ranked if a.status in OPEN and len(a.cells)][:NUMBERED]
    return [Outline(number, outline(a.cells, a.lattice)) for number, a in enumerate(largest, 1)]


def _charts(series: Sequence[SeriesFacts], ranked: Sequence[Alert]) -> list[dict[str, str]]:
    numbers = {a.id: (number, a) for number, a in enumerate(ranked, 1)}
    charts = []
    for one in [s for s in series if s.alert_id in numbers and s.days.size][:CHARTS]:
        number, alert = numbers[one.alert_id]
        title = f"{number}  {alert.short_code}  {hectares(alert.area_ha)} ha"
        confirmed = f"confirmed {one.confirmed_on}" if one.confirmed_on else "not confirmed"
        text = f"{alert.magnitude_metric} of alert {alert.short_code}: change {one.change_date}, {confirmed}"
        charts.append({"image": _inline(series_chart(one, title, alert.magnitude_metric)), "text": text})
    return charts


def _seen(monitored: Codes) -> list[dict[str, Any]]:
    """Shares of the cells inside the area, by the reason why they are or are not monitored."""
    counts = np.bincount(monitored.ravel(), minlength=len(Monitored))
    inside = max(1, int(counts.sum() - counts[Monitored.OUTSIDE]))
    return [
        {"text": MONITORED_MEANING[code], "colour": MONITORED_COLOUR[code], "share": int(counts[code]) / inside}
        for code in Monitored
        if code is not Monitored.OUTSIDE and (counts[code] or code is Monitored.MONITORED)
    ]


def _look_ages(facts: ReportFacts) -> dict[str, Any]:
    """Days from the last clear look to the end of the period, over the cells inside the area.

    Of cells that are not monitored the last look is not kept: they are called that, and not "never" seen.
    """
    inside = facts.monitored != Monitored.OUTSIDE
    last, blind = facts.last_clear_day[inside], facts.last_clear_day[inside] == DATE_NODATA
    watched = np.isin(facts.monitored[inside], (Monitored.MONITORED, Monitored.NO_LOOK))
    ages = (to_day(facts.run.period_end) - last[last != DATE_NODATA]).clip(0)
    cells = max(1, last.size)
    bins = [
        {
            "text": f"{low} to {high} days" if high is not None else f"more than {low - 1} days",
            "share": float(
                ((ages >= low) & (ages <= (high if high is not None else ages.max(initial=low)))).sum() / cells
            ),
        }
        for low, high in LOOK_AGES
    ]
    bins.append({"text": "never", "share": float((blind & watched).sum() / cells)})
    if (blind & ~watched).any():
        bins.append({"text": "not monitored", "share": float((blind & ~watched).sum() / cells)})
    # The median counts what was never seen: it exists only where half of the area was.
    middle = np.sort(ages)[(cells - 1) // 2] if 2 * ages.size > cells else None
    return {"bins": bins, "median": None if middle is None else int(middle)}


def _completeness(facts: ReportFacts) -> dict[str, Any] | None:
    """The account of what was acquired and seen; gaps in the monitoring period, those that nothing explains first."""
    found, first = facts.completeness, facts.monitor_from or facts.run.period_start
    if found is None or not found.lines:
        return None
    gaps = [(line, gap) for line in found.lines for gap in line.gaps if gap.last > first]
    gaps.sort(key=lambda pair: (pair[1].reason != "", -pair[1].days, pair[0].sensor, pair[1].first))
    noted = [(f"{n} {'scene' if n == 1 else 'scenes'}", note) for note, n in reversed(found.notes)]
    troubles = (("Could not be read", found.failed), ("A band is missing", found.missing), ("Noted", noted))
    looks = [replace(look, sensor=_name(look.sensor)) for look in found.looks]
    chart = looks_chart(looks, [(_name(line.sensor), gap) for line, gap in gaps], first)
    return {
        "sensors": [
            {"name": _name(line.sensor), "line": line, "worst": _worst(found, line.sensor, line.longest_dark)}
            for line in found.lines
        ],
        "gaps": [{"sensor": _name(line.sensor), "gap": gap, "usual": line.usual_days} for line, gap in gaps[:LISTED]],
        "gaps_more": max(0, len(gaps) - LISTED),
        "troubles": [(label, some[-LISTED:], max(0, len(some) - LISTED)) for label, some in troubles if some],
        "unrecorded": found.unrecorded,
        "chart": _inline(chart),
        "first": first,
    }


def _name(sensor: str) -> str:
    return SENSOR_NAME.get(sensor, sensor)


def _worst(found: Completeness, sensor: str, dark: Gap | None) -> Gap | None:
    """The longest time in the dark of any tile, where it is longer than that of the area as a whole."""
    tile = found.worst(sensor)
    worst = tile.longest_dark if tile else None
    return worst if worst and (dark is None or worst.days > dark.days) else None


def _delays(alerts: Sequence[Alert]) -> dict[str, float | None]:
    """Median days from the first anomalous look to the alarm and to the confirmation."""
    alarm = [(a.first_detected - a.change_date).days for a in alerts if a.status in OPEN]
    sure = [(a.confirmed_on - a.change_date).days for a in alerts if a.status in OPEN and a.confirmed_on]
    return {"alarm": median(alarm) if alarm else None, "confirmed": median(sure) if sure else None}


def _accuracy(accuracy: AccuracyFacts | None) -> list[dict[str, Any]]:
    if accuracy is None:
        return []
    measures = (
        ("recall", "of the events in the truth were found", accuracy.found_events, accuracy.true_events),
        ("precision", "of the alerts are explained by an event", accuracy.correct_alerts, accuracy.judged_alerts),
    )
    return [
        {"name": name, "text": text, "hits": hits, "of": of, "share": hits / of if of else None, "ci": wilson(hits, of)}
        for name, text, hits, of in measures
    ]


def _provenance(facts: ReportFacts) -> dict[str, str]:
    run = facts.run
    said = {
        "Run": run.run_id,
        "Collection": run.collection,
        "Known at": run.known_at,
        "Detected by": run.detected_by,
        "Model": run.model or "none: alerts carry no probability",
        "Configuration (sha256)": run.config_sha256,
        "Grid": f"{run.grid.lattice}, {run.grid.shape[1]} x {run.grid.shape[0]} cells",
        "Scenes taken in": str(facts.scenes.read),
        "Software": ", ".join(f"{name} {version}" for name, version in sorted(run.software.items())),
        "Lineage": run.lineage,
    }
    return said | dict(facts.provenance or {})


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
