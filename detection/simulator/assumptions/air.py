"""What lies between the ground and the satellite: [clouds], [smoke] and [light] of `world.toml`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Clouds:
    """The cloud field."""

    kind: Literal["gaussian", "clumps"]
    """A latent Gaussian field, or discs of cloud that cluster."""
    scene_share: float
    """Share of the latent variance that a whole scene has in common. `clumps`: of the skies that could be broken, the
    share that is all clear or all cloud instead."""
    range_m: int
    """Of the exponential correlation of the rest."""
    octaves: tuple[tuple[int, float], ...]
    """(node spacing, share of variance) that make that correlation."""
    clump_m: tuple[int, float, float]
    """`clumps`: spacing of parents, radius of a disc's median and sd of its logarithm."""
    clump_discs: tuple[int, int]
    """`clumps`: least and most discs of one parent."""
    clump_scatter: float
    """`clumps`: standard deviation of a disc about its parent, in spacings of parents."""
    clump_clear: tuple[float, float]
    """`clumps`: least and most clear share of a broken sky; the others are all clear or all cloud."""
    shadow_m: tuple[tuple[int, int], tuple[int, int]]
    """Shadow from its cloud (south, east), in June and in December."""
    edge: float
    """Width of the thin edge above the threshold, in sd of the latent field."""
    rise: float
    """Width of the rise to opaque."""
    shadow_from: float
    """Above the threshold by so much a cloud casts a shadow."""
    thinnest: float
    """Opacity of the thinnest cloud."""
    glow: tuple[float, float]
    """Brightness of thin cloud as a share of `endmember`, and so much more of it where it is thickest."""
    endmember: tuple[float, ...]
    """(6,) reflectance of bright cloud, ten-thousandths."""
    shade: tuple[float, ...]
    """(6,) factor in a shadow that the quality band finds."""
    contaminated_odds: float
    """Of looks the quality band calls clear, half a shadow, half cirrus."""
    missed_shade: tuple[float, ...]
    """(6,) factor in a shadow that it misses."""
    cirrus: tuple[float, float]
    """Least and most that missed cirrus adds in all bands, reflectance."""
    missed_block: int
    """What the quality band misses or makes up comes in blocks of so many cells squared."""
    missed_share: float
    """Share of the cells of such a block that are hit."""
    false_cloud_odds: float
    """Of looks at bright ground."""
    false_shadow_odds: float
    """Of Sentinel-2 looks at dark swamp and water."""


@dataclass(frozen=True)
class Smoke:
    """Episodes that last from look to look."""

    odds: tuple[float, ...]
    """(12,) share of clear looks by month in a severe year."""
    severe_years: tuple[int, ...]
    """Years with so much."""
    normal_share: float
    """Of a normal year against a severe one."""
    plume_m: int
    """Length of the regional field."""
    puff_m: int
    """Length of the variation within a scene."""
    puff_share: float
    """Its share of the variance."""
    days: int
    """Node spacing in time."""
    thinnest: float
    """Thickness of the thinnest, 0..1."""
    least: tuple[float, ...]
    """(6,) added by the thinnest, ten-thousandths."""
    most: tuple[float, ...]
    """(6,) added by the thickest."""


@dataclass(frozen=True)
class Light:
    """What the relief does to sunlight: factor (cos i / cos z)^power, i against the ground, z against the zenith."""

    power: float
    """The exponent."""
    least: float
    """cos i / cos z of what lies in its own shadow and has the light of the sky alone."""
    most: float
    """Largest cos i / cos z."""
    dim: float
    """Factor below which Sentinel-2's scene classification says dark or topographic shadow."""
