"""The operational step of benchmarks/update_speed.py: one new scene of a tile, from files to files."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numba import njit
from rasterio.transform import from_origin

from detection.history import History
from detection.monitors import Detector, Looks, State, unseen, update
from detection.monitors.ewma import Ewma
from detection.monitors.packed import packed, rounded
from detection.types import Scene
from jobs.state import read_generation, write_generation

SIDE: Final = 1000
ROUNDS: Final = 7
ALIGN: Final = 64
HEAD: Final = 4096
"""No line of names is longer, bytes."""
BANDS: Final = ("nir", "swir2", "qa")


@dataclass(frozen=True)
class Disk:
    """A tile made of the workload, its newest scene in DEFLATE COG-like files."""

    seen: Any
    """Stream."""
    workload: Any
    """Module."""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="update-speed-")))


PLACES: Final = np.random.default_rng(7).integers(0, 10_000, SIDE * SIDE)
"""Which of the workload's pixels stands where: at random, so that no compressor finds the same row again."""


def _tile(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(*values.shape[:-2], -1)[..., PLACES]
    return np.ascontiguousarray(flat.reshape(*values.shape[:-2], SIDE, SIDE))


def _write_bands(disk: Disk, made: Any, look: int) -> None:
    arrays = (made["bands"][:, 3, look], made["bands"][:, 5, look], made["qa"][:, look].astype(np.uint16))
    for name, values in zip(BANDS, arrays, strict=True):
        write_band(disk.folder / f"{name}.tif", _tile(values.reshape(100, 100)))


def write_band(path: Path, values: np.ndarray) -> None:
    """(SIDE, SIDE) numbers as a tiled GeoTIFF, DEFLATE with predictor 2."""
    kept = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "crs": "EPSG:32719", "compress": "deflate",
        "transform": from_origin(5e5, 8e6, 30, 30), "tiled": True, "blockxsize": 512, "blockysize": 512, "predictor": 2,
    }  # fmt: skip
    with rasterio.open(path, "w", dtype=values.dtype, **kept) as file:
        file.write(values, 1)


def decode(disk: Disk) -> list[np.ndarray]:
    """The three bands."""
    found = []
    for name in BANDS:
        with rasterio.open(disk.folder / f"{name}.tif") as file:
            found.append(file.read(1))
    return found


@njit(nogil=True, error_model="numpy")
def ratio(nir, swir, qa, out):  # type: ignore[no-untyped-def]
    """NBR, NaN where not clear; flat arrays."""
    for i in range(len(nir)):
        a, b = np.float32(nir[i]), np.float32(swir[i])
        out[i] = (a - b) / (a + b) if qa[i] == 0 else np.float32(np.nan)


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> int:
    """One file: a line that says name, type and shape of every array, then their bytes, each from a multiple of ALIGN on."""
    plain = [np.ascontiguousarray(a) for a in arrays.values()]
    line = ";".join(f"{n} {a.dtype.str} {','.join(map(str, a.shape))}" for n, a in zip(arrays, plain, strict=True))
    pieces: list[Any] = [line.encode() + b"\n"]
    for array in plain:
        pieces += [bytes(-memoryview(pieces[-1]).nbytes % ALIGN), array.reshape(-1).view(np.uint8)]
    with path.open("wb", buffering=0) as file:
        return os.writev(file.fileno(), [piece for piece in pieces if len(piece)])


def load(path: Path, *, mapped: bool = False) -> dict[str, np.ndarray]:
    """The inverse of `save`; mapped: what is not looked at is not read."""
    raw = np.memmap(path, np.uint8, "c").view(np.ndarray) if mapped else np.fromfile(path, np.uint8)
    end = raw[:HEAD].tobytes().index(b"\n")
    at, found = end + 1, {}
    for entry in raw[:end].tobytes().decode().split(";"):
        name, kind, shape = entry.split(" ")
        sizes = tuple(map(int, shape.split(",")))
        at += -at % ALIGN
        length = int(np.prod(sizes)) * np.dtype(kind).itemsize
        found[name] = raw[at : at + length].view(kind).reshape(sizes)
        at += length
    return found


def step(disk: Disk, detector: Detector, scene: Scene) -> int:
    """Decode, read the state, update, write the state; returns the transitions said."""
    values = np.empty((1, 1, SIDE * SIDE), np.float32)
    ratio(*(band.ravel() for band in decode(disk)), values[0, 0])
    kept = load(disk.folder / "model", mapped=True)
    state = State(kept, load(disk.folder / "hot"), kept["monitored"], kept["cell"], None, detector.digest)
    state, log = update(detector, state, Looks((scene,), values), reuse=True)
    save(disk.folder / "out", state.pixels)
    return len(log)


def _begin(disk: Disk, detector: Detector, peer: Any, looks: list[Looks]) -> float:
    """Write the state after these looks; bytes a pixel."""
    beta = _tile(peer.beta).reshape(5, -1)[[0, 1, 3, 2, 4]]
    jitter = np.random.default_rng(0)
    terms = 1 + 2 * detector.history.harmonics
    coefficients = np.zeros((terms, beta.shape[1]), np.float32)
    coefficients[: min(5, terms)] = beta[: min(5, terms)] + jitter.normal(0, 0.002, beta.shape)[: min(5, terms)]
    sigma = _tile(peer.sigma).ravel() * jitter.uniform(0.95, 1.05, beta.shape[1])
    model = rounded(
        {
            "coefficients": coefficients,
            "season": jitter.uniform(-0.2, 0.2, (2, beta.shape[1])).astype(np.float32),
            "sigma": sigma.astype(np.float32),
            "history_looks": _tile(peer.histsize if hasattr(peer, "histsize") else np.full((100, 100), 55)).ravel(),
        }
    )
    many = beta.shape[1]
    state = State(
        model, unseen(detector, many), np.zeros(many, np.uint8), np.zeros(many, np.int32), None, detector.digest
    )
    for look in looks:
        state, _ = update(detector, state, look, reuse=True)
    kept = packed(state)
    size = save(disk.folder / "model", {**kept.model, "monitored": state.monitored, "cell": state.cell})
    return (size + save(disk.folder / "hot", kept.pixels)) / many


def _peers(disk: Disk, peer: Any, made: Any, look: int) -> Callable[[], None]:
    """nrt's step, its state in netCDF."""
    beta, sigma = _tile(peer.beta), _tile(peer.sigma)
    kind = type(peer)
    tile = kind(trend=False, harmonic_order=2)
    noise = np.random.default_rng(0)
    tile.beta = (beta + noise.normal(0, 0.002, beta.shape)).astype(np.float32)
    tile.sigma = (sigma * noise.uniform(0.95, 1.05, sigma.shape)).astype(np.float32)
    tile.boundary = _tile(peer.boundary)
    tile.process, tile.mask = _tile(peer.process).astype(np.float32), np.ones((SIDE, SIDE), np.uint8)
    tile.detection_date = np.zeros((SIDE, SIDE), np.uint16)
    tile.x, tile.y = np.arange(SIDE) * 30.0, np.arange(SIDE)[::-1] * 30.0
    tile.to_netcdf(disk.folder / "state.nc")

    def work() -> None:
        nir, swir, qa = decode(disk)
        a, b = nir.astype(np.float32), swir.astype(np.float32)
        values = np.where(qa == 0, (a - b) / (a + b), np.nan)
        back = kind.from_netcdf(disk.folder / "state.nc")
        back.monitor(array=values, date=disk.seen.dates[look])
        back.to_netcdf(disk.folder / "out.nc")

    return work


def steps(disk: Disk, fitted: Callable[..., Any], cpu: Callable[[Callable[[], Any]], float]) -> Iterator[str]:
    """Lines of the report."""
    made = disk.workload.make("nrt8", 10_000, seed=2)
    values = disk.workload.index_cube(made, "nbr", 100)
    small = type(disk.seen)(disk.seen.dates, values, disk.seen.opening)
    peer, look = fitted(small, "EWMA", sensitivity=6), disk.seen.opening + 12
    _write_bands(disk, made, look)
    before = [Looks(small.look(i).scenes, _tile(values[i]).reshape(1, 1, -1)) for i in range(disk.seen.opening, look)]
    scene = small.look(look).scenes[0]
    its = _peers(disk, peer, made, look)
    yield f"Operational step: {SIDE} x {SIDE} pixels, NIR, SWIR2 and QA from DEFLATE files, state read and written,"
    yield f"one thread, median of {ROUNDS}."
    yield ""
    yield "| detector | step, ns a pixel | times decoding | nrt's EWMA, ns a pixel | times faster | state, bytes a pixel (nrt) |"
    yield "|---|---|---|---|---|---|"
    two = History(harmonics=2)  # as many terms as the peer has
    cases = (("default CUSUM, 7 terms", Detector()), ("CUSUM, 5 terms", Detector(history=two)))
    for name, detector in (*cases, ("EWMA, 5 terms", Detector(history=two, monitor=Ewma()))):
        size = _begin(disk, detector, peer, before)
        step(disk, detector, scene)
        times: dict[str, list[float]] = {"decode": [], "mine": [], "its": []}
        for _ in range(ROUNDS):
            times["decode"].append(cpu(lambda: decode(disk)))
            times["mine"].append(cpu(lambda d=detector: step(disk, d, scene)))
            times["its"].append(cpu(its))
        decoded, mine, theirs = (1e9 * float(np.median(t)) / SIDE**2 for t in times.values())
        nc = (disk.folder / "state.nc").stat().st_size / SIDE**2
        yield f"| {name} | {mine:.1f} | {mine / decoded:.2f} | {theirs:.0f} | {theirs / mine:.1f} | {size:.1f} ({nc:.1f}) |"
    yield ""
    yield f"Decoding alone: {decoded:.1f} ns a pixel. Nothing is flushed to the disk on either side; the state lies in flat files"
    yield "of the packed arrays. Jobs keep the same arrays as checked generations instead, which cost more:"
    yield from _kept_by_jobs(disk, cpu)


def _kept_by_jobs(disk: Disk, cpu: Callable[[Callable[[], Any]], float]) -> Iterator[str]:
    """What the store of jobs costs for the state of the last detector: compressed, with a checksum, flushed."""
    arrays = {**load(disk.folder / "model"), **load(disk.folder / "out")}
    made: list[Any] = []
    write = cpu(lambda: made.append(write_generation(disk.folder, "tile", arrays, {})))
    read = cpu(lambda: read_generation(disk.folder, made[0]))
    size = sum(file.stat().st_size for file in (disk.folder / made[0].path).rglob("*") if file.is_file())
    each = (1e9 * seconds / SIDE**2 for seconds in (write, read))
    yield "{:.0f} ns a pixel written, {:.0f} read and verified, {:.1f} bytes a pixel.".format(*each, size / SIDE**2)
