"""What the maps of a history, and a layer of peat, hold within a territory: sums over cells and parts of cells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.codes import CHANGE_TYPES, COUNT_NODATA, DRIVERS, Segmented
from detection.context import Layer, covered, read_mask
from detection.errors import BadInput
from detection.types import Grid, Mask
from jobs.reports.areas.maps import NOTHING
from jobs.reports.areas.strata import Progress
from jobs.reports.cartography import step_of
from jobs.reports.coverage import weights, windows
from jobs.reports.rasters import Codes, Plane, open_codes, open_yearly
from jobs.reports.territory.asked import Maps
from jobs.reports.territory.picture import Picture, mosaic, thinned

CODED: Final = ("change_type", "driver")
"""Rasters that a history lacks where no model judged it."""
AGES: Final = "regrowth_age.tif"
"""Lacks where the index is one that loss raises."""
YEARS_END: Final = 10_000
"""From here on a number is no year, but stands for none."""
UNSAID: Final = "unclassified"
"""Type of a loss of which no model says anything."""


@dataclass(frozen=True)
class History:
    """The maps, opened."""

    folder: Path
    """Where they lie."""
    grid: Grid
    """Of the years of loss."""
    rasters: Mapping[str, Plane]
    """By layer: `loss_year`, `segmented`, and what else is there; of ages the last year."""
    years: range
    """That are told."""
    archive: tuple[int, int] | None
    """First and last year that the archive holds; None: not said."""
    simulated: bool
    """Does a file say that it is simulated?"""

    def read(self, name: str, part: Grid) -> Codes:
        """(y, x) numbers; NOTHING where there are none, or no such layer."""
        raster = self.rasters.get(name)
        return np.full(part.shape, NOTHING, np.int64) if raster is None else raster.codes(part)


@dataclass(frozen=True, order=True)
class Loss:
    """A kind of loss."""

    year: int
    """Of the last loss of a cell."""
    change_type: str
    """By the word of a model, one of `codes.CHANGE_TYPES`."""
    driver: str
    """One of `codes.DRIVERS`; empty: not said."""
    on_peat: bool
    """Does the layer of peat say that it was on peat?"""


@dataclass(frozen=True)
class Sums:
    """Hectares within a territory, as the maps count them."""

    watched: float = 0.0
    """Forest, at the beginning or later, whose archive can be read."""
    never: float = 0.0
    """Seen, and never forest."""
    blind: float = 0.0
    """Not seen often enough to say anything."""
    beyond: float = 0.0
    """Of the territory, outside of the maps."""
    losses: Mapping[Loss, float] = field(default_factory=dict)
    """All that the maps hold, also of years that are not told."""
    regrowth: Mapping[int, float] = field(default_factory=dict)
    """Whole years since it began -> standing at the end of the archive."""
    peat: float | None = None
    """On peat; None: no layer says."""
    peat_unsaid: float = 0.0
    """Of which the layer of peat says nothing."""

    def lost(self, years: Sequence[int], *kinds: str, on_peat: bool = False) -> float:
        """Of these years; of these types where any are named; on peat alone where asked."""
        return fsum(
            area
            for one, area in self.losses.items()
            if one.year in years and (not kinds or one.change_type in kinds) and (one.on_peat or not on_peat)
        )


def open_history(asked: Maps) -> History:
    """The maps of a folder.

    Raises BadInput: a file that is missing, broken, or not on our grids, and where nothing says which year is the last;
    GridMismatch for files that differ.
    """
    loss = open_codes(asked.folder / "loss_year.tif")
    rasters, archive = {"loss_year": loss, "segmented": open_codes(asked.folder / "segmented.tif", like=loss)}, None
    for name in CODED:
        if (asked.folder / f"{name}.tif").is_file():
            rasters[name] = open_codes(asked.folder / f"{name}.tif", like=loss)
    if (asked.folder / AGES).is_file():
        cube, years = open_yearly(asked.folder / AGES, like=loss)
        archive = min(years), max(years)
        rasters["regrowth_age"] = replace(cube, bands=(cube.bands[years[archive[1]]],))
    simulated = any(raster.simulated for raster in rasters.values())
    return History(asked.folder, loss.grid, rasters, _years(asked, archive), archive, simulated)


def _years(asked: Maps, archive: tuple[int, int] | None) -> range:
    last = asked.last_year or (archive[1] if archive else None)
    if last is None:
        raise BadInput(f"{asked.folder}: no {AGES} says which year is the last; give `last_year`")
    if archive and not archive[0] <= last <= archive[1]:
        raise BadInput(f"{asked.folder}: last_year {last} lies outside of its archive, {archive[0]} to {archive[1]}")
    return range(max(last - asked.years + 1, archive[0] if archive else 0), last + 1)


def gather(
    shape: BaseGeometry, grid: Grid, history: History | None, peat: Layer | None, progress: Progress
) -> tuple[Sums, Picture]:
    """Sums over the grid, window by window, and the map; shape: the territory in the grid's CRS. Raises BadInput."""
    step = step_of(grid.shape)
    thin = mosaic(grid, step)
    tally: dict[str, float] = defaultdict(float, {} if peat is None else {"peat": 0.0})
    losses: dict[Loss, float] = defaultdict(float)
    ages: dict[int, float] = defaultdict(float)
    parts = list(windows(grid, step))
    for done, part in enumerate(parts, 1):
        size = weights(shape, part)
        if size.any():
            ground = _peat(peat, part, size, tally)
            if history is not None:
                state = _state(history, part, size, tally)
                years = _losses(history, part, np.where(state == Segmented.SEGMENTED, size, 0.0), ground, losses)
                old = _ages(history, part, size, ages)
                thinned(thin, part, size, (state, years, old), history.years)
            else:
                thinned(thin, part, size, None, range(0))
        progress("cells", done, len(parts))
    sums = Sums(**tally, losses=dict(sorted(losses.items())), regrowth=dict(sorted(ages.items())))
    return sums, thin


def _peat(layer: Layer | None, part: Grid, size: NDArray[np.float64], tally: dict[str, float]) -> Mask:
    if layer is None:
        return np.zeros(part.shape, np.bool_)
    ground = read_mask(layer, part)
    tally["peat"] += float(size[ground].sum())
    tally["peat_unsaid"] += float(size[~covered(layer, part)].sum())
    return ground


def _state(history: History, part: Grid, size: NDArray[np.float64], tally: dict[str, float]) -> Codes:
    """(y, x) why a cell can or cannot be spoken of."""
    state = history.read("segmented", part)
    beyond = (state == NOTHING) | (state == Segmented.OUTSIDE)
    watched, never = state == Segmented.SEGMENTED, state == Segmented.NOT_FOREST
    for name, mine in (
        ("beyond", beyond), ("watched", watched), ("never", never), ("blind", ~(beyond | watched | never))
    ):  # fmt: skip
        tally[name] += float(size[mine].sum())
    return np.where(beyond, Segmented.OUTSIDE, state)


def _losses(history: History, part: Grid, size: NDArray[np.float64], ground: Mask, losses: dict[Loss, float]) -> Codes:
    """(y, x) year of loss, 0 where there is none or the cell does not count; sums are added up."""
    years = history.read("loss_year", part)
    there = (size > 0) & (years > 0) & (years < YEARS_END)
    kinds, drivers = (np.maximum(history.read(name, part), 0)[there] for name in ("change_type", "driver"))
    columns = np.stack([years[there], kinds, drivers, ground[there].astype(np.int64)])
    found, place = np.unique(columns, axis=1, return_inverse=True)
    areas = np.bincount(place.ravel(), size[there], found.shape[1])
    for (year, kind, driver, on_peat), area in zip(found.T.tolist(), areas.tolist(), strict=True):
        losses[Loss(year, _named(CHANGE_TYPES, kind) or UNSAID, _named(DRIVERS, driver), bool(on_peat))] += area
    return np.where(there, years, 0)


def _named(names: Sequence[str], code: int) -> str:
    """As `models.kinds.coded` numbers them; empty for what is not said."""
    return names[code - 1] if 1 <= code <= len(names) else ""


def _ages(history: History, part: Grid, size: NDArray[np.float64], ages: dict[int, float]) -> Codes:
    """(y, x) age of regrowth, 0 where none stands; sums are added up."""
    old = history.read("regrowth_age", part)
    old = np.where((old > 0) & (old != COUNT_NODATA), old, 0)
    there = (old > 0) & (size > 0)
    found, place = np.unique(old[there], return_inverse=True)
    for age, area in zip(found.tolist(), np.bincount(place, size[there], len(found)).tolist(), strict=True):
        ages[age] += area
    return old
