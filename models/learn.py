"""From samples to a classifier that knows what it is worth: fit, calibrate on what was left out, judge on what was left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from detection.errors import BadInput
from detection.types import parameters
from models.applicability import area_of
from models.classifier import Classifier, Numbers, calibrated
from models.estimators import Estimator, calibration, core_of, grown
from models.kinds import KINDS
from models.samples import Samples
from models.scores import Scores
from models.validation import Core, Learner, apart, folds, importance, learning_curve, left_out, out_of_fold, scores

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
BLOCKS, APART = "other spatial blocks", "another region in another year"
STAGES: Final = ("fit", "blocks left out", "regions and years left out", "learning curve", "importance")


@parameters
class Learning:
    """How a model learns from its samples."""

    balance: Annotated[float, Interval(ge=0, le=1)] = 0.5
    """How far rare classes are made as heavy as common ones: 0 not at all, 1 wholly. Calibration puts back how often they are."""
    noise_below: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """Samples whose answer a model that has not seen them finds less probable than this are left out as likely mistakes, and
    counted (confident learning, Northcutt et al. 2021, J. Artif. Intell. Res. 70); 0 leaves none out."""
    folds: Annotated[int, Ge(2)] = 5
    """Of the spatial blocks, for cross-validation and calibration."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the folds and of what is shuffled."""


@dataclass(frozen=True)
class Learnt:
    """A classifier, and how it did on what it had not seen."""

    classifier: Classifier
    """Learnt from all samples that were kept."""
    scores: tuple[Scores, ...]
    """On other blocks, and on another region in another year, where samples are of several."""
    importance: dict[str, float]
    """Feature -> logarithmic score lost on a fold not learnt from when it is shuffled, the largest first."""
    curve: tuple[tuple[int, float], ...]
    """(blocks learnt from, macro F1 on blocks left out)."""
    noisy: dict[str, int]
    """Class -> samples left out as likely mistakes."""
    outside: float
    """Share of samples of other blocks of which the model would not say anything."""
    estimator: Any
    """What scikit-learn fitted."""


def learn(
    samples: Samples, estimator: Estimator, asked: Learning | None = None, progress: Progress = lambda *_: None
) -> Learnt:
    """Learn, calibrate and judge, on one thread. Raises BadInput for samples of one class or block, and for unknown classes."""
    with threadpool_limits(1):  # sums over several change from machine to machine in the last bit
        return _learn(samples, estimator, asked or Learning(), progress)


def _learn(samples: Samples, estimator: Estimator, asked: Learning, progress: Progress) -> Learnt:
    _check(samples)
    classes = tuple(name for name in KINDS if (samples.answer == name).any())
    fold = folds(samples.block, asked.folds, asked.seed)
    _check_folds(samples, fold)

    def learner(some: Samples) -> Core:
        return core_of(estimator, grown(estimator, some.rows, some.answer, _weights(some, asked.balance)), classes)

    progress(STAGES[1], 1, len(STAGES))
    said = out_of_fold(learner, samples, classes, fold)
    kept, noisy = _clean(samples, said, classes, asked.noise_below)
    if noisy:
        samples, fold = samples.take(kept), fold[kept]
        _check_folds(samples, fold)
        said = out_of_fold(learner, samples, classes, fold)
    world = samples.weight * samples.stands_for
    turn, shift = calibration(said, samples.answer, world, classes)
    made = [scores(BLOCKS, samples, _crossed(samples, said, fold, world, classes), classes)]
    progress(STAGES[2], 2, len(STAGES))
    made += _elsewhere(learner, samples, said, world, classes)
    progress(STAGES[3], 3, len(STAGES))
    curve = learning_curve(learner, samples, classes, fold, asked.seed)
    progress(STAGES[4], 4, len(STAGES))
    matters = importance(learner(samples.take(fold != 0)), samples.take(fold == 0), classes, asked.seed)
    area = area_of(samples.rows, samples.block, np.array([matters[name] for name in samples.features]), asked.seed)
    progress(STAGES[0], 5, len(STAGES))
    fitted = grown(estimator, samples.rows, samples.answer, _weights(samples, asked.balance))
    core = core_of(estimator, fitted, classes)
    made_of = Classifier(samples.features, classes, estimator.kind, core, turn, shift, area)
    return Learnt(made_of, tuple(made), matters, curve, noisy, _outside(samples, fold, matters, asked.seed), fitted)


def _check(samples: Samples) -> None:
    unknown = sorted(set(samples.answer.tolist()) - set(KINDS))
    if unknown:
        raise BadInput(f"samples: {', '.join(unknown)} is no class; take {', '.join(KINDS)}")
    if len(np.unique(samples.answer)) < 2:
        only = samples.answer[0] if samples.many else "no"
        raise BadInput(f"samples: only {only} samples; a model tells classes apart, give some of another class")
    if len(np.unique(samples.block)) < 2:
        raise BadInput(
            "samples: all lie in one spatial block, so nothing is left to judge on; give samples from elsewhere"
        )


def _check_folds(samples: Samples, fold: NDArray[np.int64]) -> None:
    for number in np.unique(fold):
        rest = np.unique(samples.answer[fold != number])
        if len(rest) < 2:
            only = ", ".join(rest.tolist()) or "nothing"
            raise BadInput(
                f"samples: without one of the folds only {only} is left; give samples of every class from several blocks"
            )


def _weights(samples: Samples, balance: float) -> Numbers:
    """Events by the root of their samples, classes made alike as far as asked."""
    names, place = np.unique(samples.answer, return_inverse=True)
    weight = samples.weight
    total = np.bincount(place, weight, len(names))
    made = weight * (total[place] / total.mean()) ** -balance
    return np.asarray(made / made.mean(), np.float64)


def _clean(
    samples: Samples, said: Numbers, classes: tuple[str, ...], below: float
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which samples are kept, and by class how many are not."""
    column = np.array([classes.index(a) for a in samples.answer.tolist()], np.int64)
    doubtful = said[np.arange(samples.many), column] < below
    names, count = np.unique(samples.answer[doubtful], return_counts=True)
    return ~doubtful, dict(zip(names.tolist(), count.tolist(), strict=True))


def _crossed(
    samples: Samples, said: Numbers, fold: NDArray[np.int64], world: Numbers, classes: tuple[str, ...]
) -> Numbers:
    """Calibrated fold by fold on the other folds, so that no sample is calibrated by itself."""
    made = np.zeros_like(said)
    for number in np.unique(fold):
        mine = fold == number
        made[mine] = calibrated(said[mine], *calibration(said[~mine], samples.answer[~mine], world[~mine], classes))
    return made


def _elsewhere(
    learner: Learner,
    samples: Samples,
    said: Numbers,
    world: Numbers,
    classes: tuple[str, ...],
) -> list[Scores]:
    """On regions and years left out together, calibrated on what was learnt from."""
    far, judged = left_out(learner, samples, classes)
    if not judged.any():
        return []
    made = np.zeros_like(far)
    for _, learnt, mine in apart(samples):
        turn, shift = calibration(said[learnt], samples.answer[learnt], world[learnt], classes)
        made[mine] = calibrated(far[mine], turn, shift)
    return [scores(APART, samples.take(judged), made[judged], classes)]


def _outside(samples: Samples, fold: NDArray[np.int64], matters: dict[str, float], seed: int) -> float:
    """Share of the first fold that the area of the others leaves outside."""
    rest, mine = samples.take(fold != 0), samples.take(fold == 0)
    area = area_of(rest.rows, rest.block, np.array([matters[name] for name in samples.features]), seed)
    return float(1 - area.inside(mine.rows).mean()) if mine.many else 0.0
