"""Where the defaults of the fusion monitor come from: each of them moved by itself, on training worlds. SIMULATED.

    python benchmarks/fusion_search.py        writes the section "Fusion, how its defaults were chosen"

The surfaces of `detection.monitors.likelihood` were taken from the literature and never moved. No world of the comparison is
among these, and the blind variant is not touched.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import numpy as np
import results
from ablations import CONFIG

from detection.accuracy import bootstrap
from detection.accuracy.judged import Judged, join, only
from detection.accuracy.series import judge
from jobs.config import SeriesConfig, load
from jobs.evaluation.asked import LOSSES, Comparison, SimulatedTruth
from jobs.evaluation.contestants import PixelMonitor
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import sample, weighed
from jobs.evaluation.pieces import open_piece, pieces

DATA: Final = SimulatedTruth(
    variants=("open",), seeds=(101, 102, 103), cells=160, start=date(2017, 1, 1), monitor_from=date(2020, 1, 1),
    end=date(2026, 1, 1), sample=3400,
)  # fmt: skip
"""Training worlds."""
ASKED: Final = Comparison()
MOVED: Final[dict[str, tuple[Any, ...]]] = {
    "grade": (2.0, 3.0, 5.0, 6.0),
    "alarm": (6.0, 10.0),
    "confirm": (8.0, 14.0),
    "most": (5.0, 8.0),
    "grade_most": (2.0, 5.0),
    "half_life_days": (90.0, 365.0),
    "grade_half_life_days": (180.0, 730.0),
    "apart_days": (4.0, 16.0),
    "scene_doubt": (0.0, 1.0),
    "wet_weight": (0.2, 1.0),
    "index_scale": (0.02, 0.03, 0.05),
    "nir_scale": (0.02, 0.04),
    "radar_scale": (0.5, 1.1),
}
"""Parameter -> values tried besides the default."""
SHIPPED: Final = "as shipped"


def settings() -> Iterator[tuple[str, PixelMonitor]]:
    """The default, and every value that was tried of one parameter."""
    config = load(CONFIG)
    assert isinstance(config, SeriesConfig)
    yield SHIPPED, PixelMonitor(config)
    for name, values in MOVED.items():
        for value in values:
            moved = replace(config.monitor, **{name: value})  # type: ignore[arg-type]
            yield f"{name} {value:g}", PixelMonitor(replace(config, monitor=moved))


def scored(judged: Sequence[Judged]) -> str:
    """F1 (producer's, user's) of confirmed losses."""
    one = only(join(judged), LOSSES)
    figures = bootstrap.accuracy(one, draws=1)
    said = [figures[m].value for m in ("f1", "producers", "users")]
    return f"{_shown(said[0])} ({_shown(said[1])}, {_shown(said[2])})"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def tried() -> dict[str, dict[str, list[Judged]]]:
    """Setting -> region -> confirmed alarms judged, world by world."""
    made: dict[str, dict[str, list[Judged]]] = {}
    for number, piece in enumerate(pieces("training", DATA)):
        begun = time.monotonic()
        several = dict(settings())
        opened = open_piece(piece, DATA, several[SHIPPED].planes)
        keep = sample(opened.truth, DATA.sample, ASKED.seed)
        truth, stream = weighed(opened.truth, keep), opened.stream.take(opened.judged[keep])
        for name, detector in several.items():
            said = detector(stream)
            found = apart(judge(truth, said, ASKED.rules, ASKED.stage), number)
            made.setdefault(name, {}).setdefault(piece.group[0], []).append(found)
        print(f"{piece.name}: {time.monotonic() - begun:.0f} s", flush=True)
    return made


def main() -> None:
    """Try and write."""
    found = tried()
    regions = list(dict.fromkeys(region for by in found.values() for region in by))
    lines = [
        "SIMULATED training worlds (seeds 101 to 103, open variant, 3400 series each, 2020 to 2025). F1 (producer's, user's",
        "accuracy) of confirmed losses, weighted to the world; one pixel, no common mode. The surfaces were never moved.",
        "",
        f"| setting | {' | '.join(regions)} | mean F1 |",
        "|---|" + "---|" * (len(regions) + 1),
    ]
    for name, by in found.items():
        each = [bootstrap.accuracy(only(join(by[r]), LOSSES), draws=1)["f1"].value for r in regions]
        mean = np.mean([0.0 if v is None else v for v in each])
        lines.append(f"| {name} | {' | '.join(scored(by[r]) for r in regions)} | {mean:.3f} |")
    results.record("Fusion, how its defaults were chosen", lines, "python benchmarks/fusion_search.py")


if __name__ == "__main__":
    main()
