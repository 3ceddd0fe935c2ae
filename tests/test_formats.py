"""What a feed may be asked for, and that what is asked for is written: whole, under stable names, the same again the same."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pyogrio
import pytest
from feedsetup import FACTS, WORDING, notice_of, several
from formatsetup import ALL, FEED, MESSAGES, WHOLE, files_in, tell
from pyogrio.errors import DataSourceError
from test_payloads import MAKERS, check

from jobs.config import load
from jobs.notify.asked import Feed, NotifyConfig
from jobs.notify.channels.files import WRITERS
from jobs.notify.channels.formats import NEEDED, USUAL, Format
from jobs.notify.payloads import DETAILS
from jobs.yamlfile import ConfigError

NOTE = """\
kind: notify
name: note
job: job.yaml
since: 2020-01-01
readers:
  - name: lista
    channel: {{kind: feed, {asked}}}
rules:
  - {{name: all, to: [lista]}}
"""
ID = notice_of().alert.id


@pytest.fixture(autouse=True)
def seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL", "a secret of at least sixteen bytes")


def asked(folder: Path, text: str) -> Feed:
    (folder / "note.yaml").write_text(NOTE.format(asked=text), encoding="utf-8")
    made = load(folder / "note.yaml")
    assert isinstance(made, NotifyConfig) and isinstance(made.readers[0].channel, Feed)
    return made.readers[0].channel


def test_every_format_has_a_writer_and_the_usual_ones_are_those_of_ever(tmp_path: Path) -> None:
    assert set(WRITERS) == set(get_args(Format)) == set(ALL)
    assert asked(tmp_path, "path: x").formats == USUAL == ("atom", "kml", "gpx", "cap")


def test_a_config_says_what_formats_need(tmp_path: Path) -> None:
    made = asked(
        tmp_path,
        "formats: [smart, gundi, earthranger, comapeo, national], earthranger: {event_type: forest_alert, point: true},"
        " gundi: {event_type: forest_alert}, comapeo: {point: true}, national: {begin: 2026-01-01, end: 2026-03-31},"
        " smart: {category: threats.forestloss, attributes: {area_ha: areaha}}",
    )
    assert made.smart is not None and made.smart.attributes == {"area_ha": "areaha"}
    assert made.earthranger is not None and made.earthranger.point and made.comapeo.point
    assert made.gundi is not None and not made.gundi.point and made.national.period is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("formats: [atom, shapefile]", '"shapefile", expected one of `atom`'),
        ("formats: []", "expected a list of one or more entries"),
        ("formats: [atom, kml, atom]", "atom is named twice; name each format once"),
        ("formats: [earthranger]", "earthranger cannot be made without `event_type`; write earthranger: {event_type: ...}"),
        ("formats: [gundi]", "gundi cannot be made without `event_type`"),
        ("formats: [smart]", "smart cannot be made without `category`; write smart: {category: ...}"),
        ("formats: [smart], smart: {}", "missing"),
        ("smart: {category: a}", "smart is described and not written; name it in `formats`, or leave it out"),
        ("formats: [smart], smart: {category: '../x'}", '"../x", expected a text such as `threats.forestloss`'),
        ("formats: [smart], smart: {category: a, attributes: {hectares: a}}", "hectares is no detail of an alert; choose"),
        ("formats: [smart], smart: {category: a, attributes: {area_ha: 'a b'}}", "'a b' is no key of a data model"),
        ('formats: [gundi], gundi: {event_type: "a\\nb"}', "event_type"),
        ("formats: [national], national: {begin: 2026-01-01}", "a period has both a begin and an end"),
        ("formats: [national], national: {begin: 2026-02-01, end: 2026-01-01}", "the period ends before it begins"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        asked(tmp_path, text)
    (problem,) = refused.value.problems
    assert said in f"{'.'.join(map(str, problem.route))} {problem.text}" and "\n" not in problem.text


def test_the_details_that_smart_may_be_handed_are_those_that_there_are() -> None:
    assert list(MAKERS["gundi"](notice_of(), FACTS, WORDING)["event_details"]) == list(DETAILS)
    assert set(NEEDED) <= set(ALL)


def test_a_feed_holds_what_was_asked_for_under_stable_names(tmp_path: Path) -> None:
    assert tell(tmp_path, several()).state == "sent"
    stems = [f"{one.alert.id}.{one.alert.revision}" for one in several()]
    wanted = {f"{folder}/{stem}.json" for folder in MESSAGES for stem in stems} | {f"{stem}.cap.xml" for stem in stems}
    assert set(files_in(tmp_path)) == WHOLE | wanted, "and nothing half written is left"
    some = tmp_path / "some"
    assert tell(some, several(), channel=Feed(formats=("geojson", "cap"))).state == "sent"
    assert set(files_in(some)) == {"alerts.geojson"} | {f"{stem}.cap.xml" for stem in stems}


def test_what_is_told_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    tell(tmp_path, several())
    first = files_in(tmp_path)
    tell(tmp_path, several()[::-1])
    assert files_in(tmp_path) == first


def test_what_patrol_systems_take_is_what_the_payloads_say(tmp_path: Path) -> None:
    tell(tmp_path, [notice_of()])
    for name in MESSAGES:
        body = json.loads((tmp_path / name / f"{ID}.2.json").read_text(encoding="utf-8"))
        check(name, body)
    smart = json.loads((tmp_path / "smart" / f"{ID}.2.json").read_text(encoding="utf-8"))["properties"]
    assert smart["smartFeatureType"] == "waypoint/new"
    (group,) = smart["smartAttributes"]["observationGroups"]
    assert group["observations"][0]["attributes"] == {"areaha": 3.2178, "zones": ["Tambopata"]}


def test_what_follows_stands_beside_what_was_told_and_layers_hold_the_last_word(tmp_path: Path) -> None:
    first, last = notice_of(), notice_of(kind="cancel", status="retracted", revision=3)
    tell(tmp_path, [first])
    tell(tmp_path, [last], before=[first])
    bodies = {
        revision: json.loads((tmp_path / "earthranger" / f"{ID}.{revision}.json").read_text(encoding="utf-8"))
        for revision in (2, 3)
    }
    assert (bodies[2]["state"], bodies[3]["state"]) == ("new", "resolved")
    smart = json.loads((tmp_path / "smart" / f"{ID}.3.json").read_text(encoding="utf-8"))["properties"]
    assert smart["smartFeatureType"] == "waypoint" and smart["smartAttributes"]["comment"].startswith("ANULADA")
    (alert,) = json.loads((tmp_path / "alerts.geojson").read_text(encoding="utf-8"))["features"]
    assert (alert["properties"]["revision"], alert["properties"]["status"]) == (3, "retracted")
    national = json.loads((tmp_path / "MonitoreoDeforestacion.geojson").read_text(encoding="utf-8"))
    assert national["features"] == [] and len(pyogrio.read_dataframe(tmp_path / "MonitoreoDeforestacion.gpkg")) == 0


def test_a_system_that_takes_points_gets_no_outline(tmp_path: Path) -> None:
    channel = replace(
        FEED,
        earthranger=replace(FEED.earthranger, point=True),
        gundi=replace(FEED.gundi, point=True),
        comapeo=replace(FEED.comapeo, point=True),
    )
    tell(tmp_path, [notice_of()], channel=channel)
    bodies = {name: json.loads((tmp_path / name / f"{ID}.2.json").read_text(encoding="utf-8")) for name in MESSAGES}
    assert "geometry" not in bodies["earthranger"] and "geometry" not in bodies["gundi"]
    assert bodies["comapeo"]["geometry"]["type"] == "Point"


@pytest.mark.parametrize("name", ALL)
def test_a_folder_that_cannot_be_written_to_is_tried_again(tmp_path: Path, name: Format) -> None:
    (tmp_path / "file").write_text("in the way")
    made = tell(tmp_path / "file", [notice_of()], channel=only(name))
    assert made.state == "again" and "make it writable" in made.why and "\n" not in made.why


def test_a_geopackage_without_room_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise DataSourceError("no space left")

    monkeypatch.setattr(pyogrio, "write_arrow", full)
    assert tell(tmp_path, [notice_of()], channel=only("geopackage")).state == "again"
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("ident", ["../../x", "a/b", "a\\b", ".", "..", "", "a\x00b", "a\r\nb", "a b", "á", "x" * 65])
@pytest.mark.parametrize("name", ["cap", *MESSAGES])
def test_an_id_that_is_no_name_for_a_file_is_refused(tmp_path: Path, name: Any, ident: str) -> None:
    made = tell(tmp_path / "feed", [notice_of(id=ident)], channel=only(name))
    assert made.state == "again" and "cannot be the name of a file" in made.why and "\n" not in made.why
    assert files_in(tmp_path) == {}


def test_a_message_first_told_when_it_may_have_arrived_is_no_update(tmp_path: Path) -> None:
    tell(tmp_path, [replace(notice_of(kind="update"), known_at=datetime(2026, 5, 26, tzinfo=UTC))])
    assert b"waypoint/new" in (tmp_path / "smart" / f"{ID}.2.json").read_bytes()


def only(name: Format) -> Feed:
    """A feed of one format."""
    need = {name: getattr(FEED, name)} if name in NEEDED else {}
    return Feed(formats=(name,), **need)
