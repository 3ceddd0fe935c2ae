"""Seven intervals of five years around Pucallpa, Ucayali: where forest went, beside the river and away from it. Real Landsat.

    python benchmarks/pucallpa.py [--map FILE]

The composites of the shared folder (README there) are stretched for the eye and have no labels: the index has no unit that
another place shares, and nothing here is an accuracy. Water is where green is brighter than NIR; the corridor is all ground
within 1 km of what was water in any year. In it the Ucayali takes forest and gives sand; a loss there is mostly its work.
"""

import argparse
import os
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from results import record
from scipy.ndimage import distance_transform_edt

from detection.codes import Turn
from detection.monitors import Looks
from detection.segments.landtrendr import Landtrendr, segments
from detection.types import SECONDS_A_DAY, Scene, to_date, to_day

YEARS: Final = tuple(range(1985, 2021, 5))
CORRIDOR_M: Final = 1000.0
METRES_A_DEGREE: Final = 111_195.0
"""On a sphere of 6371 km: hectares to a few parts in a thousand."""
FOREST: Final = 0.2
"""Index of what counts as forest before a loss: the upper mode of the histogram of 1985 begins there (chosen by eye)."""


def layers(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64], float]:
    """((year, y, x) index, (y, x) was it ever water, (y,) hectares of a cell, metres of a cell)."""
    index, water = [], []
    for year in YEARS:
        with rasterio.open(folder / f"{year}.tif") as file:
            swir, nir, _, green = file.read().astype(np.float32)
            step, top, rows = file.res[1], file.bounds.top, file.height
        seen = (nir + swir > 0) & (nir + green > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            index.append(np.where(seen, (nir - swir) / (nir + swir), np.float32(np.nan)))
            water.append(seen & (green > nir))
    latitude = np.radians(top - step * (np.arange(rows) + 0.5))
    side = step * METRES_A_DEGREE
    return np.stack(index), np.stack(water).any(0), side * side * np.cos(latitude) / 10_000, side


def main() -> None:
    """Segment, add up, record."""
    shared = os.environ.get("SACHAWATCH_SHARED", str(Path(__file__).parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--map", type=Path, help="PNG of the losses by interval, to be looked at")
    given = parser.parse_args()
    index, water, hectares, side = layers(Path(shared) / "data" / "pucallpa-landsat")
    shape = index.shape[1:]
    scenes = tuple(Scene(to_day(date(y, 7, 1)) * SECONDS_A_DAY, "landsat", str(y)) for y in YEARS)
    looks = Looks(scenes, index.reshape(len(YEARS), 1, -1))
    found = segments(Landtrendr(forest_min=FOREST), looks, inside=np.ones(water.size, np.bool_))
    lost = found.changes[found.changes["turn"] == Turn.LOSS]
    near = distance_transform_edt(~water) * side <= CORRIDOR_M
    area = np.broadcast_to(hectares[:, None], shape).ravel()
    lines = [
        f"Real Landsat, {shape[0]} x {shape[1]} cells of about {side:.0f} m; {area.sum():,.0f} ha, of them",
        f"{area[near.ravel()].sum():,.0f} in the corridor. Landtrendr at its defaults, losses from an index of 0.2 or more.",
        "No truth, no accuracy: hectares as mapped.",
        "",
        "| interval | lost outside the corridor, ha | inside, ha | inside and water at some time, ha |",
        "|---|---|---|---|",
        *_rows(lost, near.ravel(), water.ravel(), area),
        "",
        "The first and the last interval can have none: a loss needs two values on either side.",
    ]
    print("\n".join(lines))
    record("Pucallpa", lines, "python benchmarks/pucallpa.py")
    if given.map:
        _draw(given.map, lost, near, water)


def _rows(
    lost: NDArray[Any], near: NDArray[np.bool_], water: NDArray[np.bool_], area: NDArray[np.float64]
) -> list[str]:
    rows = []
    for first, last in pairwise(YEARS):
        pixels = lost["pixel"][[to_date(int(d)).year == last for d in lost["day"]]]
        parts = [pixels[~near[pixels]], pixels[near[pixels]], pixels[water[pixels]]]
        rows.append(f"| {first} to {last} | " + " | ".join(f"{area[p].sum():,.0f}" for p in parts) + " |")
    return rows


def _draw(path: Path, lost: NDArray[Any], near: NDArray[np.bool_], water: NDArray[np.bool_]) -> None:
    """Losses by year on water and corridor."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    year = np.full(water.size, np.nan)
    year[lost["pixel"]] = [to_date(int(d)).year for d in lost["day"]]
    figure, panel = plt.subplots(figsize=(12, 7), layout="constrained")
    panel.imshow(
        np.where(water, 2, np.where(near, 1, 0)),
        cmap=matplotlib.colors.ListedColormap(["#e8efe8", "#f7ead0", "#9ecae1"]),
    )
    image = panel.imshow(year.reshape(water.shape), cmap="plasma", vmin=1990, vmax=2020)
    panel.set(
        title="Pucallpa: losses by the first year after them; water at any time blue, 1 km corridor sand",
        xticks=[],
        yticks=[],
    )
    figure.colorbar(image, ax=panel, shrink=0.6)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
