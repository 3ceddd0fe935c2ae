"""Which looks count: quality bits, and the rim around cloud where masks are known to miss."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from detection.types import Mask


def flagged(quality: NDArray[np.integer], bits: tuple[int, ...]) -> Mask:
    """(...) True where one of the bits is set in an integer quality band."""
    return np.asarray((quality & sum(1 << bit for bit in bits)) != 0, np.bool_)


def widen(mask: Mask, cells: float) -> Mask:
    """(time, y, x) mask grown by a radius in cells, look by look; what lies outside the array counts as clear.

    The caller reads a halo of at least that radius, so that a cell inside its tile sees all that is near it.
    """
    if cells <= 0:
        return mask
    grown = np.zeros_like(mask)
    for look, layer in enumerate(mask):
        if layer.any() and not layer.all():
            grown[look] = distance_transform_edt(~layer) <= cells
        else:
            grown[look] = layer
    return grown
