"""How well a model did: counts with intervals, and calibration. The caller says whether the alerts were simulated."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy import calibration, rates
from detection.accuracy.calibration import brier
from models.card import Rate, Score
from models.features import NAMES
from models.forest import Forest
from models.predict import LOSS_FROM
from models.samples import Samples

BINS: Final = 10
"""Of equal width, for the expected calibration error (Guo et al. 2017, section 2)."""
DRAWS: Final = 500
"""Bootstrap samples of scenes."""

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
    share = rates.wilson(hits, of)
    return Rate(share.value, share.low, share.high, of)


def ece(sure: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """Expected calibration error over 10 bins of equal width."""
    return calibration.ece(sure, true, bins=BINS, kind="width")


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
