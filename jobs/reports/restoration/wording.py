"""What is said of areas under restoration, in plain words; texts of the catalogue."""

from collections.abc import Iterator
from typing import Final

from detection.accuracy.bootstrap import Estimate
from jobs.reports.areas.plain import amount
from jobs.reports.restoration.courses import AreaCourse
from jobs.reports.restoration.land import Held, Land
from jobs.reports.restoration.outcome import Outcomes
from jobs.reports.restoration.recovery import Course
from jobs.words import Words, _

TITLE: Final = _("Restoration")
SMALL: Final = 0.01
"""Per cent; smaller shares are told as less than that."""
COURSES: Final = {
    Course.RECOVERING: _("coming back"),
    Course.STALLED: _("not coming back so far"),
    Course.RECLEARED: _("cleared again"),
    Course.UNTOUCHED: _("had nothing to recover"),
    Course.NOT_SEEN: _("not seen often enough"),
}
"""What land does -> in words, in the order in which it is told."""
AREA_COURSES: Final = {
    "recovering": _("most of it is coming back"),
    "stalled": _("most of it is not coming back so far"),
    "recleared": _("most of it was cleared again"),
    "untouched": _("most of it had nothing to recover"),
    "not_measured": _("not measured"),
}
TARGETS: Final = {
    "degraded": _("degraded land of the continent, 2022"),
    "recovery_gap": _("land whose services need recovery (MINAM)"),
    "restoration_gap": _("forest land that needs restoration (SERFOR)"),
    "prorest": _("target of ProREST for 2030"),
    "share": _("30 % of degraded land, as Target 2 asks"),
    "quota": _("what the region is to restore"),
}
DOERS: Final = {
    "all registers": _("the registers of this report, begun"),
    "minam_2018_2023": _("stated by MINAM, 2018 to 2023"),
    "serfor_2018_2024": _("stated by SERFOR, 2018 to 2024"),
}


def registered(land: Land, words: Words) -> Iterator[str]:
    """How much is registered, and how much of it twice."""
    yield words.say(
        _("By the end of {year} restoration had begun on {area} hectares, in {n} registered areas."),
        year=land.year, area=amount(land.under_restoration, words), n=words.number(len(land.begun)),
    )  # fmt: skip
    if waiting := len(land.areas) - len(land.begun):
        yield words.count(
            _("{n} area is registered but has not begun; it is not counted."),
            _("{n} areas are registered but have not begun; they are not counted."),
            waiting,
        )
    if len(land.registers) > 1:
        yield _overlap(land, words)
    if inner := sum(one.hectares for one in land.within):
        yield words.say(
            _("Within registers, areas claim {area} hectares of each other's land; that counts once here."),
            area=amount(inner, words),
        )


def _overlap(land: Land, words: Words) -> str:
    if not land.between:
        return words.say(_("The registers do not overlap anywhere, so that their areas may be added up."))
    return words.say(
        _("The registers overlap: added up they would count {area} hectares too many. Here that land counts once."),
        area=amount(land.counted_twice, words),
    )


def recovering(found: Outcomes, words: Words) -> Iterator[str]:
    """How the areas do."""
    years = max(found.archive.years)
    yield words.say(_("What satellites show of that land up to {year}:"), year=years)
    for course, text in COURSES.items():
        one = found.hectares[course]
        if one.value:
            yield f"• {words.say(text)[:1].upper()}{words.say(text)[1:]}: {between(one, words)}."
    if found.restored.value:
        yield words.say(
            _("Restored, which is not the same as under restoration: {area}. There the index is back at {share} of its target."),
            area=between(found.restored, words), share=words.share(found.asked.measuring.recovery.share),
        )  # fmt: skip
    again = [one for one in found.each.values() if one.course is AreaCourse.RECLEARED]
    if again:
        yield words.count(
            _("{n} area was mostly cleared again: it wants a visit first."),
            _("{n} areas were mostly cleared again: they want a visit first."),
            len(again),
        )


def between(one: Estimate, words: Words) -> str:
    """`12 hectares, between 10 and 15`."""
    middle = words.say(_("{area} hectares"), area=amount(one.value or 0.0, words))
    if one.low is None or one.high is None:
        return middle
    span = words.say(_("between {low} and {high}"), low=amount(one.low, words), high=amount(one.high, words))
    return f"{middle}, {span}"


def held_against(held: tuple[Held, ...], words: Words) -> Iterator[str]:
    """How far that goes."""
    for one in held:
        if one.by == "all registers" and not one.region and one.progress.target.name == "prorest":
            yield words.say(
                _("That is as much as {percent} of this: {target}, {area} hectares."),
                percent=percent(one.progress.percent, words), target=words.say(TARGETS[one.progress.target.name]),
                area=amount(one.progress.target.hectares, words),
            )  # fmt: skip
    regions = [one for one in held if one.region]
    for one in regions[:3]:
        yield words.say(
            _("{region}: {percent} of the {area} hectares that it is to restore."), region=one.region,
            percent=percent(one.progress.percent, words), area=amount(one.progress.target.hectares, words),
        )  # fmt: skip


def percent(value: float, words: Words) -> str:
    """`12.3 %`; what is small but there is never called nought."""
    if 0 < value < SMALL:
        return f"< {words.number(SMALL, 2)} %"
    return f"{words.number(value, 2 if value < 10 else 1)} %"


def unknown(land: Land, found: Outcomes | None, words: Words) -> Iterator[str]:
    """What is not known."""
    yield words.say(
        _("Hectares are those of the outlines in the registers. Nobody has checked here that the outlines are right.")
    )
    yield words.say(
        _(
            "Targets and gaps were read at second hand. They state hectares without places, so nobody can test what they share."
        )
    )
    if found is None:
        yield words.say(_("Whether the land recovers was not looked at: no history of satellite images was named."))
        return
    yield words.say(
        _("Recovery is that of an index of satellite images ({index}), one value a year. It shows that plants cover the ground"
          " again, not which."),
        index=found.archive.index.upper(),
    )  # fmt: skip
    yield words.say(_("The ranges say how much areas differ from each other. They do not hold the errors of the map."))
    if found.unmeasured:
        yield words.count(
            _(
                "{n} area is smaller than a cell of the map, has no outline of land, or lies beside the map: not measured."
            ),
            _(
                "{n} areas are smaller than a cell of the map, have no outline of land, or lie beside the map: not measured."
            ),
            len(found.unmeasured),
        )
    if found.changed:
        yield words.count(
            _(
                "The frozen baseline of {n} area is no longer what it was; it is measured against what it is now, see the table."
            ),
            _(
                "The frozen baselines of {n} areas are no longer what they were; they are measured against what they are now."
            ),
            len(found.changed),
        )
