"""Areas of a report against the worked examples of the papers, to their digits; parts that add up; edges."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.accuracy.allocation import allocate, sample_size
from detection.errors import BadInput
from jobs.reports.areas.agreement import Settled
from jobs.reports.areas.estimate import by_year, estimate, figures_of, hidden
from jobs.reports.areas.strata import Strata

Z = 1.96
FOUR = ("deforestation", "gain", "stable forest", "stable non-forest")
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
TABLE_8 = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
"""Olofsson et al. 2014, table 8."""


def answers(matrix: Sequence[Sequence[int]], classes: Sequence[str], claims: Sequence[str]) -> Settled:
    """One answer a sample: as many of each stratum and class as the matrix says."""
    counts = np.array(matrix)
    i, j = np.nonzero(np.ones(counts.shape))
    h, k = np.repeat(i, counts.ravel()), np.repeat(j, counts.ravel())
    said = tuple(classes[one] for one in k)
    return Settled(np.arange(1, len(h) + 1), h, tuple(claims[one] for one in h), said, (None,) * len(h), (), ())


def strata(
    hectares: Sequence[float], names: Sequence[str], claims: Sequence[str] | None = None, cells: float = 1e6
) -> Strata:
    """Strata so large that what they are counted in does not matter."""
    size = np.array(hectares, np.float64)
    many = np.ceil(size * cells).astype(np.int64)
    return Strata(tuple(names), tuple(claims or names), many, size, 0.0)


def of(figures: Sequence, name: str) -> NDArray[np.float64]:
    return np.array([getattr(one, name) for one in figures])


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict:
    file = shared / "references" / "reporting_tests.json"
    if not file.exists():
        pytest.skip(f"golden vectors: {file.name} is absent")
    return json.loads(file.read_text())


def test_t1_olofsson_2014_in_hectares() -> None:
    """The paper's "235,086 +- 68,418" are pixels of 0.09 ha, not hectares, as some copies of it say."""
    made = estimate(answers(TABLE_8, FOUR, FOUR), strata(np.array(PIXELS) * 0.09, FOUR), FOUR, Z)
    assert made.estimator == "olofsson"
    area = of(made.figures, "hectares")
    assert area == pytest.approx([21157.76223776, 11686.15384615, 285769.93006993, 581386.15384615], rel=1e-12)
    assert Z * of(made.figures, "se") == pytest.approx([6157.63438607, 3755.8260254, 15509.83629819, 16281.65635224])
    assert area / 0.09 == pytest.approx([235086.247, 129846.154, 3175221.445, 6459846.154], abs=1e-3)
    assert of(made.figures, "high") - area == pytest.approx(Z * of(made.figures, "se"))
    right = made.accuracy
    assert (right.overall, Z * right.overall_se) == pytest.approx((0.9465119, 0.0184836), abs=1e-7)
    assert right.users == pytest.approx([0.88, 0.7333333, 0.9272727, 0.9630769], abs=1e-7)
    assert Z * right.users_se == pytest.approx([0.0740410, 0.1007570, 0.0397454, 0.0205335], abs=1e-7)
    assert right.producers == pytest.approx([0.7486614, 0.8471564, 0.9345089, 0.9616090], abs=1e-7)
    assert Z * right.producers_se == pytest.approx([0.2133099, 0.2544084, 0.0343244, 0.0183615], abs=1e-7)
    assert made.bias == pytest.approx(np.array(PIXELS) * 0.09 - area)
    exact = estimate(answers(TABLE_8, FOUR, FOUR), strata(np.array(PIXELS) * 0.09, FOUR), FOUR, 1.959963984540054)
    half = of(exact.figures, "high") - area
    assert half == pytest.approx([6157.521, 3755.757, 15509.551, 16281.357], abs=1e-3)


def test_t2_olofsson_2013_first_example() -> None:
    """The paper prints 45,651 +- 21,502: a share rounded to .026 and two standard errors. The formula gives 45,112.40."""
    classes = ("deforestation", "forest", "other")
    made = estimate(
        answers([[97, 0, 3], [3, 279, 18], [2, 1, 97]], classes, classes),
        strata([22353, 1122543, 610228], classes),
        classes,
        Z,
    )
    assert of(made.figures, "hectares") == pytest.approx([45112.40, 1050067.27, 659944.33], abs=5e-3)
    assert of(made.figures, "hectares")[0] != pytest.approx(45651, abs=500)
    assert of(made.figures, "se") == pytest.approx([10751.40450346, 17652.04375428, 18635.85587158], rel=1e-10)
    assert made.accuracy.overall == pytest.approx(0.9444168, abs=5e-8)
    assert made.accuracy.users == pytest.approx([0.97, 0.93, 0.97])
    assert made.accuracy.producers == pytest.approx([0.4806308, 0.9941887, 0.8969259], abs=5e-8)
    assert made.bias[0] == pytest.approx(22353 - 45112.40, abs=0.01), "the map misses half"


def test_t3_olofsson_2013_second_example() -> None:
    classes = ("one", "two", "three")
    made = estimate(
        answers([[127, 66, 54], [2, 322, 17], [0, 15, 540]], classes, classes),
        strata([0.007, 0.295, 0.698], classes),
        classes,
        Z,
    )
    assert of(made.figures, "hectares") == pytest.approx([0.0053294, 0.2992984, 0.6953722], abs=5e-8)
    assert of(made.figures, "se") == pytest.approx([0.0012418, 0.0060524, 0.0059400], abs=5e-8)
    assert (made.accuracy.overall, Z * made.accuracy.overall_se) == pytest.approx((0.9612974, 0.0118645), abs=5e-8)
    assert made.accuracy.users == pytest.approx([0.5141700, 0.9442815, 0.9729730], abs=5e-8)
    assert made.accuracy.producers == pytest.approx([0.6753468, 0.9307203, 0.9766498], abs=5e-8)


STEHMAN = (
    "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10,
    "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10,
    "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB",
)
"""Stehman 2014, table 2: stratum, map class and reference of 40 samples."""


def test_t4_stehman_2014() -> None:
    """Map classes differ from strata within them. The paper prints .114 for the standard error of PA of B: it is .1165479."""
    whose, claim, seen = STEHMAN
    settled = Settled(
        np.arange(1, 41), np.array(["ABCD".index(c) for c in whose]), tuple(claim), tuple(seen), (None,) * 40, (), ()
    )
    units = np.array([40_000, 30_000, 20_000, 10_000])
    several = Strata(tuple("ABCDE"), ("A", "B", "C", "D", "D"), np.append(units, 0), np.append(units, 0) * 1e-5, 0.0)
    made = estimate(settled, replace(several, claims=("A", "B", "C", "D", "D"), cells=np.append(units, 0)), "ABCD", Z)
    assert made.estimator == "olofsson", "a stratum without cells is none"
    made = estimate(
        settled,
        replace(several, names=tuple("ABCD"), claims=("A", "B", "B", "D"), cells=units, hectares=units * 1e-5),
        "ABCD",
        Z,
    )
    assert made.estimator == "stehman"
    assert of(made.figures, "hectares") == pytest.approx([0.35, 0.34, 0.20, 0.11])
    assert of(made.figures, "se") == pytest.approx([0.0822478, 0.0758531, 0.0642798, 0.0307222], abs=5e-8)
    right = made.accuracy
    assert (right.overall, right.overall_se) == pytest.approx((0.63, 0.0846422), abs=5e-8)
    assert (right.users[1], right.users_se[1]) == pytest.approx((0.5744681, 0.1247822), abs=5e-8)
    assert (right.producers[1], right.producers_se[1]) == pytest.approx((0.7941176, 0.1165479), abs=5e-8)
    cell = np.array([(c == "B" and r == "C") for c, r in zip(claim, seen, strict=True)])
    assert figures_of(settled, several, cell[:, None], Z)[0].hectares == pytest.approx(0.08), "cell (B, C)"


def test_t5_a_buffer_that_maps_to_stable_forest() -> None:
    """World Bank, OpenMRV, Colombia: its text prints 0.231 for 0.0231, and its weights add up to 1.0004."""
    classes, names = ("stable forest", "no forest", "loss"), ("stable forest", "no forest", "loss", "buffer")
    weights = [0.551, 0.407, 0.0137, 0.0287]
    assert sum(weights) == pytest.approx(1.0004)
    counts = [[271, 3, 1], [6, 193, 1], [2, 1, 27], [23, 0, 7]]
    claims = ("stable forest", "no forest", "loss", "stable forest")
    made = estimate(answers(counts, classes, claims), strata(weights, names, claims, cells=1e12), classes, Z)
    assert made.estimator == "stehman"
    assert of(made.figures, "hectares") == pytest.approx([0.57811212, 0.39922258, 0.0230653], abs=5e-9)
    assert of(made.figures, "se") == pytest.approx([0.00675197, 0.00634656, 0.00371743], abs=5e-9)
    assert Z * of(made.figures, "se") == pytest.approx([0.01323387, 0.01243926, 0.00728616], abs=1e-8)
    error = 100 * Z * of(made.figures, "se") / of(made.figures, "hectares")
    assert error == pytest.approx([2.29, 3.12, 31.59], abs=5e-3)


def test_t6_sample_size_and_shares() -> None:
    share, users = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]
    assert sample_size(share, users, 0.01) == 641
    assert allocate(641, share).tolist() == [13, 10, 205, 413]
    assert allocate(641, share, "equal").tolist() == [161, 160, 160, 160]
    assert allocate(641, share, "neyman", users=users).tolist() == [23, 19, 243, 356]


def test_the_golden_vectors_of_the_shared_folder(vectors: dict) -> None:
    one = vectors["T1_olofsson2014_table8"]
    made = estimate(
        answers(one["matrix_rows_map_cols_ref"], FOUR, FOUR),
        strata(np.array(one["map_pixels"]) * one["pixel_ha"], FOUR),
        FOUR,
        one["z"],
    )
    assert of(made.figures, "hectares") == pytest.approx(one["area_ha"], abs=1e-7)
    assert one["z"] * of(made.figures, "se") == pytest.approx(one["ci95_ha"], abs=1e-7)
    for key, size, area in (("T2_olofsson2013_ex1", "map_ha", "area_ha"), ("T3_olofsson2013_ex2", "W", "area")):
        one, three = vectors[key], ("a", "b", "c")
        made = estimate(answers(one["matrix"], three, three), strata(one[size], three), three, Z)
        assert of(made.figures, "hectares") == pytest.approx(one[area], rel=1e-5)
        assert of(made.figures, "se") == pytest.approx(one["se_ha" if size == "map_ha" else "se"], rel=1e-4)
        assert made.accuracy.overall == pytest.approx(one["OA"], abs=5e-8)
    five = vectors["T5_wb_colombia"]
    claims = ("a", "b", "c", "a")
    made = estimate(
        answers(five["matrix"], ("a", "b", "c"), claims),
        strata(five["W"], "abcd", claims, cells=1e12),
        ("a", "b", "c"),
        Z,
    )
    assert of(made.figures, "hectares") == pytest.approx(five["area"], abs=5e-9)
    assert of(made.figures, "se") == pytest.approx(five["se"], abs=5e-9)
    six = vectors["T6_sample_size"]
    assert sample_size(six["W"], six["U"], six["SO"]) == six["n"]


# edges


def test_one_sample_leaves_the_error_open_and_is_never_nought() -> None:
    names = ("loss", "forest")
    made = estimate(answers([[1, 0], [3, 40]], names, names), strata([5, 95], names), names, Z)
    assert made.single == ("loss",)
    assert [(one.se, one.low, one.high) for one in made.figures] == [(None, None, None)] * 2
    assert made.figures[0].hectares == pytest.approx(5 + 95 * 3 / 43)
    assert np.isnan(made.accuracy.overall_se)


def test_a_stratum_of_one_cell_is_a_census() -> None:
    names, claims = ("loss", "near", "forest"), ("loss", "forest", "forest")
    whole = Strata(names, claims, np.array([1, 500, 900]), np.array([0.09, 45, 81]), 0.0)
    made = estimate(answers([[1, 0], [2, 8], [0, 10]], ("loss", "forest"), claims), whole, ("loss", "forest"), Z)
    assert made.single == ()
    assert made.figures[0].se is not None


def test_classes_that_one_side_lacks() -> None:
    """In the reference and not on the map: an area, PA 0. On the map and not in the reference: UA 0, no PA."""
    names = ("loss", "forest")
    made = estimate(
        answers([[0, 8, 2], [0, 40, 0]], (*names, "water"), names), strata([10, 90], names), (*names, "water"), Z
    )
    assert made.accuracy.users[0] == 0 and np.isnan(made.accuracy.producers[0])
    assert made.figures[2].hectares == pytest.approx(2) and made.accuracy.producers[2] == 0
    assert np.isnan(made.accuracy.users[2])
    assert made.figures[0].hectares == 0 and made.figures[0].se is None, "none seen is not none there"
    told = {(one.name, one.stratum): one.hectares for one in hidden(made, strata([10, 90], names), ("loss",))}
    assert told["loss", "forest"] == pytest.approx(90 * (1 - 0.05 ** (1 / 40)), rel=1e-3)


def test_an_interval_that_rests_on_few_is_told() -> None:
    names = ("loss", "forest")
    size = strata([10, 990], names)
    few = hidden(estimate(answers([[90, 10], [2, 398]], names, names), size, names, Z), size, ("loss",))
    assert [(one.stratum, one.seen, one.samples) for one in few] == [("forest", 2, 400)]
    assert not hidden(estimate(answers([[90, 10], [20, 380]], names, names), size, names, Z), size, ("loss",))


@pytest.mark.parametrize(
    ("matrix", "cells", "message"),
    [
        ([[3, 1], [0, 0]], (1000, 1000), "stratum 'forest': 1,000.0 ha but no sample with an answer; interpret some"),
        ([[3, 1], [5, 2]], (1000, 6), "stratum 'forest': 7 samples of 6 cells"),
    ],
)
def test_designs_that_cannot_be(matrix: list, cells: tuple[int, int], message: str) -> None:
    names = ("loss", "forest")
    size = Strata(names, names, np.array(cells), np.array([1000.0, 1000.0]), 0.0)
    with pytest.raises(BadInput, match=message):
        estimate(answers(matrix, names, names), size, names, Z)


# parts of the whole


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_years_add_up_to_the_change_whatever_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names, claims = ("loss", "near", "forest"), ("loss", "forest", "forest")
    whole = Strata(names, claims, np.array([5_000, 9_000, 90_000]), np.array([450.0, 810.0, 8100.0]), 0.0)
    h = rng.integers(0, 3, 200)
    h[:6] = [0, 0, 1, 1, 2, 2]
    seen = np.where(rng.random(200) < np.array([0.8, 0.3, 0.1])[h], "loss", "forest")
    year = [int(rng.integers(2019, 2023)) if one == "loss" and rng.random() < 0.9 else None for one in seen]
    settled = Settled(np.arange(1, 201), h, tuple(claims[i] for i in h), tuple(seen), tuple(year), (), ())
    made = by_year(settled, whole, ("loss",), range(2019, 2023), Z)
    total = estimate(settled, whole, ("loss", "forest"), Z).figures[0].hectares
    assert sum(one.hectares for one in made.values()) == pytest.approx(total, rel=1e-12)
    order = rng.permutation(200)
    mixed = Settled(
        settled.sample[order], h[order], tuple(settled.claim[i] for i in order), tuple(settled.reference[i] for i in order),
        tuple(year[i] for i in order), (), (),
    )  # fmt: skip
    assert by_year(mixed, whole, ("loss",), range(2019, 2023), Z) == made
    assert (
        estimate(mixed, whole, ("loss", "forest"), Z).figures == estimate(settled, whole, ("loss", "forest"), Z).figures
    )


def test_a_change_outside_of_the_period_is_said() -> None:
    names = ("loss", "forest")
    settled = replace(answers([[3, 0], [0, 9]], names, names), year=(2020, 2015, 2021, *[None] * 9))
    with pytest.raises(BadInput, match="answers: sample 2 was of a change in 2015, not 2020 to 2022"):
        by_year(settled, strata([10, 90], names), ("loss",), range(2020, 2023), Z)


def test_without_the_finite_correction_stehman_would_be_wider() -> None:
    names, claims = ("loss", "near", "forest"), ("loss", "forest", "forest")
    small = Strata(names, claims, np.array([40, 60, 100]), np.array([3.6, 5.4, 9.0]), 0.0)
    settled = answers([[15, 5], [4, 16], [2, 18]], ("loss", "forest"), claims)
    large = replace(small, cells=small.cells * 1_000_000)
    near, far = (estimate(settled, one, ("loss", "forest"), Z).figures[0] for one in (small, large))
    assert near.hectares == pytest.approx(far.hectares)
    parts = np.array([3.6**2 * 0.5, 5.4**2 * (1 - 1 / 3), 9**2 * 0.8]) * np.array([15 * 5, 4 * 16, 2 * 18]) / 400 / 19
    assert near.se == pytest.approx(np.sqrt(parts.sum()))
    assert near.se < far.se
