"""What the section `claims` of a config of kind `report` says: the numbers of texts, with the words they stand in."""

from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Final

from annotated_types import Ge, Interval, Lt, MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import Rule, require
from jobs.reports.claims.numbers import COARSEST, WHOLE, Bounds, How, rounded

UNITS: Final = {
    "areas": {"ha": 1.0, "km2": 100.0, "m2": 1e-4},
    "per_year": {"t/yr": 1.0, "kt/yr": 1e3, "Mt/yr": 1e6},
    "total": {"t": 1.0, "kt": 1e3, "Mt": 1e6},
    "years": {"yr": 1.0},
    "area_per_tonne": {"m2/t": 1.0, "ha/t": 1e4},
    "reduction": {"%": 1.0},
    "baseline_loss": {"ha/yr": 1.0, "km2/yr": 100.0},
    "observed_loss": {"ha/yr": 1.0, "km2/yr": 100.0},
}
"""Key of a claim -> unit -> how many of its first one that is; tonnes are those of CO2."""
DAYS_A_YEAR: Final = 365.25


@parameters
class Said:
    """A number of a text."""

    value: float
    """The number."""
    unit: Annotated[str, Field(examples=["ha"])] | None = None
    """Its unit; null: the first of those that the key takes: areas `ha, km2, m2`; tonnes of CO2 a year `t/yr, kt/yr, Mt/yr`, in
    all `t, kt, Mt`; area a tonne `m2/t, ha/t`; reduction `%`; loss `ha/yr, km2/yr`."""
    how: How = "exact"
    """How the text puts it: `exact`, `about`, `over`, `up to`."""
    se: Annotated[float, Ge(0)] | None = None
    """Standard error, of a loss that was estimated; in the same unit."""
    of: str = ""
    """Of what, where a text names several: numbers of the same thing must agree."""
    quote: Annotated[str, Field(examples=["approx. 300,000 hectares"])]
    """The words it stands in."""
    source: Annotated[str, Field(examples=["project page, 2013"])]
    """Where these words are."""


@parameters
class Dates:
    """A period of a text: from its first day to its last."""

    start: Annotated[date, Field(examples=["2010-01-01"])]
    """First day."""
    end: Annotated[date, Field(examples=["2040-12-31"])]
    """Last day, which is part of it."""
    quote: Annotated[str, Field(examples=["a crediting period of 31 years"])]
    """The words it stands in."""
    source: Annotated[str, Field(examples=["project page, 2013"])]
    """Where these words are."""

    def __post_init__(self) -> None:
        require((self.start <= self.end, ("end", "start"), f"end {self.end} lies before start {self.start}"))

    @property
    def years(self) -> float:
        """Its length."""
        return ((self.end - self.start).days + 1) / DAYS_A_YEAR


@parameters
class Verified:
    """A verification that a text tells of."""

    on: Annotated[date, Field(examples=["2015-06-30"])]
    """Day of the verification."""
    start: date | None = None
    """First day of what was verified; null: not told."""
    end: date | None = None
    """Last day of what was verified; null: not told."""
    tonnes: float | None = None
    """Tonnes of CO2 that were verified; null: not told."""
    quote: Annotated[str, Field(examples=["verified in 2015"])]
    """The words it stands in."""
    source: Annotated[str, Field(examples=["project page, 2016"])]
    """Where these words are."""

    def __post_init__(self) -> None:
        both = (self.start is None) == (self.end is None)
        later = self.start is None or self.end is None or self.start <= self.end
        require(
            (both, ("end", "start"), "start and end belong together; give both, or none"),
            (later, ("end", "start"), f"end {self.end} lies before start {self.start}"),
        )


@parameters
class Shared:
    """Land that a claim has in common with another."""

    claim: Annotated[str, Field(examples=["other-project"])]
    """Name of the other claim of this file."""
    area_ha: Annotated[float, Ge(0)]
    """Hectares in common."""
    source: Annotated[str, Field(examples=["overlay of both boundaries"])]
    """How that is known."""


@parameters
class Claim:
    """A project and the numbers that are told of it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["brazil-nut"])]
    """Name of the claim: small letters, digits and hyphens, at most 41."""
    about: str = ""
    """The project, for people; empty: its name."""
    areas: tuple[Said, ...] = ()
    """Areas."""
    per_year: tuple[Said, ...] = ()
    """Tonnes of CO2 avoided or removed a year."""
    total: tuple[Said, ...] = ()
    """Tonnes of CO2 over the whole period."""
    years: tuple[Said, ...] = ()
    """Lengths of the period, years."""
    periods: tuple[Dates, ...] = ()
    """The period, as dates."""
    area_per_tonne: tuple[Said, ...] = ()
    """Area that is protected for each tonne."""
    reduction: tuple[Said, ...] = ()
    """Per cent by which loss lies below the baseline."""
    baseline_loss: Said | None = None
    """Loss of forest a year without the project, with its standard error."""
    observed_loss: Said | None = None
    """Loss of forest a year as it was, with its standard error."""
    verified: tuple[Verified, ...] = ()
    """Verifications."""
    shares: tuple[Shared, ...] = ()
    """Land in common with other claims of this file."""

    def __post_init__(self) -> None:
        require(*(rule for kind, said in self.statements() for rule in _unit(kind, said)))

    def statements(self) -> tuple[tuple[str, Said], ...]:
        """Every number with the key it stands under."""
        found: list[tuple[str, Said]] = []
        for one in (each.name for each in fields(self) if each.name in UNITS):
            value = getattr(self, one)
            found += [(one, said) for said in (value if isinstance(value, tuple) else (value,)) if said is not None]
        return tuple(found)


def _unit(kind: str, said: Said) -> tuple[Rule, ...]:
    known, loss = said.unit is None or said.unit in UNITS[kind], kind in ("baseline_loss", "observed_loss")
    return (
        (known, (kind,), f"unit `{said.unit}` does not fit; {kind} takes {', '.join(UNITS[kind])}"),
        (loss or said.se is None, (kind,), "a standard error belongs to a loss alone"),
    )


def unit_of(kind: str, said: Said) -> str:
    """As stated, or the first of its kind."""
    return said.unit or next(iter(UNITS[kind]))


def bounds_of(kind: str, said: Said) -> Bounds:
    """The number in the first unit of its kind, with what its rounding leaves open.

    A reduction is off by no more than that share of the loss that is left, for that is what is measured: 80 % by one point.
    """
    coarsest = COARSEST * abs(WHOLE - said.value) if kind == "reduction" else None
    return rounded(said.value, said.how, coarsest) * UNITS[kind][unit_of(kind, said)]


@parameters
class ClaimsReport:
    """Whether the numbers of texts bear each other out."""

    claims: Annotated[tuple[Claim, ...], MinLen(1)]
    """The texts."""
    simulated: bool = False
    """The texts, or numbers given beside them, are made up: said wherever a figure stands."""
    level: Annotated[float, Interval(ge=0.5), Lt(1)] = 0.95
    """Level of intervals that come from standard errors."""
    own_plausible: Path | None = None
    """A file of your own with what a hectare may hold and how fast forest goes, made like
    `jobs/reports/claims/plausible-peru.yaml`; null takes that."""

    def __post_init__(self) -> None:
        names = [one.name for one in self.claims]
        others = [share.claim for one in self.claims for share in one.shares if share.claim not in names]
        selves = [one.name for one in self.claims if one.name in {share.claim for share in one.shares}]
        require(
            (len(set(names)) == len(names), ("claims",), "two claims share a name; give each its own"),
            (not others, ("claims",), f"shares names `{''.join(others[:1])}`, but there are {', '.join(names)}"),
            (not selves, ("claims",), f"`{''.join(selves[:1])}` shares land with itself; name the other claim"),
        )
