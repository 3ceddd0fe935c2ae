"""The alerts of a monitoring job that reach into a territory, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import fsum
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from shapely import MultiPolygon

from detection.areas import LONLAT, project
from detection.errors import BadInput
from jobs.notify.notice import Nearby
from jobs.overlays import Overlays
from jobs.places import named_near
from jobs.reports.territory.change import UNSAID
from jobs.reports.territory.features import Piece, day, file_of, pieces
from jobs.reports.territory.outline import Territory
from jobs.reports.territory.sources import manifest_of

OPEN: Final = ("confirmed", "provisional")
"""Something changed, and it may go on."""
FINISHED: Final = ("finished",)
"""Something changed; it is over."""
TAKEN_BACK: Final = ("expired", "retracted")
"""Later images did not bear it out."""
REJECTED: Final = ("rejected",)
"""People looked, and found no such change."""
MERGED: Final = ("merged",)
"""Goes on as part of another alert, with which it counts."""
STATES: Final = (*OPEN, *FINISHED, *TAKEN_BACK, *REJECTED, *MERGED)
"""All, in the order of tables."""
COLUMNS: Final = (
    "id", "short_code", "status", "review_status", "change_date", "first_detected", "area_ha", "change_type", "driver", "lon",
    "lat", "utm_zone", "utm_e", "utm_n", "simulated", "mmu_ha", "known_at",
)  # fmt: skip
"""That are read."""


@dataclass(frozen=True)
class Within:
    """An alert, as far as it lies in the territory."""

    id: str
    """Of the alert."""
    code: str
    """Its short code, which people use."""
    status: str
    """What stands of it."""
    review: str
    """What people said."""
    changed: date | None
    """First look that shows it."""
    detected: date
    """When it became an alert."""
    change_type: str
    """By the word of a model."""
    driver: str
    """Likewise; empty: not said."""
    hectares: float
    """Of it in the territory."""
    whole_ha: float
    """All of it."""
    lonlat: tuple[float, float]
    """A place inside the alert, degrees."""
    utm: str
    """The same as a GPS shows it."""
    shape: MultiPolygon
    """What lies in the territory, in metres."""
    near: Nearby | None = None
    """The nearest named place; None: no layer names one."""


@dataclass(frozen=True)
class Alerts:
    """All of them."""

    file: Path
    """Where they are from."""
    alerts: tuple[Within, ...]
    """The newest first."""
    simulated: bool
    """Does one say that it is simulated?"""
    mmu_ha: float | None
    """Smaller patches raise no alert; None: there is no alert that says."""
    known: date | None
    """Day of the last word; None: no alert here."""

    def of(self, states: Sequence[str]) -> tuple[Within, ...]:
        """Those of these states."""
        return tuple(one for one in self.alerts if one.status in states)

    @property
    def kinds(self) -> tuple[tuple[str, float], ...]:
        """(type of change, hectares within) of the open ones, the most first."""
        some = self.of(OPEN)
        areas = {
            kind: fsum(one.hectares for one in some if one.change_type == kind)
            for kind in {a.change_type for a in some}
        }
        return tuple(sorted(areas.items(), key=lambda pair: (-pair[1], pair[0])))


def read_alerts(path: Path, territory: Territory, crs: str) -> Alerts:
    """The alerts that reach into the territory; raises BadInput as `file_of` and `pieces`, and for a row that is no alert."""
    file = file_of(path, "alerts")
    found = pieces(file, COLUMNS, territory, crs)
    made = sorted((_within(one, file) for one in found), key=lambda one: (-one.detected.toordinal(), one.id))
    known = [one for one in (day(piece.said["known_at"]) for piece in found) if one is not None]
    smallest = [float(piece.said["mmu_ha"]) for piece in found if piece.said["mmu_ha"] is not None]
    simulated = manifest_of(file).simulated or any(bool(piece.said["simulated"]) for piece in found)
    return Alerts(file, tuple(made), simulated, min(smallest, default=None), max(known, default=None))


def _within(piece: Piece, file: Path) -> Within:
    said = piece.said
    detected = day(said["first_detected"])
    if detected is None or said["status"] not in STATES:
        raise BadInput(
            f"{file.name}: alert {said['short_code']} has status {said['status']!r} since {said['first_detected']!r}; "
            "take the file as the job wrote it"
        )
    kind, driver = _text(said["change_type"]) or UNSAID, _text(said["driver"])
    whole, lonlat = float(said["area_ha"]), (float(said["lon"]), float(said["lat"]))
    utm = f"{said['utm_zone']} {said['utm_e']:.0f} {said['utm_n']:.0f}"
    return Within(
        str(said["id"]), str(said["short_code"]), str(said["status"]), _text(said["review_status"]), day(said["change_date"]),
        detected, kind, driver, piece.share * whole, whole, lonlat, utm, piece.shape,
    )  # fmt: skip


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def placed(found: Alerts, overlays: Overlays) -> Alerts:
    """With the way to each from the nearest named place."""
    lonlat = np.array([one.lonlat for one in found.alerts], np.float64).reshape(-1, 2)
    if not len(lonlat):
        return found
    points = shapely.get_coordinates(project(shapely.points(lonlat), LONLAT, overlays.crs))
    near = named_near(points, lonlat, overlays)
    made = (replace(one, near=places[0] if places else None) for one, places in zip(found.alerts, near, strict=True))
    return replace(found, alerts=tuple(made))
