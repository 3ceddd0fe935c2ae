"""Least squares for a block of pixels at once: one pixel a lane, the same operations in every lane.

The dates, and so the sines and cosines, are every pixel's; a lane differs only in its values and weights. All loops run
over whole blocks, so that what one lane holds can never move another's answer, not by a bit; sums run in order of time,
so that a date nobody saw adds exact zeros. Products of harmonics are sums and differences of higher ones,
    2 cos(jf) cos(kf) = cos((j-k)f) + cos((j+k)f), and so on,
so the normal equations of h harmonics need 1 + 4h weighted sums of the dates instead of (1 + 2h)(1 + h).
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

LANES: Final = 64
"""Pixels of a block; a few hundred dates of them stay within the caches nearest to the core."""
STRIDE: Final = 4
"""Dates taken at once; blocks are padded to a multiple of it."""
_PIVOT: Final = 1e-5
"""A pivot below this share of its diagonal element is singular: float32 leaves no digit of it (chosen, 80 roundings)."""

fused: Final = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
"""Compiles a kernel; multiplications may be fused with additions, nothing is reordered and NaN stays NaN."""


def waves(table: NDArray[np.float64]) -> NDArray[np.float32]:
    """(time, 1 + 4 harmonics) float32 from a `harmonics.date_table`: 1, then cosine and sine up to twice its harmonics.

    Padded to a multiple of STRIDE dates with zeros.
    """
    dates, terms = table.shape
    turn = (table[:, 1] + 1j * table[:, 2])[:, None] ** np.arange(1, terms)
    out = np.zeros((-(-dates // STRIDE) * STRIDE, 2 * terms - 1), np.float32)
    out[:dates, 0], out[:dates, 1::2], out[:dates, 2::2] = 1, turn.real, turn.imag
    return out


@fused
def load(values, first, block, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Copy the pixels from `first` into the block, what is not finite or beyond the last pixel or date as NaN."""
    dates, pixels = values.shape
    width = min(LANES, pixels - first)
    block[dates:, :] = np.nan
    if width < LANES:
        block[:, :] = np.nan
    for t in range(dates):
        row = values[t, first : first + width]  # one slice, not `first + j`, which would be checked for its sign
        for j in range(width):
            block[t, j] = row[j] if abs(row[j]) < np.float32(np.inf) else np.float32(np.nan)
    looks[:] = 0
    for t in range(dates):
        for j in range(LANES):
            looks[j] = np.int32(looks[j] + (np.int32(1) if block[t, j] == block[t, j] else np.int32(0)))


@fused
def subtract(block, wave, beta, residual):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """residual = block - the model of beta, NaN where not observed; a harmonic of STRIDE dates at a time."""
    for t in range(0, block.shape[0], STRIDE):
        for j in range(LANES):
            level = beta[0, j]
            residual[t, j] = block[t, j] - level
            residual[t + 1, j] = block[t + 1, j] - level
            residual[t + 2, j] = block[t + 2, j] - level
            residual[t + 3, j] = block[t + 3, j] - level
        for q in range(1, beta.shape[0], 2):
            c0, c1, c2, c3 = wave[t, q], wave[t + 1, q], wave[t + 2, q], wave[t + 3, q]
            s0, s1, s2, s3 = wave[t, q + 1], wave[t + 1, q + 1], wave[t + 2, q + 1], wave[t + 3, q + 1]
            for j in range(LANES):
                cosine, sine = beta[q, j], beta[q + 1, j]
                residual[t, j] = residual[t, j] - c0 * cosine - s0 * sine
                residual[t + 1, j] = residual[t + 1, j] - c1 * cosine - s1 * sine
                residual[t + 2, j] = residual[t + 2, j] - c2 * cosine - s2 * sine
                residual[t + 3, j] = residual[t + 3, j] - c3 * cosine - s3 * sine


@fused
def project(wave, weight, weighted, moments, right):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sums over the dates: moments[q] of wave[:, q] times the weights, right[q] of it times the weighted numbers.

    weight, weighted: (time, LANES), all finite; moments: (1 + 4 harmonics, LANES); right: (1 + 2 harmonics, LANES).
    """
    moments[:], right[:] = np.float32(0), np.float32(0)
    for t in range(0, weight.shape[0], STRIDE):
        for j in range(LANES):
            moments[0, j] = moments[0, j] + weight[t, j] + weight[t + 1, j] + weight[t + 2, j] + weight[t + 3, j]
            right[0, j] = right[0, j] + weighted[t, j] + weighted[t + 1, j] + weighted[t + 2, j] + weighted[t + 3, j]
    for q in range(1, moments.shape[0], 2):
        for t in range(0, weight.shape[0], STRIDE):
            c0, c1, c2, c3 = wave[t, q], wave[t + 1, q], wave[t + 2, q], wave[t + 3, q]
            s0, s1, s2, s3 = wave[t, q + 1], wave[t + 1, q + 1], wave[t + 2, q + 1], wave[t + 3, q + 1]
            if q < right.shape[0]:
                for j in range(LANES):
                    w0, w1, w2, w3 = weight[t, j], weight[t + 1, j], weight[t + 2, j], weight[t + 3, j]
                    moments[q, j] = moments[q, j] + c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
                    moments[q + 1, j] = moments[q + 1, j] + s0 * w0 + s1 * w1 + s2 * w2 + s3 * w3
                    n0, n1, n2, n3 = weighted[t, j], weighted[t + 1, j], weighted[t + 2, j], weighted[t + 3, j]
                    right[q, j] = right[q, j] + c0 * n0 + c1 * n1 + c2 * n2 + c3 * n3
                    right[q + 1, j] = right[q + 1, j] + s0 * n0 + s1 * n1 + s2 * n2 + s3 * n3
            else:
                for j in range(LANES):
                    w0, w1, w2, w3 = weight[t, j], weight[t + 1, j], weight[t + 2, j], weight[t + 3, j]
                    moments[q, j] = moments[q, j] + c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
                    moments[q + 1, j] = moments[q + 1, j] + s0 * w0 + s1 * w1 + s2 * w2 + s3 * w3


@fused
def evaluate(table, coefficients, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """out = table @ coefficients, summed in float64 in the order of the terms. (time, term), (term, pixel), (time, pixel)."""
    total, beta = np.empty(LANES), np.zeros((coefficients.shape[0], LANES))
    for first in range(0, out.shape[1], LANES):
        width = min(LANES, out.shape[1] - first)
        for q in range(beta.shape[0]):  # copied at once it would take seconds to compile
            for j in range(width):
                beta[q, j] = coefficients[q, first + j]
        for t in range(out.shape[0]):
            total[:] = 0.0
            for q in range(beta.shape[0]):
                x = table[t, q]
                for j in range(LANES):
                    total[j] += x * beta[q, j]
            row = out[t, first : first + width]
            for j in range(width):
                row[j] = total[j]


@fused
def normal_matrix(moments, used, ridge, gram):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The lower triangle of X'WX + ridge k^2 from the moments; a lane's unused terms become the unit matrix.

    gram: (term, term, LANES); used: (LANES,) terms of each lane.
    """
    for row in range(gram.shape[0]):
        for column in range(row + 1):
            near, far, a, b = _product(row, column)
            added = np.float32(ridge * ((row + 1) // 2) ** 2 if row == column else 0)
            diagonal = np.float32(row == column)
            for i in range(LANES):
                g = a * moments[near, i] + b * moments[far, i] + added
                gram[row, column, i] = g if row < used[i] else diagonal


@fused
def _product(row, column):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Two terms of the model multiplied, as (row of a moment, of another, factor, factor): product-to-sum identities.

    The cosine of harmonic m stands in row 2m - 1 and its sine in row 2m, of the terms (row >= column) and of the moments.
    """
    j, k = (row + 1) // 2, (column + 1) // 2
    zero, half = np.float32(0), np.float32(0.5)
    if column == 0:
        return row, row, np.float32(1), zero
    if row % 2 == column % 2:  # two cosines or two sines
        return max(2 * (j - k) - 1, 0), 2 * (j + k) - 1, half, half if row % 2 else -half
    if j == k:  # sin(0) = 0
        return 2 * (j + k), 2 * (j + k), zero, half
    return 2 * (j - k), 2 * (j + k), half if row % 2 == 0 else -half, half


@fused
def solve(gram, right, used, regular):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Cholesky in place, lane by lane side by side; `right` becomes the solution, 0 in unused terms.

    gram: (term, term, LANES) lower triangle; regular: (LANES,) bool, written: no pivot was too small.
    """
    terms = right.shape[0]
    whole = np.empty(LANES, np.float32)
    for i in range(LANES):
        regular[i] = True
    for row in range(terms):
        for i in range(LANES):
            whole[i] = gram[row, row, i]
            right[row, i] = right[row, i] if row < used[i] else np.float32(0)
        for column in range(row):
            for m in range(column):
                for i in range(LANES):
                    gram[row, column, i] -= gram[row, m, i] * gram[column, m, i]
            for i in range(LANES):
                gram[row, column, i] *= gram[column, column, i]
        for m in range(row):
            for i in range(LANES):
                gram[row, row, i] -= gram[row, m, i] * gram[row, m, i]
                right[row, i] -= gram[row, m, i] * right[m, i]
        for i in range(LANES):
            pivot, least = gram[row, row, i], np.float32(_PIVOT) * whole[i]
            regular[i] = regular[i] and pivot > least
            # The diagonal keeps the reciprocal of the root: what follows only ever divides by it.
            gram[row, row, i] = np.float32(1) / np.sqrt(pivot if pivot > least else np.float32(1))
            right[row, i] *= gram[row, row, i]
    for back in range(terms):
        row = terms - 1 - back
        for m in range(row + 1, terms):
            for i in range(LANES):
                right[row, i] -= gram[m, row, i] * right[m, i]
        for i in range(LANES):
            right[row, i] *= gram[row, row, i]


@fused
def median(numbers, looks, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The exact median of each lane's numbers, (time, LANES) float32; NaN is left out, the median of nothing is NaN.

    The number of rank k by bisection over the bits: float32 numbers are ordered as their bits are (`_ordered`). A lane
    is done once as many numbers lie below its bracket as below rank k; the smallest within is then the one, whatever
    the bracket, so lanes may go on while others are not done. 32 halvings at most, about 13 for residuals. A histogram
    would be coarser and a selection by swaps would part the lanes.
    """
    low, high = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    below, rank = np.zeros(LANES, np.int32), np.empty(LANES, np.int32)
    middle, bound = np.empty(LANES, np.int32), np.empty(LANES, np.float32)
    _bracket(numbers, looks, low, high, rank)
    while True:
        going = np.int32(0)
        for i in range(LANES):
            going += np.int32(low[i] < high[i]) & np.int32(below[i] < rank[i])
            middle[i] = np.int32(low[i] >> 1) + np.int32(high[i] >> 1) + np.int32((low[i] | high[i]) & 1)
        if going == 0:
            break
        _floats(middle, bound)
        _halve(numbers, bound, middle, rank, low, high, below)
    _floats(low, bound)
    _pick(numbers, bound, looks, below, rank, out)


@fused
def _floats(ordered, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The float32 numbers behind integers of the same order: negative ones have their lower bits flipped (and back)."""
    bits = out.view(np.int32)
    for i in range(LANES):
        bits[i] = ordered[i] ^ (np.int32(ordered[i] >> 31) & np.int32(0x7FFFFFFF))


@fused
def _bracket(numbers, looks, low, high, rank):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The least and the greatest number of each lane as ordered integers, and the rank of the lower middle one."""
    least, most = np.full(LANES, np.inf, np.float32), np.full(LANES, -np.inf, np.float32)
    for t in range(numbers.shape[0]):
        for i in range(LANES):
            number = numbers[t, i]
            least[i] = number if number < least[i] else least[i]
            most[i] = number if number > most[i] else most[i]
    for bits, ordered in ((least.view(np.int32), low), (most.view(np.int32), high)):
        for i in range(LANES):
            ordered[i] = bits[i] ^ (np.int32(bits[i] >> 31) & np.int32(0x7FFFFFFF))
    for i in range(LANES):
        rank[i] = np.int32((looks[i] - 1) // 2)


@fused
def _halve(numbers, bound, middle, rank, low, high, below):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Count the numbers below the bound of each lane and keep the half of its bracket that holds the rank."""
    count, one, none = np.zeros(LANES, np.int32), np.int32(1), np.int32(0)
    for t in range(0, numbers.shape[0], STRIDE):
        for i in range(LANES):
            b = bound[i]
            c = np.int32(count[i] + (one if numbers[t, i] < b else none))
            c = np.int32(c + (one if numbers[t + 1, i] < b else none))
            c = np.int32(c + (one if numbers[t + 2, i] < b else none))
            count[i] = np.int32(c + (one if numbers[t + 3, i] < b else none))
    for i in range(LANES):
        wide, up = low[i] < high[i], count[i] <= rank[i]
        below[i] = count[i] if wide and up else below[i]
        high[i] = np.int32(middle[i] - 1) if wide and not up else high[i]
        low[i] = middle[i] if wide and up else low[i]


@fused
def _pick(numbers, bound, looks, below, rank, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The smallest number from the bound on has the rank; with the one after it it makes the median of an even count."""
    first, second = np.full(LANES, np.inf, np.float32), np.full(LANES, np.inf, np.float32)
    tied = 0
    for i in range(LANES):
        tied += 1 if below[i] < rank[i] else 0
    for t in range(numbers.shape[0]):
        for i in range(LANES):
            number = numbers[t, i] if numbers[t, i] >= bound[i] else np.float32(np.inf)
            larger = number if number > first[i] else first[i]
            first[i] = number if number < first[i] else first[i]
            second[i] = larger if larger < second[i] else second[i]
    if tied:  # the bracket closed on numbers that are equal: those from the bound on begin before the rank
        _after_ties(numbers, below, rank, first, second)
    for i in range(LANES):
        middle = first[i] if looks[i] % 2 == 1 else np.float32(0.5) * first[i] + np.float32(0.5) * second[i]
        out[i] = middle if looks[i] > 0 else np.float32(np.nan)


@fused
def _after_ties(numbers, below, rank, first, second):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Where fewer numbers than the rank lie below the first: the second is the first again, if enough are equal to it."""
    upto, beyond = np.zeros(LANES, np.int32), np.full(LANES, np.inf, np.float32)
    for t in range(numbers.shape[0]):
        for i in range(LANES):
            number = numbers[t, i]
            upto[i] = np.int32(upto[i] + (np.int32(1) if number <= first[i] else np.int32(0)))
            beyond[i] = number if number > first[i] and number < beyond[i] else beyond[i]
    for i in range(LANES):
        if below[i] < rank[i]:
            second[i] = first[i] if upto[i] >= rank[i] + 2 else beyond[i]
