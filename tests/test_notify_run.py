"""A job and its notification, end to end: a mail server, a webhook receiver and an SMS gateway on loopback."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import feedparser
import pyogrio
import pytest
from aiosmtpd.controller import Controller
from jobsetup import NOON, link, start, write_scenes
from pyproj import Transformer
from standardwebhooks import Webhook

from detection.errors import BadInput
from jobs.cli import sachawatch
from jobs.config import load
from jobs.notify.asked import NotifyConfig
from jobs.notify.deliveries import delivery_id
from jobs.notify.run import Round, notify

SECRET = "whsec_" + "c2FjaGF3YXRjaC1pcy1hLXNlY3JldC1vZi0zMi1ieXRlcw=="
JOB = """\
kind: monitor
name: small
sources:
  kind: files
  folder: {folder}
  layout: dated
  pattern: 'SIM_(?P<platform>[A-Z]{{2}}\\d\\d)_\\d{{3}}_(?P<date>\\d{{8}})\\.tif'
  bands: [nir, swir2, qa]
  sensor: landsat-c2l2
period: {{monitor_from: 2024-01-01}}
history: {{forest_min: 0.5}}
model: {{name: null}}
cluster: {{workers: 0}}
output: {{folder: {out}}}
"""
NOTE = """\
kind: notify
name: note
title: Madre de Dios
job: job.yaml
since: 2020-01-01
readers:
  - {{name: jefatura, channel: {{kind: mail, to: jefe@example.org}}}}
  - name: sistema
    channel:
      kind: webhook
      url: 'http://127.0.0.1:{http}/hook'
      secrets: ['env:HOOK']
      allow: ['127.0.0.1:{http}']
  - {{name: puesto, channel: {{kind: text, to: '+51984123456'}}}}
  - {{name: carpeta, channel: {{kind: folder, path: {folder}}}, language: en}}
  - {{name: lista, channel: {{kind: feed, path: {folder}/lista}}}}
rules:
  - {{name: all, to: [jefatura, sistema, puesto, carpeta, lista]}}
mail: {{host: 127.0.0.1, port: {smtp}, tls: none}}
gateway: {{url: 'http://127.0.0.1:{http}/sms', fields: {{to: '{{to}}', message: '{{text}}', ref: '{{id}}'}}}}
allow: ['127.0.0.1:{http}']
timeout_s: 10
"""


@dataclass
class Heard:
    """What receivers got, and what they answer."""

    letters: list[Any] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, str]] = field(default_factory=list)
    idents: list[str] = field(default_factory=list)
    status: int = 204

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Heard, int, int]]:
    made = Heard()

    class Then(datetime):
        """The receiver's clock, which shows the time of the story."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return CLOCK[0].astimezone(tz)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/sms":
                made.texts.append(json.loads(body))
            elif made.status == 204:
                made.idents.append(self.headers["webhook-id"])
                made.hooks.append(Webhook(SECRET).verify(body, dict(self.headers)))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mail = Controller(made, hostname="127.0.0.1", port=port)
    mail.start()
    yield made, server.server_address[1], port
    mail.stop()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def home(scenes: Path, tmp_path: Path, heard: tuple[Heard, int, int], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The job has seen the clearing begin."""
    _, http, smtp = heard
    monkeypatch.setenv("HOOK", SECRET)
    folder = link(scenes, tmp_path / "scenes", lambda day: day < date(2024, 7, 20))
    (tmp_path / "job.yaml").write_text(JOB.format(folder=folder, out=tmp_path / "out"))
    (tmp_path / "note.yaml").write_text(NOTE.format(http=http, smtp=smtp, folder=tmp_path / "letters"))
    start(folder, tmp_path / "out")
    return tmp_path


CLOCK = [NOON]
"""The time of the story."""


def told(home: Path, at: datetime = NOON, **options: Any) -> Round:
    CLOCK[0] = at
    asked = load(home / "note.yaml")
    assert isinstance(asked, NotifyConfig)
    return notify(asked, now=lambda: at, **options)


def test_everybody_is_told_once_in_their_way(home: Path, heard: tuple[Heard, int, int]) -> None:
    got = heard[0]
    dry = told(home, dry_run=True)
    assert dry.previews and not (got.letters or got.hooks or got.texts), "a dry run sends nothing"
    made = told(home)
    many = made.sent.deliveries // 5
    assert made.complete and many >= 1
    assert len(got.letters) == len(got.hooks) == len(got.texts) == len(list((home / "letters").glob("*.eml"))) == many
    letter, hook, sms = got.letters[0], got.hooks[0], got.texts[0]
    assert letter["Subject"].startswith("SIMULADO - ") or letter["Subject"].startswith(("PROVISIONAL", "CONFIRMADA"))
    assert [part.get_content_type() for part in letter.iter_attachments()] == [
        "application/gpx+xml", "application/vnd.google-earth.kmz",
    ]  # fmt: skip
    assert hook["type"].endswith("alert.created.v1") and hook["data"]["short_code"] in " ".join(
        t["message"] for t in got.texts
    )
    assert sms["to"] == "+51984123456" and len(sms["message"]) <= 160 and sms["ref"]
    feed = feedparser.parse(home / "letters" / "lista" / "alerts.atom")
    assert not feed.bozo and len(feed.entries) == many
    files = {path.name for path in (home / "letters" / "lista").iterdir()}
    messages = {name for name in files if name.endswith(".cap.xml")}
    assert files - messages == {"alerts.atom", "alerts.kml", "alerts.gpx"} and len(messages) == many
    assert told(home).sent.messages == 0, "the same outbox twice tells nothing twice"


def test_what_follows_is_told_in_the_same_thread_and_a_receiver_that_fails_hears_later(
    home: Path, heard: tuple[Heard, int, int], scenes: Path
) -> None:
    got = heard[0]
    got.status = 503
    first = told(home)
    assert not first.complete and got.letters and not got.hooks
    assert any("sistema" in line and "HTTP 503" in line for line in first.lines())
    assert not any(SECRET in line for line in first.lines())
    got.status = 204
    later = told(home, NOON + timedelta(hours=1))
    assert later.complete and len(got.hooks) == len(got.letters)
    link(scenes, home / "scenes", lambda _: True)
    start(home / "scenes", home / "out")
    before = len(got.letters)
    assert told(home, NOON + timedelta(hours=2)).complete
    caps = [path.read_text() for path in (home / "letters" / "lista").glob("*.cap.xml")]
    assert any("<msgType>Update</msgType>" in one and "<references>" in one for one in caps)
    assert all(("<references>" in one) == ("<msgType>Alert</msgType>" not in one) for one in caps)
    roots = {letter["References"].split()[0] for letter in got.letters[:before]}
    assert any(letter["References"].split()[0] in roots for letter in got.letters[before:])
    assert {hook["type"].split(".")[-2] for hook in got.hooks[before:]} <= {"created", "updated", "cancelled"}


def test_a_secret_that_is_not_there_loses_nothing(
    home: Path, heard: tuple[Heard, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK")
    first = told(home)
    assert not first.complete and any("HOOK" in line for line in first.lines())
    monkeypatch.setenv("HOOK", SECRET)
    assert told(home, NOON + timedelta(hours=1)).complete and heard[0].hooks


def test_a_job_that_never_ran_and_a_config_of_another_kind_are_one_line(home: Path) -> None:
    text = (home / "note.yaml").read_text()
    (home / "job.yaml").write_text((home / "job.yaml").read_text().replace("name: small", "name: other"))
    with pytest.raises(BadInput, match=r"other: has not run yet .* run it first"):
        told(home)
    (home / "note.yaml").write_text(text.replace("job: job.yaml", "job: note.yaml"))
    with pytest.raises(BadInput, match="a notification tells of a job of kind monitor"):
        told(home)


def test_the_public_is_given_no_place_away(
    home: Path, heard: tuple[Heard, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAL", "a secret of at least sixteen bytes")
    text = (home / "note.yaml").read_text()
    text = (
        text.replace("/lista}}", "/lista}, access: public}").replace(
            "  - name: sistema\n", "  - name: sistema\n    access: public\n"
        )
        + "seal: env:SEAL\nembargo: {public_days: 0}\n"
    )
    (home / "note.yaml").write_text(text)
    assert told(home).complete
    feed = home / "letters" / "lista"
    letter = next((home / "letters").glob("*.eml")).read_text()
    (code,) = set(re.findall(r"\[([0-9A-Z]{6}-[0-9A-Z])\]", letter))
    shown = "".join(path.read_text() for path in feed.iterdir())
    assert code not in shown and len(list(feed.glob("*.cap.xml"))) >= 1
    assert "<scope>Public</scope>" in shown and "Restricted" not in shown
    west = float(re.search(r"-7\d\.\d{5}", letter)[0])  # type: ignore[index]
    assert f"{west:.4f}" not in shown
    hook = heard[0].hooks[0]
    assert code not in json.dumps(hook) and hook["data"]["location"]["utm"] == ""
    alerts_ = json.loads((home / "out" / "small" / "latest" / "alerts.geojson").read_text())["features"]
    guesses = {delivery_id("note", "sistema", one["id"], n) for one in alerts_ for n in range(1, 40)}
    assert heard[0].idents and not guesses & set(heard[0].idents), (
        "who knows how ids are made still cannot find the alert"
    )


def test_who_heard_of_an_alert_hears_that_it_was_rejected_and_the_next_run_does_not_undo_it(
    home: Path, heard: tuple[Heard, int, int], scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.clock.now", lambda: CLOCK[0])
    got = heard[0]
    told(home)
    codes = sorted(_codes(got.texts))
    before = len(got.letters)
    for code in codes:
        assert (
            main_of("review", home / "job.yaml", code, "--verdict", "rejected", "--reason", "FLOOD", "--by", "analista")
            == 0
        )
    assert told(home, NOON + timedelta(hours=1)).complete
    letters, texts, hooks = got.letters[before:], got.texts[before:], got.hooks[before:]
    assert len(letters) == len(texts) == len(hooks) == before
    body = letters[0].get_body(("plain",)).get_content()
    assert (
        "ANULADA" in letters[0]["Subject"]
        and "Una persona revisó las imágenes" in body
        and "hay agua por un tiempo" in body
    )
    assert letters[0]["References"].split()[0] in {one["References"].split()[0] for one in got.letters[:before]}
    assert all("ANULADA" in text["message"] for text in texts)
    assert {(h["type"].split(".")[-2], h["data"]["status"], h["data"]["rejection_reason"]) for h in hooks} == {
        ("cancelled", "rejected", "FLOOD")
    }
    link(scenes, home / "scenes", lambda day: day < date(2024, 8, 8))
    start(home / "scenes", home / "out")
    shown = json.loads((home / "out" / "small" / "latest" / "alerts.geojson").read_text())["features"]
    standing = {one["properties"]["short_code"]: one["properties"] for one in shown}
    assert {standing[code]["review_status"] for code in codes} <= {"rejected", "needs_revision"}
    again = told(home, NOON + timedelta(hours=2))
    spoken = _codes(got.texts[len(texts) + before :])
    outgrown = {code for code in codes if standing[code]["review_status"] == "needs_revision"}
    assert again.complete and spoken & set(codes) == outgrown, "only what has outgrown its rejection is spoken of again"
    reopen = ("--verdict", "reopened", "--by", "jefatura")
    assert all(main_of("review", home / "job.yaml", code, *reopen) == 0 for code in codes)
    assert told(home, NOON + timedelta(hours=3)).complete
    assert "ANULADA" not in got.texts[-1]["message"]


def _codes(texts: list[dict[str, str]]) -> set[str]:
    """Short codes of alerts in text messages."""
    return {found for text in texts for found in re.findall(r"\b[0-9A-Z]{6}-[0-9A-Z]\b", text["message"])}


def main_of(*words: Any) -> int:
    """The command line; its exit code."""
    try:
        sachawatch.main([str(word) for word in words], standalone_mode=False)
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_a_week_and_a_sector_that_nobody_sees_are_told_with_what_was_seen(
    home: Path, heard: tuple[Heard, int, int], scenes: Path
) -> None:
    """Two sectors, the halves of the area; the weeks are those of the scenes."""
    got = heard[0]
    (home / "sectors.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"id": name, "name": f"Sector {name}"}, "geometry": half(west)}
        for name, west in (("Norte", 370_680), ("Sur", 370_680 + 56 * 30))
    ]}))  # fmt: skip
    (home / "note.yaml").write_text((home / "note.yaml").read_text() + (
        "overlays:\n  - {name: sectors, kind: other, path: sectors.geojson, source: park, version: '1', id_field: id, "
        "name_field: name}\nbulletin: {to: [jefatura, sistema, puesto, carpeta], sectors: sectors}\n"
    ))  # fmt: skip
    monday, weeks = datetime(2024, 7, 22, 13, tzinfo=NOON.tzinfo), timedelta(days=7)
    assert [line for line in told(home, monday, dry_run=True).previews if "Madre de Dios: " in line]
    assert told(home, monday).complete and not [one for one in got.letters if "SIN VISTA" in one["Subject"]]
    first = got.letters[0].get_body(("plain",)).get_content()
    assert "Sector Norte: 0 alertas nuevas" in first and "visto con claridad el" in first
    assert {hook["type"] for hook in got.hooks} == {"pe.sachawatch.bulletin.weekly.v1"} and len(got.texts) == 1
    assert told(home, monday).sent.messages == 0, "a week is told once"
    dark = told(home, monday + 10 * weeks)
    assert len(dark.bulletins) == 3 * 4 and dark.complete
    assert told(home, monday + 10 * weeks + timedelta(days=1)).complete
    blind = [one for one in got.letters if "SIN VISTA" in one["Subject"]]
    assert len(blind) == 2 and "no significa que allí no pase nada" in blind[0].get_body(("plain",)).get_content()
    assert (
        len(
            [
                text
                for text in got.texts
                if "SIN VISTA" in text["message"] and "Sin alerta no es sin cambio" in text["message"]
            ]
        )
        == 2
    )
    link(scenes, home / "scenes", lambda _: True)
    start(home / "scenes", home / "out")
    back = datetime(2025, 1, 5, 15, tzinfo=NOON.tzinfo)
    told(home, back)
    assert told(home, back + timedelta(days=1)).complete
    assert sorted(one["Subject"] for one in got.letters if "VISTO DE NUEVO" in one["Subject"]) == [
        "VISTO DE NUEVO: Sector Norte", "VISTO DE NUEVO: Sector Sur",
    ]  # fmt: skip


def half(west: int) -> dict[str, Any]:
    """A box of the scene's height and half its width, WGS 84."""
    place = Transformer.from_crs("EPSG:32719", "OGC:CRS84", always_xy=True)
    corners = [(west, 8_592_480), (west, 8_589_600), (west + 56 * 30, 8_589_600), (west + 56 * 30, 8_592_480)]
    ring = [place.transform(*corner) for corner in (*corners, corners[0])]
    return {"type": "Polygon", "coordinates": [ring]}


def test_a_feed_of_every_format_holds_what_is_told_and_the_public_one_no_place(
    home: Path, heard: tuple[Heard, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAL", "a secret of at least sixteen bytes")
    asked = (
        "kind: feed, formats: [geojson, geopackage, national, earthranger, gundi, smart, comapeo], "
        "earthranger: {event_type: forest_alert}, gundi: {event_type: forest_alert}, smart: {category: threats.forestloss}"
    )
    text = (home / "note.yaml").read_text()
    readers = "".join(
        f"  - {{name: {name}, access: {access}, channel: {{{asked}, path: {home}/{name}}}}}\n"
        for name, access in (("alle", "restricted"), ("welt", "public"))
    )
    text = text.replace("rules:\n", f"{readers}rules:\n").replace("lista]", "lista, alle, welt]")
    (home / "note.yaml").write_text(text + "seal: env:SEAL\nembargo: {public_days: 0}\n")
    assert told(home).complete
    wanted = {"earthranger", "gundi", "smart", "comapeo"}
    ids = {}
    for name in ("alle", "welt"):
        assert {p.name for p in (home / name).iterdir() if p.is_dir()} == wanted
        for layer in ("alerts", "MonitoreoDeforestacion"):
            made = json.loads((home / name / f"{layer}.geojson").read_text(encoding="utf-8"))
            assert made["features"] and len(pyogrio.read_dataframe(home / name / f"{layer}.gpkg", layer=layer)) == len(
                made["features"]
            )
        ids[name] = {one["id"] for one in json.loads((home / name / "alerts.geojson").read_text())["features"]}
        assert {p.name.split(".")[0] for p in (home / name / "smart").iterdir()} == ids[name]
    assert len(ids["alle"]) == len(ids["welt"]) and not ids["alle"] & ids["welt"]
    shown = b"".join(path.read_bytes() for path in (home / "welt").rglob("*") if path.is_file())
    assert not any(one.encode() in shown for one in ids["alle"])


def test_a_warning_does_not_wait_for_a_picture_or_a_state_that_is_damaged(
    home: Path, heard: tuple[Heard, int, int]
) -> None:
    (home / "note.yaml").write_text((home / "note.yaml").read_text() + "bulletin: {to: [jefatura]}\n")
    for generation in (home / "out" / "small" / "state").iterdir():
        for chunk in generation.rglob("c.*"):
            if chunk.is_file():
                chunk.write_bytes(b"damaged")
    made = told(home)
    assert made.complete and heard[0].letters and not made.bulletins
    assert any(line.startswith("no bulletins: ") for line in made.lines()), made.lines()
