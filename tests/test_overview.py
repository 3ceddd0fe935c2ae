"""What a job that is not running says of itself: the figures, the alerts, the examination. Simulated input, tiny."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
import sqlalchemy as sa
from jobsetup import NOON

from detection.codes import Monitored
from detection.errors import BadInput
from detection.history import History
from detection.patches import Patches
from detection.sources.simulated import SimulatedParameters
from jobs import ledger, overview
from jobs.completeness import looked
from jobs.config import Cluster, Database, JobConfig, ModelChoice, Output, Period, Tiles
from jobs.database import COVERAGE, RUNS, default_url, open_database, writing
from jobs.holder import me, take
from jobs.observations import read_looks
from jobs.plan import plan
from jobs.run import Outcome, run

SOURCE = SimulatedParameters(
    west=371_100, north=8_591_580, rows=46, columns=72, start=date(2022, 1, 1), end=date(2025, 1, 1), orbits=("002",)
)


def config(folder: Path, **changes: object) -> JobConfig:
    made = JobConfig(
        name="seen",
        sources=SOURCE,
        period=Period(monitor_from=date(2024, 1, 1)),
        history=History(forest_min=0.5),
        patches=Patches(minimum_mapping_unit_ha=0.2),
        model=ModelChoice(name=None),
        cluster=Cluster(workers=0),
        tiles=Tiles(size=32),
        output=Output(folder=folder),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("overview")


@pytest.fixture(scope="module")
def outcome(home: Path) -> Outcome:
    done = run(config(home), now=lambda: NOON)
    tell(home)
    return done


def tell(home: Path, failing: Sequence[str] = ()) -> None:
    """Write into the ledger what every tile saw, from the looks it keeps; some scenes failed in the first tile."""
    engine, work = open_database(default_url(home / "seen")), plan(config(home))
    (*_, last) = ledger.runs(engine, "seen")
    with take(engine, "seen", lambda: NOON) as lease:
        for tile in ledger.tiles(engine, "seen"):
            assert tile.state is not None
            assert tile.looks is not None
            cube = read_looks(home / "seen" / "state", tile.looks)
            seen = {
                s.id: np.bincount(o.ravel(), minlength=5).tolist()
                for s, o in zip(cube.scenes, cube.observation, strict=True)
            }
            if tile.id.endswith("x000"):
                seen |= {scene: [0, 0, 0, 0, 9] for scene in failing}
            step = ledger.Step(tile.id, "observe", tile.state, tile.looks)
            ledger.record_step(engine, lease, last.id, step, looked(tile.id, work.rows, seen))


def test_standing_counts_what_the_run_did(home: Path, outcome: Outcome) -> None:
    facts = overview.standing(config(home))
    assert facts["job"] == "seen"
    assert facts["grid"] == "EPSG:32719@30m, 46 x 72 cells"
    assert (facts["holder"], facts["products owed"]) == ("nobody", "none")
    assert facts["runs"] == 1
    assert facts["last run"].endswith(": done")
    assert facts["tiles done"] == "6 of 6"
    assert facts["scenes taken"] == outcome.new_scenes > 60
    assert facts["last scene"].startswith("SIM_LC0")
    assert (facts["scenes failed"], facts["scenes too late"]) == (0, 0)
    assert facts["alerts"] == ", ".join(f"{n} {status}" for status, n in outcome.alerts.items())
    json.dumps(facts)


def test_standing_names_who_holds_the_job(home: Path, outcome: Outcome) -> None:
    assert outcome.kind == "done"
    with take(open_database(default_url(home / "seen")), "seen", lambda: NOON):
        assert overview.standing(config(home))["holder"] == me()
    assert overview.standing(config(home))["holder"] == "nobody"


def test_the_account_is_that_of_the_looks_a_job_keeps(home: Path, outcome: Outcome) -> None:
    found = overview.account_of(config(home))
    (line,) = found.lines
    assert line.sensor == "landsat-c2l2"
    assert line.acquired == line.read == outcome.new_scenes
    assert (line.failed, line.missing, line.outside, line.unread, found.unrecorded) == (0, 0, 0, 0, 0)
    clear = of = 0
    for tile in ledger.tiles(open_database(default_url(home / "seen")), "seen"):
        assert tile.looks is not None
        observation = read_looks(home / "seen" / "state", tile.looks).observation
        clear, of = clear + int((observation == 0).sum()), of + observation.size
    assert line.clear_share == pytest.approx(clear / of)
    assert 0.2 < clear / of < 0.9
    assert len(found.by_tile) == 6
    assert (line.usual_days, line.gaps) == (8, ())
    json.dumps(overview.seen_as_data(found, (1, 2)))


def test_people_read_a_short_block_a_sensor(home: Path, outcome: Outcome) -> None:
    lines = list(overview.seen_lines(overview.account_of(config(home)), overview.never_clear(config(home))))
    assert lines[0] == f"landsat-c2l2: {outcome.new_scenes} acquired: {outcome.new_scenes} read, 0 failed"
    assert "of what was read was clear; last clear look 2024-" in lines[1]
    assert lines[2].startswith("  longest without a clear look: 2024-")
    assert lines[-1].startswith("never clear since the monitoring began: ")
    assert len(lines) == 4


def test_failures_gaps_and_old_scenes_are_said(home: Path, outcome: Outcome, tmp_path: Path) -> None:
    assert outcome.kind == "done"
    shutil.copytree(home, tmp_path / "copy", symlinks=True)
    at = config(tmp_path / "copy")
    engine = open_database(default_url(tmp_path / "copy" / "seen"))
    ids = [s.id for s in ledger.taken_scenes(engine, "seen")]
    tell(tmp_path / "copy", ids[60:68])
    with writing(engine) as connection:
        connection.execute(sa.delete(COVERAGE).where(COVERAGE.c.scene.in_(ids[20:30])))
        detail = {"failures": [f"scene {ids[60]}: swir2: 404", "tile t000x000: gone"]}
        connection.execute(sa.update(RUNS).values(detail=detail))
    found = overview.account_of(at)
    assert found.unrecorded == 10
    assert dict(found.failed)[ids[60]] == "swir2: 404"
    lines = list(overview.seen_lines(found, None))
    assert lines[0].endswith(f"{len(ids) - 10} acquired: {len(ids) - 18} read, 8 failed")
    assert any(line.startswith("  unexplained gap: ") and line.endswith("; usually one every 8") for line in lines)
    assert any(line.startswith("  gap: ") and line.endswith("; 8 could not be read") for line in lines)
    assert [line for line in lines if line.startswith("failed: ")][-1] == "failed: 3 more"
    assert lines[-1].startswith("10 scenes were taken in before this was recorded")


def test_cells_that_were_never_clear_are_those_of_the_map(home: Path, outcome: Outcome) -> None:
    assert outcome.folder is not None
    with rasterio.open(outcome.folder / "monitored.tif") as file:
        layer = file.read(1)
    never, of = int((layer == Monitored.NO_LOOK).sum()), int((layer <= Monitored.NO_LOOK).sum())
    assert overview.never_clear(config(home)) == (never, of)
    assert of > 1000


def test_only_monitored_cells_can_have_been_never_clear(
    home: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome.kind == "done"
    codes = np.array(
        [Monitored.MONITORED, Monitored.NO_LOOK, Monitored.NO_LOOK, Monitored.NOT_FOREST, Monitored.OUTSIDE]
    )
    monkeypatch.setattr(overview, "reach", lambda _: codes)
    assert overview.never_clear(config(home)) == (6 * 2, 6 * 3)


def test_status_survives_a_state_that_is_gone(home: Path, outcome: Outcome, tmp_path: Path) -> None:
    assert outcome.kind == "done"
    shutil.copytree(home, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tmp_path / "copy" / "seen" / "state")
    found, blind = overview.account_of(config(tmp_path / "copy")), overview.never_clear(config(tmp_path / "copy"))
    assert blind is None
    assert not any("never clear" in line for line in overview.seen_lines(found, blind))
    assert overview.seen_as_data(found, blind)["cells"] is None


def test_what_was_taken_in_need_not_be_read_again(home: Path, outcome: Outcome, tmp_path: Path) -> None:
    assert len(overview.taken(config(home))) == outcome.new_scenes
    assert overview.taken(config(tmp_path / "nowhere")) == frozenset()
    assert not (tmp_path / "nowhere").exists()


def test_alerts_are_listed_the_largest_first(home: Path, outcome: Outcome) -> None:
    features = [json.loads(line) for line in overview.alert_lines(config(home), as_json=True, everything=False)]
    areas = [f["properties"]["area_ha"] for f in features]
    shown = sum(n for status, n in outcome.alerts.items() if status in ("provisional", "confirmed", "finished"))
    assert len(features) == shown >= 1
    assert areas == sorted(areas, reverse=True)
    assert outcome.folder is not None
    published = json.loads((outcome.folder / "alerts.geojson").read_text())["features"]
    assert {f["id"] for f in features} <= {f["id"] for f in published}


def test_alerts_for_people_have_a_head_that_says_simulated_and_a_line_each(home: Path, outcome: Outcome) -> None:
    everything = list(overview.alert_lines(config(home), as_json=False, everything=True))
    assert everything[0].startswith("code")
    assert everything[0].endswith("(SIMULATED)")
    assert len(everything) == 1 + sum(outcome.alerts.values())
    features = [json.loads(line) for line in overview.alert_lines(config(home), as_json=True, everything=True)]
    for line, feature in zip(everything[1:], features, strict=True):
        assert line.split()[0] == feature["properties"]["short_code"]
        assert feature["properties"]["status"] in line


def test_asking_changes_nothing(home: Path, outcome: Outcome) -> None:
    assert outcome.kind == "done"
    kept = {p: p.stat().st_mtime_ns for p in home.rglob("*") if "sachawatch.db" not in p.name and p.is_file()}
    overview.standing(config(home))
    overview.account_of(config(home))
    overview.never_clear(config(home))
    list(overview.alert_lines(config(home), as_json=True, everything=True))
    assert all(good for good, _ in overview.examine(config(home)))
    after = {p: p.stat().st_mtime_ns for p in home.rglob("*") if "sachawatch.db" not in p.name and p.is_file()}
    assert after == kept


@pytest.mark.parametrize("where", ["state", "looks"])
def test_examine_finds_every_generation_that_is_not_what_was_written(
    home: Path, outcome: Outcome, tmp_path: Path, where: str
) -> None:
    assert outcome.kind == "done"
    shutil.copytree(home, tmp_path / "copy", symlinks=True)
    groups = sorted((tmp_path / "copy" / "seen" / "state").glob("*-looks-*" if where == "looks" else "*.zarr"))
    for group in groups:
        shutil.rmtree(group)
    found = list(overview.examine(config(tmp_path / "copy")))
    bad = [line for good, line in found if not good and not line.startswith("disk")]
    assert len(bad) == (6 if where == "looks" else 12), "a line for each that counts"
    assert all("missing" in line for line in bad)
    assert not any(good and line.startswith("state:") for good, line in found)


def test_examine_alone_looks_at_the_machine() -> None:
    lines = [line for _, line in overview.examine(None)]
    assert lines[0].startswith("sachawatch ")
    assert all(name in lines[1] for name in overview.LIBRARIES)
    assert "GB free" in lines[2]
    assert len(lines) == 3


def test_examine_says_when_the_disk_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "ENOUGH_DISK_GB", float("inf"))
    assert [good for good, _ in overview.examine(None)] == [True, True, False]


ASK: dict[str, Callable[[JobConfig], object]] = {
    "standing": overview.standing,
    "account_of": overview.account_of,
    "never_clear": overview.never_clear,
    "alert_lines": lambda asked: list(overview.alert_lines(asked, as_json=False, everything=True)),
}


@pytest.mark.parametrize("question", ASK)
@pytest.mark.parametrize("database", ["default", "own"])
def test_a_job_that_never_ran_says_so_and_nothing_is_made(tmp_path: Path, question: str, database: str) -> None:
    (tmp_path / "seen").mkdir()
    url = f"sqlite:///{tmp_path / 'alerts.db'}" if database == "own" else None
    with pytest.raises(BadInput, match="has never run here"):
        ASK[question](config(tmp_path, database=Database(url=url)))
    assert list(tmp_path.rglob("*")) == [tmp_path / "seen"]


def test_examining_a_job_that_never_ran_is_a_bad_line(tmp_path: Path) -> None:
    found = list(overview.examine(config(tmp_path / "nowhere")))
    assert found[-1][0] is False
    assert "has never run here" in found[-1][1]
    assert not (tmp_path / "nowhere").exists()
