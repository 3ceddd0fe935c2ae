"""SIGKILL of the process that commits and of the one that sends, receivers that fail: is anything lost? SIMULATED.

    python benchmarks/deliveries.py [--kills N] [--alerts N] [--server]

A thousand alerts that nobody saw are committed run by run by a driver (a lease, then one transaction a run) while a sender tells
two webhook receivers of them. Both are children of this process, killed over and over and started again: half of them at a
random moment, half before a statement of theirs that is drawn beforehand, so that kills fall into transactions too. Their clock
runs fast, so that retries of hours fall into seconds. What the receivers do is in receivers.py. In the end the record is held
against what the driver says when nobody kills it. With --server the database is one of PostgreSQL (tests/postgres.py).
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Final

import results
from receivers import ANSWERS, LEAVES_AFTER, SECRET, SEED

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SPEED: Final = 3_600
"""Seconds of the children's clock in one of ours."""
START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIFE_S: Final = 3.0
"""Longest life of a child, seconds: a sender decides on a thousand alerts in one of them."""
STATEMENTS: Final = 120
"""Latest statement before which a child dies."""
PATIENCE_S: Final = 300.0
"""How long the last sender may take for the rest."""
JOB: Final = """kind: monitor
name: told
sources: {{kind: simulated}}
period: {{monitor_from: 2024-01-01}}
output: {{folder: {folder}}}
database: {{url: '{url}'}}
"""
NOTE: Final = """kind: notify
name: note
job: job.yaml
since: 2020-01-01
readers:
  - name: steady
    channel: {{kind: webhook, url: 'http://127.0.0.1:{port}/steady', secrets: ['env:HOOK'], allow: ['127.0.0.1:{port}']}}
  - name: leaver
    channel: {{kind: webhook, url: 'http://127.0.0.1:{port}/leaver', secrets: ['env:HOOK'], allow: ['127.0.0.1:{port}']}}
rules:
  - {{name: all, to: [steady, leaver], statuses: [provisional, confirmed, finished]}}
timeout_s: 5
"""
OVER: Final = ("retracted", "expired")
LATER: Final = {
    "provisional": ("confirmed", "confirmed", "expired", "retracted"),
    "confirmed": ("confirmed", "confirmed", "finished", "retracted"),
    "finished": ("finished", "retracted"),
}
"""Status -> what it may be at the next revision, an hectare larger."""


@dataclass(frozen=True)
class Got:
    """A message that a receiver took in, whatever it answered."""

    reader: str
    """Which of them."""
    ident: str
    """The webhook's id."""
    alert: str
    """Id of the alert."""
    revision: int
    """Its revision."""
    status: str
    """Its status."""


def clock(begun: float) -> datetime:
    """The children's."""
    return START + timedelta(seconds=(time.time() - begun) * SPEED)


def said(number: int, live: dict[str, Any], alerts: int) -> list[Any]:
    """What run `number` says, which follows from what stood before alone: first all alerts, then a few that moved on."""
    from test_store import ALERT

    from detection.alerts import short_code

    if not number:
        ids = [f"7b0e2f6a-0000-5000-8000-{i:012d}" for i in range(alerts)]
        return [replace(ALERT, id=i, short_code=short_code(i), change_date=date(2026, 1, 3)) for i in ids]
    chance = random.Random(f"{SEED} {number}")
    standing = [one for _, one in sorted(live.items()) if one.status not in OVER]
    moved = chance.sample(standing, min(len(standing), chance.randint(1, 8)))
    return [
        replace(one, revision=one.revision + 1, status=chance.choice(LATER[one.status]), area_ha=one.area_ha + 1)
        for one in moved
    ]


def drive(engine: Any, begun: float, alerts: int) -> None:
    """The driver: run after run, until it is killed."""
    from jobs import ledger, store

    chance = random.Random()
    while True:
        now = clock(begun)
        with ledger.lease(engine, "told", f"pid {os.getpid()}", 60, lambda: clock(begun)) as lease:
            number = sum(run.outcome == "done" for run in ledger.runs(engine, "told"))
            made = ledger.Run(f"run-{number}", "told", now, "running", "d" * 64, "0", {})
            ledger.record_run(engine, lease, made)
            news = said(number, store.latest(engine, "told"), alerts)
            store.commit_run(engine, lease, replace(made, outcome="done"), [], {}, news, lambda: clock(begun))
        time.sleep(chance.uniform(0, 0.2))


def tell(asked: Any, begun: float) -> None:
    """The sender: round after round, until it is killed."""
    from jobs.notify.run import notify

    while True:
        notify(asked, now=lambda: clock(begun))
        time.sleep(0.02)


def born(work: Callable[[], None], dies_before: int | None) -> int:
    """Fork a child that works, until a statement of its own or for ever; returns its process id."""
    import sqlalchemy as sa

    child = os.fork()
    if child:
        return child
    met = count(1)

    def meets(*_: Any) -> None:
        if next(met) == dies_before:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", meets)
    sa.event.listen(sa.Engine, "commit", meets)
    code = 1
    try:
        work()
    except Exception as error:
        from jobs.ledger import Busy

        code = 75 if isinstance(error, Busy) else 1
        if code == 1:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


@dataclass
class Lives:
    """The lives of one child after the other."""

    work: Callable[[], None]
    """What it does."""
    chance: random.Random
    """Draws when it dies."""
    child: int = 0
    """Process id of the one that lives."""
    ends: float = 0.0
    """When it is killed at the latest, monotonic seconds."""
    deaths: Counter[str] = None  # type: ignore[assignment]
    """How they ended, and how many."""

    def __post_init__(self) -> None:
        self.deaths = Counter()
        self.begin()

    def begin(self, *, forever: bool = False) -> None:
        """A new one."""
        before = None if forever or self.chance.random() < 0.5 else self.chance.randint(1, STATEMENTS)
        self.child = born(self.work, before)
        self.ends = time.monotonic() + (1e9 if forever else self.chance.uniform(0.05, LIFE_S))

    def look(self, *, now: bool = False) -> bool:
        """Kill it when it is time; whether it is over."""
        if now or time.monotonic() >= self.ends:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            self.deaths["killed at a moment"] += 1
            return True
        done, status = os.waitpid(self.child, os.WNOHANG)
        if done:
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            busy = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 75
            if not (killed or busy):
                raise RuntimeError("a child failed by itself; what it said stands above")
            self.deaths["killed before a statement" if killed else "found the lease taken"] += 1
        return bool(done)

    @property
    def kills(self) -> int:
        """So far."""
        return sum(many for how, many in self.deaths.items() if how.startswith("killed"))


def rehearsed(folder: Path, url: str, kills: int, alerts: int, port: int) -> tuple[Any, list[Lives]]:
    """Commit, tell, kill, until each of both has been killed so often; then let the sender finish."""
    from detection.types import Grid
    from jobs import ledger
    from jobs.config import load
    from jobs.database import open_database
    from jobs.notify import run as _  # noqa: F401 - what a child imports is imported before it is forked

    (folder / "job.yaml").write_text(JOB.format(folder=folder, url=url))
    (folder / "note.yaml").write_text(NOTE.format(port=port))
    asked, engine, begun = load(folder / "note.yaml"), open_database(url), time.time()
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (40, 50))
    ledger.register_job(engine, ledger.Job("told", "told", "c" * 64, grid, START), ())
    driver = Lives(lambda: drive(engine, begun, alerts), random.Random(SEED))
    sender = Lives(lambda: tell(asked, begun), random.Random(SEED + 1))
    while min(driver.kills, sender.kills) < kills:
        for one in (driver, sender):
            if one.look():
                one.begin()
        time.sleep(0.002)
    driver.look(now=True)
    sender.look(now=True)
    sender.begin(forever=True)
    patient = time.monotonic() + PATIENCE_S
    while not _done(engine) and time.monotonic() < patient:
        time.sleep(1)
    os.kill(sender.child, signal.SIGKILL)
    os.waitpid(sender.child, 0)
    return engine, [driver, sender]


def _done(engine: Any) -> bool:
    from jobs.notify import deliveries

    standing = deliveries.standing(engine, "note")
    open_ = sum(n for (_, state), n in standing.items() if state in (deliveries.WAITING, deliveries.SENDING))
    return not open_ and not deliveries.unopened(engine, "note", "told")


def on_record(engine: Any, alerts: int) -> tuple[dict[str, Any], dict[str, int]]:
    """The last revision of every alert; and what of the record is not as an undisturbed driver leaves it."""
    import sqlalchemy as sa

    from jobs import ledger, store
    from jobs.database import OUTBOX, open_database, reading

    engine = open_database(engine.url.render_as_string(hide_password=False))  # it is checked when it is opened
    runs = [run for run in ledger.runs(engine, "told") if run.outcome == "done"]
    live: dict[str, Any] = {}
    every: dict[tuple[str, int], str] = {}
    for number in range(len(runs)):
        news = said(number, live, alerts)
        live |= {one.id: one for one in news}
        every |= {(one.id, one.revision): store.fingerprint(one) for one in news}
    kept = {key: store.fingerprint(known.alert) for key, known in store.revisions(engine, list(every)).items()}
    with reading(engine) as connection:
        outbox = [tuple(row) for row in connection.execute(sa.select(OUTBOX.c.alert, OUTBOX.c.revision))]
        others = connection.scalar(sa.text("SELECT count(*) FROM revision")) - len(every)
    return live, {
        "runs committed": len(runs),
        "revisions committed": len(kept),
        "revisions that an undisturbed driver would not have left so": sum(kept.get(k) != p for k, p in every.items())
        + abs(others),
        "revisions without their row in the outbox": len(set(every) ^ set(outbox)) + len(outbox) - len(set(outbox)),
    }


def judged(live: dict[str, Any], log: Path) -> dict[str, int]:
    """What went wrong on the wire, and how much was said."""
    got = [Got(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]
    heard: dict[tuple[str, str], list[Got]] = {}
    for one in got:
        heard.setdefault((one.reader, one.alert), []).append(one)
    ids: dict[tuple[str, str, int], set[str]] = {}
    for one in got:
        ids.setdefault((one.reader, one.alert, one.revision), set()).add(one.ident)
    steady = {alert: said for (reader, alert), said in heard.items() if reader == "steady"}
    untold = [i for i, one in live.items() if one.status not in OVER and i not in steady]
    stale = [i for i, said in steady.items() if said[-1].status != live[i].status]
    over = [i for i in steady if live[i].status in OVER]
    return {
        "messages received": len(got),
        "alerts of which anything was received": len(steady),
        "standing alerts never told": len(untold),
        "alerts told of and withdrawn later": len(over),
        "of these, withdrawals that did not arrive": len(set(over) & set(stale)),
        "other alerts whose last word was not told": len(set(stale) - set(over)),
        "received twice or more": len(got) - len(ids),
        "of these, under another id": sum(len(found) > 1 for found in ids.values()),
        "an older word after a newer one": sum(
            any(b.revision < a.revision for a, b in pairwise(said)) for said in heard.values()
        ),
        "forged": sum(one.ident == "FORGED" for one in got),
    }


def lines_of(given: Any, lives: Sequence[Lives], found: dict[str, int], minutes: float) -> list[str]:
    """For the record."""
    ends = [", ".join(f"{many} {how}" for how, many in sorted(one.deaths.items())) for one in lives]
    where = "PostgreSQL" if given.server else "SQLite"
    return [
        f"SIMULATED: {given.alerts:,} invented alerts, committed and told at the same time on {where}. Ends of the process that",
        f"commits: {ends[0]}; of the one that sends: {ends[1]}.",
        f"Receivers fail for {sum(share for share, _ in ANSWERS):.0%} of messages; one wants no more after {LEAVES_AFTER}. Every",
        "signature is checked. In the end every revision on record is held against an undisturbed driver's.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {what} | {many:,} |" for what, many in found.items()),
        "",
        f"Wall time {minutes:.0f} minutes.",
    ]


def main() -> None:
    """Rehearse, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="of each of the two processes")
    parser.add_argument("--alerts", type=int, default=1_000)
    parser.add_argument("--server", action="store_true", help="on a PostgreSQL server of its own")
    given = parser.parse_args()
    from postgres import serving

    from jobs.database import default_url

    os.environ["HOOK"] = SECRET
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, serving() if given.server else nullcontext() as server:
        folder, log = Path(name), Path(name) / "received.jsonl"
        log.touch()
        (folder / "told").mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        here = Path(__file__).with_name("receivers.py")
        receivers = subprocess.Popen([sys.executable, str(here), str(port), str(log)])
        time.sleep(1.5)
        try:
            url = server.fresh() if server else default_url(folder / "told")
            engine, lives = rehearsed(folder, url, given.kills, given.alerts, port)
        finally:
            receivers.terminate()
            receivers.wait()
        live, record = on_record(engine, given.alerts)
        found = record | judged(live, log)
    lines = lines_of(given, lives, found, (time.monotonic() - begun) / 60)
    print("\n".join(lines))
    if (given.kills, given.alerts) == (200, 1_000):
        name = f"Messages under SIGKILL{', PostgreSQL' if given.server else ''}"
        results.record(name, lines, f"python benchmarks/deliveries.py{' --server' if given.server else ''}")


if __name__ == "__main__":
    main()
