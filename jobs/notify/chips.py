"""The place before and after the change, and the difference, as one small picture of the index.

Drawn from the looks that a job keeps for replay; where those of before are gone, or the place was hidden, there is no picture,
and nothing is made up. Colours that colour-blind readers tell apart (cividis; Nunez et al. 2018, PLoS ONE 13), the alert
outlined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy.engine import Engine

from detection.alerts import Alert
from detection.types import Cube, Float, Grid, Scene, to_date, to_day
from jobs import ledger
from jobs.ledger import Tile
from jobs.notify.message import PLATFORMS, _
from jobs.notify.words import Words
from jobs.observations import read_looks

MARGIN: Final = 12
"""Cells shown around the alert."""
LEAST_CLEAR: Final = 0.6
"""Share of the picture that a look must show (chosen)."""
LEAST_OWN: Final = 0.8
"""Share of the alert's own cells that it must show (chosen)."""
INCHES: Final = (7.2, 2.9)
DPI: Final = 80
MOST_BYTES: Final = 60_000
COLOURS: Final = 96
"""Of the picture's palette: it keeps it small, and cividis smooth."""
BAR_M: Final = 300
"""Length of the scale bar, metres."""
INK: Final = "#d55e00"
LEGEND: Final = _("yellow: forest; dark: bare ground or water; grey: hidden by cloud")
"""How to read it: stands below the picture, where a phone shows it large enough."""


@dataclass(frozen=True)
class Chip:
    """What a picture shows."""

    before: Scene
    """The last look that shows the place before the change."""
    after: Scene
    """The last look since that shows it."""
    was: Float
    """(y, x) the index before, NaN where hidden."""
    is_: Float
    """(y, x) the index after."""
    cells: NDArray[np.bool_]
    """(y, x) the alert."""
    resolution: int
    """Metres a cell."""


class Chips:
    """Makes pictures of alerts; the looks of a tile are read once."""

    def __init__(self, engine: Engine, job: str, home: Path, grid: Grid) -> None:
        """home: folder of the job's generations."""
        self.home, self.grid = home, grid
        self.tiles = [tile for tile in ledger.tiles(engine, job) if tile.looks is not None]
        self._read: tuple[str, Cube] | None = None

    def __call__(self, alert: Alert, words: Words) -> bytes | None:
        """PNG of at most MOST_BYTES; None where the looks that are kept do not show the place before and after."""
        place = alert.cells - (self.grid.first_row, self.grid.first_column)
        tile = max(self.tiles, key=lambda one: int(_inside(one, place).sum()), default=None)
        if tile is None or not _inside(tile, place).any():
            return None
        found = chip_of(self._looks(tile), alert, place - (tile.row, tile.column), self.grid.resolution)
        return None if found is None else drawn(found, alert.simulated, words)

    def _looks(self, tile: Tile) -> Cube:
        if self._read is None or self._read[0] != tile.id:
            assert tile.looks is not None
            self._read = tile.id, read_looks(self.home, tile.looks, verify=False)
        return self._read[1]


def _inside(tile: Tile, place: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) which cells lie in the tile."""
    at = place - (tile.row, tile.column)
    inside: NDArray[np.bool_] = np.logical_and.reduce((at >= 0) & (at < np.array([tile.rows, tile.columns])), axis=1)
    return inside


def chip_of(cube: Cube, alert: Alert, place: NDArray[Any], resolution: int) -> Chip | None:
    """The looks to show of an alert whose cells lie at these rows and columns of the cube; None where one is lacking."""
    high, wide = cube.grid.shape
    (top, left), (bottom, right) = np.maximum(place.min(0) - MARGIN, 0), place.max(0) + MARGIN + 1
    window = np.s_[top : min(bottom, high), left : min(right, wide)]
    values = cube.plane(cube.planes.leading)[:, window[0], window[1]]
    cells = np.zeros((high, wide), np.bool_)
    own = place[((place >= 0) & (place < (high, wide))).all(1)]
    cells[own[:, 0], own[:, 1]] = True
    cells, seen = cells[window], np.isfinite(values)
    clear = (seen.mean((1, 2)) >= LEAST_CLEAR) & (seen[:, cells].mean(1) >= LEAST_OWN)
    days = cube.days
    until = to_day(alert.last_clear_before) if alert.last_clear_before else to_day(alert.change_date) - 1
    instants = np.array([scene.instant for scene in cube.scenes], np.int64)
    before = np.flatnonzero(clear & (days <= until))
    after = np.flatnonzero(clear & (days >= to_day(alert.change_date)) & (instants <= alert.observed_at))
    if not (len(before) and len(after)):
        return None
    b, a = int(before[-1]), int(after[-1])
    return Chip(cube.scenes[b], cube.scenes[a], values[b], values[a], cells, resolution)


def drawn(chip: Chip, simulated: bool, words: Words) -> bytes | None:
    """The picture as PNG; None in the case that it would be larger than MOST_BYTES."""
    figure = Figure(INCHES, dpi=DPI, layout=ConstrainedLayoutEngine(h_pad=0.08))
    axes: Sequence[Axes] = figure.subplots(1, 3)
    low, high = np.nanpercentile(np.concatenate([chip.was.ravel(), chip.is_.ravel()]), (1, 99)).tolist()
    most = max(float(np.nanmax(np.abs(chip.is_ - chip.was))), 0.1)
    for ax, layer, title, limits, colours in (
        (axes[0], chip.was, f"{words.say(_('before'))}: {_when(chip.before, words)}", (low, high), "cividis"),
        (axes[1], chip.is_, f"{words.say(_('after'))}: {_when(chip.after, words)}", (low, high), "cividis"),
        (axes[2], chip.is_ - chip.was, words.say(_("difference")), (-most, most), "PuOr"),
    ):
        ax.imshow(layer, vmin=limits[0], vmax=limits[1], cmap=colours, interpolation="nearest")
        ax.contour(chip.cells, levels=[0.5], colors=INK, linewidths=1.2)
        ax.set_title(title, fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_facecolor("#dddddd")
    _scale(axes[0], chip)
    axes[2].annotate("N", (0.94, 0.95), (0.94, 0.72), "axes fraction", ha="center", va="top", fontsize=9, color="#000000",
                     arrowprops={"arrowstyle": "-|>", "color": "#000000"})  # fmt: skip
    figure.supxlabel(_attribution(chip, simulated, words), fontsize=9)
    return _small(figure)


def _when(scene: Scene, words: Words) -> str:
    return f"{words.day(to_date(scene.day))}, {_platform(scene)}"


def _platform(scene: Scene) -> str:
    return next((name for key, name in PLATFORMS.items() if scene.platform.startswith(key)), scene.platform)


def _scale(ax: Axes, chip: Chip) -> None:
    high, wide = chip.was.shape
    cells = BAR_M / chip.resolution
    ax.plot([wide * 0.05, wide * 0.05 + cells], [high * 0.93] * 2, color="#ffffff", linewidth=3, solid_capstyle="butt")
    ax.text(wide * 0.05, high * 0.9, f"{BAR_M} m", color="#ffffff", fontsize=7, va="bottom")


def _attribution(chip: Chip, simulated: bool, words: Words) -> str:
    """Whose images they are."""
    if simulated:
        return words.say(_("SIMULATED images: no satellite saw this"))
    landsat = any(scene.platform.startswith("landsat") for scene in (chip.before, chip.after))
    return "USGS Landsat" if landsat else "Copernicus Sentinel (ESA)"


def _small(figure: Figure) -> bytes | None:
    plain, made = BytesIO(), BytesIO()
    figure.savefig(plain, format="png", metadata={"Software": None})
    palette = Image.open(plain).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette.save(made, format="png", optimize=True)
    return made.getvalue() if made.tell() <= MOST_BYTES else None
