"""A state is that of the set of its looks: any order of delivery, any batches, any repetition come to the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FIRST_DAY, LEVEL, begun, new_looks, pick, scene, stable

from detection.monitors import Detector, Looks, State, days_of, update
from detection.monitors.cusum import Cusum
from detection.monitors.decision import Decision
from detection.monitors.replay import Memory, begin, take_in
from detection.types import Scene

PIXELS, CELLS = 6, 2
DETECTOR = Detector(
    monitor=Cusum(slack=2.5, threshold=7.5, clip=5.0),
    decision=Decision(provisional_share=0.6, confirm_looks=3, confirm_days=8, slow_days=8),
)
QUICK = settings(max_examples=40, deadline=None)
STATE = replace(begun(DETECTOR, PIXELS), cell=(np.arange(PIXELS) % CELLS).astype(np.int32))
FOREVER = 100_000
Delivered = tuple[Memory, tuple[Scene, ...]]


def same(a: State, b: State) -> None:
    for name, array in a.arrays().items():
        np.testing.assert_array_equal(array, b.arrays()[name], err_msg=name, strict=True)
    assert a.last == b.last


@st.composite
def deliveries(draw: st.DrawFn, count: int) -> list[list[int]]:
    """Batches of positions in any order that name every position at least once."""
    repeated = draw(st.lists(st.integers(0, count - 1), max_size=count))
    order = draw(st.permutations([*range(count), *repeated]))
    ends = sorted(draw(st.sets(st.integers(0, len(order)), max_size=6)))
    return [list(order[a:b]) for a, b in zip([0, *ends], [*ends, len(order)], strict=True)]


@st.composite
def looks_with_common_mode(draw: st.DrawFn) -> Looks:
    looks = draw(new_looks(PIXELS, longest=14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    common = rng.normal(0, 1, (len(looks.scenes), 1, CELLS)).astype(np.float32)
    return replace(looks, common=common) if draw(st.booleans()) else looks


def deliver(looks: Looks, batches: list[list[int]], replay_days: int) -> tuple[Memory, list[Delivered]]:
    memory, steps = begin(STATE, CELLS), list[Delivered]()
    for batch in batches:
        memory, late = take_in(DETECTOR, memory, pick(looks, batch), replay_days=replay_days)
        steps.append((memory, late))
    return memory, steps


@QUICK
@given(st.data())
def test_any_order_any_batches_any_repetition(data: st.DataObject) -> None:
    looks = data.draw(looks_with_common_mode())
    memory, steps = deliver(looks, data.draw(deliveries(len(looks.scenes))), FOREVER)
    whole, log = update(DETECTOR, STATE, looks)
    same(memory.current, whole)
    np.testing.assert_array_equal(memory.transitions, log)
    assert memory.looks.scenes == looks.scenes
    np.testing.assert_array_equal(memory.looks.values, looks.values)
    assert all(late == () for _, late in steps)


@QUICK
@given(st.data())
def test_what_is_not_too_late_counts_and_what_is_gets_listed(data: st.DataObject) -> None:
    """With a short memory the state is that of the accepted looks; late means not newer than the checkpoint."""
    looks = data.draw(looks_with_common_mode())
    replay_days = data.draw(st.integers(0, 60))
    batches = data.draw(deliveries(len(looks.scenes)))
    memory, accepted = begin(STATE, CELLS), set()
    for batch in batches:
        floor, before = memory.checkpoint.last, memory
        memory, late = take_in(DETECTOR, memory, pick(looks, batch), replay_days=replay_days)
        expected = {looks.scenes[i] for i in batch if floor is not None and looks.scenes[i] <= floor}
        assert late == tuple(sorted(expected))
        accepted |= {i for i in batch if looks.scenes[i] not in expected}
        np.testing.assert_array_equal(memory.settled[: len(before.settled)], before.settled)
        if memory.looks.scenes:
            assert memory.looks.scenes[-1].day - memory.looks.scenes[0].day <= 2 * replay_days
    whole, log = update(DETECTOR, STATE, pick(looks, sorted(accepted)))
    same(memory.current, whole)
    np.testing.assert_array_equal(memory.transitions, log)


@QUICK
@given(st.data())
def test_the_memory_is_consistent_in_itself(data: st.DataObject) -> None:
    looks = data.draw(looks_with_common_mode())
    batches = data.draw(deliveries(len(looks.scenes)))
    _, steps = deliver(looks, batches, data.draw(st.integers(0, 90)))
    for memory, _ in steps:
        again, recent = update(DETECTOR, memory.checkpoint, memory.looks)
        same(again, memory.current)
        np.testing.assert_array_equal(recent, memory.recent)
        assert list(memory.looks.scenes) == sorted(set(memory.looks.scenes))
        if memory.checkpoint.last and len(memory.settled):
            assert memory.settled["instant"].max() <= memory.checkpoint.last.instant


@QUICK
@given(looks_with_common_mode(), st.integers(0, 90))
def test_the_same_again_is_nothing(looks: Looks, replay_days: int) -> None:
    memory, _ = take_in(DETECTOR, begin(STATE, CELLS), looks, replay_days=replay_days)
    again, late = take_in(DETECTOR, memory, looks, replay_days=replay_days)
    assert again is memory
    floor = memory.checkpoint.last
    assert late == tuple(s for s in looks.scenes if floor is not None and s <= floor)


def test_the_memory_does_not_grow_with_time() -> None:
    """Six years of looks every 8 days, one by one, with a replay window of 60 days."""
    looks, memory = stable(range(FIRST_DAY, FIRST_DAY + 2_190, 8), PIXELS, seed=1), begin(STATE, CELLS)
    longest = 0
    for i in range(len(looks.scenes)):
        memory, late = take_in(DETECTOR, memory, pick(looks, [i]), replay_days=60)
        assert late == ()
        longest = max(longest, len(memory.looks.scenes))
    assert longest == 16  # 120 days of looks every 8
    newest = looks.scenes[-1].day
    assert newest - 120 <= memory.checkpoint.last.day + 8 <= newest - 60 + 8  # type: ignore[union-attr]


def test_a_late_look_changes_what_was_said() -> None:
    values = np.full((5, 1, PIXELS), LEVEL - 0.3, np.float32)
    values[2] = LEVEL + 0.3  # the late one: forest between two losses
    looks = Looks(tuple(scene(FIRST_DAY + 8 * i) for i in range(5)), values)
    memory, _ = take_in(DETECTOR, begin(STATE, CELLS), pick(looks, [0, 1, 3, 4]), replay_days=60)
    assert set(memory.transitions["step"].tolist()) == {1, 2}
    memory, late = take_in(DETECTOR, memory, pick(looks, [2]), replay_days=60)
    assert late == ()
    assert 3 in memory.transitions["step"]
    assert 2 not in memory.transitions["step"]


def test_a_scene_renamed_in_its_orbit_is_the_same_scene() -> None:
    looks = stable([FIRST_DAY], PIXELS)
    memory, _ = take_in(DETECTOR, begin(STATE, CELLS), looks, replay_days=60)
    renamed = Looks((replace(looks.scenes[0], orbit="233/068"),), looks.values)
    again, late = take_in(DETECTOR, memory, renamed, replay_days=60)
    assert (again is memory, late) == (True, ())


def test_two_looks_of_one_instant_both_count_in_the_order_of_their_platforms() -> None:
    pair = (scene(FIRST_DAY, platform="a"), scene(FIRST_DAY, platform="b"))
    values = np.stack([np.full(PIXELS, LEVEL - 0.3), np.full(PIXELS, LEVEL)]).astype(np.float32)
    looks = Looks(pair, values[:, None])
    memory, _ = take_in(DETECTOR, begin(STATE, CELLS), pick(looks, [1]), replay_days=9)
    memory, late = take_in(DETECTOR, memory, pick(looks, [0]), replay_days=9)
    same(memory.current, update(DETECTOR, STATE, looks)[0])
    assert late == ()
    assert days_of(memory.current.pixels["last_look"]).tolist() == [FIRST_DAY] * PIXELS


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_looks_without_a_common_mode_stand_beside_looks_with_one(order: list[int]) -> None:
    looks = stable([FIRST_DAY, FIRST_DAY + 8], PIXELS, seed=2)
    with_it = replace(pick(looks, [0]), common=np.full((1, 1, CELLS), -2, np.float32))
    parts, memory = [with_it, pick(looks, [1])], begin(STATE, CELLS)
    for i in order:
        memory, _ = take_in(DETECTOR, memory, parts[i], replay_days=60)
    both = replace(looks, common=np.array([[[-2] * CELLS], [[0] * CELLS]], np.float32))
    same(memory.current, update(DETECTOR, STATE, both)[0])
    assert memory.looks.common is not None
    np.testing.assert_array_equal(memory.looks.common, both.common)


def test_a_scene_named_twice_in_one_delivery_counts_as_it_was_named_first() -> None:
    looks = stable([FIRST_DAY], PIXELS)
    other = Looks(looks.scenes * 2, np.concatenate([looks.values, looks.values - 1]))
    memory, _ = take_in(DETECTOR, begin(STATE, CELLS), other, replay_days=60)
    np.testing.assert_array_equal(memory.looks.values, looks.values)
    same(memory.current, update(DETECTOR, STATE, looks)[0])
