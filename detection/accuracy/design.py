"""Areas and accuracies of a map out of a stratified reference sample, with standard errors: never by counting pixels.

Olofsson et al. 2013 (Remote Sens. Environ. 129) and 2014 (148) where the strata are the map's classes; Stehman 2014 (Int.
J. Remote Sens. 35) where they are not, e.g. with a buffer around change or a map made later than the sample.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.accuracy.bootstrap import Estimate
from detection.accuracy.rates import wilson
from detection.errors import BadInput

Numbers = NDArray[np.float64]
Z: Final = 1.96
"""Of a 95 % interval, as the papers print it."""


@dataclass(frozen=True)
class Areas:
    """Area of each reference class."""

    share: Numbers
    """(class,) share of the whole area."""
    share_se: Numbers
    """(class,) its standard error; NaN where a stratum has one sample only."""
    area: Numbers
    """(class,) in the unit of the strata's areas."""
    area_se: Numbers
    """(class,) its standard error."""


@dataclass(frozen=True)
class Accuracies:
    """Accuracies of the map, by area; NaN where there is nothing to divide by or one sample only."""

    overall: float
    """Share of the area that is mapped right."""
    overall_se: float
    """Its standard error."""
    users: Numbers
    """(class,) share of what is mapped as the class that is of it."""
    users_se: Numbers
    """(class,) its standard error."""
    producers: Numbers
    """(class,) share of the class that is mapped as it."""
    producers_se: Numbers
    """(class,) its standard error."""


def areas(matrix: ArrayLike, strata: ArrayLike) -> Areas:
    """Area of every reference class (Olofsson et al. 2014, eq. 9-11), without finite-population correction.

    (stratum, class) counts of samples, (stratum,) areas in any unit. Strata need not be map classes. Raises BadInput for a
    stratum with an area but no sample.
    """
    counts, size = _design(matrix, strata)
    weight, within, spread = _shares(counts, size)
    share, variance = weight @ within, weight**2 @ spread
    return Areas(share, np.sqrt(variance), share * size.sum(), np.sqrt(variance) * size.sum())


def accuracies(matrix: ArrayLike, strata: ArrayLike) -> Accuracies:
    """Accuracies where strata are map classes (Olofsson et al. 2014, eq. 1-7). (class, class) counts, rows = map.

    A class that the map has and the reference has not: user's 0, producer's NaN; the other way round: producer's 0, user's
    NaN. Raises BadInput for a matrix that is not square, or a stratum with an area but no sample.
    """
    counts, size = _design(matrix, strata)
    if counts.shape[0] != counts.shape[1]:
        raise BadInput(f"design: matrix {counts.shape} is not square; use `stehman` where strata are not map classes")
    weight, within, spread = _shares(counts, size)
    users = np.where(counts.sum(axis=1) > 0, np.diag(within), np.nan)
    known = size @ within
    with np.errstate(invalid="ignore", divide="ignore"):
        producers = np.where(known > 0, size * np.diag(within) / known, np.nan)
        own, other = size**2 * np.diag(spread), size**2 @ spread - size**2 * np.diag(spread)
        producers_var = ((1 - producers) ** 2 * own + producers**2 * other) / known**2
    users_var = np.where(counts.sum(axis=1) > 0, np.diag(spread), np.nan)
    overall_var = weight**2 @ np.diag(spread)
    return Accuracies(
        float(weight @ np.diag(within)), float(np.sqrt(overall_var)), users, np.sqrt(users_var), producers,
        np.sqrt(producers_var),
    )  # fmt: skip


def stehman(
    stratum: ArrayLike,
    mapped: ArrayLike,
    reference: ArrayLike,
    sizes: ArrayLike,
    classes: int,
    *,
    units: ArrayLike | None = None,
) -> tuple[Areas, Accuracies]:
    """Areas and accuracies where strata differ from map classes, by the ratio estimator (Stehman 2014; indicators of eq. 12-23).

    (sample,) code of the stratum, of the map's class and of the reference class; (stratum,) area each, in the unit of which
    `area` is; (stratum,) number of units each, which the finite-population correction needs: None where the areas are
    numbers of units. Raises BadInput for a stratum with an area but no sample, more samples than units, or an unknown code.
    """
    h, m, r = (np.asarray(column, np.int64) for column in (stratum, mapped, reference))
    size = np.asarray(sizes, np.float64)
    count = size if units is None else np.asarray(units, np.float64)
    for name, codes, many in (("stratum", h, len(size)), ("map", m, classes), ("reference", r, classes)):
        if codes.size and not 0 <= codes.min() <= codes.max() < many:
            raise BadInput(f"design: {name} code {codes.max()} is unknown, there are {many}; mend the code")
    left = _left(h, size, count)
    every = range(classes)
    ones = np.ones(len(h))
    share = [_ratio(h, 1.0 * (r == k), ones, size, left) for k in every]
    users = [_ratio(h, 1.0 * ((m == k) & (r == k)), 1.0 * (m == k), size, left) for k in every]
    producers = [_ratio(h, 1.0 * ((m == k) & (r == k)), 1.0 * (r == k), size, left) for k in every]
    (p, p_se), (u, u_se), (a, a_se) = (np.array(pairs).reshape(-1, 2).T for pairs in (share, users, producers))
    overall, overall_se = _ratio(h, 1.0 * (m == r), ones, size, left)
    whole = size.sum()
    return Areas(p, p_se, p * whole, p_se * whole), Accuracies(overall, overall_se, u, u_se, a, a_se)


def totals(
    stratum: ArrayLike, member: ArrayLike, sizes: ArrayLike, *, units: ArrayLike | None = None
) -> tuple[Numbers, Numbers]:
    """Area of any parts of the whole, e.g. a class within a boundary, and its standard error, of one stratified sample.

    The expansion estimator of domains (Cochran 1977, sections 5.3 and 5.4; Sarndal, Swensson & Wretman 1992, chapter 10): a
    sample outside of the part counts as nought, so that parts which make up a whole add up to it. (sample,) code of the stratum;
    (sample, part) is it in the part?; (stratum,) area each; (stratum,) number of units, for the finite-population correction:
    None leaves it out, which gives the areas of Olofsson et al. 2014, eq. 9-11. A stratum of one sample leaves the standard
    error open (NaN). Raises BadInput as `stehman`.
    """
    h, size = np.asarray(stratum, np.int64), np.asarray(sizes, np.float64)
    inside = np.asarray(member, np.bool_)
    left = _left(h, size, None if units is None else np.asarray(units, np.float64))
    many = np.bincount(h, minlength=len(size)).astype(np.float64)
    found = np.array([np.bincount(h[column], minlength=len(size)) for column in inside.T], np.float64).reshape(
        inside.shape[1], len(size)
    )
    share = np.divide(found, many, out=np.zeros_like(found), where=many > 0)
    open_ = np.where((many == 1) & (left > 0) & (size > 0), np.nan, 0.0) + np.zeros_like(found)
    spread = np.divide(share * (1 - share), many - 1, out=open_, where=many > 1)
    return share @ size, np.sqrt(spread @ (size**2 * left))


def area_bias(estimate: float, truth: float) -> float | None:
    """(estimate - truth) / truth; None when there is nothing to be off from."""
    return (estimate - truth) / truth if truth else None


def coverage(estimates: ArrayLike, standard_errors: ArrayLike, truth: float, *, z: float = Z) -> Estimate:
    """Share of replicates whose interval estimate +- z x se holds the truth, with Wilson's interval; 95 % is wanted.

    A replicate without a standard error (NaN) does not hold it.
    """
    off = np.abs(np.asarray(estimates, np.float64) - truth)
    held = off <= z * np.asarray(standard_errors, np.float64)
    return wilson(int(held.sum()), held.size)


def _design(matrix: ArrayLike, strata: ArrayLike) -> tuple[Numbers, Numbers]:
    counts, size = np.asarray(matrix, np.float64), np.asarray(strata, np.float64)
    if counts.ndim != 2 or size.shape != counts.shape[:1]:
        raise BadInput(f"design: matrix {counts.shape} and areas {size.shape} do not fit; give one area a row")
    if np.any(counts < 0) or np.any(size < 0) or not size.sum() > 0:
        raise BadInput(
            "design: a count or an area is negative, or all areas are 0; give counts and areas of the strata"
        )
    _sampled(counts.sum(axis=1), size)
    return counts, size


def _sampled(many: Numbers, size: Numbers) -> None:
    if np.any(bare := (size > 0) & (many == 0)):
        raise BadInput(f"design: stratum {int(np.argmax(bare))} has an area but no sample; sample it or merge it")


def _shares(counts: Numbers, size: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(stratum,) weights, (stratum, class) shares p, and p (1 - p) / (n - 1), which one sample leaves open (NaN)."""
    many = counts.sum(axis=1, keepdims=True)
    within = np.divide(counts, many, out=np.zeros_like(counts), where=many > 0)
    open_ = np.where((many == 1) & (size[:, np.newaxis] > 0), np.nan, 0.0) + np.zeros_like(counts)
    spread = np.divide(within * (1 - within), many - 1, out=open_, where=many > 1)
    return size / size.sum(), within, spread


def _left(stratum: NDArray[np.int64], size: Numbers, units: Numbers | None) -> Numbers:
    """(stratum,) the finite-population correction 1 - n/N; 1 where there is none."""
    if stratum.size and not 0 <= stratum.min() <= stratum.max() < len(size):
        raise BadInput(f"design: stratum code {stratum.max()} is unknown, there are {len(size)}; mend the code")
    sampled = np.bincount(stratum, minlength=len(size)).astype(np.float64)
    _sampled(sampled, size)
    if units is None:
        return np.ones(len(size))
    if np.any(sampled > units):
        raise BadInput("design: a stratum has more samples than units; give the number of units it was drawn from")
    return 1 - np.divide(sampled, units, out=np.zeros(len(size)), where=units > 0)


def _ratio(stratum: NDArray[np.int64], y: Numbers, x: Numbers, size: Numbers, left: Numbers) -> tuple[float, float]:
    """Total of y over total of x, and its standard error, with the finite-population correction (Stehman 2014)."""
    many = np.bincount(stratum, minlength=len(size))
    drawn = size[stratum] / many[stratum]
    below = float(drawn @ x)
    if not below > 0:
        return np.nan, np.nan
    ratio = float(drawn @ y) / below
    residual = y - ratio * x
    mean = np.bincount(stratum, residual, len(size)) / np.maximum(many, 1)
    squares = np.bincount(stratum, (residual - mean[stratum]) ** 2, len(size))
    s2 = np.divide(squares, many - 1, out=np.where(many == 1, np.nan, 0.0), where=many > 1)
    corrected = np.divide(size**2 * left, many, out=np.zeros_like(size), where=many > 0)
    return ratio, float(np.sqrt(np.where(corrected > 0, corrected * s2, 0.0).sum())) / below
