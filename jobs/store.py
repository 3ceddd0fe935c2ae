"""The alerts: how a revision becomes rows and comes back, and the one transaction in which a run becomes true."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Final, Literal, get_args, get_type_hints

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine, Row

from detection.alerts import WITHDRAWN, Alert
from detection.errors import BadInput, DetectionError
from detection.types import Scene, digest
from jobs.database import ALERTS, JOBS, OUTBOX, REVISIONS, RUNS, SCENES, STEPS, TILES, BadDatabase, reading, writing
from jobs.ledger import Clock, Lease, Run, SceneOutcome, UnknownJob, committed_digest, put_run
from jobs.state import Generation

MessageKind = Literal["alert", "update", "cancel"]
Printed = tuple[Alert, str]
"""A revision and its fingerprint."""
DATES: Final = frozenset(name for name, hint in get_type_hints(Alert).items() if date in (hint, *get_args(hint)))
"""Fields of an alert that are ISO dates in its record."""
RECORDED: Final = tuple(one.name for one in fields(Alert) if one.name != "cells")
IDS_A_QUERY: Final = 1_000
"""Far below the 32,766 variables that SQLite allows in a statement (sqlite.org/limits.html, item 9)."""


class Contradiction(DetectionError):
    """What was said once would be said differently under the same id: a rewrite of the past, refused."""


@dataclass(frozen=True)
class Pointer:
    """Which generations count for a tile from now on."""

    tile: str
    """Id of the tile."""
    state: Generation
    """The detector's state after this run."""
    looks: Generation | None = None
    """The prepared looks kept after this run; null: none are kept."""


def fingerprint(alert: Alert) -> str:
    """sha256 (hex) of the content of a revision; which run said it, and when we knew, are no part of it.

    Raises BadInput for a record that JSON cannot hold (NaN, infinity) and for cells that are not (n, 2) int32.
    """
    try:
        return _printed(_record(alert), _cells(alert))
    except (TypeError, ValueError) as error:
        raise BadInput(f"alert {alert.id} revision {alert.revision}: {error}; every figure must be finite") from error


def _printed(record: Mapping[str, Any], cells: bytes) -> str:
    """Of the record as it is stored: one from before a field was added is still what was said then."""
    text = json.dumps(record, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode() + b"\0" + cells).hexdigest()


def message_kind(alert: Alert) -> MessageKind:
    """What a receiver is told: of the first revision an alert, of a withdrawn one to forget it, else an update."""
    if alert.revision == 1:
        return "alert"
    return "cancel" if alert.status in WITHDRAWN else "update"


def latest(engine: Engine, job: str) -> dict[str, Alert]:
    """The last revision of every alert of a job, open and closed, by id. Raises BadDatabase for a damaged row."""
    last = sa.select(REVISIONS.c.alert, sa.func.max(REVISIONS.c.number).label("number"))
    last_one = last.join(ALERTS).where(ALERTS.c.job == job).group_by(REVISIONS.c.alert).subquery()
    here = sa.and_(REVISIONS.c.alert == last_one.c.alert, REVISIONS.c.number == last_one.c.number)
    found = _alerts(engine, sa.select(REVISIONS).join(last_one, here).order_by(REVISIONS.c.alert))
    return {alert.id: alert for alert in found}


def known_at(engine: Engine, job: str) -> dict[str, str]:
    """When the latest revision of every alert of a job was committed, ISO 8601 UTC ending in Z, by id."""
    when = sa.select(REVISIONS.c.alert, sa.func.max(REVISIONS.c.known_at).label("known_at"))
    with reading(engine) as connection:
        rows = connection.execute(when.join(ALERTS).where(ALERTS.c.job == job).group_by(REVISIONS.c.alert))
        return {row.alert: row.known_at.strftime("%Y-%m-%dT%H:%M:%SZ") for row in rows}


def began_at(engine: Engine, job: str) -> dict[str, datetime]:
    """Alert -> when its first revision was committed, UTC."""
    asked = sa.select(REVISIONS.c.alert, REVISIONS.c.known_at).join(ALERTS)
    with reading(engine) as connection:
        rows = connection.execute(asked.where(ALERTS.c.job == job, REVISIONS.c.number == 1))
        return {row.alert: row.known_at for row in rows}


def when_known(engine: Engine, ident: str) -> dict[int, datetime]:
    """Revision of an alert -> when it was committed, UTC."""
    asked = sa.select(REVISIONS.c.number, REVISIONS.c.known_at).where(REVISIONS.c.alert == ident)
    with reading(engine) as connection:
        return {row.number: row.known_at for row in connection.execute(asked)}


def history(engine: Engine, ident: str) -> list[Alert]:
    """All revisions of one alert, oldest first; none when it is unknown. Raises BadDatabase for a damaged row."""
    return _alerts(engine, sa.select(REVISIONS).where(REVISIONS.c.alert == ident).order_by(REVISIONS.c.number))


@dataclass(frozen=True)
class Known:
    """A revision as it was committed."""

    alert: Alert
    """What was said."""
    known_at: datetime
    """When it was committed, UTC."""


def revisions(engine: Engine, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
    """(alert, revision) -> what was said; what is not there is left out. Raises BadDatabase for a damaged row."""
    made: dict[tuple[str, int], Known] = {}
    wanted = set(keys)
    ids = sorted({ident for ident, _ in keys})
    for start in range(0, len(ids), IDS_A_QUERY):
        asked = sa.select(REVISIONS).where(REVISIONS.c.alert.in_(ids[start : start + IDS_A_QUERY]))
        with _whole(), reading(engine) as connection:
            rows = [row for row in connection.execute(asked).all() if (row.alert, row.number) in wanted]
            made |= {(row.alert, row.number): Known(_alert_of(row), row.known_at) for row in rows}
    return made


def commit_run(
    engine: Engine,
    lease: Lease,
    run: Run,
    pointers: Sequence[Pointer],
    scenes: Mapping[Scene, SceneOutcome],
    revisions: Sequence[Alert],
    now: Clock,
) -> bool:
    """One transaction: the tiles' pointers, the scenes, alerts with their revisions, what is to be sent, and the run.

    False when this run had committed the same before: then nothing is touched. The generations pointed to must be on
    the disk already. Raises LeaseLost; Contradiction when the run or a revision was committed with another content, or
    a revision is missing; UnknownJob for a tile that is not registered; BadInput as `fingerprint`.
    """
    if lease.job != run.job:
        raise ValueError(f"the lease is for job {lease.job!r}, the run of job {run.job!r}")
    in_turn = sorted(revisions, key=lambda alert: (alert.id, alert.revision))
    printed = [(alert, fingerprint(alert)) for alert in in_turn]
    content = _content_digest(run, pointers, scenes, printed)
    with writing(engine) as connection:
        lease.check(connection)
        before = committed_digest(connection, run.id)
        if before is not None and before != content:
            raise Contradiction(f"run {run.id}: already committed with another result; derive its id from its inputs")
        if before is not None:
            return False
        at = now()
        put_run(connection, replace(run, finished=at, published=False), content)
        connection.execute(sa.update(JOBS).where(JOBS.c.name == run.job).values(config_digest=run.config_digest))
        connection.execute(sa.delete(STEPS).where(STEPS.c.run.in_(sa.select(RUNS.c.id).where(RUNS.c.job == run.job))))
        _move_pointers(connection, run.job, pointers)
        _record_scenes(connection, run, scenes)
        _say(connection, run, printed, at)
    return True


def _content_digest(
    run: Run,
    pointers: Sequence[Pointer],
    scenes: Mapping[Scene, SceneOutcome],
    printed: Sequence[Printed],
) -> str:
    """Of all that the run says, but not of when it ran or how long it took."""
    said = {
        "run": [run.job, run.config_digest, run.outcome],
        "pointers": sorted([p.tile, p.state.sha256, p.looks.sha256 if p.looks else ""] for p in pointers),
        "scenes": sorted([scene.id, outcome] for scene, outcome in scenes.items()),
        "revisions": sorted([alert.id, alert.revision, print_] for alert, print_ in printed),
    }
    return digest(said)


def _move_pointers(connection: Connection, job: str, pointers: Sequence[Pointer]) -> None:
    for pointer in pointers:
        moved = sa.update(TILES).where(TILES.c.job == job, TILES.c.id == pointer.tile)
        row = {
            "generation": sa.func.coalesce(TILES.c.generation, 0) + 1,
            "state_path": pointer.state.path,
            "state_sha256": pointer.state.sha256,
            "looks_path": pointer.looks.path if pointer.looks else None,
            "looks_sha256": pointer.looks.sha256 if pointer.looks else None,
        }
        if not connection.execute(moved.values(row)).rowcount:
            raise UnknownJob(f"job {job!r}: has no tile {pointer.tile!r}; register its tiles first")


def _record_scenes(connection: Connection, run: Run, scenes: Mapping[Scene, SceneOutcome]) -> None:
    """A scene once taken in stays so; one that failed or came too late may still be taken by a later run."""
    stored = connection.execute(sa.select(SCENES.c.id, SCENES.c.outcome).where(SCENES.c.job == run.job))
    known: dict[str, str] = {row.id: row.outcome for row in stored}
    rows = [{"job": run.job, **vars(scene), "outcome": scenes[scene], "run": run.id} for scene in sorted(scenes)]
    if new := [row for row in rows if row["id"] not in known]:
        connection.execute(sa.insert(SCENES), new)
    for row in rows:
        if known.get(row["id"], "taken") not in ("taken", row["outcome"]):
            here = SCENES.c.job == run.job, SCENES.c.id == row["id"]
            connection.execute(sa.update(SCENES).where(*here).values(outcome=row["outcome"], run=run.id))


def say(connection: Connection, run: Run, revisions: Sequence[Alert], at: datetime) -> None:
    """Put revisions on record, and into the outbox: a part of the caller's transaction. Raises as `commit_run`."""
    in_turn = sorted(revisions, key=lambda alert: (alert.id, alert.revision))
    _say(connection, run, [(alert, fingerprint(alert)) for alert in in_turn], at)


def _say(connection: Connection, run: Run, printed: Sequence[Printed], at: datetime) -> None:
    """Inserts what is new, in order; checks what was said before."""
    known = _known(connection, run.job, sorted({alert.id for alert, _ in printed}))
    said = [(alert, print_) for alert, print_ in printed if _is_new(alert, print_, known.setdefault(alert.id, {}))]
    minted = [_alert_row(alert, run) for alert, _ in said if alert.revision == 1]
    for table, rows in (
        (ALERTS, minted),
        (REVISIONS, [_revision_row(alert, print_, run, at) for alert, print_ in said]),
        (OUTBOX, [_outbox_row(alert, at) for alert, _ in said]),
    ):
        if rows:
            connection.execute(sa.insert(table), rows)


def _known(connection: Connection, job: str, ids: Sequence[str]) -> dict[str, dict[int, str]]:
    """Fingerprints by id and number. Raises Contradiction when another job has minted one of the ids."""
    known: dict[str, dict[int, str]] = {}
    columns = (ALERTS.c.id, ALERTS.c.job, REVISIONS.c.number, REVISIONS.c.fingerprint)
    for start in range(0, len(ids), IDS_A_QUERY):
        some = sa.select(*columns).join_from(ALERTS, REVISIONS).where(ALERTS.c.id.in_(ids[start : start + IDS_A_QUERY]))
        for row in connection.execute(some):
            if row.job != job:
                raise Contradiction(f"alert {row.id}: minted by job {row.job!r} too; give each job its own collection")
            known.setdefault(row.id, {})[row.number] = row.fingerprint
    return known


def _is_new(alert: Alert, print_: str, said: dict[int, str]) -> bool:
    """Whether it is the next revision (then it is noted); False when it was said before, word for word."""
    what = f"alert {alert.id} revision {alert.revision}"
    if alert.revision in said:
        if said[alert.revision] != print_:
            raise Contradiction(f"{what}: already said with another content; say it as revision {max(said) + 1}")
        return False
    if alert.revision != len(said) + 1:
        raise Contradiction(f"{what}: follows revision {len(said)}; say every revision in turn")
    said[alert.revision] = print_
    return True


def _alert_row(alert: Alert, run: Run) -> dict[str, Any]:
    """The anchor, what the id is minted from, is the first cell (northernmost, then westernmost) at revision 1."""
    if not len(alert.cells):
        raise BadInput(f"alert {alert.id}: its first revision has no cells, so it has no place; leave it out")
    row, column = alert.cells[0].tolist()
    anchor = {"anchor_row": row, "anchor_column": column, "change_date": alert.change_date}
    return {"id": alert.id, "job": run.job, "minted_run": run.id, **anchor}


def _revision_row(alert: Alert, print_: str, run: Run, at: datetime) -> dict[str, Any]:
    when = {"observed_at": int(alert.observed_at), "known_at": at}
    said = {"fingerprint": print_, "record": _record(alert), "cells": zlib.compress(_cells(alert))}
    return {"alert": alert.id, "number": alert.revision, "run": run.id, "status": alert.status, **when, **said}


def _outbox_row(alert: Alert, at: datetime) -> dict[str, Any]:
    return {"alert": alert.id, "revision": alert.revision, "message_kind": message_kind(alert), "created": at}


def _record(alert: Alert) -> dict[str, Any]:
    """All fields but the cells, as JSON: dates ISO, numbers of numpy as Python's, cells confirmed or not as ones and noughts."""
    return {name: _plain(getattr(alert, name)) for name in RECORDED}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return "".join("1" if yes else "0" for yes in value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def _cells(alert: Alert) -> bytes:
    """(n, 2) int32, little-endian, row by row."""
    cells: NDArray[Any] = alert.cells
    if cells.ndim != 2 or cells.shape[1] != 2 or not np.can_cast(cells.dtype, np.int32):
        raise BadInput(f"alert {alert.id}: cells are {cells.dtype} {cells.shape}; (n, 2) int32 expected")
    return cells.astype("<i4").tobytes()


def _alerts(engine: Engine, query: sa.Select[Any]) -> list[Alert]:
    with _whole(), reading(engine) as connection:
        return [_alert_of(row) for row in connection.execute(query).all()]


@contextmanager
def _whole() -> Iterator[None]:
    """What is read of alerts in here is as it was written. Raises BadDatabase where it is not."""
    try:
        yield
    except (BadInput, KeyError, TypeError, ValueError, zlib.error) as error:
        damage = f"an alert cannot be read ({error})"
        raise BadDatabase(f"database: {damage}; restore a copy of it, or run `sachawatch doctor`") from error


def _alert_of(row: Row[Any]) -> Alert:
    """The inverse of `_revision_row`. Raises ValueError when it is not what was written: SQLite would not notice."""
    record: dict[str, Any] = {
        name: date.fromisoformat(value) if value and name in DATES else value
        for name, value in dict(row.record).items()
    }
    packed = zlib.decompress(row.cells)
    cells = np.frombuffer(packed, "<i4").reshape(-1, 2).astype(np.int32)
    record = {"driver": None, "confirmed_cells": "0" * len(cells), "confirmed_ha": 0.0} | record
    record["confirmed_cells"] = np.array([digit == "1" for digit in record["confirmed_cells"]], np.bool_)
    alert = Alert(**record, cells=cells)
    if _printed(dict(row.record), packed) != row.fingerprint or (alert.id, alert.revision) != (row.alert, row.number):
        raise ValueError(f"{row.alert} revision {row.number} does not match its fingerprint")
    return alert
