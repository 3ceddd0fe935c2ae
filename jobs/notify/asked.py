"""What a config of kind `notify` says: whose alerts are told, to whom, how, and by which rules."""

from collections.abc import Sequence
from dataclasses import field
from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Literal

from annotated_types import Gt, MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.notify.bulletins import Watch
from jobs.notify.channels.formats import NEEDED, USUAL, Detections, Events, Format, Incidents, Report, makeable
from jobs.notify.channels.gateway import Gateway, check_number
from jobs.notify.channels.mail import MailServer
from jobs.notify.opening import Audience
from jobs.notify.policy import Access, Embargo, Name, Rule
from jobs.overlays import Overlay
from jobs.words import Words

Address = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", examples=["jefatura@example.org"])]


@parameters
class Folder:
    """Into a folder, as letters that any mail program opens: to try a notification out, or to carry it by hand."""

    kind: Literal["folder"] = "folder"
    """The channel: `folder`."""
    path: Path = Path("messages")
    """Where the letters go, relative to where the notification is started; one file each, `.eml`."""


@parameters
class Mail:
    """By e-mail."""

    kind: Literal["mail"] = "mail"
    """The channel: `mail`."""
    to: Address
    """Address of the reader."""


@parameters
class Hook:
    """By a signed webhook (Standard Webhooks), for other systems."""

    kind: Literal["webhook"] = "webhook"
    """The channel: `webhook`."""
    url: Annotated[str, Field(examples=["https://example.org/hook"])]
    """Where to post to: https, and no local address unless `allow` names it."""
    secrets: Annotated[tuple[str, ...], MinLen(1), Field(examples=[["env:HOOK_SECRET"]])]
    """Where the signing secrets are kept, `env:NAME` or `file:/path`; two while one replaces the other."""
    allow: tuple[str, ...] = ()
    """Local places it may go to: `host:port`, or a network such as 10.0.0.0/8."""


@parameters
class Text:
    """By text message, to a phone or a satellite messenger."""

    kind: Literal["text"] = "text"
    """The channel: `text`."""
    to: Annotated[str, Field(examples=["+51984123456"])]
    """Number of the reader, as E.164 has it: +51984123456."""

    def __post_init__(self) -> None:
        check_number(self.to)


@parameters
class Feed:
    """Files for other programs, made anew whenever the reader is told something: all that was told, as it stands."""

    kind: Literal["feed"] = "feed"
    """The channel: `feed`."""
    path: Path = Path("feed")
    """Folder of the files, relative to where the notification is started."""
    formats: Annotated[tuple[Format, ...], MinLen(1)] = USUAL
    """What is written. All as it stands: `atom`, `kml`, `gpx`, `geojson`, `geopackage` are `alerts.atom` and so on, the last two
    with the data that webhooks carry; `national` is the record of the State, `MonitoreoDeforestacion.gpkg` and `.geojson`.
    Each time an alert is told: `cap` is `ID.REVISION.cap.xml`; `earthranger`, `gundi`, `smart`, `comapeo` are
    `smart/ID.REVISION.json` and so on, the body that the system takes. Asked for later, these say nothing of what was told
    before: give them to a reader of their own to have all."""
    earthranger: Events | None = None
    """What events of EarthRanger need; null: they are not written."""
    gundi: Events | None = None
    """What events of Gundi need; null: they are not written."""
    smart: Incidents | None = None
    """What incidents of SMART need; null: they are not written."""
    comapeo: Detections = field(default_factory=Detections)
    """What alerts of CoMapeo may be told."""
    national: Report = field(default_factory=Report)
    """What the national record may be told."""

    def __post_init__(self) -> None:
        require(*makeable(self.formats, {name: getattr(self, name) for name in NEEDED}))


@parameters
class Pages:
    """A page for each alert that the reader was told, and a list of them: files that any phone opens without a network."""

    kind: Literal["pages"] = "pages"
    """The channel: `pages`."""
    path: Path = Path("pages")
    """Folder of `index.html` and of one `<code>.html` an alert, made anew with each revision that is told, relative to where the
    notification is started."""


Channel = Annotated[Folder | Feed | Mail | Hook | Text | Pages, Field(discriminator="kind")]


@parameters
class Reader:
    """Somebody who hears of alerts."""

    name: Name
    """Name of the reader, in rules and on record."""
    channel: Channel
    """How to reach the reader."""
    language: str = "es"
    """Language of what is said; there are catalogues of `en` and `es`."""
    zone: str = "America/Lima"
    """Time zone of the hours that are told."""
    access: Access = "restricted"
    """`restricted`: those in charge, at once and in full; `partners`: later; `public`: later still, and coarse places only."""

    @property
    def words(self) -> Words:
        """The reader's language."""
        return Words(self.language, self.zone)


@parameters
class Sender:
    """As whom the service writes."""

    address: Address = "alertas@example.org"
    """Address that letters come from; its domain names their threads."""
    name: str = "Sachawatch"
    """The name beside it."""
    unsubscribe: Address | None = None
    """Address to which who wants no more letters writes; null: that of the sender."""

    @property
    def domain(self) -> str:
        """Names the threads of its letters."""
        return self.address.rpartition("@")[2]


WHERE: Final = {
    "mail": ("to", "e-mail address"), "text": ("to", "number"), "webhook": ("url", "URL"), "feed": ("path", "folder of files"),
    "pages": ("path", "folder of pages"),
}  # fmt: skip
"""Kind of channel -> what tells one receiver from another, and what it is called; a folder of letters may be shared."""


def _shared(readers: Sequence[Reader]) -> str:
    """The first two readers who are one receiver, who would hear everything twice; empty where there are none."""
    known: dict[tuple[str, str], str] = {}
    for reader in readers:
        kind = reader.channel.kind
        if kind in WHERE:
            key, called = WHERE[kind]
            where = str(getattr(reader.channel, key))
            first = known.setdefault((kind, where.casefold() if kind == "mail" else where), reader.name)
            if first != reader.name:
                return f"{first} and {reader.name} have the same {called}"
    return ""


@parameters
class NotifyConfig:
    """A notification: the alerts of a monitoring job, told to people."""

    kind: Literal["notify"] = "notify"
    """What this file describes: `notify` tells people of the alerts of a job."""
    name: Name
    """Name of the notification; what was told is kept under it."""
    title: str = ""
    """Name of the place for people, e.g. `Madre de Dios`; empty: the name of the job."""
    job: Annotated[Path, Field(examples=["demo-madre-de-dios.yaml"])]
    """Config of the monitoring job, relative to this file."""
    since: Annotated[date, Field(examples=["2024-01-01"])]
    """Alerts known before this day are not told of for the first time."""
    overlays: tuple[Overlay, ...] = ()
    """Layers of the world people know."""
    readers: Annotated[tuple[Reader, ...], MinLen(1)]
    """Who may hear of alerts."""
    rules: Annotated[tuple[Rule, ...], MinLen(1)]
    """Who hears of what; the first rule that wants an alert told to a reader counts."""
    seal: str | None = None
    """Where the secret is kept that public ids are made with, `env:NAME` or `file:/path`, 16 bytes or more: true ids tell the
    place. Needed where a reader's access is `public`."""
    bulletin: Watch | None = None
    """A weekly summary and word of sectors that nobody has seen; null: neither."""
    embargo: Embargo = field(default_factory=Embargo)
    """How long others than those in charge wait."""
    digest_at: time = time(7)
    """Local time at which messages leave that go together."""
    mail: MailServer | None = None
    """The server that takes letters."""
    gateway: Gateway | None = None
    """The service that takes text messages."""
    allow: tuple[str, ...] = ()
    """Local places the gateway may be at: `host:port`, or a network."""
    sender: Sender = field(default_factory=Sender)
    """As whom letters are written."""
    timeout_s: Annotated[float, Gt(0)] = 30.0
    """How long one attempt may take, seconds."""

    def __post_init__(self) -> None:
        names = [reader.name for reader in self.readers]
        twice = sorted({name for name in names if names.count(name) > 1})
        watched = self.bulletin.to if self.bulletin else ()
        ruled = {name for rule in self.rules for name in rule.to} | set(watched)
        strangers, unheard = sorted(ruled - set(names)), sorted(set(names) - ruled)
        labels = [rule.name for rule in self.rules]
        layers = {overlay.name for overlay in self.overlays}
        asked = {place.partition(":")[0] for rule in self.rules for place in rule.inside}
        asked |= {self.bulletin.sectors} if self.bulletin and self.bulletin.sectors else set()
        outside = [one.name for one in self.readers if one.name in watched and one.access != "restricted"]
        files = [one.name for one in self.readers if one.name in watched and one.channel.kind in ("feed", "pages")]
        kinds = {reader.channel.kind for reader in self.readers}
        shared = _shared(self.readers)
        for reader in self.readers:
            _ = reader.words
        require(
            (not twice, ("readers",), f"{', '.join(twice)} is named twice; give each reader one entry"),
            (not shared, ("readers",), f"{shared}; make them one reader, whom several rules may name"),
            (not strangers, ("rules",), f"{', '.join(strangers)} is no reader; name it under `readers`"),
            (not unheard, ("readers",), f"no rule names {', '.join(unheard)}; name it in the `to` of a rule, or leave it out"),
            (len(set(labels)) == len(labels), ("rules",), "two rules have one name; name each differently"),
            (asked <= layers, ("rules",), f"{', '.join(sorted(asked - layers))} is no layer of `overlays`; add it there"),
            (self.seal is not None or all(reader.access != "public" for reader in self.readers), ("seal",),
             "a reader is the public, and no secret seals the ids; name one, e.g. env:ALERT_SEAL"),
            (not outside, ("bulletin", "to"), f"{', '.join(outside)} may not know where nobody looks; leave it out"),
            (not files, ("bulletin", "to"), f"{', '.join(files)} gets files of alerts, which hold no bulletins; leave it out"),
            (all(reader.access != "public" for reader in self.readers if reader.channel.kind == "pages"), ("readers",),
             "a page shows the place, and a reader of pages is the public; give that reader a feed, or another access"),
            ("mail" not in kinds or self.mail is not None, ("mail",), "a reader has mail, and no server is named; name one"),
            ("text" not in kinds or self.gateway is not None, ("gateway",),
             "a reader has text messages, and no gateway is named; name one"),
        )  # fmt: skip

    def audience(self, job: str) -> Audience:
        """Who may hear of the alerts of a job, and by which rules."""
        readers = {reader.name: reader.access for reader in self.readers}
        return Audience(self.name, job, self.since, readers, self.rules, self.embargo, self.digest_at)

    def reader(self, name: str) -> Reader:
        """The reader of a name; raises StopIteration for a stranger."""
        return next(reader for reader in self.readers if reader.name == name)
