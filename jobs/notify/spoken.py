"""What the looks say of an alert, in words and drawings for its page."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from detection.alerts import Alert
from detection.types import SECONDS_A_DAY, to_date, to_day
from jobs.notify.chips import sensor
from jobs.notify.curve import Curve, curve_of, span_of
from jobs.notify.evidence import Evidence, Look, tallies
from jobs.notify.labels import INDICES, RADAR
from jobs.words import Words, _


def _named(looks: Sequence[Look]) -> list[tuple[str, Look]]:
    return [(sensor(look.scene), look) for look in looks]


def series(evidence: Evidence, alert: Alert, words: Words, most: int) -> dict[str, Any]:
    """The curves, and a table of the same numbers with so many rows at most."""
    days: list[tuple[date, str]] = [
        (day, words.say(text))
        for day, text in (
            (alert.last_clear_before, _("last clear look before")), (alert.change_date, _("first look on the change")),
            (alert.first_detected, _("alarm")), (alert.confirmed_on, _("confirmed")), (alert.finished_on, _("closed")),
        ) if day is not None
    ]  # fmt: skip
    span = span_of(evidence.looks, days, alert.last_clear_before, alert.change_date)
    found = [curve_of(plane, _named(evidence.of(plane)), span, words) for plane in evidence.planes]
    curves = [{"drawing": one, **_spoken(one, evidence, words)} for one in found if one is not None]
    shown = evidence.looks[::-1][:most]
    rows = [(words.day(look.day), name, look.plane.upper(), "" if look.value is None else words.number(look.value, 3),
             words.share(look.clear)) for name, look in _named(shown)]  # fmt: skip
    more = len(evidence.looks) - len(shown)
    older = _("{n} older image is not listed here."), _("{n} older images are not listed here.")
    early = evidence.begins is not None and evidence.begins < span.first
    begins = words.say(
        _("The drawings begin on {day}; older images are in the table alone."), day=words.day(span.first)
    )
    return {
        "curves": curves, "begins": begins if early else "",
        "rows": rows, "rows_left_out": words.count(*older, more) if more else "",
    }  # fmt: skip


def _spoken(curve: Curve, evidence: Evidence, words: Words) -> dict[str, str]:
    """A curve in words."""
    index = curve.plane.upper()
    before, since = evidence.levels(curve.plane)
    values = {"index": index, "before": _level(before, words), "since": _level(since, words)}
    if before is not None and since is not None:
        said = words.say(_("{index} was usually {before} before the change; since then {since}."), **values)
    elif before is not None:
        said = words.say(
            _("{index} was usually {before} before the change; no image has shown the place since."), **values
        )
    else:
        said = words.say(_("{index} has been {since} since the change; no image before it is kept."), **values)
    radar = curve.plane in ("vv", "vh")
    means = RADAR if radar else INDICES.get(curve.plane, "")
    return {
        "index": index,
        "title": f"{index} ({words.say(_('radar'))})" if radar else index,
        "said": said,
        "means": words.say(means) if means else "",
    }


def _level(value: float | None, words: Words) -> str:
    return "" if value is None else words.number(value, 2)


def interval(evidence: Evidence, alert: Alert, words: Words) -> Iterator[str]:
    """Between which looks it happened, a sentence each."""
    clear, change = alert.last_clear_before, alert.change_date
    if clear is None:
        yield words.say(
            _("Before {change}, the first image with the change. No clear image before it is known."),
            change=words.day(change),
        )
        return
    yield words.say(
        _("Between {clear}, when forest was last seen there, and {change}, the first image with the change."),
        clear=words.day(clear), change=words.day(change),
    )  # fmt: skip
    hidden, looks = evidence.hidden(clear, change)
    if looks:
        yield words.say(
            _("Images taken in between: {looks}; the place was hidden in {hidden} of them."),
            looks=words.number(looks), hidden=words.number(hidden),
        )  # fmt: skip


def unseen(evidence: Evidence, alert: Alert, words: Words) -> dict[str, Any]:
    """How often each sensor saw the place."""
    last = alert.observed_at // SECONDS_A_DAY
    rows = []
    for one in tallies(_named(evidence.looks)):
        ago = words.count(_("{n} day"), _("{n} days"), last - to_day(one.last_clear)) if one.last_clear else ""
        day = words.day(one.last_clear) if one.last_clear else words.say(_("never"))
        rows.append((one.sensor, words.number(one.looks), words.number(one.hidden), day, ago))
    if evidence.begins is None:
        said = words.say(
            _("No image of this place is kept any more: there is no curve, and what was hidden cannot be counted.")
        )
    else:
        said = words.say(
            _("Counted are the images that are kept, from {day} to {last}. Older ones, and images that could not be read,"
              " are not."),
            day=words.day(evidence.begins), last=words.day(to_date(last)),
        )  # fmt: skip
    return {"rows": rows, "said": said}
