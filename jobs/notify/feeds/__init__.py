"""Alerts as files for other people's programs. Pure: no clock, no disk, no network; texts are made elsewhere.

- `atom.py`: a feed of all alerts, RFC 4287 with GeoRSS-Simple, for feed readers and portals.
- `cap.py`: one alert as an OASIS CAP 1.2 message, for warning systems.
- `kml.py`: all alerts as OGC KML 2.2, or as KMZ with image chips inside, for Google Earth, Locus and OruxMaps.
- `gpx.py`: all alerts as GPX 1.1 waypoints, and a patrol route, for GPS units.
- `places.py`: the polygons of an alert, and the coarse place that the public is told.
- `told.py`: which facts go out: to the restricted reader all, to the public none that gives the place away.
- `markup.py`: text without the characters that break files or reorder what stands beside them; XML and times.

The same notices in any order give the same bytes: they are sorted by change date, the latest first, then by id.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from detection.errors import BadInput
from jobs.notify.notice import Notice

URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\w.~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)
"""RFC 3986: a scheme and something after it, of the characters that a URI may hold."""
TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The shape of a language tag of BCP 47."""
SENDER: Final = re.compile(r"((?![,<&])[!-~])+")
"""CAP 1.2 section 3.2.1: neither spaces nor commas nor the characters < and &; here ASCII alone."""


@dataclass(frozen=True)
class FeedFacts:
    """What a file says about itself. Raises BadInput for a field that would make the file unreadable."""

    title: str
    """Name of the file for people, e.g. `Alertas de Madre de Dios`."""
    description: str
    """A sentence on what it holds; may be empty."""
    id: str
    """URI that stays the same for ever, e.g. `urn:uuid:...` or `tag:example.org,2026:alerts`."""
    author: str
    """Who answers for it, for people."""
    sender: str
    """The same for machines, e.g. `alerts@example.org`: CAP allows neither spaces nor commas, < or &."""
    updated: datetime
    """When the newest of its content was known, with its time zone."""
    language: str
    """BCP 47 tag of its texts, e.g. `es-PE`."""
    link_base: str | None
    """What stands before an alert's id in the address of its page, e.g. `https://example.org/a/`; null: there are no pages."""
    simulated: bool
    """True: made from simulated input, and every file says so."""
    restriction: str = "For those who look after the area; not for publication."
    """Rule of a CAP message that is not public."""
    seal: bytes = field(default=b"", repr=False)
    """Secret of the service, 16 bytes or more: the public is told ids that are made with it (`told.py` says why)."""

    def __post_init__(self) -> None:
        if self.updated.tzinfo is None:
            raise BadInput(f"feed {self.title!r}: updated {self.updated} has no time zone; give it in UTC")
        if not URI.fullmatch(self.id):
            raise BadInput(f"feed {self.title!r}: id {self.id!r} is no URI; give one, e.g. urn:uuid:...")
        base = self.link_base
        if base is not None and not (URI.fullmatch(base) and base.startswith(("https://", "http://"))):
            raise BadInput(f"feed {self.title!r}: link_base {base!r} is no http address; give one or none")
        if not TAG.fullmatch(self.language):
            raise BadInput(f"feed {self.title!r}: language {self.language!r} is no BCP 47 tag; give one, e.g. es-PE")
        if not SENDER.fullmatch(self.sender):
            raise BadInput(f"feed {self.title!r}: sender {self.sender!r} holds a space, comma, < or &; give an address")


@dataclass(frozen=True)
class Wording:
    """The texts of one language. They may hold anything, the names of places too: the writers make them harmless."""

    headline: Callable[[Notice], str]
    """One line on an alert: the status first, and that it was withdrawn where it was."""
    body: Callable[[Notice], str]
    """The whole message, plain text in lines. A public file hands it a notice with a coarse place: no names, no UTM."""
    event: str = "Forest change"
    """What kind of event it is, in two or three words."""
    cancelled: str = "CANCELLED"
    """Stands before the title of what is taken back, where a system cannot delete, e.g. `ANULADA`."""
