"""Are estimated areas unbiased, and do their intervals hold the truth as often as they say? SIMULATED.

    python benchmarks/area_estimates.py

The truth is what the simulator cleared, cell by cell; the map is that of a history job on the simulated looks, with whatever
errors it makes: what clouds hid, edges, what is not forest. Samples are drawn again and again from that one map, answered as the
truth is, and estimated as a report does. Beside them: what counting the cells of the map says.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.design import area_bias, coverage
from detection.simulator.ground import surface_on
from detection.simulator.landscape import landscape
from detection.sources.simulated import Simulated
from detection.types import Grid, to_day
from jobs.clock import now
from jobs.config import Cluster, HistoryConfig, NamedModel, Output, load
from jobs.history.run import run_history
from jobs.progress import shown
from jobs.reports.areas.agreement import Settled
from jobs.reports.areas.asked import AreaReport, Buffer, HistoryMap, Sampling, Stratum
from jobs.reports.areas.estimate import estimate
from jobs.reports.areas.maps import Happened
from jobs.reports.areas.sample import Sample, design, draw
from jobs.reports.areas.strata import Frame, frame, hectares, measure

ROOT: Final = Path(__file__).parents[1]
SIDE: Final = 384
"""Cells a side of a world."""
REGIONS: Final = ("madre-de-dios", "alto-mayo")
REPEATS: Final = 500
"""Samples of each design; the plan asked for 200 or more."""
SIZES: Final = (600, 1500, 3000)
CLASSES: Final = ("loss", "no loss")
FIRST, LAST = date(2020, 1, 1), date(2024, 12, 31)
STRATA: Final = (
    Stratum(name="loss", codes=(Happened.LOSS,)),
    Stratum(name="no loss", codes=tuple(code for code in Happened if code != Happened.LOSS)),
)
NEAR: Final = {"buffer": Buffer(name="near", metres=90, around=("loss",), within="no loss")}
DESIGNS: Final = {
    "strata are map classes, proportional": ("proportional", {}),
    "a stratum within 90 m of loss, proportional": ("proportional", NEAR),
    "a stratum within 90 m of loss, equal": ("equal", NEAR),
}


@dataclass(frozen=True)
class World:
    """A map and the truth."""

    region: str
    """Where it might lie."""
    folder: Path
    """Products of the history."""
    truth: NDArray[np.int64]
    """(y, x) place in CLASSES."""


@dataclass(frozen=True)
class Kept:
    """A frame that remembers to which stratum each cell belongs."""

    frame: Frame
    """What it stands for."""
    whose: NDArray[np.int16]
    """(y, x) strata of the whole map."""

    @property
    def map(self) -> Any:
        """The map."""
        return self.frame.map

    @property
    def names(self) -> tuple[str, ...]:
        """Of the strata."""
        return self.frame.names

    def members(self, part: Grid) -> NDArray[np.int16]:
        """Of the whole map alone."""
        assert part.shape == self.whose.shape
        return self.whose


def main() -> None:
    """Run, print and record."""
    from results import record

    lines = [
        f"SIMULATED worlds of {SIDE} x {SIDE} cells, open variant, mapped by the job of configs/history-madre-de-dios.yaml",
        f"(without its model); loss of 2020 to 2024; {REPEATS} samples of each design, answered as the truth is. Wanted: bias",
        "within 2 %, intervals of 95 % that hold the truth in 93 to 97 % of the samples. Of map: by counting its cells.",
        "Missed: samples of the largest stratum, on average, that show a loss the map has not; where these are few (some five or",
        "less) the normal interval is too narrow: the cure is more samples there, not near what the map has found.",
        "",
        "| world | design | samples | true ha | bias of map | bias of estimate | half interval, of truth | holds it | missed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for world in (_world(region, Path(folder) / region) for region in REGIONS):
            for name in DESIGNS:
                for row in _rows(world, name):
                    print(row, flush=True)
                    lines.append(row)
    record("Area estimates", lines, "python benchmarks/area_estimates.py")


def _world(region: str, folder: Path) -> World:
    config = load(ROOT / "configs" / "history-madre-de-dios.yaml")
    assert isinstance(config, HistoryConfig)
    sources = replace(config.sources, region=region, rows=SIDE, columns=SIDE, west=None, north=None, seed=71)  # type: ignore[arg-type]
    job = replace(config, sources=sources, model=NamedModel(), cluster=Cluster(workers=0), output=Output(folder=folder))
    with shown() as progress:
        products = run_history(job, now=now, progress=progress).folder
    return World(region, products, _truth(sources))


def _truth(scene: Any) -> NDArray[np.int64]:
    """(y, x) place in CLASSES, by the ground on the first of every month."""
    land = landscape(scene.site, Simulated(scene).grid())
    woody = scene.site.world.table("woody").astype(np.bool_)
    days = [date(year, month, 1) for year in range(FIRST.year, LAST.year + 1) for month in range(1, 13)]
    forest = np.array([woody[surface_on(land, to_day(day))] for day in [*days, date(LAST.year + 1, 1, 1)]])
    lost = (forest[:-1] & ~forest[1:]).any(0)
    return np.where(lost, 0, 1).astype(np.int64)


def _rows(world: World, name: str) -> Iterator[str]:
    rule, changes = DESIGNS[name]
    asked = AreaReport(
        map=HistoryMap(folder=world.folder), first=FIRST, last=LAST, strata=STRATA,
        sampling=Sampling(samples=2), **changes,
    )  # fmt: skip
    opened = frame(asked)
    grid = opened.map.grid
    kept, strata = Kept(opened, opened.members(grid)), measure(opened)
    size = np.where(kept.whose >= 0, hectares(grid), 0.0)
    true = float(size[world.truth == 0].sum())
    mapped = float(strata.hectares[0])
    for samples in SIZES:
        found, missed = [], []
        for seed in range(REPEATS):
            sample = draw(kept, design(strata, Sampling(samples=samples, rule=rule, least=samples // 10)), seed)  # type: ignore[arg-type]
            settled = _answered(sample, world, strata.claims)
            made = estimate(settled, strata, CLASSES, 1.959964)
            found.append((made.figures[0].hectares, made.figures[0].se))
            missed.append(made.counts[int(np.argmax(strata.hectares)), 0])
        value, error = np.array(found, np.float64).T
        held = coverage(value, error, true, z=1.959964)
        yield (
            f"| {world.region} | {name} | {samples} | {true:,.1f} | {100 * (area_bias(mapped, true) or 0):+.1f} % | "
            f"{100 * (area_bias(float(value.mean()), true) or 0):+.2f} % (+- {100 * value.std() / true / REPEATS**0.5:.2f}) | "
            f"{_share(float(1.959964 * error.mean() / true))} | "
            f"{_share(held.value)} ({_share(held.low)} to {_share(held.high)}) | {np.mean(missed):.1f} |"
        )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _answered(sample: Sample, world: World, claims: tuple[str, ...]) -> Settled:
    grid = sample.grid
    seen = world.truth[sample.rows - grid.first_row, sample.columns - grid.first_column]
    nothing = (None,) * len(seen)
    said = tuple(CLASSES[one] for one in seen.tolist())
    return Settled(sample.ids, sample.stratum, tuple(claims[s] for s in sample.stratum.tolist()), said, nothing, (), ())


if __name__ == "__main__":
    main()
