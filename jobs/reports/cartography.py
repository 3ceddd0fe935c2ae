"""A small map as SVG: a picture of cells, what is drawn over it, a scale bar, north and a legend."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.reports.figures import INK, scale_bar
from jobs.words import Words, _

LARGEST: Final = 640
"""Pixels of the longer side, at most."""
TALLEST: Final = 330
"""Pixels that the map may be high."""
WIDE, LINE = 400, 20
"""Of the drawing; height of a line of its legend."""


@dataclass(frozen=True)
class Entry:
    """A line of the legend."""

    label: str
    """In the reader's language."""
    mark: Callable[[float], str]
    """Baseline of the line -> what it looks like on the map, 16 wide."""


def block(colour: str) -> Callable[[float], str]:
    """The mark of cells of a colour."""
    return lambda y: (
        f'<rect y="{y - 12:.1f}" width="16" height="14" fill="{colour}" stroke="{INK}" stroke-width="0.5"/>'
    )


def disc(colour: str, radius: float = 3) -> Callable[[float], str]:
    """The mark of points."""
    return lambda y: f'<circle cx="8" cy="{y - 5:.1f}" r="{radius:g}" fill="{colour}"/>'


def dash(style: str) -> Callable[[float], str]:
    """The mark of lines; style: attributes of the line."""
    return lambda y: f'<path d="M0 {y - 5:.1f} h16" fill="none" {style}/>'


def step_of(shape: tuple[int, int], largest: int = LARGEST) -> int:
    """Cells along a side of the blocks into which a map of this shape is thinned."""
    return max(1, -(-max(shape) // largest), -(-shape[0] // TALLEST))


def zoom_of(shape: tuple[int, int]) -> float:
    """Units of the drawing to a block of the picture."""
    return min(WIDE / shape[1], TALLEST / shape[0])


def blocks(cells: NDArray[np.int16], step: int, fill: int) -> NDArray[np.int16]:
    """(block row, block column, cell) of (y, x); fill stands for cells beyond the edge."""
    high, wide = (-(-side // step) * step for side in cells.shape)
    padded = np.full((high, wide), fill, np.int16)
    padded[: cells.shape[0], : cells.shape[1]] = cells
    parted = padded.reshape(high // step, step, wide // step, step).swapaxes(1, 2)
    return parted.reshape(high // step, wide // step, -1)


def sheet(
    picture: str, shape: tuple[int, int], metres: int, legend: Sequence[Entry], words: Words, over: Iterable[str] = ()
) -> str:
    """The map; picture: a PNG, base64, of (rows, columns) blocks so many metres wide; over: SVG in units of the drawing."""
    zoom = zoom_of(shape)
    wide, tall = shape[1] * zoom, shape[0] * zoom
    length = scale_bar(shape[1] * metres)
    said = f"{length / 1000:g} km" if length >= 1000 else f"{length} m"
    foot = tall + 44 + LINE * len(legend)
    size = f'width="{wide:.1f}" height="{tall:.1f}"'
    parts = [
        f'<rect width="{WIDE}" height="{foot:.0f}" fill="#ffffff"/>',
        f'<image href="data:image/png;base64,{picture}" {size} style="image-rendering:pixelated"/>',
        *over,
        f'<rect {size} fill="none" stroke="{INK}" stroke-width="0.6"/>',
        f'<path d="M0 {tall + 12:.1f} h{length / metres * zoom:.1f}" stroke="{INK}" stroke-width="4"/>',
        text(length / metres * zoom + 8, tall + 17, said),
        text(min(wide, WIDE) - 60, tall + 17, f"↑ {words.say(_('north'))}"),
    ]
    for line, entry in enumerate(legend):
        y = tall + 44 + LINE * line
        parts += [entry.mark(y), text(24, y, entry.label)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {foot:.0f}" role="img" font-family="sans-serif"'
    )
    return "\n".join([f'{head} font-size="13.5" fill="{INK}">', *parts, "</svg>"])


def text(x: float, y: float, said: str) -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(said)}</text>'


def painted(codes: NDArray[np.uint8], colours: Sequence[str]) -> Image.Image:
    """(y, x) codes as a picture with a palette, small ones enlarged up to three times; colours: `#rrggbb` by code."""
    zoom = enlarged(codes.shape)
    picture = Image.fromarray(np.kron(codes, np.ones((zoom, zoom), np.uint8)), "P")
    picture.putpalette([int(colour[i : i + 2], 16) for colour in colours for i in (1, 3, 5)])
    return picture


def enlarged(shape: tuple[int, ...]) -> int:
    """How many times."""
    return max(1, min(3, LARGEST // max(shape)))


def png(picture: Image.Image) -> str:
    """In base64."""
    made = BytesIO()
    picture.save(made, "png", optimize=True)
    return b64encode(made.getvalue()).decode()
