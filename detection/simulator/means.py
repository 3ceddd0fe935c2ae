"""How bright each surface is in this world: the table of `world.toml`, moved a little for every seed."""

import math
from functools import lru_cache

import numpy as np

from detection.simulator.draws import Dice, Stream
from detection.simulator.parameters import BANDS, Surface
from detection.simulator.site import Site
from detection.types import Float

VISIBLE = 3
"""So many of `BANDS` are visible; the others are infrared."""


@lru_cache(maxsize=8)
def reflectance(site: Site) -> tuple[Float, Float, Float]:
    """(surface, band) float32 each: mean, spread from place to place and seasonal swing, reflectance 0..1.

    The table's means are uncertain by 10-15 % (science notes, section 6), so every seed has means of its own: a factor
    with a relative sd of `Spectra.world_sd` for all bands together, half of its variance shared by all surfaces, and
    one of half that sd band by band, correlated within the visible and within the infrared. Spread and swing go with
    the mean. The arrays are shared between callers and must not be written to.
    """
    made = []
    factor = _factors(site)
    for field in ("reflectance", "spread", "swing"):
        values = (site.world.table(field) * 1e-4 * factor).astype(np.float32)
        values.setflags(write=False)
        made.append(values)
    return made[0], made[1], made[2]


def _factors(site: Site) -> Float:
    """(surface, band) about 1."""
    spectra = site.world.spectra
    everywhere = Dice(int(site.key(Stream.MEANS, -1))).normal()
    out = np.empty((len(Surface), len(BANDS)), np.float32)
    for surface in Surface:
        dice = Dice(int(site.key(Stream.MEANS, surface)))
        together = math.sqrt(0.5) * (everywhere + dice.normal())
        groups = (dice.normal(), dice.normal())
        for band in range(len(BANDS)):
            infrared = band >= VISIBLE
            shared = spectra.infrared_correlation if infrared else spectra.visible_correlation
            alone = math.sqrt(shared) * groups[infrared] + math.sqrt(1 - shared) * dice.normal()
            out[surface, band] = math.exp(spectra.world_sd * (together + alone / 2))
    return out
