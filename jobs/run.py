"""The driver: plan, hand tiles to the hands, stitch, decide, commit in one transaction, publish.

Killed anywhere, it leaves either everything of a run committed or nothing; `resume` goes on from there.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa

from detection.alerts import Alert, Naming, reconcile, revisions
from detection.errors import BadInput, SourceUnavailable, StaleState
from detection.prepare import commonmode
from detection.types import Float, Scene, digest
from jobs import PACKAGE, ledger, reviews, store
from jobs.account import facts, manifest, seen_so_far
from jobs.cluster import Hands, hands
from jobs.completeness import looked
from jobs.config import JobConfig, config_digest
from jobs.database import default_url, open_database
from jobs.estimate import check_memory
from jobs.history.run import TILES
from jobs.holder import heartbeat, take
from jobs.ledger import Job, Lease, Run, Tile
from jobs.plan import Plan, plan
from jobs.publish import Result, publish_run, shown
from jobs.reports.html import SceneFacts
from jobs.state import Generation, read_generation, sweep
from jobs.tile import Detected, Failed, Observed, Task, detect, observe, without_counts
from jobs.word import check_told, words
from models.predict import chosen, judge, wanted
from models.registry import Model

Clock = Callable[[], datetime]
Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    kind: Literal["done", "partial", "nothing new"]
    """partial: some tiles or scenes could not be done; they are listed."""
    folder: Path | None
    """The products."""
    alerts: dict[str, int]
    """Alerts by status."""
    new_revisions: int = 0
    """Revisions this run added."""
    new_scenes: int = 0
    """Scenes this run took in."""
    failures: tuple[str, ...] = ()
    """Tiles and scenes that could not be done, a line each."""
    late: tuple[str, ...] = ()
    """Scenes that came too late."""
    lacking: tuple[str, ...] = ()
    """Scenes of which the provider lacks a band, a line each: they show nothing."""
    not_understood: tuple[str, ...] = ()
    """Entries of the catalogue that could not be understood, a line each."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage."""


@dataclass(frozen=True)
class Desk:
    """What a run works with."""

    plan: Plan
    """The job."""
    folder: Path
    """Where everything of the job lies."""
    engine: sa.Engine
    """The database."""
    lease: Lease
    """The right to write."""
    model: Model | None
    """Who judges the alerts."""
    now: Clock
    """The clock."""
    progress: Progress
    """Who is told how far it is."""

    @property
    def generations(self) -> Path:
        """Folder of states and looks."""
        return self.folder / "state"


def run(
    config: JobConfig,
    *,
    now: Clock,
    progress: Progress = lambda *_: None,
    approve: Callable[[Plan], None] = lambda _: None,
) -> Outcome:
    """Take in what is new and make alerts of it; nothing new changes nothing.

    approve: sees the plan before anything is written or read, and may raise.

    Raises leaves of DetectionError for what a user can mend; `ledger.Busy` while another run of this job is at work.
    """
    model = chosen(config.model.name, config.model.version, config.monitor)
    work = plan(config, None if model is None else wanted(model))
    check_memory(work)
    approve(work)
    folder = config.output.folder / config.name
    if (folder / TILES).exists():
        raise BadInput(f"{config.name}: {folder} belongs to a history; give the monitoring job another name")
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_database(config.database.url or default_url(folder))
    grids = tuple(Tile(t.id, *work.grid.offset(t.grid), *t.grid.shape) for t in work.tiles)
    ledger.register_job(engine, Job(config.name, config.name, config_digest(config), work.grid, now()), grids)
    with take(engine, config.name, now) as lease, heartbeat(lease):
        desk = Desk(work, folder, engine, lease, model, now, progress)
        owed = ledger.unpublished_run(engine, config.name)
        if owed is not None:
            publish(desk, owed)
        taken = set(ledger.taken_scenes(engine, config.name))
        new = [s for s in work.scenes if s not in taken]
        same = ledger.find_job(engine, config.name).config_digest == config_digest(config)
        if taken and not new and same:
            counts = shown(list(store.latest(engine, config.name).values()))
            return Outcome("nothing new", _latest(folder), counts, not_understood=work.not_understood)
        return _run(desk, new)


def _run(desk: Desk, new: Sequence[Scene]) -> Outcome:
    begun = desk.now()
    record = _begin(desk, new, begun)
    ledger.record_run(desk.engine, desk.lease, record)
    done: dict[tuple[str, str], ledger.Step] = {(s.tile, s.stage): s for s in ledger.steps(desk.engine, record.id)}
    kept = {g.path for s in done.values() for g in (s.state, s.looks)}
    sweep(desk.generations, kept | ledger.generations(desk.engine, record.job))
    tasks = _tasks(desk, record.id, done)
    with hands(desk.plan.config.cluster, desk.plan.detector, desk.progress) as workers:
        turn = workers.turns(getattr(desk.plan.config.sources, "requests", None))
        tasks = [replace(task, turn=turn, new=frozenset(new)) for task in tasks]
        observed, lost = _gather(workers, observe, tasks, [() for _ in tasks], desk, record)
        seen_at = desk.now()
        common = _common(desk.plan, observed)
        ready = {t: _detected(s) for (t, stage), s in done.items() if stage == "detect"}
        able = [t for t in tasks if t.tile.id in observed and t.tile.id not in ready]
        rest = [(without_counts(observed[t.tile.id]), common) for t in able]
        detected, lost_later = _gather(workers, detect, able, rest, desk, record)
        detected |= ready
    detected_at = desk.now()
    failed = [*lost, *lost_later]
    if failed and not detected and failed[0].errno is not None:
        raise OSError(failed[0].errno, os.strerror(failed[0].errno), str(desk.folder))
    if failed and not detected:
        raise SourceUnavailable(
            f"{desk.plan.config.name}: no tile could be done; the first: {failed[0].tile}: {failed[0].reason}"
        )
    unread = {s: why for o in observed.values() for s, why in o.unread.items()}
    lacking = {s: why for o in observed.values() for s, why in o.lacking.items() if s not in unread}
    late = sorted({s for d in detected.values() for s in d.late})
    news = reconcile(
        _made(desk, tasks, detected),
        store.latest(desk.engine, record.job),
        desk.plan.config.patches.join_window_days,
        reviews.standing(desk.engine, record.job),
    )
    failures = (
        *(f"tile {f.tile}: {f.reason}" for f in failed),
        *_said(unread),
    )
    seconds = {"looking": _between(begun, seen_at), "detecting": _between(seen_at, detected_at)}
    detail = {"failures": list(failures), "late": late, "seconds": seconds, "scenes": len(new)}
    detail |= {"lacking": lacking, "not_understood": list(desk.plan.not_understood)}
    record = replace(record, outcome="partial" if failures else "done", detail=detail)
    outcomes = {s: "too_late" if s.id in late else "failed" if failed or s.id in unread else "taken" for s in new}
    pointers = [store.Pointer(t, d.state, d.looks) for t, d in sorted(detected.items())]
    store.commit_run(desk.engine, desk.lease, record, pointers, outcomes, news, desk.now)  # type: ignore[arg-type]
    folder = publish(desk, record)
    seconds["publishing"] = _between(detected_at, desk.now())
    counts = shown(list(store.latest(desk.engine, record.job).values()))
    kind: Literal["done", "partial"] = "partial" if failures else "done"
    bare = _said(lacking), desk.plan.not_understood
    return Outcome(kind, folder, counts, len(news), len(new), failures, tuple(late), *bare, seconds)


def publish(desk: Desk, record: Run) -> Path:
    """Write the products of a committed run, and note that they are written."""
    name = desk.plan.config.name
    tiles = ledger.tiles(desk.engine, name)
    order = {t.id: i for i, t in enumerate(desk.plan.tiles)}
    alerts = store.latest(desk.engine, name)
    taken = ledger.taken_scenes(desk.engine, name, ("taken",))
    late = tuple(s.id for s in ledger.taken_scenes(desk.engine, name, ("too_late",)))
    failed = tuple(s.id for s in ledger.taken_scenes(desk.engine, name, ("failed",)))
    result = Result(
        plan=desk.plan,
        model=desk.model,
        tiles=tuple(sorted(tiles, key=lambda t: order[t.id])),
        generations=desk.generations,
        alerts=tuple(alerts[i] for i in sorted(alerts)),
        known_at=store.known_at(desk.engine, name),
        run=facts(desk.plan, desk.model, record, taken or desk.plan.scenes),
        scenes=SceneFacts(len(taken), failed, late),
        completeness=seen_so_far(desk.plan, desk.engine),
        manifest=manifest(desk.plan, desk.model, record, taken),
    )
    folder = publish_run(desk.folder, result)
    ledger.mark_published(desk.engine, desk.lease, record.id)
    return folder


def _begin(desk: Desk, new: Sequence[Scene], at: datetime) -> Run:
    """The run's row; its id follows from what it is going to do, so that the same work is the same run."""
    # a review between a run that was cut off and its resumption leaves what the tiles have done as it is
    before = [r.id for r in ledger.runs(desk.engine, desk.plan.config.name) if r.finished and r.outcome != "review"]
    parts = [
        config_digest(desk.plan.config),
        _code(),
        desk.model.identity if desk.model else "",
        [s.id for s in new],
        before,
    ]
    job = desk.plan.config.name
    return Run(digest([job, *parts])[:16], job, at, "running", config_digest(desk.plan.config), _code())


def _tasks(desk: Desk, run_id: str, done: Mapping[tuple[str, str], ledger.Step]) -> list[Task]:
    """A task per tile; where this very run has looked already, from what it wrote then."""
    known: dict[str, Tile | ledger.Step] = {t.id: t for t in ledger.tiles(desk.engine, desk.plan.config.name)}
    _check_detector(desk, [t.state for t in known.values() if t.state is not None])
    known |= {tile: step for (tile, stage), step in done.items() if stage == "observe"}
    return [Task(run_id, desk.plan, t, desk.generations, known[t.id].state, known[t.id].looks) for t in desk.plan.tiles]


def _check_detector(desk: Desk, states: Sequence[Generation]) -> None:
    """One state is looked at for all: they are made together. Raises StaleState for another detector's."""
    for generation in states[:1]:
        _, attributes = read_generation(desk.generations, generation, only=())
        if attributes["detector"] != desk.plan.detector.digest:
            raise StaleState(
                f"{desk.plan.config.name}: its state was made with other parameters of history, monitor, decision or loss; "
                "give the changed job another name, or restore them"
            )
        check_told(desk.plan, desk.model, attributes)
        if attributes["processing"] != desk.plan.processing:
            raise StaleState(
                f"{desk.plan.config.name}: its looks were prepared otherwise (prepare, context or tiles.halo_m changed); "
                "give the changed job another name, or restore them"
            )


def _step(tile: str, result: Observed | Detected) -> ledger.Step:
    if isinstance(result, Observed):
        detail = {"unread": result.unread, "lacking": result.lacking}
        return ledger.Step(tile, "observe", result.state, result.looks, detail)
    return ledger.Step(tile, "detect", result.state, result.looks, {"late": list(result.late)})


def _detected(step: ledger.Step) -> Detected:
    return Detected(step.state, step.looks, tuple(step.detail["late"]))


def _gather(
    workers: Hands,
    work: Callable[..., Any],
    tasks: Sequence[Task],
    rest: Sequence[tuple[Any, ...]],
    desk: Desk,
    record: Run,
) -> tuple[dict[str, Any], list[Failed]]:
    """Results by tile, and what failed; every result is written down as it comes."""
    results: dict[str, Any] = {}
    failed: list[Failed] = []
    stage = work.__name__
    desk.progress(stage, 0, len(tasks))
    for done, (task, result) in enumerate(workers.each(work, tasks, rest), 1):
        if isinstance(result, Failed):
            failed.append(result)
        else:
            results[task.tile.id] = result
            seen = result.seen if isinstance(result, Observed) else {}
            coverage = looked(task.tile.id, desk.plan.rows, seen)
            ledger.record_step(desk.engine, desk.lease, record.id, _step(task.tile.id, result), coverage)
        desk.progress(stage, done, len(tasks))
    return results, sorted(failed, key=lambda f: f.tile)


def _common(work: Plan, observed: dict[str, Observed]) -> dict[Scene, Float]:
    """The scene-wide anomaly (slot, lattice cell) of every new scene: counts of all tiles, summed as integers, then the
    median."""
    rules, shape = work.config.common_mode, commonmode.lattice_shape(work.grid, work.config.common_mode)
    scenes = sorted({s for o in observed.values() for s in o.scenes})
    common: dict[Scene, Float] = {}
    for scene in scenes:
        counts = sum(o.counts[o.scenes.index(scene)] for o in observed.values() if scene in o.scenes)
        nothing = np.zeros((work.watched.width, shape[0] * shape[1]), np.float32)
        common[scene] = commonmode.anomaly(np.asarray(counts)[None], shape, rules)[0] if rules.enabled else nothing
    return common


def _made(desk: Desk, tasks: Sequence[Task], detected: dict[str, Detected]) -> dict[str, list[Alert]]:
    """All revisions that follow from the logs of all tiles, judged by the model."""
    config = desk.plan.config
    states = [(t.tile.grid, detected[t.tile.id].state if t.tile.id in detected else t.state) for t in tasks]
    word = words(desk.plan, desk.model, desk.generations, states)
    naming = Naming(
        config.name,
        desk.plan.grid.lattice,
        desk.plan.watched.leading,
        config.decision.high,
        desk.plan.baseline,
        desk.plan.simulated,
    )
    made = revisions(word.log, desk.plan.grid.resolution, config.patches, naming)
    found = word.found
    return made if found is None else {i: judge(found, series) for i, series in made.items()}


def _said(reasons: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"scene {scene}: {why}" for scene, why in sorted(reasons.items()))


def _latest(folder: Path) -> Path | None:
    link = folder / "latest"
    return link.resolve() if link.exists() else None


def _between(first: datetime, last: datetime) -> float:
    return round((last - first).total_seconds(), 2)


def _code() -> str:
    return version(PACKAGE)
