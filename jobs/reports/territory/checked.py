"""Mapped hectares made estimates, where people checked the map of a wider region on images."""

import csv
from dataclasses import dataclass
from math import exp, isfinite, sqrt
from pathlib import Path
from typing import Final

from scipy.special import ndtri

from detection.errors import BadInput
from jobs.reports.areas.tables import ALL
from jobs.reports.territory.asked import Checking
from jobs.reports.territory.sources import manifest_of

NEEDED: Final = ("aoi_id", "period_start", "period_end", "stratum", "class", "ci_level", "ua", "ua_se", "pa", "pa_se")
"""Columns of `area_estimates.csv` that are read."""
SHARES: Final = ("ua", "ua_se", "pa", "pa_se")


@dataclass(frozen=True)
class Range:
    """Hectares with an interval."""

    value: float
    """The estimate."""
    low: float
    """Interval from."""
    high: float
    """Interval to."""


@dataclass(frozen=True)
class Checked:
    """How right the map is in a wider region."""

    file: Path
    """Table it is from."""
    where: str
    """Name of the region."""
    first: int
    """First year that was checked."""
    last: int
    """Last year."""
    level: float
    """Confidence of intervals."""
    ua: float
    """User's accuracy: share of what the map calls so that is so."""
    ua_se: float
    """Its standard error."""
    pa: float
    """Producer's accuracy: share of what is so that the map calls so."""
    pa_se: float
    """Its standard error."""
    simulated: bool
    """Does the report that it is from say so?"""

    @property
    def ratio(self) -> float:
        """Hectares that are so to a hectare that the map calls so: of the region that ratio of the estimate to the map."""
        return self.ua / self.pa

    @property
    def log_se(self) -> float:
        """Standard error of the ratio's logarithm (delta method, e.g. Oehlert 1992, The American Statistician 46: 27-29).

        The errors of the two are taken as independent (chosen: the table does not hold their covariance). Both rest on the
        samples that map and people agree on, so it is positive, and the interval rather too wide than too narrow.
        """
        return sqrt((self.ua_se / self.ua) ** 2 + (self.pa_se / self.pa) ** 2)

    def of(self, mapped: float) -> Range:
        """The estimate for mapped hectares, if the map errs there as in the region."""
        value, spread = mapped * self.ratio, float(ndtri(0.5 + self.level / 2)) * self.log_se
        return Range(value, value * exp(-spread), value * exp(spread))


def read_checked(asked: Checking) -> Checked:
    """The accuracies of a class.

    Raises BadInput: a file that is missing or no such table, no row of the class or several, accuracies without interval.
    """
    name = asked.path.name
    try:
        with asked.path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            rows, columns = list(table), table.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error):
        raise BadInput(
            f"{asked.path}: cannot be read as a table; give area_estimates.csv of a report of areas"
        ) from None
    if missing := [one for one in NEEDED if one not in columns]:
        raise BadInput(f"{name}: has no column {missing[0]!r}; give area_estimates.csv of a report of areas")
    mine = [row for row in rows if (row["stratum"], row["class"]) == (ALL, asked.named)]
    if len(mine) != 1:
        there = ", ".join(sorted({row["class"] for row in rows if row["stratum"] == ALL})) or "none"
        raise BadInput(
            f"{name}: has {len(mine)} rows of class {asked.named!r} for all strata, one is needed; classes are {there}"
        )
    row = mine[0]
    ua, ua_se, pa, pa_se = (_share(row, key, name, asked.named) for key in SHARES)
    try:
        first, last, level = int(row["period_start"][:4]), int(row["period_end"][:4]), float(row["ci_level"])
    except ValueError:
        raise BadInput(
            f"{name}: a period or ci_level is no date or number; take the file as the report wrote it"
        ) from None
    if not (0.5 <= level < 1 and first <= last and ua_se + pa_se > 0):
        raise BadInput(
            f"{name}: no interval follows from its ci_level, period and standard errors; leave `checked` out"
        )
    simulated = manifest_of(asked.path).simulated
    return Checked(asked.path, row["aoi_id"], first, last, level, ua, ua_se, pa, pa_se, simulated)


def _share(row: dict[str, str], key: str, name: str, named: str) -> float:
    try:
        found = float(row[key] or "nan")
    except ValueError:
        found = float("nan")
    least = 0.0 if key.endswith("_se") else 1e-9
    if not (isfinite(found) and least <= found <= 1):
        raise BadInput(
            f"{name}: {key} of {named!r} is {row[key]!r}: no estimate follows from it; check more samples, or leave `checked` out"
        )
    return found
