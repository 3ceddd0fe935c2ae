"""The one database that holds the truth: its tables, how it is opened, and how it says that it cannot be used.

SQLite by default, in WAL with `synchronous=FULL`: NORMAL may lose committed rows in a power cut. Writers take the lock
when they begin (BEGIN IMMEDIATE): a transaction that reads first and writes later fails in WAL, whatever the timeout.
WAL needs a local disk. Several machines share a PostgreSQL server, where the same is true by other means: one writer at
a time, by an advisory lock that ends with its transaction, and readers who see one snapshot.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection, Dialect, Engine
from sqlalchemy.exc import ArgumentError, DatabaseError, InternalError, NoSuchModuleError, OperationalError

from detection.errors import DetectionError

FILE_NAME: Final = "sachawatch.db"
BUSY_TIMEOUT_MS: Final = 30_000
"""How long a writer waits for another one; chosen far above the longest transaction of a run."""
IDLE_TIMEOUT_MS: Final = 300_000
"""After so long without a statement a server ends a transaction: a machine without power holds no lock for ever (chosen)."""
CONNECT_TIMEOUT_S: Final = 15
"""How long a server may take to answer, where the URL does not say it (`?connect_timeout=`); chosen."""
WRITERS: Final = 0x5AC4A
"""Number of the advisory lock of PostgreSQL that writers take (chosen; any other would do)."""
VERSIONS: Final = "alembic_version"
OF_EXTENSIONS: Final = frozenset({"spatial_ref_sys"})
"""Tables that PostGIS puts into a new database."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic's `context` is one for the whole process."""
REMEDIES: Final = {
    "locked": "another process is writing to it; try again when that one is done",
    "disk I/O": "free some space on that disk, or see whether it fails, and start again",
    "full": "free some space on that disk and start again, nothing was half written",
    "readonly": "make the file and its folder writable",
    "unable to open": "check that its folder exists and may be written",
    "malformed": "it is damaged: restore a copy, `sachawatch doctor` says what can be saved",
    "not a database": "it is damaged or something else: restore a copy or name another file",
    "lock timeout": "another process is writing to it; try again when that one is done",
    "refused": "start the server, or check host and port of the URL",
    "timeout expired": "check host and port of the URL, and that nothing on the way stops it",
    "translate host name": "check the host in the URL",
    "resolve host": "check the host in the URL",
    "password": "check user and password of the URL",
    "authentication": "check user and password of the URL",
    "does not exist": "create it on the server, or name another one",
    "permission denied": "grant its user the rights to create and change tables there",
    "read-only": "it takes no writes: name the server that does",
    "No space left": "free some space on the server's disk and start again, nothing was half written",
}


class BadDatabase(DetectionError):
    """The database cannot be used: damaged, foreign, made by a newer version, locked, or its disk is full."""


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite drops the zone, so it is taken off on the way in and put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError for a datetime without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always UTC."""
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


CONSTRAINTS: Final = {kind: f"{kind}_%(table_name)s_%(column_0_N_name)s" for kind in ("fk", "uq", "ix")}
METADATA: Final = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s", **CONSTRAINTS})
JOBS: Final = sa.Table(
    "job",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("collection", sa.String(200), nullable=False),
    sa.Column("config_digest", sa.String(64), nullable=False),
    sa.Column("lattice", sa.String(64), nullable=False),
    sa.Column("grid", sa.JSON, nullable=False),
    sa.Column("created", Instant, nullable=False),
)
RUNS: Final = sa.Table(
    "run",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("job", sa.ForeignKey("job.name"), nullable=False, index=True),
    sa.Column("started", Instant, nullable=False),
    sa.Column("finished", Instant),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("config_digest", sa.String(64), nullable=False),
    sa.Column("code_version", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("published", sa.Boolean, nullable=False),
    # sha256 of what the run committed; empty until it has: how a second commit of the same run is known
    sa.Column("content_digest", sa.String(64)),
)
TILES: Final = sa.Table(
    "tile",
    METADATA,
    sa.Column("job", sa.ForeignKey("job.name"), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("column", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("columns", sa.Integer, nullable=False),
    sa.Column("generation", sa.Integer),
    sa.Column("state_path", sa.String(200)),
    sa.Column("state_sha256", sa.String(64)),
    sa.Column("looks_path", sa.String(200)),
    sa.Column("looks_sha256", sa.String(64)),
)
STEPS: Final = sa.Table(
    "step",
    METADATA,
    sa.Column("run", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("tile", sa.String(64), primary_key=True),
    sa.Column("stage", sa.String(16), primary_key=True),
    sa.Column("state_path", sa.String(200), nullable=False),
    sa.Column("state_sha256", sa.String(64), nullable=False),
    sa.Column("looks_path", sa.String(200), nullable=False),
    sa.Column("looks_sha256", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)
SCENES: Final = sa.Table(
    "scene",
    METADATA,
    sa.Column("job", sa.ForeignKey("job.name"), primary_key=True),
    sa.Column("id", sa.String(300), primary_key=True),
    sa.Column("instant", sa.BigInteger, nullable=False),
    sa.Column("platform", sa.String(64), nullable=False),
    sa.Column("orbit", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("run", sa.ForeignKey("run.id"), nullable=False),
)
COVERAGE: Final = sa.Table(
    "coverage",
    METADATA,
    sa.Column("job", sa.String(200), primary_key=True),
    sa.Column("tile", sa.String(64), primary_key=True),
    sa.Column("scene", sa.String(300), primary_key=True),
    sa.Column("sensor", sa.String(64), nullable=False),
    sa.Column("platform", sa.String(64), nullable=False),
    sa.Column("day", sa.Integer, nullable=False),
    # cells of the tile within the area, by what the look showed: codes.Observation
    sa.Column("observed", sa.Integer, nullable=False),
    sa.Column("masked", sa.Integer, nullable=False),
    sa.Column("outside", sa.Integer, nullable=False),
    sa.Column("missing", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["job", "tile"], ["tile.job", "tile.id"]),
)
ALERTS: Final = sa.Table(
    "alert",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("job", sa.ForeignKey("job.name"), nullable=False, index=True),
    sa.Column("minted_run", sa.ForeignKey("run.id"), nullable=False),
    sa.Column("anchor_row", sa.Integer, nullable=False),
    sa.Column("anchor_column", sa.Integer, nullable=False),
    sa.Column("change_date", sa.Date, nullable=False),
)
REVISIONS: Final = sa.Table(
    "revision",
    METADATA,
    sa.Column("alert", sa.ForeignKey("alert.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run", sa.ForeignKey("run.id"), nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("observed_at", sa.BigInteger, nullable=False),
    sa.Column("known_at", Instant, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("cells", sa.LargeBinary, nullable=False),
)
OUTBOX: Final = sa.Table(
    "outbox",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alert", sa.String(36), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("message_kind", sa.String(16), nullable=False),
    sa.Column("created", Instant, nullable=False),
    sa.UniqueConstraint("alert", "revision"),
    sa.ForeignKeyConstraint(["alert", "revision"], ["revision.alert", "revision.number"]),
)
LEASES: Final = sa.Table(
    "lease",
    METADATA,
    sa.Column("job", sa.ForeignKey("job.name"), primary_key=True),
    sa.Column("holder", sa.String(200), nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("token", sa.String(32), nullable=False),
)

DELIVERIES: Final = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("notification", sa.String(64), nullable=False),
    sa.Column("reader", sa.String(64), nullable=False),
    sa.Column("alert", sa.String(36), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("rule", sa.String(64), nullable=False),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created", Instant, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("tried_at", Instant),
    sa.Column("sent_at", Instant),
    # the last answer of the channel, one line, never with a secret
    sa.Column("answer", sa.String(300), nullable=False),
    sa.UniqueConstraint("notification", "reader", "alert", "revision"),
    sa.ForeignKeyConstraint(["alert", "revision"], ["revision.alert", "revision.number"]),
    sa.Index(None, "notification", "state", "next_at"),
)
LOOKED_AT: Final = sa.Table(
    "looked_at",
    METADATA,
    sa.Column("notification", sa.String(64), primary_key=True),
    sa.Column("outbox", sa.ForeignKey("outbox.id"), primary_key=True, autoincrement=False),
)
REVIEWS: Final = sa.Table(
    "review",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("job", sa.ForeignKey("job.name"), nullable=False, index=True),
    sa.Column("alert", sa.String(36), nullable=False),
    # the revision that was looked at
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32)),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("note", sa.String(500), nullable=False),
    sa.Column("known_at", Instant, nullable=False),
    sa.ForeignKeyConstraint(["alert", "revision"], ["revision.alert", "revision.number"]),
)
BULLETINS: Final = sa.Table(
    "bulletin",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("notification", sa.String(64), nullable=False),
    sa.Column("reader", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sector", sa.String(200), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    # what is said, as it was when it was decided on
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created", Instant, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("answer", sa.String(300), nullable=False),
    sa.Index(None, "notification", "state", "next_at"),
)


def default_url(folder: Path) -> str:
    """The URL of the SQLite database of a working folder."""
    return URL.create("sqlite", database=str(folder / FILE_NAME)).render_as_string(hide_password=False)


def open_database(url: str) -> Engine:
    """An engine on a checked database at the newest schema; a SQLite file that is absent is made, whole or not at all.

    Nothing stays open between transactions, so there is nothing to close, and a fork is safe. Raises BadDatabase, in
    one line, when the database is damaged, empty, foreign, newer than this program, or cannot be reached.
    """
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        _ensure_file(engine.url)
    with reading(engine) as connection:
        current = _check(connection)
    if not current:
        with writing(engine) as connection:
            _migrate(connection)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: one consistent snapshot, no lock. Raises BadDatabase when the database fails."""
    with _plainly(engine), engine.execution_options(readonly=True).begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: it has the lock from its first moment, and all of it happens or nothing.

    Raises BadDatabase when the database fails; any exception inside rolls back.
    """
    with _plainly(engine), engine.begin() as connection:
        yield connection


@contextmanager
def _plainly(engine: Engine) -> Iterator[None]:
    """What the driver says, as one line with a remedy; broken constraints stay errors of the program."""
    try:
        yield
    except DatabaseError as error:
        if type(error) not in (OperationalError, DatabaseError, InternalError) and not _forbidden(error):
            raise
        said = str(error.orig).splitlines()[0]
        remedy = next((mend for sign, mend in REMEDIES.items() if sign in said), "run `sachawatch doctor`")
        raise BadDatabase(f"database {_name(engine)}: {said}; {remedy}") from error


def _forbidden(error: DatabaseError) -> bool:
    """Whether a server keeps its user from it: SQLSTATE 42501, of which drivers make an error of the program."""
    return getattr(error.orig, "sqlstate", None) == "42501"


def _name(engine: Engine) -> str:
    """What to call it in a message: never with the password."""
    return (engine.dialect.name == "sqlite" and engine.url.database) or engine.url.render_as_string(hide_password=True)


def _engine(url: str | URL) -> Engine:
    try:
        asked = sa.make_url(url)
        if asked.drivername == "postgresql":  # which driver that means differs between versions of SQLAlchemy
            asked = asked.set(drivername="postgresql+psycopg")
        waits = asked.drivername == "postgresql+psycopg" and "connect_timeout" not in asked.query
        arguments = {"connect_timeout": CONNECT_TIMEOUT_S} if waits else {}
        engine = sa.create_engine(asked, poolclass=sa.pool.NullPool, connect_args=arguments)
    except (ArgumentError, NoSuchModuleError, ValueError):
        # the URL may hold a password, so it is not repeated
        raise BadDatabase("database: its URL cannot be read; give e.g. sqlite:///folder/sachawatch.db") from None
    except ModuleNotFoundError as error:
        extra = "sachawatch[postgres]" if error.name == "psycopg" else "it"
        raise BadDatabase(
            f"database: the driver {error.name} is not installed; install {extra} or use SQLite"
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin if engine.dialect.name == "sqlite" else _begin_on_a_server)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # or sqlite3 would begin transactions of its own, without the lock
    for setting in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _begin_on_a_server(connection: Connection) -> None:
    """The same there: who writes has the lock from its first moment, who reads sees one snapshot."""
    if connection.get_execution_options().get("readonly", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


def _ensure_file(url: URL) -> None:
    path = Path(url.database or ":memory:")
    if ":memory:" in str(path) or url.query:
        raise BadDatabase("database: it must be a plain file, not in memory and without options; name a file")
    if not path.exists():
        _create(path)
    elif path.is_file() and path.stat().st_size == 0:
        raise BadDatabase(f"database {path}: empty, it was cut off; restore a copy, or delete it to begin anew")


def _create(path: Path) -> None:
    """Made and migrated under a hidden name, then linked: who sees the file sees all of it, the first maker wins."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists():  # SQLite would play it into the new file
        raise BadDatabase(f"database {path}: missing, but {log.name} is there; put both back together, or delete that")
    hidden = path.with_name(f".{path.name}-{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadDatabase(f"database {path}: {error.strerror}; name a folder that may be written") from error
    try:
        with writing(_engine(URL.create("sqlite", database=str(hidden)))) as connection:
            _migrate(connection)
        os.link(hidden, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except FileExistsError:
        pass
    except OSError as error:
        raise BadDatabase(f"database {path}: {error.strerror}; check that its folder may be written") from error
    finally:
        hidden.unlink(missing_ok=True)


def _check(connection: Connection) -> bool:
    """Whether the schema is the newest one. Raises BadDatabase for a damaged, foreign or newer database."""
    name, sqlite = _name(connection.engine), connection.dialect.name == "sqlite"
    if sqlite and (found := str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())) != "ok":
        raise BadDatabase(f"database {name}: {found.splitlines()[-1]}; {REMEDIES['malformed']}")
    tables = set(sa.inspect(connection).get_table_names()) - OF_EXTENSIONS
    if not tables and not sqlite:  # a server's database begins without tables; a file of ours never has none
        return False
    version = connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if VERSIONS in tables else None
    if version is None:
        raise BadDatabase(f"database {name}: not a database of Sachawatch; name another one")
    scripts = ScriptDirectory(str(MIGRATIONS))
    if version not in {script.revision for script in scripts.walk_revisions()}:
        known = scripts.get_current_head()
        raise BadDatabase(f"database {name}: schema {version} is newer than {known}; install the newer Sachawatch")
    return bool(version == scripts.get_current_head())


def _migrate(connection: Connection) -> None:
    """Brings the schema to the newest revision inside the caller's transaction; nothing to do when it is there."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with ONE_AT_A_TIME:
        command.upgrade(config, "head")
