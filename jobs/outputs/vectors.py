"""Alerts and changes as polygons: RFC 7946 features, and the vector files of a run."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.features import shapes
from shapely import MultiPolygon, Polygon
from shapely.geometry import box, shape
from shapely.geometry.polygon import orient

from detection.alerts import Activity, Alert
from detection.codes import ALERT_COLOUR, STATUS_SCHEME
from detection.errors import BadInput, GridMismatch
from jobs.outputs import RunFacts, publish
from jobs.outputs.styles import vector_style
from jobs.outputs.tables import ALERTS, Row, Sheet, geopackage, geoparquet

LONLAT = "OGC:CRS84"
"""WGS 84, longitude first: the only CRS of RFC 7946 (section 4)."""
DECIMALS = 6
"""0.1 m at the equator; RFC 7946 section 11.2 advises no more."""


@dataclass(frozen=True)
class Place:
    """Where to point at: inside the outline, as it is drawn in metres and in degrees."""

    lon: float
    """Degrees east, WGS 84, 6 decimals."""
    lat: float
    """Degrees north."""
    zone: str
    """UTM zone and hemisphere of the point, as a GPS there shows it, e.g. `19S`: S is south, not a latitude band. The lattice may
    be in another zone: an area can reach across the edge of one."""
    easting: float
    """Metres in this zone."""
    northing: float
    """Metres in this zone, with the false northing of the hemisphere."""
    on_lattice: tuple[float, float]
    """The same point in the metres of the lattice: the centre of a cell."""


def outline(cells: NDArray[np.int32], lattice: str) -> MultiPolygon:
    """The pixel edges around cells, in UTM metres: valid, holes kept, exteriors counterclockwise, empty for no cell.

    cells (n, 2) int32 are rows and columns on the absolute lattice. Cells that only touch at a corner make several
    polygons: one ring through that corner would cross itself. Raises BadInput for a lattice it cannot read.
    """
    if not len(cells):
        return MultiPolygon()
    _, resolution = lattice_parts(lattice)
    top, left = (int(v) for v in cells.min(axis=0))
    mask = np.zeros(cells.max(axis=0) - (top, left) + 1, np.uint8)
    mask[cells[:, 0] - top, cells[:, 1] - left] = 1
    to_metres = Affine(resolution, 0, left * resolution, 0, -resolution, -top * resolution)
    return _gather(shape(p) for p, _ in shapes(mask, mask=mask.astype(bool), connectivity=4, transform=to_metres))


def outlines(cells: Iterable[NDArray[np.int32]], lattice: str) -> list[MultiPolygon]:
    """Of many at once: the library sets itself up once, which else takes as long as the work."""
    with rasterio.Env():
        return [outline(some, lattice) for some in cells]


def lattice_parts(lattice: str) -> tuple[str, int]:
    """`EPSG:32719@30m` -> (`EPSG:32719`, 30); raises BadInput for anything else."""
    crs, _, size = lattice.partition("@")
    if not (crs.startswith("EPSG:") and crs[5:].isdigit() and size.endswith("m") and size[:-1].isdigit()):
        raise BadInput(f"lattice: {lattice!r} cannot be read; give CRS@RESOLUTION, e.g. EPSG:32719@30m")
    return crs, int(size[:-1])


def to_lonlat(geometry: MultiPolygon | Polygon, crs: str) -> MultiPolygon:
    """UTM metres -> WGS 84 degrees as RFC 7946 wants them: 6 decimals, right-hand rule, cut at 180 degrees."""
    moved = shapely.transform(geometry, _degrees(crs), interleaved=False)
    if not moved.is_empty and moved.bounds[2] - moved.bounds[0] > 180:
        moved = _cut_at_antimeridian(moved)
    return _gather([shapely.transform(moved, lambda xy: np.round(xy, DECIMALS))])


def place(cells: NDArray[np.int32], lattice: str) -> Place | None:
    """Where to point at; None where there are no cells, (n, 2) rows and columns on the absolute lattice."""
    metres = outline(cells, lattice)
    return pointed(cells, lattice, metres, to_lonlat(metres, lattice_parts(lattice)[0]))


def pointed(cells: NDArray[np.int32], lattice: str, metres: MultiPolygon, degrees: MultiPolygon) -> Place | None:
    """As `place`, of outlines in metres and degrees: the centre of the cell of the largest part nearest to that part's middle.

    A border that is straight in metres is not in degrees: beside one of many kilometres the next cell is taken. Raises
    BadInput where cells are too small to be told apart in the decimals that are written.
    """
    if not len(cells):
        return None
    crs, resolution = lattice_parts(lattice)
    centres = np.column_stack((cells[:, 1] + 0.5, -(cells[:, 0] + 0.5))) * resolution
    parts = shapely.get_parts(metres)
    if len(parts) > 1:
        centres = centres[shapely.contains_xy(parts[int(np.argmax(shapely.area(parts)))], centres)]
    away = ((centres - centres.mean(axis=0)) ** 2).sum(axis=1)
    for easting, northing in centres[np.argsort(away.round(3), kind="stable")].tolist():
        lon, lat = (round(degree, DECIMALS) for degree in _transformer(crs).transform(easting, northing))
        if shapely.contains_xy(degrees, lon, lat):
            return Place(lon, lat, *_in_its_zone(crs, (easting, northing), lon, lat), (easting, northing))
    raise BadInput(f"lattice: {lattice} has cells too small to point at in {DECIMALS} decimals of a degree")


def _in_its_zone(crs: str, there: tuple[float, float], lon: float, lat: float) -> tuple[str, float, float]:
    """Zone, easting and northing of a point that lies there on the lattice of a CRS; without the exceptions of Norway."""
    zone, north = min(int((lon + 180) // 6) + 1, 60), lat >= 0
    own = f"EPSG:32{'6' if north else '7'}{zone:02d}"
    easting, northing = there if own == crs else _between(crs, own).transform(*there)
    return f"{zone}{'N' if north else 'S'}", round(easting, 3), round(northing, 3)


@dataclass(frozen=True)
class Going:
    """Whether what an alert tells of goes on."""

    activity: Activity = "unknown"
    """As `detection.alerts.activity` has it."""
    last_look: date | None = None
    """The last day since which half of its cells have been seen clearly; null: they have not, or it is not known here."""


NOTHING_KNOWN: Mapping[str, Going] = {}


def properties(alert: Alert, *, known_at: str | None, detected_by: str, going: Going = Going()) -> Row:
    """The flat facts of an alert, as dates, numbers and text; the geometry and the id stand elsewhere."""
    return {
        "short_code": alert.short_code,
        "revision": alert.revision,
        "collection": alert.collection,
        "status": alert.status,
        "detection_status": alert.detection_status,
        "review_status": alert.review_status,
        "rejection_reason": alert.rejection_reason,
        "reviewed_on": alert.reviewed_on,
        "status_code": int(alert.status_code),
        "status_scheme": STATUS_SCHEME,
        "change_date": alert.change_date,
        "last_clear_before": alert.last_clear_before,
        "first_detected": alert.first_detected,
        "confirmed_on": alert.confirmed_on,
        "finished_on": alert.finished_on,
        "last_detected": alert.last_detected,
        "last_look": going.last_look,
        "activity": going.activity,
        "observed_at": datetime.fromtimestamp(alert.observed_at, UTC),
        "known_at": known_at,
        "area_ha": number(alert.area_ha, 4),
        "area_ha_new": number(alert.area_ha_new, 4),
        "confirmed_ha": number(alert.confirmed_ha, 4),
        "area_is_estimate": False,
        "mmu_ha": number(alert.mmu_ha, 4),
        "gsd_m": lattice_parts(alert.lattice)[1],
        "magnitude": number(alert.magnitude, 6),
        "magnitude_max": number(alert.magnitude_max, 6),
        "magnitude_sigma": number(alert.magnitude_sigma, 3),
        "magnitude_metric": alert.magnitude_metric,
        "count": alert.count,
        "confidence": alert.confidence,
        "change_type": alert.change_type,
        "driver": alert.driver,
        "probability": number(alert.probability, 4),
        "model": alert.model,
        "baseline": alert.baseline,
        "detected_by": detected_by,
        "simulated": alert.simulated,
        "previous_id": alert.previous_id,
        "merged_into": alert.merged_into,
    }


def _located(where: Place | None, lattice: str) -> Row:
    """Where cells lie, as facts of a row: the lattice, and a place to point at."""
    return {
        "lattice": lattice,
        "geometry_method": "pixel_edge",
        "lon": where and where.lon,
        "lat": where and where.lat,
        "utm_zone": where and where.zone,
        "utm_e": where and where.easting,
        "utm_n": where and where.northing,
    }


def feature(alert: Alert, *, known_at: str | None = None, detected_by: str = "") -> dict[str, Any]:
    """An alert as an RFC 7946 Feature in plain JSON values: id at the top, MultiPolygon in degrees, no crs member.

    known_at is when we knew (ISO 8601), detected_by the monitor in words. The geometry is null without cells.
    """
    row = {"id": alert.id} | properties(alert, known_at=known_at, detected_by=detected_by)
    metres = outline(alert.cells, alert.lattice)
    degrees = to_lonlat(metres, lattice_parts(alert.lattice)[0])
    where = pointed(alert.cells, alert.lattice, metres, degrees)
    return _feature(row | _located(where, alert.lattice), degrees)


def write_vectors(
    alerts: Sequence[Alert],
    folder: Path,
    *,
    known_at: Mapping[str, str],
    run: RunFacts,
    going: Mapping[str, Going] = NOTHING_KNOWN,
) -> list[Path]:
    """Write alerts.geojson, .gpkg, .parquet and .qml, rows in the order of their ids; the paths come back.

    known_at maps an alert's id to when we knew of this revision (ISO 8601), going to whether it goes on. The same input gives
    the same bytes.
    Raises GridMismatch when an alert lies on another lattice than the run, BadInput when an id comes twice.
    """
    rows = sorted(alerts, key=lambda a: a.id)
    _check(rows, run)
    facts: list[Row] = [
        {"id": a.id}
        | properties(a, known_at=known_at.get(a.id), detected_by=run.detected_by, going=going.get(a.id, Going()))
        for a in rows
    ]
    return write_sheet(ALERTS, facts, [a.cells for a in rows], folder, colours=ALERT_COLOUR, run=run)


def write_sheet(
    sheet: Sheet,
    facts: Sequence[Row],
    cells: Sequence[NDArray[np.int32]],
    folder: Path,
    *,
    colours: Mapping[str, str],
    run: RunFacts,
) -> list[Path]:
    """Write the sheet as .geojson, .gpkg, .parquet and .qml; the paths come back. The same input gives the same bytes.

    facts: a row each, but for where it lies; cells: (n, 2) on the run's lattice; colours: by the value of the column it is
    painted by.
    """
    lattice = run.grid.lattice
    metres = outlines(cells, lattice)
    degrees = [to_lonlat(polygons, run.grid.crs) for polygons in metres]
    drawn = zip(facts, cells, metres, degrees, strict=True)
    facts = [fact | _located(pointed(some, lattice, *both), lattice) for fact, some, *both in drawn]
    style = vector_style(sheet.painted_by, colours)
    features = [_feature(f, polygons) for f, polygons in zip(facts, degrees, strict=True)]
    files = {
        f"{sheet.name}.geojson": collection(features),
        f"{sheet.name}.gpkg": geopackage(sheet, facts, metres, crs=run.grid.crs, style=style, made_at=run.known_at),
        f"{sheet.name}.parquet": geoparquet(sheet, facts, degrees),
        f"{sheet.name}.qml": style.encode(),
    }
    for name, content in files.items():
        publish(folder / name, content)
    return [folder / name for name in files]


def _feature(row: Row, degrees: MultiPolygon) -> dict[str, Any]:
    """A flat row and its shape as a Feature: the place moves into members of its own."""
    facts = {key: _plain(value) for key, value in row.items()}
    name, lon, lat = facts.pop("id"), facts.pop("lon"), facts.pop("lat")
    utm = {key: facts.pop(f"utm_{key}") for key in ("zone", "e", "n")}
    facts |= {"label_point": None if lon is None else [lon, lat], "utm": None if lon is None else utm}
    geometry = None if degrees.is_empty else json.loads(shapely.to_geojson(degrees))
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": facts}


def collection(features: Sequence[Mapping[str, Any]], **said: str) -> bytes:
    """An RFC 7946 FeatureCollection, one feature a line, so that two runs can be compared by eye; said: foreign members."""
    lines = [_json(one) for one in features]
    head = _json({"type": "FeatureCollection", **said}).removesuffix("}")
    return (head + ',"features":[\n' + ",\n".join(lines) + "\n]}\n").encode()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _check(rows: Sequence[Alert], run: RunFacts) -> None:
    for alert in rows:
        if alert.lattice != run.grid.lattice:
            raise GridMismatch(f"alert {alert.short_code}: lattice {alert.lattice} is not the run's {run.grid.lattice}")
    if len({a.id for a in rows}) < len(rows):
        raise BadInput("alerts: an id comes more than once; hand over the latest revision of each alert only")


def _gather(parts: Iterable[MultiPolygon | Polygon]) -> MultiPolygon:
    """The polygons among the parts as one, in an order of their own, exteriors counterclockwise."""
    flat = [p for part in parts for p in shapely.get_parts(part) if isinstance(p, Polygon) and not p.is_empty]
    ordered = shapely.get_parts(shapely.normalize(MultiPolygon(flat)))
    return MultiPolygon([orient(polygon) for polygon in ordered])


def _transformer(crs: str) -> Transformer:
    return _between(crs, LONLAT)


@lru_cache(maxsize=16)
def _between(crs: str, target: str) -> Transformer:
    return Transformer.from_crs(crs, target, always_xy=True)


def _degrees(crs: str) -> Any:
    return lambda x, y: _transformer(crs).transform(x, y)


def _cut_at_antimeridian(geometry: MultiPolygon | Polygon) -> MultiPolygon:
    """RFC 7946 section 3.1.9: what crosses 180 degrees is cut there, so that no part spans the globe."""
    unwrapped = shapely.transform(geometry, lambda x, y: (np.where(x < 0, x + 360, x), y), interleaved=False)
    east = shapely.intersection(unwrapped, box(0, -90, 180, 90))
    west = shapely.intersection(unwrapped, box(180, -90, 360, 90))
    return _gather([east, shapely.transform(west, lambda x, y: (x - 360, y), interleaved=False)])


def number(value: float | None, decimals: int) -> float | None:
    """JSON has no NaN: what is not a number is null."""
    return None if value is None or not math.isfinite(value) else round(float(value), decimals)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
