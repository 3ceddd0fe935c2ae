"""A detector that looks ahead is caught, an honest one is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from strategies import scenes_on

from detection.accuracy.lookahead import looks_ahead
from detection.accuracy.stream import NEVER, Changes, Panel, Stream, changes

MONITOR = 16_000
MANY = 60


def stream(seed: int = 0) -> Stream:
    """SIMULATED: every second series falls by a half somewhere in the monitored years."""
    rng = np.random.default_rng(seed)
    days = np.arange(MONITOR - 800, MONITOR + 800, 16)
    values = rng.normal(0.7, 0.02, (len(days), MANY)).astype(np.float32)
    for s in range(0, MANY, 2):
        values[days >= rng.integers(MONITOR + 50, MONITOR + 700), s] -= 0.4
    return Stream(MONITOR, MANY, Panel(scenes_on(days.tolist()), np.full(len(days), -1, np.int16), {"nbr": values}))


def honest(given: Stream) -> Changes:
    """Alarm at the first low look, confirmed by the second."""
    days, low = given.optical.days, given.optical.values["nbr"] < 0.5
    rows = []
    for s in range(given.many):
        seen = days[low[:, s] & (days >= given.monitor_day)]
        if len(seen):
            rows.append((s, seen[0], seen[1] if len(seen) > 1 else NEVER, seen[0] - 1, 0.5 + 0.1 * (len(seen) > 1)))
    return changes(*(np.array(c) for c in zip(*rows, strict=True))) if rows else changes([], [])


def last_day(given: Stream) -> int:
    return int(given.optical.days[-1])


def sees_confirmation(given: Stream) -> Changes:
    """Raises only those that will be confirmed."""
    said = honest(given)
    return said.take(said.confirmed != NEVER)


def dates_by_the_end(given: Stream) -> Changes:
    said = honest(given)
    return replace(said, change=np.minimum(said.first, last_day(given) - 40).astype(np.int32))


def alarms_early(given: Stream) -> Changes:
    """The alarm is dated to the last normal look, which was no alarm then."""
    said = honest(given)
    return replace(said, first=said.first - 16)


def surer_later(given: Stream) -> Changes:
    said = honest(given)
    return replace(said, probability=np.full(said.many, (last_day(given) - MONITOR) / 1_000))


def withdraws(given: Stream) -> Changes:
    """Of every fourth series, an alarm at the first monitored looks that a later look takes back."""
    said = honest(given)
    if last_day(given) >= MONITOR + 700:
        return said
    extra = np.arange(1, given.many, 2)
    first, series = np.append(said.first, np.full(len(extra), MONITOR)), np.append(said.series, extra)
    return changes(series, first, np.append(said.confirmed, np.full(len(extra), NEVER)))


def test_an_honest_detector_gives_none() -> None:
    given = stream()
    said = honest(given)
    assert said.many > 20
    assert looks_ahead(honest, given, said, share=1) == []


@pytest.mark.parametrize("peeks", [sees_confirmation, dates_by_the_end, alarms_early, surer_later])
def test_one_that_peeks_is_caught(peeks: Callable[[Stream], Changes]) -> None:
    given = stream()
    said = peeks(given)
    caught = looks_ahead(peeks, given, said, share=1)
    assert set(caught) <= set(said.series.tolist())
    assert len(caught) > 0.8 * said.many
    assert looks_ahead(peeks, given, said, share=0.05)  # a few are enough
    assert looks_ahead(peeks, given, said, share=0.05) == looks_ahead(peeks, given, said, share=0.05)


def test_one_that_takes_back_is_caught_on_series_without_changes() -> None:
    given = stream()
    caught = looks_ahead(withdraws, given, withdraws(given), share=1)
    assert any(s % 2 for s in caught)


def test_the_detector_sees_only_what_was_known() -> None:
    given = stream()
    seen: list[int] = []

    def watched(part: Stream) -> Changes:
        seen.append(last_day(part))
        return honest(part)

    said = honest(given)
    looks_ahead(watched, given, said, share=1)
    decided = {*said.first.tolist(), *said.confirmed[said.confirmed != NEVER].tolist()}
    assert decided <= set(seen)
    assert len(seen) == len(set(seen))  # one run a day


def test_nothing_said_and_nothing_seen() -> None:
    given = stream()
    empty = Stream(MONITOR, 0, given.optical.take(np.zeros(0, int)))
    assert looks_ahead(honest, empty, changes([], []), share=1) == []
