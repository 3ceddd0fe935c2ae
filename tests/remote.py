"""The same scenes in a folder, behind a loopback STAC API and behind a loopback Earth Engine. SIMULATED numbers."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from loopback_ee import Image, Plane, Service
from loopback_stac import Server

from detection.sources.files import FilesParameters
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import Scene

PATTERN = r"(?P<platform>[a-z0-9-]+?)_(?P<date>\d{8}T\d{6})_(?P<band>[a-z0-9]+)\.tif"
DATE_FORMAT = "%Y%m%dT%H%M%S"
BOX = (-70.6, -13.2, -69.9, -12.4)
"""Degrees; holds everything here."""
LANDSAT = {
    "nir": ("nir08", "SR_B5"),
    "swir2": ("swir22", "SR_B7"),
    "qa": ("qa_pixel", "QA_PIXEL"),
    "radsat": ("qa_radsat", "QA_RADSAT"),
}
SENTINEL_2 = {"nir": ("B8A", "B8A"), "swir2": ("B12", "B12"), "scl": ("SCL", "SCL")}
"""Band -> its key in the STAC items, its name in Earth Engine."""
ETM = {**LANDSAT, "nir": ("nir08", "SR_B4")}
"""The same of Landsat 7, whose bands have other numbers."""
LETTERS = {"landsat-7": "LE07", "landsat-8": "LC08", "landsat-9": "LC09"}
"""Platform -> how Earth Engine's collections call it."""
NODATA = {"nir": 0, "swir2": 0, "scl": 0, "qa": 1, "radsat": None}


@dataclass(frozen=True)
class Look:
    """One scene and its numbers."""

    scene: Scene
    bands: dict[str, np.ndarray]
    west: int
    north: int
    """Of the raster's corner, in `crs`."""
    crs: str
    resolution: int
    added: float = 0.0
    """What the stored numbers of the folder and of the STAC items still lack; Earth Engine has taken it off."""


def simulated_looks(parameters: SimulatedParameters) -> list[Look]:
    """Landsat as it is stored: in the north zone, its cells' edges half a cell off the lattice."""
    source = Simulated(parameters)
    grid = source.grid().pad(4)
    raw = source.read(grid, source.manifest(0, 10**6), ("nir", "swir2", "qa"))
    place = (grid.west - 15, grid.north + 15 - 10_000_000, "EPSG:32619", 30)
    return [
        Look(scene, dict(zip(LANDSAT, (*numbers, np.zeros_like(numbers[0])), strict=True)), *place)
        for scene, numbers in zip(raw.scenes, raw.values, strict=True)
    ]


def write(folder: Path, looks: Sequence[Look], sensor: str) -> FilesParameters:
    """A GeoTIFF per scene and band."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in looks:
        for band, numbers in look.bands.items():
            stem = f"{look.scene.platform}_{look.scene.when:{DATE_FORMAT}}_{band}"
            place = {
                "crs": look.crs,
                "transform": Affine(look.resolution, 0, look.west, 0, -look.resolution, look.north),
            }
            place |= {"height": numbers.shape[0], "width": numbers.shape[1], "dtype": numbers.dtype, "count": 1}
            place |= {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", "nodata": NODATA[band]}
            with rasterio.open(folder / f"{stem}.tif", "w", driver="GTiff", **place) as file:
                file.write(numbers, 1)
    bands = tuple(looks[0].bands)
    return FilesParameters(
        folder=folder, layout="dated", pattern=PATTERN, date_format=DATE_FORMAT, bands=bands, sensor=sensor,
        added=looks[0].added,
    )  # fmt: skip


def serve_stac(server: Server, folder: Path, looks: Sequence[Look], names: dict[str, tuple[str, str]]) -> None:
    """The files of the folder as assets, and an item for every scene."""
    for look in looks:
        stem = f"{look.scene.platform}_{look.scene.when:{DATE_FORMAT}}"
        for band in look.bands:
            server.assets[f"{stem}_{band}.tif"] = (folder / f"{stem}_{band}.tif").read_bytes()
        landsat = "qa" in look.bands
        mine: dict[str, Any] = (
            {"landsat:wrs_path": f"{int(look.scene.orbit):03d}", "landsat:wrs_row": "068", "landsat:collection_number": "02",
             "landsat:collection_category": "T1"}
            if landsat
            else {"s2:processing_baseline": "05.10" if look.added else "02.14", "sat:relative_orbit": 110}
        )  # fmt: skip
        server.items.append({
            "type": "Feature", "stac_version": "1.0.0", "id": look.scene.id, "bbox": list(BOX), "links": [], "geometry": None,
            "collection": "landsat-c2-l2" if landsat else "sentinel-2-l2a",
            "properties": {"datetime": f"{look.scene.when:%Y-%m-%dT%H:%M:%SZ}", "platform": look.scene.platform, **mine},
            "assets": {names[band][0]: {"href": server.href(f"{stem}_{band}.tif")} for band in look.bands},
        })  # fmt: skip


def ee_catalogue(looks: Sequence[Look], names: dict[str, tuple[str, str]]) -> dict[str, list[Image]]:
    """Images of the same numbers; what is nodata is masked."""
    catalogue: dict[str, list[Image]] = {f"LANDSAT/{s}/C02/T1_L2": [] for s in ("LT05", "LE07", "LC08", "LC09")}
    catalogue |= {"COPERNICUS/S2_SR_HARMONIZED": [], "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED": []}
    for look in looks:
        landsat = "qa" in look.bands
        collection = f"LANDSAT/{LETTERS[look.scene.platform]}/C02/T1_L2" if landsat else "COPERNICUS/S2_SR_HARMONIZED"
        told = {"system:time_start": look.scene.instant * 1000}
        told |= {"WRS_PATH": int(look.scene.orbit), "WRS_ROW": 68} if landsat else {
            "SPACECRAFT_NAME": "Sentinel-2A", "SENSING_ORBIT_NUMBER": 110, "PROCESSING_BASELINE": "05.10"
        }  # fmt: skip
        mine = ETM if look.scene.platform == "landsat-7" else names
        planes = {mine[band][1]: _plane(look, band) for band in look.bands}
        catalogue[collection].append(Image.of(f"{collection}/{look.scene.id}", told, planes, BOX))
    return catalogue


def _plane(look: Look, band: str) -> Plane:
    numbers = look.bands[band]
    if look.added and band != "scl":
        numbers = np.where(numbers == 0, 0, np.maximum(numbers.astype(np.int64) + int(look.added), 0)).astype(np.uint16)
    mask = np.ones(numbers.shape, bool) if NODATA[band] is None else look.bands[band] != NODATA[band]
    return Plane(numbers, mask, look.crs, look.west, look.north, look.resolution)


def serve_ee(looks: Sequence[Look], names: dict[str, tuple[str, str]]) -> AbstractContextManager[Service]:
    return Service(ee_catalogue(looks, names))
