"""Real input, mostly with truth, through the command line, with the shipped defaults: series sets and the Borneo raster job.

    python benchmarks/real_series.py [--shared FOLDER]

The folder holds data/ and checks/ (default: SACHAWATCH_SHARED, else ../shared beside this repository). Results go to
benchmarks/RESULTS.md. These sets judge the defaults: those of the CUSUM were chosen on borneo, colorado and simulated series
(section "How the defaults were chosen"), those of the fusion on simulated worlds alone (section "Fusion").
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import real_tables
import real_truth
from real_raster import raster_dates
from real_reasons import READING, WHY
from results import record

ROOT: Final = Path(__file__).parents[1]
DATES: Final = ["first_detected", "confirmed_on", "change_date"]
SHIPPED_PLANES: Final = "optical: [value]"
WITH_NIR: Final = "optical: [value, nir]"


@dataclass(frozen=True)
class Run:
    """One detector on one table."""

    table: str
    """A set with truth, or one that `real_tables` makes."""
    config: str
    """Name of a config that ships."""
    since: str
    """First day monitored."""
    nir: bool = False
    """Whether near infrared is taken as well: the one line of the config that a user with bands would change."""

    @property
    def detector(self) -> str:
        """The config in words."""
        return f"{self.config}{' + nir' if self.nir else ''}"

    @property
    def words(self) -> str:
        """Cells of a row."""
        return f"{self.table} | {self.detector} | {self.since}"


SETS: Final = (
    Run("borneo", "series-index", "2013-01-01"),
    Run("borneo", "series-fused", "2013-01-01"),
    Run("borneo", "series-index", "1990-01-01"),
    Run("borneo", "series-fused", "1990-01-01"),
    Run("colorado", "series-index", "1994-01-01"),
    Run("colorado", "series-fused", "1994-01-01"),
    Run("colorado, NBR", "series-index", "1994-01-01"),
    Run("colorado, NBR", "series-fused", "1994-01-01"),
    Run("colorado, NBR", "series-fused", "1994-01-01", nir=True),
    Run("myanmar", "series-radar", "2016-01-01"),
    Run("myanmar", "series-fused", "2016-01-01"),
)
BLINDED: Final = tuple(run for run in SETS if run.since in ("2013-01-01", "2016-01-01"))
"""Sets with dated events."""
SINGLE: Final = {
    "bolivia": ("2015-07-01", "cleared early in 2016"),
    "sichuan-fire": ("2023-01-01", "burnt 2024-03-23"),
    "logging": ("2023-01-01", "felled between 2024-03-29 and 2024-04-08"),
    "beetle": ("2004-01-01", "dies slowly from about 2007"),
    "moth": ("2012-01-01", "leaves eaten, the summer of 2017 the barest; no loss"),
    "crop": ("2021-12-14", "a field: never forest, must raise no confirmed alarm"),
}
"""Series: first day monitored, what is known of it."""


def sachawatch(*words: str | Path) -> None:
    """The installed command line, as a user runs it."""
    subprocess.run(
        [sys.executable, "-m", "jobs.cli", *map(str, words)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
    )


def detect(table: Path, run: Run, work: Path) -> tuple[Path, pd.DataFrame]:
    """(file of changes, one row a series) of `sachawatch series`."""
    text, out = (ROOT / "configs" / f"{run.config}.yaml").read_text(), work / "out.csv"
    if run.nir and SHIPPED_PLANES not in text:
        raise SystemExit(f"{run.config}: no line `{SHIPPED_PLANES}` to change")
    config = work / "config.yaml"
    config.write_text(text.replace(SHIPPED_PLANES, WITH_NIR) if run.nir else text)
    sachawatch("series", table, "--config", config, "--out", out, "--monitor-from", run.since)
    return out, pd.read_csv(f"{out}.series.csv", dtype={"series_id": str})


def table_of(shared: Path, name: str, work: Path) -> Path:
    """The table of a set, made where it does not lie ready."""
    if name != "colorado, NBR":
        return shared / "checks" / "series" / f"{name}.csv.gz"
    made = work / "colorado-nbr.csv"
    real_tables.colorado(shared).to_csv(made, index=False)
    return made


def sets(shared: Path, work: Path) -> list[str]:
    """A row a set and stage; then what the paired comparisons say."""
    judge, rows, kept = real_truth.scorer(shared), [], {}
    for run in SETS:
        out, watched = detect(table_of(shared, run.table, work), run, work)
        kept[run] = judge.load_detections(out)
        rows += real_truth.rows(judge, run.words, _truth(shared, run), kept[run], watched)
    rows += ["", "Confirmed alarms, the first minus the second on the same resamples:", ""]
    for one, two in ((one, two) for one in SETS for two in SETS if _rivals(one, two)):
        said = real_truth.against(judge, _truth(shared, one), kept[one], kept[two])
        rows.append(f"- {one.table} from {one.since}, {one.detector} minus {two.detector}: {said}")
    return [*real_truth.HEAD, *rows, "", *must_fall(shared, kept, work)]


def _truth(shared: Path, run: Run) -> pd.DataFrame:
    return real_truth.truth_of(shared, run.table.partition(",")[0])


def _rivals(one: Run, two: Run) -> bool:
    """Of one table and one day, the fusion first."""
    same = (one.table, one.since) == (two.table, two.since) and two != one
    return same and one.config == "series-fused" and (two.config != one.config or (one.nir and not two.nir))


def must_fall(shared: Path, kept: dict[Run, pd.DataFrame], work: Path) -> list[str]:
    """Producer's and user's accuracy of confirmed alarms with the truth a year late, with series exchanged, with blind input."""
    judge = real_truth.scorer(shared)
    lines = [
        "With truth or input spoilt on purpose, confirmed alarms, producer's / user's:",
        "",
        "| set | config | from | as it is | truth a year late | series exchanged | input constant |",
        "|---" * 7 + "|",
    ]
    for run in BLINDED:
        truth, table = _truth(shared, run), work / "constant.csv"
        real_truth.constant(pd.read_csv(table_of(shared, run.table, work))).to_csv(table, index=False)
        blind, found = judge.load_detections(detect(table, run, work)[0]), kept[run]
        cases = (
            (truth, found),
            (real_truth.later(truth), found),
            (truth, real_truth.shuffled(found, truth)),
            (truth, blind),
        )
        said = [judge.score(seen, made, boot=0)["confirmed"] for seen, made in cases]
        cells = " | ".join(f"{q['producers']} / {q['users']}" for q in said)
        lines.append(f"| {run.words} | {cells} |")
    return lines


def singles(shared: Path, work: Path) -> list[str]:
    """Every change found in the series of one pixel."""
    rows = [
        "| series | config | from | history looks, status | first, confirmed, change | known of it |",
        "|---" * 6 + "|",
    ]
    for name, (since, known) in SINGLE.items():
        table = work / f"{name}.csv"
        _single(shared, name).to_csv(table, index=False)
        for config, nir in (("series-index", False), ("series-fused", False), ("series-fused", True)):
            if nir and name == "bolivia":
                continue
            run = Run(name, config, since, nir)
            out, watched = detect(table, run, work)
            rows.append(f"| {run.words} | {_status(watched)} | {_dates(out)} | {known} |")
    return rows


def _single(shared: Path, name: str) -> pd.DataFrame:
    if name == "bolivia":
        table = pd.read_csv(shared / "checks" / "series" / "pixels.csv.gz")
        return table.loc[table.series_id == name, ["series_id", "date", "value", "vv"]]
    return pd.concat(real_tables.logging(shared)) if name == "logging" else real_tables.pixel(shared, name)


def _status(watched: pd.DataFrame) -> str:
    return ", ".join(f"{row.history_looks} {row.status}" for row in watched.itertuples())


def _dates(out: Path) -> str:
    found = pd.read_csv(out, dtype=str, keep_default_na=False)
    return "; ".join(", ".join(day or "never" for day in row) for row in found[DATES].to_numpy()) or "nothing"


def increments(shared: Path, work: Path) -> list[str]:
    """The logged pixel run anew after each increment: each change as it is then known must be what the whole series says."""
    lines, parts = [], [part for part in real_tables.logging(shared) if len(part)]
    for config in ("series-index", "series-fused"):
        told = []
        for count in range(1, len(parts) + 1):
            table = work / "part.csv"
            pd.concat(parts[:count]).to_csv(table, index=False)
            out, _ = detect(table, Run("logging", config, SINGLE["logging"][0]), work)
            told.append((parts[count - 1].date.max(), pd.read_csv(out, dtype=str, keep_default_na=False)[DATES]))
        whole = told[-1][1]
        equal = sum(known_then(whole, day).equals(then) for day, then in told)
        lines.append(
            f"- `logging` in increments, {config}: {equal} of {len(told)} tell what the whole series tells by then"
        )
    return lines


def known_then(whole: pd.DataFrame, day: str) -> pd.DataFrame:
    """The changes of a whole series as far as they were decided by a day."""
    then = whole[whole.first_detected <= day].reset_index(drop=True)
    return then.assign(confirmed_on=then.confirmed_on.where(then.confirmed_on <= day, ""))


def radar_crop(shared: Path, work: Path) -> list[str]:
    """Ten scenes of stable forest: too few for a history; with the shortest that a config may ask for, the last four judge."""
    table, lines = work / "crop.csv", []
    real_tables.radar_crop(shared).to_csv(table, index=False)
    for config in ("series-radar", "series-fused"):
        out, watched = detect(table, Run("s1-rtc-png", config, "2024-03-30"), work)
        refused = (watched.status == "short_history").sum()
        lines.append(
            f"- stable radar crop, {config}: {refused} of {len(watched)} series refused for a history of 6 looks, "
            f"{len(pd.read_csv(out))} alarms"
        )
        text = (ROOT / "configs" / f"{config}.yaml").read_text().replace("  min_looks: 12\n", "")
        short = work / "short.yaml"
        short.write_text(text.replace("\nhistory:\n", "\nhistory:\n  min_looks: 6\n"))
        sachawatch("series", table, "--config", short, "--out", out, "--monitor-from", "2024-03-30")
        found, watched = pd.read_csv(out), pd.read_csv(f"{out}.series.csv")
        lines.append(
            f"  - with `min_looks: 6` in place of 12: {(watched.status == 'monitored').sum()} monitored over four looks, "
            f"{found.series_id.nunique()} with an alarm, {found.confirmed_on.notna().sum()} confirmed"
        )
    return lines


def raster_job(shared: Path, work: Path) -> list[str]:
    """The Borneo raster job, and the same pixels as a table: every date must be the same before the spatial step."""
    text = (ROOT / "configs" / "borneo-ndmi.yaml").read_text().replace("../../shared", str(shared))
    config = work / "borneo-ndmi.yaml"
    config.write_text(text + f"\noutput:\n  folder: {work}/out\ncluster:\n  workers: 0\n")
    sachawatch("run", config)
    by_raster, table = raster_dates(config), work / "borneo.parquet"
    looks = real_tables.borneo(shared)
    looks.to_parquet(table, index=False)
    out, _ = detect(table, Run("borneo", "series-index", "2013-01-01"), work)
    by_series = pd.read_csv(out, dtype=str, keep_default_na=False)[["series_id", *DATES]]
    series = set(by_series.itertuples(index=False, name=None))
    grid, same = looks.series_id.nunique(), len(by_raster & series)
    equal = (
        f"- raster job and series mode on the same {grid} pixels, common mode off: {same} changes with equal dates, "
    )
    unequal = f"{len(by_raster - series)} only in the raster job, {len(series - by_raster)} only in the series"
    judge, path = real_truth.scorer(shared), work / "raster.csv"
    pd.DataFrame(sorted(by_raster), columns=["series_id", *DATES]).to_csv(path, index=False)
    truth = real_truth.truth_of(shared, "borneo")
    watched = pd.DataFrame({"series_id": truth.series_id.unique(), "status": "monitored"})
    rows = real_truth.rows(judge, "borneo | raster job | 2013-01-01", truth, judge.load_detections(path), watched)
    return [equal + unequal, "", *real_truth.HEAD, *rows]


def main() -> None:
    """Run everything; print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("SACHAWATCH_SHARED", ROOT / "../shared")))
    shared = parser.parse_args().shared.resolve()
    with tempfile.TemporaryDirectory() as name:
        parts = [part(shared, Path(name)) for part in (sets, singles, increments, radar_crop, raster_job)]
    lines = [READING, *(line for part in parts for line in (*part, "")), WHY]
    print("\n".join(lines))
    record("Real input with truth", lines, "python benchmarks/real_series.py")


if __name__ == "__main__":
    main()
