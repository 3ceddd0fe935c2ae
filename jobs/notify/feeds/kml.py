"""Alerts on a globe: OGC KML 2.2 (07-147r2), longitude before latitude; as KMZ with image chips inside."""

import html
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from detection.codes import ALERT_COLOUR
from detection.errors import BadInput
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.markup import clean, document, line, sub
from jobs.notify.feeds.places import Ring, polygons
from jobs.notify.feeds.told import address, figures, ordered, written
from jobs.notify.notice import Notice, Place
from jobs.outputs.styles import rgb

KML: Final = "http://www.opengis.net/kml/2.2"
LINE_ALPHA, FILL_ALPHA = 255, 140
"""Opacity of outlines and fills: the image below stays visible (chosen, as in the styles for QGIS)."""
LINE_WIDTH: Final = 2
IMAGES: Final = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
"""How the files begin that every viewer of KMZ shows."""
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a ZIP entry: no clock is looked at."""


def kml(notices: Sequence[Notice], facts: FeedFacts, wording: Wording, *, public: bool = False) -> bytes:
    """The document: a Placemark an alert, named by its short code, in the colour of its status.

    Raises BadInput when an alert comes twice, has no polygons, or is to be public without a seal.
    """
    return _document(ordered(notices, facts, public=public), facts, wording, {})


def kmz(
    notices: Sequence[Notice],
    facts: FeedFacts,
    wording: Wording,
    *,
    chips: Mapping[str, bytes] | None = None,
    public: bool = False,
) -> bytes:
    """The same in a ZIP, with the chips (by alert id, PNG or JPEG) inside and shown in the balloons.

    Raises BadInput as `kml` does, for a chip that is no such image or belongs to no alert, and for chips in a public file.
    """
    shown = ordered(notices, facts, public=public)
    chips = chips or {}
    if public and chips:
        raise BadInput(f"feed {facts.title!r}: public, but with image chips, which show the place; leave them out")
    strange = sorted(chips.keys() - {notice.alert.id for notice in shown})
    if strange:
        raise BadInput(f"feed {facts.title!r}: the chip of {strange[0]!r} belongs to no alert of it; leave it out")
    paths = {ident: f"files/{ident}.{_suffix(ident, chips[ident])}" for ident in sorted(chips)}
    files = {"doc.kml": _document(shown, facts, wording, paths)} | {paths[ident]: chips[ident] for ident in paths}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
    return packed.getvalue()


def _suffix(ident: str, chip: bytes) -> str:
    for start, suffix in IMAGES.items():
        if chip.startswith(start):
            return suffix
    raise BadInput(f"chip of alert {ident}: is neither PNG nor JPEG; convert it")


def _document(shown: Sequence[Notice], facts: FeedFacts, wording: Wording, paths: Mapping[str, str]) -> bytes:
    root = Xml.Element("kml", {"xmlns": KML})
    body = sub(root, "Document")
    sub(body, "name", line(facts.title))
    sub(body, "description", _balloon(line(facts.description)))
    for status in ALERT_COLOUR:
        _style(body, status)
    for notice in shown:
        _placemark(body, notice, facts, wording, paths.get(notice.alert.id))
    return document(root)


def _style(body: Xml.Element, status: str) -> None:
    style = sub(body, "Style", id=status)
    outline = sub(style, "LineStyle")
    sub(outline, "color", colour(status, LINE_ALPHA))
    sub(outline, "width", str(LINE_WIDTH))
    sub(sub(style, "PolyStyle"), "color", colour(status, FILL_ALPHA))


def colour(status: str, alpha: int) -> str:
    """The colour of a status in KML's order: alpha, blue, green, red."""
    red, green, blue = rgb(ALERT_COLOUR[status])
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _placemark(body: Xml.Element, notice: Notice, facts: FeedFacts, wording: Wording, image: str | None) -> None:
    """In the order of the schema, which is a sequence. An XML id cannot begin with a digit: hence the word before it."""
    alert = notice.alert
    mark = sub(body, "Placemark", id=f"alert-{alert.id}")
    sub(mark, "name", line(alert.short_code))
    sub(mark, "Snippet", line(wording.headline(notice)), maxLines="2")
    texts = (line(wording.headline(notice)), clean(wording.body(notice)))
    sub(mark, "description", _balloon(*texts, image=image, link=address(alert, facts)))
    sub(sub(mark, "TimeStamp"), "when", alert.change_date.isoformat())
    sub(mark, "styleUrl", f"#{alert.status}")
    table = sub(mark, "ExtendedData")
    for name, value in figures(alert, facts).items():
        if value is not None:
            sub(sub(table, "Data", name=name), "value", written(value))
    _geometry(mark, notice.place)


def _balloon(*texts: str, image: str | None = None, link: str | None = None) -> str:
    """Viewers take a description for HTML: plain text is escaped once for that, and once more as XML by the writer."""
    parts = ["<p>" + html.escape(text).replace("\n", "<br/>") + "</p>" for text in texts if text]
    if image is not None:
        parts.append(f'<p><img src="{html.escape(image)}" alt=""/></p>')
    if link is not None:
        parts.append(f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>')
    return "".join(parts)


def _geometry(mark: Xml.Element, place: Place) -> None:
    several = sub(mark, "MultiGeometry")
    for exterior, *holes in polygons(place):
        polygon = sub(several, "Polygon")
        _boundary(polygon, "outerBoundaryIs", exterior)
        for hole in holes:
            _boundary(polygon, "innerBoundaryIs", hole)


def _boundary(polygon: Xml.Element, tag: str, ring: Ring) -> None:
    positions = " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in ring)
    sub(sub(sub(polygon, tag), "LinearRing"), "coordinates", positions)
