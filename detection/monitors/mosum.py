"""Moving sum of the last standardised residuals: forgets what is older than its window, all at once."""

import math
from typing import Annotated, Literal

from annotated_types import Gt, Interval, Le

from detection.monitors import kernel
from detection.types import parameters


@parameters
class Mosum:
    """MOSUM (Chu, Hornik and Kuan 1995, Biometrika 82, 603): M = sum of clip(-z) over the last `looks` clear looks.

    Full evidence at limit * sqrt(looks): the limit is in scales of M for independent looks. The window is kept in
    sixteenths of a residual scale. With the default limit three looks in a row at the clip are full evidence.
    """

    kind: Literal["mosum"] = "mosum"
    """Which monitor."""
    looks: Annotated[int, Interval(ge=2, le=64)] = 6
    """Clear looks in the window."""
    limit: Annotated[float, Gt(0)] = 6.0
    """Alarm limit, in scales of the sum."""
    clip: Annotated[float, Gt(0), Le(127 / kernel.RING_STEP)] = 5.0
    """No look counts for more residual scales than this, in either direction."""

    def __post_init__(self) -> None:
        if self.limit * math.sqrt(self.looks) > self.looks * self.clip:
            raise ValueError(
                f"limit {self.limit} can never be reached with clip {self.clip}: lower it or widen the clip"
            )

    def rule(self) -> kernel.Rule:
        """As the kernel takes it."""
        level = self.limit * math.sqrt(self.looks)
        return kernel.Rule(kernel.MOSUM, 0.0, level, self.clip, math.inf, -math.inf)
