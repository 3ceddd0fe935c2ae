"""What is said of the emissions of peat, in plain words; texts of the catalogue."""

from collections.abc import Iterator, Sequence
from math import fsum
from typing import Final

from jobs.reports.peat.classes import DISTURBANCES, STRATA
from jobs.reports.peat.factors import Factor, unverified
from jobs.reports.peat.gaps import Gap
from jobs.reports.peat.peat import Account, Emission, Range, Total
from jobs.words import Words, _

TITLE: Final = _("Emissions of disturbed peatland")
YEARS_TITLE: Final = _("Emissions of every year, by where they come from")
NAMES: Final = {
    "CO2-onsite": _("peat that decays"),
    "DOC": _("carbon washed away"),
    "CH4": _("methane"),
    "N2O": _("nitrous oxide"),
    "fire": _("burning peat"),
    "excavated": _("peat dug out"),
}
"""Pool -> in words."""


def plain(found: Account, words: Words) -> Iterator[str]:
    """The first page."""
    overall = found.total()
    first, last = found.years
    if overall is None:
        yield words.say(_("From {first} to {last} no emission of peat was estimated."), first=first, last=last)
        return
    yield words.say(
        _("From {first} to {last} disturbed peat gave off about {value} tonnes of CO2 equivalent: between {low} and {high}."),
        first=first, last=last, **_rounded(overall.tco2e, words),
    )  # fmt: skip
    if (newest := found.total(last)) is not None:
        yield words.say(
            _("In {year} it was about {value} tonnes: between {low} and {high}."),
            year=last,
            **_rounded(newest.tco2e, words),
        )
    if overall.tco2e.low < 0:
        yield words.say(
            _("Below nought stands for carbon that the peat takes up: factors that small cannot be told from it.")
        )
    yield from _by_pool(found, overall, words)
    if any(one.year > cohort for one, cohort in _late(found)):
        yield words.say(
            _("Drained or degraded peat goes on emitting in every year after, as long as it stays so; that is counted.")
        )
    if share := _provisional(found):
        yield words.say(
            _("{share} of it rests on factors that nobody has held against their source yet: provisional."),
            share=words.share(share),
        )
    if len(overall.factor_sets) > 1:
        yield words.say(MIXED, sets=", ".join(overall.factor_sets))


MIXED: Final = _("The total adds up factors of different making: {sets}. Each alone is in the table of totals.")
MEMO: Final = _(
    "Peat is no part of Peru's reference level of forest emissions, which counts deforestation and what grew above and below"
    " ground: these figures are a memo beside it, not to be added to it or taken off it."
)
INTERVALS: Final = _(
    "{level} of the draws lie between the ends of an interval. They hold the doubt of areas and factors as stated, not that of"
    " the map of peat, of the kind of disturbance, or of whether a factor from elsewhere fits here."
)
INDEPENDENT: Final = _(
    "Areas are taken as independent of each other; a factor that is too high is too high everywhere at once."
)


def unknown(found: Account, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it."""
    yield words.say(MEMO)
    if lacking := list(unverified(found.factors)):
        yield words.say(
            _("{n} of {all} factors have not been held against their source yet: {names}. Figures made of them are provisional."),
            n=words.number(len(lacking)), all=words.number(len(found.factors)),
            names="; ".join(_by_source(lacking, words)),
        )  # fmt: skip
    for gap in found.gaps:
        yield _gap(gap, words)
    if bare := [one for one in found.factors if one.figure.low is None]:
        names = "; ".join(dict.fromkeys(f"{words.say(NAMES[one.pool])} ({one.land_use})" for one in bare))
        yield words.say(
            _("No interval is known of these factors, so that their doubt is in no figure: {names}."), names=names
        )
    if exact := sum(one.se_ha is None for one in found.cohorts):
        yield words.count(
            _("{n} area has no standard error and is counted as exact."),
            _("{n} areas have no standard error and are counted as exact."),
            exact,
        )  # fmt: skip
    yield words.say(INTERVALS, level=words.share(found.sampling.level))
    yield words.say(INDEPENDENT)
    yield words.say(_("What burns or is felled above the peat, and carbon monoxide of fires, is not in these figures."))


def _by_pool(found: Account, overall: Total, words: Words) -> Iterator[str]:
    sums = ((name, found.total(pool=pool)) for pool, name in NAMES.items())
    shown = sorted(((one.tco2e.value, name) for name, one in sums if one is not None), reverse=True)
    parts = ", ".join(f"{words.say(name)} {words.number(_short(value))} t" for value, name in shown)
    yield words.say(_("Where it comes from: {parts}."), parts=parts)


def _provisional(found: Account) -> float:
    """Share of what goes up or is taken up, as amounts, that an unverified factor is in; any at all counts as a per cent."""
    amounts = [(abs(one.tco2e.value), any(unverified(one.factors))) for one in found.emissions]
    unsure, all_of_it = fsum(amount for amount, no in amounts if no), fsum(amount for amount, no in amounts)
    return max(unsure / all_of_it, 0.01) if unsure else 0.0


def _late(found: Account) -> Iterator[tuple[Emission, int]]:
    """(emission, first year of what caused it)."""
    for one in found.emissions:
        yield one, min(c.year for c in found.cohorts if (c.stratum, c.disturbance) == (one.stratum, one.disturbance))


def _by_source(some: Sequence[Factor], words: Words) -> Iterator[str]:
    """Sources and what was taken from each; the table of factors has every one."""
    for source in dict.fromkeys(one.source for one in some):
        mine = dict.fromkeys(words.say(NAMES[one.pool]) for one in some if one.source == source)
        yield f"{', '.join(mine)} ({source})"


def by_year(found: Account, words: Words) -> Iterator[str]:
    """What the drawing shows, as sentences."""
    for year in range(found.years[0], found.years[1] + 1):
        if (one := found.total(year)) is not None:
            text = _("{year}: {value} t of CO2e, between {low} and {high}")
            yield words.say(text, year=year, **_rounded(one.tco2e, words))


def _gap(gap: Gap, words: Words) -> str:
    said = words.say(
        _("Not estimated: {pool} of {stratum} that was {disturbance}, {area} ha; the sets named have no factor for it."),
        pool=words.say(NAMES[gap.pool]), stratum=words.say(STRATA[gap.stratum]),
        disturbance=words.say(DISTURBANCES[gap.disturbance].meaning), area=words.number(gap.area_ha, 1),
    )  # fmt: skip
    return f"{said} {words.say(_('There is one in {sets}.'), sets=', '.join(gap.offered))}" if gap.offered else said


def _rounded(one: Range, words: Words) -> dict[str, str]:
    return {
        key: words.number(_short(value)) for key, value in (("value", one.value), ("low", one.low), ("high", one.high))
    }


def _short(value: float) -> float:
    """To three figures: more would be no knowledge."""
    return float(f"{value:.3g}")
