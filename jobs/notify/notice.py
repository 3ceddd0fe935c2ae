"""What is told of one revision of one alert, before any language or channel: plain facts, the same for everybody.

An alert says what was seen on a lattice; a notice adds where that is in the world people know, and what they were told before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shapely.geometry.base import BaseGeometry

from detection.alerts import Alert
from jobs.store import MessageKind

Relation = Literal["within", "intersects", "near"]
Direction = Literal["N", "NE", "E", "SE", "S", "SW", "W", "NW"]


@dataclass(frozen=True)
class Overlap:
    """A feature of a layer of the config that an alert touches. Areas of several features are never summed: they may overlap."""

    layer: str
    """Name of the layer in the config, e.g. `protected-areas`."""
    version: str
    """Version of the layer, as its maker names it."""
    kind: str
    """What the layer holds, one of `jobs.overlays.KINDS`, e.g. `protected-area`, `zone`, `community`."""
    feature: str
    """Identifier of the feature within the layer."""
    name: str
    """Its name, as it stands in the layer."""
    category: str
    """Its category or zone code, e.g. `RN` or `AD`; empty where the layer has none."""
    relation: Relation
    """`within`: all of the alert lies inside; `intersects`: part of it; `near`: none, but the feature is as near as asked."""
    area_ha: float
    """Equal-area hectares of the alert inside the feature; 0 for `near`."""
    share: float
    """The same as a share of the alert's area, 0..1."""
    distance_m: float
    """Metres from the alert's edge to the feature; 0 where they touch."""


@dataclass(frozen=True)
class Nearby:
    """A named place, and where the alert lies from there."""

    name: str
    """Name of the place, as it stands in the layer."""
    distance_m: float
    """Metres between the place and the alert's point, on the ellipsoid."""
    direction: Direction
    """Where the alert lies, seen from the place."""
    kind: str = "settlement"
    """What it is, one of `jobs.overlays.NAMED`: `settlement`, `river` or `road`."""


@dataclass(frozen=True)
class Place:
    """Where an alert lies."""

    geometry: BaseGeometry
    """(Multi)Polygon of its cells, WGS 84 longitude and latitude, right-hand rule."""
    lon: float
    """Longitude of a point that is certainly inside, degrees WGS 84."""
    lat: float
    """Latitude of the same."""
    utm: str
    """The same point as courts and GPS units write it, in the zone of its longitude: `19S 478123 8589456`."""
    overlaps: tuple[Overlap, ...] = ()
    """What it touches, the largest share first; then what is near, the nearest first."""
    nearby: tuple[Nearby, ...] = ()
    """Named places, the nearest first."""


@dataclass(frozen=True)
class Notice:
    """One revision, as it is told."""

    alert: Alert
    """The revision."""
    kind: MessageKind
    """`alert` for the first word of it, `update`, or `cancel` to take it back."""
    place: Place
    """Where it is."""
    known_at: datetime
    """When the revision was committed, UTC."""
    platforms: tuple[str, ...] = ()
    """Satellites that looked since the change, e.g. `landsat-9`, `sentinel-1a`."""
    days_unseen: int | None = None
    """Days without a clear look before this one; null where that is not known."""
    collection_title: str = ""
    """Name of the job for people, e.g. `Madre de Dios`."""

    @property
    def ident(self) -> str:
        """`{alert}/{revision}`: the same message always has the same id."""
        return f"{self.alert.id}/{self.alert.revision}"
