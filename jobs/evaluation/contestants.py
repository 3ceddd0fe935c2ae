"""Our own detectors as evaluation sees them: a config as it is used, on a stream. The same calls as jobs and series make."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import NEVER, Changes, Stream, changes
from detection.alerts import Alert
from detection.codes import Observation
from detection.errors import BadInput
from detection.monitors import Detector, Looks, start, update
from detection.types import SECONDS_A_DAY, Cube, Grid, to_date, to_day
from jobs.config import JobConfig, SeriesConfig, load
from jobs.evaluation.asked import Contestant
from jobs.evidence import in_history
from jobs.series import changes_of
from models.predict import judge
from models.registry import Model
from models.registry import load as load_model
from models.samples import Line, detect

HEARD = ("confirmed", "finished")
"""States of an alert that was confirmed."""


@dataclass(frozen=True)
class PixelMonitor:
    """A detector of kind series: one pixel, no neighbours."""

    config: SeriesConfig
    """As it is used."""
    value: str = "nbr"
    """What stands for a column `value`."""
    slow: ClassVar[bool] = False

    @property
    def planes(self) -> tuple[str, ...]:
        """What it reads of a stream."""
        return tuple(self.value if column == "value" else column for column in self.config.columns)

    def __call__(self, stream: Stream) -> Changes:
        """Baseline on the history, then look by look. Raises BadInput for a stream that lacks a column."""
        panel = stream.panel(*self.planes)
        days, mine = panel.days, self.config
        many = len(self.planes)
        values = (
            panel.values[self.planes[0]]
            if many == 1
            else np.mean([panel.values[n] for n in self.planes], 0, np.float32)
        )
        with np.errstate(invalid="ignore"):
            for limit, beyond in ((mine.valid_min, np.less), (mine.valid_max, np.greater)):
                values = values if limit is None else np.where(beyond(values, limit), np.float32(np.nan), values)
        past, late = in_history(days, stream.monitor_day, mine.history.years), days >= stream.monitor_day
        detector = Detector(mine.history, mine.monitor, mine.decision, mine.loss)
        looks = Looks(panel.scenes, np.ascontiguousarray(values, np.float32)[:, None, :])
        state = start(detector, looks.take(past), inside=np.ones(stream.many, np.bool_))
        return changes_of(update(detector, state, looks.take(late))[1])


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
        return (self.config.prepare.index,)

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
        panel = stream.panel(*self.planes)
        history = in_history(panel.days, stream.monitor_day, self.config.history.years)
        recent = history | (panel.days >= stream.monitor_day)
        values = panel.values[self.planes[0]][recent].reshape(-1, *self.grid.shape)
        scenes = tuple(scene for scene, late in zip(panel.scenes, recent, strict=True) if late)
        fate = np.where(np.isfinite(values), Observation.OBSERVED, Observation.MASKED).astype(np.uint8)
        cube = Cube(self.grid, scenes, self.planes[0], values, fate)
        made = detect(cube, replace(self.line, monitor_from=to_date(stream.monitor_day)))
        return (
            made if self.model is None else {ident: judge(self.model, revisions) for ident, revisions in made.items()}
        )

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
            confirmed |= {cell: (day, sure) for cell in cells if cell not in confirmed}
    change = to_day(revisions[-1].change_date)
    for cell, day in first.items():
        when, sure = confirmed.get(cell, (NEVER, np.nan))
        yield cell, day, when, change, sure


def _positions(cells: NDArray[np.int32], grid: Grid) -> list[int]:
    row, column = (cells - (grid.first_row, grid.first_column)).T
    found: list[int] = (row * grid.shape[1] + column).tolist()
    return found


def contestant(asked: Contestant, *, simulated: bool) -> PixelMonitor | Job:
    """The detector of a config, for simulated looks or for a table, whose columns go by their own names.

    Raises ConfigError and BadInput as reading does, and for a config that cannot be used here.
    """
    found = load(asked.config)
    if isinstance(found, SeriesConfig):
        return PixelMonitor(found, asked.value if simulated else "value")
    if isinstance(found, JobConfig) and simulated:
        return Job(found, model=load_model(found.model.name, found.model.version) if found.model.name else None)
    raise BadInput(
        f"{asked.config}: is of kind {found.kind}; a detector is of kind series or, on simulated data, monitor"
    )
