"""What the fusion costs: a look in memory and from file to file, bytes a pixel, two threads, compiling; S-CCD beside it.

    python benchmarks/fusion_speed.py [--peers FOLDER]

SIMULATED series: optical bands of workload.py (beside the shared references), seed 2; radar drawn here. CPU time, medians,
both sides in one process, alternating. One thread unless said.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GDAL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from fusion_step import Step, report  # noqa: E402
from results import record  # noqa: E402
from steps import SIDE  # noqa: E402

from detection.harmonics import date_table  # noqa: E402
from detection.history import History  # noqa: E402
from detection.monitors import Detector, Looks, State, advance, start, update  # noqa: E402
from detection.monitors.fused_kernel import OPTICAL_STEP  # noqa: E402
from detection.monitors.fusion import Fusion  # noqa: E402
from detection.monitors.packed import pack_model, pack_pixels  # noqa: E402
from detection.monitors.state import prefixed  # noqa: E402
from detection.prepare.doubt import doubt  # noqa: E402
from detection.types import Scene  # noqa: E402
from jobs.state import write_generation  # noqa: E402

ROOT: Final = Path(__file__).parents[1]
PIXELS: Final = 10_000
"""Series of the workload; a tile is made of copies of them, laid out at random."""
PLACES: Final = np.random.default_rng(7).integers(0, PIXELS, SIDE * SIDE)
"""Which series stands where."""
ROUNDS: Final = 9
PEER_PIXELS: Final = 400
PEER_LOOKS: Final = 12
HISTORY_YEARS: Final = 5
RADAR_STEP_DAYS: Final = 6
FOREST_DB: Final = np.array([-7.5, -13.5], np.float32)
LOSS_DB: Final = np.array([-2.5, -3.5], np.float32)
"""VV and VH of forest and the fall of a whole loss; scatter of a look 0.8 dB (chosen)."""


@dataclass(frozen=True)
class World:
    """Prepared looks of both kinds, and the bands and flags they were made of."""

    looks: Looks
    """(time, slot, pixel) in order of time."""
    opening: int
    """Looks of the history."""
    made: Any
    """The workload."""


def world(workload: Any, seed: int = 2) -> World:
    """The series of the workload as the fusion sees them: NBR, near infrared and doubt; VV and VH from two orbits."""
    made = workload.make("nrt8", PIXELS, seed=seed)
    days = made["dates"] - 719_163
    scenes, values = _optical(made, days)
    echoes, heard = _radar(made, days)
    order = sorted(range(len(scenes) + len(echoes)), key=lambda i: (scenes + echoes)[i])
    both = np.concatenate([values, heard])[order]
    told = tuple((scenes + echoes)[i] for i in order)
    opening = sum(s.day < days[0] + HISTORY_YEARS * 365.25 for s in told)
    return World(Looks(told, both), opening, made)


def _optical(made: Any, days: np.ndarray) -> tuple[list[Scene], np.ndarray]:
    bands = (made["bands"].transpose(1, 2, 0) / 10_000).astype(np.float32)
    nir, swir = bands[3], bands[5]
    clear = made["qa"].T == 0
    side = int(PIXELS**0.5)

    def flat(mask: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(mask.reshape(-1, side, side))

    cloud, seen = flat(~clear), flat(clear)
    doubts = doubt(flat(bands[0]), flat(bands[2]), cloud, np.ones_like(seen), seen, 5.0).reshape(len(days), -1)
    planes = np.stack([(nir - swir) / (nir + swir), nir, doubts], 1)
    planes[~np.repeat(clear[:, None], 3, 1)] = np.nan
    return [Scene(int(d) * 86_400, "landsat-8", f"o{d}") for d in days], planes.astype(np.float32)


def _radar(made: Any, days: np.ndarray) -> tuple[list[Scene], np.ndarray]:
    rng = np.random.default_rng(5)
    when = np.arange(days[0], days[-1], RADAR_STEP_DAYS)
    gone = (made["t_break"] > 0) & (when[:, None] + 719_163 >= made["t_break"])
    fall = (gone * made["severity"])[:, None] * LOSS_DB[:, None]
    level = FOREST_DB[:, None] + rng.normal(0, 0.7, (2, PIXELS)) + 0.6 * (np.arange(len(when)) % 2)[:, None, None]
    echo = level + fall + rng.normal(0, 0.8, (len(when), 2, PIXELS))
    planes = np.concatenate([echo, np.full((len(when), 1, PIXELS), np.nan)], 1).astype(np.float32)
    scenes = [Scene(int(d) * 86_400 + 1, "sentinel-1a", f"r{d}", f"{1 + i % 2}") for i, d in enumerate(when)]
    return scenes, planes


def begun(seen: World, detector: Detector) -> State:
    """The tile after its history, of which no look has come yet."""
    past = seen.looks.take(np.arange(len(seen.looks.scenes)) < seen.opening)
    return start(detector, past, inside=np.ones(PIXELS, np.bool_))


def placed(state: State, places: np.ndarray) -> State:
    """The state with these pixels, one after the other."""
    model = {name: np.ascontiguousarray(a[:, places]) for name, a in state.model.items()}
    pixels = {name: a[places] for name, a in state.pixels.items()}
    return replace(state, model=model, pixels=pixels, monitored=state.monitored[places], cell=state.cell[places])


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


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of this process."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


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
        yield f"| {name}, {harmonics} harmonics | {inside:.1f} | {new:.1f} | {share:.1%} |"
    spent = min(cpu(lambda: advance(detector, state, seen.looks)) for _ in range(3))
    after, _ = advance(detector, state, seen.looks)
    many, share = len(seen.looks.scenes), (after.pixels["phase"] > 0).mean()
    yield f"| all {many} looks at once, {harmonics} harmonics | | {1e9 * spent / PIXELS / many:.1f} | {share:.1%} |"


CLEAR: Final = {"all": 1.0, "half": 0.5, "none": 0.0}


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
    words = f"{detector.history.harmonics} harmonics, two orbits | {memory / len(PLACES):.0f} | {fixed:.1f}"
    return f"| {words} | {(whole - fixed) / 2:.1f} | {whole:.1f} | {opened:.1%} |"


def threads(detector: Detector, state: State, look: Looks) -> str:
    """Two Python threads, each a half, against one on both halves: wall time, the best and the median of pairs."""
    halves, half = [], len(PLACES) // 2
    for cut in (np.s_[:half], np.s_[half:]):
        mine = placed(state, PLACES[cut])
        halves.append([mine, Looks(look.scenes, np.ascontiguousarray(look.values[..., cut]))])

    def work(k: int) -> None:
        for _ in range(4):
            halves[k][0] = replace(update(detector, *halves[k], reuse=True)[0], last=None)

    gains = []
    for _ in range(2 * ROUNDS):
        times = [time.perf_counter()]
        work(0), work(1)
        times.append(time.perf_counter())
        both = [threading.Thread(target=work, args=(k,)) for k in (0, 1)]
        [thread.start() for thread in both]
        [thread.join() for thread in both]
        times.append(time.perf_counter())
        gains.append((times[1] - times[0]) / (times[2] - times[1]))
    load = os.getloadavg()[0]
    return (
        f"- Two Python threads on halves, wall time: {max(gains):.2f} times as fast as one at best, {np.median(gains):.2f} in the"
        f" median of {len(gains)} (goal 1.8), with a load of {load:.1f} on {os.cpu_count()} cores."
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
        f"- Kernels compiled from an empty cache: {mine:.1f} s of CPU for the fusion with baselines and `doubt`, {more:.1f} s more for"
        f" the monitors of one index (goal: 40 together); {full:.1f} s from a full one."
    )


def beside_sccd(seen: World, detector: Detector, state: State) -> Iterator[str]:
    """The Cython entry of S-CCD, date by date, and one optical look of ours in between, at the same looks."""
    try:
        pyxccd: Any = import_module("pyxccd")
        step: Any = import_module("pyxccd._ccd_cython")._sccd_update
    except ImportError:
        yield "Beside S-CCD: not measured, pyxccd is not installed (pip install 'sachawatch[peers]')."
        return
    from scipy.stats import chi2

    made, limits = seen.made, (float(chi2.ppf(0.99, 5)), float(chi2.ppf(0.90, 5)))
    dates, first = made["dates"], int((made["dates"] < made["dates"][0] + HISTORY_YEARS * 365.25).sum())
    bands, qa = made["bands"][:PEER_PIXELS].astype(np.int64), made["qa"][:PEER_PIXELS].astype(np.int64)
    packs = [
        pyxccd.sccd_detect(
            dates[:first], *np.ascontiguousarray(bands[i, :, :first]), np.ascontiguousarray(qa[i, :first])
        )
        for i in range(PEER_PIXELS)
    ]
    size = np.mean([len(pickle.dumps(tuple(p), 5)) for p in packs])
    fixed, held, thermal, ratios, ours = (
        packs[0].nrt_model.dtype.itemsize,
        placed(state, PLACES),
        np.zeros(1, np.int64),
        [],
        [],
    )
    scenes = {s.day: i for i, s in enumerate(seen.looks.scenes) if not s.radar}
    for j in range(first, first + PEER_LOOKS):
        rows = [
            [
                *(np.ascontiguousarray(bands[i, k, j : j + 1]) for k in range(6)),
                thermal,
                np.ascontiguousarray(qa[i, j : j + 1]),
            ]
            for i in range(PEER_PIXELS)
        ]
        at = scenes[int(dates[j]) - 719_163]
        look = Looks((seen.looks.scenes[at],), np.ascontiguousarray(seen.looks.values[at][:, PLACES])[None])
        begun = time.process_time()
        packs = [
            step(p, dates[j : j + 1], *row, limits[0], 6, 1, True, limits[1], limits[1], 20)
            for p, row in zip(packs, rows, strict=True)
        ]
        theirs = (time.process_time() - begun) / PEER_PIXELS
        begun = time.process_time()
        held, _ = update(detector, held, look, reuse=True)
        ours.append((time.process_time() - begun) / len(PLACES))
        ratios.append(theirs / ours[-1])
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    mine = sum(a.nbytes for a in (*held.model.values(), *held.pixels.values(), held.monitored, held.cell)) / len(PLACES)
    yield (
        f"S-CCD (pyxccd 1.1, `_sccd_update`), the same {PEER_LOOKS} optical looks at series of nrt8, alternating: ours"
        f" {1e9 * np.median(ours):.1f} ns a pixel, **{middle:.0f} times** as fast (quartiles {low:.0f} to {high:.0f}; goal 200, aim 400)."
    )
    yield (
        f"State: {mine:.0f} bytes a pixel (the model of radar included) beside {fixed} of its model record alone and {size:.0f} pickled."
        " The two do not do the same: S-CCD takes six bands and updates its coefficients at every look; the fusion takes two"
        " planes and the doubt, keeps its baselines as they were fitted and updates evidence, phase and dates."
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
        f"SIMULATED series; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. NBR, near infrared and doubt; VV and VH; a tile of",
        f"{SIDE} x {SIDE} pixels, state in memory, one thread, no common mode (goal 100 ns, aim 50).",
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
        threads(detectors[0], states[0], quiet(whole, optical[0], 3, 1.0)),
        compiling(),
    ]
    print("\n".join(lines))
    record("Fusion speed", lines, "python benchmarks/fusion_speed.py")


if __name__ == "__main__":
    main()
