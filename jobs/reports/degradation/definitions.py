"""Two national definitions of degraded land as a piece of the restoration report: where they agree, and where they do not."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from jobs.reports.degradation.classmap import drawn
from jobs.reports.degradation.criteria import MET, NOT_MET, UNKNOWN
from jobs.reports.degradation.crosswalk import (
    BOTH,
    NAMES,
    NEITHER,
    NOT_KNOWN,
    ONLY_MINAM,
    ONLY_SERFOR,
    SAID,
    Compared,
    Progress,
    Setting,
    compare,
    set_up,
)  # fmt: skip
from jobs.reports.degradation.definitions_asked import Definitions
from jobs.reports.degradation.definitions_wording import (
    BY,
    CALLED,
    CHANGES,
    CODES,
    CRITERIA,
    KINDS,
    TITLE,
    plain,
    told,
    unknown,
)  # fmt: skip
from jobs.reports.degradation.ldn_wording import PLACES
from jobs.reports.degradation.patches import Patch, layer, patches
from jobs.reports.parts import Cell, Chart, Column, Table, coded
from jobs.reports.piece import Piece
from jobs.words import Words, _

MAP_TITLE: Final = _("Where the two definitions agree, and where they do not")
HECTARES: Final = Column("area_ha", "ha", _("Area"))
SHARE: Final = Column("share_percent", "%", _("Of all land that is counted"))
KIND: Final = Column("ecosystem", "", _("Kind of ecosystem"), says=coded(KINDS))
WHOSE: Final = Column("definition", "", _("Whose definition"), says=coded(BY))
JUDGED: Final = {"yes": PLACES["degraded"], "no": _("not degraded"), "not_known": PLACES["unknown"]}
CALLS: Final = Column("degraded", "", _("What it says"), says=coded(JUDGED))
CROSSWALK: Final = (KIND, Column("agreement", "", _("What they say"), says=coded(CALLED)), HECTARES, SHARE)
CRITERIA_COLUMNS: Final = (
    WHOSE, Column("criterion", "", _("Sign"), says=coded(CRITERIA)),
    Column("met", "", _("Is it there"), says=coded({"yes": _("yes"), "no": _("no"), "not_known": PLACES["unknown"]})), HECTARES,
)  # fmt: skip
PRIORITIES: Final = (
    WHOSE, Column("priority", "", _("Priority"), says=coded(KINDS)), Column("high", "", _("Added up as high")), CALLS, HECTARES,
)  # fmt: skip
YEARLY: Final = (
    Column("from_year", "", _("From"), 0), Column("to_year", "", _("To"), 0),
    Column("change", "", _("What became of the land"), says=coded(CHANGES)), HECTARES,
)  # fmt: skip
ANSWERS: Final = {MET: "yes", NOT_MET: "no", UNKNOWN: "not_known"}
LEGEND: Final = (
    (BOTH, CALLED["both"], "#d55e00"), (ONLY_MINAM, CALLED["only_minam"], "#e69f00"),
    (ONLY_SERFOR, CALLED["only_serfor"], "#0072b2"), (NEITHER, CALLED["neither"], "#e6e0c8"),
    (NOT_KNOWN, CALLED["not_known"], "#8c8c8c"),
)  # fmt: skip
"""Colours of Okabe and Ito (2008), a pale one and a grey."""


def definitions_piece(asked: Definitions, place: str, progress: Progress = lambda *_: None) -> Piece:
    """The piece that a config asks for; place: name of the area, for the layers.

    Raises BadInput and GridMismatch with what to mend in one line.
    """
    setting = set_up(asked)
    found = compare(setting, progress=progress)
    differ = _differ(found, asked)
    drawn_, left = differ[: asked.patches], max(len(differ) - asked.patches, 0)
    rows = [({"place": place, "agreement": CODES[code]}, one) for code, one in drawn_]
    area = () if asked.area is None else (asked.area,)
    return Piece(
        lambda words: tuple(plain(found, asked, words)),
        lambda words: tuple(unknown(found, asked, left, words)),
        tuple(_tables(found, asked)),
        (Chart("definitions_map", MAP_TITLE, partial(_map, found), lambda words: tuple(told(found, words))),),
        (layer("definitions_differ", found.grid, rows),) if rows else (),
        {},
        tuple(dict.fromkeys((*(one.path for one in setting.planes), *area))),
        {"definitions": _basis(asked, setting)},
        any(one.simulated for one in setting.planes),
    )


def _differ(found: Compared, asked: Definitions) -> list[tuple[int, Patch]]:
    """Patches of either disagreement, the largest first."""
    some = [
        (code, one)
        for code in (ONLY_MINAM, ONLY_SERFOR)
        for one in patches(found.map, code, found.grid, asked.patches_ha)
    ]
    return sorted(some, key=lambda pair: (-pair[1].hectares, pair[0]))


def _map(found: Compared, words: Words) -> str:
    return drawn(found.map, found.grid, LEGEND, words.say(MAP_TITLE), words)


def _tables(found: Compared, asked: Definitions) -> Iterator[Table]:
    yield Table("definitions_crosswalk", TITLE, CROSSWALK, tuple(_crosswalk(found)))
    yield Table("definitions_signs", _("What each sign says"), CRITERIA_COLUMNS, tuple(_criteria(found)))
    if asked.priority:
        yield Table(
            "definitions_priority", _("Degraded land by priority"), PRIORITIES, tuple(_priorities(found, asked))
        )
    if found.changes:
        yield Table("definitions_yearly", _("Degraded land from year to year"), YEARLY, tuple(_yearly(found)))


def _crosswalk(found: Compared) -> Iterator[tuple[Cell, ...]]:
    """Rows of one kind add up to its land, and all of them to what is compared."""
    whole = float(found.pairs.sum())
    for kind, table in zip(found.ecosystems, found.pairs, strict=True):
        sizes = {CODES[code]: float(table[pair]) for pair, code in SAID.items()}
        sizes[CODES[NOT_KNOWN]] = float(table[UNKNOWN].sum() + table[:UNKNOWN, UNKNOWN].sum())
        yield from ((kind, name, size, 100 * size / whole) for name, size in sizes.items())


def _criteria(found: Compared) -> Iterator[tuple[Cell, ...]]:
    for (whose, key), row in found.criteria.items():
        yield from ((whose, key, said, float(row[code])) for code, said in ANSWERS.items())


def _priorities(found: Compared, asked: Definitions) -> Iterator[tuple[Cell, ...]]:
    high = [*(one.high for one in asked.priority.kinds), False] if asked.priority else []
    for whose in NAMES:
        for name, is_high, row in zip(found.priority_names, high, found.priorities[whose], strict=True):
            yield from ((whose, name, is_high, said, float(row[code])) for code, said in ANSWERS.items())


def _yearly(found: Compared) -> Iterator[tuple[Cell, ...]]:
    for (one, other), table in found.changes.items():
        sizes = dict(
            zip(("new", "gone", "still", "never"), (table[0, 1], table[1, 0], table[1, 1], table[0, 0]), strict=True)
        )
        sizes["not_known"] = table[UNKNOWN].sum() + table[:UNKNOWN, UNKNOWN].sum()
        yield from ((one, other, name, float(size)) for name, size in sizes.items())


def _basis(asked: Definitions, setting: Setting) -> dict[str, Any]:
    limits = {name: asdict(one) for name, one in (("minam", asked.minam), ("serfor", asked.serfor))}
    return {
        "criteria": {name: list(one.criteria) for name, one in setting.definitions.items()},
        "limits": _spelled(limits),
        "status_of_limits": "chosen: the institutions' own were not read",
        "patches_ha": asked.patches_ha,
    }


def _spelled(given: Any) -> Any:
    """Plain enough for JSON: files by name."""
    if isinstance(given, dict):
        return {key: _spelled(one) for key, one in given.items() if one is not None}
    if isinstance(given, list | tuple):
        return [_spelled(one) for one in given]
    return given if isinstance(given, str | int | float) else given.name
