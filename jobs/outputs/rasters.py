"""The raster layers of a run as cloud-optimised GeoTIFFs: what each holds is said once, in `LAYERS`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from detection.codes import (
    CHANGE_TYPE_MEANING,
    CHANGE_TYPES,
    COUNT_NODATA,
    DATE_NODATA,
    DRIVERS,
    MONITORED_COLOUR,
    MONITORED_MEANING,
    NO_YEAR,
    NOT_YET,
    SEGMENTED_COLOUR,
    SEGMENTED_MEANING,
    STATUS_COLOUR,
    STATUS_MEANING,
    STATUS_NODATA,
    STATUS_SCHEME,
    YEAR_NODATA,
)
from detection.errors import BadInput, GridMismatch
from detection.types import Grid
from jobs.outputs import RunFacts, publish
from jobs.outputs.styles import raster_style, rgb, year_colours
from models.kinds import DRIVER_COLOUR, NO_CHANGE, TYPE_COLOUR, coded

BLOCK = 512
"""Cells along a block's side: the default of GDAL's COG driver; a smaller raster has no overviews."""


@dataclass(frozen=True)
class Layer:
    """What one raster of a run holds."""

    dtype: str
    """numpy name of the type."""
    nodata: float | None
    """The value that says nothing; None where every value says something."""
    description: str
    """In words, with the unit."""
    unit: str = ""
    """UCUM-like symbol, empty for codes."""
    meanings: Mapping[int, str] | None = None
    """Code -> meaning, for a layer of codes."""
    colours: Mapping[int, str] | None = None
    """Code -> `#rrggbb`, for a layer of codes."""
    years: bool = False
    """Does it hold years, calendar ones or counted, which are painted from the least to the most?"""
    yearly: bool = False
    """Has it a band for every calendar year, whose description is the year? Written by `write_yearly`."""


LAYERS: Final[Mapping[str, Layer]] = {
    "status": Layer(
        "uint8", STATUS_NODATA, f"detection status, codes {STATUS_SCHEME}", "", STATUS_MEANING, STATUS_COLOUR
    ),
    "monitored": Layer("uint8", None, "why a pixel is or is not monitored", "", MONITORED_MEANING, MONITORED_COLOUR),
    "change_date": Layer("int32", DATE_NODATA, "first anomalous look, days since 1970-01-01", "d"),
    "confirmed_date": Layer("int32", DATE_NODATA, "look that confirmed, days since 1970-01-01", "d"),
    "magnitude": Layer("float32", float("nan"), "mean change of the index since the change date, in its units", "1"),
    "loss_year": Layer("uint16", YEAR_NODATA, "calendar year of the last loss, 0: none", "a", years=True),
    "loss_magnitude": Layer("float32", float("nan"), "change of the index at the last loss, in its units", "1"),
    "regrowth_year": Layer("uint16", YEAR_NODATA, "year regrowth after the last loss began, 0: none", "a", years=True),
    "regrowth_age": Layer(
        "uint8",
        COUNT_NODATA,
        "years since the onset of the regrowth standing in the year of the band, 0: none, or in its first year",
        "a",
        years=True,
        yearly=True,
    ),
    "index_yearly": Layer(
        "int16",
        np.iinfo(np.int16).min,
        "index in the look that stands for the year of the band, 0 over water where bands tell it; times the scale of the file",
        "1",
        yearly=True,
    ),
    "change_type": Layer(
        "uint8",
        None,
        "what a model says the last loss was",
        "",
        {NO_CHANGE: "none said", **{coded(CHANGE_TYPES, name): text for name, text in CHANGE_TYPE_MEANING.items()}},
        {NO_CHANGE: "#ffffff", **{coded(CHANGE_TYPES, name): colour for name, colour in TYPE_COLOUR.items()}},
    ),
    "driver": Layer(
        "uint8",
        None,
        "who or what a model says did it",
        "",
        {NO_CHANGE: "none said", **{coded(DRIVERS, name): name for name in DRIVERS}},
        {NO_CHANGE: "#ffffff", **{coded(DRIVERS, name): colour for name, colour in DRIVER_COLOUR.items()}},
    ),
    "recleared_year": Layer("uint16", YEAR_NODATA, "year what had regrown was cleared again, 0: not", "a", years=True),
    "r80p": Layer(
        "float32",
        float("nan"),
        "R80P: index some years after the last loss (`recovery.span`), over 80 % of that before it",
        "1",
    ),
    "y2r": Layer(
        "uint8", COUNT_NODATA, f"Y2R: years from the last loss to 80 % of the index before it, {NOT_YET}: not yet", "a"
    ),
    "segment_count": Layer("uint8", COUNT_NODATA, "stretches that one model each describes", "1"),
    "last_stable": Layer("int32", DATE_NODATA, "last look that belongs to a segment, days since 1970-01-01", "d"),
    "segmented": Layer(
        "uint8", None, "why an archive is or is not cut into segments", "", SEGMENTED_MEANING, SEGMENTED_COLOUR
    ),
}


def write_rasters(arrays: Mapping[str, NDArray[Any]], folder: Path, *, run: RunFacts) -> list[Path]:
    """Write one COG per layer (names and dtypes of `LAYERS`), a QGIS style beside each of codes or years; the paths come back.

    Raises BadInput for a name or dtype that is not in `LAYERS`, GridMismatch for another shape than the run's grid.
    """
    written = []
    for name, array in arrays.items():
        layer, path = _layer(name, array), folder / f"{name}.tif"
        write_cog(
            path,
            array,
            run.grid,
            nodata=layer.nodata,
            description=layer.description,
            colours=layer.colours,
            tags=_tags(run),
        )
        written += [path, *_styled(path, layer, array)]
    return written


def write_yearly(
    name: str,
    cube: NDArray[Any],
    years: Sequence[int],
    folder: Path,
    *,
    run: RunFacts,
    scale: float | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write (year, y, x) as one COG with a band a calendar year and a QGIS style that paints the last; the paths come back.

    scale: what 1 in the file stands for, where it is not 1; tags: beside those of every layer. Raises BadInput as
    `write_rasters` and for a layer that is not yearly, GridMismatch for another shape.
    """
    layer, path = _layer(name, cube), folder / f"{name}.tif"
    if not layer.yearly:
        raise BadInput(f"raster {name}: has no band a year; give it to write_rasters")
    names, words = [str(year) for year in years], {**_tags(run), "DESCRIPTION": layer.description, **(tags or {})}
    write_cog(path, cube, run.grid, nodata=layer.nodata, description=names, tags=words, scale=scale)
    return [path, *_styled(path, layer, cube)]


def _tags(run: RunFacts) -> dict[str, str]:
    return {"RUN_ID": run.run_id, "COLLECTION": run.collection, "SIMULATED": str(run.simulated).lower()}


def _styled(path: Path, layer: Layer, array: NDArray[Any]) -> list[Path]:
    """The style beside a raster, of the last of its bands, where it has one."""
    legend = _legend(layer, array)
    if legend is None:
        return []
    style = path.with_suffix(".qml")
    publish(style, raster_style(*legend, band=len(array) if layer.yearly else 1).encode())
    return [style]


def _legend(layer: Layer, array: NDArray[Any]) -> tuple[Mapping[int, str], Mapping[int, str]] | None:
    """Colours and meanings by value; None for a layer that is left to QGIS."""
    if layer.years:
        found = [year for year in np.unique(array).tolist() if year not in (NO_YEAR, layer.nodata)]
        return year_colours(found), dict.fromkeys(found, "")
    return None if layer.colours is None or layer.meanings is None else (layer.colours, layer.meanings)


def write_cog(
    path: Path,
    array: NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None,
    description: str | Sequence[str],
    colours: Mapping[int, str] | None = None,
    tags: Mapping[str, str] | None = None,
    scale: float | None = None,
) -> None:
    """Write (y, x), or (band, y, x) with a description each, as a COG: DEFLATE, overviews by nearest neighbour, put in place
    whole or not at all.

    DEFLATE because it carries a checksum: a flipped bit is noticed on reading far more often than with ZSTD or LZW.
    colours (code -> `#rrggbb`) become the internal colour table of a uint8 raster; scale, of all bands, is what 1 in the
    file stands for, where it is not 1. Raises GridMismatch when the shape is not the grid's, BadInput for colours on another
    dtype, OSError when the disk is full.
    """
    words = (description,) if isinstance(description, str) else tuple(description)
    bands = array[None] if isinstance(description, str) else array
    if bands.shape != (len(words), *grid.shape):
        raise GridMismatch(f"raster {path.name}: shape {array.shape} is not the grid's {grid.shape}")
    if colours is not None and array.dtype != np.uint8:
        raise BadInput(f"raster {path.name}: a colour table needs uint8, found {array.dtype}; write it without colours")
    publish(path, _cog(bands, grid, nodata, words, colours, dict(tags or {}), scale))


def _cog(
    bands: NDArray[Any],
    grid: Grid,
    nodata: float | None,
    words: Sequence[str],
    colours: Mapping[int, str] | None,
    tags: dict[str, str],
    scale: float | None,
) -> bytes:
    """Compressed in memory: a full disk then shows as OSError in `publish`, not as a half-written file of GDAL's."""
    rows, columns = grid.shape
    profile = {"count": len(bands), "height": rows, "width": columns, "dtype": bands.dtype.name, "nodata": nodata}
    where = {"crs": grid.crs, "transform": grid.transform}
    how = {"compress": "DEFLATE", "blocksize": BLOCK, "overview_resampling": "NEAREST", "bigtiff": "IF_SAFER"}
    # A predictor helps where neighbours differ little (dates, magnitudes), not where they are codes.
    how["predictor"] = "NO" if colours is not None else "YES"
    with MemoryFile() as memory:
        with memory.open(driver="COG", **profile, **where, **how) as raster:
            raster.write(bands)
            for place, word in enumerate(words, 1):
                raster.set_band_description(place, word)
            raster.update_tags(**tags)
            if scale is not None:
                raster.scales = (scale,) * len(bands)
            if colours is not None:
                raster.write_colormap(1, {code: (*rgb(colour), 255) for code, colour in colours.items()})
        return bytes(memory.getbuffer())


def _layer(name: str, array: NDArray[Any]) -> Layer:
    if name not in LAYERS:
        raise BadInput(f"raster {name!r}: no such layer; one of {', '.join(LAYERS)}")
    if array.dtype.name != LAYERS[name].dtype:
        raise BadInput(f"raster {name}: values are {array.dtype.name}; {LAYERS[name].dtype} expected")
    return LAYERS[name]
