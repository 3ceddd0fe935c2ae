"""A STAC item becomes a row of the manifest, or a reason why it cannot. Pure: nothing is asked of anyone."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

from detection.errors import BadInput
from detection.sources.catalogues import (
    BOA_ADD_OFFSET,
    EARLY_OLI,
    EARLY_TM,
    FIRST_OFFSET_BASELINE,
    LANDSATS,
    Collection,
)
from detection.types import Row, Scene

Item = Mapping[str, Any]

S2_NAME: Final = re.compile(
    r"S2._MSIL2A_(?P<taken>\d{8}T\d{6})(_N(?P<major>\d\d)(?P<minor>\d\d))?_R(?P<orbit>\d{3})_T(?P<tile>\w{5})_"
)
"""Name of a Sentinel-2 product: sensing time, baseline, relative orbit, tile (ESA Sentinel-2 product specification)."""


@dataclass(frozen=True)
class Entry:
    """A row with what decides whether it stays in the manifest."""

    row: Row
    """The scene."""
    acquisition: tuple[str, ...]
    """Equal for two processings of one acquisition."""
    processed: tuple[str, ...]
    """Rises with the processing; compared as text."""
    cloud: float | None
    """Percent of the scene; None: not said."""


def entry_of(item: Item, collection: Collection) -> Entry:
    """What an item says, or BadInput with one line that names the item and what cannot be understood.

    Source of the offset rules: ESA (baseline 04.00), and per provider `Collection.offset`.
    """
    name = _text(item, "id")
    if not name:
        raise BadInput("an item without an id; the catalogue is at fault")
    said = item.get("properties")
    if not isinstance(said, Mapping) or not isinstance(item.get("assets"), Mapping):
        raise BadInput(f"{name}: has no properties or assets; the catalogue is at fault")
    instant, time_note = _instant(name, said)
    scene = Scene(instant, _platform(name, said, collection), name, _orbit(name, said, collection))
    added, baseline, offset_note = _offset(name, said, collection)
    row = Row(
        scene=scene,
        sensor=collection.sensor,
        collection=_text(item, "collection") or collection.id,
        baseline=baseline,
        added=added,
        assets=_assets(item, collection, scene.platform),
        bounds=_bounds(item),
        note="; ".join(filter(None, (time_note, offset_note))),
    )
    return Entry(row, _acquisition(row, said), _processed(item, said, baseline), _number(said.get("eo:cloud_cover")))


def newest(entries: Iterable[Entry]) -> tuple[Row, ...]:
    """One row an acquisition, the newest processing, in canonical order; a note says what was left out."""
    kept: dict[tuple[str, ...], Entry] = {}
    left: dict[tuple[str, ...], list[str]] = {}
    for entry in sorted(entries, key=lambda e: (e.processed, e.row.scene.id), reverse=True):
        if entry.acquisition in kept:
            left.setdefault(entry.acquisition, []).append(entry.row.scene.id)
        else:
            kept[entry.acquisition] = entry
    rows = (_noted(entry.row, left.get(key, [])) for key, entry in kept.items())
    return tuple(sorted(rows, key=lambda row: row.scene))


def _noted(row: Row, left: list[str]) -> Row:
    others = sorted({name for name in left if name != row.scene.id})
    said = [f"older processing left out: {', '.join(others)}"] if others else []
    if row.scene.id in left:
        said.append("listed more than once")
    return replace(row, note="; ".join(filter(None, (row.note, *said))))


def _instant(name: str, said: Item) -> tuple[int, str]:
    stated = said.get("datetime") or said.get("start_datetime")
    try:
        when = datetime.fromisoformat(str(stated))
    except ValueError as error:
        raise BadInput(f"{name}: datetime {stated!r} is not a time; the catalogue is at fault") from error
    bare = re.fullmatch(r"\d{4}-?\d\d-?\d\d", str(stated)) is not None
    when = when.replace(tzinfo=when.tzinfo or UTC)
    return math.floor(when.timestamp()), "no time of day is stated, midnight taken" if bare else ""


def _platform(name: str, said: Item, collection: Collection) -> str:
    stated = str(said.get("platform") or said.get("eo:platform") or "").lower().replace("_", "-")
    landsat = collection.sensor.startswith("landsat")
    if not stated.startswith("landsat-" if landsat else collection.sensor[: len("sentinel-2")]):
        raise BadInput(f"{name}: platform {stated!r} is not one of {collection.sensor}; the catalogue is at fault")
    if landsat and stated not in LANDSATS:
        raise BadInput(f"{name}: platform {stated} is not read; {', '.join(LANDSATS)} are")
    return stated


def _orbit(name: str, said: Item, collection: Collection) -> str:
    """WRS path or relative orbit in three digits; empty where the item does not say."""
    stated = said.get("landsat:wrs_path") if collection.sensor.startswith("landsat") else said.get("sat:relative_orbit")
    if stated is None and (product := _product(name, said)):
        stated = product["orbit"]
    number = _number(stated)
    return "" if number is None else f"{int(number):03d}"


def _offset(name: str, said: Item, collection: Collection) -> tuple[float, str, str]:
    """(what is added, baseline, note)."""
    if collection.sensor.startswith("landsat"):
        stated = (said.get("landsat:collection_number"), said.get("landsat:collection_category"))
        return 0.0, " ".join(str(part) for part in stated if part), ""
    if collection.offset == "none":
        return 0.0, str(said.get("processing:version") or ""), ""
    baseline = _baseline(name, said)
    if tuple(int(part) for part in baseline.split(".")) < FIRST_OFFSET_BASELINE:
        return 0.0, baseline, ""
    if collection.offset == "baseline":
        return BOA_ADD_OFFSET, baseline, ""
    flag = said.get("earthsearch:boa_offset_applied")
    if flag is True:  # no case of a wrong `true` is known
        return 0.0, baseline, ""
    word = "says that the offset still stands in the numbers" if flag is False else "does not say"
    note = f"baseline {baseline}, the catalogue {word}: {BOA_ADD_OFFSET:g} added; such flags are known to be wrong at times"
    return BOA_ADD_OFFSET, baseline, f"{note} (earth-search issues 66, 71)"


def _baseline(name: str, said: Item) -> str:
    stated = str(said.get("s2:processing_baseline") or said.get("processing:version") or "")
    if re.fullmatch(r"\d\d\.\d\d", stated):
        return stated
    product = _product(name, said)
    if product and product["major"]:
        return f"{product['major']}.{product['minor']}"
    raise BadInput(f"{name}: states no processing baseline ({stated!r}), so the offset of its numbers is unknown")


def _product(name: str, said: Item) -> re.Match[str] | None:
    return S2_NAME.match(str(said.get("s2:product_uri") or name))


def _acquisition(row: Row, said: Item) -> tuple[str, ...]:
    scene = row.scene
    if row.sensor.startswith("landsat"):
        return (scene.platform, scene.orbit, str(_number(said.get("landsat:wrs_row"))), str(scene.day))
    if product := _product(scene.id, said):
        return (scene.platform, product["taken"], product["tile"])
    return (scene.platform, scene.id)


def _processed(item: Item, said: Item, baseline: str) -> tuple[str, ...]:
    stated = said.get("s2:generation_time") or said.get("processing:datetime") or ""
    if dates := re.search(r"_\d{8}_(\d{8})_\d\d_", str(item.get("id"))):  # Landsat: acquired, processed, collection
        stated = dates[1]
    tier = re.search(r"T[12]", baseline)
    # Tier 1 before tier 2 before real time, whenever made.
    rank = {"T1": "2", "T2": "1"}.get(tier[0], "0") if tier else baseline
    return rank, str(stated), str(said.get("updated") or ""), str(said.get("created") or "")


def _assets(item: Item, collection: Collection, platform: str) -> tuple[tuple[str, str], ...]:
    early = EARLY_OLI if platform in ("landsat-8", "landsat-9") else EARLY_TM
    there = {early.get(key, key) if platform in LANDSATS else key: asset for key, asset in item["assets"].items()}
    found = []
    for band, wanted in collection.bands.items():
        asset = next((there[name] for name in wanted.names if isinstance(there.get(name), Mapping)), None)
        href = _href(item, asset) if asset is not None else ""
        if href:
            found.append((band, href))
    return tuple(found)


def _href(item: Item, asset: Item) -> str:
    """The https address of an asset: its own, else an alternate one, else whatever it says, made absolute."""
    alternate = asset.get("alternate")
    others = [one for one in alternate.values() if isinstance(one, Mapping)] if isinstance(alternate, Mapping) else []
    hrefs = [_text(one, "href") for one in (asset, *others)]
    own = next((h for h in hrefs if h.startswith("https:")), hrefs[0])
    links = item.get("links")
    selves = [one for one in links if isinstance(one, Mapping)] if isinstance(links, list) else []
    base = next((_text(one, "href") for one in selves if one.get("rel") == "self"), "")
    return urljoin(base, own) if own and base.startswith("http") else own


def _bounds(item: Item) -> tuple[float, float, float, float] | None:
    box = item.get("bbox")
    if not isinstance(box, list | tuple) or len(box) not in (4, 6):
        return None
    numbers = [_number(one) for one in box]
    west, south, east, north = (numbers[i] for i in ((0, 1, 2, 3) if len(box) == 4 else (0, 1, 3, 4)))
    if west is None or south is None or east is None or north is None or south > north:
        return None
    return west, south, east, north


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _text(thing: Item, key: str) -> str:
    found = thing.get(key)
    return found if isinstance(found, str) else ""
