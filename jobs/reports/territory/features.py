"""Polygons that our jobs wrote, GeoParquet or GeoJSON, as far as they reach into a territory."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from shapely import MultiPolygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, UNUSABLE, project
from detection.errors import BadInput
from detection.sources.pieces import one_line
from jobs.reports.territory.outline import Territory, multi

ENDINGS: Final = (".parquet", ".geojson")
"""Of the files that are read, the first in a folder that has it."""
Said = Mapping[str, Any]
"""Columns of a row; of GeoJSON also what stands in members of their own."""


@dataclass(frozen=True)
class Piece:
    """A polygon as far as it lies in the territory."""

    said: Said
    """Its row."""
    shape: MultiPolygon
    """What lies within, in metres."""
    share: float
    """Of the whole polygon, 0..1."""


def file_of(path: Path, name: str) -> Path:
    """The file of a folder, or the file itself; raises BadInput where there is none."""
    if path.is_dir():
        found = [path / f"{name}{ending}" for ending in ENDINGS if (path / f"{name}{ending}").is_file()]
        if not found:
            raise BadInput(f"{path}: holds no {name}.parquet and no {name}.geojson; give the products of a job")
        return found[0]
    if path.suffix not in ENDINGS or not path.is_file():
        raise BadInput(f"{path}: no such file or folder; check where the products of the job lie, or run it first")
    return path


def pieces(file: Path, columns: Sequence[str], territory: Territory, crs: str) -> list[Piece]:
    """The rows that reach into the territory, clipped, in an order of their ids.

    Raises BadInput for a file that is broken or lacks one of the columns.
    """
    rows = _parquet(file, territory) if file.suffix == ".parquet" else _geojson(file)
    mine, made = territory.on(crs), []
    shapely.prepare(mine)
    for said, drawn in rows:
        if missing := [one for one in columns if one not in said]:
            raise BadInput(f"{file.name}: has no column {missing[0]!r}; give the file as the job wrote it")
        if drawn is None or drawn.is_empty or not _touch(drawn.bounds, territory.shape.bounds):
            continue
        metres = project(drawn, LONLAT, crs)
        within = multi(shapely.intersection(metres, mine)) if mine.intersects(metres) else MultiPolygon()
        if within.area > 0:
            made.append(Piece(said, within, min(within.area / metres.area, 1.0)))
    return sorted(made, key=lambda one: str(one.said["id"]))


def _parquet(file: Path, territory: Territory) -> Iterator[tuple[Said, BaseGeometry | None]]:
    west, south, east, north = territory.shape.bounds
    box = [pc.field("bbox", side) for side in ("xmin", "ymin", "xmax", "ymax")]
    near = (box[0] <= east) & (box[1] <= north) & (box[2] >= west) & (box[3] >= south)
    try:
        table = pq.read_table(file, filters=near)
        for row in table.to_pylist():
            yield row, None if row["geometry"] is None else shapely.from_wkb(row["geometry"])
    except (pa.ArrowException, OSError, KeyError, shapely.errors.GEOSException) as error:
        raise BadInput(f"{file.name}: not readable as our GeoParquet ({one_line(error)}); write it again") from None


def _geojson(file: Path) -> Iterator[tuple[Said, BaseGeometry | None]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        for one in found["features"]:
            said, drawn = {"id": one["id"], **one["properties"]}, one["geometry"]
            yield _flat(said), None if drawn is None else shape(drawn)
    except UNUSABLE as error:
        raise BadInput(f"{file.name}: not readable as our GeoJSON ({one_line(error)}); write it again") from None


def _flat(said: dict[str, Any]) -> Said:
    """Members of their own as the columns that GeoParquet has."""
    lon, lat = said.pop("label_point", None) or (None, None)
    utm = said.pop("utm", None) or {}
    return {**said, "lon": lon, "lat": lat, **{f"utm_{key}": utm.get(key) for key in ("zone", "e", "n")}}


def _touch(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def day(value: Any) -> date | None:
    """A date of either format."""
    if isinstance(value, datetime):
        return value.date()
    return date.fromisoformat(value[:10]) if isinstance(value, str) and value else value
