"""The monitors: looks one by one equal looks all at once, a masked look changes nothing, and one pixel per status."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import FIRST_DAY, LEVEL, NOISE, begun, cuts, joined, new_looks, pick, scene, scenes_on, stable

from detection.codes import Monitored, Status, Step
from detection.errors import BadInput, StaleState
from detection.harmonics import date_table, fitted, season_factor
from detection.monitors import (
    Detector,
    Looks,
    State,
    days_of,
    machine,
    reach,
    residuals,
    start,
    status,
    update,
)
from detection.monitors.cusum import Cusum, OlsCusum
from detection.monitors.decision import Decision
from detection.monitors.ewma import Ewma
from detection.monitors.mosum import Mosum
from detection.monitors.replay import begin, take_in

PIXELS = 12
QUICK = settings(max_examples=40, deadline=None)
STRICT = Decision(provisional_share=0.6, confirm_looks=3, confirm_days=8, slow_days=8)
"""Rules under which every step takes a look of its own."""
DETECTORS = (
    Detector(monitor=Cusum(slack=2.5, threshold=7.5, clip=5.0), decision=STRICT),
    Detector(monitor=Ewma(), decision=STRICT),
    Detector(monitor=Mosum(), decision=STRICT),
    Detector(monitor=OlsCusum(clip=5.0), decision=STRICT),
    Detector(),
)
detectors = st.sampled_from(DETECTORS)
FIELDS = (*machine.OPEN.names, "phase", "last_look", "last_clear", "statistic")  # type: ignore[misc]


@lru_cache
def beginning(detector: Detector) -> State:
    return begun(detector, PIXELS)


def same(a: State, b: State) -> None:
    for name, array in a.arrays().items():
        np.testing.assert_array_equal(array, b.arrays()[name], err_msg=name, strict=True)
    assert a.last == b.last
    assert a.detector == b.detector


def series(levels: list[float], every: int = 8, first: int = FIRST_DAY) -> Looks:
    """One pixel whose looks stand so many residual scales from the forest; 8 days apart unless told."""
    values = np.array([[[LEVEL + NOISE * z]] for z in levels], np.float32)
    return Looks(scenes_on([first + every * i for i in range(len(levels))]), values)


def one_pixel(detector: Detector) -> State:
    """A pixel whose baseline is exactly LEVEL with a residual scale of exactly NOISE."""
    state = begun(detector, 1)
    flat = np.zeros_like(state.model["coefficients"])
    flat[0] = LEVEL
    exact = {"coefficients": flat, "season": np.zeros((2, 1), np.float32), "sigma": np.full(1, NOISE, np.float32)}
    return replace(state, model={**state.model, **exact})


def after(levels: list[float], detector: Detector = DETECTORS[0], every: int = 8) -> tuple[int, list[int], State]:
    """(status, steps, state) of one pixel after such looks."""
    state, log = update(detector, one_pixel(detector), series(levels, every))
    return int(status(detector, state)[0]), log["step"].tolist(), state


@QUICK
@given(detectors, st.data())
def test_any_chunking_is_all_at_once(detector: Detector, data: st.DataObject) -> None:
    looks = data.draw(new_looks(PIXELS))
    whole, log = update(detector, beginning(detector), looks)
    state, logs = beginning(detector), []
    for piece in data.draw(cuts(len(looks.scenes))):
        state, new = update(detector, state, pick(looks, range(len(looks.scenes))[piece]))
        logs.append(new)
    same(state, whole)
    np.testing.assert_array_equal(np.concatenate(logs), log, strict=True)


@QUICK
@given(detectors, new_looks(PIXELS))
def test_one_by_one_is_all_at_once(detector: Detector, looks: Looks) -> None:
    whole, log = update(detector, beginning(detector), looks)
    state, logs = beginning(detector), [np.zeros(0, log.dtype)]
    for i in range(len(looks.scenes)):
        state, new = update(detector, state, pick(looks, [i]))
        logs.append(new)
    same(state, whole)
    np.testing.assert_array_equal(np.concatenate(logs), log, strict=True)


@QUICK
@given(detectors, new_looks(PIXELS), st.integers(0, PIXELS - 1))
def test_a_pixel_alone_is_the_pixel_in_a_block(detector: Detector, looks: Looks, pixel: int) -> None:
    block, log = update(detector, beginning(detector), looks)
    whole = beginning(detector)
    cut = np.s_[pixel : pixel + 1]
    after_it, new = update(detector, whole.part(cut), Looks(looks.scenes, looks.values[..., cut]))
    same(after_it, block.part(cut))
    mine = log[log["pixel"] == pixel]
    mine["pixel"] = 0
    np.testing.assert_array_equal(new, mine)


@QUICK
@given(detectors, st.data())
def test_looks_that_saw_nothing_change_nothing(detector: Detector, data: st.DataObject) -> None:
    looks = data.draw(new_looks(PIXELS))
    blind = np.full((1, 1, PIXELS), data.draw(st.sampled_from([np.nan, np.inf, -np.inf])), np.float32)
    place = data.draw(st.integers(0, len(looks.scenes)))
    where = looks.scenes[place - 1] if place else scene(FIRST_DAY - 1)
    blank = Looks((replace(where, id=where.id + "/blind"),), blind)
    mixed = joined(pick(looks, range(place)), blank, pick(looks, range(place, len(looks.scenes))))
    (with_it, log_with), (without, log) = (update(detector, beginning(detector), k) for k in (mixed, looks))
    same(replace(with_it, last=None), replace(without, last=None))
    np.testing.assert_array_equal(log_with, log)


@QUICK
@given(detectors, new_looks(PIXELS))
def test_the_state_is_of_constant_size_and_its_days_make_sense(detector: Detector, looks: Looks) -> None:
    before = beginning(detector)
    state, log = update(detector, before, looks)
    assert {n: (a.shape, a.dtype) for n, a in state.arrays().items()} == {
        n: (a.shape, a.dtype) for n, a in before.arrays().items()
    }
    pixels = state.pixels
    open_ones = pixels["phase"] > machine.FIRST
    assert (state.column("onset")[open_ones] >= FIRST_DAY).all()
    assert (state.column("clear_before")[open_ones] <= state.column("onset")[open_ones]).all()
    assert (state.column("count")[open_ones] >= detector.decision.provisional_looks).all()
    seen = np.isfinite(looks.values[:, 0])
    newest = np.where(seen, looks.days[:, None], -1).max(0)
    np.testing.assert_array_equal(days_of(pixels["last_look"]), newest)
    assert (np.diff(log["instant"]) >= 0).all()
    same(State.of(state.arrays(), state.last, state.detector), state)


@QUICK
@given(detectors, new_looks(PIXELS))
def test_every_pixel_walks_legal_steps(detector: Detector, looks: Looks) -> None:
    follows = {None: {1}, Step.PROVISIONAL: {2, 3}, Step.CONFIRMED: {4}, Step.EXPIRED: {1}, Step.FINISHED: {1}}
    _, log = update(detector, beginning(detector), looks)
    for pixel in range(PIXELS):
        last = None
        for row in log[log["pixel"] == pixel]:
            assert row["step"] in follows[last]
            assert row["count"] >= (detector.decision.confirm_looks if row["step"] == Step.CONFIRMED else 2)
            assert row["magnitude"] < 0 < row["sigma"] <= row["worst"] * (1 + 1e-6) <= machine.EXTREME * (1 + 1e-6)
            last = row["step"]


@QUICK
@given(st.sampled_from([Cusum(), Ewma()]), new_looks(PIXELS))
def test_loss_that_raises_mirrors_loss_that_lowers(monitor: Cusum | Ewma, looks: Looks) -> None:
    down, up = Detector(monitor=monitor), Detector(monitor=monitor, loss="raises")
    assert (down.sign, up.sign) == (1, -1)
    below = beginning(down)
    history = stable(range(16_000, FIRST_DAY - 20, 33), PIXELS)
    history.values[-2:] = LEVEL
    above = start(up, Looks(history.scenes, -history.values), inside=np.ones(PIXELS, bool))
    np.testing.assert_array_equal(above.model["coefficients"], -below.model["coefficients"])
    (state, log), (mirror, mirrored) = (
        update(down, below, looks),
        update(up, above, Looks(looks.scenes, -looks.values)),
    )
    for name in FIELDS:
        sign = -1 if name == "total_change" else 1
        np.testing.assert_array_equal(mirror.column(name), sign * state.column(name), err_msg=name)
    mirrored["magnitude"] *= -1
    np.testing.assert_array_equal(mirrored, log)


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.sampled_from([-3.0, -30.0, -1e6, -1e30]), detectors)
def test_one_contaminated_look_never_makes_an_alarm(seed: int, place: int, depth: float, detector: Detector) -> None:
    noise = np.random.default_rng(seed).uniform(-1.4, 1.4, 12).tolist()
    noise[place] = depth
    code, steps, _ = after(noise, detector)
    assert steps == []
    assert code == Status.NONE


# One pixel for every status, under the strict rules: three looks at the clip confirm, eight normal ones recover.


def test_none() -> None:
    assert after([0.0, 1.0, -1.0])[:2] == (Status.NONE, [])


@pytest.mark.parametrize(("depth", "code"), [(-4.0, Status.FIRST_LOW), (-6.0, Status.FIRST_HIGH)])
def test_first(depth: float, code: Status) -> None:
    found, steps, state = after([0.0, depth])
    assert (found, steps) == (code, [])
    assert state.column("onset")[0] == FIRST_DAY + 8
    assert state.column("clear_before")[0] == FIRST_DAY


def test_a_first_look_is_forgotten_after_two_normal_ones() -> None:
    assert after([-4.9, -0.1])[0] == Status.NONE  # a CUSUM below its slack has no evidence left
    lasting = Detector(monitor=Cusum(slack=0.5, threshold=9.0, clip=5.0), decision=STRICT)
    assert after([-4.9, -0.1], lasting)[0] == Status.FIRST_HIGH
    assert after([-4.9, -0.1, -0.1], lasting)[0] == Status.NONE


@pytest.mark.parametrize(("depth", "code"), [(-4.8, Status.PROVISIONAL_HIGH), (-4.4, Status.FIRST_LOW)])
def test_provisional_needs_its_share_of_the_evidence(depth: float, code: Status) -> None:
    assert after([0.0, depth, depth])[0] == code  # 2 (4.8 - 2.5) = 4.6 of 7.5 is above 0.6; 2 (4.4 - 2.5) is not


def test_provisional_low() -> None:
    code, steps, _ = after([0.0, -4.2, -4.2, -4.2])
    assert (code, steps) == (Status.PROVISIONAL_LOW, [Step.PROVISIONAL])


@pytest.mark.parametrize(("depth", "code"), [(-5.5, Status.CONFIRMED_HIGH), (-4.1, Status.CONFIRMED_LOW)])
def test_confirmed(depth: float, code: Status) -> None:
    looks = [0.0, *[depth] * 6]
    found, steps, state = after(looks)
    assert (found, steps) == (code, [Step.PROVISIONAL, Step.CONFIRMED])
    assert state.column("confirmed_on")[0] == FIRST_DAY + 8 * (3 if depth == -5.5 else 5)


def test_confirming_needs_days_not_looks_alone() -> None:
    code, steps, _ = after([0.0, *[-9.0] * 8], every=1)
    assert (code, steps) == (Status.PROVISIONAL_HIGH, [Step.PROVISIONAL])  # eight looks within seven days
    code, steps, state = after([0.0, *[-9.0] * 9], every=1)
    assert (code, steps) == (Status.CONFIRMED_HIGH, [Step.PROVISIONAL, Step.CONFIRMED])
    assert state.column("confirmed_on")[0] - state.column("onset")[0] == 8


def test_a_provisional_alarm_expires_when_its_evidence_is_gone() -> None:
    code, steps, state = after([0.0, -5.5, -5.5, 0.0, 0.0])
    assert (code, steps) == (Status.NONE, [Step.PROVISIONAL, Step.EXPIRED])
    assert days_of(state.column("onset"))[0] == -1
    assert state.column("closed")[0] == 0


def test_a_provisional_alarm_expires_after_eight_normal_looks() -> None:
    slow = Detector(monitor=Ewma(weight=0.05, limit=15.0), decision=STRICT)
    _, steps, _ = after([0.0, *[-5.5] * 8], slow)
    assert steps == [Step.PROVISIONAL]
    _, steps, _ = after([0.0, *[-5.5] * 8, *[-1.0] * 7], slow)
    assert steps == [Step.PROVISIONAL]
    _, steps, _ = after([0.0, *[-5.5] * 8, *[-1.0] * 8], slow)
    assert steps == [Step.PROVISIONAL, Step.EXPIRED]


@pytest.mark.parametrize(("gap", "steps"), [(180, [1]), (181, [1, 3])])
def test_a_provisional_alarm_expires_by_time(gap: int, steps: list[int]) -> None:
    detector = Detector(monitor=Cusum(slack=0.5, threshold=9.0, clip=5.0), decision=STRICT)
    state, log = update(detector, one_pixel(detector), series([-5.5, -4.0]))
    state, more = update(detector, state, series([0.0], first=FIRST_DAY + 8 + gap))
    assert [*log["step"], *more["step"]] == steps


def test_finished_by_recovery_and_a_new_event_after_it() -> None:
    gone = [0.0, *[-5.5] * 3, *[0.0] * 8]
    assert after(gone[:-1])[1] == [Step.PROVISIONAL, Step.CONFIRMED]
    code, steps, state = after(gone)
    assert (code, steps) == (Status.FINISHED_LOW, [Step.PROVISIONAL, Step.CONFIRMED, Step.FINISHED])
    assert state.column("closed")[0] == 1
    code, steps, state = after([*gone, 0.0, *[-5.5] * 3])
    assert (code, steps) == (Status.CONFIRMED_HIGH, [1, 2, 4, 1, 2])
    assert state.column("onset")[0] == FIRST_DAY + 8 * 13


def test_finished_by_time_alarms_again_only_after_recovery() -> None:
    cleared = [0.0, *[-9.0] * 50]  # confirmed on day 24, closed on the first look more than 365 days later
    code, steps, state = after(cleared)
    assert (code, steps) == (Status.FINISHED_HIGH, [Step.PROVISIONAL, Step.CONFIRMED, Step.FINISHED])
    assert state.pixels["phase"][0] == machine.RECOVERING
    code, steps, _ = after([*cleared, *[-9.0] * 20])
    assert (code, steps) == (Status.FINISHED_HIGH, [1, 2, 4])  # still cleared is no news
    code, steps, _ = after([*cleared, *[0.0] * 7, *[-9.0] * 5])
    assert (code, steps) == (Status.FINISHED_HIGH, [1, 2, 4])  # seven normal looks are no recovery
    code, steps, state = after([*cleared, *[0.0] * 8, *[-9.0] * 5])
    assert (code, steps) == (Status.CONFIRMED_HIGH, [1, 2, 4, 1, 2])
    assert state.column("closed")[0] == 1


@pytest.mark.parametrize(("days", "steps"), [(365, [1, 2]), (366, [1, 2, 4])])
def test_a_confirmed_change_is_closed_after_a_year(days: int, steps: list[int]) -> None:
    detector = DETECTORS[0]
    state, log = update(detector, one_pixel(detector), series([-5.5] * 3))
    state, more = update(detector, state, series([-5.5], first=FIRST_DAY + 16 + days))
    assert [*log["step"], *more["step"]] == steps


def test_the_dates_of_an_alarm() -> None:
    detector = DETECTORS[0]
    _, log = update(detector, one_pixel(detector), series([0.0, 0.1, -5.5, -6.0, -40.0]))
    provisional, confirmed = log
    assert provisional["instant"] // 86_400 == FIRST_DAY + 24
    assert confirmed["instant"] // 86_400 == FIRST_DAY + 32
    assert provisional["change_day"] == confirmed["change_day"] == FIRST_DAY + 16
    assert provisional["clear_before"] == confirmed["clear_before"] == FIRST_DAY + 8
    assert provisional["magnitude"] == pytest.approx(-5.75 * NOISE, rel=1e-4)
    assert confirmed["sigma"] == pytest.approx((5.5 + 6 + machine.EXTREME) / 3, rel=1e-4)
    assert confirmed["worst"] == pytest.approx(machine.EXTREME)


def test_the_last_normal_look_of_the_history_stands_before_an_immediate_loss() -> None:
    detector = DETECTORS[0]
    state = one_pixel(detector)
    _, log = update(detector, state, series([-5.5, -5.5]))
    assert log["clear_before"][0] == state.pixels["last_clear"][0]
    assert FIRST_DAY - 60 < log["clear_before"][0] < FIRST_DAY


def test_the_common_mode_is_taken_off() -> None:
    detector = DETECTORS[0]
    looks = series([0.0, -5.5, -5.5, -5.5])
    common = np.array([[[0]], [[-5]], [[-5]], [[-5]]], np.float32)
    state, log = update(detector, one_pixel(detector), replace(looks, common=common))
    assert (status(detector, state)[0], len(log)) == (Status.NONE, 0)
    other = replace(one_pixel(detector), cell=np.ones(1, np.int32))
    _, log = update(detector, other, replace(looks, common=np.concatenate([common, 0 * common], 2)))
    assert log["step"].tolist() == [Step.PROVISIONAL, Step.CONFIRMED]


def test_a_common_mode_of_another_lattice_is_refused() -> None:
    detector, looks = DETECTORS[0], series([0.0, -5.5])
    state = replace(one_pixel(detector), cell=np.full(1, 3, np.int32))
    with pytest.raises(BadInput, match="common mode"):
        update(detector, state, replace(looks, common=np.zeros((2, 1, 3), np.float32)))
    with pytest.raises(BadInput, match="common mode"):
        update(detector, state, replace(looks, common=np.zeros((1, 1, 4), np.float32)))


def test_an_older_look_is_refused() -> None:
    detector = DETECTORS[0]
    state, _ = update(detector, one_pixel(detector), series([0.0, 0.0]))
    for first in (FIRST_DAY, FIRST_DAY + 8):
        with pytest.raises(StaleState, match="not newer"):
            update(detector, state, series([0.0], first=first))


def test_no_look_at_all_changes_nothing_and_a_history_of_none_is_too_short() -> None:
    detector, none = DETECTORS[0], Looks((), np.zeros((0, 1, 1), np.float32))
    state, log = update(detector, one_pixel(detector), none)
    same(state, one_pixel(detector))
    assert len(log) == 0
    assert residuals(detector, state, none).shape == (0, 1, 1)
    assert start(detector, none, inside=np.ones(1, bool)).monitored[0] == Monitored.SHORT_HISTORY


@pytest.mark.parametrize(
    "other",
    [
        Detector(loss="raises"),
        Detector(monitor=Ewma()),
        Detector(monitor=Cusum(clip=4.9)),
        Detector(decision=Decision(high=4.6)),
    ],
)
def test_another_detectors_state_is_refused(other: Detector) -> None:
    with pytest.raises(StaleState, match="other detector parameters"):
        update(other, one_pixel(Detector()), series([0.0]))


@pytest.mark.parametrize("detector", DETECTORS)
def test_huge_values_do_no_harm(detector: Detector) -> None:
    biggest = np.float32(1e30)
    looks = series([0.0] * 6)
    looks.values[1:3, 0, 0] = biggest, -biggest
    state, log = update(detector, one_pixel(detector), looks)
    assert len(log) == 0
    for name in FIELDS:
        assert np.isfinite(state.column(name)).all(), name
    assert abs(state.pixels["statistic"][0]) <= 20


def test_a_pixel_never_seen_is_no_look_and_not_no_change() -> None:
    detector = DETECTORS[0]
    state, log = update(detector, one_pixel(detector), series([np.nan] * 5))
    assert len(log) == 0
    assert reach(state)[0] == Monitored.NO_LOOK
    assert status(detector, state)[0] == 255
    state, _ = update(detector, state, series([0.0], first=FIRST_DAY + 100))
    assert reach(state)[0] == Monitored.MONITORED
    assert status(detector, state)[0] == Status.NONE


def test_pixels_that_are_not_monitored_are_left_alone() -> None:
    detector = DETECTORS[0]
    history = stable(range(16_000, FIRST_DAY, 33), 3)
    history.values[..., 1] = np.nan
    state = start(detector, history, inside=np.array([True, True, False]))
    assert state.monitored.tolist() == [
        Monitored.MONITORED,
        Monitored.SHORT_HISTORY,
        Monitored.OUTSIDE,
    ]
    looks = Looks(scenes_on(range(FIRST_DAY, FIRST_DAY + 50, 8)), np.full((7, 1, 3), -0.5, np.float32))
    after_it, log = update(detector, state, looks)
    assert set(log["pixel"].tolist()) == {0}
    same(replace(after_it, last=None).part(np.s_[1:]), state.part(np.s_[1:]))
    assert status(detector, after_it).tolist() == [Status.CONFIRMED_HIGH, 255, 255]


def test_a_constant_series_is_monitored_at_the_floor_of_the_scale() -> None:
    detector = DETECTORS[0]
    days = range(16_000, FIRST_DAY, 33)
    history = Looks(scenes_on(days), np.full((len(days), 1, 1), LEVEL, np.float32))
    state = start(detector, history, inside=np.ones(1, bool))
    assert state.monitored[0] == Monitored.MONITORED
    assert state.model["sigma"][0] == pytest.approx(detector.history.min_sigma, rel=0.004)
    quiet = Looks(scenes_on(range(FIRST_DAY, FIRST_DAY + 99)), np.full((99, 1, 1), LEVEL, np.float32))
    state, log = update(detector, state, quiet)
    assert (len(log), status(detector, state)[0]) == (0, Status.NONE)


def test_a_log_longer_than_its_buffer_is_whole() -> None:
    """An alarm comes and goes every four looks: more than 4 rows a pixel + 64."""
    detector = Detector(monitor=DETECTORS[0].monitor, decision=replace(STRICT, recovery_looks=2))
    looks = series([0.0, *([-5.5] * 2 + [0.0] * 3) * 150])
    state, log = update(detector, one_pixel(detector), looks)
    assert len(log) == 300 > 4 + 64
    pieces, steps = one_pixel(detector), []
    for i in range(0, len(looks.scenes), 10):  # no piece fills its buffer
        pieces, new = update(detector, pieces, pick(looks, range(i, min(i + 10, len(looks.scenes)))))
        steps.append(new)
    same(pieces, state)
    np.testing.assert_array_equal(np.concatenate(steps), log)


def test_update_and_start_leave_their_inputs_alone() -> None:
    detector, looks = DETECTORS[0], series([0.0, *[-5.5] * 5])
    state = one_pixel(detector)
    arrays = {n: a.copy() for n, a in state.arrays().items()}
    values = looks.values.copy()
    update(detector, state, looks)
    np.testing.assert_array_equal(looks.values, values)
    for name, array in arrays.items():
        np.testing.assert_array_equal(state.arrays()[name], array)


@QUICK
@given(new_looks(PIXELS))
def test_residuals_are_what_the_kernel_weighs(looks: Looks) -> None:
    detector = DETECTORS[0]
    state = beginning(detector)
    table = date_table(looks.days, detector.history.harmonics)
    z, seen_values = residuals(detector, state, looks)[:, 0], looks.values[:, 0]
    scale = state.model["sigma"] * season_factor(table, state.model["season"])
    np.testing.assert_allclose(z * scale, seen_values - fitted(table, state.model["coefficients"]), atol=1e-5)
    assert (np.isnan(z) == np.isnan(seen_values)).all()
    first = np.array([z[np.isfinite(z[:, p]), p][:1] for p in range(PIXELS) if np.isfinite(z[:, p]).any()]).ravel()
    assume(len(first) == PIXELS)
    once, _ = update(detector, state, Looks(looks.scenes[:1], looks.values[:1]))
    seen = np.isfinite(z[0])
    expected = np.maximum(np.clip(-z[0], -5, 5) - detector.monitor.rule().gain, 0)[seen]
    np.testing.assert_allclose(once.pixels["statistic"][seen], expected, atol=2e-4)


def test_the_ewma_is_the_textbook_one() -> None:
    monitor = Ewma()
    detector = Detector(monitor=monitor)
    levels = [0.3, -0.2, -2.0, 1.0, -2.5, -3.0, -2.0]
    state = one_pixel(detector)
    expected = 0.0  # one-sided: an average at or below nought is wiped out
    for i, z in enumerate(levels):
        expected = max(0.0, (1 - monitor.weight) * expected + monitor.weight * -z)
        state, _ = update(detector, state, series([z], first=FIRST_DAY + 8 * i))
        assert state.pixels["statistic"][0] == pytest.approx(expected, abs=1e-4)
    assert expected > 1


def test_the_cusum_is_pages() -> None:
    detector = DETECTORS[0]
    levels = [-2.0, -3.0, -4.0, -2.0, -2.6, -3.0]
    state, expected = one_pixel(detector), 0.0
    for i, z in enumerate(levels):
        expected = max(0.0, expected + min(-z, 5.0) - 2.5)
        state, _ = update(detector, state, series([z], first=FIRST_DAY + 8 * i))
        assert state.pixels["statistic"][0] == pytest.approx(expected, abs=1e-4)
    assert expected == pytest.approx(2.1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Cusum(slack=6.5),
        lambda: Ewma(limit=20.0),
        lambda: Decision(confirm_looks=2, provisional_looks=3),
    ],
)
def test_parameters_that_could_never_alarm_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"could ever|never be reached|before it is confirmed"):
        wrong()  # type: ignore[operator]


def test_a_stable_forest_does_not_alarm_in_two_years() -> None:
    """Simulated: 2000 pixels of normal noise, a look every 8 days for two years."""
    detector, pixels = DETECTORS[0], 2_000
    state = begun(detector, pixels, seed=3)
    looks = stable(range(FIRST_DAY, FIRST_DAY + 730, 8), pixels, seed=4)
    _, log = update(detector, state, looks)
    assert (log["step"] == Step.CONFIRMED).sum() <= 2
    watched = state.monitored == Monitored.MONITORED
    assert watched.mean() > 0.99


def test_begin_of_replay_is_the_state_itself() -> None:
    detector = DETECTORS[0]
    none = Looks((), np.zeros((0, 1, PIXELS), np.float32))
    memory, late = take_in(detector, begin(beginning(detector), 1), none, replay_days=30)
    assert late == ()
    same(memory.current, beginning(detector))


def test_a_new_event_owes_nothing_to_the_one_before() -> None:
    detector = DETECTORS[0]
    levels = [0.0, *[-15.0] * 3, *[0.0] * 9, *[-6.0] * 3]
    _, log = update(detector, one_pixel(detector), series(levels))
    assert log["step"].tolist() == [1, 2, 4, 1, 2]
    assert log["worst"] == pytest.approx([15, 15, 15, 6, 6], rel=1e-3)
    assert log["sigma"] == pytest.approx([15, 15, 15, 6, 6], rel=1e-3)
    assert log["count"].tolist() == [2, 3, 3, 2, 3]
