"""What a job takes for forest, how it prepared its looks and which orbit it keeps to: said, held, refused. SIMULATED input."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from jobsetup import SCENE, alerts, config, link, rasters, start, write_scenes

from detection.codes import Monitored
from detection.context import Context, Layer
from detection.errors import BadInput, StaleState, UnknownBand
from detection.monitors.cusum import Cusum
from detection.monitors.fusion import Fusion
from detection.prepare import Prepare
from detection.sources.simulated import Simulated
from detection.sources.stac import StacParameters
from detection.types import Grid, Row, Scene
from jobs.plan import Plan, _check_rows, plan

GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (2, 2))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def baseline(folder: Path) -> Layer:
    """Forest in the western half of the scene alone."""
    grid = Simulated(SCENE).grid()
    cover = np.zeros(grid.shape, np.uint8)
    cover[:, : grid.shape[1] // 2] = 80
    place = {"crs": grid.crs, "transform": grid.transform, "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(folder / "cover.tif", "w", driver="GTiff", dtype="uint8", count=1, **place) as file:
        file.write(cover, 1)
    return Layer(path=folder / "cover.tif", source="Made up", version="1", year=2021, at_least=30)


def test_a_forest_baseline_says_where_alerts_may_be_and_every_alert_names_it(scenes, tmp_path):
    outcome = start(scenes, tmp_path / "with", context=Context(forest=baseline(tmp_path)))
    without = start(scenes, tmp_path / "without")
    half = SCENE.columns // 2
    assert (rasters(outcome)["monitored"][:, half:] == Monitored.NOT_FOREST).mean() > 0.8
    assert not (rasters(outcome)["monitored"][:, half:] == Monitored.MONITORED).any()
    np.testing.assert_array_equal(
        rasters(outcome)["monitored"][:, :half], rasters(without)["monitored"][:, :half], "the other half is as it was"
    )
    assert {f["properties"]["baseline"] for f in alerts(outcome).values()} == {"Made up 1 (2021), at least 30"}
    assert {f["properties"]["baseline"] for f in alerts(without).values()} == {"own history, nbr at least 0.5"}


def test_a_layer_that_changed_under_its_checksum_stops_the_job_before_it_writes(scenes, tmp_path):
    layer = replace(baseline(tmp_path), sha256="0" * 64)
    with pytest.raises(BadInput, match=r"cover\.tif.*checksum") as caught:
        start(scenes, tmp_path / "out", context=Context(forest=layer))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_looks_of_another_preparation_never_join_a_job(scenes, tmp_path):
    early = link(scenes, tmp_path / "scenes", lambda day: day < date(2024, 6, 1))
    start(early, tmp_path / "out")
    link(scenes, tmp_path / "scenes", lambda day: True)
    with pytest.raises(StaleState, match="prepared otherwise") as caught:
        start(early, tmp_path / "out", prepare=Prepare(mask_buffer_m=30))
    assert "\n" not in str(caught.value)


def test_the_manifest_says_how_every_look_was_made(scenes, tmp_path):
    folder = start(scenes, tmp_path).folder
    assert folder is not None
    said = json.loads((folder / "manifest.json").read_text())
    assert len(said["processing"]) == 1
    assert said["processing"][0].startswith("nbr of nir, swir2; qa bits 0 1 2 3 4 5 masked, widened 60 m")
    assert {entry["sensor"] for entry in said["inputs"]} == {"landsat-c2l2"}


def rows(*orbits: str, platform: str = "sentinel-1a") -> tuple[Row, ...]:
    return tuple(Row(Scene(i, platform, f"s{i}", orbit), "sentinel-1-rtc") for i, orbit in enumerate(orbits))


def check(found: tuple[Row, ...], index: str = "nbr", monitor: object = None) -> None:
    source = StacParameters(endpoint="planetary-computer", sensors=("landsat", "sentinel-1"))
    asked = SimpleNamespace(name="radar", prepare=Prepare(index=index), sources=source, monitor=monitor or Cusum())
    _check_rows(Plan(asked, GRID, None, (), found))


def test_radar_keeps_to_one_orbit_unless_the_monitor_knows_several():
    check(rows("127", "127"), "vh")
    check(rows("127", "054", "127"), monitor=Fusion())
    with pytest.raises(BadInput, match=r"2 relative orbits: 127 \(2 scenes\), 054 \(1 scenes\).*sources\.orbits"):
        check(rows("127", "054", "127"), "vh")


def test_radar_and_optical_share_no_index():
    with pytest.raises(UnknownBand, match=r"radar: prepare.index: plane 'nbr' needs .*sentinel-1-rtc has vv, vh"):
        check(rows("127"))
    with pytest.raises(UnknownBand, match="vh"):
        check((Row(Scene(0, "landsat-8", "l", "003"), "landsat-c2l2"),), "vh")


def test_what_is_wrong_with_planes_is_one_line_that_names_the_key():
    with pytest.raises(UnknownBand, match=r"^radar: monitor.radar: plane 'nbr' needs .*sentinel-1-rtc has vv, vh"):
        check(rows("127"), monitor=Fusion(radar=("nbr",)))  # type: ignore[arg-type]
    with pytest.raises(
        BadInput, match=r"^radar: monitor.radar names no plane, the source has sentinel-1-rtc; name one"
    ):
        check(rows("127"), monitor=Fusion(radar=()))
    with pytest.raises(
        BadInput, match=r"^radar: scenes of sentinel-1-rtc name the platform 'unknown'.*sources.platform"
    ):
        check(rows("127", platform="unknown"), monitor=Fusion())
    check(rows("127", platform="unknown"), "vh")


def test_a_plan_of_local_files_names_its_bands(scenes, tmp_path):
    work = plan(config(scenes, tmp_path))
    assert work.sensors == ("landsat-c2l2",)
    assert work.bands("landsat-c2l2") == ("nir", "swir2", "qa")
