"""The model of a segment as running sums: what a look adds to them, the ridge solution, residuals and scales. Compiled.

A pixel has WIDTH planes side by side and TERMS terms, so that every sum is a run of whole vectors: `right` and `beta` are
(TERMS, WIDTH) with the planes innermost, the Gram matrix (TERMS, TERMS) is shared by the planes, since a look counts
in all of them or in none. Planes and terms that are not there hold zeros. All in float64.
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
_PIVOT: Final = 1e-12
"""A pivot below this share of its diagonal element is singular: float64 leaves a few digits of it (chosen)."""

inlined: Final = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
"""As `lanes.fused`, for what is too short to be called: an array handed over is seven words on the stack."""


@fused
def terms_on(day, table, t):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """table[t] = 1, years since ORIGIN, cosine and sine of one to three cycles a year; the same bits for the same day."""
    turn = 2 * math.pi * (day % YEAR_DAYS) / YEAR_DAYS
    c, s = math.cos(turn), math.sin(turn)
    table[t, 0], table[t, 1], table[t, 2], table[t, 3] = 1.0, (day - ORIGIN) / YEAR_DAYS, c, s
    table[t, 4], table[t, 5] = c * c - s * s, 2.0 * s * c
    table[t, 6], table[t, 7] = table[t, 4] * c - table[t, 5] * s, table[t, 5] * c + table[t, 4] * s


@inlined
def absorb(look, k, table, t, gram, right, square):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add look k of (look, WIDTH), of terms t of (date, TERMS), to the sums."""
    _outer(table, t, table, t, gram)
    _outer(table, t, look, k, right)
    for b in range(WIDTH):
        square[b] += look[k, b] * look[k, b]


@inlined
def _outer(table, t, numbers, k, sums):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sums[q, b] += table[t, q] numbers[k, b]. All is read before the first is written, or nothing becomes a vector."""
    y0, y1, y2, y3 = numbers[k, 0], numbers[k, 1], numbers[k, 2], numbers[k, 3]
    y4, y5, y6, y7 = numbers[k, 4], numbers[k, 5], numbers[k, 6], numbers[k, 7]
    for q in range(TERMS):
        x = table[t, q]
        sums[q, 0] += x * y0
        sums[q, 1] += x * y1
        sums[q, 2] += x * y2
        sums[q, 3] += x * y3
        sums[q, 4] += x * y4
        sums[q, 5] += x * y5
        sums[q, 6] += x * y6
        sums[q, 7] += x * y7


@inlined
def residual(look, k, table, t, beta, e, to):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e[to] = look k - model; e: (any, WIDTH)."""
    y0, y1, y2, y3 = look[k, 0], look[k, 1], look[k, 2], look[k, 3]
    y4, y5, y6, y7 = look[k, 4], look[k, 5], look[k, 6], look[k, 7]
    for q in range(TERMS):
        x = table[t, q]
        y0 -= x * beta[q, 0]
        y1 -= x * beta[q, 1]
        y2 -= x * beta[q, 2]
        y3 -= x * beta[q, 3]
        y4 -= x * beta[q, 4]
        y5 -= x * beta[q, 5]
        y6 -= x * beta[q, 6]
        y7 -= x * beta[q, 7]
    e[to, 0], e[to, 1], e[to, 2], e[to, 3] = y0, y1, y2, y3
    e[to, 4], e[to, 5], e[to, 6], e[to, 7] = y4, y5, y6, y7


@inlined
def _take_off(beta, row, root, lower, start, stop):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """beta[row] -= sum over start <= m < stop of L[row, m] beta[m] (lower) or of L[m, row] beta[m]; then over L[row, row]."""
    y0, y1, y2, y3 = beta[row, 0], beta[row, 1], beta[row, 2], beta[row, 3]
    y4, y5, y6, y7 = beta[row, 4], beta[row, 5], beta[row, 6], beta[row, 7]
    for m in range(start, stop):
        x = root[row, m] if lower else root[m, row]
        y0 -= x * beta[m, 0]
        y1 -= x * beta[m, 1]
        y2 -= x * beta[m, 2]
        y3 -= x * beta[m, 3]
        y4 -= x * beta[m, 4]
        y5 -= x * beta[m, 5]
        y6 -= x * beta[m, 6]
        y7 -= x * beta[m, 7]
    x = root[row, row]
    beta[row, 0], beta[row, 1], beta[row, 2], beta[row, 3] = y0 * x, y1 * x, y2 * x, y3 * x
    beta[row, 4], beta[row, 5], beta[row, 6], beta[row, 7] = y4 * x, y5 * x, y6 * x, y7 * x


@inlined
def distance(e, k, weight):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum over the planes of weight e[k]^2: the chi-square of a look."""
    a = weight[0] * e[k, 0] * e[k, 0] + weight[4] * e[k, 4] * e[k, 4]
    b = weight[1] * e[k, 1] * e[k, 1] + weight[5] * e[k, 5] * e[k, 5]
    c = weight[2] * e[k, 2] * e[k, 2] + weight[6] * e[k, 6] * e[k, 6]
    d = weight[3] * e[k, 3] * e[k, 3] + weight[7] * e[k, 7] * e[k, 7]
    return (a + b) + (c + d)


@fused
def solve(gram, right, ridge, used, root, beta):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """beta = (gram + ridge)^-1 right of the first `used` terms of every plane by Cholesky, 0 in the others.

    ridge: (TERMS,); root: (TERMS, TERMS) to work in, left with the factor, the reciprocal of its diagonal on the diagonal.
    A term that the looks do not tell apart from those before it becomes 0.
    """
    for row in range(used):
        for column in range(row):
            total = gram[row, column]
            for m in range(column):
                total -= root[row, m] * root[column, m]
            root[row, column] = total * root[column, column]
        whole = gram[row, row] + ridge[row]
        pivot = whole
        for m in range(row):
            pivot -= root[row, m] * root[row, m]
        root[row, row] = 1.0 / math.sqrt(pivot) if pivot > _PIVOT * whole else 0.0
    for row in range(TERMS):
        for b in range(WIDTH):
            beta[row, b] = right[row, b] if row < used else 0.0
    for row in range(used):
        _take_off(beta, row, root, True, 0, row)
    for back in range(used):
        row = used - 1 - back
        _take_off(beta, row, root, False, row + 1, used)


@fused
def rms(right, square, ridge, beta, looks, used, scale):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """scale (WIDTH,) = residual standard deviation over looks - terms, from the sums alone.

    With (G + L) beta = r the sum of squares about the model is y'y - beta'r - beta'L beta.
    """
    free = max(looks - used, 1)
    for b in range(WIDTH):
        total = square[b]
        for q in range(TERMS):
            total -= beta[q, b] * (right[q, b] + ridge[q] * beta[q, b])
        scale[b] = math.sqrt(max(total, 0.0) / free)


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
