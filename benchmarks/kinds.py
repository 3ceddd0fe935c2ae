"""What kind of change the alerts of the fused job are said to be, against what really happened, cell by cell. SIMULATED.

    python benchmarks/kinds.py        both variants, three regions, the first world of each in `benchmarks/comparison-jobs.yaml`

A cell counts by what the last revision of its alert says, where the cell is confirmed itself.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import results
from numpy.typing import NDArray

from detection.accuracy.truth import SeriesTruth
from detection.alerts import Alert
from detection.types import to_day
from jobs.clock import now
from jobs.config import EvaluateConfig, load
from jobs.evaluation.asked import Contestant, SimulatedTruth
from jobs.evaluation.contestants import HEARD, Job, contestant
from jobs.evaluation.pieces import Opened, Piece, open_piece, pieces
from jobs.evaluation.run import record_blind
from models.kinds import FROM_SIMULATED, KINDS, harmful
from models.validation import figure

HOME: Final = Path(__file__).parent
PEAT: Final = "peat_disturbance"
MINING: Final = "mining"
NONE: Final = "none"


@dataclass(frozen=True)
class Cells:
    """Cells of a world where something happened or something was said."""

    true: NDArray[np.str_]
    """(cell,) class of what happened, `nothing` for nothing."""
    kind: NDArray[np.str_]
    """(cell,) type of change that is said, `none` where no confirmed alert holds the cell."""
    driver: NDArray[np.str_]
    """(cell,) driver that is said."""
    weight: NDArray[np.float64]
    """(cell,) how many cells of the world it stands for."""
    block: NDArray[np.int64]
    """(cell,) resampled together."""


def cells_of(opened: Opened, made: dict[str, list[Alert]], first: int) -> Cells:
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
    return Cells(true, kind[mine], driver[mine], truth.weight, truth.block.astype(np.int64))


def happened(truth: SeriesTruth) -> NDArray[np.str_]:
    """(series,) class of the last harm since monitoring began, else of what else happened, else `nothing`; empty where it does
    not count."""
    names = np.array([FROM_SIMULATED[name] for name in truth.drivers])
    out = np.full(truth.many, "nothing", "U24")
    order = np.lexsort((truth.window_start, truth.window_loss))
    out[truth.window_series[order]] = names[truth.window_driver[order]]
    out[truth.window_series[truth.window_ignored]] = ""
    return out


def scored(name: str, parts: Sequence[Cells], true: Sequence[str], said: str, by: str) -> str:
    """A row of the table: user's and producer's accuracy and F1 of a type or driver, weighted, with block intervals."""
    sums = []
    for number, part in enumerate(parts):
        counted = part.true != ""
        so, is_ = getattr(part, by) == said, np.isin(part.true, true)
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
    many = sum(int(np.isin(part.true, true).sum()) for part in parts)
    words = " | ".join("none" if f.value is None else f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}]" for f in made)
    return f"| {name} | {many} | {words} |"


def table(parts: Sequence[Cells]) -> list[str]:
    """Every type and driver."""
    head = ["| | cells | user's | producer's | F1 |", "|---|---|---|---|---|"]
    types = list(dict.fromkeys(k.change_type for k in KINDS.values() if k.change_type != "other"))
    rows = [scored(t, parts, [n for n, k in KINDS.items() if k.change_type == t], t, "kind") for t in types]
    drivers = list(dict.fromkeys(k.driver for n, k in KINDS.items() if harmful(n) and k.driver))
    rows += [
        scored(f"driver: {d}", parts, [n for n, k in KINDS.items() if harmful(n) and k.driver == d], d, "driver")
        for d in drivers
    ]
    return [*head, *rows]


def judged(piece: Piece, data: SimulatedTruth, job: Job) -> Cells:
    """The cells of one world."""
    opened = open_piece(piece, data, set(job.planes))
    mine = Job(job.config, opened.grid, job.model)
    return cells_of(opened, mine.alerts(opened.stream), opened.stream.monitor_day)


def main() -> None:
    """Judge every world, write what came of it."""
    begun, asked = time.monotonic(), load(HOME / "comparison-jobs.yaml")
    assert isinstance(asked, EvaluateConfig)
    assert isinstance(asked.data, SimulatedTruth)
    job = contestant(Contestant(name="fused job", config=HOME.parent / "configs" / "demo-fused.yaml"), simulated=True)
    assert isinstance(job, Job)
    record_blind(asked, ["fused job"], now(), "kinds of change")
    found: dict[str, list[Cells]] = {}
    data = replace(asked.data, seeds=asked.data.seeds[:1])
    for piece in pieces(asked.name, data):
        found.setdefault(piece.group[1], []).append(judged(piece, data, job))
        print(piece.name, f"{time.monotonic() - begun:.0f} s", flush=True)
    lines = [
        "SIMULATED. Confirmed cells of the fused job by what the last revision of their alert says, against what happened to the",
        "cell; weighted to the world, 95 % intervals from resampled blocks. Producer's accuracy counts harm that was not found.",
    ]
    for variant, parts in found.items():
        lines += ["", f"### {variant}", "", *table(parts)]
    lines += ["", f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes."]
    results.record("Kinds of change", lines, "python benchmarks/kinds.py")


if __name__ == "__main__":
    main()
