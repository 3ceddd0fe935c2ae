"""A report as people and programs open it: a page in each language (some on paper too), a workbook, a CSV a table, layers,
exchange files, and a manifest that says what it rests on. Written whole or not at all; the same report gives the same bytes."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detection.errors import BadInput
from detection.types import digest
from jobs.outputs import publish
from jobs.outputs.folders import put_run, write_manifest
from jobs.outputs.tables import Sheet, geopackage
from jobs.reports.parts import Cell, Column, Layer, Report, Table
from jobs.reports.workbook import workbook
from jobs.words import Words, _

MADE_AT: Final = "2000-01-01T00:00:00Z"
"""Stands in layers instead of the clock."""
SHOWN: Final = 60
"""Rows of a table on the page; the files have all."""
WHOLE: Final = 10_000
"""Rows of a table in the workbook; the CSV has all. What opens a sheet is a desk computer, and it takes a million at most."""
FEW: Final = 8
"""Columns that a sheet of paper holds; of a wider table what is the same in all rows is said once, above it."""
THOUSAND: Final = 1_000
LONG: Final = 10_000
"""Whole numbers from here on are no years."""
FIGURES: Final = 5
"""Digits of a number on the page, at least those before the point; the files have all."""


def write(report: Report, folder: Path, languages: Sequence[str], basis: Mapping[str, Any]) -> Path:
    """The report's folder, named by its content; `latest` leads to it. basis: what the caller adds to the manifest.

    Raises BadInput for an exchange file that would lie outside the folder.
    """
    content = files(report, languages)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(content.items())}
    said = {"report": report.name, "simulated": report.simulated, "files": sums, **report.basis, **basis}
    ident = digest([sums, json.loads(json.dumps(said, default=str, sort_keys=True))])[:16]

    def fill(partial: Path) -> None:
        for name, data in content.items():
            publish(partial / name, data)
        write_manifest(partial, said)

    return put_run(folder, ident, fill)


def files(report: Report, languages: Sequence[str]) -> dict[str, bytes]:
    """Path within the folder -> content, of everything but the manifest."""
    made = {f"{table.name}.csv": as_csv(table) for table in report.tables}
    made["report.xlsx"] = as_workbook(report, Words(languages[0]))
    made |= {f"{layer.name}.gpkg": as_layer(layer) for layer in report.layers}
    for language in languages:
        made[f"report.{language}.html"] = page(report, Words(language), languages).encode()
    made |= _printed(report, languages) if report.paper else {}
    for name, data in report.files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or name in made:
            raise BadInput(f"report {report.name}: file {name!r} has no place in its folder; name it otherwise")
        made[name] = data
    return made


def _printed(report: Report, languages: Sequence[str]) -> dict[str, bytes]:
    from jobs.reports.paper import paper  # lays tables as this module does

    return {f"report.{language}.pdf": paper(report, Words(language)) for language in languages}


def as_csv(table: Table) -> bytes:
    """UTF-8, comma, the columns' names first; figures unrounded, nothing for what is not there."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([["" if _absent(value) else value for value in row] for row in table.rows])
    return text.getvalue().encode()


def as_workbook(report: Report, words: Words) -> bytes:
    """A sheet a table, and first what they hold."""
    about: list[Sequence[Cell]] = [
        (table.name, column.name, column.unit, words.say(column.about) if column.about else "")
        for table in report.tables
        for column in table.columns
    ]
    if report.simulated:
        about.insert(
            0,
            (
                words.say(_("SIMULATED")),
                "",
                "",
                words.say(_("something that goes in is invented: no figure may be used for a real place")),
            ),
        )
    about += [
        (table.name, "", "", words.say(_("{n} of {all} rows; the files have them all."), n=WHOLE, all=len(table.rows)))
        for table in report.tables
        if len(table.rows) > WHOLE
    ]
    sheets = [("about", ("sheet", "column", "unit", "about"), about)]
    return workbook([*sheets, *((t.name, [c.name for c in t.columns], t.rows[:WHOLE]) for t in report.tables)])


def as_layer(layer: Layer) -> bytes:
    """A GeoPackage of one layer."""
    names = list(dict.fromkeys(name for row in layer.rows for name in row))
    rows = [{name: row.get(name) for name in names} for row in layer.rows]
    types = {name: _kind([row[name] for row in rows]) for name in names}
    sheet = Sheet(layer.name, layer.name, "", tuple(names), types)
    return geopackage(sheet, rows, layer.shapes, crs=layer.crs, style=None, made_at=MADE_AT)


def _kind(values: Sequence[Cell]) -> pa.DataType:
    some = [value for value in values if value is not None]
    for kind, column in ((bool, pa.bool_()), (int, pa.int64()), (float, pa.float64())):
        if some and all(isinstance(value, kind) for value in some):
            return column
    numbers = some and all(isinstance(value, int | float) for value in some)
    return pa.float64() if numbers else pa.string()


def page(report: Report, words: Words, languages: Sequence[str]) -> str:
    """One page, all in one file."""
    made: str = _template().render(
        report=report, words=words, say=words.say, shown=SHOWN, figure=lambda value, column: figure(value, column, words),
        laid=laid, meaning=lambda value, column: meaning(value, column, words), few=FEW,
        draw=lambda chart: Markup(chart.draw(words)),  # noqa: S704 - our own drawing
        others=[one for one in languages if one != words.language], wording=WORDING,
    )  # fmt: skip
    return made


@dataclass(frozen=True)
class Laid:
    """A table as the page has it."""

    same: tuple[tuple[Column, Cell], ...]
    """What stands in all rows alike."""
    columns: tuple[Column, ...]
    """All others that are shown."""
    rows: tuple[tuple[Cell, ...], ...]
    """Of these columns."""
    kept: tuple[Column, ...]
    """What only the files have."""


def laid(table: Table) -> Laid:
    """A table whose columns fit, as far as they can."""
    shown = [place for place, column in enumerate(table.columns) if column.page]
    lifted: list[int] = []
    if len(shown) > FEW and len(table.rows) > 1 and not table.cards:
        first = table.rows[0]
        lifted = [p for p in shown if not _absent(first[p]) and all(row[p] == first[p] for row in table.rows)]
    places = [place for place in shown if place not in lifted]
    return Laid(
        tuple((table.columns[place], table.rows[0][place]) for place in lifted),
        tuple(table.columns[place] for place in places), tuple(tuple(row[p] for p in places) for row in table.rows),
        tuple(column for column in table.columns if not column.page),
    )  # fmt: skip


def meaning(value: Cell, column: Column, words: Words) -> str:
    """What a code means, in words; empty where it says so itself, or is none."""
    if column.says is None or not isinstance(value, str):
        return ""
    return column.says(value, words)


def figure(value: Cell, column: Column, words: Words) -> str:
    """A cell as people read it."""
    if _absent(value):
        return "–"
    if isinstance(value, bool):
        return words.say(_("yes")) if value else words.say(_("no"))
    if isinstance(value, float):
        return _rounded(value, column.digits, words)
    if isinstance(value, int):  # years and counts: a year has no comma
        return words.number(value) if abs(value) >= LONG else str(value)
    return str(value)


def _rounded(value: float, digits: int, words: Words) -> str:
    """Nought is `0`, what is too small to show is `< 0.01`: they are not the same."""
    if value == 0 or (value.is_integer() and abs(value) >= THOUSAND):
        return words.number(value)
    digits = min(digits, max(FIGURES - len(str(int(abs(value)))), 0))
    if round(value, digits) == 0:
        return (
            f"< {words.number(10.0**-digits, digits)}" if value > 0 else f"> {words.number(-(10.0**-digits), digits)}"
        )
    return words.number(value, digits)


def _absent(value: Cell) -> bool:
    return value is None or value != value


WORDING: Final = {
    "simulated": _("SIMULATED: something that goes in is invented. No figure here may be used for a real place."),
    "mark": _("SIMULATED"),
    "same": _("The same in all rows:"),
    "kept": _("Only in the files:"),
    "rows": _("{n} of {all} rows; the files have them all."),
    "plain": _("In short"),
    "unknown": _("What is not known"),
    "tables": _("All figures"),
    "files": _(
        "Every table is a CSV file beside this page, and a sheet of report.xlsx; figures there are not rounded."
    ),
    "basis": _("What it rests on"),
    "rebuild": _("manifest.json names every input with its checksum; this command makes the same tables again:"),
    "language": _("This page in"),
    "paper": _("PDF to print"),
}
"""Texts of the page."""


@cache
def _template() -> Any:
    made = Environment(loader=PackageLoader("jobs.reports", "."), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    return made.get_template("page.html.j2")
