"""Recovery metrics: the worked example to all digits, what is not there, polygons, and when regrowth began."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yearlylooks import borneo

from detection.errors import BadInput
from detection.segments.annual import Annual, yearly
from detection.segments.recovery import METRICS, NO_YEAR, NOT_REACHED, Recovery, metrics, polygon, regrowth
from detection.types import to_date

QUICK = settings(max_examples=50, deadline=None)
YEARS = np.arange(2001, 2021, dtype=np.int32)
EXAMPLE = [0.70, 0.70, 0.20, 0.30, 0.40, 0.50, 0.55, 0.60]
"""Two years before the loss, y0, five after it: the worked example of reporting.md D7."""


def years(*one: int) -> np.ndarray:
    return np.array(one, np.int32)


def column(*values: float) -> tuple[np.ndarray, np.ndarray]:
    """(years, (year, 1) values)."""
    return YEARS[: len(values)], np.array(values, float)[:, None]


def test_the_worked_example() -> None:
    when, values = column(*EXAMPLE)
    made = metrics(Recovery(), when, values, years(2002), years(2003))
    assert made.target[0] == 0.7
    assert made.delta_ir[0] == pytest.approx(0.40, rel=1e-12)
    assert made.yryr[0] == pytest.approx(0.08, rel=1e-12)
    assert made.r80p[0] == pytest.approx(0.60 / 0.56, rel=1e-12) and round(float(made.r80p[0]), 4) == 1.0714
    assert made.y2r[0] == 5
    assert made.rri[0] == pytest.approx(0.80, rel=1e-12)
    assert made.dnbr[0] == pytest.approx(0.50, rel=1e-12)


def test_not_reached_is_not_the_same_as_not_seen() -> None:
    nan = np.nan
    table = np.array([
        [0.7, 0.7, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3],
        [0.7, 0.7, nan, nan, nan, nan, nan, nan],
        [0.7, 0.7, 0.2, nan, nan, 0.6, nan, nan],
        [nan, nan, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6],
        [nan, 0.7, 0.6, 0.3, 0.4, 0.5, 0.6, 0.6],
        [-0.1, -0.1, -0.2, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]).T  # fmt: skip
    made = metrics(Recovery(), YEARS[:8], table, np.full(6, 2002, np.int32), np.full(6, 2003, np.int32))
    assert made.y2r[:3].tolist() == [NOT_REACHED, pytest.approx(np.nan, nan_ok=True), 3.0]
    assert np.isnan(made.y2r[[3, 5]]).all() and made.y2r[4] == 0
    assert np.isnan(made.r80p[[1, 2, 3, 5]]).all() and np.isfinite(made.rri[[0, 4]]).all()
    assert np.isnan(made.rri[[1, 2, 3]]).all() and np.isnan(made.delta_ir[[1, 2]]).all()
    assert made.target[4] == 0.7, "of the two years before it, the one that was seen"


def test_what_lies_beyond_the_series_is_unknown_and_a_loss_of_nothing_has_no_rri() -> None:
    when, values = column(*EXAMPLE)
    late = metrics(Recovery(span=6), when, values, years(2002), years(2003))
    assert np.isnan([late.delta_ir[0], late.yryr[0], late.r80p[0]]).all() and late.y2r[0] == 5
    assert late.rri[0] == pytest.approx(0.8), "of the two last years the one that was seen"
    flat = metrics(Recovery(), *column(*[0.7] * 8), years(2002), years(2003))
    assert np.isnan(flat.rri[0]) and flat.y2r[0] == 0 and flat.dnbr[0] == 0
    assert np.isnan(metrics(Recovery(), when, values, years(1990), years(2003)).target[0])


def test_every_pixel_has_its_own_years_and_its_own_target() -> None:
    shifted = np.full((10, 2), 0.7)
    shifted[:8, 0], shifted[2:, 1] = EXAMPLE, EXAMPLE
    made = metrics(Recovery(), YEARS[:10], shifted, years(2002, 2004), years(2003, 2005))
    for name in METRICS:
        assert getattr(made, name)[0] == getattr(made, name)[1]
    given_ = metrics(Recovery(), YEARS[:10], shifted, years(2002, 2004), years(2003, 2005), target=[0.5, 0.7])
    assert given_.y2r.tolist() == [2, 5] and given_.r80p[0] == pytest.approx(0.6 / 0.4)


@pytest.mark.parametrize(
    ("when", "rows", "start", "end", "said"),
    [
        ([2001, 2003], 2, 2001, 2003, "one after the other"),
        ([], 0, 2001, 2003, "one after the other"),
        ([2001, 2002], 3, 2001, 2002, "expected"),
        ([2001, 2002], 2, 2002, 2002, "before"),
    ],
)
def test_what_makes_no_sense_is_refused(when: list[int], rows: int, start: int, end: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        metrics(Recovery(), years(*when), np.ones((rows, 1)), years(start), years(end))


def test_a_polygon_summarises_the_metrics_of_its_pixels() -> None:
    table = np.array([EXAMPLE, [0.7, 0.7, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3], [0.7, 0.7, *[np.nan] * 6], EXAMPLE]).T
    made = metrics(Recovery(), YEARS[:8], table, np.full(4, 2002, np.int32), np.full(4, 2003, np.int32))
    found = polygon(made, [1.0, 0.5, 1.0, 0.0])
    assert found["y2r"].mean == 5 and found["y2r"].pixels == 2 and found["y2r"].recovered == pytest.approx(2 / 3)
    assert found["delta_ir"].mean == pytest.approx((0.4 + 0.5 * 0.1) / 1.5)
    assert found["r80p"].recovered == pytest.approx(2 / 3)
    mask = polygon(made, np.array([True, False, False, False]))
    assert mask["rri"].mean == pytest.approx(0.8) and mask["rri"].pixels == 1
    nothing = polygon(made, [0, 0, 1, 0])["y2r"]
    assert nothing.pixels == 0 and np.isnan([nothing.mean, nothing.recovered]).all()


def onset(*values: float) -> tuple[int, int, int, int]:
    """(onset, interruptions, second clearing, age) of a series whose loss lies between its second and third year."""
    made = regrowth(Recovery(), *column(*values), years(2002), years(2003))
    return int(made.onset[0]), int(made.interruptions[0]), int(made.cleared[0]), int(made.age[0])


def test_regrowth_begins_where_it_stays() -> None:
    nan = np.nan
    assert onset(0.7, 0.7, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6) == (2005, 0, NO_YEAR, 3)
    assert onset(0.7, 0.7, 0.2, 0.4, 0.2, 0.4, 0.5, 0.6) == (2006, 0, NO_YEAR, 2), "one risen year is not enough"
    assert onset(0.7, 0.7, 0.2, 0.2, 0.3, nan, 0.5, nan, 0.6) == (2005, 0, NO_YEAR, 4), "gaps are bridged"
    assert onset(0.7, 0.7, 0.2, 0.2, 0.25, 0.22, 0.25, 0.25) == (NO_YEAR, 0, NO_YEAR, -1)
    assert onset(0.7, 0.7, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4) == (NO_YEAR, 0, NO_YEAR, -1), "two years do not say it yet"
    assert onset(0.7, 0.7, nan, 0.4, 0.5, 0.6) == (NO_YEAR, 0, NO_YEAR, -1), "no level to rise from"


def test_a_second_clearing_and_an_interruption() -> None:
    risen = (0.7, 0.7, 0.2, 0.3, 0.45, 0.5, 0.6)
    assert onset(*risen, 0.25, 0.3, 0.4, 0.5) == (2004, 0, 2008, 3)
    assert onset(*risen, 0.25, 0.6, 0.6, 0.6) == (2004, 1, NO_YEAR, 7)
    assert onset(*risen, 0.25) == (2004, 0, NO_YEAR, 4), "the last year alone says nothing yet"
    assert onset(*risen, 0.25, 0.6, 0.25, 0.25) == (2004, 1, 2010, 5)


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.data())
def test_pixels_do_not_know_of_each_other(seed: int, pixels: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.05, 0.9, (len(YEARS), pixels))
    values[rng.random(values.shape) < 0.2] = np.nan
    start = rng.integers(2000, 2018, pixels).astype(np.int32)
    end = (start + rng.integers(1, 4, pixels)).astype(np.int32)
    order = np.array(data.draw(st.permutations(range(pixels))))
    for function in (metrics, regrowth):
        whole = vars(function(Recovery(), YEARS, values, start, end))
        mixed = vars(function(Recovery(), YEARS, values[:, order], start[order], end[order]))
        for name in whole:
            assert whole[name][order].tobytes() == mixed[name].tobytes()


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_a_year_nobody_saw_at_either_end_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.05, 0.9, (len(YEARS), 8))
    start, end = np.full(8, 2005, np.int32), np.full(8, 2006, np.int32)
    wider = np.arange(YEARS[0] - 2, YEARS[-1] + 4, dtype=np.int32)
    padded = np.pad(values, ((2, 3), (0, 0)), constant_values=np.nan)
    for function in (metrics, regrowth):
        one, other = (
            vars(function(Recovery(), YEARS, values, start, end)),
            vars(function(Recovery(), wider, padded, start, end)),
        )
        assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_borneo_clearing_of_2006_grows_back(shared: Path) -> None:
    """Shifting cultivation: pixels that fell in 2006 had mostly come back before the plantation of 2014."""
    _, looks = borneo(shared)
    made = yearly(Annual(least_looks=3), looks)
    when = np.array([to_date(scene.day).year for scene in made.scenes], np.int32)
    ndmi, row = made.values[:, 0], int(np.flatnonzero(when == 2006)[0])
    fell = ndmi[row - 3 : row].mean(0) - np.fmin(ndmi[row], ndmi[row + 1]) > 0.2
    start = np.full(fell.sum(), 2005, np.int32)
    end = np.where(ndmi[row + 1, fell] < ndmi[row, fell], 2007, 2006).astype(np.int32)
    back = regrowth(Recovery(), when, ndmi[:, fell], start, end)
    found = metrics(Recovery(), when, ndmi[:, fell], start, end)
    assert fell.sum() >= 10
    assert (back.onset > 2006).mean() > 0.9 and np.median(back.onset[back.onset > 0]) <= 2009
    assert (found.y2r > 0).mean() > 0.5
