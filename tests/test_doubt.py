"""The plane `doubt`: the odds it was chosen for, what raises it, and that a tile with its halo sees what the whole sees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import convolve2d
from strategies import scenes_on

from detection.codes import Observation
from detection.prepare import Prepare, prepare, reach_m
from detection.prepare.doubt import CLEAN, MOST, doubt
from detection.sources.sensors import SENSORS, Sensor
from detection.types import Grid, Planes, Raw

LANDSAT, GENERIC = SENSORS["landsat-c2l2"], SENSORS["generic"]
CLEAR, CLOUD, FILL = 1 << 6, 1 << 3, 1
PLANES = Planes(("nbr", "doubt"))
RED = 0.03


def landsat(haze: float, shape: tuple[int, int] = (11, 11), clouds: NDArray[np.bool_] | None = None) -> Raw:
    """One look of uniform reflectance and so much haze; resolution 30 m."""
    bands = ("blue", "red", "nir", "swir2", "qa")
    values = np.empty((1, 5, *shape), np.uint16)
    for band, level in enumerate((haze + RED / 2, RED, 0.3, 0.1)):
        values[0, band] = round((level + 0.2) / 0.0000275)
    values[0, 4] = CLEAR if clouds is None else np.where(clouds, CLEAR | CLOUD, CLEAR)
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    return Raw(grid, scenes_on([18_000]), bands, values, np.zeros((1, *shape), np.uint8))


def found(raw: Raw, rules: Prepare | None = None, sensor: Sensor = LANDSAT) -> NDArray[np.float32]:
    return prepare(raw, rules or Prepare(mask_buffer_m=0), sensor, PLANES).plane("doubt")[0]


@pytest.mark.parametrize(("more", "odds"), [(0.0, 0.01), (0.03, 0.3), (0.06, 0.9)])
def test_the_odds_it_was_chosen_for(more: float, odds: float) -> None:
    seen = found(landsat(CLEAN + more))
    assert (np.vectorize(lambda v: float(f"{v:.1g}"))(seen) == odds).all(), seen[0, 0]


def test_half_the_surroundings_under_cloud() -> None:
    near = np.zeros((11, 11), bool)
    near[:, 6:] = True
    near[:5, 5] = True  # all but the middle: of the 81 cells within 150 m 40 lie on each side of it
    seen = found(landsat(CLEAN, clouds=near))
    assert float(f"{seen[5, 5]:.1g}") == 0.1
    assert seen[5, 5] > seen[5, 2] > seen[5, 0] == found(landsat(CLEAN))[0, 0], "the nearer the more, nothing from afar"
    assert np.isnan(seen[near]).all()


def test_bare_soil_is_no_haze_and_nothing_is_certain() -> None:
    assert found(landsat(-0.01))[0, 0] == found(landsat(-0.001))[0, 0] < found(landsat(CLEAN))[0, 0]
    assert found(landsat(0.5))[0, 0] == np.float32(MOST)


def test_without_blue_or_red_it_is_the_base_rate_and_the_look_still_counts() -> None:
    base = found(landsat(CLEAN))[0, 0]
    for band in (0, 1):
        raw = landsat(0.06)
        raw.values[0, band, 4, 4] = 0  # nodata
        cube = prepare(raw, Prepare(), LANDSAT, PLANES)
        assert (cube.observation == Observation.OBSERVED).all()
        assert cube.plane("doubt")[0, 4, 4] == pytest.approx(base, rel=1e-3)
    for lost in (np.nan, np.inf, -np.inf):
        raw = landsat(CLEAN)
        numbers = np.array([0.02, 0.03, 0.3, 0.1], np.float32)[:, None, None] + np.zeros((4, 11, 11), np.float32)
        numbers[0, 2, 3] = lost
        plain = Raw(raw.grid, raw.scenes, raw.bands[:4], numbers[None], raw.observation)
        assert found(plain, sensor=GENERIC)[2, 3] == pytest.approx(base, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 1.5, 2.0, 5.0, 7.5]), st.floats(0, 1))
def test_near_is_the_share_of_a_disk_by_brute_force(seed: int, cells: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    acquired = rng.random((2, 13, 17)) < 0.9
    cloud = (rng.random(acquired.shape) < share) & acquired
    level = np.full(acquired.shape, CLEAN, np.float32)
    made = doubt(level, level * 0, cloud, acquired, acquired, cells)
    reach = int(cells)
    disk = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= cells
    for look in range(2):
        many = convolve2d(acquired[look].astype(int), disk.astype(int), "same")
        near = convolve2d(cloud[look].astype(int), disk.astype(int), "same") / np.maximum(many, 1)
        expected = 1 / (1 + np.exp(-(-5.4 + 115 * np.float64(np.float32(CLEAN)) + 4.6 * near)))
        np.testing.assert_allclose(made[look][acquired[look]], expected[acquired[look]], rtol=1e-5)
        assert np.isnan(made[look][~acquired[look]]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 45.0, 150.0]), st.integers(0, 6), st.integers(0, 6))
def test_a_tile_with_its_halo_is_the_crop_of_the_whole(seed: int, doubt_m: float, row: int, column: int) -> None:
    rng = np.random.default_rng(seed)
    raw = landsat(CLEAN, (24, 26), rng.random((24, 26)) < 0.1)
    raw.values[0, :4] += rng.integers(0, 1_500, (4, 24, 26)).astype(np.uint16)
    raw.values[0, 4][rng.random((24, 26)) < 0.05] = FILL
    raw.observation[:] = rng.choice([0, 0, 0, 2], (1, 24, 26))
    rules = Prepare(doubt_m=doubt_m, mask_buffer_m=30)
    halo = int(np.ceil(reach_m(rules, PLANES.names) / 30))
    padded = raw.grid.window(row, column, 6 + 2 * halo, 7 + 2 * halo)
    inner = np.s_[..., row : row + padded.shape[0], column : column + padded.shape[1]]
    cut = Raw(padded, raw.scenes, raw.bands, raw.values[inner], raw.observation[inner])
    tile = raw.grid.window(row + halo, column + halo, 6, 7)
    part, whole = (prepare(r, rules, LANDSAT, PLANES).crop(tile) for r in (cut, raw))
    assert part.values.tobytes() == whole.values.tobytes()
    np.testing.assert_array_equal(part.observation, whole.observation)


def test_cloud_counts_as_the_quality_band_has_it_not_as_widened() -> None:
    one = np.zeros((11, 11), bool)
    one[5, 5] = True
    narrow, wide = (found(landsat(CLEAN, clouds=one), Prepare(mask_buffer_m=m)) for m in (0, 60))
    assert narrow[5, 9] == wide[5, 9] > narrow[0, 0]
    dilated = landsat(CLEAN)
    dilated.values[0, 4, 5, 5] = CLEAR | 1 << 1
    np.testing.assert_array_equal(found(dilated), narrow)
    fill = landsat(CLEAN)
    fill.values[0, 4, 5, 5] = FILL
    assert found(fill)[5, 4] == found(landsat(CLEAN))[5, 4], "fill is no cloud"
    outside = landsat(CLEAN, clouds=one)
    outside = replace(outside, observation=np.where(one, Observation.OUTSIDE, 0)[None].astype(np.uint8))
    assert found(outside)[5, 4] == found(landsat(CLEAN))[5, 4], "what was not acquired is no cloud"
