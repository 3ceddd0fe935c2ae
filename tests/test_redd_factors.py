"""Factors say where they stand, are asked for by name, and are refused in one line when they do not."""

from pathlib import Path

import pytest
from scipy import stats

from detection.errors import BadInput, DetectionError
from jobs.reports.redd.factors import shipped
from jobs.reports.redd.quantity import Quantity, constant

GOOD = """name: own
version: "2"
factors:
  - name: agb_mine
    value: 250
    unit: t dm/ha
    status: recalled
    uncertainty: 50
    given_as: CI
    level: 95
    author: a plot survey
    year: 2024
    table: 3
"""


@pytest.mark.parametrize(
    ("name", "value", "se", "unit", "status"),
    [
        ("agb_rainforest_primary", 307.1, 104.9, "t dm/ha", "verified"),
        ("agb_rainforest_secondary_over_20", 206.4, 80.4, "t dm/ha", "verified"),
        ("agb_rainforest_secondary_to_20", 75.7, 34.5, "t dm/ha", "verified"),
        ("agb_moist_deciduous_primary", 187.3, 94.0, "t dm/ha", "verified"),
        ("agb_dry_secondary_to_20", 32.2, 24.2, "t dm/ha", "verified"),
        ("growth_rainforest_secondary_to_20", 5.9, 2.5, "t dm/ha/yr", "verified"),
        ("growth_moist_deciduous_primary", 0.4, 2.1, "t dm/ha/yr", "verified"),
        ("root_shoot_rainforest", 0.221, 0.036, "1", "secondary"),
        ("carbon_fraction", 0.47, 0.013, "1", "secondary"),
        ("fire_co2", 1580, 90, "g/kg", "verified"),
        ("fire_ch4", 6.8, 2.0, "g/kg", "verified"),
        ("fire_n2o", 0.20, 0.10, "g/kg", "verified"),
        ("gwp_ch4", 28, 0, "1", "secondary"),
        ("gwp_n2o", 265, 0, "1", "secondary"),
        ("frel_2021_modified", 78927827.50, 0, "tCO2e/yr", "verified"),
        ("frel_2021_original", 75774039.55, 0, "tCO2e/yr", "verified"),
    ],
)
def test_the_sets_that_ship(name: str, value: float, se: float, unit: str, status: str) -> None:
    one = shipped().find(name)
    assert (one.value, one.se, one.unit, one.said) == (value, se, unit, status)
    assert one.author and one.table and one.source.startswith(one.author)
    assert one.quantity() == (Quantity(name, value, unit, se) if se else constant(name, value, unit))  # type: ignore[arg-type]


def test_nothing_that_is_only_recalled_ships() -> None:
    assert {one.status for one in shipped().factors} == {"verified", "secondary"}
    names = [one.name for one in shipped().factors]
    assert len(names) == len(set(names))


def test_a_set_of_ones_own_and_what_it_replaces(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD + GOOD.split("factors:\n")[1].replace("agb_mine", "carbon_fraction").replace("250", "0.5"))
    known = shipped([file])
    mine = known.find("agb_mine")
    assert mine.se == pytest.approx(50 / stats.norm.ppf(0.975)) and mine.said == "unverified" and mine.set == "own 2"
    assert mine.quantity("here").name == "here" and mine.source == "a plot survey (2024): 3"
    assert known.find("carbon_fraction").value == 0.5 and known.sets[-1][0] == "own 2"


def test_an_unknown_name_is_told_with_the_nearest_ones() -> None:
    with pytest.raises(
        BadInput, match=r"factor 'agb_rainforst_primary' is unknown; did you mean agb_rainforest_primary"
    ):
        shipped().find("agb_rainforst_primary")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("version:", "edition:"), "own.yaml: unknown key 'edition'; a set has name, version, about and factors"),
        (('version: "2"\n', ""), "own.yaml: name, version and a list of factors expected"),
        (("    table: 3\n", ""), "own.yaml: agb_mine: table is missing; every factor says where it stands"),
        (("    year: 2024\n", ""), "own.yaml: agb_mine: year is missing"),
        (("year: 2024", "year: soon"), "agb_mine: year is 'soon', expected a whole number, or null"),
        (("author:", "writer:"), "own.yaml: agb_mine: unknown key 'writer'; expected some of name, value"),
        (("  - name: agb_mine\n    value", "  - value"), "own.yaml: an entry without a name"),
        (("value: 250", "value: many"), "agb_mine: value is 'many', expected a number"),
        (("uncertainty: 50", "uncertainty: -5"), "agb_mine: uncertainty is -5, expected a number above 0"),
        (("t dm/ha", "t/ha"), "agb_mine: unit 't/ha' is unknown; expected one of ha, t dm/ha"),
        (("recalled", "certain"), "agb_mine: status 'certain'; expected one of verified, secondary, recalled"),
        (("    given_as: CI\n", ""), "agb_mine: an uncertainty needs given_as, one of SD, SE, CI"),
        (("given_as: CI", "given_as: IQR"), "agb_mine: an uncertainty needs given_as, one of SD, SE, CI"),
        (("    level: 95\n", ""), "agb_mine: an interval needs its level, per cent, between 0 and 100"),
        (("level: 95", "level: 195"), "agb_mine: an interval needs its level, per cent, between 0 and 100"),
    ],
)
def test_sets_that_cannot_be_used(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD.replace(*change))
    with pytest.raises(BadInput) as raised:
        shipped([file])
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_sets_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        shipped([tmp_path / "none.yaml"])
    file = tmp_path / "own.yaml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="own.yaml: not UTF-8 text"):
        shipped([file])
    file.write_text(GOOD + GOOD.split("factors:\n")[1])
    with pytest.raises(BadInput, match="own.yaml: 'agb_mine' stands there twice"):
        shipped([file])
    file.write_text("name: [\n")
    with pytest.raises(DetectionError, match="own.yaml"):
        shipped([file])
