"""Land degradation (SDG indicator 15.3.1) as a piece of the restoration report: sentences, tables, a map, the PRAIS workbook."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from jobs.reports.degradation.classmap import drawn
from jobs.reports.degradation.ldn_asked import LandDegradation
from jobs.reports.degradation.ldn_maps import open_maps
from jobs.reports.degradation.ldn_wording import COVER_NAMES, PART_NAMES, PLACES, TITLE, plain, told, unknown
from jobs.reports.degradation.neutrality import (
    BRIGHT,
    COVERED,
    DEGRADED,
    HOT,
    IMPROVED,
    STABLE,
    UNKNOWN,
    WATER,
    Counted,
    Progress,
    count,
)  # fmt: skip
from jobs.reports.degradation.patches import layer, patches
from jobs.reports.degradation.prais import prais_workbook, said
from jobs.reports.degradation.rules import SHIPPED, Rules, read_rules
from jobs.reports.parts import Cell, Chart, Column, Table, coded
from jobs.reports.piece import Piece
from jobs.words import Words, _

WORKBOOK: Final = "prais4_SO1-4.xlsx"
MAP_TITLE: Final = _("Where land is degraded at the end of the last period")
YEARS: Final = Column("period", "", _("Years"))
KM2: Final = Column("area_km2", "km2", _("Area"))
PERCENT: Final = Column("percent_of_land", "%", _("Of all land without inland water"))
INDICATOR: Final = (
    YEARS,
    Column("land_km2", "km2", _("Land without inland water")),
    *(Column(f"{name}_km2", "km2", text) for name, text in PLACES.items()),
    Column("degraded_percent", "%", _("Degraded land, of all land without inland water: indicator 15.3.1")),
    Column("inland_water_km2", "km2", _("Inland water")),
)
PARTS_COLUMNS: Final = (
    YEARS, Column("sign", "", _("Sign of degradation"), says=coded(PART_NAMES)),
    Column("condition", "", _("What became of the land"), says=coded(PLACES)), KM2, PERCENT,
)  # fmt: skip
PAIRS: Final = (
    YEARS, Column("baseline", "", _("In the baseline"), says=coded(PLACES)),
    Column("in_period", "", _("In the period"), says=coded(PLACES)), KM2, PERCENT,
)  # fmt: skip
CHANGES: Final = (
    YEARS, Column("from_cover", "", _("Land cover before"), says=coded(COVER_NAMES)),
    Column("to_cover", "", _("Land cover after"), says=coded(COVER_NAMES)), KM2,
)  # fmt: skip
LEGEND: Final = (
    (DEGRADED, PLACES["degraded"], "#d55e00"), (STABLE, PLACES["stable"], "#e6e0c8"), (IMPROVED, PLACES["improved"], "#009e73"),
    (UNKNOWN, PLACES["unknown"], "#8c8c8c"), (WATER, COVER_NAMES["water"], "#56b4e9"),
)  # fmt: skip
"""Colours of Okabe and Ito (2008), a pale one and a grey."""


def ldn_piece(asked: LandDegradation, place: str, progress: Progress = lambda *_: None) -> Piece:
    """The piece that a config asks for; place: name of the area, for the layers.

    Raises BadInput, GridMismatch and ConfigError with what to mend in one line.
    """
    rules = read_rules(asked.own_rules or SHIPPED)
    maps = open_maps(asked)
    simulated = any(one.simulated for one in maps.planes)
    found = count(maps, rules, progress=progress)
    hot, bright = (patches(found.map, code, found.grid, asked.spots_ha)[: asked.spots] for code in (HOT, BRIGHT))
    spots = [*(({"place": place, "kind": "hotspot"}, one) for one in hot)]
    spots += [({"place": place, "kind": "brightspot"}, one) for one in bright]
    own = () if asked.own_rules is None else (asked.own_rules,)
    area = () if asked.area is None else (asked.area,)
    return Piece(
        lambda words: tuple(plain(found, asked, words)),
        lambda words: tuple(unknown(found, asked, rules, words)),
        tuple(_tables(found)),
        (Chart("ldn_map", MAP_TITLE, partial(_map, found), lambda words: tuple(told(found, words))),),
        (layer("ldn_spots", found.grid, spots),) if spots else (),
        {WORKBOOK: prais_workbook(found, asked, rules, hot, bright, simulated=simulated)},
        tuple(dict.fromkeys((*(one.path for one in maps.planes), *area, *own))),
        {"land_degradation": _basis(asked, found, rules)},
        simulated,
    )


def _map(found: Counted, words: Words) -> str:
    shown = found.map.copy()
    shown[shown == HOT], shown[shown == BRIGHT] = DEGRADED, IMPROVED
    return drawn(shown, found.grid, LEGEND, words.say(MAP_TITLE), words)


def _tables(found: Counted) -> Iterator[Table]:
    yield Table("ldn_indicator", TITLE, INDICATOR, tuple(_indicator(found)))
    yield Table("ldn_signs", _("What each sign of degradation says"), PARTS_COLUMNS, tuple(_parts(found)))
    yield Table("ldn_status", _("The baseline and the periods after it"), PAIRS, tuple(_pairs(found)))
    yield Table("ldn_cover_change", _("Change of land cover"), CHANGES, tuple(_changes(found)))


def _indicator(found: Counted) -> Iterator[tuple[Cell, ...]]:
    for place, (period, one) in enumerate(zip(found.periods, (found.parts[0]["all"], *found.status), strict=True)):
        land = found.land(place)
        yield said(period), land, *one.tolist(), _percent(one[0], land), found.water[found.cover_years[place][1]]


def _parts(found: Counted) -> Iterator[tuple[Cell, ...]]:
    for place, (period, parts) in enumerate(zip(found.periods, found.parts, strict=True)):
        for name, row in parts.items():
            for condition, km2 in zip(PLACES, row.tolist(), strict=True):
                yield said(period), name, condition, km2, _percent(km2, found.land(place))


def _pairs(found: Counted) -> Iterator[tuple[Cell, ...]]:
    for place, (period, table) in enumerate(zip(found.periods[1:], found.pairs, strict=True), 1):
        for before, row in zip(PLACES, table.tolist(), strict=True):
            for after, km2 in zip(PLACES, row, strict=True):
                yield said(period), before, after, km2, _percent(km2, found.land(place))


def _changes(found: Counted) -> Iterator[tuple[Cell, ...]]:
    for period, table in zip(found.periods, found.changes, strict=True):
        for before, row in zip(COVERED, table.tolist(), strict=True):
            yield from ((said(period), before, after, km2) for after, km2 in zip(COVERED, row, strict=True) if km2)


def _percent(km2: float, land: float) -> float | None:
    return float(100 * km2 / land) if land > 0 else None


def _basis(asked: LandDegradation, found: Counted, rules: Rules) -> dict[str, Any]:
    return {
        "rules": {"name": rules.name, **{block: list(said) for block, said in rules.sources.items()}},
        "change": asdict(asked.change),
        "cover_years": [list(years) for years in found.cover_years],
        "soil_years": [list(years) for years in found.soil_years] or "not assessed",
        "soil_limit": asked.soil_limit,
        "improved": asked.improved,
        "spots_ha": asked.spots_ha,
    }
