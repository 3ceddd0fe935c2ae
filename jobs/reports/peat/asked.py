"""What the section `peat` of a config of kind `report` says."""

from dataclasses import field
from pathlib import Path
from typing import Annotated

from annotated_types import Interval
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.peat.areas import EARLIEST
from jobs.reports.peat.factors import Status, nearest, shipped
from jobs.reports.peat.peat import Sampling

Year = Annotated[int, Interval(ge=EARLIEST, le=2200)]


@parameters
class PeatReport:
    """Emissions of disturbed peat."""

    areas: Annotated[Path, Field(examples=["peat-areas.csv"])]
    """A CSV of what happened to peat: `peat_stratum, disturbance, year, area_ha, se_ha`, and perhaps `until_year`, the last year
    in which it was so: a hectare that went on to something else counts twice without it. Or a table of area estimates of single
    years whose strata and classes are those."""
    first_year: Year
    """First year whose emissions are told; what was drained before still emits."""
    last_year: Year
    """Last year whose emissions are told."""
    factors: Annotated[tuple[str, ...], Field(examples=[["peat-ipcc-2013-wetlands"]])] = ("peat-ipcc-2013-wetlands",)
    """Sets of factors that come along: `peat-ipcc-2013-wetlands`, `peat-palm-degradation`, `peat-excavation`. Those of the IPCC
    do not know palms felled without drainage, nor peat dug out: name the other sets to have them, and totals say so."""
    own_factors: tuple[Path, ...] = ()
    """Files with sets of your own, made like those that come along (`jobs/reports/peat/factors`)."""
    gwp: str = "peat-gwp-ar5"
    """Warming potentials that come along."""
    own_gwp: Path | None = None
    """A file with warming potentials of your own, in place of those."""
    least: Status = "secondary"
    """Factors are used that were checked at least so far: `verified` in their source, `secondary` in a text that cites it,
    `unverified` from memory. What has no factor then is told as not estimated."""
    sampling: Sampling = field(default_factory=Sampling)
    """How doubt is carried through."""

    def __post_init__(self) -> None:
        sets, gwps = shipped(), shipped(warming=True)
        strange = [one for one in self.factors if one not in sets]
        first = "".join(strange[:1])
        none = f"there is no factor set `{first}`{nearest(first, sets)}; there are {', '.join(sets)}"
        other = f"there is no set `{self.gwp}`{nearest(self.gwp, gwps)}; there are {', '.join(gwps)}"
        require(
            (
                self.first_year <= self.last_year,
                ("first_year", "last_year"),
                f"first_year {self.first_year} lies after last_year",
            ),
            (not strange, ("factors",), none),
            (len(set(self.factors)) == len(self.factors), ("factors",), "a set is named twice; name each once"),
            (bool(self.factors or self.own_factors), ("factors",), "names no set; name one, here or in `own_factors`"),
            (self.gwp in gwps, ("gwp",), other),
        )
