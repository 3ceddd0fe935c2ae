"""How every registered area does, out of its cells year by year; what it was in the baseline is frozen."""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.bootstrap import Estimate, interval, resamples
from detection.errors import BadInput
from detection.segments.recovery import NOT_REACHED
from detection.sources.pieces import one_line
from jobs.reports.restoration.archive import Archive
from jobs.reports.restoration.asked import RecoveryAsked
from jobs.reports.restoration.cells import Cells, cells_of, gathered
from jobs.reports.restoration.courses import AreaCourse, Plot, course_of, measured_many, onset_of, recleared_of
from jobs.reports.restoration.land import Land
from jobs.reports.restoration.recovery import Baseline, Course, Recovered, Series, frozen, rows

Progress = Callable[[str, int, int], None]
BASELINES: Final = (
    "register",
    "area_id",
    "index",
    "first_year",
    "last_year",
    "pixels",
    "parameters",
    "imagery",
    "sha256",
)
"""Columns of `restoration_baselines.csv`."""
TOO_SMALL: Final = "less than one cell of the map lies in it"


@dataclass(frozen=True)
class Outcome:
    """How an area does."""

    place: int
    """Of the area in `Land.areas`."""
    course: AreaCourse
    """What most of it does."""
    onset: int | None
    """Year in which most of what came back began to; None where nothing did."""
    recleared: int | None
    """Year in which most of what was cleared again was; None where nothing was."""
    shares: Mapping[Course, Estimate]
    """Share of its hectares on each course, with intervals."""
    restored: float
    """Share of its hectares that stand again at what counts as recovered, never above that of those recovering."""
    baseline: Baseline
    """It was measured against."""
    baseline_kept: bool
    """Was the baseline frozen earlier, and is still what it was? False: frozen now."""
    lines: tuple[tuple[Any, ...], ...]
    """Of `recovery_by_polygon`."""
    keys: NDArray[np.int64]
    """(cell,) each cell by a number of its own."""
    courses: NDArray[np.uint8]
    """(cell,) `Course`."""
    back: NDArray[np.bool_]
    """(cell,) does it stand again at what counts as recovered?"""
    hectares: NDArray[np.float64]
    """(cell,) of the part of it that lies in the area."""
    size: float
    """Hectares of a whole cell, or that a cell stands for."""


@dataclass(frozen=True)
class Outcomes:
    """How all areas do."""

    archive: Archive
    """They were measured on."""
    asked: RecoveryAsked
    """How."""
    each: Mapping[int, Outcome]
    """By the place of the area."""
    unmeasured: Mapping[int, str]
    """Place of an area -> why nothing can be said of it."""
    changed: tuple[str, ...]
    """Areas whose frozen baseline is not what it was, with what differs: they are measured against what it is now."""
    hectares: Mapping[Course, Estimate]
    """Hectares on each course, cells of several areas once, with 95 % intervals (areas drawn with replacement)."""
    restored: Estimate
    """Hectares that stand again at what counts as recovered."""


def outcomes(asked: RecoveryAsked, archive: Archive, land: Land, *, progress: Progress = lambda *_: None) -> Outcomes:
    """Measure every area where restoration has begun. Raises BadInput for a baseline that the history does not cover."""
    _check_years(asked, archive)
    told = read_baselines(asked.frozen) if asked.frozen else {}
    found = cells_of([land.areas[place][1].geometry for place in land.begun], archive.plane.grid)
    placed = tuple(replace(one, place=land.begun[one.place]) for one in found)
    cells = tuple(one for one in placed if one.enough)
    unmeasured = {one.place: TOO_SMALL for one in placed if not one.enough}
    made: dict[int, Outcome] = {}
    changed: list[str] = []
    waiting: deque[tuple[Cells, Series]] = deque()
    for each in measured_many(asked.measuring, _plots(asked, archive, land, cells, waiting, progress)):
        one, series = waiting.popleft()
        earlier = told.get((series.area, series.index))
        differs = "" if earlier is None else _differs(earlier, each.baseline)
        changed += [differs] if differs else []
        made[one.place] = _outcome(one, each, kept=earlier is not None and not differs)
    ordered = {place: made[place] for place in sorted(made)}
    hectares, restored = totals(tuple(ordered.values()), asked.measuring.draws, asked.measuring.seed)
    return Outcomes(archive, asked, ordered, unmeasured, tuple(sorted(changed)), hectares, restored)


def _check_years(asked: RecoveryAsked, archive: Archive) -> None:
    missing = [year for year in range(asked.baseline_first, asked.baseline_last + 1) if year not in archive.years]
    if missing:
        there = f"{min(archive.years)} to {max(archive.years)}"
        raise BadInput(
            f"recovery: the history has no year {missing[0]} of the baseline; it has {there}: set baseline_first and _last"
        )


def _plots(
    asked: RecoveryAsked,
    archive: Archive,
    land: Land,
    cells: Sequence[Cells],
    waiting: deque[tuple[Cells, Series]],
    progress: Progress,
) -> Iterator[Plot]:
    """What is to be measured; whose it is waits beside it, in the same order."""
    years = np.array(sorted(archive.years), np.int32)
    bands = [archive.years[int(year)] for year in years]
    for one, values in gathered(archive.plane, bands, cells, progress=progress):
        name, area = land.areas[one.place]
        series = Series(f"{name}/{area.id}", archive.index, years, values)
        waiting.append((one, series))
        baseline = frozen(asked.measuring.recovery, series, asked.baseline_first, asked.baseline_last)
        reference = archive.intact(one, asked.baseline_first, asked.baseline_last)
        yield Plot(series, baseline, area.year_start, reference, one.hectares)


def _outcome(one: Cells, found: Recovered, *, kept: bool) -> Outcome:
    reached = np.isfinite(found.metrics.y2r) & (found.metrics.y2r != NOT_REACHED)
    back = reached & (found.course == Course.RECOVERING)
    return Outcome(
        place=one.place,
        course=course_of(found),
        onset=onset_of(found),
        recleared=recleared_of(found),
        shares=found.shares,
        restored=float(one.hectares[back].sum() / one.hectares.sum()),
        baseline=found.baseline,
        baseline_kept=kept,
        lines=rows(found),
        keys=(one.rows << np.int64(32)) + one.columns,
        courses=found.course,
        back=back,
        hectares=one.hectares,
        size=one.size,
    )


def totals(each: Sequence[Outcome], draws: int, seed: int) -> tuple[dict[Course, Estimate], Estimate]:
    """Hectares on each course, and hectares restored: no cell counts more than once, the first areas that hold it go first.

    Intervals: percentiles over areas drawn with replacement (Efron & Tibshirani 1993), since areas, not cells, are what was
    chosen; they say how much areas differ, not how sure the map is. None of fewer than two areas.
    """
    parts = np.zeros((len(each), len(Course) + 1))
    for row, one, mine in zip(parts, each, _counted(each), strict=True):
        row[:-1] = np.bincount(one.courses, mine, len(Course))
        row[-1] = mine[one.back].sum()
    sums = parts.sum(0)
    lots = resamples(len(each), draws, seed) if len(each) > 1 else ()
    drawn = np.concatenate([np.zeros((0, len(sums))), *(counts @ parts for counts in lots)])
    made = [Estimate(float(sums[i]), *interval(drawn[:, i]), float(sums[:-1].sum())) for i in range(len(sums))]
    return dict(zip(Course, made[:-1], strict=True)), made[-1]


def _counted(each: Sequence[Outcome]) -> list[NDArray[np.float64]]:
    """Of each area, (cell,) hectares that count: those of areas before it, up to a whole cell, are taken already."""
    if not each:
        return []
    keys, size = np.concatenate([one.keys for one in each]), np.concatenate([one.hectares for one in each])
    whole = np.repeat([one.size for one in each], [len(one.keys) for one in each])
    order = np.argsort(keys, kind="stable")
    running = np.cumsum(size[order])
    new = np.diff(keys[order], prepend=keys.min() - 1) != 0
    before = running - size[order]
    taken = before - np.maximum.accumulate(np.where(new, before, 0.0))
    counted = np.empty(len(keys))
    counted[order] = np.clip(whole[order] - taken, 0.0, size[order])
    return np.split(counted, np.cumsum([len(one.keys) for one in each])[:-1])


def _differs(earlier: Mapping[str, str], now: Baseline) -> str:
    """In which of what was frozen a baseline is another one; empty: in none."""
    mine = {
        "pixels": now.pixels,
        "first_year": now.first,
        "last_year": now.last,
        "parameters": now.parameters,
        "sha256": now.sha256,
    }
    odd = [name for name, value in mine.items() if earlier[name] != str(value)]
    return f"{now.area}, {now.index}: {', '.join(odd)}" if odd else ""


def read_baselines(path: Path) -> dict[tuple[str, str], Mapping[str, str]]:
    """(register/area, index) -> what was frozen of it, out of `restoration_baselines.csv`. Raises BadInput."""
    try:
        lines = list(csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{path.name}: cannot be read ({one_line(error)}); give restoration_baselines.csv of a report"
        ) from None
    if (
        not lines
        or any(None in line or None in line.values() for line in lines)
        or not set(BASELINES) <= lines[0].keys()
    ):
        raise BadInput(
            f"{path.name}: is no table of baselines; give restoration_baselines.csv of a report, as it was written"
        )
    return {(f"{line['register']}/{line['area_id']}", line["index"]): line for line in lines}
