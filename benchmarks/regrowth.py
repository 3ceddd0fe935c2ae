"""When regrowth is said to begin, and where it stands, against simulated worlds that know it. SIMULATED.

    python benchmarks/regrowth.py        the worlds of `benchmarks/comparison-archives.yaml`, others and more of them

Where it stands, open and blind: `regrowth_map.py`. When it begins, the open variant alone, larger worlds: few cells grow back.
Truth: the day from which most of a cell that was cleared is secondary growth, where it then grows for three years or more and
a year of history lies before the clearing. Said: what `detection.segments.history` calls regrowth. Of every world at most so
many cells are looked at.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import regrowth_map
import results
from comparison import plan
from numpy.typing import NDArray

from detection.accuracy.stream import Stream
from detection.codes import Turn
from detection.monitors import Looks
from detection.patches.yearly import years
from detection.segments import Annual, Ccdc, Landtrendr, Method, Recovery, history
from detection.simulator.landscape import landscape
from detection.simulator.parameters import Surface
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import to_day
from jobs.evaluation.pieces import open_piece, pieces

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
Said = NDArray[np.float64]
SIDE: Final = 176
"""Cells a side of a world."""
CELLS: Final = 2000
"""Cells of a world that are looked at, at most."""
YEAR: Final = 365
METHODS: Final[dict[str, tuple[Method, tuple[str, ...], Annual | None]]] = {
    "ccdc": (Ccdc(forest_min=0.5), ("nbr", *BANDS), None),
    "landtrendr": (Landtrendr(forest_min=0.5), ("nbr",), Annual(least_looks=3)),
}
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


def said(
    method: Method, names: tuple[str, ...], annual: Annual | None, stream: Stream, cleared: NDArray[np.int64]
) -> Said:
    """(cell,) day of the first regrowth after the clearing, or after a loss of the year before it; NaN none."""
    panel = stream.panel(*names)
    looks = Looks(panel.scenes, np.ascontiguousarray(np.stack([panel.values[n] for n in names], 1)))
    found, _ = history(method, Recovery(), looks, names, np.ones(stream.many, np.bool_), annual=annual)
    grown = found.changes[found.changes["turn"] == Turn.REGROWTH]
    grown = grown[grown["day"] > cleared[grown["pixel"]] - YEAR]
    days = np.full(stream.many, np.inf)
    np.minimum.at(days, grown["pixel"], grown["day"])
    return np.where(np.isfinite(days), days, np.nan)


def measured() -> Iterator[tuple[str, str, NDArray[np.int64], Said]]:
    """(region, method, (cell,) day of the truth, days between what is said and the truth; NaN where nothing is)."""
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
        for name, (method, names, annual) in METHODS.items():
            off = said(method, names, annual, stream, day[:, 0]) - day[:, 1]
            yield piece.group[0], name, day[:, 1], np.where(off <= LATE, off, np.nan)
        print(f"{piece.name}: {len(cells)} cells, {time.monotonic() - begun:.0f} s", flush=True)


def main() -> None:
    """Measure and record."""
    command = "python benchmarks/regrowth.py"
    results.record("Onset of regrowth", onsets(), command)
    results.record("Regrowth maps", stands(), command)


def stands() -> list[str]:
    """The section of RESULTS.md on where regrowth stands."""
    worlds = list(regrowth_map.judged(plan("comparison-archives"), METHODS, "where regrowth stands at the end"))
    lines = [
        f"SIMULATED, both variants, {len(worlds)} worlds of {regrowth_map.SIDE} cells a side, 36 years of Landsat: lost and",
        f"growing back for at least {regrowth_map.AGE} calendar years, at the end of the archive, cell by cell of what was",
        "forest at its start or lost forest in it. User's accuracy: of the cells said, those that are. Producer's: of those that",
        "are, those said. 95 % intervals by bootstrap of blocks of 1.9 km. Onset: said less true, in years, of the cells rightly",
        "said. `regrowth_age` is what stands by `jobs/history/standing.py`, `regrowth_year` the onset alone, not cleared again.",
        "`without coffee`: cells that are coffee at the end are not judged; the simulator makes shade coffee look like secondary",
        "forest. `forest seen`: cells that lost their forest in the first two years of the archive, where nobody had seen it,",
        "are not judged.",
        "",
        *regrowth_map.lines(worlds, list(METHODS)),
    ]
    print("\n".join(lines))
    return lines


def onsets() -> list[str]:
    """The section of RESULTS.md on when regrowth begins."""
    every = list(measured())
    lines = [
        f"SIMULATED, open worlds of `benchmarks/comparison-archives.yaml`, {SIDE} cells a side: cells",
        "that were cleared and grow back for three years or more. One look a year says no day: what counts is the calendar year.",
        "",
        "| region | method | cells | onset said | median error, days | year within 1, of those said | of all |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in METHODS:
        mine = [(region, true, off) for region, n, true, off in every if n == name]
        whole = [np.concatenate([part[k] for part in mine]) for k in (1, 2)]
        lines += [_line(region, name, true, off) for region, true, off in [*mine, ("all", *whole)]]
    print("\n".join(lines))
    return lines


def _line(region: str, name: str, true: NDArray[np.int64], off: Said) -> str:
    there = np.isfinite(off)
    wrong = years(true[there] + off[there].astype(np.int64)) - years(true[there])
    near = int((np.abs(wrong) <= 1).sum())
    middle, share = (f"{np.median(off[there]):.0f}", f"{near / there.sum():.2f}") if there.any() else ("-", "-")
    return f"| {region} | {name} | {len(off)} | {there.mean():.2f} | {middle} | {share} | {near / len(off):.2f} |"


if __name__ == "__main__":
    main()
