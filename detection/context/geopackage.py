"""GeoPackage layers, read with SQLite and shapely alone: no GDAL driver is asked what the file might be.

(OGC GeoPackage Encoding Standard: catalogue tables, BLOB format of 2.1.3.1.1, R-tree extension.)
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.context.rasters import Bounds
from detection.errors import BadInput
from detection.sources.pieces import one_line

MAGIC: Final = b"SQLite format 3\x00"
"""First 16 bytes of an SQLite file (SQLite file format)."""
MAX_VALUE: Final = 256_000_000
"""Bytes of one stored value; chosen: sixteen million vertices."""
LARGE: Final = 100_000
"""Bytes from which a decoded geometry is kept for the next block; chosen: some 6,000 vertices."""
ENVELOPES: Final = (0, 32, 48, 48, 64)
"""Bytes of the envelope in front of a geometry, by the code in bits 1 to 3 of its flags (2.1.3.1.1)."""
COLLECTION: Final = 7
"""shapely's number of a geometry collection; curves have higher ones."""
CATALOGUE: Final = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
TABLES: Final = "select name, rootpage, sql from sqlite_master where type = 'table'"
LAYERS: Final = """
    select g.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition, s.srs_id,
           c.min_x, c.min_y, c.max_x, c.max_y
    from gpkg_geometry_columns g join gpkg_spatial_ref_sys s on g.srs_id = s.srs_id
         join gpkg_contents c on g.table_name = c.table_name
    order by g.table_name
"""


@dataclass(frozen=True)
class GeoPackage:
    """One layer of a GeoPackage. Geometries are fetched by box, through the file's R-tree where it has one."""

    path: Path
    """The file, absolute."""
    table: str
    """Table of the features."""
    column: str
    """Column of their geometry."""
    crs: str
    """`EPSG:...`, or WKT."""
    indexed: bool
    """Whether there is an R-tree."""
    bounds: Bounds | None = None
    """(west, south, east, north) as the catalogue has it; it may be out of date."""

    def within(self, box: Bounds) -> Iterator[BaseGeometry]:
        """The geometries whose bounds touch (west, south, east, north), in the order of their row ids."""
        select, values = self._select((), box)
        with _opened(self.path) as database:
            for _, blob in database.execute(select, values):
                found = _geometry(blob, self.path.name)
                if not found.is_empty and shapely.box(*box).intersects(shapely.box(*found.bounds)):
                    yield found

    def rows(self, box: Bounds, columns: Sequence[str]) -> Iterator[tuple[int, BaseGeometry, tuple[Any, ...]]]:
        """(row id, geometry as it is stored, what these columns say) of the same; it need not be valid.

        Raises BadInput for a column that the table does not have; one that is computed counts as none.
        """
        select, values = self._select(columns, box)
        with _opened(self.path) as database:
            there = self._columns(database)
            check_columns(columns, [name for name in there if name != self.column], self.path.name)
            if "rowid" in map(str.lower, there):  # it would be taken for the row id
                raise BadInput(f"{self.path.name}: has a column called `rowid`; export it again with another name")
            for ident, blob, *said in database.execute(select, values):
                found = _stored(blob, self.path.name)
                if not found.is_empty and shapely.box(*box).intersects(shapely.box(*found.bounds)):
                    yield ident, found, tuple(said)

    def columns(self) -> tuple[str, ...]:
        """Names of the table's columns beside the geometry."""
        with _opened(self.path) as database:
            return tuple(name for name in self._columns(database) if name != self.column)

    def _columns(self, database: sqlite3.Connection) -> list[str]:
        return [str(row[1]) for row in database.execute(f"pragma table_info({_quoted(self.table)})")]

    def count(self) -> int:
        """How many rows the table has, also those without a geometry."""
        with _opened(self.path) as database:
            return int(database.execute(f"select count(*) from {_quoted(self.table)}").fetchone()[0])  # noqa: S608 - quoted

    def _select(self, columns: Sequence[str], box: Bounds) -> tuple[str, tuple[float, ...]]:
        """The question for row id, geometry and columns, and its values."""
        table, column = _quoted(self.table), _quoted(self.column)
        named = ", ".join(("rowid", *map(_quoted, (self.column, *columns))))
        select = f"select {named} from {table} where {column} is not null"  # noqa: S608 - names are quoted
        values: tuple[float, ...] = ()
        if self.indexed:
            tree = _quoted(f"rtree_{self.table}_{self.column}")
            touch = "maxx >= ? and minx <= ? and maxy >= ? and miny <= ?"
            select += f" and rowid in (select id from {tree} where {touch})"  # noqa: S608 - names are quoted
            values = (box[0], box[2], box[1], box[3])
        return f"{select} order by rowid", values


def open_geopackage(path: Path, layer: str | None) -> GeoPackage:
    """Find the layer; it may be left out where there is only one.

    Raises BadInput: not a GeoPackage, unreadable, no such layer, several layers, a view in place of a table, no CRS.
    """
    name = path.name
    with _opened(path) as database:
        tables = {row[0]: row[1:] for row in database.execute(TABLES)}
        if not set(CATALOGUE) <= tables.keys():
            raise BadInput(f"{name}: is an SQLite file but no GeoPackage; export the layer as GeoPackage")
        row = _chosen(database.execute(LAYERS).fetchall(), layer, name)
    table, column = str(row[0]), str(row[1])
    # A view or a virtual table (no pages of its own) can be made to compute anything: only what is stored is read.
    if not all(tables.get(t, (0,))[0] for t in (table, *CATALOGUE)):
        raise BadInput(f"{name}: layer {table!r} is not a plain table; export it as a layer of its own")
    _, sql = tables.get(f"rtree_{table}_{column}", (0, ""))
    return GeoPackage(path, table, column, _crs(row, name), "using rtree(" in str(sql).lower(), _bounds(row))


def _chosen(rows: Sequence[Any], layer: str | None, name: str) -> Any:
    there = [str(row[0]) for row in rows]
    if layer is None and len(rows) == 1:
        return rows[0]
    if layer in there:
        return rows[there.index(layer)]
    listed = one_line(ValueError(", ".join(there))) if there else "none"
    wanted = "no `layer` was named" if layer is None else f"{layer!r} was asked for"
    raise BadInput(f"{name}: {wanted}, it holds the layers: {listed}; name one of them")


def _crs(row: Any, name: str) -> str:
    organization, code, definition, srs = row[2:6]
    if srs in (-1, 0):  # undefined Cartesian, undefined geographic
        raise BadInput(f"{name}: has no CRS; export it again with one")
    return f"EPSG:{code}" if str(organization).upper() == "EPSG" else str(definition)


def _bounds(row: Any) -> Bounds | None:
    edges = row[6:10]
    if not all(isinstance(edge, int | float) for edge in edges):
        return None
    return float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])


def _geometry(blob: Any, name: str) -> BaseGeometry:
    # Every block asks anew; whether a large outline is valid takes seconds.
    return _kept(blob, name) if isinstance(blob, bytes) and len(blob) > LARGE else _decoded(blob, name)


@lru_cache(maxsize=8)
def _kept(blob: bytes, name: str) -> BaseGeometry:
    return _decoded(blob, name)


def _decoded(blob: Any, name: str) -> BaseGeometry:
    return sound(_stored(blob, name))


def _stored(blob: Any, name: str) -> BaseGeometry:
    try:
        if blob[:2] != b"GP":
            raise BadInput(f"{name}: a geometry is not GeoPackage binary; export it again")
        found = shapely.from_wkb(blob[8 + ENVELOPES[(blob[3] >> 1) & 7] :])
    except (shapely.errors.GEOSException, LookupError, TypeError) as error:
        raise BadInput(f"{name}: a geometry cannot be read ({one_line(error)}); export it again") from None
    if shapely.get_type_id(found) > COLLECTION:
        raise BadInput(f"{name}: holds curves; export them as straight lines and polygons")
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise BadInput(f"{name}: a geometry has a coordinate that is not a number; export it again")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as a read-only database that runs nothing of its own; raises BadInput where it is none or broken."""
    name = path.name
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
    if start != MAGIC:
        raise BadInput(f"{name}: is not a GeoPackage (starts with {start!r}); export it as one")
    log = path.with_name(f"{name}-wal")
    if log.exists() and log.stat().st_size:
        raise BadInput(f"{name}: is still being written ({log.name} beside it); close the program that has it open")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
            database.execute("pragma trusted_schema=off")
            yield database
    except (sqlite3.Error, OverflowError) as error:
        raise BadInput(f"{name}: not readable as GeoPackage ({one_line(error)}); fetch or write it again") from None


def sound(found: BaseGeometry) -> BaseGeometry:
    """The geometry itself, or a valid one: shells joined, holes taken off, what has no area left out (GEOS make_valid)."""
    return found if found.is_valid else shapely.make_valid(found, method="structure", keep_collapsed=False)


def check_columns(wanted: Sequence[str], there: Sequence[str], name: str) -> None:
    """Raises BadInput for a column that is not there; SQLite would take its name for a text."""
    if missing := [one for one in wanted if one not in there]:
        listed = one_line(ValueError(", ".join(there))) if there else "none"
        raise BadInput(f"{name}: has no column {missing[0]!r}; its columns are: {listed}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
