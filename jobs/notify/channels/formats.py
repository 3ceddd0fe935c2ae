"""What a feed may be asked for: its formats, and what some of them must be told. `files.py` writes them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from detection.types import parameters
from jobs.mistakes import Rule, require
from jobs.notify.payloads import DETAILS

Format = Literal[
    "atom", "kml", "gpx", "cap", "geojson", "geopackage", "earthranger", "gundi", "smart", "comapeo", "national",
]  # fmt: skip
USUAL: Final[tuple[Format, ...]] = ("atom", "kml", "gpx", "cap")
"""What is written where nothing is said."""
NEEDED: Final[Mapping[Format, str]] = {"earthranger": "event_type", "gundi": "event_type", "smart": "category"}
"""Format -> the key without which it cannot be made: each site names its own, so that there is no default."""
KEY: Final = re.compile(r"[A-Za-z0-9_]{1,100}")
"""A key of a data model of SMART."""


@parameters
class Events:
    """What the events of EarthRanger or Gundi need."""

    event_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$", examples=["forest_alert"])]
    """Value, not display name, of the type of event that the site has for alerts."""
    point: bool = False
    """Its type takes points only: the outline stays out."""


@parameters
class Incidents:
    """What the incidents of SMART need."""

    category: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_]{1,100}(\.[A-Za-z0-9_]{1,100})*\.?$", examples=["threats.forestloss"])
    ]
    """Path of the category of alerts in the data model of the conservation area."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Detail of an alert -> key of the category's attribute for it, e.g. `area_ha: areaha`; SMART refuses keys that the category
    lacks. All details are in the comment, too."""

    def __post_init__(self) -> None:
        strange = ", ".join(sorted(set(self.attributes) - set(DETAILS)))
        broken = ", ".join(repr(key) for key in self.attributes.values() if not KEY.fullmatch(key))
        require(
            (not strange, ("attributes",), f"{strange} is no detail of an alert; choose from {', '.join(DETAILS)}"),
            (not broken, ("attributes",), f"{broken} is no key of a data model; write letters, digits and underscores"),
        )


@parameters
class Detections:
    """What the alerts of CoMapeo may be told."""

    point: bool = False
    """The archive server takes points only: the outline stays out."""


@parameters
class Report:
    """What the national record may be told."""

    begin: date | None = None
    """First day of the period that was looked at, `md_fecini`; null: left for people to fill in."""
    end: date | None = None
    """Its last day, `md_fecfin`."""

    def __post_init__(self) -> None:
        require(
            ((self.begin is None) == (self.end is None), ("begin", "end"), "a period has both a begin and an end"),
            (
                self.begin is None or self.end is None or self.begin <= self.end,
                ("end",),
                "the period ends before it begins",
            ),
        )

    @property
    def period(self) -> tuple[date, date] | None:
        """Begin and end, where they are said."""
        return None if self.begin is None or self.end is None else (self.begin, self.end)


def makeable(formats: Sequence[Format], blocks: Mapping[Format, Any]) -> list[Rule]:
    """Rules of a feed: no format twice, none without what it needs, nothing said of one that is not written."""
    twice = sorted({one for one in formats if formats.count(one) > 1})
    rules: list[Rule] = [(not twice, ("formats",), f"{', '.join(twice)} is named twice; name each format once")]
    for name, key in NEEDED.items():
        asked, said = name in formats, blocks[name] is not None
        rules += [
            (
                said or not asked,
                (name, "formats"),
                f"{name} cannot be made without `{key}`; write {name}: {{{key}: ...}}",
            ),
            (asked or not said, (name,), f"{name} is described and not written; name it in `formats`, or leave it out"),
        ]
    return rules
