"""A feed of alerts: Atom (RFC 4287) with their places in GeoRSS-Simple (OGC 17-002r1), latitude before longitude."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.markup import clean, document, line, sub, utc
from jobs.notify.feeds.places import Ring, polygons
from jobs.notify.feeds.told import address, ordered
from jobs.notify.notice import Notice

ATOM: Final = "http://www.w3.org/2005/Atom"
GEORSS: Final = "http://www.georss.org/georss"
SCHEMES: Final = {"status": "urn:sachawatch:status", "change_type": "urn:sachawatch:change-type"}
"""Which list a category's term is from: the statuses of alerts, `detection.codes.CHANGE_TYPES`."""


def atom(notices: Sequence[Notice], facts: FeedFacts, wording: Wording, *, public: bool = False) -> bytes:
    """The feed: the latest revision of every alert, the withdrawn ones too; a reader keeps one entry an id.

    Raises BadInput when an alert comes twice, has no polygons, or is to be public without a seal.
    """
    root = Xml.Element("feed", {"xmlns": ATOM, "xmlns:georss": GEORSS, "xml:lang": facts.language})
    sub(root, "id", facts.id)
    sub(root, "title", line(facts.title))
    if facts.description:
        sub(root, "subtitle", line(facts.description))
    sub(root, "updated", utc(facts.updated))
    sub(sub(root, "author"), "name", line(facts.author))
    if facts.simulated:
        sub(root, "category", term="simulated")
    for notice in ordered(notices, facts, public=public):
        _entry(root, notice, facts, wording)
    return document(root)


def _entry(root: Xml.Element, notice: Notice, facts: FeedFacts, wording: Wording) -> None:
    alert, place = notice.alert, notice.place
    entry = sub(root, "entry")
    sub(entry, "id", f"urn:uuid:{alert.id}")
    sub(entry, "title", line(wording.headline(notice)))
    sub(entry, "updated", utc(notice.known_at))
    sub(entry, "category", term=alert.status, scheme=SCHEMES["status"])
    sub(entry, "category", term=alert.change_type, scheme=SCHEMES["change_type"])
    if facts.simulated or alert.simulated:
        sub(entry, "category", term="simulated")
    link = address(alert, facts)
    if link is not None:
        sub(entry, "link", rel="alternate", href=link)
    sub(entry, "content", clean(wording.body(notice)), type="text")
    sub(entry, "georss:point", f"{place.lat:.6f} {place.lon:.6f}")
    for exterior, *_ in polygons(place):
        sub(entry, "georss:polygon", _positions(exterior))


def _positions(ring: Ring) -> str:
    return " ".join(f"{lat:.6f} {lon:.6f}" for lon, lat in ring)
