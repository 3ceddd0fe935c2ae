"""Walking a random forest, ours beside scikit-learn's predict_proba on the same rows: the work of shared/peers/bench_rf2.py.

    python benchmarks/forest_speed.py

8,000 samples of 30 features in 5 classes, 5 % of the labels wrong; 20,000 rows to classify. One thread, CPU time, both
alternating in one process; medians. The forests are also compared with onnxruntime and treelite in shared/references/peers.md 6.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from results import record
from sklearn.ensemble import RandomForestClassifier
from timed import compilation, cpu

from models.classifier import Stand
from models.estimators import RandomForest, core_of

ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
FEATURES, CLASSES, SAMPLES, ROWS, ROUNDS = 30, 5, 8_000, 20_000, 9
FORESTS: Final[dict[str, dict[str, int]]] = {
    "100 trees, fully grown": {"n_estimators": 100},
    "300 trees, fully grown": {"n_estimators": 300},
    "100 trees of depth 12, 5 samples a leaf": {"n_estimators": 100, "max_depth": 12, "min_samples_leaf": 5},
}
COMPILE: Final = """
import time, numpy as np
from models.walk import LEAF, packed
trees = packed(*(np.array([v]) for v in (0, LEAF, LEAF, LEAF, 0.0)), np.ones((1, 5)))
begun = time.process_time()
trees.mean(np.zeros((64, 30), np.float32))
print(time.process_time() - begun)
"""


def main() -> None:
    """Measure and record."""
    if any(os.environ.get(variable) != "1" for variable in ONE_THREAD):
        alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=alone, check=False).returncode)
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1.0, (CLASSES, FEATURES))
    known, answers = drawn(rng, centres, SAMPLES)
    rows, _ = drawn(rng, centres, ROWS)
    lines = [
        f"{SAMPLES:,} random samples of {FEATURES} features in {CLASSES} classes, {ROWS:,} rows; CPU time, one thread,",
        f"medians of {ROUNDS} rounds in which both take turns.",
        "",
        "| forest | ours, rows a second | scikit-learn | times as fast (least, most) | other class | greatest difference |",
        "|---|---|---|---|---|---|",
    ]
    for name, grow in FORESTS.items():
        forest = RandomForestClassifier(n_jobs=1, random_state=0, **grow).fit(known, answers)  # type: ignore[arg-type]
        lines.append(f"| {name} | {beside(forest, rows)} |")
    lines += ["", compilation(COMPILE)]
    print("\n".join(lines))
    record("Walking a forest", lines, "python benchmarks/forest_speed.py")


def drawn(rng: np.random.Generator, centres: NDArray[Any], many: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows and their classes, of which one in twenty is wrong."""
    true = rng.integers(0, CLASSES, many)
    rows = (centres[true] + rng.normal(0, 1.6, (many, FEATURES))).astype(np.float32)
    return rows, np.where(rng.random(many) < 0.05, rng.integers(0, CLASSES, many), true)


def beside(forest: RandomForestClassifier, rows: NDArray[np.float32]) -> str:
    """The cells of a line of the table."""
    stand = core_of(RandomForest(), forest, [str(name) for name in forest.classes_])
    if not isinstance(stand, Stand):
        raise TypeError("a forest is no line")
    stand.probabilities(rows[:1])  # as in use: packed once, when the first row is asked about
    ours: Callable[[], Any] = lambda: stand.probabilities(rows)  # noqa: E731
    theirs: Callable[[], Any] = lambda: forest.predict_proba(rows)  # noqa: E731
    mine, other = ours(), theirs()
    pairs = [(cpu(ours), cpu(theirs)) for _ in range(ROUNDS)]
    one, two = (len(rows) / statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(b / a for a, b in pairs)
    wrong = int((mine.argmax(1) != other.argmax(1)).sum())
    times = f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f}, {ratios[-1]:.2f})"
    return f"{one:,.0f} | {two:,.0f} | {times} | {wrong} | {np.abs(mine - other).max():g}"


if __name__ == "__main__":
    main()
