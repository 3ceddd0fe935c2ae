"""How small a fall may be that CCDC still calls a loss: values tried on training worlds, COLD beside them. SIMULATED.

    python benchmarks/segments_search.py        writes the section "CCDC, the least loss"

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
from detection.segments import Ccdc
from jobs.config import SeriesConfig, load
from jobs.evaluation.archives import PixelArchive
from jobs.evaluation.figures import apart
from jobs.evaluation.judging import sample, weighed
from jobs.evaluation.pieces import open_piece, pieces

SEEDS: Final = (103, 104, 105)
TRIED: Final = (0.0, 0.05, 0.08, 0.1, 0.12, 0.15, 0.18)
"""NBR."""
PEER: Final = "COLD"


def detectors() -> dict[str, Dated]:
    """Every value tried, and the peer."""
    config = load(HERE / "contestants" / "ccdc.yaml")
    assert isinstance(config, SeriesConfig)
    assert isinstance(config.segments, Ccdc)
    ours = {
        f"{least:g}": Dated(PixelArchive(replace(config, segments=replace(config.segments, magnitude=least))))
        for least in TRIED
    }
    return ours | {p.name: Dated(p) for p in PEERS if p.name == PEER}


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
        f"| least fall | {' | '.join(regions)} |",
        "|---|" + "---|" * len(regions),
    ]
    lines += [f"| {name} | {' | '.join(scored(by[r]) for r in regions)} |" for name, by in found.items()]
    print("\n".join(lines))
    results.record("CCDC, the least loss", lines, "python benchmarks/segments_search.py")


if __name__ == "__main__":
    main()
