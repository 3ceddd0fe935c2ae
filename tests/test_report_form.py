"""One set of numbers in every form of a report, read back by programs that did not write it."""

import csv
import hashlib
import json
import math
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import openpyxl
import pyogrio
import pytest
from reportsetup import AREAS, HOSTILE, REPORT

from detection.errors import BadInput
from jobs.reports.form import as_csv, as_workbook, figure, files, laid, page, write
from jobs.reports.parts import Column, Table, coded
from jobs.words import Words, _


def test_a_table_is_a_file_whose_figures_are_not_rounded() -> None:
    rows = list(csv.reader(StringIO(as_csv(AREAS).decode(), newline="")))
    assert rows[0] == ["class", "area_ha", "n", "year"]
    assert float(rows[1][1]) == 21157.762123456789 and rows[2][1:3] == ["", ""]
    assert rows[2][0] == HOSTILE and len(rows) == 4


def test_a_workbook_holds_the_same_and_runs_no_formula() -> None:
    book = openpyxl.load_workbook(BytesIO(as_workbook(REPORT, Words("es"))))
    assert book.sheetnames == ["about", "area_estimates", "empty"]
    sheet = book["area_estimates"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("class", "area_ha", "n", "year") and rows[1] == ("loss", 21157.762123456789, 75, 2023)
    assert sheet["A3"].data_type == "s" and sheet["A3"].value.startswith("=HYPERLINK") and sheet["A4"].data_type == "s"
    assert rows[2][1:3] == (None, None)
    assert book["about"]["A2"].value == "SIMULADO" and "ha" in [cell.value for cell in book["about"]["C"]]


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_page_is_one_file_in_its_language_and_believes_no_text(language: str) -> None:
    made = page(REPORT, Words(language), ("es", "en"))
    assert f'lang="{language}"' in made and "<script>" not in made and "Madre de Dios &lt;&amp;&gt;" in made
    assert "http" not in made.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "").replace(
        "http://x.example", ""
    )
    other = {"es": "en", "en": "es"}[language]
    assert f'href="report.{other}.html"' in made
    marked = {"es": "SIMULADO", "en": "SIMULATED"}[language]
    assert made.index(marked) < made.index("<main>")
    assert ("In short" in made) == (language == "en") and ("All figures" in made) == (language == "en")
    assert "21,158" in made and "–" in made


def test_figures_are_read_as_people_do() -> None:
    words, two = Words("es"), Column("a", digits=2)
    assert [figure(value, two, words) for value in (1234.5, 2024, None, math.nan, True, "x")] == [
        "1,234.5", "2024", "–", "–", "sí", "x",
    ]  # fmt: skip
    assert [figure(value, two, words) for value in (1234567.89, 3000.0, 12.3456, 0.0, 1e-7, -1e-7, 1.0, 29753)] == [
        "1,234,568", "3,000", "12.35", "0", "< 0.01", "> -0.01", "1.00", "29,753",
    ]  # fmt: skip


def test_codes_are_explained_on_the_page_and_kept_in_files() -> None:
    code = Column("pool", "", _("Code"), says=coded({"fire": _("yes")}))
    told = Table(
        "pools", _("Code"), (code, Column("n", "ha", _("Size")), Column("cited", page=False)),
        (("fire", 1.5, "x"), ("=<b>", 2.0, "y")),
    )  # fmt: skip
    made = page(replace(REPORT, tables=(told,), simulated=False), Words("es"), ("es",))
    assert "<td>sí<code>fire</code></td>" in made and "=&lt;b&gt;" in made and '<span class="sim">' not in made
    assert (
        '<span class="unit">(ha)</span><code>n</code>' in made
        and "<td>x</td>" not in made
        and "<code>cited</code>" in made
    )
    assert as_csv(told).decode() == "pool,n,cited\nfire,1.5,x\n=<b>,2.0,y\n"


def test_what_is_the_same_in_all_rows_of_a_wide_table_is_said_once() -> None:
    columns = tuple(Column(f"c{i}", "", _("Size")) for i in range(10))
    rows = tuple(("all", "", None, *(float(row + i) for i in range(7))) for row in range(3))
    wide = Table("wide", _("Size"), columns, rows)
    assert [column.name for column, _value in laid(wide).same] == ["c0", "c1"] and len(laid(wide).columns) == 8
    assert laid(replace(wide, rows=rows[:1])).same == laid(replace(wide, rows=())).same == ()
    assert laid(replace(wide, cards=True)).same == () and "<dl>" in page(
        replace(REPORT, tables=(replace(wide, cards=True),)), Words("en"), ("en",)
    )


def test_everything_lies_in_a_folder_of_its_own_and_the_same_report_is_the_same_folder(tmp_path: Path) -> None:
    folder = write(REPORT, tmp_path, ("es", "en"), {"config_sha256": "1" * 64})
    again = write(REPORT, tmp_path, ("es", "en"), {"config_sha256": "1" * 64})
    assert folder == again and (tmp_path / "latest").resolve() == folder
    said = json.loads((folder / "manifest.json").read_text())
    assert said["simulated"] is True and said["inputs"] == {"map.tif": "0" * 64}
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"manifest.json"}
    assert there == set(said["files"]) and {"report.es.html", "report.en.html", "report.xlsx", "points.gpkg"} <= there
    for name, sha256 in said["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    layer = pyogrio.read_dataframe(folder / "points.gpkg")
    assert (
        layer.crs.to_epsg() == 32719 and layer["n"].tolist() == [1, 2] and layer["ha"].isna().tolist() == [False, True]
    )
    other = write(replace(REPORT, tables=(AREAS,)), tmp_path, ("es", "en"), {"config_sha256": "1" * 64})
    assert other != folder and (tmp_path / "latest").resolve() == other and folder.exists()


@pytest.mark.parametrize("name", ["../x.csv", "/etc/x.csv", "a/../../x", "report.xlsx"])
def test_a_file_that_has_no_place_in_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no place in its folder"):
        write(replace(REPORT, files={name: b""}), tmp_path, ("es",), {})
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_written_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jobs.reports.form.write_manifest", full)
    with pytest.raises(OSError, match="No space left"):
        write(REPORT, tmp_path, ("es",), {})
    assert not (tmp_path / "latest").exists() and not [p for p in (tmp_path / "runs").iterdir() if p.name[0] != "."]


def test_the_same_report_is_the_same_bytes() -> None:
    assert files(REPORT, ("es", "en")) == files(REPORT, ("es", "en"))
