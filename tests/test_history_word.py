# ruff: noqa: F811 - fixtures of another file
"""What a model says of the losses of an archive: in rasters, in polygons, whatever the tiling."""

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from historysetup import config, start
from modelsetup import drawn, tiny
from test_history_jobs import _method, scenes  # noqa: F401 - fixtures

from detection.codes import CHANGE_TYPES, DRIVERS
from detection.context import Context, Layer
from detection.errors import BadInput
from jobs.history.run import run_history
from jobs.sections import NamedModel
from models.kinds import coded
from models.registry import save

ASKED = NamedModel(name="tiny-simulated")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model of random samples that says it has learnt losses of `ccdc`, and believes what it sees."""
    made = tiny()
    area = replace(made.learnt.classifier.applicability, threshold=np.array(1e9))
    card = replace(made.card, judges="ccdc")
    save(tmp_path / "models", replace(made.learnt.classifier, applicability=area), card)
    monkeypatch.setenv("SACHAWATCH_MODELS", str(tmp_path / "models"))
    assert drawn(1).features == made.learnt.classifier.features
    return f"{card.name}@{card.version}"


def raster(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(folder / f"{name}.tif") as opened:
        made: np.ndarray = opened.read(1)
        return made


def test_every_loss_is_given_a_type_and_polygons_say_so(scenes: Path, tmp_path: Path, model: str) -> None:
    outcome = start(scenes, tmp_path / "out", model=ASKED)
    kind, driver = raster(outcome.folder, "change_type"), raster(outcome.folder, "driver")
    lost = raster(outcome.folder, "loss_year")
    assert ((kind > 0) == ((lost > 0) & (lost < 65_535))).all() and (kind > 0).any()
    assert set(np.unique(kind)) <= {0, *(coded(CHANGE_TYPES, name) for name in CHANGE_TYPES)}
    assert set(np.unique(driver)) <= {0, *(coded(DRIVERS, name) for name in DRIVERS)}
    table = gpd.read_file(outcome.folder / "changes.gpkg", layer="changes")
    mine = table[table["kind"] == "loss"]
    assert set(mine["model"]) == {model} and set(mine["change_type"]) <= set(CHANGE_TYPES)
    known = mine[mine["change_type"] != "unclassified"]
    assert known["harm"].between(0, 1).all() and len(known)


def test_the_word_does_not_depend_on_the_tiling(scenes: Path, tmp_path: Path, model: str) -> None:
    whole, parts = (start(scenes, tmp_path / f"out{tile}", tile=tile, model=ASKED) for tile in (256, 16))
    for name in ("change_type", "driver"):
        np.testing.assert_array_equal(raster(whole.folder, name), raster(parts.folder, name))
    tables = [gpd.read_file(one.folder / "changes.gpkg", layer="changes") for one in (whole, parts)]
    columns = ["id", "change_type", "driver", "harm"]
    one, other = (table.sort_values("id", ignore_index=True)[columns] for table in tables)
    assert one.equals(other)


def test_without_a_model_nothing_is_said(scenes: Path, tmp_path: Path) -> None:
    outcome = start(scenes, tmp_path / "out")
    assert not (outcome.folder / "change_type.tif").exists()
    assert gpd.read_file(outcome.folder / "changes.gpkg", layer="changes")["change_type"].isna().all()


@pytest.mark.usefixtures("model")
def test_a_model_of_other_detectors_is_refused(scenes: Path, tmp_path: Path) -> None:
    asked = config(scenes, tmp_path / "out", model=NamedModel(name="index-change-simulated"))
    with pytest.raises(BadInput, match="has learnt cells flagged by `cusum`, not by `ccdc`"):
        run_history(asked, now=lambda: pytest.fail("nothing may begin"))


def test_what_is_lost_on_mapped_peat_is_a_disturbance_of_peat(scenes: Path, tmp_path: Path, model: str) -> None:
    bare = start(scenes, tmp_path / "bare", model=ASKED)
    with rasterio.open(bare.folder / "loss_year.tif") as opened:
        profile, years = opened.profile | {"dtype": "uint8", "nodata": 255, "count": 1}, opened.read(1)
    profile = {k: profile[k] for k in ("driver", "height", "width", "crs", "transform", "dtype", "nodata", "count")}
    half = np.broadcast_to(np.arange(years.shape[1]) < years.shape[1] // 2, years.shape).astype(np.uint8)
    with rasterio.open(tmp_path / "peat.tif", "w", **profile) as opened:
        opened.write(half, 1)
    peat = Layer(path=tmp_path / "peat.tif", source="drawn", version="1", equals=(1,))
    there = start(scenes, tmp_path / "there", model=ASKED, context=Context(peat=peat))
    before, after, people = raster(bare.folder, "change_type"), raster(there.folder, "change_type"), []
    for kind in ("tree_cover_loss", "degradation", "peat_disturbance"):
        people.append(coded(CHANGE_TYPES, kind))
    mine = np.isin(before, people)
    assert (mine & (half == 1)).any() and (mine & (half == 0)).any()
    assert (after[mine & (half == 1)] == coded(CHANGE_TYPES, "peat_disturbance")).all()
    assert (after[mine & (half == 0)] != coded(CHANGE_TYPES, "peat_disturbance")).all()
    np.testing.assert_array_equal(after[~mine], before[~mine])
    np.testing.assert_array_equal(raster(there.folder, "driver"), raster(bare.folder, "driver"))
