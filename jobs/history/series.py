"""Pixel-series mode of the methods that cut a whole archive into segments: every look counts, those to come as well.

`OUT` has one row per loss. `first_detected` and `confirmed_on` are the day by which it could be said: cutting the table after
it gives the same row. `change_date` is the day of the first look after the change. `OUT.segments.csv` has every segment and
every change, regrowth too, `OUT.recovery.csv` a row a loss with what came after it, `OUT.series.csv` a row a series, whose
`status` is a word of `codes.Segmented`.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detection.codes import NO_YEAR, Segmented, Turn
from detection.errors import BadInput
from detection.prepare.indices import index_from
from detection.segments import Aftermath, Landtrendr, Method, Segments, history
from detection.segments.record import CHANGE, NO_DAY, SEGMENT
from detection.segments.recovery import METRICS, NOT_REACHED
from detection.types import Planes, to_date, to_day
from jobs.clock import now
from jobs.config import SeriesConfig
from jobs.evidence import Evidence, apart, in_range
from jobs.outputs import publish
from jobs.series import blocks, dates, encoded, pivot, tally
from jobs.tables import Table, read_table

CUT: Final = Segmented.SEGMENTED.name.lower()
DAYS: Final = ("first", "last", "ended", "day", "before", "said")
SEGMENT_COLUMNS: Final = (
    "first",
    "last",
    "ended",
    "looks",
    "rmse",
    "day",
    "before",
    "said",
    "level",
    "magnitude",
    "probability",
)
"""Those of a segment, then those of a change; the others are empty."""
AFTER_COLUMNS: Final = (
    *("series_id", "lost", "start", "end", "target", "delta_ir", "yryr", "r80p", "y2r", "rri", "dnbr"),
    *("onset", "interruptions", "recleared", "age"),
)
"""Of a loss: calendar years, and the metrics of `detection.segments.recovery`; y2r is empty while it is not reached."""


@dataclass(frozen=True)
class SegmentsOutcome:
    """What came of a table."""

    out: Path
    """One row per loss."""
    series_out: Path
    """One row per series."""
    segments_out: Path
    """One row per segment and change."""
    recovery_out: Path
    """One row per loss, with what came after it."""
    said_from: date | None
    """Changes that could be said earlier are left out; None: none is."""
    looks: int
    """Clear looks in the table."""
    series: dict[str, int]
    """Series by word of codes.Segmented, those that occur."""
    found: dict[str, int]
    """Segments, and changes by kind, those that occur."""
    notes: tuple[str, ...]
    """What was mended or left out."""

    def lines(self) -> list[str]:
        """The outcome in words."""
        refused = {word: count for word, count in self.series.items() if word != CUT}
        since = f" said from {self.said_from} on" if self.said_from else ""
        return [
            f"{sum(self.series.values()):,} series, {self.looks:,} clear looks; {self.series.get(CUT, 0):,} cut into segments",
            f"not segmented: {sum(refused.values()):,}{tally(refused)}",
            f"segments and changes{since}: {sum(self.found.values()):,}{tally(self.found)}",
            *(f"note: {note}" for note in self.notes),
            f"written: {self.out}, {self.series_out}, {self.segments_out} and {self.recovery_out}",
        ]


def run_segments(
    table: Path, config: SeriesConfig, method: Method, out: Path, said_from: date | None
) -> SegmentsOutcome:
    """Cut every series of a table into segments; writes `out` and the three tables beside it, whole or not at all.

    said_from: changes that could be said earlier are left out of `out` and listed in the other table. Raises BadInput when
    the table cannot be used, OSError when something cannot be written.
    """
    read = read_table(table, config.columns, today=now().date())
    values, notes = in_range(table, read, config)
    read, values = _led(read, values, config)
    evidence, lone = apart(read, values, Planes(read.columns))
    if not len(evidence.days):
        raise BadInput(f"{table}: no look is left that has all columns; name fewer in `columns` of the config")
    first = to_day(said_from) if said_from else None
    status, found, after = _cut(evidence, read, config, method)
    losses = found[(found["kind"] == "loss") & (first is None or found["said"] >= (first or 0))]
    series, other = _series(evidence, read.ids, status, first), _dated(found)
    series_out, segments_out, recovery_out = (Path(f"{out}.{n}.csv") for n in ("series", "segments", "recovery"))
    publish(series_out, series.to_csv(index=False, lineterminator="\n").encode())
    publish(segments_out, other.to_csv(index=False, lineterminator="\n").encode())
    publish(recovery_out, after.to_csv(index=False, lineterminator="\n").encode())
    publish(out, encoded(_changes(losses), out))
    told = (*read.notes, *notes, *lone)
    words = [dict(sorted(Counter(made).items())) for made in (series["status"], found["kind"])]
    return SegmentsOutcome(
        out, series_out, segments_out, recovery_out, said_from, len(evidence.days), words[0], words[1], told
    )


def _led(table: Table, values: NDArray[np.float64], config: SeriesConfig) -> tuple[Table, NDArray[np.float64]]:
    """The table with the index that leads as its first column, where the config names one."""
    if config.index is None:
        return table, values
    columns = dict(zip(table.columns, values.T.astype(np.float32), strict=True))
    made = index_from(config.index, columns).astype(np.float64)
    if isinstance(config.segments, Landtrendr) and config.annual is None:
        return replace(table, columns=(config.index,), values=made[:, None]), made[:, None]
    both = np.column_stack([made, values])
    return replace(table, columns=(config.index, *table.columns), values=both), both


def _cut(
    looks: Evidence, table: Table, config: SeriesConfig, method: Method
) -> tuple[NDArray[np.uint8], pd.DataFrame, pd.DataFrame]:
    """(codes.Segmented of every series, all segments and changes of all series with days as numbers, -1 none, and what came
    after their losses)."""
    many, sign = len(table.ids), 1 if config.loss == "lowers" else -1
    status, parts = np.zeros(many, np.uint8), [_table([], _none(table.columns))]
    afters = [pd.DataFrame(columns=list(AFTER_COLUMNS))]
    for members, block in blocks(looks, many):
        shown = pivot(block, len(members), int(block.days.min()) if len(block.days) else 0)
        inside, ids = np.ones(len(members), np.bool_), [table.ids[i] for i in members]
        found, after = history(method, config.recovery, shown, table.columns, inside, sign, config.annual)
        status[members] = found.status
        parts.append(_table(ids, found))
        afters.append(_after(ids, after))
    made = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    made = made.sort_values(["series_id", "sort", "kind"], ignore_index=True).drop(columns="sort")
    came = pd.concat([part for part in afters if len(part)] or afters[:1], ignore_index=True)
    return status, made, came.sort_values(["series_id", "lost"], ignore_index=True)


def _after(ids: list[str], after: Aftermath) -> pd.DataFrame:
    """A row per loss."""
    made = {"series_id": [ids[pixel] for pixel in after.losses["pixel"]], "lost": dates(after.losses["day"])}
    made |= {"start": after.start, "end": after.end}
    made |= {name: np.round(getattr(after.metrics, name), 6) for name in ("target", *METRICS)}
    grown = after.regrowth
    made |= {"onset": grown.onset, "interruptions": grown.interruptions, "recleared": grown.cleared, "age": grown.age}
    frame = pd.DataFrame(made)
    frame["y2r"] = frame["y2r"].replace(NOT_REACHED, np.nan)
    for name, none in (("onset", NO_YEAR), ("recleared", NO_YEAR), ("age", -1)):
        frame[name] = frame[name].astype("Int64").mask(frame[name] == none)
    return frame[list(AFTER_COLUMNS)]


def _none(planes: tuple[str, ...]) -> Segments:
    """Of no pixel."""
    empty = np.zeros((0, len(planes)), np.float32)
    return Segments(planes, np.zeros(0, np.uint8), np.zeros(0, SEGMENT), empty[..., None], empty, np.zeros(0, CHANGE))


def _table(ids: list[str], found: Segments) -> pd.DataFrame:
    """A row per segment and per change; `sort` is the day it begins."""
    rows, changes = found.rows, found.changes
    segment: dict[str, Any] = {name: rows[name] for name in ("first", "last", "ended", "looks")}
    segment |= {"kind": "segment", "sort": rows["first"], "pixel": rows["pixel"], "rmse": found.rmse[:, 0]}
    change: dict[str, Any] = {
        name: changes[name] for name in ("day", "before", "said", "level", "magnitude", "probability", "pixel")
    }
    change |= {"kind": [Turn(turn).name.lower() for turn in changes["turn"].tolist()], "sort": changes["day"]}
    both = pd.concat([pd.DataFrame(segment), pd.DataFrame(change)], ignore_index=True)
    both.insert(0, "series_id", [ids[pixel] for pixel in both.pop("pixel")])
    both[list(DAYS)] = both[list(DAYS)].fillna(NO_DAY).astype(np.int64)
    return both[["series_id", "kind", *SEGMENT_COLUMNS, "sort"]]


def _dated(found: pd.DataFrame) -> pd.DataFrame:
    """Days as dates, counts as whole numbers."""
    made = found.assign(**{name: dates(found[name].to_numpy()) for name in DAYS})
    return made.assign(looks=found["looks"].astype("Int64"))


def _changes(losses: pd.DataFrame) -> pd.DataFrame:
    """The rows of `out`."""
    said = dates(losses["said"].to_numpy())
    made = {"series_id": losses["series_id"].to_numpy(), "first_detected": said, "confirmed_on": said}
    made |= {"change_date": dates(losses["day"].to_numpy()), "status": "confirmed"}
    numbers = {name: losses[name].to_numpy(np.float64).round(6) for name in ("probability", "magnitude")}
    frame = pd.DataFrame(made | numbers | {"change_type": "loss"}, index=range(len(losses)))
    return frame.sort_values(["series_id", "first_detected", "change_date"], ignore_index=True)


def _series(looks: Evidence, ids: tuple[str, ...], status: NDArray[np.uint8], first: int | None) -> pd.DataFrame:
    """The rows of `out`.series.csv; first: day from which changes are said, None: that of each series' first look."""
    new = np.ones(len(looks.days), np.bool_) if first is None else looks.days >= first
    begin, last = np.full(len(ids), np.iinfo(np.int64).max), np.full(len(ids), NO_DAY, np.int64)
    np.minimum.at(begin, looks.series, looks.days)
    np.maximum.at(last, looks.series, looks.days)
    since = begin if first is None else np.full(len(ids), first)
    made = pd.DataFrame({"series_id": ids})
    made["looks"] = np.bincount(looks.series[new], minlength=len(ids))
    made["history_looks"] = np.bincount(looks.series[~new], minlength=len(ids))
    cut = status == Segmented.SEGMENTED
    made["monitored_from"] = [to_date(day) if there else None for day, there in zip(since.tolist(), cut, strict=True)]
    made["last_look"] = dates(last)
    made["status"] = [Segmented(code).name.lower() for code in status.tolist()]
    return made
