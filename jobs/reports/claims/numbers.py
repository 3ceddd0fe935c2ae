"""Numbers as texts state them: rounded, somewhere between two bounds, and what follows from several of them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

How = Literal["exact", "about", "over", "up to"]
COARSEST: Final = 0.05
"""A rounded number is taken to be this much off at most, however many noughts it ends in (chosen: three such numbers together
stay below a fifth, see tests/test_claims_checks.py)."""
WHOLE: Final = 100.0
"""Per cent."""
NEAR: Final = 0.01
"""Numbers that differ by less agree, whatever their digits (chosen: averages and part-years are written like this)."""


@dataclass(frozen=True)
class Bounds:
    """A number above nought that is known to lie between two others."""

    value: float
    """As it stands."""
    low: float
    """Least."""
    high: float
    """Most."""

    def __mul__(self, other: "Bounds | float") -> "Bounds":
        by = other if isinstance(other, Bounds) else exactly(other)
        return Bounds(self.value * by.value, self.low * by.low, self.high * by.high)

    def __truediv__(self, other: "Bounds | float") -> "Bounds":
        by = other if isinstance(other, Bounds) else exactly(other)
        return Bounds(self.value / by.value, self.low / by.high, self.high / by.low)

    def agrees(self, other: "Bounds") -> bool:
        """Do they meet, or nearly so?"""
        meet = self.low <= other.high and other.low <= self.high
        return meet or abs(self.value - other.value) <= NEAR * abs(other.value)


def exactly(value: float) -> Bounds:
    """A number without doubt."""
    return Bounds(value, value, value)


def rounded(value: float, how: How, coarsest: float | None = None) -> Bounds:
    """What a number may have been before it was rounded: half a unit of its last digit that is not nought, either way.

    `about` is off by `COARSEST`; `over` lies below what was rounded down, `up to` above. No number is off by more than that
    share of it, or than `coarsest`.
    """
    if value == 0:
        return exactly(0.0)
    most = COARSEST * abs(value) if coarsest is None else min(COARSEST * abs(value), coarsest)
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    unit = float(10.0 ** int(exponent))
    off = most if how == "about" else min(unit / 2, most)
    if how == "over":
        return Bounds(value, value, value + min(unit, most))
    return Bounds(value, value - (min(unit, most) if how == "up to" else off), value if how == "up to" else value + off)


def figure(value: float) -> str:
    """For a formula: whole from a thousand on, else four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
