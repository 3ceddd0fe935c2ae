"""Hypothesis strategies and small builders of the science core: scenes, looks with a planted change, legal logs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.codes import Step
from detection.monitors import LOG, Detector, Looks, State, start
from detection.types import SECONDS_A_DAY, Grid, Scene

HISTORY_DAY, FIRST_DAY = 16_000, 18_000
"""Simulated series have their history in [HISTORY_DAY, FIRST_DAY) and are monitored from FIRST_DAY on."""
LEVEL, NOISE = 0.7, 0.02
"""Level and noise of the simulated forest, in units of the index."""


def scene(day: int, second: int = 0, platform: str = "landsat-8", name: str = "") -> Scene:
    """A scene of that day; its id tells instant and platform unless it is named."""
    instant = day * SECONDS_A_DAY + second
    return Scene(instant, platform, name or f"{platform}/{instant}")


def scenes_on(days: Sequence[int]) -> tuple[Scene, ...]:
    """One scene a day, in order."""
    return tuple(scene(int(d)) for d in sorted(days))


def joined(*parts: Looks) -> Looks:
    """These looks after one another, without a common mode."""
    return Looks(tuple(s for p in parts for s in p.scenes), np.concatenate([p.values for p in parts]))


def pick(looks: Looks, order: Sequence[int]) -> Looks:
    """Looks at these positions, in any order, repeated or not."""
    common = None if looks.common is None else looks.common[list(order)]
    return Looks(tuple(looks.scenes[i] for i in order), looks.values[list(order)], common)


def stable(days: Sequence[int], pixels: int, seed: int = 0, noise: float = NOISE) -> Looks:
    """Simulated looks at stable forest."""
    rng = np.random.default_rng(seed)
    values = rng.normal(LEVEL, noise, (len(days), pixels)).astype(np.float32)
    return Looks(scenes_on(days), values[:, None])


def begun(detector: Detector, pixels: int, seed: int = 0) -> State:
    """The state after 60 looks at stable forest; the last of them normal, every pixel monitored."""
    history = stable(range(HISTORY_DAY, FIRST_DAY - 20, 33), pixels, seed)
    history.values[-2:] = LEVEL
    return start(detector, history, inside=np.ones(pixels, bool))


@st.composite
def new_looks(draw: st.DrawFn, pixels: int, longest: int = 24, gaps: int = 40) -> Looks:
    """Looks after FIRST_DAY: stretches of forest, loss and cloud, NaN here and there; two may be of one instant."""
    count = draw(st.integers(1, longest))
    steps = draw(st.lists(st.integers(0, gaps), min_size=count, max_size=count))
    seconds = draw(st.lists(st.sampled_from([0, 0, 7_200]), min_size=count, max_size=count))
    found = [scene(FIRST_DAY + day, s) for day, s in zip(np.cumsum(steps).tolist(), seconds, strict=True)]
    apart = sorted({Scene(s.instant, p, f"{p}/{s.instant}") for i, s in enumerate(found) for p in ("abc"[i % 3],)})
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    phase = rng.choice([0.0, -0.05, -0.3, 0.3, np.nan], p=[0.4, 0.1, 0.3, 0.05, 0.15], size=(len(apart), pixels))
    repeat = rng.random((len(apart), pixels)) < 0.7  # what the pixel did at the look before it mostly goes on doing
    for t in range(1, len(apart)):
        phase[t] = np.where(repeat[t], phase[t - 1], phase[t])
    values = LEVEL + phase + rng.normal(0, NOISE, phase.shape)
    return Looks(tuple(apart), values.astype(np.float32)[:, None])


@st.composite
def cuts(draw: st.DrawFn, length: int) -> list[slice]:
    """Any way to cut so many things into pieces that follow on one another."""
    ends = sorted(draw(st.sets(st.integers(1, max(length - 1, 1)), max_size=length)))
    edges = [0, *(e for e in ends if e < length), length]
    return [slice(a, b) for a, b in pairwise(edges)]


@st.composite
def grids(draw: st.DrawFn, largest: int = 24) -> Grid:
    """A small grid anywhere in any zone, its corner on the 60 m lattice."""
    crs = f"EPSG:32{draw(st.sampled_from('67'))}{draw(st.integers(1, 60)):02d}"
    west, north = 60 * draw(st.integers(4_000, 12_000)), 60 * draw(st.integers(10_000, 150_000))
    shape = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return Grid(crs, west, north, draw(st.sampled_from([10, 20, 30])), shape)


@st.composite
def legal_logs(draw: st.DrawFn, shape: tuple[int, int], looks: int = 12, share: float = 0.5) -> NDArray[Any]:
    """A transition log of a grid's pixels as a monitor could write it: every pixel walks legal steps, look by look.

    Looks are 5 to 60 days apart; neighbouring pixels tend to move together, so that patches grow and meet.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = FIRST_DAY + np.cumsum(draw(st.lists(st.integers(5, 60), min_size=looks, max_size=looks)))
    pace = draw(st.floats(0.1, 0.9))
    rows: list[tuple[Any, ...]] = []
    for pixel in np.flatnonzero(rng.random(shape[0] * shape[1]) < share):
        rows += _walk(rng, int(pixel), days, pace)
    log = np.array(rows, LOG) if rows else np.zeros(0, LOG)
    return log[np.lexsort((log["step"], log["pixel"], log["instant"]))]


def _walk(rng: np.random.Generator, pixel: int, days: NDArray[np.int64], pace: float) -> list[tuple[Any, ...]]:
    """The transitions of one pixel: provisional, then confirmed or expired; confirmed, then finished; then anew."""
    rows, phase, onset = [], 0, 0
    after = {0: (Step.PROVISIONAL,), 1: (Step.CONFIRMED, Step.CONFIRMED, Step.EXPIRED), 2: (Step.FINISHED,)}
    last = FIRST_DAY
    for day in days.tolist():
        if rng.random() > pace:
            continue
        step = after[phase][rng.integers(len(after[phase]))]
        if step == Step.PROVISIONAL:
            onset = int(rng.integers(last, day)) if day > last else day
        sigma = float(np.float32(rng.uniform(2, 9)))
        instant = day * SECONDS_A_DAY
        rows.append((instant, pixel, step, onset, onset - 5, int(rng.integers(2, 9)), -sigma / 20, sigma, sigma + 1))
        phase = {Step.PROVISIONAL: 1, Step.CONFIRMED: 2, Step.EXPIRED: 0, Step.FINISHED: 0}[step]
        last = day + 1
    return rows
