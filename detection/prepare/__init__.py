"""From raw numbers to one clean index: the same code for every source. Masks, scaling, range, index, in that order."""

from difflib import get_close_matches
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from detection.codes import Observation
from detection.errors import UnknownBand
from detection.prepare.indices import INDICES
from detection.prepare.masks import flagged, widen
from detection.sources.sensors import Sensor
from detection.types import Codes, Cube, Float, Mask, Raw, parameters


@parameters
class Prepare:
    """How raw numbers become an index."""

    index: str = "nbr"
    """`nbr`, `ndmi` or `ndvi`, computed from its bands; or the name of a band that is used as it is."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the index."""
    mask_buffer_m: Annotated[float, Ge(0)] = 60.0
    """Cloud and shadow are widened by this many metres; the tile's halo must be at least as wide."""
    valid_min: float = -1.0
    """Values of the index below this count as masked."""
    valid_max: float = 1.0
    """Values of the index above this count as masked."""


def bands_needed(parameters: Prepare, sensor: Sensor) -> tuple[str, ...]:
    """The bands to read: those of the index (or the band itself), and the sensor's quality band."""
    known = INDICES.get(parameters.index)
    bands = known.bands if known else (parameters.index,)
    if sensor.bands and not set(bands) <= set(sensor.bands):
        near = get_close_matches(parameters.index, [*INDICES, *sensor.bands], 1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise UnknownBand(f"prepare.index: {parameters.index!r} is neither an index nor a band of {sensor.name}{hint}")
    return bands + ((sensor.qa_band,) if sensor.qa_band else ())


def prepare(raw: Raw, parameters: Prepare, sensor: Sensor) -> Cube:
    """One index from raw numbers, NaN where it was not observed.

    A cell of a look is masked by quality bits (widened by `mask_buffer_m`), by a stored number out of the sensor's valid
    range, and by an index that is not finite or out of the parameters' range. OUTSIDE, MISSING and FAILED stay what they are.
    """
    bands = [b for b in bands_needed(parameters, sensor) if b != sensor.qa_band]
    observed = (raw.observation == Observation.OBSERVED) & ~_clouded(raw, parameters, sensor)
    reflectance = []
    for band in bands:
        numbers = raw.band(band)
        if sensor.valid_range is not None:
            observed &= (numbers >= sensor.valid_range[0]) & (numbers <= sensor.valid_range[1])
        with np.errstate(over="ignore", invalid="ignore"):  # a fill value may be the largest number there is
            reflectance.append((numbers * np.float32(sensor.scale) + np.float32(sensor.offset)).astype(np.float32))
    known = INDICES.get(parameters.index)
    values: Float = known.compute(*reflectance) if known else reflectance[0]
    with np.errstate(invalid="ignore"):
        observed &= np.isfinite(values) & (values >= parameters.valid_min) & (values <= parameters.valid_max)
    return Cube(
        raw.grid, raw.scenes, parameters.index, np.where(observed, values, np.float32(np.nan)), _fate(raw, observed)
    )


def _clouded(raw: Raw, parameters: Prepare, sensor: Sensor) -> Mask:
    if sensor.qa_band is None:
        return np.zeros(raw.observation.shape, np.bool_)
    quality = raw.band(sensor.qa_band)
    widened = flagged(quality, tuple(b for b in sensor.qa_masked_bits if sensor.qa_bits[b] != "fill"))
    fill = flagged(quality, tuple(b for b in sensor.qa_masked_bits if sensor.qa_bits[b] == "fill"))
    acquired = raw.observation == Observation.OBSERVED
    return widen(widened & acquired, parameters.mask_buffer_m / raw.grid.resolution) | fill


def _fate(raw: Raw, observed: Mask) -> Codes:
    lost = (raw.observation == Observation.OBSERVED) & ~observed
    return np.where(lost, np.uint8(Observation.MASKED), raw.observation).astype(np.uint8)
