"""Sets of emission factors and of warming potentials: YAML data, each row with source, tier and how far it was checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Literal, get_args

from detection.errors import BadInput
from jobs.reports.peat.classes import DISTURBANCES, FORMULAS, STRATA, UNITS, Term
from jobs.reports.peat.draws import Interval, Summary, fitted
from jobs.yamlfile import ConfigError, read

FOLDER: Final = Path(__file__).parent / "factors"
WARMING: Final = "peat-gwp-"
"""How the names of sets of warming potentials begin."""
Status = Literal["verified", "secondary", "unverified"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
"""Best first. `verified`: read in the source named; `secondary`: read in a text that cites it; `unverified`: from memory."""
GASES: Final = ("CO2", "CH4", "N2O")


@dataclass(frozen=True)
class Factor:
    """One row of a set."""

    pool: str
    """As in `classes.POOLS`."""
    gas: str
    """CO2, CH4, N2O; `any` of fuel."""
    part: str
    """Which part of the formula of its pool."""
    disturbances: tuple[str, ...]
    """To which it applies."""
    strata: tuple[str, ...]
    """To which it applies."""
    land_use: str
    """As the source calls it."""
    figure: Interval
    """Value and interval."""
    unit: str
    """As in `classes.UNITS`."""
    tier: int
    """Of the IPCC, 1 to 3."""
    status: Status
    """How far it was checked."""
    source: str
    """Publication and table."""
    note: str
    """What else to know."""
    factor_set: str
    """Name of its set."""

    @property
    def key(self) -> str:
        """Names it, and its random stream: a factor that is wrong is wrong for all areas and years alike."""
        return f"{self.factor_set}/{self.pool}/{self.gas}/{self.part}/{self.land_use}"

    @property
    def reach(self) -> frozenset[tuple[str, ...]]:
        """Everything it answers for."""
        what = self.pool, self.gas, self.part
        return frozenset((d, s, *what) for d in self.disturbances for s in self.strata)


@dataclass(frozen=True)
class FactorSet:
    """Factors that belong together."""

    name: str
    """Told wherever a figure of it stands."""
    title: str
    """For people."""
    note: str
    """What to know before using it."""
    rows: tuple[Factor, ...]
    """In no order."""


@dataclass(frozen=True)
class Warming:
    """Warming potentials."""

    name: str
    """Of the set."""
    short: str
    """As in the column `gwp_set`."""
    status: Status
    """How far they were checked."""
    source: str
    """Publication."""
    gases: Mapping[str, float]
    """Gas -> tonnes of CO2 that warm as much as one of it."""


def shipped(warming: bool = False) -> tuple[str, ...]:
    """Names of the sets that come along."""
    names = (file.stem for file in FOLDER.glob("peat-*.yaml"))
    return tuple(sorted(name for name in names if name.startswith(WARMING) == warming))


@cache
def factor_set(name: str) -> FactorSet:
    """A set that comes along. Raises BadInput where there is none of this name."""
    return read_set(_known(name, shipped(), "factor set"))


def warming_set(name: str) -> Warming:
    """Warming potentials that come along. Raises BadInput where there are none of this name."""
    return read_warming(_known(name, shipped(warming=True), "set of warming potentials"))


def _known(name: str, names: Sequence[str], what: str) -> Path:
    if name not in names:
        raise BadInput(f"there is no {what} `{name}`{nearest(name, names)}; there are {', '.join(names)}")
    return FOLDER / f"{name}.yaml"


def nearest(word: str, words: Sequence[str]) -> str:
    """`, did you mean ...?`, or nothing."""
    close = get_close_matches(word, words, 1)
    return f", did you mean `{close[0]}`?" if close else ""


def read_set(file: Path) -> FactorSet:
    """A set from a file. Raises BadInput, and ConfigError where it is no YAML, with what to mend in one line."""
    data = _data(file)
    _keys(data, {"name", "title", "rows"}, {"note"}, file.name)
    if not isinstance(data["rows"], list) or not data["rows"]:
        raise BadInput(f"{file.name}: rows: expected a list of factors")
    rows = tuple(_row(row, data["name"], f"{file.name}: row {n}") for n, row in enumerate(data["rows"], 1))
    for one, other in combinations(rows, 2):
        if twice := one.reach & other.reach:
            raise BadInput(f"{file.name}: two rows answer for {', '.join(sorted(twice)[0])}; take one out")
    return FactorSet(data["name"], data["title"], data.get("note", ""), rows)


def read_warming(file: Path) -> Warming:
    """Warming potentials from a file. Raises as `read_set`."""
    data = _data(file)
    _keys(data, {"name", "title", "short", "status", "source", "gases"}, set(), file.name)
    _one_of(data["status"], STATUSES, f"{file.name}: status")
    gases = data["gases"]
    if not isinstance(gases, dict) or set(gases) != set(GASES) or not all(_positive(v) for v in gases.values()):
        raise BadInput(f"{file.name}: gases: expected a number above nought for each of {', '.join(GASES)}")
    return Warming(data["name"], data["short"], data["status"], data["source"], gases)


def chosen(sets: Sequence[FactorSet], least: Status = "unverified") -> tuple[Factor, ...]:
    """The factors of several sets that were checked at least so far. Raises BadInput where two sets answer for the same."""
    for one, other in combinations(sets, 2):
        both = _reach(one) & _reach(other)
        if both:
            what = ", ".join(sorted(both)[0])
            raise BadInput(
                f"`{one.name}` and `{other.name}` both have a factor for {what}; sets are not mixed, name one"
            )
    good = STATUSES[: STATUSES.index(least) + 1]
    return tuple(row for each in sorted(sets, key=lambda s: s.name) for row in each.rows if row.status in good)


def _reach(one: FactorSet) -> frozenset[tuple[str, ...]]:
    return frozenset().union(*(row.reach for row in one.rows))


def parts_of(factors: Sequence[Factor], disturbance: str, stratum: str, term: Term) -> dict[str, Factor] | None:
    """Part -> factor of the formula of a term; None where one is lacking."""
    pool, gas = term
    found = {
        row.part: row
        for row in factors
        if row.pool == pool and row.gas in (gas, "any") and disturbance in row.disturbances and stratum in row.strata
    }
    return found if set(found) == set(FORMULAS[term][0]) else None


def _data(file: Path) -> dict[str, Any]:
    document = read(file)
    if document.problems:
        raise ConfigError(file, document.problems)
    return document.data


def _row(row: Any, name: str, where: str) -> Factor:
    needed = {"pool", "gas", "disturbances", "land_use", "value", "unit", "tier", "status", "source"}
    _keys(row, needed, {"part", "strata", "low", "high", "level", "summary", "note"}, where)
    where = f"{where} ({row['pool']}, {row['land_use']})"
    row = {"part": "factor", "strata": list(STRATA), "note": "", **row}
    what = row["pool"], row["gas"], row["part"]
    if what not in UNITS:
        raise BadInput(f"{where}: there is no factor {' / '.join(what)}; there are {'; '.join(map(' / '.join, UNITS))}")
    if row["unit"] != UNITS[what]:
        raise BadInput(f"{where}: unit `{row['unit']}`, but such a factor is in `{UNITS[what]}`; convert it")
    _each(row["disturbances"], tuple(DISTURBANCES), f"{where}: disturbances")
    _each(row["strata"], tuple(STRATA), f"{where}: strata")
    _one_of(row["status"], STATUSES, f"{where}: status")
    _one_of(row["tier"], (1, 2, 3), f"{where}: tier")
    same = {one.name: row[one.name] for one in fields(Factor) if one.name not in ("figure", "factor_set")}
    same |= {"disturbances": tuple(row["disturbances"]), "strata": tuple(row["strata"])}
    return Factor(**same, figure=_figure(row, where), factor_set=name)


def _figure(row: Mapping[str, Any], where: str) -> Interval:
    value, low, high, level = row["value"], row.get("low"), row.get("high"), row.get("level")
    if not _number(value) or not all(one is None or _number(one) for one in (low, high, level)):
        raise BadInput(f"{where}: value, low, high and level are numbers")
    summary: Summary = row.get("summary", "mean")
    _one_of(summary, get_args(Summary), f"{where}: summary")
    figure = Interval(value, low, high, level, summary)
    try:
        fitted(figure)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None
    return figure


def _keys(data: Any, needed: set[str], besides: set[str], where: str) -> None:
    if not isinstance(data, dict):
        raise BadInput(f"{where}: expected a block of keys")
    if lacking := sorted(needed - data.keys()):
        raise BadInput(f"{where}: {lacking[0]} is missing")
    if strange := sorted(data.keys() - needed - besides):
        raise BadInput(f"{where}: unknown key `{strange[0]}`{nearest(strange[0], sorted(needed | besides))}")
    wordy = (key for key in ("name", "title", "source", "unit", "land_use", "note") if key in data)
    if wrong := [key for key in wordy if not isinstance(data[key], str)]:
        raise BadInput(f"{where}: {wrong[0]} is a text")


def _each(values: Any, known: tuple[str, ...], where: str) -> None:
    if not isinstance(values, list) or not values:
        raise BadInput(f"{where}: expected a list of one or more of {', '.join(known)}")
    for value in values:
        _one_of(value, known, where)


def _one_of(value: Any, known: Sequence[Any], where: str) -> None:
    if value not in known or isinstance(value, bool):
        names = [str(one) for one in known]
        raise BadInput(f"{where}: `{value}` is none of {', '.join(names)}{nearest(str(value), names)}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def unverified(factors: Sequence[Factor]) -> Iterator[Factor]:
    """Those that nobody has held against their source."""
    return (row for row in factors if row.status == "unverified")
