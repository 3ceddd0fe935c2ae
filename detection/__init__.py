"""The science: pure, and ignorant of jobs, clocks, clusters and databases.

Kernels are compiled once and kept. What is kept of one version of the sources must never serve another: numba itself notices
a change only in the file a function stands in, not in those it calls. So every version has a folder of its own.
"""

import os
import shutil
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Final

CACHE: Final = "NUMBA_CACHE_DIR"
"""Environment variable that says where compiled kernels are kept; by default in the user's cache folder."""
VERSIONS: Final = 8
"""Versions whose kernels are kept, the newest: a checkout that is worked on has many."""


def _version() -> str:
    """Of the sources: changes with the name, size or time of any file."""
    here = Path(__file__).parent
    stats = ((str(file.relative_to(here)), file.stat()) for file in sorted(here.rglob("*.py")))
    return blake2b(repr([(n, s.st_size, s.st_mtime_ns) for n, s in stats]).encode(), digest_size=8).hexdigest()


def _forget_old(mine: Path) -> None:
    others = [folder for folder in mine.parent.glob("sachawatch-*") if folder != mine]
    for folder in sorted(others, key=lambda one: one.stat().st_mtime, reverse=True)[VERSIONS - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_compiled_apart() -> None:
    """Name the folder for this version, for this process and those it starts; leave numba alone where none can be made."""
    given, mine = os.environ.get(CACHE), f"sachawatch-{_version()}"
    if given is not None and Path(given).name == mine:
        return
    root = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sachawatch"
    try:
        (root / mine).mkdir(parents=True, exist_ok=True)
        _forget_old(root / mine)
    except (OSError, RuntimeError):
        return
    os.environ[CACHE] = str(root / mine)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(root / mine)


_keep_compiled_apart()
