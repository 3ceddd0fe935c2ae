"""Linear power and dB, what does not count, means without holes, and a filter over time that cannot see the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import scenes_on

from detection.codes import Observation
from detection.prepare import Prepare, prepare, reach_m
from detection.prepare.radar import (
    border_noise,
    filtered,
    outside_angles,
    spatial_mean,
    square_cells,
    to_db,
    to_power,
)
from detection.sources.sensors import SENSORS, Sensor
from detection.types import Float, Grid, Raw

QUICK = settings(max_examples=40, deadline=None)
GRD, RTC = SENSORS["sentinel-1-grd"], SENSORS["sentinel-1-rtc"]
ENL = 4.4


def speckled(seed: int, shape: tuple[int, ...], holes: float = 0.0, level: float = 0.05) -> Float:
    """Simulated power: gamma speckle of Sentinel-1's equivalent number of looks, with cells that were not seen."""
    rng = np.random.default_rng(seed)
    power = (level * rng.gamma(ENL, 1 / ENL, shape)).astype(np.float32)
    power[rng.random(shape) < holes] = np.nan
    return power


def radar(power: Float, sensor: Sensor = RTC, **more: NDArray[np.float32]) -> Raw:
    """(band vv vh, y, x) linear power as one look of a sensor, and further bands."""
    numbers = to_db(power) if sensor is GRD else power
    values = np.concatenate([numbers, *(layer[None] for layer in more.values())])[None].astype(np.float32)
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 10, power.shape[1:])
    return Raw(grid, scenes_on([18_000]), ("vv", "vh", *more), values, np.zeros((1, *power.shape[1:]), np.uint8))


def test_decibels_by_hand() -> None:
    np.testing.assert_allclose(
        to_db(np.array([1, 10, 0.05, 0, -1, np.nan], np.float32)), [0, 10, -13.0103, *[np.nan] * 3]
    )
    np.testing.assert_allclose(
        to_power(np.array([0, 10, -13.0103, np.nan], np.float32)), [1, 10, 0.05, np.nan], rtol=1e-6
    )


@QUICK
@given(st.floats(-60, 40, width=32))
def test_decibels_there_and_back(db: float) -> None:
    found = to_db(to_power(np.array([db], np.float32)))
    assert found.dtype == np.float32
    assert abs(found[0] - db) < 1e-4


def test_what_does_not_count() -> None:
    power = to_power(np.array([-30.1, -29.9, 0, np.nan], np.float32))
    assert border_noise(power, -30).tolist() == [True, False, False, False]
    angle = np.array([29.9, 30, 37, 45, 45.1, np.nan], np.float32)
    assert outside_angles(angle, 30, 45).tolist() == [True, False, False, False, True, True]


@pytest.mark.parametrize(
    ("side", "resolution", "cells"),
    [(0, 10, 1), (10, 10, 1), (29.9, 10, 1), (30, 10, 3), (49, 10, 3), (70, 10, 7), (89, 30, 1), (90, 30, 3)],
)
def test_the_widest_square_with_a_middle(side: float, resolution: int, cells: int) -> None:
    assert square_cells(side, resolution) == cells


@QUICK
@given(st.integers(0, 10_000), st.sampled_from([1, 3, 5, 7]), st.floats(0, 0.9))
def test_the_mean_by_brute_force(seed: int, cells: int, holes: float) -> None:
    power, half = speckled(seed, (2, 8, 9), holes), cells // 2
    found = spatial_mean(power, cells)
    for t, y, x in np.ndindex(power.shape):
        around = power[t, max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1].astype(np.float64)
        expected = np.nanmean(around) if np.isfinite(power[t, y, x]) else np.nan
        np.testing.assert_allclose(found[t, y, x], expected, rtol=1e-6)


def test_the_mean_is_taken_in_linear_power() -> None:
    power = np.full((2, 5, 5), 0.01, np.float32)
    power[:, 2, 2] = 1.0
    for sensor in (RTC, GRD):
        found = prepare(radar(power, sensor), Prepare(index="vh", speckle_m=30), sensor).values[0, 0, 2, 2]
        assert abs(found - 10 * np.log10((8 * 0.01 + 1) / 9)) < 1e-4


@settings(QUICK, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 30.0, 70.0]), st.integers(0, 6), st.integers(0, 6))
def test_a_tile_with_its_halo_is_the_crop_of_the_whole(seed: int, side: float, row: int, column: int) -> None:
    power = speckled(seed, (2, 20, 22), 0.1)
    power[0, 3:5, 7:9] = 1e-4  # border noise
    raw, rules = radar(power), Prepare(index="cross_ratio", speckle_m=side, mask_buffer_m=0)
    halo = int(np.ceil(reach_m(rules) / 10))
    padded = raw.grid.window(row, column, 6 + 2 * halo, 7 + 2 * halo)
    inner = np.s_[..., row : row + padded.shape[0], column : column + padded.shape[1]]
    cut = Raw(padded, raw.scenes, raw.bands, raw.values[inner], raw.observation[inner])
    tile = raw.grid.window(row + halo, column + halo, 6, 7)
    found, expected = prepare(cut, rules, RTC).crop(tile), prepare(raw, rules, RTC).crop(tile)
    np.testing.assert_array_equal(found.values, expected.values)


@QUICK
@given(st.integers(0, 10_000), st.integers(1, 11), st.integers(1, 5), st.floats(0, 0.4))
def test_later_looks_cannot_change_earlier_answers(seed: int, cut: int, looks: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    orbits = [str(o) for o in rng.integers(0, 3, 12)]
    power = speckled(seed, (12, 6, 6), holes)
    whole = filtered(power, orbits, 3, looks)
    np.testing.assert_array_equal(filtered(power[:cut], orbits[:cut], 3, looks), whole[:cut])
    changed = power.copy()
    changed[cut:] = speckled(seed + 1, (12 - cut, 6, 6), 0.5, level=5)
    np.testing.assert_array_equal(filtered(changed, orbits, 3, looks)[:cut], whole[:cut])


@QUICK
@given(st.integers(0, 10_000), st.integers(1, 5), st.floats(0, 0.4))
def test_the_filter_by_brute_force(seed: int, looks: int, holes: float) -> None:
    orbits = [str(o) for o in np.random.default_rng(seed).integers(0, 2, 9)]
    power = speckled(seed, (9, 4, 5), holes)
    level = spatial_mean(power, 3).astype(np.float64)
    expected = np.full(power.shape, np.nan)
    for k, y, x in np.ndindex(power.shape):
        mine = [i for i in range(k + 1) if orbits[i] == orbits[k]][-looks:]
        ratios = [power[i, y, x] / level[i, y, x] for i in mine if np.isfinite(power[i, y, x])]
        if np.isfinite(power[k, y, x]):
            expected[k, y, x] = level[k, y, x] * np.mean(ratios)
    np.testing.assert_allclose(filtered(power, orbits, 3, looks), expected, rtol=1e-5)


def test_the_filter_takes_simulated_speckle_off_and_keeps_the_level() -> None:
    power = speckled(0, (15, 60, 60))
    last = filtered(power, ["54"] * 15)[-1, 5:-5, 5:-5].astype(np.float64)
    looks = last.mean() ** 2 / last.var()
    assert abs(10 * np.log10(last.mean() / 0.05)) < 0.05
    assert 40 < looks < 66  # 4.4 before; 15 looks of it are 66


def test_another_orbit_leaves_a_series_alone() -> None:
    power = speckled(3, (8, 5, 5))
    both = filtered(power, ["54", "127"] * 4, 3)
    np.testing.assert_array_equal(both[::2], filtered(power[::2], ["54"] * 4, 3))


@pytest.mark.parametrize("index", ["vv", "vh", "cross_ratio", "rvi"])
def test_both_products_of_one_ground_agree(index: str) -> None:
    power = np.stack([speckled(1, (6, 7), level=0.2), speckled(2, (6, 7), level=0.05)])
    rules = Prepare(index=index, speckle_m=30)
    linear, decibel = prepare(radar(power), rules, RTC), prepare(radar(power, GRD), rules, GRD)
    assert (linear.observation == Observation.OBSERVED).all()
    np.testing.assert_allclose(linear.values, decibel.values, atol=2e-4)


def test_radar_indices_by_hand() -> None:
    power = np.stack([np.full((2, 2), 0.2), np.full((2, 2), 0.05)]).astype(np.float32)
    for index, expected in {"vv": -6.9897, "vh": -13.0103, "cross_ratio": -6.0206, "rvi": 0.8}.items():
        np.testing.assert_allclose(prepare(radar(power), Prepare(index=index), RTC).values, expected, atol=1e-4)


def test_border_noise_and_fill_are_masked_and_enter_no_mean() -> None:
    for fill in (1e-4, 0.0, -32768.0, np.nan, 1e9):
        power = np.full((2, 5, 5), 0.05, np.float32)
        power[1, 2, 2] = fill
        cube = prepare(radar(power), Prepare(index="vh", speckle_m=30), RTC)
        assert (cube.observation[0].ravel() == Observation.MASKED).nonzero()[0].tolist() == [12]
        np.testing.assert_allclose(np.delete(cube.values[0].ravel(), 12), -13.0103, atol=1e-4)
    power[1, 2, 2] = 1e-4  # -40 dB
    assert (prepare(radar(power), Prepare(index="vh", border_noise_db=-45), RTC).observation == 0).all()


def test_fill_in_decibels_is_masked() -> None:
    raw = radar(np.full((2, 3, 3), 0.05, np.float32), GRD)
    raw.values[0, 1, 1, 1] = -9999
    cube = prepare(raw, Prepare(index="vh", speckle_m=30), GRD)
    assert (cube.observation[0].ravel() == Observation.MASKED).nonzero()[0].tolist() == [4]
    np.testing.assert_allclose(np.delete(cube.values[0].ravel(), 4), -13.0103, atol=1e-4)


def test_the_incidence_angle_where_it_was_read() -> None:
    angle = np.array([[29.0, 30.0, 40.0], [45.0, 46.0, np.nan]], np.float32)
    power = np.full((2, 2, 3), 0.05, np.float32)
    cube = prepare(radar(power, GRD, angle=angle), Prepare(index="vh"), GRD)
    assert (cube.observation[0] == Observation.MASKED).tolist() == [[True, False, False], [False, True, True]]
    wide = prepare(radar(power, GRD, angle=angle), Prepare(index="vh", angle_min_deg=20, angle_max_deg=50), GRD)
    assert (wide.observation[0] == Observation.MASKED).sum() == 1


def test_statuses_of_radar_stay_apart_and_enter_no_mean() -> None:
    power = np.full((2, 3, 3), 0.05, np.float32)
    power[:, 0, 0] = 5
    raw = radar(power)
    raw.observation[0, 0, 0] = Observation.FAILED
    cube = prepare(raw, Prepare(index="vv", speckle_m=30), RTC)
    assert cube.observation[0, 0, 0] == Observation.FAILED
    np.testing.assert_allclose(cube.values[0, 0, 1, 1], -13.0103, atol=1e-4)


def test_how_far_a_cell_sees() -> None:
    assert reach_m(Prepare()) == 60
    assert reach_m(Prepare(speckle_m=150)) == 75
    assert reach_m(Prepare(), ("nbr", "vv")) == 60 and reach_m(Prepare(), ("nbr", "doubt")) == 150
    assert reach_m(Prepare(mask_buffer_m=0, speckle_m=0)) == 0
