"""Exponentially weighted moving average of clipped, standardised residuals."""

import math
from typing import Annotated, Literal

from annotated_types import Gt, Interval

from detection.monitors import kernel
from detection.monitors.cusum import Beyond
from detection.types import parameters


@parameters
class Ewma:
    """EWMA chart (Roberts 1959, Technometrics 1, 239): E = (1 - weight) E + weight clip(-z), full evidence at the limit.

    The limit is in asymptotic scales of E for independent looks, sqrt(weight / (2 - weight)). With the default limit
    three looks in a row at the clip are full evidence.
    """

    kind: Literal["ewma"] = "ewma"
    """Which monitor."""
    weight: Annotated[float, Interval(gt=0, le=1)] = 0.3
    """Weight of the newest look (lambda)."""
    limit: Annotated[float, Gt(0)] = 7.0
    """Alarm limit (L), in asymptotic scales of the average."""
    clip: Annotated[float, Gt(0)] = 5.0
    """Residual scales ..."""
    beyond: Beyond = "clip"
    """... beyond which a look counts for so many (`clip`) or is left out (`drop`), in either direction."""
    two_sided: bool = False
    """Let the average go to either side, as published; else it is held at nought, so that gain pays for no loss."""

    def __post_init__(self) -> None:
        if self._level() >= self.clip:
            raise ValueError(
                f"limit {self.limit} can never be reached with clip {self.clip}; lower it or widen the clip"
            )

    def _level(self) -> float:
        return self.limit * math.sqrt(self.weight / (2 - self.weight))

    def rule(self) -> kernel.Rule:
        """As the kernel takes it."""
        drop = self.clip if self.beyond == "drop" else math.inf
        floor = -math.inf if self.two_sided else 0.0
        return kernel.Rule(kernel.EWMA, self.weight, self._level(), self.clip, drop, floor)
