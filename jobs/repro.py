"""The same again: from a manifest to the products, made anew from its inputs and held against those that lie beside it.

What cannot be had any more, or has changed, is named. Nothing beside the manifest is touched.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import rasterio

from detection.errors import BadInput
from jobs.again import Again
from jobs.config import HistoryConfig, JobConfig, recorded
from jobs.history.run import run_history
from jobs.ledger import Clock
from jobs.plan import plan, plan_history
from jobs.run import run
from jobs.sections import Database

OF_THE_RUN: Final = frozenset({
    "known_at", "revision", "area_ha_new", "status", "review_status", "rejection_reason", "reviewed_on", "confidence",
    "detected_by",
})  # fmt: skip
"""What a feature says of when it was known, in how many steps, and of what people said: no part of what the images show."""
OF_A_RUN: Final = {"job", "config", "inputs"}
"""What the manifest of a run has."""
OF_A_REPORT: Final = {"section": str, "config_file": str, "config_text": str, "files": dict, "inputs": dict}
"""What the manifest of a report has, and of which type."""


def read_manifest(path: Path) -> dict[str, Any]:
    """Raises BadInput for what is no manifest."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise BadInput(f"{path}: is not JSON ({error}); give the manifest.json of a run or a report") from None
    if not isinstance(found, dict) or not (found.keys() >= OF_A_RUN or _of_a_report(found)):
        raise BadInput(
            f"{path}: is no manifest of a run or a report; give the manifest.json that lies beside its products"
        )
    return found


def _of_a_report(found: Mapping[str, Any]) -> bool:
    said = {"inputs": {}, **found}
    return all(isinstance(said.get(key), kind) for key, kind in OF_A_REPORT.items())


def again(path: Path, *, now: Clock, progress: Callable[[str, int, int], None] = lambda *_: None) -> Again:
    """Make what a manifest tells of once more, elsewhere, and compare. Raises BadInput for what is no manifest, or of a kind
    that cannot be run anew, and as `jobs.run.run`."""
    said = read_manifest(path)
    if "section" in said:
        from jobs.reports.run import repeated

        return repeated(said, path.parent, progress=progress)
    config = recorded(said["config"])
    if not isinstance(config, JobConfig | HistoryConfig):
        raise BadInput(
            f"{path}: is of kind {config.kind}; only runs of kind monitor and history and reports are made again"
        )
    wanted = [str(one["id"]) for one in said["inputs"]]
    days = [datetime.fromisoformat(one["instant"]).date() for one in said["inputs"]]
    config = _until(config, max(days) + timedelta(days=1))
    served = {scene.id for scene in (plan(config) if isinstance(config, JobConfig) else plan_history(config)).scenes}
    lacking = [f"scene {one} is not served any more" for one in wanted if one not in served]
    lacking += [f"scene {one} is served now, and was not then" for one in sorted(served - set(wanted))]
    with TemporaryDirectory() as folder:
        made = _made(replace(config, output=replace(config.output, folder=Path(folder))), now, progress)
        same, differ = _compared(path.parent, made)
    return Again(tuple(same), tuple(differ), tuple(lacking))


def _until(config: JobConfig | HistoryConfig, day: date) -> JobConfig | HistoryConfig:
    """Without what came since."""
    if isinstance(config, JobConfig):
        return replace(config, period=replace(config.period, until=day))
    return replace(config, period=replace(config.period, until=day))


def _made(config: JobConfig | HistoryConfig, now: Clock, progress: Callable[[str, int, int], None]) -> Path:
    """The folder of the products, made in the config's own folder, whatever database it names."""
    if isinstance(config, JobConfig):
        found = run(replace(config, database=Database()), now=now, progress=progress).folder
    else:
        found = run_history(config, now=now, progress=progress).folder
    assert found is not None
    return found


def _compared(then: Path, now: Path) -> tuple[list[str], list[str]]:
    same: list[str] = []
    differ: list[str] = []
    checks = [(file.name, _rasters) for file in sorted(then.glob("*.tif"))]
    checks += [(file.name, _tables) for file in sorted(then.glob("*.csv"))]
    checks += [(file.name, _features) for file in sorted(then.glob("*.geojson"))]
    for name, check in checks:
        how = check(then / name, now / name) if (now / name).exists() else "is not made any more"
        (differ if how else same).append(f"{name}: {how}" if how else name)
    return same, differ


def _tables(then: Path, now: Path) -> str:
    return "" if then.read_bytes() == now.read_bytes() else "differs"


def _rasters(then: Path, now: Path) -> str:
    """How they differ; empty where they do not, cell by cell."""
    with rasterio.open(then) as one, rasterio.open(now) as other:
        if (one.crs, one.transform, one.shape) != (other.crs, other.transform, other.shape):
            return "lies on another grid"
        cells = int((~_equal(one.read(1), other.read(1))).sum())
    return f"{cells} cells" if cells else ""


def _equal(one: Any, other: Any) -> Any:
    both = np.isnan(one) & np.isnan(other) if one.dtype.kind == "f" else np.zeros(one.shape, np.bool_)
    return (one == other) | both


def _features(then: Path, now: Path) -> str:
    one, other = _plain(then), _plain(now)
    gone, new = sorted(one.keys() - other.keys()), sorted(other.keys() - one.keys())
    changed = sorted(ident for ident in one.keys() & other.keys() if one[ident] != other[ident])
    said = ((gone, "are not found"), (new, "are new"), (changed, "differ"))
    return "; ".join(f"{len(some)} {how}, the first {some[0]}" for some, how in said if some)


def _plain(path: Path) -> dict[str, Any]:
    """Id -> what the images show of it. An alert that late looks took back is left out: a run of all looks never has it."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        one["id"]: {key: value for key, value in one["properties"].items() if key not in OF_THE_RUN}
        | {"at": one["geometry"]}
        for one in found["features"]
        if one["properties"].get("detection_status") != "retracted"
    }
