"""Does a series of years rise or fall? Only what would be rare by chance is called a trend."""

from collections.abc import Sequence
from typing import Final, Literal

from scipy.stats import kendalltau

Trend = Literal["rises", "falls", "unclear", "too few"]
FEWEST: Final = 5
"""Of fewer years even a steady course is no rare chance: of the orders of four values one in twelve is steady."""
RARE: Final = 0.05
"""What would come by chance more seldom is called a trend (chosen, as is usual)."""


def trend(values: Sequence[float]) -> Trend:
    """One value a year. The test of Mann (1945, Econometrica 13: 245-259): Kendall's tau against time, exact without ties."""
    if len(values) < FEWEST:
        return "too few"
    made = kendalltau(range(len(values)), values)
    if not made.pvalue < RARE:  # of values all alike it is not a number
        return "unclear"
    return "rises" if made.statistic > 0 else "falls"
