"""What a segmentation of an archive says, whichever method made it: segments between breaks, and the changes they mean."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.types import Codes, Float

NO_DAY: Final = -1
"""Stands for a day there is none of."""
SEGMENT: Final = np.dtype(
    [
        ("pixel", "i4"),
        ("first", "i4"),  # day of its first look
        ("last", "i4"),  # day of its last look; of an open segment the newest that belongs to it
        ("looks", "i4"),  # that belong to it
        ("ended", "i4"),  # day of the first look that no longer belongs to it, NO_DAY while it is open
    ]
)
"""A stretch of the archive of a pixel that one model describes. Days are since 1970-01-01 UTC."""
CHANGE: Final = np.dtype(
    [
        ("pixel", "i4"),
        ("turn", "u1"),  # codes.Turn
        ("day", "i4"),  # of the first look after the change
        ("before", "i4"),  # of the last look before it: the change lies between the two
        ("said", "i4"),  # of the look by which it could be said: cutting the archive after it gives the same row
        ("level", "f4"),  # of the leading plane before the change
        ("magnitude", "f4"),  # change of the leading plane, negative where it fell
        ("probability", "f4"),  # that it is a change at all, 0..1 as the method has it; NaN where it has none
    ]
)
"""A change of a pixel. Days are since 1970-01-01 UTC."""


@dataclass(frozen=True)
class Segments:
    """The archives of a row of pixels, cut up."""

    planes: tuple[str, ...]
    """What was modelled, the leading plane first."""
    status: Codes
    """(pixel,) codes.Segmented."""
    rows: NDArray[Any]
    """SEGMENT rows, by (pixel, first)."""
    coefficients: Float
    """(row, plane, term) of the model of each segment, as the method defines them."""
    rmse: Float
    """(row, plane) residual scale of each segment."""
    changes: NDArray[Any]
    """CHANGE rows, by (pixel, day)."""

    @property
    def count(self) -> NDArray[np.int32]:
        """(pixel,) segments."""
        return np.bincount(self.rows["pixel"], minlength=len(self.status)).astype(np.int32)

    @property
    def last_stable(self) -> NDArray[np.int32]:
        """(pixel,) day of the last look that belongs to a segment; NO_DAY where there is none."""
        last = np.full(len(self.status), NO_DAY, np.int32)
        np.maximum.at(last, self.rows["pixel"], self.rows["last"])
        return last
