"""Checkers of files for other programs: each raises AssertionError where a file is not what the notice says."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import fastkml
import gpxpy
import shapely
from fastkml.validator import get_schema_parser
from feedsetup import WORDING, decreasing, tags, visible
from lxml import etree
from shapely.geometry import shape

from jobs.notify.feeds import Wording
from jobs.notify.feeds.atom import ATOM, GEORSS
from jobs.notify.feeds.cap import CAP
from jobs.notify.feeds.gpx import GPX
from jobs.notify.notice import Notice, Place


def in_order(element: Any, schema: str) -> None:
    """Children of an element against a sequence like `a b? c* d+`."""
    pattern = "".join(f"(?:{w.rstrip('?*+')} ){w[-1] if w[-1] in '?*+' else ''}" for w in schema.split())
    assert re.fullmatch(pattern, "".join(f"{tag} " for tag in tags(element))), (element.tag, tags(element))


def ring_of(text: str, between: str, *, latitude_first: bool) -> shapely.LinearRing:
    """Raises AssertionError for an open ring or one of fewer than four positions."""
    flat = [float(v) for v in text.replace(between, " ").split()]
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    assert len(pairs) >= 4 and pairs[0] == pairs[-1], text
    return shapely.LinearRing([(b, a) if latitude_first else (a, b) for a, b in pairs])


def check_rings(found: Sequence[Any], place: Place) -> None:
    """The exteriors of all parts, in their order."""
    wanted = [part.exterior for part in shapely.get_parts(place.geometry)]
    assert [list(r.coords) for r in found] == [list(r.coords) for r in wanted]


def check_atom(content: bytes, notices: Sequence[Notice], wording: Wording = WORDING) -> None:
    """RFC 4287 section 4.1.1 and 4.1.2, GeoRSS-Simple."""
    root, a, g = etree.fromstring(content), f"{{{ATOM}}}", f"{{{GEORSS}}}"
    assert root.tag == f"{a}feed"
    assert all(len(root.findall(a + tag)) == 1 for tag in ("id", "title", "updated", "author"))
    entries = root.findall(f"{a}entry")
    by_id = {f"urn:uuid:{n.alert.id}": n for n in notices}
    assert sorted(e.findtext(f"{a}id") for e in entries) == sorted(by_id)
    days = [by_id[e.findtext(f"{a}id")].alert.change_date for e in entries]
    assert decreasing(days)
    for entry in entries:
        notice = by_id[entry.findtext(f"{a}id")]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.findtext(f"{a}updated"))
        assert datetime.fromisoformat(entry.findtext(f"{a}updated")) == notice.known_at.replace(microsecond=0)
        assert entry.findtext(f"{a}title") == visible(wording.headline(notice))
        terms = {c.get("scheme"): c.get("term") for c in entry.findall(f"{a}category")}
        assert terms["urn:sachawatch:status"] == notice.alert.status
        assert terms["urn:sachawatch:change-type"] == notice.alert.change_type
        lat, lon = (float(v) for v in entry.findtext(f"{g}point").split())
        assert (lon, lat) == (notice.place.lon, notice.place.lat)
        rings = [ring_of(p.text, " ", latitude_first=True) for p in entry.findall(f"{g}polygon")]
        check_rings(rings, notice.place)


ALERT_SEQUENCE = """identifier sender sent status msgType source? scope restriction? addresses? code* note? references?
    incidents? info*"""
INFO_SEQUENCE = (
    "language? category+ event responseType* urgency severity certainty audience? eventCode* effective? onset? "
    "expires? senderName? headline? description? instruction? web? contact? parameter* resource* area*"
)
AREA_SEQUENCE = "areaDesc polygon* circle* geocode* altitude? ceiling?"
CAP_TIME = r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
"""The pattern of the schema: no fractions, no Z."""
CAP_WORDS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {"Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}  # fmt: skip
"""OASIS CAP 1.2, sections 3.2.1 and 3.2.2."""


def check_cap(content: bytes, notice: Notice) -> None:
    """Order, words, times and positions, as CAP 1.2 has them."""
    root, c = etree.fromstring(content), f"{{{CAP}}}"
    assert root.tag == f"{c}alert"
    in_order(root, ALERT_SEQUENCE)
    for element in root.iter():
        name = element.tag.rsplit("}", 1)[-1]
        assert name not in CAP_WORDS or element.text in CAP_WORDS[name], (name, element.text)
        if name in ("sent", "onset"):
            assert re.fullmatch(CAP_TIME, element.text), element.text
    for name in ("identifier", "sender"):
        assert re.fullmatch(r"[^\s,<&]+", root.findtext(c + name))
    assert (root.findtext(f"{c}scope") == "Restricted") == (root.find(f"{c}restriction") is not None)
    assert root.findtext(f"{c}certainty") != "Observed"
    for info in root.findall(f"{c}info"):
        in_order(info, INFO_SEQUENCE)
        for area in info.findall(f"{c}area"):
            in_order(area, AREA_SEQUENCE)
            rings = []
            for polygon in area.findall(f"{c}polygon"):
                assert re.fullmatch(r"(-?\d+\.\d+,-?\d+\.\d+ )+-?\d+\.\d+,-?\d+\.\d+", polygon.text), polygon.text
                rings.append(ring_of(polygon.text, ",", latitude_first=True))
            check_rings(rings, notice.place)


def check_kml(content: bytes, notices: Sequence[Notice]) -> None:
    """The schema of OGC, then what fastkml reads."""
    schema = get_schema_parser()
    assert schema.validate(etree.fromstring(content)), schema.error_log
    document: Any = fastkml.KML.from_string(content.decode().partition("?>")[2]).features[0]
    by_id = {f"alert-{n.alert.id}": n for n in notices}
    assert [mark.id for mark in document.features] == [
        f"alert-{n.alert.id}" for n in sorted(notices, key=lambda n: (-n.alert.change_date.toordinal(), n.alert.id))
    ]
    for mark in document.features:
        notice = by_id[mark.id]
        assert mark.name == notice.alert.short_code
        assert mark.snippet.text == visible(WORDING.headline(notice))
        assert mark.times.timestamp.dt == notice.alert.change_date
        assert mark.style_url.url == f"#{notice.alert.status}"
        assert shape(mark.geometry) == notice.place.geometry or [shape(mark.geometry)] == list(
            notice.place.geometry.geoms
        )


GPX_POINT = "ele? time? magvar? geoidheight? name? cmt? desc? src? link* sym? type?"
"""wptType of GPX 1.1, as far as sym and type."""


def check_gpx(content: bytes, notices: Sequence[Notice]) -> None:
    """The order of the schema, then what gpxpy reads."""
    root = etree.fromstring(content)
    in_order(root, "metadata? wpt* rte* trk* extensions?")
    in_order(root[0], "name? desc? author? copyright? link* time? keywords? bounds? extensions?")
    for point in root.iter(f"{{{GPX}}}wpt", f"{{{GPX}}}rtept"):
        in_order(point, GPX_POINT)
        assert list(point.attrib) == ["lat", "lon"]
    by_code = {n.alert.short_code: n for n in notices}
    points = gpxpy.parse(content.decode()).waypoints
    assert sorted(str(p.name) for p in points) == sorted(by_code)
    for point in points:
        notice = by_code[str(point.name)]
        assert (point.longitude, point.latitude) == (notice.place.lon, notice.place.lat)
        assert point.time == notice.known_at.replace(microsecond=0)
        assert point.comment == visible(WORDING.headline(notice))
        assert point.type == f"{notice.alert.status} {notice.alert.change_type}"


CHECKS: dict[str, Callable[[bytes, list[Notice]], None]] = {
    "atom": check_atom,
    "kml": check_kml,
    "gpx": check_gpx,
    "cap": lambda content, notices: check_cap(content, notices[0]),
}
