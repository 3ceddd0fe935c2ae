"""Columns of a register as somebody keeps it -> the fields of an area: names, what stands for what, what must be there."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from detection.errors import BadInput
from jobs.yamlfile import ConfigError, Document, parse, read

YEAR: Final = re.compile(r"(?<!\d)(1[89]|20|21)\d\d(?!\d)")
DATE: Final = re.compile(r"\d{4}|\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?|\d{1,2}[-/]\d{1,2}[-/]\d{4}")
"""A year, or a date with it in front or behind: day and month may be swapped without harm, only the year is taken."""
SEPARATOR: Final = re.compile(r"\s*[;,]\s*")


def to_str(value: Any) -> str:
    """Text in one printable line; a whole number stored as a real one without its point."""
    if isinstance(value, list | dict):
        raise TypeError(value)
    line = " ".join(str(int(value) if isinstance(value, float) and value.is_integer() else value).split())
    return "".join(letter for letter in line if letter.isprintable())


def to_float(value: Any) -> float:
    """A number with a point for decimals: `1.234,5` and `1,234` are refused, for either can be meant by a comma."""
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(value)
    return found


def to_int(value: Any) -> int:
    """A whole number."""
    found = to_float(value)
    if not found.is_integer():
        raise ValueError(value)
    return int(found)


def to_year(value: Any) -> int:
    """The year of `2020`, `2020-05-31`, `2020/05/31` and `31/05/2020`."""
    text = to_str(value)
    found = YEAR.search(text)
    if not found or not DATE.fullmatch(text):
        raise ValueError(value)
    return int(found[0])


def to_country(value: Any) -> str:
    """Two capitals (ISO 3166-1 alpha-2)."""
    found = to_str(value).upper()
    if not re.fullmatch(r"[A-Z]{2}", found):
        raise ValueError(value)
    return found


def decimal_comma(value: Any) -> Any:
    """A number of a text that has commas for decimals and points between thousands; other values as they are."""
    return to_float(value.replace(".", "").replace(",", ".")) if isinstance(value, str) else value


def km2_to_ha(value: Any) -> float:
    """Hectares of square kilometres."""
    return to_float(value) * 100


TRANSFORMS: Final[Mapping[str, Callable[[Any], Any]]] = {"decimal_comma": decimal_comma, "km2_to_ha": km2_to_ha}
"""What a mapping may do to the values of a column before they become what the field is."""
TEXT: Final = (to_str, "a text")
WHOLE: Final = (to_int, "a whole number")
NUMBER: Final = (to_float, "a number with a point for decimals and nothing between thousands")
YEARLY: Final = (to_year, "a year or a date, e.g. 2020 or 2020-05-31")
FIELDS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "id": TEXT, "name": TEXT, "year_start": YEARLY, "year_end": YEARLY, "restoration_type": WHOLE, "status": WHOLE,
    "tenure": WHOLE,
    "ecosystems": TEXT, "activities": WHOLE, "category": TEXT, "country": (to_country, "two letters, e.g. PE"),
    "department": TEXT, "municipality": TEXT, "site": TEXT, "area_committed": NUMBER,
}  # fmt: skip
"""What an area may be said to be, beside where it lies: field -> (what makes it, what it expects)."""
SEVERAL: Final = ("ecosystems", "activities")
"""Fields of several values, with semicolons or commas between them."""


@dataclass(frozen=True)
class Columns:
    """How a register is read. Raises BadInput for a field or a transform that is not known."""

    name: str
    """Of the mapping, e.g. a country's code."""
    direct: Mapping[str, str]
    """Field -> column."""
    transforms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field -> what is done to what the column says, in order (`TRANSFORMS`)."""
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Field -> what a text in it stands for; capitals make no difference."""
    fallbacks: Mapping[str, Any] = field(default_factory=dict)
    """Field -> what holds where the column says nothing, or there is none."""
    required_min: tuple[str, ...] = ("id", "name")
    """Fields that every area must have."""

    def __post_init__(self) -> None:
        """Refuse names that mean nothing."""
        named = [*self.direct, *self.transforms, *self.values, *self.fallbacks, *self.required_min]
        if strange := [one for one in named if one not in FIELDS]:
            raise BadInput(f"mapping {self.name}: unknown field {strange[0]!r}; fields are {', '.join(FIELDS)}")
        if strange := [one for names in self.transforms.values() for one in names if one not in TRANSFORMS]:
            raise BadInput(f"mapping {self.name}: unknown transform {strange[0]!r}; there are {', '.join(TRANSFORMS)}")
        if missing := [one for one in self.required_min if one not in self.direct and one not in self.fallbacks]:
            raise BadInput(f"mapping {self.name}: {missing[0]} is required but has neither column nor fallback")
        if "id" not in self.required_min or "id" not in self.direct:
            raise BadInput(
                f"mapping {self.name}: id must be required and have a column; an area that cannot be named cannot be refused"
            )


def read_mapping(path: Path) -> Columns:
    """A mapping out of a YAML file; raises ConfigError as `yamlfile.read`, BadInput as `Columns` and for unknown keys."""
    return _mapping(read(path))


def countries() -> tuple[str, ...]:
    """Those whose mapping comes along, e.g. `PE`."""
    names = (one.name for one in files("jobs.reports.restoration").iterdir())
    return tuple(sorted(name.split(".")[1] for name in names if re.fullmatch(r"mapping\.[A-Z]{2}\.yaml", name)))


def shipped(country: str) -> Columns:
    """The mapping of a country that comes along, e.g. `PE`."""
    name = f"mapping.{country}.yaml"
    return _mapping(parse((files("jobs.reports.restoration") / name).read_text(encoding="utf-8"), Path(name)))


def _mapping(document: Document) -> Columns:
    data, name = document.data, document.file.name
    if document.problems:
        raise ConfigError(document.file, document.problems)
    known = [one.name for one in fields(Columns)]
    if strange := [key for key in data if key not in known]:
        raise BadInput(f"{name}: unknown key {strange[0]!r}; a mapping has {', '.join(known)}")
    blocks = [data.get(key, {}) for key in ("direct", "transforms", "values", "fallbacks")]
    nested = [*data.get("transforms", {}).values(), data.get("required_min", [])] if _blocks(blocks) else [None]
    if "name" not in data or "direct" not in data or not all(isinstance(one, list) for one in nested):
        raise BadInput(
            f"{name}: name and direct expected; direct, transforms, values and fallbacks are blocks, required_min is a list"
        )
    lists = {key: tuple(names) for key, names in data.get("transforms", {}).items()}
    required = tuple(data.get("required_min", Columns.required_min))
    return Columns(**{**data, "transforms": lists, "required_min": required})


def _blocks(found: Sequence[Any]) -> bool:
    return all(isinstance(one, dict) for one in found) and all(isinstance(one, dict) for one in found[2].values())


def value_of(columns: Columns, key: str, said: Any) -> Any:
    """What a column says, as a field is; of fields of several values each once, sorted. Raises BadInput."""
    if key in SEVERAL and not isinstance(said, dict):
        parts = said if isinstance(said, list) else SEPARATOR.split(to_str(said))
        return tuple(sorted({_single(columns, key, one) for one in parts if one != ""}))
    return _single(columns, key, said)


def _single(columns: Columns, key: str, said: Any) -> Any:
    known = {text.casefold(): one for text, one in columns.values.get(key, {}).items()}
    value = known.get(said.strip().casefold(), said) if isinstance(said, str) else said
    change, expected = FIELDS[key]
    try:
        for name in columns.transforms.get(key, ()):
            value = TRANSFORMS[name](value)
        return change(value)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f"{str(said)[:60]!r}; expected {expected}") from None
