"""Code lists of FAO's registry of restoration, out of the file that says where they were read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from jobs.yamlfile import parse

FILE: Final = "vocabularies.yaml"
GROUP: Final = re.compile(r"([A-Z]+[1-9])(\.[1-9][0-9]?)?")
"""Code of a biome, or of a functional group in it (IUCN Global Ecosystem Typology)."""


@dataclass(frozen=True)
class Indicator:
    """An indicator of AURORA."""

    label: str
    """As the registry has it."""
    unit: str
    """As the registry has it."""
    direction: str
    """What counts as an improvement: `Increase` or `Reduce`."""


@dataclass(frozen=True)
class Vocabularies:
    """What a receiver knows: id -> label."""

    source: str
    """Where they were read."""
    statuses: Mapping[int, str]
    """Of a project's progress."""
    types: Mapping[int, str]
    """Of restoration."""
    tenures: Mapping[int, str]
    """Whose the land is."""
    decade_ecosystems: Mapping[int, str]
    """Of the UN Decade on Ecosystem Restoration."""
    activities: Mapping[int, str]
    """What is done."""
    land_use: Mapping[int, Indicator]
    """AURORA's indicators of land use, all of them."""
    goals: Mapping[int, Indicator]
    """Those of AURORA's 112 indicators of goals of which satellites can say something."""
    biomes: tuple[str, ...]
    """Codes of level 2 of the IUCN typology."""
    ecosystem_names: Mapping[str, str]
    """Code of the IUCN typology -> name, where it was read."""

    def biome(self, code: str) -> str | None:
        """The biome of a code of level 2 or 3; None: no such code."""
        found = GROUP.fullmatch(code)
        return found[1] if found and found[1] in self.biomes else None

    def ecosystem(self, code: str) -> str:
        """Code and name, or the code alone."""
        return f"{code} {self.ecosystem_names.get(code, '')}".strip()


@lru_cache(maxsize=1)
def vocabularies() -> Vocabularies:
    """The lists that come along."""
    data = parse((files("jobs.reports.restoration") / FILE).read_text(encoding="utf-8"), Path(FILE)).data
    lists = ("statuses", "types", "tenures", "decade_ecosystems", "activities")
    ids = {name: {int(key): label for key, label in data[name].items()} for name in lists}
    aurora = [{int(k): Indicator(**said) for k, said in data[f"aurora_{n}"].items()} for n in ("land_use", "goals")]
    biomes, names = tuple(data["biomes"]), data["ecosystem_names"]
    return Vocabularies(
        source=data["source"], **ids, land_use=aurora[0], goals=aurora[1], biomes=biomes, ecosystem_names=names
    )
