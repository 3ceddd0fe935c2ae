"""A hundred thousand alerts in the store, five thousand new patches: how long until the run knows what to say? SIMULATED.

    python benchmarks/many_alerts.py

Invented alerts of twelve cells each. Timed, in one process, is what a run does between detection and its commit: read the latest
revision of every alert, match what follows from the logs to it, and commit what is new.
"""

import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import results

from detection.alerts import Alert, reconcile, short_code
from detection.types import Grid
from jobs import ledger, store
from jobs.database import default_url, open_database

MANY: Final = 100_000
NEW: Final = 5_000
AT_ONCE: Final = 10_000
"""Alerts of one commit while the store is filled."""
START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW_DAYS: Final = 90


def invented(number: int) -> Alert:
    """An alert of twelve cells at a place of its own."""
    ident, (row, column) = str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:many:{number}")), divmod(number, 400)
    corner, shape = np.array([row * 8, column * 8]), np.argwhere(np.ones((3, 4)))
    day = date(2025, 1, 1) + timedelta(days=number % 400)
    return Alert(
        id=ident, short_code=short_code(ident), revision=1, collection="many", lattice="EPSG:32719@30m", status="confirmed",
        status_code=3, change_date=day, last_clear_before=None, first_detected=day, confirmed_on=day, finished_on=None,
        last_detected=day, observed_at=1_768_800_000 + number, cells=(corner + shape).astype(np.int32),
        confirmed_cells=np.ones(12, np.bool_), area_ha=1.08, confirmed_ha=1.08, area_ha_new=1.08, mmu_ha=0.5, magnitude=-0.3,
        magnitude_max=-0.4, magnitude_sigma=7.0, magnitude_metric="nbr", count=3, confidence="high",
        change_type="tree_cover_loss", driver="mining", probability=0.9, model="m@1", baseline="own history", simulated=True,
    )  # fmt: skip


def commit(engine: Any, number: int, said: list[Alert]) -> None:
    """One run."""
    at = START + timedelta(hours=number)
    with ledger.lease(engine, "many", "here", 600, lambda: at) as lease:
        made = ledger.Run(f"run-{number}", "many", at, "done", "d" * 64, "0", {})
        store.commit_run(engine, lease, made, [], {}, said, lambda: at)


def main() -> None:
    """Fill, time, write."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(default_url(Path(folder)))
        grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (4_000, 4_000))
        ledger.register_job(engine, ledger.Job("many", "many", "c" * 64, grid, START), ())
        old = [invented(number) for number in range(MANY)]
        for i in range(0, MANY, AT_ONCE):
            commit(engine, i // AT_ONCE, old[i : i + AT_ONCE])
        fresh = [invented(MANY + number) for number in range(NEW)]
        grown = [replace(one, revision=2, area_ha=2.0) for one in old[:NEW]]
        made = {one.id: [one] for one in (*old, *fresh)} | {b.id: [a, b] for a, b in zip(old, grown, strict=False)}
        begun = time.monotonic()
        told = store.latest(engine, "many")
        read = time.monotonic()
        said = reconcile(made, told, WINDOW_DAYS)
        matched = time.monotonic()
        commit(engine, 1_000, said)
        done = time.monotonic()
    assert len(said) == 2 * NEW, len(said)
    lines = [
        f"SIMULATED: {MANY:,} invented alerts in an SQLite store, {NEW:,} new patches and {NEW:,} that have grown. One process.",
        "",
        "| step | seconds |",
        "|---|---|",
        f"| read the latest revisions | {read - begun:.1f} |",
        f"| match | {matched - read:.1f} |",
        f"| commit {len(said):,} revisions | {done - matched:.1f} |",
        f"| together | {done - begun:.1f} |",
    ]
    print("\n".join(lines))
    results.record("Many alerts", lines, "python benchmarks/many_alerts.py")


if __name__ == "__main__":
    main()
