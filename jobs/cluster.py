"""The hands that do the work: this process, a LocalCluster on loopback, or a Dask scheduler. The only file that imports dask.

Nothing true lives here: a task returns references to what it wrote, and may be run again by anyone at any time.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from threading import BoundedSemaphore
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from detection.monitors import Detector, Looks, expected, residuals, start
from detection.monitors.fusion import Fusion
from detection.monitors.packed import packed, unpacked
from detection.monitors.replay import begin, take_in
from detection.types import RADAR_PLATFORM, Scene
from jobs.config import Cluster
from jobs.progress import COMPILE
from jobs.tile import Failed, Named, guarded

DEATHS: Final = 1
"""Workers a tile may lose before it is set aside; it is then tried once more, alone."""
SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.comm.timeouts.connect": "30s",
    "distributed.deploy.lost-worker-timeout": "40s",
}
"""Of Dask. The last: a worker that is not back after this is given up and replaced; a slow machine imports for 20 s."""
LOOK_S: Final = 5.0
"""How often the driver looks whether workers are missing (s)."""
PATIENCE_S: Final = 600.0
"""How long tiles wait where there is no worker at all (s)."""
N = TypeVar("N", bound=Named)
KILLED: Final = "KilledWorker"
"""Name of Dask's error for a task whose workers died again and again."""


class Hands(Protocol):
    """Whoever works."""

    def each(
        self, work: Callable[..., Any], tasks: Sequence[N], rest: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[N, Any]]:
        """`guarded(work, task, *rest)` for every task, as they finish: (task, result or Failed)."""
        ...

    def turns(self, limit: int | None) -> Callable[[], AbstractContextManager[object]]:
        """`Traffic.turn` for so many requests at a time, over all workers together; None: no limit."""
        ...


class Here:
    """This process, one task after the other."""

    def each(
        self, work: Callable[..., Any], tasks: Sequence[N], rest: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[N, Any]]:
        """As `Hands.each`, in order."""
        for task, more in zip(tasks, rest, strict=True):
            yield task, guarded(work, task, *more)

    def turns(self, limit: int | None) -> Callable[[], AbstractContextManager[object]]:
        """As `Hands.turns`."""
        seats = BoundedSemaphore(limit) if limit else nullcontext()
        return lambda: seats


@dataclass(frozen=True)
class Seats:
    """A semaphore of the scheduler as a `Traffic.turn`; it travels to the workers."""

    semaphore: Any
    """distributed.Semaphore, itself a context manager."""

    def __call__(self) -> AbstractContextManager[object]:
        """The semaphore: entering it takes a lease."""
        held: AbstractContextManager[object] = self.semaphore
        return held


class Workers:
    """A Dask client, and how to ask for workers that are gone to be replaced."""

    def __init__(self, client: Any, replace_lost: Callable[[], None] = lambda: None) -> None:
        self.client, self.replace_lost = client, replace_lost

    def each(
        self, work: Callable[..., Any], tasks: Sequence[N], rest: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[N, Any]]:
        """As `Hands.each`, in the order they finish. Tiles whose workers died are tried once more, each alone: the one
        that kills is thus told from those that merely waited beside it."""
        killed = []
        for task, more, result in self._finished(work, list(zip(tasks, rest, strict=True))):
            if isinstance(result, Failed) and result.reason.startswith(KILLED):
                killed.append((task, more))
            else:
                yield task, result
        for pair in killed:
            for task, _, result in self._finished(work, [pair]):
                yield task, result

    def turns(self, limit: int | None) -> Callable[[], AbstractContextManager[object]]:
        """As `Hands.turns`: the scheduler counts, a worker that dies gives its turns back."""
        from distributed import Semaphore

        return Seats(Semaphore(max_leases=limit, name="sachawatch-requests")) if limit else nullcontext

    def _finished(
        self, work: Callable[..., Any], pairs: Sequence[tuple[N, tuple[Any, ...]]]
    ) -> Iterator[tuple[N, tuple[Any, ...], Any]]:
        waiting = {self.client.submit(_in_worker, work, task, *more, pure=False): (task, more) for task, more in pairs}
        seen = time.monotonic()
        while waiting:
            finished = self._wait(list(waiting))
            for future in finished:
                task, more = waiting.pop(future)
                yield task, more, _outcome(task, future)
                future.release()
            if finished or self.client.nthreads():
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE_S:
                reason = (
                    f"no worker at {self.client.scheduler.address} for {PATIENCE_S:.0f} s; start workers, then resume"
                )
                yield from ((task, more, Failed(task.name, reason, "")) for task, more in waiting.values())
                return

    def _wait(self, futures: list[Any]) -> set[Any]:
        """Those that are done. A worker that dies while it starts is not replaced by Dask itself: asked for each time."""
        from distributed import wait

        try:
            done: set[Any] = wait(futures, timeout=LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            self.replace_lost()
            return set()
        return done


def _in_worker(work: Callable[..., Any], task: Named, *rest: Any) -> Any:
    turn = getattr(task, "turn", None)
    if isinstance(turn, Seats):
        turn.semaphore.register()  # finds its scheduler from the thread of the task alone, and is used from others
    return guarded(work, task, *rest)


def _outcome(task: Named, future: Any) -> Any:
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        try:
            return future.result()
        except KilledWorker as later:  # the result died with its worker, and so did those who did the task again
            error = later
    return Failed(task.name, f"{type(error).__name__}: {error}", "")


@contextmanager
def hands(
    asked: Cluster,
    detector: Detector | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    *,
    rehearse: Callable[[], object] | None = None,
) -> Iterator[Hands]:
    """The hands a config asks for; the kernels of its detector (the default, unless given) are compiled before the first
    worker starts, so that nobody compiles twice. progress: is told so, as the stage `compile`.

    rehearse: compiles what is needed, in place of the kernels of a detector.
    """
    address = asked.scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS")
    workers = (os.cpu_count() or 1) if asked.workers is None else asked.workers
    progress(COMPILE, 0, 1)
    compile_kernels(detector) if rehearse is None else rehearse()
    progress(COMPILE, 1, 1)
    if address is None and workers == 0:
        yield Here()
        return
    import dask
    from distributed import Client, LocalCluster

    dask.config.set(SETTINGS)
    if address is not None:
        with Client(address) as client:
            yield Workers(client)
        return
    memory = f"{asked.memory_gb_per_worker}GB"
    local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "memory_limit": memory, "silence_logs": "ERROR"}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, **local) as cluster,
        Client(cluster) as client,
    ):
        yield Workers(client, lambda: cluster.scale(workers))


def compile_kernels(detector: Detector | None = None) -> None:
    """Run every kernel of a detector (the default, unless given) once on a pixel, which compiles it or finds it in the
    cache (below NUMBA_CACHE_DIR, else in the user's cache folder)."""
    detector, width = detector or Detector(), 1
    if isinstance(detector.monitor, Fusion):
        width = max(len(detector.monitor.optical), len(detector.monitor.radar))
        import_module("detection.prepare.doubt")  # compiled as it is imported
    history = tuple(
        Scene(day * 86_400, ("x", RADAR_PLATFORM)[day // 8 % 2], f"s{day}", "1") for day in range(0, 800, 8)
    )
    looks = _halves(history, width)
    state = start(detector, looks, inside=np.ones(1, np.bool_))
    later = _halves((Scene(900 * 86_400, "x", "later"),), width)
    residuals(detector, state, later)
    expected(detector, state, later.scenes, np.zeros(1, np.int64))
    unpacked(packed(state))
    take_in(detector, begin(packed(state), 1, width), later, replay_days=1)


def _halves(scenes: tuple[Scene, ...], width: int) -> Looks:
    """Looks at a pixel that are one half in every slot."""
    return Looks(
        scenes, np.full((len(scenes), width, 1), 0.5, np.float32), np.zeros((len(scenes), width, 1), np.float32)
    )
