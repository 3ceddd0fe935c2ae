"""Spectral indices as functions of reflectance (float32, 0..1). Division by zero gives NaN: not observed, never a number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detection.types import Float


def normalised_difference(a: Float, b: Float) -> Float:
    """(a - b) / (a + b), NaN where the sum is not positive."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = a + b
        return np.where(total > 0, (a - b) / total, np.float32(np.nan)).astype(np.float32)


@dataclass(frozen=True)
class Index:
    """One index: the bands it takes and how."""

    bands: tuple[str, ...]
    """Bands it needs, in the order of the function's arguments."""
    compute: Callable[..., Float]
    """Arrays in, array out."""
    source: str
    """Who defined it."""


INDICES: Final[Mapping[str, Index]] = {
    "nbr": Index(("nir", "swir2"), normalised_difference, "Key and Benson 2006, RMRS-GTR-164"),
    "ndmi": Index(("nir", "swir1"), normalised_difference, "Gao 1996, Remote Sensing of Environment 58"),
    "ndvi": Index(("nir", "red"), normalised_difference, "Rouse et al. 1974, NASA SP-351"),
}
