"""Who holds a job: a name that tells, on the same machine, whether its process still lives; and a heartbeat."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jobs import ledger
from jobs.ledger import Busy, Lease, LeaseLost

LEASE_S: Final = 60.0
BEAT_S: Final = 15.0


def me() -> str:
    """`pid 4711 on host (boot-and-namespace)`: unique while the process lives."""
    return f"pid {os.getpid()} on {_machine()}"


def gone(holder: str) -> bool:
    """Is the holder surely dead? Only a process of this very machine and boot can be judged."""
    words = holder.split(" ", 3)
    if len(words) != 4 or words[3] != _machine() or not words[1].isdigit():
        return False
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def take(engine: sa.Engine, job: str, now: Callable[[], datetime]) -> Lease:
    """The lease; one left by a process of this machine that was killed is taken over at once, others when they expire."""
    try:
        return ledger.lease(engine, job, me(), LEASE_S, now)
    except Busy:
        holder = ledger.holder(engine, job)
        if holder is None or not gone(holder):
            raise
        ledger.evict(engine, job, holder)
        return ledger.lease(engine, job, me(), LEASE_S, now)


@contextmanager
def heartbeat(lease: Lease) -> Iterator[None]:
    """Renew the lease in the background, so that a long tile does not lose it."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_S):
            try:
                lease.renew()
            except LeaseLost:  # the commit will refuse; nothing to do here
                return

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _machine() -> str:
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        mark = f"{boot.read_text().strip()[:8]}-{space.stat().st_ino}"
    except OSError:  # not Linux: the host's name must do
        mark = "-"
    return f"{socket.gethostname()} ({mark})"
