"""A restored area that is cleared again raises an alert with the ordinary life, and the alert says where it lies.

The scenes are SIMULATED: a forest with one square that was cleared in 2018, grew back by 2020 and is cleared again in June 2024.
The forest baseline is of 2019 and does not know the square.
"""

import json
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from historysetup import BANDS, NOON, PATTERN
from historysetup import start as archive
from jobsetup import alerts, link, rasters
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import box, get_coordinates
from standin import stand_in

from detection import segments as room
from detection.codes import Monitored
from detection.context import Context, Layer, check, describe, forest, read_mask
from detection.context.layers import Gfc
from detection.errors import BadInput
from detection.types import Grid, to_day
from jobs.config import Archive, ConfigError, JobConfig, load
from jobs.notify.asked import NotifyConfig
from jobs.notify.run import notify
from jobs.overlays import Overlay, open_overlays
from jobs.run import Outcome, run

SIDE = 32
GRID = Grid("EPSG:32719", 370_680, 8_592_480, 30, (SIDE, SIDE))
SQUARE = np.s_[10:20, 8:18]
BARE_FROM, BACK_FROM, AGAIN_FROM = date(2018, 3, 1), date(2020, 2, 1), date(2024, 6, 1)
DAYS = [date(2016, 1, 9) + timedelta(days=48 * i) for i in range(38)]
DAYS += [date(2021, 1, 6) + timedelta(days=32 * i) for i in range(39)] + [date(2024, 6, day) for day in (7, 12, 20, 28)]
"""Of the last four, the first two lie too near each other for confirmation: a cloud may stay as long."""
FOREST, BARE = (0.30, 0.08), (0.18, 0.16)
"""Reflectance in nir and swir2: NBR 0.58 and 0.06."""
JOB = """\
kind: monitor
name: small
sources: {{kind: files, folder: {folder}, layout: dated, pattern: '{pattern}', bands: [{bands}], sensor: landsat-c2l2}}
period: {{monitor_from: 2024-01-01}}
history: {{years: 3}}
model: {{name: null}}
cluster: {{workers: 0}}
output: {{folder: {out}}}
context:
  forest: {{path: woods.tif, source: simulated, version: '1', year: 2019, equals: [1]}}
"""
REGROWN = "  regrown: {path: regrowth_age.tif, source: simulated map, version: '1', band: 8, at_least: 3}\n"
"""What a history says: three years old in 2023, the last of its bands."""
NOTE = """\
kind: notify
name: note
title: Madre de Dios
job: job.yaml
since: 2020-01-01
readers:
  - {{name: carpeta, channel: {{kind: folder, path: {folder}/es}}}}
  - {{name: folder, channel: {{kind: folder, path: {folder}/en}}, language: en}}
rules: [{{name: all, to: [carpeta, folder]}}]
overlays:
  - {{name: restored, kind: restoration-area, path: restored.geojson, source: register, version: '1', name_field: name}}
"""


def _scene(day: date) -> NDArray[np.uint16]:
    """(nir, swir2, qa) as Landsat's Collection 2 stores them."""
    bare = np.zeros((SIDE, SIDE), bool)
    bare[SQUARE] = BARE_FROM <= day < BACK_FROM or day >= AGAIN_FROM
    rng = np.random.default_rng(to_day(day))
    bands = [np.where(bare, b, f) + rng.normal(0, 0.004, bare.shape) for f, b in zip(FOREST, BARE, strict=True)]
    layers = [*((band + 0.2) / 2.75e-5 for band in bands), np.full(bare.shape, 21_824)]
    return np.stack(layers).round().astype(np.uint16)


def _tif(path: Path, values: NDArray[Any]) -> Path:
    place = {"width": SIDE, "height": SIDE, "crs": GRID.crs, "transform": GRID.transform}
    with rasterio.open(path, "w", dtype=values.dtype.name, count=len(values), **place) as file:
        file.write(values)
    return path


def _square(path: Path) -> Path:
    """The square as the one polygon of a register."""
    rows, columns = SQUARE
    shape = box(*GRID.window(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start).bounds)
    to_degrees = Transformer.from_crs(GRID.crs, "OGC:CRS84", always_xy=True)
    ring = [list(to_degrees.transform(*at)) for at in get_coordinates(shape).tolist()]
    feature = {"type": "Feature", "properties": {"name": "Parcela 7"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}  # type: ignore[assignment]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for day in DAYS:
        _tif(folder / f"SIM_LC08_002_{day:%Y%m%d}.tif", _scene(day))
    return folder


@pytest.fixture(scope="module")
def layers(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline, the register, and what a history says stands at the end of 2023."""
    folder = tmp_path_factory.mktemp("layers")
    woods = np.ones((1, SIDE, SIDE), np.uint8)
    woods[0][SQUARE] = 0
    _tif(folder / "woods.tif", woods)
    _square(folder / "restored.geojson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.ccdc, "segments", stand_in)
        found = archive(scenes, folder, period=Archive(until=date(2024, 1, 1)))
    (folder / "regrowth_age.tif").symlink_to(found.folder / "regrowth_age.tif")
    return folder


def job(scenes: Path, layers: Path, folder: Path, more: str) -> JobConfig:
    """The job, as a file with its layers beside it."""
    for name in ("woods.tif", "restored.geojson", "regrowth_age.tif"):
        if not (folder / name).exists():
            (folder / name).symlink_to(layers / name)
    text = JOB.format(folder=scenes, pattern=PATTERN, bands=", ".join(BANDS), out=folder / "out")
    (folder / "job.yaml").write_text(text + more)
    asked = load(folder / "job.yaml")
    assert isinstance(asked, JobConfig)
    return asked


def watched(asked: JobConfig) -> Outcome:
    return run(asked, now=lambda: NOON)


def letters(folder: Path) -> dict[str, list[str]]:
    """Language -> the text of each new letter; told once more, nothing is said twice."""
    (folder / "note.yaml").write_text(NOTE.format(folder=folder / "letters"))
    asked = load(folder / "note.yaml")
    assert isinstance(asked, NotifyConfig)
    before = set((folder / "letters").rglob("*.eml"))
    assert notify(asked, now=lambda: NOON).complete
    found: dict[str, list[str]] = {"es": [], "en": []}
    for path in sorted(set((folder / "letters").rglob("*.eml")) - before):
        found[path.parent.name].append(_body(path))
    return found


def _body(path: Path) -> str:
    letter = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = letter.get_body(("plain",))
    assert body is not None
    return " ".join([letter["Subject"], *body.get_content().split()])


def test_without_it_nobody_watches_what_has_grown_back(scenes: Path, layers: Path, tmp_path: Path) -> None:
    outcome = watched(job(scenes, layers, tmp_path, ""))
    assert alerts(outcome) == {}
    assert (rasters(outcome)["monitored"][SQUARE] == Monitored.NOT_FOREST).all()


def test_with_it_a_clearing_is_told_first_seen_and_then_confirmed(scenes: Path, layers: Path, tmp_path: Path) -> None:
    some = link(scenes, tmp_path / "scenes", lambda day: day < AGAIN_FROM + timedelta(days=15))
    first = watched(job(some, layers, tmp_path, REGROWN))
    assert (rasters(first)["monitored"] == Monitored.MONITORED).all()
    ((ident, before),) = alerts(first).items()
    assert before["properties"]["status"] == "provisional"
    assert "regrown: simulated" in before["properties"]["baseline"]
    told = letters(tmp_path)
    assert len(told["es"]) == len(told["en"]) == 1
    assert "PROVISIONAL" in told["es"][0] and "Parcela 7 (área en restauración)" in told["es"][0]
    assert "PROVISIONAL" in told["en"][0] and "wholly inside Parcela 7 (restoration area)" in told["en"][0]
    link(scenes, some, lambda _: True)
    after = alerts(watched(job(some, layers, tmp_path, REGROWN)))[ident]["properties"]
    assert (after["status"], after["revision"] > before["properties"]["revision"]) == ("confirmed", True)
    assert after["area_ha"] == pytest.approx(9, rel=0.02)
    assert AGAIN_FROM <= date.fromisoformat(after["first_detected"]) < AGAIN_FROM + timedelta(days=15)
    told = letters(tmp_path)
    assert "CONFIRMADA" in told["es"][-1] and "Parcela 7 (área en restauración)" in told["es"][-1]


def test_it_is_added_to_the_baseline_whatever_that_is(layers: Path) -> None:
    woods = Layer(path=layers / "woods.tif", source="simulated", version="1", equals=(1,))
    regrown = Layer(path=layers / "restored.geojson", source="simulated register", version="1")
    context = Context(forest=woods, regrown=regrown)
    np.testing.assert_array_equal(forest(context, GRID), np.ones(GRID.shape, bool))
    np.testing.assert_array_equal(forest(Context(forest=woods), GRID), ~read_mask(regrown, GRID))
    check(context, GRID)
    assert describe(context) == "simulated 1, codes 1; regrown: simulated register 1"
    cover, lost = np.full((1, SIDE, SIDE), 80, np.uint8), np.zeros((1, SIDE, SIDE), np.uint8)
    lost[0, :20] = 18
    files = {"treecover": (_tif(layers / "cover.tif", cover),), "lossyear": (_tif(layers / "lost.tif", lost),)}
    gfc = Gfc(**files, canopy_min=30, as_of=2019, version="GFC-2023-v1.11")
    np.testing.assert_array_equal(
        forest(Context(gfc=gfc, regrown=regrown), GRID), (lost[0] == 0) | read_mask(regrown, GRID)
    )


def test_restored_areas_are_polygons(tmp_path: Path) -> None:
    text = _square(tmp_path / "restored.geojson").read_text()
    about = Overlay(
        name="restored", kind="restoration-area", path=tmp_path / "restored.geojson", source="x", version="1"
    )
    assert len(open_overlays((about,), GRID).layers[0].features) == 1
    about.path.write_text(text.replace('"Polygon"', '"LineString"').replace("[[[", "[[").replace("]]]", "]]"))
    with pytest.raises(BadInput, match=r"overlays\.restored: restored\.geojson: .*LineString"):
        open_overlays((about,), GRID)


def test_without_a_baseline_it_is_one_clear_line(scenes: Path, layers: Path, tmp_path: Path) -> None:
    alone = JOB.replace("  forest:", "  regrown:")
    (tmp_path / "job.yaml").write_text(
        alone.format(folder=scenes, pattern=PATTERN, bands="nir, swir2, qa", out=tmp_path)
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "job.yaml")
    assert len(caught.value.problems) == 1
    assert "adds to a forest baseline and there is none" in " ".join(str(caught.value).split())
    missing = Layer(path=tmp_path / "no.geojson", source="x", version="1")
    woods = Layer(path=layers / "woods.tif", source="simulated", version="1", equals=(1,))
    with pytest.raises(BadInput, match=r"context\.regrown: no\.geojson: no such file"):
        check(Context(forest=woods, regrown=missing), GRID)
