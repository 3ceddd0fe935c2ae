"""Does the estimate of memory hold? Peak memory of one tile, looking and detecting, against what `estimate` says.

    python benchmarks/memory.py

SIMULATED scenes, one process of its own a row; nothing else runs in it. Prints a table and records it in RESULTS.md.
"""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

START, END = date(2004, 1, 1), date(2031, 1, 1)
CASES: Final = ((128, 50), (128, 200), (128, 1000), (128, 2000), (256, 50), (256, 200), (256, 1000), (256, 2000))
"""(cells a side, dates): one look a day, the last fifth of them monitored."""


def main() -> None:
    """Print and record."""
    from results import record

    lines = ["SIMULATED: one tile, two bands and QA, one look a day, the last fifth monitored.", ""]
    lines += [
        "| cells a side | dates | peak GB, looking | peak GB, detecting too | estimate GB |",
        "|---|---|---|---|---|",
    ]
    for side, dates in CASES:
        found = json.loads(
            subprocess.run(
                [sys.executable, __file__, str(side), str(dates)], check=True, capture_output=True, text=True
            ).stdout
        )
        line = [side, dates, *(f"{found[key]:.2f}" for key in ("looking", "detecting", "estimate"))]
        lines.append("| " + " | ".join(map(str, line)) + " |")
        print(lines[-1], flush=True)
    record("Memory of a worker", lines, "python benchmarks/memory.py")


def measure(side: int, dates: int) -> dict[str, float]:
    """Gigabytes at the peak of this process, after looking and after detecting, and what was estimated."""
    import numpy as np

    from detection.history import History
    from detection.sources.simulated import Simulated, SimulatedParameters
    from detection.types import to_date
    from jobs.config import Cluster, JobConfig, ModelChoice, Period, Tiles
    from jobs.estimate import memory_gb
    from jobs.plan import plan
    from jobs.tile import Task, detect, observe

    source = SimulatedParameters(rows=side, columns=side, start=START, end=END, sensors=("landsat", "sentinel-2"))
    days = [row.scene.day for row in Simulated(source).manifest(0, 10**6)]
    source = replace(source, end=to_date(days[dates - 1] + 1))
    config: Any = JobConfig(
        name="memory",
        sources=source,
        period=Period(monitor_from=to_date(days[dates * 4 // 5])),
        history=History(years=30),
        model=ModelChoice(name=None),
        cluster=Cluster(workers=0),
        tiles=Tiles(size=side),
    )
    work = plan(replace(config))
    with tempfile.TemporaryDirectory() as folder:
        task = Task("r", work, work.tiles[0], Path(folder), None, None)
        seen = observe(task)
        looking = _peak_gb()
        nothing = np.zeros(seen.counts.shape[1:3], np.float32)
        detect(task, seen, dict.fromkeys(seen.scenes, nothing))
    return {"looking": looking, "detecting": _peak_gb(), "estimate": memory_gb(work), "dates": len(work.rows)}


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
