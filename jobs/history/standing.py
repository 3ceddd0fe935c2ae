"""Regrowth that stands: for every cell from which year to which, and how old it is in each.

Stricter than `regrowth_year`, which says when an index began to rise after the last loss, whatever was lost and whatever rose.
A map of regrowth is believed cell by cell: most cells never lost their forest, and what follows a clearing is more often
pasture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import COUNT_NODATA, NO_YEAR, Segmented
from detection.monitors import Looks
from detection.patches.yearly import years
from detection.segments import Aftermath, Annual, Recovery
from detection.segments.aftermath import NEVER, aftermath
from detection.segments.annual import yearly
from detection.segments.recovery import Numbers, Regrowth, Years, regrowth
from detection.types import Codes, Grid, Mask
from jobs.history.yearly import without_water

CLEARED: Final = 0.5
"""Share of the index that must be gone in the year of the lowest value: most of the cell was bare. Thinning, blowdown, dying
bamboo and the edge of a neighbour's clearing take less (of 0.4 to 0.55, on open simulated worlds)."""
RISEN: Final = 0.4
"""Share of what was lost that must be regained at the onset, `recovery.rise` where that is more: most of the cell is green
again (of 0.2 to 0.5, on open simulated worlds)."""
STAND: Final = np.dtype([("pixel", "i4"), ("onset", "i4"), ("until", "i4")])
"""Regrowth of a pixel: the first calendar year and the last one in which it stands."""
CELL_STAND: Final = np.dtype([("row", "i4"), ("column", "i4"), ("hectares", "f8"), ("onset", "i4"), ("until", "i4")])
"""The same of a cell of the absolute lattice."""
OLDEST: Final = COUNT_NODATA - 1
"""Years; what is older counts as this old."""


@dataclass(frozen=True)
class AgeClass:
    """Regrowth of about one age."""

    name: str
    """As it stands in the table."""
    first: int
    """Whole years since the onset, from."""
    last: int
    """To, included."""


AGE_CLASSES: Final = (
    AgeClass("0-2", 0, 2),
    AgeClass("3-5", 3, 5),
    AgeClass("6-10", 6, 10),
    AgeClass("11-20", 11, 20),
    AgeClass(">20", 21, NEVER),
)


@dataclass(frozen=True)
class _Felled:
    """Clearings, and one look a year after each."""

    after: Aftermath
    """Of the clearings alone."""
    years: Years
    """(year,) one after the other."""
    series: Numbers
    """(year, clearing) the leading plane, turned so that loss lowers it; NaN from the next clearing of the pixel on."""
    target: Numbers
    """(clearing,) the most that the pixel has had before any of its clearings: young regrowth is no measure of itself."""


def standing(
    recovery: Recovery,
    looks: Looks,
    planes: tuple[str, ...],
    after: Aftermath,
    sign: int = 1,
    annual: Annual | None = None,
) -> NDArray[Any]:
    """STAND rows, by pixel and onset, of a row of pixels: parameters as of `detection.segments.history`, `after` from there.

    Regrowth stands where a loss took CLEARED of the index and what rose again was in the end back at `recovery.share` of what it
    had been: from the onset to the year before the next clearing, else to the last year of the looks. A smaller loss neither
    begins nor ends it. This is said looking back: what is not back yet, young regrowth as well as pasture, does not stand. The
    index must be above 0 where there is forest; of one that is not, nothing stands.
    """
    pixels, place = np.unique(after.losses["pixel"], return_inverse=True)
    if not len(pixels):
        return np.zeros(0, STAND)
    dry, losses = without_water(looks.scenes, looks.values[:, :, pixels], planes), after.losses.copy()
    losses["pixel"] = place
    felled = _felled(recovery, dry, losses, sign, annual or Annual())
    start, end = felled.after.start, felled.after.end
    rules = replace(recovery, rise=max(recovery.rise, RISEN))
    found = regrowth(rules, felled.years, felled.series, start, end, felled.target)
    until = _until(felled.after.losses, found, int(felled.years[-1]))
    stands = (found.onset != NO_YEAR) & (_last(felled, until) >= recovery.share * felled.target)
    made = np.zeros(int(stands.sum()), STAND)
    made["pixel"] = pixels[felled.after.losses["pixel"][stands]]
    made["onset"], made["until"] = found.onset[stands], until[stands]
    return made


def _felled(recovery: Recovery, looks: Looks, losses: NDArray[Any], sign: int, annual: Annual) -> _Felled:
    """The losses that are clearings."""
    every = aftermath(recovery, looks, losses, sign, annual).metrics
    cleared = (every.target > 0) & (every.dnbr >= CLEARED * every.target)
    mine = aftermath(recovery, looks, losses[cleared], sign, annual)
    made = yearly(annual, looks)
    found, again = mine.losses, _again(mine.losses)
    following = np.full(len(found), NEVER, np.int32)
    following[again - 1] = found["day"][again]
    seen = made.days[:, found["pixel"]] < following
    series = np.where(seen, sign * made.values[:, 0, found["pixel"]].astype(np.float64), np.nan)
    target = mine.metrics.target.copy()
    for at in again.tolist():
        target[at] = np.fmax(target[at], target[at - 1])
    return _Felled(mine, np.array([scene.when.year for scene in made.scenes], np.int32), series, target)


def _again(losses: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of the losses before which the same pixel has another, by pixel and day."""
    return 1 + np.flatnonzero(losses["pixel"][1:] == losses["pixel"][:-1])


def _until(losses: NDArray[Any], found: Regrowth, last: int) -> NDArray[np.int64]:
    """(clearing,) last year before the next one or before the regrowth was cleared again, `last` where there is neither."""
    until, again = np.full(len(losses), last, np.int64), _again(losses)
    until[again - 1] = years(losses["day"][again]) - 1
    cleared: NDArray[np.int64] = np.where(found.cleared == NO_YEAR, NEVER, found.cleared).astype(np.int64)
    return np.minimum(until, cleared - 1)


def _last(felled: _Felled, until: NDArray[np.int64]) -> Numbers:
    """(clearing,) the last value seen up to a year; NaN without one."""
    rows = np.arange(len(felled.years))[:, None]
    there = np.isfinite(felled.series) & (felled.years[:, None] <= until)
    at = np.where(there, rows, -1).max(0, initial=-1)
    return np.where(at < 0, np.nan, felled.series[at, np.arange(len(until))])


def ages(stands: NDArray[Any], period: Sequence[int], grid: Grid, segmented: Codes) -> Codes:
    """(year, y, x) uint8 years since the onset of what stands then: `regrowth_age` of `jobs.outputs.rasters.LAYERS`.

    stands: CELL_STAND rows of cells within the grid; segmented: (y, x) codes.Segmented. 0 where nothing stands, and in the
    year of the onset.
    """
    layer = np.empty((len(period), *grid.shape), np.uint8)
    layer[:] = np.where(segmented == Segmented.SEGMENTED, 0, COUNT_NODATA)
    for band, year in zip(layer, period, strict=True):
        there = stands[_in(stands, year)]
        rows, columns = there["row"] - grid.first_row, there["column"] - grid.first_column
        band[rows, columns] = np.minimum(year - there["onset"], OLDEST)
    return layer


def hectares(stands: NDArray[Any], period: Sequence[int]) -> Iterator[tuple[int, str, float]]:
    """(year, age class, equal-area hectares standing), every class of every year; in the year of the onset the age is 0.

    stands: CELL_STAND rows in any order.
    """
    for year in period:
        there = stands[_in(stands, year)]
        age = year - there["onset"]
        for part in AGE_CLASSES:
            mine = (age >= part.first) & (age <= part.last)
            yield year, part.name, fsum(there["hectares"][mine].tolist())


def _in(stands: NDArray[Any], year: int) -> Mask:
    there: Mask = (stands["onset"] <= year) & (year <= stands["until"])
    return there
