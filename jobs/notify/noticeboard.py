"""Bulletins on record: what was decided on, what was sent. Each is claimed before it is sent, as deliveries are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from jobs.database import BULLETINS, reading, writing
from jobs.notify.bulletins import Before, Bulletin, BulletinKind, of_record
from jobs.notify.deliveries import CLAIM, DEAD, GONE, PASSED, SENDING, SENT, WAITING


def before(engine: Engine, notification: str) -> dict[str, Before]:
    """Reader -> what was told, or is about to be."""
    asked = sa.select(BULLETINS).where(BULLETINS.c.notification == notification, BULLETINS.c.state != PASSED)
    weeks: dict[str, set[date]] = {}
    words: dict[str, dict[str, tuple[BulletinKind, bool]]] = {}
    with reading(engine) as connection:
        for row in connection.execute(asked.order_by(BULLETINS.c.created, BULLETINS.c.id)):
            if row.kind == "weekly":
                weeks.setdefault(row.reader, set()).add(row.day)
            else:
                words.setdefault(row.reader, {})[row.sector] = row.kind, row.attempts > 0
    return {reader: Before(frozenset(weeks.get(reader, ())), words.get(reader, {})) for reader in {*weeks, *words}}


def put(engine: Engine, notification: str, made: Sequence[Bulletin], spared: Sequence[tuple[str, str]]) -> int:
    """One transaction: these are to be sent; what they outdo, and was not tried yet, is not any more. Returns how many are new.

    spared: (reader, sector) whose word of blindness came to nothing before it left.
    """
    with writing(engine) as connection:
        known = set(
            connection.execute(sa.select(BULLETINS.c.id).where(BULLETINS.c.notification == notification)).scalars()
        )
        mine = BULLETINS.c.notification == notification, BULLETINS.c.state == WAITING, BULLETINS.c.attempts == 0
        new = [one for one in made if one.id not in known]
        outdone = [(one.reader, BULLETINS.c.kind == "weekly") for one in new if one.kind == "weekly"]
        outdone += [
            (reader, sa.and_(BULLETINS.c.kind == "blind", BULLETINS.c.sector == sector)) for reader, sector in spared
        ]
        for reader, which in outdone:
            passed = sa.update(BULLETINS).where(*mine, BULLETINS.c.reader == reader, which)
            connection.execute(passed.values(state=PASSED, answer="outdone before it left"))
        if new:
            connection.execute(sa.insert(BULLETINS), [_row(notification, one) for one in new])
    return len(new)


def _row(notification: str, one: Bulletin) -> dict[str, Any]:
    plain = {
        name: getattr(one, name) for name in ("id", "reader", "kind", "sector", "day", "record", "created", "next_at")
    }
    return {"notification": notification, **plain, "state": WAITING, "attempts": 0, "sent_at": None, "answer": ""}


@dataclass(frozen=True)
class Board:
    """The bulletins of a notification, to be sent (`sender.Queue`)."""

    engine: Engine
    """The database."""
    notification: str
    """Name of the notification."""

    def claim(self, now: datetime) -> list[Bulletin]:
        """The next one that is due: nobody else sends it for a while; none where nothing is due."""
        due = (
            BULLETINS.c.notification == self.notification, BULLETINS.c.next_at <= now,
            BULLETINS.c.state.in_((WAITING, SENDING)),
        )  # fmt: skip
        with writing(self.engine) as connection:
            asked = sa.select(BULLETINS).where(*due).order_by(BULLETINS.c.next_at, BULLETINS.c.id).limit(1)
            row = connection.execute(asked.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return []
            one = of_record(dict(row._mapping))
            claimed = {"state": SENDING, "attempts": one.attempts + 1, "next_at": now + CLAIM}
            connection.execute(sa.update(BULLETINS).where(BULLETINS.c.id == one.id).values(claimed))
        return [replace(one, attempts=one.attempts + 1)]

    def settle(self, claimed: Sequence[Bulletin], state: str, at: datetime, next_at: datetime, answer: str) -> None:
        """What became of it. One that was settled by another meanwhile stays as it is."""
        values = {"state": state, "next_at": next_at, "answer": answer[:300], "sent_at": at if state == SENT else None}
        with writing(self.engine) as connection:
            for one in claimed:
                mine = BULLETINS.c.id == one.id, BULLETINS.c.state == SENDING, BULLETINS.c.attempts == one.attempts
                connection.execute(sa.update(BULLETINS).where(*mine).values(values))


def standing(engine: Engine, notification: str) -> Mapping[tuple[str, str], int]:
    """(reader, state) -> how many bulletins."""
    asked = sa.select(BULLETINS.c.reader, BULLETINS.c.state, sa.func.count()).where(
        BULLETINS.c.notification == notification
    )
    with reading(engine) as connection:
        rows = connection.execute(asked.group_by(BULLETINS.c.reader, BULLETINS.c.state)).all()
    return {(reader, state): many for reader, state, many in rows}


def revive(engine: Engine, notification: str, now: datetime) -> int:
    """What was given up waits again; returns how much."""
    dead = BULLETINS.c.notification == notification, BULLETINS.c.state.in_((DEAD, GONE))
    with writing(engine) as connection:
        return int(connection.execute(sa.update(BULLETINS).where(*dead).values(state=WAITING, next_at=now)).rowcount)
