"""What the looks at a cell were like before a break and after it, in numbers: the same for alerts and for whole archives.

A row is a cell at a moment: a change that began on one day, judged on another. Only looks up to that day are read. What is
said of a plane is said of every plane, whatever sensor it comes from; planes that are not there leave their columns missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.harmonics import YEAR_DAYS
from detection.lanes import fused
from detection.monitors import Looks
from detection.prepare.indices import normalised_difference
from detection.types import Days, Float, Planes, Scene

MOMENT: Final = np.dtype(
    [
        ("pixel", "i4"),  # position among the looks' pixels
        ("broke", "i4"),  # day of the first look after the change
        ("clear", "i4"),  # day of the last look before it, -1 where none is known
        ("decided", "i4"),  # day on which it is judged: later looks are not read
        ("sigma", "f4"),  # how far the detector thinks it fell, in residual scales; NaN where it does not say
        ("count", "i4"),  # looks that the detector found anomalous; -1 where it does not say
    ]
)
"""A cell at a moment. Days are since 1970-01-01 UTC."""
OPTICAL: Final = ("nbr", "nir", "swir2", "ndmi", "mndwi", "red", "doubt")
RADAR: Final = ("vv", "vh", "cross_ratio")
BEFORE_DAYS: Final = 730
"""Looks so long before a break are what it was like before (chosen: two wet and two dry seasons)."""
AFTER_DAYS: Final = 365
"""Looks up to so long after it are what came of it (chosen: later ones show what grew there)."""
LATE_DAYS: Final = 182
"""The end of what was before: did it drift already?"""
LEAST: Final = 3
"""Looks before, of one orbit, below which its level is not known (chosen)."""
LEAST_YEAR: Final = 12
"""Looks before, below which a yearly swing is not fitted (chosen: four times its three numbers)."""
FLOOR: Final[Mapping[str, float]] = {"optical": 0.01, "radar": 0.3}
"""Added to the spread below a ratio, reflectance or dB: no plane is known better (chosen)."""
STATISTICS: Final[Mapping[str, str]] = {
    "level": "median before",
    "spread": "half the distance of the 16th and the 84th percentile before",
    "swing": "amplitude of a yearly sine before; needs 12 looks",
    "drift": "median of the half year before, less the level",
    "change": "median after, less the level",
    "last": "median of the last three looks, less the level",
    "restless": "as `spread`, of the looks after",
    "ratio": "change over spread",
    "lowest": "tenth percentile after, less the level",
}
"""Suffix of a feature of a plane -> meaning, in units of the plane but for `ratio`. Before is two years, after one at most;
levels are taken orbit by orbit, so that radar looks of several orbits count together. Missing: no look of the kind in time."""
OF_THE_MOMENT: Final[Mapping[str, str]] = {
    "optical_after": "optical looks after; how many there were before is not told: it says where and when, not what",
    "radar_after": "radar looks after",
    "days": "days from the change to the judgement",
    "gap": "days from the last look before the change to the first after it; missing where none is known",
    "sigma": "how far it fell in the detector's residual scales; missing where the detector does not say",
    "count": "looks that the detector found anomalous; missing where it does not say",
    "season_sin": "sine of the day of the year of the change",
    "season_cos": "cosine of the same",
}
"""Feature -> meaning."""
MADE: Final[Mapping[str, tuple[tuple[str, ...], Callable[..., Float]]]] = {
    "nbr": (("nir", "swir2"), normalised_difference),
    "ndmi": (("nir", "swir1"), normalised_difference),
    "mndwi": (("green", "swir1"), normalised_difference),
    "swir2": (("nbr", "nir"), lambda nbr, nir: (nir * (1 - nbr) / np.maximum(1 + nbr, 1e-3)).astype(np.float32)),
    "cross_ratio": (("vh", "vv"), lambda vh, vv: (vh - vv).astype(np.float32)),
}
"""A plane -> the planes it can be made of where it is not there itself."""


def names(optical: Sequence[str] = OPTICAL, radar: Sequence[str] = RADAR) -> tuple[str, ...]:
    """The features of these planes in the order of the columns of `around`."""
    return (*(f"{plane}_{suffix}" for plane in (*optical, *radar) for suffix in STATISTICS), *OF_THE_MOMENT)


def around(
    looks: Looks, planes: Planes, moments: NDArray[Any], optical: Sequence[str] = OPTICAL, radar: Sequence[str] = RADAR
) -> Float:
    """(row, feature) float32, columns as `names` has them, NaN where missing.

    looks: in canonical order; planes: what their slots hold; moments: MOMENT rows, any order; optical and radar: the planes
    to tell of.
    """
    pixels, place = np.unique(moments["pixel"], return_inverse=True)
    is_radar = np.array([scene.radar for scene in looks.scenes], np.bool_)
    blocks: list[Float] = []
    counts: list[Float] = []
    for kind, there, wanted in (("optical", planes.optical, optical), ("radar", planes.radar, radar)):
        mine = np.flatnonzero(is_radar == (kind == "radar"))
        scenes = [looks.scenes[i] for i in mine]
        given = {name: looks.values[mine, slot][:, pixels] for slot, name in enumerate(there)}
        told, seen = _of_planes(given, scenes, moments, place, wanted, FLOOR[kind])
        blocks.append(told)
        counts.append(seen)
    return np.concatenate([*blocks, _of_moments(moments, np.stack(counts, 1))], 1)


def _of_planes(
    given: Mapping[str, Float],
    scenes: Sequence[Scene],
    moments: NDArray[Any],
    place: NDArray[np.intp],
    wanted: Sequence[str],
    floor: float,
) -> tuple[Float, Float]:
    """(row, plane x statistic), and (row,) looks after of the plane that has most."""
    many, width = len(moments), len(STATISTICS)
    out = np.full((many, len(wanted) * width), np.nan, np.float32)
    seen = np.zeros(many, np.float32)
    days = np.array([scene.day for scene in scenes], np.int32)
    _, group = np.unique([scene.orbit or "" for scene in scenes] or [""], return_inverse=True)
    for i, name in enumerate(wanted):
        values = plane(name, given)
        if values is None or not len(days):
            continue
        part, count = np.full((many, width), np.nan, np.float32), np.zeros(many, np.float32)
        _tell(
            values,
            days,
            group[: len(days)].astype(np.int64),
            place.astype(np.int64),
            _spans(moments),
            floor,
            part,
            count,
        )
        out[:, i * width : (i + 1) * width] = part
        seen = np.maximum(seen, count)
    return out, seen


def plane(name: str, given: Mapping[str, Float]) -> Float | None:
    """A plane that is there, or is made of others; None where it is neither."""
    if name in given:
        return np.ascontiguousarray(given[name], np.float32)
    sources, made = MADE.get(name, ((), None))
    if made is None or any(source not in given for source in sources):
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.ascontiguousarray(made(*(given[source] for source in sources)))


def widened(planes: Planes, told: Planes, given: Callable[[str], bool] = lambda _: True) -> Planes:
    """The planes that looks have, and after them those to tell of that can neither be found among them nor be made of them;
    given: can the source give an optical plane? Kinds of sensor that have no plane get none."""

    def more(there: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
        made = (n for n in wanted if n in MADE and all(source in there for source in MADE[n][0]))
        known = {*there, *made}
        return (*there, *(n for n in wanted if n not in known and given(n))) if there else ()

    return Planes(more(planes.optical, told.optical), planes.radar)


def _spans(moments: NDArray[Any]) -> NDArray[np.int64]:
    """(row, 2) days: of the change, and of the last look that is read."""
    broke, decided = moments["broke"].astype(np.int64), moments["decided"].astype(np.int64)
    return np.stack([broke, np.minimum(decided, broke + AFTER_DAYS)], 1)


def _of_moments(moments: NDArray[Any], counts: Float) -> Float:
    day = moments["broke"].astype(np.float64)
    gap = np.where(moments["clear"] >= 0, day - moments["clear"], np.nan)
    count = np.where(moments["count"] >= 0, moments["count"], np.nan)
    turn = 2 * np.pi * day / YEAR_DAYS
    columns = [moments["decided"] - day, gap, moments["sigma"], count, np.sin(turn), np.cos(turn)]
    return np.concatenate([counts, np.stack(columns, 1).astype(np.float32)], 1)


def levels(looks: Looks, planes: Planes, name: str, until: int) -> Float:
    """(pixel,) median of an optical plane over the looks before a day; NaN where it was never seen or is not there."""
    past = [i for i, scene in enumerate(looks.scenes) if not scene.radar and scene.day < until]
    if name not in planes.optical or not past:
        return np.full(looks.values.shape[2], np.nan, np.float32)
    out = np.full(looks.values.shape[2], np.nan, np.float32)
    _medians(np.ascontiguousarray(looks.values[past, planes.optical.index(name)]), out)
    return out


@fused
def _medians(values: Float, out: Float) -> None:  # pragma: no cover - compiled
    kept = np.empty(values.shape[0], np.float32)
    for p in range(values.shape[1]):
        n = 0
        for t in range(values.shape[0]):
            if np.isfinite(values[t, p]):
                kept[n] = values[t, p]
                n += 1
        if n:
            out[p] = np.median(kept[:n])


@fused
def _quantile(ordered: Float, share: float) -> float:  # pragma: no cover - compiled
    """By linear interpolation, of values in order."""
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (at - low) * (ordered[high] - ordered[low]))


@fused
def _swing(days: Days, values: Float) -> float:  # pragma: no cover - compiled
    """Amplitude of the yearly sine by least squares beside a constant."""
    a = np.zeros((3, 3))
    b = np.zeros(3)
    row = np.ones(3)
    for i in range(len(values)):
        turn = 2 * np.pi * days[i] / YEAR_DAYS
        row[1], row[2] = np.sin(turn), np.cos(turn)
        for j in range(3):
            b[j] += row[j] * values[i]
            for k in range(3):
                a[j, k] += row[j] * row[k]
    for j in range(3):
        a[j, j] += 1e-6 * len(values)  # looks of one season alone: no swing is seen, none is said
    fit = np.linalg.solve(a, b)
    return float(np.hypot(fit[1], fit[2]))


@fused
def _tell(  # pragma: no cover - compiled
    values: Float,
    days: Days,
    group: NDArray[np.int64],
    place: NDArray[np.int64],
    spans: NDArray[np.int64],
    floor: float,
    out: Float,
    counts: Float,
) -> None:
    """Fill in the statistics of a plane; values: (look, cell), out: (row, statistic), counts: (row,) looks after."""
    looks, groups = values.shape[0], group.max() + 1
    kept, when, some = np.empty(looks, np.float32), np.empty(looks, np.int32), np.empty(looks, np.float32)
    level = np.empty(groups, np.float32)
    for r in range(len(place)):
        broke, until = spans[r, 0], spans[r, 1]
        first, at = np.searchsorted(days, broke - BEFORE_DAYS), np.searchsorted(days, broke)
        end = np.searchsorted(days, until, side="right")
        column = values[:, place[r]]
        for g in range(groups):
            n = 0
            for t in range(first, at):
                if group[t] == g and np.isfinite(column[t]):
                    some[n] = column[t]
                    n += 1
            level[g] = np.median(some[:n]) if n >= LEAST else np.nan
        n = 0
        total = 0.0
        for t in range(first, at):
            if np.isfinite(column[t]) and np.isfinite(level[group[t]]):
                kept[n], when[n] = column[t] - level[group[t]], days[t]
                total += level[group[t]]
                n += 1
        if n < LEAST:
            continue
        out[r, 0] = total / n
        ordered = np.sort(kept[:n])
        spread = (_quantile(ordered, 0.84) - _quantile(ordered, 0.16)) / 2
        out[r, 1] = spread
        if n >= LEAST_YEAR:
            out[r, 2] = _swing(when[:n], kept[:n])
        late = np.searchsorted(when[:n], broke - LATE_DAYS)
        if n - late >= LEAST:
            out[r, 3] = np.median(kept[late:n])
        m = 0
        for t in range(at, end):
            if np.isfinite(column[t]) and np.isfinite(level[group[t]]):
                some[m] = column[t] - level[group[t]]
                m += 1
        counts[r] = m
        if m:
            change = np.median(some[:m])
            out[r, 4] = change
            out[r, 5] = np.median(some[max(0, m - 3) : m])
            after = np.sort(some[:m])
            out[r, 6] = (_quantile(after, 0.84) - _quantile(after, 0.16)) / 2
            out[r, 7] = change / (spread + floor)
            out[r, 8] = _quantile(after, 0.1)
