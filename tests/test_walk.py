"""The compiled walk through trees says what scikit-learn says, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from detection.errors import BadInput
from models.classifier import Stand
from models.estimators import RandomForest, core_of
from models.walk import LEAF, packed, rounded_down

QUICK = settings(max_examples=15, deadline=None)


def grown(seed: int, classes: int, **settings_: int) -> tuple[RandomForestClassifier, np.ndarray]:
    """A forest, and rows of which some lie exactly on its thresholds."""
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, classes, 300)
    rows = (rng.normal(size=(300, 6)) + answers[:, None] * rng.normal(size=6)).astype(np.float32)
    forest = RandomForestClassifier(12, random_state=seed, n_jobs=1, **settings_).fit(rows, answers)
    new = rng.normal(size=(77, 6)).astype(np.float32)
    tree = forest.estimators_[0].tree_
    for k, node in enumerate(np.flatnonzero(tree.children_left >= 0)[:40]):
        new[k, tree.feature[node]] = np.float32(tree.threshold[node])
    return forest, new


def nodes_of(forest: RandomForestClassifier) -> tuple[np.ndarray, ...]:
    """The arrays of a fitted forest as `packed` takes them: what its leaves say not rounded, as a stored model has it."""
    trees = [one.tree_ for one in forest.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    left, right = (
        np.concatenate([np.where(a == LEAF, LEAF, a + root) for a, root in zip(sides, roots, strict=True)])
        for sides in ([t.children_left for t in trees], [t.children_right for t in trees])
    )
    feature, threshold, said = (
        np.concatenate([getattr(t, n) for t in trees]) for n in ("feature", "threshold", "value")
    )
    return roots, left, right, np.where(left == LEAF, LEAF, feature), threshold, said[:, 0, :]


@QUICK
@given(st.integers(0, 2**31 - 1), st.integers(2, 5), st.sampled_from([{}, {"max_depth": 3}, {"min_samples_leaf": 9}]))
def test_the_same_bits_as_scikit_learn(seed: int, classes: int, grow: dict[str, int]) -> None:
    forest, rows = grown(seed, classes, **grow)
    trees = packed(*nodes_of(forest))
    np.testing.assert_array_equal(trees.mean(rows), forest.predict_proba(rows))
    stored = core_of(RandomForest(), forest, [str(c) for c in forest.classes_])
    assert isinstance(stored, Stand)
    np.testing.assert_allclose(stored.probabilities(rows), forest.predict_proba(rows), atol=1e-6)
    np.testing.assert_array_equal(stored.probabilities(rows).argmax(1), forest.predict_proba(rows).argmax(1))
    for many in (0, 1, 16, 17):
        np.testing.assert_array_equal(trees.mean(rows[:many]), trees.mean(rows)[:many])


def test_a_tree_that_is_one_leaf() -> None:
    alone = packed(*(np.array([v]) for v in (0, LEAF, LEAF, LEAF, 0.0)), np.array([[0.25, 0.75]]))
    np.testing.assert_array_equal(alone.mean(np.zeros((3, 2), np.float32)), [[0.25, 0.75]] * 3)


@QUICK
@given(st.floats(-1e30, 1e30), st.floats(-(2.0**99), 2.0**99, width=32))
def test_a_threshold_rounded_down_decides_alike(threshold: float, value: float) -> None:
    low = rounded_down(np.array([threshold]))[0]
    assert low.dtype == np.float32 and low <= threshold
    for one in (np.float32(value), np.float32(threshold)):
        assert (one <= np.float64(threshold)) == (one <= low)


def test_what_does_not_fit_a_node_is_refused() -> None:
    left, right = np.array([1, LEAF, LEAF]), np.array([2, LEAF, LEAF])
    with pytest.raises(BadInput, match="more than 256 features"):
        packed(np.array([0]), left, right, np.array([256, LEAF, LEAF]), np.zeros(3), np.ones((3, 1)))
