"""From raw numbers to clean planes: the same code for every source.

Masks, scaling, range, harmonisation or speckle, index, in that order. A plane is an index, a band used as it is (radar in
dB), or `doubt`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, UnknownBand
from detection.monitors.fusion import DOUBT, Fusion
from detection.prepare import radar
from detection.prepare.harmonise import BANDPASS, harmonised
from detection.prepare.indices import INDICES, Index, index_of
from detection.prepare.masks import clouded, saturated, unclear, widen
from detection.sources.sensors import Sensor
from detection.types import Codes, Cube, Float, Mask, Planes, Raw, Scene, parameters

RADAR: Final = ("power", "dB")
ALWAYS_COMPUTED: Final = ("nbr", "ndmi", "ndvi")
"""Never the name of a generic band."""
DOUBT_BANDS: Final = ("blue", "red")
"""What it is made of."""


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

    doubt_m: Annotated[float, Ge(0)] = 150.0
    """Cloud within this many metres makes a clear look doubtful, where `doubt` is a plane; the halo must cover it (chosen)."""

    def __post_init__(self) -> None:
        if self.angle_min_deg >= self.angle_max_deg:
            raise BadInput(
                f"prepare.angle_min_deg: {self.angle_min_deg:g} is not less than angle_max_deg {self.angle_max_deg:g}; "
                "exchange the two"
            )


def planes_of(monitor: object, parameters: Prepare, scenes: Iterable[Scene]) -> Planes:
    """The planes a monitor takes: a `fusion` names its own, any other takes the index, of whatever sensors there are."""
    if isinstance(monitor, Fusion):
        return Planes(monitor.optical, monitor.radar)
    return Planes.single(parameters.index, scenes)


def reach_m(parameters: Prepare, names: Collection[str] = ()) -> float:
    """How far a cell sees, metres, where these are the planes: the halo a tile must be read with."""
    return max(parameters.mask_buffer_m, parameters.speckle_m / 2, parameters.doubt_m if DOUBT in names else 0)


def bands_needed(
    parameters: Prepare, sensor: Sensor, there: Collection[str] | None = None, names: Sequence[str] = ()
) -> tuple[str, ...]:
    """The bands to read, each once: those of the planes, and the sensor's quality bands.

    names: the planes; none is `parameters.index` alone. `there` names the bands the source offers: optional quality bands
    are asked for only if it does. Raises UnknownBand for a plane that this sensor cannot give.
    """
    ours = (band for name in names or (parameters.index,) for band in _made_of(name, sensor, there)[0])
    return tuple(dict.fromkeys((*ours, *_quality_bands(parameters, sensor, there or ()))))


def prepare(raw: Raw, parameters: Prepare, sensor: Sensor, planes: Planes | None = None) -> Cube:
    """All planes of one sensor's looks from raw numbers, NaN where not observed. Radar bands and `cross_ratio` are in dB.

    planes: None is `parameters.index` alone. A cell of a look is masked by quality (cloud and shadow widened by
    `mask_buffer_m`), by a stored number that is nodata or out of the sensor's valid range, and by a plane that is not
    finite or out of the parameters' range: a look counts only with all its planes. OUTSIDE, MISSING and FAILED stay what
    they are. What hides the ground and the scaling of a band are worked out once.
    """
    planes = planes or Planes.single(parameters.index, raw.scenes)
    values = np.full((len(raw.scenes), planes.width, *raw.grid.shape), np.nan, np.float32)
    observed = np.array([bool(planes.of(scene)) for scene in raw.scenes], np.bool_)[:, None, None]
    observed = np.broadcast_to(observed, (len(observed), *raw.grid.shape)).copy()
    names = dict.fromkeys(name for scene in raw.scenes for name in planes.of(scene))
    for name, layer, seen in layers(raw, parameters, sensor, tuple(names)):
        for look, scene in enumerate(raw.scenes):
            if name in planes.of(scene):
                values[look, planes.of(scene).index(name)] = layer[look]
                observed[look] &= seen[look]
    np.copyto(values, np.float32(np.nan), where=~observed[:, None])
    return Cube(raw.grid, raw.scenes, planes, values, fate(raw, observed))


def layers(raw: Raw, parameters: Prepare, sensor: Sensor, names: Sequence[str]) -> Iterator[tuple[str, Float, Mask]]:
    """(name, values, where observed) of every plane by itself, both (time, y, x), as `prepare` puts them together."""
    acquired = raw.observation == Observation.OBSERVED
    cloud, hidden = _quality(raw, parameters, sensor, acquired)
    clear = acquired & ~hidden
    scaled: dict[str, tuple[Float, Mask]] = {}
    for name in names:
        bands, index = _made_of(name, sensor, raw.bands)
        scaled |= {band: _scaled(raw, band, parameters, sensor) for band in bands if band not in scaled}
        parts = [scaled[band] for band in bands]
        if name == DOUBT and index is None and name not in bands:
            blue, red = (np.where(inside, layer, np.float32(np.nan)) for layer, inside in parts)
            cells = parameters.doubt_m / raw.grid.resolution
            yield name, _doubt(blue, red, cloud, acquired, clear, cells), clear
            continue
        observed = np.logical_and.reduce([clear, *(inside for _, inside in parts)])
        observed &= ~_saturated(raw, sensor, bands)
        bare = [layer for layer, _ in parts]
        if sensor.unit in RADAR:
            values, observed = _backscatter(bare, observed, raw, parameters, sensor, index)
        else:
            values = index.compute(*bare) if index else bare[0]
            with np.errstate(invalid="ignore"):
                observed &= (values >= parameters.valid_min) & (values <= parameters.valid_max)
        yield name, values, observed & np.isfinite(values)


def fate(raw: Raw, observed: Mask) -> Codes:
    """(time, y, x) codes of `codes.Observation` of raw looks of which this much is observed in the end."""
    lost = (raw.observation == Observation.OBSERVED) & ~observed
    return np.where(lost, np.uint8(Observation.MASKED), raw.observation).astype(np.uint8)


def provenance(parameters: Prepare, sensor: Sensor, platform: str, names: Sequence[str] = ()) -> str:
    """One short line for a manifest: what makes a look of this platform out of stored numbers.

    names: its planes; none is `parameters.index` alone.
    """
    made = [(name, *_made_of(name, sensor, None)) for name in names or (parameters.index,)]
    as_it_is = " in dB" if sensor.unit in RADAR else ""
    shown = ", ".join(f"{n}{as_it_is}" if bands == (n,) else f"{n} of {', '.join(bands)}" for n, bands, _ in made)
    if sensor.unit in RADAR:
        speckle = f"mean of power over {parameters.speckle_m:g} m" if parameters.speckle_m else "speckle as it is"
        parts = [shown, _said_mask(parameters, sensor)]
        return "; ".join([*parts, f"from {'dB' if sensor.unit == 'dB' else 'linear power'}", speckle])
    if sensor.unit == "any":
        return f"{shown}; as stored"
    bands = {band for _, some, _ in made for band in some}
    bandpass = BANDPASS.get(platform) if parameters.harmonise else None
    line = bandpass.source if bandpass and bands & set(bandpass.lines) else "not harmonised"
    scaling = f"reflectance = {sensor.scale:g} n" + (f" {sensor.offset:+g}" if sensor.offset else "")
    return "; ".join([shown, _said_mask(parameters, sensor), scaling, line])


def _made_of(name: str, sensor: Sensor, there: Collection[str] | None) -> tuple[tuple[str, ...], Index | None]:
    """The bands a plane is made of, and how; None for `doubt` and for a band that is used as it is."""
    if name == DOUBT and sensor.unit not in RADAR and (there is None or name not in there):
        lacking = [band for band in DOUBT_BANDS if sensor.bands and band not in sensor.bands]
        if not lacking:
            return DOUBT_BANDS, None
    index = _index(name, sensor, there)
    return (index.bands if index else (name,)), index


def _index(name: str, sensor: Sensor, there: Collection[str] | None) -> Index | None:
    """How to compute an index; None for a band that is used as it is."""
    if name in sensor.bands:
        return None
    if not sensor.bands:
        return INDICES[name] if name in ALWAYS_COMPUTED else _generic(name, there)
    index = index_of(name)
    if index is None:
        near = get_close_matches(name, [*INDICES, *sensor.bands], 1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise UnknownBand(f"plane {name!r} is neither an index nor a band of {sensor.name}{hint}")
    lacking = [band for band in index.bands if band not in sensor.bands]
    if lacking:
        raise UnknownBand(
            f"plane {name!r} needs {', '.join(lacking)}, {sensor.name} has {', '.join(sensor.bands)}; "
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


def _quality(raw: Raw, parameters: Prepare, sensor: Sensor, acquired: Mask) -> tuple[Mask, Mask]:
    """Two (time, y, x) masks of the quality bands, whatever the plane: cloud before it is widened, and all that hides."""
    cloud, hidden = np.zeros(acquired.shape, np.bool_), np.zeros(acquired.shape, np.bool_)
    for name in _quality_bands(parameters, sensor, raw.bands):
        quality = raw.band(name)
        if name == sensor.angle_band:
            hidden |= radar.outside_angles(quality, parameters.angle_min_deg, parameters.angle_max_deg)
        elif name != sensor.saturation_band:
            scored = name == sensor.score_band
            least, also = parameters.cloud_score_min, parameters.scl_also_masked
            found, rest = unclear(quality, least) if scored else clouded(quality, sensor, also)
            cloud = found & acquired
            hidden |= widen(cloud, parameters.mask_buffer_m / raw.grid.resolution) | rest
    return cloud, hidden


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
        layer = (numbers * np.float32(sensor.scale) + np.float32(sensor.offset)).astype(np.float32, copy=False)
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


def _doubt(blue: Float, red: Float, cloud: Mask, acquired: Mask, seen: Mask, cells: float) -> Float:
    from detection.prepare import doubt  # compiles; only who wants the plane waits for it

    return doubt.doubt(blue, red, cloud, acquired, seen, cells)


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
