"""What is known beforehand: forest baseline, regrowth, water, peat, terrain, roads and rivers, from layers the config names.

A layer is read at the centres of a job's cells: rasters by nearest cell (classes) or between cells (terrain), vectors by
whether the centre lies inside. Nothing depends on the tiling. Files are opened as if a stranger had written them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detection.context.attributes import Feature, features_near
from detection.context.layers import GFC_FIRST_YEAR, Context, Gfc, Layer
from detection.context.rasters import Bounds, around, bilinear, nearest, open_raster
from detection.context.vectors import burn, check_kind, open_features
from detection.errors import BadInput, DetectionError, NoImagery
from detection.sources.pieces import one_line
from detection.types import Float, Grid, Mask

__all__ = [
    "Context", "Feature", "Gfc", "Layer", "check", "covered", "describe", "forest", "known", "read_features", "read_mask",
    "read_values",
]  # fmt: skip


def read_mask(layer: Layer, grid: Grid) -> Mask:
    """(y, x) True where the layer says yes; False also where it says nothing (see `covered`).

    Raises BadInput for a file that is missing, of another kind or broken, and where no rule says what means yes;
    GridMismatch for a CRS that cannot be brought to the grid's. The checksum is looked at by `check` alone.
    """
    path = _regular(layer.path)
    if not layer.is_raster:
        return burn(open_features(layer), layer, grid)
    values, valid = nearest(open_raster(path, layer.band, layer.nodata), grid)
    return layer.means_yes(values) & valid


def read_values(layer: Layer, grid: Grid) -> Float:
    """(y, x) float32 between the cells of a raster (bilinear), in its own units; NaN where it holds nothing.

    Raises BadInput as `read_mask` does, and for a vector.
    """
    if not layer.is_raster:
        raise BadInput(f"{layer.path.name}: is a vector and has no values; name a GeoTIFF")
    return bilinear(open_raster(_regular(layer.path), layer.band, layer.nodata), grid)


def read_features(
    layer: Layer, columns: Sequence[str], kinds: Sequence[str], grid: Grid, within_m: float
) -> list[Feature]:
    """The features of a vector layer within so many metres of the grid's box, with what these columns say of them.

    Raises BadInput as `read_mask` and `features_near` do, and for a file that is not the one of its checksum.
    """
    _check_sha256(_regular(layer.path), layer.sha256)
    return features_near(layer, columns, kinds, grid, within_m)


def known(layer: Layer, grid: Grid) -> Float:
    """(y, x) float32: 1 where the layer says yes, 0 where it says no, NaN where it says nothing. Raises as `read_mask`."""
    return np.where(covered(layer, grid), read_mask(layer, grid), np.float32(np.nan)).astype(np.float32)


def covered(layer: Layer | Gfc, grid: Grid) -> Mask:
    """(y, x) True where the layer says anything at all: inside a raster and not its nodata; everywhere for a vector."""
    if isinstance(layer, Gfc):
        return _gfc(layer, grid)[1]
    if not layer.is_raster:
        return np.ones(grid.shape, np.bool_)
    return nearest(open_raster(_regular(layer.path), layer.band, layer.nodata), grid)[1]


def forest(context: Context, grid: Grid) -> Mask | None:
    """(y, x) True where the baseline says forest or forest has grown back; None where the config names no baseline, and the
    pixels' own history decides. Raises as `read_mask` does."""
    baseline = context.gfc or context.forest
    if baseline is None:
        return None
    woods = _gfc(baseline, grid)[0] if isinstance(baseline, Gfc) else read_mask(baseline, grid)
    return woods if context.regrown is None else woods | read_mask(context.regrown, grid)


def describe(context: Context) -> str:
    """The layers in one line for products and reports: the forest baseline first, then `key: layer`."""
    baseline = context.gfc or context.forest
    said = [str(baseline) if baseline else "own history: no forest baseline was given"]
    return "; ".join([*said, *(f"{key}: {layer}" for key, layer in context.layers if key != "forest")])


def check(context: Context, grid: Grid) -> None:
    """Open every layer once, before the work begins; checksums are taken over whole files.

    Raises, one line each and with the key of the config: BadInput for a file that is missing, changed, broken, of
    another kind, without CRS or without a rule; GridMismatch for a CRS that cannot be brought to the grid's; NoImagery
    for a layer that does not touch the grid.
    """
    for key, layer in context.layers:
        try:
            _check_sha256(_regular(layer.path), layer.sha256)
            _check_raster(layer, grid, key) if layer.is_raster else _check_vector(layer, grid)
        except DetectionError as error:
            raise type(error)(f"context.{key}: {error}") from None
    try:
        _check_gfc(context.gfc, grid)
    except DetectionError as error:
        raise type(error)(f"context.gfc: {error}") from None


def _gfc(gfc: Gfc, grid: Grid) -> tuple[Mask, Mask]:
    """(forest, covered). Of granules that overlap, the first that says something counts."""
    woods, known = np.zeros(grid.shape, np.bool_), np.zeros(grid.shape, np.bool_)
    for treecover, lossyear in zip(gfc.treecover, gfc.lossyear, strict=True):
        cover, there = nearest(open_raster(_regular(treecover)), grid)
        if not there.any():
            continue
        loss, said = nearest(open_raster(_regular(lossyear)), grid)
        # Per cent, and years since 2000: anything else is a fill value that the file does not state.
        new = there & said & (cover <= 100) & (loss < 100) & ~known
        lost = (loss > 0) & (loss <= gfc.as_of - GFC_FIRST_YEAR)
        woods |= new & (cover >= gfc.canopy_min) & ~lost
        known |= new
    return woods, known


def _check_raster(layer: Layer, grid: Grid, key: str) -> None:
    raster = open_raster(layer.path.absolute(), layer.band, layer.nodata)
    if key != "terrain":
        layer.means_yes(np.zeros(1))
    boxes = around(grid, raster.crs, layer.path.name)
    if not any(_touch(raster.bounds, box) for box in boxes):
        raise NoImagery(f"{layer.path.name}: {_apart(raster.bounds, boxes)}")


def _check_vector(layer: Layer, grid: Grid) -> None:
    features = open_features(layer)
    boxes = around(grid, features.crs, layer.path.name, layer.within_m)
    touches = features.bounds is not None and any(_touch(features.bounds, box) for box in boxes)
    for found in (g for box in boxes for g in features.within(box)):
        check_kind(found, layer)
        touches = True
    if not touches:
        raise NoImagery(
            f"{layer.path.name}: nothing of it lies in the area {_listed(boxes)}; give the layer of this area"
        )


def _check_gfc(gfc: Gfc | None, grid: Grid) -> None:
    """Every file is sound; the granules of each kind touch the area, at least one of them."""
    if gfc is None:
        return
    for path, sha256 in gfc.files:
        _check_sha256(_regular(path), sha256)
    for paths in (gfc.treecover, gfc.lossyear):
        rasters = [open_raster(path.absolute()) for path in paths]
        boxes = [(raster, around(grid, raster.crs, raster.path.name)) for raster in rasters]
        if not any(_touch(raster.bounds, box) for raster, found in boxes for box in found):
            raise NoImagery(f"{rasters[0].path.name}: {_apart(rasters[0].bounds, boxes[0][1])}")


def _regular(path: Path) -> Path:
    """The absolute path of a file that is there and is a file: a pipe would keep us waiting for ever."""
    try:
        if path.is_file():
            with path.open("rb"):
                return path.absolute()
        found = "is not a regular file" if path.exists() else "no such file"
    except (OSError, ValueError) as error:
        found = f"cannot be opened ({one_line(error)})"
    raise BadInput(f"{path.name}: {found}; check `path`, which starts at the config file")


def _check_sha256(path: Path, sha256: str | None) -> None:
    if sha256 is None:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise BadInput(
            f"{path.name}: changed under its checksum ({found[:12]}..., not {sha256[:12]}...); restore the file or renew `sha256`"
        )


def _touch(one: Bounds, other: Bounds) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _apart(bounds: Bounds, boxes: list[Bounds]) -> str:
    return f"covers {_listed([bounds])}, the area lies in {_listed(boxes)}; give the layer of this area"


def _listed(boxes: list[Bounds]) -> str:
    return " and ".join(f"({', '.join(f'{edge:.6g}' for edge in box)})" for box in boxes) or "no place of its CRS"
