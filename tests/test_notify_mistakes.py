"""What people get wrong in a notification, and what fails around it, through the command line.

Each ends in one clear line that names the thing, what was found and what to do, with the right exit code; and once it is
mended, whoever was to be told is told.
"""

import hashlib
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from aiosmtpd.controller import Controller
from test_channels_mail import Post
from test_channels_webhook import authority  # noqa: F401 - a fixture
from test_overlays import GRID, alert_on, at, geojson, gpkg, square

from jobs import cli, ledger, store
from jobs.clock import now
from jobs.database import default_url, open_database

pytestmark = pytest.mark.filterwarnings(
    "ignore:'crs' was not provided", "ignore:Requiring AUTH while not requiring TLS"
)
JOB = """\
kind: monitor
name: small
sources: {{kind: simulated}}
period: {{monitor_from: 2024-01-01}}
output: {{folder: {home}/out}}
"""
NOTE = """\
kind: notify
name: note
job: job.yaml
since: 2020-01-01
overlays:
  - {kind: protected-area, name: parks, path: parks.gpkg, source: SERNANP, version: '1', id_field: id, name_field: nombre}
readers:
  - {name: jefatura, channel: {kind: mail, to: jefe@example.org}}
  - {name: carpeta, channel: {kind: folder, path: letters}}
rules:
  - {name: all, to: [jefatura, carpeta], inside: ['parks:RN03']}
mail: {host: 127.0.0.1, port: PORT, tls: none}
timeout_s: 5
"""


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    """A mail server that takes everything."""
    made, port = Post(), _free_port()
    server = Controller(made, hostname="127.0.0.1", port=port)
    server.start()
    yield made, port
    server.stop()


@pytest.fixture
def home(tmp_path: Path, post: tuple[Post, int], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job with one alert in a park, and its notification."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB.format(home=tmp_path))
    gpkg(tmp_path / "parks.gpkg", [square(-90, -90, 900, 900)], id=["RN03"], nombre=["Tambopata"])
    (tmp_path / "out" / "small").mkdir(parents=True)
    engine = open_database(default_url(tmp_path / "out" / "small"))
    ledger.register_job(engine, ledger.Job("small", "small", "c" * 64, GRID, now()), ())
    with ledger.lease(engine, "small", "me", 60, now) as lease:
        run = ledger.Run("run", "small", now(), "done", "c" * 64, "1")
        said = replace(
            alert_on([(0, 0), (0, 1)]), id="7b0e2f6a-0000-5000-8000-000000000001", revision=1, status="confirmed"
        )
        store.commit_run(engine, lease, run, [], {}, [said], now)
    return tmp_path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[str]]:
    """`sachawatch notify note.yaml`: its exit code and all that it says."""
    monkeypatch.setattr(sys, "argv", ["sachawatch", "notify", "note.yaml", *options])
    capsys.readouterr()
    code = 0
    try:
        cli.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, [line for line in (said.out + said.err).splitlines() if line.strip()]


def in_note(old: str, new: str) -> Callable[[str, Path], str]:
    def change(note: str, _: Path) -> str:
        assert old in note
        return note.replace(old, new)

    return change


def with_parks(make: Callable[[Path], Any], note: str = "") -> Callable[[str, Path], str]:
    """Another layer under the same name."""

    def change(text: str, home: Path) -> str:
        (home / "parks.gpkg").rename(home / "good.gpkg")
        make(home / "parks.gpkg")
        return text.replace("version: '1'", f"version: '1'{note}")

    return change


def bow_tie(path: Path) -> None:
    ring = [at(-90, -90), at(900, 900), at(900, -90), at(-90, 900)]
    gpkg(path, [shapely.Polygon(ring)], id=["RN03"], nombre=["Tambopata"])


OF_PARKS = {"id": ["RN03"], "nombre": ["Tambopata"]}
READER = "  - {name: carpeta"
REFUSED = {
    "no such layer file": (
        lambda text, home: (home / "parks.gpkg").rename(home / "good.gpkg") and text,
        r"overlays\.parks: parks\.gpkg: .*(no such file|does not exist|missing|is not there)",
    ),
    "a layer without CRS": (
        with_parks(lambda path: gpkg(path, [square(0, 0, 90, 90)], crs=None, **OF_PARKS)),
        r"overlays\.parks: parks\.gpkg: .*(CRS|srs)",
    ),
    "a layer changed under its checksum": (
        with_parks(lambda path: gpkg(path, [square(0, 0, 90, 90)], **OF_PARKS), f", sha256: '{'0' * 64}'"),
        r"overlays\.parks: parks\.gpkg: .*(sha256|checksum)",
    ),
    "a layer that is no layer": (
        with_parks(lambda path: path.write_bytes(b"SQLite format 3\0" + b"x" * 5_000)),
        r"overlays\.parks: parks\.gpkg: ",
    ),
    "a column that is not there": (in_note("id_field: id", "id_field: code"), r"overlays\.parks: .*'?code'?"),
    "points where areas are wanted": (
        with_parks(lambda path: gpkg(path, [shapely.Point(at(5, 5))], **OF_PARKS)),
        r"overlays\.parks: .*(Point|polygon)",
    ),
    "a rule on a layer that is not there": (
        in_note("parks:RN03", "park:RN03"),
        r"note\.yaml:\d+:\d+: .*park is no layer of `overlays`; add it there",
    ),
    "a rule on a feature that is not there": (
        in_note("parks:RN03", "parks:RN30"),
        r"note: rule all: parks has no feature 'RN30' near the area of the job; there is RN03: mend `inside`",
    ),
    "a rule for nobody": (
        in_note("to: [jefatura, carpeta]", "to: [jefatura, carpeta, jefa]"),
        r"note\.yaml:\d+:\d+: .*jefa is no reader; name it under `readers`",
    ),
    "a rule on no type of change": (
        in_note("inside:", "change_types: [tree_cover_los], inside:"),
        r"note\.yaml:\d+:\d+: .*tree_cover_los is no type of change; there is tree_cover_loss",
    ),
    "a reader named twice": (
        in_note(READER, "  - {name: jefatura, channel: {kind: folder}}\n" + READER),
        r"note\.yaml:\d+:\d+: .*jefatura is named twice; give each reader one entry",
    ),
    "an address under two names": (
        lambda text, _: text.replace(
            READER, "  - {name: jefe, channel: {kind: mail, to: JEFE@example.org}}\n" + READER
        ).replace("to: [jefatura,", "to: [jefatura, jefe,"),
        r"note\.yaml:\d+:\d+: .*jefatura and jefe have the same e-mail address; make them one reader",
    ),
    "a first day that is still to come": (
        in_note("since: 2020-01-01", "since: 2220-01-01"),
        r"note: since: 2220-01-01 is still to come, and what is known before it would never be told; give a day",
    ),
    "an embargo in the past": (
        in_note("timeout_s: 5", "timeout_s: 5\nembargo: {public_days: -30}"),
        r"note\.yaml:\d+:\d+: .*public_days.*found -30, expected .*0",
    ),
    "an embargo of a lifetime": (
        in_note("timeout_s: 5", "timeout_s: 5\nembargo: {partners_days: 1000000000}"),
        r"note\.yaml:\d+:\d+: .*partners_days.*found 1000000000, expected",
    ),
    "no mail server": (
        lambda text, _: "\n".join(line for line in text.splitlines() if not line.startswith("mail:")),
        r"note\.yaml:?\d*:?\d*: .*a reader has mail, and no server is named; name one",
    ),
    "a job that is none": (in_note("job: job.yaml", "job: nowhere.yaml"), r"nowhere\.yaml: "),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_one_line_and_loses_nothing(
    mistake: str,
    home: Path,
    post: tuple[Post, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change, said = REFUSED[mistake]
    good = NOTE.replace("PORT", str(post[1]))
    (home / "note.yaml").write_text(change(good, home))
    code, lines = told(monkeypatch, capsys)
    assert (code, len(lines)) == (78, 1), lines
    assert re.search(said, lines[0]), lines[0]
    assert len(lines[0]) < 300 and not post[0].taken and not list(home.glob("letters/*"))
    (home / "note.yaml").write_text(good)
    if (home / "good.gpkg").exists():
        (home / "good.gpkg").rename(home / "parks.gpkg")
    code, lines = told(monkeypatch, capsys)
    assert code == 0 and len(post[0].taken) == len(list(home.glob("letters/*.eml"))) == 1, lines


def test_a_geometry_that_is_not_valid_is_repaired_and_said(
    home: Path, post: tuple[Post, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bow_tie(home / "parks.gpkg")
    (home / "note.yaml").write_text(NOTE.replace("PORT", str(post[1])))
    code, lines = told(monkeypatch, capsys)
    assert code == 0 and "parks: 1 features near the area; 1 geometries were not valid and are repaired" in lines


def test_a_layer_with_its_own_checksum_is_taken(
    home: Path, post: tuple[Post, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256((home / "parks.gpkg").read_bytes()).hexdigest()
    text = NOTE.replace("PORT", str(post[1])).replace("version: '1'", f"version: '1', sha256: '{digest}'")
    (home / "note.yaml").write_text(text)
    assert told(monkeypatch, capsys)[0] == 0 and len(post[0].taken) == 1
    geojson(home / "parks.gpkg", [], [])
    code, lines = told(monkeypatch, capsys)
    assert code == 78 and len(lines) == 1


def refuses(_: ExitStack, __: Callable[[str], Any]) -> str:
    return f"host: 127.0.0.1, port: {_free_port()}, tls: none"


def has_no_name(_: ExitStack, __: Callable[[str], Any]) -> str:
    return "host: no-such-host.invalid, port: 587"


def is_not_trusted(stack: ExitStack, context: Callable[[str], Any]) -> str:
    return f"host: localhost, port: {_served(stack, tls_context=context('localhost'))}"


def has_no_tls(stack: ExitStack, _: Callable[[str], Any]) -> str:
    return f"host: localhost, port: {_served(stack)}"


def refuses_the_login(stack: ExitStack, _: Callable[[str], Any]) -> str:
    options = {"authenticator": Post().login, "auth_required": True, "auth_require_tls": False}
    return f"host: localhost, port: {_served(stack, **options)}, tls: none, user: sacha, password: env:MAIL_PASSWORD"


def says_nothing(stack: ExitStack, _: Callable[[str], Any]) -> str:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return f"host: localhost, port: {server.getsockname()[1]}, tls: none"


def has_no_password(stack: ExitStack, _: Callable[[str], Any]) -> str:
    return f"host: localhost, port: {_served(stack)}, tls: none, user: sacha, password: env:NOT_THERE"


def _served(stack: ExitStack, **options: Any) -> int:
    port = _free_port()
    server = Controller(Post(), hostname="localhost", port=port, **options)
    server.start()
    stack.callback(server.stop)
    return port


DEAD: dict[str, tuple[Callable[..., str], str]] = {
    "refuses": (refuses, r"127\.0\.0\.1:\d+: refuses the connection; check `host` and `port` of `mail`"),
    "has no name": (has_no_name, r"no-such-host\.invalid:587: its name leads nowhere; check `host` of `mail`"),
    "is not trusted": (
        is_not_trusted,
        r"localhost:\d+: its certificate does not hold \(.+\); give as `host` of `mail`",
    ),
    "has no TLS": (has_no_tls, r"localhost:\d+: offers no STARTTLS or login; check host and port"),
    "refuses the login": (
        refuses_the_login,
        r"localhost:\d+: refuses our login, code 535; check `user` and `password`",
    ),
    "says nothing": (says_nothing, r"localhost:\d+: no answer within 1 s; check `host` and `port` of `mail`"),
    "has no password": (has_no_password, r"secret env:NOT_THERE: .*; "),
}


@pytest.mark.parametrize("server", DEAD)
def test_a_dead_mail_server_is_one_line_and_loses_nothing(
    server: str, home: Path, post: tuple[Post, int], authority: Any, monkeypatch: pytest.MonkeyPatch,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MAIL_PASSWORD", "sesame")
    make, said = DEAD[server]
    good = NOTE.replace("PORT", str(post[1]))
    with ExitStack() as stack:
        dead = make(stack, authority[1])
        text = good.replace(f"host: 127.0.0.1, port: {post[1]}, tls: none", dead).replace(
            "timeout_s: 5", "timeout_s: 1"
        )
        (home / "note.yaml").write_text(text)
        code, lines = told(monkeypatch, capsys)
    failed = [line for line in lines if line.startswith("failed: ")]
    assert (code, len(failed)) == (3, 1), lines
    assert re.search(f"^failed: jefatura: 1 later: {said}", failed[0]), failed[0]
    assert "sesame" not in "".join(lines) and len(list(home.glob("letters/*.eml"))) == 1, "others are told meanwhile"
    (home / "note.yaml").write_text(good)
    monkeypatch.setattr("jobs.clock.now", lambda: now() + timedelta(hours=1))
    code, lines = told(monkeypatch, capsys)
    assert code == 0 and len(post[0].taken) == 1 and len(list(home.glob("letters/*.eml"))) == 1, lines
