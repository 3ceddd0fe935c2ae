"""Who looks, when and how well: [noise], [radar], [paths], [platforms] and [gaps] of `world.toml`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Noise:
    """Of one optical look."""

    kind: Literal["normal", "student"]
    """Distribution of every draw."""
    degrees: float
    """Degrees of freedom of `student`; its variance is one like the normal's."""
    relative: float
    """Standard deviation as a share of the value."""
    floor: float
    """Standard deviation in any case, reflectance."""
    gain_sd: float
    """Of one scene and band against the next."""
    orbit_sd: float
    """Of one path or relative orbit against the other, NIR and SWIR: view angle."""
    greenness_sd: float
    """Relative, NIR of everything, slow: years differ."""
    greenness_days: int
    """How slow."""
    landsat_jitter_m: float
    """Standard deviation of the geolocation of one scene, each axis."""
    sentinel2_jitter_m: float
    """The same of Sentinel-2."""


@dataclass(frozen=True)
class Radar:
    """Of one Sentinel-1 look."""

    looks: tuple[float, float, float]
    """Equivalent number of looks at 10, 20 and 30 m."""
    orbit_sd: float
    """Bias of one relative orbit, dB."""
    scene_sd: float
    """Calibration of one scene against the next, dB."""
    rain_m: int
    """Length of the rain field of one day."""
    rain_days: int
    """Node spacing in time of the slow part of it."""
    rain_slow_share: float
    """Share of its variance that is slow."""
    wet_region_share: float
    """Share of the variance of soil wetness that the whole region has in common; the rest goes with the rain field."""
    wet_ramp: float
    """Width of the passage from dry to wet soil, in standard deviations of wetness."""
    kin_share: float
    """Share of the variance of `Spectra.world_db` that all woody, all water or all other surfaces have in common."""
    wet_odds: tuple[float, ...]
    """(12,) share of days within three days after rain, by month; MDD; other regions add `Region.wetter`."""
    slope_db: float
    """dB per unit of tan(slope) towards the sensor that is left after terrain correction."""
    layover_slope: float
    """Slope towards the sensor (tan) from which a cell is in layover or shadow: masked."""
    noise_floor_db: tuple[float, float]
    """VV, VH below which there is only noise."""
    jitter_m: float
    """Geolocation of one scene, each axis."""
    floods_vv: bool
    """Does high water raise VV of swamp forest?"""


@dataclass(frozen=True)
class Track:
    """One path or relative orbit over a region."""

    family: Literal["landsat", "sentinel-2", "sentinel-1"]
    """Which satellites fly it."""
    number: int
    """Landsat path or Sentinel relative orbit."""
    phase_day: int
    """A day (since 1970) on which the family's first satellite flew it; others lie where their orbits put them."""
    second: int
    """Second of the day UTC."""
    ascending: bool = False
    """Radar: looks east; descending ones look west."""


@dataclass(frozen=True)
class Platform:
    """One satellite."""

    family: Literal["landsat", "sentinel-2", "sentinel-1"]
    """Its family."""
    sensor: str
    """Key in `detection.sources.sensors.SENSORS`."""
    first: str
    """ISO date of the first look."""
    last: str
    """ISO date of the last look; empty: still flying."""
    revisit: int
    """Days from one look of a path to the next."""
    shift: int
    """Days its looks lie behind the family's phase."""
    missing: float
    """Share of looks that were never acquired or never arrived, one by one."""
    hole: float
    """Share of months with an outage in which looks are missing altogether."""
    slope: tuple[float, ...] = ()
    """(6,) the sensor's reflectance = (OLI's - offset) / slope; empty: as OLI."""
    offset: tuple[float, ...] = ()
    """(6,) reflectance."""
    count: tuple[float, ...] = ()
    """(6,) reflectance per count of old sensors, which see no cirrus either; empty: too fine to be worth saying."""
    stripes_from: str = ""
    """ISO date from which the scan-line corrector was off; empty: never."""


@dataclass(frozen=True)
class Gaps:
    """Landsat 7 without its scan-line corrector."""

    period_m: float
    """From stripe to stripe along the track."""
    widest_m: float
    """Width at the edge of the swath."""
    swath_m: int
    """Width of the scene; the stripes vanish in its middle."""
    tilt: float
    """Tangent of the stripes' angle to the lattice's rows."""
