"""What names of quantities and results mean, in words: `EV_AGB` is nothing that a reader must know."""

from collections.abc import Iterator, Mapping
from typing import Final

from jobs.reports.parts import CHECKED
from jobs.reports.redd.account import Case
from jobs.reports.redd.activity import MONITORING, REFERENCE
from jobs.words import Words, _

POOLS: Final = {
    "AGB": _("biomass above ground of {use}, a hectare"),
    "BGB": _("roots of {use}, a hectare"),
    "RS": _("roots for each tonne above ground of {use}"),
    "DW": _("dead wood of {use}, a hectare"),
    "LI": _("litter of {use}, a hectare"),
    "SOC": _("carbon of the soil of {use}, a hectare"),
    "DG_ratio": _("share of its biomass that {use} still holds"),
    "ALL": _("all carbon of {use}, a hectare"),
}
"""Pool -> what a quantity of it is."""
ACTIVITIES: Final = {
    "DF": _("deforestation"),
    "DG": _("degradation"),
    "EN": _("enhancement"),
    "EN_AF": _("planting"),
    "EN_RE": _("growing back"),
}
"""Activity -> in words."""
RESULTS: Final = {
    "emissions": _("emissions less removals"),
    "gross": _("emissions alone"),
    "removals": _("removals alone"),
    "reduction": _("less than the level to compare with"),
    "below": _("the same as a share of that level"),
    **ACTIVITIES,
}
"""First word of a result -> in words; the second is the kind of its years."""
KINDS: Final = {REFERENCE: _("years to compare with"), MONITORING: _("years after")}
"""Kind of years -> in words; a kind of somebody's own says itself."""
DISTRIBUTIONS: Final = {
    "normal": _("normal"),
    "truncated normal": _("normal, none below 0"),
    "beta": _("beta"),
    "triangular": _("triangular"),
    "uniform": _("uniform"),
    "pert": _("PERT"),
    "lognormal": _("lognormal"),
    "constant": _("taken as exact"),
}
STATUSES: Final = {
    **CHECKED,
    "given": _("given by whoever asked"),
}
"""Status of a factor -> in words."""


def meant(case: Case, name: str, words: Words) -> str:
    """A quantity in words; empty where its name is all that is known."""
    return "; ".join(dict.fromkeys(_meanings(case, name, words)))


def _meanings(case: Case, name: str, words: Words) -> Iterator[str]:
    account = case.account
    for one in account.transitions:
        if one.name == name:
            text = _("hectares that went from {before} to {after}, {period}")
            yield words.say(text, before=one.before, after=one.after, period=one.period)
    for element in account.stocks.elements:
        if element.quantity.name == name:
            yield words.say(POOLS[element.pool], use=element.land_use)
    if account.stocks.fraction is not None and account.stocks.fraction.name == name:
        yield words.say(_("share of carbon in dry biomass"))
    for row in account.regrowth:
        roles = ((row.area, _("hectares that grow, {row}")), (row.growth, _("growth of a hectare in a year, {row}")))
        yield from (words.say(text, row=row.name) for one, text in roles if one.name == name)
    for fire in account.fires:
        burning = (
            (fire.area, _("hectares that burnt, {row}")), (fire.combustion, _("share that burns, {row}")),
            (fire.methane, _("methane of a kilogram that burns, {row}")),
            (fire.nitrous, _("nitrous oxide of a kilogram that burns, {row}")),
            (fire.gwp_methane, _("tonnes of CO2 that a tonne of methane counts for")),
            (fire.gwp_nitrous, _("tonnes of CO2 that a tonne of nitrous oxide counts for")),
        )  # fmt: skip
        yield from (words.say(text, row=fire.name) for one, text in burning if one.name == name)


def result(name: str, words: Words) -> str:
    """A result in words."""
    if name == "reference":
        return words.say(_("level to compare with, a year"))
    what, _blank, kind = name.partition(" ")
    if what not in RESULTS:
        return ""
    return f"{words.say(RESULTS[what])}, {told(KINDS, kind, words)}"


def told(texts: Mapping[str, str], code: str, words: Words) -> str:
    """In words, or the code itself."""
    return words.say(texts[code]) if code in texts else code
