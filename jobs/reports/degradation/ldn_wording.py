"""What is said of degraded land by SDG indicator 15.3.1, in plain words; texts of the catalogue."""

from collections.abc import Iterator
from typing import Final

from jobs.reports.degradation.ldn_asked import LandDegradation
from jobs.reports.degradation.neutrality import Counted
from jobs.reports.degradation.prais import said
from jobs.reports.degradation.productivity import Productivity
from jobs.reports.degradation.rules import Rules
from jobs.reports.parts import CHECKED
from jobs.words import Words, _

TITLE: Final = _("Degraded land")
PLACES: Final = {
    "degraded": _("degraded"),
    "stable": _("stable"),
    "improved": _("improved"),
    "unknown": _("not known"),
}
"""Condition -> in words, in the order of CONDITIONS."""
PART_NAMES: Final = {
    "land_cover": _("change of land cover"),
    "productivity": _("how much grows"),
    "soil": _("carbon in the soil"),
    "all": _("all of them together"),
}
BY_CHANCE: Final = 0.07
"""Share of cells that trend and state call degraded where growth is chance alone, with the limits and years of the manual: so
in simulated series without any change (tests/test_restoration_ldn.py holds it to that)."""
CHANCE: Final = _(
    "Where growth goes up and down by chance alone, about {share} of the land is called degraded all the same (so in simulated"
    " series without any change): a percentage near that says nothing yet."
)
COVER_NAMES: Final = {
    "forest": _("forest"),
    "grassland": _("grassland"),
    "cropland": _("cropland"),
    "wetland": _("wetland"),
    "artificial": _("built-up land"),
    "other": _("other land"),
    "water": _("water"),
    "unknown": _("not known"),
}
RULE_NAMES: Final = {
    "combination": _("how trend, state and performance of growth combine"),
    "status_matrix": _("what follows from the baseline and the period together"),
    "transitions": _("which changes of land cover are degradation"),
}
NO_SOIL: Final = _(
    "Carbon in the soil was NOT assessed: no map of it was given. Land counts as degraded by two of the three signs alone, so the"
    " figures are no full indicator 15.3.1, and what only the soil would show is missing."
)


def plain(found: Counted, asked: LandDegradation, words: Words) -> Iterator[str]:
    """The first page."""
    yield from _baseline(found, asked, words)
    before = float(found.parts[0]["all"][0])
    for place, (period, end) in enumerate(zip(found.periods[1:], found.status, strict=True), 1):
        yield words.say(
            _("At the end of {year}, {km2} km2 of {land} km2 of land are degraded: {share}."),
            year=period.last, km2=_km2(end[0], words), land=_km2(found.land(place), words),
            share=_share(end[0], found.land(place), words),
        )  # fmt: skip
        yield _since(float(end[0]) - before, words)
    if not found.soil_years:
        yield words.say(NO_SOIL)


def _baseline(found: Counted, asked: LandDegradation, words: Words) -> Iterator[str]:
    row = found.parts[0]["all"]
    yield words.say(
        _("From {first} to {last}, {km2} km2 of {land} km2 of land were degraded: {share}. Later years are held against that."),
        first=asked.baseline.first, last=asked.baseline.last, km2=_km2(row[0], words), land=_km2(found.land(0), words),
        share=_share(row[0], found.land(0), words),
    )  # fmt: skip


def _since(more: float, words: Words) -> str:
    if not round(more, 2):
        return words.say(_("That is as much as in the baseline."))
    text = (
        _("That is {km2} km2 more than in the baseline.")
        if more > 0
        else _("That is {km2} km2 less than in the baseline.")
    )
    return words.say(text, km2=_km2(abs(more), words))


def unknown(found: Counted, asked: LandDegradation, rules: Rules, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it."""
    if not found.soil_years:
        yield words.say(NO_SOIL)
    for place, period in enumerate(found.periods):
        row = found.parts[place]["all"]
        if row[3] > 0:
            yield words.say(
                _("{years}: of {km2} km2 ({share}) it is not known whether they are degraded; they count as land all the same."),
                years=said(period), km2=_km2(row[3], words), share=_share(row[3], found.land(place), words),
            )  # fmt: skip
    yield words.say(
        _(
            "These are areas counted on maps. How often the maps are wrong is not in them: only a sample that people look at says"
            " how far the true areas may be off."
        )
    )
    for block, (source, status) in rules.sources.items():
        if status != "verified":
            yield words.say(
                _("Rule on {what}: {checked}. Source: {source}."),
                what=words.say(RULE_NAMES[block]), checked=words.say(CHECKED[status]), source=source,
            )  # fmt: skip
    yield from _choices(asked, words)


def _choices(asked: LandDegradation, words: Words) -> Iterator[str]:
    change = asked.change
    yield words.say(
        _(
            "How much grows is judged by the {years} years up to the end of each period, so neighbouring periods share years; the"
            " state is divided by the spread of a mean of {recent} years, which the manual of the United Nations leaves out."
        ),
        years=change.history + change.recent, recent=change.recent,
    )  # fmt: skip
    if change == Productivity():
        yield words.say(CHANCE, share=words.share(BY_CHANCE))
    if not change.potential:
        yield words.say(
            _(
                "A trend counts where chance makes one so clear in fewer than five of a hundred cases. The manual, where it makes"
                " three classes of five, also names a laxer limit, by which more land would be degraded and more improved."
            )
        )
    if asked.improved == "any":
        yield words.say(
            _("Land that no sign calls degraded counts as improved where any one sign does, as Trends.Earth counts.")
        )
    yield words.say(
        _(
            "The tables for PRAIS have the names of the platform, but its forms were not read: headers are ours, to be copied"
            " from by hand. Wrong alarms and what was overlooked are left empty for people who know the place."
        )
    )
    yield words.say(
        _("Hotspots and brightspots are touching cells of {ha} hectares or more, a size of our choice; drivers are not known."),
        ha=words.number(asked.spots_ha),
    )  # fmt: skip


def told(found: Counted, words: Words) -> Iterator[str]:
    """What the map shows, as sentences."""
    end, land = found.status[-1], found.land(len(found.periods) - 1)
    for name, km2 in zip(PLACES.values(), end.tolist(), strict=True):
        yield f"{words.say(name)}: {_km2(km2, words)} km2 ({_share(km2, land, words)})"


def _km2(value: float, words: Words) -> str:
    return words.number(value, 0 if value >= 1000 else 2)


def _share(part: float, whole: float, words: Words) -> str:
    return words.share(part / whole) if whole > 0 else words.say(_("there is no land"))
