"""Hands a bulletin to the channel of its reader: one attempt, and what became of it."""

from collections.abc import Callable, Sequence
from email.message import EmailMessage

from detection.errors import BadInput
from jobs.ledger import Clock
from jobs.notify import compose
from jobs.notify.asked import Folder, Hook, Mail, NotifyConfig, Reader, Text
from jobs.notify.bulletin_words import data, lines, short, title
from jobs.notify.bulletins import Bulletin
from jobs.notify.channels import folder, gateway, mail, webhook
from jobs.notify.channels.mail import Thread
from jobs.notify.channels.result import Outcome
from jobs.notify.channels.secrets import secret

COLOURS = {"blind": "#000000", "sighted": "#0072b2", "weekly": "#0072b2"}
"""Kind -> colour of its bar (Okabe and Ito 2008)."""
SCHEMA = "urn:sachawatch:schema:bulletin:1"
"""Of what webhooks carry: docs/bulletin.schema.json."""


def posting(config: NotifyConfig, place: str, now: Clock) -> Callable[[Sequence[Bulletin]], Outcome]:
    """The sender's hands: a bulletin in, an outcome out; never an exception for what a channel or secret does.

    place: name of the area for people.
    """

    def post(claimed: Sequence[Bulletin]) -> Outcome:
        (bulletin,) = claimed
        reader = next((one for one in config.readers if one.name == bulletin.reader), None)
        if reader is None:
            return Outcome("never", f"{bulletin.reader} is no reader of {config.name} any more")
        try:
            return _send(config, reader, bulletin, place, now)
        except BadInput as error:  # a secret that cannot be read, an address that is none
            return Outcome("again", str(error))

    return post


def _send(config: NotifyConfig, reader: Reader, bulletin: Bulletin, place: str, now: Clock) -> Outcome:
    channel, words = reader.channel, reader.words
    if isinstance(channel, Folder):
        return folder.put(channel.path, bulletin.id, letter(config, reader, bulletin, place))
    if isinstance(channel, Mail) and config.mail is not None:
        return mail.send(config.mail, letter(config, reader, bulletin, place), config.timeout_s)
    if isinstance(channel, Text) and config.gateway is not None:
        said = short(bulletin, place, words)
        return gateway.send(config.gateway, channel.to, said, bulletin.id, config.timeout_s, allow=config.allow)
    if not isinstance(channel, Hook):
        return Outcome("never", f"{reader.name}: its channel {channel.kind} takes no bulletins")
    body = webhook.envelope(
        data(bulletin, place, words), ident=bulletin.id, source=f"urn:sachawatch:{config.name}", kind=bulletin.kind,
        subject=bulletin.sector or config.name, at=bulletin.created, dataschema=SCHEMA,
    )  # fmt: skip
    headers = webhook.signed_headers(
        [secret(one) for one in channel.secrets], bulletin.id, int(now().timestamp()), body
    )
    return webhook.reach(channel.url, headers, body, config.timeout_s, allow=channel.allow)


def letter(config: NotifyConfig, reader: Reader, bulletin: Bulletin, place: str) -> EmailMessage:
    """A letter; the same bulletin gives the same bytes."""
    said = compose.Said(
        title(bulletin, place, reader.words), lines(bulletin, place, reader.words), COLOURS[bulletin.kind], ""
    )
    text = (
        "\n".join([said.headline, *(f"{one.about}: {one.said}" if one.about else one.said for one in said.lines)])
        + "\n"
    )
    thread = Thread(f"{bulletin.kind}-{bulletin.id}", 1, config.sender.domain)
    return compose.plain_letter(config, reader, said, text, thread, bulletin.created)
