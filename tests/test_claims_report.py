"""The report of claims: its table, what it says, that it accuses nobody, and ranges of one's own."""

import ast
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from detection.errors import BadInput
from jobs.reports.claims.asked import Claim, ClaimsReport, Said
from jobs.reports.claims.plausible import SHIPPED, plausible
from jobs.reports.claims.report import claims_report
from jobs.reports.parts import Report
from jobs.words import Words, catalogue, languages
from jobs.yamlfile import ConfigError, read

TEXTS = Path(__file__).parent / "data" / "claims" / "texts.yaml"
COLUMNS = [
    "claim", "check", "statement", "stated", "unit", "computed", "computed_lo", "computed_hi", "verdict", "formula",
    "meaning", "likely_causes", "would_decide", "quote", "source",
]  # fmt: skip
ACCUSING = re.compile(
    r"illegal|fraud|\blied\b|lying|false|fake|cheat|mislead|deceiv|dishonest|invent|scam|ilegal|fraude|mentira|mint|falso|falsa"
    r"|engañ|estafa|trampa|wrong|untrue|guilty|culpable",
    re.IGNORECASE,
)
EN = Words("en")


def asked(**more) -> ClaimsReport:
    data = {**read(TEXTS).data, **more}
    return TypeAdapter(ClaimsReport).validate_json(json.dumps(data), strict=True)


def made(wanted: ClaimsReport | None = None) -> Report:
    return claims_report(wanted or asked(), "Madre de Dios y San Martín")


def test_the_table_has_verdict_value_interval_formula_and_quote() -> None:
    table = made().tables[0]
    assert table.name == "claim_statements" and [column.name for column in table.columns] == COLUMNS
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table.rows]
    assert len(rows) == 10
    assert all(row["quote"] and row["source"] and row["would_decide"] for row in rows)
    assert all(row["formula"] for row in rows)
    first = next(row for row in rows if row["check"] == "area per tonne" and "300,000" in row["formula"])
    assert (first["stated"], round(first["computed"]), first["unit"], first["verdict"]) == (
        2000,
        1438,
        "m2/t",
        "contradicted",
    )
    assert first["computed_lo"] < first["computed"] < first["computed_hi"]


@pytest.mark.parametrize("language", languages())
def test_what_is_said_is_whole_and_accuses_nobody(language: str) -> None:
    found, words = made(), Words(language)
    everything = [*found.plain(words), *found.unknown(words)]
    assert len(everything) > 10
    for said in everything:
        assert said.endswith(".") and "{" not in said and not ACCUSING.search(said), said


def test_no_text_of_the_catalogue_of_claims_accuses() -> None:
    for file in (Path(__file__).parents[1] / "jobs" / "reports" / "claims").glob("*.py"):
        tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for text in (node.value for node in tree if isinstance(node, ast.Constant) and " " in str(node.value)):
            assert not ACCUSING.search(text), text
            message = catalogue("es").get(text)
            assert message is None or not ACCUSING.search(str(message.string)), message.string


def test_the_first_page_in_full() -> None:
    counts, rest = list(made().plain(EN))[:2], list(made().plain(EN))[2:]
    assert counts == [
        "3 of 10: contradicted by the text's own numbers, or by estimates with their interval.",
        "7 of 10: cannot be checked with what is given.",
    ]
    stated = "brazil-nut: the text states 2,000 m2 for each tonne of CO2; the text's own numbers give"
    assert rest == [
        f"{stated} 479.37: 100,000 ha x 10,000 m2/ha / 2,086,089 t/yr = 479.4 m2/t.",
        f"{stated} 1,438: 300,000 ha x 10,000 m2/ha / 2,086,089 t/yr = 1,438 m2/t.",
        "brazil-nut: the text states an area of 300,000 ha, and 100,000 ha of the same thing: 300,000 ha / 100,000 ha = 3.",
    ]


def test_the_chart_is_a_drawing_and_harmless() -> None:
    (chart,) = made().charts
    for language in languages():
        tree = ElementTree.fromstring(chart.draw(Words(language)))
        dots = [node for node in tree.iter() if node.tag.endswith("circle")]
        compared = [row for row in made().tables[0].rows if row[3] and row[5]]
        assert len(dots) == len(compared) + len({row[8] for row in compared}), "and a key of the verdicts"
        assert all(0 < float(node.attrib["cx"]) < 360 for node in dots)
    empty = ClaimsReport(claims=(Claim(name="a", years=(Said(value=3, quote="<b>&", source="{x}"),)),))
    ElementTree.fromstring(made(empty).charts[0].draw(EN))


def test_words_of_others_are_not_read_as_ours() -> None:
    hostile = "{0.__class__} <script> %s {claim}"
    said = [Said(value=value, quote=hostile, source=hostile) for value in (10.0, 20.0)]
    found = made(ClaimsReport(claims=(Claim(name="a", areas=tuple(said)),)))
    assert list(found.plain(EN)) and found.tables[0].rows[0][-2] == hostile


def test_what_it_rests_on() -> None:
    basis = made().basis
    assert (
        basis["plausible"]["set"] == "claims-plausible-peru" and basis["plausible"]["status"]["biomass"] == "verified"
    )
    assert set(basis["texts"]) == {"brazil-nut", "alto-mayo"} and basis["level"] == 0.95
    said = "\n".join(made().unknown(EN))
    assert (
        "Table 4.7" in said
        and "[checked in its source]" in said
        and "[read at second hand]" in said
        and "not on a project or on anybody" in said
    )


def written(tmp_path: Path, n: int, change: dict[str, Any]) -> Path:
    data = deepcopy(read(SHIPPED).data)
    data["rows"][n] = {key: value for key, value in {**data["rows"][n], **change}.items() if value is not None}
    file = tmp_path / "own.yaml"
    with file.open("w", encoding="utf-8") as opened:
        YAML().dump(data, opened)
    return file


def test_ranges_of_ones_own(tmp_path: Path) -> None:
    own = written(tmp_path, 0, {"value": 200, "low": 100, "high": 300})
    assert plausible(own).stock.value == pytest.approx(200 * 1.221 * 0.47 * 44 / 12)
    found = made(asked(own_plausible=str(own)))
    assert list(found.basis["inputs"]) == [str(own)]


@pytest.mark.parametrize(
    ("n", "change", "said"),
    [
        (0, {"unit": "tC/ha"}, "own.yaml: row 1 (biomass): unit `tC/ha`, expected `tdm/ha`"),
        (0, {"low": 400}, "expected 0 < low <= value <= high, found 400, 307.1, 512.7"),
        (0, {"low": -1}, "expected 0 < low"),
        (
            1,
            {"what": "root_shot"},
            "`root_shot` is none of biomass, root_shoot, carbon_fraction, loss_rate, did you mean",
        ),
        (1, {"what": "biomass", "unit": "tdm/ha"}, "once each, but biomass, root_shoot is not so"),
        (2, {"status": "sure"}, "status `sure` is none of verified, secondary, unverified"),
        (3, {"source": None}, "row 4: source is missing"),
        (3, {"value": "x"}, "row 4 (loss_rate): value, low and high are numbers"),
        (3, {"sd": 1}, "row 4: unknown key `sd`"),
    ],
)
def test_ranges_that_are_wrong(tmp_path: Path, n: int, change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        plausible(written(tmp_path, n, change))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_set_of_ranges(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("rows: 3\n", encoding="utf-8")
    with pytest.raises(BadInput, match="rows: expected a list of biomass"):
        plausible(file)
    file.write_text("rows: &a []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="an anchor"):
        plausible(file)
