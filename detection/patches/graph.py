"""Which cells of a lattice lie near each other, and what they make together."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detection.patches.record import Member

Pairs = NDArray[np.int64]
"""(pair, 2) positions of two nodes each."""


def pairs(members: list[Member], reach: int) -> Pairs:
    """All pairs of cells at most `reach` rows and columns apart; members in the order of their cells."""
    if len(members) < 2:
        return np.empty((0, 2), np.int64)
    row, column = np.array([m[:2] for m in members], np.int64).T
    wide = int(column.max() - column.min()) + 1 + reach  # so far apart that no step leads into another row's columns
    key = (row - row[0]) * wide + column - column.min()
    steps = [i * wide + j for i in range(reach + 1) for j in range(-reach if i else 1, reach + 1)]
    sought = key[:, None] + np.array(steps)
    found = np.searchsorted(key, sought)
    first, step = np.nonzero(key[np.minimum(found, len(key) - 1)] == sought)
    return np.column_stack([first, found[first, step]])


def groups(ends: Pairs, size: int, wanted: int) -> list[list[int]]:
    """Positions below `wanted` of a graph of so many nodes, in groups that its edges join, by their first positions."""
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (size, size))
    labels = connected_components(graph, directed=False)[1][:wanted]
    together: dict[int, list[int]] = {}
    for i, label in enumerate(labels.tolist()):
        together.setdefault(label, []).append(i)
    return list(together.values())
