"""Who flies over when: the acquisitions of a place, with what never arrived left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from detection.errors import BadInput
from detection.simulator.draws import Dice, Stream
from detection.simulator.parameters import Platform, Track
from detection.simulator.site import Site
from detection.types import SECONDS_A_DAY, Scene, to_date, to_day

FAMILIES: Final = ("landsat", "sentinel-2", "sentinel-1")
SHORT: Final = {
    "landsat-5": "LT05",
    "landsat-7": "LE07",
    "landsat-8": "LC08",
    "landsat-9": "LC09",
    "sentinel-2a": "S2A",
    "sentinel-2b": "S2B",
    "sentinel-2c": "S2C",
    "sentinel-1a": "S1A",
    "sentinel-1b": "S1B",
    "sentinel-1c": "S1C",
}
"""How the platforms are called in scene ids."""
LIFTED_FROM: Final = date(2022, 1, 25)
LIFT: Final = 1000
"""Sentinel-2's stored numbers are this much higher from processing baseline 04.00 on (ESA, L2A product definition)."""
MONTHS: Final = 1_000_000
"""Added to the number of a month, so that an outage of a month and one of a day never share a key."""


@dataclass(frozen=True)
class Look:
    """One acquisition over the place."""

    scene: Scene
    """Instant, platform, id and path."""
    sensor: str
    """Key in `detection.sources.sensors.SENSORS`."""
    path: Track
    """The path or relative orbit flown."""
    orbit: int
    """Its number."""
    ascending: bool
    """Northbound."""
    added: int
    """To be added to the stored numbers before they are scaled; 0 but for Sentinel-2."""


def looks(site: Site, first_day: int, last_day: int, families: Sequence[str] = FAMILIES) -> tuple[Look, ...]:
    """The acquisitions of first_day <= day < last_day (days since 1970-01-01), in canonical order, each once.

    They keep the platforms' times of service, revisit and phase; single scenes and whole months of a platform are
    missing as `Platform.missing` and `Platform.hole` say. Any period is the crop of a longer one.
    Raises BadInput for an unknown family.
    """
    unknown = [family for family in families if family not in FAMILIES]
    if unknown:
        raise BadInput(f"simulator: family {unknown[0]!r} is none of {', '.join(FAMILIES)}; choose of these")
    return _looks(site, first_day, last_day, frozenset(families))


@lru_cache(maxsize=16)
def _looks(site: Site, first_day: int, last_day: int, families: frozenset[str]) -> tuple[Look, ...]:
    tracks = [site.world.paths[name] for name in site.place.paths]
    made = [
        _look(platform, name, number, track, day)
        for number, (name, platform) in enumerate(site.world.platforms.items())
        for track in tracks
        if platform.family in families and track.family == platform.family
        for day in _days(platform, track, first_day, last_day)
        if not _lost(site, platform, number, track, day)
    ]
    return tuple(sorted(made, key=lambda look: look.scene))


def _days(platform: Platform, track: Track, first_day: int, last_day: int) -> Iterator[int]:
    """Days on which the platform flies the path while in service."""
    start = max(first_day, to_day(date.fromisoformat(platform.first)))
    stop = min(last_day, to_day(date.fromisoformat(platform.last)) + 1) if platform.last else last_day
    yield from range(start + (track.phase_day + platform.shift - start) % platform.revisit, stop, platform.revisit)


def _lost(site: Site, platform: Platform, number: int, track: Track, day: int) -> bool:
    when = to_date(day)
    month = Dice(int(site.key(Stream.OUTAGE, number, MONTHS + 12 * when.year + when.month)))
    scene = Dice(int(site.key(Stream.OUTAGE, number, day, track.number)))
    return month.uniform() < platform.hole or scene.uniform() < platform.missing


def _look(platform: Platform, name: str, number: int, track: Track, day: int) -> Look:
    # The platform's number in seconds, so that two of them on one path never share an instant.
    instant = day * SECONDS_A_DAY + track.second + number
    name_of_scene = f"SIM_{SHORT.get(name, name.upper())}_{track.number:03d}_{to_date(day):%Y%m%d}"
    lifted = platform.family == "sentinel-2" and day >= to_day(LIFTED_FROM)
    scene = Scene(instant, name, name_of_scene, f"{track.number:03d}")
    return Look(scene, platform.sensor, track, track.number, track.ascending, -LIFT if lifted else 0)
