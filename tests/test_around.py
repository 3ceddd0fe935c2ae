"""What the looks around a change were like: every number by hand, and what must not move any of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import LIGHT, RADAR, looks_of, moments_of, scene

from detection.harmonics import YEAR_DAYS
from detection.monitors import Looks
from detection.types import Planes
from models.around import (
    AFTER_DAYS,
    BEFORE_DAYS,
    FLOOR,
    LATE_DAYS,
    OF_THE_MOMENT,
    OPTICAL,
    STATISTICS,
    around,
    levels,
    names,
    plane,
    widened,
)

QUICK = settings(max_examples=25, deadline=None)
NBR, BOTH = Planes(("nbr",)), Planes(("nbr", "nir"), ("vv", "vh"))
BROKE = 10_000


def told(looks: Looks, row: tuple[int, int, int, int] = (0, BROKE, BROKE - 8, BROKE + 90), planes: Planes = NBR):
    """The features of one cell at one moment, by name."""
    said = around(looks, planes, moments_of(row), planes.optical, planes.radar)
    return dict(zip(names(planes.optical, planes.radar), said[0].tolist(), strict=True))


def series(before: dict[int, float], after: dict[int, float]) -> Looks:
    """Days from the change -> value, of one cell."""
    days = sorted({**before, **after}.items())
    return looks_of([BROKE + day for day, _ in days], [[[value]] for _, value in days])


def close(value: float, abs_: float = 1e-6):
    return pytest.approx(value, abs=abs_)


def test_every_statistic_by_hand() -> None:
    """Before: .5 .6 .7 .8 .9, about .7; after: .1 .2 .4 .3, of which the last three are .2 .4 .3."""
    before = dict(zip((-500, -400, -300, -100, -50), (0.5, 0.6, 0.7, 0.9, 0.8), strict=True))
    said = told(series(before, {0: 0.1, 16: 0.2, 32: 0.4, 48: 0.3}))
    assert said["nbr_level"] == close(0.7)
    spread = (0.1 + 0.036 + 0.1 + 0.036) / 2  # of -.2 -.1 0 .1 .2 the 84th percentile lies at 3.36, the 16th at .64
    assert said["nbr_spread"] == close(spread)
    assert said["nbr_change"] == close(0.25 - 0.7)
    assert said["nbr_last"] == close(0.3 - 0.7)
    restless = (0.3 + 0.52 * 0.1 - (0.1 + 0.48 * 0.1)) / 2  # of .1 .2 .3 .4 at 2.52 and .48
    assert said["nbr_restless"] == close(restless)
    assert said["nbr_ratio"] == close(-0.45 / (spread + FLOOR["optical"]), 1e-5)
    assert said["nbr_lowest"] == close(0.13 - 0.7)
    assert np.isnan(said["nbr_drift"]), "two looks of the last half year are too few"
    assert np.isnan(said["nbr_swing"]), "five looks do not show a year"
    assert (said["optical_after"], said["radar_after"]) == (4, 0)
    assert (said["days"], said["gap"], said["sigma"], said["count"]) == (90, 8, 6.5, 3)
    turn = 2 * np.pi * BROKE / YEAR_DAYS
    assert (said["season_sin"], said["season_cos"]) == (close(np.sin(turn)), close(np.cos(turn)))


def test_drift_is_that_of_the_last_half_year() -> None:
    before = {-LATE_DAYS - 1 - 20 * i: 0.8 for i in range(5)} | {-LATE_DAYS: 0.6, -90: 0.5, -10: 0.4}
    assert told(series(before, {}))["nbr_drift"] == close(0.5 - 0.8)


def test_a_yearly_sine_is_a_swing_and_no_change() -> None:
    days = np.arange(-720, 200, 16)
    wave = 0.6 + 0.2 * np.cos(2 * np.pi * (BROKE + days) / YEAR_DAYS + 1)
    said = told(looks_of((BROKE + days).tolist(), wave[:, None, None]))
    assert said["nbr_swing"] == close(0.2, 2e-3)
    flat = told(looks_of((BROKE + days).tolist(), np.full((len(days), 1, 1), 0.6)))
    assert flat["nbr_swing"] == close(0, 1e-4)


def test_before_is_two_years_and_after_one_at_most() -> None:
    before = {-3: 0.6, -2: 0.6, -BEFORE_DAYS: 0.6}
    row = (0, BROKE, -1, BROKE + AFTER_DAYS + 50)
    said = told(series(before | {-BEFORE_DAYS - 1: 9.0}, {AFTER_DAYS: 0.1, AFTER_DAYS + 1: 9.0}), row)
    assert said["optical_after"] == 1
    assert said["nbr_change"] == close(-0.5)
    assert said["days"] == AFTER_DAYS + 50
    assert np.isnan(said["gap"]), "no look before it is known"


def test_the_day_of_the_change_is_after_it_and_the_day_of_judgement_counts() -> None:
    looks = series({-3: 0.6, -2: 0.6, -1: 0.6}, {0: 0.2, 90: 0.4, 91: 9.0})
    assert told(looks)["nbr_change"] == close(0.3 - 0.6)


def test_below_three_looks_before_nothing_is_said() -> None:
    said = told(series({-20: 0.6, -10: 0.6}, {0: 0.1}))
    assert all(np.isnan(said[f"nbr_{name}"]) for name in STATISTICS)
    assert said["optical_after"] == 0
    said = told(series({-30: 0.6, -20: 0.6, -10: 0.6}, {}))
    assert said["nbr_level"] == close(0.6) and np.isnan(said["nbr_change"])


def test_what_a_detector_does_not_say_is_missing() -> None:
    rows = moments_of((0, BROKE, -1, BROKE))
    rows["count"], rows["sigma"] = -1, np.nan
    said = around(series({-3: 0.1}, {}), NBR, rows, ("nbr",), ())[0]
    assert np.isnan(said[[names(("nbr",), ()).index(n) for n in ("gap", "sigma", "count")]]).all()


def test_orbits_that_differ_by_an_offset_say_the_same_changes() -> None:
    days = list(range(BROKE - 300, BROKE + 60, 12))
    rng = np.random.default_rng(3)
    values = -13 + rng.normal(0, 0.3, len(days)) - 4.0 * (np.array(days) >= BROKE)
    orbits = ["047" if i % 2 else "149" for i in range(len(days))]
    both = np.stack([values, values - 6], 1)
    one = told(looks_of(days, both[:, :, None], RADAR, orbits), planes=Planes((), ("vv", "vh")))
    shifted = both + 3.0 * (np.array(orbits) == "047")[:, None]
    two = told(looks_of(days, shifted[:, :, None], RADAR, orbits), planes=Planes((), ("vv", "vh")))
    for name in set(STATISTICS) - {"level"}:
        assert two[f"vv_{name}"] == pytest.approx(one[f"vv_{name}"], abs=1e-4, nan_ok=True), name
    assert two["vv_level"] == pytest.approx(
        one["vv_level"] + 3.0 * np.mean([o == "047" for o in orbits[:25]]), abs=1e-4
    )
    assert one["vv_change"] == close(-4, 0.5)
    assert one["vv_ratio"] == pytest.approx(one["vv_change"] / (one["vv_spread"] + FLOOR["radar"]), rel=1e-5)


def test_planes_are_made_of_others_where_they_are_not_there() -> None:
    rng = np.random.default_rng(0)
    nir, swir = rng.uniform(0.1, 0.5, (2, 3, 4)).astype(np.float32)
    nbr = plane("nbr", {"nir": nir, "swir2": swir})
    np.testing.assert_allclose(nbr, (nir - swir) / (nir + swir), rtol=1e-6)
    np.testing.assert_allclose(plane("swir2", {"nir": nir, "nbr": nbr}), swir, rtol=1e-4)
    np.testing.assert_allclose(plane("cross_ratio", {"vv": nir, "vh": swir}), swir - nir, rtol=1e-5)
    np.testing.assert_allclose(plane("mndwi", {"green": nir, "swir1": swir}), (nir - swir) / (nir + swir), rtol=1e-6)
    assert plane("ndmi", {"nir": nir}) is plane("red", {"nir": nir}) is None
    assert plane("nbr", {"nbr": swir, "nir": nir, "swir2": nir}) is not None
    np.testing.assert_array_equal(plane("nbr", {"nbr": swir, "nir": nir, "swir2": nir}), swir)


def test_planes_that_are_not_there_leave_their_columns_missing_and_the_others_alone() -> None:
    looks = series({-30: 0.6, -20: 0.5, -10: 0.6}, {0: 0.1})
    rows = moments_of((0, BROKE, BROKE - 8, BROKE + 90))
    said = dict(zip(names(("nbr", "red"), ("vv",)), around(looks, NBR, rows, ("nbr", "red"), ("vv",))[0], strict=True))
    assert all(np.isnan(said[f"{p}_{s}"]) for p in ("red", "vv") for s in STATISTICS)
    alone = told(looks)
    np.testing.assert_array_equal([said[name] for name in alone], list(alone.values()))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_names_are_those_of_the_columns(rows: int) -> None:
    looks = series({-30: 0.6, -20: 0.5, -10: 0.6}, {0: 0.1})
    moments = np.repeat(moments_of((0, BROKE, BROKE - 8, BROKE + 90)), rows)
    for optical, radar in itertools.product(((), ("nbr",), OPTICAL), ((), ("vv", "vh"))):
        columns = names(optical, radar)
        said = around(looks, NBR, moments, optical, radar)
        assert said.shape == (rows, len(columns)) and said.dtype == np.float32
        assert len(set(columns)) == len(columns) == (len(optical) + len(radar)) * len(STATISTICS) + len(OF_THE_MOMENT)


# what must not move them


def world(seed: int, many: int = 70, cells: int = 4) -> Looks:
    """Looks of both kinds and of two orbits, gaps among them, with a loss."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(BROKE - 800, BROKE + 500, many))
    made = {
        scene(int(d), RADAR, ("047", "149")[int(rng.integers(2))], int(rng.integers(24)))
        if rng.random() < 0.4
        else scene(int(d), LIGHT, "", int(rng.integers(24)))
        for d in days
    }
    scenes = tuple(sorted(made))
    values = rng.normal(0.6, 0.1, (len(scenes), 2, cells)).astype(np.float32)
    values -= 0.4 * (np.array([s.day for s in scenes]) >= BROKE)[:, None, None]
    values[rng.random(values.shape) < 0.2] = np.nan
    return Looks(scenes, values)


def rows_of(seed: int, cells: int = 4):
    """Several moments a cell."""
    rng = np.random.default_rng(seed)
    broke = rng.integers(BROKE - 100, BROKE + 100, 12)
    decided = broke + rng.integers(0, 400, 12)
    return moments_of(*((int(i % cells), int(b), int(b) - 5, int(d)) for i, (b, d) in enumerate(zip(broke, decided))))  # noqa: B905


@QUICK
@given(st.integers(0, 2**31))
def test_no_look_after_the_day_of_judgement_is_read(seed: int) -> None:
    looks, rows = world(seed), rows_of(seed)
    days, rng = np.array([s.day for s in looks.scenes]), np.random.default_rng(seed)
    whole = around(looks, BOTH, rows, ("nbr", "nir"), ("vv", "vh"))
    for one, said in zip(rows, whole, strict=True):
        late = days > one["decided"]
        other = looks.values.copy()
        other[late] = rng.normal(0, 9, other[late].shape)
        for changed in (looks.take(~late), Looks(looks.scenes, other)):
            again = around(changed, BOTH, rows[[rows.tolist().index(one.tolist())]], ("nbr", "nir"), ("vv", "vh"))
            np.testing.assert_array_equal(again[0], said)


@QUICK
@given(st.integers(0, 2**31))
def test_neither_order_nor_neighbours_nor_a_look_that_saw_nothing_moves_a_row(seed: int) -> None:
    looks, rows, rng = world(seed), rows_of(seed), np.random.default_rng(seed)
    said = around(looks, BOTH, rows, ("nbr", "nir"), ("vv", "vh"))
    order = rng.permutation(len(rows))
    np.testing.assert_array_equal(around(looks, BOTH, rows[order], ("nbr", "nir"), ("vv", "vh")), said[order])
    mine = rows["pixel"] == 2
    alone = rows[mine].copy()
    alone["pixel"] = 0
    looks_alone = Looks(looks.scenes, looks.values[..., 2:3])
    np.testing.assert_array_equal(around(looks_alone, BOTH, alone, ("nbr", "nir"), ("vv", "vh")), said[mine])
    for extra in (
        scene(int(rng.integers(BROKE - 800, BROKE + 400)), p, o, 23) for p, o in ((LIGHT, ""), (RADAR, "001"))
    ):
        at = sum(s < extra for s in looks.scenes)
        scenes = (*looks.scenes[:at], extra, *looks.scenes[at:])
        more = Looks(scenes, np.insert(looks.values, at, np.nan, 0))
        np.testing.assert_array_equal(around(more, BOTH, rows, ("nbr", "nir"), ("vv", "vh")), said)


@QUICK
@given(st.integers(0, 2**31), st.integers(BROKE - 900, BROKE + 600))
def test_levels_are_medians_of_what_was_seen_before_a_day(seed: int, until: int) -> None:
    looks = world(seed)
    past = [i for i, s in enumerate(looks.scenes) if not s.radar and s.day < until]
    for slot, name in enumerate(("nbr", "nir")):
        expected = np.full(4, np.nan, np.float32)
        for cell in range(4):
            seen = looks.values[past, slot, cell]
            if np.isfinite(seen).any():
                expected[cell] = np.median(seen[np.isfinite(seen)])
        np.testing.assert_array_equal(levels(looks, BOTH, name, until), expected)
    assert np.isnan(levels(looks, BOTH, "vv", until)).all(), "a plane of radar"


def test_planes_are_widened_by_what_can_neither_be_found_nor_made() -> None:
    told = Planes(("nbr", "swir2", "mndwi", "red", "doubt"), ("vv", "cross_ratio"))
    there = Planes(("nbr", "nir", "doubt"), ("vv", "vh"))
    assert widened(there, told) == Planes(("nbr", "nir", "doubt", "mndwi", "red"), ("vv", "vh"))
    assert widened(there, told, lambda name: name == "red").optical == ("nbr", "nir", "doubt", "red")
    assert widened(Planes((), ("vv",)), told) == Planes((), ("vv",)), "no optical looks, no optical planes"
