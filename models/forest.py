"""A forest of decision trees and its calibration as plain arrays: no scikit-learn. `models.walk` walks the trees.

The trees are those of scikit-learn's random forest, taken over node by node by `models.estimators`: left where the
feature (float32) is at most the threshold, the mean over the trees of the leaf's share of true changes. Then Platt's
sigmoid (1999) over the logit of that mean.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Float
from models.features import NAMES
from models.walk import LEAF, Trees, packed

Arrays = dict[str, NDArray[Any]]
SURE: Final = 1e-3
"""A mean of leaves closer than this to 0 or 1 is taken as this close, so that the logit stays finite."""
KINDS: Final = {
    "features": "U",
    "roots": "i",
    "left": "i",
    "right": "i",
    "feature": "i",
    "threshold": "f",
    "share": "f",
    "sigmoid": "f",
}


@dataclass(frozen=True)
class Forest:
    """All nodes of all trees in one row; a tree's nodes follow each other, children after their parent."""

    features: tuple[str, ...]
    """Names of the columns."""
    roots: NDArray[np.int32]
    """(tree,) position of the root of every tree."""
    left: NDArray[np.int32]
    """(node,) position of the child where the feature is at most the threshold; LEAF at a leaf."""
    right: NDArray[np.int32]
    """(node,) position of the other child; LEAF at a leaf."""
    feature: NDArray[np.int16]
    """(node,) column that decides; LEAF at a leaf."""
    threshold: NDArray[np.float64]
    """(node,) at most this: left."""
    share: NDArray[np.float64]
    """(node,) share of true changes, which counts at a leaf."""
    sigmoid: NDArray[np.float64]
    """(2,) slope and intercept on the logit; the slope is not negative."""

    def raw(self, rows: Float) -> NDArray[np.float64]:
        """(row,) mean of the leaves, 0..1; rows: (row, feature) float32."""
        return self._trees.mean(rows)[:, 0]

    @cached_property
    def _trees(self) -> Trees:
        return packed(self.roots, self.left, self.right, self.feature, self.threshold, self.share[:, None])

    def probability(self, rows: Float) -> NDArray[np.float64]:
        """(row,) calibrated probability of true change; rows: (row, feature) float32 in the order of `features`."""
        slope, intercept = self.sigmoid
        return np.asarray(1 / (1 + np.exp(-(slope * logit(self.raw(rows)) + intercept))), np.float64)

    def arrays(self) -> Arrays:
        """The fixed set of named arrays, as stored."""
        return {name: np.asarray(getattr(self, name)) for name in KINDS}

    @classmethod
    def of(cls, arrays: Arrays, where: str) -> "Forest":
        """The inverse of `arrays`; raises BadInput where they are no forest over the features this code computes."""
        wrong = _fault(arrays)
        if wrong:
            raise BadInput(
                f"{where}: {wrong}; train the model anew with this version, or install the version it came with"
            )
        return cls(**{k: v for k, v in arrays.items() if k != "features"}, features=tuple(map(str, arrays["features"])))


def logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(p / (1 - p)), p kept SURE away from 0 and 1."""
    kept = np.clip(share, SURE, 1 - SURE)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def _fault(arrays: Arrays) -> str:
    """What is wrong with the arrays, empty for nothing. A child after its parent is what makes every walk end."""
    if set(arrays) != set(KINDS) or any(arrays[n].dtype.kind != k or arrays[n].ndim != 1 for n, k in KINDS.items()):
        return f"the arrays are not {', '.join(KINDS)}"
    if tuple(map(str, arrays["features"])) != NAMES:
        return f"the model wants {', '.join(map(str, arrays['features']))}, not the features computed here"
    nodes = {len(arrays[n]) for n in ("left", "right", "feature", "threshold", "share")}
    if len(nodes) != 1 or len(arrays["sigmoid"]) != 2 or len(arrays["roots"]) == 0:
        return "the arrays do not fit each other"
    size, roots, inner = nodes.pop(), arrays["roots"], arrays["left"] != LEAF
    here = np.arange(size)[inner]
    children = np.stack([arrays["left"][inner], arrays["right"][inner]])
    if not ((children > here).all() and (children < size).all() and (roots >= 0).all() and (roots < size).all()):
        return "the trees do not end"
    if not ((arrays["feature"][inner] >= 0).all() and (arrays["feature"][inner] < len(NAMES)).all()):
        return "the trees ask for features there are not"
    finite = np.isfinite(arrays["threshold"]).all() and np.isfinite(arrays["sigmoid"]).all()
    known = finite and ((arrays["share"] >= 0) & (arrays["share"] <= 1)).all() and arrays["sigmoid"][0] >= 0
    return "" if known else "a number is not finite or out of its range"
