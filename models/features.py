"""What one revision of an alert looks like, in numbers. The same code in training and in use.

Only what the revision itself says is read, so nothing from its future can leak in. Left out on purpose: the revision's
number and `area_ha_new`, which say how often we spoke and not what was seen; and the magnitude in units of the index,
which would tie the model to one index (it comes in only relative to the pixel's own noise, and as a ratio).
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert
from detection.types import SECONDS_A_DAY, Float, to_date

NONE: Final = -1.0
"""Stands for a date that the revision does not have: no number of days between two dates in order is negative."""
YEAR_DAYS: Final = 365.25

READERS: Final[dict[str, Callable[[Alert], float]]] = {
    "area_log10_ha": lambda a: np.log10(max(a.area_ha, 1e-3)),
    "sigma": lambda a: abs(a.magnitude_sigma),
    "max_ratio": lambda a: a.magnitude_max / a.magnitude if a.magnitude else 0.0,
    "count": lambda a: a.count,
    "days_to_detect": lambda a: _days(a.change_date, a.first_detected),
    "days_unseen_before": lambda a: _days(a.last_clear_before, a.change_date),
    "days_to_confirm": lambda a: _days(a.change_date, a.confirmed_on),
    "days_growing": lambda a: _days(a.first_detected, a.last_detected),
    "days_since_change": lambda a: _days(a.change_date, to_date(a.observed_at // SECONDS_A_DAY)),
    "expired": lambda a: a.status == "expired",
    "season_sin": lambda a: np.sin(_season(a.change_date)),
    "season_cos": lambda a: np.cos(_season(a.change_date)),
}
SHAPE_NAMES: Final = ("compactness", "elongation", "fill", "core_share")
NAMES: Final[tuple[str, ...]] = (*READERS, *SHAPE_NAMES)
"""Order of the columns of `features`; a stored model carries them and is refused where they differ."""


def features(alerts: Sequence[Alert]) -> Float:
    """(alert, feature) float32, finite, columns in the order of NAMES."""
    rows = [[*(float(read(a)) for read in READERS.values()), *shape(a.cells)] for a in alerts]
    return np.array(rows, np.float32).reshape(len(rows), len(NAMES))


def shape(cells: NDArray[np.int32]) -> tuple[float, float, float, float]:
    """(compactness, elongation, fill, core share) of (n, 2) cells; without units.

    compactness: 16 n / perimeter^2 in cell sides, 1 for a square, small for a line or a scatter (after Polsby and
    Popper 1991, the square as the ideal). elongation: ratio of the axes of the ellipse with the same second moments,
    each cell taken as a square (1/12). fill: share of the bounding box. core share: cells with all four neighbours.
    """
    n = len(cells)
    if n == 0:
        return 0.0, 1.0, 0.0, 0.0
    place = cells - cells.min(0) + 1
    grid = np.zeros(place.max(0) + 2, np.int8)
    grid[place[:, 0], place[:, 1]] = 1
    inner = grid[1:-1, 1:-1]
    neighbours = (grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:])[inner == 1]
    perimeter = 4 * n - int(neighbours.sum())
    moments = np.cov(place.T, bias=True).reshape(2, 2) + np.eye(2) / 12
    small, large = np.linalg.eigvalsh(moments)
    return 16 * n / perimeter**2, float(np.sqrt(large / small)), n / inner.size, float((neighbours == 4).mean())


def _days(first: date | None, last: date | None) -> float:
    return NONE if first is None or last is None else float((last - first).days)


def _season(when: date) -> float:
    return float(2 * np.pi * when.timetuple().tm_yday / YEAR_DAYS)
