"""How far restoration has come: shares of targets and gaps, and several registers as one, with shared land counted once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from detection.errors import BadInput
from jobs.reports.restoration.equalarea import Shared, hectares, shared
from jobs.reports.restoration.register import Register
from jobs.yamlfile import parse

FILE: Final = "targets.PE.yaml"


@dataclass(frozen=True)
class Figure:
    """Hectares that somebody states, without the areas they are the size of."""

    name: str
    """Of the figure."""
    hectares: float
    """As they are stated."""
    about: str = ""
    """What they are, and who says so."""


@dataclass(frozen=True)
class Targets:
    """What a country has stated."""

    source: str
    """Where it was read."""
    status: str
    """How sure it is: `verified`, `secondary` or `unverified`."""
    figures: Mapping[str, Figure]
    """By name."""
    share: float
    """Of what is degraded that is to be under restoration, 0..1."""


@dataclass(frozen=True)
class Progress:
    """What is done of a target or a gap."""

    target: Figure
    """What it is held against."""
    hectares: float
    """Done."""

    @property
    def percent(self) -> float:
        """Of the target."""
        return 100 * self.hectares / self.target.hectares

    @property
    def left(self) -> float:
        """Hectares that are not done; none where there is more than the target."""
        return max(self.target.hectares - self.hectares, 0.0)


@dataclass(frozen=True)
class Together:
    """Registers as one."""

    hectares: float
    """Of the union of all their areas."""
    each: Mapping[str, float]
    """Register -> hectares of the union of its own areas, by name."""
    twice: tuple[Shared, ...]
    """Areas of different registers that claim the same land, with where."""

    @property
    def counted_twice(self) -> float:
        """Hectares by which the sum of the registers is too large."""
        return sum(self.each.values()) - self.hectares


@lru_cache(maxsize=1)
def peru() -> Targets:
    """What Peru has stated, as far as it was read."""
    data = parse((files("jobs.reports.restoration") / FILE).read_text(encoding="utf-8"), Path(FILE)).data
    figures = {name: Figure(name, float(one["value"]), one["about"]) for name, one in data["figures"].items()}
    return Targets(data["source"], data["status"], figures, float(data["share"]))


def degraded_share(targets: Targets) -> Figure:
    """Hectares that are to be under restoration: the share of what is degraded."""
    degraded = targets.figures["degraded"]
    return Figure("share", targets.share * degraded.hectares, f"{100 * targets.share:g} % of: {degraded.about}")


def progress(target: Figure, done: Figure | Together) -> Progress:
    """What is done of a target; raises BadInput for one of no hectares."""
    if not target.hectares > 0:
        raise BadInput(f"target {target.name}: {target.hectares} hectares; expected more than none")
    return Progress(target, done.hectares)


def together(parts: Sequence[Register | Figure]) -> Together:
    """Registers as one, in any order: the union of their areas, never the sum of their hectares.

    Raises BadInput for a figure without areas beside others, since nobody can tell what it counts twice; for two registers of
    one name; for none.
    """
    stated = [one for one in parts if isinstance(one, Figure)]
    registers = sorted((one for one in parts if isinstance(one, Register)), key=lambda one: one.name)
    if stated:
        raise BadInput(
            f"{stated[0].name}: {stated[0].hectares:,.2f} ha without areas cannot be added to anything: what it shares with "
            "the others cannot be tested; give its register"
        )
    names = [one.name for one in registers]
    if not names or len(set(names)) < len(names):
        raise BadInput(f"registers {names}: expected at least one, each with a name of its own")
    places = [place for one in registers for place in one.places]
    each = {one.name: hectares([area.geometry for area in one.areas]) for one in registers}
    return Together(hectares([place.geometry for place in places]), each, shared(places, within=False))


def by_region(quotas: Sequence[Figure], registers: Sequence[Register]) -> tuple[Progress, ...]:
    """Progress against the quotas of regions, which have no areas of their own: by the department that each area names."""
    made = []
    for quota in quotas:
        key = quota.name.casefold()
        mine = [one.geometry for part in registers for one in part.areas if one.department.casefold() == key]
        made.append(progress(quota, Figure(quota.name, hectares(mine))))
    return tuple(made)
