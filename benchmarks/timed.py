"""How a piece of work is timed, and what its kernels cost to compile: the same in every benchmark."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of this process."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def wall(work: Callable[[], Any]) -> float:
    """Seconds that pass."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compilation(code: str) -> str:
    """Seconds of CPU that `code` prints with an empty cache, and with the one it left; a process of its own each."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(Path(__file__).parents[1])}
        again = [
            subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        ]
    cold, warm = map(float, again)
    return f"Compilation: {cold:.1f} s of CPU from an empty cache, {warm:.2f} s from a full one, once a process."
