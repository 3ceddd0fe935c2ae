"""Reflectance of one instrument as another would have seen it: all optical looks in terms of Landsat 8-9's OLI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detection.types import Float


@dataclass(frozen=True)
class Bandpass:
    """Straight lines from the reflectance of one instrument to that of OLI."""

    lines: Mapping[str, tuple[float, float]]
    """Band -> (slope, intercept): OLI = slope * reflectance + intercept; a band that is not named stays as it is."""
    source: str
    """Who fitted them."""


ETM: Final = Bandpass(
    {
        "blue": (0.8474, 0.0003), "green": (0.8483, 0.0088), "red": (0.9047, 0.0061),
        "nir": (0.8462, 0.0412), "swir1": (0.8937, 0.0254), "swir2": (0.9071, 0.0172),
    },
    "ETM+ to OLI, Roy et al. 2016",
)  # fmt: skip
"""Surface reflectance, ordinary least squares (Roy et al. 2016, Remote Sensing of Environment 185, table 3). Fitted over
the United States on data older than Collection 2, and for ETM+; that it serves TM too is convention, not measured."""
MSI_A: Final = Bandpass(
    {
        "blue": (0.9778, -0.0040), "green": (1.0053, -0.0009), "red": (0.9765, 0.0009),
        "nir": (0.9983, -0.0001), "swir1": (0.9987, -0.0011), "swir2": (1.0030, -0.0012),
    },
    "S2A to OLI, HLS",
)  # fmt: skip
"""Band 8A for `nir` (NASA HLS, bandpass adjustment, after Claverie et al. 2018, Remote Sensing of Environment 219)."""
MSI_B: Final = Bandpass(
    {
        "blue": (0.9778, -0.0040), "green": (1.0075, -0.0008), "red": (0.9761, 0.0010),
        "nir": (0.9966, 0.0000), "swir1": (1.0000, -0.0003), "swir2": (0.9867, 0.0004),
    },
    "S2B to OLI, HLS",
)  # fmt: skip
"""As `MSI_A`. The page gives no line for Sentinel-2C: it stays as it is."""

BANDPASS: Final[Mapping[str, Bandpass]] = {
    "landsat-4": ETM,
    "landsat-5": ETM,
    "landsat-7": ETM,
    "sentinel-2a": MSI_A,
    "sentinel-2b": MSI_B,
}
"""By platform; those that are not named stay as they are."""


def harmonised(reflectance: Float, band: str, platform: str) -> Float:
    """(...) float32 reflectance in terms of OLI; unchanged for a band or platform without a line."""
    bandpass = BANDPASS.get(platform)
    if bandpass is None or band not in bandpass.lines:
        return reflectance
    slope, intercept = bandpass.lines[band]
    return np.asarray(np.float32(slope) * reflectance + np.float32(intercept), np.float32)
