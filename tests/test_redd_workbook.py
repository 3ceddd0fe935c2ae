"""Workbooks out and in: headers to the letter, the same account back, one clear line for what is wrong."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from reddsetup import STOCKS, example

from detection.errors import BadInput
from jobs.reports.redd.emissions import Account, outcomes
from jobs.reports.redd.flows import Fire, Regrowth
from jobs.reports.redd.quantity import Quantity, constant
from jobs.reports.redd.schemes import trees
from jobs.reports.redd.stocks import Element
from jobs.reports.redd.workbook import Drawing, read_workbook, write, write_trees

HEADERS = {
    "user_inputs": "trunc_pdf,n_iter,ran_seed,c_unit,c_fraction,c_fraction_se,c_fraction_pdf,dg_ext,dg_pool,ad_annual,conf_level,"
    "round_digits",
    "time_periods": "period_no,year_start,year_end,period_type",
    "AD_lu_transitions": "trans_no,trans_id,trans_period,trans_placeholder,lu_initial_id,lu_final_id,trans_area,trans_se,"
    "trans_pdf,trans_pdf_a,trans_pdf_b,trans_pdf_c,lu_initial,lu_final,redd_activity",
    "c_stocks": "c_no,c_id,c_period,c_element,c_lu_id,c_placeholder,c_value,c_se,c_pdf,c_pdf_a,c_pdf_b,c_pdf_c,c_lu_name",
}
"""As the workbooks of Open Foris mocaredd have them."""


def grown() -> Account:
    """Everything that a workbook has to hold."""
    shared = Quantity("growth_young", 5.9, "t dm/ha/yr", 2.5)
    rows = tuple(
        Regrowth(f"grow {period}", period, "north", Quantity(f"regrown {period}", 900.5, "ha", 81), shared, roots)
        for period, roots in (("T1", None), ("T2", Quantity("roots", 0.2, "1", 0, "triangular", (0.1, 0.2, 0.4))))
    )
    account = example()
    odd = [replace(t, stratum="north of the river; =1+1") if t.before == "EV" else t for t in account.transitions]
    fraction = Quantity("carbon_fraction", 0.47, "1", 0, "uniform", (0.44, 0.5))
    more = (*STOCKS.elements, Element("EV_DW", "EV", "DW", Quantity("dead wood", 3.3, "tC/ha", 1.1, "lognormal")))
    gases = Quantity("ch4", 6.8, "g/kg", 2.0), Quantity("n2o", 0.2, "g/kg", 0.1)
    warming = constant("gwp_ch4", 28.0, "1"), constant("gwp_n2o", 265.0, "1")
    burnt = Quantity("burnt", 12.5, "ha", 3), STOCKS.of("EV")["AGB"], constant("burns", 0.36, "1")
    fire = Fire("fire", "T2", "north", "DF", *burnt, *gases, *warming)
    return replace(
        account, transitions=tuple(odd), regrowth=rows, fires=(fire,), yearly_areas=True,
        stocks=replace(STOCKS, fraction=fraction, elements=more), baseline=Quantity("level", 2.5e7, "tCO2e/yr", 1e6),
    )  # fmt: skip


@pytest.mark.parametrize("made", [example, grown])
def test_an_account_comes_back_as_it_was(made: Callable[[], Account]) -> None:
    account, drawing = made(), Drawing(20_000, 7, 95.0, 3)
    content = write(account, drawing)
    assert read_workbook(content, "w.xlsx") == (account, drawing)
    assert write(*read_workbook(content, "w.xlsx")) == content == write(account, drawing)


def test_truncated_distributions_come_back() -> None:
    def cut(one: Quantity) -> Quantity:
        return replace(one, distribution="truncated normal") if one.distribution == "normal" else one

    account = example()
    areas = tuple(replace(t, area=cut(t.area)) for t in account.transitions)
    elements = tuple(replace(e, quantity=cut(e.quantity)) for e in STOCKS.elements)
    some = replace(account, transitions=(areas[0], *account.transitions[1:]))
    stocks = replace(STOCKS, fraction=constant("carbon_fraction", 0.47, "1"), elements=elements)
    every = replace(account, transitions=areas, stocks=stocks)
    for one, flag in ((some, False), (every, True)):
        content = write(one, Drawing())
        assert read_workbook(content, "w.xlsx")[0] == one
        assert load_workbook(BytesIO(content))["user_inputs"]["A2"].value is flag


def test_the_headers_are_those_of_the_sheets_to_the_letter() -> None:
    book = load_workbook(BytesIO(write(example(), Drawing(), [("results", ("name",), [("=1+1",)])])))
    assert book.sheetnames == [*HEADERS, "results"]
    for sheet, headers in HEADERS.items():
        assert [cell.value for cell in book[sheet][1]] == headers.split(",")
    assert book["results"]["A2"].data_type == "s"
    rows = list(book["AD_lu_transitions"].iter_rows(min_row=2, values_only=True))
    assert rows[0] == (
        1,
        "T1_EV_Crop",
        "T1",
        None,
        "EV",
        "Crop",
        22455,
        7513,
        "normal",
        None,
        None,
        None,
        "EV",
        "Crop",
        "DF",
    )
    assert [row[-1] for row in rows] == ["DF", "DF", "DF", "DF", "DG", "DG"] * 2
    ratio = next(row for row in book["c_stocks"].iter_rows(values_only=True) if row[3] == "DG_ratio")
    assert ratio == (5, "EV_ratio", "ALL", "DG_ratio", "EV_deg", None, 0.72, None, "beta", 4.811, 1.871, None, "EV_deg")


def test_the_table_of_trees_as_guyana_has_it() -> None:
    rows = [trees("2016", 9621015.36592426, 0.416910020586, buffer=0.05), trees("2016-2020", 4e7, 0.41, buffer=0.05)]
    sheet = load_workbook(BytesIO(write_trees(rows)))["TREES ERs"]
    first, second, third = sheet.iter_rows(values_only=True)
    assert first == ("Year", "GHG ER (tCO2)", "BUFt", "LEAKt", "90 % CIt", "UAt", "UNCt", "TREES ER")
    assert second[0] == 2016 and third[0] == "2016-2020"
    assert second[1:5] == (9621015.36592426, 9621015.36592426 * 0.05, 0, 0.416910020586)
    assert second[5:] == pytest.approx((0.132908148825, 1278711.34209989, 7861253.25552816), rel=1e-11)


def changed(change: Callable[[Workbook], Any]) -> bytes:
    book = load_workbook(BytesIO(write(example(), Drawing())))
    change(book)
    made = BytesIO()
    book.save(made)
    return made.getvalue()


def put(sheet: str, cell: str, value: object) -> Callable[[Workbook], None]:
    def change(book: Workbook) -> None:
        book[sheet][cell] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("c_stocks", "D1", "c_elements"), r"sheet c_stocks: header 'c_element' is missing, found 'c_elements' instead"),
        (put("AD_lu_transitions", "G1", None), r"sheet AD_lu_transitions: header 'trans_area' is missing"),
        (lambda book: book.remove(book["time_periods"]), r"sheet 'time_periods' is missing; there are user_inputs"),
        (put("AD_lu_transitions", "G2", "many"), r"row 2, trans_area: found 'many', expected a number"),
        (put("AD_lu_transitions", "G2", None), r"row 2, trans_area: a standard error without a value; give both"),
        (put("AD_lu_transitions", "H2", None), r"row 2, trans_se: found nothing, expected a number"),
        (put("AD_lu_transitions", "H2", -3), r"T1_EV_Crop: standard error -3 is negative"),
        (put("AD_lu_transitions", "G2", -3), r"T1_EV_Crop: area -3 ha is negative"),
        (put("AD_lu_transitions", "I2", "gamma"), r"T1_EV_Crop: distribution 'gamma' is unknown; expected one of normal"),
        (put("AD_lu_transitions", "E2", "XY"), r"land use 'XY': no carbon stock; there are EV, M"),
        (put("AD_lu_transitions", "C2", "T9"), r"T1_EV_Crop: period 'T9' is unknown; there are T1, T2"),
        (put("AD_lu_transitions", "O2", "XX"), r"T1_EV_Crop: activity 'XX', expected one of DF, DG"),
        (put("AD_lu_transitions", "B3", "T1_EV_Crop"), r"transition T1_EV_Crop: stands there twice"),
        (put("time_periods", "B3", 2014), r"periods T1 \(2011-2015\) and T2 \(2014-2017\) overlap"),
        (put("time_periods", "D3", "REF"), r"periods: there is none of kind MON"),
        (put("time_periods", "C2", 2001), r"period T1: ends in 2001, before it begins in 2011"),
        (put("user_inputs", "A2", "maybe"), r"user_inputs, row 2, trunc_pdf: found 'maybe', expected TRUE or FALSE"),
        (put("user_inputs", "E2", None), r"carbon stocks are in dry matter, and there is no carbon fraction"),
        (put("user_inputs", "E2", 47), r"carbon_fraction: carbon fraction 47, expected one between 0 and 1"),
        (put("user_inputs", "D2", "CO2"), r"c_unit: found 'CO2', expected DM or C"),
        (put("user_inputs", "B2", 10.5), r"n_iter: found 10.5, expected a whole number"),
        (put("c_stocks", "C2", "T1"), r"row 2, c_period: found 'T1'; stocks that differ by period"),
        (put("c_stocks", "J6", None), r"row 6, c_value|EV_ratio: a beta distribution has 2 parameters, found 1"),
        (put("c_stocks", "G6", 1.2), r"EV_ratio: degraded forest holding 1.2 of the intact one's carbon"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_workbook_is_told_in_one_line(change: Callable[[Workbook], Any], said: str) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        read_workbook(changed(change), "theirs.xlsx")
    assert "\n" not in str(raised.value)


def test_what_is_no_workbook() -> None:
    with pytest.raises(BadInput, match=r"theirs.xlsx: no workbook \(.xlsx\) that can be read"):
        read_workbook(b"PK\x03\x04 not at all", "theirs.xlsx")


def test_a_workbook_with_na_and_further_columns_is_read() -> None:
    def change(book: Workbook) -> None:
        book["AD_lu_transitions"]["P1"] = "remarks"
        book["AD_lu_transitions"]["P2"] = "from the second survey"
        book["AD_lu_transitions"]["D2"] = "NA"
        book["user_inputs"]["C2"] = "NULL"
        book["c_stocks"].append([8, "EV_LI", "ALL", "LI", "EV", None, "NA", "NA", "normal", "NA", None, None, "EV"])

    assert read_workbook(changed(change), "theirs.xlsx") == (example(), Drawing())


@settings(max_examples=20, deadline=None)
@given(
    areas=st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e6)), min_size=12, max_size=12),
    level=st.integers(1, 99), yearly=st.booleans(),
)  # fmt: skip
def test_any_figures_come_back(areas: list[tuple[float, float]], level: int, yearly: bool) -> None:
    account = replace(example(), yearly_areas=yearly)
    pairs = zip(account.transitions, areas, strict=True)
    new = tuple(
        replace(t, area=Quantity(t.name, v, "ha", s) if s else constant(t.name, v, "ha")) for t, (v, s) in pairs
    )
    account = replace(account, transitions=new)
    back, drawing = read_workbook(write(account, Drawing(level=float(level))), "w.xlsx")
    assert back == account and drawing.level == level
    if any(v for v, _ in areas[:6]):
        assert outcomes(back, back.values) == outcomes(account, account.values)
