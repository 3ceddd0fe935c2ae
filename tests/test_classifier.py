"""What is served is what scikit-learn fitted; what is no classifier is refused; where a model may be believed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import CLASSES, drawn, tiny
from sklearn.linear_model import LogisticRegression

from detection.errors import BadInput
from models.applicability import Applicability, area_of
from models.classifier import BOOSTING, FOREST, LINEAR, MISSING, Classifier, calibrated, logs, softmax, standardised
from models.estimators import Boosting, Linear, RandomForest, calibration, core_of, filled, grown

QUICK = settings(max_examples=25, deadline=None)
ESTIMATORS = [RandomForest(trees=7, leaves=20), Boosting(rounds=6, leaf_rows=5), Linear()]


def fitted(estimator: Any, classes: tuple[str, ...], asked: tuple[str, ...] | None = None):
    """(core, what scikit-learn says of new rows, new rows)."""
    samples, new = drawn(1, 240, classes), drawn(2, 300, classes).rows
    new[:20], new[20:40] = np.nan, new[20:40] * 1e6
    made = grown(estimator, samples.rows, samples.answer, samples.weight)
    core = core_of(estimator, made, asked or classes)
    if isinstance(estimator, Linear):
        regression, centre, scale = made
        said, names = regression.predict_proba(standardised(new, centre, scale)), regression.classes_
    else:
        said, names = made.predict_proba(filled(new)), made.classes_
    columns = [list(asked or classes).index(name) for name in names]
    expected = np.zeros((len(new), len(asked or classes)))
    expected[:, columns] = said
    return core, expected, new


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.kind)
@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:2], CLASSES[:1:-1]], ids=["four", "two", "two, others"])
def test_it_says_what_scikit_learn_says(estimator: Any, classes: tuple[str, ...]) -> None:
    core, expected, rows = fitted(estimator, classes)
    said = core.probabilities(rows)
    np.testing.assert_allclose(said, expected, atol=1e-6)
    np.testing.assert_array_equal(said.argmax(1), expected.argmax(1))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.kind)
@pytest.mark.parametrize("seen", [CLASSES[:3], CLASSES[1:3]])
def test_a_class_it_has_not_seen_it_never_says(estimator: Any, seen: tuple[str, ...]) -> None:
    asked = ("mining", *CLASSES)
    core, expected, rows = fitted(estimator, seen, asked)
    said = core.probabilities(rows)
    np.testing.assert_allclose(said, expected, atol=1e-6)
    absent = [i for i, name in enumerate(asked) if name not in seen]
    assert said[:, absent].max() < 1e-6
    np.testing.assert_allclose(said.sum(1), 1)


def test_missing_is_one_split_away_from_every_number() -> None:
    rows = np.array([[np.nan, 1, np.inf]], np.float32)
    np.testing.assert_array_equal(filled(rows), [[MISSING, 1, MISSING]])


def test_a_line_knows_the_weights_of_its_rows_and_takes_the_mean_for_what_is_missing() -> None:
    rows = np.array([[0.0, 5], [4, 5], [np.nan, 5]], np.float32)
    _, centre, scale = grown(Linear(), rows, np.array(["a", "b", "a"]), np.array([3.0, 1, 1]))
    assert centre.tolist() == [1, 5] and scale.tolist() == [pytest.approx(np.sqrt(3)), 1]
    np.testing.assert_array_equal(standardised(rows, centre, scale)[2], [0, 0])


# calibration


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:2]])
def test_the_calibration_is_the_logistic_regression_it_says(classes: tuple[str, ...]) -> None:
    rng, samples = np.random.default_rng(0), drawn(3, 300, classes)
    said = softmax(rng.normal(size=(300, len(classes))) + 2 * (samples.answer[:, None] == np.array(classes)))
    weight = rng.uniform(0.5, 2, 300)
    turn, shift = calibration(said, samples.answer, weight, classes)
    model = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=200)
    model.fit(np.log(np.maximum(said, 1e-4)), samples.answer, sample_weight=weight / weight.mean())
    expected = np.zeros_like(said)
    expected[:, [classes.index(c) for c in model.classes_]] = model.predict_proba(np.log(np.maximum(said, 1e-4)))
    made = calibrated(said, turn, shift)
    np.testing.assert_allclose(made, expected, atol=1e-9)
    np.testing.assert_allclose(made.sum(1), 1)


def test_calibration_mends_probabilities_that_are_too_sure_and_puts_back_how_often_a_class_is() -> None:
    rng = np.random.default_rng(1)
    true = softmax(rng.normal(size=(4000, 2)) * 1.5 + [0.0, 1.5])
    answer = np.array(["fire", "nothing"])[(rng.random(4000) < true[:, 1]).astype(int)]
    boast = softmax(3 * logs(true) + [2.0, 0.0])
    made = calibrated(boast, *calibration(boast, answer, np.ones(4000), ("fire", "nothing")))
    assert np.abs(made - true).mean() < 0.02 < np.abs(boast - true).mean()
    assert made[:, 1].mean() == pytest.approx((answer == "nothing").mean(), abs=0.01)


def test_a_class_without_a_sample_stays_without_a_chance() -> None:
    samples, classes = drawn(3, 200, CLASSES[:2]), CLASSES
    said = softmax(np.random.default_rng(0).normal(size=(200, 4)))
    made = calibrated(said, *calibration(said, samples.answer, np.ones(200), classes))
    assert made[:, 2:].max() < 1e-6


def test_nought_and_one_have_finite_logarithms() -> None:
    assert np.isfinite(logs(np.array([[0.0, 1.0]]))).all()
    turned = calibrated(np.array([[0.0, 1.0]]), np.eye(2), np.zeros(2))
    assert turned[0] == pytest.approx([1e-4, 1], abs=2e-4)


# arrays


@pytest.fixture(params=ESTIMATORS, ids=lambda e: e.kind)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    core, _, _ = fitted(request.param, CLASSES)
    made = tiny().learnt.classifier
    return Classifier(made.features, CLASSES, request.param.kind, core, np.eye(4), np.zeros(4), made.applicability)


def test_arrays_are_the_whole_of_it(classifier: Classifier) -> None:
    arrays = classifier.arrays()
    assert all(array.dtype != object for array in arrays.values())
    again, rows = Classifier.of(arrays, "x"), drawn(5).rows
    assert (again.features, again.classes, again.kind) == (classifier.features, classifier.classes, classifier.kind)
    np.testing.assert_array_equal(again.probabilities(rows), classifier.probabilities(rows))
    np.testing.assert_array_equal(again.known(rows), classifier.known(rows))
    assert again.arrays().keys() == arrays.keys()
    for name, array in again.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


ANY = [
    ("kind", lambda a: np.array("magic"), "kind 'magic' is none of"),
    ("turn", lambda a: a[:2], "calibration and classes"),
    ("turn", lambda a: a * np.nan, "not finite"),
    ("shift", lambda a: a[:-1], "calibration and classes"),
    ("shift", lambda a: a.astype(str), "no number"),
    ("classes", lambda a: a[:-1], "do not fit each other"),
    ("classes", lambda a: np.array(["magic", *a[1:]]), "classes"),
    ("classes", lambda a: np.array([a[0], *a[:-1]]), "classes"),
    ("classes", lambda a: np.arange(len(a)), "classes"),
    ("area.learnt", lambda a: a[:, :-1], "area of applicability"),
    ("area.centre", lambda a: a[:-1], "area of applicability"),
    ("area.scale", lambda a: a[:-1], "area of applicability"),
    ("area.scale", lambda a: a * 0, "area of applicability"),
    ("area.distance", lambda a: a * 0, "area of applicability"),
    ("area.threshold", lambda a: np.array([a, a]), "area of applicability"),
    ("area.threshold", lambda a: a * np.inf, "not finite"),
]
TREES = [
    ("core.left", lambda a: np.where(a >= 0, np.arange(len(a)), a).astype(a.dtype), "do not end"),
    ("core.left", lambda a: np.where(a >= 0, 0, a).astype(a.dtype), "do not end"),
    ("core.right", lambda a: np.where(a >= 0, 10**6, a).astype(a.dtype), "do not end"),
    ("core.right", lambda a: np.where(a >= 0, -1, a).astype(a.dtype), "do not end"),
    ("core.roots", lambda a: a - 1, "do not end"),
    ("core.roots", lambda a: a + 10**6, "do not end"),
    ("core.roots", lambda a: a[:0], "do not fit"),
    ("core.left", lambda a: a[:-1], "do not fit"),
    ("core.left", lambda a: a.astype(np.float64), "whole numbers"),
    ("core.threshold", lambda a: a[:, None], "do not fit"),
    ("core.threshold", lambda a: a * np.nan, "not finite"),
    ("core.feature", lambda a: np.where(a >= 0, 10**4, a).astype(a.dtype), "features there are not"),
    ("core.feature", lambda a: np.where(a >= 0, -2, a).astype(a.dtype), "features there are not"),
    ("core.leaves", lambda a: a[:-1], "leaves and classes"),
    ("core.leaves", lambda a: a[:, :-1], "leaves and classes"),
    ("core.base", lambda a: np.zeros(2), "leaves and classes"),
]
LINES = [
    ("core.weight", lambda a: a[:, :-1], "coefficients and features"),
    ("core.centre", lambda a: a[:-1], "coefficients and features"),
    ("core.scale", lambda a: a[:-1], "coefficients and features"),
    ("core.intercept", lambda a: a[:-1], "coefficients and features"),
    ("core.weight", lambda a: a * np.inf, "not finite"),
]


FOREIGN = [(e, *fault) for e, own in zip(ESTIMATORS, (TREES, TREES, LINES), strict=True) for fault in (*ANY, *own)]


@pytest.mark.parametrize(("classifier", "name", "change", "message"), FOREIGN, indirect=["classifier"])
def test_arrays_that_are_no_classifier_are_refused(
    classifier: Classifier, name: str, change: Any, message: str
) -> None:
    arrays = classifier.arrays()
    with pytest.raises(BadInput, match=r"^somewhere: .*; train the model anew") as caught:
        Classifier.of(arrays | {name: change(arrays[name])}, "somewhere")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_arrays_too_many_or_too_few_are_named(classifier: Classifier) -> None:
    arrays = classifier.arrays()
    for changed in ({k: v for k, v in arrays.items() if k != "shift"}, arrays | {"shift2": arrays["shift"]}):
        with pytest.raises(BadInput, match="shift.* too many or too few"):
            Classifier.of(changed, "x")
    other = LINEAR if classifier.kind != LINEAR else FOREST
    with pytest.raises(BadInput, match="too many or too few"):
        Classifier.of(arrays | {"kind": np.array(other)}, "x")
    with pytest.raises(BadInput, match=r"^somewhere: its kind '\?'"):
        Classifier.of({}, "somewhere")
    assert classifier.kind in (FOREST, BOOSTING, LINEAR)


# the area of applicability


def test_dissimilarity_by_hand() -> None:
    """Four points on a square of side 2 about (1, 7): a standard deviation of 1 each; the second feature matters half."""
    rows = np.array([[0, 6], [2, 6], [0, 8], [2, 8]], np.float32)
    area = area_of(rows, np.array([0, 1, 2, 3]), np.array([0.4, 0.2]))
    np.testing.assert_allclose(area.centre, [1, 7])
    np.testing.assert_allclose(area.scale, [1, 2])  # at (-1, -.5), (1, -.5), (-1, .5), (1, .5)
    mean = (2 + 1 + np.sqrt(5)) / 3
    assert float(area.distance) == pytest.approx(mean, rel=1e-6)
    assert float(area.threshold) == pytest.approx(1 / mean, rel=1e-6), "each is 1 away from the nearest: no spread"
    asked = np.array([[0, 6], [1, 6], [0, 10], [0, 10.1], [0, 5], [np.nan, np.nan]], np.float32)
    expected = np.array([0, 1, 1, 1.05, 0.5, np.sqrt(1.25)]) / mean
    np.testing.assert_allclose(area.index(asked), expected, atol=1e-3)
    assert area.inside(asked).tolist() == [True, True, True, False, True, False]


def test_rows_of_one_block_are_not_compared() -> None:
    rows = np.array([[0.0], [0.001], [1], [1.001]], np.float32)
    apart, together = (area_of(rows, np.array(b), np.ones(1)) for b in ([0, 1, 2, 3], [0, 0, 1, 1]))
    assert float(apart.threshold) < 0.01 < 1 < float(together.threshold)


def test_the_threshold_is_the_upper_whisker() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    area = area_of(rows, np.arange(60), np.ones(3))
    away = np.linalg.norm(area.placed(rows)[:, None] - area.placed(rows)[None], axis=2)
    np.fill_diagonal(away, np.nan)
    index = np.nanmin(away, 1) / np.nanmean(away)
    low, high = np.quantile(index, (0.25, 0.75))
    assert float(area.threshold) == pytest.approx(high + 1.5 * (high - low), rel=1e-4)


def test_what_is_missing_stands_at_the_mean_and_what_does_not_matter_hardly_counts() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(3, 2, (80, 2)).astype(np.float32)
    holed = rows.copy()
    holed[:7, 0] = np.nan
    area = area_of(holed, np.arange(80), np.array([1.0, 0.0]))
    assert area.centre == pytest.approx([np.nanmean(holed[:, 0]), rows[:, 1].mean()], rel=1e-5)
    asked = np.array([[np.nan, 3], [area.centre[0], 3]], np.float32)
    assert area.index(asked)[0] == pytest.approx(area.index(asked)[1], abs=1e-4)
    far = np.array([[3, 20], [20, 3]], np.float32)
    assert area.inside(far).tolist() == [True, False], "weights of nought and below count as nothing"
    negative = area_of(holed, np.arange(80), np.array([1.0, -5.0]))
    np.testing.assert_array_equal(negative.scale, area.scale)


@QUICK
@given(st.integers(0, 9999), st.floats(0.1, 50), st.floats(-100, 100))
def test_units_do_not_show(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    rows, asked = (rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 9))
    block, weight = rng.integers(0, 5, 40), np.array([1.0, 0.5, 0.2])
    one = area_of(rows, block, weight)
    other = area_of((rows * scale + shift).astype(np.float32), block, weight)
    np.testing.assert_allclose(other.index((asked * scale + shift).astype(np.float32)), one.index(asked), atol=5e-3)
    np.testing.assert_array_equal(one.inside(asked), one.index(asked) <= float(one.threshold))


def test_many_rows_are_thinned_always_alike_and_rows_in_any_number_are_asked() -> None:
    rows = np.random.default_rng(2).normal(size=(2000, 2)).astype(np.float32)
    one, two = (area_of(rows, np.arange(2000), np.ones(2)) for _ in range(2))
    assert one.learnt.shape == (1500, 2)
    np.testing.assert_array_equal(one.learnt, two.learnt)
    many = np.tile(rows[:500], (20, 1))
    np.testing.assert_allclose(one.index(many)[9000:9500], one.index(rows[:500]), atol=1e-3)
    assert one.index(rows[:0]).shape == (0,)
    nothing = Applicability(one.centre, one.scale, one.learnt[:0], one.distance, one.threshold)
    assert not nothing.inside(rows[:3]).any(), "who has learnt nothing knows nothing"
