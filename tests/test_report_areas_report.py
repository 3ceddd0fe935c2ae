"""The whole report, before and after the answers; every mistake in one clear line, and nothing half-said."""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from areasetup import GRID, NAMES, answered, asked, at, ceo, report, rewritten, world, write_map
from pydantic import TypeAdapter, ValidationError
from shapely import box

from detection.errors import BadInput
from jobs.reports.areas.asked import AreaReport, Boundaries, Buffer, Sampling
from jobs.reports.areas.sample import Sample, design, draw
from jobs.reports.areas.strata import frame, measure
from jobs.reports.parts import Report, Table
from jobs.words import Words

E_ROW_1 = (
    "aoi_id, period_start, period_end, stratum, class, map_area_ha, n_samples, area_ha, se_ha, ci_level, ci_low_ha, ci_high_ha, "
    "ua, ua_se, pa, pa_se, estimator, z, source_version"
)
YEARS = {"year_question": "When?"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_map(tmp_path_factory.mktemp("map") / "map.tif", world()[0], SIMULATED="true")


def drawn(made: AreaReport) -> Sample:
    opened = frame(made)
    return draw(opened, design(measure(opened), made.sampling), made.sampling.seed)


def truths(sample: Sample) -> list[str]:
    return [NAMES[code - 1] for code in at(sample, world()[1])]


def with_answers(there: Path, folder: Path, **changes: Any) -> AreaReport:
    """As two people said, who see what is true; clearings are of 2021."""
    made = asked(there, **changes)
    sample = drawn(made)
    said = truths(sample)
    years = ["2021" if one == "loss" else "" for one in said]
    file = ceo(
        folder / "ceo.csv",
        sample,
        said,
        who=("ana@example.org", "luis@example.org"),
        **{"When?": years, "Image": "2022-08-01"},
    )
    return replace(made, answers=answered(file, year_question="When?", date_column="Image"))


def table(made: Report, name: str) -> Table:
    return next(one for one in made.tables if one.name == name)


def column(made: Table, name: str) -> list:
    return [row[[one.name for one in made.columns].index(name)] for row in made.rows]


def test_before_the_answers_there_is_a_design_and_no_estimate(there: Path) -> None:
    made = report(asked(there))
    assert [one.name for one in made.tables] == ["sample_design"] and made.simulated
    assert [one.name for one in made.charts] == ["map"], "where to look is known already"
    assert set(made.files) == {
        "collect-earth-online/plots.csv",
        "sepal/area_rast.csv",
        "sepal/sampling.csv",
        "collect-earth/points.csv",
        "sample.csv",
    }
    assert "300 places" in made.plain(Words("en"))[0] and "not estimated yet" in made.plain(Words("en"))[1]
    assert "no estimates" in made.unknown(Words("en"))[0]
    (layer,) = made.layers
    assert layer.crs == GRID.crs and len(layer.shapes) == 300
    assert all(shape.area == 900 for shape in layer.shapes)
    assert layer.rows[0]["reference"] is None


def test_after_the_answers(there: Path, tmp_path: Path) -> None:
    made = report(with_answers(there, tmp_path))
    area = table(made, "area_estimates")
    assert ", ".join(one.name for one in area.columns) == E_ROW_1
    whole = [row for row, stratum in zip(area.rows, column(area, "stratum"), strict=True) if stratum == "all"]
    assert [row[4] for row in whole] == list(NAMES)
    assert sum(row[7] for row in whole) == pytest.approx(sum(row[5] for row in whole)), (
        "estimates make up the map's area"
    )
    for name in NAMES:
        parts = [
            v
            for v, c, s in zip(column(area, "area_ha"), column(area, "class"), column(area, "stratum"), strict=True)
            if c == name and s != "all"
        ]
        assert sum(parts) == pytest.approx(next(row[7] for row in whole if row[4] == name))
    counts = table(made, "error_matrix")
    assert sum(sum(row[2:]) for row in counts.rows) == 300
    assert sum(sum(row[2:]) for row in table(made, "error_matrix_proportions").rows) == pytest.approx(1)
    bias = table(made, "map_bias")
    assert column(bias, "bias_ha") == pytest.approx(
        np.array(column(bias, "map_area_ha")) - np.array(column(bias, "area_ha"))
    )
    sae = table(made, "sae_estimates")
    assert [one.name for one in sae.columns][:3] == ["class", "code", "producers_accuracy"] and len(sae.columns) == 17
    assert column(sae, "strRS_area_estimate") == [row[7] for row in whole]
    years = table(made, "change_by_year")
    assert column(years, "year") == [2020, 2021, 2022, None]
    assert sum(column(years, "area_ha")) == pytest.approx(whole[0][7])
    agreed = table(made, "agreement")
    assert dict(zip(column(agreed, "measure"), column(agreed, "value"), strict=True)) == {
        "interpreters": 2, "percent_agreement": 1, "kappa_cohen": 1, "left_out_ties": 0, "left_out_unanswered": 0,
    }  # fmt: skip
    assert made.basis["images"] == ["2022-08-01", "2022-08-01"] and made.basis["estimator"] == "olofsson"
    assert {row["reference"] for row in made.layers[0].rows} == set(NAMES)


def test_a_page_for_people_in_both_languages(there: Path, tmp_path: Path) -> None:
    made = report(with_answers(there, tmp_path))
    english, spanish = made.plain(Words("en")), made.plain(Words("es"))
    assert len(english) == len(spanish)
    area = next(row for row in table(made, "area_estimates").rows if row[3:5] == ("all", "loss"))
    assert english[0] == f"Loss: between {area[10]:.1f} and {area[11]:.1f} hectares, most likely {area[7]:.1f}."
    assert spanish[0].startswith("Pérdida de bosque: entre ") and "hectáreas, lo más probable" in spanish[0]
    assert "football fields" in english[1] and "canchas de fútbol" in spanish[1]
    assert any("The map alone would have said" in line for line in english)
    hiding = next(line for line in made.unknown(Words("en")) if "could hide" in line)
    assert "stable forest" in hiding, "no loss was met in the large stratum, so the range is too narrow"
    for chart in made.charts:
        for language in ("en", "es"):
            root = ET.fromstring(chart.draw(Words(language)))
            assert root.tag.endswith("svg") and len(chart.alt(Words(language))) >= 1
    assert [one.name for one in made.charts] == ["areas", "years", "map"]


def test_the_same_input_gives_the_same_report(there: Path, tmp_path: Path) -> None:
    made = with_answers(there, tmp_path)
    one, other = report(made), report(made)
    assert one.files == other.files and one.basis == other.basis
    assert [t.rows for t in one.tables] == [t.rows for t in other.tables]
    rewritten(tmp_path / "ceo.csv", lambda rows: rows.reverse())
    again = report(made)
    assert [t.rows for t in again.tables] == [t.rows for t in one.tables], "the order of answers changes nothing"


def test_shifted_truth_moves_the_estimate(there: Path, tmp_path: Path) -> None:
    made = with_answers(there, tmp_path)
    before = column(table(report(made), "area_estimates"), "area_ha")[0]

    def lie(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["What is it?"] == "loss":
                row.update({"What is it?": "stable forest", "When?": ""})

    rewritten(tmp_path / "ceo.csv", lie)
    after = report(made)
    assert before > 30 and column(table(after, "area_estimates"), "area_ha")[0] == 0
    assert "No place of the sample shows loss" in "\n".join(after.unknown(Words("en")))
    assert "cannot be said with an interval" in after.plain(Words("en"))[0]


def test_a_buffer_takes_stehman_and_boundaries_add_up(there: Path, tmp_path: Path) -> None:
    from test_report_areas_boundaries import layer

    west, south, _, north = GRID.bounds
    shapes = [("a", box(west, south, west + 3000, north)), ("b", box(west + 2700, south, west + 4000, north))]
    changes = {
        "buffer": Buffer(name="near", metres=95, around=("loss",), within="stable forest"),
        "boundaries": (layer(tmp_path, "projects", shapes),),
    }
    made = report(with_answers(there, tmp_path, **changes))
    assert made.basis["estimator"] == "stehman"
    area = table(made, "area_estimates")
    inside = table(made, "boundaries")
    assert set(column(inside, "id")) == {"a", "b", "rest"}
    mine = [v for v, c in zip(column(inside, "area_ha"), column(inside, "class"), strict=True) if c == "loss"]
    assert sum(mine) == pytest.approx(column(area, "area_ha")[0], rel=1e-9)
    mapped = [v for v, c in zip(column(inside, "map_area_ha"), column(inside, "class"), strict=True) if c == "loss"]
    assert sum(mapped) == pytest.approx(column(area, "map_area_ha")[0], rel=1e-7)
    (twice,) = table(made, "overlaps").rows
    assert twice[:4] == ("projects", "a", "projects", "b") and twice[4] == pytest.approx(300 * 5400 / 1e4, rel=5e-3)
    assert any("overlap by" in line for line in made.plain(Words("en")))
    assert max(made.basis["nesting_off_by"].values()) < 1e-9


def test_sepal_answers_say_the_same_as_collect_earth_online(there: Path, tmp_path: Path) -> None:
    ours = with_answers(there, tmp_path)
    sample = drawn(ours)
    lon, lat = sample.places
    with (tmp_path / "sepal.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "location_x", "location_y", "operator", "ref_code", "confidence", "map_code"])
        for i, said in enumerate(truths(sample)):
            writer.writerow([i + 1, lon[i], lat[i], "ana", NAMES.index(said) + 1, "TRUE", sample.stratum[i] + 1])
    sepal = replace(
        ours,
        answers=replace(
            ours.answers,
            path=tmp_path / "sepal.csv",
            format="sepal",
            question=None,
            year_question=None,
            date_column=None,
        ),
    )
    assert table(report(sepal), "area_estimates").rows == table(report(ours), "area_estimates").rows


def each(change: Callable[[int, dict[str, str]], None]) -> Callable[[list[dict[str, str]]], None]:
    def all_of(rows: list[dict[str, str]]) -> None:
        for i, row in enumerate(rows):
            change(i, row)

    return all_of


def drop(name: str) -> Callable[[list[dict[str, str]]], None]:
    return each(lambda _, row: row.pop(name))


Q = "What is it?"
MISTAKES: dict[str, tuple[Callable[[list[dict[str, str]]], None], str]] = {
    "unknown plot": (lambda rows: rows[0].update(plotid="901"), "ceo.csv: sample 901 was not drawn, there are 300; give"),
    "plot nought": (lambda rows: rows[0].update(plotid="0"), "sample 0 was not drawn"),
    "negative plot": (lambda rows: rows[0].update(plotid="-3"), "'-3' is no id of a sample"),
    "no number": (lambda rows: rows[0].update(plotid="seven"), "'seven' is no id of a sample; they are 1, 2, 3"),
    "another draw": (each(lambda _, row: row.update(lat=f"{float(row['lat']) + 0.002}")), "1, 2, 3, 4, 5 and 295 more were not"),
    "impossible place": (lambda rows: rows[0].update(lon="4000"), "'4000' is no longitude or latitude"),
    "missing plot": (lambda rows: [rows.pop(0), rows.pop(0)], "sample 1 was not answered; interpret them, or set `unanswered"),
    "flagged": (lambda rows: [row.update(flagged="true") for row in rows[:2]], "sample 1 was not answered"),
    "tie": (lambda rows: rows[0].update({Q: "loss" if rows[0][Q] != "loss" else "no forest"}), "sample 1 was answered one way"),
    "strange answer": (lambda rows: rows[0].update({Q: "Pasto"}), "the answer 'Pasto' is no class .loss, stable forest, no fo"),
    "twice": (lambda rows: rows[1].update(email=rows[0]["email"]), "sample 1 was answered twice by one person"),
    "no year": (lambda rows: rows[0].update({"When?": "last"}), "'last' is no year; write it as 2021"),
    "no day": (lambda rows: rows[0].update(Image="32/01/22"), "'32/01/22' is no day; write it as 2021-08-31"),
    "wrong header": (drop("plotid"), "has no column 'plotid'; give the sample download of Collect Earth Online"),
    "no question": (drop("What is it?"), "has no column 'What is it\\?'"),
    "empty": (lambda rows: rows.clear(), "holds no answer|has no column"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_answers_that_do_not_fit_are_said_in_one_line(there: Path, tmp_path: Path, name: str) -> None:
    made = with_answers(there, tmp_path)
    change, message = MISTAKES[name]
    rewritten(tmp_path / "ceo.csv", change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInput, match=message) as caught:
        report(made)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_changed_stratum_is_said(there: Path, tmp_path: Path) -> None:
    """SEPAL hands the stratum back: another one than was drawn means another map."""
    made = asked(there)
    sample = drawn(made)
    with (tmp_path / "sepal.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "ref_code", "map_code"])
        for i, ident in enumerate(sample.ids.tolist()):
            writer.writerow([ident, 1, sample.stratum[i] + 1 if i != 7 else (sample.stratum[i] + 1) % 3 + 1])
    answers = replace(answered(tmp_path / "sepal.csv"), format="sepal", question=None)
    with pytest.raises(
        BadInput,
        match="sepal.csv: sample 8 was of another stratum than drawn .map_code '[123]'.; has the map changed since",
    ):
        report(replace(made, answers=answers))
    (tmp_path / "sepal.csv").write_text("id,ref_code\n1,9\n")
    with pytest.raises(BadInput, match="the answer '9' is no class"):
        report(replace(made, answers=answers))
    for content, message in (
        ("", "has no column 'id'"),
        ("id,ref_code\n", "holds no answer"),
        ('id,ref_code\n"1,2', "not readable as CSV"),
    ):
        (tmp_path / "sepal.csv").write_text(content)
        with pytest.raises(BadInput, match=message):
            report(replace(made, answers=answers))
    (tmp_path / "sepal.csv").write_bytes(b"id,ref_code\n1,\xff\n")
    with pytest.raises(BadInput, match="not readable as CSV in UTF-8"):
        report(replace(made, answers=answers))
    with pytest.raises(BadInput, match="none.csv: no such file"):
        report(replace(made, answers=replace(answers, path=tmp_path / "none.csv")))


def test_what_is_left_out_is_counted(there: Path, tmp_path: Path) -> None:
    made = with_answers(there, tmp_path)
    rewritten(tmp_path / "ceo.csv", lambda rows: [rows.pop(0) for _ in range(6)])
    assert made.answers is not None
    found = report(replace(made, answers=replace(made.answers, unanswered="leave_out")))
    agreed = table(found, "agreement")
    assert dict(zip(column(agreed, "measure"), column(agreed, "value"), strict=True))["left_out_unanswered"] == 3
    assert any("3 places that were drawn have no clear answer" in line for line in found.unknown(Words("en")))


def test_a_change_that_is_no_class_is_said(there: Path) -> None:
    with pytest.raises(BadInput, match="areas.change: 'fire' is no class of the map"):
        report(asked(there, change=("fire",)))


GOOD: dict[str, Any] = {
    "map": {"kind": "geotiff", "path": "map.tif"}, "first": "2020-01-01", "last": "2022-12-31",
    "strata": [{"name": "loss", "codes": [1]}, {"name": "forest", "codes": [2]}], "sampling": {"samples": 100},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"last": "2019-01-01"}, "2019-01-01 is before first"),
        ({"strata": []}, "name the strata of the map"),
        ({"strata": [{"name": "loss", "codes": [1]}, {"name": "loss", "codes": [2]}]}, "two strata have one name"),
        ({"strata": [{"name": "loss", "codes": [1]}, {"name": "b", "codes": [1]}]}, "a code is named twice"),
        ({"outside": [1]}, "a code is named twice"),
        ({"sampling": {}}, "give one of `samples` and `target_se`"),
        ({"sampling": {"samples": 100, "target_se": 0.01}}, "give one of `samples` and `target_se`"),
        ({"sampling": {"target_se": 0.01}}, "give `expected`"),
        ({"sampling": {"samples": 100, "rule": "neyman"}}, "give `expected`"),
        ({"sampling": {"samples": -5}}, "greater than or equal to 2"),
        ({"sampling": {"samples": 100, "expected": {"loss": 1.5}}}, "less than or equal to 1"),
        ({"z": 1.645}, "z 1.645 is not that of 0.95, 1.9600; leave it out"),
        ({"answers": {"path": "a.csv", "format": "ceo"}}, "`ceo` needs the text of the question"),
        (
            {"boundaries": [{"name": "p", "path": "p.gpkg", "id_column": "id", "inside": "r"}]},
            "name a layer that comes before",
        ),
        (
            {"boundaries": [{"name": "p", "path": "p.gpkg", "id_column": "id", "apart_from": ["q"]}]},
            "`apart_from` names a layer",
        ),
        ({"colour": "red"}, "Unexpected keyword"),
    ],
)
def test_configs_that_cannot_be(changes: dict, message: str) -> None:
    reader = TypeAdapter(AreaReport)
    made = reader.validate_python(GOOD)
    assert (
        made.sampling == Sampling(samples=100)
        and made.first == date(2020, 1, 1)
        and made.standard_errors == pytest.approx(1.959964)
    )
    with pytest.raises(ValidationError, match=message):
        reader.validate_python({**GOOD, **changes})


def test_z_of_the_papers_is_taken() -> None:
    made = TypeAdapter(AreaReport).validate_python({**GOOD, "z": 1.96})
    assert made.standard_errors == 1.96
    assert isinstance(made.boundaries, tuple) and Boundaries.__doc__
