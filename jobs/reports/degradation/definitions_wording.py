"""What is said of two definitions of degraded land, in plain words; texts of the catalogue."""

from collections.abc import Iterator
from typing import Final

from jobs.reports.degradation.criteria import MAP, MET, UNKNOWN
from jobs.reports.degradation.crosswalk import (
    BOTH,
    NAMES,
    NEITHER,
    NOT_KNOWN,
    ONLY_MINAM,
    ONLY_SERFOR,
    OTHER,
    Compared,
)  # fmt: skip
from jobs.reports.degradation.definitions_asked import Definitions, Minam, Serfor
from jobs.reports.degradation.ldn_wording import PLACES
from jobs.words import Words, _

TITLE: Final = _("Two definitions of degraded land")
BY: Final = {"minam": _("MINAM (Ministry of the Environment)"), "serfor": _("SERFOR (forest service)")}
"""Definition -> whose it is."""
CODES: Final = {
    BOTH: "both",
    ONLY_MINAM: "only_minam",
    ONLY_SERFOR: "only_serfor",
    NEITHER: "neither",
    NOT_KNOWN: "not_known",
}
"""Code of the map -> as it stands in files."""
CALLED: Final = {
    "both": _("degraded by both definitions"),
    "only_minam": _("degraded only by that of MINAM"),
    "only_serfor": _("degraded only by that of SERFOR"),
    "neither": _("degraded by neither"),
    "not_known": _("not known by one of them or both"),
}
CRITERIA: Final = {
    MAP: _("a ready map"),
    "cover_loss": _("loss of vegetation cover"),
    "fragmentation": _("forest left in pieces"),
    "productivity": _("loss of growth"),
    "overuse": _("land used for more than it bears"),
    "steep": _("steep slopes"),
    "near_deforestation": _("nearness to areas of high deforestation"),
}
CHANGES: Final = {
    "new": _("newly degraded"),
    "gone": _("no longer degraded"),
    "still": _("still degraded"),
    "never": _("degraded in neither year"),
    "not_known": PLACES["unknown"],
}
OTHER_NAME: Final = _("anything else")
EVERYTHING: Final = _("all land")
KINDS: Final = {OTHER: OTHER_NAME, "all": EVERYTHING}
SAME_WORDS: Final = _(
    "Both institutions call degraded what lost some or all of what it produces with, so that its structure and its working"
    " changed and it can provide fewer services. They measure it by different signs."
)


def plain(found: Compared, asked: Definitions, words: Words) -> Iterator[str]:
    """The first page."""
    yield words.say(SAME_WORDS)
    sizes = {name: found.hectares(code) for code, name in CODES.items()}
    told = {name: _ha(value, words) for name, value in sizes.items()}
    yield words.say(
        _(
            "{both} hectares are degraded by both definitions, {only_minam} only by that of MINAM, {only_serfor} only by that of"
            " SERFOR, {neither} by neither."
        ),
        **told,
    )
    called = sizes["both"] + sizes["only_minam"] + sizes["only_serfor"]
    if called > 0:
        yield words.say(
            _(
                "Of the land that one of them or both call degraded, they agree on {share}: one cannot stand for the other."
            ),
            share=words.share(sizes["both"] / called),
        )
    yield from _high(found, asked, words)
    yield from _yearly(found, words)


def _high(found: Compared, asked: Definitions, words: Words) -> Iterator[str]:
    high = [one.high for one in asked.priority.kinds] if asked.priority else []
    names = ", ".join(one.name for one in asked.priority.kinds if one.high) if asked.priority else ""
    for name in NAMES if any(high) else ():
        table = found.priorities[name][: len(high), MET]
        yield words.say(
            _("{hectares} hectares that are degraded by the definition of {whose} have priority {names}."),
            hectares=_ha(sum(size for size, one in zip(table.tolist(), high, strict=True) if one), words),
            whose=words.say(BY[name]), names=names,
        )  # fmt: skip


def _yearly(found: Compared, words: Words) -> Iterator[str]:
    for (one, other), table in found.changes.items():
        yield words.say(
            _("From {one} to {other}, {new} hectares were newly degraded, {gone} no longer, and {still} still."),
            one=one, other=other, new=_ha(float(table[0, 1]), words), gone=_ha(float(table[1, 0]), words),
            still=_ha(float(table[1, 1]), words),
        )  # fmt: skip


def unknown(found: Compared, asked: Definitions, left: int, words: Words) -> Iterator[str]:
    """What is not known, and what must not be read out of it; left: patches that are not drawn."""
    if limits := list(_limits(asked, words)):
        yield words.say(
            _(
                "We could read no limits of the institutions. Those used here are chosen, and others would give other areas:"
                " {limits}."
            ),
            limits="; ".join(limits),
        )
    if (size := found.hectares(NOT_KNOWN)) > 0:
        yield words.say(
            _("Of {hectares} hectares one of the definitions says nothing, because a map has a gap there; they are told apart."),
            hectares=_ha(size, words),
        )  # fmt: skip
    for (whose, key), row in found.criteria.items():
        if row[UNKNOWN] > 0 and row[UNKNOWN] >= row.sum() / 2:
            yield words.say(
                _("{criterion} ({whose}) is not known on half of the land or more."),
                criterion=words.say(CRITERIA[key]), whose=words.say(BY[whose]),
            )  # fmt: skip
    lacking = [*_lacking(asked)]
    if lacking:
        yield words.say(
            _("Criteria of the institutions that were not looked at, because no map was given: {names}."),
            names=", ".join(words.say(CRITERIA[one]) for one in lacking),
        )  # fmt: skip
    if left:
        yield words.count(
            _("{n} more patch on which they differ is not drawn, though it is counted."),
            _("{n} more patches on which they differ are not drawn, though they are counted."),
            left,
        )  # fmt: skip
    yield words.say(
        _(
            "These are areas counted on maps: how often the maps are wrong is not in them, and nothing here says which"
            " definition is right."
        )
    )


def _lacking(asked: Definitions) -> Iterator[str]:
    for one in (asked.minam, asked.serfor):
        if not one.map:
            yield from (key for key in CRITERIA if key != MAP and hasattr(one, key) and getattr(one, key) is None)


def _limits(asked: Definitions, words: Words) -> Iterator[str]:
    yield from _minam_limits(asked.minam, words)
    yield from _serfor_limits(asked.serfor, words)


def _minam_limits(minam: Minam, words: Words) -> Iterator[str]:
    if (one := minam.fragmentation) is not None:
        yield words.say(
            _("forest is in pieces where less than {share} of a square of {side} m around it is forest, and was not before"),
            share=words.share(one.share), side=words.number(one.window_m),
        )  # fmt: skip


def _serfor_limits(serfor: Serfor, words: Words) -> Iterator[str]:
    if (one := serfor.steep) is not None:
        yield words.say(_("slopes are steep from {degrees} degrees on"), degrees=words.number(one.degrees, 1))
    if (near := serfor.near_deforestation) is not None:
        yield words.say(
            _("deforestation is high where {share} of a square of {side} m were cleared, and near within {within} m"),
            share=words.share(near.share), side=words.number(near.window_m), within=words.number(near.within_m),
        )  # fmt: skip
    if not serfor.map:
        yield words.say(
            _("land is degraded by the definition of SERFOR where {least} of its signs or more come together"),
            least=serfor.least,
        )
    if serfor.overuse is not None:
        yield words.say(_("which uses land of each capacity bears is as the config says"))


def told(found: Compared, words: Words) -> Iterator[str]:
    """What the map shows, as sentences."""
    whole = float(found.pairs.sum())
    for code, name in CODES.items():
        size = found.hectares(code)
        yield f"{words.say(CALLED[name])}: {_ha(size, words)} ha ({words.share(size / whole)})"


def _ha(value: float, words: Words) -> str:
    return words.number(value, 0 if value >= 1000 else 2)
