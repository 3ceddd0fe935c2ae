"""What lies around a cell at a moment: how much else was flagged by then and in what shape, how much was no forest, how far.

Made where all tiles are together, so that no tile's edge shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.lanes import fused
from detection.types import Float

RADII: Final = (1, 3, 7, 15)
"""Cells either way: the 8, 48, 224 and 960 around."""
TOGETHER_DAYS: Final = 180
"""Changes further apart than this do not belong together (chosen: a felling season)."""
AT_ONCE_DAYS: Final = 16
"""Changes no further apart than this came at once (chosen: one revisit of Landsat)."""
MEANING: Final[Mapping[str, str]] = {
    **{
        f"near_{r}": f"share of the cells within {r} that were flagged by then, for a change not 180 days apart"
        for r in RADII
    },
    "line": "axis ratio of the flagged cells within 7, 1 for a disc, large for a line",
    "extent": "standard deviation of the flagged cells within 15 along their longer axis, cells",
    "at_once": "share of the flagged cells within 15 whose change began within 16 days of this one",
    "newest": "share of the flagged cells within 15 whose change began later than this one",
    "open_3": "share of the cells within 3 that were no forest before monitoring began; missing where that is not known",
    "open_15": "the same within 15",
    "water_3": "share of the cells within 3 that were dark in the near infrared before monitoring began; missing likewise",
    "water_15": "the same within 15",
}
"""Feature -> meaning; shares are without units."""
NAMES: Final = tuple(MEANING)
FLAG: Final = np.dtype([("row", "i4"), ("column", "i4"), ("decided", "i4"), ("broke", "i4")])
"""A cell of the absolute lattice that was flagged on one day (`decided`) for a change that began on another (`broke`)."""
WATER_NIR: Final = 0.10
"""Near infrared, reflectance, below which a cell is water: table 4.1 of the science notes has water below .06 and every
forest above .20."""
NEVER: Final = np.iinfo(np.int32).max
MARGIN: Final = RADII[-1]


@dataclass(frozen=True)
class Ground:
    """What the cells of a rectangle of the lattice were before monitoring began."""

    corner: tuple[int, int]
    """Absolute row and column of its first cell."""
    open: Float
    """(y, x) 1 where there was no forest, 0 where there was, NaN where that is not known."""
    water: Float
    """(y, x) the same of water."""


def laid(parts: Sequence[Ground]) -> Ground:
    """Several rectangles as one; what none of them covers is not known."""
    low = np.min([part.corner for part in parts], 0)
    high = np.max([np.array(part.corner) + part.open.shape for part in parts], 0)
    out = [np.full(tuple((high - low).tolist()), np.nan, np.float32) for _ in range(2)]
    for part in parts:
        row, column = (np.array(part.corner) - low).tolist()
        place = np.s_[row : row + part.open.shape[0], column : column + part.open.shape[1]]
        out[0][place], out[1][place] = part.open, part.water
    return Ground((int(low[0]), int(low[1])), *out)


def surroundings(rows: NDArray[Any], flagged: NDArray[Any], ground: Ground | None = None) -> Float:
    """(row, feature) float32 in the order of NAMES.

    rows: FLAG rows, the cells asked about; flagged: FLAG rows of all cells ever flagged, of which those count that were flagged
    by then. Of several flags of a cell the first counts.
    """
    out = np.full((len(rows), len(NAMES)), np.nan, np.float32)
    if not len(rows):
        return out
    low = np.array([rows["row"].min(), rows["column"].min()]) - MARGIN
    high = np.array([rows["row"].max(), rows["column"].max()]) + MARGIN + 1
    decided, broke = _drawn(flagged, low, high)
    place = np.stack([rows["row"] - low[0], rows["column"] - low[1], rows["decided"], rows["broke"]], 1).astype(
        np.int64
    )
    _around(place, decided, broke, out)
    if ground is not None:
        for first, layer in ((8, ground.open), (10, ground.water)):
            for column, radius in ((first, 3), (first + 1, 15)):
                out[:, column] = _share(_window(layer, ground.corner, low, high), place, radius)
    return out


def _drawn(flagged: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(y, x) day of the first flag and day of its change; NEVER where there is none."""
    shape = tuple((high - low).tolist())
    decided, broke = np.full(shape, NEVER, np.int32), np.full(shape, NEVER, np.int32)
    r, c = flagged["row"] - low[0], flagged["column"] - low[1]
    within = (r >= 0) & (c >= 0) & (r < shape[0]) & (c < shape[1])
    order = np.flatnonzero(within)[::-1]
    order = order[np.argsort(-flagged["decided"][order].astype(np.int64), kind="stable")]
    decided[r[order], c[order]], broke[r[order], c[order]] = flagged["decided"][order], flagged["broke"][order]
    return decided, broke


def _window(layer: Float, corner: tuple[int, int], low: NDArray[Any], high: NDArray[Any]) -> Float:
    """The layer over the rectangle, NaN beyond it."""
    out = np.full(tuple((high - low).tolist()), np.nan, np.float32)
    first = np.maximum(low, corner)
    last = np.minimum(high, np.array(corner) + layer.shape)
    if (last > first).all():
        to, from_ = [slice(*pair) for pair in zip(first - low, last - low, strict=True)], first - corner
        out[tuple(to)] = layer[from_[0] : from_[0] + last[0] - first[0], from_[1] : from_[1] + last[1] - first[1]]
    return out


def _share(layer: Float, place: NDArray[np.int64], radius: int) -> Float:
    """(row,) mean of a layer over a square around each row, of what is known there; NaN where nothing is."""
    known = np.isfinite(layer)
    sums = [
        np.pad(
            np.cumsum(np.cumsum(a, 0, dtype=np.float64), 1), ((1, 0), (1, 0))
        )  # float32 ends to count at 16.8 million
        for a in (np.where(known, layer, 0.0), known)
    ]
    r, c = place[:, 0], place[:, 1]
    top, bottom, left, right = r - radius, r + radius + 1, c - radius, c + radius + 1
    total, many = (s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left] for s in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(many > 0, total / many, np.nan).astype(np.float32)


@fused
def _around(  # pragma: no cover - compiled
    place: NDArray[np.int64], decided: NDArray[np.int32], broke: NDArray[np.int32], out: Float
) -> None:
    """Fill in what is about flagged cells; place: (row, 4) row and column in the layers, day of judgement, day of change."""
    for i in range(len(place)):
        r, c, day, change = place[i]
        counts = np.zeros(len(RADII))
        n7 = sr = sc = srr = scc = src = 0.0
        n15 = tr = tc = trr = tcc = trc = 0.0
        at_once = later = 0.0
        for dr in range(-15, 16):
            for dc in range(-15, 16):
                there = broke[r + dr, c + dc]
                if decided[r + dr, c + dc] > day or abs(there - change) > TOGETHER_DAYS:
                    continue
                reach = max(abs(dr), abs(dc))
                for k in range(len(RADII)):
                    if 0 < reach <= RADII[k]:
                        counts[k] += 1
                n15, tr, tc, trr, tcc, trc = n15 + 1, tr + dr, tc + dc, trr + dr * dr, tcc + dc * dc, trc + dr * dc
                at_once += abs(there - change) <= AT_ONCE_DAYS
                later += there > change
                if reach <= 7:
                    n7, sr, sc, srr, scc, src = n7 + 1, sr + dr, sc + dc, srr + dr * dr, scc + dc * dc, src + dr * dc
        for k in range(len(RADII)):
            out[i, k] = counts[k] / ((2 * RADII[k] + 1) ** 2 - 1)
        small, large = _axes(n7, sr, sc, srr, scc, src)
        out[i, 4] = np.sqrt(large / small)
        small, large = _axes(n15, tr, tc, trr, tcc, trc)
        out[i, 5] = np.sqrt(large)
        out[i, 6] = at_once / max(n15, 1.0)
        out[i, 7] = later / max(n15, 1.0)


@fused
def _axes(n: float, r: float, c: float, rr: float, cc: float, rc: float) -> tuple[float, float]:  # pragma: no cover
    """Variances along the short and the long axis, each cell a square (1/12)."""
    if n == 0:
        return 1.0 / 12, 1.0 / 12
    a, b, d = rr / n - (r / n) ** 2 + 1 / 12, cc / n - (c / n) ** 2 + 1 / 12, rc / n - r * c / n**2
    middle, half = (a + b) / 2, np.sqrt(((a - b) / 2) ** 2 + d**2)
    return max(middle - half, 1.0 / 24), middle + half
