"""Compiles what the tests need, in two processes at once, before pytest starts its own two: else each compiles all of it.

Only spares time; nothing rests on it.
"""

import subprocess
import sys

import numpy as np

MONITORS = "monitors"
ARCHIVES = "archives"


def monitors() -> None:
    """Fits, every monitor, patches."""
    from detection.monitors import Detector
    from detection.monitors.cusum import OlsCusum
    from detection.monitors.ewma import Ewma
    from detection.monitors.fusion import Fusion
    from detection.monitors.mosum import Mosum
    from jobs.cluster import compile_kernels

    for detector in (Detector(monitor=Fusion()), Detector(), *(Detector(monitor=m()) for m in (Ewma, Mosum, OlsCusum))):
        compile_kernels(detector)


def archives() -> None:
    """Segments, medoids, and the simulator."""
    from detection.monitors import Looks
    from detection.segments import Annual, Ccdc, Landtrendr, Recovery, segments
    from detection.segments.falls import Falls, followed
    from detection.sources.simulated import Simulated, SimulatedParameters
    from detection.types import SECONDS_A_DAY, Scene

    scenes = tuple(Scene(day * SECONDS_A_DAY, "x", f"s{day}") for day in range(0, 4000, 16))
    looks = Looks(scenes, np.full((len(scenes), 1, 1), 0.5, np.float32))
    for method, annual in ((Ccdc(), None), (Landtrendr(), Annual())):
        segments(method, looks, ("nbr",), np.ones(1, np.bool_), annual=annual)
    years = np.arange(2000, 2012, dtype=np.int32)
    followed(Falls(), Recovery(), years, np.full((12, 1), 0.5), np.full(1, 2005, np.int32), np.full(1, 0.5))
    source = Simulated(SimulatedParameters(rows=16, columns=16))
    rows = source.manifest(0, 40_000)
    for sensor in {row.sensor for row in rows}:
        some = [row for row in rows if row.sensor == sensor][:2]
        source.read(source.grid(), some, ("vv",) if sensor == "sentinel-1" else ("nir",))


if __name__ == "__main__":
    if sys.argv[1:]:
        {MONITORS: monitors, ARCHIVES: archives}[sys.argv[1]]()
    else:
        for process in [subprocess.Popen([sys.executable, __file__, part]) for part in (MONITORS, ARCHIVES)]:
            process.wait()
