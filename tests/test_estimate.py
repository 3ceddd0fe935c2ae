"""What a job will cost, and the two limits that stop it before anything is spent."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobs.plan
from detection.errors import BadInput
from detection.monitors.fusion import Fusion
from detection.prepare import Prepare
from detection.sources.earthengine import EarthEngineParameters
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.sources.stac import StacParameters
from detection.types import SECONDS_A_DAY, Grid, Row, Scene, to_date, to_day
from jobs.config import Cluster, JobConfig, Period, SourceParameters, Tiles
from jobs.estimate import check_budget, check_memory, degrees, estimate, memory_gb, readings, touching
from jobs.plan import Plan, TilePlan, plan

GRID = Grid("EPSG:32719", 360_000, 8_594_040, 30, (512, 512))
STAC = StacParameters(endpoint="planetary-computer", sensors=("landsat", "sentinel-2"))
EE = EarthEngineParameters(project="a-project", sensors=("landsat", "sentinel-2"))
START = to_day(date(2023, 1, 1))
OWN = tuple(float(edge) for edge in degrees([GRID])[0])


def job(sources: SourceParameters, tile: int = 256, **changes: Any) -> JobConfig:
    made = JobConfig(
        name="cost", sources=sources, period=Period(monitor_from=date(2024, 1, 1)), tiles=Tiles(size=tile, halo_m=90)
    )
    return replace(made, **changes)


def work(sources: SourceParameters, sensor: str, scenes: int, tile: int = 256, **changes: Any) -> Plan:
    """A plan by hand: so many scenes of one sensor, one a day, over the whole grid."""
    rows = tuple(
        Row(Scene((START + i) * SECONDS_A_DAY, "p", f"{sensor}-{i}"), sensor, bounds=OWN) for i in range(scenes)
    )
    tiles = tuple(TilePlan(f"t{i}", grid) for i, grid in enumerate(GRID.tiles(tile)))
    return Plan(job(sources, tile, **changes), GRID, None, tiles, rows)


@pytest.fixture(autouse=True)
def all_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bands a remote source offers are its own business: here they are all those an index may need."""
    there = ("blue", "green", "red", "nir", "swir1", "swir2", "qa", "scl", "vv", "vh")
    real = jobs.plan.offered
    monkeypatch.setattr(
        jobs.plan,
        "offered",
        lambda p, s: there if isinstance(p, StacParameters | EarthEngineParameters) else real(p, s),
    )


def test_simulated_scenes_are_counted_as_they_are_made() -> None:
    source = SimulatedParameters(rows=100, columns=200, start=date(2023, 1, 1), end=date(2025, 1, 1))
    made = plan(job(source, tile=64))
    found = estimate(made)
    scenes = len(made.rows)
    assert (found["tiles"], found["cells"], found["scenes"]) == (8, 20_000, scenes)
    assert 0 < found["scenes in the history"] < scenes == found["scenes still to read"]
    # nir, swir2 and qa, two bytes each, of every tile with its halo of 3 cells
    heights, widths = (64 + 6, 36 + 6), (64 + 6, 64 + 6, 64 + 6, 8 + 6)
    wanted = sum(heights) * sum(widths) * 3 * 2 * scenes / 1e9
    assert found["gigabytes to read"] == pytest.approx(wanted, abs=5e-4)
    assert found["landsat-c2l2: scenes"] == scenes
    assert found["requests"] == 0
    assert "landsat-c2l2: requests" not in found


def test_scenes_taken_in_before_are_not_read_again() -> None:
    made = work(STAC, "landsat-c2l2", 10)
    all_of_it, rest = readings(made)[0], readings(made, {f"landsat-c2l2-{i}" for i in range(7)})[0]
    assert (all_of_it.scenes, rest.scenes) == (10, 3)
    assert rest.gigabytes == pytest.approx(0.3 * all_of_it.gigabytes)
    done = readings(made, {r.scene.id for r in made.rows})[0]
    assert (done.scenes, done.gigabytes, done.requests) == (0, 0, 0)
    assert estimate(made, {r.scene.id for r in made.rows})["gigabytes to read"] == 0


def test_remote_scenes_are_read_at_their_own_resolution() -> None:
    padded = 4 * 262 * 262
    (landsat,) = readings(work(STAC, "landsat-c2l2", 10))
    assert landsat.bands == ("nir", "swir2", "qa")
    assert landsat.gigabytes == pytest.approx(padded * 10 * 3 * 2 / 1e9)
    # B8A and B12 (uint16) and SCL (one byte) have 20 m: 2.25 of their cells in one of 30 m
    (sentinel,) = readings(work(STAC, "sentinel-2-l2a", 10))
    assert sentinel.gigabytes == pytest.approx(padded * 10 * 2.25 * (2 + 2 + 1) / 1e9)
    # red (10 m) and B8A, SCL (20 m)
    (ndvi,) = readings(work(STAC, "sentinel-2-l2a", 1, prepare=Prepare(index="ndvi")))
    assert ndvi.gigabytes == pytest.approx(padded * (9 * 2 + 2.25 * 3) / 1e9)


def test_a_scene_counts_for_the_tiles_its_footprint_may_reach() -> None:
    made = work(STAC, "landsat-c2l2", 2)
    west, south, _east, north = degrees([made.tiles[0].grid])[0]
    beside = replace(made.rows[0], bounds=(west - 2, south, west - 1, north))
    corner = replace(made.rows[1], bounds=(west - 1, north - 0.001, west + 0.001, north + 1))
    (found,) = readings(replace(made, rows=(beside, corner)))
    assert (found.scenes, found.requests) == (2, 3)
    assert found.gigabytes == pytest.approx(262 * 262 * 3 * 2 / 1e9)
    unknown = replace(made.rows[0], bounds=None)
    assert readings(replace(made, rows=(unknown,)))[0].requests == 4 * 3, "one that names no footprint may reach all"


@given(st.integers(0, 8), st.integers(0, 8), st.integers(1, 3), st.integers(1, 3))
def test_what_touches_is_what_shapely_says(x: int, y: int, wide: int, tall: int) -> None:
    from shapely import box

    boxes = np.array([(2.0 * i, 2.0 * j, 2.0 * i + 1.5, 2.0 * j + 1.5) for i in range(4) for j in range(4)])
    bounds = (float(x), float(y), float(x + wide), float(y + tall))
    row = Row(Scene(0, "p", "s"), "landsat-c2l2", bounds=bounds)
    assert touching([row], boxes)[0].tolist() == [box(*bounds).intersects(box(*one)) for one in boxes]
    assert touching([], boxes).shape == (0, 16)


def test_earth_engine_requests_hold_whole_images() -> None:
    """262 x 262 cells of nir, swir2 and qa at 3 bytes each (one of mask): 617,796 bytes; 64 images fit 40 MB."""
    for scenes, wanted in ((0, 0), (1, 4), (64, 4), (65, 8), (130, 12)):
        made = replace(work(EE, "landsat-c2l2", scenes))
        assert sum(part.requests for part in readings(made)) == wanted
    (sentinel,) = readings(work(EE, "sentinel-2-l2a", 1))
    assert sentinel.requests == 4


@dataclass(frozen=True)
class Peak:
    """What benchmarks/memory.py measured (Linux, 2026-11-21): simulated scenes, one tile, two bands and QA."""

    side: int
    dates: int
    gigabytes: float


@pytest.mark.parametrize(
    "peak",
    [
        Peak(128, 50, 0.36), Peak(128, 200, 0.39), Peak(128, 1000, 0.62), Peak(128, 2000, 1.00),
        Peak(256, 50, 0.45), Peak(256, 200, 0.62), Peak(256, 1000, 1.36), Peak(256, 2000, 2.20),
    ],
)  # fmt: skip
def test_the_estimate_of_memory_covers_what_was_measured(peak: Peak) -> None:
    source = SimulatedParameters(
        rows=peak.side,
        columns=peak.side,
        start=date(2004, 1, 1),
        end=date(2031, 1, 1),
        sensors=("landsat", "sentinel-2"),
    )
    days = [row.scene.day for row in Simulated(source).manifest(0, 10**6)]
    source = replace(source, end=to_date(days[peak.dates - 1] + 1))
    config = job(source, tile=peak.side, period=Period(monitor_from=to_date(days[peak.dates * 4 // 5])))
    config = replace(config, history=replace(config.history, years=30))
    made = plan(config)
    assert peak.dates <= len(made.rows) <= peak.dates + 2
    assert peak.gigabytes <= memory_gb(made) <= 1.35 * peak.gigabytes


@pytest.mark.parametrize("peak", [Peak(128, 400, 0.61), Peak(256, 400, 1.29)])
def test_the_estimate_covers_looks_of_several_planes(peak: Peak) -> None:
    """Measured as above (2026-11-26), landsat, sentinel-2 and sentinel-1 in three planes and vv, vh."""
    source = SimulatedParameters(
        rows=peak.side, columns=peak.side, start=date(2019, 1, 1), end=date(2031, 1, 1),
        sensors=("landsat", "sentinel-2", "sentinel-1"),
    )  # fmt: skip
    days = [row.scene.day for row in Simulated(source).manifest(0, 10**6)]
    source = replace(source, end=to_date(days[peak.dates - 1] + 1))
    fused = Fusion()
    config = job(source, tile=peak.side, period=Period(monitor_from=to_date(days[peak.dates * 4 // 5])))
    config = replace(config, history=replace(config.history, years=30), tiles=Tiles(size=peak.side, halo_m=150))
    made = plan(replace(config, monitor=fused))
    assert peak.gigabytes <= memory_gb(made) <= 1.35 * peak.gigabytes
    single = plan(replace(config, monitor=Fusion(optical=("nbr",), radar=("vv",))))
    assert memory_gb(made) > memory_gb(single)
    assert estimate(made)["gigabytes of disk"] > 2 * estimate(single)["gigabytes of disk"]


def test_too_little_memory_names_the_largest_tile_that_fits() -> None:
    made = work(STAC, "landsat-c2l2", 1500, tile=512)
    assert check_memory(replace(made, config=replace(made.config, cluster=Cluster(memory_gb_per_worker=64)))) is None
    with pytest.raises(BadInput, match=r"1500 scenes on tiles of 512 cells need about \d\.\d GB") as error:
        check_memory(made)
    said = str(error.value)
    assert "\n" not in said
    fitting = int(said.partition("set tiles.size to ")[2].partition(",")[0])
    assert fitting % 64 == 0
    assert memory_gb(made, fitting) <= 4 < memory_gb(made, fitting + 64)
    check_memory(work(STAC, "landsat-c2l2", 1500, tile=fitting))
    with pytest.raises(BadInput, match=r"shorten history\.years, or raise cluster\.memory_gb_per_worker"):
        check_memory(replace(made, config=replace(made.config, cluster=Cluster(memory_gb_per_worker=0.3))))


def test_a_tile_larger_than_the_grid_costs_no_more_than_the_grid() -> None:
    made = work(STAC, "landsat-c2l2", 100, tile=512)
    assert memory_gb(made, 4096) == memory_gb(made, 512) > memory_gb(made, 448)


def test_a_budget_counts_what_is_still_to_be_read() -> None:
    made = work(STAC, "landsat-c2l2", 100)
    gigabytes = readings(made)[0].gigabytes
    check_budget(made, None)
    check_budget(made, gigabytes)
    with pytest.raises(BadInput, match=r"cost: 0\.165 GB are still to be read .* --max-gb allows 0\.1;") as error:
        check_budget(made, 0.1)
    assert "\n" not in str(error.value)
    check_budget(made, 0.1, {f"landsat-c2l2-{i}" for i in range(50)})


def test_nothing_is_written_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    estimate(work(EE, "landsat-c2l2", 10))
    assert list(tmp_path.iterdir()) == []
