"""What came after the losses of an archive: how far the leading plane came back, when regrowth began, whether it held.

Losses are those that the segmentation found; what follows is read from one look a year, whichever method it was: a model of
many looks needs a stable stretch, and regrowth is none.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import NO_YEAR, Turn
from detection.monitors import Looks
from detection.segments.annual import Annual, yearly
from detection.segments.record import CHANGE
from detection.segments.recovery import Metrics, Numbers, Recovery, Regrowth, Years, metrics, regrowth
from detection.types import Days, Mask

OWN: Final = (Turn.REGROWTH, Turn.RECLEARED)
"""Changes that are said here, in place of what a method that cuts archives says of them."""
NEVER: Final = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Aftermath:
    """What came after each loss, up to the next one of its pixel."""

    losses: NDArray[Any]
    """(loss,) CHANGE rows, by (pixel, day)."""
    start: Years
    """(loss,) last year with a look before the loss."""
    end: Years
    """(loss,) y0, the year from which recovery counts."""
    metrics: Metrics
    """Of each loss."""
    regrowth: Regrowth
    """Of each loss."""
    changes: NDArray[Any]
    """CHANGE rows of the kinds OWN, by (pixel, day)."""


@dataclass(frozen=True)
class _Seen:
    """One look a year around each loss."""

    years: Years
    """(year,) one after the other."""
    series: Numbers
    """(year, loss) the leading plane, turned so that loss lowers it; NaN from the next loss on."""
    days: Days
    """(year, loss) of the looks."""
    known: Days
    """(year,) day by which the look of a year is chosen."""
    losses: NDArray[Any]
    """(loss,) CHANGE rows."""
    sign: int
    """What the plane was multiplied by."""


def aftermath(
    recovery: Recovery, looks: Looks, changes: NDArray[Any], sign: int = 1, annual: Annual | None = None
) -> Aftermath:
    """What came after the losses among the CHANGE rows of an archive (by pixel and day).

    looks: of all pixels, the leading plane first; sign: +1 where loss lowers it, -1 where it raises it; annual: which looks
    stand for a year. y0 is the year of the lowest value among the first year seen after the loss and the `settles` years that
    follow it.
    """
    seen = _seen(annual or Annual(), looks, changes[changes["turn"] == Turn.LOSS], sign)
    start, end = _span(recovery, seen)
    grown = regrowth(recovery, seen.years, seen.series, start, end)
    rows = [
        _rows(seen, Turn.REGROWTH, grown.onset, recovery.lasting),
        _rows(seen, Turn.RECLEARED, grown.cleared, recovery.relapse_years),
    ]
    found = metrics(recovery, seen.years, seen.series, start, end)
    return Aftermath(seen.losses, start, end, found, grown, _ordered(np.concatenate(rows)))


def told(changes: NDArray[Any], after: Aftermath) -> NDArray[Any]:
    """The CHANGE rows of an archive, those of the kinds OWN as its aftermath has them; by (pixel, day)."""
    return _ordered(np.concatenate([changes[~np.isin(changes["turn"], OWN)], after.changes]))


def _ordered(changes: NDArray[Any]) -> NDArray[Any]:
    return changes[np.lexsort((changes["turn"], changes["day"], changes["pixel"]))]


def _seen(annual: Annual, looks: Looks, losses: NDArray[Any], sign: int) -> _Seen:
    """One look a year at the pixels that lost something; of no pixel, one year that shows nothing."""
    pixels, place = np.unique(losses["pixel"], return_inverse=True)
    made = yearly(annual, Looks(looks.scenes, np.ascontiguousarray(looks.values[:, :1, pixels])))
    if not made.scenes:
        none = np.zeros((1, 0))
        return _Seen(np.zeros(1, np.int32), none, none.astype(np.int32), np.zeros(1, np.int32), losses[:0], sign)
    years = np.array([scene.when.year for scene in made.scenes], np.int32)
    known = np.array([scene.day for scene in made.scenes], np.int32)
    days = made.days[:, place]
    later = days >= _following(losses)
    series = np.where(later, np.nan, sign * made.values[:, 0, place].astype(np.float64))
    return _Seen(years, series, days, known, losses, sign)


def _following(losses: NDArray[Any]) -> Days:
    """(loss,) day of the next loss of the pixel, NEVER after the last."""
    following = np.full(len(losses), NEVER, np.int32)
    again = np.flatnonzero(losses["pixel"][1:] == losses["pixel"][:-1])
    following[again] = losses["day"][again + 1]
    return following


def _span(recovery: Recovery, seen: _Seen) -> tuple[Years, Years]:
    """(loss,) last year seen before the loss, and y0: years beyond the series where there is none."""
    there, after = np.isfinite(seen.series), seen.days >= seen.losses["day"]
    rows = np.arange(len(seen.years))[:, None]
    before = np.where(there & ~after, rows, -1).max(0, initial=-1)
    first = np.where(there & after, rows, len(rows)).min(0, initial=len(rows))
    open_ = there & after & (rows <= first + recovery.settles)
    lowest = np.where(open_, seen.series, np.inf).argmin(0)
    end = np.where(first < len(rows), lowest, len(rows))
    return (seen.years[0] + before).astype(np.int32), (seen.years[0] + end).astype(np.int32)


def _rows(seen: _Seen, turn: Turn, first: Years, lasting: int) -> NDArray[Any]:
    """CHANGE rows of what began in year `first` of each loss (NO_YEAR: nothing did) and needs `lasting` years with a value."""
    which = np.flatnonzero(first != NO_YEAR)
    row, there = first[which] - seen.years[0], np.isfinite(seen.series[:, which])
    count = there.cumsum(0)
    at = np.arange(len(which))
    told_in = (count >= count[row, at] + lasting - 1).argmax(0)
    earlier = np.where(there & (np.arange(len(seen.years))[:, None] < row), np.arange(len(seen.years))[:, None], 0).max(
        0
    )
    made = np.zeros(len(which), CHANGE)
    made["pixel"], made["turn"], made["probability"] = seen.losses["pixel"][which], turn, np.nan
    made["day"], made["before"] = seen.days[row, which], seen.days[earlier, which]
    made["said"] = seen.known[told_in]
    made["level"] = seen.sign * seen.series[earlier, which]
    made["magnitude"] = seen.sign * (seen.series[told_in, which] - seen.series[earlier, which])
    return made


def latest(after: Aftermath) -> Mask:
    """(loss,) is it the last one of its pixel?"""
    last: Mask = _following(after.losses) == NEVER
    return last
