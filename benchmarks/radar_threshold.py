"""How the threshold of configs/series-radar.yaml was chosen: SIMULATED forest and clearings in dB, no truth seen.

    python benchmarks/radar_threshold.py

A look at 30 m is the mean of VV and VH in dB. Simulated with the priors listed below: Gamma speckle in each
polarisation, a yearly season, weather common to both polarisations that persists from look to look (AR(1)), and a bias
per orbit, two orbits alternating. Run through the shipped config with its threshold varied.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored, Step
from detection.monitors import Detector, Looks, start, update
from detection.monitors.cusum import Cusum
from detection.types import SECONDS_A_DAY, Float, Scene, to_day
from jobs.config import SeriesConfig, load

ENL: Final = 20.0
"""Equivalent looks of a 30 m cell: nine 10 m cells of 4.4 looks (IW GRD, CLS 2016), correlated (half lost: assumed)."""
WEATHER_DB: Final = 0.35
"""Temporal deviation of terra firme forest before speckle (prior)."""
WEATHER_AR: Final = 0.5
"""Its correlation from one look to the next, whatever the cadence (chosen: rain comes in spells)."""
ORBIT_DB: Final = 0.3
"""Deviation of the bias of an orbit (prior)."""
SEASON_DB: Final = 0.3
"""Amplitude of the year (chosen; pasture has 0.8)."""
SHIFT_DB: Final = -2.0
"""What a clearing does to the mean of VV and VH (prior; more on dry bare soil, less when wet or under debris)."""
SERIES: Final = 3000
YEARS: Final = 5.0
THRESHOLDS: Final = (4.0, 4.5, 5.0, 6.0, 8.0, 10.0)


def simulated(days: NDArray[np.int64], rng: np.random.Generator) -> Float:
    """(time, series) dB of undisturbed forest."""
    shape = (len(days), SERIES)
    weather = np.zeros(shape)
    weather[0] = rng.normal(size=SERIES)
    for t in range(1, len(days)):
        weather[t] = WEATHER_AR * weather[t - 1] + np.sqrt(1 - WEATHER_AR**2) * rng.normal(size=SERIES)
    speckle = 10 * np.log10(rng.gamma(ENL, 1 / ENL, (2, *shape))).mean(0)
    orbit = rng.normal(0, ORBIT_DB, (2, SERIES))[np.arange(len(days)) % 2]
    season = SEASON_DB * np.cos(2 * np.pi * (days[:, None] / 365.25 + rng.random(SERIES)))
    decibels: Float = (-9.9 + WEATHER_DB * weather + speckle + orbit + season).astype(np.float32)
    return decibels


def watched(config: SeriesConfig, looks_a_year: float, seed: int, shift_db: float = 0.0) -> dict[str, Any]:
    """Confirmed alarms of forest, or of clearings on the first monitored day, by the config."""
    rng = np.random.default_rng(seed)
    begin = to_day(date(2016, 1, 1))
    days = begin + np.arange(-config.history.years * 365, YEARS * 365.25, 365.25 / looks_a_year).astype(np.int64)
    values = simulated(days, rng)
    values[days >= begin] += np.float32(shift_db)
    scenes = tuple(Scene(int(d) * SECONDS_A_DAY, "simulated", str(i)) for i, d in enumerate(days))
    looks = Looks(scenes, values[:, None])
    detector = Detector(config.history, config.monitor, config.decision, config.loss)
    state = start(detector, looks.take(days < begin), inside=np.ones(SERIES, bool))
    _, log = update(detector, state, looks.take(days >= begin))
    good = state.monitored == Monitored.MONITORED
    confirmed = log[log["step"] == Step.CONFIRMED]
    first = np.full(SERIES, np.inf)
    np.minimum.at(first, confirmed["pixel"], confirmed["instant"] / SECONDS_A_DAY - begin)
    return {
        "refused": 1 - good.mean(),
        "rate": len(confirmed) / (good.sum() * YEARS),
        "median": float(np.median(first[good])),
        "within_60": float((first[good] <= 60).mean()),
        "sigma": float(np.nanmedian(state.model["sigma"])),
    }


def main() -> None:
    """Print false alarms and delay by threshold and cadence."""
    config = load(Path(__file__).parent.parent / "configs" / "series-radar.yaml")
    if not isinstance(config, SeriesConfig) or not isinstance(config.monitor, Cusum):
        raise TypeError("configs/series-radar.yaml: a series config with a cusum is expected")
    print(
        "SIMULATED. looks/yr  threshold  refused  sigma dB  confirmed false/series-yr  2 dB: median days, within 60 d"
    )
    for looks_a_year in (30.0, 15.0, 8.0):
        for threshold in THRESHOLDS:
            tried = replace(config, monitor=replace(config.monitor, threshold=threshold))
            calm, cleared = watched(tried, looks_a_year, 1), watched(tried, looks_a_year, 2, SHIFT_DB)
            print(
                f"{looks_a_year:8g} {threshold:10g} {calm['refused']:8.3f} {calm['sigma']:8.2f} {calm['rate']:16.4f}"
                f" {cleared['median']:20.0f} {cleared['within_60']:12.3f}"
            )


if __name__ == "__main__":
    main()
