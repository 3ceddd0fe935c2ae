"""Page's one-sided CUSUM of clipped, standardised residuals."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt

from detection.types import parameters


@parameters
class Cusum:
    """Clipped CUSUM (Page 1954, Biometrika 41, 100): S = max(0, S + clip(-z) - slack), full evidence at S >= threshold.

    Defaults chosen on the Borneo series (benchmarks/RESULTS.md); three looks in a row at the clip confirm.
    """

    kind: Literal["cusum"] = "cusum"
    """Which monitor."""
    slack: Annotated[float, Ge(0)] = 2.5
    """Residual scales forgiven at every look (k)."""
    threshold: Annotated[float, Gt(0)] = 7.5
    """Evidence that confirms (h), in residual scales."""
    clip: Annotated[float, Gt(0)] = 5.0
    """No look counts for more residual scales than this, in either direction."""

    def __post_init__(self) -> None:
        if self.slack >= self.clip:
            raise ValueError(f"slack {self.slack} is not below clip {self.clip}: no look could ever add evidence")

    def evidence(self) -> tuple[int, float, float, float]:
        """(kind, gain, limit, clip) as the kernel takes them."""
        return 0, self.slack, self.threshold, self.clip
