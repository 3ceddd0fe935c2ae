"""Every file that alerts are handed over as is read back by somebody else's reader, and by checkers that can fail."""

import io
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import fastkml
import feedparser
import gpxpy
import numpy as np
import pyogrio
import pytest
import shapely
from fastkml.validator import get_schema_parser
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from shapely.geometry import shape

from detection.alerts import NAMESPACE, Alert, short_code
from detection.codes import ALERT_COLOUR, Status
from detection.errors import BadInput
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.atom import ATOM, GEORSS, atom
from jobs.notify.feeds.cap import CAP, Earlier, area_words, cap, certainty, severity, urgency
from jobs.notify.feeds.gpx import GPX, SYMBOLS, gpx
from jobs.notify.feeds.kml import KML, colour, kml, kmz
from jobs.notify.feeds.markup import clean, line
from jobs.notify.feeds.places import coarse, polygons
from jobs.notify.feeds.told import ordered, sealed, told
from jobs.notify.notice import Nearby, Notice, Overlap, Place
from jobs.outputs.vectors import outline, to_lonlat
from jobs.outputs.vectors import place as point_of

LATTICE = "EPSG:32719@30m"
TOP, LEFT = -286_000, 16_000
"""A cell of the lattice in Madre de Dios."""
SHAPES: dict[str, list[tuple[int, int]]] = {
    "one": [(0, 0)],
    "hole": [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)],
    "two holes": [(r, c) for r in range(4) for c in range(4) if (r, c) not in ((1, 1), (2, 2))],
    "apart": [(0, 0), (0, 5), (4, 2)],
}
SETS_OF_CELLS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1)
FACTS = FeedFacts(
    title="Alertas de Madre de Dios",
    description="Cambios del bosque, los más recientes primero.",
    id="tag:example.org,2026:alerts",
    author="Jefatura de la Reserva",
    sender="alerts@example.org",
    updated=datetime(2026, 11, 21, 6, 12, 30, tzinfo=UTC),
    language="es-PE",
    link_base="https://example.org/a/",
    simulated=False,
    seal=b"a secret of the service",
)
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='http://x.example'>y</a>", "</name></Placemark>",
    "\"double\" 'single' `back`", "]]>", "<![CDATA[x]]>", "<!-- comment -- >", "--><b>", "<?xml version='1.0'?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;", "&amp; &lt; &#0; &#x1F4A9;", "a\nb\r\nc\rd", "tab\tvt\x0bff\x0c",
    "\u2028line\u2029para\x85nel", "nul\x00byte", "\x00\x00\x00", "\x1b[31mred\x1b[0m\x7f\x9b", "\ud800 half a pair \udfff",
    "\ufffe\uffff\ufdd0 no characters", "🌳🔥 Río 👩‍🌾 🇵🇪", "\u202egnp.exe\u202c", "\u2066a\u2069 \u2067x\u2069 \u2068y\u2069",
    "\u200f\u200e\u061cmarks", "Z\u0338\u034ea\u0337l\u0335go", "\ufeffBOM", "\u00a0no\u00a0break\u3000wide", "Ñ" * 10_240,
    "x, y; z & w < v > u", "$[name] $[description] ${x} {{7*7}} {0} %s %n", "javascript:alert(1)", "%0d%0aSet-Cookie: x=1",
    "=cmd|' /C calc'!A0", "'; DROP TABLE alerts; --", "\\u0041 \\x41 \\\\server\\share", "../../etc/passwd", "{\"json\": [true]}",
    "  spaces  around  ", "", " \t\n ", "null", "-69.5,-12.5 0,0",
]  # fmt: skip
"""Names of places that nobody should trust."""
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Bidi_Control of the Unicode Character Database (PropList.txt)."""


def named(notice: Notice) -> str:
    place = notice.place
    return " / ".join([one.name for one in place.overlaps] + [one.name for one in place.nearby])


WORDING = Wording(
    headline=lambda notice: f"{notice.alert.status.upper()}: {named(notice)} [{notice.alert.short_code}]",
    body=lambda notice: f"Estado: {notice.alert.status}\n{named(notice)}\nFin",
    event="Cambio del bosque",
    cancelled="ANULADA",
)
TELLTALE = Wording(lambda n: f"{n.place!r} {n.alert.cells.tolist()}", lambda n: f"{n!r} {n.place.geometry.wkt}")
"""Says all it is handed."""


def made(cells: Any = ((0, 0), (0, 1)), **changes: Any) -> Alert:
    absolute = np.add(sorted(cells), (TOP, LEFT)).astype(np.int32)
    alert = Alert(
        id="0b5e1b6e-0000-5000-8000-000000000001",
        short_code="K7Q4M2-X",
        revision=2,
        collection="madre-de-dios",
        lattice=LATTICE,
        status="confirmed",
        status_code=int(Status.CONFIRMED_HIGH),
        change_date=date(2026, 5, 1),
        last_clear_before=date(2026, 4, 23),
        first_detected=date(2026, 5, 9),
        confirmed_on=date(2026, 5, 25),
        finished_on=None,
        last_detected=date(2026, 5, 25),
        observed_at=1_779_720_000,
        cells=absolute,
        confirmed_cells=np.ones(len(absolute), np.bool_),
        area_ha=3.2178,
        confirmed_ha=2.1,
        area_ha_new=0.0,
        mmu_ha=0.5,
        magnitude=-0.41,
        magnitude_max=-0.6,
        magnitude_sigma=-8.2,
        magnitude_metric="nbr",
        count=4,
        confidence="high",
        change_type="tree_cover_loss",
        driver="mining",
        probability=0.93,
        model="demo@1",
        baseline="own history",
        simulated=False,
    )
    return replace(alert, **changes)


def inside(name: str, kind: str = "protected-area", **changes: Any) -> Overlap:
    return replace(Overlap("layer", "2026", kind, "RN06", name, "RN", "within", 3.2, 1.0, 0.0), **changes)


def notice_of(cells: Any = ((0, 0), (0, 1)), name: str = "Tambopata", kind: Any = "alert", **changes: Any) -> Notice:
    alert = made(cells, **changes)
    where = point_of(alert.cells, LATTICE)
    assert where is not None
    geometry = to_lonlat(outline(alert.cells, LATTICE), "EPSG:32719")
    utm = f"{where.zone} {where.easting:.0f} {where.northing:.0f}"
    place = Place(geometry, where.lon, where.lat, utm, (inside(name),), (Nearby(name, 4_200.0, "NE"),))
    return Notice(alert, kind, place, datetime(2026, 5, 26, 6, 12, 7, 890, tzinfo=UTC), ("landsat-9",))


def several() -> list[Notice]:
    """Of awkward shapes, one of each status, two of one day."""
    dates = [
        date(2026, 5, 1),
        date(2026, 6, 1),
        date(2026, 6, 1),
        date(2025, 12, 31),
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
    ]
    return [
        notice_of(
            list(SHAPES.values())[i % 4],
            status=status,
            change_date=day,
            id=str(uuid.UUID(int=i + 7)),
            short_code=f"C{i}-X",
        )
        for i, (status, day) in enumerate(zip(ALERT_COLOUR, dates, strict=True))
    ]


def cap_all(notices: Sequence[Notice], facts: FeedFacts, wording: Wording, *, public: bool = False) -> bytes:
    """Messages one after another, in the order of the alerts' ids."""
    return b"".join(
        cap(n, facts, {facts.language: wording}, public=public) for n in sorted(notices, key=lambda n: n.alert.id)
    )


WRITERS: dict[str, Callable[..., bytes]] = {"atom": atom, "kml": kml, "kmz": kmz, "gpx": gpx, "cap": cap_all}
SINGLE = {**WRITERS, "kmz": lambda *a, **k: zipfile.ZipFile(io.BytesIO(kmz(*a, **k))).read("doc.kml")}
"""The same as XML, of one notice."""


def tags(element: Any) -> list[str]:
    return [child.tag.rsplit("}", 1)[-1] for child in element]


def skeleton(content: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and the names of their attributes, in order: what a text must not change."""
    return [(e.tag, tuple(e.attrib)) for e in etree.fromstring(content).iter()]


def visible(text: str) -> str:
    """What is left of a text, told by the Unicode database: an oracle of its own for `line`."""
    ends = "\t\n\r\x0b\x0c\x85"
    kept = [
        c for c in text if c in ends or not (unicodedata.category(c) in ("Cc", "Cs") or c in BIDI or no_character(c))
    ]
    return " ".join("".join(kept).split())


def no_character(c: str) -> bool:
    """One that XML 1.0 (section 2.2) forbids or advises against, of the first plane."""
    return ord(c) in (0xFFFE, 0xFFFF) or 0xFDD0 <= ord(c) <= 0xFDEF


def decreasing(values: Sequence[Any]) -> bool:
    return all(a >= b for a, b in zip(values, values[1:], strict=False))


# ---- checkers: each raises AssertionError where a file is not what the notice says


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


# ---- all formats alike


@pytest.mark.parametrize("name", ["atom", "kml", "gpx"])
def test_a_file_reads_back_as_what_was_written(name: str) -> None:
    CHECKS[name](WRITERS[name](several(), FACTS, WORDING), several())


@settings(max_examples=40, deadline=None)
@given(SETS_OF_CELLS)
def test_any_outline_comes_back_from_every_format(cells: set[tuple[int, int]]) -> None:
    notice = notice_of(cells)
    for name, check in CHECKS.items():
        check(WRITERS[name]([notice], FACTS, WORDING), [notice])


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(7)))
def test_the_order_of_the_notices_changes_no_byte(order: list[int]) -> None:
    notices = several()
    for write in WRITERS.values():
        assert write([notices[i] for i in order], FACTS, WORDING) == write(notices, FACTS, WORDING)


def test_the_latest_change_comes_first_then_the_smaller_id() -> None:
    shown = ordered(several(), FACTS, public=False)
    assert [n.alert.short_code for n in shown] == ["C1-X", "C2-X", "C0-X", "C6-X", "C5-X", "C4-X", "C3-X"]


@pytest.mark.parametrize("name", ["atom", "kml", "kmz", "gpx"])
def test_an_alert_that_comes_twice_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="more than once"):
        WRITERS[name]([notice_of(), notice_of(revision=3)], FACTS, WORDING)


@pytest.mark.parametrize("name", ["atom", "kml", "gpx"])
def test_without_alerts_a_file_is_valid(name: str) -> None:
    CHECKS[name](WRITERS[name]([], FACTS, WORDING), [])


@pytest.mark.parametrize("name", SINGLE)
def test_a_file_is_utf_8_and_says_so(name: str) -> None:
    content = SINGLE[name]([notice_of(name="Ñahuí 🌳")], FACTS, WORDING)
    assert content.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n")
    assert "Ñahuí 🌳".encode() in content


@pytest.mark.parametrize("name", SINGLE)
def test_what_is_simulated_says_so_in_every_file(name: str) -> None:
    marks = {
        "atom": '<category term="simulated" />\n  <link',
        "kml": '<Data name="simulated">\n     <value>true</value>',
        "kmz": '<Data name="simulated">\n     <value>true</value>',
        "gpx": "<src>Sachawatch, simulated</src>",
        "cap": "<status>Exercise</status>",
    }
    for facts, alert in ((replace(FACTS, simulated=True), {}), (FACTS, {"simulated": True})):
        assert marks[name] in SINGLE[name]([notice_of(**alert)], facts, WORDING).decode()
    assert marks[name] not in SINGLE[name]([notice_of()], FACTS, WORDING).decode()


def test_a_simulated_file_without_alerts_says_so_too() -> None:
    simulated = replace(FACTS, simulated=True)
    assert [t.term for t in feedparser.parse(atom([], simulated, WORDING)).feed.tags] == ["simulated"]
    assert gpxpy.parse(gpx([], simulated, WORDING).decode()).keywords == "simulated"


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("hostile", HOSTILE, ids=[f"{i}" for i in range(len(HOSTILE))])
def test_a_hostile_name_comes_back_as_plain_text_and_breaks_nothing(name: str, hostile: str) -> None:
    notice = notice_of(name=hostile)
    content = SINGLE[name]([notice], FACTS, WORDING)
    assert skeleton(content) == skeleton(SINGLE[name]([notice_of()], FACTS, WORDING))
    CHECKS["kml" if name == "kmz" else name](content, [notice])
    texts = [e.text or "" for e in etree.fromstring(content).iter()]
    assert visible(WORDING.headline(notice)) in texts
    assert not any(c in text for text in texts for c in BIDI + "\r\x85\u2028")


def test_there_are_enough_hostile_names() -> None:
    assert len(set(HOSTILE)) >= 30


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_made_harmless_and_once_is_enough(text: str) -> None:
    assert line(text) == visible(text)
    assert line(line(text)) == line(text) and clean(clean(text)) == clean(text)
    root = Xml.Element("a")
    root.text = clean(text)
    assert etree.fromstring(Xml.tostring(root, "UTF-8")).text == (clean(text) or None)


def test_lines_of_a_body_stay_lines() -> None:
    assert clean(" a\r\nb\rc\u2028d\x85e\n\nf \n") == "a\nb\nc\nd\ne\n\nf"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "alerts", "no URI"),
        ("id", "urn:a b", "no URI"),
        ("id", "urn:a\x00", "no URI"),
        ("link_base", "javascript:alert(1)//", "no http address"),
        ("link_base", "https://example.org/ä", "no http address"),
        ("language", "Español", "no BCP 47 tag"),
        ("language", "es_PE", "no BCP 47 tag"),
        ("sender", "a,b", "holds a space, comma"),
        ("sender", "a b@example.org", "holds a space, comma"),
        ("sender", "a<b", "holds a space, comma"),
        ("sender", "", "holds a space, comma"),
        ("updated", datetime(2026, 1, 1), "no time zone"),
    ],
)
def test_facts_that_would_break_a_file_are_refused_in_one_line(field: str, value: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        replace(FACTS, **{field: value})
    assert "\n" not in str(refused.value)


def test_a_time_without_a_zone_is_refused() -> None:
    notice = replace(notice_of(), known_at=datetime(2026, 1, 1))
    for name in ("atom", "gpx", "cap"):
        with pytest.raises(BadInput, match="no time zone"):
            WRITERS[name]([notice], FACTS, WORDING)


def test_a_time_of_another_zone_is_told_in_utc() -> None:
    lima = timezone(timedelta(hours=-5))
    notice = replace(notice_of(), known_at=datetime(2026, 5, 25, 23, 30, tzinfo=lima))
    assert b"<updated>2026-05-26T04:30:00Z</updated>" in atom([notice], FACTS, WORDING)
    assert b"<sent>2026-05-26T04:30:00-00:00</sent>" in cap(notice, FACTS, {"es-PE": WORDING})


@pytest.mark.parametrize("geometry", [shapely.Polygon(), shapely.Point(-69, -12), shapely.LineString([(0, 0), (1, 1)])])
@pytest.mark.parametrize("name", ["atom", "kml", "cap"])
def test_a_place_without_polygons_is_refused(name: str, geometry: Any) -> None:
    notice = notice_of()
    with pytest.raises(BadInput, match="give polygons"):
        WRITERS[name]([replace(notice, place=replace(notice.place, geometry=geometry))], FACTS, WORDING)


def test_a_file_without_pages_has_no_links() -> None:
    for name, write in SINGLE.items():
        assert b"https://example.org" not in write([notice_of()], replace(FACTS, link_base=None), WORDING), name
        assert b"https://example.org/a/0b5e1b6e" in write([notice_of()], FACTS, WORDING), name


# ---- what the public is told


def test_the_coarse_place_is_a_box_of_a_fixed_grid_and_nothing_else() -> None:
    box = coarse(
        Place(shapely.box(0, 0, 1, 1), -69.47730, -12.98214, "19S 1 2", (inside("x"),), (Nearby("y", 1, "N"),))
    )
    assert box.geometry.bounds == (-69.5, -13.0, -69.45, -12.95)
    assert (box.lon, box.lat, box.utm, box.overlaps, box.nearby) == (-69.475, -12.975, "", (), ())


@pytest.mark.parametrize(
    ("lon", "west"),
    [(-69.45, -69.45), (-69.450001, -69.5), (0.0, 0.0), (-0.000001, -0.05), (0.15, 0.15), (180.0, 179.95)],
)
def test_an_edge_of_the_grid_is_in_one_box_only(lon: float, west: float) -> None:
    assert coarse(Place(shapely.Polygon(), lon, 0.0, "")).geometry.bounds[0] == west


@settings(max_examples=50, deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_the_coarse_box_holds_the_point_and_is_the_same_for_itself(lon: float, lat: float) -> None:
    box = coarse(Place(shapely.Polygon(), lon, lat, ""))
    west, south, east, north = box.geometry.bounds
    assert west - 1e-6 <= lon <= east + 1e-6 and south - 1e-6 <= lat <= north + 1e-6
    assert (round(east - west, 6), round(north - south, 6)) == (0.05, 0.05)
    assert all(abs(v / 0.05 - round(v / 0.05)) < 1e-6 for v in box.geometry.bounds)
    assert coarse(box) == box and box.geometry.exterior.is_ccw


POINTS = st.tuples(st.floats(-69.4999, -69.4501), st.floats(-12.9999, -12.9501))


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=15, deadline=None)
@given(POINTS, SETS_OF_CELLS, st.sampled_from(HOSTILE[:8]))
def test_a_public_file_depends_on_the_box_alone(
    name: str, point: tuple[float, float], cells: set[tuple[int, int]], hostile: str
) -> None:
    def at(lon: float, lat: float, cells: Any, text: str) -> Notice:
        notice = notice_of(cells, text)
        square = shapely.box(lon, lat, lon + 0.0003, lat + 0.0003)
        return replace(notice, place=replace(notice.place, lon=lon, lat=lat, geometry=square, utm=f"19S {lon} {lat}"))

    one, other = at(-69.477, -12.98, [(0, 0)], "Tambopata"), at(*point, cells, hostile)
    write = WRITERS[name]
    assert write([one], FACTS, TELLTALE, public=True) == write([other], FACTS, TELLTALE, public=True)
    assert write([one], FACTS, TELLTALE) != write([other], FACTS, TELLTALE)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("seal", [b"", b"short"])
def test_a_public_file_without_a_secret_is_refused(name: str, seal: bytes) -> None:
    with pytest.raises(BadInput, match="give a secret of 16 or more"):
        WRITERS[name]([notice_of()], replace(FACTS, seal=seal), WORDING, public=True)
    WRITERS[name]([notice_of()], replace(FACTS, seal=seal), WORDING)


def test_an_id_gives_its_cell_away_and_the_sealed_one_does_not() -> None:
    def minted(row: int, column: int) -> str:
        return str(uuid.uuid5(NAMESPACE, f"madre-de-dios|{LATTICE}|{row},{column}|2026-05-01"))

    ident = minted(TOP + 31, LEFT + 17)
    guesses = {minted(TOP + r, LEFT + c): (r, c) for r in range(40) for c in range(40)}
    codes = {short_code(guess) for guess in guesses}
    notice = notice_of(
        id=ident, short_code=short_code(ident), previous_id=minted(TOP, LEFT), merged_into=minted(TOP, LEFT + 1)
    )
    for name, write in SINGLE.items():
        open_, public = (write([notice], FACTS, TELLTALE, public=p).decode() for p in (False, True))
        assert guesses[next(g for g in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", open_) if g in guesses)] in (
            (31, 17),
            (0, 0),
            (0, 1),
        )
        assert not guesses.keys() & set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", public)), name
        assert not codes & set(re.findall(r"\b[0-9A-Z]{6}-[0-9A-Z]\b", public)), name


def test_a_sealed_id_is_a_uuid_that_depends_on_the_secret() -> None:
    ident = made().id
    assert uuid.UUID(sealed(ident, b"one")).variant == uuid.RFC_4122
    assert sealed(ident, b"one") == sealed(ident, b"one") != sealed(ident, b"two")
    public = told(notice_of(), FACTS, public=True).alert
    assert public.short_code == short_code(public.id) and len(public.cells) == 0


def test_public_areas_are_tenths_that_do_not_tell_the_easting() -> None:
    for field in ("area_ha", "confirmed_ha", "area_ha_new"):
        notices = [notice_of(**{field: a}) for a in (3.2178, 3.2213, 0.04, 0.0)]
        assert [getattr(told(n, FACTS, public=True).alert, field) for n in notices] == [3.2, 3.2, 0.1, 0.0]


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(FACTS)


# ---- Atom


def test_feedparser_and_gdal_read_the_feed(tmp_path: Path) -> None:
    content = atom(several(), replace(FACTS, simulated=True), WORDING)
    feed = feedparser.parse(content)
    assert not feed.bozo and feed.version == "atom10"
    assert feed.feed.title_detail.language == FACTS.language
    assert (feed.feed.title, feed.feed.author, feed.feed.id) == (FACTS.title, FACTS.author, FACTS.id)
    assert feed.feed.updated == "2026-11-21T06:12:30Z"
    wanted = ordered(several(), FACTS, public=False)
    assert [e.title for e in feed.entries] == [WORDING.headline(n) for n in wanted]
    assert [e.content[0].value for e in feed.entries] == [WORDING.body(n) for n in wanted]
    assert [e.link for e in feed.entries] == [f"https://example.org/a/{n.alert.id}" for n in wanted]
    assert [[t.term for t in e.tags][:2] for e in feed.entries] == [
        [n.alert.status, n.alert.change_type] for n in wanted
    ]
    (tmp_path / "a.atom").write_bytes(atom([notice_of(SHAPES["one"])], FACTS, WORDING))
    frame = pyogrio.read_dataframe(tmp_path / "a.atom")
    assert [frame.geometry[0]] == list(notice_of(SHAPES["one"]).place.geometry.geoms)


def test_the_withdrawn_stay_in_the_feed_and_say_so() -> None:
    titles = [e.title for e in feedparser.parse(atom(several(), FACTS, WORDING)).entries]
    assert {t.split(":")[0] for t in titles} == {status.upper() for status in ALERT_COLOUR}


# ---- CAP


def test_a_message_says_who_what_and_since_when() -> None:
    notice = notice_of(SHAPES["apart"], kind="update", revision=3)
    sent = [
        Earlier(2, datetime(2026, 5, 20, 1, 2, 3, tzinfo=UTC)),
        Earlier(1, datetime(2026, 5, 10, tzinfo=UTC), "old@x.org"),
    ]
    content = cap(notice, FACTS, {"es-PE": WORDING, "en": WORDING, "agr": WORDING}, sent)
    check_cap(content, notice)
    root, c = etree.fromstring(content), f"{{{CAP}}}"
    found = {tag: root.findtext(c + tag) for tag in ("identifier", "sender", "sent", "status", "msgType", "scope")}
    assert found == {
        "identifier": "0b5e1b6e-0000-5000-8000-000000000001.3",
        "sender": "alerts@example.org",
        "sent": "2026-05-26T06:12:07-00:00",
        "status": "Actual",
        "msgType": "Update",
        "scope": "Restricted",
    }
    assert root.findtext(f"{c}restriction") == FACTS.restriction
    assert root.findtext(f"{c}references") == (
        "old@x.org,0b5e1b6e-0000-5000-8000-000000000001.1,2026-05-10T00:00:00-00:00 "
        "alerts@example.org,0b5e1b6e-0000-5000-8000-000000000001.2,2026-05-20T01:02:03-00:00"
    )
    infos = root.findall(f"{c}info")
    assert [i.findtext(f"{c}language") for i in infos] == ["es-PE", "agr", "en"]
    assert {i.findtext(f"{c}category") for i in infos} == {"Env"}
    parameters = {p.findtext(f"{c}valueName"): p.findtext(f"{c}value") for p in infos[0].findall(f"{c}parameter")}
    assert parameters["area_ha"] == "3.2178" and parameters["change_date"] == "2026-05-01"
    assert parameters["simulated"] == "false" and "finished_on" not in parameters
    assert infos[0].findtext(f"{c}onset") == "2026-05-01T12:00:00-00:00"
    assert infos[0].findtext(f"{c}area/{c}areaDesc") == f"Tambopata; Tambopata; {notice.place.utm}"


def test_what_is_not_known_is_no_parameter() -> None:
    text = cap(notice_of(probability=None, driver=None), FACTS, {"es-PE": WORDING}).decode()
    assert "<valueName>probability" not in text and "<valueName>driver" not in text and "None" not in text
    assert "<valueName>probability" in cap(notice_of(), FACTS, {"es-PE": WORDING}).decode()


def test_the_order_of_languages_and_references_changes_no_byte() -> None:
    notice = notice_of(kind="cancel", status="retracted", revision=3)
    sent = [Earlier(2, datetime(2026, 5, 20, tzinfo=UTC)), Earlier(1, datetime(2026, 5, 10, tzinfo=UTC))]
    one = cap(notice, FACTS, {"es-PE": WORDING, "en": WORDING}, sent)
    assert one == cap(notice, FACTS, {"en": WORDING, "es-PE": WORDING}, [*sent[::-1], sent[0]])
    assert b"<msgType>Cancel</msgType>" in one


@pytest.mark.parametrize(
    ("changes", "wordings", "references", "said"),
    [
        ({"kind": "update"}, {"es-PE": WORDING}, [], "give the messages sent before it"),
        ({"kind": "cancel"}, {"es-PE": WORDING}, [], "give the messages sent before it"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(2, datetime(2026, 5, 1, tzinfo=UTC))], "give earlier ones"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 1, tzinfo=UTC), "a,b")], "mend it"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 1))], "no time zone"),
        ({}, {"en": WORDING}, [], "no wording in 'es-PE'"),
        ({}, {}, [], "no wording in 'es-PE'"),
        ({}, {"es-PE": WORDING, "<b>": WORDING}, [], "no BCP 47 tag"),
    ],
)
def test_a_message_that_would_break_the_protocol_is_refused(
    changes: Any, wordings: Any, references: Any, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        cap(notice_of(**changes), FACTS, wordings, references)
    assert "\n" not in str(refused.value)


def test_a_public_message_tells_the_box_and_refers_by_the_sealed_id() -> None:
    notice = notice_of(kind="update")
    content = cap(notice, FACTS, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 10, tzinfo=UTC))], public=True)
    shown = told(notice, FACTS, public=True)
    check_cap(content, shown)
    text = content.decode()
    assert "<scope>Public</scope>" in text and "<restriction>" not in text
    assert f"{shown.alert.id}.1,2026-05-10" in text and notice.alert.id not in text
    west, south, east, north = coarse(notice.place).geometry.bounds
    assert f"<areaDesc>{south:.2f}..{north:.2f}, {west:.2f}..{east:.2f}</areaDesc>" in text


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": "provisional", "confirmed_on": None}, ("Future", "Moderate", "Possible")),
        ({}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 9.99}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 10.0}, ("Future", "Severe", "Likely")),
        ({"area_ha": 1.0}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 0.99}, ("Future", "Minor", "Likely")),
        ({"change_type": "other", "area_ha": 50.0}, ("Future", "Minor", "Likely")),
        ({"status": "finished"}, ("Past", "Moderate", "Likely")),
        ({"status": "merged"}, ("Past", "Moderate", "Likely")),
        ({"status": "merged", "confirmed_on": None}, ("Past", "Moderate", "Possible")),
        ({"status": "expired", "confirmed_on": None}, ("Past", "Moderate", "Unlikely")),
        ({"status": "retracted"}, ("Past", "Moderate", "Unlikely")),
    ],
)
def test_the_three_words_of_a_message_follow_their_rules(changes: Any, wanted: tuple[str, str, str]) -> None:
    alert = made(**changes)
    assert (urgency(alert), severity(alert), certainty(alert)) == wanted
    text = cap(notice_of(**changes), FACTS, {"es-PE": WORDING}).decode()
    for tag, word in zip(("urgency", "severity", "certainty"), wanted, strict=True):
        assert f"<{tag}>{word}</{tag}>" in text


def test_where_an_alert_lies_leaves_out_what_is_only_near_and_what_is_too_much() -> None:
    names = [inside(n) for n in "abcd"] + [inside("far", relation="near")] + [inside("", feature="RN07")]
    place = replace(notice_of().place, overlaps=tuple(names[3:]), nearby=(), utm="19S 1 2")
    assert area_words(place) == "d; RN07; 19S 1 2"
    assert area_words(replace(place, overlaps=tuple(names))) == "a; b; c; 19S 1 2"
    near = tuple(Nearby(n, 1.0, "N") for n in "pqrs")
    assert area_words(replace(place, overlaps=(), nearby=near)) == "p; q; r; 19S 1 2"


# ---- KML


def table_of(mark: Any) -> dict[str, str]:
    return {data.name: data.value for data in mark.extended_data.elements}


def test_a_placemark_carries_its_facts() -> None:
    notice = notice_of(probability=None, driver=None, simulated=True)
    document: Any = fastkml.KML.from_string(kml([notice], FACTS, WORDING).decode().partition("?>")[2]).features[0]
    assert document.name == FACTS.title
    assert table_of(document.features[0]) == {
        "alert_id": notice.alert.id,
        "revision": "2",
        "short_code": "K7Q4M2-X",
        "status": "confirmed",
        "confidence": "high",
        "change_type": "tree_cover_loss",
        "area_ha": "3.2178",
        "confirmed_ha": "2.1",
        "model": "demo@1",
        "last_clear_before": "2026-04-23",
        "change_date": "2026-05-01",
        "first_detected": "2026-05-09",
        "confirmed_on": "2026-05-25",
        "simulated": "true",
    }
    whole: Any = fastkml.KML.from_string(kml([notice_of()], FACTS, WORDING).decode().partition("?>")[2]).features[0]
    assert {"probability": "0.93", "driver": "mining"}.items() <= table_of(whole.features[0]).items()


def test_every_status_has_its_colour_in_the_order_of_kml() -> None:
    assert colour("confirmed", 255) == "ff005ed5"  # #d55e00, vermillion of Okabe and Ito
    root = etree.fromstring(kml([], FACTS, WORDING))
    styles = {s.get("id"): s for s in root.iter(f"{{{KML}}}Style")}
    assert set(styles) == set(ALERT_COLOUR)
    for status, style in styles.items():
        line_colour, fill = (e.text for e in style.iter(f"{{{KML}}}color"))
        assert line_colour[:2] == "ff" and fill == f"8c{line_colour[2:]}"
        assert f"#{line_colour[6:8]}{line_colour[4:6]}{line_colour[2:4]}" == ALERT_COLOUR[status]


def test_gdal_reads_holes_names_and_dates(tmp_path: Path) -> None:
    (tmp_path / "a.kml").write_bytes(kml(several(), FACTS, WORDING))
    frame = pyogrio.read_dataframe(tmp_path / "a.kml").set_index("Name")
    for notice in several():
        row = frame.loc[notice.alert.short_code]
        assert shapely.MultiPolygon(shapely.get_parts(row.geometry).tolist()) == notice.place.geometry
        assert row.timestamp.date() == notice.alert.change_date
        assert (row["change_type"], float(row["area_ha"])) == ("tree_cover_loss", 3.2178)


class Balloon(HTMLParser):
    """What a viewer shows of a description."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.lines = [""]
        self.images: list[str | None] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.images += [value for key, value in attrs if tag == "img" and key == "src"]
        assert not any(key.startswith("on") for key, _ in attrs)
        if tag in ("p", "br"):
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        self.lines[-1] += data


@pytest.mark.parametrize("hostile", HOSTILE, ids=[f"{i}" for i in range(len(HOSTILE))])
def test_a_hostile_name_stays_text_in_the_balloon_too(hostile: str) -> None:
    notice = notice_of(name=hostile)
    root = etree.fromstring(kml([notice], FACTS, WORDING))
    balloon = Balloon(root.findtext(f".//{{{KML}}}Placemark/{{{KML}}}description"))
    assert balloon.elements == {"p", "br", "a"}
    shown = [visible(text) for text in balloon.lines if visible(text)]
    assert shown[0] == visible(WORDING.headline(notice))
    assert " ".join(shown[1:-1]) == visible(WORDING.body(notice))
    assert shown[-1] == f"https://example.org/a/{notice.alert.id}"


PNG, JPEG = b"\x89PNG\r\n\x1a\n chip", b"\xff\xd8\xff chip"


def test_chips_lie_in_the_kmz_and_show_in_the_balloon(tmp_path: Path) -> None:
    one, two, *_ = several()
    packed = kmz(several(), FACTS, WORDING, chips={two.alert.id: JPEG, one.alert.id: PNG})
    assert packed == kmz(several()[::-1], FACTS, WORDING, chips={one.alert.id: PNG, two.alert.id: JPEG})
    archive = zipfile.ZipFile(io.BytesIO(packed))
    assert archive.testzip() is None
    assert archive.namelist() == ["doc.kml", f"files/{one.alert.id}.png", f"files/{two.alert.id}.jpg"]
    assert archive.read(f"files/{one.alert.id}.png") == PNG
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    content = archive.read("doc.kml")
    check_kml(content, several())
    shown = {
        mark.get("id"): Balloon(mark.findtext(f"{{{KML}}}description")).images
        for mark in etree.fromstring(content).iter(f"{{{KML}}}Placemark")
    }
    assert [i for images in shown.values() for i in images] == sorted(archive.namelist()[1:], reverse=True)
    assert shown[f"alert-{one.alert.id}"] == [f"files/{one.alert.id}.png"]
    (tmp_path / "a.kmz").write_bytes(packed)
    assert len(pyogrio.read_dataframe(tmp_path / "a.kmz")) == 7


def test_a_kmz_without_chips_holds_the_kml_alone() -> None:
    archive = zipfile.ZipFile(io.BytesIO(kmz(several(), FACTS, WORDING)))
    assert archive.namelist() == ["doc.kml"] and archive.read("doc.kml") == kml(several(), FACTS, WORDING)


def test_chips_that_are_none_or_belong_to_nobody_or_would_be_public_are_refused() -> None:
    ident = notice_of().alert.id
    for chips, public, said in (
        ({ident: b"GIF89a"}, False, "neither PNG nor JPEG"),
        ({"somebody": PNG}, False, "belongs to no alert"),
        ({ident: PNG}, True, "which show the place"),
    ):
        with pytest.raises(BadInput, match=said):
            kmz([notice_of()], FACTS, WORDING, chips=chips, public=public)


# ---- GPX


def test_gdal_reads_the_waypoints(tmp_path: Path) -> None:
    (tmp_path / "a.gpx").write_bytes(gpx(several(), FACTS, WORDING))
    frame = pyogrio.read_dataframe(tmp_path / "a.gpx", layer="waypoints").set_index("name")
    for notice in several():
        row = frame.loc[notice.alert.short_code]
        assert (row.geometry.x, row.geometry.y) == (notice.place.lon, notice.place.lat)
        assert row["time"].to_pydatetime() == notice.known_at.replace(microsecond=0)
        assert (row["desc"], row["sym"]) == (WORDING.body(notice), SYMBOLS.get(notice.alert.status, "Circle with X"))


def test_a_route_goes_through_the_alerts_in_the_order_asked() -> None:
    ids = [several()[i].alert.id for i in (4, 0, 4)]
    content = gpx(several(), FACTS, WORDING, route=ids)
    check_gpx(content, several())
    (route,) = gpxpy.parse(content.decode()).routes
    assert (route.name, [p.name for p in route.points]) == (FACTS.title, ["C4-X", "C0-X", "C4-X"])
    assert [(p.longitude, p.latitude) for p in route.points] == [
        (several()[i].place.lon, several()[i].place.lat) for i in (4, 0, 4)
    ]


def test_a_route_to_a_stranger_or_in_public_and_a_code_no_unit_takes_are_refused() -> None:
    with pytest.raises(BadInput, match="no alert of the file"):
        gpx([notice_of()], FACTS, WORDING, route=["somebody"])
    with pytest.raises(BadInput, match="where the patrol goes"):
        gpx([notice_of()], FACTS, WORDING, route=[notice_of().alert.id], public=True)
    for code in ("K7Q4M2-X-LONG", "Ñ7Q4M2-X", "K7\nM2-X"):
        with pytest.raises(BadInput, match="GPS units take names of 10 ASCII characters"):
            gpx([notice_of(short_code=code)], FACTS, WORDING)


# ---- the checkers can fail


def test_the_checkers_find_what_a_writer_may_do_wrong() -> None:
    notice = notice_of(SHAPES["hole"])
    first = polygons(notice.place)[0][0]
    lon, lat = f"{first[0][0]:.6f}", f"{first[0][1]:.6f}"
    point = f"{notice.place.lat:.6f}", f"{notice.place.lon:.6f}"
    wrong: dict[str, list[tuple[str, str]]] = {
        "atom": [
            (f"{lat} {lon}</georss", "</georss"),  # not closed
            (f"<georss:polygon>{lat} {lon}", f"<georss:polygon>{lon} {lat}"),
            (f"<georss:point>{point[0]} {point[1]}", f"<georss:point>{point[1]} {point[0]}"),
            ("05-26T06:12:07Z", "05-26T06:12:07"),
            ('term="confirmed"', 'term="provisional"'),
            ("<title>CONF", "<title>PROV"),
        ],
        "cap": [
            (f" {lat},{lon}</polygon", "</polygon"),
            (f"{lat},{lon}", f"{lon},{lat}"),
            (f"{lat},{lon} ", f"{lat} {lon} "),
            ("07-00:00", "07Z"),
            (
                "<category>Env</category>\n  <event>Cambio del bosque</event>",
                "<event>x</event><category>Env</category>",
            ),
            ("<status>Actual</status>", "<status>Real</status>"),
            ("<sender>alerts@", "<sender>the alerts@"),
            ("<scope>Restricted", "<scope>Public"),
            ("<certainty>Likely</certainty>", ""),
        ],
        "kml": [
            (f"{lon},{lat}", f"{lat},{lon}"),
            ("<styleUrl>#confirmed</styleUrl>", "<styleUrl>#finished</styleUrl>"),
            ("innerBoundaryIs", "outerBoundaryIs"),
            ("<name>K7", "<name>K8"),
            ("<when>2026-05-01", "<when>2026-05-02"),
            ('id="alert-', 'id="'),  # an XML id that begins with a digit
        ],
        "gpx": [
            (f'lat="{point[0]}" lon="{point[1]}"', f'lat="{point[1]}" lon="{point[0]}"'),
            (f'lat="{point[0]}" lon="{point[1]}"', f'lon="{point[1]}" lat="{point[0]}"'),
            ("<name>K7Q4M2-X</name>", ""),
            ("26T06:12:07Z</time>", "26T06:12:08Z</time>"),
            ("<type>", "<sym>x</sym><type>"),
        ],
    }
    for name, changes in wrong.items():
        right = WRITERS[name]([notice], FACTS, WORDING).decode()
        CHECKS[name](right.encode(), [notice])
        for old, new in changes:
            assert old in right, (name, old)
            with pytest.raises((AssertionError, KeyError, ValueError)):
                CHECKS[name](right.replace(old, new).encode(), [notice])
