"""Sets of factors: what comes along says how far it was checked, and what is wrong with one's own is said in one line."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from detection.errors import BadInput
from jobs.reports.peat.classes import DISTURBANCES, FORMULAS, UNITS
from jobs.reports.peat.factors import chosen, factor_set, parts_of, read_set, read_warming, shipped, warming_set
from jobs.yamlfile import ConfigError

IPCC, PALM, DUG = "peat-ipcc-2013-wetlands", "peat-palm-degradation", "peat-excavation"
ROW = {
    "pool": "CO2-onsite", "gas": "CO2", "disturbances": ["drained_rice"], "land_use": "paddy", "value": 9.4, "low": -0.2,
    "high": 20, "level": 0.95, "unit": "tC/ha/yr", "tier": 2, "status": "verified", "source": "mine",
}  # fmt: skip


def written(tmp_path: Path, *rows: dict[str, Any], **top: Any) -> Path:
    file = tmp_path / "own.yaml"
    data = {"name": "own", "title": "Ours", "rows": list(rows), **top}
    plain = deepcopy({key: value for key, value in data.items() if value is not None})
    with file.open("w", encoding="utf-8") as opened:
        YAML().dump(plain, opened)
    return file


def test_what_comes_along() -> None:
    assert shipped() == (DUG, IPCC, PALM) and shipped(warming=True) == ("peat-gwp-ar5",)
    assert dict(warming_set("peat-gwp-ar5").gases) == {"CO2": 1, "CH4": 28, "N2O": 265}


def test_only_what_was_seen_in_its_source_is_called_verified() -> None:
    rows = factor_set(IPCC).rows
    assert {row.status for row in rows} == {"secondary", "unverified"}
    seen = {(row.figure.value, row.figure.low, row.figure.high) for row in rows if row.status == "secondary"}
    assert seen == {(5.3, -0.7, 9.5), (11, 5.6, 17), (15, 10, 21)}, (
        "three rows of Table 2.1 were seen in a text that cites it"
    )
    assert {row.status for row in factor_set(PALM).rows} == {"verified"}
    assert all(row.source and row.tier in (1, 2, 3) for name in shipped() for row in factor_set(name).rows)


def test_the_sets_are_not_of_one_making() -> None:
    reach = {name: {row.reach for row in factor_set(name).rows} for name in shipped()}
    cells = {name: frozenset().union(*parts) for name, parts in reach.items()}
    assert not cells[IPCC] & cells[PALM] and not cells[IPCC] & cells[DUG]
    assert {row.tier for row in factor_set(IPCC).rows} == {1} and {row.tier for row in factor_set(PALM).rows} == {2}
    for degraded in ("degraded_moderate", "degraded_heavy"):
        assert parts_of(factor_set(IPCC).rows, degraded, "palm_swamp", ("CO2-onsite", "CO2")) is None
        assert parts_of(factor_set(PALM).rows, degraded, "pole_forest", ("CO2-onsite", "CO2")) is None


def test_tables_agree_with_each_other() -> None:
    for term, (parts, _) in FORMULAS.items():
        for part in parts:
            assert (*term, part) in UNITS or (term[0], "any", part) in UNITS
    for disturbance in DISTURBANCES.values():
        assert set(disturbance.terms) <= set(FORMULAS)


def test_least_leaves_out_what_was_not_checked() -> None:
    sets = [factor_set(IPCC), factor_set(PALM)]
    assert {row.status for row in chosen(sets, "secondary")} == {"verified", "secondary"}
    assert {row.factor_set for row in chosen(sets, "verified")} == {PALM}


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    own = read_set(written(tmp_path, ROW))
    assert own.rows[0].figure.value == 9.4 and own.rows[0].strata == ("palm_swamp", "pole_forest", "open_peat")
    with pytest.raises(BadInput, match="`own` and `peat-ipcc-2013-wetlands` both have a factor for drained_rice"):
        chosen([own, factor_set(IPCC)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"unit": "tCO2/ha/yr"},
            "own.yaml: row 1 (CO2-onsite, paddy): unit `tCO2/ha/yr`, but such a factor is in `tC/ha/yr`",
        ),
        ({"low": 12}, "value 9.4 does not lie between low 12 and high 20"),
        ({"disturbances": ["drained_rise"]}, "`drained_rise` is none of"),
        ({"disturbances": ["drained_rise"]}, "did you mean `drained_rice`?"),
        ({"disturbances": []}, "disturbances: expected a list of one or more of intact"),
        ({"strata": ["aguajal"]}, "`aguajal` is none of palm_swamp, pole_forest, open_peat"),
        ({"pool": "CO2"}, "there is no factor CO2 / CO2 / factor"),
        ({"part": "ditch"}, "there is no factor CO2-onsite / CO2 / ditch"),
        ({"status": "sure"}, "status: `sure` is none of verified, secondary, unverified"),
        ({"tier": 4}, "tier: `4` is none of 1, 2, 3"),
        ({"value": "9,4"}, "value, low, high and level are numbers"),
        ({"level": None}, "low, high and level belong together"),
        ({"level": 95}, "level 95 is no share"),
        ({"source": None}, "source is a text"),
        ({"summary": "mode"}, "summary: `mode` is none of mean, median"),
        ({"higth": 3}, "unknown key `higth`, did you mean `high`?"),
    ],
)
def test_a_row_that_is_wrong(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_set(written(tmp_path, {**ROW, **change}))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_set_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"two rows answer for drained_rice, open_peat"):
        read_set(written(tmp_path, ROW, {**deepcopy(ROW), "land_use": "again"}))
    with pytest.raises(ConfigError, match=r"own.yaml:\d+:\d+: rows.0: an anchor"):
        read_set(written(tmp_path, ROW, ROW))
    with pytest.raises(BadInput, match="rows: expected a list"):
        read_set(written(tmp_path))
    with pytest.raises(BadInput, match="title is missing"):
        read_set(written(tmp_path, ROW, title=None))
    with pytest.raises(BadInput, match="unknown key `notes`, did you mean `note`"):
        read_set(written(tmp_path, ROW, notes="x"))
    with pytest.raises(BadInput, match="gases: expected a number above nought for each of CO2, CH4, N2O"):
        read_warming(
            written(tmp_path, short="X", status="verified", source="s", gases={"CO2": 1, "CH4": 28}, rows=None)
        )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("peat-ipcc-2013-wetland", "did you mean `peat-ipcc-2013-wetlands`?"),
        ("peat-gwp-ar5", "there is no factor set `peat-gwp-ar5`"),
        ("../../secrets", "there is no factor set"),
    ],
)
def test_an_unknown_set_is_refused_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        factor_set(name)
    assert said in str(caught.value) and "\n" not in str(caught.value)
