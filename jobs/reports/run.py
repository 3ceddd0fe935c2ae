"""Makes a report that a config asks for, and makes it again from its manifest."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from detection.errors import BadInput
from jobs import PACKAGE
from jobs.again import Again
from jobs.config import config_digest, load
from jobs.reports.asked import ReportConfig, ReportKind
from jobs.reports.form import files, write
from jobs.reports.parts import Report

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
Maker = Callable[[ReportConfig, Progress], Report]


def _areas(config: ReportConfig, progress: Progress) -> Report:
    from jobs.reports.areas.report import areas_report

    return areas_report(_wanted(config.areas), config.place, simulated=config.simulated, progress=progress)


def _redd(config: ReportConfig, progress: Progress) -> Report:
    from jobs.reports.redd.report import redd_report

    return redd_report(_wanted(config.redd), config.place, simulated=config.simulated, progress=progress)


def _peat(config: ReportConfig, _: Progress) -> Report:
    from jobs.reports.peat.report import peat_report

    return peat_report(_wanted(config.peat), config.place, simulated=config.simulated)


def _claims(config: ReportConfig, _: Progress) -> Report:
    from jobs.reports.claims.report import claims_report

    return claims_report(_wanted(config.claims), config.place)


def _restoration(config: ReportConfig, progress: Progress) -> Report:
    from jobs.reports.restoration.report import restoration_report

    return restoration_report(_wanted(config.restoration), config.place, simulated=config.simulated, progress=progress)


def _territory(config: ReportConfig, progress: Progress) -> Report:
    from jobs.reports.territory.report import territory_report

    return territory_report(_wanted(config.territory), config.place, simulated=config.simulated, progress=progress)


MAKERS: Final[Mapping[ReportKind, Maker]] = {
    "areas": _areas,
    "redd": _redd,
    "peat": _peat,
    "claims": _claims,
    "restoration": _restoration,
    "territory": _territory,
}
"""Section of the config -> who makes its report; each brings libraries that the others should not wait for."""
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
        "config_text": path.read_bytes().decode("utf-8"),
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


def repeated(said: Mapping[str, Any], beside: Path, *, progress: Progress = lambda *_: None) -> Again:
    """A report made once more; said: its manifest, beside: the folder in which it lies. Files are compared byte by byte.

    What is gone or has changed is named; then nothing is made. Raises BadInput and ConfigError as `report`.
    """
    path, which = Path(said["config_file"]), said["section"]
    wanted = {str(path): hashlib.sha256(said["config_text"].encode()).hexdigest(), **said.get("inputs", {})}
    lacking = [line for name, sha256 in sorted(wanted.items()) if (line := _lacks(Path(name), sha256))]
    if lacking:
        return Again((), (), tuple(lacking))
    config = load(path)
    if not isinstance(config, ReportConfig) or which not in MAKERS:
        raise BadInput(f"manifest: {path} has no report of {which!r}; give the manifest.json as it was written")
    made = files(made_of(config, which, progress), config.languages)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    how = {name: _differs(beside / name, told, sums.get(name)) for name, told in said["files"].items()}
    how |= {name: "was not made then" for name in sums if name not in how}
    same = tuple(name for name, one in how.items() if not one)
    return Again(same, tuple(f"{name}: {one}" for name, one in how.items() if one), ())


def _differs(file: Path, then: str, now: str | None) -> str:
    """How a file differs from what is made now; empty: not at all, nor was it touched since."""
    if now is None:
        return "is not made any more"
    if now != then:
        return "differs"
    if not file.is_file():
        return "does not lie beside the manifest any more"
    return "" if _sha256(file) == then else "was changed after it was made"


def _lacks(path: Path, sha256: str) -> str:
    if not path.is_file():
        return f"{path} is not there any more"
    found = _sha256(path)
    return "" if found == sha256 else f"{path} has changed (sha256 {found[:12]}, it was {sha256[:12]})"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
