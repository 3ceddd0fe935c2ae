"""Fitting: a small random forest on some scenes, its calibration on others, both turned into plain arrays.

One thread and a fixed seed: the same samples give the same arrays, bit for bit.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from detection.errors import BadInput
from detection.types import parameters
from models.features import NAMES
from models.forest import Arrays, Forest, logit
from models.samples import Samples
from models.walk import LEAF


@parameters
class RandomForest:
    """Settings of the forest: small, so that it stays a few kilobytes and cannot learn single alerts."""

    trees: Annotated[int, Ge(1)] = 60
    """Number of trees."""
    leaves: Annotated[int, Ge(2)] = 24
    """Most leaves of a tree."""
    leaf_revisions: Annotated[int, Ge(1)] = 10
    """Fewest revisions in a leaf."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the bootstrap and of the choice of features."""


def fit(settings: RandomForest, training: Samples, calibration: Samples) -> Forest:
    """Fit on one set of scenes, calibrate on another. Raises BadInput where one holds no true or no false alert."""
    classifier = grow(settings, training)
    raw = classifier.predict_proba(calibration.rows)[:, 1]
    return flatten(classifier, sigmoid(raw, calibration))


def grow(settings: RandomForest, training: Samples) -> RandomForestClassifier:
    """The forest. Every alert weighs the same, and so do all true ones together and all false ones together."""
    _require_both(training, "training")
    weight = training.weight
    total = {answer: weight[training.true == answer].sum() for answer in (False, True)}
    balanced = weight / np.where(training.true, total[True], total[False]) * len(weight) / 2
    forest = RandomForestClassifier(
        n_estimators=settings.trees,
        max_leaf_nodes=settings.leaves,
        min_samples_leaf=settings.leaf_revisions,
        random_state=settings.seed,
        n_jobs=1,  # with two, scikit-learn's sums change from run to run in the last bit
    )
    return forest.fit(training.rows, training.true, sample_weight=balanced)


def sigmoid(raw: NDArray[np.float64], calibration: Samples) -> NDArray[np.float64]:
    """(slope, intercept) of the probability over the logit of the forest's mean.

    Platt (1999): a logistic regression towards (n+ + 1)/(n+ + 2) and 1/(n- + 2) instead of 1 and 0, n in alerts, so
    that a few alerts never make anything certain. A sigmoid, not isotonic: two numbers need few alerts. It also puts
    the balanced forest back to how often an alert is true in the calibration scenes.
    """
    _require_both(calibration, "calibration")
    weight, true = calibration.weight, calibration.true
    many, few = weight[true].sum(), weight[~true].sum()
    target = np.where(true, (many + 1) / (many + 2), 1 / (few + 2))
    both = np.concatenate([logit(raw), logit(raw)])[:, None]
    answers = np.repeat([True, False], len(raw))
    shares = np.concatenate([target, 1 - target]) * np.concatenate([weight, weight])
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(both, answers, sample_weight=shares)
    return np.array([max(line.coef_[0, 0], 0.0), line.intercept_[0]], np.float64)


def flatten(classifier: RandomForestClassifier, calibration: NDArray[np.float64]) -> Forest:
    """The plain arrays of a fitted forest of two classes; checked as a stored one is."""
    nodes = nodes_of(classifier)
    share = nodes.pop("values")[:, 1]
    arrays = {"features": np.array(NAMES), **nodes, "share": share, "sigmoid": calibration}
    return Forest.of(arrays, "the fitted forest")


def nodes_of(classifier: RandomForestClassifier) -> Arrays:
    """All nodes of all trees in one row, as `models.walk.packed` takes them; LEAF stands for no child."""
    trees = [estimator.tree_ for estimator in classifier.estimators_]
    roots = np.cumsum([0, *(t.node_count for t in trees)])[:-1]
    inner = np.concatenate([t.children_left for t in trees]) >= 0
    left = np.concatenate([t.children_left + root for t, root in zip(trees, roots, strict=True)])
    right = np.concatenate([t.children_right + root for t, root in zip(trees, roots, strict=True)])
    return {
        "roots": roots.astype(np.int32),
        "left": np.where(inner, left, LEAF).astype(np.int32),
        "right": np.where(inner, right, LEAF).astype(np.int32),
        "feature": np.where(inner, np.concatenate([t.feature for t in trees]), LEAF).astype(np.int16),
        "threshold": np.where(inner, np.concatenate([t.threshold for t in trees]), 0.0),
        "values": np.concatenate([t.value[:, 0, :] for t in trees]),  # shares of the classes
    }


def _require_both(samples: Samples, split: str) -> None:
    if samples.true.all() or not samples.true.any():
        only = "true" if samples.true.any() else "false" if len(samples.true) else "no"
        raise BadInput(
            f"{split}: only {only} alerts in its scenes; a model needs both true and false ones, give more seeds"
        )
