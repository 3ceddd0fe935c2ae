"""What FAO's registry of restoration takes: areas as GeoJSON and zipped shapefile, projects for its connector of countries."""

import json
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from xml.etree import ElementTree as Xml

import numpy as np
import pyogrio.raw
import shapely
from shapely import Polygon
from shapely.geometry import mapping, polygon
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, POLYGONS
from detection.errors import BadInput
from jobs.reports.restoration.asked import PROJECT
from jobs.reports.restoration.equalarea import sizes
from jobs.reports.restoration.register import Register, RestorationArea
from jobs.reports.restoration.vocabulary import vocabularies

COLUMNS: Final = (
    "layer", "ID_CODE", "Restor_eco", "Restor_typ", "Category", "Ownership", "Source", "area_ha", "Restor_str", "Restor_end",
)  # fmt: skip
"""Of areas, in order (FERM/GEF geospatial requirements); a shapefile has no room for names over 10 characters."""
LONGEST: Final = 254
"""Bytes of a text in a shapefile's table (dBASE III)."""
REQUIRED: Final = ("external_id", "title", "country_code", "geometry")
"""Without which the connector takes no project (FERM-DEMO-PAIS, a5860e5)."""
NAMED: Final = 20
"""Pairs that overlap and are named in a refusal; a report lists them all."""
STILL: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a ZIP entry: no clock is looked at."""
STILL_DATE: Final = "2000-01-01"
"""What stands in the table of a shapefile for the day it was written."""


def features(register: Register, project: str) -> tuple[dict[str, Any], ...]:
    """(area,) the columns of each area, in the order of their ids, which is that of the codes `project_01`, `project_02`, ...

    A register knows years: a beginning is written as the first day of its year, an end as the last one.
    Raises BadInput: a code of the project that is not letters, digits and hyphens; points or lines; areas that overlap.
    """
    if not re.fullmatch(PROJECT, project):
        raise BadInput(f"project {project!r}: expected letters, digits and hyphens, at most 40")
    lines = [one for one in register.areas if one.geometry.geom_type not in POLYGONS]
    if lines:
        raise BadInput(
            f"{register.name}: {lines[0].id} is a {lines[0].geometry.geom_type}; the registry asks for one polygon an area"
        )
    if said := [f"{one.id} and {one.other_id} share {one.hectares:.4f} ha" for one in register.overlaps[:NAMED]]:
        more = len(register.overlaps) - len(said)
        said += [f"{more} more pairs"] if more else []
        raise BadInput(f"{register.name}: areas overlap, which the registry refuses: {'; '.join(said)}")
    ha = sizes([one.geometry for one in register.areas]).tolist()
    return tuple(
        _columns(one, size, f"{project}_{number:02d}", register.name)
        for number, (one, size) in enumerate(zip(register.areas, ha, strict=True), 1)
    )


def _columns(area: RestorationArea, size: float, code: str, source: str) -> dict[str, Any]:
    lists = vocabularies()
    values = (
        area.site, code, ";".join(area.ecosystems), _label(lists.types, area.restoration_type), area.category,
        _label(lists.tenures, area.tenure), source, size,
        f"{area.year_start}/01/01" if area.year_start else "", f"{area.year_end}/12/31" if area.year_end else "",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _label(labels: Mapping[int, str], ident: int | None) -> str:
    return labels[ident] if ident is not None else ""


def geojson(register: Register, project: str) -> bytes:
    """Areas as GeoJSON (RFC 7946: outer rings run counter-clockwise). Raises BadInput as `features`."""
    made = [
        {"type": "Feature", "id": said["ID_CODE"], "geometry": mapping(_turned(area.geometry)), "properties": said}
        for area, said in zip(register.areas, features(register, project), strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": made}, ensure_ascii=False, indent=1).encode()


def _turned(shape: BaseGeometry) -> BaseGeometry:
    if shape.geom_type == "Polygon":
        return polygon.orient(shape)
    return shapely.multipolygons([polygon.orient(one) for one in shapely.get_parts(shape)])


def kml(register: Register, project: str) -> bytes:
    """Areas as KML 2.2, the columns as ExtendedData. Raises BadInput as `features`."""
    root = Xml.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = Xml.SubElement(root, "Document")
    Xml.SubElement(document, "name").text = project
    for area, said in zip(register.areas, features(register, project), strict=True):
        mark = Xml.SubElement(document, "Placemark", id=said["ID_CODE"])
        Xml.SubElement(mark, "name").text = area.name
        table = Xml.SubElement(mark, "ExtendedData")
        for key, value in said.items():
            Xml.SubElement(Xml.SubElement(table, "Data", name=key), "value").text = str(value)
        parts = shapely.get_parts(area.geometry).tolist()
        within = mark if len(parts) == 1 else Xml.SubElement(mark, "MultiGeometry")
        for part in parts:
            _drawn(within, polygon.orient(part))
    made: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _drawn(within: Xml.Element, part: Polygon) -> None:
    drawn = Xml.SubElement(within, "Polygon")
    for name, ring in (("outerBoundaryIs", part.exterior), *(("innerBoundaryIs", hole) for hole in part.interiors)):
        line = Xml.SubElement(Xml.SubElement(drawn, name), "LinearRing")
        points = shapely.get_coordinates(ring).tolist()
        Xml.SubElement(line, "coordinates").text = " ".join(f"{x!r},{y!r}" for x, y in points)


def shapefile(register: Register, project: str) -> bytes:
    """Areas as a zip of one shapefile, the same bytes for the same areas. Raises BadInput as `features`, and for long texts."""
    rows = features(register, project)
    for said in rows:
        for key, value in said.items():
            if isinstance(value, str) and len(value.encode()) > LONGEST:
                raise BadInput(f"{said['ID_CODE']}: {key} is over {LONGEST} bytes; a shapefile has no room for it")
    shapes = shapely.to_wkb(np.array([one.geometry for one in register.areas], object))
    values = [np.array([said[key] for said in rows], float if key == "area_ha" else object) for key in COLUMNS]
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"{project}.shp"
        pyogrio.raw.write(
            target, shapes, values, list(COLUMNS), driver="ESRI Shapefile", geometry_type="Polygon", crs=LONLAT,
            encoding="UTF-8", layer_options={"DBF_DATE_LAST_UPDATE": STILL_DATE},
        )  # fmt: skip
        return _zipped(sorted(Path(folder).iterdir()))


def _zipped(paths: list[Path]) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in paths:
            entry = zipfile.ZipInfo(path.name, STILL)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
    return made.getvalue()


def projects(register: Register) -> bytes:
    """A project an area, for the connector. Raises BadInput where one lacks what it cannot be without."""
    ha = sizes([one.geometry for one in register.areas]).tolist()
    made = [_project(one, size) for one, size in zip(register.areas, ha, strict=True)]
    for said in made:
        if missing := [key for key in REQUIRED if not said.get(key)]:
            raise BadInput(
                f"{register.name}: {said['external_id']} has no {missing[0]}; the registry takes none without"
            )
    return json.dumps(made, ensure_ascii=False, indent=1).encode()


def _project(area: RestorationArea, size: float) -> dict[str, Any]:
    """What is said of an area by the connector's keys; what is not known is left out."""
    lists = vocabularies()
    admin = {"department": area.department, "municipality": area.municipality, "site_name": area.site}
    said = {
        "external_id": area.id,
        "title": area.name,
        "country_code": area.country,
        "geometry": mapping(area.geometry),
        "year_start": area.year_start,
        "year_end": area.year_end,
        "restoration_status": _label(lists.statuses, area.status),
        "restoration_type": _label(lists.types, area.restoration_type),
        "area_committed": area.area_committed,
        "area_total": size,
        "area_unit": "ha",
        "admin": {key: value for key, value in admin.items() if value},
        "tenure": _label(lists.tenures, area.tenure),
        "ecosystem_typology": list(area.ecosystems),
        "activity": [lists.activities[one] for one in area.activities],
    }
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}
