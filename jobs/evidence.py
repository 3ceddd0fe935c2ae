"""From the columns of a table to one number a look: limits, units given by mistake, several columns as one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.harmonics import YEAR_DAYS
from detection.types import Days, Mask
from jobs.config import SeriesConfig
from jobs.tables import Table

MOSTLY: Final = 0.5
"""Share of the looks beyond ten times the valid range from which the scale is wrong, not the looks (chosen)."""
DECIBEL: Final = -10.0
"""A valid range that reaches down to here is decibels: no reflectance index does."""


@dataclass(frozen=True)
class Evidence:
    """The clear looks of a table, one number each, in canonical order."""

    series: NDArray[np.int64]
    """(look,) position of its series."""
    days: Days
    """(look,) days since 1970-01-01 UTC."""
    key: NDArray[np.int64]
    """(look,) day times stride plus occurrence: looks of one day stay apart."""
    stride: int
    """Keys of one day."""
    values: NDArray[np.float64]
    """(look,) all finite."""

    def take(self, keep: NDArray[Any]) -> "Evidence":
        """The looks of this mask, or at these positions."""
        return Evidence(self.series[keep], self.days[keep], self.key[keep], self.stride, self.values[keep])


def in_range(path: Path, table: Table, config: SeriesConfig) -> tuple[NDArray[np.float64], list[str]]:
    """(row, column) values with NaN outside the config's limits; raises BadInput where the unit must be another one."""
    low = -np.inf if config.valid_min is None else config.valid_min
    high = np.inf if config.valid_max is None else config.valid_max
    kept, notes = table.values.copy(), []
    for name, column in zip(config.columns, kept.T, strict=True):
        found = column[np.isfinite(column)]
        if not found.size:
            continue
        limits = f"{low:g} to {high:g}"
        span = f"{found.min():g} to {found.max():g}"
        if config.valid_min is not None and low <= DECIBEL and found.min() >= 0 and found.max() <= 1:
            raise BadInput(f"{path}: {name} is {span}, the config takes dB; is it linear power? Give 10*log10({name})")
        if (np.abs(found) > 10 * max(abs(low), abs(high))).mean() > MOSTLY:
            raise BadInput(f"{path}: {name} is {span}, the config takes {limits}; is it scaled, by 10,000? Divide it")
        outside = (column < low) | (column > high)
        column[outside] = np.nan
        if outside.sum() == found.size:
            raise BadInput(f"{path}: {name} is {span}, never within {limits}; mend valid_min, valid_max or the table")
        if outside.any():
            notes.append(f"{outside.sum():,} of {found.size:,} {name} lie outside {limits}: not observed")
    return kept, notes


def combined(
    table: Table, values: NDArray[np.float64], monitor_day: int, config: SeriesConfig
) -> tuple[Evidence, list[str]]:
    """One number a look: the mean of the columns the series has, that is, in at least half the looks of its history.

    A look that lacks one of them is not observed: columns lie at different levels, a mean over fewer would be a step.
    """
    seen = np.isfinite(values)
    past = seen.any(1) & in_history(table.days, monitor_day, config.history.years)
    many = len(table.ids)
    looks = np.bincount(table.series[past], minlength=many)
    counts = np.stack([np.bincount(table.series[past & column], minlength=many) for column in seen.T], 1)
    needed = 2 * counts >= np.maximum(looks, 1)[:, None]
    needed[~needed.any(1)] = True
    needed = needed[table.series]
    whole = (seen | ~needed).all(1)
    mean = np.where(needed, values, 0.0)[whole].sum(1) / needed[whole].sum(1)
    stride = int(table.occurrence.max()) + 1
    key = table.days.astype(np.int64) * stride + table.occurrence
    lone = int((seen.any(1) & ~whole).sum())
    notes = [f"{lone:,} looks lack one of the columns their series has and count as not observed"] if lone else []
    return Evidence(table.series[whole], table.days[whole], key[whole], stride, mean), notes


def in_history(days: Days, monitor_day: int, years: float) -> Mask:
    """The looks that the baseline is fitted to, as `jobs.plan` takes them."""
    made: Mask = (days >= monitor_day - int(years * YEAR_DAYS)) & (days < monitor_day)
    return made
