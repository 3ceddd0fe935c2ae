"""What covers the ground, as the satellites see it: the classes of [surface] and [spectra] of `world.toml`."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")


class Surface(IntEnum):
    """What covers the ground; `world.toml` has a table of each, by its name in small letters."""

    TERRA_FIRME = 0
    AGUAJAL = 1
    POLE_FOREST = 2
    MONTANE = 3
    BAMBOO = 4
    BAMBOO_DEAD = 5
    SECONDARY_1 = 6
    SECONDARY_3 = 7
    SECONDARY_6 = 8
    SECONDARY_10 = 9
    SECONDARY_20 = 10
    SECONDARY_40 = 11
    PASTURE = 12
    CROP = 13
    SUN_COFFEE = 14
    SHADE_COFFEE = 15
    FELLED = 16
    BARE = 17
    BURNT = 18
    TAILINGS = 19
    POND = 20
    RIVER = 21
    SAND = 22
    ROAD = 23
    BLOWDOWN = 24
    PALMS_FELLED = 25
    DRAINED = 26
    UNDERSTOREY_BURNT = 27


@dataclass(frozen=True)
class Cover:
    """One surface as the satellites see it."""

    reflectance: tuple[float, ...]
    """(6,) mean of `BANDS`, ten-thousandths, as OLI sees it."""
    spread: tuple[float, ...]
    """(6,) standard deviation from place to place."""
    swing: tuple[float, ...]
    """(6,) half the difference between the dry and the wet season."""
    backscatter: tuple[float, float]
    """VV, VH gamma nought, dB, dry."""
    backscatter_spread: tuple[float, float]
    """Standard deviation from place to place, dB."""
    backscatter_noise: float
    """Standard deviation from look to look before speckle, dB; of forest, the part that is not rain."""
    rain: tuple[float, float]
    """dB of VV, VH by which a look rises per standard deviation of the regional rain field."""
    wet: tuple[float, float]
    """dB of VV, VH by which it rises within three days after rain."""
    flooded: tuple[float, float]
    """dB of VV, VH by which it rises at the highest stage."""
    woody: bool = False
    """Forest: what can be lost."""
    water: bool = False
    """Open water."""
    bright: bool = False
    """Taken for cloud by the quality band now and then."""
    dark: bool = False
    """Taken for cloud shadow by Sentinel-2's scene classification now and then."""


@dataclass(frozen=True)
class Spectra:
    """How far the means themselves are uncertain: drawn once for every seed and surface."""

    world_sd: float
    """Relative, of a surface's mean reflectance in all bands together; half as much again band by band."""
    world_db: float
    """dB, of a surface's mean backscatter."""
    stand_m: tuple[int, ...]
    """Lengths at which stands share half of the spatial variance."""
    visible_correlation: float
    """Between bands of the visible, in space and in time."""
    infrared_correlation: float
    """Between NIR and SWIR, in space and in time."""
    backscatter_correlation: float
    """Of VV and VH from place to place."""
    flooded: tuple[float, ...]
    """(6,) change of forest under water at the highest stage, ten-thousandths."""
    drowned: float
    """Share of a river's look that open ground takes on at the highest stage; sand drowns wholly."""
    red_edge: tuple[float, float, float]
    """How far Sentinel-2's three red-edge bands lie on the way from red to NIR, 0..1."""
