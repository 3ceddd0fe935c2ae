"""What came after a loss: when regrowth began, whether it held, and that nothing is said before it can be known."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.codes import NO_YEAR, Turn
from detection.monitors import Looks
from detection.segments.aftermath import Aftermath, aftermath, told
from detection.segments.annual import Annual
from detection.segments.record import CHANGE
from detection.segments.recovery import NOT_REACHED, Recovery
from detection.types import SECONDS_A_DAY, Scene, to_day

QUICK = settings(max_examples=40, deadline=None)
FIRST = 2000
FOREST, BARE = 0.7, 0.1
SHORT = Annual(first_day=100, last_day=200)
"""A season."""


def looks(*levels: float, many: int = 1) -> Looks:
    """Four looks a year at the level of that year, NaN where it shows nothing."""
    days = [to_day(date(FIRST + y, month, 1)) for y in range(len(levels)) for month in (2, 5, 8, 11)]
    scenes = tuple(Scene(day * SECONDS_A_DAY, "x", f"s{i:04d}") for i, day in enumerate(days))
    values = np.repeat(np.array(levels, np.float32), 4)
    return Looks(scenes, np.repeat(values[:, None, None], many, 2).copy())


def loss(*days: date, pixel: int = 0, turn: Turn = Turn.LOSS) -> np.ndarray:
    """CHANGE rows."""
    rows = np.zeros(len(days), CHANGE)
    rows["pixel"], rows["turn"], rows["day"] = pixel, turn, [to_day(day) for day in days]
    return rows


def kinds(found: Aftermath) -> list[tuple[str, int]]:
    """(kind, calendar year) of what it says."""
    return [(Turn(row["turn"]).name.lower(), date.fromordinal(719_163 + int(row["day"])).year) for row in found.changes]


GROWS = (FOREST, FOREST, BARE, BARE, 0.3, 0.45, 0.6, 0.7, 0.7)


def test_regrowth_is_dated_by_the_look_of_its_year_and_said_when_it_has_lasted() -> None:
    found = aftermath(Recovery(), looks(*GROWS), loss(date(2002, 1, 20)))
    assert kinds(found) == [("regrowth", 2004)]
    row = found.changes[0]
    assert (row["day"], row["before"]) == (to_day(date(2004, 2, 1)), to_day(date(2003, 2, 1)))
    assert row["said"] == to_day(date(2006, 12, 31)), "the third year in a row"
    assert (row["level"], row["magnitude"]) == (pytest.approx(BARE), pytest.approx(0.6 - BARE))
    assert (found.start.tolist(), found.end.tolist()) == ([2001], [2002])
    assert found.metrics.y2r.tolist() == [4] and found.metrics.dnbr[0] == pytest.approx(FOREST - BARE)


def test_recovery_counts_from_the_lowest_year_in_which_the_loss_may_still_go_on() -> None:
    slow = (FOREST, FOREST, 0.5, 0.3, BARE, 0.3, 0.45, 0.6, 0.7)
    found = aftermath(Recovery(), looks(*slow), loss(date(2002, 1, 20)))
    assert found.end.tolist() == [2004] and kinds(found) == [("regrowth", 2005)]
    assert aftermath(Recovery(settles=0), looks(*slow), loss(date(2002, 1, 20))).end.tolist() == [2002]


def test_what_had_regrown_and_was_cleared_again() -> None:
    found = aftermath(Recovery(), looks(*GROWS, BARE, BARE, 0.3), loss(date(2002, 1, 20)))
    assert kinds(found) == [("regrowth", 2004), ("recleared", 2009)]
    again = found.changes[1]
    assert again["said"] == to_day(date(2010, 12, 31)) and again["magnitude"] == pytest.approx(BARE - FOREST)
    assert found.regrowth.age.tolist() == [4]


def test_the_next_loss_ends_what_came_after_the_first() -> None:
    twice = loss(date(2002, 1, 20), date(2009, 1, 20))
    found = aftermath(Recovery(), looks(*GROWS, BARE, BARE, 0.3), twice)
    assert kinds(found) == [("regrowth", 2004)], "the second clearing is a loss of its own"
    assert found.metrics.y2r.tolist() == [4, NOT_REACHED] and found.end.tolist() == [2002, 2009]
    assert found.regrowth.onset.tolist() == [2004, NO_YEAR]


def test_an_index_that_loss_raises() -> None:
    up = looks(*(-level for level in GROWS))
    found = aftermath(Recovery(), up, loss(date(2002, 1, 20)), sign=-1)
    assert kinds(found) == [("regrowth", 2004)]
    assert found.changes["magnitude"][0] == pytest.approx(BARE - 0.6) and found.changes["level"][0] == pytest.approx(
        -BARE
    )


def test_a_year_without_a_look_is_no_year() -> None:
    gap = (FOREST, FOREST, np.nan, BARE, np.nan, 0.45, np.nan, 0.6, 0.7)
    found = aftermath(Recovery(), looks(*gap), loss(date(2003, 2, 1)))
    assert (found.start.tolist(), found.end.tolist(), kinds(found)) == ([2001], [2003], [("regrowth", 2005)])
    assert found.changes["before"][0] == to_day(date(2003, 2, 1))
    assert found.changes["said"][0] == to_day(date(2008, 12, 31))


def test_a_loss_with_no_look_before_or_after_it_says_nothing() -> None:
    for day in (date(1990, 1, 1), date(2030, 1, 1)):
        found = aftermath(Recovery(), looks(*GROWS), loss(day))
        assert not len(found.changes) and len(found.losses) == 1
        assert np.isnan(found.metrics.r80p).all() or day.year == 1990
    nothing = looks(*[np.nan] * 5)
    assert not len(aftermath(Recovery(), nothing, loss(date(2002, 1, 1))).changes)
    assert not len(aftermath(Recovery(), looks(*GROWS), loss()).losses)
    none = Looks((), np.zeros((0, 1, 3), np.float32))
    assert not len(aftermath(Recovery(), none, loss()).losses)


def test_a_season_decides_which_looks_count() -> None:
    seen = looks(*GROWS)
    seen.values[np.array([scene.when.month != 5 for scene in seen.scenes])] = 0.65
    found = aftermath(Recovery(), seen, loss(date(2002, 2, 1)), annual=SHORT)
    assert kinds(found) == [("regrowth", 2004)] and found.changes["day"][0] == to_day(date(2004, 5, 1))
    assert found.changes["said"][0] == to_day(date(2006, 7, 19))


def test_what_a_method_says_of_regrowth_gives_way() -> None:
    theirs = np.concatenate([loss(date(2002, 1, 20)), loss(date(2003, 1, 1), turn=Turn.REGROWTH)])
    theirs = np.concatenate([theirs, loss(date(2005, 1, 1), turn=Turn.OTHER)])
    made = told(theirs, aftermath(Recovery(), looks(*GROWS), theirs))
    assert made["turn"].tolist() == [Turn.LOSS, Turn.REGROWTH, Turn.OTHER]
    assert made["day"].tolist() == sorted(made["day"]) and made["day"][1] == to_day(date(2004, 2, 1))


def eventful(seed: int, pixels: int) -> tuple[Looks, np.ndarray]:
    """Random years at a row of pixels, a gap here and there, and up to two losses each."""
    rng = np.random.default_rng(seed)
    seen = looks(*[0.0] * 16, many=pixels)
    years = rng.choice([BARE, 0.2, 0.3, 0.5, FOREST], (16, pixels)).repeat(4, 0)
    seen.values[:, 0] = years + rng.normal(0, 0.02, years.shape)
    seen.values[rng.random(seen.values.shape) < 0.3] = np.nan
    rows = [
        loss(*(date(2001 + int(y), 6, 1) for y in np.sort(rng.choice(12, 2, replace=False))), pixel=p)
        for p in range(pixels)
    ]
    return seen, np.concatenate(rows)[rng.random(2 * pixels) < 0.8]


def plain(rows: np.ndarray) -> list[tuple[float, ...]]:
    """The rows without their probability, of which there is none."""
    assert np.isnan(rows["probability"]).all()
    return [row[:-1] for row in rows.tolist()]


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_pixels_do_not_know_of_each_other(seed: int, pixels: int) -> None:
    seen, losses = eventful(seed, pixels)
    whole = aftermath(Recovery(), seen, losses)
    for p in range(pixels):
        mine = losses[losses["pixel"] == p].copy()
        mine["pixel"] = 0
        alone = aftermath(Recovery(), Looks(seen.scenes, np.ascontiguousarray(seen.values[:, :, p : p + 1])), mine)
        assert plain(alone.changes) == [(0, *row[1:]) for row in plain(whole.changes) if row[0] == p]


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_an_archive_that_ends_where_it_was_said_says_it_too(seed: int) -> None:
    seen, losses = eventful(seed, 4)
    losses = losses[np.append(True, np.diff(losses["pixel"]) != 0)[: len(losses)]]
    whole = aftermath(Recovery(), seen, losses)
    for at, row in enumerate(whole.changes):
        until = np.flatnonzero(seen.days <= row["said"])
        cut = aftermath(Recovery(), Looks(tuple(seen.scenes[i] for i in until), seen.values[until]), losses)
        assert plain(whole.changes[[at]])[0] in plain(cut.changes)
        before = np.flatnonzero(seen.days < row["said"] - 366)
        early = aftermath(Recovery(), Looks(tuple(seen.scenes[i] for i in before), seen.values[before]), losses)
        assert plain(whole.changes[[at]])[0] not in plain(early.changes)
