"""What CCDC remembers of a row of pixels between looks, and the numbers it is ruled by."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.lanes import fused
from detection.segments.ccdc_model import DAY, LOOK, REST, STORED, WIDTH, terms_on

CHUNK: Final = 128
"""Dates a pixel is taken through at once; those of a block fit the second-level cache."""
ROOM: Final = 96
"""Looks a pixel can keep undecided."""
MOST: Final = 64
"""Looks in a row up to which the quantile follows the cadence."""
GATHERS, WATCHES = 0, 1
"""Phases: looks for a stable stretch; has a model."""
PIXEL: Final = np.dtype(
    [
        ("phase", "u1"),  # GATHERS or WATCHES
        ("used", "u1"),  # terms of the model
        ("row", "u1"),  # looks in a row that make a break, at least
        ("held", "u1"),  # looks not yet decided about
        ("looks", "i4"),  # in the sums
        ("fitted", "i4"),  # that were in them when the model was last solved
        ("first", "i4"),  # day of the first of them
        ("last", "i4"),  # day of the last of them
        ("ended", "i4"),  # segments that have ended
        ("seen", "i4"),  # looks ever taken in
        ("since", "i4"),  # day of the first of them
        ("newest", "i4"),  # day of the last of them
    ]
)
"""What is counted of a pixel. Days are since 1970-01-01 UTC."""
FOUND: Final = np.dtype(
    [
        ("pixel", "i4"),
        ("first", "i4"),  # as in record.SEGMENT
        ("last", "i4"),
        ("looks", "i4"),
        ("ended", "i4"),  # day of the first look of the break; NO_DAY while there is none
        ("said", "i4"),  # day of the last look of the break
        ("chi", "f8"),  # the smallest chi-square of the break
        ("row", "i4"),  # looks of the break
        ("level", "f8"),  # of the first plane, had nothing happened: median over the looks of the break
    ]
)
"""A segment, and the break that ended it."""


class Rules(NamedTuple):
    """The numbers of `Ccdc`, as the kernel takes them."""

    looks: int
    """Looks of a model at least."""
    days: int
    """Days they span at least."""
    row: int
    """Looks in a row that make a break, at least."""
    persist: float
    """Days from the first to the last of them, at least, unless they are ROOM."""
    threshold: NDArray[np.float64]
    """(MOST + 1,) chi-square beyond which a look is anomalous, by looks in a row."""
    outlier: float
    """Chi-square beyond which a look is never believed."""
    still: float
    """Bound of the stability test."""
    angle: float
    """Largest mean angle between successive looks of a break, radians."""
    growth: float
    """A model is solved anew once its looks have grown by this factor."""
    terms: int
    """Of a model at most."""
    floor: float
    """Least residual scale."""
    madogram: float
    """Least residual scale, as a share of the median difference of successive looks."""
    ridge: NDArray[np.float64]
    """(TERMS,) added to the diagonal of the Gram matrix, looks."""
    tested: NDArray[np.float64]
    """(WIDTH,) 1 for a plane that is tested for breaks, else 0."""


class State(NamedTuple):
    """A row of pixels after a set of looks, first axis pixel: its size does not depend on how many."""

    pixels: NDArray[Any]
    """Records of PIXEL."""
    model: NDArray[np.float64]
    """(pixel, STORED, WIDTH) the rows of `ccdc_model` that are remembered, meaningless of a pixel that gathers."""
    days: NDArray[np.int32]
    """(pixel, ROOM) days of the looks not yet decided about, oldest first."""
    values: NDArray[np.float32]
    """(pixel, ROOM, plane) their values."""

    @classmethod
    def fresh(cls, pixels: int, planes: int) -> "State":
        """So many pixels of which nothing has been seen."""
        return cls(
            np.zeros(pixels, PIXEL),
            np.zeros((pixels, STORED, WIDTH)),
            np.zeros((pixels, ROOM), np.int32),
            np.zeros((pixels, ROOM, planes), np.float32),
        )

    def copy(self) -> "State":
        """The same in memory of its own."""
        return State(self.pixels.copy(), self.model.copy(), self.days.copy(), self.values.copy())


@fused
def take_up(state, p, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Lay the state of pixel p out to be worked on."""
    o, planes = state.pixels[p], state.values.shape[2]
    for k in range(o.held):
        day = state.days[p, k]
        looks[k, REST, DAY] = day
        terms_on(day, looks, k)
        for b in range(planes):
            looks[k, LOOK, b] = state.values[p, k, b]
    if o.phase == WATCHES:
        for row in range(STORED):
            for b in range(WIDTH):
                model[row, b] = state.model[p, row, b]


@fused
def put_down(state, p, head, stop, looks, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The inverse of `take_up`: the looks head..stop - 1 are still held."""
    o, planes = state.pixels[p], state.values.shape[2]
    o.held = stop - head
    for k in range(stop - head):
        state.days[p, k] = np.int32(looks[head + k, REST, DAY])
        for b in range(planes):
            state.values[p, k, b] = np.float32(looks[head + k, LOOK, b])
    if o.phase == WATCHES:
        for row in range(STORED):
            for b in range(WIDTH):
                state.model[p, row, b] = model[row, b]
