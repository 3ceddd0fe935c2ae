"""Land matrices close; tables of activity data are read, or told what is wrong with them."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from reddsetup import PERIODS, example

from detection.errors import BadInput
from jobs.reports.redd.activity import Period
from jobs.reports.redd.landmatrix import CATEGORIES, changes_of, lines, matrices, write
from jobs.reports.redd.quantity import Quantity, constant
from jobs.reports.redd.reading import Meaning, estimates, transitions

USES = {
    "EV": "forest managed",
    "M": "forest unmanaged",
    "EV_deg": "forest managed",
    "M_deg": "forest unmanaged",
    "Crop": "cropland",
}


@settings(max_examples=60, deadline=None)
@given(
    initial=st.lists(st.floats(1e5, 1e7), min_size=7, max_size=7),
    moves=st.lists(
        st.dictionaries(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(CATEGORIES)), st.floats(0, 1e3)),
        min_size=1, max_size=6,
    ),
)  # fmt: skip
def test_land_neither_appears_nor_disappears(initial: list[float], moves: list[dict[tuple[str, str], float]]) -> None:
    begin = dict(zip(CATEGORIES, initial, strict=True))
    made = matrices(begin, dict(enumerate(moves, 2001)))
    assert [one.year for one in made] == list(range(2001, 2001 + len(moves)))
    np.testing.assert_allclose(made[0].initial * 1000, initial)
    for one in made:
        assert one.areas.min() >= 0
        assert one.areas.sum() * 1000 == pytest.approx(sum(initial), rel=1e-12)
        assert one.net.sum() == pytest.approx(0, abs=1e-6)
    for before, after in zip(made, made[1:], strict=False):
        np.testing.assert_allclose(before.final, after.initial, rtol=1e-12)


def test_the_matrix_of_the_example() -> None:
    account = example()
    made = matrices({"forest managed": 1e6, "forest unmanaged": 5e5}, changes_of(account, USES, account.values))
    assert [one.year for one in made] == list(range(2011, 2018))
    cropland = (22455 + 11327 + 55074 + 16734) / 5 / 1000
    assert made[0].net[2] == pytest.approx(cropland) and made[0].areas[0, 2] == pytest.approx((22455 + 55074) / 5e3)
    rows = list(lines(made[-1]))
    assert [row[1] for row in rows] == [*CATEGORIES, "final area", "net change"]
    assert rows[-2][-1] == pytest.approx(1500) and rows[-1][-1] == pytest.approx(0, abs=1e-9)
    book = load_workbook(BytesIO(write(made)))
    assert book.sheetnames == [str(year) for year in range(2011, 2018)]
    first, *rest = book["2017"].iter_rows(values_only=True)
    assert first == ("year", "from_to", *CATEGORIES, "initial area")
    assert [list(row) for row in rest] == [list(row) for row in rows]
    assert write(made) == write(made)


@pytest.mark.parametrize(
    ("initial", "changes", "said"),
    [
        ({"woods": 1.0}, {2001: {}}, "land matrix: category 'woods' is unknown; expected one of forest managed"),
        ({"other": -1.0}, {2001: {}}, "land matrix: other begins with -1 ha"),
        ({"other": 1.0}, {2001: {("other", "cropland"): 2.0}}, "2001: other loses 2 ha of 1; give what it had"),
        ({"other": 1.0}, {2001: {("other", "cropland"): -2.0}}, "2001: -2 ha from other to cropland"),
        ({"other": 1.0}, {2001: {}, 2003: {}}, "no activity data for 2002, between 2001 and 2003"),
    ],
)
def test_land_that_cannot_be(
    initial: dict[str, float], changes: dict[int, dict[tuple[str, str], float]], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        matrices(initial, changes)


def test_a_land_use_without_category() -> None:
    account = example()
    with pytest.raises(BadInput, match=r"land use 'Crop' has no category; say which of forest managed"):
        changes_of(account, {k: v for k, v in USES.items() if k != "Crop"}, account.values)


HEAD = "transition,period,stratum,activity,before,after,area_ha,se_ha,distribution,a,b,c\n"
ROW = "T1_x,T1,north,DF,EV,Crop,100,9,,,,\n"


def test_a_table_of_transitions() -> None:
    more = "T2_x,T2,north,DF,EV,Crop,7,,constant,,,\nT2_y,T2,north,DG,EV,EV_deg,50,,triangular,20,50,90\n"
    one, two, three = transitions(("\ufeff" + HEAD + ROW + more).encode(), "a.csv")
    assert (one.name, one.period, one.stratum, one.activity, one.before, one.after) == (
        "T1_x", "T1", "north", "DF", "EV", "Crop",
    )  # fmt: skip
    assert one.area == Quantity("T1_x", 100, "ha", 9) and two.area == constant("T2_x", 7, "ha")
    assert three.area == Quantity("T2_y", 50, "ha", 0, "triangular", (20, 50, 90))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD.replace("se_ha", "se") + ROW, "a.csv: column 'se_ha' is missing, found transition, period"),
        ("", "a.csv: column 'transition' is missing, found nothing"),
        (HEAD + ROW.replace("100", "-100"), "T1_x: area -100 ha is negative"),
        (HEAD + ROW.replace("100", ""), "row 2, area_ha: a standard error without a value; give both"),
        (HEAD + ROW.replace(",9,", ",,"), "row 2, se_ha: an area without a standard error; give one, or distribution"),
        (HEAD + ROW.replace("100", "1e999"), "row 2, area_ha: found inf, expected a number"),
        (HEAD + ROW.replace("100", "many"), "row 2, area_ha: found 'many', expected a number"),
        (HEAD + ROW.replace("DF", ""), "row 2, activity: empty, expected a text"),
        (HEAD + ROW.replace("DF", "cut"), "T1_x: activity 'cut', expected one of DF, DG"),
    ],
)
def test_tables_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        transitions(text.encode(), "a.csv")
    assert said in str(raised.value) and "\n" not in str(raised.value)


AREAS = """aoi_id,period_start,period_end,stratum,class,map_area_ha,n_samples,area_ha,se_ha
x,2011-01-01,2015-12-31,EV,deforestation,90,300,100,9
x,2011-01-01,2015-12-31,EV,stable forest,9000,300,9500,90
x,2016-01-01,2018-01-01,EV,deforestation,40,300,50,6
"""
CLASSES = {"deforestation": Meaning("DF", "{stratum}", "Crop")}


def test_area_estimates_become_transitions() -> None:
    made = estimates(AREAS.encode(), "areas.csv", PERIODS, CLASSES, ["stable forest"])
    assert [(t.name, t.period, t.before, t.after) for t in made] == [
        ("T1_EV_deforestation", "T1", "EV", "Crop"),
        ("T2_EV_deforestation", "T2", "EV", "Crop"),
    ]
    assert made[0].area == Quantity("T1_EV_deforestation", 100, "ha", 9)


def test_hectares_that_are_added_up_do_not_count_twice() -> None:
    """The areas report has a row of all strata beside those of each."""
    extra = "x,2011-01-01,2015-12-31,all,deforestation,90,300,120,10\nx,2016-01-01,2018-01-01,all,deforestation,40,300,50,6\n"
    made = estimates((AREAS + extra).encode(), "areas.csv", PERIODS, CLASSES, ["stable forest"])
    assert [(t.stratum, t.area.value) for t in made] == [("all", 120), ("all", 50)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("stable forest", "gain"), "row 3, class: 'gain' is neither a transition nor named as unchanged"),
        (("2018-01-01", "2019-12-31"), "row 4, period_start: 2016-01-01 to 2019-12-31 is none of the periods: T1 2011-2015"),
        (("2018-01-01", "soon"), "row 4, period_end: found 'soon', expected a date such as 2024-01-31"),
        (("se_ha", "se"), "column 'se_ha' is missing"),
    ],
)  # fmt: skip
def test_area_estimates_that_do_not_fit(change: tuple[str, str], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        estimates(AREAS.replace(*change).encode(), "areas.csv", PERIODS, CLASSES, ["stable forest"])
    assert said in str(raised.value)


def test_no_period_fits() -> None:
    with pytest.raises(BadInput, match="is none of the periods: T9 2001-2002"):
        estimates(AREAS.encode(), "areas.csv", [Period("T9", 2001, 2002, "REF")], CLASSES, ["stable forest"])
