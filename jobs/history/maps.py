"""What a segmentation says of every cell, as the layers of `jobs.outputs.rasters.LAYERS`."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import COUNT_NODATA, DATE_NODATA, NO_YEAR, YEAR_NODATA, Segmented, Turn
from detection.patches.yearly import years
from detection.segments import Segments
from detection.types import Mask

Layers = dict[str, NDArray[Any]]
MOST_SEGMENTS: Final = COUNT_NODATA - 1
NOTHING: Final[Mapping[str, tuple[Any, type]]] = {
    "loss_year": (YEAR_NODATA, np.uint16),
    "loss_magnitude": (np.nan, np.float32),
    "regrowth_year": (YEAR_NODATA, np.uint16),
    "segment_count": (COUNT_NODATA, np.uint8),
    "last_stable": (DATE_NODATA, np.int32),
    "segmented": (Segmented.FAILED, np.uint8),
}
"""Layer -> what stands where nothing could be done, and its type."""


def blank(shape: tuple[int, ...]) -> Layers:
    """Layers of cells of which nothing is known."""
    return {name: np.full(shape, value, kind) for name, (value, kind) in NOTHING.items()}


def maps(found: Segments) -> Layers:
    """(pixel,) layers. Of several losses the last counts, of the regrowths after it the first."""
    layers, cut = blank(found.status.shape), found.status == Segmented.SEGMENTED
    layers["segmented"] = found.status
    layers["segment_count"][cut] = np.minimum(found.count, MOST_SEGMENTS)[cut]
    layers["last_stable"][cut] = found.last_stable[cut]
    for name in ("loss_year", "regrowth_year"):
        layers[name][cut] = NO_YEAR
    lost = found.changes[found.changes["turn"] == Turn.LOSS]
    last = lost[np.append(np.diff(lost["pixel"]) != 0, True)[: len(lost)]]  # by (pixel, day): the last of each pixel
    layers["loss_year"][last["pixel"]] = years(last["day"])
    layers["loss_magnitude"][last["pixel"]] = last["magnitude"]
    grown = found.changes[found.changes["turn"] == Turn.REGROWTH]
    grown = grown[_after(grown, last, len(cut))]
    first = grown[np.append(True, np.diff(grown["pixel"]) != 0)[: len(grown)]]
    layers["regrowth_year"][first["pixel"]] = years(first["day"])
    return layers


def _after(grown: NDArray[Any], last: NDArray[Any], pixels: int) -> Mask:
    """Which regrowths follow the last loss of their pixel."""
    lost_on = np.full(pixels, np.iinfo(np.int32).max, np.int32)
    lost_on[last["pixel"]] = last["day"]
    made: Mask = grown["day"] > lost_on[grown["pixel"]]
    return made
