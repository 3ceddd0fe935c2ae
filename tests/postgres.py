"""A PostgreSQL server of the tests' own: on loopback, in a private folder, as user `postgres` where we are root.

It is started once a session, where a test asks for it; a test gets a new database, made from one with the schema in it.
Where the programs of a server are absent, tests that need it are skipped, by name.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs.database import open_database

SETTINGS = (
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=50",
)
"""Nothing here has to outlive a power cut."""
ABSENT = "no initdb and pg_ctl here, or no user `postgres` for root; apt-get install postgresql"
TEMPLATE = "template_of_ours"


@dataclass
class Server:
    """A server that runs."""

    port: int
    """On 127.0.0.1."""
    made: list[str] = field(default_factory=list)
    """Databases so far."""

    def url(self, name: str) -> str:
        """Of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def new(self, template: str = "template1") -> str:
        """The URL of a new database, empty or as the template is."""
        name = f"t{len(self.made)}"
        self.made.append(name)
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def fresh(self) -> str:
        """The URL of a new database with the schema in it."""
        if TEMPLATE not in self.made:
            self.made.append(TEMPLATE)
            self._say(f"CREATE DATABASE {TEMPLATE}")
            open_database(self.url(TEMPLATE))
        return self.new(TEMPLATE)

    def drop(self, url: str) -> None:
        """The database goes, with whoever is connected to it."""
        self._say(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def _say(self, statement: str) -> None:
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


def _programs() -> tuple[Path, str | None] | None:
    """Folder of the newest server's programs, and the user it must run as; None where there is none."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.partition(".")[0]))
    found = shutil.which("initdb")
    folder = next((path for path in [*reversed(places), *([Path(found).parent] if found else [])]
                   if (path / "initdb").is_file() and (path / "pg_ctl").is_file()), None)  # fmt: skip
    if folder is None or os.getuid() != 0:
        return None if folder is None else (folder, None)
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return None
    return folder, "postgres"  # initdb and the server refuse root


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this session."""
    if _programs() is None:
        pytest.skip(f"PostgreSQL: {ABSENT}")
    with serving() as server:
        yield server


@contextmanager
def serving() -> Iterator[Server]:
    """A server, for as long as it is wanted. Raises RuntimeError where its programs are absent."""
    programs = _programs()
    if programs is None:
        raise RuntimeError(ABSENT)
    folder, user = programs
    root, port = (
        Path(tempfile.mkdtemp(prefix="sachawatch-pg-")),
        _free_port(),
    )  # pytest's own folders are closed to others
    if user is not None:
        shutil.chown(root, user)

    def call(*command: str) -> None:
        done = subprocess.run(
            command, cwd=root, user=user, group=user, extra_groups=[] if user else None, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    data, log = root / "data", root / "log"
    options = " ".join(["-p", str(port), *(f"-c {one}" for one in (*SETTINGS, f"unix_socket_directories={root}"))])
    try:
        call(
            str(folder / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        # the server holds the pipe of whoever started it: its words go to the log
        call(
            "/bin/sh",
            "-c",
            f"exec '{folder / 'pg_ctl'}' -D '{data}' -w -l '{log}' start -o '{options}' >/dev/null 2>&1",
        )
        yield Server(port)
    finally:
        if (data / "postmaster.pid").exists():
            call(str(folder / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def new_databases(postgres: Server) -> Iterator[Callable[[], str]]:
    """Makes databases with the schema in them, and says their URLs; they go when the test is over."""
    made: list[str] = []

    def new() -> str:
        made.append(postgres.fresh())
        return made[-1]

    yield new
    for url in made:
        postgres.drop(url)
