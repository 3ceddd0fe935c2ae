"""What was acquired, what was read, what was clear, and which gaps nobody explains. Pure: it reads no file and no clock.

"No alert" is never the same as "not seen". Every acquisition that the catalogue lists has one fate per tile:

    acquired = read + outside + missing + failed + unread
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from itertools import pairwise
from typing import Final

import numpy as np

from detection.types import SECONDS_A_DAY, Row, Scene, to_date

GAP_INTERVALS: Final = 3.0
"""A gap is longer than so many of the sensor's usual intervals: at least three acquisitions in a row did not come. Chosen:
one or two that are not there are ordinary, since providers leave out scenes that are all cloud."""
USUAL_INTERVALS: Final = 3
"""With fewer intervals than this nothing is usual yet, and no gap is named (chosen)."""
LONGEST_WEIGHT: Final = 32
"""Days beyond which an interval weighs no more in what is usual (chosen: two repeats of one Landsat), so that one very long
gap does not become the rule."""
CLEAR_FROM: Final = 0.1
"""Share of a tile's cells that must be observed for a look to be called clear (chosen: a few cells between clouds are no
look at the tile; they are still taken in and count in the clear share)."""


class Fate(IntEnum):
    """What became of an acquisition; over several tiles the largest counts, so that no failure hides behind a success."""

    OUTSIDE = 0
    MISSING = 1
    READ = 2
    UNREAD = 3
    FAILED = 4


WORDS: Final = {Fate.FAILED: "could not be read", Fate.UNREAD: "not read yet", Fate.MISSING: "lacked a band"}
"""Fates that explain a gap, for people."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one tile saw of one scene, in cells of its own that lie within the area."""

    tile: str
    """Id of the tile."""
    scene: str
    """Id of the scene."""
    sensor: str
    """Family of sensors, a key of `SENSORS`."""
    platform: str
    """e.g. `landsat-8`."""
    day: int
    """Days since 1970-01-01."""
    observed: int
    """Cells seen clearly."""
    masked: int
    """Cells under cloud, shadow or nodata."""
    outside: int
    """Cells the scene does not reach."""
    missing: int
    """Cells for which the provider lacks a band."""
    failed: int
    """Cells that could not be read."""

    @property
    def cells(self) -> int:
        """All of the tile's cells within the area."""
        return self.observed + self.masked + self.outside + self.missing + self.failed

    @property
    def fate(self) -> Fate:
        """One cell that failed makes the scene failed: it is not taken in by halves, but asked for again."""
        if self.failed:
            return Fate.FAILED
        if self.observed or self.masked:
            return Fate.READ
        return Fate.MISSING if self.missing else Fate.OUTSIDE


@dataclass(frozen=True)
class Gap:
    """Days on which nothing was seen: `first` and `last` are the looks (or the ends of the period) around them."""

    first: date
    """The last time before."""
    last: date
    """The first time after."""
    reason: str = ""
    """What explains it; empty: nothing on record does."""

    @property
    def days(self) -> int:
        """From one look to the next."""
        return (self.last - self.first).days


@dataclass(frozen=True)
class Look:
    """One acquisition, over all tiles."""

    scene: str
    """Id of the scene."""
    sensor: str
    """Family of sensors."""
    day: date
    """When."""
    fate: str
    """Name of its `Fate`, in small letters."""
    clear: float
    """Observed cells of all cells within the area."""


@dataclass(frozen=True)
class Line:
    """The account of one sensor, over all tiles or over one."""

    sensor: str
    """Family of sensors."""
    tile: str
    """Id of the tile; empty: all tiles together."""
    acquired: int
    """Scenes in the catalogue."""
    read: int
    """Scenes of which at least one cell was observed or masked."""
    outside: int
    """Scenes that do not reach the tile."""
    missing: int
    """Scenes the provider lists without a band that is needed."""
    failed: int
    """Scenes of which at least a part could not be read; they are asked for again at the next run."""
    unread: int
    """Scenes not asked for yet."""
    clear_share: float | None
    """Observed cells of those observed or masked, over the scenes read; None when none was."""
    usual_days: float | None
    """Usual interval between acquisitions, days; None when there are too few to say."""
    last_clear: date | None
    """Day of the last clear look; None: there was none."""
    longest_dark: Gap | None
    """The longest time in the monitoring period without a clear look; None when nothing has been monitored yet."""
    gaps: tuple[Gap, ...]
    """Times without a look much longer than usual, with what explains them."""


@dataclass(frozen=True)
class Completeness:
    """All that a job can say about what it did not see."""

    lines: tuple[Line, ...]
    """A line per sensor, all tiles together."""
    by_tile: tuple[Line, ...] = ()
    """A line per sensor and tile."""
    failed: tuple[tuple[str, str], ...] = ()
    """(scene id, reason) of what could not be read."""
    missing: tuple[tuple[str, str], ...] = ()
    """(scene id, which bands) of what the provider lists but does not have."""
    notes: tuple[tuple[str, int], ...] = ()
    """(what was wrong with the catalogue's entry, number of scenes), the most frequent first."""
    looks: tuple[Look, ...] = ()
    """Every acquisition, in order."""
    unrecorded: int = 0
    """Scenes taken in before this was recorded; they stand in no line."""

    def worst(self, sensor: str) -> Line | None:
        """The tile that was longest without a clear look by this sensor."""
        dark = [line for line in self.by_tile if line.sensor == sensor and line.longest_dark is not None]
        return max(dark, key=lambda line: (line.longest_dark.days if line.longest_dark else 0, line.tile), default=None)


def looked(tile: str, rows: Iterable[Row], seen: Mapping[str, Sequence[int]]) -> tuple[Coverage, ...]:
    """What a tile saw, for the ledger. seen: scene id -> cells per code of `codes.Observation`, in its order."""
    return tuple(
        Coverage(tile, row.scene.id, row.sensor, row.scene.platform, row.scene.day, *seen[row.scene.id])
        for row in rows
        if row.scene.id in seen
    )


def recorded_rows(coverage: Iterable[Coverage]) -> tuple[Row, ...]:
    """The manifest as the ledger remembers it: every scene that any tile asked for, in canonical order, without assets."""
    rows = {c.scene: Row(Scene(c.day * SECONDS_A_DAY, c.platform, c.scene), c.sensor) for c in coverage}
    return tuple(sorted(rows.values(), key=lambda row: row.scene))


def reasons(failures: Iterable[str]) -> dict[str, str]:
    """Scene id -> why it could not be read, from the failures of all runs, oldest first (`scene ID: reason`)."""
    said = (line.removeprefix("scene ").partition(": ") for line in failures if line.startswith("scene "))
    return {scene: why for scene, _, why in said}


def completeness(
    rows: Sequence[Row],
    coverage: Sequence[Coverage],
    tiles: Sequence[str],
    monitor_day: int,
    *,
    taken: Collection[str] = (),
    bands: Mapping[str, Sequence[str]] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Completeness:
    """The whole account of a job.

    taken: ids of scenes taken in, to know those taken in before coverage was recorded. bands: sensor -> bands that are
    needed, to name those missing. reasons: scene id -> why it could not be read.
    """
    on_record = {c.scene for c in coverage}
    before = set(taken) - on_record
    known = [row for row in rows if row.scene.id not in before]
    failed, missing = ({c.scene for c in coverage if c.fate is fate} for fate in (Fate.FAILED, Fate.MISSING))
    why = {s: (reasons or {}).get(s, WORDS[Fate.FAILED]) for s in failed}
    lines = account(known, coverage, tiles, monitor_day)
    return Completeness(
        lines=tuple(line for line in lines if not line.tile),
        by_tile=tuple(line for line in lines if line.tile),
        failed=tuple((r.scene.id, why[r.scene.id]) for r in known if r.scene.id in failed),
        missing=tuple((r.scene.id, _lacking(r, bands or {})) for r in known if r.scene.id in missing),
        notes=tuple(sorted(Counter(r.note for r in known if r.note).items(), key=lambda note: (-note[1], note[0]))),
        looks=_looks(known, coverage, tiles),
        unrecorded=len(before),
    )


def _looks(rows: Sequence[Row], coverage: Sequence[Coverage], tiles: Sequence[str]) -> tuple[Look, ...]:
    found: dict[str, list[Coverage]] = {row.scene.id: [] for row in rows}
    for one in coverage:
        found.get(one.scene, []).append(one)
    return tuple(
        Look(
            scene=row.scene.id,
            sensor=row.sensor,
            day=to_date(row.scene.day),
            fate=_fate(parts := found[row.scene.id], len(tiles)).name.lower(),
            clear=sum(c.observed for c in parts) / max(1, sum(c.cells for c in parts)),
        )
        for row in rows
    )


def account(rows: Sequence[Row], coverage: Sequence[Coverage], tiles: Sequence[str], monitor_day: int) -> list[Line]:
    """Per sensor: the line of all tiles together, then one per tile.

    rows: the manifest, in canonical order. coverage: what the ledger has; scenes that the manifest no longer lists are left
    out. The period ends with the last acquisition of any sensor, so that a sensor that fell silent shows it.
    """
    by_tile: dict[str, dict[str, Coverage]] = {tile: {} for tile in tiles}
    for one in coverage:
        by_tile.get(one.tile, {})[one.scene] = one
    end = max((row.scene.day for row in rows), default=monitor_day)
    lines = []
    for sensor in sorted({row.sensor for row in rows}):
        mine = [row.scene for row in rows if row.sensor == sensor]
        lines.append(_line(sensor, "", mine, [by_tile[tile] for tile in tiles], (monitor_day, end)))
        lines += [_line(sensor, tile, mine, [by_tile[tile]], (monitor_day, end)) for tile in tiles]
    return lines


def usual_interval(days: Iterable[int]) -> float | None:
    """The interval in which half of the time passes: the median of the intervals between days, weighted by their length.

    Two tracks that overlap give looks 1, 7, 1, 7 days apart: what is usual there is 7, not 1. None below USUAL_INTERVALS.
    """
    intervals = np.diff(np.unique(np.fromiter(days, np.int64)))
    if intervals.size < USUAL_INTERVALS:
        return None
    intervals.sort()
    weight = np.cumsum(np.minimum(intervals, LONGEST_WEIGHT))
    return float(intervals[np.searchsorted(weight, weight[-1] / 2)])


def _line(
    sensor: str, tile: str, scenes: Sequence[Scene], parts: Sequence[Mapping[str, Coverage]], period: tuple[int, int]
) -> Line:
    found = {s.id: [part[s.id] for part in parts if s.id in part] for s in scenes}
    fates = {s.id: _fate(found[s.id], len(parts)) for s in scenes}
    counts = {fate: sum(f is fate for f in fates.values()) for fate in Fate}
    taken = [c for several in found.values() for c in several if c.fate is Fate.READ]
    observed, looked_at = sum(c.observed for c in taken), sum(c.observed + c.masked for c in taken)
    clear = sorted({s.day for s in scenes if _clear(found[s.id])})
    reaching = [s for s in scenes if fates[s.id] is not Fate.OUTSIDE]
    return Line(
        sensor=sensor,
        tile=tile,
        acquired=len(scenes),
        read=counts[Fate.READ],
        outside=counts[Fate.OUTSIDE],
        missing=counts[Fate.MISSING],
        failed=counts[Fate.FAILED],
        unread=counts[Fate.UNREAD],
        clear_share=observed / looked_at if looked_at else None,
        usual_days=usual_interval(s.day for s in reaching),
        last_clear=to_date(clear[-1]) if clear else None,
        longest_dark=_longest(clear, *period),
        gaps=_gaps(reaching, fates, period[1]),
    )


def _fate(found: Sequence[Coverage], tiles: int) -> Fate:
    """Of one scene over so many tiles; a tile that has not asked for it yet leaves it unread."""
    fates = [c.fate for c in found]
    return max(fates if len(found) >= max(tiles, 1) else [*fates, Fate.UNREAD])


def _clear(looks: Sequence[Coverage]) -> bool:
    """Was enough of the cells seen clearly, by tiles that took the look in?"""
    seen = sum(c.observed for c in looks if c.fate is Fate.READ)
    return seen > 0 and seen >= CLEAR_FROM * sum(c.cells for c in looks)


def _longest(clear: Sequence[int], first: int, end: int) -> Gap | None:
    """The longest time between two clear looks, or between one and the ends of the monitoring period."""
    if end < first:
        return None
    days = [first, *(day for day in clear if first <= day <= end), end]
    gaps = [Gap(to_date(a), to_date(b)) for a, b in pairwise(days)]
    return max(gaps, key=lambda gap: (gap.days, gap.last))


def _gaps(scenes: Sequence[Scene], fates: Mapping[str, Fate], end: int) -> tuple[Gap, ...]:
    """Times between two scenes that were read, or after the last one, that are much longer than usual for the sensor."""
    usual = usual_interval(s.day for s in scenes)
    read = {s.day for s in scenes if fates[s.id] is Fate.READ}
    if usual is None or not read:
        return ()
    lost = [(s.day, fates[s.id]) for s in scenes if fates[s.id] is not Fate.READ]
    longest = GAP_INTERVALS * usual
    return tuple(
        Gap(to_date(a), to_date(b), _reason([(day, fate) for day, fate in lost if a < day <= b], (a, b), longest))
        for a, b in pairwise(sorted({*read, end}))
        if b - a > longest
    )


def _reason(lost: Sequence[tuple[int, Fate]], ends: tuple[int, int], longest: float) -> str:
    """What explains a gap: acquisitions that came to nothing, when with them there would be no gap."""
    days = sorted({*ends, *(day for day, _ in lost)})
    if max(b - a for a, b in pairwise(days)) > longest:
        return ""
    fates = [fate for _, fate in lost]
    return ", ".join(f"{n} {WORDS[fate]}" for fate in WORDS if (n := fates.count(fate)))


def _lacking(row: Row, bands: Mapping[str, Sequence[str]]) -> str:
    absent = [band for band in bands.get(row.sensor, ()) if row.assets and row.asset(band) is None]
    return f"no {', '.join(absent)}" if absent else "a band is missing"
