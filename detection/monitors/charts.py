"""The charts as published, without our decision rules: the first crossing of the limit is the alarm and ends the watch.

For comparison with other implementations; the hot loop is the one that the product runs.
"""

import numpy as np
from numpy.typing import NDArray

from detection.harmonics import Table
from detection.monitors import advance, unseen
from detection.monitors.machine import CONFIRMED, days_of
from detection.monitors.state import Arrays, Detector, Looks, State
from detection.types import Float


def begin(detector: Detector, model: Arrays, statistic: Float) -> State:
    """The state of a chart over a given model (as `State.model`; season (0, pixel) for none) from a given statistic on.

    statistic: (pixel,) residual scales, positive towards loss; a pixel whose sigma is NaN is not watched.
    """
    pixels = len(statistic)
    watched = {**unseen(detector, pixels), "statistic": np.ascontiguousarray(statistic, np.float32)}
    return State(model, watched, np.zeros(pixels, np.uint8), np.zeros(pixels, np.int32), None, detector.digest)


def follow(detector: Detector, state: State, looks: Looks, *, table: Table | None = None, reuse: bool = False) -> State:
    """Take in looks. table: (time, term) regressors, `date_table` unless given; reuse: as in `monitors.update`."""
    return advance(detector, state, looks, table=table, reuse=reuse, alone=True)[0]


def alarms(state: State) -> NDArray[np.int32]:
    """(pixel,) day of the look that crossed the limit, -1 for none."""
    crossed = state.pixels["phase"] == CONFIRMED
    return np.where(crossed, days_of(state.column("confirmed_on")), -1).astype(np.int32)
