"""How far a run is: a bar on a terminal, JSON lines otherwise."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

COMPILE: Final = "compile"
"""The stage before the first tile: up to a minute where nothing is in the cache of compiled code, else a moment."""
SCENES, PLACES, LEARN = "scenes", "places", "learn"
"""Stages of a training."""
UNITS: Final = {COMPILE: "detectors", SCENES: "scenes", PLACES: "blocks", LEARN: "steps"}
"""Stage -> what it counts; all others count tiles."""


@contextmanager
def shown() -> Iterator[Callable[[str, int, int], None]]:
    """A function (stage, done, of) that shows it on standard error."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        stages: dict[str, object] = {}

        def show(stage: str, done: int, of: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=of, unit=_unit(stage))
            bar.update(stages[stage], completed=done)  # type: ignore[arg-type]

        yield show


def _line(stage: str, done: int, of: int) -> None:
    unit = _unit(stage)
    print(json.dumps({"stage": stage, f"{unit}_done": done, unit: of}), file=sys.stderr, flush=True)  # noqa: T201


def _unit(stage: str) -> str:
    return UNITS.get(stage, "tiles")
