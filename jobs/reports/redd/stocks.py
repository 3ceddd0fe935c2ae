"""Carbon of a hectare: pools of a land use put together, and how much of it degraded forest still holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from detection.errors import BadInput
from jobs.reports.redd.quantity import Numbers, Quantity, require_unit

Pool = Literal["AGB", "BGB", "RS", "DW", "LI", "SOC", "DG_ratio", "ALL"]
"""Above- and below-ground biomass, root-to-shoot ratio, dead wood, litter, soil, what degraded forest holds of the intact one,
and a whole stock in one figure: as the REDD+ sheets code it."""
POOLS: Final[tuple[Pool, ...]] = ("AGB", "BGB", "RS", "DW", "LI", "SOC", "DG_ratio", "ALL")
BIOMASS: Final = ("AGB", "BGB")
RATIOS: Final = ("RS", "DG_ratio")
MeasuredIn = Literal["DM", "C"]
FRACTION: Final = "carbon_fraction"
"""Name of the carbon fraction among all quantities."""
CO2_OF_CARBON: Final = 44 / 12
"""Tonnes of CO2 of a tonne of carbon: masses of the molecule and the atom."""
Values = Mapping[str, float | Numbers]
"""Name of a quantity -> its value, or (n,) draws of it."""


@dataclass(frozen=True)
class Element:
    """A pool of a land use."""

    name: str
    """Unique, e.g. `EV_AGB`."""
    land_use: str
    """Of which land use."""
    pool: Pool
    """Which part of its carbon."""
    quantity: Quantity
    """How much a hectare holds, or the ratio."""


@dataclass(frozen=True)
class Stocks:
    """Carbon of all land uses."""

    elements: tuple[Element, ...]
    """All pools."""
    measured_in: MeasuredIn = "DM"
    """Biomass as dry matter, times the carbon fraction, or as carbon."""
    fraction: Quantity | None = None
    """Carbon of dry matter, the same for all."""
    degraded: str = "_deg"
    """What the name of a degraded land use ends in, behind that of the intact one."""
    degraded_pools: tuple[Pool, ...] = ("AGB", "BGB")
    """Pools that degradation thins by the ratio; the others stay as they were. `ALL`: the whole stock."""

    def __post_init__(self) -> None:
        if not self.degraded:
            raise BadInput("carbon stocks: no ending that tells degraded land uses; give one, e.g. _deg")
        if self.measured_in == "DM" and self.fraction is None:
            raise BadInput("carbon stocks are in dry matter, and there is no carbon fraction; give one")
        if self.fraction is not None and self.fraction.name != FRACTION:
            raise BadInput(f"carbon fraction: called {self.fraction.name!r}, expected {FRACTION!r}; rename it")
        if self.fraction is not None and not 0 < require_unit(self.fraction, "1").value <= 1:
            raise BadInput(
                f"{self.fraction.name}: carbon fraction {self.fraction.value:g}, expected one between 0 and 1"
            )
        seen: set[tuple[str, Pool]] = set()
        for one in self.elements:
            _check(one, self.measured_in)
            if (one.land_use, one.pool) in seen:
                raise BadInput(f"{one.name}: {one.pool} of {one.land_use} stands there twice; keep one")
            seen.add((one.land_use, one.pool))

    @property
    def land_uses(self) -> tuple[str, ...]:
        """All, in order of appearance."""
        return tuple(dict.fromkeys(one.land_use for one in self.elements))

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What they depend on."""
        shared = () if self.fraction is None or self.measured_in == "C" else (self.fraction,)
        return (*shared, *(one.quantity for one in self.elements))

    def of(self, land_use: str) -> dict[Pool, Quantity]:
        """Its pools; raises BadInput for a land use without any."""
        found = {one.pool: one.quantity for one in self.elements if one.land_use == land_use}
        if not found:
            raise BadInput(f"land use {land_use!r}: no carbon stock; there are {', '.join(self.land_uses)}")
        return found

    def intact(self, land_use: str) -> str:
        """The land use that it was before it was degraded."""
        return land_use.removesuffix(self.degraded)

    def check(self, land_uses: Iterable[str]) -> None:
        """Raises BadInput where one of these has no stock, or a ratio without the stock that it is a ratio of."""
        for one in land_uses:
            if "DG_ratio" in self.of(one):
                if self.intact(one) == one:
                    raise BadInput(
                        f"land use {one!r}: a ratio, but its name does not end in {self.degraded!r}; of what is it?"
                    )
                self.of(self.intact(one))

    def carbon(self, land_use: str, values: Values) -> float | Numbers:
        """tC/ha."""
        pools = self.of(land_use)
        if "DG_ratio" not in pools:
            return self._sum(pools, values, POOLS)
        whole = self.of(self.intact(land_use))
        ratio = values[pools["DG_ratio"].name]
        if "ALL" in self.degraded_pools or "ALL" in whole:
            return ratio * self._sum(whole, values, POOLS)
        left = tuple(one for one in POOLS if one not in self.degraded_pools)
        return ratio * self._sum(whole, values, self.degraded_pools) + self._sum(whole, values, left)

    def _sum(self, pools: Mapping[Pool, Quantity], values: Values, which: Sequence[Pool]) -> float | Numbers:
        """Carbon of these pools of a land use."""
        if "ALL" in pools:
            return values[pools["ALL"].name]
        of_dry = 1.0 if self.measured_in == "C" or self.fraction is None else values[self.fraction.name]
        total: float | Numbers = 0.0
        for pool in which:
            if pool == "BGB" and "RS" in pools and "AGB" in pools:
                total = total + values[pools["AGB"].name] * values[pools["RS"].name] * of_dry
            elif pool in pools and pool not in RATIOS:
                total = total + values[pools[pool].name] * (of_dry if pool in BIOMASS else 1.0)
        return total


def _check(one: Element, measured_in: MeasuredIn) -> None:
    value = one.quantity.value
    if one.pool not in POOLS:
        raise BadInput(f"{one.name}: pool {one.pool!r}, expected one of {', '.join(POOLS)}")
    dry = one.pool in BIOMASS and measured_in == "DM"
    require_unit(one.quantity, "1" if one.pool in RATIOS else "t dm/ha" if dry else "tC/ha")
    if value < 0:
        raise BadInput(f"{one.name}: {one.pool} {value:g} is negative; a stock is 0 or more")
    if one.pool == "DG_ratio" and value > 1:
        raise BadInput(f"{one.name}: degraded forest holding {value:g} of the intact one's carbon; expected 1 or less")
