"""A stand-in for the methods that cut up archives: tests of the job do not rest on the science."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from detection import segments as room
from detection.codes import Segmented, Turn
from detection.monitors import Looks
from detection.segments import Segments
from detection.segments.record import CHANGE, NO_DAY, SEGMENT
from jobs.history import tile

IN_A_ROW = 3
DROP = 0.25


def stand_in(
    parameters: Any, looks: Looks, planes: tuple[str, ...] = (), inside: Any = None, sign: int = 1, **_: Any
) -> Segments:
    """A loss where three looks in a row lie far below the first ten, regrowth where three in a row are back."""
    status = np.full(len(inside), Segmented.OUTSIDE, np.uint8)
    rows: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    for pixel in np.flatnonzero(inside).tolist():
        seen = np.flatnonzero(np.isfinite(looks.values[:, 0, pixel]))
        status[pixel] = Segmented.NO_LOOK if not len(seen) else Segmented.TOO_FEW_LOOKS
        if len(seen) < 12:
            continue
        status[pixel] = Segmented.SEGMENTED
        found = list(_one(pixel, looks.days[seen], sign * looks.values[seen, 0, pixel].astype(np.float64), sign))
        rows += [row for row in found if len(row) == len(SEGMENT)]
        changes += [row for row in found if len(row) == len(CHANGE)]
    table, width = np.array(rows, SEGMENT), max(1, len(planes))
    coefficients, rmse = np.zeros((len(rows), width, 1), np.float32), np.zeros((len(rows), width), np.float32)
    return Segments(planes or ("index",), status, table, coefficients, rmse, np.array(changes, CHANGE))


def _one(pixel: int, days: np.ndarray, values: np.ndarray, sign: int) -> Iterator[tuple[Any, ...]]:
    level, lost, begun = float(np.median(values[:10])), False, 0
    far, back = values < level - DROP, values > level - DROP / 2
    for k in range(1, len(values) - IN_A_ROW + 1) if far.any() else ():
        if not (back if lost else far)[k : k + IN_A_ROW].all():
            continue
        size = sign * (np.median(values[k : k + IN_A_ROW]) - (level if not lost else level - DROP))
        turn = Turn.REGROWTH if lost else Turn.LOSS
        yield pixel, days[begun], days[k - 1], k - begun, days[k]
        yield pixel, turn, days[k], days[k - 1], days[k + IN_A_ROW - 1], sign * level, size, 0.9
        if lost:
            begun = k
            break
        lost, begun = True, k
    yield pixel, days[begun], days[-1], len(days) - begun, NO_DAY


def segment(task: tile.Task) -> tile.Done:
    """As `tile.segment`, with the stand-in, also in another process."""
    install()
    return tile.segment(task)


def install() -> None:
    """Put the stand-in where the methods are looked up."""
    for method in (room.ccdc, room.landtrendr):
        method.segments = stand_in
