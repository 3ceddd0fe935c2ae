"""What a report of emissions is asked for: the section `redd` of a config."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.redd.activity import Activity
from jobs.reports.redd.montecarlo import FEWEST, MOST
from jobs.reports.redd.quantity import SHAPED, Distribution
from jobs.reports.redd.stocks import MeasuredIn, Pool

Percent = Annotated[float, Interval(ge=0, le=100)]
Category = Literal[
    "forest managed", "forest unmanaged", "cropland", "grassland", "wetlands", "settlements", "other"
]  # fmt: skip
"""Of a land matrix; the same as `landmatrix.CATEGORIES`."""


@parameters
class Figure:
    """A figure with what is not known of it: out of a set of factors, or given here."""

    factor: str | None = None
    """Name of a factor; its value, unit, error and source come with it."""
    value: float | None = None
    """The figure itself, where it is no factor."""
    se: Annotated[float, Ge(0)] | None = None
    """Its standard error; not half an interval."""
    distribution: Distribution | None = None
    """Shape of what it may be; null: normal, as its factor has it."""
    parameters: tuple[float, ...] = ()
    """Of shapes that need them: beta (a, b), uniform (lowest, highest), triangular and pert (lowest, likeliest, highest)."""
    source: str = ""
    """Where a figure that is given here comes from; stands in the report."""

    def __post_init__(self) -> None:
        given, shaped = self.value is not None, self.distribution in SHAPED
        exact = self.distribution == "constant"
        require(
            (given != (self.factor is not None), ("value", "factor"), "give a factor's name or a value, one of them"),
            (given or self.se is None, ("se",), "a standard error without a value; a factor brings its own"),
            (
                not given or shaped or exact or self.se is not None,
                ("se", "value"),
                "a value without a standard error; give one, or distribution: constant where it is exact",
            ),
            (
                len(self.parameters) == SHAPED.get(self.distribution or "", 0),
                ("parameters",),
                f"{len(self.parameters)} parameters, expected {SHAPED.get(self.distribution or '', 0)} for this distribution",
            ),
            (given or self.distribution in (None, "normal", "truncated normal", "lognormal", "constant"),
             ("distribution",), "a factor has a value and a standard error; take a shape that these describe"),
        )  # fmt: skip


@parameters
class PeriodAsked:
    """Whole years that are reckoned together."""

    name: Annotated[str, MinLen(1)]
    """As the activity data name it, e.g. `T1`."""
    first: Annotated[int, Interval(ge=1900, le=2200)]
    """First year."""
    last: Annotated[int, Interval(ge=1900, le=2200)]
    """Last year, within."""
    kind: Annotated[str, Field(pattern=r"^(REF|MON)[0-9]*$", examples=["REF"])]
    """`REF`: what is compared with; `MON`, `MON1`, `MON2`: what is compared."""


@parameters
class ClassMeaning:
    """What a class of an area estimate is a change of."""

    name: Annotated[str, MinLen(1)]
    """As the table has it."""
    activity: Activity
    """DF deforestation, DG degradation, EN enhancement, EN_AF afforestation, EN_RE restoration."""
    before: str
    """Land use before; `{stratum}` stands for the row's stratum."""
    after: str
    """Land use after."""


@parameters
class TransitionAreas:
    """A table of transitions."""

    kind: Literal["transitions"] = "transitions"
    """`transitions`: CSV with transition, period, stratum, activity, before, after, area_ha, se_ha."""
    path: Path
    """The file."""
    yearly: bool = False
    """Areas are those of one year of their period, not of all of it."""


@parameters
class EstimatedAreas:
    """Area estimates of an accuracy assessment."""

    kind: Literal["estimates"] = "estimates"
    """`estimates`: `area_estimates.csv` of the areas report, with period_start, period_end, stratum, class, area_ha, se_ha. Of a
    table that has rows of the stratum `all` these alone are taken; leave them out of a copy to tell strata apart."""
    path: Path
    """The file."""
    classes: Annotated[tuple[ClassMeaning, ...], MinLen(1)]
    """Classes that are changes."""
    unchanged: tuple[str, ...] = ()
    """Classes where nothing changed; a class that stands nowhere is refused."""
    yearly: bool = False
    """Areas are those of one year of their period, not of all of it."""


@parameters
class PoolAsked:
    """Carbon of a land use."""

    land_use: Annotated[str, MinLen(1)]
    """As the activity data name it; degraded land uses end in `stocks.degraded`."""
    pool: Pool
    """AGB, BGB, RS (roots per shoots), DW, LI, SOC, DG_ratio (what degraded forest holds of the intact one), ALL."""
    figure: Figure
    """t dm/ha of biomass, tC/ha of other pools, a ratio for RS and DG_ratio."""


@parameters
class StocksAsked:
    """Carbon of all land uses."""

    pools: Annotated[tuple[PoolAsked, ...], MinLen(1)]
    """Pools of land uses; two that name one factor err alike."""
    measured_in: MeasuredIn = "DM"
    """Biomass in dry matter (DM) or carbon (C)."""
    fraction: Figure | None = field(default_factory=lambda: Figure(factor="carbon_fraction"))
    """Carbon of dry matter."""
    degraded: Annotated[str, MinLen(1)] = "_deg"
    """What names of degraded land uses end in."""
    degraded_pools: tuple[Pool, ...] = ("AGB", "BGB")
    """Pools that degradation thins by its ratio."""


@parameters
class RegrowthAsked:
    """Forest that grows back."""

    name: Annotated[str, MinLen(1)]
    """Of the row."""
    period: str
    """Name of the period."""
    stratum: str
    """Where."""
    area: Figure
    """ha, on average over the period."""
    growth: Figure
    """t dm/ha/yr above ground."""
    root_shoot: Figure | None = None
    """Roots per shoots; null: roots are not counted."""


@parameters
class FireAsked:
    """Other gases than CO2 where forest burnt."""

    name: Annotated[str, MinLen(1)]
    """Of the row."""
    period: str
    """Name of the period."""
    stratum: str
    """Where."""
    activity: Activity
    """Under which heading."""
    land_use: str
    """Whose above-ground biomass is the fuel."""
    area: Figure
    """ha, in the whole period."""
    combustion: Figure = field(default_factory=lambda: Figure(factor="fire_combustion_humid"))
    """Share of the fuel that burns."""
    methane: Figure = field(default_factory=lambda: Figure(factor="fire_ch4"))
    """g/kg."""
    nitrous: Figure = field(default_factory=lambda: Figure(factor="fire_n2o"))
    """g/kg."""
    gwp_methane: Figure = field(default_factory=lambda: Figure(factor="gwp_ch4"))
    """Global warming potential."""
    gwp_nitrous: Figure = field(default_factory=lambda: Figure(factor="gwp_n2o"))
    """Global warming potential."""


@parameters
class OwnAccount:
    """An account put together here."""

    kind: Literal["own"] = "own"
    """`own`: periods, areas and stocks stand in this config and its tables."""
    periods: Annotated[tuple[PeriodAsked, ...], MinLen(2)]
    """What is compared with, and what is compared."""
    areas: Annotated[TransitionAreas | EstimatedAreas, Field(discriminator="kind")]
    """How much land changed."""
    stocks: StocksAsked
    """What it held."""
    regrowth: tuple[RegrowthAsked, ...] = ()
    """Forest that grows back."""
    fires: tuple[FireAsked, ...] = ()
    """Other gases of fires."""
    baseline: Figure | None = None
    """tCO2e a year that reductions are counted from; null: the mean of the reference period."""


@parameters
class WorkbookAccount:
    """An account out of a workbook."""

    kind: Literal["workbook"] = "workbook"
    """`workbook`: an .xlsx with the four sheets of Open Foris mocaredd, ours or theirs."""
    path: Path
    """The file; how often is drawn, seed and level stand in it."""


@parameters
class MonteCarlo:
    """How results are drawn."""

    draws: Annotated[int, Interval(ge=FEWEST, le=MOST)] = 10_000
    """Iterations; ART TREES 2.0 asks for 10,000."""
    seed: Annotated[int, Ge(0)] = 1
    """The same seed gives the same figures."""
    level: Annotated[float, Interval(ge=50, le=99.9)] = 90.0
    """Per cent of the intervals that are shown: 90 for ART TREES and the FCPF, 95 for the IPCC and reference levels. Discounts
    always take 90."""


@parameters
class Hfld:
    """High forest, low deforestation: a crediting level above the mean."""

    score: Annotated[float, Interval(ge=0, le=1)]
    """HFLD score."""
    carbon_stock_tco2: Annotated[float, Gt(0)]
    """Carbon stock of the forest, tCO2."""


@parameters
class Trees:
    """ART TREES 2.0."""

    buffer_percent: Percent = 5.0
    """Set aside against reversals; 5 in Guyana's workbook."""
    leakage_percent: Percent = 0.0
    """Taken off for leakage."""
    hfld: Hfld | None = None
    """For a jurisdiction of high forest and low deforestation."""


@parameters
class Schemes:
    """Which discounts are shown."""

    trees: Trees | None = field(default_factory=Trees)
    """ART TREES 2.0; null: not shown."""
    fcpf: bool = True
    """FCPF Carbon Fund."""
    gcf_sheet: bool = False
    """What the Open Foris sheet calls GCF: its formula alone, not the scorecard of the Fund."""


@parameters
class InitialArea:
    """Land at the beginning of the first year."""

    category: Category
    """Use of land in the inventory."""
    area_ha: Annotated[float, Ge(0)]
    """Hectares."""


@parameters
class UseCategory:
    """What a land use is in the inventory."""

    land_use: str
    """As the activity data name it."""
    category: Category
    """Use of land in the inventory."""


@parameters
class Land:
    """A land matrix for the greenhouse-gas inventory."""

    initial: Annotated[tuple[InitialArea, ...], MinLen(1)]
    """Land at the beginning of the first year."""
    uses: Annotated[tuple[UseCategory, ...], MinLen(1)]
    """What every land use is."""


@parameters
class ReddReport:
    """A report of emissions from forest and their reduction."""

    account: Annotated[OwnAccount | WorkbookAccount, Field(discriminator="kind")]
    """Areas and carbon."""
    factors: tuple[Path, ...] = ()
    """Your own sets of factors; one of a name that ships takes its place."""
    monte_carlo: MonteCarlo = field(default_factory=MonteCarlo)
    """How results are drawn."""
    schemes: Schemes = field(default_factory=Schemes)
    """Which discounts are shown."""
    land: Land | None = None
    """The land matrix; null: none."""
    beside: tuple[str, ...] = ("frel_2021_modified",)
    """Factors, in tCO2e/yr, that stand beside the result for comparison: Peru's reference level."""
