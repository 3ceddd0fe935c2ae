"""`sachawatch evaluate`: pieces to the workers, judgements back, figures out."""

import csv
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from detection.errors import BadInput
from jobs.cluster import hands
from jobs.config import EvaluateConfig, config_digest
from jobs.evaluation.asked import Contestant, SimulatedTruth
from jobs.evaluation.contestants import contestant
from jobs.evaluation.figures import figures
from jobs.evaluation.judging import Entry, PieceResult, Task, judge_piece
from jobs.evaluation.outcome import Outcome, markdown, write
from jobs.evaluation.pieces import pieces
from jobs.tile import Failed

Progress = Callable[[str, int, int], None]
LOG: Final = ("evaluated_at", "name", "digest", "regions", "seeds", "detectors", "why")


def evaluate(
    config: EvaluateConfig,
    *,
    now: Callable[[], datetime],
    others: Sequence[Entry] = (),
    progress: Progress = lambda *_: None,
    why: str = "",
) -> Outcome:
    """Judge the detectors of the config, and `others` beside them, and write what came of it under output.folder/name.

    Every evaluation on the blind variant is put on record before it begins. Raises BadInput for data, truth or a detector
    that cannot be used, and where no piece could be judged.
    """
    begun = time.monotonic()
    entries = [*(_entry(one, config) for one in config.detectors), *others]
    if len({e.name for e in entries}) < len(entries):
        raise BadInput(f"{config.name}: two detectors share a name; give each its own")
    tasks = _tasks(config, entries)
    record_blind(config, [e.name for e in entries], now(), why)
    results, failures = _judged(config, tasks, progress)
    if not results:
        raise BadInput(f"{config.name}: nothing could be judged: {failures[0]}")
    made = figures(results, entries, config.comparison)
    folder = config.output.folder / config.name
    seconds = round(time.monotonic() - begun, 1)
    facts: dict[str, Any] = {"digest": config_digest(config), "evaluated_at": now(), "wall_seconds": seconds}
    facts |= {
        "series": sum(r.series for r in results),
        "failed_pieces": failures,
        "seconds_of_one_core": _seconds(results),
    }
    write(folder, config.name, made, results, entries, facts)
    lines = [*markdown(made), f"{len(results)} of {len(tasks)} pieces in {seconds:.0f} s; written: {folder}"]
    return Outcome(folder, tuple(made), tuple(results), tuple(failures), tuple(lines))


def _entry(asked: Contestant, config: EvaluateConfig) -> Entry:
    detector = contestant(asked, simulated=isinstance(config.data, SimulatedTruth))
    return Entry(asked.name, detector, detector.planes, spare=detector.spare)


def _tasks(config: EvaluateConfig, entries: Sequence[Entry]) -> list[Task]:
    every = pieces(config.name, config.data)
    share = None
    if isinstance(config.data, SimulatedTruth):
        share = -(-config.data.sample // len(config.data.seeds))
    return [Task(p.name, p, config.data, tuple(entries), config.comparison, share) for p in every]


def _judged(config: EvaluateConfig, tasks: Sequence[Task], progress: Progress) -> tuple[list[PieceResult], list[str]]:
    done: dict[str, PieceResult] = {}
    failures: list[str] = []
    with hands(config.cluster) as workers:
        for task, result in workers.each(judge_piece, tasks, [()] * len(tasks)):
            if isinstance(result, Failed):
                failures.append(f"{task.name}: {result.reason}")
            else:
                done[task.name] = result
            progress("judging", len(done) + len(failures), len(tasks))
    return [done[task.name] for task in tasks if task.name in done], failures


def _seconds(results: Sequence[PieceResult]) -> dict[str, float]:
    names = dict.fromkeys(name for r in results for name in r.seconds)
    return {name: round(sum(r.seconds.get(name, 0.0) for r in results), 2) for name in names}


def record_blind(config: EvaluateConfig, names: Sequence[str], when: datetime, why: str) -> None:
    """Add a line to the log of evaluations on the blind variant: it is blind only as long as it is rarely looked at."""
    if not isinstance(config.data, SimulatedTruth) or "blind" not in config.data.variants:
        return
    path = config.blind_log
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    row = [
        when.isoformat(timespec="seconds"), config.name, config_digest(config)[:16], " ".join(config.data.regions),
        " ".join(map(str, config.data.seeds)), " ".join(names), why,
    ]  # fmt: skip
    with path.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        if fresh:
            table.writerow(LOG)
        table.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def blind_log(path: Path) -> list[dict[str, str]]:
    """The evaluations on the blind variant so far; empty where there is no log."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
