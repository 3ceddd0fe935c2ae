"""`sachawatch train`: scenes and places to the workers, samples back in their order, a model out."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from detection.errors import BadInput, SourceUnavailable
from detection.monitors import Looks
from detection.sources.simulated import SimulatedParameters
from detection.types import RADAR_PLATFORM, SECONDS_A_DAY, Scene
from jobs.cluster import Hands, compile_kernels, hands
from jobs.progress import LEARN, PLACES, SCENES
from jobs.tile import Failed, Named
from jobs.training.asked import TrainConfig
from jobs.training.known import notes_of, points_of, reviews_of
from jobs.training.places import BLOCK_M, EPOCH, Known, Look, Seen, blocks_of, look, told_rows, without
from models.around import MOMENT, around
from models.recipes import line
from models.reference import ReferencePoints, blocks
from models.registry import vacant
from models.reviews import Reviews
from models.samples import Samples, SimulatedSamples, features_of, join
from models.surroundings import FLAG, surroundings
from models.surroundings import NAMES as AROUND
from models.train import Piece, Trained, keep, pieces, summary, train

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
ON_EARTH: Final = 1 << 50
"""Added to the numbers of blocks and events of real places: those of simulated scenes lie below."""
DAYS: Final = range(0, 800, 8)
"""Of the looks with which the kernels are compiled."""


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended."""

    folder: Path
    """The model."""
    notes: tuple[str, ...]
    """What was counted and what was left out of points and judged alerts, a line each."""
    made: Trained
    """The model, its card and its samples."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell."""
        return f"{self.folder}", *self.notes, *summary(self.made)


def run_training(
    config: TrainConfig, *, now: Callable[[], datetime], progress: Progress = lambda *_: None
) -> TrainingOutcome:
    """Collect the samples, train, and write the model under output.folder/name-version.

    The model is the same whoever does the work. Raises BadInput for samples that cannot be used, as `models.learn.learn` and
    `models.registry.save`; SourceUnavailable and OSError where a scene or a place could not be done.
    """
    recipe = config.recipe
    vacant(config.output.folder, recipe.name, recipe.version)
    files = [known for asked in recipe.samples for known in _files(asked, config)]
    parts, notes = _collected(config, files, now().isoformat(), progress)
    learning = partial(_learning, progress)
    simulated = isinstance(config.sources, SimulatedParameters)
    made = train(recipe, join(parts), notes, simulated=simulated, progress=learning)
    return TrainingOutcome(keep(config.output.folder, recipe, made), notes, made)


def _files(asked: SimulatedSamples | ReferencePoints | Reviews, config: TrainConfig) -> list[Known]:
    """What people said, file by file; of simulated scenes nothing."""
    if isinstance(asked, ReferencePoints):
        return [points_of(asked, config.grid)]
    return reviews_of(asked) if isinstance(asked, Reviews) else []


def _learning(progress: Progress, _: str, done: int, of: int) -> None:
    """The steps of learning as one stage."""
    progress(LEARN, done, of)


def _collected(
    config: TrainConfig, files: Sequence[Known], run: str, progress: Progress
) -> tuple[list[Samples], tuple[str, ...]]:
    """The samples of the scenes, then of the files, each in its order, and what to say of the files."""
    scenes, looks = pieces(config.recipe), [blocks_of(config, known, run) for known in files]
    with hands(config.cluster, progress=progress, rehearse=lambda: _rehearse(config)) as workers:
        turn = workers.turns(getattr(config.sources, "requests", None))
        parts: list[Samples] = _done(config, workers, Piece.samples, scenes, partial(progress, SCENES))
        given = [replace(task, turn=turn) for tasks in looks for task in tasks]
        seen: list[Seen] = _done(config, workers, look, given, partial(progress, PLACES))
    begun = owners = 0
    notes: list[str] = []
    for known, tasks in zip(files, looks, strict=True):
        mine = list(zip(tasks, seen[begun : begun + len(tasks)], strict=True))
        begun += len(tasks)
        parts.append(_samples(config, known, mine, owners))
        owners += len(known.reference.ids)
        notes += _said(known, mine)
    return parts, (*_lacking(config, parts), *notes)


def _lacking(config: TrainConfig, parts: Sequence[Samples]) -> tuple[str, ...]:
    """Planes of which no sample tells anything."""
    lacking = [
        name for name in (*config.told.optical, *config.told.radar)
        if all(np.isnan(part.rows[:, part.features.index(f"{name}_level")]).all() for part in parts)
    ]  # fmt: skip
    return (f"planes that the looks do not have, missing in all samples: {', '.join(lacking)}",) if lacking else ()


def _done(
    config: TrainConfig,
    workers: Hands,
    work: Callable[..., Any],
    tasks: Sequence[Named],
    progress: Callable[[int, int], None],
) -> list[Any]:
    """The results in the order of the tasks. Without one of them it would be another model, so that none may fail."""
    done: dict[str, Any] = {}
    for task, result in workers.each(work, tasks, [()] * len(tasks)):
        if isinstance(result, Failed):
            raise _stopped(config, result)
        done[task.name] = result
        progress(len(done), len(tasks))
    return [done[task.name] for task in tasks]


def _stopped(config: TrainConfig, failed: Failed) -> Exception:
    if failed.errno is not None:
        return OSError(failed.errno, os.strerror(failed.errno), failed.tile)
    return SourceUnavailable(f"{config.name}: {failed.tile}: {failed.reason}; mend that, then train again")


def _samples(config: TrainConfig, known: Known, seen: Sequence[tuple[Look, Seen]], owners: int) -> Samples:
    """The samples of a file; owners: places of the files before it. What lies around a place is missing."""
    rows = list(told_rows(seen))
    told = np.array([row for _, _, row in rows], np.float32)
    owner = np.array([spot.owner for spot, _, _ in rows], np.int64)
    day = np.array([day for _, day, _ in rows], "datetime64[D]")
    features, reference = features_of(config.told.planes), known.reference
    around_it = np.full((len(rows), len(AROUND)), np.nan, np.float32)
    return Samples(
        features,
        np.concatenate([told.reshape(len(rows), len(features) - len(AROUND)), around_it], 1),
        np.array(reference.label, np.str_)[owner],
        reference.weight[owner],
        owner + owners + ON_EARTH,
        blocks(reference, BLOCK_M)[owner] + ON_EARTH,
        np.full(len(rows), known.name.partition(".")[0]),
        day.astype("datetime64[Y]").astype(np.int64) + 1970,
        np.ones(len(rows), np.bool_),
    )


def _said(known: Known, seen: Sequence[tuple[Look, Seen]]) -> tuple[str, ...]:
    """What to say of a file. Raises BadInput where nothing is left of it."""
    left = without(known, seen)
    notes = tuple(notes_of(left))
    if not left.reference.ids:
        raise BadInput(f"{known.name}: nothing is left to learn from: {'; '.join(left.reference.lines()[1:])}")
    unread = frozenset().union(*(found.unread for _, found in seen))
    missed = f"{known.name}: {len(unread):,} scenes could not be read at some places, which are told of without them"
    return (*notes, missed) if unread else notes


def _rehearse(config: TrainConfig) -> None:
    """Compile all kernels once, or find them in the cache."""
    compile_kernels(line(config.recipe, EPOCH).detector)
    planes = config.told.planes
    scenes = tuple(Scene(day * SECONDS_A_DAY, name, f"s{day}") for day in DAYS for name in ("x", RADAR_PLATFORM))
    around(Looks(scenes, np.full((len(scenes), planes.width, 1), 0.5, np.float32)), planes, np.zeros(1, MOMENT),
           planes.optical, planes.radar)  # fmt: skip
    surroundings(np.zeros(1, FLAG), np.zeros(1, FLAG))
