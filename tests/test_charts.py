"""The charts against slow references and against nrt, what a state is packed into, and the odd pixel of every kind."""

import math
import warnings
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FIRST_DAY, LEVEL, NOISE, begun, new_looks, pick, scene, scenes_on, stable

from detection.codes import Monitored, Status, Step
from detection.errors import BadInput
from detection.monitors import Detector, Looks, State, kernel, machine, start, status, update
from detection.monitors.charts import alarms, begin, follow
from detection.monitors.cusum import Cusum, OlsCusum, critical_value
from detection.monitors.decision import Decision
from detection.monitors.ewma import Ewma
from detection.monitors.mosum import Mosum
from detection.monitors.packed import pack_model, pack_pixels, packed, rounded, unpack_model, unpack_pixels, unpacked

QUICK = settings(max_examples=40, deadline=None)
MONITORS = (Cusum(), Ewma(), Mosum(), OlsCusum())
PIXELS = 10


def flat(detector: Detector, pixels: int, statistic: float = 0.0, looks: int = 40) -> State:
    """A chart over a baseline of nought and a scale of one: a value is its own residual."""
    model = {
        "coefficients": np.zeros((3, pixels), np.float32),
        "season": np.zeros((0, pixels), np.float32),
        "sigma": np.ones(pixels, np.float32),
        "history_looks": np.full(pixels, looks, np.int32),
    }
    return begin(detector, model, np.full(pixels, statistic, np.float32))


def shown(values: np.ndarray, first: int = FIRST_DAY) -> Looks:
    """(time, pixel) residuals as looks 8 days apart."""
    days = [first + 8 * i for i in range(len(values))]
    return Looks(scenes_on(days), np.ascontiguousarray(values, np.float32)[:, None])


def same(a: State, b: State) -> None:
    for name, array in a.arrays().items():
        np.testing.assert_array_equal(array, b.arrays()[name], err_msg=name, strict=True)


def slowly(monitor: Cusum | Ewma | Mosum | OlsCusum, z: list[float], history: int) -> int:
    """Position of the first crossing of one series, -1 for none: the published rule, look by look, in plain Python."""
    s, seen, window = 0.0, 0, [0.0] * getattr(monitor, "looks", 0)
    for i, value in enumerate(z):
        if math.isnan(value) or (getattr(monitor, "beyond", "clip") == "drop" and abs(value) > monitor.clip):
            continue
        seen += 1
        d = max(-monitor.clip, min(monitor.clip, -value))
        limit = 0.0
        if isinstance(monitor, Cusum):
            s, limit = max(0.0, s + d - monitor.slack), monitor.threshold
        elif isinstance(monitor, Ewma):
            s = s + monitor.weight * (d - s)
            s = s if monitor.two_sided else max(0.0, s)
            limit = monitor.limit * math.sqrt(monitor.weight / (2 - monitor.weight))
        elif isinstance(monitor, Mosum):
            window = [*window[1:], round(d * 16) / 16]
            s, limit = sum(window), monitor.limit * math.sqrt(monitor.looks)
        else:
            x = 1 + seen / history
            s += d / math.sqrt(history)
            limit = math.sqrt(x * (x - 1) * (critical_value(monitor.level) ** 2 + math.log(x / (x - 1))))
        two_sided = isinstance(monitor, OlsCusum | Mosum) or getattr(monitor, "two_sided", False)
        if (abs(s) if two_sided else s) >= limit:
            return i
    return -1


@QUICK
@given(
    st.sampled_from([*MONITORS, Ewma(limit=3.0, clip=6.0, beyond="drop", two_sided=True), Mosum(looks=3, limit=3.0)]),
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
)
def test_every_chart_is_its_slow_reference(monitor: Cusum, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (count, PIXELS)) - rng.choice([0, 0, 2, 4], PIXELS) * (np.arange(count)[:, None] > count / 2)
    z = np.where(rng.random(z.shape) < 0.2, np.nan, z).astype(np.float32)
    detector = Detector(monitor=monitor)
    looks = shown(z)
    found = alarms(follow(detector, flat(detector, PIXELS), looks))
    expected = [slowly(monitor, z[:, p].tolist(), 40) for p in range(PIXELS)]
    assert found.tolist() == [-1 if i < 0 else int(looks.days[i]) for i in expected]


def test_the_mosum_forgets_what_leaves_its_window() -> None:
    detector = Detector(monitor=Mosum(looks=3, limit=2.0))
    state = flat(detector, 1)
    for look, expected in enumerate([1, 2, 3, 2.5, 2, 1.5]):
        state = follow(detector, state, shown(np.full((1, 1), -1.0 if look < 3 else -0.5), FIRST_DAY + 8 * look))
        assert state.pixels["statistic"][0] == expected
    assert alarms(state).tolist() == [-1]


@pytest.mark.parametrize(("level", "critical"), [(0.05, 2.7955), (0.10, 2.5003)])
def test_the_boundary_is_that_of_chu_stinchcombe_and_white(level: float, critical: float) -> None:
    """Their a^2 are 7.78 and 6.25 (1996, Econometrica 64, section 3), to three digits."""
    assert critical_value(level) == pytest.approx(critical, abs=5e-3)
    assert critical_value(level) ** 2 == pytest.approx({0.05: 7.78, 0.10: 6.25}[level], abs=0.04)


def forest(seed: int, looks: int = 120) -> tuple[list[datetime], np.ndarray]:
    """(dates, (time, 8, 8) NBR): a season, noise, clouds taken out, some left in, a loss at a third of the cells."""
    rng = np.random.default_rng(seed)
    dates = [datetime(2012, 1, 5) + timedelta(days=16 * i) for i in range(looks)]
    year = np.arange(looks) * 16 / 365.25
    values = 0.7 + 0.05 * np.cos(2 * np.pi * year)[:, None, None] + rng.normal(0, 0.03, (looks, 8, 8))
    lost = rng.random((8, 8)) < 0.33
    values -= np.where(lost & (np.arange(looks)[:, None, None] >= 100), rng.uniform(0.05, 0.4, (8, 8)), 0)
    values -= (rng.random(values.shape) < 0.02) * rng.uniform(0.2, 0.9, values.shape)
    values[rng.random(values.shape) < 0.4] = np.nan
    return dates, values.astype(np.float32)


@pytest.mark.parametrize("chart", ["ewma", "cusum"])
@pytest.mark.parametrize("seed", range(4))
def test_alarms_and_dates_are_those_of_nrt(chart: str, seed: int) -> None:
    """nrt 0.3 (Dutrieux et al. 2024, JOSS 9, 6815), set up as it sets itself; its fit, its regressors, our chart."""
    xr = pytest.importorskip("xarray")
    pytest.importorskip("nrt.monitor.ewma")
    from nrt.monitor.cusum import CuSum
    from nrt.monitor.ewma import EWMA

    dates, values = forest(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the precision of nanoseconds
        coordinates = {"time": np.array(dates, "datetime64[ns]")[:80], "y": np.arange(8.0), "x": np.arange(8.0)}
        history = xr.DataArray(values[:80], coordinates, ("time", "y", "x"))
        peer = (EWMA if chart == "ewma" else CuSum)(trend=False, harmonic_order=2)
        peer.fit(history, method="OLS")
        monitor = Ewma(limit=2.0, clip=10.0, beyond="drop", two_sided=True) if chart == "ewma" else OlsCusum()
        detector, order = Detector(monitor=monitor), [0, 1, 3, 2, 4]
        model = {
            "coefficients": np.ascontiguousarray(peer.beta.reshape(5, 64)[order]),
            "season": np.zeros((0, 64), np.float32),
            "sigma": np.where(peer.mask == 1, peer.sigma, np.nan).ravel().astype(np.float32),
            "history_looks": np.isfinite(values[:80]).sum(0).ravel().astype(np.int32),
        }
        state = begin(detector, model, -(peer.process / (peer.sigma if chart == "ewma" else 1)).ravel())
        for date, look in zip(dates[80:], values[80:], strict=True):
            day = (date - datetime(1970, 1, 1)).days
            one = Looks((scene(day),), look.reshape(1, 1, 64))
            state = follow(detector, state, one, table=peer._regressors(date)[:, order])
            peer.monitor(array=look, date=date)
    found = np.where(alarms(state) < 0, 0, alarms(state))
    np.testing.assert_array_equal(found, peer.detection_date.ravel())
    np.testing.assert_array_equal(found > 0, peer.mask.ravel() == 3)
    assert 5 < (found > 0).sum() < 64


# What is packed


@QUICK
@given(st.sampled_from(MONITORS), new_looks(PIXELS), st.integers(0, 99))
def test_packing_loses_nothing(monitor: Cusum, looks: Looks, seed: int) -> None:
    detector = Detector(monitor=monitor)
    state, _ = update(detector, begun(detector, PIXELS, seed), looks)
    model, pixels = unpack_model(pack_model(state.model)), unpack_pixels(pack_pixels(state.pixels))
    same(replace(state, model=model, pixels=pixels), state)
    again = rounded(state.model)
    assert all(np.array_equal(again[name], state.model[name], equal_nan=True) for name in again)


@given(st.floats(-3e4, 3e4, width=32), st.floats(2**-10, 1024, width=32))
def test_rounding_a_model_is_fine_enough(level: float, sigma: float) -> None:
    model = {
        "coefficients": np.array([[level], [0.1 * level], [sigma]], np.float32),
        "season": np.array([[0.3], [-0.2]], np.float32),
        "sigma": np.array([sigma], np.float32),
        "history_looks": np.array([70_000]),
    }
    found, largest = rounded(model), max(abs(level), sigma)
    np.testing.assert_allclose(found["coefficients"], model["coefficients"], atol=largest * 2**-14, rtol=0)
    np.testing.assert_allclose(found["sigma"], model["sigma"], rtol=0.004)
    np.testing.assert_allclose(found["season"], model["season"], atol=1 / 64)
    packed = pack_model(found)
    assert sum(array.nbytes for array in packed.values()) == 3 * 2 + 2 + 2 + 2 + 2
    for name, array in unpack_model(packed).items():
        np.testing.assert_array_equal(array, found[name], err_msg=name)


@pytest.mark.parametrize("monitor", MONITORS)
def test_a_packed_state_takes_looks_in_as_the_unpacked_one(monitor: Cusum) -> None:
    """More pixels than a block; records come and go between looks and while several are taken in at once."""
    detector, many = Detector(monitor=monitor), kernel.BLOCK + 77
    state = begun(detector, many, seed=4)
    kept = packed(state)
    looks = stable(range(FIRST_DAY, FIRST_DAY + 160, 8), many, seed=5, noise=3 * NOISE)
    opened = set()
    for part in (
        pick(looks, range(1)),
        pick(looks, range(1, 9)),
        pick(looks, range(9, 10)),
        pick(looks, range(10, 20)),
    ):
        state, log = update(detector, state, part)
        kept, same_log = update(detector, kept, part)
        np.testing.assert_array_equal(same_log, log)
        same(unpacked(kept), state)
        same(kept, packed(state))
        opened |= set(kept.pixels["which"].tolist())
    assert len(kept.pixels["which"]) < len(opened) < many


def test_a_quiet_pixel_takes_few_bytes() -> None:
    detector = Detector()
    state, _ = update(detector, begun(detector, 500), stable(range(FIRST_DAY, FIRST_DAY + 80, 8), 500, seed=9))
    kept = pack_pixels(state.pixels)
    assert len(kept["which"]) < 20
    assert sum(kept[name].nbytes for name in ("days", "phase", "statistic")) == 9 * 500


# The odd pixel of every kind


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (np.nan, Monitored.SHORT_HISTORY),
        (np.inf, Monitored.SHORT_HISTORY),
        (3e38, Monitored.FAILED),
    ],
)
def test_a_history_of_no_use_is_a_status(spoilt: float, code: Monitored) -> None:
    history = stable(range(16_000, FIRST_DAY - 20, 33), 2)
    history.values[:, 0, 1] = spoilt
    history.values[::2, 0, 1] *= -1
    with np.errstate(all="ignore"):
        state = start(Detector(), history, inside=np.ones(2, bool))
    assert state.monitored[0] == Monitored.MONITORED
    assert (
        state.monitored[1] in (code, Monitored.DISTURBED_HISTORY)
        if code == Monitored.FAILED
        else state.monitored[1] == code
    )
    assert np.isnan(state.model["sigma"][1])
    after, log = update(Detector(), state, stable(range(FIRST_DAY, FIRST_DAY + 80, 8), 2))
    assert status(Detector(), after)[1] == 255
    assert 1 not in log["pixel"]


def test_looks_of_one_day_of_the_year_are_a_history_all_the_same() -> None:
    """A singular season: every look is of the same day of the year."""
    history = stable([16_000 + round(365.25 * i) for i in range(14)], 3)
    state = start(Detector(), history, inside=np.ones(3, bool))
    assert (state.monitored == Monitored.MONITORED).all()
    assert np.isfinite(state.model["coefficients"]).all()


@pytest.mark.parametrize("value", [1e30, -1e30, 3.4e38, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("monitor", MONITORS)
def test_one_absurd_look_is_survived(value: float, monitor: Cusum) -> None:
    detector = Detector(monitor=monitor)
    looks = stable(range(FIRST_DAY, FIRST_DAY + 80, 8), 2, seed=5)
    looks.values[:] = LEVEL
    looks.values[3, 0, 1] = value
    state, log = update(detector, begun(detector, 2), looks)
    assert Step.CONFIRMED not in log["step"]
    assert len(log) == 0 or not math.isfinite(value)
    assert status(detector, state)[1] in (Status.NONE, Status.FIRST_HIGH)
    for name in ("statistic", "total_sigma", "total_change", "worst"):
        assert np.isfinite(state.column(name)).all()


@pytest.mark.parametrize("day", [-1, 65_535, 80_000])
def test_a_day_that_does_not_fit_is_refused_not_wrapped(day: int) -> None:
    detector = Detector()
    looks = Looks((scene(day),), np.full((1, 1, 2), LEVEL, np.float32))
    with pytest.raises(BadInput, match=r"outside 1970 to 2149; correct its date"):
        update(detector, begun(detector, 2), looks)


def test_counts_stop_and_do_not_wrap() -> None:
    detector = Detector(decision=Decision(finish_days=100_000))
    state = begun(detector, 1)
    state.pixels["open"]["count"] = state.pixels["open"]["clears"] = machine.MOST
    state.pixels["open"]["onset"] = state.pixels["open"]["confirmed_on"] = FIRST_DAY - 1
    state.pixels["phase"][:] = machine.CONFIRMED
    after, _ = update(detector, state, Looks((scene(FIRST_DAY),), np.full((1, 1, 1), LEVEL - 1, np.float32)))
    assert after.column("count")[0] == machine.MOST


# Shallow changes must last


def levels(depth: float, count: int) -> Looks:
    return Looks(
        scenes_on(range(FIRST_DAY, FIRST_DAY + 8 * count, 8)),
        np.array([LEVEL, *[LEVEL + depth * NOISE] * (count - 1)], np.float32)[:, None, None],
    )


def still(detector: Detector) -> State:
    state = begun(detector, 1)
    model = {"coefficients": np.zeros_like(state.model["coefficients"]), "season": np.zeros((2, 1), np.float32)}
    model["coefficients"][0] = LEVEL
    return replace(state, model={**state.model, **model, "sigma": np.full(1, NOISE, np.float32)})


@pytest.mark.parametrize(("depth", "days"), [(-4.0, 152), (-4.9, 152), (-5.1, 16), (-7.0, 8)])
def test_a_shallow_change_must_outlast_a_dry_season(depth: float, days: int) -> None:
    detector = Detector()
    _, log = update(detector, still(detector), levels(depth, 30))
    confirmed = log[log["step"] == Step.CONFIRMED]
    assert confirmed["instant"].tolist() == [scene(FIRST_DAY + 8 + days).instant]


def test_a_dry_season_is_no_confirmed_change() -> None:
    detector, looks = Detector(), levels(-4.0, 40)
    looks.values[18:] = LEVEL  # 136 days of drought
    _, log = update(detector, still(detector), looks)
    assert log["step"].tolist() == [Step.PROVISIONAL, Step.EXPIRED]


def test_blocks_of_pixels_do_not_know_of_each_other() -> None:
    """More pixels than a block of the kernel, whole and in two unequal rows."""
    detector, many = Detector(), kernel.BLOCK + 77
    state = begun(detector, many, seed=2)
    looks = stable(range(FIRST_DAY, FIRST_DAY + 160, 8), many, seed=3, noise=2.5 * NOISE)
    whole, log = update(detector, state, looks)
    for cut in (np.s_[:900], np.s_[900:]):
        piece, some = update(detector, state.part(cut), Looks(looks.scenes, looks.values[..., cut]))
        same(piece, whole.part(cut))
        mine = log[np.isin(log["pixel"], np.arange(many)[cut])]
        np.testing.assert_array_equal(some["instant"], mine["instant"])
    assert len(log) > 50
    spent = replace(state, pixels={name: array.copy() for name, array in state.pixels.items()})
    reused, _ = update(detector, spent, pick(looks, range(20)), reuse=True)
    same(reused, whole)
    assert reused.pixels["statistic"] is spent.pixels["statistic"]
