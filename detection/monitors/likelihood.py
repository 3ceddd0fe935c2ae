"""What a look says about a cell, as log-likelihood ratios over a table of residuals: worked out once, looked up ever after.

Three things may be true of a cell at a look: it is forest as it was; a part of it has changed that is too small to call the
cell lost; or it has changed as a whole. What has changed is a mixture of surfaces. Whatever is true, the look may be of no
use at all (cloud, smoke, shadow) with a probability that the look itself suggests: then it says the same under all three.

    evidence = log p(z | changed) - log p(z | forest)        grade = log p(z | changed) - log p(z | partly changed)
    p(z | state) = (1 - doubt) density(z | state) + doubt outlier(z)

Densities are bivariate Student t with few degrees of freedom (heavy tails: one look never decides), z the residuals of the
two planes of a look in their scales. The form is the recommended engine of Reiche et al. 2015 (bayts) with the outlier
probability as a part of the likelihood; `doubt` bounds what one look can add at about 3 - log(doubt) for optical looks (of
the index alone 1.6 - log(doubt)), 1.4 - log(doubt) for radar: 3 and 1.4 are how much likelier a change is at best than no use.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.types import Float

STEP: Final = 0.5
"""Width of a cell of the table, residual scales."""
CELLS: Final = 64
"""Cells a side: -16 to 16 scales; what lies beyond counts as the outermost."""
DOUBTS: Final = (0.003, 0.01, 0.03, 0.06, 0.12, 0.25, 0.5, 0.8)
"""Outlier probabilities the table is made for; the nearest (in the logarithm) is taken."""
WIDTHS: Final = (1.0, 1.5, 2.2, 3.3, 5.0)
"""Residual scales of a cell, in those of its kind of sensor, that the table is made for; the nearest (in the logarithm) is
taken. What a change looks like is known in units of the plane: in a cell that scatters more it is fewer of its own scales."""
FREEDOM: Final = 4.0
"""Degrees of freedom of the densities of looks."""
OUTLIER_FREEDOM: Final = 2.0
"""... and of the looks that are of no use."""
WHOLE: Final = (0.55, 0.70, 0.85, 1.0)
"""Shares of a cell that count as changed: more than half of it, as GLAD defines loss (Hansen et al. 2016)."""
PART: Final = (0.08, 0.16, 0.25, 0.35, 0.45)
"""Shares of a cell that are changed and do not make it lost: the rim of a clearing, a skid trail, a few dead crowns."""
BOTH, FIRST_ONLY, SECOND_ONLY = 0, 1, 2
"""Tables of a kind of sensor, by the planes a look has."""


@dataclass(frozen=True)
class Surface:
    """What forest turns into: change of the two planes of a whole cell, mean and spread between cells."""

    name: str
    """For reading."""
    share: float
    """How often, all surfaces together 1."""
    change: tuple[float, float]
    """Index and near infrared (units of the plane), or VV and VH (dB)."""
    spread: tuple[float, float]
    """Standard deviation between cells, same units."""


@dataclass(frozen=True)
class Kind:
    """A kind of sensor: its surfaces and how far looks scatter."""

    surfaces: tuple[Surface, ...]
    """What may stand there after a change."""
    scale: tuple[float, float]
    """Residual scale of the two planes for which the tables are made: natural variation of a cell of forest."""
    outlier: tuple[float, float]
    """Scale of looks that are of no use, residual scales."""
    decibel: bool
    """Parts of a cell add up in power, not in dB."""


OPTICAL: Final = Kind(
    surfaces=(
        Surface("felled", 0.25, (-0.48, -0.065), (0.12, 0.03)),
        Surface("bare", 0.20, (-0.75, -0.08), (0.15, 0.04)),
        Surface("burnt", 0.15, (-0.85, -0.17), (0.12, 0.03)),
        Surface("pasture", 0.15, (-0.30, -0.02), (0.12, 0.04)),
        Surface("green again", 0.10, (-0.20, 0.02), (0.08, 0.04)),
        Surface("water", 0.10, (-0.10, -0.20), (0.30, 0.04)),
        Surface("sand", 0.05, (-0.75, 0.0), (0.15, 0.05)),
    ),
    scale=(0.04, 0.03),
    outlier=(8.0, 8.0),
    decibel=False,
)
"""NBR (other normalised differences fall alike) and near infrared. Levels of surfaces in NBR after Hansen et al. 2016 and
Negron-Juarez et al. 2020, rounded; recalled, none of them measured here: spreads are wide for that. How often: chosen."""
RADAR: Final = Kind(
    surfaces=(
        Surface("felled", 0.30, (-0.3, -1.2), (0.9, 0.8)),
        Surface("bare, dry", 0.30, (-3.6, -4.5), (1.2, 1.2)),
        Surface("bare, wet", 0.10, (-1.3, -2.8), (1.2, 1.0)),
        Surface("pasture", 0.20, (-2.6, -2.8), (1.0, 1.0)),
        Surface("water", 0.10, (-6.0, -8.0), (2.5, 2.5)),
    ),
    scale=(1.1, 1.1),
    outlier=(3.0, 3.0),
    decibel=True,
)
"""VV and VH at C band. Bare ground against forest after Reiche et al. 2018 (VV -7.3 to -10.4 dB) and a mean drop of 2 and 2.3
dB over clearings; the others recalled; how often: chosen."""


@lru_cache(maxsize=4)
def tables(whole: tuple[float, ...] = WHOLE, part: tuple[float, ...] = PART) -> Float:
    """(kind, width, planes, doubt, cell, cell, 2) float32: evidence and grade of a look; kind 0 optical, 1 radar.

    width: position in WIDTHS; planes: BOTH, or the marginal of the first or the second where a look has only one.
    Read-only: shared by all callers.
    """
    kinds = [np.stack([_kind(wider(kind, width), whole, part) for width in WIDTHS]) for kind in (OPTICAL, RADAR)]
    made = np.ascontiguousarray(np.stack(kinds), np.float32)
    made.flags.writeable = False
    return made


def wider(kind: Kind, width: float) -> Kind:
    """The kind as a cell sees it that scatters so many times as much."""
    return replace(kind, scale=(kind.scale[0] * width, kind.scale[1] * width))


def _kind(kind: Kind, whole: tuple[float, ...], part: tuple[float, ...]) -> NDArray[np.float64]:
    """(planes, doubt, cell, cell, 2)."""
    places = (np.arange(CELLS) - CELLS / 2 + 0.5) * STEP
    z = list(np.meshgrid(places, places, indexing="ij"))
    forest = _student(z, (0.0, 0.0), (1.0, 1.0), FREEDOM)
    useless = _student(z, (0.0, 0.0), kind.outlier, OUTLIER_FREEDOM)
    densities = (forest, _mixture(z, kind, whole), _mixture(z, kind, part), useless)
    return np.stack([_ratios([_marginal(d, axis) for d in densities]) for axis in (None, 1, 0)])


def _ratios(densities: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(doubt, cell, cell, 2) of forest, changed, partly changed, useless.

    Tails of wide mixtures reach above forest: there the first plane says nothing for a change, the second alone may.
    """
    doubt, above = np.array(DOUBTS)[:, None, None], CELLS // 2
    forest, changed, partly = (np.log((1 - doubt) * d + doubt * densities[3]) for d in (densities[0], *densities[1:3]))
    evidence = changed - forest
    evidence[:, above:] = np.minimum(evidence[:, above:], np.maximum(evidence[:, above, None], 0))
    return np.stack([evidence, changed - partly], -1)


def _marginal(density: NDArray[np.float64], axis: int | None) -> NDArray[np.float64]:
    """The density of one plane alone, repeated along the other."""
    return density if axis is None else np.broadcast_to(density.sum(axis, keepdims=True) * STEP, density.shape)


def _mixture(z: list[NDArray[np.float64]], kind: Kind, shares: tuple[float, ...]) -> NDArray[np.float64]:
    """The density of looks at cells of which such a share has become one of the surfaces, all shares equally often."""
    total = np.zeros_like(z[0])
    for surface in kind.surfaces:
        for share in shares:
            middle, wide = _mixed(surface, share, kind)
            total += surface.share / len(shares) * _student(z, middle, wide, FREEDOM)
    return total


def _mixed(surface: Surface, share: float, kind: Kind) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and scale of the residuals, in residual scales, of a cell of which a share is the surface."""

    def change(whole: float) -> float:
        return float(10 * np.log10(1 - share + share * 10 ** (whole / 10))) if kind.decibel else share * whole

    pairs = list(zip(surface.change, surface.spread, kind.scale, strict=True))
    middle = tuple(change(c) / scale for c, _, scale in pairs)
    wide = tuple(float(np.hypot(1, (change(c + 0.5) - change(c - 0.5)) * s / scale)) for c, s, scale in pairs)
    return middle, wide


def _student(
    z: list[NDArray[np.float64]], middle: tuple[float, ...], wide: tuple[float, ...], freedom: float
) -> NDArray[np.float64]:
    """Bivariate Student t (Kotz and Nadarajah 2004), uncorrelated."""
    square = sum(((x - m) / w) ** 2 for x, m, w in zip(z, middle, wide, strict=True))
    return np.asarray((1 + square / freedom) ** (-(freedom + 2) / 2) / (2 * np.pi * wide[0] * wide[1]))
