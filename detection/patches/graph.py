"""Which cells of a lattice lie near each other, and what they make together."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.patches.record import Member

Pairs = NDArray[np.int64]
"""(pair, 2) positions of two nodes each."""


def pairs(members: list[Member], reach: int) -> Pairs:
    """All pairs of cells at most `reach` rows and columns apart; members in the order of their cells."""
    return touching(np.array([m[:2] for m in members], np.int64).reshape(-1, 2), reach)


def touching(cells: NDArray[np.int64], reach: int) -> Pairs:
    """As `pairs`, of (n, 2) rows and columns, each cell once, in order."""
    if len(cells) < 2:
        return np.empty((0, 2), np.int64)
    row, column = cells.T
    wide = int(column.max() - column.min()) + 1 + reach  # so far apart that no step leads into another row's columns
    key = (row - row[0]) * wide + column - column.min()
    steps = [i * wide + j for i in range(reach + 1) for j in range(-reach if i else 1, reach + 1)]
    sought = key[:, None] + np.array(steps)
    found = np.searchsorted(key, sought)
    first, step = np.nonzero(key[np.minimum(found, len(key) - 1)] == sought)
    return np.column_stack([first, found[first, step]])


def groups(ends: Pairs, size: int, wanted: int) -> list[list[int]]:
    """Positions below `wanted` of a graph of so many nodes, in groups that its edges join, by their first positions."""
    together: dict[int, list[int]] = {}
    for i, root in enumerate(_roots(ends, size)[:wanted].tolist()):
        together.setdefault(root, []).append(i)
    return list(together.values())


@njit("int64[:](int64[:, :], int64)", cache=True, nogil=True)
def _roots(ends, size):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(node,) one node that stands for all its edges lead to: union-find (Tarjan 1975), the paths halved on the way."""
    root = np.arange(size)
    for k in range(ends.shape[0]):
        a, b = ends[k, 0], ends[k, 1]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        root[max(a, b)] = min(a, b)
    for i in range(size):
        root[i] = root[root[i]]  # a root is never above its nodes, so that all before it are done
    return root
