"""What people say of alerts, put on record: a revision each, in one transaction, so that whoever was told hears of it.

The detector goes on underneath: `detection.alerts.reconcile` sets the review that counts over every later revision.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from detection.alerts import REASONS, VERDICTS, Alert, Review, Verdict, called, content, reviewed
from detection.errors import BadInput
from detection.types import digest
from jobs import PACKAGE, ledger, store
from jobs.database import REVIEWS, reading, writing
from jobs.holder import take
from jobs.ledger import Clock, Lease, Run

COLUMNS: Final = ("code", "verdict", "reason", "by", "at", "note", "revision")
"""Of a file of reviews; `reason`, `note` and `revision` may be left out or empty."""
NEEDED: Final = ("code", "verdict", "by", "at")
LONGEST: Final = {"by": 80, "note": 500}
SHOWN: Final = 20
"""So many mistakes of a file are said; the rest is counted."""


@dataclass(frozen=True)
class Said:
    """One review, as somebody gave it."""

    code: str
    """Short code of the alert, or its id."""
    verdict: Verdict
    """What is said."""
    by: str
    """Who says so: a role rather than a name, e.g. `analyst`."""
    at: datetime
    """When the images were looked at, UTC."""
    reason: str | None = None
    """One of REASONS; a rejection has one."""
    note: str = ""
    """Anything more."""
    revision: int | None = None
    """The revision looked at; null: the last one known at that time."""
    place: str = "review"
    """Where it stands, for messages."""

    def __post_init__(self) -> None:
        """Raises BadInput, one line, for what cannot be a review."""
        for wrong, line in (
            (self.verdict not in VERDICTS, f"verdict {self.verdict!r} is none; write {', '.join(VERDICTS)}"),
            (self.verdict == "rejected" and self.reason is None, f"a rejection has a reason; write {', '.join(REASONS)}"),
            (self.verdict != "rejected" and self.reason is not None, "only a rejection has a reason; leave it out"),
            (self.reason is not None and self.reason not in REASONS,
             f"reason {self.reason!r} is none; write {', '.join(REASONS)}"),
            (not self.by.strip(), "nobody says so; write who, a role will do, e.g. analyst"),
            *((len(getattr(self, name)) > most or not getattr(self, name).isprintable(),
               f"`{name}` is one line of at most {most} characters; shorten it") for name, most in LONGEST.items()),
        ):  # fmt: skip
            if wrong:
                raise BadInput(f"{self.place}: {line}")


@dataclass(frozen=True)
class Reviewed:
    """What came of reviews."""

    new: int
    """Reviews put on record; the others were there already."""
    revisions: tuple[Alert, ...]
    """Revisions they made."""

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from (f"{a.short_code}: {a.status}, revision {a.revision}" for a in self.revisions)
        yield f"{self.new} reviews on record, {len(self.revisions)} alerts changed" + (
            "; `sachawatch notify` tells those who heard of them, the next run writes the products"
            if self.revisions
            else ""
        )


def read_reviews(path: Path, now: datetime) -> list[Said]:
    """The reviews of a CSV file (UTF-8, with a header of COLUMNS).

    Raises BadInput with a line for each mistake; then none of the file counts.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not UTF-8; save it as CSV UTF-8") from None
    rows = csv.DictReader(text.splitlines(), strict=True)
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    if (missing := set(NEEDED) - set(names)) or (other := set(names) - set(COLUMNS)):
        wrong = f"lacks {', '.join(sorted(missing))}" if missing else f"has a column {sorted(other)[0]!r}"
        raise BadInput(f"{path}: its header {wrong}; write {','.join(COLUMNS)}")
    made: list[Said] = []
    mistakes: list[str] = []
    try:
        for number, row in enumerate(rows, 2):
            cells = {
                name.strip().lower(): (value or "").strip() for name, value in row.items() if isinstance(name, str)
            }
            try:
                made.append(_line(cells, now, f"{path} line {number}"))
            except BadInput as error:
                mistakes.append(str(error))
    except csv.Error as error:
        mistakes.append(f"{path} line {rows.line_num}: {error}; put quotes around what holds a comma")
    _refuse(mistakes)
    return made


def _line(cells: Mapping[str, str], now: datetime, place: str) -> Said:
    if not cells["at"]:  # or the same file would be another one tomorrow
        raise BadInput(f"{place}: at is empty; write when the images were looked at")
    return given(cells, now, place)


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        more = [f"and {len(mistakes) - SHOWN} more lines; none of the file counts"] if len(mistakes) > SHOWN else []
        raise BadInput("\n".join([*mistakes[:SHOWN], *more]))


def given(cells: Mapping[str, Any], now: datetime, place: str = "review") -> Said:
    """A review from its parts, by the names of COLUMNS; without `at` it is of now. Raises BadInput, one line with the place."""
    said = {name: str(value).strip() for name, value in cells.items() if value is not None}
    revision, at = said.get("revision", ""), _moment(said["at"], place) if said.get("at") else now
    if at > now:
        raise BadInput(f"{place}: at {said['at']!r} is still to come; write when the images were looked at")
    if revision and not (revision.isascii() and revision.isdigit() and int(revision)):
        raise BadInput(f"{place}: revision {revision!r} is none; write 1, 2, ..., or leave it out")
    verdict, reason = said.get("verdict", "").lower().replace("-", "_"), said.get("reason", "").upper()
    return Said(
        _code(said["code"], place), cast(Verdict, verdict), said.get("by", ""), at, reason or None, said.get("note", ""),
        int(revision) if revision else None, place,
    )  # fmt: skip


def _moment(text: str, place: str) -> datetime:
    """An instant in ISO 8601; without a zone it is UTC. Raises BadInput."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{place}: at {text!r} is no date; write 2026-11-30 or 2026-11-30T15:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _code(text: str, place: str) -> str:
    """A short code as it is written, or an id. Raises BadInput."""
    try:
        return called(text)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from None


def review(engine: Engine, job: str, said: Sequence[Said], now: Clock) -> Reviewed:
    """Put reviews on record, all or none; saying the same twice is saying it once.

    Raises BadInput with a line for each that names no alert of the job; `ledger.Busy` while a run is at work.
    """
    with take(engine, job, now) as lease:
        alerts = store.latest(engine, job)
        rows = _rows(engine, job, alerts, said, now())
        known = _known(engine, job)
        new = [row for row in {row["id"]: row for row in rows}.values() if row["id"] not in known]
        if not new:
            return Reviewed(0, ())
        touched = sorted({row["alert"] for row in new})
        counts = _counting(engine, job, touched, new)
        made = [one for ident in touched if (one := _revised(alerts[ident], counts[ident])) is not None]
        _commit(engine, lease, new, made, now)
        return Reviewed(len(new), tuple(made))


def _rows(
    engine: Engine, job: str, alerts: Mapping[str, Alert], said: Sequence[Said], at: datetime
) -> list[dict[str, Any]]:
    by_code: dict[str, list[str]] = {}
    for alert in alerts.values():
        by_code.setdefault(alert.short_code, []).append(alert.id)
        by_code[alert.id] = [alert.id]
    mistakes, named = [], []
    for one in said:
        found = by_code.get(one.code, [])
        if len(found) == 1:
            named.append((found[0], one))
        elif found:
            mistakes.append(
                f"{one.place}: {one.code} names {len(found)} alerts; give the id: {', '.join(sorted(found))}"
            )
        else:
            mistakes.append(f"{one.place}: {job} has no alert {one.code}; see `sachawatch alerts --all`")
    seen = {ident: store.when_known(engine, ident) for ident, _ in named}
    for ident, one in named:
        if one.revision is not None and one.revision not in seen[ident]:
            mistakes.append(
                f"{one.place}: {one.code} has no revision {one.revision}, the last is {max(seen[ident])}; mend it"
            )
    _refuse(mistakes)
    return [_row(job, ident, one, seen[ident], at) for ident, one in named]


def _row(job: str, ident: str, one: Said, seen: Mapping[int, datetime], at: datetime) -> dict[str, Any]:
    """seen: revision -> when it was known."""
    then = max((number for number, known in seen.items() if known <= one.at), default=min(seen))
    what = {"verdict": one.verdict, "reason": one.reason, "by": one.by, "at": one.at}
    key = digest([ident, one.verdict, one.reason, one.by, one.at.isoformat()])[:32]
    return {
        "id": key,
        "job": job,
        "alert": ident,
        "revision": one.revision or then,
        **what,
        "note": one.note,
        "known_at": at,
    }


def _known(engine: Engine, job: str) -> frozenset[str]:
    with reading(engine) as connection:
        return frozenset(connection.execute(sa.select(REVIEWS.c.id).where(REVIEWS.c.job == job)).scalars())


def standing(engine: Engine, job: str) -> dict[str, Review]:
    """Alert -> the review that counts: the latest by when the images were looked at."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(REVIEWS).where(REVIEWS.c.job == job)).all()
    return _reviews(engine, [dict(row._mapping) for row in rows])


def _counting(engine: Engine, job: str, touched: Sequence[str], new: Sequence[Mapping[str, Any]]) -> dict[str, Review]:
    """The same of some alerts, with reviews that are not on record yet."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(REVIEWS).where(REVIEWS.c.job == job)).all()
    mine = [row for row in (dict(row._mapping) for row in rows) if row["alert"] in set(touched)]
    return _reviews(engine, [*mine, *new])


def _reviews(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> dict[str, Review]:
    last = {row["alert"]: row for row in sorted(rows, key=lambda row: (row["at"], row["known_at"], row["id"]))}
    looked = store.revisions(engine, [(row["alert"], row["revision"]) for row in last.values()])
    return {
        ident: Review(row["verdict"], row["reason"], row["at"].date(), looked[ident, row["revision"]].alert.cells)
        for ident, row in last.items()
    }


def _revised(alert: Alert, said: Review) -> Alert | None:
    """The next revision of an alert under a review; null where that says nothing new."""
    made = reviewed(alert, said)
    told = ("status", "review_status", "rejection_reason")
    if all(getattr(made, name) == getattr(alert, name) for name in told):
        return None
    assert content(made) == content(alert)
    return replace(made, revision=alert.revision + 1, rests_on=alert.detector_revision, area_ha_new=0.0)


def _commit(engine: Engine, lease: Lease, rows: Sequence[Mapping[str, Any]], made: Sequence[Alert], now: Clock) -> None:
    """One transaction: the reviews, the revisions they make, and what is to be sent. The products are owed to the next run."""
    ids = sorted(row["id"] for row in rows)
    job, at = ledger.find_job(engine, lease.job), now()
    detail = {"reviews": len(rows)}
    run = Run(
        digest([lease.job, "review", *ids])[:16],
        lease.job,
        at,
        "review",
        job.config_digest,
        version(PACKAGE),
        detail,
        at,
    )
    with writing(engine) as connection:
        lease.check(connection)
        ledger.put_run(connection, replace(run, published=not made), digest(ids))
        _put(connection, rows)
        store.say(connection, run, made, at)


def _put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(sa.insert(REVIEWS), [dict(row) for row in rows])
