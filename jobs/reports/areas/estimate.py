"""Areas and accuracies from the answers, with intervals; what the map alone would have said stands beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.design import Accuracies, accuracies, stehman, totals
from detection.errors import BadInput
from jobs.reports.areas.agreement import Settled
from jobs.reports.areas.answers import were
from jobs.reports.areas.strata import Strata

Estimator = Literal["olofsson", "stehman"]
MATTERS = 0.5
"""Hidden change is told from this share of the standard error, or of the variance, on (chosen)."""
FEW = 6
"""Samples on which no interval should rest (chosen, see benchmarks/area_estimates.py)."""
AT_A_TIME = 256
"""Parts whose areas are computed at once: bounds the memory."""


@dataclass(frozen=True)
class Figure:
    """An estimated area."""

    hectares: float | None
    """Most likely; None where no sample lies in the part."""
    se: float | None
    """Standard error; None where it is not defined: a stratum of one sample, or no sample of the class, which says that the
    area is small and not that it is nought."""
    low: float | None
    """Lower end of the interval, as computed: below 0 where the samples are too few for the normal approximation."""
    high: float | None
    """Upper end."""
    seen: int
    """Samples of the class in the part."""
    samples: int
    """Samples in the part."""


@dataclass(frozen=True)
class Estimated:
    """What the sample says."""

    estimator: Estimator
    """`olofsson` where strata are the map's classes, one each, without finite-population correction; else `stehman`, with it."""
    classes: tuple[str, ...]
    """Those of the map first."""
    counts: NDArray[np.int64]
    """(stratum, class) samples: rows what the map claims, columns what was seen."""
    shares: NDArray[np.float64]
    """(stratum, class) share of the whole area, estimated."""
    figures: tuple[Figure, ...]
    """(class,) the areas."""
    within: tuple[tuple[Figure, ...], ...]
    """(stratum, class) the areas in each stratum."""
    mapped: NDArray[np.float64]
    """(class,) hectares by counting the map's cells."""
    accuracy: Accuracies
    """Of the map, by area."""
    single: tuple[str, ...]
    """Strata of one sample, which leave all standard errors open."""
    z: float
    """Standard errors to either side."""

    @property
    def bias(self) -> NDArray[np.float64]:
        """(class,) hectares by which counting cells is off: mapped minus estimated."""
        return np.asarray(self.mapped - np.array([one.hectares or 0.0 for one in self.figures]))


def estimate(settled: Settled, strata: Strata, classes: Sequence[str], z: float) -> Estimated:
    """Estimate the area of every class and the accuracies of the map.

    classes: all that there may be, those of the map first. Raises BadInput for a stratum of cells without an answered sample, and
    more answers than cells.
    """
    there = np.flatnonzero(strata.cells > 0)
    how = estimator_of(strata)
    _check(settled, strata)
    seen = np.array([classes.index(name) for name in settled.reference], np.int64)
    counts = np.zeros((len(strata.names), len(classes)), np.int64)
    np.add.at(counts, (settled.stratum, seen), 1)
    every = np.column_stack([seen == k for k in range(len(classes))])
    figures = figures_of(settled, strata, every, z)
    each = np.column_stack(
        [every[:, k] & (settled.stratum == h) for h in range(len(counts)) for k in range(len(classes))]
    )
    inside = figures_of(settled, strata, each, z, np.repeat(counts.sum(axis=1), len(classes)))
    rows = np.array([one.hectares or 0.0 for one in inside]).reshape(counts.shape)
    mapped = np.array([strata.hectares[[claim == name for claim in strata.claims]].sum() for name in classes])
    return Estimated(
        how,
        tuple(classes),
        counts,
        rows / strata.total,
        figures,
        tuple(inside[h * len(classes) : (h + 1) * len(classes)] for h in range(len(counts))),
        mapped,
        _accuracies(settled, strata, classes, counts)
        if how == "olofsson"
        else _stehman(settled, strata, classes, seen),
        tuple(
            strata.names[h] for h in there if counts[h].sum() == 1 and not (how == "stehman" and strata.cells[h] == 1)
        ),
        z,
    )


def estimator_of(strata: Strata) -> Estimator:
    """Olofsson et al. 2014 where every stratum is a class of the map of its own; else Stehman 2014."""
    claims = [claim for claim, cells in zip(strata.claims, strata.cells.tolist(), strict=True) if cells]
    return "olofsson" if len(set(claims)) == len(claims) else "stehman"


def _check(settled: Settled, strata: Strata) -> None:
    sampled = np.bincount(settled.stratum, minlength=len(strata.names))
    if np.any(bare := (strata.cells > 0) & (sampled == 0)):
        h = int(np.argmax(bare))
        raise BadInput(
            f"stratum {strata.names[h]!r}: {strata.hectares[h]:,.1f} ha but no sample with an answer; interpret some, or merge it"
        )
    if np.any(many := sampled > strata.cells):
        h = int(np.argmax(many))
        raise BadInput(
            f"stratum {strata.names[h]!r}: {sampled[h]} samples of {strata.cells[h]} cells; give this map's answers"
        )


def figures_of(
    settled: Settled, strata: Strata, member: NDArray[np.bool_], z: float, samples: NDArray[np.int64] | None = None
) -> tuple[Figure, ...]:
    """(part,) the area of any parts, by one estimator for all of them: parts that make up a whole add up to it.

    member: (sample, part) is it in the part? samples: (part,) samples that lie in the place of which the part is a class; all of
    them where it is None.
    """
    units = strata.cells.astype(np.float64) if estimator_of(strata) == "stehman" else None
    made: list[Figure] = []
    for begun in range(0, member.shape[1], AT_A_TIME):
        block = member[:, begun : begun + AT_A_TIME]
        area, error = totals(settled.stratum, block, strata.hectares, units=units)
        for i, (value, spread, hits) in enumerate(
            zip(area.tolist(), error.tolist(), block.sum(axis=0).tolist(), strict=True)
        ):
            of = len(settled.stratum) if samples is None else int(samples[begun + i])
            made.append(_figure(value, spread, hits, of, z))
    return tuple(made)


def _figure(value: float, spread: float, seen: int, samples: int, z: float) -> Figure:
    if not samples:
        return Figure(None, None, None, None, 0, 0)
    if not seen or np.isnan(spread):
        return Figure(value, None, None, None, seen, samples)
    return Figure(value, spread, value - z * spread, value + z * spread, seen, samples)


def _accuracies(settled: Settled, strata: Strata, classes: Sequence[str], counts: NDArray[np.int64]) -> Accuracies:
    """A class that the map does not have is a stratum without cells."""
    square, size = np.zeros((len(classes), len(classes))), np.zeros(len(classes))
    for h, claim in enumerate(strata.claims):
        if strata.cells[h]:
            square[classes.index(claim)], size[classes.index(claim)] = counts[h], strata.hectares[h]
    return accuracies(square, size)


def _stehman(settled: Settled, strata: Strata, classes: Sequence[str], seen: NDArray[np.int64]) -> Accuracies:
    claim = [classes.index(name) for name in settled.claim]
    _, found = stehman(settled.stratum, claim, seen, strata.hectares, len(classes), units=strata.cells)
    return found


@dataclass(frozen=True)
class Hidden:
    """A class of which a stratum showed nothing, or so little that the interval is too narrow for it."""

    name: str
    """The class."""
    stratum: str
    """The stratum."""
    seen: int
    """Samples of the stratum that showed the class."""
    samples: int
    """Samples of the stratum."""
    hectares: float
    """Of the class could be there at most where none was seen, with 95 % confidence."""


def hidden(made: Estimated, strata: Strata, change: Sequence[str]) -> tuple[Hidden, ...]:
    """Where change may hide of which no sample, or next to none, tells.

    None seen: the one-sided exact bound of a share of which n samples show none, 1 - 0.05**(1/n) (Clopper & Pearson 1934,
    Biometrika 26), where that matters beside the standard error. A few: where the variance rests on them
    (benchmarks/area_estimates.py: intervals of 95 % then hold the truth in 86 to 92 % of the samples).
    """
    found = []
    for name in change:
        k = made.classes.index(name)
        spread = made.figures[k].se or 0.0
        for h, stratum in enumerate(strata.names):
            many, seen = int(made.counts[h].sum()), int(made.counts[h, k])
            unseen = float(strata.hectares[h]) * (1 - many / max(int(strata.cells[h]), 1))
            bound = unseen * (1 - 0.05 ** (1 / many)) if many else 0.0
            part = (made.within[h][k].se or 0.0) ** 2
            if bound > MATTERS * spread if not seen else seen < FEW and part > MATTERS * spread**2:
                found.append(Hidden(name, stratum, seen, many, bound))
    return tuple(found)


def by_year(
    settled: Settled, strata: Strata, change: Sequence[str], years: range, z: float
) -> dict[tuple[str, int | None], Figure]:
    """(class, year) -> area that changed in it, of the years that interpreters gave; None: no year was given. The years of a
    class add up to its area. Empty where no year was given at all.

    Raises BadInput for a change of a year outside of the period.
    """
    reference, year = np.array(settled.reference), np.array([-1 if y is None else y for y in settled.year])
    changed = np.isin(reference, list(change))
    if not np.any(changed & (year >= 0)):
        return {}
    if np.any(off := changed & (year >= 0) & ~np.isin(year, list(years))):
        ids = settled.sample[off].tolist()
        raise BadInput(
            f"answers: {were(ids)} of a change in {year[off][0]}, not {years.start} to {years.stop - 1}; correct year or class"
        )
    keys = [(name, one) for name in change for one in (*years, None)]
    member = np.column_stack([(reference == name) & (year == (-1 if one is None else one)) for name, one in keys])
    return dict(zip(keys, figures_of(settled, strata, member, z), strict=True))
