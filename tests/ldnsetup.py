"""Six rows of six cells whose fate is known: land cover, productivity and units as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from detection.types import Grid
from jobs.reports.degradation.ldn_asked import LandDegradation, YearMap

GRID = Grid("EPSG:32719", 300_000, 8_600_100, 30, (6, 6))
FOREST, CROP, WATER, CLOUD, NONE = 1, 3, 7, 9, 0
KEPT, CLEARED, CLEARED_LATE, REGROWN, RIVER, POORER = range(6)
"""Rows: forest; crops since the baseline; crops since 2019; forest since then; water; forest that grows less from 2017."""
YEARS = range(2000, 2024)


def write(path: Path, bands: NDArray[Any], grid: Grid = GRID, **how: Any) -> Path:
    """A GeoTIFF; how: nodata, scale, names, and tags as SIMULATED."""
    bands = bands[None] if bands.ndim == 2 else bands
    profile = {"driver": "GTiff", "count": len(bands), "dtype": bands.dtype.name, "nodata": how.pop("nodata", None)}
    where = {"crs": grid.crs, "transform": grid.transform, "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(path, "w", **profile, **where) as raster:
        raster.write(bands)
        if "scale" in how:
            raster.scales = [how.pop("scale")] * len(bands)
        for place, name in enumerate(how.pop("names", ()), 1):
            raster.set_band_description(place, name)
        raster.update_tags(**how)
    return path


def covers() -> dict[int, NDArray[np.uint8]]:
    """Year -> land cover. One cell has none at all, one was under cloud in 2015."""
    made = {year: np.full(GRID.shape, FOREST, np.uint8) for year in (2000, 2015, 2019, 2023)}
    for year, codes in made.items():
        codes[CLEARED] = CROP if year > 2000 else FOREST
        codes[CLEARED_LATE] = CROP if year > 2015 else FOREST
        codes[REGROWN] = FOREST if year > 2000 else CROP
        codes[RIVER] = WATER
        codes[KEPT, 0] = NONE
    made[2015][KEPT, 1] = CLOUD
    return made


def productivity() -> NDArray[np.int16]:
    """(year, y, x) in ten-thousandths: a wobble without a trend, but for the row that falls from 2017 on."""
    wobble = np.array([0, 60, -60, 60, -60, 0, 60, -60][: len(YEARS)] * 3, np.int16)
    made = np.broadcast_to(5000 + wobble[:, None, None], (len(YEARS), *GRID.shape)).astype(np.int16)
    falls = np.array([max(0, year - 2016) * 300 for year in YEARS], np.int16)
    made[:, POORER] -= falls[:, None]
    return made


def asked(folder: Path, maps: Mapping[int, NDArray[Any]] | None = None, **changes: Any) -> LandDegradation:
    """The plain question about the six rows."""
    maps = covers() if maps is None else maps
    files = [
        YearMap(year=year, path=write(folder / f"cover{year}.tif", codes, nodata=NONE)) for year, codes in maps.items()
    ]
    given: dict[str, Any] = {
        "cover": tuple(files),
        "classes": {"forest": (FOREST,), "cropland": (CROP,), "water": (WATER,)},
        "no_class": (CLOUD,),
        "spots_ha": 0.3,
    }
    if "productivity" not in changes:
        names = [str(year) for year in YEARS]
        given["productivity"] = write(
            folder / "index_yearly.tif", productivity(), nodata=-32768, scale=0.0001, names=names
        )
    if "units" not in changes:
        given["units"] = write(folder / "units.tif", np.ones(GRID.shape, np.uint8))
    return LandDegradation(**{**given, **changes})


def rows_of(hectares: NDArray[np.float64], rows: Sequence[int], without: Sequence[tuple[int, int]] = ()) -> float:
    """km2 of whole rows, without some cells."""
    return float(hectares[list(rows)].sum() - sum(hectares[cell] for cell in without)) / 100
