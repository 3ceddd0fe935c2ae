"""How far a run is: a bar on a terminal, JSON lines otherwise."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
        TextColumn("tiles"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        stages: dict[str, object] = {}

        def show(stage: str, done: int, of: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=of)
            bar.update(stages[stage], completed=done)  # type: ignore[arg-type]

        yield show


def _line(stage: str, done: int, of: int) -> None:
    print(json.dumps({"stage": stage, "tiles_done": done, "tiles": of}), file=sys.stderr, flush=True)  # noqa: T201
