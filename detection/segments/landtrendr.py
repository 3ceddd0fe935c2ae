"""LandTrendr: one value a year cut into straight segments (Kennedy, Yang and Cohen 2010, RSE 114, 2897).

Spikes are dampened; vertices are found where regressions are worst, those of shallow angles dropped; of models with fewer
and fewer segments, none of which may recover too fast, the best by its p of F is taken: `polyline`, `trace`.

It describes histories, it is no alarm: every year changes what is said of those before it. A year without a value is no
different from one that is not there: lines run across it. Of several values of a calendar year (UTC) one is taken, see
`trace`. Ours, where the paper leaves room: a step between two flat levels is among the models, in place of a second fit by
Levenberg-Marquardt, since a record of few years has no room for the three free segments of one; a segment without error
is not split further; and what the segments mean, `turns`.
"""

from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray

from detection.monitors.state import Looks
from detection.segments.polyline import Rules
from detection.segments.record import CHANGE, SEGMENT, Segments
from detection.segments.trace import trace
from detection.segments.turns import Meaning
from detection.types import Days, Mask, parameters

PLANE: Final = "index"
"""Name of the one plane where the caller has no other."""


@parameters
class Landtrendr:
    """How yearly values are cut into segments, and which of them are changes.

    Names and defaults of the first eight as in Earth Engine (Kennedy et al. 2018, Remote Sensing 10, 691, Table 1).
    """

    kind: Literal["landtrendr"] = "landtrendr"
    """Which method."""
    max_segments: Annotated[int, Interval(ge=1, le=20)] = 6
    """Most segments; a step between two flat levels takes three."""
    spike: Annotated[float, Interval(ge=0, le=1)] = 0.9
    """Spikes of which more than this share comes back the year after are dampened; 1: none."""
    overshoot: Annotated[int, Interval(ge=0, le=20)] = 3
    """Vertices found beyond those that are kept."""
    one_year_recovery: bool = False
    """Allow a recovery within one year."""
    recovery: Annotated[float, Gt(0)] = 0.25
    """Fastest recovery, share of the series' range a year: 0.25 takes four years."""
    p: Annotated[float, Interval(gt=0, le=1)] = 0.05
    """Largest p of F of a model."""
    best_model: Annotated[float, Interval(ge=0, le=1)] = 0.75
    """A model with more segments is preferred while its p is within (2 - this) times the least."""
    min_years: Annotated[int, Ge(3)] = 6
    """Fewer years with a value than this end as the status "too few clear looks"."""
    magnitude: Annotated[float, Ge(0)] = 0.12
    """Least change of the index from one level to the next, in its units (chosen, see benchmarks)."""
    longest_loss: Annotated[float, Gt(0)] = 4.0
    """Years a loss may take; a longer decline is a change of the kind "other"."""
    forest_min: float | None = None
    """Level a loss must begin at, and below which a pixel that never reaches it is "not forest"; null takes all."""


def segments(parameters: Landtrendr, looks: Looks, *, inside: Mask, sign: int = 1, plane: str = PLANE) -> Segments:
    """Cut the yearly values of a row of pixels into segments.

    looks: in canonical order, slot 0 is read; inside: (pixel,) area mask; sign: +1 where loss lowers the index, -1 where
    it raises it; plane: its name.

    Segments share their vertices: first and last are the looks of the two, both counted among its looks; `coefficients`
    are the level at the first and the slope in units of the index a calendar year. A change lies between the two
    neighbouring looks where the values cross the middle of its levels. Its probability is 1 - p of F of the pixel's
    whole model: that the index does anything but scatter about its mean. `said` is the newest look at the pixel, since
    the whole archive decides.
    """
    p, values, days = parameters, np.ascontiguousarray(looks.values[:, 0], np.float32), looks.days
    pixels, most = values.shape[1], values.shape[1] * p.max_segments
    years, starts = _years(days)
    rules = Rules(p.min_years, p.max_segments, p.overshoot, p.spike, p.recovery, p.one_year_recovery, p.p, p.best_model)
    forest = -np.inf if p.forest_min is None else float(sign * p.forest_min)
    means = Meaning(float(sign), float(p.magnitude), float(p.longest_loss), forest)
    status, rows, changes = np.zeros(pixels, np.uint8), np.empty(most, SEGMENT), np.empty(most, CHANGE)
    models, rmse = np.empty((most, 1, 2), np.float32), np.empty((most, 1), np.float32)
    inside = np.ascontiguousarray(inside)
    cut, changed = trace(values, days, starts, years, inside, rules, means, status, rows, models, rmse, changes)
    return Segments(
        (plane,), status, rows[:cut].copy(), models[:cut].copy(), rmse[:cut].copy(), changes[:changed].copy()
    )


def _years(days: Days) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The calendar years (UTC) of days in order, and (year + 1,) the first look of each."""
    years, first = np.unique(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64), return_index=True)
    return years.astype(np.float64), np.append(first, len(days)).astype(np.int64)
