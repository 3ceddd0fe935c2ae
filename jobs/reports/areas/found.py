"""All that a report of areas says, as numbers, before they become tables and sentences."""

from dataclasses import dataclass, field

from jobs.reports.areas.agreement import Agreement, Settled
from jobs.reports.areas.asked import AreaReport
from jobs.reports.areas.boundaries import Account, Laid
from jobs.reports.areas.estimate import Estimated, Figure
from jobs.reports.areas.overlaps import Overlap
from jobs.reports.areas.sample import Design
from jobs.reports.areas.strata import Strata


@dataclass(frozen=True)
class Found:
    """All that a report of areas rests on; what needs answers is None until they are there."""

    asked: AreaReport
    """The config."""
    version: str
    """Which map: its name and the beginning of its checksum."""
    strata: Strata
    """What was sampled."""
    design: Design
    """How."""
    numbers: dict[str, int]
    """Name -> number in files."""
    classes: tuple[str, ...]
    """All classes, those of the map first."""
    overlaps: tuple[Overlap, ...] = ()
    """Areas that are claimed twice, or lie outside of where they belong."""
    settled: Settled | None = None
    """One answer a sample."""
    agreement: Agreement | None = None
    """How far interpreters agree."""
    estimated: Estimated | None = None
    """The areas."""
    years: dict[tuple[str, int | None], Figure] = field(default_factory=dict)
    """(class, year) -> its area."""
    accounts: tuple[tuple[Laid, tuple[Account, ...], int], ...] = ()
    """Layer by layer, its pieces that hold a sample, and how many hold none."""
    images: tuple[str, ...] = ()
    """First and last day of the images that were looked at; empty: not said."""

    @property
    def z(self) -> float:
        """Standard errors to either side."""
        return self.asked.standard_errors
