"""Bandpass lines by hand, what stays as it is, and each look by its own platform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scene

from detection.prepare import Prepare, prepare
from detection.prepare.harmonise import BANDPASS, harmonised
from detection.sources.sensors import SENSORS
from detection.types import Grid, Raw

QUICK = settings(max_examples=40, deadline=None)
SIX = ("blue", "green", "red", "nir", "swir1", "swir2")
BY_HAND = {  # the published lines at a reflectance of 0.2, worked out by hand
    "landsat-7": (0.16978, 0.17846, 0.18704, 0.21044, 0.20414, 0.19862),
    "sentinel-2a": (0.19156, 0.20016, 0.19620, 0.19956, 0.19864, 0.19940),
    "sentinel-2b": (0.19156, 0.20070, 0.19622, 0.19932, 0.19970, 0.19774),
}


@pytest.mark.parametrize(("platform", "expected"), BY_HAND.items())
def test_lines_by_hand(platform: str, expected: tuple[float, ...]) -> None:
    found = [harmonised(np.full(2, 0.2, np.float32), band, platform) for band in SIX]
    np.testing.assert_allclose(np.stack(found)[:, 0], expected, atol=1e-7)
    assert all(layer.dtype == np.float32 for layer in found)


@pytest.mark.parametrize("platform", ["landsat-4", "landsat-5"])
def test_the_thematic_mapper_shares_the_lines_of_its_successor(platform: str) -> None:
    assert BANDPASS[platform] is BANDPASS["landsat-7"]


@pytest.mark.parametrize(
    ("band", "platform"),
    [("nir", p) for p in ("landsat-8", "landsat-9", "sentinel-2c", "unknown", "")]
    + [(b, "sentinel-2a") for b in ("nir_wide", "rededge1", "rededge2", "rededge3", "vv")],
)
def test_what_has_no_line_stays_as_it_is(band: str, platform: str) -> None:
    values = np.array([0.1, np.nan, 0.9], np.float32)
    assert harmonised(values, band, platform) is values


@QUICK
@given(st.sampled_from(sorted(BANDPASS)), st.sampled_from(SIX), st.floats(0, 1, width=32))
def test_no_line_moves_a_reflectance_far(platform: str, band: str, value: float) -> None:
    found = harmonised(np.array([value], np.float32), band, platform)[0]
    assert abs(found - value) <= (0.16 if platform.startswith("landsat") else 0.027)


def test_each_look_is_harmonised_by_its_own_platform() -> None:
    platforms = ("landsat-5", "landsat-7", "landsat-8", "unknown")
    scenes = tuple(scene(18_000 + i, platform=platform) for i, platform in enumerate(platforms))
    numbers = np.broadcast_to(np.array([18_182, 10_909, 21_824], np.uint16)[None, :, None, None], (4, 3, 2, 2))
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (2, 2))
    raw = Raw(grid, scenes, ("nir", "swir2", "qa"), numbers, np.zeros((4, 2, 2), np.uint8))
    as_stored = prepare(raw, Prepare(), SENSORS["landsat-c2l2"]).values[:, 0, 0]
    found = prepare(raw, Prepare(harmonise=True), SENSORS["landsat-c2l2"]).values[:, 0, 0]
    nir, swir2 = 0.8462 * 0.300005 + 0.0412, 0.9071 * 0.0999975 + 0.0172
    np.testing.assert_allclose(found[:2], (nir - swir2) / (nir + swir2), atol=1e-6)
    np.testing.assert_array_equal(found[2:], as_stored[2:])
    np.testing.assert_allclose(as_stored, 0.5, atol=2e-4)
