"""What the looks of a stretch at a pixel look like, in numbers: levels, the step that parts them best, and what followed it.

For pixels whose state is asked for, not their alarm: a year of composites, or the looks around a break. Only order and
values count, so composites ten days apart and looks of a week are described alike. Water, fields and pasture differ from
forest in their levels; a clearing differs from a field, which is bare in turn every year, in that what was before it was
forest and in that what follows it stays low.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Float, Mask

LEAST: Final = 3
"""Looks on either side of a step, at least, and of a running median (chosen)."""
ENDS: Final = 4
"""The first and the last of so many parts of a stretch say how it began and ended (chosen)."""
SPREAD_FLOOR: Final = 0.01
"""Added to the spread below a ratio: no index is known better (chosen)."""
OF_A_PLANE: Final[Mapping[str, str]] = {
    "low": "tenth percentile",
    "middle": "median",
    "high": "ninetieth percentile",
    "before": "median before the step of the leading plane",
    "after": "median from the step on",
    "step": "from before to after",
    "start": "median of the first quarter of the looks",
    "end": "median of the last quarter",
    "change": "from start to end",
}
"""Suffix of a feature of a plane -> meaning, in units of the plane."""
OF_THE_LEADING: Final[Mapping[str, str]] = {
    "trough": "lowest median of three looks in a row, in units of the leading plane",
    "drop": "from the highest such median before the trough down to it",
    "rebound": "from the trough up to the end",
    "step_at": "share of the looks that lie before the step",
    "trough_at": "share of the looks that lie before the trough",
    "spread": "median distance of the looks from the levels before and after the step",
    "step_ratio": "step over spread",
}
"""Feature -> meaning."""


def names(planes: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    """The features of these planes, the leading one first, in the order of the columns of `traces`."""
    return (*(f"{plane}_{suffix}" for plane in planes for suffix in OF_A_PLANE), *OF_THE_LEADING)


def traces(planes: Mapping[str, Float]) -> Float:
    """(series, feature) float32, columns as `names` has them; NaN where a series has fewer than 3 LEAST looks.

    planes: name -> (look, series) in order of time, NaN = not observed; the first leads, and loss lowers it. A look counts
    where all planes are finite. Raises BadInput for planes of different shapes, or none.
    """
    shapes = {values.shape for values in planes.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise BadInput(f"traces: planes of shapes {sorted(shapes)}; give one (look, series) array each, all alike")
    stack = np.stack([np.asarray(values, np.float64) for values in planes.values()])
    made = np.full((stack.shape[2], len(names(tuple(planes)))), np.nan, np.float32)
    seen: Mask = np.asarray(np.isfinite(stack).all(0))
    for series in np.flatnonzero(seen.sum(0) >= 3 * LEAST).tolist():
        made[series] = _described(stack[:, seen[:, series], series])
    return made


def _described(looks: NDArray[np.float64]) -> list[float]:
    """The features of one series; looks: (plane, look), all finite."""
    at = step_of(looks[0])
    quarter = max(LEAST, looks.shape[1] // ENDS)
    low, middle, high = np.quantile(looks, (0.1, 0.5, 0.9), axis=1)
    before, after = np.median(looks[:, :at], 1), np.median(looks[:, at:], 1)
    start, end = np.median(looks[:, :quarter], 1), np.median(looks[:, -quarter:], 1)
    levels = np.stack([low, middle, high, before, after, after - before, start, end, end - start], 1).ravel()
    return [*levels.tolist(), *_leading(looks[0], at, before[0], after[0], end[0])]


def _leading(values: NDArray[np.float64], at: int, before: float, after: float, end: float) -> tuple[float, ...]:
    running = np.median(np.lib.stride_tricks.sliding_window_view(values, LEAST), 1)
    lowest = int(running.argmin())
    trough, many = float(running[lowest]), len(values)
    drop = float(running[: lowest + 1].max()) - trough
    level = np.where(np.arange(many) < at, before, after)
    spread = float(np.median(np.abs(values - level)))
    ratio = (after - before) / (spread + SPREAD_FLOOR)
    return trough, drop, end - trough, at / many, lowest / many, spread, ratio


def step_of(values: NDArray[np.float64]) -> int:
    """Position of the first look after the fall that parts the values best: least squares over two levels, the second lower.

    Where nothing falls, the middle. values: (look,), finite.
    """
    many = len(values)
    cuts = np.arange(LEAST, many - LEAST + 1)
    total = values.cumsum()
    first = total[cuts - 1] / cuts
    fall = first - (total[-1] - total[cuts - 1]) / (many - cuts)
    gain = np.where(fall > 0, cuts * (many - cuts) * fall**2, 0.0)
    return int(cuts[gain.argmax()]) if gain.max() > 0 else many // 2
