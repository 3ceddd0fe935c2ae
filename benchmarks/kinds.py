"""What kind of change the alerts of the fused job are said to be, against what really happened, cell by cell. SIMULATED.

    python benchmarks/kinds.py        both variants, three regions, the first world of each in `benchmarks/comparison-jobs.yaml`;
                                      and worlds sought for what is rare, two of each
    python benchmarks/kinds.py --fine the worlds of `benchmarks/comparison-fine.yaml`: the 10 m grid

A cell counts by what the last revision of its alert says, where the cell is confirmed itself. In worlds that were sought, rare
kinds are more common than they are: producer's accuracies hold everywhere, user's accuracies there alone. The peatland is judged
twice: as the model sees it, and with a map of peat that lies four cells off.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import results
from numpy.typing import NDArray
from rasterio.transform import from_origin

from detection.accuracy.truth import SeriesTruth
from detection.alerts import Alert
from detection.context import Context, Layer
from detection.simulator.parameters import Surface
from detection.sources.simulated import SimulatedParameters, grid_of, truth
from detection.types import to_day
from jobs.clock import now
from jobs.config import EvaluateConfig, load
from jobs.evaluation.asked import Contestant, SimulatedTruth
from jobs.evaluation.contestants import HEARD, Job, contestant
from jobs.evaluation.pieces import Opened, Piece, open_piece, pieces
from jobs.evaluation.run import record_blind
from models.kinds import FROM_SIMULATED, KINDS, change_type, harmful
from models.recipes import RARE
from models.samples import SimulatedSamples
from models.validation import figure

HOME: Final = Path(__file__).parent
COARSE: Final = HOME.parent / "configs" / "demo-fused.yaml"
FINE: Final = HOME / "contestants" / "job-fine.yaml"
SOUGHT: Final = (3003, 3004)
"""Seeds of the worlds that are sought; no model learnt from them."""
PEATY: Final = tuple(map(int, (Surface.AGUAJAL, Surface.POLE_FOREST)))
OFF: Final = 4
"""Cells by which the map of peat lies off, both ways: 120 m."""
NONE: Final = "none"


@dataclass(frozen=True)
class Cells:
    """Cells of a world where something happened or something was said."""

    true: NDArray[np.str_]
    """(cell,) class of what happened, `nothing` for nothing."""
    peat: NDArray[np.bool_]
    """(cell,) does the swamp stand on peat? What people do to it there is a disturbance of peat, whatever the event is called."""
    kind: NDArray[np.str_]
    """(cell,) type of change that is said, `none` where no confirmed alert holds the cell."""
    driver: NDArray[np.str_]
    """(cell,) driver that is said."""
    weight: NDArray[np.float64]
    """(cell,) how many cells of the world it stands for."""
    block: NDArray[np.int64]
    """(cell,) resampled together."""


def cells_of(opened: Opened, made: dict[str, list[Alert]], first: int, peat: NDArray[np.bool_]) -> Cells:
    """What is true and what is said of every judged cell of a world since a day."""
    truth, grid = opened.truth, opened.grid
    assert grid is not None
    kind, driver = np.full(grid.shape, NONE, "U24").ravel(), np.full(grid.shape, NONE, "U24").ravel()
    for series in made.values():
        last = series[-1]
        if last.status in HEARD and to_day(last.change_date) >= first - 60:
            row, column = (last.cells[last.confirmed_cells] - (grid.first_row, grid.first_column)).T
            kind[row * grid.shape[1] + column] = last.change_type
            driver[row * grid.shape[1] + column] = last.driver or NONE
    true = happened(truth)
    mine = opened.judged
    return Cells(true, peat.ravel()[mine], kind[mine], driver[mine], truth.weight, truth.block.astype(np.int64))


def happened(truth: SeriesTruth) -> NDArray[np.str_]:
    """(series,) class of the last harm since monitoring began, else of what else happened, else `nothing`; empty where it does
    not count."""
    names = np.array([FROM_SIMULATED[name] for name in truth.drivers])
    out = np.full(truth.many, "nothing", "U24")
    order = np.lexsort((truth.window_start, truth.window_loss))
    out[truth.window_series[order]] = names[truth.window_driver[order]]
    out[truth.window_series[truth.window_ignored]] = ""
    return out


def types_of(part: Cells) -> NDArray[np.str_]:
    """(cell,) type of what happened, by the ground it happened on."""
    known = {name: (change_type(name, peat=False), change_type(name, peat=True)) for name in KINDS} | {"": (NONE, NONE)}
    return np.array(
        [known[name][on] for name, on in zip(part.true.tolist(), part.peat.astype(int).tolist(), strict=True)]
    )


def drivers_of(part: Cells) -> NDArray[np.str_]:
    """(cell,) who or what did it, where harm was done."""
    known = {name: (kind.driver or NONE) if harmful(name) else NONE for name, kind in KINDS.items()} | {"": NONE}
    return np.array([known[name] for name in part.true.tolist()])


def scored(name: str, parts: Sequence[Cells], true: Sequence[NDArray[np.str_]], said: str, by: str) -> str:
    """A row of the table: user's and producer's accuracy and F1 of a type or driver, weighted, with block intervals; true: what
    the cells of each part are."""
    sums = []
    for number, part in enumerate(parts):
        counted = part.true != ""
        so, is_ = getattr(part, by) == said, true[number] == said
        values = np.stack([so & is_, so, is_], 1) * (part.weight * counted)[:, None]
        blocks, place = np.unique(part.block + (number << 24), return_inverse=True)
        total = np.zeros((len(blocks), 3))
        np.add.at(total, place, values)
        sums.append(total)
    whole = np.concatenate(sums)
    made = [
        figure(whole, lambda s: s[0] / s[1] if s[1] else np.nan),
        figure(whole, lambda s: s[0] / s[2] if s[2] else np.nan),
        figure(whole, lambda s: 2 * s[0] / (s[1] + s[2]) if s[1] + s[2] else np.nan),
    ]
    many = sum(int((one == said).sum()) for one in true)
    words = " | ".join("none" if f.value is None else f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}]" for f in made)
    return f"| {name} | {many} | {words} |"


def table(parts: Sequence[Cells]) -> list[str]:
    """Every type and driver."""
    head = ["| | cells | user's | producer's | F1 |", "|---|---|---|---|---|"]
    types = list(dict.fromkeys(k.change_type for k in KINDS.values() if k.change_type != "other"))
    types_true, drivers_true = [types_of(part) for part in parts], [drivers_of(part) for part in parts]
    rows = [scored(t, parts, types_true, t, "kind") for t in types]
    drivers = list(dict.fromkeys(k.driver for n, k in KINDS.items() if harmful(n) and k.driver))
    rows += [scored(f"driver: {d}", parts, drivers_true, d, "driver") for d in drivers]
    return [*head, *rows]


def sought(data: SimulatedTruth) -> list[Piece]:
    """Worlds of the same seeds, elsewhere: where most of what is rare happens while monitoring lasts."""
    asked = SimulatedSamples(
        seeds=SOUGHT, cells=data.cells, sensors=data.sensors, start=data.start, monitor_from=data.monitor_from, end=data.end,
        seek=RARE, among=30,
    )  # fmt: skip
    every = pieces("sought", replace(data, seeds=SOUGHT))
    return [replace(piece, scene=asked.settled(piece.scene)) for piece in every if piece.scene is not None]


def peat_below(scene: SimulatedParameters, since: date) -> NDArray[np.bool_]:
    """(y, x) where the scene's palm swamps and pole forests stand."""
    return np.isin(truth(replace(scene, start=since)).surface, PEATY)


def peat_map(scene: SimulatedParameters, since: date, folder: Path) -> Layer:
    """A map of the scene's peat that lies some cells off."""
    grid = grid_of(scene)
    peat = np.roll(peat_below(scene, since), (OFF, OFF), (0, 1)).astype(np.uint8)
    path = folder / f"{scene.variant}-{scene.seed}-{scene.west}.tif"
    place = from_origin(grid.west, grid.north, grid.resolution, grid.resolution)
    kind = {"driver": "GTiff", "height": grid.shape[0], "width": grid.shape[1], "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=grid.crs, transform=place, **kind) as opened:
        opened.write(peat, 1)
    return Layer(path=path, source="the simulator", version="four cells off", equals=(1,))


def judged(piece: Piece, data: SimulatedTruth, jobs: Sequence[Job]) -> list[Cells]:
    """The cells of one world, by each job."""
    opened = open_piece(piece, data, set(jobs[0].planes))
    assert piece.scene is not None
    peat = peat_below(piece.scene, data.monitor_from)
    mine = [Job(job.config, opened.grid, job.model) for job in jobs]
    return [cells_of(opened, job.alerts(opened.stream), opened.stream.monitor_day, peat) for job in mine]


def main() -> None:
    """Judge every world, write what came of it."""
    fine = "--fine" in sys.argv
    begun, asked = time.monotonic(), load(HOME / ("comparison-fine.yaml" if fine else "comparison-jobs.yaml"))
    assert isinstance(asked, EvaluateConfig)
    assert isinstance(asked.data, SimulatedTruth)
    job = contestant(Contestant(name="fused job", config=FINE if fine else COARSE), simulated=True)
    assert isinstance(job, Job)
    record_blind(asked, ["fused job"], now(), "kinds of change")
    found: dict[str, list[Cells]] = {}
    data = replace(asked.data, seeds=asked.data.seeds[:1])
    worlds = [("by lot", piece) for piece in pieces(asked.name, data)]
    worlds += [] if fine else [("sought", piece) for piece in sought(data)]
    with tempfile.TemporaryDirectory() as folder:
        for how, piece in worlds:
            assert piece.scene is not None
            peaty = piece.scene.region == "loreto-peatland"
            layer = peat_map(piece.scene, data.monitor_from, Path(folder)) if peaty else None
            maps = [replace(job, config=replace(job.config, context=Context(peat=layer)))] if peaty else []
            made = judged(piece, data, [job, *maps])
            found.setdefault(f"{piece.group[1]}, worlds {how}", []).append(made[0])
            for name, cells in zip(("no map", "a map four cells off"), made, strict=False):
                if peaty:
                    found.setdefault(f"{piece.group[1]}, the peatland with {name}", []).append(cells)
            print(how, piece.name, f"{time.monotonic() - begun:.0f} s", flush=True)
    lines = [
        "SIMULATED. Confirmed cells of the fused job by what the last revision of their alert says, against what happened to the",
        "cell; weighted to the world, 95 % intervals from resampled blocks. Producer's accuracy counts harm that was not found.",
        "In worlds that were sought rare kinds are more common than they are: user's accuracies hold there alone.",
    ]
    for title, parts in sorted(found.items(), key=lambda pair: pair[0].split(",")[0], reverse=True):
        lines += ["", f"### {title}", "", *table(parts)]
    lines += ["", f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes."]
    title = "Kinds of change on the 10 m grid" if fine else "Kinds of change"
    results.record(title, lines, "python benchmarks/kinds.py" + (" --fine" if fine else ""))


if __name__ == "__main__":
    main()
