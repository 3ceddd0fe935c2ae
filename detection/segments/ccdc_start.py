"""When a stretch of looks is stable enough to be the beginning of a segment, and the fit of a model. Compiled.

A stretch is long enough, is screened for outliers by medians about a model of one cycle a year, and passes the stability
test of Zhu et al. (2020): trend over the stretch and the residuals of its two ends, in residual scales.
"""

from typing import Final

import numpy as np

from detection.harmonics import MAD_TO_SIGMA
from detection.lanes import fused
from detection.segments.ccdc_model import (
    BETA,
    DAY,
    FAR,
    LEAST,
    LEFT,
    LOOK,
    REST,
    SCALE,
    TERM,
    WEIGHT,
    WIDTH,
    absorb,
    measure,
    middle,
    rms,
    solve,
)
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
    solve(model, rules.ridge, used, BETA)
    rms(model, rules.ridge, o.looks, used, BETA)
    weigh(rules, model)


@fused
def weigh(rules, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Weights of the squared residuals from the scales, which are believed down to their floors only."""
    for b in range(WIDTH):
        s = max(model[SCALE, b], model[LEAST, b], rules.floor)
        model[WEIGHT, b] = rules.tested[b] / (s * s)


@fused
def begin(o, rules, head, stop, looks, model, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Are the looks head..stop - 1 a stable stretch? Returns (WAIT, STABLE or UNSTABLE, its last look that is no outlier).

    Of a STABLE one the model is left in `model` and `o`. sizes: (looks,) to work in.
    """
    count = _screened(rules, head, stop, looks, model, sizes)
    if count < rules.looks:
        return WAIT, head
    first, last = head, stop - 1
    while looks[first, REST, FAR] > rules.outlier:
        first += 1
    while looks[last, REST, FAR] > rules.outlier:
        last -= 1
    if looks[last, REST, DAY] - looks[first, REST, DAY] < rules.days:
        return WAIT, head
    rms(model, rules.ridge, count, FEWEST, BETA)
    _madogram(rules, first, last, looks, model, sizes)
    if not _still(rules, first, last, looks, model):
        return UNSTABLE, head
    o.phase, o.looks = WATCHES, count
    o.first, o.last = np.int32(looks[first, REST, DAY]), np.int32(looks[last, REST, DAY])
    gap = (looks[stop - 1, REST, DAY] - looks[head, REST, DAY]) / (stop - 1 - head)
    o.row = min(max(int(np.ceil(rules.persist / gap)), rules.row), MOST)
    fit(o, rules, model)
    return STABLE, last


@fused
def _screened(rules, head, stop, looks, model, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fit a stretch without its outliers, whose chi-square is then beyond `outlier`; returns how many looks are left."""
    count = 0
    for turn in range(SCREENED + 1):
        for row in range(SCALE):
            for b in range(WIDTH):
                model[row, b] = 0.0
        count = 0
        for k in range(head, stop):
            if turn == 0 or looks[k, REST, FAR] <= rules.outlier:
                absorb(looks, k, model)
                count += 1
        if count < rules.looks:
            break
        solve(model, rules.ridge, FEWEST, BETA)
        if turn < SCREENED:
            _measure_by_medians(rules, head, stop, looks, model, sizes)
    return count


@fused
def _measure_by_medians(rules, head, stop, looks, model, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Chi-square of the looks of a stretch in scales that are medians, so that outliers do not hide one another."""
    many = stop - head
    for k in range(head, stop):
        measure(looks, k, model)
    for b in range(WIDTH):
        model[WEIGHT, b] = 0.0
        if rules.tested[b] > 0.0:
            for k in range(many):
                sizes[k] = abs(looks[head + k, LEFT, b])
            s = max(MAD_TO_SIGMA * middle(sizes, many), rules.floor)
            model[WEIGHT, b] = (many - FEWEST) / (s * s * many)
    for k in range(head, stop):
        measure(looks, k, model)


@fused
def _madogram(rules, first, last, looks, model, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """LEAST = so much of the median absolute difference of successive looks (Zhu et al. 2020), of the tested planes."""
    for b in range(WIDTH):
        model[LEAST, b] = 0.0
        if rules.tested[b] > 0.0:
            count, before = 0, first
            for k in range(first + 1, last + 1):
                if looks[k, REST, FAR] <= rules.outlier:
                    sizes[count] = abs(looks[k, LOOK, b] - looks[before, LOOK, b])
                    count, before = count + 1, k
            model[LEAST, b] = rules.madogram * middle(sizes, count)


@fused
def _still(rules, first, last, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum over the tested planes of (trend over the stretch + the larger residual of its ends)^2, in scales: small enough?"""
    weigh(rules, model)
    measure(looks, first, model)
    measure(looks, last, model)
    years = looks[last, TERM, 1] - looks[first, TERM, 1]
    norm = 0.0
    for b in range(WIDTH):
        moved = abs(model[BETA + 1, b]) * years + max(abs(looks[first, LEFT, b]), abs(looks[last, LEFT, b]))
        norm += model[WEIGHT, b] * moved * moved
    return norm <= rules.still
