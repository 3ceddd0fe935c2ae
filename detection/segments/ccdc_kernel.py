"""The compiled loop of CCDC: blocks of pixels outside, stretches of dates inside, then one pixel's looks in order.

A pixel either gathers looks until a stretch of them is stable, or has a model and watches. A look is decided about once
looks enough for a break have come, itself the first: either all of them are a break, or it belongs to the segment or is
an outlier (Zhu et al. 2020). Only looks not yet decided about are kept; the others live on in sums. A look in which a
plane is not finite changes nothing, no pixel knows its neighbours, and nothing is decided by what comes later: looks
one by one equal looks all at once.
"""

from typing import Final

import numpy as np

from detection.lanes import fused
from detection.segments.ccdc_model import (
    DAY,
    FAR,
    FINAL,
    LEFT,
    LOOK,
    REST,
    ROWS,
    SCALE,
    TERM,
    TERMS,
    WEIGHT,
    WIDTH,
    absorb,
    measure,
    middle,
    rms,
    solve,
    terms_on,
)
from detection.segments.ccdc_start import STABLE, WAIT, begin, fit, terms_of, weigh
from detection.segments.ccdc_state import CHUNK, GATHERS, ROOM, WATCHES, put_down, take_up
from detection.segments.record import NO_DAY

BLOCK: Final = 64
"""Pixels laid out anew at once: a few cache lines of each plane and date, or fetching them takes longer than all the rest."""
RMSE, CHANGE, NUMBERS = TERMS, TERMS + 1, TERMS + 2
"""Rows of the numbers of a segment: its coefficients, then its residual scale, the change that ended it; so many are they."""


@fused
def walk(rules, values, offset, days, inside, state, found, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take looks into the state of pixels, which is written.

    values: (time, plane, any) float32, those of pixel p of the state in column offset + p; days: (time,) int32; inside:
    (pixel,) bool. found: rows of FOUND; numbers: (row, NUMBERS, WIDTH) float64: the segments that ended, to be written to.
    Returns (rows written, found, numbers), longer ones where those given had no room.
    """
    dates, many = values.shape[0], len(inside)
    block, missing = np.zeros((CHUNK, BLOCK, WIDTH), np.float32), np.zeros((CHUNK, BLOCK), np.float32)
    looks, model, sizes = np.zeros((ROOM + CHUNK, 4, WIDTH)), np.zeros((ROWS, WIDTH)), np.zeros(ROOM + CHUNK)
    dated = np.zeros((CHUNK, 4, WIDTH))  # looks that have terms alone
    rows = 0
    for since in range(0, dates, CHUNK):
        stretch = min(CHUNK, dates - since)
        for t in range(stretch):
            terms_on(days[since + t], dated, t)
        for first in range(0, many, BLOCK):
            width = min(BLOCK, many - first)
            _lay_out(values, since, stretch, offset + first, width, block, missing)
            for j in range(width):
                if inside[first + j]:
                    take_up(state, first + j, looks, model)
                    stop = _observed(state, first + j, days, since, stretch, j, block, missing, dated, looks)
                    found, numbers = _with_room(rows, stop // rules.looks + 1, found, numbers)
                    rows = _pixel(rules, state, first + j, stop, looks, model, sizes, rows, found, numbers)
    return rows, found, numbers


@fused
def standing(rules, state, inside, found, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The segments that are open, one row a pixel at most, written as in `walk`; returns how many. The state is only read.

    A look not yet decided about belongs to the segment if it is not anomalous.
    """
    looks, model = np.zeros((ROOM, 4, WIDTH)), np.zeros((ROWS, WIDTH))
    rows = 0
    for p in range(len(inside)):
        o = state.pixels[p]
        if o.phase != WATCHES or not inside[p]:
            continue
        take_up(state, p, looks, model)
        weigh(rules, model)
        row = found[rows]
        row.pixel, row.first, row.last, row.looks, row.ended = p, o.first, o.last, o.looks, NO_DAY
        for k in range(o.held):
            if measure(looks, k, model) <= rules.threshold[o.row]:
                row.last, row.looks = np.int32(looks[k, REST, DAY]), row.looks + 1
        _describe(rules, o, model, rows, numbers)
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
def _observed(state, p, days, since, stretch, j, block, missing, dated, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Append the observed looks of a pixel, the first of each day, to those held; returns how many there are now."""
    o = state.pixels[p]
    stop = np.int64(o.held)
    for t in range(stretch):
        day = days[since + t]
        if missing[t, j] == np.float32(0) and (o.seen == 0 or day > o.newest):
            for b in range(WIDTH):
                looks[stop, LOOK, b] = block[t, j, b]
            for q in range(TERMS):
                looks[stop, TERM, q] = dated[t, TERM, q]
            looks[stop, REST, DAY] = day
            o.since = day if o.seen == 0 else o.since
            o.newest, o.seen = day, o.seen + 1
            stop += 1
    return stop


@fused
def _pixel(rules, state, p, stop, looks, model, sizes, rows, found, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Take the looks from the held ones to stop - 1 into pixel p; returns the rows now written."""
    o = state.pixels[p]
    head, i, run = 0, np.int64(o.held), 0  # head..i - 1 are undecided, the last `run` of them anomalous
    if stop == i:
        return rows
    if o.phase == WATCHES:
        weigh(rules, model)
        run = _measure(rules, o, head, i, looks, model)
    while i < stop:
        if o.phase == GATHERS:
            head, i = _gather(rules, o, head, i + 1, looks, model, sizes)
            run = 0
            continue
        run = run + 1 if measure(looks, i, model) > rules.threshold[o.row] else 0
        i += 1
        while o.phase == WATCHES and _enough(rules, o, head, i, looks):
            if run >= i - head and _together(rules, head, i, looks, model):
                _close(rules, o, p, head, i, looks, model, sizes, rows, found, numbers)
                rows += 1
            else:
                if looks[head, REST, FAR] <= rules.outlier and _belongs(rules, o, head, looks, model):
                    run = _measure(rules, o, head + 1, i, looks, model)
                head += 1
    put_down(state, p, head, i, looks, model)
    return rows


@fused
def _enough(rules, o, head, stop, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Are the looks head..stop - 1 enough for a break, so that the first of them can be decided about?"""
    lasted = looks[stop - 1, REST, DAY] - looks[head, REST, DAY] >= rules.persist
    return stop - head >= o.row and (lasted or stop - head == ROOM)


@fused
def _belongs(rules, o, k, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Look k becomes part of the segment; is the model a new one by it?"""
    absorb(looks, k, model)
    o.looks, o.last = o.looks + 1, np.int32(looks[k, REST, DAY])
    new = o.looks >= rules.growth * o.fitted or terms_of(o.looks, rules) > o.used
    if new:
        fit(o, rules, model)
    return new


@fused
def _gather(rules, o, head, stop, looks, model, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A stable stretch among the looks head..stop - 1? Returns (first undecided look, the look to go on with).

    After a stable stretch these are the looks after the last that fits it: what it does not explain may be a break.
    """
    while stop - head >= rules.looks and looks[stop - 1, REST, DAY] - looks[head, REST, DAY] >= rules.days:
        outcome, last = begin(o, rules, head, stop, looks, model, sizes)
        if outcome == STABLE:
            return last + 1, last + 1
        if outcome == WAIT:
            break
        head += 1
    while stop - head >= ROOM:  # a break may hand over as many
        head = _make_room(rules, head, stop, looks)
    return head, stop


@fused
def _make_room(rules, head, stop, looks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """ROOM looks and no model: without the oldest; or, where they do not span enough yet, without the one least missed.

    That is the one between the two that are closest together: what is kept of a dense archive is spread evenly.
    """
    if looks[stop - 1, REST, DAY] - looks[head, REST, DAY] < rules.days:
        least, closest = head + 1, np.inf
        for k in range(head + 1, stop - 1):
            apart = looks[k + 1, REST, DAY] - looks[k - 1, REST, DAY]
            if apart < closest:
                least, closest = k, apart
        for k in range(least, head, -1):
            for part in range(4):
                for b in range(WIDTH):
                    looks[k, part, b] = looks[k - 1, part, b]
    return head + 1


@fused
def _measure(rules, o, head, stop, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Measure the looks head..stop - 1; returns how many of the last ones in a row are anomalous."""
    run = 0
    for k in range(head, stop):
        run = run + 1 if measure(looks, k, model) > rules.threshold[o.row] else 0
    return run


@fused
def _together(rules, head, stop, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Do the looks of a break point the same way: mean angle between successive residuals, in scales (Zhu et al. 2020)."""
    total = 0.0
    for k in range(head + 1, stop):
        product = 0.0
        for b in range(WIDTH):
            product += model[WEIGHT, b] * looks[k, LEFT, b] * looks[k - 1, LEFT, b]
        size = np.sqrt(looks[k, REST, FAR] * looks[k - 1, REST, FAR])
        total += np.arccos(min(max(product / size, -1.0), 1.0))
    return total <= rules.angle * (stop - head - 1)


@fused
def _close(rules, o, p, head, stop, looks, model, sizes, rows, found, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the segment that ends before the looks of its break, head..stop - 1; these are gathered anew."""
    row = found[rows]
    row.pixel, row.first, row.last, row.looks, row.row = p, o.first, o.last, o.looks, stop - head
    row.ended, row.said = np.int32(looks[head, REST, DAY]), np.int32(looks[stop - 1, REST, DAY])
    row.chi = looks[head, REST, FAR]
    for k in range(head, stop):
        row.chi = min(row.chi, looks[k, REST, FAR])
        sizes[k - head] = looks[k, LOOK, 0] - looks[k, LEFT, 0]
    row.level = middle(sizes, stop - head)
    for b in range(WIDTH):
        for k in range(head, stop):
            sizes[k - head] = looks[k, LEFT, b]
        numbers[rows, CHANGE, b] = middle(sizes, stop - head)
    _describe(rules, o, model, rows, numbers)
    o.phase, o.ended = GATHERS, o.ended + 1


@fused
def _describe(rules, o, model, rows, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The model of all looks of a segment; that of the state stays as it was last solved."""
    used = terms_of(o.looks, rules)
    solve(model, rules.ridge, used, FINAL)
    rms(model, rules.ridge, o.looks, used, FINAL)
    for b in range(WIDTH):
        numbers[rows, RMSE, b] = model[SCALE, b]
        for q in range(TERMS):
            numbers[rows, q, b] = model[FINAL + q, b]


@fused
def _with_room(rows, more, found, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The tables, or copies of them at least twice as long, with room for so many more rows."""
    if rows + more <= len(found):
        return found, numbers
    length = 2 * (len(found) + more)
    longer, wider = np.empty(length, found.dtype), np.empty((length, NUMBERS, WIDTH))
    for i in range(rows):  # copied at once it would take seconds to compile
        longer[i] = found[i]
        for k in range(NUMBERS):
            for b in range(WIDTH):
                wider[i, k, b] = numbers[i, k, b]
    return longer, wider
