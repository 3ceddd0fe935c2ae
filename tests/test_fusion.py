"""The fusion monitor against a slow account of its docstrings, and what no order, cut, gap or contamination may change."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fusedlooks import NAN, beginning, detector_of, forest, history, optical, radar, role, series, shown, slots, width
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import FIRST_DAY, cuts, pick

from detection.codes import Monitored, Status, Step
from detection.errors import BadInput
from detection.monitors import Detector, Looks, State, fused_kernel, likelihood, machine, reach, start, status, update
from detection.monitors.decision import Decision
from detection.monitors.fusion import DOUBT, Fusion
from detection.monitors.packed import pack_model, pack_pixels, unpack_model, unpack_pixels
from detection.monitors.replay import begin, take_in
from detection.types import Scene
from jobs.config import ConfigError, load

PIXELS, CELLS = 5, 2
QUICK = settings(max_examples=40, deadline=None)
EAGER = Decision(confirm_looks=3, slow_days=20, recovery_looks=3, expire_days=60, finish_days=120)
"""Rules under which every step happens soon."""
DEFAULT = detector_of(Fusion())
DETECTORS = (
    DEFAULT,
    detector_of(Fusion(alarm=3.0, confirm=5.0, grade=1.0, within_days=60, apart_days=14.0), EAGER),
    detector_of(
        Fusion(optical=("doubt", "nir", "bsi"), radar=("vh", "vv"), alarm=4.0, confirm=6.0), EAGER, loss="raises"
    ),
    detector_of(Fusion(optical=("nbr",), radar=("vh",), alarm=4.0, confirm=6.0, half_life_days=30.0), EAGER),
    detector_of(Fusion(optical=(), alarm=2.0, confirm=3.0, grade=1.0), EAGER),
    detector_of(Fusion(optical=("nbr", "nir"), radar=(), alarm=4.0, confirm=6.0), EAGER),
)
detectors = st.sampled_from(DETECTORS)


def state_of(detector: Detector, pixels: int = PIXELS) -> State:
    return beginning(detector, pixels, CELLS if pixels > 1 else 1)


def same(a: State, b: State) -> None:
    assert a.arrays().keys() == b.arrays().keys()
    for name, array in a.arrays().items():
        np.testing.assert_array_equal(array, b.arrays()[name], err_msg=name, strict=True)
    assert (a.last, a.detector) == (b.last, b.detector)


# The account: one pixel, one look after the other, from the docstrings of Fusion, Decision, likelihood and the kernel.


class Account:
    """What a pixel is, in plain numbers."""

    def __init__(self, last_clear: int | None) -> None:
        self.phase, self.evidence, self.grade, self.closed = machine.NONE, np.float32(0), np.float32(0), 0
        self.last_look: int | None = None
        self.last_clear = last_clear
        self.steps: list[tuple[int, int, int, int]] = []
        self.forget()

    def forget(self) -> None:
        self.onset: int | None = None
        self.anomalous_on: int | None = None
        self.confirmed_on = 0
        self.count = self.clears = 0
        self.sigma = 0.0


def table_says(kind: int, width: float, planes: int, odds: float, z: tuple[float, float]) -> tuple[float, float]:
    wide = np.abs(np.log(np.array(likelihood.WIDTHS)) - np.log(width)).argmin()
    doubts = np.array(likelihood.DOUBTS)
    nearest = np.abs(np.log(doubts / (1 - doubts)) - np.log(odds)).argmin()
    cell = [int(np.clip(np.floor((x + 16) / likelihood.STEP), 0, likelihood.CELLS - 1)) for x in z]
    found = likelihood.tables()[kind, wide, planes, nearest, cell[0], cell[1]]
    return float(found[0]), float(found[1])


def scatter(detector: Detector, state: State, scene: Scene, p: int) -> float:
    """Scatter of the cell in the scales of its kind of sensor, by its first plane, whatever the season."""
    terms = 1 + 2 * detector.history.harmonics
    if scene.radar:
        return float(state.model["radar"][terms - 1, p]) * 2e-3 / likelihood.RADAR.scale[0]
    return float(state.model["optical"][terms, p]) * 5e-5 / likelihood.OPTICAL.scale[0]


def weighed(detector: Detector, state: State, looks: Looks, t: int, p: int) -> tuple[float, float, float] | None:
    """(evidence, grade, size below the forest) of a look at a pixel; None for no look."""
    fusion, scene = detector.monitor, looks.scenes[t]
    assert isinstance(fusion, Fusion)
    at, z, strange, wet = slots(fusion, scene), dict[str, float](), 0.0, False
    for name, slot in at.items():
        if name == DOUBT:
            continue
        level, scale = forest(detector, state, scene, name, p)
        z[name] = (looks.values[t, slot, p] - level) / scale * (detector.sign if name == "index" else 1)
        if looks.common is not None:
            shared = float(looks.common[t, slot, state.cell[p]])
            z[name] -= shared
            strange, wet = max(strange, abs(shared) - 1), wet or (name == "vv" and shared > fusion.wet)
    if not z or not all(np.isfinite(x) for x in z.values()):
        return None
    doubt = fusion.base_radar if scene.radar else fusion.base_optical
    if DOUBT in at and np.isfinite(looks.values[t, at[DOUBT], p]):
        doubt = min(float(looks.values[t, at[DOUBT], p]), 0.999)
    odds = doubt / (1 - doubt) * np.exp(fusion.scene_doubt * strange)
    first, second = ("vv", "vh") if scene.radar else ("index", "nir")
    planes = likelihood.BOTH if len(z) == 2 else likelihood.FIRST_ONLY if first in z else likelihood.SECOND_ONLY
    evidence, grade = table_says(
        int(scene.radar),
        scatter(detector, state, scene, p),
        planes,
        float(odds),
        (z.get(first, 0.0), z.get(second, 0.0)),
    )
    weight = fusion.wet_weight if wet else 1.0
    told, graded = (
        float(np.clip(evidence, fusion.least, fusion.most)),
        float(np.clip(grade, *[-fusion.grade_most, fusion.grade_most])),
    )
    return told * weight, graded * weight, max(-z.get(first, z.get(second, 0.0)), detector.decision.anomaly)


def account(detector: Detector, state: State, looks: Looks, p: int) -> Account:
    """One pixel, all looks."""
    stored = int(state.pixels["last_clear"][p])
    a = Account(None if stored == machine.NO_DAY else stored)
    for t, scene in enumerate(looks.scenes):
        said = None if state.monitored[p] else weighed(detector, state, looks, t, p)
        if said is not None:
            take_look(a, detector, t, scene.day, *said)
    return a


def take_look(a: Account, detector: Detector, t: int, day: int, told: float, graded: float, size: float) -> None:
    fusion, decision = detector.monitor, detector.decision
    assert isinstance(fusion, Fusion)
    low, normal = told > 0.5, told < -1
    if a.phase == machine.NONE and not low:
        a.last_look, a.last_clear = day, day if told < 0 else a.last_clear
        return
    if low and a.anomalous_on is not None and day - a.anomalous_on < fusion.apart_days:
        near = max((day - a.anomalous_on) / fusion.apart_days, fusion.apart_least)
        told, graded = told * near, graded * near
    gap = min(day - a.last_look, 4000) if a.last_look is not None else 0
    old = (0.0, 0.0) if a.phase == machine.NONE else (float(a.evidence), float(a.grade))
    a.evidence = np.float32(max(old[0] * 0.5 ** (gap / fusion.half_life_days) + told, 0))
    a.grade = np.float32(max(old[1] * 0.5 ** (gap / fusion.grade_half_life_days) + graded, 0))
    a.evidence = np.float32(0) if a.phase == machine.RECOVERING else a.evidence
    a.last_look, a.last_clear = day, day if normal else a.last_clear
    lasting = a.evidence > 0 or a.phase == machine.RECOVERING
    if not low and lasting and (a.phase == machine.FIRST or not normal):
        return
    enough = min(float(a.evidence) / fusion.alarm * decision.provisional_share, 0.999)
    soon = day - (day if a.onset is None else a.onset) <= fusion.within_days
    if a.evidence >= fusion.confirm and a.grade >= fusion.grade and soon:
        enough = 1.0
    decide(a, decision, t, day, low, size, enough)
    if a.phase == machine.NONE:
        a.evidence = a.grade = np.float32(0)


def decide(a: Account, rules: Decision, t: int, day: int, low: bool, size: float, enough: float) -> None:
    """Decision, its docstrings read aloud."""
    a.clears = 0 if low else a.clears + 1
    if a.phase == machine.RECOVERING:
        if a.clears >= rules.recovery_looks:
            a.forget()
            a.phase = machine.NONE
        return
    if low:
        a.onset = day if a.onset is None else a.onset
        a.anomalous_on, a.count, a.sigma = day, a.count + 1, a.sigma + min(size, machine.EXTREME)
    if a.phase in (machine.NONE, machine.FIRST):
        alone = a.clears >= rules.clear_looks and a.count < rules.provisional_looks
        a.phase = machine.NONE if enough <= 0 or alone or not a.count else machine.FIRST
        if a.phase and low and enough >= rules.provisional_share and a.count >= rules.provisional_looks:
            a.phase = machine.PROVISIONAL
            said(a, t, Step.PROVISIONAL)
    recovered = a.clears >= rules.recovery_looks
    if a.phase == machine.PROVISIONAL:
        assert a.onset is not None and a.anomalous_on is not None
        wait = rules.confirm_days if a.sigma / a.count >= rules.deep else max(rules.confirm_days, rules.slow_days)
        if low and enough >= 1 and a.count >= rules.confirm_looks and day - a.onset >= wait:
            said(a, t, Step.CONFIRMED)
            a.phase, a.confirmed_on = machine.CONFIRMED, day
        elif enough <= 0 or recovered or day - a.anomalous_on > rules.expire_days:
            said(a, t, Step.EXPIRED)
            a.phase = machine.NONE
    elif a.phase == machine.CONFIRMED and (recovered or day - a.confirmed_on > rules.finish_days):
        said(a, t, Step.FINISHED)
        a.closed += 1
        a.phase = machine.NONE if recovered else machine.RECOVERING
    if a.phase == machine.NONE:
        a.forget()


def said(a: Account, t: int, step: Step) -> None:
    assert a.onset is not None
    a.steps.append((t, int(step), a.onset, a.count))


@settings(max_examples=200, deadline=None)
@given(detectors, st.data())
def test_the_kernel_does_what_its_docstrings_say(detector: Detector, data: st.DataObject) -> None:
    before = state_of(detector)
    looks = data.draw(series(detector, before))
    state, log = update(detector, before, looks)
    place = {scene.instant: t for t, scene in enumerate(looks.scenes)}
    for p in range(PIXELS):
        a = account(detector, before, looks, p)
        mine = [(place[r["instant"]], r["step"], r["change_day"], r["count"]) for r in log[log["pixel"] == p]]
        assert mine == a.steps
        assert state.pixels["phase"][p] == a.phase
        assert state.pixels["evidence"][p] == pytest.approx(float(a.evidence), abs=2e-5)
        assert state.pixels["grade"][p] == pytest.approx(float(a.grade), abs=2e-5)
        for name, expected in (("last_look", a.last_look), ("last_clear", a.last_clear), ("onset", a.onset)):
            assert state.column(name)[p] == (machine.NO_DAY if expected is None else expected), name
        assert (state.column("count")[p], state.column("clears")[p]) == (a.count, a.clears)
        assert state.column("closed")[p] == a.closed
        assert state.column("total_sigma")[p] == pytest.approx(a.sigma, rel=1e-4, abs=1e-4)


# Invariants.


@QUICK
@given(detectors, st.data())
def test_any_chunking_is_all_at_once(detector: Detector, data: st.DataObject) -> None:
    looks = data.draw(series(detector, state_of(detector)))
    whole, log = update(detector, state_of(detector), looks)
    one_by_one = [slice(i, i + 1) for i in range(len(looks.scenes))]
    for pieces in (one_by_one, data.draw(cuts(len(looks.scenes)))):
        state, logs = state_of(detector), []
        for piece in pieces:
            state, new = update(detector, state, pick(looks, range(len(looks.scenes))[piece]))
            logs.append(new)
        same(state, whole)
        np.testing.assert_array_equal(np.concatenate(logs), log, strict=True)


@QUICK
@given(detectors, st.data())
def test_any_pixels_are_those_pixels_of_the_whole(detector: Detector, data: st.DataObject) -> None:
    looks = data.draw(series(detector, state_of(detector)))
    whole, log = update(detector, state_of(detector), looks)
    first = data.draw(st.integers(0, PIXELS - 1))
    cut = slice(first, data.draw(st.integers(first + 1, PIXELS)))
    part, mine = update(detector, state_of(detector).part(cut), replace(looks, values=looks.values[..., cut]))
    same(part, whole.part(cut))
    kept = log[(cut.start <= log["pixel"]) & (log["pixel"] < cut.stop)]
    kept["pixel"] -= cut.start
    np.testing.assert_array_equal(mine, kept)


def many(detector: Detector) -> tuple[State, Looks]:
    """Enough pixels for several blocks of the kernel: changes of all sizes, from nothing on."""
    pixels = 2 * fused_kernel.BLOCK + 77
    few = beginning(detector, 7)
    rng, times = np.random.default_rng(5), pixels // 7 + 1
    scenes = sorted(
        [*map(optical, range(FIRST_DAY, FIRST_DAY + 200, 16)), *map(radar, range(FIRST_DAY + 3, FIRST_DAY + 200, 12))]
    )
    looks = shown(detector, few, scenes, rng.choice([0.0, -4.0, -9.0], (len(scenes), 2, 7)))
    values = np.tile(looks.values, times)[..., :pixels] + rng.normal(0, 0.02, (len(scenes), 1, pixels)).astype(
        np.float32
    )
    model = {name: np.tile(array, times)[..., :pixels] for name, array in few.model.items()}
    watched = {name: np.tile(array, times)[:pixels] for name, array in few.pixels.items()}
    state = replace(
        few, model=model, pixels=watched, monitored=np.zeros(pixels, np.uint8), cell=np.zeros(pixels, np.int32)
    )
    return state, Looks(looks.scenes, values)


def test_blocks_and_threads_change_nothing() -> None:
    state, looks = many(DEFAULT)
    whole, log = update(DEFAULT, state, looks)
    assert len(log) > 1000
    assert {r["step"] for r in log} >= {1, 2}
    edges = [0, 1, fused_kernel.BLOCK - 1, fused_kernel.BLOCK + 1, len(state.monitored)]
    parts = [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]

    def taken(cut: slice) -> tuple[State, NDArray[Any]]:
        return update(DEFAULT, state.part(cut), replace(looks, values=looks.values[..., cut]))

    with ThreadPoolExecutor(2) as two:
        for cut, (part, mine) in zip(parts, two.map(taken, parts), strict=True):
            same(part, whole.part(cut))
            assert len(mine) == ((cut.start <= log["pixel"]) & (log["pixel"] < cut.stop)).sum()


@QUICK
@given(detectors, st.data())
def test_late_and_repeated_looks_come_to_the_set_in_order(detector: Detector, data: st.DataObject) -> None:
    looks = data.draw(series(detector, state_of(detector), longest=12))
    many_looks = len(looks.scenes)
    order = data.draw(
        st.permutations([*range(many_looks), *data.draw(st.lists(st.integers(0, many_looks - 1), max_size=5))])
    )
    fusion = detector.monitor
    assert isinstance(fusion, Fusion)
    memory = begin(state_of(detector), CELLS, width(fusion))
    for i in range(0, len(order), 3):
        memory, late = take_in(detector, memory, pick(looks, order[i : i + 3]), replay_days=100_000)
        assert late == ()
    whole, log = update(detector, state_of(detector), looks)
    same(memory.current, whole)
    np.testing.assert_array_equal(memory.transitions, log)


@QUICK
@given(detectors, st.data())
def test_looks_that_saw_nothing_change_nothing(detector: Detector, data: st.DataObject) -> None:
    before = state_of(detector)
    looks = data.draw(series(detector, before))
    fusion = detector.monitor
    assert isinstance(fusion, Fusion)
    place = data.draw(st.integers(0, len(looks.scenes)))
    when = looks.scenes[place - 1].instant if place else (FIRST_DAY - 1) * 86_400
    scene = data.draw(st.sampled_from([optical(0), radar(0), radar(0, "7"), radar(0, "")]))
    blind = data.draw(st.sampled_from([NAN, np.inf, -np.inf, 1e30]))
    blind = -14.0 if scene.orbit in ("7", "") else blind  # an orbit that the history never saw
    values = np.full((1, width(fusion), PIXELS), blind, np.float32)
    blank = Looks((Scene(when, "zz" if not scene.radar else "sentinel-1z", "blind", scene.orbit),), values)
    common = looks.common
    if common is not None:
        blank = replace(blank, common=np.full((1, *common.shape[1:]), 3, np.float32))
    parts = (pick(looks, range(place)), blank, pick(looks, range(place, len(looks.scenes))))
    state, logs = before, []
    for part in parts:
        state, new = update(detector, state, part)
        logs.append(new)
    whole, log = update(detector, before, looks)
    same(replace(state, last=None), replace(whole, last=None))
    np.testing.assert_array_equal(np.concatenate(logs), log)


@QUICK
@given(detectors, st.data())
def test_a_state_is_of_constant_size_and_keeps_every_bit(detector: Detector, data: st.DataObject) -> None:
    before = state_of(detector)
    looks = data.draw(series(detector, before))
    for state in (
        before,
        *(update(detector, before, pick(looks, range(n)))[0] for n in (len(looks.scenes) // 2, len(looks.scenes))),
    ):
        assert {n: (a.shape, a.dtype) for n, a in state.arrays().items()} == {
            n: (a.shape, a.dtype) for n, a in before.arrays().items()
        }
        same(State.of(state.arrays(), state.last, state.detector), state)
        again = replace(
            state, model=unpack_model(pack_model(state.model)), pixels=unpack_pixels(pack_pixels(state.pixels))
        )
        same(again, state)
        later = pick(looks, [i for i, s in enumerate(looks.scenes) if state.last is None or s > state.last])
        same(update(detector, again, later)[0], update(detector, state, later)[0])


def test_a_state_takes_no_more_than_96_bytes_a_pixel() -> None:
    state, pixels = state_of(DEFAULT), PIXELS
    kept = {n: a for n, a in state.arrays().items() if not n.startswith("aside")}
    assert sum(a.nbytes for a in kept.values()) / pixels <= 96
    assert state.aside["orbits"].tolist() == [68, 141]


# What must not happen.


def every(step: int, days: int, first: int = FIRST_DAY) -> list[Scene]:
    """Optical looks."""
    return [optical(day) for day in range(first, first + days, step)]


def both(days: int, first: int = FIRST_DAY) -> list[Scene]:
    """Optical looks every 16 days, radar every 12, from two orbits."""
    echo = [radar(day, ("68", "141")[i % 2]) for i, day in enumerate(range(first + 3, first + days, 12))]
    return sorted([*every(16, days, first), *echo])


def steps_of(detector: Detector, scenes: list[Scene], z: Any, **more: Any) -> tuple[list[int], State]:
    """(steps, state) of one pixel after looks that stand so far from the forest."""
    state = state_of(detector, 1)
    state, log = update(detector, state, shown(detector, state, scenes, np.asarray(z, float), **more))
    return log["step"].tolist(), state


@QUICK
@given(
    st.sampled_from([DEFAULT, detector_of(Fusion(optical=("nbr",))), detector_of(Fusion(optical=("nbr", "nir")))]),
    st.data(),
)
def test_one_contaminated_look_never_makes_an_alarm(detector: Detector, data: st.DataObject) -> None:
    scenes = both(120)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    z = rng.uniform(-1.0, 1.4, (len(scenes), 2))
    size = st.sampled_from([-1e6, -300.0, -40.0, -12.0, -6.0, -3.0, 0.0, 6.0, 40.0])
    z[data.draw(st.integers(0, len(scenes) - 1))] = data.draw(size), data.draw(size)
    steps, state = steps_of(detector, scenes, z)
    assert steps == []
    assert status(detector, state)[0] in (Status.NONE, Status.FIRST_LOW, Status.FIRST_HIGH)


@pytest.mark.parametrize(("looks", "steps"), [(1, []), (2, []), (3, [Step.PROVISIONAL]), (12, [Step.PROVISIONAL])])
def test_looks_of_one_day(looks: int, steps: list[int]) -> None:
    """Two looks of one pass, however bad, are no alarm: the second counts for a quarter. Three make it provisional, and no
    number of them confirms."""
    scenes = [optical(FIRST_DAY, second) for second in range(looks)]
    assert steps_of(DEFAULT, scenes, [[-12.0, -3.0]] * looks, doubt=0.003)[0] == steps


@QUICK
@given(detectors, st.data())
def test_no_decision_rests_on_a_later_look(detector: Detector, data: st.DataObject) -> None:
    before = state_of(detector)
    looks = data.draw(series(detector, before))
    _, log = update(detector, before, looks)
    instants = np.array([s.instant for s in looks.scenes])
    for cut in {0, len(instants), *np.searchsorted(instants, log["instant"], "right").tolist()}:
        _, rows = update(detector, before, pick(looks, range(cut)))
        np.testing.assert_array_equal(rows, log[np.isin(log["instant"], instants[:cut])])


def test_smoke_of_a_week_is_no_alarm() -> None:
    """Three looks whose doubt is 0.9, as deep as they come, between clear ones; without doubt, eight days apart, they alarm."""
    scenes = sorted([*every(16, 90), *(optical(FIRST_DAY + 33 + d) for d in (0, 3, 6))])
    smoke = np.array([33 <= s.day - FIRST_DAY < 40 for s in scenes])
    z = np.where(smoke[:, None], (-9.0, -5.0), (0.2, 0.2))
    assert steps_of(DEFAULT, scenes, z, doubt=np.where(smoke, 0.9, 0.02))[0] == []
    apart = [optical(FIRST_DAY + d) for d in (0, 8, 16)]
    assert Step.PROVISIONAL in steps_of(DEFAULT, apart, [(-9.0, -5.0)] * 3, doubt=0.01)[0]


@lru_cache
def drawn(surfaces: tuple[str, str], share: float, cells: int = 400) -> tuple[float, float]:
    """SIMULATED: share of cells (provisional, confirmed) within a year after a share of each became a surface.

    Where a cell lies between others of its surface is drawn once, the scatter of looks (Student t, 4 degrees) every time.
    """
    rng, scenes = np.random.default_rng(7), both(365)
    z = rng.standard_t(4, (len(scenes), 2, cells))
    for k, kind in enumerate((likelihood.OPTICAL, likelihood.RADAR)):
        found = next(s for s in kind.surfaces if s.name == surfaces[k])
        middle, _ = likelihood._mixed(found, share, kind)
        spread = np.array([share * s / scale for s, scale in zip(found.spread, kind.scale, strict=True)])
        mine = np.array([s.radar for s in scenes]) == k
        z[mine] += (np.array(middle)[:, None] + spread[:, None] * rng.normal(0, 1, (2, cells)))[None]
    one = beginning(DEFAULT, 1)
    nought, ones = (shown(DEFAULT, one, scenes, np.full((len(scenes), 2), level)).values for level in (0.0, 1.0))
    values = np.repeat(nought, cells, 2)
    values[:, :2] += (z * (ones - nought)[:, :2]).astype(np.float32)
    model = {name: array.repeat(cells, -1) for name, array in one.model.items()}
    watched = {name: array.repeat(cells) for name, array in one.pixels.items()}
    state = replace(
        one, model=model, pixels=watched, monitored=one.monitored.repeat(cells), cell=one.cell.repeat(cells)
    )
    _, log = update(DEFAULT, state, Looks(tuple(scenes), values))
    provisional, confirmed = (len(set(log["pixel"][log["step"] == step].tolist())) / cells for step in (1, 2))
    return provisional, confirmed


FELLED, BARE, BURNT = ("felled", "felled"), ("bare", "bare, dry"), ("burnt", "bare, dry")


@pytest.mark.parametrize(("surfaces", "share"), [(FELLED, 0.0), (FELLED, 0.3), (BARE, 0.2), (BURNT, 0.2)])
def test_a_part_of_a_cell_is_not_confirmed(surfaces: tuple[str, str], share: float) -> None:
    assert drawn(surfaces, share)[1] <= 0.05


@pytest.mark.parametrize(
    ("surfaces", "share", "least"), [(FELLED, 1.0, 0.9), (BARE, 0.6, 0.95), (BURNT, 0.7, 0.95), (BARE, 1.0, 0.99)]
)
def test_a_whole_cell_is_confirmed(surfaces: tuple[str, str], share: float, least: float) -> None:
    """Of felled cells some that keep much green look like half a bare one."""
    assert drawn(surfaces, share)[1] >= least


def test_radar_over_wet_ground_counts_less() -> None:
    scenes = [radar(FIRST_DAY + 12 * i) for i in range(3)]
    told = []
    for shared in (0.0, 0.39, 0.41, 0.9):
        common = np.full((3, width(DEFAULT.monitor), 1), shared, np.float32)  # type: ignore[arg-type]
        _, state = steps_of(DEFAULT, scenes, [(-3.2, -4.2)] * 3, common=common)
        told.append(float(state.pixels["evidence"][0]))
    assert told[0] == told[1] > 2
    assert told[2] == told[3] == pytest.approx(0.4 * told[0], rel=1e-5)
    dry = np.full((3, width(DEFAULT.monitor), 1), -0.9, np.float32)  # type: ignore[arg-type]
    assert steps_of(DEFAULT, scenes, [(-3.2, -4.2)] * 3, common=dry)[1].pixels["evidence"][0] == told[0]


def test_a_strange_scene_is_believed_less() -> None:
    """Haze over all forest, taken off, still makes the look doubtful."""
    evidence = []
    for shared in (0.0, -1.0, -4.0, -12.0):
        common = np.full((1, 3, 1), shared, np.float32)
        evidence.append(
            float(steps_of(DEFAULT, every(8, 1), [(-6.2, -2.2)], common=common, doubt=0.01)[1].pixels["evidence"][0])
        )
    assert evidence[0] == evidence[1] > evidence[2] > evidence[3] > 0


def test_a_change_after_recovery_is_a_new_one() -> None:
    scenes = every(16, 16 * 26)
    z = np.full((len(scenes), 2), 0.2)
    z[1:6] = z[18:24] = -12.2, -2.7
    steps, state = steps_of(DEFAULT, scenes, z)
    assert steps == [Step.PROVISIONAL, Step.CONFIRMED, Step.FINISHED, Step.PROVISIONAL, Step.CONFIRMED]
    assert state.column("onset")[0] == scenes[18].day
    assert state.column("closed")[0] == 1
    z[6:13] = 0.2, 0.2  # seven normal looks are no recovery
    z[13:18] = -12.2, -2.7
    assert steps_of(DEFAULT, scenes[:20], z[:20])[0] == [Step.PROVISIONAL, Step.CONFIRMED]


def test_a_change_closed_by_time_alarms_again_only_after_recovery() -> None:
    scenes = every(16, 16 * 50)
    z = np.full((len(scenes), 2), (-12.2, -2.7))
    steps, state = steps_of(DEFAULT, scenes, z)
    assert steps == [Step.PROVISIONAL, Step.CONFIRMED, Step.FINISHED]
    assert (state.pixels["phase"][0], state.pixels["evidence"][0]) == (machine.RECOVERING, 0)
    z[32:40] = 0.2, 0.2
    again, state = steps_of(DEFAULT, scenes, z)
    assert again == [*steps, Step.PROVISIONAL, Step.CONFIRMED]
    assert state.column("onset")[0] == scenes[40].day


@pytest.mark.parametrize(("within", "steps"), [(365, [1, 2]), (40, [1])])
def test_a_change_not_confirmed_in_time_never_is(within: int, steps: list[int]) -> None:
    """Half a cell for two months, then all of it, for two years: the change began with the half."""
    detector = detector_of(Fusion(within_days=within))
    scenes = every(16, 700)
    z = np.full((len(scenes), 2), (-12.2, -2.7))
    z[:4] = -4.7, -0.7
    found, state = steps_of(detector, scenes, z)
    assert [step for step in found if step < Step.EXPIRED] == steps
    assert within != 40 or (state.column("onset")[0] == FIRST_DAY and state.pixels["grade"][0] > 4)


@pytest.mark.parametrize("fusion", [Fusion(optical=("nbr",)), Fusion(optical=("nbr", "nir")), Fusion()])
def test_a_rise_is_no_loss(fusion: Fusion) -> None:
    """An index that rises by ten scales and stays there: tails of the likelihood once made a loss of it."""
    steps, state = steps_of(detector_of(fusion), every(16, 400), [(12.2, -0.7)] * 25, doubt=0.003)
    assert (steps, state.pixels["phase"][0]) == ([], machine.NONE)
    assert steps_of(detector_of(fusion), [radar(FIRST_DAY + 6 * i) for i in range(60)], [(12.2, 12.2)] * 60)[0] == []


# One pixel for every status.


def begun(detector: Detector, change: Any = None, **more: Any) -> State:
    """The state of one pixel after a history that was changed: change(values (time, slot), is_radar (time,))."""
    looks = history(detector, 1)
    if change is not None:
        change(looks.values[..., 0], np.array([s.radar for s in looks.scenes]))
    return start(detector, looks, **{"inside": np.ones(1, bool), **more})


def set_rows(which: str, value: float, keep: int = 0, slot: Any = slice(0, 2)) -> Any:
    """A change of the history: of all looks of a kind but the first `keep`."""

    def change(values: NDArray[np.float32], is_radar: NDArray[np.bool_]) -> None:
        values[np.flatnonzero(is_radar == (which == "radar"))[keep:], slot] = value

    return change


def all_of(*changes: Any) -> Any:
    def change(values: NDArray[np.float32], is_radar: NDArray[np.bool_]) -> None:
        for one in changes:
            one(values, is_radar)

    return change


OK, SHORT, FAILED, DISTURBED = (
    Monitored.MONITORED,
    Monitored.SHORT_HISTORY,
    Monitored.FAILED,
    Monitored.DISTURBED_HISTORY,
)
ONLY_OPTICAL, ONLY_RADAR = detector_of(Fusion(radar=())), detector_of(Fusion(optical=()))


@pytest.mark.parametrize(
    ("detector", "change", "code"),
    [
        (DEFAULT, None, OK),
        (ONLY_OPTICAL, None, OK),
        (ONLY_RADAR, None, OK),
        (detector_of(Fusion(optical=("ndmi",), radar=())), None, OK),
        (DEFAULT, all_of(set_rows("optical", NAN), set_rows("radar", NAN)), SHORT),
        (ONLY_OPTICAL, set_rows("optical", NAN), SHORT),
        (ONLY_OPTICAL, set_rows("optical", NAN, keep=11), SHORT),
        (ONLY_OPTICAL, set_rows("optical", NAN, keep=12), OK),
        (ONLY_RADAR, set_rows("radar", NAN, keep=11), SHORT),
        (DEFAULT, set_rows("optical", NAN, keep=5), OK),  # by radar alone
        (DEFAULT, set_rows("radar", NAN), OK),  # by optical looks alone
        (DEFAULT, all_of(set_rows("optical", NAN, keep=5), set_rows("radar", NAN, slot=1)), SHORT),  # VH never
        (ONLY_OPTICAL, set_rows("optical", 0.5), OK),
        (ONLY_RADAR, set_rows("radar", -9.0), OK),
        (ONLY_OPTICAL, set_rows("optical", np.inf), SHORT),
        (ONLY_RADAR, set_rows("radar", -np.inf), SHORT),
        *[(ONLY_OPTICAL, set_rows("optical", size), FAILED) for size in (1e30, -3e38, 7000.0)],
        *[(ONLY_RADAR, set_rows("radar", size), SHORT) for size in (1e30, -3e38)],
        (ONLY_OPTICAL, set_rows("optical", 3000.0, slot=1), FAILED),  # near infrared that is no reflectance
        (DEFAULT, set_rows("optical", 3000.0, slot=1), OK),  # ... radar remains
        (DEFAULT, set_rows("optical", 0.1, keep=60), DISTURBED),
        (DEFAULT, all_of(set_rows("optical", 0.1, keep=110), set_rows("radar", -18.0, keep=147)), DISTURBED),
    ],
)  # fmt: skip
def test_why_a_pixel_is_monitored_or_not(detector: Detector, change: Any, code: Monitored) -> None:
    state = begun(detector, change)
    assert Monitored(state.monitored[0]) == code
    quiet = shown(detector, state, both(60), np.zeros((len(both(60)), 2)))
    state, log = update(detector, state, quiet)
    assert len(log) == 0
    assert status(detector, state)[0] == (Status.NONE if code == OK else 255)
    assert reach(state)[0] == code, "what is called monitored is seen"


def test_outside_and_not_forest() -> None:
    assert begun(DEFAULT, inside=np.zeros(1, bool)).monitored[0] == Monitored.OUTSIDE
    assert begun(ONLY_RADAR, inside=np.zeros(1, bool)).monitored[0] == Monitored.OUTSIDE
    bare = replace(DEFAULT, history=replace(DEFAULT.history, forest_min=0.75))
    assert begun(bare).monitored[0] == Monitored.NOT_FOREST


def test_a_loss_is_seen_by_radar_alone_and_by_a_short_optical_history_never() -> None:
    state = begun(DEFAULT, set_rows("optical", NAN, keep=5))
    scenes = [radar(FIRST_DAY + 12 * i) for i in range(20)]
    whole, log = update(DEFAULT, state, shown(DEFAULT, state, scenes, np.full((20, 2), (-4.2, -5.2))))
    assert log["step"].tolist() == [Step.PROVISIONAL, Step.CONFIRMED]
    assert status(DEFAULT, whole)[0] == Status.CONFIRMED_LOW
    blind = Looks(tuple(every(16, 90)), np.full((6, 3, 1), 0.05, np.float32))
    untouched, log = update(DEFAULT, state, blind)
    assert (len(log), reach(untouched)[0]) == (0, Monitored.NO_LOOK)


@pytest.mark.parametrize("detector", [DEFAULT, ONLY_OPTICAL, ONLY_RADAR])
def test_huge_values_do_no_harm(detector: Detector) -> None:
    before = state_of(detector, 1)
    scenes = both(200)
    looks = shown(detector, before, scenes, np.zeros((len(scenes), 2)))
    looks.values[3:-3:2, :2] = np.array([1e30, -1e30, np.inf, -np.inf])[np.arange(len(scenes[3:-3:2])) % 4][
        :, None, None
    ]
    state, log = update(detector, before, looks)
    assert len(log) == 0
    for name in ("evidence", "grade", "total_sigma", "total_change"):
        assert np.isfinite(state.column(name)).all(), name


@pytest.mark.parametrize(("detector", "scene"), [(ONLY_RADAR, optical(FIRST_DAY)), (ONLY_OPTICAL, radar(FIRST_DAY))])
def test_a_kind_of_look_without_planes_says_nothing(detector: Detector, scene: Scene) -> None:
    before = state_of(detector)
    for value in (0.05, -12.0, 0.7):
        values = np.full((1, width(detector.monitor), PIXELS), value, np.float32)  # type: ignore[arg-type]
        same(replace(update(detector, before, Looks((scene,), values))[0], last=None), before)


@pytest.mark.parametrize("doubt", [1.0, 1.5, np.inf, 0.999999])
def test_a_certain_doubt_is_the_greatest_there_is(doubt: float) -> None:
    evidence = [
        steps_of(DEFAULT, every(8, 1), [(-9.2, -3.2)], doubt=d)[1].pixels["evidence"][0] for d in (doubt, 0.8, NAN)
    ]
    assert evidence[0] == evidence[1] < 0.5 * evidence[2]


def test_orbits_that_are_none() -> None:
    state = state_of(DEFAULT, 1)
    for name in ("233068", "²", "R068"):
        values = np.array([0.7, 0.3, 0.02], np.float32).reshape(1, 3, 1)
        light = replace(optical(FIRST_DAY), orbit=name)
        assert update(DEFAULT, state, Looks((light,), values))[0].pixels["last_look"][0] == FIRST_DAY
        values = np.array([-7, -13, np.nan], np.float32).reshape(1, 3, 1)
        echo = Looks((radar(FIRST_DAY, name),), values)
        if name == "233068":
            with pytest.raises(BadInput, match="orbit 233068 is no relative orbit"):
                update(DEFAULT, state, echo)
        else:
            assert update(DEFAULT, state, echo)[0].pixels["last_look"][0] == machine.NO_DAY


# Parameters.


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"optical": ("nbr", "ndmi")}, "take one index"),
        ({"optical": ("nir", "doubt")}, "take one index"),
        ({"optical": ("nbr", "nir", "nir")}, "at most once"),
        ({"radar": ("vv", "vv")}, "each plane once"),
        ({"optical": (), "radar": ()}, "one plane at least"),
    ],
)
def test_planes_that_make_no_sense_are_refused(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line) as found:
        Fusion(**wrong)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("radar: [vv, vh]", "radar: [vvv, vh]", "monitor.radar.0: found the text"),
        ("optical: [value]", "optical: [value, ndmi]", "take one index"),
        ("radar: [vv, vh]", "radar: [vv, vv]", "each plane once"),
        ("radar: [vv, vh]", "confirms: 9", "unknown key, did you mean `confirm`?"),
        ("radar: [vv, vh]", "confirm: -9", "expected a number greater than 0"),
        ("radar: [vv, vh]", "least: 2", "expected a number less than 0"),
    ],
)
def test_a_config_that_errs_is_told_the_line_and_the_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (Path(__file__).parents[1] / "configs/series-fused.yaml").read_text()
    path = tmp_path / "job.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as found:
        load(path)
    (problem,) = found.value.problems
    at = next(n for n, row in enumerate(text.splitlines(), 1) if row.strip().startswith(old))
    assert (problem.line, "\n" in problem.text) == (at, False)
    assert said in problem.text


def test_a_role_is_any_name_but_those_of_bands() -> None:
    assert [role(name) for name in ("ndmi", "nir", "doubt", "vv")] == ["index", "nir", "doubt", "vv"]
