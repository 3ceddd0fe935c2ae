"""Judging changes found in the series sets by the scorer that lies beside their truth tables, and making it fail on purpose."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import pandas as pd

BOOT: Final = 500
"""Resamples of an interval."""
YEAR: Final = pd.Timedelta(days=365)
COLUMNS: Final = (
    *("set", "config", "from", "stage", "events found", "producer's", "user's", "false alarms a series-year"),
    *("stable flagged", "repeats, late", "median days", "not monitored"),
)
HEAD: Final = (f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|")


def scorer(shared: Path) -> ModuleType:
    """The scorer that lies beside the truth tables."""
    spec = importlib.util.spec_from_file_location("score", shared / "checks" / "score.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{shared}/checks/score.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def truth_of(shared: Path, name: str) -> pd.DataFrame:
    """The truth table of a set."""
    table: pd.DataFrame = scorer(shared).load_truth(shared / "checks" / "truth" / f"{name}.csv")
    return table


def rows(judge: ModuleType, words: str, truth: pd.DataFrame, found: pd.DataFrame, watched: pd.DataFrame) -> list[str]:
    """A row of the table HEAD for each stage. watched: `series_id, status`; what is not monitored counts as missed."""
    result = judge.score(truth, found, boot=BOOT)
    lost = watched[watched.series_id.isin(truth.series_id)].status != "monitored"
    return [
        f"| {words} | {stage} | {_figures(result[stage])} | {repeats(judge, truth, found, stage)} | "
        f"{_days(result[stage])} | {lost.sum()} of {len(lost)} |"
        for stage in ("first", "confirmed")
    ]


def _figures(q: dict[str, Any]) -> str:
    """Counts, and shares with their 95 % intervals over blocks (false alarms a year: Poisson)."""
    ci = q["ci95"]
    return (
        f"{q['hits']} of {q['n_events']} | {q['producers']} {_span(ci['producers'])} | {q['users']} {_span(ci['users'])} | "
        f"{q['false_alarms_per_series_year']} {_span(q['false_alarms_per_series_year_ci'])} ({q['false_alarms']}) | "
        f"{q['stable_series_flagged']} of {q['stable_series']}"
    )


def _days(q: dict[str, Any]) -> str:
    if "latency" not in q:
        return "undated"
    median = q["latency"]["km_median"]
    return f"{'-' if median is None else f'{median:g}'} {_span(q['ci95']['km_median'])}"


def _span(pair: list[float | None]) -> str:
    return "[" + ", ".join("-" if end is None else f"{end:g}" for end in pair) + "]"


def repeats(judge: ModuleType, truth: pd.DataFrame, found: pd.DataFrame, stage: str) -> int:
    """Alarms within the window of an event beside its hit: repeated, or too late to be one."""
    by_series, count = judge.alarms(found, stage), 0
    for row in judge.prepare(truth[truth.primary]):
        alarms = by_series.get(row[0], [])
        hits = [hit for _, hit in judge.judge(row, alarms)[0] if hit]
        count += sum(any(w[0] <= day <= w[1] for w in row[6]) for day, _ in alarms) - len(hits)
    return count


def against(judge: ModuleType, truth: pd.DataFrame, one: pd.DataFrame, two: pd.DataFrame) -> str:
    """Confirmed alarms of one detector minus another's, on the same resamples."""
    made = judge.compare(truth, one, two, boot=BOOT)["confirmed"]
    words = {"producers": "producer's", "users": "user's", "f1": "F1"}
    return "; ".join(f"{word} {made[key]['difference']:+} {_span(made[key]['ci95'])}" for key, word in words.items())


def later(truth: pd.DataFrame) -> pd.DataFrame:
    """The truth with every event a year later than it was."""
    return truth.assign(change_start=truth.change_start + YEAR, change_end=truth.change_end + YEAR)


def shuffled(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The changes found, each series' given to another one of the truth at random."""
    names = truth.series_id.unique()
    other = dict(zip(names, np.random.default_rng(1).permutation(names), strict=True))
    return found.assign(series_id=found.series_id.map(other)).dropna(subset=["series_id"])


def constant(table: pd.DataFrame) -> pd.DataFrame:
    """A table that shows nothing: every column at the median of its series."""
    names = table.columns.drop(["series_id", "date"])
    return table.assign(**{name: table.groupby("series_id")[name].transform("median") for name in names})
