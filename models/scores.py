"""How well a model did: counts with intervals, and calibration. The caller says whether the alerts were simulated."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.card import Rate, Score
from models.features import NAMES
from models.forest import Forest
from models.predict import LOSS_FROM
from models.samples import Samples

BINS: Final = 10
"""Of equal width, for the expected calibration error (Guo et al. 2017, section 2)."""
DRAWS: Final = 500
"""Bootstrap samples of scenes."""
Z: Final = 1.959964
"""Two-sided 95 % of the normal."""

Measure = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]


def score(name: str, forest: Forest, samples: Samples) -> Score:
    """How the forest did on these revisions, each counted once."""
    sure, true = forest.probability(samples.rows), samples.true
    called = sure >= LOSS_FROM
    base = float(true.mean()) if len(true) else 0.0
    return Score(
        name=name,
        alerts=len(true),
        true=int(true.sum()),
        precision=wilson(int((called & true).sum()), int(called.sum())),
        recall=wilson(int((called & true).sum()), int(true.sum())),
        precision_without=wilson(int(true.sum()), len(true)),
        brier=_over_scenes(brier, sure, samples),
        brier_base=base * (1 - base),
        ece=_over_scenes(ece, sure, samples),
    )


def wilson(hits: int, of: int) -> Rate:
    """A share with its 95 % interval (Wilson 1927)."""
    if of == 0:
        return Rate(None, None, None, 0)
    share, spread = hits / of, Z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * float(np.sqrt(share * (1 - share) / of + spread / (4 * of)))
    return Rate(share, max(middle - half, 0.0), min(middle + half, 1.0), of)


def brier(sure: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """Mean squared error of a probability (Brier 1950)."""
    return float(np.mean((sure - true) ** 2))


def ece(sure: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """Expected calibration error: |mean probability - share of true| by bin, weighted by the bin's size."""
    number = np.minimum((sure * BINS).astype(int), BINS - 1)
    gap = np.bincount(number, sure - true, BINS)
    return float(np.abs(gap).sum() / len(sure))


def importance(forest: Forest, samples: Samples) -> dict[str, float]:
    """Feature -> Brier score lost when it is shuffled among the last revisions (Breiman 2001), the largest first."""
    last, rng = samples.take(samples.last), np.random.default_rng(0)
    plain = brier(forest.probability(last.rows), last.true)
    lost = {}
    for column, name in enumerate(NAMES):
        rows = last.rows.copy()
        rows[:, column] = rng.permutation(rows[:, column])
        lost[name] = brier(forest.probability(rows), last.true) - plain
    return dict(sorted(lost.items(), key=lambda pair: (-pair[1], pair[0])))


def _over_scenes(measure: Measure, sure: NDArray[np.float64], samples: Samples) -> Rate:
    """The measure with its 95 % bootstrap interval; scenes are drawn, because alerts of one scene are alike."""
    if not len(sure):
        return Rate(None, None, None, 0)
    members = [np.flatnonzero(samples.scene == s) for s in np.unique(samples.scene)]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        drawn.append(measure(sure[rows], samples.true[rows]))
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return Rate(measure(sure, samples.true), low, high, len(sure))
