"""Who hears of what: first words, changes, retractions, budgets, embargoes and quiet hours."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noticesetup import CLOSE, PLACE, RESERVE, ZONE, notice

from jobs.notify.notice import Notice
from jobs.notify.policy import (
    OVER_BUDGET,
    Budget,
    Embargo,
    Heard,
    Quiet,
    Rule,
    decide,
    due,
    touched,
    verdict,
    within_budget,
)

QUICK = settings(max_examples=60, deadline=None)
LIMA = ZoneInfo("America/Lima")
RULE = Rule(name="all", to=("jefatura",))
TODAY = date(2024, 6, 3)


def heard_of(made: Notice, **changes: Any) -> Heard:
    alert = made.alert
    return replace(Heard(alert.revision, alert.status, alert.area_ha, alert.change_type, touched(made)), **changes)


@pytest.mark.parametrize(
    ("rule", "alert", "sent"),
    [
        ({}, {}, True),
        ({"statuses": ("confirmed",)}, {"status": "provisional"}, False),
        ({}, {"status": "expired"}, False),
        ({}, {"status": "retracted"}, False),
        ({}, {"change_type": "other"}, False),
        ({}, {"change_type": "unclassified"}, True),
        ({"change_types": ("degradation",)}, {}, False),
        ({"least_ha": 1.08}, {}, True),
        ({"least_ha": 1.09}, {}, False),
        ({"least_probability": 0.95}, {}, False),
        ({"least_probability": 0.95}, {"probability": None}, True),
        ({"inside": ("protected-areas",)}, {}, True),
        ({"inside": ("protected-areas:RN03",)}, {}, True),
        ({"inside": ("protected-areas:PN01",)}, {}, False),
        ({"inside": ("communities",)}, {}, False),
    ],
    ids=str,
)
def test_a_first_word_is_what_its_rule_asks_for(rule: dict[str, Any], alert: dict[str, Any], sent: bool) -> None:
    said = verdict(replace(RULE, **rule), notice(**alert), None)
    assert said.send == sent and said.why


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        ({}, {}, False),
        ({"status": "provisional"}, {}, True),
        ({}, {"status": "retracted"}, True),
        ({}, {"status": "finished"}, True),
        ({"change_type": "other"}, {}, True),
        ({}, {"area_ha": 1.5}, False),
        ({}, {"area_ha": 1.6}, True),
        ({"area_ha": 10.0}, {"area_ha": 11.9}, False),
        ({"area_ha": 10.0}, {"area_ha": 12.1}, True),
        ({"inside": frozenset({"zoning:RN03-AD"})}, {}, True),
    ],
    ids=str,
)
def test_who_has_heard_hears_of_what_matters(before: dict[str, Any], now: dict[str, Any], sent: bool) -> None:
    known = heard_of(notice(), **before)
    said = verdict(RULE, notice(**now), known)
    assert said.send == sent and said.why


RULES = st.builds(
    Rule, name=st.just("any"), to=st.just(("x",)), inside=st.sampled_from([(), ("elsewhere",)]),
    statuses=st.sampled_from([(), ("provisional",), ("confirmed",)]), least_ha=st.floats(0, 100),
    least_probability=st.floats(0, 1), budget=st.sampled_from([None, Budget(alerts=1)]),
)  # fmt: skip


@QUICK
@given(rule=RULES, status=st.sampled_from(["retracted", "expired"]), many=st.integers(1, 5), area=st.floats(0, 50))
def test_a_retraction_reaches_whoever_was_told_whatever_the_rules_say(
    rule: Rule, status: str, many: int, area: float
) -> None:
    made = [notice(f"alert{i}", status=status, area_ha=area) for i in range(many)]
    heard = {one.alert.id: heard_of(notice(one.alert.id)) for one in made}
    found = decide([rule], made, heard, {"any": [TODAY] * 50}, TODAY)
    assert {n.alert.id for n, _, _ in found.told} == set(heard)
    assert decide([rule], made, {}, {}, TODAY).told == (), "who was never told is not bothered"


@QUICK
@given(
    sizes=st.lists(st.floats(0.1, 50), max_size=12),
    limit=st.integers(1, 6),
    before=st.lists(st.integers(0, 20), max_size=8),
)
def test_a_budget_is_kept_the_most_urgent_go_first_and_all_are_counted(
    sizes: list[float], limit: int, before: list[int]
) -> None:
    made = [notice(f"alert{i}", area_ha=size) for i, size in enumerate(sizes)]
    rule = replace(RULE, budget=Budget(alerts=limit, days=7))
    told = [TODAY - timedelta(days=days) for days in before]
    found = decide([rule], made, {}, {"all": told}, TODAY)
    recent = sum(days < 7 for days in before)
    assert len(found.told) == min(len(made), max(0, limit - recent))
    assert len(found.told) + found.over_budget == len(made)
    assert {n.ident for n, _, _ in found.told} | {n.ident for n, _ in found.held} == {n.ident for n in made}
    least = min((n.alert.area_ha for n, _, _ in found.told), default=0.0)
    if found.told:
        assert all(n.alert.area_ha <= least for n, why in found.held if why == OVER_BUDGET)
    backwards = decide([rule], made[::-1], {}, {"all": told}, TODAY)
    assert {n.ident for n, _, _ in backwards.told} == {n.ident for n, _, _ in found.told}, "the order says nothing"


def test_the_first_rule_that_wants_it_counts_and_what_nobody_wants_is_held_with_its_reason() -> None:
    small = replace(RULE, name="large", least_ha=5.0)
    made = [notice("a1"), notice("a2", area_ha=9.0), notice("a3", change_type="other")]
    found = decide([small, RULE], made, {}, {}, TODAY)
    assert {(n.alert.id, rule.name) for n, rule, _ in found.told} == {("a1", "all"), ("a2", "large")}
    assert [(n.alert.id, why) for n, why in found.held] == [("a3", "other is not asked for")]
    assert decide([], made, {}, {}, TODAY).held[0][1] == "no rule names this reader"


def test_what_is_near_is_not_touched() -> None:
    assert touched(notice()) == {"protected-areas:RN03", "zoning:RN03-AD"}
    assert CLOSE in PLACE.overlaps and {RESERVE, ZONE} < set(PLACE.overlaps)


def test_budget_of_a_rule_without_one() -> None:
    made = [notice(f"alert{i}") for i in range(30)]
    assert within_budget(None, made, [TODAY] * 99, TODAY) == made


QUIETS = st.builds(
    Quiet, begins=st.times().map(bare := lambda t: t.replace(second=0, microsecond=0)), ends=st.times().map(bare)
)


@QUICK
@given(
    quiet=QUIETS | st.none(),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
    pace=st.sampled_from(["urgent", "daily", "weekly"]),
    days=st.integers(0, 40),
)
def test_nothing_leaves_before_its_embargo_nor_in_quiet_hours(
    quiet: Quiet | None, at: datetime, pace: Any, days: int
) -> None:
    rule, wait = replace(RULE, pace=pace, quiet=quiet), timedelta(days=days)
    made = due(rule, at, wait, time(7))
    assert at + wait <= made <= at + wait + timedelta(days=9)
    assert made.tzinfo == UTC
    clock = made.astimezone(LIMA).time()
    if quiet is not None and quiet.begins != quiet.ends:
        late = quiet.begins > quiet.ends
        asleep = clock >= quiet.begins or clock < quiet.ends if late else quiet.begins <= clock < quiet.ends
        assert not asleep
    if quiet is None and pace == "urgent":
        assert made == at + wait
    if quiet is None and pace == "weekly":
        assert made.astimezone(LIMA).weekday() == 0 and clock == time(7)


def test_quiet_hours_by_hand() -> None:
    rule = replace(RULE, quiet=Quiet())

    def leaves(hour: int, minute: int = 0) -> str:
        at = datetime(2024, 6, 3, hour, minute, tzinfo=LIMA).astimezone(UTC)
        return due(rule, at, timedelta(0), time(7)).astimezone(LIMA).strftime("%d %H:%M")

    assert [leaves(19, 59), leaves(20), leaves(23, 30), leaves(2), leaves(6)] == [
        "03 19:59", "04 06:00", "04 06:00", "03 06:00", "03 06:00",
    ]  # fmt: skip


def test_those_in_charge_hear_first() -> None:
    wait = Embargo()
    assert wait.of("restricted") == timedelta(0) < wait.of("partners") < wait.of("public")


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'Lima' is no time zone; write one like America/Lima"):
        Quiet(zone="Lima")
