"""Pixel-series mode: a detector on a table, for researchers and for evaluation. The monitors are those of the tiles.

Spatial support, common mode and the event model do not exist for one pixel: confirmation is temporal, and `probability`
and `change_type` stay empty, because the model judges events, not pixels.

`OUT` has one row per change ever flagged, also the expired ones. `first_detected` is the date of the look that made it
provisional, `confirmed_on` of the look that confirmed it (empty when none did), `change_date` of the first anomalous
look; `magnitude` is the mean over the anomalous looks up to the deciding one, in units of the value, negative where it
fell. So a table cut at one of these dates gives the same row; only `status` (provisional, confirmed, expired, finished)
tells what came later. `OUT.series.csv` says of every series whether it was monitored: `looks` counts the clear looks
since monitoring began, `history_looks` those of the history, `status` is a word of `codes.Monitored`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from detection.accuracy.stream import NEVER, Changes, changes
from detection.codes import Monitored, Step
from detection.errors import BadInput
from detection.monitors import Detector, Looks, Transitions, reach, start, update
from detection.types import RADAR_PLATFORM, SECONDS_A_DAY, Days, Scene, to_date, to_day
from jobs.clock import now
from jobs.config import SeriesConfig
from jobs.evidence import Evidence, apart, columns_of, combined, fused, in_history, in_range, narrowed
from jobs.outputs import publish
from jobs.tables import read_table

if TYPE_CHECKING:
    from jobs.history.series import SegmentsOutcome

CELLS_A_BLOCK: Final = 4_000_000
"""Looks times series that are in memory at once: 16 MB of float32 and a few copies in the fit (chosen)."""
WATCHED: Final = Monitored.MONITORED.name.lower()
CHANGES: Final = pa.schema(
    [
        ("series_id", pa.string()),
        ("first_detected", pa.date32()),
        ("confirmed_on", pa.date32()),
        ("change_date", pa.date32()),
        ("status", pa.string()),
        ("probability", pa.float64()),
        ("magnitude", pa.float64()),
        ("change_type", pa.string()),
    ]
)


@dataclass(frozen=True)
class SeriesOutcome:
    """What came of a table."""

    out: Path
    """One row per change."""
    series_out: Path
    """One row per series."""
    monitor_from: date
    """First day that was monitored."""
    looks: int
    """Clear looks in the table."""
    monitored: dict[str, int]
    """Series by word of codes.Monitored, those that occur."""
    changes: dict[str, int]
    """Changes by status, those that occur."""
    notes: tuple[str, ...]
    """What was mended or left out."""

    @property
    def series(self) -> int:
        """Series in the table."""
        return sum(self.monitored.values())

    @property
    def not_monitored_share(self) -> float:
        """Share of the series of which nothing can be said, 0..1."""
        return 1 - self.monitored.get(WATCHED, 0) / self.series

    def lines(self) -> list[str]:
        """The outcome in words."""
        refused = {word: count for word, count in self.monitored.items() if word != WATCHED}
        watched = self.monitored.get(WATCHED, 0)
        return [
            f"{self.series:,} series, {self.looks:,} clear looks; {watched:,} monitored from {self.monitor_from}",
            f"not monitored: {sum(refused.values()):,} ({self.not_monitored_share:.1%}){tally(refused)}",
            f"changes: {sum(self.changes.values()):,}{tally(self.changes)}",
            *(f"note: {note}" for note in self.notes),
            f"written: {self.out} and {self.series_out}",
        ]


def run_series(
    table: Path, config: SeriesConfig, out: Path, monitor_from: date | None
) -> "SeriesOutcome | SegmentsOutcome":
    """Detect changes in every series of a table; writes `out` and, beside it, `out`.series.csv, whole or not at all.

    monitor_from goes before the config's own. Raises BadInput when neither is given, when the table or `out` cannot be
    used, or when there is no look before or after monitor_from; OSError when `out` cannot be written.
    """
    check_out(table, out)
    first = monitor_from or config.period.monitor_from
    if config.segments is not None:
        from jobs.history.series import run_segments  # builds on this module

        return run_segments(table, config, config.segments, out, first)
    if first is None:
        raise BadInput(
            f"{config.name}: no day to monitor from; give --monitor-from, or `period.monitor_from` in the config"
        )
    names = columns_of(config)
    read = read_table(table, names, today=now().date(), spare=names if fused(config) else ())
    values, notes = in_range(table, read, config)
    planes = fused(config, read.columns)
    config = narrowed(config, planes)
    evidence, lone = apart(read, values, planes) if planes else combined(read, values, to_day(first), config)
    _check_period(table, evidence.days, first)
    changes, series = _detected(evidence, read.ids, config, to_day(first))
    series_out = Path(f"{out}.series.csv")
    publish(series_out, series.to_csv(index=False, lineterminator="\n").encode())
    publish(out, encoded(changes, out))
    counts = [dict(sorted(Counter(made["status"]).items())) for made in (series, changes)]
    everywhere = (
        ()
        if config.history.forest_min is not None
        else ("every series is taken for forest: history.forest_min is not set",)
    )
    said = (*read.notes, *notes, *lone, *everywhere)
    return SeriesOutcome(out, series_out, first, len(evidence.days), counts[0], counts[1], said)


def check_out(table: Path, out: Path) -> None:
    """Raises BadInput where the changes cannot be written there."""
    if out.suffix not in (".csv", ".parquet") or out.is_dir() or out.absolute() == table.absolute():
        raise BadInput(f"{out}: cannot take the changes; name a .csv or .parquet file other than the table")


def _check_period(path: Path, days: Days, first: date) -> None:
    if not len(days):
        raise BadInput(f"{path}: no look is left that has all columns; name fewer in `columns` of the config")
    begin, end = to_date(days.min()), to_date(days.max())
    if first > end:
        raise BadInput(
            f"{path}: monitoring from {first} finds nothing, the last look is of {end}; choose an earlier day"
        )
    if first <= begin:
        raise BadInput(
            f"{path}: monitoring from {first} leaves no history, the first look is of {begin}; choose a later day"
        )


def _detected(
    looks: Evidence, ids: tuple[str, ...], config: SeriesConfig, monitor_day: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(changes, series) of the whole table."""
    detector = Detector(config.history, config.monitor, config.decision, config.loss)
    changes, status = [], np.zeros(len(ids), np.uint8)
    used = (looks.days >= monitor_day) | in_history(looks.days, monitor_day, config.history.years)
    for members, block in blocks(looks.take(used), len(ids)):
        status[members], found = _run(detector, block, len(members), monitor_day)
        found.insert(0, "series_id", [ids[members[p]] for p in found.pop("pixel")])
        changes.append(found)
    new = looks.days >= monitor_day
    monitored = status == Monitored.MONITORED
    last = np.full(len(ids), -1, np.int64)
    np.maximum.at(last, looks.series, looks.days)
    series = pd.DataFrame({"series_id": ids})
    series["looks"] = np.bincount(looks.series[new], minlength=len(ids))
    series["history_looks"] = np.bincount(looks.series[used & ~new], minlength=len(ids))
    series["monitored_from"] = [to_date(monitor_day) if m else None for m in monitored]
    series["last_look"] = dates(last)
    series["status"] = [Monitored(code).name.lower() for code in status.tolist()]
    return pd.concat(changes).sort_values(["series_id", "first_detected"], ignore_index=True), series


def blocks(looks: Evidence, many: int) -> Iterator[tuple[NDArray[np.int64], Evidence]]:
    """(series, their looks with `series` counted within the block), so that no block has more than CELLS_A_BLOCK cells.

    Series that begin together stand together: where dates differ, the union of a block's dates stays short.
    """
    begin = np.full(many, np.iinfo(np.int64).max)
    np.minimum.at(begin, looks.series, looks.key)
    order = np.argsort(begin, kind="stable")
    rank = np.empty(many, np.int64)
    rank[order] = np.arange(many)
    by_rank = np.argsort(rank[looks.series], kind="stable")
    ranks = rank[looks.series][by_rank]
    size = max(1, CELLS_A_BLOCK // max(1, len(np.unique(looks.key)) * looks.values.shape[1]))
    for first in range(0, many, size):
        low, high = np.searchsorted(ranks, [first, first + size])
        part = looks.take(by_rank[low:high])
        yield (
            order[first : first + size],
            Evidence(ranks[low:high] - first, part.days, part.key, part.stride, part.values),
        )


def _run(detector: Detector, block: Evidence, many: int, monitor_day: int) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """(codes.Monitored of every series, its changes): the same calls as a tile's."""
    new = block.days >= monitor_day
    past = pivot(block.take(~new), many, monitor_day - 1)
    state = start(detector, past, inside=np.ones(many, bool))
    state, log = update(detector, state, pivot(block.take(new), many, monitor_day))
    return reach(state), _table(log)


def pivot(looks: Evidence, many: int, idle_day: int) -> Looks:
    """Looks over all keys; where there is none, one empty look on `idle_day`, which changes nothing."""
    keys, place = np.unique(looks.key, return_inverse=True)
    if not len(keys):
        keys = np.array([idle_day * looks.stride + 1])
    values = np.full((len(keys), looks.values.shape[1], many), np.nan, np.float32)
    values[place, :, looks.series] = looks.values
    days, rest = np.divmod(keys, looks.stride)
    instants, kinds = (days * SECONDS_A_DAY + rest // 2).tolist(), (rest % 2).tolist()
    platforms = (RADAR_PLATFORM, "unknown")  # in canonical order, as the keys are
    scenes = (Scene(instant, platforms[kind], str(instant)) for instant, kind in zip(instants, kinds, strict=True))
    return Looks(tuple(scenes), values)


def changes_of(log: Transitions) -> Changes:
    """What a transition log says, one entry a change: a change begins where a pixel becomes provisional."""
    log, change = _in_order(log)
    begins, days = log["step"] == Step.PROVISIONAL, log["instant"] // SECONDS_A_DAY
    confirms = log["step"] == Step.CONFIRMED
    confirmed, magnitude = np.full(begins.sum(), NEVER), log["magnitude"][begins].copy()
    confirmed[change[confirms]] = days[confirms]
    magnitude[change[confirms]] = log["magnitude"][confirms]
    return changes(log["pixel"][begins], days[begins], confirmed, log["change_day"][begins], magnitude=magnitude)


def _in_order(log: Transitions) -> tuple[Transitions, NDArray[np.int64]]:
    """The log by pixel and instant, and the change that each of its rows belongs to."""
    log = log[np.lexsort((log["step"], log["instant"], log["pixel"]))]
    return log, np.asarray(np.cumsum(log["step"] == Step.PROVISIONAL) - 1, np.int64)


def _table(log: Transitions) -> pd.DataFrame:
    """One row per change; `pixel` stands for the series."""
    said, (log, change) = changes_of(log), _in_order(log)
    latest = np.zeros(said.many, np.int64)
    latest[change] = log["step"]  # of a change's several rows the last one stays
    return pd.DataFrame(
        {
            "pixel": said.series,
            "first_detected": dates(said.first),
            "confirmed_on": dates(said.confirmed),
            "change_date": dates(said.change),
            "status": [Step(step).name.lower() for step in latest.tolist()],
            "probability": np.nan,
            "magnitude": said.magnitude.astype(np.float64).round(6),
            "change_type": None,
        }
    )


def dates(days: NDArray[Any]) -> "pd.Series[Any]":
    """Dates, None for -1."""
    return pd.Series([to_date(day) if day >= 0 else None for day in days], dtype=object)


def encoded(changes: pd.DataFrame, out: Path) -> bytes:
    """CHANGES as the name of the file says."""
    if out.suffix == ".csv":
        return changes.to_csv(index=False, lineterminator="\n").encode()
    buffer = BytesIO()
    parquet.write_table(pa.Table.from_pandas(changes, CHANGES, preserve_index=False), buffer)
    return buffer.getvalue()


def tally(counts: dict[str, int]) -> str:
    """`: 3 confirmed, 1 expired`; nothing where there is nothing."""
    return ": " + ", ".join(f"{n:,} {word}" for word, n in counts.items()) if counts else ""
