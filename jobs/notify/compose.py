"""One message to one reader, ready for its channel: a letter, or a webhook's data. The same notices give the same bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from jobs.notify.asked import Mail, NotifyConfig, Reader
from jobs.notify.channels.mail import Content, Part, Route, Thread, letter
from jobs.notify.chips import LEGEND
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.gpx import gpx
from jobs.notify.feeds.kml import kmz
from jobs.notify.feeds.told import told as as_public
from jobs.notify.message import headline, lines, text
from jobs.notify.notice import Notice
from jobs.places import unrestricted
from jobs.words import Words, _

COLOUR: Final = {"provisional": "#e69f00", "confirmed": "#d55e00", "finished": "#0072b2", "merged": "#0072b2"}
"""Status -> colour of its bar (Okabe and Ito 2008); the word beside it says the same."""
GREY: Final = "#767676"
SCHEMA: Final = "urn:sachawatch:schema:alert:1"
"""Of what webhooks carry: docs/alert.schema.json. What is added keeps the number, what changes meaning gets the next."""
NAMES: Final = ("id", "short_code", "revision", "status", "change_type", "driver", "probability", "model", "confidence",
                "area_ha", "confirmed_ha", "area_ha_new", "mmu_ha", "magnitude", "magnitude_metric", "baseline", "simulated",
                "previous_id", "merged_into", "collection", "review_status", "rejection_reason")  # fmt: skip
"""Fields of an alert that a webhook carries as they are."""
DATES: Final = (
    "change_date",
    "last_clear_before",
    "first_detected",
    "confirmed_on",
    "finished_on",
    "last_detected",
    "reviewed_on",
)
"""Those that it carries as ISO dates."""
DIGEST: Final = "digest"
MOST_CHIPS: Final = 8
"""Pictures of one letter: half a megabyte at most."""
NO_CHIPS: Final[Mapping[str, bytes]] = {}
NO_PICTURES: Final[Mapping[str, Part]] = {}


@dataclass(frozen=True)
class Said:
    """An alert in the page."""

    headline: str
    """One line."""
    lines: Sequence[Any]
    """The rest."""
    colour: str
    """Of its bar."""
    picture: str
    """Content id of the picture of before and after; empty where there is none."""


def seen_by(config: NotifyConfig, reader: Reader, notices: Sequence[Notice], seal: bytes = b"") -> list[Notice]:
    """The notices as the reader may see them: the public sees coarse places, no names, and ids made with the seal, since true
    ids tell the place; partners do not see restricted layers. Raises BadInput for the public without a seal."""
    if reader.access == "public":
        facts = facts_of(config, notices, reader.words, seal)
        return [as_public(notice, facts, public=True) for notice in notices]
    if reader.access == "partners":
        return [replace(notice, place=unrestricted(notice.place, config.overlays)) for notice in notices]
    return list(notices)


def letter_of(
    config: NotifyConfig,
    reader: Reader,
    notices: Sequence[Notice],
    withheld: int,
    at: datetime,
    chips: Mapping[str, bytes] = NO_CHIPS,
) -> EmailMessage:
    """A letter on one alert, or on several together; at: when it was decided on, the same over all attempts; chips: pictures by
    id of the alert, of which the first few are shown."""
    words = reader.words
    subject = headline(notices[0], words) if len(notices) == 1 else _many(config, notices, words)
    pictures = {
        n.alert.id: Part(f"{i}-{n.alert.short_code}.png", "image/png", chips[n.alert.id])
        for i, n in enumerate(notices[:MOST_CHIPS], 1)
        if n.alert.id in chips
    }
    page, files = _page(subject, notices, withheld, words, pictures), _files(config, reader, notices, words)
    content = Content(subject, _text(notices, withheld, words), page, tuple(pictures.values()), files)
    return letter(content, _thread(config, notices), _route(config, reader, at))


def _thread(config: NotifyConfig, notices: Sequence[Notice]) -> Thread:
    domain = config.sender.domain
    if len(notices) == 1:
        return Thread(notices[0].alert.id, notices[0].alert.revision, domain)
    said = "|".join(sorted(notice.ident for notice in notices))
    return Thread(f"{DIGEST}-{hashlib.sha256(said.encode()).hexdigest()[:24]}", 1, domain)


def _many(config: NotifyConfig, notices: Sequence[Notice], words: Words) -> str:
    title = config.title or notices[0].collection_title
    marked = words.say(_("SIMULATED")) + " - " if any(notice.alert.simulated for notice in notices) else ""
    return f"{marked}{words.count(_('{n} alert'), _('{n} alerts'), len(notices))}, {title}"


def _text(notices: Sequence[Notice], withheld: int, words: Words) -> str:
    parts = [f"{headline(notice, words)}\n{text(notice, words)}" for notice in notices]
    ends = [line for line in (_withheld(withheld, words), footer(words)) if line]
    return "\n".join([*parts, *ends]) + "\n"


def _withheld(many: int, words: Words) -> str:
    if not many:
        return ""
    return words.count(
        _("{n} more alert was not sent, so that these can be attended to; it is in the list of the job."),
        _("{n} more alerts were not sent, so that these can be attended to; they are in the list of the job."), many,
    )  # fmt: skip


def footer(words: Words) -> str:
    """What no number of an alert is."""
    return words.say(
        _("Hectares are mapped, not measured on the ground. Who caused a change is an opinion on a picture.")
    )


def _page(
    subject: str, notices: Sequence[Notice], withheld: int, words: Words, pictures: Mapping[str, Part] = NO_PICTURES
) -> str:
    said = [_said(notice, words, pictures.get(notice.alert.id)) for notice in notices]
    return _rendered(subject, said, _withheld(withheld, words), words)


def plain_letter(
    config: NotifyConfig, reader: Reader, said: Said, text: str, thread: Thread, at: datetime
) -> EmailMessage:
    """A letter that tells of no single alert; at: when it was decided on."""
    page = _rendered(said.headline, [said], "", reader.words)
    return letter(
        Content(said.headline, f"{text}{footer(reader.words)}\n", page, (), ()), thread, _route(config, reader, at)
    )


def _route(config: NotifyConfig, reader: Reader, at: datetime) -> Route:
    sender = config.sender
    to = reader.channel.to if isinstance(reader.channel, Mail) else f"{reader.name}@{sender.domain}"
    return Route(sender.address, to, at, sender.name, sender.unsubscribe or sender.address)


def _rendered(title: str, said: Sequence[Said], rest: str, words: Words) -> str:
    alt, caption = words.say(_("the place before and after")), words.say(LEGEND)
    page: str = _template().render(
        title=title,
        language=words.language,
        alerts=said,
        withheld=rest,
        footer=footer(words),
        alt=alt,
        caption=caption,
    )
    return page


def _said(notice: Notice, words: Words, picture: Part | None) -> Said:
    colour = COLOUR.get(notice.alert.status, GREY)
    return Said(headline(notice, words), lines(notice, words), colour, picture.name if picture else "")


@cache
def _template() -> Any:
    made = Environment(
        loader=PackageLoader("jobs.notify", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return made.get_template("letter.html.j2")


def _files(config: NotifyConfig, reader: Reader, notices: Sequence[Notice], words: Words) -> tuple[Part, ...]:
    """What GPS units and phones open; none for the public, who see no place."""
    if reader.access == "public":
        return ()
    facts, wording = facts_of(config, notices, words), wording_of(words)
    name = "alertas" if words.language == "es" else "alerts"
    return (
        Part(f"{name}.gpx", "application/gpx+xml", gpx(notices, facts, wording)),
        Part(f"{name}.kmz", "application/vnd.google-earth.kmz", kmz(notices, facts, wording)),
    )


def facts_of(config: NotifyConfig, notices: Sequence[Notice], words: Words, seal: bytes = b"") -> FeedFacts:
    """What a file of these notices says about itself; seal: the secret that public ids are made with."""
    title = config.title or (notices[0].collection_title if notices else config.name)
    return FeedFacts(
        title=title, description="", id=f"tag:{config.sender.domain},2026:{config.name}",
        author=config.sender.name, sender=config.sender.address, updated=max(notice.known_at for notice in notices),
        language=words.language, link_base=None, simulated=any(notice.alert.simulated for notice in notices),
        seal=seal,
    )  # fmt: skip


def wording_of(words: Words) -> Wording:
    """The texts of a file in a language."""
    return Wording(
        lambda notice: headline(notice, words), lambda notice: text(notice, words), words.say(_("Forest change")),
        words.say(_("CANCELLED")),
    )  # fmt: skip


def data_of(notice: Notice, words: Words) -> Mapping[str, Any]:
    """What a webhook says of a notice: the record, where it is, and a headline."""
    alert, place = notice.alert, notice.place
    dates = {name: day.isoformat() if (day := getattr(alert, name)) else None for name in DATES}
    overlaps = [
        {"layer": o.layer, "layer_version": o.version, "feature_id": o.feature, "name": o.name, "category": o.category,
         "relation": o.relation, "area_ha": round(o.area_ha, 4), "share": round(o.share, 6), "distance_m": round(o.distance_m, 1)}
        for o in place.overlaps
    ]  # fmt: skip
    return {
        **{name: getattr(alert, name) for name in NAMES}, **dates, "headline": headline(notice, words),
        "location": {"lat": place.lat, "lon": place.lon, "utm": place.utm}, "bbox": [round(v, 6) for v in place.geometry.bounds],
        "overlays": overlaps, "platforms": list(notice.platforms), "days_unseen": notice.days_unseen,
    }  # fmt: skip
