"""What is said of claims, in plain words: what a text states, what its numbers give, what would decide. No word on people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from jobs.reports.claims.finding import VERDICTS, Finding
from jobs.reports.claims.numbers import COARSEST
from jobs.reports.claims.plausible import Plausible
from jobs.reports.parts import CHECKED
from jobs.words import Words, _

TITLE: Final = _("Do the numbers bear each other out?")
RATIO: Final = _("What the text states, over what its other numbers or the estimates give")
STATED: Final = {
    "areas": _("an area of {value} ha"),
    "per_year": _("{value} t of CO2 a year"),
    "total": _("{value} t of CO2 in all"),
    "years": _("a period of {value} years"),
    "periods": _("a period of {value} years from day to day"),
    "area_per_tonne": _("{value} m2 for each tonne of CO2"),
    "reduction": _("a loss {value} % below the baseline"),
    "baseline_loss": _("a loss of {value} ha a year without the project"),
    "observed_loss": _("a loss of {value} ha a year as it was"),
    "shares": _("{value} ha in common with another claim"),
}
"""Key of a claim -> the statement in words, in the first unit of its kind."""
BY_UNIT: Final = {
    "t/ha/yr": _("{value} t of CO2 a hectare and year"),
    "t/ha": _("{value} t of CO2 a hectare in all"),
}
"""Unit -> the same of what follows from two statements."""
VERIFICATION: Final = _("a verification")
TONNES: Final = _("how many years the tonnes in all stand for")
NEUTRAL: Final = _(
    "A verdict is on numbers, not on a project or on anybody: texts are rounded, shortened and copied, and several numbers may"
    " each be right of a different thing."
)
ROUNDED: Final = _(
    "Numbers are taken as rounded to their last digit that is not nought, and to be off by {share} at most, a percentage"
    " by that share of what is left; verdicts allow for that."
)
RANGES: Final = {
    "biomass": _("biomass of a hectare"),
    "root_shoot": _("roots for each tonne above ground"),
    "carbon_fraction": _("share of carbon in dry biomass"),
    "loss_rate": _("share of the forest that goes each year"),
}
"""Range that a claim is held against -> in words."""
WHY: Final = _("That is: {why}.")
FIELLER: Final = _(
    "Intervals of a ratio are Fieller's, of two losses that were estimated independently. Standard errors are taken as stated;"
    " whether the baseline is the right one no arithmetic can tell."
)


def plain(found: Sequence[Finding], words: Words) -> Iterator[str]:
    """The first page: the counts, then what wants looking at."""
    counts = Counter(one.verdict for one in found)
    for verdict, text in VERDICTS.items():
        if number := counts[verdict]:
            yield words.say(_("{n} of {all}: {verdict}."), n=number, all=len(found), verdict=words.say(text))
    yield from (sentence(one, words) for one in found if one.verdict in ("contradicted", "not supported"))


def unknown(found: Sequence[Finding], ranges: Plausible, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it."""
    yield words.say(NEUTRAL)
    yield from (sentence(one, words) for one in found if one.verdict == "cannot be checked")
    yield words.say(ROUNDED, share=words.share(COARSEST))
    if any(one.check == "reduction" for one in found):
        yield words.say(FIELLER)
    if any(ranges.name in one.formula for one in found):
        sources = "; ".join(
            f"{words.say(RANGES.get(what, what))}: {source} [{words.say(CHECKED[status])}]"
            for what, status, source in ranges.sources
        )
        yield words.say(
            _("What a hectare holds and how fast forest goes is for orientation: {name} ({sources})."), name=ranges.name,
            sources=sources,
        )  # fmt: skip


def sentence(one: Finding, words: Words) -> str:
    """A finding."""
    stated = statement(one, words)
    if one.verdict == "cannot be checked":
        said = words.say(_("{claim}: {stated} cannot be checked with what is given."), claim=one.claim, stated=stated)
        if one.why:
            said += f" {words.say(WHY, why=words.say(one.why))}"
        shown = f" {one.formula}." if one.formula else ""
        return f"{said}{shown} {words.say(_('What would decide: {decides}.'), decides=words.say(one.decides))}"
    if one.verdict == "supported":
        text = _("{claim}: {stated} is borne out: {formula}.")
    elif one.verdict == "not supported":
        text = _("{claim}: {stated} is not borne out: {formula}.")
    elif one.check == "areas":
        text = _("{claim}: the text states {stated}, and {computed} ha of the same thing: {formula}.")
    elif one.check == "reduction" and one.low is not None:
        text = _(
            "{claim}: the text states {stated}; the estimates give {computed} %, between {low} % and {high} %: {formula}."
        )
    elif one.computed is None:
        text = _("{claim}: the text states {stated}, which does not go together: {formula}.")
    else:
        text = _("{claim}: the text states {stated}; the text's own numbers give {computed}: {formula}.")
    numbers = {key: _number(getattr(one, key), words) for key in ("computed", "low", "high")}
    said = words.say(text, claim=one.claim, stated=stated, formula=one.formula, **numbers)
    if one.why:
        said += f" {words.say(WHY, why=words.say(one.why))}"
    if one.causes:
        causes = "; ".join(map(words.say, one.causes))
        said += f" {words.say(_('A slip that would make this ratio: {causes}.'), causes=causes)}"
    return said


def statement(one: Finding, words: Words) -> str:
    """What is stated, in words."""
    if one.kind == "verified":
        return words.say(VERIFICATION)
    if one.stated is None:
        return words.say(TONNES)
    return words.say(BY_UNIT.get(one.unit, STATED[one.kind]), value=_number(one.stated, words))


def _number(value: float | None, words: Words) -> str:
    if value is None:
        return ""
    return words.number(value, 0 if abs(value) >= 1000 or value == int(value) else 2)
