"""Which looks count: quality bits, classes and scores, and the rim around cloud where masks are known to miss."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.sources.sensors import DROPPED_PIXEL, OCCLUDED, OLI_BANDS, TM_BANDS, Sensor
from detection.types import Mask


def flagged(quality: NDArray[np.integer], bits: tuple[int, ...]) -> Mask:
    """(...) True where one of the bits is set in an integer quality band."""
    return np.asarray((quality & sum(1 << bit for bit in bits)) != 0, np.bool_)


def codes(quality: NDArray[Any]) -> tuple[NDArray[np.integer], Mask]:
    """(...) whole numbers of a quality band that a source may have handed over as floats, and where there is none."""
    if np.issubdtype(quality.dtype, np.integer):
        return quality, np.zeros(quality.shape, np.bool_)
    known = np.isfinite(quality) & (quality >= 0)
    return np.where(known, quality, 0).astype(np.int64), ~known


def clouded(quality: NDArray[Any], sensor: Sensor, also: Sequence[int] = ()) -> tuple[Mask, Mask]:
    """Two (...) masks of a quality band of bits or classes: cloud and its like, to be widened; and the rest, as it is.

    `also` adds classes to those that the sensor always masks; they are not widened.
    """
    numbers, unknown = codes(quality)
    if sensor.qa_classes:
        widened = np.isin(numbers, sensor.qa_widened_classes)
        return widened, unknown | (np.isin(numbers, (*sensor.qa_masked_classes, *also)) & ~widened)
    widened = flagged(numbers, tuple(b for b in sensor.qa_masked_bits if sensor.qa_bits[b] != "fill"))
    fill = flagged(numbers, tuple(b for b in sensor.qa_masked_bits if sensor.qa_bits[b] == "fill"))
    # A pixel that was seen has at least "clear" or one of the others set: 0 is a fill value put in by some reader.
    return widened, fill | unknown | (numbers == 0)


def unclear(score: NDArray[Any], least: float) -> tuple[Mask, Mask]:
    """As `clouded`, of a score of clearness 0..1: less is cloud; below 0 or not a number: there is no score."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(score) & (score >= 0)
        return known & (score < np.float32(least)), ~known


def saturated(radsat: NDArray[Any], bands: Sequence[str], platforms: Sequence[str]) -> Mask:
    """(time, y, x) True where QA_RADSAT says that one of the bands was saturated, or that the cell was not seen at all.

    Landsat 4-7 and 8-9 number their bands differently; for a platform that is neither, any of the seven counts.
    """
    numbers, unknown = codes(radsat)
    found = [flagged(look, _bits(bands, platform)) for look, platform in zip(numbers, platforms, strict=True)]
    return np.asarray(found, np.bool_).reshape(numbers.shape) | unknown


def _bits(bands: Sequence[str], platform: str) -> tuple[int, ...]:
    if platform in ("landsat-4", "landsat-5", "landsat-7"):
        return (*(TM_BANDS.index(band) for band in bands if band in TM_BANDS), DROPPED_PIXEL)
    if platform in ("landsat-8", "landsat-9"):
        return (*(OLI_BANDS.index(band) for band in bands if band in OLI_BANDS), OCCLUDED)
    return (*range(len(OLI_BANDS)), DROPPED_PIXEL, OCCLUDED)


def widen(mask: Mask, cells: float) -> Mask:
    """(time, y, x) mask grown by a radius in cells, look by look; what lies outside the array counts as clear.

    The caller reads a halo of at least that radius, so that a cell inside its tile sees all that is near it.
    """
    if cells <= 0:
        return mask
    grown = np.zeros_like(mask)
    for look, layer in enumerate(mask):
        if layer.any():
            _grow(layer, cells, grown[look])
    return grown


def _grow(layer: Mask, cells: float, out: Mask) -> None:
    """The disk row by row, from its tips inwards: the further from the tips, the wider a row, which grows as it goes."""
    rows, columns = layer.shape
    wide, half = layer.copy(), 0
    for step in range(int(cells), -1, -1):
        while half + 1 <= columns and np.sqrt(float(step**2 + (half + 1) ** 2)) <= cells:
            half += 1
            wide[:, half:] |= layer[:, : columns - half]
            wide[:, : columns - half] |= layer[:, half:]
        if step < rows:
            out[step:] |= wide[: rows - step]
            out[: rows - step] |= wide[step:]
