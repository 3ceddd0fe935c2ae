"""The outline of a territory, from whatever file people keep it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj.exceptions import CRSError, ProjError
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, POLYGONS, project
from detection.context.attributes import of_dimension
from detection.context.geopackage import check_columns, sound
from detection.context.vectors import step_of
from detection.errors import BadInput
from detection.sources.pieces import one_line
from detection.types import Grid
from jobs.reports.peat.factors import nearest
from jobs.reports.restoration.equalarea import hectares
from jobs.reports.restoration.layers import Row, read_layer
from jobs.reports.restoration.mapping import to_str
from jobs.reports.territory.asked import Outline

RESOLUTION: Final = 30
"""Cells of a territory of which there is no map, metres (chosen: those of Landsat)."""
ORIGIN: Final = 60
"""Grids begin on multiples of it, metres."""
LISTED: Final = 6
"""So many ids are named where one is not found."""


@dataclass(frozen=True)
class Territory:
    """One or more areas that the report is about."""

    file: Path
    """Where they are from."""
    shape: BaseGeometry
    """Their union, longitude and latitude in degrees, valid, with vertices so dense that projecting them moves no edge."""

    @property
    def hectares(self) -> float:
        """Equal-area hectares; what lies in two areas counts once."""
        return hectares([self.shape])

    def on(self, crs: str) -> BaseGeometry:
        """In metres."""
        return of_dimension(sound(project(self.shape, LONLAT, crs)), 2)


def read_territory(asked: Outline) -> Territory:
    """The union of the areas asked for.

    Raises BadInput as `read_layer`, for a column or an id that is not there, and for an area that is no polygon, has no
    extent, or lies off the globe.
    """
    columns = () if asked.id_column is None else (asked.id_column,)
    layer, name = read_layer(asked.path, columns), asked.path.name
    check_columns(columns, layer.columns, name)
    mine = [row for row in layer.rows if asked.id_column is None or _text(row.values.get(asked.id_column)) == asked.id]
    if not mine:
        raise BadInput(_none(asked, [_text(row.values.get(str(asked.id_column))) for row in layer.rows]))
    drawn = [_polygon(row, name) for row in mine]
    try:
        dense = shapely.segmentize(shapely.union_all(drawn), step_of(layer.crs))
        whole = sound(project(dense, layer.crs, LONLAT))
    except (CRSError, ProjError) as error:
        raise BadInput(f"{name}: its CRS is not known ({one_line(error)}); export it in EPSG:4326") from None
    reach = np.abs(shapely.get_coordinates(whole))
    if not len(reach) or not (reach.max(axis=0) <= (180.0, 90.0)).all():  # not finite counts as off it
        raise BadInput(f"{name}: lies outside longitude and latitude; is the CRS that of the file?")
    return Territory(asked.path, of_dimension(whole, 2))


def _none(asked: Outline, said: Sequence[str]) -> str:
    known = sorted(set(said) - {""})
    if asked.id is None:
        return f"{asked.path.name}: holds no area; draw the territory as a polygon"
    listed = ", ".join(known[:LISTED]) + (", ..." if len(known) > LISTED else "") or "none"
    return (
        f"{asked.path.name}: no area has {asked.id!r} as {asked.id_column}{nearest(asked.id, known)}; there is {listed}"
    )


def _text(value: Any) -> str:
    """A number of a table and the same one in a config are one id."""
    return "" if value is None or isinstance(value, list | dict) else to_str(value)


def _polygon(row: Row, name: str) -> BaseGeometry:
    found = row.geometry
    if row.fault or found is None:
        raise BadInput(f"{name}: row {row.number}, geometry: {row.fault or 'is empty; draw it'}")
    if found.geom_type not in POLYGONS:
        raise BadInput(f"{name}: row {row.number} is a {found.geom_type}; draw the territory as a polygon")
    mended = of_dimension(shapely.make_valid(shapely.force_2d(found)), 2)
    if mended.is_empty:
        raise BadInput(f"{name}: row {row.number} has no area; draw it again")
    return mended


def grid_of(territory: Territory, lattice: Grid | None) -> Grid:
    """The cells around a territory: on the lattice of a map, else of 30 m in its own UTM zone."""
    crs, resolution = (_zone(territory), RESOLUTION) if lattice is None else (lattice.crs, lattice.resolution)
    bounds = territory.on(crs).bounds
    if not bounds or not np.isfinite(bounds).all():
        raise BadInput(
            f"{territory.file.name}: the territory lies far outside the zone of {crs}; take a map of its own"
        )
    step = ORIGIN
    west, south = (int(np.floor(edge / step)) * step for edge in bounds[:2])
    east, north = (int(np.ceil(edge / step)) * step for edge in bounds[2:])
    return Grid(crs, west, north, resolution, ((north - south) // resolution, (east - west) // resolution))


def _zone(territory: Territory) -> str:
    centre = territory.shape.centroid
    return f"EPSG:32{'6' if centre.y >= 0 else '7'}{min(int((centre.x + 180) // 6) + 1, 60):02d}"


def multi(shape: BaseGeometry) -> MultiPolygon:
    """Polygons as several, which layers want."""
    return MultiPolygon([part for part in shapely.get_parts(of_dimension(shape, 2)).tolist() if part.area > 0])
