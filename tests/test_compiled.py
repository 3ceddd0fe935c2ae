"""Compiled kernels of one version of the sources never serve another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import detection

SHOW = "import detection, os; print(os.environ['NUMBA_CACHE_DIR'])"


def folder(copy: Path, cache: Path | None, **more: str) -> Path:
    """Where a process that imports this copy of `detection` keeps its kernels."""
    env = {k: v for k, v in os.environ.items() if k != detection.CACHE} | {"PYTHONPATH": str(copy.parent)} | more
    env |= {} if cache is None else {detection.CACHE: str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=env, cwd=copy.parent, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_every_version_of_the_sources_has_a_folder_of_its_own(tmp_path: Path) -> None:
    copy, cache = tmp_path / "detection", tmp_path / "cache"
    shutil.copytree(Path(detection.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    first = folder(copy, cache)
    assert first.parent == cache and first.is_dir()
    assert folder(copy, first) == first, "a process started by one that has chosen keeps its choice"
    machine = copy / "monitors" / "machine.py"
    machine.write_text(machine.read_text(encoding="utf-8") + "\n# another version\n", encoding="utf-8")
    second = folder(copy, cache)
    assert second.parent == cache and second != first
    for number in range(detection.VERSIONS + 3):
        (cache / f"sachawatch-{number}").mkdir()
    folder(copy, cache)
    assert len(list(cache.iterdir())) <= detection.VERSIONS


def test_without_the_variable_it_is_the_users_cache_and_where_none_can_be_made_numbas_own(tmp_path: Path) -> None:
    here = Path(detection.__file__).parent
    assert folder(here, None, XDG_CACHE_HOME=str(tmp_path)).parent == tmp_path / "sachawatch"
    closed = tmp_path / "closed"
    closed.write_text("a file, no folder", encoding="utf-8")
    assert folder(here, closed) == closed, "left as it was"
