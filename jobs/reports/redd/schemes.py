"""What schemes take off a reduction because it is not known exactly. Each rule names where it was read.

Left out, because their texts could not be checked: VCS (VMD0055) and its jurisdictional rules, and the scorecard of the
Green Climate Fund.
"""

from dataclasses import dataclass
from typing import Final

from detection.errors import BadInput

TREES_LEVEL: Final = 90.0
"""ART TREES 2.0, section 8, and the FCPF ask for the 90 % interval."""
TREES_SCALE, TREES_Z = 0.524417, 1.645006
"""ART TREES 2.0, eq. 10 and 11: quantiles of the normal distribution at one-sided 70 % and two-sided 90 %."""
FCPF_STEPS: Final = ((0.15, 0.0), (0.30, 0.04), (0.60, 0.08), (1.00, 0.12), (float("inf"), 0.15))
"""FCPF Carbon Fund: relative half-width up to -> share that is set aside, as the Open Foris mocaredd sheet has it."""
GCF_SHEET: Final = 2 / 44
"""Share that the Open Foris mocaredd sheet takes off under "GCF": 2.0 points of 44. That sheet's formula and nothing else: the
Fund's own scorecard has not been read."""
HFLD_SHARE: Final = 0.0005
"""ART TREES 2.0, section 5.2, as the Guyana workbook has it: 0.05 % of the carbon stock, times the score."""


@dataclass(frozen=True)
class TreesRow:
    """A line of the table of ART TREES; tCO2e."""

    label: str
    """Year, or years."""
    reduction: float
    """GHG ER, removals included."""
    buffer: float
    """BUF: set aside against reversals."""
    leakage: float
    """LEAK."""
    half_width: float
    """Half the 90 % interval over the mean."""
    adjustment: float
    """UA."""
    uncertainty: float
    """UNC = ER x UA."""

    @property
    def credited(self) -> float:
        """TREES ER = ER - BUF - LEAK - UNC."""
        return self.reduction - self.buffer - self.leakage - self.uncertainty


def trees_adjustment(half_width: float) -> float:
    """UA of a relative half-width of the 90 % interval (0.5: 50 %)."""
    return TREES_SCALE * _not_negative("half-width", half_width) / TREES_Z


def trees(label: str, reduction: float, half_width: float, *, buffer: float, leakage: float = 0.0) -> TreesRow:
    """A line: of a year, or of several whose sum has this half-width. buffer and leakage: shares of the reduction.

    Nothing is taken off where nothing was reduced.
    """
    for name, one in (("buffer", buffer), ("leakage", leakage)):
        _share(name, one)
    counted, part = max(reduction, 0.0), trees_adjustment(half_width)
    return TreesRow(label, reduction, buffer * counted, leakage * counted, half_width, part, part * counted)


def hfld_level(historical: float, score: float, carbon_stock: float) -> float:
    """Crediting level of a jurisdiction of high forest and low deforestation, tCO2e/yr.

    historical: mean of the five years before, tCO2e/yr; score: 0..1; carbon_stock: tCO2e.
    """
    return historical + _share("HFLD score", score) * HFLD_SHARE * _not_negative("carbon stock", carbon_stock)


def fcpf_discount(half_width: float) -> float:
    """Share that the FCPF Carbon Fund sets aside at this relative half-width."""
    return next(part for most, part in FCPF_STEPS if _not_negative("half-width", half_width) <= most)


def fcpf(reduction: float, half_width: float) -> float:
    """tCO2e that are left under the FCPF Carbon Fund."""
    return reduction - fcpf_discount(half_width) * max(reduction, 0.0)


def gcf_sheet(reduction: float) -> float:
    """tCO2e that the Open Foris sheet leaves under "GCF"."""
    return reduction - GCF_SHEET * max(reduction, 0.0)


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise BadInput(f"{name} {value * 100:g} %: expected 0 to 100 %")
    return value


def _not_negative(name: str, value: float) -> float:
    if not value >= 0:
        raise BadInput(f"{name} {value:g}: expected 0 or more")
    return value
