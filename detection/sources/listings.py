"""Which band of which local GeoTIFF holds which scene: read off file names or a table. No raster is opened here."""

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from detection.errors import BadInput, UnknownBand
from detection.sources.pieces import one_line
from detection.sources.rasters import regular_file
from detection.types import Scene

SCENE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
LABEL = re.compile(r"[A-Za-z0-9._-]{0,64}")
GROUPS = ("date", "band", "platform", "orbit")
COLUMNS = ("file", "band", "date")


@dataclass(frozen=True)
class Layer:
    """Where one band of one scene lies."""

    scene: Scene
    """The acquisition."""
    band: str
    """Name of the band."""
    file: Path
    """The GeoTIFF."""
    index: int
    """Band of the file, from 1."""


def dated(folder: Path, pattern: str, date_format: str, *, bands: Sequence[str], platform: str) -> tuple[Layer, ...]:
    """The layers of a folder with one file per date (or per date and band).

    The scene id is the file name without its ending and, where the pattern has a group `band`, without the band.
    Raises BadInput for a folder, pattern, date or id that breaks its contract, UnknownBand for a band nowhere found.
    """
    names = _names(folder)
    regex = _regex(pattern)
    matches = [m for m in map(regex.fullmatch, names) if m]
    if not matches:
        raise BadInput(
            f"{folder}: none of its {len(names)} files matches the pattern {pattern!r}, which must fit the whole "
            f"name; one of them is {names[0]!r}"
        )
    layers = [layer for m in matches for layer in _layers_of(folder, m, date_format, bands, platform)]
    return _checked(layers, bands, [m.groupdict().get("band") or "" for m in matches], str(folder))


def stacked(folder: Path, table: Path, *, bands: Sequence[str], platform: str) -> tuple[Layer, ...]:
    """The layers of a CSV with columns file, band (from 1), date (ISO) and, if wished, scene, platform, orbit, name.

    Without a column `scene` the id is the file name without its ending, then the band, or the date where there is a
    column `name` (so that the bands of a date meet in one scene). Other columns are left alone. Raises BadInput with
    the line of the table, UnknownBand for a band nowhere found.
    """
    _demand_folder(folder)
    rows = list(_rows(folder / table))
    if "name" not in rows[0][1] and len(bands) > 1:
        raise BadInput(
            f"{table.name}: has no column `name`, but `bands` lists {len(bands)}; say which row is which band"
        )
    files = {name: regular_file(folder, name) for name in {row["file"] for _, row in rows}}
    layers, names = [], []
    for where, row in rows:
        band = row.get("name", bands[0])
        names.append(band)
        if band in bands:
            layers.append(Layer(_row_scene(row, platform, where), band, files[row["file"]], _index(row["band"], where)))
    return _checked(layers, bands, names, table.name)


def make_scene(identity: str, when: datetime, platform: str, orbit: str, where: str) -> Scene:
    """A checked scene; a time without a zone is UTC, a date alone 00:00:00. Raises BadInput naming `where`."""
    if not SCENE_ID.fullmatch(identity):
        raise BadInput(
            f"{where}: scene id {identity!r} is not allowed; use letters, digits, `.`, `_` and `-`, at most 128, "
            "a letter or digit first"
        )
    for label, kind in ((platform, "platform"), (orbit, "orbit")):
        if not LABEL.fullmatch(label):
            raise BadInput(
                f"{where}: {kind} {label!r} is not allowed; use at most 64 letters, digits, `.`, `_` and `-`"
            )
    instant = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return Scene(int(instant // 1), platform, identity, orbit)


def unknown_band(name: str, available: Iterable[str], where: str) -> UnknownBand:
    """The error for a band that is not there: what there is, and what may have been meant."""
    there = list(dict.fromkeys(available))
    close = difflib.get_close_matches(name, there, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    more = f" and {len(there) - 12} more" if len(there) > 12 else ""
    return UnknownBand(f"{where}: no band {name!r}; there are {', '.join(there[:12]) or 'none'}{more}{hint}")


def _demand_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"sources.folder: {folder} is not a folder; check the path")


def _names(folder: Path) -> list[str]:
    _demand_folder(folder)
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_file())
    except OSError as error:
        raise BadInput(
            f"sources.folder: {folder} cannot be listed ({one_line(error)}); check its permissions"
        ) from error
    if not names:
        raise BadInput(f"sources.folder: {folder} holds no files; put the rasters there or name another folder")
    return names


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        regex = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadInput(f"sources.pattern: {pattern!r} is no regular expression ({one_line(error)})") from error
    if "date" not in regex.groupindex:
        raise BadInput(
            f"sources.pattern: {pattern!r} has no group (?P<date>...); mark where the date stands in the name"
        )
    if odd := sorted(set(regex.groupindex) - set(GROUPS)):
        raise BadInput(f"sources.pattern: group {odd[0]!r} is not known; use {', '.join(GROUPS)}")
    return regex


def _layers_of(
    folder: Path, match: re.Match[str], date_format: str, bands: Sequence[str], platform: str
) -> Iterator[Layer]:
    name, groups = match.string, match.groupdict()
    if Path(name).suffix.lower() not in (".tif", ".tiff"):
        raise BadInput(f"{name!r}: matches the pattern but is no .tif file; end the pattern with \\.tif")
    when = _date(groups["date"] or "", date_format, name)
    identity = Path(name).stem
    if "band" in groups:
        start, stop = match.span("band")
        identity = Path(name[:start] + name[stop:]).stem.strip("._-")
    scene = make_scene(identity, when, groups.get("platform") or platform, groups.get("orbit") or "", repr(name))
    file = regular_file(folder, name)
    for position, band in enumerate(bands, start=1):
        if "band" not in groups:
            yield Layer(scene, band, file, position)
        elif groups["band"] == band:
            yield Layer(scene, band, file, 1)


def _date(text: str, date_format: str, name: str) -> datetime:
    try:
        return datetime.strptime(text, date_format)  # noqa: DTZ007 - the caller makes it UTC, as the contract of files says
    except (ValueError, re.error) as error:
        raise BadInput(
            f"{name!r}: {text!r} is no date of the form {date_format!r}; mend the pattern or `date_format`"
        ) from error


def _rows(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, row) for every line of the table, stripped; at least one."""
    if not table.is_file():
        raise BadInput(f"sources.table: {table} does not exist; it names file, band and date of every layer")
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = list(reader.fieldnames or [])
            lines = [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{table.name}: not readable as CSV in UTF-8 ({one_line(error)})") from error
    for column in COLUMNS:
        if column not in columns:
            found = ", ".join(map(repr, columns[:8])) or "nothing"
            raise BadInput(f"{table.name}: no column `{column}`; found {found}; {', '.join(COLUMNS)} are needed")
    if not lines:
        raise BadInput(f"{table.name}: has no rows below its header; list the layers there")
    for number, row in lines:
        where = f"{table.name}, line {number}"
        if None in row or None in row.values():
            raise BadInput(f"{where}: {len(columns)} columns expected, another number found; mend the line")
        yield where, {key: value.strip() for key, value in row.items()}


def _row_scene(row: dict[str, str], platform: str, where: str) -> Scene:
    try:
        when = datetime.fromisoformat(row["date"])
    except ValueError as error:
        raise BadInput(f"{where}: {row['date']!r} is no date; write it as 2020-01-31") from error
    last = f"{when:%Y%m%d}" if "name" in row else row["band"]
    identity = row.get("scene") or f"{Path(row['file']).stem}-{last}"
    return make_scene(identity, when, row.get("platform") or platform, row.get("orbit") or "", where)


def _index(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 65_535):
        raise BadInput(f"{where}: band {text!r} is not a band number; they count from 1")
    return int(text)


def _checked(layers: list[Layer], bands: Sequence[str], names: Sequence[str], where: str) -> tuple[Layer, ...]:
    """In canonical order; every band found somewhere, every scene one acquisition, every layer once."""
    for band in bands:
        if not any(layer.band == band for layer in layers):
            raise unknown_band(band, names, where)
    scenes: dict[str, Scene] = {}
    seen: dict[tuple[str, str], Layer] = {}
    for layer in layers:
        known = scenes.setdefault(layer.scene.id, layer.scene)
        if known != layer.scene:
            raise BadInput(
                f"{where}: scene {known.id} has two dates, platforms or orbits ({known.when:%Y-%m-%d} {known.platform} "
                f"and {layer.scene.when:%Y-%m-%d} {layer.scene.platform}); give each acquisition its own id"
            )
        other = seen.setdefault((layer.scene.id, layer.band), layer)
        if other is not layer:
            raise BadInput(
                f"{where}: scene {known.id} has band {layer.band} twice ({other.file.name} band {other.index}, "
                f"{layer.file.name} band {layer.index}); drop one, or give it another scene id"
            )
    return tuple(sorted(layers, key=lambda layer: (layer.scene, bands.index(layer.band))))
