"""The report of emissions, from what was asked to its files: one set of figures in all of them, all of it in two languages."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from openpyxl import load_workbook
from pydantic import TypeAdapter, ValidationError
from reddsetup import example

from detection.errors import BadInput
from jobs.reports.form import files
from jobs.reports.parts import Report, Table
from jobs.reports.redd.asked import Category, ReddReport
from jobs.reports.redd.charts import Bar, Step, by_year, distribution, waterfall
from jobs.reports.redd.landmatrix import CATEGORIES
from jobs.reports.redd.report import redd_report
from jobs.reports.redd.workbook import Drawing, read_workbook, write
from jobs.words import Words

AREAS = """transition,period,stratum,activity,before,after,area_ha,se_ha
T1_cut,T1,north,DF,forest,field,5000,400
T1_thin,T1,north,DG,forest,forest_deg,8000,900
T2_cut,T2,north,DF,forest,field,1000,100
T2_thin,T2,north,DG,forest,forest_deg,1500,200
"""
ASKED: dict[str, Any] = {
    "account": {
        "kind": "own",
        "periods": [
            {"name": "T1", "first": 2011, "last": 2015, "kind": "REF"},
            {"name": "T2", "first": 2016, "last": 2017, "kind": "MON"},
        ],
        "areas": {"kind": "transitions", "path": "areas.csv"},
        "stocks": {
            "pools": [
                {"land_use": "forest", "pool": "AGB", "figure": {"factor": "agb_rainforest_primary"}},
                {"land_use": "forest", "pool": "RS", "figure": {"factor": "root_shoot_rainforest"}},
                {"land_use": "forest_deg", "pool": "DG_ratio",
                 "figure": {"value": 0.7, "distribution": "beta", "parameters": [7, 3], "source": "invented"}},
                {"land_use": "field", "pool": "ALL", "figure": {"value": 5, "se": 1}},
            ],
        },
        "regrowth": [
            {"name": "back", "period": "T2", "stratum": "north", "area": {"value": 300, "se": 30},
             "growth": {"factor": "growth_rainforest_secondary_to_20"}, "root_shoot": {"factor": "root_shoot_rainforest"}},
        ],
        "fires": [
            {"name": "fire", "period": "T1", "stratum": "north", "activity": "DF", "land_use": "forest",
             "area": {"value": 200, "se": 20}},
        ],
    },
    "monte_carlo": {"draws": 5000, "seed": 3},
    "schemes": {"gcf_sheet": True},
    "land": {
        "initial": [{"category": "forest managed", "area_ha": 100000}, {"category": "cropland", "area_ha": 2000}],
        "uses": [
            {"land_use": "forest", "category": "forest managed"}, {"land_use": "forest_deg", "category": "forest managed"},
            {"land_use": "field", "category": "cropland"},
        ],
    },
}  # fmt: skip


PLACE = "Alto <Mayo>"


def asked(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda _: None, areas: str = AREAS) -> ReddReport:
    """What a config says, with its table in the folder."""
    data = json.loads(json.dumps(ASKED))
    change(data)
    (folder / "areas.csv").write_text(areas, encoding="utf-8")
    if "areas" in data["account"]:
        data["account"]["areas"]["path"] = str(folder / "areas.csv")
    return TypeAdapter(ReddReport).validate_python(data)


def made(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda _: None, areas: str = AREAS) -> Report:
    return redd_report(asked(folder, change, areas), PLACE, simulated=True, progress=lambda *_: None)


def table(found: Report, name: str) -> Table:
    return next(one for one in found.tables if one.name == name)


def column(one: Table, name: str) -> list[Any]:
    place = [c.name for c in one.columns].index(name)
    return [row[place] for row in one.rows]


def test_all_figures_are_one_set(tmp_path: Path) -> None:
    found = made(tmp_path)
    results = dict(
        zip(column(table(found, "redd_results"), "result"), column(table(found, "redd_results"), "value"), strict=True)
    )
    by_year = table(found, "redd_emissions")
    for years, name in ((range(2011, 2016), "reference"), (range(2016, 2018), "emissions MON")):
        for year in years:
            values = [v for v, y in zip(column(by_year, "value"), column(by_year, "year"), strict=True) if y == year]
            assert sum(values) == pytest.approx(results[name], rel=1e-12)
    assert results["reduction MON"] == pytest.approx(results["reference"] - results["emissions MON"])
    assert results["gross MON"] + results["removals MON"] == pytest.approx(results["emissions MON"])
    assert results["removals MON"] == results["EN_RE MON"] == pytest.approx(-300 * 5.9 * 1.221 * 0.47 * 44 / 12)
    cut = (5000 * (307.1 * 1.221 * 0.47 - 5) * 44 / 12 + 200 * 307.1 * 0.36 * (6.8 * 28 + 0.2 * 265) / 1000) / 5
    assert results["DF REF"] == pytest.approx(cut)
    account, drawing = read_workbook(found.files["redd_emissions.xlsx"], "back.xlsx")
    assert drawing == Drawing(5000, 3, 90.0) and account.fires and account.regrowth
    sheet = load_workbook(BytesIO(found.files["redd_emissions.xlsx"]))["results"]
    rows = {row[0]: row for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert {name: row[8] for name, row in rows.items()} == results
    _, unit, median, percent, half, low, high, *_ = rows["reduction MON"]
    assert (
        unit == "tCO2e/yr" and half == pytest.approx((high - low) / 2) and percent == pytest.approx(100 * half / median)
    )


def test_the_account_of_the_report_makes_the_same_report_again(tmp_path: Path) -> None:
    first = made(tmp_path)
    (tmp_path / "back.xlsx").write_bytes(first.files["redd_emissions.xlsx"])

    def from_workbook(data: dict[str, Any]) -> None:
        data["account"] = {"kind": "workbook", "path": str(tmp_path / "back.xlsx")}

    again = made(tmp_path, from_workbook)
    for name in ("redd_results", "redd_emissions", "redd_uncertainty", "trees_er", "ghgi_land_matrix"):
        assert table(first, name).rows == table(again, name).rows


def test_the_same_asked_is_the_same_bytes(tmp_path: Path) -> None:
    one, two = files(made(tmp_path), ["en", "es"]), files(made(tmp_path), ["en", "es"])
    assert one == two
    assert {"redd_emissions.xlsx", "trees_er.xlsx", "ghgi_land_matrix.xlsx", "report.es.html"} <= one.keys()


def test_schemes_take_the_90_percent_interval_whatever_is_shown(tmp_path: Path) -> None:
    found = made(tmp_path)
    at_90, results = table(found, "redd_schemes"), table(found, "redd_results")
    place = column(results, "result").index("reduction MON")
    halves = [column(results, name)[place] for name in ("half_of_mean", "half_of_median")]
    assert column(at_90, "half_width")[:2] == pytest.approx(halves)
    at_95 = table(made(tmp_path, lambda data: data["monte_carlo"].update(level=95)), "redd_schemes")
    assert at_90.rows == at_95.rows
    assert column(at_90, "scheme") == ["ART TREES 2.0", "FCPF", "GCF (sheet)"]
    trees, _, sheet = at_90.rows
    half, off, reduction, left = trees[4], trees[5], trees[3], trees[6]
    assert off == pytest.approx(0.524417 * half / 1.645006) and left == pytest.approx(reduction * (1 - off))  # type: ignore[operator]
    assert sheet[6] == pytest.approx(sheet[3] * 42 / 44)  # type: ignore[operator]


def test_years_under_trees_with_a_crediting_level(tmp_path: Path) -> None:
    plain = table(made(tmp_path), "trees_er")
    hfld = {"score": 0.8, "carbon_stock_tco2": 1e7}
    above = table(
        made(tmp_path, lambda data: data["schemes"].update(trees={"hfld": hfld, "leakage_percent": 2})), "trees_er"
    )
    assert column(plain, "year") == ["2016", "2017", "all years"]
    assert column(plain, "ghg_er")[2] == pytest.approx(sum(column(plain, "ghg_er")[:2]))
    assert column(above, "ghg_er")[0] == pytest.approx(column(plain, "ghg_er")[0] + 0.8 * 0.0005 * 1e7)
    for row in above.rows:
        _, er, buffer, leakage, _, adjustment, uncertainty, left = row
        assert (buffer, leakage) == pytest.approx((0.05 * er, 0.02 * er))  # type: ignore[operator]
        assert left == pytest.approx(er - buffer - leakage - uncertainty) and uncertainty == pytest.approx(
            er * adjustment
        )  # type: ignore[operator]
    none = made(tmp_path, lambda data: data["schemes"].update(trees=None))
    assert "trees_er.xlsx" not in none.files and column(table(none, "redd_schemes"), "scheme") == [
        "FCPF",
        "GCF (sheet)",
    ]


def test_the_first_page(tmp_path: Path) -> None:
    found = made(tmp_path)
    said = "\n".join(found.plain(Words("en")))
    assert "From 2011 to 2015, the years to compare with" in said and "90 times in 100 between" in said
    assert "That is less than the level to compare with by" in said
    assert "agb_rainforest_primary" in said and "ART TREES 2.0" in said
    spanish = "\n".join(found.plain(Words("es")))
    assert (
        "De 2011 a 2015" in spanish and "90 de cada 100 veces entre" in spanish and "Es menos que el nivel" in spanish
    )
    unknown = "\n".join(found.unknown(Words("en")))
    assert "VCS" in unknown and "second hand" in unknown and "carbon_fraction" in unknown
    exact = next(
        line for line in unknown.splitlines() if line.startswith("Taken as exact, because no error of it is known")
    )
    assert re.findall(r"\((\w+)\)", exact) == ["fire_combustion_humid", "gwp_ch4", "gwp_n2o"]
    assert "that a tonne of methane counts for (gwp_ch4)" in exact
    assert "biomass above ground of forest, a hectare (agb_rainforest_primary)" in said
    assert "biomasa sobre el suelo de forest, por hectárea (agb_rainforest_primary)" in spanish
    assert "methane and nitrous oxide, are not counted" not in unknown and "grows back is not counted" not in unknown


def test_more_than_before_and_what_cannot_be_told(tmp_path: Path) -> None:
    more = AREAS.replace(",1000,100", ",9000,300")
    said = "\n".join(made(tmp_path, areas=more).plain(Words("en")))
    assert "That is more than the level to compare with by" in said and "ART TREES" not in said
    alike = AREAS.replace(",1000,100", ",2000,900")
    said = "\n".join(made(tmp_path, areas=alike.replace("1500,200", "3200,900")).plain(Words("en")))
    assert "Whether that is less than before cannot be told: it lies between" in said


def test_what_is_unverified_says_so_wherever_it_is_used(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        'name: own\nversion: "1"\nfactors:\n  - {name: agb_heard, value: 300, unit: t dm/ha, status: recalled, uncertainty: 60,'
        " given_as: SE, author: somebody, year: null, table: none}\n"
    )

    def heard(data: dict[str, Any]) -> None:
        data["factors"] = [str(own)]
        data["account"]["stocks"]["pools"][0]["figure"] = {"factor": "agb_heard"}

    found = made(tmp_path, heard)
    unknown = "\n".join(found.unknown(Words("en")))
    assert "UNVERIFIED: agb_heard = 300 t dm/ha. Nobody has read this figure in its source." in unknown
    inputs = table(found, "redd_inputs")
    assert dict(zip(column(inputs, "name"), column(inputs, "status"), strict=True))["agb_heard"] == "unverified"
    assert [one["status"] for one in found.basis["factors"] if one["name"] == "agb_heard"] == ["unverified"]


def test_a_given_baseline_is_told_as_given(tmp_path: Path) -> None:
    found = made(tmp_path, lambda data: data["account"].update(baseline={"value": 2e6, "se": 1e5}))
    assert found.plain(Words("en"))[0].startswith("The level to compare with was given: about 2,000,000 tonnes")
    assert "other level" in found.charts[-1].draw(Words("en"))


def test_peru_stands_beside_it_with_its_source(tmp_path: Path) -> None:
    beside = table(made(tmp_path), "redd_beside")
    assert beside.rows[1][1] == 78927827.50 and "unfccc.int/documents/620399" in str(beside.rows[1][5])
    assert "not to be added" in beside.notes(Words("en"))[0]


def test_drawings_are_whole_and_escape_what_they_are_told(tmp_path: Path) -> None:
    for language in ("en", "es"):
        for chart in made(tmp_path).charts:
            root = ET.fromstring(chart.draw(Words(language)))
            assert root.tag.endswith("svg") and chart.alt(Words(language))
    hostile = "<script>&\"'"
    words = Words("en")
    for drawn in (
        by_year([Bar(hostile, 1, 0, 2, True), *[Bar(str(i), -1, -2, 0, False) for i in range(40)]], 1.5, words),
        by_year([], 0, words),
        waterfall([Step(hostile, 5, total=True), Step("b", -8), Step("c", 3e6)], words),
        distribution(np.zeros(10), 0, 0, 0, words),
    ):
        assert "<script" not in drawn and ET.fromstring(drawn) is not None and "nan" not in drawn


def test_two_monitoring_periods_stand_apart(tmp_path: Path) -> None:
    def further(data: dict[str, Any]) -> None:
        data["account"]["periods"][1]["kind"] = "MON1"
        data["account"]["periods"].append({"name": "T3", "first": 2018, "last": 2018, "kind": "MON2"})

    more = AREAS + "T3_cut,T3,north,DF,forest,field,400,90\nT3_thin,T3,north,DG,forest,forest_deg,1500,200\n"
    found = made(tmp_path, further, more)
    names = column(table(found, "redd_results"), "result")
    assert {"reduction MON1", "reduction MON2", "below MON2"} <= set(names)
    assert column(table(found, "trees_er"), "year") == ["2016", "2017", "2018", "all years"]
    assert len(found.charts) == 5 and found.files["ghgi_land_matrix.xlsx"]


def put(*route: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        *way, last = route
        for step in way:
            data = data[step]
        data[last] = value

    return change


AGB = ("account", "stocks", "pools", 0, "figure")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("schemes", value={"trees": {"buffer_percent": 105}}), "less than or equal to 100"),
        (put("schemes", value={"trees": {"leakage_percent": -1}}), "greater than or equal to 0"),
        (put(*AGB, value={"se": 3}), "give a factor's name or a value, one of them; a standard error without a value"),
        (put(*AGB, value={"value": 3}), "a value without a standard error; give one, or distribution: constant"),
        (put(*AGB, value={"value": 3, "factor": "x"}), "give a factor's name or a value, one of them"),
        (put(*AGB, value={"value": 3, "se": -1}), "greater than or equal to 0"),
        (put(*AGB, value={"value": 1, "distribution": "beta", "parameters": [1]}), "1 parameters, expected 2"),
        (put(*AGB, value={"factor": "x", "distribution": "beta", "parameters": [1, 2]}), "a factor has a value and a"),
        (put("monte_carlo", value={"draws": 10}), "greater than or equal to 1000"),
        (put("monte_carlo", value={"levle": 90}), "Unexpected keyword argument"),
        (put("account", "periods", 0, "kind", value="BASE"), "should match pattern"),
        (put("land", "initial", 0, "category", value="woods"), "forest managed"),
    ],
)  # fmt: skip
def test_what_a_config_may_not_say(tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        asked(tmp_path, change)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(*AGB, value={"factor": "agb_rainforest_primry"}), "factor 'agb_rainforest_primry' is unknown; did you mean"),
        (put(*AGB, value={"factor": "carbon_fraction"}), "carbon_fraction: found 1, expected t dm/ha"),
        (put("account", "periods", 0, "first", value=2016), "period T1: ends in 2015, before it begins in 2016"),
        (put("account", "periods", 1, "first", value=2015), "periods T1 (2011-2015) and T2 (2015-2017) overlap"),
        (put("account", "periods", 0, value={"name": "T1", "first": 2020, "last": 2021, "kind": "REF"}), "lies after monitoring"),
        (put("account", "stocks", "pools", 3, "land_use", value="meadow"), "land use 'field': no carbon stock"),
        (put("account", "stocks", "fraction", value=None), "there is no carbon fraction"),
        (put("account", "fires", 0, "land_use", value="field"), "fire: land use 'field' has no AGB, which is the fuel"),
        (put("account", "fires", 0, "combustion", value={"value": 1.5, "distribution": "constant"}), "150 % of the fuel"),
        (put("land", "uses", value=[{"land_use": "forest", "category": "forest managed"}]), "has no category"),
        (put("land", "initial", 0, "area_ha", value=10), "forest managed loses"),
        (put("beside", value=["frel_2016"]), "factor 'frel_2016' is unknown; did you mean frel_2021"),
        (put("factors", value=["nowhere.yaml"]), "factors nowhere.yaml: cannot be read"),
        (put("account", value={"kind": "workbook", "path": "nowhere.xlsx"}), "nowhere.xlsx: cannot be read"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    with pytest.raises(BadInput) as raised:
        made(tmp_path, change)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_two_that_name_one_factor_err_alike(tmp_path: Path) -> None:
    found = made(tmp_path)
    names = column(table(found, "redd_inputs"), "name")
    assert names.count("root_shoot_rainforest") == 1 and len(names) == len(set(names))


def test_a_report_out_of_area_estimates(tmp_path: Path) -> None:
    head = "aoi_id,period_start,period_end,stratum,class,map_area_ha,n_samples,area_ha,se_ha\n"
    days = {"T1": "2011-01-01,2015-12-31", "T2": "2016-01-01,2017-12-31"}
    rows = [row.split(",") for row in AREAS.splitlines()[1:]]
    names = {"DF": "cleared", "DG": "thinned"}
    text = head + "".join(f"x,{days[r[1]]},forest,{names[r[3]]},1,9,{r[6]},{r[7]}\n" for r in rows)
    classes = [
        {"name": "cleared", "activity": "DF", "before": "{stratum}", "after": "field"},
        {"name": "thinned", "activity": "DG", "before": "{stratum}", "after": "{stratum}_deg"},
    ]
    kept = f"x,{days['T1']},forest,stable,1,9,90000,300\n"

    def estimated(data: dict[str, Any]) -> None:
        data["account"]["areas"] = {"kind": "estimates", "path": "", "classes": classes, "unchanged": ["stable"]}

    values = [
        column(table(one, "redd_results"), "value") for one in (made(tmp_path), made(tmp_path, estimated, text + kept))
    ]
    assert values[0] == pytest.approx(values[1])


def test_a_missing_stratum_is_not_nought(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="stratum south: no row in period T2; write 0 with its standard error"):
        made(tmp_path, areas=AREAS + "T1_south,T1,south,DF,forest,field,7,1\n")


def test_categories_of_config_and_matrix_are_the_same() -> None:
    assert Category.__args__ == CATEGORIES  # type: ignore[attr-defined]


def test_a_workbook_of_theirs_makes_a_report(tmp_path: Path) -> None:
    (tmp_path / "theirs.xlsx").write_bytes(write(example(), Drawing()))

    def theirs(data: dict[str, Any]) -> None:
        data["account"] = {"kind": "workbook", "path": str(tmp_path / "theirs.xlsx")}
        data["land"] = None

    told: list[tuple[str, int, int]] = []
    found = redd_report(asked(tmp_path, theirs), PLACE, simulated=True, progress=lambda *step: told.append(step))
    assert told == [("redd", 0, 2), ("redd", 1, 2), ("redd", 2, 2)]
    values = dict(
        zip(column(table(found, "redd_results"), "result"), column(table(found, "redd_results"), "value"), strict=True)
    )
    assert values["reduction MON"] == pytest.approx(13949090.91, abs=0.005)
    assert found.simulated and found.basis["inputs"].keys() == {str(tmp_path / "theirs.xlsx")}
    assert replace(found, simulated=False).tables == found.tables


def test_every_name_in_the_tables_is_told_in_words(tmp_path: Path) -> None:
    found, words = made(tmp_path), Words("es")
    for name, which in (("redd_results", "result"), ("redd_uncertainty", "input"), ("redd_inputs", "name")):
        one = table(found, name)
        says = next(c.says for c in one.columns if c.name == which)
        assert says is not None
        untold = {code for code in column(one, which) if not says(code, words)}
        assert untold == set(), name
