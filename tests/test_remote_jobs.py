"""The ready-made configs of remote sources, run against loopback servers: the same alerts from everywhere. SIMULATED."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from jobsetup import NOON, alerts, rasters
from loopback_stac import Server
from remote import BOX, LANDSAT, serve_ee, serve_stac, simulated_looks, write

from detection.errors import BadInput, NoImagery
from detection.sources.simulated import SimulatedParameters
from jobs import ledger
from jobs.config import BboxArea, Cluster, JobConfig, ModelChoice, Output, SourceArea, load
from jobs.database import default_url, open_database
from jobs.estimate import estimate
from jobs.plan import plan, utm_zone
from jobs.run import run

ROOT = Path(__file__).parents[1]
REMOTE = sorted(p for p in (ROOT / "configs").glob("*.yaml") if p.stem.endswith(("-stac", "-earthengine")))
AREA = BboxArea(west=370_680, south=8_589_600, east=374_040, north=8_592_480, crs="EPSG:32719")
SCENES = SimulatedParameters(
    west=370_680, north=8_592_480, rows=96, columns=112, start=date(2022, 1, 1), end=date(2025, 1, 1), orbits=("002",)
)


@pytest.fixture(scope="module")
def looks():
    return simulated_looks(SCENES)


@pytest.fixture(scope="module")
def folder(looks, tmp_path_factory):
    place = tmp_path_factory.mktemp("scenes")
    write(place, looks, "landsat-c2l2")
    return place


@pytest.fixture(scope="module")
def server(looks, folder):
    made = Server()
    made.page = 50
    serve_stac(made, folder, looks, LANDSAT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def service(looks):
    with serve_ee(looks, LANDSAT) as made:
        yield made


def small(config: JobConfig, url: str, folder: Path, **changes) -> JobConfig:
    """The shipped config on a corner of the simulated scenes, asked of a server on this machine."""
    given = {"url": url, "allow_local": True} | ({"project": "test-project"} if config.sources.kind != "stac" else {})
    return replace(
        config, area=AREA, sources=replace(config.sources, **given), period=replace(config.period, monitor_from=date(2024, 1, 1)),
        cluster=Cluster(workers=0), output=Output(folder=folder), model=ModelChoice(name=None), name="small", **changes,
    )  # fmt: skip


@pytest.mark.parametrize("path", REMOTE, ids=lambda p: p.stem)
def test_a_remote_config_plans_and_says_its_cost(path, server, service, tmp_path):
    config = load(path)
    assert isinstance(config, JobConfig)
    work = plan(small(config, server.url if config.sources.kind == "stac" else service.url, tmp_path))
    cost = estimate(work)
    assert work.grid.lattice == "EPSG:32719@30m"
    assert len(work.rows) == 132
    assert cost["requests"] > 0
    assert cost["gigabytes to read"] > 0
    assert work.baseline == "own history, nbr at least 0.5"


def test_six_configs_ship_three_places_from_two_providers():
    places = {p.stem.rpartition("-")[0] for p in REMOTE}
    assert places == {"madre-de-dios", "alto-mayo", "loreto-peatland"}
    assert len(REMOTE) == 6


@pytest.fixture(scope="module")
def outcomes(server, service, folder, looks, tmp_path_factory):
    """The same job from STAC, from Earth Engine and from the folder."""
    place = tmp_path_factory.mktemp("jobs")
    stac = small(load(ROOT / "configs" / "madre-de-dios-stac.yaml"), server.url, place / "stac")
    engine = small(load(ROOT / "configs" / "madre-de-dios-earthengine.yaml"), service.url, place / "ee")
    files = replace(stac, sources=write(folder, looks, "landsat-c2l2"), output=Output(folder=place / "files"))
    return {name: run(config, now=lambda: NOON) for name, config in (("stac", stac), ("ee", engine), ("files", files))}


@pytest.mark.parametrize("other", ["ee", "files"])
def test_alerts_are_the_same_from_everywhere(outcomes, other):
    one, two = outcomes["stac"], outcomes[other]
    assert one.kind == two.kind == "done"
    assert one.failures == two.failures == ()
    assert len(alerts(one)) >= 1
    said = ("detected_by", "source", "lineage")
    trim = [
        [{k: v for k, v in f["properties"].items() if k not in said} for f in alerts(o).values()] for o in (one, two)
    ]
    assert trim[0] == trim[1]
    for name, layer in rasters(one).items():
        np.testing.assert_array_equal(layer, rasters(two)[name], name)


def test_nothing_is_lost_when_a_scene_fails_and_heals(server, tmp_path):
    config = small(load(ROOT / "configs" / "alto-mayo-stac.yaml"), server.url, tmp_path)
    config = replace(config, sources=replace(config.sources, attempts=2, timeout_s=5.0))
    name = sorted(a for a in server.assets if "nir" in a and "2024" in a)[3]
    server.schedule = {f"/assets/{name}": ["404*"]}
    first = run(config, now=lambda: NOON)
    assert first.kind == "partial"
    assert [line for line in first.failures if "404" in line]
    server.schedule = {}
    healed = run(config, now=lambda: NOON)
    assert healed.kind == "done"
    assert healed.new_scenes == 1
    clean = run(replace(config, output=Output(folder=tmp_path / "clean")), now=lambda: NOON)
    assert {a["properties"]["status"] for a in alerts(healed).values()}
    for layer in ("status", "change_date"):
        assert (rasters(healed)[layer] == rasters(clean)[layer]).all()


def test_a_band_that_the_provider_lacks_is_said(looks, folder, tmp_path):
    bare = Server()
    serve_stac(bare, folder, looks[:60], LANDSAT)
    for item in bare.items[::3]:
        del item["assets"]["qa_radsat"]
    config = small(load(ROOT / "configs" / "alto-mayo-stac.yaml"), bare.url, tmp_path)
    outcome = run(replace(config, period=replace(config.period, monitor_from=date(2023, 1, 1))), now=lambda: NOON)
    bare.close()
    assert outcome.kind == "done"
    assert len(outcome.lacking) == 20
    assert outcome.lacking[0].endswith("radsat: the catalogue lists no such asset")


def test_an_area_is_needed_and_lies_in_its_zone(server, tmp_path):
    config = small(load(ROOT / "configs" / "alto-mayo-stac.yaml"), server.url, tmp_path)
    with pytest.raises(BadInput, match="covers the world"):
        plan(replace(config, area=SourceArea()))
    with pytest.raises(NoImagery, match="no scene before"):
        plan(replace(config, area=BboxArea(west=-60, south=-5.1, east=-59.9, north=-5, crs="EPSG:4326")))


@pytest.mark.parametrize(
    ("west", "south", "zone"), [(-70.5, -13, "EPSG:32719"), (-77.6, -6, "EPSG:32718"), (179.9, 1, "EPSG:32660")]
)
def test_the_zone_follows_from_the_area(west, south, zone):
    from shapely.geometry import box

    assert utm_zone(box(west, south, west + 0.05, south + 0.05)) == zone


def test_all_workers_together_keep_to_the_limit_of_requests(service, outcomes, tmp_path):
    config = small(load(ROOT / "configs" / "madre-de-dios-earthengine.yaml"), service.url, tmp_path)
    config = replace(config, cluster=Cluster(workers=2), tiles=replace(config.tiles, size=64))
    one = replace(config, sources=replace(config.sources, requests=1, max_request_mb=3.0))
    service.again()
    service.latency_s = 0.01
    outcome = run(one, now=lambda: NOON)
    assert (outcome.kind, outcome.failures) == ("done", ())
    assert len(service.told.pixel_requests) > 8
    assert service.told.peak == 1
    for name, layer in rasters(outcome).items():
        np.testing.assert_array_equal(layer, rasters(outcomes["ee"])[name], name)


def test_an_entry_that_nobody_understands_is_said(looks, folder, tmp_path):
    strange = Server()
    serve_stac(strange, folder, looks[:60], LANDSAT)
    strange.items[5] = {**strange.items[5], "properties": {**strange.items[5]["properties"], "datetime": "2022-13-45"}}
    config = small(load(ROOT / "configs" / "alto-mayo-stac.yaml"), strange.url, tmp_path)
    config = replace(config, period=replace(config.period, monitor_from=date(2023, 1, 1)))
    outcome, again = run(config, now=lambda: NOON), run(config, now=lambda: NOON)
    strange.close()
    assert (outcome.new_scenes, again.kind) == (59, "nothing new")
    assert outcome.not_understood == again.not_understood
    (line,) = outcome.not_understood
    assert line.startswith(looks[5].scene.id + ": ")
    assert "2022-13-45" in line
    assert outcome.folder is not None
    assert json.loads((outcome.folder / "manifest.json").read_text())["not_understood"] == [line]


def test_a_scene_beside_a_tile_is_not_asked_for_and_counts_as_outside(looks, folder, tmp_path):
    aside = Server()
    serve_stac(aside, folder, looks[:60], LANDSAT)
    name = looks[7].scene.id
    aside.items[7]["bbox"] = [BOX[0], BOX[1], -70.173, BOX[3]]  # ends within the area: its eastern tiles see nothing
    config = small(load(ROOT / "configs" / "alto-mayo-stac.yaml"), aside.url, tmp_path)
    config = replace(config, period=replace(config.period, monitor_from=date(2023, 1, 1)))
    outcome = run(replace(config, tiles=replace(config.tiles, size=40)), now=lambda: NOON)
    asked = [path for _, path in aside.log if "nir" in path]
    aside.close()
    assert outcome.kind == "done"
    found = {
        c.tile: c for c in ledger.coverage(open_database(default_url(tmp_path / "small")), "small") if c.scene == name
    }
    assert len(found) == 9
    east = [found[tile] for tile in found if tile.endswith("x002")]
    assert all(c.outside == c.cells > 0 for c in east)
    assert all(c.observed + c.masked > 0 for tile, c in found.items() if tile.endswith("x000"))
    stem = f"{looks[7].scene.platform}_{looks[7].scene.when:%Y%m%dT%H%M%S}"
    other = f"{looks[8].scene.platform}_{looks[8].scene.when:%Y%m%dT%H%M%S}"
    assert 0 < sum(stem in path for path in asked) < sum(other in path for path in asked)
