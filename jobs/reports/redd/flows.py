"""What land gives off or takes up beside the difference of its stocks: forest that grows back, other gases of fires."""

from dataclasses import dataclass
from typing import Final

from detection.errors import BadInput
from jobs.reports.redd.activity import ACTIVITIES, Activity
from jobs.reports.redd.quantity import Numbers, Quantity, require_unit
from jobs.reports.redd.stocks import CO2_OF_CARBON, Values

Amount = float | Numbers
"""One figure, or (n,) draws of it."""
REGROWTH: Final[Activity] = "EN_RE"
"""Activity under which regrowth is reported."""
GRAMS: Final = 1000
"""g/kg in t/t."""


@dataclass(frozen=True)
class Regrowth:
    """Forest that grows back: removes area x growth x (1 + R) x CF x 44/12 a year (gains of eq. 2.4 of the IPCC)."""

    name: str
    """Unique."""
    period: str
    """Name of the period."""
    stratum: str
    """Where."""
    area: Quantity
    """ha that grow, on average over the period."""
    growth: Quantity
    """t dm/ha/yr above ground."""
    root_shoot: Quantity | None = None
    """Roots per shoots; None: roots are not counted."""

    def __post_init__(self) -> None:
        require_unit(self.growth, "t dm/ha/yr")
        _check_area(self.name, self.area)
        if self.root_shoot is not None:
            require_unit(self.root_shoot, "1")

    @property
    def activity(self) -> Activity:
        """Under which heading."""
        return REGROWTH

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it depends on."""
        return (self.area, self.growth, *(() if self.root_shoot is None else (self.root_shoot,)))

    def yearly(self, values: Values, years: int, fraction: Amount) -> Amount:
        """tCO2e a year, negative; fraction: carbon of dry matter."""
        roots = 0.0 if self.root_shoot is None else values[self.root_shoot.name]
        return -1.0 * values[self.area.name] * values[self.growth.name] * (1 + roots) * fraction * CO2_OF_CARBON


@dataclass(frozen=True)
class Fire:
    """Methane and nitrous oxide of forest that burnt: area x fuel x share that burns x sum of (g/kg x GWP) / 1000.

    Its CO2 is in the difference of stocks where the forest was lost, and is not counted again.
    """

    name: str
    """Unique."""
    period: str
    """Name of the period."""
    stratum: str
    """Where."""
    activity: Activity
    """Under which heading."""
    area: Quantity
    """ha that burnt, in the whole period."""
    fuel: Quantity
    """t dm/ha, e.g. the above-ground biomass of the land use."""
    combustion: Quantity
    """Share of the fuel that burns."""
    methane: Quantity
    """g CH4 per kg that burns."""
    nitrous: Quantity
    """g N2O per kg that burns."""
    gwp_methane: Quantity
    """Global warming potential of CH4."""
    gwp_nitrous: Quantity
    """Of N2O."""

    def __post_init__(self) -> None:
        _check_area(self.name, self.area)
        require_unit(self.fuel, "t dm/ha")
        for one in (self.methane, self.nitrous):
            require_unit(one, "g/kg")
        for one in (self.combustion, self.gwp_methane, self.gwp_nitrous):
            require_unit(one, "1")
        if not 0 <= self.combustion.value <= 1:
            raise BadInput(f"{self.name}: {self.combustion.value * 100:g} % of the fuel burns; expected 0 to 100 %")
        if self.activity not in ACTIVITIES:
            raise BadInput(f"{self.name}: activity {self.activity!r}, expected one of {', '.join(ACTIVITIES)}")

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it depends on."""
        gases = self.methane, self.nitrous, self.gwp_methane, self.gwp_nitrous
        return (self.area, self.fuel, self.combustion, *gases)

    def yearly(self, values: Values, years: int, fraction: Amount) -> Amount:
        """tCO2e a year, of a period of so many years."""
        gases = (self.methane, self.gwp_methane), (self.nitrous, self.gwp_nitrous)
        warming = sum(values[gas.name] * values[potential.name] for gas, potential in gases) / GRAMS
        return values[self.area.name] * values[self.fuel.name] * values[self.combustion.name] * warming / years


def _check_area(name: str, area: Quantity) -> None:
    if require_unit(area, "ha").value < 0:
        raise BadInput(f"{name}: area {area.value:g} ha is negative; give 0 or more")
