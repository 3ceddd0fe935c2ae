"""From raw numbers to an index: hand values, every mask, the rim around cloud, and statuses that stay apart."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import spyndex
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import nnls
from strategies import scene, scenes_on

from detection import prepare as preparing
from detection.codes import Observation
from detection.errors import UnknownBand
from detection.monitors.cusum import Cusum
from detection.monitors.fusion import Fusion
from detection.prepare import Prepare, bands_needed, layers, planes_of, prepare, provenance, unmix
from detection.prepare.indices import INDICES, SPYNDEX_BANDS, index_of, normalised_difference
from detection.prepare.masks import flagged, widen
from detection.sources.sensors import SENSORS, Sensor
from detection.types import Grid, Planes, Raw

QUICK = settings(max_examples=40, deadline=None)
LANDSAT, GENERIC, MSI = SENSORS["landsat-c2l2"], SENSORS["generic"], SENSORS["sentinel-2-l2a"]
GRD, RTC = SENSORS["sentinel-1-grd"], SENSORS["sentinel-1-rtc"]
CLEAR = 1 << 6
VEGETATION = 4


def landsat(nir: float, swir2: float, qa: int = CLEAR, shape: tuple[int, int] = (3, 3)) -> Raw:
    """One Landsat look of uniform reflectance."""
    numbers = [round((value + 0.2) / 0.0000275) for value in (nir, swir2)]
    values = np.empty((1, 3, *shape), np.uint16)
    values[0] = np.array([*numbers, qa])[:, None, None]
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    return Raw(grid, scenes_on([18_000]), ("nir", "swir2", "qa"), values, np.zeros((1, *shape), np.uint8))


def sentinel2(scl: NDArray[np.generic], added: float = 0, **more: float) -> Raw:
    """One Sentinel-2 look of nir 0.3 and swir2 0.1, and further bands as one number each."""
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 20, scl.shape)
    flat = {"nir": 3000 - added, "swir2": 1000 - added}
    layers = [np.full(scl.shape, number) for number in flat.values()] + [
        scl,
        *(np.full(scl.shape, v) for v in more.values()),
    ]
    values = np.stack(layers)[None].astype(np.float32 if more else np.uint16)
    status = np.zeros((1, *scl.shape), np.uint8)
    return Raw(grid, (scene(18_000, platform="sentinel-2a"),), (*flat, "scl", *more), values, status, (added,))


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
    assert cube.planes == Planes(("nbr",))
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
    assert (np.isfinite(cube.plane("value")) == (cube.observation == Observation.OBSERVED)).all()


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
        assert np.isnan(cube.values[0, 0, 1, 1])
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


def test_quality_bits_handed_over_as_floats() -> None:
    raw = landsat(0.3, 0.1, shape=(1, 4))
    raw.values[0, 2, 0, 1] |= 1 << 3
    numbers = raw.values.astype(np.float32)
    numbers[0, 2, 0, 2:] = np.nan, -9999
    seen = prepare(replace(raw, values=numbers), Prepare(mask_buffer_m=0), LANDSAT).observation[0, 0]
    assert (seen == Observation.OBSERVED).tolist() == [True, False, False, False]


@pytest.mark.parametrize("number", range(12))
def test_scene_classes(number: int) -> None:
    def masked(rules: Prepare) -> bool:
        found = prepare(sentinel2(np.full((3, 3), number)), rules, MSI).observation
        assert len(np.unique(found)) == 1
        return bool((found == Observation.MASKED).all())

    assert masked(Prepare()) == (number in (0, 1, 2, 3, 8, 9, 10, 11))
    assert masked(Prepare(scl_also_masked=())) == (number in (0, 1, 3, 8, 9, 10))
    assert masked(Prepare(scl_also_masked=(7,))) == (number in (0, 1, 3, 7, 8, 9, 10))


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 8, 9, 10, 11])
def test_clouds_and_shadows_of_sentinel_2_are_widened_and_the_rest_is_not(number: int) -> None:
    classes = np.full((9, 9), VEGETATION)
    classes[4, 4] = number
    rules = Prepare(mask_buffer_m=40, scl_also_masked=(2, 7, 11))
    rows, columns = np.mgrid[:9, :9]
    reach = 2 if number in (3, 8, 9, 10) else 0
    for raw in (sentinel2(classes), sentinel2(classes, cs=1)):  # whole numbers, or floats after averaging
        seen = prepare(raw, rules, MSI).observation[0]
        np.testing.assert_array_equal(seen == Observation.MASKED, np.hypot(rows - 4, columns - 4) <= reach)


def test_classes_that_are_not_known_are_masked_and_not_widened() -> None:
    raw = sentinel2(np.full((5, 5), VEGETATION), cs=1)
    raw.values[0, 2, 2, 2], raw.values[0, 2, 0, 0] = np.nan, -9999
    seen = prepare(raw, Prepare(), MSI).observation[0]
    assert (seen.ravel() == Observation.MASKED).nonzero()[0].tolist() == [0, 12]


@pytest.mark.parametrize(("added", "first"), [(0, 1), (-1000, 1000)])
def test_the_offset_of_a_scene_is_added_before_it_is_scaled(added: float, first: int) -> None:
    raw = sentinel2(np.full((1, 4), VEGETATION), added)
    np.testing.assert_allclose(prepare(raw, Prepare(), MSI).values, 0.5, atol=1e-6)
    raw.values[0, 1, 0] = first - 1, first, 10_000 - added, 10_001 - added
    seen = prepare(raw, Prepare(), MSI).observation[0, 0]
    assert (seen == Observation.OBSERVED).tolist() == [False, True, True, False]


def test_every_scene_has_its_own_offset() -> None:
    one = sentinel2(np.full((2, 2), VEGETATION))
    scenes, numbers = scenes_on([18_000, 18_005]), np.concatenate([one.values, one.values])
    numbers[1, :2] += 1000
    raw = Raw(one.grid, scenes, one.bands, numbers, np.zeros((2, 2, 2), np.uint8), (0.0, -1000.0))
    np.testing.assert_array_equal(*prepare(raw, Prepare(), MSI).values)
    assert (prepare(replace(raw, added=()), Prepare(), MSI).values[1] < 0.4).all()


def test_cloud_score_takes_the_place_of_the_classes() -> None:
    raw = sentinel2(np.full((9, 9), 9), cs=0.6)
    rules = Prepare(sentinel2_mask="cloud-score", mask_buffer_m=40)
    assert (prepare(raw, rules, MSI).observation == Observation.OBSERVED).all()
    assert (prepare(raw, replace(rules, cloud_score_min=0.61), MSI).observation == Observation.MASKED).all()
    rows, columns = np.mgrid[:9, :9]
    for score, reach in ((0.59, 2), (np.nan, 0), (-9999, 0)):
        raw.values[0, 3, 4, 4] = score
        seen = prepare(raw, rules, MSI).observation[0]
        np.testing.assert_array_equal(seen == Observation.MASKED, np.hypot(rows - 4, columns - 4) <= reach)


@pytest.mark.parametrize(
    ("platform", "bits"),
    [
        *[(platform, {4, 6, 11}) for platform in ("landsat-8", "landsat-9")],
        *[(platform, {3, 6, 9}) for platform in ("landsat-4", "landsat-5", "landsat-7")],
        ("unknown", {*range(7), 9, 11}),
    ],
)
def test_saturation_of_the_bands_in_use(platform: str, bits: set[int]) -> None:
    one = landsat(0.3, 0.1)
    for bit in range(16):
        values = np.concatenate([one.values, np.full((1, 1, 3, 3), 1 << bit, np.uint16)], 1)
        raw = Raw(one.grid, (scene(18_000, platform=platform),), (*one.bands, "radsat"), values, one.observation)
        seen = prepare(raw, Prepare(), LANDSAT).observation
        assert (seen == (Observation.MASKED if bit in bits else Observation.OBSERVED)).all()


def test_optional_bands_are_read_where_they_are_offered() -> None:
    assert bands_needed(Prepare(), LANDSAT, (*LANDSAT.bands, "radsat")) == ("nir", "swir2", "qa", "radsat")
    assert bands_needed(Prepare(), LANDSAT, LANDSAT.bands) == ("nir", "swir2", "qa")
    assert bands_needed(Prepare(), MSI, (*MSI.bands, "cs")) == ("nir", "swir2", "scl")
    assert bands_needed(Prepare(sentinel2_mask="cloud-score"), MSI) == ("nir", "swir2", "cs")
    assert bands_needed(Prepare(sentinel2_mask="cloud-score"), LANDSAT) == ("nir", "swir2", "qa")
    assert bands_needed(Prepare(index="nir_wide"), MSI) == ("nir_wide", "scl")
    assert bands_needed(Prepare(index="vh"), GRD, ("vv", "vh", "angle")) == ("vh", "angle")
    assert bands_needed(Prepare(index="cross_ratio"), RTC, ("vv", "vh")) == ("vh", "vv")
    assert bands_needed(Prepare(index="ndfi"), LANDSAT) == LANDSAT.bands


@pytest.mark.parametrize(
    ("index", "sensor", "said"),
    [
        ("nbr", RTC, "'nbr' needs nir, swir2, sentinel-1-rtc has vv, vh"),
        ("evi", GRD, "'evi' needs nir, red, blue, sentinel-1-grd has"),
        ("rvi", MSI, "'rvi' needs vh, vv, sentinel-2-l2a has"),
        ("NDREI", LANDSAT, "needs rededge1, landsat-c2l2 has"),
        ("kNDVI", MSI, "neither an index nor a band of sentinel-2-l2a"),
    ],
)
def test_an_index_another_sensor_has_is_one_clear_line(index: str, sensor: Sensor, said: str) -> None:
    with pytest.raises(UnknownBand, match=said) as found:
        bands_needed(Prepare(index=index), sensor)
    assert "\n" not in str(found.value)


OTHERS = [name for name in spyndex.indices if index_of(name) is not None and name.lower() not in INDICES]


@QUICK
@given(st.sampled_from(OTHERS), st.integers(0, 10_000))
def test_other_indices_are_those_of_spyndex(name: str, seed: int) -> None:
    index, theirs = index_of(name), spyndex.indices[name]
    assert index is not None
    values = dict(zip(sorted(set(index.bands)), np.random.default_rng(seed).uniform(0.02, 0.6, (9, 50)), strict=False))
    needed = {b: values[SPYNDEX_BANDS[b]] if b in SPYNDEX_BANDS else spyndex.constants[b].default for b in theirs.bands}
    if name == "SAVI":
        needed["L"] = 0.5
    with np.errstate(all="ignore"):
        expected = spyndex.computeIndex(name, needed)
    found = index.compute(*(values[band] for band in index.bands))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.where(np.isfinite(expected), expected, np.nan), rtol=1e-6, atol=1e-6)
    small = [values[band].astype(np.float32) for band in index.bands]
    assert index.compute(*small).dtype == np.float32


def test_other_indices_by_hand() -> None:
    blue, red, nir, swir1, swir2 = (np.array([v], np.float32) for v in (0.03, 0.05, 0.4, 0.2, 0.1))
    values = {"blue": blue, "red": red, "nir": nir, "swir1": swir1, "swir2": swir2}
    expected = {
        "evi": 2.5 * 0.35 / (0.4 + 6 * 0.05 - 7.5 * 0.03 + 1),
        "savi": 1.5 * 0.35 / 0.95,
        "nbr2": 0.1 / 0.3,
        "msavi": 0.5 * (1.8 - (1.8**2 - 8 * 0.35) ** 0.5),
        "bai": 1 / ((0.1 - 0.05) ** 2 + (0.06 - 0.4) ** 2),
    }
    for name, value in expected.items():
        index = index_of(name)
        assert index is not None
        np.testing.assert_allclose(index.compute(*(values[b] for b in index.bands)), value, rtol=1e-5)


@pytest.mark.parametrize("name", ["nbr", "ndmi", "ndvi"])
def test_our_own_indices_are_those_of_spyndex(name: str) -> None:
    a, b = np.random.default_rng(0).uniform(0.01, 0.6, (2, 100)).astype(np.float32)
    letters = {"nbr": "S2", "ndmi": "S1", "ndvi": "R"}
    theirs = spyndex.computeIndex(name.upper(), {"N": a, letters[name]: b})
    np.testing.assert_allclose(INDICES[name].compute(a, b), theirs, rtol=1e-5, atol=1e-6)


def test_a_division_by_nothing_in_another_index_is_not_a_number() -> None:
    index = index_of("nbr2")
    assert index is not None
    assert np.isnan(index.compute(np.zeros(2, np.float32), np.zeros(2, np.float32))).all()


def test_only_who_asks_for_another_index_loads_its_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spyndex", None)  # importing it fails from here on
    index_of.__globals__["formula"].cache_clear()
    for index in ("nbr", "ndfi", "red"):
        bands_needed(Prepare(index=index), LANDSAT, LANDSAT.bands)
    prepare(generic(np.zeros((2, 2), np.float32)), Prepare(index="value"), GENERIC)
    with pytest.raises(ImportError):
        bands_needed(Prepare(index="evi"), LANDSAT)


def test_a_generic_band_goes_before_another_index_of_its_name() -> None:
    for band in ("ndfi", "rvi", "cross_ratio", "savi"):
        assert (
            bands_needed(Prepare(index=band), GENERIC) == bands_needed(Prepare(index=band), GENERIC, (band,)) == (band,)
        )
        cube = prepare(generic(np.full((2, 2), 0.5, np.float32), band), Prepare(index=band), GENERIC)
        assert (cube.values == 0.5).all()
    assert bands_needed(Prepare(index="rvi"), GENERIC, ("vv", "vh")) == ("rvi",)  # power or dB? nobody knows
    assert bands_needed(Prepare(), GENERIC, ("nbr",)) == ("nir", "swir2")
    assert bands_needed(Prepare(index="evi"), GENERIC, ("evi", "red")) == ("evi",)
    assert bands_needed(Prepare(index="evi"), GENERIC, ("blue", "red", "nir")) == ("nir", "red", "blue")
    assert bands_needed(Prepare(index="evi"), GENERIC) == ("evi",)
    cube = prepare(generic(np.full((2, 2), 0.5, np.float32), "evi"), Prepare(index="evi"), GENERIC)
    assert (cube.values == 0.5).all()


@pytest.mark.parametrize(("index", "endmembers"), [("ndfi", unmix.BULLOCK), ("ndfi_imazon", unmix.IMAZON)])
def test_the_fraction_index_of_a_look_at_forest_and_at_soil(index: str, endmembers: unmix.Endmembers) -> None:
    spectra = [half.spectra[part] for half in (unmix.BULLOCK, unmix.IMAZON) for part in (unmix.GV, unmix.SOIL)]
    numbers = np.round((np.array(spectra).T / 2 + 0.2) / 0.0000275).astype(np.uint16)  # half in shade
    values = np.concatenate([numbers, np.full((1, 4), CLEAR, np.uint16)])[None, :, None]
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (1, 4))
    raw = Raw(grid, scenes_on([18_000]), LANDSAT.bands, values, np.zeros((1, 1, 4), np.uint8))
    cube = prepare(raw, Prepare(index=index), LANDSAT)
    assert (cube.observation == Observation.OBSERVED).all()
    parts = [nnls(np.array(endmembers.spectra).T, pixel)[0] for pixel in numbers.T * 0.0000275 - 0.2]
    expected = [(gv / (gv + n + s + c) - n - s) / (gv / (gv + n + s + c) + n + s) for gv, n, s, c in parts]
    np.testing.assert_allclose(cube.values[0, 0, 0], expected, atol=1e-4)
    own = slice(0, 2) if endmembers is unmix.BULLOCK else slice(2, 4)
    np.testing.assert_allclose(cube.values[0, 0, 0, own], [1, -1], atol=2e-3)


def six_bands(shape: tuple[int, int] = (20, 22), looks: int = 2) -> Raw:
    """Landsat looks of noise in all bands, with cloud here and there."""
    rng = np.random.default_rng(5)
    values = rng.integers(7_000, 44_000, (looks, 7, *shape)).astype(np.uint16)
    values[:, 6] = np.where(rng.random((looks, *shape)) < 0.03, CLEAR | 8, CLEAR)
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    scenes = tuple(scene(18_000 + i, platform="landsat-8") for i in range(looks))
    status = rng.choice([0, 0, 0, 2, 3], (looks, *shape)).astype(np.uint8)
    return Raw(grid, scenes, LANDSAT.bands, values, status)


def test_planes_together_are_those_alone_where_all_of_them_are_there() -> None:
    raw, rules = six_bands(), Prepare(valid_min=-0.6, valid_max=0.7)
    names = ("nbr", "ndmi", "red", "doubt")
    both = prepare(raw, rules, LANDSAT, Planes(names, ("vv",)))
    alone = {name: prepare(raw, replace(rules, index=name), LANDSAT) for name in names}
    seen = np.logical_and.reduce([alone[n].observation == Observation.OBSERVED for n in names])
    assert 0 < seen.sum() < (alone["nbr"].observation == Observation.OBSERVED).sum()
    np.testing.assert_array_equal(both.observation == Observation.OBSERVED, seen)
    for slot, name in enumerate(names):
        np.testing.assert_array_equal(both.values[:, slot], np.where(seen, alone[name].plane(name), np.nan))
    for status in (Observation.OUTSIDE, Observation.MISSING):
        np.testing.assert_array_equal(both.observation == status, raw.observation == status)
    for name, layer, found in layers(raw, rules, LANDSAT, names):
        np.testing.assert_array_equal(found, alone[name].observation == Observation.OBSERVED)
        np.testing.assert_array_equal(np.where(found, layer, np.nan), alone[name].plane(name))


def test_what_hides_the_ground_and_a_bands_scaling_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for part in ("_scaled", "_quality"):
        real = getattr(preparing, part)
        monkeypatch.setattr(preparing, part, lambda *a, real=real, part=part: calls.append(part) or real(*a))
    prepare(six_bands(), Prepare(), LANDSAT, Planes(("nbr", "ndmi", "ndvi", "doubt")))
    assert sorted(calls) == ["_quality", *["_scaled"] * 5]  # blue, red, nir, swir1, swir2


def test_radar_looks_have_radar_planes_and_a_look_without_planes_shows_nothing() -> None:
    raw = replace(six_bands(), scenes=tuple(scene(18_000 + i, platform="sentinel-1a") for i in range(2)))
    raw = replace(raw, bands=("vv", "vh", *LANDSAT.bands[2:]), values=raw.values / np.float32(1e5))
    planes = Planes(("nbr", "ndmi", "doubt"), ("vv", "cross_ratio"))
    both = prepare(raw, Prepare(), RTC, planes)
    np.testing.assert_array_equal(both.plane("vv"), prepare(raw, Prepare(index="vv"), RTC).plane("vv"))
    assert np.isfinite(both.values[:, :2]).any() and np.isnan(both.values[:, 2]).all()
    assert np.isnan(both.plane("nbr")).all()
    none = prepare(raw, Prepare(), RTC, Planes(("nbr",)))
    assert np.isnan(none.values).all() and not (none.observation == Observation.OBSERVED).any()
    np.testing.assert_array_equal(none.observation == Observation.OUTSIDE, raw.observation == Observation.OUTSIDE)


def test_the_bands_of_several_planes_are_read_once() -> None:
    names = ("nbr", "ndmi", "doubt")
    assert bands_needed(Prepare(), LANDSAT, LANDSAT.bands, names) == ("nir", "swir2", "swir1", "blue", "red", "qa")
    assert bands_needed(Prepare(), GRD, ("vv", "vh", "angle"), ("vv", "cross_ratio")) == ("vv", "vh", "angle")
    assert bands_needed(Prepare(), GENERIC, ("doubt", "nbr"), ("doubt",)) == ("doubt",), (
        "a band of that name goes first"
    )
    with pytest.raises(UnknownBand, match="'doubt' is neither an index nor a band of sentinel-1-rtc"):
        bands_needed(Prepare(), RTC, None, ("doubt",))
    assert provenance(Prepare(), LANDSAT, "landsat-8", names).startswith(
        "nbr of nir, swir2, ndmi of nir, swir1, doubt of"
    )
    assert provenance(Prepare(), RTC, "sentinel-1a", ("vv", "rvi")).startswith("vv in dB, rvi of vh, vv; ")


def test_a_fusion_names_its_planes_and_any_other_monitor_takes_the_index() -> None:
    two = Fusion(optical=("nbr", "doubt"), radar=("vv",))
    assert planes_of(two, Prepare(index="ndvi"), ()) == Planes(("nbr", "doubt"), ("vv",))
    assert planes_of(Cusum(), Prepare(index="ndvi"), scenes_on([1])) == Planes(("ndvi",))
    assert planes_of(None, Prepare(index="vv"), [scene(1, platform="sentinel-1a")]) == Planes((), ("vv",))


@pytest.mark.parametrize("sensor", SENSORS.values(), ids=lambda s: s.name)
def test_the_table_of_sensors_is_whole(sensor: Sensor) -> None:
    assert len(sensor.native_m) in (0, len(sensor.bands) + len(sensor.optional))
    assert not set(sensor.bands) & set(sensor.optional)
    assert sensor.qa_band is None or sensor.qa_band in sensor.bands
    assert {sensor.score_band, sensor.saturation_band, sensor.angle_band} - {None} == set(sensor.optional)
    assert set(sensor.qa_widened_classes) <= set(sensor.qa_masked_classes) <= set(range(len(sensor.qa_classes)))
    assert all(0 <= bit < len(sensor.qa_bits) for bit in sensor.qa_masked_bits)
    assert sensor.nodata is None or sensor.valid_range is None or sensor.nodata <= sensor.valid_range[0]


@pytest.mark.parametrize(
    ("rules", "sensor", "platform", "line"),
    [
        (
            Prepare(mask_buffer_m=0), LANDSAT, "landsat-8",
            ("nbr of nir, swir2; qa bits 0 1 2 3 4 5 masked, widened 0 m, saturation by radsat if read; reflectance = "
            "2.75e-05 n -0.2; not harmonised"),
        ),
        (
            Prepare(index="ndvi", harmonise=True), MSI, "sentinel-2b",
            "ndvi of nir, red; SCL 0 1 2 3 8 9 10 11 masked, cloud widened 60 m; reflectance = 0.0001 n; S2B to OLI, HLS",
        ),
        (
            Prepare(index="nir_wide", harmonise=True, sentinel2_mask="cloud-score"), MSI, "sentinel-2b",
            "nir_wide; Cloud Score+ at least 0.6, widened 60 m; reflectance = 0.0001 n; not harmonised",
        ),
        (
            Prepare(index="vh", speckle_m=90), GRD, "sentinel-1a",
            "vh in dB; at least -30 dB, angle 30-45 if read; from dB; mean of power over 90 m",
        ),
        (Prepare(index="value"), GENERIC, "unknown", "value; as stored"),
    ],
)  # fmt: skip
def test_what_was_done_is_told_in_one_line(rules: Prepare, sensor: Sensor, platform: str, line: str) -> None:
    assert provenance(rules, sensor, platform) == line
