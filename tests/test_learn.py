"""Learning: what is left out stays out, what is said of it is true, and the same samples give the same bits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import CLASSES, FEATURES, drawn, renamed, tiny

from detection.accuracy import calibration as accuracy
from detection.errors import BadInput
from models.estimators import Boosting, Linear, RandomForest
from models.kinds import harmful
from models.learn import APART, BLOCKS, STAGES, Learning, _crossed, learn
from models.samples import Samples, join
from models.validation import apart, figure, folds, learning_curve, left_out, out_of_fold, scores

QUICK = settings(max_examples=30, deadline=None)
FOREST = RandomForest(trees=5, leaves=32)


class Told:
    """A core that remembers what it learnt from and says the share of every class in it."""

    seen: list[Samples]

    def __init__(self) -> None:
        self.seen = []

    def __call__(self, some: Samples) -> Any:
        self.seen.append(some)
        return self

    def probabilities(self, rows: Any) -> Any:
        return np.tile([(self.seen[-1].answer == c).mean() for c in CLASSES], (len(rows), 1))


def keyed(samples: Samples) -> set[Any]:
    return {row.tobytes() for row in samples.rows}


# what is left out


@QUICK
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(2, 7), st.integers(0, 99))
def test_folds_keep_blocks_whole_and_alike_in_size(block: list[int], many: int, seed: int) -> None:
    blocks = np.array(block)
    fold = folds(blocks, many, seed)
    for one in np.unique(blocks):
        assert len(np.unique(fold[blocks == one])) == 1
    used = min(many, len(np.unique(blocks)))
    assert sorted(np.unique(fold).tolist()) == list(range(used)), "none is empty"
    sizes, largest = np.bincount(fold), np.bincount(blocks).max()
    assert sizes.max() - sizes.min() <= largest
    np.testing.assert_array_equal(folds(blocks, many, seed), fold)


def test_nobody_is_judged_by_what_learnt_from_its_block() -> None:
    samples, learner = drawn(1, 100), Told()
    fold = folds(samples.block, 4)
    said = out_of_fold(learner, samples, CLASSES, fold)
    for number, learnt in enumerate(learner.seen):
        mine = samples.take(fold == number)
        assert not set(mine.block) & set(learnt.block) and not keyed(mine) & keyed(learnt)
        assert mine.many + learnt.many == samples.many
        assert said[fold == number][0] == pytest.approx([(learnt.answer == c).mean() for c in CLASSES])


def test_regions_and_years_left_out_share_neither() -> None:
    samples, learner = drawn(1, 300, blocks=12), Told()
    parts = list(apart(samples))
    assert len(parts) == len(set(zip(samples.region.tolist(), samples.year.tolist(), strict=True))) == 6
    for name, learnt, judged in parts:
        assert len(set(samples.region[judged])) == len(set(samples.year[judged])) == 1
        assert name == f"{samples.region[judged][0]} {samples.year[judged][0]}"
        assert not set(samples.region[judged]) & set(samples.region[learnt])
        assert not set(samples.year[judged]) & set(samples.year[learnt])
    said, judged = left_out(learner, samples, CLASSES)
    assert judged.all() and np.allclose(said.sum(1), 1)
    for (_, learnt, _), seen in zip(parts, learner.seen, strict=True):
        assert keyed(seen) == keyed(samples.take(learnt))


def test_of_one_region_or_one_year_nothing_is_left_out_together() -> None:
    samples = drawn(1, 60)
    for one in (replace(samples, year=samples.year * 0), replace(samples, region=np.full(60, "x"))):
        assert list(apart(one)) == []
        assert not left_out(Told(), one, CLASSES)[1].any()


def test_a_learning_curve_learns_from_ever_more_of_the_other_blocks() -> None:
    samples, learner = drawn(1, 200), Told()
    fold = folds(samples.block, 5)
    curve = learning_curve(learner, samples, CLASSES, fold)
    assert [many for many, _ in curve] == [1, 2, 4, 8]
    for few, more in zip(learner.seen, learner.seen[1:], strict=False):
        assert set(few.block) < set(more.block)
    assert not set(learner.seen[-1].block) & set(samples.block[fold == 0])


def test_nobody_is_calibrated_by_its_own_answer() -> None:
    samples = drawn(1, 120)
    fold, said = folds(samples.block, 3), np.random.default_rng(0).dirichlet(np.ones(4), 120)
    one = _crossed(samples, said, fold, samples.weight, CLASSES)
    other = renamed(samples, np.where(fold == 1, np.roll(samples.answer, 7), samples.answer))
    two = _crossed(other, said, fold, samples.weight, CLASSES)
    np.testing.assert_array_equal(two[fold == 1], one[fold == 1])
    assert not np.allclose(two[fold != 1], one[fold != 1])


# what is said of it


def test_scores_by_hand() -> None:
    """Four samples of four events: two agriculture, of which one is called nothing; one fire called agriculture."""
    answer = np.array(["agriculture", "agriculture", "fire", "nothing"])
    number, rows = np.arange(4), np.zeros((4, len(FEATURES)), np.float32)
    samples = Samples(
        FEATURES, rows, answer, np.ones(4), number, number, np.array(["x"] * 4), number, np.ones(4, np.bool_)
    )
    said = np.array([[0.7, 0.1, 0, 0.2], [0.2, 0.1, 0, 0.7], [0.6, 0.2, 0, 0.2], [0.0, 0.1, 0, 0.9]])
    made = scores("by hand", samples, said, CLASSES)
    assert (made.samples, made.blocks) == (4, 4)
    by = {c.name: c for c in made.classes}
    assert list(by) == ["agriculture", "fire", "nothing"]
    assert (by["agriculture"].users.value, by["agriculture"].producers.value) == (0.5, 0.5)
    assert (by["fire"].users.value, by["fire"].producers.value, by["fire"].f1.value) == (None, 0, 0)
    assert by["nothing"].f1.value == pytest.approx(2 * 1 / (2 + 1))
    assert made.macro_f1.value == pytest.approx((0.5 + 0 + 2 / 3) / 3)
    assert (made.harm.users.value, made.harm.producers.value) == (1, pytest.approx(2 / 3))
    assert {d.name: d.f1.value for d in made.drivers} == {"agriculture": 0.5, "fire": 0}
    assert made.brier.value == pytest.approx((0.2**2 + 0.7**2 + 0.2**2 + 0.1**2) / 4)
    assert made.ece.value == pytest.approx((0.1 + abs(0.3 - 1) + abs(0.8 - 1 + 0.8 - 1)) / 4), "of .1, .3 and .8 twice"


def told_of(sure: Any, true: Any, **changes: Any) -> Any:
    """Scores of probabilities of harm."""
    sure, true = np.asarray(sure, np.float64), np.asarray(true, np.bool_)
    answer, number = np.where(true, "agriculture", "nothing"), np.arange(len(sure))
    rows = np.zeros((len(sure), len(FEATURES)), np.float32)
    fields = {"stands_for": np.ones(len(sure)), "event": number, "block": number % 20} | changes
    samples = Samples(FEATURES, rows, answer, region=np.full(len(sure), "x"), year=number, by_lot=number >= 0, **fields)
    return scores("x", samples, np.stack([sure, 0 * sure, 0 * sure, 1 - sure], 1), CLASSES)


def test_calibration_error_of_known_probabilities() -> None:
    true = [True] * 7 + [False] * 3
    assert told_of([0.7] * 10, true).ece.value == pytest.approx(0)
    assert told_of([0.7] * 10, true[::-1]).ece.value == pytest.approx(0), (
        "equal ones are in one bin, whatever their order"
    )
    assert told_of([0.9] * 10, true).ece.value == pytest.approx(0.2)
    assert told_of([1.0] * 4, [True] * 4).ece.value == 0
    assert told_of([0.7] * 10, true).brier.value == pytest.approx(0.21)


@QUICK
@given(st.integers(0, 9999), st.integers(1, 300))
def test_one_definition_of_calibration_serves_detectors_and_models(seed: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    sure = rng.random(many).round(1 + seed % 3)
    true = rng.random(many) < sure
    made = told_of(sure, true)
    assert made.ece.value == pytest.approx(accuracy.ece(sure, true, bins=15, kind="mass"))
    assert made.brier.value == pytest.approx(accuracy.brier(sure, true))
    assert len(made.curve) <= 15 and all(low <= share <= high for _, share, low, high, _ in made.curve)


def test_the_probability_is_judged_on_the_world_as_it_is() -> None:
    sure, true = [0.8, 0.8, 0.2], [True, False, False]
    assert told_of(sure, true, stands_for=np.array([1.0, 0.25, 1])).brier.value == pytest.approx(
        (0.04 + 0.64 / 4 + 0.04) / 2.25
    )
    assert told_of(sure, true, event=np.array([0, 0, 1])).brier.value == pytest.approx(
        ((0.04 + 0.64) / np.sqrt(2) + 0.04) / (2 / np.sqrt(2) + 1)
    )


def test_intervals_hold_the_value_and_shrink_with_more_blocks() -> None:
    rng = np.random.default_rng(0)
    hits = (rng.random(400) < 0.7).astype(float)
    share = lambda s: float(s[0] / s[1])  # noqa: E731
    widths = []
    for blocks in (20, 400):
        sums = np.stack([hits[:blocks], np.ones(blocks)], 1)
        made = figure(sums, share)
        assert made.low <= made.value <= made.high and made.value == pytest.approx(hits[:blocks].mean())
        widths.append(made.high - made.low)
    assert widths[1] < widths[0] / 3
    expected = 1.96 * np.sqrt(0.7 * 0.3 / 400)
    assert widths[1] / 2 == pytest.approx(expected, rel=0.25), "as the binomial has it"
    assert figure(np.zeros((0, 2)), share).value is figure(np.zeros((3, 2)), lambda _: float("nan")).value is None


# learning


def macro(samples: Samples, **asked: Any) -> float:
    return learn(samples, FOREST, Learning(folds=3, **asked)).scores[0].macro_f1.value


def test_true_answers_are_learnt_and_shuffled_ones_are_not() -> None:
    samples = drawn(1)
    assert macro(samples) > 0.7
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(samples.answer[::2]).repeat(2)
    assert macro(renamed(samples, shuffled)) < 0.35, "four classes: chance is a quarter"


def test_what_it_says_of_itself_is_what_it_does_elsewhere() -> None:
    samples, new = drawn(1, 800, signal=2.0), drawn(99, 2000, signal=2.0)
    learnt = learn(samples, FOREST)
    blocks, far = learnt.scores
    assert (blocks.name, far.name) == (BLOCKS, APART)
    fresh = scores("new", new, learnt.classifier.probabilities(new.rows), learnt.classifier.classes)
    assert blocks.macro_f1.low - 0.05 <= fresh.macro_f1.value <= blocks.macro_f1.high + 0.05
    assert fresh.ece.value < 0.06
    for said in (blocks, far):
        for one in (said.macro_f1, said.ece, said.brier, said.harm.f1, *(c.f1 for c in said.classes)):
            assert one.low - 1e-9 <= one.value <= one.high + 1e-9 or one is said.ece, (
                "an error of bins is biased upwards"
            )
    assert next(iter(learnt.importance)) in FEATURES[: len(CLASSES)]
    assert list(learnt.importance.values()) == sorted(learnt.importance.values(), reverse=True)
    assert 0 <= learnt.outside < 0.3


@pytest.mark.parametrize("estimator", [FOREST, Boosting(rounds=3), Linear()], ids=lambda e: e.kind)
def test_learning_again_gives_the_same_bits(estimator: Any) -> None:
    one, two = (learn(drawn(1, 120), estimator, Learning(folds=3, noise_below=0.05)) for _ in range(2))
    assert one.scores == two.scores and one.curve == two.curve and one.importance == two.importance
    arrays = two.classifier.arrays()
    for name, array in one.classifier.arrays().items():
        assert array.tobytes() == arrays[name].tobytes(), name
    other = learn(drawn(1, 120), estimator, Learning(folds=3, noise_below=0.05, seed=1))
    assert other.scores != one.scores, "other folds"


def test_answers_that_nobody_would_give_are_left_out_and_counted() -> None:
    samples = drawn(1, 600, signal=5.0)
    wrong = np.arange(0, 600, 60)
    flipped = samples.answer.copy()
    flipped[wrong] = np.where(samples.answer[wrong] == "fire", "nothing", "fire")
    made = learn(renamed(samples, flipped), RandomForest(trees=20, leaves=32), Learning(noise_below=0.2, folds=3))
    for name in ("fire", "nothing"):
        assert made.noisy[name] >= (flipped[wrong] == name).sum() - 1
    assert sum(made.noisy.values()) <= len(wrong) + 24, "few of the 590 true ones"
    assert made.scores[0].samples == 600 - sum(made.noisy.values())
    assert learn(renamed(samples, flipped), FOREST).noisy == {}


def test_rare_classes_weigh_more_and_calibration_puts_it_right() -> None:
    rng = np.random.default_rng(2)
    samples = drawn(2, 1600, ("agriculture", "nothing"), signal=1.0)
    rare = (samples.answer == "agriculture") & (rng.random(800).repeat(2) < 0.85)
    some = samples.take(~rare)
    share = (some.answer == "agriculture").mean()
    raw = {}
    for balance in (0.0, 1.0):
        made = learn(some, FOREST, Learning(balance=balance)).classifier
        raw[balance] = made.raw(samples.rows)[:, 0].mean()
        assert made.probabilities(some.rows)[:, 0].mean() == pytest.approx(share, abs=0.06)
    assert raw[1.0] > raw[0.0] + 0.1


def test_progress_is_told_by_stage() -> None:
    said: list[tuple[str, int, int]] = []
    learn(drawn(1, 100), FOREST, progress=lambda *what: said.append(what))
    assert {stage for stage, _, _ in said} == set(STAGES)
    assert all(0 < done <= of for _, done, of in said) and [done for _, done, _ in said] == sorted(
        d for _, d, _ in said
    )


def test_what_cannot_be_learnt_from_is_said() -> None:
    samples = drawn(1, 60)
    with pytest.raises(BadInput, match="only fire samples"):
        learn(renamed(samples, np.full(60, "fire")), FOREST)
    with pytest.raises(BadInput, match="one spatial block"):
        learn(replace(samples, block=samples.block * 0), FOREST)
    with pytest.raises(BadInput, match="magic is no class; take agriculture, mining"):
        learn(renamed(samples, np.where(samples.block == 0, "magic", "fire")), FOREST)
    with pytest.raises(BadInput, match="only no samples"):
        learn(samples.take(np.zeros(60, bool)), FOREST)


@pytest.mark.parametrize("estimator", [FOREST, Boosting(rounds=3), Linear()], ids=lambda e: e.kind)
def test_blocks_of_which_each_has_a_class_of_its_own_are_no_basis(estimator: Any) -> None:
    samples = drawn(1, 60)
    block = samples.block % 2
    alone = replace(renamed(samples, np.where(block == 0, "fire", "nothing")), block=block)
    with pytest.raises(BadInput, match="samples: without one of the folds only (fire|nothing) is left"):
        learn(alone, estimator)


# samples


def test_an_event_of_a_hundred_counts_as_ten_of_one() -> None:
    samples = drawn(1, 102)
    event = np.where(np.arange(samples.many) < 100, 7, 9)
    weight = replace(samples, event=event).weight
    assert weight[event == 7].sum() == pytest.approx(10)


def test_samples_are_joined_in_order_and_features_must_agree() -> None:
    one, two = drawn(1, 20), drawn(2, 30)
    both = join([one, two])
    assert both.many == 50
    np.testing.assert_array_equal(both.rows[20:], two.rows)
    with pytest.raises(BadInput, match="none; name at least one"):
        join([])
    with pytest.raises(BadInput, match="features differ"):
        join([one, replace(two, features=two.features[::-1])])


def test_harm_is_what_is_not_called_other() -> None:
    assert [harmful(c) for c in CLASSES] == [True, True, True, False]
    assert {s.name for s in tiny().card.scores} == {BLOCKS, APART}
