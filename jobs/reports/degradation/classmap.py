"""A small map of a few classes as a drawing: each point of it shows what most of its cells are."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detection.types import Grid
from jobs.reports.drawing import INK, box, stroke, svg, words
from jobs.reports.figures import scale_bar
from jobs.words import Words, _

LARGEST: Final = 640
"""Points along a side, at most."""
WIDE, TALL, LINE, SIZE = 400.0, 330.0, 20.0, 13.5
"""Of the drawing, as wide as a phone; height of the map, at most; of a line of the legend; of its letters."""
Legend = Sequence[tuple[int, str, str]]
"""(code, text of the catalogue, colour); codes that it lacks are left white."""


def thinned(codes: NDArray[np.uint8], legend: Legend) -> tuple[NDArray[np.uint8], int]:
    """(y, x) place in the legend from 1, 0 for what it lacks, and the cells along a point: the commonest class of each,
    of two as common the one that stands first."""
    table = np.zeros(256, np.uint8)
    table[[code for code, _, _ in legend]] = np.arange(1, len(legend) + 1)
    step = max(1, -(-max(codes.shape) // LARGEST))
    rows, columns = (-(-side // step) for side in codes.shape)
    placed = np.zeros((rows * step, columns * step), np.uint8)
    placed[: codes.shape[0], : codes.shape[1]] = table[codes]
    blocks = placed.reshape(rows, step, columns, step)
    counts = np.stack([(blocks == place).sum((1, 3)) for place in (*range(1, len(legend) + 1), 0)])
    return ((counts.argmax(0) + 1) % (len(legend) + 1)).astype(np.uint8), step


def drawn(codes: NDArray[np.uint8], grid: Grid, legend: Legend, title: str, to: Words) -> str:
    """The map, a bar of its scale, north, and the legend of what is on it."""
    points, step = thinned(codes, legend)
    high, wide = points.shape
    zoom = min(WIDE / wide, TALL / high)
    tall, metres = high * zoom, step * grid.resolution
    length = scale_bar(wide * metres)
    said = f"{length / 1000:g} km" if length >= 1000 else f"{length} m"
    bar = length / metres * zoom
    shown = [(to.say(text), colour) for place, (_, text, colour) in enumerate(legend, 1) if (points == place).any()]
    image = f'<image href="data:image/png;base64,{_picture(points, [colour for *_, colour in legend])}"'
    shapes = [
        f'{image} width="{wide * zoom:.1f}" height="{tall:.1f}" style="image-rendering:pixelated"/>',
        *_frame(wide * zoom, tall),
        stroke(2, tall + 14, 2 + bar, tall + 14, INK, 4),
        words(10 + bar, tall + 19, said, size=SIZE),
        words(WIDE - 2, tall + 19, f"\N{UPWARDS ARROW} {to.say(_('north'))}", "end", size=SIZE),
    ]
    for line, (text, colour) in enumerate(shown):
        y = tall + 46 + LINE * line
        shapes += [box(1, y - 12, 17, 15, INK), box(1.5, y - 11.5, 16, 14, colour), words(26, y, text, size=SIZE)]
    return svg(WIDE, tall + 36 + LINE * len(shown), shapes, title)


def _frame(wide: float, tall: float) -> list[str]:
    corners = (0.0, 0.0), (wide, 0.0), (wide, tall), (0.0, tall), (0.0, 0.0)
    return [stroke(*one, *other, INK, 0.6) for one, other in pairwise(corners)]


def _picture(points: NDArray[np.uint8], colours: Sequence[str]) -> str:
    """PNG of a palette, base64; small maps enlarged, so that programs that smooth a picture leave its cells square."""
    zoom = max(1, min(8, LARGEST // max(points.shape)))
    picture = Image.fromarray(np.kron(points, np.ones((zoom, zoom), np.uint8)), "P")
    picture.putpalette([int(colour[i : i + 2], 16) for colour in ("#ffffff", *colours) for i in (1, 3, 5)])
    made = BytesIO()
    picture.save(made, "png", optimize=True)
    return b64encode(made.getvalue()).decode()
