"""The fits by blocks of pixels against plain numpy: least squares, and the same reweighting written in float64."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.harmonics import (
    BISQUARE,
    ITERATIONS,
    MAD_TO_SIGMA,
    RIDGE,
    SEASON_HIGH,
    SEASON_LOW,
    SEASON_RIDGE,
    WINSOR,
    Fit,
    date_table,
    fit,
    fitted,
    least_squares,
    season_factor,
    terms_of,
)
from detection.lanes import LANES, STRIDE, median

QUICK = settings(max_examples=30, deadline=None)
TRUE = np.array([0.7, 0.08, -0.05, 0.02, 0.03, -0.01, 0.015])


def some_days(seed: int, count: int, first: int = 15_000, years: float = 8) -> NDArray[np.int32]:
    span = np.arange(int(years * 365.25))
    return np.sort(np.random.default_rng(seed).choice(span, count, replace=False)).astype(np.int32) + np.int32(first)


def model(days: NDArray[np.int32], noise: float, seed: int, pixels: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    clean = date_table(days, 3) @ TRUE
    values: NDArray[np.float32] = (clean[:, None] + rng.normal(0, noise, (len(days), pixels))).astype(np.float32)
    return values


def reweighted(table: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Iteratively re-weighted least squares as the docstring of the module tells it, by numpy in float64."""
    used = min(table.shape[1], 3 if len(y) < 18 else 5 if len(y) < 24 else 7)
    x = table[:, :used]
    ridge = RIDGE * np.diag([0.0, *(k * k for k in (1, 1, 2, 2, 3, 3))][:used])
    beta = np.zeros(used)
    beta[0] = np.median(y)
    for _ in range(ITERATIONS):
        residual = y - x @ beta
        scale = max(MAD_TO_SIGMA * np.median(np.abs(residual)), 1e-6)
        u = residual / (BISQUARE * scale)
        w = np.where(np.abs(u) < 1, (1 - u**2) ** 2, 0)
        if w.sum() < used:
            break
        beta = np.linalg.solve(x.T @ (w[:, None] * x) + ridge, x.T @ (w * y))
    return beta


def scale_of(
    table: NDArray[np.float64], y: NDArray[np.float64], beta: NDArray[np.float64]
) -> tuple[float, float, float]:
    """(sigma, cosine, sine) of the residual scale, by numpy in float64."""
    spread = np.abs(y - table[:, : len(beta)] @ beta)
    spread = np.minimum(spread, WINSOR * max(MAD_TO_SIGMA * np.median(spread), 1e-6))
    x = table[:, :3]
    level = np.linalg.solve(x.T @ x + SEASON_RIDGE * np.diag([0, 1, 1]), x.T @ spread)
    cosine, sine = level[1:] / level[0]
    spread = spread / np.clip(1 + cosine * x[:, 1] + sine * x[:, 2], SEASON_LOW, SEASON_HIGH)
    sigma = max(np.sqrt((spread**2).mean()), MAD_TO_SIGMA * np.median(spread))
    return sigma * np.sqrt(len(y) / max(len(y) - len(beta), 1)), cosine, sine


def test_the_date_table_is_the_written_one() -> None:
    table = date_table(np.array([0, 100], np.int32), 2)
    angle = 2 * np.pi * 100 / 365.25
    expected = [[1, 1, 0, 1, 0], [1, np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]]
    np.testing.assert_allclose(table, expected, atol=1e-15)
    assert date_table(np.zeros(0, np.int32), 3).shape == (0, 7)


@pytest.mark.parametrize("count", [60, 200, 800])
def test_nearly_clean_data_gives_least_squares(count: int) -> None:
    days = some_days(1, count)
    table, values = date_table(days, 3), model(days, 0.002, 1)
    found = fit(table, values)
    expected = np.linalg.lstsq(table, values[:, 0].astype(np.float64), rcond=None)[0]
    assert found.coefficients.shape == (7, 1)
    # The ridge shrinks harmonic k by RIDGE k^2 / (looks / 2) or so; the bisquare is 5 % noisier than least squares.
    slack = 3 * np.array([0, *(np.repeat([1, 4, 9], 2) * 2 * RIDGE / count)]) * np.abs(TRUE) + 2 * 0.002 / np.sqrt(
        count
    )
    assert (np.abs(found.coefficients[:, 0] - expected) <= slack).all()
    np.testing.assert_allclose(expected, TRUE, atol=4 * 0.002 * np.sqrt(2 / count))


@QUICK
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([3, 8, 17, 18, 23, 24, 40, 150]), st.integers(1, 3), st.floats(0, 0.3)
)
def test_golden_against_float64_numpy(seed: int, count: int, harmonics: int, share: float) -> None:
    rng, days = np.random.default_rng(seed), some_days(seed, count)
    table, values = date_table(days, harmonics), model(days, 0.02, seed)
    values[rng.random(count) < share] -= 0.4
    y = values[:, 0].astype(np.float64)
    found, beta = fit(table, values), reweighted(table, y)
    used = len(beta)
    np.testing.assert_allclose(found.coefficients[:used, 0], beta, atol=2e-5, rtol=1e-4)
    assert (found.coefficients[used:, 0] == 0).all()
    sigma, cosine, sine = scale_of(table, y, beta)
    np.testing.assert_allclose(found.sigma[0], sigma, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.season[:, 0], [cosine, sine], rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize(("looks", "terms"), [(6, 3), (17, 3), (18, 5), (23, 5), (24, 7), (90, 7)])
def test_harmonics_come_with_looks(looks: int, terms: int) -> None:
    days = some_days(5, looks)
    found = fit(date_table(days, 3), model(days, 0.02, 5))
    assert (found.coefficients[:terms, 0] != 0).all()
    assert (found.coefficients[terms:, 0] == 0).all()


@QUICK
@given(st.integers(0, 2**32 - 1), st.sampled_from([-0.6, 0.5, -3.0]))
def test_a_fifth_of_outliers_does_not_move_the_fit(seed: int, depth: float) -> None:
    days = some_days(seed, 150)
    table, values = date_table(days, 3), model(days, 0.02, seed)
    dirty = values.copy()
    dirty[np.random.default_rng(seed).choice(150, 30, replace=False)] += np.float32(depth)
    shift = fitted(table, fit(table, dirty).coefficients) - fitted(table, fit(table, values).coefficients)
    assert np.abs(shift).max() < 0.02  # one residual scale at the worst date
    assert np.sqrt((shift**2).mean()) < 0.008


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_pixels_do_not_know_each_other(seed: int) -> None:
    rng, days = np.random.default_rng(seed), some_days(seed, 50)
    table, values = date_table(days, 3), model(days, 0.03, seed, 9)
    values[rng.random(values.shape) < 0.3] = np.nan
    order = rng.permutation(9)
    whole, shuffled, alone = fit(table, values), fit(table, values[:, order]), fit(table, values[:, 4:5])
    for name in ("coefficients", "sigma", "season", "looks"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(whole, name)[..., order], err_msg=name)
        np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name)[..., 4:5], err_msg=name)


@QUICK
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_was_not_observed_is_as_if_it_were_not_there(seed: int, missing: float) -> None:
    days = some_days(seed, 60)
    table, values = date_table(days, 3), model(days, 0.03, seed, 2)
    hole = np.random.default_rng(seed).random(60) < 0.4
    holed = values.copy()
    holed[hole] = missing
    with_holes, without = fit(table, holed), fit(table[~hole], values[~hole])
    np.testing.assert_array_equal(with_holes.coefficients, without.coefficients)
    np.testing.assert_array_equal(with_holes.sigma, without.sigma)
    assert with_holes.looks.tolist() == [int((~hole).sum())] * 2


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_too_few_looks_are_no_fit(looks: int) -> None:
    days = some_days(2, 20)
    values = model(days, 0.02, 2, 2)
    values[looks:, 0] = np.nan
    found = fit(date_table(days, 3), values)
    assert np.isnan(found.coefficients[:, 0]).all()
    assert np.isnan(found.sigma[0])
    assert found.looks.tolist() == [looks, 20]
    assert np.isfinite(found.coefficients[:, 1]).all()


@pytest.mark.parametrize("first", [-200_000, 0, 400_000])
def test_days_far_from_1970_fit_as_well(first: int) -> None:
    """The year is 365.25 days long, so 1461 days later everything repeats."""
    days = some_days(3, 120, first=0)
    moved = days + np.int32(1461 * round(first / 1461))
    values = model(days, 0.02, 3)
    near, far = fit(date_table(days, 3), values), fit(date_table(moved, 3), values)
    np.testing.assert_allclose(far.coefficients, near.coefficients, atol=1e-6)
    np.testing.assert_allclose(far.sigma, near.sigma, rtol=1e-4)


def test_the_scale_of_normal_noise_is_its_own() -> None:
    days = some_days(4, 120)
    found = fit(date_table(days, 3), model(days, 0.03, 4, 2_000))
    assert found.sigma.mean() == pytest.approx(0.03, rel=0.05)  # the larger of two estimates lies a little high
    assert found.sigma.std() < 0.003


def test_the_scale_swings_with_the_season() -> None:
    rng, days = np.random.default_rng(0), some_days(6, 400)
    table = date_table(days, 3)
    noise = 0.04 * (1 + 0.6 * table[:, 1:2]) * rng.normal(0, 1, (400, 500))
    found = fit(table, (0.7 + noise).astype(np.float32))
    assert np.median(found.season[0]) == pytest.approx(0.6, abs=0.06)
    assert np.median(found.season[1]) == pytest.approx(0.0, abs=0.03)
    factor = season_factor(table, found.season)
    standard = (noise / found.sigma / factor)[:, factor.min(0) > SEASON_LOW]
    summer = table[:, 1] > 0.7
    assert standard[summer].std() == pytest.approx(standard[table[:, 1] < -0.7].std(), rel=0.25)


@QUICK
@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(-5, 5))
def test_the_season_factor_keeps_its_bounds(seed: int, cosine: float, sine: float) -> None:
    table = date_table(some_days(seed, 30), 1)
    factor = season_factor(table, np.array([[cosine], [sine]], np.float32))
    assert factor.shape == (30, 1)
    assert factor.dtype == np.float32
    assert factor.min() >= SEASON_LOW
    assert factor.max() <= SEASON_HIGH
    assert (season_factor(table, np.zeros((2, 1), np.float32)) == 1).all()


def test_a_constant_series_fits_itself() -> None:
    days = some_days(7, 40)
    found = fit(date_table(days, 3), np.full((40, 1), 0.6, np.float32))
    assert found.coefficients[0, 0] == pytest.approx(0.6, abs=1e-6)
    np.testing.assert_allclose(found.coefficients[1:], 0, atol=1e-6)
    assert found.sigma[0] < 1e-5
    assert np.isfinite(found.season).all()


def test_extreme_values_stay_finite() -> None:
    days = some_days(8, 40)
    values = model(days, 0.02, 8)
    values[3], values[9] = 1e30, -1e30
    found = fit(date_table(days, 3), values)
    assert np.isfinite(found.coefficients).all()
    np.testing.assert_allclose(found.coefficients[0], 0.7, atol=0.05)
    assert 0.01 < found.sigma[0] < 0.2  # an outlier counts up to WINSOR scales


def cloudy(seed: int, count: int, pixels: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(table, values) of some pixels with clouds, gaps of all sizes and a pixel of each kind that can go wrong."""
    rng, days = np.random.default_rng(seed), some_days(seed, count)
    values = model(days, 0.03, seed, pixels)
    values[rng.random(values.shape) < 0.08] -= 0.4
    values[rng.random(values.shape) < rng.random(pixels)] = np.nan
    for pixel, value in ((0, np.nan), (1, 0.6), (2, np.inf), (3, -np.inf), (4, 3e38)):
        values[:, pixel % pixels] = value
    return date_table(days, 3), values


def assert_same(found: Fit, expected: Fit) -> None:
    for name in ("coefficients", "sigma", "season", "looks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def part(whole: Fit, pixels: slice | NDArray[np.int64]) -> Fit:
    return Fit(whole.coefficients[:, pixels], whole.sigma[pixels], whole.season[:, pixels], whole.looks[pixels])


@pytest.mark.parametrize("count", [14, 30, 60, 150])
def test_clouds_and_gaps_move_it_by_rounding_only(count: int) -> None:
    """Every pixel within 1e-4 residual scales of the float64 reference."""
    table, values = cloudy(count, count, 60)
    found = fit(table, values)
    for p in range(5, 60):
        seen = np.isfinite(values[:, p])
        if seen.sum() < 3:
            continue
        y = values[seen, p].astype(np.float64)
        beta = reweighted(table[seen], y)
        sigma, cosine, sine = scale_of(table[seen], y, beta)
        np.testing.assert_allclose(found.coefficients[: len(beta), p], beta, atol=1e-4 * sigma)
        np.testing.assert_allclose(found.sigma[p], sigma, rtol=1e-4)
        np.testing.assert_allclose(found.season[:, p], [cosine, sine], atol=1e-3)


@pytest.mark.parametrize("fitting", [fit, least_squares])
@QUICK
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 40), data=st.data())
def test_neither_order_nor_neighbours_nor_blocks_nor_empty_dates_move_a_bit(fitting, seed, count, data) -> None:  # type: ignore[no-untyped-def]
    pixels = data.draw(st.integers(5, 2 * LANES + 3))
    table, values = cloudy(seed, count, pixels)
    whole = fitting(table, values)
    order = np.random.default_rng(seed).permutation(pixels)
    assert_same(fitting(table, values[:, order]), part(whole, order))
    cut = data.draw(st.integers(0, pixels))
    for some in (slice(0, cut), slice(cut, pixels)):
        assert_same(fitting(table, values[:, some]), part(whole, some))
    at = data.draw(st.integers(0, count))
    more = date_table(some_days(seed + 1, 1), 3)
    empty = np.full((1, pixels), np.nan, np.float32)
    assert_same(fitting(np.insert(table, at, more, 0), np.insert(values, at, empty, 0)), whole)


def test_two_threads_at_once_give_the_same_bits() -> None:
    table, values = cloudy(7, 60, 3000)
    alone = fit(table, values)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: fit(table, values), range(6)):
            assert_same(found, alone)


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.9]), st.booleans())
def test_the_median_of_every_lane_is_exact(seed: int, fours: int, missing: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    numbers = (rng.normal(0, 1, (STRIDE * fours, LANES)) * 10.0 ** rng.integers(-30, 30, LANES)).astype(np.float32)
    if ties:
        numbers = rng.integers(-2, 3, numbers.shape).astype(np.float32)
    numbers[rng.random(numbers.shape) < missing] = np.nan
    looks, found = np.isfinite(numbers).sum(0).astype(np.int32), np.empty(LANES, np.float32)
    median(numbers, looks, found)
    for lane in range(LANES):
        seen = np.sort(numbers[np.isfinite(numbers[:, lane]), lane])
        if len(seen) == 0:
            assert np.isnan(found[lane])
        else:
            low, high = seen[(len(seen) - 1) // 2], seen[len(seen) // 2]
            assert found[lane] == (low if low == high else np.float32(0.5) * low + np.float32(0.5) * high)


@pytest.mark.parametrize("harmonics", [1, 2, 3])
@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_least_squares_is_that_of_numpy(harmonics: int, ridge: float) -> None:
    days = some_days(11, 90)
    table, values = date_table(days, harmonics), model(days, 0.03, 11, 70)
    values[np.random.default_rng(11).random(values.shape) < 0.4] = np.nan
    found = least_squares(table, values, ridge=ridge)
    penalty = ridge * np.diag([((q + 1) // 2) ** 2 for q in range(table.shape[1])])
    for p in range(70):
        seen = np.isfinite(values[:, p])
        x, y = table[seen], values[seen, p].astype(np.float64)
        beta = np.linalg.solve(x.T @ x + penalty, x.T @ y)
        sigma = np.sqrt(((y - x @ beta) ** 2).sum() / (len(y) - len(beta)))
        np.testing.assert_allclose(found.coefficients[:, p], beta, atol=1e-5)
        np.testing.assert_allclose(found.sigma[p], sigma, rtol=1e-4)
    assert (found.season == 0).all()


def test_least_squares_of_dates_that_do_not_tell_the_terms_apart_is_nothing() -> None:
    """One look a year on one day: the harmonics are constants. And as many looks as terms leave no residual."""
    yearly = (15_000 + 1461 * np.arange(12)).astype(np.int32)
    found = least_squares(date_table(yearly, 1), model(yearly, 0.03, 1, 2))
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.sigma).all()
    assert np.isfinite(least_squares(date_table(yearly, 1), model(yearly, 0.03, 1, 2), ridge=1.0).sigma).all()
    days = some_days(2, 8)
    assert np.isnan(least_squares(date_table(days[:7], 3), model(days[:7], 0.03, 1)).sigma).all()


@pytest.mark.parametrize("fitting", [fit, least_squares])
def test_values_beyond_float32_are_no_fit(fitting) -> None:  # type: ignore[no-untyped-def]
    """Sums that overflow: never a silent number."""
    days = some_days(3, 40)
    values = model(days, 0.02, 3, 3)
    values[:, 1] = np.where(np.arange(40) % 2, 3.3e38, -3.3e38)
    found = fitting(date_table(days, 3), values)
    assert not np.isfinite(found.coefficients[:, 1]).all() or not np.isfinite(found.sigma[1])
    assert np.isfinite(found.coefficients[:, [0, 2]]).all()
    assert np.isfinite(found.sigma[[0, 2]]).all()
    assert np.isfinite(found.season).all()


def test_no_pixels_and_no_dates_are_empty() -> None:
    table = date_table(some_days(1, 10), 2)
    assert fit(table, np.zeros((10, 0), np.float32)).coefficients.shape == (5, 0)
    nothing = fit(date_table(np.zeros(0, np.int32), 2), np.zeros((0, 3), np.float32))
    assert nothing.looks.tolist() == [0, 0, 0]
    assert np.isnan(nothing.sigma).all()


def test_the_rule_of_the_terms() -> None:
    looks = np.array([0, 5, 17, 18, 23, 24, 500], np.int32)
    assert terms_of(looks, 7).tolist() == [3, 3, 3, 5, 5, 7, 7]
    assert terms_of(looks, 5).tolist() == [3, 3, 3, 5, 5, 5, 5]
