"""Judging series: every rule by hand, invariants by property, and the shared scorer as an independent reader."""

import importlib.util
import warnings
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.accuracy.bootstrap import accuracy
from detection.accuracy.judged import Judged, join, only, take
from detection.accuracy.latency import latency, quantile, survival, times
from detection.accuracy.rates import false_alarms
from detection.accuracy.series import DAYS_A_YEAR, PLAIN, Rules, Stage, from_columns, judge
from detection.accuracy.stream import NEVER, Changes, changes
from detection.accuracy.truth import SeriesTruth
from detection.errors import BadInput

RULES = Rules()
FROM, UNTIL = 10_000, 11_461
"""Four years."""


def truth_of(
    *windows: tuple, many: int = 1, weight=None, block=None, stratum=None, hectares: float = 0.09
) -> SeriesTruth:
    """Windows (series, start, end, then any of loss, dated, ignored, driver, event) of series watched from FROM to UNTIL."""
    full = [w + (True, True, False, 0, w[0])[len(w) - 3 :] for w in windows]
    columns = [np.array(c) for c in zip(*full, strict=True)] if full else [np.zeros(0, int)] * 8
    series, start, end, loss, dated, ignored, driver, event = columns
    return SeriesTruth(
        strata=("intact", "mosaic"),
        drivers=("clearing", "browning", "river"),
        stratum=np.zeros(many, np.uint8) if stratum is None else np.asarray(stratum, np.uint8),
        block=np.arange(many, dtype=np.int32) if block is None else np.asarray(block, np.int32),
        weight=np.ones(many) if weight is None else np.asarray(weight, float),
        area_ha=np.full(many, hectares),
        observed_from=np.full(many, FROM, np.int32),
        observed_until=np.full(many, UNTIL, np.int32),
        window_series=series.astype(np.int64),
        window_driver=driver.astype(np.uint8),
        window_loss=loss.astype(bool),
        window_start=start.astype(np.int32),
        window_end=end.astype(np.int32),
        window_dated=dated.astype(bool),
        window_ignored=ignored.astype(bool),
        window_event=event.astype(np.int64),
        window_event_ha=np.full(len(series), 0.5),
    )


def alarms_on(*days: int, series: int = 0, confirmed: bool = False) -> Changes:
    day = np.array(days, np.int32)
    return changes(np.full(len(days), series), day, day + 5 if confirmed else None)


def judged(truth: SeriesTruth, *days: int, stage: Stage = "first") -> Judged:
    return judge(truth, alarms_on(*days), RULES, stage)


def same(one: object, other: object) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=True) for f in fields(one))


def drawn(seed: int, many: int = 40, windows: int = 2, alarms: int = 3) -> tuple[SeriesTruth, Changes]:
    """Anything that may happen: windows of every kind that may overlap, alarms anywhere."""
    rng = np.random.default_rng(seed)
    series = np.sort(rng.integers(0, many, many * windows))
    start = rng.integers(FROM - 100, UNTIL + 100, len(series))
    order = np.lexsort((start, series))
    series, start = series[order], start[order]
    end = start + rng.integers(0, 300, len(series))
    kind = rng.integers(0, 6, len(series))
    rows = [
        (s, a, b, k < 4, k != 1, k == 2 or k == 5, int(k >= 4) + int(a) % 2 * int(k >= 4), int(s) // 3)
        for s, a, b, k in zip(series, start, end, kind, strict=True)
    ]
    truth = truth_of(
        *rows, many=many, block=np.arange(many) // 4, stratum=np.arange(many) % 2, weight=rng.uniform(0.5, 5, many)
    )
    count = many * alarms
    first = rng.integers(FROM - 200, UNTIL + 200, count)
    confirmed = np.where(rng.random(count) < 0.7, first + rng.integers(0, 60, count), NEVER)
    dates = np.where(rng.random(count) < 0.5, first - rng.integers(0, 30, count), NEVER)
    return truth, changes(rng.integers(0, many, count), first, confirmed, dates)


START, END = 10_500, 10_520


@pytest.mark.parametrize(
    ("day", "hit", "repeats", "false"),
    [
        (START - 31, 0, 0, 1),
        (START - 30, 1, 0, 0),
        (START, 1, 0, 0),
        (END + 60, 1, 0, 0),
        (END + 61, 0, 0, 1),
    ],
)
def test_the_edges_of_a_window(day: int, hit: int, repeats: int, false: int) -> None:
    made = judged(truth_of((0, START, END)), day)
    assert (made.hits, made.repeats, len(made.alarms.day)) == (hit, repeats, false)
    assert made.losses.hit.tolist() == [bool(hit)]
    assert made.losses.days.tolist() == [day - START if hit else 0]


@pytest.mark.parametrize(("dated", "late", "hits"), [(True, 365, 1), (True, 366, 0), (False, 366, 1), (False, 800, 1)])
def test_a_hit_comes_within_a_year_unless_the_start_is_not_known(dated: bool, late: int, hits: int) -> None:
    made = judged(truth_of((0, START, START + 800, True, dated)), START + late)
    assert (made.hits, made.repeats, len(made.alarms.day)) == (hits, 1 - hits, 0)
    assert made.losses.follow[0] == (365 if dated else 860)


def test_the_earliest_is_the_hit_further_ones_are_repeats_and_others_false() -> None:
    made = judged(truth_of((0, START, END)), START + 50, START + 10, START + 20, START - 200, END + 200)
    assert (made.hits, made.repeats, made.alarms.day.tolist()) == (1, 2, [START - 200, END + 200])
    assert made.losses.days.tolist() == [10]


def test_one_alarm_finds_one_of_two_losses() -> None:
    two = truth_of((0, START, START), (0, START + 40, START + 40))
    assert judged(two, START + 45).losses.hit.tolist() == [True, False]
    assert judged(two, START + 45, START + 46).losses.days.tolist() == [45, 6]


def test_each_stage_is_judged_on_its_own_day() -> None:
    truth = truth_of((0, START, END))
    one = changes([0, 0], [START - 32, START + 3], [START - 29, NEVER], [START - 40, NEVER])
    first, confirmed = judge(truth, one, RULES, "first"), judge(truth, one, RULES, "confirmed")
    assert (first.losses.days.tolist(), len(first.alarms.day)) == ([3], 1)
    assert (confirmed.losses.days.tolist(), len(confirmed.alarms.day)) == ([-29], 0)
    assert np.isnan(first.losses.date_error[0])
    assert confirmed.losses.date_error.tolist() == [-40]


def test_confirmations_out_of_order_are_put_in_order() -> None:
    one = changes([0, 0], [START, START + 1], [START + 30, START + 2])
    assert judge(truth_of((0, START, END)), one, RULES, "confirmed").losses.days.tolist() == [2]


def test_alarms_outside_the_judged_days_and_in_ignored_windows_count_neither_way() -> None:
    truth = truth_of((0, START, END, True, True, True))
    made = judged(truth, FROM - 1, FROM, START + 5, UNTIL, UNTIL + 1)
    assert (made.hits, made.repeats, made.unjudged, made.alarms.day.tolist()) == (0, 1, 2, [FROM, UNTIL])
    assert len(made.losses.hit) == 0


def test_an_alarm_at_a_hard_negative_is_false_and_named() -> None:
    truth = truth_of((0, START, END, False, True, False, 1, 7), (0, START + 10, END, False, True, False, 2, 8))
    made = judged(truth, START + 5, START + 15, START + 300)
    assert made.alarms.driver.tolist() == [1, 2, PLAIN]
    assert made.alarms.event.tolist() == [7, 8, PLAIN]
    assert (made.hard.driver.tolist(), made.hard.series.tolist(), made.hard.alarms.tolist()) == ([1, 2], [1, 1], [1, 1])
    assert made.exposure.stable.tolist() == made.exposure.flagged.tolist() == [1]
    assert made.exposure.years[0] == pytest.approx((UNTIL - FROM) / DAYS_A_YEAR)


def test_a_hard_negative_inside_a_loss_is_no_false_alarm() -> None:
    truth = truth_of((0, START, END), (0, START + 1, END, False, True, False, 1))
    made = judged(truth, START + 5, START + 6)
    assert (made.hits, made.repeats, len(made.alarms.day), made.hard.alarms.tolist()) == (1, 1, 0, [0])


def test_exposure_leaves_out_the_windows_of_losses() -> None:
    truth = truth_of((0, START, END), (0, START + 50, END), many=3, block=[0, 0, 1], weight=[2, 2, 3])
    made = judge(truth, alarms_on(FROM + 1, FROM + 2, series=2), RULES, "first").exposure
    whole = UNTIL - FROM
    assert made.years == pytest.approx(np.array([2 * whole - (END + 60 - START + 30), whole]) / DAYS_A_YEAR)
    assert made.ha_years == pytest.approx(0.09 * made.years)
    assert made.weighted_ha_years == pytest.approx(np.array([2, 3]) * made.ha_years)
    assert (made.series.tolist(), made.changing.tolist(), made.stable.tolist()) == ([2, 1], [1, 0], [1, 1])
    assert made.flagged.tolist() == [0, 1]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9_999))
def test_exposure_counted_day_by_day(seed: int) -> None:
    truth, said = drawn(seed, windows=3)
    made, days = judge(truth, said, RULES, "first").exposure, np.zeros((2, 10))
    for s in range(truth.many):
        free = np.ones(UNTIL - FROM, bool)
        for w in np.flatnonzero((truth.window_series == s) & (truth.window_loss | truth.window_ignored)):
            free[max(truth.window_start[w] - 30 - FROM, 0) : max(truth.window_end[w] + 60 - FROM, 0)] = False
        days[truth.stratum[s], truth.block[s]] += free.sum()
    assert made.years == pytest.approx(days[made.stratum, made.block] / DAYS_A_YEAR)


def test_a_miss_is_censored_at_the_end_of_the_judged_days() -> None:
    truth = truth_of((0, UNTIL - 20, UNTIL), many=1)
    made = judged(truth)
    assert made.losses.follow.tolist() == [20]
    days, found = times(made.losses)
    assert (days.tolist(), found.tolist()) == ([20], [False])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stratum": np.array([2], np.uint8)}, "stratum code 2 is unknown, 2 are named"),
        ({"window_driver": np.array([3], np.uint8)}, "driver code 3 is unknown, 3 are named"),
        ({"window_series": np.array([1])}, "window is of series 1, the truth has 1"),
    ],
)
def test_bad_truth_is_said(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        judged(replace(truth_of((0, START, END)), **change))


def test_windows_out_of_order_are_said() -> None:
    for windows in (((0, START + 1, END), (0, START, END)), ((1, START, END), (0, START, END))):
        with pytest.raises(BadInput, match="windows are not sorted"):
            judged(truth_of(*windows, many=2))


def test_changes_of_series_that_the_truth_has_not_are_said() -> None:
    with pytest.raises(BadInput, match="changes: one is of series 4, the truth has 1; give both the same"):
        judge(truth_of((0, START, END)), alarms_on(START, series=4), RULES, "first")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9_999), st.sampled_from(["first", "confirmed"]))
def test_every_alarm_has_one_fate_and_every_loss_one_outcome(seed: int, stage: Stage) -> None:
    truth, said = drawn(seed)
    made = judge(truth, said, RULES, stage)
    raised = int((getattr(said, stage) != NEVER).sum())
    assert made.hits + made.repeats + made.unjudged + len(made.alarms.day) == raised
    assert len(made.losses.hit) == int((truth.window_loss & ~truth.window_ignored).sum())
    assert made.losses.hit.sum() == made.hits
    assert made.hard.alarms.sum() == (made.alarms.driver != PLAIN).sum()
    assert made.exposure.series.sum() == truth.many == (made.exposure.changing + made.exposure.stable).sum()
    assert (made.exposure.flagged <= made.exposure.stable).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9_999), st.integers(1, 39))
def test_parts_joined_equal_the_whole(seed: int, cut: int) -> None:
    truth, said = drawn(seed)
    parts = []
    for keep in (np.arange(cut), np.arange(cut, truth.many)):
        mine = said.take(np.isin(said.series, keep))
        parts.append(judge(truth.take(keep), replace(mine, series=mine.series - keep[0]), RULES, "first"))
    whole, joined = judge(truth, said, RULES, "first"), join(parts)
    assert same(joined.losses, whole.losses)
    assert same(joined.alarms, whole.alarms)
    assert same(joined.hard, whole.hard)
    for f in fields(whole.exposure):
        assert getattr(joined.exposure, f.name) == pytest.approx(getattr(whole.exposure, f.name))
    assert (joined.many, joined.hits, joined.repeats, joined.unjudged) == (
        whole.many,
        whole.hits,
        whole.repeats,
        whole.unjudged,
    )


def test_parts_that_do_not_fit_are_said() -> None:
    one = judged(truth_of((0, START, END)))
    with pytest.raises(BadInput, match="nothing to join"):
        join([])
    with pytest.raises(BadInput, match="parts differ in stage"):
        join([one, replace(one, stage="confirmed")])
    assert len(take(one.losses, np.array([False])).hit) == 0


# the scorer is itself tested: a perfect detector, and one that knows nothing


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9_999))
def test_a_perfect_detector_scores_1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.sort(rng.integers(FROM + 40, UNTIL - 400, 30))
    truth = truth_of(*((s, int(a), int(a) + 5) for s, a in enumerate(start)), many=60)
    made = judge(truth, changes(np.arange(30), start, start, start), RULES, "first")
    scores, told = accuracy(made, draws=20), latency(made.losses)
    assert scores["producers"].value == scores["users"].value == scores["f1"].value == scores["within"].value == 1
    assert scores["false_alarms"].value == len(made.alarms.day) == 0
    assert (told.median.value, told.p80.value, told.early.value) == (0, 0, 0)
    assert not made.losses.date_error.any()
    for shift in (-31, 70):  # the truth shifted: all of it falls
        wrong = judge(truth, changes(np.arange(30), start + shift), RULES, "first")
        assert accuracy(wrong, draws=5)["producers"].value == accuracy(wrong, draws=5)["users"].value == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9_999), st.floats(0.2, 3))
def test_a_random_detector_scores_at_its_rate(seed: int, rate: float) -> None:
    """Alarms as a Poisson process: hits come at 1 - exp(-rate x window), false alarms at the rate; within 5 sd."""
    rng, many = np.random.default_rng(seed), 2_000
    start = rng.integers(FROM + 40, UNTIL - 200, many // 2)
    truth = truth_of(*((s, int(a), int(a) + 10) for s, a in enumerate(start)), many=many)
    count = rng.poisson(rate * (UNTIL - FROM + 1) / DAYS_A_YEAR, many)
    made = judge(
        truth, changes(np.repeat(np.arange(many), count), rng.integers(FROM, UNTIL + 1, count.sum())), RULES, "first"
    )
    chance = 1 - np.exp(-rate * (10 + 60 + 30 + 1) / DAYS_A_YEAR)
    assert abs(made.hits - chance * many / 2) < 5 * np.sqrt(chance * (1 - chance) * many / 2) + 1
    expected = rate * made.exposure.years.sum()
    assert abs(len(made.alarms.day) - expected) < 5 * np.sqrt(expected)
    assert false_alarms(made, "series_year").value == pytest.approx(
        rate, abs=5 * np.sqrt(expected) / made.exposure.years.sum()
    )


# columns


def columns() -> dict[str, np.ndarray]:
    day = np.array(["2015-01-01", "2015-06-01", "NaT", "2016-03-01"], "datetime64[D]")
    return {
        "series_id": np.array(["b", "b", "a", "c"]),
        "stratum": np.array(["s", "s", "r", "s"]),
        "change": np.array([True, True, False, True]),
        "change_start": day[[1, 0, 2, 3]],
        "change_end": day[[1, 2, 2, 3]],
        "obs_start": np.full(4, np.datetime64("2014-01-01")),
        "obs_end": np.full(4, np.datetime64("2017-01-01")),
    }


def test_truth_out_of_columns() -> None:
    made = from_columns(columns())
    assert (made.many, made.strata, made.stratum.tolist()) == (3, ("r", "s"), [1, 0, 1])
    assert made.window_series.tolist() == [0, 0, 2]
    starts = made.window_start.astype("datetime64[D]").astype(str).tolist()
    assert starts == ["2015-01-01", "2015-06-01", "2016-03-01"]
    assert made.window_end[0] == made.observed_until[0]  # still open
    assert made.block.tolist() == [1, 0, 2]


def test_columns_that_are_missing_or_empty_are_said() -> None:
    table = columns()
    with pytest.raises(BadInput, match="column 'stratum' is missing"):
        from_columns({n: c for n, c in table.items() if n != "stratum"})
    with pytest.raises(BadInput, match="obs_end of row 2 is empty"):
        from_columns(table | {"obs_end": np.array(["2017-01-01", "NaT", "2017-01-01", "2017-01-01"], "datetime64[D]")})


# the shared scorer, independent of ours, says the same


def scorer(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", shared / "checks" / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():  # it sets filters of its own
        spec.loader.exec_module(module)
    return module


def random_detections(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Half of them near a change, half anywhere, some never confirmed, some not dated, some outside the judged days."""
    rng, one = np.random.default_rng(seed), pd.Timedelta(days=1)
    rows = table.iloc[rng.integers(0, len(table), 2 * len(table) + 8)]
    near = rows.change_start.notna().to_numpy() & (rng.random(len(rows)) < 0.5)
    span = (rows.obs_end - rows.obs_start).dt.days.to_numpy()
    anywhere = rows.obs_start + (rng.uniform(-0.1, 1.1, len(rows)) * span).round() * one
    first = anywhere.where(~near, rows.change_start + rng.integers(-50, 300, len(rows)) * one)
    confirmed = (first + rng.integers(0, 90, len(rows)) * one).where(rng.random(len(rows)) < 0.7)
    dated = (first - rng.integers(0, 40, len(rows)) * one).where(rng.random(len(rows)) < 0.8)
    return pd.DataFrame(
        {"series_id": rows.series_id, "first_detected": first, "confirmed_on": confirmed, "change_date": dated}
    ).reset_index(drop=True)


def as_changes(found: pd.DataFrame, ids: pd.Index) -> Changes:
    def days(column: pd.Series) -> np.ndarray:
        day = column.to_numpy("datetime64[D]")
        return np.where(np.isnat(day), NEVER, day.astype(np.int64))

    found = found[found.series_id.isin(ids)]
    place = ids.get_indexer(found.series_id)
    return changes(place, days(found.first_detected), days(found.confirmed_on), days(found.change_date))


@pytest.mark.parametrize("name", ["borneo", "colorado", "myanmar", "pixels", "rondonia"])
def test_the_same_counts_as_the_shared_scorer(shared: Path, name: str) -> None:
    score = scorer(shared)
    table = score.load_truth(shared / "checks" / "truth" / f"{name}.csv")
    found = random_detections(table, 5)
    told = score.score(table, found, boot=200)
    primary = table[table.series_id.isin(table.series_id[table.primary])]
    truth = from_columns({c: primary[c].to_numpy(_TYPES.get(c)) for c in primary.columns})
    said = as_changes(found, pd.Index(primary.series_id.unique()))
    for stage in ("first", "confirmed"):
        made, theirs = judge(truth, said, RULES, stage), told[stage]
        assert (len(made.losses.hit), made.hits) == (theirs["n_events"], theirs["hits"])
        assert (made.many, len(made.alarms.day)) == (theirs["n_series"], theirs["false_alarms"])
        ours = accuracy(made, draws=200, seed=1)
        measures = ("producers", "users", "f1", "false_alarms")
        for mine, key in zip(measures, ("producers", "users", "f1", "false_alarms_per_series_year"), strict=True):
            assert _near(ours[mine].value, theirs[key])
            assert _near(ours[mine].low, theirs["ci95"][key][0])
            assert _near(ours[mine].high, theirs["ci95"][key][1])
        curve = survival(*times(made.losses))
        if "latency" in theirs:
            assert quantile(curve, 0.5).value == theirs["latency"]["km_median"]
            assert quantile(curve, 0.8).value == theirs["latency"]["km_p80"]
        stable = int(made.exposure.stable.sum())
        assert stable == theirs["stable_series"]
        if stable:
            assert _near(made.exposure.flagged.sum() / stable, theirs["stable_series_flagged"])
        if "change_date_error" in theirs:
            error = made.losses.date_error[made.losses.dated]
            assert np.nanmedian(error) == pytest.approx(theirs["change_date_error"]["median"], abs=0.06)
        for code, stratum in enumerate(truth.strata):
            years = made.exposure.years[made.exposure.stratum == code].sum()
            if set(table.series_id[table.stratum == stratum]) <= set(primary.series_id):
                assert years == pytest.approx(theirs["false_alarms_by_stratum"][stratum]["series_years"], abs=0.006)


_TYPES = dict.fromkeys(("change_start", "change_end", "obs_start", "obs_end"), "datetime64[D]")
_TYPES |= dict.fromkeys(("change", "dated", "ignore", "primary"), "bool")


def _near(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= 0.00051


def test_only_some_drivers() -> None:
    truth = truth_of((0, START, END), (1, START, END, True, True, False, 2), many=3)
    made = judge(truth, changes([0, 1, 2], [START, START, FROM]), RULES, "first")
    mine = only(made, ["river"])
    assert (mine.hits, mine.losses.series.tolist(), mine.alarms.series.tolist()) == (1, [1], [2])
    assert mine.exposure is made.exposure
    with pytest.raises(BadInput, match="no driver fire; the truth has clearing, browning, river"):
        only(made, ["fire"])
