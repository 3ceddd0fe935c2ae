"""Shares and false-alarm rates with their intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaincinv, ndtri

from detection.accuracy.bootstrap import Estimate, Unit, by_block, exposures, false_alarm_rate, interval, resamples
from detection.accuracy.judged import Judged

NONE_SEEN: Final = -float(np.log(0.05))
"""One-sided upper 95 % bound of a Poisson mean when none was seen, 2.996: the rule of three, 3.0/N."""


@dataclass(frozen=True)
class HardNegative:
    """What one kind of event that is no loss did to the detector."""

    events: int
    """Events of this kind that were watched."""
    series: int
    """Series they touched, once an event."""
    alarms: int
    """False alarms in them."""
    alarms_per_1000: Estimate
    """False alarms per 1000 events, with Garwood's interval, which takes them for independent."""
    alarmed_per_1000: Estimate
    """Events with at least one false alarm, per 1000, with Wilson's interval."""


def wilson(hits: int, of: int, confidence: float = 0.95) -> Estimate:
    """A share with its score interval (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    if of == 0:
        return Estimate(None, None, None, 0)
    z = float(ndtri(0.5 + confidence / 2))
    share, spread = hits / of, z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * float(np.sqrt(share * (1 - share) / of + spread / (4 * of)))
    return Estimate(share, max(middle - half, 0.0), min(middle + half, 1.0), of)


def poisson(seen: int, exposure: float) -> Estimate:
    """Events per unit of exposure with the exact two-sided 95 % interval (Garwood 1936, Biometrika 28).

    When none was seen the upper end is the one-sided 95 % bound, 3.0/exposure. Without exposure, or when it is not known
    (NaN), there is no rate.
    """
    if not exposure > 0:
        return Estimate(None, None, None, 0.0)
    if seen == 0:
        return Estimate(0.0, 0.0, NONE_SEEN / exposure, exposure)
    low, high = float(gammaincinv(seen, 0.025)), float(gammaincinv(seen + 1, 0.975))
    return Estimate(seen / exposure, low / exposure, high / exposure, exposure)


def false_alarms(judged: Judged, unit: Unit = "mha_year", stratum: int | None = None) -> Estimate:
    """False alarms of the sample per unit, of all strata or of one, as if they were independent (`weighted` does not)."""
    cells = np.ones(len(judged.exposure.stratum), np.bool_) if stratum is None else judged.exposure.stratum == stratum
    seen = len(judged.alarms.day) if stratum is None else int((judged.alarms.stratum == stratum).sum())
    return poisson(seen, float(exposures(judged, unit)[0][cells].sum()))


def by_stratum(judged: Judged, unit: Unit = "mha_year") -> dict[str, Estimate]:
    """Stratum -> false alarms of the sample per unit; a stratum without exposure is there, without a rate."""
    return {name: false_alarms(judged, unit, code) for code, name in enumerate(judged.strata)}


def weighted(judged: Judged, unit: Unit = "mha_year", *, draws: int = 1000, seed: int = 1) -> Estimate:
    """False alarms of the world per unit: each counts for the series it stands for; block-bootstrap interval.

    When none was seen, resampling says nothing: the upper end is then the largest rate that leaves a chance of 5 % of
    seeing none, were all false alarms in the cell that stands for most: 3.0/exposure when all weights are equal. With
    fewer than some ten blocks that alarm the interval is too narrow; read `false_alarms` beside it.
    """
    rate, (sample, world) = false_alarm_rate(judged, unit), exposures(judged, unit)
    total = float(world.sum())
    if rate is None:
        return Estimate(None, None, None, 0.0)
    if not len(judged.alarms.day):
        heaviest = float((world[sample > 0] / sample[sample > 0]).max())
        return Estimate(0.0, 0.0, NONE_SEEN * heaviest / total, total)
    alarms = by_block(judged, judged.alarms.block, judged.alarms.weight)
    exposed = by_block(judged, judged.exposure.block, world)
    lots = [(k @ alarms, k @ exposed) for k in resamples(len(alarms), draws, seed)]
    drawn = np.concatenate([top[bottom > 0] / bottom[bottom > 0] for top, bottom in lots])
    return Estimate(rate, *interval(drawn), total)


def hard_negatives(judged: Judged) -> dict[str, HardNegative]:
    """Driver -> what its events did, of the drivers that were watched, one by one."""
    made, hard = {}, judged.hard
    for code in np.unique(hard.driver).tolist():
        mine = hard.driver == code
        alarms, events = hard.alarms[mine], int(mine.sum())
        made[judged.drivers[code]] = HardNegative(
            events, int(hard.series[mine].sum()), int(alarms.sum()), poisson(int(alarms.sum()), events / 1000),
            _per_1000(wilson(int((alarms > 0).sum()), events)),
        )  # fmt: skip
    return made


def _per_1000(share: Estimate) -> Estimate:
    value, low, high = (None if v is None else 1000 * v for v in (share.value, share.low, share.high))
    return Estimate(value, low, high, share.of)
