"""What an evaluation leaves behind: a table, a JSON file and plots, each of which says where its truth comes from."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from detection.accuracy.bootstrap import Difference, Estimate
from jobs.evaluation.figures import Figures, as_data
from jobs.evaluation.judging import Entry, PieceResult
from jobs.evaluation.plots import plots
from jobs.outputs import publish

SIMULATED: Final = (
    "SIMULATED: every score here is of worlds that never were; none says how a detector does on a real forest."
)
OF_A_SAMPLE: Final = "Accuracies are of this sample: for comparing detectors, not map accuracies."
MEASURES: Final = {
    "producers": "producer's accuracy",
    "users": "user's accuracy",
    "f1": "F1",
    "within": "found within 30 d",
}


@dataclass(frozen=True)
class Outcome:
    """What was written, and what is to be told."""

    folder: Path
    """Where it lies."""
    figures: tuple[Figures, ...]
    """Every figure."""
    results: tuple[PieceResult, ...]
    """Piece by piece."""
    failures: tuple[str, ...]
    """Pieces that could not be judged, a line each."""
    lines: tuple[str, ...]
    """The outcome in words."""


def write(
    folder: Path, name: str, made: Sequence[Figures], results: Sequence[PieceResult], entries: Sequence[Entry],
    facts: dict[str, Any],
) -> None:  # fmt: skip
    """Table, JSON, Markdown and plots, each whole or not at all."""
    said = SIMULATED if any(r.piece.scene for r in results) else OF_A_SAMPLE
    data = {
        "name": name, "truth": said, **facts,
        "detectors": {e.name: {"ours": e.ours, "slow": e.slow, "note": e.note} for e in entries},
        "figures": [as_data(f) for f in made],
        "alerts_matched": _matched(results),
        "cut_at_the_decision": _ahead(results),
        "notes": sorted({note for r in results for note in r.notes}),
    }  # fmt: skip
    publish(folder / "evaluation.json", json.dumps(data, indent=1, allow_nan=False, default=str).encode())
    publish(folder / "evaluation.csv", _csv(made).encode())
    publish(folder / "evaluation.md", "\n".join([f"# {name}", "", said, "", *markdown(made), ""]).encode())
    for title, png in plots(made, said).items():
        publish(folder / f"{title}.png", png)


def _csv(made: Sequence[Figures]) -> str:
    """One row a figure: group, detector, stage, figure, value, low, high, of."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["region", "variant", "detector", "stage", "figure", "value", "low", "high", "of"])
    for f in made:
        rows: list[tuple[str, Estimate | Difference]] = [
            *f.accuracy.items(), *((f"{m} minus reference", d) for m, d in f.minus.items()),
            ("median days", f.median_days), ("p80 days", f.p80_days), ("false ha per Mha and year", f.per_mha_year),
            *((f"false ha per Mha and year, {s}", e) for s, e in f.strata.items()),
            *((f"found, {d}", e) for d, e in f.drivers.items()), *((f"events found, {s} ha", e) for s, e in f.sizes.items()),
            *((f"alarms per 1000, {k}", h.alarms_per_1000) for k, h in f.hard.items()),
        ]  # fmt: skip
        for figure, e in rows:
            table.writerow([*f.group, f.detector, f.stage, figure, *_ends(e), getattr(e, "of", "")])
    return text.getvalue()


def _ends(e: Estimate | Difference) -> list[str]:
    return ["" if v is None else f"{v:.6g}" for v in (e.value, e.low, e.high)]


def markdown(made: Sequence[Figures]) -> list[str]:
    """One table a group and stage, detectors in their order; an interval in brackets, `-` where nothing was judged."""
    lines: list[str] = []
    for key in dict.fromkeys((f.group, f.stage) for f in made):
        mine = [f for f in made if (f.group, f.stage) == key]
        lines += [f"## {', '.join(part for part in key[0] if part)}: {key[1]} alarms", ""]
        lines += [
            "| detector | PA | UA | F1 | F1 minus reference | median d | within 30 d | false ha per Mha and year |"
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(_cells(f))} |" for f in mine] + [""]
    return lines


def _cells(f: Figures) -> list[str]:
    a = f.accuracy
    shown = [f.detector, *(in_brackets(a[m]) for m in ("producers", "users", "f1"))]
    shown += [in_brackets(f.minus["f1"], sign=True) if f.minus else "reference"]
    return [*shown, in_brackets(f.median_days, 0), in_brackets(a["within"]), in_brackets(f.per_mha_year, 0)]


def in_brackets(e: Estimate | Difference, digits: int = 2, *, sign: bool = False) -> str:
    """`.91 [.88, .94]`, `-` for a figure of nothing."""
    if e.value is None:
        return "-"
    form = f"{'+' if sign else ''}.{digits}f"
    inside = "" if e.low is None and e.high is None else f" [{_or_more(e.low, form)}, {_or_more(e.high, form)}]"
    return f"{e.value:{form}}{inside}"


def _or_more(end: float | None, form: str) -> str:
    return "-" if end is None else f"{end:{form}}"


def _matched(results: Sequence[PieceResult]) -> dict[str, Any]:
    """Job -> region and variant -> its alerts against the events, summed over the pieces."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    for r in results:
        for name, m in r.alerts.items():
            sums = table.setdefault(name, {}).setdefault(", ".join(r.piece.group), {})
            for key, value in {
                "events_found": len(m.pairs), "events_missed": len(m.missed), "alerts_false": len(m.false),
                "alerts_correct": round((m.precision.value or 0) * m.precision.of), "alerts_neutral": m.neutral_claims,
                "events_still_open": m.still_open, "events_outside_span": m.outside_span, "events_cut_off": m.cut_off,
            }.items():  # fmt: skip
                sums[key] = sums.get(key, 0) + value
    return table


def _ahead(results: Sequence[PieceResult]) -> dict[str, dict[str, int]]:
    names = sorted({name for r in results for name in r.ahead})
    return {
        name: {"series": sum(r.ahead[name][0] for r in results if name in r.ahead),
               "changed_their_mind": sum(r.ahead[name][1] for r in results if name in r.ahead)}
        for name in names
    }  # fmt: skip
