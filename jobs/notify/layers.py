"""Alerts as a layer of a map, as they were told and as the State records them: GeoJSON (RFC 7946) and GeoPackage.

Both hold the same rows. Positions are WGS 84, longitude first, six decimals, exteriors counterclockwise; what GeoJSON leaves
unsaid the GeoPackage names: EPSG:4326. Texts are in one line, without what breaks or reorders them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pyarrow as pa
from shapely import MultiPolygon, Polygon

from detection.codes import ALERT_COLOUR
from jobs.notify.compose import DATES, NAMES, data_of
from jobs.notify.feeds import FeedFacts
from jobs.notify.feeds.markup import harmless, line, utc
from jobs.notify.feeds.places import polygons
from jobs.notify.feeds.told import ordered
from jobs.notify.notice import Notice, Place
from jobs.notify.payloads import counts, geometry, national
from jobs.outputs.styles import vector_style
from jobs.outputs.tables import TYPES, Row, Sheet, geopackage
from jobs.outputs.vectors import collection
from jobs.words import Words

LONLAT: Final = "EPSG:4326"
TOLD: Final = Sheet(
    "alerts", "forest-change alerts, as told", "status",
    (*NAMES, *DATES, "headline", "lat", "lon", "utm", "overlays", "platforms", "days_unseen"),
    {**TYPES, "days_unseen": pa.int32()},
)  # fmt: skip
"""The data of webhooks, flat: the outline tells the bbox, lists are texts of JSON."""
NATIONAL: Final = Sheet(
    "MonitoreoDeforestacion", "forest-change alerts as the national record has them", "md_conf",
    (
        *("anp_codi", "zona_influencia", "md_fuente", "md_fuente_sat", "md_anno", "md_mesrep", "md_sup", "md_este", "md_norte"),
        *("md_zonif", "md_sector", "md_exa", "md_causa", "md_conf", "md_bosque", "md_img", "md_fecimg", "md_fecini", "md_fecfin"),
        *("alert_id", "revision", "simulated", "utm_zone"),
    ),
    {
        **dict.fromkeys(("md_fuente", "md_fuente_sat", "md_anno", "md_mesrep", "md_causa", "md_conf", "md_bosque"), pa.int32()),
        **dict.fromkeys(("md_sup", "md_este", "md_norte"), pa.float64()),
        **dict.fromkeys(("md_fecimg", "md_fecini", "md_fecfin"), pa.date32()),
        **{name: TYPES[name] for name in ("revision", "simulated")},
    },
)  # fmt: skip
"""The record's 19 fields in its order, and four of ours."""


@dataclass(frozen=True)
class Layer:
    """Alerts on a map."""

    sheet: Sheet
    """Its name and its columns."""
    facts: FeedFacts
    """What it says about itself."""
    rows: Sequence[tuple[str, Row, Place]]
    """Id, values of JSON, and place of each alert: the latest change first."""


def told_layer(notices: Sequence[Notice], facts: FeedFacts, words: Words, *, public: bool) -> Layer:
    """The alerts with the data that webhooks carry, the withdrawn ones too. Raises BadInput as `ordered` and `polygons` do."""
    shown = ordered(notices, facts, public=public)
    return Layer(TOLD, facts, [(one.alert.id, harmless(data_of(one, words)), one.place) for one in shown])


def national_layer(
    notices: Sequence[Notice], facts: FeedFacts, *, period: tuple[date, date] | None = None, public: bool
) -> Layer:
    """The alerts that count as rows of MonitoreoDeforestacion, whose layer and fields have these very names; what was withdrawn
    or merged is in it no more. Raises BadInput as `ordered` and `national` do."""
    shown = [one for one in ordered(notices, facts, public=public) if counts(one.alert)]
    return Layer(
        NATIONAL, facts, [(one.alert.id, harmless(national(one, facts, period=period)), one.place) for one in shown]
    )


def as_geojson(layer: Layer) -> bytes:
    """A FeatureCollection, each feature with its alert's id; as foreign members the layer's name, by which GDAL calls it, the
    feed's title, and when its newest content was known."""
    features = [
        {"type": "Feature", "id": ident, "geometry": geometry(place), "properties": row}
        for ident, row, place in layer.rows
    ]
    return collection(features, name=layer.sheet.name, title=line(layer.facts.title), updated=utc(layer.facts.updated))


def as_geopackage(layer: Layer) -> bytes:
    """One layer of multipolygons; that of the alerts opens in QGIS in the colours of their status. Raises OSError where GDAL has
    no room to write."""
    style = vector_style(layer.sheet.painted_by, ALERT_COLOUR) if layer.sheet is TOLD else None
    rows = [_flat(row, layer.sheet) for _, row, _ in layer.rows]
    shapes = [_shape(place) for _, _, place in layer.rows]
    return geopackage(layer.sheet, rows, shapes, crs=LONLAT, style=style, made_at=utc(layer.facts.updated))


def _flat(row: Mapping[str, Any], sheet: Sheet) -> Row:
    """The values of the sheet's columns, as the table wants them."""
    values = {**row, **row.get("location", {})}
    return {name: _value(values[name], sheet.types.get(name)) for name in sheet.columns}


def _value(value: Any, kind: pa.DataType | None) -> Any:
    if kind == pa.date32():
        return value and date.fromisoformat(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _shape(place: Place) -> MultiPolygon:
    return MultiPolygon([Polygon(exterior, holes) for exterior, *holes in polygons(place)])
