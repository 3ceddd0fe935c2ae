"""The walk of many rows through many decision trees, compiled: sixteen rows at a time in lock-step through one tree.

What makes it fast: a node is eight bytes, so that a tree fits the nearest cache beside the rows that walk it; children stand
side by side, so that a step is an addition and no branch; a leaf is its own child, so that rows that have arrived wait for
the others without being asked; and sixteen walks at once hide the time that memory takes. What it says is what scikit-learn's
random forest says, to the bit: thresholds are rounded down to float32, the type of the rows, which changes no comparison,
and the trees are added in their order in float64.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.lanes import fused
from detection.types import Float

TOGETHER: Final = 16
"""Rows that walk in lock-step."""
BLOCK: Final = 1024
"""Rows that stay in the nearest caches, beside one tree, while all trees are walked."""
PLACES: Final = 24
"""Bits for the place of a node within its tree; those above hold the feature."""
LEAF: Final = -1
"""Child of a leaf in the arrays that `packed` takes, as in scikit-learn."""


@dataclass(frozen=True)
class Trees:
    """Trees, ready to be walked."""

    split: NDArray[np.uint32]
    """(node,) the column that decides, 0 at a leaf, over the place of the left child within its tree; the right one is next to
    it, and a leaf is its own. Breadth first, tree by tree."""
    threshold: Float
    """(node,) at most this: the left child; +inf at a leaf."""
    value: NDArray[np.int32]
    """(node,) row of `values`, at a leaf."""
    roots: NDArray[np.int32]
    """(tree,) position of the root."""
    steps: NDArray[np.int32]
    """(tree,) steps to the deepest leaf."""
    values: NDArray[np.float64]
    """(value, class) that the leaves say, each once."""

    def mean(self, rows: Float) -> NDArray[np.float64]:
        """(row, class) mean of what the trees say; rows: (row, feature) float32, finite."""
        whole = -(-len(rows) // TOGETHER) * TOGETHER
        given, total = np.zeros((whole, rows.shape[1]), np.float32), np.zeros((whole, self.values.shape[1]))
        given[: len(rows)] = rows
        _walk(given, self.split, self.threshold, self.value, self.roots, self.steps, self.values, total)
        return total[: len(rows)] / len(self.roots)


def packed(
    roots: NDArray[Any],
    left: NDArray[Any],
    right: NDArray[Any],
    feature: NDArray[Any],
    threshold: NDArray[Any],
    values: NDArray[np.float64],
) -> Trees:
    """Trees of arrays over all nodes of all trees, (node,) and (node, class) of values; LEAF stands for no child."""
    leaves = np.flatnonzero(left == LEAF)
    each, said = np.unique(values[leaves], axis=0, return_inverse=True)
    which = np.zeros(len(left), np.int32)
    which[leaves] = said.ravel()
    order: list[int] = []
    place, steps, begun = np.empty(len(left), np.int64), [], []
    for root in np.asarray(roots).tolist():
        begun.append(len(order))
        level, deep = [root], -1
        while level:
            place[level] = np.arange(len(order), len(order) + len(level))
            order += level
            inner = [node for node in level if left[node] != LEAF]
            level, deep = [child for node in inner for child in (int(left[node]), int(right[node]))], deep + 1
        steps.append(deep)
    taken = np.array(order, np.int64)
    leaf, sizes = left[taken] == LEAF, np.diff([*begun, len(order)])
    if feature.max(initial=0) >= 2 ** (32 - PLACES) or sizes.max() > 2**PLACES:
        raise BadInput(
            f"forest: more than {2 ** (32 - PLACES)} features or {2**PLACES:,} nodes in a tree; grow smaller trees"
        )
    own = np.arange(len(taken)) - np.repeat(begun, sizes)
    child = np.where(leaf, own, place[np.where(leaf, 0, left[taken])] - np.repeat(begun, sizes))
    split = (np.where(leaf, 0, feature[taken]).astype(np.uint32) << np.uint32(PLACES)) | child.astype(np.uint32)
    bound = np.where(leaf, np.float32(np.inf), rounded_down(threshold[taken]))
    return Trees(
        split, bound, which[taken], np.array(begun, np.int32), np.array(steps, np.int32), np.ascontiguousarray(each)
    )


def rounded_down(threshold: NDArray[Any]) -> Float:
    """The greatest float32 that is not above each: what is at most the one, as float32, is at most the other."""
    with np.errstate(over="ignore"):
        single = np.asarray(threshold, np.float64).astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float32)


@fused
def _walk(rows, split, threshold, value, roots, steps, values, total):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """total: (row, class), to which every tree's value is added; rows: as many as go TOGETHER without a rest.

    Loops over TOGETHER, a constant, are laid out whole by the compiler: over a number of rows they take twice as long.
    """
    many, classes = total.shape
    at, low = np.zeros(TOGETHER, np.uint32), np.uint32(2**PLACES - 1)
    for block in range(0, many, BLOCK):
        for tree in range(len(roots)):
            root = np.uint32(roots[tree])
            mine, bounds = split[root:], threshold[root:]
            for first in range(block, min(many, block + BLOCK), TOGETHER):
                some = rows[first : first + TOGETHER]
                for j in range(TOGETHER):
                    at[j] = np.uint32(0)
                for _ in range(steps[tree]):
                    moved = np.uint32(0)
                    for j in range(TOGETHER):
                        here = at[j]
                        node = mine[here]
                        over = some[np.uint32(j), node >> np.uint32(PLACES)] > bounds[here]
                        there = np.uint32((node & low) + np.uint32(over))
                        moved |= there ^ here
                        at[j] = there
                    if moved == 0:
                        break
                for j in range(TOGETHER):
                    said = value[root + at[j]]
                    for c in range(classes):
                        total[first + j, c] += values[said, c]
