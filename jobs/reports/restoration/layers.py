"""Registers as files: GeoPackage, GeoJSON, KML and a zipped shapefile, row by row, with what is wrong with each geometry.

GeoPackage and GeoJSON are read as layers of context are; KML with the standard library; a shapefile by its own driver, from a
folder that holds its members alone.
"""

import json
import math
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from xml.etree import ElementTree as Xml

import numpy as np
import pyogrio.raw
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from detection.areas import GEOMETRIES, LONLAT, MAX_BYTES, UNUSABLE, read_geometries
from detection.context.geopackage import open_geopackage
from detection.context.layers import GEOJSONS
from detection.errors import BadInput
from detection.sources.pieces import one_line

EVERYWHERE: Final = (-1e9, -1e9, 1e9, 1e9)
"""A box around any coordinate that a CRS has, degrees or metres."""
MEMBERS: Final = (".shp", ".shx", ".dbf", ".prj")
"""Files of a shapefile that must be there (FERM/GEF geospatial requirements)."""
MOST_UNZIPPED: Final = 512_000_000
"""Bytes of a shapefile's files together (chosen)."""
NOT_DRAWN: Final = (*UNUSABLE, shapely.errors.ShapelyError)
"""What shapely raises over coordinates that draw nothing, or a kind of geometry that it does not know."""
SHAPES: Final = b"\x00\x00\x27\x0a"
"""How a .shp begins."""
SHAPE_POLYGONS: Final = (5, 15, 25)
"""Numbers of polygons in it: without more, with heights, with measures."""
NOT_CLOSED: Final = "a ring is not closed; end it where it begins"
UNREADABLE: Final = "the geometry has no usable coordinates; draw it again"
MIXED: Final = "several geometries that are not all points or all polygons; give a row to each"


@dataclass(frozen=True)
class Row:
    """A row of a register."""

    number: int
    """From 1, in the order of the file; the row id in a GeoPackage."""
    geometry: BaseGeometry | None
    """As it is stored; None where there is none, or none that can be read."""
    values: Mapping[str, Any]
    """Column -> what it says."""
    fault: str = ""
    """What is wrong with its geometry."""


@dataclass(frozen=True)
class Layer:
    """The one layer of a file."""

    crs: str
    """As the file says it."""
    columns: tuple[str, ...]
    """That it has."""
    rows: tuple[Row, ...] = field(repr=False)
    """All of them."""


def read_layer(path: Path, columns: Sequence[str]) -> Layer:
    """The layer of a file; of a GeoPackage only these columns are read.

    Raises BadInput: another kind of file, none or several layers, no CRS, not readable, in a GeoPackage a row
    without geometry.
    """
    readers: dict[str, Callable[[Path], Layer]] = {
        ".gpkg": lambda one: _geopackage(one, columns),
        **dict.fromkeys(GEOJSONS, _geojson),
        ".kml": _kml,
        ".zip": _shapefile,
    }
    kind = path.suffix.lower()
    if kind not in readers:
        raise BadInput(f"{path.name}: {kind or 'no ending'}; give one of {', '.join(readers)}")
    if not path.is_file():
        raise BadInput(f"{path.name}: is not there, or is no file; give a register of areas")
    return readers[kind](path)


def _geopackage(path: Path, columns: Sequence[str]) -> Layer:
    layer = open_geopackage(path.absolute(), None)
    there = layer.columns()
    wanted = [one for one in columns if one in there]
    found = layer.rows(EVERYWHERE, wanted)
    rows = tuple(Row(number, one, dict(zip(wanted, said, strict=True))) for number, one, said in found)
    if missing := layer.count() - len(rows):
        raise BadInput(f"{path.name}: {missing} rows of {layer.table} have no geometry; draw it, or take them out")
    return Layer(layer.crs, there, rows)


def _geojson(path: Path) -> Layer:
    found = _json(path)
    features = found.get("features") if found.get("type") == "FeatureCollection" else [found]
    if not isinstance(features, list) or not all(
        isinstance(one, dict) and one.get("type") == "Feature" for one in features
    ):
        raise BadInput(f"{path.name}: not a collection of features; export the layer as GeoJSON")
    rows = tuple(_feature(number, one) for number, one in enumerate(features, 1))
    if not any(row.fault for row in rows):
        read_geometries(path, GEOMETRIES)  # whatever else can be wrong with the file is told there
    return Layer(LONLAT, tuple(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig")) if path.stat().st_size <= MAX_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        read_geometries(path, GEOMETRIES)  # says why
        raise BadInput(f"{path.name}: not GeoJSON; export the layer as GeoJSON")
    return found


def _feature(number: int, found: Mapping[str, Any]) -> Row:
    said = found.get("properties")
    values = {**({"id": found["id"]} if "id" in found else {}), **(said if isinstance(said, dict) else {})}
    drawn = found.get("geometry")
    if not drawn:
        return Row(number, None, values, "has no geometry; draw it, or take the row out")
    try:
        if not all(ring[0][:2] == ring[-1][:2] for ring in _rings(drawn)):
            return Row(number, None, values, NOT_CLOSED)
        made = shape(drawn)
    except NOT_DRAWN:
        return Row(number, None, values, UNREADABLE)
    usable = not made.is_empty and np.isfinite(shapely.get_coordinates(made)).all()
    return Row(number, made, values) if usable else Row(number, None, values, UNREADABLE)


def _rings(drawn: Mapping[str, Any]) -> Iterator[Any]:
    """The rings of a polygon or of several."""
    if drawn["type"] == "Polygon":
        yield from drawn["coordinates"]
    elif drawn["type"] == "MultiPolygon":
        for polygon in drawn["coordinates"]:
            yield from polygon


def _kml(path: Path) -> Layer:
    """Longitude and latitude by definition (OGC KML 2.2); a document type is refused: it could make a small file explode."""
    name = path.name
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(f"{name}: over {MAX_BYTES:,} bytes; simplify it, or cut it into several files")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "<!doctype" in text.lower():
            raise BadInput(f"{name}: has a document type; export it as plain KML")
        root = Xml.fromstring(text.encode())  # noqa: S314 - without a document type there are no entities to expand
    except (UnicodeDecodeError, Xml.ParseError, LookupError) as error:
        raise BadInput(f"{name}: not readable as KML ({one_line(error)}); export it again, in UTF-8") from None
    if root.find(".//{*}NetworkLink") is not None:
        raise BadInput(f"{name}: points to other files; export the areas themselves")
    folders = [one for one in root.iter() if one.find("{*}Placemark") is not None]
    if len(folders) != 1:
        raise BadInput(f"{name}: areas stand in {len(folders)} folders, expected exactly one layer; export one folder")
    rows = tuple(_placemark(number, one) for number, one in enumerate(folders[0].findall("{*}Placemark"), 1))
    return Layer(LONLAT, tuple(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _placemark(number: int, found: Xml.Element) -> Row:
    values: dict[str, Any] = {"id": found.get("id")} if found.get("id") else {}
    values |= {key: found.findtext(f"{{*}}{key}") for key in ("name", "description")}
    values |= {one.get("name", ""): one.findtext("{*}value") for one in found.iterfind(".//{*}Data")}
    values |= {one.get("name", ""): one.text for one in found.iterfind(".//{*}SimpleData")}
    for one in found:
        kind = one.tag.rpartition("}")[2]
        if kind in ("Point", "LineString", "Polygon", "MultiGeometry"):
            try:
                return Row(number, _drawn(kind, one), values)
            except BadInput as fault:
                return Row(number, None, values, str(fault))
            except NOT_DRAWN:
                return Row(number, None, values, UNREADABLE)
    return Row(number, None, values, "has no geometry; draw it, or take the row out")


def _drawn(kind: str, found: Xml.Element) -> BaseGeometry:
    if kind == "MultiGeometry":
        parts = [_drawn(one.tag.rpartition("}")[2], one) for one in found]
        several = {
            "Polygon": shapely.multipolygons,
            "Point": shapely.multipoints,
            "LineString": shapely.multilinestrings,
        }
        kinds = {one.geom_type for one in parts}
        if len(kinds) != 1 or not kinds <= several.keys():
            raise BadInput(MIXED)
        return several[kinds.pop()](parts)
    if kind == "Polygon":
        rings = [_tuples(one) for one in (*found.findall("{*}outerBoundaryIs"), *found.findall("{*}innerBoundaryIs"))]
        if any(ring[0][:2] != ring[-1][:2] for ring in rings):
            raise BadInput(NOT_CLOSED)
        return shape({"type": kind, "coordinates": rings})
    tuples = _tuples(found)
    return shape({"type": kind, "coordinates": tuples[0] if kind == "Point" else tuples})


def _tuples(found: Xml.Element) -> list[tuple[float, ...]]:
    text = found.findtext(".//{*}coordinates") or ""
    return [tuple(float(number) for number in one.split(",")) for one in text.split()]


def _shapefile(path: Path) -> Layer:
    name = path.name
    try:
        with zipfile.ZipFile(path) as packed, TemporaryDirectory() as folder:
            target = _unpacked(packed, Path(folder), name)
            meta, _, shapes, said = pyogrio.raw.read(target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, DataSourceError, DataLayerError) as error:
        raise BadInput(f"{name}: not readable as a zipped shapefile ({one_line(error)}); export it again") from None
    if not meta["crs"]:
        raise BadInput(f"{name}: its CRS is not known; export it in longitude and latitude, EPSG:4326")
    columns = tuple(str(one) for one in meta["fields"])
    table = zip(*(one.tolist() for one in said), strict=True) if columns else iter([()] * len(shapes))
    rows = (
        _stored(number, blob, dict(zip(columns, values, strict=True)))
        for number, (blob, values) in enumerate(zip(shapes, table, strict=True), 1)
    )
    return Layer(str(meta["crs"]), columns, tuple(rows))


def _unpacked(packed: zipfile.ZipFile, folder: Path, name: str) -> Path:
    """The one shapefile of an archive in a folder, under a name of our own."""
    entries = [one for one in packed.infolist() if not one.filename.startswith("__MACOSX/")]
    found = [one.filename for one in entries if one.filename.lower().endswith(".shp")]
    if len(found) != 1:
        raise BadInput(f"{name}: holds {len(found)} .shp files; exactly one is expected")
    stem = found[0][:-4]
    mine = {one.filename[len(stem) :].lower(): one for one in entries if one.filename.startswith(stem + ".")}
    if missing := [one for one in MEMBERS if one not in mine]:
        raise BadInput(f"{name}: {missing[0]} is missing beside {found[0]}; a shapefile has {', '.join(MEMBERS)}")
    mine = {ending: one for ending, one in mine.items() if ending in (*MEMBERS, ".cpg")}
    if sum(one.file_size for one in mine.values()) > MOST_UNZIPPED:
        raise BadInput(f"{name}: over {MOST_UNZIPPED:,} bytes unzipped; cut it into several files")
    for ending, one in mine.items():
        (folder / f"register{ending}").write_bytes(packed.read(one))
    try:
        row = _open_ring((folder / "register.shp").read_bytes())
    except (ValueError, struct.error):
        raise BadInput(f"{name}: {found[0]} is no shapefile; export it again") from None
    if row:  # the driver would close it and say nothing
        raise BadInput(f"{name}: row {row}, geometry: {NOT_CLOSED}")
    return folder / "register.shp"


def _open_ring(content: bytes) -> int:
    """Number of the first row with a ring that does not end where it begins; 0: there is none.

    (ESRI Shapefile Technical Description, July 1998.) Raises ValueError or struct.error for what is no shapefile.
    """
    if content[:4] != SHAPES:
        raise ValueError(content[:4])
    start, number = 100, 0
    while start < len(content):
        _, words = struct.unpack_from(">2i", content, start)
        (kind,) = struct.unpack_from("<i", content, start + 8)
        number += 1
        if kind in SHAPE_POLYGONS:
            parts, points = struct.unpack_from("<2i", content, start + 44)
            begins = np.frombuffer(content, "<i4", parts, start + 52)
            ends = np.append(begins[1:], points) - 1
            xy = np.frombuffer(content, "<f8", 2 * points, start + 52 + 4 * parts).reshape(-1, 2)
            if ((begins < 0) | (ends >= points) | (begins > ends)).any():
                raise ValueError(number)
            if (xy[begins] != xy[ends]).any():
                return number
        start += 8 + 2 * max(words, 2)
    return 0


def _stored(number: int, blob: Any, values: Mapping[str, Any]) -> Row:
    if blob is None:
        return Row(number, None, values, "has no geometry; draw it, or take the row out")
    said = {key: None if isinstance(one, float) and math.isnan(one) else one for key, one in values.items()}
    try:
        found = shapely.from_wkb(blob)
    except shapely.errors.GEOSException:
        return Row(number, None, said, UNREADABLE)
    usable = np.isfinite(shapely.get_coordinates(found)).all()
    return Row(number, found, said) if usable else Row(number, None, said, UNREADABLE)
