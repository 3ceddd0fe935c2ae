"""What it costs to cut whole archives, and how well, beside COLD and S-CCD of the package pyxccd on the same pixels.

python benchmarks/segments_speed.py [--shared FOLDER] [--pixels N] [--seed SEED]

FOLDER holds peers/workload.py, which makes the simulated archives and scores them. One thread, CPU time, all three
alternating in one process; medians. Seeds 1 and 2 are for judging: defaults were chosen on 11 to 14. pyxccd
(pip install 'sachawatch[peers]') is called one pixel at a time, as it wants to be; without it, only our own figures.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from peers.pyxccd_segments import EPOCH, Cold, Sccd
from results import record
from timed import compilation, cpu, wall

from detection.monitors import Looks
from detection.segments.ccdc import Ccdc, begin, extend, segments
from detection.segments.ccdc_state import State
from detection.types import SECONDS_A_DAY, Scene

PLANES: Final = ("nbr", "blue", "green", "red", "nir", "swir1", "swir2")
KINDS: Final = {"landsat20": "20 years, a date every 16 days", "hls5": "5 years, a date every 3 days"}
ROUNDS: Final = 5
TIMED: Final = 100
"""Pixels that the peers are timed on in a round."""
ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
COMPILE: Final = """
import time, numpy as np
from detection.monitors import Looks
from detection.segments.ccdc import Ccdc, segments
from detection.types import Scene
scenes = tuple(Scene(86_400 * day, "x", str(day)) for day in range(0, 1600, 16))
begun = time.process_time()
segments(Ccdc(), Looks(scenes, np.ones((100, 1, 1), np.float32)), ("value",), np.ones(1, bool))
print(time.process_time() - begun)
"""


@dataclass(frozen=True)
class Archives:
    """Simulated archives of one kind."""

    made: dict[str, Any]
    """As the workload makes them."""
    looks: Looks
    """The same as we take them."""
    score: Callable[..., dict[str, Any]]
    """Of the workload."""

    @property
    def pixels(self) -> int:
        return self.looks.values.shape[2]

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.ones(self.pixels, np.bool_)

    def quality(self, breaks: list[NDArray[Any]]) -> str:
        """Recall, precision and F1 of the ordinal days of breaks, one array a pixel."""
        q = self.score(self.made["t_break"], breaks)
        days = f"median error {q['med_err_days']:.0f} days"
        return f"recall {q['recall']:.3f}, precision {q['precision']:.3f}, F1 **{q['f1']:.3f}**, {days}"


def main() -> None:
    """Measure and record, in a process whose libraries keep to one thread from their start."""
    if any(os.environ.get(variable) != "1" for variable in ONE_THREAD):
        alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=alone, check=False).returncode)
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("SACHAWATCH_SHARED", str(Path(__file__).parents[2] / "shared"))
    parser.add_argument("--shared", type=Path, default=Path(default), help="folder with peers/workload.py")
    parser.add_argument("--pixels", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2)
    asked = parser.parse_args()
    lines = [
        f"SIMULATED archives (workload of the peers, seed {asked.seed}): {asked.pixels} pixels, six bands and NBR, half of the",
        f"dates clear. CPU time, one thread, medians of {ROUNDS}; the peers on {TIMED} pixels a round.",
        "A break within 60 days before and 365 after the true one is right; any break of a stable pixel is wrong.",
        "",
    ]
    for kind, words in KINDS.items():
        lines += [
            f"**{kind}**, {words}:",
            "",
            *beside_peers(archives(asked.shared, kind, asked.pixels, asked.seed)),
            "",
        ]
    lines += [compilation(COMPILE)]
    print("\n".join(lines))
    record("Segments of a whole archive", lines, "python benchmarks/segments_speed.py")


def archives(shared: Path, kind: str, pixels: int, seed: int) -> Archives:
    """Simulated archives; reflectance as float32, NBR ahead of it, NaN where not clear."""
    if not (shared / "peers" / "workload.py").is_file():
        raise SystemExit(f"{shared}: has no peers/workload.py; name the folder with --shared")
    sys.path.insert(0, str(shared / "peers"))
    workload: Any = import_module("workload")
    made = workload.make(kind, pixels, seed=seed)
    bands = np.where(made["qa"][:, None] == 0, made["bands"].astype(np.float32) / 1e4, np.float32(np.nan))
    nbr = (bands[:, 3] - bands[:, 5]) / (bands[:, 3] + bands[:, 5])
    values = np.concatenate([nbr[:, None], bands], 1).transpose(2, 1, 0)
    scenes = tuple(Scene((int(d) - EPOCH) * SECONDS_A_DAY, "simulated", str(d)) for d in made["dates"])
    return Archives(made, Looks(scenes, np.ascontiguousarray(values, np.float32)), workload.score)


def beside_peers(a: Archives) -> list[str]:
    """Cost and quality of all three, two threads, and looks taken in one by one."""
    cut = lambda: segments(Ccdc(), a.looks, PLANES, a.inside)  # noqa: E731
    found = cut()
    ours = [found.changes["day"][found.changes["pixel"] == p].astype(np.int64) + EPOCH for p in range(a.pixels)]
    try:
        package: Any = import_module("pyxccd")
    except ImportError:
        cost = statistics.median(cpu(cut) for _ in range(ROUNDS)) / a.pixels * 1e6
        return [f"* ours: {cost:.0f} us a pixel; {a.quality(ours)}", "* pyxccd is not installed: no peer was measured"]
    days, bands, clear = (a.made[name].astype(np.int64) for name in ("dates", "bands", "qa"))
    kelvin = np.full(len(days), 2900, np.int64)
    some = range(min(TIMED, a.pixels))
    cold = lambda: [package.cold_detect(days, *bands[p], kelvin, clear[p]) for p in some]  # noqa: E731
    sccd = lambda: [package.sccd_detect(days, *bands[p], clear[p]) for p in some]  # noqa: E731
    rounds = [(cpu(cut) / a.pixels, cpu(cold) / len(some), cpu(sccd) / len(some)) for _ in range(ROUNDS)]
    us = [statistics.median(side) * 1e6 for side in zip(*rounds, strict=True)]
    ratio = [statistics.median(r[k] / r[0] for r in rounds) for k in (1, 2)]
    return [
        f"* ours: {us[0]:.0f} us a pixel; {a.quality(ours)}",
        f"* COLD: {us[1]:.0f} us, **{ratio[0]:.0f} times** as much; {a.quality(_all(a, Cold(dense=False)))};",
        f"  as its authors want it for dense archives, {a.quality(_all(a, Cold()))}",
        f"* S-CCD: {us[2]:.0f} us, **{ratio[1]:.0f} times** as much; {a.quality(_all(a, Sccd(dense=False)))};",
        f"  as its authors want it for dense archives, {a.quality(_all(a, Sccd()))}",
        two_threads(a),
        one_by_one(a),
    ]


def _all(a: Archives, peer: Cold | Sccd) -> list[NDArray[Any]]:
    """Ordinal days of the breaks of every pixel."""
    days, found = a.made["dates"].astype(np.int64), []
    for bands, qa in zip(a.made["bands"].astype(np.int64), a.made["qa"], strict=True):
        seen = qa == 0
        probability, looks = peer.asked(days[seen])
        found.append(np.asarray(peer.breaks(days[seen], bands[:, seen], probability, looks)[0], np.int64))
    return found


def two_threads(a: Archives) -> str:
    """Two Python threads on halves of the pixels, against one on both: wall time, alternating."""
    halves = [
        Looks(a.looks.scenes, np.ascontiguousarray(h)) for h in np.array_split(np.tile(a.looks.values, 10), 2, axis=2)
    ]
    work = lambda half: segments(Ccdc(), half, PLANES, np.ones(half.values.shape[2], np.bool_))  # noqa: E731
    alone = lambda: [work(half) for half in halves]  # noqa: E731
    with ThreadPoolExecutor(2) as pool:
        pairs = [(wall(alone), wall(lambda: list(pool.map(work, halves)))) for _ in range(ROUNDS)]
    one, two = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"* two threads: **{one / two:.2f} times** as fast as one (wall time)"


def one_by_one(a: Archives) -> str:
    """A look into the state of every pixel, after the first half of the archive."""
    half, planes = len(a.looks.scenes) // 2, len(PLANES)
    first = Looks(a.looks.scenes[:half], a.looks.values[:half])
    past, _ = extend(Ccdc(), begin(Ccdc(), PLANES, a.inside), first)
    costs = []
    for t in range(half, half + 20):
        look = Looks(a.looks.scenes[t : t + 1], a.looks.values[t : t + 1])
        begun = time.process_time()
        past, _ = extend(Ccdc(), past, look)
        costs.append((time.process_time() - begun) / a.pixels * 1e6)
    size = sum(array.nbytes for array in State.fresh(1, planes))
    return f"* a single look: {statistics.median(costs):.1f} us a pixel, clear or not; its state: {size} bytes"


if __name__ == "__main__":
    main()
