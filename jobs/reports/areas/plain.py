"""The first page of a report of areas, for who decides and for who lives there: no term of art."""

from collections.abc import Iterator, Sequence
from math import floor, log10
from typing import Final

import numpy as np

from jobs.reports.areas.estimate import Estimated, Figure, Hidden, hidden
from jobs.reports.areas.found import Found
from jobs.words import Words, _

FIELD_HA: Final = 0.7
"""A football field: 105 m by 68 m (FIFA, Laws of the Game, law 1, international matches: 100-110 m by 64-75 m), rounded."""
ALIKE: Final = 0.02
"""Map and estimate that differ by less than this share are called the same (chosen)."""


def plain(found: Found, words: Words) -> Sequence[str]:
    """What was found, as sentences."""
    return tuple(_found(found, words) if found.estimated is not None else _drawn(found, words))


def _drawn(found: Found, words: Words) -> Iterator[str]:
    many = int(found.design.many.sum())
    yield words.count(
        _("A sample of {n} place is drawn and ready to be looked at."),
        _("A sample of {n} places is drawn and ready to be looked at."),
        many,
    )
    yield words.say(
        _("How much has changed is not estimated yet: that comes when people have looked at these places on images.")
    )


def _found(found: Found, words: Words) -> Iterator[str]:
    made = found.estimated
    if made is None:
        return
    for name in found.asked.change:
        k = made.classes.index(name)
        yield from _change(name, made.figures[k], float(made.mapped[k]), found.asked.confidence, words)
        yield from _why(name, float(made.accuracy.users[k]), float(made.accuracy.producers[k]), words)
    yield words.count(
        _("This rests on {n} place that people looked at on images, drawn by lot."),
        _("This rests on {n} places that people looked at on images, drawn by lot."),
        int(made.counts.sum()),
    )
    doubled = sum(one.hectares for one in found.overlaps if one.other_id)
    if doubled:
        yield words.say(
            _("Areas that must lie apart overlap by {hectares} hectares; these are counted once here."),
            hectares=amount(doubled, words),
        )


def _change(name: str, one: Figure, mapped: float, confidence: float, words: Words) -> Iterator[str]:
    said = words.say(name)
    said = said[:1].upper() + said[1:]
    if one.hectares is None or one.se is None or one.low is None or one.high is None:
        yield words.say(
            _("{what}: how much cannot be said with an interval; too few places of it were looked at."), what=said
        )
    elif one.low <= 0:
        yield words.say(
            _("{what}: no more than {high} hectares, most likely {area}; the sample is too small to say how much at least."),
            what=said, high=amount(one.high, words), area=amount(one.hectares, words),
        )  # fmt: skip
    else:
        yield words.say(
            _("{what}: between {low} and {high} hectares, most likely {area}."), what=said, low=amount(one.low, words),
            high=amount(one.high, words), area=amount(one.hectares, words),
        )  # fmt: skip
    if one.hectares:
        yield words.say(
            _("That is about as large as {n} football fields."), n=words.number(rounded(one.hectares / FIELD_HA))
        )
    if one.se is not None:
        yield words.say(
            _("If the places were drawn again and again, {n} of 100 such ranges would hold the true area."),
            n=words.number(100 * confidence),
        )
    yield from _map(one, mapped, words)


def _map(one: Figure, mapped: float, words: Words) -> Iterator[str]:
    if one.hectares is None:
        return
    values = {"mapped": amount(mapped, words), "by": amount(abs(mapped - one.hectares), words)}
    if abs(mapped - one.hectares) <= ALIKE * one.hectares:
        yield words.say(
            _("Counting the cells of the map alone gives about the same: {mapped} hectares."), mapped=values["mapped"]
        )
    elif mapped < one.hectares:
        yield words.say(_("The map alone would have said {mapped} hectares, {by} too few."), **values)
    else:
        yield words.say(_("The map alone would have said {mapped} hectares, {by} too many."), **values)
    if one.low is not None and one.high is not None and one.low <= mapped <= one.high:
        yield words.say(_("That lies within the range, so the sample does not prove the map wrong."))


def _why(name: str, right: float, found: float, words: Words) -> Iterator[str]:
    said = []
    if np.isfinite(right):
        said.append(words.say(
            _("Why map and estimate differ: of 100 hectares that the map calls {what}, about {n} are;"),
            what=words.say(name), n=words.number(100 * right),
        ))  # fmt: skip
    if np.isfinite(found):
        said.append(words.say(
            _("and of 100 hectares that are {what}, the map finds about {n}."),
            what=words.say(name), n=words.number(100 * found),
        ))  # fmt: skip
    if said:
        yield " ".join(said)


def unknown(found: Found, words: Words) -> Sequence[str]:
    """What is not known, and what must not be read out of it."""
    return tuple(_unknown(found, words))


def _unknown(found: Found, words: Words) -> Iterator[str]:
    if found.strata.left_out:
        yield words.say(
            _("Of {hectares} hectares that the map has no class for nothing is said."),
            hectares=amount(found.strata.left_out, words),
        )
    if found.estimated is None:
        yield words.say(
            _("Areas counted on the map are no estimates: maps overlook things and see things that are not there.")
        )
        return
    yield words.say(_("What people saw on the images is taken for the truth; where they erred, so does this report."))
    yield from _gaps(found, words)
    yield from _unseen(found, found.estimated, words)
    if found.agreement is not None and not found.agreement.samples:
        yield words.say(_("Every place was looked at by one person: how far people would agree is not known."))
    if found.accounts:
        yield words.say(
            _("Figures of small areas rest on the few places that happen to lie in them; their ranges are wide.")
        )


def _gaps(found: Found, words: Words) -> Iterator[str]:
    settled = found.settled
    if settled is not None and (many := len(settled.ties) + len(settled.missing)):
        yield words.count(
            _("{n} place that was drawn has no clear answer and is left out, as if by chance."),
            _("{n} places that were drawn have no clear answer and are left out, as if by chance."),
            many,
        )


def _unseen(found: Found, made: Estimated, words: Words) -> Iterator[str]:
    for stratum in made.single:
        yield words.say(
            _("Only one place was looked at in {stratum}: how sure the figures are cannot be said."),
            stratum=words.say(stratum),
        )
    for name, one in zip(made.classes, made.figures, strict=True):
        if not one.seen:
            yield words.say(
                _("No place of the sample shows {what}: that does not mean that there is none."), what=words.say(name)
            )
    for lost in hidden(made, found.strata, found.asked.change):
        yield _hidden(lost, words)


def _hidden(lost: Hidden, words: Words) -> str:
    values = {"n": words.number(lost.samples), "stratum": words.say(lost.stratum), "what": words.say(lost.name)}
    if lost.seen:
        said = _(
            "Only {few} of {n} places looked at in {stratum} show {what}, and the range rests on them: it is probably too "
            "narrow. More places there would tell."
        )
        return words.say(said, few=words.number(lost.seen), **values)
    said = _(
        "None of {n} places looked at in {stratum} shows {what}; up to {hectares} hectares of it could hide there, "
        "of which the range says nothing. More places there would tell."
    )
    return words.say(said, hectares=amount(lost.hectares, words), **values)


def amount(hectares: float, words: Words) -> str:
    """Hectares as people read them: none after the point from 100 on."""
    return words.number(hectares, 0 if abs(hectares) >= 100 else 1)


def rounded(value: float) -> float:
    """To two figures: who counts football fields wants no more."""
    if value < 1:
        return 1.0
    step = 10.0 ** max(floor(log10(value)) - 1, 0)
    return float(round(value / step) * step)
