"""Statements checked: those of public texts, made-up consistent ones, and each made wrong in turn."""

import json
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from jobs.mistakes import RuleBroken
from jobs.reports.claims.asked import Claim, ClaimsReport, Dates, Said, Shared, Verified
from jobs.reports.claims.check import checked
from jobs.reports.claims.finding import Finding
from jobs.reports.claims.plausible import plausible
from jobs.yamlfile import read

TEXTS = Path(__file__).parent / "data" / "claims" / "texts.yaml"
RANGES = plausible()
PERIOD = Dates(start=date(2010, 1, 1), end=date(2040, 12, 31), quote="2010-01 to 2040-12", source="s")


def texts() -> tuple[Claim, ...]:
    return TypeAdapter(ClaimsReport).validate_json(json.dumps(read(TEXTS).data), strict=True).claims


def said(value: float, **more) -> Said:
    return Said(**{"value": value, "quote": f"says {value:g}", "source": "a text", **more})


def one(found: tuple[Finding, ...], check: str, claim: str | None = None, kind: str | None = None) -> Finding:
    (only,) = [f for f in found if f.check == check and claim in (None, f.claim) and kind in (None, f.kind)]
    return only


def verdicts(found: tuple[Finding, ...]) -> set[str]:
    return {f.verdict for f in found}


def test_years_of_the_brazil_nut_text() -> None:
    """64,688,764 / 2,086,089 = 31.01 years; the text does not say of which period."""
    found = one(checked(texts(), RANGES), "years")
    assert found.computed == pytest.approx(31.0096, abs=1e-4) and found.verdict == "cannot be checked"
    assert found.formula == "64,688,764 t / 2,086,089 t/yr = 31.01 yr" and "period" in found.decides


def test_the_period_of_another_source_bears_the_years_out() -> None:
    nut = replace(texts()[0], periods=(PERIOD,), years=(said(31),))
    found = checked([nut], RANGES)
    assert {f.verdict for f in found if f.check in ("years", "period")} == {"supported"}
    assert one(found, "years", kind="years").formula.endswith(
        "31 yr x 2,086,089 t/yr = 64,668,759 t, 20,005 t from the total"
    )


def test_area_per_tonne_of_the_brazil_nut_text() -> None:
    """300,000 ha / 2,086,089 t = 1,438 m2, not 2,000; with 100,000 ha, 479."""
    found = [f for f in checked(texts(), RANGES) if f.check == "area per tonne"]
    assert [round(f.computed) for f in found] == [479, 1438] or [round(f.computed) for f in found] == [1438, 479]
    assert {f.verdict for f in found} == {"contradicted"} and all(f.stated == 2000 and not f.causes for f in found)
    assert any("300,000 ha x 10,000 m2/ha / 2,086,089 t/yr = 1,438 m2/t" in f.formula for f in found)


def test_two_areas_in_one_text() -> None:
    found = one(checked(texts(), RANGES), "areas")
    assert (found.stated, found.computed, found.verdict) == (300_000, 100_000, "contradicted")
    assert found.formula == "300,000 ha / 100,000 ha = 3"
    nut = texts()[0]
    apart = replace(nut, areas=(nut.areas[0], replace(nut.areas[1], of="concessions")))
    assert not [f for f in checked([apart], RANGES) if f.check == "areas"], "areas of different things may differ"


def test_seventy_five_per_cent_without_numbers_behind_it() -> None:
    found = one(checked(texts(), RANGES), "alone", "alto-mayo", "reduction")
    assert found.verdict == "cannot be checked" and "standard error" in found.decides
    # (0.75 / 2) / (1.96 x 0.25) = 0.765
    assert found.formula.endswith("75 % vs. 37.5 %: SE(observed / baseline) / (observed / baseline) < 76.53 %")


@pytest.mark.parametrize(
    ("base", "seen", "verdict"),
    [
        ((1000, 80), (250, 30), "supported"),  # 75 %, 67 to 82 %
        ((1000, 80), (600, 60), "contradicted"),  # 40 %
        ((1000, 450), (300, 290), "not supported"),  # 70 %, but nought is in the interval too
        ((1000, 600), (250, 30), "cannot be checked"),  # the baseline itself cannot be told from nought
    ],
)
def test_seventy_five_per_cent_with_its_interval(base: tuple, seen: tuple, verdict: str) -> None:
    claim = replace(
        texts()[1], baseline_loss=said(base[0], se=float(base[1])), observed_loss=said(seen[0], se=float(seen[1]))
    )
    found = one(checked([claim], RANGES), "reduction")
    assert found.verdict == verdict and found.computed == pytest.approx(100 * (1 - seen[0] / base[0]))
    assert found.formula.startswith(f"1 - {seen[0]} ha/yr / 1,000 ha/yr = ")
    if verdict == "supported":
        assert [found.low, found.high] == pytest.approx([67.1869, 81.5528], abs=1e-4)
        assert "; SE = 3.606 % (delta); 95 %: [67.19 %, 81.55 %] (Fieller)" in found.formula


def test_losses_without_errors_can_contradict_but_not_bear_out() -> None:
    claim = replace(texts()[1], baseline_loss=said(1000), observed_loss=said(250))
    assert one(checked([claim], RANGES), "reduction").verdict == "cannot be checked"
    wrong = replace(claim, observed_loss=said(400))
    assert one(checked([wrong], RANGES), "reduction").verdict == "contradicted"
    share = replace(claim, reduction=(said(0.75),))
    assert any("a share and a per cent" in c for c in one(checked([share], RANGES), "reduction").causes)


def test_tonnes_and_what_a_hectare_holds() -> None:
    assert RANGES.stock.value == pytest.approx(307.1 * 1.221 * 0.47 * 44 / 12) == pytest.approx(646.2, abs=0.1)
    found = checked(texts(), RANGES)
    stock = one(found, "stock", "alto-mayo")
    assert stock.stated == pytest.approx(6.2e6 / 182_000) and stock.verdict == "cannot be checked"
    much = Claim(name="much", areas=(said(1000),), total=(said(2_000_000),), per_year=(said(1_234_567),))
    assert one(checked([much], RANGES), "stock").verdict == "not supported"
    assert one(checked([much], RANGES), "tonnes per hectare").verdict == "not supported"
    little = Claim(name="little", areas=(said(123_456),), per_year=(said(123_456),))
    assert one(checked([little], RANGES), "tonnes per hectare").verdict == "supported"


def test_tonnes_and_the_loss_that_was_avoided() -> None:
    claim = Claim(
        name="a", per_year=(said(484_650),), baseline_loss=said(1000, se=80.0), observed_loss=said(250, se=30.0)
    )
    good = one(checked([claim], RANGES), "avoided loss")
    assert good.verdict == "supported" and good.computed == pytest.approx(750 * RANGES.stock.value)
    carbon = replace(claim, per_year=(said(484_650 * 44 / 12),))
    bad = one(checked([carbon], RANGES), "avoided loss")
    assert bad.verdict == "not supported" and any("carbon dioxide" in cause for cause in bad.causes)


@pytest.mark.parametrize(
    ("claim", "said_of_it"),
    [
        (Claim(name="a", areas=(said(-5),)), "-5 ha <= 0"),
        (Claim(name="a", per_year=(said(0),)), "0 t/yr <= 0"),
        (Claim(name="a", reduction=(said(120),)), "120 % > 100 %"),
        (Claim(name="a", reduction=(said(-20),)), "-20 % <= 0"),
        (Claim(name="a", baseline_loss=said(0, se=1.0)), "0 ha/yr <= 0"),
    ],
)
def test_numbers_that_cannot_be(claim: Claim, said_of_it: str) -> None:
    (found,) = checked([claim], RANGES)
    assert (found.check, found.verdict, found.formula) == ("sense", "contradicted", said_of_it)


def test_units_are_converted_and_slips_named() -> None:
    good = Claim(name="a", areas=(said(3000, unit="km2"), said(300_000)), per_year=(said(2.086, unit="Mt/yr"),))
    assert one(checked([good], RANGES), "areas").verdict == "supported"
    cells = Claim(name="a", areas=(said(235_086), said(21_157.76)))
    assert "cells of 30 m and hectares (0.09 ha each)" in one(checked([cells], RANGES), "areas").causes
    square = Claim(name="a", areas=(said(3000), said(300_000)))
    assert any("square kilometres" in cause for cause in one(checked([square], RANGES), "areas").causes)


def consistent(area: float, yearly: float, years: int, base: float, below: float) -> Claim:
    """A claim whose numbers all follow from these five, to all digits."""
    start = date(2010, 1, 1)
    return Claim(
        name="made", areas=(said(area), said(area / 100, unit="km2")), per_year=(said(yearly),), total=(said(yearly * years),),
        years=(said(years),), periods=(Dates(start=start, end=date(2009 + years, 12, 31), quote="q", source="s"),),
        area_per_tonne=(said(area * 1e4 / yearly),), reduction=(said(100 * (1 - below)),),
        baseline_loss=said(base, se=0.01 * base), observed_loss=said(base * below, se=0.01 * base * below),
    )  # fmt: skip


numbers = st.builds(
    consistent, st.floats(1e3, 1e6), st.floats(1e3, 1e7), st.integers(5, 60), st.floats(50, 1e5), st.floats(0.2, 0.5)
)


@settings(max_examples=60, deadline=None)
@given(numbers)
def test_consistent_numbers_are_never_contradicted(claim: Claim) -> None:
    assert "contradicted" not in verdicts(checked([claim], RANGES))


@settings(max_examples=60, deadline=None)
@given(numbers, st.integers(0, 8), st.sampled_from([0.8, 1.2]))
def test_any_one_number_wrong_by_a_fifth_is_found(claim: Claim, which: int, factor: float) -> None:
    wrong = claim.statements()
    kind, number = wrong[which % len(wrong)]
    value, changed = getattr(claim, kind), replace(number, value=number.value * factor)
    new = tuple(changed if each is number else each for each in value) if isinstance(value, tuple) else changed
    found = checked([replace(claim, **{kind: new})], RANGES)
    against = [f for f in found if f.verdict == "contradicted"]
    assert against and all(changed in f.uses for f in against), (
        "found, and in every contradiction the wrong number takes part"
    )


@settings(max_examples=20, deadline=None)
@given(st.randoms())
def test_the_order_of_a_file_changes_nothing(chance: random.Random) -> None:
    claims = texts()
    turned = [
        replace(
            c, **{key: tuple(chance.sample(getattr(c, key), len(getattr(c, key)))) for key in ("areas", "per_year")}
        )
        for c in claims
    ]
    assert checked(chance.sample(turned, len(turned)), RANGES) == checked(claims, RANGES)


def test_no_statement_is_left_out() -> None:
    for claim in texts():
        used = {each for f in checked([claim], RANGES) for each in f.uses}
        assert all(number in used for _, number in claim.statements())


def verified(on: str, start: str | None = None, end: str | None = None, tonnes: float | None = None) -> Verified:
    day = [None if text is None else date.fromisoformat(text) for text in (on, start, end)]
    return Verified(on=day[0], start=day[1], end=day[2], tonnes=tonnes, quote=on, source="s")


@pytest.mark.parametrize(
    ("several", "total", "expected"),
    [
        ([verified("2015-06-30", "2012-01-01", "2014-12-31"), verified("2017-01-01", "2015-01-01", "2016-12-31")], (), set()),
        ([verified("2015-06-30", "2012-01-01", "2014-12-31"), verified("2017-01-01", "2014-07-01", "2016-12-31")], (),
         {("not supported", "2015-06-30, 2017-01-01: 2014-07-01/2014-12-31", "the same days were verified twice")}),
        ([verified("2014-06-30", "2012-01-01", "2014-12-31")], (),
         {("contradicted", "2014-06-30 < 2014-12-31", "it was verified before its last day")}),
        ([verified("2015-06-30", "2008-01-01", "2014-12-31")], (),
         {("contradicted", "2008-01-01/2014-12-31 vs. 2010-01-01/2040-12-31",
           "what was verified does not lie within the period")}),
        ([verified("2045-06-30")], (), set()),
        ([verified("2015-06-30", tonnes=800.0), verified("2016-06-30", tonnes=300.0)], (1000,),
         {("contradicted", "800 + 300 = 1,100 t > 1,000 t", "more tonnes were verified than there are in all")}),
    ],
)  # fmt: skip
def test_verifications(several: list[Verified], total: tuple, expected: set) -> None:
    claim = Claim(name="a", periods=(PERIOD,), verified=tuple(several), total=tuple(map(said, total)))
    assert {(f.verdict, f.formula, f.why) for f in checked([claim], RANGES) if f.check == "verified"} == expected


def shared(area: float, **more) -> tuple[Claim, Claim]:
    one = Claim(name="a", areas=(said(1000),), per_year=(said(5000),), periods=(PERIOD,))
    period = Dates(start=date(2030, 1, 1), end=date(2050, 12, 31), quote="q", source="s")
    return one, Claim(**{
        "name": "b", "areas": (said(400),), "periods": (period,),
        "shares": (Shared(claim="a", area_ha=area, source="overlay"),), **more,
    })  # fmt: skip


def test_land_in_two_claims() -> None:
    found = one(checked(shared(100.0), RANGES), "counted once, with b")
    assert found.verdict == "not supported"
    assert found.formula == "100 ha, 2030-01-01/2040-12-31 (11 yr); <= 500 t/yr" and "counted in both" in found.why
    assert one(checked(shared(0.0), RANGES), "counted once, with b").verdict == "supported"
    later = (Dates(start=date(2041, 1, 1), end=date(2050, 12, 31), quote="q", source="s"),)
    assert one(checked(shared(100.0, periods=later), RANGES), "counted once, with b").verdict == "supported"
    untold = one(checked(shared(100.0, periods=()), RANGES), "counted once, with b")
    assert untold.verdict == "cannot be checked" and "the period of one of them is not told" in untold.why
    larger = one(checked(shared(450.0), RANGES), "counted once, with b")
    assert larger.verdict == "contradicted" and larger.formula == "450 ha > 400 ha (b)"
    assert checked(shared(100.0)[::-1], RANGES) == checked(shared(100.0), RANGES)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Claim(name="a", areas=(said(1, unit="t"),)), "unit `t` does not fit; areas takes ha, km2, m2"),
        (lambda: Claim(name="a", total=(said(1, unit="t/yr"),)), "unit `t/yr` does not fit; total takes t, kt, Mt"),
        (lambda: Claim(name="a", areas=(said(1, se=0.1),)), "a standard error belongs to a loss alone"),
        (lambda: replace(PERIOD, end=date(2009, 1, 1)), "end 2009-01-01 lies before start 2010-01-01"),
        (lambda: verified("2015-01-01", "2014-01-01"), "start and end belong together"),
        (lambda: verified("2015-01-01", "2014-01-01", "2013-01-01"), "end 2013-01-01 lies before start 2014-01-01"),
        (lambda: ClaimsReport(claims=(Claim(name="a"), Claim(name="a"))), "two claims share a name"),
        (lambda: ClaimsReport(claims=shared(1.0)[1:]), "shares names `a`, but there are b"),
        (
            lambda: ClaimsReport(claims=(Claim(name="a", shares=(Shared(claim="a", area_ha=1.0, source="s"),)),)),
            "`a` shares land with itself",
        ),
    ],
)
def test_configs_that_are_wrong(make, text: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        make()
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"areaz": []}, {"areas": [{"value": 1}]}, {"areas": [{"value": "x", "quote": "", "source": ""}]}]
)
def test_unknown_and_missing_keys_are_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ClaimsReport).validate_json(json.dumps({"claims": [{"name": "a", **change}]}), strict=True)


def test_every_key_has_its_help_text() -> None:
    schema = TypeAdapter(ClaimsReport).json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert all(field.keys() & {"description", "$ref"} for field in part["properties"].values())
