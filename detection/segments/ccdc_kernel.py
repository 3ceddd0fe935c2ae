"""The compiled loop of CCDC: blocks of pixels outside, stretches of dates inside, then one pixel's looks in order.

A pixel either gathers looks until a stretch of them is stable, or has a model and watches. A look is decided about once
as many looks as make a break have come: either all of them are a break, or the first of them belongs to the segment or
is an outlier (Zhu et al. 2020). Only looks not yet decided about are kept; the others live on in sums. A look in which a
plane is not finite changes nothing, no pixel knows its neighbours, and nothing is decided by what comes later: looks
one by one equal looks all at once.
"""

from typing import Final

import numpy as np

from detection.lanes import fused
from detection.segments.ccdc_model import TERMS, WIDTH, absorb, distance, middle, residual, rms, solve, terms_on
from detection.segments.ccdc_start import STABLE, WAIT, begin, fit, terms_of, weigh
from detection.segments.ccdc_state import CHUNK, GATHERS, ROOM, WATCHES, desk, put_down, take_up
from detection.segments.record import NO_DAY

BLOCK: Final = 16
"""Pixels laid out anew at once: a cache line of each plane and date."""


@fused
def walk(rules, values, offset, days, inside, state, found, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take looks into the state of pixels, which is written.

    values: (time, plane, any) float32, those of pixel p of the state in column offset + p; days: (time,) int32; inside:
    (pixel,) bool. found: rows of FOUND, coefficients: (row, TERMS, WIDTH), rmse, change: (row, WIDTH) float64: the segments
    that ended, to be written to. Returns (rows, found, coefficients, rmse, change), longer ones where there was no room.
    """
    dates, many = values.shape[0], len(inside)
    block, missing = np.zeros((CHUNK, BLOCK, WIDTH), np.float32), np.zeros((CHUNK, BLOCK), np.float32)
    series, model = desk()
    rows = 0
    for since in range(0, dates, CHUNK):
        stretch = min(CHUNK, dates - since)
        for t in range(stretch):
            terms_on(days[since + t], series.table, ROOM + t)
        for first in range(0, many, BLOCK):
            width = min(BLOCK, many - first)
            _lay_out(values, since, stretch, offset + first, width, block, missing)
            for j in range(width):
                if inside[first + j]:
                    take_up(state, first + j, series, model)
                    stop = _observed(state, first + j, days, since, stretch, j, block, missing, series)
                    found, coefficients, rmse, change = _with_room(
                        rows, stop // rules.looks + 1, found, coefficients, rmse, change
                    )
                    rows = _pixel(rules, state, first + j, stop, series, model, rows, found, coefficients, rmse, change)
    return rows, found, coefficients, rmse, change


@fused
def standing(rules, state, inside, found, coefficients, rmse):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The segments that are open, one row a pixel at most, written as in `walk`; returns how many. The state is only read.

    A look not yet decided about belongs to the segment if it is not anomalous.
    """
    series, model = desk()
    rows = 0
    for p in range(len(inside)):
        o = state.pixels[p]
        if o.phase != WATCHES or not inside[p]:
            continue
        take_up(state, p, series, model)
        weigh(rules, model)
        _measure(rules, o, 0, o.held, series, model)
        row = found[rows]
        row.pixel, row.first, row.last, row.looks = p, o.first, o.last, o.looks
        row.ended, row.said = NO_DAY, NO_DAY
        for k in range(o.held):
            if series.far[k] <= rules.threshold[o.row]:
                row.last, row.looks = series.day[k], row.looks + 1
        _describe(rules, o, model, rows, coefficients, rmse)
        rows += 1
    return rows


@fused
def _lay_out(values, since, stretch, first, width, block, missing):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Planes innermost; `missing` is 0 where all of them are finite, else NaN."""
    for t in range(stretch):
        for j in range(BLOCK):
            missing[t, j] = np.float32(0)
        for b in range(values.shape[1]):
            row = values[since + t, b, first : first + width]
            for j in range(width):
                block[t, j, b] = row[j]
                missing[t, j] += row[j] * np.float32(0)


@fused
def _observed(state, p, days, since, stretch, j, block, missing, series):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Append the observed looks of a pixel, the first of each day, to those held; returns how many there are now."""
    o = state.pixels[p]
    stop = np.int64(o.held)
    for t in range(stretch):
        day = days[since + t]
        if missing[t, j] == np.float32(0) and (o.seen == 0 or day > o.newest):
            for b in range(WIDTH):
                series.look[stop, b] = block[t, j, b]
            series.at[stop], series.day[stop] = ROOM + t, day
            o.since = day if o.seen == 0 else o.since
            o.newest, o.seen = day, o.seen + 1
            stop += 1
    return stop


@fused
def _pixel(rules, state, p, stop, series, model, rows, found, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take the looks from the held ones to stop - 1 into pixel p; returns the rows now written."""
    o, far = state.pixels[p], series.far
    look, at, table, beta, e, weight = series.look, series.at, series.table, model.beta, model.e, model.weight
    head, i, run = 0, np.int64(o.held), 0  # head..i - 1 are undecided, the last `run` of them anomalous
    if stop == i:
        return rows
    if o.phase == WATCHES:
        weigh(rules, model)
        run = _measure(rules, o, head, i, series, model)
    while i < stop:
        if o.phase == GATHERS:
            head, i = _gather(rules, o, head, i + 1, series, model)
            run = 0
            continue
        residual(look, i, table, at[i], beta, e, i)
        far[i] = distance(e, i, weight)
        run = run + 1 if far[i] > rules.threshold[o.row] else 0
        i += 1
        if i - head < o.row:
            continue
        if run >= o.row and _together(rules, head, i, series, model):
            _close(rules, o, p, head, i, series, model, rows, found, coefficients, rmse, change)
            rows += 1
            continue
        if far[head] <= rules.outlier:
            absorb(look, head, table, at[head], model.gram, model.right, model.square)
            o.looks, o.last = o.looks + 1, series.day[head]
            if o.looks >= rules.growth * o.fitted or terms_of(o.looks, rules) > o.used:
                fit(o, rules, model)
                run = _measure(rules, o, head + 1, i, series, model)
        head += 1
    put_down(state, p, head, i, series, model)
    return rows


@fused
def _gather(rules, o, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A stable stretch among the looks head..stop - 1? Returns (first undecided look, the look to go on with).

    After a stable stretch these are the looks after the last that fits it: what it does not explain may be a break.
    """
    while stop - head >= rules.looks and series.day[stop - 1] - series.day[head] >= rules.days:
        outcome, last = begin(o, rules, head, stop, series, model)
        if outcome == STABLE:
            return last + 1, last + 1
        if outcome == WAIT:
            break
        head += 1
    return (_make_room(rules, head, stop, series) if stop - head == ROOM else head), stop


@fused
def _make_room(rules, head, stop, series):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """ROOM looks and no model: without the oldest; or without every other one, where they come too densely to span enough."""
    if series.day[stop - 1] - series.day[head] >= rules.days:
        return head + 1
    kept = (stop - head + 1) // 2
    for k in range(1, kept):
        to, back = stop - 1 - k, stop - 1 - 2 * k
        series.at[to], series.day[to] = series.at[back], series.day[back]
        for b in range(WIDTH):
            series.look[to, b] = series.look[back, b]
    return stop - kept


@fused
def _measure(rules, o, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """far = chi-square of the looks head..stop - 1; returns how many of the last ones in a row are anomalous."""
    run = 0
    for k in range(head, stop):
        residual(series.look, k, series.table, series.at[k], model.beta, model.e, k)
        series.far[k] = distance(model.e, k, model.weight)
        run = run + 1 if series.far[k] > rules.threshold[o.row] else 0
    return run


@fused
def _together(rules, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Do the looks of a break point the same way: mean angle between successive residuals, in scales (Zhu et al. 2020)."""
    e, weight, far = model.e, model.weight, series.far
    total = 0.0
    for k in range(head + 1, stop):
        product = 0.0
        for b in range(WIDTH):
            product += weight[b] * e[k, b] * e[k - 1, b]
        total += np.arccos(min(max(product / np.sqrt(far[k] * far[k - 1]), -1.0), 1.0))
    return total <= rules.angle * (stop - head - 1)


@fused
def _close(rules, o, p, head, stop, series, model, rows, found, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the segment that ends before the looks of its break, head..stop - 1; these are gathered anew."""
    row, e, sizes = found[rows], model.e, model.sizes
    row.pixel, row.first, row.last, row.looks = p, o.first, o.last, o.looks
    row.ended, row.said, row.row = series.day[head], series.day[stop - 1], stop - head
    row.chi = series.far[head]
    for k in range(head, stop):
        row.chi = min(row.chi, series.far[k])
        sizes[k - head] = series.look[k, 0] - e[k, 0]
    row.level = middle(sizes, stop - head)
    for b in range(WIDTH):
        for k in range(head, stop):
            sizes[k - head] = e[k, b]
        change[rows, b] = middle(sizes, stop - head)
    _describe(rules, o, model, rows, coefficients, rmse)
    o.phase, o.ended = GATHERS, o.ended + 1


@fused
def _describe(rules, o, model, rows, coefficients, rmse):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The model of all looks of a segment; that of the state stays as it was last solved."""
    used = terms_of(o.looks, rules)
    solve(model.gram, model.right, rules.ridge, used, model.root, coefficients[rows])
    rms(model.right, model.square, rules.ridge, coefficients[rows], o.looks, used, rmse[rows])


@fused
def _with_room(rows, more, found, coefficients, rmse, change):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The tables, or copies of them at least twice as long, with room for so many more rows."""
    if rows + more <= len(found):
        return found, coefficients, rmse, change
    length = 2 * (len(found) + more)
    a, b = np.empty(length, found.dtype), np.empty((length, TERMS, WIDTH))
    c, d = np.empty((length, WIDTH)), np.empty((length, WIDTH))
    for i in range(rows):  # copied at once it would take seconds to compile
        a[i] = found[i]
        for k in range(WIDTH):
            c[i, k], d[i, k] = rmse[i, k], change[i, k]
            for q in range(TERMS):
                b[i, q, k] = coefficients[i, q, k]
    return a, b, c, d
