"""What the part on land degradation (SDG indicator 15.3.1) of a restoration report is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Final, TypeVar

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import Field

from detection.errors import BadInput
from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.degradation.degradation import Cover, Improved
from jobs.reports.degradation.productivity import Productivity

Year = Annotated[int, Interval(ge=1950, le=2200)]
COVERS: Final = tuple(one.name.lower() for one in Cover)
"""Names of the seven classes."""


@parameters
class YearMap:
    """A GeoTIFF of one year."""

    year: Year
    """The year that it shows."""
    path: Path
    """The file, relative to the config."""
    band: Annotated[int, Ge(1)] = 1
    """Which band, from 1."""


@parameters
class Period:
    """From one year to another."""

    first: Year
    """First year."""
    last: Year
    """Last year."""

    def __post_init__(self) -> None:
        require((self.first < self.last, ("first", "last"), f"first {self.first} is not before last {self.last}"))


BASELINE: Final = Period(first=2000, last=2015)
PERIODS: Final = (Period(first=2016, last=2019), Period(first=2016, last=2023))
"""As the 2026 round asks for them (reporting manual of PRAIS 4, SO 1-4)."""


@parameters
class LandDegradation:
    """Degraded land as SDG indicator 15.3.1 counts it, and the tables of PRAIS 4."""

    cover: Annotated[tuple[YearMap, ...], MinLen(2)]
    """Land cover of the first and last year of the baseline and of every period, or of a year beside it; all on one grid."""
    classes: Annotated[Mapping[str, tuple[int, ...]], Field(examples=[{"forest": [1], "water": [7]}])]
    """Class -> codes of the land cover: forest, grassland, cropland, wetland, artificial, other, water. A code that is in none
    stops the report."""
    no_class: tuple[int, ...] = ()
    """Codes of the land cover that say that it is not known, e.g. cloud."""
    productivity: Annotated[Path, Field(examples=["out/archive/latest/index_yearly.tif"])]
    """A GeoTIFF with a band a year, each described by its year; `index_yearly.tif` of a job of kind history is one."""
    units: Path
    """A GeoTIFF of ecological units, numbers from 0: the best of each is what its cells are held against. Where the units end
    changes the answer."""
    soil: tuple[YearMap, ...] = ()
    """Soil organic carbon, tonnes a hectare, of the same years as the land cover. None: not assessed, and said so."""
    water: Path | None = None
    """A GeoTIFF, anything but 0 is inland water. Null: what the land cover calls water at the end of each period."""
    area: Path | None = None
    """GeoJSON of the land to report on. Null: wherever one of the maps of land cover says something."""
    baseline: Period = BASELINE
    """What later periods are held against."""
    periods: Annotated[tuple[Period, ...], MinLen(1)] = PERIODS
    """Reporting periods, each from after the baseline."""
    nearest: Annotated[int, Interval(ge=0, le=5)] = 1
    """A map of land cover or soil may be so many years off (chosen: the manual's own data stop a year early)."""
    change: Productivity = field(default_factory=Productivity)
    """What counts as a change of productivity; trend, state and performance look at as many years as it says, up to the last of a
    period, and so begin before it."""
    grain: Annotated[float, Gt(0)] = 0.0001
    """Mean productivity is rounded to this before the best of a unit is looked for (chosen: the step of our yearly index)."""
    soil_limit: Annotated[float, Interval(gt=0, lt=1)] = 0.10
    """Share of soil organic carbon beyond which a change counts (the manual's starting point, SO 1-3 step 5)."""
    improved: Improved = "any"
    """Land that is degraded by no part improved where `any` part did (as Trends.Earth counts), or where `every` part did."""
    own_rules: Path | None = None
    """A file with rules of your own, made like `jobs/reports/degradation/prais4.yaml`."""
    spots_ha: Annotated[float, Gt(0)] = 100.0
    """Hotspots and brightspots are at least so large (chosen)."""
    spots: Annotated[int, Interval(ge=0, le=200)] = 20
    """At most so many of each, the largest (chosen)."""

    def __post_init__(self) -> None:
        strange = [one for one in self.classes if one not in COVERS]
        codes = [code for some in (*self.classes.values(), self.no_class) for code in some]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        early = [one for one in self.periods if one.first < self.baseline.last]
        require(
            (not strange, ("classes",), f"there is no class {''.join(strange[:1])!r}; there are {', '.join(COVERS)}"),
            (bool(codes), ("classes",), "names no code; give the codes of each class"),
            (not twice, ("classes", "no_class"), f"code {twice[:1]} stands twice; a code has one meaning"),
            (_once(self.cover), ("cover",), "two maps are of one year; give one map a year"),
            (_once(self.soil), ("soil",), "two maps are of one year; give one map a year"),
            (not early, ("periods",), "a period begins before the baseline ends; begin it after"),
            (len(set(self.periods)) == len(self.periods), ("periods",), "a period stands twice; take one out"),
        )


def _once(maps: Sequence[YearMap]) -> bool:
    return len({one.year for one in maps}) == len(maps)


T = TypeVar("T")


def of_year(years: Mapping[int, T], year: int, within: int, what: str) -> int:
    """The year nearest to one asked for, the earlier of two; raises BadInput where none is within so many years."""
    found = min(sorted(years), key=lambda one: abs(one - year))
    if abs(found - year) > within:
        given = ", ".join(map(str, sorted(years)))
        raise BadInput(
            f"{what}: none of {year} or within {within} years of it; there are {given}: give one, or raise `nearest`"
        )
    return found
