"""A figure that is not known exactly: its best value, how far off it may be, in which shape, and in which unit."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from detection.errors import BadInput

Numbers = NDArray[np.float64]
Unit = Literal["ha", "t dm/ha", "t dm/ha/yr", "tC/ha", "tCO2e/ha", "tCO2e", "tCO2e/yr", "g/kg", "1"]
"""Of a figure; `1`: a ratio or a share."""
Distribution = Literal[
    "normal", "truncated normal", "beta", "triangular", "uniform", "pert", "lognormal", "constant"
]  # fmt: skip
UNITS: Final[tuple[str, ...]] = get_args(Unit)
SHAPED: Final = {"beta": 2, "uniform": 2, "triangular": 3, "pert": 3}
"""Distributions that their parameters alone describe, and how many these are: beta (a, b), uniform (lowest, highest),
triangular and PERT (lowest, likeliest, highest). All others take the value and its standard error."""


@dataclass(frozen=True)
class Quantity:
    """An uncertain figure. Raises BadInput for what cannot be drawn from, in one line that names it."""

    name: str
    """Of the stream that it is drawn from: the same name is the same quantity, drawn once for all that depends on it."""
    value: float
    """Best estimate, which exact arithmetic takes."""
    unit: Unit
    """What it is counted in."""
    se: float = 0.0
    """Standard error; not looked at where the parameters say it all."""
    distribution: Distribution = "normal"
    """Shape of what it may be; `lognormal`: value and se are its own mean and standard deviation, not those of its logarithm;
    `truncated normal`: a normal one of which nothing lies below 0, so that its mean lies above the value."""
    parameters: tuple[float, ...] = ()
    """Of a shape in SHAPED; mind that the mean of that shape need not be the value."""

    def __post_init__(self) -> None:
        problem = next(_problems(self), None)
        if problem:
            raise BadInput(f"{self.name}: {problem}")

    @property
    def exact(self) -> bool:
        """Nothing is unknown of it."""
        return self.distribution == "constant" or (self.distribution not in SHAPED and self.se == 0)

    @property
    def deviation(self) -> float:
        """Standard deviation of its distribution: the standard error of the figure."""
        if self.exact:
            return 0.0
        return float(_frozen(self).std()) if self.distribution in (*SHAPED, "truncated normal") else self.se


def constant(name: str, value: float, unit: Unit) -> Quantity:
    """A figure that is taken as exact."""
    return Quantity(name, value, unit, 0.0, "constant")


def draw(quantity: Quantity, n: int, seed: int) -> Numbers:
    """(n,) values that it may have. They depend on its name and the seed, never on what else is drawn."""
    if quantity.exact:
        return np.full(n, quantity.value)
    return np.asarray(_frozen(quantity).rvs(n, random_state=_stream(quantity.name, seed)), np.float64)


def require_unit(quantity: Quantity, unit: Unit) -> Quantity:
    """The quantity itself; raises BadInput where it is counted in something else."""
    if quantity.unit != unit:
        raise BadInput(
            f"{quantity.name}: found {quantity.unit}, expected {unit}; convert it, nothing is converted here"
        )
    return quantity


def mean_of(distribution: Distribution, parameters: tuple[float, ...]) -> float:
    """Mean of a shape that its parameters describe."""
    return float(_shaped(distribution, parameters).mean())


def _stream(name: str, seed: int) -> np.random.Generator:
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32)
    return np.random.default_rng(np.random.SeedSequence([seed, *words.tolist()]))


def _frozen(quantity: Quantity) -> Any:
    value, se = quantity.value, quantity.se
    match quantity.distribution:
        case "normal":
            return stats.norm(value, se)
        case "truncated normal":
            return stats.truncnorm(-value / se, np.inf, value, se)
        case "lognormal":
            spread = math.sqrt(math.log1p((se / value) ** 2))
            return stats.lognorm(spread, scale=value * math.exp(-(spread**2) / 2))
        case _:
            return _shaped(quantity.distribution, quantity.parameters)


def _shaped(distribution: Distribution, parameters: tuple[float, ...]) -> Any:
    if distribution == "beta":
        return stats.beta(*parameters)
    low, high = parameters[0], parameters[-1]
    if distribution == "uniform":
        return stats.uniform(low, high - low)
    way = (parameters[1] - low) / (high - low)
    if distribution == "triangular":
        return stats.triang(way, low, high - low)
    return stats.beta(1 + 4 * way, 5 - 4 * way, low, high - low)  # PERT: Malcolm et al. 1959, with weight 4


def _problems(one: Quantity) -> Iterator[str]:
    """What is wrong with it."""
    if one.unit not in UNITS:
        yield f"unit {one.unit!r} is unknown; expected one of {', '.join(UNITS)}"
    if one.distribution not in get_args(Distribution):
        yield f"distribution {one.distribution!r} is unknown; expected one of {', '.join(get_args(Distribution))}"
    if not all(map(math.isfinite, (one.value, one.se, *one.parameters))):
        yield f"value {one.value}, standard error {one.se}: not a number; give figures"
    if one.se < 0:
        yield f"standard error {one.se:g} is negative; give it as a positive figure"
    if one.distribution == "constant" and one.se:
        yield f"a constant has no standard error, found {one.se:g}; take normal, or leave it out"
    if one.distribution in ("lognormal", "truncated normal") and one.value <= 0:
        yield f"value {one.value:g}: a {one.distribution} distribution needs one above 0"
    yield from _of_parameters(one.distribution, one.parameters)


def _of_parameters(distribution: str, given: tuple[float, ...]) -> Iterator[str]:
    many = SHAPED.get(distribution, 0)
    if len(given) != many:
        yield f"a {distribution} distribution has {many} parameters, found {len(given)}"
    elif distribution == "beta" and min(given) <= 0:
        yield f"parameters {given[0]:g} and {given[1]:g} of a beta distribution must be above 0"
    elif many and distribution != "beta" and not (list(given) == sorted(given) and given[0] < given[-1]):
        yield f"parameters {', '.join(f'{g:g}' for g in given)} of a {distribution} distribution do not rise"
