"""One overpass counts once: what overlapping scenes of a pass show of a cell is one look."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.codes import Observation
from detection.errors import BadInput
from detection.prepare.passes import PASS_S, joined, once
from detection.types import Cube, Grid, Planes, Scene

GRID = Grid("EPSG:32719", 360_000, 8_594_040, 30, (3, 4))
START = 1_700_000_000


def cube(scenes, values):
    return Cube.of(GRID, scenes, Planes(("nbr",)), np.asarray(values, np.float32)[:, None])


def scene(seconds, name, platform="landsat-8", orbit="003"):
    return Scene(START + seconds, platform, name, orbit)


def full(level):
    return np.full(GRID.shape, level, np.float32)


def test_the_first_clear_scene_of_a_pass_counts():
    upper, lower = full(0.7), full(0.6)
    upper[2:], lower[0] = np.nan, np.nan
    found = once(cube([scene(0, "a"), scene(24, "b")], [upper, lower]))
    assert np.isfinite(found.values[0]).sum() == 8
    assert np.isfinite(found.values[1]).sum() == 4
    assert (found.observation[1, 1] == Observation.MASKED).all()
    np.testing.assert_array_equal(np.isfinite(found.values[:, 0]).sum(0), 1)


def test_other_platforms_orbits_and_days_are_other_looks():
    scenes = [
        scene(0, "a"), scene(1, "b", "landsat-9"), scene(2, "c", orbit="004"), scene(PASS_S + 1, "d"),
        scene(86_400, "e"), scene(86_400, "f", orbit=""), scene(86_401, "g", orbit=""),
    ]  # fmt: skip
    made = cube(scenes, [full(0.1 * i) for i in range(7)])
    assert once(made).values.tobytes() == made.values.tobytes()


def test_a_look_is_one_in_all_its_planes():
    planes, pair = Planes(("nbr", "ndmi")), [scene(0, "a"), scene(24, "b")]
    values = np.random.default_rng(1).random((2, 2, *GRID.shape)).astype(np.float32)
    values[0, 1, 0, 0] = np.nan
    found = once(Cube.of(GRID, pair, planes, values))
    seen = np.isfinite(found.values)
    assert (seen.sum(0) == 1).all(), "every cell once, in both planes"
    assert seen[1, :, 0, 0].all() and seen[1].sum() == 2, "the second scene where the first lacks a plane"


def test_parts_are_joined_in_canonical_order_whatever_their_order():
    made = cube([scene(i, f"s{i}") for i in range(5)], [full(0.1 * i) for i in range(5)])
    parts = [made.take([]), made.take([1, 4]), made.take([0, 2]), made.take([3])]
    for order in ([0, 1, 2, 3], [0, 3, 2, 1], [1, 0, 3, 2]):
        found = joined([parts[i] for i in order])
        assert found.scenes == made.scenes
        assert found.values.tobytes() == made.values.tobytes()
    assert joined([parts[0]]) is parts[0]
    assert joined([parts[0], parts[0], made]) is made
    with pytest.raises(BadInput, match="canonical order"):
        joined([made, parts[1]])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["003", "004", ""])), min_size=1, max_size=8, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_every_cell_is_seen_at_most_once_a_pass_and_never_lost(times, seed):
    scenes = sorted({scene(seconds, f"s{seconds}{orbit}", orbit=orbit) for seconds, orbit in times})
    values = np.random.default_rng(seed).random((len(scenes), *GRID.shape)).astype(np.float32)
    values[values < 0.4] = np.nan
    made = cube(scenes, values)
    found = once(made)
    kept = np.isfinite(found.values[:, 0])
    assert (found.values[:, 0][kept] == made.values[:, 0][kept]).all()
    assert once(found).values.tobytes() == found.values.tobytes()
    for orbit in ("003", "004"):
        mine = [i for i, s in enumerate(scenes) if s.orbit == orbit]
        if mine and scenes[mine[-1]].instant - scenes[mine[0]].instant <= PASS_S:
            np.testing.assert_array_equal(kept[mine].any(0), np.isfinite(made.values[mine, 0]).any(0))
            assert kept[mine].sum(0).max() <= 1
    loose = [i for i, s in enumerate(scenes) if not s.orbit]
    np.testing.assert_array_equal(kept[loose], np.isfinite(made.values[loose, 0]))
