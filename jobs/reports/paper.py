"""A report on A4, for offices that print: the sentences, drawings and figures of the page, and of the tables those that paper
is for. The same report gives the same bytes on every machine: no font of the machine's own, no clock. What strangers wrote
goes in as data and is set as it stands; who has it read aloud gets headings, tables, and drawings in words (PDF/UA-1)."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import matplotlib
import typst

from jobs.reports.form import FEW, SHOWN, WORDING, Laid, figure, laid, meaning
from jobs.reports.parts import Cell, Chart, Column, Report, Table
from jobs.words import Words, _

HALF, WHOLE = 86.0, 178.0
"""Widths of a drawing beside another, and of one alone, millimetres (A4 within the margins of `paper.typ`)."""
HIGHEST: Final = 235.0
"""A drawing is at most so high, millimetres: a sheet with the caption over it."""
NARROW: Final = 420.0
"""Units of a drawing: up to so many across, its letters of 12 units are read at half the width of a sheet (7 pt, chosen)."""
VIEW: Final = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def paper(report: Report, words: Words) -> bytes:
    """The PDF. The same report and language give the same bytes."""
    said = json.dumps(_clean(_said(report, words)), ensure_ascii=False)
    with TemporaryDirectory() as folder:  # all that the template could read
        template = Path(folder) / "paper.typ"
        template.write_bytes((files("jobs.reports") / template.name).read_bytes())
        return typst.compile(
            str(template), root=folder, font_paths=fonts(), ignore_system_fonts=True, sys_inputs={"report": said},
            format="pdf", pdf_standards=["ua-1"],
        )  # fmt: skip


def _clean(said: Any) -> Any:
    """Without characters that print nothing or that nobody knows how to print: controls, hidden marks, unassigned ones."""
    if isinstance(said, str):
        return "".join(one for one in said if one in "\n\t" or unicodedata.category(one)[0] != "C")
    if isinstance(said, dict):
        return {name: _clean(value) for name, value in said.items()}
    return [_clean(one) for one in said] if isinstance(said, list) else said


def _said(report: Report, words: Words) -> dict[str, Any]:
    say = words.say
    title = say(report.title)
    heading = " ".join(f"{title}{'' if title.endswith('?') else ':'} {report.place}".split())
    printed = sorted((_table(table, words) for table in report.tables if table.paper), key=_across)
    return {
        "language": words.language, "heading": heading, "simulated": report.simulated,
        "document": f"{say(WORDING['mark'])}. {heading}" if report.simulated else heading,
        "mark": say(WORDING["mark"]), "banner": say(WORDING["simulated"]),
        "plain": {"title": say(WORDING["plain"]), "lines": list(report.plain(words))},
        "unknown": {"title": say(WORDING["unknown"]), "lines": list(report.unknown(words))},
        "charts": list(_pairs([_chart(chart, words) for chart in report.charts])),
        "tables": say(_("Tables")),
        "sheets": [{"across": across, "tables": list(some)} for across, some in groupby(printed, _across)],
        "rest": say(_("All tables, also those not printed here, are in report.xlsx; figures there are not rounded.")),
    }  # fmt: skip


def _across(table: dict[str, Any]) -> bool:
    """Whether it wants a sheet on its side; those that do come last, for each change of sides begins a sheet."""
    return bool(table["across"])


def _chart(chart: Chart, words: Words) -> dict[str, Any]:
    svg = chart.draw(words)
    seen = VIEW.search(svg)
    across, high = (float(seen[1]), float(seen[2])) if seen else (1.0, 1.0)
    width = min(WHOLE if across > NARROW else HALF, HIGHEST * across / high)
    title, alt = words.say(chart.title), list(chart.alt(words))
    return {"title": title, "svg": svg, "alt": alt or [title], "width": width, "wide": across > NARROW}


def _pairs(charts: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Narrow drawings two by two, wide ones alone; their order stays."""
    for wide, some in groupby(charts, lambda one: bool(one["wide"])):
        row, many = list(some), 1 if wide else 2
        yield from (row[start : start + many] for start in range(0, len(row), many))


def _table(table: Table, words: Words) -> dict[str, Any]:
    made = laid(table)
    same = "; ".join(
        f"{_head(column, words)} {_cell(value, column, words)} {column.unit}".strip() for column, value in made.same
    )
    cells = [
        [_cell(value, column, words) for value, column in zip(row, made.columns, strict=True)]
        for row in made.rows[:SHOWN]
    ]
    columns = [_column(place, column, made, words) for place, column in enumerate(made.columns)]
    rows = [[[c["head"], cell] for c, cell in zip(columns, row, strict=True) if cell not in ("", "–")] for row in cells]
    return {
        "title": words.say(table.title), "file": f"{table.name}.csv", "cards": table.cards, "columns": columns,
        "across": len(columns) > FEW and not table.cards, "rows": rows if table.cards else cells,
        "notes": [*table.notes(words), *([f"{words.say(WORDING['same'])} {same}."] if same else [])],
        "cut": words.say(WORDING["rows"], n=SHOWN, all=len(table.rows)) if len(table.rows) > SHOWN else "",
    }  # fmt: skip


def _column(place: int, column: Column, table: Laid, words: Words) -> dict[str, Any]:
    number = any(isinstance(row[place], int | float) and not isinstance(row[place], bool) for row in table.rows)
    return {"head": _head(column, words), "unit": column.unit, "number": number}


def _head(column: Column, words: Words) -> str:
    return words.say(column.about) if column.about else column.name


def _cell(value: Cell, column: Column, words: Words) -> str:
    return meaning(value, column, words) or figure(value, column, words)


@cache
def fonts() -> typst.Fonts:
    """DejaVu Sans, and for letters that it has not what else comes with matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
