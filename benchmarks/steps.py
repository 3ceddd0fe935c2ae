"""The operational step of benchmarks/update_speed.py: one new scene of a tile, from files to files."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numba import njit
from numcodecs import Blosc, blosc
from rasterio.transform import from_origin

from detection.history import History
from detection.monitors import Detector, Looks, State, unseen, update
from detection.monitors.ewma import Ewma
from detection.monitors.machine import fresh
from detection.monitors.packed import blank, pack_model, pack_pixels, rounded, unpack_model, unpack_pixels
from detection.types import Scene

SIDE: Final = 1000
AT_A_TIME: Final = 62_500
"""Pixels of the state that are unpacked, updated and packed at once: they stay in the cache."""
ROUNDS: Final = 7
PACK = Blosc("lz4", 9, Blosc.BITSHUFFLE)
PLAIN: Final = ("steps", "exponent", "sigma", "season", "optical", "radar")
"""Kept as they are: noise compresses badly and is read at every step."""
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


@njit(nogil=True)
def ratio(nir, swir, qa, out):  # type: ignore[no-untyped-def]
    """NBR, NaN where not clear; flat arrays."""
    for i in range(len(nir)):
        a, b = np.float32(nir[i]), np.float32(swir[i])
        out[i] = (a - b) / (a + b) if qa[i] == 0 else np.float32(np.nan)


def save(path: Path, arrays: dict[str, np.ndarray]) -> int:
    """One file: for every array a line of its name, type, shape and length, then all of them."""
    blobs = {
        name: np.ascontiguousarray(a).tobytes() if name in PLAIN or not a.size else PACK.encode(np.ascontiguousarray(a))
        for name, a in arrays.items()
    }
    head = ";".join(f"{n} {a.dtype.str} {','.join(map(str, a.shape))} {len(blobs[n])}" for n, a in arrays.items())
    return path.write_bytes(b"".join([head.encode() + b"\n", *blobs.values()]))


def load(path: Path) -> dict[str, np.ndarray]:
    """The inverse of `save`."""
    raw = path.read_bytes()
    at = raw.index(b"\n") + 1
    found = {}
    for entry in raw[: at - 1].decode().split(";"):
        name, kind, shape, length = entry.split(" ")
        sizes = tuple(map(int, shape.split(",")))
        if 0 in sizes:
            found[name] = np.empty(sizes, kind)
        elif name in PLAIN:
            found[name] = np.frombuffer(raw, kind, int(np.prod(sizes)), at).reshape(sizes)
        else:
            found[name] = np.empty(sizes, kind)
            blosc.decompress(memoryview(raw)[at : at + int(length)], found[name])
        at += int(length)
    return found


def step(disk: Disk, detector: Detector, scene: Scene, opened: np.ndarray) -> int:
    """Decode, read the state, update, write the state; returns the transitions said."""
    nir, swir, qa = (band.ravel() for band in decode(disk))
    said = 0
    for k, first in enumerate(range(0, SIDE * SIDE, AT_A_TIME)):
        cut = np.s_[first : first + AT_A_TIME]
        values = np.empty((1, 1, AT_A_TIME), np.float32)
        ratio(nir[cut], swir[cut], qa[cut], values[0, 0])
        kept = load(disk.folder / f"model{k}")
        pixels = unpack_pixels(load(disk.folder / f"hot{k}"), opened)
        state = State(unpack_model(kept), pixels, kept["monitored"], kept["cell"], None, detector.digest)
        state, log = update(detector, state, Looks((scene,), values), reuse=True)
        packed = pack_pixels(state.pixels)
        save(disk.folder / f"out{k}", packed)
        blank(opened, packed["which"])
        said += len(log)
    return said


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
    size = 0
    for k, first in enumerate(range(0, many, AT_A_TIME)):
        part = state.part(np.s_[first : first + AT_A_TIME])
        fixed = {**pack_model({n: np.ascontiguousarray(a) for n, a in part.model.items()})}
        fixed |= {"monitored": part.monitored, "cell": part.cell}
        size += save(disk.folder / f"model{k}", fixed)
        size += save(disk.folder / f"hot{k}", pack_pixels(part.pixels))
    return size / many


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
    blosc.use_threads = False
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
        opened = fresh(AT_A_TIME).open
        step(disk, detector, scene, opened)
        times: dict[str, list[float]] = {"decode": [], "mine": [], "its": []}
        for _ in range(ROUNDS):
            times["decode"].append(cpu(lambda: decode(disk)))
            times["mine"].append(cpu(lambda d=detector, o=opened: step(disk, d, scene, o)))
            times["its"].append(cpu(its))
        decoded, mine, theirs = (1e9 * float(np.median(t)) / SIDE**2 for t in times.values())
        nc = (disk.folder / "state.nc").stat().st_size / SIDE**2
        yield f"| {name} | {mine:.1f} | {mine / decoded:.2f} | {theirs:.0f} | {theirs / mine:.1f} | {size:.1f} ({nc:.1f}) |"
    yield ""
    yield f"Decoding alone: {decoded:.1f} ns a pixel. Nothing is flushed to the disk on either side."
