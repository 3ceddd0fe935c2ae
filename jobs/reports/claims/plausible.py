"""What a hectare of forest may hold and how fast forest goes: the ranges that tonnes of a claim are held against."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from detection.errors import BadInput
from jobs.reports.claims.numbers import Bounds
from jobs.reports.peat.factors import Status, nearest
from jobs.yamlfile import ConfigError, read

SHIPPED: Final = Path(__file__).parent / "plausible-peru.yaml"
ROWS: Final = {"biomass": "tdm/ha", "root_shoot": "share", "carbon_fraction": "share", "loss_rate": "1/yr"}
"""What there must be -> its unit."""
KEYS: Final = ("what", "value", "low", "high", "unit", "status", "source", "note")
C_TO_CO2: Final = 44 / 12


@dataclass(frozen=True)
class Plausible:
    """Ranges, each with where it is from."""

    name: str
    """Of the set."""
    stock: Bounds
    """Tonnes of CO2 that a hectare holds, above and below ground."""
    loss: Bounds
    """Share of the forest that goes in a year."""
    formula: str
    """How the stock was made."""
    sources: tuple[tuple[str, str, str], ...]
    """(what, how far it was checked, source)."""


def plausible(file: Path | None = None) -> Plausible:
    """The ranges of a file, or those that come along. Raises BadInput and ConfigError with what to mend in one line."""
    file = file or SHIPPED
    document = read(file)
    if document.problems:
        raise ConfigError(file, document.problems)
    rows = document.data.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{file.name}: rows: expected a list of {', '.join(ROWS)}")
    made = {str(row.get("what")): _row(row, f"{file.name}: row {n}") for n, row in enumerate(rows, 1)}
    if amiss := [what for what in ROWS if sum(row.get("what") == what for row in rows) != 1]:
        raise BadInput(f"{file.name}: rows: {', '.join(ROWS)} once each, but {', '.join(amiss)} is not so")
    biomass, roots, carbon, loss = (made[what] for what in ROWS)
    whole = Bounds(1 + roots.value, 1 + roots.low, 1 + roots.high)
    stock = biomass * whole * carbon * C_TO_CO2
    formula = f"{biomass.value:g} t/ha x (1 + {roots.value:g}) x {carbon.value:g} x 44/12 = {stock.value:,.0f} t CO2/ha"
    sources = tuple((str(row["what"]), str(row["status"]), str(row["source"])) for row in rows)
    return Plausible(str(document.data.get("name", file.stem)), stock, loss, formula, sources)


def _row(row: dict[str, Any], where: str) -> Bounds:
    if strange := sorted(row.keys() - set(KEYS)):
        raise BadInput(f"{where}: unknown key `{strange[0]}`{nearest(strange[0], KEYS)}")
    if lacking := [key for key in KEYS[:-1] if row.get(key) is None]:
        raise BadInput(f"{where}: {lacking[0]} is missing")
    what, numbers = row["what"], [row[key] for key in ("value", "low", "high")]
    if what not in ROWS:
        raise BadInput(f"{where}: `{what}` is none of {', '.join(ROWS)}{nearest(str(what), list(ROWS))}")
    if row["unit"] != ROWS[what]:
        raise BadInput(f"{where} ({what}): unit `{row['unit']}`, expected `{ROWS[what]}`")
    if row["status"] not in get_args(Status):
        raise BadInput(f"{where} ({what}): status `{row['status']}` is none of {', '.join(get_args(Status))}")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise BadInput(f"{where} ({what}): value, low and high are numbers")
    value, low, high = map(float, numbers)
    if not 0 < low <= value <= high:
        raise BadInput(f"{where} ({what}): expected 0 < low <= value <= high, found {low:g}, {value:g}, {high:g}")
    return Bounds(value, low, high)
