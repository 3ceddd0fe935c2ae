"""Every assumption of the simulator, in one file, for the simulator alone: no detector may import it.

Marks: [F] found in a source, [M] measured or derived from public tables, [R] recalled from the literature, not checked,
[A] assumed or chosen. They and the tables come from the project's science notes, sections 2.9, 4.1, 4.3 and 4.4.
Lengths are metres and multiples of 60, so that they are whole cells at 10, 20 and 30 m.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Surface(IntEnum):
    """What covers the ground."""

    TERRA_FIRME = 0
    SECONDARY = 1
    PASTURE = 2
    RIVER = 3
    SAND = 4
    FELLED = 5
    BURNT = 6
    BARE = 7
    YOUNG = 8
    TAILINGS = 9
    POND = 10
    ROAD = 11


WOODY: Final = (Surface.TERRA_FIRME, Surface.SECONDARY)
"""Forest: what can be lost."""
WATER: Final = (Surface.RIVER, Surface.POND)
BRIGHT: Final = (Surface.SAND, Surface.BARE, Surface.TAILINGS)
BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")

Six = NDArray[np.float32]


def _bands(*ten_thousandths: float) -> Six:
    return np.array(ten_thousandths, np.float32) / np.float32(10_000)


# Reflectance: mean, spatial standard deviation, half the seasonal swing (dry minus wet over two).
# [R] unless marked; where the table gives no spread for a band, a tenth of the value is taken [A].
SPECTRA: Final[dict[Surface, tuple[Six, Six, Six]]] = {
    # [R]; seasonal NIR amplitude 150 [R]; statistics of NDVI and EVI as measured in Rondonia [M]
    Surface.TERRA_FIRME: (
        _bands(180, 380, 200, 2850, 1250, 500),
        _bands(40, 50, 40, 250, 120, 70),
        _bands(5, 10, 8, 150, 30, 10),
    ),
    # [R] between the rows of 5-6 and of 10 years
    Surface.SECONDARY: (
        _bands(215, 455, 250, 3650, 1600, 610),
        _bands(40, 50, 45, 320, 170, 90),
        _bands(8, 15, 12, 180, 50, 20),
    ),
    # [R + M] mean of the wet and the dry row
    Surface.PASTURE: (
        _bands(450, 725, 750, 2700, 2650, 1500),
        _bands(80, 100, 200, 300, 300, 250),
        _bands(100, 75, 200, -300, 250, 300),
    ),
    # [R]
    Surface.RIVER: (
        _bands(700, 1000, 1200, 900, 150, 110),
        _bands(150, 200, 300, 250, 50, 40),
        _bands(-60, -80, -120, -90, 0, 0),
    ),
    Surface.SAND: (
        _bands(1200, 1700, 2100, 2700, 3300, 2800),
        _bands(200, 300, 400, 400, 500, 500),
        _bands(60, 80, 100, 120, 150, 150),
    ),
    Surface.FELLED: (
        _bands(350, 550, 600, 2200, 2500, 1400),
        _bands(80, 80, 120, 300, 300, 250),
        _bands(0, 0, 0, 0, 0, 0),
    ),
    Surface.BURNT: (
        _bands(300, 400, 450, 1100, 1600, 1500),
        _bands(60, 70, 100, 300, 300, 300),
        _bands(0, 0, 0, 0, 0, 0),
    ),
    # mean of dry and wet soil
    Surface.BARE: (
        _bands(500, 750, 1050, 1850, 2650, 1950),
        _bands(100, 150, 300, 300, 500, 500),
        _bands(100, 150, 250, 350, 650, 650),
    ),
    # secondary growth of 2-3 years
    Surface.YOUNG: (
        _bands(240, 500, 310, 3600, 1900, 800),
        _bands(50, 60, 60, 350, 200, 120),
        _bands(10, 20, 20, 250, 80, 40),
    ),
    Surface.TAILINGS: (
        _bands(1100, 1600, 2000, 2800, 3800, 3300),
        _bands(300, 350, 400, 500, 600, 600),
        _bands(50, 60, 80, 100, 150, 150),
    ),
    Surface.POND: (
        _bands(700, 1100, 1300, 800, 200, 150),
        _bands(200, 300, 400, 300, 80, 60),
        _bands(0, 0, 0, 0, 0, 0),
    ),
    # [A] laterite with grass verges: dry bare soil, darkened
    Surface.ROAD: (
        _bands(550, 800, 1150, 2100, 2900, 2200),
        _bands(100, 120, 200, 250, 300, 300),
        _bands(50, 60, 120, 100, 200, 200),
    ),
}
BROWNED: Final = _bands(140, 50, 120, -150, 300, 220)
"""Change of terra firme by bamboo die-off or drought, year 0-1: red to SWIR2 the difference of the two rows [R], the
rest raised with them [A]; NBR falls by about .12."""
FLOODED: Final = _bands(20, 30, 30, -450, -200, -20)
"""Change of bank forest under water: NIR -.02 to -.06, SWIR -.02 [A], some turbid water shining through [A]."""
DRY_PEAK_DAY: Final = 240
"""Day of the year at which the season peaks, end of August [A]."""

# Noise of one look.
NOISE_RELATIVE: Final = 0.03
"""[R] 2-3 % of the value after atmospheric correction."""
NOISE_FLOOR: Final = 0.0015
"""[A] reflectance; with it the temporal sd of forest NDVI is .010, as measured [M]."""
VISIBLE_CORRELATION: Final = 0.7
INFRARED_CORRELATION: Final = 0.6
"""[A] of the bands within a group, in space and in time."""
GAIN_SD: Final = 0.012
"""[A] of one scene and band against the next."""
GREENNESS_SD: Final = 0.015
"""[A] relative, NIR of everything, slow (GREENNESS_DAYS): years differ."""
GREENNESS_DAYS: Final = 60
STAND_M: Final = (480, 120)
"""[A] stands of forest: half of the spatial variance is shared at these lengths."""

# Clouds: latent field sqrt(.86) U(scene) + sqrt(.14) GRF, exponential correlation of 3.5 km [M].
CLEAR_FRACTION: Final = (0.36, 0.09, 0.14, 0.45, 0.47, 0.40, 0.47, 0.41, 0.53, 0.31, 0.0, 0.11)
"""January to December, tile 19LFF, per acquisition [M OPERA]."""
SCENE_SHARE: Final = 0.86
CLOUD_RANGE_M: Final = 3500
CLOUD_OCTAVES: Final = (
    (15360, 0.07),
    (7680, 0.30),
    (3840, 0.30),
    (1920, 0.155),
    (960, 0.10),
    (480, 0.03),
    (240, 0.045),
)
"""(node spacing in metres, share of variance): non-negative least squares of smoothstep noise to exp(-h / 3.5 km),
within .01 from 60 m to 12 km."""
SHADOW_M: Final = ((960, -960), (240, -660))
"""Shadow from its cloud (south, east), metres, in June and in December: 1.2 km high clouds at 14:45 UTC [A]."""
CLOUD_EDGE: Final = 0.04
CLOUD_RISE: Final = 0.12
SHADOW_FROM: Final = 0.10
"""[A] above the threshold of cloud, in sd of the latent field: thin rim, rise to opaque, cast a shadow."""
CLOUD: Final = _bands(9000, 9600, 8000, 7800, 7200, 6500)
"""[F CODED] endmember of bright cloud."""
SHADE: Final = np.array([0.65, 0.6, 0.5, 0.4, 0.35, 0.35], np.float32)
"""[A] factor in a shadow that the quality band finds."""
CONTAMINATED_ODDS: Final = 0.005
"""[A] of looks the quality band calls clear, half a shadow, half cirrus."""
MISSED_SHADE: Final = np.array([0.7, 0.65, 0.6, 0.5, 0.5, 0.5], np.float32)
"""[A] NIR and SWIR halved."""
CIRRUS: Final = np.full(6, 0.05, np.float32)
"""[A] largest addition in all bands is .01 more than this, the smallest .01."""
FALSE_CLOUD_ODDS: Final = 0.12
"""[R] 10-25 % of looks at bright soil, sand and tailings."""

# Smoke: an episode process that lasts from look to look.
SMOKE_ODDS: Final = {8: 0.007, 9: 0.35, 10: 0.15}
"""Share of clear looks by month in a severe year [M, September and October 2024]."""
SEVERE_YEARS: Final = (2024,)
NORMAL_SHARE: Final = 0.25
"""[A] of a normal year against a severe one."""
SMOKE_M: Final = 61_440
"""[A] 30-100 km."""
SMOKE_PUFF_M: Final = 5760
SMOKE_PUFF_SHARE: Final = 0.1
"""[A] of variance, within a scene."""
SMOKE_DAYS: Final = 20
"""Node spacing in time for P(smoke | smoke at the look before) of about .6 at 8 days [M]."""
HAZE_LEAST: Final = _bands(300, 200, 150, -30, 10, 5)
HAZE_MOST: Final = _bands(1000, 800, 600, -100, 100, 50)
"""[A] added by smoke, from thin to thick."""

# The land before any event.
EPOCH: Final = 2016
"""Land cover stands as at the end of this year; events begin the year after."""
LAST_YEAR: Final = 2030
"""Last year with events; the source ends with it."""
BLOCK_M: Final = 1920
"""Events are drawn by block of the absolute lattice; none reaches farther than one block beyond its own."""
LINE_M: Final = 15_360
"""From river to river (they run south) and from highway to highway (they run east) [A]."""
WARP_M: Final = ((3840, 900.0), (1920, 330.0))
"""(length, displacement sd) of the meanders [A]."""
HIGHWAY_WARP_M: Final = ((7680, 500.0),)
RIVER_HALF_WIDTH_M: Final = 110.0
SAND_WIDTH_M: Final = 150.0
SAND_BEND_M: Final = 1920
SAND_FROM: Final = 0.5
"""[A] bars lie where a smooth field exceeds this, on one bank."""
FLOODPLAIN_M: Final = 500.0
"""[A] bank forest within this distance floods at the highest stage."""
HIGHWAY_HALF_WIDTH_M: Final = 20.0
PLOT_M: Final = (420, 780)
"""[A] along and away from the highway."""
PASTURE_SHARE: Final = 0.75
SECONDARY_SHARE: Final = 0.25
ACCESS_M: Final = 1500.0
"""[A] plots: shares halve at this distance from the highway and fall with its square."""
STAGE_PEAK_DAY: Final = 46
"""Mid-February [A]; stage is .5 + .5 cos, with noise of STAGE_SD over STAGE_DAYS."""
STAGE_SD: Final = 0.12
STAGE_DAYS: Final = 24

# Events. Rates are per block and year; access is 1 / (1 + (distance / 3 km)^2) of the nearer of highway and river.
ACCESS_EVENT_M: Final = 3000.0
"""[R/A] decay with distance."""
CLEARING_RATE: Final = 3.0
CLEARING_RATE_REMOTE: Final = 0.03
"""[A] chosen for 1-2 % of the forest a year along the highway."""
CLEARING_HA: Final = (0.6, 1.0, 0.1, 15.0)
"""[A] median, sd of the logarithm, least, most."""
DRY_SEASON: Final = (121, 243, 0.85)
"""[A] first and last day of the year for felling (May-August), share that keeps to it."""
BURN_ODDS: Final = 0.6
"""[A] Madre de Dios."""
PASTURE_ODDS: Final = 0.7
"""[A] pasture or crop afterwards; else secondary growth."""
LARGE_RATE: Final = 0.04
LARGE_HA: Final = (20.0, 120.0)
"""[A] few, uniform in the logarithm; [F MAAP] has hundreds of hectares, cut here by the reach of a block."""
MINING_RATE: Final = 0.25
MINING_RIVER_M: Final = 1500.0
MINING_HA: Final = (0.6, 2.5)
MINING_MONTHS: Final = (4, 8)
"""[A] 1-5 ha a month, along the river; shorter than the 12-36 months noted so that it stays within reach."""
POND_SHARE: Final = 0.35
ROAD_RATE: Final = 0.12
ROAD_SEGMENT_M: Final = 300.0
ROAD_SEGMENTS: Final = (3, 6)
ROAD_DAYS: Final = (6, 20)
"""[A] between segments: 1-3 km a month at most."""
ROAD_WIDTH_M: Final = (24.0, 48.0)
BROWNING_RATE: Final = 0.04
BROWNING_HA: Final = (10.0, 250.0)
BROWNING_RAMP_DAYS: Final = (90, 365)
"""[R] 3-12 months."""
BROWNING_HOLD_DAYS: Final = (60, 240)
BROWNING_RECOVERY_DAYS: Final = (365, 900)
BROWNING_STRENGTH: Final = (0.65, 1.2)
"""[A] of BROWNED: an NBR drop of .08-.15."""
