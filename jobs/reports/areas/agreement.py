"""Do interpreters agree, and what is taken of several answers to one sample."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from detection.accuracy.bootstrap import Estimate
from detection.accuracy.rates import wilson
from detection.errors import BadInput
from jobs.reports.areas.answers import Answers, were

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How far interpreters agree on samples that several of them looked at."""

    samples: int
    """Samples with two answers or more."""
    interpreters: int
    """People who gave them."""
    alike: Estimate
    """Share of the pairs of answers to a sample that are the same, with its interval; None where no sample has two."""
    measure: Literal["Cohen", "Fleiss", ""]
    """Which kappa: Cohen's of the same two people throughout, else Fleiss'."""
    kappa: Estimate
    """Agreement beyond chance, with its interval; None where it is not defined."""


@dataclass(frozen=True)
class Settled:
    """One answer for every sample."""

    sample: NDArray[np.int64]
    """(sample,) id, rising."""
    stratum: NDArray[np.int64]
    """(sample,) place of its stratum."""
    claim: tuple[str, ...]
    """(sample,) class that the map claims."""
    reference: tuple[str, ...]
    """(sample,) class that was seen."""
    year: tuple[int | None, ...]
    """(sample,) year of the change."""
    ties: tuple[int, ...]
    """Ids left out because as many said one thing as another."""
    missing: tuple[int, ...]
    """Ids left out because nobody gave an answer."""


def settle(answers: Answers, drawn: int, unanswered: Literal["refuse", "leave_out"], name: str) -> Settled:
    """The answer that most interpreters gave, sample by sample; of its years the middle one (the lower of two).

    drawn: how many samples there are. Raises BadInput where ties and missing answers are refused, with their ids.
    """
    by: dict[int, list[int]] = defaultdict(list)
    for row, (ident, said) in enumerate(zip(answers.sample.tolist(), answers.said, strict=True)):
        if said:
            by[ident].append(row)
    won = {ident: _winner([answers.said[row] for row in rows]) for ident, rows in by.items()}
    ties = tuple(sorted(ident for ident, said in won.items() if said is None))
    missing = tuple(sorted(set(range(1, drawn + 1)) - set(won)))
    if unanswered == "refuse" and ties:
        raise BadInput(
            f"{name}: {were(ties)} answered one way as often as another; decide them, or set `unanswered: leave_out`"
        )
    if unanswered == "refuse" and missing:
        raise BadInput(f"{name}: {were(missing)} not answered; interpret them, or set `unanswered: leave_out`")
    keep = sorted(ident for ident, said in won.items() if said is not None)
    first = [by[ident][0] for ident in keep]
    years = (_middle([answers.year[r] for r in by[ident] if answers.said[r] == won[ident]]) for ident in keep)
    return Settled(
        np.array(keep, np.int64),
        answers.stratum[first],
        tuple(answers.claim[row] for row in first),
        tuple(str(won[ident]) for ident in keep),
        tuple(years),
        ties,
        missing,
    )


def _winner(said: Sequence[str]) -> str | None:
    ranked = Counter(said).most_common(2)
    return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def _middle(years: Sequence[int | None]) -> int | None:
    told = [year for year in years if year is not None]
    return median_low(told) if told else None


def agreement(answers: Answers, z: float) -> Agreement:
    """Of all samples that several interpreters answered; it judges the interpreters, not the map."""
    by: dict[int, dict[str, str]] = defaultdict(dict)
    for ident, who, said in zip(answers.sample.tolist(), answers.who, answers.said, strict=True):
        if said:
            by[ident][who] = said
    several = [by[ident] for ident in sorted(by) if len(by[ident]) > 1]
    people = sorted({who for one in several for who in one})
    none = Estimate(None, None, None, 0)
    if not several:
        return Agreement(0, 0, none, "", none)
    classes = sorted({said for one in several for said in one.values()})
    counts = np.array([[list(one.values()).count(name) for name in classes] for one in several], np.float64)
    if len(people) == 2:
        return Agreement(len(several), 2, _pairs(counts, z), "Cohen", cohen(_crossed(several, people, classes), z))
    return Agreement(len(several), len(people), _pairs(counts, z), "Fleiss", fleiss(counts, z))


def _crossed(several: Sequence[Mapping[str, str]], people: Sequence[str], classes: Sequence[str]) -> Numbers:
    table = np.zeros((len(classes), len(classes)))
    for one in several:
        table[classes.index(one[people[0]]), classes.index(one[people[1]])] += 1
    return table


def _pairs(counts: Numbers, z: float) -> Estimate:
    """Share of alike pairs: Wilson's interval where there is one pair a sample, else of the mean over samples."""
    each = _alike(counts)
    if np.all(counts.sum(axis=1) == 2):
        return wilson(int(each.sum()), len(each), float(2 * ndtr(z) - 1))
    share = float(each.mean())
    half = z * float(each.std(ddof=1)) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return _estimate(share, half, len(each), low=0.0)


def _alike(counts: Numbers) -> Numbers:
    many = counts.sum(axis=1)
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (many * (many - 1)))


def cohen(table: ArrayLike, z: float = 1.96) -> Estimate:
    """Cohen's kappa of two people (Cohen 1960, Educ. Psychol. Meas. 20), with the large-sample standard error of Fleiss, Cohen &
    Everitt 1969 (Psychol. Bull. 72). (class of one, class of the other) counts; None where both name one class only."""
    counts = np.asarray(table, np.float64)
    p = counts / counts.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    agreed, chance = float(np.trace(p)), float(rows @ columns)
    if chance >= 1:
        return Estimate(None, None, None, float(counts.sum()))
    kappa = (agreed - chance) / (1 - chance)
    diagonal = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    apart = p * (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    spread = diagonal + (1 - kappa) ** 2 * (apart.sum() - np.trace(apart)) - (kappa - chance * (1 - kappa)) ** 2
    half = z * float(np.sqrt(max(spread, 0.0) / counts.sum())) / (1 - chance)
    return _estimate(kappa, half, float(counts.sum()))


def fleiss(table: ArrayLike, z: float = 1.96) -> Estimate:
    """Fleiss' kappa of several people (Fleiss 1971, Psychol. Bull. 76), each sample weighing alike however many looked at it;
    the interval by the jackknife over samples (Fleiss & Davies 1982, Am. J. Epidemiol. 115). (sample, class) counts, two or more
    a sample; None where one class alone was named."""
    counts = np.asarray(table, np.float64)
    kappa = float(_kappa(counts.sum(axis=0), np.asarray(_alike(counts).mean())))
    if np.isnan(kappa):
        return Estimate(None, None, None, len(counts))
    many = len(counts)
    if many == 1:
        return _estimate(kappa, np.nan, 1)
    each = _alike(counts)
    left = _kappa(counts.sum(axis=0) - counts, (each.sum() - each) / (many - 1))
    return _estimate(kappa, float(z * np.sqrt((many - 1) / many * ((left - left.mean()) ** 2).sum())), many)


def _kappa(named: Numbers, alike: Numbers) -> Numbers:
    """(..., class) how often each was named, (...) mean share of alike pairs."""
    share = named / named.sum(axis=-1, keepdims=True)
    chance = (share**2).sum(axis=-1)
    return np.asarray(np.divide(alike - chance, 1 - chance, out=np.full(chance.shape, np.nan), where=chance < 1))


def _estimate(value: float, half: float, of: float, *, low: float = -1.0) -> Estimate:
    if np.isnan(half):
        return Estimate(value, None, None, of)
    return Estimate(value, max(value - half, low), min(value + half, 1.0), of)
