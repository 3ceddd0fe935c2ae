"""Emissions as properties: what scales, what adds up, what changes nothing, and what is refused."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reddsetup import FRACTION, PERIODS, STOCKS, example, transitions
from scipy import stats

from detection.errors import BadInput
from jobs.reports.redd.activity import Period, Transition
from jobs.reports.redd.emissions import Account, emitting, level, outcomes, rows, yearly
from jobs.reports.redd.flows import Fire, Regrowth
from jobs.reports.redd.montecarlo import drawn, shares, summary
from jobs.reports.redd.propagation import propagate, z
from jobs.reports.redd.quantity import Quantity, constant, draw, mean_of, require_unit
from jobs.reports.redd.stocks import Element, Stocks

SHAPES = (
    Quantity("q", 3.0, "1", 0.5),
    Quantity("q", 3.0, "1", 1.5, "truncated normal"),
    Quantity("q", 3.0, "1", 1.5, "lognormal"),
    Quantity("q", 0.72, "1", 0, "beta", (4.811, 1.871)),
    Quantity("q", 3.0, "1", 0, "triangular", (1, 3, 8)),
    Quantity("q", 3.0, "1", 0, "uniform", (1, 8)),
    Quantity("q", 3.0, "1", 0, "pert", (1, 3, 8)),
    Quantity("q", 0.0, "1", 0.5),
)


@pytest.mark.parametrize("one", SHAPES, ids=lambda one: one.distribution)
def test_draws_have_the_spread_that_is_said(one: Quantity) -> None:
    some = draw(one, 200_000, 3)
    assert some.std() == pytest.approx(one.deviation, rel=0.02)
    if one.distribution != "normal":
        assert some.min() >= 0
    if one.parameters:
        assert some.mean() == pytest.approx(mean_of(one.distribution, one.parameters), rel=0.01)
    elif one.distribution != "truncated normal":
        assert some.mean() == pytest.approx(one.value, rel=0.01, abs=0.01)


def test_shapes_by_hand() -> None:
    assert mean_of("pert", (1, 3, 8)) == pytest.approx((1 + 4 * 3 + 8) / 6)
    assert mean_of("triangular", (1, 3, 8)) == pytest.approx(4)
    assert mean_of("uniform", (1, 8)) == 4.5
    cut = Quantity("q", 1.0, "1", 1.0, "truncated normal")
    ratio = stats.norm.pdf(1) / stats.norm.cdf(1)
    assert cut.deviation == pytest.approx(math.sqrt(1 - ratio - ratio**2))
    assert (draw(constant("q", 4.0, "1"), 3, 1) == 4).all() and constant("q", 4.0, "1").deviation == 0


def test_streams_have_names() -> None:
    one, other = (draw(Quantity(name, 0.0, "1", 1.0), 20_000, 1) for name in ("one", "other"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    np.testing.assert_array_equal(one, draw(Quantity("one", 0.0, "1", 1.0), 20_000, 1))
    assert (one != draw(Quantity("one", 0.0, "1", 1.0), 20_000, 2)).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda: Quantity("q", math.nan, "ha"), "q: value nan, standard error 0.0: not a number"),
        (lambda: Quantity("q", 1, "acres"), "q: unit 'acres' is unknown; expected one of ha, t dm/ha"),  # type: ignore[arg-type]
        (lambda: Quantity("q", 1, "ha", -1), "q: standard error -1 is negative"),
        (lambda: Quantity("q", 1, "ha", 1, "gamma"), "q: distribution 'gamma' is unknown"),  # type: ignore[arg-type]
        (lambda: Quantity("q", 1, "ha", 1, "constant"), "q: a constant has no standard error, found 1"),
        (lambda: Quantity("q", 0, "ha", 1, "lognormal"), "q: value 0: a lognormal distribution needs one above 0"),
        (lambda: Quantity("q", 1, "1", 0, "beta", (1,)), "q: a beta distribution has 2 parameters, found 1"),
        (lambda: Quantity("q", 1, "1", 0, "beta", (1, 0)), "q: parameters 1 and 0 of a beta distribution must be above 0"),
        (lambda: Quantity("q", 1, "1", 0, "triangular", (3, 1, 2)), "parameters 3, 1, 2 of a triangular"),
        (lambda: Quantity("q", 1, "1", 0, "uniform", (2, 2)), "parameters 2, 2 of a uniform distribution do not rise"),
        (lambda: Quantity("q", 1, "1", 0, "normal", (2,)), "a normal distribution has 0 parameters, found 1"),
        (lambda: require_unit(Quantity("q", 1, "tC/ha"), "t dm/ha"), "q: found tC/ha, expected t dm/ha; convert it"),
        (lambda: summary(np.ones(9), 100), "confidence level 100 %: expected one between 0 and 100"),
        (lambda: z(0), "confidence level 0 %"),
        (lambda: drawn({}, 10, 1), "Monte Carlo with 10 draws; expected 1000 to 1000000"),
    ],
)  # fmt: skip
def test_figures_that_cannot_be(bad: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        bad()
    assert said in str(raised.value) and "\n" not in str(raised.value)


def area(name: str, value: float = 10, **more: Any) -> Quantity:
    return Quantity(name, value, "ha", 1, **more)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda: Period("P", 2012, 2011, "REF"), "period P: ends in 2011, before it begins in 2012"),
        (lambda: Period("P", 2011, 2012, "BASE"), "period P: kind 'BASE', expected REF, MON"),
        (lambda: Transition("t", "T1", "s", "DF", "EV", "Crop", area("t", -10)), "t: area -10 ha is negative"),
        (lambda: Transition("t", "T1", "s", "DF", "EV", "EV", area("t")), "t: from EV to itself"),
        (lambda: Transition("t", "T1", "s", "XX", "EV", "Crop", area("t")), "t: activity 'XX', expected one of DF"),  # type: ignore[arg-type]
        (lambda: Transition("t", "T1", "s", "DF", "EV", "Crop", area("u")), "t: its area is called 'u'"),
        (lambda: Transition("t", "T1", "s", "DF", "EV", "Crop", Quantity("t", 1, "tCO2e")), "t: found tCO2e, expected ha"),
        (lambda: Account(PERIODS, (), STOCKS), "activity data: there is no transition"),
        (lambda: Account(PERIODS[:1], transitions()[:6], STOCKS), "periods: there is none of kind MON"),
        (lambda: Account(PERIODS, transitions()[:6], STOCKS), "stratum EV: no row in period T2; write 0 with its standard"),
        (lambda: Account((PERIODS[0], replace(PERIODS[1], first=2014)), transitions(), STOCKS), "(2014-2017) overlap"),
        (
            lambda: Account((replace(PERIODS[0], first=2018, last=2019), PERIODS[1]), transitions(), STOCKS),
            "reference period T1 (2018-2019) lies after monitoring period T2 (2016-2017)",
        ),
        (lambda: Account((PERIODS[0], PERIODS[0], PERIODS[1]), transitions(), STOCKS), "period T1: stands there twice"),
        (lambda: replace(STOCKS, fraction=None), "carbon stocks are in dry matter, and there is no carbon fraction"),
        (lambda: replace(STOCKS, fraction=replace(FRACTION, value=47)), "carbon fraction 47, expected one between 0 and 1"),
        (lambda: replace(STOCKS, fraction=replace(FRACTION, name="cf")), "carbon fraction: called 'cf'"),
        (lambda: replace(STOCKS, degraded=""), "no ending that tells degraded land uses"),
        (lambda: replace(STOCKS, measured_in="C"), "EV_AGB: found t dm/ha, expected tC/ha"),
        (lambda: replace(STOCKS, elements=STOCKS.elements * 2), "EV_AGB: AGB of EV stands there twice"),
        (
            lambda: Account(PERIODS, transitions(), replace(STOCKS, elements=STOCKS.elements[2:])),
            "land use 'EV': no carbon stock; there are M, EV_deg",
        ),
        (
            lambda: Stocks((Element("x", "EV", "AGB", Quantity("x", -1, "t dm/ha", 1)),), fraction=FRACTION),
            "x: AGB -1 is negative",
        ),
        (
            lambda: replace(example(), baseline=Quantity("b", 1, "tCO2e", 1)),
            "b: found tCO2e, expected tCO2e/yr",
        ),
        (
            lambda: replace(example(), regrowth=(regrown("T9"),)),
            "grow: period 'T9' is unknown",
        ),
        (
            lambda: replace(example(), regrowth=(replace(regrown("T1"), growth=Quantity("EV_AGB", 1, "t dm/ha/yr", 1)),)),
            "EV_AGB: two different figures have this name",
        ),
    ],
)  # fmt: skip
def test_accounts_that_do_not_fit_together(bad: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        bad()
    assert said in str(raised.value) and "\n" not in str(raised.value)


def regrown(period: str) -> Regrowth:
    roots = Quantity("roots", 0.25, "1", 0.05)
    growth = Quantity("growth", 4.0, "t dm/ha/yr", 1.0)
    return Regrowth("grow", period, "EV", Quantity("grow_area", 1000.0, "ha", 50), growth, roots)


def test_regrowth_by_hand() -> None:
    account = replace(example(), regrowth=(regrown("T2"),))
    gain = 1000 * 4 * 1.25 * 0.47 * 44 / 12
    values = account.values
    assert yearly(account, values)["grow"] == pytest.approx(-gain)
    made, bare = yearly(account, values), outcomes(example(), values)
    assert level(account, made, "MON", activity="EN_RE") == pytest.approx(-gain)
    assert level(account, made, "MON", only=emitting(account)) == pytest.approx(bare["emissions MON"])
    net = outcomes(account, values)
    assert net["emissions MON"] == pytest.approx(bare["emissions MON"] - gain)
    assert net["reduction MON"] == pytest.approx(bare["reduction MON"] + gain)
    assert {row.activity for row in rows(account)} == {"DF", "DG", "EN_RE"}


def burnt(period: str, combustion: float = 0.5, **more: Any) -> Fire:
    """With the figures of Guyana's workbook."""
    fuel = STOCKS.of("EV")["AGB"]
    gases = Quantity("fire_ch4", 6.8, "g/kg", 2.0), Quantity("fire_n2o", 0.2, "g/kg", 0.1)
    warming = constant("gwp_ch4", 28, "1"), constant("gwp_n2o", 265, "1")
    area = Quantity(f"burnt {period}", 1000.0, "ha", 100)
    made = Fire("fire", period, "EV", "DF", area, fuel, constant("combustion", combustion, "1"), *gases, *warming)
    return replace(made, **more)


def test_other_gases_of_fires_by_hand() -> None:
    account = replace(example(), fires=(burnt("T1"),))
    values = account.values
    a_year = 1000 * 274.959 * 0.5 * (6.8 * 28 + 0.2 * 265) / 1000 / 5
    assert yearly(account, values)["fire"] == pytest.approx(a_year)
    cut = level(account, yearly(account, values), "REF", activity="DF")
    assert cut == pytest.approx(10063038.86 + a_year, abs=0.005)
    assert account.quantities.keys() - example().quantities.keys() == {
        "burnt T1", "combustion", "fire_ch4", "fire_n2o", "gwp_ch4", "gwp_n2o",
    }, "the fuel is the biomass that is there already"  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda: burnt("T1", 1.2), "fire: 120 % of the fuel burns; expected 0 to 100 %"),
        (lambda: burnt("T1", activity="fire"), "fire: activity 'fire', expected one of DF"),
        (lambda: burnt("T1", area=area("b", -1)), "fire: area -1 ha is negative"),
        (lambda: burnt("T1", methane=constant("m", 1, "1")), "m: found 1, expected g/kg"),
        (lambda: replace(example(), fires=(burnt("T9"),)), "fire: period 'T9' is unknown; there are T1, T2"),
    ],
)
def test_fires_that_cannot_be(bad: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        bad()
    assert said in str(raised.value)


def test_a_given_baseline_takes_the_place_of_the_mean() -> None:
    account = replace(example(), baseline=Quantity("level", 2e7, "tCO2e/yr", 1e6))
    values = account.values
    made = outcomes(account, values)
    assert made["reduction MON"] == pytest.approx(2e7 - 7925064.59, abs=0.005)
    assert made["below MON"] == pytest.approx(1 - 7925064.59 / 2e7)
    assert made["reference"] == 2e7


def test_two_reference_periods_count_by_their_years() -> None:
    periods = (Period("T0", 2006, 2007, "REF1"), *PERIODS)
    more = tuple(
        Transition(f"0{t.name}", "T0", t.stratum, t.activity, t.before, t.after, replace(t.area, name=f"0{t.name}"))
        for t in transitions()[:6]
    )
    account = Account(periods, (*transitions(), *more), STOCKS)
    made = outcomes(account, account.values)
    assert made["reference"] == pytest.approx(21874155.50 * 5 * 2 / 7, rel=1e-8)


def test_yearly_areas_are_not_divided() -> None:
    account = replace(example(), yearly_areas=True)
    assert outcomes(account, account.values)["reference"] == pytest.approx(21874155.50 * 5, rel=1e-9)


def test_pools_that_degradation_leaves_alone() -> None:
    wood = Element("EV_DW", "EV", "DW", Quantity("EV_DW", 10.0, "tC/ha", 1))
    stocks = replace(STOCKS, elements=(*STOCKS.elements, wood))
    values = {q.name: q.value for q in stocks.quantities}
    living = 172.264563
    assert stocks.carbon("EV", values) == pytest.approx(living + 10, abs=1e-6)
    assert stocks.carbon("EV_deg", values) == pytest.approx(living * 0.72 + 10, abs=1e-6)
    assert replace(stocks, degraded_pools=("ALL",)).carbon("EV_deg", values) == pytest.approx(
        (living + 10) * 0.72, abs=1e-6
    )
    above = replace(stocks, degraded_pools=("AGB",)).carbon("EV_deg", values)
    assert above == pytest.approx(274.959 * 0.47 * (0.72 + 0.333) + 10, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 2**31))
def test_scaling_all_areas_scales_emissions(factor: float, seed: int) -> None:
    account = example()
    scaled = tuple(
        replace(t, area=replace(t.area, value=t.area.value * factor, se=t.area.se * factor))
        for t in account.transitions
    )
    larger = replace(account, transitions=scaled)
    for a, b in (
        (account.values, larger.values), (drawn(account.quantities, 1000, seed), drawn(larger.quantities, 1000, seed)),
    ):  # fmt: skip
        before, after = outcomes(account, a), outcomes(larger, b)
        for name in before:
            times = 1 if name.startswith("below") else factor
            np.testing.assert_allclose(after[name], np.asarray(before[name]) * times, rtol=1e-7, atol=1e-6 * factor)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(12)), pools=st.permutations(range(7)), seed=st.integers(0, 2**31))
def test_order_changes_nothing(order: list[int], pools: list[int], seed: int) -> None:
    account = example()
    other = Account(
        PERIODS[::-1], tuple(account.transitions[i] for i in order),
        replace(STOCKS, elements=tuple(STOCKS.elements[i] for i in pools)),
    )  # fmt: skip
    one, two = (outcomes(a, drawn(a.quantities, 1000, seed)) for a in (account, other))
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-9)


def test_strata_and_activities_add_up_to_the_whole() -> None:
    account = example()
    values = drawn(account.quantities, 5000, 4)
    made = yearly(account, values)
    for kind, period in (("REF", "T1"), ("MON", "T2")):
        whole = level(account, made, kind)
        by_stratum = sum(np.asarray(made[r.name]) for r in rows(account) if r.period.name == period)
        np.testing.assert_allclose(by_stratum, whole, rtol=1e-12)
        parts = np.asarray(level(account, made, kind, activity="DF")) + level(account, made, kind, activity="DG")
        np.testing.assert_allclose(parts, whole, rtol=1e-12)


def calm(account: Account, by: float) -> Account:
    """The same with small standard errors, all of them normal."""

    def quiet(one: Quantity) -> Quantity:
        return replace(one, distribution="normal", se=by * (one.deviation or 0.0), parameters=())

    areas = tuple(replace(t, area=quiet(t.area)) for t in account.transitions)
    elements = tuple(replace(e, quantity=quiet(e.quantity)) for e in STOCKS.elements)
    return replace(account, transitions=areas, stocks=replace(STOCKS, elements=elements, fraction=quiet(FRACTION)))


@pytest.mark.parametrize("name", ["reference", "emissions MON", "reduction MON", "below MON"])
def test_both_approaches_agree_where_little_is_unknown(name: str) -> None:
    account = calm(example(), 0.02)
    made = propagate(account.quantities, lambda values: outcomes(account, values))[name]
    found = summary(outcomes(account, drawn(account.quantities, 100_000, 1))[name], 90)
    assert found.mean == pytest.approx(made.value, rel=1e-3)
    assert found.sd == pytest.approx(made.se, rel=0.02)
    assert (found.low, found.high) == pytest.approx(made.interval(90), rel=2e-3)


def test_error_propagation_is_the_two_rules_where_nothing_is_shared() -> None:
    a, b, c = Quantity("a", 10, "1", 1), Quantity("b", 4, "1", 0.2), Quantity("c", 3, "1", 0.3)
    product = propagate({q.name: q for q in (a, b, c)}, lambda v: {"": v["a"] * v["b"]})[""]
    assert product.se / product.value == pytest.approx(math.hypot(0.1, 0.05), rel=1e-9)  # relative, in squares
    assert product.parts["c"] == 0
    total = propagate({q.name: q for q in (a, b, c)}, lambda v: {"": v["a"] + v["b"] + v["c"]})[""]
    assert total.se / total.value == pytest.approx(math.hypot(1, 0.2, 0.3) / 17, rel=1e-9)  # absolute, in squares
    assert z(90) == pytest.approx(1.644854, abs=1e-6) and z(95) == pytest.approx(1.959964, abs=1e-6)


def test_a_shared_factor_is_drawn_once_for_all_that_it_enters() -> None:
    """Two strata with the same figure err together: their spreads add up, not the squares of them."""
    shared = Quantity("AGB of both", 200.0, "t dm/ha", 40)
    elements = [Element(f"{use}_AGB", use, "AGB", shared) for use in ("A", "B")]
    bare = Element("Crop", "Crop", "ALL", constant("Crop", 0, "tC/ha"))
    stocks = Stocks((*elements, bare), fraction=constant("carbon_fraction", 0.5, "1"))
    names = [(p, use) for p in ("T1", "T2") for use in ("A", "B")]
    changed = tuple(Transition(f"{p}{u}", p, u, "DF", u, "Crop", constant(f"{p}{u}", 1000.0, "ha")) for p, u in names)
    account = Account(PERIODS, changed, stocks)
    found = summary(outcomes(account, drawn(account.quantities, 50_000, 1))["reference"], 90)
    assert found.sd / found.mean == pytest.approx(0.2, rel=0.02)
    made = propagate(account.quantities, lambda values: outcomes(account, values))["reference"]
    assert made.se / made.value == pytest.approx(0.2, rel=1e-6)
    below = outcomes(account, drawn(account.quantities, 1000, 1))["below MON"]
    np.testing.assert_allclose(below, 1 - 2.5, rtol=1e-12)  # numerator and denominator share the only unknown


def test_what_drives_the_doubt() -> None:
    account = example()
    made = shares(account.quantities, lambda values: outcomes(account, values), "reduction MON", 20_000, 1)
    assert sum(made.values()) == pytest.approx(1) and min(made.values()) >= 0
    assert list(made) == sorted(made, key=lambda name: -made[name]) and "Crop_ALL" not in made
    by_hand = propagate(account.quantities, lambda values: outcomes(account, values))["reduction MON"].parts
    total = sum(by_hand.values())
    for name in list(made)[:4]:
        assert made[name] == pytest.approx(by_hand[name] / total, abs=0.02)


def test_summaries_by_hand() -> None:
    found = summary(np.arange(101.0), 90)
    assert (found.mean, found.median, found.low, found.high) == pytest.approx((50, 50, 5, 95))
    assert found.half_width == pytest.approx(45) and found.of_median == found.of_mean == pytest.approx(0.9)
    assert summary(np.array([-1.0, -2.0]), 90).of_median is None
    assert summary(7.0, 90).half_width == 0
