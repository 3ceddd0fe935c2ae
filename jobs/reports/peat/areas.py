"""Areas of disturbed peat: a table of what happened, on which peat, in which year, on how many hectares."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from detection.errors import BadInput
from jobs.reports.peat.classes import DISTURBANCES, STRATA
from jobs.reports.peat.factors import nearest

EARLIEST: Final = 1950
"""Years before are mistakes of typing (chosen: no peat of the Peruvian Amazon is known to have been drained before)."""
COLUMNS: Final = ("peat_stratum", "disturbance", "year", "area_ha", "se_ha")
UNTIL: Final = "until_year"
ESTIMATES: Final = {"stratum": "peat_stratum", "class": "disturbance"}
"""Column of a table of area estimates -> ours; the year is that of `period_start` and `period_end`."""
VAGUE: Final = 2.0
"""A larger relative error says nothing of the area (chosen: a class seen in one sample alone has one of about 1)."""
NONE: Final = ("", "-", "na", "n/a", "nan", "none", "null")


@dataclass(frozen=True, order=True)
class Cohort:
    """Peat to which one thing happened in one year."""

    stratum: str
    """As in `classes.STRATA`."""
    disturbance: str
    """As in `classes.DISTURBANCES`."""
    year: int
    """In which it happened."""
    area_ha: float
    """Hectares."""
    se_ha: float | None = None
    """Standard error, hectares; None: not known, counted as exact, and said."""
    until: int | None = None
    """Last year in which it is in this state, e.g. before it is dug out; None: it stays."""

    def __post_init__(self) -> None:
        _check(self.stratum, tuple(STRATA), "peat_stratum")
        _check(self.disturbance, tuple(DISTURBANCES), "disturbance")
        if self.year < EARLIEST:
            raise BadInput(f"year {self.year} lies before {EARLIEST}")
        if not self.area_ha >= 0 or not math.isfinite(self.area_ha):
            raise BadInput(f"area_ha {self.area_ha:g}: an area is nought or more")
        if self.se_ha is not None and not (self.se_ha >= 0 and math.isfinite(self.se_ha)):
            raise BadInput(f"se_ha {self.se_ha:g}: a standard error is nought or more")
        if self.se_ha is not None and self.se_ha > VAGUE * self.area_ha:
            raise BadInput(
                f"se_ha {self.se_ha:g} is more than twice the area {self.area_ha:g}: that is no estimate; join classes"
            )
        if self.until is not None and self.until < self.year:
            raise BadInput(f"until_year {self.until} lies before year {self.year}")

    @property
    def key(self) -> str:
        """Names it, and its random stream."""
        return f"area/{self.stratum}/{self.disturbance}/{self.year}/{self.until or ''}"

    def emits(self, year: int) -> bool:
        """Does it give off anything in this year? What lasts, from its year on; what is over at once, in its year alone."""
        if not DISTURBANCES[self.disturbance].lasts:
            return self.year == year
        return self.year <= year and (self.until is None or year <= self.until)


def checked(cohorts: Sequence[Cohort], last_year: int) -> tuple[Cohort, ...]:
    """In order. Raises BadInput where one is there twice or lies after the last year of the report."""
    keys: dict[str, int] = {}
    for n, one in enumerate(cohorts, 1):
        if one.year > last_year:
            raise BadInput(f"row {n}: year {one.year} lies after {last_year}, the last year of the report")
        if one.key in keys:
            what = f"{one.stratum}, {one.disturbance}, {one.year}"
            raise BadInput(f"row {n}: {what} is there already, in row {keys[one.key]}; add the two up, or take one out")
        keys[one.key] = n
    return tuple(sorted(cohorts, key=lambda one: one.key))


def read_areas(file: Path) -> tuple[Cohort, ...]:
    """Cohorts of a CSV: `COLUMNS` and perhaps `until_year`, or a table of area estimates of periods within a year each.

    Raises BadInput with file, row (from 1, the header not counted) and what to mend.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            head = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = head
            estimates = set(ESTIMATES) <= set(head)
            _head(head, estimates, file.name)
            made = tuple(_cohorts(reader, estimates, file.name))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file}: cannot be read as CSV: {error}") from None
    if not made:
        raise BadInput(f"{file.name}: there is no row in it")
    return made


def _head(head: Sequence[str], estimates: bool, name: str) -> None:
    needed = (*ESTIMATES, "period_start", "period_end", "area_ha", "se_ha") if estimates else COLUMNS
    for column in needed:
        if column not in head:
            other = [one for one in head if one.split("_")[0] == column.split("_")[0] and column.endswith("_ha")]
            hint = f"; `{other[0]}` is in another unit, areas are in hectares" if other else nearest(column, head)
            raise BadInput(f"{name}: column `{column}` is missing{hint}")


def _cohorts(rows: Iterable[dict[str, str]], estimates: bool, name: str) -> Iterator[Cohort]:
    for n, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise BadInput(f"{name}: row {n}: it has more or fewer fields than the header")
        try:
            yield _cohort(row, estimates)
        except BadInput as error:
            raise BadInput(f"{name}: row {n}: {error}") from None


def _cohort(row: Mapping[str, str], estimates: bool) -> Cohort:
    year = _year_of(row) if estimates else _whole(row["year"], "year")
    stratum, disturbance = (row[c].strip() for c in (tuple(ESTIMATES) if estimates else COLUMNS[:2]))
    if stratum.lower() in NONE:
        raise BadInput(f"peat_stratum is empty; which peat is it: {', '.join(STRATA)}?")
    area = _number(row["area_ha"], "area_ha")
    if area is None:
        raise BadInput("area_ha is empty")
    ends = row.get(UNTIL, "")
    until = None if ends.strip().lower() in NONE else _whole(ends, UNTIL)
    return Cohort(stratum, disturbance, year, area, _number(row["se_ha"], "se_ha"), until)


def _year_of(row: Mapping[str, str]) -> int:
    try:
        start, end = (date.fromisoformat(row[column].strip()) for column in ("period_start", "period_end"))
    except ValueError:
        raise BadInput("period_start and period_end are dates such as 2024-01-31") from None
    if start.year != end.year and not (end.year == start.year + 1 and (end.month, end.day) == (1, 1)):
        raise BadInput(
            f"{start} to {end} is no single year; estimate each year, for emissions go on from the year it happens"
        )
    return start.year


def _number(text: str, column: str) -> float | None:
    if text.strip().lower() in NONE:
        return None
    try:
        return float(text)
    except ValueError:
        raise BadInput(
            f"{column} {text.strip()[:40]!r} is no number; write hectares with a point, without unit"
        ) from None


def _whole(text: str, column: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"{column} {text.strip()[:40]!r} is no year such as 2024") from None


def _check(value: str, known: tuple[str, ...], column: str) -> None:
    if value not in known:
        raise BadInput(f"{column} `{value}` is none of {', '.join(known)}{nearest(value, known)}")
