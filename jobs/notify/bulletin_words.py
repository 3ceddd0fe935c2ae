"""What a bulletin says: in a letter, in one text message, to other programs. No alert where nothing was seen means nothing: said
every time."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.notify.bulletins import Bulletin, Seen
from jobs.notify.channels.gateway import plain
from jobs.notify.message import Line
from jobs.notify.short import LIMIT, cut, fitted
from jobs.words import Words, _

LEAST_UNSEEN: Final = 0.005
"""Less than this share is none, in words."""
CAUTION: Final = _("No alert from a place that was not seen does not mean that nothing happens there.")


def title(bulletin: Bulletin, place: str, words: Words) -> str:
    """The subject; place: name of the area for people."""
    return _marked(bulletin, words) + _title(bulletin, place, words)


def _title(bulletin: Bulletin, place: str, words: Words) -> str:
    if bulletin.kind == "blind":
        return f"{words.say(_('NOT SEEN'))}: {_name(bulletin.sectors[0], place)}, {_since(bulletin, bulletin.sectors[0], words)}"
    if bulletin.kind == "sighted":
        return f"{words.say(_('SEEN AGAIN'))}: {_name(bulletin.sectors[0], place)}"
    return f"{place}: {_summary(bulletin, words)}"


def _summary(bulletin: Bulletin, words: Words) -> str:
    new, blind = sum(one.new for one in bulletin.sectors), sum(one.blind for one in bulletin.sectors)
    if not new and not blind:
        return words.say(_("all clear this week"))
    said = words.count(_("{n} new alert this week"), _("{n} new alerts this week"), new)
    return f"{said}; {words.count(_('{n} sector not seen'), _('{n} sectors not seen'), blind)}" if blind else said


def lines(bulletin: Bulletin, place: str, words: Words) -> list[Line]:
    """The rest, most important first."""
    return list(_lines(bulletin, place, words))


def _lines(bulletin: Bulletin, place: str, words: Words) -> Iterator[Line]:
    if bulletin.simulated:
        yield Line("", words.say(_("SIMULATED: made from invented images. Nothing happened at this place.")))
    if bulletin.kind == "blind":
        yield Line("", words.say(_("Clouds hide it, or images are lacking.")))
    if bulletin.kind == "sighted":
        yield Line("", words.say(_("What happened meanwhile is told as alerts, where anything did.")))
    for one in bulletin.sectors:
        alerts = f"{_alerts(one, words)}; " if bulletin.kind == "weekly" else ""
        yield Line(_name(one, place), f"{alerts}{_seen(bulletin, one, words)}")
    if bulletin.kind != "sighted":
        yield Line("", words.say(CAUTION))


def _alerts(one: Seen, words: Words) -> str:
    said = words.count(_("{n} new alert"), _("{n} new alerts"), one.new)
    if not one.open:
        return said
    still = words.count(_("{n} open"), _("{n} open in all"), one.open)
    if not one.dormant:
        return f"{said}, {still}"
    return f"{said}, {still}, {words.count(_('{n} of them quiet now'), _('{n} of them quiet by now'), one.dormant)}"


def _seen(bulletin: Bulletin, one: Seen, words: Words) -> str:
    if not one.watched:
        return words.say(_("no forest is watched here"))
    said = _since(bulletin, one, words)
    if one.unseen < LEAST_UNSEEN:
        return said
    return f"{said}; {words.say(_('{share} of its forest has been hidden for longer'), share=words.share(one.unseen))}"


def _since(bulletin: Bulletin, one: Seen, words: Words) -> str:
    if one.since is None:
        return words.say(_("never seen clearly yet"))
    if one.blind:
        return words.count(
            _("not seen clearly for {n} day"), _("not seen clearly for {n} days"), (bulletin.day - one.since).days
        )
    return words.say(_("seen clearly on {day} or later"), day=words.day(one.since))


def _name(one: Seen, place: str) -> str:
    return one.name or place


def _marked(bulletin: Bulletin, words: Words) -> str:
    return words.say(_("SIMULATED")) + " - " if bulletin.simulated else ""


def short(bulletin: Bulletin, place: str, words: Words) -> str:
    """At most LIMIT septets of GSM-7 without accents."""
    if bulletin.kind == "weekly":
        parts = [f"{_marked(bulletin, words)}{_summary(bulletin, words)}", *_blind_ones(bulletin, place, words)]
        return fitted([plain(part) for part in parts])
    one = bulletin.sectors[0]
    word = words.say(_("NOT SEEN")) if bulletin.kind == "blind" else words.say(_("SEEN AGAIN"))
    first, last = plain(f"{_marked(bulletin, words)}{word}:"), plain(_since(bulletin, one, words))
    rest = [plain(words.say(_("No alert is not no change.")))] if bulletin.kind == "blind" else []
    return fitted([first, cut(plain(_name(one, place)), LIMIT - len(first) - len(last) - 2), last, *rest])


def _blind_ones(bulletin: Bulletin, place: str, words: Words) -> list[str]:
    return [f"{_name(one, place)}: {_since(bulletin, one, words)}." for one in bulletin.sectors if one.blind]


def data(bulletin: Bulletin, place: str, words: Words) -> dict[str, Any]:
    """What a webhook says of it."""
    return {"headline": title(bulletin, place, words), **bulletin.record}
