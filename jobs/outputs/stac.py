"""A STAC 1.1 collection and one item for a run: what each file is, how large, and what it hashes to."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pystac
import rasterio
from shapely.geometry import box, mapping

from detection.types import Grid
from jobs.outputs import RunFacts, publish
from jobs.outputs.rasters import LAYERS, Layer
from jobs.outputs.vectors import to_lonlat

COLLECTION_FILE, ITEM_FILE = "collection.json", "item.json"
EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("file/v2.1.0", "projection/v2.0.0", "raster/v2.0.0", "classification/v2.0.0", "processing/v1.2.0")
)
SHA2_256 = "1220"
"""Multihash prefix: function 0x12 (sha2-256), 0x20 bytes (multiformats table; STAC file extension 2.1)."""

_KINDS: Mapping[str, tuple[str, list[str], str]] = {
    ".tif": (pystac.MediaType.COG, ["data"], "raster layer"),
    ".geojson": (pystac.MediaType.GEOJSON, ["data"], "polygons, RFC 7946"),
    ".gpkg": (pystac.MediaType.GEOPACKAGE, ["data"], "polygons with a QGIS style, in the run's UTM zone"),
    ".parquet": (pystac.MediaType.PARQUET, ["data"], "polygons, GeoParquet 1.1"),
    ".qml": (pystac.MediaType.XML, ["style"], "QGIS style"),
    ".csv": (pystac.MediaType.TEXT, ["data"], "table"),
    ".html": (pystac.MediaType.HTML, ["overview"], "report for people"),
}
"""Suffix -> media type, roles, what it is."""


def write_stac(folder: Path, files: Sequence[Path], *, run: RunFacts) -> list[Path]:
    """Write collection.json, then item.json, whose presence says that the run's products are whole.

    files lie in folder; each becomes an asset with its size and sha2-256. Hrefs are relative: the folder can be moved.
    Raises OSError when a file cannot be read, ValueError when one lies outside the folder.
    """
    extent = to_lonlat(box(*run.grid.bounds), run.grid.crs)
    item = _item(run, mapping(extent), list(extent.bounds))
    for file in sorted(files):
        item.add_asset(_key(file), _asset(file, file.relative_to(folder).as_posix(), run.grid))
    collection = _collection(run, list(extent.bounds))
    _link(item, collection)
    for name, thing in ((COLLECTION_FILE, collection), (ITEM_FILE, item)):
        text = json.dumps(thing.to_dict(include_self_link=False, transform_hrefs=False), indent=1, ensure_ascii=False)
        publish(folder / name, text.encode() + b"\n")
    return [folder / COLLECTION_FILE, folder / ITEM_FILE]


def checksum(path: Path) -> str:
    """Multihash (hex) of a file's sha2-256, as `file:checksum` wants it."""
    with path.open("rb") as file:
        return SHA2_256 + hashlib.file_digest(file, "sha256").hexdigest()


def _item(run: RunFacts, geometry: dict[str, Any], bbox: list[float]) -> pystac.Item:
    properties = {
        "title": f"{run.job}, {run.period_start} to {run.period_end}{' (simulated input)' if run.simulated else ''}",
        "created": run.known_at,
        "license": run.license,
        "start_datetime": f"{run.period_start.isoformat()}T00:00:00Z",
        "end_datetime": f"{run.period_end.isoformat()}T23:59:59Z",
        "gsd": run.grid.resolution,
        "proj:code": run.grid.crs,
        "proj:shape": list(run.grid.shape),
        "proj:transform": list(run.grid.transform)[:6],
        "proj:bbox": list(run.grid.bounds),
        "processing:datetime": run.known_at,
        "processing:lineage": run.lineage,
        "processing:software": dict(run.software),
        "sachawatch:config_sha256": run.config_sha256,
        "sachawatch:detected_by": run.detected_by,
        "sachawatch:model": run.model,
        "sachawatch:simulated": run.simulated,
    }
    # start_datetime and end_datetime stand in for the one instant that a run does not have.
    return pystac.Item(run.run_id, geometry, bbox, None, properties, stac_extensions=list(EXTENSIONS))


def _collection(run: RunFacts, bbox: list[float]) -> pystac.Collection:
    period = {
        "spatial": {"bbox": [bbox]},
        "temporal": {
            "interval": [[f"{run.period_start.isoformat()}T00:00:00Z", f"{run.period_end.isoformat()}T23:59:59Z"]]
        },
    }
    described = "Forest change, polygons and layers: mapped areas, not unbiased estimates of area."
    if run.simulated:
        described += " Made from SIMULATED input."
    extent = pystac.Extent.from_dict(period)
    return pystac.Collection(run.collection, described, extent, title=run.job, license=run.license)


def _link(item: pystac.Item, collection: pystac.Collection) -> None:
    """Relative links both ways; by hand, because pystac would lay the folder out its own way."""
    item.collection_id = collection.id
    for relation in ("root", "parent", "collection"):
        item.add_link(pystac.Link(relation, f"./{COLLECTION_FILE}", pystac.MediaType.JSON))
    collection.clear_links()
    collection.add_link(pystac.Link("root", f"./{COLLECTION_FILE}", pystac.MediaType.JSON))
    collection.add_link(pystac.Link("item", f"./{ITEM_FILE}", pystac.MediaType.GEOJSON))


def _key(file: Path) -> str:
    return file.stem if file.suffix == ".tif" else f"{file.stem}_{file.suffix.removeprefix('.')}"


def _asset(file: Path, href: str, grid: Grid) -> pystac.Asset:
    media, roles, what = _KINDS.get(file.suffix, ("application/octet-stream", ["metadata"], file.name))
    facts: dict[str, Any] = {"file:size": file.stat().st_size, "file:checksum": checksum(file)}
    layer = LAYERS.get(file.stem) if file.suffix == ".tif" else None
    if layer is not None:
        what, facts = layer.description, facts | _band(layer, grid) | (_bands(file) if layer.yearly else {})
    return pystac.Asset(f"./{href}", title=what, media_type=media, roles=list(roles), extra_fields=facts)


def _band(layer: Layer, grid: Grid) -> dict[str, Any]:
    """Core fields of STAC 1.1 (`data_type`, `nodata`, `unit`) at the asset: they hold for all bands of a raster."""
    facts: dict[str, Any] = {"data_type": layer.dtype, "raster:spatial_resolution": grid.resolution}
    if layer.nodata is not None:
        facts["nodata"] = "nan" if layer.nodata != layer.nodata else layer.nodata
    if layer.unit:
        facts["unit"] = layer.unit
    if layer.meanings is not None and layer.colours is not None:
        facts["classification:classes"] = [
            {
                "value": int(code),
                "name": f"code-{code}",
                "description": text,
                "color_hint": layer.colours[code][1:].upper(),
            }
            for code, text in sorted(layer.meanings.items())
        ]
    return facts


def _bands(file: Path) -> dict[str, Any]:
    """The bands of a raster that has several, by name (STAC 1.1)."""
    with rasterio.open(file) as raster:
        scales = [{} if scale == 1 else {"raster:scale": scale} for scale in raster.scales]
        return {"bands": [{"name": name, **scale} for name, scale in zip(raster.descriptions, scales, strict=True)]}
