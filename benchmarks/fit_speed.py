"""What the fit of a history costs, beside nrt's EWMA.fit: ratio, difference of the coefficients, threads, compilation.

python benchmarks/fit_speed.py [--shared FOLDER]

FOLDER holds peers/workload.py, which makes the simulated series. One thread, CPU time, the two alternating in one
process; medians. Without nrt (pip install 'sachawatch[peers]') the figures beside it are left out, in one line.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from results import record
from timed import compilation, cpu, wall

from detection.harmonics import date_table, fit, least_squares
from detection.history import History, baseline

PIXELS: Final = 10_000
HISTORY_YEARS: Final = 5
ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
ROUNDS: Final = 7
COMPILE: Final = """
import time, numpy as np
from detection.harmonics import date_table, fit
from detection.history import History, baseline
days, values = np.arange(0, 640, 16, np.int32), np.ones((40, 1), np.float32)
begun = time.process_time()
baseline(date_table(days, 3), values, History(), inside=np.ones(1, bool), sign=1)
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
    days, cube = workload(parser.parse_args().shared)
    values = np.ascontiguousarray(cube.reshape(len(days), -1))
    clear = np.isfinite(values).mean()
    lines = [
        f"SIMULATED series (nrt8, NBR): {PIXELS} pixels, {len(days)} history dates, {clear:.0%} of them clear; CPU time, one",
        f"thread, medians of {ROUNDS}. A pixel-look is a pixel on a date, clear or not.",
        "",
        *beside_nrt(days, cube, values),
        *robust(days, values),
        threads(days, values),
        compilation(COMPILE),
    ]
    print("\n".join(lines))
    record("History fit", lines, "python benchmarks/fit_speed.py")


def workload(shared: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(days as proleptic ordinals, (time, y, x) NBR) of the history of the workload."""
    if not (shared / "peers" / "workload.py").is_file():
        raise SystemExit(f"{shared}: has no peers/workload.py; name the folder with --shared")
    sys.path.insert(0, str(shared / "peers"))
    made: Any = import_module("workload")
    work = made.make("nrt8", PIXELS, seed=2)
    past = work["dates"] < work["dates"][0] + HISTORY_YEARS * 365.25
    return work["dates"][past], made.index_cube(work, "nbr", 100)[past]


def beside_nrt(days: NDArray[np.int64], cube: NDArray[np.float32], values: NDArray[np.float32]) -> list[str]:
    """Ordinary least squares, two harmonics, in the same design matrix."""
    try:
        ewma: Any = import_module("nrt.monitor.ewma").EWMA
    except ImportError:
        return ["Beside nrt: not measured, nrt is not installed (pip install 'sachawatch[peers]')."]
    import xarray as xr

    times = np.array([np.datetime64(date.fromordinal(int(d)), "ns") for d in days])
    axes = {"time": times, "y": np.arange(cube.shape[1])[::-1] * 30.0, "x": np.arange(cube.shape[2]) * 30.0}
    history = xr.DataArray(cube, dims=("time", "y", "x"), coords=axes)
    design: Any = import_module("nrt.utils").build_regressors(history.indexes["time"], False, 2)
    table = np.ascontiguousarray(design[:, [0, 1, 3, 2, 4]])  # theirs: both cosines, then both sines

    def theirs() -> Any:
        monitor = ewma(trend=False, harmonic_order=2)
        monitor.fit(history, method="OLS", screen_outliers=None)
        return monitor

    beta = theirs().beta.reshape(5, -1)[[0, 1, 3, 2, 4]]
    difference = np.abs(beta - least_squares(table, values).coefficients).max()
    slow, fast, ratio = alternating(theirs, lambda: least_squares(table, values))
    return [
        f"Ordinary least squares, two harmonics: {ns(fast, values):.2f} ns a pixel-look;",
        f"nrt's EWMA.fit {ns(slow, values):.0f} ns, **{ratio:.0f} times** as much.",
        f"Largest difference of a coefficient: {difference:.1e}.",
        "",
    ]


def robust(days: NDArray[np.int64], values: NDArray[np.float32]) -> list[str]:
    """The robust fit by itself, and with the search for a step: what `baseline` costs."""
    table, inside = date_table(days.astype(np.int32), 3), np.ones(values.shape[1], bool)
    alone = statistics.median(cpu(lambda: fit(table, values)) for _ in range(ROUNDS))
    whole = statistics.median(
        cpu(lambda: baseline(table, values, History(), inside=inside, sign=1)) for _ in range(ROUNDS)
    )
    return [
        f"Robust fit, three harmonics: {ns(alone, values):.1f} ns a pixel-look; the whole baseline, with a second fit to look",
        f"for a step: {ns(whole, values):.1f} ns.",
        "",
    ]


def threads(days: NDArray[np.int64], values: NDArray[np.float32]) -> str:
    """Two Python threads on halves of the pixels, against one on all: wall time, alternating."""
    table = date_table(days.astype(np.int32), 3)
    halves = [np.ascontiguousarray(half) for half in np.array_split(np.tile(values, (1, 4)), 2, axis=1)]
    one, two = [], []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            one.append(wall(lambda: [fit(table, half) for half in halves]))
            two.append(wall(lambda: list(pool.map(lambda half: fit(table, half), halves))))
    return f"Two threads: **{statistics.median(one) / statistics.median(two):.2f} times** as fast as one (wall time).\n"


def alternating(slow: Callable[[], Any], fast: Callable[[], Any]) -> tuple[float, float, float]:
    """(median seconds of CPU of slow, of fast, median ratio of neighbours)."""
    slow(), fast()
    pairs = [(cpu(slow), statistics.median(cpu(fast) for _ in range(5))) for _ in range(ROUNDS)]
    middle = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return middle[0], middle[1], statistics.median(a / b for a, b in pairs)


def ns(seconds: float, values: NDArray[np.float32]) -> float:
    """Nanoseconds a pixel and date."""
    return seconds / values.size * 1e9


if __name__ == "__main__":
    main()
