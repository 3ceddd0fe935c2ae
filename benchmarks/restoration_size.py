"""How long a report of restoration takes: a register of many areas on a synthetic archive of thirty-six years.

`python benchmarks/restoration_size.py [AREAS]`. The archive is noise around falls and rises, repeated block by block: it says
nothing of any accuracy. What is timed is the whole command, from the register to the files, in one process.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyogrio.raw
import rasterio
import results
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from detection.areas import LONLAT, project
from detection.codes import Segmented

SIDE: Final = 5_120
"""Cells a side: 154 km of 30 m."""
BLOCK: Final = 512
YEARS: Final = range(1989, 2025)
CELLS: Final = (4, 11)
"""Sides of an area, cells: 50 cells on average."""
WEST, NORTH = 300_000, 8_800_020
AREAS: Final = 100_000
CONFIG: Final = """kind: report
name: many
place: Synthetic
simulated: true
restoration:
  registers: [{name: many, path: many.gpkg}]
  recovery: {history: archive, baseline_first: 2011, baseline_last: 2020}
  exchange: {project: PE-M, year: 2024}
output: {folder: out}
"""


def archive(folder: Path) -> None:
    """Write the rasters of a history."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    years = np.arange(len(YEARS))[:, None, None]
    fall = rng.integers(5, 34, (BLOCK // 8, BLOCK // 8)).repeat(8, 0).repeat(8, 1)
    back = np.where(rng.random((BLOCK // 8, BLOCK // 8)) < 0.6, 0.1, 0.0).repeat(8, 0).repeat(8, 1)
    back[: BLOCK // 2, : BLOCK // 2] = np.nan  # a quarter was never lost
    level = np.where(years < fall, 0.7, np.minimum(0.15 + back * (years - fall), 0.7))
    stored = np.rint((np.where(np.isnan(back), 0.7, level) + rng.normal(0, 0.02, level.shape)) * 10_000).astype(
        np.int16
    )
    lost = np.where(np.isnan(back), 0, fall + YEARS.start).astype(np.uint16)
    _write(folder / "index_yearly.tif", stored)
    _write(folder / "loss_year.tif", lost[None])
    _write(folder / "segmented.tif", np.full((1, BLOCK, BLOCK), Segmented.SEGMENTED, np.uint8))


def _write(path: Path, block: NDArray[Any]) -> None:
    where = {
        "crs": "EPSG:32719",
        "transform": rasterio.Affine(30, 0, WEST, 0, -30, NORTH),
        "width": SIDE,
        "height": SIDE,
    }
    how = {
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "DEFLATE",
        "zlevel": 1,
        "interleave": "pixel",
    }
    profile = {"driver": "GTiff", "count": len(block), "dtype": block.dtype.name, "bigtiff": "YES"}
    with rasterio.open(path, "w", **profile, **where, **how) as file:
        for top in range(0, SIDE, BLOCK):
            for left in range(0, SIDE, BLOCK):
                file.write(block, window=Window(left, top, BLOCK, BLOCK))
        if len(block) > 1:
            file.scales = (0.0001,) * len(block)
            for place, year in enumerate(YEARS, 1):
                file.set_band_description(place, str(year))
        file.update_tags(SIMULATED="true", INDEX="nbr")


def register(path: Path, many: int) -> None:
    """Write areas as a GeoPackage with the columns of the Peruvian mapping: rectangles anywhere, some of them over others."""
    rng = np.random.default_rng(2)
    size = rng.integers(*CELLS, (many, 2)) * 30.0
    at = rng.uniform(0, SIDE * 30 - CELLS[1] * 30, (many, 2))
    west, south = WEST + at[:, 0], NORTH - SIDE * 30 + at[:, 1]
    shapes = project(shapely.box(west, south, west + size[:, 0], south + size[:, 1]), "EPSG:32719", LONLAT)  # type: ignore[arg-type]
    values = {
        "codigo": np.array([f"A-{n:06d}" for n in range(many)], object),
        "titulo": np.array([f"Área {n}" for n in range(many)], object),
        "departamento": rng.choice(["Loreto", "Ucayali", "Madre de Dios"], many).astype(object),
        "anio_inicio": rng.integers(2005, 2022, many), "actividades": rng.choice(["4", "4; 6", "24"], many).astype(object),
    }  # fmt: skip
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        list(values.values()),
        list(values),
        driver="GPKG",
        geometry_type="Polygon",
        crs=LONLAT,
    )


def main() -> None:
    """Measure and record."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else AREAS
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive(folder / "archive")
        register(folder / "many.gpkg", many)
        (folder / "report.yaml").write_text(CONFIG, encoding="utf-8")
        begun = time.monotonic()
        command = [sys.executable, "-m", "jobs.cli", "report", "restoration", "report.yaml"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        print(done.stdout, done.stderr[-2000:])
        done.check_returncode()
        lines = done.stderr.count("\n")
        size = sum(one.stat().st_size for one in (folder / "out").rglob("*") if one.is_file() and not one.is_symlink())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    told = [
        f"SYNTHETIC: {many:,} areas of {CELLS[0]} to {CELLS[1] - 1} cells a side, {SIDE:,} x {SIDE:,} cells, {len(YEARS)} years,",
        f"1,000 draws of the bootstrap for each: {seconds:.0f} s from the register to all files ({size / 1e6:.0f} MB),",
        f"one process, at most {peak:.1f} GB of memory, {lines} lines of progress. Goal: under 600 s.",
    ]
    print("\n".join(told))
    results.record("Restoration of many areas", told, "python benchmarks/restoration_size.py")


if __name__ == "__main__":
    main()
