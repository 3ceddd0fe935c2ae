"""What segments of yearly values cost and find: beside the peer of benchmarks/peers, in threads, compiled, on simulated losses.

python benchmarks/landtrendr_speed.py [--shared FOLDER] [--seed N]

FOLDER holds peers/workload.py, which makes the simulated archives (landsat20). Defaults were chosen on seeds 11 to 14. The
peer is LandTrendr written anew for the comparisons, a pixel at a time; no maintained one for Python was found to measure.
"""

import argparse
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from peers.landtrendr import LandTrendr
from peers.landtrendr_kernel import candidates, falls
from results import record
from timed import compilation, cpu, wall

from detection.codes import Turn
from detection.monitors import Looks
from detection.segments.annual import Annual, yearly
from detection.segments.landtrendr import Landtrendr, segments
from detection.types import SECONDS_A_DAY, Scene

PIXELS: Final = 10_000
TILES: Final = 8
"""So many copies of the pixels are timed."""
ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
ROUNDS: Final = 7
SEASONS: Final = {"June to September": Annual(first_day=152, last_day=273), "the whole year": Annual()}
NEAR: Final = 1
"""Years a loss may be dated off."""
COMPILE: Final = """
import time, numpy as np
from detection.monitors import Looks
from detection.segments.landtrendr import Landtrendr, segments
from detection.types import Scene
looks = Looks(tuple(Scene(i * 31_536_000, "x", str(i)) for i in range(20)), np.ones((20, 1, 1), np.float32))
begun = time.process_time()
segments(Landtrendr(), looks, inside=np.ones(1, bool))
print(time.process_time() - begun)
"""


def main() -> None:
    """Measure and record, in a process whose libraries keep to one thread from their start."""
    if any(os.environ.get(variable) != "1" for variable in ONE_THREAD):
        alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=alone, check=False).returncode)
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("SACHAWATCH_SHARED", str(Path(__file__).parents[2] / "shared"))
    parser.add_argument("--shared", type=Path, default=Path(default), help="folder with peers/workload.py")
    parser.add_argument("--seed", type=int, default=2, help="of the simulated archives")
    chosen = parser.parse_args()
    bands, nbr, truth = archives(chosen.shared, chosen.seed)
    values = yearly(Annual(), nbr).row
    lines = [
        f"SIMULATED archives (landsat20, seed {chosen.seed}): {PIXELS} pixels, 20 years of looks 16 days apart, half clear,",
        f"{(truth > 0).sum()} losses of 10 to 100 % of the cover. CPU time, one thread, medians of {ROUNDS}.",
        "",
        *speed(values),
        threads(values),
        composites(bands, nbr),
        compilation(COMPILE),
        *accuracy(bands, nbr, truth),
    ]
    print("\n".join(lines))
    command = "python benchmarks/landtrendr_speed.py" + (f" --seed {chosen.seed}" if chosen.seed != 2 else "")
    record("Segments of yearly values", lines, command)


def archives(shared: Path, seed: int) -> tuple[Looks, Looks, NDArray[np.int64]]:
    """(six bands, NBR) as looks, and (pixel,) the year of the loss, 0 none."""
    if not (shared / "peers" / "workload.py").is_file():
        raise SystemExit(f"{shared}: has no peers/workload.py; name the folder with --shared")
    sys.path.insert(0, str(shared / "peers"))
    work = import_module("workload").make("landsat20", PIXELS, seed=seed)
    scenes = tuple(
        Scene((int(d) - date(1970, 1, 1).toordinal()) * SECONDS_A_DAY, "landsat", f"{i:04d}")
        for i, d in enumerate(work["dates"])
    )
    bands = np.where(work["qa"].T[:, None] == 0, work["bands"].transpose(2, 1, 0) / np.float32(1e4), np.float32(np.nan))
    truth = np.array([date.fromordinal(int(t)).year if t else 0 for t in work["t_break"]])
    return Looks(scenes, np.ascontiguousarray(bands)), Looks(scenes, nbr_of(bands)), truth


def nbr_of(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """(time, 1, pixel) from (time, band, pixel)."""
    return np.ascontiguousarray(((bands[:, 3] - bands[:, 5]) / (bands[:, 3] + bands[:, 5]))[:, None])


def segmented(looks: Looks) -> Any:
    return segments(Landtrendr(), looks, inside=np.ones(looks.values.shape[2], bool))


def tiled(looks: Looks) -> Looks:
    return Looks(looks.scenes, np.tile(looks.values, (1, 1, TILES)))


def peer(looks: Looks, magnitude: float) -> NDArray[Any]:
    """(rows, 4) of the peer, a series a row: series, positions before and after the loss, fall."""
    method = LandTrendr(magnitude=magnitude)
    table = np.ascontiguousarray(looks.values[:, 0].T)
    years = np.array([s.when.year for s in looks.scenes], np.float64)
    rules = [method.spike, method.recovery, method.one_year_recovery, magnitude, method.longest, method.before]
    numbers = np.array(rules, np.float64)
    limits = np.array([method.max_segments, method.overshoot, method.fewest], np.int64)
    models, errors, counts = candidates(table, years, numbers, limits)
    return falls(table, years, numbers, method._best(models, errors, counts))  # type: ignore[no-any-return]


def speed(looks: Looks) -> list[str]:
    """Pixels a second of both, alternating in one process."""
    many = tiled(looks)
    segmented(looks), peer(looks, 0.1)
    pairs = [(cpu(lambda: peer(many, 0.1)), cpu(lambda: segmented(many))) for _ in range(ROUNDS)]
    slow, fast = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    pixels = many.values.shape[2]
    return [
        f"{len(looks.scenes)} values a pixel: **{pixels / fast:,.0f} pixels a second** and core (goal: 100,000),",
        f"the peer {pixels / slow:,.0f}: {ratio:.1f} times.",
        "",
    ]


def threads(looks: Looks) -> str:
    """Two Python threads on halves of the pixels, against one on all: wall time, alternating."""
    halves, one, two = [tiled(looks), tiled(looks)], [], []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            one.append(wall(lambda: [segmented(half) for half in halves]))
            two.append(wall(lambda: list(pool.map(segmented, halves))))
    best = min(one) / min(two)
    return (
        f"Two threads: **{statistics.median(one) / statistics.median(two):.2f} times** as fast as one (wall time, medians;"
        f" {best:.2f} of the shortest; goal: 1.8).\n"
    )


def composites(bands: Looks, nbr: Looks) -> str:
    """Nanoseconds a pixel and look of the medoid of the whole year."""
    yearly(Annual(), nbr)
    six, one = (
        statistics.median(cpu(lambda looks=looks: yearly(Annual(), looks)) for _ in range(3)) for looks in (bands, nbr)
    )
    size = PIXELS * len(nbr.scenes)
    return f"Medoids of whole years: {six / size * 1e9:.1f} ns a pixel and look of six bands, {one / size * 1e9:.1f} ns of one.\n"


def accuracy(bands: Looks, nbr: Looks, truth: NDArray[np.int64]) -> list[str]:
    """Losses within NEAR years of the truth, of the defaults, and of the peer on the same yearly values."""
    lines = [
        f"Losses dated within {NEAR} year, all defaults; precision counts every loss said. The peer takes the same values.",
        "",
        "| season | yearly value | recall | precision | F1 | peer, falls of 0.1 | of 0.2 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, season in SEASONS.items():
        six = yearly(season, bands)
        for label, made, values in (
            ("medoid of six bands", six, Looks(six.scenes, nbr_of(six.values))),
            ("medoid of NBR", (one := yearly(season, nbr)), one.row),
        ):
            found = made.dated(segmented(values)).changes
            found = found[found["turn"] == Turn.LOSS]
            years = found["day"].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
            recall, precision = score(found["pixel"], years, truth)
            others = (score_peer(values, magnitude, truth) for magnitude in (0.1, 0.2))
            cells = " | ".join(f"{r:.3f} / {p:.3f}" for r, p in others)
            lines.append(
                f"| {name} | {label} | {recall:.3f} | {precision:.3f} | **{f1(recall, precision):.3f}** | {cells} |"
            )
    return [*lines, ""]


def score_peer(looks: Looks, magnitude: float, truth: NDArray[np.int64]) -> tuple[float, float]:
    rows = peer(looks, magnitude)
    years = np.array([s.when.year for s in looks.scenes])[rows[:, 2].astype(int)]
    return score(rows[:, 0].astype(int), years, truth)


def score(pixels: NDArray[Any], years: NDArray[Any], truth: NDArray[np.int64]) -> tuple[float, float]:
    """(recall, precision) of the losses said of these pixels in these years."""
    hit = (truth[pixels] > 0) & (np.abs(years - truth[pixels]) <= NEAR)
    found = len(np.unique(pixels[hit]))
    return found / (truth > 0).sum(), found / max(found + (~hit).sum(), 1)


def f1(recall: float, precision: float) -> float:
    return 2 * recall * precision / max(recall + precision, 1e-9)


if __name__ == "__main__":
    main()
