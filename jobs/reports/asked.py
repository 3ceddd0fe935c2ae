"""What a config of kind `report` says: the area, and the reports that are wanted of it."""

from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require
from jobs.reports.areas.asked import AreaReport
from jobs.reports.claims.asked import ClaimsReport
from jobs.reports.peat.asked import PeatReport
from jobs.reports.redd.asked import ReddReport
from jobs.reports.restoration.asked import RestorationReport
from jobs.reports.territory.asked import TerritoryReport
from jobs.sections import Name, Output
from jobs.words import Words

ReportKind = Literal["areas", "redd", "peat", "claims", "restoration", "territory"]


@parameters
class ReportConfig:
    """Reports on an area, from what jobs and people found: each section is one, made by `sachawatch report SECTION CONFIG`."""

    kind: Literal["report"] = "report"
    """What this file describes: `report` tells what jobs and people found, with intervals."""
    name: Name
    """Name of the reports: small letters, digits and hyphens, at most 41."""
    place: Annotated[str, MinLen(1), Field(examples=["Madre de Dios"])]
    """Name of the area for people, and `aoi_id` in tables."""
    simulated: bool = False
    """Something that goes into areas, redd, peat, restoration or territory is invented: every page and workbook says so. Of maps
    and alerts of our own jobs it is known; of claims their own section says it."""
    languages: Annotated[tuple[str, ...], MinLen(1)] = ("es", "en")
    """Languages of the pages, the first also of the workbook; there are catalogues of `en` and `es`."""
    areas: AreaReport | None = None
    """How much changed, from a sample that people interpreted."""
    redd: ReddReport | None = None
    """Emissions from forest and their reduction."""
    peat: PeatReport | None = None
    """Emissions of disturbed peat."""
    claims: ClaimsReport | None = None
    """What the numbers of a claim support."""
    restoration: RestorationReport | None = None
    """How much is under restoration, how it does, and the files that restoration platforms take."""
    territory: TerritoryReport | None = None
    """What satellites saw of one territory, on two pages for the people who live there."""
    output: Output = Output()
    """Where reports go: `NAME/SECTION/latest` in this folder."""

    def __post_init__(self) -> None:
        for language in self.languages:
            Words(language)
        once = len(set(self.languages)) == len(self.languages)
        require((once, ("languages",), "a language is named twice; name each once"))
