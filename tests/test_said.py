"""What a look says by itself is what the fusion monitor adds up: the compiled loop is the reference."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FIRST_DAY, HISTORY_DAY, begun, scene

from detection.errors import BadInput
from detection.history import History
from detection.monitors import Detector, Looks, State, evidence_of, start, update
from detection.monitors.fused_kernel import ANOMALOUS
from detection.monitors.fusion import Fusion
from detection.monitors.machine import FIRST, NONE

PIXELS, CELLS = 40, 3
LEVELS = np.array([[0.7, 0.3, 0.01], [-7.0, -13.0, np.nan]], np.float32)
"""(kind, slot) of a stable forest, SIMULATED: NBR, near infrared and doubt; VV and VH."""
NOISE = np.array([[0.02, 0.01, 0.0], [0.5, 0.5, 0.0]], np.float32)
ALL = Fusion()
MONITORS = (
    ALL,
    Fusion(radar=("vh",)),
    Fusion(optical=("nbr", "doubt"), radar=()),
    Fusion(optical=(), radar=("vh", "vv")),
)
SLOTS = {"nbr": (0, 0), "nir": (0, 1), "doubt": (0, 2), "vv": (1, 0), "vh": (1, 1)}


def narrowed(looks: Looks, fusion: Fusion) -> Looks:
    """The planes of a monitor out of those of ALL, in its order."""
    kinds = [fusion.radar if s.radar else fusion.optical for s in looks.scenes]
    width = max(len(fusion.optical), len(fusion.radar))
    values = np.full((len(kinds), width, looks.values.shape[2]), np.nan, np.float32)
    common = None if looks.common is None else np.zeros((len(kinds), width, CELLS), np.float32)
    for look, names in enumerate(kinds):
        at = [SLOTS[name][1] for name in names]
        values[look, : len(at)] = looks.values[look, at]
        if common is not None:
            common[look, : len(at)] = looks.common[look, at]  # type: ignore[index]
    return Looks(looks.scenes, values, common)


def drawn(seed: int, days: range, orbits: int = 2) -> Looks:
    """Looks at forest, optical and radar by turns; radar from so many orbits, of which a history knows two."""
    rng, radar = np.random.default_rng(seed), np.arange(len(days)) % 2
    light = [scene(day) for day in days[::2]]
    echo = [replace(scene(d, platform="sentinel-1a"), orbit=str(i % orbits)) for i, d in enumerate(days[1::2])]
    values = LEVELS[radar][..., None] + NOISE[radar][..., None] * rng.standard_normal((len(days), 3, PIXELS))
    return Looks(tuple(sorted([*light, *echo])), values.astype(np.float32))


def strange(seed: int) -> Looks:
    """Looks after FIRST_DAY of forest, loss, cloud and absurdities, with common mode."""
    rng, looks = np.random.default_rng(seed), drawn(seed, range(FIRST_DAY, FIRST_DAY + 84, 7), orbits=3)
    away = rng.choice([0, -0.03, -0.3, 0.4, -4, -9, np.nan, 1e9], looks.values.shape, p=[0.3, *[0.1] * 7])
    away[:, 2] = 0
    values = looks.values + away.astype(np.float32)
    optical = np.array([not s.radar for s in looks.scenes])
    values[optical, 2] = rng.choice([0.0, 0.001, 0.2, 0.9, 0.999], (optical.sum(), PIXELS))
    common = rng.choice([0.0, 0.3, 0.5, -0.8, 2.5, -4.0], (len(optical), 3, CELLS))
    return Looks(looks.scenes, values.astype(np.float32), common.astype(np.float32))


@lru_cache
def beginning(fusion: Fusion) -> tuple[Detector, State]:
    detector = Detector(History(years=9, harmonics=1), fusion)
    history = narrowed(drawn(0, range(HISTORY_DAY, FIRST_DAY - 20, 9)), fusion)
    cell = (np.arange(PIXELS) % CELLS).astype(np.int32)
    return detector, start(detector, history, inside=np.arange(PIXELS) > 0, cell=cell)


@settings(max_examples=25, deadline=None)
@given(fusion=st.sampled_from(MONITORS), seed=st.integers(0, 2**32 - 1), calm=st.booleans())
def test_a_lone_look_leaves_what_it_says(fusion: Fusion, seed: int, calm: bool) -> None:
    (detector, begun), looks = beginning(fusion), narrowed(strange(seed), fusion)
    looks = replace(looks, common=None) if calm else looks
    said = evidence_of(detector, begun, looks)
    assert np.nanmin(said.grade) >= -fusion.grade_most
    assert np.nanmin(said.evidence) >= fusion.least
    for look in range(len(looks.scenes)):
        after, _ = update(detector, begun, looks.take(np.arange(len(looks.scenes)) == look))
        evidence, grade = said.evidence[look], said.grade[look]
        low = evidence > ANOMALOUS
        np.testing.assert_array_equal(after.pixels["phase"], np.where(low, FIRST, NONE))
        np.testing.assert_allclose(after.pixels["evidence"], np.where(low, evidence, 0), rtol=1e-6)
        np.testing.assert_allclose(after.pixels["grade"], np.where(low, np.maximum(grade, 0), 0), rtol=1e-6)
        np.testing.assert_array_equal(after.pixels["last_look"] != begun.pixels["last_look"], np.isfinite(evidence))
    assert np.isnan(said.evidence[:, 0]).all(), "a pixel outside the area"


def test_two_looks_add_up_with_what_is_forgotten_and_what_is_near() -> None:
    detector, begun = beginning(ALL)
    looks = drawn(1, range(FIRST_DAY, FIRST_DAY + 6, 2))
    looks.values[:] = (LEVELS - np.array([[0.4, 0, -0.24], [4, 4, 0]], np.float32))[[0, 1, 0]][..., None]
    first, second, third = evidence_of(detector, begun, looks).evidence[:, 1]
    assert first > ANOMALOUS and second > ANOMALOUS
    after, _ = update(detector, begun, looks)
    expected = first
    for more in (second, third):  # 2 of the 8 days that would make them independent: a quarter
        expected = expected * 0.5 ** (2 / 180) + more / 4
    assert after.pixels["evidence"][1] == pytest.approx(expected, rel=1e-5)


def test_doubt_lowers_what_a_look_says() -> None:
    detector, begun = beginning(ALL)
    looks = drawn(2, range(FIRST_DAY, FIRST_DAY + 5))
    looks.values[:, 0] -= 0.4
    looks.values[::2, 2] = np.array([0.003, 0.12, 0.8])[:, None]
    said = evidence_of(detector, begun, looks)
    assert (np.diff(said.evidence[::2, 1:], axis=0) < 0).all()
    np.testing.assert_allclose(said.doubt[::2, 1], [0.003, 0.12, 0.8], rtol=1e-5)
    np.testing.assert_allclose(said.doubt[1::2, 1], detector.monitor.base_radar, rtol=1e-5)  # type: ignore[union-attr]


def test_other_monitors_have_none() -> None:
    detector = Detector()
    with pytest.raises(BadInput, match=r"monitor cusum: .*; take kind: fusion"):
        evidence_of(detector, begun(detector, 2), drawn(0, range(FIRST_DAY, FIRST_DAY + 2)))
