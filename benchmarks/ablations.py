"""The fusion monitor with something taken away, and at other grades: what each part is worth, and false alarms made equal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.stream import Changes, Panel, Stream
from detection.monitors.fusion import Fusion
from jobs.config import SeriesConfig, load
from jobs.evaluation.contestants import PixelMonitor
from jobs.evaluation.judging import Entry

CONFIG: Final = Path(__file__).parent / "contestants" / "fusion.yaml"
GRADES: Final = (1.0, 2.0, 3.0, 6.0, 8.0, 12.0, 16.0)
"""Grades besides the default: the fewer false alarms, the higher."""
GRADE: Final = "fusion, grade "


@dataclass(frozen=True)
class Less:
    """A detector on a stream of which something is taken away."""

    detector: PixelMonitor
    """What judges."""
    less: Callable[[Stream], Stream]
    """What is left."""
    slow: ClassVar[bool] = True

    def __call__(self, stream: Stream) -> Changes:
        """As the detector, of what is left."""
        return self.detector(self.less(stream))


def grades() -> list[Entry]:
    """The monitor at every other grade."""
    made = [(f"{GRADE}{grade:g}", _with(grade=grade)) for grade in GRADES]
    return [Entry(name, detector, detector.planes, slow=True) for name, detector in made]


def ablations() -> list[Entry]:
    """The default with one thing taken away."""
    whole = _with()
    parts = {
        "without radar": Less(whole, lambda s: replace(s, radar=None)),
        "without optical": Less(whole, lambda s: replace(s, optical=None)),
        "radar every 12 days": Less(whole, lambda s: replace(s, radar=_every(s.radar, 12))),
        "radar every 24 days": Less(whole, lambda s: replace(s, radar=_every(s.radar, 24))),
        "half the looks": Less(whole, lambda s: replace(s, optical=_half(s.optical), radar=_half(s.radar))),
        "without span rules": _spanless(whole),
        "without grade": _with(grade=0.0),
        "without doubt": _with(optical=("nbr", "nir")),
        "without near infrared": _with(optical=("nbr", "doubt")),
    }
    planes = whole.planes
    return [Entry(f"fusion, {name}", detector, planes, slow=True) for name, detector in parts.items()]


def _config() -> SeriesConfig:
    found = load(CONFIG)
    assert isinstance(found, SeriesConfig)
    return found


def _with(**changes: object) -> PixelMonitor:
    config = _config()
    assert isinstance(config.monitor, Fusion)
    return PixelMonitor(replace(config, monitor=replace(config.monitor, **changes)))  # type: ignore[arg-type]


def _spanless(whole: PixelMonitor) -> PixelMonitor:
    config = whole.config
    assert isinstance(config.monitor, Fusion)
    free = replace(config.decision, confirm_days=0, slow_days=0)
    return PixelMonitor(replace(config, decision=free, monitor=replace(config.monitor, apart_days=1e-3)))


def _kept(panel: Panel | None, keep: Callable[[Panel], NDArray[np.bool_]]) -> Panel | None:
    if panel is None:
        return None
    some = next(iter(panel.values.values())).shape[1]
    return panel.take(np.arange(some), keep(panel))


def _half(panel: Panel | None) -> Panel | None:
    """Every other look."""
    return _kept(panel, lambda p: np.arange(len(p.scenes)) % 2 == 0)


def _every(panel: Panel | None, days: int) -> Panel | None:
    """Radar looks of one orbit, the busiest, at least so many days apart."""

    def keep(p: Panel) -> NDArray[np.bool_]:
        orbits, counts = np.unique(p.orbit, return_counts=True)
        mine, last = p.orbit == orbits[counts.argmax()], -days
        chosen = np.zeros(len(p.scenes), np.bool_)
        for look in np.flatnonzero(mine):
            if p.days[look] - last >= days:
                chosen[look], last = True, int(p.days[look])
        return chosen

    return _kept(panel, keep)
