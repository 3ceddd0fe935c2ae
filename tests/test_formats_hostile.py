"""Names that nobody should trust, in every place where a name may stand and in every format: none may do anything."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from feedsetup import BIDI, HOSTILE, skeleton, visible
from formatsetup import SEAL, dump, files_in, layout, tell, telling_notice
from lxml import etree
from test_payloads import keys_of, texts_of

from jobs.config import load
from jobs.yamlfile import ConfigError

NAMES = [
    *HOSTILE, "../../x", "..\\..\\x", "/etc/passwd", "~/x", "C:\\x", "CON", ".", "a\r\nBcc: x@example.org", "a\nEstado: ANULADA",
    "x\x00.json", "\u202eexe.gpkg", "'); DROP TABLE alerts; --", "\"; ATTACH 'x' AS y; --", "{\"type\":\"Feature\"}", "},{",
    "\\\"", "x" * 100_000, "é" * 5_000 + "\x00", "\u2066" * 1_000, "NaN", "{{7*7}}", "${jndi:ldap://x.example/a}", "\x1b]0;x\x07",
]  # fmt: skip
"""Those of feeds, and those that aim at folders, databases, JSON and terminals."""
FORBIDDEN = BIDI + "\x00\x07\x1b\x7f\r\x85\u2028\u2029\ufffe"


@pytest.fixture(autouse=True)
def seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL", SEAL)


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Access -> a folder that was told of a name that anybody may trust."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEAL", SEAL)
        for access in ("restricted", "public"):
            made[access] = tmp_path_factory.mktemp(access)
            assert tell(made[access], [telling_notice("Tambopata")], access=access, title="Alertas").state == "sent"
    return made


def texts_in(path: Path) -> list[str]:
    """Every text of a file, as a reader of its format has it."""
    if path.suffix in (".json", ".geojson"):
        return texts_of(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".gpkg":
        with sqlite3.connect(path) as opened:
            rows = [row for table in layout(path) for row in opened.execute(f'select * from "{table}"')]
        return [value for row in rows for value in row if isinstance(value, str)]
    root = etree.fromstring(path.read_bytes())
    return [text for e in root.iter() for text in (e.text or "", *e.attrib.values())]


def shape_of(path: Path) -> Any:
    """What a name must not change: keys, elements, tables, how many rows and lines."""
    if path.suffix in (".json", ".geojson"):
        return keys_of(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".gpkg":
        dump(path)
        with sqlite3.connect(path) as opened:
            return layout(path), {t: opened.execute(f'select count(*) from "{t}"').fetchone() for t in layout(path)}
    return skeleton(path.read_bytes())


@pytest.mark.parametrize("access", ["restricted", "public"])
@pytest.mark.parametrize("hostile", NAMES, ids=range(len(NAMES)))
def test_a_hostile_name_does_nothing_in_any_format(
    tmp_path: Path, benign: Mapping[str, Path], hostile: str, access: str
) -> None:
    folder = tmp_path / "feed"
    made = tell(folder, [telling_notice(hostile)], access=access, title=hostile)
    assert made.state == "sent", made.why
    assert files_in(tmp_path).keys() == {f"feed/{path}" for path in files_in(benign[access])}
    for path in files_in(benign[access]):
        assert shape_of(folder / path) == shape_of(benign[access] / path), path
        texts = texts_in(folder / path)
        assert not any(c in text for text in texts for c in FORBIDDEN), path
        if access == "restricted" and path.startswith(("earthranger", "gundi", "comapeo")):
            assert lines_of(folder / path) == lines_of(benign[access] / path), "no name makes a line of its own"


def lines_of(path: Path) -> int:
    """Lines of the longest text, which is the message."""
    return max(text.count("\n") for text in texts_in(path))


@pytest.mark.parametrize("hostile", [n for n in NAMES if visible(n)], ids=lambda n: f"{NAMES.index(n)}")
def test_a_hostile_name_comes_back_as_the_text_it_is(tmp_path: Path, hostile: str) -> None:
    tell(tmp_path, [telling_notice(hostile)])
    wanted = visible(hostile)
    for path in ("alerts.geojson", "MonitoreoDeforestacion.geojson", "MonitoreoDeforestacion.gpkg"):
        assert wanted in texts_in(tmp_path / path), path
    for path in (tmp_path / "gundi").iterdir():
        assert wanted in texts_in(path)
    with sqlite3.connect(tmp_path / "alerts.gpkg") as opened:
        (overlays, platforms) = opened.execute("select overlays, platforms from alerts").fetchone()
    assert {one["name"] for one in json.loads(overlays)} == {wanted} and json.loads(platforms) == [wanted]


@pytest.mark.parametrize(
    "hostile", ["../../x", "a/b", "a\r\nBcc: x", "<b>", "a\x00b", "\u202egnp", "x" * 10_000, "", "á", "."]
)
def test_a_hostile_name_of_a_reader_is_refused(tmp_path: Path, hostile: str) -> None:
    said = {
        "kind": "notify", "name": "note", "job": "job.yaml", "since": "2020-01-01",
        "readers": [{"name": hostile, "channel": {"kind": "feed"}}], "rules": [{"name": "all", "to": [hostile]}],
    }  # fmt: skip
    (tmp_path / "note.yaml").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "note.yaml")
    assert any(problem.route[-1] == "name" for problem in refused.value.problems)


def test_the_checks_can_fail(tmp_path: Path, benign: Mapping[str, Path]) -> None:
    for path in files_in(benign["restricted"]):
        two = [telling_notice("Tambopata"), telling_notice("Tambopata", id="another")]
        tell(tmp_path, two)
        if "/" not in path and not path.endswith(".cap.xml"):
            assert shape_of(tmp_path / path) != shape_of(benign["restricted"] / path), path
    made = replace(telling_notice("\u202egnp"), collection_title="\x00")
    assert any(c in made.collection_title + made.place.overlaps[0].name for c in FORBIDDEN)
