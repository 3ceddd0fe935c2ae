"""How far and how fast an index has come back after a loss, from one value a year.

The metrics are those of the package spectral-recovery 1.0 (PEOPLE-ER, metrics.py), after Frazier, Coops, Wulder, Hermosilla
and White 2018, Remote Sensing of Environment 205; `regrowth`, when it began and whether it held, is ours. All take an
index that loss lowers, such as NBR or NDVI, with values above 0 where there is forest. In float64, a pixel a column.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import ArrayLike, NDArray

from detection.codes import NO_YEAR
from detection.errors import BadInput
from detection.types import Mask, parameters

Numbers = NDArray[np.float64]
Years = NDArray[np.int32]

NOT_REACHED: Final = -9999.0
"""Y2R of a pixel that has been seen but has not come back yet, as spectral-recovery writes it."""
METRICS: Final = ("delta_ir", "yryr", "r80p", "y2r", "rri", "dnbr")


@parameters
class Recovery:
    """What counts as recovered."""

    span: Annotated[int, Ge(1)] = 5
    """Years after the end of the disturbance at which recovery is judged."""
    share: Annotated[float, Interval(gt=0, le=1)] = 0.8
    """Share of the target that counts as recovered."""
    rise: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    """Share of the loss the index must have regained to count as risen (chosen)."""
    lasting: Annotated[int, Ge(2)] = 3
    """Years in a row with a value it must stay risen (MapBiomas: three)."""
    relapse: Annotated[float, Gt(0)] = 0.5
    """Share of what it had regained whose loss is a second clearing, if it is `rise` of the first loss at least (chosen)."""
    relapse_years: Annotated[int, Ge(2)] = 2
    """Years in a row with a value that must show it: one alone is an interruption."""
    settles: Annotated[int, Ge(0)] = 2
    """Years after the first one seen after a loss in which the index may still fall (burning, grazing): recovery counts from the
    lowest of them (chosen)."""


@dataclass(frozen=True)
class Metrics:
    """Recovery of a row of pixels; NaN where a value it needs was not seen or lies beyond the series."""

    target: Numbers
    """(pixel,) T, level that counts as whole."""
    delta_ir: Numbers
    """(pixel,) index regrowth I(y0 + span) - I(y0)."""
    yryr: Numbers
    """(pixel,) delta_ir / span, a year."""
    r80p: Numbers
    """(pixel,) I(y0 + span) / (share T); NaN where T is not above 0."""
    y2r: Numbers
    """(pixel,) years from y0 to the first value of share T or more; NOT_REACHED, NaN where nothing was seen from y0 on,
    where there is no target or it is not above 0."""
    rri: Numbers
    """(pixel,) (the greater of I(y0 + span - 1) and I(y0 + span), less I(y0)) / (I(start) - I(y0)); NaN without a loss."""
    dnbr: Numbers
    """(pixel,) I(start) - I(y0): dNBR where the index is NBR."""


@dataclass(frozen=True)
class Regrowth:
    """When regrowth began, and whether it held."""

    onset: Years
    """(pixel,) first year from which the index stayed risen for `lasting` years with a value; NO_YEAR where it has not."""
    interruptions: NDArray[np.int32]
    """(pixel,) stretches of years after the onset in which it had fallen back, too short for a second clearing."""
    cleared: Years
    """(pixel,) year of the second clearing, NO_YEAR where there was none."""
    age: NDArray[np.int32]
    """(pixel,) years from the onset to the last value, or to the one before the second clearing; -1 without an onset."""


@dataclass(frozen=True)
class Summary:
    """A metric over a polygon."""

    mean: float
    """Weighted mean over the pixels that have it, of y2r over those that have come back; NaN where none has."""
    pixels: int
    """Pixels of weight above 0 that have it, of y2r also those not yet back."""
    recovered: float
    """Weighted share that has come back: of y2r those that reached the target, of others those of 1 or more; NaN of none."""


def metrics(
    recovery: Recovery, years: Years, values: ArrayLike, start: Years, end: Years, target: ArrayLike | None = None
) -> Metrics:
    """The recovery metrics of a row of pixels.

    years: (year,) without a gap; values: (year, pixel), NaN = not observed; start: (pixel,) last year before the loss, in
    which the index is still that of the forest; end: (pixel,) y0, the year the loss ended and recovery began; target:
    (pixel,) or one number, by default the mean of the index in `start` and the year before, of one where only one was
    seen. Raises BadInput for years with gaps, or a loss that ends before it starts.
    """
    series = _checked(years, values, start, end)
    whole = _target(series, years, start, target)
    before, low = _at(series, years, start), _at(series, years, end)
    then, earlier = _at(series, years, end + recovery.span), _at(series, years, end + recovery.span - 1)
    some = np.where(whole > 0, whole, np.nan)
    loss = before - low
    return Metrics(
        target=whole,
        delta_ir=then - low,
        yryr=(then - low) / recovery.span,
        r80p=then / (recovery.share * some),
        y2r=_years_to(series, years, end, recovery.share * some),
        rri=(np.fmax(earlier, then) - low) / np.where(loss != 0, loss, np.nan),
        dnbr=loss,
    )


def regrowth(
    recovery: Recovery, years: Years, values: ArrayLike, start: Years, end: Years, target: ArrayLike | None = None
) -> Regrowth:
    """When regrowth began and whether it held; parameters as of `metrics`.

    The index counts as risen from I(y0) + rise (T - I(y0)) on. It has fallen back where it lies below its highest value
    since the onset by the greater of `relapse` of what it had regained and `rise` of the first loss. A last year that has
    fallen back alone says nothing yet.
    """
    series = _checked(years, values, start, end)
    whole = _target(series, years, start, target)
    low = _at(series, years, end)
    first = _onset(recovery, series, years, end, low + recovery.rise * (whole - low))
    found, interruptions = _cleared(recovery, series, years, first, low, whole)
    last = np.where(np.isfinite(series) & ((found == NO_YEAR) | (years[:, None] < found)), years[:, None], NO_YEAR)
    age = np.where(first != NO_YEAR, last.max(0, initial=NO_YEAR) - first, -1)
    return Regrowth(first, interruptions, found, age.astype(np.int32))


def polygon(measured: Metrics, weights: ArrayLike) -> dict[str, Summary]:
    """The metrics of METRICS over a polygon, by name.

    weights: (pixel,) the share of each pixel within, or a mask. As in spectral-recovery the metrics are those of pixels,
    summarised afterwards, not those of a mean series: a mean of pixels that were cleared in turn never falls so low.
    """
    inside = np.asarray(weights, np.float64)
    return {name: summary(name, getattr(measured, name), inside) for name in METRICS}


def summary(name: str, numbers: Numbers, weights: Numbers) -> Summary:
    """One of METRICS, (pixel,), over a polygon."""
    known = np.isfinite(numbers) & (weights > 0)
    back = known & (numbers != NOT_REACHED) if name == "y2r" else known & (numbers >= 1)
    counted = back if name == "y2r" else known
    share = float(weights[back].sum() / weights[known].sum()) if known.any() else np.nan
    mean = float(np.average(numbers[counted], weights=weights[counted])) if counted.any() else np.nan
    return Summary(mean, int(known.sum()), share)


def _checked(years: Years, values: ArrayLike, start: Years, end: Years) -> Numbers:
    """The values as float64, infinite ones as NaN."""
    series = np.asarray(values, np.float64)
    if len(years) == 0 or (np.diff(years) != 1).any():
        raise BadInput("recovery: the years are not one after the other; give one row a year, NaN where none was seen")
    if series.shape != (len(years), len(start)) or len(start) != len(end):
        raise BadInput(f"recovery: values {series.shape}; (year, pixel) {(len(years), len(start))} expected")
    if (np.asarray(end) <= np.asarray(start)).any():
        raise BadInput("recovery: a loss ends in the year it starts, or before; start is the last year before it")
    return np.where(np.isfinite(series), series, np.nan)


def _at(series: Numbers, years: Years, when: Years) -> Numbers:
    """(pixel,) the value in a year of its own, NaN beyond the series."""
    row = np.asarray(when, np.int64) - int(years[0])
    inside = (row >= 0) & (row < len(years))
    return np.where(inside, series[np.where(inside, row, 0), np.arange(series.shape[1])], np.nan)


def _target(series: Numbers, years: Years, start: Years, given: ArrayLike | None) -> Numbers:
    """(pixel,) the target given, else the mean of the two years before the loss, of one where only one was seen."""
    if given is not None:
        return np.broadcast_to(given, start.shape).astype(np.float64)
    one, other = _at(series, years, start - 1), _at(series, years, start)
    return 0.5 * (np.where(np.isnan(one), other, one) + np.where(np.isnan(other), one, other))


def _years_to(series: Numbers, years: Years, end: Years, level: Numbers) -> Numbers:
    """(pixel,) years from `end` to the first value of this level or more, see `Metrics.y2r`."""
    since = years[:, None] >= end
    reached = since & (series >= level)
    first = years[0] + reached.argmax(0) - end
    seen = (since & np.isfinite(series)).any(0) & np.isfinite(level)
    return np.where(seen, np.where(reached.any(0), first, NOT_REACHED), np.nan)


def _onset(recovery: Recovery, series: Numbers, years: Years, end: Years, level: Numbers) -> Years:
    """(pixel,) first year of the first `lasting` values in a row that are at this level or above; NO_YEAR else."""
    first = np.full(series.shape[1], NO_YEAR, np.int32)
    begun, run = first.copy(), np.zeros(series.shape[1], np.int32)
    for year, row in zip(years, series, strict=True):
        seen = np.isfinite(row) & (year > end)
        risen = seen & (row >= level)
        begun = np.where(risen & (run == 0), year, begun).astype(np.int32)
        run = np.where(risen, run + 1, np.where(seen, 0, run)).astype(np.int32)
        first = np.where((first == NO_YEAR) & (run == recovery.lasting), begun, first).astype(np.int32)
    return first


def _cleared(
    recovery: Recovery, series: Numbers, years: Years, onset: Years, low: Numbers, target: Numbers
) -> tuple[Years, NDArray[np.int32]]:
    """(pixel,) year of the second clearing, and the shorter stretches it had fallen back before."""
    pixels = series.shape[1]
    found, begun, run, breaks = (np.full(pixels, v, np.int32) for v in (NO_YEAR, NO_YEAR, 0, 0))
    highest = np.full(pixels, -np.inf)
    for year, row in zip(years, series, strict=True):
        open_ = np.isfinite(row) & (onset != NO_YEAR) & (year >= onset) & (found == NO_YEAR)
        depth = np.maximum(recovery.relapse * (highest - low), recovery.rise * (target - low))
        down: Mask = open_ & (highest - row >= depth)
        breaks = np.where(open_ & ~down & (run > 0), breaks + 1, breaks).astype(np.int32)
        begun = np.where(down & (run == 0), year, begun).astype(np.int32)
        run = np.where(down, run + 1, np.where(open_, 0, run)).astype(np.int32)
        found = np.where((found == NO_YEAR) & (run == recovery.relapse_years), begun, found).astype(np.int32)
        highest = np.where(open_ & ~down, np.maximum(highest, row), highest)
    return found, breaks
