"""What people say of alerts, under what the detector says: pure."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import alert

from detection.alerts import Alert, AlertStatus, Review, reconcile, reviewed
from detection.alerts.record import WITHDRAWN

DAY = date(2024, 6, 20)
CELLS = [(r, c) for r in range(3) for c in range(4)]
NOW = 1_717_400_000


def made(cells: object = CELLS, status: AlertStatus = "provisional", revision: int = 1, **changes: object) -> Alert:
    return alert(cells, NOW + revision, status=status, revision=revision, confidence="low", **changes)


def review(verdict: str, reason: str | None = None, cells: object = CELLS) -> Review:
    return Review(verdict, reason, DAY, np.asarray(cells, np.int32))  # type: ignore[arg-type]


REJECTED = review("rejected", "CLOUD")
BIGGER = [*CELLS, *((r, c) for r in range(3, 6) for c in range(4))]


def test_without_a_review_it_is_what_the_detector_says() -> None:
    one = made()
    assert reviewed(one, None) is one


@pytest.mark.parametrize(
    ("detected", "verdict", "status"),
    [
        ("provisional", "rejected", "rejected"), ("confirmed", "rejected", "rejected"), ("finished", "rejected", "rejected"),
        ("retracted", "rejected", "rejected"), ("merged", "rejected", "merged"),
        ("provisional", "validated", "confirmed"), ("confirmed", "validated", "confirmed"),
        ("expired", "validated", "finished"), ("retracted", "validated", "finished"), ("merged", "validated", "merged"),
        ("provisional", "in_review", "provisional"), ("confirmed", "needs_revision", "confirmed"),
        ("confirmed", "reopened", "confirmed"),
    ],
)  # fmt: skip
def test_what_people_and_the_detector_say_comes_to(detected: AlertStatus, verdict: str, status: AlertStatus) -> None:
    reason = "FLOOD" if verdict == "rejected" else None
    one = reviewed(made(status=detected), review(verdict, reason))
    assert one.status == status
    assert one.detection_status == detected
    assert one.rejection_reason == (reason if status == "rejected" or detected == "merged" else None)
    assert one.reviewed_on == DAY


def test_who_is_sure_makes_it_sure() -> None:
    first_sign = made(confirmed_on=None)
    assert reviewed(first_sign, review("validated")).confidence == "high"
    assert reviewed(first_sign, review("in_review")).confidence == "low"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["same", "grows a little", "grows", "confirmed", "gone", "back"]), max_size=8))
def test_what_was_rejected_stays_so_whatever_looks_follow_unless_it_outgrows_it(steps: list[str]) -> None:
    """And nothing that was said is ever said again, or rewritten."""
    series = [made()]
    told = {series[0].id: series[0]}
    reviews = {series[0].id: REJECTED}
    first = replace(reviewed(series[0], REJECTED), revision=2, rests_on=1)
    told = {first.id: first}
    alive, large = True, False
    for step in steps:
        last = series[-1]
        cells = last.cells.tolist()
        if step == "grows a little":
            series.append(replace(last, revision=len(series) + 1, cells=np.array([*cells, [9, len(cells)]], np.int32),
                                  area_ha=1.08 + 0.0001))  # fmt: skip
        elif step == "grows":
            large = True
            series.append(replace(last, revision=len(series) + 1, area_ha=2.16,
                                  cells=np.array(BIGGER, np.int32)))  # fmt: skip
        elif step == "confirmed":
            series.append(replace(last, revision=len(series) + 1, status="confirmed", magnitude=last.magnitude - 0.1))
        alive = {"gone": False, "back": True}.get(step, alive)
        found = {last.id: series} if alive else {}
        before = told[last.id]
        news = reconcile(found, told, 90, reviews)
        assert [a.revision for a in news] == list(range(before.revision + 1, before.revision + 1 + len(news)))
        told |= {a.id: a for a in news}
        assert reconcile(found, told, 90, reviews) == []
        now = told[last.id]
        beyond = len(set(map(tuple, now.cells.tolist())) - set(CELLS))
        outgrown = beyond * now.area_ha / len(now.cells) >= 0.5
        assert not outgrown or large
        if not (alive or large):
            assert now.detection_status == "retracted"
        assert (now.review_status == "needs_revision") == outgrown
        assert (now.status == "rejected") == (not outgrown)
        assert (now.review_status == "rejected") == (now.status == "rejected") == (now.rejection_reason == "CLOUD")


def test_the_detectors_own_revisions_go_on_one_by_one_after_a_review() -> None:
    one = made()
    two = replace(made(status="confirmed", revision=2), id=one.id)
    three = replace(made(status="finished", revision=3), id=one.id, finished_on=DAY)
    seen = replace(reviewed(one, review("in_review")), revision=2, rests_on=1)
    news = reconcile({one.id: [one, two, three]}, {one.id: seen}, 90, {one.id: review("in_review")})
    assert [(a.revision, a.detector_revision, a.status, a.review_status) for a in news] == [
        (3, 2, "confirmed", "in_review"), (4, 3, "finished", "in_review"),
    ]  # fmt: skip


def test_a_rejected_alert_that_takes_another_in_stands_again() -> None:
    """Or an alert that nobody has looked at would vanish into one that was called false."""
    false = made()
    other = replace(made([(0, 5), (0, 6)]), id="b" * 8)
    taken = replace(other, status="merged", revision=2, merged_into=false.id, observed_at=NOW + 2)
    grown = replace(made([*CELLS, (0, 5), (0, 6)], revision=2), area_ha=1.26)
    told = {false.id: replace(reviewed(false, REJECTED), revision=2, rests_on=1), other.id: other}
    story = {false.id: [false, grown], other.id: [other, taken]}
    news = {a.id: a for a in reconcile(story, told, 90, {false.id: REJECTED})}
    assert (news[false.id].status, news[false.id].review_status) == ("provisional", "needs_revision")
    both = {false.id: REJECTED, other.id: review("rejected", "CLOUD", [(0, 5), (0, 6)])}
    news = {a.id: a for a in reconcile(story, told, 90, both)}
    assert news[false.id].status == "rejected", "what was rejected itself brings nothing with it"


def test_what_takes_an_alert_back_includes_rejection() -> None:
    assert set(WITHDRAWN) == {"retracted", "expired", "rejected"}
