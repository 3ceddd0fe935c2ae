"""What is given off, as far as is known, for which there is no factor: told, never taken for nought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from jobs.reports.peat.areas import Cohort
from jobs.reports.peat.classes import DISTURBANCES
from jobs.reports.peat.factors import Factor, factor_set, parts_of, shipped


@dataclass(frozen=True)
class Gap:
    """Something that is given off, for which there is no factor in the sets that were named."""

    stratum: str
    """Of peat."""
    disturbance: str
    """What happened."""
    pool: str
    """Not estimated."""
    gas: str
    """Not estimated."""
    area_ha: float
    """Of it, at most in a year."""
    offered: tuple[str, ...]
    """Sets that come along and would have one."""


def gaps(cohorts: Sequence[Cohort], factors: Sequence[Factor], years: tuple[int, int]) -> Iterator[Gap]:
    """Those of the years from first to last."""
    others = [factor_set(name) for name in shipped()]
    for kind in sorted({(one.stratum, one.disturbance) for one in cohorts}):
        stratum, disturbance = kind
        mine = [one for one in cohorts if (one.stratum, one.disturbance) == kind]
        span = range(years[0], years[1] + 1)
        area = max(fsum(one.area_ha for one in mine if one.emits(year)) for year in span)
        for term in DISTURBANCES[disturbance].terms:
            if area > 0 and parts_of(factors, disturbance, stratum, term) is None:
                offered = tuple(s.name for s in others if parts_of(s.rows, disturbance, stratum, term))
                yield Gap(stratum, disturbance, *term, area, offered)
