"""How much of each cell of a map belongs to an area: the edge runs through cells, and small parcels are mostly edge."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from detection.areas import inside
from detection.context.attributes import of_dimension
from detection.types import Grid
from jobs.reports.areas.strata import hectares

FEW: Final = 400
"""Cells of a part up to which each is cut by the shape at once: drawing the edge first takes longer than that saves."""
WINDOW: Final = 256
"""Cells along a side of what is looked at at once: bounds the memory, not the answer."""


def shares(shape: BaseGeometry, part: Grid) -> NDArray[np.float64]:
    """(y, x) share, 0..1, of each cell that lies in the shape (in the grid's CRS): what is split adds up again."""
    if part.shape[0] * part.shape[1] <= FEW:
        rows, columns = np.indices(part.shape)
        return _part_of(_boxes(part, rows, columns), shape, part)
    here = of_dimension(shapely.intersection(shape, shapely.box(*part.bounds)), 2)
    if not here.area:
        return np.zeros(part.shape)
    whole = inside(here, part).astype(np.float64)
    west, south, east, north = part.pad(1).bounds
    edge = shapely.clip_by_rect(shapely.boundary(shape), west, south, east, north)
    if edge.is_empty:
        return whole
    drawn = rasterize([edge], part.shape, fill=0, transform=part.transform, all_touched=True, dtype="uint8")
    rows, columns = np.nonzero(drawn)
    whole[rows, columns] = _part_of(_boxes(part, rows, columns), here, part)
    return whole


def _boxes(part: Grid, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.object_]:
    left, top = part.west + columns * part.resolution, part.north - rows * part.resolution
    return np.asarray(shapely.box(left, top - part.resolution, left + part.resolution, top))


def _part_of(boxes: NDArray[np.object_], shape: BaseGeometry, part: Grid) -> NDArray[np.float64]:
    """Share of each box, a cell of the grid, that lies in the shape."""
    shapely.prepare(shape)
    return np.asarray(shapely.area(shapely.intersection(boxes, shape)) / part.resolution**2)


def weights(shape: BaseGeometry, part: Grid) -> NDArray[np.float64]:
    """(y, x) equal-area hectares of each cell that lie in the shape."""
    share = shares(shape, part)
    return share * hectares(part) if share.any() else share


def windows(grid: Grid, step: int = 1) -> Iterator[Grid]:
    """Parts that cover the grid once, their sides a whole number of steps."""
    return grid.tiles(max(step, WINDOW // step * step))
