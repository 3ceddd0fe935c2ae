"""When a stretch of looks is stable enough to be the beginning of a segment, and the fit of a model. Compiled.

A stretch is long enough, is screened for outliers by medians about a model of one cycle a year, and passes the stability
test of Zhu et al. (2020): trend over the stretch and the residuals of its two ends, in residual scales.
"""

from typing import Final

import numpy as np

from detection.harmonics import MAD_TO_SIGMA
from detection.lanes import fused
from detection.segments.ccdc_model import TERMS, WIDTH, absorb, distance, middle, residual, rms, solve
from detection.segments.ccdc_state import MOST, WATCHES

WAIT, STABLE, UNSTABLE = 0, 1, 2
"""What a stretch of looks is good for."""
SCREENED: Final = 2
"""Times a stretch is screened before it is fitted (chosen; a third time changed nothing on simulated series)."""
FEWEST: Final = 4
"""Terms of the model of a stretch: level, trend and one cycle a year."""


@fused
def terms_of(looks, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Terms that so many looks carry: 4 from 12 looks, 6 from 18, 8 from 24 (Zhu and Woodcock 2014)."""
    return min(max(looks // 6 * 2, FEWEST), rules.terms)


@fused
def fit(o, rules, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Solve the model anew from its sums; o: record of PIXEL."""
    used = terms_of(o.looks, rules)
    o.used, o.fitted = used, o.looks
    solve(model.gram, model.right, rules.ridge, used, model.root, model.beta)
    rms(model.right, model.square, rules.ridge, model.beta, o.looks, used, model.scale)
    weigh(rules, model)


@fused
def weigh(rules, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Weights of the squared residuals from the scales, which are believed down to their floors only."""
    for b in range(WIDTH):
        s = max(model.scale[b], model.least[b], rules.floor)
        model.weight[b] = rules.tested[b] / (s * s)


@fused
def begin(o, rules, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Are the looks head..stop - 1 a stable stretch? Returns (WAIT, STABLE or UNSTABLE, its last look that is no outlier).

    Of a STABLE one the model is left in `model` and `o`.
    """
    far = series.far
    looks = _screened(rules, head, stop, series, model)
    if looks < rules.looks:
        return WAIT, head
    first, last = head, stop - 1
    while far[first] > rules.outlier:
        first += 1
    while far[last] > rules.outlier:
        last -= 1
    if series.day[last] - series.day[first] < rules.days:
        return WAIT, head
    rms(model.right, model.square, rules.ridge, model.beta, looks, FEWEST, model.scale)
    _variogram(rules, first, last, series, model)
    if not _still(rules, first, last, series, model):
        return UNSTABLE, head
    o.phase, o.looks, o.first, o.last = WATCHES, looks, series.day[first], series.day[last]
    gap = (series.day[stop - 1] - series.day[head]) / (stop - 1 - head)
    o.row = min(max(int(np.ceil(rules.persist / gap)), rules.row), MOST)
    fit(o, rules, model)
    return STABLE, last


@fused
def _screened(rules, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fit a stretch without its outliers, whose `far` is then beyond `outlier`; returns how many looks are left."""
    for k in range(head, stop):
        series.far[k] = 0.0
    for turn in range(SCREENED + 1):
        looks = _sum_up(rules, head, stop, series, model)
        if looks < rules.looks:
            break
        solve(model.gram, model.right, rules.ridge, FEWEST, model.root, model.beta)
        if turn < SCREENED:
            _measure_by_medians(rules, head, stop, series, model)
    return looks


@fused
def _sum_up(rules, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The sums of the looks that are no outliers; returns their number."""
    gram, right, square = model.gram, model.right, model.square
    look, at, table, far = series.look, series.at, series.table, series.far
    for q in range(TERMS):
        square[q] = 0.0
        for b in range(WIDTH):
            gram[q, b], right[q, b] = 0.0, 0.0
    count = 0
    for k in range(head, stop):
        if far[k] <= rules.outlier:
            absorb(look, k, table, at[k], gram, right, square)
            count += 1
    return count


@fused
def _measure_by_medians(rules, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """far = chi-square of the looks of a stretch in scales that are medians, so that outliers do not hide one another."""
    look, at, table, beta, e, sizes = series.look, series.at, series.table, model.beta, model.e, model.sizes
    for k in range(head, stop):
        residual(look, k, table, at[k], beta, e, k)
    many = stop - head
    free = many / (many - FEWEST)
    for b in range(WIDTH):
        model.weight[b] = 0.0
        if rules.tested[b] > 0.0:
            for k in range(many):
                sizes[k] = abs(e[head + k, b])
            s = max(MAD_TO_SIGMA * middle(sizes, many), rules.floor)
            model.weight[b] = 1.0 / (s * s * free)
    for k in range(head, stop):
        series.far[k] = distance(e, k, model.weight)


@fused
def _variogram(rules, first, last, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """least = so much of the median absolute difference of successive looks (madogram: Zhu et al. 2020), tested planes."""
    for b in range(WIDTH):
        model.least[b] = 0.0
        if rules.tested[b] > 0.0:
            count, before = 0, first
            for k in range(first + 1, last + 1):
                if series.far[k] <= rules.outlier:
                    model.sizes[count] = abs(series.look[k, b] - series.look[before, b])
                    count, before = count + 1, k
            model.least[b] = rules.variogram * middle(model.sizes, count)


@fused
def _still(rules, first, last, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum over the tested planes of (trend over the stretch + the larger residual of its ends)^2, in scales: small enough?"""
    e = model.e
    residual(series.look, first, series.table, series.at[first], model.beta, e, first)
    residual(series.look, last, series.table, series.at[last], model.beta, e, last)
    years = series.table[series.at[last], 1] - series.table[series.at[first], 1]
    norm = 0.0
    for b in range(WIDTH):
        if rules.tested[b] > 0.0:
            s = max(model.scale[b], model.least[b], rules.floor)
            moved = (abs(model.beta[1, b]) * years + max(abs(e[first, b]), abs(e[last, b]))) / s
            norm += moved * moved
    return norm <= rules.still
