"""Which regrowth stands, in which years, and how old it is: yearly series made by hand."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.codes import COUNT_NODATA, Segmented, Turn
from detection.monitors import Looks
from detection.segments import Recovery
from detection.segments.aftermath import aftermath
from detection.segments.record import CHANGE
from detection.types import SECONDS_A_DAY, Grid, Scene, to_day
from jobs.history.standing import AGE_CLASSES, CELL_STAND, OLDEST, ages, hectares, standing

FIRST = 2000
DAYS = [to_day(date(FIRST + i, 7, 1)) for i in range(20)]
SCENES = tuple(Scene(day * SECONDS_A_DAY, "landsat-8", f"s{day}") for day in DAYS)
FOREST = 0.7
GRID = Grid("EPSG:32719", 370_680, 8_592_480, 30, (2, 3))


def series(*stretches: tuple[int, float]) -> list[float]:
    """A value a year: (years, value), forest before and the last value after."""
    values = [FOREST] * 4 + [value for many, value in stretches for _ in range(many)]
    return (values + [values[-1]] * len(DAYS))[: len(DAYS)]


def lost(pixel: int, *years: int) -> list[tuple[Any, ...]]:
    """Losses of a pixel, each on the day of the look of its year."""
    return [(pixel, Turn.LOSS, DAYS[year - FIRST], DAYS[year - FIRST] - 365, 0, FOREST, -0.3, 0.9) for year in years]


def stands(
    pixels: Sequence[Sequence[float]], losses: Sequence[tuple[Any, ...]], **planes: Any
) -> list[tuple[int, ...]]:
    """(pixel, onset, until) of everything that stands; planes: name -> (year, pixel) beside the index."""
    slots = [np.array(pixels, np.float32).T, *(np.asarray(plane, np.float32) for plane in planes.values())]
    looks = Looks(SCENES, np.ascontiguousarray(np.stack(slots, 1)))
    changes: NDArray[Any] = np.array(list(losses), CHANGE)
    after = aftermath(Recovery(), looks, changes)
    return standing(Recovery(), looks, ("nbr", *planes), after).tolist()  # type: ignore[no-any-return]


GROWS = series((2, 0.05), (1, 0.2), (1, 0.45), (1, 0.6))


def test_forest_that_came_back_stands_from_the_year_most_of_it_was_green() -> None:
    assert stands([GROWS], lost(0, 2004)) == [(0, 2007, 2019)]


@pytest.mark.parametrize(
    "after",
    [
        series((2, 0.05), (1, 0.3), (1, 0.4)),  # pasture
        series((1, 0.45), (1, 0.6), (1, 0.7)),  # blown down, canopy closed again
        series((2, 0.05), (20, 0.05)),  # bare
        series((12, 0.05), (2, 0.3), (2, 0.45)),  # on its way, not back yet
    ],
)
def test_what_is_no_regrowth_does_not_stand(after: list[float]) -> None:
    assert stands([after], lost(0, 2004)) == []


def test_no_loss_no_regrowth() -> None:
    assert stands([GROWS], []) == []


def test_a_second_clearing_ends_it_whether_or_not_a_loss_was_found_there() -> None:
    twice = series((2, 0.05), (1, 0.4), (4, 0.65), (9, 0.1))
    assert stands([twice], lost(0, 2004, 2011)) == [(0, 2006, 2010)]
    assert stands([twice], lost(0, 2004)) == [(0, 2006, 2010)]


def test_a_small_loss_neither_ends_regrowth_nor_begins_one() -> None:
    thinned = series((2, 0.05), (1, 0.4), (4, 0.65), (1, 0.5), (4, 0.66))
    assert stands([thinned], lost(0, 2004, 2011)) == [(0, 2006, 2019)]


def test_young_regrowth_that_became_pasture_is_not_measured_by_itself() -> None:
    """The pasture has 0.8 of what the young regrowth had, which was half a forest."""
    pasture = series((2, 0.05), (4, 0.45), (1, 0.05), (3, 0.3), (9, 0.4))
    assert stands([pasture], lost(0, 2004, 2010)) == []


def test_a_pond_is_no_forest_though_its_index_is_as_high() -> None:
    pond = series((1, 0.1), (20, 0.68))
    green, nir = np.full((20, 1), 0.04), np.full((20, 1), 0.28)
    assert stands([pond], lost(0, 2004), green=green, nir=nir) == [(0, 2005, 2019)]
    green[5:], nir[5:] = 0.11, 0.08
    assert stands([pond], lost(0, 2004), green=green, nir=nir) == []


@given(st.permutations(range(4)))
def test_a_pixel_does_not_depend_on_its_neighbours(order: list[int]) -> None:
    twice = series((2, 0.05), (1, 0.4), (4, 0.65), (9, 0.1))
    pixels, years = [GROWS, twice, series(), series((2, 0.05), (1, 0.3))], [(2004,), (2004, 2011), (), (2004,)]
    alone = [stands([pixels[i]], lost(0, *years[i])) for i in order]
    together = stands([pixels[i] for i in order], [row for at, i in enumerate(order) for row in lost(at, *years[i])])
    assert together == [(at, *row[1:]) for at, rows in enumerate(alone) for row in rows]


def _cells(*rows: tuple[int, int, float, int, int]) -> NDArray[Any]:
    found = np.array(list(rows), CELL_STAND)
    found["row"] += GRID.first_row
    found["column"] += GRID.first_column
    return found


def test_the_map_counts_years_and_keeps_what_was_not_segmented_apart() -> None:
    segmented = np.full(GRID.shape, Segmented.SEGMENTED, np.uint8)
    segmented[1, 2] = Segmented.NO_LOOK
    found = ages(_cells((0, 1, 0.09, 2001, 2003), (0, 1, 0.09, 2005, 2006)), range(2000, 2008), GRID, segmented)
    assert found[:, 0, 1].tolist() == [0, 0, 1, 2, 0, 0, 1, 0]
    assert (found[:, 1, 2] == COUNT_NODATA).all() and (found[:, 0, 0] == 0).all()
    assert ages(_cells((0, 1, 0.09, 1, 2003)), [2003], GRID, segmented)[0, 0, 1] == OLDEST < COUNT_NODATA


def test_the_table_has_every_class_of_every_year_in_any_order_of_the_cells() -> None:
    cells = _cells((0, 0, 0.09, 2001, 2024), (0, 1, 0.1, 2001, 2003), (1, 1, 0.2, 2000, 2003))
    found = list(hectares(cells, range(2000, 2025)))
    assert found == list(hectares(cells[::-1], range(2000, 2025)))
    assert len(found) == 25 * len(AGE_CLASSES)
    table = {(year, name): area for year, name, area in found}
    assert table[2000, "0-2"] == 0.2 and table[2001, "0-2"] == pytest.approx(0.39)
    assert (table[2003, "0-2"], table[2003, "3-5"]) == (pytest.approx(0.19), 0.2)
    assert [table[year, ">20"] for year in (2021, 2022)] == [0, 0.09]
    assert sum(table[2010, part.name] for part in AGE_CLASSES) == 0.09
