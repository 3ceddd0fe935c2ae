"""Trained models: features, walk, calibration, storage, judgement. All alerts here are made up or simulated."""

import dataclasses
import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from detection.alerts import Alert, short_code
from detection.errors import BadInput
from detection.monitors.cusum import Cusum
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import Fusion
from detection.types import SECONDS_A_DAY, to_day
from jobs.config import load as loaded
from models import registry, scores, train
from models.card import Card, from_json
from models.estimators import RandomForest, fit, flatten, grow
from models.features import NAMES, features, shape
from models.forest import Forest, logit
from models.predict import check, judge
from models.registry import load, read, save, stored
from models.samples import Samples, collect, join, lost_share

ROOT = Path(__file__).parents[1]
SMALL = train.Recipe(
    name="tiny",
    version="0.0.1",
    training=(24,),
    calibration=(22,),
    test=(28, 30),
    cells=96,
    start=date(2022, 1, 1),
    monitor_from=date(2024, 1, 1),
    forest=RandomForest(trees=5, leaf_revisions=3),
)


def alert(**changes):
    """An alert of a clearing of 12 cells, confirmed."""
    cells = np.array([(r, c) for r in range(10, 13) for c in range(20, 24)], np.int32)
    fields = {
        "id": "a" * 8,
        "short_code": short_code("a" * 8),
        "revision": 1,
        "collection": "test",
        "lattice": "EPSG:32719@30m",
        "status": "confirmed",
        "status_code": 6,
        "change_date": date(2024, 6, 1),
        "last_clear_before": date(2024, 5, 24),
        "first_detected": date(2024, 6, 9),
        "confirmed_on": date(2024, 6, 17),
        "finished_on": None,
        "last_detected": date(2024, 6, 17),
        "observed_at": to_day(date(2024, 6, 17)) * SECONDS_A_DAY,
        "cells": cells,
        "area_ha": 1.08,
        "area_ha_new": 1.08,
        "mmu_ha": 0.5,
        "magnitude": -0.4,
        "magnitude_max": -0.6,
        "magnitude_sigma": 17.0,
        "magnitude_metric": "nbr",
        "count": 3,
        "confidence": "high",
        "change_type": "unclassified",
        "probability": None,
        "model": None,
        "baseline": "own history",
        "simulated": True,
    }
    return Alert(**(fields | changes))


def drawn(seed, alerts=150, signal=2.0):
    """Samples drawn at random, of which one column knows the answer but for noise; two revisions each, ten scenes."""
    rng = np.random.default_rng(seed)
    true = np.repeat(rng.random(alerts) < 0.6, 2)
    rows = rng.normal(size=(2 * alerts, len(NAMES))).astype(np.float32)
    rows[:, 1] += np.float32(signal) * true
    number = np.repeat(np.arange(alerts), 2)
    return Samples(rows, true, number, number % 10)


def brier_of(forest, samples):
    return scores.brier(forest.probability(samples.rows), samples.true)


@pytest.fixture(scope="module")
def forest():
    return fit(RandomForest(trees=20), drawn(1), drawn(2))


@pytest.fixture(scope="module")
def tiny():
    """A model trained on three small simulated scenes."""
    return train.train(SMALL)


@pytest.fixture(scope="module")
def shipped():
    return load("loss-simulated")


# features


def test_features_read_what_the_revision_says():
    row = dict(zip(NAMES, features([alert()])[0].tolist(), strict=True))
    assert row["sigma"] == 17
    assert row["count"] == 3
    assert row["max_ratio"] == pytest.approx(1.5)
    assert (row["days_to_detect"], row["days_unseen_before"], row["days_to_confirm"], row["days_growing"]) == (
        8,
        8,
        16,
        8,
    )
    assert row["days_since_change"] == 16
    assert row["expired"] == 0
    assert row["area_log10_ha"] == pytest.approx(np.log10(1.08))


def test_a_date_that_is_not_there_is_no_number_of_days():
    row = dict(zip(NAMES, features([alert(confirmed_on=None, last_clear_before=None)])[0].tolist(), strict=True))
    assert row["days_to_confirm"] == row["days_unseen_before"] == -1


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("revision", 9),
        ("area_ha_new", 0.0),
        ("mmu_ha", 5.0),
        ("id", "b"),
        ("collection", "other"),
        ("change_type", "other"),
        ("probability", 0.1),
        ("merged_into", "c"),
    ],
)
def test_features_do_not_know_how_often_we_spoke_nor_what_was_judged(changed, value):
    assert np.array_equal(features([alert()]), features([alert(**{changed: value})]))


def test_features_are_alike_for_an_index_that_loss_raises():
    rising = alert(magnitude=0.4, magnitude_max=0.6, magnitude_sigma=17.0, magnitude_metric="swir2")
    assert np.array_equal(features([alert()]), features([rising]))


def test_features_of_nothing_have_their_columns():
    assert features([]).shape == (0, len(NAMES))
    assert features([]).dtype == np.float32


def test_season_goes_round_and_tells_the_halves_of_the_year_apart():
    columns = [NAMES.index("season_sin"), NAMES.index("season_cos")]
    winter, summer, winter_again = features(
        [alert(change_date=date(y, m, 1)) for y, m in ((2023, 12), (2024, 6), (2024, 12))]
    )
    assert np.allclose(winter[columns], winter_again[columns], atol=0.05)
    assert np.linalg.norm(winter[columns] - summer[columns]) > 1.9


def test_shape_of_known_figures():
    square = np.argwhere(np.ones((4, 4))).astype(np.int32)
    assert shape(square) == pytest.approx((1.0, 1.0, 1.0, 4 / 16))
    line = np.argwhere(np.ones((1, 10))).astype(np.int32)
    assert shape(line) == pytest.approx((160 / 22**2, 10.0, 1.0, 0.0))
    apart = np.array([[0, 0], [0, 5]], np.int32)
    assert shape(apart)[0] == pytest.approx(0.5)
    assert shape(apart)[2] == pytest.approx(2 / 6)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    st.integers(-400_000, 400_000),
    st.booleans(),
)
def test_shape_depends_neither_on_place_nor_on_which_way_is_north(cells, shift, turned):
    here = np.array(sorted(cells), np.int32)
    moved = here + shift
    there = moved[:, ::-1] if turned else moved
    assert shape(there.astype(np.int32)) == pytest.approx(shape(here), rel=1e-6)
    compactness, elongation, fill, core = shape(here)
    assert 0 < compactness <= 1
    assert elongation >= 1 - 1e-9
    assert 0 < fill <= 1
    assert 0 <= core < 1


# the walk and the calibration


def test_the_walk_is_that_of_scikit_learn():
    training, calibration = drawn(1), drawn(2)
    classifier = grow(RandomForest(trees=7, leaves=13), training)
    forest = flatten(classifier, np.array([1.0, 0.0]))
    rows = np.concatenate([calibration.rows, training.rows, np.full((1, len(NAMES)), 1e30, np.float32)])
    assert np.abs(forest.raw(rows) - classifier.predict_proba(rows)[:, 1]).max() < 1e-12


def test_on_a_threshold_the_walk_goes_left_as_scikit_learn_does():
    training = drawn(1)
    classifier = grow(RandomForest(trees=3), training)
    forest = flatten(classifier, np.array([1.0, 0.0]))
    rows = np.zeros((len(forest.left), len(NAMES)), np.float32)
    inner = np.flatnonzero(forest.left >= 0)
    rows[inner, forest.feature[inner]] = forest.threshold[inner].astype(np.float32)
    assert np.abs(forest.raw(rows) - classifier.predict_proba(rows)[:, 1]).max() < 1e-12


def test_the_calibration_is_the_logistic_regression_it_says():
    training, calibration = drawn(1), drawn(2)
    forest = fit(RandomForest(trees=7), training, calibration)
    lines = logit(forest.raw(calibration.rows))[:, None]
    n = np.array([calibration.weight[calibration.true == a].sum() for a in (False, True)])
    target = np.where(calibration.true, (n[1] + 1) / (n[1] + 2), 1 / (n[0] + 2))
    weight = np.concatenate([target, 1 - target]) * np.tile(calibration.weight, 2)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(np.tile(lines, (2, 1)), np.repeat([1, 0], len(lines)), sample_weight=weight)
    assert np.abs(forest.probability(calibration.rows) - model.predict_proba(lines)[:, 1]).max() < 1e-9
    assert np.average(forest.probability(calibration.rows), weights=calibration.weight) == pytest.approx(
        np.average(target, weights=calibration.weight), abs=1e-6
    )


def test_fitting_twice_gives_the_same_bits(forest):
    again = fit(RandomForest(trees=20), drawn(1), drawn(2)).arrays()
    assert all(np.array_equal(a, again[n]) for n, a in forest.arrays().items())


def test_a_model_of_true_labels_beats_the_base_rate_and_one_of_shuffled_labels_does_not(forest):
    test = drawn(3, alerts=400)
    base = float(test.true.mean() * (1 - test.true.mean()))
    assert brier_of(forest, test) < 0.7 * base
    rng = np.random.default_rng(0)
    answers = {name: np.repeat(rng.permutation(s.true[::2]), 2) for name, s in (("a", drawn(1)), ("b", drawn(2)))}
    blind = fit(
        RandomForest(trees=20),
        dataclasses.replace(drawn(1), true=answers["a"]),
        dataclasses.replace(drawn(2), true=answers["b"]),
    )
    assert brier_of(blind, test) > 0.93 * base
    shown = scores.score("x", blind, test.take(test.last))
    assert abs(shown.precision.value - shown.precision_without.value) < 0.08


def test_permuted_features_make_a_model_worse(forest):
    test = drawn(3, alerts=400)
    mixed = dataclasses.replace(test, rows=np.random.default_rng(0).permutation(test.rows))
    assert brier_of(forest, mixed) > 1.5 * brier_of(forest, test)
    lost = scores.importance(forest, test)
    assert next(iter(lost)) == NAMES[1]
    assert lost[NAMES[1]] > 5 * max(abs(v) for k, v in lost.items() if k != NAMES[1])


def test_one_alert_counts_once_however_many_revisions_it_has():
    samples = drawn(1)
    many = samples.take(np.repeat(np.arange(len(samples.true)), 5))
    assert many.weight.sum() == samples.weight.sum() == 150
    assert fit(RandomForest(trees=3, leaf_revisions=1), many, many).sigmoid == pytest.approx(
        fit(RandomForest(trees=3, leaf_revisions=1), many, samples).sigmoid, abs=1e-4
    )


@pytest.mark.parametrize("answer", [True, False])
def test_scenes_without_both_answers_are_refused(answer):
    one = dataclasses.replace(drawn(1), true=np.full(300, answer))
    with pytest.raises(BadInput, match=f"training: only {str(answer).lower()} alerts"):
        fit(RandomForest(), one, drawn(2))
    with pytest.raises(BadInput, match="calibration: only"):
        fit(RandomForest(), drawn(2), one)


# scores


def test_wilson_against_a_published_example():
    rate = scores.wilson(81, 263)  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)
    assert scores.wilson(0, 0).value is None


def test_calibration_error_of_known_probabilities():
    true = np.array([True] * 7 + [False] * 3)
    assert scores.ece(np.full(10, 0.7), true) == pytest.approx(0)
    assert scores.ece(np.full(10, 0.9), true) == pytest.approx(0.2)
    assert scores.ece(np.ones(4), np.array([True] * 4)) == 0
    assert scores.brier(np.full(10, 0.7), true) == pytest.approx(0.21)


def test_scores_count_what_is_there(forest):
    test = drawn(3)
    last = test.take(test.last)
    shown = scores.score("x", forest, last)
    called = forest.probability(last.rows) >= 0.5
    assert (shown.alerts, shown.true) == (150, int(last.true.sum()))
    assert shown.precision.of == called.sum()
    assert shown.recall.of == last.true.sum()
    assert shown.recall.value == pytest.approx((called & last.true).sum() / last.true.sum())
    assert shown.brier.low <= shown.brier.value <= shown.brier.high


# storage


@pytest.fixture
def placed(tmp_path, tiny, monkeypatch):
    """The tiny model in a folder that is looked through."""
    monkeypatch.setenv(registry.SEARCH, str(tmp_path))
    return save(tmp_path, tiny.forest, tiny.card)


def test_round_trip(placed, tiny):
    model = load("tiny")
    assert model.identity == "tiny@0.0.1"
    assert model.card == tiny.card
    assert model.sha256 == hashlib.sha256((placed / "arrays.npz").read_bytes()).hexdigest()
    for name, values in tiny.forest.arrays().items():
        assert np.array_equal(model.forest.arrays()[name], values)


def test_saving_twice_gives_the_same_bytes_and_another_model_is_refused(placed, tiny, forest):
    before = {p.name: p.read_bytes() for p in placed.iterdir()}
    save(placed.parent, tiny.forest, tiny.card)
    assert {p.name: p.read_bytes() for p in placed.iterdir()} == before
    with pytest.raises(BadInput, match="give the new one another version"):
        save(placed.parent, forest, tiny.card)
    with pytest.raises(BadInput, match="a name is small letters"):
        save(placed.parent, forest, dataclasses.replace(tiny.card, name="../Tiny"))


def test_every_flipped_byte_of_the_arrays_is_refused(placed):
    packed = (placed / "arrays.npz").read_bytes()
    for position in range(0, len(packed), max(len(packed) // 40, 1)):
        changed = bytearray(packed)
        changed[position] ^= 1
        (placed / "arrays.npz").write_bytes(changed)
        with pytest.raises(BadInput, match="damaged or changed"):
            load("tiny")


def test_checksum_file_is_that_of_sha256sum(placed):
    digest, name = (placed / "sha256").read_text().split()
    assert name == "arrays.npz"
    assert digest == hashlib.sha256((placed / name).read_bytes()).hexdigest()


def resigned(folder, arrays):
    """Arrays put in a folder with the right checksum, as a forger would."""
    with (folder / "arrays.npz").open("wb") as file:
        np.savez_compressed(file, **arrays)
    digest = hashlib.sha256((folder / "arrays.npz").read_bytes()).hexdigest()
    (folder / "sha256").write_text(digest)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("left", lambda a: np.where(a >= 0, 0, a).astype(a.dtype), "do not end"),
        ("right", lambda a: np.where(a >= 0, 10**6, a).astype(a.dtype), "do not end"),
        ("roots", lambda a: a - 1, "do not end"),
        ("feature", lambda a: np.where(a >= 0, len(NAMES), a).astype(a.dtype), "features there are not"),
        ("threshold", lambda a: a * np.nan, "not finite"),
        ("share", lambda a: a + 2, "out of its range"),
        ("share", lambda a: a[:-1], "do not fit"),
        ("sigmoid", lambda a: -a, "out of its range"),
        ("features", lambda a: a[::-1], "not the features computed here"),
        ("roots", lambda a: a.astype(float), "the arrays are not"),
    ],
)
def test_arrays_that_are_no_forest_are_refused_even_with_the_right_checksum(placed, tiny, name, change, message):
    arrays = tiny.forest.arrays()
    resigned(placed, arrays | {name: change(arrays[name])})
    with pytest.raises(BadInput, match=message):
        load("tiny")


def test_a_pickle_in_the_arrays_is_never_opened(placed, tiny, tmp_path):
    trap = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (trap,)

    resigned(placed, tiny.forest.arrays() | {"roots": np.array([Trap()], object)})
    with pytest.raises(BadInput, match="cannot be read"):
        load("tiny")
    assert not trap.exists()


def test_what_is_no_model_is_refused_in_one_line(placed, tiny):
    for name in ("sha256", "card.json", "arrays.npz"):
        kept = (placed / name).read_bytes()
        (placed / name).unlink()
        with pytest.raises(BadInput) as caught:
            read(placed)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
        (placed / name).write_bytes(kept)
    (placed / "card.json").write_text("{}")
    with pytest.raises(BadInput, match="not a model card"):
        read(placed)
    (placed / "card.json").write_text(dataclasses.replace(tiny.card, version="0.0.2").to_json())
    with pytest.raises(BadInput, match="folder and card must agree"):
        read(placed)


def test_an_unknown_model_names_those_there_are(placed):
    with pytest.raises(BadInput, match=r"did you mean `loss-simulated`\?"):
        load("loss-simulate")
    with pytest.raises(BadInput, match=r"there is fused-loss-simulated, loss-simulated, tiny$"):
        load("zzz")
    with pytest.raises(BadInput, match=r"model tiny: no version 3; there is 0\.0\.1"):
        load("tiny", "3")


def test_versions_are_in_the_order_of_their_numbers(placed, tiny):
    for version in ("1.10.0", "1.9.0", "1.10.rc"):
        save(placed.parent, tiny.forest, dataclasses.replace(tiny.card, version=version))
    assert load("tiny").version == "1.10.0"
    assert load("tiny", "1.9.0").version == "1.9.0"
    assert ("tiny", "1.9.0") in registry.available()
    assert [s.version for s in stored() if s.name == "tiny"] == ["0.0.1", "1.9.0", "1.10.rc", "1.10.0"]


def test_a_search_path_that_is_not_there_is_no_mistake(monkeypatch, tmp_path):
    monkeypatch.setenv(registry.SEARCH, str(tmp_path / "absent"))
    assert "loss-simulated" in {s.name for s in stored()}


# the card


def test_card_survives_json_and_says_simulated(tiny):
    assert from_json(tiny.card.to_json(), "x") == tiny.card
    assert "simulated" in tiny.card.to_markdown()
    assert tiny.card.simulated
    for mistake in ("", "[]", "{}", json.dumps(json.loads(tiny.card.to_json()) | {"more": 1})):
        with pytest.raises(BadInput, match="x: not a model card"):
            from_json(mistake, "x")


def test_every_word_of_the_card_reaches_the_page(tiny):
    page = tiny.card.to_markdown()
    for field in dataclasses.fields(Card):
        said = getattr(tiny.card, field.name)
        for word in said if isinstance(said, tuple) else [said]:
            assert not isinstance(word, str) or word in page, field.name


# judgement


def test_judge_says_what_how_sure_and_who(shipped):
    slow = {
        "change_date": date(2024, 1, 5),
        "last_clear_before": date(2023, 12, 20),
        "first_detected": date(2024, 2, 20),
    }
    faint = {"magnitude": -0.12, "magnitude_max": -0.14, "magnitude_sigma": 4.8, "count": 15}
    loss, browning = judge(shipped, [alert(), alert(**slow, **faint)])
    assert loss.change_type == "tree_cover_loss"
    assert 0.5 <= loss.probability < 1
    assert browning.change_type == "other"
    assert 0 < browning.probability < 0.5
    assert loss.model == browning.model == shipped.identity
    assert judge(shipped, []) == []


def test_judge_changes_nothing_else_and_judges_each_by_itself(shipped):
    given_ = [alert(), alert(magnitude_sigma=5.0, count=2), alert(confirmed_on=None, status="provisional")]
    judged = judge(shipped, given_)
    assert [judge(shipped, [a])[0].probability for a in given_] == [a.probability for a in judged]
    for before, after in zip(given_, judged, strict=True):
        assert before.probability is None
        fields = {"change_type": "unclassified", "probability": None, "model": None}
        back = dataclasses.replace(after, **fields)
        assert back.cells is before.cells
        assert dataclasses.asdict(back).keys() == dataclasses.asdict(before).keys()
        for name in dataclasses.asdict(before).keys() - {"cells"}:
            assert getattr(back, name) == getattr(before, name)


# training on simulated scenes


def test_simulating_and_fitting_again_gives_the_same_bits(tiny):
    name = f"calibration, {train.IN_USE}"
    again = train.gather(SMALL, "calibration")[name]
    for column in dataclasses.fields(Samples):
        assert np.array_equal(getattr(again, column.name), getattr(tiny.samples[name], column.name))
    learnt = join([tiny.samples[f"training, {line}"] for line in train.WAYS["training"]])
    arrays = fit(SMALL.forest, learnt, again).arrays()
    assert all(np.array_equal(a, arrays[n]) for n, a in tiny.forest.arrays().items())


def test_one_alert_weighs_one_and_the_card_counts_them(tiny):
    for one in tiny.card.candidates:
        samples = tiny.samples[one.split]
        assert one.alerts == len(np.unique(samples.alert)) == pytest.approx(samples.weight.sum())
        assert 0 < one.true < one.alerts <= one.revisions == len(samples.rows)


def test_samples_of_scenes_keep_apart(tiny):
    parts = [tiny.samples[f"training, {n}"] for n in (train.SMALL, train.LOOSE)]
    both = join(parts)
    assert len(np.unique(both.alert)) == sum(len(np.unique(p.alert)) for p in parts)
    assert both.scene.tolist() == [0] * len(parts[0].true) + [1] * len(parts[1].true)
    with pytest.raises(BadInput, match="no scene"):
        join([])


def test_an_alert_is_true_by_what_was_lost_until_its_look():
    loss = np.full((5, 5), -1, np.int32)
    seen = alert(cells=np.array([[10, 20], [10, 21], [11, 20], [11, 21]], np.int32))
    change, look = to_day(seen.change_date), seen.observed_at // SECONDS_A_DAY
    loss[0, 0], loss[0, 1], loss[1, 0], loss[1, 1] = change, look, look + 1, change - 366
    assert lost_share(seen, loss, (10, 20)) == 0.5
    later = dataclasses.replace(seen, observed_at=seen.observed_at + SECONDS_A_DAY)
    assert lost_share(later, loss, (10, 20)) == 0.75
    assert lost_share(dataclasses.replace(seen, change_date=seen.change_date - timedelta(1)), loss, (10, 20)) == 0.75


def test_train_and_save_tells_where_and_how_it_did_and_calls_it_simulated(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "train", lambda recipe, _: dataclasses.replace(tiny, card=_as(tiny.card, recipe)))
    where, *told = train.train_and_save(tmp_path, version="0.0.9", recipe=SMALL)
    assert read(Path(where)).identity == "tiny@0.0.9"
    assert len(told) == len(tiny.card.scores)
    assert all(line.startswith("simulated score, ") for line in told)


def _as(card, recipe):
    return dataclasses.replace(card, name=recipe.name, version=recipe.version)


def test_where_no_model_can_go_is_said_before_training(tmp_path):
    with pytest.raises(BadInput, match="a version like"):
        train.train_and_save(tmp_path, version="one/two")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        train.train_and_save(tmp_path / "file")


def test_lines_that_prepare_differently_do_not_share_a_scene():
    use, *_ = train.lines(SMALL)
    other = dataclasses.replace(use, prepare=dataclasses.replace(use.prepare, index="ndmi"))
    with pytest.raises(BadInput, match="prepare it alike"):
        collect(train.scenes(SMALL, "test")[0], [use, other])


@pytest.mark.parametrize(
    "mistake",
    [{"test": (24,)}, {"training": ()}, {"calibration": (22, 22)}, {"monitor_from": date(2030, 1, 1)}],
)
def test_a_recipe_that_would_cheat_is_refused(mistake):
    with pytest.raises(BadInput, match="train: "):
        dataclasses.replace(SMALL, **mistake)


def test_splits_share_neither_seed_nor_place():
    recipe = train.Recipe()
    places = {split: {(s.crs, s.west, s.north) for s in train.scenes(recipe, split)} for split in train.REGIONS}
    seeds = [s.seed for split in train.REGIONS for s in train.scenes(recipe, split)]
    assert len(set.union(*places.values())) == sum(map(len, places.values())) == len(set(seeds))
    demo = (1, 360_000, 8_594_040)
    assert demo not in {(s.seed, s.west, s.north) for split in train.REGIONS for s in train.scenes(recipe, split)}


# the model that ships


@pytest.mark.parametrize("recipe", train.RECIPES.values(), ids=train.RECIPES)
def test_a_shipped_model_is_small_and_its_card_is_that_of_its_recipe(recipe):
    folder = registry.SHIPPED / f"{recipe.name}-{recipe.version}"
    assert sum(p.stat().st_size for p in folder.iterdir()) < 300_000
    card = load(recipe.name).card
    assert (card.name, card.version) == (recipe.name, recipe.version)
    assert card.simulated
    assert card.features == NAMES
    assert (card.index, card.monitor) == (recipe.prepare.index, recipe.monitor.kind)
    assert card.detectors == {line.name: line.detector.digest for line in train.lines(recipe)}
    assert (folder / "card.md").read_text("utf-8") == card.to_markdown()
    named = {c.split: c.scenes for c in card.candidates}
    assert all(
        f"seed {s.seed} at {s.crs} {s.west}, {s.north}" in named[f"test, {train.IN_USE}"]
        for s in train.scenes(recipe, "test")
    )


def test_the_models_that_ship_share_no_seed_and_none_is_used_to_judge_detectors():
    seeds = [s for recipe in train.RECIPES.values() for s in (*recipe.training, *recipe.calibration, *recipe.test)]
    assert len(set(seeds)) == len(seeds)
    judged = {seed for file in (ROOT / "benchmarks").glob("comparison*.yaml") for seed in loaded(file).data.seeds}
    assert judged
    assert not judged & set(seeds)


def test_a_model_does_not_judge_alerts_of_another_kind(shipped):
    check(shipped, Cusum())
    check(load("fused-loss-simulated"), Fusion())
    for model, monitor in ((shipped, Fusion()), (load("fused-loss-simulated"), Ewma())):
        with pytest.raises(BadInput, match=r"^model .*-simulated@.*: has learnt alerts .*name another in `model.name`"):
            check(model, monitor)
    with pytest.raises(BadInput, match="of different kinds"):
        dataclasses.replace(SMALL, monitor=Fusion())


def test_the_shipped_model_is_better_than_none_on_scenes_it_has_not_seen(shipped, tiny):
    """Simulated scenes of other seeds than any on its card."""
    test = tiny.samples[f"test, {train.LOOSE}"]
    rate = test.true.mean()
    assert brier_of(shipped.forest, test) < rate * (1 - rate)
    mixed = dataclasses.replace(test, rows=np.random.default_rng(0).permutation(test.rows))
    assert brier_of(shipped.forest, mixed) > brier_of(shipped.forest, test)


def test_a_forest_says_which_file_it_came_from():
    with pytest.raises(BadInput, match=r"^somewhere: "):
        Forest.of({}, "somewhere")
