"""Every code the products carry, each table said once: meaning, nodata, colour.

Colours are from Okabe and Ito (2008), *Color Universal Design*, chosen to stay apart for colour-blind readers.
"""

from enum import IntEnum
from typing import Final

STATUS_SCHEME: Final = "opera-dist-v1"
STATUS_NODATA: Final = 255
DATE_NODATA: Final = -1
YEAR_NODATA: Final = 65_535
NO_YEAR: Final = 0
"""Stands for "in no year", which says something."""
COUNT_NODATA: Final = 255
NOT_YET: Final = 254
"""Years to something that has not come yet."""


class Status(IntEnum):
    """Detection state of a pixel or an alert: the codes of OPERA DIST-ALERT v1 (dist-s1 2.0.19, constants.py)."""

    NONE = 0
    FIRST_LOW = 1
    PROVISIONAL_LOW = 2
    CONFIRMED_LOW = 3
    FIRST_HIGH = 4
    PROVISIONAL_HIGH = 5
    CONFIRMED_HIGH = 6
    FINISHED_LOW = 7
    FINISHED_HIGH = 8


class Monitored(IntEnum):
    """Why a pixel is, or is not, monitored. Only MONITORED may ever be read as "no change"."""

    MONITORED = 0
    OUTSIDE = 1
    NO_LOOK = 2
    SHORT_HISTORY = 3
    DISTURBED_HISTORY = 4
    NOT_FOREST = 5
    FAILED = 6


class Observation(IntEnum):
    """What became of one look at one pixel; they stay apart to the end."""

    OBSERVED = 0
    MASKED = 1
    OUTSIDE = 2
    MISSING = 3
    FAILED = 4


class Segmented(IntEnum):
    """Why the archive of a pixel is, or is not, cut into segments. Only SEGMENTED may ever be read as "no change"."""

    SEGMENTED = 0
    OUTSIDE = 1
    NO_LOOK = 2
    TOO_FEW_LOOKS = 3
    NEVER_STABLE = 4
    NOT_FOREST = 5
    FAILED = 6


class Turn(IntEnum):
    """What a change in the archive of a pixel was."""

    LOSS = 1
    REGROWTH = 2
    OTHER = 3
    RECLEARED = 4


class Step(IntEnum):
    """What a look changed at a pixel: the rows of the transition log."""

    PROVISIONAL = 1
    CONFIRMED = 2
    EXPIRED = 3
    FINISHED = 4


STATUS_MEANING: Final[dict[int, str]] = {
    Status.NONE: "no change",
    Status.FIRST_LOW: "first anomalous look, low magnitude (internal)",
    Status.PROVISIONAL_LOW: "provisional, low magnitude",
    Status.CONFIRMED_LOW: "confirmed, low magnitude",
    Status.FIRST_HIGH: "first anomalous look, high magnitude (internal)",
    Status.PROVISIONAL_HIGH: "provisional, high magnitude",
    Status.CONFIRMED_HIGH: "confirmed, high magnitude",
    Status.FINISHED_LOW: "confirmed low, finished",
    Status.FINISHED_HIGH: "confirmed high, finished",
    STATUS_NODATA: "not monitored: see the `monitored` layer",
}
MONITORED_MEANING: Final[dict[int, str]] = {
    Monitored.MONITORED: "monitored",
    Monitored.OUTSIDE: "outside the area",
    Monitored.NO_LOOK: "no clear look in the monitoring period",
    Monitored.SHORT_HISTORY: "too few clear looks in the history",
    Monitored.DISTURBED_HISTORY: "already disturbed in the history",
    Monitored.NOT_FOREST: "not forest, by its history or the baseline",
    Monitored.FAILED: "could not be read or fitted",
}
SEGMENTED_MEANING: Final[dict[int, str]] = {
    Segmented.SEGMENTED: "its archive is cut into segments",
    Segmented.OUTSIDE: "outside the area",
    Segmented.NO_LOOK: "never seen clear",
    Segmented.TOO_FEW_LOOKS: "too few clear looks",
    Segmented.NEVER_STABLE: "no stretch of its archive is stable",
    Segmented.NOT_FOREST: "never forest, by its archive or the baseline",
    Segmented.FAILED: "could not be read or fitted",
}
TURN_MEANING: Final[dict[int, str]] = {
    Turn.LOSS: "loss of forest cover",
    Turn.REGROWTH: "regrowth",
    Turn.OTHER: "a change that is neither",
}
STATUS_COLOUR: Final[dict[int, str]] = {
    Status.NONE: "#e8efe8",
    Status.FIRST_LOW: "#f0e442",
    Status.FIRST_HIGH: "#f0e442",
    Status.PROVISIONAL_LOW: "#e69f00",
    Status.PROVISIONAL_HIGH: "#e69f00",
    Status.CONFIRMED_LOW: "#d55e00",
    Status.CONFIRMED_HIGH: "#d55e00",
    Status.FINISHED_LOW: "#cc79a7",
    Status.FINISHED_HIGH: "#cc79a7",
    STATUS_NODATA: "#9a9a9a",
}
MONITORED_COLOUR: Final[dict[int, str]] = {
    Monitored.MONITORED: "#e8efe8",
    Monitored.OUTSIDE: "#ffffff",
    Monitored.NO_LOOK: "#000000",
    Monitored.SHORT_HISTORY: "#0072b2",
    Monitored.DISTURBED_HISTORY: "#cc79a7",
    Monitored.NOT_FOREST: "#56b4e9",
    Monitored.FAILED: "#999999",
}
SEGMENTED_COLOUR: Final[dict[int, str]] = {
    Segmented.SEGMENTED: "#e8efe8",
    Segmented.OUTSIDE: "#ffffff",
    Segmented.NO_LOOK: "#000000",
    Segmented.TOO_FEW_LOOKS: "#0072b2",
    Segmented.NEVER_STABLE: "#cc79a7",
    Segmented.NOT_FOREST: "#56b4e9",
    Segmented.FAILED: "#999999",
}
TURN_COLOUR: Final[dict[str, str]] = {"loss": "#d55e00", "regrowth": "#009e73", "recleared": "#cc79a7"}
"""By name of codes.Turn in small letters: those that become polygons."""
ALERT_COLOUR: Final[dict[str, str]] = {
    "provisional": "#e69f00",
    "confirmed": "#d55e00",
    "finished": "#cc79a7",
    "expired": "#999999",
    "merged": "#999999",
    "retracted": "#999999",
    "rejected": "#999999",
}
CHANGE_TYPE_MEANING: Final[dict[str, str]] = {
    "tree_cover_loss": "forest was cleared",
    "degradation": "forest was hurt and stands",
    "peat_disturbance": "a forest on peat was cleared, hurt or drained",
    "natural_loss": "forest was lost without people",
    "other": "no harm to the forest: river stage, bamboo, cloud, smoke, wet soil",
    "unclassified": "no model said, or it abstained: like nothing it has learnt from",
}
CHANGE_TYPES: Final = tuple(CHANGE_TYPE_MEANING)
DRIVERS: Final = ("agriculture", "mining", "road", "fire", "logging", "natural")
"""Who or what changes forests."""
