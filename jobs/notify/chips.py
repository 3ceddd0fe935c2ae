"""The place before and after the change, and the difference, as one small picture of the index.

Drawn from the looks that a job keeps for replay; where those of before are gone, or the place was hidden, there is no picture,
and nothing is made up. Colours that colour-blind readers tell apart (cividis; Nunez et al. 2018, PLoS ONE 13), the alert
outlined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image

from detection.alerts import Alert
from detection.types import Cube, Float, Scene, to_date, to_day
from jobs.notify.kept import Kept
from jobs.notify.message import PLATFORMS
from jobs.words import Words, _

MARGIN: Final = 12
"""Cells shown around the alert."""
LEAST_CLEAR: Final = 0.6
"""Share of the picture that a look must show (chosen)."""
LEAST_OWN: Final = 0.8
"""Share of the alert's own cells that it must show (chosen)."""
INCHES: Final = (5.2, 5.4)
DPI: Final = 100
FONT: Final = 11
"""Points: on a phone that shows the picture 330 pixels wide, letters are still ten pixels high."""
MOST_BYTES: Final = 60_000
COLOURS: Final = 96
"""Of the picture's palette: it keeps it small, and cividis smooth."""
FEWER: Final = (48, 24, 12)
"""The same of a picture that would be too large with them."""
BAR_M: Final = 300
"""Length of the scale bar, metres."""
INK, DARK = "#d55e00", "#1d2b24"
"""Of the alert's outline: on cividis, and on colours that have orange themselves."""
LEGEND: Final = _(
    "above, yellow: forest; dark: bare ground or water; grey: hidden by cloud; below, orange: less than before; purple: more"
)
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
    """Makes pictures of alerts."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def __call__(self, alert: Alert, words: Words) -> bytes | None:
        """PNG of at most MOST_BYTES; None where the looks that are kept do not show the place before and after."""
        found = self.found(alert)
        return None if found is None else drawn(found, alert.simulated, words)

    def found(self, alert: Alert) -> Chip | None:
        """What a picture of it would show; None as above."""
        parts = self.kept.parts(alert)
        if not parts:
            return None
        return chip_of(self.kept.looks(parts[0].tile), alert, parts[0].place, self.kept.grid.resolution)


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
    axes: Sequence[Axes] = figure.subplots(2, 2).ravel()
    low, high = np.nanpercentile(np.concatenate([chip.was.ravel(), chip.is_.ravel()]), (1, 99)).tolist()
    most = max(float(np.nanmax(np.abs(chip.is_ - chip.was))), 0.1)
    for ax, layer, title, limits, colours, edge in (
        (axes[0], chip.was, f"{words.say(_('before'))}\n{when(chip.before, words)}", (low, high), "cividis", INK),
        (axes[1], chip.is_, f"{words.say(_('after'))}\n{when(chip.after, words)}", (low, high), "cividis", INK),
        (axes[2], chip.is_ - chip.was, words.say(_("difference")), (-most, most), "PuOr", DARK),
    ):
        ax.imshow(layer, vmin=limits[0], vmax=limits[1], cmap=colours, interpolation="nearest")
        ax.contour(chip.cells, levels=[0.5], colors=edge, linewidths=1.4)
        ax.set_title(title, fontsize=FONT)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_facecolor("#dddddd")
    _scale(axes[0], chip)
    axes[2].annotate("N", (0.94, 0.97), (0.94, 0.78), "axes fraction", ha="center", va="top", fontsize=FONT, color="#000000",
                     arrowprops={"arrowstyle": "-|>", "color": "#000000"})  # fmt: skip
    _bars(axes[3], (low, high), most, words)
    figure.supxlabel(attribution(chip, simulated, words), fontsize=FONT)
    return _small(figure)


def _bars(ax: Axes, limits: tuple[float, float], most: float, words: Words) -> None:
    """Which colour is which number of the index: above of the places, below of the difference."""
    ax.set_axis_off()
    for top, colours, (low, high) in ((0.72, "cividis", limits), (0.3, "PuOr", (-most, most))):
        bar = ax.inset_axes((0.08, top - 0.1, 0.84, 0.1))
        bar.imshow(np.linspace(0, 1, COLOURS)[None], aspect="auto", cmap=colours)
        bar.set_xticks([])
        bar.set_yticks([])
        for at, value, side in ((0, low, "left"), (1, high, "right")):
            bar.text(at, -0.25, words.number(value, 2), transform=bar.transAxes, ha=side, va="top", fontsize=FONT)


def when(scene: Scene, words: Words) -> str:
    """Date and sensor of a look: `28 may 2024, Landsat`."""
    return f"{words.day(to_date(scene.day))}, {sensor(scene)}"


def sensor(scene: Scene) -> str:
    """The sensor as people write it."""
    return next((name for key, name in PLATFORMS.items() if scene.platform.startswith(key)), scene.platform)


def _scale(ax: Axes, chip: Chip) -> None:
    high, wide = chip.was.shape
    cells, halo = BAR_M / chip.resolution, [withStroke(linewidth=2.5, foreground=DARK)]
    ax.plot(
        [wide * 0.05, wide * 0.05 + cells],
        [high * 0.93] * 2,
        color="#ffffff",
        linewidth=4,
        solid_capstyle="butt",
        path_effects=halo,
    )
    ax.text(wide * 0.05, high * 0.9, f"{BAR_M} m", color="#ffffff", fontsize=FONT, va="bottom", path_effects=halo)


def attribution(chip: Chip, simulated: bool, words: Words) -> str:
    """Whose images they are."""
    if simulated:
        return words.say(_("SIMULATED images: no satellite saw this"))
    landsat = any(scene.platform.startswith("landsat") for scene in (chip.before, chip.after))
    return "USGS Landsat" if landsat else "Copernicus Sentinel (ESA)"


def _small(figure: Figure) -> bytes | None:
    plain = BytesIO()
    figure.savefig(plain, format="png", metadata={"Software": None})
    picture = Image.open(plain).convert("RGB")
    for colours in (COLOURS, *FEWER):
        made = BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(made, format="png", optimize=True)
        if made.tell() <= MOST_BYTES:
            return made.getvalue()
    return None
