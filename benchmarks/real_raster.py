"""The changes that a raster job found, pixel by pixel, as the series mode would list them."""

from pathlib import Path

import numpy as np

from detection.patches import CELL_LOG
from detection.types import Grid
from jobs import ledger
from jobs.config import load
from jobs.database import default_url, open_database
from jobs.memory import lattice_log
from jobs.plan import plan


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
            log = lattice_log(folder / "state", entry.state, tile.grid)
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
