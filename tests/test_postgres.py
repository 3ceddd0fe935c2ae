"""What only a server can be asked: its schema made once, one writer, one snapshot, large revisions, mistakes in one line.

What holds on both engines is tested where it belongs, on both (test_database, test_store, test_deliveries).
"""

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jobsetup
import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from jobsetup import alerts, link, start, write_scenes
from postgres import Server
from sqlalchemy.engine import Engine
from test_database import JOB, TILES, one_line, together
from test_store import ALERT, RUN, now, same

from jobs.database import JOBS, METADATA, BadDatabase, open_database, reading, writing
from jobs.ledger import find_job, lease, register_job
from jobs.sections import Database
from jobs.store import commit_run, fingerprint, history


@pytest.fixture
def empty(postgres: Server) -> Any:
    url = postgres.new()
    yield url
    postgres.drop(url)


def test_an_empty_database_is_made_once_by_whoever_comes_first(empty: str) -> None:
    engines: list[Engine] = []
    together([lambda: engines.append(open_database(empty))] * 4)
    assert len(engines) == 4
    register_job(engines[0], JOB, TILES)
    assert find_job(open_database(empty), JOB.name) == JOB
    with reading(engines[1]) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_usual_name_of_the_url_will_do(empty: str) -> None:
    assert open_database(empty.replace("postgresql+psycopg:", "postgresql:")).driver == "psycopg"


def test_the_table_of_postgis_is_no_stranger_but_others_are(empty: str) -> None:
    raw = sa.create_engine(empty, poolclass=sa.pool.NullPool)
    with raw.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE spatial_ref_sys (srid int)")
        connection.exec_driver_sql("CREATE TABLE song (title text)")
    with pytest.raises(BadDatabase, match="not a database of Sachawatch") as error:
        open_database(empty)
    one_line(error)
    with raw.begin() as connection:
        connection.exec_driver_sql("DROP TABLE song")
    open_database(empty)


def test_who_reads_sees_one_moment_and_writes_nothing(empty: str) -> None:
    engine = open_database(empty)
    count = sa.select(sa.func.count()).select_from(JOBS)
    with reading(engine) as connection:
        assert connection.scalar(count) == 0
        register_job(engine, JOB, TILES)
        assert connection.scalar(count) == 0
    with reading(engine) as connection:
        assert connection.scalar(count) == 1
    with pytest.raises(BadDatabase, match="read-only transaction"), reading(engine) as connection:
        connection.execute(sa.delete(JOBS))


def test_a_writer_that_dies_holds_nobody_up(empty: str) -> None:
    engine, held, over = open_database(empty), threading.Event(), threading.Event()

    def dies() -> None:
        with pytest.raises(BadDatabase), writing(engine) as connection:
            held.set()
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        over.set()

    thread = threading.Thread(target=dies)
    thread.start()
    assert held.wait(30)
    register_job(engine, JOB, TILES)
    thread.join(30)
    assert over.is_set() and find_job(engine, JOB.name) == JOB


def test_a_revision_of_a_million_cells_comes_back_exactly(empty: str) -> None:
    engine = open_database(empty)
    register_job(engine, JOB, TILES)
    cells = np.argwhere(np.ones((1_000, 1_000), np.bool_)).astype(np.int32)
    said = [replace(ALERT, cells=cells, confirmed_cells=np.arange(len(cells)) % 3 == 0, area_ha=90_000.0)]
    said += [
        replace(
            said[0],
            revision=2,
            status="confirmed",
            cells=cells[::2].copy(),
            confirmed_cells=said[0].confirmed_cells[::2],
        )
    ]
    with lease(engine, JOB.name, "me", 60, now) as mine:
        assert commit_run(engine, mine, RUN, [], {}, said, now)
        assert not commit_run(engine, mine, RUN, [], {}, said, now)
    found = history(engine, ALERT.id)
    assert [same(a, b) and fingerprint(a) == fingerprint(b) for a, b in zip(found, said, strict=True)] == [True, True]


def test_mistakes_are_one_line_with_a_remedy_and_without_the_password(postgres: Server, empty: str) -> None:
    open_database(empty)
    raw = sa.create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    bare = postgres.new()
    with raw.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
    try:
        for url, said in (
            (postgres.url("nowhere"), r'database "nowhere" does not exist; create it on the server'),
            (
                empty.replace("postgres@", "stranger:sesame@"),
                r'role "stranger" does not exist; create it on the server',
            ),
            (empty.replace(f":{postgres.port}/", ":1/"), "refused.*; start the server, or check host and port"),
            (empty.replace("postgres@127.0.0.1", "me:sesame@no-such-host.invalid"), "; check the host in the URL"),
            (
                bare.replace("postgres@", "guest:sesame@"),
                "permission denied for schema public; grant its user the rights",
            ),
            (
                empty.replace("postgres@", "guest:sesame@"),
                "permission denied for table alembic_version; grant its user",
            ),
        ):
            with pytest.raises(BadDatabase, match=said) as error:
                open_database(url)
            assert "sesame" not in one_line(error) and str(error.value).startswith("database postgresql+psycopg://")
    finally:
        postgres.drop(bare)
        with raw.connect() as connection:
            connection.exec_driver_sql("DROP ROLE guest")


def test_a_driver_that_is_not_there_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr("jobs.database.sa.create_engine", absent)
    with pytest.raises(BadDatabase, match=r"install sachawatch\[postgres\] or use SQLite") as error:
        open_database("postgresql://db/x")
    one_line(error)


def test_a_job_on_a_server_says_what_it_says_on_a_file(tmp_path: Path, empty: str) -> None:
    scenes = write_scenes(tmp_path / "all")
    first = link(scenes, tmp_path / "scenes", lambda day: day < date(2024, 9, 1))
    for _ in range(2):
        outcomes = [start(first, tmp_path / "file"), start(first, tmp_path / "served", database=Database(url=empty))]
        assert [one.kind for one in outcomes] == ["done", "done"] and alerts(outcomes[0])
        jobsetup.same(*outcomes)
        link(scenes, first, lambda _: True)
    assert start(first, tmp_path / "served", database=Database(url=empty)).kind == "nothing new"
    assert not list((tmp_path / "served").rglob("*.db"))
