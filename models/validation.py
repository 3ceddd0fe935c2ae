"""How well a model does on what it has not learnt: by spatial blocks, and on regions and years left out together."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.classifier import Line, Numbers, Stand
from models.kinds import KINDS, LIKELY, harmful
from models.samples import Samples
from models.scores import ClassScore, Figure, Scores

Core = Stand | Line
Learner = Callable[[Samples], Core]
"""Samples in, an uncalibrated core out, whose columns are all classes."""
DRAWS: Final = 300
"""Bootstrap resamples of blocks."""
BINS: Final = 15
"""Of equal mass, for the expected calibration error (science notes, section 3.6)."""
NONE: Final = "none"
"""Driver of what did no harm."""
SPANS: Final = 4
"""Spans of years of a region that are left out in turn: a fit each (chosen)."""
SHARES: Final = (0.1, 0.25, 0.5, 1.0)
"""Of the blocks, for the learning curve."""


def folds(block: NDArray[np.int64], many: int, seed: int = 0) -> NDArray[np.int64]:
    """(sample,) number of its fold: blocks whole, by size into the smallest fold so far; ties by lot."""
    names, place, size = np.unique(block, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-size[order], kind="stable")]
    fold, load = np.zeros(len(names), np.int64), np.zeros(max(1, min(many, len(names))), np.int64)
    for b in order:
        fold[b] = load.argmin()
        load[fold[b]] += size[b]
    return fold[place]


def out_of_fold(learner: Learner, samples: Samples, classes: tuple[str, ...], fold: NDArray[np.int64]) -> Numbers:
    """(sample, class) what a core that learnt from the other folds says of each sample."""
    said = np.zeros((samples.many, len(classes)))
    for number in np.unique(fold):
        mine = fold == number
        said[mine] = learner(samples.take(~mine)).probabilities(samples.rows[mine])
    return said


def apart(samples: Samples) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """(name, learnt from, judged on): every region and span of years, judged by what was learnt elsewhere and in other years."""
    for region in np.unique(samples.region):
        for first, last in spans(samples.year[samples.region == region]):
            then = (samples.year >= first) & (samples.year <= last)
            judged, learnt = (samples.region == region) & then, (samples.region != region) & ~then
            if learnt.any() and len(np.unique(samples.answer[learnt])) > 1:
                yield f"{region} {first}" if first == last else f"{region} {first}-{last}", learnt, judged


def spans(year: NDArray[np.int64], most: int = SPANS) -> list[tuple[int, int]]:
    """(first, last) year of spans that hold all the years there are, a year each where they are few, else about as many."""
    years = np.unique(year).tolist()
    parts = np.array_split(years, min(most, len(years))) if years else []
    return [(int(part[0]), int(part[-1])) for part in parts]


def left_out(learner: Learner, samples: Samples, classes: tuple[str, ...]) -> tuple[Numbers, NDArray[np.bool_]]:
    """As `out_of_fold`, of regions and years left out together; and which samples could be judged so."""
    said, judged = np.zeros((samples.many, len(classes))), np.zeros(samples.many, np.bool_)
    for _, learnt, mine in apart(samples):
        said[mine] = learner(samples.take(learnt)).probabilities(samples.rows[mine])
        judged |= mine
    return said, judged


def learning_curve(
    learner: Learner, samples: Samples, classes: tuple[str, ...], fold: NDArray[np.int64], seed: int = 0
) -> tuple[tuple[int, float], ...]:
    """(blocks learnt from, macro F1 on the first fold) with ever more of the other folds' blocks."""
    judged = samples.take(fold == 0)
    rest = samples.take(fold != 0)
    names = np.random.default_rng(seed).permutation(np.unique(rest.block))
    made = []
    for share in SHARES if len(names) else ():
        some = names[: max(1, round(share * len(names)))]
        part = rest.take(np.isin(rest.block, some))
        if len(np.unique(part.answer)) < 2:
            continue
        said = learner(part).probabilities(judged.rows)
        made.append((len(some), _macro(_hits(judged, _called(said, classes), classes).sum(0))))
    return tuple(made)


def importance(core: Core, samples: Samples, classes: tuple[str, ...], seed: int = 0) -> dict[str, float]:
    """Feature -> logarithmic score lost when it is shuffled among these samples (Breiman 2001), the largest first."""
    column = np.array([classes.index(name) for name in samples.answer.tolist()], np.int64)
    rng, weight = np.random.default_rng(seed), samples.weight

    def loss(rows: NDArray[np.float32]) -> float:
        said = core.probabilities(rows)[np.arange(len(column)), column]
        return float(np.average(-np.log(np.maximum(said, 1e-4)), weights=weight))

    plain, lost = loss(samples.rows), {}
    for i, name in enumerate(samples.features):
        rows = samples.rows.copy()
        rows[:, i] = rng.permutation(rows[:, i])
        lost[name] = loss(rows) - plain
    return dict(sorted(lost.items(), key=lambda pair: (-pair[1], pair[0])))


def scores(name: str, samples: Samples, said: Numbers, classes: tuple[str, ...]) -> Scores:
    """Everything about calibrated probabilities, (sample, class), of samples not learnt from.

    Shares count the samples of an event as `Samples.weight` has it; the probability is judged on the world as it is, in
    which a sample stands for so many others.
    """
    called = _called(said, classes)
    sure, harm = said[:, [harmful(c) for c in classes]].sum(1), np.array([harmful(a) for a in samples.answer], np.bool_)
    there = [c for c in classes if (samples.answer == c).any()]
    driver = {c: (KINDS[c].driver or NONE) if harmful(c) else NONE for c in classes}
    true_driver, said_driver = (np.array([driver[c] for c in some], np.str_) for some in (samples.answer, called))
    binned = _binned(samples, sure, harm)
    return Scores(
        name, samples.many, len(np.unique(samples.block)),
        figure(_hits(samples, called, classes), _macro),
        _class("harm", samples, sure >= LIKELY, harm),
        tuple(_class(c, samples, called == c, samples.answer == c) for c in there),
        tuple(_class(d, samples, said_driver == d, true_driver == d) for d in sorted(set(true_driver.tolist()) - {NONE})),
        figure(binned, _ece),
        figure(_errors(samples, sure, harm), lambda sums: sums[0] / sums[1]),
        _curve(samples, binned) if samples.many else (),
    )  # fmt: skip


def _curve(samples: Samples, binned: Numbers) -> tuple[tuple[float, float, float, float, int], ...]:
    """A row a bin, as `Scores.curve` has it."""
    made = []
    for i, (weight, said, _) in enumerate(binned.sum(0)):
        share = figure(binned[:, i], lambda sums: _over(sums[2], sums[0]))
        if weight > 0 and share.value is not None and share.low is not None and share.high is not None:
            made.append((float(said / weight), share.value, share.low, share.high, samples.many // BINS))
    return tuple(made)


def _called(said: Numbers, classes: tuple[str, ...]) -> NDArray[np.str_]:
    """(sample,) the most probable class."""
    return np.asarray(np.array(classes)[said.argmax(1)], np.str_)


def by_block(samples: Samples, values: Numbers) -> Numbers:
    """(block, ...) sums of (sample, ...) values."""
    names, place = np.unique(samples.block, return_inverse=True)
    out = np.zeros((len(names), *values.shape[1:]))
    np.add.at(out, place, values)
    return out


def _class(name: str, samples: Samples, called: NDArray[np.bool_], true: NDArray[np.bool_]) -> ClassScore:
    sums = by_block(samples, np.stack([called & true, called, true], 1) * samples.weight[:, None])
    measures = (lambda s: _over(s[0], s[1]), lambda s: _over(s[0], s[2]), lambda s: _over(2 * s[0], s[1] + s[2]))
    return ClassScore(name, len(np.unique(samples.event[true])), *(figure(sums, m) for m in measures))


def _hits(samples: Samples, called: NDArray[np.str_], classes: tuple[str, ...]) -> Numbers:
    """(block, class, 3) weight of what was called so and is, was called so, is so."""
    so, is_ = (some[:, None] == np.array(classes) for some in (called, samples.answer))
    return by_block(samples, np.stack([so & is_, so, is_], 2) * samples.weight[:, None, None])


def _macro(sums: Numbers) -> float:
    """Mean F1 of the classes that occur; sums: (class, 3)."""
    there = sums[:, 2] > 0
    return float((2 * sums[there, 0] / (sums[there, 1] + sums[there, 2])).mean()) if there.any() else float("nan")


def _binned(samples: Samples, sure: Numbers, true: NDArray[np.bool_]) -> Numbers:
    """(block, bin, 2) weight, and weight times error, by bins of equal mass; equal probabilities share a bin."""
    weight = samples.weight * samples.stands_for
    _, place = np.unique(sure, return_inverse=True)
    upto = np.cumsum(np.bincount(place, weight))[place]
    bins = np.minimum((upto / max(weight.sum(), 1e-12) * BINS - 1e-9).astype(np.int64), BINS - 1)
    values = np.zeros((samples.many, BINS, 3))
    values[np.arange(samples.many), bins] = np.stack([weight, weight * sure, weight * true], 1)
    return by_block(samples, values)


def _ece(sums: Numbers) -> float:
    return _over(float(np.abs(sums[:, 1] - sums[:, 2]).sum()), float(sums[:, 0].sum()))


def _errors(samples: Samples, sure: Numbers, true: NDArray[np.bool_]) -> Numbers:
    weight = samples.weight * samples.stands_for
    return by_block(samples, np.stack([weight * (sure - true) ** 2, weight], 1))


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def figure(sums: Numbers, measure: Callable[[Numbers], float]) -> Figure:
    """A measure of (block, ...) sums with its interval: blocks are drawn, since samples of a block are alike."""
    if not len(sums):
        return Figure(None, None, None)
    value, rng = measure(sums.sum(0)), np.random.default_rng(1)
    counts = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    drawn = np.array([measure(total) for total in np.tensordot(counts, sums, 1)])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return Figure(None, None, None)
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return Figure(value, low, high)
