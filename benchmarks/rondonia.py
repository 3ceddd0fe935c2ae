"""Deforestation told from all else in a year of real Sentinel-2 composites: our features beside the raw bands.

    python benchmarks/rondonia.py [--shared FOLDER] [--repeats N]

Real: 241 labelled points of Rondonia, 36 dates, 21 of them deforestation (shared/checks). F1 of deforestation against the
rest, 5 folds, so many repeats; every classifier sees the same folds, and thresholds are chosen on the training part of each:
that of the best F1 of its out-of-bag votes. The interval is a bootstrap over the points of the mean difference of F1.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from results import record
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from detection.prepare.indices import index_from
from models.traces import traces

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
PLANES: Final = ("nbr", "ndmi", "ndvi", "green", "red", "nir", "swir1", "swir2")
SOUGHT: Final = "Deforestation"
TREES, DRAWS = 300, 2000
PLAIN: Final = "bands as they are, forest at .5"
WAYS: Final = (
    PLAIN,
    "bands, threshold within",
    "traces, forest at .5",
    "traces, threshold within",
    "traces, three classes",
)


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("SACHAWATCH_SHARED", str(Path(__file__).parents[2] / "shared"))
    parser.add_argument("--shared", type=Path, default=Path(default), help="folder with checks/")
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    labels, raw, made = points(asked.shared)
    called, scores = judged(labels, raw, made, asked.repeats)
    true = labels == SOUGHT
    lines = [
        f"Real Sentinel-2, {len(labels)} points of Rondonia, {true.sum()} of them deforestation; mean of {asked.repeats} repeats",
        "of 5 folds. Random folds: points of one neighbourhood may lie on both sides. Nothing was trained outside the folds.",
        "",
        "| features and rule | F1 | least and most of the repeats | area under ROC | F1 minus that of the bands [95 %] |",
        "|---|---|---|---|---|",
    ]
    for way in WAYS:
        each = [f1_score(true, one) for one in called[way]]
        apart = "-" if way == PLAIN else interval(true, called[way], called[PLAIN])
        lines.append(
            f"| {way} | {np.mean(each):.3f} | {min(each):.3f} to {max(each):.3f} | {scores[way]:.3f} | {apart} |"
        )
    shuffled = np.random.default_rng(0).permutation(labels)
    wrong, _ = judged(shuffled, raw, made, 2)
    fallen = np.mean([f1_score(shuffled == SOUGHT, one) for one in wrong[WAYS[3]]])
    lines += ["", f"With the labels shuffled, traces with the threshold within: F1 {fallen:.3f} (2 repeats)."]
    print("\n".join(lines))
    record("Deforestation in a year of composites", lines, "python benchmarks/rondonia.py")


def points(shared: Path) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
    """(point,) labels, (point, date and band) reflectance, (point, feature) of `models.traces`."""
    table = pd.read_csv(shared / "checks/series/rondonia.csv.gz").sort_values(["series_id", "date"])
    truth = pd.read_csv(shared / "checks/truth/rondonia.csv").set_index("series_id")
    wide = {band: table.pivot(index="date", columns="series_id", values=band).astype(np.float32) for band in BANDS}
    bands = {band: values.to_numpy() for band, values in wide.items()}
    planes = bands | {name: index_from(name, bands) for name in PLANES if name not in BANDS}
    raw = np.concatenate([bands[band] for band in BANDS]).T
    return truth.loc[wide["red"].columns, "label"].to_numpy(), raw, traces({name: planes[name] for name in PLANES})


def judged(
    labels: NDArray[Any], raw: NDArray[np.float32], made: NDArray[np.float32], repeats: int
) -> tuple[dict[str, list[NDArray[np.bool_]]], dict[str, float]]:
    """Way -> what is called deforestation in every repeat; way -> mean area under ROC."""
    true = labels == SOUGHT
    called: dict[str, list[NDArray[np.bool_]]] = {way: [] for way in WAYS}
    areas: dict[str, list[float]] = {way: [] for way in WAYS}
    for repeat in range(repeats):
        said, sure = {way: np.zeros(len(true), np.bool_) for way in WAYS}, {way: np.zeros(len(true)) for way in WAYS}
        for known, new in StratifiedKFold(5, shuffle=True, random_state=repeat).split(made, true):
            for way, votes, bound in fold(labels, raw, made, known, new):
                sure[way][new], said[way][new] = votes, votes >= bound
        for way in WAYS:
            called[way].append(said[way])
            areas[way].append(float(roc_auc_score(true, sure[way])))
    return called, {way: float(np.mean(some)) for way, some in areas.items()}


def fold(
    labels: NDArray[Any],
    raw: NDArray[np.float32],
    made: NDArray[np.float32],
    known: NDArray[np.int64],
    new: NDArray[np.int64],
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64] | float]]:
    """(way, votes for deforestation at the new points, bound from which they are called so)."""
    true = labels[known] == SOUGHT
    for rows, at_half, within in ((raw, WAYS[0], WAYS[1]), (made, WAYS[2], WAYS[3])):
        forest = RandomForestClassifier(TREES, random_state=0, oob_score=True, n_jobs=1).fit(rows[known], true)
        votes = forest.predict_proba(rows[new])[:, 1]
        yield at_half, votes, 0.5
        yield within, votes, best_bound(forest.oob_decision_function_[:, 1], true)
    classes = RandomForestClassifier(TREES, random_state=0, n_jobs=1).fit(made[known], labels[known])
    shares, mine = classes.predict_proba(made[new]), list(classes.classes_).index(SOUGHT)
    yield WAYS[4], shares[:, mine], shares.max(1)


def best_bound(votes: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """The bound of the greatest F1, half way to the next vote below it."""
    order = np.argsort(-votes, kind="stable")
    hits = np.cumsum(true[order])
    best = int((2 * hits / (np.arange(1, len(votes) + 1) + true.sum())).argmax())
    return float(votes[order[best : best + 2]].mean())


def interval(true: NDArray[np.bool_], one: list[NDArray[np.bool_]], other: list[NDArray[np.bool_]]) -> str:
    """Mean difference of F1 with its 95 % interval: points are drawn, the same for both and for all repeats."""
    rng, both = np.random.default_rng(1), np.stack([np.stack(one), np.stack(other)])
    drawn = []
    for _ in range(DRAWS):
        some = rng.integers(0, len(true), len(true))
        hits, calls = (both[..., some] & true[some]).sum(-1), both[..., some].sum(-1)
        f1 = 2 * hits / np.maximum(calls + true[some].sum(), 1)
        drawn.append(float((f1[0] - f1[1]).mean()))
    mean = np.mean([f1_score(true, a) - f1_score(true, b) for a, b in zip(one, other, strict=True)])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()
