"""What the simulator's effects cost our detectors: the same worlds with one effect taken off at a time.

    python benchmarks/effects.py

SIMULATED, open variant only, worlds of their own. An effect that costs much and that no detector models is work to do.
"""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import detection.simulator.site
from detection.accuracy import bootstrap, rates
from detection.accuracy.judged import join, only
from detection.accuracy.series import judge
from detection.simulator.parameters import World, world
from jobs.evaluation.asked import LOSSES, Comparison, SimulatedTruth
from jobs.evaluation.contestants import Job, PixelMonitor, contestant
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import among
from jobs.evaluation.pieces import open_piece, pieces

HERE: Final = Path(__file__).parent
DATA: Final = SimulatedTruth(
    variants=("open",), seeds=(201,), cells=96, start=date(2019, 1, 1), monitor_from=date(2022, 1, 1),
    end=date(2025, 1, 1),
)  # fmt: skip
ASKED: Final = Comparison()
HECTARES: Final = 0.09
"""Of a cell."""


def _smoke(w: World) -> World:
    return replace(w, smoke=replace(w.smoke, odds=(0.0,) * 12))


def _flood(w: World) -> World:
    calm = MappingProxyType({name: replace(cover, flooded=(0.0, 0.0)) for name, cover in w.surface.items()})
    return replace(w, surface=calm, spectra=replace(w.spectra, flooded=(0.0,) * 6))


def _rain(w: World) -> World:
    dry = MappingProxyType({n: replace(c, rain=(0.0, 0.0), wet=(0.0, 0.0)) for n, c in w.surface.items()})
    return replace(w, surface=dry)


EFFECTS: Final[dict[str, Callable[[World], World]]] = {
    "nothing taken off": lambda w: w,
    "smoke": _smoke,
    "flood stage": _flood,
    "rain and wet soil (radar)": _rain,
    "view angle of the paths": lambda w: replace(w, noise=replace(w.noise, orbit_sd=0.0)),
}


def measured(effect: str) -> list[tuple[str, str, Any, Any]]:
    """(region, detector, F1 and the rest, false alarms per Mha and year) of a world without the effect."""
    changed = EFFECTS[effect](world("open"))
    detection.simulator.site.world = lambda variant="open": changed
    found: dict[tuple[str, str], list[Any]] = {}
    for i, piece in enumerate(pieces("effects", DATA)):
        opened = open_piece(piece, DATA, {"nbr", "vv", "vh"})
        for name, detector in detectors().items():
            mine = replace(detector, grid=opened.grid) if isinstance(detector, Job) else detector
            said = among(mine(opened.stream), opened.judged, opened.stream.many)
            made = apart(judge(opened.truth, said, ASKED.rules, "confirmed"), i)
            found.setdefault((piece.group[0], name), []).append(made)
    return [
        (region, name, bootstrap.accuracy(only(join(parts), LOSSES), draws=200), rates.weighted(join(parts), draws=200))
        for (region, name), parts in found.items()
    ]


def detectors() -> dict[str, PixelMonitor | Job]:
    """Ours, as the plan of the comparison has them."""
    from comparison import plan

    return {one.name: contestant(one, simulated=True) for one in plan("comparison").detectors if one.name != "ewma"}


def main() -> None:
    """Take every effect off once, and write what came of it."""
    from results import record

    begun = time.monotonic()
    names = list(EFFECTS)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        made = dict(zip(names, pool.map(measured, names), strict=True))
    lines = [
        "SIMULATED: worlds of the open variant, 96 x 96 cells, one of each region, monitored 2022 to 2024; the same worlds",
        "with one effect taken off at a time. False alarms of confirmed changes, hectares per million hectares and year, and in",
        "brackets producer's accuracy of loss. What falls when an effect is taken off is what the effect costs.",
        "",
    ]
    lines += [*_table(made), "", f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes."]
    record("What the effects cost", lines, "python benchmarks/effects.py")
    sys.stdout.write("\n".join(lines) + "\n")


def _table(made: dict[str, Sequence[tuple[str, str, Any, Any]]]) -> list[str]:
    keys = [(region, name) for region, name, _, _ in next(iter(made.values()))]
    lines = [f"| taken off | {' | '.join(f'{r}: {n}' for r, n in keys)} |", "|---|" + "---|" * len(keys)]
    for effect, rows in made.items():
        cells = [f"{false.value * HECTARES:,.0f} ({a['producers'].value or 0:.2f})" for _, _, a, false in rows]
        lines.append(f"| {effect} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
