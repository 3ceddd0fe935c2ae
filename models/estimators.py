"""Estimators of scikit-learn by name: how they are fitted, and how what they learnt becomes plain arrays.

One thread and a fixed seed: the same samples give the same arrays, bit for bit.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from detection.types import Float, parameters
from models.classifier import BOOSTING, FOREST, LINEAR, MISSING, Line, Numbers, Stand, logs, standardised
from models.walk import LEAF

Answers = NDArray[np.str_]


@parameters
class RandomForest:
    """Trees grown on resamples of the rows (Breiman 2001)."""

    kind: Literal["random-forest"] = FOREST
    """Which estimator: `random-forest`."""
    trees: Annotated[int, Ge(1)] = 100
    """Number of trees."""
    leaves: Annotated[int, Ge(2)] = 256
    """Most leaves of a tree: what keeps a stored model small."""
    leaf_rows: Annotated[int, Ge(1)] = 3
    """Fewest rows in a leaf."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the resamples and of the choice of features."""


@parameters
class Boosting:
    """Trees that each mend what those before left wrong, on features in bins (after LightGBM, Ke et al. 2017)."""

    kind: Literal["hist-gradient-boosting"] = BOOSTING
    """Which estimator: `hist-gradient-boosting`."""
    rounds: Annotated[int, Ge(1)] = 80
    """Rounds; each grows a tree for every class."""
    rate: Annotated[float, Interval(gt=0, le=1)] = 0.08
    """How much of its mending each round keeps."""
    leaves: Annotated[int, Ge(2)] = 15
    """Most leaves of a tree."""
    leaf_rows: Annotated[int, Ge(1)] = 20
    """Fewest rows in a leaf."""
    ridge: Annotated[float, Ge(0)] = 1.0
    """L2 penalty on what the leaves say."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the bins' subsample."""


@parameters
class Linear:
    """Multinomial logistic regression on standardised features: the baseline that the others have to beat."""

    kind: Literal["linear"] = LINEAR
    """Which estimator: `linear`."""
    strength: Annotated[float, Gt(0)] = 1.0
    """Inverse of the L2 penalty (scikit-learn's C)."""


Estimator = RandomForest | Boosting | Linear
CALIBRATION_STRENGTH: Final = 1.0
"""Inverse L2 penalty of the calibration (scikit-learn's C, its default): classes of few rows stay near what was said."""
NEVER: Final = -30.0
"""Score of a class that was not among the samples: beside any other its probability is nothing."""
SOLVER: Final = "newton-cholesky"
"""Of logistic regressions: few numbers for many rows, and logarithms of shares that go together, on which L-BFGS creeps."""
ROUNDS: Final = 200
"""Most iterations of a logistic regression."""


def grown(asked: Estimator, rows: Float, answers: Answers, weight: Numbers) -> Any:
    """The fitted estimator of scikit-learn; rows: (row, feature), NaN where missing, answers and weight: (row,)."""
    if isinstance(asked, Linear):
        centre, scale = _moments(rows, weight)
        regression = LogisticRegression(C=asked.strength, solver=SOLVER, max_iter=ROUNDS)
        return regression.fit(standardised(rows, centre, scale), answers, sample_weight=weight), centre, scale
    return _trees(asked).fit(filled(rows), answers, sample_weight=weight)


def _trees(asked: RandomForest | Boosting) -> Any:
    if isinstance(asked, Boosting):
        return HistGradientBoostingClassifier(
            max_iter=asked.rounds, learning_rate=asked.rate, max_leaf_nodes=asked.leaves, min_samples_leaf=asked.leaf_rows,
            l2_regularization=asked.ridge, early_stopping=False, random_state=asked.seed,
        )  # fmt: skip
    return RandomForestClassifier(
        n_estimators=asked.trees, max_leaf_nodes=asked.leaves, min_samples_leaf=asked.leaf_rows, random_state=asked.seed,
        n_jobs=1,  # with two, scikit-learn's sums change from run to run in the last bit
    )  # fmt: skip


def filled(rows: Float) -> Float:
    """The rows with MISSING for what is missing, as trees take them."""
    return np.where(np.isfinite(rows), rows, np.float32(MISSING)).astype(np.float32)


def core_of(asked: Estimator, fitted: Any, classes: Sequence[str]) -> Stand | Line:
    """Plain arrays of a fitted estimator, its classes among these and in their order; those it has not seen it never says."""
    if isinstance(asked, Linear):
        regression, centre, scale = fitted
        return _line(regression, centre, scale, classes)
    place = _places(fitted, classes)
    return (
        _forest(fitted, place, len(classes))
        if isinstance(asked, RandomForest)
        else _boosted(fitted, place, len(classes))
    )


def _places(fitted: Any, classes: Sequence[str]) -> list[int]:
    return [classes.index(str(name)) for name in fitted.classes_]


def _line(fitted: LogisticRegression, centre: Numbers, scale: Numbers, classes: Sequence[str]) -> Line:
    weight, intercept = _rows_of(fitted)
    place, many = _places(fitted, classes), len(classes)
    whole, shift = np.zeros((many, weight.shape[1])), np.full(many, NEVER)
    whole[place], shift[place] = weight, intercept
    return Line(centre, scale, whole, shift)


def _rows_of(fitted: LogisticRegression) -> tuple[Numbers, Numbers]:
    """Coefficients and intercepts, a row a class; scikit-learn keeps one row for two classes."""
    weight, intercept = fitted.coef_.astype(np.float64), fitted.intercept_.astype(np.float64)
    if len(fitted.classes_) > 2:
        return weight, intercept
    return np.concatenate([-weight, weight]) / 2, np.concatenate([-intercept, intercept]) / 2


def _forest(fitted: RandomForestClassifier, place: list[int], many: int) -> Stand:
    parts = []
    for tree in (estimator.tree_ for estimator in fitted.estimators_):
        said = np.zeros((tree.node_count, many))
        said[:, place] = tree.value[:, 0, :]
        parts.append((tree.children_left, tree.children_right, tree.feature, tree.threshold, said))
    return _stand(parts, np.zeros(0))


def _boosted(fitted: HistGradientBoostingClassifier, place: list[int], many: int) -> Stand:
    base, parts = np.full(many, NEVER), []
    start = np.ravel(fitted._baseline_prediction).astype(np.float64)
    base[place] = np.concatenate([[0.0], start]) if len(start) == 1 else start
    for round_ in fitted._predictors:
        for at, tree in enumerate(round_):
            nodes = tree.nodes
            leaf = nodes["is_leaf"].astype(np.bool_)
            left, right = (np.where(leaf, LEAF, nodes[side].astype(np.int64)) for side in ("left", "right"))
            said = np.zeros((len(nodes), many))
            said[:, place[1 if len(start) == 1 else at]] = nodes["value"]
            parts.append((left, right, nodes["feature_idx"].astype(np.int64), nodes["num_threshold"], said))
    return _stand(parts, base)


def _stand(parts: Sequence[tuple[Any, ...]], base: Numbers) -> Stand:
    """Trees one after the other; of every tree left, right, feature, threshold and what its nodes say."""
    roots = np.cumsum([0, *(len(p[0]) for p in parts)])[:-1]
    left, right = (
        np.concatenate([np.where(p[0] == LEAF, LEAF, p[i] + root) for p, root in zip(parts, roots, strict=True)])
        for i in (0, 1)
    )
    inner = left != LEAF
    feature = np.where(inner, np.concatenate([p[2] for p in parts]), LEAF)
    threshold = np.where(inner, np.concatenate([p[3] for p in parts]), 0.0)
    said = np.concatenate([p[4] for p in parts])[~inner].astype(np.float32)
    trees = (roots.astype(np.int32), left.astype(np.int32), right.astype(np.int32), feature.astype(np.int16))
    return Stand(*trees, threshold.astype(np.float64), said, base)


def calibration(said: Numbers, answers: Answers, weight: Numbers, classes: Sequence[str]) -> tuple[Numbers, Numbers]:
    """(turn, shift) of Dirichlet calibration: what was said of rows not learnt from, (row, class), against their answers.

    It also puts balanced classes back to how often they are: `weight` says how much of the world a row stands for.
    """
    fitted = LogisticRegression(C=CALIBRATION_STRENGTH, solver=SOLVER, max_iter=ROUNDS)
    fitted.fit(logs(said), answers, sample_weight=weight / weight.mean())
    turn, shift = np.zeros((len(classes), len(classes))), np.full(len(classes), NEVER)
    place = _places(fitted, classes)
    turn[place], shift[place] = _rows_of(fitted)
    return turn, shift


def _moments(rows: Float, weight: Numbers) -> tuple[Numbers, Numbers]:
    seen = np.isfinite(rows)
    many = np.maximum((seen * weight[:, None]).sum(0), 1e-12)
    mean = (np.where(seen, rows, 0.0) * weight[:, None]).sum(0) / many
    spread = np.sqrt((np.where(seen, rows - mean, 0.0) ** 2 * weight[:, None]).sum(0) / many)
    return mean, np.where(spread > 0, spread, 1.0)
