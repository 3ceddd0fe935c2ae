"""One piece in a worker: open it, let every detector look, judge what they say. Only counts and short tables go back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.events import Matches, claims, matches
from detection.accuracy.judged import Judged
from detection.accuracy.lookahead import looks_ahead
from detection.accuracy.series import judge
from detection.accuracy.stream import Changes, Stream
from detection.accuracy.truth import SeriesTruth
from detection.types import to_date
from jobs.evaluation.asked import Comparison, SimulatedTruth, TableTruth
from jobs.evaluation.contestants import Job
from jobs.evaluation.pieces import Opened, Piece, open_piece

Scope = Literal["sample", "everything"]
CUT_RUNS: Final = 4
"""Runs into which the days of a piece's cuts are gathered: some detectors take seconds to begin (chosen)."""
NO_EVENT: Final = "a world without a single event of loss: its false alarms count, no alert of a job is matched there"
STAGES: tuple[Literal["first", "confirmed"], ...] = ("first", "confirmed")


@dataclass(frozen=True)
class Entry:
    """A detector that takes part: ours or a peer's."""

    name: str
    """As it stands in the tables."""
    detector: Callable[[Stream], Changes]
    """Its answer to a stream."""
    planes: tuple[str, ...]
    """What it reads."""
    slow: bool = False
    """It sees the sample only."""
    ours: bool = True
    """Ours, or a peer's."""
    spare: bool = False
    """It does without those of its planes that a table lacks."""
    note: str = ""
    """What a reader must know of it, e.g. what its authors found."""


@dataclass(frozen=True)
class Task:
    """What a worker needs to know."""

    name: str
    """Of the piece."""
    piece: Piece
    """The data."""
    data: SimulatedTruth | TableTruth
    """How it is opened."""
    entries: tuple[Entry, ...]
    """Who looks at it."""
    comparison: Comparison
    """How they are judged."""
    sample: int | None
    """Series of the piece on which all are compared; None: every one."""


@dataclass(frozen=True)
class PieceResult:
    """What came of one piece."""

    piece: Piece
    """Which."""
    series: int
    """Series judged."""
    sampled: int
    """Series that every detector was judged on."""
    looks: Mapping[str, int]
    """Kind of sensor -> looks of the stream."""
    judged: Mapping[tuple[str, Scope, str], Judged]
    """(detector, scope, stage) -> what became of its alarms."""
    sure: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]
    """Detector -> probability of its confirmed alarms in the sample, and whether they are true; of those that say one."""
    seconds: Mapping[str, float]
    """Detector -> seconds of one core, all series it saw; `opening` for the looks themselves."""
    ahead: Mapping[str, tuple[int, int]]
    """Detector -> (series cut at the day of decision, those of which it then said something else)."""
    alerts: Mapping[str, Matches]
    """Job -> its alerts matched to the events."""
    notes: tuple[str, ...]
    """What was left out."""


def judge_piece(task: Task) -> PieceResult:
    """Open the piece and judge every detector on it."""
    begun = time.process_time()
    planes = {plane for entry in task.entries for plane in entry.planes}
    opened = open_piece(
        task.piece, task.data, planes, planes - {p for e in task.entries if not e.spare for p in e.planes}
    )
    seconds = {"opening": time.process_time() - begun}
    keep = sample(opened.truth, task.sample, task.comparison.seed)
    lighter = weighed(opened.truth, keep)
    judged: dict[tuple[str, Scope, str], Judged] = {}
    sure, ahead, alerts = {}, {}, {}
    few = opened.stream.take(opened.judged[keep])
    for entry in task.entries:
        begun = time.process_time()
        detector = replace(entry.detector, grid=opened.grid) if isinstance(entry.detector, Job) else entry.detector
        if isinstance(detector, Job):
            made = detector.alerts(opened.stream)
            said = detector.said(made)
            if opened.events:
                alerts[entry.name] = _matched(made, opened, task)
        else:
            said = detector(few if entry.slow else opened.stream)
        seconds[entry.name] = time.process_time() - begun
        on_sample = said if entry.slow else among(said, opened.judged[keep], opened.stream.many)
        for stage in STAGES:
            judged[entry.name, "sample", stage] = judge(lighter, on_sample, task.comparison.rules, stage)
            if not entry.slow:
                everything = among(said, opened.judged, opened.stream.many)
                judged[entry.name, "everything", stage] = judge(opened.truth, everything, task.comparison.rules, stage)
        if np.isfinite(on_sample.probability).any():
            sure[entry.name] = _sure(on_sample, lighter, judged[entry.name, "sample", "confirmed"])
        if not isinstance(detector, Job):
            ahead[entry.name] = _ahead(detector, few, on_sample, task.comparison)
    notes = opened.notes if opened.events or opened.grid is None else (*opened.notes, NO_EVENT)
    looks = {k: len(p.scenes) for k in ("optical", "radar") if (p := getattr(opened.stream, k)) is not None}
    return PieceResult(task.piece, opened.truth.many, len(keep), looks, judged, sure, seconds, ahead, alerts, notes)


def sample(truth: SeriesTruth, many: int | None, seed: int) -> NDArray[np.int64]:
    """Positions of a fixed sample: every stratum, with losses, with hard negatives only, and with nothing, an equal share.

    What a small class leaves over goes to the larger ones. Equal seeds give equal samples; None takes every series.
    """
    if many is None or truth.many <= many:
        return np.arange(truth.many)
    group = _classes(truth)
    codes, counts = np.unique(group, return_counts=True)
    wanted, left = np.zeros(len(codes), np.int64), many
    for place, i in enumerate(np.argsort(counts, kind="stable")):
        wanted[i] = min(int(counts[i]), left // (len(codes) - place))
        left -= int(wanted[i])
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.flatnonzero(group == c), n, replace=False) for c, n in zip(codes, wanted, strict=True)]
    return np.sort(np.concatenate(drawn))


def _classes(truth: SeriesTruth) -> NDArray[np.int64]:
    """(series,) its class for sampling: stratum, and what happens to it."""
    fate = np.zeros(truth.many, np.int64)
    fate[truth.window_series[~truth.window_loss]] = 1
    fate[truth.window_series[truth.window_loss]] = 2
    return truth.stratum.astype(np.int64) * 3 + fate


def weighed(truth: SeriesTruth, keep: NDArray[np.int64]) -> SeriesTruth:
    """The sample, each series weighing as many as it was drawn from."""
    taken, group = truth.take(keep), _classes(truth)
    whole = np.bincount(group, minlength=group.max(initial=0) + 1)
    drawn = np.bincount(group[keep], minlength=len(whole))
    return replace(taken, weight=taken.weight * (whole / np.maximum(drawn, 1))[group[keep]])


def among(said: Changes, series: NDArray[np.int64], many: int) -> Changes:
    """The changes of these series of the stream, numbered by their place among them."""
    place = np.full(many, -1, np.int64)
    place[series] = np.arange(len(series))
    kept = said.take(place[said.series] >= 0)
    return replace(kept, series=place[kept.series])


def _sure(said: Changes, truth: SeriesTruth, judged: Judged) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(probability, is it true) of the confirmed alarms that were judged as true or false."""
    told = said.take((said.confirmed >= 0) & np.isfinite(said.probability))
    false = set(zip(judged.alarms.series.tolist(), judged.alarms.day.tolist(), strict=True))
    hit = set(judged.losses.series[judged.losses.hit].tolist())
    keys = list(zip(told.series.tolist(), told.confirmed.tolist(), strict=True))
    known = np.array([key in false or key[0] in hit for key in keys], np.bool_)
    true = np.array([key not in false for key in keys], np.bool_)
    return told.probability[known], true[known]


def _ahead(detector: Callable[[Stream], Changes], few: Stream, said: Changes, asked: Comparison) -> tuple[int, int]:
    """(series checked, offenders) of a share of the sample."""
    rng = np.random.default_rng(asked.seed)
    many = round(asked.cut_share * few.many)
    if not many:
        return 0, 0
    some = np.sort(rng.choice(few.many, many, replace=False))
    offenders = looks_ahead(
        detector, few.take(some), among(said, some, few.many), share=1.0, seed=asked.seed, runs=CUT_RUNS
    )
    return many, len(offenders)


def _matched(made: Mapping[str, Sequence[Any]], opened: Opened, task: Task) -> Matches:
    first, last = to_date(opened.stream.monitor_day), to_date(int(opened.truth.observed_until.max()))
    final = [revisions[-1] for revisions in made.values()]
    return matches(claims(final), opened.events, first=first, last=last - timedelta(days=1), grid=opened.grid)
