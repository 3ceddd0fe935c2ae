"""The map of regrowth that has stood for years, against simulated worlds that know it: `benchmarks/regrowth.py` runs it.

Judged is every cell that was forest when the archive began or lost forest in it. True: forest was lost there, and at the end
of the archive most of the cell is secondary forest that has been there since a calendar year that lies AGE years back or
more. Said: `jobs.history.standing` has regrowth standing in the last year whose onset lies as far back.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.accuracy.bootstrap import interval, resamples
from detection.codes import NO_YEAR, YEAR_NODATA
from detection.monitors import Looks
from detection.segments import Annual, Method, Recovery, history
from detection.simulator.ground import surface_on
from detection.simulator.happenings import blocks
from detection.simulator.landscape import landscape
from detection.simulator.parameters import Surface
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import Mask, to_day
from jobs.clock import now
from jobs.config import EvaluateConfig, config_digest
from jobs.evaluation.asked import SimulatedTruth
from jobs.evaluation.pieces import Piece, open_piece, pieces
from jobs.evaluation.run import LOG
from jobs.history.maps import maps
from jobs.history.standing import standing

AGE: Final = 3
"""Calendar years since the onset, at least."""
SEEDS: Final = (3301, 3302, 3303, 3304)
"""Of the worlds that are judged; the rules were made on open ones of the seeds 4401 to 4406."""
SIDE: Final = 128
"""Cells a side of a world."""
STABLE: Final = 1500
"""Cells of a world on which nothing ever changed that are looked at, at most; each then stands for several."""
FOREST_SEEN: Final = 24
"""Months: what was lost before nobody had seen as forest."""
DRAWS: Final = 1000
SECONDARY: Final = range(int(Surface.SECONDARY_1), int(Surface.SECONDARY_40) + 1)
COFFEE: Final = (int(Surface.SUN_COFFEE), int(Surface.SHADE_COFFEE))
RULES: Final = ("regrowth_age", "regrowth_year")
"""Layers that may say it: what is standing; and the onset after the last loss, not cleared again, alone."""
Years = NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """The truth, cell by cell of those that are looked at."""

    cells: NDArray[np.int64]
    """(cell,) flat positions in the world."""
    weight: NDArray[np.float64]
    """(cell,) cells that it stands for."""
    block: NDArray[np.int64]
    """(cell,) block of the lattice."""
    onset: Years
    """(cell,) calendar year of the onset of what has grown for AGE years at the end; NO_YEAR elsewhere."""
    coffee: Mask
    """(cell,) is it coffee at the end?"""
    unseen: Mask
    """(cell,) was its forest lost before FOREST_SEEN months of looks?"""


@dataclass(frozen=True)
class Judged:
    """A world, and what was said of it."""

    group: tuple[str, str]
    """Region and variant."""
    known: Known
    """The truth."""
    said: Mapping[tuple[str, str], Years]
    """(method, one of RULES) -> (cell,) onset of what stands at the end for AGE years; NO_YEAR elsewhere."""


def known(scene: SimulatedParameters) -> Known:
    """The truth of a world."""
    grid = Simulated(scene).grid()
    land, months = landscape(scene.site, grid), _months(scene)
    surface = np.stack([surface_on(land, to_day(day)).ravel() for day in months])
    forest = scene.site.world.table("woody").astype(np.bool_)[surface]
    fell = forest[:-1] & ~forest[1:]
    judged, changed = forest[0] | fell.any(0), (surface != surface[0]).any(0)
    stable = np.flatnonzero(judged & ~changed)
    taken = np.random.default_rng(1).permutation(stable)[:STABLE]
    cells = np.sort(np.concatenate([np.flatnonzero(judged & changed), taken]))
    return Known(
        cells,
        np.where(changed[cells], 1.0, len(stable) / max(len(taken), 1)),
        blocks(scene.site, grid)[cells].astype(np.int64),
        _onset(surface[:, cells], fell[:, cells], months),
        np.isin(surface[-1, cells], COFFEE),
        np.asarray(fell[:FOREST_SEEN, cells].any(0)),
    )


def _months(scene: SimulatedParameters) -> list[date]:
    """The first day of every month, and the day on which the world ends."""
    years = range(scene.start.year, scene.end.year)
    return [date(year, month, 1) for year in years for month in range(1, 13)] + [scene.end]


def _onset(surface: NDArray[np.uint8], fell: Mask, months: Sequence[date]) -> Years:
    """surface: (month, cell); fell: (month - 1, cell) was forest lost in it?"""
    grown = np.isin(surface, SECONDARY)
    begun = len(months) - np.cumprod(grown[::-1], 0, np.int64).sum(0)  # the first of the months that are all grown
    lost = np.cumsum(fell, 0)[np.clip(begun - 1, 0, len(fell) - 1), np.arange(surface.shape[1])] > 0
    year = np.array([day.year for day in months])[np.maximum(begun, 1) - 1]
    true = grown[-1] & (begun > 0) & lost & (months[-2].year - year >= AGE)
    return np.where(true, year, NO_YEAR)


def said(method: Method, names: tuple[str, ...], annual: Annual | None, looks: Looks) -> Iterator[Years]:
    """(cell,) onset of what stands at the end for AGE years, by each of RULES."""
    last, many, recovery = looks.scenes[-1].when.year, looks.values.shape[2], Recovery()
    found, after = history(method, recovery, looks, names, np.ones(many, np.bool_), annual=annual)
    rows = standing(recovery, looks, names, after, annual=annual)
    rows = rows[(rows["until"] == last) & (last - rows["onset"] >= AGE)]
    onset = np.full(many, NO_YEAR, np.int64)
    onset[rows["pixel"]] = rows["onset"]
    yield onset
    layers = maps(found, after)
    year, again = layers["regrowth_year"].astype(np.int64), layers["recleared_year"]
    there = (year != NO_YEAR) & (year != YEAR_NODATA) & (again == NO_YEAR) & (last - year >= AGE)
    yield np.where(there, year, NO_YEAR)


def judged(
    asked: EvaluateConfig, methods: Mapping[str, tuple[Method, tuple[str, ...], Annual | None]], why: str
) -> Iterator[Judged]:
    """Every world of a plan, both variants; the look at the blind ones is put on record before the first is opened."""
    assert isinstance(asked.data, SimulatedTruth)
    data = replace(asked.data, cells=SIDE, seeds=SEEDS)
    record_blind(replace(asked, name="regrowth-map", data=data), " ".join(methods), why)
    planes = tuple(dict.fromkeys(name for _, names, _ in methods.values() for name in names))
    for piece in pieces("regrowth", data):
        yield _world(piece, data, planes, methods)


def _world(piece: Piece, data: Any, planes: tuple[str, ...], methods: Mapping[str, Any]) -> Judged:
    assert piece.scene is not None
    truth = known(piece.scene)
    panel = open_piece(piece, data, planes).stream.take(truth.cells).panel(*planes)
    made: dict[tuple[str, str], Years] = {}
    for name, (method, names, annual) in methods.items():
        looks = Looks(panel.scenes, np.ascontiguousarray(np.stack([panel.values[n] for n in names], 1)))
        made |= {(name, rule): onset for rule, onset in zip(RULES, said(method, names, annual, looks), strict=True)}
    print(f"{piece.name}: {len(truth.cells)} cells, {(truth.onset != NO_YEAR).sum()} grown", flush=True)
    return Judged(piece.group, truth, made)


def record_blind(asked: EvaluateConfig, detectors: str, why: str) -> None:
    """A line in the log of looks at the blind variant, as `jobs.evaluation.run` writes them."""
    data: Any = asked.data
    row = [now().isoformat(timespec="seconds"), asked.name, config_digest(asked)[:16], " ".join(data.regions)]
    row += [" ".join(map(str, data.seeds)), detectors, why]
    with asked.blind_log.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, LOG, lineterminator="\n").writerow(dict(zip(LOG, row, strict=True)))


def lines(worlds: Sequence[Judged], methods: Sequence[str]) -> list[str]:
    """The section of RESULTS.md."""
    head = (
        "| worlds | cells | method | layer | true, cells | user's | producer's | onset: median, years | mean absolute |"
    )
    table = [head, "|---|---|---|---|---|---|---|---|---|"]
    variants = list(dict.fromkeys(world.group[1] for world in worlds))
    regions = list(dict.fromkeys(world.group[0] for world in worlds))
    for variant in variants:
        mine = [world for world in worlds if world.group[1] == variant]
        for method in methods:
            table += [_row(mine, f"{variant}, all", what, method, RULES[0]) for what in LEFT_OUT]
            for region in regions:
                part = [world for world in mine if world.group[0] == region]
                table.append(_row(part, f"{variant}, {region}", "all", method, RULES[0]))
            table.append(_row(mine, f"{variant}, all", "all", method, RULES[1]))
    return table


LEFT_OUT: Final = ("all", "without coffee", "forest seen", "forest seen, without coffee")
"""Which cells are judged. Coffee: those that are coffee at the end. Forest seen: not those lost within FOREST_SEEN months."""


def _row(worlds: Sequence[Judged], where: str, what: str, method: str, rule: str) -> str:
    sums, off, seen = [], [], 0
    for world in worlds:
        truth, onset = world.known, world.said[method, rule]
        kept = ~(truth.coffee & ("coffee" in what)) & ~(truth.unseen & ("seen" in what))
        true, told = kept & (truth.onset != NO_YEAR), kept & (onset != NO_YEAR)
        places = np.unique(truth.block, return_inverse=True)[1]
        counts = [np.bincount(places, truth.weight * hit) for hit in (true & told, told & ~true, true & ~told)]
        sums.append(np.stack(counts, 1))
        off.append((onset - truth.onset)[true & told])
        seen += int(true.sum())
    errors, shares = np.concatenate(off), _shares(np.concatenate(sums))
    middle, mean = (f"{np.median(errors):+.0f}", f"{np.abs(errors).mean():.2f}") if len(errors) else ("-", "-")
    return f"| {where} | {what} | {method} | `{rule}` | {seen} | {shares[0]} | {shares[1]} | {middle} | {mean} |"


def _shares(sums: NDArray[np.float64]) -> list[str]:
    """User's and producer's accuracy of (block, 3) hits, false and missed, with 95 % intervals by bootstrap of the blocks."""
    drawn = np.concatenate([counts @ sums for counts in resamples(len(sums), DRAWS, 1)])
    told = []
    for other in (1, 2):
        whole = sums[:, 0].sum() + sums[:, other].sum()
        with np.errstate(invalid="ignore"):
            low, high = interval(drawn[:, 0] / (drawn[:, 0] + drawn[:, other]))
        told.append("-" if whole == 0 else f"{sums[:, 0].sum() / whole:.3f} ({low:.3f} to {high:.3f})")
    return told
