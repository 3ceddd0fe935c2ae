"""Cells of one code that touch, corners included, as patches: the largest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from detection.areas import cell_hectares
from detection.types import Grid
from jobs.outputs.vectors import outlines, place
from jobs.reports.parts import Cell, Layer


@dataclass(frozen=True)
class Patch:
    """One."""

    cells: NDArray[np.int32]
    """(cell, 2) rows and columns on the absolute lattice."""
    hectares: float
    """Equal-area."""
    lattice: str
    """Of the cells."""

    @property
    def degrees(self) -> tuple[float, float]:
        """Longitude and latitude of a cell in the middle of it."""
        found = place(self.cells, self.lattice)
        assert found is not None  # a patch has a cell
        return found.lon, found.lat


def patches(codes: NDArray[np.uint8], code: int, grid: Grid, least_ha: float) -> list[Patch]:
    """Patches of a code that are at least so large; the map is in memory as a whole, so that none is cut by a window."""
    names, many = label(codes == code, np.ones((3, 3)))
    # No cell is larger than its nominal area by a hundredth anywhere in a zone: what is too small by far is not looked at.
    enough = np.bincount(names.ravel(), minlength=many + 1) * grid.resolution**2 / 10_000 * 1.01 >= least_ha
    found = []
    for number, box in enumerate(find_objects(names), 1):
        if not enough[number]:
            continue
        rows, columns = np.nonzero(names[box] == number)
        cells = np.column_stack((rows + box[0].start + grid.first_row, columns + box[1].start + grid.first_column))
        size = float(cell_hectares(grid, cells[:, 0], cells[:, 1]).sum())
        if size >= least_ha:
            found.append(Patch(cells.astype(np.int32), size, grid.lattice))
    return sorted(found, key=lambda one: (-one.hectares, one.cells[0].tolist()))


def layer(name: str, grid: Grid, found: Sequence[tuple[Mapping[str, Cell], Patch]]) -> Layer:
    """Their outlines for GIS; what is said of each goes before its area."""
    shapes = outlines((one.cells for _, one in found), grid.lattice)
    rows = tuple({**said, "area_ha": one.hectares} for said, one in found)
    return Layer(name, grid.crs, rows, tuple(shapes))
