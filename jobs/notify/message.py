"""What an alert says to a reader, in plain words: the status and what it means come first. Pure texts, no channel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detection.alerts import WITHDRAWN, Alert
from jobs.notify.feeds.markup import line
from jobs.notify.notice import Nearby, Notice, Overlap
from jobs.words import Words, _

KILOMETRE: Final = 1000


STATUS: Final = {
    "provisional": (_("PROVISIONAL"), _("A first sign, not confirmed yet: about to be checked against more images.")),
    "confirmed": (_("CONFIRMED"), _("Seen again on later images.")),
    "finished": (_("FINISHED"), _("The change was real; the place is quiet now or grows back.")),
    "expired": (_("CANCELLED"), _("Later images do not show the change: forget this alert.")),
    "retracted": (_("CANCELLED"), _("New data show that there was no such change: forget this alert.")),
    "rejected": (_("CANCELLED"), _("Somebody has looked at the images: no such change. Forget this alert.")),
    "merged": (_("JOINED"), _("It has grown together with a neighbouring alert, which goes on.")),
}
"""Status -> the word for it, and what it means."""
REASONS: Final = {
    "REFORESTATION": _("a plantation was harvested or planted"),
    "SEASONALITY": _("leaves fall and come back with the season"),
    "FARMING": _("a field that was a field before"),
    "BURNED": _("a fire that left the forest standing"),
    "SHADOW_RELIEF": _("shadow of a slope"),
    "AVAILABILITY_OF_IMAGES": _("the images do not suffice to tell"),
    "DUPLICATE": _("another alert says the same"),
    "CLOUD": _("cloud, haze, smoke or their shadow"),
    "QUALITY": _("the image is at fault"),
    "DEGRADATION": _("thinned by nature, no clearing"),
    "MINING": _("an old mine, no new clearing"),
    "NATURAL_WITHOUT_CHANGE": _("natural, and nothing has changed"),
    "MINIMUM_AREA": _("too small to count"),
    "ANTROPIC_BEFORE": _("cleared before the monitoring began"),
    "RIVER_MIGRATION": _("a river has moved"),
    "FLOOD": _("water stands there for a time"),
    "LANDSLIDE": _("a slope has slid"),
    "WINDTHROW": _("a storm has felled the trees"),
    "SENSOR_ARTEFACT": _("an artefact of the sensor"),
    "AUTHORISED": _("clearing by permit"),
    "OTHERS": _("for another reason"),
}
"""Why an alert was rejected -> in words."""
REMARKABLE: Final = {"restoration-area": _("restoration area")}
"""Kind of layer (`jobs.overlays.KINDS`) -> the word beside the name, where names alone would not tell."""
TYPES: Final = {
    "tree_cover_loss": _("Forest cleared"),
    "degradation": _("Forest thinned or hurt"),
    "peat_disturbance": _("Peatland disturbed"),
    "natural_loss": _("Forest lost to nature"),
    "other": _("A change that is no loss of forest"),
    "unclassified": _("Change of forest, kind not known"),
}
"""Type of change -> in words."""
DRIVERS: Final = {
    "agriculture": _("crops or pasture"),
    "mining": _("mining"),
    "road": _("a road"),
    "fire": _("fire"),
    "logging": _("logging"),
    "natural": _("storm, river or slope"),
}
"""Driver -> in words."""
DIRECTIONS: Final = {
    "N": _("north"), "NE": _("northeast"), "E": _("east"), "SE": _("southeast"), "S": _("south"), "SW": _("southwest"),
    "W": _("west"), "NW": _("northwest"),
}  # fmt: skip
"""Direction -> in words."""
FROM: Final = {
    "settlement": _("{distance} {direction} of {name}"),
    "river": _("{distance} {direction} of the river {name}"),
    "road": _("{distance} {direction} of the road {name}"),
}
"""Kind of a named place -> how far and which way the alert lies from it."""
SAID: Final = {
    "river": {"río": True, "rio": True, "river": True}
    | dict.fromkeys(
        ("quebrada", "caño", "cano", "arroyo", "lago", "laguna", "cocha", "stream", "creek", "lake"), False
    ),
    "road": {"carretera": True, "road": True}
    | dict.fromkeys(("camino", "trocha", "vía", "via", "ruta", "autopista", "highway", "track", "avenida"), False),
}
"""Kind -> what the names of its features begin with, and whether that is the very word for the kind: it is not said twice."""
PLATFORMS: Final = {"landsat": "Landsat", "sentinel-1": "Sentinel-1", "sentinel-2": "Sentinel-2"}
"""Beginning of a platform's name -> as people write it."""


@dataclass(frozen=True)
class Line:
    """A line of a message: what it is about, and what is said."""

    about: str
    """Two or three words; empty where none are needed."""
    said: str
    """The rest."""


def headline(notice: Notice, words: Words) -> str:
    """Status, kind, size and place in one line: the subject of a letter, the title of an entry."""
    alert = notice.alert
    parts = [words.say(STATUS[alert.status][0]), what(notice, words), f"{hectares(alert.area_ha, words)}"]
    where = _where(notice, words)
    marked = words.say(_("SIMULATED")) + " - " if alert.simulated else ""
    return f"{marked}{parts[0]}: {parts[1]}, {parts[2]}{', ' + where if where else ''} [{alert.short_code}]"


def lines(notice: Notice, words: Words) -> list[Line]:
    """The whole message, most important first."""
    return list(_lines(notice, words))


def _lines(notice: Notice, words: Words) -> Iterator[Line]:
    alert = notice.alert
    if alert.simulated:
        yield Line("", words.say(_("SIMULATED: made from invented images. Nothing happened at this place.")))
    yield Line("", f"{words.say(STATUS[alert.status][0])}. {meaning(alert, words)}")
    yield Line(words.say(_("What")), _what(notice, words))
    if alert.probability is not None and alert.status not in WITHDRAWN:
        yield Line(words.say(_("How sure")), sureness(notice, words))
    yield Line(words.say(_("Size")), _size(notice, words))
    yield Line(words.say(_("Where")), _coordinates(notice, words))
    yield from (Line("", _touches(one, words)) for one in notice.place.overlaps)
    yield from (Line("", away(one, words)) for one in notice.place.nearby)
    yield Line(words.say(_("When")), _when(notice, words))
    yield Line(words.say(_("Not seen")), _unseen(notice, words))
    yield Line(words.say(_("Code")), _code(notice, words))


def meaning(alert: Alert, words: Words) -> str:
    """What its status means, and what people have said of it."""
    said = words.say(STATUS[alert.status][1])
    if alert.rejection_reason is not None and alert.status == "rejected":
        return f"{said} {words.say(_('Reason: {reason}.'), reason=words.say(REASONS[alert.rejection_reason]))}"
    if alert.review_status == "validated" and alert.reviewed_on is not None:
        looked = words.say(
            _("Somebody has looked at the images on {day} and seen it."), day=words.day(alert.reviewed_on)
        )
        return looked if alert.confirmed_on is None else f"{said} {looked}"
    if alert.review_status == "needs_revision":
        return f"{said} {words.say(_('It is to be looked at once more.'))}"
    return said


def text(notice: Notice, words: Words) -> str:
    """The whole message as plain text: no name makes a line of its own."""
    said = [(one.about, line(one.said)) for one in lines(notice, words)]
    return "\n".join(f"{about}: {rest}" if about else rest for about, rest in said) + "\n"


def what(notice: Notice, words: Words) -> str:
    """The type of change, and who or what probably did it."""
    alert = notice.alert
    said = words.say(TYPES[alert.change_type])
    if alert.driver in DRIVERS and alert.change_type != "natural_loss":
        return f"{said} ({words.say(_('perhaps {driver}'), driver=words.say(DRIVERS[alert.driver]))})"
    return said


def _what(notice: Notice, words: Words) -> str:
    said = what(notice, words)
    if notice.alert.model is None:
        return f"{said}. {words.say(_('No model has judged it.'))}"
    if "simulated" in notice.alert.model:
        return f"{said}. {words.say(_('A first opinion: the model has learnt from simulated images alone.'))}"
    return said


def sureness(notice: Notice, words: Words) -> str:
    """A probability as people count."""
    sure = notice.alert.probability or 0.0
    return words.say(
        _("of ten such alerts about {n} are loss of forest ({share})"),
        n=words.number(round(10 * sure)),
        share=words.share(sure),
    )


def hectares(area: float, words: Words) -> str:
    """`3.2 ha`."""
    return f"{words.number(area, 1 if area < 100 else 0)} ha"


def _size(notice: Notice, words: Words) -> str:
    alert = notice.alert
    said = words.say(
        _("{area} mapped, {sure} of it confirmed"),
        area=hectares(alert.area_ha, words),
        sure=hectares(alert.confirmed_ha, words),
    )
    if notice.kind == "update" and alert.area_ha_new > 0:
        said += "; " + words.say(_("{area} more than before"), area=hectares(alert.area_ha_new, words))
    return said


def _where(notice: Notice, words: Words) -> str:
    """The name of the most important thing it touches, or the nearest place."""
    inside = [one for one in notice.place.overlaps if one.relation != "near" and one.name]
    if inside:
        return inside[0].name
    return away(notice.place.nearby[0], words) if notice.place.nearby else ""


def _coordinates(notice: Notice, words: Words) -> str:
    place = notice.place
    if not place.utm:  # what the public is told
        return words.say(_("somewhere within 5 km around {place}"), place=f"{place.lat:.2f}, {place.lon:.2f}")
    return f"{place.lat:.5f}, {place.lon:.5f} (UTM {place.utm})"


def called(one: Overlap, words: Words) -> str:
    """A feature by its name; in brackets its category, and what it is where a reader must know that: REMARKABLE."""
    kind = words.say(REMARKABLE[one.kind]) if one.kind in REMARKABLE else ""
    also = "; ".join(part for part in (one.category, kind) if part)
    return f"{one.name or one.feature}{f' ({also})' if also else ''}"


def _touches(one: Overlap, words: Words) -> str:
    name = called(one, words)
    if one.relation == "near":
        return words.say(_("{name}: {distance} away"), name=name, distance=distance(one.distance_m, words))
    if one.relation == "within":
        return words.say(_("wholly inside {name}"), name=name)
    return words.say(
        _("{area} of it ({share}) inside {name}"),
        area=hectares(one.area_ha, words),
        share=words.share(one.share),
        name=name,
    )


def away(one: Nearby, words: Words, directions: Mapping[str, str] = DIRECTIONS) -> str:
    """Where the alert lies, seen from a named place: `3.0 km north of the river Malinowski`."""
    kind, name = _called(one)
    return words.say(
        FROM[kind], distance=distance(one.distance_m, words), direction=words.say(directions[one.direction]), name=name
    )


def _called(one: Nearby) -> tuple[str, str]:
    """(kind to say, name): what a name says itself, `Río Malinowski` or `Quebrada Yanayacu`, is not said again."""
    first, _, rest = one.name.strip().partition(" ")
    word = SAID.get(one.kind, {}).get(first.lower())
    if word is None:
        return (one.kind if one.kind in FROM else "settlement"), one.name
    return (one.kind, rest.strip()) if word and rest.strip() else ("settlement", one.name)


def distance(metres: float, words: Words) -> str:
    """Metres below a kilometre, kilometres from there on."""
    if metres < KILOMETRE:
        return f"{words.number(round(metres, -1))} m"
    return f"{words.number(metres / KILOMETRE, 1 if metres < 10 * KILOMETRE else 0)} km"


def _when(notice: Notice, words: Words) -> str:
    alert = notice.alert
    first = words.day(alert.change_date)
    if alert.last_clear_before is None:
        said = words.say(_("before {day}"), day=first)
    else:
        said = words.say(
            _("between {clear} (forest still stood) and {day}"), clear=words.day(alert.last_clear_before), day=first
        )
    seen = _seen_by(notice.platforms)
    by = " " + words.say(_("by {platforms}"), platforms=seen) if seen else ""
    return f"{said}; {words.say(_('last look {day}'), day=words.day(alert.last_detected))}{by}"


def _seen_by(platforms: Sequence[str]) -> str:
    named = (next((name for key, name in PLATFORMS.items() if one.startswith(key)), one) for one in platforms)
    return ", ".join(dict.fromkeys(named))


def _unseen(notice: Notice, words: Words) -> str:
    if notice.days_unseen is None:
        return words.say(_("how long the place was hidden before is not known"))
    if notice.days_unseen == 0:
        return words.say(_("the place was seen clearly right before"))
    return words.count(
        _("before that the place was hidden by cloud for {n} day"), _("before that the place was hidden by cloud for {n} days"),
        notice.days_unseen,
    )  # fmt: skip


def _code(notice: Notice, words: Words) -> str:
    alert = notice.alert
    return words.say(
        _("{code}, revision {revision}, {moment}"), code=alert.short_code, revision=alert.revision,
        moment=words.moment(notice.known_at),
    )  # fmt: skip
