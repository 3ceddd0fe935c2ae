"""A table of pixel series, read and checked: what is wrong with it is said in one line, what was mended is noted.

Long form, Parquet or CSV (comma-separated, UTF-8, may be gzipped): `series_id`, `date` (ISO 8601), numeric columns, and
optionally `valid`, `platform`, `orbit`. Rows are counted from 1, the header not counted.
"""

import re
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from detection.errors import BadInput, UnknownBand
from detection.types import SECONDS_A_DAY, Days, to_day

REQUIRED: Final = ("series_id", "date")
OPTIONAL: Final = ("valid", "platform", "orbit")
READERS: Final = (".parquet", ".csv", ".csv.gz")
MISSING: Final = frozenset(("", "-", "na", "n/a", "#n/a", "nan", "null", "none"))
"""Words that stand for "no number" in tables (those of pandas.read_csv, and a dash); small letters."""
NO_ID: Final = frozenset(("", "nan", "null", "none"))
TRUTH: Final = {
    "1": 1,
    "true": 1,
    "yes": 1,
    "t": 1,
    "y": 1,
    "1.0": 1,
    "0": 0,
    "false": 0,
    "no": 0,
    "f": 0,
    "n": 0,
    "0.0": 0,
}
ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?")
MAX_A_DAY: Final = 1_000
"""Looks of one series on one day; more than a geostationary imager has (144) means wrong ids (chosen)."""
SHOWN: Final = 40


@dataclass(frozen=True)
class Table:
    """Looks in canonical order: series, instant, platform, orbit, values."""

    ids: tuple[str, ...]
    """Every series of the table, sorted; also those without a single number."""
    series: NDArray[np.int64]
    """(row,) position in `ids`."""
    days: Days
    """(row,) days since 1970-01-01 UTC."""
    occurrence: NDArray[np.int64]
    """(row,) 0 for the first look of a series on a day, 1 for the second: looks of one day stay apart."""
    columns: tuple[str, ...]
    """What was read: the columns asked for, without those that may be missing and are."""
    values: NDArray[np.float64]
    """(row, column) NaN = not observed."""
    notes: tuple[str, ...]
    """What was mended, one line each."""


def read_table(path: Path, columns: Sequence[str], *, today: date, spare: Collection[str] = ()) -> Table:
    """Read these numeric columns. The order of the rows does not matter; rows equal in everything read count once.

    spare: columns the table may lack, as long as it has one of all. Raises BadInput (UnknownBand for a missing column) with
    one line that names the thing, the finding and the remedy.
    """
    frame = _read(path, columns, spare)
    notes = [f"no column `{name}`: done without it" for name in columns if name not in frame]
    columns = tuple(name for name in columns if name in frame)
    values = np.stack([_numbers(path, frame[name], notes) for name in columns], 1)
    values[~_valid(path, frame, notes)] = np.nan
    ids, series = np.unique(_ids(path, frame["series_id"]), return_inverse=True)
    instants = _instants(path, frame["date"], today, notes)
    ties = [pd.factorize(frame[c].astype(str), sort=True)[0] for c in ("orbit", "platform") if c in frame]
    keys = [*values.T[::-1], *ties, instants, series]
    order = np.lexsort(keys)
    _note_disorder(series, instants, notes)
    order = order[_distinct([key[order] for key in keys], notes)]
    series, days, values = series[order], (instants[order] // SECONDS_A_DAY).astype(np.int32), values[order]
    if not np.isfinite(values).any():
        raise BadInput(
            f"{path}: not one number in {_listed(columns)} ({len(frame)} rows); are they empty, or `valid` all 0?"
        )
    return Table(
        tuple(map(str, ids)), series, days, _occurrence(path, ids, series, days), columns, values, tuple(notes)
    )


def _read(path: Path, columns: Sequence[str], spare: Collection[str]) -> pd.DataFrame:
    """The wanted columns: texts from CSV, types as stored from Parquet."""
    if not path.exists():
        raise BadInput(f"{path}: no such file; give a Parquet or CSV table")
    if not path.is_file():
        raise BadInput(f"{path}: is not a file; give one Parquet or CSV table")
    if not path.stat().st_size:
        raise BadInput(f"{path}: the file is empty; was it written to the end?")
    if not path.name.lower().endswith(READERS):
        raise BadInput(f"{path}: cannot tell the format from the name; it must end in {_listed(READERS, 'or')}")
    frame = (_read_parquet if path.name.lower().endswith(".parquet") else _read_csv)(path, columns, spare)
    if frame.empty:
        raise BadInput(f"{path}: has a header but no rows; was it written to the end?")
    return frame


def _read_csv(path: Path, columns: Sequence[str], spare: Collection[str]) -> pd.DataFrame:
    texts: dict[str, Any] = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "index_col": False}
    with _csv_mistakes(path):
        header = [str(name) for name in pd.read_csv(path, header=None, nrows=1, **texts).iloc[0]]
        if len(header) == 1 and (other := next((c for c in ";\t|" if c in header[0]), None)):
            raise BadInput(f"{path}: columns are separated by {other!r}; save the table with commas")
        wanted = _wanted(path, header, columns, spare)
        # Every column is read: with some left out, pandas no longer notices rows that are too long.
        frame: pd.DataFrame = pd.read_csv(path, **texts)[wanted]
    return frame


@contextmanager
def _csv_mistakes(path: Path) -> Iterator[None]:
    """What pandas says about a file that is no good, in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            yield
        except pd.errors.EmptyDataError:
            raise BadInput(f"{path}: has no header; the first line must name the columns") from None
        except pd.errors.ParserWarning:
            raise BadInput(f"{path}: rows have more fields than the header; are there decimal commas?") from None
        except pd.errors.ParserError as error:
            reason = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
            raise BadInput(f"{path}: is not a table: {reason}; mend the file or save it again") from None
        except UnicodeDecodeError as error:
            raise BadInput(f"{path}: is no CSV in UTF-8 (byte {error.start}); save it as UTF-8 or as Parquet") from None
        except (EOFError, zlib.error) as error:
            raise BadInput(f"{path}: the gzip file is damaged ({error}); copy it again") from None
        except OSError as error:
            if error.errno is not None:
                raise  # disk, permission: not a mistake in the table
            raise BadInput(f"{path}: ends in .gz but is not gzipped ({error}); rename or compress it") from None


def _read_parquet(path: Path, columns: Sequence[str], spare: Collection[str]) -> pd.DataFrame:
    try:
        with parquet.ParquetFile(path) as file:
            wanted = _wanted(path, file.schema_arrow.names, columns, spare)
            frame: pd.DataFrame = file.read(columns=wanted).to_pandas()
            return frame
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())[:120]
        raise BadInput(f"{path}: is not a Parquet file that can be read ({reason}); write it again") from None


def _wanted(path: Path, header: Sequence[str], columns: Sequence[str], spare: Collection[str]) -> list[str]:
    """The columns to read; raises UnknownBand for the first that is missing and must be there."""
    there = [name for name in columns if name in header or name not in spare]
    columns = there or columns
    for name in (*REQUIRED, *columns):
        if name not in header:
            near = get_close_matches(name.lower(), [c.lower() for c in header], 1)
            meant = next((c for c in header if near and c.lower() == near[0]), None)
            hint = f"did you mean `{meant}`? " if meant else ""
            where = "the table needs it" if name in REQUIRED else "name the table's columns in `columns` of the config"
            raise UnknownBand(f"{path}: no column `{name}`; {hint}found {_listed(header)}; {where}")
        if list(header).count(name) > 1:
            raise BadInput(f"{path}: column `{name}` appears twice; keep one")
    return list(dict.fromkeys((*REQUIRED, *columns, *(c for c in OPTIONAL if c in header))))


def _numbers(path: Path, column: "pd.Series[Any]", notes: list[str]) -> NDArray[np.float64]:
    """(row,) numbers; words for "missing" and infinities become NaN."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    made = (column if numeric else pd.to_numeric(_texts(column), errors="coerce")).to_numpy(np.float64, na_value=np.nan)
    numbers = np.array(made)  # what pandas hands out may be read-only
    if not numeric:
        open_rows = np.flatnonzero(np.isnan(numbers))
        words = _texts(column.iloc[open_rows]).str.lower()
        if not (known := words.isin(MISSING).to_numpy(bool)).all():
            row = int(open_rows[~known][0])
            text = str(column.iloc[row])
            remedy = (
                "write a decimal point"
                if re.fullmatch(r"\s*-?\d*,\d+\s*", text)
                else "write the bare number, or leave it empty"
            )
            raise BadInput(f"{path}: row {row + 1}: {column.name} {text[:SHOWN]!r} is not a number; {remedy}")
        if written := int((words != "").sum()):
            notes.append(f"{_rows(written)} with a word for a missing {column.name} count as not observed")
    if endless := int(np.isinf(numbers).sum()):
        notes.append(f"{_rows(endless)} with an infinite {column.name} count as not observed")
        numbers[np.isinf(numbers)] = np.nan
    return numbers


def _valid(path: Path, frame: pd.DataFrame, notes: list[str]) -> NDArray[np.bool_]:
    """(row,) False where the table itself says that the look does not count."""
    if "valid" not in frame:
        return np.ones(len(frame), bool)
    words = _texts(frame["valid"]).str.lower()
    told = words.map(TRUTH).to_numpy(np.float64, na_value=np.nan)
    empty = words.isin(MISSING).to_numpy(bool)
    if (unknown := np.isnan(told) & ~empty).any():
        row = int(np.flatnonzero(unknown)[0])
        raise BadInput(f"{path}: row {row + 1}: valid {words.iloc[row][:SHOWN]!r} is neither yes nor no; write 1 or 0")
    if empty.any():
        notes.append(f"{_rows(int(empty.sum()))} with an empty `valid` count as not observed")
    return np.asarray(told == 1)


def _ids(path: Path, column: "pd.Series[Any]") -> NDArray[Any]:
    """(row,) ids as texts: leading zeros stay, and a whole number read as 7.0 is 7."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    texts = _texts(column)
    if (gone := texts.str.lower().isin(NO_ID).to_numpy(bool)).any():
        row = int(np.flatnonzero(gone)[0])
        raise BadInput(
            f"{path}: row {row + 1}: series_id is empty ({_rows(int(gone.sum()))} in all); every look needs one"
        )
    return texts.to_numpy(object)


def _instants(path: Path, column: "pd.Series[Any]", today: date, notes: list[str]) -> NDArray[np.int64]:
    """(row,) seconds since 1970-01-01T00:00:00Z. A date without a time zone is UTC."""
    codes, texts = pd.factorize(_texts(column))
    instants, zoned = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        try:
            instants[i], zoned[i] = _instant(str(text), today)
        except ValueError as error:
            row = int(np.flatnonzero(codes == i)[0])
            raise BadInput(f"{path}: row {row + 1}: date {str(text)[:SHOWN]!r} {error}") from None
    if moved := int(zoned[codes].sum()):
        notes.append(f"{_rows(moved)} with a time zone in the date: converted to UTC")
    made: NDArray[np.int64] = instants[codes]
    return made


def _instant(text: str, today: date) -> tuple[int, bool]:
    """(seconds since 1970, did it name a time zone other than UTC); raises ValueError that says what is wrong."""
    try:
        when = datetime.fromisoformat(text) if ISO_DATE.fullmatch(text) else None
    except ValueError:
        when = None
    if when is None:
        raise ValueError("cannot be read; write it as 2024-01-31")
    zoned = bool(when.utcoffset())
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    if when.date() > today:
        raise ValueError(f"is in the future (today is {today}); mend it")
    if to_day(when.date()) < 0:
        raise ValueError("is before 1970-01-01, where the count of days starts; leave the row out")
    return int(when.timestamp()), zoned


def _note_disorder(series: NDArray[np.int64], instants: NDArray[np.int64], notes: list[str]) -> None:
    order = np.argsort(series, kind="stable")
    back = (np.diff(instants[order]) < 0) & (np.diff(series[order]) == 0)
    if back.any():
        shuffled = len(np.unique(series[order][1:][back]))
        notes.append(f"{shuffled:,} series {'was' if shuffled == 1 else 'were'} not in order of date: sorted")


def _distinct(keys: Sequence[NDArray[Any]], notes: list[str]) -> NDArray[np.bool_]:
    """(row,) False for a row equal to the one before it in everything that was read; keys are in order."""
    keep = np.zeros(len(keys[0]), bool)
    keep[0] = True
    for key in keys:
        filled = np.nan_to_num(key, nan=np.inf) if key.dtype.kind == "f" else key  # no infinity is left by now
        keep[1:] |= filled[1:] != filled[:-1]
    if twice := int((~keep).sum()):
        notes.append(f"{_rows(twice)} equal to another: dropped")
    return keep


def _occurrence(path: Path, ids: NDArray[Any], series: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    place = np.arange(len(series))
    first = np.ones(len(series), bool)
    first[1:] = (np.diff(series) != 0) | (np.diff(days) != 0)
    count: NDArray[np.int64] = place - np.maximum.accumulate(np.where(first, place, 0))
    if count.max() >= MAX_A_DAY:
        crowded = ids[series[count.argmax()]]
        raise BadInput(
            f"{path}: series {crowded} has {count.max() + 1:,} looks on one day; is series_id the right column?"
        )
    return count


def _texts(column: "pd.Series[Any]") -> "pd.Series[str]":
    """Stripped texts; what is missing is the empty text, dates are ISO."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.map(_iso, na_action="ignore")
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


_iso: Callable[[pd.Timestamp], str] = pd.Timestamp.isoformat


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _listed(names: Sequence[str], joint: str = "and") -> str:
    """At most twelve names in words."""
    shown = [f"`{name}`" for name in names[:12]] + ([f"{len(names) - 12} more"] if len(names) > 12 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {joint} {shown[-1]}"
