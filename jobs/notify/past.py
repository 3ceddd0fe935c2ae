"""The history of an alert for people: every revision, when it was known, and what it said that was new."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from detection.alerts import Alert
from jobs.notify.message import STATUS, hectares, what
from jobs.notify.notice import Notice
from jobs.store import Known
from jobs.words import Words, _

NOTED_HA: Final = 0.05
"""Less is not said: it rounds to nothing (chosen)."""

NOTED_SHARE: Final = 0.05
"""A probability that moved by less is not said (chosen)."""


@dataclass(frozen=True)
class Step:
    """One revision."""

    number: int
    """1, 2, ..."""
    moment: str
    """When it was known."""
    status: str
    """In a word."""
    turned: bool
    """Whether the status is another than before."""
    said: str
    """What is new."""


def steps(notice: Notice, past: Sequence[Known], words: Words) -> list[Step]:
    """Of revisions in their order, the oldest first; notice: of any of them."""
    made, before = [], None
    for one in past:
        alert = one.alert
        turned = before is None or before.status != alert.status
        said = "; ".join(_changes(before, alert, notice, words)) or words.say(_("dates and details only"))
        status = words.say(STATUS[alert.status][0])
        made.append(Step(alert.revision, words.moment(one.known_at), status, turned, said))
        before = alert
    return made


def _changes(before: Alert | None, now: Alert, notice: Notice, words: Words) -> Iterator[str]:
    said = what(replace(notice, alert=now), words)
    if before is None:
        yield f"{said}, {hectares(now.area_ha, words)}"
        return
    grown = now.area_ha - before.area_ha
    if abs(grown) >= NOTED_HA:
        text = _("{area} more, now {whole}") if grown > 0 else _("{area} less, now {whole}")
        yield words.say(text, area=hectares(abs(grown), words), whole=hectares(now.area_ha, words))
    if now.confirmed_ha - before.confirmed_ha >= NOTED_HA:
        yield words.say(_("{area} of it confirmed"), area=hectares(now.confirmed_ha, words))
    if said != what(replace(notice, alert=before), words):
        yield said
    then, today = before.probability, now.probability
    if then is not None and today is not None and abs(today - then) >= NOTED_SHARE:
        yield words.say(_("probability {now}, before {then}"), now=words.share(today), then=words.share(then))
