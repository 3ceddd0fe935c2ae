"""Workbooks in: sheets as rows by header, whose mistakes are told with sheet, row and column."""

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from detection.errors import BadInput

MOST_BYTES: Final = 100_000_000
"""Unpacked; a workbook of thousands of rows has a hundredth of it (chosen: small files can hold endless ones)."""
NOTHING: Final = ("", "NA", "NULL")
"""Texts that stand for no value."""
Row = Mapping[str, Any]


class Record:
    """A row that knows where it stands."""

    def __init__(self, where: str, values: Row) -> None:
        self.where = where
        self.values = values

    def fail(self, column: str, said: str) -> BadInput:
        """An error about a cell."""
        return BadInput(f"{self.where}, {column}: {said}")

    def has(self, column: str) -> bool:
        """Is there a value?"""
        return self.values.get(column) is not None

    def text(self, column: str, default: str | None = None) -> str:
        """A text; the default, if there is one, where the cell is empty."""
        value = self.values.get(column)
        if value is None:
            if default is None:
                raise self.fail(column, "empty, expected a text")
            return default
        return str(value)

    def number(self, column: str, default: float | None = None) -> float:
        """A number; the default, if there is one, where the cell is empty."""
        value = self.values.get(column)
        if value is None and default is not None:
            return default
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self.fail(column, f"found {value!r}, expected a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            found = "nothing" if value is None else repr(value)
            raise self.fail(column, f"found {found}, expected a number")
        return value

    def whole(self, column: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.number(column, default)
        if value != int(value):
            raise self.fail(column, f"found {value:g}, expected a whole number")
        return int(value)

    def truth(self, column: str) -> bool:
        """TRUE or FALSE."""
        value = self.values.get(column)
        if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
            return value.upper() == "TRUE"
        if not isinstance(value, bool):
            raise self.fail(column, f"found {'nothing' if value is None else repr(value)}, expected TRUE or FALSE")
        return value


class Sheets:
    """A workbook that has been read."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        try:
            with ZipFile(BytesIO(content)) as packed:
                if sum(one.file_size for one in packed.infolist()) > MOST_BYTES:
                    raise BadInput(
                        f"{name}: unpacks to more than {MOST_BYTES // 1_000_000} MB; is this the right file?"
                    )
            self._book = load_workbook(BytesIO(content), data_only=True)
        except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"{name}: no workbook (.xlsx) that can be read; save it as one again") from error

    def __contains__(self, sheet: str) -> bool:
        return sheet in self._book.sheetnames

    def records(self, sheet: str, headers: Sequence[str]) -> list[Record]:
        """Rows of a sheet that has at least these headers, in any order; raises BadInput for a missing one."""
        if sheet not in self:
            raise BadInput(f"{self.name}: sheet {sheet!r} is missing; there are {', '.join(self._book.sheetnames)}")
        lines = [[_plain(cell) for cell in line] for line in self._book[sheet].iter_rows(values_only=True)]
        found = [str(cell) for cell in (lines[0] if lines else []) if cell is not None]
        for header in headers:
            if header not in found:
                near = get_close_matches(header, [one for one in found if one not in headers], 1, 0.5)
                instead = f"found {near[0]!r} instead" if near else f"found {', '.join(found) or 'nothing'}"
                raise BadInput(
                    f"{self.name}, sheet {sheet}: header {header!r} is missing, {instead}; mend the first row"
                )
        return list(self._rows(sheet, lines))

    def _rows(self, sheet: str, lines: Sequence[Sequence[Any]]) -> Iterator[Record]:
        for number, line in enumerate(lines[1:], 2):
            values = {
                str(h): cell for h, cell in zip(lines[0], line, strict=False) if h is not None and cell is not None
            }
            if values:
                yield Record(f"{self.name}, sheet {sheet}, row {number}", values)


def _plain(cell: Any) -> Any:
    if isinstance(cell, str):
        return None if cell.strip() in NOTHING else cell.strip()
    return cell


def content_of(path: Path) -> bytes:
    """A file's bytes; raises BadInput where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); name the file") from error
