"""What kind of change the losses of whole archives are said to be, against what really happened, cell by cell. SIMULATED.

    python benchmarks/kinds_archives.py     ten years of Landsat, both variants, three regions: a world by lot, two sought

A cell counts by what is said of its last loss, as the rasters `change_type` and `driver` of a history have it; losses that are
said to be none, or of which nothing is said, do not count as found. Worlds and words as in `benchmarks/kinds.py`.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import results
from kinds import NONE, Cells, happened, peat_below, peat_map, sought, table

from detection.codes import CHANGE_TYPES, DRIVERS
from detection.context import known
from detection.monitors import Looks
from detection.simulator.truth import series_truth
from detection.sources.simulated import SimulatedParameters, grid_of, truth
from detection.types import Float, Planes
from jobs.clock import now
from jobs.config import EvaluateConfig, load
from jobs.evaluation.asked import SimulatedTruth
from jobs.evaluation.pieces import pieces
from jobs.evaluation.run import record_blind
from jobs.history.word import heard, layers
from models.decide import judged, mapped
from models.predict import wanted
from models.recipes import ARCHIVE
from models.registry import Model
from models.registry import load as load_model
from models.stream import cut, looked_at

HOME: Final = Path(__file__).parent
SINCE: Final = date(2015, 1, 1)
DATA: Final = SimulatedTruth(
    seeds=(3301,), cells=160, sensors=("landsat",), start=date(2014, 1, 1), monitor_from=SINCE, end=date(2025, 1, 1)
)


def said_of(scene: SimulatedParameters, model: Model, maps: Sequence[Float | None]) -> list[Cells]:
    """What is true and what is said of every judged cell of a world, once without and once with each map of peat."""
    assert ARCHIVE.segments is not None
    by = Planes((ARCHIVE.prepare.index, *ARCHIVE.planes))
    seen = cut(looked_at(scene, ARCHIVE.prepare, planes=by), ARCHIVE.segments)
    told = truth(replace(scene, start=SINCE))
    known_, mine, grid = series_truth(scene.site, told), np.flatnonzero(told.forest), grid_of(scene)
    part = heard(seen.cube, Looks.of(seen.cube), seen.found, wanted(model))
    found = judged(model, part.told, part.ground)
    made, ground = [], peat_below(scene, SINCE).ravel()[mine]
    for peat in maps:
        drawn = layers(found if peat is None else mapped(found, peat, (grid.first_row, grid.first_column)), grid)
        kinds, drivers = (
            np.array([NONE, *names])[drawn[name]].ravel()[mine]
            for name, names in (("change_type", CHANGE_TYPES), ("driver", DRIVERS))
        )
        quiet = np.isin(kinds, ("other", "unclassified"))
        said = (np.where(quiet, NONE, one) for one in (kinds, drivers))
        made.append(Cells(happened(known_), ground, *said, known_.weight, known_.block.astype(np.int64)))
    return made


def main() -> None:
    """Judge every world, write what came of it."""
    begun, asked = time.monotonic(), load(HOME / "comparison-archives.yaml")
    assert isinstance(asked, EvaluateConfig)
    model = load_model(ARCHIVE.name, ARCHIVE.version)
    record_blind(replace(asked, data=DATA), [model.identity], now(), "kinds of change in archives")
    found: dict[str, list[Cells]] = {}
    worlds = [("by lot", one) for one in pieces("archive", DATA)] + [("sought", one) for one in sought(DATA)]
    with tempfile.TemporaryDirectory() as folder:
        for how, piece in worlds:
            assert piece.scene is not None
            peaty = piece.scene.region == "loreto-peatland"
            peat = known(peat_map(piece.scene, SINCE, Path(folder)), grid_of(piece.scene)) if peaty else None
            made = said_of(piece.scene, model, [None, peat] if peaty else [None])
            found.setdefault(f"{piece.group[1]}, worlds {how}", []).append(made[0])
            for name, cells in zip(("no map", "a map four cells off"), made, strict=False):
                if peaty:
                    found.setdefault(f"{piece.group[1]}, the peatland with {name}", []).append(cells)
            print(how, piece.name, f"{time.monotonic() - begun:.0f} s", flush=True)
    lines = [
        f"SIMULATED. Ten years of Landsat, `ccdc`, {model.identity}: what is said of the last loss of a cell, against what",
        "happened; weighted to the world, 95 % intervals from resampled blocks. Producer's accuracy counts harm that was not",
        "found. In worlds that were sought rare kinds are more common than they are: user's accuracies hold there alone.",
    ]
    for title, parts in sorted(found.items(), key=lambda pair: pair[0].split(",")[0], reverse=True):
        lines += ["", f"### {title}", "", *table(parts)]
    lines += ["", f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes."]
    results.record("Kinds of change in archives", lines, "python benchmarks/kinds_archives.py")


if __name__ == "__main__":
    main()
