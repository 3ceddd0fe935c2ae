"""A small archive with a known truth, made by hand: what every area does is known, and which hectares."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from shapely import Polygon, box

from detection.areas import LONLAT, project
from detection.codes import NO_YEAR, Segmented
from detection.types import Grid

GRID = Grid("EPSG:32719", 360_000, 8_594_040, 30, (60, 60))
YEARS = tuple(range(2001, 2025))
FOREST, BARE = 0.7, 0.15
CELL_HA = 0.09
SHAPES: Mapping[str, tuple[int, int, int, int]] = {
    "back": (5, 5, 10, 10), "bare": (5, 20, 10, 10), "again": (5, 35, 10, 10), "forest": (20, 5, 10, 10),
    "field": (20, 20, 10, 10),
}  # fmt: skip
"""Area -> first row, first column, rows, columns: grew back; stays bare; grew back and was cleared; always forest; a field when
the archive begins, planted in 2012."""


def course(name: str) -> NDArray[np.float64]:
    """(year,) the index of an area's cells."""
    years = np.array(YEARS)
    since = years - 2011  # cleared in 2010, restoration in 2011
    falls = np.where(years < 2010, FOREST, BARE)
    rises = np.where(since > 0, np.minimum(BARE + 0.11 * since, FOREST), falls)
    return {
        "back": rises,
        "bare": falls,
        "again": np.where(years >= 2020, BARE, rises),
        "forest": np.full(len(years), FOREST),
        "field": np.where(years > 2012, np.minimum(BARE + 0.11 * (years - 2012), FOREST), BARE),
    }[name]


def outline(name: str, shift: float = 0.0) -> Polygon:
    """An area in longitude and latitude, exactly along its cells; shift: metres to the east."""
    row, column, rows, columns = SHAPES[name]
    west, north = GRID.west + 30 * column + shift, GRID.north - 30 * row
    return project(box(west, north - 30 * rows, west + 30 * columns, north), GRID.crs, LONLAT)  # type: ignore[return-value]


def archive(folder: Path, change: Mapping[int, float] | None = None) -> Path:
    """The products of a history; change: year -> what is added to all of its values."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7).normal(0, 0.01, (len(YEARS), *GRID.shape))
    cube = np.full((len(YEARS), *GRID.shape), FOREST) + noise
    lost = np.full(GRID.shape, NO_YEAR, np.uint16)
    for name, (row, column, rows, columns) in SHAPES.items():
        part = slice(row, row + rows), slice(column, column + columns)
        cube[:, *part] = course(name)[:, None, None] + noise[:, *part]
        lost[part] = {"back": 2010, "bare": 2010, "again": 2020}.get(name, NO_YEAR)
    for year, more in (change or {}).items():
        cube[YEARS.index(year)] += more
    segmented = np.full(GRID.shape, Segmented.SEGMENTED, np.uint8)
    segmented[20:30, 20:30] = Segmented.NOT_FOREST
    stored = np.rint(cube * 10_000).astype(np.int16)
    _write(folder / "index_yearly.tif", stored, [str(year) for year in YEARS], 0.0001, {"INDEX": "nbr"})
    _write(folder / "segmented.tif", segmented[None])
    _write(folder / "loss_year.tif", lost[None])
    return folder


def _write(
    path: Path,
    bands: NDArray[Any],
    names: list[str] | None = None,
    scale: float = 1.0,
    tags: Mapping[str, str] | None = None,
) -> None:
    profile = {"count": len(bands), "height": GRID.shape[0], "width": GRID.shape[1], "dtype": bands.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.write(bands)
        for place, name in enumerate(names or [], 1):
            file.set_band_description(place, name)
        if scale != 1:
            file.scales = (scale,) * len(bands)
        file.update_tags(SIMULATED="true", **(tags or {}))


def feature(ident: str, shape: shapely.Geometry, **said: object) -> dict[str, Any]:
    """A row of a register with the columns of the Peruvian mapping."""
    values = {
        "codigo": ident,
        "titulo": f"Área {ident}",
        "anio_inicio": 2011,
        "departamento": "Madre de Dios",
        "actividades": "4; 6",
    }
    drawn = json.loads(shapely.to_geojson(shape))
    return {"type": "Feature", "properties": values | said, "geometry": drawn}


def register(path: Path, *features: dict[str, Any]) -> Path:
    """A GeoJSON of them."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def everything() -> list[dict[str, Any]]:
    """All areas that are measured, and some that cannot be."""
    mine = [feature(name, outline(name), anio_inicio=2012 if name == "field" else 2011) for name in SHAPES]
    far = project(box(600_000, 8_500_000, 600_300, 8_500_300), GRID.crs, LONLAT)
    tiny = project(box(360_001, 8_594_031, 360_005, 8_594_035), GRID.crs, LONLAT)
    later = project(box(361_000, 8_592_500, 361_300, 8_592_800), GRID.crs, LONLAT)
    odd = [feature("far", far), feature("tiny", tiny), feature("later", later, estado_restauracion="En preparación")]
    return [*mine, *odd]
