"""The ratio of two estimates, with the interval that both standard errors leave."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Ratio:
    """One estimate over another."""

    value: float
    """The ratio."""
    se: float
    """By the delta method, first order."""
    low: float
    """Lower end, Fieller's."""
    high: float
    """Upper end, Fieller's."""


def ratio(over: float, over_se: float, under: float, under_se: float, level: float) -> Ratio | None:
    """Fieller's interval (1954) of independent, normal estimates; None where the lower one cannot be told from nought.

    All ratios R for which `over - R under` is not told from nought: exact where the delta method is only so for a sure `under`.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    g = (z * under_se / under) ** 2 if under else 1.0
    if g >= 1:
        return None
    value = over / under
    se = sqrt(over_se**2 + (value * under_se) ** 2) / abs(under)
    half = z / abs(under) * sqrt(over_se**2 * (1 - g) + (value * under_se) ** 2)
    return Ratio(value, se, (value - half) / (1 - g), (value + half) / (1 - g))
