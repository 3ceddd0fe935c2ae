"""Uneven intervals, drawn: both ends and the mean as published, by name, whatever else is drawn."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.errors import BadInput
from jobs.reports.peat.draws import Interval, drawn, drawn_area, fitted, shares
from jobs.reports.peat.factors import factor_set, shipped

FOREST = Interval(5.3, -0.7, 9.5, 0.95)
"""IPCC 2013 Wetlands Supplement, Table 2.1, drained forest land: longer below than above, and it crosses nought."""
PUBLISHED = [row for name in shipped() for row in factor_set(name).rows if row.figure.low is not None]


def bounds(draws: np.ndarray, level: float = 0.95) -> np.ndarray:
    return np.asarray(np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.key)
def test_every_factor_that_comes_along_is_drawn_as_published(row) -> None:
    figure = row.figure
    draws = drawn(figure, row.key, 1, 10_000)
    wide = figure.high - figure.low
    if figure.level < 1:
        assert bounds(draws, figure.level) == pytest.approx([figure.low, figure.high], abs=0.005 * wide)
    else:
        assert figure.low <= draws.min() and draws.max() <= figure.high
    assert draws.mean() == pytest.approx(figure.value, abs=0.002 * wide), "the mean is what is published"


def test_the_row_that_crosses_nought_keeps_its_mean_and_its_removals() -> None:
    draws = drawn(FOREST, "forest", 7, 100_000)
    assert bounds(draws) == pytest.approx([-0.7, 9.5], abs=0.01)
    assert draws.mean() == pytest.approx(5.3, abs=0.003)
    below = float((draws < 0).mean())
    assert 0.03 < below < 0.05, "nothing is cut off at nought: cutting would lift the mean"
    assert draws[draws > 0].mean() > 5.45


def test_an_even_normal_would_not_do() -> None:
    """What the even interval of the same width around the same value says: both ends are off by almost one tonne."""
    sigma = (9.5 + 0.7) / 2 / NormalDist().inv_cdf(0.975)
    even = 5.3 + sigma * np.array([NormalDist().inv_cdf(share) for share in (0.025, 0.975)])
    assert abs(even - [-0.7, 9.5]).min() > 0.85
    assert bounds(drawn(FOREST, "forest", 1, 10_000)) != pytest.approx(even, abs=0.8)


@given(
    st.floats(-50, 50), st.floats(0.1, 100), st.floats(0.22, 0.78), st.sampled_from([0.95, 0.99]), st.integers(0, 2**31)
)
def test_any_interval_is_met(low: float, wide: float, position: float, level: float, seed: int) -> None:
    figure = Interval(low + position * wide, low, low + wide, level)
    shape = fitted(figure)
    ends = shape.at(np.array([(1 - level) / 2, (1 + level) / 2]))
    assert ends == pytest.approx([figure.low, figure.high], abs=1e-6 * wide)
    draws = shape.at(shares("any", seed, 4_000))
    assert draws.mean() == pytest.approx(figure.value, abs=0.02 * wide)


@given(st.floats(0.1, 0.9), st.integers(0, 1000))
def test_a_median_can_be_told_apart(position: float, seed: int) -> None:
    draws = drawn(Interval(position, 0, 1, 0.95, "median"), "median", seed, 2_000)
    assert np.median(draws) == pytest.approx(position, abs=0.002)
    assert bounds(draws) == pytest.approx([0, 1], abs=0.05)


def test_streams_have_names_and_seeds() -> None:
    assert (shares("a", 1, 100) == shares("a", 1, 100)).all()
    assert (shares("a", 1, 100) != shares("b", 1, 100)).any() and (shares("a", 1, 100) != shares("a", 2, 100)).any()
    both = np.corrcoef(shares("a", 1, 10_000), shares("b", 1, 10_000))[0, 1]
    assert abs(both) < 0.04, "streams of two names have nothing to do with each other"
    assert np.bincount((shares("a", 1, 100) * 100).astype(int), minlength=100).tolist() == [1] * 100


@pytest.mark.parametrize(("area", "se"), [(100, 5), (100, 60), (12.5, 12.5), (100, 0), (0, 5)])
def test_areas_keep_mean_and_error_and_are_never_below_nought(area: float, se: float) -> None:
    draws = drawn_area(area, se, "area", 3, 20_000)
    assert draws.min() >= 0
    assert draws.mean() == pytest.approx(area, rel=0.01)
    assert draws.std() == pytest.approx(se if area else 0, rel=0.02)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Interval(3, 4, 5, 0.95), "value 3 does not lie between low 4 and high 5"),
        (Interval(3, 2, None, 0.95), "low, high and level belong together"),
        (Interval(3, 2, 4, None), "low, high and level belong together"),
        (Interval(3, 2, 4, 95), "level 95 is no share between 0 and 1"),
        (Interval(3, 2, 5, 0.68), "an uneven interval needs a level of 0.9 or more"),
        (Interval(0.01, 0, 1, 0.95), "too near an end to be the mean; is it the median?"),
        (Interval(3, 2, 8, 1.0), "of a whole range (level 1) the value is its centre 5, not 3"),
        (Interval(0, 0, 1, 0.95, "median"), "cannot lie at an end of its own interval"),
    ],
)
def test_what_is_no_interval_is_refused(figure: Interval, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        fitted(figure)
    assert said in str(caught.value) and "\n" not in str(caught.value)
