"""An observation is the same number whoever served it: STAC, Earth Engine and local files, to the bit. SIMULATED numbers."""

from datetime import date

import numpy as np
import pytest
from loopback_stac import Server
from remote import LANDSAT, SENTINEL_2, Look, serve_ee, serve_stac, simulated_looks, write

from detection.codes import Observation
from detection.prepare import Prepare, bands_needed, prepare
from detection.sources import Source, Traffic
from detection.sources.earthengine import EarthEngine, EarthEngineParameters
from detection.sources.files import Files
from detection.sources.sensors import SENSORS
from detection.sources.simulated import SimulatedParameters
from detection.sources.stac import Stac, StacParameters
from detection.types import Cube, Grid, Scene

ALL = (0, 40_000)
SMALL = SimulatedParameters(
    west=370_680, north=8_592_480, rows=40, columns=48, start=date(2022, 3, 1), end=date(2022, 6, 1), orbits=("002",)
)
QUIET = Traffic(wait=lambda _: None)


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.close()


def sentinel2_looks(added: float) -> list[Look]:
    """Three looks of noise at 20 m, with every class and some nodata."""
    looks = []
    for n in range(3):
        dice = np.random.default_rng(n)
        bands = {b: dice.integers(1_050, 6_000, (90, 100)).astype(np.uint16) for b in ("nir", "swir2")}
        bands["scl"] = dice.integers(1, 12, (90, 100)).astype(np.uint8)
        for numbers in bands.values():
            numbers[:9] = 0
        scene = Scene(1_650_000_000 + n * 432_000, "sentinel-2a", f"20220415T15000{n}_20220415T15000{n}_T19LCF")
        looks.append(Look(scene, bands, 370_560, 8_592_600, "EPSG:32719", 20, added))
    return looks


def cube(source: Source, grid: Grid, rules: Prepare, sensor: str) -> Cube:
    rows = [row for row in source.manifest(*ALL, grid) if row.sensor == sensor]
    bands = bands_needed(rules, SENSORS[sensor], ("radsat",))
    cube = prepare(source.read(grid, rows, bands), rules, SENSORS[sensor])
    assert source.failures == []
    return cube


def three_ways(tmp_path, server, looks, names, family, sensor, grid, rules):
    files = write(tmp_path / "scenes", looks, sensor)
    server.reset()
    server.items, server.assets = [], {}
    serve_stac(server, tmp_path / "scenes", looks, names)
    yield "files", cube(Files(files), grid, rules, sensor)
    stac = StacParameters(endpoint="planetary-computer", url=server.url, sensors=(family,), allow_local=True)
    yield "stac", cube(Stac(stac, QUIET), grid, rules, sensor)
    with serve_ee(looks, names) as service:
        engine = EarthEngineParameters(project="test-project", url=service.url, sensors=(family,), allow_local=True)
        yield "earthengine", cube(EarthEngine(engine, QUIET), grid, rules, sensor)


def same(found):
    (_, first), *others = found
    assert np.isfinite(first.values).mean() > 0.1 and np.isnan(first.values).mean() > 0.05
    for name, other in others:
        assert other.values.tobytes() == first.values.tobytes(), name
        assert other.observation.tobytes() == first.observation.tobytes(), name
        assert [(s.instant, s.platform) for s in other.scenes] == [(s.instant, s.platform) for s in first.scenes], name
    assert len(others) == 2


def test_landsat_is_the_same_from_everywhere(tmp_path, server):
    looks = simulated_looks(SMALL)
    grid = Grid("EPSG:32719", 370_680, 8_592_480, 30, (40, 48))
    same(list(three_ways(tmp_path, server, looks, LANDSAT, "landsat", "landsat-c2l2", grid, Prepare(mask_buffer_m=0))))


@pytest.mark.parametrize("added", [0.0, -1000.0])
def test_sentinel_2_masked_by_scl_is_the_same_from_everywhere(tmp_path, server, added):
    grid = Grid("EPSG:32719", 370_680, 8_592_480, 20, (64, 72))
    looks, rules = sentinel2_looks(added), Prepare(mask_buffer_m=0)
    same(list(three_ways(tmp_path, server, looks, SENTINEL_2, "sentinel-2", "sentinel-2-l2a", grid, rules)))


def test_a_shifted_truth_is_noticed(tmp_path, server):
    looks = simulated_looks(SMALL)[:4]
    grid = Grid("EPSG:32719", 370_680, 8_592_480, 30, (40, 48))
    here = cube(Files(write(tmp_path / "a", looks, "landsat-c2l2")), grid, Prepare(), "landsat-c2l2")
    moved = cube(
        Files(write(tmp_path / "a", looks, "landsat-c2l2")), grid.window(0, 1, 40, 48), Prepare(), "landsat-c2l2"
    )
    assert here.values.tobytes() != moved.values.tobytes()
    assert (here.observation == Observation.OBSERVED).any()
