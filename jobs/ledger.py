"""What is asked of the database about the work: jobs and their tiles, runs, scenes, and who may write (the lease)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import IntegrityError

from detection.errors import BadInput, DetectionError, StaleState
from detection.types import Grid, Scene
from jobs.completeness import Coverage
from jobs.database import COVERAGE, JOBS, LEASES, RUNS, SCENES, STEPS, TILES, reading, writing
from jobs.state import Generation

Clock = Callable[[], datetime]
"""The time in UTC, with its zone; handed in by the caller, so that no test and no replay depends on the wall clock."""
RunOutcome = Literal["running", "done", "partial", "failed", "review"]
SceneOutcome = Literal["taken", "too_late", "failed"]
SEEN: Final = tuple(one.name for one in fields(Coverage))
"""Columns of the account of a scene."""


class Busy(DetectionError):
    """Another process works on this job; only one may at a time."""


class LeaseLost(DetectionError):
    """This process held the job too long without renewing and another one took over; nothing was written."""


class UnknownJob(DetectionError):
    """The database has no job, run or tile of this name."""


@dataclass(frozen=True)
class Job:
    """One config's standing work: what its alerts belong to."""

    name: str
    """Unique in the database."""
    collection: str
    """What the ids of its alerts are minted from; not shared by two jobs."""
    config_digest: str
    """sha256 of the config of the last committed run (at first: of the registration)."""
    grid: Grid
    """The grid it works on, for ever."""
    created: datetime
    """When it was registered."""


@dataclass(frozen=True)
class Tile:
    """One tile of a job and the generations that count for it; null before its first commit."""

    id: str
    """Unique within the job."""
    row: int
    """Row of its upper-left cell, as the caller counts; the database only keeps it."""
    column: int
    """Column of its upper-left cell."""
    rows: int
    """Height in cells, without the halo."""
    columns: int
    """Width in cells, without the halo."""
    generation: int | None = None
    """1, 2, ...: how many commits have moved its pointers."""
    state: Generation | None = None
    """The detector's state."""
    looks: Generation | None = None
    """The prepared looks kept for replay."""


@dataclass(frozen=True)
class Run:
    """One run of a job. Its id is derived by the caller from what it is going to do."""

    id: str
    """Derived; a second commit under the same id must bring the same content."""
    job: str
    """Name of the job."""
    started: datetime
    """UTC."""
    outcome: RunOutcome
    """`running` until it ended; `review` where people said something and nothing was looked at."""
    config_digest: str
    """sha256 of the config it ran with."""
    code_version: str
    """Version of the program."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Counts, failures, timings: anything JSON can say."""
    finished: datetime | None = None
    """UTC; null while it runs, or when it was killed."""
    published: bool = False
    """Whether its outputs have been written after the commit."""


@dataclass(frozen=True)
class Step:
    """What one tile has done in a run that is under way."""

    tile: str
    """Id of the tile."""
    stage: Literal["observe", "detect"]
    """Which half of the work."""
    state: Generation
    """The state it wrote."""
    looks: Generation
    """The looks it wrote."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Scenes that could not be read or came too late."""


@dataclass(frozen=True)
class Lease:
    """The right to write for one job. Time decides who may take it over; the token alone decides who may write.

    A holder that overslept but that nobody replaced thus loses nothing, and a killed one leaves nothing to unlock.
    """

    engine: Engine
    """The database it stands in."""
    job: str
    """Name of the job."""
    holder: str
    """Who, for the message to others: e.g. `pid 4711 on host`."""
    seconds: float
    """How long it lasts without being renewed."""
    now: Clock
    """The caller's clock."""
    token: str
    """Drawn anew for each lease."""

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_raised: object) -> None:
        with writing(self.engine) as connection:
            connection.execute(sa.delete(LEASES).where(*self._mine()))

    def renew(self) -> None:
        """Lasts again for its full time from now. Raises LeaseLost when another process has taken over."""
        with writing(self.engine) as connection:
            until = self.now() + timedelta(seconds=self.seconds)
            changed = connection.execute(sa.update(LEASES).where(*self._mine()).values(expires_at=until))
            if not changed.rowcount:
                raise _lost(connection, self.job)

    def held(self) -> bool:
        """Whether nobody has taken over."""
        with reading(self.engine) as connection:
            return connection.scalar(sa.select(LEASES.c.token).where(*self._mine())) is not None

    def check(self, connection: Connection) -> None:
        """To be called first in every transaction that writes for the job. Raises LeaseLost."""
        if connection.scalar(sa.select(LEASES.c.token).where(*self._mine()).with_for_update()) is None:
            raise _lost(connection, self.job)

    def _mine(self) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return LEASES.c.job == self.job, LEASES.c.token == self.token


def lease(engine: Engine, job: str, holder: str, seconds: float, now: Clock) -> Lease:
    """Takes the job, or takes it over where the last lease has expired; use it with `with`, which gives it back.

    Raises Busy, naming holder and expiry, while another lease lasts; UnknownJob when the job is not registered.
    """
    taken = Lease(engine, job, holder, seconds, now, uuid4().hex)
    at = now()
    row = {"holder": holder, "expires_at": at + timedelta(seconds=seconds), "token": taken.token}
    try:
        with writing(engine) as connection:
            _job_row(connection, job)
            expired = sa.update(LEASES).where(LEASES.c.job == job, LEASES.c.expires_at <= at)
            if not connection.execute(expired.values(row)).rowcount:
                connection.execute(sa.insert(LEASES).values(job=job, **row))
    except IntegrityError:  # the row is there and has not expired: the primary key decides, on every database
        raise Busy(_holder(engine, job)) from None
    return taken


def holder(engine: Engine, job: str) -> str | None:
    """Who holds the job, expired or not; None when nobody does."""
    with reading(engine) as connection:
        found: str | None = connection.scalar(sa.select(LEASES.c.holder).where(LEASES.c.job == job))
    return found


def evict(engine: Engine, job: str, dead: str) -> None:
    """Takes the lease from a holder known to be dead; nothing happens when somebody else holds it by now."""
    with writing(engine) as connection:
        connection.execute(sa.delete(LEASES).where(LEASES.c.job == job, LEASES.c.holder == dead))


def register_job(engine: Engine, job: Job, tiles: Sequence[Tile]) -> None:
    """Enters a job and its tiles; does nothing when it is there with the same collection, grid and tiles.

    Raises StaleState when it is there with others: its state and the ids of its alerts rest on them.
    """
    with writing(engine) as connection:
        if connection.scalar(sa.select(JOBS.c.name).where(JOBS.c.name == job.name)) is None:
            row = {"lattice": job.grid.lattice, "grid": asdict(job.grid), "created": job.created}
            plain = {"name": job.name, "collection": job.collection, "config_digest": job.config_digest}
            connection.execute(sa.insert(JOBS).values(plain | row))
            rows = [{"job": job.name, **_place(tile)} for tile in tiles]
            if rows:
                connection.execute(sa.insert(TILES), rows)
            return
        found, places = _job_of(_job_row(connection, job.name)), _places(_tiles(connection, job.name))
    before, after = (found.collection, found.grid, places), (job.collection, job.grid, _places(tiles))
    for what, was, is_now in zip(("collection", "grid", "tiling"), before, after, strict=True):
        if was != is_now:
            raise StaleState(f"job {job.name!r}: its {what} changed since it began; give the changed job another name")


def find_job(engine: Engine, name: str) -> Job:
    """Raises UnknownJob when it was never registered."""
    with reading(engine) as connection:
        return _job_of(_job_row(connection, name))


def tiles(engine: Engine, job: str) -> tuple[Tile, ...]:
    """All tiles of a job in order of id, with the generations that count now."""
    with reading(engine) as connection:
        return _tiles(connection, job)


def generations(engine: Engine, job: str) -> frozenset[str]:
    """Names of all generations that count: what `state.sweep` must keep in the job's folder."""
    pointers = [pointer for tile in tiles(engine, job) for pointer in (tile.state, tile.looks)]
    return frozenset(pointer.path for pointer in pointers if pointer)


def taken_scenes(
    engine: Engine, job: str, outcomes: Sequence[SceneOutcome] = ("taken", "too_late")
) -> tuple[Scene, ...]:
    """The scenes a run need not look at again (or those of other outcomes), in canonical order."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(SCENES).where(SCENES.c.job == job, SCENES.c.outcome.in_(outcomes)))
        return tuple(sorted(Scene(row.instant, row.platform, row.id, row.orbit) for row in rows))


def record_run(engine: Engine, lease: Lease, run: Run) -> None:
    """Writes down that a run began, or how it ended without a commit. Never touches a run that has committed.

    Raises LeaseLost; BadInput when a run of this id has already committed.
    """
    with writing(engine) as connection:
        lease.check(connection)
        if committed_digest(connection, run.id) is not None:
            raise BadInput(f"run {run.id}: already committed; derive the id also from the run before")
        put_run(connection, run, None)


def put_run(connection: Connection, run: Run, content_digest: str | None) -> None:
    """Writes the run's row, new or over the one it began with; a part of the caller's transaction."""
    row = {**vars(run), "content_digest": content_digest}
    if not connection.execute(sa.update(RUNS).where(RUNS.c.id == run.id).values(row)).rowcount:
        connection.execute(sa.insert(RUNS).values(row))


def committed_digest(connection: Connection, run_id: str) -> str | None:
    """sha256 of what the run of this id committed; null when it has not."""
    found: str | None = connection.scalar(sa.select(RUNS.c.content_digest).where(RUNS.c.id == run_id))
    return found


def record_step(engine: Engine, lease: Lease, run_id: str, step: Step, coverage: Sequence[Coverage] = ()) -> None:
    """Writes down what a tile has done in a run that is under way, so that a resumed run need not do it again.

    coverage: what the tile saw of the scenes it read in this step (`completeness.looked`), written in the same
    transaction; a scene that was read before is replaced. Raises LeaseLost.
    """
    row = {"run": run_id, "tile": step.tile, "stage": step.stage, "detail": step.detail}
    state = {"state_path": step.state.path, "state_sha256": step.state.sha256}
    looks = {"looks_path": step.looks.path, "looks_sha256": step.looks.sha256}
    with writing(engine) as connection:
        lease.check(connection)
        same = (STEPS.c.run == run_id, STEPS.c.tile == step.tile, STEPS.c.stage == step.stage)
        connection.execute(sa.delete(STEPS).where(*same))
        connection.execute(sa.insert(STEPS).values(row | state | looks))
        _put_coverage(connection, lease.job, coverage)


def _put_coverage(connection: Connection, job: str, coverage: Sequence[Coverage]) -> None:
    """Row by row the newest account of a tile and scene; deleting first does the same on every database."""
    rows = [{"job": job, **{name: getattr(one, name) for name in SEEN}} for one in coverage]
    if rows:
        keys = ("job", "tile", "scene")
        same = sa.and_(*(COVERAGE.c[key] == sa.bindparam(f"the_{key}") for key in keys))
        connection.execute(sa.delete(COVERAGE).where(same), [{f"the_{key}": row[key] for key in keys} for row in rows])
        connection.execute(sa.insert(COVERAGE), rows)


def coverage(engine: Engine, job: str) -> tuple[Coverage, ...]:
    """What every tile saw of every scene it was asked for, in order of tile, day and scene."""
    columns = [COVERAGE.c[name] for name in SEEN]
    wanted = sa.select(*columns).where(COVERAGE.c.job == job)
    with reading(engine) as connection:
        rows = connection.execute(wanted.order_by(COVERAGE.c.tile, COVERAGE.c.day, COVERAGE.c.scene))
        return tuple(Coverage(*row) for row in rows)


def steps(engine: Engine, run_id: str) -> tuple[Step, ...]:
    """What the tiles have done in a run that has not committed; empty for one that has."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(STEPS).where(STEPS.c.run == run_id).order_by(STEPS.c.tile, STEPS.c.stage))
        return tuple(
            Step(
                row.tile,
                row.stage,
                Generation(row.state_path, row.state_sha256),
                Generation(row.looks_path, row.looks_sha256),
                row.detail,
            )
            for row in rows
        )


def unpublished_run(engine: Engine, job: str) -> Run | None:
    """The oldest run that committed but whose outputs were not yet written: the next run starts by writing them."""
    owed = sa.select(RUNS).where(RUNS.c.job == job, RUNS.c.content_digest.is_not(None), ~RUNS.c.published)
    with reading(engine) as connection:
        row = connection.execute(owed.order_by(RUNS.c.finished, RUNS.c.id).limit(1)).one_or_none()
    return _run_of(row) if row else None


def mark_published(engine: Engine, lease: Lease, run_id: str) -> None:
    """Its outputs are written. Raises LeaseLost, and UnknownJob for a run that never committed."""
    with writing(engine) as connection:
        lease.check(connection)
        if committed_digest(connection, run_id) is None:
            raise UnknownJob(f"run {run_id}: never committed, so there is nothing to publish; run the job first")
        connection.execute(sa.update(RUNS).where(RUNS.c.id == run_id).values(published=True))


def runs(engine: Engine, job: str) -> tuple[Run, ...]:
    """All runs of a job, oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(RUNS).where(RUNS.c.job == job).order_by(RUNS.c.started, RUNS.c.id))
        return tuple(_run_of(row) for row in rows)


def _job_row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(sa.select(JOBS).where(JOBS.c.name == name)).one_or_none()
    if row is None:
        raise UnknownJob(f"job {name!r}: not in this database; run it once, or name the right working folder")
    return row


def _job_of(row: Row[Any]) -> Job:
    grid = Grid(**{**row.grid, "shape": tuple(row.grid["shape"])})
    return Job(row.name, row.collection, row.config_digest, grid, row.created)


def _run_of(row: Row[Any]) -> Run:
    return Run(**{name: value for name, value in row._mapping.items() if name != "content_digest"})


def _tiles(connection: Connection, job: str) -> tuple[Tile, ...]:
    rows = connection.execute(sa.select(TILES).where(TILES.c.job == job).order_by(TILES.c.id))
    return tuple(_tile_of(row) for row in rows)


def _tile_of(row: Row[Any]) -> Tile:
    state = Generation(row.state_path, row.state_sha256) if row.state_path else None
    looks = Generation(row.looks_path, row.looks_sha256) if row.looks_path else None
    return Tile(row.id, row.row, row.column, row.rows, row.columns, row.generation, state, looks)


def _place(tile: Tile) -> dict[str, Any]:
    return {name: getattr(tile, name) for name in ("id", "row", "column", "rows", "columns")}


def _places(tiles: Sequence[Tile]) -> list[tuple[Any, ...]]:
    return sorted(tuple(_place(tile).values()) for tile in tiles)


def _lost(connection: Connection, job: str) -> LeaseLost:
    holder = connection.scalar(sa.select(LEASES.c.holder).where(LEASES.c.job == job)) or "another process"
    return LeaseLost(f"job {job!r}: its lease ran out and {holder} took over; nothing was written, run again")


def _holder(engine: Engine, job: str) -> str:
    with reading(engine) as connection:
        row = connection.execute(sa.select(LEASES).where(LEASES.c.job == job)).one_or_none()
    if row is None:  # given back between the two looks
        return f"job {job!r}: was held by another process until just now; try again"
    until = row.expires_at.isoformat(timespec="seconds")
    return f"job {job!r}: {row.holder} works on it, its lease lasts until {until}; wait, or stop that process"
