"""A history that cannot be trusted is said so: short, disturbed, not forest, outside. Simulated throughout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import scenes_on

from detection.codes import Monitored
from detection.harmonics import date_table, fit, fitted, season_factor
from detection.history import ALARM, Baseline, History, baseline, prediction_factor, students_quantile
from detection.monitors import Detector, Looks, start
from detection.types import Codes

NOISE, LEVEL = 0.03, 0.7
PIXELS = 200
QUICK = settings(max_examples=20, deadline=None)


def some_days(seed: int, count: int) -> NDArray[np.int32]:
    """Irregular days within eight years."""
    return np.sort(np.random.default_rng(seed).choice(8 * 365, count, replace=False)).astype(np.int32) + np.int32(
        14_000
    )


def forest(days: NDArray[np.int32], seed: int, pixels: int = PIXELS) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0, NOISE, (len(days), pixels))
    season = 0.05 * np.cos(2 * np.pi * days / 365.25)[:, None]
    values: NDArray[np.float32] = (LEVEL + season + noise).astype(np.float32)
    return values


def codes(days: NDArray[np.int32], values: NDArray[np.float32], history: History | None = None, sign: int = 1) -> Codes:
    """What `start` makes of it: the step of the history and the rehearsal of the monitor together."""
    detector = Detector(history=history or History(), loss="lowers" if sign > 0 else "raises")
    looks = Looks(scenes_on(days.tolist()), values[:, None])
    return start(detector, looks, inside=np.ones(values.shape[1], bool)).monitored


def judged(values: NDArray[np.float32], history: History, sign: int = 1) -> Baseline:
    days = some_days(0, len(values))
    return baseline(
        date_table(days, history.harmonics), values, history, inside=np.ones(values.shape[1], bool), sign=sign
    )


@pytest.mark.parametrize("looks", [24, 30, 60, 150, 300])
def test_stable_noisy_forest_stays_monitored(looks: int) -> None:
    days = some_days(looks, looks)
    assert (codes(days, forest(days, looks, 2_000)) == Monitored.MONITORED).mean() >= 0.985


@pytest.mark.parametrize("looks", [12, 15, 18])
def test_stable_forest_seen_seldom_mostly_stays_monitored(looks: int) -> None:
    """With few looks one split explains much of pure chance: some stable pixels are given up, and say so."""
    days = some_days(looks, looks)
    found = codes(days, forest(days, looks, 2_000))
    assert (found == Monitored.MONITORED).mean() >= 0.85
    assert set(np.unique(found)) <= {Monitored.MONITORED, Monitored.DISTURBED_HISTORY}


@pytest.mark.parametrize("looks", [60, 100, 200])
@pytest.mark.parametrize(("where", "drop"), [(0.25, 8), (0.5, 8), (0.75, 8), (0.1, 15), (0.5, 15), (0.9, 15)])
def test_a_clearing_in_the_history_is_never_monitored(looks: int, where: float, drop: float) -> None:
    """Detection limit: 60 looks; a drop of 8 scales with a quarter of them on either side, of 15 with a tenth."""
    days = some_days(looks, looks)
    values = forest(days, looks)
    values[round(where * looks) :] -= np.float32(drop * NOISE)
    assert (codes(days, values) == Monitored.DISTURBED_HISTORY).all()


@QUICK
@given(st.integers(0, 2**32 - 1), st.floats(0.4, 0.6))
def test_a_half_cleared_history_is_never_monitored(seed: int, where: float) -> None:
    days = some_days(seed, 80)
    values = forest(days, seed, 20)
    values[round(where * 80) :] -= np.float32(12 * NOISE)
    assert (codes(days, values) != Monitored.MONITORED).all()


@pytest.mark.parametrize("looks", [12, 18, 24, 40])
def test_a_half_cleared_sparse_history_is_never_monitored_whatever_its_dates(looks: int) -> None:
    """Irregular dates let harmonics take a step for a season; the share of all the variance then tells."""
    for seed in range(40):
        days = some_days(seed, looks)
        values = forest(days, seed, 50)
        values[looks // 2 :] -= np.float32(15 * NOISE)
        assert (codes(days, values) != Monitored.MONITORED).all()


@pytest.mark.parametrize("count", [100, 400])
@pytest.mark.parametrize("looks", [4, 5, 6])
def test_a_clearing_in_the_last_looks_is_caught(looks: int, count: int) -> None:
    """With 400 looks it explains too little to be a step: the monitor, run over the history, ends confirmed."""
    days = some_days(9, count)
    values = forest(days, 9)
    values[-looks:] -= np.float32(15 * NOISE)
    days[-looks:] = days[-looks - 1] + 16 * np.arange(1, looks + 1)
    # The looks of the clearing widen the scale: one pixel in some hundreds is then too shallow to be confirmed at once.
    assert (codes(days, values) == Monitored.DISTURBED_HISTORY).mean() >= 0.99


def test_one_cloud_at_the_end_of_the_history_is_no_disturbance() -> None:
    days = some_days(9, 100)
    values = forest(days, 9, 1_000)
    values[-1] -= np.float32(15 * NOISE)
    assert (codes(days, values) == Monitored.MONITORED).mean() > 0.99


def test_scattered_clouds_are_no_disturbance() -> None:
    days = some_days(10, 150)
    values = forest(days, 10, 1_000)
    values[np.random.default_rng(10).random(values.shape) < 0.1] -= np.float32(0.4)
    assert (codes(days, values) == Monitored.MONITORED).mean() > 0.97


def test_regrowth_in_the_history_is_disturbed_too() -> None:
    days = some_days(11, 100)
    values = forest(days, 11)
    values[:40] -= np.float32(15 * NOISE)
    assert (codes(days, values) == Monitored.DISTURBED_HISTORY).all()


@pytest.mark.parametrize(("looks", "code"), [(0, Monitored.SHORT_HISTORY), (11, Monitored.SHORT_HISTORY), (12, 0)])
def test_a_short_history_is_short(looks: int, code: int) -> None:
    values = np.full((40, 1), 0.7, np.float32)
    values[looks:] = np.nan
    assert judged(values, History()).monitored[0] == code
    assert judged(values, History()).looks[0] == looks


@pytest.mark.parametrize(
    ("level", "sign", "code"),
    [(0.35, 1, Monitored.NOT_FOREST), (0.45, 1, 0), (0.45, -1, Monitored.NOT_FOREST), (0.35, -1, 0)],
)
def test_a_low_level_is_not_forest(level: float, sign: int, code: int) -> None:
    values = np.random.default_rng(0).normal(level, 0.01, (40, 5)).astype(np.float32)
    assert (judged(values, History(forest_min=0.4), sign).monitored == code).all()
    assert (judged(values, History(), sign).monitored == Monitored.MONITORED).all()


def test_what_is_outside_is_outside_before_anything_else() -> None:
    values = np.random.default_rng(0).normal(0.7, 0.03, (40, 4)).astype(np.float32)
    values[5:, 1] = np.nan
    values[:20, 2] -= np.float32(0.5)
    table = date_table(some_days(0, 40), 3)
    inside = np.array([True, False, False, False])
    found = baseline(table, values, History(), inside=inside, sign=1)
    assert found.monitored.tolist() == [Monitored.MONITORED, *[Monitored.OUTSIDE] * 3]
    assert np.isnan(found.sigma).tolist() == [False, True, True, True]


@QUICK
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.02, 0.1]))
def test_a_scale_is_at_least_its_floor_and_only_where_monitored(seed: int, floor: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.7, 0.03, (30, 30)).astype(np.float32)
    values[rng.random(values.shape) < rng.random(30)] = np.nan
    found = judged(values, History(min_sigma=floor))
    watched = found.monitored == Monitored.MONITORED
    assert (np.isfinite(found.sigma) == watched).all()
    assert (found.sigma[watched] >= np.float32(floor)).all()
    assert (found.looks[watched] >= 12).all()


def test_a_stricter_share_gives_up_more_pixels() -> None:
    days = some_days(12, 60)
    values = forest(days, 12, 500)
    values[30:] -= np.float32(3 * NOISE)
    kept = [(codes(days, values, History(max_step_share=s)) == Monitored.MONITORED).sum() for s in (0.3, 0.5, 0.8, 1.0)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_the_step_share_is_the_best_split_of_an_analysis_of_variance(seed: int) -> None:
    """Against brute force over all splits, through the threshold: just below disturbs, just above does not."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.7, 0.03, (36, 1)).astype(np.float32)
    values[18:] -= np.float32(rng.uniform(0, 0.15))
    history, days = History(harmonics=1), some_days(seed, 36)
    table = date_table(days, 1)
    inside = np.ones(1, bool)
    found = baseline(table, values, history, inside=inside, sign=1)
    model = fit(table, values)
    centred = values[:, 0] - model.coefficients[0, 0]
    clean = (values - fitted(table, model.coefficients)) / season_factor(table, model.season)
    clean = np.clip(clean[:, 0] / max(float(model.sigma[0]), history.min_sigma), -5, 5).astype(np.float64)
    best = max(best_split(clean), best_split(centred.astype(np.float64)))
    for margin, code in ((-1e-3, Monitored.DISTURBED_HISTORY), (1e-3, Monitored.MONITORED)):
        rule = History(harmonics=1, max_step_share=float(np.clip(best + margin, 1e-6, 1)))
        assert baseline(table, values, rule, inside=inside, sign=1).monitored[0] == code
    np.testing.assert_array_equal(found.coefficients, model.coefficients)


def best_split(clean: NDArray[np.float64]) -> float:
    """Share of the variance between the two parts of the best split, three looks on either side at least."""
    total = ((clean - clean.mean()) ** 2).sum()
    splits = [(clean[:k], clean[k:]) for k in range(3, len(clean) - 2)]
    return max(sum(len(part) * (part.mean() - clean.mean()) ** 2 for part in pair) / total for pair in splits)


def held_out(looks: int, *, widen: bool) -> float:
    """P(|z| > ALARM) of looks of the year after a history of so many, of normal noise; several sets of dates."""
    beyond = []
    for seed in range(6):
        rng, days = np.random.default_rng(1000 * looks + seed), some_days(1000 * looks + seed, looks)
        later = (14_000 + 8 * 365 + np.arange(0, 365, 9)).astype(np.int32)
        rule = History(widen=widen, min_sigma=1e-6, max_step_share=1.0)
        old, new = date_table(days, 3), date_table(later, 3)
        values = forest(days, seed, 2_000)
        base = baseline(old, values, rule, inside=np.ones(2_000, bool), sign=1)
        level = LEVEL + 0.05 * np.cos(2 * np.pi * later / 365.25)[:, None]
        change = level + rng.normal(0, NOISE, (len(later), 2_000)) - fitted(new, base.coefficients)
        beyond.append((np.abs(change / base.sigma / season_factor(new, base.season)) > ALARM).mean())
    return float(np.mean(beyond))


def test_twelve_looks_alarm_no_more_often_than_a_hundred() -> None:
    """Within a factor of 1.5 of the normal's 0.27 %, whatever the looks; unwidened, twelve looks alarm ten times as often."""
    nominal = 0.0027
    for looks in (12, 20, 50, 100):
        assert nominal / 1.5 < held_out(looks, widen=True) < nominal * 1.5
    assert held_out(12, widen=False) > 8 * nominal
    assert held_out(12, widen=False) > 4 * held_out(100, widen=False)


def test_the_factor_falls_to_one_with_looks() -> None:
    looks = np.array([6, 12, 17, 40, 100, 1000, 100_000], np.int32)
    factor = prediction_factor(looks, 7)
    assert (np.diff(factor) < 0).all()
    assert factor[-1] == pytest.approx(1, abs=2e-3)
    assert np.isfinite(prediction_factor(np.arange(6, dtype=np.int32), 7)).all()


@pytest.mark.parametrize("free", [3, 5, 9, 30])
def test_students_quantile_by_its_expansion(free: int) -> None:
    """Golden, of Student's distribution at 0.99865010: 9.2189, 5.5071, 4.0943, 3.2704 (scipy 1.16, stdtrit)."""
    expected = {3: 9.2189, 5: 5.5071, 9: 4.0943, 30: 3.2704}[free]
    assert students_quantile(np.array([float(free)]), 3.0)[0] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("nothing", Monitored.SHORT_HISTORY),
        ("infinite", Monitored.SHORT_HISTORY),
        ("minus infinite", Monitored.SHORT_HISTORY),
        ("eleven looks", Monitored.SHORT_HISTORY),
        ("overflow", Monitored.FAILED),
        ("constant", Monitored.MONITORED),
        ("an infinite look", Monitored.MONITORED),
        ("a huge look", Monitored.MONITORED),
        ("one day of the year", Monitored.MONITORED),
    ],
)
def test_what_can_go_wrong_ends_in_a_status(what: str, code: Monitored) -> None:
    """With a scale where it is monitored, with NaN where it is not; and its neighbours do not notice."""
    days = some_days(5, 40)
    if what == "one day of the year":
        days = (14_000 + 1461 * np.arange(40)).astype(np.int32)
    values = np.random.default_rng(5).normal(LEVEL, NOISE, (40, 3)).astype(np.float32)
    whole = {"nothing": np.nan, "infinite": np.inf, "minus infinite": -np.inf, "constant": 0.6}
    if what in whole:
        values[:, 1] = whole[what]
    elif what == "eleven looks":
        values[11:, 1] = np.nan
    elif what == "overflow":
        values[:, 1] = np.where(np.arange(40) % 2, 3.3e38, -3.3e38)
    elif what != "one day of the year":
        values[7, 1] = np.inf if what == "an infinite look" else 3e38
    found = baseline(date_table(days, 3), values, History(), inside=np.ones(3, bool), sign=1)
    assert found.monitored.tolist() == [0, code, 0]
    assert np.isfinite(found.sigma).tolist() == [True, code == Monitored.MONITORED, True]
    assert np.isfinite(found.coefficients[:, found.monitored == Monitored.MONITORED]).all()


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 150))
def test_pixels_of_a_history_do_not_know_each_other(seed: int, pixels: int) -> None:
    rng, days = np.random.default_rng(seed), some_days(seed, 40)
    values = forest(days, seed, pixels)
    values[20:, rng.random(pixels) < 0.3] -= np.float32(0.2)
    values[rng.random(values.shape) < rng.random(pixels)] = np.nan
    inside, table, order = rng.random(pixels) < 0.8, date_table(days, 3), rng.permutation(pixels)
    whole = baseline(table, values, History(), inside=inside, sign=1)
    mixed = baseline(table, values[:, order], History(), inside=inside[order], sign=1)
    for name in ("coefficients", "season", "sigma", "looks", "monitored"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(whole, name)[..., order], err_msg=name)
