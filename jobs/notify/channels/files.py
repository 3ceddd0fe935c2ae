"""What a reader was told, as files for other programs in a folder, each replaced whole: one table says who writes what.

What patrol systems take is written down and not sent: a person or a small script hands it on, and keeps the secrets that needs.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from detection.alerts import Alert
from detection.errors import BadInput
from jobs.notify import payloads
from jobs.notify.asked import Feed
from jobs.notify.channels.formats import Format
from jobs.notify.channels.result import Outcome
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.atom import atom
from jobs.notify.feeds.cap import Earlier, cap
from jobs.notify.feeds.gpx import gpx
from jobs.notify.feeds.kml import kml
from jobs.notify.feeds.markup import clean, harmless
from jobs.notify.feeds.told import told
from jobs.notify.layers import Layer, as_geojson, as_geopackage, national_layer, told_layer
from jobs.notify.notice import Notice
from jobs.outputs import publish
from jobs.words import Words

IDENT: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
"""An id that may be part of a file's name."""
Files = Mapping[str, bytes]
"""Path within the folder -> content."""


@dataclass(frozen=True)
class Telling:
    """What a reader is told, and was told before."""

    standing: Sequence[Notice]
    """All of it, as it stands now, as the reader may see it but for what `public` hides."""
    fresh: Sequence[tuple[Notice, Sequence[Earlier]]]
    """What is told now, and what was told of the same alert before."""
    facts: FeedFacts
    """What files say about themselves."""
    wording: Wording
    """Their texts."""
    words: Words
    """Their language."""
    public: bool
    """True: coarse places and sealed ids only."""


Writer = Callable[[Feed, Telling], Files]
Payload = Callable[..., dict[str, Any]]
Block = TypeVar("Block")


def put(channel: Feed, telling: Telling) -> Outcome:
    """Write what the channel asks for. A folder that cannot be written to is `again`; raises BadInput as the writers do."""
    try:
        made = {name: content for one in channel.formats for name, content in WRITERS[one](channel, telling).items()}
        for name, content in made.items():
            publish(channel.path / name, content)
    except OSError as error:
        return Outcome("again", f"{channel.path}: {error.strerror}; make it writable, or free some space")
    return Outcome("sent", f"{len(telling.standing)} alerts in {channel.path}")


def _whole(name: str, write: Callable[..., bytes]) -> Writer:
    """One file of all alerts."""
    return lambda _, t: {name: write(t.standing, t.facts, t.wording, public=t.public)}


def _caps(_: Feed, telling: Telling) -> Files:
    """A CAP message each; of what is told again the same."""
    facts, public = telling.facts, telling.public
    return {
        f"{_stem(one, telling)}.cap.xml": cap(one, facts, {facts.language: telling.wording}, earlier, public=public)
        for one, earlier in telling.fresh
    }


def _told(_: Feed, telling: Telling) -> Layer:
    return told_layer(telling.standing, telling.facts, telling.words, public=telling.public)


def _national(channel: Feed, telling: Telling) -> Files:
    period = channel.national.period
    layer = national_layer(telling.standing, telling.facts, period=period, public=telling.public)
    name = layer.sheet.name
    return {f"{name}.geojson": as_geojson(layer), f"{name}.gpkg": as_geopackage(layer)}


def _earthranger(channel: Feed) -> Payload:
    """The first file of an alert is the body of `POST /api/v1.0/activity/events` with a bearer token: keep the id that it answers
    with, later files are the body of `PATCH /api/v1.0/activity/event/{that id}`."""
    asked = _asked(channel.earthranger, "earthranger")
    return partial(payloads.earthranger, event_type=asked.event_type, point=asked.point)


def _gundi(channel: Feed) -> Payload:
    """The first file of an alert is the body of `POST /v2/events/` with the header `apikey`: keep the `object_id` that it answers
    with, later files are the body of `PATCH /v2/events/{that id}`."""
    asked = _asked(channel.gundi, "gundi")
    return partial(payloads.gundi, event_type=asked.event_type, point=asked.point)


def _smart(channel: Feed) -> Payload:
    """Every file is the body of `POST /api/data/{uuid of the conservation area}` of SMART Connect, in the order of revisions: its
    own `incidentUuid` says which incident it makes or changes."""
    asked = _asked(channel.smart, "smart")
    return partial(payloads.smart, category=asked.category, attributes=asked.attributes)


def _comapeo(channel: Feed) -> Payload:
    """Every file is the body of `POST /projects/{project id}/remoteDetectionAlerts` of an archive server, with a bearer token; an
    alert posted again stands beside the earlier one, under the same `sourceId`."""
    return partial(payloads.comapeo, point=channel.comapeo.point)


def _each(folder: Format, payload: Callable[[Feed], Payload]) -> Writer:
    """A JSON document for each alert that is told now."""

    def write(channel: Feed, telling: Telling) -> Files:
        make = payload(channel)
        said = [(one, make(one, telling.facts, telling.wording, public=telling.public)) for one, _ in telling.fresh]
        return {f"{folder}/{_stem(one, telling)}.json": _document(body) for one, body in said}

    return write


WRITERS: Final[Mapping[Format, Writer]] = {
    "atom": _whole("alerts.atom", atom),
    "kml": _whole("alerts.kml", kml),
    "gpx": _whole("alerts.gpx", gpx),
    "cap": _caps,
    "geojson": lambda channel, telling: {"alerts.geojson": as_geojson(_told(channel, telling))},
    "geopackage": lambda channel, telling: {"alerts.gpkg": as_geopackage(_told(channel, telling))},
    "national": _national,
    "earthranger": _each("earthranger", _earthranger),
    "gundi": _each("gundi", _gundi),
    "smart": _each("smart", _smart),
    "comapeo": _each("comapeo", _comapeo),
}
"""Format -> who writes it."""


def _asked(block: Block | None, name: Format) -> Block:
    """What the config says of a format that needs it; `formats.makeable` has seen to it that there is some."""
    if block is None:
        raise BadInput(f"{name}: the feed does not say what it needs; describe it under `{name}`")
    return block


def _stem(notice: Notice, telling: Telling) -> str:
    """`ID.REVISION` as the reader may know it, of characters that are safe in the name of a file."""
    shown: Alert = told(notice, telling.facts, public=telling.public).alert
    if not IDENT.fullmatch(shown.id):
        raise BadInput(f"alert {shown.id!r}: this id cannot be the name of a file; ids are UUIDs")
    return f"{shown.id}.{shown.revision}"


def _document(body: Mapping[str, Any]) -> bytes:
    said = json.dumps(harmless(body, clean), ensure_ascii=False, allow_nan=False, indent=1)
    return f"{said}\n".encode()
