"""What one update costs: our charts beside nrt's, deciding the same, in memory and as an operational step from file to file.

    python benchmarks/update_speed.py [--peers FOLDER]

SIMULATED series (workload.py beside the shared references: 8 years of Landsat, 5 of HLS). Seed 2 judges; defaults were
chosen on seeds 11 to 14. CPU time, medians, both sides in one process, alternating. One thread unless said.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime  # naive, as nrt takes them
from importlib import import_module
from pathlib import Path
from typing import Any, Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GDAL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from results import record  # noqa: E402
from steps import Disk, steps  # noqa: E402
from timed import cpu  # noqa: E402

from detection.codes import Step  # noqa: E402
from detection.monitors import Detector, Looks, State, start, update  # noqa: E402
from detection.monitors.charts import alarms, begin, follow  # noqa: E402
from detection.monitors.cusum import Cusum, OlsCusum  # noqa: E402
from detection.monitors.decision import Decision  # noqa: E402
from detection.monitors.ewma import Ewma  # noqa: E402
from detection.monitors.mosum import Mosum  # noqa: E402
from detection.types import Scene  # noqa: E402

ROOT = Path(__file__).parents[1]
EPOCH: Final = datetime.fromordinal(719_163)
ORDER: Final = [0, 1, 3, 2, 4]
"""Its regressors (1, cosines, sines) in our order."""
YEARS: Final = {"nrt8": 5, "hls5": 3}
COPIES: Final = (4, 40)
"""Times the 10,000 series of the workload are laid side by side: the size the goals were measured at, and one no cache holds."""


@dataclass(frozen=True)
class Stream:
    """Index values of a workload, and when they were seen."""

    dates: list[datetime]
    values: np.ndarray
    """(time, y, x) float32."""
    opening: int
    """Looks of the history."""

    @property
    def days(self) -> list[int]:
        return [(d - EPOCH).days for d in self.dates]

    def look(self, i: int) -> Looks:
        return Looks((Scene(self.days[i] * 86_400, "l", f"{i:05d}"),), self.values[i].reshape(1, 1, -1))

    def looks(self) -> Looks:
        scenes = tuple(Scene(day * 86_400, "l", f"{i:05d}") for i, day in enumerate(self.days))
        return Looks(scenes, self.values.reshape(len(scenes), 1, -1))


def stream(workload: Any, kind: str, seed: int, pixels: int = 10_000, copies: int = 1) -> tuple[Stream, Any]:
    """(stream, the workload it is made of)."""
    made = workload.make(kind, pixels, seed=seed)
    values = np.tile(workload.index_cube(made, "nbr", 100), (1, 1, copies))
    dates = [datetime.fromordinal(int(d)) for d in made["dates"]]
    opening = int((made["dates"] < made["dates"][0] + YEARS[kind] * 365.25).sum())
    return Stream(dates, values, opening), made


def fitted(seen: Stream, name: str, **kept: Any) -> Any:
    """nrt's monitor after its history, by least squares."""
    import xarray as xr

    n, (_, rows, columns) = seen.opening, seen.values.shape
    where = {"y": np.arange(rows)[::-1] * 30.0, "x": np.arange(columns) * 30.0}
    history = xr.DataArray(
        seen.values[:n], {"time": np.array(seen.dates[:n], "datetime64[ns]"), **where}, ("time", "y", "x")
    )
    peer = getattr(import_module(f"nrt.monitor.{name.lower()}"), name)(trend=False, harmonic_order=2, **kept)
    peer.fit(history, method="OLS", n_threads=1)
    return peer


def beside(peer: Any, monitor: Any) -> tuple[Detector, State]:
    """Our chart over its fit, from its statistic on."""
    pixels, detector = peer.mask.size, Detector(monitor=monitor)
    counted = getattr(peer, "histsize", None)
    model = {
        "coefficients": np.ascontiguousarray(peer.beta.reshape(5, pixels)[ORDER]),
        "season": np.zeros((0, pixels), np.float32),
        "sigma": np.where(peer.mask == 1, peer.sigma, np.nan).ravel().astype(np.float32),
        "history_looks": (np.ones(pixels) if counted is None else counted.ravel()).astype(np.int32),
    }
    scale = peer.sigma if isinstance(monitor, Ewma) else 1
    return detector, begin(detector, model, -(peer.process / scale).ravel())


def race(seen: Stream, peer: Any, monitor: Any, title: str) -> str:
    """Look by look, one after the other; a row of the table."""
    detector, state = beside(peer, monitor)
    mine, its, pixels = [], [], state.monitored.size
    held = [state]

    def step(i: int, table: np.ndarray) -> None:
        held[0] = follow(detector, held[0], seen.look(i), table=table, reuse=True)

    for i in range(seen.opening, len(seen.dates)):
        table = peer._regressors(seen.dates[i])[:, ORDER]
        mine.append(cpu(lambda i=i, table=table: step(i, table)))
        its.append(cpu(lambda i=i: peer.monitor(array=seen.values[i], date=seen.dates[i])))
    found = np.where(alarms(held[0]) < 0, 0, alarms(held[0]))
    differ = int((found != peer.detection_date.ravel()).sum() + ((found > 0) != (peer.mask.ravel() == 3)).sum())
    ratios = np.array(its[1:]) / np.array(mine[1:])
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    ns = [1e9 * float(np.median(t[1:])) / pixels for t in (mine, its)]
    words = f"{title} | {ns[0]:.1f} | {ns[1]:.1f} | {middle:.1f} ({low:.1f} to {high:.1f})"
    return f"| {words} | {differ} of {pixels:,}, {int((found > 0).sum()):,} alarms |"


def product(seen: Stream, peer: Any) -> list[str]:
    """The default detector with its decision rules on the same fit; and in two threads, each on a half."""
    detector, pixels = Detector(), peer.mask.size
    _, chart = beside(peer, Ewma(limit=6.0))
    model = {**chart.model, "season": np.zeros((2, pixels), np.float32)}
    model["coefficients"] = np.concatenate([model["coefficients"], np.zeros((2, pixels), np.float32)])

    def fresh(cut: slice) -> State:
        whole = begin(detector, model, np.zeros(pixels, np.float32)).part(cut)
        return State({n: np.ascontiguousarray(a) for n, a in whole.model.items()}, *list(vars(whole).values())[1:6])

    half = (pixels + 1) // 2
    states, one, walls, halves = [fresh(np.s_[:])], [], [], [fresh(np.s_[:half]), fresh(np.s_[half:])]
    for i in range(seen.opening, len(seen.dates)):
        look = seen.look(i)
        parts = [Looks(look.scenes, np.ascontiguousarray(look.values[..., c])) for c in (np.s_[:half], np.s_[half:])]
        begun = time.perf_counter()
        one.append(cpu(lambda look=look: states.__setitem__(0, update(detector, states[0], look, reuse=True)[0])))
        alone = time.perf_counter() - begun

        def work(k: int, parts: list[Looks] = parts) -> None:
            halves[k] = update(detector, halves[k], parts[k], reuse=True)[0]

        begun = time.perf_counter()
        threads = [threading.Thread(target=work, args=(k,)) for k in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        walls.append(alone / (time.perf_counter() - begun))
    both = np.concatenate([h.pixels["phase"] for h in halves])
    if not np.array_equal(both, states[0].pixels["phase"]):
        raise SystemExit("two threads decide otherwise than one")
    opened = float((states[0].pixels["phase"] > 0).mean())
    low, middle, high = np.percentile(walls, [25, 50, 75])
    spent = (
        f"{1e9 * np.median(one[1:]) / pixels:.1f} ns a pixel, {opened:.0%} of them open or closed by time in the end"
    )
    return [
        f"- Default CUSUM with decision rules, 7 terms, season of the scale: {spent} (20 % are losses).",
        f"- Two threads, each half the pixels, wall time: {middle:.2f} times as fast as one ({low:.2f} to {high:.2f}).",
    ]


def copying() -> str:
    """The memory's own pace."""
    a = np.zeros(64 * 2**20, np.uint8)
    b = np.ones_like(a)
    seconds = np.median([cpu(lambda: np.copyto(b, a)) for _ in range(15)])
    return f"- Copy bandwidth: {2 * a.nbytes / seconds / 1e9:.1f} GB/s, read and written, one thread."


def compiling() -> str:
    """All kernels of the monitors from an empty cache, in a process of its own."""
    code = (
        "import time; from jobs.cluster import compile_kernels; t = time.process_time(); compile_kernels();"
        "print(time.process_time() - t)"
    )
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)},
        ).stdout  # fmt: skip
    return (
        f"- Kernels of baseline and monitors compiled from an empty cache: {float(said):.1f} s of CPU (goal: below 40)."
    )


def scored(workload: Any, detector: Detector, kind: str, seeds: tuple[int, ...], pixels: int, step: Step) -> str:
    """F1, recall, precision and median lag by the workload's own score."""
    truth, found = [], []
    for seed in seeds:
        seen, made = stream(workload, kind, seed, pixels)
        looks, many = seen.looks(), made["t_break"].size
        state = start(detector, looks.take(np.arange(len(seen.dates)) < seen.opening), inside=np.ones(many, bool))
        _, log = update(detector, state, looks.take(np.arange(len(seen.dates)) >= seen.opening))
        said: list[list[int]] = [[] for _ in range(many)]
        for row in log[log["step"] == step]:
            said[row["pixel"]].append(int(row["instant"]) // 86_400 + EPOCH.toordinal())
        truth += made["t_break"].tolist()
        found += [days or [0] for days in said]
    s = workload.score(np.array(truth), found, early=0)
    return f"{s['f1']:.3f} | {s['recall']:.3f} | {s['precision']:.3f} | {s['med_err_days']:.0f}"


def accuracy(workload: Any) -> Iterator[str]:
    """The judged seed, and the development seeds beside it."""
    yield "| detector, stage | workload | seeds | F1 | recall | precision | median lag, days |"
    yield "|---|---|---|---|---|---|---|"
    old = Detector(
        monitor=Cusum(slack=2.5, threshold=7.5, clip=5.0),
        decision=Decision(provisional_share=0.6, confirm_looks=3, confirm_days=8, slow_days=8),
    )
    cases = [
        ("default, confirmed", Detector(), Step.CONFIRMED),
        ("default, provisional", Detector(), Step.PROVISIONAL),
        ("the default before, confirmed", old, Step.CONFIRMED),
        ("EWMA, confirmed", Detector(monitor=Ewma()), Step.CONFIRMED),
        ("MOSUM, confirmed", Detector(monitor=Mosum()), Step.CONFIRMED),
    ]
    for kind in YEARS:
        for name, detector, step in cases:
            yield f"| {name} | {kind} | 2 (judge) | {scored(workload, detector, kind, (2,), 10_000, step)} |"
        development = scored(workload, Detector(), kind, (11, 12, 13, 14), 2_000, Step.CONFIRMED)
        yield f"| default, confirmed | {kind} | 11 to 14 | {development} |"


def main() -> None:
    """Measure, print and record."""
    warnings.simplefilter("ignore")
    shared = Path(os.environ.get("SACHAWATCH_SHARED", ROOT / "../shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, default=shared / "peers")
    sys.path.insert(0, str(parser.parse_args().peers.resolve()))
    workload = import_module("workload")
    some, seen = (stream(workload, "nrt8", 2, copies=copies)[0] for copies in COPIES)
    mine = Ewma(limit=2.0, clip=10.0, beyond="drop", two_sided=True)
    six = Ewma(limit=6.0, clip=10.0, beyond="drop", two_sided=True)
    lines = [
        "SIMULATED series; one look, state in memory, five terms, one thread.",
        "",
        "| chart | ns a pixel | nrt 0.3 | ratio, median (quartiles) of 67 looks | dates or masks that differ |",
        "|---|---|---|---|---|",
        race(some, fitted(some, "EWMA"), mine, "EWMA, nrt's settings, in the cache"),
        race(some, fitted(some, "EWMA", sensitivity=6), six, "EWMA, limit 6, in the cache"),
        race(some, fitted(some, "CuSum"), OlsCusum(), "CuSum (OLS), nrt's settings, in the cache"),
        race(seen, fitted(seen, "EWMA"), mine, "EWMA, nrt's settings"),
        race(seen, fitted(seen, "EWMA", sensitivity=6), six, "EWMA, limit 6"),
        race(seen, fitted(seen, "CuSum"), OlsCusum(), "CuSum (OLS), nrt's settings"),
        "",
        *product(seen, fitted(seen, "EWMA", sensitivity=6)),
        copying(),
        compiling(),
        "",
        *steps(Disk(seen, workload), fitted, cpu),
        "",
        *accuracy(workload),
    ]
    print("\n".join(lines))
    record("Monitor update", lines, "python benchmarks/update_speed.py")


if __name__ == "__main__":
    main()
