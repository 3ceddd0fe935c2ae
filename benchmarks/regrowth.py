"""When regrowth is said to begin, against simulated worlds that know it. SIMULATED; the open variant alone.

    python benchmarks/regrowth.py        the worlds of `benchmarks/comparison-archives.yaml`, larger: few cells grow back

Truth: the day from which most of a cell that was cleared is secondary growth, where it then grows for three years or more and
a year of history lies before the clearing. CCDC: the first change of the kind regrowth after its loss. Yearly: the loss of
Landtrendr on medoids of NBR, then `recovery.regrowth`. Of every world at most so many cells are looked at.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import results
from comparison import plan
from numpy.typing import NDArray

from detection.accuracy.stream import Stream
from detection.codes import Turn
from detection.monitors import Looks
from detection.segments import Annual, Ccdc, Landtrendr, segments
from detection.segments.annual import yearly
from detection.segments.recovery import Recovery, regrowth
from detection.simulator.landscape import landscape
from detection.simulator.parameters import Surface
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import to_day
from jobs.evaluation.pieces import open_piece, pieces

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
SIDE: Final = 176
"""Cells a side of a world."""
CELLS: Final = 2000
"""Cells of a world that are looked at, at most."""
YEAR: Final = 365
GROWS: Final = 3 * YEAR
LATE: Final = 3 * YEAR
"""Days after the truth up to which an onset is looked for; a later one counts as none."""
SECONDARY: Final = range(int(Surface.SECONDARY_1), int(Surface.SECONDARY_40) + 1)


def truths(scene: SimulatedParameters, first: int, last: int) -> dict[int, tuple[int, int]]:
    """Cell (flat) -> (day it was cleared, day of onset), of those that count."""
    layer = landscape(scene.site, Simulated(scene).grid()).conversions
    owner, cover = layer.owner.ravel(), layer.cover.ravel()
    onsets = {p: found for p, part in enumerate(layer.parts) if (found := _onset(part, first, last)) is not None}
    return {int(c): onsets[owner[c]] for c in np.flatnonzero((owner >= 0) & (cover >= 0.5)) if owner[c] in onsets}


def _onset(part: Any, first: int, last: int) -> tuple[int, int] | None:
    """(first clearing, onset of the growth after it) if both lie well within the archive."""
    if not first + YEAR <= part.days[0] < last:
        return None
    for i in range(1, len(part.days)):
        if int(part.becomes[i]) in SECONDARY and int(part.becomes[i - 1]) not in SECONDARY:
            day = (part.days[i - 1] + part.days[i]) // 2
            again = [
                d for d, s in zip(part.days[i:], part.becomes[i:], strict=True) if int(s) not in SECONDARY and d < last
            ]
            return (part.days[0], day) if day + GROWS < min([last, *again]) else None
    return None


def said_by_ccdc(stream: Stream, cleared: NDArray[np.int64]) -> NDArray[np.float64]:
    """(cell,) day of the regrowth after the loss; NaN none."""
    panel = stream.panel("nbr", *BANDS)
    looks = Looks(panel.scenes, np.ascontiguousarray(np.stack([panel.values[n] for n in ("nbr", *BANDS)], 1)))
    found = segments(Ccdc(forest_min=0.5), looks, ("nbr", *BANDS), np.ones(stream.many, np.bool_)).changes
    grown = found[(found["turn"] == Turn.REGROWTH) & (found["day"] > cleared[found["pixel"]])]
    days = np.full(stream.many, np.inf)
    np.minimum.at(days, grown["pixel"], grown["day"])
    return np.where(np.isfinite(days), days, np.nan)


def said_by_years(stream: Stream, cleared: NDArray[np.int64]) -> NDArray[np.float64]:
    """(cell,) middle of the year of onset by `recovery.regrowth` after the loss nearest the clearing; NaN none."""
    panel = stream.panel("nbr")
    made = yearly(Annual(least_looks=3), Looks(panel.scenes, np.ascontiguousarray(panel.values["nbr"][:, None])))
    found = made.dated(segments(Landtrendr(forest_min=0.5), made.row, ("nbr",), np.ones(stream.many, np.bool_))).changes
    years = np.array([scene.when.year for scene in made.scenes], np.int32)
    when = np.full(stream.many, -1, np.int32)
    for row in found[found["turn"] == Turn.LOSS]:
        if abs(int(row["day"]) - int(cleared[row["pixel"]])) <= 2 * YEAR:
            when[row["pixel"]] = 1970 + int(np.datetime64(int(row["day"]), "D").astype("datetime64[Y]").astype(int))
    lost = when > 0
    end = np.where(lost, when, years[1])
    grown = regrowth(Recovery(), years, made.row.values[:, 0], (end - 1).astype(np.int32), end.astype(np.int32))
    middle = (grown.onset.astype(np.float64) - 1970) * 365.25 + 182
    return np.where(lost & (grown.onset > 0), middle, np.nan)


def measured() -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """(region, method, (cell,) days between what is said and the truth; NaN where nothing is)."""
    asked = replace(plan("comparison-archives").data, cells=SIDE)
    for piece in pieces("regrowth", asked):
        if piece.scene is None or piece.group[1] != "open":
            continue
        begun = time.monotonic()
        known = truths(piece.scene, to_day(asked.start), to_day(asked.end))
        opened = open_piece(piece, asked, ("nbr", *BANDS))
        cells = np.array(sorted(known))
        cells = np.sort(np.random.default_rng(1).permutation(cells)[:CELLS]) if len(cells) > CELLS else cells
        if not len(cells):
            continue
        stream, day = opened.stream.take(cells), np.array([known[c] for c in cells.tolist()])
        for name, said in (("ccdc", said_by_ccdc), ("landtrendr, recovery", said_by_years)):
            off = said(stream, day[:, 0]) - day[:, 1]
            yield piece.group[0], name, np.where(off <= LATE, off, np.nan)
        print(f"{piece.name}: {len(cells)} cells, {time.monotonic() - begun:.0f} s", flush=True)


def main() -> None:
    """Measure and record."""
    every = list(measured())
    lines = [
        f"SIMULATED, open worlds of `benchmarks/comparison-archives.yaml`, {SIDE} cells a side: cells",
        "that were cleared and grow back for three years or more.",
        "",
        "| region | method | cells | onset said | median error, days | within a year, of those said | of all |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(n for _, n, _ in every):
        mine = [(region, off) for region, n, off in every if n == name]
        for region, off in [*mine, ("all", np.concatenate([off for _, off in mine]))]:
            there = off[np.isfinite(off)]
            near = (np.abs(there) <= YEAR).sum()
            middle = f"{np.median(there):.0f}" if len(there) else "-"
            share = f"{near / len(there):.2f}" if len(there) else "-"
            lines.append(
                f"| {region} | {name} | {len(off)} | {len(there) / len(off):.2f} | {middle} | {share} | {near / len(off):.2f} |"
            )
    print("\n".join(lines))
    results.record("Onset of regrowth", lines, "python benchmarks/regrowth.py")


if __name__ == "__main__":
    main()
