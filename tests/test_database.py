"""The database: made whole, migrated, checked when opened; who may write; what a run leaves in the ledger."""

import io
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from detection.errors import DetectionError, StaleState
from detection.types import Grid
from jobs.completeness import Coverage
from jobs.database import (
    JOBS,
    LEASES,
    METADATA,
    MIGRATIONS,
    OUTBOX,
    BadDatabase,
    default_url,
    open_database,
    reading,
    writing,
)
from jobs.ledger import (
    Busy,
    Job,
    LeaseLost,
    Run,
    Step,
    Tile,
    UnknownJob,
    coverage,
    find_job,
    generations,
    lease,
    mark_published,
    record_run,
    record_step,
    register_job,
    runs,
    steps,
    taken_scenes,
    tiles,
    unpublished_run,
)
from jobs.state import Generation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (40, 50))
JOB = Job("tambopata", "loss", "c" * 64, GRID, START)
TILES = (Tile("a", 0, 0, 40, 25), Tile("b", 0, 25, 40, 25))


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one job, made once: every test gets a copy."""
    folder = tmp_path_factory.mktemp("made")
    register_job(open_database(default_url(folder)), JOB, TILES)
    return folder / "sachawatch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> Engine:
    if request.param == "postgresql":
        served = open_database(request.getfixturevalue("new_databases")())
        register_job(served, JOB, TILES)
        return served
    shutil.copy(made, tmp_path)
    return open_database(default_url(tmp_path))


SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""What only a file can suffer."""


def one_line(error: pytest.ExceptionInfo[DetectionError]) -> str:
    said = str(error.value)
    assert "\n" not in said and ";" in said, said
    return said


# opening


def test_what_is_made_is_what_the_tables_say(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        tables = set(sa.inspect(connection).get_table_names())
    own = {
        "job",
        "run",
        "tile",
        "scene",
        "alert",
        "revision",
        "outbox",
        "lease",
        "step",
        "coverage",
        "delivery",
        "looked_at",
        "review",
        "bulletin",
    }
    assert tables == own | {"alembic_version"}


def test_a_comparison_that_finds_nothing_could_have_found_something(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE run DROP COLUMN content_digest")
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA)


@SQLITE
def test_sqlite_is_set_up_for_power_cuts_and_for_two_processes(engine: Engine) -> None:
    with reading(engine) as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {what}").scalar() for what in ("journal_mode", "synchronous")]
        keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
    assert (found, keys) == (["wal", 2], 1)


def test_no_table_needs_sqlite(tmp_path: Path) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    ddl = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables)
    assert "TIMESTAMP WITH TIME ZONE" in ddl and "BYTEA" in ddl and "JSON" in ddl
    said = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": said})
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())):
            script.module.upgrade()
    assert said.getvalue().count("CREATE TABLE") == len(METADATA.tables)


@SQLITE
def test_opening_again_changes_nothing_and_leaves_one_file(engine: Engine, tmp_path: Path) -> None:
    before = (tmp_path / "sachawatch.db").read_bytes()
    again = open_database(default_url(tmp_path))
    assert find_job(again, JOB.name) == JOB
    assert (tmp_path / "sachawatch.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["sachawatch.db"]


@pytest.mark.parametrize("name", ["with space", "100%", "a#b", "ñandú"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    open_database(default_url(tmp_path / name))
    assert (tmp_path / name / "sachawatch.db").is_file()


def test_four_makers_at_once_make_one_database(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def make(number: int) -> None:
        try:
            engine = open_database(default_url(tmp_path))
            register_job(engine, replace(JOB, name=f"job {number}"), TILES)
        except DetectionError as error:
            failures.append(error)

    together([partial(make, number) for number in range(4)])
    assert failures == []
    with reading(open_database(default_url(tmp_path))) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(JOBS)) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["sachawatch.db"]


def test_an_older_database_is_brought_up_to_date(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    for script in (MIGRATIONS / "versions").glob("*.py"):
        (versions / script.name).write_text(script.read_text())
    (versions / "9001.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '9001'\ndown_revision = '{newest}'\n"
        "def upgrade():\n    op.create_table('later', sa.Column('id', sa.Integer, primary_key=True))\n"
    )
    monkeypatch.setattr("jobs.database.MIGRATIONS", versions.parent)
    with reading(open_database(str(engine.url))) as connection:
        assert "later" in sa.inspect(connection).get_table_names()
    monkeypatch.undo()
    with pytest.raises(BadDatabase, match=f"schema 9001 is newer than {newest}; install") as error:
        open_database(str(engine.url))
    one_line(error)
    (versions / "9002.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = '9002'\ndown_revision = '9001'\n"
        "def upgrade():\n    op.create_table('half', sa.Column('id', sa.Integer))\n    raise ZeroDivisionError\n"
    )
    monkeypatch.setattr("jobs.database.MIGRATIONS", versions.parent)
    with pytest.raises(ZeroDivisionError):
        open_database(str(engine.url))
    with reading(engine) as connection:
        assert "half" not in sa.inspect(connection).get_table_names()
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9001"


def test_a_job_of_the_first_schema_keeps_its_tiles_and_gets_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "migrations"
    (first / "versions").mkdir(parents=True)
    for name in ("env.py", "versions/0001_first_tables.py"):
        shutil.copy(MIGRATIONS / name, first / name)
    with monkeypatch.context() as patch:
        patch.setattr("jobs.database.MIGRATIONS", first)
        old = open_database(default_url(tmp_path))
        register_job(old, JOB, TILES)
        with reading(old) as connection:
            assert "coverage" not in sa.inspect(connection).get_table_names()
    engine = open_database(default_url(tmp_path))
    assert (find_job(engine, JOB.name), tiles(engine, JOB.name), coverage(engine, JOB.name)) == (JOB, TILES, ())
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []


# what cannot be used


def test_an_empty_file_is_not_taken_for_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "sachawatch.db").touch()
    with pytest.raises(BadDatabase, match=r"empty.*restore a copy") as error:
        open_database(default_url(tmp_path))
    one_line(error)


def test_a_log_without_its_database_is_not_played_into_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "sachawatch.db-wal").write_bytes(b"x")
    with pytest.raises(BadDatabase, match="put both back together") as error:
        open_database(default_url(tmp_path))
    one_line(error)
    assert not (tmp_path / "sachawatch.db").exists()


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    stranger = sqlite3.connect(tmp_path / "sachawatch.db")
    stranger.execute("CREATE TABLE song (title)")
    stranger.close()
    with pytest.raises(BadDatabase, match="not a database of Sachawatch") as error:
        open_database(default_url(tmp_path))
    one_line(error)


@SQLITE
@pytest.mark.parametrize("kept", [1, 99, 100, 4095, 4096, 5000, 40_000])
def test_a_truncated_database_is_refused(engine: Engine, kept: int) -> None:
    path = Path(str(engine.url.database))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadDatabase) as error:
        open_database(str(engine.url))
    assert "doctor" in one_line(error) or "restore" in one_line(error) or "another" in one_line(error)


@SQLITE
def test_a_page_of_noise_is_refused(engine: Engine) -> None:
    path = Path(str(engine.url.database))
    whole = path.read_bytes()
    refused = 0
    for page in range(len(whole) // 4096):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[page * 4096 + 4096 :])
        with pytest.raises(BadDatabase) as error:
            open_database(str(engine.url))
        one_line(error)
        refused += 1
    assert refused >= 10


@pytest.mark.parametrize(
    "url", ["", "nonsense", "oracle9://x", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
)
def test_a_url_that_names_no_file_or_server_is_refused(url: str) -> None:
    with pytest.raises(BadDatabase) as error:
        open_database(url)
    one_line(error)


def test_a_url_that_cannot_be_read_does_not_show_its_password() -> None:
    with pytest.raises(BadDatabase) as error:
        open_database("postgresql://me:sesame@host:port/db")
    assert "sesame" not in one_line(error)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sachawatch.db").mkdir()
    with pytest.raises(BadDatabase, match="unable to open") as error:
        open_database(default_url(tmp_path))
    one_line(error)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(BadDatabase) as error:
        open_database(default_url(tmp_path / "x"))
    one_line(error)


@SQLITE
def test_a_full_disk_is_said_and_nothing_is_half_written(engine: Engine) -> None:
    with pytest.raises(BadDatabase, match="free some space") as error, writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        for number in range(200):
            row = {"lattice": "x", "grid": {"fill": "x" * 4096}, "created": START}
            plain = {"name": f"job {number}", "collection": "c", "config_digest": "d"}
            connection.execute(sa.insert(JOBS).values(plain | row))
    one_line(error)
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(JOBS)) == 1


def test_a_lock_held_too_long_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.database.BUSY_TIMEOUT_MS", 50)
    with writing(engine), pytest.raises(BadDatabase, match="another process is writing") as error, writing(engine):
        pass
    one_line(error)


def test_a_broken_reference_is_an_error_of_the_program(engine: Engine) -> None:
    row = {"alert": "none", "revision": 1, "message_kind": "alert", "created": START}
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(sa.insert(OUTBOX).values(row))


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(sa.exc.StatementError, match="no time zone"):
        register_job(engine, replace(JOB, name="other", created=datetime(2026, 1, 1)), TILES)


# jobs


def test_a_job_is_registered_once(engine: Engine) -> None:
    register_job(engine, replace(JOB, created=START + timedelta(1), config_digest="d" * 64), TILES[::-1])
    assert find_job(engine, JOB.name) == JOB
    assert tiles(engine, JOB.name) == TILES
    assert generations(engine, JOB.name) == frozenset()
    assert taken_scenes(engine, JOB.name) == ()


@pytest.mark.parametrize(
    ("changed", "tiling", "what"),
    [
        (replace(JOB, collection="peat"), TILES, "collection"),
        (replace(JOB, grid=GRID.pad(1)), TILES, "grid"),
        (JOB, TILES[:1], "tiling"),
        (JOB, (TILES[0], replace(TILES[1], rows=39)), "tiling"),
    ],
)
def test_a_job_on_other_ground_needs_another_name(
    engine: Engine, changed: Job, tiling: tuple[Tile, ...], what: str
) -> None:
    with pytest.raises(StaleState, match=f"its {what} changed") as error:
        register_job(engine, changed, tiling)
    one_line(error)
    assert (find_job(engine, JOB.name), tiles(engine, JOB.name)) == (JOB, TILES)


def test_an_unknown_job_is_said(engine: Engine) -> None:
    with pytest.raises(UnknownJob) as error:
        find_job(engine, "nowhere")
    one_line(error)
    with pytest.raises(UnknownJob):
        lease(engine, "nowhere", "me", 60, Clock())


# leases


def test_a_second_holder_is_told_who_and_until_when(engine: Engine) -> None:
    clock = Clock()
    with lease(engine, JOB.name, "pid 1 on a", 60, clock):
        with pytest.raises(Busy, match=r"pid 1 on a works on it.*2026-03-01T12:01:00\+00:00") as error:
            lease(engine, JOB.name, "pid 2 on b", 60, clock)
        one_line(error)
    with lease(engine, JOB.name, "pid 2 on b", 60, clock) as mine:
        assert mine.held()


def test_a_lease_that_was_killed_is_taken_over_when_it_expires(engine: Engine) -> None:
    clock = Clock()
    dead = lease(engine, JOB.name, "dead", 60, clock)
    clock.wait(59)
    with pytest.raises(Busy):
        lease(engine, JOB.name, "next", 60, clock)
    clock.wait(1)
    assert dead.held(), "nobody has taken over yet"
    living = lease(engine, JOB.name, "next", 60, clock)
    assert living.held() and not dead.held()
    run = Run("r", JOB.name, START, "running", "c" * 64, "1")
    with pytest.raises(LeaseLost, match="next took over") as error:
        record_run(engine, dead, run)
    one_line(error)
    with pytest.raises(LeaseLost):
        dead.renew()
    dead.__exit__()
    assert living.held(), "the loser must not give back what is not his"
    assert runs(engine, JOB.name) == ()
    record_run(engine, living, run)
    assert runs(engine, JOB.name) == (run,)


def test_a_renewed_lease_lasts(engine: Engine) -> None:
    clock = Clock()
    mine = lease(engine, JOB.name, "me", 60, clock)
    for _ in range(5):
        clock.wait(59)
        mine.renew()
        with pytest.raises(Busy):
            lease(engine, JOB.name, "you", 60, clock)
    clock.wait(600)
    mine.renew()  # overslept, but nobody came
    with pytest.raises(Busy):
        lease(engine, JOB.name, "you", 60, clock)


def test_a_lease_is_given_back_when_the_work_fails(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), lease(engine, JOB.name, "me", 60, Clock()):
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(LEASES)) == 0


def test_of_four_fighting_for_a_lease_one_holds_it(engine: Engine) -> None:
    clock, inside, most, taken = Clock(), [0], [0], [0]

    def fight() -> None:
        for _ in range(20):
            try:
                with lease(engine, JOB.name, threading.current_thread().name, 60, clock):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    taken[0] += 1
                    inside[0] -= 1
            except Busy:
                pass

    together([fight] * 4)
    assert most == [1] and taken[0] >= 4


COUNT_UP = """
import sys
import sqlalchemy as sa
from jobs.database import JOBS, open_database, writing
engine = open_database(sys.argv[1])
for _ in range(60):
    with writing(engine) as connection:
        count = connection.scalar(sa.select(JOBS.c.grid))["count"]
        connection.execute(sa.update(JOBS).values(grid={"count": count + 1}))
"""


def test_two_processes_that_read_and_then_write_lose_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.update(JOBS).values(grid={"count": 0}))
    command = [sys.executable, "-W", "error", "-c", COUNT_UP, str(engine.url)]
    both = [subprocess.Popen(command, cwd=Path(__file__).parent.parent) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    with reading(engine) as connection:
        assert connection.scalar(sa.select(JOBS.c.grid)) == {"count": 120}


# what was seen


def seen(tile: str, scene: str, *cells: int) -> Coverage:
    return Coverage(tile, scene, "landsat-c2l2", "landsat-8", 20_000, *cells)


def step(tile: str, stage: str = "observe") -> Step:
    return Step(tile, stage, Generation("s", "0" * 64), Generation("l", "1" * 64))  # type: ignore[arg-type]


def test_a_scene_read_again_replaces_what_was_said_of_it(engine: Engine) -> None:
    with lease(engine, JOB.name, "me", 60, Clock()) as mine:
        record_run(engine, mine, Run("r", JOB.name, START, "running", "c" * 64, "1"))
        record_step(engine, mine, "r", step("a"), [seen("a", "x", 3, 1, 0, 0, 6), seen("a", "y", 4, 6, 0, 0, 0)])
        record_step(engine, mine, "r", step("b"), [seen("b", "x", 0, 0, 10, 0, 0)])
        assert [c.fate.name for c in coverage(engine, JOB.name)] == ["FAILED", "READ", "OUTSIDE"]
        healed = seen("a", "x", 7, 3, 0, 0, 0)
        record_step(engine, mine, "r", step("a"), [healed])
        wanted = (healed, seen("a", "y", 4, 6, 0, 0, 0), seen("b", "x", 0, 0, 10, 0, 0))
        assert coverage(engine, JOB.name) == wanted
        record_step(engine, mine, "r", step("a", "detect"))
        assert coverage(engine, JOB.name) == wanted
    assert coverage(engine, "another") == ()


def test_two_jobs_in_one_database_do_not_mix_what_they_saw(engine: Engine) -> None:
    other = replace(JOB, name="other", collection="other")
    register_job(engine, other, TILES)
    for name, cells in ((JOB.name, (1, 0, 0, 0, 0)), ("other", (0, 1, 0, 0, 0))):
        with lease(engine, name, "me", 60, Clock()) as mine:
            record_run(engine, mine, Run(f"run {name}", name, START, "running", "c" * 64, "1"))
            record_step(engine, mine, f"run {name}", step("a"), [seen("a", "x", *cells)])
    assert coverage(engine, JOB.name) == (seen("a", "x", 1, 0, 0, 0, 0),)
    assert coverage(engine, "other") == (seen("a", "x", 0, 1, 0, 0, 0),)


def test_a_step_and_what_it_saw_are_written_together_or_not_at_all(engine: Engine) -> None:
    clock = Clock()
    with lease(engine, JOB.name, "me", 60, clock) as mine:
        record_run(engine, mine, Run("r", JOB.name, START, "running", "c" * 64, "1"))
        with pytest.raises(IntegrityError):
            record_step(
                engine, mine, "r", step("a"), [seen("a", "x", 1, 0, 0, 0, 0), seen("no tile", "x", 1, 0, 0, 0, 0)]
            )
        assert (steps(engine, "r"), coverage(engine, JOB.name)) == ((), ())
        clock.wait(61)
        with lease(engine, JOB.name, "next", 60, clock):
            with pytest.raises(LeaseLost):
                record_step(engine, mine, "r", step("a"), [seen("a", "x", 1, 0, 0, 0, 0)])
            assert coverage(engine, JOB.name) == ()


# runs


def test_a_run_that_ended_without_a_commit_can_begin_again(engine: Engine) -> None:
    with lease(engine, JOB.name, "me", 60, Clock()) as mine:
        began = Run("r", JOB.name, START, "running", "c" * 64, "1", {"scenes": 3})
        record_run(engine, mine, began)
        failed = replace(began, outcome="failed", finished=START + timedelta(hours=1))
        record_run(engine, mine, failed)
        assert runs(engine, JOB.name) == (failed,)
        assert unpublished_run(engine, JOB.name) is None
        with pytest.raises(UnknownJob):
            mark_published(engine, mine, "r")


def test_times_come_back_in_utc_to_the_microsecond(engine: Engine) -> None:
    lima = datetime.fromisoformat("2026-12-31T23:59:59.999999-05:00")
    with lease(engine, JOB.name, "me", 60, Clock()) as mine:
        record_run(engine, mine, Run("r", JOB.name, lima, "running", "c" * 64, "1"))
    (found,) = runs(engine, JOB.name)
    assert found.started == lima and found.started.tzinfo is UTC and found.started.date() == date(2027, 1, 1)


def together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
