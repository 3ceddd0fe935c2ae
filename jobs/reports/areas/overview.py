"""The strata and the sample as a small map: where change was mapped, and where people are asked to look."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from jobs.reports.areas.maps import WINDOW
from jobs.reports.areas.sample import Sample
from jobs.reports.areas.strata import OUTSIDE, Frame
from jobs.reports.cartography import Entry, block, blocks, disc, enlarged, painted, png, sheet, step_of
from jobs.words import Words, _

CHANGES: Final = ("#d55e00", "#cc79a7", "#e69f00")
OTHERS: Final = ("#9fd3bf", "#d8d8d8", "#56b4e9", "#f0e442", "#b8b8b8")
"""Colours of strata of change, and of others (Okabe and Ito 2008, the latter lightened, so that change stands out)."""
NOTHING: Final = "#ffffff"


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
    step = step_of(grid.shape)
    rows, columns = (-(-side // step) for side in grid.shape)
    thin = np.full((rows, columns), OUTSIDE, np.int16)
    changes = frozenset(place for place, claim in enumerate(made.claims) if claim in change)
    for part in made.map.windows(max(step, WINDOW // step * step)):
        row, column = (at // step for at in grid.offset(part))
        thinner = _thinned(np.asarray(made.members(part), np.int16), step, changes)
        thin[row : row + thinner.shape[0], column : column + thinner.shape[1]] = thinner
    at = np.column_stack((sample.rows - grid.first_row, sample.columns - grid.first_column)) // step
    return Overview(thin, step, made.names, changes, at, step * grid.resolution)


def _thinned(members: NDArray[np.int16], step: int, changes: Collection[int]) -> NDArray[np.int16]:
    """(y, x) one value a block: that of change where it has any, else that of its first cell."""
    parted = blocks(members, step, OUTSIDE)
    made = parted[..., 0].copy()
    for place in sorted(changes, reverse=True):
        made[(parted == place).any(-1)] = place
    return made


def drawn(found: Overview, words: Words) -> str:
    """The map as SVG: a picture in it, a legend below, a scale bar and north."""
    there = [place for place in range(len(found.names)) if (found.members == place).any()]
    legend = [Entry(words.say(found.names[place]), block(_colour(found, place))) for place in there]
    legend.append(Entry(words.say(_("places that people look at")), disc("#000000")))
    high, wide = found.members.shape
    return sheet(_picture(found), (high, wide), found.metres, legend, words)


def alt(found: Overview, words: Words) -> list[str]:
    """The same in a sentence."""
    return [
        words.say(
            _("A map of the strata: change is drawn wherever a point of it holds any, so it looks larger than it is.")
        )
    ]


def _colour(found: Overview, place: int) -> str:
    mine = (
        sorted(found.change) if place in found.change else [p for p in range(len(found.names)) if p not in found.change]
    )
    some = CHANGES if place in found.change else OTHERS
    return some[mine.index(place) % len(some)]


def _picture(found: Overview) -> str:
    """PNG of a palette, base64."""
    colours = [NOTHING, *(_colour(found, place) for place in range(len(found.names))), "#000000"]
    codes = np.where(found.members == OUTSIDE, 0, found.members + 1).astype(np.uint8)
    picture, zoom = painted(codes, colours), enlarged(codes.shape)
    draw = ImageDraw.Draw(picture)
    for row, column in found.points.tolist():
        x, y = column * zoom + zoom // 2, row * zoom + zoom // 2
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=len(colours) - 1)
    return png(picture)
