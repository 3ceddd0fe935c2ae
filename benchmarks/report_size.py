"""How large may a report of areas be? A million boundaries and 10,000 samples; and a raster of a whole nation. SIMULATED.

    python benchmarks/report_size.py

The goal: a million polygons and 10,000 samples in under 5 minutes and 4 GB on 2 cores. Every row is a process of its own.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

EDGE: Final = 1000
"""Polygons along a side."""
CELLS: Final = 8
"""Cells of 30 m from one polygon to the next."""
NATION: Final = (29_000, 26_000)
"""Rows and columns of 30 m: 68 million hectares, the forests of Peru."""
SAMPLES: Final = 10_000


def main() -> None:
    """Print and record."""
    from results import record

    lines = [
        "SIMULATED: a map of blobs; squares of 210 m, of which one in a hundred overlaps its neighbour. Measured are reading,",
        "checking overlaps, strata, sample, answers and estimates; not the making of the input. Goal: 300 s, 4 GB, 2 cores.",
        "",
        "| what | cells | polygons | samples | seconds | of CPU | peak GB | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for what in ("polygons", "nation"):
            made = subprocess.run([sys.executable, __file__, what, folder], check=True, capture_output=True, text=True)
            found = json.loads(made.stdout.splitlines()[-1])
            cells = [
                f"{found['cells']:,}",
                f"{found['polygons']:,}",
                f"{SAMPLES:,}",
                f"{found['seconds']:.0f}",
                f"{found['cpu']:.0f}",
                f"{found['gb']:.2f}",
            ]
            lines.append(f"| {what} | {' | '.join(cells)} | {found['said']} |")
            print(lines[-1], flush=True)
    record("Size of reports of areas", lines, "python benchmarks/report_size.py")


def run(what: str, folder: Path) -> dict[str, Any]:
    """Make the input in another process, so that its memory is not counted; then the report."""
    from jobs.reports.areas.asked import AreaReport, Boundaries, GeotiffMap, Sampling, Stratum
    from jobs.reports.areas.report import report

    subprocess.run([sys.executable, __file__, f"make-{what}", str(folder)], check=True)
    shape = (EDGE * CELLS, EDGE * CELLS) if what == "polygons" else NATION
    layers = (Boundaries(name="parcels", path=folder / "parcels.gpkg", id_column="code"),) if what == "polygons" else ()
    asked = AreaReport(
        map=GeotiffMap(path=folder / f"{what}.tif"),
        place="Somewhere",
        first=date(2020, 1, 1),
        last=date(2022, 12, 31),
        strata=(Stratum(name="loss", codes=(1,)), Stratum(name="stable forest", codes=(2,))),
        sampling=Sampling(samples=SAMPLES, least=2000),
        boundaries=layers,
    )
    begun = time.perf_counter()
    drawn = report(asked)
    seconds = time.perf_counter() - begun
    _interpret(drawn.files["sample.csv"].decode(), folder / "answers.csv")
    from dataclasses import replace

    from jobs.reports.areas.asked import Answered

    begun, busy = time.perf_counter(), time.process_time()
    made = report(replace(asked, answers=Answered(path=folder / "answers.csv", format="sepal")))
    again, busy = time.perf_counter() - begun, time.process_time() - busy
    tables = {one.name: len(one.rows) for one in made.tables}
    said = f"design alone {seconds:.0f} s; " + ", ".join(
        f"{n:,} rows of {name}" for name, n in tables.items() if n > 20
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    polygons = EDGE * EDGE if what == "polygons" else 0
    return {"seconds": again, "cpu": busy, "gb": peak, "cells": shape[0] * shape[1], "polygons": polygons, "said": said}


def _interpret(sample: str, path: Path) -> None:
    """Nine of ten answers as the map has it."""
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "ref_code", "map_code"])
        for row in csv.DictReader(sample.splitlines()):
            code = 1 if row["stratum"] == "loss" else 2
            writer.writerow([row["id"], code if rng.random() < 0.9 else 3 - code, code])


def make(what: str, folder: Path) -> None:
    """Write a map of loss and forest, and the squares."""
    import rasterio
    from affine import Affine
    from rasterio.windows import Window

    shape = (EDGE * CELLS, EDGE * CELLS) if what == "polygons" else NATION
    rng = np.random.default_rng(1)
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "uint8",
        "nodata": 0,
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
    }
    where = {
        "crs": "EPSG:32718",
        "transform": Affine(30, 0, 180_000, 0, -30, 9_900_000),
        "height": shape[0],
        "width": shape[1],
    }
    with rasterio.open(folder / f"{what}.tif", "w", **profile, **where, compress="DEFLATE") as raster:
        for row in range(0, shape[0], 2048):
            for column in range(0, shape[1], 2048):
                rows, columns = min(2048, shape[0] - row), min(2048, shape[1] - column)
                blobs = np.kron(rng.random((rows // 8 + 1, columns // 8 + 1)) < 0.01, np.ones((8, 8), np.bool_))
                codes = np.where(blobs[:rows, :columns], 1, 2).astype(np.uint8)
                raster.write(codes, 1, window=Window(column, row, columns, rows))
    if what == "polygons":
        _squares(folder / "parcels.gpkg", rng)


def _squares(path: Path, rng: np.random.Generator) -> None:
    import pyarrow as pa
    import pyogrio
    import shapely

    x, y = (
        one.ravel()
        for one in np.meshgrid(np.arange(EDGE) * 240.0 + 180_015, 9_900_000 - np.arange(1, EDGE + 1) * 240.0 + 15)
    )
    wide = np.where(rng.random(len(x)) < 0.01, 250.0, 210.0)
    wide = np.minimum(wide, 180_000 + EDGE * 240 - x)
    table = pa.table(
        {"code": [f"p{i:07d}" for i in range(len(x))], "geometry": shapely.to_wkb(shapely.box(x, y, x + wide, y + 210))}
    )
    pyogrio.write_arrow(
        table, path, layer="parcels", driver="GPKG", geometry_name="geometry", geometry_type="Polygon", crs="EPSG:32718"
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1].startswith("make-"):
        make(sys.argv[1].removeprefix("make-"), Path(sys.argv[2]))
    else:
        print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
