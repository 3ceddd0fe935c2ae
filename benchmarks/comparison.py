"""Every detector that exists against every peer, on simulated worlds: `benchmarks/comparison.yaml` is the plan.

    python benchmarks/comparison.py              everything (under an hour on 2 cores)
    python benchmarks/comparison.py --exposure   the false alarms over many years alone
    python benchmarks/comparison.py --jobs       ours by season, and the fused job as a whole line, on smaller worlds, alone
    python benchmarks/comparison.py --fine       the fused job on the 10 m grid, alone
    python benchmarks/comparison.py --small      one small world a region and variant (under 5 minutes), nothing recorded

Peers run at their published settings and, where the search on the training worlds (`benchmarks/tuning.py`) found others,
at those too; ours likewise. SIMULATED throughout.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import results
from ablations import ablations, at_equal_alarms, grades
from peers import MISSING, PEERS
from seasons import by_season
from tuning import TUNED, ours

from detection.accuracy.rates import HardNegative
from detection.monitors.cusum import Cusum
from detection.monitors.ewma import Ewma
from jobs.clock import now
from jobs.config import EvaluateConfig, load
from jobs.evaluation.figures import Figures
from jobs.evaluation.judging import Entry
from jobs.evaluation.outcome import Outcome, in_brackets, markdown
from jobs.evaluation.run import blind_log, evaluate
from jobs.progress import shown

HERE: Final = Path(__file__).parent
OUT: Final = Path("out")
TUNED_NAME: Final = " (tuned)"
ALSO_WIDE: Final = ("DIST-ALERT-HLS",)
"""Peers whose false alarms are counted over the larger exposure as well."""
INTACT: Final = ("intact", "swamp", "bamboo", "steep")
"""Strata of primary forest far from access."""
LEAST_MHA_YEARS: Final = 0.5
COMMAND: Final = "python benchmarks/comparison.py"
FALSE_ALARMS: Final = (
    "### False alarms in intact forest",
    "",
    "Hectares per million hectares and year, confirmed and (first); strata far from roads and rivers, every cell, Poisson",
    "intervals that take cells for independent; a figure of 0 has its one-sided 95 % bound.",
    "",
)
NO_LOSS: Final = (
    "### What is no loss",
    "",
    "Events with at least one confirmed false alarm, of 1000 events of the kind (a flood: one a world and year);",
    "after the semicolon false alarms of 1000 cells that they touched.",
    "",
)
SAMPLED: Final = ("nrt", "bayts", "dist-s1")
"""Peers that are run on the sample only, though they are not the slowest: by the beginning of their names, small letters."""


def entries() -> list[Entry]:
    """The peers at their published settings, then everybody's tuned setting where it differs."""
    made = [_entry(peer, peer.name, peer.published) for peer in PEERS]
    tuned = json.loads(TUNED.read_text(encoding="utf-8")) if TUNED.exists() else {}
    for peer in PEERS:
        best = tuned.get(peer.name)
        if best and best["setting"]:
            made.append(_entry((peer, *peer.choices())[best["setting"]], f"{peer.name}{TUNED_NAME}", _note(best)))
    for mine in ours():
        best = tuned.get(mine.name)
        if best and mine.settings[best["setting"]].config.monitor not in (Cusum(), Ewma()):
            detector = mine.settings[best["setting"]]
            made.append(Entry(f"{mine.name}{TUNED_NAME}", detector, detector.planes, slow=True, note=_note(best)))
    return made


def _entry(peer: Any, name: str, note: str) -> Entry:
    slow = peer.slow or name.lower().startswith(SAMPLED) or name.endswith(TUNED_NAME)
    return Entry(name, peer, peer.planes, slow, ours=False, note=note)


def _note(best: dict[str, Any]) -> str:
    said = ", ".join(f"{k} {v}" for k, v in best["said"].items())
    return f"best of {best['of']} settings on the training worlds (F1 {best['f1']}): {said}"


def plan(name: str) -> EvaluateConfig:
    """A plan of this folder."""
    found = load(HERE / f"{name}.yaml")
    assert isinstance(found, EvaluateConfig)
    return replace(found, output=replace(found.output, folder=OUT))


def small(asked: EvaluateConfig) -> EvaluateConfig:
    """One small world of each kind, two monitored years."""
    data = replace(
        asked.data, seeds=(3901,), cells=112, start=date(2020, 1, 1), monitor_from=date(2023, 1, 1),
        end=date(2025, 1, 1), sample=1500,
    )  # fmt: skip
    comparison = replace(asked.comparison, draws=200)
    return replace(asked, name=f"{asked.name}-small", data=data, comparison=comparison)


def main() -> None:
    """Run the plans, write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--exposure", action="store_true", help="The false alarms alone, in a section of their own.")
    parser.add_argument(
        "--jobs", action="store_true", help="Ours by season and the fused job, in a section of their own."
    )
    parser.add_argument("--fine", action="store_true", help="The fused job on the 10 m grid, in a section of its own.")
    parser.add_argument("--why", default="comparison with the peers")
    given = parser.parse_args()
    begun = time.monotonic()
    asked = plan("comparison")
    with shown() as progress:
        if given.small:
            outcome = evaluate(small(asked), now=now, others=entries(), progress=progress, why=f"{given.why}, small")
            print("\n".join(outcome.lines))
            return
        if given.jobs:
            asked = plan("comparison-jobs")
            alone = evaluate(asked, now=now, progress=progress, why=given.why)
            results.record("Jobs and seasons", seasons(alone, asked, time.monotonic() - begun), f"{COMMAND} --jobs")
            return
        if given.fine:
            asked = plan("comparison-fine")
            alone = evaluate(asked, now=now, progress=progress, why=f"{given.why}, 10 m grid")
            results.record("The 10 m grid", fine(alone, time.monotonic() - begun), f"{COMMAND} --fine")
            return
        if not given.exposure:
            everybody = [*entries(), *grades(), *ablations()]
            compared = evaluate(asked, now=now, others=everybody, progress=progress, why=given.why)
            lines = written(compared, asked, time.monotonic() - begun)
            results.record("Detectors compared", lines, COMMAND)
        begun, asked = time.monotonic(), plan("comparison-exposure")
        fast = [e for e in entries() if e.name in ALSO_WIDE]
        wide = evaluate(asked, now=now, others=fast, progress=progress, why=given.why)
    results.record("False alarms", exposed(wide, time.monotonic() - begun), f"{COMMAND} --exposure")


def seasons(alone: Outcome, asked: EvaluateConfig, seconds: float) -> list[str]:
    """The section of RESULTS.md on whole lines and seasons."""
    names = [one.name for one in asked.detectors]
    return [
        "SIMULATED, `benchmarks/comparison-jobs.yaml`: `job` and `fused job` are the whole line with the models they name,",
        "`fused job unjudged` has none; of their alerts every confirmed cell counts. `fusion` and `cusum` are one pixel and no",
        'neighbours. Words as in "Detectors compared".',
        "",
        *markdown([f for f in alone.figures if f.stage == "confirmed"]),
        "### By season: days by which half of the losses are found",
        "",
        *by_season(alone.results, names, asked.comparison),
        *FALSE_ALARMS,
        *_false([f for f in alone.figures if f.everything]),
        *(f"- could not be judged: {line}" for line in alone.failures),
        f"Wall time {seconds / 60:.0f} minutes.",
    ]


def fine(alone: Outcome, seconds: float) -> list[str]:
    """The section of RESULTS.md on the 10 m grid."""
    confirmed = [f for f in alone.figures if f.stage == "confirmed"]
    return [
        "SIMULATED, `benchmarks/comparison-fine.yaml`: Sentinel-2 and Sentinel-1 on the 10 m grid, a smallest mapped area of .1",
        'ha; the model learnt on the 30 m grid. Words as in "Detectors compared".',
        "",
        *markdown(confirmed),
        "### Events of which half or more is found and confirmed, by size",
        "",
        *_sizes(confirmed),
        *NO_LOSS,
        *_hard(alone.figures),
        *(f"- could not be judged: {line}" for line in alone.failures),
        f"Wall time {seconds / 60:.0f} minutes.",
    ]


def _sizes(made: Sequence[Figures]) -> list[str]:
    """Rows: variants; columns: sizes in hectares."""
    mine = [f for f in made if f.group[0] == "all regions"]
    sizes = list(dict.fromkeys(size for f in mine for size in f.sizes))
    rows = [
        f"| {f.group[1]} | {f.detector} | "
        f"{' | '.join(in_brackets(f.sizes[size], 2) if size in f.sizes else '-' for size in sizes)} |"
        for f in mine
    ]
    return [f"| variant | detector | {' | '.join(sizes)} |", "|---|---|" + "---|" * len(sizes), *rows, ""]


def exposed(wide: Outcome, seconds: float) -> list[str]:
    """The section of RESULTS.md on false alarms."""
    return [
        "SIMULATED, `benchmarks/comparison-exposure.yaml`: Landsat alone, nineteen monitored years.",
        "",
        *FALSE_ALARMS,
        *_false(wide.figures),
        *NO_LOSS,
        *_hard(wide.figures),
        f"Wall time {seconds / 60:.0f} minutes; {sum(r.series for r in wide.results):,} series.",
    ]


def written(compared: Outcome, asked: EvaluateConfig, seconds: float) -> list[str]:
    """The section of RESULTS.md."""
    who, parts = entries(), {e.name for e in (*grades(), *ablations())}
    return [
        "SIMULATED: worlds of `detection/simulator`, in two variants that share no assumption that could be moved; the scores",
        "compare detectors with each other and say nothing about a real forest. The plan (primary figure, strata, seeds) is",
        (
            "`benchmarks/comparison.yaml`, fixed before its first run; evaluations on the blind variant so far: "
            f"{len(blind_log(asked.blind_log))}, listed in `{asked.blind_log}`."
        ),
        "",
        "PA: share of the lost pixels found (weighted to the world; clearing, mining, road, landslide), UA: share of the alarms",
        "that are true, both of confirmed alarms unless a heading says first; days: by which half are found, misses censored;",
        "in brackets 95 % intervals over blocks of 1920 m. `job` is the whole line (common mode, patches, minimum mapping unit,",
        "model), of whose alerts every confirmed cell counts; the other names of ours are one pixel and no neighbours, as are",
        "all peers.",
        "",
        *(f"- {name}: did not run, {reason}" for name, reason in MISSING.items()),
        *markdown([f for f in compared.figures if f.detector not in parts]),
        "### At equal false alarms",
        "",
        "Confirmed alarms on the sample; the fusion at the grade whose false alarms are nearest at or below those of the peer.",
        "",
        *at_equal_alarms(compared.results, who, asked.comparison),
        "### The fusion with something taken away, confirmed alarms",
        "",
        *markdown([f for f in compared.figures if f.stage == "confirmed" and f.detector in {"fusion", *parts}]),
        *FALSE_ALARMS,
        *_false([f for f in compared.figures if f.everything]),
        "### Looking ahead",
        "",
        "Series cut at the day of the decision, and those of which the detector then said something else:",
        "",
        *_ahead(compared),
        "### Settings",
        "",
        *(f"- {e.name}: {e.note}" for e in who if e.note),
        "",
        (
            f"Wall time {seconds / 60:.0f} minutes; {sum(r.series for r in compared.results):,} series judged, "
            f"{sum(r.sampled for r in compared.results):,} of them by everybody."
        ),
    ]


def _false(made: Sequence[Figures]) -> list[str]:
    """Rows: region and variant; columns: detectors; the exposure beside them."""
    names = list(dict.fromkeys(f.detector for f in made))
    by = {(f.group, f.detector, f.stage): f for f in made}
    lines = [f"| where | stratum | Mha-years | {' | '.join(names)} |", "|---|---|---|" + "---|" * len(names)]
    for group in dict.fromkeys(f.group for f in made):
        if group[0] == "all regions":
            continue
        for stratum in INTACT:
            exposed = by[group, names[0], "confirmed"].exposed_mha_years.get(stratum, 0.0)
            if exposed:
                shown_ = [_pair(by, group, name, stratum) for name in names]
                lines.append(f"| {', '.join(group)} | {stratum} | {exposed:.3f} | {' | '.join(shown_)} |")
        total = sum(by[group, names[0], "confirmed"].exposed_mha_years.get(s, 0.0) for s in INTACT)
        verdict = "" if total >= LEAST_MHA_YEARS else f", under the {LEAST_MHA_YEARS} wanted"
        lines.append(f"| {', '.join(group)} | intact forest in all | {total:.3f}{verdict} |" + " |" * len(names))
    return [*lines, ""]


def _pair(by: dict[Any, Figures], group: tuple[str, str], name: str, stratum: str) -> str:
    confirmed, first = (by[group, name, stage].strata[stratum] for stage in ("confirmed", "first"))
    return f"{in_brackets(confirmed, 0)} ({in_brackets(first, 0)})"


def _hard(made: Sequence[Figures]) -> list[str]:
    mine = [f for f in made if f.stage == "confirmed" and f.group[0] != "all regions"]
    names = list(dict.fromkeys(f.detector for f in mine))
    lines = [f"| where | what | events | {' | '.join(names)} |", "|---|---|---|" + "---|" * len(names)]
    for group in dict.fromkeys(f.group for f in mine):
        of = {f.detector: f for f in mine if f.group == group}
        for kind in dict.fromkeys(kind for f in of.values() for kind in f.hard):
            events = next(f.hard[kind].events for f in of.values() if kind in f.hard)
            cells = [_both(of[n].hard[kind]) if kind in of[n].hard else "-" for n in names]
            lines.append(f"| {', '.join(group)} | {kind} | {events} | {' | '.join(cells)} |")
    return [*lines, ""]


def _both(one: HardNegative) -> str:
    return f"{in_brackets(one.alarmed_per_1000, 0)}; {1000 * one.alarms / one.series:.1f}"


def _ahead(compared: Outcome) -> list[str]:
    sums: dict[str, list[int]] = {}
    for r in compared.results:
        for name, (checked, offended) in r.ahead.items():
            both = sums.setdefault(name, [0, 0])
            both[0], both[1] = both[0] + checked, both[1] + offended
    return [f"- {name}: {checked} series, {offended} changed" for name, (checked, offended) in sums.items()] + [""]


if __name__ == "__main__":
    main()
