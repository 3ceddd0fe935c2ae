"""How small a fall may be that is still a loss: values tried on training worlds, with the peers beside them. SIMULATED.

    python benchmarks/segments_search.py        writes the section "Whole archives, the least loss"

No world of `benchmarks/comparison-archives.yaml` is among these, and the blind variant is not touched.
"""

import time
from dataclasses import replace
from typing import Final

import results
from archives import Dated
from comparison import HERE, plan
from fusion_search import scored
from peers import PEERS

from detection.accuracy.judged import Judged
from detection.accuracy.series import judge
from detection.segments import Annual
from jobs.config import SeriesConfig, load
from jobs.evaluation.archives import PixelArchive
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import sample, weighed
from jobs.evaluation.pieces import open_piece, pieces

SEEDS: Final = (103, 104, 105)
TRIED: Final = (0.0, 0.05, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2)
"""NBR."""
TAKEN: Final = ("COLD", "LandTrendr")
"""Peers."""
DRY: Final = Annual(first_day=152, last_day=273, least_looks=1)
"""The season of the peer: June to September."""


def detectors() -> dict[str, Dated]:
    """Every value tried, and the peers."""
    made: dict[str, Dated] = {}
    for name in ("ccdc", "landtrendr"):
        config = load(HERE / "contestants" / f"{name}.yaml")
        assert isinstance(config, SeriesConfig)
        assert config.segments is not None
        for least in TRIED:
            mine = replace(config, segments=replace(config.segments, magnitude=least))
            made[f"{name} {least:g}"] = Dated(PixelArchive(mine))
            if name == "landtrendr":
                made[f"{name} {least:g}, June to September"] = Dated(PixelArchive(replace(mine, annual=DRY)))
    return made | {p.name: Dated(p) for p in PEERS if p.name in TAKEN}


def main() -> None:
    """Try and write."""
    asked = plan("comparison-archives")
    data, rules = replace(asked.data, seeds=SEEDS, variants=("open",)), asked.comparison
    planes = ("nbr", "blue", "green", "red", "nir", "swir1", "swir2")
    found: dict[str, dict[str, list[Judged]]] = {}
    for number, piece in enumerate(pieces("training", data)):
        begun = time.monotonic()
        opened = open_piece(piece, data, planes)
        keep = sample(opened.truth, data.sample, rules.seed)
        truth, stream = weighed(opened.truth, keep), opened.stream.take(opened.judged[keep])
        for name, detector in detectors().items():
            judged = apart(judge(truth, detector(stream), rules.rules, rules.stage), number)
            found.setdefault(name, {}).setdefault(piece.group[0], []).append(judged)
        print(f"{piece.name}: {time.monotonic() - begun:.0f} s", flush=True)
    regions = list(dict.fromkeys(region for by in found.values() for region in by))
    lines = [
        f"SIMULATED training worlds (seeds {', '.join(map(str, SEEDS))}, open variant), otherwise as the plan of whole",
        "archives. F1 (producer's, user's accuracy) of losses a year either way, by the least fall of NBR that is a loss.",
        "",
        f"| least fall of NBR | {' | '.join(regions)} |",
        "|---|" + "---|" * len(regions),
    ]
    lines += [f"| {name} | {' | '.join(scored(by[r]) for r in regions)} |" for name, by in found.items()]
    print("\n".join(lines))
    results.record("Whole archives, the least loss", lines, "python benchmarks/segments_search.py")


if __name__ == "__main__":
    main()
