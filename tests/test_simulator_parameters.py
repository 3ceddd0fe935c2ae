"""The files of assumptions: every number with its mark, none that nothing reads, no table in another's name."""

import sys
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from detection.errors import BadInput
from detection.simulator import optical, parameters, radar
from detection.simulator.landscape import landscape
from detection.simulator.orbits import looks
from detection.simulator.parameters import MARKS, REGIONS, Variant, World, world
from detection.simulator.site import VARIANTS, Site
from detection.simulator.truth import truth_of
from detection.sources.sensors import SENSORS
from detection.types import Grid, to_day

FILES = ("world.toml", "blind.toml")
HOME = Path(parameters.__file__).parent


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((HOME / name).read_text(encoding="utf-8"))


def marks(table: dict[str, Any], shared: str = "", where: str = "") -> Iterator[tuple[str, str]]:
    """(name, mark) of every number of a file."""
    shared = table.get("mark", shared if "value" in table else "")
    if "value" in table:
        yield where, shared
        return
    for key, entry in table.items():
        if isinstance(entry, dict):
            yield from marks(entry, "", f"{where}.{key}")
        elif key not in ("mark", "note"):
            yield f"{where}.{key}", shared


@pytest.mark.parametrize("name", FILES)
def test_every_number_has_its_mark(name: str) -> None:
    found = dict(marks(read(name)))
    assert len(found) > 100
    assert {where for where, mark in found.items() if mark not in tuple(MARKS)} == set()
    if name == "blind.toml":
        assert set(found.values()) == {"A"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "harm", ["no mark", "wrong mark", "unknown key", "unknown table", "missing key", "wrong choice"]
)
def test_a_file_that_is_not_in_order_is_refused(name: str, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: read(name) for name in FILES}
    table, said = files[name]["radar"], "world.radar"
    if harm == "no mark":
        table["orbit_sd"], said = {"value": 0.4}, r"world\.radar\.orbit_sd"
    elif harm == "wrong mark":
        table["orbit_sd"] = {"value": 0.4, "mark": "X"}
    elif harm == "unknown key":
        table["orbit_sdd"] = 0.3
    elif harm == "unknown table":
        files[name]["rader"], said = {"mark": "A"}, "rader"
    elif harm == "missing key":
        del files["world.toml"]["radar"]["jitter_m"]
    else:
        files[name]["clouds"]["kind"], said = "square", r"world\.clouds\.kind: 'square'"
    assert refusal(files, "open" if name == "world.toml" else "blind", monkeypatch, said).count("\n") == 0


@pytest.mark.parametrize("table", ["radar", "surface.felled", "region.alto-mayo", "events"])
def test_a_table_of_the_blind_world_does_not_go_under_the_marks_of_the_open_one(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: read(name) for name in FILES}
    mine = files["blind.toml"]
    for key in table.split("."):
        mine = mine[key]
    del mine["mark"]
    said = refusal(files, "blind", monkeypatch, rf"^blind\.toml: \[{table}\] has numbers .* and no mark of its own")
    assert said.count("\n") == 0


def refusal(files: dict[str, Any], variant: Variant, monkeypatch: pytest.MonkeyPatch, said: str) -> str:
    monkeypatch.setattr(parameters, "_read", lambda name: deepcopy(files[name]))
    with pytest.raises(BadInput, match=said) as refused:
        world.__wrapped__(variant)
    return str(refused.value)


def classes_of(kind: Any) -> Iterator[type]:
    """A class of parameters and those it is made of, through mappings."""
    yield kind
    for hint in get_type_hints(kind).values():
        for part in (hint, *get_args(hint)):
            if is_dataclass(part):
                yield from classes_of(part)


def run_a_world(site: Site) -> None:
    """Everything the simulator emits of one place, at least once."""
    west, north = site.place.corner
    grid = Grid(site.place.crs, west, north, 30, (150, 150))
    truth_of(site, grid, date(2022, 1, 1), date(2024, 1, 1))
    land, start = landscape(site, grid.pad(1)), to_day(date(2022, 8, 15))
    for year in (2008, 2024):
        seen = {k.scene.platform: k for k in looks(site, start - 366 * (2022 - year), start - 366 * (2022 - year) + 60)}
        for look in seen.values():
            if look.sensor == "sentinel-1-rtc":
                radar.shoot(site, land, look, ("vv", "vh"))
            else:
                optical.shoot(site, land, look, SENSORS[look.sensor].bands)


def test_every_parameter_is_read_by_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded while it runs: a number that no line of the simulator asks for does nothing and must go."""
    asked = set[tuple[str, str]]()

    def watched(self: Any, name: str) -> Any:
        code = sys._getframe(1).f_code
        if code.co_filename.startswith(str(HOME)):  # not the comparing and hashing that dataclasses write themselves
            asked.add((type(self).__name__, name))
        return object.__getattribute__(self, name)

    known = {(kind.__name__, field.name) for kind in classes_of(World) for field in fields(kind)}
    assert len(known) > 150
    forget()
    for kind in set(classes_of(World)):
        monkeypatch.setattr(kind, "__getattribute__", watched, raising=False)
    for variant in VARIANTS:
        for region in REGIONS:
            run_a_world(Site(4, region, variant))
    monkeypatch.undo()
    assert known - asked == set()


def forget() -> None:
    """Empty what the simulator has kept, so that it asks anew."""
    for name, module in list(sys.modules.items()):
        if name.startswith("detection.simulator"):
            for one in vars(module).values():
                if hasattr(one, "cache_clear"):
                    one.cache_clear()
