"""What the looks that a job keeps say of one alert: look by look, was the place seen, and what was the index there?

Only looks that the revision knew. A mean is over the alert's own cells that were clear; a look that shows less than half of
them shows the place badly and counts as hidden. What is no longer kept is in none of this, and `begins` says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert
from detection.codes import Observation
from detection.types import Cube, Scene, to_date
from jobs.notify.kept import Kept

HALF: Final = 0.5
"""Share of the alert's cells that a look must show, and that it must reach (chosen)."""


@dataclass(frozen=True)
class Look:
    """One look at the place."""

    scene: Scene
    """The acquisition."""
    plane: str
    """The index or channel of the value: the first that its kind of sensor has."""
    clear: float
    """Share of the alert's cells that it shows, 0..1."""
    value: float | None
    """Mean over those; None where the place was hidden."""

    @property
    def day(self) -> date:
        """Of the acquisition, UTC."""
        return to_date(self.scene.day)


@dataclass(frozen=True)
class Evidence:
    """All that the kept looks say of a revision of an alert."""

    looks: tuple[Look, ...]
    """That reached the place, oldest first; none where none are kept."""
    change: date
    """First look on the change."""

    @property
    def begins(self) -> date | None:
        """Day of the oldest look that is still kept."""
        return self.looks[0].day if self.looks else None

    @property
    def planes(self) -> tuple[str, ...]:
        """Indices and channels that show the place at least once: those of optical looks first, as magnitudes are told."""
        seen = {(look.scene.radar, look.plane) for look in self.looks if look.value is not None}
        return tuple(dict.fromkeys(plane for _, plane in sorted(seen)))

    def of(self, plane: str) -> tuple[Look, ...]:
        """The looks of an index or channel."""
        return tuple(look for look in self.looks if look.plane == plane)

    def levels(self, plane: str) -> tuple[float | None, float | None]:
        """Median of an index before the change and since; None where no look tells."""
        sides: tuple[list[float], list[float]] = [], []
        for look in self.of(plane):
            if look.value is not None:
                sides[look.day >= self.change].append(look.value)
        before, since = (median(side) if side else None for side in sides)
        return before, since

    def hidden(self, after: date, before: date) -> tuple[int, int]:
        """(looks that did not show the place, all looks) between two days, neither counted."""
        some = [look for look in self.looks if after < look.day < before]
        return sum(look.value is None for look in some), len(some)


def evidence_of(alert: Alert, kept: Kept) -> Evidence:
    """What the kept looks say of an alert, on all tiles that it lies on. Raises as `Kept.looks`."""
    seen: dict[Scene, _Sum] = {}
    size = max(len(alert.cells), 1)
    for part in kept.parts(alert):
        rows, columns = part.place[part.inside].T
        for one in _sums(kept.looks(part.tile), rows, columns):
            seen[one.scene] = seen[one.scene].plus(one) if one.scene in seen else one
    known = [one for one in seen.values() if one.scene.instant <= alert.observed_at and one.reached >= HALF * size]
    return Evidence(tuple(_look(one, size) for one in sorted(known, key=lambda one: one.scene)), alert.change_date)


@dataclass(frozen=True)
class _Sum:
    scene: Scene
    plane: str
    reached: int
    seen: int
    total: float

    def plus(self, other: "_Sum") -> "_Sum":
        return _Sum(
            self.scene, self.plane, self.reached + other.reached, self.seen + other.seen, self.total + other.total
        )


def _sums(cube: Cube, rows: NDArray[Any], columns: NDArray[Any]) -> Iterable[_Sum]:
    """Of the looks that have a plane at all: cells reached, cells seen, and the sum over these of the first plane."""
    codes = cube.observation[:, rows, columns]
    values = cube.values[:, 0][:, rows, columns].astype(np.float64)
    seen = np.isfinite(values) & (codes == Observation.OBSERVED)
    reached, many = (codes != Observation.OUTSIDE).sum(1).tolist(), seen.sum(1).tolist()
    totals: Sequence[float] = np.where(seen, values, 0.0).sum(1).tolist()
    for scene, *facts in zip(cube.scenes, reached, many, totals, strict=True):
        if planes := cube.planes.of(scene):
            yield _Sum(scene, planes[0], *facts)


def _look(one: _Sum, size: int) -> Look:
    clear = one.seen / size
    return Look(one.scene, one.plane, clear, one.total / one.seen if clear >= HALF else None)


@dataclass(frozen=True)
class Tally:
    """How often one sensor saw the place."""

    sensor: str
    """As people write it."""
    looks: int
    """Looks that reached the place."""
    hidden: int
    """Those of them that did not show it."""
    last_clear: date | None
    """The last that did."""


def tallies(looks: Iterable[tuple[str, Look]]) -> list[Tally]:
    """(sensor, look) -> a tally a sensor, by name."""
    found: dict[str, list[Look]] = {}
    for sensor, look in looks:
        found.setdefault(sensor, []).append(look)
    return [
        Tally(
            sensor, len(some), sum(look.value is None for look in some),
            max((look.day for look in some if look.value is not None), default=None),
        )
        for sensor, some in sorted(found.items())
    ]  # fmt: skip
