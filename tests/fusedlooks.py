"""Looks of several sensors made to measure: so many residual scales from the forest, whatever the detector calls its planes."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import FIRST_DAY, HISTORY_DAY

from detection.harmonics import date_table
from detection.history import History
from detection.monitors import Detector, Looks, State, start
from detection.monitors.decision import Decision
from detection.monitors.fusion import DOUBT, NEAR_INFRARED, Fusion
from detection.types import SECONDS_A_DAY, Scene

ORBITS = ("68", "141")
LEVELS = {"index": 0.7, "nir": 0.3, "vv": -7.0, "vh": -13.0}
NOISES = {"index": 0.02, "nir": 0.01, "vv": 0.4, "vh": 0.4}
NAN = float("nan")
Numbers = NDArray[np.float64]


def detector_of(fusion: Fusion, decision: Decision | None = None, **more: str) -> Detector:
    """With a yearly season and no more: 90 bytes a pixel."""
    return Detector(history=History(harmonics=1), monitor=fusion, decision=decision or Decision(), **more)  # type: ignore[arg-type]


def optical(day: int, second: int = 0) -> Scene:
    """An optical look."""
    return Scene(day * SECONDS_A_DAY + second, "landsat-8", f"l{day}/{second}", "233/068")


def radar(day: int, orbit: str = ORBITS[0], second: int = 0) -> Scene:
    """A radar look."""
    return Scene(day * SECONDS_A_DAY + second, "sentinel-1a", f"s{day}/{second}", orbit)


def role(name: str) -> str:
    """What a plane is to the monitor: any name but those of the bands is an index."""
    return name if name in (NEAR_INFRARED, DOUBT, "vv", "vh") else "index"


def slots(fusion: Fusion, scene: Scene) -> dict[str, int]:
    """Slot by role."""
    return {role(name): slot for slot, name in enumerate(fusion.radar if scene.radar else fusion.optical)}


def width(fusion: Fusion) -> int:
    """Slots of a look."""
    return max(len(fusion.optical), len(fusion.radar))


def history(detector: Detector, pixels: int, seed: int = 0) -> Looks:
    """SIMULATED: 125 optical looks with a season and 167 of radar, of two orbits a decibel apart."""
    fusion, rng = _fusion(detector), np.random.default_rng(seed)
    scenes = [optical(d) for d in range(HISTORY_DAY, FIRST_DAY - 5, 16)]
    scenes += [radar(d, ORBITS[i % 2]) for i, d in enumerate(range(HISTORY_DAY + 5, FIRST_DAY - 5, 12))]
    scenes.sort()
    values = np.full((len(scenes), width(fusion), pixels), np.nan, np.float32)
    for t, scene in enumerate(scenes):
        for name, slot in slots(fusion, scene).items():
            swing = np.cos(2 * np.pi * scene.day / 365.25) * (0.4 if scene.radar else 0.02)
            level = LEVELS.get(name, 0.0) + swing - (scene.orbit == ORBITS[1])
            values[t, slot] = 0.02 if name == DOUBT else detector.sign ** (name == "index") * level
            values[t, slot] += rng.normal(0, NOISES.get(name, 0.0), pixels)
    return Looks(tuple(scenes), values)


@lru_cache
def beginning(detector: Detector, pixels: int, cells: int = 1) -> State:
    """The state when monitoring begins."""
    cell = np.arange(pixels) % cells
    return start(detector, history(detector, pixels), inside=np.ones(pixels, bool), cell=cell)


def forest(detector: Detector, state: State, scene: Scene, name: str, pixel: int) -> tuple[float, float]:
    """(level, scale) that the stored model says, from its docstring; (NaN, NaN) where it says nothing."""
    terms = 1 + 2 * detector.history.harmonics
    x = date_table(np.array([scene.day], np.int32), detector.history.harmonics)[0]
    if not scene.radar:
        first = (terms + 3) * (name == NEAR_INFRARED)
        rows = state.model["optical"][first : first + terms + 3, pixel].astype(float)
        swing = 1 + (x[1] * rows[terms + 1] + x[2] * rows[terms + 2]) / 8192
        scale = 5e-5 * rows[terms] * min(max(swing, 0.5), 2.0)
        return (5e-5 * float(x @ rows[:terms]), scale) if scale > 0 else (NAN, NAN)
    orbits = state.aside["orbits"].tolist()
    each, named = terms + len(orbits), int(scene.orbit) if scene.orbit else -1
    first = each * (name == "vh" and "vv" in _fusion(detector).radar)
    rows = state.model["radar"][first : first + each, pixel].astype(float)
    if named not in orbits or rows[terms - 1] <= 0 or rows[terms + orbits.index(named)] == -32768:
        return NAN, NAN
    return 2e-3 * float(x[1:] @ rows[: terms - 1] + rows[terms + orbits.index(named)]), 2e-3 * rows[terms - 1]


def shown(
    detector: Detector, state: State, scenes: Sequence[Scene], z: Numbers, doubt: float | Numbers = 0.02,
    common: NDArray[np.float32] | None = None,
) -> Looks:  # fmt: skip
    """Looks in order that stand z from the forest (and from its common mode): z (time, 2) or (time, 2, pixel), NaN not seen."""
    fusion, pixels = _fusion(detector), len(state.monitored)
    z = np.broadcast_to(z.reshape(len(scenes), 2, -1), (len(scenes), 2, pixels))
    doubts = np.broadcast_to(np.asarray(doubt, float).reshape(-1, 1), (len(scenes), 1))
    values = np.full((len(scenes), width(fusion), pixels), np.nan, np.float32)
    for t, scene in enumerate(scenes):
        for name, slot in slots(fusion, scene).items():
            for p in range(pixels):
                level, scale = forest(detector, state, scene, name, p) if name != DOUBT else (0.0, 1.0)
                away = z[t, 0 if name in ("index", "vv") else 1, p]
                away += common[t, slot, state.cell[p]] if common is not None else 0
                away *= detector.sign if name == "index" else 1
                values[t, slot, p] = doubts[t, 0] if name == DOUBT else level + away * scale
    return Looks(tuple(scenes), values, common)


def _fusion(detector: Detector) -> Fusion:
    assert isinstance(detector.monitor, Fusion)
    return detector.monitor


@st.composite
def passes(draw: st.DrawFn, longest: int = 20) -> list[Scene]:
    """Looks of both kinds, of two orbits, of one the history never saw and of none, days to months apart."""
    count = draw(st.integers(1, longest))
    gaps = draw(st.lists(st.sampled_from([0, 1, 3, 6, 12, 16, 40, 200]), min_size=count, max_size=count))
    kinds = draw(st.lists(st.sampled_from(["l", "l", "l", *ORBITS, *ORBITS, "7", ""]), min_size=count, max_size=count))
    days = (FIRST_DAY + np.cumsum(gaps)).tolist()
    return sorted(
        optical(d, i) if kind == "l" else radar(d, kind, i) for i, (d, kind) in enumerate(zip(days, kinds, strict=True))
    )


@st.composite
def series(draw: st.DrawFn, detector: Detector, state: State, longest: int = 20) -> Looks:
    """Looks at forest, at partial and whole changes, contaminated ones and gaps; half of them with a common mode.

    Residuals lie well inside the cells of the table, so that rounding decides nothing.
    """
    scenes = draw(passes(longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (len(scenes), 2, len(state.monitored))
    phase = rng.choice([0.0, -2.5, -6.0, -11.0, 6.0, -40.0], p=[0.35, 0.2, 0.25, 0.1, 0.05, 0.05], size=shape)
    for t in range(1, len(scenes)):  # what the pixel did at the look before it mostly goes on doing
        phase[t] = np.where(rng.random(shape[2]) < 0.75, phase[t - 1], phase[t])
    z = np.floor((phase + rng.normal(0, 1, shape)) * 2) / 2 + 0.25 + rng.uniform(-0.2, 0.2, shape)
    z[rng.random(shape) < 0.07] = np.nan
    common = None
    if draw(st.booleans()):
        cells = int(state.cell.max()) + 1
        common = rng.normal(0, 1.2, (len(scenes), width(_fusion(detector)), cells)).astype(np.float32)
    return shown(detector, state, scenes, z, rng.choice([NAN, 0.003, 0.05, 0.3, 0.7, 1.0], len(scenes)), common)
