"""What reading by our own range requests costs against plain rasterio, in CPU seconds a pixel-band; one process, one thread.

    python benchmarks/reading.py

Random uint16 cloud-optimised files (deflate, predictor 2, blocks of 512) on a local disk and behind a loopback server in a
process of its own; windows of 512 on block edges. Loopback has no latency: this compares work, it says nothing of networks.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from results import record

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from affine import Affine
from loopback_stac import Server

from detection.sources.stac import Stac, StacParameters
from detection.types import Grid, Row, Scene

Read = Callable[[int], np.ndarray]
BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2", "qa")
DATES: Final = 6
SIDE: Final = 2048
WINDOW: Final = 512
ROUNDS: Final = 15
WEST, NORTH = 360_000, 8_594_040
GDAL: Final = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "VSI_CACHE": "FALSE",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
}
"""As the project measured plain rasterio over HTTP with."""
FORGETFUL: Final = {**GDAL, "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/http"}
"""The same, and nothing is kept from one read to the next."""


def main() -> None:
    """Measure, print, write the section."""
    with tempfile.TemporaryDirectory() as folder:
        names = _files(Path(folder))
        ours_end, theirs_end = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, theirs_end), daemon=True)
        server.start()
        url = ours_end.recv()
        lines = _measure(Path(folder), names, url)
        server.terminate()
    print("\n".join(lines))
    if "--dry" not in sys.argv:
        record("Reading remote rasters", lines, "python benchmarks/reading.py")


def _serve(folder: str, pipe: Any) -> None:
    server = Server()
    server.assets = {path.name: path.read_bytes() for path in Path(folder).glob("*.tif")}
    pipe.send(server.url)
    while True:
        time.sleep(3600)


def _files(folder: Path) -> list[list[str]]:
    random = np.random.default_rng(0)
    smooth = random.normal(0, 400, (SIDE // 16, SIDE // 16)).repeat(16, 0).repeat(16, 1)
    place = Affine(30, 0, WEST, 0, -30, NORTH)
    for date in range(DATES):
        for band in BANDS:
            array = np.clip(9000 + smooth + random.normal(0, 60, smooth.shape), 1, 60000).astype(np.uint16)
            with rasterio.open(
                folder / f"{date}_{band}.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="uint16",
                crs="EPSG:32719", transform=place, nodata=1 if band == "qa" else 0, tiled=True, blockxsize=WINDOW,
                blockysize=WINDOW, compress="deflate", predictor=2,
            ) as out:  # fmt: skip
                out.write(array, 1)
    return [[f"{date}_{band}.tif" for band in BANDS] for date in range(DATES)]


def _measure(folder: Path, names: list[list[str]], url: str) -> list[str]:
    given = StacParameters(
        endpoint="planetary-computer", url=url, sensors=("landsat",), allow_local=True, connections=1
    )
    source = Stac(given)
    rows = [
        Row(Scene(i, "landsat-8", f"S{i}"), "landsat-c2l2", "landsat-c2-l2", assets=tuple(
            (band, f"{url}/assets/{name}") for band, name in zip(BANDS, scene, strict=True)
        ))
        for i, scene in enumerate(names)
    ]  # fmt: skip
    side = SIDE // WINDOW
    windows = [(WINDOW * (k // side), WINDOW * (k % side)) for k in range(side * side)]
    grids = [Grid("EPSG:32719", WEST + 30 * c, NORTH - 30 * r, 30, (WINDOW, WINDOW)) for r, c in windows]

    def plain(prefix: str, options: dict[str, str]) -> Read:
        def read(k: int) -> np.ndarray:
            window = rasterio.windows.Window(windows[k][1], windows[k][0], WINDOW, WINDOW)
            out = np.empty((DATES, len(BANDS), WINDOW, WINDOW), np.uint16)
            with rasterio.Env(**options):
                for i, scene in enumerate(names):
                    for j, name in enumerate(scene):
                        with rasterio.open(f"{prefix}{name}", driver="GTiff", sharing=False) as file:
                            out[i, j] = file.read(1, window=window)
            return out

        return read

    ways: dict[str, tuple[Read, Read]] = {
        "first window of each file": (
            lambda k: Stac(given).read(grids[k], rows, BANDS).values,
            plain(f"/vsicurl/{url}/assets/", FORGETFUL),
        ),
        "further windows": (
            lambda k: source.read(grids[k], rows, BANDS).values,
            plain(f"/vsicurl/{url}/assets/", GDAL),
        ),
    }
    local = plain(f"{folder}/", GDAL)
    same = all(np.array_equal(source.read(grids[k], rows, BANDS).values, local(k)) for k in (0, 5))
    ways["further windows"][1](0)  # both readers have seen the headers
    spent: dict[str, list[float]] = {}
    for k in range(1, 1 + ROUNDS):
        for name, (ours, theirs) in ways.items():
            spent.setdefault(f"ours, loopback, {name}", []).append(_seconds(ours, k))
            spent.setdefault(f"rasterio /vsicurl/, loopback, {name}", []).append(_seconds(theirs, k))
        spent.setdefault("rasterio, local files", []).append(_seconds(local, k))
    return _table(spent, same, source)


def _seconds(read: Read, k: int) -> float:
    begun = time.process_time()
    read(k)
    return (time.process_time() - begun) / (DATES * len(BANDS) * WINDOW**2)


def _table(spent: dict[str, list[float]], same: bool, source: Stac) -> list[str]:
    middle = {name: statistics.median(times) for name, times in spent.items()}
    lines = ["| reader | CPU ns a pixel-band (median) | least |", "|---|---|---|"]
    lines += [f"| {name} | {m * 1e9:.1f} | {min(spent[name]) * 1e9:.1f} |" for name, m in middle.items()]
    ratios = [
        f"- {kind}: ours / rasterio over the same loopback server = "
        f"{middle[f'ours, loopback, {kind}'] / middle[f'rasterio /vsicurl/, loopback, {kind}']:.2f}; ours / rasterio on "
        f"local files = {middle[f'ours, loopback, {kind}'] / middle['rasterio, local files']:.2f}"
        for kind in ("first window of each file", "further windows")
    ]
    return [
        f"{DATES} dates, {len(BANDS)} bands, aligned windows of {WINDOW}, {ROUNDS} rounds, GDAL {rasterio.__gdal_version__}.",
        f"Equal to the bit: {same}; failures: {len(source.failures)}. Loopback, shared cores.",
        "",
        *lines,
        "",
        *ratios,
    ]


if __name__ == "__main__":
    main()
