"""The map of a territory as SVG: its outline over what happened, with alerts, restored areas, rivers and places."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.areas import LONLAT, project
from detection.context.attributes import of_dimension
from jobs.overlays import Opened
from jobs.reports.cartography import Entry, block, dash, disc, painted, png, sheet, text, zoom_of
from jobs.reports.figures import INK
from jobs.reports.territory.alerts import OPEN
from jobs.reports.territory.charts import colours
from jobs.reports.territory.found import Found
from jobs.reports.territory.picture import Shown
from jobs.words import Words, _

MAP_TITLE: Final = _("Map of the territory")
GROUND: Final = {
    Shown.OUTSIDE: "#ffffff", Shown.PLAIN: "#f1f1e6", Shown.STABLE: "#cfe6da", Shown.NEVER: "#e4dcc8", Shown.BLIND: "#9a9a9a",
    Shown.REGROWTH: "#009e73",
}  # fmt: skip
"""Colours of what is no loss (Okabe and Ito 2008 for what must stand out)."""
NAMES: Final = {
    Shown.PLAIN: _("outside of the map of loss"),
    Shown.STABLE: _("forest without loss in these years"),
    Shown.NEVER: _("never forest on the map"),
    Shown.BLIND: _("not seen well enough"),
    Shown.REGROWTH: _("forest that grows back"),
}
LINES: Final = {
    "river": ('stroke="#56b4e9" stroke-width="2"', _("river")),
    "road": (f'stroke="{INK}" stroke-width="1" stroke-dasharray="2 2"', _("road")),
}
"""Kind of a layer -> how it is drawn, and its name."""
EDGE: Final = f'stroke="{INK}" stroke-width="1.8"'
RESTORED: Final = 'stroke="#0072b2" stroke-width="1.6" stroke-dasharray="5 3"'
ALERT, PLACE = "#cc79a7", INK
LETTER, TALL_LETTER = 7.6, 14.0
"""About how wide and high a letter of the drawing is, in its units."""
MOST_PLACES: Final = 6
"""Names of settlements on the map, at most (chosen: more would hide it)."""


def drawn(found: Found, words: Words) -> str:
    """The map."""
    picture = found.picture
    spans = colours(found.years)
    palette = [*(GROUND[one] for one in sorted(GROUND)), *(colour for colour, _span in spans)]
    legend = [*_ground(found, words), *_marks(found, words)]
    image = png(painted(picture.codes, palette))
    return sheet(image, picture.shape, picture.metres, legend, words, _over(found))


def alt(found: Found, words: Words) -> list[str]:
    """The same in a sentence."""
    return [
        words.say(
            _("Loss and regrowth are drawn wherever a point of the map holds any, so they look larger than they are.")
        )
    ]


def _ground(found: Found, words: Words) -> Iterator[Entry]:
    there = set(np.unique(found.picture.codes).tolist())
    for place, (colour, span) in enumerate(colours(found.years)):
        if Shown.LOSS + place in there:
            first, last = span.start, span.stop - 1
            said = str(first) if first == last else f"{first}-{last}"
            yield Entry(words.say(_("loss {years}"), years=said), block(colour))
    for one, name in NAMES.items():
        if one in there and found.history is not None:
            yield Entry(words.say(name), block(GROUND[one]))


def _marks(found: Found, words: Words) -> Iterator[Entry]:
    yield Entry(words.say(_("edge of the territory")), dash(EDGE))
    if found.alerts is not None and found.alerts.of(OPEN):
        yield Entry(words.say(_("open alert")), disc(ALERT, 5))
    if found.restoration is not None and any(one.hectares for one in found.restoration.areas):
        yield Entry(words.say(_("registered area under restoration")), dash(RESTORED))
    kinds = {layer.about.kind for layer in _layers(found)}
    for kind, (style, name) in LINES.items():
        if kind in kinds:
            yield Entry(words.say(name), dash(style))
    if "settlement" in kinds:
        yield Entry(words.say(_("settlement")), disc(PLACE, 3))


def _layers(found: Found) -> list[Opened]:
    """Those with something on the map."""
    window = shapely.box(*found.grid.bounds)
    layers = found.overlays.layers if found.overlays else ()
    return [one for one in layers if len(one.tree.query(window, predicate="intersects"))]


def _over(found: Found) -> Iterator[str]:
    for layer in _layers(found):
        if layer.about.kind in LINES:
            for shape in layer.tree.geometries.tolist():
                yield _path(found, shape, LINES[layer.about.kind][0])
    for one in found.restoration.areas if found.restoration else ():
        if one.hectares:
            yield _path(found, project(one.shape, LONLAT, found.grid.crs), RESTORED)
    yield _path(found, found.territory.on(found.grid.crs), EDGE)
    for alert in reversed(found.alerts.of(OPEN) if found.alerts else ()):
        x, y = _at(found, *_middle(alert.shape))
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{ALERT}" stroke="#ffffff" stroke-width="1.2"/>'
    yield from _places(found)


def _middle(shape: BaseGeometry) -> tuple[float, float]:
    """A point inside of the largest part."""
    parts = shapely.get_parts(shape)
    point = parts[int(np.argmax(shapely.area(parts)))].representative_point()
    return point.x, point.y


def _places(found: Found) -> Iterator[str]:
    """Settlements as dots, and the names that have room."""
    taken: list[tuple[float, float, float]] = []
    width, height = (side * zoom_of(found.picture.shape) for side in found.picture.shape[::-1])
    for layer in _layers(found):
        if layer.about.kind != "settlement":
            continue
        for shape, owner in zip(layer.tree.geometries.tolist(), layer.owners.tolist(), strict=True):
            x, y = _at(found, *(shape.representative_point().coords[0]))
            if not (0 <= x <= width and 0 <= y <= height):
                continue
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{PLACE}" stroke="#ffffff" stroke-width="1"/>'
            name = layer.features[owner].name
            wide = LETTER * len(name)
            left = x + 6 if x + 6 + wide <= width else x - 6 - wide
            free = all(abs(y - b) > TALL_LETTER or left > a + w or a > left + wide for a, b, w in taken)
            if name and left >= 0 and TALL_LETTER <= y <= height - 4 and free and len(taken) < MOST_PLACES:
                taken.append((left, y, wide))
                yield f'<g stroke="#ffffff" stroke-width="3" paint-order="stroke">{text(left, y + 5, name)}</g>'


def _path(found: Found, shape: BaseGeometry, style: str) -> str:
    """Lines and outlines in units of the drawing, no finer than it shows; cut at its edge."""
    unit = found.picture.metres / zoom_of(found.picture.shape)
    lines = shapely.boundary(shape) if shapely.get_dimensions(shape) == 2 else of_dimension(shape, 1)
    cut = shapely.clip_by_rect(shapely.simplify(lines, unit / 2), *found.grid.bounds)
    parts = []
    for line in shapely.get_parts(cut):
        if shapely.get_dimensions(line) == 1 and not line.is_empty:
            spots = [_at(found, *xy) for xy in shapely.get_coordinates(line).tolist()]
            parts.append("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in spots))
    return f'<path d="{" ".join(parts)}" fill="none" {style}/>'


def _at(found: Found, easting: float, northing: float) -> tuple[float, float]:
    """Metres -> units of the drawing."""
    west, _south, _east, north = found.grid.bounds
    unit = found.picture.metres / zoom_of(found.picture.shape)
    return (easting - west) / unit, (north - northing) / unit
