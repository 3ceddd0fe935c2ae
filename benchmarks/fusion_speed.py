"""What the fusion costs: a look in memory and from file to file, bytes a pixel, two threads, compiling; S-CCD beside it.

    python benchmarks/fusion_speed.py [--peers FOLDER]

SIMULATED series: optical bands of workload.py (beside the shared references), seed 2; radar drawn here. CPU time, medians,
both sides in one process, alternating. One thread unless said.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GDAL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from fusion_peer import beside_sccd  # noqa: E402
from fusion_step import Step, report  # noqa: E402
from fusion_world import PIXELS, PLACES, World, begun, placed, world  # noqa: E402
from results import record  # noqa: E402
from steps import SIDE  # noqa: E402
from timed import cpu, wall  # noqa: E402

from detection.harmonics import date_table  # noqa: E402
from detection.history import History  # noqa: E402
from detection.monitors import Detector, Looks, State, advance, update  # noqa: E402
from detection.monitors.fused_kernel import OPTICAL_STEP  # noqa: E402
from detection.monitors.fusion import Fusion  # noqa: E402
from detection.monitors.packed import pack_model, pack_pixels  # noqa: E402
from detection.monitors.state import prefixed  # noqa: E402
from detection.types import Scene  # noqa: E402
from jobs.state import write_generation  # noqa: E402

ROOT: Final = Path(__file__).parents[1]
ROUNDS: Final = 9
CLEAR: Final = {"all": 1.0, "half": 0.5, "none": 0.0}
BURST: Final = 40
"""Looks in a burst of the threads: some milliseconds, so that a busy machine leaves some bursts alone."""


def quiet(state: State, scene: Scene, harmonics: int, clear: float, fallen: float = 0) -> Looks:
    """An optical look as the baselines expect it, with their scatter: a share of the pixels clear, a share fallen."""
    rng, pixels = np.random.default_rng(scene.day), len(state.monitored)
    x = date_table(np.array([scene.day], np.int32), harmonics)[0]
    rows = state.model["optical"].reshape(2, len(x) + 3, pixels).astype(np.float32)
    anomaly = rng.normal(0, 0.7, (2, pixels)) - 8 * (np.arange(pixels) % 1000 < 1000 * fallen)
    planes = OPTICAL_STEP * (np.einsum("k,pkn->pn", x, rows[:, : len(x)]) + anomaly * rows[:, len(x)])
    values = np.concatenate([planes, np.full((1, pixels), 0.01)]).astype(np.float32)
    values[:, rng.random(pixels) >= clear] = np.nan
    return Looks((scene,), values[None])


def costs(detector: Detector, state: State, look: Looks) -> tuple[float, float, float]:
    """(ns a pixel written into the state, into a new one, share of the pixels with something open)."""
    reused = [replace(state, pixels={name: a.copy() for name, a in state.pixels.items()})]

    def into() -> None:
        reused[0] = replace(update(detector, reused[0], look, reuse=True)[0], last=None)

    into()
    times = np.array([[cpu(into), cpu(lambda: update(detector, state, look))] for _ in range(ROUNDS)])
    spent = 1e9 * np.median(times, 0) / len(state.monitored)
    return float(spent[0]), float(spent[1]), float((reused[0].pixels["phase"] > 0).mean())


def one_look(seen: World, detector: Detector, state: State) -> Iterator[str]:
    """A line of the table for every kind of look."""
    tile, harmonics = placed(state, PLACES), detector.history.harmonics
    later = seen.looks.scenes[seen.opening :]
    optical, radar = (next(s for s in later if s.radar == kind) for kind in (False, True))
    looks = {f"optical, {words} clear": quiet(tile, optical, harmonics, share) for words, share in CLEAR.items()}
    echo = seen.looks.values[seen.looks.scenes.index(radar)]
    looks["radar"] = Looks((radar,), np.ascontiguousarray(echo[:, PLACES])[None])
    for name, look in looks.items():
        inside, new, share = costs(detector, tile, look)
        yield f"| {name}, {harmonics} harmonic(s) | {inside:.1f} | {new:.1f} | {share:.1%} |"
    spent = min(cpu(lambda: advance(detector, state, seen.looks)) for _ in range(3))
    after, _ = advance(detector, state, seen.looks)
    many, share = len(seen.looks.scenes), (after.pixels["phase"] > 0).mean()
    words = f"| all {many} looks at once, a look, {harmonics} harmonic(s)"
    yield f"{words} | | {1e9 * spent / PIXELS / many:.1f} | {share:.1%} |"


def size(detector: Detector, state: State, scenes: list[Scene]) -> str:
    """Bytes a pixel in memory and as jobs store them, with something open at one pixel in a hundred."""
    tile = placed(state, PLACES)
    memory = sum(a.nbytes for a in (*tile.model.values(), *tile.pixels.values(), tile.monitored, tile.cell))
    for scene in scenes:
        tile, _ = update(detector, tile, quiet(tile, scene, detector.history.harmonics, 0.8, 0.01), reuse=True)
    pixels = pack_pixels(tile.pixels)
    kept = {**prefixed("model", pack_model(tile.model)), "monitored": tile.monitored, "cell": tile.cell}
    states = {**prefixed("pixels", pixels), **prefixed("checkpoint", pixels)}
    written = []
    for arrays in (kept, {**kept, **states}):
        with tempfile.TemporaryDirectory() as folder:
            write_generation(Path(folder), "t", arrays, {})
            written.append(sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()))
    fixed, whole = (n / len(PLACES) for n in written)
    opened = (tile.pixels["phase"] > 0).mean()
    words = f"{detector.history.harmonics} harmonic(s), two orbits | {memory / len(PLACES):.0f} | {fixed:.1f}"
    return f"| {words} | {(whole - fixed) / 2:.1f} | {whole:.1f} | {opened:.1%} |"


def threads(detector: Detector, state: State, looks: Looks) -> str:
    """Two Python threads, each a half of the pixels in the cache, against one on both halves: wall time."""
    cuts = [np.arange(k, PIXELS, 2) for k in (0, 1)]
    halves = [(placed(state, cut), replace(looks, values=np.ascontiguousarray(looks.values[..., cut]))) for cut in cuts]

    def work(k: int) -> None:
        advance(detector, *halves[k], reuse=True)

    def together() -> None:
        both = [threading.Thread(target=work, args=(k,)) for k in (0, 1)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()

    times = np.array([[wall(lambda: (work(0), work(1))), wall(together)] for _ in range(20 * ROUNDS)])
    best, middle = times[:, 0].min() / times[:, 1].min(), np.median(times[:, 0] / times[:, 1])
    return (
        f"- Two Python threads on halves, {BURST} looks at once, wall time: {best:.2f} times as fast as one, the best of"
        f" {len(times)} of each; {middle:.2f} in the median of pairs (goal 1.8)."
        f" Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )


def compiling() -> str:
    """Everything from an empty cache, each in a process of its own; then the same again from the full one."""
    code = (
        "import sys, time; t = time.process_time(); from jobs.cluster import compile_kernels;"
        "from detection.monitors import Detector; from detection.monitors.fusion import Fusion;"
        "a = time.process_time(); compile_kernels(Detector(monitor=Fusion())); b = time.process_time();"
        "compile_kernels(); print(b - a, time.process_time() - b)"
    )
    said = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            made = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT,
                env={**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            said.append([float(word) for word in made.stdout.split()])
    (mine, more), full = said[0], sum(said[1])
    return (
        f"- Kernels compiled from an empty cache: {mine:.1f} s of CPU for the fusion with baselines and `doubt`, {more:.1f} s"
        f" more for the monitors of one index (goal: 40 together); {full:.1f} s from a full one."
    )


def main() -> None:
    """Measure, print and record."""
    shared = Path(os.environ.get("SACHAWATCH_SHARED", ROOT / "../shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, default=shared / "peers")
    sys.path.insert(0, str(parser.parse_args().peers.resolve()))
    seen = world(import_module("workload"))
    optical = [s for s in seen.looks.scenes[seen.opening :] if not s.radar]
    detectors = [Detector(monitor=Fusion(), history=History(harmonics=n)) for n in (3, 1)]
    states = [begun(seen, detector) for detector in detectors]
    both = list(zip(detectors, states, strict=True))
    whole = placed(states[0], PLACES)
    lines = [
        f"SIMULATED series; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. NBR, near infrared and doubt; VV and VH.",
        f"A tile of {SIDE} x {SIDE} pixels, state in memory, one thread, no common mode (goal 100 ns, aim 50).",
        "",
        "| look | ns a pixel, into the state | into a new one | something open after |",
        "|---|---|---|---|",
        *(line for detector, state in both for line in one_look(seen, detector, state)),
        "",
        "Into a new state, most is the copying of the old one. Compressed bytes are what jobs write (lz4, Zarr); a state is kept",
        "twice, as it is and at the checkpoint, the model once.",
        "",
        "| | bytes a pixel in memory | model on disk | a state on disk | all on disk | something open |",
        "|---|---|---|---|---|---|",
        *(size(detector, state, optical[:4]) for detector, state in both),
        "",
        *report(Step(detectors[0], whole, optical[0], seen.made, PLACES)),
        "",
        *beside_sccd(seen, *both[0]),
        "",
        threads(*both[0], seen.looks.take(np.arange(len(seen.looks.scenes)) < BURST)),
        compiling(),
    ]
    print("\n".join(lines))
    record("Fusion speed", lines, "python benchmarks/fusion_speed.py")


if __name__ == "__main__":
    main()
