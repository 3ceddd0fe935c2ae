"""What Earth Engine's catalogue calls things, how its bands are stored, and what an image of it is to us. It sends nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from detection.errors import BadInput
from detection.sources.sensors import SENSORS
from detection.types import Row, Scene

FILL: Final = -9999.0
"""Asked for where dB, angle or score are masked; no such value occurs in them."""
CLOUD_SCORE: Final = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
"""Cloud Score+: an image for each of COPERNICUS/S2_HARMONIZED, of the same `system:index`."""


@dataclass(frozen=True)
class Layer:
    """How one band is stored, and how it comes onto another resolution."""

    dtype: str = "uint16"
    """Stored type; float32: asked for with FILL where it is masked."""
    nodata: float | None = 0
    """Number that stands where it is masked; None: any number may be a value."""
    rule: Literal["mean", "power", "nearest"] = "mean"
    """For pixels finer than the grid; `power`: dB, averaged as power."""


LAYERS: Final[dict[str, Layer]] = {
    "qa": Layer(rule="nearest"),
    "radsat": Layer(nodata=None, rule="nearest"),
    "scl": Layer(dtype="uint8", rule="nearest"),
    "cs": Layer(dtype="float32", nodata=FILL, rule="nearest"),
    "vv": Layer(dtype="float32", nodata=FILL, rule="power"),
    "vh": Layer(dtype="float32", nodata=FILL, rule="power"),
    "angle": Layer(dtype="float32", nodata=FILL),
}
"""Bands that are no reflectance; all others are `Layer()`."""


@dataclass(frozen=True)
class Collection:
    """One collection of the Earth Engine data catalogue."""

    id: str
    """Its asset id."""
    sensor: str
    """Family of its numbers."""
    bands: dict[str, str]
    """Ours -> the catalogue's."""
    platform: str = ""
    """Where the collection holds one platform only."""


_QA: Final = {"qa": "QA_PIXEL", "radsat": "QA_RADSAT"}
_REFLECTANCE: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
_TM: Final = dict(zip(_REFLECTANCE, ("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"), strict=True)) | _QA
_OLI: Final = dict(zip(_REFLECTANCE, (f"SR_B{n}" for n in range(2, 8)), strict=True)) | _QA
_MSI: Final = {
    "blue": "B2", "green": "B3", "red": "B4", "rededge1": "B5", "rededge2": "B6", "rededge3": "B7", "nir_wide": "B8",
    "nir": "B8A", "swir1": "B11", "swir2": "B12", "scl": "SCL",
}  # fmt: skip
COLLECTIONS: Final[dict[str, tuple[Collection, ...]]] = {
    "landsat": (
        Collection("LANDSAT/LT05/C02/T1_L2", "landsat-c2l2", _TM, "landsat-5"),
        Collection("LANDSAT/LE07/C02/T1_L2", "landsat-c2l2", _TM, "landsat-7"),
        Collection("LANDSAT/LC08/C02/T1_L2", "landsat-c2l2", _OLI, "landsat-8"),
        Collection("LANDSAT/LC09/C02/T1_L2", "landsat-c2l2", _OLI, "landsat-9"),
    ),
    "sentinel-2": (Collection("COPERNICUS/S2_SR_HARMONIZED", "sentinel-2-l2a", _MSI),),
    "sentinel-1": (
        Collection("COPERNICUS/S1_GRD", "sentinel-1-grd", {"vv": "VV", "vh": "VH", "angle": "angle"}),
    ),
}  # fmt: skip
PHASE_M: Final = {"landsat-c2l2": 15}
"""Edges of the pixels against multiples of their size: Landsat's centres lie on multiples of 30 m. Asked for on them, the
service never has to choose between two pixels at the same distance. Elsewhere 0: Sentinel-1 has no common lattice."""


def row_of(collection: Collection, told: dict[str, Any], geometry: dict[str, Any] | None) -> Row:
    """The row of an image from what `eesession.features` asks of it; raises BadInput where id or time are missing."""
    index, time = told.get("id"), told.get("time")
    if not index or not isinstance(time, int | float):
        raise BadInput(f"{collection.id}: an image of id {index!r} and time {time!r} cannot be placed; it is left out")
    there = str(told.get("bands") or "").split(",")
    assets = [(band, f"{collection.id}/{index}/{name}") for band, name in collection.bands.items() if name in there]
    orbit = first_of(told, "WRS_PATH", "SENSING_ORBIT_NUMBER", "relativeOrbitNumber_start")
    platform = collection.platform or _platform(told)
    return Row(
        Scene(int(time) // 1000, platform, str(index), "" if orbit is None else f"{int(orbit):03d}"),
        collection.sensor,
        collection.id,
        str(first_of(told, "PROCESSING_BASELINE", "PROCESSING_SOFTWARE_VERSION") or ""),
        # Sentinel-2 too: the HARMONIZED collection has BOA_ADD_OFFSET taken off already, whatever the baseline.
        added=0.0,
        assets=tuple(assets),
        bounds=_box(geometry),
        note="" if platform != "unknown" else "the catalogue names no platform",
    )


def _platform(told: dict[str, Any]) -> str:
    if told.get("platform_number"):
        return f"sentinel-1{told['platform_number']}".lower()
    return str(told.get("SPACECRAFT_NAME") or "unknown").lower()


def first_of(told: dict[str, Any], *names: str) -> Any:
    """The first of these properties that the image has; None: it has none of them."""
    return next((told[name] for name in names if told.get(name) is not None), None)


def _box(geometry: dict[str, Any] | None) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) around a GeoJSON geometry; None where there is none, or over the date line."""
    found = np.array(list(_positions(geometry or {})), float).reshape(-1, 2)
    if not len(found) or not np.isfinite(found).all() or np.ptp(found[:, 0]) > 180:
        return None
    (west, south), (east, north) = found.min(0), found.max(0)
    return float(west), float(south), float(east), float(north)


def _positions(part: Any) -> Iterator[tuple[float, float]]:
    if isinstance(part, dict):
        for inner in (part.get("coordinates"), *part.get("geometries", ())):
            yield from _positions(inner)
    elif part and isinstance(part[0], int | float):
        yield part[0], part[1]
    else:
        for inner in part or ():
            yield from _positions(inner)


def with_score(row: Row) -> Row:
    """The row with the Cloud Score+ image of the same index as one more band."""
    return replace(row, assets=(*row.assets, ("cs", f"{CLOUD_SCORE}/{row.scene.id}/cs")))


def newest(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Of a Sentinel-2 granule that is there in several baselines the newest, with a note; other rows as they are."""
    granules: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        granules.setdefault(_granule(row), []).append(row)
    kept = []
    for row in rows:
        every = granules[_granule(row)]
        if row.baseline == max(other.baseline for other in every):
            left = ", ".join(f"{o.scene.id} (baseline {o.baseline})" for o in every if o.baseline != row.baseline)
            kept.append(replace(row, note=f"left out: {left}") if left else row)
    return tuple(kept)


def _granule(row: Row) -> tuple[str, ...]:
    """What two processings of one acquisition share: platform, sensing time and tile; else the scene itself."""
    parts = row.scene.id.split("_")
    if row.sensor == "sentinel-2-l2a" and len(parts) == 3:
        return row.scene.platform, parts[0], parts[2]
    return row.scene.platform, row.scene.id


def layer_of(band: str) -> Layer:
    """How a band is stored."""
    return LAYERS.get(band, Layer())


def step_of(sensor: str, band: str) -> int:
    """Pixel size of a band, metres."""
    family = SENSORS[sensor]
    return dict(zip((*family.bands, *family.optional), family.native_m, strict=True))[band]
