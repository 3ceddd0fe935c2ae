"""Unmixing against an independent solver, pure and mixed pixels by hand, and the fraction index."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from detection.errors import BadInput
from detection.prepare.unmix import BULLOCK, IMAZON, Endmembers, fractions, ndfi, shade

QUICK = settings(max_examples=60, deadline=None)
BOTH = pytest.mark.parametrize("endmembers", [BULLOCK, IMAZON], ids=lambda e: e.name)


@settings(QUICK, max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from([BULLOCK, IMAZON]), st.floats(0, 1.5))
def test_the_fractions_of_an_independent_solver(seed: int, endmembers: Endmembers, brightness: float) -> None:
    pixels = (np.random.default_rng(seed).random((40, 6)) * brightness).astype(np.float32)
    spectra = np.array(endmembers.spectra).T
    expected = [nnls(spectra, pixel.astype(np.float64))[0] for pixel in pixels]
    np.testing.assert_allclose(fractions(pixels, endmembers), expected, atol=1e-6)


@settings(QUICK, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([BULLOCK, IMAZON]))
def test_no_legal_fractions_come_nearer(seed: int, endmembers: Endmembers) -> None:
    rng = np.random.default_rng(seed)
    pixel = rng.uniform(-0.1, 1, 6).astype(np.float32)
    found, spectra = fractions(pixel, endmembers).astype(np.float64), np.array(endmembers.spectra)
    others = np.maximum(found + rng.normal(0, 10.0 ** rng.integers(-3, 0), (200, 4)), 0)
    best = np.sum((found @ spectra - pixel) ** 2)
    assert (found >= 0).all()
    assert (np.sum((others @ spectra - pixel) ** 2, 1) >= best - 1e-7).all()


@BOTH
@QUICK
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_mixture_is_taken_apart_again(endmembers: Endmembers, parts: list[float]) -> None:
    pixel = (np.array(parts) @ np.array(endmembers.spectra)).astype(np.float32)
    np.testing.assert_allclose(fractions(pixel, endmembers), parts, atol=2e-5)


def test_the_published_spectra() -> None:
    coded = "500 900 400 6100 3000 1000 1400 1700 2200 3000 5500 3000 2000 3000 3400 5800 6000 5800"
    imazon = "119 475 169 6250 2399 675 1514 1597 1421 3053 7707 1975 1799 2479 3158 5437 7707 6646"
    clouds = {"CODED": " 9000 9600 8000 7800 7200 6500", "Imazon": " 4031 8714 7900 8989 7002 6607"}
    for endmembers, published in ((BULLOCK, coded), (IMAZON, imazon)):
        expected = np.array((published + clouds[endmembers.name]).split(), float).reshape(4, 6) / 10_000
        np.testing.assert_allclose(endmembers.spectra, expected)


def test_the_fraction_index_by_hand() -> None:
    parts = np.array(
        [
            [0.6, 0.0, 0.0, 0.0],  # forest: only leaves and shade
            [0.3, 0.2, 0.1, 0.0],  # GVs = 0.3 / 0.6 = 0.5; (0.5 - 0.3) / (0.5 + 0.3)
            [0.0, 0.2, 0.6, 0.0],  # bare
            [0.2, 0.1, 0.0, 0.2],  # GVs = 0.2 / 0.5 = 0.4; (0.4 - 0.1) / (0.4 + 0.1)
            [0.0, 0.0, 0.0, 0.0],  # only shade
            [0.0, 0.0, 0.0, 0.9],  # only cloud
        ],
        np.float32,
    )
    np.testing.assert_allclose(ndfi(parts), [1, 0.25, -1, 0.6, np.nan, np.nan], atol=1e-6)
    np.testing.assert_allclose(shade(parts), [0.4, 0.4, 0.2, 0.5, 1, 0.1], atol=1e-6)
    assert ndfi(parts).dtype == shade(parts).dtype == np.float32


@QUICK
@given(st.integers(0, 2**32))
def test_the_fraction_index_stays_within_its_limits(seed: int) -> None:
    pixels = np.random.default_rng(seed).uniform(-0.2, 1.6, (50, 6)).astype(np.float32)
    found = ndfi(fractions(pixels))
    assert ((np.abs(found) <= 1 + 1e-6) | np.isnan(found)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_band_that_was_not_observed_spoils_its_pixel_alone(bad: float) -> None:
    pixels = np.full((3, 2, 6), 0.2, np.float32)
    pixels[1, 0, 4] = bad
    found = fractions(pixels)
    assert found.shape == (3, 2, 4)
    assert np.isnan(found[1, 0]).all()
    assert np.isnan(found).sum() == 4


def test_a_black_or_negative_pixel_is_all_shade() -> None:
    assert (fractions(np.array([[0.0] * 6, [-0.1] * 6], np.float32)) == 0).all()


def test_what_cannot_be_unmixed_is_one_clear_line() -> None:
    with pytest.raises(BadInput, match="5 bands given, the CODED endmembers have 6") as found:
        fractions(np.zeros((2, 5), np.float32))
    assert "\n" not in str(found.value)
    twins = Endmembers("twins", (BULLOCK.spectra[0], tuple(2 * v for v in BULLOCK.spectra[0])), "made up")
    with pytest.raises(BadInput, match="none a mixture of the others"):
        fractions(np.zeros((2, 6), np.float32), twins)
