"""SIGKILL at many points of a sender of messages, receivers that fail: is anything lost, or told under two names? SIMULATED.

    python benchmarks/deliveries.py [--kills N] [--alerts N]

A thousand alerts that nobody saw are committed round by round, confirmed, retracted and expired while a sender tells two
webhook receivers of them. The sender is a child of this process, killed at a random moment and started again; its clock runs
fast, so that retries of hours fall into seconds. The receivers answer 5xx and 429, are slow, or take a message and break off
before they say so; one wants no more after a while (410). Every signature is checked by the `standardwebhooks` package but for
its age.
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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import results

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SECRET: Final = "whsec_c2FjaGF3YXRjaC1pcy1hLXNlY3JldC1vZi0zMi1ieXRlcw=="  # noqa: S105 - of a receiver that lives for minutes
SEED: Final = 20_261_130
SPEED: Final = 3_600
"""Seconds of the sender's clock in one of ours."""
START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIFE_S: Final = 3.0
"""Longest life of a sender, seconds: it decides on a thousand alerts in one of them."""
LEAVES_AFTER: Final = 60
"""Messages after which one of the receivers wants no more."""
ANSWERS: Final = ((0.10, 503), (0.05, 500), (0.05, 429), (0.04, "slow"), (0.03, "breaks off"))
"""(share, answer) of the receivers' mishaps; the rest is 204."""
JOB: Final = """kind: monitor
name: told
sources: {{kind: simulated}}
period: {{monitor_from: 2024-01-01}}
output: {{folder: {folder}}}
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
  - {{name: all, to: [steady, leaver]}}
timeout_s: 5
"""
OVER: Final = ("retracted", "expired")


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


def serve(port: int, log: Path) -> None:
    """The receivers, in a process of their own: every message that arrives is a line of the log before it is answered."""
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError

    chance, hook, many = random.Random(SEED), Webhook(SECRET), Counter[str]()
    hook._Webhook__verify_timestamp = lambda stated: datetime.fromtimestamp(
        float(stated), UTC
    )  # the sender's clock runs fast

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body, reader = self.rfile.read(int(self.headers["Content-Length"])), self.path[1:]
            answer = _answer(chance.random())
            if reader == "leaver" and many[reader] >= LEAVES_AFTER:
                answer = 410
            if answer in (204, "slow", "breaks off"):
                many[reader] += 1
                with log.open("a", encoding="utf-8") as opened:
                    opened.write(json.dumps(_line(reader, hook, body, dict(self.headers))) + "\n")
            if answer == "breaks off":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            time.sleep(0.2 if answer == "slow" else 0)
            self.send_response(204 if answer == "slow" else int(answer))
            if answer == 429:
                self.send_header("Retry-After", "60")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    def _line(reader: str, hook: Webhook, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            event = hook.verify(body, headers)
        except WebhookVerificationError:
            return {"reader": reader, "ident": "FORGED", "alert": "", "revision": 0, "status": ""}
        data = event["data"]
        ident = {key.lower(): value for key, value in headers.items()}["webhook-id"]
        return {
            "reader": reader,
            "ident": ident,
            "alert": data["id"],
            "revision": data["revision"],
            "status": data["status"],
        }

    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()


def _answer(drawn: float) -> int | str:
    for share, answer in ANSWERS:
        if drawn < share:
            return answer
        drawn -= share
    return 204


def commit(engine: Any, number: int, said: Sequence[Any], at: datetime) -> None:
    """One run of the job."""
    from jobs import ledger, store

    made = ledger.Run(f"run-{number}", "told", at, "done", "d" * 64, "0", {})
    with ledger.lease(engine, "told", "here", 60, lambda: at) as lease:
        store.commit_run(engine, lease, made, [], {}, said, lambda: at)


def sender(folder: Path, begun: float) -> int:
    """Fork a child that tells until it is killed; returns its process id."""
    from jobs.config import load
    from jobs.notify.asked import NotifyConfig
    from jobs.notify.run import notify

    child = os.fork()
    if child:
        return child
    asked = load(folder / "note.yaml")
    assert isinstance(asked, NotifyConfig)
    while True:
        notify(asked, now=lambda: clock(begun))
        time.sleep(0.02)


def clock(begun: float) -> datetime:
    """The sender's."""
    return START + timedelta(seconds=(time.time() - begun) * SPEED)


def killed(child: int, after: float) -> None:
    """End a child of ours at a moment."""
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def next_status(status: str, chance: random.Random) -> str:
    """What becomes of an alert in a round."""
    if status in OVER:
        return status
    later = {
        "provisional": ("confirmed", "expired", "retracted"),
        "confirmed": ("finished", "retracted"),
        "finished": ("retracted",),
    }
    return chance.choice(later[status]) if chance.random() < 0.35 else status


def rehearsed(folder: Path, kills: int, alerts: int, port: int) -> tuple[list[Any], int]:
    """Commit, tell, kill; returns the last revision of every alert and the number of kills."""
    from test_store import ALERT

    from detection.alerts import short_code
    from detection.types import Grid
    from jobs import ledger
    from jobs.config import load
    from jobs.database import default_url, open_database

    (folder / "job.yaml").write_text(JOB.format(folder=folder))
    (folder / "note.yaml").write_text(NOTE.format(port=port))
    (folder / "told").mkdir()
    load(folder / "note.yaml")  # what a sender imports is imported before it is forked
    engine, chance, begun = open_database(default_url(folder / "told")), random.Random(SEED), time.time()
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (40, 50))
    ledger.register_job(engine, ledger.Job("told", "told", "c" * 64, grid, START), ())
    ids = [f"7b0e2f6a-0000-5000-8000-{i:012d}" for i in range(alerts)]
    live = [replace(ALERT, id=i, short_code=short_code(i), change_date=date(2026, 1, 3)) for i in ids]
    commit(engine, 0, live, clock(begun))
    rounds = max(1, kills // 10)
    for kill in range(kills):
        killed(sender(folder, begun), chance.uniform(0.05, LIFE_S))
        if kill % 10 == 9 and kill // 10 < rounds - 2:
            said = [(one, next_status(one.status, chance)) for one in live]
            new = {
                one.id: replace(one, status=status, revision=one.revision + 1)
                for one, status in said
                if status != one.status
            }
            live = [new.get(one.id, one) for one in live]
            commit(engine, 1 + kill, list(new.values()), clock(begun))
    last, quiet = sender(folder, begun), time.monotonic()
    while not _done(engine) and time.monotonic() - quiet < 300:
        time.sleep(1)
    killed(last, 0)
    return live, kills


def _done(engine: Any) -> bool:
    from jobs.notify import deliveries

    standing = deliveries.standing(engine, "note")
    open_ = sum(n for (_, state), n in standing.items() if state in (deliveries.WAITING, deliveries.SENDING))
    return not open_ and not deliveries.unopened(engine, "note", "told")


def judged(live: Sequence[Any], log: Path) -> dict[str, int]:
    """What went wrong, and how much was said."""
    got = [Got(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]
    heard: dict[tuple[str, str], list[Got]] = {}
    for one in got:
        heard.setdefault((one.reader, one.alert), []).append(one)
    last = {one.id: one for one in live}
    ids: dict[tuple[str, str, int], set[str]] = {}
    for one in got:
        ids.setdefault((one.reader, one.alert, one.revision), set()).add(one.ident)
    steady = {alert: said for (reader, alert), said in heard.items() if reader == "steady"}
    untold = [i for i, one in last.items() if one.status not in OVER and i not in steady]
    stale = [i for i, said in steady.items() if said[-1].status != last[i].status]
    return {
        "messages received": len(got),
        "alerts of which anything was received": len(steady),
        "standing alerts never told": len(untold),
        "alerts whose last word was not told": len(stale),
        "of these, retractions": sum(last[i].status in OVER for i in stale),
        "received twice or more": len(got) - len(ids),
        "of these, under another id": sum(len(found) > 1 for found in ids.values()),
        "an older word after a newer one": sum(
            any(b.revision < a.revision for a, b in pairwise(said)) for said in heard.values()
        ),
        "forged": sum(one.ident == "FORGED" for one in got),
    }


def main() -> None:
    """Rehearse, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--alerts", type=int, default=1_000)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(int(given.serve[0]), Path(given.serve[1]))
    os.environ["HOOK"] = SECRET
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "received.jsonl"
        log.touch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        receivers = subprocess.Popen([sys.executable, __file__, "--serve", str(port), str(log)])
        time.sleep(1.5)
        try:
            live, kills = rehearsed(folder, given.kills, given.alerts, port)
        finally:
            receivers.terminate()
            receivers.wait()
        found = judged(live, log)
    lines = [
        f"SIMULATED: {given.alerts:,} invented alerts, {kills} kills of the sender (SIGKILL at a random moment), receivers that",
        f"fail for {sum(share for share, _ in ANSWERS):.0%} of messages; one wants no more after {LEAVES_AFTER}. Every signature",
        "is checked.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {what} | {many:,} |" for what, many in found.items()),
        "",
        f"Wall time {(time.monotonic() - begun) / 60:.0f} minutes.",
    ]
    print("\n".join(lines))
    if (given.kills, given.alerts) == (200, 1_000):
        results.record("Messages under SIGKILL", lines, "python benchmarks/deliveries.py")


if __name__ == "__main__":
    main()
