"""The index year by year: at every cell the value of the look that stands for a year, whether it is forest or not.

What came after the losses says nothing of land that was bare when the archive began, and land that is to be restored often was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.monitors import Looks
from detection.segments import Annual
from detection.segments.annual import yearly
from detection.types import Float, Mask, Scene
from jobs.outputs.rasters import LAYERS
from jobs.plan import HistoryPlan

FINEST: Final = -4
"""Power of ten that is stored as 1, where the index needs no coarser one: that of reflectance products (chosen)."""
RADAR_DB: Final = 32.0
"""The least range that is held for radar, dB above and below 0: more than vegetation and water span (chosen)."""
LARGEST: Final = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Levels:
    """The index of some years, one after the other."""

    first: int
    """Calendar year of the first."""
    stored: NDArray[np.int16]
    """(year, y, x) the index in steps of `step`; where nothing was seen, the nodata of `LAYERS["index_yearly"]`."""


def period(scenes: Sequence[Scene]) -> range:
    """The calendar years of an archive, from that of its first scene to that of its last; none of no scene."""
    seen = [scene.when.year for scene in scenes]
    return range(min(seen), max(seen) + 1) if seen else range(0)


def step(work: HistoryPlan) -> float:
    """What 1 in the file stands for: the finest power of ten whose int16 hold every value that `prepare` lets pass."""
    asked = work.config.prepare
    optical = max(abs(asked.valid_min), abs(asked.valid_max))
    widest = max(abs(asked.border_noise_db), RADAR_DB) if work.planes.radar else optical
    return float(10.0 ** ceil(min(0.0, max(FINEST, log10(widest / LARGEST)))))


def levels(work: HistoryPlan, looks: Looks, inside: Mask, years: range) -> Levels:
    """The leading plane of a row of pixels, laid out as `inside` (y, x), the cells of which anything is said.

    Of an index that loss lowers, looks at water count as 0, see `without_water`. Looks of a season that ends after the last of
    `years` are left out, as are values that int16 cannot hold.
    """
    stored = blank(years, inside.shape).stored
    names = work.config.names if work.config.prepare.loss == "lowers" else ()
    made = yearly(work.config.annual or Annual(), without_water(looks.scenes, looks.values, names))
    for scene, values in zip(made.scenes, made.values[:, 0], strict=True):
        if scene.when.year in years:
            stored[years.index(scene.when.year)] = _stored(values.reshape(inside.shape), inside, step(work))
    return Levels(years.start, stored)


def without_water(scenes: Sequence[Scene], values: Float, planes: Sequence[str]) -> Looks:
    """The leading plane of (time, plane, pixel) values; 0, no vegetation, in looks at water (green above NIR: McFeeters 1996),
    where planes tell. NBR and its like are as high over a mine's pond as over forest."""
    leading = np.array(values[:, :1])
    if {"green", "nir"} <= set(planes):
        water = values[:, planes.index("green")] > values[:, planes.index("nir")]
        leading[:, 0][water & np.isfinite(leading[:, 0])] = 0
    return Looks(tuple(scenes), leading)


def blank(years: range, shape: tuple[int, ...]) -> Levels:
    """Of years in which nothing was seen."""
    return Levels(years.start, np.full((len(years), *shape), LAYERS["index_yearly"].nodata, np.int16))


def joined(bands: Sequence[Levels]) -> Levels:
    """Bands of rows that follow each other, of the same years."""
    return Levels(bands[0].first, np.concatenate([band.stored for band in bands], 1))


def lay(whole: Levels, part: Levels, at: tuple[int, int]) -> None:
    """Lay the years of a tile into those of the archive, in place; at: its first row and column there."""
    years, rows, columns = part.stored.shape
    begun = part.first - whole.first
    whole.stored[begun : begun + years, at[0] : at[0] + rows, at[1] : at[1] + columns] = part.stored


def _stored(values: NDArray[Any], inside: Mask, unit: float) -> NDArray[np.int16]:
    with np.errstate(invalid="ignore"):
        whole = np.rint(values.astype(np.float64) / unit)
        held = inside & (np.abs(whole) <= LARGEST)  # NaN is not
    return np.where(held, whole, LAYERS["index_yearly"].nodata or 0).astype(np.int16)
