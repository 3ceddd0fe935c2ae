"""The compiled steps of LandTrendr: composites, candidate models, losses of the chosen one. See `landtrendr`.

A model is a set of positions in the list of years, one bit each. Inside, values are NBR turned over: a loss rises.
Plain loops, since array expressions on a dozen years cost more to compile than they save.
"""

from typing import Any, Final

import numpy as np
from numba import njit

LOSS_WEIGHT: Final = 2.0
"""Weight of a rise after a vertex: fixed at 2 in the authors' code (Kennedy et al. 2018, Table 1)."""


@njit("float32[:,::1](float32[:,::1], int64[:,::1])", cache=True, nogil=True)
def composite(values: Any, bounds: Any) -> Any:
    """(series, year) the look of each season nearest to the season's median; values are (series, time), NaN = none."""
    # pragma: no cover - compiled
    out = np.full((len(values), len(bounds)), np.float32(np.nan), np.float32)
    seen = np.empty(values.shape[1], np.float32)
    for s in range(len(values)):
        for y in range(len(bounds)):
            many = 0
            for t in range(bounds[y, 0], bounds[y, 1]):
                value = values[s, t]
                if np.isfinite(value):
                    at = many
                    while at > 0 and seen[at - 1] > value:
                        seen[at] = seen[at - 1]
                        at -= 1
                    seen[at] = value
                    many += 1
            if many:
                out[s, y] = seen[(many - 1) // 2]  # of two middle looks both are as near: the lower
    return out


@njit("Tuple((float64[::1], float64[::1], int64[::1]))(float32[::1], float64[::1], float64)", cache=True, nogil=True)
def _points(row: Any, years: Any, spike: Any) -> Any:
    """Years, values turned over and dampened, positions, of the years with a value."""  # pragma: no cover - compiled
    many = 0
    x, y, place = np.empty(len(row)), np.empty(len(row)), np.empty(len(row), np.int64)
    for i in range(len(row)):
        if np.isfinite(row[i]):
            x[many], y[many], place[many] = years[i], -row[i], i
            many += 1
    for _ in range(many):
        worst, at = spike, -1
        for i in range(1, many - 1):
            step = max(abs(y[i] - y[i - 1]), abs(y[i] - y[i + 1]))
            share = 1 - abs(y[i + 1] - y[i - 1]) / step if step > 0 else 0.0
            if share > worst:
                worst, at = share, i
        if at < 0:
            break
        y[at] += worst * ((y[at - 1] + y[at + 1]) / 2 - y[at])
    return x[:many].copy(), y[:many].copy(), place[:many].copy()


@njit("UniTuple(float64, 3)(float64[::1], float64[::1], int64, int64)", cache=True, nogil=True)
def _line(x: Any, y: Any, start: Any, end: Any) -> Any:
    """Mean of x, of y, and slope of the regression over [start, end]."""  # pragma: no cover - compiled
    mean, level, both, square = 0.0, 0.0, 0.0, 0.0
    for i in range(start, end + 1):
        mean += x[i] / (end + 1 - start)
        level += y[i] / (end + 1 - start)
    for i in range(start, end + 1):
        both += (x[i] - mean) * (y[i] - level)
        square += (x[i] - mean) ** 2
    return mean, level, both / square


@njit("Tuple((float64, int64))(float64[::1], float64[::1], int64, int64)", cache=True, nogil=True)
def _worst_point(x: Any, y: Any, start: Any, end: Any) -> Any:
    """Mean squared error of the regression line of a segment and its interior point furthest from it, -1 none."""
    # pragma: no cover - compiled
    if end - start < 2:
        return -1.0, -1
    mean, level, slope = _line(x, y, start, end)
    error, worst, at = 0.0, -1.0, start + 1
    for i in range(start, end + 1):
        off = abs(y[i] - level - slope * (x[i] - mean))
        error += off * off / (end + 1 - start)
        if start < i < end and off > worst:
            worst, at = off, i
    return error, at


@njit("int64[::1](int64[::1], int64)", cache=True, nogil=True)
def _without(vertices: Any, k: Any) -> Any:
    """All vertices but this one."""  # pragma: no cover - compiled
    kept = np.empty(len(vertices) - 1, np.int64)
    for i in range(len(kept)):
        kept[i] = vertices[i] if i < k else vertices[i + 1]
    return kept


@njit("int64[::1](float64[::1], float64[::1], int64)", cache=True, nogil=True)
def _vertices(x: Any, y: Any, most: Any) -> Any:
    """Positions of up to so many vertices: both ends, then again and again the worst point of the worst segment."""
    # pragma: no cover - compiled
    vertices = np.array([0, len(x) - 1], np.int64)
    while len(vertices) < most:
        worst, at, where = -1.0, -1, -1
        for k in range(len(vertices) - 1):
            error, point = _worst_point(x, y, vertices[k], vertices[k + 1])
            if error > worst:
                worst, at, where = error, point, k
        if at < 0:
            break
        more = np.empty(len(vertices) + 1, np.int64)
        for i in range(len(more)):
            more[i] = vertices[i] if i <= where else vertices[i - 1]
        more[where + 1] = at
        vertices = more
    return vertices


@njit("UniTuple(float64, 2)(float64[::1])", cache=True, nogil=True)
def _range(y: Any) -> Any:
    """Least value and extent."""  # pragma: no cover - compiled
    low, high = y[0], y[0]
    for i in range(1, len(y)):
        low, high = min(low, y[i]), max(high, y[i])
    return low, high - low


@njit("int64[::1](int64[::1], float64[::1], float64[::1], int64)", cache=True, nogil=True)
def _cull(vertices: Any, x: Any, y: Any, most: Any) -> Any:
    """Drop the vertex with the shallowest angle until so many are left; both axes scaled to one.

    The angle is the steeper of the two lines that meet, times 1 + 2 x the rise after it where it rises.
    """  # pragma: no cover - compiled
    extent, length = _range(y)[1], x[-1] - x[0]
    while len(vertices) > most:
        least, at = np.inf, 1
        for k in range(1, len(vertices) - 1):
            a, b, c = vertices[k - 1], vertices[k], vertices[k + 1]
            before, after = (y[b] - y[a]) / extent, (y[c] - y[b]) / extent
            one, two = np.arctan(before / (x[b] - x[a]) * length), np.arctan(after / (x[c] - x[b]) * length)
            angle = max(abs(one), abs(two)) * (1 + LOSS_WEIGHT * max(after, 0.0))
            if angle < least:
                least, at = angle, k
        vertices = _without(vertices, at)
    return vertices


@njit("float64(float64[::1], float64[::1], int64[::1], float64[::1])", cache=True, nogil=True)
def _error(x: Any, y: Any, vertices: Any, values: Any) -> Any:
    """Squared error of the lines through these vertex values."""  # pragma: no cover - compiled
    total = (y[0] - values[0]) ** 2
    for k in range(len(vertices) - 1):
        start, end = vertices[k], vertices[k + 1]
        slope = (values[k + 1] - values[k]) / (x[end] - x[start])
        for i in range(start + 1, end + 1):
            total += (y[i] - values[k] - slope * (x[i] - x[start])) ** 2
    return total


@njit("Tuple((float64[::1], float64))(float64[::1], float64[::1], int64[::1])", cache=True, nogil=True)
def _fit(x: Any, y: Any, vertices: Any) -> Any:
    """Values at the vertices, point to point or by anchored regressions, and the squared error of the better."""
    # pragma: no cover - compiled
    straight, anchored = np.empty(len(vertices)), np.empty(len(vertices))
    for k in range(len(vertices)):
        straight[k] = y[vertices[k]]
    mean, level, slope = _line(x, y, 0, vertices[1])
    anchored[0], anchored[1] = level + slope * (x[0] - mean), level + slope * (x[vertices[1]] - mean)
    for k in range(1, len(vertices) - 1):
        start, end, both, square = vertices[k], vertices[k + 1], 0.0, 0.0
        for i in range(start + 1, end + 1):
            both += (x[i] - x[start]) * (y[i] - anchored[k])
            square += (x[i] - x[start]) ** 2
        anchored[k + 1] = anchored[k] + both / square * (x[end] - x[start])
    one, two = _error(x, y, vertices, straight), _error(x, y, vertices, anchored)
    return (straight, one) if one <= two else (anchored, two)


@njit("int64(float64[::1], int64[::1], float64[::1], float64, float64[::1])", cache=True, nogil=True)
def _fastest(x: Any, vertices: Any, fitted: Any, extent: Any, rules: Any) -> Any:
    """Segment that recovers fastest of those that recover too fast; -1 none."""  # pragma: no cover - compiled
    worst, at = 0.0, -1
    for k in range(len(vertices) - 1):
        length = x[vertices[k + 1]] - x[vertices[k]]
        rate = (fitted[k] - fitted[k + 1]) / length / extent
        hasty = rate > rules[1] or (rate > 0 and length <= 1 and rules[2] == 0)
        if hasty and rate > worst:
            worst, at = rate, k
    return at


@njit("int64[::1](float64[::1], float64[::1], int64[::1], int64)", cache=True, nogil=True)
def _simpler(x: Any, y: Any, vertices: Any, fast: Any) -> Any:
    """One vertex less: an end of the segment that recovers too fast, else any; the one that costs least."""
    # pragma: no cover - compiled
    last = len(vertices) - 2
    low = max(1, fast) if fast >= 0 else 1
    high = min(last, fast + 1) if fast >= 0 else last
    least, at = np.inf, low
    for k in range(low, high + 1):
        error = _fit(x, y, _without(vertices, k))[1]
        if error < least:
            least, at = error, k
    return _without(vertices, at)


@njit("int64(int64[::1], int64[::1])", cache=True, nogil=True)
def _bits(vertices: Any, place: Any) -> Any:
    """A set of positions as bits."""  # pragma: no cover - compiled
    bits = 0
    for i in range(len(vertices)):
        bits |= 1 << place[vertices[i]]
    return bits


@njit("int64[::1](int64, int64[::1])", cache=True, nogil=True)
def _from_bits(bits: Any, place: Any) -> Any:
    """The inverse of `_bits`."""  # pragma: no cover - compiled
    many = 0
    vertices = np.empty(len(place), np.int64)
    for i in range(len(place)):
        if (bits >> place[i]) & 1:
            vertices[many] = i
            many += 1
    return vertices[:many].copy()


@njit(
    "Tuple((int64[:,::1], float64[:,::1], int64[::1]))(float32[:,::1], float64[::1], float64[::1], int64[::1])",
    cache=True,
    nogil=True,
)
def candidates(yearly: Any, years: Any, rules: Any, limits: Any) -> Any:
    """Models of 1 ... max_segments segments, their squared errors (column 0: of the mean; inf: not allowed), and years."""
    # pragma: no cover - compiled
    many, most = len(yearly), limits[0]
    models, errors = np.zeros((many, most + 1), np.int64), np.full((many, most + 1), np.inf)
    counts = np.zeros(many, np.int64)
    for s in range(many):
        x, y, place = _points(yearly[s], years, rules[0])
        counts[s] = len(x)
        if len(x) < limits[2] or _range(y)[1] <= 0:
            continue
        level = 0.0
        for i in range(len(y)):
            level += y[i] / len(y)
        errors[s, 0] = 0.0
        for i in range(len(y)):
            errors[s, 0] += (y[i] - level) ** 2
        vertices = _cull(_vertices(x, y, most + 1 + limits[1]), x, y, most + 1)
        while True:
            k = len(vertices) - 1
            fitted, error = _fit(x, y, vertices)
            fast = _fastest(x, vertices, fitted, _range(y)[1], rules)
            models[s, k] = _bits(vertices, place)
            errors[s, k] = error if fast < 0 else np.inf
            if k == 1:
                break
            vertices = _simpler(x, y, vertices, fast)
    return models, errors, counts


@njit("float64[:,::1](float32[:,::1], float64[::1], float64[::1], int64[::1])", cache=True, nogil=True)
def falls(yearly: Any, years: Any, rules: Any, models: Any) -> Any:
    """(rows, 4) series, position of the year before the loss, position of the first lower year, fall of NBR."""
    # pragma: no cover - compiled
    rows, written = np.empty((len(yearly) * yearly.shape[1], 4)), 0
    for s in range(len(yearly)):
        if models[s] == 0:
            continue
        x, y, place = _points(yearly[s], years, rules[0])
        vertices = _from_bits(models[s], place)
        fitted = _fit(x, y, vertices)[0]
        for k in range(len(vertices) - 1):
            rise, start, end = fitted[k + 1] - fitted[k], vertices[k], vertices[k + 1]
            if rise >= rules[3] and x[end] - x[start] < rules[4] and -fitted[k] >= rules[5]:
                rows[written, 0], rows[written, 1] = s, place[start]
                rows[written, 2], rows[written, 3] = place[start + 1], rise
                written += 1
    return rows[:written].copy()
