"""Colours for QGIS: a style document for rasters of codes or years, another for polygons, in the colours of
`detection.codes`."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml

import numpy as np

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.28"
"""QGIS long-term release whose style files these imitate; later releases read them."""
_FILL_ALPHA = 140
"""Opacity of a polygon's fill, 0..255: the image below stays visible (chosen)."""
_RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
"""Viridis (matplotlib) at its quarters: even steps of lightness, also for colour-blind readers."""


def year_colours(years: Sequence[int]) -> dict[int, str]:
    """Year -> `#rrggbb`: the earliest dark, the latest bright, by how far they lie apart."""
    if not years:
        return {}
    first, last = min(years), max(years)
    parts = np.array([rgb(colour) for colour in _RAMP], np.float64)
    along = [(len(_RAMP) - 1) * (year - first) / max(last - first, 1) for year in years]
    mixed = [[round(np.interp(x, range(len(_RAMP)), part)) for part in parts.T] for x in along]
    return {year: "#{:02x}{:02x}{:02x}".format(*colour) for year, colour in zip(years, mixed, strict=True)}


def rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` -> (red, green, blue), 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def raster_style(colours: Mapping[int, str], meanings: Mapping[int, str], band: int = 1) -> str:
    """A QML document that paints each code of a raster's band; colours are `#rrggbb`, meanings the legend."""
    root = Xml.Element("qgis", version=_VERSION, styleCategories="Symbology")
    pipe = Xml.SubElement(root, "pipe")
    renderer = Xml.SubElement(pipe, "rasterrenderer", type="paletted", band=str(band), opacity="1", alphaBand="-1")
    palette = Xml.SubElement(renderer, "colorPalette")
    for code in sorted(colours):
        entry = {
            "value": str(code),
            "color": colours[code],
            "alpha": "255",
            "label": f"{code} {meanings[code]}".strip(),
        }
        Xml.SubElement(palette, "paletteEntry", entry)
    return _document(root)


def vector_style(attribute: str, colours: Mapping[str, str]) -> str:
    """A QML document that fills polygons by the value of an attribute; colours are `#rrggbb`."""
    root = Xml.Element("qgis", version=_VERSION, styleCategories="Symbology")
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0")
    categories, symbols = Xml.SubElement(renderer, "categories"), Xml.SubElement(renderer, "symbols")
    for place, (value, colour) in enumerate(colours.items()):
        name = str(place)
        category = {"value": value, "label": value, "symbol": name, "render": "true", "type": "string"}
        Xml.SubElement(categories, "category", category)
        symbols.append(_fill(name, colour))
    return _document(root)


def _fill(name: str, colour: str) -> Xml.Element:
    symbol = Xml.Element("symbol", type="fill", name=name, alpha="1", clip_to_extent="1")
    layer = Xml.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = Xml.SubElement(layer, "Option", type="Map")
    red, green, blue = rgb(colour)
    values = {
        "color": f"{red},{green},{blue},{_FILL_ALPHA}",
        "outline_color": f"{red},{green},{blue},255",
        "outline_width": "0.5",
        "outline_width_unit": "MM",
        "outline_style": "solid",
        "style": "solid",
    }
    for key, value in values.items():
        Xml.SubElement(options, "Option", type="QString", name=key, value=value)
    return symbol


def _document(root: Xml.Element) -> str:
    Xml.indent(root)
    return _DOCTYPE + Xml.tostring(root, encoding="unicode") + "\n"
