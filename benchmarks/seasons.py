"""How long losses take to be found when they begin in the dry season, and when in the wet one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from detection.accuracy import latency
from detection.accuracy.judged import Judged, join, only, take
from jobs.evaluation.asked import LOSSES, Comparison
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import STAGES, PieceResult
from jobs.evaluation.outcome import in_brackets

DRY: Final = (5, 6, 7, 8, 9)
"""Months of the dry season of Madre de Dios, taken for all regions."""
SEASONS: Final = {"May to September": DRY, "October to April": tuple(m for m in range(1, 13) if m not in DRY)}


def by_season(results: Sequence[PieceResult], names: Sequence[str], asked: Comparison) -> list[str]:
    """A table: days by which half of the losses are found, weighted, misses censored; 95 % intervals over blocks."""
    lines = [
        "| where | losses beginning in | how many | detector | first alarm | confirmed |",
        "|---|---|---|---|---|---|",
    ]
    for group in dict.fromkeys(r.piece.group for r in results):
        mine = [r for r in results if r.piece.group == group]
        for words, months in SEASONS.items():
            for name in names:
                both = [_begun(_judged(mine, name, stage), months) for stage in STAGES]
                days = [in_brackets(latency.by_blocks(one, seed=asked.seed), 0) for one in both]
                many = len(both[0].losses.series)
                lines.append(f"| {', '.join(group)} | {words} | {many} | {name} | {' | '.join(days)} |")
    return [*lines, ""]


def _judged(results: Sequence[PieceResult], name: str, stage: str) -> Judged:
    parts = [apart(r.judged[name, "sample", stage], i) for i, r in enumerate(results)]
    return only(join(parts), LOSSES)


def _begun(judged: Judged, months: tuple[int, ...]) -> Judged:
    """Its losses that began in one of these months."""
    month = judged.losses.start.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    return replace(judged, losses=take(judged.losses, np.isin(month, months)))
