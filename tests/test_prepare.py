"""From raw numbers to an index: hand values, every mask, the rim around cloud, and statuses that stay apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import scenes_on

from detection.codes import Observation
from detection.errors import UnknownBand
from detection.prepare import Prepare, bands_needed, prepare
from detection.prepare.indices import INDICES, normalised_difference
from detection.prepare.masks import flagged, widen
from detection.sources.sensors import SENSORS
from detection.types import Grid, Raw

QUICK = settings(max_examples=40, deadline=None)
LANDSAT, GENERIC = SENSORS["landsat-c2l2"], SENSORS["generic"]
CLEAR = 1 << 6


def landsat(nir: float, swir2: float, qa: int = CLEAR, shape: tuple[int, int] = (3, 3)) -> Raw:
    """One Landsat look of uniform reflectance."""
    numbers = [round((value + 0.2) / 0.0000275) for value in (nir, swir2)]
    values = np.empty((1, 3, *shape), np.uint16)
    values[0] = np.array([*numbers, qa])[:, None, None]
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    return Raw(grid, scenes_on([18_000]), ("nir", "swir2", "qa"), values, np.zeros((1, *shape), np.uint8))


def generic(values: NDArray[np.generic], band: str = "value") -> Raw:
    """One look of one band."""
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, values.shape)
    return Raw(grid, scenes_on([18_000]), (band,), values[None, None], np.zeros((1, *values.shape), np.uint8))


@pytest.mark.parametrize(
    ("name", "bands"), [("nbr", ("nir", "swir2")), ("ndmi", ("nir", "swir1")), ("ndvi", ("nir", "red"))]
)
def test_indices_by_hand(name: str, bands: tuple[str, ...]) -> None:
    index = INDICES[name]
    assert index.bands == bands
    found = index.compute(np.array([0.4, 0.1, 0.2], np.float32), np.array([0.1, 0.4, 0.2], np.float32))
    np.testing.assert_allclose(found, [0.6, -0.6, 0.0], atol=1e-6)
    assert found.dtype == np.float32


def test_a_division_by_nothing_is_not_a_number() -> None:
    a = np.array([0, 0.1, -0.3, np.nan, 3e38, np.inf], np.float32)
    b = np.array([0, -0.1, 0.1, 0.1, 3e38, -np.inf], np.float32)
    found = normalised_difference(a, b)
    assert np.isnan(found[[0, 1, 2, 3, 5]]).all()
    assert not np.isfinite(found[4]) or abs(found[4]) <= 1


def test_scale_and_index_of_landsat() -> None:
    cube = prepare(landsat(0.3, 0.1), Prepare(), LANDSAT)
    np.testing.assert_allclose(cube.values, 0.5, atol=2e-4)
    assert (cube.observation == Observation.OBSERVED).all()
    assert cube.index == "nbr"
    assert cube.values.dtype == np.float32


@pytest.mark.parametrize(
    ("qa", "masked"),
    [(CLEAR, False), (CLEAR | 1 << 7, False), *[(CLEAR | 1 << bit, True) for bit in range(6)], (CLEAR | 1 << 9, False)],
)
def test_quality_bits(qa: int, masked: bool) -> None:
    cube = prepare(landsat(0.3, 0.1, qa), Prepare(), LANDSAT)
    assert (cube.observation == (Observation.MASKED if masked else Observation.OBSERVED)).all()
    assert np.isnan(cube.values).all() == masked


@QUICK
@given(st.integers(0, 2**16 - 1), st.sets(st.integers(0, 15)))
def test_a_flag_is_any_of_its_bits(quality: int, bits: set[int]) -> None:
    expected = any(f"{quality:016b}"[::-1][bit] == "1" for bit in bits)
    assert flagged(np.array([quality], np.uint16), tuple(bits))[0] == expected


@QUICK
@given(st.integers(0, 10_000), st.floats(0, 5), st.floats(0, 0.3))
def test_widening_is_a_disk_by_brute_force(seed: int, cells: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((2, 9, 11)) < share
    rows, columns = np.mgrid[:9, :11]
    expected = mask.copy()
    for look, row, column in np.argwhere(mask):
        expected[look] |= np.hypot(rows - row, columns - column) <= cells
    np.testing.assert_array_equal(widen(mask, cells), expected)


def test_cloud_is_widened_in_metres_and_fill_is_not() -> None:
    for bit, reach in ((3, 2), (4, 2), (0, 0)):
        raw = landsat(0.3, 0.1, shape=(9, 9))
        raw.values[0, 2, 4, 4] |= 1 << bit
        seen = prepare(raw, Prepare(mask_buffer_m=60), LANDSAT).observation[0]
        rows, columns = np.mgrid[:9, :9]
        np.testing.assert_array_equal(seen == Observation.MASKED, np.hypot(rows - 4, columns - 4) <= reach)


def test_the_quality_of_what_was_not_acquired_masks_no_neighbour() -> None:
    raw = landsat(0.3, 0.1, shape=(5, 5))
    raw.values[0, 2, 2, 2] |= 1 << 3
    raw.observation[0, 2, 2] = Observation.OUTSIDE
    seen = prepare(raw, Prepare(), LANDSAT).observation[0]
    assert seen[2, 2] == Observation.OUTSIDE
    assert (np.delete(seen.ravel(), 12) == Observation.OBSERVED).all()


@settings(QUICK, max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 30.0, 60.0, 95.0]), st.integers(0, 6), st.integers(0, 6))
def test_a_tile_with_its_halo_is_the_crop_of_the_whole(seed: int, buffer_m: float, row: int, column: int) -> None:
    rng = np.random.default_rng(seed)
    raw = landsat(0.3, 0.1, shape=(20, 22))
    raw.values[0, 0] = rng.integers(5_000, 40_000, (20, 22))
    raw.values[0, 2] = np.where(rng.random((20, 22)) < 0.08, CLEAR | 8, CLEAR)
    raw.observation[:] = rng.choice([0, 0, 0, 2, 3], (1, 20, 22))
    rules, halo = Prepare(mask_buffer_m=buffer_m), 4
    whole = prepare(raw, rules, LANDSAT)
    padded = raw.grid.window(row, column, 6 + 2 * halo, 7 + 2 * halo)
    inner = np.s_[..., row : row + padded.shape[0], column : column + padded.shape[1]]
    cut = Raw(padded, raw.scenes, raw.bands, raw.values[inner], raw.observation[inner])
    tile = raw.grid.window(row + halo, column + halo, 6, 7)
    found, expected = prepare(cut, rules, LANDSAT).crop(tile), whole.crop(tile)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.observation, expected.observation)


@pytest.mark.parametrize(
    ("number", "observed"), [(7_272, False), (7_273, True), (43_636, True), (43_637, False), (0, False)]
)
def test_the_valid_range_of_stored_numbers(number: int, observed: bool) -> None:
    raw = landsat(0.3, 0.1)
    raw.values[0, 1] = number
    cube = prepare(raw, Prepare(valid_min=-2, valid_max=2), LANDSAT)
    assert (cube.observation == (Observation.OBSERVED if observed else Observation.MASKED)).all()


def test_the_valid_range_of_the_index_both_ends_included() -> None:
    values = np.array([[-0.51, -0.5, 0, 0.9, 0.91, np.nan, np.inf, -np.inf]], np.float32)
    cube = prepare(generic(values), Prepare(index="value", valid_min=-0.5, valid_max=np.float32(0.9).item()), GENERIC)
    assert (cube.observation[0, 0] == Observation.OBSERVED).tolist() == [False, True, True, True, *[False] * 4]


@pytest.mark.parametrize("limit", [np.inf, 3e38])
def test_what_is_not_finite_is_never_observed(limit: float) -> None:
    values = np.array([[np.inf, -np.inf, np.nan, 1e300, 5.0]], np.float64)
    cube = prepare(generic(values), Prepare(index="value", valid_min=-limit, valid_max=limit), GENERIC)
    assert (cube.observation[0, 0] == Observation.OBSERVED).tolist() == [False] * 4 + [True]
    assert (np.isfinite(cube.values) == (cube.observation == Observation.OBSERVED)).all()


def test_the_largest_number_there_is_as_fill_raises_no_warning() -> None:
    numbers = np.full((1, 2, 2, 2), np.finfo(np.float32).min, np.float32)
    numbers[0, :, 0, 0] = 0.4, 0.1
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (2, 2))
    raw = Raw(grid, scenes_on([18_000]), ("nir", "swir2"), numbers, np.zeros((1, 2, 2), np.uint8))
    cube = prepare(raw, Prepare(), GENERIC)
    assert (cube.observation.ravel() == Observation.OBSERVED).tolist() == [True, False, False, False]


@pytest.mark.parametrize("status", [Observation.MASKED, Observation.OUTSIDE, Observation.MISSING, Observation.FAILED])
def test_statuses_stay_apart_to_the_end(status: Observation) -> None:
    for qa in (CLEAR, CLEAR | 8):
        raw = landsat(0.3, 0.1, qa)
        raw.observation[0, 1, 1] = status
        cube = prepare(raw, Prepare(), LANDSAT)
        assert cube.observation[0, 1, 1] == status
        assert np.isnan(cube.values[0, 1, 1])
        assert (raw.observation[0].ravel() == status).sum() == 1  # the input is left alone


def test_the_bands_that_are_read() -> None:
    assert bands_needed(Prepare(), LANDSAT) == ("nir", "swir2", "qa")
    assert bands_needed(Prepare(index="red"), LANDSAT) == ("red", "qa")
    assert bands_needed(Prepare(index="anything"), GENERIC) == ("anything",)


@pytest.mark.parametrize(
    ("index", "hint"), [("nbrr", "did you mean `nbr`"), ("swir", "did you mean `swir"), ("zzz", "")]
)
def test_an_unknown_index_is_one_clear_line(index: str, hint: str) -> None:
    with pytest.raises(UnknownBand, match="neither an index nor a band of landsat-c2l2") as found:
        bands_needed(Prepare(index=index), LANDSAT)
    assert hint in str(found.value)
    assert "\n" not in str(found.value)
