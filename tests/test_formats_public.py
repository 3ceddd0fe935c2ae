"""Who may see what, format by format: the bytes of every file are searched for what the reader must not know."""

import json
import re
import struct
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from feedsetup import SHAPES, inside, notice_of
from formatsetup import ALL, FEED, SEAL, dump, files_in, numbers, tell, telling_notice
from shapely.geometry import shape
from test_formats import only

from detection.alerts import short_code
from jobs.notify.channels.formats import Format
from jobs.notify.feeds.places import coarse
from jobs.notify.feeds.told import sealed
from jobs.notify.notice import Notice

NAME = "Tambopata"


@pytest.fixture(autouse=True)
def seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL", SEAL)


def minted(**changes: Any) -> Notice:
    """A notice whose id and code are what they would be, in a shape with a hole, and that follows on another."""
    ident = str(uuid.uuid5(uuid.NAMESPACE_URL, "an alert"))
    before = str(uuid.uuid5(uuid.NAMESPACE_URL, "another"))
    fields = {"cells": SHAPES["hole"], "id": ident, "short_code": short_code(ident), "previous_id": before}
    made = telling_notice(NAME, **(fields | changes))  # which satellites looked and for which job is no secret
    return replace(made, platforms=("landsat-9",), alert=replace(made.alert, collection="madre-de-dios"))


def needles(notice: Notice) -> dict[str, bytes]:
    """What gives an alert away, as text and as the numbers and ids of binary files."""
    alert, place = notice.alert, notice.place
    texts = {f"name {n}": n for n in {one.name for one in place.overlaps} | {one.name for one in place.nearby}}
    texts |= {
        "layer": "layer0",
        "feature": "0Tambopata",
        "code": alert.short_code,
        "code in part": alert.short_code[:6],
    }
    texts |= {f"utm {part}": part for part in place.utm.split()[1:]}
    texts |= {"hectares": f"{alert.area_ha:.4f}", "id without dashes": alert.id.replace("-", "")}
    found = {key: text.encode() for key, text in texts.items()}
    for ident in filter(None, (alert.id, alert.previous_id)):
        found |= {f"id {ident}": ident.encode(), f"id {ident}, packed": uuid.UUID(ident).bytes}
    for value in {v for at in shapely.get_coordinates(place.geometry) for v in at} | {place.lon, place.lat}:
        found |= {f"{value} as text": f"{value:.4f}".encode(), f"{value} packed": struct.pack("<d", value)}
        found |= {f"{value} packed as {kind}": struct.pack(kind, value) for kind in (">d", "<f", ">f")}
    return found


def told_of(folder: Path, notice: Notice, name: Format, access: str) -> list[tuple[str, bytes]]:
    """(path, content) of all files of a format, the paths among what is searched; GeoPackages as rows, too."""
    assert tell(folder, [notice], access=access, channel=only(name), title="Alertas").state == "sent"
    files = list(files_in(folder).items())
    rows = [(path, "\n".join(dump(folder / path)).encode()) for path, _ in files if path.endswith(".gpkg")]
    return [*files, *rows, ("paths", "\n".join(path for path, _ in files).encode())]


@pytest.mark.parametrize("name", ALL)
def test_the_public_is_given_nothing_away_in_any_format(tmp_path: Path, name: Format) -> None:
    notice = minted()
    for path, content in told_of(tmp_path, notice, name, "public"):
        found = [what for what, needle in needles(notice).items() if needle in content]
        assert not found, (path, found)
    instead = sealed(notice.alert.id, SEAL.encode())
    whole = b"".join(files_in(tmp_path).values())
    assert instead.encode() in whole or short_code(instead).encode() in whole, "but which alert it is stays clear"


@pytest.mark.parametrize("name", ALL)
def test_the_search_finds_what_those_in_charge_are_told(tmp_path: Path, name: Format) -> None:
    notice = minted()
    whole = b"".join(content for _, content in told_of(tmp_path, notice, name, "restricted"))
    found = {what for what, needle in needles(notice).items() if needle in whole}
    assert found & {f"id {notice.alert.id}", "code"} and ("name Tambopata" in found or name == "national")
    assert any("as text" in what or "packed" in what for what in found)


@pytest.mark.parametrize("name", ALL)
def test_every_public_number_near_the_place_is_one_of_the_box(tmp_path: Path, name: Format) -> None:
    notice = minted()
    box = coarse(notice.place)
    in_words = (f"{box.lat:.2f}", f"{box.lon:.2f}")
    for path, content in told_of(tmp_path, notice, name, "public"):
        if path.endswith(".gpkg") and content.startswith(b"SQLite"):
            continue  # its rows are among what is searched
        for number in numbers(content.decode()):
            value = float(number)
            if any(abs(value - middle) < 0.5 for middle in (box.lat, box.lon)):
                assert abs(value / 0.025 - round(value / 0.025)) < 1e-6 or number in in_words, (path, number)


def test_public_outlines_are_the_box_and_public_points_its_middle(tmp_path: Path) -> None:
    notice = minted()
    box, ident = coarse(notice.place), sealed(notice.alert.id, SEAL.encode())
    tell(tmp_path, [notice], access="public")
    for path in ("alerts.geojson", "MonitoreoDeforestacion.geojson"):
        (one,) = json.loads((tmp_path / path).read_text(encoding="utf-8"))["features"]
        assert shape(one["geometry"]) == box.geometry and one["id"] == ident
    for path in ("alerts.gpkg", "MonitoreoDeforestacion.gpkg"):
        frame = pyogrio.read_dataframe(tmp_path / path, layer=path.removesuffix(".gpkg"))
        assert frame.geometry[0].equals(box.geometry)
    assert sorted(p.name for p in (tmp_path / "smart").iterdir()) == [f"{ident}.2.json"]
    smart = json.loads((tmp_path / "smart" / f"{ident}.2.json").read_text(encoding="utf-8"))
    assert smart["geometry"]["coordinates"] == [box.lon, box.lat]


@pytest.mark.parametrize("name", ALL)
def test_a_public_file_is_the_same_wherever_in_the_box_the_alert_lies(tmp_path: Path, name: Format) -> None:
    here = minted()
    bounds = coarse(here.place).geometry.bounds
    moved = replace(
        here.place, lon=bounds[0] + 0.001, lat=bounds[1] + 0.001, geometry=shapely.box(*bounds), utm="19S 1 2"
    )
    there = replace(telling_notice("Otra", **{"cells": [(9, 9)], **ids(here)}), platforms=here.platforms)
    there = replace(there, place=moved, alert=replace(there.alert, collection=here.alert.collection))
    for folder, notice in (("a", here), ("b", there)):
        assert tell(tmp_path / folder, [notice], access="public", channel=only(name), title="x").state == "sent"
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")


def ids(notice: Notice) -> dict[str, Any]:
    return {key: getattr(notice.alert, key) for key in ("id", "short_code", "previous_id")}


@pytest.mark.parametrize("name", ALL)
def test_the_public_hears_nothing_without_a_secret(
    tmp_path: Path, name: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, said in ((None, "is not set"), ("short", "16 or more")):
        monkeypatch.delenv("SEAL") if value is None else monkeypatch.setenv("SEAL", value)
        made = tell(tmp_path, [minted()], access="public", channel=only(name))
        assert made.state == "again" and said in made.why
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("name", ALL)
def test_partners_do_not_see_restricted_layers_in_any_format(tmp_path: Path, name: Format) -> None:
    notice = notice_of(name="Tambopata")
    secret = inside("Pueblo en Aislamiento", "indigenous-reserve", layer="hidden", feature="RI01")
    zone = inside("Zona Secreta", "zone", layer="hidden", category="PE", feature="ZS")
    area = inside("Reserva Secreta", layer="hidden", feature="SECRETA", area_ha=9.0)
    rim = inside("Borde Secreto", "buffer-zone", layer="hidden", feature="BS")
    open_ = inside("Tambopata", layer="protected-areas")
    notice = replace(notice, place=replace(notice.place, overlaps=(secret, zone, area, rim, open_), nearby=()))
    shown = {
        access: b"".join(c for _, c in told_of(tmp_path / access, notice, name, access))
        for access in ("partners", "restricted")
    }
    assert not re.search(rb"Pueblo|RI01|Secret|SECRETA|hidden|\bPE\b", shown["partners"])
    assert re.search(rb"Pueblo|SECRETA|Secret", shown["restricted"]), "the search can find it"
    assert re.search(rf"{notice.alert.id}|{notice.alert.short_code}".encode(), shown["partners"]), (
        "they see the alert itself"
    )


def test_the_priority_tells_partners_nothing_of_a_restricted_layer(tmp_path: Path) -> None:
    notice = notice_of()
    secret = inside("x", "indigenous-reserve", layer="hidden")
    notice = replace(notice, place=replace(notice.place, overlaps=(secret,)))
    found = {}
    for access in ("partners", "restricted"):
        tell(
            tmp_path / access,
            [notice],
            access=access,
            channel=replace(FEED, formats=("earthranger",), gundi=None, smart=None),
        )
        (body,) = files_in(tmp_path / access).values()
        found[access] = json.loads(body)["priority"]
    assert found == {"partners": 200, "restricted": 300}
