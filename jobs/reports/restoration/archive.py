"""The products of a history that recovery is measured on: its index year by year, and where forest was never lost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from detection.codes import NO_YEAR, Segmented
from detection.errors import BadInput
from detection.sources.rasters import opened
from detection.types import digest
from jobs.reports.areas.maps import shared_cells
from jobs.reports.rasters import WINDOW, Plane, open_codes, open_yearly
from jobs.reports.restoration.cells import Cells, Numbers

FILES: Final = ("index_yearly.tif", "segmented.tif", "loss_year.tif")
THINNED: Final = 4
"""Of intact forest every fourth row and column is looked at: neighbours say the same."""
LEAST: Final = 25
"""Cells of intact forest looked at in a block, at least, that say how high the index stands there (chosen)."""


@dataclass(frozen=True)
class Archive:
    """A history, opened."""

    folder: Path
    """Of its products."""
    index: str
    """Name of the index, e.g. `nbr`."""
    plane: Plane
    """Its index, a band a year."""
    years: Mapping[int, int]
    """Year -> place of its band."""
    segmented: Plane
    """Codes of `Segmented`."""
    loss_year: Plane
    """Year of the last loss."""
    imagery: str
    """Which images it was made of: run, how many scenes, and the beginning of their digest."""
    levels: dict[tuple[int, int], float | None] = field(default_factory=dict, compare=False, repr=False)
    """What `intact` has found, by block."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files."""
        return tuple(self.folder / name for name in FILES)

    def intact(self, cells: Cells, first: int, last: int) -> float | None:
        """Median of the index, of two years inclusive, in forest that was never lost, in the block of the lattice in which the
        middle of an area lies (512 cells a side, 15 km of 30 m); None where there is too little of it."""
        key = int(np.median(cells.rows)) // WINDOW, int(np.median(cells.columns)) // WINDOW
        if key not in self.levels:
            self.levels[key] = self._level(key, [self.years[year] for year in range(first, last + 1)])
        return self.levels[key]

    def _level(self, key: tuple[int, int], places: list[int]) -> float | None:
        grid = self.plane.grid
        row, column = key[0] * WINDOW - grid.first_row, key[1] * WINDOW - grid.first_column
        part = grid.window(row, column, WINDOW, WINDOW)
        here = shared_cells(grid, part)[0]
        forest = (self.segmented.codes(part) == Segmented.SEGMENTED) & (self.loss_year.codes(part) == NO_YEAR)
        thin = np.zeros(part.shape, np.bool_)
        thin[here] = True
        thin[np.arange(WINDOW) % THINNED != 0] = False
        thin[:, np.arange(WINDOW) % THINNED != 0] = False
        values: Numbers = self.plane.numbers(part, places)[:, forest & thin]
        seen = np.isfinite(values)
        return float(np.median(values[seen])) if seen.any(0).sum() >= LEAST else None


def open_archive(folder: Path) -> Archive:
    """The products of a job of kind history. Raises BadInput: a file is missing or broken, years with a gap; GridMismatch."""
    index, years = open_yearly(_there(folder, FILES[0]))
    if sorted(years) != list(range(min(years), max(years) + 1)):
        raise BadInput(f"{FILES[0]}: its years have gaps; run the history again, which writes every year")
    with opened(folder / FILES[0]) as source:
        name = str(source.tags().get("INDEX", ""))
    if not name:
        raise BadInput(f"{FILES[0]}: does not say which index it holds (tag INDEX); run the history again")
    segmented, loss = (open_codes(_there(folder, one), like=index) for one in FILES[1:])
    return Archive(folder, name, index, years, segmented, loss, _imagery(folder))


def _there(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise BadInput(f"{folder}: holds no {name}; give the folder of the products of a history job, or run it again")
    return folder / name


def _imagery(folder: Path) -> str:
    """Out of the manifest beside the maps, as far as it says."""
    try:
        said = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        days = sorted(one["instant"][:10] for one in said["inputs"])
        platforms = ", ".join(sorted({one["platform"] for one in said["inputs"]}))
        return f"run {said['run']}: {len(days)} scenes of {platforms}, {days[0]} to {days[-1]}, {digest([said['inputs']])[:12]}"
    except (OSError, ValueError, LookupError, TypeError):
        return "not said: no manifest beside the maps"
