"""From the committed truth to what people open: rasters, vectors, report, STAC, manifest. Whole or not at all.

Everything is written into a hidden folder, which is then renamed to `runs/<run id>`; `latest` is a link to it, moved in one
step. Nothing is computed here that could differ from what was committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection import monitors
from detection.accuracy.events import Agreement, KnownEvent, agreement
from detection.alerts import Alert, activity
from detection.codes import DATE_NODATA, Monitored, Status, Step
from detection.monitors import State, days_of, machine
from detection.monitors.packed import unpacked
from detection.sources.simulated import SimulatedParameters, truth
from detection.types import SECONDS_A_DAY, Cube, to_date
from jobs.completeness import Completeness
from jobs.ledger import Tile
from jobs.memory import read_memory
from jobs.observations import read_looks
from jobs.outputs import RunFacts
from jobs.outputs.folders import put_run, write_manifest
from jobs.outputs.rasters import write_rasters
from jobs.outputs.stac import write_stac
from jobs.outputs.vectors import Going, write_vectors
from jobs.plan import Plan, TilePlan
from jobs.reports.figures import SeriesFacts
from jobs.reports.html import AccuracyFacts, ReportFacts, SceneFacts, write_report
from jobs.word import words
from models.registry import Model

CHARTS = 6
OPEN = ("provisional", "confirmed", "finished")


@dataclass(frozen=True)
class Result:
    """What was committed, to be shown."""

    plan: Plan
    """The job."""
    model: Model | None
    """Who has the last word on flagged cells; None: the detector."""
    tiles: tuple[Tile, ...]
    """With the generations that count."""
    generations: Path
    """Folder of the generations."""
    alerts: tuple[Alert, ...]
    """Latest revisions of all alerts."""
    known_at: Mapping[str, str]
    """Alert id -> when its latest revision was committed."""
    run: RunFacts
    """The run."""
    scenes: SceneFacts
    """What became of the scenes."""
    completeness: Completeness
    """What was acquired, read and clear, by sensor and tile."""
    manifest: Mapping[str, Any]
    """What `manifest.json` says."""


def publish_run(folder: Path, result: Result) -> Path:
    """Write all products of a run; returns their folder. Doing it twice is doing it once."""
    return put_run(folder, result.run.run_id, lambda partial: _write(partial, result))


def _write(partial: Path, result: Result) -> None:
    """All products."""
    layers, states = _layers(result)
    last_clear = layers.pop("last_clear")
    files = write_rasters(layers, partial, run=result.run)
    files += write_vectors(
        result.alerts, partial, known_at=result.known_at, run=result.run, going=_going(result, last_clear)
    )
    accuracy = _accuracy(result)
    write_report(partial / "report.html", _facts(result, layers, last_clear, states, accuracy))
    write_manifest(partial, dict(result.manifest) | {"accuracy_simulated": vars(accuracy) if accuracy else None})
    write_stac(partial, [*files, partial / "report.html"], run=result.run)


def _going(result: Result, last_clear: NDArray[np.int32]) -> dict[str, Going]:
    """Whether what the alerts tell of goes on, by when half of their cells have been seen. last_clear: (y, x) days, -1: never."""
    grid, window = result.plan.grid, result.plan.config.patches.join_window_days
    made = {}
    for alert in result.alerts:
        rows, columns = (alert.cells - (grid.first_row, grid.first_column)).T
        days = np.sort(last_clear[rows, columns])
        seen = to_date(int(days[len(days) // 2])) if len(days) and days[len(days) // 2] >= 0 else None
        made[alert.id] = Going(activity(alert, seen, window), seen)
    return made


def _layers(result: Result) -> tuple[dict[str, NDArray[Any]], dict[str, State]]:
    """The rasters of the whole grid, from the states of its tiles."""
    grid, detector = result.plan.grid, result.plan.detector
    shape: tuple[int, ...] = grid.shape
    layers: dict[str, NDArray[Any]] = {
        "status": np.full(shape, 255, np.uint8),
        "monitored": np.full(shape, Monitored.FAILED, np.uint8),
        "change_date": np.full(shape, DATE_NODATA, np.int32),
        "confirmed_date": np.full(shape, DATE_NODATA, np.int32),
        "magnitude": np.full(shape, np.nan, np.float32),
        "last_clear": np.full(shape, -1, np.int32),
    }
    states: dict[str, State] = {}
    for tile, entry in zip(result.plan.tiles, result.tiles, strict=True):
        if entry.state is None:
            continue
        state = unpacked(read_memory(result.generations, entry.state).current)
        states[tile.id] = state
        row, column = grid.offset(tile.grid)
        place = np.s_[row : row + tile.grid.shape[0], column : column + tile.grid.shape[1]]
        for name, values in _tile_layers(detector, state).items():
            layers[name][place] = values.reshape(tile.grid.shape)
    if result.model is not None:
        _with_word(result, layers)
    return layers, states


def _with_word(result: Result, layers: dict[str, NDArray[Any]]) -> None:
    """Put what the model left standing in place of what the detector flagged, in the layers of monitored cells."""
    grid, plan = result.plan.grid, result.plan
    states = [(tile.grid, entry.state) for tile, entry in zip(plan.tiles, result.tiles, strict=True)]
    log = words(plan, result.model, result.generations, states).log
    watched = layers["monitored"] == Monitored.MONITORED
    layers["status"][watched] = Status.NONE
    for name, none in (("change_date", DATE_NODATA), ("confirmed_date", DATE_NODATA), ("magnitude", np.nan)):
        layers[name][watched] = none
    log = log[np.argsort(log["instant"], kind="stable")]
    rows, columns = log["row"] - grid.first_row, log["column"] - grid.first_column
    for step, row, r, c in zip(log["step"].tolist(), log, rows.tolist(), columns.tolist(), strict=True):
        gone = step == Step.EXPIRED
        layers["status"][r, c] = (
            Status.NONE if gone else standing(step, bool(row["sigma"] >= plan.config.decision.high))
        )
        layers["change_date"][r, c] = DATE_NODATA if gone else row["change_day"]
        layers["magnitude"][r, c] = np.nan if gone else row["magnitude"]
        if step != Step.FINISHED:
            layers["confirmed_date"][r, c] = row["instant"] // SECONDS_A_DAY if step == Step.CONFIRMED else DATE_NODATA


def standing(step: int, high: bool) -> Status:
    """The code of a cell after a step that leaves a change standing."""
    return {
        Step.PROVISIONAL: (Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH),
        Step.CONFIRMED: (Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH),
        Step.FINISHED: (Status.FINISHED_LOW, Status.FINISHED_HIGH),
    }[Step(step)][high]


def _tile_layers(detector: monitors.Detector, state: State) -> dict[str, NDArray[Any]]:
    pixels = state.pixels
    changed = pixels["phase"] >= machine.PROVISIONAL
    confirmed = np.isin(pixels["phase"], (machine.CONFIRMED, machine.RECOVERING))
    known = pixels["open"]
    mean = known["total_change"] / np.maximum(known["count"], 1)
    return {
        "status": monitors.status(detector, state),
        "monitored": monitors.reach(state),
        "change_date": np.where(changed, days_of(known["onset"]), DATE_NODATA).astype(np.int32),
        "confirmed_date": np.where(confirmed, days_of(known["confirmed_on"]), DATE_NODATA).astype(np.int32),
        "magnitude": np.where(changed, mean, np.float32(np.nan)).astype(np.float32),
        "last_clear": days_of(pixels["last_look"]),
    }


def _facts(
    result: Result,
    layers: Mapping[str, NDArray[Any]],
    last_clear: NDArray[np.int32],
    states: Mapping[str, State],
    accuracy: Agreement | None,
) -> ReportFacts:
    shown = [a for a in result.alerts if a.status in OPEN]
    biggest = sorted(shown, key=lambda a: (-a.area_ha, a.id))[:CHARTS]
    compared = None
    if accuracy is not None:
        compared = AccuracyFacts("the simulator's own events, which the detector never sees", **vars(accuracy))
    return ReportFacts(
        run=result.run,
        alerts=result.alerts,
        status=layers["status"],
        monitored=layers["monitored"],
        last_clear_day=last_clear,
        minimum_mapping_unit_ha=result.plan.config.patches.minimum_mapping_unit_ha,
        scenes=result.scenes,
        completeness=result.completeness,
        monitor_from=result.plan.config.period.monitor_from,
        series=tuple(_chart(result, states, alert) for alert in biggest),
        accuracy=compared,
    )


def _chart(result: Result, states: Mapping[str, State], alert: Alert) -> SeriesFacts:
    """The mean over the alert's cells, look by look: what was seen and what was expected."""
    parts = [p for tile in _tiles_of(result, alert) if (p := _cells_of(result, states, tile, alert)) is not None]
    days, seen, expected, scale = parts[0][0], *(np.concatenate([p[i] for p in parts], 1) for i in (1, 2, 3))
    watched = np.isfinite(seen)
    some = watched.any(1)
    mean = [np.where(watched, a, 0).sum(1) / np.maximum(watched.sum(1), 1) for a in (seen, expected)]
    return SeriesFacts(
        alert_id=alert.id,
        days=days[some],
        values=mean[0][some].astype(np.float32),
        fitted=mean[1][some].astype(np.float32),
        sigma=float(np.nanmean(scale)),
        change_date=alert.change_date,
        first_detected=alert.first_detected,
        confirmed_on=alert.confirmed_on,
    )


def _tiles_of(result: Result, alert: Alert) -> list[tuple[TilePlan, Tile]]:
    return [
        (tile, entry)
        for tile, entry in zip(result.plan.tiles, result.tiles, strict=True)
        if entry.looks is not None and entry.state is not None and _own(tile, alert).any()
    ]


def _own(tile: TilePlan, alert: Alert) -> NDArray[np.bool_]:
    """(n,) which of the alert's cells lie in the tile."""
    place = alert.cells - (tile.grid.first_row, tile.grid.first_column)
    own: NDArray[np.bool_] = np.logical_and.reduce((place >= 0) & (place < np.array(tile.grid.shape)), axis=1)
    return own


def _cells_of(
    result: Result, states: Mapping[str, State], pair: tuple[TilePlan, Tile], alert: Alert
) -> tuple[NDArray[Any], ...]:
    """(days, values, expected, scale) of the alert's cells in one tile, each (time, cell)."""
    tile, entry = pair
    if entry.looks is None:
        raise ValueError(f"tile {tile.id} keeps no looks")
    cube: Cube = read_looks(result.generations, entry.looks, verify=False)
    rows, columns = (alert.cells[_own(tile, alert)] - (tile.grid.first_row, tile.grid.first_column)).T
    pixels = rows * tile.grid.shape[1] + columns
    values = cube.plane(cube.planes.leading)[:, rows, columns]
    return cube.days, values, *monitors.expected(result.plan.detector, states[tile.id], cube.scenes, pixels)


def _accuracy(result: Result) -> Agreement | None:
    """Against the simulator's truth, where there is one. Events too young to have been seen three times are left out."""
    source = result.plan.config.sources
    if not isinstance(source, SimulatedParameters):
        return None
    known = [
        KnownEvent(e.id, e.start, e.end, e.cells, e.area_ha) for e in truth(source).events if e.change_class == "loss"
    ]
    monitored = [s for s in result.plan.scenes if s.day >= result.plan.monitor_day]
    last: date = (
        to_date(monitored[-1].day) - timedelta(days=60) if monitored else result.plan.config.period.monitor_from
    )
    return agreement(
        result.alerts,
        known,
        smallest_ha=result.plan.config.patches.minimum_mapping_unit_ha,
        first=result.plan.config.period.monitor_from,
        last=last,
    )


def shown(alerts: Sequence[Alert]) -> dict[str, int]:
    """How many alerts of each status."""
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[alert.status] = counts.get(alert.status, 0) + 1
    return dict(sorted(counts.items()))
