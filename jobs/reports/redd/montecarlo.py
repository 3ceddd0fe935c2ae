"""Approach 2 of the IPCC: Monte Carlo. A quantity is drawn once an iteration, for everything that depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detection.errors import BadInput
from jobs.reports.redd.propagation import Formula
from jobs.reports.redd.quantity import Numbers, Quantity, draw

FEWEST: Final = 1_000
"""Fewer draws leave the 5th percentile on a handful of them (chosen)."""
MOST: Final = 1_000_000


@dataclass(frozen=True)
class Summary:
    """What draws of a result say."""

    mean: float
    """Of all draws."""
    median: float
    """Half of them are lower."""
    sd: float
    """Standard deviation: the standard error of the result."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end."""
    level: float
    """Of the interval, per cent."""

    @property
    def half_width(self) -> float:
        """Half the interval, which need not lie in the middle."""
        return (self.high - self.low) / 2

    @property
    def of_median(self) -> float | None:
        """Half the interval over the median, as mocaredd and the FCPF reckon U; None where the median is not above 0."""
        return self.half_width / self.median if self.median > 0 else None

    @property
    def of_mean(self) -> float | None:
        """Half the interval over the mean, as ART TREES reckons it."""
        return self.half_width / self.mean if self.mean > 0 else None


def drawn(quantities: Mapping[str, Quantity], n: int, seed: int) -> dict[str, float | Numbers]:
    """Name -> (n,) draws, each from a stream of its own; one figure where nothing is unknown."""
    if not FEWEST <= n <= MOST:
        raise BadInput(f"Monte Carlo with {n} draws; expected {FEWEST} to {MOST}, e.g. 10000")
    return {name: one.value if one.exact else draw(one, n, seed) for name, one in quantities.items()}


def summary(draws: float | Numbers, level: float) -> Summary:
    """Mean, median and the interval of so many per cent, between the quantiles that leave as much on either side."""
    if not 0 < level < 100:
        raise BadInput(f"confidence level {level:g} %: expected one between 0 and 100, e.g. 90")
    some = np.atleast_1d(np.asarray(draws, np.float64))
    low, median, high = np.quantile(some, [0.5 - level / 200, 0.5, 0.5 + level / 200])
    return Summary(float(some.mean()), float(median), float(some.std()), float(low), float(high), level)


def shares(quantities: Mapping[str, Quantity], outcome: Formula, result: str, n: int, seed: int) -> dict[str, float]:
    """Quantity -> share of the variance of a result, each varied alone while all others stay at their best value.

    Shares of what single quantities bring in; what only several of them do together is in none. Largest first.
    """
    best = {name: one.value for name, one in quantities.items()}
    alone = {}
    for name, one in quantities.items():
        if not one.exact:
            alone[name] = float(np.var(outcome({**best, name: draw(one, n, seed)})[result]))
    total = sum(alone.values())
    ordered = sorted(alone.items(), key=lambda pair: (-pair[1], pair[0]))
    return {name: part / total for name, part in ordered} if total else {}
