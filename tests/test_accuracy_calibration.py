"""Calibration: by hand, from the papers, and what must hold of any probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.accuracy.calibration import brier, brier_skill, calibration, ece, murphy, reliability
from detection.errors import BadInput

Drawn = tuple[NDArray[np.float64], NDArray[np.bool_]]


def drawn(seed: int, many: int = 500, *, off: float = 0) -> Drawn:
    """Probabilities that mean what they say, or are off by so much."""
    rng = np.random.default_rng(seed)
    sure = rng.random(many)
    return np.clip(sure + off, 0, 1), rng.random(many) < sure


def test_brier_and_skill_by_hand() -> None:
    sure, true = np.array([0.9, 0.9, 0.3, 0.1]), np.array([True, True, False, False])
    assert brier(sure, true) == pytest.approx((0.01 + 0.01 + 0.09 + 0.01) / 4)
    assert brier_skill(sure, true) == pytest.approx(1 - 0.03 / 0.25)
    assert brier_skill(sure, np.ones(4, bool)) is None
    assert brier_skill(np.full(4, 0.5), true) == 0


def test_murphys_parts_by_hand() -> None:
    """.8 said five times, true four times; .2 said five times, true twice."""
    sure = np.repeat([0.8, 0.2], 5)
    true = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0], bool)
    parts = murphy(sure, true)
    assert (parts.reliability, parts.resolution) == (pytest.approx(0.5 * 0.04), pytest.approx(0.04))
    assert (parts.uncertainty, parts.within) == (pytest.approx(0.24), pytest.approx(0))


def test_calibration_error_by_hand() -> None:
    sure, true = np.array([0.05, 0.15, 0.95, 0.95]), np.array([False, True, True, False])
    assert ece(sure, true, bins=2, kind="width") == pytest.approx((0.8 + 0.9) / 4)
    assert ece(sure, true, bins=10, kind="width") == pytest.approx((0.05 + 0.85 + 0.9) / 4)
    assert ece(sure, true, bins=2, kind="mass") == pytest.approx((0.8 + 0.9) / 4)
    assert ece(sure, true, bins=4, kind="mass") == pytest.approx((0.05 + 0.85 + 0.9) / 4)


def test_bins_of_equal_mass_hold_as_many_each() -> None:
    curve = reliability(*drawn(1, 1_500), bins=15)
    assert curve.many.tolist() == [100] * 15
    assert (np.diff(curve.probability) > 0).all()
    wide = reliability(*drawn(1, 1_500), bins=15, kind="width")
    assert wide.many.std() > 0
    assert wide.many.sum() == 1_500


@pytest.mark.parametrize("kind", ["mass", "width"])
def test_honest_probabilities_have_a_small_error_and_shifted_or_shuffled_ones_a_large_one(kind) -> None:
    sure, true = drawn(2, 20_000)
    assert ece(sure, true, kind=kind) < 0.02
    assert ece(*drawn(2, 20_000, off=0.2), kind=kind) > 0.12
    shuffled = np.random.default_rng(0).permutation(true)
    assert ece(sure, shuffled, kind=kind) > 0.2
    assert brier_skill(sure, true) > 0.3 > 0 > brier_skill(sure, shuffled)
    curve = reliability(sure, true, kind=kind)
    assert ((curve.low <= curve.probability) & (curve.probability <= curve.high)).mean() > 0.7


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9_999), st.integers(1, 300), st.sampled_from(["mass", "width"]), st.integers(1, 20))
def test_what_holds_of_any_probabilities(seed: int, many: int, kind, bins: int) -> None:
    sure, true = drawn(seed, many, off=0.1)
    sure = sure.round(1 + seed % 3)  # equal ones among them
    parts = murphy(sure, true, bins=bins, kind=kind)
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(brier(sure, true))
    error = ece(sure, true, bins=bins, kind=kind)
    assert 0 <= error <= 1
    order = np.random.default_rng(seed).permutation(many)
    assert ece(sure[order], true[order], bins=bins, kind=kind) == pytest.approx(error)
    assert ece(true.astype(float), true, bins=bins, kind=kind) == 0
    curve = reliability(sure, true, bins=bins, kind=kind)
    assert curve.many.sum() == many
    assert error == pytest.approx(np.sum(curve.many * np.abs(curve.probability - curve.share)) / many)


def test_of_nothing_there_are_no_figures() -> None:
    none = np.zeros(0), np.zeros(0, bool)
    told = calibration(*none)
    assert told.many == 0
    assert told.brier is told.ece is told.skill is told.parts is told.curve is None
    for figure in (brier, ece, murphy, reliability, brier_skill):
        with pytest.raises(BadInput, match="no probability to judge"):
            figure(*none)


@pytest.mark.parametrize("bad", [np.nan, 1.1, -0.1])
def test_what_is_no_probability_is_said(bad: float) -> None:
    with pytest.raises(BadInput, match="NaN or outside 0..1"):
        calibration(np.array([bad, 0.5]), np.array([True, False]))
    with pytest.raises(BadInput, match="for \\(1,\\) answers"):
        brier(np.array([0.1, 0.5]), np.array([True]))


def test_all_figures_are_those_of_the_functions() -> None:
    """That models are judged by the same definition: tests/test_learn.py."""
    sure, true = drawn(3)
    told = calibration(sure, true)
    assert (told.many, told.brier, told.ece) == (500, brier(sure, true), ece(sure, true))
