"""Points with a known answer, as people wrote them down, for training: what is kept, and why the rest is not.

Read from downloads of Collect Earth Online (samples or plots), points of SEPAL or Collect Earth, plain CSV tables and
GeoPackage layers. Every row ends up once: as a point, or under one reason in `left_out`.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError
from scipy.spatial import cKDTree

from detection.areas import LONLAT
from detection.errors import BadInput, UnknownBand
from detection.sources.pieces import one_line
from detection.types import Days, Mask, parameters
from models.pointfile import Table, layer_of, listed, meant, table_of

COORDINATES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "ceo": (("lon", "lat"), ("center_lon", "center_lat")),
    "sepal": (("XCoordinate", "YCoordinate"), ("LON", "LAT")),
    "csv": (("lon", "lat"), ("longitude", "latitude")),
    "projected": (("x", "y"),),
}
"""Columns of a place, in capitals or not; the first pair that is there counts."""
IDS: Final = {"ceo": (("plotid", "sampleid"), ("plotid",)), "sepal": (("id",),), "csv": (("id",),), "geopackage": ()}
"""Columns that name a row where no `id` is given; where there are none its number does."""
ROUNDING: Final = 0.005
"""Shares of Collect Earth Online are per cent with two decimals: each may be off by so much."""
NEAR_M: Final = 1.0
"""Points no farther apart lie at one place; chosen: what coordinates with five decimals tell apart."""
EARTH_M: Final = 6_371_008.8
"""Mean radius (IUGG)."""
EQUAL_AREA: Final = "EPSG:6933"
ROW: Final = 2**32
"""Step from one row of blocks to the next in their numbers: more than a row has."""
NOT_FLAGGED: Final = frozenset(("", "0", "0.0", "false", "f", "no", "n"))
DATE: Final = re.compile(
    r"([0-9]{4})(?:\.0)?|([0-9]{4}-[0-9]{2})|([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?"
)
"""A year (as tables of numbers may write it), a month, or a day with or without a time."""
UNREADABLE: Final = -2
UNKNOWN: Final = "answer without an entry in `classes`"


@parameters
class ReferencePoints:
    """Points with a known answer, from one file."""

    kind: Literal["points"] = "points"
    """What the file holds."""
    path: Path
    """The file."""
    format: Literal["ceo", "sepal", "csv", "geopackage"]
    """`ceo`: sample or plot download of Collect Earth Online; `sepal`: points of SEPAL or Collect Earth; `csv`: a table
    with columns lon and lat; `geopackage`: a layer of points, or of polygons (a point inside stands for each)."""
    label: str
    """Column that holds the answer; for `ceo` the text of the question."""
    classes: Mapping[str, str] = field(default_factory=dict)
    """`answer in the file: class of ours`; empty: the answers are names of our classes already."""
    id: str | None = None
    """Column of the ids; null takes plotid and sampleid (`ceo`) or id (`sepal`, `csv`) if there, else the row's number."""
    date: str | None = None
    """Column of the day, month or year of the change."""
    date_first: str | None = None
    """Column of the first day on which the change may have happened, in place of `date`."""
    date_last: str | None = None
    """Column of the last such day, in place of `date`."""
    weight: str | None = None
    """Column of how much a point counts, above 0; where it is empty a point counts 1."""
    confidence: str | None = None
    """Column of how sure the interpreter was, per cent, in place of `weight`."""
    crs: str | None = None
    """CRS of a `csv` with columns x and y, e.g. EPSG:32718; null: columns lon and lat, degrees (WGS 84)."""
    layer: str | None = None
    """Layer of a GeoPackage; null where it holds only one."""

    def __post_init__(self) -> None:
        for key, whose in (("crs", "csv"), ("layer", "geopackage")):
            if getattr(self, key) is not None and self.format != whose:
                raise BadInput(f"{self.path.name}: `{key}` is for format `{whose}`, not `{self.format}`; leave it out")
        for one, others in (("date", ("date_first", "date_last")), ("weight", ("confidence",))):
            for other in others:
                if getattr(self, one) is not None and getattr(self, other) is not None:
                    raise BadInput(f"{self.path.name}: `{one}` and `{other}` are both given; keep one of them")


@dataclass(frozen=True)
class Reference:
    """Points with a known answer, in the order of the file."""

    ids: tuple[str, ...]
    """(point,) each once."""
    lon: NDArray[np.float64]
    """(point,) degrees, WGS 84."""
    lat: NDArray[np.float64]
    """(point,) degrees, WGS 84."""
    label: tuple[str, ...]
    """(point,) name of a class of ours."""
    first: Days
    """(point,) first day on which the change may have happened; -1: not said."""
    last: Days
    """(point,) last such day; -1: not said."""
    weight: NDArray[np.float64]
    """(point,) how much it counts."""
    left_out: Mapping[str, tuple[str, ...]]
    """Reason -> ids, one for every row that is no point."""
    notes: tuple[str, ...] = ()
    """What else was found in the file, one line each."""

    def take(self, keep: NDArray[Any]) -> "Reference":
        """The points of this mask or of these positions; of the others nothing is said."""
        at = np.arange(len(self.ids))[keep]
        moved = {name: getattr(self, name)[at] for name in ("lon", "lat", "first", "last", "weight")}
        return replace(self, ids=tuple(self.ids[i] for i in at), label=tuple(self.label[i] for i in at), **moved)

    def without(self, mask: Mask, reason: str) -> "Reference":
        """The points outside this mask; those inside are listed under the reason."""
        gone = self.take(mask).ids
        listed = {**self.left_out, reason: (*self.left_out.get(reason, ()), *gone)} if gone else self.left_out
        return replace(self.take(~mask), left_out=listed)

    def lines(self) -> tuple[str, ...]:
        """What was counted and what was left out, in words."""
        rows = len(self.ids) + sum(map(len, self.left_out.values()))
        classes = ", ".join(f"{name} {many:,}" for name, many in sorted(Counter(self.label).items())) or "none"
        dated, half = (
            int(((self.first >= 0) | (self.last >= 0)).sum()),
            int(((self.first >= 0) ^ (self.last >= 0)).sum()),
        )
        open_end = f", {half:,} at one end only" if half else ""
        return (
            f"{len(self.ids):,} of {rows:,} rows are points with a known answer: {classes}",
            *([f"{dated:,} of them say when{open_end}"] if dated else []),
            *(f"{len(ids):,} left out, {why}: {listed(ids)}" for why, ids in self.left_out.items()),
            *self.notes,
        )


def read_points(asked: ReferencePoints, known: Collection[str]) -> Reference:
    """Read and judge every row; known: the names of our classes.

    Raises BadInput, one line each: a file that cannot be read, has no rows, no CRS, or lacks a column (UnknownBand).
    """
    table = layer_of(asked.path, asked.layer) if asked.format == "geopackage" else table_of(asked.path, asked.crs)
    classes = dict(asked.classes) or {name: name for name in known}
    rows = _rows(asked, table, classes, known)
    why = np.full(len(rows), "", object)
    for reason, wrong in CHECKS:
        still = why == ""
        why[still] = np.where(wrong(rows[still]), reason, "")
    points, names = rows[why == ""], rows["name"].to_numpy(object)
    lon, lat, weight = (np.array(points[c], np.float64) for c in ("lon", "lat", "weight"))
    first, last = (np.array(points[c], np.int32) for c in ("first", "last"))
    left = {reason: tuple(names[why == reason]) for reason, _ in CHECKS if (why == reason).any()}
    ids, label = tuple(points["id"]), tuple(points["label"])
    return Reference(ids, lon, lat, label, first, last, weight, left, _notes(asked, table, rows, why, known))


def blocks(reference: Reference, metres: float) -> NDArray[np.int64]:
    """(point,) number of the square of so many equal-area metres it lies in; other points do not change it."""
    if not 1 <= metres < np.inf:
        raise BadInput(f"blocks: a side of {metres} m; give 1 m or more")
    moved = Transformer.from_crs(LONLAT, EQUAL_AREA, always_xy=True).transform(reference.lon, reference.lat)
    column, row = (np.floor(np.asarray(c, np.float64) / metres).astype(np.int64) for c in moved)
    return np.asarray(row * ROW + column, np.int64)


def _rows(asked: ReferencePoints, table: Table, classes: Mapping[str, str], known: Collection[str]) -> pd.DataFrame:
    """What was written in every row, understood but not judged."""
    answer, undecided = _answers(asked, table, classes)
    x, y = _places(asked, table)
    lon, lat = _lonlat(x, y, table)
    none = np.full(len(answer), "", object)
    days = [table.column(c) if c else none for c in (asked.date_first or asked.date, asked.date_last or asked.date)]
    flagged = table.column("flagged") if asked.format == "ceo" and "flagged" in table.header else none
    ids = _ids(asked, table)
    columns = {
        "id": ids,
        "name": [i or f"row {n}" for n, i in enumerate(ids, 1)],
        "flagged": [text.lower() not in NOT_FLAGGED for text in flagged],
        "answer": answer,
        "undecided": undecided,
        "label": [classes.get(text, text) for text in answer],
        "entry": [text in classes for text in answer],
        "ours": [classes.get(text) in known for text in answer],
        "placed": np.isfinite(x) & np.isfinite(y),
        "lon": lon,
        "lat": lat,
        "first": [_day(text, False) for text in days[0]],
        "last": [_day(text, True) for text in days[1]],
        "weight": _weights(asked, table, len(answer)),
    }
    rows = pd.DataFrame(columns)
    return rows.assign(when=rows["first"] * ROW + rows["last"])


def _ids(asked: ReferencePoints, table: Table) -> list[str]:
    there = {c.lower(): c for c in reversed(table.header)}
    usual = next((names for names in IDS[asked.format] if set(names) <= there.keys()), ())
    parts = [table.column(name) for name in ([asked.id] if asked.id else [there[name] for name in usual])]
    if not parts:
        return list(table.numbers) or [f"{n}" for n in range(1, len(table.texts) + 1)]
    return ["/".join(row) if all(row) else "" for row in zip(*parts, strict=True)]


def _answers(asked: ReferencePoints, table: Table, classes: Mapping[str, str]) -> tuple[NDArray[Any], Mask]:
    """(row,) what was answered, and where no answer has the majority of a plot of several samples."""
    start = f"{asked.label}:"
    options = [c for c in table.header if c.startswith(start)] if asked.format == "ceo" else []
    if asked.label in table.header or not options:
        return table.column(asked.label), np.zeros(len(table.texts), np.bool_)
    shares = np.stack([_numbers(table.column(c)) for c in options], 1)
    shares[(shares < 0) | (shares > 100)] = np.nan
    names = np.array([c.removeprefix(start) for c in options], object)
    # Two answers that mean one class of ours are one answer.
    group = pd.factorize(np.array([classes.get(n, n) for n in names], object))[0]
    member = np.eye(group.max() + 1)[group]
    most = shares @ member - ROUNDING * ((shares > 0) @ member)
    within = np.where(group == most.argmax(1)[:, None], shares, -1)
    empty, clear = (shares == 0).all(1), most.max(1) > 50 + 1e-6
    return np.where(clear, names[within.argmax(1)], ""), ~clear & ~empty


def _places(asked: ReferencePoints, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if table.places is not None:
        return table.places[:, 0], table.places[:, 1]
    there = {c.lower(): c for c in reversed(table.header)}
    pairs = COORDINATES["projected" if asked.crs else asked.format]
    for x, y in pairs:
        if {x.lower(), y.lower()} <= there.keys():
            return _numbers(table.column(there[x.lower()])), _numbers(table.column(there[y.lower()]))
    if asked.format == "csv" and not asked.crs and {"x", "y"} <= there.keys():
        raise BadInput(f"{table.name}: has columns x and y but no CRS; give `crs`, e.g. EPSG:32718")
    wanted = " or ".join(f"`{x}` and `{y}`" for x, y in pairs)
    raise UnknownBand(f"{table.name}: no columns {wanted}; found {listed(table.header, 40)}; is `format` right?")


def _lonlat(
    x: NDArray[np.float64], y: NDArray[np.float64], table: Table
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if table.crs == LONLAT:
        return x, y
    try:
        lon, lat = Transformer.from_crs(table.crs, LONLAT, always_xy=True).transform(x, y)
    except (CRSError, ProjError) as error:
        raise BadInput(
            f"{table.name}: CRS {table.crs[:80]!r} is of no use here ({one_line(error)}); give another"
        ) from None
    return np.asarray(lon, np.float64), np.asarray(lat, np.float64)


def _numbers(texts: NDArray[Any]) -> NDArray[np.float64]:
    """(row,) NaN where there is no finite number."""
    made = np.array(pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce"), np.float64)
    return np.where(np.isfinite(made), made, np.nan)


def _day(text: str, end: bool) -> int:
    """Days since 1970 of a date as it is written, the end or the start of a month or year."""
    if not text:
        return -1
    if not (found := DATE.fullmatch(text)):
        return UNREADABLE
    try:
        when = np.datetime64(str(found[found.lastindex or 0]))
    except ValueError:
        return UNREADABLE
    day = int(((when + 1).astype("datetime64[D]") - 1 if end else when.astype("datetime64[D]")).astype(np.int64))
    return day if day >= 0 else UNREADABLE


def _weights(asked: ReferencePoints, table: Table, many: int) -> NDArray[np.float64]:
    """(row,) how much it counts; NaN where what is written is no weight."""
    if not (name := asked.weight or asked.confidence):
        return np.ones(many)
    texts = table.column(name)
    given = _numbers(texts) / (100 if asked.confidence else 1)
    given[(given <= 0) | (given > (1 if asked.confidence else np.inf))] = np.nan
    return np.where(texts == "", 1.0, given)


def _differ(rows: pd.DataFrame, name: str) -> Any:
    return rows.groupby("id")[name].transform("nunique") > 1


def _moved(rows: pd.DataFrame) -> Any:
    """Rows of an id that lies at more than one place."""
    code, at = pd.factorize(rows["id"])[0], _on_earth(rows)
    first = np.unique(code, return_index=True)[1]
    return np.isin(code, code[np.linalg.norm(at - at[first[code]], axis=1) > NEAR_M])


def _beside(rows: pd.DataFrame) -> Any:
    """Rows at the place of one with another label."""
    label, at, near = pd.factorize(rows["label"])[0], _on_earth(rows), np.zeros(len(rows), np.bool_)
    for one in range(label.max(initial=0) + 1 if len(set(label)) > 1 else 0):
        mine = label == one
        near[mine] = cKDTree(at[~mine]).query(at[mine])[0] <= NEAR_M
    return near


def _on_earth(rows: pd.DataFrame) -> NDArray[np.float64]:
    """(row, 3) metres from the centre of the Earth, so that distances are the same everywhere."""
    lon, lat = (np.radians(rows[c].to_numpy(np.float64)) for c in ("lon", "lat"))
    return EARTH_M * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], 1)


CHECKS: Final[Sequence[tuple[str, Callable[[Any], Any]]]] = (
    ("no id", lambda rows: rows["id"] == ""),
    ("flagged by the interpreter", lambda rows: rows["flagged"]),
    ("no answer with more than half of the plot", lambda rows: rows["undecided"]),
    ("no answer", lambda rows: rows["answer"] == ""),
    ("one id with different answers", lambda rows: _differ(rows, "label")),
    (UNKNOWN, lambda rows: ~rows["entry"]),
    ("entry in `classes` that is no class of ours", lambda rows: ~rows["ours"]),
    ("no coordinates that can be read", lambda rows: ~rows["placed"]),
    ("coordinates of no place on Earth", lambda rows: ~((rows["lon"].abs() <= 180) & (rows["lat"].abs() <= 90))),
    ("a date that cannot be read or is before 1970", lambda rows: rows[["first", "last"]].min(axis=1) == UNREADABLE),
    ("last date before the first", lambda rows: (rows["last"] >= 0) & (rows["last"] < rows["first"])),
    ("a weight not above 0, or a confidence above 100", lambda rows: rows["weight"].isna()),
    ("one id with different dates", lambda rows: _differ(rows, "when")),
    ("one id at different places", _moved),
    ("repeats an answer already counted", lambda rows: rows.duplicated("id")),
    ("different answers within 1 m", _beside),
)
"""(reason, which of the rows still in it holds for), one after the other: a row has one reason."""


def _notes(
    asked: ReferencePoints, table: Table, rows: pd.DataFrame, why: NDArray[Any], known: Collection[str]
) -> tuple[str, ...]:
    missing = Counter(rows["answer"][why == UNKNOWN])
    strange = [f"`{c}`{meant(c, known)}" for c in dict.fromkeys(asked.classes.values()) if c not in known]
    unused = sorted(set(asked.classes) - set(rows["answer"]))
    notes = (
        ("without an entry in `classes`", [f"`{text}` {many:,}" for text, many in missing.most_common()]),
        ("named in `classes`, but no class of ours", strange),
        ("in `classes`, but the answer of no row", [f"`{text}`" for text in unused]),
    )
    column = asked.weight or asked.confidence
    light = int((table.column(column) == "").sum()) if column else 0
    empty = (f"{light:,} rows with an empty `{column}` count 1",) if light else ()
    return (*(f"{said}: {listed(some)}" for said, some in notes if some), *empty)
