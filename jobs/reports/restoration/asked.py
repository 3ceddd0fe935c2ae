"""What the section `restoration` of a config of kind `report` says."""

from pathlib import Path
from typing import Annotated, Final, Literal

from annotated_types import Gt, Interval, MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.degradation.definitions_asked import Definitions
from jobs.reports.degradation.ldn_asked import LandDegradation
from jobs.reports.restoration.mapping import countries
from jobs.reports.restoration.recovery import Measuring
from jobs.reports.restoration.register import YEARS
from jobs.reports.restoration.targets import peru

Named = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./-]{0,60}$", examples=["SERFOR"])]
Unit = Literal["ha", "km²"]
PROJECT: Final = r"[A-Za-z0-9][A-Za-z0-9-]{0,39}"
"""Code of a project in FAO's registry (chosen: what a file name and a column of a shapefile hold)."""
Year = Annotated[int, Interval(ge=YEARS[0], le=YEARS[1])]
STATED: Final = ("degraded", "recovery_gap", "restoration_gap", "prorest", "share")
"""What progress may be held against: figures of Peru, and the share of degraded land that Target 2 asks for."""


@parameters
class RegisterFile:
    """A register of areas under restoration."""

    name: Named
    """Name of the register, e.g. of who keeps it; two registers are never added up before their overlap is known."""
    path: Annotated[Path, Field(examples=["areas.gpkg"])]
    """GeoPackage, GeoJSON, KML or zipped shapefile, one layer, relative to the config file."""
    country: str | None = "PE"
    """Mapping of columns that comes along (`jobs/reports/restoration/mapping.PE.yaml`); null: give `columns`."""
    columns: Path | None = None
    """A mapping of columns of your own, made like that one, relative to the config file; it goes before `country`."""

    def __post_init__(self) -> None:
        there = countries()
        known = self.columns is not None or self.country in there
        text = (
            f"{self.country}: no mapping of columns comes along for it; there is {', '.join(there)}, or give `columns`"
        )
        require((known, ("country", "columns"), text))


@parameters
class RecoveryAsked:
    """How the registered areas do, seen from satellites."""

    history: Annotated[Path, Field(examples=["out/archive/latest"])]
    """Folder of the products of a job of kind history, relative to the config file: its index year by year is read."""
    baseline_first: Year = 2011
    """First year of the baseline (Decision 15/5 of the CBD: 2011 to 2020 where there are data)."""
    baseline_last: Year = 2020
    """Last year of the baseline."""
    frozen: Path | None = None
    """`restoration_baselines.csv` of an earlier report, relative to the config file: what was frozen then must still be so; areas
    that were registered since are frozen now. Null: all of them are frozen now."""
    measuring: Measuring = Measuring()
    """What counts as recovered."""

    def __post_init__(self) -> None:
        text = f"baseline_last {self.baseline_last} lies before baseline_first"
        require((self.baseline_first <= self.baseline_last, ("baseline_first", "baseline_last"), text))


@parameters
class Quota:
    """What a region is to restore; it has no areas of its own."""

    region: Annotated[str, MinLen(1), Field(examples=["Madre de Dios"])]
    """Name of the department, as the registers write it."""
    hectares: Annotated[float, Gt(0)]
    """To be restored there."""


@parameters
class Exchange:
    """Files for the systems of others."""

    project: Annotated[str, Field(pattern=f"^{PROJECT}$", examples=["PE-MDD"])] = "PE"
    """Beginning of the codes of areas in FAO's registry; of several registers each has its place in the list behind it."""
    year: Year | None = None
    """Year of the CBD's indicator 2.1; null: the last one in which an area began."""
    unit: Unit = "ha"
    """Of the CBD's indicator."""


@parameters
class RestorationReport:
    """How much is under restoration, how it does, and the files that restoration platforms take."""

    registers: Annotated[tuple[RegisterFile, ...], MinLen(1)]
    """Registers of areas."""
    recovery: RecoveryAsked | None = None
    """How the areas do; null: only what the registers say is told."""
    targets: tuple[str, ...] = STATED
    """What progress is held against (`jobs/reports/restoration/targets.PE.yaml`); `share`: 30 % of what is degraded."""
    quotas: tuple[Quota, ...] = ()
    """What each region is to restore."""
    exchange: Exchange = Exchange()
    """Files for the systems of others."""
    degradation: LandDegradation | None = None
    """Degraded land as SDG indicator 15.3.1 counts it, out of maps."""
    definitions: Definitions | None = None
    """The two national definitions of degraded land, held against each other."""

    def __post_init__(self) -> None:
        names, regions = [one.name for one in self.registers], [one.region.casefold() for one in self.quotas]
        figures = (*peru().figures, "share")
        strange = "".join([one for one in self.targets if one not in figures][:1])
        require(
            (len(set(names)) == len(names), ("registers",), "two registers have one name; give each its own"),
            (len(set(regions)) == len(regions), ("quotas",), "a region is named twice; name each once"),
            (not strange, ("targets",), f"`{strange}` is not among the figures; there are {', '.join(figures)}"),
        )
