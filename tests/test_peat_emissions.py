"""Emissions of peat: by hand, year after year, and what must hold whatever the areas."""

import random
from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput
from jobs.reports.peat.areas import Cohort
from jobs.reports.peat.classes import DISTURBANCES, STRATA
from jobs.reports.peat.factors import FactorSet, factor_set, shipped, warming_set
from jobs.reports.peat.peat import Account, Emission, Sampling, account, carbon_factor

IPCC, PALM, DUG = "peat-ipcc-2013-wetlands", "peat-palm-degradation", "peat-excavation"
AR5 = warming_set("peat-gwp-ar5")
FEW = Sampling(draws=1_000)


def made(*cohorts: Cohort, sets: tuple[str, ...] = (IPCC,), years: tuple[int, int] = (2020, 2020), **more) -> Account:
    return account(cohorts, [factor_set(name) for name in sets], AR5, years, more.pop("sampling", FEW), **more)


def of(found: Account, pool: str, year: int = 2020, gas: str | None = None) -> Emission:
    (one,) = [e for e in found.emissions if e.pool == pool and e.year == year and gas in (None, e.gas)]
    return one


@pytest.mark.parametrize(
    ("disturbance", "carbon", "co2"),
    [("drained_forest", 5.3, 19.4), ("drained_oil_palm", 11, 40.3), ("drained_plantation", 15, 55.0)],
)
def test_carbon_becomes_carbon_dioxide(disturbance: str, carbon: float, co2: float) -> None:
    """5.3 t C = 19.4 t CO2, 11 = 40.3, 15 = 55.0 (times 44/12), a hectare and year."""
    one = of(made(Cohort("palm_swamp", disturbance, 2020, 1.0, 0.0)), "CO2-onsite")
    assert round(one.tco2e.value, 1) == co2
    assert carbon_factor(one, 0.95).value == carbon


def test_every_pool_of_a_drained_hectare_by_hand() -> None:
    found = made(Cohort("palm_swamp", "drained_forest", 2020, 1.0, 0.0))
    assert of(found, "DOC").tco2e.value == pytest.approx(0.82 * 44 / 12) == pytest.approx(3.00667, abs=1e-5)
    # (1 - 0.02) x 4.9 + 0.02 x 2259 = 49.982 kg CH4; x 28 / 1000 = 1.3995 t CO2e
    assert of(found, "CH4").tco2e.value == pytest.approx(1.399496)
    # 2.4 kg N = 3.7714 kg N2O; x 265 / 1000 = 0.99943 t CO2e
    assert of(found, "N2O").tco2e.value == pytest.approx(0.999429, abs=1e-6)
    assert found.total().tco2e.value == pytest.approx(19.43333 + 3.00667 + 1.39950 + 0.99943, abs=1e-4)
    assert {one.pool for one in found.emissions} == {"CO2-onsite", "DOC", "CH4", "N2O"}


def test_fire_by_hand() -> None:
    """L = A MB Cf Gef 10^-3: 10 ha x 353 t x 464 g C / 1000 = 1637.92 t C = 6005.7 t CO2; 21 g CH4: 74.13 t x 28 = 2075.6."""
    found = made(Cohort("open_peat", "burnt", 2020, 10.0, 0.0))
    assert of(found, "fire", gas="CO2").tco2e.value == pytest.approx(6005.7067, abs=1e-3)
    assert of(found, "fire", gas="CH4").tco2e.value == pytest.approx(2075.64)
    assert round(464 * 44 / 12) == 1701


def test_what_is_dug_out_counts_once() -> None:
    """550 ha at 818.2 t C: 0.45 Tg C, between 0.2 and 0.7."""
    found = made(Cohort("palm_swamp", "gold_mined", 2020, 550.0, 0.0), sets=(DUG,), years=(2019, 2024))
    (one,) = found.emissions
    assert (one.year, one.pool) == (2020, "excavated")
    assert one.tco2e.value * 12 / 44 / 1e6 == pytest.approx(0.45, abs=0.001)
    assert 0.2 < one.tco2e.low * 12 / 44 / 1e6 < one.tco2e.high * 12 / 44 / 1e6 < 0.7


def test_drained_peat_emits_in_every_year_after() -> None:
    found = made(
        Cohort("palm_swamp", "drained_pasture", 2018, 100.0, 3.0), Cohort("palm_swamp", "drained_pasture", 2021, 50.0, 4.0),
        years=(2019, 2023),
    )  # fmt: skip
    onsite = {one.year: one for one in found.emissions if one.pool == "CO2-onsite"}
    assert [onsite[year].area_ha for year in range(2019, 2024)] == [100, 100, 150, 150, 150]
    assert onsite[2022].se_ha == pytest.approx(5.0)
    assert onsite[2023].tco2e.value == pytest.approx(150 * 9.6 * 44 / 12)
    aged = {(one.year, one.age): one.area_ha for one in found.ages}
    assert aged[2023, 5] == 100 and aged[2023, 2] == 50 and aged[2019, 1] == 100


def test_a_state_that_ends_emits_no_longer() -> None:
    found = made(Cohort("palm_swamp", "drained_pasture", 2018, 100.0, 3.0, until=2020), years=(2018, 2022))
    assert sorted({one.year for one in found.emissions}) == [2018, 2019, 2020]


def test_the_interval_is_that_of_the_factor_where_the_area_is_sure() -> None:
    found = made(Cohort("palm_swamp", "drained_forest", 2020, 1.0, 0.0), sampling=Sampling(draws=20_000))
    one = of(found, "CO2-onsite").tco2e
    assert [one.low, one.high] == pytest.approx([-0.7 * 44 / 12, 9.5 * 44 / 12], abs=0.1)
    unsure = made(Cohort("palm_swamp", "drained_forest", 2020, 1.0, 0.5), sampling=Sampling(draws=20_000))
    wider = of(unsure, "CO2-onsite").tco2e
    assert wider.high > one.high and wider.low < 0


def test_the_interval_of_a_product_by_independent_means() -> None:
    """An even factor and an area: the variance of their product is known."""
    found = made(Cohort("palm_swamp", "drained_acacia", 2020, 100.0, 10.0), sampling=Sampling(draws=100_000))
    one = of(found, "CO2-onsite").tco2e
    sd = (24 - 16) / 2 / 1.959964
    variance = (100 * sd) ** 2 + (20 * 10.0) ** 2 + (10 * sd) ** 2
    half = 1.959964 * np.sqrt(variance) * 44 / 12
    assert (one.high - one.low) / 2 == pytest.approx(half, rel=0.02)


def test_a_factor_is_wrong_for_all_years_alike() -> None:
    one = made(Cohort("palm_swamp", "drained_forest", 2018, 10.0, 0.0), years=(2020, 2020)).total().tco2e
    ten = made(Cohort("palm_swamp", "drained_forest", 2018, 10.0, 0.0), years=(2020, 2029)).total().tco2e
    assert ten.high - ten.low == pytest.approx(10 * (one.high - one.low), rel=1e-9), "years do not average it away"


cohorts = st.lists(
    st.builds(
        lambda stratum, disturbance, year, area, share: Cohort(
            stratum, disturbance, year, area, None if share is None else share * area
        ),
        st.sampled_from(sorted(STRATA)), st.sampled_from(sorted(DISTURBANCES)), st.integers(2010, 2022),
        st.just(0.0) | st.floats(1e-3, 5_000), st.none() | st.floats(0, 2),
    ),
    min_size=1, max_size=6, unique_by=lambda one: one.key,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(cohorts, st.randoms())
def test_what_must_hold(drawn: list[Cohort], chance: random.Random) -> None:
    found = made(*drawn, sets=shipped(), years=(2015, 2022))
    shuffled = chance.sample(drawn, len(drawn))
    assert made(*shuffled, sets=shipped(), years=(2015, 2022)) == found, "the order of rows changes nothing"
    twice = made(
        *(replace(c, area_ha=2 * c.area_ha, se_ha=None if c.se_ha is None else 2 * c.se_ha) for c in drawn),
        sets=shipped(), years=(2015, 2022),
    )  # fmt: skip
    for one, two in zip(found.emissions, twice.emissions, strict=True):
        assert [two.tco2e.value, two.tco2e.low, two.tco2e.high] == pytest.approx(
            [2 * one.tco2e.value, 2 * one.tco2e.low, 2 * one.tco2e.high], rel=1e-6, abs=1e-6
        ), "areas scale emissions"
    if found.total() is not None:
        whole = found.total().tco2e.value
        for of_total in ("pool", "year"):
            parts = [getattr(one, of_total) for one in found.totals if len(one.factor_sets) == 1]
            sums = [
                one.tco2e.value for one in found.totals
                if len(one.factor_sets) == 1 and getattr(one, of_total) is not None
            ]  # fmt: skip
            assert parts and fsum(sums) == pytest.approx(whole, rel=1e-9, abs=1e-6), (
                f"every {of_total} sums to the total"
            )
        assert fsum(one.tco2e.value for one in found.emissions) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_sets_never_mix_silently() -> None:
    both = (
        Cohort("palm_swamp", "drained_forest", 2020, 10.0, 1.0),
        Cohort("palm_swamp", "degraded_heavy", 2020, 10.0, 1.0),
    )
    found = made(*both, sets=(IPCC, PALM))
    alone = {one.factor_sets: one.tco2e.value for one in found.totals if (one.year, one.pool) == (None, None)}
    assert set(alone) == {(IPCC,), (PALM,), (IPCC, PALM)}
    assert alone[IPCC, PALM] == pytest.approx(alone[IPCC,] + alone[PALM,])
    assert all(len({f.factor_set for f in one.factors}) == 1 for one in found.emissions)
    assert found.factor_sets == (IPCC, PALM)


def test_what_has_no_factor_is_told_and_where_there_is_one() -> None:
    found = made(
        Cohort("palm_swamp", "degraded_heavy", 2020, 10.0), Cohort("pole_forest", "degraded_heavy", 2020, 20.0),
        Cohort("palm_swamp", "drained_sago", 2020, 5.0), Cohort("palm_swamp", "road_flooded", 2020, 5.0),
    )  # fmt: skip
    told = {(gap.stratum, gap.disturbance, gap.pool): gap.offered for gap in found.gaps}
    assert told == {
        ("palm_swamp", "degraded_heavy", "CO2-onsite"): (PALM,), ("pole_forest", "degraded_heavy", "CO2-onsite"): (),
        ("palm_swamp", "drained_sago", "CH4"): (), ("palm_swamp", "drained_sago", "N2O"): (),
        ("palm_swamp", "road_flooded", "CO2-onsite"): (), ("palm_swamp", "road_flooded", "CH4"): (),
    }  # fmt: skip


def test_intact_and_growing_back_give_off_nothing_here() -> None:
    found = made(Cohort("palm_swamp", "intact", 2020, 1e5), Cohort("palm_swamp", "regrowth", 2020, 1e4), sets=shipped())
    assert found.emissions == found.totals == found.gaps == () and found.total() is None


def test_the_seed_decides_the_interval_and_nothing_else() -> None:
    one = made(Cohort("palm_swamp", "drained_forest", 2020, 10.0, 1.0)).total().tco2e
    other = (
        made(Cohort("palm_swamp", "drained_forest", 2020, 10.0, 1.0), sampling=Sampling(draws=1_000, seed=2))
        .total()
        .tco2e
    )
    assert one.value == other.value and one.low != other.low


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        (("palm_swamp", "drained_rise", 2020, 1.0), "disturbance `drained_rise` is none of"),
        (("palm_swamp", "drained_rise", 2020, 1.0), "did you mean `drained_rice`?"),
        (("", "drained_rice", 2020, 1.0), "peat_stratum `` is none of palm_swamp"),
        (("palm_swamp", "drained_rice", 2020, -1.0), "area_ha -1: an area is nought or more"),
        (("palm_swamp", "drained_rice", 2020, float("nan")), "area_ha nan"),
        (("palm_swamp", "drained_rice", 2020, 1.0, -1.0), "se_ha -1: a standard error is nought or more"),
        (("palm_swamp", "drained_rice", 2020, 1.0, 5.0), "se_ha 5 is more than twice the area 1"),
        (("palm_swamp", "drained_rice", 2020, 0.0, 5.0), "se_ha 5 is more than twice the area 0"),
        (("palm_swamp", "drained_rice", 20, 1.0), "year 20 lies before 1950"),
        (("palm_swamp", "drained_rice", 2021, 1.0), "row 1: year 2021 lies after 2020, the last year of the report"),
        (("palm_swamp", "drained_rice", 2020, 1.0, 0.1, 2019), "until_year 2019 lies before year 2020"),
    ],
)
def test_areas_that_are_wrong(cohort: tuple, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        made(Cohort(*cohort))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_same_twice_is_refused() -> None:
    with pytest.raises(BadInput, match=r"row 2: palm_swamp, burnt, 2020 is there already, in row 1; add the two up"):
        made(Cohort("palm_swamp", "burnt", 2020, 1.0), Cohort("palm_swamp", "burnt", 2020, 2.0))
    with pytest.raises(BadInput, match="first year 2021 lies after last year 2020"):
        made(Cohort("palm_swamp", "burnt", 2020, 1.0), years=(2021, 2020))


def test_forgetting_the_years_after_the_first_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof of the proof: an engine that forgets them gives another account."""
    cohort = Cohort("palm_swamp", "drained_pasture", 2018, 100.0, 3.0)
    right = made(cohort, years=(2018, 2022)).total().tco2e.value
    monkeypatch.setattr(Cohort, "emits", lambda one, year: one.year == year)
    assert made(cohort, years=(2018, 2022)).total().tco2e.value == pytest.approx(right / 5)


def test_a_set_of_another_name_keeps_its_own_stream() -> None:
    ipcc = factor_set(IPCC)
    own = FactorSet("own", ipcc.title, "", tuple(replace(row, factor_set="own") for row in ipcc.rows))
    cohort = Cohort("palm_swamp", "drained_forest", 2020, 10.0, 0.0)
    mine = account([cohort], [own], AR5, (2020, 2020), FEW)
    assert mine.total().tco2e.value == made(cohort).total().tco2e.value
    assert mine.emissions[0].factor_sets == "own"
