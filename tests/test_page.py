"""The page of an alert: all that there is to say, in the reader's language, in one file that does nothing."""

import re
import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from jobsetup import NOON, link, start, write_scenes
from noticesetup import RESERVE
from pagesetup import BLOCK, CHANGE, CLEAR, GRID, LAST, chip, cube, facts, hard, history, looks, notice_of, record
from test_message import FOLDER, HOSTILE, LANGUAGES, marked

from detection.alerts import short_code
from detection.codes import Observation
from detection.errors import BadInput
from detection.types import to_day
from jobs import cli
from jobs.config import load
from jobs.database import ALERTS, FILE_NAME, REVISIONS, default_url, open_database, writing
from jobs.notify import compose, pages
from jobs.notify.asked import NotifyConfig, Pages, Reader
from jobs.notify.evidence import Evidence, Look, evidence_of
from jobs.notify.lookup import last_of
from jobs.notify.message import STATUS
from jobs.notify.page import FEWER_ROWS, LONGEST_NAME, MOST_BYTES, MOST_ROWS, MOST_STEPS, PageFacts, page_of
from jobs.notify.policy import Rule
from jobs.notify.run import notify
from jobs.overlays import Overlay
from jobs.words import Words, catalogue

SPANISH = Words("es")


class Page(HTMLParser):
    """What a page holds: tags, attributes, the text of its body."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.parts: list[str] = []
        self.feed(page.partition("</style>")[2])
        self.said = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(STATUS))
def test_the_status_and_what_it_means_come_first_in_every_language(language: str, status: str) -> None:
    words = Words(language)
    page = page_of(facts(status=status, simulated=False), words)
    assert f'<html lang="{language}">' in page and "banner" not in page.partition("</style>")[2]
    word, meaning = (words.say(text) for text in STATUS[status])
    said = Page(page).said
    assert said.index(f"{word}. {meaning}") < said.index(words.say("Before and after"))
    assert not re.search("illegal|ilegal|unlawful|ilícit", page, re.IGNORECASE)
    simulated = Page(page_of(facts(status=status), words)).said
    assert simulated.startswith(words.say("SIMULATED: made from invented images. Nothing happened at this place."))


def test_a_page_by_hand() -> None:
    said = Page(page_of(facts(simulated=False), SPANISH)).said
    for part in (
        "CONFIRMADA: Bosque talado (quizá minería), 4.9 ha, Reserva Nacional Tambopata [40SSKF-0]",
        "Antes: 8 may 2024, Landsat", "Después: 20 ago 2024, Landsat", "USGS Landsat",
        "El valor de NBR solía ser 0.72 antes del cambio; desde entonces, 0.21.",
        "A última imagen despejada antes: 8 may 2024", "B primera imagen con el cambio: 1 jun 2024", "C alarma: 9 jun 2024",
        "D confirmada: 17 jun 2024", "Entre el 8 may 2024, cuando se vio bosque allí por última vez, y el 1 jun 2024",
        "Imágenes tomadas entre esas fechas: 3; en 1 de ellas el lugar estaba tapado.",
        "Landsat 102 34 17 ago 2024 3 días", "del 1 jun 2022 al 20 ago 2024",
        "Reserva Nacional Tambopata (RN) Mapa: protected-areas 2024-01 1.1 ha (100 %)",
        "Comunidad Nativa Infierno Mapa: communities 2023 a 850 m", "Estas áreas pueden superponerse: no deben sumarse.",
        "A 48 km al suroeste de Puerto Maldonado", "270 m de oeste a este y 180 m de norte a sur",
        "De diez alertas así, unas 9 son pérdida de bosque (93 %).", "exactitud local desconocida",
        "CONFIRMADA. 1.6 ha más, ahora 3.2 ha; 3.1 ha confirmadas; probabilidad 93 %, antes 60 %.",
        "PROVISIONAL. Bosque talado (quizá minería), 1.6 ha.",
        "EPSG:32719@30m", "Cambio más pequeño que se avisa",
    ):  # fmt: skip
        assert part in said, part


def test_a_restored_area_is_told_to_be_one() -> None:
    restored = replace(
        RESERVE, layer="restored", version="2026", kind="restoration-area", name="Parcela 7", category="pasto"
    )
    for category, shown in (("pasto", "pasto; área en restauración"), ("", "área en restauración")):
        told = notice_of(record(), (replace(restored, category=category),))
        said = Page(page_of(replace(facts(simulated=False), notice=told), SPANISH)).said
        assert f"Parcela 7 ({shown}) Mapa: restored 2026 1.1 ha (100 %)" in said


def test_nothing_is_left_in_english() -> None:
    spanish = catalogue("es")
    nothing = replace(hard(), evidence=Evidence((), CHANGE), chip=None)
    old = replace(
        facts(), evidence=Evidence(looks(8, date(2024, 6, 3)), CHANGE), past=history(record(), MOST_STEPS + 9)
    )
    for made in (facts(), hard(), nothing, old, facts(model=None, probability=None, last_clear_before=None)):
        said = Page(page_of(made, SPANISH)).said
        for text in marked():
            message = spanish.get(text)
            whole = re.split(r"\{\w+\}", text)
            if message is not None and message.string != text and max(map(len, whole)) > 7:
                assert not all(part in said for part in whole), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_case_stays_small_and_says_what_it_leaves_out(language: str) -> None:
    made, words = hard(), Words(language)
    page = page_of(made, words)
    assert len(page.encode()) <= MOST_BYTES and page == page_of(made, words)
    assert len(re.findall('base64,([^"]+)', page)[0]) > 60_000, "its picture is as large as any"
    more = len(made.evidence.looks) - MOST_ROWS
    assert more > 200
    assert words.count("{n} older image is not listed here.", "{n} older images are not listed here.", more) in page
    assert page.count("<tr><td>") == MOST_ROWS
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", page)) > 200, "every look is drawn"
    assert words.say("Drawn in squares of {side}.", side="60 m") in page
    most = replace(
        made, past=history(made.notice.alert, MOST_STEPS + 9), notice=notice_of(made.notice.alert, [RESERVE] * 45)
    )
    said = Page(page_of(most, words)).said
    assert words.count("{n} revision between is not listed.", "{n} revisions between are not listed.", 9) in said
    assert words.count("{n} more that it touches is not listed.", "{n} more that it touches are not listed.", 5) in said


def test_what_would_be_too_large_lists_less_and_at_last_shows_no_picture() -> None:
    made, trees = hard(), "🌳" * 300
    wide = [replace(RESERVE, name=trees, category=trees, layer=trees, version=trees, feature=str(i)) for i in range(40)]
    few = replace(made, notice=notice_of(made.notice.alert, wide[:25]))
    page = page_of(few, SPANISH)
    assert len(page.encode()) <= MOST_BYTES and page.count("<tr><td>") == FEWER_ROWS and "base64" in page
    most = replace(few, notice=notice_of(made.notice.alert, wide), past=history(made.notice.alert, MOST_STEPS))
    page = page_of(most, SPANISH)
    assert len(page.encode()) <= MOST_BYTES and "base64" not in page and "demasiado grande" in page


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(name: str) -> None:
    plain = Page(page_of(facts(), SPANISH))
    one = replace(RESERVE, name=name, category=name, layer=name, version=name)
    made = facts(baseline=name, model=name)
    page = page_of(replace(made, notice=notice_of(made.notice.alert, (one,))), SPANISH)
    read = Page(page)
    assert read.tags == plain.tags and "script" not in read.tags
    assert {key for key, _ in read.attributes} == {key for key, _ in plain.attributes}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", page)
    assert max(map(len, read.said.split())) <= 2 * LONGEST_NAME + 5_100, "the model's name alone is whole"


def test_a_page_needs_nothing_but_itself() -> None:
    page = page_of(facts(), SPANISH)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    addresses = [value for key, value in Page(page).attributes if key in ("src", "href", "action", "srcset", "data")]
    assert len(addresses) == 2 and all(value.startswith(("data:image/png;base64,", "geo:-12.9")) for value in addresses)
    assert (
        "url(" not in page
        and "@import" not in page
        and "<script" not in page
        and "//" not in re.sub('base64,[^"]+', "", page)
    )


def test_without_looks_it_says_so_and_makes_nothing_up() -> None:
    made = replace(facts(), evidence=Evidence((), CHANGE), chip=None)
    said = Page(page_of(made, SPANISH)).said
    assert "Sin curva" in said and "Sin foto" in said and "no se puede contar lo que estuvo tapado" in said
    was, is_ = np.random.default_rng(1).random((2, 900, 900)).astype(np.float32)
    endless = replace(chip(), was=was, is_=is_, cells=np.eye(900, dtype=bool))
    assert "demasiado grande" in page_of(replace(made, chip=endless), SPANISH)
    dark = [replace(look, value=None, clear=0.1) for look in looks(16)]
    said = Page(page_of(replace(made, evidence=Evidence(tuple(dark), CHANGE)), SPANISH)).said
    assert "Sin curva" in said and "Landsat 51 51 nunca" in said


class Fake:
    """Kept looks of two tiles: the left and the right half of GRID."""

    def __init__(self, values: Any, days: list[int], seam: int) -> None:
        self.cubes = {
            0: cube(values[:, :, :seam], days, replace(GRID, shape=(120, seam))),
            1: cube(values[:, :, seam:], days, GRID.window(0, seam, 120, 120 - seam)),
        }
        self.seam = seam

    def parts(self, alert: Any) -> list[Any]:
        place = alert.cells - (GRID.first_row, GRID.first_column)
        left = place[:, 1] < self.seam
        return [
            SimpleNamespace(tile=0, place=place, inside=left),
            SimpleNamespace(tile=1, place=place - (0, self.seam), inside=~left),
        ]

    def looks(self, tile: int) -> Any:
        return self.cubes[tile]


def test_a_value_is_the_mean_over_the_cells_that_were_clear_on_all_tiles() -> None:
    made, first = record(), to_day(CHANGE)
    days = [first - 30, first - 20, first - 10, first, first + 5, to_day(LAST) + 1]
    values = np.full((len(days), *GRID.shape), 9.0, np.float32)
    inside = np.s_[:, BLOCK[:, 0], BLOCK[:, 1]]
    values[inside] = np.arange(len(BLOCK)) / 100
    values[1, :, :5] = np.nan
    values[2, :, :4] = np.nan
    kept = Fake(values, days, 4)
    kept.cubes[0].observation[4] = Observation.OUTSIDE
    kept.cubes[0].values[4] = np.nan
    found = evidence_of(made, kept)  # type: ignore[arg-type]
    whole, right = np.arange(len(BLOCK)) / 100, BLOCK[:, 1] >= 4
    assert [look.scene.day for look in found.looks] == days[:5], "what came after the revision is not known to it"
    assert found.looks[0].value == pytest.approx(whole.mean(), rel=1e-5) and found.looks[0].clear == 1
    assert found.looks[1].value is None and found.looks[1].clear == pytest.approx(4 / 9)
    assert found.looks[2].value == pytest.approx(whole[right].mean(), rel=1e-5)
    assert found.looks[4].value == pytest.approx(whole[right].mean(), rel=1e-5)
    assert found.hidden(CHANGE - timedelta(21), CHANGE) == (1, 2)
    kept.cubes[1].observation[4] = Observation.OUTSIDE
    assert [look.scene.day for look in evidence_of(made, kept).looks] == days[:4], "it did not reach the place"  # type: ignore[arg-type]


def test_every_kind_of_sensor_has_its_curve_and_its_shape() -> None:
    seen = looks(5, platforms=("landsat-9", "sentinel-2a", "sentinel-1a", "cbers-4a"))
    assert Evidence(tuple(look for look in seen if look.scene.radar or look.day > CHANGE), CHANGE).planes == (
        "nbr",
        "vv",
    )
    page = page_of(replace(facts(), evidence=Evidence(seen, CHANGE)), SPANISH)
    assert page.count('<svg class="wide" viewBox="0 0 360 250"') == 2 and "VV (radar)" in page
    assert (
        'stroke-linecap="round"' in page
        and 'stroke-linecap="square"' in page
        and "l3.4 6h-6.8z" in page
        and "cbers-4a" in page
    )
    assert set(re.findall(r"<h(\d)", page)) == {"1", "2", "3"}


def test_a_chart_of_one_look_and_of_years_can_be_drawn() -> None:
    for some in (looks(8)[-1:], looks(8)[:1] + looks(8)[-1:], looks(30, date(1990, 1, 1))):
        page = page_of(replace(facts(), evidence=Evidence(some, CHANGE)), SPANISH)
        drawn = page.replace("M6.0 6.0h0", "")
        numbers = [float(x) for x in re.findall(r"M([\d.-]+) [\d.]+h0", drawn)]
        assert all(42 <= x <= 352 for x in numbers) and "nan" not in page.partition("</style>")[2]


CONFIG = NotifyConfig(
    name="note", job=Path("job.yaml"), since=date(2024, 1, 1), readers=(Reader(name="jefatura", channel=Pages()),),
    rules=(Rule(name="all", to=("jefatura",)),),
)  # fmt: skip


def test_the_public_has_no_pages_and_partners_see_no_hidden_layer() -> None:
    reader = CONFIG.readers[0]
    with pytest.raises(ValueError, match="a page shows the place, and a reader of pages is the public") as refused:
        replace(CONFIG, readers=(replace(reader, access="public"),), seal="env:SEAL")
    assert "\n" not in str(refused.value)
    overlay = Overlay(
        name=RESERVE.layer, kind="protected-area", path=Path("x.gpkg"), source="x", version="1", restricted=True
    )
    made = facts()
    (seen,) = compose.seen_by(replace(CONFIG, overlays=(overlay,)), replace(reader, access="partners"), [made.notice])
    assert "Tambopata" not in page_of(replace(made, notice=seen), SPANISH)


def told(*made: PageFacts) -> list[Any]:
    return [one.notice for one in made]


def test_a_folder_has_a_page_an_alert_and_a_list_the_newest_first(tmp_path: Path) -> None:
    written: list[str] = []

    def page(notice: Any, words: Words) -> str:
        written.append(notice.ident)
        return page_of(replace(facts(), notice=notice), words)

    one, two = facts(id="a" * 8, short_code="AAAAAA-A"), facts(id="b" * 8, short_code="BBBBBB-B", status="expired")
    older = replace(one.notice, known_at=one.notice.known_at - timedelta(1))
    assert pages.put(tmp_path, [older], {"a" * 8}, page, "Tambopata", SPANISH).state == "sent"
    assert pages.put(tmp_path, [older, two.notice], {"b" * 8}, page, "Tambopata", SPANISH).state == "sent"
    assert written == [older.ident, two.notice.ident], "what is there and not told now stays as it is"
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "AAAAAA-A.html", "BBBBBB-B.html"}
    index = (tmp_path / "index.html").read_text()
    assert [v for k, v in Page(index).attributes if k == "href"] == ["BBBBBB-B.html", "AAAAAA-A.html"]
    assert (
        "ANULADA" in index and "CONFIRMADA" in index and "Alertas avisadas: Tambopata" in index and "2 alertas" in index
    )
    (tmp_path / "AAAAAA-A.html").unlink()
    pages.put(tmp_path, [older, two.notice], set(), page, "Tambopata", SPANISH)
    assert (tmp_path / "AAAAAA-A.html").exists(), "a page that is gone is made again"
    twin = replace(two.notice, alert=replace(two.notice.alert, id="c" * 8))
    pages.put(tmp_path, [two.notice, twin], {"c" * 8}, page, "Tambopata", SPANISH)
    assert (tmp_path / f"BBBBBB-B_{'b' * 8}.html").exists() and (tmp_path / f"BBBBBB-B_{'c' * 8}.html").exists()
    (tmp_path / "file").write_text("")
    assert pages.put(tmp_path / "file", [older], set(), page, "x", SPANISH).state == "again"


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
  - {{name: jefatura, channel: {{kind: pages, path: {pages}}}}}
  - {{name: partners, channel: {{kind: folder, path: letters}}, language: en, access: partners}}
  - {{name: all, channel: {{kind: feed, path: feed}}, access: public}}
rules:
  - {{name: all, to: [jefatura, partners, all]}}
embargo: {{partners_days: 3000, public_days: 3000}}
seal: env:SEAL
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job has seen the clearing begin, was told of, and has seen the rest."""
    folder = tmp_path_factory.mktemp("job")
    scenes = write_scenes(tmp_path_factory.mktemp("scenes"))
    link(scenes, folder / "scenes", lambda day: day < date(2024, 7, 20))
    (folder / "job.yaml").write_text(JOB.format(folder=folder / "scenes", out=folder / "out"))
    (folder / "note.yaml").write_text(NOTE.format(pages=folder / "pages"))
    start(folder / "scenes", folder / "out")
    asked = load(folder / "note.yaml")
    assert isinstance(asked, NotifyConfig)
    assert notify(asked, now=lambda: NOON).complete
    (folder / "first").mkdir()
    for path in (folder / "pages").iterdir():
        (folder / "first" / path.name).write_bytes(path.read_bytes())
    link(scenes, folder / "scenes", lambda _: True)
    start(folder / "scenes", folder / "out")
    assert notify(asked, now=lambda: NOON + timedelta(hours=1)).complete
    return folder


def test_a_later_revision_makes_its_page_anew(home: Path) -> None:
    before, after = ({path.name: path.read_text() for path in (home / name).iterdir()} for name in ("first", "pages"))
    assert set(before) <= set(after) and len(before) >= 2
    alerts = set(before) - {"index.html"}
    assert any(before[name] != after[name] for name in alerts)
    for name, page in after.items():
        assert len(page.encode()) <= MOST_BYTES
        if name in before and before[name] != page and name != "index.html":
            assert "(Revisión 2)" in page and "(Revisión 1)" in page
    links = re.findall(r'href="([^"]+)"', after["index.html"])
    assert sorted(links) == sorted(set(after) - {"index.html"})


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sachawatch", *map(str, words)])
    code: Any = 0
    try:
        cli.main()
    except SystemExit as left:
        code = left.code
    caught = capsys.readouterr()
    return code or 0, caught.out, caught.err


def test_a_page_is_had_by_code_or_id_and_a_wrong_one_is_one_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = next(path.stem for path in (home / "pages").iterdir() if path.stem != "index")
    engine = open_database(default_url(home / "out" / "small"))
    ident, _ = last_of(engine, "small", code)
    assert short_code(ident) == code and last_of(engine, "small", f" {ident} ")[0] == ident
    out = tmp_path / "page.html"
    assert call(monkeypatch, capsys, "page", home / "note.yaml", code, "--out", out) == (0, f"open {out}\n", "")
    first = out.read_text()
    assert code in first and 'lang="es"' in first
    assert call(monkeypatch, capsys, "page", home / "note.yaml", ident, "--out", out, "--reader", "partners")[0] == 0
    assert 'lang="en"' in out.read_text()
    out.unlink()
    for words, said in (
        ((short_code("nobody"),), f"small: no alert has the code or id '{short_code('nobody')}'"),
        (("ZZZZZZ-Z",), "code 'ZZZZZZ-Z': its check character does not fit"),
        ((code, "--reader", "nadie"), "note: no reader 'nadie'; there is jefatura, partners, all"),
        ((code, "--reader", "all"), "note: all is the public, and a page shows the place"),
    ):
        status, told_, error = call(monkeypatch, capsys, "page", home / "note.yaml", *words, "--out", out)
        assert status == cli.BAD_CONFIG and told_ == "" and error.startswith(said) and error.count("\n") == 1
        assert not out.exists()
    status, _, error = call(monkeypatch, capsys, "page", home / "job.yaml", code, "--out", out)
    assert status == cli.BAD_CONFIG and "this command takes a config of kind notify" in error


OTHER = "ffffffff-0000-5000-8000-000000000000"
CODE = short_code(OTHER)


def test_two_alerts_with_one_code_are_told_apart(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(home / "out" / "small" / FILE_NAME, tmp_path / FILE_NAME)
    engine = open_database(default_url(tmp_path))
    with writing(engine) as connection:
        row = connection.execute(sa.select(ALERTS)).first()
        last = connection.execute(sa.select(REVISIONS).where(REVISIONS.c.alert == row.id)).first()
        connection.execute(sa.insert(ALERTS).values({**row._mapping, "id": OTHER}))
        connection.execute(sa.insert(REVISIONS).values({**last._mapping, "alert": OTHER}))
    monkeypatch.setattr("jobs.notify.lookup.short_code", lambda _: CODE)
    with pytest.raises(BadInput, match=f"alerts have the code {CODE}; give the id of one: .*{OTHER}"):
        last_of(engine, "small", CODE)
    assert last_of(engine, "small", OTHER) == (OTHER, last.number)


def test_no_text_of_any_message_judges() -> None:
    texts = " ".join(file.read_text(encoding="utf-8") for file in FOLDER.rglob("*") if file.suffix in (".po", ".j2"))
    assert not re.search("illegal|ilegal|unlawful|ilícit", texts + " ".join(marked()), re.IGNORECASE)


def test_a_picture_of_a_page_is_said_in_words() -> None:
    made = Page(page_of(replace(facts(), chip=chip()), SPANISH))
    (alt,) = (value for key, value in made.attributes if key == "alt")
    assert alt == "el lugar antes y después. antes: 8 may 2024, Landsat; después: 20 ago 2024, Landsat"
    labels = [value for key, value in made.attributes if key == "aria-label"]
    assert len(labels) == 2 and all(labels)


def test_a_look_knows_its_day() -> None:
    assert isinstance(looks(8)[0], Look) and looks(8)[0].day == date(2022, 6, 1) and CLEAR < CHANGE < LAST
