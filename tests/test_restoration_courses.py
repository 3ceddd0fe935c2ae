"""From which loss recovery counts, pixel by pixel and area by area: the worked example, one pixel a course, many areas."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.codes import NO_YEAR
from detection.errors import BadInput
from detection.segments.falls import Falls, followed
from detection.segments.recovery import Recovery
from jobs.reports.restoration import courses
from jobs.reports.restoration.courses import (
    AreaCourse,
    Plot,
    area_course,
    course_of,
    measured,
    measured_many,
    onset_of,
    recleared_of,
)
from jobs.reports.restoration.recovery import Course, Measuring, Recovered, Series, frozen, rows

QUICK = settings(max_examples=30, deadline=None)
PLAIN = Measuring(draws=100)
EXAMPLE = [0.70, 0.70, 0.20, 0.30, 0.40, 0.50, 0.55, 0.60]
"""Two years before the loss, y0, five after it: the worked example of reporting.md D7."""
NAN = float("nan")
FOREST, BARE, GREEN = [0.7] * 4, [0.1, 0.15], [0.4, 0.55, 0.6, 0.65]
PIXELS: dict[str, tuple[list[float], Course, int, int]] = {
    "grows back": ([*FOREST, *BARE, *GREEN, 0.7], Course.RECOVERING, 2006, NO_YEAR),
    "stays pasture": ([*FOREST, *BARE, 0.3, 0.25, 0.3, 0.25, 0.3], Course.STALLED, NO_YEAR, NO_YEAR),
    "never lost anything": ([0.7] * 11, Course.UNTOUCHED, NO_YEAR, NO_YEAR),
    "scrub": ([*FOREST, *BARE, 0.4, 0.5, 0.5, 0.5, 0.5], Course.STALLED, NO_YEAR, NO_YEAR),
    "cleared late in a year": ([*FOREST, 0.7, 0.7, 0.7, 0.55, 0.2, 0.2, 0.2], Course.RECLEARED, NO_YEAR, 2008),
    "one good year": ([0.7] * 5 + [1.1] + [0.7] * 5, Course.UNTOUCHED, NO_YEAR, NO_YEAR),
    "one bad year": ([0.7] * 5 + [0.2] + [0.7] * 5, Course.UNTOUCHED, NO_YEAR, NO_YEAR),
    "cleared twice": ([*FOREST, *BARE, *GREEN, 0.1, 0.2], Course.RECLEARED, 2006, 2011),
    "cleared twice, in the last year": ([*FOREST, *BARE, *GREEN, 0.1], Course.RECLEARED, 2006, 2011),
    "fell a little in the last year": ([*FOREST, *BARE, *GREEN, 0.42], Course.RECOVERING, 2006, NO_YEAR),
    "fell by more in the last year": ([*FOREST, *BARE, *GREEN, 0.35], Course.RECLEARED, 2006, 2011),
    "cleared twice, unseen": ([*FOREST, 0.1, 0.55, 0.6, 0.65, NAN, NAN, 0.1], Course.RECLEARED, 2006, 2010),
    "whole, and cleared later": ([*FOREST, 0.7, 0.7, 0.7, 0.2, 0.2, 0.2, 0.2], Course.RECLEARED, NO_YEAR, 2008),
    "pasture from the first": ([0.3, 0.25, 0.3, 0.25] * 3, Course.STALLED, NO_YEAR, NO_YEAR),
    "pasture that was bare for a while": ([0.4, 0.4, 0.2, 0.2, *[0.4] * 7], Course.STALLED, NO_YEAR, NO_YEAR),
    "pasture that grows": ([0.3, 0.25, 0.3, 0.25, 0.3, 0.3, *GREEN, 0.7], Course.RECOVERING, 2006, NO_YEAR),
    "lost, and hardly seen since": ([*FOREST, 0.1, 0.1, NAN, NAN, 0.2, NAN, NAN], Course.NOT_SEEN, NO_YEAR, NO_YEAR),
    "not seen when it was lost": ([*FOREST, *[NAN] * 3, 0.1, 0.1, 0.2, 0.2], Course.STALLED, NO_YEAR, NO_YEAR),
    "not seen": ([NAN] * 11, Course.NOT_SEEN, NO_YEAR, NO_YEAR),
}
"""From 2001 on, restoration since 2005 -> course, onset, second clearing."""


def series(*pixels: list[float], first: int = 2001, area: str = "plot-1") -> Series:
    values = np.array(pixels, float).T
    return Series(area, "NBR", np.arange(first, first + len(values), dtype=np.int32), values)


def plot(one: Series, since: int | None = 2005, reference: float | None = 0.7, **more) -> Plot:
    first = int(one.years[0])
    return Plot(one, frozen(Recovery(), one, first, first + 1), since, reference, **more)


def told(*pixels: list[float], **more) -> Recovered:
    return next(measured_many(PLAIN, [plot(series(*pixels), **more)]))


def random_plots(seed: int, many: int = 12) -> list[Plot]:
    rng = np.random.default_rng(seed)
    made = []
    for n in range(many):
        pixels, long = int(rng.integers(1, 9)), int(rng.integers(2, 25))
        values = np.where(rng.random((long, pixels)) < 0.4, 0.2, 0.7) + rng.normal(0, 0.05, (long, pixels))
        values[rng.random(values.shape) < 0.2] = NAN
        since = None if rng.random() < 0.3 else int(rng.integers(1998, 2030))
        reference = None if rng.random() < 0.3 else 0.7
        one = series(*values.T.tolist(), first=2001 + n // 4, area=f"plot-{n}")
        made.append(plot(one, since, reference, weights=rng.uniform(0.1, 1, pixels)))
    return made


def test_the_worked_example_to_its_digits() -> None:
    one = series(EXAMPLE)
    made = measured(PLAIN, one, frozen(Recovery(), one, 2001, 2002), since=2003)
    value = {name: figure.mean.value for name, figure in made.figures.items()}
    assert made.metrics.target[0] == 0.70 and value["y2r"] == 5
    assert value["delta_ir"] == pytest.approx(0.40, rel=1e-12) and value["yryr"] == pytest.approx(0.08, rel=1e-12)
    assert round(value["r80p"], 4) == 1.0714 and value["rri"] == pytest.approx(0.80, rel=1e-12)
    assert made.target == courses.OWN and value["onset"] == 2004 and value["age"] == 4
    assert course_of(made) == AreaCourse.RECOVERING and onset_of(made) == 2004 and recleared_of(made) is None


@pytest.mark.parametrize("name", PIXELS)
def test_one_pixel_of_each_course(name: str) -> None:
    values, course, onset, again = PIXELS[name]
    made = told(values[:11])
    assert (Course(int(made.course[0])), made.regrowth.onset[0], made.regrowth.cleared[0]) == (course, onset, again)
    assert course_of(made) == AreaCourse(int(course))
    assert onset_of(made) == (onset or None) and recleared_of(made) == (again or None)


def test_a_loss_seen_a_year_late_still_counts_and_one_seen_later_is_a_second_one() -> None:
    values = [*[0.7] * 5, 0.1, 0.1, *GREEN]
    assert [course_of(told(values, since=year)) for year in (2004, 2005, 2006)] == [
        AreaCourse.RECLEARED, AreaCourse.RECOVERING, AreaCourse.RECOVERING
    ]  # fmt: skip


def test_of_several_losses_the_last_one_up_to_the_start_counts_and_without_a_start_the_first() -> None:
    values = [*FOREST, *BARE, *GREEN, 0.7, 0.1, 0.1, *GREEN]
    late, early, unsaid = (told(values, since=since) for since in (2013, 2006, None))
    assert course_of(late) == AreaCourse.RECOVERING and onset_of(late) == 2013
    assert course_of(early) == course_of(unsaid) == AreaCourse.RECLEARED
    assert recleared_of(early) == recleared_of(unsaid) == 2012 and onset_of(early) == 2006


def test_an_area_without_a_start_that_was_bare_at_first_is_measured_from_the_first_year() -> None:
    made = told([*BARE, *GREEN, 0.7, 0.7, 0.1, 0.2, 0.2], since=None)
    assert course_of(made) == AreaCourse.RECLEARED and onset_of(made) == 2002 and recleared_of(made) == 2009
    assert made.target == courses.NEARBY


def test_young_regrowth_is_no_measure_of_itself() -> None:
    made = told([*FOREST, *BARE, 0.4, 0.5, 0.55, 0.1, 0.1, 0.3, 0.35, 0.4, 0.4], since=2010)
    assert made.metrics.target[0] == pytest.approx(0.7), "of the forest, not of what stood before the second loss"
    assert course_of(made) == AreaCourse.STALLED


def test_recovery_counts_from_the_lowest_of_the_years_in_which_a_loss_settles() -> None:
    assert told([*FOREST, 0.3, 0.2, 0.3, 0.3, 0.1, 0.3, 0.3]).metrics.dnbr.tolist() == [pytest.approx(0.5)]


def test_without_a_loss_and_without_forest_nearby_nothing_is_said() -> None:
    assert course_of(told([0.7] * 11, reference=None)) == AreaCourse.NOT_MEASURED
    assert course_of(told([0.3] * 11, reference=None)) == AreaCourse.NOT_MEASURED
    grown = told(PIXELS["grows back"][0], reference=None)
    assert course_of(grown) == AreaCourse.RECOVERING and grown.target == courses.OWN


def test_an_index_below_nought_loses_nothing() -> None:
    assert course_of(told([-0.1] * 11, reference=None)) == AreaCourse.NOT_MEASURED


def test_a_bad_year_after_the_onset_is_an_interruption() -> None:
    made = told([*FOREST, *BARE, *GREEN, 0.7, 0.3, 0.7, 0.7])
    assert course_of(made) == AreaCourse.RECOVERING and made.regrowth.interruptions.tolist() == [1]
    assert made.regrowth.age.tolist() == [2014 - 2006]


def test_where_the_targets_come_from_is_said() -> None:
    low, own = PIXELS["pasture from the first"][0][:11], PIXELS["grows back"][0]
    assert told(low).target == courses.NEARBY and told(low).metrics.target.tolist() == [0.7]
    assert told(low, own).target == courses.EITHER and told(own).target == courses.OWN
    assert np.isnan(told(low).figures["rri"].mean.value or NAN), "what it was before the loss is not known"


@pytest.mark.parametrize(
    ("values", "course"),
    [
        ([0.2] * 6, AreaCourse.STALLED),
        ([0.2, *GREEN, 0.7], AreaCourse.RECOVERING),
        ([0.7] * 6, AreaCourse.UNTOUCHED),
        ([0.7, 0.7, 0.1, 0.1, 0.2, 0.2], AreaCourse.RECLEARED),
    ],
)
def test_a_series_that_begins_after_the_restoration(values: list[float], course: AreaCourse) -> None:
    assert course_of(told(values, since=1995)) == course


def test_a_restoration_that_begins_after_the_series() -> None:
    assert course_of(told([0.7] * 8, since=2030)) == AreaCourse.UNTOUCHED
    assert course_of(told([0.2] * 8, since=2030)) == AreaCourse.NOT_MEASURED


@pytest.mark.parametrize(
    ("shares", "course"),
    [
        ((0.51, 0, 0.49, 0, 0), AreaCourse.NOT_MEASURED),
        ((0.5, 0, 0.5, 0, 0), AreaCourse.STALLED),
        ((0, 0.75, 0.25, 0, 0), AreaCourse.UNTOUCHED),
        ((0, 0.74, 0, 0.2, 0.06), AreaCourse.RECOVERING),
        ((0.2, 0.6, 0, 0.2, 0), AreaCourse.UNTOUCHED),
        ((0, 0.2, 0.4, 0.4, 0), AreaCourse.RECOVERING),
        ((0, 0.2, 0.2, 0.2, 0.4), AreaCourse.RECLEARED),
    ],
)
def test_the_course_of_an_area_from_shares(shares: tuple[float, ...], course: AreaCourse) -> None:
    assert area_course(dict(zip(Course, shares, strict=True))) == course


def test_the_years_of_an_area_are_those_of_most_hectares() -> None:
    late = [*FOREST, 0.1, 0.1, 0.1, 0.1, 0.5, 0.6, 0.65]
    grown = PIXELS["grows back"][0]
    made = told(grown, grown, late, weights=[1, 1, 3])
    assert made.regrowth.onset.tolist() == [2006, 2006, 2008] and onset_of(made) == 2008
    assert onset_of(replace(made, weights=np.array([1.0, 1.0, 1.0]))) == 2006


def test_areas_of_no_pixels_are_refused() -> None:
    with pytest.raises(BadInput, match=r"\(year, pixel\)"):
        series(EXAMPLE[:0])
    with pytest.raises(BadInput, match="not all nought"):
        told(EXAMPLE, weights=[0.0])
    assert list(measured_many(PLAIN, [])) == []


def test_a_baseline_of_other_values_is_refused() -> None:
    good = plot(series(EXAMPLE))
    with pytest.raises(BadInput, match="are not those frozen"):
        list(measured_many(PLAIN, [good, replace(good, series=series([0.6, *EXAMPLE[1:]]))]))


@QUICK
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 20]))
def test_neither_the_order_of_areas_nor_how_they_are_cut_matters(seed: int, pixels: int) -> None:
    plots = random_plots(seed)
    order = np.random.default_rng(seed).permutation(len(plots)).tolist()
    whole = [rows(one) for one in measured_many(PLAIN, plots)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courses, "PIXELS", pixels)
        cut = [rows(one) for one in measured_many(PLAIN, iter([plots[n] for n in order]))]
    assert cut == [whole[n] for n in order]
    assert [one[0][0] for one in whole] == [one.series.area for one in plots]


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_units_and_calendar_do_not_matter_and_years_follow_one_another(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((25, 40)) < 0.4, 0.2, 0.7) + rng.normal(0, 0.08, (25, 40))
    values[rng.random(values.shape) < 0.2] = NAN
    years, since = np.arange(1990, 2015, dtype=np.int32), rng.integers(1988, 2016, 40).astype(np.int32)
    nearby = np.where(rng.random(40) < 0.5, 0.7, NAN)
    made = followed(Falls(), Recovery(), years, values, since, nearby)
    half = followed(Falls(), Recovery(), years + 7, values / 2, since + 7, nearby / 2)
    assert np.array_equal(made.lost, half.lost) and np.array_equal(made.target, half.target * 2, equal_nan=True)
    for name in ("start", "end"):
        assert np.array_equal(getattr(made, name) + 7, getattr(half, name))
    rose, again = made.onset != NO_YEAR, made.cleared != NO_YEAR
    assert np.array_equal(rose, half.onset != NO_YEAR) and np.array_equal(again, half.cleared != NO_YEAR)
    assert (made.start < made.end).all() and (made.lost | ~rose).all() and np.isfinite(made.target[made.lost]).all()
    assert (made.onset[rose] > made.end[rose]).all() and (made.cleared[rose & again] > made.onset[rose & again]).all()
    assert (made.end[made.lost] > made.start[made.lost]).all() and (rose | ~again | ~made.lost).all()
    one = followed(Falls(), Recovery(), years, values[:, 3:4], since[3:4], nearby[3:4])
    assert one.end[0] == made.end[3] and one.onset[0] == made.onset[3], "neighbours do not matter"
