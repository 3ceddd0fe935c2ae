"""Tables and layers of points as texts, whatever file they lie in; nothing in them is judged here."""

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from detection.areas import LONLAT
from detection.context.geopackage import ENVELOPES, MAX_VALUE, open_geopackage, sound
from detection.errors import BadInput, UnknownBand
from detection.sources.pieces import one_line


@dataclass(frozen=True)
class Table:
    """A file as stripped texts; nothing in it is judged yet."""

    name: str
    """The file's."""
    header: tuple[str, ...]
    """Names of the columns."""
    texts: NDArray[Any]
    """(row, column)."""
    crs: str = LONLAT
    """Of the places."""
    numbers: tuple[str, ...] = ()
    """(row,) numbers of features; empty in tables, whose rows are counted from 1."""
    places: NDArray[np.float64] | None = None
    """(row, 2) x and y, NaN where there is none; None: they stand in columns."""

    def column(self, name: str) -> NDArray[Any]:
        """(row,) texts; raises UnknownBand for a column that is not there, BadInput for one that is there twice."""
        if (many := self.header.count(name)) > 1:
            raise BadInput(f"{self.name}: {many} columns are called `{name}`; rename the others")
        if not many:
            there = dict.fromkeys((*self.header, *(c.rpartition(":")[0] for c in self.header if ":" in c)))
            raise UnknownBand(f"{self.name}: no column `{name}`{meant(name, there)}; found {listed(list(there), 40)}")
        return np.asarray(self.texts[:, self.header.index(name)])


def table_of(path: Path, crs: str | None) -> Table:
    """A CSV; crs: of its places, None: degrees. Raises BadInput for a file that is no table."""
    header, texts = read_csv(path)
    return Table(path.name, header, texts, crs or LONLAT)


def read_csv(path: Path) -> tuple[tuple[str, ...], NDArray[Any]]:
    """(columns, (row, column) stripped texts) of a table with a header. Raises BadInput for a file that is none."""
    name = path.name
    packed: Any = "gzip" if path.suffix.lower() == ".gz" else None
    with _readable(path):
        # Without a header pandas refuses rows longer than the first, and leaves equal names of columns alone.
        frame = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", compression=packed
        )
    texts = frame.fillna("").map(str.strip).to_numpy(object)
    header = tuple(texts[0])
    if len(header) == 1 and (other := next((c for c in ";\t|" if c in header[0]), None)):
        raise BadInput(f"{name}: columns are separated by {other!r}; save the table with commas")
    if len(texts) == 1:
        raise BadInput(f"{name}: has a header but no rows; was it written to the end?")
    return header, texts[1:]


def layer_of(file: Path, layer: str | None) -> Table:
    """A layer of a GeoPackage. Raises BadInput for a file that is none, or holds no such layer or no CRS."""
    path, name = file.absolute(), file.name
    with _readable(path):
        found = open_geopackage(path, layer)
        table = '"' + found.table.replace('"', '""') + '"'
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
            database.execute("pragma trusted_schema=off")
            cursor = database.execute(f"select rowid, * from {table} order by rowid")  # noqa: S608 - the name is quoted
            header, rows = tuple(str(c[0]) for c in cursor.description), cursor.fetchall()
    if not rows:
        raise BadInput(f"{name}: layer {found.table!r} has no rows; export it again")
    at = next((i for i, c in enumerate(header) if c.lower() == found.column.lower()), None)
    if at is None:
        raise BadInput(f"{name}: layer {found.table!r} lacks its geometry column {found.column!r}; export it again")
    rest = [i for i in range(1, len(header)) if i != at]
    texts = np.array([[_text(row[i]) for i in rest] for row in rows], object).reshape(len(rows), len(rest))
    places = np.array([_place(row[at]) for row in rows], np.float64)
    return Table(name, tuple(header[i] for i in rest), texts, found.crs, tuple(str(row[0]) for row in rows), places)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What is wrong with a file, in one line."""
    name = path.name
    if not path.is_file():
        raise BadInput(f"{name}: {'is not a file' if path.exists() else 'no such file'}; give one table or GeoPackage")
    try:
        yield
    except pd.errors.EmptyDataError:
        raise BadInput(f"{name}: is empty; the first line must name the columns") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: is no CSV in UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (pd.errors.ParserError, EOFError, zlib.error) as error:
        raise BadInput(f"{name}: is no table ({one_line(error)}); save it as CSV with commas and points") from None
    except (OSError, sqlite3.Error, OverflowError) as error:
        raise BadInput(f"{name}: cannot be read ({one_line(error)}); copy or export it again") from None


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps is often stored as real numbers
    return "" if value is None else str(value).strip()


def _place(blob: Any) -> tuple[float, float]:
    """A point itself, or a point inside a polygon; NaN for anything else."""
    try:
        found = sound(shapely.from_wkb(blob[8 + ENVELOPES[(blob[3] >> 1) & 7] :]))
        single = found.geom_type == "Point" or (found.geom_type == "MultiPoint" and len(found.geoms) == 1)
        if not found.is_empty and (single or found.geom_type in ("Polygon", "MultiPolygon")):
            point = found.representative_point()
            return float(point.x), float(point.y)
    except (shapely.errors.GEOSException, LookupError, TypeError, AttributeError):
        pass  # listed with those that have no place
    return np.nan, np.nan


def meant(name: str, there: Collection[str]) -> str:
    """What a name may have been meant to be, in brackets; empty where nothing is near."""
    near = get_close_matches(name.lower(), [c.lower() for c in there], 1)
    return next((f" (did you mean `{c}`?)" for c in there if near and c.lower() == near[0]), "")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a row, of many the first."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
