"""The sample: cells drawn at random within strata, without replacement.

Every cell of the absolute lattice has a number that follows from the seed and its place alone; of a stratum the cells with the
lowest numbers are taken. So the draw depends on no random generator's version, nor on how the map is cut into windows, and a
larger sample of the same seed contains the smaller one (sequential random sampling by permanent random numbers; Ohlsson 1995).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from detection.accuracy.allocation import allocate, needed
from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas.asked import Sampling
from jobs.reports.areas.maps import WINDOW
from jobs.reports.areas.strata import OUTSIDE, Frame, Progress, Strata

Numbers = NDArray[np.uint64]
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15))
"""Constants of splitmix64 (Steele, Lea & Flood 2014, OOPSLA)."""
_ORDER: Final = 0x5EED
"""Added to the seed for the order in which samples are numbered, so that it tells nothing of the strata."""


@dataclass(frozen=True)
class Design:
    """How many samples of each stratum."""

    wanted: float
    """Samples in all that were asked for, or follow from the standard error that was."""
    many: NDArray[np.int64]
    """(stratum,) samples; all cells of a stratum that has fewer."""
    expected: NDArray[np.float64]
    """(stratum,) user's accuracy that was expected; NaN: nothing was."""


@dataclass(frozen=True)
class Sample:
    """The cells that were drawn, numbered in a random order, in which people look at them."""

    grid: Grid
    """Lattice of the cells."""
    stratum: NDArray[np.int64]
    """(sample,) place of the stratum; the id of a sample is its place here, from 1."""
    rows: NDArray[np.int64]
    """(sample,) row on the absolute lattice."""
    columns: NDArray[np.int64]
    """(sample,) column on the absolute lattice."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """(sample,) 1, 2, 3 ..."""
        return np.arange(1, len(self.stratum) + 1)

    @property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(sample,) longitudes and latitudes of the centres, degrees."""
        east, north = self.centres
        lon, lat = Transformer.from_crs(self.grid.crs, "EPSG:4326", always_xy=True).transform(east, north)
        return np.asarray(lon, np.float64), np.asarray(lat, np.float64)

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(sample,) eastings and northings of the centres, metres."""
        east, north = (self.columns + 0.5) * self.grid.resolution, -(self.rows + 0.5) * self.grid.resolution
        return np.asarray(east, np.float64), np.asarray(north, np.float64)


def design(strata: Strata, sampling: Sampling) -> Design:
    """Share the samples out among the strata that have cells.

    Raises BadInput for an expected accuracy of a stratum that is not there or of none, and as `allocate`.
    """
    if strange := sorted(set(sampling.expected) - set(strata.names)):
        raise BadInput(f"areas.sampling: `expected` names the stratum {strange[0]!r}; one of {', '.join(strata.names)}")
    there = strata.cells > 0
    expected = np.array([sampling.expected.get(name, np.nan) for name in strata.names])
    if sampling.expected and np.isnan(expected[there]).any():
        name = strata.names[int(np.argmax(there & np.isnan(expected)))]
        raise BadInput(
            f"areas.sampling: `expected` says nothing of the stratum {name!r}; give an accuracy of every stratum"
        )
    area, users = strata.hectares[there], expected[there]
    if sampling.target_se is not None:
        wanted = needed(area, users, sampling.target_se)
        wanted = max(wanted, float(sampling.least * int(there.sum())))
    else:
        wanted = float(sampling.samples or 0)
    many = np.zeros(len(there), np.int64)
    many[there] = allocate(
        wanted, area, sampling.rule, users=users if sampling.expected else None, smallest=sampling.least
    )
    return Design(wanted, np.minimum(many, strata.cells), expected)


def draw(made: Frame, wanted: Design, seed: int, *, progress: Progress = lambda *_: None, size: int = WINDOW) -> Sample:
    """Draw the cells; see the head of this file for what the draw depends on."""
    kept: list[list[NDArray[np.int64]]] = [[] for _ in made.names]
    bars = [np.uint64(2**64 - 1)] * len(made.names)
    windows = list(made.map.windows(size))
    for done, part in enumerate(windows, 1):
        whose = made.members(part)
        row, column = np.nonzero(whose != OUTSIDE)
        if len(row):
            cells = np.stack([row + part.first_row, column + part.first_column])
            numbers, mine = permanent(cells[0], cells[1], seed), whose[row, column]
            for place, many in enumerate(wanted.many.tolist()):
                low = np.flatnonzero((mine == place) & (numbers <= bars[place]))
                kept[place], bars[place] = _lowest(kept[place], cells[:, low], many, seed)
        progress("sample", done, len(windows))
    found = [np.concatenate(one, axis=1) if one else np.zeros((2, 0), np.int64) for one in kept]
    stratum = np.repeat(np.arange(len(found)), [one.shape[1] for one in found])
    rows, columns = np.concatenate(found, axis=1)
    order = np.argsort(permanent(rows, columns, seed + _ORDER))
    return Sample(made.map.grid, stratum[order], rows[order], columns[order])


def _lowest(
    kept: list[NDArray[np.int64]], more: NDArray[np.int64], many: int, seed: int
) -> tuple[list[NDArray[np.int64]], np.uint64]:
    """The cells with the lowest numbers of those that were kept and more, and the number above which none is needed."""
    cells = np.concatenate([*kept, more], axis=1)
    numbers = permanent(cells[0], cells[1], seed)
    if len(numbers) < many or not many:
        return [cells[:, : len(numbers) if many else 0]], np.uint64(2**64 - 1 if many else 0)
    order = np.argsort(numbers)[:many]
    return [cells[:, order]], numbers[order[-1]]


def permanent(rows: NDArray[np.int64], columns: NDArray[np.int64], seed: int) -> Numbers:
    """(cell,) the random number of each cell, whole, below 2**64; no two cells share one (splitmix64 is one to one)."""
    cell = (rows.astype(np.int64) + 2**31).astype(np.uint64) << np.uint64(32)
    cell |= (columns.astype(np.int64) + 2**31).astype(np.uint64)
    with np.errstate(over="ignore"):
        return _mixed(_mixed(cell) ^ _mixed(np.full(1, seed, np.uint64) * _MIX[2] + _MIX[2]))


def _mixed(x: Numbers) -> Numbers:
    x = (x ^ (x >> np.uint64(30))) * _MIX[0]
    x = (x ^ (x >> np.uint64(27))) * _MIX[1]
    return x ^ (x >> np.uint64(31))
