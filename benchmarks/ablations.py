"""The fusion monitor with something taken away, and at other grades: what each part is worth, and false alarms made equal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy import bootstrap
from detection.accuracy.judged import Judged, join, only
from detection.accuracy.stream import Changes, Panel, Stream
from detection.monitors.fusion import Fusion
from jobs.config import SeriesConfig, load
from jobs.evaluation.asked import LOSSES, Comparison
from jobs.evaluation.contestants import PixelMonitor
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import Entry, PieceResult
from jobs.evaluation.outcome import in_brackets

CONFIG: Final = Path(__file__).parent / "contestants" / "fusion.yaml"
GRADES: Final = (1.0, 2.0, 3.0, 6.0, 8.0, 12.0, 16.0)
"""Grades besides the default: the fewer false alarms, the higher."""
FUSION: Final = "fusion"
GRADE: Final = f"{FUSION}, grade "


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
    """The default with one thing taken away, or put in."""
    whole = _with()
    parts = {
        "with common mode": replace(whole, common=True),
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
    return [Entry(f"{FUSION}, {name}", detector, planes, slow=True) for name, detector in parts.items()]


def at_equal_alarms(results: Sequence[PieceResult], entries: Sequence[Entry], asked: Comparison) -> list[str]:
    """A table: every peer against the fusion at the grade whose false alarms are nearest at or below the peer's.

    F1 of confirmed alarms, fusion minus peer, paired over blocks; where even the highest grade has more false alarms than
    the peer, the fusion stands at that grade and the row says so.
    """
    lines = ["| where | peer | its false ha per Mha and year | fusion's, at grade | F1 of the peer | F1 minus peer's |"]
    lines += ["|---|---|---|---|---|---|"]
    for group in dict.fromkeys(r.piece.group for r in results):
        mine = [r for r in results if r.piece.group == group]
        ladder = {_grade(name): _judged(mine, name) for name in (FUSION, *(f"{GRADE}{g:g}" for g in GRADES))}
        for peer in (e.name for e in entries if not e.ours):
            lines.append(f"| {', '.join(group)} | {_against(_judged(mine, peer), ladder, peer, asked)} |")
    return [*lines, ""]


def _grade(name: str) -> float:
    return Fusion().grade if name == FUSION else float(name.removeprefix(GRADE))


def _against(peer: Judged, ladder: dict[float, Judged], name: str, asked: Comparison) -> str:
    """One row but for its first cell."""
    rate = bootstrap.false_alarm_rate(peer, "mha_year") or 0.0
    chosen = bootstrap.at_rate(list(ladder), list(ladder.values()), rate)
    grade = max(ladder) if chosen is None else chosen.threshold
    ours = ladder[grade]
    more = ", more than the peer" if chosen is None else ""
    minus = bootstrap.paired(ours, peer, draws=asked.draws, seed=asked.seed)["f1"]
    theirs = bootstrap.accuracy(peer, draws=asked.draws, seed=asked.seed)["f1"]
    own = bootstrap.false_alarm_rate(ours, "mha_year") or 0.0
    cells = (name, f"{rate:.0f}", f"{own:.0f}, {grade:g}{more}", in_brackets(theirs), in_brackets(minus, sign=True))
    return " | ".join(cells)


def _judged(results: Sequence[PieceResult], name: str) -> Judged:
    """Confirmed alarms of a detector on the sample of all pieces, losses alone."""
    parts = [apart(r.judged[name, "sample", "confirmed"], i) for i, r in enumerate(results)]
    return only(join(parts), LOSSES)


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
