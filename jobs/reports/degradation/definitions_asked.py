"""What the part on the two national definitions of degraded land is asked for.

The criteria are those that the two institutions state: MINAM, loss of vegetation cover, fragmentation and loss of primary
productivity; SERFOR (after ROAM), land overuse, slope and nearness to areas of high deforestation. Their limits are in no source
that we have: every number here is chosen by us, and the report says so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.degradation.ldn_asked import Year

Codes = Annotated[tuple[int, ...], MinLen(1)]
Share = Annotated[float, Interval(gt=0, lt=1)]
Metres = Annotated[float, Interval(gt=0, le=20_000)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,60}$", examples=["montane forest"])]
GIVE: Final = "give a ready `map`, or criteria to compute it from, and not both"


@parameters
class Classed:
    """A GeoTIFF of classes, some of which count."""

    path: Path
    """The file, relative to the config; its nodata is not known."""
    codes: Codes
    """Classes that count; all others do not."""
    band: Annotated[int, Ge(1)] = 1
    """Which band, from 1."""


@parameters
class CoverLoss:
    """Vegetation that was there and is not."""

    before: Path
    """GeoTIFF of land cover at first."""
    after: Path
    """The same later."""
    vegetation: Codes
    """Classes with vegetation."""


@parameters
class Fragmentation:
    """Forest that is still there, and around which too little is left."""

    before: Path
    """GeoTIFF of land cover at first."""
    after: Path
    """The same later."""
    forest: Codes
    """Classes of forest."""
    window_m: Metres = 990.0
    """Side of the square around a cell in which forest is counted (chosen)."""
    share: Share = 0.6
    """A cell is fragmented where the share of forest around it fell from at least this to less (chosen)."""


@parameters
class Bears:
    """Which uses land of some capacity bears."""

    capacity: Codes
    """Classes of capacity of use."""
    uses: tuple[int, ...]
    """Classes of land cover or use that it bears; any other is overuse."""


@parameters
class Overuse:
    """Land that is used for more than it bears."""

    capacity: Path
    """GeoTIFF of capacity of use (in Peru: capacidad de uso mayor)."""
    use: Path
    """GeoTIFF of land cover or use."""
    bears: Annotated[tuple[Bears, ...], MinLen(1)]
    """What land of each class of capacity bears. Which uses these are is for you to say: none comes along. Capacity that is in no
    entry is not known."""


@parameters
class Steep:
    """Land that is too steep."""

    terrain: Path
    """GeoTIFF of height, metres."""
    degrees: Annotated[float, Interval(gt=0, lt=90)] = 25.0
    """Slope from which on (chosen)."""


@parameters
class NearDeforestation:
    """Land near areas of high deforestation."""

    deforestation: Classed
    """Where forest was cleared."""
    window_m: Metres = 4950.0
    """Side of the square around a cell in which it is counted (chosen)."""
    share: Share = 0.1
    """Share of cleared land in it from which on deforestation there is high (chosen)."""
    within_m: Metres = 1000.0
    """How near is near, between the centres of cells (chosen)."""


@parameters
class Minam:
    """Degraded where vegetation was lost, forest fragmented, or productivity lost: any of them."""

    map: Classed | None = None
    """A ready map, e.g. the yearly one of the institution."""
    cover_loss: CoverLoss | None = None
    """Loss of vegetation cover."""
    fragmentation: Fragmentation | None = None
    """Fragmentation."""
    productivity: Classed | None = None
    """Loss of primary productivity."""

    def __post_init__(self) -> None:
        some = (self.cover_loss, self.fragmentation, self.productivity)
        require(((self.map is None) != (not any(some)), ("map",), GIVE))


@parameters
class Serfor:
    """Degraded where some of overuse, slope and nearness to high deforestation come together."""

    map: Classed | None = None
    """A ready map."""
    overuse: Overuse | None = None
    """Land overuse."""
    steep: Steep | None = None
    """Slope."""
    near_deforestation: NearDeforestation | None = None
    """Nearness to areas of high deforestation."""
    least: Annotated[int, Interval(ge=1, le=3)] = 2
    """Criteria that come together at least (chosen: a steep slope alone degrades no forest)."""

    def __post_init__(self) -> None:
        some = [one for one in (self.overuse, self.steep, self.near_deforestation) if one is not None]
        few = f"{self.least} criteria must come together and {len(some)} are given; give more, or lower `least`"
        require(
            ((self.map is None) != (not some), ("map",), GIVE),
            (self.map is not None or not some or len(some) >= self.least, ("least",), few),
        )


@parameters
class Kind:
    """Classes of a map under one name."""

    name: Name
    """As it stands in tables."""
    codes: Codes
    """Of the map."""
    high: bool = False
    """Of priorities: is it one of those that are added up as high?"""


@parameters
class Kinds:
    """A GeoTIFF of kinds of land; what is in none is told as other."""

    path: Path
    """The file, relative to the config."""
    kinds: Annotated[tuple[Kind, ...], MinLen(1)]
    """Its kinds."""
    band: Annotated[int, Ge(1)] = 1
    """Which band, from 1."""

    def __post_init__(self) -> None:
        names, codes = [one.name for one in self.kinds], [code for one in self.kinds for code in one.codes]
        require(
            (_once(names), ("kinds",), "two kinds have one name; name each once"),
            (_once(codes), ("kinds",), "a code is of two kinds; put it into one"),
        )


@parameters
class YearlyMap:
    """A map of degraded land of one year."""

    year: Year
    """The year that it shows."""
    map: Classed
    """The map."""


@parameters
class Definitions:
    """Two national definitions of degraded land, held against each other."""

    minam: Minam
    """By the Ministry of the Environment."""
    serfor: Serfor
    """By the forest service."""
    ecosystems: Kinds | None = None
    """By which the comparison is told apart."""
    priority: Kinds | None = None
    """Priorities of restoration, by which degraded land is told apart."""
    yearly: tuple[YearlyMap, ...] = ()
    """Maps of degraded land year by year, compared one with the next."""
    area: Path | None = None
    """GeoJSON of the land to report on. Null: wherever one of the two definitions says something."""
    patches_ha: Annotated[float, Gt(0)] = 5.0
    """Patches on which the definitions differ are drawn from this size on (chosen)."""
    patches: Annotated[int, Interval(ge=0, le=10_000)] = 500
    """At most so many, the largest (chosen)."""

    def __post_init__(self) -> None:
        years = [one.year for one in self.yearly]
        require(
            (_once(years), ("yearly",), "two maps are of one year; give one map a year"),
            (len(years) != 1, ("yearly",), "one map has nothing to be compared with; give two years or more"),
        )


def _once(values: Sequence[Any]) -> bool:
    return len(set(values)) == len(values)
