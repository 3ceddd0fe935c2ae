"""An alert in one text message: 160 characters of GSM-7, no accents, for a phone at the edge of the signal.

Said first is what it is and its code; then where; then the rest, as far as it fits. What does not fit is left out whole, never
half a number.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from detection.alerts import WITHDRAWN
from jobs.notify.channels.gateway import plain, septets
from jobs.notify.message import STATUS, away
from jobs.notify.notice import Notice
from jobs.words import Words, _

LIMIT: Final = 160
"""Septets of one message (3GPP TS 23.038)."""
KINDS: Final = {
    "tree_cover_loss": _("clearing"),
    "degradation": _("thinning"),
    "peat_disturbance": _("peat"),
    "natural_loss": _("natural"),
    "other": _("no loss"),
    "unclassified": _("change"),
}
"""Type of change -> in a word."""
WHO: Final = {
    "agriculture": _("crops"), "mining": _("mining"), "road": _("road"), "fire": _("fire"), "logging": _("logging"),
    "natural": _("natural"),
}  # fmt: skip
"""Driver -> in a word."""
WAYS: Final = {
    "N": _("N"), "NE": _("NE"), "E": _("E"), "SE": _("SE"), "S": _("S"), "SW": _("SW"), "W": _("W"), "NW": _("NW"),
}  # fmt: skip
"""Direction -> in a letter or two."""
LEAST_NAME: Final = 12
"""Characters of a name below which it is rather left out."""
LEAST_REST: Final = 6
"""Likewise where distance and direction stand before it."""


def short(notice: Notice, words: Words) -> str:
    """At most LIMIT septets of GSM-7 without accents."""
    return fitted(_parts(notice, words))


def fitted(parts: Iterable[str]) -> str:
    """The parts that fit into one message, in their order; one that does not is left out whole."""
    made = ""
    for part in parts:
        longer = f"{made} {part}".strip()
        if _fits(longer):
            made = longer
    return made


def _parts(notice: Notice, words: Words) -> list[str]:
    """In the order in which they are wanted: the first ones always fit."""
    alert, place = notice.alert, notice.place
    status = words.say(STATUS[alert.status][0])
    marked = f"{words.say(_('SIMULATED'))} " if alert.simulated else ""
    first = plain(f"{marked}{words.say(_('ALERT'))} {alert.short_code} {status}")
    where = f"{place.lat:.5f},{place.lon:.5f}" if place.utm else f"~{place.lat:.2f},{place.lon:.2f}"
    if alert.status in WITHDRAWN:
        return [first, plain(words.say(_("forget it"))), where]
    size = f"{alert.area_ha:.1f}ha"
    seen = plain(words.say(_("seen {day}"), day=_day(notice)))
    room = LIMIT - len(first) - len(where) - len(size) - len(_kind(notice, words)) - len(seen) - 5
    return [first, _kind(notice, words), size, _place(notice, words, room), where, seen, _count(notice, words)]


def _kind(notice: Notice, words: Words) -> str:
    alert = notice.alert
    if alert.driver in WHO and alert.change_type not in ("natural_loss", "other"):
        return plain(f"{words.say(WHO[alert.driver])}?")
    return plain(words.say(KINDS[alert.change_type]))


def _day(notice: Notice) -> str:
    return notice.alert.last_detected.strftime("%d/%m")


def _place(notice: Notice, words: Words, room: int) -> str:
    """What it touches, or where it lies from the nearest named place; only names are cut to the room there is."""
    inside = next((one.name for one in notice.place.overlaps if one.relation != "near" and one.name), "")
    if made := plain(" ".join(inside.split())):
        return cut(made, room) if room >= LEAST_NAME else ""
    if not notice.place.nearby:
        return ""
    one = notice.place.nearby[0]
    whole, bare = (plain(" ".join(away(shown, words, WAYS).split())) for shown in (one, replace(one, name="")))
    return cut(whole, room) if room >= min(len(bare) + LEAST_REST, len(whole)) else ""


def cut(text: str, room: int) -> str:
    """The longest beginning that takes no more septets than there is room."""
    while text and (septets(text) or LIMIT) > room:
        text = text[:-1]
    return text.rstrip()


def _count(notice: Notice, words: Words) -> str:
    """Nothing more to say of a first word; of later ones which it is."""
    return plain(f"{words.say(_('msg'))} {notice.alert.revision}") if notice.kind != "alert" else ""


def _fits(text: str) -> bool:
    taken = septets(text)
    return taken is not None and taken <= LIMIT
