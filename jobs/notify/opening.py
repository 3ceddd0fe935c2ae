"""Opens the outbox: what is new becomes deliveries, reader by reader, by the rules of a notification."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.engine import Engine

from jobs.ledger import Clock
from jobs.notify import deliveries
from jobs.notify.deliveries import HELD, WAITING, Delivery, Told, Waiting, delivery_id, kind_of
from jobs.notify.notice import Notice
from jobs.notify.policy import Access, Embargo, Heard, Rule, decide, due, touched

Key = tuple[str, int]
"""(alert, revision)."""
Notices = Callable[[Sequence[Key]], Mapping[Key, Notice]]
"""Makes notices of revisions."""
TOO_OLD = "known before the notification began"


@dataclass(frozen=True)
class Audience:
    """Who may hear, and by which rules."""

    notification: str
    """Name of the notification: what was told is kept under it."""
    job: str
    """Name of the job whose alerts are told."""
    since: date
    """Revisions known before this day are first told of by none."""
    readers: Mapping[str, Access]
    """Reader -> how much may be seen."""
    rules: tuple[Rule, ...]
    """In the order in which they are asked."""
    embargo: Embargo
    """How long others than those in charge wait."""
    digest_at: time
    """Local time at which messages that go together leave."""

    @property
    def together(self) -> dict[tuple[str, str], bool]:
        """(reader, rule) -> whether its messages leave together."""
        return {(reader, rule.name): rule.pace != "urgent" for rule in self.rules for reader in rule.to}

    def rules_of(self, reader: str) -> list[Rule]:
        """The rules that name a reader."""
        return [rule for rule in self.rules if reader in rule.to]


def planned(
    engine: Engine, audience: Audience, rows: Sequence[Waiting], notices: Notices, at: datetime
) -> list[Delivery]:
    """What would come of rows of the outbox: nothing is written. Of several revisions of an alert the last is told."""
    return _planned(engine, audience, rows, notices, at, _before(engine, audience, rows))


def _before(engine: Engine, audience: Audience, rows: Sequence[Waiting]) -> Told:
    """What was told of the alerts of these rows, by reader."""
    alerts = sorted({row.alert for row in rows})
    return {reader: deliveries.told(engine, audience.notification, reader, alerts) for reader in audience.readers}


def _planned(
    engine: Engine, audience: Audience, rows: Sequence[Waiting], notices: Notices, at: datetime, before: Told
) -> list[Delivery]:
    last = {row.alert: row for row in sorted(rows, key=lambda row: row.revision)}
    wanted = {(row.alert, row.revision) for row in last.values()}
    known = notices(sorted(wanted | {pair for told in before.values() for pair in told.items()}))
    silent = deliveries.gone(engine, audience.notification)
    return [
        one
        for reader in audience.readers
        if reader not in silent
        for one in _for_reader(engine, audience, reader, list(last.values()), before[reader], known, at)
    ]


def _for_reader(
    engine: Engine, audience: Audience, reader: str, rows: Sequence[Waiting], before: Mapping[str, int],
    known: Mapping[Key, Notice], at: datetime,
) -> list[Delivery]:  # fmt: skip
    rules = audience.rules_of(reader)
    heard = {alert: heard_of(known[alert, revision]) for alert, revision in before.items()}
    late = {row.alert for row in rows if row.known_at.date() < audience.since and row.alert not in heard}
    mine = [as_told(known[row.alert, row.revision], before) for row in rows if row.alert not in late]
    longest = max((rule.budget.days for rule in rules if rule.budget), default=0)
    words = deliveries.first_words(engine, audience.notification, reader, at - timedelta(days=longest))
    found = decide(rules, mine, heard, words, at.date())
    wait = audience.embargo.of(audience.readers[reader])
    made = [_delivery(audience, reader, n, rule.name, why, WAITING, at, due(rule, n.known_at, wait, audience.digest_at))
            for n, rule, why in found.told]  # fmt: skip
    held = [(n, why) for n, why in found.held]
    held += [(as_told(known[row.alert, row.revision], before), TOO_OLD) for row in rows if row.alert in late]
    name = rules[0].name if rules else ""
    return made + [_delivery(audience, reader, n, name, why, HELD, at, at) for n, why in held]


def as_told(notice: Notice, before: Mapping[str, int]) -> Notice:
    """As this reader sees it."""
    return replace(notice, kind=kind_of(notice.alert, before.get(notice.alert.id)))


def _delivery(
    audience: Audience, reader: str, notice: Notice, rule: str, why: str, state: str, at: datetime, when: datetime
) -> Delivery:
    alert = notice.alert
    ident = delivery_id(audience.notification, reader, alert.id, alert.revision)
    return Delivery(ident, reader, alert.id, alert.revision, notice.kind, rule, why[:200], state, 0, at, when, None, "")


def heard_of(notice: Notice) -> Heard:
    """What a reader who was told of this revision knows."""
    alert = notice.alert
    return Heard(alert.revision, alert.status, alert.area_ha, alert.change_type, touched(notice))


def open_outbox(engine: Engine, audience: Audience, notices: Notices, now: Clock) -> list[Delivery]:
    """Decide on all that is new, and write it down; returns what was decided. The same outbox twice decides nothing twice."""
    made: dict[str, Delivery] = {}
    rows = deliveries.unopened(engine, audience.notification, audience.job)
    while rows:
        before = _before(engine, audience, rows)
        decided = _planned(engine, audience, rows, notices, now(), before)
        rows = deliveries.open_rows(engine, audience.notification, rows, decided, before)
        again = {row.alert for row in rows}
        made |= {one.id: one for one in decided if one.alert not in again}
    return list(made.values())
