"""What the rows of the CCDC kernel say: segments, changes, and what kind of change each is."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtr

from detection.codes import Segmented, Turn
from detection.segments.ccdc_kernel import CHANGE, RMSE
from detection.segments.ccdc_model import TERMS
from detection.segments.record import CHANGE as CHANGES
from detection.segments.record import NO_DAY, SEGMENT, Segments
from detection.types import Codes, Mask

NEAR_INFRARED: Final = "nir"
BRIGHTENS: Final = ("red", "swir1", "swir2")
"""Planes that a loss of forest raises."""
REFLECTANCE: Final = ("blue", "green", *BRIGHTENS, NEAR_INFRARED)
"""Planes in reflectance 0..1."""


def said(
    planes: tuple[str, ...],
    found: NDArray[Any],
    numbers: NDArray[np.float64],
    status: Codes,
    *,
    tested: int,
    direction: int,
    bound: float,
    least: float,
    forest: float | None,
) -> Segments:
    """The rows of the kernel (FOUND, numbers) in the words of the record, in order.

    tested: planes that were; direction, bound, least: as for `turns`; forest: level that a loss must begin at. A pixel with a
    number beyond float32 is FAILED and has no row.
    """
    order = np.lexsort((found["first"], found["pixel"]))
    found, numbers = found[order], numbers[order][:, :, : len(planes)]
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    broken = np.zeros(len(status), np.bool_)
    broken[found["pixel"][~np.isfinite(single).all((1, 2))]] = True
    keep = ~broken[found["pixel"]]
    found, single = found[keep], single[keep]
    rows = np.zeros(len(found), SEGMENT)
    for name in SEGMENT.names or ():
        rows[name] = found[name]
    over = found["ended"] != NO_DAY
    changes = _changes(planes, found[over], single[over], tested)
    changes["turn"] = turns(planes, single[over][:, CHANGE], single[over][:, RMSE, 0], direction, bound, least)
    if forest is not None:
        bare = direction * changes["level"] < direction * forest
        changes["turn"][bare & (changes["turn"] == Turn.LOSS)] = Turn.OTHER
    coefficients = np.ascontiguousarray(single[:, :TERMS].transpose(0, 2, 1))
    status = np.where(broken, np.uint8(Segmented.FAILED), status).astype(np.uint8)
    return Segments(planes, status, rows, coefficients, np.ascontiguousarray(single[:, RMSE]), changes)


def _changes(planes: Sequence[str], found: NDArray[Any], single: NDArray[np.float32], tested: int) -> NDArray[Any]:
    """CHANGE rows of the segments that have ended, but for what they were.

    The probability is that of chi-square below the least of the break.
    """
    made = np.zeros(len(found), CHANGES)
    for name, of in (("pixel", "pixel"), ("day", "ended"), ("before", "last"), ("said", "said"), ("level", "level")):
        made[name] = found[of]
    made["magnitude"] = single[:, CHANGE, 0]
    made["probability"] = chdtr(tested, found["chi"])
    return made


def turns(
    planes: Sequence[str],
    change: NDArray[np.float32],
    scale: NDArray[np.float32],
    direction: int,
    bound: float,
    least: float,
) -> Codes:
    """codes.Turn of changes (row, plane), in units of the planes.

    The leading plane fell or rose if it moved by more than its residual scale (row,); where it is a plane of reflectance,
    that is as vegetation moves it, else `direction` is 1 where loss lowers it, -1 where it raises it. The ground is bare if
    NIR fell by `bound` or red, SWIR1 or SWIR2 rose by it, of those there are: the bounds of the categories of COLD (0.02).
    LOSS: fell, or bare and did not rise. An index must also have moved by `least`: what it does not show is no loss.
    REGROWTH: rose and not bare. OTHER: rose and bare (flood, haze), or neither.
    """
    lead = planes[0]
    sign = direction if lead not in REFLECTANCE else 1 if lead == NEAR_INFRARED else -1
    moved, bare = sign * change[:, 0], np.zeros(len(change), np.bool_)
    fell, rose = moved < -scale, moved > scale
    for plane, name in enumerate(planes):
        if name == NEAR_INFRARED or name in BRIGHTENS:
            bare |= (change[:, plane] if name in BRIGHTENS else -change[:, plane]) >= bound
    deep = np.bool_(lead in REFLECTANCE) | (moved <= -np.float32(least))
    loss, regrowth = (fell | (bare & ~rose)) & deep, rose & ~bare
    return np.where(loss, Turn.LOSS, np.where(regrowth, Turn.REGROWTH, Turn.OTHER)).astype(np.uint8)


def status_of(pixels: NDArray[Any], watched: NDArray[np.bool_], inside: Mask, looks: int, days: int) -> Codes:
    """(pixel,) codes.Segmented of records of PIXEL; watched: those that have a model now."""
    short = (pixels["seen"] < looks) | (pixels["newest"] - pixels["since"] < days)
    status = np.where(short, Segmented.TOO_FEW_LOOKS, Segmented.NEVER_STABLE)
    status = np.where(watched | (pixels["ended"] > 0), Segmented.SEGMENTED, status)
    status = np.where(pixels["seen"] == 0, Segmented.NO_LOOK, status)
    return np.where(inside, status, Segmented.OUTSIDE).astype(np.uint8)
