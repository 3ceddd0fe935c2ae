"""Activity data: how much land went from one use to another, where and when, with its standard error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from detection.errors import BadInput
from jobs.reports.redd.quantity import Quantity, require_unit

Activity = Literal["DF", "DG", "EN", "EN_AF", "EN_RE"]
"""As the REDD+ sheets code it: deforestation, degradation, enhancement, and of that afforestation and restoration."""
ACTIVITIES: Final[tuple[Activity, ...]] = ("DF", "DG", "EN", "EN_AF", "EN_RE")
REFERENCE, MONITORING = "REF", "MON"


@dataclass(frozen=True)
class Period:
    """Whole years, the last one within."""

    name: str
    """e.g. `T1`."""
    first: int
    """First year."""
    last: int
    """Last year."""
    kind: str
    """`REF`, or `MON` with a number where there are several: periods of one kind are reckoned together."""

    def __post_init__(self) -> None:
        stem = self.kind.rstrip("0123456789")
        if self.last < self.first:
            raise BadInput(f"period {self.name}: ends in {self.last}, before it begins in {self.first}; mend the years")
        if stem not in (REFERENCE, MONITORING):
            raise BadInput(f"period {self.name}: kind {self.kind!r}, expected REF, MON, MON1, MON2, ...")

    @property
    def years(self) -> int:
        """How many."""
        return self.last - self.first + 1

    @property
    def reference(self) -> bool:
        """Part of the reference period?"""
        return self.kind.startswith(REFERENCE)


@dataclass(frozen=True)
class Transition:
    """Land that went from one use to another in a period."""

    name: str
    """Unique, e.g. `T1_EV_Crop`."""
    period: str
    """Name of the period."""
    stratum: str
    """Where, as results are told apart."""
    activity: Activity
    """What is reported under which heading."""
    before: str
    """Land use at the beginning, a key of the carbon stocks."""
    after: str
    """Land use at the end."""
    area: Quantity
    """ha: of the whole period, or a year of it where the data are yearly; named as the transition."""

    def __post_init__(self) -> None:
        require_unit(self.area, "ha")
        if self.area.name != self.name:
            raise BadInput(f"{self.name}: its area is called {self.area.name!r}; name both alike")
        if self.area.value < 0:
            raise BadInput(f"{self.name}: area {self.area.value:g} ha is negative; give the area that changed")
        if self.activity not in ACTIVITIES:
            raise BadInput(f"{self.name}: activity {self.activity!r}, expected one of {', '.join(ACTIVITIES)}")
        if self.before == self.after:
            raise BadInput(f"{self.name}: from {self.before} to itself; nothing changes, leave the row out")


def check_periods(periods: Sequence[Period]) -> None:
    """Raises BadInput for periods of one name, that overlap, that lack, or references after what they are compared with."""
    names = [one.name for one in periods]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"period {twice}: stands there twice; give each its own name")
    for first, second in pairwise(sorted(periods, key=lambda one: (one.first, one.last))):
        if second.first <= first.last:
            raise BadInput(
                f"periods {first.name} ({first.first}-{first.last}) and {second.name} ({second.first}-{second.last}) "
                f"overlap; a year counts once"
            )
    reference, monitored = _halves(periods)
    if reference[-1].last > monitored[0].first:
        raise BadInput(
            f"reference period {reference[-1].name} ({reference[-1].first}-{reference[-1].last}) lies after monitoring "
            f"period {monitored[0].name} ({monitored[0].first}-{monitored[0].last}); what is compared with comes first"
        )


def _halves(periods: Sequence[Period]) -> tuple[list[Period], list[Period]]:
    ordered = sorted(periods, key=lambda one: one.first)
    halves = [one for one in ordered if one.reference], [one for one in ordered if not one.reference]
    for half, kind in zip(halves, (REFERENCE, MONITORING), strict=True):
        if not half:
            raise BadInput(
                f"periods: there is none of kind {kind}; a reduction needs a reference and a monitoring period"
            )
    return halves


def check_transitions(transitions: Sequence[Transition], periods: Sequence[Period]) -> None:
    """Raises BadInput for names given twice, unknown periods, and what was seen in one period and not in another."""
    names = [one.name for one in transitions]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"transition {twice}: stands there twice; give each its own name")
    known = {one.name for one in periods}
    if strange := next((one for one in transitions if one.period not in known), None):
        raise BadInput(f"{strange.name}: period {strange.period!r} is unknown; there are {', '.join(sorted(known))}")
    if gap := next(_gaps(transitions, periods), None):
        raise BadInput(gap)


def _gaps(transitions: Sequence[Transition], periods: Sequence[Period]) -> Iterator[str]:
    """Strata and their transitions that a period does not speak of: not seen is not the same as nought."""
    for stratum in sorted({one.stratum for one in transitions}):
        for period in periods:
            if not any(one.period == period.name and one.stratum == stratum for one in transitions):
                yield f"stratum {stratum}: no row in period {period.name}; write 0 with its standard error if nothing changed"
