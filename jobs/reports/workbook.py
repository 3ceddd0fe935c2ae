"""Tables as a workbook, the same bytes for the same tables: a cell that looks like a formula stays the text it is."""

import re
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from jobs.reports.parts import Cell

STILL: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - what stands in the file instead of the clock; workbooks know no zones
STAMP: Final = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:)")
HEAD: Final = PatternFill("solid", fgColor="E5EEE8")
HEADING, TEXT = Alignment(vertical="top"), Alignment(wrap_text=True, vertical="top")
WIDEST: Final = 60
SHEET_NAME: Final = 31
"""Characters of a sheet's name that spreadsheet programs take."""
FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that XML 1.0 does not have."""


def workbook(sheets: Sequence[tuple[str, Sequence[str], Sequence[Sequence[Cell]]]]) -> bytes:
    """An .xlsx of sheets (name, headers, rows); headers as they are, None and NaN as empty cells, figures unrounded."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for name, headers, rows in sheets:
        _fill(made.create_sheet(name[:SHEET_NAME]), headers, rows)
    made.properties.created = STILL
    plain = BytesIO()
    made.save(plain)
    return still(plain.getvalue())


def _fill(sheet: Worksheet, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    for number, row in enumerate([headers, *rows], 1):
        for column, value in enumerate(row, 1):
            if value is None or value != value:
                continue
            cell = sheet.cell(number, column)
            if isinstance(value, str):
                cell.value = FORBIDDEN.sub("", value)
                cell.data_type = "s"  # also what begins with an equals sign
                cell.alignment = HEADING if number == 1 else TEXT
            elif isinstance(value, float):
                cell.value = repr(float(value))  # the library would write 16 digits, and a figure may have 17
                cell.data_type = "n"
            else:
                cell.value = value
    for column in range(1, len(headers) + 1):
        head = sheet.cell(1, column)
        head.font, head.fill = Font(bold=True), HEAD
        widest = max((len(str(row[column - 1])) for row in [headers, *rows[:200]]), default=0)
        sheet.column_dimensions[get_column_letter(column)].width = min(max(widest + 2, 9), WIDEST)
    sheet.freeze_panes = "A2"


def still(content: bytes) -> bytes:
    """The same workbook without the time of day in it."""
    made = BytesIO()
    with ZipFile(BytesIO(content)) as before, ZipFile(made, "w", ZIP_DEFLATED) as after:
        for name in before.namelist():
            entry = ZipInfo(name, STILL.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            stamp = STILL.isoformat().encode() + b"Z"
            after.writestr(entry, STAMP.sub(rb"\g<1>" + stamp + rb"\g<2>", before.read(name)))
    return made.getvalue()
