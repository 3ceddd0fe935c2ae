"""What a report of emissions says to people: what was found, between which figures, and what is not known."""

from collections.abc import Iterator

from jobs.reports.redd.account import Case, used
from jobs.reports.redd.asked import ReddReport
from jobs.reports.redd.factors import UNVERIFIED
from jobs.reports.redd.meaning import meant
from jobs.reports.redd.montecarlo import Summary
from jobs.reports.redd.results import GROSS, Results
from jobs.reports.redd.schemes import TreesRow
from jobs.words import Words, _

POOLS = {
    "BGB": _("roots"),
    "DW": _("dead wood"),
    "LI": _("litter"),
    "SOC": _("carbon of the soil"),
}
"""Pools that a stock may lack -> in words."""
ENOUGH_YEARS = 5
"""Of a reference period under ART TREES, section 5.2 as the Guyana workbook has it."""


def plain(case: Case, found: Results, together: TreesRow | None, words: Words) -> Iterator[str]:
    """The first page."""
    yield _reference(case, found, words)
    for kind in case.account.kinds:
        yield from _monitored(case, found, kind, words)
    if together is not None and together.reduction > 0:
        yield words.say(
            _("Under the rules of ART TREES 2.0, {left} of {all} tonnes would be left for those years together: the rest "
              "is set aside, or taken off because the figures are not exact."),
            left=tonnes(together.credited, words), all=tonnes(together.reduction, words),
        )  # fmt: skip


def _reference(case: Case, found: Results, words: Words) -> str:
    drawn = found.by_name["reference"].simulated
    if case.account.baseline is not None:
        return words.say(_("The level to compare with was given: {amount}."), amount=between(drawn, words))
    years = [one for one in case.account.periods if one.reference]
    return words.say(
        _("From {first} to {last}, the years to compare with, forest that was cleared or thinned here sent CO2 into the "
          "air: each year {amount}."),
        first=min(one.first for one in years), last=max(one.last for one in years), amount=between(drawn, words),
    )  # fmt: skip


def between(drawn: Summary, words: Words) -> str:
    """The middle and the ends."""
    return words.say(
        _("about {middle} tonnes, and {level} times in 100 between {low} and {high} tonnes"),
        middle=tonnes(drawn.median, words), level=words.number(drawn.level), low=tonnes(drawn.low, words),
        high=tonnes(drawn.high, words),
    )  # fmt: skip


def tonnes(value: float, words: Words) -> str:
    """To three digits: more of them would claim more than is known."""
    return words.number(float(f"{value:.2e}"))


def _monitored(case: Case, found: Results, kind: str, words: Words) -> Iterator[str]:
    years = [one for one in case.account.periods if one.kind == kind]
    first, last = min(one.first for one in years), max(one.last for one in years)
    emitted = found.by_name[f"emissions {kind}"].simulated
    yield words.say(
        _("From {first} to {last} it was each year {amount}."), first=first, last=last, amount=between(emitted, words)
    )
    yield _compared(found, kind, words)
    gross, cut, thin = (found.by_name.get(f"{what} {kind}") for what in (GROSS, "DF", "DG"))
    if gross and cut and thin and gross.value > 0 and min(cut.value, thin.value) > 0:
        yield words.say(
            _("Of what was sent into the air, clearing made {cleared}, thinning {thinned}."),
            cleared=words.share(cut.value / gross.value), thinned=words.share(thin.value / gross.value),
        )  # fmt: skip
    if drivers := found.drivers[kind]:
        name, part = next(iter(drivers.items()))
        yield words.say(
            _("What makes these figures least sure is {name}: {share} of all that is not known comes from it alone."),
            name=_called(case, name, words), share=words.share(part),
        )  # fmt: skip


def _called(case: Case, name: str, words: Words) -> str:
    said = meant(case, name, words)
    return f"{said} ({name})" if said else name


def _compared(found: Results, kind: str, words: Words) -> str:
    """Less, more, or not to be told."""
    reduced, below = (found.by_name[f"{what} {kind}"].simulated for what in ("reduction", "below"))
    if reduced.low <= 0 <= reduced.high:
        return words.say(
            _("Whether that is less than before cannot be told: it lies between {more} tonnes a year more and {less} "
              "tonnes a year less."),
            more=tonnes(-reduced.low, words), less=tonnes(reduced.high, words),
        )  # fmt: skip
    if reduced.low > 0:
        text = _("That is less than the level to compare with by {middle}: between {low} and {high}.")
        return words.say(
            text, middle=words.share(below.median), low=words.share(below.low), high=words.share(below.high)
        )
    text = _("That is more than the level to compare with by {middle}: between {low} and {high}.")
    return words.say(
        text, middle=words.share(-below.median), low=words.share(-below.high), high=words.share(-below.low)
    )


def unknown(asked: ReddReport, case: Case, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it."""
    account, stocks = case.account, case.account.stocks
    pools = {one.pool for one in stocks.elements}
    whole = {one.land_use for one in stocks.elements if one.pool == "ALL" and one.quantity.value > 0}
    missing = [text for pool, text in POOLS.items() if pool not in pools and not (pool == "BGB" and "RS" in pools)]
    if missing and not whole:
        yield words.say(_("Not counted: {pools}."), pools=", ".join(words.say(one) for one in missing))
    if whole:
        names = ", ".join(sorted(whole))
        yield words.say(_("Which pools the stocks given in one figure hold is not known here: {names}."), names=names)
    if not account.fires:
        yield words.say(_("Other gases of fires, methane and nitrous oxide, are not counted."))
    if not account.regrowth and not any(one.activity.startswith("EN") for one in account.transitions):
        yield words.say(_("Forest that grows back is not counted."))
    yield words.say(
        _("All carbon that is lost counts in the year of the change, also that of wood that rots for years after it.")
    )
    yield words.say(
        _("Areas are taken to err each by itself. Areas out of one sample do not quite: the intervals may be too wide or "
          "too narrow.")
    )  # fmt: skip
    yield words.say(_("The level to compare with tells what was, not what would have happened without protection."))
    yield from _of_factors(case, words)
    yield from _of_schemes(asked, case, words)


def _of_factors(case: Case, words: Words) -> Iterator[str]:
    factors = list(used(case))
    for one in factors:
        if one.said == UNVERIFIED:
            yield words.say(
                _("UNVERIFIED: {name} = {value} {unit}. Nobody has read this figure in its source."),
                name=one.name, value=f"{one.value:g}", unit=one.unit,
            )  # fmt: skip
    if second := [_called(case, one.name, words) for one in factors if one.status == "secondary"]:
        text = _("Read at second hand, or with a doubt that their notes name: {names}.")
        yield words.say(text, names="; ".join(second))
    if exact := [_called(case, one.name, words) for one in case.account.quantities.values() if one.exact and one.value]:
        yield words.say(_("Taken as exact, because no error of it is known: {names}."), names="; ".join(exact))


def _of_schemes(asked: ReddReport, case: Case, words: Words) -> Iterator[str]:
    yield words.say(
        _("Rules of VCS and its jurisdictional programme, and the scorecard of the Green Climate Fund, are not in here: "
          "their texts could not be checked.")
    )  # fmt: skip
    years = sum(one.years for one in case.account.periods if one.reference)
    if asked.schemes.trees is not None and case.account.baseline is None and years != ENOUGH_YEARS:
        yield words.say(_("ART TREES compares with five years; here they are {years}."), years=words.number(years))
