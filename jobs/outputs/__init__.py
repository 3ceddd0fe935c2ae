"""The products of a run: vectors, rasters, their styles, and a STAC item that names each with its checksum."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from detection.types import Grid


@dataclass(frozen=True)
class RunFacts:
    """What every product says about the run that made it."""

    run_id: str
    """Derived id of the run; the id of the STAC item."""
    job: str
    """The job's name, as the analyst wrote it."""
    collection: str
    """The job's collection; the id of the STAC collection."""
    grid: Grid
    """The job's one grid."""
    period_start: date
    """First day looked at."""
    period_end: date
    """Last day looked at, included."""
    known_at: str
    """When the run was finished, ISO 8601 UTC ending in Z; handed in, because nothing here reads a clock."""
    detected_by: str
    """Monitor, index and sensors in words, e.g. `ewma on nbr, landsat-8 and landsat-9`."""
    config_sha256: str
    """Digest of the configuration."""
    software: Mapping[str, str]
    """Name -> version of the software that made the products."""
    lineage: str
    """What was done to which input, in a sentence or two."""
    simulated: bool
    """True: made from simulated input, and every product says so."""
    model: str | None = None
    """name@version of the model that judged the alerts."""
    license: str = "other"
    """SPDX identifier of the products' licence, or `other` (STAC 1.1)."""


def publish(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all: written beside its place, synced to disk, renamed.

    Makes the folder when it is missing. Raises OSError (disk full, no permission); what stood there before then stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is safe from a power cut only once its folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
