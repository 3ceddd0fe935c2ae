"""Activity data out of tables: one of transitions, or the area estimates of an accuracy assessment."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from typing import Final, cast

from detection.errors import BadInput
from jobs.reports.redd.activity import Activity, Period, Transition
from jobs.reports.redd.quantity import SHAPED, Distribution, Quantity, constant
from jobs.reports.redd.sheets import Record

TRANSITIONS: Final = ("transition", "period", "stratum", "activity", "before", "after", "area_ha", "se_ha")
"""Columns of a table of transitions; `distribution`, `a`, `b` and `c` may follow."""
ESTIMATES: Final = ("period_start", "period_end", "stratum", "class", "area_ha", "se_ha")
"""Columns of `area_estimates` that are needed; it has more."""
WHOLE: Final = "all"
"""Stratum of the rows that add the others up, in the table of the areas report."""
STRATUM: Final = "{stratum}"
"""Stands for the row's stratum in the land use that a class comes from or goes to."""


@dataclass(frozen=True)
class Meaning:
    """What a class of an area estimate is a transition of."""

    activity: Activity
    """Under which heading."""
    before: str
    """Land use before; `{stratum}` stands for the stratum."""
    after: str
    """Land use after."""


def table(content: bytes, name: str, columns: Sequence[str]) -> list[Record]:
    """Rows of a CSV that has at least these columns, in any order. Raises BadInput for one that has not."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: not UTF-8 text; save the file as UTF-8") from error
    reader = csv.DictReader(StringIO(text))
    found = reader.fieldnames or []
    if missing := next((one for one in columns if one not in found), None):
        raise BadInput(
            f"{name}: column {missing!r} is missing, found {', '.join(found) or 'nothing'}; mend the first row"
        )
    return [
        Record(f"{name}, row {number}", {k: v.strip() for k, v in row.items() if isinstance(v, str) and v.strip()})
        for number, row in enumerate(reader, 2)
    ]


def transitions(content: bytes, name: str) -> tuple[Transition, ...]:
    """A table of transitions. Raises BadInput with row and column of the first mistake."""
    return tuple(_transition(row) for row in table(content, name, TRANSITIONS))


def _transition(row: Record) -> Transition:
    name = row.text("transition")
    return Transition(
        name, row.text("period"), row.text("stratum"), cast("Activity", row.text("activity")), row.text("before"),
        row.text("after"), _area(row, name),
    )  # fmt: skip


def _area(row: Record, name: str) -> Quantity:
    """The area of a row with its standard error, which must be there: without one nothing is known of how sure it is."""
    shape = row.text("distribution", "normal")
    if row.has("se_ha") and not row.has("area_ha"):
        raise row.fail("area_ha", "a standard error without a value; give both")
    value = row.number("area_ha")
    if shape in SHAPED:
        parameters = tuple(row.number(key) for key in ("a", "b", "c") if row.has(key))
        return Quantity(name, value, "ha", 0.0, cast("Distribution", shape), parameters)
    if shape == "constant":
        return constant(name, value, "ha")
    if not row.has("se_ha"):
        raise row.fail(
            "se_ha", "an area without a standard error; give one, or distribution constant where it is exact"
        )
    return Quantity(name, value, "ha", row.number("se_ha"), cast("Distribution", shape))


def estimates(
    content: bytes, name: str, periods: Sequence[Period], classes: Mapping[str, Meaning], unchanged: Sequence[str]
) -> tuple[Transition, ...]:
    """Transitions out of area estimates: classes that are some, and those where nothing changed, which are left out.

    Where rows of `all` strata are there, they alone are taken: those of the strata are the same hectares once more. Raises
    BadInput for a class that is neither, or dates that are no period.
    """
    made, rows = [], table(content, name, ESTIMATES)
    added_up = [row for row in rows if row.text("stratum") == WHOLE]
    for row in added_up or rows:
        what, stratum = row.text("class"), row.text("stratum")
        if what in unchanged:
            continue
        if what not in classes:
            known = ", ".join([*classes, *unchanged])
            raise row.fail("class", f"{what!r} is neither a transition nor named as unchanged; known are {known}")
        meaning, period = classes[what], _period(row, periods)
        before, after = (use.replace(STRATUM, stratum) for use in (meaning.before, meaning.after))
        label = f"{period.name}_{stratum}_{what}"
        made.append(Transition(label, period.name, stratum, meaning.activity, before, after, _area(row, label)))
    return tuple(made)


def _period(row: Record, periods: Sequence[Period]) -> Period:
    """The period of these days; the last one may be the day at which it ends or the next one, January the first."""
    first, last = (_day(row, key) for key in ("period_start", "period_end"))
    whole = last - timedelta(days=1) if (last.month, last.day) == (1, 1) and last > first else last
    for one in periods:
        if (one.first, one.last) == (first.year, whole.year):
            return one
    listed = ", ".join(f"{one.name} {one.first}-{one.last}" for one in periods)
    raise row.fail("period_start", f"{first} to {last} is none of the periods: {listed}")


def _day(row: Record, column: str) -> date:
    try:
        return date.fromisoformat(row.text(column))
    except ValueError:
        raise row.fail(column, f"found {row.text(column)!r}, expected a date such as 2024-01-31") from None
