"""One alert as a message of the Common Alerting Protocol, OASIS CAP 1.2 (1 July 2010); sections below are its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as Xml

from detection.alerts import WITHDRAWN, Alert
from detection.errors import BadInput
from jobs.notify.feeds import SENDER, TAG, FeedFacts, Wording
from jobs.notify.feeds.markup import clean, document, line, noon, sub
from jobs.notify.feeds.places import Ring, polygons
from jobs.notify.feeds.told import address, figures, told, written
from jobs.notify.notice import Notice, Place
from jobs.store import MessageKind

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
TYPES: Final[dict[MessageKind, str]] = {"alert": "Alert", "update": "Update", "cancel": "Cancel"}
LARGE_HA, MEDIUM_HA = 10.0, 1.0
"""Areas from which a change is Severe and Moderate (chosen); never Extreme, which is for threats to life (section 3.2.2)."""
NAMES: Final = 3
"""So many names of what it touches, and of places near, say where an alert lies (chosen)."""


@dataclass(frozen=True)
class Earlier:
    """A message on the same alert that went out before."""

    revision: int
    """Revision it told."""
    sent: datetime
    """Its time, with its zone: `known_at` of that revision."""
    sender: str | None = None
    """Who sent it; null: the same sender as now."""


def cap(
    notice: Notice,
    facts: FeedFacts,
    wordings: Mapping[str, Wording],
    references: Sequence[Earlier] = (),
    *,
    public: bool = False,
) -> bytes:
    """The message: scope Restricted, or Public with a coarse place; one info a language, that of the facts first.

    wordings: by BCP 47 tag. references: all that was sent of this alert before. `sent` is when the revision was known, so
    that the same revision always makes the same message. Raises BadInput for a language without a wording, an update or
    cancel without a reference, a reference that is not earlier, and as `told` and `polygons` do.
    """
    shown = told(notice, facts, public=public)
    _check(shown, facts, wordings, references)
    alert = shown.alert
    root = Xml.Element("alert", {"xmlns": CAP})
    sub(root, "identifier", f"{alert.id}.{alert.revision}")
    sub(root, "sender", facts.sender)
    sub(root, "sent", offset(shown.known_at))
    sub(root, "status", "Exercise" if facts.simulated or alert.simulated else "Actual")
    sub(root, "msgType", TYPES[shown.kind])
    sub(root, "scope", "Public" if public else "Restricted")
    if not public:
        sub(root, "restriction", line(facts.restriction))
    if references:
        sub(root, "references", " ".join(_reference(alert.id, one, facts) for one in _by_revision(references)))
    for language in sorted(wordings, key=lambda tag: (tag != facts.language, tag)):
        _info(root, shown, facts, language, wordings[language])
    return document(root)


def offset(at: datetime) -> str:
    """Section 3.3.2: an instant in UTC ends in -00:00, and never in Z. Raises BadInput for a time without a zone."""
    if at.tzinfo is None:
        raise BadInput(f"time {at}: has no time zone; give it in UTC")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def certainty(alert: Alert) -> str:
    """Possible until it is confirmed, then Likely; Unlikely once withdrawn. Observed is for a person who was there."""
    if alert.status in WITHDRAWN:
        return "Unlikely"
    return "Possible" if alert.confirmed_on is None else "Likely"


def urgency(alert: Alert) -> str:
    """Future (act soon) while it is open, Past afterwards: a patrol takes days, Immediate and Expected mean an hour."""
    return "Future" if alert.status in ("provisional", "confirmed") else "Past"


def severity(alert: Alert) -> str:
    """By hectares: Severe, Moderate or Minor; Minor too for what does no harm to the forest."""
    if alert.change_type == "other" or alert.area_ha < MEDIUM_HA:
        return "Minor"
    return "Severe" if alert.area_ha >= LARGE_HA else "Moderate"


def area_words(place: Place) -> str:
    """Names of what it touches and of places near, then the UTM coordinates; of a coarse place its box in degrees."""
    if not place.utm:
        west, south, east, north = place.geometry.bounds
        return f"{south:.2f}..{north:.2f}, {west:.2f}..{east:.2f}"
    touched = [line(one.name or one.feature) for one in place.overlaps if one.relation != "near"]
    near = [line(one.name) for one in place.nearby]
    return "; ".join([*touched[:NAMES], *near[:NAMES], line(place.utm)])


def _check(notice: Notice, facts: FeedFacts, wordings: Mapping[str, Wording], references: Sequence[Earlier]) -> None:
    which = f"alert {notice.alert.short_code}"
    if facts.language not in wordings:
        raise BadInput(f"{which}: there is no wording in {facts.language!r}; give one, or another language of the file")
    for language in wordings:
        if not TAG.fullmatch(language):
            raise BadInput(f"{which}: {language!r} is no BCP 47 tag of a language; give one, e.g. es-PE")
    if notice.kind != "alert" and not references:
        raise BadInput(f"{which}: a CAP {TYPES[notice.kind]} names what it replaces; give the messages sent before it")
    for one in references:
        if one.revision >= notice.alert.revision:
            raise BadInput(
                f"{which}: refers to revision {one.revision}, it is {notice.alert.revision}; give earlier ones"
            )
        if not SENDER.fullmatch(one.sender or facts.sender):
            raise BadInput(
                f"{which}: sender {one.sender!r} of an earlier message holds a space, comma, < or &; mend it"
            )


def _by_revision(references: Sequence[Earlier]) -> list[Earlier]:
    return sorted(set(references), key=lambda one: (one.revision, one.sent, one.sender or ""))


def _reference(ident: str, one: Earlier, facts: FeedFacts) -> str:
    """Section 3.2.1: sender,identifier,sent."""
    return f"{one.sender or facts.sender},{ident}.{one.revision},{offset(one.sent)}"


def _info(root: Xml.Element, notice: Notice, facts: FeedFacts, language: str, wording: Wording) -> None:
    """In the order of the schema (appendix), which is a sequence."""
    alert = notice.alert
    info = sub(root, "info")
    sub(info, "language", language)
    sub(info, "category", "Env")
    sub(info, "event", line(wording.event))
    sub(info, "urgency", urgency(alert))
    sub(info, "severity", severity(alert))
    sub(info, "certainty", certainty(alert))
    sub(info, "onset", offset(noon(alert.change_date)))
    sub(info, "senderName", line(facts.author))
    sub(info, "headline", line(wording.headline(notice)))
    sub(info, "description", clean(wording.body(notice)))
    link = address(alert, facts)
    if link is not None:
        sub(info, "web", link)
    for name, value in figures(alert, facts).items():
        if value is not None:
            parameter = sub(info, "parameter")
            sub(parameter, "valueName", name)
            sub(parameter, "value", written(value))
    area = sub(info, "area")
    sub(area, "areaDesc", area_words(notice.place))
    for exterior, *_ in polygons(notice.place):
        sub(area, "polygon", _positions(exterior))


def _positions(ring: Ring) -> str:
    """Section 3.2.4: latitude,longitude pairs, the first and the last the same, at least four."""
    return " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in ring)
