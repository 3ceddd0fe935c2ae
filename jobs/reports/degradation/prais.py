"""The tables of PRAIS 4 on strategic objective 1 as a workbook, one sheet a table, named as the platform names them.

Which table holds what is in the reporting manual (2026 round, chapter SO1 and country profile). The forms themselves were not
read: the headers are ours, of what the manual says is reported, and the sheets are to be typed or copied from, not uploaded.
SO1-1.T2 is asked for only of national classes; here it says which codes of the maps are which class. SO1-4.T3 is left to
people: satellites cannot tell a wrong answer from a right one. Areas in km2; what is unknown is told, never spread.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.reports.degradation.degradation import KNOWN, Cover
from jobs.reports.degradation.ldn_asked import LandDegradation, Period
from jobs.reports.degradation.neutrality import Counted
from jobs.reports.degradation.patches import Patch
from jobs.reports.degradation.productivity import Dynamics
from jobs.reports.degradation.rules import Rules
from jobs.reports.parts import Cell
from jobs.reports.workbook import workbook

Sheet = tuple[str, Sequence[str], Sequence[Sequence[Cell]]]
CLASSES: Final = (
    "Tree-covered areas", "Grassland", "Cropland", "Wetland", "Artificial surfaces", "Other land", "Water bodies", "No data",
)  # fmt: skip
"""In the order of `Cover`, as the manual names them."""
TRENDS: Final = ("Degraded", "Stable", "Improved", "No data")
"""In the order of CONDITIONS."""
MOVES: Final = ("No data", "Declining", "Moderate decline", "Stressed", "Stable", "Increasing")
"""In the order of `Dynamics`."""
SIMULATED_NOTE: Final = "SIMULATED: a map that goes in is invented. No figure here may be reported for a real place."
NO_SOIL_NOTE: Final = "Soil organic carbon was not assessed: no map of it was given."
FALSE_NOTE: Final = (
    "Not known from satellites: to be filled in by people who know the place. Empty does not mean that there are none."
)


def prais_workbook(
    found: Counted,
    asked: LandDegradation,
    rules: Rules,
    hot: Sequence[Patch],
    bright: Sequence[Patch],
    *,
    simulated: bool,
) -> bytes:
    """The .xlsx; what is simulated says so on a sheet before all others."""
    sheets = [
        *_cover(found, asked, rules),
        *_productivity(found),
        *_soil(found),
        *_indicator(found, rules, hot, bright),
    ]
    return workbook([("SIMULATED", (SIMULATED_NOTE,), ()), *sheets] if simulated else sheets)


def said(period: Period) -> str:
    """`2016-2019`."""
    return f"{period.first}-{period.last}"


def _cover(found: Counted, asked: LandDegradation, rules: Rules) -> Iterator[Sheet]:
    country = {year: float(km2.sum()) for year, km2 in found.covers.items()}
    land = [[year, whole - found.water[year], found.water[year], whole, None] for year, whole in country.items()]
    yield (
        "CP-1.T1",
        ("Year", "Total land area (km2)", "Water bodies (km2)", "Total country area (km2)", "Comments"),
        land,
    )
    yield (
        "SO1-1.T1",
        ("Degradation process", "Starting land cover", "Ending land cover", "Area in the baseline (km2)"),
        [*_processes(found, rules)],
    )
    codes = [
        [CLASSES[place], ", ".join(map(str, asked.classes.get(one.name.lower(), ())))]
        for place, one in enumerate(Cover)
    ]
    yield "SO1-1.T2", ("UNCCD land cover class", "Codes of the maps"), codes
    signs = [[name, *map(_sign, row)] for name, row in zip(CLASSES, rules.transitions, strict=False)]
    yield "SO1-1.T3", ("Original class / final class", *CLASSES[:-1]), signs
    extent = [[year, *km2.tolist()] for year, km2 in found.covers.items()]
    yield "SO1-1.T4", ("Year", *(f"{name} (km2)" for name in CLASSES)), extent
    head = ("Period", "Maps compared", "Original class / final class (km2)", *CLASSES, "Total")
    changes = [[*_changes(found, place)] for place in range(len(found.periods))]
    yield "SO1-1.T5", head, changes[0]
    yield "SO1-1.T6", head, [row for rows in changes[1:] for row in rows]
    yield (
        "SO1-1.T7",
        ("Period", "Land cover degradation", "Area (km2)", "Percent of total country area"),
        [
            [said(period), trend, km2, _percent(km2, country[found.cover_years[place][1]])]
            for place, period in enumerate(found.periods)
            for trend, km2 in zip(TRENDS, found.parts[place]["land_cover"].tolist(), strict=True)
        ],
    )


def _processes(found: Counted, rules: Rules) -> Iterator[Sequence[Cell]]:
    """The changes that count as degradation and occurred."""
    for before, after in zip(*np.nonzero(found.changes[0][:-1, :-1] * (np.array(rules.transitions) < 0)), strict=True):
        yield rules.processes[before][after], CLASSES[before], CLASSES[after], float(found.changes[0][before, after])


def _changes(found: Counted, place: int) -> Iterator[Sequence[Cell]]:
    first, last = found.cover_years[place]
    start = said(found.periods[place]), f"{first}, {last}"
    table = found.changes[place]
    for name, row in zip(CLASSES, table, strict=True):
        yield *start, name, *row.tolist(), float(row.sum())
    yield *start, "Total", *table.sum(0).tolist(), float(table.sum())


def _productivity(found: Counted) -> Iterator[Sheet]:
    order = [*range(1, len(Dynamics)), 0]
    head = ("Period", "Land cover class at its end", *(f"{MOVES[one]} (km2)" for one in order))
    tables = [
        [[said(period), name, *row[order].tolist()] for name, row in zip(CLASSES, found.dynamics[place], strict=True)]
        for place, period in enumerate(found.periods)
    ]
    yield "SO1-2.T1", head, tables[0]
    yield "SO1-2.T2", head, [row for rows in tables[1:] for row in rows]
    yield _conditions(found, "SO1-2.T3", "Land productivity degradation", "productivity")


def _soil(found: Counted) -> Iterator[Sheet]:
    head = ("Year", *(f"{name} (t/ha)" for name in CLASSES))
    stocks = [[year, *_mean(tonnes, km2)] for year, (km2, tonnes) in found.soil.items()]
    yield "SO1-3.T1", head, stocks or [_nothing(head)]
    name, titles, rows = _conditions(found, "SO1-3.T2", "SOC stock degradation", "soil")
    yield name, titles, rows or [_nothing(titles)]


def _nothing(head: Sequence[str]) -> list[Cell]:
    return [NO_SOIL_NOTE, *[None] * (len(head) - 1)]


def _mean(tonnes: NDArray[np.float64], km2: NDArray[np.float64]) -> list[float]:
    made: list[float] = (tonnes / np.where(km2 > 0, km2 * 100, np.nan)).tolist()
    return made


def _conditions(found: Counted, name: str, title: str, part: str) -> Sheet:
    rows = [
        [said(period), trend, km2, _percent(km2, found.land(place))]
        for place, period in enumerate(found.periods)
        for trend, km2 in zip(TRENDS, found.parts[place].get(part, np.zeros(0)).tolist(), strict=False)
    ]
    return name, ("Period", title, "Area (km2)", "Percent of total land area"), rows


def _indicator(found: Counted, rules: Rules, hot: Sequence[Patch], bright: Sequence[Patch]) -> Iterator[Sheet]:
    head = ("Period", "Condition in the baseline", "Condition in the period", "Status at its end", "Area (km2)")
    yield "SO1-4.T1", head, [*_status(found, rules)]
    yield "SO1-4.T2", (
        "Period", "Total land area (km2)", "Degraded land (km2)", "Degraded land (percent)", "Change since the baseline (km2)",
        "Change since the baseline (percentage points)",
    ), [*_degraded(found)]  # fmt: skip
    wrong = ("Kind", "Location", "Area (km2)", "Process", "Basis for judgement", "Period", "Note")
    yield "SO1-4.T3", wrong, [[kind, *[None] * 5, FALSE_NOTE] for kind in ("False positive", "False negative")]
    spots = ("Longitude", "Latitude", "Area (km2)", "Assessment process", "Drivers", "Actions taken", "Actions planned")
    for name, some, how in (
        ("SO1-4.T4", hot, "Degraded in the baseline and again in the last period; patches of touching cells"),
        ("SO1-4.T5", bright, "Degraded in the baseline, improved since; patches of touching cells"),
    ):
        yield name, spots, [[*one.degrees, one.hectares / 100, how, None, None, None] for one in some]


def _status(found: Counted, rules: Rules) -> Iterator[Sequence[Cell]]:
    for period, table in zip(found.periods[1:], found.pairs, strict=True):
        for before, row in enumerate(table.tolist()):
            for after, km2 in enumerate(row):
                both = before < len(KNOWN) and after < len(KNOWN)
                end = TRENDS[rules.status_matrix[before][after] + 1] if both else TRENDS[-1]
                yield said(period), TRENDS[before], TRENDS[after], end, km2


def _degraded(found: Counted) -> Iterator[Sequence[Cell]]:
    areas = [float(found.parts[0]["all"][0]), *(float(one[0]) for one in found.status)]
    shares = [_percent(km2, found.land(place)) for place, km2 in enumerate(areas)]
    for place, (period, km2, share) in enumerate(zip(found.periods, areas, shares, strict=True)):
        since = (None, None) if not place or share is None or shares[0] is None else (km2 - areas[0], share - shares[0])
        yield said(period), found.land(place), km2, share, *since


def _percent(km2: float, whole: float) -> float | None:
    return 100 * km2 / whole if whole > 0 else None


def _sign(one: int) -> str:
    return {-1: "-", 0: "0", 1: "+"}[one]
