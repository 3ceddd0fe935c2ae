"""What an event is made of: patches with a course each; and where and when it begins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from detection.simulator.draws import Dice
from detection.simulator.ground import DAYS_A_YEAR, KNOTS
from detection.simulator.parameters import Occurrence, Surface
from detection.simulator.shapes import EVEN, LOBES, Patch, patch_of, star_of
from detection.simulator.site import Site
from detection.types import to_day

Kind = Literal[
    "clearing", "large-clearing", "peat-clearing", "mining", "road", "logging", "fire", "blowdown", "landslide",
    "bamboo", "palm-felling", "drainage",
]  # fmt: skip
Knot = tuple[float, float]
"""(day since 1970, surface or strength)."""
FOREVER: Final = 40_000
"""A day after every scene."""
MONTH: Final = 30


@dataclass(frozen=True)
class Part:
    """One patch with its course. An event is one part or several."""

    event: str
    """Id of the event."""
    kind: Kind
    """Of the event."""
    patch: Patch
    """Where."""
    days: tuple[int, ...]
    """(KNOTS,) days since 1970, rising: the first is the day of change."""
    becomes: tuple[float, ...]
    """(KNOTS,) as in `ground.Layer`."""
    into: Surface = Surface.FELLED
    """A partial: the surface mixed in."""
    share: float = 1.0
    """A partial: how much of its ground it hurts at its worst, 0..1."""
    pattern: int = EVEN
    """A partial: EVEN, PATCHY or GAPS of `shapes`."""


@dataclass(frozen=True)
class Beginning:
    """Where and when one event begins."""

    site: Site
    """The place."""
    event: str
    """Id."""
    kind: Kind
    """What begins."""
    south: float
    """Southing, metres."""
    east: float
    """Easting, metres."""
    year: int
    """Year."""
    along: float
    """Bearing of the nearest river, radians from east towards south."""
    dice: Dice
    """Its random numbers."""

    @property
    def rule(self) -> Occurrence:
        """The numbers of its kind."""
        return self.site.world.kinds[self.kind]


def conversion(begin: Beginning, patch: Patch, knots: Sequence[Knot]) -> Part:
    """A patch that turns into other surfaces."""
    return Part(begin.event, begin.kind, patch, *_course(knots))


def partial(begin: Beginning, patch: Patch, knots: Sequence[Knot], how: tuple[Surface, float, int]) -> Part:
    """A patch that is hurt; how: towards what, how much at its worst, in which pattern."""
    into, share, pattern = how
    return Part(begin.event, begin.kind, patch, *_course(knots), into=into, share=share, pattern=pattern)


def _course(knots: Sequence[Knot]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Days and values of `KNOTS` knots; the last one given stays for good."""
    last, rest = knots[-1], KNOTS - len(knots)
    days = [int(day) for day, _ in knots] + [max(FOREVER, int(last[0])) + 1 + i for i in range(rest)]
    return tuple(days), tuple(float(value) for _, value in knots) + (float(last[1]),) * rest


def patch_at(begin: Beginning, area_ha: float, at: tuple[float, float] | None = None) -> Patch:
    """A patch of the world's shape and the kind's length and raggedness."""
    dice, centre = begin.dice, at or (begin.south, begin.east)
    aspect, bearing = dice.between(*begin.rule.aspect), math.pi * dice.uniform()
    if begin.site.world.land.shape == "lobed":
        return star_of(centre, area_ha, aspect, bearing, [dice.normal() for _ in range(2 * len(LOBES))])
    return patch_of(centre, area_ha, aspect, bearing, begin.rule.ragged)


def hectares(begin: Beginning) -> float:
    """A size by the kind's distribution."""
    median, sd, least, most = begin.rule.hectares
    return min(max(median * math.exp(sd * begin.dice.normal()), least), most)


def years_of(dice: Dice, years: tuple[float, float]) -> float:
    """Days of so many years."""
    return dice.between(*years) * DAYS_A_YEAR


def day_of(year: int, day_of_year: int) -> int:
    """Days since 1970."""
    return to_day(date(year, 1, 1)) + day_of_year - 1
