"""Makes a report that a config asks for, and makes it again from its manifest."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from detection.errors import BadInput
from jobs.account import PACKAGE
from jobs.config import config_digest, load
from jobs.reports.areas.report import report as areas_report
from jobs.reports.asked import ReportConfig, ReportKind
from jobs.reports.claims.report import claims_report
from jobs.reports.form import files, write
from jobs.reports.parts import Report
from jobs.reports.peat.report import peat_report
from jobs.reports.redd.report import redd_report

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


def report(path: Path, which: ReportKind, *, progress: Progress = lambda *_: None) -> Path:
    """Make one report of a config file; returns its folder. Raises BadInput and ConfigError, and as the reports do."""
    config = load(path)
    if not isinstance(config, ReportConfig):
        raise BadInput(f"{path}: is of kind {config.kind}; this command takes a config of kind report")
    made = made_of(config, which, progress)
    text = path.read_text(encoding="utf-8")
    basis = {
        "section": which, "config_file": str(path.absolute()), "config_text": text, "config_sha256": config_digest(config),
        "config": asdict(config), "versions": {PACKAGE: version(PACKAGE)},
    }  # fmt: skip
    return write(made, config.output.folder / config.name / which, config.languages, basis)


def made_of(config: ReportConfig, which: ReportKind, progress: Progress) -> Report:
    """The report, not written yet. Raises BadInput where the config does not ask for it."""
    if getattr(config, which) is None:
        there = ", ".join(name for name in MAKERS if getattr(config, name) is not None)
        raise BadInput(f"{config.name}: asks for no report of {which}; there is {there}, or add the section")
    return MAKERS[which](config, progress)


def repeated(path: Path, said: Mapping[str, Any], *, progress: Progress) -> tuple[list[str], list[str], list[str]]:
    """(same, different, lacking) of a report that is made again; said: its manifest.

    Files are compared byte by byte. Inputs that are gone or have changed are named; then nothing is made.
    """
    lacking = [line for name, sha256 in sorted(said.get("inputs", {}).items()) if (line := _lacks(Path(name), sha256))]
    if lacking:
        return [], [], lacking
    config = recorded_report(said["config"])
    made = files(made_of(config, said["section"], progress), config.languages)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    same = [name for name, sha256 in said["files"].items() if sums.get(name) == sha256]
    differ = [f"{name}: {'differs' if name in sums else 'is not made any more'}"
              for name in said["files"] if name not in same]  # fmt: skip
    beside = {name: path.parent / name for name in same}
    differ += [f"{name}: the file beside the manifest is not the one it names" for name, file in beside.items()
               if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != said["files"][name]]  # fmt: skip
    return same, differ, []


def recorded_report(said: Mapping[str, Any]) -> ReportConfig:
    """The config of a manifest. Raises BadInput."""
    from jobs.config import recorded

    found = recorded(json.loads(json.dumps(said, default=str)))
    if not isinstance(found, ReportConfig):
        raise BadInput(f"manifest: its config is of kind {found.kind}, not report; give the manifest of a report")
    return found


def _lacks(path: Path, sha256: str) -> str:
    if not path.exists():
        return f"{path} is not there any more"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == sha256 else f"{path} has changed (sha256 {found[:12]}, it was {sha256[:12]})"
