"""Alerts for GPS units: GPX 1.1 (topografix.com/GPX/1/1) waypoints, and a patrol route through some of them."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from detection.errors import BadInput
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.markup import clean, document, line, sub, utc
from jobs.notify.feeds.told import address, ordered
from jobs.notify.notice import Notice

GPX: Final = "http://www.topografix.com/GPX/1/1"
CREATOR: Final = "Sachawatch"
NAME_LENGTH: Final = 10
"""Old Garmin units cut longer names of waypoints."""
SYMBOLS: Final = {"provisional": "Flag, Blue", "confirmed": "Flag, Red"}
"""Status -> name of a symbol of Garmin units, spelt as they do."""
CLOSED_SYMBOL: Final = "Circle with X"
"""Symbol of all others: a shape, not only a colour, says that nobody need go there."""


def gpx(
    notices: Sequence[Notice],
    facts: FeedFacts,
    wording: Wording,
    *,
    route: Sequence[str] = (),
    public: bool = False,
) -> bytes:
    """A waypoint an alert, at its point; with a route through the alerts of these ids, in this order.

    Raises BadInput when an alert comes twice, its code is no name for a GPS unit, the route names another alert, a public
    file has a route (it tells where the patrol goes), or has no seal.
    """
    shown = {notice.alert.id: notice for notice in ordered(notices, facts, public=public)}
    if public and route:
        raise BadInput(
            f"feed {facts.title!r}: public, but with a route, which tells where the patrol goes; leave it out"
        )
    root = Xml.Element("gpx", {"xmlns": GPX, "version": "1.1", "creator": CREATOR})
    _metadata(root, facts)
    for notice in shown.values():
        _point(root, "wpt", notice, facts, wording)
    if route:
        path = sub(root, "rte")
        sub(path, "name", line(facts.title))
        for ident in route:
            if ident not in shown:
                raise BadInput(f"route: {ident!r} is no alert of the file; leave it out or add the alert")
            _point(path, "rtept", shown[ident], facts, wording)
    return document(root)


def _metadata(root: Xml.Element, facts: FeedFacts) -> None:
    """In the order of the schema (metadataType)."""
    about = sub(root, "metadata")
    sub(about, "name", line(facts.title))
    sub(about, "desc", line(facts.description))
    sub(sub(about, "author"), "name", line(facts.author))
    sub(about, "time", utc(facts.updated))
    if facts.simulated:
        sub(about, "keywords", "simulated")


def _point(parent: Xml.Element, tag: str, notice: Notice, facts: FeedFacts, wording: Wording) -> None:
    """In the order of the schema (wptType): time, name, cmt, desc, src, link, sym, type."""
    alert, place = notice.alert, notice.place
    if not (alert.short_code.isascii() and alert.short_code.isprintable() and len(alert.short_code) <= NAME_LENGTH):
        raise BadInput(
            f"alert {alert.short_code!r}: GPS units take names of {NAME_LENGTH} ASCII characters; mend its code"
        )
    point = sub(parent, tag, lat=f"{place.lat:.6f}", lon=f"{place.lon:.6f}")
    sub(point, "time", utc(notice.known_at))
    sub(point, "name", alert.short_code)
    sub(point, "cmt", line(wording.headline(notice)))
    sub(point, "desc", clean(wording.body(notice)))
    sub(point, "src", f"{CREATOR}, simulated" if facts.simulated or alert.simulated else CREATOR)
    link = address(alert, facts)
    if link is not None:
        sub(point, "link", href=link)
    sub(point, "sym", SYMBOLS.get(alert.status, CLOSED_SYMBOL))
    sub(point, "type", f"{alert.status} {alert.change_type}")
