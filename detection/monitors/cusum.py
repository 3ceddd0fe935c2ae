"""Cumulative sums of standardised residuals: Page's one-sided one, and the one of structural change."""

import math
from functools import cache
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

from detection.monitors import kernel
from detection.types import parameters

Beyond = Literal["clip", "drop"]
"""What becomes of a look further off than the clip."""
UNCLIPPED = 1e6
"""Residual scales that even an unclipped sum does not exceed at one look, so that it stays a number."""


@parameters
class Cusum:
    """Clipped CUSUM (Page 1954, Biometrika 41, 100): S = max(0, S + clip(-z) - slack), full evidence at S >= threshold.

    Defaults chosen on the Borneo series and on simulated ones (benchmarks/RESULTS.md, "Monitor update"); two looks in a row
    at the clip are full evidence.
    """

    kind: Literal["cusum"] = "cusum"
    """Which monitor."""
    slack: Annotated[float, Ge(0)] = 2.0
    """Residual scales forgiven at every look (k)."""
    threshold: Annotated[float, Gt(0)] = 9.0
    """Evidence that confirms (h), in residual scales."""
    clip: Annotated[float, Gt(0)] = 6.5
    """No look counts for more residual scales than this, in either direction."""

    def __post_init__(self) -> None:
        if self.slack >= self.clip:
            raise ValueError(f"slack {self.slack} is not below clip {self.clip}: no look could ever add evidence")

    def rule(self) -> kernel.Rule:
        """As the kernel takes it."""
        return kernel.Rule(kernel.CUSUM, self.slack, self.threshold, self.clip, math.inf, 0.0)


@parameters
class OlsCusum:
    """Cumulative sum as in structural change monitoring (Chu, Stinchcombe and White 1996, Econometrica 64, 1045).

    S = sum of -z / sqrt(n), n the looks of the history; full evidence at sqrt(x (x - 1) (a^2 + ln(x / (x - 1)))), x the looks
    so far over n (Zeileis et al. 2005, J. Appl. Econometrics 20, 99). Unclipped unless told, as published.
    """

    kind: Literal["ols-cusum"] = "ols-cusum"
    """Which monitor."""
    level: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    """Chance that a stable series ever crosses the boundary: 2 (1 - cdf(a) + a pdf(a)) of the standard normal."""
    clip: Annotated[float, Gt(0)] = math.inf
    """Residual scales ..."""
    beyond: Beyond = "clip"
    """... beyond which a look counts for so many (`clip`) or is left out (`drop`)."""

    def rule(self) -> kernel.Rule:
        """As the kernel takes it."""
        drop = self.clip if self.beyond == "drop" else math.inf
        return kernel.Rule(
            kernel.OLS_CUSUM, 0.0, critical_value(self.level), min(self.clip, UNCLIPPED), drop, -math.inf
        )


@cache
def critical_value(level: float) -> float:
    """The a at which 2 (1 - cdf(a) + a pdf(a)) of the standard normal is `level`, by bisection: it falls from 1 to 0."""
    low, high = 0.0, 40.0
    for _ in range(100):
        a = (low + high) / 2
        tail = math.erfc(a / math.sqrt(2)) + 2 * a * math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
        low, high = (a, high) if tail > level else (low, a)
    return (low + high) / 2
