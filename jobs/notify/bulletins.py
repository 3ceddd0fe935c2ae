"""What is told beside the alerts: the summary of a week, a sector that nobody has seen, a sector that is seen again. Pure.

A summary says "all clear" only of what was seen. Blindness is told once, when it begins, and taken back when it ends.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from annotated_types import Ge, Interval, MinLen
from pydantic import Field

from detection.alerts import activity
from detection.types import parameters
from jobs.notify.notice import Notice
from jobs.notify.sectors import WHOLE, Sector

BulletinKind = Literal["weekly", "blind", "sighted"]
OPEN = ("provisional", "confirmed")
WEEK = timedelta(days=7)


@parameters
class Watch:
    """A weekly summary with what was not seen, and word of sectors that have not been seen for long."""

    to: Annotated[tuple[str, ...], MinLen(1), Field(examples=[["jefatura-tambopata"]])]
    """Names of readers; those in charge alone (access `restricted`): where nobody looks is nobody else's business."""
    sectors: str | None = None
    """Layer of `overlays` whose features are the sectors; null: the area is one."""
    weekly: bool = True
    """A summary on Mondays, also of a week without alerts."""
    blind_after_days: Annotated[int, Ge(1)] = 30
    """A sector that has not been seen for more than so many days is told of."""
    seen_share: Annotated[float, Interval(gt=0, le=1)] = 0.5
    """So much of a sector's watched forest must have been seen for it to count as seen."""


@dataclass(frozen=True)
class Seen:
    """A sector in a bulletin."""

    ident: str
    """Id of the sector; empty: the whole area."""
    name: str
    """Its name; empty: the whole area."""
    since: date | None
    """It has been seen since this day; null: never."""
    unseen: float
    """Share of its watched forest not seen within `blind_after_days`, 0..1."""
    watched: int
    """Cells that are watched."""
    blind: bool
    """Has it not been seen for too long?"""
    new: int = 0
    """Alerts first known in the week that are open."""
    open: int = 0
    """Alerts that are open."""
    dormant: int = 0
    """Those of them that have not grown within the window in which an alert may grow."""


@dataclass(frozen=True)
class Bulletin:
    """One message to one reader."""

    id: str
    """Derived from notification, reader, kind, sector and day: the same however often it is sent."""
    reader: str
    """Name of the reader."""
    kind: BulletinKind
    """What it is."""
    sector: str
    """Id of the sector; empty for a summary, and for the area as one."""
    day: date
    """Of a summary the Monday on which its week ended; else the day since which the sector has been seen, or was decided on."""
    sectors: tuple[Seen, ...]
    """What is told of: all sectors of a summary, or one."""
    simulated: bool
    """Made from simulated input."""
    created: datetime
    """When it was decided on, UTC."""
    next_at: datetime
    """When it is sent, or tried again, UTC."""
    attempts: int = 0
    """How often it was tried."""

    @property
    def record(self) -> dict[str, Any]:
        """What it says, plain enough for JSON."""
        sectors = [{**asdict(one), "since": one.since.isoformat() if one.since else None} for one in self.sectors]
        return {"kind": self.kind, "day": self.day.isoformat(), "simulated": self.simulated, "sectors": sectors}


@dataclass(frozen=True)
class Before:
    """What one reader was told before."""

    weeks: frozenset[date] = frozenset()
    """Mondays of which there is a summary."""
    words: Mapping[str, tuple[BulletinKind, bool]] = field(default_factory=dict)
    """Sector -> the last that was said of it, and whether that may have arrived."""


def bulletin_id(notification: str, reader: str, kind: str, sector: str, day: date) -> str:
    """sha256 (hex, 32 digits) of what makes it one bulletin."""
    return hashlib.sha256(f"{notification}|{reader}|{kind}|{sector}|{day.isoformat()}".encode()).hexdigest()[:32]


def seen_in(
    watch: Watch,
    sectors: Sequence[Sector],
    notices: Sequence[tuple[Notice, datetime]],
    today: date,
    window_days: int,
) -> list[Seen]:
    """Every sector with its alerts; notices: of the open alerts, with when each was first known."""
    return [_seen(watch, sector, notices, today, window_days) for sector in sectors]


def _seen(
    watch: Watch, sector: Sector, notices: Sequence[tuple[Notice, datetime]], today: date, window_days: int
) -> Seen:
    monday = today - timedelta(days=today.weekday())
    since, limit = sector.seen_since(watch.seen_share), today - timedelta(days=watch.blind_after_days)
    mine = [(n.alert, first) for n, first in notices if n.alert.status in OPEN and _touches(watch, sector, n)]
    return Seen(
        ident=sector.ident,
        name=sector.name,
        since=since,
        unseen=sector.unseen(limit),
        watched=sector.cells,
        blind=sector.cells > 0 and (since is None or since < limit),
        new=sum(monday - WEEK <= first.date() < monday for _, first in mine),
        open=len(mine),
        dormant=sum(activity(alert, since, window_days) == "dormant" for alert, _ in mine),
    )


def _touches(watch: Watch, sector: Sector, notice: Notice) -> bool:
    if sector.ident == WHOLE and watch.sectors is None:
        return True
    here = (watch.sectors, sector.ident)
    return any((one.layer, one.feature) == here and one.relation != "near" for one in notice.place.overlaps)


def decided(
    watch: Watch,
    notification: str,
    readers: Mapping[str, ZoneInfo],
    seen: Sequence[Seen],
    before: Mapping[str, Before],
    at: datetime,
    hour: time,
    since: date,
    *,
    simulated: bool,
) -> tuple[list[Bulletin], list[tuple[str, str]]]:
    """What is to be told now, and (reader, sector) of words of blindness that need not be sent any more.

    readers: with their time zones; hour: local time at which bulletins leave; since: nothing is told of weeks before.
    """
    made: list[Bulletin] = []
    spared: list[tuple[str, str]] = []
    for reader, zone in readers.items():
        known = before.get(reader, Before())
        monday = _monday(at, zone, hour)
        if watch.weekly and monday not in known.weeks and monday - WEEK >= since:
            made.append(_bulletin(notification, reader, "weekly", "", monday, seen, at, at, simulated))
        leaves = _next(at, zone, hour)
        for one in seen:
            kind, arrived = known.words.get(one.ident, ("sighted", True))
            day = at.astimezone(zone).date()
            if one.blind and kind != "blind":
                made.append(_bulletin(notification, reader, "blind", one.ident, day, [one], at, leaves, simulated))
            elif kind == "blind" and not one.blind and one.since is not None:
                if arrived:
                    made.append(
                        _bulletin(notification, reader, "sighted", one.ident, day, [one], at, leaves, simulated)
                    )
                else:
                    spared.append((reader, one.ident))
    return made, spared


def _bulletin(
    notification: str, reader: str, kind: BulletinKind, sector: str, day: date, seen: Sequence[Seen], at: datetime,
    leaves: datetime, simulated: bool,
) -> Bulletin:  # fmt: skip
    ident = bulletin_id(notification, reader, kind, sector, day)
    return Bulletin(ident, reader, kind, sector, day, tuple(seen), simulated, at, leaves)


def _monday(at: datetime, zone: ZoneInfo, hour: time) -> date:
    """The last Monday whose hour has come."""
    local = at.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    return monday if local >= datetime.combine(monday, hour, zone) else monday - WEEK


def _next(at: datetime, zone: ZoneInfo, hour: time) -> datetime:
    """The next time it is this hour there, UTC."""
    local = at.astimezone(zone)
    made = datetime.combine(local.date(), hour, zone)
    return (made if made >= local else made + timedelta(days=1)).astimezone(UTC)


def of_record(row: Mapping[str, Any]) -> Bulletin:
    """The inverse of `record`, of a row that has its other fields."""
    said = row["record"]
    sectors = tuple(
        Seen(**{**one, "since": date.fromisoformat(one["since"]) if one["since"] else None}) for one in said["sectors"]
    )
    return Bulletin(
        row["id"], row["reader"], row["kind"], row["sector"], row["day"], sectors, said["simulated"], row["created"],
        row["next_at"], row["attempts"],
    )  # fmt: skip
