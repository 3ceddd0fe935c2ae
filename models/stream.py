"""A detector run in memory over whole simulated scenes, for training and evaluation.

The line is the one jobs run (`jobs.tile`, `jobs.run`), without tiles, files and replay: source, prepare, baseline, common mode,
monitor, what is told of the flagged cells, patches, alerts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert, Naming, revisions
from detection.codes import Monitored, Observation, Segmented
from detection.history import History
from detection.monitors import Detector, Looks, State, Transitions, residuals, start, update
from detection.patches import Patches, on_lattice
from detection.prepare import Prepare, bands_needed, commonmode, fate, layers, planes_of, prepare
from detection.prepare.commonmode import CommonMode
from detection.prepare.passes import joined, once
from detection.segments import Method, Recovery, Segments, history
from detection.sources.sensors import SENSORS, Sensor
from detection.sources.simulated import OFFERED, Simulated, SimulatedParameters
from detection.types import Cube, Float, Grid, Planes, Raw, Row, to_day
from models.around import levels, widened
from models.cells import moments, tell
from models.decide import Doubt, decided, judged, mapped
from models.predict import judge, wanted
from models.registry import Model
from models.surroundings import NEVER, WATER_NIR, Ground

SCENES_AT_A_TIME: Final = 16
"""Raw numbers of so many looks are in memory at once."""


@dataclass(frozen=True)
class Line:
    """How the detector is set."""

    name: str
    """A few words for it."""
    monitor_from: date = date(2024, 1, 1)
    """First monitored day; what is before is history."""
    prepare: Prepare = field(default_factory=Prepare)
    """How raw numbers become planes."""
    common_mode: CommonMode = field(default_factory=CommonMode)
    """On, as in use."""
    detector: Detector = field(default_factory=lambda: Detector(history=History(forest_min=0.5)))
    """Baseline, monitor and decision."""
    patches: Patches = field(default_factory=Patches)
    """How pixels make alerts."""


@dataclass(frozen=True)
class Watched:
    """A whole scene after the detector has seen it."""

    cube: Cube
    """All its looks."""
    state: State
    """At the end."""
    log: Transitions
    """What happened to its pixels."""
    ground: Ground
    """What the cells were before monitoring began."""

    @property
    def looks(self) -> Looks:
        """The same looks as a row of pixels."""
        return Looks.of(self.cube)


def watch(cube: Cube, line: Line) -> Watched:
    """Baseline on what is before `line.monitor_from`, then look by look; planes beyond those of the monitor are for the model."""
    own = cube.narrow(planes_of(line.detector.monitor, line.prepare, cube.scenes))
    late = cube.days >= to_day(line.monitor_from)
    past, news = (Looks.of(own.take(np.flatnonzero(part).tolist())) for part in (~late, late))
    cells = commonmode.cells_of(cube.grid, cube.grid, line.common_mode)
    covered = (cube.observation != Observation.OUTSIDE).any(0).ravel()
    state = start(line.detector, past, inside=covered, cell=cells)
    extent = commonmode.lattice_shape(cube.grid, line.common_mode)
    if line.common_mode.enabled:
        away = residuals(line.detector, state, news)
        counts = commonmode.count(away, cells, extent[0] * extent[1])
        news = replace(news, common=commonmode.anomaly(counts, extent, line.common_mode))
    ground = ground_of(state.monitored, past, own.planes, cube.grid)
    state, log = update(line.detector, state, news)
    return Watched(cube, state, log, ground)


def detect(
    cube: Cube, line: Line, model: Model | None = None, doubt: Doubt | None = None, peat: Float | None = None
) -> dict[str, list[Alert]]:
    """All revisions of all alerts of a whole scene, by id, with the model's word where there is a model; peat: (y, x) what a map
    says, as `Judged.peat`."""
    seen, grid = watch(cube, line), cube.grid
    log, found = on_lattice(seen.log, grid), None
    if model is not None:
        cells = moments(seen.log, cube.scenes)
        found = judged(model, tell(seen.looks, cube.planes, grid, cells, wanted(model)), seen.ground)
        found = found if peat is None else mapped(found, peat, (grid.first_row, grid.first_column))
        log = decided(doubt or Doubt(), log, found)
    naming = Naming(line.name, grid.lattice, cube.planes.leading, line.detector.decision.high, "own history", True)
    made = revisions(log, grid.resolution, line.patches, naming)
    return made if found is None else {ident: judge(found, series) for ident, series in made.items()}


def ground_of(monitored: NDArray[np.uint8], history: Looks, planes: Planes, grid: Grid) -> Ground:
    """What the cells were before monitoring began, by their own history."""
    near_infrared = levels(history, planes, "nir", NEVER).reshape(grid.shape)
    known = np.isfinite(near_infrared)
    open_ = (monitored != Monitored.MONITORED).astype(np.float32).reshape(grid.shape)
    water = np.where(known, near_infrared < WATER_NIR, np.float32(np.nan)).astype(np.float32)
    return Ground((grid.first_row, grid.first_column), open_, water)


@dataclass(frozen=True)
class Cut:
    """A whole scene after its archive was cut into segments."""

    cube: Cube
    """All its looks."""
    found: Segments
    """Segments and changes."""
    ground: Ground
    """What the cells were: open where nothing could be segmented, water where it mostly was."""


def cut(cube: Cube, method: Method) -> Cut:
    """The archive of a whole scene, cut into segments."""
    looks = Looks.of(cube)
    inside = (cube.observation != Observation.OUTSIDE).any(0).ravel()
    found, _ = history(method, Recovery(), looks, cube.planes.names, inside)
    return Cut(cube, found, ground_below(found.status, looks, cube.planes, cube.grid))


def ground_below(segmented: NDArray[np.uint8], looks: Looks, planes: Planes, grid: Grid) -> Ground:
    """What the cells of an archive were; segmented: (pixel,) codes.Segmented."""
    monitored = np.where(segmented == Segmented.SEGMENTED, Monitored.MONITORED, Monitored.NOT_FOREST)
    return ground_of(monitored.astype(np.uint8), looks, planes, grid)


def looked_at(
    scene: SimulatedParameters,
    rules: Prepare,
    monitor: object = None,
    planes: Planes | None = None,
    told: Planes | None = None,
) -> Cube:
    """The prepared looks of a whole simulated scene, in these planes or in those of a monitor (None: any that takes one
    index), and in those that a model is told of."""
    source = Simulated(scene)
    rows = source.manifest(to_day(scene.start), to_day(scene.end))
    wanted = planes or planes_of(monitor, rules, (row.scene for row in rows))
    wanted = wanted if told is None else widened(wanted, told)
    none = Cube.of(source.grid(), (), wanted, np.zeros((0, wanted.width, *source.grid().shape), np.float32))
    parts = [none]
    for sensor, at in _batches(rows):
        some = [rows[i] for i in at]
        names = tuple(dict.fromkeys(name for row in some for name in wanted.of(row.scene)))
        parts.append(prepare(_read(source, some, rules, sensor, names), rules, sensor, wanted))
    return once(joined(parts))


def planes(source: Simulated, rows: Sequence[Row], names: Sequence[str], rules: Prepare) -> dict[str, Cube]:
    """Planes of the whole of a simulated source by name, each by itself; rows in canonical order, of any of its sensors."""
    grid, many = source.grid(), len(rows)
    scenes = tuple(row.scene for row in rows)
    values = {name: np.empty((many, 1, *grid.shape), np.float32) for name in names}
    became = {name: np.empty((many, *grid.shape), np.uint8) for name in names}
    for sensor, at in _batches(rows):
        raw = _read(source, [rows[i] for i in at], rules, sensor, names)
        for name, layer, seen in layers(raw, rules, sensor, names):
            values[name][at, 0] = np.where(seen, layer, np.float32(np.nan))
            became[name][at] = fate(raw, seen)
    return {n: once(Cube(grid, scenes, Planes.single(n, scenes), values[n], became[n])) for n in names}


def _batches(rows: Sequence[Row]) -> Iterator[tuple[Sensor, list[int]]]:
    """Positions of rows of one sensor each, so many that their raw numbers stay small."""
    for sensor in sorted({row.sensor for row in rows}):
        mine = [i for i, row in enumerate(rows) if row.sensor == sensor]
        yield from ((SENSORS[sensor], mine[i : i + SCENES_AT_A_TIME]) for i in range(0, len(mine), SCENES_AT_A_TIME))


def _read(source: Simulated, rows: Sequence[Row], rules: Prepare, sensor: Sensor, names: Sequence[str]) -> Raw:
    return source.read(source.grid(), rows, bands_needed(rules, sensor, OFFERED[sensor.name], names))
