"""The driver of a history: plan, hand out the tiles that are not done yet, stitch, draw, publish.

Killed anywhere, it leaves whole files or none: the next run takes the tiles that are done as they are. Nothing is kept but
files, so that there is no database, no lease to lose, and no alerts.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from importlib.metadata import version
from math import fsum
from pathlib import Path
from typing import Final, Literal

import numpy as np

import detection
import models
from detection.errors import BadInput, SourceUnavailable
from detection.monitors import Looks
from detection.patches.yearly import CELL_CHANGE, yearly
from detection.types import SECONDS_A_DAY, Scene, digest
from jobs import PACKAGE
from jobs.account import basis, told
from jobs.cluster import hands
from jobs.config import HistoryConfig, config_digest
from jobs.database import FILE_NAME
from jobs.estimate import check_memory
from jobs.history.maps import blank
from jobs.history.publish import Made, kind_of, place, write_products
from jobs.history.standing import CELL_STAND
from jobs.history.tile import SUFFIX, Done, Task, judged, key_of, read_result, segment
from jobs.history.word import Heard, say
from jobs.history.word import layers as kinds
from jobs.history.yearly import blank as no_levels
from jobs.history.yearly import lay, period
from jobs.ledger import Busy, Clock, Run
from jobs.outputs.folders import put_run
from jobs.plan import HistoryPlan, TilePlan, plan_history
from jobs.tile import Failed
from models.predict import chosen, wanted
from models.registry import Model

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
TILES: Final = "tiles"
"""Folder of the results of tiles, beside the products."""
REHEARSED: Final = range(0, 4_000, 16)
"""Days of the looks with which the kernels are compiled: more than ten years of one pixel."""


@dataclass(frozen=True)
class HistoryOutcome:
    """How a run ended."""

    kind: Literal["done", "partial", "nothing new"]
    """partial: some tiles or scenes could not be done; they are listed."""
    folder: Path
    """The products."""
    scenes: int
    """Scenes of the archive."""
    hectares: dict[str, float] = field(default_factory=dict)
    """Mapped hectares of the polygons, by kind of change."""
    polygons: dict[str, int] = field(default_factory=dict)
    """Polygons, by kind of change."""
    tiles_done: int = 0
    """Tiles that were done now; the others had been."""
    failures: tuple[str, ...] = ()
    """Tiles and scenes that could not be done, a line each."""
    lacking: tuple[str, ...] = ()
    """Scenes of which the provider lacks a band, a line each: they show nothing."""
    not_understood: tuple[str, ...] = ()
    """Entries of the catalogue that could not be understood, a line each."""
    notes: tuple[str, ...] = ()
    """What the analyst should know before believing the maps, a line each."""


@dataclass(frozen=True)
class Found:
    """What became of the tiles."""

    done: dict[str, Done]
    """By id of tile."""
    failed: list[Failed]
    """In order of their tiles."""
    fresh: int
    """Tiles that were done now."""

    @property
    def unread(self) -> dict[str, str]:
        """Scene id -> why it could not be read somewhere."""
        return {s: why for done in self.done.values() for s, why in done.unread.items()}

    @property
    def lacking(self) -> dict[str, str]:
        """Scene id -> which band it lacks."""
        return {s: why for done in self.done.values() for s, why in done.lacking.items() if s not in self.unread}

    @property
    def failures(self) -> tuple[str, ...]:
        """A line each."""
        tiles = (f"tile {f.tile}: {f.reason}" for f in self.failed)
        return (*tiles, *_said(self.unread))


def run_history(
    config: HistoryConfig,
    *,
    now: Clock,
    progress: Progress = lambda *_: None,
    approve: Callable[[HistoryPlan, Sequence[TilePlan]], None] = lambda *_: None,
) -> HistoryOutcome:
    """Cut a whole archive into segments and publish what changed; what is done already is not done again.

    approve: sees the plan and the tiles that are still to do before anything is read or written, and may raise. Raises leaves of
    DetectionError for what a user can mend; `ledger.Busy` while another run of this job is at work.
    """
    model = chosen(config.model.name, config.model.version, config.segments)
    work = plan_history(config)
    work = work if model is None else replace(work, told=wanted(model))
    check_memory(work)
    approve(work, left(work))
    folder = home(config)
    if (folder / FILE_NAME).exists():
        raise BadInput(f"{config.name}: {folder} belongs to a monitoring job; give the history another name")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return _run(work, model, folder, now, progress)


def home(config: HistoryConfig) -> Path:
    """Where everything of the job lies."""
    return config.output.folder / config.name


def left(work: HistoryPlan) -> tuple[TilePlan, ...]:
    """The tiles that have no result yet."""
    return tuple(task.tile for task in _tasks(work, home(work.config)) if not task.file.exists())


def _run(work: HistoryPlan, model: Model | None, folder: Path, now: Clock, progress: Progress) -> HistoryOutcome:
    begun = now()
    found = _found(work, folder, progress)
    if found.failed and not found.done:
        raise _nothing(work, found.failed[0])
    made = _stitched(work, model, found)
    patches = made.patches
    failures = found.failures
    detail = {
        "failures": list(failures),
        "lacking": found.lacking,
        "notes": list(work.notes),
        "seconds": {"all": (now() - begun).total_seconds()},
    }
    record = Run(
        _ident(work, failures), work.config.name, begun, "running", config_digest(work.config), _code(), detail
    )
    least = f"polygons of at least {work.config.polygons.minimum_mapping_unit_ha:g} ha"
    facts = told(
        work,
        record,
        work.scenes,
        method=work.config.segments.kind,
        least=least,
        model=model.identity if model else None,
    )
    manifest = basis(work, record, work.scenes) | {"lacking": found.lacking, "notes": list(work.notes)}
    there = (folder / "runs" / record.id).exists()
    write = partial(write_products, work=work, made=made, run=facts, manifest=manifest)
    products = put_run(folder, record.id, write)
    _sweep(folder / TILES, [done.file for done in found.done.values()])
    kind: Literal["done", "partial", "nothing new"] = "partial" if failures else "nothing new" if there else "done"
    kinds = sorted({kind_of(patch) for patch in patches})
    mine = {name: [patch.hectares for patch in patches if kind_of(patch) == name] for name in kinds}
    return HistoryOutcome(
        kind,
        products,
        len(work.scenes),
        {name: fsum(areas) for name, areas in mine.items()},
        {name: len(areas) for name, areas in mine.items()},
        found.fresh,
        failures,
        _said(found.lacking),
        work.not_understood,
        work.notes,
    )


def _tasks(work: HistoryPlan, folder: Path) -> list[Task]:
    run = _ident(work, ())
    return [Task(run, work, t, folder / TILES, key_of(work, t.grid, _code())) for t in work.tiles]


def _found(work: HistoryPlan, folder: Path, progress: Progress) -> Found:
    """The results of all tiles: those that are there, and those that are made now."""
    tasks = _tasks(work, folder)
    done: dict[str, Done] = {}
    for task in tasks:  # one at a time: together they are larger than memory may be
        kept = read_result(task.file, task.tile.grid)
        done |= {} if kept is None else {task.name: Done(task.file, lacking=kept.lacking)}
    todo, failed = [task for task in tasks if task.name not in done], []
    if not todo:
        return Found(done, [], 0)
    with hands(work.config.cluster, progress=progress, rehearse=lambda: _rehearse(work)) as workers:
        turn = workers.turns(getattr(work.config.sources, "requests", None))
        progress(segment.__name__, 0, len(todo))
        given = [replace(task, turn=turn) for task in todo]
        for count, (task, result) in enumerate(workers.each(segment, given, [() for _ in given]), 1):
            if isinstance(result, Failed):
                failed.append(result)
            else:
                done[task.name] = result
            progress(segment.__name__, count, len(todo))
    return Found(done, sorted(failed, key=lambda f: f.tile), len(todo) - len(failed))


def _rehearse(work: HistoryPlan) -> None:
    """Cut up a pixel that never changes: compiles the method's kernels, or finds them in the cache."""
    platform = work.scenes[0].platform
    scenes = tuple(Scene(day * SECONDS_A_DAY, platform, f"s{day}") for day in REHEARSED)
    looks = Looks(scenes, np.full((len(scenes), work.planes.width, 1), 0.5, np.float32))
    judged(work, looks, np.ones((1, 1), np.bool_), None)


def _stitched(work: HistoryPlan, model: Model | None, found: Found) -> Made:
    """The layers of the whole grid, the patches, what stands and the model's word; a tile that could not be done stays blank."""
    parts: list[Heard] = []
    layers, changes, stands = blank(work.grid.shape), [np.zeros(0, CELL_CHANGE)], [np.zeros(0, CELL_STAND)]
    levels = no_levels(period(work.scenes), work.grid.shape)
    for tile in work.tiles:
        result = read_result(found.done[tile.id].file, tile.grid) if tile.id in found.done else None
        if result is not None:
            place(layers, result.layers, work.grid.offset(tile.grid), tile.grid.shape)
            lay(levels, result.levels, work.grid.offset(tile.grid))
            changes.append(result.changes)
            stands.append(result.stands)
            parts.append(result.heard)
    said = say(model, parts, work) if model else None
    if model:
        layers |= kinds(said, work.grid)
    return Made(layers, yearly(np.concatenate(changes), work.config.polygons), np.concatenate(stands), levels, said)


def _ident(work: HistoryPlan, failures: Sequence[str]) -> str:
    """Id of a run: it follows from what it rests on, so that the same work is the same run."""
    scenes = [scene.id for scene in work.scenes]
    return digest([work.config.name, config_digest(work.config), _code(), scenes, list(failures)])[:16]


def _nothing(work: HistoryPlan, first: Failed) -> Exception:
    """No tile could be done."""
    if first.errno is not None:
        return OSError(first.errno, os.strerror(first.errno), str(home(work.config)))
    return SourceUnavailable(f"{work.config.name}: no tile could be done; the first: {first.tile}: {first.reason}")


def _sweep(folder: Path, keep: Sequence[Path]) -> None:
    """Take away the results that no longer count: of other parameters, of another tiling, of an archive since grown."""
    for file in set(folder.glob(f"*{SUFFIX}")) - set(keep):
        file.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one run at a time; the system takes the lock from a process that is killed. Raises Busy."""
    import fcntl  # not there on Windows, and only who runs needs it

    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{folder}: another process works on this job; wait, or stop that process") from None
        yield


def _said(reasons: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"scene {scene}: {why}" for scene, why in sorted(reasons.items()))


@lru_cache(maxsize=1)
def _code() -> str:
    """Version of the program, down to the sources of the science and of what models are told, of which this package has a
    part: results of others are not taken for ours."""
    homes = Path(detection.__file__).parent, Path(models.__file__).parent, Path(__file__).parent
    files = [(f"{home.name}/{file.relative_to(home)}", file) for home in homes for file in sorted(home.rglob("*.py"))]
    sources = [(name, file.read_text(encoding="utf-8")) for name, file in files]
    return f"{version(PACKAGE)}+{digest(sources)[:16]}"
