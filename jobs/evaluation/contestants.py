"""Our own detectors as evaluation sees them: a config as it is used, on a stream. The same calls as jobs and series make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import NEVER, RADAR, Changes, Stream, changes
from detection.alerts import Alert
from detection.context import known
from detection.errors import BadInput
from detection.monitors import Detector, Looks, residuals, start, update
from detection.monitors.fusion import Fusion
from detection.prepare import commonmode, planes_of
from detection.types import SECONDS_A_DAY, Cube, Float, Grid, Planes, Scene, to_date, to_day
from jobs.config import JobConfig, SeriesConfig, load
from jobs.evaluation.archives import PixelArchive, within
from jobs.evaluation.asked import Contestant
from jobs.evidence import columns_of, fused, in_history, limits, narrowed
from jobs.series import changes_of
from models.around import widened
from models.predict import chosen, wanted
from models.registry import Model
from models.stream import Line, detect

SERIES_AT_A_TIME = 8192
"""Series whose planes are put side by side at once: a matter of memory only."""
HEARD = ("confirmed", "finished")
"""States of an alert that was confirmed."""


@dataclass(frozen=True)
class PixelMonitor:
    """A detector of kind series: one pixel, no neighbours."""

    config: SeriesConfig
    """As it is used."""
    value: str = "nbr"
    """What stands for a column `value`."""
    common: bool = False
    """Take off the median residual of all series of the stream, look by look, as a job does of the forest around."""
    slow: ClassVar[bool] = False

    @property
    def planes(self) -> tuple[str, ...]:
        """What it reads of a stream."""
        return tuple(self._plane(column) for column in columns_of(self.config))

    @property
    def spare(self) -> bool:
        """Does it do without planes that are not there?"""
        return fused(self.config) is not None

    def __call__(self, stream: Stream) -> Changes:
        """Baseline on the history, then look by look. Raises BadInput for a stream that lacks a column."""
        if self.common or stream.many <= SERIES_AT_A_TIME:
            return self._said(stream)
        starts = range(0, stream.many, SERIES_AT_A_TIME)
        parts = [self._said(stream.take(np.arange(i, min(i + SERIES_AT_A_TIME, stream.many)))) for i in starts]
        columns = [f.name for f in fields(Changes)]
        moved = [replace(part, series=part.series + i) for i, part in zip(starts, parts, strict=True)]
        return Changes(*(np.concatenate([getattr(part, name) for part in moved]) for name in columns))

    def _said(self, stream: Stream) -> Changes:
        there = [c for c in columns_of(self.config) if self._plane(c) in _planes_in(stream)]
        columns = fused(self.config, there) if there else None
        mine = narrowed(self.config, columns)
        scenes, values = self._averaged(stream) if columns is None else self._apart(stream, columns)
        days = np.array([scene.day for scene in scenes], np.int32)
        past, late = in_history(days, stream.monitor_day, mine.history.years), days >= stream.monitor_day
        detector = Detector(mine.history, mine.monitor, mine.decision, mine.loss)
        looks = Looks(scenes, values)
        state = start(detector, looks.take(past), inside=np.ones(stream.many, np.bool_))
        news = looks.take(late)
        if self.common:
            counts = commonmode.count(residuals(detector, state, news), np.zeros(stream.many, np.int64), 1)
            news = replace(news, common=commonmode.anomaly(counts, (1, 1), commonmode.CommonMode()))
        return changes_of(update(detector, state, news)[1])

    def _plane(self, column: str) -> str:
        return self.value if column == "value" else column

    def _averaged(self, stream: Stream) -> tuple[tuple[Scene, ...], Float]:
        """The mean of the columns, as one slot."""
        panel = stream.panel(*self.planes)
        layers = [panel.values[name] for name in self.planes]
        mean: Float = layers[0] if len(layers) == 1 else np.asarray(np.mean(layers, 0, np.float32))
        return panel.scenes, within(mean, limits(self.config, self.config.columns[0]))[:, None]

    def _apart(self, stream: Stream, columns: Planes) -> tuple[tuple[Scene, ...], Float]:
        """A slot a column; a look that lacks one of its columns is not observed."""
        planes = Planes(*(tuple(map(self._plane, some)) for some in (columns.optical, columns.radar)))
        scenes, values = together(stream, planes)
        for look, scene in enumerate(scenes):
            names = columns.of(scene)
            for slot, name in enumerate(names):
                values[look, slot] = within(values[look, slot], limits(self.config, name))
            values[look][:, ~np.isfinite(values[look, : len(names)]).all(0)] = np.nan
        return scenes, values


def _planes_in(stream: Stream) -> set[str]:
    """Everything the panels hold."""
    return {name for panel in (stream.optical, stream.radar) if panel is not None for name in panel.values}


def together(stream: Stream, planes: Planes) -> tuple[tuple[Scene, ...], Float]:
    """The looks of both panels in canonical order, and their (time, slot, series) planes; a panel may not be there.

    Raises BadInput for a stream without either, or for a panel that lacks one of its planes.
    """
    panels = [
        (stream.panel(*names), names)
        for names, panel in ((planes.optical, stream.optical), (planes.radar, stream.radar))
        if names and panel is not None
    ] or [(stream.panel(*planes.names), planes.names)]
    scenes = [scene for panel, _ in panels for scene in panel.scenes]
    order = sorted(range(len(scenes)), key=lambda i: scenes[i])
    place = np.empty(len(scenes), np.intp)
    place[order] = np.arange(len(scenes))
    values = np.full((len(scenes), planes.width, stream.many), np.nan, np.float32)
    begun = 0
    for panel, names in panels:
        at = place[begun : begun + len(panel.scenes)]
        for slot, name in enumerate(names):
            values[at, slot] = panel.values[name]
        begun += len(panel.scenes)
    return tuple(scenes[i] for i in order), values


@dataclass(frozen=True)
class Job:
    """A detector of kind monitor: common mode, neighbours, patches, and the model that judges alerts."""

    config: JobConfig
    """As it is used."""
    grid: Grid | None = None
    """The cells of the stream, row by row."""
    model: Model | None = None
    """What judges the alerts; None where the config names none."""
    slow: ClassVar[bool] = False

    @property
    def planes(self) -> tuple[str, ...]:
        """What it reads of a stream."""
        return self._planes().names

    def _planes(self, scenes: Sequence[Scene] = ()) -> Planes:
        watched = planes_of(self.config.monitor, self.config.prepare, scenes)
        if self.model is None or set(watched.names) <= set(RADAR):
            return watched
        return widened(watched, wanted(self.model))

    @property
    def spare(self) -> bool:
        """It needs all its planes."""
        return False

    @property
    def line(self) -> Line:
        """The detector as the config sets it; the first monitored day is put in by the stream."""
        mine = self.config
        detector = Detector(mine.history, mine.monitor, mine.decision, mine.prepare.loss)
        return Line(
            mine.name, prepare=mine.prepare, common_mode=mine.common_mode, detector=detector, patches=mine.patches
        )

    def __call__(self, stream: Stream) -> Changes:
        """Every cell of every alert that claims a loss. Raises BadInput where the stream is no grid of cells."""
        return self.said(self.alerts(stream))

    def alerts(self, stream: Stream) -> dict[str, list[Alert]]:
        """All revisions of all alerts, by id, judged by the model. Raises BadInput as above."""
        if self.grid is None or stream.many != np.prod(self.grid.shape):
            raise BadInput(
                f"{self.config.name}: a job needs the cells of a whole grid; use a config of kind series here"
            )
        scenes, values, planes = self._looks(stream)
        days = np.array([scene.day for scene in scenes], np.int32)
        recent = in_history(days, stream.monitor_day, self.config.history.years) | (days >= stream.monitor_day)
        kept = tuple(scene for scene, late in zip(scenes, recent, strict=True) if late)
        cube = Cube.of(self.grid, kept, planes, values[recent].reshape(len(kept), planes.width, *self.grid.shape))
        layer, line = self.config.context.peat, replace(self.line, monitor_from=to_date(stream.monitor_day))
        peat = None if layer is None else known(layer, self.grid)
        return detect(cube, line, self.model, self.config.model.doubt, peat)

    def _looks(self, stream: Stream) -> tuple[tuple[Scene, ...], Float, Planes]:
        """Scenes, (time, slot, cell) values and what the slots hold."""
        if isinstance(self.config.monitor, Fusion):
            return *together(stream, self._planes()), self._planes()
        panel = stream.panel(*self.planes)
        planes = self._planes(panel.scenes)
        return panel.scenes, np.stack([panel.values[name] for name in planes.names], 1), planes

    def said(self, made: dict[str, list[Alert]]) -> Changes:
        """One change a cell and alert: raised when the cell joins the alert, confirmed when the alert then is or becomes so."""
        if self.grid is None:
            return changes(np.zeros(0, np.int64), np.zeros(0, np.int32))
        rows = [row for revisions in made.values() for row in _rows(revisions, self.grid)]
        table = np.array(rows, np.float64).reshape(-1, 5)
        return changes(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4])


def _rows(revisions: list[Alert], grid: Grid) -> Iterator[tuple[float, ...]]:
    """(series, first, confirmed, change, probability) of the cells of one alert."""
    first: dict[int, int] = {}
    confirmed: dict[int, tuple[int, float]] = {}
    for alert in revisions:
        day = alert.observed_at // SECONDS_A_DAY
        cells = _positions(alert.cells, grid)
        first |= {cell: day for cell in cells if cell not in first}
        if alert.status in HEARD and alert.change_type != "other":
            sure = np.nan if alert.probability is None else alert.probability
            own = [cell for cell, yes in zip(cells, alert.confirmed_cells.tolist(), strict=True) if yes]
            confirmed |= {cell: (day, sure) for cell in own if cell not in confirmed}
    change = to_day(revisions[-1].change_date)
    for cell, day in first.items():
        when, sure = confirmed.get(cell, (NEVER, np.nan))
        yield cell, day, when, change, sure


def _positions(cells: NDArray[np.int32], grid: Grid) -> list[int]:
    row, column = (cells - (grid.first_row, grid.first_column)).T
    found: list[int] = (row * grid.shape[1] + column).tolist()
    return found


def contestant(asked: Contestant, *, simulated: bool) -> PixelMonitor | PixelArchive | Job:
    """The detector of a config, for simulated looks or for a table, whose columns go by their own names.

    Raises ConfigError and BadInput as reading does, and for a config that cannot be used here.
    """
    found = load(asked.config)
    if isinstance(found, SeriesConfig) and found.segments is not None:
        return PixelArchive(found, asked.value if simulated else "value")
    if isinstance(found, SeriesConfig):
        return PixelMonitor(found, asked.value if simulated else "value")
    if isinstance(found, JobConfig) and simulated:
        return Job(found, model=chosen(found.model.name, found.model.version, found.monitor))
    raise BadInput(
        f"{asked.config}: is of kind {found.kind}; a detector is of kind series or, on simulated data, monitor"
    )
