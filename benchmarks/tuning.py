"""One search for all: every setting of every detector on the same training worlds (open variant), the best F1 is kept.

    python benchmarks/tuning.py        writes benchmarks/tuned.json

SIMULATED. Nothing is ever tuned on the blind variant, and no world of the comparison is among these.
"""

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from peers import PEERS

from detection.accuracy import bootstrap
from detection.accuracy.judged import Judged, join, only
from detection.accuracy.series import judge
from detection.monitors.cusum import Cusum
from detection.monitors.ewma import Ewma
from jobs.config import SeriesConfig, load
from jobs.evaluation.asked import LOSSES, Comparison, SimulatedTruth
from jobs.evaluation.contestants import PixelMonitor
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import sample, weighed
from jobs.evaluation.pieces import Piece, open_piece, pieces

HERE: Final = Path(__file__).parent
TUNED: Final = HERE / "tuned.json"
DATA: Final = SimulatedTruth(
    variants=("open",), seeds=(101,), cells=144, start=date(2017, 1, 1), monitor_from=date(2020, 1, 1),
    end=date(2023, 1, 1), sample=2000,
)  # fmt: skip
"""Training worlds."""
SLOW_SAMPLE: Final = 400
"""Series of every world on which slow detectors are tried."""
ASKED: Final = Comparison()


@dataclass(frozen=True)
class Candidate:
    """A detector and the settings that are tried of it."""

    name: str
    settings: tuple[Any, ...]
    stage: str


def ours() -> list[Candidate]:
    """Our monitors, searched over the same number of settings as the peers'."""
    index, radar = (_series(HERE.parent / "configs" / f"{name}.yaml") for name in ("series-index", "series-radar"))
    cusum = [Cusum(slack=s, threshold=t) for s, t in product((1.5, 2.0, 2.5, 3.0), (4.0, 6.0, 7.5, 10.0, 14.0))]
    ewma = [Ewma(limit=limit) for limit in (4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0)]
    tuned_radar = [Cusum(slack=s, threshold=t) for s, t in product((0.75, 1.25, 1.75), (5.0, 7.5, 10.0, 14.0))]
    return [
        Candidate("cusum", tuple(_with(index, m) for m in cusum), ASKED.stage),
        Candidate("ewma", tuple(_with(index, m) for m in ewma), ASKED.stage),
        Candidate("radar-cusum", tuple(_with(radar, m) for m in tuned_radar), ASKED.stage),
    ]


def _series(path: Path) -> SeriesConfig:
    found = load(path)
    assert isinstance(found, SeriesConfig)
    return found


def _with(config: SeriesConfig, monitor: Cusum | Ewma) -> PixelMonitor:
    return PixelMonitor(replace(config, monitor=monitor))


def search(candidates: Sequence[Candidate], workers: int) -> dict[str, Any]:
    """Name -> the best setting and its F1, pooled over the regions."""
    scores: dict[tuple[str, int], list[Judged]] = {}
    tasks = [(i, piece, candidates) for i, piece in enumerate(pieces("tuning", DATA))]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for found in pool.map(_tried, tasks):
            for key, made in found.items():
                scores.setdefault(key, []).append(made)
    best = {}
    for c in candidates:
        rated = [_f1(scores[c.name, k]) for k in range(len(c.settings))]
        k = max(range(len(rated)), key=lambda k: rated[k])
        best[c.name] = {
            "f1": round(rated[k], 4), "first": round(rated[0], 4), "of": len(rated), "setting": k,
            "said": _said(c.settings[k]),
        }  # fmt: skip
    return best


def _tried(task: tuple[int, Piece, Sequence[Candidate]]) -> dict[tuple[str, int], Judged]:
    """Every setting of everybody on one world; slow detectors on fewer of its series."""
    i, piece, candidates = task
    begun = time.monotonic()
    opened = open_piece(piece, DATA, {plane for c in candidates for plane in c.settings[0].planes})
    made = {}
    for slow, many in ((False, DATA.sample), (True, SLOW_SAMPLE)):
        keep = sample(opened.truth, many, ASKED.seed)
        truth, stream = weighed(opened.truth, keep), opened.stream.take(opened.judged[keep])
        for c in candidates:
            if c.settings[0].slow is slow:
                for k, setting in enumerate(c.settings):
                    made[c.name, k] = apart(judge(truth, setting(stream), ASKED.rules, ASKED.stage), i)
    print(f"{piece.name}: {time.monotonic() - begun:.0f} s", flush=True)
    return made


def _f1(parts: Sequence[Judged]) -> float:
    value = bootstrap.accuracy(only(join(parts), LOSSES), draws=1)["f1"].value
    return -1.0 if value is None else value


def _said(setting: Any) -> dict[str, Any]:
    made = asdict(setting.config.monitor) if isinstance(setting, PixelMonitor) else asdict(setting)
    return {key: value for key, value in made.items() if isinstance(value, (int, float, str, bool))}


def candidates() -> list[Candidate]:
    """Everybody with settings to choose from."""
    theirs = [Candidate(p.name, (p, *p.choices()), ASKED.stage) for p in PEERS]
    return [*ours(), *theirs]


def main() -> None:
    """Search and write."""
    begun = time.monotonic()
    found = search(candidates(), os.cpu_count() or 1)
    TUNED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, one in found.items():
        print(f"{name}: F1 {one['f1']} of {one['of']} settings: {one['said']}")
    print(f"SIMULATED training worlds; {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
