"""Makes a report that a config asks for, and makes it again from its manifest."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from detection.errors import BadInput
from jobs.account import PACKAGE
from jobs.config import config_digest, load
from jobs.reports.areas.report import areas_report
from jobs.reports.asked import ReportConfig, ReportKind
from jobs.reports.claims.report import claims_report
from jobs.reports.form import files, write
from jobs.reports.parts import Report
from jobs.reports.peat.report import peat_report
from jobs.reports.redd.report import redd_report
from jobs.repro import Again

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
Maker = Callable[[ReportConfig, Progress], Report]
MAKERS: Final[Mapping[ReportKind, Maker]] = {
    "areas": lambda c, told: areas_report(_wanted(c.areas), c.place, simulated=c.simulated, progress=told),
    "redd": lambda c, told: redd_report(_wanted(c.redd), c.place, simulated=c.simulated, progress=told),
    "peat": lambda c, _: peat_report(_wanted(c.peat), c.place, simulated=c.simulated),
    "claims": lambda c, _: claims_report(_wanted(c.claims), c.place, simulated=c.simulated),
}
"""Section of the config -> who makes its report."""
Section = TypeVar("Section")


def _wanted(section: Section | None) -> Section:
    if section is None:
        raise BadInput("report: this section is not in the config; add it")
    return section


def report(path: Path, which: ReportKind, *, progress: Progress = lambda *_: None) -> tuple[Path, tuple[str, ...]]:
    """Make one report of a config file; returns its folder and its languages. Raises BadInput and ConfigError, and as the
    reports do."""
    config = load(path)
    if not isinstance(config, ReportConfig):
        raise BadInput(f"{path}: is of kind {config.kind}; this command takes a config of kind report")
    made = made_of(config, which, progress)
    basis = {
        "section": which,
        "config_file": str(path.absolute()),
        "config_text": path.read_text(encoding="utf-8"),
        "config_sha256": config_digest(config),
        "versions": {PACKAGE: version(PACKAGE)},
    }
    folder = write(made, config.output.folder / config.name / which, config.languages, basis)
    return folder, config.languages


def made_of(config: ReportConfig, which: ReportKind, progress: Progress) -> Report:
    """The report, not written yet. Raises BadInput where the config does not ask for it."""
    if getattr(config, which) is None:
        there = ", ".join(name for name in MAKERS if getattr(config, name) is not None) or "none"
        raise BadInput(f"{config.name}: asks for no report of {which}; there is {there}, or add the section")
    return MAKERS[which](config, progress)


def repeated(said: Mapping[str, Any], *, progress: Progress) -> Again:
    """A report made once more; said: its manifest. Files are compared byte by byte.

    What is gone or has changed is named; then nothing is made. Raises BadInput and ConfigError as `report`.
    """
    path = Path(said["config_file"])
    wanted = {str(path): hashlib.sha256(said["config_text"].encode()).hexdigest(), **said.get("inputs", {})}
    lacking = [line for name, sha256 in sorted(wanted.items()) if (line := _lacks(Path(name), sha256))]
    if lacking:
        return Again((), (), tuple(lacking))
    config = load(path)
    assert isinstance(config, ReportConfig)
    made = files(made_of(config, said["section"], progress), config.languages)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    same = tuple(name for name, sha256 in said["files"].items() if sums.get(name) == sha256)
    gone = {name: "differs" if name in sums else "is not made any more" for name in said["files"] if name not in same}
    return Again(same, tuple(f"{name}: {how}" for name, how in gone.items()), ())


def _lacks(path: Path, sha256: str) -> str:
    if not path.exists():
        return f"{path} is not there any more"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == sha256 else f"{path} has changed (sha256 {found[:12]}, it was {sha256[:12]})"
