"""What a person asks of a job that is not running: how it stands, its alerts, whether all is well. Reads only."""

import json
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from detection.alerts import Alert
from detection.errors import BadInput, DetectionError
from jobs import ledger, store
from jobs.config import JobConfig
from jobs.database import default_url, open_database
from jobs.outputs.vectors import feature
from jobs.publish import OPEN, shown
from jobs.state import read_generation

LIBRARIES: Final = ("numpy", "numba", "rasterio", "zarr", "dask", "scikit-learn", "sqlalchemy", "pydantic")
ENOUGH_DISK_GB: Final = 2.0


def standing(config: JobConfig) -> dict[str, Any]:
    """The job's runs, tiles, scenes and alerts in figures."""
    engine, name = _open(config), config.name
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


def alert_lines(config: JobConfig, *, as_json: bool, everything: bool) -> Iterator[str]:
    """The alerts, the largest first: a line each, or a GeoJSON feature each."""
    engine = _open(config)
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
        engine = _open(config)
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


def _open(config: JobConfig) -> sa.Engine:
    """The job's database, which is not made here: opening one that is missing would leave an empty one behind."""
    url = config.database.url or default_url(config.output.folder / config.name)
    file = url.partition("///")[2] if url.startswith("sqlite") else None
    if file and not Path(file).exists():
        raise BadInput(f"{config.name}: has never run here ({file} is missing); `sachawatch run` it first")
    return open_database(url)


def _line(alert: Alert) -> str:
    confirmed = alert.confirmed_on.isoformat() if alert.confirmed_on else "-"
    probability = f"{alert.probability:5.2f}" if alert.probability is not None else "    -"
    dates = f"{alert.change_date} {alert.first_detected} {confirmed:10}"
    return f"{alert.short_code:9} {alert.status:12} {dates} {alert.area_ha:7.2f} {probability}  {alert.change_type}"


def _ended(outcome: str, finished: bool) -> str:
    return outcome if finished else "did not finish; `sachawatch resume` goes on"
