"""Whole archives on simulated worlds, ours beside the peers: which losses are found, and in which year. SIMULATED.

    python benchmarks/archives.py        `benchmarks/comparison-archives.yaml` is the plan

Every detector is judged by the day it dates a loss to, not by when it could say so: these describe histories.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import results
from comparison import plan
from numpy.typing import NDArray
from peers import PEERS

from detection.accuracy.judged import join, only
from detection.accuracy.stream import NEVER, Changes, Stream
from jobs.clock import now
from jobs.evaluation.asked import LOSSES
from jobs.evaluation.contestants import contestant
from jobs.evaluation.figures import apart, figures
from jobs.evaluation.judging import Entry, PieceResult
from jobs.evaluation.outcome import markdown
from jobs.evaluation.run import evaluate
from jobs.progress import shown

TAKEN: Final = ("COLD", "S-CCD", "LandTrendr")
"""Peers that cut up archives."""


@dataclass(frozen=True)
class Dated:
    """A detector judged by the days it dates its changes to."""

    detector: Any
    """What judges."""
    slow: ClassVar[bool] = True

    def __call__(self, stream: Stream) -> Changes:
        """As the detector, of whatever day it says; changes it does not date are left out."""
        said = self.detector(replace(stream, monitor_day=min(stream.monitor_day, _first(stream))))
        said = said.take((said.change != NEVER) & (said.change >= stream.monitor_day))
        return replace(said, first=said.change, confirmed=said.change)


def _first(stream: Stream) -> int:
    """Day of the first look: what was said about it at any time counts."""
    assert stream.optical is not None
    return int(stream.optical.days[0])


def years_off(parts: Sequence[PieceResult], name: str) -> tuple[int, float]:
    """(found losses, share of them dated to a calendar year at most one off)."""
    one = only(join([apart(r.judged[name, "sample", "confirmed"], i) for i, r in enumerate(parts)]), LOSSES).losses
    hit = one.hit & np.isfinite(one.date_error)
    true, said = (_year(d[hit]) for d in (one.start, one.start + np.nan_to_num(one.date_error).astype(np.int64)))
    return int(hit.sum()), float((np.abs(true - said) <= 1).mean()) if hit.any() else float("nan")


def _year(days: NDArray[Any]) -> NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)


def main() -> None:
    """Run the plan, write what came of it."""
    begun, asked = time.monotonic(), plan("comparison-archives")
    ours = [contestant(one, simulated=True) for one in asked.detectors]
    mine = [
        Entry(f"{one.name}, dated", Dated(d), d.planes, slow=True) for one, d in zip(asked.detectors, ours, strict=True)
    ]
    others = [
        Entry(p.name, Dated(p), p.planes, slow=True, ours=False, note=p.published) for p in PEERS if p.name in TAKEN
    ]
    names = [e.name for e in (*mine, *others)]
    with shown() as progress:
        made = evaluate(asked, now=now, others=[*mine, *others], progress=progress, why="whole archives")
    told = figures(made.results, [*mine, *others], replace(asked.comparison, reference=names[0]))
    lines = [
        "SIMULATED, `benchmarks/comparison-archives.yaml`: 36 years of Landsat, harmonised; each detector judged by the day it",
        'dates a loss to, a year either way. Words as in "Detectors compared". LandTrendr of the peers reads the season June',
        "to September, ours the medoid of the whole year.",
        "",
        *markdown([f for f in told if f.stage == "confirmed"]),
        "### The year of the losses found",
        "",
        "| where | detector | losses found | dated within a calendar year |",
        "|---|---|---|---|",
    ]
    for group in [*dict.fromkeys(r.piece.group for r in made.results), None]:
        parts = [r for r in made.results if group in (None, r.piece.group)]
        for name in names:
            many, near = years_off(parts, name)
            lines.append(f"| {', '.join(group) if group else 'all'} | {name} | {many} | {near:.3f} |")
    lines += [
        "",
        *(f"- could not be judged: {line}" for line in made.failures),
        f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes.",
    ]
    results.record("Whole archives", lines, "python benchmarks/archives.py")


if __name__ == "__main__":
    main()
