"""The model of a segment as running sums: what a look adds to them, the ridge solution, residuals and scales. Compiled.

A pixel has WIDTH planes side by side and TERMS terms, so that every sum is a run of whole vectors: `right` and `beta` are
(TERMS x WIDTH,) with the planes innermost, the Gram matrix (TERMS x TERMS,) is shared by the planes, since a look counts
in all of them or in none. Planes and terms that are not there hold zeros. All in float64.
"""

import math
from typing import Final

from detection.harmonics import YEAR_DAYS
from detection.lanes import fused

WIDTH: Final = 8
"""Planes of a pixel at most; fewer are padded with zeros."""
TERMS: Final = 8
"""Level, trend, cosine and sine of one, two and three cycles a year (Zhu and Woodcock 2014)."""
ORIGIN: Final = 10_957
"""2000-01-01: where the time of the trend begins, the same for every pixel and archive."""
SQUARE: Final = TERMS * TERMS
FULL: Final = TERMS * WIDTH
_PIVOT: Final = 1e-12
"""A pivot below this share of its diagonal element is singular: float64 leaves a few digits of it (chosen)."""


@fused
def terms_on(day, x):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """x (TERMS,) = 1, years since ORIGIN, cosine and sine of one to three cycles a year; the same bits for the same day."""
    turn = 2 * math.pi * (day % YEAR_DAYS) / YEAR_DAYS
    c, s = math.cos(turn), math.sin(turn)
    x[0], x[1], x[2], x[3] = 1.0, (day - ORIGIN) / YEAR_DAYS, c, s
    x[4], x[5] = c * c - s * s, 2.0 * s * c
    x[6], x[7] = x[4] * c - x[5] * s, x[5] * c + x[4] * s


@fused
def absorb(look, x, gram, right, square):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add a look (WIDTH,) with terms x (TERMS,) to the sums."""
    for q in range(TERMS):
        for r in range(TERMS):
            gram[q * TERMS + r] += x[q] * x[r]
    for q in range(TERMS):
        for b in range(WIDTH):
            right[q * WIDTH + b] += x[q] * look[b]
    for b in range(WIDTH):
        square[b] += look[b] * look[b]


@fused
def residual(look, x, beta, e):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e (WIDTH,) = look - model."""
    for b in range(WIDTH):
        e[b] = (
            look[b]
            - x[0] * beta[b]
            - x[1] * beta[WIDTH + b]
            - x[2] * beta[2 * WIDTH + b]
            - x[3] * beta[3 * WIDTH + b]
            - x[4] * beta[4 * WIDTH + b]
            - x[5] * beta[5 * WIDTH + b]
            - x[6] * beta[6 * WIDTH + b]
            - x[7] * beta[7 * WIDTH + b]
        )


@fused
def distance(e, weight):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum over the planes of weight e^2: the chi-square of a look."""
    a, b = weight[0] * e[0] * e[0] + weight[4] * e[4] * e[4], weight[1] * e[1] * e[1] + weight[5] * e[5] * e[5]
    c, d = weight[2] * e[2] * e[2] + weight[6] * e[6] * e[6], weight[3] * e[3] * e[3] + weight[7] * e[7] * e[7]
    return (a + b) + (c + d)


@fused
def solve(gram, right, ridge, used, root, beta):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """beta = (gram + ridge)^-1 right of the first `used` terms of every plane by Cholesky, 0 in the others.

    ridge: (TERMS,); root: (SQUARE,) to work in, left with the factor, the reciprocal of its diagonal on the diagonal. A
    term that the looks do not tell apart from those before it becomes 0.
    """
    for i in range(FULL):
        beta[i] = right[i] if i < used * WIDTH else 0.0
    for row in range(used):
        for column in range(row):
            total = gram[row * TERMS + column]
            for m in range(column):
                total -= root[row * TERMS + m] * root[column * TERMS + m]
            root[row * TERMS + column] = total * root[column * TERMS + column]
        whole = gram[row * TERMS + row] + ridge[row]
        pivot = whole
        for m in range(row):
            pivot -= root[row * TERMS + m] * root[row * TERMS + m]
        root[row * TERMS + row] = 1.0 / math.sqrt(pivot) if pivot > _PIVOT * whole else 0.0
    for row in range(used):
        for m in range(row):
            for b in range(WIDTH):
                beta[row * WIDTH + b] -= root[row * TERMS + m] * beta[m * WIDTH + b]
        for b in range(WIDTH):
            beta[row * WIDTH + b] *= root[row * TERMS + row]
    for back in range(used):
        row = used - 1 - back
        for m in range(row + 1, used):
            for b in range(WIDTH):
                beta[row * WIDTH + b] -= root[m * TERMS + row] * beta[m * WIDTH + b]
        for b in range(WIDTH):
            beta[row * WIDTH + b] *= root[row * TERMS + row]


@fused
def rms(right, square, ridge, beta, looks, used, scale):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """scale (WIDTH,) = residual standard deviation over looks - terms, from the sums alone.

    With (G + L) beta = r the sum of squares about the model is y'y - beta'r - beta'L beta.
    """
    for b in range(WIDTH):
        scale[b] = square[b]
    for q in range(TERMS):
        for b in range(WIDTH):
            scale[b] -= beta[q * WIDTH + b] * (right[q * WIDTH + b] + ridge[q] * beta[q * WIDTH + b])
    free = max(looks - used, 1)
    for b in range(WIDTH):
        scale[b] = math.sqrt(max(scale[b], 0.0) / free)


@fused
def middle(numbers, many):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The lower median of the first `many` numbers, which are put in order; 0 of none. By insertion: they are few."""
    for i in range(1, many):
        number, j = numbers[i], i - 1
        while j >= 0 and numbers[j] > number:
            numbers[j + 1] = numbers[j]
            j -= 1
        numbers[j + 1] = number
    return numbers[(many - 1) // 2] if many > 0 else 0.0
