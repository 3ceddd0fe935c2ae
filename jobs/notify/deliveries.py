"""What was told to whom, and what is still to be told: the outbox of a job opened into deliveries, one a reader and revision.

A delivery is written in the same transaction that says its outbox row was looked at, so that no message is lost and none is
decided on twice. It is claimed before it is sent: whoever dies in between is followed by another who sends it again, under the
same id. What may have arrived counts as told, so that its retraction is sent too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from detection.alerts import WITHDRAWN, Alert
from jobs.database import ALERTS, DELIVERIES, LOOKED_AT, OUTBOX, REVISIONS, reading, writing
from jobs.notify.policy import OVER_BUDGET
from jobs.store import MessageKind

WAITING, SENDING, SENT, HELD, DEAD, GONE, PASSED = "waiting", "sending", "sent", "held", "dead", "gone", "passed"
"""States: to be sent; claimed; sent; not to be sent; given up; refused for good, with all that would follow; overtaken by a later
revision before it was sent."""
CLAIM: Final = timedelta(minutes=10)
"""How long whoever claims a delivery has before another may send it: longer than any channel takes (chosen)."""
Told = Mapping[str, Mapping[str, int]]
"""Reader -> alert -> the last revision told."""
MANY: Final = 500
"""Variables of one statement stay far below what databases allow."""


@dataclass(frozen=True)
class Delivery:
    """One message to one reader."""

    id: str
    """Derived from notification, reader, alert and revision: the same however often it is sent."""
    reader: str
    """Name of the reader."""
    alert: str
    """Id of the alert."""
    revision: int
    """The revision that is told."""
    kind: str
    """`alert`, `update` or `cancel`, as this reader sees it."""
    rule: str
    """Name of the rule that wants it told."""
    why: str
    """Why it is told, or is not."""
    state: str
    """One of the states above."""
    attempts: int
    """How often it was tried."""
    created: datetime
    """When it was decided on, UTC."""
    next_at: datetime
    """When it is sent, or tried again, UTC."""
    sent_at: datetime | None
    """When a channel took it, UTC."""
    answer: str
    """What the channel said last."""


@dataclass(frozen=True)
class Waiting:
    """A row of the outbox that a notification has not looked at."""

    number: int
    """Of the outbox row."""
    alert: str
    """Id of the alert."""
    revision: int
    """Its revision."""
    known_at: datetime
    """When it was committed, UTC."""


def delivery_id(notification: str, reader: str, alert: str, revision: int) -> str:
    """sha256 (hex, 32 digits) of what makes it one delivery."""
    return hashlib.sha256(f"{notification}|{reader}|{alert}|{revision}".encode()).hexdigest()[:32]


def unopened(engine: Engine, notification: str | None, job: str) -> list[Waiting]:
    """The rows of a job's outbox that the notification has not looked at, in the order they were written; None: all rows."""
    seen = sa.select(LOOKED_AT.c.outbox).where(LOOKED_AT.c.notification == notification)
    unseen = sa.true() if notification is None else OUTBOX.c.id.not_in(seen)
    asked = (
        sa.select(OUTBOX.c.id, OUTBOX.c.alert, OUTBOX.c.revision, REVISIONS.c.known_at)
        .join(REVISIONS, sa.and_(REVISIONS.c.alert == OUTBOX.c.alert, REVISIONS.c.number == OUTBOX.c.revision))
        .join(ALERTS, ALERTS.c.id == OUTBOX.c.alert)
        .where(ALERTS.c.job == job, unseen)
        .order_by(OUTBOX.c.id)
    )
    with reading(engine) as connection:
        return [Waiting(*row) for row in connection.execute(asked).all()]


def told(engine: Engine, notification: str, reader: str, alerts: Sequence[str]) -> dict[str, int]:
    """Alert -> the last revision that this reader was told, or may have been: sent, given up after a try, or under way."""
    with reading(engine) as connection:
        return _told(connection, notification, reader, alerts)


def _told(connection: Connection, notification: str, reader: str, alerts: Sequence[str]) -> dict[str, int]:
    made: dict[str, int] = {}
    for first in range(0, len(alerts), MANY):
        some = alerts[first : first + MANY]
        asked = sa.select(DELIVERIES.c.alert, sa.func.max(DELIVERIES.c.revision)).where(
            DELIVERIES.c.notification == notification, DELIVERIES.c.reader == reader, DELIVERIES.c.alert.in_(some),
            sa.or_(DELIVERIES.c.state == SENT, DELIVERIES.c.attempts > 0),
        )  # fmt: skip
        made.update((row[0], row[1]) for row in connection.execute(asked.group_by(DELIVERIES.c.alert)))
    return made


def all_told(engine: Engine, notification: str, reader: str) -> dict[str, list[int]]:
    """Alert -> the revisions that were sent to this reader, in their order; of all alerts."""
    asked = sa.select(DELIVERIES.c.alert, DELIVERIES.c.revision).where(
        DELIVERIES.c.notification == notification, DELIVERIES.c.reader == reader, DELIVERIES.c.state == SENT
    )
    made: dict[str, list[int]] = {}
    with reading(engine) as connection:
        for alert, revision in connection.execute(asked.order_by(DELIVERIES.c.alert, DELIVERIES.c.revision)):
            made.setdefault(alert, []).append(revision)
    return made


def first_words(engine: Engine, notification: str, reader: str, since: datetime) -> dict[str, list[date]]:
    """Rule -> days on which it decided to tell this reader of a new alert, since an instant."""
    asked = sa.select(DELIVERIES.c.rule, DELIVERIES.c.created).where(
        DELIVERIES.c.notification == notification, DELIVERIES.c.reader == reader, DELIVERIES.c.kind == "alert",
        DELIVERIES.c.state.in_((WAITING, SENDING, SENT, DEAD)), DELIVERIES.c.created >= since,
    )  # fmt: skip
    made: dict[str, list[date]] = {}
    with reading(engine) as connection:
        for rule, created in connection.execute(asked).all():
            made.setdefault(rule, []).append(created.date())
    return made


def open_rows(
    engine: Engine, notification: str, rows: Sequence[Waiting], made: Sequence[Delivery], before: Told
) -> list[Waiting]:
    """One transaction: these rows were looked at, and this came of them; returns the rows that must be decided on anew.

    before: what the readers had been told when it was decided. Where another sender has told somebody of an alert meanwhile, its
    rows are left: the retraction of what was just sent would be held back. A row that another has opened is left as it is.
    What waits of the same alert and reader is overtaken by what is told now; where nothing is told, by that too, unless it was
    tried: then it may have arrived, and is tried on.
    """
    with writing(engine) as connection:
        done = _opened(connection, notification, [row.number for row in rows])
        moved = _moved(connection, notification, sorted({row.alert for row in rows}), before)
        fresh = [row for row in rows if row.number not in done and row.alert not in moved]
        mine = {(row.alert, row.revision) for row in fresh}
        new = [one for one in made if (one.alert, one.revision) in mine]
        if fresh:
            entries = [{"notification": notification, "outbox": row.number} for row in fresh]
            connection.execute(sa.insert(LOOKED_AT), entries)
        for one in new:
            _overtake(connection, notification, one)
        if new:
            connection.execute(sa.insert(DELIVERIES), [_row(notification, one) for one in new])
    return [row for row in rows if row.number not in done and row.alert in moved]


def _moved(connection: Connection, notification: str, alerts: Sequence[str], before: Told) -> set[str]:
    """Alerts of which somebody has been told since."""
    made: set[str] = set()
    for reader, known in before.items():
        since = _told(connection, notification, reader, alerts)
        made |= {alert for alert in alerts if since.get(alert) != known.get(alert)}
    return made


def _opened(connection: Connection, notification: str, numbers: Sequence[int]) -> set[int]:
    made: set[int] = set()
    for first in range(0, len(numbers), MANY):
        some = numbers[first : first + MANY]
        asked = sa.select(LOOKED_AT.c.outbox).where(
            LOOKED_AT.c.notification == notification, LOOKED_AT.c.outbox.in_(some)
        )
        made |= set(connection.execute(asked).scalars())
    return made


def _overtake(connection: Connection, notification: str, by: Delivery) -> None:
    older = [
        DELIVERIES.c.notification == notification, DELIVERIES.c.reader == by.reader, DELIVERIES.c.alert == by.alert,
        DELIVERIES.c.revision < by.revision, DELIVERIES.c.state.in_((WAITING, SENDING)),
    ]  # fmt: skip
    if by.state != WAITING:
        older.append(DELIVERIES.c.attempts == 0)
    connection.execute(
        sa.update(DELIVERIES).where(*older).values(state=PASSED, answer=f"overtaken by revision {by.revision}")
    )


def _row(notification: str, one: Delivery) -> dict[str, Any]:
    return {"notification": notification, **vars(one), "tried_at": None}


def claim(engine: Engine, notification: str, now: datetime, together: Mapping[tuple[str, str], bool]) -> list[Delivery]:
    """The next delivery that is due, claimed: nobody else sends it for a while; none where nothing is due.

    together: by (reader, rule), whether all that is due for both leaves as one message; then all of it is claimed.
    """
    due = (
        DELIVERIES.c.notification == notification,
        DELIVERIES.c.next_at <= now,
        DELIVERIES.c.state.in_((WAITING, SENDING)),
    )
    with writing(engine) as connection:
        first = connection.execute(sa.select(DELIVERIES).where(*due).order_by(*_TURN).limit(1)).one_or_none()
        if first is None:
            return []
        alike = DELIVERIES.c.reader == first.reader, DELIVERIES.c.rule == first.rule
        whole = together.get((first.reader, first.rule), False)
        mine = (
            connection.execute(sa.select(DELIVERIES).where(*due, *alike).order_by(*_TURN)).all() if whole else [first]
        )
        ids = [row.id for row in mine]
        claimed = {"state": SENDING, "attempts": DELIVERIES.c.attempts + 1, "tried_at": now, "next_at": now + CLAIM}
        for begin in range(0, len(ids), MANY):
            connection.execute(
                sa.update(DELIVERIES).where(DELIVERIES.c.id.in_(ids[begin : begin + MANY])).values(claimed)
            )
    return [_delivery(row, attempts=row.attempts + 1, state=SENDING) for row in mine]


_TURN: Final = (DELIVERIES.c.next_at, DELIVERIES.c.alert, DELIVERIES.c.revision, DELIVERIES.c.id)


def settle(
    engine: Engine, claimed: Sequence[Delivery], state: str, at: datetime, next_at: datetime, answer: str
) -> None:
    """What became of deliveries that were claimed. One that was settled by another meanwhile stays as it is."""
    values = {"state": state, "next_at": next_at, "answer": answer[:300], "sent_at": at if state == SENT else None}
    with writing(engine) as connection:
        for one in claimed:
            mine = DELIVERIES.c.id == one.id, DELIVERIES.c.state == SENDING, DELIVERIES.c.attempts == one.attempts
            connection.execute(sa.update(DELIVERIES).where(*mine).values(values))


def withheld(engine: Engine, notification: str, reader: str, rule: str) -> int:
    """Alerts that this reader was not told of for want of attention since the last message of the rule."""
    mine = DELIVERIES.c.notification == notification, DELIVERIES.c.reader == reader, DELIVERIES.c.rule == rule
    last = sa.select(sa.func.max(DELIVERIES.c.created)).where(*mine, DELIVERIES.c.state == SENT).scalar_subquery()
    over = sa.select(sa.func.count(DELIVERIES.c.alert.distinct())).where(
        *mine, DELIVERIES.c.why == OVER_BUDGET, sa.or_(last.is_(None), DELIVERIES.c.created > last)
    )
    with reading(engine) as connection:
        return int(connection.execute(over).scalar() or 0)


def standing(engine: Engine, notification: str) -> dict[tuple[str, str], int]:
    """(reader, state) -> how many deliveries."""
    asked = sa.select(DELIVERIES.c.reader, DELIVERIES.c.state, sa.func.count()).where(
        DELIVERIES.c.notification == notification
    )
    with reading(engine) as connection:
        found = connection.execute(asked.group_by(DELIVERIES.c.reader, DELIVERIES.c.state)).all()
    return {(reader, state): many for reader, state, many in found}


def gone(engine: Engine, notification: str) -> set[str]:
    """Readers whose channel has said that it wants no more."""
    asked = (
        sa.select(DELIVERIES.c.reader)
        .distinct()
        .where(DELIVERIES.c.notification == notification, DELIVERIES.c.state == GONE)
    )
    with reading(engine) as connection:
        return set(connection.execute(asked).scalars())


def revive(engine: Engine, notification: str, now: datetime) -> int:
    """What was given up waits again; returns how much."""
    dead = DELIVERIES.c.notification == notification, DELIVERIES.c.state.in_((DEAD, GONE))
    with writing(engine) as connection:
        done = connection.execute(sa.update(DELIVERIES).where(*dead).values(state=WAITING, next_at=now))
        return int(done.rowcount)


def kind_of(alert: Alert, before: int | None) -> MessageKind:
    """What a revision is to a reader who was told the revision `before` of the alert last; None: nothing."""
    if before is None:
        return "alert"
    return "cancel" if alert.status in WITHDRAWN else "update"


def _delivery(row: Row[Any], **changes: Any) -> Delivery:
    names = Delivery.__dataclass_fields__
    return Delivery(**{name: row._mapping[name] for name in names} | changes)
