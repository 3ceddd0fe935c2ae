"""The recovery of an area: the worked example to its digits, courses of pixels, intervals, a baseline that holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput
from detection.segments.recovery import NOT_REACHED, Recovery
from jobs.reports.restoration import courses
from jobs.reports.restoration.recovery import (
    COLUMNS,
    FIGURES,
    Course,
    Measuring,
    Series,
    check,
    frozen,
    rows,
)

QUICK = settings(max_examples=20, deadline=None)
PLAIN = Measuring(draws=200)
EXAMPLE = [0.70, 0.70, 0.20, 0.30, 0.40, 0.50, 0.55, 0.60]
"""Two years before the loss, y0, five after it: the worked example of reporting.md D7."""
NAN = float("nan")
PIXELS = {
    Course.RECOVERING: EXAMPLE,
    Course.STALLED: [0.7, 0.7, 0.2, 0.2, 0.25, 0.2, 0.25, 0.2],
    Course.RECLEARED: [0.7, 0.7, 0.2, 0.55, 0.6, 0.65, 0.2, 0.2],
    Course.NOT_SEEN: [0.7, 0.7, 0.2, NAN, NAN, 0.3, NAN, 0.3],
    Course.UNTOUCHED: [0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7],
}
"""One of each course."""


def series(*pixels: list[float], first: int = 2001) -> Series:
    values = np.array(pixels, float).T
    return Series("plot-1", "NBR", np.arange(first, first + len(values), dtype=np.int32), values)


def measured(one: Series, **more):
    baseline = frozen(Recovery(), one, 2001, 2002)
    return courses.measured(PLAIN, one, baseline, **{"since": 2003, "reference": 0.7, **more})


def test_the_worked_example_to_its_digits() -> None:
    made = measured(series(EXAMPLE))
    value = {name: one.mean.value for name, one in made.figures.items()}
    assert made.metrics.target[0] == 0.70 and 0.8 * made.metrics.target[0] == pytest.approx(0.56, rel=1e-12)
    assert value["delta_ir"] == pytest.approx(0.40, rel=1e-12) and value["yryr"] == pytest.approx(0.08, rel=1e-12)
    assert round(value["r80p"], 4) == 1.0714 and value["y2r"] == 5 and value["rri"] == pytest.approx(0.80, rel=1e-12)
    assert value["onset"] == 2004 and value["age"] == 4 and value["gain"] == pytest.approx(-0.1)
    assert made.figures["y2r"].recovered == 1 and made.figures["y2r"].quantiles == (5, 5, 5)
    assert made.shares[Course.RECOVERING].value == 1 and made.target == courses.OWN


def test_one_pixel_of_each_course() -> None:
    made = measured(series(*PIXELS.values()), weights=[1, 2, 3, 4, 0])
    assert made.course.tolist() == [int(one) for one in PIXELS]
    shares = {one: share.value for one, share in made.shares.items()}
    assert shares == {
        Course.RECOVERING: 0.1, Course.STALLED: 0.2, Course.RECLEARED: 0.3, Course.NOT_SEEN: 0.4, Course.UNTOUCHED: 0
    }  # fmt: skip
    for share in made.shares.values():
        assert share.low <= share.value <= share.high and share.of == 10
    assert made.figures["onset"].pixels == 2 and made.figures["onset"].mean.value == 2004


@pytest.mark.parametrize("pixel", [[NAN, NAN, *EXAMPLE[2:]], EXAMPLE[:4], [NAN] * 8])
def test_what_was_not_seen_is_not_stalled(pixel: list[float]) -> None:
    """Nor is what nobody saw before its loss, where no forest nearby says what it should be."""
    assert measured(series(pixel), reference=None).course.tolist() == [Course.NOT_SEEN]


def test_a_lowest_year_that_was_not_seen_leaves_the_next() -> None:
    made = measured(series([*EXAMPLE[:2], NAN, *EXAMPLE[3:]]))
    assert made.course.tolist() == [Course.RECOVERING] and made.metrics.dnbr[0] == pytest.approx(0.4)


def test_years_to_a_target_that_most_have_not_reached_have_no_median() -> None:
    made = measured(series(EXAMPLE, PIXELS[Course.STALLED], PIXELS[Course.STALLED]))
    y2r = made.figures["y2r"]
    assert made.metrics.y2r.tolist() == [5, NOT_REACHED, NOT_REACHED]
    assert y2r.mean.value == 5 and y2r.pixels == 3 and y2r.recovered == pytest.approx(1 / 3)
    assert y2r.quantiles == (5, None, None)


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_shares_are_one_and_intervals_hold_and_repeat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.05, 0.9, (12, 30))
    values[rng.random(values.shape) < 0.2] = np.nan
    one, weights = series(*values.T.tolist()), rng.uniform(0, 1, 30)
    made, again = measured(one, weights=weights), measured(one, weights=weights)
    assert rows(made) == rows(again), "seeded"
    assert sum(share.value for share in made.shares.values()) == pytest.approx(1)
    for name in FIGURES:
        figure = made.figures[name]
        if figure.mean.value is not None and figure.pixels > 5 and name != "y2r":
            assert figure.mean.low <= figure.mean.value + 1e-9 and figure.mean.high >= figure.mean.value - 1e-9
        known = [q for q in figure.quantiles if q is not None]
        assert known == sorted(known)
    doubled = measured(one, weights=weights * 2)
    assert doubled.figures["rri"].mean.value == pytest.approx(made.figures["rri"].mean.value, nan_ok=True)


def test_more_pixels_that_differ_as_much_give_a_narrower_interval() -> None:
    rng = np.random.default_rng(3)
    few, many = (
        measured(series(*(np.array(EXAMPLE) + np.r_[0, 0, 0, 0, 0, 0, 0, d] for d in rng.normal(0, 0.1, n))))
        for n in (20, 500)
    )
    width = [made.figures["r80p"].mean.high - made.figures["r80p"].mean.low for made in (few, many)]
    assert 0 < width[1] < width[0] / 3


def test_a_baseline_is_frozen() -> None:
    one = series(EXAMPLE, [0.6, NAN, *EXAMPLE[2:]])
    baseline = frozen(Recovery(), one, 2001, 2002)
    assert len(baseline.sha256) == 64 and (baseline.first, baseline.last, baseline.pixels) == (2001, 2002, 2)
    later = one.values.copy()
    later[5:] = 0.1
    check(baseline, Recovery(), replace(one, values=later))
    longer = replace(one, years=np.arange(2000, 2009, dtype=np.int32), values=np.vstack([[0.5, 0.5], one.values]))
    assert frozen(Recovery(), longer, 2001, 2002) == baseline, "what lies outside the period is no part of it"
    negative = one.values.copy()
    negative[1, 1] = np.copysign(np.nan, -1)
    check(baseline, Recovery(), replace(one, values=negative))


def test_rows_are_as_long_as_their_header() -> None:
    made = rows(measured(series(*PIXELS.values())))
    assert {len(row) for row in made} == {len(COLUMNS)} and len(made) == len(FIGURES) + len(Course)
    assert [row[1] for row in made][-5:] == [
        "share_not_seen", "share_untouched", "share_stalled", "share_recovering", "share_recleared"
    ]  # fmt: skip
    nothing = dict(zip(COLUMNS, rows(measured(series([NAN] * 8)))[0], strict=True))
    assert nothing["value"] is None and nothing["ci_low"] is None and nothing["n_pix"] == 0


def changed_values(one: Series) -> Series:
    values = one.values.copy()
    values[0, 0] = 0.71
    return replace(one, values=values)


ONE = series(EXAMPLE, EXAMPLE)
BASE = frozen(Recovery(), ONE, 2001, 2002)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: replace(ONE, area=""), "id of its area"),
        (lambda: replace(ONE, values=ONE.values[:3]), r"values \(3, 2\); \(year, pixel\)"),
        (lambda: replace(ONE, values=ONE.values[:, :0]), r"\(year, pixel\)"),
        (lambda: replace(ONE, years=ONE.years * 2), "not one after the other"),
        (lambda: frozen(Recovery(), ONE, 2002, 2001), "ends before it begins"),
        (lambda: frozen(Recovery(), ONE, 1999, 2001), "lies beyond the series, 2001 to 2008"),
        (lambda: check(BASE, Recovery(), replace(ONE, index="NDVI")), "plot-1, NDVI; take its own baseline"),
        (lambda: check(BASE, Recovery(), series(EXAMPLE)), "1 pixels, 2 were frozen"),
        (lambda: check(BASE, Recovery(span=4), ONE), "other parameters"),
        (lambda: check(BASE, Recovery(), changed_values(ONE)), "are not those frozen"),
        (lambda: check(BASE, Recovery(), replace(ONE, values=np.roll(ONE.values, 1, 0))), "are not those frozen"),
        (lambda: check(BASE, Recovery(), series(EXAMPLE, EXAMPLE, first=2002)), "lies beyond the series"),
        (lambda: measured(ONE, weights=[1.0]), "one of each of the 2 pixels"),
        (lambda: measured(ONE, weights=[0, 0]), "not all nought"),
        (lambda: measured(ONE, weights=[1, -1]), "nought or more"),
        (lambda: measured(ONE, weights=[1, NAN]), "nought or more"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
