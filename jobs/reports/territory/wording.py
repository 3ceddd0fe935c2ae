"""What is said of a territory, in plain words, for the people who live there; texts of the catalogue."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import Final

from detection.areas import SQUARE_METRES_A_HECTARE
from detection.codes import CHANGE_TYPES
from jobs.reports.areas.plain import FIELD_HA, amount, rounded
from jobs.reports.restoration.wording import AREA_COURSES
from jobs.reports.territory.alerts import FINISHED, OPEN, REJECTED, TAKEN_BACK, Alerts
from jobs.reports.territory.checked import Checked, Range
from jobs.reports.territory.facts import KINDS
from jobs.reports.territory.found import LEAST_HA, Found
from jobs.reports.territory.restored import Restoration
from jobs.reports.territory.trend import trend
from jobs.words import Words, _

TITLE: Final = _("What satellites saw of this territory")
OLD: Final = 5
"""Years from which regrowth is told apart (chosen)."""
TRENDS: Final = {
    "rises": _("From year to year the loss grows; so steady a rise would seldom come by chance."),
    "falls": _("From year to year the loss gets less; so steady a fall would seldom come by chance."),
    "unclear": _("The years go up and down: whether the loss grows or gets less cannot be told."),
    "too few": _("These are too few years to tell whether the loss grows or gets less."),
}
"""What a series does -> in words."""
PARTS: Final = (
    ("history", _("loss of forest year by year, and regrowth")),
    ("checked", _("whether the map is right, on images")),
    ("alerts", _("new alerts")),
    ("peat", _("peat")),
    ("registers", _("areas under restoration")),
    ("recovery", _("how areas under restoration do")),
    ("overlays", _("rivers, roads and places")),
)
"""Key of the config -> what is not looked at without it."""


def plain(found: Found, words: Words) -> Iterator[str]:
    """The first page."""
    yield _size(found, words)
    if found.history is not None:
        yield " ".join(_loss(found, words))
        if said := " ".join(_kinds(found, words)):
            yield said
        if "regrowth_age" in found.history.rasters:
            yield _regrowth(found, words)
    if found.sums.peat is not None:
        yield _peat(found, words)
    if found.alerts is not None:
        yield " ".join(_alerts(found.alerts, words))
    if found.restoration is not None:
        yield " ".join(_restoration(found.restoration, words))


def fields(hectares: float, words: Words) -> str:
    """Hectares as football fields, rounded."""
    return words.number(rounded(hectares / FIELD_HA))


def _size(found: Found, words: Words) -> str:
    area = found.territory.hectares
    return words.say(
        _("{place} measures {hectares} hectares, about as much as {n} football fields."),
        place=found.place, hectares=amount(area, words), n=fields(area, words),
    )  # fmt: skip


def _loss(found: Found, words: Words) -> Iterator[str]:
    years, lost = found.years, found.sums.lost(found.years)
    span = {"first": years.start, "last": years.stop - 1}
    if lost < LEAST_HA:
        yield words.say(_("From {first} to {last} the map shows no loss of forest here."), **span)
    else:
        yield words.say(
            _("From {first} to {last} the map shows {hectares} hectares of forest lost here, about {n} football fields."),
            **span, hectares=amount(lost, words), n=fields(lost, words),
        )  # fmt: skip
        by_year = {year: found.sums.lost([year]) for year in years}
        yield _most(by_year, words)
        yield words.say(TRENDS[trend(list(by_year.values()))])
    estimate = found.estimate
    if found.checked is not None and estimate is not None:
        yield _estimate(found, found.checked, estimate, words)
    elif lost >= LEAST_HA:
        yield words.say(_("Nobody has checked the map here on images: these hectares are counted on it, no estimate."))


def _most(by_year: Mapping[int, float], words: Words) -> str:
    last, most = max(by_year), max(by_year, key=lambda year: by_year[year])
    values = {"most": amount(by_year[most], words), "year": most}
    if most == last:
        return words.say(_("The most in one year was {most} hectares, in {year}, the last."), **values)
    said = _("The most in one year was {most} hectares, in {year}; in {last}, the last, it was {hectares}.")
    return words.say(said, **values, last=last, hectares=amount(by_year[last], words))


def _estimate(found: Found, checked: Checked, one: Range, words: Words) -> str:
    years = found.checked_years
    return words.say(
        _("People checked such a map of {where} on images. If it errs here as it does there, the loss from {first} to {last} is"
          " between {low} and {high} hectares, most likely {value}."),
        where=checked.where, first=years.start, last=years.stop - 1, low=amount(one.low, words),
        high=amount(one.high, words), value=amount(one.value, words),
    )  # fmt: skip


def _kinds(found: Found, words: Words) -> Iterator[str]:
    history = found.history
    if history is None or "change_type" not in history.rasters:
        return
    areas = [(kind, found.sums.lost(found.years, kind)) for kind in CHANGE_TYPES]
    if shown := sorted((one for one in areas if one[1] >= LEAST_HA), key=lambda one: -one[1]):
        yield words.say(_("What it was, as a computer model guesses: {parts}."), parts=_parts(shown, words))


def _parts(kinds: Iterable[tuple[str, float]], words: Words) -> str:
    return "; ".join(f"{words.say(KINDS.get(kind, kind))}, {amount(area, words)} ha" for kind, area in kinds)


def _regrowth(found: Found, words: Words) -> str:
    standing = fsum(found.sums.regrowth.values())
    if standing < LEAST_HA:
        return words.say(_("The map shows no forest here that has grown back for a year or more."))
    old = fsum(area for age, area in found.sums.regrowth.items() if age >= OLD)
    return words.say(
        _("Forest grows back on {hectares} hectares, on {old} of them for five years or more."),
        hectares=amount(standing, words), old=amount(old, words),
    )  # fmt: skip


def _peat(found: Found, words: Words) -> str:
    area = found.sums.peat or 0.0
    if area < LEAST_HA:
        return words.say(_("The layer of peat shows none here."))
    said = words.say(
        _("{hectares} hectares of it are peat: wet ground that holds much carbon as long as it stays wet."),
        hectares=amount(area, words),
    )  # fmt: skip
    if found.history is None:
        return said
    lost = found.sums.lost(found.years, on_peat=True)
    more = _("Of the loss, {lost} hectares lie on peat.")
    return f"{said} {words.say(more, lost=amount(lost, words))}"


def _alerts(alerts: Alerts, words: Words) -> Iterator[str]:
    some = alerts.of(OPEN)
    if not some:
        yield words.say(_("No alert is open here."))
    else:
        yield words.count(_("{n} alert is open here."), _("{n} alerts are open here."), len(some))
        sure = sum(one.status == "confirmed" for one in some)
        yield words.say(
            _("In all {hectares} hectares within the territory. Confirmed: {sure}; a first sign, not confirmed yet: {unsure}."),
            hectares=amount(fsum(one.hectares for one in some), words), sure=words.number(sure),
            unsure=words.number(len(some) - sure),
        )  # fmt: skip
        yield words.say(_("What they seem to be, as a model guesses: {parts}."), parts=_parts(alerts.kinds, words))
    if over := alerts.of(FINISHED):
        yield words.count(_("{n} alert was real and is over."), _("{n} alerts were real and are over."), len(over))
    gone = len(alerts.of(TAKEN_BACK)), len(alerts.of(REJECTED))
    if any(gone):
        yield words.say(
            _("Not counted: {gone} that later images took back, and {rejected} that people rejected."),
            gone=words.number(gone[0]), rejected=words.number(gone[1]),
        )  # fmt: skip


def _restoration(made: Restoration, words: Words) -> Iterator[str]:
    begun = made.begun
    if not begun:
        yield words.say(_("No registered area where restoration has begun lies here."))
        return
    yield words.count(
        _("{n} registered area under restoration lies here."),
        _("{n} registered areas under restoration lie here."),
        len(begun),
    )
    yield words.say(_("Together they cover {hectares} hectares of it."), hectares=amount(made.union_ha, words))
    if made.shared_ha >= LEAST_HA:
        yield words.say(
            _("More than one area claims {hectares} hectares; these count once."),
            hectares=amount(made.shared_ha, words),
        )
    if many := Counter(one.course for one in begun if one.course):
        parts = "; ".join(
            f"{words.say(AREA_COURSES[course])}, {words.count(_('{n} area'), _('{n} areas'), many[course])}"
            for course in AREA_COURSES
            if many[course]
        )
        yield words.say(_("How they do, seen from satellites: {parts}."), parts=parts)


def unknown(found: Found, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it."""
    yield from _unseen(found, words)
    yield words.say(
        _("Who changed the forest, and whether that was allowed, is not known: nothing here accuses anybody.")
    )
    if found.history is not None:
        yield words.say(
            _("Of several losses at one place the map has the last alone. Its first and last years are often too low: a loss"
              " shows only beside looks before and after it.")
        )  # fmt: skip
    if found.checked is not None:
        yield from _assumed(found, found.checked, words)
    yield from _dates(found, words)
    if (made := found.restoration) is not None and made.areas:
        if found.asked.recovery is None:
            yield words.say(_("A register says where work was announced, not how the forest does there."))
        if waiting := len(made.areas) - len(made.begun):
            yield words.count(
                _("{n} area is registered but has not begun; it is not counted."),
                _("{n} areas are registered but have not begun; they are not counted."),
                waiting,
            )
        if made.unmeasured:
            yield words.count(
                _("{n} registered area is drawn without outline, and has no hectares."),
                _("{n} registered areas are drawn without outline, and have no hectares."),
                made.unmeasured,
            )
    if left := [words.say(text) for key, text in PARTS if not getattr(found.asked, key)]:
        yield words.say(_("Not looked at: {parts}."), parts="; ".join(left))


def _unseen(found: Found, words: Words) -> Iterator[str]:
    sums, whole = found.sums, found.territory.hectares
    for area, text in (
        (sums.beyond, _("{hectares} hectares ({share}) of the territory lie outside of the map.")),
        (sums.blind, _("{hectares} hectares ({share}) were not seen well enough to say anything; loss may lie there.")),
        (sums.peat_unsaid, _("Of {hectares} hectares ({share}) the layer of peat says nothing.")),
    ):
        if area >= LEAST_HA:
            yield words.say(text, hectares=amount(area, words), share=words.share(area / whole))
    cell = found.grid.resolution**2 / SQUARE_METRES_A_HECTARE
    if found.history is not None:
        yield words.say(
            _("What is smaller than {hectares} hectares, one point of the map, cannot be seen."), hectares=words.number(cell, 2)
        )  # fmt: skip
    if found.alerts is not None and found.alerts.mmu_ha is not None:
        yield words.say(
            _("Patches of less than {hectares} hectares raise no alert."), hectares=words.number(found.alerts.mmu_ha, 1)
        )


def _assumed(found: Found, checked: Checked, words: Words) -> Iterator[str]:
    yield words.say(
        _("The range takes it that the map errs here as it does in {where}; nobody has tested that."),
        where=checked.where,
    )
    lost = found.sums.lost(found.years) - found.sums.lost(found.checked_years)
    if lost >= LEAST_HA:
        yield words.say(
            _("{hectares} hectares of the loss are of years that nobody checked, and in no range."),
            hectares=amount(lost, words),
        )  # fmt: skip


def _dates(found: Found, words: Words) -> Iterator[str]:
    if found.history is not None and found.history.archive is not None:
        first, last = found.history.archive
        yield words.say(
            _("The map rests on images of {first} to {last}; what came before or after is not in it."), first=first, last=last
        )  # fmt: skip
    if found.alerts is not None and found.alerts.known is not None:
        yield words.say(_("Alerts are those known on {day}."), day=words.day(found.alerts.known))


def by_year(found: Found, words: Words) -> Sequence[str]:
    """What the drawing of years shows, as one sentence."""
    said = [f"{year}: {amount(found.sums.lost([year]), words)} ha" for year in found.years]
    return ("; ".join(said) + ".",)
