"""How fast the simulator is, and that it forgets: pixel-band-looks a second of one core, memory after many looks.

python benchmarks/simulator_speed.py
"""

import resource
import time
from datetime import date
from typing import Final

import numpy as np
from results import record

from detection.simulator.parameters import REGIONS
from detection.sources.sensors import SENSORS
from detection.sources.simulated import Family, Simulated, SimulatedParameters

SIDE: Final = 256
LOOKS_AT_A_TIME: Final = 16
WANTED: Final = 15.0
"""Million pixel-band-looks a second and core."""
FAMILIES: Final[tuple[Family, ...]] = ("landsat", "sentinel-2", "sentinel-1")


def main() -> None:
    """Measure and record."""
    lines = [
        f"SIMULATED worlds of {SIDE} x {SIDE} cells of 30 m, a year of every family's looks, land already built; million",
        f"pixel-band-looks per second of CPU time, one core (wanted: {WANTED:g}). Optical: six bands and the quality band.",
        "",
        "| region | variant | land, s | " + " | ".join(FAMILIES) + " | all looks |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in ("open", "blind"):
        for region in REGIONS:
            land, speeds, whole = measure(region, variant)
            shown = " | ".join(f"{speed:.0f}" for speed in speeds)
            lines.append(f"| {region} | {variant} | {land:.2f} | {shown} | {whole:.0f} |")
            print(lines[-1], flush=True)
    lines += ["", *memory()]
    record("Simulator", lines, "python benchmarks/simulator_speed.py")


def measure(region: str, variant: str) -> tuple[float, list[float], float]:
    """(seconds for the land, million pixel-band-looks a second of every family, of all together)."""
    source = Simulated(_scene(region, variant, date(2022, 1, 1), date(2023, 1, 1)))
    begun = time.process_time()
    rows = source.manifest(0, 10**6)
    source.read(source.grid(), rows[:1], ())
    land = time.process_time() - begun
    speeds, done, took = [], 0.0, 0.0
    for family in FAMILIES:
        mine = [r for r in rows if r.scene.platform.startswith(family)]
        bands = _bands(mine[0].sensor)
        source.read(source.grid(), mine[:1], bands)
        begun = time.process_time()
        for i in range(0, len(mine), LOOKS_AT_A_TIME):
            source.read(source.grid(), mine[i : i + LOOKS_AT_A_TIME], bands)
        seconds = time.process_time() - begun
        work = len(mine) * len(bands) * SIDE**2 / 1e6
        speeds.append(work / seconds)
        done, took = done + work, took + seconds
    return land, speeds, done / took


def memory() -> list[str]:
    """Peak memory after the looks of one year and of ten, read look by look."""
    peaks = []
    for end in (date(2016, 1, 1), date(2025, 1, 1)):
        source = Simulated(_scene("madre-de-dios", "open", date(2015, 1, 1), end))
        rows = [r for r in source.manifest(0, 10**6) if r.sensor == "landsat-c2l2"]
        for row in rows:
            np.asarray(source.read(source.grid(), [row], _bands(row.sensor)).values)
        peaks.append((len(rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6))
    (few, low), (many, high) = peaks
    return [f"Peak memory {low:.0f} MB after {few} looks read one by one, {high:.0f} MB after {many}: flat."]


def _scene(region: str, variant: str, start: date, end: date) -> SimulatedParameters:
    return SimulatedParameters(
        region=region,
        variant=variant,
        rows=SIDE,
        columns=SIDE,
        start=start,
        end=end,
        sensors=FAMILIES,  # type: ignore[arg-type]
    )


def _bands(sensor: str) -> tuple[str, ...]:
    if sensor == "sentinel-1-rtc":
        return "vv", "vh"
    return "blue", "green", "red", "nir", "swir1", "swir2", str(SENSORS[sensor].qa_band)


if __name__ == "__main__":
    main()
