"""Hands what is due to the channel of its reader: one attempt, and what became of it.

What a config got wrong is tried again: it can be mended, and no message is lost for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from functools import partial

from detection.alerts import Alert
from detection.errors import BadInput
from jobs.ledger import Clock
from jobs.notify import compose, pages
from jobs.notify.asked import Feed, Folder, Hook, Mail, NotifyConfig, Pages, Reader, Text
from jobs.notify.channels import files, folder, gateway, mail, webhook
from jobs.notify.channels.gateway import Gateway
from jobs.notify.channels.result import Outcome
from jobs.notify.channels.secrets import secret
from jobs.notify.deliveries import Delivery
from jobs.notify.feeds.cap import Earlier
from jobs.notify.feeds.told import sealed
from jobs.notify.notice import Notice
from jobs.notify.opening import Key
from jobs.notify.sender import Post
from jobs.notify.short import short
from jobs.words import Words


@dataclass(frozen=True)
class Records:
    """What the sender asks of the record."""

    notices: Callable[[Sequence[Key]], Mapping[Key, Notice]]
    """Notices of revisions."""
    withheld: Callable[[str, str], int]
    """(reader, rule) -> alerts that were not told for want of attention."""
    told: Callable[[str], Mapping[str, Sequence[int]]]
    """Reader -> the revisions told of every alert."""
    chip: Callable[[Alert, Words], bytes | None]
    """The picture of an alert."""
    page: pages.Page
    """The page of a revision, as its reader may see it."""


def posting(config: NotifyConfig, records: Records, now: Clock) -> Post:
    """The sender's hands: deliveries of one reader in, an outcome out; never an exception for what a channel or secret does."""

    def post(claimed: Sequence[Delivery]) -> Outcome:
        reader = next((one for one in config.readers if one.name == claimed[0].reader), None)
        if reader is None:
            return Outcome("never", f"{claimed[0].reader} is no reader of {config.name} any more")
        made = records.notices([(one.alert, one.revision) for one in claimed])
        told = [_as_told(made[one.alert, one.revision], one) for one in claimed]
        try:
            return _send(config, reader, claimed, told, records, now)
        except BadInput as error:  # a secret that cannot be read, an address that is none
            return Outcome("again", str(error))

    return post


def _as_told(notice: Notice, delivery: Delivery) -> Notice:
    return replace(notice, kind=delivery.kind)  # type: ignore[arg-type]


def _send(
    config: NotifyConfig,
    reader: Reader,
    claimed: Sequence[Delivery],
    told: Sequence[Notice],
    records: Records,
    now: Clock,
) -> Outcome:
    channel, seal = reader.channel, _seal(config, reader)
    if isinstance(channel, Feed):
        return _feed(config, reader, channel, told, records, seal)
    if isinstance(channel, Pages):
        return _pages(config, reader, channel, told, records)
    seen = compose.seen_by(config, reader, told, seal)
    if seal:  # a delivery's id is made of the alert's, which tells the place to whoever tries them all
        claimed = [replace(one, id=sealed(one.id, seal)) for one in claimed]
    if isinstance(channel, Folder | Mail):
        withheld = records.withheld(reader.name, claimed[0].rule)
        chips = _chips(reader, told, records)
        written = compose.letter_of(config, reader, seen, withheld, claimed[0].created, chips)
        return _letter(config, channel, claimed[0].id, written)
    if isinstance(channel, Text) and config.gateway is not None:
        return _each(claimed, seen, partial(_text, config, config.gateway, reader, channel))
    if not isinstance(channel, Hook):
        raise BadInput(f"{config.name}: no server for {reader.name}; name `gateway`")
    secrets = [secret(one) for one in channel.secrets]
    return _each(claimed, seen, partial(_hook, config, reader, channel, secrets, now))


def _chips(reader: Reader, told: Sequence[Notice], records: Records) -> dict[str, bytes]:
    """Pictures by id of the alert, of the first that are shown; none for the public, who would see the place."""
    if reader.access == "public":
        return {}
    made = {one.alert.id: records.chip(one.alert, reader.words) for one in told[: compose.MOST_CHIPS]}
    return {ident: chip for ident, chip in made.items() if chip is not None}


def _seal(config: NotifyConfig, reader: Reader) -> bytes:
    return secret(config.seal).encode() if reader.access == "public" and config.seal is not None else b""


def _letter(config: NotifyConfig, channel: Folder | Mail, ident: str, written: EmailMessage) -> Outcome:
    if isinstance(channel, Folder):
        return folder.put(channel.path, ident, written)
    if config.mail is None:
        raise BadInput(f"{config.name}: no server takes letters; name `mail`")
    return mail.send(config.mail, written, config.timeout_s)


def _feed(
    config: NotifyConfig, reader: Reader, channel: Feed, told: Sequence[Notice], records: Records, seal: bytes
) -> Outcome:
    """All that the reader was told, as it stands now, and what is told now."""
    before = {ident: list(revisions) for ident, revisions in records.told(reader.name).items()}
    last = {ident: revisions[-1] for ident, revisions in before.items()}
    made = records.notices([(ident, revision) for ident, revisions in before.items() for revision in revisions])
    standing = {key[0]: notice for key, notice in made.items() if last[key[0]] == key[1]}
    standing |= {notice.alert.id: notice for notice in told}
    public = reader.access == "public"
    shown = list(standing.values()) if public else compose.seen_by(config, reader, list(standing.values()))
    facts, wording = compose.facts_of(config, shown, reader.words, seal), compose.wording_of(reader.words)
    fresh = []
    for notice in told if public else compose.seen_by(config, reader, told):
        earlier = [Earlier(n.alert.revision, n.known_at) for key, n in made.items()
                   if key[0] == notice.alert.id and key[1] < notice.alert.revision]  # fmt: skip
        one = notice if earlier else replace(notice, kind="alert")  # what may have arrived has no message to refer to
        fresh.append((one, earlier))
    return files.put(channel, files.Telling(shown, fresh, facts, wording, reader.words, public))


def _pages(config: NotifyConfig, reader: Reader, channel: Pages, told: Sequence[Notice], records: Records) -> Outcome:
    """The pages of what is told now, and the list of all that the reader was told, as it stands."""
    before = {ident: revisions[-1] for ident, revisions in records.told(reader.name).items()}
    standing = {notice.alert.id: notice for notice in records.notices(list(before.items())).values()}
    standing |= {notice.alert.id: notice for notice in told}
    shown = compose.seen_by(config, reader, list(standing.values()))
    now = {notice.alert.id for notice in told}
    return pages.put(channel.path, shown, now, records.page, config.title or config.name, reader.words)


def _text(
    config: NotifyConfig, service: Gateway, reader: Reader, channel: Text, one: Delivery, notice: Notice
) -> Outcome:
    said = short(notice, reader.words)
    return gateway.send(service, channel.to, said, one.id, config.timeout_s, allow=config.allow)


def _each(claimed: Sequence[Delivery], seen: Sequence[Notice], hand: Callable[[Delivery, Notice], Outcome]) -> Outcome:
    """One after the other; the first that does not arrive says for all: they are tried again together, under the same ids."""
    outcome = Outcome("never", "nothing to send")
    for one, notice in zip(claimed, seen, strict=True):
        outcome = hand(one, notice)
        if outcome.state != "sent":
            break
    return outcome


def _hook(
    config: NotifyConfig,
    reader: Reader,
    channel: Hook,
    secrets: Sequence[str],
    now: Clock,
    one: Delivery,
    notice: Notice,
) -> Outcome:
    body = webhook.envelope(
        compose.data_of(notice, reader.words), ident=notice.ident, source=f"urn:sachawatch:{config.name}", kind=notice.kind,
        subject=notice.alert.id, at=notice.known_at, dataschema=compose.SCHEMA,
    )  # fmt: skip
    headers = webhook.signed_headers(secrets, one.id, int(now().timestamp()), body)
    return webhook.reach(channel.url, headers, body, config.timeout_s, allow=channel.allow)
