"""The outline of an alert's cells to scale as a drawing: north up, a scale bar, the point that the coordinates name."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.alerts import Alert
from jobs.notify.notice import Place
from jobs.outputs.vectors import lattice_parts, outline
from jobs.reports.figures import scale_bar

WIDE, TALL = 360, 240
INNER: Final = (320, 180)
"""Room of the outline, units of the drawing."""
ABOVE: Final = 14
"""Units above it."""
LEAST_CELLS: Final = 12
"""So many cells at least span the room: a small alert looks small."""
MOST_CORNERS: Final = 4_000
"""Of an outline; cells that make more are drawn in larger squares, and the page says so."""


@dataclass(frozen=True)
class Locator:
    """The drawing; paths are in cells of the lattice."""

    whole: str
    """Outline of all cells."""
    sure: str
    """Of the confirmed ones; empty where there are none."""
    transform: str
    """Cells -> units, as SVG says it."""
    point: tuple[float, float]
    """Units: the point that the coordinates name."""
    bar: float
    """Units: length of the scale bar."""
    bar_m: int
    """Metres: the same."""
    square_m: int
    """Metres: side of the squares that it is drawn in; that of a cell, or more where the outline is very ragged."""


def locator_of(alert: Alert, place: Place) -> Locator:
    """The drawing of an alert that has cells. Raises BadInput for a lattice that cannot be read."""
    _, size = lattice_parts(alert.lattice)
    (top, left), (bottom, right) = alert.cells.min(0).tolist(), (alert.cells.max(0) + 1).tolist()
    scale = min(INNER[0] / max(right - left, LEAST_CELLS), INNER[1] / max(bottom - top, LEAST_CELLS))
    x, y = (WIDE - (right - left) * scale) / 2, ABOVE + (INNER[1] - (bottom - top) * scale) / 2
    both, block = (alert.cells, alert.cells[alert.confirmed_cells]), 1
    while None in (paths := [_path(cells, block, (top, left)) for cells in both]):
        block *= 2
    whole, sure = (path or "" for path in paths)
    east, north = (float(metres) / size for metres in place.utm.split()[1:])
    length = scale_bar(WIDE / scale * size)
    point = x + (east - left) * scale, y + (-north - top) * scale
    transform = f"translate({x:.2f} {y:.2f}) scale({scale:.4f})"
    return Locator(whole, sure, transform, point, length / size * scale, length, block * size)


def _path(cells: NDArray[np.int32], block: int, corner: tuple[int, int]) -> str | None:
    """The rings around cells in blocks of so many, counted in cells from a corner; None where they have too many corners."""
    blocks = np.unique(cells // block, axis=0)
    shape = outline(blocks, "EPSG:32718@1m")  # lengths alone count: a metre stands for a block
    if shapely.get_num_coordinates(shape) > MOST_CORNERS:
        return None
    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    return "".join(_ring(np.array(ring.coords)[:, ::-1] * (-block, block) - corner) for ring in rings)


def _ring(corners: NDArray[np.float64]) -> str:
    """(n, 2) row and column of each corner; the first comes again at the end."""
    steps = np.diff(corners, axis=0).astype(int)[:-1].tolist()
    said = (f"h{x}" if y == 0 else f"v{y}" if x == 0 else f"l{x} {y}" for y, x in steps)
    return f"M{int(corners[0][1])} {int(corners[0][0])}{''.join(said)}z"
