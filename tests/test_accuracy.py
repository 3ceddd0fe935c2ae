"""Agreement with a known truth, counted by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import FIRST_DAY
from test_alerts import stories
from test_patches import log_of

from detection.accuracy.events import Agreement, Claim, KnownEvent, Matches, agreement, claims, matches
from detection.alerts import Alert, AlertStatus
from detection.codes import Step
from detection.errors import BadInput
from detection.types import Grid, to_date

FIRST, LAST = to_date(FIRST_DAY), to_date(FIRST_DAY + 365)
DAY = timedelta(days=1)
((SEED,),) = stories(log_of((0, 0, 0, Step.PROVISIONAL))).values()
SEED = replace(SEED, status="confirmed", last_clear_before=None)


def row_of(columns: range, row: int = 0) -> NDArray[np.int32]:
    return np.array([(row, c) for c in columns], np.int32)


def event(start: int, columns: range, name: str = "e", lasts: int = 0, row: int = 0) -> KnownEvent:
    """A loss of cells of one row, so many days after the first day."""
    begun = FIRST + start * DAY
    return KnownEvent(name, begun, begun + lasts * DAY, row_of(columns, row), 0.09 * len(columns))


def alert(detected: int, columns: range, status: AlertStatus = "confirmed", row: int = 0) -> Alert:
    """An alert over cells of one row, detected and last grown so many days after the first day."""
    day = FIRST + detected * DAY
    return replace(SEED, status=status, cells=row_of(columns, row), first_detected=day, last_detected=day)


def judged(alerts: list[Alert], truth: list[KnownEvent], smallest_ha: float = 0.2) -> Agreement:
    return agreement(alerts, truth, smallest_ha=smallest_ha, first=FIRST, last=LAST)


def test_a_found_event_and_its_delay() -> None:
    assert judged([alert(25, range(4))], [event(10, range(4))]) == Agreement(1, 1, 1, 1, 15.0)


@pytest.mark.parametrize(("columns", "found"), [(range(2), 1), (range(1), 0), (range(2, 6), 1), (range(3, 7), 0)])
def test_half_the_cells_of_an_event_must_be_covered(columns: range, found: int) -> None:
    assert judged([alert(25, columns)], [event(10, range(4))]).found_events == found


@pytest.mark.parametrize(
    ("columns", "correct"), [(range(2), 1), (range(9, 19), 0), (range(8, 18), 1), (range(10, 20), 0)]
)
def test_a_tenth_of_the_union_must_agree(columns: range, correct: int) -> None:
    """Ten cells lost: sharing two of eighteen in all is more than a tenth, sharing one of nineteen is not."""
    assert judged([alert(25, columns)], [event(10, range(10))]).correct_alerts == correct


def test_the_union_is_of_all_losses_touched() -> None:
    truth = [event(10, range(c, c + 10), str(c)) for c in (0, 10)]
    assert judged([alert(25, range(8, 12))], truth).correct_alerts == 1  # 4 of 20
    assert judged([alert(25, range(9, 11))], truth).correct_alerts == 1  # 2 of 20
    assert judged([alert(25, range(9, 10))], truth).correct_alerts == 1  # 1 of the 10 it touches
    assert judged([alert(25, range(9, 11))], [*truth, event(10, range(10, 31), "more")]).correct_alerts == 0  # 2 of 31


def test_an_alarm_before_the_loss_finds_nothing() -> None:
    assert judged([alert(5, range(4))], [event(10, range(4))]) == Agreement(1, 0, 1, 0, None)
    assert judged([alert(10, range(4))], [event(10, range(4))]) == Agreement(1, 1, 1, 1, 0.0)


@pytest.mark.parametrize(("ended", "correct"), [(14, 0), (15, 1)])
def test_loss_before_the_last_clear_look_explains_nothing(ended: int, correct: int) -> None:
    one = replace(alert(25, range(4)), last_clear_before=FIRST + 15 * DAY)
    assert judged([one], [event(10, range(4), lasts=ended - 10)]).correct_alerts == correct


@pytest.mark.parametrize(("start", "correct"), [(40, 1), (41, 0)])
def test_loss_after_the_alert_last_grew_explains_nothing(start: int, correct: int) -> None:
    one = replace(alert(25, range(4)), last_detected=FIRST + 40 * DAY)
    assert judged([one], [event(start, range(4))]).correct_alerts == correct


def test_events_that_do_not_count() -> None:
    truth = [event(-5, range(4), "before"), event(366, range(4), "after", row=1), event(9, range(2), "small", row=2)]
    assert judged([], truth) == Agreement(0, 0, 0, 0, None)
    assert judged([], [event(365, range(3))]).true_events == 1


@pytest.mark.parametrize("status", ["provisional", "expired", "merged", "retracted"])
def test_only_confirmed_alerts_are_judged_and_find(status: AlertStatus) -> None:
    others = [alert(20, range(4), status), alert(20, range(4), "finished", row=5)]
    assert judged(others, [event(10, range(4))]) == Agreement(1, 0, 1, 0, None)


def test_what_the_model_calls_something_else_claims_nothing() -> None:
    other = replace(alert(20, range(4)), change_type="other")
    assert judged([other], [event(10, range(4))]) == Agreement(1, 0, 0, 0, None)


def test_a_cell_lost_twice_explains_both_its_alerts() -> None:
    truth = [event(10, range(4), "one"), event(200, range(4), "two")]
    second = replace(alert(210, range(4)), last_clear_before=FIRST + 190 * DAY)
    for order in (truth, truth[::-1]):
        result = judged([alert(20, range(4)), second], order)
        assert (result.judged_alerts, result.correct_alerts) == (2, 2)


def test_the_first_alarm_counts_and_the_middle_delay() -> None:
    truth = [event(10, range(4), "a"), event(10, range(4), "b", row=3), event(10, range(4), "c", row=6)]
    found = [alert(40, range(2)), alert(30, range(2, 4)), alert(12, range(4), row=3), alert(110, range(4), row=6)]
    assert judged(found, truth) == Agreement(3, 3, 4, 4, 20.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9_999))
def test_the_counts_are_bounded_and_do_not_depend_on_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spans = [(c, c + int(rng.integers(1, 5))) for c in rng.integers(0, 9, 4).tolist()]
    alerts = [
        replace(SEED, first_detected=FIRST + int(rng.integers(0, 300)) * DAY, cells=row_of(range(*s))) for s in spans
    ]
    truth = [
        event(int(rng.integers(-50, 400)), range(c, c + 4), str(i), 20)
        for i, c in enumerate(rng.integers(0, 9, 4).tolist())
    ]
    found = judged(alerts, truth)
    assert found.found_events <= found.true_events <= len(truth)
    assert found.correct_alerts <= found.judged_alerts <= len(alerts)
    assert (found.median_delay_days is None) == (found.found_events == 0)
    assert judged(alerts[::-1], truth[::-1]) == found


def test_nothing_is_nothing() -> None:
    assert judged([], []) == Agreement(0, 0, 0, 0, None)


# event matching


def claim(day: int, columns: range, name: str = "c", row: int = 0) -> Claim:
    return Claim(name, FIRST + day * DAY, row_of(columns, row))


def matched(predicted: list[Claim], truth: Sequence[KnownEvent], grid: Grid | None = None) -> Matches:
    return matches(predicted, truth, first=FIRST, last=LAST, grid=grid)


def test_a_perfect_detector_finds_every_event_on_its_day() -> None:
    truth = [event(10 * r, range(r, 2 * r + 1), f"e{r}", row=r) for r in range(1, 9)]
    made = matched([Claim(e.id, e.start, e.cells) for e in truth], truth)
    assert made.recall.value == made.precision.value == 1
    assert {(p.event, p.iou, p.delay_days) for p in made.pairs} == {(e.id, 1, 0) for e in truth}
    assert (made.missed, made.false) == ((), ())


@pytest.mark.parametrize(("columns", "found"), [(range(2), 1), (range(9, 19), 0), (range(8, 18), 1), (range(1), 1)])
def test_events_match_from_a_tenth_of_the_union(columns: range, found: int) -> None:
    made = matched([claim(10, columns)], [event(10, range(10))])
    assert (len(made.pairs), len(made.false)) == (found, 1 - found)


@pytest.mark.parametrize(("delay", "found"), [(-1, 0), (0, 1), (365, 1), (366, 0)])
def test_events_match_from_their_first_day_for_a_year(delay: int, found: int) -> None:
    made = matched([claim(10 + delay, range(4))], [event(10, range(4))])
    assert (len(made.pairs), len(made.missed), len(made.false)) == (found, 1 - found, 1 - found)


def test_the_earliest_claim_counts_and_one_may_find_two() -> None:
    truth = [event(10, range(4), "one"), event(20, range(4, 8), "two")]
    made = matched([claim(50, range(8), "late"), claim(40, range(3), "early")], truth)
    assert [(p.event, p.claim, p.delay_days) for p in made.pairs] == [("one", "early", 30), ("two", "late", 30)]
    assert (made.precision.value, made.precision.of) == (1, 2)


def test_events_that_cannot_be_judged_are_counted_not_averaged() -> None:
    open_ = event(300, range(4), "open", lasts=65, row=1)
    truth = [
        event(10, range(4), "seen"),
        open_,
        event(-5, range(4), "outside", row=2),
        event(10, range(18, 22), "cut", row=3),
    ]
    grid = Grid("EPSG:32719", 0, 0, 30, (10, 20))
    made = matched([claim(310, range(4), row=1), claim(20, range(20), row=9)], truth, grid)
    assert (made.still_open, made.outside_span, made.cut_off, made.neutral_claims) == (1, 1, 1, 1)
    assert (made.recall.value, made.recall.of, made.missed) == (0, 1, ("seen",))
    assert (made.precision.value, made.precision.of) == (0, 1)
    unjudged = matched([], truth[1:3])
    assert unjudged.recall.value is unjudged.precision.value is None


def test_recall_by_size_and_by_driver() -> None:
    truth = [
        replace(event(10, range(c), f"e{c}", row=c), driver="road" if c % 2 else "mine") for c in (1, 2, 3, 5, 6, 20)
    ]
    found = [claim(12, range(c), f"c{c}", row=c) for c in (3, 5, 20)]
    made = matched(found, truth)
    sizes = {name: (share.value, share.of) for name, share in made.by_size.items()}
    assert sizes == {
        "under 0.05": (None, 0),
        "0.05-0.1": (0, 1),
        "0.1-0.2": (0, 1),
        "0.2-0.5": (1, 2),
        "0.5-1": (0, 1),
        "1-2": (1, 1),
        "2-5": (None, 0),
        "5-10": (None, 0),
        "10 and more": (None, 0),
    }
    assert {name: (share.value, share.of) for name, share in made.by_driver.items()} == {
        "road": (2 / 3, 3),
        "mine": (1 / 3, 3),
    }


def test_truth_that_cannot_judge_is_said() -> None:
    with pytest.raises(BadInput, match="truth: no events"):
        matched([claim(1, range(3))], [])
    with pytest.raises(BadInput, match="none of 1 events touches the judged grid"):
        matched([], [event(10, range(4), row=50)], Grid("EPSG:32719", 0, 0, 30, (10, 20)))
    with pytest.raises(BadInput, match="event 'e' has no cells"):
        matched([], [event(10, range(0))])


def test_what_alerts_claim() -> None:
    alerts = [
        replace(alert(20, range(4)), confirmed_on=FIRST + 30 * DAY),
        replace(alert(25, range(4), "expired"), confirmed_on=None),
        replace(alert(26, range(4)), change_type="other"),
    ]
    assert [c.day for c in claims(alerts)] == [FIRST + 30 * DAY]
    assert [c.day for c in claims(alerts, "first")] == [FIRST + 20 * DAY, FIRST + 25 * DAY]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9_999))
def test_overlaps_are_those_of_sets_and_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spots = [rng.integers(-4, 4, (rng.integers(1, 12), 2)).astype(np.int32) for _ in range(12)]
    days = rng.integers(0, 300, 12)
    truth = [
        KnownEvent(str(i), FIRST + int(d) * DAY, FIRST + int(d) * DAY, c, 1.0)
        for i, (c, d) in enumerate(zip(spots[:6], days, strict=False))
    ]
    said = [Claim(str(i), FIRST + int(d) * DAY, c) for i, (c, d) in enumerate(zip(spots[6:], days[6:], strict=True))]
    made = matched(said, truth)
    expected = set()
    for one in truth:
        for other in said:
            mine, its = ({tuple(c) for c in x.cells.tolist()} for x in (one, other))
            if len(mine & its) >= 0.1 * len(mine | its) and 0 <= (other.day - one.start).days <= 365:
                expected.add((one.id, other.id))
    assert {p.event for p in made.pairs} == {e for e, _ in expected}
    assert {(p.event, p.claim) for p in made.pairs} <= expected
    assert set(made.false) == {c.id for c in said} - {c for _, c in expected}
    back = matched(said[::-1], truth[::-1])
    assert (back.recall, back.precision, set(back.missed)) == (made.recall, made.precision, set(made.missed))
