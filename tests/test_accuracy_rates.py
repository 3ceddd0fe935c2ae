"""Latency, rates and resampling: published examples, and what must hold of any detector."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_accuracy_series import END, FROM, RULES, START, UNTIL, alarms_on, drawn, judged, truth_of

from detection.accuracy import rates
from detection.accuracy.bootstrap import MEASURES, accuracy, at_rate, false_alarm_rate, paired, resamples
from detection.accuracy.judged import Judged, take
from detection.accuracy.latency import by_blocks, latency, quantile, survival, times, within
from detection.accuracy.series import judge
from detection.accuracy.stream import changes
from detection.errors import BadInput

# latency

REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
"""Weeks of remission under 6-MP, + censored: Freireich et al. 1963, Blood 21; the example of Cox & Oakes 1984, table 1.1."""
WEEKS = np.array([float(w.rstrip("+")) for w in REMISSION.split()])
ENDED = np.array([not w.endswith("+") for w in REMISSION.split()])


def test_kaplan_meier_against_the_published_example() -> None:
    curve = survival(WEEKS, ENDED)
    assert curve.days.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.share.round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    # Greenwood's standard errors by hand, the first: .857 x sqrt(3 / (21 x 18))
    errors = np.array([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346])
    half = 1.959964 * errors / (curve.share * np.abs(np.log(curve.share)))
    assert curve.low == pytest.approx(curve.share ** np.exp(half), abs=5e-4)
    assert curve.high == pytest.approx(curve.share ** np.exp(-half), abs=5e-4)
    assert (round(curve.low[0], 3), round(curve.high[0], 3)) == (0.620, 0.952)


def test_quantiles_of_the_published_example() -> None:
    curve = survival(WEEKS, ENDED)
    half = quantile(curve, 0.5)
    assert (half.value, half.low, half.high, half.of) == (23, 13, None, 21)
    assert quantile(curve, 0.8).value is None
    share = within(curve, 10)
    assert share.value == pytest.approx(1 - 0.7529, abs=1e-4)
    assert share.low < share.value < share.high
    assert within(curve, 35).value == pytest.approx(1 - 0.4482, abs=1e-4)
    assert within(curve, 36).value is None  # nobody was followed as long
    assert within(curve, 5).value == 0


def test_of_nothing_there_is_no_latency() -> None:
    told = latency(judged(truth_of()).losses)
    assert told.dated == told.found == told.early.of == 0
    assert told.median.value is told.p80.value is told.early.value is told.within[30].value is None
    with pytest.raises(BadInput, match="a time is negative"):
        survival(np.array([-1.0]), np.array([True]))


def test_all_found_at_once() -> None:
    curve = survival(np.zeros(5), np.ones(5, bool))
    assert (quantile(curve, 0.5).value, quantile(curve, 1).value, within(curve, 400).value) == (0, 0, 1)


def test_undated_losses_have_no_latency_and_early_alarms_are_day_0() -> None:
    truth = truth_of((0, START, END), (1, START, END, True, False), many=2)
    made = judge(truth, changes([0, 1], [START - 10, START + 9]), RULES, "first")
    told = latency(made.losses)
    assert (told.dated, told.undated, told.found, told.early.value, told.median.value) == (1, 1, 1, 1, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9_999), st.integers(1, 30))
def test_misses_are_censored_not_dropped(seed: int, turned: int) -> None:
    """Hits turned into misses never lower the median; the median over the found ones alone could."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 300, 60).astype(float)
    found = rng.random(60) < 0.9
    days[~found] = 365
    fewer = found.copy()
    fewer[rng.choice(np.flatnonzero(found), turned, replace=False)] = False
    all_, some = survival(days, found), survival(np.where(fewer, days, 365), fewer)
    for q in (0.2, 0.5, 0.8):
        before, after = quantile(all_, q).value, quantile(some, q).value
        assert after is None or (before is not None and after >= before)
    assert within(some, 100).value <= within(all_, 100).value


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9_999))
def test_a_weight_is_as_good_as_a_repetition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days, found, counts = rng.integers(0, 50, 30).astype(float), rng.random(30) < 0.7, rng.integers(0, 4, 30)
    one, other = (
        survival(days, found, counts.astype(float)),
        survival(np.repeat(days, counts), np.repeat(found, counts)),
    )
    assert np.array_equal(one.days, other.days)
    for name in ("share", "low", "high"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True)
    assert one.last == other.last


def test_the_interval_of_blocks_is_wider_where_blocks_are_alike() -> None:
    rng = np.random.default_rng(1)
    days = np.repeat(rng.integers(0, 60, 20), 20)
    windows = [(s, START, START + 100) for s in range(400)]
    said = changes(np.arange(400), START + days)
    alone = judge(truth_of(*windows, many=400), said, RULES, "first")
    alike = judge(truth_of(*windows, many=400, block=np.arange(400) // 20), said, RULES, "first")
    narrow, wide = by_blocks(alone), by_blocks(alike)
    assert narrow.value == wide.value == latency(alone.losses).median.value
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


# rates


@pytest.mark.parametrize(
    ("seen", "low", "high"), [(1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.391), (50, 37.11, 65.92)]
)
def test_garwoods_interval(seen: int, low: float, high: float) -> None:
    """Garwood 1936, Biometrika 28, table 1 (95 %)."""
    made = rates.poisson(seen, 2.0)
    assert (2 * made.low, 2 * made.high) == pytest.approx((low, high), rel=1e-3)
    assert made.value == seen / 2


def test_none_seen_has_the_rule_of_three() -> None:
    made = rates.poisson(0, 10.0)
    assert (made.value, made.low) == (0, 0)
    assert made.high == pytest.approx(0.3, rel=0.002)
    assert np.exp(-10 * made.high) == pytest.approx(0.05)
    assert rates.poisson(0, 0.0).value is rates.poisson(3, np.nan).high is None


def test_wilsons_interval() -> None:
    made = rates.wilson(81, 263)  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
    assert (round(made.low, 4), round(made.high, 4)) == (0.2553, 0.3662)
    made = rates.wilson(0, 20)
    assert (made.low, round(made.high, 4)) == (0, 0.1611)  # the same table
    assert rates.wilson(0, 0).value is None


def test_false_alarms_by_hand() -> None:
    truth = truth_of(many=4, stratum=[0, 0, 0, 1], weight=[1, 1, 1, 7])
    years = (UNTIL - FROM) / 365.25
    made = judge(truth, changes([0, 3, 3], [FROM, FROM, FROM + 9]), RULES, "first")
    by = rates.by_stratum(made)
    assert by["intact"].value == pytest.approx(1 / (3 * 0.09 * years / 1e6))
    assert by["mosaic"].value == pytest.approx(2 / (0.09 * years / 1e6))
    assert rates.false_alarms(made, "series_year").value == pytest.approx(3 / (4 * years))
    assert rates.weighted(made).value == pytest.approx((1 + 2 * 7) / (10 * 0.09 * years / 1e6))
    none = rates.weighted(judge(truth, alarms_on(), RULES, "first"), "series_year")
    assert (none.value, none.high) == (0, pytest.approx(rates.NONE_SEEN * 7 / (10 * years)))


def test_a_rate_without_hectares_or_series_is_none() -> None:
    points = judged(truth_of(hectares=np.nan), FROM)
    assert rates.false_alarms(points).value is rates.weighted(points).value is None
    assert rates.false_alarms(points, "series_year").value > 0
    assert rates.by_stratum(points, "series_year")["mosaic"].value is None
    assert rates.false_alarms(judged(truth_of(many=0))).of == 0
    assert accuracy(judged(truth_of(many=0)))["f1"].value is None


def test_the_interval_of_a_rate_covers_it_although_alarms_cluster() -> None:
    """Blocks of 20 series alarm together: the block bootstrap covers the rate, the one for independent alarms does not."""
    truth = truth_of(many=1_000, block=np.arange(1_000) // 20)
    held = np.zeros(2)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        fires = np.repeat(rng.random(50) < 0.3, 20)
        made = judge(truth, changes(np.flatnonzero(fires), np.full(fires.sum(), FROM + 50)), RULES, "first")
        expected = 0.3 / ((UNTIL - FROM) / 365.25)
        for i, rate in enumerate(
            (rates.weighted(made, "series_year", draws=300), rates.false_alarms(made, "series_year"))
        ):
            held[i] += rate.low <= expected <= rate.high
    assert held[0] >= 52
    assert held[1] <= 35


def test_hard_negatives_one_by_one() -> None:
    windows = [(s, START, END, False, True, False, 1 + s // 6, s // 2) for s in range(8)]
    truth = truth_of(*windows, many=9)
    made = judge(truth, changes([0, 0, 1, 5, 8], [START, START + 1, START, START, START]), RULES, "first")
    told = rates.hard_negatives(made)
    assert list(told) == ["browning", "river"]
    one = told["browning"]
    assert (one.events, one.series, one.alarms) == (3, 6, 4)
    assert one.alarms_per_1000.value == pytest.approx(4000 / 3)
    assert one.alarmed_per_1000.value == pytest.approx(2000 / 3)
    assert told["river"].alarms == 0
    assert told["river"].alarms_per_1000.high == pytest.approx(rates.NONE_SEEN * 1000)
    unseen = truth_of((0, UNTIL + 5, UNTIL + 9, False, True, False, 1))
    assert rates.hard_negatives(judged(unseen)) == {}


# resampling


def test_equal_seeds_give_equal_draws_however_they_are_cut() -> None:
    lots = np.concatenate(list(resamples(7, 150, 3)))
    assert np.array_equal(lots, np.random.default_rng(3).multinomial(7, np.full(7, 1 / 7), 150))
    assert (lots.sum(axis=1) == 7).all()


def test_accuracy_is_weighted() -> None:
    truth = truth_of((0, START, END), (1, START, END), many=3, weight=[1, 3, 4])
    made = judge(truth, changes([1, 2], [START + 40, FROM]), RULES, "first")
    told = accuracy(made, draws=50)
    assert told["producers"].value == 3 / 4
    assert told["users"].value == 3 / 7
    assert told["f1"].value == pytest.approx(2 * (3 / 4) * (3 / 7) / (3 / 4 + 3 / 7))
    assert told["within"].value == 0
    assert told["false_alarms"].value == pytest.approx(4 / made.exposure.weighted_years.sum())


def test_the_share_found_in_time_is_of_dated_losses_followed_as_long() -> None:
    windows = [(0, START, END), (1, START, END), (2, START, END, True, False), (3, UNTIL - 9, UNTIL), (4, START, END)]
    truth = truth_of(*windows, many=5)
    made = judge(truth, changes([0, 1, 2], [START + 30, START + 31, START]), RULES, "first")
    told = accuracy(made, draws=20)["within"]  # one of three: neither the undated nor the one followed for nine days
    assert (told.value, told.of) == (pytest.approx(1 / 3), 3)
    late = accuracy(judge(truth, changes([2], [START]), RULES, "first"), draws=20)["within"]
    assert (late.value, late.of) == (0, 3)


def better(seed: int, shares: tuple[float, float]) -> list[Judged]:
    """Two detectors that find these shares of 300 losses, in blocks of 5."""
    rng = np.random.default_rng(seed)
    truth = truth_of(*((s, START, END) for s in range(300)), many=400, block=np.arange(400) // 5)
    made = []
    for share in shares:
        hits, false = np.flatnonzero(rng.random(300) < share), rng.choice(np.arange(300, 400), 20, replace=False)
        series = np.concatenate([hits, false])
        made.append(judge(truth, changes(series, np.full(len(series), START + 5)), RULES, "first"))
    return made


def test_a_detector_is_no_better_than_itself_and_better_than_a_worse_one() -> None:
    good, bad = better(1, (0.9, 0.5))
    for one in paired(good, good, draws=200).values():
        assert (one.value, one.low, one.high, one.above) == (0, 0, 0, 0)
    told = paired(good, bad, draws=500)
    for measure in ("producers", "f1", "within"):
        assert told[measure].low > 0
        assert told[measure].above == 1
    assert told["false_alarms"].low <= 0 <= told["false_alarms"].high
    back = paired(bad, good, draws=500)
    for measure in MEASURES:
        assert back[measure].value == pytest.approx(-told[measure].value)
        assert back[measure].low == pytest.approx(-told[measure].high)


def test_equal_detectors_differ_in_one_pair_of_twenty() -> None:
    """Of 60 pairs that are equally good, about 5 % seem to differ; six standard deviations of that are 13."""
    apart = [paired(*better(seed, (0.7, 0.7)), draws=300)["producers"] for seed in range(60)]
    assert sum(d.low > 0 or d.high < 0 for d in apart) <= 13


def test_detectors_judged_against_different_truths_are_said() -> None:
    one = better(1, (0.9,))[0]
    with pytest.raises(BadInput, match="judged against different truths"):
        paired(one, replace(one, stage="confirmed"))
    with pytest.raises(BadInput, match="judged against different truths"):
        paired(one, replace(one, exposure=take(one.exposure, np.arange(3))))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9_999))
def test_figures_are_shares_inside_their_intervals(seed: int) -> None:
    made = judge(*drawn(seed), RULES, "first")
    for measure, told in accuracy(made, draws=100).items():
        assert told.value >= 0
        assert measure == "false_alarms" or told.value <= 1
        assert told.low <= told.high
    days, found = times(made.losses)
    assert len(days) == made.losses.dated.sum() >= found.sum()


def test_the_setting_nearest_below_a_rate() -> None:
    truth = truth_of((0, START, END), many=10)
    found = [
        judge(truth, changes(np.append(np.arange(n), 0)[: n + hit], [FROM] * n + [START] * hit), RULES, "first")
        for n, hit in ((6, 1), (3, 1), (3, 0), (1, 1))
    ]
    rate = [false_alarm_rate(one, "mha_year") for one in found]
    assert at_rate([1, 2, 3, 4], found, rate[0] * 0.99).threshold == 2
    assert (
        at_rate([4, 3, 2, 1], found[::-1], rate[1]).threshold == 2
    )  # of two with the same rate, the one that finds it
    assert at_rate([1, 2, 3, 4], found, rate[3] * 0.99) is None
    with pytest.raises(BadInput, match="no exposure per mha_year at setting 1"):
        at_rate([1], [judged(truth_of(hectares=np.nan))], 1)
