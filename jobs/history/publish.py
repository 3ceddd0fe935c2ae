"""The products of a history: maps, polygons, a table by year, STAC, manifest. Whole or not at all."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import fsum
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from detection.codes import COUNT_NODATA, NOT_YET, TURN_COLOUR, Turn
from detection.context import describe
from detection.patches.yearly import YearPatch
from detection.segments.recovery import NOT_REACHED, summary
from detection.types import Grid, to_date
from jobs.history.maps import Layers
from jobs.history.standing import ages, hectares
from jobs.history.word import ByCell
from jobs.history.yearly import Levels, period, step
from jobs.outputs import RunFacts, publish
from jobs.outputs.folders import write_manifest
from jobs.outputs.rasters import write_rasters, write_yearly
from jobs.outputs.stac import write_stac
from jobs.outputs.tables import CHANGES, Row
from jobs.outputs.vectors import number, write_sheet
from jobs.plan import HistoryPlan
from models.decide import Judged

AREAS: Final = "areas.csv"
REGROWTH: Final = "regrowth.csv"
MAPPED: Final = "mapped area, not an unbiased estimate of area"


@dataclass(frozen=True)
class Made:
    """What the tiles of an archive come to."""

    layers: Layers
    """(y, x) of the whole grid, by name."""
    patches: Sequence[YearPatch]
    """The changes, as polygons."""
    stands: NDArray[Any]
    """CELL_STAND rows of `jobs.history.standing`."""
    levels: Levels
    """The index of every year of the archive."""
    said: Judged | None = None
    """What a model says of the losses; None without one."""


def write_products(folder: Path, work: HistoryPlan, made: Made, *, run: RunFacts, manifest: Mapping[str, Any]) -> None:
    """Write all products of a run into an empty folder."""
    layers, patches = made.layers, made.patches
    files = [*write_rasters(layers, folder, run=run), *_standing(work, made, folder, run)]
    files += _index(work, made.levels, folder, run)
    word = ByCell(made.said)
    facts = [_facts(work, patch, run) | word.row(patch) | _recovery(layers, patch, work.grid) for patch in patches]
    files += write_sheet(CHANGES, facts, [p.cells for p in patches], folder, colours=TURN_COLOUR, run=run)
    publish(folder / AREAS, _areas(patches))
    write_manifest(folder, manifest)
    write_stac(folder, [*files, folder / AREAS], run=run)


def _standing(work: HistoryPlan, made: Made, folder: Path, run: RunFacts) -> list[Path]:
    """The ages of regrowth year by year. None of an index that loss raises: it has no level of which to regain a share."""
    if work.config.prepare.loss != "lowers":
        return []
    years = period(work.scenes)
    old = ages(made.stands, years, work.grid, made.layers["segmented"])
    publish(folder / REGROWTH, _regrowth(made.stands, years))
    return [folder / REGROWTH, *write_yearly("regrowth_age", old, years, folder, run=run)]


def _index(work: HistoryPlan, found: Levels, folder: Path, run: RunFacts) -> list[Path]:
    """The index of every year, as it is: also of one that loss raises."""
    tags = {"INDEX": work.config.prepare.index}
    return write_yearly("index_yearly", found.stored, period(work.scenes), folder, run=run, scale=step(work), tags=tags)


def kind_of(patch: YearPatch) -> str:
    """The word for what the change was."""
    return patch.turn.name.lower()


def _facts(work: HistoryPlan, patch: YearPatch, run: RunFacts) -> Row:
    return {
        "id": _ident(patch, run),
        "collection": run.collection,
        "kind": kind_of(patch),
        "year": patch.year,
        "first_day": to_date(patch.first_day),
        "last_day": to_date(patch.last_day),
        "area_ha": number(patch.hectares, 9),
        "area_is_estimate": False,
        "mmu_ha": work.config.polygons.minimum_mapping_unit_ha,
        "gsd_m": run.grid.resolution,
        "count": len(patch.cells),
        "magnitude": number(patch.magnitude, 6),
        "magnitude_metric": work.config.prepare.index,
        "probability": number(patch.probability, 4),
        "baseline": describe(work.config.context),
        "detected_by": run.detected_by,
        "simulated": run.simulated,
    }


def _recovery(layers: Layers, patch: YearPatch, grid: Grid) -> Row:
    """How far the cells whose last loss this was have come back; null of other kinds of change."""
    rows, columns = (patch.cells - [grid.first_row, grid.first_column]).T
    mine = (layers["loss_year"][rows, columns] == patch.year) & (patch.turn == Turn.LOSS)
    back, years = layers["r80p"][rows, columns].astype(np.float64), layers["y2r"][rows, columns].astype(np.float64)
    years[years == COUNT_NODATA], years[years == NOT_YET] = np.nan, NOT_REACHED
    r80p, y2r = summary("r80p", back, mine), summary("y2r", years, mine)
    return {"r80p": number(r80p.mean, 4), "y2r": number(y2r.mean, 2), "recovered_share": number(y2r.recovered, 4)}


def _ident(patch: YearPatch, run: RunFacts) -> str:
    """The same for the same kind, year and first cell of a collection, whatever the tiling."""
    row, column = patch.cells[0].tolist()
    return str(
        uuid5(NAMESPACE_URL, f"{run.collection}/{run.grid.lattice}/{kind_of(patch)}/{patch.year}/{row}/{column}")
    )


def _areas(patches: Sequence[YearPatch]) -> bytes:
    """`areas.csv`: what the polygons add up to, by year and kind."""
    by: dict[tuple[int, str], list[float]] = {}
    for patch in patches:
        by.setdefault((patch.year, kind_of(patch)), []).append(patch.hectares)
    rows = ([*key, f"{fsum(found):.4f}", len(found), MAPPED] for key, found in sorted(by.items()))
    return _table(["year", "kind", "hectares", "polygons", "note"], rows)


def _regrowth(stands: NDArray[Any], years: Sequence[int]) -> bytes:
    """`regrowth.csv`: the hectares of all cells on which regrowth stands, by year and age, no mapping unit left out."""
    rows = ([year, name, f"{area:.4f}", MAPPED] for year, name, area in hectares(stands, years))
    return _table(["year", "age_years", "hectares", "note"], rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue().encode()


def place(layers: Layers, parts: Layers, at: tuple[int, int], shape: tuple[int, int]) -> None:
    """Lay a tile's layers into those of the whole grid, in place."""
    window = np.s_[at[0] : at[0] + shape[0], at[1] : at[1] + shape[1]]
    for name, values in parts.items():
        whole: NDArray[Any] = layers[name]
        whole[window] = values
