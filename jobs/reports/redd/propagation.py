"""Approach 1 of the IPCC: error propagation, first order, with figures that several lines share counted once.

Where nothing is shared it is the two rules of the Guidelines: relative errors of a product add up in squares, absolute
errors of a sum do.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scipy import stats

from detection.errors import BadInput
from jobs.reports.redd.quantity import Numbers, Quantity

STEP: Final = 1e-4
"""Of the standard error, for derivatives by central differences: exact where a figure enters as a factor, as nearly all do."""
Formula = Callable[[Mapping[str, float | Numbers]], Mapping[str, float | Numbers]]
"""Values of the quantities -> results by name."""


@dataclass(frozen=True)
class Propagated:
    """A result of error propagation."""

    value: float
    """By the best values."""
    se: float
    """Standard error."""
    parts: Mapping[str, float]
    """Quantity -> variance that it brings in."""

    def half_width(self, level: float) -> float:
        """Of the interval of that level (per cent), on either side of the value."""
        return z(level) * self.se

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper end."""
        half = self.half_width(level)
        return self.value - half, self.value + half


def z(level: float) -> float:
    """Quantile of the normal distribution for a two-sided interval, e.g. 1.645 for 90 per cent."""
    if not 0 < level < 100:
        raise BadInput(f"confidence level {level:g} %: expected one between 0 and 100, e.g. 90")
    return float(stats.norm.ppf(0.5 + level / 200))


def propagate(quantities: Mapping[str, Quantity], formula: Formula) -> dict[str, Propagated]:
    """Value and error of every result of a formula of these quantities, which err independently of one another."""
    best = {name: one.value for name, one in quantities.items()}
    parts: dict[str, dict[str, float]] = {name: {} for name in formula(best)}
    for name, one in quantities.items():
        if (spread := one.deviation) > 0:
            step = STEP * spread
            above, below = (formula({**best, name: best[name] + way * step}) for way in (1, -1))
            for result, part in parts.items():
                part[name] = float((above[result] - below[result]) / 2 / STEP) ** 2
    return {
        result: Propagated(float(value), math.sqrt(math.fsum(parts[result].values())), parts[result])
        for result, value in formula(best).items()
    }
