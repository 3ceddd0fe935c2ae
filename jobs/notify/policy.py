"""Who hears of what: the rules of a config, and what follows from them for one notice and one reader. Pure.

Three things go before every rule. Whoever was told of an alert is told when it is taken back, by the same channel. What was held
back stays counted, and the reader is told how much it is. Nothing is told of twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from annotated_types import Ge, Interval, MinLen
from pydantic import Field

from detection.alerts import WITHDRAWN, Alert
from detection.codes import CHANGE_TYPES
from detection.types import parameters
from jobs.mistakes import require
from jobs.notify.notice import Notice

Pace = Literal["urgent", "daily", "weekly"]
Access = Literal["restricted", "partners", "public"]
Told = Literal["provisional", "confirmed", "finished"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["jefatura-tambopata"])]
MOVED_HA: Final = 0.5
MOVED_SHARE: Final = 0.2
"""An alert has grown when it grew by so many hectares, and by such a share of what was told: rule D7 of the notes on alerts."""
LONGEST_DAYS: Final = 3_660
"""Ten years: longer waits are slips of the pen (chosen)."""
OVER_BUDGET: Final = "over the budget of attention"


@parameters
class Budget:
    """How many new alerts a reader can act on."""

    alerts: Annotated[int, Ge(1)] = 20
    """So many first words at most; the rest is counted and the count is told."""
    days: Annotated[int, Interval(ge=1, le=LONGEST_DAYS)] = 7
    """Within so many days."""


@parameters
class Quiet:
    """When not to disturb: what falls into it waits until it is over."""

    begins: time = time(20)
    """Local time at which it begins."""
    ends: time = time(6)
    """Local time at which it ends."""
    zone: str = "America/Lima"
    """Time zone, as the IANA names it."""

    def __post_init__(self) -> None:
        known = self.zone in available_timezones()
        require((known, ("zone",), f"{self.zone!r} is no time zone; write one like America/Lima"))


@parameters
class Rule:
    """What its readers hear of."""

    name: Name
    """Name of the rule, for the record."""
    to: Annotated[tuple[str, ...], MinLen(1), Field(examples=[["jefatura-tambopata"]])]
    """Names of readers."""
    inside: tuple[str, ...] = ()
    """Layers of the config (`protected-areas`), or features of them (`protected-areas:RN03`), of which an alert must touch one;
    empty: everywhere."""
    statuses: tuple[Told, ...] = ("provisional", "confirmed")
    """States in which an alert is first told of."""
    change_types: tuple[str, ...] = ()
    """Types of change (`codes.CHANGE_TYPES`); empty: all but `other`."""
    least_ha: Annotated[float, Ge(0)] = 0.0
    """Smaller alerts are not told of, hectares."""
    least_probability: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """Nor those that the model finds less probable; alerts without a probability are told of."""
    pace: Pace = "urgent"
    """`urgent`: each by itself, at once; `daily` or `weekly`: together."""
    quiet: Quiet | None = None
    """When not to disturb; null: never quiet."""
    budget: Budget | None = None
    """How many are too many; null: tell all."""

    def __post_init__(self) -> None:
        strange = [one for one in self.change_types if one not in CHANGE_TYPES]
        said = f"{', '.join(strange)} is no type of change; there is {', '.join(CHANGE_TYPES)}"
        require((not strange, ("change_types",), said))


@parameters
class Embargo:
    """How long others than those in charge wait. What is known to everybody at once is known to those who cut, too."""

    partners_days: Annotated[int, Interval(ge=0, le=LONGEST_DAYS)] = 7
    """Readers of access `partners` hear of a revision so many days after it was known."""
    public_days: Annotated[int, Interval(ge=0, le=LONGEST_DAYS)] = 30
    """Readers of access `public` likewise; and they see coarse places only."""

    def of(self, access: Access) -> timedelta:
        """How long readers of an access wait."""
        return timedelta(days={"restricted": 0, "partners": self.partners_days, "public": self.public_days}[access])


@dataclass(frozen=True)
class Heard:
    """What one reader has heard of one alert."""

    revision: int
    """The last revision told."""
    status: str
    """Its status then."""
    area_ha: float
    """Its hectares then."""
    change_type: str
    """Its type then."""
    inside: frozenset[str] = frozenset()
    """What it touched then, `layer:feature`."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a notice for a reader."""

    send: bool
    """Is it told?"""
    why: str
    """The reason, a few words, for the record."""


def touched(notice: Notice) -> frozenset[str]:
    """`layer:feature` of all that the alert touches."""
    return frozenset(f"{o.layer}:{o.feature}" for o in notice.place.overlaps if o.relation != "near")


def verdict(rule: Rule, notice: Notice, heard: Heard | None) -> Verdict:
    """Is a notice told to a reader who has heard this of the alert before? Budgets and embargoes come after."""
    if heard is not None:
        return _again(notice, heard)
    alert = notice.alert
    if alert.status in (*WITHDRAWN, "merged"):
        return Verdict(False, "never told of, and over")
    for holds, why in (
        (alert.status in rule.statuses, f"{alert.status} is not asked for"),
        (_of_type(rule, alert), f"{alert.change_type} is not asked for"),
        (alert.area_ha >= rule.least_ha, f"smaller than {rule.least_ha:g} ha"),
        (alert.probability is None or alert.probability >= rule.least_probability, "less probable than asked for"),
        (not rule.inside or bool(_names(notice) & set(rule.inside)), "elsewhere"),
    ):
        if not holds:
            return Verdict(False, why)
    return Verdict(True, f"rule {rule.name}")


def _of_type(rule: Rule, alert: Alert) -> bool:
    return alert.change_type in rule.change_types if rule.change_types else alert.change_type != "other"


def _names(notice: Notice) -> set[str]:
    there = touched(notice)
    return {*there, *(name.partition(":")[0] for name in there)}


def _again(notice: Notice, heard: Heard) -> Verdict:
    """Something has changed that the reader should know; a retraction always has."""
    alert = notice.alert
    grown = alert.area_ha - heard.area_ha
    if heard.status in WITHDRAWN and alert.status in (*WITHDRAWN, "merged"):
        return Verdict(False, "taken back before")
    for holds, why in (
        (alert.status != heard.status, f"{heard.status} is {alert.status} now"),
        (alert.change_type != heard.change_type, "another type of change"),
        (grown >= max(MOVED_HA, MOVED_SHARE * heard.area_ha), f"grown by {grown:.1f} ha"),
        (bool(touched(notice) - heard.inside), "it has reached another area"),
    ):
        if holds:
            return Verdict(True, why)
    return Verdict(False, "nothing that matters has changed")


def urgency(notice: Notice) -> tuple[float, ...]:
    """What sorts notices, the most urgent first, where not all can be told: confirmed ones, then by probable hectares."""
    alert = notice.alert
    sure = 0.5 if alert.probability is None else alert.probability
    return (float(alert.status != "confirmed"), -sure * alert.area_ha, -float(alert.change_date.toordinal()))


def within_budget(budget: Budget | None, fresh: Sequence[Notice], told: Collection[date], today: date) -> list[Notice]:
    """The first words that are told, the most urgent ones; told: days of first words told before."""
    if budget is None:
        return list(fresh)
    recent = sum(today - timedelta(days=budget.days) < day <= today for day in told)
    left = max(0, budget.alerts - recent)
    return sorted(fresh, key=lambda n: (urgency(n), n.ident))[:left]


def due(rule: Rule, known_at: datetime, wait: timedelta, hour: time) -> datetime:
    """When a message may leave, UTC: after the embargo, at the pace of the rule, not in quiet hours. hour: local time of digests,
    which leave on the next day, or the next Monday."""
    zone = ZoneInfo(rule.quiet.zone if rule.quiet else "America/Lima")
    at = (known_at + wait).astimezone(zone)
    if rule.pace != "urgent":
        at = _next(at, hour, weekly=rule.pace == "weekly")
    return _after(rule.quiet, at).astimezone(known_at.tzinfo)


def _next(at: datetime, hour: time, *, weekly: bool) -> datetime:
    """The next digest at or after an instant."""
    made = at.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    made += timedelta(days=(7 - made.weekday()) % 7 if weekly else 0)
    return made if made >= at else made + timedelta(days=7 if weekly else 1)


def _after(quiet: Quiet | None, at: datetime) -> datetime:
    """The instant itself, or the end of the quiet hours that it falls into."""
    if quiet is None or quiet.begins == quiet.ends:
        return at
    clock, overnight = at.timetz().replace(tzinfo=None), quiet.begins > quiet.ends
    inside = clock >= quiet.begins or clock < quiet.ends if overnight else quiet.begins <= clock < quiet.ends
    if not inside:
        return at
    made = at.replace(hour=quiet.ends.hour, minute=quiet.ends.minute, second=0, microsecond=0)
    return made if made > at else made + timedelta(days=1)


@dataclass(frozen=True)
class Decided:
    """What becomes of the notices of a run for one reader."""

    told: tuple[tuple[Notice, Rule, str], ...]
    """What is told, by which rule, and why."""
    held: tuple[tuple[Notice, str], ...] = field(default=())
    """What is not, and why."""
    over_budget: int = 0
    """How many of these for want of attention."""


def decide(
    rules: Sequence[Rule],
    notices: Sequence[Notice],
    heard: Mapping[str, Heard],
    told: Mapping[str, Sequence[date]],
    today: date,
) -> Decided:
    """What one reader hears of these notices, each of another alert. rules: those that name the reader, in the order of the
    config; the first that wants a notice counts. heard: by alert; told: days of first words so far, by rule."""
    sent: list[tuple[Notice, Rule, str]] = []
    held: list[tuple[Notice, str]] = []
    fresh: dict[str, list[Notice]] = {rule.name: [] for rule in rules}
    for notice in notices:
        known = heard.get(notice.alert.id)
        said = [(rule, verdict(rule, notice, known)) for rule in rules]
        wanted = next(((rule, one) for rule, one in said if one.send), None)
        if wanted is None:
            held.append((notice, said[0][1].why if said else "no rule names this reader"))
        elif known is None:
            fresh[wanted[0].name].append(notice)
        else:
            sent.append((notice, *(wanted[0], wanted[1].why)))
    over = 0
    for rule in rules:
        chosen = within_budget(rule.budget, fresh[rule.name], told.get(rule.name, ()), today)
        kept = {notice.ident for notice in chosen}
        sent += [(notice, rule, f"rule {rule.name}") for notice in chosen]
        spare = [notice for notice in fresh[rule.name] if notice.ident not in kept]
        held += [(notice, OVER_BUDGET) for notice in spare]
        over += len(spare)
    return Decided(tuple(sent), tuple(held), over)
