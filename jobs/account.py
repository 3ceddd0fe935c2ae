"""What a run says of itself beside its products: facts for people, the manifest for machines, what was seen and not seen."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from detection.codes import STATUS_SCHEME
from detection.prepare import provenance
from detection.sources.sensors import SENSORS
from detection.types import Row, Scene, to_date
from jobs import PACKAGE, ledger
from jobs.completeness import Completeness, completeness, reasons
from jobs.ledger import Run
from jobs.outputs import RunFacts
from jobs.plan import Plan, Work
from models.registry import Model

INPUT: Final = {
    "simulated": "simulated scenes",
    "files": "local files",
    "stac": "scenes of a STAC catalogue",
    "earthengine": "Earth Engine images",
}
"""Kind of source, for people."""


def seen_so_far(work: Plan, engine: sa.Engine) -> Completeness:
    """What was acquired, read and clear, by the manifest of this run and the ledger."""
    name = work.config.name
    return completeness(
        work.rows,
        ledger.coverage(engine, name),
        [tile.id for tile in work.tiles],
        work.monitor_day,
        taken=[scene.id for scene in ledger.taken_scenes(engine, name)],
        bands={sensor: work.bands(sensor) for sensor in work.sensors},
        reasons=reasons(line for run in ledger.runs(engine, name) for line in run.detail.get("failures", ())),
    )


def facts(work: Plan, model: Model | None, record: Run, scenes: Sequence[Scene]) -> RunFacts:
    """The run in words and dates; scenes: those it rests on, in order."""
    return told(
        work,
        record,
        scenes,
        method=work.config.monitor.kind,
        least=f"patches of at least {work.config.patches.minimum_mapping_unit_ha:g} ha",
        model=model.identity if model else None,
    )


def told(
    work: Work, record: Run, scenes: Sequence[Scene], *, method: str, least: str, model: str | None = None
) -> RunFacts:
    """A run of any kind in words and dates; method: what looked at the planes, least: what was drawn of what it found."""
    platforms = ", ".join(sorted({s.platform for s in scenes}))
    config, planes = work.config, ", ".join(work.planes.names)
    kind = INPUT[config.sources.kind]
    return RunFacts(
        run_id=record.id,
        job=config.name,
        collection=config.name,
        grid=work.grid,
        period_start=to_date(scenes[0].day),
        period_end=to_date(scenes[-1].day),
        known_at=stamp(record.started),
        detected_by=f"{method} on {planes}, {platforms}",
        config_sha256=record.config_digest,
        software=_versions(),
        lineage=f"{len(scenes)} {kind} ({platforms}) -> {planes} -> {method} -> {least}",
        simulated=work.simulated,
        model=model,
    )


def manifest(work: Plan, model: Model | None, record: Run, taken: Sequence[Scene]) -> dict[str, Any]:
    """What `manifest.json` says; taken: the scenes taken in."""
    return basis(work, record, taken) | {
        "detector_sha256": work.detector.digest,
        "status_scheme": STATUS_SCHEME,
        "model": {"name": model.identity, "sha256": model.sha256} if model else None,
        "late": record.detail.get("late", []),
    }


def basis(work: Work, record: Run, taken: Sequence[Scene]) -> dict[str, Any]:
    """What a run of any kind rests on; taken: the scenes taken in."""
    config, rows = asdict(work.config), {row.scene: row for row in work.rows}
    return {
        "run": record.id,
        "job": record.job,
        "config": config,
        "config_sha256": record.config_digest,
        "versions": _versions(),
        "seeds": {"simulator": config["sources"].get("seed")},
        "inputs": [_input(s, rows.get(s)) for s in taken],
        "processing": sorted({_made(work, row) for row in work.rows}),
        "grid": asdict(work.grid),
        "simulated": work.simulated,
        "failures": record.detail.get("failures", []),
        "not_understood": list(work.not_understood),
        "started": stamp(record.started),
        "seconds": record.detail.get("seconds", {}),
    }


def _versions() -> dict[str, str]:
    return {PACKAGE: version(PACKAGE), "python": platform.python_version(), "numpy": np.__version__}


def _made(work: Work, row: Row) -> str:
    """What makes a look out of stored numbers."""
    return provenance(work.config.prepare, SENSORS[row.sensor], row.scene.platform, work.planes.of(row.scene))


def _input(scene: Scene, row: Row | None) -> dict[str, Any]:
    """What the manifest says of a scene that was taken in; where the catalogue no longer lists it, only its name."""
    said = {"id": scene.id, "instant": scene.when.isoformat(), "platform": scene.platform, "orbit": scene.orbit}
    if row is not None:
        said |= {"sensor": row.sensor, "collection": row.collection, "baseline": row.baseline, "note": row.note}
    return {key: value for key, value in said.items() if value}


def stamp(at: datetime) -> str:
    """An instant as RFC 3339 has it, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
