"""The report of restoration: what areas do, hectares counted once, baselines that stay, files that their receivers open."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from restorationsetup import CELL_HA, SHAPES, archive, everything, feature, outline, register
from shapely import box

from jobs.cli import main
from jobs.reports.form import as_csv, files
from jobs.reports.parts import Report
from jobs.reports.restoration import cells as cells_module
from jobs.reports.restoration.asked import Exchange, Quota, RecoveryAsked, RegisterFile, RestorationReport
from jobs.reports.restoration.equalarea import hectares
from jobs.reports.restoration.land import Land, read_land
from jobs.reports.restoration.recovery import Measuring
from jobs.reports.restoration.report import restoration_report
from jobs.words import Words

EN, ES = Words("en"), Words("es")
QUICK = Measuring(draws=200)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("history"))


def asked(folder: Path, history: Path | None, *registers: Path, **more: Any) -> RestorationReport:
    named = tuple(RegisterFile(name=path.stem, path=path) for path in registers)
    recovery = None if history is None else RecoveryAsked(history=history, measuring=QUICK, **more.pop("recovery", {}))
    return RestorationReport(registers=named, recovery=recovery, exchange=Exchange(project="PE-T", year=2024), **more)


def made(folder: Path, history: Path | None, *registers: Path, **more: Any) -> Report:
    return restoration_report(asked(folder, history, *registers, **more), "Tambopata")


def table(report: Report, name: str) -> list[dict[str, str]]:
    found = next(one for one in report.tables if one.name == name)
    return list(csv.DictReader(io.StringIO(as_csv(found).decode())))


def whole(folder: Path, history: Path | None, **more: Any) -> Report:
    return made(folder, history, register(folder / "a.geojson", *everything()), **more)


def test_every_area_does_what_was_made(history: Path, tmp_path: Path) -> None:
    rows = {row["area_id"]: row for row in table(whole(tmp_path, history), "restoration_areas")}
    said = {name: row["course"] for name, row in rows.items()}
    assert said == {
        "back": "recovering", "bare": "stalled", "again": "recleared", "forest": "untouched", "field": "recovering",
        "far": "not_measured", "tiny": "not_measured", "later": "not_measured",
    }  # fmt: skip
    assert rows["back"]["onset_year"] in ("2012", "2013") and rows["field"]["onset_year"] in ("2013", "2014")
    assert rows["again"]["recleared_year"] == "2020"
    assert rows["back"]["recleared_year"] == rows["bare"]["onset_year"] == ""
    for name in SHAPES:
        assert float(rows[name]["measured_ha"]) == pytest.approx(100 * CELL_HA, rel=2e-3)
        assert float(rows[name]["area_ha"]) == pytest.approx(100 * CELL_HA, rel=2e-3)
    assert float(rows["back"]["restored_ha"]) == pytest.approx(100 * CELL_HA, rel=2e-3)
    assert float(rows["bare"]["restored_ha"]) == float(rows["again"]["restored_ha"]) == 0
    assert rows["later"]["why_not_measured"] == "restoration has not begun" and rows["later"]["counted"] == "False"
    assert rows["far"]["why_not_measured"] == rows["tiny"]["why_not_measured"] != ""


def test_a_blind_archive_says_nothing_and_a_shifted_one_something_else(tmp_path: Path, history: Path) -> None:
    """The figures rest on the images: of others they are others."""
    blind = archive(tmp_path / "blind", dict.fromkeys(range(2001, 2025), -4.0))  # beyond what can be: stored as it is
    courses = {row["course"] for row in table(whole(tmp_path, blind), "restoration_areas")}
    assert "recovering" not in courses
    moved = [feature(name, outline(name, shift=450)) for name in SHAPES]
    rows = table(made(tmp_path, history, register(tmp_path / "m.geojson", *moved)), "restoration_areas")
    assert [row["course"] for row in rows].count("untouched") >= 2


def test_the_first_page_says_it_in_hectares(history: Path, tmp_path: Path) -> None:
    report = whole(tmp_path, history, quotas=(Quota(region="madre de dios", hectares=90),))
    text = " ".join(report.plain(EN))
    assert "restoration had begun on 54.0 hectares, in 7 registered areas" in text
    assert "1 area is registered but has not begun" in text
    assert "Coming back: 18.0 hectares" in text and "Cleared again: 9.0 hectares" in text
    assert "Restored, which is not the same as under restoration: 18.0 hectares" in text
    assert "1 area was mostly cleared again: it wants a visit first." in text
    assert "madre de dios: 60.0 % of the 90.0 hectares" in text
    assert "2 areas are smaller than a cell" in " ".join(report.unknown(EN))
    assert "Talada otra vez: 9.0 hectáreas" in " ".join(report.plain(ES))


def test_the_order_of_areas_and_how_maps_are_read_change_nothing(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = whole(tmp_path, history)
    other = made(tmp_path, history, register(tmp_path / "a.geojson", *everything()[::-1]))
    monkeypatch.setattr(cells_module, "WINDOW", 7)
    third = whole(tmp_path, history)
    for name in [found.name for found in one.tables]:
        assert table(one, name) == table(other, name) == table(third, name), name


def test_of_large_areas_some_cells_stand_for_all(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells_module, "MOST_CELLS", 30)
    rows = {row["area_id"]: row for row in table(whole(tmp_path, history), "restoration_areas")}
    assert rows["back"]["course"] == "recovering" and rows["again"]["course"] == "recleared"
    assert float(rows["back"]["measured_ha"]) == pytest.approx(100 * CELL_HA, rel=2e-3)


def test_land_of_two_registers_counts_once(history: Path, tmp_path: Path) -> None:
    """Hectares, and what they do; where it is lies in a layer."""
    first = register(tmp_path / "one.geojson", feature("x", outline("back")), feature("y", outline("bare")))
    second = register(tmp_path / "two.geojson", feature("z", outline("back", shift=150)))
    report = made(tmp_path, history, first, second)
    rows = {row["register"]: row for row in table(report, "restoration_registers")}
    assert float(rows["all registers"]["under_restoration_ha"]) == pytest.approx(25 * 10 * CELL_HA, rel=2e-3)
    (pair,) = table(report, "restoration_overlaps")
    assert (pair["register"], pair["area_id"], pair["other_area_id"]) == ("one", "x", "z")
    assert float(pair["shared_ha"]) == pytest.approx(50 * CELL_HA, rel=2e-3)
    layer = next(one for one in report.layers if one.name == "restoration_overlaps_map")
    assert hectares(layer.shapes) == pytest.approx(float(pair["shared_ha"]), rel=1e-6)
    said = " ".join(report.plain(EN))
    assert "would count 4.5 hectares too many" in said and "Coming back: 9.0 hectares" in said


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 5)), min_size=1, max_size=6), st.data())
def test_a_further_register_adds_its_own_land_and_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, squares: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("land")
    shapes = [box(-70 + x / 100, -12 + y / 100, -70 + (x + s) / 100, -12 + (y + s) / 100) for x, y, s in squares]
    cut = data.draw(st.integers(0, len(shapes)))
    parts = [part for part in (shapes[:cut], shapes[cut:]) if part]
    named = [
        register(folder / f"r{n}.geojson", *(feature(f"{i}", one) for i, one in enumerate(part)))
        for n, part in enumerate(parts)
    ]
    land: Land = read_land(asked(folder, None, *named))
    assert land.under_restoration == pytest.approx(hectares([shapely.union_all(shapes)]), rel=1e-9)
    assert land.counted_twice == pytest.approx(sum(land.sums.values()) - land.under_restoration, abs=1e-9)
    if len(named) == 2:
        alone = read_land(asked(folder, None, named[0]))
        both = shapely.intersection(shapely.union_all(parts[0]), shapely.union_all(parts[1]))
        gain = land.under_restoration - alone.under_restoration
        assert gain == pytest.approx(land.sums["r1"] - hectares([both]), rel=1e-6, abs=1e-6)


def test_baselines_stay_what_they_were(history: Path, tmp_path: Path) -> None:
    """The table of one report is what the next is held against; other values of those years are named, later ones are not."""
    first = whole(tmp_path, history)
    frozen = tmp_path / "restoration_baselines.csv"
    frozen.write_bytes(as_csv(next(one for one in first.tables if one.name == frozen.stem)))
    later = archive(tmp_path / "later", {2023: -0.01})
    again = whole(tmp_path, later, recovery={"frozen": frozen})
    assert not any(one.name == "restoration_baselines_changed" for one in again.tables)
    other = archive(tmp_path / "other", {2015: -0.05})
    moved = whole(tmp_path, other, recovery={"frozen": frozen})
    assert len(table(moved, "restoration_baselines_changed")) == 5
    assert table(moved, "restoration_baselines_changed")[0] == {"what_differs": "a/again, nbr: sha256"}
    assert "5 areas are no longer what they were" in " ".join(moved.unknown(EN))


def test_files_for_platforms_are_opened_by_others(history: Path, tmp_path: Path) -> None:
    content = files(replace(whole(tmp_path, history), layers=()), ("es",))
    registered = hectares([shapely.geometry.shape(one["geometry"]) for one in everything()])
    for name in ("areas.geojson", "areas.kml", "areas.zip"):
        (tmp_path / name).write_bytes(content[f"ferm/{name}"])
        source = f"/vsizip/{tmp_path / name}" if name.endswith("zip") else tmp_path / name
        _meta, _fids, shapes, _values = pyogrio.raw.read(source)
        assert len(shapes) == 8
        assert hectares([shapely.from_wkb(one) for one in shapes]) == pytest.approx(registered, rel=1e-6)
    projects = json.loads(content["ferm/projects.json"])
    assert {one["external_id"] for one in projects} == {one["properties"]["codigo"] for one in everything()}
    rows = list(
        openpyxl.load_workbook(io.BytesIO(content["cbd_nr7_2.1.xlsx"])).worksheets[0].iter_rows(values_only=True)
    )
    assert rows[0][:2] == ("Indicator code", "Indicator") and rows[1][5:7] == (2024, "ha")
    assert rows[1][7] == pytest.approx(54.0, rel=2e-2)
    assert zipfile.ZipFile(io.BytesIO(content["ferm/areas.zip"])).testzip() is None


def test_what_a_receiver_would_refuse_is_refused_here_and_the_rest_is_written(tmp_path: Path) -> None:
    path = register(tmp_path / "a.geojson", feature("x", outline("back")), feature("y", outline("back", shift=150)))
    report = made(tmp_path, None, path)
    rows = {row["file"]: row for row in table(report, "restoration_exchange")}
    assert "x and y share 4.5" in rows["ferm/areas.zip"]["reason"] and rows["ferm/areas.zip"]["state"] == "refused"
    assert rows["ferm/projects.json"]["state"] == rows["cbd_nr7_2.1.xlsx"]["state"] == "written"
    assert set(report.files) == {"ferm/projects.json", "cbd_nr7_2.1.xlsx"}
    assert "3 are not there since their receiver would refuse them" in " ".join(report.plain(EN))


def test_without_a_history_only_the_registers_speak(tmp_path: Path) -> None:
    report = whole(tmp_path, None)
    assert {one["course"] for one in table(report, "restoration_areas")} == {""}
    assert "Whether the land recovers was not looked at" in " ".join(report.unknown(EN))


def test_pages_and_layers_are_written_in_both_languages(history: Path, tmp_path: Path) -> None:
    report = replace(whole(tmp_path, history), simulated=True)
    content = files(report, ("es", "en"))
    assert "SIMULADO" in content["report.es.html"].decode() and "SIMULATED" in content["report.en.html"].decode()
    (tmp_path / "l.gpkg").write_bytes(content["restoration_areas_map.gpkg"])
    meta, _fids, shapes, _values = pyogrio.raw.read(tmp_path / "l.gpkg")
    assert len(shapes) == 8 and meta["crs"] == "EPSG:4326"
    assert content == files(report, ("es", "en"))


MISTAKES = {
    "no folder": (
        {"history": "nowhere"},
        "nowhere: holds no index_yearly.tif; give the folder of the products of a history job",
    ),
    "years": (
        {"baseline_first": 1995},
        "recovery: the history has no year 1995 of the baseline; it has 2001 to 2024",
    ),
    "frozen": ({"frozen": "a.geojson"}, "a.geojson: is no table of baselines"),
}


@pytest.mark.parametrize("change", MISTAKES)
def test_a_mistake_is_one_line(
    history: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, line = MISTAKES[change]
    said = {"history": str(history), "measuring": {"draws": 200}} | keys
    said = {key: str(tmp_path / value) if value in ("nowhere", "a.geojson") else value for key, value in said.items()}
    code, output = ran(tmp_path, everything(), said, monkeypatch, capsys)
    assert code == 78 and line in output.replace(f"{tmp_path}/", ""), output


def test_rows_that_are_wrong_are_named_with_their_columns(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [feature("x", outline("back"), anio_inicio="soon"), feature("x", outline("bare"), actividades="99")]
    code, output = ran(tmp_path, wrong, {"history": str(history)}, monkeypatch, capsys)
    assert code == 78
    assert "a.geojson: row 1, anio_inicio: 'soon'; expected a year or a date" in output
    assert "a.geojson: row 2, codigo: 'x' stands there twice" in output
    assert "a.geojson: row 2, actividades: 99 is not in the vocabulary: 1 to 50" in output


def ran(
    folder: Path,
    areas: list[dict[str, Any]],
    recovery: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, str]:
    """The command, as it is run: (exit code, what it said). Anything but an exit would be a traceback."""
    register(folder / "a.geojson", *areas)
    config = {
        "kind": "report", "name": "r", "place": "Tambopata",
        "restoration": {"registers": [{"name": "a", "path": "a.geojson"}], "recovery": recovery},
    }  # fmt: skip
    (folder / "r.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["sachawatch", "report", "restoration", "r.yaml"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err
