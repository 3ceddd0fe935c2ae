"""The report of a territory as people and programs open it: every part may be missing, both languages, read by other programs."""

import csv
import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas
import numpy as np
import openpyxl
import pytest
import shapely
from pypdf import PdfReader
from territorysetup import (
    GRID,
    HOSTILE,
    WHOLE,
    alerts,
    area,
    asked,
    box_of,
    estimates,
    facts,
    flat_ha,
    history,
    layers,
    register,
    report,
)
from test_outputs import RUN
from wholereports import WHOLE as REPORTS

from detection.codes import TURN_COLOUR
from detection.errors import BadInput
from jobs.outputs.tables import CHANGES
from jobs.outputs.vectors import write_sheet
from jobs.reports.form import page, write
from jobs.reports.parts import Report
from jobs.reports.run import repeated
from jobs.reports.run import report as make
from jobs.reports.territory.asked import Checking, Maps, Outline
from jobs.reports.territory.sketch import MAP_TITLE
from jobs.words import Words, languages

EN, ES = Words("en"), Words("es")
PARTS = ("history", "alerts", "peat", "registers")
NAMES = ("loss of forest year by year, and regrowth", "new alerts", "peat", "areas under restoration")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return REPORTS["territory"](tmp_path_factory.mktemp("whole"))


def said(made: Report, words: Words = EN) -> str:
    return "\n".join((*made.plain(words), *made.unknown(words)))


# ---- what is said


def test_the_first_page_tells_what_is_known_in_hectares_and_football_fields(whole: Report) -> None:
    text = said(whole)
    for part in (
        f"Tres Islas {HOSTILE} measures 108 hectares, about as much as 150 football fields.",
        "From 2015 to 2024 the map shows 10.8 hectares of forest lost here, about 15 football fields.",
        "The most in one year was 9.0 hectares, in 2020; in 2024, the last, it was 0.0.",
        "The years go up and down",
        "People checked such a map of Region on images. If it errs here as it does there, the loss from 2018 to 2023 is between",
        "What it was, as a computer model guesses: forest cleared, 7.2 ha; forest ",
        "forest hurt that still stands, 1.8 ha",
        "forest on peat disturbed, 1.8 ha",
        "Forest grows back on 0.5 hectares, on 0.2 of them for five years or more.",
        "hectares of it are peat",
        "2 alerts are open here. In all 1.8 hectares within the territory. Confirmed: 1; a first sign, not confirmed yet: 1.",
        "1 alert was real and is over. Not counted: 2 that later images took back, and 1 that people rejected.",
        "2 registered areas under restoration lie here. Together they cover 11.2 hectares of it.",
        "More than one area claims 2.3 hectares; these count once.",
    ):  # fmt: skip
        assert part in text
    assert not any(word in text.lower() for word in ("accuracy", "confidence", "stratum", "polygon", "raster", "pixel"))


def test_what_is_not_known_is_owned_up_to(whole: Report) -> None:
    text = said(whole)
    for part in (
        "2.3 hectares (2 %) were not seen well enough to say anything; loss may lie there.",
        "What is smaller than 0.09 hectares, one point of the map, cannot be seen.",
        "Patches of less than 0.5 hectares raise no alert.",
        "is not known: nothing here accuses anybody.",
        "The range takes it that the map errs here as it does in Region; nobody has tested that.",
        "The map rests on images of 2015 to 2024",
        "Alerts are those known on 1 Oct 2024.",
        "A register says where work was announced",
    ):
        assert part in text
    assert "Not looked at: how areas under restoration do." in text and "lie outside of the map" not in text


def test_a_map_that_nobody_checked_is_called_so(tmp_path: Path) -> None:
    made = report(asked(tmp_path, checked=None))
    assert "Nobody has checked the map here on images: these hectares are counted on it, no estimate." in said(made)
    assert "between" not in said(made) and all(row[3:5] == (None, None) for row in made.tables[2].rows)
    left = "whether the map is right, on images; how areas under restoration do; rivers, roads and places"
    assert f"Not looked at: {left}." in said(made)


@pytest.mark.parametrize("left", [(), *((one,) for one in PARTS), PARTS[1:], PARTS])
def test_every_part_may_be_missing_and_is_told_as_not_looked_at(tmp_path: Path, left: tuple[str, ...]) -> None:
    missing: dict[str, Any] = {key: () if key == "registers" else None for key in left}
    made = report(asked(tmp_path, **missing, **({"checked": None} if "history" in left else {})))
    names = dict(zip(PARTS, NAMES, strict=True))
    (line,) = (one for one in made.unknown(EN) if one.startswith("Not looked at: "))
    told = line.removeprefix("Not looked at: ").removesuffix(".").split("; ")
    for key, name in names.items():
        assert (name in told) == (key in left)
    for words in (EN, ES):
        html = page(replace(made, simulated=False), words, languages())
        assert "None" not in html and "nan" not in re.findall(r"\w+", html)
    assert all(len(row) == len(table.columns) for table in made.tables for row in table.rows)


def test_nothing_found_is_a_report_too(tmp_path: Path) -> None:
    calm = layers()["loss_year"] * 0
    made = report(
        asked(
            tmp_path,
            history=Maps(folder=history(tmp_path / "h", loss_year=calm, regrowth_age=None), last_year=2024),
            alerts=alerts(tmp_path / "none", []),
            registers=(register(tmp_path / "far.geojson", [area(0, 0, 2, 2)]),),
        )
    )
    text = said(made)
    for part in (
        "shows no loss of forest here",
        "No alert is open here.",
        "No registered area where restoration has begun lies here.",
    ):
        assert part in text
    assert "between" not in text and "football fields" in text


def test_years_beyond_the_check_are_told(tmp_path: Path) -> None:
    made = report(asked(tmp_path, checked=Checking(path=estimates(tmp_path / "e.csv", first=2021))))
    assert "9.0 hectares of the loss are of years that nobody checked, and in no range." in said(made)


@pytest.mark.parametrize("language", languages())
def test_every_language_says_everything(whole: Report, language: str) -> None:
    words = Words(language)
    lines = (*whole.plain(words), *whole.unknown(words))
    assert len(lines) == len((*whole.plain(EN), *whole.unknown(EN)))
    assert all(one and "{" not in one and one.endswith(".") for one in lines)
    if language != "en":
        other = {*whole.plain(EN), *whole.unknown(EN)}
        heads = [column.about for table in whole.tables for column in table.columns]
        assert not other & set(lines) and all(words.own(one) != one for one in heads if one not in ("Id",))


# ---- what is simulated


@pytest.mark.parametrize("which", ["none", "maps", "alerts", "checked", "config"])
def test_one_simulated_source_makes_the_report_simulated(tmp_path: Path, which: str) -> None:
    file = (
        estimates(tmp_path / "checked" / "area_estimates.csv") if (tmp_path / "checked").mkdir() is None else tmp_path
    )
    (file.parent / "manifest.json").write_text(json.dumps({"simulated": which == "checked"}))
    made = asked(
        tmp_path,
        history=Maps(folder=history(tmp_path / "h", simulated=which == "maps")),
        alerts=alerts(tmp_path / "a", simulated=which == "alerts"),
        checked=Checking(path=file),
    )
    assert report(made, simulated=which == "config").simulated == (which != "none")


# ---- files, opened by other programs


@pytest.fixture(scope="module")
def folder(whole: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(whole, tmp_path_factory.mktemp("out"), languages(), {})


def table(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO((folder / f"{name}.csv").read_text(encoding="utf-8"))))


def test_tables_are_read_by_other_programs_and_agree(folder: Path, whole: Report) -> None:
    rows = table(folder, "territory_facts")
    assert list(rows[0]) == ["measure", "year", "hectares", "low", "high", "source", "note"]
    by_year = {int(one["year"]): float(one["hectares"]) for one in rows if one["measure"] == "loss_mapped"}
    assert by_year == {year: facts(whole)["loss_mapped", year][0] for year in range(2015, 2025)}
    (all_of_it,) = (float(one["hectares"]) for one in rows if one["measure"] == "loss_mapped_all_years")
    assert sum(by_year.values()) == pytest.approx(all_of_it)
    sources = {one["part"] for one in table(folder, "territory_sources")}
    assert {one["source"] for one in rows} <= sources
    book = openpyxl.load_workbook(folder / "report.xlsx")
    assert set(book.sheetnames) >= {"territory_facts", "territory_alerts", "territory_restoration", "territory_sources"}
    assert book["about"]["A2"].value == {"es": "SIMULADO", "en": "SIMULATED"}[languages()[0]]
    newest = [one["short_code"] for one in table(folder, "territory_newest")]
    assert newest == ["CODE1-X", "CODE0-X"], "open ones, the newest first"
    assert len(table(folder, "territory_alerts")) == 7


def test_layers_open_in_gis_and_are_as_large_as_the_tables_say(folder: Path) -> None:
    whole = geopandas.read_file(folder / "territory.gpkg")
    assert whole.crs.to_epsg() == 32719 and whole.area.sum() == pytest.approx(area(*WHOLE).area, rel=1e-5)
    found = geopandas.read_file(folder / "territory_alerts.gpkg").set_index("short_code")
    for one in table(folder, "territory_alerts"):
        row = found.loc[one["short_code"]]
        assert row["hectares"] == pytest.approx(float(one["hectares"]))
        assert flat_ha(row.geometry) == pytest.approx(row["hectares"], rel=3e-3), "6 decimals"
        assert whole.geometry[0].buffer(0.2).covers(row.geometry)


def test_patches_of_loss_are_cut_to_the_territory_and_to_its_years(tmp_path: Path) -> None:
    asked_for = asked(tmp_path)
    plan = [("loss", 2023, (20, 10, 22, 20)), ("loss", 2023, (3, 20, 7, 24)), ("regrowth", 2023, (10, 10, 12, 12)),
            ("loss", 2001, (30, 10, 32, 12)), ("loss", 2023, (0, 0, 2, 2))]  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"id": f"p{i}", "kind": kind, "year": year, "area_ha": flat_ha(area(*where)), "simulated": False}
        for i, (kind, year, where) in enumerate(plan)
    ]
    cells = [np.add(box_of(*where), (GRID.first_row, GRID.first_column)).astype(np.int32) for _, _, where in plan]
    run = replace(RUN, grid=GRID, simulated=False)
    write_sheet(CHANGES, rows, cells, tmp_path / "history", colours=TURN_COLOUR, run=run)
    (layer,) = (one for one in report(asked_for).layers if one.name == "territory_loss")
    assert [row["id"] for row in layer.rows] == ["p0", "p1"], "not regrowth, not before the years told, not elsewhere"
    sizes = [flat_ha(area(20, 10, 22, 20)), flat_ha(area(5, 20, 7, 24))]
    assert [row["hectares"] for row in layer.rows] == pytest.approx(sizes, rel=3e-3), "6 decimals"
    assert layer.rows[1]["area_ha"] == pytest.approx(2 * sizes[1], rel=1e-4)


def test_drawings_are_drawings_and_harmless(whole: Report) -> None:
    for chart in whole.charts:
        for words in (EN, ES):
            tree = ElementTree.fromstring(chart.draw(words))
            texts = [node.text or "" for node in tree.iter() if node.tag.endswith("text")]
            assert texts and chart.alt(words)
            if chart.name == "territory_map":
                assert any(one.endswith(" m") for one in texts) and words.say("open alert") in texts
                assert {words.say(one) for one in ("river", "settlement", "edge of the territory")} <= set(texts)
                assert len(chart.draw(words)) < 100_000
            else:
                assert {"2015", "2023", words.say("estimate and its range")} <= set(texts)


def test_pages_believe_no_text_and_ask_nobody(folder: Path) -> None:
    for language in languages():
        html = (folder / f"report.{language}.html").read_text(encoding="utf-8")
        assert "<script>" not in html and "&lt;script&gt;" in html
        assert ("SIMULADO" in html) == (language == "es")


def test_two_sheets_of_paper_hold_it_in_every_language(folder: Path, whole: Report) -> None:
    for language in languages():
        sheets = [one.extract_text() for one in PdfReader(folder / f"report.{language}.pdf").pages]
        printed, words = " ".join(" ".join(sheets).split()), Words(language)
        assert len(sheets) == 2
        assert all(" ".join(line.split()) in printed for line in (*whole.plain(words), *whole.unknown(words)))
        assert "CODE0-X" in printed and "CODE1-X" in printed and "19S" in printed and words.say(MAP_TITLE) in printed


# ---- from a config


CONFIG = """kind: report
name: here
place: Tres Islas
territory:
  area: {{path: areas.gpkg, id_column: code, id: A-1}}
  history: {{folder: history}}
  alerts: alerts
  peat: {{path: peat.geojson, source: hand, version: "1"}}
  registers: [{{name: one, path: one.geojson}}]
  checked: {{path: area_estimates.csv}}
output: {{folder: {out}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    asked(tmp_path)
    file = tmp_path / "here.yaml"
    file.write_text(CONFIG.format(out=tmp_path / "out"), encoding="utf-8")
    return file


def test_a_config_makes_the_report_and_makes_it_again(config: Path) -> None:
    folder, _ = make(config, "territory")
    assert (folder / "report.es.html").is_file() and "SIMULADO" not in (folder / "report.es.html").read_text(
        encoding="utf-8"
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["runs"].values()) == {"run-h"} and len(manifest["inputs"]) >= 9
    again = repeated(manifest, folder)
    assert again.complete and len(again.same) == len(manifest["files"])
    (config.parent / "area_estimates.csv").write_text("other")
    assert any("area_estimates.csv has changed" in one for one in repeated(manifest, folder).lacking)


def test_the_order_of_files_makes_no_difference(tmp_path: Path) -> None:
    shapes = [area(20, 20, 30, 30), area(25, 25, 32, 32)]
    some = [register(tmp_path / f"{name}.geojson", [one]) for name, one in zip("ab", shapes, strict=True)]
    made = [report(asked(tmp_path, registers=tuple(order))) for order in (some, some[::-1])]
    assert facts(made[0]) == facts(made[1]) and made[0].tables[3].rows == made[1].tables[3].rows


@pytest.mark.parametrize("at", [(-60, -12), (20, 40), (111, 0), (-69, 89)])
def test_a_territory_far_from_the_map_is_refused_in_one_line(tmp_path: Path, at: tuple[float, float]) -> None:
    file = tmp_path / "far.geojson"
    shape = shapely.box(*at, at[0] + 0.1, at[1] + 0.1)
    file.write_text(f'{{"type":"Feature","properties":{{}},"geometry":{shapely.to_geojson(shape)}}}')
    with pytest.raises(BadInput, match=r"lies outside of the maps|far outside the zone of EPSG:32719") as caught:
        report(asked(tmp_path, area=Outline(path=file)))
    assert "\n" not in str(caught.value)
