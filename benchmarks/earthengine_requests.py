"""How many Earth Engine requests a tile takes, against the fewest that the limit of bytes allows. Arithmetic, no network.

    python benchmarks/earthengine_requests.py

The least is ceil(all bytes / limit), which would cut images in two; a request holds whole images wherever one fits.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from results import record

from detection.sources.earthengine import EarthEngineParameters
from detection.sources.eeimages import layer_of, step_of
from detection.sources.eerequests import Limits, bytes_a_pixel, plan
from detection.sources.resample import nesting
from detection.types import Grid

DATES: Final = (50, 100, 200, 500, 1000, 2000)
LIMIT: Final = Limits(size=int(EarthEngineParameters(project="my-project", sensors=("landsat",)).max_request_mb * 1e6))
CASES: Final[tuple[tuple[str, str, int, tuple[str, ...]], ...]] = (
    ("Landsat, 7 bands, 30 m", "landsat-c2l2", 30, ("blue", "green", "red", "nir", "swir1", "swir2", "qa")),
    ("Landsat, 3 bands, 30 m", "landsat-c2l2", 30, ("nir", "swir2", "qa")),
    ("Sentinel-2, 3 bands of 20 m onto 30 m", "sentinel-2-l2a", 30, ("nir", "swir2", "scl")),
    ("Sentinel-2, 10 m and 20 m onto 10 m", "sentinel-2-l2a", 10, ("red", "nir", "swir2", "scl")),
    ("Sentinel-1, 2 bands of 10 m onto 30 m", "sentinel-1-grd", 30, ("vv", "vh")),
)
SIDE: Final = 512


def requests(sensor: str, resolution: int, bands: Sequence[str], dates: int) -> tuple[int, int]:
    """(planned, least) requests of one tile of SIDE x SIDE cells."""
    grid = Grid("EPSG:32719", 360_000, 8_594_040, resolution, (SIDE, SIDE))
    planned = least = 0
    for step in sorted({step_of(sensor, band) for band in bands}):
        dtypes = [layer_of(band).dtype for band in bands if step_of(sensor, band) == step]
        shape = nesting(grid, step).shape
        planned += len(plan(dates, shape, dtypes, LIMIT))
        least += math.ceil(dates * math.prod(shape) * bytes_a_pixel(dtypes) / LIMIT.size)
    return planned, least


def lines() -> Iterator[str]:
    """The table, a line each."""
    yield f"Arithmetic. Tile {SIDE} x {SIDE}, at most {LIMIT.size / 1e6:g} million bytes a request, mask bytes included; whole"
    yield "images wherever one fits. In brackets: against all bytes over the limit, which would cut images in two."
    yield ""
    yield "| requests at dates | " + " | ".join(map(str, DATES)) + " |"
    yield "|---" * (len(DATES) + 1) + "|"
    for name, sensor, resolution, bands in CASES:
        counts = [requests(sensor, resolution, bands, dates) for dates in DATES]
        yield f"| {name} | " + " | ".join(f"{n} ({n / least:.3f})" for n, least in counts) + " |"


if __name__ == "__main__":
    print("\n".join(lines()))
    record("Earth Engine requests", list(lines()), "python benchmarks/earthengine_requests.py")
