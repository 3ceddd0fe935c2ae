"""How many reference samples, and in which strata."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.errors import BadInput

Numbers = NDArray[np.float64]
Rule = Literal["proportional", "equal", "neyman", "sepal"]
"""How samples are shared out among strata."""


def sample_size(strata: ArrayLike, users: ArrayLike, overall_se: float) -> int:
    """Samples, rounded up, as `needed`."""
    return int(np.ceil(needed(strata, users, overall_se)))


def needed(strata: ArrayLike, users: ArrayLike, overall_se: float) -> float:
    """Samples for a standard error of the overall accuracy (Cochran 1977, eq. 5.25; Olofsson et al. 2014, eq. 13).

    (stratum,) areas in any unit, (stratum,) user's accuracies that are expected. Raises BadInput for a standard error of 0.
    """
    if not overall_se > 0:
        raise BadInput(f"design: standard error {overall_se:g} is not above 0; give what you can afford, e.g. 0.01")
    weight, expected = np.asarray(strata, np.float64), np.asarray(users, np.float64)
    spread = np.sqrt(expected * (1 - expected))
    return float((weight @ spread / weight.sum() / overall_se) ** 2)


def allocate(
    samples: float,
    strata: ArrayLike,
    how: Rule = "proportional",
    *,
    users: ArrayLike | None = None,
    smallest: int = 0,
) -> NDArray[np.int64]:
    """(stratum,) samples of each, `samples` in all; rare strata get at least `smallest`, the others share what is left.

    By area, alike, or by area times expected standard deviation (Neyman 1934), which needs `users`. Fractions go to the
    largest remainders; `sepal` is by area too, but rounds down as SEPAL does (`sepal`), so that it may spend a few less.
    Raises BadInput when the smallest ones do not fit, or Neyman has no users.
    """
    size = np.asarray(strata, np.float64)
    if smallest * len(size) > samples:
        raise BadInput(
            f"design: {samples:g} samples for {len(size)} strata of at least {smallest}; give more or ask for less"
        )
    if how == "sepal":
        return sepal(samples, size, smallest).final
    samples = int(np.ceil(samples))
    if how == "neyman" and users is None:
        raise BadInput("design: allocation 'neyman' needs the expected user's accuracies; give them")
    expected = np.full(len(size), 0.5) if users is None else np.asarray(users, np.float64)
    spread = size * np.sqrt(expected * (1 - expected))
    pull = {"proportional": size, "equal": np.ones(len(size)), "neyman": spread}[how]
    low = np.zeros(len(size), np.bool_)
    while True:  # one more stratum at least each round, so it ends
        wanted = np.where(low, smallest, 0.0)
        free = pull[~low] if pull[~low].any() else np.ones((~low).sum())
        wanted[~low] = (samples - wanted.sum()) * free / max(free.sum(), 1e-300)
        if not np.any(short := ~low & (wanted < smallest)):
            return _whole(wanted, samples)
        low |= short


@dataclass(frozen=True)
class Sepal:
    """SEPAL's shares of a sample, step by step: the columns of its `sampling.csv`."""

    equal: NDArray[np.int64]
    """(stratum,) alike, rounded down."""
    proportional: NDArray[np.int64]
    """(stratum,) by area, rounded down."""
    least: Numbers
    """(stratum,) the minimum where the proportional share is below it, else NaN."""
    adjprop: Numbers
    """(stratum,) area over that of the strata which are not below the minimum."""
    adjusted: NDArray[np.int64]
    """(stratum,) that share of what the minima leave, rounded down, and no less than the minimum."""

    @property
    def final(self) -> NDArray[np.int64]:
        """(stratum,) samples."""
        return self.adjusted


def sepal(samples: float, strata: ArrayLike, smallest: int) -> Sepal:
    """Shares of a sample after SEPAL's accuracy assessment (Open Foris, aa_design/server.R), which rounds down throughout."""
    size = np.asarray(strata, np.float64)
    share = size / size.sum() * samples
    proportional = np.floor(share + 1e-9).astype(np.int64)
    rare = proportional < smallest
    least = np.where(rare, float(smallest), np.nan)
    common = size[~rare].sum()
    adjprop = size / common if common > 0 else np.zeros(len(size))
    adjusted = np.maximum(adjprop * (samples - smallest * rare.sum()), smallest)
    equal = np.full(len(size), int(samples // len(size)), np.int64)
    return Sepal(equal, proportional, least, adjprop, np.floor(adjusted + 1e-9).astype(np.int64))


def _whole(wanted: Numbers, samples: int) -> NDArray[np.int64]:
    """Largest remainders; of equal ones, the first."""
    made = np.floor(wanted + 1e-9).astype(np.int64)
    rest = samples - int(made.sum())
    made[np.argsort(made - wanted, kind="stable")[:rest]] += 1
    return made
