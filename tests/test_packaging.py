"""What a stranger gets: names nobody else owns, pins with hashes, commands that exist, a wheel with all its parts."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from jobs import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)(\[[a-z0-9,]+\])?==(?P<version>[^\s;\\]+)( ; [^\\]+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
INDEX_HOST = re.compile(r"py[p]i\.|python[h]osted|--(extra-)?index-url|--find-links|simple/", re.IGNORECASE)
IN_WHEEL = (
    "jobs/py.typed",
    "models/py.typed",
    "detection/py.typed",
    "jobs/migrations/env.py",
    "jobs/migrations/versions/0001_first_tables.py",
    "jobs/locale/es.po",
    "jobs/reports/report.html.j2",
    "jobs/reports/page.html.j2",
    "jobs/reports/paper.typ",
    *(str(file.relative_to(ROOT)) for file in sorted((ROOT / "jobs" / "reports").rglob("*.yaml"))),
    *(f"jobs/notify/{name}" for name in ("letter.html.j2", "base.html.j2", "page.html.j2", "index.html.j2")),
    *(
        f"models/trained/{folder.name}/{name}"
        for folder in sorted((ROOT / "models" / "trained").glob("*-simulated-*"))
        for name in ("arrays.npz", "card.json", "card.md", "calibration.png", "sha256")
    ),
)


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> Iterator[tuple[str, list[str]]]:
    """(name==version ; marker, hashes) of every entry of the lock."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            head, *hashes = re.split(r"\s+(?=--hash)", line.strip())
            yield head.strip(), [h.strip() for h in hashes]


def tracked() -> list[Path]:
    """The files of the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("the repository: this is no checkout, so nothing is tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def shell_blocks() -> list[list[str]]:
    """The commands of every fenced shell block of the README, without comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    stripped = [[re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines()] for block in blocks]
    return [[line for line in block if line and not line.startswith("#")] for block in stripped]


def test_no_other_distribution_owns_our_names() -> None:
    owners = packages_distributions()
    for name in ("detection", "models", "jobs"):
        assert set(owners.get(name, [])) <= {"sachawatch"}, f"{name}: another distribution brings it too"


def test_no_test_folder_shadows_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert not {p.name for p in (ROOT / "tests").iterdir()} & {"detection", "models", "jobs"}


def test_the_distribution_is_private_and_starts_the_command_line() -> None:
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
    assert PROJECT["scripts"] == {"sachawatch": "jobs.cli:main"}


def test_every_pin_has_hashes_and_no_address() -> None:
    entries = list(locked())
    assert len(entries) > 50
    for head, hashes in entries:
        assert PIN.fullmatch(head), head
        assert hashes, f"{head}: has no hash"
        assert all(HASH.fullmatch(one) for one in hashes), head
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_lock_covers_what_pyproject_asks_for() -> None:
    pins = {normal(found["name"]) for head, _ in locked() if (found := PIN.fullmatch(head))}
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    names = {normal(re.split(r"[\[<>=~!; ]", one, maxsplit=1)[0]) for one in asked}
    assert names - pins == set()


def test_no_file_names_a_package_index() -> None:
    this = Path(__file__).resolve()
    for path in tracked():
        if path.resolve() != this and path.suffix not in (".npz", ".png", ".tif"):
            found = INDEX_HOST.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{path.relative_to(ROOT)}: names {found and found[0]!r}"


def test_the_readme_names_targets_and_files_that_exist() -> None:
    commands = [line for block in shell_blocks() for line in block]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = {word for line in commands if line.startswith("make ") for word in line.split()[1:]}
    assert {"demo", "test"} <= made <= targets
    named = {word for line in commands for word in re.findall(r"(?:configs|benchmarks|docs)/[\w./-]+", line)}
    named |= {"requirements.lock"} if any("requirements.lock" in line for line in commands) else set()
    assert "configs/demo-madre-de-dios.yaml" in named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_readme_says_the_same_without_make() -> None:
    plain = [line for block in shell_blocks() for line in block if not line.startswith("make ")]
    assert any("-m venv" in line for line in plain)
    assert any("--require-hashes" in line and "requirements.lock" in line for line in plain)
    assert any(re.search(r"sachawatch run configs/demo-madre-de-dios\.yaml", line) for line in plain)
    assert any("-m pytest" in line for line in plain)


def test_the_readme_names_commands_that_exist() -> None:
    used = {
        word for block in shell_blocks() for line in block for word in re.findall(r"(?:^|/)sachawatch ([a-z]+)", line)
    }
    assert {"init", "validate", "run"} <= used
    assert used <= set(cli.sachawatch.commands)


def test_what_ci_runs_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!")


def test_what_the_wheel_needs_is_tracked() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert [name for name in IN_WHEEL if name not in there] == []


def test_the_wheel_holds_every_part(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("the wheel: hatchling is not installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert [name for name in IN_WHEEL if name not in names] == []
    assert not any(name.startswith("tests/") for name in names)
