"""Real input with truth, through the command line, with the shipped defaults: series sets and the Borneo raster job.

    python benchmarks/real_series.py [--shared FOLDER]

The folder holds data/ and checks/ (default: SACHAWATCH_SHARED, else ../shared beside this repository). Results go to
benchmarks/RESULTS.md. These sets judge the defaults; they were chosen on borneo alone (section "How the defaults were chosen").
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from results import record

from detection.patches import CELL_LOG
from detection.types import Grid
from jobs import ledger
from jobs.config import load
from jobs.database import default_url, open_database
from jobs.plan import plan
from jobs.tile import Task, lattice_log

ROOT = Path(__file__).parents[1]
SETS = (
    ("borneo", "series-index", "2013-01-01", None),
    ("colorado", "series-index", "1994-01-01", None),
    ("myanmar", "series-radar", "2016-01-01", None),
    ("pixels", "series-index", "2023-01-01", "sichuan-fire"),
    ("pixels", "series-index", "2015-07-01", "bolivia"),
)


def sachawatch(*words: str | Path) -> None:
    """The installed command line, as a user runs it."""
    subprocess.run(
        [sys.executable, "-m", "jobs.cli", *map(str, words)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
    )


def scorer(shared: Path) -> ModuleType:
    """The scorer that lies beside the truth tables."""
    spec = importlib.util.spec_from_file_location("score", shared / "checks" / "score.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{shared}/checks/score.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score_set(shared: Path, name: str, config: str, since: str, only: str | None, work: Path) -> list[str]:
    """Run one set and put its figures into words."""
    out = work / f"{name}-{only or 'all'}.csv"
    table = shared / "checks" / "series" / f"{name}.csv.gz"
    sachawatch("series", table, "--config", ROOT / "configs" / f"{config}.yaml", "--out", out, "--monitor-from", since)
    score = scorer(shared)
    truth, found = score.load_truth(shared / "checks" / "truth" / f"{name}.csv"), score.load_detections(out)
    watched = pd.read_csv(f"{out}.series.csv", dtype={"series_id": str})
    if only:
        truth, found, watched = (t[t.series_id == only] for t in (truth, found, watched))
        dates = found[["first_detected", "confirmed_on", "change_date"]].astype(str).values.tolist()
        return [
            f"- `{name}` / {only}, {config}, from {since}: [first detected, confirmed, change] {dates or 'nothing found'}"
        ]
    watched = watched[watched.series_id.isin(truth.series_id)]
    return _in_words(score.score(truth, found, boot=200), f"`{name}`, {config}, from {since}", watched)


def _in_words(result: dict[str, Any], title: str, watched: pd.DataFrame) -> list[str]:
    missing = (watched.status != "monitored").mean()
    lines = [f"- {title}: {len(watched)} series, {missing:.3f} of them not monitored (they count as misses)"]
    for stage in ("first", "confirmed"):
        q = result[stage]
        lag = q.get("latency", {})
        lines.append(
            f"  - {stage}: producer's {q['producers']}, user's {q['users']}, {q['hits']} of {q['n_events']} events, "
            f"{q['false_alarms']} false alarms; stable series flagged {q['stable_series_flagged']} of {q['stable_series']}; "
            f"Kaplan-Meier median {lag.get('km_median')} d; 95 % of producer's {q['ci95']['producers']}"
        )
    return lines


def raster_job(shared: Path, work: Path) -> list[str]:
    """The Borneo raster job, and the same pixels as a table: every date must be the same before the spatial step."""
    text = (ROOT / "configs" / "borneo-ndmi.yaml").read_text().replace("../../shared", str(shared))
    config = work / "borneo-ndmi.yaml"
    config.write_text(text + f"\noutput:\n  folder: {work}/out\ncluster:\n  workers: 0\n")
    sachawatch("run", config)
    by_raster = raster_dates(config)
    table, out = work / "borneo.parquet", work / "borneo.csv"
    grid = as_table(shared / "data" / "borneo-ndmi", table)
    sachawatch(
        "series", table, "--config", ROOT / "configs/series-index.yaml", "--out", out, "--monitor-from", "2013-01-01"
    )
    by_series = pd.read_csv(out, dtype={"series_id": str})[
        ["series_id", "first_detected", "confirmed_on", "change_date"]
    ]
    series = {tuple(map(str, row)) for row in by_series.fillna("").itertuples(index=False)}
    same = len(by_raster & series)
    equal = (
        f"- raster job and series mode on the same {grid} pixels, common mode off: {same} changes with equal dates, "
    )
    unequal = f"{len(by_raster - series)} only in the raster job, {len(series - by_raster)} only in the series"
    return [equal + unequal, *_score_rasters(shared, by_raster, work)]


def _score_rasters(shared: Path, changes: set[tuple[str, ...]], work: Path) -> list[str]:
    """The raster job's pixels against the truth table."""
    rows = pd.DataFrame(sorted(changes), columns=["series_id", "first_detected", "confirmed_on", "change_date"])
    path = work / "raster.csv"
    rows.to_csv(path, index=False)
    score = scorer(shared)
    truth = score.load_truth(shared / "checks" / "truth" / "borneo.csv")
    watched = pd.DataFrame({"series_id": truth.series_id.unique(), "status": "monitored"})
    return _in_words(score.score(truth, score.load_detections(path), boot=200), "the raster job's pixels", watched)


def raster_dates(config: Path) -> set[tuple[str, ...]]:
    """(pixel, first detected, confirmed, change) of every change in the job's log."""
    job = load(config)
    work = plan(job)  # type: ignore[arg-type]
    folder = job.output.folder / job.name  # type: ignore[union-attr]
    found: set[tuple[str, ...]] = set()
    known = {t.id: t for t in ledger.tiles(open_database(default_url(folder)), job.name)}
    for tile in work.tiles:
        entry = known[tile.id]
        if entry.state is not None:
            log = lattice_log(Task("", work, tile, folder / "state", entry.state, entry.looks), entry.state)
            found |= _changes(log, work.grid)
    return found


def _changes(log: np.ndarray, grid: Grid) -> set[tuple[str, ...]]:
    if log.dtype != CELL_LOG:
        raise TypeError(f"{log.dtype} is no log")
    made: list[list[str]] = []
    latest: dict[tuple[int, int], list[str]] = {}
    for row in log[np.argsort(log["instant"], kind="stable")]:
        cell, day = (int(row["row"]), int(row["column"])), str(np.datetime64(int(row["instant"]), "s"))[:10]
        if row["step"] == 1:
            # the covering grid begins one row north of the files: their corner is no multiple of 60 m
            name = f"BO_{cell[0] - grid.first_row - 1:02d}_{cell[1] - grid.first_column:02d}"
            latest[cell] = [name, day, "", str(np.datetime64(int(row["change_day"]), "D"))]
            made.append(latest[cell])
        elif row["step"] == 2:
            latest[cell][2] = day
    return {tuple(m) for m in made}


def as_table(folder: Path, out: Path) -> int:
    """The stacked files as a long table, values to the bit; returns the number of pixels."""
    bands = pd.read_csv(folder / "bands.csv")
    layers = {}
    for name in bands.file.unique():
        with rasterio.open(folder / name) as file:
            layers[name] = file.read()
    parts = []
    for look in bands.sort_values(["date", "scene"]).itertuples():
        values = layers[look.file][look.band - 1]
        rows, columns = np.nonzero(np.isfinite(values))
        ids = [f"BO_{r:02d}_{c:02d}" for r, c in zip(rows, columns, strict=True)]
        parts.append(pd.DataFrame({"series_id": ids, "date": look.date, "value": values[rows, columns]}))
    table = pd.concat(parts)
    table.to_parquet(out, index=False)
    return int(table.series_id.nunique())


def main() -> None:
    """Run every set and the raster job; print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("SACHAWATCH_SHARED", ROOT / "../shared")))
    shared = parser.parse_args().shared.resolve()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        lines = [line for one in SETS for line in score_set(shared, *one, work)]
        lines += raster_job(shared, work)
    print("\n".join(lines))
    record("Real input with truth", lines, "python benchmarks/real_series.py")


if __name__ == "__main__":
    main()
