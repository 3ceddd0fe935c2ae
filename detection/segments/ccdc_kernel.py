"""The compiled loop of CCDC: blocks of pixels outside, stretches of dates inside, then one pixel's looks in order.

A pixel either gathers looks until a stretch of them is stable, or has a model and watches. The looks it still has to
decide about are kept; all others live on in the sums alone. A look in which a plane is not finite changes nothing, no
pixel knows its neighbours, and nothing is decided by what comes later: looks one by one equal looks all at once.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.lanes import fused
from detection.segments.ccdc_model import (
    FULL,
    SQUARE,
    TERMS,
    WIDTH,
    absorb,
    distance,
    middle,
    residual,
    rms,
    solve,
    terms_on,
)

BLOCK: Final = 16
"""Pixels laid out anew at once: a cache line of each plane and date."""
CHUNK: Final = 256
"""Dates laid out anew at once."""
ROOM: Final = 96
"""Looks a pixel can keep undecided."""
GATHERS, WATCHES = 0, 1
"""Phases."""
WAIT, STABLE, UNSTABLE = 0, 1, 2
"""What a stretch of looks is good for."""
MAD_ROUNDS: Final = 2
"""Times a stretch is screened for outliers before it is fitted (chosen)."""

PIXEL: Final = np.dtype(
    [
        ("phase", "u1"),  # GATHERS or WATCHES
        ("used", "u1"),  # terms of the model
        ("row", "u1"),  # looks in a row that make a break
        ("held", "u1"),  # looks not yet decided about
        ("looks", "i4"),  # in the sums
        ("fitted", "i4"),  # that were in them when the model was last solved
        ("first", "i4"),  # day of the first of them
        ("last", "i4"),  # day of the last of them
        ("seen", "i4"),  # looks ever taken in
        ("since", "i4"),  # day of the first look ever taken in
        ("newest", "i4"),  # day of the last look taken in
    ]
)
"""What is counted of a pixel."""
CLOSED: Final = np.dtype(
    [
        ("pixel", "i4"),
        ("first", "i4"),
        ("last", "i4"),
        ("looks", "i4"),
        ("ended", "i4"),  # day of the first look of the break
        ("said", "i4"),  # day of the last of them
        ("row", "i4"),  # looks of the break
        ("least", "f4"),  # smallest chi-square of the break
        ("level", "f4"),  # of the first plane, had nothing happened
    ]
)
"""A segment that has ended, and the break that ended it."""


class Rules(NamedTuple):
    """The numbers of `Ccdc`, as the kernel takes them."""

    looks: int
    """Looks of a model at least."""
    days: int
    """Days they span at least."""
    row: int
    """Looks in a row that make a break, where they come every `gap` days ..."""
    most: int
    """... and at most."""
    gap: float
    """Days."""
    threshold: NDArray[np.float64]
    """(most + 1,) chi-square beyond which a look is anomalous, by looks in a row."""
    outlier: float
    """Chi-square beyond which a look is never believed."""
    still: float
    """Bound of the norm of the stability test, squared."""
    cosine: float
    """Of the largest mean angle between successive looks of a break."""
    growth: float
    """The model is solved anew once its looks have grown by this factor."""
    terms: int
    """Of a model at most."""
    floor: float
    """Least residual scale."""
    variogram: float
    """Least residual scale, as a share of the median difference of looks that follow one another."""
    ridge: NDArray[np.float64]
    """(TERMS,) added to the diagonal of the Gram matrix, looks."""
    breaking: NDArray[np.float64]
    """(WIDTH,) 1 for a plane that is tested for breaks, else 0."""


class Sums(NamedTuple):
    """The model of each pixel of a row: float64, first axis pixel, planes innermost."""

    gram: NDArray[np.float64]
    """(pixel, SQUARE)"""
    right: NDArray[np.float64]
    """(pixel, TERMS, plane)"""
    beta: NDArray[np.float64]
    """(pixel, TERMS, plane) as last solved."""
    square: NDArray[np.float64]
    """(pixel, plane)"""
    scale: NDArray[np.float64]
    """(pixel, plane) residual scale as last solved."""
    least: NDArray[np.float64]
    """(pixel, plane) that the scale is not believed to be below."""


class Held(NamedTuple):
    """Looks not yet decided about, oldest first."""

    days: NDArray[np.int32]
    """(pixel, ROOM)"""
    values: NDArray[np.float32]
    """(pixel, ROOM, plane)"""


@fused
def walk(values, days, rules, inside, pixels, sums, held, tables):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take these looks into the state of the pixels (PIXEL, Sums, Held), which is written.

    values: (time, plane, pixel) float32; days: (time,) int32; inside: (pixel,) bool. tables: (closed, coefficients, rmse,
    change): rows of CLOSED, (row, FULL), (row, WIDTH), (row, WIDTH) float32 to write to. Returns (rows written, tables),
    the tables longer ones where those given had no room.
    """
    dates, many = values.shape[0], values.shape[2]
    closed, coefficients, rmse, change = tables
    block, missing = np.zeros((CHUNK, BLOCK, WIDTH), np.float32), np.empty((CHUNK, BLOCK), np.float32)
    table, look = np.empty((ROOM + CHUNK, TERMS)), np.zeros((ROOM + CHUNK, WIDTH))
    at, day = np.empty(ROOM + CHUNK, np.int32), np.empty(ROOM + CHUNK, np.int32)
    far, room, sizes = np.empty(ROOM + CHUNK), np.empty((ROOM + CHUNK, WIDTH)), np.empty(ROOM + CHUNK)
    gram, root, right, beta, final = np.zeros(SQUARE), np.zeros(SQUARE), np.zeros(FULL), np.zeros(FULL), np.zeros(FULL)
    square, scale, least = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    weight, e = np.zeros(WIDTH), np.zeros((2, WIDTH))
    rows = 0
    for begin in range(0, dates, CHUNK):
        stretch = min(CHUNK, dates - begin)
        for t in range(stretch):
            terms_on(days[begin + t], table[ROOM + t])
        for first in range(0, many, BLOCK):
            width = min(BLOCK, many - first)
            _lay_out(values, begin, stretch, first, width, block, missing)
            for j in range(width):
                p = first + j
                if not inside[p]:
                    continue
                o = pixels[p]
                _take_up(p, o, sums, held, table, look, at, day, gram, right, beta, square, scale, least)
                count = _observed(o, days, begin, stretch, j, block, missing, look, at, day)
                if count == o.held:
                    continue
                closed, coefficients, rmse, change = _with_room(
                    rows, count // rules.looks + 2, closed, coefficients, rmse, change
                )
                if o.phase == WATCHES:
                    _weights(scale, least, rules, weight)
                head, i, run = 0, np.int64(o.held), 0
                threshold = rules.threshold[o.row]
                if o.phase == WATCHES:
                    run = _measure(head, i, look, at, table, beta, weight, threshold, e[0], far)
                while i < count:
                    if o.phase == GATHERS:
                        i += 1
                        while i - head >= rules.looks and day[i - 1] - day[head] >= rules.days:
                            found, last = _begin(
                                o, rules, head, i, look, at, day, table, gram, right, square, root, beta, scale, least,
                                weight, far, room, sizes, e[0],
                            )  # fmt: skip
                            if found == WAIT:
                                break
                            if found == STABLE:
                                head = last + 1
                                i, run = head, 0
                                threshold = rules.threshold[o.row]
                                break
                            head += 1
                        if o.phase == GATHERS and i - head == ROOM:
                            head = _make_room(rules, head, i, look, at, day)
                        continue
                    residual(look[i], table[at[i]], beta, e[0])
                    far[i] = distance(e[0], weight)
                    run = run + 1 if far[i] > threshold else 0
                    i += 1
                    if i - head < o.row:
                        continue
                    if run >= o.row and _together(head, i, look, at, table, beta, weight, e, rules.cosine):
                        _close(
                            p, o, rows, head, i, rules, look, at, day, table, far, gram, right, square, root, beta,
                            scale, final, sizes, e[0], closed, coefficients, rmse, change,
                        )  # fmt: skip
                        rows += 1
                        o.phase = GATHERS
                        # the looks of the break begin the next stretch
                        continue
                    if far[head] <= rules.outlier:
                        absorb(look[head], table[at[head]], gram, right, square)
                        o.looks += 1
                        o.last = day[head]
                        if o.looks >= rules.growth * o.fitted or _terms(o.looks, rules) > o.used:
                            _fit(o, rules, gram, right, square, root, beta, scale)
                            _weights(scale, least, rules, weight)
                            run = _measure(head + 1, i, look, at, table, beta, weight, threshold, e[0], far)
                    head += 1
                _put_down(p, o, head, i, sums, held, look, day, gram, right, beta, square, scale, least)
    return rows, (closed, coefficients, rmse, change)


@fused
def _lay_out(values, begin, stretch, first, width, block, missing):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Planes innermost; `missing` is 0 where all of them are finite, else NaN."""
    for t in range(stretch):
        for j in range(BLOCK):
            missing[t, j] = np.float32(0)
        for b in range(values.shape[1]):
            row = values[begin + t, b, first : first + width]
            for j in range(width):
                block[t, j, b] = row[j]
                missing[t, j] += row[j] * np.float32(0)


@fused
def _observed(o, days, begin, stretch, j, block, missing, look, at, day):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Append the observed looks of a pixel, one a day, to those held; returns how many there are now."""
    count = np.int64(o.held)
    for t in range(stretch):
        when = days[begin + t]
        if missing[t, j] == np.float32(0) and (o.seen == 0 or when > o.newest):
            for b in range(WIDTH):
                look[count, b] = block[t, j, b]
            at[count], day[count] = ROOM + t, when
            o.since = when if o.seen == 0 else o.since
            o.newest = when
            o.seen += 1
            count += 1
    return count


@fused
def _take_up(p, o, sums, held, table, look, at, day, gram, right, beta, square, scale, least):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The stored state of a pixel into the arrays that are worked on."""
    planes = sums.square.shape[1]
    for k in range(o.held):
        at[k], day[k] = k, held.days[p, k]
        terms_on(day[k], table[k])
        for b in range(planes):
            look[k, b] = held.values[p, k, b]
    if o.phase == WATCHES:
        for i in range(SQUARE):
            gram[i] = sums.gram[p, i]
        for q in range(TERMS):
            for b in range(planes):
                right[q * WIDTH + b], beta[q * WIDTH + b] = sums.right[p, q, b], sums.beta[p, q, b]
        for b in range(planes):
            square[b], scale[b], least[b] = sums.square[p, b], sums.scale[p, b], sums.least[p, b]


@fused
def _put_down(p, o, head, i, sums, held, look, day, gram, right, beta, square, scale, least):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The inverse of `_take_up`."""
    planes = sums.square.shape[1]
    o.held = i - head
    for k in range(i - head):
        held.days[p, k] = day[head + k]
        for b in range(planes):
            held.values[p, k, b] = look[head + k, b]
    if o.phase == WATCHES:
        for k in range(SQUARE):
            sums.gram[p, k] = gram[k]
        for q in range(TERMS):
            for b in range(planes):
                sums.right[p, q, b], sums.beta[p, q, b] = right[q * WIDTH + b], beta[q * WIDTH + b]
        for b in range(planes):
            sums.square[p, b], sums.scale[p, b], sums.least[p, b] = square[b], scale[b], least[b]


@fused
def _make_room(rules, head, i, look, at, day):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fewer looks where ROOM of them are no model yet: every other one where they come too densely to last, else the newer."""
    if day[i - 1] - day[head] >= rules.days:
        return head + 1
    kept = (i - head + 1) // 2
    for k in range(1, kept):
        to, back = i - 1 - k, i - 1 - 2 * k
        at[to], day[to] = at[back], day[back]
        for b in range(WIDTH):
            look[to, b] = look[back, b]
    return i - kept


@fused
def _terms(looks, rules):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Terms that so many looks carry: 4 from 12 looks, 6 from 18, 8 from 24 (Zhu and Woodcock 2014)."""
    return min(max(looks // 6 * 2, 4), rules.terms)


@fused
def _fit(o, rules, gram, right, square, root, beta, scale):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Solve the model anew from the sums."""
    o.used, o.fitted = _terms(o.looks, rules), o.looks
    solve(gram, right, rules.ridge, np.int64(o.used), root, beta)
    rms(right, square, rules.ridge, beta, o.looks, np.int64(o.used), scale)


@fused
def _weights(scale, least, rules, weight):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Weight of a squared residual in the chi-square of a look."""
    for b in range(WIDTH):
        s = max(scale[b], least[b], rules.floor)
        weight[b] = rules.breaking[b] / (s * s)


@fused
def _measure(start, stop, look, at, table, beta, weight, threshold, e, far):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """far = chi-square of the looks start..stop - 1; returns how many of the last ones in a row are anomalous."""
    run = 0
    for k in range(start, stop):
        residual(look[k], table[at[k]], beta, e)
        far[k] = distance(e, weight)
        run = run + 1 if far[k] > threshold else 0
    return run


@fused
def _begin(o, rules, head, stop, look, at, day, table, gram, right, square, root, beta, scale, least, weight, far, room, sizes, e):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled  # fmt: skip
    """Is the stretch head..stop - 1 stable? Returns (WAIT, STABLE or UNSTABLE, its last look that is no outlier).

    Of a STABLE one the model is left in the sums and in `o`. Outliers (Tmask of Zhu and Woodcock 2014, here in all the
    planes that are tested) are looks beyond `outlier` by the median scale about a model of 4 terms.
    """
    for k in range(head, stop):
        far[k] = 0.0
    for turn in range(MAD_ROUNDS + 1):
        o.looks = _sum_up(head, stop, rules, look, at, table, far, gram, right, square)
        if o.looks < rules.looks:
            return WAIT, 0
        solve(gram, right, rules.ridge, 4, root, beta)
        if turn < MAD_ROUNDS:
            _screen(head, stop, o.looks, rules, look, at, table, beta, weight, far, room, sizes, e)
    first, last = head, stop - 1
    while far[first] > rules.outlier:
        first += 1
    while far[last] > rules.outlier:
        last -= 1
    if day[last] - day[first] < rules.days:
        return WAIT, 0
    rms(right, square, rules.ridge, beta, o.looks, 4, scale)
    _variogram(first, last, rules, look, day, far, sizes, least)
    if not _still(first, last, rules, look, at, table, beta, scale, least, e, room[0]):
        return UNSTABLE, 0
    o.phase, o.first, o.last = WATCHES, day[first], day[last]
    _fit(o, rules, gram, right, square, root, beta, scale)
    _weights(scale, least, rules, weight)
    gaps = 0
    for k in range(head + 1, stop):
        sizes[gaps] = day[k] - day[k - 1]
        gaps += 1
    o.row = min(max(np.int64(np.round(rules.row * rules.gap / middle(sizes, gaps))), rules.row), rules.most)
    return STABLE, last


@fused
def _sum_up(head, stop, rules, look, at, table, far, gram, right, square):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The sums of the looks that are no outliers; returns their number."""
    gram[:], right[:], square[:] = 0.0, 0.0, 0.0
    count = 0
    for k in range(head, stop):
        if far[k] <= rules.outlier:
            absorb(look[k], table[at[k]], gram, right, square)
            count += 1
    return count


@fused
def _screen(head, stop, looks, rules, look, at, table, beta, weight, far, room, sizes, e):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """far = chi-square of the looks by the median of their residuals."""
    for k in range(head, stop):
        residual(look[k], table[at[k]], beta, room[k - head])
    many = stop - head
    free = many / (many - 4.0)
    for b in range(WIDTH):
        weight[b] = 0.0
        if rules.breaking[b] > 0:
            for k in range(many):
                sizes[k] = abs(room[k, b])
            s = max(1.4826 * middle(sizes, many), rules.floor)
            weight[b] = 1 / (s * s * free)
    for k in range(many):
        far[head + k] = distance(room[k], weight)


@fused
def _variogram(first, last, rules, look, day, far, sizes, least):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """least = median absolute difference of looks that follow one another (Zhu et al. 2020), of planes that are tested."""
    for b in range(WIDTH):
        least[b] = 0.0
        if rules.breaking[b] > 0:
            count, before = 0, first
            for k in range(first + 1, last + 1):
                if far[k] <= rules.outlier:
                    sizes[count] = abs(look[k, b] - look[before, b])
                    count, before = count + 1, k
            least[b] = rules.variogram * middle(sizes, count)


@fused
def _still(first, last, rules, look, at, table, beta, scale, least, e, f):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The stability test: trend over the stretch and residuals of its ends, in scales (Zhu et al. 2020)."""
    residual(look[first], table[at[first]], beta, e)
    residual(look[last], table[at[last]], beta, f)
    years = table[at[last], 1] - table[at[first], 1]
    norm = 0.0
    for b in range(WIDTH):
        if rules.breaking[b] > 0:
            s = max(scale[b], least[b], rules.floor)
            moved = (abs(beta[WIDTH + b]) * years + max(abs(e[b]), abs(f[b]))) / s
            norm += moved * moved
    return norm <= rules.still


@fused
def _together(head, stop, look, at, table, beta, weight, e, cosine):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Do the looks of a break all point the same way: mean angle between successive ones (Zhu et al. 2020)."""
    total = 0.0
    residual(look[head], table[at[head]], beta, e[0])
    for k in range(head + 1, stop):
        now, before = e[(k - head) % 2], e[(k - head + 1) % 2]
        residual(look[k], table[at[k]], beta, now)
        product = 0.0
        for b in range(WIDTH):
            product += weight[b] * now[b] * before[b]
        size = np.sqrt(distance(now, weight) * distance(before, weight))
        total += np.arccos(min(max(product / size, -1.0), 1.0))
    return total <= np.arccos(cosine) * (stop - head - 1)


@fused
def _close(p, o, rows, head, stop, rules, look, at, day, table, far, gram, right, square, root, beta, scale, final, sizes, e, closed, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled  # fmt: skip
    """Write the segment that ends before look `head`, and the break of the looks head..stop - 1."""
    row = closed[rows]
    row.pixel, row.first, row.last, row.looks = p, o.first, o.last, o.looks
    row.ended, row.said, row.row = day[head], day[stop - 1], stop - head
    least = far[head]
    for k in range(head, stop):
        least = min(least, far[k])
    row.least = least
    for b in range(WIDTH):
        for k in range(head, stop):
            residual(look[k], table[at[k]], beta, e)
            sizes[k - head] = e[b]
        change[rows, b] = middle(sizes, stop - head)
    for k in range(head, stop):
        residual(look[k], table[at[k]], beta, e)
        sizes[k - head] = look[k, 0] - e[0]
    row.level = middle(sizes, stop - head)
    used = _terms(o.looks, rules)
    solve(gram, right, rules.ridge, used, root, final)
    rms(right, square, rules.ridge, final, o.looks, used, scale)
    for i in range(FULL):
        coefficients[rows, i] = final[i]
    for b in range(WIDTH):
        rmse[rows, b] = scale[b]


@fused
def _with_room(rows, more, closed, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The tables, or copies of them at least twice as long, with room for so many more rows."""
    if rows + more <= closed.shape[0]:
        return closed, coefficients, rmse, change
    length = 2 * (closed.shape[0] + more)
    a, b = np.empty(length, closed.dtype), np.empty((length, FULL), np.float32)
    c, d = np.empty((length, WIDTH), np.float32), np.empty((length, WIDTH), np.float32)
    for i in range(rows):  # copied at once it would take seconds to compile
        a[i] = closed[i]
        for k in range(FULL):
            b[i, k] = coefficients[i, k]
        for k in range(WIDTH):
            c[i, k], d[i, k] = rmse[i, k], change[i, k]
    return a, b, c, d
