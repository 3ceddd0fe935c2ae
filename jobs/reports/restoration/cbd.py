"""The workbook of headline indicator 2.1, area under restoration, for the seventh national report to the CBD, and its checks.

Headers, order and the rules of refusal are those of the online reporting tool (scbd/online-reporting-tool, 06b5c70).
"""

import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Final

from openpyxl import load_workbook

from detection.errors import BadInput
from jobs.reports.parts import Cell
from jobs.reports.restoration.asked import Unit
from jobs.reports.restoration.equalarea import Measured
from jobs.reports.restoration.register import Register, RestorationArea
from jobs.reports.restoration.vocabulary import vocabularies
from jobs.reports.workbook import workbook

CODE: Final = "2.1"
"""Of the indicator. It was 2.2 until it was renumbered; its identifier still says so."""
INDICATOR: Final = "Area under restoration"
HEADERS: Final = (
    "Indicator code", "Indicator", "Does this data row represent a disaggregation", "Disaggregation type", "Disaggregation",
    "Year", "Unit", "Value", "Footnote",
)  # fmt: skip
"""First row, in this order. (The tool's own template for 2.1 writes `Indicator_code`, which its check refuses.)"""
YEAR, UNIT, VALUE = 5, 6, 7
UNITS: Final[dict[str, float]] = {"ha": 1.0, "km²": 0.01}
"""Unit -> how many of it a hectare is."""
BIOME: Final = "Biome GET L2"
GROUP: Final = "Functional group GET L3"
ACTIVITY: Final = "Type of restoration activity"
TYPES: Final = (
    BIOME, GROUP, "Indigenous and traditional territories", "Protected area / OECM / neither", ACTIVITY, "Other",
)  # fmt: skip
"""By what the indicator can be disaggregated."""
TOTAL: Final = "Union of areas where restoration had begun, measured in EPSG:6933; land in several areas counts once."
PART: Final = "Land in several of these counts in each of them: the rows do not add up to the total."

Row = tuple[Cell, ...]


def rows(register: Register, year: int, unit: Unit = "ha") -> tuple[Row, ...]:
    """The total of a year and its parts by biome, functional group and activity: areas where restoration had begun by its end.

    Raises BadInput for an area that does not say when it began.
    """
    if unknown := [one.id for one in register.areas if one.year_start is None]:
        raise BadInput(f"{register.name}: {unknown[0]} has no year in which it began; give one")
    areas = [one for one in register.areas if (one.year_start or 0) <= year]
    size, measured = UNITS[unit], Measured([one.geometry for one in areas])

    def row(kind: str, label: str, mine: Sequence[int], note: str) -> Row:
        value = measured.union(mine) * size
        return CODE, INDICATOR, "Yes" if kind else "No", kind or None, label or None, year, unit, value, note

    made = [row("", "", range(len(areas)), TOTAL)]
    for kind, keys in ((BIOME, _biomes), (GROUP, _groups), (ACTIVITY, _activities)):
        made += [row(kind, label, mine, PART) for label, mine in _split(areas, keys)]
    return tuple(made)


def _split(
    areas: Sequence[RestorationArea], keys: Callable[[RestorationArea], set[str]]
) -> Iterator[tuple[str, list[int]]]:
    """(label, places of the areas that have it), by label."""
    found: dict[str, list[int]] = {}
    for place, area in enumerate(areas):
        for key in keys(area):
            found.setdefault(key, []).append(place)
    yield from sorted(found.items())


def _biomes(area: RestorationArea) -> set[str]:
    lists = vocabularies()
    return {lists.ecosystem(biome) for code in area.ecosystems if (biome := lists.biome(code))}


def _groups(area: RestorationArea) -> set[str]:
    return {vocabularies().ecosystem(code) for code in area.ecosystems if "." in code}


def _activities(area: RestorationArea) -> set[str]:
    return {vocabularies().activities[one] for one in area.activities}


def write(made: Sequence[Row]) -> bytes:
    """The workbook; raises BadInput with every row that the tool would refuse or leave unused."""
    content = workbook([("Data", HEADERS, made)])
    if problems := refused(content):
        raise BadInput("\n".join(problems))
    return content


def refused(content: bytes) -> tuple[str, ...]:
    """What the tool would refuse, one line each, by row of the sheet and column; nothing: it takes all of it."""
    try:
        sheet = load_workbook(BytesIO(content), data_only=True).worksheets[0]
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError):
        return ("not a workbook; write it again",)
    found = list(sheet.iter_rows(values_only=True))
    heads = [str(one or "") for one in found[0]] if found else []
    if [one.lower() for one in heads] != [one.lower() for one in HEADERS]:
        wrong = next(
            (i for i, one in enumerate(HEADERS) if i >= len(heads) or heads[i].lower() != one.lower()), len(HEADERS)
        )
        expected = HEADERS[wrong] if wrong < len(HEADERS) else "no further column"
        said = heads[wrong] if wrong < len(heads) else ""
        return (f"row 1, column {wrong + 1}: {said!r}; expected {expected!r}",)
    if len(found) == 1:
        return ("row 2: there is none; expected at least one",)
    return tuple(f"row {number}, {text}" for number, row in enumerate(found[1:], 2) for text in _wrong(row))


def _wrong(row: Sequence[object]) -> Iterator[str]:
    if str(row[0]).strip() != CODE:
        yield f"{HEADERS[0]}: {row[0]!r}; rows of other indicators than {CODE} are left unused"
    if row[2] not in ("Yes", "No"):
        yield f"{HEADERS[2]}: {row[2]!r}; expected Yes or No"
    if row[2] == "Yes" and row[3] not in TYPES:
        yield f"{HEADERS[3]}: {row[3]!r}; expected one of {'; '.join(TYPES)}"
    if (row[2] == "Yes") != bool(row[4]):
        yield f"{HEADERS[4]}: {row[4]!r}; expected with a disaggregation, and only there"
    if not _number(row[YEAR]):
        yield f"{HEADERS[YEAR]}: {row[YEAR]!r}; expected a number"
    if row[UNIT] not in UNITS:
        yield f"{HEADERS[UNIT]}: {row[UNIT]!r}; expected one of {', '.join(UNITS)}"
    if not _number(row[VALUE]):
        yield f"{HEADERS[VALUE]}: {row[VALUE]!r}; expected a number"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
