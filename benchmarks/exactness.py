"""Does the answer depend on tiles, workers, or how many looks a run takes in? The demo scene (SIMULATED), to the bit.

    python benchmarks/exactness.py

Renders the scenes of configs/demo-madre-de-dios.yaml to GeoTIFFs in a temporary folder, runs the job in one tile as the
reference, then in other ways, and compares the features of alerts.geojson and every raster bit for bit.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from results import record

from detection.sources.files import FilesParameters
from detection.types import Scene, to_date
from jobs.config import Cluster, JobConfig, Output, load
from jobs.plan import open_source, plan
from jobs.run import Outcome, run

DEMO: Final = Path(__file__).parents[1] / "configs" / "demo-madre-de-dios.yaml"
NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""A stopped clock: when a run happened is no part of the answer."""
PATTERN: Final = r"SIM_(?P<platform>\w+)_(?P<date>\d{8})\.tif"
SCENES_AT_A_TIME: Final = 16
CUTS: Final = ("2024-02-01", "2024-05-05", "2024-07-20", "2024-10-09", "9999-01-01")
"""The first of the five runs takes in the looks before the first day, and so on; chosen unevenly."""


@dataclass(frozen=True)
class Way:
    """One way to run the job."""

    name: str
    """For the table."""
    tile: int
    """Cells a side."""
    workers: int = 0
    """0: in this process."""
    cuts: Sequence[str] = CUTS[-1:]
    """A run for each: the looks before that day."""


WAYS: Final = (
    Way("whole (512), 1 run", 512),
    Way("tiles of 256, 1 run", 256),
    Way("tiles of 128, 1 worker", 128, 1),
    Way("tiles of 128, 2 workers", 128, 2),
    Way("tiles of 128, 4 workers", 128, 4),
    Way("tiles of 256, looks in 5 runs", 256, cuts=CUTS),
)
"""The first is the reference."""


@dataclass(frozen=True)
class Answer:
    """What came of it."""

    features: dict[str, Any]
    """Features of alerts.geojson by id."""
    rasters: dict[str, bytes]
    """Name -> dtype, shape and bits."""
    seconds: float
    """Wall time of all runs."""


def render(config: JobConfig, folder: Path) -> FilesParameters:
    """Every look of the job as a GeoTIFF (uint16, bands as the job reads them); returns the source that reads them."""
    source, work = open_source(config.sources), plan(config)
    bands = work.bands(config.sources.sensor)
    place = {"driver": "GTiff", "dtype": "uint16", "compress": "deflate", "zlevel": 1, "tiled": True}
    place |= {"blockxsize": 128, "blockysize": 128, "crs": work.grid.crs, "transform": work.grid.transform}
    place |= {"height": work.grid.shape[0], "width": work.grid.shape[1], "count": len(bands)}
    folder.mkdir()
    for first in range(0, len(work.rows), SCENES_AT_A_TIME):
        rows = work.rows[first : first + SCENES_AT_A_TIME]
        for row, numbers in zip(rows, source.read(work.grid, rows, bands).values, strict=True):
            with rasterio.open(folder / _file(row.scene), "w", **place) as file:
                file.write(numbers)
    return FilesParameters(folder=folder, layout="dated", pattern=PATTERN, bands=bands, sensor=config.sources.sensor)


def answer(config: JobConfig, source: FilesParameters, way: Way, folder: Path) -> Answer:
    """Run the job this way; for several runs the looks come into the folder as time goes on."""
    begun = time.perf_counter()
    here = folder / "scenes"
    here.mkdir(parents=True)
    asked = replace(
        config,
        sources=replace(source, folder=here),
        tiles=replace(config.tiles, size=way.tile),
        cluster=Cluster(workers=way.workers),
        output=Output(folder=folder),
    )
    for until in way.cuts:
        for path in sorted(source.folder.iterdir()):
            day = datetime.strptime(path.stem[-8:], "%Y%m%d").replace(tzinfo=UTC).date().isoformat()
            if day < until and not (here / path.name).exists():
                os.link(path, here / path.name)
        outcome = run(asked, now=lambda: NOON)
        if outcome.kind != "done":
            raise SystemExit(f"{way.name}: ended as {outcome.kind}: {outcome.failures}")
    return _read(outcome, time.perf_counter() - begun)


def differences(one: Answer, other: Answer) -> list[str]:
    """What is not the same: ids of alerts and names of rasters."""
    ids = sorted(one.features.keys() | other.features.keys())
    names = sorted(one.rasters.keys() | other.rasters.keys())
    found = [f"alert {i}" for i in ids if one.features.get(i) != other.features.get(i)]
    return found + [f"raster {n}" for n in names if one.rasters.get(n) != other.rasters.get(n)]


def _read(outcome: Outcome, seconds: float) -> Answer:
    if outcome.folder is None:
        raise SystemExit("a run ended without products")
    features = json.loads((outcome.folder / "alerts.geojson").read_text(encoding="utf-8"))["features"]
    rasters = {}
    for path in sorted(outcome.folder.glob("*.tif")):
        with rasterio.open(path) as file:
            values: np.ndarray[Any, Any] = file.read()
        rasters[path.name] = f"{values.dtype} {values.shape} ".encode() + values.tobytes()
    return Answer({f["id"]: f for f in features}, rasters, seconds)


def _file(scene: Scene) -> str:
    return f"SIM_{scene.platform.replace('-', '')}_{to_date(scene.day):%Y%m%d}.tif"


def _row(way: Way, found: Answer, wrong: Sequence[str]) -> str:
    verdict = "the same" if not wrong else f"{len(wrong)} differ: {', '.join(wrong[:3])}"
    return f"| {way.name} | {len(found.features)} | {len(found.rasters)} | {verdict} | {found.seconds:.0f} |"


def main() -> int:
    """Run all ways, print and record; 1 when one of them gives another answer."""
    config = load(DEMO)
    if not isinstance(config, JobConfig):
        raise SystemExit(f"{DEMO.name}: a config of kind monitor is expected")
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.perf_counter()
        source = render(config, Path(temporary) / "rendered")
        looks = len(list(source.folder.iterdir()))
        print(f"{looks} simulated looks rendered in {time.perf_counter() - begun:.0f} s", flush=True)
        rows, bad, reference = [], 0, None
        for number, way in enumerate(WAYS):
            found = answer(config, source, way, Path(temporary) / str(number))
            reference = reference or found
            wrong = differences(reference, found)
            bad += bool(wrong)
            rows.append(_row(way, found, wrong))
            print(rows[-1], flush=True)
    shape = " x ".join(map(str, plan(config).grid.shape))
    head = [
        f"SIMULATED: {DEMO.name}, {shape} cells, {looks} looks rendered once to GeoTIFFs. Features of",
        "alerts.geojson and all rasters are compared with those of the first row: `the same` means every property,",
        "coordinate and bit.",
        "",
        "| way | alerts | rasters | against the first | wall seconds |",
        "|---|---|---|---|---|",
    ]
    record("Exactness", [*head, *rows], "python benchmarks/exactness.py")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
