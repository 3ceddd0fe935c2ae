"""KML and KMZ, as fastkml, GDAL and a reader of HTML see them."""

import io
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fastkml
import pyogrio
import pytest
import shapely
from feedchecks import (
    check_kml,
)
from feedsetup import (
    FACTS,
    HOSTILE,
    JPEG,
    PNG,
    WORDING,
    notice_of,
    several,
    visible,
)
from lxml import etree

from detection.codes import ALERT_COLOUR
from detection.errors import BadInput
from jobs.notify.feeds.kml import KML, colour, kml, kmz


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
