"""The strata and the sample as a small map: where change was mapped, and where people are asked to look."""

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from jobs.reports.areas.maps import WINDOW
from jobs.reports.areas.sample import Sample
from jobs.reports.areas.strata import OUTSIDE, Frame
from jobs.reports.figures import INK, scale_bar
from jobs.words import Words, _

LARGEST: Final = 640
"""Pixels of the longer side, at most."""
TALLEST: Final = 330
"""Pixels that the map may be high."""
CHANGES: Final = ("#d55e00", "#cc79a7", "#e69f00")
OTHERS: Final = ("#9fd3bf", "#d8d8d8", "#56b4e9", "#f0e442", "#b8b8b8")
"""Colours of strata of change, and of others (Okabe and Ito 2008, the latter lightened, so that change stands out)."""
NOTHING: Final = "#ffffff"
WIDE, LINE = 400, 20
"""Of the drawing; height of a line of its legend."""


@dataclass(frozen=True)
class Overview:
    """A map, thinned."""

    members: NDArray[np.int16]
    """(y, x) place of the stratum, OUTSIDE for none; a block with any change shows it."""
    step: int
    """Cells along a side of a block."""
    names: tuple[str, ...]
    """(stratum,) their names."""
    change: frozenset[int]
    """Places of the strata of change."""
    points: NDArray[np.int64]
    """(sample, 2) row and column in the thinned map."""
    metres: int
    """Of a block's side."""


def overview(made: Frame, sample: Sample, change: Collection[str]) -> Overview:
    """Thin the map, window by window; change: classes that are a change."""
    grid = made.map.grid
    step = max(1, -(-max(grid.shape) // LARGEST), -(-grid.shape[0] // TALLEST))
    rows, columns = (-(-side // step) for side in grid.shape)
    thin = np.full((rows, columns), OUTSIDE, np.int16)
    changes = frozenset(place for place, claim in enumerate(made.claims) if claim in change)
    for part in made.map.windows(max(step, WINDOW // step * step)):
        row, column = (at // step for at in grid.offset(part))
        block = _blocks(np.asarray(made.members(part), np.int16), step, changes)
        thin[row : row + block.shape[0], column : column + block.shape[1]] = block
    at = np.column_stack((sample.rows - grid.first_row, sample.columns - grid.first_column)) // step
    return Overview(thin, step, made.names, changes, at, step * grid.resolution)


def _blocks(members: NDArray[np.int16], step: int, changes: Collection[int]) -> NDArray[np.int16]:
    """(y, x) one value a block: that of change where it has any, else that of its first cell."""
    high, wide = (-(-side // step) * step for side in members.shape)
    padded = np.full((high, wide), OUTSIDE, np.int16)
    padded[: members.shape[0], : members.shape[1]] = members
    blocks = (
        padded.reshape(high // step, step, wide // step, step).swapaxes(1, 2).reshape(high // step, wide // step, -1)
    )
    made = blocks[..., 0].copy()
    for place in sorted(changes, reverse=True):
        made[(blocks == place).any(-1)] = place
    return made


def drawn(found: Overview, words: Words) -> str:
    """The map as SVG: a picture in it, a legend below, a scale bar and north."""
    high, wide = found.members.shape
    zoom = min(WIDE / wide, TALLEST / high)
    tall = high * zoom
    length = scale_bar(wide * found.metres)
    bar = length / found.metres * zoom
    said = f"{length / 1000:g} km" if length >= 1000 else f"{length} m"
    legend = [
        *((name, _colour(found, place)) for place, name in enumerate(found.names) if (found.members == place).any())
    ]
    foot = tall + 44 + LINE * (len(legend) + 1)
    parts = [
        f'<rect width="{WIDE}" height="{foot:.0f}" fill="#ffffff"/>',
        _image(found, wide * zoom, tall),
        f'<rect width="{wide * zoom:.1f}" height="{tall:.1f}" fill="none" stroke="{INK}" stroke-width="0.6"/>',
        f'<path d="M0 {tall + 12:.1f} h{bar:.1f}" stroke="{INK}" stroke-width="4"/>',
        _text(bar + 8, tall + 17, said),
        _text(min(wide * zoom, WIDE) - 60, tall + 17, f"↑ {words.say(_('north'))}"),
    ]
    for i, (name, colour) in enumerate(legend):
        y = tall + 44 + LINE * i
        parts.append(
            f'<rect y="{y - 12:.1f}" width="16" height="14" fill="{colour}" stroke="{INK}" stroke-width="0.5"/>'
        )
        parts.append(_text(24, y, words.say(name)))
    y = tall + 44 + LINE * len(legend)
    parts.append(f'<circle cx="8" cy="{y - 5:.1f}" r="3" fill="#000000"/>')
    parts.append(_text(24, y, words.say(_("places that people look at"))))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {foot:.0f}" role="img" font-family="sans-serif"'
    )
    return "\n".join([f'{head} font-size="13.5" fill="{INK}">', *parts, "</svg>"])


def alt(found: Overview, words: Words) -> list[str]:
    """The same in a sentence."""
    return [
        words.say(
            _("A map of the strata: change is drawn wherever a point of it holds any, so it looks larger than it is.")
        )
    ]


def _image(found: Overview, wide: float, tall: float) -> str:
    size = f'width="{wide:.1f}" height="{tall:.1f}" style="image-rendering:pixelated"'
    return f'<image href="data:image/png;base64,{_picture(found)}" {size}/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _colour(found: Overview, place: int) -> str:
    mine = (
        sorted(found.change) if place in found.change else [p for p in range(len(found.names)) if p not in found.change]
    )
    some = CHANGES if place in found.change else OTHERS
    return some[mine.index(place) % len(some)]


def _picture(found: Overview) -> str:
    """PNG of a palette, base64."""
    high, wide = found.members.shape
    zoom = max(1, min(3, LARGEST // max(high, wide)))
    colours = [NOTHING, *(_colour(found, place) for place in range(len(found.names))), "#000000"]
    codes = np.where(found.members == OUTSIDE, 0, found.members + 1).astype(np.uint8)
    picture = Image.fromarray(np.kron(codes, np.ones((zoom, zoom), np.uint8)), "P")
    picture.putpalette([int(colour[i : i + 2], 16) for colour in colours for i in (1, 3, 5)])
    draw = ImageDraw.Draw(picture)
    for row, column in found.points.tolist():
        x, y = column * zoom + zoom // 2, row * zoom + zoom // 2
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=len(colours) - 1)
    made = BytesIO()
    picture.save(made, "png", optimize=True)
    return b64encode(made.getvalue()).decode()
