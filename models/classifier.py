"""A trained classifier as plain arrays, ready to serve: trees or a line, its calibration, and where it may be believed.

Nothing of scikit-learn is needed to use it. What scikit-learn's estimator says before calibration, this says, to the last bit
but for leaves kept as float32 (differences below 1e-6, the same classes). Calibration is Dirichlet's (Kull et al. 2019, NeurIPS
32): a softmax over an affine map of the logarithms of the classes' probabilities.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Float
from models.applicability import Applicability
from models.kinds import KINDS
from models.walk import LEAF, Trees, packed

Numbers = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
MISSING: Final = -1000.0
"""Stands for a missing feature in trees: below every value there is, so that one split parts what is missing from the rest."""
SURE: Final = 1e-4
"""A probability closer than this to 0 is taken as this close, so that its logarithm stays finite."""
FOREST: Final = "random-forest"
BOOSTING: Final = "hist-gradient-boosting"
LINEAR: Final = "linear"


@dataclass(frozen=True)
class Stand:
    """Decision trees: the mean of what they say is the probability (a forest), or the softmax of their sum (boosting)."""

    roots: NDArray[np.int32]
    """(tree,) position of the root of every tree."""
    left: NDArray[np.int32]
    """(node,) position of the child where the feature is at most the threshold; LEAF at a leaf."""
    right: NDArray[np.int32]
    """(node,) position of the other child."""
    feature: NDArray[np.int16]
    """(node,) column that decides; LEAF at a leaf."""
    threshold: NDArray[np.float64]
    """(node,) at most this: left."""
    leaves: Float
    """(leaf, class) what the leaves say, in the order of the nodes."""
    base: Numbers
    """(class,) boosting: what the trees' sum is added to; a forest: empty."""

    @cached_property
    def _trees(self) -> Trees:
        values = np.zeros((len(self.left), self.leaves.shape[1]))
        values[self.left == LEAF] = self.leaves
        return packed(self.roots, self.left, self.right, self.feature, self.threshold, values)

    def probabilities(self, rows: Float) -> Numbers:
        """(row, class) before calibration."""
        filled = np.where(np.isfinite(rows), rows, np.float32(MISSING)).astype(np.float32)
        mean = self._trees.mean(filled)
        return softmax(self.base + mean * len(self.roots)) if len(self.base) else mean


@dataclass(frozen=True)
class Line:
    """Multinomial logistic regression over standardised features; what is missing stands at the mean."""

    centre: Numbers
    """(feature,) mean in training."""
    scale: Numbers
    """(feature,) standard deviation in training, 1 where it is zero."""
    weight: Numbers
    """(class, feature) coefficients."""
    intercept: Numbers
    """(class,)"""

    def probabilities(self, rows: Float) -> Numbers:
        """(row, class) before calibration."""
        return softmax(standardised(rows, self.centre, self.scale) @ self.weight.T + self.intercept)


@dataclass(frozen=True)
class Classifier:
    """What kind of change a row of features is, how sure, and whether it is like anything learnt from."""

    features: tuple[str, ...]
    """Names of the columns."""
    classes: tuple[str, ...]
    """Names of the classes, `models.kinds.KINDS`."""
    kind: str
    """random-forest, hist-gradient-boosting or linear."""
    core: Stand | Line
    """What scikit-learn fitted."""
    turn: Numbers
    """(class, class) calibration: weight of the logarithm of each class (columns) for each class (rows)."""
    shift: Numbers
    """(class,) calibration: added."""
    applicability: Applicability
    """Where it may be believed."""

    def raw(self, rows: Float) -> Numbers:
        """(row, class) probabilities before calibration; rows: (row, feature) float32, NaN where missing."""
        return self.core.probabilities(rows)

    def probabilities(self, rows: Float) -> Numbers:
        """(row, class) calibrated probabilities that add up to 1."""
        return calibrated(self.raw(rows), self.turn, self.shift)

    def known(self, rows: Float) -> NDArray[np.bool_]:
        """(row,) is it within what was learnt? Elsewhere the model abstains."""
        return self.applicability.inside(rows)

    def arrays(self) -> Arrays:
        """The named arrays, as stored."""
        parts = {"core": self.core, "area": self.applicability}
        made: Arrays = {f"{p}.{f.name}": np.asarray(getattr(o, f.name)) for p, o in parts.items() for f in fields(o)}
        named = {"features": self.features, "classes": self.classes, "kind": self.kind}
        return made | {k: np.array(v) for k, v in named.items()} | {"turn": self.turn, "shift": self.shift}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], where: str) -> "Classifier":
        """The inverse of `arrays`; raises BadInput where they are no classifier."""
        if wrong := fault(arrays):
            raise BadInput(
                f"{where}: {wrong}; train the model anew with this version, or install the version it came with"
            )
        kind = str(arrays["kind"])
        core: Stand | Line = _part(Line if kind == LINEAR else Stand, "core", arrays)
        features, classes = (tuple(map(str, arrays[name])) for name in ("features", "classes"))
        return cls(features, classes, kind, core, arrays["turn"], arrays["shift"], _part(Applicability, "area", arrays))


def _part(made: Any, prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    return made(**{f.name: arrays[f"{prefix}.{f.name}"] for f in fields(made)})


def softmax(scores: Numbers) -> Numbers:
    """(row, class) shares of exp(score)."""
    grown = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True))


def logs(shares: Numbers) -> Numbers:
    """Logarithms, shares kept SURE away from 0."""
    return np.asarray(np.log(np.maximum(shares, SURE)))


def calibrated(shares: Numbers, turn: Numbers, shift: Numbers) -> Numbers:
    """Dirichlet calibration of (row, class) shares."""
    return softmax(logs(shares) @ turn.T + shift)


def standardised(rows: Float, centre: Numbers, scale: Numbers) -> Numbers:
    """(row, feature) in standard deviations from the mean; 0 where missing."""
    away = (rows.astype(np.float64) - centre) / scale
    return np.where(np.isfinite(away), away, 0.0)


def fault(arrays: Mapping[str, NDArray[Any]]) -> str:
    """What is wrong with stored arrays, empty for nothing. A child after its parent is what makes every walk end."""
    kind = str(arrays["kind"]) if "kind" in arrays else "?"
    if kind not in (FOREST, BOOSTING, LINEAR):
        return f"its kind {kind!r} is none of {FOREST}, {BOOSTING}, {LINEAR}"
    core = Line if kind == LINEAR else Stand
    wanted = {"features", "classes", "kind", "turn", "shift"}
    wanted |= {f"{p}.{f.name}" for p, o in (("core", core), ("area", Applicability)) for f in fields(o)}
    if set(arrays) != wanted:
        return f"the arrays are {', '.join(sorted(set(arrays) ^ wanted)[:5])} too many or too few"
    numeric = [name for name in wanted - {"features", "classes", "kind"} if arrays[name].dtype.kind not in "fi"]
    if numeric or any(not np.isfinite(arrays[name]).all() for name in wanted - {"features", "classes", "kind"}):
        return "a number is not finite, or no number"
    if any(arrays[n].ndim != 1 or arrays[n].dtype.kind != "U" for n in ("classes", "features")):
        return "its classes or features are no names"
    many, width = len(arrays["classes"]), len(arrays["features"])
    if len(set(arrays["classes"].tolist())) < many or not set(arrays["classes"].tolist()) <= set(KINDS):
        return f"its classes are not, each once, of {', '.join(KINDS)}"
    if not _area_fits({name[5:]: a for name, a in arrays.items() if name.startswith("area.")}, width):
        return "the area of applicability and the features do not fit each other"
    if arrays["turn"].shape != (many, many) or arrays["shift"].shape != (many,) or not many:
        return "calibration and classes do not fit each other"
    if kind == LINEAR:
        wanted_ = {"weight": (many, width), "intercept": (many,), "centre": (width,), "scale": (width,)}
        fits = all(arrays[f"core.{name}"].shape == shape for name, shape in wanted_.items())
        return "" if fits else "coefficients and features do not fit each other"
    return _stand_fault({name[5:]: a for name, a in arrays.items() if name.startswith("core.")}, many, width)


def _area_fits(area: Arrays, width: int) -> bool:
    learnt, scale = area["learnt"], area["scale"]
    single = area["distance"].shape == area["threshold"].shape == () and float(area["distance"]) > 0
    return bool(
        single
        and area["centre"].shape == scale.shape == (width,)
        and learnt.shape[1:] == (width,)
        and (scale > 0).all()
    )


def _stand_fault(core: Arrays, many: int, width: int) -> str:
    left, right, roots, feature = (core[name] for name in ("left", "right", "roots", "feature"))
    size, inner = len(left), left != LEAF
    if any(a.ndim != 1 for a in (left, right, roots, feature, core["threshold"])) or {
        len(right),
        len(feature),
        len(core["threshold"]),
    } != {size}:
        return "the trees' arrays do not fit each other"
    if any(a.dtype.kind != "i" for a in (left, right, roots, feature)):
        return "the trees' nodes are not whole numbers"
    if core["leaves"].shape != (int((~inner).sum()), many) or len(core["base"]) not in (0, many) or not len(roots):
        return "leaves and classes do not fit each other"
    here, children = np.arange(size)[inner], np.stack([left[inner], right[inner]])
    if not ((children > here).all() and (children < size).all() and (roots >= 0).all() and (roots < size).all()):
        return "the trees do not end"
    if not ((feature[inner] >= 0).all() and (feature[inner] < width).all()):
        return "the trees ask for features there are not"
    return ""
