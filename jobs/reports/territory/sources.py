"""Where the figures of a report come from: file, run, days, and whether anything in it is simulated."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from detection.sources.rasters import opened

TOLD: Final = 3
"""Of a path, so many last parts say enough."""


@dataclass(frozen=True)
class Source:
    """One file that figures rest on."""

    part: str
    """Of the report: `area`, `history`, `checked`, `alerts`, `peat`, `register`, `overlay`."""
    path: Path
    """The file."""
    about: str = ""
    """What it is called, with its version."""
    run: str = ""
    """Which run of which job made it; empty: not said."""
    first: str = ""
    """First day or year that it speaks of; empty: not said."""
    last: str = ""
    """Last day or year."""
    simulated: bool | None = None
    """Does it say that it is simulated? None: it does not say."""

    @property
    def sha256(self) -> str:
        """Of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def named(self) -> str:
        """The file, short."""
        return "/".join(self.path.parts[-TOLD:])


@dataclass(frozen=True)
class Manifest:
    """What the run that made a file says of itself; empty where there is no manifest."""

    run: str = ""
    """Its id."""
    simulated: bool = False
    """Is something in it simulated?"""


def manifest_of(file: Path) -> Manifest:
    """Of the `manifest.json` beside a file, where there is one that can be read."""
    try:
        said: Any = json.loads((file.parent / "manifest.json").read_text(encoding="utf-8"))
        return Manifest(str(said.get("run", "")), bool(said.get("simulated", False)))
    except (OSError, ValueError, AttributeError):  # anybody may copy a file without it
        return Manifest()


def run_of(file: Path) -> str:
    """Which run made a file: what a raster says of itself, or the manifest beside it."""
    if file.suffix != ".tif":
        return manifest_of(file).run
    with opened(file) as source:
        return str(source.tags().get("RUN_ID", ""))
