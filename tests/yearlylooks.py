"""Real series as looks at a row of pixels."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio

from detection.monitors import Looks
from detection.types import SECONDS_A_DAY, Scene, to_day


def colorado(table: pd.DataFrame) -> tuple[list[str], Looks]:
    """The series of the long table in the order of their names, and a look a day."""
    wide = table.pivot_table(index="date", columns="series_id", values="value", aggfunc="last").sort_index()
    scenes = tuple(_scene(day, str(i)) for i, day in enumerate(wide.index))
    return list(wide.columns), Looks(scenes, np.ascontiguousarray(wide.to_numpy(np.float32)[:, None]))


def borneo(shared: Path) -> tuple[list[str], Looks]:
    """All pixels of the square, row by row, and the looks of all three sensors."""
    folder = shared / "data" / "borneo-ndmi"
    bands = pd.read_csv(folder / "bands.csv").sort_values(["date", "scene"], kind="stable")
    layers = {}
    for name in bands.file.unique():
        with rasterio.open(folder / name) as file:
            layers[name] = file.read()
    values = np.stack([layers[look.file][look.band - 1] for look in bands.itertuples()])
    scenes = tuple(_scene(look.date, f"{i:04d}") for i, look in enumerate(bands.itertuples()))
    ids = [f"BO_{r:02d}_{c:02d}" for r in range(values.shape[1]) for c in range(values.shape[2])]
    return ids, Looks(scenes, values.reshape(len(scenes), 1, -1).astype(np.float32))


def _scene(day: str, name: str) -> Scene:
    return Scene(to_day(date.fromisoformat(day[:10])) * SECONDS_A_DAY, "landsat", name)
