"""A small job on simulated scenes with a large clearing in them, and ways to run it and to compare what came of it.

The scenes are written to GeoTIFFs once, so that runs are quick and take the way of real files; a late scene is then
simply a file that was not there before.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from detection.history import History
from detection.sources.files import FilesParameters
from detection.sources.simulated import Simulated, SimulatedParameters
from jobs.config import Cluster, JobConfig, ModelChoice, Output, Period, Tiles
from jobs.run import Outcome, run

SCENE = SimulatedParameters(
    west=370_680, north=8_592_480, rows=96, columns=112, start=date(2022, 1, 1), end=date(2025, 1, 1), orbits=("002",)
)
"""A clearing of 41 ha begins in May 2024: 33 x 31 cells from row and column 35 on, across the edges of tiles of 40 and 64."""
BANDS = ("nir", "swir2", "qa")
MONITOR_FROM = date(2024, 1, 1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FILE_DATE = re.compile(r"_(\d{8})\.tif$")


def write_scenes(folder: Path) -> Path:
    """Every scene of SCENE as `SIM_<sensor>_<path>_<yyyymmdd>.tif`, uint16, bands nir, swir2, qa."""
    source = Simulated(SCENE)
    grid = source.grid()
    raw = source.read(grid, source.manifest(0, 10**6), BANDS)
    place = {
        "width": grid.shape[1],
        "height": grid.shape[0],
        "count": len(BANDS),
        "crs": grid.crs,
        "transform": grid.transform,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for scene, numbers in zip(raw.scenes, raw.values, strict=True):
        with rasterio.open(
            folder / f"{scene.id}.tif", "w", driver="GTiff", dtype="uint16", compress="deflate", **place
        ) as file:
            file.write(numbers)
    return folder


def config(scenes: Path, folder: Path, *, tile: int = 256, workers: int = 0, **changes: Any) -> JobConfig:
    """The small job on a folder of scenes."""
    pattern = r"SIM_(?P<platform>[A-Z]{2}\d\d)_\d{3}_(?P<date>\d{8})\.tif"
    source = FilesParameters(folder=scenes, layout="dated", pattern=pattern, bands=BANDS, sensor="landsat-c2l2")
    made = JobConfig(
        name="small",
        sources=source,
        period=Period(monitor_from=MONITOR_FROM),
        history=History(forest_min=0.5),
        model=ModelChoice(name=None),
        cluster=Cluster(workers=workers),
        tiles=Tiles(size=tile),
        output=Output(folder=folder),
    )
    return replace(made, **changes)


def start(scenes: Path, folder: Path, **changes: Any) -> Outcome:
    """Run the small job in a folder, its clock stopped."""
    return run(config(scenes, folder, **changes), now=lambda: NOON)


def link(scenes: Path, folder: Path, wanted: Callable[[date], bool] | Collection[str]) -> Path:
    """A folder with some of the scenes: those of wanted dates, or of wanted names; the others come later, or never."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(scenes.iterdir()):
        found = FILE_DATE.search(path.name)
        assert found
        day = datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date()
        if (wanted(day) if callable(wanted) else path.name in wanted) and not (folder / path.name).exists():
            os.link(path, folder / path.name)
    return folder


def alerts(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Features of the GeoJSON by id."""
    assert outcome.folder is not None
    found = json.loads((outcome.folder / "alerts.geojson").read_text())
    return {f["id"]: f for f in found["features"]}


def rasters(outcome: Outcome) -> Mapping[str, np.ndarray]:
    """The rasters by name."""
    assert outcome.folder is not None
    layers = {}
    for path in sorted(outcome.folder.glob("*.tif")):
        with rasterio.open(path) as file:
            layers[path.stem] = file.read(1)
    return layers


def same(one: Outcome, other: Outcome) -> None:
    """The same alerts, to the last figure, and the same rasters, to the last bit."""
    assert alerts(one) == alerts(other)
    _same_rasters(one, other)


def same_but_for_names(one: Outcome, other: Outcome) -> None:
    """The same, where alerts were told in another order: an id minted early stays, and what was wrong was taken back."""
    first, second = (sorted(map(_nameless, alerts(o).values())) for o in (one, other))
    assert [f for f in first if "retracted" not in f] == [f for f in second if "retracted" not in f]
    _same_rasters(one, other)


def _nameless(feature: dict[str, Any]) -> str:
    told = ("revision", "area_ha_new", "observed_at", "short_code", "merged_into", "previous_id")
    facts = {k: v for k, v in feature["properties"].items() if k not in told}
    return json.dumps([facts, feature["geometry"]], sort_keys=True)


def _same_rasters(one: Outcome, other: Outcome) -> None:
    a, b = rasters(one), rasters(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], name)
