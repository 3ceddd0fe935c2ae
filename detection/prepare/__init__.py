"""From raw numbers to one clean index: the same code for every source.

Masks, scaling, range, harmonisation or speckle, index, in that order.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, UnknownBand
from detection.prepare import radar
from detection.prepare.harmonise import BANDPASS, harmonised
from detection.prepare.indices import INDICES, Index, index_of
from detection.prepare.masks import clouded, saturated, unclear, widen
from detection.sources.sensors import Sensor
from detection.types import Codes, Cube, Float, Mask, Raw, parameters

RADAR: Final = ("power", "dB")
ALWAYS_COMPUTED: Final = ("nbr", "ndmi", "ndvi")
"""Never the name of a generic band."""


@parameters
class Prepare:
    """How raw numbers become an index."""

    index: str = "nbr"
    """`nbr`, `ndmi`, `ndvi`, `ndfi` or another index of reflectances that `spyndex` knows (`evi`, `savi`, `nbr2`, ...);
    for radar `cross_ratio` or `rvi`; or the name of a band that is used as it is, radar in dB."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the index."""
    mask_buffer_m: Annotated[float, Ge(0)] = 60.0
    """Cloud and shadow are widened by this many metres; the tile's halo must be at least as wide."""
    valid_min: float = -1.0
    """Values of the index below this count as masked; not for radar, whose floor is `border_noise_db`."""
    valid_max: float = 1.0
    """Values of the index above this count as masked; not for radar."""
    sentinel2_mask: Literal["scl", "cloud-score"] = "scl"
    """What hides the ground from Sentinel-2: its scene classification, or Cloud Score+ (where the source has it)."""
    scl_also_masked: tuple[Literal[2, 7, 11], ...] = (2, 11)
    """Scene classes masked besides no data, saturated, shadow, cloud and cirrus: 2 dark, 7 unclassified, 11 snow."""
    cloud_score_min: Annotated[float, Interval(ge=0, le=1)] = 0.6
    """A lower Cloud Score+ counts as cloud: 0.6 is Earth Engine's example, not measured."""
    harmonise: bool = False
    """Put TM and ETM+ (Roy et al. 2016) and Sentinel-2A and 2B (HLS) in terms of Landsat 8-9's reflectance."""
    speckle_m: Annotated[float, Ge(0)] = 0.0
    """Radar: mean of linear power over a square of this side, metres; the tile's halo must cover half of it."""
    border_noise_db: float = -30.0
    """Radar: backscatter below this many dB counts as masked: edges of the swath. By convention, not measured."""
    angle_min_deg: Annotated[float, Interval(ge=0, le=90)] = 30.0
    """Radar: a smaller incidence angle counts as masked, where the source has the angle. By convention, not measured."""
    angle_max_deg: Annotated[float, Interval(ge=0, le=90)] = 45.0
    """Radar: a larger incidence angle counts as masked, where the source has the angle. By convention, not measured."""

    def __post_init__(self) -> None:
        if self.angle_min_deg >= self.angle_max_deg:
            raise BadInput(
                f"prepare.angle_min_deg: {self.angle_min_deg:g} is not less than angle_max_deg {self.angle_max_deg:g}; "
                "exchange the two"
            )


def reach_m(parameters: Prepare) -> float:
    """How far a cell sees, metres: the halo a tile must be read with."""
    return max(parameters.mask_buffer_m, parameters.speckle_m / 2)


def bands_needed(parameters: Prepare, sensor: Sensor, there: Collection[str] | None = None) -> tuple[str, ...]:
    """The bands to read: those of the index (or the band itself), and the sensor's quality bands.

    `there` names the bands the source offers: optional quality bands are asked for only if it does. Raises UnknownBand
    for an index that this sensor cannot give.
    """
    index = _index(parameters, sensor, there)
    return (index.bands if index else (parameters.index,)) + _quality_bands(parameters, sensor, there or ())


def prepare(raw: Raw, parameters: Prepare, sensor: Sensor) -> Cube:
    """One index from raw numbers, NaN where it was not observed. Radar bands and `cross_ratio` are in dB.

    A cell of a look is masked by quality (cloud and shadow widened by `mask_buffer_m`), by a stored number that is nodata
    or out of the sensor's valid range, and by an index that is not finite or out of the parameters' range. OUTSIDE, MISSING
    and FAILED stay what they are.
    """
    return several(raw, parameters, sensor, (parameters.index,))[parameters.index]


def several(raw: Raw, parameters: Prepare, sensor: Sensor, names: Sequence[str]) -> dict[str, Cube]:
    """Several indices or bands of one raw cube, by name: each is what `prepare` gives when `parameters.index` names it.

    What hides the ground and the scaling of a band are worked out once for all of them.
    """
    acquired = (raw.observation == Observation.OBSERVED) & ~_hidden(raw, parameters, sensor)
    scaled: dict[str, tuple[Float, Mask]] = {}
    cubes = {}
    for name in names:
        mine = replace(parameters, index=name)
        index = _index(mine, sensor, raw.bands)
        bands = index.bands if index else (name,)
        scaled |= {band: _scaled(raw, band, mine, sensor) for band in bands if band not in scaled}
        layers = [scaled[band][0] for band in bands]
        observed = np.logical_and.reduce([acquired, *(scaled[band][1] for band in bands)])
        observed &= ~_saturated(raw, sensor, bands)
        if sensor.unit in RADAR:
            values, observed = _backscatter(layers, observed, raw, mine, sensor, index)
        else:
            values = index.compute(*layers) if index else layers[0]
            with np.errstate(invalid="ignore"):
                observed &= (values >= mine.valid_min) & (values <= mine.valid_max)
        observed &= np.isfinite(values)
        cubes[name] = Cube(
            raw.grid, raw.scenes, name, np.where(observed, values, np.float32(np.nan)), _fate(raw, observed)
        )
    return cubes


def provenance(parameters: Prepare, sensor: Sensor, platform: str) -> str:
    """One short line for a manifest: what makes a look of this platform out of stored numbers."""
    index = _index(parameters, sensor, None)
    bands = index.bands if index else (parameters.index,)
    shown = f"{parameters.index} of {', '.join(bands)}" if index else parameters.index
    if sensor.unit in RADAR:
        speckle = f"mean of power over {parameters.speckle_m:g} m" if parameters.speckle_m else "speckle as it is"
        parts = [shown if index else f"{shown} in dB", _said_mask(parameters, sensor)]
        return "; ".join([*parts, f"from {'dB' if sensor.unit == 'dB' else 'linear power'}", speckle])
    if sensor.unit == "any":
        return f"{shown}; as stored"
    bandpass = BANDPASS.get(platform) if parameters.harmonise else None
    line = bandpass.source if bandpass and set(bands) & set(bandpass.lines) else "not harmonised"
    scaling = f"reflectance = {sensor.scale:g} n" + (f" {sensor.offset:+g}" if sensor.offset else "")
    return "; ".join([shown, _said_mask(parameters, sensor), scaling, line])


def _index(parameters: Prepare, sensor: Sensor, there: Collection[str] | None) -> Index | None:
    """How to compute the index; None for a band that is used as it is."""
    name = parameters.index
    if name in sensor.bands:
        return None
    if not sensor.bands:
        return INDICES[name] if name in ALWAYS_COMPUTED else _generic(name, there)
    index = index_of(name)
    if index is None:
        near = get_close_matches(name, [*INDICES, *sensor.bands], 1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise UnknownBand(f"prepare.index: {name!r} is neither an index nor a band of {sensor.name}{hint}")
    lacking = [band for band in index.bands if band not in sensor.bands]
    if lacking:
        raise UnknownBand(
            f"prepare.index: {name!r} needs {', '.join(lacking)}, {sensor.name} has {', '.join(sensor.bands)}; "
            "choose an index of these bands or another sensor"
        )
    return index


def _generic(name: str, there: Collection[str] | None) -> Index | None:
    """Of numbers of any kind a band goes before an index of its name; nobody knows whether its radar is power or dB."""
    index = None if there is None or name in there else index_of(name)
    return index if index and not {"vv", "vh"} & set(index.bands) else None


def _quality_bands(parameters: Prepare, sensor: Sensor, there: Collection[str]) -> tuple[str, ...]:
    main = sensor.score_band if _scored(parameters, sensor) else sensor.qa_band
    optional = (band for band in (sensor.saturation_band, sensor.angle_band) if band in there)
    return tuple(band for band in (main, *optional) if band is not None)


def _scored(parameters: Prepare, sensor: Sensor) -> bool:
    return sensor.score_band is not None and parameters.sentinel2_mask == "cloud-score"


def _hidden(raw: Raw, parameters: Prepare, sensor: Sensor) -> Mask:
    """(time, y, x) what the quality bands mask whatever the index: cloud and its like, angles."""
    hidden = np.zeros(raw.observation.shape, np.bool_)
    acquired = raw.observation == Observation.OBSERVED
    for name in _quality_bands(parameters, sensor, raw.bands):
        quality = raw.band(name)
        if name == sensor.angle_band:
            hidden |= radar.outside_angles(quality, parameters.angle_min_deg, parameters.angle_max_deg)
        elif name != sensor.saturation_band:
            scored = name == sensor.score_band
            least, also = parameters.cloud_score_min, parameters.scl_also_masked
            cloud, rest = unclear(quality, least) if scored else clouded(quality, sensor, also)
            hidden |= widen(cloud & acquired, parameters.mask_buffer_m / raw.grid.resolution) | rest
    return hidden


def _saturated(raw: Raw, sensor: Sensor, bands: Sequence[str]) -> Mask | np.bool_:
    """(time, y, x) where one of these bands was saturated; False where nobody says."""
    if sensor.saturation_band is None or sensor.saturation_band not in raw.bands:
        return np.False_
    return saturated(raw.band(sensor.saturation_band), bands, [scene.platform for scene in raw.scenes])


def _scaled(raw: Raw, band: str, parameters: Prepare, sensor: Sensor) -> tuple[Float, Mask]:
    """(time, y, x) physical numbers of a band, harmonised if asked for, and where they are in range."""
    numbers = _lifted(raw, band)
    inside = _in_range(raw.band(band), numbers, sensor)
    with np.errstate(over="ignore", invalid="ignore"):  # a fill value may be the largest number there is
        layer = (numbers * np.float32(sensor.scale) + np.float32(sensor.offset)).astype(np.float32)
    harmonise = parameters.harmonise and sensor.unit not in RADAR
    return (_harmonised(layer, band, raw) if harmonise else layer), inside


def _lifted(raw: Raw, band: str) -> NDArray[Any]:
    """(time, y, x) stored numbers of a band with what each scene adds to them."""
    if not any(raw.added):
        return raw.band(band)
    return raw.band(band) + np.array(raw.added, np.float32)[:, None, None]


def _in_range(stored: NDArray[Any], numbers: NDArray[Any], sensor: Sensor) -> Mask:
    if sensor.valid_range is None:
        return np.ones(numbers.shape, np.bool_)
    inside = (numbers >= sensor.valid_range[0]) & (numbers <= sensor.valid_range[1])
    return np.asarray(inside & (stored != sensor.nodata), np.bool_)


def _backscatter(
    layers: list[Float], observed: Mask, raw: Raw, parameters: Prepare, sensor: Sensor, index: Index | None
) -> tuple[Float, Mask]:
    """(time, y, x) the index, a single band in dB, and which cells count. What is masked enters no mean."""
    powers = layers if sensor.unit == "power" else [radar.to_power(layer) for layer in layers]
    for power in powers:
        observed = observed & ~radar.border_noise(power, parameters.border_noise_db)
    cells = radar.square_cells(parameters.speckle_m, raw.grid.resolution)
    means = [radar.spatial_mean(np.where(observed, power, np.float32(np.nan)), cells) for power in powers]
    return (index.compute(*means) if index else radar.to_db(means[0])), observed


def _harmonised(layer: Float, band: str, raw: Raw) -> Float:
    looks = [harmonised(look, band, scene.platform) for look, scene in zip(layer, raw.scenes, strict=True)]
    return np.stack(looks) if looks else layer


def _said_mask(parameters: Prepare, sensor: Sensor) -> str:
    wide = f"widened {parameters.mask_buffer_m:g} m"
    if sensor.unit in RADAR:
        angle = (
            f", angle {parameters.angle_min_deg:g}-{parameters.angle_max_deg:g} if read" if sensor.angle_band else ""
        )
        return f"at least {parameters.border_noise_db:g} dB{angle}"
    if _scored(parameters, sensor):
        return f"Cloud Score+ at least {parameters.cloud_score_min:g}, {wide}"
    if sensor.qa_classes:
        masked = sorted({*sensor.qa_masked_classes, *parameters.scl_also_masked})
        return f"SCL {' '.join(map(str, masked))} masked, cloud {wide}"
    bits = " ".join(map(str, sensor.qa_masked_bits))
    saturation = f", saturation by {sensor.saturation_band} if read" if sensor.saturation_band else ""
    return f"{sensor.qa_band} bits {bits} masked, {wide}{saturation}"


def _fate(raw: Raw, observed: Mask) -> Codes:
    lost = (raw.observation == Observation.OBSERVED) & ~observed
    return np.where(lost, np.uint8(Observation.MASKED), raw.observation).astype(np.uint8)
