"""Every file that alerts are handed over as is read back by checkers that can fail: what all formats have alike."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as Xml

import feedparser
import gpxpy
import pytest
import shapely
from feedchecks import CHECKS
from feedsetup import (
    BIDI,
    FACTS,
    HOSTILE,
    SETS_OF_CELLS,
    SHAPES,
    SINGLE,
    WORDING,
    WRITERS,
    notice_of,
    several,
    skeleton,
    visible,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from detection.errors import BadInput
from jobs.notify.feeds.atom import atom
from jobs.notify.feeds.cap import cap
from jobs.notify.feeds.gpx import gpx
from jobs.notify.feeds.markup import clean, line
from jobs.notify.feeds.places import polygons
from jobs.notify.feeds.told import ordered


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
