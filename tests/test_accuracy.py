"""Agreement with a known truth, counted by hand."""

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

from detection.accuracy import Agreement, KnownEvent, agreement
from detection.alerts import Alert, AlertStatus
from detection.codes import Step
from detection.types import to_date

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
