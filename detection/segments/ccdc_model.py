"""The looks and the model of the pixel in work, and what a look adds: sums, ridge solution, residuals, scales. Compiled.

A pixel has WIDTH planes side by side and TERMS terms, as many, so that every row of numbers is a run of whole vectors; the
Gram matrix is shared by the planes, since a look counts in all of them or in none. Planes and terms that are not there
hold zeros. All in float64. Two arrays hold everything, because an array handed to a function is seven words:
`looks` (look, 4, WIDTH) and `model` (row, WIDTH).
"""

import math
from typing import Final

from numba import njit

from detection.harmonics import YEAR_DAYS
from detection.lanes import fused

WIDTH: Final = 8
"""Planes of a pixel at most; fewer are padded with zeros."""
TERMS: Final = 8
"""Level, trend, cosine and sine of one, two and three cycles a year (Zhu and Woodcock 2014)."""
ORIGIN: Final = 10_957
"""2000-01-01: where the time of the trend begins, the same for every pixel and archive."""
LOOK, TERM, LEFT, REST = 0, 1, 2, 3
"""Rows of a look: values, terms of its day, residuals; then ..."""
FAR, DAY = 0, 1
"""... in the last row its chi-square and its day."""
GRAM, RIGHT, BETA, SQUARE, SCALE, LEAST = 0, TERMS, 2 * TERMS, 3 * TERMS, 3 * TERMS + 1, 3 * TERMS + 2
"""Rows of a model: sums of products of terms, of terms times values, the solution, sums of squares, residual scale, and what
that is not believed to be below."""
STORED: Final = 3 * TERMS + 3
"""So many of them are remembered; then follow ..."""
WEIGHT, ROOT, FINAL = STORED, STORED + 1, STORED + 1 + TERMS
"""... the weights of squared residuals, the Cholesky factor, and the solution for all looks of a segment."""
ROWS: Final = FINAL + TERMS
_PIVOT: Final = 1e-12
"""A pivot below this share of its diagonal element is singular: float64 leaves a few digits of it (chosen)."""

inlined: Final = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
"""As `lanes.fused`, for what is too short to be called."""


@fused
def terms_on(day, looks, k):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Terms of look k: 1, years since ORIGIN, cosine and sine of one to three cycles a year; the same bits for the same day."""
    turn = 2 * math.pi * (day % YEAR_DAYS) / YEAR_DAYS
    c, s = math.cos(turn), math.sin(turn)
    c2, s2 = c * c - s * s, 2.0 * s * c
    looks[k, TERM, 0], looks[k, TERM, 1], looks[k, TERM, 2], looks[k, TERM, 3] = 1.0, (day - ORIGIN) / YEAR_DAYS, c, s
    looks[k, TERM, 4], looks[k, TERM, 5] = c2, s2
    looks[k, TERM, 6], looks[k, TERM, 7] = c2 * c - s2 * s, s2 * c + c2 * s


@inlined
def absorb(looks, k, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add look k to the sums."""
    for q in range(TERMS):
        x = looks[k, TERM, q]
        for b in range(WIDTH):
            model[GRAM + q, b] += x * looks[k, TERM, b]
        for b in range(WIDTH):
            model[RIGHT + q, b] += x * looks[k, LOOK, b]
    for b in range(WIDTH):
        model[SQUARE, b] += looks[k, LOOK, b] * looks[k, LOOK, b]


@inlined
def measure(looks, k, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Residuals of look k and its chi-square, which is returned: the sum over the planes of weight times residual^2.

    The terms are written out: as a loop inside the loop over planes they are fetched anew for each, three times as slow.
    """
    t0, t1, t2, t3 = looks[k, TERM, 0], looks[k, TERM, 1], looks[k, TERM, 2], looks[k, TERM, 3]
    t4, t5, t6, t7 = looks[k, TERM, 4], looks[k, TERM, 5], looks[k, TERM, 6], looks[k, TERM, 7]
    for b in range(WIDTH):
        left = looks[k, LOOK, b] - t0 * model[BETA, b] - t1 * model[BETA + 1, b]
        left = left - t2 * model[BETA + 2, b] - t3 * model[BETA + 3, b]
        left = left - t4 * model[BETA + 4, b] - t5 * model[BETA + 5, b]
        looks[k, LEFT, b] = left - t6 * model[BETA + 6, b] - t7 * model[BETA + 7, b]
    far = 0.0
    for b in range(WIDTH):
        far += model[WEIGHT, b] * looks[k, LEFT, b] * looks[k, LEFT, b]
    looks[k, REST, FAR] = far
    return far


@fused
def solve(model, ridge, used, to):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The rows from `to` on = (Gram + ridge)^-1 right of the first `used` terms by Cholesky, 0 in the others.

    ridge: (TERMS,). A term that the looks do not tell apart from those before it becomes 0.
    """
    for row in range(used):
        for column in range(row):
            total = model[GRAM + row, column]
            for m in range(column):
                total -= model[ROOT + row, m] * model[ROOT + column, m]
            model[ROOT + row, column] = total * model[ROOT + column, column]
        whole = model[GRAM + row, row] + ridge[row]
        pivot = whole
        for m in range(row):
            pivot -= model[ROOT + row, m] * model[ROOT + row, m]
        # The diagonal keeps the reciprocal of the root: what follows only ever divides by it.
        model[ROOT + row, row] = 1.0 / math.sqrt(pivot) if pivot > _PIVOT * whole else 0.0
    for row in range(TERMS):
        for b in range(WIDTH):
            model[to + row, b] = model[RIGHT + row, b] if row < used else 0.0
    for row in range(used):
        for m in range(row):
            _take_off(model, to + row, to + m, model[ROOT + row, m])
        _scale(model, to + row, model[ROOT + row, row])
    for row in range(used - 1, -1, -1):
        for m in range(row + 1, used):
            _take_off(model, to + row, to + m, model[ROOT + m, row])
        _scale(model, to + row, model[ROOT + row, row])


@inlined
def _take_off(model, row, other, factor):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for b in range(WIDTH):
        model[row, b] -= factor * model[other, b]


@inlined
def _scale(model, row, factor):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for b in range(WIDTH):
        model[row, b] *= factor


@fused
def rms(model, ridge, looks, used, of):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """SCALE = residual standard deviation over looks - terms about the solution in the rows `of`, from the sums alone.

    With (G + L) beta = r the sum of squares about the model is y'y - beta'r - beta'L beta.
    """
    free = max(looks - used, 1)
    for b in range(WIDTH):
        total = model[SQUARE, b]
        for q in range(TERMS):
            total -= model[of + q, b] * (model[RIGHT + q, b] + ridge[q] * model[of + q, b])
        model[SCALE, b] = math.sqrt(max(total, 0.0) / free)


@fused
def middle(numbers, many):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The lower median of the first `many` numbers, 0 of none; they change places (quickselect, Hoare 1961)."""
    low, high, rank = 0, many - 1, (many - 1) // 2
    while low < high:
        bound, i, j = numbers[rank], low, high
        while i <= j:
            while numbers[i] < bound:
                i += 1
            while numbers[j] > bound:
                j -= 1
            if i <= j:
                numbers[i], numbers[j] = numbers[j], numbers[i]
                i, j = i + 1, j - 1
        if rank > j:
            low = i
        if rank < i:
            high = j
    return numbers[rank] if many > 0 else 0.0
