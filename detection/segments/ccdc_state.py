"""What CCDC remembers of a row of pixels between looks, the numbers it is ruled by, and the arrays a kernel works on."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.lanes import fused
from detection.segments.ccdc_model import TERMS, WIDTH, terms_on

CHUNK: Final = 256
"""Dates a pixel is taken through at once."""
ROOM: Final = 96
"""Looks a pixel can keep undecided."""
MOST: Final = 64
"""Looks in a row that a break can be asked for."""
GATHERS, WATCHES = 0, 1
"""Phases: looks for a stable stretch; has a model."""
PIXEL: Final = np.dtype(
    [
        ("phase", "u1"),  # GATHERS or WATCHES
        ("used", "u1"),  # terms of the model
        ("row", "u1"),  # looks in a row that make a break
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
    """Days that a break lasts, as far as MOST looks in a row reach."""
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
    variogram: float
    """Least residual scale, as a share of the median difference of successive looks."""
    ridge: NDArray[np.float64]
    """(TERMS,) added to the diagonal of the Gram matrix, looks."""
    tested: NDArray[np.float64]
    """(WIDTH,) 1 for a plane that is tested for breaks, else 0."""


class State(NamedTuple):
    """A row of pixels after a set of looks, first axis pixel: its size does not depend on how many."""

    pixels: NDArray[Any]
    """Records of PIXEL."""
    gram: NDArray[np.float64]
    """(pixel, TERMS, TERMS) sums of products of terms, the same for all planes."""
    right: NDArray[np.float64]
    """(pixel, TERMS, plane) sums of terms times values."""
    square: NDArray[np.float64]
    """(pixel, plane) sums of squares."""
    beta: NDArray[np.float64]
    """(pixel, TERMS, plane) the model as last solved."""
    scale: NDArray[np.float64]
    """(pixel, plane) residual scale as last solved."""
    least: NDArray[np.float64]
    """(pixel, plane) what the scale is not believed to be below."""
    days: NDArray[np.int32]
    """(pixel, ROOM) days of the looks not yet decided about, oldest first."""
    values: NDArray[np.float32]
    """(pixel, ROOM, plane) their values."""

    @classmethod
    def fresh(cls, pixels: int, planes: int) -> "State":
        """So many pixels of which nothing has been seen."""
        wide = (pixels, TERMS, planes)
        return cls(
            np.zeros(pixels, PIXEL),
            np.zeros((pixels, TERMS, TERMS)),
            np.zeros(wide),
            np.zeros((pixels, planes)),
            np.zeros(wide),
            np.zeros((pixels, planes)),
            np.zeros((pixels, planes)),
            np.zeros((pixels, ROOM), np.int32),
            np.zeros((pixels, ROOM, planes), np.float32),
        )


class Series(NamedTuple):
    """The looks of the pixel in work: those held, then the observed ones of a stretch of dates."""

    look: NDArray[np.float64]
    """(ROOM + CHUNK, WIDTH)"""
    day: NDArray[np.int32]
    """(ROOM + CHUNK,)"""
    at: NDArray[np.int32]
    """(ROOM + CHUNK,) their rows of `table`."""
    table: NDArray[np.float64]
    """(ROOM + CHUNK, TERMS): terms of the looks held, then of the dates of the stretch."""
    far: NDArray[np.float64]
    """(ROOM + CHUNK,) chi-square of the looks."""


class Model(NamedTuple):
    """The model of the pixel in work, padded to WIDTH planes: as in `State`."""

    gram: NDArray[np.float64]
    right: NDArray[np.float64]
    square: NDArray[np.float64]
    beta: NDArray[np.float64]
    scale: NDArray[np.float64]
    least: NDArray[np.float64]
    weight: NDArray[np.float64]
    """(WIDTH,) of a squared residual in the chi-square of a look."""
    root: NDArray[np.float64]
    """(TERMS, TERMS) to work in."""
    e: NDArray[np.float64]
    """(ROOM + CHUNK, WIDTH) residuals to work in."""
    sizes: NDArray[np.float64]
    """(ROOM + CHUNK,) numbers to work in."""


@fused
def desk():  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(Series, Model) to work with."""
    most = ROOM + CHUNK
    series = Series(
        np.zeros((most, WIDTH)),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros((most, TERMS)),
        np.zeros(most),
    )
    model = Model(
        np.zeros((TERMS, TERMS)),
        np.zeros((TERMS, WIDTH)),
        np.zeros(WIDTH),
        np.zeros((TERMS, WIDTH)),
        np.zeros(WIDTH),
        np.zeros(WIDTH),
        np.zeros(WIDTH),
        np.zeros((TERMS, TERMS)),
        np.zeros((most, WIDTH)),
        np.zeros(most),
    )
    return series, model


@fused
def take_up(state, p, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Lay the state of pixel p out to be worked on."""
    o, planes = state.pixels[p], state.square.shape[1]
    for k in range(o.held):
        series.at[k], series.day[k] = k, state.days[p, k]
        terms_on(series.day[k], series.table, k)
        for b in range(planes):
            series.look[k, b] = state.values[p, k, b]
    if o.phase == WATCHES:
        for q in range(TERMS):
            for r in range(TERMS):
                model.gram[q, r] = state.gram[p, q, r]
            for b in range(planes):
                model.right[q, b], model.beta[q, b] = state.right[p, q, b], state.beta[p, q, b]
        for b in range(planes):
            model.square[b], model.scale[b] = state.square[p, b], state.scale[p, b]
            model.least[b] = state.least[p, b]


@fused
def put_down(state, p, head, stop, series, model):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The inverse of `take_up`: the looks head..stop - 1 are still held."""
    o, planes = state.pixels[p], state.square.shape[1]
    o.held = stop - head
    for k in range(stop - head):
        state.days[p, k] = series.day[head + k]
        for b in range(planes):
            state.values[p, k, b] = series.look[head + k, b]
    if o.phase == WATCHES:
        for q in range(TERMS):
            for r in range(TERMS):
                state.gram[p, q, r] = model.gram[q, r]
            for b in range(planes):
                state.right[p, q, b], state.beta[p, q, b] = model.right[q, b], model.beta[q, b]
        for b in range(planes):
            state.square[p, b], state.scale[p, b] = model.square[b], model.scale[b]
            state.least[p, b] = model.least[b]
