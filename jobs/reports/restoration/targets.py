"""How far restoration has come: what a country has stated, and shares of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from detection.errors import BadInput
from jobs.yamlfile import parse

FILE: Final = "targets.PE.yaml"


@dataclass(frozen=True)
class Figure:
    """Hectares that somebody states, without the areas they are the size of."""

    name: str
    """Of the figure."""
    hectares: float
    """As they are stated."""
    about: str = ""
    """What they are, and who says so."""


@dataclass(frozen=True)
class Targets:
    """What a country has stated."""

    source: str
    """Where it was read."""
    status: str
    """How sure it is: `verified`, `secondary` or `unverified`."""
    figures: Mapping[str, Figure]
    """By name."""
    share: float
    """Of what is degraded that is to be under restoration, 0..1."""


@dataclass(frozen=True)
class Progress:
    """What is done of a target or a gap."""

    target: Figure
    """What it is held against."""
    hectares: float
    """Done."""

    @property
    def percent(self) -> float:
        """Of the target."""
        return 100 * self.hectares / self.target.hectares

    @property
    def left(self) -> float:
        """Hectares that are not done; none where there is more than the target."""
        return max(self.target.hectares - self.hectares, 0.0)


@lru_cache(maxsize=1)
def peru() -> Targets:
    """What Peru has stated, as far as it was read."""
    data = parse((files("jobs.reports.restoration") / FILE).read_text(encoding="utf-8"), Path(FILE)).data
    figures = {name: Figure(name, float(one["value"]), one["about"]) for name, one in data["figures"].items()}
    return Targets(data["source"], data["status"], figures, float(data["share"]))


def degraded_share(targets: Targets) -> Figure:
    """Hectares that are to be under restoration: the share of what is degraded."""
    degraded = targets.figures["degraded"]
    return Figure("share", targets.share * degraded.hectares, f"{100 * targets.share:g} % of: {degraded.about}")


def progress(target: Figure, done: Figure) -> Progress:
    """What is done of a target; raises BadInput for one of no hectares."""
    if not target.hectares > 0:
        raise BadInput(f"target {target.name}: {target.hectares} hectares; expected more than none")
    return Progress(target, done.hectares)
