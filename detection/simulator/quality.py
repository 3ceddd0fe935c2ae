"""What the providers' quality bands say of a look: Landsat's QA_PIXEL and Sentinel-2's scene classification."""

from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.simulator.orbits import Look
from detection.simulator.parameters import Surface
from detection.simulator.site import Site
from detection.simulator.weather import Hidden
from detection.types import Codes, Float

LAND, WATER, VEGETATION = 0, 1, 2
"""What the quality bands tell apart."""
OLI: Final = {
    Hidden.CLEAR: 21_824,
    Hidden.CLOUD: 22_280,
    Hidden.EDGE: 21_762,
    Hidden.SHADOW: 23_888,
    Hidden.CONTAMINATED: 21_824,
    Hidden.FALSE_CLOUD: 22_280,
    Hidden.FALSE_SHADOW: 23_888,
    Hidden.SMOKE: 21_824,
    Hidden.STRIPE: 1,
}
"""QA_PIXEL over land by what hides the ground: bits 6 (clear), 3, 1, 4 and confidences (USGS LSDS-1619, table 6-3)."""
QA_WATER: Final = 1 << 7
TM: Final = {
    **OLI,
    Hidden.CLEAR: 5440,
    Hidden.CLOUD: 5896,
    Hidden.EDGE: 5442,
    Hidden.SHADOW: 7440,
    Hidden.CONTAMINATED: 5440,
    Hidden.FALSE_CLOUD: 5896,
    Hidden.FALSE_SHADOW: 7440,
    Hidden.SMOKE: 5440,
}
TM_WATER: Final = 5504
"""The same of TM and ETM+, which see no cirrus and say nothing of it; clear water is not called clear (USGS LSDS-1618)
[R]."""
SCL: Final = {
    Hidden.CLOUD: 9,
    Hidden.EDGE: 10,
    Hidden.SHADOW: 3,
    Hidden.FALSE_CLOUD: 8,
    Hidden.FALSE_SHADOW: 3,
    Hidden.STRIPE: 0,
}
SCL_OF: Final = {LAND: 5, WATER: 6, VEGETATION: 4}
SCL_MEDIUM, SCL_DARK, SCL_VEGETATION, SCL_BARE = 8, 2, 4, 5
"""Classes of `SENSORS["sentinel-2-l2a"]`, by what hides the ground, and where nothing does by what it is."""
BARREN: Final = (Surface.BARE, Surface.BURNT, Surface.TAILINGS, Surface.SAND, Surface.ROAD, Surface.FELLED)


def quality(
    site: Site, look: Look, hidden: Codes, strength: Float, light: Float, surface: Codes, wet: Float
) -> NDArray[np.uint16]:
    """(y, x) QA_PIXEL of Landsat or SCL of Sentinel-2.

    hidden, strength: from `weather.cover`; light (y, x) of the relief, or empty; surface (y, x) of the day; wet (y, x).
    """
    kind = _kinds(site)[surface]
    kind[(surface == Surface.SAND) & (wet > 0.5)] = WATER
    if look.path.family == "landsat":
        return _qa_pixel(bool(site.world.platforms[look.scene.platform].count)).take(hidden.astype(np.intp) * 3 + kind)
    scl = _scene_classes().take(hidden.astype(np.intp) * 3 + kind)
    scl[(hidden == Hidden.CLOUD) & (strength < 1)] = SCL_MEDIUM
    if light.size:
        scl[(light < site.world.light.dim) & ((scl == SCL_VEGETATION) | (scl == SCL_BARE))] = SCL_DARK
    return scl


@lru_cache(maxsize=8)
def _kinds(site: Site) -> Codes:
    kinds = np.full(len(Surface), VEGETATION, np.uint8)
    kinds[list(BARREN)] = LAND
    kinds[[s for s in Surface if site.world.surface[s.name.lower()].water]] = WATER
    return kinds


@cache
def _qa_pixel(old: bool) -> NDArray[np.uint16]:
    """(hidden * 3 + kind,); `old`: of TM and ETM+."""
    codes = TM if old else OLI
    table = np.array([[codes[h], codes[h] | QA_WATER, codes[h]] for h in Hidden], np.uint16)
    if old:
        table[[h for h in Hidden if codes[h] == TM[Hidden.CLEAR]], WATER] = TM_WATER
    table[Hidden.STRIPE] = codes[Hidden.STRIPE]
    return table.ravel()


@cache
def _scene_classes() -> NDArray[np.uint16]:
    table = [[SCL.get(h, SCL_OF[kind]) for kind in (LAND, WATER, VEGETATION)] for h in Hidden]
    return np.array(table, np.uint16).ravel()
