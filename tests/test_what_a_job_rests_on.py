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
from detection.prepare import Prepare
from detection.sources.simulated import Simulated
from detection.sources.stac import StacParameters
from detection.types import Row, Scene
from jobs.plan import _check_rows, plan


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


def rows(*orbits: str) -> list[Row]:
    return [Row(Scene(i, "sentinel-1a", f"s{i}", orbit), "sentinel-1-rtc") for i, orbit in enumerate(orbits)]


def radar(index: str) -> SimpleNamespace:
    source = StacParameters(endpoint="planetary-computer", sensors=("landsat", "sentinel-1"))
    return SimpleNamespace(name="radar", prepare=Prepare(index=index), sources=source)


def test_radar_keeps_to_one_orbit():
    _check_rows(radar("vh"), rows("127", "127"))
    with pytest.raises(BadInput, match=r"2 relative orbits: 127 \(2 scenes\), 054 \(1 scenes\).*sources\.orbits"):
        _check_rows(radar("vh"), rows("127", "054", "127"))


def test_radar_and_optical_share_no_index():
    with pytest.raises(UnknownBand, match="sentinel-1-rtc has vv, vh"):
        _check_rows(radar("nbr"), rows("127"))
    with pytest.raises(UnknownBand, match="vh"):
        _check_rows(radar("vh"), [Row(Scene(0, "landsat-8", "l", "003"), "landsat-c2l2")])


def test_a_plan_of_local_files_names_its_bands(scenes, tmp_path):
    work = plan(config(scenes, tmp_path))
    assert work.sensors == ("landsat-c2l2",)
    assert work.bands("landsat-c2l2") == ("nir", "swir2", "qa")
