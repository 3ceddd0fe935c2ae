"""SIGKILL at many points of a run, then `sachawatch resume`: is the outcome that of an undisturbed run? SIMULATED.

    python benchmarks/crash.py [--kills N]

The job is a small folder of GeoTIFFs (tests/jobsetup.py). A child process patches one function to kill its own process
before or after it (the product code has no hooks), or is killed by its parent at a random moment. Children are forked
from a process that has imported everything, because 80 imports would take longer than all the rest. What is checked
is in crash_checks.py.
"""

import argparse
import functools
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import crash_checks as checks

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

LANES: Final = 2
SEED: Final = 20_260_101
STOPPED_CLOCK: Final = "1767268800"
NEWER_FROM: Final = "20240901"
"""Looks from this day on come with the second run."""
PATIENCE_S: Final = 120.0
RANDOM: Final = "random moment"
CONFIG: Final = """kind: monitor
name: small
sources:
  kind: files
  folder: {root}/scenes
  layout: dated
  pattern: 'SIM_(?P<platform>\\w+)_(?P<date>\\d{{8}})\\.tif'
  bands: [nir, swir2, qa]
  sensor: landsat-c2l2
period: {{monitor_from: 2024-01-01}}
history: {{forest_min: 0.5}}
model: {{name: null}}
cluster: {{workers: {workers}}}
tiles: {{size: 96}}
output: {{folder: {root}/out}}
"""


@dataclass(frozen=True)
class Point:
    """Where a run is killed."""

    function: str
    """`module.function`, or RANDOM."""
    when: str = "before"
    """`before` or `after` the call."""
    call: int = 1
    """Which call of it."""


@dataclass(frozen=True)
class Case:
    """One kill."""

    point: Point
    """Where."""
    second: bool
    """In a second run, that adds newer looks to a finished first one; else in the first."""
    workers: int = 0
    """Dask workers; 0: the run's own process."""
    again: Point | None = None
    """Where the resuming run is killed too."""

    @property
    def label(self) -> str:
        """For people."""
        text = f"{self.point.when} {self.point.function} (call {self.point.call})"
        text = RANDOM if self.point.function == RANDOM else text
        then = f", then {self.again.when} {self.again.function}" if self.again else ""
        return f"{text}{then}, run {1 + self.second}, {self.workers} workers"


LABELLED: Final = (
    Point("jobs.ledger.record_run"),
    Point("jobs.ledger.record_run", "after"),
    Point("jobs.run.sweep", "after"),
    Point("jobs.tile.write_looks"),
    Point("jobs.state._publish", "before", 2),
    Point("jobs.state._publish", "after"),
    Point("jobs.ledger.record_step"),
    Point("jobs.ledger.record_step", "after"),
    Point("jobs.ledger.record_step", "after", 3),
    Point("jobs.store.commit_run"),
    Point("jobs.store._say"),
    Point("jobs.store._say", "after"),
    Point("jobs.store.commit_run", "after"),
    Point("jobs.publish.write_rasters", "after"),
    Point("jobs.publish.write_vectors", "after"),
    Point("jobs.publish.write_report", "after"),
    Point("jobs.publish.write_stac", "after"),
    Point("jobs.publish._point"),
    Point("jobs.publish._point", "after"),
    Point("jobs.ledger.mark_published", "after"),
)
TWICE: Final = Case(Point("jobs.ledger.mark_published"), True, again=Point("shutil.rmtree", "after", 2))
"""While it would write its products again: what stands there, and is read, must not be taken away meanwhile."""
TWICE_LATER: Final = Case(Point("jobs.ledger.mark_published"), True, again=Point("jobs.publish._point"))


def cases() -> list[Case]:
    """40 kills: 20 labelled, 20 at random moments (two labelled ones and two random ones with workers: 2)."""
    labelled = [Case(p, second=i % 2 == 1, workers=2 if i in (8, 11) else 0) for i, p in enumerate(LABELLED)]
    labelled[4], labelled[17] = TWICE, TWICE_LATER
    at_random = [Case(Point(RANDOM, call=i), second=i % 2 == 0, workers=2 if i in (5, 10) else 0) for i in range(20)]
    return [one for pair in zip(labelled, at_random, strict=True) for one in pair]


def arm(point: Point) -> None:
    """Replace the function by one that kills this process at the given call."""
    module, name = point.function.rsplit(".", 1)
    home = importlib.import_module(module)
    original, calls = getattr(home, name), iter(range(1, 1_000_000))

    @functools.wraps(original)
    def deadly(*args: Any, **more: Any) -> Any:
        mine = next(calls) == point.call
        if mine and point.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **more)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(home, name, deadly)


def child(root: Path, prepare: Callable[[], None], kill_after: float | None = None) -> int:
    """`sachawatch resume` in a process of its own; its wait status. What it says goes to `said.txt`."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with (root / "said.txt").open("a") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        try:
            prepare()
            from jobs.cli import sachawatch

            sachawatch.main(["resume", str(root / "job.yaml")], standalone_mode=False)
        except BaseException as error:  # a fork must never return into the stack of its parent
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + (PATIENCE_S if kill_after is None else kill_after)
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1]
        time.sleep(0.02)


class Lane:
    """A folder in which cases run one after the other; paths stay the same, so that outcomes can be compared."""

    def __init__(self, root: Path, scenes: Path) -> None:
        self.root, self.all = root, sorted(scenes.iterdir())
        self.reference: dict[tuple[int, bool], checks.Outcome] = {}
        self.seconds: dict[tuple[int, bool], float] = {}

    def prepare(self, case: Case, *, newer: bool) -> None:
        """The folder as it is before the run; the first run, where it is to be finished, from its copy."""
        shutil.rmtree(self.root / "out", ignore_errors=True)
        kept = self.root / f"finished-{case.workers}"
        if newer and kept.exists():
            shutil.copytree(kept, self.root / "out", symlinks=True)
        here = self.root / "scenes"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir(parents=True)
        for path in self.all:
            if newer or path.stem[-8:] < NEWER_FROM:
                os.link(path, here / path.name)
        (self.root / "job.yaml").write_text(CONFIG.format(root=self.root, workers=case.workers))

    def undisturbed(self, case: Case) -> None:
        """What a run that nobody kills comes to, once per kind of case."""
        for newer in (False, True)[: 1 + case.second]:
            key = (case.workers, newer)
            if key in self.reference:
                continue
            self.prepare(case, newer=newer)
            begun = time.monotonic()
            if child(self.root, lambda: None) != 0:
                raise SystemExit(f"the undisturbed run failed: {(self.root / 'said.txt').read_text()}")
            self.seconds[key] = time.monotonic() - begun
            self.reference[key] = checks.outcome(self.root / "out" / "small")
            if not newer:
                shutil.copytree(self.root / "out", self.root / f"finished-{case.workers}", symlinks=True)

    def play(self, case: Case, rng: random.Random) -> dict[str, Any]:
        """Kill, look, resume, compare; what was wrong."""
        self.undisturbed(case)
        self.prepare(case, newer=case.second)
        key, job = (case.workers, case.second), self.root / "out" / "small"
        if case.point.function == RANDOM:
            status = child(self.root, lambda: None, rng.uniform(0.02, 0.95) * self.seconds[key])
        else:
            status = child(self.root, lambda: arm(case.point))
        wrong = checks.while_killed(job)
        if case.second and not (job / "latest").exists():
            wrong.append("latest: of the finished first run is gone")
        if case.again is not None:
            child(self.root, lambda: arm(case.again))  # type: ignore[arg-type]
            wrong += [f"second kill: {w}" for w in checks.while_killed(job)]
            if not (job / "latest").exists():
                wrong.append("second kill: latest is gone")
        done, calls = checks.steps(job), self.root / "calls.txt"
        calls.unlink(missing_ok=True)
        if (ended := child(self.root, lambda: checks.count_calls(calls))) != 0:
            wrong.append(f"resume ended with {ended}: {(self.root / 'said.txt').read_text()[-300:]}")
        else:
            wrong += checks.differences(self.reference[key], checks.outcome(job))
        repeated = checks.repeated(done, calls)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return {"label": case.label, "killed": killed, "wrong": wrong, "repeated": repeated, "kept": len(done)}


def lane(number: int, root: Path, kills: int) -> None:
    """All cases of one lane, a JSON line each; kernels are compiled before the first fork."""
    from jobs import cli, run  # noqa: F401 - what every child needs, imported once
    from jobs.cluster import compile_kernels

    compile_kernels()
    bench, mine = (
        Lane(root / str(number), root / "rendered"),
        [c for i, c in enumerate(cases()[:kills]) if i // 2 % LANES == number],
    )
    for index, case in enumerate(mine):
        found = bench.play(case, random.Random(f"{SEED} {number} {index}"))
        print(json.dumps(found), flush=True)


def drive(kills: int, root: Path) -> list[dict[str, Any]]:
    """Render the scenes, run the lanes beside each other, hand back their rows."""
    importlib.import_module("jobsetup").write_scenes(root / "rendered")
    for path in sorted((root / "rendered").iterdir())[1::2]:  # every second look will do
        path.unlink()
    environment = os.environ | {"SOURCE_DATE_EPOCH": STOPPED_CLOCK, "MPLBACKEND": "Agg"}
    command = [sys.executable, __file__, "--root", str(root), "--kills", str(kills), "--lane"]
    lanes = [
        subprocess.Popen([*command, str(n)], env=environment, stdout=(root / f"lane{n}.jsonl").open("w"))
        for n in range(LANES)
    ]
    try:
        codes = [one.wait() for one in lanes]
    finally:
        for one in lanes:
            one.kill()
    if any(codes):
        raise SystemExit(f"a lane ended with {codes}")
    return [json.loads(line) for n in range(LANES) for line in (root / f"lane{n}.jsonl").read_text().splitlines()]


def summary(rows: list[dict[str, Any]], seconds: float) -> list[str]:
    """For RESULTS.md."""
    killed, wrong = sum(r["killed"] for r in rows), [r for r in rows if r["wrong"]]
    lines = [
        "SIMULATED: 96 x 112 cells, every second look of three years as GeoTIFFs, two tiles.",
        "",
        f"- {len(rows)} runs, {killed} killed by SIGKILL before they ended, resumed with `sachawatch resume`",
        f"- in a second run over a finished first one: {sum('run 2' in r['label'] for r in rows)}",
        f"- with two Dask workers: {sum('2 workers' in r['label'] for r in rows)}",
        f"- told to be killed again while resuming: {sum('then' in r['label'] for r in rows)}",
        f"- outcomes that differ from the undisturbed run, or a broken view while killed: {len(wrong)}",
        f"- pieces (a tile's looking or detecting) already recorded at the kill: {sum(r['kept'] for r in rows)}",
        f"- of these done again by resume: {sum(len(r['repeated']) for r in rows)}",
        f"- wall time {seconds:.0f} s in {LANES} lanes",
    ]
    return lines + [f"- WRONG {r['label']}: {r['wrong'][0]}" for r in wrong]


def main() -> int:
    """Run all kills, print and record; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=len(cases()))
    parser.add_argument("--lane", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.lane is not None:
        lane(asked.lane, asked.root, asked.kills)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.monotonic()
        rows = drive(asked.kills, Path(temporary))
    lines = summary(rows, time.monotonic() - begun)
    print("\n".join(lines))
    if asked.kills >= len(cases()):
        from results import record

        record("Crashes", lines, "python benchmarks/crash.py")
    return 1 if any(r["wrong"] or r["repeated"] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
