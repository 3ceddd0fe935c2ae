"""Rounded numbers, ratios of two estimates, and slips by a known factor."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.reports.claims.asked import Said, bounds_of
from jobs.reports.claims.numbers import Bounds, exactly, figure, rounded
from jobs.reports.claims.ratio import ratio
from jobs.reports.claims.slips import slips


@pytest.mark.parametrize(
    ("value", "how", "low", "high"),
    [
        (2_086_089, "exact", 2_086_088.5, 2_086_089.5),
        (31, "exact", 30.5, 31.5),
        (6.2, "exact", 6.15, 6.25),
        (6.2, "over", 6.2, 6.3),
        (6.2, "up to", 6.1, 6.2),
        (182_000, "exact", 181_500, 182_500),
        (300_000, "exact", 285_000, 315_000),  # five per cent at most, however many noughts
        (182_000, "about", 172_900, 191_100),
        (75, "exact", 74.5, 75.5),
        (0.5, "exact", 0.475, 0.525),
        (-40, "exact", -42, -38),
        (0, "exact", 0, 0),
    ],
)
def test_what_a_number_may_have_been(value: float, how: str, low: float, high: float) -> None:
    assert vars(rounded(value, how)) == pytest.approx({"value": value, "low": low, "high": high})


def test_a_percentage_is_rounded_by_what_is_left() -> None:
    """80 % leaves 20 %, which is what is measured: off by one point, not by four; 75 % by half a point, its last digit."""
    assert bounds_of("reduction", Said(value=80, quote="q", source="s")) == Bounds(80, 79, 81)
    assert bounds_of("reduction", Said(value=75, quote="q", source="s")) == Bounds(75, 74.5, 75.5)
    assert bounds_of("reduction", Said(value=100, quote="q", source="s")) == Bounds(100, 100, 100)


positive = st.floats(1e-3, 1e9)


@given(positive, positive, st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1))
def test_bounds_hold_what_they_are_made_of(a: float, b: float, da: float, db: float, at: float, bt: float) -> None:
    one, other = Bounds(a, a * (1 - da), a * (1 + da)), Bounds(b, b * (1 - db), b * (1 + db))
    x, y = one.low + at * (one.high - one.low), other.low + bt * (other.high - other.low)
    for made, value in ((one * other, x * y), (one / other, x / y)):
        assert made.low * (1 - 1e-9) <= value <= made.high * (1 + 1e-9)


def test_figures_of_formulas() -> None:
    assert [figure(x) for x in (31.00958, 1438.098, 64_688_764, 0.25, 75, -19.43)] == [
        "31.01", "1,438", "64,688,764", "0.25", "75", "-19.43",
    ]  # fmt: skip


def test_a_ratio_by_hand() -> None:
    """Observed 250 +- 30 over baseline 1000 +- 80, at 95 %: g = (1.95996 x 0.08)^2 = 0.024586.

    delta: 0.25 sqrt(0.12^2 + 0.08^2) = 0.036056. Fieller: (0.25 -+ 1.95996/1000 sqrt(900 (1-g) + (0.25 x 80)^2)) / (1-g).
    """
    found = ratio(250, 30, 1000, 80, 0.95)
    assert found.value == 0.25 and found.se == pytest.approx(0.0360555)
    half = 1.959964 / 1000 * np.sqrt(900 * (1 - 0.0245864) + 400)
    assert [found.low, found.high] == pytest.approx([(0.25 - half) / 0.9754136, (0.25 + half) / 0.9754136], abs=1e-6)
    assert [found.low, found.high] == pytest.approx([0.184472, 0.328131], abs=1e-6)


def test_a_baseline_that_cannot_be_told_from_nought_has_no_ratio() -> None:
    assert ratio(250, 30, 1000, 520, 0.95) is None and ratio(1, 1, 0, 1, 0.95) is None
    assert ratio(250, 30, 1000, 500, 0.95) is not None


def test_a_sure_baseline_leaves_the_delta_interval() -> None:
    found = ratio(250, 30, 1000, 0, 0.95)
    assert [found.low, found.high] == pytest.approx([0.25 - 1.959964 * 0.03, 0.25 + 1.959964 * 0.03], abs=1e-7)


def test_the_interval_covers_on_both_sides_where_the_delta_method_does_not() -> None:
    """A true ratio of 0.4, at 90 %: one in twenty should miss on each side."""
    chance, many = np.random.default_rng(5), 20_000
    below = above = delta_above = 0
    for over, under in zip(chance.normal(400, 20, many), chance.normal(1000, 150, many), strict=True):
        found = ratio(over, 20, under, 150, 0.9)
        below, above = below + (found.high < 0.4), above + (found.low > 0.4)
        delta_above += found.value - 1.644854 * found.se > 0.4
    assert [below / many, above / many] == pytest.approx([0.05, 0.05], abs=0.005)
    assert delta_above / many < 0.01


@pytest.mark.parametrize(
    ("stated", "computed", "matters", "words"),
    [
        (19.4, 5.3, ["tonnes"], "carbon and of carbon dioxide"),
        (5.3, 19.4, ["tonnes"], "carbon and of carbon dioxide"),
        (235_086, 21_157.76, ["area"], "cells of 30 m"),  # a well-known table, whose cells are often quoted as hectares
        (3000, 300_000, ["area"], "square kilometres"),
        (3e9, 300_000, ["area"], "square metres"),
        (741_316, 300_000, ["area"], "acres"),
        (310, 31, ["years"], "digit"),
        (0.75, 75, ["per cent"], "a share and a per cent"),
        (64_689, 64_688_764, ["tonnes"], "thousands"),
        (6.2, 6.2e6, ["tonnes"], "millions"),
    ],
)
def test_slips_are_recognised(stated: float, computed: float, matters: list[str], words: str) -> None:
    assert any(words in text for text in slips(stated, computed, matters))


@pytest.mark.parametrize("factor", [1.0, 1.2, 0.8, 1.39, 3.0, 7.0, 50.0])
def test_other_ratios_are_no_slip(factor: float) -> None:
    assert slips(factor, 1.0, ["area", "tonnes", "years", "per cent"]) == ()
    assert slips(-1.0, 1.0, ["area"]) == slips(0.0, 1.0, ["area"]) == ()
    assert exactly(2).agrees(exactly(2.015)) and not exactly(2).agrees(exactly(2.1))
