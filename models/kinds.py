"""What a change can be: the classes a model tells apart, and what each means to those who act on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

ChangeType = Literal["tree_cover_loss", "degradation", "peat_disturbance", "natural_loss", "other"]
Driver = Literal["agriculture", "mining", "road", "fire", "logging", "natural"]


@dataclass(frozen=True)
class Kind:
    """One class."""

    change_type: ChangeType
    """`codes.CHANGE_TYPES`; `other`: no harm was done to the forest, whatever was seen."""
    driver: Driver | None
    """Who or what did it; None where nothing was done."""
    meaning: str
    """In a sentence."""
    simulated: tuple[str, ...] = ()
    """What the simulator calls it."""


NOTHING: Final = "nothing"
LIKELY: Final = 0.5
"""Probability from which something is more likely than not."""
KINDS: Final[dict[str, Kind]] = {
    "agriculture": Kind(
        "tree_cover_loss", "agriculture", "cleared for crops or pasture", ("clearing", "large-clearing")
    ),
    "mining": Kind("tree_cover_loss", "mining", "cleared for alluvial gold mining: ponds and bare sand", ("mining",)),
    "road": Kind("tree_cover_loss", "road", "a road was opened", ("road",)),
    "peat-clearing": Kind(
        "peat_disturbance", "agriculture", "palm swamp or pole forest was cleared", ("peat-clearing",)
    ),
    "palm-felling": Kind("peat_disturbance", "logging", "palms were felled, the swamp stands", ("palm-felling",)),
    "drainage": Kind("peat_disturbance", "agriculture", "a canal drains the peat, the trees fail", ("drainage",)),
    "logging": Kind("degradation", "logging", "single trees were taken", ("logging",)),
    "fire": Kind("degradation", "fire", "fire ran below the canopy", ("fire",)),
    "blowdown": Kind("natural_loss", "natural", "a storm threw the trees", ("blowdown",)),
    "landslide": Kind("natural_loss", "natural", "the slope came down", ("landslide",)),
    "river": Kind("natural_loss", "natural", "the river took its bank", ("river-erosion",)),
    "bamboo": Kind("other", "natural", "bamboo flowered and died, and comes again", ("bamboo",)),
    "flood": Kind("other", "natural", "water stood below the trees, and went", ("flood",)),
    NOTHING: Kind("other", None, "nothing happened: cloud, smoke, wet soil, or a field that was one before"),
}
"""Name of a class -> what it means. Order is that of the columns of a model that knows all of them."""
BY_PEOPLE: Final = ("tree_cover_loss", "degradation", "peat_disturbance")
ON_MINERAL: Final = {"peat-clearing": "agriculture", "palm-felling": "logging", "drainage": "agriculture"}
"""Class of disturbed peat -> what it must have been where a map says there is no peat."""
FROM_SIMULATED: Final = {name: kind for kind, what in KINDS.items() for name in what.simulated}
"""What the simulator calls it -> class."""


def change_type(kind: str, peat: bool | None = None) -> ChangeType:
    """The type of change of a class; peat: what a map says of the ground, which goes before what the model makes of it.

    What people do to a forest on peat is a disturbance of peat, and elsewhere it is none. What storms, slopes and rivers do, and
    what does no harm, is what it is on any ground.
    """
    what = KINDS[kind].change_type
    if peat is None or what not in BY_PEOPLE:
        return what
    return "peat_disturbance" if peat else KINDS[ON_MINERAL.get(kind, kind)].change_type


def harmful(kind: str) -> bool:
    """Was forest lost or hurt?"""
    return KINDS[kind].change_type != "other"


TYPE_COLOUR: Final[dict[str, str]] = {
    "tree_cover_loss": "#d55e00", "degradation": "#e69f00", "peat_disturbance": "#cc79a7", "natural_loss": "#0072b2",
    "other": "#999999", "unclassified": "#000000",
}  # fmt: skip
"""Type of change -> colour (Okabe and Ito 2008)."""
DRIVER_COLOUR: Final[dict[str, str]] = {
    "agriculture": "#e69f00", "mining": "#d55e00", "road": "#000000", "fire": "#cc79a7", "logging": "#009e73",
    "natural": "#0072b2",
}  # fmt: skip
"""Driver -> colour."""
NO_CHANGE: Final = 0
"""Code of a cell of which nothing is said in rasters of types and drivers; the others count from 1 in these orders."""


def coded(names: Sequence[str], name: str | None) -> int:
    """Code of a type or driver in rasters."""
    return names.index(name) + 1 if name in names else NO_CHANGE
