"""A small history on a folder of scenes, and ways to run it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.patches.yearly import Polygons
from detection.sources.files import FilesParameters
from jobs.config import Cluster, HistoryConfig, Output, Tiles
from jobs.history.run import HistoryOutcome, run_history

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATTERN = r"SIM_(?P<platform>[A-Z]{2}\d\d)_\d{3}_(?P<date>\d{8})\.tif"
BANDS = ("nir", "swir2", "qa")


def config(scenes: Path, folder: Path, *, tile: int = 256, workers: int = 0, **changes: Any) -> HistoryConfig:
    """The small job on a folder of scenes."""
    made = HistoryConfig(
        name="archive",
        sources=FilesParameters(folder=scenes, layout="dated", pattern=PATTERN, bands=BANDS, sensor="landsat-c2l2"),
        polygons=Polygons(minimum_mapping_unit_ha=0.0),
        cluster=Cluster(workers=workers),
        tiles=Tiles(size=tile),
        output=Output(folder=folder),
    )
    return replace(made, **changes)


def start(scenes: Path, folder: Path, **changes: Any) -> HistoryOutcome:
    """Run the small job in a folder, its clock stopped."""
    return run_history(config(scenes, folder, **changes), now=lambda: NOON)
