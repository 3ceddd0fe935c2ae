"""When a flagged cell is judged, and what is told of it: by hand, and that the future is not asked."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import scene
from numpy.typing import NDArray
from strategies import legal_logs

from detection.codes import Step
from detection.monitors import LOG, Looks
from detection.types import SECONDS_A_DAY, Grid, Planes, Scene
from models.around import AFTER_DAYS, around, names
from models.cells import CELL, FOLLOW_DAYS, FOUND, Told, changed, flags, gathered, moments, tell, whole
from models.surroundings import NAMES, Ground, surroundings

QUICK = settings(max_examples=25, deadline=None)
DAY = 18_000
PROVISIONAL, CONFIRMED, EXPIRED, FINISHED = Step


def log_of(*rows: tuple[int, int, Step]) -> NDArray[Any]:
    """LOG rows of (pixel, day, step), of changes that began eight days before."""
    made = np.zeros(len(rows), LOG)
    for row, (pixel, day, step) in zip(made, rows, strict=True):
        row["pixel"], row["instant"], row["step"] = pixel, scene(day).instant, step
        row["change_day"], row["clear_before"], row["count"], row["sigma"] = day - 8, day - 16, 3, 7.5
    return made


def days_of(found: NDArray[Any]) -> list[int]:
    return (found["decided"] - DAY).tolist()


def test_a_cell_is_judged_at_once_and_on_the_next_look_some_days_after() -> None:
    scenes = [scene(DAY + day) for day in (0, 5, 16, 40, 64, 70, 150, 260, 400)]
    found = moments(log_of((7, DAY, PROVISIONAL)), scenes)
    assert days_of(found) == [0, 16, 40, 64, 150, 260]
    assert found["fresh"].tolist() == [True] + [False] * 5
    assert found["instant"].tolist() == [s.instant for s in scenes if s.day - DAY in days_of(found)]
    assert set(found["pixel"]) == {7} and set(found["broke"]) == {DAY - 8} and set(found["clear"]) == {DAY - 16}
    assert set(found["count"]) == {3} and set(found["sigma"]) == {7.5}


def test_one_look_that_serves_two_days_counts_once() -> None:
    scenes = [scene(DAY + day) for day in (0, 130)]
    assert days_of(moments(log_of((0, DAY, PROVISIONAL)), scenes)) == [0, 130]


def test_the_next_step_of_a_cell_ends_the_questions_about_the_one_before() -> None:
    scenes = [scene(DAY + day) for day in range(0, 400, 4)]
    log = log_of((0, DAY, PROVISIONAL), (0, DAY + 20, CONFIRMED), (0, DAY + 60, FINISHED), (1, DAY + 8, PROVISIONAL))
    found = moments(log[[2, 0, 3, 1]], scenes)
    mine = found[found["pixel"] == 0]
    assert days_of(mine) == [0, 16, 20, 36, 52], (
        "what is finished is not judged; 16 and 32 days after the one of day 20"
    )
    assert mine["fresh"].tolist() == [True, False, False, False, False], "a confirmation is no new flag"
    assert days_of(found[found["pixel"] == 1]) == [8, 24, 40, 72, 136, 264]


def test_a_change_that_comes_again_is_a_new_one() -> None:
    scenes = [scene(DAY + day) for day in range(0, 100, 10)]
    log = log_of((0, DAY, PROVISIONAL), (0, DAY + 10, EXPIRED), (0, DAY + 30, PROVISIONAL))
    found = moments(log, scenes)
    assert days_of(found[found["fresh"]]) == [0, 30]
    assert found["broke"].tolist()[:2] == [DAY - 8, DAY + 22]


def test_nothing_flagged_nothing_judged() -> None:
    assert len(moments(np.zeros(0, LOG), [scene(DAY)])) == len(moments(np.zeros(0, LOG), [])) == 0
    assert len(moments(log_of((0, DAY, EXPIRED)), [scene(DAY)])) == 0


@QUICK
@given(st.data())
def test_moments_up_to_a_day_follow_from_what_was_known_on_it(data: st.DataObject) -> None:
    log = data.draw(legal_logs((2, 3)))
    last = int(log["instant"].max()) if len(log) else DAY * SECONDS_A_DAY
    first = int(log["instant"].min()) if len(log) else last
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    between = rng.integers(first, last + 200 * SECONDS_A_DAY, 30)
    instants = sorted({*log["instant"].tolist(), *between.tolist()})
    scenes = [Scene(int(i), "landsat-8", f"{i}") for i in instants]
    found = moments(log, scenes)
    assert found.dtype == FOUND
    order = rng.permutation(len(log))
    np.testing.assert_array_equal(moments(log[order], scenes), found)
    assert set(zip(found["pixel"].tolist(), found["decided"].tolist(), strict=True)) >= {
        (p, i // SECONDS_A_DAY)
        for p, i, s in zip(log["pixel"].tolist(), log["instant"].tolist(), log["step"].tolist(), strict=True)
        if s in (PROVISIONAL, CONFIRMED)
    }
    assert (found["decided"] == found["instant"] // SECONDS_A_DAY).all()
    for some in rng.choice(instants, min(5, len(instants)), replace=False):
        cut = (some // SECONDS_A_DAY + 1) * SECONDS_A_DAY - 1  # a cell is judged on the last look of its day
        known = moments(log[log["instant"] <= cut], [s for s in scenes if s.instant <= cut])
        np.testing.assert_array_equal(known, found[found["instant"] <= cut])
    by_cell = [found[found["pixel"] == p]["instant"] for p in np.unique(found["pixel"])]
    assert all((np.diff(i) >= 0).all() for i in by_cell)
    for pixel, many in zip(*np.unique(found["pixel"], return_counts=True), strict=True):
        assert many <= (1 + len(FOLLOW_DAYS)) * (log["pixel"] == pixel).sum()


def test_changes_of_an_archive_are_judged_a_year_later_or_at_the_last_look() -> None:
    made = np.zeros(2, [("pixel", "i4"), ("day", "i4"), ("before", "i4"), ("magnitude", "f4")])
    made["pixel"], made["day"], made["before"], made["magnitude"] = (3, 4), (DAY, DAY + 300), (DAY - 9, DAY), (-5, 8)
    found = changed(made, DAY + 400)
    assert days_of(found) == [AFTER_DAYS, 400]
    assert found["broke"].tolist() == [DAY, DAY + 300] and found["clear"].tolist() == [DAY - 9, DAY]
    assert (found["count"] == -1).all() and found["sigma"].tolist() == [-5, 8] and found["fresh"].all()


GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (3, 4))


def told() -> tuple[Looks, NDArray[Any], Told]:
    rng = np.random.default_rng(0)
    scenes = tuple(scene(DAY + day) for day in range(-300, 200, 20))
    looks = Looks(scenes, rng.normal(0.6, 0.1, (len(scenes), 1, 12)).astype(np.float32))
    found = moments(log_of((5, DAY, PROVISIONAL), (11, DAY + 40, PROVISIONAL)), scenes)
    return looks, found, tell(looks, Planes(("nbr",)), GRID, found, Planes(("nbr",), ("vv",)))


def test_what_is_told_lies_on_the_lattice_and_is_what_around_says() -> None:
    looks, found, made = told()
    assert made.cells.dtype == CELL and len(made.cells) == len(found)
    assert set(zip(made.cells["row"].tolist(), made.cells["column"].tolist(), strict=True)) == {
        (GRID.first_row + 1, GRID.first_column + 1),
        (GRID.first_row + 2, GRID.first_column + 3),
    }
    np.testing.assert_array_equal(made.rows, around(looks, Planes(("nbr",)), found, ("nbr",), ("vv",)))
    assert made.rows.shape[1] == len(names(("nbr",), ("vv",)))
    assert made.cells["hectares"] == pytest.approx(0.09, rel=0.01)


def test_the_whole_is_the_rows_and_what_lies_around_them_with_new_flags_alone() -> None:
    _, _, made = told()
    ground = Ground(
        (GRID.first_row, GRID.first_column), np.ones(GRID.shape, np.float32), np.zeros(GRID.shape, np.float32)
    )
    rows = whole(made, ground)
    assert rows.shape[1] == made.rows.shape[1] + len(NAMES)
    np.testing.assert_array_equal(rows[:, : made.rows.shape[1]], made.rows)
    placed = flags(made.cells)
    expected = surroundings(placed, placed[made.cells["fresh"]], ground)
    np.testing.assert_array_equal(rows[:, made.rows.shape[1] :], expected)
    near = rows[:, made.rows.shape[1] + NAMES.index("near_3")]
    first = made.cells["row"] == GRID.first_row + 1
    assert near[first][made.cells["decided"][first] < DAY + 40].max() == 0
    assert near[first][made.cells["decided"][first] >= DAY + 40].min() == pytest.approx(1 / 48)


def test_tiles_are_gathered_one_after_the_other() -> None:
    _, _, made = told()
    parts = [made.take(np.arange(len(made.cells)) < 3), made.take(np.arange(len(made.cells)) >= 3)]
    together = gathered(parts)
    np.testing.assert_array_equal(together.cells, made.cells)
    np.testing.assert_array_equal(together.rows, made.rows)


def test_a_look_that_flags_and_confirms_is_one_new_flag() -> None:
    scenes = [scene(DAY + day) for day in (0, 20)]
    found = moments(log_of((0, DAY, CONFIRMED), (0, DAY, PROVISIONAL)), scenes)
    assert days_of(found) == [0, 0, 20] and found["fresh"].tolist() == [True, False, False]
