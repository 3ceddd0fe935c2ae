"""The alerts: exact there and back, said once, and a run that becomes true whole or not at all, also under kill -9."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sqlalchemy.engine import Engine

from detection.alerts import Alert, AlertStatus, Confidence
from detection.alerts.record import ReviewStatus
from detection.errors import BadInput
from detection.types import Grid, Scene
from jobs.database import METADATA, SCENES, BadDatabase, default_url, open_database, reading
from jobs.ledger import (
    Job,
    Lease,
    LeaseLost,
    Run,
    SceneOutcome,
    Tile,
    UnknownJob,
    find_job,
    generations,
    lease,
    mark_published,
    record_run,
    register_job,
    runs,
    taken_scenes,
    tiles,
    unpublished_run,
)
from jobs.state import Generation
from jobs.store import Contradiction, Pointer, commit_run, fingerprint, history, latest, message_kind

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = Job("tambopata", "loss", "c" * 64, Grid("EPSG:32719", 300_000, 8_600_040, 30, (40, 50)), START)
TILES = (Tile("a", 0, 0, 40, 25), Tile("b", 0, 25, 40, 25))
RUN = Run("run-1", JOB.name, START, "done", "d" * 64, "0.1", {"looks": 3})
SCENES_SEEN: dict[Scene, SceneOutcome] = {
    Scene(1_772_000_000, "landsat-8", "s1", "003"): "taken",
    Scene(1_772_100_000, "landsat-9", "s2"): "failed",
}
ALERT = Alert(
    id="7b0e2f6a-0000-5000-8000-000000000001",
    short_code="K7Q4M2-X",
    revision=1,
    collection="loss",
    lattice="EPSG:32719@30m",
    status="provisional",
    status_code=2,
    change_date=date(2026, 1, 3),
    last_clear_before=date(2025, 12, 20),
    first_detected=date(2026, 1, 19),
    confirmed_on=None,
    finished_on=None,
    last_detected=date(2026, 1, 19),
    observed_at=1_768_800_000,
    cells=np.array([[-9_000, 10], [-8_999, 9]], np.int32),
    confirmed_cells=np.array([False, True]),
    area_ha=0.1799,
    confirmed_ha=0.09,
    area_ha_new=0.1799,
    mmu_ha=0.1,
    magnitude=-0.31,
    magnitude_max=-0.44,
    magnitude_sigma=7.1,
    magnitude_metric="nbr",
    count=2,
    confidence="low",
    change_type="tree_cover_loss",
    driver=None,
    probability=None,
    model=None,
    baseline="own history",
    simulated=True,
)
CONFIRMED = replace(ALERT, revision=2, status="confirmed", confirmed_on=date(2026, 2, 4), count=3)
OTHER = replace(ALERT, id="7b0e2f6a-0000-5000-8000-000000000002", area_ha=2.0)

DATE, MAYBE_DATE = st.dates(), st.none() | st.dates()
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=9)
INT32 = st.integers(-(2**31), 2**31 - 1)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    str | None: st.none() | TEXT,
    int: INT32,
    float: FLOAT,
    float | None: st.none() | FLOAT,
    bool: st.booleans(),
    date: DATE,
    date | None: MAYBE_DATE,
    int | None: st.none() | INT32,
    AlertStatus: st.sampled_from(get_args(AlertStatus)),
    AlertStatus | None: st.none() | st.sampled_from(get_args(AlertStatus)),
    ReviewStatus: st.sampled_from(get_args(ReviewStatus)),
    Confidence: st.sampled_from(get_args(Confidence)),
}
ARRAYS = ("cells", "confirmed_cells")
CELLS = st.integers(1, 9).flatmap(lambda n: hnp.arrays(np.int32, (n, 2)))
REST = {one.name: BY_TYPE[one.type] for one in fields(Alert) if one.name not in ARRAYS}
ANY_ALERT = CELLS.flatmap(
    lambda cells: st.builds(Alert, cells=st.just(cells), confirmed_cells=hnp.arrays(np.bool_, len(cells)), **REST)
)


SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""What damages the file itself."""


def now() -> datetime:
    return START + timedelta(hours=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one job, made once: every test gets a copy."""
    folder = tmp_path_factory.mktemp("made")
    register_job(open_database(default_url(folder)), JOB, TILES)
    return folder / "sachawatch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Engine:
    if request.param == "postgresql":
        made = open_database(request.getfixturevalue("new_databases")())
        register_job(made, JOB, TILES)
        return made
    (tmp_path / template.name).write_bytes(template.read_bytes())
    return open_database(default_url(tmp_path))


@pytest.fixture
def mine(engine: Engine) -> Iterator[Lease]:
    with lease(engine, JOB.name, "me", 60, now) as held:
        yield held


def pointer(tile: str, digit: str, looks: str = "") -> Pointer:
    states = Generation(f"{tile}-{digit * 16}.zarr", digit * 64)
    return Pointer(tile, states, Generation(f"{tile}-looks-{looks * 16}.zarr", looks * 64) if looks else None)


def same(left: Alert, right: Alert) -> bool:
    """Equal in every field and its type; arrays have no equality of their own."""
    a, b = (vars(one) | dict.fromkeys(ARRAYS) for one in (left, right))
    types = [type(value) for value in a.values()] == [type(value) for value in b.values()]
    pairs = [(getattr(left, name), getattr(right, name)) for name in ARRAYS]
    return a == b and types and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in pairs)


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with reading(engine) as connection:
        return {
            name: [tuple(row) for row in connection.execute(sa.select(METADATA.tables[name]))]
            for name in METADATA.tables
        }


# one alert


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANY_ALERT, min_size=1, max_size=9))
def test_alerts_come_back_exactly(engine: Engine, mine: Lease, drawn: list[Alert]) -> None:
    example = len(runs(engine, JOB.name))
    alerts = [replace(alert, id=f"{example}-{number}", revision=1) for number, alert in enumerate(drawn)]
    commit_run(engine, mine, replace(RUN, id=f"run-{example}"), [], {}, alerts, now)
    found = latest(engine, JOB.name)
    for alert in alerts:
        assert same(found[alert.id], alert)
        assert fingerprint(found[alert.id]) == fingerprint(alert)


def test_the_arrays_of_what_is_read_may_be_changed(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [], {}, [ALERT], now)
    found = latest(engine, JOB.name)[ALERT.id]
    found.cells[0], found.confirmed_cells[0] = 0, True


def test_numbers_of_numpy_are_kept_as_numbers(engine: Engine, mine: Lease) -> None:
    alert = replace(ALERT, area_ha=np.float32(0.1), count=np.int64(4), simulated=np.bool_(True))  # type: ignore[arg-type]
    commit_run(engine, mine, RUN, [], {}, [alert], now)
    found = latest(engine, JOB.name)[ALERT.id]
    assert (found.area_ha, found.count, found.simulated) == (float(np.float32(0.1)), 4, True)
    assert fingerprint(found) == fingerprint(alert)


@pytest.mark.parametrize(
    "changed",
    [
        {"area_ha": float(np.nextafter(0.1799, 1))},
        {"revision": 2},
        {"change_date": date(2026, 1, 4)},
        {"merged_into": "x"},
        {"driver": "mining"},
        {"confirmed_ha": 0.1},
        {"confirmed_cells": np.array([True, False])},
        {"cells": ALERT.cells[:1]},
        {"cells": ALERT.cells[::-1].copy()},
    ],
)
def test_every_change_shows_in_the_fingerprint(changed: dict[str, Any]) -> None:
    assert fingerprint(replace(ALERT, **changed)) != fingerprint(ALERT)


def test_the_fingerprint_is_the_one_of_every_machine() -> None:
    wide = replace(ALERT, cells=np.asfortranarray(ALERT.cells).astype(">i4"))
    assert fingerprint(wide) == fingerprint(ALERT)
    assert fingerprint(ALERT) == "9b47b659b2ce60cfa03fb95e4f8d8a31ddc97b27155f0e05a20292b3544dcaa3"


@pytest.mark.parametrize(
    "changed",
    [
        {"magnitude": float("nan")},
        {"area_ha": float("inf")},
        {"model": {1}},
        {"cells": np.zeros((2, 2), np.int64)},
        {"cells": np.zeros(4, np.int32)},
        {"cells": np.zeros((0, 2), np.int32)},
    ],
)
def test_a_record_that_cannot_be_kept_is_refused(engine: Engine, mine: Lease, changed: dict[str, Any]) -> None:
    before = everything(engine)
    with pytest.raises(BadInput, match=ALERT.id) as error:
        commit_run(engine, mine, RUN, [pointer("a", "1")], SCENES_SEEN, [replace(ALERT, **changed)], now)
    assert "\n" not in str(error.value)
    assert everything(engine) == before


@pytest.mark.parametrize(
    ("revision", "status", "kind"),
    [
        (1, "provisional", "alert"),
        (1, "expired", "alert"),
        (2, "confirmed", "update"),
        (3, "finished", "update"),
        (3, "merged", "update"),
        (3, "retracted", "cancel"),
        (3, "expired", "cancel"),
    ],
)
def test_what_a_receiver_is_told(revision: int, status: AlertStatus, kind: str) -> None:
    assert message_kind(replace(ALERT, revision=revision, status=status)) == kind


# one run


def test_a_run_becomes_true_in_one_step(engine: Engine, mine: Lease) -> None:
    record_run(engine, mine, replace(RUN, outcome="running"))
    made = [pointer("a", "1", looks="2"), pointer("b", "3")]
    assert commit_run(engine, mine, RUN, made, SCENES_SEEN, [CONFIRMED, OTHER, ALERT], now)
    assert runs(engine, JOB.name) == (replace(RUN, finished=now()),)
    a, b = tiles(engine, JOB.name)
    assert (a.state, a.looks, a.generation) == (made[0].state, made[0].looks, 1)
    assert (b.state, b.looks, b.generation) == (made[1].state, None, 1)
    assert generations(engine, JOB.name) == {made[0].state.path, "a-looks-2222222222222222.zarr", made[1].state.path}
    assert [scene.id for scene in taken_scenes(engine, JOB.name)] == ["s1"]
    assert taken_scenes(engine, JOB.name, ("taken", "failed")) == tuple(sorted(SCENES_SEEN))
    assert find_job(engine, JOB.name).config_digest == RUN.config_digest
    last = latest(engine, JOB.name)
    assert list(last) == [ALERT.id, OTHER.id]
    assert same(last[ALERT.id], CONFIRMED) and same(last[OTHER.id], OTHER)
    assert [one.revision for one in history(engine, ALERT.id)] == [1, 2]
    assert history(engine, "none") == [] and latest(engine, "nowhere") == {}
    stored = everything(engine)
    assert stored["alert"][0] == (ALERT.id, JOB.name, RUN.id, -9_000, 10, ALERT.change_date)
    assert {row[5] for row in stored["revision"]} == {now()}, "when we knew"
    told = [row[1:] for row in stored["outbox"]]
    assert told == [(ALERT.id, 1, "alert", now()), (ALERT.id, 2, "update", now()), (OTHER.id, 1, "alert", now())]


def test_the_same_run_twice_is_once(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [pointer("a", "1")], SCENES_SEEN, [ALERT, OTHER], now)
    second = replace(RUN, id="run-2", started=START + timedelta(1))
    commit_run(engine, mine, second, [pointer("a", "2")], {}, [CONFIRMED], now)
    before = everything(engine)
    later = replace(RUN, started=START + timedelta(2), detail={"looks": 4})
    seen = dict(reversed(SCENES_SEEN.items()))
    assert not commit_run(engine, mine, later, [pointer("a", "1")], seen, [OTHER, ALERT], now)
    assert everything(engine) == before, "above all, no pointer goes back"


@pytest.mark.parametrize(
    ("made", "seen", "said"),
    [
        ([pointer("a", "2")], SCENES_SEEN, [ALERT]),
        ([pointer("a", "1", looks="1")], SCENES_SEEN, [ALERT]),
        ([pointer("a", "1")], {}, [ALERT]),
        ([pointer("a", "1")], dict.fromkeys(SCENES_SEEN, "taken"), [ALERT]),
        ([pointer("a", "1")], SCENES_SEEN, [replace(ALERT, area_ha=3.0)]),
        ([pointer("a", "1")], SCENES_SEEN, []),
    ],
)
def test_the_same_run_with_another_result_is_refused(
    engine: Engine, mine: Lease, made: list[Pointer], seen: dict[Scene, Any], said: list[Alert]
) -> None:
    commit_run(engine, mine, RUN, [pointer("a", "1")], SCENES_SEEN, [ALERT], now)
    before = everything(engine)
    with pytest.raises(Contradiction, match="another result"):
        commit_run(engine, mine, RUN, made, seen, said, now)
    with pytest.raises(BadInput, match="already committed"):
        record_run(engine, mine, RUN)
    assert everything(engine) == before


def test_a_revision_is_said_once_and_never_rewritten(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [], {}, [ALERT], now)
    second = replace(RUN, id="run-2")
    commit_run(engine, mine, second, [], {}, [ALERT, ALERT, CONFIRMED], now)
    stored = everything(engine)
    assert [row[:3] for row in stored["revision"]] == [(ALERT.id, 1, RUN.id), (ALERT.id, 2, second.id)]
    assert len(stored["outbox"]) == 2
    third = replace(RUN, id="run-3")
    for wrong, said in (
        (replace(ALERT, area_ha=9.0), "say it as revision 3"),
        (replace(ALERT, revision=4), "follows revision 2"),
        (replace(ALERT, revision=0), "follows revision 2"),
        (replace(OTHER, revision=2), "follows revision 0"),
    ):
        with pytest.raises(Contradiction, match=said) as error:
            commit_run(engine, mine, third, [pointer("a", "1")], SCENES_SEEN, [wrong], now)
        assert "\n" not in str(error.value)
    with pytest.raises(Contradiction, match="another content"):
        commit_run(engine, mine, third, [], {}, [OTHER, replace(OTHER, area_ha=9.0)], now)
    assert everything(engine) == stored


def test_two_jobs_cannot_mint_the_same_alert(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [], {}, [ALERT], now)
    register_job(engine, replace(JOB, name="peat"), ())
    with lease(engine, "peat", "me", 60, now) as other:
        with pytest.raises(Contradiction, match="its own collection"):
            commit_run(engine, other, replace(RUN, id="run-2", job="peat"), [], {}, [ALERT], now)
        with pytest.raises(ValueError, match="the lease is for job 'peat'"):
            commit_run(engine, other, RUN, [], {}, [], now)


def test_a_scene_once_taken_stays_taken(engine: Engine, mine: Lease) -> None:
    one = Scene(1, "p", "one")
    for number, outcome in enumerate(("failed", "too_late", "taken", "failed")):
        commit_run(engine, mine, replace(RUN, id=f"run-{number}"), [], {one: outcome}, [], now)  # type: ignore[dict-item]
    with reading(engine) as connection:
        assert connection.execute(sa.select(SCENES.c.outcome, SCENES.c.run)).all() == [("taken", "run-2")]


def test_a_lost_lease_commits_nothing(engine: Engine) -> None:
    late = lease(engine, JOB.name, "slow", 60, now)
    with lease(engine, JOB.name, "quick", 60, lambda: now() + timedelta(minutes=2)):
        before = everything(engine)
        with pytest.raises(LeaseLost, match="quick took over"):
            commit_run(engine, late, RUN, [pointer("a", "1")], SCENES_SEEN, [ALERT], now)
        with pytest.raises(LeaseLost):
            mark_published(engine, late, RUN.id)
        assert everything(engine) == before


def test_a_tile_that_is_not_registered_is_said(engine: Engine, mine: Lease) -> None:
    before = everything(engine)
    with pytest.raises(UnknownJob, match="has no tile 'z'"):
        commit_run(engine, mine, RUN, [pointer("a", "1"), pointer("z", "1")], SCENES_SEEN, [ALERT], now)
    assert everything(engine) == before


def test_outputs_are_owed_until_they_are_written(engine: Engine, mine: Lease) -> None:
    for number in (1, 2):
        commit_run(engine, mine, replace(RUN, id=f"run-{number}"), [], {}, [], now)
    for number in (1, 2):
        owed = unpublished_run(engine, JOB.name)
        assert owed is not None and owed.id == f"run-{number}" and not owed.published
        mark_published(engine, mine, owed.id)
    assert unpublished_run(engine, JOB.name) is None
    assert [run.published for run in runs(engine, JOB.name)] == [True, True]


# damage


@SQLITE
def test_a_changed_row_is_noticed_although_sqlite_is_content(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [], {}, [ALERT, CONFIRMED], now)
    with reading(engine) as connection:
        record, cells = connection.exec_driver_sql("SELECT record, cells FROM revision WHERE number = 2").one()
    assert '"area_ha": 0.1799' in record
    for column, damaged in (
        ("record", record.replace("0.1799", "0.1798")),
        ("record", record.replace('"area_ha": 0.1799', '"area_ha": "0.1799"')),
        ("record", record.replace("area_ha_new", "area_ha_old")),
        ("record", record.replace("2026-02-04", "2026-02-34")),
        ("record", record[:-1]),
        ("record", "[]"),
        ("record", record.replace('"revision": 2', '"revision": 1')),
        ("cells", cells[:-1]),
        ("cells", bytes([cells[0] ^ 1]) + cells[1:]),
        ("fingerprint", "0" * 64),
    ):
        whole = {"record": record, "cells": cells, "fingerprint": fingerprint(CONFIRMED)}
        path = str(engine.url.database)
        for row in ({**whole, column: damaged}, whole):
            with sqlite3.connect(path) as raw:
                raw.execute(
                    "UPDATE revision SET record=:record, cells=:cells, fingerprint=:fingerprint WHERE number=2", row
                )
            raw.close()
            if row is whole:
                assert same(latest(engine, JOB.name)[ALERT.id], CONFIRMED)
                continue
            with pytest.raises(BadDatabase, match=r"cannot be read.*restore") as error:
                latest(engine, JOB.name)
            assert "\n" not in str(error.value)


@SQLITE
def test_an_alert_from_before_drivers_were_said_is_still_what_was_said(engine: Engine, mine: Lease) -> None:
    commit_run(engine, mine, RUN, [], {}, [ALERT], now)
    with reading(engine) as connection:
        (record,) = connection.exec_driver_sql("SELECT record FROM revision").one()
    added = {"driver", "confirmed_cells", "confirmed_ha", "detected", "rests_on"}
    added |= {"review_status", "rejection_reason", "reviewed_on"}
    kept = {k: v for k, v in json.loads(record).items() if k not in added}
    printed = "92e9f7ad1a4a6eac0d8bd7c08e600825a0497fd5cd76335c428975a692bf2e91"
    with sqlite3.connect(str(engine.url.database)) as raw:
        raw.execute("UPDATE revision SET record=?, fingerprint=?", (json.dumps(kept), printed))
    raw.close()
    expected = replace(ALERT, driver=None, confirmed_cells=np.zeros(2, np.bool_), confirmed_ha=0.0)
    assert same(latest(engine, JOB.name)[ALERT.id], expected)


COMMIT_AND_DIE = """
import json, os, random, signal, sys, time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import sqlalchemy as sa
sys.path.insert(0, str(Path(sys.argv[1])))
from test_store import ALERT, JOB, RUN, START, check_ledger
from detection.types import Scene
from jobs.database import default_url, open_database
from jobs.ledger import lease, runs, tiles
from jobs.state import sweep, write_generation, read_generation
from jobs.store import Pointer, commit_run
import numpy as np
folder, chance, deaths = Path(sys.argv[2]), random.Random(5), []

def one_run(engine, held, number, now):
    values = {"a": np.full((8, 8), number, np.int32)}
    made = [Pointer(tile, write_generation(folder / "state", tile, values, {})) for tile in ("a", "b")]
    scenes = {Scene(number, "p", f"s{number}-{which}"): "taken" for which in range(3)}
    alert = replace(ALERT, id=f"alert-{number}")
    said = [alert, replace(alert, revision=2, status="confirmed")]
    commit_run(engine, held, replace(RUN, id=f"run-{number}", detail={"n": number}), made, scenes, said, now)

def live(life):
    engine = open_database(default_url(folder))
    met = 0
    def count(*_anything):
        nonlocal met
        met += 1
        if met == 8 + 3 * life:
            os.kill(os.getpid(), signal.SIGKILL)
    if life < 12:
        sa.event.listen(engine, "before_cursor_execute", count)
        sa.event.listen(engine, "commit", count)
    now = lambda: START + timedelta(hours=life)
    held = lease(engine, JOB.name, f"life {life}", 60, now)
    while True:
        one_run(engine, held, len(runs(engine, JOB.name)), now)

for life in range(22):
    child = os.fork()
    if not child:
        live(life)
    if life >= 12:
        time.sleep(0.02 + 0.15 * chance.random())
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    deaths.append(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1)
    engine = open_database(default_url(folder))
    check_ledger(engine)
    for tile in tiles(engine, JOB.name):
        if tile.state:
            values, _ = read_generation(folder / "state", tile.state)
            assert (values["a"] == len(runs(engine, JOB.name)) - 1).all()
engine = open_database(default_url(folder))
print(json.dumps([deaths, len(runs(engine, JOB.name))]))
"""


def check_ledger(engine: Engine) -> None:
    """Every run is there with all that it said, and nothing is there that no run said."""
    stored = everything(engine)
    ids = [f"run-{number}" for number in range(len(stored["run"]))]
    assert sorted(row[0] for row in stored["run"]) == sorted(ids)
    assert sorted(row[-1] for row in stored["scene"]) == sorted(ids * 3)
    assert sorted(row[2] for row in stored["alert"]) == sorted(ids)
    assert sorted(row[2] for row in stored["revision"]) == sorted(ids * 2)
    assert sorted(row[1:3] for row in stored["outbox"]) == sorted(row[:2] for row in stored["revision"])
    assert {row[6] for row in stored["tile"]} == {len(ids) or None}
    assert len(latest(engine, JOB.name)) == len(ids)


def test_twenty_two_kills_leave_whole_runs_only(template: Path, tmp_path: Path) -> None:
    (tmp_path / template.name).write_bytes(template.read_bytes())
    here = Path(__file__).parent
    command = [sys.executable, "-W", "error", "-c", COMMIT_AND_DIE, str(here), str(tmp_path)]
    said = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, timeout=90)
    assert said.returncode == 0, said.stderr
    deaths, committed = json.loads(said.stdout)
    assert deaths == [signal.SIGKILL] * 22
    assert committed >= 5, "the kills must fall among runs that get somewhere"
