"""Jobs whose looks carry several planes, of optical sensors and of radar from several orbits. Simulated input.

What is said does not depend on the tiling, nor on the number of runs.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from jobsetup import NOON, alerts, same, same_but_for_names
from modelsetup import drawn, tiny

from detection.errors import BadInput, UnknownBand
from detection.history import History
from detection.monitors.cusum import Cusum
from detection.monitors.fusion import Fusion
from detection.prepare import Prepare
from detection.sources.simulated import SimulatedParameters
from detection.types import Planes
from jobs import ledger
from jobs.config import Cluster, JobConfig, ModelChoice, Output, Period, Tiles
from jobs.database import default_url, open_database
from jobs.observations import read_looks
from jobs.plan import plan
from jobs.run import Outcome, run
from models.estimators import RandomForest
from models.kinds import harmful
from models.learn import Learning, learn
from models.registry import save
from models.samples import features_of

BOTH = SimulatedParameters(
    west=371_640, north=8_591_520, rows=60, columns=56, start=date(2022, 6, 1), end=date(2024, 10, 1),
    sensors=("landsat", "sentinel-1"),
)  # fmt: skip
"""The clearing of the small job, in Landsat of two paths and Sentinel-1."""
PEAT = replace(BOTH, region="loreto-peatland", west=None, north=None)
"""Seen by Sentinel-1 from two orbits."""
PLANES = Planes(("nbr", "doubt"), ("vv", "vh"))
FUSION = Fusion(optical=PLANES.optical)


def job(folder: Any, **changes: Any) -> JobConfig:
    made = JobConfig(
        name="small",
        sources=BOTH,
        period=Period(monitor_from=date(2024, 1, 1)),
        history=History(forest_min=0.5),
        monitor=FUSION,
        model=ModelChoice(name=None),
        cluster=Cluster(workers=0),
        tiles=Tiles(size=256, halo_m=150),
        output=Output(folder=folder),
    )
    return replace(made, **changes)


def start(folder: Any, **changes: Any) -> Outcome:
    return run(job(folder, **changes), now=lambda: NOON)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One run over everything, in one tile."""
    return start(tmp_path_factory.mktemp("whole"))


def kept(outcome: Outcome):
    """The looks that every tile keeps."""
    assert outcome.folder
    home = outcome.folder.parent
    while not (home / "state").exists():
        home = home.parent
    engine = open_database(default_url(home))
    return {t.id: read_looks(home / "state", t.looks) for t in ledger.tiles(engine, "small")}


def test_a_look_holds_the_planes_of_its_kind(whole):
    (cube,) = kept(whole).values()
    assert cube.planes == PLANES
    radar = np.array([scene.radar for scene in cube.scenes])
    assert 40 < radar.sum() < len(radar)
    echo = cube.values[radar]
    assert np.isfinite(echo).mean() > 0.9
    assert -20 < np.nanmedian(echo[:, 1]) < np.nanmedian(echo[:, 0]) < 0, "vh lies below vv, in dB"
    light = cube.values[~radar]
    np.testing.assert_array_equal(np.isfinite(light[:, 0]), np.isfinite(light[:, 1]))
    assert 0 < np.nanmin(light[:, 1]) < 0.02 < np.nanmax(light[:, 1]) < 1
    np.testing.assert_array_equal(cube.observation == 0, np.isfinite(cube.values).all(1))


def test_a_fused_job_finds_the_clearing_and_reports_the_index(whole):
    assert sum(f["properties"]["status"] == "confirmed" for f in alerts(whole).values()) >= 1
    assert {f["properties"]["magnitude_metric"] for f in alerts(whole).values()} == {"nbr"}
    assert all(f["properties"]["magnitude"] < -0.1 for f in alerts(whole).values())


@pytest.mark.parametrize("tile", [40])
def test_any_tiling_gives_the_same_alerts_and_the_same_looks(whole, tmp_path, tile):
    outcome = start(tmp_path, tiles=Tiles(size=tile, halo_m=150))
    same(whole, outcome)
    (cube,) = kept(whole).values()
    parts = kept(outcome)
    assert len(parts) > 1
    for part in parts.values():
        assert part.values.tobytes() == np.ascontiguousarray(cube.crop(part.grid).values).tobytes()


def test_looks_in_several_runs_equal_looks_at_once(whole, tmp_path):
    for until in (date(2024, 6, 20), date(2024, 7, 20), None):
        outcome = start(
            tmp_path, period=Period(monitor_from=date(2024, 1, 1), until=until), tiles=Tiles(size=40, halo_m=150)
        )
    same_but_for_names(whole, outcome)
    assert {t.values.shape[1] for t in kept(outcome).values()} == {2}


def test_the_plan_names_what_the_planes_lack(tmp_path):
    with pytest.raises(BadInput, match=r"small: monitor.radar names no plane, the source has sentinel-1-rtc"):
        plan(job(tmp_path, monitor=Fusion(optical=PLANES.optical, radar=())))
    with pytest.raises(UnknownBand, match=r"plane 'evi2x' is neither an index nor a band of landsat-c2l2"):
        plan(job(tmp_path, monitor=Fusion(optical=("evi2x",))))
    peat = job(tmp_path, sources=replace(PEAT, sensors=("sentinel-1",)))
    assert len({row.scene.orbit for row in plan(peat).rows}) == 2, "who fuses takes several orbits"
    with pytest.raises(BadInput, match=r"sentinel-1-rtc is seen from 2 relative orbits"):
        plan(replace(peat, monitor=Cusum(), prepare=Prepare(index="vv")))
    work = plan(job(tmp_path))
    assert work.planes == PLANES
    assert work.bands("landsat-c2l2") == ("nir", "swir2", "blue", "red", "qa")
    assert work.bands("sentinel-1-rtc") == ("vv", "vh")
    assert work.processing != plan(job(tmp_path, monitor=Fusion(optical=PLANES.optical, radar=("vv",)))).processing


WANTED = Planes(("nbr", "swir2", "mndwi", "red"), ("vv",))
WIDER = Planes(("nbr", "doubt", "swir2", "mndwi", "red"), ("vv", "vh"))


def test_a_plan_reads_what_a_model_wants_besides(tmp_path):
    work = plan(job(tmp_path), WANTED)
    assert (work.watched, work.planes) == (PLANES, WIDER)
    assert work.bands("landsat-c2l2") == ("nir", "swir2", "blue", "red", "green", "swir1", "qa")
    assert work.processing != plan(job(tmp_path)).processing
    assert plan(job(tmp_path), Planes(("nbr", "evi2x"))).planes == PLANES, "what no sensor gives is not read"
    narrow = job(tmp_path, tiles=Tiles(halo_m=90), monitor=Fusion(optical=("nbr",)))
    assert plan(narrow, Planes(("nbr", "doubt"))).planes.optical == ("nbr",), "nor what reaches beyond the halo"


@pytest.fixture(scope="module")
def wider(tmp_path_factory):
    """The job with a model that wants more planes than the monitor, and that finds everything likely."""
    folder = tmp_path_factory.mktemp("models")
    card = replace(tiny().card, judges="fusion", optical=WANTED.optical, radar=WANTED.radar)
    names = features_of(WANTED)
    rows = np.random.default_rng(1).normal(size=(400, len(names))).astype(np.float32)
    made = learn(replace(drawn(1), features=names, rows=rows), RandomForest(trees=4), Learning(folds=2)).classifier
    everywhere = replace(made.applicability, threshold=np.array(1e9))
    harm = np.array([9.0 if harmful(name) else 0.0 for name in made.classes])
    save(folder, replace(made, applicability=everywhere, turn=made.turn * 0, shift=harm), card)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SACHAWATCH_MODELS", str(folder))
        yield start(tmp_path_factory.mktemp("wider"), model=ModelChoice(name=card.name))


def test_what_a_model_wants_besides_does_not_move_the_monitor(whole, wider):
    (narrow,), (wide,) = kept(whole).values(), kept(wider).values()
    assert wide.planes == WIDER
    same_looks = wide.narrow(PLANES)
    seen = np.isfinite(same_looks.values[:, 0])
    np.testing.assert_array_equal(same_looks.values[:, 0][seen], narrow.values[:, 0][seen])
    assert (seen != np.isfinite(narrow.values[:, 0])).mean() < 0.01, "a look counts with all its planes"
    assert {f["properties"]["model"] for f in alerts(wider).values()} == {"tiny-simulated@0.0.1"}
    assert {f["properties"]["change_type"] for f in alerts(wider).values()} <= {
        "tree_cover_loss",
        "degradation",
        "natural_loss",
    }


def test_the_halo_covers_what_doubt_sees(tmp_path):
    with pytest.raises(ValueError, match=r"a halo of 90 m is less than prepare.doubt_m 150"):
        job(tmp_path, tiles=Tiles(halo_m=90))
    job(tmp_path, tiles=Tiles(halo_m=90), monitor=Fusion(optical=("nbr",)))
    job(tmp_path, tiles=Tiles(halo_m=90), prepare=Prepare(doubt_m=90))
