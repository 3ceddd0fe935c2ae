"""Alerts: revisions that depend on no tiling and no future, and what is said when the past changes."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import FIRST_DAY, grids, legal_logs
from test_patches import OLD_AND_NEW, log_of, spread

from detection.alerts import CROCKFORD, Alert, Naming, content, read_code, reconcile, revisions, short_code
from detection.codes import Status, Step
from detection.errors import BadInput
from detection.patches import Patch, Patches, follow, on_lattice
from detection.types import SECONDS_A_DAY, Grid, to_date

PROVISIONAL, CONFIRMED, EXPIRED, FINISHED = Step
NAMING = Naming("c", "EPSG:32719@30m", "nbr", 4.5, "own history", True)
ANY_SIZE = Patches(minimum_mapping_unit_ha=0, support=0)
GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (6, 6))
QUICK = settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Without shrinking: the logs come from a seed, and a smaller seed says nothing."""

LEGAL = {
    None: {"provisional", "confirmed"},
    "provisional": {"provisional", "confirmed", "expired", "merged"},
    "confirmed": {"confirmed", "finished", "merged"},
    "expired": set(),
    "finished": set(),
    "merged": set(),
}
"""What a status may be followed by as long as no look is late."""

units = st.sampled_from([0.0, 0.15, 0.3])
windows = st.sampled_from([5, 30, 90])
all_rules = st.builds(
    Patches,
    minimum_mapping_unit_ha=units,
    join_distance_m=st.sampled_from([0.0, 30.0]),
    join_window_days=windows,
    component_window_days=windows,
    support=st.integers(0, 4),
)


def plain(alert: Alert) -> tuple[Any, ...]:
    """An alert as something that can be compared."""
    return tuple(v.tobytes() if isinstance(v, np.ndarray) else v for v in astuple(alert))


def plainly(made: Mapping[str, Sequence[Alert]]) -> dict[str, list[tuple[Any, ...]]]:
    return {i: [plain(a) for a in series] for i, series in made.items()}


def stories(*parts: NDArray[Any], rules: Patches = ANY_SIZE) -> dict[str, list[Alert]]:
    return revisions(np.concatenate(parts), 30, rules, NAMING)


def told_after(new: Sequence[Alert], told: Mapping[str, Alert]) -> dict[str, Alert]:
    """What was told, with the new said; every revision must be the next of its alert."""
    latest = dict(told)
    for alert in new:
        before = latest.get(alert.id)
        assert alert.revision == (before.revision + 1 if before else 1)
        latest[alert.id] = alert
    return latest


def statuses(series: Sequence[Alert]) -> list[str]:
    return [a.status for a in series]


logs = legal_logs(GRID.shape, looks=10, share=0.5).map(lambda log: on_lattice(log, GRID))


@QUICK
@given(st.data())
def test_alerts_do_not_depend_on_the_tiling(data: st.DataObject) -> None:
    grid = data.draw(grids(10))
    log = data.draw(legal_logs(grid.shape, looks=8))
    rules = data.draw(all_rules)
    naming = replace(NAMING, lattice=grid.lattice)
    whole = revisions(on_lattice(log, grid), grid.resolution, rules, naming)
    parts = np.concatenate(spread(log, grid, data.draw(st.integers(1, 11))))
    mixed = parts[np.random.default_rng(data.draw(st.integers(0, 999))).permutation(len(parts))]
    assert plainly(revisions(mixed, grid.resolution, rules, naming)) == plainly(whole)


@QUICK
@given(logs, all_rules, st.integers(0, 9))
def test_no_look_into_the_future(log: NDArray[Any], rules: Patches, cut: int) -> None:
    whole = plainly(stories(log, rules=rules))
    instants = np.unique(log["instant"])
    known = log[log["instant"] <= instants[min(cut, len(instants) - 1)]] if len(instants) else log
    then = plainly(stories(known, rules=rules))
    for ident, series in then.items():
        assert whole[ident][: len(series)] == series
    later = [s[len(then.get(i, [])) :] for i, s in whole.items()]
    last = int(known["instant"].max()) if len(known) else 0
    position = [f.name for f in Alert.__dataclass_fields__.values()].index("observed_at")
    assert all(revision[position] > last for series in later for revision in series)


@QUICK
@given(logs, all_rules)
def test_every_story_is_legal(log: NDArray[Any], rules: Patches) -> None:
    made = stories(log, rules=rules)
    for ident, series in made.items():
        assert [a.revision for a in series] == list(range(1, len(series) + 1))
        assert {a.id for a in series} == {ident}
        before: Alert | None = None
        for alert in series:
            assert alert.status in LEGAL[before.status if before else None], statuses(series)
            check(alert, rules)
            if before:
                assert alert.observed_at > before.observed_at
                assert content(alert) != content(before)
                assert alert.first_detected == before.first_detected
                assert before.confirmed_on in (None, alert.confirmed_on)
                assert alert.area_ha_new == pytest.approx(max(alert.area_ha - before.area_ha, 0.0))
            before = alert
        assert series[0].area_ha_new == series[0].area_ha >= rules.minimum_mapping_unit_ha
        assert series[-1].merged_into is None or series[-1].merged_into in made


def check(alert: Alert, rules: Patches) -> None:
    """What must hold of a single revision."""
    confirmed = alert.status in ("confirmed", "finished")
    assert (alert.confirmed_on is not None) == confirmed or alert.status == "merged"
    assert (alert.finished_on is not None) == (alert.status in ("expired", "finished", "merged"))
    assert alert.confidence == ("high" if alert.confirmed_on else "low")
    assert len(alert.cells) > 0
    assert alert.cells.tolist() == sorted(alert.cells.tolist())
    assert alert.change_date <= to_date(alert.observed_at // SECONDS_A_DAY)
    assert alert.first_detected <= alert.last_detected
    assert alert.confirmed_on is None or alert.confirmed_on >= alert.first_detected or alert.previous_id
    assert alert.last_clear_before is None or alert.last_clear_before <= alert.change_date
    assert alert.area_ha == pytest.approx(0.09 * len(alert.cells), rel=0.01)
    assert alert.mmu_ha == rules.minimum_mapping_unit_ha
    assert (alert.merged_into is not None) == (alert.status == "merged")
    low_high = {"provisional": (2, 5), "confirmed": (3, 6), "finished": (7, 8)}.get(alert.status, (0, 0))
    assert alert.status_code == low_high[alert.magnitude_sigma >= NAMING.high]


@QUICK
@given(logs, all_rules)
def test_every_edge_that_is_legal_is_walked_somewhere_and_ids_are_derived(log: NDArray[Any], rules: Patches) -> None:
    for ident, series in stories(log, rules=rules).items():
        assert uuid.UUID(ident).version == 5
        assert {a.short_code for a in series} == {short_code(ident)}


def test_the_unit_is_in_equal_area_hectares() -> None:
    rows = [(day, 0, day, PROVISIONAL) for day in range(6)]
    assert stories(log_of(*rows, hectares=0.0999), rules=Patches(minimum_mapping_unit_ha=0.6)) == {}
    ((first, *_),) = stories(log_of(*rows, hectares=0.1001), rules=Patches(minimum_mapping_unit_ha=0.6)).values()
    assert first.area_ha == pytest.approx(0.6006)
    ((first, *_),) = stories(log_of(*rows, hectares=0.0999), rules=Patches(minimum_mapping_unit_ha=0.49)).values()
    assert (first.first_detected, len(first.cells)) == (to_date(FIRST_DAY + 4), 5)


def test_an_id_is_minted_once_and_kept_under_growth() -> None:
    """Growth brings cells with an earlier change and a lower row: the id stays that of its first day."""
    seed = log_of((0, 5, 5, PROVISIONAL))
    grown = log_of((9, 4, 4, PROVISIONAL, -20), (9, 6, 6, CONFIRMED, 0))
    (ident,) = stories(seed)
    ((again, series),) = stories(seed, grown).items()
    assert again == ident
    assert [len(a.cells) for a in series] == [1, 2]
    assert [a.change_date for a in series] == [to_date(FIRST_DAY), to_date(FIRST_DAY - 20)]
    expected = uuid.uuid5(
        uuid.uuid5(uuid.NAMESPACE_URL, "urn:sachawatch:alert"), f"c|{NAMING.lattice}|5,5|{to_date(FIRST_DAY)}"
    )
    assert ident == str(expected)


def test_a_merge_keeps_the_oldest_id_and_says_so_in_the_other() -> None:
    log = log_of((0, 0, 6, PROVISIONAL), (5, 0, 0, PROVISIONAL), (9, 0, 3, PROVISIONAL), (12, 0, 3, CONFIRMED, 9))
    rules = replace(ANY_SIZE, join_distance_m=60)
    (older, story), (younger, end) = sorted(stories(log, rules=rules).items(), key=lambda kv: kv[1][0].observed_at)
    assert statuses(story) == ["provisional", "provisional", "confirmed"]
    assert [len(a.cells) for a in story] == [1, 3, 3]
    assert statuses(end) == ["provisional", "merged"]
    assert (end[-1].merged_into, end[-1].finished_on) == (older, to_date(FIRST_DAY + 9))
    assert older != younger


def test_a_merge_of_a_confirmed_into_an_older_provisional_is_confirmed() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (5, 0, 3, PROVISIONAL), (15, 0, 3, CONFIRMED, 5), (20, 0, 1, PROVISIONAL))
    older, younger = stories(log).values()
    assert statuses(older) == ["provisional", "confirmed"]
    assert statuses(younger) == ["provisional", "confirmed", "merged"]


def test_expired_finished_and_followed_on() -> None:
    gone = stories(log_of((0, 0, 0, PROVISIONAL), (40, 0, 0, EXPIRED, 0)))
    ((_, lost),) = gone.items()
    assert statuses(lost) == ["provisional", "expired"]
    assert (lost[-1].status_code, lost[-1].finished_on) == (Status.NONE, to_date(FIRST_DAY + 40))
    event = log_of((0, 0, 0, PROVISIONAL), (9, 0, 0, CONFIRMED, 0), (40, 0, 0, FINISHED, 0))
    again = log_of((90, 0, 0, PROVISIONAL, 80))
    first, second = stories(event, again).values()
    assert statuses(first) == ["provisional", "confirmed", "finished"]
    assert [a.status_code for a in first] == [5, 6, 8]
    assert (second[0].previous_id, first[0].previous_id) == (first[0].id, None)


def test_a_new_event_under_an_old_one_still_open_is_heard_to_its_end() -> None:
    log = log_of(*OLD_AND_NEW, (210, 0, 1, FINISHED, 0), (220, 0, 0, CONFIRMED, 195), (300, 0, 0, FINISHED, 195))
    old, new = stories(log).values()
    assert statuses(old) == ["provisional", "confirmed", "finished"]
    assert statuses(new) == ["provisional", "confirmed", "finished"]


def test_a_confirmed_alert_does_not_end_as_expired() -> None:
    """Both cells are confirmed and finished, alarm anew in the same patch, and those alarms expire."""
    rows = [(0, 0, 0, PROVISIONAL), (0, 0, 1, PROVISIONAL), (9, 0, 0, CONFIRMED, 0), (9, 0, 1, CONFIRMED, 0)]
    rows += [(20, 0, 0, FINISHED, 0), (30, 0, 0, PROVISIONAL, 25), (40, 0, 1, FINISHED, 0), (50, 0, 1, PROVISIONAL, 45)]
    rows += [(60, 0, 0, EXPIRED, 25), (60, 0, 1, EXPIRED, 45)]
    ((_, series),) = stories(log_of(*rows)).items()
    assert statuses(series)[-1] == "finished"
    assert series[-1].status_code == Status.FINISHED_HIGH
    assert "expired" not in statuses(series)


def test_the_numbers_of_an_alert() -> None:
    log = log_of((0, 0, 0, PROVISIONAL, -3), (0, 0, 1, PROVISIONAL, -9), hectares=0.088)
    log["magnitude"], log["sigma"], log["count"], log["clear_before"] = (
        [-0.2, -0.5],
        [4, 4.9],
        [2, 6],
        [-1, FIRST_DAY - 20],
    )
    ((_, (alert,)),) = stories(log).items()
    assert [alert.magnitude, alert.magnitude_max] == pytest.approx([-0.35, -0.5])
    assert alert.magnitude_sigma == pytest.approx(4.45)
    assert alert.status_code == Status.PROVISIONAL_LOW
    assert [alert.count, alert.area_ha] == pytest.approx([4, 0.176])
    assert (alert.change_date, alert.last_clear_before) == (to_date(FIRST_DAY - 9), to_date(FIRST_DAY - 20))
    log["clear_before"] = -1
    ((_, (alert,)),) = stories(log).items()
    assert alert.last_clear_before is None
    assert alert.cells.dtype == np.int32


@given(st.uuids().map(str), st.data())
@settings(max_examples=100)
def test_a_short_code_is_read_as_it_is_heard_and_one_wrong_character_is_found(ident: str, data: st.DataObject) -> None:
    code = short_code(ident)
    assert re.fullmatch(f"[{CROCKFORD}]{{6}}-[{CROCKFORD}]", code)
    said = data.draw(
        st.sampled_from([code, code.lower(), code.replace("-", " "), code.replace("0", "O").replace("1", "l")])
    )
    assert read_code(f" {said}") == code
    at, other = data.draw(st.sampled_from([0, 1, 2, 3, 4, 5, 7])), data.draw(st.sampled_from(CROCKFORD))
    wrong = code[:at] + other + code[at + 1 :]
    if wrong != code:
        with pytest.raises(BadInput, match="check character does not fit"):
            read_code(wrong)


@pytest.mark.parametrize("text", ["", "K7Q4M2", "K7Q4M2-XX", "K7Q4M2-U", "K7Q4M2-ñ", "../../etc"])
def test_what_is_no_code_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="is no code of an alert"):
        read_code(text)


def swapped(log: NDArray[Any], rng: np.random.Generator, other: NDArray[Any]) -> NDArray[Any]:
    """The log with the story of some cells replaced by that of another log: what a late look may do."""
    width = 1_000_000
    key, keys = log["row"] * width + log["column"], other["row"] * width + other["column"]
    every = np.unique(np.concatenate([key, keys]))
    changed = every[rng.random(len(every)) < rng.choice([0.1, 0.5, 1.0])]
    return np.concatenate([log[~np.isin(key, changed)], other[np.isin(keys, changed)]])


@settings(QUICK, max_examples=10)
@given(logs, all_rules)
def test_what_was_told_and_is_made_again_is_no_news(log: NDArray[Any], rules: Patches) -> None:
    """In as many runs as there are looks, or in one: the same revisions."""
    whole = stories(log, rules=rules)
    told: dict[str, Alert] = {}
    said: list[Alert] = []
    for instant in np.unique(log["instant"]):
        made = stories(log[log["instant"] <= instant], rules=rules)
        new = reconcile(made, told, 90)
        told = told_after(new, told)
        said += new
        assert reconcile(made, told, 90) == []
    assert sorted(plain(a) for a in said) == sorted(plain(a) for series in whole.values() for a in series)


@QUICK
@given(st.data())
def test_when_the_past_changes(data: st.DataObject) -> None:
    """Nothing is rewritten; afterwards what is told is what is made; once more is nothing."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rules, log = data.draw(all_rules), data.draw(logs)
    told = told_after(reconcile(stories(log, rules=rules), {}, 90), {})
    for other in data.draw(st.lists(logs, min_size=1, max_size=3)):
        log = swapped(log, rng, other)
        made = stories(log, rules=rules)
        new = reconcile(made, told, 90)
        known, told = told, told_after(new, told)
        assert reconcile(made, told, 90) == []
        living = {i: a for i, a in told.items() if a.status != "retracted"}
        assert sorted(said(a) for a in living.values()) == sorted(said(series[-1]) for series in made.values())
        for ident, before in known.items():
            fresh = [a for a in new if a.id == ident]
            if ident not in made and ident not in living:
                assert statuses(fresh) == ([] if before.status == "retracted" else ["retracted"])
        assert all(a.merged_into in living for a in living.values() if a.merged_into)
        assert all(a.previous_id in told for a in living.values() if a.previous_id)
        assert all(a.short_code == short_code(a.id) for a in told.values())


def said(alert: Alert) -> tuple[Any, ...]:
    """What an alert says but for its id and those it names."""
    return tuple(
        map(str, (alert.status, alert.status_code, alert.change_date, alert.cells.tobytes(), round(alert.magnitude, 6)))
    )


def test_a_late_look_makes_one_revision() -> None:
    """Told provisional, then confirmed on day 16; the late look confirms it on day 12 and adds a cell."""
    log = log_of((0, 0, 0, PROVISIONAL), (16, 0, 0, CONFIRMED, 0))
    told = told_after(reconcile(stories(log), {}, 90), {})
    changed = log_of(
        (0, 0, 0, PROVISIONAL), (8, 0, 1, PROVISIONAL, 0), (12, 0, 0, CONFIRMED, 0), (20, 0, 1, CONFIRMED, 0)
    )
    made = stories(changed)
    (news,) = reconcile(made, told, 90)
    assert (news.revision, news.status, news.confirmed_on) == (3, "confirmed", to_date(FIRST_DAY + 12))
    assert [len(news.cells), news.area_ha_new] == pytest.approx([2, 0.09])


def test_what_vanishes_is_retracted_once_and_may_come_back() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (9, 0, 0, CONFIRMED, 0))
    made = stories(log)
    told = told_after(reconcile(made, {}, 90), {})
    (gone,) = reconcile({}, told, 90)
    assert (gone.status, gone.revision, gone.area_ha_new) == ("retracted", 3, 0.0)
    told = told_after([gone], told)
    assert reconcile({}, told, 90) == []
    (back,) = reconcile(made, told, 90)
    assert (back.status, back.revision) == ("confirmed", 4)


def test_another_id_over_a_vanished_one_goes_on_under_the_old() -> None:
    """The late look moves the change date: the id that follows from the log is another, the one told stays."""
    told = told_after(reconcile(stories(log_of((0, 0, 0, PROVISIONAL))), {}, 90), {})
    (ident,) = told
    moved = stories(log_of((0, 0, 0, PROVISIONAL, -8), (9, 0, 0, CONFIRMED, -8)))
    assert ident not in moved
    (news,) = reconcile(moved, told, 90)
    assert (news.id, news.revision, news.status) == (ident, 2, "confirmed")
    assert news.short_code == short_code(ident)
    far = stories(log_of((0, 0, 0, PROVISIONAL, -91)))
    assert statuses(reconcile(far, told, 90)) == ["provisional", "retracted"]
    beside = stories(log_of((0, 0, 1, PROVISIONAL)))
    assert statuses(reconcile(beside, told, 90)) == ["provisional", "retracted"]


def test_what_names_an_alert_names_the_id_that_was_told() -> None:
    """The older of two alerts is moved by a late look, then takes the other in: that one must name the id as told."""
    rules = replace(ANY_SIZE, join_distance_m=60)
    parts = (log_of((0, 0, 6, PROVISIONAL)), log_of((5, 0, 0, PROVISIONAL)), log_of((9, 0, 3, PROVISIONAL)))
    told = told_after(reconcile(stories(*parts[:2], rules=rules), {}, 90), {})
    older = next(a.id for a in told.values() if a.observed_at == FIRST_DAY * SECONDS_A_DAY)
    parts[0]["change_day"] -= 8
    made = stories(*parts, rules=rules)
    told = told_after(reconcile(made, told, 90), told)
    assert {a.status for a in told.values()} == {"provisional", "merged"}
    assert next(a.merged_into for a in told.values() if a.status == "merged") == older
    assert reconcile(made, told, 90) == []


def test_one_that_still_lives_is_heir_before_one_retracted() -> None:
    """And what was told of it counts for more than how many cells they share."""
    ((_, (alert,)),) = stories(log_of((0, 0, 0, PROVISIONAL), (0, 0, 1, PROVISIONAL))).items()
    moved = replace(alert, id="moved", change_date=alert.change_date.replace(day=1))
    fewer = replace(alert, id="fewer", cells=alert.cells[:1])
    gone = replace(alert, id="gone", status="retracted")
    assert [a.id for a in reconcile({"moved": [moved]}, {"fewer": fewer, "gone": gone}, 90)] == ["fewer"]
    same = replace(moved, id="aaa")
    assert reconcile({"moved": [moved]}, {"aaa": same, "zzz": gone}, 90) == []
    both = {"aaa": same, "zzz": replace(alert, id="zzz")}
    assert [(a.id, a.status) for a in reconcile({"moved": [moved]}, both, 90)] == [("zzz", "retracted")]


@QUICK
@given(logs, all_rules)
def test_open_alerts_hold_every_flagged_cell_of_their_patches_once(log: NDArray[Any], rules: Patches) -> None:
    """After every look: one alert a minted patch, each with an id of its own, and together the land they flag."""
    made = stories(log, rules=rules)
    state: dict[tuple[int, int], Any] = {}
    patches: dict[int, Patch] = {}
    for instant, touched in follow(log, 30, rules):
        patches |= {p.number: p for p in touched}
        for row in log[log["instant"] == instant]:
            state[int(row["row"]), int(row["column"])] = row
        known = [[a for a in series if a.observed_at <= instant] for series in made.values()]
        latest = [series[-1] for series in known if series]
        assert len(latest) == sum(p.minted is not None for p in patches.values())
        open_now = [a for a in latest if a.status in ("provisional", "confirmed")]
        told = [c for p in patches.values() if p.minted is not None and p.open for c in p.members]
        held = [(r, c) for a in open_now for r, c in a.cells.tolist()]
        assert sorted(held) == sorted(told)
        flagged = {c: row for c, row in state.items() if row["step"] in (PROVISIONAL, CONFIRMED)}
        apart = [c for p in patches.values() if p.minted is None for c in p.members]
        for (
            cell
        ) in flagged:  # what finished under one alert and changed anew is on record in both, and open in the new one
            owners = [p for p in patches.values() if cell in p.members and p.members[cell].step <= CONFIRMED]
            assert len(owners) == 1
            assert (cell in held) or (cell in apart)
        area = sum(a.area_ha for a in open_now)
        assert area == pytest.approx(sum(float(state[c]["hectares"]) for c in told))
    assert all(a.merged_into in made for series in made.values() for a in series if a.status == "merged")


def test_the_random_logs_merge_split_and_follow_on() -> None:
    """Without this the properties above could hold for want of cases."""
    rng = np.random.default_rng(7)
    cells = [(r, c) for r in range(8) for c in range(8)]
    merged = split = 0
    for _ in range(30):
        rows: list[tuple[int, ...]] = []
        for r, c in cells:
            if rng.random() < 0.6:
                day = int(rng.integers(0, 40))
                rows.append((day, r, c, PROVISIONAL))
                if rng.random() < 0.6:
                    rows.append((day + int(rng.integers(5, 60)), r, c, EXPIRED, day))
        made = stories(log_of(*rows), rules=replace(ANY_SIZE, join_distance_m=0))
        merged += sum(series[-1].status == "merged" for series in made.values())
        split += sum(series[0].previous_id is not None for series in made.values())
        assert all(series[0].previous_id in {None, *made} for series in made.values())
    assert min(merged, split) > 30


def apart(day: int, columns: Sequence[int], step: Step = PROVISIONAL, change: int = 0) -> NDArray[Any]:
    return log_of(*((day, 0, c, step, change) for c in columns))


def test_an_alert_that_falls_apart_keeps_its_id_in_the_largest_part() -> None:
    whole, bridge = apart(0, range(9)), apart(30, (2, 3), EXPIRED)
    ((before, _),) = stories(whole).items()
    kept, part = sorted(stories(whole, bridge).values(), key=len, reverse=True)
    assert ([a.id for a in kept], [len(a.cells) for a in kept]) == ([before] * 2, [9, 5])
    (only,) = part
    assert (only.revision, only.previous_id, len(only.cells), only.status) == (1, before, 2, "provisional")
    assert only.id != before
    assert only.area_ha_new == only.area_ha
    assert (only.first_detected, only.observed_at) == (to_date(FIRST_DAY), (FIRST_DAY + 30) * SECONDS_A_DAY)


def test_a_part_with_the_anchor_of_the_whole_gets_an_id_of_its_own() -> None:
    """The id was minted at column 0, which falls off twice: told, taken in again, and cut off again."""
    rules = replace(ANY_SIZE, join_distance_m=0)
    log = [apart(0, range(6)), apart(30, (1,), EXPIRED), apart(40, (1,), change=20), apart(50, (1,), EXPIRED, 20)]
    made = stories(*log, rules=rules)
    assert sorted(statuses(series)[-1] for series in made.values()) == ["merged", "provisional", "provisional"]
    ends = [series[-1] for series in made.values() if series[-1].status == "provisional"]
    assert sorted(len(a.cells) for a in ends) == [1, 4]
    assert all(len({a.id for a in series}) == 1 for series in made.values())


def test_a_confirmed_alert_falls_into_a_confirmed_and_a_provisional_one() -> None:
    log = [apart(0, range(9)), apart(9, (0, 1), CONFIRMED), apart(30, (2, 3), EXPIRED)]
    kept, part = sorted(stories(*log).values(), key=len, reverse=True)
    assert statuses(kept) == ["provisional", "confirmed", "confirmed"]
    assert [statuses(part), part[0].confirmed_on] == [["confirmed"], to_date(FIRST_DAY + 9)]
    log[1] = apart(9, (7, 8), CONFIRMED)
    _, part = sorted(stories(*log).values(), key=len, reverse=True)
    assert [statuses(part), part[0].confirmed_on] == [["provisional"], None]


def test_growth_says_what_is_new_and_when() -> None:
    log = [apart(0, range(3)), apart(9, (3, 4), change=5), apart(20, (0,), EXPIRED), apart(30, (5,), change=25)]
    ((_, series),) = stories(*log).items()
    assert [a.area_ha_new for a in series] == pytest.approx([0.27, 0.18, 0, 0.09])
    assert [a.last_detected for a in series] == [to_date(FIRST_DAY + day) for day in (0, 9, 9, 30)]


def test_of_two_into_which_late_data_cuts_an_alert_the_larger_inherits_the_id() -> None:
    """Told as one of nine cells; the late look takes away two, and what has the anchor is the smaller part."""
    told = told_after(reconcile(stories(apart(0, range(9))), {}, 90), {})
    (ident,) = told
    made = stories(apart(0, (0, 1)), apart(0, range(4, 9)))
    assert ident in made
    assert len(made[ident][-1].cells) == 2
    news = reconcile(made, told, 90)
    assert {a.id: (a.revision, len(a.cells)) for a in news}[ident] == (2, 5)
    (other,) = [a for a in news if a.id != ident]
    assert (other.revision, len(other.cells), other.id in made) == (1, 2, False)
    assert other.short_code == short_code(other.id)
    told = told_after(news, told)
    assert reconcile(made, told, 90) == []
    grown = stories(apart(0, (0, 1)), apart(0, range(4, 9)), apart(20, (9,), change=15), apart(21, (0,), CONFIRMED))
    more = {a.id: a for a in reconcile(grown, told, 90)}
    assert (more[ident].revision, len(more[ident].cells)) == (3, 6)
    assert (more[other.id].revision, more[other.id].status) == (2, "confirmed")
    assert reconcile(grown, told_after(list(more.values()), told), 90) == []


def test_of_two_that_late_data_joins_each_stays_what_it_was_told_as() -> None:
    told = told_after(reconcile(stories(apart(0, (0, 1)), apart(0, range(4, 9))), {}, 90), {})
    ident = next(i for i, a in told.items() if len(a.cells) == 2)
    made = stories(apart(0, range(9)))
    assert list(made) == [ident]
    assert {a.id: a.status for a in reconcile(made, told, 90)} == {
        i: "provisional" if i == ident else "retracted" for i in told
    }


def test_an_event_that_follows_on_another_does_not_take_its_id() -> None:
    """A late look takes a cell from the first; the second, new, has more of the land that the first was told of."""
    event = [apart(0, (0, 1)), apart(9, (0, 1), CONFIRMED), apart(40, (0, 1), FINISHED)]
    told = told_after(reconcile(stories(*event), {}, 90), {})
    moved = [apart(0, (0,)), apart(9, (0,), CONFIRMED), apart(40, (0,), FINISHED), apart(60, (0, 1, 2), change=50)]
    news = {a.id: a for a in reconcile(stories(*moved), told, 90)}
    (first,) = told
    assert (news.pop(first).status, told[first].revision) == ("finished", 3)
    ((_, second),) = news.items()
    assert (second.revision, second.previous_id, len(second.cells)) == (1, first, 3)
