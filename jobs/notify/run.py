"""One round of a notification: open the outbox of its job, send what is due, say how it went. Run it after the job."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy.engine import Engine

from detection.errors import BadInput
from jobs import ledger
from jobs.config import JobConfig, load
from jobs.database import FILE_NAME, default_url, open_database
from jobs.ledger import Clock
from jobs.notify import bulletin_post, compose, deliveries, noticeboard
from jobs.notify.asked import NotifyConfig
from jobs.notify.bulletin_words import title
from jobs.notify.bulletins import Bulletin
from jobs.notify.chips import Chips
from jobs.notify.deliveries import DEAD, GONE, HELD, WAITING, Delivery
from jobs.notify.kept import Kept
from jobs.notify.lookup import last_of
from jobs.notify.message import headline
from jobs.notify.notices import Maker
from jobs.notify.opening import open_outbox, planned
from jobs.notify.pages import Pages
from jobs.notify.post import Records, posting
from jobs.notify.replay import replayed
from jobs.notify.sender import Sent, drain, send_due
from jobs.notify.watching import watched
from jobs.overlays import Overlays
from jobs.state import DamagedGeneration


@dataclass(frozen=True)
class Round:
    """What one round came to."""

    decided: tuple[Delivery, ...]
    """What was decided on now."""
    sent: Sent
    """What was sent now."""
    standing: dict[tuple[str, str], int]
    """(reader, state) -> deliveries, of all rounds."""
    notes: tuple[str, ...]
    """What to know of the overlays."""
    bulletins: tuple[Bulletin, ...] = ()
    """What was decided on beside the alerts."""
    previews: tuple[str, ...] = ()
    """Of a dry run: a line for each message that would be told."""

    @property
    def complete(self) -> bool:
        """Did everything arrive that was due?"""
        return not self.sent.failures

    def lines(self) -> list[str]:
        """For people, most important first."""
        told = sum(one.state == WAITING for one in self.decided)
        held = sum(one.state == HELD for one in self.decided)
        made = [
            f"decided: {told} to be told, {held} not; {len(self.bulletins)} bulletins",
            f"sent: {self.sent.deliveries} in {self.sent.messages} messages",
            f"to be tried again: {self.sent.again}; given up: {self.sent.given_up}",
        ]
        often = Counter(self.sent.failures)
        made += [f"failed: {line}{f' ({many} times)' if many > 1 else ''}" for line, many in often.items()]
        waits = sum(many for (_, state), many in self.standing.items() if state == WAITING)
        dead = sum(many for (_, state), many in self.standing.items() if state in (DEAD, GONE))
        if waits or dead:
            made.append(f"waiting: {waits}; given up in all: {dead} (`--revive` tries them again)")
        return [*made, *self.previews, *self.notes]


def notify(config: NotifyConfig, *, now: Clock, dry_run: bool = False, revive: bool = False) -> Round:
    """Decide on what is new and send what is due; dry_run: say what would be told, write and send nothing.

    revive: what was given up waits again, first. Raises BadInput for a job that never ran, ConfigError for its config, and as
    `open_database` and `open_overlays`.
    """
    job = _job(config)
    engine = _database(job)
    grid = ledger.find_job(engine, job.name).grid
    maker, audience = Maker(engine, config, job.name, grid), config.audience(job.name)
    check(config, maker.overlays, now().date())
    if dry_run:
        rows = deliveries.unopened(engine, config.name, job.name)
        made = planned(engine, audience, rows, maker, now()) if rows else []
        bulletins, _, blind = _bulletins(engine, config, job, maker, now())
        lines = (*told_lines(config, made, maker), *bulletin_lines(config, bulletins))
        return Round(tuple(made), Sent(), _standing(engine, config), (*maker.notes, *blind), tuple(bulletins), lines)
    if revive:
        deliveries.revive(engine, config.name, now())
        noticeboard.revive(engine, config.name, now())
    made = open_outbox(engine, audience, maker, now)
    kept = _kept(engine, maker, job)
    post = posting(config, _records(engine, config, maker, kept), now)
    sent = send_due(engine, config.name, post, now=now, together=audience.together)
    bulletins, spared, blind = _bulletins(engine, config, job, maker, now())
    noticeboard.put(engine, config.name, bulletins, spared)
    hand = bulletin_post.posting(config, _place(config), now)
    sent += drain(noticeboard.Board(engine, config.name), hand, now=now)
    notes = (*maker.notes, *blind, *sorted(set(kept.damaged.values())))
    return Round(tuple(made), sent, _standing(engine, config), notes, tuple(bulletins))


def _bulletins(
    engine: Engine, config: NotifyConfig, job: JobConfig, maker: Maker, at: datetime
) -> tuple[list[Bulletin], list[tuple[str, str]], tuple[str, ...]]:
    """As `watched`, and a note where a state cannot be read: alerts do not wait for it, the next round looks again."""
    try:
        return *watched(engine, config, job, maker, at), ()
    except DamagedGeneration as error:
        return [], [], (f"no bulletins: {error}",)


def check(config: NotifyConfig, overlays: Overlays, today: date) -> None:
    """Raises BadInput for what would lose alerts unnoticed: a first day still to come, a rule on a feature that is not there."""
    if config.since > today:
        said = f"since: {config.since} is still to come, and what is known before it would never be told"
        raise BadInput(f"{config.name}: {said}; give a day that has come")
    there = {layer.about.name: {known.ident for known in layer.features} for layer in overlays.layers}
    for rule in config.rules:
        for place in rule.inside:
            layer, named, feature = place.partition(":")
            if named and feature not in there[layer]:
                some = ", ".join(get_close_matches(feature, sorted(there[layer]), 3, 0.0)) or "nothing"
                said = f"rule {rule.name}: {layer} has no feature {feature!r} near the area of the job"
                raise BadInput(f"{config.name}: {said}; there is {some}: mend `inside`, or id_field of the layer")


def _standing(engine: Engine, config: NotifyConfig) -> dict[tuple[str, str], int]:
    """Of deliveries and bulletins together."""
    return dict(Counter(deliveries.standing(engine, config.name)) + Counter(noticeboard.standing(engine, config.name)))


def _place(config: NotifyConfig) -> str:
    """Name of the area for people."""
    return config.title or config.name


def bulletin_lines(config: NotifyConfig, bulletins: Sequence[Bulletin]) -> list[str]:
    """A line for each that is to be told."""
    return [f"{one.reader}: {title(one, _place(config), config.reader(one.reader).words)}" for one in bulletins]


def _records(engine: Engine, config: NotifyConfig, maker: Maker, kept: Kept) -> Records:
    name = config.name
    return Records(
        maker,
        lambda reader, rule: deliveries.withheld(engine, name, reader, rule),
        lambda reader: deliveries.all_told(engine, name, reader),
        Chips(kept),
        Pages(engine, kept),
    )


def _kept(engine: Engine, maker: Maker, job: JobConfig) -> Kept:
    return Kept(engine, job.name, job.output.folder / job.name / "state", maker.grid)


def _job(config: NotifyConfig) -> JobConfig:
    found = load(config.job)
    if not isinstance(found, JobConfig):
        raise BadInput(f"{config.job}: is of kind {found.kind}; a notification tells of a job of kind monitor")
    return found


def _database(job: JobConfig) -> Engine:
    folder = job.output.folder / job.name
    if job.database.url is None and not (folder / FILE_NAME).exists():
        raise BadInput(f"{job.name}: has not run yet ({folder} holds no database); run it first")
    return open_database(job.database.url or default_url(Path(folder)))


def replay(config: NotifyConfig) -> list[str]:
    """What the rules would have told of all that the job ever said since `since`, a line a reader. Raises as `notify`."""
    job = _job(config)
    engine = _database(job)
    maker = Maker(engine, config, job.name, ledger.find_job(engine, job.name).grid)
    check(config, maker.overlays, date.max)
    rows = deliveries.unopened(engine, None, job.name)
    return [past.line() for past in replayed(config.audience(job.name), rows, maker)]


def page(config: NotifyConfig, code: str, reader: str | None = None) -> str:
    """The page of an alert as it stands, told or not, for a reader; None: the first.

    code: its short code or its id. Raises BadInput for a stranger and for the public, who see no place, and as `notify`.
    """
    chosen = next((one for one in config.readers if reader in (None, one.name)), None)
    if chosen is None:
        raise BadInput(f"{config.name}: no reader {reader!r}; there is {', '.join(r.name for r in config.readers)}")
    if chosen.access == "public":
        raise BadInput(f"{config.name}: {chosen.name} is the public, and a page shows the place; name another reader")
    job = _job(config)
    engine = _database(job)
    maker = Maker(engine, config, job.name, ledger.find_job(engine, job.name).grid)
    key = last_of(engine, job.name, code)
    (seen,) = compose.seen_by(config, chosen, [maker([key])[key]])
    return Pages(engine, _kept(engine, maker, job))(seen, chosen.words)


def told_lines(config: NotifyConfig, made: Sequence[Delivery], maker: Maker) -> list[str]:
    """A line for each delivery that is to be told: to whom, why, and its headline in the reader's language."""
    found = maker([(one.alert, one.revision) for one in made if one.state == WAITING])
    return [
        f"{one.reader}: {headline(found[one.alert, one.revision], config.reader(one.reader).words)} ({one.why})"
        for one in made
        if one.state == WAITING
    ]
