"""What tests of the models share: looks made by hand, samples drawn at random, a model that can be put in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from detection.alerts import Alert, short_code
from detection.monitors import Looks
from detection.types import SECONDS_A_DAY, Planes, Scene, to_day
from models import train
from models.around import MOMENT
from models.decide import Judged
from models.estimators import RandomForest
from models.recipes import Recipe, Told
from models.samples import Samples, SimulatedSamples, features_of
from models.train import Trained

threadpool_limits(1)
"""Fits of a few hundred rows: on cores that others use, threads of BLAS wait for one another most of the time."""
LIGHT, RADAR = "landsat-8", "sentinel-1a"
PLANES = Planes(("nbr",))
FEATURES = features_of(PLANES)
CLASSES = ("agriculture", "fire", "blowdown", "nothing")
TINY = Recipe(
    name="tiny-simulated",
    version="0.0.1",
    samples=(SimulatedSamples(seeds=(24,), cells=32),),
    estimator=RandomForest(trees=4),
    told=Told(optical=("nbr",), radar=()),
)
"""Fits no scene by itself: its samples are drawn at random."""


def scene(day: int, platform: str = LIGHT, orbit: str = "", hour: int = 15) -> Scene:
    return Scene(day * SECONDS_A_DAY + hour * 3600, platform, f"{platform}-{day}-{hour}-{orbit}", orbit)


def looks_of(days: Sequence[int], values: Any, platform: str = LIGHT, orbits: Sequence[str] = ()) -> Looks:
    """Looks of one kind of sensor; values: (look, slot, cell)."""
    names = orbits or [""] * len(days)
    scenes = tuple(scene(day, platform, orbit) for day, orbit in zip(days, names, strict=True))
    return Looks(scenes, np.asarray(values, np.float32).reshape(len(scenes), -1, np.shape(values)[-1]))


def moments_of(*rows: tuple[int, int, int, int]) -> NDArray[Any]:
    """MOMENT rows of (pixel, broke, clear, decided)."""
    made = np.zeros(len(rows), MOMENT)
    for name, column in zip(("pixel", "broke", "clear", "decided"), zip(*rows, strict=True), strict=True):
        made[name] = column
    made["sigma"], made["count"] = 6.5, 3
    return made


def drawn(
    seed: int, many: int = 400, classes: Sequence[str] = CLASSES, signal: float = 3.0, blocks: int = 10
) -> Samples:
    """Samples drawn at random: a column a class knows the answer but for noise, one in ten numbers is missing."""
    rng = np.random.default_rng(seed)
    event = np.repeat(np.arange(many // 2), 2)
    which = rng.integers(0, len(classes), many // 2)[event]
    rows = rng.normal(size=(many, len(FEATURES)))
    rows[np.arange(many), which] += signal
    rows[rng.random(rows.shape) < 0.1] = np.nan
    block = event % blocks
    region = np.array(["alto-mayo", "loreto-peatland"])[block % 2]
    answer, year = np.array(classes)[which], 2021 + block // 2 % 3
    return Samples(
        FEATURES, rows.astype(np.float32), answer, np.ones(many), event, block, region, year, np.ones(many, np.bool_)
    )


def renamed(samples: Samples, answer: NDArray[Any]) -> Samples:
    """The same rows with other answers."""
    columns = {name: getattr(samples, name) for name in samples.__dataclass_fields__}
    return Samples(**(columns | {"answer": answer}))


@cache
def tiny() -> Trained:
    """A model of samples drawn at random."""
    samples = drawn(1, 200)
    return train.train(TINY, samples, notes=("a note",))


@dataclass(frozen=True)
class Fixed:
    """Stands for a classifier; whoever says what it says is set by hand."""

    classes: tuple[str, ...] = CLASSES


MODEL: Any = SimpleNamespace(classifier=Fixed(), identity="fixed@1")


def judged_of(cells: Any, shares: Any, known: Any) -> Judged:
    """What `MODEL` says of CELL rows, of (row, class) shares."""
    shares = np.asarray(shares, np.float64).reshape(len(cells), len(CLASSES))
    rows = np.zeros((len(cells), len(FEATURES)), np.float32)
    return Judged(MODEL, cells, shares, np.asarray(known, np.bool_), rows)


def alert(cells: Any, when: int, **changes: Any) -> Alert:
    """A confirmed alert of these cells; when: instant of its look."""
    cells = np.asarray(cells, np.int32).reshape(-1, 2)
    day = date(2024, 6, 1)
    fields: dict[str, Any] = {
        "id": "a" * 8, "short_code": short_code("a" * 8), "revision": 1, "collection": "test",
        "lattice": "EPSG:32719@30m", "status": "confirmed", "status_code": 6, "change_date": day,
        "last_clear_before": day, "first_detected": day, "confirmed_on": day, "finished_on": None,
        "last_detected": day, "observed_at": when, "cells": cells, "confirmed_cells": np.ones(len(cells), np.bool_),
        "area_ha": 1.08, "confirmed_ha": 1.08, "area_ha_new": 1.08, "mmu_ha": 0.5, "magnitude": -0.4,
        "magnitude_max": -0.6, "magnitude_sigma": 17.0, "magnitude_metric": "nbr", "count": 3, "confidence": "high",
        "change_type": "unclassified", "driver": None, "probability": None, "model": None, "baseline": "own history",
        "simulated": True,
    }  # fmt: skip
    return Alert(**(fields | changes))


__all__ = ["CLASSES", "FEATURES", "LIGHT", "MODEL", "PLANES", "RADAR", "TINY", "Fixed", "alert", "drawn", "judged_of", "looks_of",
           "moments_of", "renamed", "scene", "tiny", "to_day"]  # fmt: skip
