"""Every assumption of the simulator, typed: read from `world.toml`, and for the blind variant from `blind.toml` over it.

For the simulator alone: a detector or a model that read it would know the answer (an import contract says so). In the
files every number stands with its mark: [F] found in a source, [M] measured or derived from public tables, [R] recalled
from the literature, not checked, [A] assumed or chosen. Lengths are metres; those that place things on the lattice are
multiples of 60, so that they are whole cells at 10, 20 and 30 m.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.simulator.assumptions.air import Clouds, Light, Smoke
from detection.simulator.assumptions.changes import Events, Occurrence
from detection.simulator.assumptions.instruments import Gaps, Noise, Platform, Radar, Track
from detection.simulator.assumptions.land import Land, Region
from detection.simulator.assumptions.surfaces import BANDS, Cover, Spectra, Surface

__all__ = [
    "BANDS", "MARKS", "REGIONS", "Noise", "Occurrence", "Platform", "Region", "Surface", "Track", "Variant", "World",
    "world",
]  # fmt: skip

Variant = Literal["open", "blind"]
REGIONS: Final = ("madre-de-dios", "alto-mayo", "loreto-peatland")
MARKS: Final = "FMRA"
MARK_NAMES: Final = "'F', 'M', 'R' or 'A'"


@dataclass(frozen=True)
class World:
    """All of it."""

    surface: Mapping[str, Cover]
    """By name of `Surface`, small letters."""
    spectra: Spectra
    """Uncertainty of the means, correlations."""
    noise: Noise
    """Optical looks."""
    clouds: Clouds
    """Cloud, its shadow and what the quality band misses."""
    smoke: Smoke
    """Smoke."""
    light: Light
    """Sunlight on hillsides."""
    radar: Radar
    """Radar looks."""
    platforms: Mapping[str, Platform]
    """By the names scenes carry."""
    paths: Mapping[str, Track]
    """By name."""
    gaps: Gaps
    """Scan-line corrector."""
    land: Land
    """Geometry."""
    kinds: Mapping[str, Occurrence]
    """Rates and sizes by kind of event."""
    events: Events
    """The event library."""
    region: Mapping[str, Region]
    """By name of `REGIONS`."""

    def table(self, field: str) -> NDArray[np.float64]:
        """(surface, ...) one field of all covers, in the order of `Surface`."""
        return np.array([getattr(self.surface[s.name.lower()], field) for s in Surface])


@cache
def world(variant: Variant = "open") -> World:
    """The world of a variant.

    Raises BadInput for a file with an unknown or missing key or a number without its mark, and for a table of the blind
    variant that would go under a mark of the other file.
    """
    data = _read("world.toml")
    if variant == "blind":
        _over(data, _read("blind.toml"))
    made: World = _made(World, data, "world")
    return made


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _over(base: dict[str, Any], other: dict[str, Any], where: str = "") -> None:
    """Put the numbers of the blind variant in place of the others; a key the world lacks is refused by `_made`."""
    bare = [key for key, value in other.items() if not isinstance(value, dict) and key not in ("mark", "note")]
    if bare and "mark" not in other:
        raise BadInput(
            f"blind.toml: [{where}] has numbers ({', '.join(bare)}) and no mark of its own, so that world.toml's would "
            f"serve; write mark = {MARK_NAMES} into it"
        )
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and "value" not in value:
            _over(base[key], value, f"{where}.{key}".lstrip("."))
        else:
            base[key] = value


def _made(kind: Any, data: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _table(kind, data, where)
    if get_origin(kind) is Mapping:
        return MappingProxyType({k: _made(get_args(kind)[1], v, f"{where}.{k}") for k, v in data.items()})
    if not isinstance(data, dict) or data.keys() - {"value", "mark", "note"} or data.get("mark") not in tuple(MARKS):
        raise BadInput(f"{where}: {data!r} is no number with its mark; write {{value = ..., mark = {MARK_NAMES}}}")
    value = _tuples(data["value"])
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise BadInput(f"{where}: {value!r} is none of {', '.join(map(repr, get_args(kind)))}; choose one")
    return value


def _table(kind: Any, data: dict[str, Any], where: str) -> Any:
    """A table of numbers; `mark` and `note` of the whole table serve every entry that has none of its own."""
    hints, shared = get_type_hints(kind), data.get("mark")
    known = {f.name: f for f in fields(kind)}
    unknown = data.keys() - known.keys() - {"mark", "note"}
    lacking = {name for name, f in known.items() if name not in data and f.default is MISSING}
    if unknown or lacking:
        raise BadInput(f"{where}: {sorted(unknown | lacking)} unknown or missing; the keys are {', '.join(known)}")
    made = {}
    for name in known.keys() & data.keys():
        entry = data[name]
        marked = entry if isinstance(entry, dict) else {"value": entry, "mark": shared}
        made[name] = _made(hints[name], marked, f"{where}.{name}")
    return kind(**made)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
