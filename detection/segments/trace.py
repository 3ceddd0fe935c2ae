"""The compiled way from looks to the model of each pixel: one look a year, LandTrendr's models, the best of them."""

from typing import Final

import numpy as np

from detection.codes import Segmented
from detection.lanes import LANES, fused
from detection.segments import polyline
from detection.segments.polyline import LEAST_P, NOTHING, SUMS
from detection.segments.record import NO_DAY
from detection.segments.turns import turns

NONE: Final = -1
"""Position of a look there is none of."""
_CUT, _OUTSIDE, _NO_LOOK, _FEW = (
    int(s) for s in (Segmented.SEGMENTED, Segmented.OUTSIDE, Segmented.NO_LOOK, Segmented.TOO_FEW_LOOKS)
)
_NOT_FOREST, _FAILED = int(Segmented.NOT_FOREST), int(Segmented.FAILED)


@fused
def trace(values, days, starts, years, inside, rules, means, status, rows, models, rmse, changes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Segment pixel by pixel, LANES of them read at once. Returns how many rows and how many changes were written.

    values: (time, pixel) float32; days: (time,) int32; starts: (year + 1,) first look of each year; years: (year,)
    float64; inside: (pixel,) bool; rules: `polyline.Rules`; means: `turns.Meaning`. Written: status: (pixel,)
    codes.Segmented; rows: SEGMENT, models: (row, 1, 2) and rmse: (row, 1) float32, changes: CHANGE, room enough for
    `rules.segments` of every pixel.
    """
    room, width = years.shape[0], rules.segments + rules.overshoot + 1
    block, taken = np.empty((LANES, room)), np.empty((LANES, room), np.int32)
    buffer, order = np.empty(values.shape[0]), np.empty(values.shape[0], np.int32)
    line, place = np.empty((3, room)), np.empty(room, np.int32)
    sums, spare, far = np.empty((room + 1, SUMS)), np.empty((3, max(room, width))), np.empty(width, np.int64)
    tables = np.empty((2, rules.segments + 1, polyline.MEASURES))
    vertices, levels = np.empty((rules.segments + 1, width), np.int64), np.empty((rules.segments + 1, width))
    errors, written, changed = np.empty(rules.segments + 1), 0, 0
    for first in range(0, values.shape[1], LANES):
        many = min(LANES, values.shape[1] - first)
        _one_a_year(values, starts, first, many, means.sign, buffer, order, block, taken)
        for j in range(many):
            pixel = first + j
            count = _seen(block[j], taken[j], years, days, line, place)
            if not inside[pixel] or count < rules.least:
                status[pixel] = _OUTSIDE if not inside[pixel] else _FEW if count else _NO_LOOK
                continue
            x, y, raw = line[0], line[1], line[2]
            polyline.dampen(y, spare[0], count, rules.spike)
            segments, p = _model(x, y, count, rules, sums, spare, far, tables, vertices, levels, errors)
            v, level = vertices[segments], levels[segments]
            for k in range(segments + 1):
                level[k] += raw[0]
            status[pixel] = _describe(
                x, raw, place, count, v, level, segments, pixel, means, rows[written:], models[written:], rmse[written:]
            )
            if status[pixel] == _CUT:
                written += segments
                changed += turns(x, raw, place, count, v, level, segments, pixel, 1.0 - p, means, changes[changed:])
    return written, changed


@fused
def _one_a_year(values, starts, first, many, sign, buffer, order, block, taken):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """block, taken: (LANES, year), the value of each year, turned, and its look; NaN and NONE where none was seen.

    Of several the median, and of two in the middle the one that speaks less for a loss: what clouds and their shadows do
    to an index mostly looks like one. Of equal values the earliest look.
    """
    for t in range(starts.shape[0] - 1):
        if starts[t + 1] - starts[t] == 1:
            row = values[starts[t], first : first + many]
            for j in range(many):
                seen = abs(row[j]) < np.inf
                block[j, t] = sign * row[j] if seen else np.nan
                taken[j, t] = starts[t] if seen else NONE
            continue
        for j in range(many):
            found = _sorted(values, starts[t], starts[t + 1], first + j, sign, buffer, order)
            block[j, t] = buffer[found // 2] if found else np.nan
            taken[j, t] = order[found // 2] if found else NONE


@fused
def _sorted(values, begin, end, pixel, sign, buffer, order):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The values seen among these looks, ascending, the look of each beside it; returns how many."""
    found = 0
    for t in range(begin, end):
        value = np.float64(sign * values[t, pixel])
        if abs(value) < np.inf:
            at = found
            while at > 0 and buffer[at - 1] > value:
                buffer[at], order[at] = buffer[at - 1], order[at - 1]
                at -= 1
            buffer[at], order[at] = value, t
            found += 1
    middle = found // 2
    while middle > 0 and buffer[middle - 1] == buffer[middle]:
        order[found // 2] = order[middle - 1]
        middle -= 1
    return found


@fused
def _seen(block, taken, years, days, line, place):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Of the years seen: time since the first, value less the first, value, into line, day into place; returns how many."""
    count = 0
    for t in range(years.shape[0]):
        if block[t] == block[t]:
            line[2, count], place[count], line[0, count] = block[t], days[taken[t]], years[t]
            count += 1
    for i in range(count - 1, -1, -1):
        line[0, i] -= line[0, 0]
        line[1, i] = line[2, i] - line[2, 0]
    return count


@fused
def _model(x, y, count, rules, sums, spare, far, tables, vertices, levels, errors):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(segments of the best model, its p); its vertices and levels are those rows of vertices and levels.

    A step takes the place of a model of fewer segments than its own three if its p is less. Where nothing passes it is one
    flat segment at the mean, and p is 1.
    """
    extent, whole = polyline.sum_up(x, y, count, sums)
    if extent > 0.0:
        most, v = rules.segments + 1, vertices[0]
        least = NOTHING * whole / count
        many = polyline.split(x, y, sums, count, most + rules.overshoot, least, v, spare[0], far)
        many = polyline.cull(x, y, extent, most, many, v, spare[0], spare[1])
        _models(x, y, sums, many - 1, extent, rules, spare, tables, vertices, levels, errors)
        at, step = _step(x, sums, count, whole, extent, rules)
        best, p = _best(errors, many - 1, whole, count, rules)
        if best < 3 and step < p and step <= rules.p:
            best, p = 3, step
            vertices[3, 0], vertices[3, 1], vertices[3, 2], vertices[3, 3] = 0, at - 1, at, count - 1
            levels[3, 0] = levels[3, 1] = sums[at, 2] / at
            levels[3, 2] = levels[3, 3] = (sums[count, 2] - sums[at, 2]) / (count - at)
        if best > 0:
            return best, p
    vertices[1, 0], vertices[1, 1] = 0, count - 1
    levels[1, 0] = levels[1, 1] = sums[count, 2] / count
    return 1, 1.0


@fused
def _models(x, y, sums, segments, extent, rules, spare, tables, vertices, levels, errors):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Row k: vertices, levels and squared error of the model of k segments, inf where it recovers too fast.

    Row 0 of vertices holds those to begin with. A vertex goes at a time: an end of the segment that recovers too
    fast, else any; the one whose loss costs least.
    """
    v, level, upto, single, double = vertices[0], levels[0], spare[1], tables[0], tables[1]
    for k in range(segments):
        polyline.measure(x, y, sums, v[k], v[k + 1], single, k)
    for k in range(1, segments):
        polyline.measure(x, y, sums, v[k - 1], v[k + 1], double, k)
    upto[0] = 0.0
    while True:
        straight, anchored = polyline.fit(x, sums, segments, v, single, level, upto)
        for k in range(segments + 1):
            vertices[segments, k] = v[k]
            levels[segments, k] = y[v[k]] if straight <= anchored else level[k]
        fast = polyline.hasty(x, v, levels[segments], segments, extent, rules)
        errors[segments] = min(straight, anchored) if fast < 0 else np.inf
        if segments == 1:
            return
        low, high = (1, segments - 1) if fast < 0 else (max(1, fast), min(segments - 1, fast + 1))
        at = polyline.simpler(x, sums, segments, v, single, double, level, upto, low, high)
        polyline.remove(x, y, sums, segments, v, single, double, at)
        segments -= 1


@fused
def _best(errors, segments, whole, count, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The model of most segments whose p is within (2 - best) times the least, and its p; 0 where the least is above p."""
    least = 2.0
    for k in range(1, segments + 1):
        if errors[k] < np.inf:
            errors[k] = max(polyline.p_of_f(errors[k] / whole, k, count), LEAST_P)
            least = min(least, errors[k])
    if least > rules.p:
        return 0, 1.0
    k = segments
    while errors[k] > (2.0 - rules.best) * least:
        k -= 1
    return k, errors[k]


@fused
def _step(x, sums, count, whole, extent, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Two flat levels: the first year of the second and p of F; 0 and 2 where none is allowed.

    LandTrendr needs three free segments, and so nine years, to say that a level fell and stayed; of fewer it makes a
    slope. A step has a level and a year more than the mean: the two degrees of freedom of a model of one segment. It may
    rise no faster than the rules let a segment, and has two years on either side.
    """
    best, at, mean = 0.0, 0, sums[count, 2] / count
    if rules.segments < 3:
        return 0, 2.0
    for i in range(2, count - 1):
        gap = sums[i, 2] - i * mean
        explained = gap * gap * count / (i * (count - i))
        if explained > best and (gap > 0.0 or _slow_enough(x, -gap * count / (i * (count - i)), i, extent, rules)):
            best, at = explained, i
    return at, max(polyline.p_of_f(1.0 - best / whole, 1, count), LEAST_P) if at > 0 else 2.0


@fused
def _slow_enough(x, rise, i, extent, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """May the index rise so much from the year before i to i?"""
    length = x[i] - x[i - 1]
    return rise <= rules.recovery * length * extent and (length > 1.0 or rules.one_year)


@fused
def _describe(x, raw, place, count, v, level, segments, pixel, means, rows, models, rmse):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the segments of a pixel, which count if the status returned is SEGMENTED."""
    forest, finite = False, True
    for k in range(segments):
        start, end, total = v[k], v[k + 1], 0.0
        slope = (level[k + 1] - level[k]) / (x[end] - x[start])
        for i in range(start, end + 1):
            off = raw[i] - level[k] - slope * (x[i] - x[start])
            total += off * off
        row = rows[k]
        row.pixel, row.first, row.last, row.looks = pixel, place[start], place[end], end + 1 - start
        row.ended = place[end + 1] if end + 1 < count else NO_DAY
        models[k, 0, 0], models[k, 0, 1] = means.sign * level[k], means.sign * slope
        rmse[k, 0] = np.sqrt(total / (end + 1 - start))
        forest = forest or max(level[k], level[k + 1]) >= means.forest
        finite = finite and abs(models[k, 0, 0]) + abs(models[k, 0, 1]) + rmse[k, 0] < np.inf
    return _FAILED if not finite else _CUT if forest else _NOT_FOREST
