"""Design-based areas and accuracies against the worked examples of the papers, and against truth in replicates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.accuracy.allocation import allocate, needed, sample_size, sepal
from detection.accuracy.design import accuracies, area_bias, areas, coverage, stehman, totals
from detection.errors import BadInput

TABLE_8 = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
"""Olofsson et al. 2014, table 8; rows = map: deforestation, gain, stable forest, stable non-forest."""
PIXELS = [200_000, 150_000, 3_200_000, 6_450_000]
ONE_2013 = [[97, 0, 3], [3, 279, 18], [2, 1, 97]], [22_353, 1_122_543, 610_228]
"""Olofsson et al. 2013, example 1; hectares."""
TWO_2013 = [[127, 66, 54], [2, 322, 17], [0, 15, 540]], [0.007, 0.295, 0.698]
"""Olofsson et al. 2013, example 2; shares."""


def test_olofsson_2014() -> None:
    area, right = areas(TABLE_8, PIXELS), accuracies(TABLE_8, PIXELS)
    assert area.area == pytest.approx([235086.24708625, 129846.15384615, 3175221.44522145, 6459846.15384615])
    assert area.area_se == pytest.approx([34907.22441081, 21291.53075626, 87924.24205322, 92299.63918506])
    hectares = areas(TABLE_8, np.array(PIXELS) * 0.09)
    assert hectares.area == pytest.approx([21157.76223776, 11686.15384615, 285769.93006993, 581386.15384615])
    assert 1.96 * hectares.area_se == pytest.approx([6157.63438607, 3755.8260254, 15509.83629819, 16281.65635224])
    assert (right.overall, right.overall_se) == pytest.approx((0.9465119, 0.0184836 / 1.96), rel=1e-5)
    assert right.users == pytest.approx([0.88, 0.7333333, 0.9272727, 0.9630769], rel=1e-6)
    assert 1.96 * right.users_se == pytest.approx([0.0740410, 0.1007570, 0.0397454, 0.0205335], abs=2e-7)
    assert right.producers == pytest.approx([0.7486614, 0.8471564, 0.9345089, 0.9616090], rel=1e-6)
    assert 1.96 * right.producers_se == pytest.approx([0.2133099, 0.2544084, 0.0343244, 0.0183615], abs=2e-7)


def test_olofsson_2013() -> None:
    area, right = areas(*ONE_2013), accuracies(*ONE_2013)
    assert area.area == pytest.approx([45112.40, 1050067.27, 659944.33], abs=0.01)
    assert area.area_se == pytest.approx([10751.40450346, 17652.04375428, 18635.85587158])
    assert right.overall == pytest.approx(0.9444168, abs=1e-7)
    assert right.users == pytest.approx([0.97, 0.93, 0.97])
    assert right.producers == pytest.approx([0.4806308, 0.9941887, 0.8969259], abs=1e-7)
    area, right = areas(*TWO_2013), accuracies(*TWO_2013)
    assert area.share == pytest.approx([0.0053294, 0.2992984, 0.6953722], abs=1e-7)
    assert area.share_se == pytest.approx([0.0012418, 0.0060524, 0.0059400], abs=1e-7)
    assert right.overall == pytest.approx(0.9612974, abs=1e-7)
    assert 1.96 * right.overall_se == pytest.approx(0.0118645, abs=1e-6)
    assert right.users == pytest.approx([0.5141700, 0.9442815, 0.9729730], abs=1e-7)
    assert right.producers == pytest.approx([0.6753468, 0.9307203, 0.9766498], abs=1e-7)


def test_a_buffer_stratum() -> None:
    """World Bank, OpenMRV, stratified estimation in Colombia: four strata, three reference classes; weights sum to 1.0004."""
    made = areas([[271, 3, 1], [6, 193, 1], [2, 1, 27], [23, 0, 7]], [0.551, 0.407, 0.0137, 0.0287])
    assert made.area == pytest.approx([0.57811212, 0.39922258, 0.0230653], abs=1e-8)
    assert made.area_se == pytest.approx([0.00675197, 0.00634656, 0.00371743], abs=1e-8)


def letters(text: str) -> list[int]:
    return ["ABCD".index(c) for c in text]


STEHMAN = (
    letters("A" * 10 + "B" * 10 + "C" * 10 + "D" * 10),
    letters("A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10),
    letters("AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"),
)
"""Stehman 2014, table 2: stratum, map and reference of 40 samples."""


def test_stehman_2014() -> None:
    area, right = stehman(*STEHMAN, [40_000, 30_000, 20_000, 10_000], 4)
    assert area.share == pytest.approx([0.35, 0.34, 0.20, 0.11])
    assert area.share_se == pytest.approx([0.0822478, 0.0758531, 0.0642798, 0.0307222], abs=1e-7)
    assert (right.overall, right.overall_se) == pytest.approx((0.63, 0.0846422), abs=1e-7)
    assert (right.users[1], right.users_se[1]) == pytest.approx((0.5744681, 0.1247822), abs=1e-7)
    assert (right.producers[1], right.producers_se[1]) == pytest.approx((0.7941176, 0.1165479), abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=3), min_size=3, max_size=3))
def test_where_strata_are_map_classes_stehman_is_olofsson(counts: list[list[int]]) -> None:
    """Of so many units that the finite-population correction vanishes."""
    size = np.array([2e11, 5e11, 3e11])
    i, j = np.nonzero(np.ones((3, 3)))
    stratum, reference = np.repeat(i, np.ravel(counts)), np.repeat(j, np.ravel(counts))
    area, right = stehman(stratum, stratum, reference, size, 3)
    assert area.area == pytest.approx(areas(counts, size).area)
    assert area.area_se == pytest.approx(areas(counts, size).area_se)
    expected = accuracies(counts, size)
    for name in ("overall", "overall_se", "users", "users_se", "producers", "producers_se"):
        assert getattr(right, name) == pytest.approx(getattr(expected, name), rel=1e-6, abs=1e-12)


def test_a_census_has_no_error() -> None:
    area, right = stehman([0, 0, 1], [0, 1, 1], [0, 0, 1], [2, 1], 2)
    assert area.area.tolist() == [2, 1]
    assert area.area_se.tolist() == [0, 0]
    assert (right.overall, right.overall_se) == (pytest.approx(2 / 3), 0)


def test_what_is_not_defined_is_nan_and_nothing_else() -> None:
    missed = accuracies([[10, 0, 0], [1, 9, 0], [0, 0, 0]], [5, 5, 0])  # mapped nowhere, and not there
    assert np.isnan(missed.users[2])
    assert np.isnan(missed.producers[2])
    omitted = accuracies([[10, 0, 1], [1, 9, 0], [0, 0, 0]], [5, 5, 0])
    assert omitted.producers[2] == 0
    imagined = accuracies([[10, 0], [3, 0]], [5, 5])
    assert imagined.users[1] == 0
    assert np.isnan(imagined.producers[1])
    single = areas([[1, 0], [3, 4]], [5, 5])
    assert np.isnan(single.area_se).all()
    assert np.isfinite(single.area).all()


@pytest.mark.parametrize(
    ("matrix", "strata", "message"),
    [
        ([[1, 1], [0, 0]], [5, 5], "stratum 1 has an area but no sample"),
        ([[1, 1], [2, 2]], [5, 5, 5], "do not fit; give one area a row"),
        ([[1, -1], [2, 2]], [5, 5], "negative"),
    ],
)
def test_bad_designs_are_said(matrix: list, strata: list, message: str) -> None:
    for estimate in (areas, accuracies):
        with pytest.raises(BadInput, match=message):
            estimate(matrix, strata)


def test_bad_samples_are_said() -> None:
    with pytest.raises(BadInput, match="not square; use `stehman`"):
        accuracies([[1, 1, 1], [2, 2, 2]], [5, 5])
    with pytest.raises(BadInput, match="map code 2 is unknown, there are 2"):
        stehman([0], [2], [0], [5], 2)
    with pytest.raises(BadInput, match="more samples than units"):
        stehman([0, 0], [1, 0], [0, 0], [1], 2)
    with pytest.raises(BadInput, match="stratum 1 has an area but no sample"):
        stehman([0], [1], [0], [5, 3], 2)


# how many samples, and where

SHARES, EXPECTED = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]


def test_sample_size_of_olofsson_2014() -> None:
    """Their example: 641 for a standard error of .01; any unit of area gives the same."""
    assert sample_size(SHARES, EXPECTED, 0.01) == sample_size(PIXELS, EXPECTED, 0.01) == 641
    with pytest.raises(BadInput, match="standard error 0 is not above 0"):
        sample_size(SHARES, EXPECTED, 0)


def test_allocations_of_641() -> None:
    """Unrounded: 12.82 9.62 205.12 413.45 by area; 160.25 each; 23.21 18.61 243.14 356.04 after Neyman."""
    assert allocate(641, SHARES).tolist() == [13, 10, 205, 413]
    assert allocate(641, SHARES, "equal").tolist() == [161, 160, 160, 160]
    assert allocate(641, SHARES, "neyman", users=EXPECTED).tolist() == [23, 19, 243, 356]
    assert allocate(641, SHARES, smallest=75).tolist() == [75, 75, 163, 328]
    with pytest.raises(BadInput, match="10 samples for 4 strata of at least 3"):
        allocate(10, SHARES, smallest=3)
    with pytest.raises(BadInput, match="needs the expected user's accuracies"):
        allocate(10, SHARES, "neyman")


def test_sepal_rounds_down_and_lifts_the_rare() -> None:
    """aa_design/server.R by hand, of 640.536 samples and at least 50: two rare strata, 540.536 left for the common ones."""
    assert needed(SHARES, EXPECTED, 0.01) == pytest.approx(640.5359220665348, rel=1e-12)
    made = sepal(needed(SHARES, EXPECTED, 0.01), SHARES, 50)
    assert made.equal.tolist() == [160] * 4
    assert made.proportional.tolist() == [12, 9, 204, 413]
    assert made.adjprop == pytest.approx([0.02 / 0.965, 0.015 / 0.965, 0.32 / 0.965, 0.645 / 0.965])
    assert made.final.tolist() == [50, 50, 179, 361]
    assert allocate(641, SHARES, "sepal").tolist() == [12, 9, 205, 413]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=2, max_size=4), st.data())
def test_parts_add_up_to_the_whole(counts: list[list[int]], data: st.DataObject) -> None:
    """Whatever the parts: a class within a boundary and without make the class, as Olofsson estimates it."""
    size = np.linspace(7.0, 90.0, len(counts))
    i, j = np.nonzero(np.ones((len(counts), 3)))
    stratum, reference = np.repeat(i, np.ravel(counts)), np.repeat(j, np.ravel(counts))
    within = np.array(data.draw(st.lists(st.booleans(), min_size=len(stratum), max_size=len(stratum))))
    one = reference == 0
    area, error = totals(stratum, np.column_stack([one, one & within, one & ~within]), size)
    assert area[1] + area[2] == pytest.approx(area[0], rel=1e-12)
    assert area[0] == pytest.approx(areas(counts, size).area[0], rel=1e-12)
    assert error[0] == pytest.approx(areas(counts, size).area_se[0], rel=1e-9, abs=1e-12, nan_ok=True)


def test_parts_of_stehman_2014() -> None:
    """The same sample: area of A .35 +- .0822478 of 100,000 units; without the correction it would be wider."""
    stratum, _, reference = STEHMAN
    units = [40_000, 30_000, 20_000, 10_000]
    member = (np.array(reference) == 0)[:, None]
    area, error = totals(stratum, member, units, units=units)
    assert (area[0], error[0]) == pytest.approx((35_000, 8_224.78), rel=1e-6)
    hectares, wide = totals(stratum, member, np.array(units) * 0.09)
    assert hectares[0] == pytest.approx(3_150)
    assert wide[0] > error[0] * 0.09
    scaled, _ = stehman(*STEHMAN, np.array(units) * 0.09, 4, units=units)
    assert scaled.area_se[0] == pytest.approx(error[0] * 0.09)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.integers(0, 20), st.integers(0, 500))
def test_an_allocation_spends_every_sample(strata: list[float], smallest: int, more: int) -> None:
    samples = smallest * len(strata) + more
    for how in ("proportional", "equal", "neyman"):
        made = allocate(samples, strata, how, users=np.linspace(0.5, 1, len(strata)), smallest=smallest)
        assert made.sum() == samples
        assert made.min() >= smallest


def test_area_bias_by_hand() -> None:
    assert area_bias(45112.4, 22353) == pytest.approx(1.0182, abs=1e-4)
    assert area_bias(1, 0) is None


def test_estimates_are_unbiased_and_cover_the_truth_where_counted_pixels_do_not() -> None:
    """SIMULATED map that misses half of the loss; 1,500 samples a class, drawn again and again."""
    rng = np.random.default_rng(4)
    truth = rng.random(200_000) < 0.03
    mapped = (truth & (rng.random(len(truth)) < 0.5)) | (~truth & (rng.random(len(truth)) < 0.002))
    members, estimates, errors = [np.flatnonzero(mapped == m) for m in (True, False)], [], []
    for _ in range(400):
        drawn = [rng.choice(m, 1500) for m in members]
        made = areas([[truth[d].sum(), (~truth[d]).sum()] for d in drawn], [len(m) for m in members])
        estimates.append(made.area[0])
        errors.append(made.area_se[0])
    assert abs(area_bias(float(np.mean(estimates)), float(truth.sum()))) < 0.02
    assert area_bias(float(mapped.sum()), float(truth.sum())) < -0.4
    told = coverage(estimates, errors, float(truth.sum()))
    assert told.low <= 0.95
    assert told.value >= 0.90
    assert coverage(estimates, errors, float(mapped.sum())).value < 0.1
    assert coverage([], [], 1).value is None
