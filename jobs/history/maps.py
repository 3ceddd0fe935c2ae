"""What a segmentation says of every cell, as the layers of `jobs.outputs.rasters.LAYERS`."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import COUNT_NODATA, DATE_NODATA, NO_YEAR, NOT_YET, YEAR_NODATA, Segmented
from detection.patches.yearly import years
from detection.segments import Aftermath, Segments
from detection.segments.aftermath import latest
from detection.segments.recovery import NOT_REACHED

Layers = dict[str, NDArray[Any]]
MOST_SEGMENTS: Final = COUNT_NODATA - 1
NOTHING: Final[Mapping[str, tuple[Any, type]]] = {
    "loss_year": (YEAR_NODATA, np.uint16),
    "loss_magnitude": (np.nan, np.float32),
    "regrowth_year": (YEAR_NODATA, np.uint16),
    "recleared_year": (YEAR_NODATA, np.uint16),
    "r80p": (np.nan, np.float32),
    "y2r": (COUNT_NODATA, np.uint8),
    "segment_count": (COUNT_NODATA, np.uint8),
    "last_stable": (DATE_NODATA, np.int32),
    "segmented": (Segmented.FAILED, np.uint8),
}
"""Layer -> what stands where nothing could be done, and its type."""


def blank(shape: tuple[int, ...]) -> Layers:
    """Layers of cells of which nothing is known."""
    return {name: np.full(shape, value, kind) for name, (value, kind) in NOTHING.items()}


def maps(found: Segments, after: Aftermath) -> Layers:
    """(pixel,) layers. Of several losses the last counts, and what came after it."""
    layers, cut = blank(found.status.shape), found.status == Segmented.SEGMENTED
    layers["segmented"] = found.status
    layers["segment_count"][cut] = np.minimum(found.count, MOST_SEGMENTS)[cut]
    layers["last_stable"][cut] = found.last_stable[cut]
    for name in ("loss_year", "regrowth_year", "recleared_year"):
        layers[name][cut] = NO_YEAR
    last = latest(after)
    lost = after.losses[last]
    back = after.metrics.y2r[last]
    told = np.where(back == NOT_REACHED, NOT_YET, np.where(np.isfinite(back), back, COUNT_NODATA))
    for name, values in (
        ("loss_year", years(lost["day"])),
        ("loss_magnitude", lost["magnitude"]),
        ("regrowth_year", after.regrowth.onset[last]),
        ("recleared_year", after.regrowth.cleared[last]),
        ("r80p", after.metrics.r80p[last]),
        ("y2r", told),
    ):
        layers[name][lost["pixel"]] = values
    return layers
