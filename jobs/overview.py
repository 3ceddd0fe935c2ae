"""What a person asks of a job that is not running: how it stands, its alerts, whether all is well. Reads only."""

import json
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from detection.alerts import Alert
from detection.codes import Monitored
from detection.errors import BadInput, DetectionError
from detection.monitors import reach
from detection.monitors.packed import unpacked
from detection.types import to_day
from jobs import ledger, store
from jobs.completeness import Completeness, Gap, Line, completeness, reasons, recorded_rows
from jobs.config import JobConfig
from jobs.database import default_url, open_database
from jobs.memory import read_memory
from jobs.outputs.vectors import feature
from jobs.publish import OPEN, shown
from jobs.state import read_generation

LIBRARIES: Final = ("numpy", "numba", "rasterio", "zarr", "dask", "scikit-learn", "sqlalchemy", "pydantic")
ENOUGH_DISK_GB: Final = 2.0
LISTED: Final = 5
"""So many gaps of a sensor, or scenes that failed, are listed for people; the rest is counted (`--json` has all)."""


def standing(config: JobConfig) -> dict[str, Any]:
    """The job's runs, tiles, scenes and alerts in figures."""
    engine, name = opened(config), config.name
    job, runs, tiles = ledger.find_job(engine, name), ledger.runs(engine, name), ledger.tiles(engine, name)
    last = runs[-1] if runs else None
    taken = ledger.taken_scenes(engine, name, ("taken",))
    owed = ledger.unpublished_run(engine, name)
    return {
        "job": name,
        "grid": f"{job.grid.lattice}, {job.grid.shape[0]} x {job.grid.shape[1]} cells",
        "holder": ledger.holder(engine, name) or "nobody",
        "runs": len(runs),
        "last run": f"{last.id}: {_ended(last.outcome, last.finished is not None)}" if last else "none",
        "products owed": owed.id if owed else "none",
        "tiles done": f"{sum(t.state is not None for t in tiles)} of {len(tiles)}",
        "scenes taken": len(taken),
        "last scene": f"{taken[-1].id} ({taken[-1].when:%Y-%m-%d})" if taken else "none",
        "scenes failed": len(ledger.taken_scenes(engine, name, ("failed",))),
        "scenes too late": len(ledger.taken_scenes(engine, name, ("too_late",))),
        "alerts": ", ".join(f"{n} {s}" for s, n in shown(list(store.latest(engine, name).values())).items()) or "none",
    }


def account_of(config: JobConfig) -> Completeness:
    """What the job saw and did not see, by the catalogue's account at its last run: the ledger alone is asked."""
    engine, name = opened(config), config.name
    covered = ledger.coverage(engine, name)
    taken = [scene.id for scene in ledger.taken_scenes(engine, name)]
    return completeness(
        recorded_rows(covered),
        covered,
        [tile.id for tile in ledger.tiles(engine, name)],
        to_day(config.period.monitor_from),
        taken=taken,
        reasons=reasons(line for run in ledger.runs(engine, name) for line in run.detail.get("failures", ())),
    )


def taken(config: JobConfig) -> frozenset[str]:
    """Ids of scenes that need not be read again; empty for a job that has never run here."""
    if _missing_file(config):
        return frozenset()
    return frozenset(scene.id for scene in ledger.taken_scenes(opened(config), config.name))


def never_clear(config: JobConfig) -> tuple[int, int] | None:
    """(cells to be monitored that were never clear since, all cells to be monitored); None when a state is unreadable."""
    engine, home = opened(config), config.output.folder / config.name / "state"
    never = of = 0
    try:
        for tile in ledger.tiles(engine, config.name):
            if tile.state is not None:
                found = reach(unpacked(read_memory(home, tile.state).current))
                never += int((found == Monitored.NO_LOOK).sum())
                of += int(((found == Monitored.NO_LOOK) | (found == Monitored.MONITORED)).sum())
    except DetectionError:
        return None
    return never, of


def seen_as_data(found: Completeness, blind: tuple[int, int] | None) -> dict[str, Any]:
    """The account for programs: everything, plain enough for JSON."""
    said: dict[str, Any] = json.loads(json.dumps(asdict(found), default=str))
    cells = None if blind is None else {"never_clear": blind[0], "monitored": blind[1]}
    return said | {"cells": cells}


def seen_lines(found: Completeness, blind: tuple[int, int] | None) -> Iterator[str]:
    """The account for people: a short block per sensor."""
    for line in found.lines:
        yield from _block(line, found.worst(line.sensor))
    for label, scenes in (("failed", found.failed), ("missing", found.missing)):
        yield from (f"{label}: {scene}: {reason}" for scene, reason in scenes[-LISTED:])
        if len(scenes) > LISTED:
            yield f"{label}: {len(scenes) - LISTED} more"
    if found.unrecorded:
        yield f"{found.unrecorded} scenes were taken in before this was recorded: what they showed is not known here"
    if blind is not None and blind[1]:
        yield f"never clear since the monitoring began: {blind[0]} of {blind[1]} cells ({blind[0] / blind[1]:.1%})"


def _block(line: Line, worst: Line | None) -> Iterator[str]:
    fates = {"read": line.read, "beside the area": line.outside, "lack a band": line.missing, "failed": line.failed}
    fates["not read yet"] = line.unread
    counts = ", ".join(f"{n} {fate}" for fate, n in fates.items() if n or fate in ("read", "failed"))
    yield f"{line.sensor}: {line.acquired} acquired: {counts}"
    share = "nothing read" if line.clear_share is None else f"{line.clear_share:.1%} of what was read was clear"
    yield f"  {share}; last clear look {line.last_clear or 'never'}"
    if line.longest_dark is not None:
        yield f"  longest without a clear look: {_span(line.longest_dark)}" + _elsewhere(line.longest_dark, worst)
    for gap in line.gaps[-LISTED:]:
        usual = f"usually one every {line.usual_days:g}"
        yield f"  {'gap' if gap.reason else 'unexplained gap'}: {_span(gap)}; {gap.reason or usual}"
    if len(line.gaps) > LISTED:
        yield f"  {len(line.gaps) - LISTED} earlier gaps"


def _span(gap: Gap) -> str:
    return f"{gap.first} to {gap.last} ({gap.days} days)"


def _elsewhere(dark: Gap, worst: Line | None) -> str:
    """Where it was worse than over the area as a whole."""
    if worst is None or worst.longest_dark is None or worst.longest_dark.days <= dark.days:
        return ""
    return f"; tile {worst.tile}: {_span(worst.longest_dark)}"


def alert_lines(config: JobConfig, *, as_json: bool, everything: bool) -> Iterator[str]:
    """The alerts, the largest first: a line each, or a GeoJSON feature each."""
    engine = opened(config)
    ledger.find_job(engine, config.name)
    known = store.known_at(engine, config.name)
    chosen = [a for a in store.latest(engine, config.name).values() if everything or a.status in OPEN]
    chosen.sort(key=lambda a: (-a.area_ha, a.id))
    if not as_json:
        yield f"{'code':9} {'status':12} {'changed':10} {'alarm':10} {'confirmed':10} {'ha':>7} {'prob':>5}  type" + (
            "  (SIMULATED)" if any(a.simulated for a in chosen) else ""
        )
    for alert in chosen:
        yield json.dumps(feature(alert, known_at=known.get(alert.id)), sort_keys=True) if as_json else _line(alert)


def examine(config: JobConfig | None) -> Iterator[tuple[bool, str]]:
    """(good, line) for everything worth checking on a machine, and in a job's folder."""
    yield True, f"sachawatch {version('sachawatch')} on Python {platform.python_version()}, {platform.system()}"
    yield True, ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    folder = config.output.folder if config else Path()
    free = shutil.disk_usage(next(p for p in (folder.resolve(), *folder.resolve().parents) if p.exists())).free / 1e9
    yield free >= ENOUGH_DISK_GB, f"disk: {free:.1f} GB free for {folder.resolve()}"
    if config is None:
        return
    try:
        engine = opened(config)
        ledger.find_job(engine, config.name)
    except DetectionError as error:
        yield False, str(error)
        return
    yield True, f"database: opens, checked; {len(ledger.runs(engine, config.name))} runs"
    home, whole = config.output.folder / config.name / "state", True
    for tile in ledger.tiles(engine, config.name):
        for generation in (g for g in (tile.state, tile.looks) if g is not None):
            try:
                read_generation(home, generation, only=())
            except DetectionError as error:
                whole = False
                yield False, str(error)
    if whole:
        yield True, "state: every generation that counts was read and its checksum compared"


def opened(config: JobConfig) -> sa.Engine:
    """The job's database, which is not made here: opening one that is missing would leave an empty one behind."""
    if file := _missing_file(config):
        raise BadInput(f"{config.name}: has never run here ({file} is missing); `sachawatch run` it first")
    return open_database(_url(config))


def _url(config: JobConfig) -> str:
    return config.database.url or default_url(config.output.folder / config.name)


def _missing_file(config: JobConfig) -> str:
    """The SQLite file that is not there; empty when it is, or when the database is a server."""
    file = _url(config).partition("///")[2] if _url(config).startswith("sqlite") else ""
    return file if file and not Path(file).exists() else ""


def _line(alert: Alert) -> str:
    confirmed = alert.confirmed_on.isoformat() if alert.confirmed_on else "-"
    probability = f"{alert.probability:5.2f}" if alert.probability is not None else "    -"
    dates = f"{alert.change_date} {alert.first_detected} {confirmed:10}"
    kind = ", ".join(word for word in (alert.change_type, alert.driver) if word)
    return f"{alert.short_code:9} {alert.status:12} {dates} {alert.area_ha:7.2f} {probability}  {kind}"


def _ended(outcome: str, finished: bool) -> str:
    return outcome if finished else "did not finish; `sachawatch resume` goes on"
