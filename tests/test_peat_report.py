"""The report of peat: its columns, what it says and what it owns up to not knowing."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter, ValidationError

from detection.errors import BadInput
from jobs.mistakes import RuleBroken
from jobs.reports.parts import Report
from jobs.reports.peat.areas import read_areas
from jobs.reports.peat.asked import PeatReport
from jobs.reports.peat.peat import Sampling
from jobs.reports.peat.report import peat_report
from jobs.words import Words, languages

AREAS = """peat_stratum,disturbance,year,area_ha,se_ha,until_year
palm_swamp,drained_oil_palm,2017,120.5,10,
palm_swamp,degraded_heavy,2018,300,45,2019
palm_swamp,gold_mined,2020,55,6,
pole_forest,burnt,2019,12,,
open_peat,road_flooded,2019,4,1,
"""
COLUMNS = [
    "peat_stratum", "disturbance", "year", "area_ha", "area_ha_se", "ef_tco2c_ha_yr", "ef_tco2c_ha_yr_lo", "ef_tco2c_ha_yr_hi",
    "pool", "gas", "gwp_set", "emission_tco2e", "emission_tco2e_lo", "emission_tco2e_hi", "ef_source", "tier",
]  # fmt: skip
ALL = ("peat-ipcc-2013-wetlands", "peat-palm-degradation", "peat-excavation")
EN, ES = Words("en"), Words("es")


@pytest.fixture
def areas(tmp_path: Path) -> Path:
    file = tmp_path / "peat.csv"
    file.write_text(AREAS, encoding="utf-8")
    return file


def asked(areas: Path, **more) -> PeatReport:
    wanted = {
        "first_year": 2017,
        "last_year": 2021,
        "factors": ALL,
        "sampling": Sampling(draws=1_000),
        "least": "unverified",
    } | more
    return PeatReport(areas=areas, **wanted)


def made(areas: Path, **more) -> Report:
    return peat_report(asked(areas, **more), "Aguajales", simulated=False)


def test_the_columns_are_exactly_those_of_the_exchange_file(areas: Path) -> None:
    table = made(areas).tables[0]
    assert table.name == "peat_emissions" and [column.name for column in table.columns] == COLUMNS
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table.rows]
    assert rows and all(row["tier"] in (1, 2) and row["gwp_set"] == "AR5" for row in rows)
    for row in rows:
        assert any(f"[{name}, " in row["ef_source"] for name in ALL), (
            "every row names its set and how far it was checked"
        )
        assert (
            row["emission_tco2e_lo"] <= row["emission_tco2e"] <= row["emission_tco2e_hi"]
            or row["disturbance"] == "burnt"
        )
    onsite = next(row for row in rows if (row["disturbance"], row["pool"]) == ("drained_oil_palm", "CO2-onsite"))
    assert [onsite[c] for c in COLUMNS[5:8]] == pytest.approx([11, 5.6, 17])
    assert next(row for row in rows if row["pool"] == "fire")["ef_tco2c_ha_yr"] is None
    assert {row["year"] for row in rows if row["disturbance"] == "degraded_heavy"} == {2018, 2019}


def test_every_table_has_cells_for_its_columns(areas: Path) -> None:
    found = made(areas)
    assert len({table.name for table in found.tables}) == len(found.tables) == 4
    for table in found.tables:
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    totals = [dict(zip([c.name for c in found.tables[1].columns], row, strict=True)) for row in found.tables[1].rows]
    assert all(row["mixed"] == (" + " in row["factor_sets"]) for row in totals)
    assert {row["year"] for row in totals} == {"all", "2017", "2018", "2019", "2020", "2021"}


@pytest.mark.parametrize("language", languages())
def test_what_is_said(areas: Path, language: str) -> None:
    found, words = made(areas), Words(language)
    for said in (*found.plain(words), *found.unknown(words)):
        assert said and "{" not in said and said.endswith(".")
    assert any(ALL[0] in said and ALL[1] in said and ALL[2] in said for said in found.plain(words)), (
        "a mixed total says so"
    )


def test_what_is_not_known_is_said(areas: Path) -> None:
    said = "\n".join(made(areas).unknown(EN))
    for part in (
        "Peru's reference level", "have not been held against their source yet", "IPCC 2013 Wetlands Supplement, Table 2.6",
        "Not estimated: peat that decays of open peatland that was cut or dammed by a road, 4.0 ha",
        "1 area has no standard error", "No interval is known of these factors", "95 %",
    ):  # fmt: skip
        assert part in said
    alone = made(areas, factors=ALL[:1])
    assert "There is one in peat-palm-degradation." in "\n".join(alone.unknown(EN))
    assert not any("different making" in one for one in alone.plain(EN))


def test_the_first_page_owns_up_to_unverified_factors(areas: Path) -> None:
    said = [one for one in made(areas, factors=ALL[:1]).plain(EN) if "rests on factors that nobody has held" in one]
    # 9,698 t burnt, and 2,875 t of DOC, CH4 and N2O of 120.5 ha in five years, of 36,873 t: 24,301 t decay by a factor seen cited
    assert [one.split(" of it ")[0] for one in said] == ["34 %"]
    areas.write_text(
        "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,degraded_heavy,2018,9,1\n", encoding="utf-8"
    )
    assert not any("held against" in one for one in made(areas, factors=ALL[1:2]).plain(EN))


def test_unverified_factors_can_be_left_out(areas: Path) -> None:
    found = made(areas, least="secondary")
    assert not any("have not been held against their source" in one for one in found.unknown(EN))
    assert "unverified" not in str(found.tables[0].rows)
    assert any("Not estimated: burning peat" in one for one in found.unknown(EN))


def test_the_chart_is_a_drawing_and_harmless(areas: Path) -> None:
    (chart,) = made(areas).charts
    for words in (EN, ES):
        tree = ElementTree.fromstring(chart.draw(words))
        texts = [node.text for node in tree.iter() if node.tag.endswith("text")]
        assert {"2017", "2021", words.say("tonnes of CO2e a year")} <= set(texts) and words.say("burning peat") in texts
        heights = [float(node.attrib["height"]) for node in tree.iter() if node.tag.endswith("rect")]
        assert heights and min(heights) >= 0
    assert chart.alt(EN)


def test_nothing_emitted_is_a_report_too(areas: Path) -> None:
    areas.write_text("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,intact,2018,100,5\n", encoding="utf-8")
    found = made(areas)
    assert list(found.plain(EN)) == ["From 2017 to 2021 no emission of peat was estimated."]
    ElementTree.fromstring(found.charts[0].draw(ES))


def test_removals_hang_below_nought(areas: Path) -> None:
    areas.write_text(
        "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,degraded_moderate,2018,100,5\n", encoding="utf-8"
    )
    found = made(areas)
    assert any("Below nought" in one for one in found.plain(EN))
    ElementTree.fromstring(found.charts[0].draw(EN))


def test_what_it_rests_on(areas: Path) -> None:
    basis = made(areas).basis
    assert list(basis["inputs"]) == [str(areas)] and len(basis["inputs"][str(areas)]) == 64
    assert set(basis["factor_sets"]) == set(ALL) and basis["gwp"]["status"] == "secondary"


def test_what_is_in_no_doubt_has_no_interval(areas: Path) -> None:
    areas.write_text(
        "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,drained_oil_palm,2018,0.1,\n", encoding="utf-8"
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in made(areas).tables[0].rows]
    sure = [row for row in rows if row["gas"] == "N2O"]
    assert sure and all(row["emission_tco2e_lo"] == row["emission_tco2e"] == row["emission_tco2e_hi"] for row in sure)


def test_the_section_of_a_config(areas: Path) -> None:
    reader = TypeAdapter(PeatReport)
    text = {"areas": str(areas), "first_year": 2017, "last_year": 2021, "sampling": {"seed": 4}}
    wanted = reader.validate_json(json.dumps(text), strict=True)
    assert (wanted.factors, wanted.sampling.seed, wanted.sampling.draws) == (ALL[:1], 4, 10_000)
    for change in ({"factor": ["x"]}, {"sampling": {"draw": 1}}, {"first_year": 17}, {"least": "sure"}):
        with pytest.raises(ValidationError):
            reader.validate_json(json.dumps({**text, **change}), strict=True)
    schema = reader.json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert all(field.keys() & {"description", "$ref"} for field in part["properties"].values()), (
            "every key has its help text"
        )


def test_area_estimates_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "area_estimates.csv"
    head = "aoi_id,period_start,period_end,stratum,class,map_area_ha,area_ha,se_ha\n"
    file.write_text(head + "a,2019-01-01,2019-12-31,palm_swamp,drained_rice,9,10.5,2\n", encoding="utf-8")
    (one,) = read_areas(file)
    assert (one.stratum, one.disturbance, one.year, one.area_ha, one.se_ha) == (
        "palm_swamp",
        "drained_rice",
        2019,
        10.5,
        2,
    )
    file.write_text(head + "a,2015-01-01,2019-12-31,palm_swamp,drained_rice,9,10.5,2\n", encoding="utf-8")
    with pytest.raises(BadInput, match="row 1: 2015-01-01 to 2019-12-31 is no single year"):
        read_areas(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column `peat_stratum` is missing"),
        ("peat_stratum,disturbance,year,area_ha,se_ha\n", "there is no row in it"),
        ("peat_stratum,disturbance,year,area_km2,se_ha\n", "`area_km2` is in another unit, areas are in hectares"),
        ("peat_strata,disturbance,year,area_ha,se_ha\n", "did you mean `peat_strata`?"),
        (
            "peat_stratum,disturbance,year,area_ha,se_ha\n,burnt,2019,1,1\n",
            "row 1: peat_stratum is empty; which peat is it",
        ),
        (
            "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,2019,1 km2,1\n",
            "row 1: area_ha '1 km2' is no number",
        ),
        ("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,2019,,1\n", "row 1: area_ha is empty"),
        ("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,19,1,1\n", "row 1: year 19 lies before 1950"),
        ("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,x,1,1\n", "row 1: year 'x' is no year"),
        (
            "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,2019,1\n",
            "row 1: it has more or fewer fields",
        ),
        ("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnd,2019,1,1\n", "did you mean `burnt`?"),
        ("peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,burnt,2019,-1,1\n", "row 1: area_ha -1"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_areas(file)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"first_year": 2022}, "first_year 2022 lies after last_year"),
        ({"factors": ("peat-excavations",)}, "did you mean `peat-excavation`?"),
        ({"factors": ()}, "names no set"),
        ({"factors": (ALL[0], ALL[0])}, "a set is named twice"),
        ({"gwp": "peat-gwp-ar6"}, "there is no set `peat-gwp-ar6`, did you mean `peat-gwp-ar5`?"),
    ],
)
def test_a_section_that_is_wrong(areas: Path, change: dict, said: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        replace(asked(areas), **change)
    assert said in str(caught.value)
