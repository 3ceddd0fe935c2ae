"""Land by use at the beginning and at the end of a year, as inventories of greenhouse gases ask for it, in thousand hectares.

Rows and columns close: all land of the beginning is there at the end. Nothing here is estimated; areas go in as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detection.errors import BadInput
from jobs.reports.parts import Cell
from jobs.reports.redd.emissions import Account
from jobs.reports.redd.quantity import Numbers
from jobs.reports.redd.stocks import Values
from jobs.reports.workbook import workbook

CATEGORIES: Final = (
    "forest managed", "forest unmanaged", "cropland", "grassland", "wetlands", "settlements", "other",
)  # fmt: skip
"""The six uses of the IPCC, forest told apart by management."""
HECTARES: Final = 1000
"""Of a kha."""
NEAR: Final = 1e-9
"""Relative; sums of floats close up to it."""


@dataclass(frozen=True)
class LandMatrix:
    """A year."""

    year: int
    """Which."""
    areas: Numbers
    """(category at its beginning, category at its end) kha, in the order of CATEGORIES."""

    @property
    def initial(self) -> Numbers:
        """(category,) kha at the beginning of the year."""
        return np.asarray(self.areas.sum(axis=1))

    @property
    def final(self) -> Numbers:
        """(category,) kha at its end."""
        return np.asarray(self.areas.sum(axis=0))

    @property
    def net(self) -> Numbers:
        """(category,) kha gained, or lost."""
        return self.final - self.initial


def matrices(
    initial: Mapping[str, float], changes: Mapping[int, Mapping[tuple[str, str], float]]
) -> tuple[LandMatrix, ...]:
    """Matrices of years in a row: each begins with what the year before has left.

    initial: category -> ha; changes: year -> (category before, after) -> ha. Raises BadInput for an unknown category, a
    negative area, a year left out, or a category that loses more than it has.
    """
    years = sorted(changes)
    if gap := next((y for y in range(years[0], years[-1] + 1) if y not in changes), None) if years else None:
        raise BadInput(
            f"land matrix: no activity data for {gap}, between {years[0]} and {years[-1]}; give that year too"
        )
    for name, area in initial.items():
        if area < 0:
            raise BadInput(f"land matrix: {name} begins with {area:g} ha; give 0 or more")
    left, made = np.zeros(len(CATEGORIES)), []
    for name, area in initial.items():
        left[_place(name)] += area
    for year in years:
        made.append(LandMatrix(year, _year(year, left, changes[year]) / HECTARES))
        left = made[-1].final * HECTARES
    return tuple(made)


def _place(name: str) -> int:
    if name not in CATEGORIES:
        raise BadInput(f"land matrix: category {name!r} is unknown; expected one of {', '.join(CATEGORIES)}")
    return CATEGORIES.index(name)


def _year(year: int, left: Numbers, changes: Mapping[tuple[str, str], float]) -> Numbers:
    moved = np.zeros((len(CATEGORIES), len(CATEGORIES)))
    for (before, after), area in changes.items():
        if area < 0:
            raise BadInput(f"land matrix: {year}: {area:g} ha from {before} to {after}; give 0 or more")
        if before != after:
            moved[_place(before), _place(after)] += area
    kept = left - moved.sum(axis=1)
    if np.any(short := kept < -NEAR * max(left.sum(), 1.0)):
        name = CATEGORIES[int(np.argmax(short))]
        lost, had = moved.sum(axis=1)[CATEGORIES.index(name)], left[CATEGORIES.index(name)]
        raise BadInput(f"land matrix: {year}: {name} loses {lost:g} ha of {had:g}; give what it had at the beginning")
    return moved + np.diag(np.maximum(kept, 0.0))


def changes_of(
    account: Account, category: Mapping[str, str], values: Values
) -> dict[int, dict[tuple[str, str], float]]:
    """Year -> (category before, after) -> ha, out of activity data; a period's area is spread evenly over its years.

    category: land use -> category. Raises BadInput for a land use without one.
    """
    made: dict[int, dict[tuple[str, str], float]] = {}
    for period in account.periods:
        for year in range(period.first, period.last + 1):
            made[year] = {}
    for one in account.transitions:
        if missing := next((use for use in (one.before, one.after) if use not in category), None):
            raise BadInput(
                f"land matrix: land use {missing!r} has no category; say which of {', '.join(CATEGORIES)} it is"
            )
        period, way = account.period(one.period), (category[one.before], category[one.after])
        area = float(values[one.name]) / (1 if account.yearly_areas else period.years)
        for year in range(period.first, period.last + 1):
            made[year][way] = made[year].get(way, 0.0) + area
    return made


def lines(matrix: LandMatrix) -> Iterator[tuple[Cell, ...]]:
    """Rows for a table: a category at the beginning, kha in each at the end, its total; then final totals and net change."""
    for name, row, total in zip(CATEGORIES, matrix.areas, matrix.initial, strict=True):
        yield (matrix.year, name, *map(float, row), float(total))
    yield (matrix.year, "final area", *map(float, matrix.final), float(matrix.final.sum()))
    yield (matrix.year, "net change", *map(float, matrix.net), float(matrix.net.sum()))


HEADERS: Final = ("year", "from_to", *CATEGORIES, "initial area")


def write(years: Sequence[LandMatrix]) -> bytes:
    """`ghgi_land_matrix.xlsx`: a sheet a year, kha."""
    return workbook([(str(one.year), HEADERS, list(lines(one))) for one in years])
