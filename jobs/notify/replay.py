"""What a notification would have told, had it been there all along: its rules over the past, before they are switched on.

Sends and writes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from jobs.notify.deliveries import Waiting
from jobs.notify.notice import Notice
from jobs.notify.opening import Audience, Notices, as_told, heard_of
from jobs.notify.policy import decide


@dataclass
class Past:
    """What one reader would have heard."""

    reader: str
    """Name of the reader."""
    told: Counter[str] = field(default_factory=Counter)
    """Kind of message -> how many."""
    held: Counter[str] = field(default_factory=Counter)
    """Reason -> revisions not told."""
    weeks: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(ISO year, week) -> messages."""

    def line(self) -> str:
        """For people."""
        many = ", ".join(f"{n} {kind}s" for kind, n in sorted(self.told.items())) or "nothing"
        busiest = max(self.weeks.values(), default=0)
        why = "; ".join(f"{n} {reason}" for reason, n in self.held.most_common(3))
        return f"{self.reader}: {many}; at most {busiest} a week" + (f"; not told: {why}" if why else "")


def replayed(audience: Audience, rows: Sequence[Waiting], notices: Notices) -> list[Past]:
    """The past of every reader; rows: of the outbox, all of them. What was committed together is decided on together, and
    embargoes and hours, which only delay, are left out."""
    inside = [row for row in sorted(rows, key=lambda row: row.number) if row.known_at.date() >= audience.since]
    known = notices([(row.alert, row.revision) for row in inside])
    runs = [list(run) for _, run in groupby(inside, key=lambda row: row.known_at)]
    batches = [list({row.alert: known[row.alert, row.revision] for row in run}.values()) for run in runs]
    return [_past(audience, reader, batches) for reader in audience.readers]


def _past(audience: Audience, reader: str, batches: Sequence[Sequence[Notice]]) -> Past:
    made, rules = Past(reader), audience.rules_of(reader)
    last: dict[str, Notice] = {}
    words: dict[str, list[date]] = {}
    for batch in batches:
        before = {ident: notice.alert.revision for ident, notice in last.items()}
        mine, today = [as_told(notice, before) for notice in batch], batch[0].known_at.date()
        heard = {ident: heard_of(notice) for ident, notice in last.items()}
        found = decide(rules, mine, heard, words, today)
        for notice, rule, _ in found.told:
            made.told[notice.kind] += 1
            made.weeks[today.isocalendar()[:2]] += 1
            last[notice.alert.id] = notice
            if notice.kind == "alert":
                words.setdefault(rule.name, []).append(today)
        made.held.update(why for _, why in found.held)
    return made
