"""Rules of land degradation out of a file: how productivity combines, which status follows, which change of cover is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from detection.errors import BadInput
from jobs.reports.degradation.degradation import KNOWN, Condition, Cover, rules_of
from jobs.reports.degradation.productivity import COMBINED, Combination, Dynamics
from jobs.yamlfile import ConfigError, read

SHIPPED: Final = Path(__file__).parent / "prais4.yaml"
BLOCKS: Final = {"combination": {"rows"}, "status_matrix": {"matrix"}, "transitions": {"matrix", "processes"}}
"""Block -> what it holds besides source and status."""
STATUSES: Final = ("verified", "secondary", "unverified")
WAYS: Final = {"improving": Condition.IMPROVED, "stable": Condition.STABLE, "degrading": Condition.DEGRADED}
LEVELS: Final = {"stable": Condition.STABLE, "degraded": Condition.DEGRADED}
CLASSES: Final = {one.name.lower().replace("_", " "): one for one in Dynamics if one != Dynamics.UNKNOWN}


@dataclass(frozen=True)
class Rules:
    """What counts as degradation."""

    name: str
    """Told with the figures."""
    combination: Combination
    """(trend, state, performance) -> dynamics."""
    status_matrix: tuple[tuple[int, ...], ...]
    """3 x 3: rows the baseline, columns the period, in the order of KNOWN."""
    transitions: tuple[tuple[int, ...], ...]
    """7 x 7: from a class of `Cover` (row) to another (column)."""
    processes: tuple[tuple[str, ...], ...]
    """The same, as names of what happened."""
    sources: Mapping[str, tuple[str, str]]
    """Block -> (source, how far it was checked)."""


def read_rules(file: Path = SHIPPED) -> Rules:
    """Rules from a file. Raises BadInput, and ConfigError where it is no YAML, with what to mend in one line."""
    document = read(file)
    if document.problems:
        raise ConfigError(file, document.problems)
    data, name = document.data, file.name
    _keys(data, {"name", *BLOCKS}, name)
    for block, holds in BLOCKS.items():
        _keys(data[block], {"source", "status", *holds}, f"{name}: {block}")
        if data[block]["status"] not in STATUSES:
            raise BadInput(f"{name}: {block}: status `{data[block]['status']}` is none of {', '.join(STATUSES)}")
    cover = data["transitions"]
    return Rules(
        str(data["name"]),
        _combination(data["combination"]["rows"], f"{name}: combination"),
        _square(data["status_matrix"]["matrix"], len(KNOWN), f"{name}: status_matrix"),
        _square(cover["matrix"], len(Cover), f"{name}: transitions"),
        _processes(cover["processes"], f"{name}: processes"),
        {block: (" ".join(data[block]["source"].split()), data[block]["status"]) for block in BLOCKS},
    )


def _keys(data: Any, needed: set[str], where: str) -> None:
    if not isinstance(data, dict):
        raise BadInput(f"{where}: expected a block of keys")
    if lacking := sorted(needed - data.keys()):
        raise BadInput(f"{where}: `{lacking[0]}` is missing; write it as in the rules that come along")
    if strange := sorted(map(str, data.keys() - needed)):
        raise BadInput(f"{where}: there is no key `{strange[0]}`; there are {', '.join(sorted(needed))}")


def _combination(rows: Any, where: str) -> Combination:
    if not isinstance(rows, dict):
        raise BadInput(f"{where}: expected `trend state performance: dynamics` a row")
    made = {}
    for row, said in rows.items():
        parts = str(row).split()
        scales = (WAYS, WAYS, LEVELS)
        if len(parts) != len(scales) or any(one not in scale for one, scale in zip(parts, scales, strict=True)):
            raise BadInput(
                f"{where}: row `{row}` is no trend, state and performance; write e.g. `stable stable degraded`"
            )
        if said not in CLASSES:
            raise BadInput(f"{where}: `{said}` is none of {', '.join(CLASSES)}")
        made[WAYS[parts[0]], WAYS[parts[1]], LEVELS[parts[2]]] = CLASSES[said]
    if lacking := len(COMBINED) - len(made):
        raise BadInput(f"{where}: {lacking} of {len(COMBINED)} rows are missing; say each once")
    return made


def _square(given: Any, side: int, where: str) -> tuple[tuple[int, ...], ...]:
    matrix = rules_of(given, where)
    if len(matrix) != side:
        raise BadInput(f"{where}: {len(matrix)} x {len(matrix)}; {side} x {side} expected")
    return tuple(tuple(row) for row in matrix.tolist())


def _processes(given: Any, where: str) -> tuple[tuple[str, ...], ...]:
    side = len(Cover)
    if not isinstance(given, list) or [len(row) if isinstance(row, list) else 0 for row in given] != [side] * side:
        raise BadInput(f"{where}: {side} rows of {side} names are expected")
    return tuple(tuple(map(str, row)) for row in given)
