"""The pictures of a report as PNG bytes: maps and series. The same input gives the same bytes, nothing is global."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray
from shapely import MultiPolygon

from detection.codes import MONITORED_COLOUR, STATUS_COLOUR, STATUS_NODATA, Monitored, Status
from detection.types import Codes, Grid, to_day
from jobs.completeness import Gap, Look

Point = tuple[float, float]

MAP_CELLS = 1000
"""A map shows at most so many cells along a side (chosen: what a page prints); alerts survive the thinning."""
MAP_INCHES = 7.2
"""Longest side of a map: the text width of A4."""
DPI = 140
CHART_DAYS = 3 * 365
"""A chart begins at most so many days before the change (chosen: the seasons show, and so do the last weeks)."""
INK, FAINT, BLUE, ALARM, LEAF = "#1d2b24", "#5d6b63", "#0072b2", "#d55e00", "#17573a"
"""Text, secondary text, baseline, anomalous and clear looks: Okabe and Ito (2008) for what must be told apart."""

STATUS_CLASSES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("outside the area", "#ffffff", ()),
    ("not monitored", STATUS_COLOUR[STATUS_NODATA], (STATUS_NODATA,)),
    ("monitored, no change", STATUS_COLOUR[Status.NONE], (Status.NONE, Status.FIRST_LOW, Status.FIRST_HIGH)),
    ("finished", STATUS_COLOUR[Status.FINISHED_HIGH], (Status.FINISHED_LOW, Status.FINISHED_HIGH)),
    ("provisional", STATUS_COLOUR[Status.PROVISIONAL_HIGH], (Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH)),
    ("confirmed", STATUS_COLOUR[Status.CONFIRMED_HIGH], (Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH)),
)
"""Label, colour, codes; where cells are thinned a later class wins. A first anomalous look is not yet news."""
_FIRST_ALERT = 3
"""Position in STATUS_CLASSES from which a class must survive the thinning."""


@dataclass(frozen=True)
class Outline:
    """An alert on the map."""

    number: int
    """As in the report's table."""
    shape: MultiPolygon
    """UTM metres."""


@dataclass(frozen=True)
class SeriesFacts:
    """The looks that decided an alert: what was seen, what was expected, and when the alarm came."""

    alert_id: str
    """Id of the alert; a series without its alert is not shown."""
    days: NDArray[np.int32]
    """(n,) days since 1970-01-01, rising."""
    values: NDArray[np.float32]
    """(n,) the index; NaN = not observed."""
    fitted: NDArray[np.float32]
    """(n,) the baseline on the same days; NaN = none."""
    sigma: float
    """Residual scale of the baseline, in units of the index."""
    change_date: date
    """First anomalous look."""
    first_detected: date | None
    """The look that raised the alarm."""
    confirmed_on: date | None
    """The look that confirmed it."""


def status_map(status: Codes, monitored: Codes, grid: Grid, outlines: Sequence[Outline]) -> bytes:
    """The map of alerts: (y, x) uint8 `codes.Status` and `codes.Monitored` on the grid, numbers at the outlines."""
    table = np.ones(256, np.uint8)
    for place, (_, _, codes) in enumerate(STATUS_CLASSES):
        table[list(codes)] = place
    classes = np.where(monitored == Monitored.OUTSIDE, 0, table[status]).astype(np.uint8)
    figure, axes, scale = _map(classes, grid, [colour for _, colour, _ in STATUS_CLASSES], keep_from=_FIRST_ALERT)
    taken: list[tuple[float, float]] = []
    for outline in outlines:
        taken.append(_mark(axes, outline, taken, scale))
    return _png(figure)


def monitored_map(monitored: Codes, grid: Grid) -> bytes:
    """The map of what could be seen: (y, x) uint8 `codes.Monitored` on the grid."""
    colours = [MONITORED_COLOUR[code] for code in Monitored]
    figure, _, _ = _map(monitored, grid, colours, keep_from=len(colours), inches=MAP_INCHES / 2)
    return _png(figure)


def series_chart(series: SeriesFacts, title: str, metric: str) -> bytes:
    """Looks, baseline with three residual scales on either side, and the dates on which the alert rests."""
    figure = Figure(figsize=(MAP_INCHES / 2, 2.35), dpi=DPI)
    axes = _framed(figure)
    # matplotlib counts dates in days since 1970-01-01, as the series does.
    days, change = series.days, to_day(series.change_date)
    after = days >= change
    seen = np.isfinite(series.values)
    low, high = series.fitted - 3 * series.sigma, series.fitted + 3 * series.sigma
    axes.fill_between(days, low, high, color=BLUE, alpha=0.16, linewidth=0)
    axes.plot(days, series.fitted, color=BLUE, linewidth=1)
    axes.plot(days[seen & ~after], series.values[seen & ~after], "o", color=INK, markersize=2.4, alpha=0.75)
    axes.plot(days[seen & after], series.values[seen & after], "D", color=ALARM, markersize=2.8)
    for when, style in zip(_decisions(series), (":", "--", "-"), strict=True):
        if when is not None:
            axes.axvline(to_day(when), color=INK, linestyle=style, linewidth=0.9)
    # Names are other people's: a dollar in one is no mathematics.
    axes.set_title(title, loc="left", fontsize=8, color=INK, fontweight="bold", parse_math=False)
    axes.set_ylabel(metric, fontsize=7, color=FAINT, parse_math=False)
    axes.set_xlim(max(days[0], change - CHART_DAYS), days[-1] + 20)
    _dated(axes)
    _quiet(axes)
    return _png(figure)


def _framed(figure: Figure) -> Axes:
    """Axes within margins that hold the words around a chart; to measure these would take as long as to draw them."""
    wide, tall = figure.get_size_inches()
    left, right, bottom, top = 0.52, 0.2, 0.24, 0.24
    return figure.add_axes((left / wide, bottom / tall, 1 - (left + right) / wide, 1 - (bottom + top) / tall))


def _decisions(series: SeriesFacts) -> tuple[date | None, date | None, date | None]:
    return series.change_date, series.first_detected, series.confirmed_on


def series_key() -> bytes:
    """What the marks of `series_chart` mean, as one strip above all of them."""
    figure = Figure(figsize=(MAP_INCHES, 0.32), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    handles = [
        *axes.plot([], [], "o", color=INK, markersize=3.5, label="normal look"),
        *axes.plot([], [], "D", color=ALARM, markersize=3.8, label="look since the change"),
        *axes.plot([], [], color=BLUE, linewidth=1.2, label="expected"),
        Rectangle((0, 0), 1, 1, facecolor=BLUE, alpha=0.16, label="± 3 sigma"),
        *(
            line
            for style, label in ((":", "change"), ("--", "alarm"), ("-", "confirmed"))
            for line in axes.plot([], [], color=INK, linestyle=style, linewidth=1, label=label)
        ),
    ]
    axes.legend(handles=handles, loc="center", ncols=7, fontsize=7, frameon=False, handlelength=1.6, columnspacing=1.4)
    return _png(figure)


def looks_chart(looks: Sequence[Look], gaps: Sequence[tuple[str, Gap]], first: date) -> bytes:
    """Every acquisition since the first day, a lane per sensor: as tall as the share of the area that was clear.

    Red crosses failed, grey dashes brought nothing else; unexplained gaps, named by sensor, are shaded.
    """
    sensors = sorted({look.sensor for look in looks})
    figure = Figure(figsize=(MAP_INCHES, 0.45 + 0.55 * len(sensors)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for lane, sensor in enumerate(reversed(sensors)):
        mine = [look for look in looks if look.sensor == sensor and look.day >= first]
        for fate, style in (("read", None), ("failed", "x"), ("missing", "_"), ("unread", "_")):
            days = [to_day(look.day) for look in mine if look.fate == fate]
            if style is None:
                tops = [lane + 0.04 + 0.76 * look.clear for look in mine if look.fate == fate]
                axes.vlines(days, lane, tops, color=LEAF, linewidth=1.1)
            else:
                axes.plot(days, [lane + 0.12] * len(days), style, color=ALARM if style == "x" else FAINT, markersize=4)
        for _, gap in [pair for pair in gaps if pair[0] == sensor and not pair[1].reason]:
            width = to_day(gap.last) - to_day(gap.first)
            axes.add_patch(Rectangle((to_day(gap.first), lane), width, 0.8, facecolor=ALARM, alpha=0.16))
        axes.axhline(lane, color=FAINT, linewidth=0.5)
    axes.set_yticks([lane + 0.4 for lane in range(len(sensors))], list(reversed(sensors)), parse_math=False)
    axes.set_xlim(to_day(first) - 4, max((to_day(look.day) for look in looks), default=to_day(first)) + 4)
    axes.set_ylim(-0.05, len(sensors))
    _dated(axes)
    _quiet(axes)
    axes.grid(visible=False)
    return _png(figure)


def thinned(classes: Codes, step: int, keep_from: int) -> Codes:
    """Every step-th cell, except that classes from keep_from on survive wherever one lies in the step x step block."""
    if step == 1:
        return classes
    rows, columns = (-(-side // step) for side in classes.shape)
    padded = np.zeros((rows * step, columns * step), np.uint8)
    padded[: classes.shape[0], : classes.shape[1]] = classes
    highest = padded.reshape(rows, step, columns, step).max(axis=(1, 3))
    return np.where(highest >= keep_from, highest, padded[::step, ::step])


def _map(
    classes: Codes, grid: Grid, colours: list[str], *, keep_from: int, inches: float = MAP_INCHES
) -> tuple[Figure, Axes, float]:
    """A frame of UTM coordinates around classes; also the metres that one point of the page stands for."""
    step = -(-max(grid.shape) // MAP_CELLS)
    shown = thinned(classes, step, keep_from)
    west, _, _, north = grid.bounds
    size = step * grid.resolution
    extent = (west, west + shown.shape[1] * size, north - shown.shape[0] * size, north)
    longest = max(shown.shape)
    wide, tall = (inches * max(side / longest, 0.3) for side in (shown.shape[1], shown.shape[0]))
    figure = Figure(figsize=(wide + 0.5, tall + 0.3), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    palette = ListedColormap(colours)
    axes.imshow(
        shown, cmap=palette, vmin=-0.5, vmax=len(colours) - 0.5, extent=extent, interpolation="nearest", origin="upper"
    )
    axes.set_xlim(west, grid.bounds[2])
    axes.set_ylim(grid.bounds[1], north)
    _coordinates(axes)
    _furniture(axes, grid)
    return figure, axes, (grid.bounds[2] - west) / (wide * 72)


def _coordinates(axes: Axes) -> None:
    for axis, letter in ((axes.xaxis, "E"), (axes.yaxis, "N")):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(
            FuncFormatter(lambda metres, _, side=letter: f"{metres:,.0f}".replace(",", "\u2009") + f" {side}")
        )
    axes.tick_params(labelsize=6.5, colors=FAINT, length=3, direction="out")
    for label in axes.get_yticklabels():
        label.set(rotation=90, va="center")
    axes.grid(color=INK, alpha=0.1, linewidth=0.5)
    for spine in axes.spines.values():
        spine.set(color=FAINT, linewidth=0.6)


def scale_bar(width_m: float) -> int:
    """Length of a scale bar for a map so wide, metres: 1, 2 or 5 times a power of ten, at most a quarter of it."""
    power = 10 ** int(np.floor(np.log10(width_m / 4)))
    return int(max(f * power for f in (1, 2, 5) if f * power <= width_m / 4))


def _furniture(axes: Axes, grid: Grid) -> None:
    """Scale bar below left, north arrow above right, on a light ground so that they read on any class."""
    west, south, east, north = grid.bounds
    length, wide, tall = scale_bar(east - west), east - west, north - south
    left, bottom, thick = west + 0.03 * wide, south + 0.03 * tall, 0.008 * max(wide, tall)
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for part, colour in ((0, INK), (1, "white")):
        corner = (left + part * length / 2, bottom)
        axes.add_patch(Rectangle(corner, length / 2, thick, facecolor=colour, edgecolor=INK, linewidth=0.8, zorder=5))
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length} m"
    label: dict[str, Any] = {"fontsize": 8, "color": INK, "path_effects": halo, "zorder": 6}
    axes.text(left + length / 2, bottom + 1.8 * thick, text, ha="center", va="bottom", **label)
    tip, foot = (0.965, 0.975), (0.965, 0.905)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 14, "color": INK, "linewidth": 1.4, "zorder": 6}
    axes.add_patch(FancyArrowPatch(foot, tip, transform=axes.transAxes, path_effects=halo, **arrow))
    axes.text(0.965, 0.9, "N", transform=axes.transAxes, ha="center", va="top", fontweight="bold", **label)


def _mark(axes: Axes, outline: Outline, taken: Sequence[Point], scale: float) -> Point:
    """The outline of an alert and its number in a badge; back comes where the badge stands, metres."""
    for polygon in outline.shape.geoms:
        x, y = polygon.exterior.xy
        axes.plot(x, y, color=INK, linewidth=0.7, zorder=4)
    west, south, east, north = outline.shape.bounds
    centre = (west + east) / 2, (south + north) / 2
    spot = _free_spot(axes, centre, max(east - west, north - south) / 2 + 13 * scale, taken, 17 * scale)
    line = {"arrowstyle": "-", "color": INK, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
    badge = {"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
    text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "fontweight": "bold", "zorder": 7}
    axes.annotate(str(outline.number), centre, spot, arrowprops=line, bbox=badge, color=INK, **text)
    return spot


def _free_spot(axes: Axes, centre: Point, reach: float, taken: Sequence[Point], apart: float) -> Point:
    """The first of some spots around centre that lies on the map and so far apart from those taken, metres."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    around = [
        (centre[0] + r * reach * np.cos(angle), centre[1] + r * reach * np.sin(angle))
        for r in (1.0, 1.7, 2.6)
        for angle in np.arange(8) * np.pi / 4 + np.pi / 4
    ]
    for x, y in around:
        inside = left + apart / 2 < x < right - apart / 2 and bottom + apart / 2 < y < top - apart / 2
        if inside and all(np.hypot(x - a, y - b) >= apart for a, b in taken):
            return float(x), float(y)
    return around[0]


def _dated(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]


def _quiet(axes: Axes) -> None:
    axes.tick_params(labelsize=6.5, colors=FAINT, length=2)
    axes.grid(axis="y", color=INK, alpha=0.1, linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=FAINT, linewidth=0.6)


def _png(figure: Figure) -> bytes:
    """Without the version of the software in the file: the same picture is the same bytes."""
    sink = BytesIO()
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()
