"""Colours for QGIS: a style document for coded rasters, another for alerts, in the colours of `detection.codes`."""

from collections.abc import Mapping
from xml.etree import ElementTree as Xml

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.28"
"""QGIS long-term release whose style files these imitate; later releases read them."""
_FILL_ALPHA = 140
"""Opacity of a polygon's fill, 0..255: the image below stays visible (chosen)."""


def rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` -> (red, green, blue), 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def raster_style(colours: Mapping[int, str], meanings: Mapping[int, str]) -> str:
    """A QML document that paints each code of a one-band raster; colours are `#rrggbb`, meanings the legend."""
    root = Xml.Element("qgis", version=_VERSION, styleCategories="Symbology")
    pipe = Xml.SubElement(root, "pipe")
    renderer = Xml.SubElement(pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1")
    palette = Xml.SubElement(renderer, "colorPalette")
    for code in sorted(colours):
        entry = {"value": str(code), "color": colours[code], "alpha": "255", "label": f"{code} {meanings[code]}"}
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
