"""Where a model may be believed: is a row like anything it learnt from? Meyer and Pebesma 2021, Methods Ecol. Evol. 12.

The dissimilarity index of a row is its distance to the nearest row learnt from, in standardised features that weigh as much as
they matter to the model, over the mean distance between the rows learnt from. The threshold is the upper whisker (the third
quartile and one and a half times the interquartile range) of the index of the rows learnt from, each against those of other
blocks. A feature that is missing counts as the mean.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.types import Float

Numbers = NDArray[np.float64]
KEPT: Final = 1500
"""Rows learnt from that are kept for comparison: the index of all of them changes in the second digit (chosen for size)."""
AT_ONCE: Final = 4096
"""Rows that are compared at once: a matter of memory."""
WHISKER: Final = 1.5
"""Interquartile ranges above the third quartile (Meyer and Pebesma 2021, section 2.3)."""


@dataclass(frozen=True)
class Applicability:
    """What a model learnt from, thinned, and how far from it is too far."""

    centre: Numbers
    """(feature,) mean."""
    scale: Numbers
    """(feature,) standard deviation over weight: rows are divided by it; large where the feature does not matter."""
    learnt: Float
    """(row, feature) rows learnt from, in these units."""
    distance: Numbers
    """() mean distance between them."""
    threshold: Numbers
    """() dissimilarity index above which a row is outside."""

    def index(self, rows: Float) -> Numbers:
        """(row,) dissimilarity index, 0 for a row that was learnt from."""
        return nearest(self.placed(rows), self.learnt) / float(self.distance)

    def inside(self, rows: Float) -> NDArray[np.bool_]:
        """(row,) is it within the area of applicability?"""
        return np.asarray(self.index(rows) <= float(self.threshold))

    def placed(self, rows: Float) -> Float:
        """(row, feature) in the units of `learnt`."""
        away = (rows - self.centre) / self.scale
        return np.where(np.isfinite(away), away, 0.0).astype(np.float32)


def area_of(rows: Float, block: NDArray[np.int64], importance: Numbers, seed: int = 0) -> Applicability:
    """The area of the rows a model learnt from; block: (row,) rows of one block are not compared with each other.

    importance: (feature,) what each feature matters to the model; negative ones count as nothing.
    """
    centre, spread = _moments(rows)
    weight = np.maximum(importance, 0.0) / max(float(np.max(importance, initial=0.0)), 1e-12)
    scale = spread / np.maximum(weight, 1e-3)
    some = np.sort(np.random.default_rng(seed).permutation(len(rows))[:KEPT])
    made = Applicability(centre, scale, np.zeros((0, rows.shape[1]), np.float32), np.array(1.0), np.array(0.0))
    learnt, mine = made.placed(rows[some]), block[some]
    apart = _distances(learnt, learnt)
    mean = float(apart.sum() / max(len(some) * (len(some) - 1), 1))
    apart[mine[:, None] == mine[None]] = np.inf
    away = apart.min(1) / max(mean, 1e-12)
    away = away[np.isfinite(away)]
    low, high = np.quantile(away, (0.25, 0.75)) if len(away) else (0.0, 0.0)
    return Applicability(centre, scale, learnt, np.array(max(mean, 1e-12)), np.array(high + WHISKER * (high - low)))


def _moments(rows: Float) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation of every feature where it is not missing; 0 and 1 where it always is or never varies."""
    seen = np.isfinite(rows)
    many = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, rows, 0.0).sum(0, dtype=np.float64) / many
    spread = np.sqrt((np.where(seen, rows - mean, 0.0) ** 2).sum(0, dtype=np.float64) / many)
    return mean, np.where(spread > 0, spread, 1.0)


def _distances(rows: Float, others: Float) -> Numbers:
    square = (rows.astype(np.float64) ** 2).sum(1)[:, None] + (others.astype(np.float64) ** 2).sum(1)[None]
    return np.asarray(np.sqrt(np.maximum(square - 2 * (rows @ others.T), 0.0)))


def nearest(rows: Float, others: Float) -> Numbers:
    """(row,) Euclidean distance to the nearest of the others; inf where there is none."""
    out = np.full(len(rows), np.inf)
    for first in range(0, len(rows) if len(others) else 0, AT_ONCE):
        out[first : first + AT_ONCE] = _distances(rows[first : first + AT_ONCE], others).min(1)
    return out
