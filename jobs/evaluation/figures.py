"""From judgements to figures: one row a group, detector and stage, with intervals; nothing is averaged over nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from detection.accuracy import bootstrap, calibration, latency, rates
from detection.accuracy.bootstrap import Difference, Estimate, Measure
from detection.accuracy.judged import Judged, join, only
from detection.accuracy.rates import HardNegative
from jobs.evaluation.asked import Comparison
from jobs.evaluation.judging import STAGES, Entry, PieceResult

HELD_TO_EVENT: Final = 0.5
"""Share of an event's judged series that must be found for the event to count as found (chosen)."""
SIZES_HA: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Edges of the classes of event size."""
LEAST_SURE: Final = 30
"""Fewer confirmed alarms with a probability than this give no calibration."""


@dataclass(frozen=True)
class Figures:
    """How one detector did in one group at one stage."""

    group: tuple[str, str]
    """Region and variant, or table and nothing."""
    detector: str
    """Its name."""
    stage: str
    """`first` or `confirmed`."""
    accuracy: Mapping[Measure, Estimate]
    """Producer's and user's accuracy, F1, false alarms a series-year, share found within 30 days; of the sample, weighted."""
    minus: Mapping[Measure, Difference]
    """The same minus the reference detector, paired; empty for the reference itself."""
    median_days: Estimate
    """Days by which half of the losses are found, misses censored; block bootstrap."""
    p80_days: Estimate
    """Days by which four fifths are."""
    per_mha_year: Estimate
    """Hectares of false alarms per million hectares and year, of the world, weighted; of everything where it was seen."""
    strata: Mapping[str, Estimate]
    """The same by stratum, unweighted within it."""
    exposed_mha_years: Mapping[str, float]
    """Exposure of every stratum."""
    hard: Mapping[str, HardNegative]
    """What is no loss, kind by kind."""
    drivers: Mapping[str, Estimate]
    """Kind of change -> share of its losses found, weighted by nothing."""
    sizes: Mapping[str, Estimate]
    """Size of the event (ha) -> share of events of which at least half was found."""
    calibration: Mapping[str, float | None]
    """Expected calibration error and Brier score of the confirmed alarms; empty where no probability is said."""
    everything: bool
    """Do the rates rest on every series, or on the sample?"""


def figures(results: Sequence[PieceResult], entries: Sequence[Entry], asked: Comparison) -> list[Figures]:
    """Every figure, group by group; then the same over all groups of a variant. Raises BadInput as `join` does."""
    made = []
    for group, mine in _groups(results):
        drivers = asked.drivers if mine[0].piece.scene is not None else ()
        for stage in STAGES:
            chief = asked.reference or entries[0].name
            reference = _joined(mine, chief, "sample", stage)
            made += [
                _figures(group, e, stage, mine, None if e.name == chief else reference, drivers, asked) for e in entries
            ]
    return made


def _groups(results: Sequence[PieceResult]) -> Iterator[tuple[tuple[str, str], list[PieceResult]]]:
    """Pieces by region and variant, then all regions of a variant where there are several."""
    groups = list(dict.fromkeys(r.piece.group for r in results))
    for group in groups:
        yield group, [r for r in results if r.piece.group == group]
    for variant in dict.fromkeys(v for _, v in groups):
        regions = {region for region, v in groups if v == variant}
        if len(regions) > 1:
            yield ("all regions", variant), [r for r in results if r.piece.group[1] == variant]


def _joined(results: Sequence[PieceResult], name: str, scope: Any, stage: str) -> Judged:
    """All pieces as one. Worlds that share numbers of blocks and events are different places: they are told apart."""
    return join([apart(r.judged[name, scope, stage], i) for i, r in enumerate(results)])


def apart(judged: Judged, piece: int) -> Judged:
    """The judgement of a piece with its blocks and events renumbered, so that no other piece has them."""
    blocks = np.unique(judged.exposure.block)
    far = np.int64(piece) << np.int64(20)

    def block(table: Any) -> Any:
        return replace(table, block=(np.searchsorted(blocks, table.block) + far).astype(np.int32))

    def event(table: Any) -> Any:
        return replace(table, event=np.where(table.event >= 0, table.event ^ (np.int64(piece + 1) << np.int64(40)), -1))

    return replace(
        judged, losses=event(block(judged.losses)), alarms=event(block(judged.alarms)),
        exposure=block(judged.exposure), hard=event(judged.hard),
    )  # fmt: skip


def _figures(
    group: tuple[str, str], entry: Entry, stage: Any, results: Sequence[PieceResult], reference: Judged | None,
    drivers: tuple[str, ...], asked: Comparison,
) -> Figures:  # fmt: skip
    whole = _joined(results, entry.name, "sample", stage)
    scope = "sample" if entry.slow else "everything"
    wide = whole if entry.slow else _joined(results, entry.name, scope, stage)
    mine, hectares = only(whole, drivers) if drivers else whole, _hectares(wide)
    other = only(reference, drivers) if drivers and reference else reference
    return Figures(
        group=group,
        detector=entry.name,
        stage=stage,
        accuracy=bootstrap.accuracy(mine, draws=asked.draws, seed=asked.seed),
        minus={} if other is None else bootstrap.paired(mine, other, draws=asked.draws, seed=asked.seed),
        median_days=latency.by_blocks(mine, 0.5, seed=asked.seed),
        p80_days=latency.by_blocks(mine, 0.8, seed=asked.seed),
        per_mha_year=_times(rates.weighted(wide, draws=asked.draws, seed=asked.seed), hectares),
        strata={name: _times(e, hectares) for name, e in rates.by_stratum(wide).items()},
        exposed_mha_years=_exposed(wide),
        hard=rates.hard_negatives(wide),
        drivers=_by_driver(whole),
        sizes=_by_size(only(wide, drivers) if drivers else wide),
        calibration=_calibration(results, entry.name) if stage == "confirmed" else {},
        everything=not entry.slow,
    )


def _hectares(judged: Judged) -> float:
    """Of one series; NaN where none has an area."""
    years = judged.exposure.years.sum()
    return float(judged.exposure.ha_years.sum() / years) if years > 0 else float("nan")


def _times(e: Estimate, factor: float) -> Estimate:
    value, low, high = (None if v is None else v * factor for v in (e.value, e.low, e.high))
    return Estimate(value, low, high, e.of)


def _exposed(judged: Judged) -> dict[str, float]:
    area = np.bincount(judged.exposure.stratum, judged.exposure.ha_years / 1e6, len(judged.strata))
    return {name: float(mha) for name, mha in zip(judged.strata, area, strict=True)}


def _by_driver(judged: Judged) -> dict[str, Estimate]:
    """Share of the losses of every kind that was found: of windows, each series by itself."""
    found, made = judged.losses, {}
    for code in np.unique(found.driver).tolist():
        mine = found.driver == code
        made[judged.drivers[code]] = rates.wilson(int(found.hit[mine].sum()), int(mine.sum()))
    return made


def _by_size(judged: Judged) -> dict[str, Estimate]:
    """Share of the events of every size of which at least half of the series was found."""
    losses = judged.losses
    events, place = np.unique(losses.event, return_inverse=True)
    share = np.bincount(place, losses.hit) / np.maximum(np.bincount(place), 1)
    size = np.full(len(events), np.nan)
    size[place] = losses.event_ha
    known, bins = np.isfinite(size), np.digitize(size, SIZES_HA)
    edges = ["0", *(f"{s:g}" for s in SIZES_HA)]
    names = [f"{low}-{high}" for low, high in pairwise(edges)] + [f"{edges[-1]}+"]
    return {
        name: rates.wilson(int((share[known & (bins == i)] >= HELD_TO_EVENT).sum()), int((known & (bins == i)).sum()))
        for i, name in enumerate(names)
    }


def _calibration(results: Sequence[PieceResult], name: str) -> dict[str, float | None]:
    told = [r.sure[name] for r in results if name in r.sure]
    if not told or sum(len(sure) for sure, _ in told) < LEAST_SURE:
        return {}
    sure, true = (np.concatenate([pair[i] for pair in told]) for i in (0, 1))
    return {
        "alarms": float(len(sure)),
        "ece": calibration.ece(sure, true),
        "brier": calibration.brier(sure, true),
        "brier_skill": calibration.brier_skill(sure, true),
    }


def as_data(made: Figures) -> dict[str, Any]:
    """What JSON can say: null for what is not a number."""
    plain: dict[str, Any] = _plain(made)
    return plain


def _plain(thing: Any) -> Any:
    if is_dataclass(thing):
        return {f.name: _plain(getattr(thing, f.name)) for f in fields(thing)}
    if isinstance(thing, Mapping):
        return {key: _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    return None if isinstance(thing, float) and not np.isfinite(thing) else thing
