"""The operational step of benchmarks/fusion_speed.py: one new optical scene of a tile for the fusion, from files to files."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from scipy.ndimage import gaussian_filter
from steps import ROUNDS, SIDE, load, save, write_band

from detection.codes import Observation
from detection.monitors import Detector, Looks, State, update
from detection.monitors.machine import fresh
from detection.monitors.packed import blank, pack_model, pack_pixels, unpack_model, unpack_pixels
from detection.prepare import Prepare, prepare
from detection.sources.sensors import SENSORS
from detection.types import Grid, Planes, Raw, Scene

BANDS: Final = {"blue": 0, "red": 2, "nir": 3, "swir2": 5}
"""Those that the planes are made of, and where the workload has them."""
AT_A_TIME: Final = 62_500
"""Pixels of the state that are unpacked, updated and packed at once: they stay in the cache."""
CLOUD_SHARE: Final = 0.4
"""Of the scene, in clouds some 20 cells wide."""
CLEAR_BIT, CLOUD_BIT = 64, 8
PLANES: Final = Planes(("nbr", "nir", "doubt"), ("vv", "vh"))
SENSOR: Final = SENSORS["landsat-c2l2"]
GRID: Final = Grid("EPSG:32719", 480_000, 8_580_000, 30, (SIDE, SIDE))


class Step:
    """A tile on disk: the state before its newest scene, and that scene in DEFLATE COG-like files."""

    def __init__(self, detector: Detector, state: State, scene: Scene, made: Any, places: np.ndarray) -> None:
        self.detector, self.scene, self.orbits = detector, scene, state.aside
        self.folder, self.opened = Path(tempfile.mkdtemp(prefix="fusion-step-")), fresh(AT_A_TIME).open
        self.spent: dict[str, list[float]] = {}
        for name, numbers in zip((*BANDS, "qa"), _scene(made, places), strict=True):
            write_band(self.folder / f"{name}.tif", numbers)
        for k, first in enumerate(range(0, SIDE * SIDE, AT_A_TIME)):
            part = state.part(np.s_[first : first + AT_A_TIME])
            model = pack_model({n: np.ascontiguousarray(a) for n, a in part.model.items()})
            save(self.folder / f"model{k}", {**model, "monitored": part.monitored, "cell": part.cell})
            save(self.folder / f"hot{k}", pack_pixels(part.pixels))

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """What the work gives; its CPU seconds are added to the last entry of its name."""
        begun = time.process_time()
        made = work()
        self.spent.setdefault(name, [0.0])[-1] += time.process_time() - begun
        return made

    def decode(self) -> np.ndarray:
        """(1, band, y, x) stored numbers."""
        stored = np.empty((1, len(BANDS) + 1, SIDE, SIDE), np.uint16)
        for k, name in enumerate((*BANDS, "qa")):
            with rasterio.open(self.folder / f"{name}.tif") as file:
                file.read(1, out=stored[0, k])
        return stored

    def prepared(self, stored: np.ndarray) -> Looks:
        """The look."""
        seen = np.full((1, SIDE, SIDE), Observation.OBSERVED, np.uint8)
        return Looks.of(prepare(Raw(GRID, (self.scene,), (*BANDS, "qa"), stored, seen), Prepare(), SENSOR, PLANES))

    def __call__(self) -> int:
        """From files to files; returns the transitions said."""
        for entries in self.spent.values():
            entries.append(0.0)
        stored = self.timed("decode", self.decode)
        look, said = self.timed("prepare", lambda: self.prepared(stored)), 0
        for k, first in enumerate(range(0, SIDE * SIDE, AT_A_TIME)):
            said += self._part(k, Looks(look.scenes, look.values[..., first : first + AT_A_TIME]))
        return said

    def _part(self, k: int, looks: Looks) -> int:
        state = self.timed("state in", lambda: self._read(k))
        state, log = self.timed("update", lambda: update(self.detector, state, looks, reuse=True))
        self.timed("state out", lambda: self._write(k, state))
        return len(log)

    def _read(self, k: int) -> State:
        kept = load(self.folder / f"model{k}", mapped=True)
        pixels = unpack_pixels(load(self.folder / f"hot{k}"), self.opened)
        codes, cell = kept.pop("monitored"), kept.pop("cell")
        return State(unpack_model(kept), pixels, codes, cell, None, self.detector.digest, self.orbits)

    def _write(self, k: int, state: State) -> None:
        packed = pack_pixels(state.pixels)
        save(self.folder / f"out{k}", packed)
        blank(self.opened, packed["which"])


def _scene(made: Any, places: np.ndarray) -> Iterator[np.ndarray]:
    """Stored numbers of the bands, forest as each series has it with cloud before it, and of QA_PIXEL."""
    rng = np.random.default_rng(3)
    rough = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 10, mode="wrap")
    cloud = rough > np.quantile(rough, 1 - CLOUD_SHARE)
    clear = np.where(made["qa"] == 0, 1.0, np.nan)
    for band in BANDS.values():
        usual = np.nanmedian(made["bands"][:, band] * clear, 1)[places].reshape(SIDE, SIDE)
        reflectance = (usual * rng.normal(1, 0.03, usual.shape) + cloud * 2500) / 10_000
        yield np.rint((reflectance - SENSOR.offset) / SENSOR.scale).clip(1, 65_535).astype(np.uint16)
    yield np.where(cloud, CLOUD_BIT, CLEAR_BIT).astype(np.uint16)


def report(step: Step) -> Iterator[str]:
    """Lines of the report."""
    step(), step.spent.clear()
    alone = []
    for _ in range(ROUNDS):
        alone.append(-time.process_time())
        step.decode()
        alone[-1] += time.process_time()
        step()
    ns = {name: 1e9 * statistics.median(times) / SIDE**2 for name, times in step.spent.items()}
    whole, decoded = sum(ns.values()), 1e9 * statistics.median(alone) / SIDE**2
    yield f"Operational step: {SIDE} x {SIDE} pixels, blue, red, NIR, SWIR2 and QA of one optical scene ({CLOUD_SHARE:.0%} cloud)"
    yield "from DEFLATE files, prepared (NBR, near infrared, doubt), state read and written, no common mode; nothing is flushed"
    yield f"to the disk. CPU, ns a pixel, median of {ROUNDS}; three harmonics, two orbits."
    yield ""
    yield f"| {' | '.join(ns)} | whole | decoding alone | **whole in decodings** |"
    yield "|" + "---|" * (len(ns) + 3)
    parts = " | ".join(f"{t:.1f}" for t in (*ns.values(), whole, decoded))
    yield f"| {parts} | **{whole / decoded:.2f}** (goal 4, aim 2.5) |"
