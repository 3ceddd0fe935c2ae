"""Degraded land as SDG indicator 15.3.1 counts it: land cover, soil organic carbon, one out all out, status.

Sources: UNCCD, reporting manual of PRAIS 4 (2026 round), chapter SO1, called the manual below; the open module of SEPAL for
15.3.1; UNCCD, Good Practice Guidance for SDG Indicator 15.3.1, version 2 (2021), which both follow. Arrays are of any shape,
all of one shape, a value a cell. Productivity is in `productivity`, the tables of the manual in `rules`.
"""

from enum import IntEnum
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.errors import BadInput

Numbers = NDArray[np.float64]
Coded = NDArray[np.int8]

HECTARES_A_KM2: Final = 100
SLACK: Final = 1e-9
"""A change this near to its limit is at the limit, which is no change: 33 to 29.7 is ten per cent whatever its last bit says."""


class Condition(IntEnum):
    """What became of a cell, by one sub-indicator or by all."""

    DEGRADED = -1
    STABLE = 0
    IMPROVED = 1
    UNKNOWN = -128


KNOWN: Final = (Condition.DEGRADED, Condition.STABLE, Condition.IMPROVED)
"""In the order of the rows and columns of a status matrix."""


class Cover(IntEnum):
    """The seven classes of the default matrix, in its order."""

    FOREST = 0
    GRASSLAND = 1
    CROPLAND = 2
    WETLAND = 3
    ARTIFICIAL = 4
    OTHER = 5
    WATER = 6


NO_COVER: Final = 255
"""Code of a cell whose land cover is not known."""


def land_cover(before: ArrayLike, after: ArrayLike, matrix: ArrayLike) -> Coded:
    """Condition by the change of land cover from one year to another.

    before, after: rows and columns of the matrix, or NO_COVER. Raises BadInput for other codes, and for a matrix that is not
    square, holds anything but -1, 0 and 1, or calls a class that stayed what it was a change.
    """
    rules = rules_of(matrix, "transition matrix")
    if np.diagonal(rules).any():
        raise BadInput("transition matrix: a class that stays what it is counts as a change; put 0 on the diagonal")
    first, last = alike(before=before, after=after)
    for name, codes in (("before", first), ("after", last)):
        expect(codes, (*range(len(rules)), NO_COVER), name)
    seen = (first != NO_COVER) & (last != NO_COVER)
    made = rules[np.where(seen, first, 0).astype(int), np.where(seen, last, 0).astype(int)]
    return np.where(seen, made, Condition.UNKNOWN).astype(np.int8)


def soil_carbon(before: ArrayLike, after: ArrayLike, limit: float = 0.10) -> Coded:
    """Condition by the change of soil organic carbon, t/ha: beyond 10 % of what there was (manual, SO 1-3 summary).

    NaN = not known, as is a share of 0. Raises BadInput for stocks below 0 and for a limit that is no share.
    """
    if not 0 < limit < 1:
        raise BadInput(f"soil organic carbon: limit {limit:g} is no share between 0 and 1; ten per cent is 0.1")
    first, last = (one.astype(np.float64) for one in alike(before=before, after=after))
    for name, stock in (("before", first), ("after", last)):
        if (stock < 0).any():
            raise BadInput(f"soil organic carbon: {name} holds stocks below 0; write NaN where there is no figure")
    change = ratio(last - first, first)
    made = np.where(np.abs(change) > limit + SLACK, np.sign(np.nan_to_num(change)), Condition.STABLE)
    return np.where(np.isfinite(change), made, Condition.UNKNOWN).astype(np.int8)


Improved = Literal["any", "every"]
"""When a cell that is nowhere degraded improved: where any part did (so Trends.Earth counts), or where every part did."""


def one_out_all_out(*parts: ArrayLike, improved: Improved = "every") -> Coded:
    """Degraded where one of the parts is, else unknown where one is, else improved where any or every part is, else stable.

    That changes no area of degraded land within a period; it does across two of them, for land degraded at first is degraded
    until it improved.
    """
    if not parts:
        raise BadInput(
            "one out, all out: there is no sub-indicator; give land cover, productivity and soil organic carbon"
        )
    codes = np.stack(alike(**{f"part {n}": part for n, part in enumerate(parts, 1)}))
    expect(codes, tuple(Condition), "one out, all out")
    best = codes.max(0) if improved == "any" else codes.min(0)
    made = np.where((codes == Condition.UNKNOWN).any(0), Condition.UNKNOWN, best)
    return np.where((codes == Condition.DEGRADED).any(0), Condition.DEGRADED, made).astype(np.int8)


def status(matrix: ArrayLike, baseline: ArrayLike, period: ArrayLike) -> Coded:
    """Status at the end of a period, by a 3x3 matrix: rows the baseline, columns the period, in the order of KNOWN.

    The manual says of it in words only that what was degraded and then stayed as it was is still degraded (SO 1-4 step 1):
    a matrix that says otherwise is refused.
    """
    rules = rules_of(matrix, "status matrix")
    if len(rules) != len(KNOWN):
        raise BadInput(f"status matrix: {len(rules)} x {len(rules)}; 3 x 3 expected: degraded, stable, improved")
    if rules[0, 1] != Condition.DEGRADED:
        raise BadInput("status matrix: degraded land that stayed stable is still degraded; put -1 into row 1, column 2")
    first, last = alike(baseline=baseline, period=period)
    for name, codes in (("baseline", first), ("period", last)):
        expect(codes, tuple(Condition), name)
    seen = (first != Condition.UNKNOWN) & (last != Condition.UNKNOWN)
    made = rules[np.where(seen, first, 0).astype(int) + 1, np.where(seen, last, 0).astype(int) + 1]
    return np.where(seen, made, Condition.UNKNOWN).astype(np.int8)


def alike(**arrays: ArrayLike) -> list[NDArray[Any]]:
    """All as arrays of one shape."""
    made = {name: np.asarray(one) for name, one in arrays.items()}
    if len({one.shape for one in made.values()}) > 1:
        raise BadInput(
            f"shapes differ: {', '.join(f'{n} {one.shape}' for n, one in made.items())}; one shape is expected"
        )
    return list(made.values())


def expect(codes: NDArray[Any], allowed: tuple[int, ...], name: str) -> None:
    """Raises BadInput for a code that is none of these."""
    strange = codes[~np.isin(codes, [int(one) for one in allowed])]
    if strange.size:
        raise BadInput(f"{name}: code {strange.flat[0]:g} is none of {', '.join(str(int(one)) for one in allowed)}")


def rules_of(given: ArrayLike, name: str) -> NDArray[np.int64]:
    """A square matrix of -1, 0 and 1. Raises BadInput for anything else."""
    try:
        matrix = np.asarray(given, np.float64)
    except (ValueError, TypeError):
        raise BadInput(f"{name}: its rows are not numbers, or not of one length") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise BadInput(f"{name}: shape {matrix.shape}; as many rows as columns are expected, one a class")
    if not np.isin(matrix, (-1, 0, 1)).all():
        raise BadInput(f"{name}: -1 (degraded), 0 (stable) and 1 (improved) are expected, nothing else")
    return matrix.astype(np.int64)


def ratio(top: Any, bottom: Any) -> Numbers:
    """NaN where there is nothing to divide by."""
    some = np.asarray(bottom, np.float64)
    made: Numbers = np.asarray(top, np.float64) / np.where(some > 0, some, np.nan)
    return made
