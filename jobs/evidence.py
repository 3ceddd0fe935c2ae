"""From the columns of a table to looks: limits, units given by mistake, several columns as one number or, for a monitor
that fuses them, as the planes of optical and of radar looks."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.harmonics import YEAR_DAYS
from detection.monitors.fusion import DOUBT, Fusion
from detection.prepare import Prepare, planes_of
from detection.types import Days, Mask, Planes
from jobs.config import SeriesConfig
from jobs.tables import Table

MOSTLY: Final = 0.5
"""Share of the looks beyond ten times the valid range from which the scale is wrong, not the looks (chosen)."""
DECIBEL: Final = -10.0
"""A valid range that reaches down to here is decibels: no reflectance index does."""
RADAR_LIMITS: Final = (-50.0, 20.0)
"""Radar columns of a monitor that fuses: what lies outside is no backscatter in dB of any ground (chosen wide)."""


@dataclass(frozen=True)
class Evidence:
    """The clear looks of a table, in canonical order."""

    series: NDArray[np.int64]
    """(look,) position of its series."""
    days: Days
    """(look,) days since 1970-01-01 UTC."""
    key: NDArray[np.int64]
    """(look,) day times stride plus twice the occurrence, plus one for optical looks: looks of one day stay apart."""
    stride: int
    """Keys of one day."""
    values: NDArray[np.float64]
    """(look, slot) finite but for slots that the look has no plane for."""

    def take(self, keep: NDArray[Any]) -> "Evidence":
        """The looks of this mask, or at these positions."""
        return Evidence(self.series[keep], self.days[keep], self.key[keep], self.stride, self.values[keep])


def fused(config: SeriesConfig, there: Collection[str] | None = None) -> Planes | None:
    """The columns that a `fusion` monitor takes apart, those of them that are there; None for any other monitor."""
    if not isinstance(config.monitor, Fusion):
        return None
    asked = planes_of(config.monitor, Prepare(), ())
    return (
        asked if there is None else Planes(*(tuple(n for n in k if n in there) for k in (asked.optical, asked.radar)))
    )


def columns_of(config: SeriesConfig) -> tuple[str, ...]:
    """The columns to read."""
    planes = fused(config)
    return config.columns if planes is None else planes.names


def narrowed(config: SeriesConfig, planes: Planes | None) -> SeriesConfig:
    """The config whose `fusion` monitor takes these planes and no others; any other config as it is."""
    if planes is None:
        return config
    taken: dict[str, Any] = {"optical": planes.optical, "radar": planes.radar}
    return replace(config, monitor=replace(config.monitor, **taken))


def limits(config: SeriesConfig, column: str) -> tuple[float, float]:
    """The smallest and the largest number of a column that counts."""
    planes = fused(config)
    if planes is not None and column in planes.radar:
        return RADAR_LIMITS
    if planes is not None and column == DOUBT:
        return 0.0, 1.0
    low, high = config.valid_min, config.valid_max
    return -np.inf if low is None else low, np.inf if high is None else high


def in_range(path: Path, table: Table, config: SeriesConfig) -> tuple[NDArray[np.float64], list[str]]:
    """(row, column) values with NaN outside the column's limits; raises BadInput where the unit must be another one."""
    kept, notes = table.values.copy(), []
    for name, column in zip(table.columns, kept.T, strict=True):
        low, high = limits(config, name)
        found = column[np.isfinite(column)]
        if not found.size:
            continue
        said = f"{low:g} to {high:g}"
        span = f"{found.min():g} to {found.max():g}"
        if np.isfinite(low) and low <= DECIBEL and found.min() >= 0 and found.max() <= 1:
            raise BadInput(f"{path}: {name} is {span}, the config takes dB; is it linear power? Give 10*log10({name})")
        if (np.abs(found) > 10 * max(abs(low), abs(high))).mean() > MOSTLY:
            raise BadInput(f"{path}: {name} is {span}, the config takes {said}; is it scaled, by 10,000? Divide it")
        outside = (column < low) | (column > high)
        column[outside] = np.nan
        if outside.sum() == found.size:
            raise BadInput(f"{path}: {name} is {span}, never within {said}; mend valid_min, valid_max or the table")
        if outside.any():
            notes.append(f"{outside.sum():,} of {found.size:,} {name} lie outside {said}: not observed")
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
    lone = int((seen.any(1) & ~whole).sum())
    notes = [f"{lone:,} looks lack one of the columns their series has and count as not observed"] if lone else []
    return _evidence(table, np.flatnonzero(whole), np.ones(len(mean), np.bool_), mean[:, None]), notes


def apart(table: Table, values: NDArray[np.float64], planes: Planes) -> tuple[Evidence, list[str]]:
    """Up to two looks a row, the radar look first: one of its radar columns, one of its optical columns.

    A look that lacks one of its planes is not observed, as in a map.
    """
    rows, numbers, optical, notes = [], [], [], []
    for kind, names in (("radar", planes.radar), ("optical", planes.optical)):
        mine = values[:, [table.columns.index(name) for name in names]]
        whole = np.isfinite(mine).all(1) & bool(names)
        rows.append(np.flatnonzero(whole))
        optical.append(np.full(len(rows[-1]), kind == "optical"))
        numbers.append(np.pad(mine[whole], ((0, 0), (0, planes.width - len(names))), constant_values=np.nan))
        if lone := int((np.isfinite(mine).any(1) & ~whole).sum()):
            notes.append(f"{lone:,} {kind} looks lack one of {', '.join(names)} and count as not observed")
    at, is_optical = np.concatenate(rows), np.concatenate(optical)
    order = np.lexsort((is_optical, at))
    return _evidence(table, at[order], is_optical[order], np.concatenate(numbers)[order]), notes


def _evidence(table: Table, rows: NDArray[Any], optical: Mask, values: NDArray[np.float64]) -> Evidence:
    stride = 2 * (int(table.occurrence.max()) + 1)
    key = table.days[rows].astype(np.int64) * stride + 2 * table.occurrence[rows] + optical
    return Evidence(table.series[rows], table.days[rows], key, stride, values)


def in_history(days: Days, monitor_day: int, years: float) -> Mask:
    """The looks that the baseline is fitted to, as `jobs.plan` takes them."""
    made: Mask = (days >= monitor_day - int(years * YEAR_DAYS)) & (days < monitor_day)
    return made
