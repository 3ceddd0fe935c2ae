"""Factors out of files that name where every figure stands: none is built into the code, any set can be replaced.

A figure's status is `verified` (read in its source), `secondary` (read where somebody else uses it, or read with a doubt
that its notes name) or `recalled`, which is told as unverified wherever it is used.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, get_args

from scipy import stats

from detection.errors import BadInput
from jobs.reports.redd.quantity import UNITS, Quantity, Unit, constant
from jobs.yamlfile import parse

Status = Literal["verified", "secondary", "recalled"]
GivenAs = Literal["SD", "SE", "CI"]
FOLDER: Final = "factors"
UNVERIFIED: Final = "unverified"


@dataclass(frozen=True)
class Factor:
    """A figure with where it stands."""

    name: str
    """By which a config asks for it."""
    value: float
    """As the source has it."""
    unit: Unit
    """What it is counted in."""
    status: Status
    """How sure it is that the source says so."""
    author: str
    """Who says so."""
    year: int | None
    """When; None: the source bears no date."""
    table: str
    """Where in it."""
    uncertainty: float | None = None
    """As the source gives it, half-width of an interval included; None: it gives none, the figure is taken as exact."""
    given_as: GivenAs | None = None
    """What the uncertainty is: a standard deviation, a standard error, or half an interval of that level."""
    level: float | None = None
    """Of the interval, per cent."""
    notes: str = ""
    """What to know before using it."""
    set: str = ""
    """The set that it comes from, with its version."""

    @property
    def se(self) -> float:
        """Standard error: what is given, or half the interval over the normal distribution's quantile."""
        if self.uncertainty is None or self.given_as is None:
            return 0.0
        if self.given_as != "CI":
            return self.uncertainty
        return self.uncertainty / float(stats.norm.ppf(0.5 + (self.level or 0) / 200))

    @property
    def said(self) -> str:
        """Status as readers are told it."""
        return UNVERIFIED if self.status == "recalled" else self.status

    @property
    def source(self) -> str:
        """Author, year and table in one line."""
        return f"{self.author}{f' ({self.year})' if self.year else ''}: {self.table}"

    def quantity(self, name: str = "") -> Quantity:
        """What to calculate with; `name` tells two uses of one factor apart that do not err alike.

        Normal, so that its mean stays the figure of the source, whatever the spread.
        """
        stream = name or self.name
        exact = self.uncertainty is None
        return constant(stream, self.value, self.unit) if exact else Quantity(stream, self.value, self.unit, self.se)


@dataclass(frozen=True)
class Factors:
    """All sets that a job knows."""

    sets: tuple[tuple[str, str], ...]
    """(name and version, sha256 of its file) of each."""
    factors: tuple[Factor, ...]
    """Of all of them; of two with one name the later one counts."""

    @cached_property
    def by_name(self) -> Mapping[str, Factor]:
        """Name -> factor."""
        return {one.name: one for one in self.factors}

    def find(self, name: str) -> Factor:
        """The factor of that name; raises BadInput with the nearest names where there is none."""
        if name in self.by_name:
            return self.by_name[name]
        near = get_close_matches(name, self.by_name, 3, 0.4) or sorted(self.by_name)[:3]
        raise BadInput(f"factor {name!r} is unknown; did you mean {' or '.join(near)}?")


def shipped(own: Sequence[Path] = ()) -> Factors:
    """The sets that come along, and the job's own, whose factors win over those of the same name."""
    there = sorted((files("jobs.reports.redd") / FOLDER).iterdir(), key=lambda one: one.name)
    texts = [(Path(one.name), one.read_bytes()) for one in there if one.name.endswith(".yaml")]
    return _together([*texts, *((path, _content(path)) for path in own)])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"factors {path}: cannot be read ({error.strerror}); name a set's YAML file") from error


def _together(texts: Iterable[tuple[Path, bytes]]) -> Factors:
    sets, found = [], []
    for path, content in texts:
        try:
            data = parse(content.decode("utf-8"), path).data
        except UnicodeDecodeError as error:
            raise BadInput(f"factors {path.name}: not UTF-8 text; save the file as UTF-8") from error
        label, rows = _set(data, path.name)
        sets.append((label, hashlib.sha256(content).hexdigest()))
        found += rows
    return Factors(tuple(sets), tuple(found))


def _set(data: Mapping[str, Any], file: str) -> tuple[str, list[Factor]]:
    if strange := set(data) - {"name", "version", "about", "factors"}:
        raise BadInput(f"factors {file}: unknown key {min(strange)!r}; a set has name, version, about and factors")
    if not all(isinstance(data.get(key), str) for key in ("name", "version")) or not isinstance(
        data.get("factors"), list
    ):
        raise BadInput(f"factors {file}: name, version and a list of factors expected")
    label = f"{data['name']} {data['version']}"
    rows = [_factor(row, f"factors {file}", label) for row in data["factors"]]
    names = [row.name for row in rows]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"factors {file}: {twice!r} stands there twice; keep one")
    return label, rows


def _factor(row: Any, where: str, label: str) -> Factor:
    known = [one.name for one in fields(Factor) if one.name != "set"]
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise BadInput(f"{where}: an entry without a name; give name, value, unit, status, author, year and table")
    where = f"{where}: {row['name']}"
    if strange := set(row) - set(known):
        raise BadInput(f"{where}: unknown key {min(strange)!r}; expected some of {', '.join(known)}")
    if missing := [key for key in ("value", "unit", "status", "author", "year", "table") if key not in row]:
        raise BadInput(f"{where}: {missing[0]} is missing; every factor says where it stands")
    if problem := _problem(row):
        raise BadInput(f"{where}: {problem}")
    numbers = {key: float(row[key]) for key in ("value", "uncertainty", "level") if row.get(key) is not None}
    return Factor(**{**row, **numbers, "set": label, "table": str(row["table"])})


def _problem(row: Mapping[str, Any]) -> str:
    """What is wrong with the values of an entry, or nothing."""
    for key in ("value", "uncertainty", "level"):
        if row.get(key) is not None and not (_number(row[key]) and (key == "value" or row[key] > 0)):
            return f"{key} is {row[key]!r}, expected a number{'' if key == 'value' else ' above 0'}"
    if row["year"] is not None and not isinstance(row["year"], int):
        return f"year is {row['year']!r}, expected a whole number, or null where the source bears none"
    if row["unit"] not in UNITS:
        return f"unit {row['unit']!r} is unknown; expected one of {', '.join(UNITS)}"
    if row["status"] not in get_args(Status):
        return f"status {row['status']!r}; expected one of {', '.join(get_args(Status))}"
    if ("uncertainty" in row) != ("given_as" in row) or row.get("given_as", "SD") not in get_args(GivenAs):
        return f"an uncertainty needs given_as, one of {', '.join(get_args(GivenAs))}"
    if row.get("given_as") == "CI" and not 0 < (row.get("level") or 0) < 100:
        return "an interval needs its level, per cent, between 0 and 100"
    return ""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
