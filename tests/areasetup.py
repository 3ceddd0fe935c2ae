"""A small map with a known truth, a report of areas on it, and people who answer as the truth is."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from detection.types import Grid
from jobs.reports.areas.asked import Answered, AreaReport, GeotiffMap, Sampling, Stratum
from jobs.reports.areas.sample import Sample

GRID = Grid("EPSG:32719", 300_000, 8_600_100, 30, (180, 210))
NAMES = ("loss", "stable forest", "no forest")
"""Codes 1, 2, 3; 0 is nodata."""


def write_map(path: Path, codes: NDArray[Any], grid: Grid = GRID, nodata: float | None = 0, **tags: str) -> Path:
    """A GeoTIFF in blocks of 64."""
    profile = {"driver": "GTiff", "count": 1, "dtype": codes.dtype.name, "nodata": nodata, "tiled": True}
    where = {"crs": grid.crs, "transform": grid.transform, "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(path, "w", **profile, **where, blockxsize=64, blockysize=64) as raster:
        raster.write(codes, 1)
        raster.update_tags(**tags)
    return path


def world(seed: int = 1, shape: tuple[int, int] = GRID.shape) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(map, truth) codes: clearings in blobs, of which the map misses some and shifts all; a river side without forest."""
    rng = np.random.default_rng(seed)
    truth = np.full(shape, 2, np.uint8)
    truth[:, : shape[1] // 5] = 3
    for _ in range(14):
        row, column = rng.integers(5, shape[0] - 15), rng.integers(shape[1] // 4, shape[1] - 15)
        truth[row : row + rng.integers(3, 12), column : column + rng.integers(3, 12)] = 1
    mapped = np.roll(truth, 1, axis=1)
    mapped[rng.random(shape) < 0.02] = 2
    mapped[:4, :4] = 0
    return mapped, truth


def asked(path: Path, **changes: Any) -> AreaReport:
    """The plain report: three strata, proportional."""
    made = AreaReport(
        map=GeotiffMap(path=path),
        place="Somewhere",
        first=date(2020, 1, 1),
        last=date(2022, 12, 31),
        strata=tuple(Stratum(name=name, codes=(code,)) for code, name in enumerate(NAMES, 1)),
        sampling=Sampling(samples=300, least=50),
    )
    return replace(made, **changes)


def at(sample: Sample, truth: NDArray[Any], grid: Grid = GRID) -> list[int]:
    """The true code of every sample."""
    return truth[sample.rows - grid.first_row, sample.columns - grid.first_column].tolist()


def ceo(
    path: Path, sample: Sample, said: Sequence[str], *, who: Sequence[str] = ("ana@example.org",), **columns: Any
) -> Path:
    """A sample download of Collect Earth Online: UTF-8 with BOM; every person says the same unless a column says otherwise."""
    lon, lat = sample.places
    text = StringIO()
    names = [
        "plotid", "sampleid", "sample_internal_id", "lon", "lat", "email", "flagged", "collection_time", "analysis_duration",
        "used_geodash", "used_kml", "imagery_title", "imagery_attributions", "sample_geom", "confidence", "confidence_comment",
        "What is it?", *columns, "Guest Interpreters",
    ]  # fmt: skip
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for i, ident in enumerate(sample.ids.tolist()):
        for person in who:
            row = {"plotid": ident, "sampleid": 1, "lon": lon[i], "lat": lat[i], "email": person, "flagged": "false"}
            row |= {"collection_time": "2023-02-01 10:00", "analysis_duration": "12.3 secs", "What is it?": said[i]}
            row |= {name: values[i] if isinstance(values, list) else values for name, values in columns.items()}
            writer.writerow(row)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    return path


def answered(path: Path, **changes: Any) -> Answered:
    """How to read it."""
    return replace(Answered(path=path, format="ceo", question="What is it?"), **changes)


def rewritten(path: Path, change: Callable[[list[dict[str, str]]], None]) -> Path:
    """The same file, its rows changed."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        rows, names = list(reader), list(reader.fieldnames or ())
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [name for name in names if not rows or name in rows[0]], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
