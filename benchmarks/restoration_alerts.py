"""Is a restored area that is cleared again noticed within a year? Its cells are watched as any forest is. SIMULATED.

The worlds, areas and truths are those of `benchmarks/restoration.py`. Watched is what a job with `context.regrown` watches: land
that has stood again for years. The monitor is that of `configs/series-index.yaml` with three years of history, cell by cell, on
NBR: what neighbours, radar and models add in a job is left out. Areas that were not cleared again are watched for a year, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import regrowth_map
import results
from comparison import plan
from numpy.typing import NDArray
from restoration import DRAWS, SEEDS, SIDE
from restoration_areas import Drawn, Ground, areas, ground

from detection.accuracy.bootstrap import interval, resamples
from detection.accuracy.stream import NEVER, Stream
from detection.codes import NO_YEAR, Monitored
from detection.monitors import Detector, Looks, reach, start
from detection.types import Days, to_day
from jobs.config import SeriesConfig, load
from jobs.evaluation.contestants import PixelMonitor
from jobs.evaluation.pieces import open_piece, pieces
from jobs.evidence import in_history
from jobs.reports.restoration.courses import AreaCourse
from jobs.reports.restoration.recovery import Course

HISTORY: Final = 3
"""Years before the watch that the monitor learns from."""
LOOKS_FROM: Final = date(2005, 1, 1)
WATCHED: Final = range(2009, 2024)
"""Years of clearings that are asked for: history before, a whole year after."""
YEAR: Final = 365
MOST: Final = 0.5
"""Share of the cells of an area that must be said."""


@dataclass(frozen=True)
class Watch:
    """An area and the year from whose first day it is watched."""

    area: Drawn
    """The area."""
    year: int
    """The year."""
    cells: NDArray[np.int64]
    """Cells of the world that are watched."""
    day: Days
    """(cell,) day by which it was cleared again, NEVER where it was not."""


@dataclass(frozen=True)
class Told:
    """What came of a watch."""

    variant: str
    """open or blind."""
    again: bool
    """Was it cleared again?"""
    noticed: float | None
    """Days from the clearing of most of it until most of it was confirmed; None: not within a year."""
    alarmed: float | None
    """The same until most of it was at least provisional."""
    falsely: bool
    """Was most of it confirmed before it was cleared, or though it was not?"""
    watchable: bool
    """Had most of it a history by which it can be watched? Of the rest a job says that it cannot."""


def watches(known: Ground, drawn: Sequence[Drawn]) -> Iterator[Watch]:
    """Of areas that grew back: those that were cleared again in WATCHED, and the others, in the last of these years."""
    for one in drawn:
        grown = np.isin(one.course, (Course.RECOVERING, Course.RECLEARED)) & (one.onset != NO_YEAR)
        if one.truth == AreaCourse.RECLEARED:
            mine = grown & (one.again != NO_YEAR)
            year = int(np.median(one.again[mine])) if mine.any() else NO_YEAR
        elif one.truth == AreaCourse.RECOVERING:
            mine, year = grown & (one.course == Course.RECOVERING), WATCHED[-1]
        else:
            continue
        mine &= one.onset < year - HISTORY  # what has not stood so long has no history to be watched by
        if year in WATCHED and mine.sum() >= MOST * grown.sum() and mine.any():
            cells = one.cells[mine]
            days = [_day(known, int(cell), int(again)) for cell, again in zip(cells, one.again[mine], strict=True)]
            yield Watch(one, year, cells, np.array(days))


def _day(known: Ground, cell: int, again: int) -> int:
    """The first day of the month in which a cell was no longer grown."""
    if again == NO_YEAR:
        return NEVER
    months = [m for m in np.flatnonzero(known.fell[:, cell]) + 1 if known.months[m - 1].year == again]
    return to_day(known.months[months[-1]]) if months else to_day(date(again, 12, 31))


def told(watch: Watch, stream: Stream, monitor: PixelMonitor, variant: str) -> Told:
    """Watch it for the rest of its year and a year more."""
    first = to_day(date(watch.year, 1, 1))
    looks = replace(stream.take(watch.cells), monitor_day=first).until(to_day(date(watch.year + 1, 12, 31)))
    said = monitor(looks)
    again = bool((watch.day != NEVER).any())
    middle = float(np.median(watch.day[watch.day != NEVER])) if again else float(first + YEAR)
    when = [_reached(said.series, days, len(watch.cells)) for days in (said.confirmed, said.first)]
    early = when[0] is not None and when[0] < (middle - 31 if again else middle)  # a month: truth is known by months
    late = [None if day is None or not again or day - middle > YEAR or early else day - middle for day in when]
    return Told(variant, again, late[0], late[1], early, _watchable(looks, monitor))


def _watchable(stream: Stream, monitor: PixelMonitor) -> bool:
    config, panel = monitor.config, stream.panel(monitor.value)
    days = np.array([scene.day for scene in panel.scenes], np.int32)
    past = Looks(panel.scenes, panel.values[monitor.value][:, None]).take(in_history(days, stream.monitor_day, HISTORY))
    detector = Detector(config.history, config.monitor, config.decision, config.loss)
    status = reach(start(detector, past, inside=np.ones(stream.many, np.bool_)))
    return bool(np.isin(status, (Monitored.MONITORED, Monitored.NO_LOOK)).mean() >= MOST)  # no look yet


def _reached(series: NDArray[np.int64], days: Days, many: int) -> float | None:
    """The day on which MOST of the cells had been said."""
    best = np.full(many, np.inf)
    there = days != NEVER
    np.minimum.at(best, series[there], days[there])
    ordered = np.sort(best)
    day = ordered[int(np.ceil(MOST * many)) - 1]
    return float(day) if np.isfinite(day) else None


def measured() -> Iterator[Told]:
    """Every world of both variants."""
    asked, config = plan("comparison-archives"), load(Path(__file__).parents[1] / "configs" / "series-index.yaml")
    assert isinstance(config, SeriesConfig)
    monitor = PixelMonitor(replace(config, history=replace(config.history, years=HISTORY)))
    data: Any = replace(asked.data, cells=SIDE, seeds=SEEDS, start=LOOKS_FROM, monitor_from=date(WATCHED[0], 1, 1))
    why = "re-clearing of restored areas"
    regrowth_map.record_blind(replace(asked, name="restoration-alerts", data=data), "series-index", why)
    for piece in pieces("restoration", data):
        assert piece.scene is not None
        known = ground(replace(piece.scene, start=asked.data.start))  # type: ignore[union-attr]
        mine = list(watches(known, areas(replace(piece.scene, start=asked.data.start), known)))  # type: ignore[union-attr]
        print(f"{piece.name}: {len(mine)} areas to watch", flush=True)
        if mine:
            stream = open_piece(piece, data, ("nbr",)).stream
            yield from (told(one, stream, monitor, piece.group[1]) for one in mine)


def lines(every: Sequence[Told]) -> list[str]:
    """The section of RESULTS.md."""
    heads = (
        "worlds", "areas cleared again", "confirmed within a year", "alarm within a year", "median days to confirm",
        "to the alarm", "of which can be watched", "of these confirmed within a year", "others, watched a year",
        "of them confirmed falsely",
    )  # fmt: skip
    made = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for variant in dict.fromkeys(one.variant for one in every):
        cleared = [one for one in every if one.variant == variant and one.again]
        others = [one for one in every if one.variant == variant and not one.again]
        shares = [_share([getattr(one, name) is not None for one in cleared]) for name in ("noticed", "alarmed")]
        days = [
            [getattr(one, name) for one in cleared if getattr(one, name) is not None] for name in ("noticed", "alarmed")
        ]
        middles = [f"{np.median(some):.0f}" if some else "-" for some in days]
        able = [one.noticed is not None for one in cleared if one.watchable]
        false = [one.falsely for one in others]
        row = [
            variant,
            str(len(cleared)),
            *shares,
            *middles,
            str(len(able)),
            _share(able),
            str(len(others)),
            _share(false),
        ]
        made.append(f"| {' | '.join(row)} |")
    return made


def _share(hits: Sequence[bool]) -> str:
    if not hits:
        return "-"
    values = np.array(hits, np.float64)
    drawn = np.concatenate([counts @ values / len(values) for counts in resamples(len(values), DRAWS, 1)])
    low, high = interval(drawn)
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Measure and record."""
    every = list(measured())
    told_ = [
        f"SIMULATED, both variants, worlds of `benchmarks/restoration.py` ({len(SEEDS)} a region, {SIDE} cells a side): areas",
        f"that had grown back for more than {HISTORY} years before the year in which most of them was cleared again, watched",
        "from its first day, cell by cell, on Landsat's NBR, by that of `configs/series-index.yaml` with three years of history.",
        "An area is noticed when half of its cells are confirmed (or provisional: alarm). What rose lately or was seldom seen in",
        "three years cannot be watched, and a job says so. 95 % intervals by bootstrap of areas.",
        "",
        *lines(every),
    ]
    print("\n".join(told_))
    results.record("Re-clearing of restored areas", told_, "python benchmarks/restoration_alerts.py")


if __name__ == "__main__":
    main()
