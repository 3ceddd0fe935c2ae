"""Alerts with a known answer: the detector run in memory over simulated scenes, its alerts compared with the truth.

The line is the one jobs run (`jobs.tile`, `jobs.run`), without tiles, files and replay: source, prepare, baseline,
common mode, monitor, patches, alerts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert, Naming, revisions
from detection.codes import Observation
from detection.errors import BadInput
from detection.history import History
from detection.monitors import Detector, Looks, residuals, start, update
from detection.patches import Patches, on_lattice
from detection.prepare import Prepare, bands_needed, commonmode, fate, layers, planes_of, prepare
from detection.prepare.commonmode import CommonMode
from detection.prepare.passes import joined, once
from detection.sources.sensors import SENSORS, Sensor
from detection.sources.simulated import OFFERED, Simulated, SimulatedParameters, truth
from detection.types import SECONDS_A_DAY, Cube, Days, Float, Planes, Raw, Row, to_day
from models.features import features

if TYPE_CHECKING:
    from detection.simulator.truth import Truth

SCENES_AT_A_TIME: Final = 16
"""Raw numbers of so many looks are in memory at once."""
COVERED: Final = 0.5
"""Share of its cells newly lost by the day of the revision from which an alert is true (as in detection.accuracy)."""
OLD_DAYS: Final = 365
"""Loss longer before the alert's change date than this explains it no more: a field changes there now (chosen)."""


@dataclass(frozen=True)
class Line:
    """How the detector was set to find the alerts."""

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
class Samples:
    """Revisions of alerts, with the answer. The order is that of the scenes, the alerts' ids and their revisions."""

    rows: Float
    """(revision, feature) of `models.features`."""
    true: NDArray[np.bool_]
    """(revision,) is it true loss, as known on the day of the revision?"""
    alert: NDArray[np.int64]
    """(revision,) number of the alert, so that one alert counts once and its revisions never part."""
    scene: NDArray[np.int64]
    """(revision,) number of the scene."""

    @property
    def weight(self) -> NDArray[np.float64]:
        """(revision,) 1 / revisions of its alert: one alert counts once."""
        _, place, many = np.unique(self.alert, return_inverse=True, return_counts=True)
        return np.asarray(1 / many[place], np.float64)

    @property
    def first(self) -> NDArray[np.int64]:
        """(alert,) position of the first revision of every alert."""
        return np.flatnonzero(np.diff(self.alert, prepend=-1))

    @property
    def last(self) -> NDArray[np.int64]:
        """(alert,) position of the last revision of every alert."""
        return np.flatnonzero(np.diff(self.alert, append=-1))

    def take(self, keep: NDArray[Any]) -> "Samples":
        """The revisions of this mask or of these positions."""
        return Samples(self.rows[keep], self.true[keep], self.alert[keep], self.scene[keep])


def collect(scene: SimulatedParameters, lines: Sequence[Line]) -> list[Samples]:
    """The labelled revisions of all alerts of a scene, line by line; the scene is simulated once for all of them.

    Raises BadInput where the lines do not prepare alike.
    """
    if len({(line.prepare, planes_of(line.detector.monitor, line.prepare, ())) for line in lines}) != 1:
        raise BadInput("samples: lines that share a scene must prepare it alike; collect them one by one")
    cube, known = looked_at(scene, lines[0].prepare, lines[0].detector.monitor), truth(scene)
    return [label(detect(cube, line), known) for line in lines]


def join(parts: Sequence[Samples]) -> Samples:
    """The samples of several scenes one after the other, alerts and scenes numbered on; raises BadInput for none."""
    if not parts:
        raise BadInput("samples: there is no scene to take them from; give at least one seed")
    ahead = np.cumsum([[0, 0], *([p.alert.max(initial=-1) + 1, p.scene.max(initial=0) + 1] for p in parts)], 0)
    moved = [replace(p, alert=p.alert + a, scene=p.scene + s) for p, (a, s) in zip(parts, ahead[:-1], strict=True)]
    columns = ("rows", "true", "alert", "scene")
    return Samples(*(np.concatenate([getattr(p, name) for p in moved]) for name in columns))


def detect(cube: Cube, line: Line) -> dict[str, list[Alert]]:
    """All revisions of all alerts of a whole scene, by id."""
    late = cube.days >= to_day(line.monitor_from)
    history, news = (Looks.of(cube.take(np.flatnonzero(part).tolist())) for part in (~late, late))
    cells = commonmode.cells_of(cube.grid, cube.grid, line.common_mode)
    covered = (cube.observation != Observation.OUTSIDE).any(0).ravel()
    state = start(line.detector, history, inside=covered, cell=cells)
    extent = commonmode.lattice_shape(cube.grid, line.common_mode)
    if line.common_mode.enabled:
        away = residuals(line.detector, state, news)
        counts = commonmode.count(away, cells, extent[0] * extent[1])
        news = replace(news, common=commonmode.anomaly(counts, extent, line.common_mode))
    _, log = update(line.detector, state, news)
    naming = Naming(line.name, cube.grid.lattice, cube.planes.leading, line.detector.decision.high, "own history", True)
    return revisions(on_lattice(log, cube.grid), cube.grid.resolution, line.patches, naming)


def looked_at(scene: SimulatedParameters, rules: Prepare, monitor: object = None) -> Cube:
    """The prepared looks of a whole simulated scene, in the planes of a monitor (None: any that takes one index)."""
    source = Simulated(scene)
    rows = source.manifest(to_day(scene.start), to_day(scene.end))
    wanted = planes_of(monitor, rules, (row.scene for row in rows))
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


def label(made: Mapping[str, Sequence[Alert]], known: "Truth") -> Samples:
    """Rows and answers of all revisions of a scene: true where at least half the cells are new loss by then."""
    alerts = [a for ident in sorted(made) for a in made[ident]]
    number = [i for i, ident in enumerate(sorted(made)) for _ in made[ident]]
    corner = (known.grid.first_row, known.grid.first_column)
    true = np.array([lost_share(a, known.loss_day, corner) >= COVERED for a in alerts], np.bool_)
    return Samples(features(alerts), true, np.array(number, np.int64), np.zeros(len(alerts), np.int64))


def lost_share(alert: Alert, loss_day: Days, corner: tuple[int, int]) -> float:
    """Share of the alert's cells that are new loss on the day of the revision.

    loss_day: (y, x) day of loss, -1 for none; corner: absolute lattice row and column of its first cell.
    """
    rows, columns = (alert.cells - corner).T
    days, change = loss_day[rows, columns], to_day(alert.change_date)
    return float(((days >= max(0, change - OLD_DAYS)) & (days <= alert.observed_at // SECONDS_A_DAY)).mean())
