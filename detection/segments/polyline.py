"""The compiled steps of LandTrendr on the yearly values of one pixel: spikes, vertices, models of fewer and fewer segments.

Which vertex goes where differs from pixel to pixel, so a pixel is worked through alone; its two dozen years lie within
the cache nearest to the core. Every line is fitted from running sums over the years, so that a model costs a few sums a
segment, however many years it has. Values are turned so that a loss falls, and counted from the first one: the sums then
lose no digits to the level. All in float64; nothing is allocated here.

Steps and constants: Kennedy, Yang and Cohen 2010, Remote Sensing of Environment 114, 2897, section 2.4; names and
defaults of the parameters: Kennedy et al. 2018, Remote Sensing 10, 691, Table 1.
"""

from typing import Final, NamedTuple

import numpy as np

from detection.lanes import fused

LOSS_WEIGHT: Final = 2.0
"""A fall after a vertex, as a share of the range, counts so many times to its angle (Kennedy et al. 2018, Table 1)."""
LEAST_P: Final = 6e-8
"""p of F counts as at least this: half the step of single precision at 1, where the authors' code ends. Of models that
all reach it, the one with most segments is taken."""
NOTHING: Final = 1e-12
"""Share of the sum of squares below which a segment has nothing left to explain: some ten thousand roundings."""
SUMS: Final = 5
"""Running sums: x, x squared, y, x y, y squared."""
MEASURES: Final = 8
"""What is kept of a segment: see `measure`."""
_SX, _PER_SQUARE, _BOTH, _SY, _SYY, _MANY, _LENGTH, _CHORD = 0, 1, 2, 3, 4, 5, 6, 7


class Rules(NamedTuple):
    """The parameters of `landtrendr.Landtrendr` that choose a model."""

    least: int
    segments: int
    overshoot: int
    spike: float
    recovery: float
    one_year: bool
    p: float
    best: float


@fused
def dampen(y, share, count, spike):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Pull the worst spike towards the middle of its neighbours, by its share, until none is above `spike`.

    The share of a spike is 1 - |difference of its neighbours| / the larger step to them: 1 where all of it comes back.
    At most `count` times.
    """
    for i in range(1, count - 1):
        share[i] = _spike(y, i)
    for _ in range(count):
        worst, at = spike, 0
        for i in range(1, count - 1):
            if share[i] > worst:
                worst, at = share[i], i
        if at == 0:
            return
        y[at] += worst * (0.5 * (y[at - 1] + y[at + 1]) - y[at])
        for i in range(max(1, at - 1), min(count - 1, at + 2)):
            share[i] = _spike(y, i)


@fused
def _spike(y, i):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    step = max(abs(y[i] - y[i - 1]), abs(y[i] - y[i + 1]))
    return 1.0 - abs(y[i + 1] - y[i - 1]) / step if step > 0.0 else 0.0


@fused
def sum_up(x, y, count, sums):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sums: (year + 1, SUMS), row i of the years before i. Returns the range and the sum of squares about the mean."""
    low, high = y[0], y[0]
    for q in range(SUMS):
        sums[0, q] = 0.0
    for i in range(count):
        low, high = min(low, y[i]), max(high, y[i])
        sums[i + 1, 0] = sums[i, 0] + x[i]
        sums[i + 1, 1] = sums[i, 1] + x[i] * x[i]
        sums[i + 1, 2] = sums[i, 2] + y[i]
        sums[i + 1, 3] = sums[i, 3] + x[i] * y[i]
        sums[i + 1, 4] = sums[i, 4] + y[i] * y[i]
    return high - low, max(sums[count, 4] - sums[count, 2] * sums[count, 2] / count, 0.0)


@fused
def _regression(sums, start, end):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(mean of x, of y, slope, squared error) of the least-squares line of the years start ... end."""
    each = 1.0 / (end + 1 - start)
    sx, sy = sums[end + 1, 0] - sums[start, 0], sums[end + 1, 2] - sums[start, 2]
    middle, mean = sx * each, sy * each
    both = sums[end + 1, 3] - sums[start, 3] - sx * mean
    slope = both / (sums[end + 1, 1] - sums[start, 1] - sx * middle)
    error = sums[end + 1, 4] - sums[start, 4] - sy * mean - slope * both
    return middle, mean, slope, max(error, 0.0)


@fused
def measure(x, y, sums, start, end, table, k):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Row k of the table: what the error of any line from `start` to `end` follows from; years start + 1 ... end count."""
    many, level, length = end - start, y[start], x[end] - x[start]
    sx = sums[end + 1, 0] - sums[start + 1, 0] - many * x[start]
    sy, syy = sums[end + 1, 2] - sums[start + 1, 2], sums[end + 1, 4] - sums[start + 1, 4]
    both = sums[end + 1, 3] - sums[start + 1, 3] - x[start] * sy
    square = sums[end + 1, 1] - sums[start + 1, 1] - x[start] * (2.0 * sx + many * x[start])
    slope = (y[end] - level) / length
    whole = syy - level * (2.0 * sy - many * level)
    table[k, _SX], table[k, _BOTH], table[k, _SY], table[k, _SYY] = sx, both, 2.0 * sy, syy
    table[k, _PER_SQUARE], table[k, _MANY], table[k, _LENGTH] = 1.0 / square, many, length
    table[k, _CHORD] = max(whole - slope * (2.0 * (both - level * sx) - slope * square), 0.0)


@fused
def _anchored(table, k, level):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(level at the end, squared error) of the best line of a measured segment that begins at this level."""
    both = table[k, _BOTH] - level * table[k, _SX]
    slope = both * table[k, _PER_SQUARE]
    whole = table[k, _SYY] - level * (table[k, _SY] - table[k, _MANY] * level)
    return level + slope * table[k, _LENGTH], max(whole - slope * both, 0.0)


@fused
def split(x, y, sums, count, most, least, v, error, far):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Vertices at both ends, then again and again at the worst year of the worst segment, up to `most` of them.

    v: written, positions of the vertices; error, far: room for a number a segment. Returns how many vertices there are.
    """
    v[0], v[1], many, new, until = 0, count - 1, 2, 0, 1
    while True:
        for k in range(new, until):
            error[k], far[k] = _furthest(x, y, sums, v[k], v[k + 1])
        worst, where = least, -1
        for k in range(many - 1):
            if error[k] > worst:
                worst, where = error[k], k
        if where < 0 or many == most:
            return many
        for k in range(many, where + 1, -1):
            v[k], error[k], far[k] = v[k - 1], error[k - 1], far[k - 1]
        v[where + 1] = far[where]
        many, new, until = many + 1, where, where + 2


@fused
def _furthest(x, y, sums, start, end):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Mean squared error of the regression of a segment, and the year within furthest from it; -1 where none is within."""
    if end - start < 2:
        return -1.0, -1
    middle, level, slope, error = _regression(sums, start, end)
    worst, at = -1.0, start + 1
    for i in range(start + 1, end):
        off = abs(y[i] - level - slope * (x[i] - middle))
        if off > worst:
            worst, at = off, i
    return error / (end + 1 - start), at


@fused
def cull(x, y, extent, most, many, v, angle, fall):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Drop the vertex of the shallowest angle until `most` are left; returns how many are left.

    Both axes are scaled to one. The angle is the steeper of the two lines that meet, more where a loss comes after it.
    """
    wide, new, until = x[v[many - 1]] - x[v[0]], 0, many - 1
    while many > most:
        for k in range(new, until):
            fall[k] = (y[v[k]] - y[v[k + 1]]) / extent
            angle[k] = abs(np.arctan(fall[k] / (x[v[k + 1]] - x[v[k]]) * wide))
        least, at = np.inf, 1
        for k in range(1, many - 1):
            here = max(angle[k - 1], angle[k]) * (1.0 + LOSS_WEIGHT * max(fall[k], 0.0))
            if here < least:
                least, at = here, k
        many, new, until = many - 1, at - 1, at
        for k in range(at, many):
            v[k], fall[k], angle[k] = v[k + 1], fall[k + 1], angle[k + 1]
    return many


@fused
def fit(x, sums, segments, v, single, level, upto):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Lines through these vertices, point to point or each regression anchored on the end of the one before.

    single: row k is segment k, measured. Written: level, at the vertices by anchored regressions; upto, their squared
    error up to each vertex. Returns both squared errors, point to point first.
    """
    middle, mean, slope, upto[1] = _regression(sums, 0, v[1])
    level[0], level[1] = mean + slope * (x[0] - middle), mean + slope * (x[v[1]] - middle)
    straight = single[0, _CHORD]
    for k in range(1, segments):
        level[k + 1], error = _anchored(single, k, level[k])
        upto[k + 1] = upto[k] + error
        straight += single[k, _CHORD]
    return straight, upto[segments]


@fused
def simpler(x, sums, segments, v, single, double, level, upto, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The vertex of low ... high whose loss costs least.

    double: row k is the segment from vertex k - 1 to k + 1, measured; level, upto: as `fit` wrote them of the whole.
    """
    least, at, straight = np.inf, low, 0.0
    for k in range(segments):
        straight += single[k, _CHORD]
    for k in range(low, high + 1):
        if k == 1:
            middle, mean, slope, error = _regression(sums, 0, v[2])
            here = mean + slope * (x[v[2]] - middle)
        else:
            here, error = _anchored(double, k, level[k - 1])
            error += upto[k - 1]
        for m in range(k + 1, segments):
            here, more = _anchored(single, m, here)
            error += more
        pointed = straight - single[k - 1, _CHORD] - single[k, _CHORD] + double[k, _CHORD]
        error = min(error, max(pointed, 0.0))
        if error < least:
            least, at = error, k
    return at


@fused
def remove(x, y, sums, segments, v, single, double, at):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take a vertex out of v and out of the measured segments; `segments` are those before."""
    single[at - 1, :] = double[at, :]
    for k in range(at, segments):
        v[k] = v[k + 1]
    for k in range(at, segments - 1):
        single[k, :], double[k, :] = single[k + 1, :], double[k + 1, :]
    for k in range(max(1, at - 1), min(segments - 1, at + 1)):
        measure(x, y, sums, v[k - 1], v[k + 1], double, k)


@fused
def hasty(x, v, level, segments, extent, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The segment that recovers fastest of those that recover too fast for the rules; -1 where none does."""
    worst, at = 0.0, -1
    for k in range(segments):
        length = x[v[k + 1]] - x[v[k]]
        rate = (level[k + 1] - level[k]) / (length * extent)
        if (rate > rules.recovery or (length <= 1.0 and not rules.one_year)) and rate > worst:
            worst, at = rate, k
    return at


@fused
def p_of_f(share, segments, count):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """p of F of a model that leaves this share of the sum of squares; 2 where no degree of freedom is left.

    As in the authors' code a model of k segments takes 2 k degrees. Of an even number of them the regularised incomplete
    beta function is a finite sum: I_s(a, k) = s^a sum_j<k (a)_j / j! (1 - s)^j (Abramowitz and Stegun 1964, 26.5.6).
    """
    free = count - 2 * segments - 1
    if free < 1:
        return 2.0
    s, a = min(max(share, 0.0), 1.0), 0.5 * free
    term, total = 1.0, 1.0
    for j in range(1, segments):
        term *= (a + j - 1.0) / j * (1.0 - s)
        total += term
    return s**a * total
