"""The folder of a run: whole or not there, and `latest`, which leads to the newest."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.outputs import publish


def put_run(folder: Path, run_id: str, write: Callable[[Path], None]) -> Path:
    """`runs/<run id>` as `write` fills it, under a hidden name until it is whole, and `latest` led to it."""
    target = folder / "runs" / run_id
    if not target.exists():  # else whole, and perhaps being read: it is never taken away to be written again
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        partial.rename(target)
    _point(folder / "latest", target)
    return target


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """What a run says of itself, for machines."""
    publish(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True, default=str).encode() + b"\n")


def _point(link: Path, target: Path) -> None:
    """Move the link in one step: a reader sees the run before or this one."""
    beside = link.with_name(".latest.partial")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target.relative_to(link.parent), target_is_directory=True)
    beside.replace(link)
