"""What is registered: how much land, how much of it twice, and how far that goes of what was promised."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import fsum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from jobs.reports.restoration.asked import RegisterFile, RestorationReport
from jobs.reports.restoration.equalarea import Measured, Shared, shared
from jobs.reports.restoration.mapping import Columns, read_mapping, shipped
from jobs.reports.restoration.register import Register, RestorationArea, read_register
from jobs.reports.restoration.targets import Figure, Progress, Targets, degraded_share, peru, progress

CLAIMED: Final = (
    ("recovery_gap", "minam_2018_2023"), ("restoration_gap", "serfor_2018_2024"), ("prorest", "serfor_2018_2024"),
)  # fmt: skip
"""(target, what an institution says it has done of it), each as in the national dialogue: its own gap, and ProREST."""
PREPARING: Final = 1
"""FERM's status of what has not begun yet: `In preparation`."""


@dataclass(frozen=True)
class Land:
    """Registers, measured."""

    registers: tuple[Register, ...]
    """In the order of the config."""
    year: int
    """By whose end areas count as under restoration."""
    within: tuple[Shared, ...]
    """Areas of one register that claim the same land."""
    between: tuple[Shared, ...]
    """Areas of different registers that do."""

    @cached_property
    def areas(self) -> tuple[tuple[str, RestorationArea], ...]:
        """(name of the register, area), register by register."""
        return tuple((one.name, area) for one in self.registers for area in one.areas)

    @cached_property
    def measured(self) -> Measured:
        """Their shapes."""
        return Measured([area.geometry for _, area in self.areas])

    @property
    def hectares(self) -> NDArray[np.float64]:
        """(area,) of each."""
        return self.measured.hectares

    @cached_property
    def begun(self) -> tuple[int, ...]:
        """Places of the areas where restoration has begun: what is still in preparation is not under restoration."""
        return self.places(lambda _, area: begun(area, self.year))

    def places(self, wanted: Callable[[str, RestorationArea], bool]) -> tuple[int, ...]:
        """Places of areas that are wanted."""
        return tuple(place for place, (name, area) in enumerate(self.areas) if wanted(name, area))

    def union(self, places: Sequence[int]) -> float:
        """Hectares of areas together; land of several counts once."""
        return self.measured.union(places)

    @cached_property
    def under_restoration(self) -> float:
        """Hectares where restoration has begun."""
        return self.union(self.begun)

    @cached_property
    def sums(self) -> dict[str, float]:
        """Register -> hectares where restoration has begun, each measured by itself."""
        mine = {one.name: [p for p in self.begun if self.areas[p][0] == one.name] for one in self.registers}
        return {name: self.union(places) for name, places in mine.items()}

    @property
    def counted_twice(self) -> float:
        """Hectares by which the registers' own figures, added up, are too many."""
        return fsum(self.sums.values()) - self.under_restoration

    @cached_property
    def begun_together(self) -> Register:
        """All areas where restoration has begun as one register, ids behind the names of theirs."""
        found = (self.areas[place] for place in self.begun)
        named = [replace(area, id=f"{name}/{area.id}") for name, area in found]
        return Register("all registers", tuple(sorted(named, key=lambda one: one.id)))


def begun(area: RestorationArea, year: int) -> bool:
    """Has restoration begun there by the end of a year? One that does not say when it begins and is not in preparation has."""
    return area.status != PREPARING and (area.year_start is None or area.year_start <= year)


def read_land(asked: RestorationReport) -> Land:
    """The registers of a config, measured. Raises as `read_register`, naming the register."""
    registers = tuple(_read(one) for one in asked.registers)
    began = [area.year_start for one in registers for area in one.areas if area.year_start is not None]
    year = asked.exchange.year or max(began, default=None)
    if year is None:
        raise BadInput("restoration: no area says when it began; map a column to `year_start`, or give exchange.year")
    return together(registers, year)


def together(registers: Sequence[Register], year: int) -> Land:
    """Registers as one by the end of a year: the union of their areas, never the sum of their hectares."""
    places = [place for one in registers for place in one.places]
    return Land(tuple(registers), year, shared(places, within=True), shared(places, within=False))


def _read(asked: RegisterFile) -> Register:
    return read_register(asked.path, columns_of(asked), asked.name)


def columns_of(asked: RegisterFile) -> Columns:
    """The mapping of a register."""
    return read_mapping(asked.columns) if asked.columns else shipped(str(asked.country))


def inputs(asked: RestorationReport) -> tuple[Path, ...]:
    """Files of registers and their mappings."""
    return tuple(path for one in asked.registers for path in (one.path, one.columns) if path is not None)


@dataclass(frozen=True)
class Held:
    """What is done, held against what was stated."""

    by: str
    """Who did it: `all registers`, or the name of a stated figure."""
    region: str
    """Name of the region; empty: all of the country."""
    progress: Progress
    """The rest."""


def against(asked: RestorationReport, land: Land, stated: Targets | None = None) -> Iterator[Held]:
    """The registers against every target, regions against their quotas, and what institutions state against the gaps.

    Stated figures have no areas: each is held against a target by itself, never added to another one.
    """
    told = peru() if stated is None else stated
    for target in asked.targets:
        figure = degraded_share(told) if target == "share" else told.figures[target]
        yield Held("all registers", "", progress(figure, Figure("all registers", land.under_restoration)))
    for target, done in CLAIMED:
        if target in asked.targets:
            yield Held(done, "", progress(told.figures[target], told.figures[done]))
    for quota in asked.quotas:
        key = quota.region.casefold()
        mine = [place for place in land.begun if land.areas[place][1].department.casefold() == key]
        yield Held(
            "all registers", quota.region, progress(Figure("quota", quota.hectares), Figure(key, land.union(mine)))
        )
