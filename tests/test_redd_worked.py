"""Worked examples, to their digits: the second workbook of Open Foris mocaredd, and Guyana's table under ART TREES."""

import json
from pathlib import Path

import numpy as np
import pytest
from reddsetup import WAYS, example, transitions

from jobs.reports.redd.emissions import factor, level, outcomes, rows, yearly
from jobs.reports.redd.montecarlo import drawn, summary
from jobs.reports.redd.propagation import propagate
from jobs.reports.redd.schemes import (
    fcpf,
    fcpf_discount,
    gcf_sheet,
    hfld_level,
    trees,
    trees_adjustment,
)

FACTORS = (631.6367, 474.2287, 454.7784, 341.4447, 176.8583, 132.7840)
"""tCO2/ha in the order of WAYS."""
GUYANA = (
    ("2016", 9621015.36592426, 0.416910020586, 0.132908148825, 1278711.34209989, 7861253.25552816),
    ("2017", 9300473.93921894, 0.456038285389, 0.145381980071, 1352121.31688439, 7483328.9253736),
    ("2018", 8869076.28732238, 0.481599902916, 0.153530854166, 1361676.85805277, 7063945.61490349),
    ("2019", 5476826.03205593, 0.636494039409, 0.202910077328, 1111303.19367540, 4091681.53677773),
    ("2020", 7665222.3128158, 0.544932295037, 0.173720800633, 1331608.55721402, 5950352.63996099),
    ("2016-2020", 41066843.9248822, 0.414947065667, 0.132282371819, 5432419.51748755, 33581082.2111505),
    ("2021", 8934274.43561346, 0.471597564327, 0.150342174978, 1343198.25049946, 7144362.46333332),
    ("2022", 10808175.083779, 0.445451894726, 0.142007108957, 1534837.69674578, 8732928.63284427),
)
"""Year, GHG ER, half-width, UA, UNC, TREES ER: Guyana ART workbook, sheet "TREES ERs"; buffer 5 %, no leakage."""


def test_the_factors_of_the_example() -> None:
    account = example()
    values = account.values
    assert account.stocks.carbon("EV", values) == pytest.approx(172.264563, abs=5e-7)
    assert account.stocks.carbon("M", values) == pytest.approx(129.335098, abs=5e-7)
    made = [factor(account, one, values) for one in transitions()[: len(WAYS)]]
    assert made == pytest.approx(FACTORS, abs=5e-5)


def test_the_arithmetic_of_the_example() -> None:
    account = example()
    values = account.values
    found, made = outcomes(account, values), yearly(account, values)
    assert found["reference"] == pytest.approx(21874155.50, abs=0.005)
    assert found["emissions MON"] == pytest.approx(7925064.59, abs=0.005)
    assert found["reduction MON"] == pytest.approx(13949090.91, abs=0.005)
    parts = [level(account, made, kind, activity=activity) for kind in ("REF", "MON") for activity in ("DF", "DG")]
    assert parts == pytest.approx([10063038.86, 11811116.64, 3577161.13, 4347903.46], abs=0.005)
    total = sum(made[row.name] for row in rows(account) if row.period.name == "T1")
    assert total == pytest.approx(found["reference"])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_monte_carlo_of_the_example(seed: int) -> None:
    account = example()
    made = outcomes(account, drawn(account.quantities, 200_000, seed))["reduction MON"]
    found = summary(made, 90)
    assert found.mean == pytest.approx(13.93e6, rel=0.01)
    assert found.median == pytest.approx(13.23e6, rel=0.01)
    assert found.low == pytest.approx(6.38e6, rel=0.01)
    assert found.high == pytest.approx(23.89e6, rel=0.01)
    assert found.of_median == pytest.approx(0.66, abs=0.01) and found.of_mean == pytest.approx(0.63, abs=0.01)


def test_error_propagation_of_the_example_is_near_the_spread_of_the_draws() -> None:
    account = example()
    made = propagate(account.quantities, lambda values: outcomes(account, values))["reduction MON"]
    found = summary(outcomes(account, drawn(account.quantities, 200_000, 1))["reduction MON"], 90)
    assert made.value == pytest.approx(13949090.91, abs=0.005)
    assert made.se == pytest.approx(found.sd, rel=0.05)


def test_discounts_of_the_sheet() -> None:
    simulated, uncertainty = 13_555_723, 0.57
    assert trees("", simulated, uncertainty, buffer=0).credited == pytest.approx(11092482.49787, abs=5e-6)
    assert fcpf_discount(uncertainty) == 0.08 and fcpf(simulated, uncertainty) == pytest.approx(12471265.16, abs=0.005)
    assert gcf_sheet(simulated) == pytest.approx(12939553.7727, abs=5e-5)


@pytest.mark.parametrize(
    ("half_width", "discount"),
    [(0, 0), (0.15, 0), (0.151, 0.04), (0.3, 0.04), (0.6, 0.08), (0.61, 0.12), (1, 0.12), (1.01, 0.15)],
)
def test_steps_of_the_carbon_fund(half_width: float, discount: float) -> None:
    assert fcpf_discount(half_width) == discount


@pytest.mark.parametrize(("half_width", "adjustment"), [(0.1, 0.031879), (0.5, 0.159397), (1, 0.318793)])
def test_adjustments_of_trees(half_width: float, adjustment: float) -> None:
    assert trees_adjustment(half_width) == pytest.approx(adjustment, abs=5e-7)


def test_the_table_of_guyana() -> None:
    for year, reduced, half_width, adjustment, uncertainty, credited in GUYANA:
        one = trees(year, reduced, half_width, buffer=0.05)
        assert one.adjustment == pytest.approx(adjustment, abs=5e-13)
        assert one.uncertainty == pytest.approx(uncertainty, abs=1e-5)  # half-widths stand there with twelve digits
        assert one.credited == pytest.approx(credited, abs=1e-5)
        assert one.leakage == 0 and one.buffer == pytest.approx(reduced * 0.05)


def test_the_stored_table_of_guyana(shared: Path) -> None:
    table = json.loads((shared / "references" / "reporting_tests.json").read_text(encoding="utf-8"))["T9_trees"]
    for year, reduced, half_width, uncertainty, credited in table["rows"]:
        one = trees(str(year), reduced, half_width, buffer=table["buffer"], leakage=table["leak"])
        assert [one.uncertainty, one.credited] == pytest.approx([uncertainty, credited], rel=1e-14)


@pytest.mark.parametrize(
    ("historical", "score", "stock", "expected"),
    [(15_711_794, 0.797, 17_196_304_923, 22_567_317), (14_407_609, 0.790, 16_776_587_131, 21_037_534)],
)
def test_crediting_levels_of_guyana(historical: float, score: float, stock: float, expected: float) -> None:
    rounding = 0.0005 * 0.0005 * stock  # the score stands there with three digits
    assert hfld_level(historical, score, stock) == pytest.approx(expected, abs=rounding)


def test_draws_of_the_example_do_not_hang_on_what_else_is_drawn() -> None:
    quantities = example().quantities
    few = {name: quantities[name] for name in list(quantities)[::3]}
    all_, some = drawn(quantities, 1000, 5), drawn(few, 1000, 5)
    for name in few:
        np.testing.assert_array_equal(all_[name], some[name])
