"""SDG 15.3.1: the matrices to every pair, the bounds of the classes, one out all out, and no others."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput
from jobs.reports.degradation.degradation import (
    KNOWN,
    NO_COVER,
    Condition,
    Cover,
    land_cover,
    one_out_all_out,
    soil_carbon,
    status,
)
from jobs.reports.degradation.productivity import (
    COMBINED,
    Dynamics,
    Productivity,
    Tendency,
    changed,
    dynamics,
    mann_kendall,
    performance,
    productive,
    state,
    tendency,
)
from jobs.reports.degradation.rules import read_rules

TRANSITIONS = read_rules().transitions
QUICK = settings(max_examples=50, deadline=None)
PLAIN = Productivity()
D, S, I, U = Condition.DEGRADED, Condition.STABLE, Condition.IMPROVED, Condition.UNKNOWN  # noqa: E741
CODES = st.sampled_from([D, S, I, U])
GOLDEN = {
    "FOREST": "0 -1 -1 -1 -1 -1 0",
    "GRASSLAND": "1 0 1 -1 -1 -1 0",
    "CROPLAND": "1 -1 0 -1 -1 -1 0",
    "WETLAND": "-1 -1 -1 0 -1 -1 0",
    "ARTIFICIAL": "1 1 1 1 0 1 0",
    "OTHER": "1 1 1 1 -1 0 0",
    "WATER": "0 0 0 0 0 0 0",
}
"""The default transition matrix of reporting.md D6."""
TABLE = {row: list(Dynamics)[n % 5] for n, row in enumerate(COMBINED)}
"""Any full table of combinations: not that of a manual."""
ANY_STATUS = [[-1, -1, 1], [-1, 0, 1], [-1, 1, 1]]
"""A full status matrix: not that of a manual."""


def test_the_default_matrix_says_every_pair() -> None:
    before, after = (np.array(one) for one in zip(*product(Cover, Cover), strict=True))
    made = land_cover(before, after, TRANSITIONS).reshape(7, 7)
    for cover in Cover:
        assert made[cover].tolist() == [int(one) for one in GOLDEN[cover.name].split()], cover.name
    assert land_cover([0, NO_COVER, NO_COVER], [NO_COVER, 0, NO_COVER], TRANSITIONS).tolist() == [U, U, U]
    assert land_cover(np.zeros((0, 3)), np.zeros((0, 3)), TRANSITIONS).shape == (0, 3)


def test_a_country_may_have_its_own_matrix() -> None:
    assert land_cover([0, 1, 1], [1, 0, 1], [[0, -1], [0, 0]]).tolist() == [D, S, S]


def test_mann_kendall_against_hand_reckoning() -> None:
    rising = np.arange(10.0)
    assert mann_kendall(rising[:, None])[0] == pytest.approx(44 / np.sqrt(125)), "S 45, var 10 x 9 x 25 / 18"
    tied = np.array([1, 1, 2, 2, 2, 3, 4, 5, 6, 7.0])
    # S = 45 - 1 - 3; var = (2250 - 2 x 1 x 9 - 3 x 2 x 11) / 18
    assert mann_kendall(tied[:, None])[0] == pytest.approx(40 / np.sqrt((2250 - 18 - 66) / 18))
    assert mann_kendall(np.full((12, 1), 0.5))[0] == 0
    gaps = np.insert(rising, 5, [np.nan, np.inf])
    assert mann_kendall(gaps[:, None])[0] == mann_kendall(rising[:, None])[0], "what was not seen says nothing"
    assert np.isnan(mann_kendall(rising[:9, None])[0]) and np.isfinite(mann_kendall(rising[:9, None], least=9)[0])


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_a_trend_turned_round_has_the_opposite_z(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 6, (16, 4)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.nan
    z = mann_kendall(values)
    np.testing.assert_allclose(mann_kendall(values[::-1]), -z)
    np.testing.assert_allclose(mann_kendall(np.exp(values)), z, err_msg="ranks alone count")


def test_bounds_of_the_classes_of_z() -> None:
    z = [-3, -1.96, -1.5, -1.28, 0, 1.28, 1.5, 1.96, 3, np.nan, np.inf]
    five = tendency(PLAIN, z)
    assert five.tolist() == [-2, -1, -1, 0, 0, 0, 1, 1, 2, Tendency.UNKNOWN, 2]
    assert changed(PLAIN, five).tolist() == [D, S, S, S, S, S, S, S, I, U, I]
    assert changed(Productivity(potential=True), five).tolist() == [D, D, D, S, S, S, I, I, I, U, I]


def test_state_against_hand_reckoning() -> None:
    past, recent = [0.4, 0.6] * 6 + [0.5], [0.6, 0.6, 0.6]
    z = state(PLAIN, np.array([*past, *recent])[:, None])[0]
    assert z == pytest.approx(0.1 / (np.sqrt(12 * 0.01 / 13) / np.sqrt(3)))
    longer = np.array([9.0, 9.0, *past, *recent])[:, None]
    assert state(PLAIN, longer)[0] == z, "the last 16 years"
    for unseen in ([*past, 0.6, np.nan, 0.6], [*[np.nan] * 4, *past[4:], *recent], [*[0.1] * 13, *recent]):
        assert np.isnan(state(PLAIN, np.array(unseen)[:, None])[0])


def test_performance_is_half_of_the_best_of_the_unit() -> None:
    mean = np.concatenate([np.linspace(0, 1, 11), [0.1, 0.1], [np.nan, 0.9], [0.0, 0.0]])
    units = [1] * 11 + [2, 2] + [1, -1] + [3, 3]
    made = performance(PLAIN, mean, units)
    assert made[:11].tolist() == [D] * 5 + [S] * 6, "the best of the first unit is 0.9, half of it 0.45"
    assert made[11:].tolist() == [S, S, U, U, U, U]


def test_combinations_are_those_of_the_table() -> None:
    assert len(COMBINED) == len(set(COMBINED)) == 18
    made = dynamics(TABLE, *np.array(COMBINED).T)
    assert made.tolist() == [TABLE[row] for row in COMBINED]
    assert dynamics(TABLE, [U, D, D], [D, U, D], [D, D, U]).tolist() == [Dynamics.UNKNOWN] * 3


def test_five_classes_are_three_and_the_stressed_are_as_asked() -> None:
    order = [Dynamics.DECLINING, Dynamics.MODERATE_DECLINE, Dynamics.STRESSED, Dynamics.STABLE, Dynamics.INCREASING, 0]
    assert productive(PLAIN, order).tolist() == [D, D, S, S, I, U]
    assert productive(Productivity(stressed="degraded"), order).tolist() == [D, D, D, S, I, U]


def test_soil_carbon_changes_beyond_ten_per_cent() -> None:
    before = np.array([100, 100, 100, 100, 100, 33, 0, np.nan, 50])
    after = np.array([89, 90, 100, 110, 111, 29.7, 5, 40, np.nan])
    assert soil_carbon(before, after).tolist() == [D, S, S, S, I, S, U, U, U]


@QUICK
@given(st.lists(st.tuples(CODES, CODES, CODES), min_size=1, max_size=20), st.permutations(range(3)))
def test_one_out_all_out_knows_no_order_and_is_never_better_than_its_worst(rows: list, order: list[int]) -> None:
    parts = np.array(rows, np.int8).T
    made = one_out_all_out(*parts)
    assert made.tolist() == one_out_all_out(*parts[order]).tolist()
    assert made.tolist() == one_out_all_out(*parts, parts[0]).tolist(), "twice the same changes nothing"
    for column, one in zip(parts.T, made, strict=True):
        known = column[column != U]
        assert (one == D) == (D in known)
        assert one == U if len(known) < 3 and D not in known else one <= known.min()


def test_one_out_all_out_of_every_pair() -> None:
    grid = {(a, b): int(one_out_all_out([a], [b])[0]) for a, b in product(Condition, Condition)}
    assert len(grid) == 16 and grid[D, U] == D and grid[I, U] == U and grid[I, S] == S and grid[I, I] == I


def test_status_takes_every_pair_from_its_matrix() -> None:
    first, last = (np.array(one) for one in zip(*product(KNOWN, KNOWN), strict=True))
    assert status(ANY_STATUS, first, last).reshape(3, 3).tolist() == ANY_STATUS
    assert status(ANY_STATUS, [U, D], [D, U]).tolist() == [U, U]


def without(row: int) -> dict:
    return {one: TABLE[one] for n, one in enumerate(COMBINED) if n != row}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: land_cover([7], [0], TRANSITIONS), "before: code 7 is none of 0, 1"),
        (lambda: land_cover([0], [0.5], TRANSITIONS), "after: code 0.5 is none of"),
        (lambda: land_cover([0, 1], [0], TRANSITIONS), r"shapes differ: before \(2,\), after \(1,\)"),
        (lambda: land_cover([0], [0], [[0, 1]]), "as many rows as columns"),
        (lambda: land_cover([0], [0], [[0, 1], [0]]), "not of one length"),
        (lambda: land_cover([0], [0], [[0, 2], [0, 0]]), "nothing else"),
        (lambda: land_cover([0], [0], [[1]]), "put 0 on the diagonal"),
        (lambda: Productivity(possible=2.0), "not below significant 1.96"),
        (lambda: Productivity(history=9), "least 10 is more than the 9 years"),
        (lambda: mann_kendall([]), "no year"),
        (lambda: state(PLAIN, np.ones((15, 1))), "15 years; 16 are needed: 3 after 13"),
        (lambda: changed(PLAIN, [3]), "tendencies: code 3"),
        (lambda: performance(PLAIN, [1.0], [1, 2]), "shapes differ"),
        (lambda: dynamics(without(3), [0], [0], [0]), "1 of 18 rows are missing, .* degraded, stable, stable"),
        (lambda: dynamics({**TABLE, (S, S, I): Dynamics.STABLE}, [0], [0], [0]), "take the others out"),
        (lambda: dynamics({**TABLE, (S, S, S): Dynamics.UNKNOWN}, [0], [0], [0]), "one of five classes"),
        (lambda: dynamics(TABLE, [0], [0], [1]), "performance: code 1"),
        (lambda: productive(PLAIN, [9]), "dynamics: code 9"),
        (lambda: soil_carbon([-1], [1]), "before holds stocks below 0"),
        (lambda: soil_carbon([1], [1], 10), "limit 10 is no share"),
        (lambda: one_out_all_out(), "no sub-indicator"),
        (lambda: one_out_all_out([0], [5]), "code 5"),
        (lambda: status(np.zeros((2, 2)), [0], [0]), "3 x 3 expected"),
        (lambda: status([[-1, 0, 1], [-1, 0, 1], [-1, 1, 1]], [0], [0]), "is still degraded"),
        (lambda: status(ANY_STATUS, [0], [9]), "period: code 9"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_classes_of_z_rise_with_it() -> None:
    five = tendency(PLAIN, np.linspace(-4, 4, 801))
    assert all(one <= other for one, other in pairwise(five.tolist())) and set(five.tolist()) == {-2, -1, 0, 1, 2}
    assert len(TRANSITIONS) == len(Cover)
