"""What must hold while a run lies killed, and what a resumed run must come to."""

import functools
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DATABASE: Final = "sachawatch.db"
TELLING: Final = ("job", "run", "tile", "scene", "alert", "revision", "outbox", "step", "lease")
"""Tables compared row by row; with a stopped clock every column is the same."""
UNCOMPARED: Final = ("seconds", "started")
"""Keys of manifest.json that tell of the machine's pace."""


@dataclass(frozen=True)
class Outcome:
    """Everything a job has said."""

    products: Mapping[str, str]
    """Path below the job's folder -> sha256; of every published run and `latest`."""
    rows: Mapping[str, list[tuple[Any, ...]]]
    """Table -> its rows, in order."""


def outcome(job: Path) -> Outcome:
    """Reads products and database of a finished job."""
    products = {p.relative_to(job).as_posix(): _digest(p) for p in sorted((job / "runs").rglob("*")) if p.is_file()}
    products["latest"] = (job / "latest").readlink().as_posix()
    with tempfile.TemporaryDirectory() as folder:
        connection = _copied(job, Path(folder))
        if connection is None:
            return Outcome(products, {})
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        rows = {
            n: sorted(connection.execute(f'SELECT * FROM "{n}"').fetchall(), key=repr) for n in names if n in TELLING
        }
        connection.close()
    return Outcome(products, rows)


def differences(expected: Outcome, found: Outcome) -> list[str]:
    """Paths and tables that are not the same, byte by byte."""
    paths = sorted(expected.products.keys() | found.products.keys())
    wrong = [f"product {p}" for p in paths if expected.products.get(p) != found.products.get(p)]
    tables = sorted(expected.rows.keys() | found.rows.keys())
    return wrong + [f"table {t}" for t in tables if expected.rows.get(t) != found.rows.get(t)]


def while_killed(job: Path) -> list[str]:
    """What a reader would find wrong: half a product, a temporary name in view, a damaged database."""
    wrong = []
    for run in sorted((job / "runs").glob("[!.]*")):
        wrong += [f"{run.name}: {w}" for w in _incomplete(run)]
    if (job / "latest").is_symlink() and not (job / "latest").exists():
        wrong.append("latest: points at nothing")
    seen = [p for place in (job, job / "runs", job / "state") for p in place.glob("[!.]*")]
    wrong += [f"{p.name}: a temporary in view" for p in seen if p.name.endswith((".partial", ".tmp"))]
    with tempfile.TemporaryDirectory() as folder:
        connection = _copied(job, Path(folder))
        if connection is not None:
            said = connection.execute("PRAGMA quick_check").fetchone()[0]
            wrong += [] if said == "ok" else [f"database: {said}"]
            connection.close()
    return wrong


def steps(job: Path) -> set[tuple[str, str]]:
    """(tile, stage) that the killed run has finished, so that nobody need do them again."""
    with tempfile.TemporaryDirectory() as folder:
        connection = _copied(job, Path(folder))
        if connection is None:
            return set()
        found = set(connection.execute("SELECT tile, stage FROM step"))
        connection.close()
    return found


def count_calls(log: Path) -> None:
    """In a child: write a line `tile stage` whenever scenes are read for a tile, or a tile is handed out to detect.

    A tile that has looked is asked again for its counts of residuals, which are kept nowhere: only its reading counts.
    Reading is seen in this process alone, not in that of a Dask worker.
    """
    from jobs import run, tile

    read, gather = tile.read_cube, run._gather

    def note(ident: str, stage: str) -> None:
        with log.open("a") as opened:
            opened.write(f"{ident} {stage}\n")

    @functools.wraps(read)
    def reading(task: Any, rows: Any) -> Any:
        if rows:
            note(task.tile.id, "observe")
        return read(task, rows)

    @functools.wraps(gather)
    def gathering(workers: Any, work: Any, tasks: Any, *rest: Any) -> Any:
        for task in tasks if work.__name__ == "detect" else ():
            note(task.tile.id, "detect")
        return gather(workers, work, tasks, *rest)

    for home, function in ((tile, reading), (run, gathering)):
        setattr(home, function.__name__, function)


def repeated(done: set[tuple[str, str]], log: Path) -> list[str]:
    """What was done again though it was done."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if tuple(line.split()) in done]


def _incomplete(run: Path) -> list[str]:
    """Assets of item.json that are missing or not what it says (sha2-256 multihash: 1220 before the digest)."""
    if not (run / "item.json").is_file():
        return ["no item.json"]
    assets = json.loads((run / "item.json").read_text())["assets"].values()
    paths = [(run / a["href"], a["file:checksum"]) for a in assets]
    return [f"{p.name} is missing or damaged" for p, said in paths if not p.is_file() or _plain(p) != said[4:]]


def _digest(path: Path) -> str:
    if path.name != "manifest.json":
        return _plain(path)
    said = json.loads(path.read_text())
    return json.dumps({k: v for k, v in said.items() if k not in UNCOMPARED}, sort_keys=True)


def _plain(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copied(job: Path, folder: Path) -> sqlite3.Connection | None:
    """A copy, opened: looking at the original would play back its log, which is for resume to do."""
    if not (job / DATABASE).exists():
        return None
    for name in (DATABASE, f"{DATABASE}-wal"):
        if (job / name).exists():
            shutil.copy(job / name, folder / name)
    return sqlite3.connect(folder / DATABASE)
