"""Polygons as tables: GeoPackage for GIS, GeoParquet for analysis, one Arrow schema for both, whole when empty."""

import errno
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from shapely import MultiPolygon, to_wkb

Row = dict[str, Any]

_DATES = (
    "change_date",
    "last_clear_before",
    "first_detected",
    "confirmed_on",
    "finished_on",
    "last_detected",
    "last_look",
    "reviewed_on",
)
_DAYS = ("first_day", "last_day")
_WHOLE = ("revision", "status_code", "gsd_m", "count", "year")
_TRUTHS = ("area_is_estimate", "simulated")
_NUMBERS = (
    *(
        "area_ha",
        "area_ha_new",
        "confirmed_ha",
        "mmu_ha",
        "magnitude",
        "magnitude_max",
        "magnitude_sigma",
        "probability",
    ),
    *("r80p", "y2r", "recovered_share", "harm"),
)
_PLACES = ("lon", "lat", "utm_e", "utm_n")
TYPES: Final[Mapping[str, pa.DataType]] = {
    **dict.fromkeys((*_DATES, *_DAYS), pa.date32()),
    **dict.fromkeys(_WHOLE, pa.int32()),
    **dict.fromkeys(_TRUTHS, pa.bool_()),
    **dict.fromkeys((*_NUMBERS, *_PLACES), pa.float64()),
    "observed_at": pa.timestamp("ms", "UTC"),
}
"""Column -> its type, where it is not text."""
COLUMNS = (
    *(
        "id",
        "short_code",
        "revision",
        "collection",
        "status",
        "detection_status",
        "status_code",
        "status_scheme",
        "change_date",
    ),
    *(
        "last_clear_before",
        "first_detected",
        "confirmed_on",
        "finished_on",
        "last_detected",
        "last_look",
        "activity",
        "observed_at",
        "known_at",
    ),
    *("area_ha", "area_ha_new", "confirmed_ha", "area_is_estimate", "mmu_ha", "gsd_m", "magnitude", "magnitude_max"),
    *("magnitude_sigma", "magnitude_metric", "count", "confidence", "change_type", "driver", "probability", "model"),
    *("review_status", "rejection_reason", "reviewed_on", "baseline", "detected_by"),
    *("simulated", "previous_id", "merged_into", "lattice", "geometry_method", "lon", "lat", "utm_zone", "utm_e"),
    "utm_n",
)
"""Every column, in order."""
CHANGE_COLUMNS = (
    *("id", "collection", "kind", "year", "first_day", "last_day", "area_ha", "area_is_estimate", "mmu_ha", "gsd_m"),
    *("count", "magnitude", "magnitude_metric", "probability", "change_type", "driver", "harm", "hydrology", "model"),
    *("r80p", "y2r", "recovered_share", "baseline"),
    *("detected_by", "simulated", "lattice", "geometry_method", "lon", "lat", "utm_zone", "utm_e", "utm_n"),
)


@dataclass(frozen=True)
class Sheet:
    """What the vector files of a run hold: their name, their columns, and by what they are painted."""

    name: str
    """Of the files and of the layer."""
    described: str
    """In words."""
    painted_by: str
    """The column that decides the colour."""
    columns: tuple[str, ...]
    """In order."""
    types: Mapping[str, pa.DataType] = field(default_factory=lambda: TYPES)
    """Column -> its type; those without one are text."""

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types."""
        return pa.schema([(name, self.types.get(name, pa.string())) for name in self.columns])


ALERTS: Final = Sheet("alerts", "forest-change alerts", "status", COLUMNS)
CHANGES: Final = Sheet("changes", "changes of a whole archive, year by year", "kind", CHANGE_COLUMNS)

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BOX = pa.struct([(side, pa.float64()) for side in _SIDES])
_STYLE_COLUMNS = (
    *("f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML", "styleSLD"),
    *("useAsDefault", "description", "owner", "ui", "update_time"),
)
"""The table in which QGIS looks for styles of a GeoPackage (QgsOgrProvider, `layer_styles`)."""


def geopackage(
    sheet: Sheet, rows: Sequence[Row], shapes: Sequence[MultiPolygon], *, crs: str, style: str | None, made_at: str
) -> bytes:
    """A GeoPackage with one layer, named as the sheet, in crs; style: the QML that QGIS opens it with, null for none.

    made_at (ISO 8601) stands in the file instead of the clock: the same input gives the same bytes.
    """
    table = _table(sheet, rows).append_column("geometry", _wkb(shapes))
    before = {key: pyogrio.get_gdal_config_option(key) for key in _config(made_at)}
    pyogrio.set_gdal_config_options(_config(made_at))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{sheet.name}.gpkg"
            layer = {"geometry_name": "geometry", "geometry_type": "MultiPolygon", "crs": crs}
            options = {"GEOMETRY_NAME": "geometry", "DESCRIPTION": sheet.described}
            pyogrio.write_arrow(table, path, layer=sheet.name, driver="GPKG", layer_options=options, **layer)
            if style is not None:
                styles = _styles(sheet, style, made_at)
                pyogrio.write_arrow(styles, path, layer="layer_styles", driver="GPKG", append=True)
            return path.read_bytes()
    except (DataLayerError, DataSourceError) as error:
        said = " ".join(str(error).split())
        raise OSError(errno.EIO, f"could not be written ({said})", f"{sheet.name}.gpkg") from error
    finally:
        pyogrio.set_gdal_config_options(before)


def geoparquet(sheet: Sheet, rows: Sequence[Row], shapes: Sequence[MultiPolygon]) -> bytes:
    """GeoParquet 1.1 (zstd): WKB in WGS 84 degrees, longitude first, with a bounding box per row as covering."""
    bounds = [None if s.is_empty else dict(zip(_SIDES, s.bounds, strict=True)) for s in shapes]
    table = _table(sheet, rows).append_column("bbox", pa.array(bounds, _BOX)).append_column("geometry", _wkb(shapes))
    sink = BytesIO()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(_geo(shapes))}), sink, compression="zstd")
    return sink.getvalue()


def _table(sheet: Sheet, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=sheet.schema)


def _wkb(shapes: Sequence[MultiPolygon]) -> pa.Array:
    return pa.array([None if s.is_empty else to_wkb(s) for s in shapes], pa.binary())


def _geo(shapes: Sequence[MultiPolygon]) -> dict[str, Any]:
    """The `geo` metadata of the GeoParquet 1.1.0 specification; no `crs` member means OGC:CRS84."""
    covering = {"bbox": {side: ["bbox", side] for side in _SIDES}}
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["MultiPolygon"], "orientation": "counterclockwise"}
    column["covering"] = covering
    boxes = [s.bounds for s in shapes if not s.is_empty]
    if boxes:
        west, south, east, north = zip(*boxes, strict=True)
        column["bbox"] = [min(west), min(south), max(east), max(north)]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _styles(sheet: Sheet, style: str, made_at: str) -> pa.Table:
    by = sheet.painted_by
    values = ("", "", sheet.name, "geometry", by, style, "", True, f"{sheet.name} by {by}", "", "", made_at)
    return pa.table({name: [value] for name, value in zip(_STYLE_COLUMNS, values, strict=True)})


def _config(made_at: str) -> dict[str, Any]:
    """OGR_CURRENT_DATE: GDAL's GeoPackage driver writes it where it would write the time of day."""
    return {"OGR_CURRENT_DATE": made_at}
