"""One tile, in a worker: look, then detect. Pure but for its source and its own generations on disk; commits nothing.

`observe` reads and prepares what is new and counts residuals for the scene-wide pass; the driver sums the counts of all
tiles; `detect` takes the looks in. Both return only references and small arrays.
"""

import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detection import areas
from detection.codes import Observation
from detection.context import forest
from detection.errors import DetectionError
from detection.monitors import Looks, columns, exclude, residuals, start
from detection.monitors.packed import pack_model, pack_pixels
from detection.monitors.replay import Memory, begin, take_in
from detection.monitors.state import prefixed
from detection.prepare import commonmode, prepare
from detection.prepare.commonmode import Histogram
from detection.prepare.passes import joined, once
from detection.sources import Source, Traffic
from detection.sources.sensors import SENSORS
from detection.types import Codes, Cube, Float, Grid, Row, Scene
from jobs import word
from jobs.config import SourceParameters
from jobs.memory import read_memory
from jobs.observations import read_looks, write_looks
from jobs.plan import Plan, TilePlan, Work, degrees, open_source, touching
from jobs.state import Generation, write_generation

SCENES_AT_A_TIME: Final = 48
"""Raw numbers of so many scenes are in memory at once: what is kept of them are their planes."""
TOLD: Final = ("unread", "lacking", "seen")
R = TypeVar("R")


@dataclass(frozen=True)
class Turn:
    """A `Traffic.turn` that equals every other, so that a worker's one source is found again for its next tile."""

    take: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, compare=False)
    """Hands out the turn."""

    def __call__(self) -> AbstractContextManager[object]:
        """Blocks while all turns are taken."""
        return self.take()


class Named(Protocol):
    """A piece of work that can be named when it fails."""

    @property
    def name(self) -> str:
        """For messages and for the record."""
        ...


@dataclass(frozen=True)
class Task:
    """What a worker needs to know."""

    run: str
    """Id of the run."""
    plan: Plan
    """The job."""
    tile: TilePlan
    """The piece."""
    folder: Path
    """Where generations lie."""
    state: Generation | None
    """The state before; None at the first run."""
    looks: Generation | None
    """The looks kept so far."""
    new: frozenset[Scene] = frozenset()
    """Scenes the job has not taken in yet: what the tile sees of them is put on record, also when it sees nothing."""
    turn: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, compare=False)
    """Entered around requests that a provider limits for the project as a whole (`Traffic.turn`)."""

    @property
    def name(self) -> str:
        """Id of the tile."""
        return self.tile.id


@dataclass(frozen=True)
class Observed:
    """A tile after it has looked."""

    state: Generation
    """The state before the new looks (fitted now, at the first run)."""
    looks: Generation
    """All looks, the new ones among them."""
    scenes: tuple[Scene, ...]
    """New looks to take in."""
    counts: Histogram
    """(scene, slot, lattice cell, bin) residuals of the new looks."""
    unread: dict[str, str]
    """Scene id -> why it could not be read; it is not taken in, and asked for again next time."""
    lacking: dict[str, str]
    """Scene id -> which band the provider does not have of it; it is taken in, as a look that saw nothing."""
    seen: dict[str, tuple[int, ...]]
    """Scene id -> how many of the tile's cells within the area are OBSERVED, MASKED, OUTSIDE, MISSING, FAILED: of every
    scene that was read now, in the history too."""


@dataclass(frozen=True)
class Detected:
    """A tile after it has detected."""

    state: Generation
    """The state after the new looks."""
    looks: Generation
    """The looks kept."""
    late: tuple[str, ...]
    """Ids of scenes that came too late to be replayed."""


@dataclass(frozen=True)
class Failed:
    """A tile that could not be done; the others go on."""

    tile: str
    """Its id."""
    reason: str
    """One line."""
    trace: str
    """Where in the code, for the log."""
    errno: int | None = None
    """Of an input or output error: the disk is full, or not ours to write."""


def guarded(work: Callable[..., R], task: Named, *rest: Any) -> R | Failed:
    """The tile boundary: whatever happens inside ends as a named failure of this tile."""
    try:
        return work(task, *rest)
    except DetectionError as error:
        return Failed(task.name, str(error), "")
    except Exception as error:  # noqa: BLE001 - the one broad except: a tile must not take the job down
        number = error.errno if isinstance(error, OSError) else None
        return Failed(task.name, f"{type(error).__name__}: {error}", traceback.format_exc(), number)


def observe(task: Task) -> Observed:
    """Read and prepare the scenes this tile has not seen, fit the baseline at the first run, count residuals."""
    plan, grid = task.plan, task.tile.grid
    kept = read_looks(task.folder, task.looks) if task.looks else None
    known = set(kept.scenes) if kept else set()
    within, beyond = near(plan, grid)
    unseen = [row for row in within if row.scene not in known]
    new, unread, lacking, seen = read_cube(task, unseen)
    size = int(areas.inside(plan.area, grid).sum())
    seen |= {row.scene.id: (0, 0, size, 0, 0) for row in beyond if row.scene in task.new}
    cube = joined([new] if kept is None else [kept, new])
    looks = task.looks if task.looks and not new.scenes else write_looks(task.folder, task.tile.id, cube, {})
    state = task.state or _write(task, _begin(plan, grid, cube))
    memory = read_memory(task.folder, state)
    waiting = [i for i, s in enumerate(cube.scenes) if s.day >= plan.monitor_day and _waits(s, memory, s in known)]
    fresh = _watched(plan, cube.take(waiting))
    size = int(np.prod(commonmode.lattice_shape(plan.grid, plan.config.common_mode)))
    away = residuals(plan.detector, memory.current, fresh)
    counts = commonmode.count(away, memory.current.cell.astype(np.int64), size)
    return Observed(state, looks, fresh.scenes, counts, unread, lacking, seen)


def without_counts(seen: Observed) -> Observed:
    """What `detect` needs of it: the counts are summed by then, and large."""
    return replace(seen, counts=np.zeros((0, 0, 0, 0), np.int64))


def near(plan: Work, grid: Grid) -> tuple[list[Row], list[Row]]:
    """The rows whose footprint may reach a tile with its halo, and the others, of which nothing is read."""
    reach = touching(plan.rows, degrees([grid.pad(halo_cells(plan))]))[:, 0]
    return [r for r, meets in zip(plan.rows, reach, strict=True) if meets], [
        r for r, meets in zip(plan.rows, reach, strict=True) if not meets
    ]


def halo_cells(plan: Work) -> int:
    """Cells read around every tile."""
    return int(np.ceil(plan.config.tiles.halo_m / plan.grid.resolution))


def _waits(scene: Scene, memory: Memory, kept: bool) -> bool:
    """Is this look still to be taken in? One kept from before and not newer than the checkpoint has been, or is too late."""
    floor = memory.checkpoint.last
    return scene not in memory.looks.scenes and not (kept and floor is not None and scene <= floor)


def detect(task: Task, seen: Observed, common: Mapping[Scene, Float]) -> Detected:
    """Take the new looks in; common: (slot, lattice cell) anomaly by scene, in residual scales."""
    plan, cube = task.plan, once(read_looks(task.folder, seen.looks, verify=False))
    memory = _with_values(plan, read_memory(task.folder, seen.state), cube)
    looks = _chosen(plan, cube, seen.scenes)
    anomalies = np.stack([common[s] for s in looks.scenes]) if looks.scenes else None
    memory, late = take_in(
        plan.detector, memory, replace(looks, common=anomalies), replay_days=plan.config.retention.replay_days
    )
    told = word.told_of(plan, task.tile.grid, cube, memory.transitions, memory.current.monitored)
    return Detected(_write(task, memory, told), seen.looks, tuple(s.id for s in late))


@lru_cache(maxsize=1)
def opened(parameters: SourceParameters, _run: str, turn: Turn) -> Source:
    """The source, opened once per worker and run: what it learnt serves all tiles, and no later run."""
    return open_source(parameters, Traffic(turn))


class Reader(Protocol):
    """A task that reads."""

    @property
    def plan(self) -> Work:
        """The job."""
        ...

    @property
    def run(self) -> str:
        """Id of the run."""
        ...

    @property
    def turn(self) -> Callable[[], AbstractContextManager[object]]:
        """`Traffic.turn`."""
        ...


def source_of(task: Reader) -> Source:
    """The source that serves all tiles of a run in this process."""
    return opened(task.plan.config.sources, task.run, Turn(task.turn))


@dataclass(frozen=True)
class Read:
    """What came of reading some scenes on a tile, by scene id where it is not the looks."""

    cube: Cube
    """The prepared looks of those that could be read."""
    unread: dict[str, str]
    """Why it could not be read."""
    lacking: dict[str, str]
    """Which band it lacks."""
    seen: dict[str, tuple[int, ...]]
    """The tile's cells per code of `Observation`."""


def read_cube(
    task: Task, rows: Sequence[Row]
) -> tuple[Cube, dict[str, str], dict[str, str], dict[str, tuple[int, ...]]]:
    """All looks of these rows on a tile at once, and what became of them, as in `Read`."""
    plan, grid = task.plan, task.tile.grid
    empty = Cube.of(grid, (), plan.planes, np.zeros((0, plan.planes.width, *grid.shape), np.float32))
    parts = [Read(empty, {}, {}, {}), *read_batches(plan, grid, source_of(task), rows)]
    unread, lacking, seen = ({k: v for part in parts for k, v in getattr(part, n).items()} for n in TOLD)
    return joined([part.cube for part in parts]), unread, lacking, seen


def read_batches(plan: Work, grid: Grid, source: Source, rows: Sequence[Row]) -> Iterator[Read]:
    """The rows on a tile (read with its halo), so many at a time that their raw numbers stay small."""
    config, within = plan.config, areas.inside(plan.area, grid)
    padded = grid.pad(halo_cells(plan))
    for sensor, some in _batches(plan, rows):
        raw = source.read(padded, some, plan.bands(sensor))
        cube = prepare(raw, config.prepare, SENSORS[sensor], plan.planes).crop(grid)
        told = dict(source.failures)
        seen = {s.id: _counts(o[within]) for s, o in zip(cube.scenes, cube.observation, strict=True)}
        failed = (cube.observation == Observation.FAILED).any((1, 2))
        unread = {s.id: told.get(s.id, "could not be read") for s, bad in zip(cube.scenes, failed, strict=True) if bad}
        lacking = {
            s: told.get(s, "a band is missing") for s, n in seen.items() if n[Observation.MISSING] and s not in unread
        }
        yield Read(cube.take(np.flatnonzero(~failed).tolist()), unread, lacking, seen)


def _batches(plan: Work, rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Rows of one sensor each, so many that their raw numbers stay small."""
    for sensor in plan.sensors:
        mine = [row for row in rows if row.sensor == sensor]
        yield from ((sensor, mine[i : i + SCENES_AT_A_TIME]) for i in range(0, len(mine), SCENES_AT_A_TIME))


def _counts(observation: Codes) -> tuple[int, ...]:
    return tuple(np.bincount(observation, minlength=len(Observation)).tolist())


def _with_values(plan: Plan, memory: Memory, cube: Cube) -> Memory:
    """The memory with the values of its looks, which lie in the kept cube."""
    return replace(memory, looks=replace(memory.looks, values=_chosen(plan, cube, memory.looks.scenes).values))


def _chosen(plan: Plan, cube: Cube, scenes: Collection[Scene]) -> Looks:
    wanted = set(scenes)
    return _watched(plan, cube.take([i for i, s in enumerate(cube.scenes) if s in wanted]))


def _watched(plan: Plan, cube: Cube) -> Looks:
    """What the monitor sees of the looks; the model is told of all of it."""
    return Looks.of(cube.narrow(plan.watched))


def _write(task: Task, memory: Memory, told: Mapping[str, NDArray[Any]] | None = None) -> Generation:
    arrays = {
        **(told or {}),
        **prefixed("model", pack_model(memory.current.model)),
        **prefixed("aside", memory.current.aside),
        **prefixed("pixels", pack_pixels(memory.current.pixels)),
        **prefixed("checkpoint", pack_pixels(memory.checkpoint.pixels)),
        "monitored": memory.current.monitored,
        "cell": memory.current.cell,
        **columns(memory.settled, "settled"),
        **columns(memory.recent, "recent"),
        "common": memory.looks.common,
    }
    last = {"current": memory.current.last, "checkpoint": memory.checkpoint.last}
    attributes = {
        "detector": memory.current.detector,
        "processing": task.plan.processing,
        "last": {k: asdict(v) if v else None for k, v in last.items()},
        "scenes": [asdict(s) for s in memory.looks.scenes],
        word.TOLD: word.as_told(task.plan.told) if told else None,
    }
    return write_generation(task.folder, task.tile.id, {k: v for k, v in arrays.items() if v is not None}, attributes)


def _begin(plan: Plan, grid: Grid, cube: Cube) -> Memory:
    cells = commonmode.cells_of(grid, plan.grid, plan.config.common_mode)
    past = once(cube)
    history = _watched(plan, past.take([i for i, s in enumerate(past.scenes) if s.day < plan.monitor_day]))
    mask = areas.inside(plan.area, grid).ravel() & _ever_covered(cube).ravel()
    state = start(plan.detector, history, inside=mask, cell=cells)
    baseline = forest(plan.config.context, grid)
    state = state if baseline is None else exclude(state, ~baseline.ravel())
    size = int(np.prod(commonmode.lattice_shape(plan.grid, plan.config.common_mode)))
    return begin(state, size, plan.watched.width)


def _ever_covered(cube: Cube) -> NDArray[np.bool_]:
    """(y, x) False where no scene ever reached."""
    covered: NDArray[np.bool_] = (cube.observation != Observation.OUTSIDE).any(0)
    return covered
